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
from bidder.core.calendar import day_hours, day_start, ordinal
from bidder.core.case import Case
from bidder.core.layout import Layout
from bidder.core.demand import PROFILE_DAYS, HourFacts, day_shape, elapsed, hour_facts
from bidder.core.pacing import dayparts, deadbeat, runway_days
from bidder.core.performance import Level
from bidder.core.policy import LimitPolicy, ProtectPolicy
from bidder.core.snapshot import Memory
from tests.core.builders import TODAY, Shop, Word, hourly_table, policy, profile, yuan

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


def facts_of(clicks: Floats, orders: Floats | None = None) -> HourFacts:
    """Return hourly facts of shape (campaigns, days, 24)."""
    return HourFacts(
        clicks=clicks,
        spend_micros=clicks * 8e5,
        orders=np.zeros_like(clicks) if orders is None else orders,
        open_clicks=np.zeros((len(clicks), 24)),
        open_spend_micros=np.zeros((len(clicks), 24)),
        first_day=ordinal(TODAY) - clicks.shape[1],
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


def test_profile_of_whole_days_is_the_share_of_clicks_by_hour() -> None:
    """With much data the prior of 24 clicks vanishes."""
    clicks = np.tile(DAYTIME * 150 * 40, (2, PROFILE_DAYS, 1))

    shape = day_shape(facts_of(clicks))

    assert DAYTIME == pytest.approx(shape.share, rel=1e-2)
    assert [1.0, 1.0] == pytest.approx(shape.served)
    assert np.isnan(shape.dry_hour).all()


@pytest.mark.parametrize("dry", [10, 15, 20])
def test_hours_after_a_budget_ran_dry_do_not_count_as_missing_demand(dry: int) -> None:
    """One campaign goes dark at an hour every day: profile stays that of the other, and its share is told."""
    clicks = np.tile(DAYTIME * 150 * 20, (2, PROFILE_DAYS, 1))
    clicks[0, :, dry:] = 0

    shape = day_shape(facts_of(clicks))

    assert DAYTIME == pytest.approx(shape.share, rel=0.02)
    assert float(np.sum(DAYTIME[:dry])) == pytest.approx(shape.served[0], rel=0.02)
    assert shape.served[1] == pytest.approx(1.0)
    assert shape.dry_hour[0] == dry
    assert np.isnan(shape.dry_hour[1])


def test_a_quiet_evening_of_a_small_campaign_is_not_a_dry_budget() -> None:
    """Six clicks by six in the evening leave two due: silence then is chance."""
    clicks = np.zeros((1, PROFILE_DAYS, 24))
    clicks[0, :, 12:18] = 1

    shape = day_shape(facts_of(clicks))

    assert [1.0] == pytest.approx(shape.served)
    assert np.isnan(shape.dry_hour).all()


def test_without_facts_demand_is_even_and_all_of_it_is_served() -> None:
    """An hourless venue steers by the clock."""
    shape = day_shape(facts_of(np.zeros((2, PROFILE_DAYS, 24))))

    assert EVEN == pytest.approx(shape.share)
    assert np.ones(24) == pytest.approx(shape.worth)
    assert [1.0, 1.0] == pytest.approx(shape.served)


def test_worth_of_an_hour_is_its_order_rate_shrunk_to_the_mean() -> None:
    """Nights of 10% and days of 20% of 3,000 clicks an hour: (orders + 30) / (3,000 x .15 + 30)."""
    clicks = np.full((1, PROFILE_DAYS, 24), 3_000 / PROFILE_DAYS)
    rate = np.array([0.1] * 12 + [0.2] * 12)

    shape = day_shape(facts_of(clicks, clicks * rate))

    assert [330 / 480] * 12 + [630 / 480] * 12 == pytest.approx(shape.worth)


@pytest.mark.parametrize("level", list(Level))
def test_hour_facts_sum_two_closed_weeks_by_campaign_at_any_level(level: Level) -> None:
    """The open day and older days are left out; entities nobody knows are skipped."""
    layout = Layout.of(Shop(words=(Word(), Word(campaign="c1"))).structure(), ProtectPolicy())
    names = {Level.CAMPAIGN: ("c0", "c1"), Level.AD_GROUP: ("gc0", "gc1"), Level.TARGET: ("t0", "t1")}[level]
    clicks = np.zeros((3, 20, 24), dtype=np.int64)
    clicks[0, :, 9], clicks[1, -1, 23], clicks[2, :, 5] = 2, 7, 99
    table = replace(hourly_table(clicks), level=level, entity_ids=(*names, "gone"))

    closed = hour_facts(table, layout, ordinal(TODAY))
    yesterday_open = hour_facts(table, layout, ordinal(TODAY) - 1)

    assert (2, PROFILE_DAYS, 24) == closed.clicks.shape
    assert (2.0 * PROFILE_DAYS, 7.0) == (closed.clicks[0, :, 9].sum(), closed.clicks[1, -1, 23])
    assert 2.0 * PROFILE_DAYS + 7.0 == closed.clicks.sum()
    assert yesterday_open.clicks[1].sum() == 0


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
