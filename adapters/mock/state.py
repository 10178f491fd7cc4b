"""Everything that a market is at one instant: the state that days and hours change, and that reports and truth read.

`market.Market` is this state with its moves. It is apart so that the rooms which play and read it need not know who
calls them.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import timedelta
from typing import Self

import numpy as np

from adapters.mock.arrays import Bools, Floats, Ints
from adapters.mock.auction import Curves
from adapters.mock.budgets import Budgets
from adapters.mock.controls import Controls
from adapters.mock.demand import Latent, LatentDay
from adapters.mock.hours import MarketHours
from adapters.mock.ledger import Block, Ledger
from adapters.mock.orders import Arrivals, Orders
from adapters.mock.products import OrganicDay, Shelf
from adapters.mock.shop import Shop

TRAFFIC_STREAMS = 7
"""Uniforms a target needs in an hour: clicks, idle views, price, invalid clicks, orders, carts, favourites."""


@dataclass(slots=True, kw_only=True, eq=False)
class DayState:
    """The open day.

    Attributes:
        index: Day index. number: Days since 1970-01-01.
        start_hour, end_hour: Hour indices.
        latent: The day's latent state.
        queries: (n_hours, n_targets).
        log_level: (n_hours, n_targets), rivals' pressure included.
        cvr: (n_hours, n_targets) orders per valid click.
        worth: (n_products,) contribution of one expected order with its organic lift, currency units.
        hour_of_week: (n_hours,) Monday 00:00 is 0.
        luck: (TRAFFIC_STREAMS, n_hours, n_targets).
        organic: Organic demand.
        launched: (n_targets,) whose product can be bought at all.
        block: The day's record.
        arrivals: Orders won so far, an entry for each hour that had some.
        views: (n_targets,) expected views so far.
    """

    index: int
    number: int
    start_hour: int
    end_hour: int
    latent: LatentDay
    queries: Floats
    log_level: Floats
    cvr: Floats
    worth: Floats
    hour_of_week: Ints
    luck: Floats
    organic: OrganicDay
    launched: Bools
    block: Block
    arrivals: list[Arrivals]
    views: Floats

    def copy(self) -> Self:
        """Return an independent copy."""
        twin = type(self)(**{f.name: getattr(self, f.name) for f in fields(self)})
        twin.arrivals = list(self.arrivals)
        twin.views = self.views.copy()
        return twin


class MarketState:
    """One shop's market before its first hour.

    Args:
        shop: What is played.
        history_days: Days before the shop's start at which the market opens.

    Attributes:
        shop, hours, curves, latent: What never changes (the latent days only grow).
        controls: What the advertiser sees. in_force: What the venue serves by.
        played: Hours played. quality: (n_targets,) ours. pressure: (n_targets,) log, of rivals that react.
        stood: Quality and pressure of every closed day.
        budgets, shelf, ledger: Money spent today, stock, the record.
        orders: Orders by click day of every closed day.
        balance_micros: Prepaid money left. purse_met_micros: Balance at which it ran dry, or -1.
        credits: Money of invalid clicks that comes back, by hour index.
        today: The open day, ``None`` at midnight.
    """

    def __init__(self, shop: Shop, *, history_days: int = 0) -> None:
        self.shop = shop
        self.hours = MarketHours(shop.zone, shop.start - timedelta(days=history_days))
        self.curves = Curves.of(shop.rivals, shop.venue)
        self.latent = Latent(shop)
        self.controls = Controls.of(shop)
        self.in_force = self.controls.copy()
        self.played = 0
        self.quality: Floats = shop.targets.relevance.copy()
        self.pressure: Floats = np.zeros(len(shop.targets))
        self.stood: list[tuple[Floats, Floats]] = []
        self.budgets = Budgets.of(len(shop.campaigns))
        self.shelf = Shelf.of(shop)
        self.ledger = Ledger()
        self.orders: list[Orders] = []
        self.balance_micros = shop.balance.opening_micros
        self.purse_met_micros = -1
        self.credits: dict[int, int] = {}
        self.today: DayState | None = None
