"""The mock's worlds: simulated markets with their clock and their truth, registered under ``bidder.worlds``.

`bidder simulate`, the demo and the benchmarks play them in process; `bidder mock serve` puts one behind HTTP.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import ClassVar, Self

from adapters.mock.adapter import MockMarketplace
from adapters.mock.desk import Desk
from adapters.mock.events import AFTERMATH_DAYS, PREHEAT_DAYS
from adapters.mock.faults import Fault
from adapters.mock.generate import build_shops, preset_names
from adapters.mock.history import USUAL_HISTORY_DAYS, open_market
from adapters.mock.referee import MockTruth
from adapters.mock.rules import VenueRules
from adapters.mock.server import MockServer
from adapters.mock.venue import Venue
from bidder.core.calendar import day_of
from bidder.core.entities import Account, AccountId
from bidder.core.money import Money
from bidder.core.policy import SaleEvent
from bidder.errors import InputError
from bidder.ports import API_VERSION, AdapterConfig, Truth

_MONTH_DAYS = 30
_VARIABLES = {
    "client_id": "BIDDER_MOCK_ID",
    "client_secret": "BIDDER_MOCK_SECRET",
    "refresh_token": "BIDDER_MOCK_REFRESH",
}


class MockWorld:
    """A venue with everything in it, played by whoever holds it.

    Args:
        venue: The accounts and their markets.
    """

    def __init__(self, venue: Venue) -> None:
        self.venue = venue
        self._truth = MockTruth(venue)

    @property
    def now(self) -> datetime:
        """The virtual instant, UTC."""
        return self.venue.now

    @property
    def accounts(self) -> tuple[Account, ...]:
        """The shops in it."""
        return self.venue.accounts

    @property
    def truth(self) -> Truth:
        """The referee's view."""
        return self._truth

    def marketplace(self, config: AdapterConfig) -> MockMarketplace:
        """Return the port of one account, in process; it works as long as this world is kept."""
        return MockMarketplace(config, counter=Desk.open(self.venue.advertiser(config.account.remote_id)))

    def advance(self, until: datetime) -> None:
        """Play the market up to an instant; never back."""
        if until < self.now:
            raise InputError(f"the world stands at {self.now.isoformat()} and never goes back to {until.isoformat()}")
        self.venue.advance(until)

    def side_facts(self, account: AccountId) -> Mapping[str, object]:
        """Return what the owner would type into the configuration: see `bidder.ports.World`."""
        shop = self.venue.advertiser(account).market.shop
        cap = Money(shop.account_budget_micros, shop.currency)
        brand = [text for text, own in zip(shop.targets.texts, shop.targets.brand, strict=True) if own]
        return {
            "cap": cap,
            "month_plan": cap.scaled(_MONTH_DAYS),
            "events": tuple(
                SaleEvent(
                    name=event.name,
                    first=event.day,
                    last=event.day,
                    preheat_days=PREHEAT_DAYS,
                    aftermath_days=AFTERMATH_DAYS,
                )
                for event in shop.events
            ),
            "brand_words": tuple(_shortest(brand)),
        }

    def fork(self) -> Self:
        """Return an independent copy at the same instant with the same future."""
        return type(self)(self.venue.fork())


class MockWorlds:
    """Opens mock worlds."""

    API_VERSION: ClassVar[int] = API_VERSION

    def presets(self) -> tuple[str, ...]:
        """Return the names ``--preset`` may take."""
        return preset_names()

    def open(
        self,
        preset: str,
        *,
        seed: int,
        history_days: int = USUAL_HISTORY_DAYS,
        scale: float = 1.0,
        rules: VenueRules | None = None,
    ) -> MockWorld:
        """Open a world in which ``history_days`` of a careless owner's history were already played.

        Args:
            preset: One of `presets`.
            seed: Everything random follows from it.
            history_days: 0 for a cold start.
            scale: Shrinks or grows the number of targets.
            rules: How the venue behaves; its usual ways unless given.

        Raises:
            InputError: An unknown preset, or figures that make no shop.
        """
        return MockWorld(_venue(preset, seed, history_days, scale, None, rules))

    def serve(
        self, preset: str, *, seed: int, port: int, speed: float, scale: float, told: Callable[[str], object]
    ) -> None:
        """Serve a world on 127.0.0.1 until interrupted; ``told`` gets what a person needs to connect to it."""
        server = self.server(preset, seed=seed, port=port, speed=speed, scale=scale)
        for line in _greeting(server, speed):
            told(line)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            told("The mock marketplace has closed.")
        finally:
            server.close()

    def server(  # one for each way in which servers differ
        self,
        preset: str,
        *,
        seed: int,
        history_days: int = USUAL_HISTORY_DAYS,
        scale: float = 1.0,
        port: int = 0,
        speed: float = 1.0,
        rules: VenueRules | None = None,
        faults: tuple[Fault, ...] = (),
    ) -> MockServer:
        """Return a world behind HTTP, not yet serving, whose time follows the real one from this moment on.

        Its history ends now: a daemon that runs on the machine's own clock sees today's figures. With a ``speed``
        other than 1 virtual time leaves the machine's behind; then a daemon has to take its own from ``/admin/clock``.
        """
        started = datetime.now(UTC)
        venue = _venue(preset, seed, history_days, scale, started, rules)
        venue.advance(started)
        return MockServer(venue, port=port, virtual_now=WallClock(started, speed=speed), faults=faults)


class WallClock:
    """Virtual time that follows the real one, faster or slower.

    Args:
        start: The virtual instant at which it is built.
        speed: Virtual seconds in a real one.
        monotonic: Real seconds.
    """

    def __init__(self, start: datetime, *, speed: float = 1.0, monotonic: Callable[[], float] = time.monotonic) -> None:
        if not speed > 0:
            raise InputError(f"expected a positive speed, was {speed}", place="--speed")
        self._start = start
        self._speed = speed
        self._monotonic = monotonic
        self._began = monotonic()

    def __call__(self) -> datetime:
        """Return the virtual instant."""
        return self._start + timedelta(seconds=(self._monotonic() - self._began) * self._speed)


def _greeting(server: MockServer, speed: float) -> list[str]:
    """Say how to connect: the account for the configuration, its secrets for the environment."""
    account, keys = server.venue.accounts[0], server.credentials
    cap = Money(server.venue.advertiser(account.remote_id).market.shop.account_budget_micros, account.currency)
    lines = [
        f"The mock marketplace listens at {server.url} (Ctrl-C ends it).",
        "Put this into the configuration:",
        "",
        f"[accounts.{account.id}]",
        'adapter = "mock"',
        f'remote_id = "{account.remote_id}"',
        f'currency = "{account.currency}"',
        f'time_zone = "{account.time_zone}"',
        f'daily_cap = "{cap.units():.2f}"',
        f'options = {{ base_url = "{server.url}" }}',
        "secrets = { " + ", ".join(f'{name} = "env:{variable}"' for name, variable in _VARIABLES.items()) + " }",
        "",
        "and this into the shell that runs bidder:",
        "",
        *(f"export {variable}={getattr(keys, name)}" for name, variable in _VARIABLES.items()),
        "",
        f"Referees: send the header X-Admin-Token: {server.admin_token} to {server.url}/admin/history",
    ]
    if len(server.venue.accounts) > 1:
        lines.append(f"Other accounts: {', '.join(a.remote_id for a in server.venue.accounts[1:])}")
    if speed != 1:
        lines.append(f"Its clock runs {speed:g} times as fast as yours: /admin/clock tells the time.")
    return lines


def _venue(
    preset: str,
    seed: int,
    history_days: int,
    scale: float,
    today: datetime | None,
    rules: VenueRules | None,
) -> Venue:
    try:
        shops = build_shops(preset, seed=seed, size=scale)
        if today is not None:
            start = day_of(today, shops[0].zone)
            shops = build_shops(preset, seed=seed, size=scale, start=start)
        markets = [open_market(shop, history_days=history_days) for shop in shops]
    except ValueError as exc:
        raise InputError(str(exc), place="world mock") from None
    return Venue(markets, rules or VenueRules())


def _shortest(texts: list[str]) -> list[str]:
    """Return the texts that hold no shorter one among them: the words by which the others can be recognised."""
    kept: list[str] = []
    for text in sorted(set(texts), key=lambda word: (len(word), word)):
        if not any(word in text for word in kept):
            kept.append(text)
    return kept
