"""Refunds: a second curve on orders, with rates of their own per product.

Refunds come later than orders, so young orders say little: units sold are matured by how much of their refunds can
be seen, then rates are shrunk from product to category to what the operator stated. Completion of net revenue may
therefore fall while gross orders only grow. Derivation: docs/maths/maturity.md.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bidder.core.entities import ProductId
from bidder.core.performance import Float64, Int32, ProductSalesTable
from bidder.forecast.facts import learnable
from bidder.forecast.layout import Layout
from bidder.forecast.sums import sum_by

STATED_UNITS = 40.0
"""Units sold that a rate stated by the operator is worth."""

CATEGORY_UNITS = 20.0
"""Units sold that the category's rate is worth for a product that states none."""

DELAY_PRIOR_DAYS = 6.0
"""Typical mean delay from order to refund (delivery, trial, return), the centre of the prior; a judgement."""

_DELAY_PRIOR_SPREAD = 0.7
_DELAYS = np.geomspace(1.0, 30.0, 24)
_FORMS = np.array([0.7, 1.0, 1.5, 2.2])


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RefundRates:
    """Share of gross revenue refunded in the end.

    Attributes:
        by_product: Of every product of which something is known.
        by_target: (n_targets,) of the target's product; the account's where it has none; nan where nothing is known,
            which is not zero.
        completion: Share of final refunds visible 0, 1, 2 ... days after the order day, shape (n_ages,).
        unknown: Products for which nothing is known.
    """

    by_product: dict[ProductId, float]
    by_target: Float64
    completion: Float64
    unknown: tuple[ProductId, ...]


def refund_rates(
    sales: ProductSalesTable, layout: Layout, *, today: int, default: float | None, unusable: Int32
) -> RefundRates:
    """Estimate refund rates of all products.

    Args:
        sales: Sales on all channels with refunds seen so far; may be empty.
        layout: Products in their order, with categories and stated rates.
        today: Ordinal of the present day.
        default: The operator's rate where a product states none.
        unusable: Ordinals of order days that nothing is learned from.
    """
    product, age, units, refunded = _sold(sales, layout, today=today, unusable=unusable)
    if not refunded.any():  # The venue shows no refund at all: it does not report them.
        product, age, units, refunded = product[:0], age[:0], units[:0], refunded[:0]
    completion = refund_completion(age, units, refunded)
    matured = units * completion[np.minimum(age, len(completion) - 1)]
    count, categories = len(layout.products), len(layout.categories)
    exposure = sum_by(product, matured, count)
    seen = sum_by(product, refunded, count)
    stated = np.array([np.nan if p.refund_rate is None else p.refund_rate for p in layout.products], dtype=np.float64)
    prior = np.where(np.isfinite(stated), stated, np.nan if default is None else default)
    account = _pooled(seen, exposure, prior)
    by_category = sum_by(layout.product_category, exposure, categories)
    seen_category = sum_by(layout.product_category, seen, categories)
    centre = np.full(categories, account)
    if np.isfinite(account):
        centre = (seen_category + CATEGORY_UNITS * account) / (by_category + CATEGORY_UNITS)
    centre = centre[layout.product_category] if count else np.zeros(0)
    with_prior = np.isfinite(prior)
    weight = np.where(with_prior, STATED_UNITS, CATEGORY_UNITS)
    rates = (seen + weight * np.where(with_prior, prior, centre)) / (exposure + weight)
    unknown = tuple(p.id for p, rate in zip(layout.products, rates, strict=True) if not np.isfinite(rate))
    rates = np.clip(rates, 0.0, 1.0)
    rows = layout.product_rows()
    otherwise = account if np.isfinite(account) or default is None else default
    by_target = np.where(rows >= 0, rates[np.maximum(rows, 0)], otherwise) if count else np.full(len(rows), otherwise)
    return RefundRates(
        by_product={p.id: float(rate) for p, rate in zip(layout.products, rates, strict=True) if np.isfinite(rate)},
        by_target=np.clip(by_target, 0.0, 1.0),
        completion=completion,
        unknown=unknown,
    )


def refund_completion(age: Int32, units: Float64, refunded: Float64) -> Float64:
    """Learn which share of final refunds can be seen how many days after the order day.

    Pooled refunds by age are explained by a rate and a Weibull delay; the delay is the posterior mean over a grid
    under a weak prior around `DELAY_PRIOR_DAYS`, with the rate profiled out (Poisson).

    Args:
        age: (n_rows,) whole days since the order day.
        units: (n_rows,) units sold.
        refunded: (n_rows,) of them, refunded so far.

    Returns:
        Completion at ages 0 to the oldest (at least 60), shape (n_ages,), non-decreasing, positive, at most 1.
    """
    ages = max(int(age.max(initial=0)), 60) + 1
    sold = sum_by(age, units, ages)
    back = sum_by(age, refunded, ages)
    middle = np.arange(ages) + 0.5
    delay, form = (grid.ravel() for grid in np.meshgrid(_DELAYS, _FORMS))
    curves = -np.expm1(-((middle[None, :] / delay[:, None]) ** form[:, None]))
    curves = np.maximum(curves, 1e-4)
    expected = curves @ sold
    log_prior = -0.5 * (np.log(delay / DELAY_PRIOR_DAYS) / _DELAY_PRIOR_SPREAD) ** 2
    evidence = log_prior
    if back.sum() > 0:
        evidence = np.log(curves) @ back - back.sum() * np.log(expected) + log_prior
    weight = np.exp(evidence - evidence.max())
    curve: Float64 = weight @ curves / weight.sum()
    return curve


def _sold(
    sales: ProductSalesTable, layout: Layout, *, today: int, unusable: Int32
) -> tuple[Int32, Int32, Float64, Float64]:
    """Return product, age, units sold and units refunded (by value) of the rows that may be learned from."""
    number = {identity: code for code, identity in enumerate(layout.product_ids)}
    code = np.array([number.get(ProductId(name), -1) for name in sales.product_ids], dtype=np.int32)
    product = code[sales.product] if len(code) else np.zeros(0, dtype=np.int32)
    keep = (product >= 0) & (sales.day < today) & (sales.units > 0) & learnable(sales.day, unusable)
    sold = sales.take(keep)
    units, refunded = sold.units.astype(np.float64), np.maximum(sold.refunded_units, 0).astype(np.float64)
    revenue, back = float(sold.revenue_micros.sum()), float(np.maximum(sold.refund_micros, 0).sum())
    if revenue > 0 and back > 0 and refunded.any():
        refunded = refunded * np.clip(back / refunded.sum() / (revenue / units.sum()), 0.5, 2.0)
    return product[keep], (today - sold.day).astype(np.int32), units, refunded


def _pooled(seen: Float64, exposure: Float64, prior: Float64) -> float:
    """Return the account's rate from sales and stated rates, nan where there is neither."""
    told = np.isfinite(prior)
    events = seen.sum() + STATED_UNITS * prior[told].sum()
    units = exposure.sum() + STATED_UNITS * told.sum()
    return float(events / units) if units > 0 else float("nan")
