"""Shorthands for tests that import folders."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

from adapters.files import FilesMarketplace, Import, load, read_options
from adapters.files.inspection import FileReport
from adapters.files.mapping import Role
from bidder.core.entities import Account, AccountId
from bidder.ports import AdapterConfig

NOW = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)


class Notebook:
    """An adapter memory that forgets with the test."""

    def __init__(self) -> None:
        self.values: dict[str, str] = {}

    def get(self, key: str) -> str | None:
        """Return the value of ``key``, or ``None``."""
        return self.values.get(key)

    def put(self, key: str, value: str) -> None:
        """Write the value."""
        self.values[key] = value

    def delete(self, key: str) -> None:
        """Forget ``key``."""
        self.values.pop(key, None)

    def swap(self, key: str, old: str | None, new: str) -> bool:
        """Write ``new`` only where the value is still ``old``."""
        if self.values.get(key) != old:
            return False
        self.values[key] = new
        return True


def imported(folder: Path, **options: object) -> Import:
    """Import a folder with options as they stand in a configuration."""
    return load(read_options({"folder": str(folder), **options}))


def market(
    folder: Path, *, currency: str = "XXX", time_zone: str = "UTC", options: Mapping[str, object] | None = None
) -> FilesMarketplace:
    """Return the port on a folder."""
    account = Account(
        id=AccountId("shop"), adapter="files", remote_id="1", owner="owner", currency=currency, time_zone=time_zone
    )
    return FilesMarketplace(
        AdapterConfig(account=account, options={"folder": str(folder), **(options or {})}, memory=Notebook())
    )


def report(found: Import, name: str) -> FileReport:
    """Return what was found of one file."""
    return next(f for f in found.inspection.files if f.name == name)


def sums(found: Import) -> dict[str, Decimal]:
    """Return the sums of the imported facts, money in units."""
    facts = found.facts
    return {
        "impressions": Decimal(int(facts.impressions.sum())),
        "clicks": Decimal(int(facts.clicks.sum())),
        "spend": Decimal(int(facts.spend_micros.sum())) / 1_000_000,
        "orders": Decimal(int(facts.orders.sum())),
        "revenue": Decimal(int(facts.revenue_micros.sum())) / 1_000_000,
    }


def stated(found: Import, name: str, metrics: Sequence[Role]) -> list[bool]:
    """Tell for each metric whether the file's totals row agrees with its rows."""
    account = report(found, name).reconciliation
    assert account is not None
    checks = [account.check(metric) for metric in metrics]
    return [check is not None and check.stated is not None and check.agrees for check in checks]
