"""The adapters' own memory: a few durable texts for each adapter and account. Each call is one transaction."""

from __future__ import annotations

import json

from sqlalchemy import ColumnElement, insert, select, update

from bidder.core.entities import Account
from bidder.errors import InvariantBroken
from bidder.store.database import Database
from models import AdapterMemoryRow
from models.tables import table_of

_TABLE = table_of(AdapterMemoryRow)

LARGEST = 64 * 1024
"""Bytes one value may have."""


class SqlAdapterMemory:
    """Durable memory of one adapter for one account; see `bidder.ports.AdapterMemory`."""

    def __init__(self, database: Database, account: Account) -> None:
        self._database = database
        self._account = account.id
        self._adapter = account.adapter

    def __repr__(self) -> str:
        return f"SqlAdapterMemory({self._account!r}, {self._adapter!r})"

    def get(self, key: str) -> str | None:
        """Return the value of ``key``, or ``None``."""
        with self._database.read() as connection:
            value: str | None = connection.execute(select(_TABLE.c.value).where(self._place(key))).scalar()
            return value

    def put(self, key: str, value: str) -> None:
        """Write the value durably."""
        _check(key, value)
        with self._database.write() as connection:
            if connection.execute(update(_TABLE).where(self._place(key)).values(value=value)).rowcount == 0:
                connection.execute(insert(_TABLE).values(self._row(key, value)))

    def delete(self, key: str) -> None:
        """Forget ``key``; forgetting an unknown key is fine."""
        with self._database.write() as connection:
            connection.execute(_TABLE.delete().where(self._place(key)))

    def swap(self, key: str, old: str | None, new: str) -> bool:
        """Write ``new`` only where the value is still ``old``; tell whether it was written."""
        _check(key, new)
        with self._database.write() as connection:
            found = connection.execute(select(_TABLE.c.value).where(self._place(key))).scalar()
            if found != old:
                return False
            if found is None:
                connection.execute(insert(_TABLE).values(self._row(key, new)))
            else:
                connection.execute(update(_TABLE).where(self._place(key)).values(value=new))
            return True

    def _place(self, key: str) -> ColumnElement[bool]:
        c = _TABLE.c
        return (c.account == self._account) & (c.adapter == self._adapter) & (c.name == key)

    def _row(self, key: str, value: str) -> dict[str, str]:
        return {"account": self._account, "adapter": self._adapter, "name": key, "value": value}


def _check(key: str, value: str) -> None:
    """Refuse what an adapter may not keep: its code is wrong, not the database."""
    if len(value.encode("utf-8", "surrogatepass")) > LARGEST:
        raise InvariantBroken(f"adapter memory {key!r}: a value has at most {LARGEST} bytes")
    try:
        json.loads(value)
    except ValueError:
        raise InvariantBroken(f"adapter memory {key!r}: a value is a JSON text, was {value[:40]!r}") from None
