"""The venue's reports: what was known of a market at an instant, as the tables that adapters fill.

Reports lag, because the newest data the venue shows is some time old, and are restated, because orders and taken-back
clicks come later. A job fixes the instant its data is as of; fetching it again gives the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from adapters.mock.arrays import Index, Ints
from adapters.mock.facts import ProductFacts, TargetFacts
from adapters.mock.ledger import HOURLY_DAYS
from adapters.mock.market import Market
from bidder.core.calendar import DayRange, day_of
from bidder.core.performance import (
    Grain,
    Level,
    PerformanceReport,
    PerformanceTable,
    ProductSalesTable,
    micros_since_epoch,
)

_SHOWN = ("impressions", "clicks", "spend_micros", "orders", "units", "revenue_micros", "carts", "favourites")
_TELLING = ("impressions", "clicks", "spend_micros", "orders", "carts", "favourites")


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportSpec:
    """What is asked for: click days, both ends included, grain, and days after the click in which orders count."""

    days: DayRange
    grain: Grain
    window_days: int


def build_report(
    market: Market, spec: ReportSpec, *, level: Level, known_until: datetime, observed_at: datetime
) -> PerformanceReport:
    """Return the report of a market as it was known at an instant.

    Args:
        market: Played at least to ``known_until``.
        spec: What is asked for; days that the market has not are left out.
        level: TARGET, or CAMPAIGN for facts by hour.
        known_until: The newest instant in the data.
        observed_at: Stamped on every row.
    """
    shop = market.shop
    seen = micros_since_epoch(observed_at)
    first = max(spec.days.first, market.hours.first_day)
    last = min(spec.days.last, day_of(known_until, shop.zone))
    if spec.grain is Grain.HOUR:  # Older days are kept by day only.
        first = max(first, day_of(market.now, shop.zone) - timedelta(days=HOURLY_DAYS - 2))
    if last < first or known_until < market.hours.instant(0):
        return PerformanceReport(
            facts=PerformanceTable.empty(
                level=level, grain=spec.grain, window_days=spec.window_days, currency=shop.currency
            ),
            products=ProductSalesTable.empty(currency=shop.currency) if spec.grain is Grain.DAY else None,
            days=spec.days,
            account_spend_micros=0,
            observed_at=observed_at,
        )
    products: ProductSalesTable | None = None
    if spec.grain is Grain.DAY:
        facts = market.facts.daily(first, last, window_days=spec.window_days, as_of=known_until)
        days, hours = facts.periods, np.full(len(facts.periods), -1)
        products = _sales(market, market.facts.products(first, last, as_of=known_until), seen)
    else:
        facts = market.facts.hourly(first, last, window_days=spec.window_days, as_of=known_until)
        days, hours = _hours_of(market, facts.periods)
    return PerformanceReport(
        facts=_table(market, facts, spec, level, days, hours, seen),
        products=products,
        days=spec.days,
        account_spend_micros=int(facts.spend_micros.sum()),
        observed_at=observed_at,
    )


def _hours_of(market: Market, periods: Ints) -> tuple[Ints, Ints]:
    """Return day ordinal and marketplace hour of each hour index."""
    indices = market.hours.days_of_hours(periods)
    hours = np.zeros(len(periods), dtype=np.int64)
    for index in np.unique(indices):
        rows = np.flatnonzero(indices == index)
        local = market.hours.local_hours(int(index))
        hours[rows] = local[periods[rows] - market.hours.start_of_day(int(index))]
    return market.hours.first_ordinal + indices, hours


def _table(
    market: Market, facts: TargetFacts, spec: ReportSpec, level: Level, days: Ints, hours: Ints, seen: int
) -> PerformanceTable:
    """Turn facts by period and target into rows of what is not all zero."""
    shop = market.shop
    columns: dict[str, Ints] = {name: getattr(facts, name) for name in _SHOWN}
    ids = shop.targets.ids
    if level is Level.CAMPAIGN:
        columns = {name: _by_group(values, shop.campaign_of_target, len(shop.campaigns)) for name, values in
                   columns.items()}  # fmt: skip
        ids = shop.campaigns.ids
    days, hours, columns = _joined(days, hours, columns)
    told = columns["impressions"] != 0
    for name in _TELLING[1:]:
        told |= columns[name] != 0
    period, entity = np.nonzero(told)
    flat = period * told.shape[1] + entity
    return PerformanceTable(
        level=level,
        grain=spec.grain,
        window_days=spec.window_days,
        currency=shop.currency,
        entity_ids=ids,
        entity=entity.astype(np.int32),
        day=days[period].astype(np.int32),
        hour=hours[period].astype(np.int8),
        **{name: values.ravel()[flat] for name, values in columns.items()},
        observed_at=np.full(len(flat), seen, dtype=np.int64),
    )


def _joined(days: Ints, hours: Ints, columns: dict[str, Ints]) -> tuple[Ints, Ints, dict[str, Ints]]:
    """Add up the two hours of the same name that a day has when clocks are set back."""
    names = days * 32 + hours + 1
    kept, back = np.unique(names, return_inverse=True)
    if len(kept) == len(names):
        return days, hours, columns
    summed = {}
    for name, values in columns.items():
        total = np.zeros((len(kept), values.shape[1]), dtype=np.int64)
        np.add.at(total, back, values)
        summed[name] = total
    return kept // 32, kept % 32 - 1, summed


def _by_group(values: Ints, group: Index, count: int) -> Ints:
    total = np.zeros((count, len(values)), dtype=np.int64)
    np.add.at(total, group, values.T)
    return total.T


def _sales(market: Market, facts: ProductFacts, seen: int) -> ProductSalesTable:
    """Turn sales by day and product into rows, from each product's launch on."""
    products = market.shop.products
    launched = facts.days[:, None] >= products.launch_day[None, :]
    day, product = np.nonzero(launched | (facts.units > 0))
    return ProductSalesTable(
        currency=market.shop.currency,
        product_ids=products.ids,
        product=product.astype(np.int32),
        day=facts.days[day].astype(np.int32),
        units=facts.units[day, product],
        refunded_units=facts.refunded_units[day, product],
        revenue_micros=facts.revenue_micros[day, product],
        refund_micros=facts.refund_micros[day, product],
        visitors=facts.visitors[day, product],
        carts=facts.carts[day, product],
        in_stock_hours=facts.in_stock_hours[day, product],
        observed_at=np.full(len(day), seen, dtype=np.int64),
    )
