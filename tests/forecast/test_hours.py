"""Hours and presence: when demand comes, and for how much of a day a target could have been clicked."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from bidder.core.calendar import day_start, ordinal
from bidder.core.change import Field, PastChange, Status
from bidder.core.entities import Editor, EntityRef, State, Structure
from bidder.core.performance import COLUMNS, PRODUCT_COLUMNS, Float64, Grain, Level, PerformanceTable, ProductSalesTable
from bidder.forecast.facts import TargetFacts
from bidder.forecast.hours import PRIOR_DAY, PRIOR_ORDERS, HourProfile, learn_hours, weekday
from bidder.forecast.layout import lay_out
from bidder.forecast.presence import Presence, presence
from tests.forecast.shops import TODAY, ZONE, ShopPlan, days_ago, structure

TODAY_NUMBER = ordinal(TODAY)
DAYS = 28
FIRST = TODAY_NUMBER - DAYS
NO_DAYS = np.zeros(0, dtype=np.int32)
SHOP = structure(ShopPlan(targets=12, campaigns=2, products=4))
LAYOUT = lay_out(SHOP)
NO_HOURS = PerformanceTable.empty(level=Level.CAMPAIGN, grain=Grain.HOUR, window_days=7, currency="CNY")
NO_SALES = ProductSalesTable.empty(currency="CNY")
EVENING = np.where(np.arange(24) >= 18, 3.0, 1.0) / 36.0
"""A day in which the six hours from 18 bring half of all demand."""
MORNING = EVENING[::-1]


def hourly(
    clicks: NDArray[np.int64], orders: NDArray[np.int64] | None = None, *, open_days: int = 0
) -> PerformanceTable:
    """Return facts at 1 CNY a click from an array of shape (n_campaigns, n_days, 24) that ends yesterday or today."""
    campaign, column, hour = (grid.ravel() for grid in np.indices(clicks.shape))
    flat = clicks.ravel().astype(np.int64)
    columns: dict[str, NDArray[np.int64]] = dict.fromkeys(COLUMNS, np.zeros_like(flat)) | {
        "entity": campaign,
        "day": TODAY_NUMBER + open_days - clicks.shape[1] + column,
        "hour": hour,
        "clicks": flat,
        "spend_micros": flat * 1_000_000,
        "orders": flat * 0 if orders is None else orders.ravel(),
    }
    return replace(NO_HOURS, entity_ids=LAYOUT.campaign_ids, **columns)  # type: ignore[arg-type]  # named as the table's


def learn(table: PerformanceTable, budget: Float64 | None = None, unusable: NDArray[np.int32] = NO_DAYS) -> HourProfile:
    """Return the profile learned from four weeks."""
    return learn_hours(table, LAYOUT, today=TODAY_NUMBER, first_day=FIRST, unusable=unusable, budget_micros=budget)


def drawn(daily: float, seed: int) -> NDArray[np.int64]:
    """Draw four weeks of clicks of two campaigns."""
    return np.random.default_rng(seed).poisson(daily * EVENING, (2, DAYS, 24))


def digest(profile: HourProfile) -> bytes:
    """Return all figures of a profile to the last bit."""
    return b"".join(getattr(profile, name).tobytes() for name in ("share", "week", "worth", "served"))


def test_weekdays_and_weekends_get_hours_of_their_own() -> None:
    """Evenings on weekdays, early hours at the weekend: both profiles come out of one table."""
    weekend = weekday(np.arange(FIRST, TODAY_NUMBER)) >= 5
    profile = np.where(weekend[:, None], MORNING, EVENING)

    answer = learn(hourly(np.round(2_880 * np.stack([profile, profile])).astype(np.int64)))

    np.testing.assert_allclose(answer.share[:5], np.tile(EVENING, (5, 1)), atol=0.001)
    np.testing.assert_allclose(answer.share[5:], np.tile(MORNING, (2, 1)), atol=0.001)
    np.testing.assert_array_equal(answer.served, 1.0)


def test_before_any_click_the_usual_day_stands() -> None:
    """An empty table gives the prior's hours, level weekdays, equal worth, and says that it knows nothing."""
    answer = learn(NO_HOURS)

    np.testing.assert_allclose(answer.share, np.tile(PRIOR_DAY / PRIOR_DAY.sum(), (7, 1)))
    assert [1.0] * 7 == answer.week.tolist()
    np.testing.assert_allclose(answer.worth, 1.0)
    assert (1.0, 0.0) == (answer.served.min(), answer.clicks)


def test_budgets_that_ran_dry_at_noon_do_not_make_demand_early() -> None:
    """One campaign is silent from noon: its days were served for the part before, and the evening keeps its half."""
    clicks = np.tile(np.round(1_080 * EVENING).astype(np.int64), (2, DAYS, 1))
    clicks[0, :, 12:] = 0

    answer = learn(hourly(clicks))

    np.testing.assert_allclose(answer.share[:, 18:].sum(axis=1), 0.5, atol=0.01)
    np.testing.assert_allclose(answer.served[0], 11.5 / 36, atol=0.01)
    np.testing.assert_array_equal(answer.served[1], 1.0)


@pytest.mark.parametrize(("budget", "dry"), [(6.0, True), (7.0, False), (np.nan, False)])
def test_few_clicks_ran_dry_only_where_they_spent_the_budget(budget: float, dry: bool) -> None:  # noqa: FBT001
    """Six clicks before noon and then nothing: chance, unless the budget was six clicks."""
    clicks = drawn(1_000.0, 3)
    clicks[0, 5] = (np.arange(24) >= 6) & (np.arange(24) < 12)
    budgets = np.full((2, DAYS), np.nan)
    budgets[0, 5] = budget * 1e6

    answer = learn(hourly(clicks), budgets)

    assert answer.served[0, 5] == pytest.approx(11.5 / 36 if dry else 1.0, abs=0.01)
    np.testing.assert_array_equal(answer.served[1], 1.0)


def test_a_late_start_is_absence_and_a_quiet_night_is_not() -> None:
    """A busy campaign without a click before 18 o'clock was not there; a small one was merely not clicked."""
    clicks = drawn(1_000.0, 4)
    clicks[0, 9, :18] = 0
    clicks[1, 9] = 4 * (np.arange(24) == 20)

    answer = learn(hourly(clicks))

    assert answer.served[0, 9] == pytest.approx(0.5 - 1.5 / 36, abs=0.01)
    assert 1.0 == answer.served[1, 9]


def test_weekday_levels_are_means_shrunk_by_one_day() -> None:
    """Four Sundays of 480 clicks among days of 240: 4 times their ratio and once 1, over 5."""
    sunday = weekday(np.arange(FIRST, TODAY_NUMBER)) == 6
    clicks = np.where(sunday[None, :, None], 20, 10) * np.ones((1, 1, 24), dtype=np.int64)

    answer = learn(hourly(clicks))

    mean = (6 * 240 + 480) / 7
    level = np.array([(4 * 240 / mean + 1) / 5] * 6 + [(4 * 480 / mean + 1) / 5])
    np.testing.assert_allclose(answer.week, level / level.mean(), rtol=1e-9)


def test_worth_is_orders_against_those_due_shrunk_to_one() -> None:
    """Hours from 18 convert twice as well: (seen + 30) / (due + 30), brought to mean 1 over demand."""
    clicks = np.full((2, DAYS, 24), 100, dtype=np.int64)
    orders = np.where(np.arange(24) >= 18, 2, 1) * np.ones((2, DAYS, 1), dtype=np.int64)

    answer = learn(hourly(clicks, orders=orders))

    seen = np.where(np.arange(24) >= 18, 2.0, 1.0) * 2 * DAYS
    raw = (seen + PRIOR_ORDERS) / (seen.mean() + PRIOR_ORDERS)
    assert answer.worth[18] / answer.worth[0] == pytest.approx(raw[18] / raw[0], rel=1e-9)
    assert float(answer.worth @ answer.share.mean(axis=0)) == pytest.approx(1.0, abs=1e-3)


def test_excluded_days_the_open_day_and_strangers_leave_no_trace() -> None:
    """Whatever stands there, the profile is the same to the last bit."""
    clicks = drawn(300.0, 5)
    spoiled = np.concatenate([clicks, np.full((2, 1, 24), 9_999)], axis=1)
    spoiled[:, 3] = 7_777
    excluded = np.array([FIRST + 3], dtype=np.int32)

    clean = learn(hourly(clicks), unusable=excluded)
    dirty = learn(hourly(spoiled, open_days=1), unusable=excluded)
    strange = learn(replace(hourly(clicks), entity_ids=("gone-1", "gone-2")))

    assert digest(clean) == digest(dirty) != digest(learn(hourly(clicks)))
    assert 0.0 == strange.clicks


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.floats(0.0, 400.0), st.floats(0.0, 1.0))
def test_any_profile_is_a_profile(seed: int, daily: float, holes: float) -> None:
    """Shares sum to 1, levels average 1, parts of days are parts, whatever hours are silent."""
    rng = np.random.default_rng(seed)
    clicks = rng.poisson(daily / 24, (2, DAYS, 24)) * (rng.random((2, DAYS, 24)) > holes)

    answer = learn(hourly(clicks), np.full((2, DAYS), daily * 0.5e6))

    np.testing.assert_allclose(answer.share.sum(axis=1), 1.0)
    assert 1.0 == pytest.approx(float(answer.week.mean()))
    assert np.all(answer.share > 0)
    assert np.all(answer.worth > 0)
    assert np.all((answer.served >= 0) & (answer.served <= 1))
    assert clicks.sum() == answer.clicks


def state(new: State, back: int, ref: str = "target:t0") -> PastChange:
    """Return a confirmed change of state made at noon so many days ago."""
    return PastChange(
        ref=EntityRef.parse(ref),
        field=Field.STATE,
        old=None,
        new=new,
        at=day_start(days_ago(back), ZONE) + timedelta(hours=12),
        status=Status.CONFIRMED,
        actor=Editor.DAEMON,
        reason_code="test",
    )


def reported(shown: NDArray[np.bool_]) -> TargetFacts:
    """Return facts with a row of 20 impressions for every target and day shown, and no other rows."""
    target, column = np.nonzero(shown)
    names = ("elapsed", "clicks", "orders", "spend_micros", "revenue_micros", "carts")
    return TargetFacts(
        today=TODAY_NUMBER,
        first_day=FIRST,
        target=target.astype(np.int32),
        day=(FIRST + column).astype(np.int32),
        impressions=np.full(len(target), 20.0),
        **dict.fromkeys(names, np.zeros(len(target))),
    )


ALL = np.ones((len(LAYOUT), DAYS), dtype=np.bool_)


def seen(
    shown: NDArray[np.bool_] = ALL,
    *changes: PastChange,
    served: Float64 = np.ones((2, DAYS)),  # noqa: B008
    sales: ProductSalesTable = NO_SALES,
    zeros_left_out: bool = True,
    shop: Structure = SHOP,
    unusable: NDArray[np.int32] = NO_DAYS,
) -> Presence:
    """Return presence found for a venue that leaves out rows of nothing, where not said otherwise."""
    return presence(
        reported(shown),
        lay_out(shop),
        replace(learn(NO_HOURS), served=served),
        sales,
        changes,
        time_zone=ZONE,
        zeros_left_out=zeros_left_out,
        unusable=unusable,
    )


def hidden(*places: tuple[int, slice | int]) -> NDArray[np.bool_]:
    """Return everything shown but for some targets on some days."""
    shown = ALL.copy()
    for target, days in places:
        shown[target, days] = False
    return shown


def test_an_absent_row_is_a_day_of_nothing_only_where_zeros_are_left_out() -> None:
    """Silence of one target among its campaign's others counts as a day; a campaign without any row was away."""
    shown = hidden((0, 10), *((int(row), 12) for row in np.flatnonzero(LAYOUT.campaign == 1)))

    zeros, gaps = seen(shown), seen(shown, zeros_left_out=False)

    assert zeros.there[0, 10]
    assert not zeros.there[LAYOUT.campaign == 1, 12].any()
    assert zeros.there[LAYOUT.campaign == 0, 12].all()
    np.testing.assert_array_equal(gaps.there, shown)


def test_a_target_that_came_late_was_not_there_before() -> None:
    """Shown daily since day 20 of 28, its silence until then is no chance; one shown rarely may have been there."""
    shown = hidden((0, slice(0, 20)), (1, slice(0, 25)), (1, slice(26, 28)))

    answer = seen(shown)

    np.testing.assert_array_equal(answer.there[0], np.arange(DAYS) >= 20)
    assert answer.there[1].all()


@pytest.mark.parametrize("ref", ["target:t0", "ad_group:g0", "campaign:c0"])
def test_paused_days_are_missing_for_all_below(ref: str) -> None:
    """From the day of the pause to that of its end, unless something was shown: the first day's morning was."""
    below = {
        "target:t0": np.arange(len(LAYOUT)) == 0,
        "ad_group:g0": LAYOUT.ad_group == 0,
        "campaign:c0": LAYOUT.campaign == 0,
    }[ref]
    expected = np.ones(DAYS, dtype=np.bool_)
    expected[DAYS - 9 : DAYS - 4] = False
    stop, go = state(State.PAUSED, 10, ref), state(State.ENABLED, 5, ref)

    answer = seen(ALL & (expected | ~below[:, None]), stop, go)

    np.testing.assert_array_equal(answer.there[below], np.tile(expected, (int(below.sum()), 1)))
    assert answer.there[~below].all()


@pytest.mark.parametrize(
    ("changes", "missing"),
    [
        ((state(State.PAUSED, 4),), range(24, 28)),
        ((state(State.PAUSED, 6), state(State.ARCHIVED, 4)), range(22, 28)),
        ((state(State.ENABLED, 4),), range(24, 25)),
        ((replace(state(State.PAUSED, 4), status=Status.UNKNOWN),), range(0)),
        ((state(State.PAUSED, 90), state(State.ENABLED, 26)), range(3)),
    ],
    ids=["still", "for good", "began", "unconfirmed", "long ago"],
)
def test_pauses_at_the_edges_of_the_record(changes: tuple[PastChange, ...], missing: range) -> None:
    """An open pause lasts until now, one from before the record counts, and what nobody confirmed does not."""
    answer = seen(hidden((0, slice(1, 28))), *changes)

    assert [n for n in range(1, DAYS) if n in missing] == [n for n in range(1, DAYS) if not answer.there[0, n]]


def test_who_is_paused_now_was_last_there_when_last_shown() -> None:
    """Nobody recorded when; after its last impression the days do not count."""
    paused = replace(SHOP, targets=(replace(SHOP.targets[0], state=State.PAUSED), *SHOP.targets[1:]))
    shown = hidden((0, slice(15, 28)), (0, 5))

    now, live = seen(shown, shop=paused), seen(shown)

    np.testing.assert_array_equal(now.there[0], np.arange(DAYS) < 15)
    assert live.there[0].all()


def stock(*rows: tuple[str, int, float]) -> ProductSalesTable:
    """Return hours in stock by product id and days ago."""
    names = tuple(sorted({name for name, _, _ in rows}))
    columns: dict[str, NDArray[np.generic]] = dict.fromkeys(PRODUCT_COLUMNS, np.zeros(len(rows), dtype=np.int64)) | {
        "product": np.array([names.index(name) for name, _, _ in rows]),
        "day": np.array([TODAY_NUMBER - back for _, back, _ in rows]),
        "in_stock_hours": np.array([hours for _, _, hours in rows]),
    }
    return replace(NO_SALES, product_ids=names, **columns)  # type: ignore[arg-type]  # columns are named as the table's


def test_a_day_counts_by_budget_times_stock() -> None:
    """Six hours in stock are a quarter of the day, of it what the budget lasted for; unknown stock is a whole day."""
    served = np.ones((2, DAYS))
    served[0, DAYS - 3] = 0.4
    sales = stock(("p0", 3, 6.0), ("p2", 3, np.nan), ("p3", 3, 0.0), ("gone", 3, 0.0), ("p0", 90, 0.0))

    answer = seen(served=served, sales=sales)

    of_product = {"p0": 0.4 * 0.25, "p1": 1.0, "p2": 0.4, "p3": 0.0}
    expected = [of_product[str(target.product_id)] for target in SHOP.targets]
    assert expected == pytest.approx(answer.column(DAYS - 3).tolist())
    np.testing.assert_array_equal(answer.column(DAYS - 2), 1.0)
    assert [0.25, 1.0, 1.0, 0.0] == answer.as_served().column(DAYS - 3)[:4].tolist()


def test_rows_outside_the_days_known_have_no_part() -> None:
    """The open day and days before the window count for nothing; days that are not learned from were not there."""
    answer = seen(unusable=np.array([TODAY_NUMBER - 2], dtype=np.int32))
    days = np.array([FIRST - 1, FIRST, TODAY_NUMBER - 2, TODAY_NUMBER - 1, TODAY_NUMBER], dtype=np.int32)

    parts = answer.of_rows(np.zeros(len(days), dtype=np.int32), days)

    assert [0.0, 1.0, 0.0, 1.0, 0.0] == parts.tolist()
