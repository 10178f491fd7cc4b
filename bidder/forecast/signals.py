"""Signals that lead orders: carts and favourites of a target, and what its product sells on all channels.

Orders are rare and late; carts are ten times as many and come at once, and visitors of the product's page are more
still. Each signal is a rate relative to the pool, shrunk by its own evidence; to which power it moves the expected
order rate is chosen by `bidder.forecast.choices` on the account's own past, and is zero where it does not help.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bidder.core.performance import Float64, Int32, ProductSalesTable
from bidder.forecast.facts import learnable
from bidder.forecast.layout import Codes, Layout
from bidder.forecast.shrinkage import fit_rates
from bidder.forecast.sums import sum_by

FALLBACK_CART_RATE = 0.08
"""Carts and favourites per click of an account that shows nothing yet: middle of operator.md section 6."""

SALES_DAYS = 40
"""Days of sales on all channels that a product's rate rests on."""

SHOP_PRIOR_UNITS = 20.0
"""Units that the account's own rate is worth for a product's sales per visitor."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Signals:
    """Relative rates, arrays of shape (n_targets,), mean about 1; all ones where the venue tells nothing.

    Attributes:
        carts: Carts and favourites per click, of the target.
        shop: Paid units per visitor on all channels, of the target's product.
        trees: Orders per click that `bidder.forecast.trees` expect, beyond what the other powers say; ones until asked.
    """

    carts: Float64
    shop: Float64
    trees: Float64

    def lift(self, powers: Powers) -> Float64:
        """Return by how much the signals move the expected order rate of every target."""
        lifted: Float64 = self.carts**powers.carts * self.shop**powers.shop * self.trees**powers.trees
        return lifted


@dataclass(frozen=True, slots=True, kw_only=True)
class Powers:
    """To which power each signal moves the expected order rate; 0 is off."""

    carts: float = 0.0
    shop: float = 0.0
    trees: float = 0.0


def cart_rates(carts: Float64, clicks: Float64, levels: list[Codes]) -> Float64:
    """Return carts and favourites per click of every target, shrunk; nan where the venue reports none."""
    if not clicks.any():
        return np.full(len(clicks), np.nan)
    prior = fit_rates(carts, clicks, levels, fallback=FALLBACK_CART_RATE)
    shape, rate = prior.posterior(carts, clicks)
    return shape / rate


def shop_rates(sales: ProductSalesTable, layout: Layout, *, until: int, unusable: Int32) -> Float64:
    """Return units per visitor of every target's product relative to the account, ones where nothing is told.

    Args:
        sales: Sales on all channels.
        layout: Targets and products.
        until: Ordinal of the first day that is not used.
        unusable: Ordinals of days that nothing is learned from.
    """
    number = {str(identity): code for code, identity in enumerate(layout.product_ids)}
    code = np.array([number.get(name, -1) for name in sales.product_ids], dtype=np.int64)
    if not len(code) or not len(sales):
        return np.ones(len(layout))
    product = code[sales.product]
    used = (product >= 0) & (sales.day < until) & (sales.day >= until - SALES_DAYS) & (sales.visitors >= 0)
    used &= learnable(sales.day, unusable)
    units = sum_by(product[used], np.maximum(sales.units[used], 0).astype(np.float64), len(layout.products))
    visitors = sum_by(product[used], sales.visitors[used].astype(np.float64), len(layout.products))
    if not units.sum() > 0 or not visitors.sum() > 0:
        return np.ones(len(layout))
    due = visitors * (units.sum() / visitors.sum())
    relative = (units + SHOP_PRIOR_UNITS) / (due + SHOP_PRIOR_UNITS)
    rows = layout.product_rows()
    return np.where(rows >= 0, relative[np.maximum(rows, 0)], 1.0)


def relative_carts(rates: Float64, clicks: Float64) -> Float64:
    """Return cart rates relative to the pool's, ones where none are reported."""
    if not np.isfinite(rates).all() or not clicks.any():
        return np.ones(len(rates))
    relative: Float64 = rates / float(np.average(rates, weights=clicks))
    return relative
