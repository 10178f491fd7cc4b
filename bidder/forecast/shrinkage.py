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
from bidder.forecast.layout import Codes
from bidder.forecast.sums import sum_by

SHAPE_PRIOR_CENTRE = 4.0
"""Centre of the weak prior on every shape: an effect whose standard deviation is a half."""

SHAPE_PRIOR_SPREAD = 1.5
"""Standard deviation of the log of a shape under that prior; a handful of groups outweighs it."""

_SHAPE_RANGE = (0.02, 5_000.0)
_SWEEPS = 4
_SAMPLE = 50_000
"""Targets that the target level's shape is fitted on at most; every k-th one, so that the answer is reproducible."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RatePrior:
    """What a target's rate is expected to be before its own counts are looked at.

    Attributes:
        mean: (n_targets,) prior mean of events per unit of exposure, positive.
        shape: (n_targets,) shape of the Gamma prior around it, with the doubt about the mean itself.
        target_shape: Shape of the target level alone.
        level_shapes: Shape of each level, in the order of the levels given.
        total: Pooled events per exposure.
    """

    mean: Float64
    shape: Float64
    target_shape: float
    level_shapes: tuple[float, ...]
    total: float

    def posterior(self, events: Float64, exposure: Float64) -> tuple[Float64, Float64]:
        """Return shape and rate of the Gamma posterior of every target."""
        return self.shape + events, self.shape / self.mean + exposure


def fit_rates(
    events: Float64,
    exposure: Float64,
    levels: Sequence[Codes],
    *,
    fallback: float,
    fallback_weight: float = 1.0,
    prior_mean: Float64 | None = None,
) -> RatePrior:
    """Fit the hierarchy of rates.

    Args:
        events: (n_targets,) events seen, at least 0; fractions are fine.
        exposure: (n_targets,) matured exposure they were seen on, at least 0.
        levels: Group codes of each level above the target, coarsest first, each (n_targets,).
        fallback: Rate where nothing was seen at all, events per exposure.
        fallback_weight: Events that the fallback is worth in the pooled rate.
        prior_mean: (n_targets,) known relative rate of each target, any positive scale; ones where absent.

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
    for _ in range(_SWEEPS if len(events) else 0):
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
        total *= (weight @ events + fallback_weight) / (weight @ expected + fallback_weight)
        expected = total * relative * offset
        step = 1 + (len(events) - 1) // _SAMPLE
        target_shape = fit_shape(events[::step], expected[::step])
    mean = total * relative * (1.0 if prior_mean is None else prior_mean)
    variance = np.full(len(events), 1.0 / target_shape)
    for number, codes in enumerate(distinct):
        variance = variance + doubt[number][codes]
    return RatePrior(
        mean=mean,
        shape=1.0 / variance,
        target_shape=target_shape,
        level_shapes=tuple(shapes),
        total=float(total),
    )


def fit_shape(events: Float64, expected: Float64) -> float:
    """Return the shape of a Gamma of mean 1 that best explains how counts vary around their expectations.

    Maximises the negative binomial likelihood with a weak log-normal prior on the shape, by a grid that is refined
    three times.

    Args:
        events: (n_groups,) counts.
        expected: (n_groups,) their expectation where the effect is 1.
    """
    told = expected > 0
    events, expected = events[told], expected[told]
    positive = events > 0
    some = events[positive]
    low, high = np.log(_SHAPE_RANGE)
    best, half = 0.5 * (low + high), 0.5 * (high - low)
    for points in (13, 7, 7, 7):
        grid = np.linspace(max(best - half, low), min(best + half, high), points)
        values = [_evidence(float(np.exp(x)), events, expected, some) - _penalty(float(x)) for x in grid]
        best, half = float(grid[int(np.argmax(values))]), float(grid[1] - grid[0])
    return float(np.exp(best))


def _penalty(log_shape: float) -> float:
    return 0.5 * ((log_shape - math.log(SHAPE_PRIOR_CENTRE)) / SHAPE_PRIOR_SPREAD) ** 2


def _evidence(shape: float, events: Float64, expected: Float64, some: Float64) -> float:
    """Return the log likelihood of a shape up to terms that do not depend on it."""
    gammas = float(gammaln(shape + some).sum()) - len(some) * float(gammaln(shape))
    return gammas - float(shape * np.log1p(expected / shape).sum()) - float(events @ np.log(shape + expected))


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
