"""The market: one shop against its rivals, played hour by hour from one seed.

The API in short (first version, bodies follow):

    shop = build_shops("apparel", seed=7)[0]                # generate.py; ("agency" gives several)
    market = open_market(shop, history_days=60)             # history.py; careless owner already played
    market.now; market.advance(until=instant)               # plays complete hours only
    market.controls                                         # what the advertiser sees (controls.Controls)
    market.set_bids(rows, micros, at=instant)               # in force from the next full hour
    market.facts.daily(first, last, window_days=15, as_of=market.now)   -> TargetFacts (n_days, n_targets)
    market.facts.hourly(first_hour, last_hour, ...)         -> TargetFacts by hour index
    market.facts.products(first, last, as_of=...)           -> ProductFacts
    market.truth                                            # referee only
    other = market.fork()                                   # same future, another policy
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Protocol, Self

from numpy.typing import ArrayLike

from adapters.mock.arrays import Bools, Floats, Ints
from adapters.mock.controls import Controls
from adapters.mock.facts import ProductFacts, TargetFacts
from adapters.mock.shop import Shop
from bidder.core.entities import EntityKind, State


class Facts(Protocol):
    """Reports as of an instant (``as_of`` is rounded down to the hour and may lie in the past)."""

    def daily(self, first: date, last: date, *, window_days: int, as_of: datetime) -> TargetFacts:
        """Return facts of the click days ``first`` to ``last``, both included."""

    def hourly(self, first: date, last: date, *, window_days: int, as_of: datetime) -> TargetFacts:
        """Return facts by hour of those days; ``periods`` are hour indices (`MarketHours`)."""

    def products(self, first: date, last: date, *, as_of: datetime) -> ProductFacts:
        """Return sales of products on all channels by order day."""


class MarketApi(Protocol):
    """What `Market` offers to the venue's face."""

    shop: Shop
    controls: Controls
    facts: Facts

    @property
    def now(self) -> datetime:
        """Return the end of the last hour played, UTC."""

    def advance(self, until: datetime) -> None:
        """Play all hours that end by ``until``."""

    def set_bids(self, rows: ArrayLike, bid_micros: ArrayLike, *, at: datetime | None = None) -> None:
        """Set targets' bids, in force from the first full hour at or after ``at`` (default ``now``)."""

    def set_default_bids(self, rows: ArrayLike, bid_micros: ArrayLike, *, at: datetime | None = None) -> None:
        """Set ad groups' default bids likewise."""

    def set_budgets(self, rows: ArrayLike, daily_budget_micros: ArrayLike, *, at: datetime | None = None) -> None:
        """Set campaigns' daily budgets likewise (-1 removes the limit)."""

    def set_state(self, kind: EntityKind, rows: ArrayLike, state: State, *, at: datetime | None = None) -> None:
        """Set states likewise."""

    def set_dayparts(self, row: int, factors: Sequence[float], *, at: datetime | None = None) -> None:
        """Set a campaign's 24 or 168 hour factors likewise."""

    def top_up(self, micros: int) -> None:
        """Add to the prepaid balance."""

    @property
    def balance_micros(self) -> int:
        """Return the prepaid money left."""

    @property
    def stock(self) -> Ints:
        """Return units left, (n_products,)."""

    @property
    def spent_today_micros(self) -> Ints:
        """Return gross spend of the open day, (n_campaigns,)."""

    @property
    def dark(self) -> Bools:
        """Return which campaigns have run dry today, (n_campaigns,)."""

    @property
    def quality(self) -> Floats:
        """Return our present quality, (n_targets,); venues show it rounded as a score."""

    def fork(self) -> Self:
        """Return an independent copy with the same future."""
