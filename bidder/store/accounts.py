"""Accounts as the database knows them: registered on first use, refused when they turn into something else."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, bindparam, insert, select, update

from bidder.core.entities import Account, AccountId
from bidder.errors import ConfigError
from bidder.store.database import new_id
from models import AccountRow
from models.tables import table_of

_TABLE = table_of(AccountRow)
_FIND = select(_TABLE).where(_TABLE.c.name == bindparam("of_name"))


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountRecord:
    """An account with its number in the database.

    Attributes:
        first_seen: When it was first read: observation counts from here.
        structure_at: When its structure was last read.
    """

    number: int
    account: Account
    first_seen: datetime
    structure_at: datetime | None = None


def find(connection: Connection, name: AccountId) -> AccountRecord | None:
    """Return the account of that name, ``None`` where it was never seen."""
    row = connection.execute(_FIND, {"of_name": name}).first()
    if row is None:
        return None
    account = Account(
        id=AccountId(row.name),
        adapter=row.adapter,
        remote_id=row.remote_id,
        owner=row.owner,
        currency=row.currency,
        time_zone=row.time_zone,
    )
    return AccountRecord(number=row.id, account=account, first_seen=row.first_seen, structure_at=row.structure_at)


def register(connection: Connection, account: Account, *, now: datetime) -> AccountRecord:
    """Enter an account that is new."""
    row = {
        "name": account.id,
        "adapter": account.adapter,
        "remote_id": account.remote_id,
        "owner": account.owner,
        "currency": account.currency,
        "time_zone": account.time_zone,
        "first_seen": now,
    }
    number = new_id(connection.execute(insert(_TABLE).values(row)))
    return AccountRecord(number=number, account=account, first_seen=now)


def require_same(known: Account, wanted: Account) -> None:
    """Refuse an account whose money, days or venue are not those its record was made with.

    Raises:
        ConfigError: Its facts would mean something else from here on.
    """
    for name, key in (
        ("currency", "currency"),
        ("time_zone", "time_zone"),
        ("remote_id", "remote_id"),
        ("adapter", "adapter"),
    ):
        was, now = getattr(known, name), getattr(wanted, name)
        if was != now:
            raise ConfigError(
                f"the database holds facts of {known.id} with {was}, the configuration says {now}; "
                "give the account a new name, or correct the setting",
                key=f"accounts.{known.id}.{key}",
            )


def correct(connection: Connection, number: int, account: Account) -> None:
    """Follow a currency or zone that was mended before anything was known of the account; never another account."""
    terms = {"currency": account.currency, "time_zone": account.time_zone}
    connection.execute(update(_TABLE).where(_TABLE.c.id == number).values(terms))


def rename_owner(connection: Connection, number: int, owner: str) -> None:
    """Follow a shop that was handed to another owner."""
    connection.execute(update(_TABLE).where(_TABLE.c.id == number).values(owner=owner))


def everyone(connection: Connection) -> tuple[AccountRecord, ...]:
    """Return all accounts, in order of their names."""
    names = connection.execute(select(_TABLE.c.name).order_by(_TABLE.c.name)).scalars().all()
    return tuple(record for name in names if (record := find(connection, AccountId(name))) is not None)
