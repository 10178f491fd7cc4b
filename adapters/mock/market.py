"""The market: one shop against its rivals, played hour by hour from one seed.

    shop = build_shops("apparel", seed=7)[0]                # generate.py; "agency" gives several
    market = open_market(shop, history_days=60)             # history.py: the careless owner's days are played
    market.advance(instant)                                 # plays complete hours only
    market.set_bids(rows, micros, at=instant)               # in force from the next full hour
    market.facts.daily(first, last, window_days=15, as_of=market.now)
    other = market.fork()                                   # same future, another policy

The latent world (`demand`) is exogenous; what our settings change is what we win of it, our quality (slowly), stock,
the lift of organic sales, and money. The venue's face is built on this class; only referees read `truth`.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Self

import numpy as np
from numpy.typing import ArrayLike

from adapters.mock.arrays import Bools, Ints
from adapters.mock.controls import Controls
from adapters.mock.day import close_day, open_day
from adapters.mock.facts import Facts
from adapters.mock.hour import play_hour
from adapters.mock.shop import Shop
from adapters.mock.state import MarketState
from adapters.mock.truth import MarketTruth
from bidder.core.entities import EntityKind, State


class Market(MarketState):
    """One shop's market.

    Args:
        shop: What is played.
        history_days: Days before the shop's start at which the market opens (0 to `demand.LONGEST_HISTORY`); the
            clock stands at that day's first midnight and nothing was played yet.

    Attributes:
        controls: What the advertiser sees. Edit through the ``set_*`` methods only.
        facts: Reports as of an instant.
        truth: For the referee.
    """

    def __init__(self, shop: Shop, *, history_days: int = 0) -> None:
        super().__init__(shop, history_days=history_days)
        self._edited_for: int | None = None

    @property
    def now(self) -> datetime:
        """Return the end of the last hour played, UTC."""
        return self.hours.instant(self.played)

    @property
    def day(self) -> date:
        """Return the marketplace day that ``now`` falls on."""
        return self.hours.day(self.hours.day_of_hour(self.played))

    @property
    def facts(self) -> Facts:
        """Return what reports can show."""
        return Facts(self)

    @property
    def truth(self) -> MarketTruth:
        """Return the referee's view."""
        return MarketTruth(self)

    @property
    def stock(self) -> Ints:
        """Return units left, (n_products,)."""
        return self.shelf.stock

    @property
    def spent_today_micros(self) -> Ints:
        """Return the gross spend of the open day, (n_campaigns,)."""
        return self.budgets.spent_micros if self.today is not None else np.zeros_like(self.budgets.spent_micros)

    @property
    def dark(self) -> Bools:
        """Return which campaigns have run dry today, (n_campaigns,)."""
        if self.today is None:
            return np.zeros(len(self.shop.campaigns), dtype=np.bool_)
        return self.budgets.dark(self.budgets.limits(self.in_force.daily_budget_micros))

    def advance(self, until: datetime) -> None:
        """Play all hours that end by ``until``; an instant in the past plays none."""
        last = self.hours.hours_until(until)
        while self.played < last:
            if self.today is None:
                open_day(self)
            if self._edited_for is not None and self.played >= self._edited_for:
                self._enforce()
            play_hour(self)
            self.played += 1
            if self.today is not None and self.played == self.today.end_hour:
                close_day(self)

    def set_bids(self, rows: ArrayLike, bid_micros: ArrayLike, *, at: datetime | None = None) -> None:
        """Set targets' own bids (-1 takes the ad group's default), from the first full hour at or after ``at``."""
        self._edit(at).set_bids(rows, bid_micros)

    def set_default_bids(self, rows: ArrayLike, bid_micros: ArrayLike, *, at: datetime | None = None) -> None:
        """Set ad groups' default bids likewise."""
        self._edit(at).set_default_bids(rows, bid_micros)

    def set_budgets(self, rows: ArrayLike, daily_budget_micros: ArrayLike, *, at: datetime | None = None) -> None:
        """Set campaigns' daily budgets likewise (-1 removes the limit)."""
        self._edit(at).set_budgets(rows, daily_budget_micros)

    def set_state(self, kind: EntityKind, rows: ArrayLike, state: State, *, at: datetime | None = None) -> None:
        """Set states likewise."""
        self._edit(at).set_state(kind, rows, state)

    def set_dayparts(self, row: int, factors: Sequence[float], *, at: datetime | None = None) -> None:
        """Set one campaign's 24 or 168 hour factors likewise."""
        self._edit(at).set_dayparts(row, factors)

    def top_up(self, micros: int) -> None:
        """Add to the prepaid balance at once."""
        if micros <= 0:
            raise ValueError(f"a top-up is positive, was {micros} micros")
        self.balance_micros += micros

    def fork(self) -> Self:
        """Return an independent copy with the same future; closed days and the latent world are shared."""
        twin = type(self).__new__(type(self))
        twin.__dict__.update(self.__dict__)
        twin.controls = self.controls.copy()
        twin.in_force = self.in_force.copy()
        twin.budgets = self.budgets.copy()
        twin.shelf = self.shelf.copy()
        twin.ledger = self.ledger.copy()
        twin.orders = list(self.orders)
        twin.stood = list(self.stood)
        twin.credits = dict(self.credits)
        twin.today = None if self.today is None else self.today.copy()
        open_block = twin.ledger.blocks[-1] if twin.ledger.blocks else None
        if twin.today is not None and open_block is not None:
            twin.today.block = open_block  # The open day is written to the twin's own record.
        return twin

    def _edit(self, at: datetime | None) -> Controls:
        hour = self.played if at is None else -(-(at - self.hours.instant(0)) // timedelta(hours=1))
        if hour < self.played:
            raise ValueError(f"the market has been played to {self.now.isoformat()}; {at} is past")
        if self._edited_for is not None and self._edited_for < hour:
            if self._edited_for > self.played:
                raise ValueError(f"advance the market to {at} before editing: an earlier edit is not in force yet")
            self._enforce()
        self._edited_for = hour
        return self.controls

    def _enforce(self) -> None:
        self.in_force = self.controls.copy()
        self._edited_for = None
