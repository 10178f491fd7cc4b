"""Money in the mock market: budgets that run dry inside a day, overdelivery, the prepaid balance."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from adapters.mock.budgets import expected_share, keep_within
from adapters.mock.controls import UNLIMITED
from adapters.mock.market import Market
from adapters.mock.shop import MICROS
from tests.adapters.mock.market_shops import (
    DAY,
    HOUR,
    plentiful,
    small_market,
    small_shop,
    unlimited,
    with_balance,
    with_venue,
)

rows = st.lists(st.tuples(st.integers(0, 9), st.integers(1, 500), st.integers(0, 2)), min_size=1, max_size=12)


@given(rows=rows, limits=st.tuples(*[st.integers(0, 3000)] * 3), seed=st.integers(0, 99))
def test_no_group_ever_costs_more_than_its_limit(
    rows: list[tuple[int, int, int]], limits: tuple[int, int, int], seed: int
) -> None:
    """What is kept fits, nothing is cut where all fits, and a cut group stops at the first piece that does not fit."""
    counts, cost, group = (np.asarray(column) for column in zip(*rows, strict=True))
    limit = np.asarray(limits)
    arrival = np.random.default_rng(seed).random(len(counts))

    kept, short = keep_within(counts, cost, group, limit, lambda: arrival)

    spent = np.bincount(group, weights=kept * cost, minlength=3)
    wanted = np.bincount(group, weights=counts * cost, minlength=3)
    assert np.all(kept >= 0)
    assert np.all(kept <= counts)
    assert np.all(spent <= limit)
    assert (wanted > limit).tolist() == short.tolist()
    for number in np.flatnonzero(short):
        mine = np.flatnonzero(group == number)
        pieces = [row for row in mine[np.argsort(arrival[mine])] for _ in range(counts[row])]
        total, taken = 0, np.zeros(len(counts), dtype=int)
        for row in pieces:
            if total + cost[row] > limit[number]:
                break
            total += cost[row]
            taken[row] += 1
        assert taken[mine].tolist() == kept[mine].tolist()


@given(mean=st.floats(1.0, 500.0), sd=st.floats(0.1, 100.0), limit=st.floats(0.0, 800.0))
def test_expected_share_is_the_mean_of_a_cut_normal(mean: float, sd: float, limit: float) -> None:
    """The share let through is E[min(X, limit)] / E[X], as numeric integration has it."""
    z = stats.norm.ppf((np.arange(20_000) + 0.5) / 20_000)
    wanted = float(np.minimum(mean + sd * z, limit).mean() / mean)

    share = expected_share(np.asarray([mean]), np.asarray([sd**2]), np.asarray([limit]))[0]

    assert share == pytest.approx(min(max(wanted, 0.0), 1.0) if limit > 0 else 0.0, abs=2e-3)


def _tight(factor: float = 1.0, overdelivery: float = 1.2) -> Market:
    shop = with_venue(plentiful(small_shop()), overdelivery_factor=overdelivery)
    market = small_market(shop)
    budgets = market.controls.daily_budget_micros
    market.set_budgets(np.arange(len(budgets)), (budgets * factor).astype(np.int64))
    return market


def test_spend_stays_under_the_budget_times_the_overdelivery_factor() -> None:
    """On no day does a campaign spend more than the factor allows, and on some it spends more than its budget."""
    market = _tight(factor=0.3)
    over = 0
    for _ in range(20):
        market.advance(market.now + 23 * HOUR)
        spent = market.spent_today_micros
        assert np.all(spent <= market.controls.daily_budget_micros * 1.2)
        over += int((spent > market.controls.daily_budget_micros).sum())
        market.advance(market.now + HOUR)

    assert over > 5


def test_without_overdelivery_the_budget_holds_to_the_cent() -> None:
    """A factor of 1 is a hard limit, of which less than one click stays unspent."""
    market = _tight(factor=0.3, overdelivery=1.0)

    market.advance(market.now + 23 * HOUR)

    left = market.controls.daily_budget_micros - market.spent_today_micros
    assert np.all(left >= 0)
    assert np.all(left < market.controls.bid_micros.max())
    assert market.dark.all()


def test_a_small_budget_runs_dry_before_the_evening() -> None:
    """Nothing is served after the money is gone; the lost hours are on record, and the next day starts afresh."""
    market = _tight(factor=0.15)
    market.advance(market.now + DAY)

    outcomes = market.truth.outcomes(market.day - DAY, market.day - DAY)
    hourly = market.facts.hourly(market.day - DAY, market.day - DAY, window_days=30, as_of=market.now)

    assert 0 == hourly.clicks[-3:].sum()
    assert 0 < hourly.clicks[:10].sum()
    assert np.all(outcomes.dark_hours > 3)
    market.advance(market.now + 10 * HOUR)
    assert market.facts.daily(market.day, market.day, window_days=30, as_of=market.now).clicks.sum() > 0


def test_a_raised_budget_brings_a_dark_campaign_back_the_same_day() -> None:
    """A campaign that ran dry serves again from the next hour on, and only that one."""
    market = _tight(factor=0.1)
    market.advance(market.now + 18 * HOUR)
    assert market.dark.all()
    spent = market.spent_today_micros

    market.set_budgets([0], [int(market.controls.daily_budget_micros[0]) * 20])
    market.advance(market.now + 3 * HOUR)

    assert market.spent_today_micros[0] > spent[0]
    assert spent[1:].tolist() == market.spent_today_micros[1:].tolist()


def test_a_budget_cut_below_what_is_spent_stops_the_campaign() -> None:
    """From the next hour on nothing more is spent."""
    market = unlimited(_tight())
    market.advance(market.now + 12 * HOUR)
    spent = market.spent_today_micros

    market.set_budgets([0], [int(spent[0]) // 2])
    market.advance(market.now + 5 * HOUR)

    assert int(spent[0]) == int(market.spent_today_micros[0])
    assert market.spent_today_micros[1] > spent[1]


def test_expected_spend_follows_realised_spend_under_tight_budgets() -> None:
    """Hours cut short are cut alike in what was expected: totals differ by noise only."""
    market = _tight(factor=0.4)
    market.advance(market.now + 40 * DAY)
    first = market.shop.start

    outcomes = market.truth.outcomes(first, first + 39 * DAY)

    realised, expected = outcomes.spend_micros.sum(), outcomes.expected_spend_micros.sum()
    assert expected == pytest.approx(realised, rel=0.01)


def test_an_empty_balance_stops_everything_and_a_top_up_starts_it_again() -> None:
    """No more is spent than was prepaid; money coming back from invalid clicks is all that may still flow."""
    shop = with_balance(plentiful(small_shop()), opening_micros=60 * MICROS)
    market = unlimited(small_market(shop))
    market.advance(market.now + 15 * HOUR)
    spent = int(market.spent_today_micros.sum())
    assert 50 * MICROS < spent <= 60 * MICROS
    assert 0 <= market.balance_micros < 10 * MICROS

    market.advance(market.now + 5 * HOUR)
    assert spent == int(market.spent_today_micros.sum())
    market.top_up(500 * MICROS)
    market.advance(market.now + 2 * HOUR)

    assert int(market.spent_today_micros.sum()) > spent + 20 * MICROS


def test_balance_is_what_came_in_less_what_was_charged() -> None:
    """Opening balance less net spend, once all invalid clicks came back, to the last micro."""
    shop = with_balance(plentiful(small_shop()), opening_micros=10**12)
    market = small_market(shop, days=10)
    market.set_bids(np.arange(len(shop.targets)), np.zeros(len(shop.targets)))
    market.advance(market.now + timedelta(days=4))

    facts = market.facts.daily(shop.start, market.day, window_days=30, as_of=market.now)

    assert 10**12 - int(facts.spend_micros.sum()) == market.balance_micros


def test_an_unlimited_campaign_is_marked_by_minus_one() -> None:
    """Unlimited campaigns never go dark."""
    market = unlimited(_tight(factor=0.1))
    market.advance(market.now + 23 * HOUR)

    assert [UNLIMITED] * len(market.shop.campaigns) == market.controls.daily_budget_micros.tolist()
    assert not market.dark.any()
