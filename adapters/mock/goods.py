"""What the referee knows of the goods behind the targets: what is left, when more comes, what a unit is worth.

Beside `truth`: a sale by advertising takes a unit that could have been sold another day, and a bound on what money
can earn has to know it. Only evaluation reads this.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np

from adapters.mock.arrays import Floats, Ints, by_group
from adapters.mock.day import order_worth
from adapters.mock.ledger import EXPECTED, REMOVAL_HOURS, SHELF, totals
from adapters.mock.orders import mean_units
from adapters.mock.state import MarketState


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Goods:
    """Goods of one instant, arrays of shape (n_products,): see `bidder.ports.SupplyTable`."""

    stock: Floats
    organic_units: Floats
    days_to_arrival: Floats
    unit_value_micros: Floats


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ForSale:
    """Goods of days played, (n_days, n_products): see `bidder.ports.ForSaleTable`."""

    days: Ints
    units: Floats
    unit_value_micros: Floats


def goods_now(market: MarketState) -> Goods:
    """Return what can be sold from now on.

    An order that is not placed yet is expected when stock at the owner's pace comes down to where they order.
    """
    shop, shelf, products = market.shop, market.shelf, market.shop.products
    index = market.hours.day_of_hour(market.played)
    latent = market.latent.day(market.hours.day(index))
    lifted = shelf.lift * (1 - 0.5 ** (1 / shop.orders.lift_half_life_days))
    hours = market.hours.length_of_day(index)
    until_order = np.maximum(shelf.stock / np.maximum(shelf.pace, 1e-9) - products.reorder_cover_days, 0.0)
    coming = np.where(products.restocked, until_order + products.lead_time_days, np.inf)
    units = mean_units(shop.orders)
    return Goods(
        stock=shelf.stock.astype(np.float64),
        organic_units=latent.organic_visitors * hours * latent.organic_cvr * units + lifted,
        days_to_arrival=np.where(shelf.on_order > 0, np.maximum(shelf.arrival_day - index, 0), coming),
        unit_value_micros=order_worth(market, latent) / units,
    )


def for_sale(market: MarketState, first: date, last: date) -> ForSale:
    """Return what advertising was expected to sell by the end of each day, with what was left on the shelf then."""
    hours, shop = market.hours, market.shop
    indices = range(hours.day_index(first), hours.day_index(last) + 1)
    sold = np.zeros((len(indices), len(shop.products)))
    left, worth = np.zeros_like(sold), np.zeros_like(sold)
    for row, index in enumerate(indices):
        settled, block = market.ledger.settled[index], market.ledger.blocks[index]
        if settled is None and block is not None:
            start = hours.start_of_day(index)
            settled = totals(block, before_hour=start + 25 + REMOVAL_HOURS, start_hour=start)
        if settled is not None:
            orders = settled.expected[EXPECTED.index("expected_orders")]
            sold[row] = by_group(shop.targets.product, orders, len(shop.products))
            left[row] = settled.shelf[SHELF.index("stock")]
        worth[row] = order_worth(market, market.latent.day(hours.day(index)))
    units = mean_units(shop.orders)
    return ForSale(
        days=hours.first_ordinal + np.asarray(indices),
        units=np.cumsum(sold, axis=0) * units + left,
        unit_value_micros=worth / units,
    )
