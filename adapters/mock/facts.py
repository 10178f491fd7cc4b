"""Reports of a market as they could be seen at an instant: nothing that happens later shows.

`Facts` answers for any past ``as_of``: orders appear when they are placed, refunds when they are made, invalid
clicks vanish when the venue takes them back. The venue's face builds its reports from here.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

import numpy as np

from adapters.mock.arrays import Bools, Floats, Ints
from adapters.mock.day import orders_of_today
from adapters.mock.events import PREHEAT_DAYS
from adapters.mock.ledger import COUNTS, HOURLY_DAYS, REMOVAL_HOURS, SHELF, DayTotals, totals
from adapters.mock.orders import ORGANIC, Orders
from adapters.mock.state import MarketState


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TargetFacts:
    """Facts by click period and target, each int64 of shape (n_periods, n_targets).

    Attributes:
        periods: (n_periods,) days since 1970-01-01, or hour indices of the market's calendar (`MarketHours`).
        impressions, clicks, spend_micros: Net of the invalid clicks taken back by ``as_of``.
        orders, units, revenue_micros: Placed by ``as_of`` and within the window, credited to the click's period;
            gross of refunds.
        refunded_orders, refund_micros: Of them, refunded by ``as_of``.
        carts, favourites: Counted at once.
    """

    periods: Ints
    impressions: Ints
    clicks: Ints
    spend_micros: Ints
    orders: Ints
    units: Ints
    revenue_micros: Ints
    refunded_orders: Ints
    refund_micros: Ints
    carts: Ints
    favourites: Ints


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ProductFacts:
    """Sales of products on all channels by order day, arrays of shape (n_days, n_products).

    Attributes:
        days: (n_days,) since 1970-01-01.
        units, revenue_micros: Placed by ``as_of``, on that day, gross.
        refunded_units, refund_micros: Of them, refunded by ``as_of``.
        visitors, carts: Of that day, paid clicks included.
        in_stock_hours: Hours of the day in which the product could be bought, float64.
        stock: Units left at the end of the day, or at ``as_of`` where the day is not over.
    """

    days: Ints
    units: Ints
    revenue_micros: Ints
    refunded_units: Ints
    refund_micros: Ints
    visitors: Ints
    carts: Ints
    in_stock_hours: Floats
    stock: Ints


class Facts:
    """What reports of one market can show.

    Every method takes ``as_of``, rounded down to the hour, at most the market's ``now``; days run from the first
    simulated day to the day of ``as_of``.

    Raises (all methods):
        ValueError: Days or ``as_of`` outside of what was played, or hourly facts that are no longer kept.
    """

    def __init__(self, market: MarketState) -> None:
        self._market = market

    def daily(self, first: date, last: date, *, window_days: int, as_of: datetime) -> TargetFacts:
        """Return facts of the click days ``first`` to ``last``, both included."""
        low, high, before = self._span(first, last, as_of)
        days = [self._totals(index, before) for index in range(low, high + 1)]
        counts = np.stack([day.counts for day in days], axis=1)
        orders = self._orders(range(low, high + 1), before)
        orders = orders.take((orders.target != ORGANIC) & (orders.order_day - orders.click_day < window_days))
        return self._facts(
            periods=self._market.hours.first_ordinal + np.arange(low, high + 1),
            counts=dict(zip(COUNTS, counts, strict=True)),
            orders=orders,
            period=orders.click_day - low,
            before=before,
        )

    def hourly(self, first: date, last: date, *, window_days: int, as_of: datetime) -> TargetFacts:
        """Return facts of every hour of those days that was over by ``as_of``."""
        low, high, before = self._span(first, last, as_of)
        hours = self._market.hours
        begin, end = hours.start_of_day(low), min(hours.start_of_day(high + 1), before)
        parts: dict[str, list[Ints]] = {name: [] for name in COUNTS}
        for index in range(low, high + 1):
            block = self._market.ledger.blocks[index]
            if block is None:
                raise ValueError(f"facts by hour are kept for {HOURLY_DAYS} days; {hours.day(index)} is older")
            length = min(max(end - hours.start_of_day(index), 0), hours.length_of_day(index))
            removed = dict(zip(("clicks", "spend_micros"), block.removed(before), strict=True))
            for name, columns in parts.items():
                gross = getattr(block, name)
                columns.append((gross - removed.get(name, 0))[:length])
        orders = self._orders(range(low, high + 1), before)
        orders = orders.take((orders.target != ORGANIC) & (orders.order_day - orders.click_day < window_days))
        return self._facts(
            periods=np.arange(begin, max(end, begin)),
            counts={name: np.concatenate(columns).astype(np.int64) for name, columns in parts.items()},
            orders=orders,
            period=orders.click_hour - begin,
            before=before,
        )

    def products(self, first: date, last: date, *, as_of: datetime) -> ProductFacts:
        """Return sales of products on all channels by order day."""
        low, high, before = self._span(first, last, as_of)
        shop = self._market.shop
        days = [self._totals(index, before) for index in range(low, high + 1)]
        shelf = dict(zip(SHELF, np.stack([day.shelf for day in days], axis=1), strict=True))
        counts = np.stack([day.counts for day in days], axis=1)
        of_product = np.zeros((len(shop.targets), len(shop.products)))
        of_product[np.arange(len(shop.targets)), shop.targets.product] = 1
        clicks, carts = (counts[COUNTS.index(name)] @ of_product for name in ("clicks", "carts"))
        reach = shop.orders.horizon_days + PREHEAT_DAYS
        orders = self._orders(range(max(0, low - reach), high + 1), before)
        orders = orders.take((orders.order_day >= low) & (orders.order_day <= high))
        n_days, n_products = high - low + 1, len(shop.products)
        cell = (orders.order_day - low) * n_products + orders.product
        refunded = orders.refund_hour < before

        def summed(values: Ints, rows: Bools | None = None) -> Ints:
            kept = slice(None) if rows is None else rows
            return _sums(cell[kept], values[kept], n_days, n_products)

        return ProductFacts(
            days=self._market.hours.first_ordinal + np.arange(low, high + 1),
            units=summed(orders.units),
            revenue_micros=summed(orders.revenue_micros),
            refunded_units=summed(orders.units, refunded),
            refund_micros=summed(orders.revenue_micros, refunded),
            visitors=(shelf["visitors"] + clicks).astype(np.int64),
            carts=(shelf["carts"] + carts).astype(np.int64),
            in_stock_hours=shelf["in_stock"],
            stock=shelf["stock"].astype(np.int64),
        )

    def _facts(
        self, *, periods: Ints, counts: dict[str, Ints], orders: Orders, period: Ints, before: int
    ) -> TargetFacts:
        n_periods, n_targets = len(periods), len(self._market.shop.targets)
        cell = period * n_targets + orders.target
        refunded = orders.refund_hour < before
        return TargetFacts(
            periods=periods,
            **counts,
            orders=_sums(cell, orders.orders, n_periods, n_targets),
            units=_sums(cell, orders.units, n_periods, n_targets),
            revenue_micros=_sums(cell, orders.revenue_micros, n_periods, n_targets),
            refunded_orders=_sums(cell[refunded], orders.orders[refunded], n_periods, n_targets),
            refund_micros=_sums(cell[refunded], orders.revenue_micros[refunded], n_periods, n_targets),
        )

    def _span(self, first: date, last: date, as_of: datetime) -> tuple[int, int, int]:
        market = self._market
        before = market.hours.hours_until(as_of)
        if before > market.played:
            played = market.hours.instant(market.played).isoformat()
            raise ValueError(f"the market has been played to {played}; it cannot report as of {as_of.isoformat()}")
        low, high = market.hours.day_index(first), market.hours.day_index(last)
        newest = market.hours.day_of_hour(before)
        if not 0 <= low <= high <= newest:
            begin, end = market.hours.first_day, market.hours.day(newest)
            raise ValueError(f"reports as of {as_of.isoformat()} reach from {begin} to {end}, not {first} to {last}")
        return low, high, before

    def _totals(self, index: int, before: int) -> DayTotals:
        ledger, hours = self._market.ledger, self._market.hours
        if index == len(ledger.blocks):  # the day that starts at this very instant
            return _nothing(self._market)
        settled = ledger.settled[index]
        if settled is not None and before >= hours.start_of_day(index + 1) + REMOVAL_HOURS:
            return settled
        block = ledger.blocks[index]
        if block is None:
            raise ValueError(f"{hours.day(index)} is settled: what was known of it earlier is no longer kept")
        return totals(block, before_hour=before, start_hour=hours.start_of_day(index))

    def _orders(self, days: range, before: int) -> Orders:
        market = self._market
        parts = [market.orders[index] for index in days if index < len(market.orders)]
        if market.today is not None and market.today.index in days:
            parts.append(orders_of_today(market, market.today))
        orders = Orders.joined(parts)
        return orders.take(orders.order_hour < before)


def _sums(cell: Ints, values: Ints, n_rows: int, n_columns: int) -> Ints:
    sums = np.zeros(n_rows * n_columns, dtype=np.int64)
    np.add.at(sums, cell, values)
    return sums.reshape(n_rows, n_columns)


def _nothing(market: MarketState) -> DayTotals:
    n_targets, n_products = len(market.shop.targets), len(market.shop.products)
    shelf = np.zeros((len(SHELF), n_products))
    shelf[SHELF.index("stock")] = market.shelf.stock
    return DayTotals(
        counts=np.zeros((len(COUNTS), n_targets), dtype=np.int64),
        expected=np.zeros((4, n_targets)),
        shelf=shelf,
        shelf_expected_units=np.zeros(n_products),
        dark_hours=np.zeros(len(market.shop.campaigns)),
    )
