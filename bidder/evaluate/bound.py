"""BOUND: what nobody can earn more than in a world's market, by linear prices for everything that is scarce.

The fluid optimum over the whole horizon: each day every target takes the point of its concave envelope that is best
at a price of money and a price of its product's goods. Any prices that are not negative give an upper bound (weak
duality); good ones are searched here on a ladder. Floors need no price: what is best at a price of money never earns
less than it costs, target by target. Bids stand for a whole day; who moves them by the hour may gain what
docs/benchmarks.md says. Only `bidder.evaluate` reads this.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bidder.core.calendar import DayRange, ordinal
from bidder.core.entities import Account, Structure
from bidder.core.money import Money
from bidder.core.performance import Float64
from bidder.ports import ForSaleTable, ResponseTable, Truth

LADDER = np.geomspace(1.0, 60.0, 120)
"""Prices tried: expected value asked of one more unit of money, 3.5% apart."""

BIDS = 64
"""Bids tried by target, spread evenly in log."""

_MONTH_DAYS = 30
_ROUNDS = 3
_RENTS = np.linspace(0.0, 0.99, 100)
"""Prices of goods tried, as shares of the most that a unit is worth on any day."""


def bid_grid(low: Money, high: Money) -> Float64:
    """Return the bids tried, shape (64,), ascending micros."""
    return np.geomspace(max(low.micros, 1), high.micros, BIDS)


def sensible_grid(truth: Truth, account: Account, day: int, low: Money, high: Money) -> Float64:
    """Return as many bids, up to twice the highest that is best for any target where money and goods are free."""
    table = truth.response(account.id, np.array([day], dtype=np.int32), bid_grid(low, high))[0]
    gain = table.value_micros - table.spend_micros
    best = np.where(gain.max(axis=1) > 0, table.bid_micros[gain.argmax(axis=1)], low.micros)
    highest = float(np.clip(2 * best.max(initial=low.micros), 2 * max(low.micros, 1), high.micros))
    return np.geomspace(max(low.micros, 1), max(highest, 2.0 * max(low.micros, 1)), BIDS)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Frontier:
    """The concave envelopes of all days, summed by product, at every price of `LADDER`.

    Attributes:
        product_ids: Columns; the last column, without an id, is that of targets without a product.
        value, spend: (n_days, n_products + 1, n_prices) float micros.
    """

    product_ids: tuple[str, ...]
    value: Float64
    spend: Float64


def frontier(tables: Iterable[ResponseTable], structure: Structure) -> Frontier:
    """Trace the envelopes: at every price each target takes the bid of highest value minus price times spend."""
    ids = tuple(str(product.id) for product in structure.products)
    columns = len(ids) + 1
    values, spends = [], []
    for table in tables:
        rows = product_rows(table.target_ids, structure)
        picks = [chosen(table, np.full(len(rows), price)) for price in LADDER]
        values.append([np.bincount(rows, weights=value, minlength=columns) for value, _ in picks])
        spends.append([np.bincount(rows, weights=spend, minlength=columns) for _, spend in picks])
    return Frontier(
        product_ids=ids, value=np.array(values).transpose(0, 2, 1), spend=np.array(spends).transpose(0, 2, 1)
    )


def product_rows(target_ids: Sequence[str], structure: Structure) -> NDArray[np.intp]:
    """Return the row of each target's product, the number of products where it has none."""
    number = {str(product.id): row for row, product in enumerate(structure.products)}
    product_of = {str(t.id): None if t.product_id is None else str(t.product_id) for t in structure.targets}
    names = (product_of.get(name) for name in target_ids)
    return np.array([len(number) if n is None else number.get(n, len(number)) for n in names], dtype=np.intp)


def chosen(table: ResponseTable, price: Float64) -> tuple[Float64, Float64]:
    """Return value and spend of each target at its best bid for a price of money, or zeros where none is worth it."""
    gain = table.value_micros - price[:, None] * table.spend_micros
    rows, best = np.arange(len(gain)), gain.argmax(axis=1)
    taken = gain[rows, best] > 0
    value = np.where(taken, table.value_micros[rows, best], 0.0)
    return value, np.where(taken, table.spend_micros[rows, best], 0.0)


def bound(edge: Frontier, goods: ForSaleTable | None, *, day_limit: float, month_limit: float | None = None) -> Float64:
    """Return the most that can be earned, by day, shape (n_days,), float micros; only the sum is a bound.

    Args:
        edge: The envelopes.
        goods: What could be sold; ``None`` where goods never run out.
        day_limit: Spend allowed on a day, micros.
        month_limit: Spend allowed in each 30 days, and pro rata in what is left of them.
    """
    n_days, n_products = edge.value.shape[:2]
    worth, supply = _goods(goods, edge.product_ids, n_days)
    money = np.ones(n_days)
    rent = np.zeros((n_days, n_products))
    for _ in range(_ROUNDS):
        rent = _goods_prices(edge, worth, supply, money)
        money = _money_prices(edge, rent, worth, day_limit, month_limit)
    free = _conjugate(edge, money, np.zeros_like(rent), worth).sum(axis=1)
    priced = _conjugate(edge, money, rent, worth).sum(axis=1)
    arriving = np.diff(np.where(np.isfinite(supply), supply, 0.0), axis=0, prepend=0.0)
    paid = (rent * arriving).sum(axis=1)
    dues = _money_dues(money, day_limit, month_limit)
    # Without prices for goods this is a bound too: the lower one counts.
    earned: Float64 = priced + paid if (priced + paid).sum() < free.sum() else free
    return earned + dues


def _goods(goods: ForSaleTable | None, ids: tuple[str, ...], n_days: int) -> tuple[Float64, Float64]:
    """Return what a unit is worth and how many can be sold up to each day, inf where nothing limits."""
    worth, supply = np.ones((n_days, len(ids) + 1)), np.full((n_days, len(ids) + 1), np.inf)
    if goods is not None:
        number = {name: row for row, name in enumerate(goods.product_ids)}
        for column, name in enumerate(ids):
            if name in number:
                worth[:, column] = goods.unit_value_micros[:, number[name]]
                supply[:, column] = goods.for_sale[:, number[name]]
    return np.maximum(worth, 1e-6), supply


def _goods_prices(edge: Frontier, worth: Float64, supply: Float64, money: Float64) -> Float64:
    """Return a price of a unit of each product on each day, never rising, at which no more is taken than is there.

    Where goods run short before the horizon ends, the days up to then share one price; the days after start anew.
    The first such stretch is the one that needs the highest price, and so prices fall from stretch to stretch.
    """
    n_days, n_products = worth.shape
    rent = np.zeros((n_days, n_products))
    for product in range(n_products):
        if not np.isfinite(supply[:, product]).all():
            continue
        prices = _RENTS * worth[:, product].max()
        kept = np.maximum(1 - prices / worth[:, product, None], 1 / LADDER[-1])
        step = np.minimum(np.searchsorted(LADDER, money[:, None] / kept), len(LADDER) - 1)
        units = np.take_along_axis(edge.value[:, product], step, axis=1) / worth[:, product, None]
        start, used = 0, 0.0
        while start < n_days:
            taken = np.cumsum(units[start:], axis=0)
            room = np.maximum(supply[start:, product] - used, 0.0)
            enough = taken <= room[:, None] + 1e-9
            needed = np.where(enough.any(axis=1), enough.argmax(axis=1), len(prices) - 1)
            if not needed.any():
                break
            end = len(needed) - 1 - int(np.argmax(needed[::-1] == needed.max()))
            rent[start : start + end + 1, product] = prices[needed[end]]
            used = float(supply[start + end, product])
            start += end + 1
    falling: Float64 = np.minimum.accumulate(rent, axis=0)
    return falling


def _conjugate(edge: Frontier, money: Float64, rent: Float64, worth: Float64) -> Float64:
    """Return what is left after money and goods are paid for, (n_days, n_products), never less than can be left.

    ``max value (1 - rent / worth) - money spend`` is ``kept F(money / kept)`` with ``F(q) = max value - q spend``,
    which is convex: between two prices of the ladder the straight line lies above it.
    """
    surplus = edge.value - LADDER * edge.spend
    kept = np.maximum(1 - rent / worth, 0.0)
    asked = np.minimum(money[:, None] / np.maximum(kept, 1e-9), LADDER[-1])
    above = np.clip(np.searchsorted(LADDER, asked), 1, len(LADDER) - 1)
    share = (asked - LADDER[above - 1]) / (LADDER[above] - LADDER[above - 1])
    low = np.take_along_axis(surplus, (above - 1)[:, :, None], axis=2)[:, :, 0]
    high = np.take_along_axis(surplus, above[:, :, None], axis=2)[:, :, 0]
    left: Float64 = np.maximum(kept * (low + share * (high - low)), 0.0)
    return left


def _money_prices(
    edge: Frontier, rent: Float64, worth: Float64, day_limit: float, month_limit: float | None
) -> Float64:
    """Return a price of money for each day, at least 1, at which days and months keep to their limits."""
    n_days = len(rent)
    kept = np.maximum(1 - rent / worth, 1 / LADDER[-1])
    step = np.minimum(np.searchsorted(LADDER, LADDER[None, None, :] / kept[:, :, None]), len(LADDER) - 1)
    spend = np.take_along_axis(edge.spend, step, axis=2).sum(axis=1)
    fits = spend <= day_limit + 1e-6
    at = np.where(fits.any(axis=1), fits.argmax(axis=1), len(LADDER) - 1)
    if month_limit is not None:
        for first in range(0, n_days, _MONTH_DAYS):
            days = np.arange(first, min(first + _MONTH_DAYS, n_days))
            limit = month_limit * len(days) / _MONTH_DAYS
            for price in range(len(LADDER)):
                if spend[days, np.maximum(at[days], price)].sum() <= limit + 1e-6:
                    at[days] = np.maximum(at[days], price)
                    break
    return LADDER[at]


def _money_dues(money: Float64, day_limit: float, month_limit: float | None) -> Float64:
    """Return what the limits of money are worth at its prices, (n_days,).

    The part of a day's price that all days of a month share is that of the month's limit.
    """
    extra = money - 1
    if month_limit is None:
        return extra * day_limit
    dues = np.zeros(len(money))
    for first in range(0, len(money), _MONTH_DAYS):
        days = slice(first, min(first + _MONTH_DAYS, len(money)))
        shared = float(extra[days].min())
        dues[days] = (extra[days] - shared) * day_limit + shared * month_limit / _MONTH_DAYS
    return dues


def horizon(truth: Truth, account: Account, days: DayRange, grid: Float64) -> Iterator[ResponseTable]:
    """Yield the responses of all days, asked for one by one: the days of a large shop would not fit into memory."""
    for day in days:
        yield truth.response(account.id, np.array([ordinal(day)], dtype=np.int32), grid)[0]
