"""What products sold on all channels over the days before today: velocity, cover, refunds, visitors, carts.

The facts that stages rest on (`bidder.core.lifecycle`); docs/maths/lifecycle.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
from scipy.special import gammaincinv

from bidder.core.calendar import from_ordinal, ordinal
from bidder.core.entities import Product, ProductId
from bidder.core.events import Phase, season_of
from bidder.core.layout import Rows, tally
from bidder.core.performance import MISSING, Float64, ProductSalesTable
from bidder.core.policy import LifecyclePolicy, SaleEvent

_PRIOR_DAYS = 7.0
_PRIOR_ORDERS = 1.0
"""Most that the category says against calling a product slow, in orders."""
_UPPER = 0.9
_OPEN_HOURS = 12.0
"""A day counts as in stock when the product could be bought for at least so many hours."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SalesFacts:
    """What a product did over the window, arrays of shape (n_products,), float64, nan where unknown.

    Attributes:
        velocity: Net paid units per in-stock day, discounted and shrunk to the category.
        upper: Upper 90% bound of it.
        score: Velocity x price x contribution.
        cover_days: Days the stock lasts; nan without stock figures, inf where nothing sells.
        refund_rate: Refunded over paid units of the window, shrunk to the category.
        in_stock_days, visitors: Over the window; nan where the venue does not tell.
        cart_ratio: Carts per visitor over the category's.
        age_days: Since launch, or since the first sale known where no launch date is stated.
        units: Paid units of the window.
        median: Median velocity of the product's category.
    """

    velocity: Float64
    upper: Float64
    score: Float64
    cover_days: Float64
    refund_rate: Float64
    refund_ratio: Float64
    in_stock_days: Float64
    visitors: Float64
    cart_ratio: Float64
    age_days: Float64
    units: Float64
    median: Float64


def sales_facts(
    products: tuple[Product, ...],
    sales: ProductSalesTable,
    contribution: Float64,
    *,
    events: tuple[SaleEvent, ...],
    rules: LifecyclePolicy,
    today: date,
) -> SalesFacts:
    """Sum up what products sold on all channels over the window before today.

    Args:
        products: Row order.
        sales: All channels, by day.
        contribution: k per product, nan where unknown.
        events: Sale events, whose days count for less.
        rules: Window and half-life.
        today: The open day, which is left out.
    """
    days = rules.window_days
    cube = _cubes(products, sales, first=ordinal(today) - days, days=days)
    category, names = categories_of(products)

    def pooled(values: Float64) -> Float64:
        return tally(category, values, len(names))[category]

    age = np.arange(days, 0, -1, dtype=np.float64)
    weight = 0.5 ** (age / rules.half_life_days)
    told = np.isfinite(cube["hours"])
    open_days = np.where(told, cube["hours"] / 24.0, 0.0)
    units = _capped(cube["units"], rules.max_units_per_order)
    net = np.maximum(units - cube["refunded"], 0.0) / _uplift(cube["units"], events, today, days)
    sold, exposed = net @ weight, open_days @ weight
    mean = (pooled(sold) + 1e-9) / np.maximum(pooled(exposed), 1e-6)
    velocity = (mean * _PRIOR_DAYS + sold) / (_PRIOR_DAYS + exposed)
    price = np.array([np.nan if p.price is None else float(p.price.micros) for p in products])
    stock = np.array([np.nan if p.stock is None else float(p.stock) for p in products])
    paid, back = cube["units"].sum(axis=1), cube["refunded"].sum(axis=1)
    category_refund = (pooled(back) + 1e-9) / (pooled(paid) + 1e-6)
    refund = (back + 10.0 * category_refund) / (paid + 10.0)
    visitors, carts = _sum_or_nan(cube["visitors"]), _sum_or_nan(cube["carts"])
    usual = pooled(np.nan_to_num(carts)) / np.maximum(pooled(np.nan_to_num(visitors)), 1.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        cart_ratio = np.where(usual > 0, (carts + 50 * usual) / (visitors + 50) / usual, np.nan)
        cover = stock / velocity
    return SalesFacts(
        velocity=velocity,
        upper=_upper(sold, exposed, mean, weight, open_days),
        score=velocity * price * contribution,
        cover_days=cover,
        refund_rate=refund,
        refund_ratio=refund / np.maximum(category_refund, 1e-9),
        in_stock_days=np.where(told.any(axis=1), (np.nan_to_num(cube["hours"]) >= _OPEN_HOURS).sum(axis=1), np.nan),
        visitors=visitors,
        cart_ratio=cart_ratio,
        age_days=_ages(products, sales, today),
        units=paid,
        median=_medians(velocity, category, len(names)),
    )


def categories_of(products: tuple[Product, ...]) -> tuple[Rows, tuple[str, ...]]:
    """Return the category of each product as a row of the names, and the names, sorted."""
    names = sorted({p.category for p in products})
    rows = {name: row for row, name in enumerate(names)}
    return np.array([rows[p.category] for p in products], dtype=np.intp), tuple(names)


def _upper(sold: Float64, exposed: Float64, mean: Float64, weight: Float64, open_days: Float64) -> Float64:
    """Return the upper 90% bound of velocity, on a prior worth one order at most.

    With a prior of seven days, a product that sells nothing keeps 44% of its category's mean and could never fall under
    30% of the median (docs/maths/lifecycle.md). Discounted sales count as the whole orders they are worth as evidence.

    Args:
        sold: Discounted net units, shape (n_products,).
        exposed: Discounted days in stock.
        mean: Units a day of the category.
        weight: (n_days,) discount of each day.
        open_days: (n_products, n_days) part of each day in stock.
    """
    usual = float(weight @ weight / weight.sum())
    size = np.divide(open_days @ weight**2, exposed, out=np.full_like(exposed, usual), where=exposed > 0)
    prior = np.minimum(mean * _PRIOR_DAYS / size, _PRIOR_ORDERS)
    bound: Float64 = gammaincinv(np.maximum(prior + sold / size, 1e-6), _UPPER) / (prior / mean + exposed / size)
    return bound


def _medians(values: Float64, category: Rows, n_categories: int) -> Float64:
    """Return each product's category median."""
    median = np.full(len(values), np.nan)
    for group in range(n_categories):
        member = category == group
        median[member] = np.median(values[member]) if member.any() else np.nan
    return median


def _cubes(products: tuple[Product, ...], sales: ProductSalesTable, *, first: int, days: int) -> dict[str, Float64]:
    """Spread sales over (n_products, days); visitors, carts and hours are nan where not told."""
    rows = {p.id: row for row, p in enumerate(products)}
    owner = np.array([rows.get(ProductId(identity), -1) for identity in sales.product_ids] or [-1], dtype=np.intp)
    product = owner[sales.product] if len(sales) else np.zeros(0, dtype=np.intp)
    use = (sales.day >= first) & (sales.day < first + days) & (product >= 0)
    cell = product[use] * days + (sales.day[use] - first)
    shape = (len(products), days)

    def spread(values: Float64, *, missing: float) -> Float64:
        cube = np.full(shape[0] * shape[1], missing)
        cube[cell] = values[use]
        return cube.reshape(shape)

    def counts(values: Float64) -> Float64:
        return np.where(values == MISSING, np.nan, values)

    return {
        "units": spread(sales.units.astype(np.float64), missing=0.0),
        "refunded": spread(sales.refunded_units.astype(np.float64), missing=0.0),
        "visitors": counts(spread(sales.visitors.astype(np.float64), missing=np.nan)),
        "carts": counts(spread(sales.carts.astype(np.float64), missing=np.nan)),
        "hours": spread(sales.in_stock_hours, missing=np.nan),
    }


def _capped(units: Float64, most: int) -> Float64:
    """Count a day for at most so many typical days: one bulk order must not make a product a top seller.

    Sales come by day, not by order, so the limit on units per order is applied to the product's median selling day.
    """
    with np.errstate(invalid="ignore"):
        selling = np.where(units > 0, units, np.nan)
        typical = np.array([np.nanmedian(row) if np.isfinite(row).any() else 1.0 for row in selling])
    counted: Float64 = np.minimum(units, most * np.maximum(typical, 1.0)[:, None])
    return counted


def _uplift(units: Float64, events: tuple[SaleEvent, ...], today: date, days: int) -> Float64:
    """Return how much more was sold on each day than on normal days because of a sale event, shape (days,)."""
    first = ordinal(today) - days
    sale = np.array([season_of(from_ordinal(first + n), events).phase is Phase.SALE for n in range(days)], dtype=bool)
    uplift = np.ones(days)
    if sale.any() and not sale.all():
        usual = float(units[:, ~sale].sum()) / max(int((~sale).sum()), 1)
        uplift[sale] = np.maximum(units[:, sale].sum(axis=0) / max(usual, 1e-9), 1.0) if usual > 0 else 1.0
    return uplift


def _sum_or_nan(values: Float64) -> Float64:
    told = np.isfinite(values)
    total: Float64 = np.where(told, values, 0.0).sum(axis=1)
    return np.where(told.any(axis=1), total, np.nan)


def _ages(products: tuple[Product, ...], sales: ProductSalesTable, today: date) -> Float64:
    """Return days since launch; where no date is stated, since the first day on record."""
    first: dict[str, int] = {}
    for row, identity in enumerate(sales.product_ids):
        days = sales.day[sales.product == row]
        if len(days):
            first[identity] = int(days.min())
    now = ordinal(today)
    return np.array(
        [
            float((today - p.launch_date).days) if p.launch_date is not None else float(now - first.get(p.id, now))
            for p in products
        ]
    )
