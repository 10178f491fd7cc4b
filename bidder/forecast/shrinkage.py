"""Hierarchical empirical Bayes for rates: every target's order (or cart) rate, shrunk level by level.

The rate of a target is ``level x u_category x u_match x u_product x u_ad_group x u_target`` with each ``u`` from a
Gamma of mean 1; the shape of each level is fitted by marginal likelihood, so a level that explains nothing shrinks to
1 by itself. Levels are fitted in turn (backfitting) on counts that are weighted so that heterogeneity below a level
does not pass for evidence. Linear in the number of targets. Derivation: docs/maths/forecast.md.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import gammaln

from bidder.core.performance import Float64
from bidder.forecast.cells import Cells, pool
from bidder.forecast.layout import Codes
from bidder.forecast.mixture import Scatter, fit_scatter
from bidder.forecast.sums import sum_by

SHAPE_PRIOR_CENTRE = 4.0
"""Centre of the weak prior on every shape: an effect whose standard deviation is a half."""

SHAPE_PRIOR_SPREAD = 1.5
"""Standard deviation of the log of a shape under that prior; a handful of groups outweighs it."""

_SHAPE_RANGE = (0.02, 5_000.0)
_SWEEPS = 4
_GRIDS = (17, 9, 9)
"""Points of the grids, each over the best interval of the one before."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RatePrior:
    """What a target's rate is expected to be before its own counts are looked at.

    Attributes:
        mean: (n_targets,) prior mean of events per unit of exposure, positive.
        doubt: (n_targets,) squared coefficient of variation of the doubt about that mean.
        scatter: How targets scatter around it.
        target_shape: Shape of the one Gamma that fits the scatter best.
        level_shapes: Shape of each level, in the order of the levels given.
        total: Pooled events per exposure.
    """

    mean: Float64
    doubt: Float64
    scatter: Scatter
    target_shape: float
    level_shapes: tuple[float, ...]
    total: float

    def posterior(self, events: Float64, exposure: Float64) -> tuple[Float64, Float64]:
        """Return shape and rate of every target's posterior, read as the Gamma of the same mean and variance."""
        mean, variance = self.scatter.posterior(events, self.mean * exposure, self.doubt)
        shape = mean**2 / variance
        return shape, shape / (mean * self.mean)

    def distance(self, events: Float64, exposure: Float64, clustering: float = 1.0) -> tuple[float, int]:
        """Return how far the prior predictive is from what was seen (`bidder.forecast.check`), and on how many."""
        told = exposure > 0
        expected = (self.mean * exposure)[told]
        return self.scatter.distance(events[told], expected, self.doubt[told], clustering), int(told.sum())


def _shape_of(cells: Cells) -> float:
    return fit_shape(cells.events, cells.expected, cells.times)


def fit_rates(
    events: Float64,
    exposure: Float64,
    levels: Sequence[Codes],
    *,
    fallback: float,
    fallback_weight: float = 1.0,
    prior_mean: Float64 | None = None,
    sweeps: int = _SWEEPS,
) -> RatePrior:
    """Fit the hierarchy of rates.

    Args:
        events: (n_targets,) events seen, at least 0; fractions are fine.
        exposure: (n_targets,) matured exposure they were seen on, at least 0.
        levels: Group codes of each level above the target, coarsest first, each (n_targets,).
        fallback: Rate where nothing was seen at all, events per exposure.
        fallback_weight: Events that the fallback is worth in the pooled rate.
        prior_mean: (n_targets,) known relative rate of each target, any positive scale; ones where absent.
        sweeps: Rounds of backfitting.

    Returns:
        Prior of every target, also of those without exposure.
    """
    offset = exposure if prior_mean is None else exposure * prior_mean
    total = (events.sum() + fallback_weight) / (offset.sum() + fallback_weight / fallback)
    distinct = _distinct(levels)
    effects = [np.ones(int(codes.max()) + 1) for codes in distinct] if len(events) else []
    shapes = [SHAPE_PRIOR_CENTRE] * len(distinct)
    doubt = [np.zeros(len(effect)) for effect in effects]
    target_shape = SHAPE_PRIOR_CENTRE
    relative = np.ones(len(events))
    for _ in range(sweeps if len(events) else 0):
        for number, codes in enumerate(distinct):
            without = total * relative / effects[number][codes] * offset
            weight = 1.0 / (1.0 + without * effects[number][codes] / target_shape)
            seen = sum_by(codes, weight * events, len(effects[number]))
            due = sum_by(codes, weight * without, len(effects[number]))
            shapes[number] = fit_shape(seen, due)
            updated = (shapes[number] + seen) / (shapes[number] + due)
            doubt[number] = 1.0 / (shapes[number] + seen)
            relative = relative / effects[number][codes] * updated[codes]
            effects[number] = updated
        expected = total * relative * offset
        weight = 1.0 / (1.0 + expected / target_shape)
        total = (weight @ events + fallback_weight) / (weight @ expected / total + fallback_weight / fallback)
        expected = total * relative * offset
        target_shape = _shape_of(pool(events, expected))
    mean = total * relative * (1.0 if prior_mean is None else prior_mean)
    doubts = np.zeros(len(events))
    for number, codes in enumerate(distinct):
        doubts = doubts + doubt[number][codes]
    return RatePrior(
        mean=mean,
        doubt=doubts,
        scatter=fit_scatter(pool(events, mean * exposure, doubts), target_shape),
        target_shape=target_shape,
        level_shapes=tuple(shapes),
        total=float(total),
    )


def fit_shape(events: Float64, expected: Float64, times: Float64 | None = None) -> float:
    """Return the shape of a Gamma of mean 1 that best explains how counts vary around their expectations.

    Maximises the negative binomial likelihood with a weak log-normal prior on the shape, by a grid that is refined
    twice.

    Args:
        events: (n_groups,) counts.
        expected: (n_groups,) their expectation where the effect is 1.
        times: (n_groups,) how often each stands for one alike; ones where absent.
    """
    told = expected > 0
    seen, due = events[told][:, None], expected[told][:, None]
    weight = np.ones(len(seen)) if times is None else times[told]
    low, high = np.log(_SHAPE_RANGE)
    best, half = 0.5 * (low + high), 0.5 * (high - low)
    for points in _GRIDS:
        grid = np.linspace(max(best - half, low), min(best + half, high), points)
        shape = np.exp(grid)
        logs = gammaln(shape + seen) - gammaln(shape) - shape * np.log1p(due / shape) - seen * np.log(shape + due)
        penalty = 0.5 * ((grid - math.log(SHAPE_PRIOR_CENTRE)) / SHAPE_PRIOR_SPREAD) ** 2
        best, half = float(grid[np.argmax(weight @ logs - penalty)]), float(grid[1] - grid[0])
    return math.exp(best)


def _distinct(levels: Sequence[Codes]) -> list[Codes]:
    """Leave out levels that divide the targets exactly as a level before, or not at all; renumber densely."""
    kept: list[Codes] = []
    for codes in levels:
        if not len(codes):
            continue
        dense = np.unique(codes, return_inverse=True)[1].astype(np.int32)
        size = int(dense.max()) + 1
        same = any(
            size == int(other.max()) + 1 and len(np.unique(other.astype(np.int64) * size + dense)) == size
            for other in kept
        )
        if size > 1 and not same:
            kept.append(dense)
    return kept
