"""When demand comes over a day and a week, told from hours in which campaigns were there."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from bidder.core.calendar import from_ordinal, ordinal
from bidder.core.demand import PROFILE_DAYS, HourFacts, day_shape, hour_facts
from bidder.core.layout import Layout
from bidder.core.performance import Level
from bidder.core.policy import ProtectPolicy
from tests.core.builders import TODAY, Shop, Word, hourly_table

Floats = NDArray[np.float64]
EVEN = np.full(24, 1 / 24)
DAYTIME = np.array([1, 1, 1, 1, 1, 1, 2, 4, 6, 8, 9, 9, 8, 7, 7, 7, 8, 9, 10, 12, 14, 12, 8, 4]) / 150


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


@pytest.mark.parametrize("dry", [9, 12, 18])
@pytest.mark.parametrize("strays", [0, 1])
def test_days_that_all_spend_their_budget_by_noon_do_not_hide_the_afternoon(dry: int, strays: int) -> None:
    """The only campaign spends its budget every day, and now and then a click still comes for the small change."""
    clicks = np.tile(DAYTIME * 150 * 20, (1, PROFILE_DAYS, 1))
    clicks[0, :, dry:] = 0
    clicks[0, ::3, dry + 3] = strays
    facts = facts_of(clicks)
    budget = facts.spend_micros.sum(axis=2)

    shape = day_shape(facts, None, budget)

    assert float(shape.share[dry:].sum()) > 0.3 * (24 - dry) / 24
    assert shape.served[0] < 0.9
    assert dry == pytest.approx(shape.dry_hour[0], abs=1)


def test_day_that_spends_its_budget_to_the_end_did_not_run_dry() -> None:
    """Later clicks came as they were due: all of the demand was served."""
    facts = facts_of(np.tile(DAYTIME * 150 * 20, (1, PROFILE_DAYS, 1)))

    shape = day_shape(facts, None, facts.spend_micros.sum(axis=2))

    assert DAYTIME == pytest.approx(shape.share, rel=0.02)
    assert shape.served[0] == pytest.approx(1.0)


def test_weekday_with_hours_of_its_own_is_told_and_shrunk_to_all_days() -> None:
    """Sundays come late: 3,000 clicks of two of them outweigh the 120 that all days count."""
    late = np.roll(DAYTIME, 6)
    clicks = np.tile(DAYTIME * 1500, (1, PROFILE_DAYS, 1))
    days = np.array([from_ordinal(ordinal(TODAY) - PROFILE_DAYS + number).weekday() for number in range(PROFILE_DAYS)])
    clicks[0, days == 6] = late * 1500

    shape = day_shape(facts_of(clicks))

    assert late == pytest.approx(shape.week[6], rel=0.15, abs=0.002)
    assert np.ones(7) == pytest.approx(shape.week.sum(axis=1))
    assert float(np.abs(shape.week[2] - DAYTIME).sum()) < float(np.abs(shape.week[6] - DAYTIME).sum())


def test_todays_hours_are_kept_apart_from_closed_days() -> None:
    """The open day's clicks and spend are told by hour, and teach nothing yet."""
    layout = Layout.of(Shop(words=(Word(),)).structure(), ProtectPolicy())
    clicks = np.zeros((1, 3, 24), dtype=np.int64)
    clicks[0, -1, 7] = 9

    facts = hour_facts(hourly_table(clicks), layout, ordinal(TODAY) - 1)

    assert (9.0, 9 * 800_000.0) == (facts.open_clicks[0, 7], facts.open_spend_micros[0, 7])
    assert facts.clicks.sum() == 0
    assert not facts.known
