"""How much more orders cluster than chance: one buyer orders thrice, a shared link brings five.

Orders of a click day at one target are compared with what the target's rate makes of its clicks. At that grain good
and bad days of the whole shop hardly show, and neither does doubt about the rate; what exceeds chance is clustering.
Counts are tempered by it: two orders that always come together are one piece of evidence.
"""

from __future__ import annotations

import numpy as np

from bidder.core.performance import Float64
from bidder.forecast.facts import TargetFacts

LARGEST = 5.0
"""Larger estimates are a sign of something else than clustering."""

_LEAST_ORDERS = 50.0


def clustering(facts: TargetFacts, rate: Float64) -> float:
    """Return the variance of orders over their mean that clustering makes, at least 1.

    Args:
        facts: Settled days: all orders of their clicks are in.
        rate: (n_targets,) orders per click expected of each target, shrunk.

    Returns:
        1 where there is too little to tell; shrunk towards 1 by its standard error.

    Source: mean squared Pearson residual (quasi-Poisson), weighted by its variance for Poisson counts, 2 + 1/mean.
    """
    expected = facts.clicks * rate[facts.target]
    told = expected > 0
    if expected.sum() < _LEAST_ORDERS:
        return 1.0
    mean = expected[told]
    squares = (facts.orders[told] - mean) ** 2 / mean
    weight = 1.0 / (2.0 + 1.0 / mean)
    weight = weight / weight.sum()
    estimate = float(weight @ squares)
    variance = float(weight**2 @ (squares - estimate) ** 2)
    excess = estimate - 1.0
    if excess <= 0:
        return 1.0
    kept = max(0.0, 1.0 - variance / excess**2)
    return float(np.clip(1.0 + kept * excess, 1.0, LARGEST))
