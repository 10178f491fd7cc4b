"""Shrinkage of rates: what levels explain, how targets scatter, and the laws every posterior obeys."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bidder.core.performance import Float64
from bidder.forecast.cells import pool
from bidder.forecast.layout import Codes
from bidder.forecast.mixture import fit_scatter
from bidder.forecast.shrinkage import RatePrior, fit_rates, fit_shape

CVR = 0.02


def drawn(
    seed: int,
    *,
    targets: int = 3_000,
    groups: int = 60,
    group_spread: float = 0.5,
    spread: float = 0.5,
    clicks: float = 80.0,
) -> tuple[Float64, Float64, Codes, Float64]:
    """Return orders, clicks, groups and true rates of a drawn pool."""
    rng = np.random.default_rng(seed)
    group = rng.integers(0, groups, targets).astype(np.int32)
    rate = CVR * rng.lognormal(-(group_spread**2) / 2, group_spread, groups)[group]
    rate = rate * rng.lognormal(-(spread**2) / 2, spread, targets)
    exposure = rng.gamma(0.5, 2 * clicks, targets)
    return rng.poisson(rate * exposure).astype(np.float64), exposure, group, rate


def error(estimate: Float64, truth: Float64) -> float:
    """Return the mean absolute error relative to the mean."""
    return float(np.abs(estimate - truth).mean() / truth.mean())


def test_shrunk_rates_beat_raw_and_pooled_ones() -> None:
    """Between "every target alone" and "all targets alike" the truth is found, and groups help."""
    events, exposure, group, rate = drawn(1)

    shape, scale = fit_rates(events, exposure, [group], fallback=CVR).posterior(events, exposure)
    flat_shape, flat_scale = fit_rates(events, exposure, [], fallback=CVR).posterior(events, exposure)

    ours, flat = error(shape / scale, rate), error(flat_shape / flat_scale, rate)
    assert ours < flat
    assert ours < error(np.full(len(rate), events.sum() / exposure.sum()), rate)
    assert ours < error(np.where(exposure > 0, events / exposure, 0.0), rate)


def test_levels_that_explain_nothing_shrink_to_one() -> None:
    """Random groups barely move a rate."""
    events, exposure, _, _ = drawn(2, group_spread=0.0)
    noise = np.random.default_rng(9).integers(0, 60, len(events)).astype(np.int32)

    prior = fit_rates(events, exposure, [noise], fallback=CVR)

    assert prior.mean.std() / prior.mean.mean() < 0.08


def test_the_sum_of_expected_events_is_that_seen() -> None:
    """Shrinking does not bias the pool."""
    events, exposure, group, _ = drawn(3)

    shape, rate = fit_rates(events, exposure, [group], fallback=CVR).posterior(events, exposure)

    assert events.sum() == pytest.approx((shape / rate) @ exposure, rel=0.03)


def test_dead_targets_are_found_among_live_ones() -> None:
    """Where a third never sells, much exposure without an order means almost zero, not "a bit below average"."""
    events, exposure, group, rate = drawn(4, clicks=400.0)
    dead = np.random.default_rng(1).random(len(rate)) < 0.33
    events = np.where(dead, 0.0, events)

    shape, scale = fit_rates(events, exposure, [group], fallback=CVR).posterior(events, exposure)

    known_dead = dead & (exposure * CVR > 8)
    assert (shape / scale)[known_dead].mean() < 0.06 * CVR


def test_shape_of_a_gamma_is_recovered() -> None:
    """Counts drawn around a Gamma of shape 2.5 give about that shape."""
    rng = np.random.default_rng(5)
    expected = rng.gamma(1.0, 6.0, 20_000)

    shape = fit_shape(rng.poisson(expected * rng.gamma(2.5, 1 / 2.5, len(expected))).astype(np.float64), expected)

    assert 2.5 == pytest.approx(shape, rel=0.08)


def test_pooling_alike_targets_changes_nothing_that_matters() -> None:
    """The fit on cells is the fit on targets, up to the width of the bins."""
    events, exposure, _, _ = drawn(6)
    expected = exposure * events.sum() / exposure.sum()
    cells = pool(events, expected)

    assert len(events) == cells.times.sum()
    assert fit_shape(events, expected) == pytest.approx(fit_shape(cells.events, cells.expected, cells.times), rel=0.05)


def test_a_pool_of_one_keeps_to_the_prior() -> None:
    """A single target with a single order is not "forty times as good as usual"."""
    prior = fit_rates(np.array([1.0]), np.array([2.0]), [np.zeros(1, np.int32)], fallback=CVR)

    shape, rate = prior.posterior(np.array([1.0]), np.array([2.0]))

    assert 0.5 * CVR < shape[0] / rate[0] < 5 * CVR


def settled_prior(targets: int) -> RatePrior:
    """Return a prior learned from a pool, for the first targets of it."""
    events, exposure, group, _ = drawn(7)
    prior = fit_rates(events, exposure, [group], fallback=CVR)
    return RatePrior(
        mean=prior.mean[:targets],
        doubt=prior.doubt[:targets],
        scatter=prior.scatter,
        target_shape=prior.target_shape,
        level_shapes=prior.level_shapes,
        total=prior.total,
    )


ONE = settled_prior(1)


@given(events=st.floats(0, 400), exposure=st.floats(0, 20_000), more=st.floats(1.0, 50.0))
def test_more_data_at_the_same_rate_never_widens_the_interval(events: float, exposure: float, more: float) -> None:
    """Given the prior, the relative width of a posterior falls when events and exposure grow together.

    A rate far off everything the pool shows may at first be explained by several kinds of target; that is the only
    case in which certainty has to wait, so rates are those that the pool knows.
    """
    expected = float(ONE.mean[0]) * exposure
    seen = min(events, 3.0 * expected)

    little, _ = ONE.posterior(np.array([seen]), np.array([exposure]))
    much, _ = ONE.posterior(np.array([seen * more]), np.array([exposure * more]))

    assert much[0] >= little[0] * 0.6 or seen == 0
    assert np.isfinite(little[0])


@given(
    counts=st.lists(st.integers(0, 10**7), min_size=1, max_size=30),
    exposures=st.lists(st.floats(0, 1e12), min_size=30, max_size=30),
)
def test_any_counts_give_finite_positive_rates(counts: list[int], exposures: list[float]) -> None:
    """Orders without clicks, clicks without orders and absurd sizes never give nan or zero."""
    events, exposure = np.array(counts, dtype=np.float64), np.array(exposures[: len(counts)])
    groups = (np.arange(len(counts)) % 3).astype(np.int32)

    prior = fit_rates(events, exposure, [groups], fallback=CVR)
    shape, rate = prior.posterior(events, exposure)

    assert np.all(np.isfinite(shape) & (shape > 0))
    assert np.all(np.isfinite(rate) & (rate > 0))


def test_events_raise_and_exposure_lowers_the_rate() -> None:
    """The posterior mean is monotone in what was seen."""
    prior = settled_prior(1)
    many = RatePrior(
        mean=np.repeat(prior.mean, 50),
        doubt=np.repeat(prior.doubt, 50),
        scatter=prior.scatter,
        target_shape=prior.target_shape,
        level_shapes=prior.level_shapes,
        total=prior.total,
    )
    steps = np.arange(50.0)

    by_events = np.divide(*many.posterior(steps, np.full(50, 500.0)))
    by_exposure = np.divide(*many.posterior(np.full(50, 3.0), 20.0 * (1 + steps)))

    assert np.all(np.diff(by_events) > 0)
    assert np.all(np.diff(by_exposure) < 0)


def test_scatter_is_a_distribution_of_mean_one() -> None:
    """Whatever was seen, weights sum to one and the mean relative rate is one."""
    events, exposure, _, _ = drawn(8)

    scatter = fit_scatter(pool(events, exposure * CVR), 2.0)

    assert 1.0 == pytest.approx(scatter.weights.sum())
    assert 1.0 == pytest.approx(scatter.weights @ scatter.nodes)
    assert scatter.variance > 0
