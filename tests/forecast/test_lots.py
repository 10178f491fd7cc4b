"""Elasticities from drawn bids: right where bids follow demand, honest about their error, silent without a contrast."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bidder.core.performance import Float64
from bidder.forecast.lots import Answer, Drawn, read_lots

CLICKS, PRICE = 0.75, 0.6


def drawn(seed: int, *, targets: int = 200, days: int = 14, step: float = 0.2, follows: float = 0.8) -> Drawn:
    """Draw keywords whose owner bids more on days of high demand, with a side drawn on top."""
    rng = np.random.default_rng(seed)
    size = (targets, days)
    sign = rng.choice([-1.0, 1.0], size)
    day = rng.normal(0.0, 0.4, size)
    log_bid = follows * day + np.log1p(step * sign)
    clicks = rng.poisson(6.0 * np.exp(rng.normal(0.0, 0.7, (targets, 1)) + day + CLICKS * log_bid)).astype(np.float64)
    target, column = (grid.ravel() for grid in np.indices(size))
    return Drawn(
        sign=sign.ravel(),
        log_bid=log_bid.ravel(),
        exposure=np.ones(sign.size),
        clicks=clicks.ravel(),
        spend=(clicks * np.exp(PRICE * log_bid) * rng.lognormal(0.0, 0.1, size)).ravel(),
        target=target,
        lot=target * days + column,
        pool=np.zeros(sign.size, dtype=np.int64),
    )


def test_two_sides_without_noise_are_the_ratio_of_sums() -> None:
    """One bid a side: the elasticities are logs of ratios of sums, whatever the sums."""
    sides = Drawn(
        sign=np.array([1.0, 1.0, -1.0, -1.0]),
        log_bid=np.log([1.2, 1.2, 0.8, 0.8]),
        exposure=np.ones(4),
        clicks=np.array([700.0, 500.0, 450.0, 550.0]),
        spend=np.array([800.0, 700.0, 480.0, 520.0]),
        target=np.zeros(4, dtype=np.int64),
        lot=np.arange(4),
        pool=np.zeros(4, dtype=np.int64),
    )

    answer = read_lots(sides, 1)

    clicks, spend = math.log(1200 / 1000), math.log(1500 / 1000)
    assert answer.clicks[0] == pytest.approx(clicks / math.log(1.2 / 0.8))
    assert answer.cpc[0] == pytest.approx((spend - clicks) / math.log(1.2 / 0.8))
    assert answer.curvature[0] == pytest.approx(clicks / spend)


def test_planted_elasticities_come_out_although_bids_follow_demand() -> None:
    """Averages over forty markets hit the truth; log on log of the same data is far off."""
    answers = [read_lots(drawn(seed), 1) for seed in range(40)]
    naive = []
    for seed in range(5):
        rows = drawn(seed)
        some = rows.clicks > 0
        naive.append(np.polyfit(rows.log_bid[some], np.log(rows.clicks[some]), 1)[0])

    def mean(name: str) -> float:
        return float(np.mean([getattr(answer, name)[0] for answer in answers]))

    assert mean("clicks") == pytest.approx(CLICKS, abs=0.04)
    assert mean("cpc") == pytest.approx(PRICE, abs=0.01)
    assert mean("curvature") == pytest.approx(CLICKS / (CLICKS + PRICE), abs=0.015)
    assert float(np.mean(naive)) > CLICKS + 0.3


@pytest.mark.parametrize("quantity", ["clicks", "cpc", "curvature"])
def test_the_stated_error_is_how_far_estimates_scatter(quantity: str) -> None:
    """Over a hundred markets the standard deviation of estimates is what they state, within a fifth."""
    stated = {"clicks": "click_error", "cpc": "cpc_error", "curvature": "curvature_error"}[quantity]
    answers = [read_lots(drawn(seed, targets=60), 1) for seed in range(100)]
    told: Float64 = np.array([getattr(answer, quantity)[0] for answer in answers])
    errors: Float64 = np.array([getattr(answer, stated)[0] for answer in answers])

    assert float(told.std()) == pytest.approx(float(np.median(errors)), rel=0.2)


def test_signs_that_moved_no_bid_say_so_by_their_error() -> None:
    """Lots that nobody followed: no answer, or one whose error is too wide to move anything."""
    rows = drawn(3, step=0.0)

    answer = read_lots(rows, 1)

    assert math.isnan(answer.clicks[0]) or answer.click_error[0] > 1.0


def test_lots_in_the_wrong_order_weaken_the_answer_but_do_not_bend_it() -> None:
    """Where half of the days stand on another lot than is believed, errors grow and the truth stays inside them."""
    rows = drawn(4, targets=600)
    rng = np.random.default_rng(0)
    lost = rng.random(len(rows)) < 0.5
    blurred = replace(rows, sign=np.where(lost, rng.choice([-1.0, 1.0], len(rows)), rows.sign))

    sharp, dull = read_lots(rows, 1), read_lots(blurred, 1)

    assert dull.click_error[0] > 1.5 * sharp.click_error[0]
    assert abs(dull.clicks[0] - CLICKS) < 3 * dull.click_error[0]


def test_pools_are_read_apart_and_empty_ones_tell_nothing() -> None:
    """Two categories with answers of their own, and a third without a row."""
    first, second = drawn(5), drawn(6)
    both = {
        name: np.concatenate([getattr(first, name), getattr(second, name)])
        for name in ("sign", "log_bid", "exposure", "clicks", "spend")
    }
    pool = np.repeat([0, 2], [len(first), len(second)])
    together = Drawn(
        **both, target=np.concatenate([first.target, second.target + 200]),
        lot=np.concatenate([first.lot, second.lot + 2800]), pool=pool,
    )  # fmt: skip

    answer, alone = read_lots(together, 3), read_lots(second, 1)

    assert [len(first), 0, len(second)] == answer.days.tolist()
    assert np.isnan([answer.clicks[1], answer.cpc[1], answer.curvature[1], answer.click_error[1]]).all()
    assert answer.clicks[2] == pytest.approx(alone.clicks[0])
    assert answer.click_error[2] == pytest.approx(alone.click_error[0])


def test_exposure_takes_known_demand_out_of_the_noise() -> None:
    """Told how good each day was, the same data give a smaller error."""
    rows = drawn(7, follows=0.0)
    known = np.exp(np.random.default_rng(7).normal(0.0, 0.4, (200, 14)))
    size = (200, 14)
    rng = np.random.default_rng(8)
    sign = rng.choice([-1.0, 1.0], size)
    log_bid = np.log1p(0.2 * sign)
    clicks = rng.poisson(30 * known * np.exp(CLICKS * log_bid)).astype(np.float64).ravel()
    seen = replace(rows, sign=sign.ravel(), log_bid=log_bid.ravel(), clicks=clicks, spend=clicks)

    blind, told = read_lots(seen, 1), read_lots(replace(seen, exposure=known.ravel()), 1)

    assert told.click_error[0] < 0.7 * blind.click_error[0]


def test_a_side_kept_for_days_counts_as_one_draw() -> None:
    """The same data, with each side kept for two days whose demand moves together, state a larger error."""
    rng = np.random.default_rng(9)
    sign = np.repeat(rng.choice([-1.0, 1.0], (300, 7)), 2, axis=1)
    mood = np.repeat(rng.normal(0.0, 0.6, (300, 7)), 2, axis=1)
    log_bid = np.log1p(0.2 * sign)
    clicks = rng.poisson(20 * np.exp(mood + CLICKS * log_bid)).astype(np.float64).ravel()
    target, day = (grid.ravel() for grid in np.indices(sign.shape))
    kept = Drawn(
        sign=sign.ravel(), log_bid=log_bid.ravel(), exposure=np.ones(sign.size), clicks=clicks, spend=clicks,
        target=target, lot=target * 7 + day // 2, pool=np.zeros(sign.size, dtype=np.int64),
    )  # fmt: skip

    honest, vain = read_lots(kept, 1), read_lots(replace(kept, lot=np.arange(sign.size)), 1)

    assert honest.clicks[0] == vain.clicks[0]
    assert honest.click_error[0] > 1.2 * vain.click_error[0]


@given(st.integers(0, 2**31 - 1), st.integers(1, 4), st.integers(0, 3))
def test_thin_data_never_break_it(seed: int, days: int, clicks: int) -> None:
    """A day or two, no clicks, one target: an answer with an error, or none; never infinite, never a warning."""
    thin = drawn(seed, targets=2, days=days)
    rare = replace(thin, clicks=np.minimum(thin.clicks, clicks), spend=np.minimum(thin.spend, clicks))

    answer = read_lots(rare, 1)

    check_sane(answer)


def test_no_rows_at_all_give_no_answer() -> None:
    """An experiment that has not begun."""
    none: Any = np.zeros(0)
    empty = Drawn(
        sign=none, log_bid=none, exposure=none, clicks=none, spend=none, target=none.astype(int),
        lot=none.astype(int), pool=none.astype(int),
    )  # fmt: skip

    answer = read_lots(empty, 2)

    check_sane(answer)
    assert np.isnan(answer.clicks).all()


def check_sane(answer: Answer) -> None:
    """Check that figures are finite or missing, and that errors are not negative."""
    for name in ("clicks", "click_error", "cpc", "cpc_error", "curvature", "curvature_error"):
        assert not np.isinf(getattr(answer, name)).any()
    for name in ("click_error", "cpc_error", "curvature_error"):
        assert not (getattr(answer, name) < 0).any()
