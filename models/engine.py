"""The engine, set up so that money can rest on it: the defaults of the driver lose concurrent updates.

SQLite: we begin transactions ourselves (``BEGIN IMMEDIATE`` for writers), write-ahead log, ``synchronous=FULL``,
foreign keys on, files for their owner only. PostgreSQL: writers queue up behind one advisory lock. The figures behind
this stand in docs/explanation/database.md. Called by `bidder.store` and the migrations.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, StaticPool, create_engine, event, make_url
from sqlalchemy.engine.interfaces import DBAPIConnection

WRITES = {"bidder_writes": True}
"""Execution options of a connection that will write."""

BUSY_SECONDS = 10.0
"""How long a writer waits for another one before it gives up."""

_WRITER_LOCK = 7_236_145_011
"""Key of PostgreSQL's advisory lock that all our writers share; any constant of our own."""


def connect(url: str, *, read_only: bool = False, busy_seconds: float = BUSY_SECONDS) -> Engine:
    """Open an engine; a new SQLite file is created for its owner only.

    Args:
        url: ``sqlite://`` (in memory), ``sqlite:///path`` or ``postgresql+psycopg://…``.
        read_only: Refuse every write at the database.
        busy_seconds: How long to wait for another writer.

    Raises:
        FileNotFoundError: ``read_only`` and there is no such file.
        ValueError: The URL names a database that is not supported.
    """
    parsed = make_url(url)
    match parsed.get_backend_name():
        case "sqlite":
            return _sqlite(parsed, read_only=read_only, busy_seconds=busy_seconds)
        case "postgresql":
            return _postgres(parsed.set(drivername="postgresql+psycopg"), read_only=read_only)
        case other:
            raise ValueError(f"database {other!r} is not supported; use sqlite:///path or postgresql+psycopg://…")


def path_of(url: str) -> Path | None:
    """Return the file of a SQLite URL, ``None`` where there is none."""
    parsed = make_url(url)
    if parsed.get_backend_name() != "sqlite" or parsed.database in (None, "", ":memory:"):
        return None
    return Path(str(parsed.database))


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """Run one write transaction: no other writer can stand between its reads and its writes."""
    with engine.connect().execution_options(**WRITES) as connection, connection.begin():
        yield connection


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """Run one read transaction."""
    with engine.connect() as connection, connection.begin():
        yield connection


def _sqlite(url: URL, *, read_only: bool, busy_seconds: float) -> Engine:
    path = path_of(url.render_as_string(hide_password=False))
    arguments: dict[str, Any] = {
        "connect_args": {"isolation_level": None, "timeout": busy_seconds, "check_same_thread": False}
    }
    if path is None:
        arguments["poolclass"] = StaticPool
    elif read_only:
        if not path.is_file():
            raise FileNotFoundError(f"there is no database at {path}")
    else:
        _make_private(path)
    engine = create_engine(url, **arguments)
    pragmas = ["foreign_keys = ON", "trusted_schema = OFF"]
    if path is not None:
        pragmas += ["synchronous = FULL", "query_only = ON" if read_only else "journal_mode = WAL"]

    @event.listens_for(engine, "connect")
    def prepare(connection: DBAPIConnection, _: object) -> None:
        cursor = connection.cursor()
        for pragma in pragmas:
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        # Straight to the driver: an hour's cycle has a hundred small transactions.
        writes = connection.get_execution_options().get("bidder_writes", False)
        driver: Any = connection.connection.driver_connection
        driver.execute("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


def _postgres(url: URL, *, read_only: bool) -> Engine:
    options = "-c default_transaction_read_only=on" if read_only else ""
    engine = create_engine(url, connect_args={"options": options} if options else {}, pool_pre_ping=True)

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        if connection.get_execution_options().get("bidder_writes", False):
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_WRITER_LOCK})")

    return engine


def _make_private(path: Path) -> None:
    """Create the file and its folder for the owner only, and take others' rights away where it exists."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        if os.fstat(descriptor).st_uid == os.getuid():
            os.fchmod(descriptor, 0o600)
    finally:
        os.close(descriptor)
