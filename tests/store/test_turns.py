"""The record knows when prices and stock turned, and which targets run on to audit the rule, over restarts too."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from bidder.core.change import Change, Field
from bidder.core.entities import EntityKind, EntityRef, ProductId, Structure
from bidder.core.plan import Hold
from bidder.core.reasons import Code, Reason
from bidder.core.snapshot import Turn
from bidder.store import SqlStore
from tests.store.conftest import Opener
from tests.store.shop import NOW, SHOP, cny, forecast, planned, snapshot, structure

DAY = timedelta(days=1)
P0 = ProductId("p0")


def goods(*, at: datetime, price: str = "120", stock: int | None = 100, gone: bool = False) -> Structure:
    """Return the shop with its one product at a price and stock."""
    seen = structure(at=at)
    changed = tuple(replace(p, price=cny(price), stock=stock, core_sizes_gone=gone) for p in seen.products)
    return replace(seen, products=changed)


def turn_after(store: SqlStore, opened: Opener, *seen: Mapping[str, object]) -> Turn | None:
    """Save one structure a day; return what is known of the product, the same after a restart."""
    for number, changed in enumerate(seen):
        at = NOW + number * DAY
        store.save_structure(SHOP, goods(at=at, **changed), [], now=at)  # type: ignore[arg-type]
    found = [again.memory(SHOP, as_of=NOW + len(seen) * DAY).turns.get(P0) for again in (store, opened())]
    assert found[0] == found[1]
    return found[0]


@pytest.mark.parametrize(
    ("prices", "day"),
    [
        (("120", "120"), None),
        (("120", "125"), None),
        (("120", "126"), 1),
        (("120", "114"), 1),
        (("120", "124", "128"), 2),
        (("120", "130", "132"), 1),
    ],
)
def test_a_price_that_moved_by_five_percent_is_another_price(
    *, prices: tuple[str, ...], day: int | None, store: SqlStore, opened: Opener
) -> None:
    """Small steps add up against the price that counted last."""
    found = turn_after(store, opened, *({"price": price} for price in prices))

    assert (None if day is None else Turn(repriced_at=NOW + day * DAY)) == found


@pytest.mark.parametrize(
    ("shelves", "out", "back"),
    [
        (({"stock": 9}, {"stock": 0}, {"stock": 0}, {"stock": 5}), 1, 3),
        (({"stock": 9}, {"gone": True}, {"stock": 9}), 1, 2),
        (({"stock": 9}, {"stock": None}, {"stock": 0}), 2, None),
    ],
)
def test_a_stock_out_has_a_beginning_and_an_end(
    *, shelves: tuple[dict[str, object], ...], out: int, back: int | None, store: SqlStore, opened: Opener
) -> None:
    """Sold out or core sizes gone; unknown stock is not sold out."""
    expected = Turn(sold_out_at=NOW + out * DAY, restocked_at=None if back is None else NOW + back * DAY)

    assert expected == turn_after(store, opened, *shelves)


def test_the_audit_sample_is_known_from_its_first_decision(store: SqlStore, opened: Opener) -> None:
    """A lower bid and a hold both count, the first one of each target, over restarts; other reasons do not."""
    seen = structure()
    store.save_structure(SHOP, seen, [], now=NOW)
    one, two, three = (EntityRef(EntityKind.TARGET, f"t{n}") for n in range(3))
    lower = Change(
        ref=one, field=Field.BID, old=cny("1.20"), new=cny("1"),
        reason=Reason.of(Code.BID_DOWN_AUDIT, probability=0.97, old="1.20", new="1"),
    )  # fmt: skip
    held = Reason.of(Code.AUDIT_SAMPLE)
    cycles = (
        ((lower,), (Hold(ref=three, reason=Reason.of(Code.INHERITS_BID)),)),
        ((), (Hold(ref=one, reason=held), Hold(ref=two, reason=held))),
        ((), (Hold(ref=two, reason=held),)),
    )
    for number, (changes, holds) in enumerate(cycles):
        at = NOW + number * DAY
        store.record(snapshot(store, seen, at=at, days=1), forecast(seen, at=at), *planned(*changes, holds=holds))

    for again in (store, opened()):
        assert {one: NOW, two: NOW + DAY} == again.memory(SHOP, as_of=NOW + 3 * DAY).sampled
