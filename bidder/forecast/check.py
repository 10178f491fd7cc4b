"""Prior check: whether the fitted prior describes the targets well enough for posterior pauses.

Under the right prior the predictive distribution function of every target's orders is uniform (probability integral
transform). Counts are discrete, so the transform is averaged over its step instead of randomised: the check is
deterministic. Where targets are stopped for what they brought, their counts at the stop are not what the predictive
speaks of, so only what was seen before any stop was possible takes part. Source: Czado, Gneiting, Held, Predictive
model assessment for count data (2009); decisions.md 3.5.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import betainc

from bidder.core.performance import Float64
from bidder.forecast.facts import TargetFacts

KS_LIMIT = 0.05
"""Largest distance from uniform with which posterior pauses keep their nominal error; decisions.md 3.5."""

LEAST_TARGETS = 500
"""Targets with exposure below which a prior cannot be checked; decisions.md 3.5."""


def negative_binomial_cdf(count: Float64, shape: Float64, expected: Float64) -> Float64:
    """Return P(X <= count) for a Poisson count whose mean is Gamma of this shape around ``expected``; 0 below 0."""
    inside = count >= 0
    floor = np.where(inside, np.floor(count), 0.0)
    return np.where(inside, betainc(shape, floor + 1.0, shape / (shape + expected)), 0.0)


def pit_distance(low: Float64, high: Float64) -> float:
    """Return the Kolmogorov-Smirnov distance of the non-randomised transform from uniform.

    Args:
        low: (n,) predictive distribution function just below what was observed.
        high: (n,) the same at what was observed.
    """
    if not len(low):
        return 1.0
    grid = np.linspace(0.0, 1.0, 101)
    step = np.maximum(high - low, 1e-12)
    order_low, order_high = np.sort(low), np.sort(high)
    # mean over targets of clip((u - low) / step, 0, 1), by sums over those passed and those being passed
    distance = 0.0
    for u in grid[1:-1]:
        passed = np.searchsorted(order_high, u, side="right")
        started = np.searchsorted(order_low, u, side="left")
        share = passed / len(low)
        if started > passed:
            inside = (low < u) & (high > u)
            share += float(((u - low[inside]) / step[inside]).sum()) / len(low)
        distance = max(distance, abs(share - u))
    return distance


def prior_holds(distance: float, targets: int) -> bool:
    """Tell whether posterior pauses may be used."""
    return targets >= LEAST_TARGETS and distance <= KS_LIMIT


def before_stops(facts: TargetFacts, matured_clicks: Float64, allowed: Float64) -> NDArray[np.bool_]:
    """Return the rows up to which no target could have been paused for want of orders.

    A target that sold little stops early and one that sold well goes on, so the number of orders at a stop does not
    follow the predictive distribution of its clicks, however right the prior is. Up to the spend that every pause on
    evidence asks for, it does.

    Args:
        facts: Rows by target and day.
        matured_clicks: (n_rows,) clicks of each row times the share of their orders that can be seen.
        allowed: (n_targets,) matured clicks below which nothing is ever paused; infinite where nothing ever is.

    Returns:
        (n_rows,) rows whose target had fewer matured clicks than allowed on the days before.
    """
    if not len(facts) or not np.isfinite(allowed).any():
        return np.ones(len(facts), dtype=np.bool_)
    order = np.lexsort((facts.day, facts.target))
    target = facts.target[order]
    running = np.cumsum(matured_clicks[order]) - matured_clicks[order]
    first = np.flatnonzero(np.diff(target, prepend=-1))
    start = np.repeat(running[first], np.diff(np.append(first, len(target))))
    kept = np.empty(len(facts), dtype=np.bool_)
    kept[order] = running - start <= allowed[target]
    return kept
