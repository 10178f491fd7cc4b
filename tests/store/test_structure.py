"""Rows and domain objects of an account's structure are the same thing, and every past version can be rebuilt."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bidder.core.entities import (
    AdGroup,
    AdGroupId,
    Campaign,
    CampaignId,
    Editor,
    MatchType,
    Product,
    ProductId,
    State,
    Structure,
    Target,
    TargetId,
    TargetKind,
)
from bidder.core.money import Money
from bidder.errors import ConfigError, StoreError
from bidder.store import SqlStore, in_memory_store
from bidder.store.structure import read_version
from tests.store.conftest import Opener
from tests.store.shop import CURRENCY, NOW, SHOP, ZONE, cny, structure

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)
MONEY = st.integers(-(2**62), 2**62).map(lambda micros: Money(micros, CURRENCY))
BUDGET = st.integers(0, 2**62).map(lambda micros: Money(micros, CURRENCY))
SHARE = st.none() | st.floats(0, 1)
PARTS = st.none() | st.lists(st.floats(0, 10), min_size=24, max_size=24).map(tuple)
IDS = st.lists(st.text("ab\u5b57é'\"", min_size=1, max_size=4), unique=True, max_size=4)


@st.composite
def structures(draw: st.DrawFn) -> Structure:
    """Draw a structure with every field set at random."""
    campaigns = tuple(
        Campaign(
            id=CampaignId(identity),
            name=draw(TEXT),
            state=draw(st.sampled_from(State)),
            daily_budget=draw(st.none() | BUDGET),
            shared_budget_id=draw(st.none() | TEXT),
            manual_bids=draw(st.booleans()),
            dayparts=draw(PARTS),
            last_editor=draw(st.sampled_from(Editor)),
        )
        for identity in draw(IDS)
    )
    groups = tuple(
        AdGroup(
            id=AdGroupId(identity),
            campaign_id=draw(st.sampled_from(campaigns)).id,
            name=draw(TEXT),
            state=draw(st.sampled_from(State)),
            default_bid=draw(st.none() | MONEY),
            last_editor=draw(st.sampled_from(Editor)),
        )
        for identity in (draw(IDS) if campaigns else [])
    )
    targets = tuple(
        Target(
            id=TargetId(identity),
            ad_group_id=(group := draw(st.sampled_from(groups))).id,
            campaign_id=group.campaign_id,
            kind=draw(st.sampled_from(TargetKind)),
            text=draw(TEXT),
            match_type=draw(st.sampled_from(MatchType)),
            state=draw(st.sampled_from(State)),
            bid=draw(st.none() | MONEY),
            product_id=draw(st.none() | TEXT.map(ProductId)),
            quality=draw(st.none() | st.floats(0, 100)),
            brand=draw(st.booleans()),
            last_editor=draw(st.sampled_from(Editor)),
        )
        for identity in (draw(IDS) if groups else [])
    )
    products = tuple(
        Product(
            id=ProductId(identity),
            title=draw(TEXT),
            category=draw(TEXT),
            price=draw(st.none() | MONEY),
            unit_cost=draw(st.none() | MONEY),
            margin=draw(SHARE),
            refund_rate=draw(SHARE),
            return_cost=draw(st.none() | MONEY),
            stock=draw(st.none() | st.integers(0, 2**62)),
            core_sizes_gone=draw(st.booleans()),
            launch_date=draw(st.none() | st.dates(date(1970, 1, 1), date(2100, 1, 1))),
            lead_time_days=draw(st.none() | st.integers(0, 400)),
        )
        for identity in draw(IDS)
    )
    return Structure(
        account_id=SHOP.id, currency=CURRENCY, time_zone=ZONE, campaigns=campaigns, ad_groups=groups, targets=targets,
        products=products, balance=draw(st.none() | MONEY), observed_at=NOW,
    )  # fmt: skip


@settings(max_examples=40)
@given(st.lists(structures(), min_size=1, max_size=4))
def test_every_structure_comes_back_now_and_later(drawn: list[Structure]) -> None:
    """The newest structure is read back equal, and so is each version before it."""
    store = in_memory_store()
    versions = []
    for hours, one in enumerate(drawn):
        at = NOW + timedelta(hours=hours)
        store.save_structure(SHOP, replace(one, observed_at=at), (), now=at)
        versions.append(store._shelf._books[SHOP.id].structure.version)
    digest = store._shelf._books[SHOP.id].structure.digest

    store._shelf.clear()

    assert replace(drawn[-1], observed_at=NOW + timedelta(hours=len(drawn) - 1)) == store.last_structure(SHOP.id)
    book = store._shelf._books[SHOP.id]
    assert digest == book.structure.digest
    with store.database.read() as connection:
        for version, one in zip(versions, drawn, strict=True):
            assert version is not None
            found = read_version(connection, book.record, version, observed_at=NOW)
            assert one == found


@settings(max_examples=20)
@given(structures(), structures())
def test_the_digest_follows_the_contents(first: Structure, second: Structure) -> None:
    """Equal structures have one digest, whatever came before; others have another."""
    one, two = in_memory_store(), in_memory_store()
    one.save_structure(SHOP, first, (), now=NOW)
    two.save_structure(SHOP, second, (), now=NOW)
    two.save_structure(SHOP, first, (), now=NOW)

    books = [store._shelf._books[SHOP.id].structure for store in (one, two)]

    assert books[0].digest == books[1].digest == books[1].digest_of(replace(first))
    assert (first == second) == (books[0].digest == books[0].digest_of(second))


def test_only_what_changed_is_written(store: SqlStore) -> None:
    """One bid of six moves: one new row, not six."""
    seen = structure()
    store.save_structure(SHOP, seen, (), now=NOW)
    moved = (replace(seen.targets[0], bid=cny("2")), *(replace(target) for target in seen.targets[1:]))

    store.save_structure(SHOP, replace(seen, targets=moved), (), now=NOW)
    store.save_structure(SHOP, replace(seen, targets=moved), (), now=NOW)

    with store.database.read() as connection:
        counts = [
            connection.exec_driver_sql(f"SELECT count(*) FROM {table}").scalar()  # noqa: S608
            for table in ("targets", "campaigns", "structure_versions")
        ]
    assert [7, 2, 2] == counts


def test_a_bid_in_another_currency_is_refused(store: SqlStore) -> None:
    """The error names the entity; nothing is saved."""
    seen = structure()
    wrong = replace(seen, targets=(replace(seen.targets[0], bid=Money(1, "USD")), *seen.targets[1:]))

    with pytest.raises(StoreError, match="target t0, bid"):
        store.save_structure(SHOP, wrong, (), now=NOW)

    assert store.last_structure(SHOP.id) is None


def test_the_structure_of_another_account_is_refused(store: SqlStore) -> None:
    """A structure that names another account or currency is never taken for this one's."""
    with pytest.raises(StoreError, match="expected"):
        store.save_structure(SHOP, replace(structure(), time_zone="Europe/Paris"), (), now=NOW)


@pytest.mark.parametrize(
    ("name", "value"), [("currency", "USD"), ("time_zone", "Europe/Paris"), ("remote_id", "43"), ("adapter", "other")]
)
def test_an_account_that_turns_into_another_is_refused(store: SqlStore, name: str, value: str) -> None:
    """The error names the setting; the remedy is a new name."""
    store.register(SHOP, now=NOW)
    store.save_structure(SHOP, structure(), (), now=NOW)

    with pytest.raises(ConfigError, match=rf"accounts\.shop\.{name}"):
        store.register(replace(SHOP, **{name: value}), now=NOW)  # type: ignore[arg-type]


def test_a_shop_may_be_handed_to_another_owner(store: SqlStore, opened: Opener) -> None:
    """Ownership may change; the record goes on."""
    store.register(SHOP, now=NOW)
    bens = replace(SHOP, owner="ben")

    store.save_structure(bens, structure(), (), now=NOW)

    assert structure() == opened().last_structure(SHOP.id)


def test_a_currency_that_was_wrong_at_first_can_be_mended(store: SqlStore) -> None:
    """Until anything is known of the account, the configuration may be corrected; afterwards it may not."""
    store.register(replace(SHOP, currency="USD"), now=NOW)

    store.register(SHOP, now=NOW)
    store.save_structure(SHOP, structure(), (), now=NOW)

    with pytest.raises(ConfigError, match="USD"):
        store.register(replace(SHOP, currency="USD"), now=NOW)


def test_another_account_at_the_venue_is_no_correction(store: SqlStore) -> None:
    """Arming goes by the name: it must never come to stand for an account that nobody armed."""
    store.register(SHOP, now=NOW)

    with pytest.raises(ConfigError, match="remote_id"):
        store.register(replace(SHOP, remote_id="43"), now=NOW)
