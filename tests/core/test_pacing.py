"""Within the day: when demand comes, what a budget served of it, and the law that spends the rest of it."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from bidder.core.allocate import day_money
from bidder.core.calendar import day_hours, day_start
from bidder.core.case import Case
from bidder.core.demand import PROFILE_DAYS, elapsed, hours_left
from bidder.core.pacing import LOWEST, day_level, dayparts, deadbeat, level_error, next_level, runs_out, runway_days
from bidder.core.policy import LimitPolicy
from bidder.core.snapshot import Memory
from tests.core.builders import Shop, Word, hourly_table, policy, profile, yuan

Floats = NDArray[np.float64]
EVEN = np.full(24, 1 / 24)
DAYTIME = np.array([1, 1, 1, 1, 1, 1, 2, 4, 6, 8, 9, 9, 8, 7, 7, 7, 8, 9, 10, 12, 14, 12, 8, 4]) / 150
BERLIN_DAYS = [
    pytest.param(datetime(2026, 3, 29, 12, tzinfo=UTC), 23, id="spring"),
    pytest.param(datetime(2026, 6, 10, 12, tzinfo=UTC), 24, id="summer"),
    pytest.param(datetime(2026, 10, 25, 12, tzinfo=UTC), 25, id="autumn"),
]


def steer(multiplier: float = 1.0, **changes: float) -> float:
    """Return the next multiplier; usually 100 are left for half of a day that would cost 200."""
    usual = {
        "remaining_budget": 100.0,
        "remaining_share": 0.5,
        "rate": 200.0,
        "elasticity": 1.0,
        "max_step": 0.5,
        "dead_band": 0.0,
    }
    known = {**usual, **changes}
    return deadbeat(
        multiplier,
        remaining_budget=known["remaining_budget"],
        remaining_share=known["remaining_share"],
        rate=known["rate"],
        elasticity=known["elasticity"],
        max_step=known["max_step"],
        dead_band=known["dead_band"],
    )


@given(
    budget=st.floats(1, 1e6),
    share=st.floats(0.01, 1),
    rate=st.floats(1, 1e6),
    elasticity=st.floats(0.3, 4),
    multiplier=st.floats(0.1, 10),
)
def test_one_step_spends_exactly_what_is_left_unless_it_is_too_long(
    budget: float, share: float, rate: float, elasticity: float, multiplier: float
) -> None:
    """At the new multiplier the rest of the day costs the rest of the money; else the step is a full one."""
    found = steer(
        multiplier, remaining_budget=budget, remaining_share=share, rate=rate, elasticity=elasticity, max_step=0.9
    )

    cost = rate * share * found**elasticity
    if found <= multiplier * 0.1 * (1 + 1e-9):
        assert cost >= budget * (1 - 1e-9)
    elif found >= multiplier * 1.9 * (1 - 1e-9):
        assert cost <= budget * (1 + 1e-9)
    else:
        assert cost == pytest.approx(budget)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        pytest.param({}, 1.0, id="on-plan"),
        pytest.param({"remaining_budget": 50.0}, 0.5, id="half-the-money"),
        pytest.param({"remaining_budget": 140.0, "elasticity": 2.0}, math.sqrt(1.4), id="elastic-spend"),
        pytest.param({"remaining_budget": 1.0, "max_step": 0.2}, 0.8, id="step-down-at-most"),
        pytest.param({"remaining_budget": 900.0, "max_step": 0.2}, 1.2, id="step-up-at-most"),
        pytest.param({"remaining_budget": 104.0, "dead_band": 0.05}, 1.0, id="within-the-dead-band"),
        pytest.param({"remaining_budget": 106.0, "dead_band": 0.05}, 1.06, id="beyond-the-dead-band"),
        pytest.param({"remaining_budget": 0.0}, 0.5, id="nothing-left"),
        pytest.param({"remaining_budget": -9.0}, 0.5, id="overspent"),
        pytest.param({"remaining_share": 0.0}, 1.0, id="day-is-over"),
        pytest.param({"rate": 0.0}, 1.0, id="no-spend-to-learn-from"),
        pytest.param({"elasticity": 0.0}, 1.0, id="no-response"),
    ],
)
def test_law_by_hand(changes: dict[str, float], expected: float) -> None:
    """Each case worked out from ``m = (remaining / share / rate) ** (1 / elasticity)``."""
    assert expected == pytest.approx(steer(**changes))


@pytest.mark.parametrize(("noon", "hours"), BERLIN_DAYS)
@pytest.mark.parametrize("demand", [0.5, 1.0, 3.0])
def test_steering_by_the_hour_spends_the_days_budget_whatever_its_length(
    noon: datetime, hours: int, demand: float
) -> None:
    """Demand at half to three times the plan, 23 to 25 hours of it: the day ends on its budget, never far above."""
    assert hours == day_hours(noon.date(), "Europe/Berlin")
    budget, spent, multiplier = 1_000.0, 0.0, 1.0
    for hour in range(hours):
        left = 1 - hour / hours
        multiplier = steer(
            multiplier,
            remaining_budget=budget - spent,
            remaining_share=left,
            rate=budget * demand,
            elasticity=1.4,
            max_step=0.2,
        )
        spent += budget * demand / hours * multiplier**1.4

    assert spent == pytest.approx(budget, rel=0.01)


@pytest.mark.parametrize(("noon", "hours"), BERLIN_DAYS)
def test_elapsed_demand_counts_the_real_length_of_the_day(noon: datetime, hours: int) -> None:
    """With an even profile the share that has come is real hours passed over 23, 24 or 25."""
    snapshot = Shop().snapshot(now=noon)
    berlin = replace(snapshot, account=replace(snapshot.account, time_zone="Europe/Berlin"))

    case = Case.of(berlin, Shop().forecast(), policy())

    passed = (noon - day_start(noon.date(), "Europe/Berlin")) / timedelta(hours=1)
    assert passed / hours == pytest.approx(case.today.elapsed)


@given(hours=st.tuples(st.floats(0, 24), st.floats(0, 24)))
def test_elapsed_demand_only_grows(hours: tuple[float, float]) -> None:
    """From nothing at midnight to all of it at the next, fractions of hours included."""
    early, late = (elapsed(DAYTIME, hour) for hour in sorted(hours))

    assert 0 <= early <= late <= 1 + 1e-12


@pytest.mark.parametrize(
    ("hour", "expected"), [(0.0, 0.0), (6.0, 6 / 150), (7.5, 10 / 150), (12.25, 46 / 150), (24.0, 1.0)]
)
def test_elapsed_demand_by_hand(hour: float, expected: float) -> None:
    """Whole hours are summed, a started one counts by its part."""
    assert expected == pytest.approx(elapsed(DAYTIME, hour))


def test_clicks_of_a_campaign_that_ran_dry_are_those_of_a_whole_day() -> None:
    """Forecast days as served, divided once by the share served: 40 clicks in half of the demand are about 80."""
    clicks = np.full((2, PROFILE_DAYS, 24), 100, dtype=np.int64)
    clicks[0, :, 12:] = 0
    shop = Shop(words=(Word(clicks=40), Word(clicks=40, campaign="c1")), budgets={"c0": None, "c1": None})

    case = Case.of(shop.snapshot(hourly=hourly_table(clicks)), shop.forecast(), policy())

    assert [80.0, 40.0] == pytest.approx(case.daily_clicks, rel=0.01)
    assert [64e6, 32e6] == pytest.approx(case.daily_spend_micros, rel=0.01)


@pytest.mark.parametrize(
    ("balance", "daily", "expected"), [(1_000, 250.0, 4.0), (0, 250.0, 0.0), (1_000, 0.0, None), (-500, 250.0, -2.0)]
)
def test_runway_is_balance_over_daily_spend(balance: int, daily: float, expected: float | None) -> None:
    """Nothing spent lasts for no known time; a debt has none left."""
    assert expected == runway_days(balance, daily)


@pytest.mark.parametrize(("strict", "expected"), [(False, 1_000.0), (True, 500.0)])
def test_overdelivery_counts_against_the_cap_in_the_strict_setting(strict: bool, expected: float) -> None:  # noqa: FBT001
    """A venue may spend twice a budget on one day."""
    shop = Shop(rules=profile(overdelivery=2.0))
    case = Case.of(shop.snapshot(), shop.forecast(), policy(1_000, limits=LimitPolicy(strict_overdelivery=strict)))

    assert expected * 1e6 == pytest.approx(day_money(case))


@pytest.mark.parametrize(
    ("plan", "month", "today", "expected"),
    [
        pytest.param(30_000, 16_000, 1_000, 1_000.0, id="fifteen-thousand-over-fifteen-days"),
        pytest.param(90_000, 16_000, 1_000, 2_000.0, id="cap-is-less"),
        pytest.param(10_000, 16_000, 1_000, 0.0, id="plan-used-up"),
        pytest.param(30_000, 500, 1_000, 2_000.0, id="correction-never-adds-money"),
        pytest.param(30_000, None, 1_000, 2_000.0, id="month-not-told"),
        pytest.param(None, 16_000, 1_000, 2_000.0, id="no-plan"),
    ],
)
def test_months_plan_leaves_each_day_its_part(plan: int | None, month: int | None, today: int, expected: float) -> None:
    """On the 16th of September fifteen days are left; what today has cost already is today's."""
    memory = Memory(
        day_spend_micros={"c0": today * 1_000_000}, month_spend_micros=None if month is None else month * 1_000_000
    )
    rules = policy(2_000, month_plan=None if plan is None else yuan(plan))
    case = Case.of(Shop().snapshot(memory=memory), Shop().forecast(), rules)

    assert expected * 1e6 == pytest.approx(day_money(case))


@given(worth=st.lists(st.floats(0.85, 1.2), min_size=24, max_size=24))
def test_hour_factors_are_proportional_to_worth_with_mean_one(worth: list[float]) -> None:
    """Where no bound binds: whole percents of worth over its demand-weighted mean."""
    value = np.array(worth)

    factors = dayparts(value, share=DAYTIME)

    mean = math.fsum(DAYTIME * value)
    assert [v / mean for v in worth] == pytest.approx(factors, abs=0.0051)
    assert math.fsum(DAYTIME * np.array(factors)) == pytest.approx(1.0, abs=0.0051)


@given(worth=st.lists(st.floats(0.01, 100), min_size=24, max_size=24))
def test_hour_factors_stay_within_their_bounds(worth: list[float]) -> None:
    """However much an hour seems worth, and better hours never get less."""
    factors = np.array(dayparts(np.array(worth), share=DAYTIME))

    assert factors.min() >= 0.5
    assert factors.max() <= 1.5
    assert np.all(np.diff(factors[np.argsort(worth)]) >= 0)


def level_of(*cells: tuple[float, float]) -> float:
    """Return the level of periods given as spend and expected share, at 100 a day and 1 a click."""
    spend, share = (np.array(column, dtype=np.float64) for column in zip(*cells, strict=True))
    return day_level(spend, share, 100.0, 1.0)


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        pytest.param([(0.0, 0.0)], 1.0, id="nothing-due"),
        pytest.param([(10.0, 0.1)], 1.0, id="as-expected"),
        pytest.param([(20.0, 0.1)], (16 + 20) / (16 + 10), id="twice-as-much"),
        pytest.param([(0.0, 0.1)], 16 / 26, id="silence"),
        pytest.param(
            [(20.0, 0.1), (5.0, 0.6)], (16 + 0.5 * 20 + 5) / (16 + 0.5 * 10 + 60), id="a-half-life-ago-counts-half"
        ),
    ],
)
def test_level_of_a_day_by_hand(cells: list[tuple[float, float]], expected: float) -> None:
    """Sixteen clicks say that today is as expected; the day's own periods say the rest, the older the less."""
    assert expected == pytest.approx(level_of(*cells))


def test_error_of_the_level_falls_with_the_clicks_that_were_due() -> None:
    """A quarter before the day begins; 48 clicks more make it an eighth."""
    assert level_error(np.zeros(0), 100.0, 1.0) == 0.25
    assert level_error(np.array([0.48]), 100.0, 1.0) == pytest.approx(0.125)
    assert level_error(np.array([0.6, 0.6]), 100.0, 1.0) == pytest.approx(1 / math.sqrt(16 + 30 + 60))


def test_level_without_periods_is_one() -> None:
    """Before anything is reported a day is like any other."""
    assert day_level(np.zeros(0), np.zeros(0), 100.0, 1.0) == 1.0


@given(
    spend=st.lists(st.floats(0, 1e9), min_size=1, max_size=24),
    share=st.lists(st.floats(0, 0.2), min_size=24, max_size=24),
    more=st.floats(1, 100),
)
def test_more_spend_never_lowers_the_level(spend: list[float], share: list[float], more: float) -> None:
    """Positive and finite, and monotone in what came."""
    due = np.array(share[: len(spend)])

    level, higher = (day_level(np.array(spend) * factor, due, 1e6, 1e4) for factor in (1.0, more))

    assert 0 < level <= higher < math.inf


@pytest.mark.parametrize(
    ("money", "hour", "expected"),
    [
        pytest.param(240.0, 0.0, None, id="exactly-enough"),
        pytest.param(239.0, 0.0, 23.9, id="gone-in-the-last-hour"),
        pytest.param(35.0, 10.0, 13.5, id="three-and-a-half-hours"),
        pytest.param(5.0, 10.5, 11.0, id="rest-of-a-started-hour"),
        pytest.param(0.0, 10.0, 10.0, id="nothing-left"),
        pytest.param(-9.0, 10.0, 10.0, id="overspent"),
        pytest.param(0.0, 24.0, None, id="day-is-over"),
    ],
)
def test_hour_at_which_money_is_gone(money: float, hour: float, expected: float | None) -> None:
    """At ten an hour around the clock."""
    hourly = 240 * hours_left(EVEN, hour)

    found = runs_out(money, hourly, hour)

    assert (found is None) == (expected is None)
    assert expected is None or found == pytest.approx(expected)


@given(
    level=st.floats(0.05, 1),
    left=st.floats(-100, 1e6),
    share=st.floats(0, 1),
    rate=st.floats(0, 1e6),
    elasticity=st.floats(0.5, 3),
)
def test_next_level_is_a_step_towards_the_money_and_never_above_one(
    level: float, left: float, share: float, rate: float, elasticity: float
) -> None:
    """Within a fifth, between three tenths (or where it is, if lower) and 1; without money nothing moves."""
    found = next_level(level, left=left, share=share, rate=rate, elasticity=elasticity, max_step=0.2, dead_band=0.04)

    assert min(LOWEST, level) <= found <= 1.0
    assert 0.8 * level - 1e-12 <= found <= 1.2 * level + 1e-12
    if left <= 0:
        assert found == level


@pytest.mark.parametrize(("multiplier", "expected"), [(0.9, 0.95), (0.94, 0.95), (0.5, 0.6), (1.2, 0.96), (1.0, 0.95)])
def test_the_lesser_of_budget_and_return_rules(multiplier: float, expected: float) -> None:
    """Money for twice the bid, a return that allows .95: there by steps, and the last one however small."""
    found = deadbeat(
        multiplier,
        remaining_budget=200.0,
        remaining_share=0.5,
        rate=200.0,
        elasticity=1.0,
        max_step=0.2,
        dead_band=0.04,
        ceiling=0.95,
    )

    assert expected == pytest.approx(found)


@given(worth=st.lists(st.floats(0.01, 100), min_size=24, max_size=24))
def test_hour_factors_have_a_mean_of_one_where_bounds_bind_too(worth: list[float]) -> None:
    """Clipping comes before the scale, so that base bids stay what they are."""
    factors = np.array(dayparts(np.array(worth), share=DAYTIME))

    assert math.fsum(DAYTIME * factors) == pytest.approx(1.0, abs=0.0051)
