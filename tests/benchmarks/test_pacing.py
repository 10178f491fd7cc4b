"""The simulated auction day keeps its money, and its best in hindsight is a best."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.auction_day import Day, Venue, draw_days, full_spend, hindsight, play
from benchmarks.pacing import GSP, Constant, Ours, Setting, steer

SMALL = Venue(auctions=2_000)


def knapsack(day: Day, money: float) -> float:
    """Return the fractional knapsack over single clicks: best value for money first, the last in part."""
    price, value = day.price[:, 0], day.value
    order = np.argsort(price / value)
    order = order[price[order] <= value[order]]
    spent = np.cumsum(price[order])
    end = int(np.searchsorted(spent, money, side="right"))
    total = float(value[order[:end]].sum())
    if end < len(order):
        before = float(spent[end - 1]) if end else 0.0
        total += float(value[order[end]]) * (money - before) / float(price[order[end]])
    return total


@pytest.mark.parametrize("share", [0.1, 0.4, 0.9, 3.0])
def test_hindsight_of_one_slot_is_the_knapsack(share: float) -> None:
    """No way to bid could have bought more."""
    (day,) = draw_days(SMALL, 1, seed=7)
    money = share * full_spend(SMALL)

    assert knapsack(day, money) == pytest.approx(hindsight(day, money), rel=1e-3)


@pytest.mark.parametrize("rates", [(1.0,), GSP])
def test_nobody_spends_more_than_the_day_has_or_beats_hindsight(rates: tuple[float, ...]) -> None:
    """A multiplier for the whole day, at any level, buys no more than the best one."""
    venue = Venue(auctions=2_000, click_rates=rates, rivals=7)
    (day,) = draw_days(venue, 1, seed=3)
    money = 0.4 * full_spend(venue)

    for multiplier in (0.2, 0.5, 1.0):
        bought = play(day, 0.0, 24.0, multiplier, money)
        assert bought.spend <= money
        assert bought.value <= hindsight(day, money) * (1 + 1e-2)


def test_stretches_of_a_day_add_up_to_the_day() -> None:
    """Bidding by the hour without a limit buys what bidding for the day does."""
    (day,) = draw_days(SMALL, 1, seed=5)

    whole = play(day, 0.0, 24.0, 0.7, np.inf)
    parts = [play(day, float(hour), hour + 1.0, 0.7, np.inf) for hour in range(24)]

    assert whole.clicks == sum(part.clicks for part in parts)
    assert whole.value == pytest.approx(sum(part.value for part in parts))
    assert whole.spend == pytest.approx(sum(part.spend for part in parts))


def test_daemons_laws_beat_a_constant_bid_and_keep_the_budget() -> None:
    """Twelve small days: at least 95% of hindsight where the constant bid gets less than 85%."""
    setting = Setting(venue=SMALL)
    budget = setting.budget * full_spend(SMALL)
    days = draw_days(SMALL, 12, seed=11)
    best = sum(hindsight(day, budget) for day in days[4:])

    ours = steer(Ours(elasticity=1.5), days, setting, budget, 60)
    constant = steer(Constant(), days, setting, budget, 60)

    assert ours.value[4:].sum() / best > 0.95
    assert constant.value[4:].sum() / best < 0.85
    assert ours.spend.max() <= budget


def test_ample_budget_leaves_the_bid_alone() -> None:
    """A budget that covers every day: the full bid all day, all of the value."""
    setting = Setting(venue=SMALL, budget=3.0)
    budget = setting.budget * full_spend(SMALL)
    days = draw_days(SMALL, 6, seed=2)

    ours = steer(Ours(elasticity=1.5), days, setting, budget, 60)

    assert [hindsight(day, budget) for day in days] == pytest.approx(ours.value.tolist())
