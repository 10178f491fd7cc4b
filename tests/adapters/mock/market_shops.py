"""Small shops and opened markets for the tests of the mock market's engine."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import numpy as np

from adapters.mock.controls import UNLIMITED
from adapters.mock.generate import build_shops
from adapters.mock.history import open_market
from adapters.mock.market import Market
from adapters.mock.shop import BalanceRules, Shop

DAY = timedelta(days=1)
HOUR = timedelta(hours=1)


def small_shop(preset: str = "general", *, seed: int = 3, size: float = 0.2, start: date | None = None) -> Shop:
    """Return a shop of a few items and about a hundred keywords."""
    return build_shops(preset, seed=seed, size=size, start=start)[0]


def small_market(shop: Shop | None = None, *, history_days: int = 0, days: int = 0) -> Market:
    """Return its market, with so many days played after the start."""
    market = open_market(shop or small_shop(), history_days=history_days)
    market.advance(market.now + days * DAY)
    return market


def with_venue(shop: Shop, **changes: object) -> Shop:
    """Return the shop under other rules of the venue."""
    return replace(shop, venue=replace(shop.venue, **changes))  # type: ignore[arg-type]  # tests name real fields


def with_products(shop: Shop, **changes: object) -> Shop:
    """Return the shop with other columns of its products."""
    return replace(shop, products=replace(shop.products, **changes))  # type: ignore[arg-type]  # tests name real fields


def with_balance(shop: Shop, *, opening_micros: int) -> Shop:
    """Return the shop with a balance that nobody tops up."""
    return replace(shop, balance=BalanceRules(opening_micros=opening_micros, top_up_micros=0, top_up_every_days=0))


def plentiful(shop: Shop) -> Shop:
    """Return the shop with stock and money that never run out."""
    stock = np.full(len(shop.products), 10**7)
    return with_balance(with_products(shop, opening_stock=stock), opening_micros=10**15)


def unlimited(market: Market) -> Market:
    """Remove the daily budgets."""
    rows = np.arange(len(market.shop.campaigns))
    market.set_budgets(rows, np.full(len(rows), UNLIMITED))
    return market


def instant(year: int, month: int, day: int, hour: int = 0) -> datetime:
    """Return a UTC instant."""
    return datetime(year, month, day, hour, tzinfo=UTC)
