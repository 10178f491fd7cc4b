"""Rehearsal: the whole cycle on real data with nothing sent. A decorator, so that no other code asks "if dry run".

The wiring wraps the marketplace of every account that is not both live and armed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from typing import ClassVar

from bidder.core.calendar import DayRange
from bidder.core.change import Change, Outcome, Settings, Status
from bidder.core.entities import AccountId, EntityRef, Structure
from bidder.core.performance import Grain, Pending, PerformanceReport
from bidder.core.reasons import Code, Reason
from bidder.core.venue import VenueProfile
from bidder.ports import API_VERSION, Marketplace


class MarketplaceDecorator:
    """A marketplace in front of another: everything passes through unless a subclass says otherwise.

    Args:
        inner: The marketplace itself.
    """

    API_VERSION: ClassVar[int] = API_VERSION

    def __init__(self, inner: Marketplace) -> None:
        self._inner = inner

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._inner!r})"

    def profile(self, now: datetime) -> VenueProfile:
        """Return the venue's rules for this account."""
        return self._inner.profile(now)

    def fetch_structure(self, account: AccountId, now: datetime) -> Structure:
        """Return what the account holds."""
        return self._inner.fetch_structure(account, now)

    def fetch_performance(
        self, account: AccountId, days: DayRange, grain: Grain, window_days: int, now: datetime
    ) -> PerformanceReport | Pending:
        """Return facts of the given days."""
        return self._inner.fetch_performance(account, days, grain, window_days, now)

    def submit(
        self, account: AccountId, changes: Sequence[Change], keys: Sequence[str], now: datetime
    ) -> Sequence[Outcome]:
        """Send the changes once."""
        return self._inner.submit(account, changes, keys, now)

    def read_back(self, account: AccountId, refs: Sequence[EntityRef], now: datetime) -> Sequence[Settings]:
        """Return what the venue says the entities are set to."""
        return self._inner.read_back(account, refs, now)

    def close(self) -> None:
        """Close the marketplace itself."""
        self._inner.close()


class RehearsalMarketplace(MarketplaceDecorator):
    """A marketplace whose reads pass through and whose writes are withheld.

    Args:
        inner: The marketplace itself.
        why: Asked before each batch: a reason withholds it, ``None`` lets it pass. Always REHEARSAL where absent.
    """

    def __init__(self, inner: Marketplace, why: Callable[[], Reason | None] | None = None) -> None:
        super().__init__(inner)
        self._why = why or partial(Reason.of, Code.REHEARSAL)

    def submit(
        self, account: AccountId, changes: Sequence[Change], keys: Sequence[str], now: datetime
    ) -> Sequence[Outcome]:
        """Withhold every change while there is a reason to; else pass them on."""
        why = self._why()
        if why is None:
            return super().submit(account, changes, keys, now)
        return tuple(
            Outcome(key=key, status=Status.WITHHELD, code=why.code.name, detail=why.render())
            for _, key in zip(changes, keys, strict=True)
        )
