"""The completion curve: what it recovers, what it refuses to learn from, and how it stays a curve."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from bidder.core.calendar import ordinal
from bidder.core.performance import Development
from bidder.forecast.maturity import MaturityCurve, default_shares, learn_maturity
from tests.forecast.shops import DELAY, NO_DEVELOPMENT, PROFILE, TODAY, development

TODAY_NUMBER = ordinal(TODAY)
NO_DAYS = np.zeros(0, dtype=np.int32)
WINDOW = 30
TRUTH = np.append(1 - 0.55 * 0.75 ** np.arange(WINDOW), 1.0)
"""Completion of the generator in docs/maths/maturity.md: 45% on the day, then a quarter of the rest each day."""


def learn(data: Development, default: tuple[float, ...] = PROFILE.maturity) -> MaturityCurve:
    """Return the curve learned from data."""
    return learn_maturity(data, default, today=TODAY_NUMBER, unusable=NO_DAYS)


def pick(data: Development, rows: np.ndarray) -> Development:
    """Return the chosen cells."""
    return Development(
        window_days=data.window_days,
        day=data.day[rows],
        age=data.age[rows],
        orders=data.orders[rows],
        revenue_micros=data.revenue_micros[rows],
    )


def test_known_curve_is_recovered() -> None:
    """Ages 0, 1, 3, 7 and 14 come out within a point and a half of the truth, although the default is far off."""
    curve = learn(development(days=60, orders=1_500, seed=3, delay=TRUTH), (0.7, 0.9, 1.0))

    ages = [0, 1, 3, 7, 14]
    np.testing.assert_allclose(curve.share[ages], TRUTH[ages], atol=0.015)


def test_gaps_between_reports_do_not_bias_the_curve() -> None:
    """A daemon that was off for days at a time learns the same curve, only less surely."""
    data = development(days=60, orders=1_500, seed=4, delay=TRUTH)
    seen = (data.day + data.age) % 4 == 0

    curve = learn(pick(data, seen), (0.7, 0.9, 1.0))

    np.testing.assert_allclose(curve.share[[3, 7, 14]], TRUTH[[3, 7, 14]], atol=0.03)


def test_without_reports_the_default_is_cut_to_the_window() -> None:
    """A venue's 15-day curve speaks of orders that a 7-day window never counts."""
    curve = learn(NO_DEVELOPMENT, (0.5, 0.6, 0.64, 0.68, 0.7, 0.72, 0.74, 0.8, 1.0))

    np.testing.assert_allclose(curve.share[:3], np.array([0.5, 0.6, 0.64]) / 0.8)
    assert 1.0 == curve.share[7] == curve.share[-1]
    assert 0.0 == curve.orders


def test_little_evidence_moves_the_default_only_a_little() -> None:
    """Three orders cannot overrule the venue's own curve."""
    curve = learn(development(days=3, orders=1, seed=1))

    np.testing.assert_allclose(curve.share, default_shares(PROFILE.maturity, 7), atol=0.08)


def test_excluded_click_days_leave_no_trace() -> None:
    """Whatever was reported about an excluded day, the curve is the same to the last bit."""
    data = development(days=30, orders=200, seed=2)
    excluded = np.array([TODAY_NUMBER - 12, TODAY_NUMBER - 20], dtype=np.int32)
    spoiled = replace(data, orders=np.where(np.isin(data.day, excluded), data.orders * 7 + 3, data.orders))

    clean = learn_maturity(data, PROFILE.maturity, today=TODAY_NUMBER, unusable=excluded)
    dirty = learn_maturity(spoiled, PROFILE.maturity, today=TODAY_NUMBER, unusable=excluded)

    assert clean.share.tobytes() == dirty.share.tobytes()


def test_observations_of_the_present_day_wait() -> None:
    """Today's look at old days is not final for their age and is not learned from."""
    data = development(days=30, orders=200, seed=2)
    today = Development(
        window_days=7,
        day=np.append(data.day, TODAY_NUMBER - 2).astype(np.int32),
        age=np.append(data.age, 2).astype(np.int32),
        orders=np.append(data.orders, 1_000_000),
        revenue_micros=np.append(data.revenue_micros, 0),
    )

    assert learn(data).share.tobytes() == learn(today).share.tobytes()


def test_interval_holds_the_truth_and_narrows() -> None:
    """Bounds surround the curve, hold the true one at nearly every age, and shrink with more orders."""
    few, many = (learn(development(days=30, orders=n, seed=9)) for n in (20, 2_000))

    assert np.all(few.low <= few.share)
    assert np.all(few.share <= few.high)
    assert 7 <= int(np.sum((many.low - 0.01 <= DELAY) & (DELAY <= many.high + 0.01)))
    assert np.all((many.high - many.low)[:7] < (few.high - few.low)[:7])


def test_completion_rises_within_the_open_day_and_after() -> None:
    """A click observed later is never less complete."""
    curve = learn(development(days=40, orders=300, seed=5))

    shares = curve.at(np.linspace(0.0, 12.0, 400))

    assert np.all(np.diff(shares) >= 0)
    assert 0 < shares[0] < curve.share[0]
    assert 1.0 == shares[-1]


@given(
    counts=st.lists(st.integers(0, 500), min_size=1, max_size=60),
    window=st.sampled_from([1, 7, 14, 30]),
    first=st.floats(0.05, 1.0),
)
def test_any_development_gives_a_curve(counts: list[int], window: int, first: float) -> None:
    """Odd counts, falling totals and late ages still give shares that rise within (0, 1] to 1 at the window."""
    number = np.arange(len(counts))
    data = Development(
        window_days=window,
        day=(TODAY_NUMBER - 40 + number // 7).astype(np.int32),
        age=(number % 7 * 2).astype(np.int32),
        orders=np.array(counts, dtype=np.int64),
        revenue_micros=np.zeros(len(counts), dtype=np.int64),
    )

    curve = learn(data, (first, 1.0))

    assert np.all(np.isfinite(curve.share))
    assert np.all(np.diff(curve.share) >= -1e-12)
    assert curve.share[0] > 0
    assert 1.0 == curve.share[-1]
    assert window + 1 == len(curve.share)


def test_what_is_sure_grows_with_what_is_known() -> None:
    """Without reports the sure share is far below the default; with many it is close to the curve, never above it."""
    unknown, known = learn(NO_DEVELOPMENT), learn(development(days=60, orders=1_500, seed=5, delay=TRUTH))

    for curve in (unknown, known):
        assert (curve.sure <= curve.share).all()
        assert (curve.surely_at(np.arange(1.0, 8.0)) <= curve.at(np.arange(1.0, 8.0))).all()
    assert unknown.sure[0] < 0.9 * unknown.share[0]
    assert known.sure[0] > 0.97 * known.share[0]
