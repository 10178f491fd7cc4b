"""The composition root: from settings to objects. The one place that knows every concrete class.

The daemon, `bidder once` and the simulator get their `Kit` here; nothing below builds its own collaborators.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from importlib.metadata import version
from pathlib import Path
from urllib.parse import quote

from loguru import logger

from bidder.core.decide import allocate
from bidder.core.entities import Account
from bidder.core.guards import guard
from bidder.core.plan import Verdict
from bidder.core.policy import Policy
from bidder.core.prediction import Forecast
from bidder.core.reasons import Code, Reason
from bidder.core.snapshot import Snapshot
from bidder.core.venue import VenueProfile
from bidder.cycle import Kit
from bidder.errors import ConfigError
from bidder.forecast import EmpiricalBayesForecaster
from bidder.notify import Channel, DeadMan, Mail, Messenger, Webhook
from bidder.ports import AdapterConfig, AdapterMemory, Marketplace
from bidder.registry import load_marketplace
from bidder.rehearsal import MarketplaceDecorator, RehearsalMarketplace
from bidder.secrets import Secret
from bidder.settings import AccountSettings, SecretPlaces, Settings
from bidder.steps import observe
from bidder.store import SqlStore, in_memory_store, open_store
from bidder.store.anchor import load_key
from bidder.store.scratch import scratch_copy


def database_of(settings: Settings, *, read_only: bool = False) -> SqlStore:
    """Open the configured database: created and moved forward where needed, stamped with the mode.

    Args:
        settings: Checked configuration.
        read_only: For commands that only look: nothing is created, moved or stamped.

    Raises:
        StoreError: It cannot be used: newer, for the other mode, damaged, or not to be written.
    """
    own = "://" not in settings.database
    return open_store(
        url_of(settings),
        mode=settings.mode,
        stop_file=settings.stop_file,
        config_fingerprint=settings.fingerprint,
        code_version=version("bidder"),
        anchor=None if own else settings.folder / "bidder.anchor",
        key=None if own else load_key(settings.folder / "bidder.key"),
        read_only=read_only,
    )


def url_of(settings: Settings) -> str:
    """Return the database's address; a PostgreSQL password is read from its place and put in.

    Raises:
        ConfigError: The password is nowhere, or stands in the file.
    """
    if "://" not in settings.database:
        return f"sqlite:///{settings.database}"
    scheme, _, rest = settings.database.partition("://")
    scheme = "postgresql+psycopg" if scheme in {"postgresql", "postgres"} else scheme
    user, at, host = rest.rpartition("@")
    if ":" in user:
        raise ConfigError(
            "holds a password; remove it and name its place as daemon.database_password",
            source=settings.source,
            key="daemon.database",
        )
    if settings.daemon.database_password is None:
        return f"{scheme}://{rest}"
    secret = _secret(settings, settings.daemon.database_password, "daemon.database_password")
    return f"{scheme}://{user}:{quote(secret.reveal(), safe='')}{at or '@'}{host}"


def scratch_of(settings: Settings) -> SqlStore:
    """Return a copy of the record in memory: what is decided on it leaves no trace."""
    if "://" not in settings.database and not Path(settings.database).exists():
        return in_memory_store(
            mode=settings.mode,
            stop_file=settings.stop_file,
            config_fingerprint=settings.fingerprint,
            code_version=version("bidder"),
        )
    store = database_of(settings, read_only=True)
    try:
        return scratch_copy(store)
    finally:
        store.close()


def secrets_of(one: AccountSettings, settings: Settings) -> dict[str, Secret]:
    """Read an account's secrets from their places.

    Raises:
        ConfigError: One of them is nowhere; the message names the places.
    """
    places = SecretPlaces.of_process(settings.folder)
    return {
        name: places.read(where, key=f"accounts.{one.account.id}.secrets.{name}", source=settings.source)
        for name, where in one.secrets.items()
    }


def messenger_of(settings: Settings) -> Messenger:
    """Build whoever tells people, from the places their addresses are kept at.

    Raises:
        ConfigError: An address or a password is nowhere, or is none.
    """
    notify = settings.notify
    channels: dict[str, Channel] = {}
    if notify.webhook is not None:
        channels["webhook"] = Webhook(_secret(settings, notify.webhook, "notify.webhook"), notify.webhook_form)
    if notify.ping is not None:
        channels["ping"] = DeadMan(_secret(settings, notify.ping, "notify.ping"))
    if notify.smtp is not None:
        smtp = notify.smtp
        channels["mail"] = Mail(
            host=smtp.host,
            port=smtp.port,
            security=smtp.security,
            sender=smtp.sender,
            recipients=smtp.recipients,
            username=smtp.username,
            password=None if smtp.password is None else _secret(settings, smtp.password, "notify.smtp.password"),
        )
    return Messenger(channels, secrets=all_secrets(settings), trouble=_undelivered)


def all_secrets(settings: Settings) -> tuple[Secret, ...]:
    """Return every secret the configuration names, for masking; the ones that cannot be read are left out."""
    places = SecretPlaces.of_process(settings.folder)
    found = []
    for _, where in settings.secret_references():
        with suppress(ConfigError):
            found.append(places.read(where, key="", source=settings.source))
    return tuple(found)


def _secret(settings: Settings, where: str, key: str) -> Secret:
    return SecretPlaces.of_process(settings.folder).read((where,), key=key, source=settings.source)


def _undelivered(channel: str, why: str) -> None:
    logger.bind(channel=channel, why=why).warning("a message could not be delivered")


def market_of(one: AccountSettings, settings: Settings, memory: AdapterMemory) -> Marketplace:
    """Build the adapter of an account as configured; no other one is ever tried instead."""
    build = load_marketplace(one.account.adapter)
    options = {"folder": str(settings.folder), **one.options} if "folder" in one.options else dict(one.options)
    if "folder" in one.options:
        options["folder"] = str(settings.folder / Path(str(one.options["folder"])).expanduser())
    return build(AdapterConfig(account=one.account, options=options, secrets=secrets_of(one, settings), memory=memory))


@contextmanager
def looked_at(one: AccountSettings, settings: Settings) -> Iterator[Marketplace]:
    """Open an account's marketplace for reads outside a cycle.

    Its memory is the daemon's own where there is a database: a venue that rotates tokens takes the old one back, so a
    look that kept the new one to itself would lock the daemon out. Looking creates no database.
    """
    if "://" not in settings.database and not Path(settings.database).exists():
        with closing(market_of(one, settings, VolatileMemory())) as market:
            yield market
        return
    store = database_of(settings)
    try:
        with closing(market_of(one, settings, store.adapter_memory(one.account))) as market:
            yield market
    finally:
        store.close()


def kit_of(
    one: AccountSettings, settings: Settings, store: SqlStore, *, stopping: Callable[[], bool] = lambda: False
) -> Kit:
    """Put together what one account's cycle works with; writes pass only where mode and arming allow it."""
    market = market_of(one, settings, store.adapter_memory(one.account))
    store.rule(one.account, one.policy)
    if one.window_days is not None:
        market = ChosenWindow(market, one.window_days, key=f"accounts.{one.account.id}.window_days")
    return Kit(
        market=RehearsalMarketplace(market, partial(_withheld, one.account, settings, store)),
        store=store,
        forecaster=EmpiricalBayesForecaster(one.policy),
        policy=one.policy,
        stopping=stopping,
    )


def _withheld(account: Account, settings: Settings, store: SqlStore) -> Reason | None:
    """Say why nothing may be sent for the account, asked anew before each request."""
    if settings.mode != "live":
        return Reason.of(Code.REHEARSAL)
    return None if store.armed(account.id) else Reason.of(Code.NOT_ARMED)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Judged:
    """One decision with what it was made from; nothing was sent."""

    snapshot: Snapshot
    forecast: Forecast
    verdict: Verdict


def rehearsed(account: Account, policy: Policy, market: Marketplace, *, now: datetime) -> Judged:
    """Decide once for an account that was never seen before, on a database in memory; send nothing."""
    store = in_memory_store(account, policy)
    try:
        snapshot = observe(account, market, store, policy, now=now)
        forecast = EmpiricalBayesForecaster(policy).forecast(snapshot)
        verdict = guard(allocate(snapshot, forecast, policy), snapshot, policy)
    finally:
        store.close()
    return Judged(snapshot=snapshot, forecast=forecast, verdict=verdict)


class ChosenWindow(MarketplaceDecorator):
    """A marketplace whose usual attribution window is the one that the configuration chose.

    Args:
        inner: The marketplace itself.
        window_days: What the configuration says.
        key: Where it says so, for the message.
    """

    def __init__(self, inner: Marketplace, window_days: int, *, key: str) -> None:
        super().__init__(inner)
        self._window_days = window_days
        self._key = key

    def profile(self, now: datetime) -> VenueProfile:
        """Return the venue's rules with the chosen window; one that the venue does not offer is an error."""
        profile = super().profile(now)
        if self._window_days not in profile.windows:
            offered = ", ".join(map(str, profile.windows))
            raise ConfigError(f"the marketplace offers {offered} days, not {self._window_days}", key=self._key)
        return replace(profile, default_window=self._window_days)


class VolatileMemory(AdapterMemory):
    """Adapter memory for simulated worlds: gone with the process."""

    def __init__(self) -> None:
        self._values: dict[str, str] = {}

    def get(self, key: str) -> str | None:
        """Return the value of ``key``, or ``None``."""
        return self._values.get(key)

    def put(self, key: str, value: str) -> None:
        """Keep the value."""
        self._values[key] = value

    def delete(self, key: str) -> None:
        """Forget ``key``."""
        self._values.pop(key, None)

    def swap(self, key: str, old: str | None, new: str) -> bool:
        """Write ``new`` only where the value is still ``old``."""
        if self._values.get(key) != old:
            return False
        self._values[key] = new
        return True
