"""The auction of the mock market: the referee's single auctions, and the cached curves that stand for many."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from adapters.mock.arrays import Floats
from adapters.mock.auction import Curves, clear
from adapters.mock.generate import VENUE
from adapters.mock.shop import Rivals
from adapters.mock.traffic import expected
from tests.adapters.mock.market_shops import small_shop

amounts = st.floats(0.05, 5.0).map(lambda value: round(value, 2))
bidders = st.lists(st.tuples(amounts, st.floats(0.3, 2.0)), min_size=1, max_size=6)


def _place(bids: Floats, qualities: Floats, who: int, bid: float, reserve: float) -> int:
    """Return the place of one bidder at another bid; one behind all where it is not shown."""
    tried = bids.copy()
    tried[who] = bid
    shown, _ = clear(tried, qualities, reserve=reserve, slots=len(bids), step=0.01)
    return shown.tolist().index(who) if who in shown else len(bids)


@given(bidders=bidders, reserve=st.floats(0.01, 1.0))
def test_gsp_charges_the_least_bid_that_keeps_the_place(bidders: list[tuple[float, float]], reserve: float) -> None:
    """Each winner could have bid its price less the step and kept its place, and no less: tried bid by bid."""
    bids, qualities = (np.asarray(column) for column in zip(*bidders, strict=True))
    assume(np.diff(np.sort(np.append(bids * qualities, reserve))).min() > 1e-3)

    shown, prices = clear(bids, qualities, reserve=reserve, slots=len(bids), step=0.01)

    assert np.flatnonzero(bids * qualities >= reserve).tolist() == sorted(shown.tolist())
    assert np.all(np.diff((bids * qualities)[shown]) < 0)
    for place, (who, price) in enumerate(zip(shown, prices, strict=True)):
        least = price - 0.01 if price < bids[who] else bids[who]
        assert price <= bids[who]
        assert place == _place(bids, qualities, who, least + 1e-6, reserve)
        if price < bids[who]:
            assert place < _place(bids, qualities, who, least - 1e-6, reserve)


def test_slots_go_to_the_best_scores_and_the_first_loser_sets_the_last_price() -> None:
    """Two slots, three bidders: the third is not shown, and the second pays what beats it."""
    shown, prices = clear(np.asarray([1.0, 2.0, 1.2]), np.asarray([1.0, 1.0, 1.5]), reserve=0.1, slots=2, step=0.01)

    assert [1, 2] == shown.tolist()
    assert prices.tolist() == pytest.approx([1.81, 1.0 / 1.5 + 0.01])


def test_nobody_is_shown_below_the_reserve() -> None:
    """A score under the reserve wins no slot, even an empty one."""
    shown, prices = clear(np.asarray([0.5, 0.1]), np.asarray([1.0, 1.0]), reserve=0.2, slots=3, step=0.01)

    assert [0] == shown.tolist()
    assert [pytest.approx(0.21)] == prices.tolist()


@pytest.fixture(scope="module")
def rivals() -> Rivals:
    """Rivals on two keywords, one crowded and one quiet."""
    return Rivals(
        bid=np.asarray([[1.0, 1.3, 0.7, 0.9], [0.6, 0.8, 0.5, 0.4]]),
        quality=np.asarray([[1.0, 0.9, 1.2, 1.0], [1.1, 0.8, 1.0, 1.0]]),
        activity=np.asarray([[3.0, 2.0, 3.0, 2.0], [1.0, 0.5, 0.5, 0.0]]),
        reserve=np.asarray([0.25, 0.1]),
    )


def _played(rivals: Rivals, row: int, bid: float, quality: float, auctions: int) -> tuple[float, float, float]:
    """Play auctions one by one; return clicks, spend and views per auction at a click rate of 1 in the best slot."""
    rng = np.random.default_rng(11)
    clicks = spend = views = 0.0
    for _ in range(auctions):
        contest = np.exp(VENUE.contest_spread * rng.standard_normal())
        counts = rng.poisson(rivals.activity[row])
        bids = np.repeat(rivals.bid[row], counts)
        qualities = np.repeat(rivals.quality[row], counts)
        noise = np.exp(VENUE.score_spread * rng.logistic(size=len(bids)))
        shown, prices = clear(
            np.append(bids * contest * noise, bid),
            np.append(qualities, quality),
            reserve=float(rivals.reserve[row]),
            slots=len(VENUE.slot_click_rates),
            step=0.01,
        )
        place = np.flatnonzero(shown == len(bids))
        if place.size:
            rate = VENUE.slot_click_rates[place[0]]
            views += 1
            clicks += rate
            spend += rate * prices[place[0]]
    return clicks / auctions, spend / auctions, views / auctions


@pytest.mark.parametrize(
    ("row", "bid", "quality"), [(0, 0.9, 1.0), (0, 1.8, 0.7), (1, 0.5, 1.4), (1, 0.15, 1.0), (0, 3.0, 1.2)]
)
def test_cached_curves_agree_with_auctions_played_one_by_one(
    rivals: Rivals, row: int, bid: float, quality: float
) -> None:
    """Expected clicks, cost and views are the means of many single auctions, within their noise."""
    auctions = 12_000
    clicks, spend, views = _played(rivals, row, bid, quality, auctions)

    flow = expected(
        Curves.of(rivals, VENUE),
        np.asarray([row]),
        bid=np.asarray([bid]),
        quality=np.asarray([quality]),
        log_level=np.zeros(1),
        queries=np.ones(1),
        ctr=np.ones(1),
        step=0.01,
    )

    noise = 4 * 0.5 / np.sqrt(auctions)
    assert flow.clicks[0] == pytest.approx(clicks, abs=noise)
    assert flow.views[0] == pytest.approx(views, abs=noise)
    assert flow.cost[0] == pytest.approx(spend, abs=noise * bid)


@cache
def _curves() -> Curves:
    return Curves.of(small_shop().rivals, VENUE)


def _flow(curves: Curves, bids: Floats, *, level: float = 0.0, quality: float = 1.0) -> tuple[Floats, Floats]:
    flow = expected(
        curves,
        np.zeros(len(bids), dtype=np.intp),
        bid=bids,
        quality=np.full(len(bids), quality),
        log_level=np.full(len(bids), level),
        queries=np.full(len(bids), 100.0),
        ctr=np.full(len(bids), 0.05),
        step=0.0,
    )
    return flow.clicks, flow.cost


def test_more_bid_brings_more_clicks_at_a_higher_price() -> None:
    """Clicks and the price of a click never fall as the bid rises, and no click costs more than the bid."""
    curves = _curves()
    bids = np.geomspace(0.01, 20, 300)

    clicks, cost = _flow(curves, bids)

    price = cost[clicks > 0] / clicks[clicks > 0]
    assert np.all(np.diff(clicks) >= -1e-12)
    assert np.all(np.diff(price) >= -1e-9)
    assert np.all(price <= bids[clicks > 0] + 1e-12)
    assert clicks[0] == 0


@given(factor=st.floats(0.3, 3.0))
def test_curves_move_with_the_level_of_rivals_bids(factor: float) -> None:
    """When all rivals bid `factor` times as much, so must we: same clicks, `factor` times the cost."""
    curves = _curves()
    bids = np.asarray([0.3, 0.6, 1.2])
    clicks, cost = _flow(curves, bids)

    moved_clicks, moved_cost = _flow(curves, bids * factor, level=float(np.log(factor)))

    assert moved_clicks == pytest.approx(clicks)
    assert moved_cost == pytest.approx(cost * factor)


@given(quality=st.floats(0.4, 2.0))
def test_quality_buys_clicks_and_lowers_their_price(quality: float) -> None:
    """The same score costs less per click in proportion to quality."""
    curves = _curves()
    score = np.asarray([0.4, 0.8])
    clicks, cost = _flow(curves, score)

    same_clicks, cheaper = _flow(curves, score / quality, quality=quality)

    assert same_clicks == pytest.approx(clicks)
    assert cheaper == pytest.approx(cost / quality)
