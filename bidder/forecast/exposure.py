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
        clicks: Matured clicks. orders: Gross orders seen. spend_micros: Matured spend.
        sure_clicks: Matured clicks that stand even if orders come later than learned.
        carts: Carts and favourites on ``cart_clicks`` clicks; zeros where none are reported.
    """

    clicks: Float64
    orders: Float64
    spend_micros: Float64
    sure_clicks: Float64
    carts: Float64
    cart_clicks: Float64


def expose(facts: TargetFacts, n_targets: int, curve: MaturityCurve) -> Exposure:
    """Add up matured exposure by target.

    Args:
        facts: Rows of days that may be learned from.
        n_targets: Rows of the answer.
        curve: Completion of orders.
    """
    matured = curve.at(facts.elapsed)
    told = np.isfinite(facts.carts)

    def total(values: Float64) -> Float64:
        return sum_by(facts.target, values, n_targets)

    return Exposure(
        clicks=total(facts.clicks * matured),
        orders=total(facts.orders),
        spend_micros=total(facts.spend_micros * matured),
        sure_clicks=total(facts.clicks * curve.surely_at(facts.elapsed)),
        carts=total(np.where(told, facts.carts, 0.0)),
        cart_clicks=total(np.where(told, facts.clicks, 0.0)),
    )


def sure_share(exposure: Exposure) -> Float64:
    """Return the share of each target's matured clicks that is sure; 1 where there are none."""
    clicks = exposure.clicks
    return np.clip(np.divide(exposure.sure_clicks, clicks, out=np.ones_like(clicks), where=clicks > 0), 0.0, 1.0)


def discount(days_ago: Float64, half_life_days: float) -> Float64:
    """Return the weight of evidence of that age."""
    return np.exp2(-days_ago / half_life_days)


def fading(facts: TargetFacts, mean: Float64, drift: float, *, until: int) -> Float64:
    """Return the weight of each row where rates wander: the steady state of a random walk seen through orders.

    A rate whose log moves by ``drift`` a day and that brings ``i`` orders a day is best known from the last
    ``1 / (drift sqrt(i))`` days: evidence of busy targets fades fast, that of sparse ones hardly at all. The orders
    a day are those expected, not those seen, so that luck does not choose its own memory.

    Args:
        facts: Rows before ``until``.
        mean: (n_targets,) orders per click expected of each target.
        drift: Standard deviation of the log of a rate in a day.
        until: Ordinal of the first day not known.
    """
    size = len(mean)
    span = max(until - int(facts.day.min()), 1) if len(facts) else 1
    daily = mean * sum_by(facts.target, facts.clicks, size) / span
    pace = drift * np.sqrt(daily)
    weight: Float64 = np.exp(-np.maximum(until - facts.day, 0) * pace[facts.target])
    return weight
