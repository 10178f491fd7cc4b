"""A product that comes back from a stock-out gets its bids back over three days, from evidence of before it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bidder.core.change import Change, Field
from bidder.core.decide import allocate
from bidder.core.entities import ProductId, State
from bidder.core.money import Money
from bidder.core.snapshot import Memory, Turn
from bidder.core.turns import stock_out_days
from tests.core.builders import NOW, ZONE, Shop, Word, changes_of, past, policy, product, target, yuan

START = 1.2**-3
PAUSED = past(target(0), Field.STATE, State.ENABLED, State.PAUSED, hours_ago=30, code="PAUSE_STOCK")


def bids(found: list[Change]) -> list[Money]:
    """Return the bids among changes."""
    return [change.new for change in found if isinstance(change.new, Money)]


def decide(word: Word, turn: Turn, *, stock: int | None = 1_000, waits: bool = False) -> list[Change]:
    """Decide for a word of a product that turned, beside another."""
    shop = Shop(words=(word, Word(product="p1")), products=(product(stock=stock), product("p1")))
    memory = Memory(turns={ProductId("p0"): turn}, paused_by_us={target(0): PAUSED} if waits else {})
    return changes_of(allocate(shop.snapshot(memory=memory), shop.forecast(), policy()), target(0))


def back(days: int, *, out: int = 10) -> Turn:
    """Return a stock-out of so many days that ended so many days ago."""
    return Turn(sold_out_at=NOW - timedelta(days=days + out), restocked_at=NOW - timedelta(days=days))


@pytest.mark.parametrize(("bid", "raised"), [(0.3, True), (1.0, False)])
def test_a_bid_waits_at_the_start_of_its_ramp(*, bid: float, raised: bool) -> None:
    """While its shelf is empty a paused bid goes to 58% of what it would be, from below as from above."""
    waiting = decide(Word(bid=bid, value=2.0, state=State.PAUSED), Turn(sold_out_at=NOW), stock=0, waits=True)

    assert ["BID_RESTOCK"] == [change.reason.code.name for change in waiting]
    assert raised == (bids(waiting)[0] > yuan(bid))


@pytest.mark.parametrize(("days", "left"), [(0, 3), (1, 2), (2, 1), (3, 0), (9, 0)])
def test_each_day_after_a_stock_out_adds_one_step(*, days: int, left: int) -> None:
    """The wanted bid is the usual one less one step of 20% for each day that is left of three."""
    made = decide(Word(bid=2.0, value=2.0), back(days))

    assert ["BID_RESTOCK" if left else "BID_TO_VALUE"] == [change.reason.code.name for change in made]
    if left:
        assert dict(made[0].reason.evidence)["share"] == pytest.approx(1.2**-left, abs=1e-3)


@pytest.mark.parametrize(("out", "ramp"), [(0, False), (1, True)])
def test_a_stock_out_of_hours_has_no_ramp(*, out: int, ramp: bool) -> None:
    """What was gone for less than a night comes back as it was."""
    codes = [change.reason.code.name for change in decide(Word(bid=2.0, value=2.0), back(0, out=out))]

    assert ramp == ("BID_RESTOCK" in codes)


def test_a_stock_out_that_goes_on_has_no_length() -> None:
    """Neither one that has not ended nor none at all."""
    open_end = Turn(sold_out_at=NOW, restocked_at=NOW - timedelta(days=9))

    assert [0, 0, 10] == [stock_out_days(turn, ZONE) for turn in (open_end, Turn(), back(2))]
