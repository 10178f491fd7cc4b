"""What a unit of gross revenue is worth, per target: contribution, break-even and goal ROAS.

Profit everywhere in this project means contribution after matured refunds minus spend. Called by
`bidder.core.decide`; the formulas stand in docs/maths/bids.md.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bidder.core.entities import Product
from bidder.core.layout import Flags, Layout
from bidder.core.performance import Float64
from bidder.core.policy import GoalPolicy
from bidder.core.prediction import Forecast

CLASSIC_GOALS = {"apparel": 7.0, "general": 8.0, "appliances": 9.0}
"""The goals of Zhitongche practice; other categories take the general one."""

TODAY_FACTOR = 1.3
"""Goal ROAS of the preset `today`, in break-evens."""

WORST_FLOOR = 1_000.0
"""Break-even ROAS of goods whose every sale loses money; finite, so that evidence can still be weighed."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Economics:
    """Figures per target, shape (n_targets,), float64.

    Attributes:
        contribution: k, contribution per unit of gross revenue before advertising; nan where no margin is known,
            may be negative.
        floor_roas: Break-even, 1/k; nan where no margin is known.
        goal_roas: Soft goal.
        caused: Share of attributed revenue that counts when deciding, 1 unless incrementality is switched on.
        known: A margin is known. refund_assumed: No refund rate was known anywhere; none was deducted.
    """

    contribution: Float64
    floor_roas: Float64
    goal_roas: Float64
    caused: Float64
    known: Flags
    refund_assumed: Flags


def contribution(margin: Float64, refund_rate: Float64, return_cost: Float64, order_value: Float64) -> Float64:
    """Return contribution per unit of gross revenue, ``(1 - r) m - r c / AOV``.

    Args:
        margin: Share of revenue left after goods, fees and tax.
        refund_rate: Share of gross revenue refunded in the end.
        return_cost: What one returned order costs beside the lost sale, same unit as ``order_value``.
        order_value: Gross revenue per order.

    Source: operator.md section 1; m = .5, r = .5, c = 12, AOV = 150 gives .21, a break-even of 4.8.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        handling = np.where(return_cost > 0, refund_rate * return_cost / order_value, 0.0)
    return (1.0 - refund_rate) * margin - handling


def floor_roas(contribution_rate: Float64) -> Float64:
    """Return the break-even ROAS ``1 / k``, bounded where goods lose money on every sale; nan stays nan."""
    with np.errstate(divide="ignore", invalid="ignore"):
        floor = np.where(contribution_rate > 1.0 / WORST_FLOOR, 1.0 / contribution_rate, WORST_FLOOR)
    return np.where(np.isnan(contribution_rate), np.nan, floor)


def margin_of(product: Product, goal: GoalPolicy) -> float:
    """Return a product's margin: stated, from cost and price, or the policy's default; nan where unknown."""
    if product.margin is not None:
        return product.margin
    if product.unit_cost is not None and product.price is not None and product.price.micros > 0:
        return 1.0 - product.unit_cost / product.price
    return np.nan if goal.default_margin is None else goal.default_margin


def goal_of(category: str, goal: GoalPolicy) -> float | None:
    """Return the stated goal ROAS of a category, or ``None`` where it follows from break-even."""
    if category in goal.goal_roas:
        return goal.goal_roas[category]
    if goal.preset == "classic":
        return CLASSIC_GOALS.get(category, CLASSIC_GOALS["general"])
    return None


def economics(layout: Layout, forecast: Forecast, goal: GoalPolicy) -> Economics:
    """Work out contribution, floor and goal for every target.

    A target of an unknown product takes the policy's default margin, and nothing where there is none.
    """
    products = layout.structure.products
    none = np.nan if goal.default_margin is None else goal.default_margin
    margin = np.array([margin_of(p, goal) for p in products] + [none])[layout.product]
    cost = np.array([np.nan if p.return_cost is None else float(p.return_cost.micros) for p in products] + [np.nan])
    refund, assumed = _refunds(layout, forecast, goal)
    return_cost = np.nan_to_num(cost[layout.product], nan=0.0)
    k = contribution(margin, refund, return_cost, forecast.aov_micros)
    stated = [goal_of(name, goal) for name in layout.categories]
    by_category = np.array([np.nan if value is None else value for value in stated])[layout.category]
    floor = floor_roas(k)
    factor = np.where(layout.brand, goal.brand_factor, goal.generic_factor)
    return Economics(
        contribution=k,
        floor_roas=floor,
        goal_roas=np.where(np.isnan(by_category), TODAY_FACTOR * floor, by_category),
        caused=factor if goal.count_incremental else np.ones(layout.n_targets),
        known=np.isfinite(k),
        refund_assumed=assumed & np.isfinite(k),
    )


def _refunds(layout: Layout, forecast: Forecast, goal: GoalPolicy) -> tuple[Float64, Flags]:
    """Take the refund rate from what matured, else from the product, else from the policy."""
    stated = np.array(
        [np.nan if p.refund_rate is None else p.refund_rate for p in layout.structure.products] + [np.nan]
    )
    learned = forecast.refund_rate
    default = np.nan if goal.default_refund_rate is None else goal.default_refund_rate
    rate = np.where(np.isfinite(learned), learned, stated[layout.product])
    rate = np.where(np.isfinite(rate), rate, default)
    unknown = ~np.isfinite(rate)
    return np.clip(np.where(unknown, 0.0, rate), 0.0, 1.0), unknown
