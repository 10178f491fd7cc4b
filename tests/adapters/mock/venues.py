"""Small venues for tests: a shop of some dozen keywords, its server, and the adapter over either way."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from functools import cache
from typing import ClassVar

from adapters.conformance import DictMemory, WireFault
from adapters.mock.adapter import MockMarketplace
from adapters.mock.backstage import SeenRequest
from adapters.mock.faults import Fault, FaultKind
from adapters.mock.generate import build_shops
from adapters.mock.history import open_market
from adapters.mock.market import Market
from adapters.mock.rules import VenueRules
from adapters.mock.server import MockServer
from adapters.mock.shop import Shop
from adapters.mock.venue import Venue, account_of
from bidder.core.change import Change, Field, Value
from bidder.core.entities import Account, AccountId, EntityKind, EntityRef
from bidder.core.reasons import Code, Reason
from bidder.errors import Unavailable
from bidder.ports import AdapterConfig, AdapterMemory
from bidder.secrets import Secret

SEED = 7
PATIENT = {"read_seconds": 20.0, "connect_seconds": 20.0, "total_seconds": 40.0, "requests": 10_000}
"""Options of an adapter that a busy machine does not put out of patience."""
HASTY = {**PATIENT, "connect_seconds": 1.0, "read_seconds": 0.5, "total_seconds": 1.0}
"""Options of one that does not wait long for a server that plays dead."""


def small_shop(*, seed: int = SEED) -> Shop:
    """Return a shop of three products and about a hundred keywords."""
    return build_shops("general", seed=seed, size=0.1)[0]


@cache
def _played(seed: int, history_days: int) -> Market:
    return open_market(small_shop(seed=seed), history_days=history_days)


def small_venue(
    rules: VenueRules | None = None, *, history_days: int = 5, hours: float = 10, seed: int = SEED
) -> Venue:
    """Return a venue with one small shop, some hours into a day; the history is played once for all tests."""
    venue = Venue([_played(seed, history_days).fork()], rules or VenueRules())
    venue.advance(venue.now + timedelta(hours=hours))
    return venue


def account_in(venue: Venue) -> Account:
    """Return the venue's only account, under a name of the owner's own."""
    return replace(account_of(next(iter(venue.advertisers.values())).market.shop), id=AccountId("my-shop"))


def secrets_of(server: MockServer) -> dict[str, Secret]:
    """Return what a person would copy from the server's greeting."""
    keys = server.credentials
    return {name: Secret(getattr(keys, name)) for name in ("client_id", "client_secret", "refresh_token")}


def connect(server: MockServer, memory: AdapterMemory | None = None, **options: object) -> MockMarketplace:
    """Return the adapter over HTTP."""
    config = AdapterConfig(
        account=account_in(server.venue),
        options={"base_url": server.url, **PATIENT, **options},
        secrets=secrets_of(server),
        memory=memory or DictMemory(),
    )
    return MockMarketplace(config)


def hasty(server: MockServer) -> MockMarketplace:
    """Return an adapter that gives up soon, with token and profile in its hands: the next request can be the write."""
    market = connect(server, None, **HASTY)
    for _ in range(50):
        try:
            market.profile(server.venue.now)
        except Unavailable:
            continue
        return market
    raise AssertionError("the machine is too busy for a request in half a second")


@contextmanager
def serving(
    rules: VenueRules | None = None,
    *,
    history_days: int = 5,
    venue: Venue | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> Iterator[MockServer]:
    """Serve a small venue for the time of the block; ``clock`` is that of its tokens and its rate limit."""
    with MockServer(venue or small_venue(rules, history_days=history_days), clock=clock) as server:
        yield server


def change(kind: EntityKind, name: str, field: Field, new: Value, old: Value | None = None) -> Change:
    """Return a change without a story."""
    return Change(
        ref=EntityRef(kind, name), field=field, old=old, new=new, reason=Reason.of(Code.RESTORE, what="a test")
    )


class ServerFaults:
    """Plays the conformance suite's faults with the mock server's own."""

    _PLAYED: ClassVar[Mapping[WireFault, Fault]] = {
        WireFault.SILENT_WRITE: Fault(kind=FaultKind.TIMEOUT_BEFORE, path="/changes", times=-1),
        WireFault.LOST_WRITE: Fault(kind=FaultKind.TIMEOUT_AFTER, path="/changes", times=-1),
        WireFault.BROKEN_WRITE: Fault(kind=FaultKind.ERROR_AFTER, path="/changes", times=-1),
        WireFault.RUBBISH_WRITE: Fault(kind=FaultKind.HTML, path="/changes", times=-1),
        WireFault.THROTTLE: Fault(kind=FaultKind.THROTTLE, path="/v1/", times=-1, detail={"retry_after": "1000000000"}),
        WireFault.DENY: Fault(kind=FaultKind.REFUSE, path="/v1/", times=-1, detail={"status": "401"}),
        WireFault.FORBID: Fault(kind=FaultKind.REFUSE, path="/v1/", times=-1, detail={"status": "403"}),
        WireFault.BROKEN_READ: Fault(kind=FaultKind.ERROR_BEFORE, path="/v1/", method="GET", times=-1),
        WireFault.RUBBISH_READ: Fault(kind=FaultKind.HTML, path="/v1/", method="GET", times=-1),
        WireFault.NEW_STATE: Fault(kind=FaultKind.UNKNOWN_STATE, path="/v1/", times=-1),
    }

    def __init__(self, server: MockServer) -> None:
        self._server = server
        self._since = 0

    @property
    def kinds(self) -> frozenset[WireFault]:
        """The server can play all of them."""
        return frozenset(self._PLAYED)

    def arm(self, kind: WireFault) -> None:
        """Play a fault until `clear`."""
        self._server.faults.clear()
        self._server.faults.add(self._PLAYED[kind])
        self._since = len(self._server.seen)

    def clear(self) -> None:
        """Be well again."""
        self._server.faults.clear()

    def reads(self) -> int:
        """Count requests that change nothing."""
        return sum(seen.path.startswith("/v1/") and "/changes" not in seen.path for seen in self._seen())

    def writes(self) -> int:
        """Count requests that may change something."""
        return sum("/changes" in seen.path for seen in self._seen())

    def _seen(self) -> tuple[SeenRequest, ...]:
        return self._server.seen[self._since :]
