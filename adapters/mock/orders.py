"""Orders: how large they are, when they come, whether and when they are refunded; and the log that keeps them.

An order is decided at its click, takes its unit of stock there, and is placed up to `OrderRules.horizon_days` later;
only then does a report show it. Everything about it is a hash of its address (shop, hour, actor, number), so an order
that two policies both win is the same order.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields
from typing import Self

import numpy as np

from adapters.mock.arrays import Bools, Floats, Index, Ints
from adapters.mock.draws import Stream, hashed, normals
from adapters.mock.shop import OrderRules, Shop

ORGANIC = -1
"""In ``target``: the order came without an advertisement."""

NEVER = np.iinfo(np.int64).max
"""In ``refund_hour``: the order is kept."""

ORGANIC_ACTOR = 1 << 24
"""Added to a product's index to address its organic orders."""

HOURS_A_DAY_KEY = 32
"""Hours of a day are addressed as ``ordinal * 32 + hour``, whatever the day's length."""

_UNITS, _VALUE, _WAIT, _DAY, _HOUR, _REFUND, _REFUND_DELAY = range(7)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Orders:
    """Orders as columns, int64 arrays of shape (n_rows,).

    Attributes:
        target: Index, or `ORGANIC`. product: Index.
        click_hour, order_hour, refund_hour: Hour indices; a report of a later instant shows them. Refund: or `NEVER`.
        click_day, order_day: Day indices.
        orders: Orders in the row: 1, or more once a day is aggregated.
        units, revenue_micros: Of all orders of the row, gross.
    """

    target: Ints
    product: Ints
    click_hour: Ints
    order_hour: Ints
    refund_hour: Ints
    click_day: Ints
    order_day: Ints
    orders: Ints
    units: Ints
    revenue_micros: Ints

    def __len__(self) -> int:
        return len(self.target)

    @classmethod
    def joined(cls, parts: Iterable[Orders]) -> Orders:
        """Return all rows of the parts in order."""
        rows = list(parts)
        if not rows:
            return cls(**{field.name: np.zeros(0, dtype=np.int64) for field in fields(cls)})
        return cls(**{f.name: np.concatenate([getattr(part, f.name) for part in rows]) for f in fields(cls)})

    def take(self, rows: Bools | Index) -> Self:
        """Return the chosen rows."""
        return type(self)(**{field.name: getattr(self, field.name)[rows] for field in fields(self)})

    def aggregated(self) -> Orders:
        """Return one row for each click day, order day, target, product and fate; the last hours stand for all.

        Only for days on which nothing can happen any more: then every report reads the same.
        """
        if not len(self):
            return self
        fate = (self.refund_hour != NEVER).astype(np.int64)
        key = np.lexsort((fate, self.order_day, self.click_day, self.product, self.target))
        rows = self.take(key)
        same = np.stack([rows.target, rows.product, rows.click_day, rows.order_day, fate[key]])
        first = np.flatnonzero(np.any(np.diff(same, axis=1, prepend=same[:, :1] - 1) != 0, axis=0))
        columns: dict[str, Ints] = {}
        for field in fields(rows):
            values = getattr(rows, field.name)
            sums = field.name in ("orders", "units", "revenue_micros")
            columns[field.name] = (np.add if sums else np.maximum).reduceat(values, first)
        return Orders(**columns)


def units_of(seed: int, rules: OrderRules, hour_key: Ints | int, actor: Ints, number: Ints) -> Ints:
    """Return the units of orders: one, and a second and third with falling chance."""
    luck = hashed(seed, Stream.ORDER, hour_key, actor, number, _UNITS)
    more: Ints = 1 + (luck < rules.extra_unit_rate).astype(np.int64) + (luck < rules.extra_unit_rate**2)
    return more


def mean_units(rules: OrderRules) -> float:
    """Return the expected units of an order."""
    return 1 + rules.extra_unit_rate + rules.extra_unit_rate**2


def completion(rules: OrderRules) -> Floats:
    """Return the share of final orders placed by the end of day k after the click, (horizon_days,).

    Day 0 is given; later days follow a Weibull law through the shares of day 3 and day 7, cut off at the horizon.
    """
    by_0, by_3, by_7 = rules.completion
    left_3, left_7 = -np.log((1 - by_3) / (1 - by_0)), -np.log((1 - by_7) / (1 - by_0))
    shape = np.log(left_7 / left_3) / np.log(7 / 3)
    days = np.arange(rules.horizon_days)
    share: Floats = 1 - (1 - by_0) * np.exp(-left_3 * (days / 3) ** shape)
    share[-1] = 1.0
    return share


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Arrivals:
    """Orders won so far in a day, before their details: int64 arrays of shape (n_orders,).

    Attributes:
        step: Hour of the day, 0-based. number: Count of the actor's orders before it in that hour.
    """

    step: Ints
    target: Ints
    product: Ints
    number: Ints
    units: Ints


def detail(
    shop: Shop,
    arrivals: Arrivals,
    *,
    day_index: int,
    day_ordinal: int,
    starts: Ints,
    refund_rate: Floats,
    wait_days: int,
    wait_share: float,
) -> Orders:
    """Give orders their value, their time and their fate.

    Args:
        shop: Prices and rules.
        arrivals: Orders won on the day.
        day_index: Of the click day.
        day_ordinal: The same since 1970-01-01.
        starts: (horizon_days + 2,) hour index at which the click day and each later one starts.
        refund_rate: (n_products,) for clicks of this day.
        wait_days: Days until the sale event that ``wait_share`` of the orders wait for; 0 outside a pre-heat.
        wait_share: That share.
    """
    rules, product = shop.orders, arrivals.product
    organic = arrivals.target == ORGANIC
    actor = np.where(organic, ORGANIC_ACTOR + product, arrivals.target)
    hour_key = day_ordinal * HOURS_A_DAY_KEY + arrivals.step

    def luck(what: int) -> Floats:
        return hashed(shop.seed, Stream.ORDER, hour_key, actor, arrivals.number, what)

    spread = shop.products.price_spread[product]
    factor = np.exp(spread * normals(luck(_VALUE)) - spread**2 / 2)
    coin = shop.venue.price_step_micros
    value = np.rint(shop.products.price_micros[product] * factor / coin) * coin
    later = np.searchsorted(completion(rules), luck(_DAY), side="right")
    later = np.where(luck(_WAIT) < wait_share, wait_days, later)
    later = np.where(organic, 0, np.minimum(later, rules.horizon_days - 1))
    length = starts[later + 1] - starts[later]
    first = np.where(later == 0, arrivals.step, 0)
    lateness = np.where(later == 0, luck(_HOUR) ** 3, luck(_HOUR))
    order_hour = starts[later] + first + np.where(organic, 0, np.floor(lateness * (length - first)))
    order_hour = order_hour.astype(np.int64)
    delay = rules.refund_median_days * np.exp(rules.refund_sigma * normals(luck(_REFUND_DELAY)))
    refund_hour = order_hour + np.ceil(24 * np.clip(delay, 0.5, rules.refund_limit_days)).astype(np.int64)
    return Orders(
        target=arrivals.target,
        product=product,
        click_hour=starts[0] + arrivals.step,
        order_hour=order_hour,
        refund_hour=np.where(luck(_REFUND) < refund_rate[product], refund_hour, NEVER),
        click_day=np.full(len(product), day_index),
        order_day=day_index + later,
        orders=np.ones(len(product), dtype=np.int64),
        units=arrivals.units,
        revenue_micros=(value * arrivals.units).astype(np.int64),
    )
