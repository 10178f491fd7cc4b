"""Reports of a market as they could be seen at an instant: nothing that happens later shows.

`Facts` answers for any past ``as_of``: orders appear when they are placed, refunds when they are made, invalid
clicks vanish when the venue takes them back. The venue's face builds its reports from here.
"""

from __future__ import annotations

from dataclasses import dataclass

from adapters.mock.arrays import Floats, Ints


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TargetFacts:
    """Facts by click period and target, each int64 of shape (n_periods, n_targets).

    Attributes:
        periods: (n_periods,) day ordinals since 1970-01-01, or hour indices of the market's calendar.
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
        days: (n_days,) ordinals since 1970-01-01.
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
