"""Transactions for the store, and what a failing database means: one transaction a method, one error for all.

`Database.write` runs a write transaction and turns every driver error into `StoreError` with a remedy. A failed
transaction changes nothing, so callers change their own memory only after it ended.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from sqlalchemy import Connection, CursorResult, Engine, StaticPool
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from bidder.errors import StoreError

_REMEDIES = (
    ("database or disk is full", "the disk is full; free some space, nothing was applied"),
    ("database is locked", "another process holds the database; only one daemon may write"),
    ("readonly database", "the database cannot be written; check the owner and mode of the file and its folder"),
    ("read-only transaction", "the database was opened for reading only"),
    ("malformed", "the database is damaged; run bidder db check and restore a backup"),
    ("not a database", "the file is no database of ours; check the path"),
    ("unable to open", "the database cannot be opened; check the path and the rights of its folder"),
    ("disk i/o error", "the disk fails; look at the system log before anything is trusted again"),
    ("connection", "the database server cannot be reached"),
)


_TROUBLE = (SQLAlchemyError, sqlite3.Error)
"""What a failing database raises; the driver's own where a transaction begins, which goes past SQLAlchemy."""


class Database:
    """One engine with its lock.

    Args:
        engine: From `models.engine.connect`.
    """

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.lock = threading.RLock()
        """Held through each public method of the store: its memory and the database move together."""
        self._connection: Connection | None = None

    @property
    def private(self) -> bool:
        """Tell whether no other process can ever write to it: a database in memory."""
        return isinstance(self.engine.pool, StaticPool)

    def write(self) -> AbstractContextManager[Connection]:
        """Run one write transaction; it is committed at the end, or nothing happened."""
        return self._transaction(writes=True)

    def read(self) -> AbstractContextManager[Connection]:
        """Run one read transaction."""
        return self._transaction(writes=False)

    def close(self) -> None:
        """Let go of all connections; calling it twice is fine."""
        with self.lock:
            self._drop()
            self.engine.dispose()

    @contextmanager
    def _transaction(self, *, writes: bool) -> Iterator[Connection]:
        """Use the one connection that is kept open; after an error of the database a new one is taken."""
        with self.lock, translated():
            connection = self._connection or self.engine.connect()
            self._connection = connection
            connection.execution_options(bidder_writes=writes)
            try:
                with connection.begin():
                    yield connection
            except _TROUBLE:
                self._drop()
                raise

    def _drop(self) -> None:
        if self._connection is not None:
            connection, self._connection = self._connection, None
            connection.close()


def new_id(result: CursorResult[Any]) -> int:
    """Return the number that an inserted row was given."""
    key = result.inserted_primary_key
    if key is None:
        raise StoreError("the database gave a new row no number")
    return int(key[0])


@contextmanager
def translated() -> Iterator[None]:
    """Turn the database's errors into `StoreError` with what to do about them."""
    try:
        yield
    except _TROUBLE as exc:
        words = str(exc.orig if isinstance(exc, DBAPIError) else exc)
        remedy = next((remedy for sign, remedy in _REMEDIES if sign in words.lower()), "nothing was applied")
        raise StoreError(f"database: {words}; {remedy}") from exc
