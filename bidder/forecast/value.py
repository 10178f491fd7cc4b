"""What an order and a click are worth: order value shrunk to the product's price, and intervals of revenue per click.

Order values are few and have heavy tails, so they are compared with the list price, winsorised, and shrunk twice:
the product towards the price times what the account's orders usually make of it, the target towards its product.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import gammaincinv

from bidder.core.performance import Float64, Int32
from bidder.forecast.layout import Layout
from bidder.forecast.sums import sum_by

PRIOR_ORDERS = 3.0
"""Orders that the level above is worth for an order value; decisions.md 2.3."""

WINSOR_SHARE = 0.99
"""Order values above this quantile, relative to the price, count as the quantile; decisions.md 2.3."""

_WINSOR_LEAST = 20
"""Days with orders below which a quantile in the tail is no more than the largest value."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class OrderValue:
    """Gross revenue per order, arrays of shape (n_targets,).

    Attributes:
        mean_micros: Shrunk mean; nan only where the account shows neither a price nor an order.
        variance: Squared coefficient of variation of the doubt about that mean.
    """

    mean_micros: Float64
    variance: Float64


def order_values(layout: Layout, target: Int32, orders: Float64, revenue_micros: Float64) -> OrderValue:
    """Return order values of all targets.

    Args:
        layout: The targets with their products' prices.
        target: (n_rows,) target of each fact row.
        orders: (n_rows,) gross orders of each row.
        revenue_micros: (n_rows,) gross revenue of each row.
    """
    told = orders > 0
    rows, count, money = target[told], orders[told], revenue_micros[told]
    pooled = float(money.sum() / count.sum()) if count.sum() > 0 and money.sum() > 0 else np.nan
    reference = _references(layout, pooled)
    ratio = np.where(reference[rows] > 0, money / count / reference[rows], 1.0)
    ratio, spread = _winsorised(ratio, count)
    typical = (PRIOR_ORDERS + float(ratio @ count)) / (PRIOR_ORDERS + float(count.sum()))
    groups = int(layout.product.max(initial=-1)) + 1
    product_orders = sum_by(layout.product[rows], count, groups)
    product_sum = sum_by(layout.product[rows], count * ratio, groups)
    product_ratio = (product_sum + PRIOR_ORDERS * typical) / (product_orders + PRIOR_ORDERS)
    own_orders = sum_by(rows, count, len(layout))
    own_sum = sum_by(rows, count * ratio, len(layout))
    centre = product_ratio[layout.product]
    own_ratio = (own_sum + PRIOR_ORDERS * centre) / (own_orders + PRIOR_ORDERS)
    evidence = product_orders[layout.product] + PRIOR_ORDERS
    return OrderValue(mean_micros=reference * own_ratio, variance=spread / evidence)


def rpc_bounds(rpc: Float64, shape: Float64, value_variance: Float64, interval: float) -> tuple[Float64, Float64]:
    """Return bounds of revenue per click.

    The product of a Gamma rate and an order value is read as a Gamma of the same mean and the summed squared
    coefficients of variation (delta method).

    Args:
        rpc: Mean, any unit.
        shape: Of the rate's posterior.
        value_variance: Of the order value, squared coefficient of variation.
        interval: Probability mass between the bounds.
    """
    combined = 1.0 / (1.0 / shape + value_variance)
    tail = (1.0 - interval) / 2
    return rpc * gamma_quantile(combined, tail), rpc * gamma_quantile(combined, 1 - tail)


def gamma_quantile(shape: Float64, probability: float) -> Float64:
    """Return the quantile of Gamma variables of mean 1, by interpolation over the shape (error below 0.1%)."""
    grid = np.linspace(np.log(_SHAPES[0]), np.log(_SHAPES[1]), 257)
    quantiles = gammaincinv(np.exp(grid), probability) / np.exp(grid)
    logs = np.log(np.maximum(quantiles, 1e-300))
    quantile: Float64 = np.exp(np.interp(np.log(np.clip(shape, *_SHAPES)), grid, logs))
    return quantile


_SHAPES = (0.02, 1e6)


def _references(layout: Layout, pooled: float) -> Float64:
    """Return the value each target's orders are compared with: its price, else what is usual."""
    known = np.isfinite(layout.price_micros) & (layout.price_micros > 0)
    usual = pooled
    if not np.isfinite(usual) and known.any():
        usual = float(layout.price_micros[known].mean())
    return np.where(known, layout.price_micros, usual)


def _winsorised(ratio: Float64, count: Float64) -> tuple[Float64, float]:
    """Cut the upper tail, keep the sum, and return the squared coefficient of variation of one order's value."""
    if len(ratio) < _WINSOR_LEAST:
        return ratio, 1.0
    whole = float(ratio @ count)
    cut = np.minimum(ratio, np.quantile(ratio, WINSOR_SHARE))
    kept = cut * (whole / float(cut @ count)) if whole > 0 else cut
    mean = float(kept @ count) / float(count.sum())
    if mean <= 0:
        return kept, 1.0
    variance = float(count @ (count * (kept / mean - 1) ** 2)) / float(count.sum())
    return kept, float(np.clip(variance, 0.01, 4.0))
