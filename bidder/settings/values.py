"""Settings as the rest of the program uses them: one frozen value, and a fingerprint of what rules the decisions."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Literal

from bidder.core.entities import Account, AccountId
from bidder.core.policy import Policy
from bidder.errors import ConfigError
from bidder.settings.document import Path_
from bidder.settings.faults import nearest
from bidder.settings.model import DaemonSection, File, LogSection, NotifySection


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountSettings:
    """One account with everything that rules it.

    Attributes:
        account: Who it is.
        policy: The rules that hold for it, shared and own ones merged.
        window_days: Attribution window wanted; ``None`` for the venue's usual one.
        options: The adapter's own settings.
        secrets: Names of the adapter's secrets, each with the places to look at, in order.
    """

    account: Account
    policy: Policy
    window_days: int | None
    options: Mapping[str, object]
    secrets: Mapping[str, tuple[str, ...]] = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The whole configuration.

    Attributes:
        source: File it was read from.
        folder: Folder that relative paths start at.
        mode: Whether anything may be sent at all.
        fingerprint: SHA-256 of everything that rules decisions; stored with every cycle.
    """

    source: str
    folder: Path
    mode: Literal["rehearsal", "live"]
    daemon: DaemonSection
    log: LogSection
    notify: NotifySection
    accounts: tuple[AccountSettings, ...]
    fingerprint: str

    @property
    def database(self) -> str:
        """The database as a path or a PostgreSQL address."""
        text = self.daemon.database
        return text if "://" in text else str(self.folder / text)

    @property
    def stop_file(self) -> Path:
        """While this file exists, nothing is written."""
        return self.folder / self.daemon.stop_file

    @property
    def interval(self) -> timedelta:
        """Time between two cycles of one account."""
        return timedelta(minutes=self.daemon.interval_minutes)

    def secret_references(self) -> Iterator[tuple[Path_, tuple[str, ...]]]:
        """Yield every secret the file names: its key, and the places to look at in order."""
        for one in self.accounts:
            for name, where in one.secrets.items():
                yield ("accounts", str(one.account.id), "secrets", name), where
        single = {
            ("notify", "webhook"): self.notify.webhook,
            ("notify", "ping"): self.notify.ping,
            ("notify", "smtp", "password"): self.notify.smtp.password if self.notify.smtp else None,
            ("daemon", "database_password"): self.daemon.database_password,
        }
        for key, reference in single.items():
            if reference is not None:
                yield key, (reference,)

    def account(self, name: str) -> AccountSettings:
        """Return an account by name; an unknown one is an error that names the nearest."""
        for settings in self.accounts:
            if settings.account.id == name:
                return settings
        names = [str(settings.account.id) for settings in self.accounts]
        raise ConfigError(f"no account is called {name!r}; {nearest(name, names)}", source=self.source, key="accounts")

    def chosen(self, names: tuple[str, ...]) -> tuple[AccountSettings, ...]:
        """Return the named accounts, or all where no name is given."""
        return tuple(self.account(AccountId(name)) for name in names) or self.accounts


def fingerprint(file: File, accounts: tuple[AccountSettings, ...]) -> str:
    """Return the SHA-256 of what rules decisions: mode and accounts, without paths, secrets or who is told."""
    ruling = {
        "mode": file.mode,
        "accounts": [
            {
                "account": asdict(settings.account),
                "policy": asdict(settings.policy),
                "window_days": settings.window_days,
                "options": dict(settings.options),
            }
            for settings in sorted(accounts, key=lambda settings: settings.account.id)
        ],
    }
    text = json.dumps(ruling, sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=str)
    return hashlib.sha256(text.encode()).hexdigest()
