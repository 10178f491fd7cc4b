"""The mock venue: advertiser accounts over their markets, under one clock and one lock.

The world (`worlds`) and the HTTP face (`server`) own one. Virtual time is what it was advanced to; nothing here
reads a clock.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from datetime import datetime
from typing import Self

from adapters.mock.advertiser import Advertiser
from adapters.mock.market import Market
from adapters.mock.rules import VenueRules
from adapters.mock.shop import Shop
from bidder.core.entities import Account, AccountId
from bidder.errors import InputError


class Venue:
    """All accounts of one simulated marketplace.

    Args:
        markets: One for each account, all played to the same instant or earlier than the latest.
        rules: The venue's house rules.

    Attributes:
        lock: Held by whoever reads or changes anything here while other threads do.
        advertisers: Accounts by their id at the venue.
    """

    def __init__(self, markets: Iterable[Market], rules: VenueRules) -> None:
        self.rules = rules
        self.lock = threading.RLock()
        self.advertisers = {market.shop.key: Advertiser(market, rules) for market in markets}
        self._now = max(a.market.now for a in self.advertisers.values())
        self.advance(self._now)

    @property
    def now(self) -> datetime:
        """The virtual instant, UTC."""
        return self._now

    @property
    def accounts(self) -> tuple[Account, ...]:
        """The accounts as a person would configure them."""
        return tuple(account_of(a.market.shop) for a in self.advertisers.values())

    def advertiser(self, remote_id: str) -> Advertiser:
        """Return one account; raises `InputError` where there is none of that id."""
        try:
            return self.advertisers[remote_id]
        except KeyError:
            known = ", ".join(self.advertisers)
            raise InputError(
                f"the mock venue has no account {remote_id!r}; it has {known}", place="remote_id"
            ) from None

    def advance(self, until: datetime) -> None:
        """Play all markets up to an instant; one in the past plays nothing."""
        with self.lock:
            for advertiser in self.advertisers.values():
                advertiser.advance(until)
            self._now = max(self._now, until)

    def fork(self) -> Self:
        """Return an independent copy with the same future."""
        twin = type(self).__new__(type(self))
        with self.lock:
            advertisers = {key: advertiser.fork() for key, advertiser in self.advertisers.items()}
            vars(twin).update(vars(self), lock=threading.RLock(), advertisers=advertisers)
        return twin


def account_of(shop: Shop) -> Account:
    """Return a shop's account as a person would configure it."""
    return Account(
        id=AccountId(shop.key),
        adapter="mock",
        remote_id=shop.key,
        owner=shop.owner,
        currency=shop.currency,
        time_zone=shop.zone,
    )
