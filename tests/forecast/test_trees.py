"""Boosted trees as a prior: used where they help and nowhere else, and never fed a target's own orders."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.ensemble import HistGradientBoostingRegressor
from threadpoolctl import threadpool_limits

from bidder.core.performance import Float64
from bidder.core.snapshot import Snapshot
from bidder.forecast import EmpiricalBayesForecaster
from bidder.forecast.bins import binned
from bidder.forecast.layout import Layout, lay_out
from bidder.forecast.trees import LEAST_ORDERS, boosted, parts
from tests.forecast.shops import POLICY, Shop, ShopPlan, shop, structure, with_columns

PLAN = ShopPlan(targets=1_200, products=30, days=60, clicks=3.0, cvr=0.02, spread=1.0, seed=3)
SIZE = 400


def telling(made: Shop) -> Snapshot:
    """Return a shop in which searchers click more often on what they will buy, up to a point."""
    daily = made.snapshot.history.daily
    relative = made.cvr / PLAN.cvr
    ctr = np.clip(0.02 * np.sqrt(relative), 0.01, 0.04)
    impressions = np.round(daily.clicks / ctr[daily.entity]).astype(np.int64)
    return made.with_history(
        replace(made.snapshot.history, daily=with_columns(daily, impressions=impressions))
    ).snapshot


def layout_of(size: int) -> Layout:
    """Return a layout of so many targets."""
    return lay_out(structure(ShopPlan(targets=size)))


def planted(seed: int) -> tuple[Float64, Float64, Float64, Float64]:
    """Return covariates of which one tells the rate, orders, expected orders, and the true relative rate."""
    rng = np.random.default_rng(seed)
    known = rng.normal(size=(SIZE, 3))
    truth = np.where(known[:, 1] > 0, 1.7, 0.3)
    expected = rng.gamma(2.0, 3.0, SIZE)
    return known, rng.poisson(expected * truth).astype(np.float64), expected, truth


def test_trees_are_used_where_clicks_tell_and_bring_the_rates_closer() -> None:
    """The chosen forecaster says so, and ranks sparse targets better than the one that saw no impressions."""
    made = shop(PLAN)
    blind = EmpiricalBayesForecaster(POLICY).forecast(made.snapshot)
    told = EmpiricalBayesForecaster(POLICY).forecast(telling(made))

    def error(cvr: Float64) -> float:
        return float(np.sqrt(np.mean(np.log(cvr / made.cvr) ** 2)))

    assert any("Boosted trees" in note for note in told.notes)
    assert not any("Boosted trees" in note for note in blind.notes)
    assert error(told.cvr) < 0.9 * error(blind.cvr)
    assert 1.0 == pytest.approx(told.cvr.sum() / made.cvr.sum(), abs=0.05)


def test_trees_find_a_step_and_keep_the_level() -> None:
    """What tells is found, and on the whole nothing is moved."""
    known, events, expected, truth = planted(1)

    relative = boosted(known, events, expected, layout_of(SIZE))

    assert 1.0 == pytest.approx(float(np.average(relative, weights=expected)))
    assert np.corrcoef(relative, truth)[0, 1] > 0.9


@settings(max_examples=10, deadline=None)
@given(st.integers(0, SIZE - 1))
def test_a_targets_own_orders_do_not_move_its_prior(which: int) -> None:
    """Orders that move from one target to another of its part move nobody's level in that part against another's."""
    known, events, expected, _ = planted(2)
    layout = layout_of(SIZE)
    own = np.flatnonzero(parts(layout) == parts(layout)[which])
    before = boosted(known, events, expected, layout)
    giver = own[np.argmax(np.where(own == which, -1.0, events[own]))]
    events[which] += events[giver]
    events[giver] = 0.0

    after = boosted(known, events, expected, layout)

    np.testing.assert_allclose(after[own] / before[own], after[which] / before[which], rtol=1e-9)


def test_the_order_of_the_targets_does_not_matter() -> None:
    """Parts are cut by id."""
    known, events, expected, _ = planted(3)
    layout = layout_of(SIZE)
    mixed = np.random.default_rng(4).permutation(SIZE)
    shuffled = replace(layout, target_ids=tuple(layout.target_ids[n] for n in mixed))

    straight = boosted(known, events, expected, layout)
    crooked = boosted(known[mixed], events[mixed], expected[mixed], shuffled)

    np.testing.assert_allclose(straight[mixed], crooked, rtol=1e-12)


@pytest.mark.parametrize("orders", [0.0, LEAST_ORDERS - 1])
def test_too_little_to_learn_from_is_no_opinion(orders: float) -> None:
    """Few orders, or few targets: ones."""
    known, events, expected, _ = planted(5)

    few = boosted(known, events * (orders / events.sum()), expected, layout_of(SIZE))
    small = boosted(known[:50], events[:50] * 100, expected[:50], layout_of(50))

    assert (few == 1.0).all()
    assert (small == 1.0).all()


def test_unknown_covariates_are_no_obstacle() -> None:
    """Trees take what is not known as such."""
    known, events, expected, truth = planted(6)
    known[:, 0] = np.nan
    known[::3, 1] = np.nan

    relative = boosted(known, events, expected, layout_of(SIZE))

    assert np.isfinite(relative).all()
    assert np.corrcoef(relative, truth)[0, 1] > 0.5


@given(seed=st.integers(0, 2**31), size=st.integers(260, 600), rounded=st.booleans())
@settings(max_examples=8, deadline=None)
def test_bins_worked_out_beforehand_grow_the_same_trees(seed: int, size: int, *, rounded: bool) -> None:
    """Trees on binned columns predict what trees on the values themselves do.

    For every row learned from, for rows that combine its values anew, and for unknown, larger and smaller values. Where
    no learned value lies in a bin, the side of a split is a tie, and no part of the promise.
    """
    rng = np.random.default_rng(seed)
    known = rng.normal(size=(size, 3))
    known[:, 1] = np.round(known[:, 1], 1)
    known[rng.random(known.shape) < 0.1] = np.nan
    extreme = rng.choice([-99.0, 99.0, np.nan], size=(50, 3))
    asked = np.concatenate([known, rng.permuted(known, axis=0), extreme])
    weight = np.ones(size) if rounded else rng.gamma(0.5, 1.0, size) + 1e-9
    rate = rng.poisson(weight * np.exp(np.nan_to_num(known[:, 0]))) / weight + 0.01

    def grown(learned: Float64, told: Float64) -> Float64:
        trees = HistGradientBoostingRegressor(max_iter=10, min_samples_leaf=5, early_stopping=False, random_state=0)
        return np.asarray(trees.fit(learned, rate, sample_weight=weight).predict(told), dtype=np.float64)

    with threadpool_limits(limits=1):
        assert grown(known, asked).tolist() == grown(*binned(known, asked, weight)).tolist()
