"""Matured exposure: clicks and spend counted by how much of their result could be seen by now.

``E_i = sum over days of clicks x completion x discount``: exact for Poisson orders, because thinning keeps them
Poisson. Orders themselves are never inflated. Source: decisions.md 2.2.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bidder.core.performance import Float64
from bidder.forecast.facts import TargetFacts
from bidder.forecast.maturity import MaturityCurve
from bidder.forecast.sums import sum_by


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Exposure:
    """What was seen of each target, arrays of shape (n_targets,).

    Attributes:
        clicks: Matured and discounted clicks. orders: Orders discounted likewise.
        spend_micros: Matured spend, discounted likewise.
        all_clicks: Clicks as they are. carts: Carts and favourites on ``cart_clicks``; zeros where none are reported.
    """

    clicks: Float64
    orders: Float64
    spend_micros: Float64
    all_clicks: Float64
    carts: Float64
    cart_clicks: Float64


def discount(days_ago: Float64, half_life_days: float) -> Float64:
    """Return the weight of evidence of that age; ones where the half-life is infinite."""
    return np.exp2(-days_ago / half_life_days) if np.isfinite(half_life_days) else np.ones(len(days_ago))


def expose(facts: TargetFacts, n_targets: int, curve: MaturityCurve, *, half_life_days: float = np.inf) -> Exposure:
    """Add up matured exposure by target.

    Args:
        facts: Rows of days that may be learned from.
        n_targets: Rows of the answer.
        curve: Completion of orders.
        half_life_days: Of evidence; infinite for none.
    """
    weight = discount((facts.today - facts.day).astype(np.float64), half_life_days)
    matured = weight * curve.at(facts.elapsed)
    carts = np.isfinite(facts.carts)

    def total(values: Float64) -> Float64:
        return sum_by(facts.target, values, n_targets)

    return Exposure(
        clicks=total(facts.clicks * matured),
        orders=total(facts.orders * weight),
        spend_micros=total(facts.spend_micros * matured),
        all_clicks=total(facts.clicks),
        carts=total(np.where(carts, facts.carts, 0.0)),
        cart_clicks=total(np.where(carts, facts.clicks, 0.0)),
    )
