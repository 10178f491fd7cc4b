"""The mock marketplace passes the conformance suite, over HTTP and in process."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta

import pytest

from adapters.conformance import DictMemory, Faults, MarketplaceConformance
from adapters.conformance.ground import Later
from adapters.mock.adapter import MockMarketplace
from adapters.mock.desk import Desk
from adapters.mock.rules import VenueRules
from adapters.mock.server import MockServer
from adapters.mock.venue import Venue
from bidder.core.entities import Account
from bidder.ports import AdapterConfig, Marketplace
from bidder.secrets import Secret
from tests.adapters.mock.venues import ServerFaults, account_in, connect, secrets_of, serving, small_venue

HISTORY = 48
"""Days: some of them are past being restated."""


@pytest.fixture(scope="module")
def played() -> Venue:
    """Play the history once; each test works on a copy."""
    return small_venue(history_days=HISTORY)


@pytest.fixture(scope="module")
def played_slowly() -> Venue:
    """Play the history of a venue whose reads lag and whose reports take time."""
    rules = VenueRules(settle=timedelta(minutes=15), report_time=timedelta(minutes=12), idempotent=False)
    return small_venue(rules, history_days=HISTORY)


class OnMock(MarketplaceConformance):
    """What both ways to the venue have in common."""

    @pytest.fixture
    def venue(self, played: Venue) -> Venue:
        """A copy of the played venue."""
        return played.fork()

    @pytest.fixture
    def account(self, venue: Venue) -> Account:
        """The shop, named as its owner likes."""
        return account_in(venue)

    @pytest.fixture
    def now(self, venue: Venue) -> datetime:
        """The venue's own time."""
        return venue.now

    @pytest.fixture
    def later(self, venue: Venue) -> Later:
        """Move the venue's time on."""

        def move(by: timedelta) -> datetime:
            venue.advance(venue.now + by)
            return venue.now

        return move

    @pytest.fixture
    def inventory(self, venue: Venue) -> Mapping[str, int]:
        """What the shop was built with."""
        shop = next(iter(venue.advertisers.values())).market.shop
        return {
            "campaigns": len(shop.campaigns),
            "ad_groups": len(shop.ad_groups),
            "targets": len(shop.targets),
            "products": len(shop.products),
        }


class TestOverHttp(OnMock):
    """Over the wire, with all its faults."""

    @pytest.fixture
    def server(self, venue: Venue) -> Iterator[MockServer]:
        """The venue behind HTTP."""
        with serving(venue=venue) as server:
            yield server

    @pytest.fixture
    def marketplace(self, server: MockServer) -> Iterator[Marketplace]:
        """The adapter as a person would configure it."""
        market = connect(server, read_seconds=1.5, total_seconds=6.0)
        yield market
        market.close()

    @pytest.fixture
    def faults(self, server: MockServer) -> Faults:
        """The server's faults."""
        return ServerFaults(server)

    @pytest.fixture
    def secrets(self, server: MockServer) -> Sequence[Secret]:
        """What the adapter was configured with."""
        return tuple(secrets_of(server).values())


class TestOverHttpSlowly(TestOverHttp):
    """A venue whose reads lag behind its writes and whose reports take time."""

    @pytest.fixture
    def venue(self, played_slowly: Venue) -> Venue:
        """A copy of a venue with other rules."""
        return played_slowly.fork()


class TestInProcess(OnMock):
    """Without a wire."""

    @pytest.fixture
    def marketplace(self, venue: Venue, account: Account) -> Marketplace:
        """The adapter as the simulator gets it."""
        config = AdapterConfig(account=account, memory=DictMemory())
        return MockMarketplace(config, counter=Desk.open(venue.advertiser(account.remote_id)))
