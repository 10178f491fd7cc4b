"""Stock and organic sales: what an item sells without advertising, what it still has, when more comes.

Advertising lifts organic sales: each paid unit adds `OrderRules.organic_lift` organic units, spread over the days
after it with a half-life. The owner orders again when stock runs low against recent sales.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np

from adapters.mock import draws
from adapters.mock.arrays import Bools, Floats, Ints
from adapters.mock.demand import LatentDay
from adapters.mock.draws import Stream, generator
from adapters.mock.orders import mean_units
from adapters.mock.shop import Shop

SALES_HALF_LIFE_DAYS = 7.0
"""Over which the owner averages the sales that reorders are planned with."""

ORGANIC_CART_RATE = 0.05
"""Carts per organic visitor, before the event's factor."""


@dataclass(slots=True, kw_only=True, eq=False)
class Shelf:
    """Stock of the products, arrays of shape (n_products,); replaced on change, never written into.

    Attributes:
        stock: Units that can be sold.
        on_order: Units on their way. arrival_day: Day index they come on.
        pace: Units a day the owner has seen lately.
        lift: Organic units that past advertising will still bring.
    """

    stock: Ints
    on_order: Ints
    arrival_day: Ints
    pace: Floats
    lift: Floats

    @classmethod
    def of(cls, shop: Shop) -> Self:
        """Return the shelf of the first day."""
        none = np.zeros(len(shop.products), dtype=np.int64)
        return cls(
            stock=shop.products.opening_stock.copy(),
            on_order=none,
            arrival_day=none,
            pace=shop.products.planned_units.copy(),
            lift=np.zeros(len(shop.products)),
        )

    def open_day(self, day_index: int) -> None:
        """Put arrived goods on the shelf."""
        here = (self.on_order > 0) & (self.arrival_day <= day_index)
        self.stock = self.stock + np.where(here, self.on_order, 0)
        self.on_order = np.where(here, 0, self.on_order)

    def sell(self, units: Ints) -> None:
        """Take units off the shelf."""
        self.stock = self.stock - units

    def close_day(self, shop: Shop, day_index: int, sold: Ints, in_stock: Bools, paid_units: Floats) -> None:
        """Learn the day's pace, let the lift decay and grow, order what runs low.

        Args:
            shop: Its rules.
            day_index: Of the day that ends.
            sold: (n_products,) units sold on all channels.
            in_stock: (n_products,) which could be sold all day; the others' pace is not judged.
            paid_units: (n_products,) expected units from advertising.
        """
        products, rules = shop.products, shop.orders
        weight = 1 - 0.5 ** (1 / SALES_HALF_LIFE_DAYS)
        self.pace = np.where(in_stock, (1 - weight) * self.pace + weight * sold, self.pace)
        self.lift = self.lift * 0.5 ** (1 / rules.lift_half_life_days) + rules.organic_lift * paid_units
        low = self.stock < self.pace * products.reorder_cover_days
        wanted = np.ceil(self.pace * products.order_cover_days).astype(np.int64)
        order = low & products.restocked & (self.on_order == 0) & (wanted > 0)
        self.on_order = np.where(order, wanted, self.on_order)
        self.arrival_day = np.where(order, day_index + products.lead_time_days, self.arrival_day)

    def copy(self) -> Self:
        """Return an independent copy."""
        return type(self)(
            stock=self.stock,
            on_order=self.on_order,
            arrival_day=self.arrival_day,
            pace=self.pace,
            lift=self.lift,
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class OrganicDay:
    """Organic demand of a day, (n_hours, n_products): what happens while the item is in stock.

    Attributes:
        visitors, orders, carts: int64 counts. expected_orders: Float64.
    """

    visitors: Ints
    orders: Ints
    carts: Ints
    expected_orders: Floats


def organic_day(shop: Shop, latent: LatentDay, lift: Floats, hour_share: Floats, day_ordinal: int) -> OrganicDay:
    """Draw a day's organic demand.

    Args:
        shop: Its seed and rules.
        latent: The day's latent state.
        lift: (n_products,) organic units that advertising will still bring, at the day's start.
        hour_share: (n_hours,) demand by hour, mean about 1.
        day_ordinal: Days since 1970-01-01.
    """
    shape = (4, len(hour_share), len(lift))
    uniforms = generator(shop.seed, Stream.ORGANIC, day_ordinal).random(shape)
    visitor_rate = latent.organic_visitors[None, :] * hour_share[:, None]
    visitors = draws.poisson(uniforms[0], visitor_rate)
    chance = np.broadcast_to(latent.organic_cvr, visitors.shape)
    own = draws.binomial(uniforms[1].ravel(), visitors.ravel(), chance.ravel()).reshape(visitors.shape)
    today = lift * (1 - 0.5 ** (1 / shop.orders.lift_half_life_days)) / mean_units(shop.orders)
    lifted_rate = today[None, :] * (hour_share / hour_share.sum())[:, None]
    cart_rate = np.full(visitors.size, min(ORGANIC_CART_RATE * latent.factors.carts, 0.9))
    return OrganicDay(
        visitors=visitors,
        orders=own + draws.poisson(uniforms[2], lifted_rate),
        carts=draws.binomial(uniforms[3].ravel(), visitors.ravel(), cart_rate).reshape(visitors.shape),
        expected_orders=visitor_rate * latent.organic_cvr + lifted_rate,
    )
