"""Looking after a database: backup, check, restore, copy to another kind, upgrade. Called by `bidder db` and on start.

A copied file without its write-ahead log is an older state of the database; these go through SQLite's own backup, which
holds one consistent state.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from datetime import datetime
from pathlib import Path

from sqlalchemy import Connection, Engine, func, insert, select, text
from sqlmodel import SQLModel

from bidder.errors import AuditBroken, InputError, StoreError
from bidder.store.anchor import Anchor, Head
from bidder.store.audit import AuditEvent, Chain
from bidder.store.database import Database, translated
from models import schema
from models.engine import connect, path_of, reading, writing

_CHUNK = 5_000


def backup(url: str, target: Path) -> None:
    """Write one consistent copy of a SQLite database to a new file that only its owner can read.

    Raises:
        InputError: ``target`` exists, or the database is no SQLite file.
        StoreError: The database cannot be read, or the disk is full.
    """
    path = _file_of(url)
    if target.exists():
        raise InputError("exists already; choose another name", place=str(target))
    with translated_sqlite():
        _copy_file(path, target)


def copy_aside(engine: Engine, path: Path, revision: str) -> Path:
    """Copy a database before its schema is moved forward; return where the copy lies."""
    target = path.with_name(f"{path.name}.before-{schema.HEAD}-from-{revision}")
    engine.dispose()
    with translated_sqlite():
        target.unlink(missing_ok=True)
        _copy_file(path, target)
    return target


def check(url: str, *, chain: Chain | None = None) -> tuple[str, ...]:
    """Return everything that is wrong with a database; nothing where it is sound.

    Args:
        url: Of the database.
        chain: What its audit is sealed with; the seals are not looked at where absent.
    """
    faults: list[str] = []
    engine = connect(url, read_only=True)
    database = Database(engine)
    try:
        with database.read() as connection:
            if connection.dialect.name == "sqlite":
                found = connection.exec_driver_sql("PRAGMA integrity_check").scalars().all()
                faults += [f"integrity: {line}" for line in found if line != "ok"]
                orphans = connection.exec_driver_sql("PRAGMA foreign_key_check").all()
                faults += [f"row {row[1]} of {row[0]} refers to a row of {row[2]} that is not there" for row in orphans]
            faults += _schema_faults(engine)
            if chain is not None and not faults:
                chain.verify(connection)
    except AuditBroken as exc:
        faults.append(str(exc))
    except StoreError as exc:
        faults.append(str(exc))
    finally:
        database.close()
    return tuple(faults)


def restore(source: Path, url: str, *, chain: Chain, actor: str, now: datetime) -> int:
    """Put a backup in the place of a SQLite database, and say so in its audit; return how many audit rows were lost.

    The database that was there is kept beside it. The process that owns it must not run.

    Raises:
        InputError: The backup is no sound database of this version.
        StoreError: A file cannot be read or written.
    """
    path = _file_of(url)
    faults = check(f"sqlite:///{source}", chain=replace_anchor(chain, None))
    if faults:
        raise InputError(f"is not sound: {faults[0]}", place=str(source))
    fresh = path.with_name(f"{path.name}.restoring")
    with translated_sqlite():
        fresh.unlink(missing_ok=True)
        _copy_file(source, fresh)
        if path.exists():
            _copy_over(path, path.with_name(f"{path.name}.replaced-{now:%Y%m%dT%H%M%SZ}"))
        for suffix in ("-wal", "-shm"):
            path.with_name(path.name + suffix).unlink(missing_ok=True)
        fresh.replace(path)
    return _say_restored(url, chain, source.name, actor=actor, now=now)


def copy(source_url: str, target_url: str) -> dict[str, int]:
    """Copy all rows into an empty database of the other kind; return the rows of each table.

    Raises:
        InputError: The target is not empty.
        StoreError: One of both cannot be used.
    """
    source, target = connect(source_url, read_only=True), connect(target_url)
    try:
        if schema.revision(source) != schema.HEAD:
            raise InputError("has another schema than this version; run bidder db upgrade first", place=source_url)
        if schema.revision(target) is not None:
            raise InputError("is not empty; name a new database", place=target_url)
        with translated():
            schema.upgrade(target)
            with reading(source) as origin, writing(target) as place:
                return _copy_tables(origin, place)
    finally:
        source.dispose()
        target.dispose()


def replace_anchor(chain: Chain, path: Path | None) -> Chain:
    """Return the same chain with another anchor."""
    return Chain(
        key=chain.key, anchor=Anchor(path), config_fingerprint=chain.config_fingerprint, code_version=chain.code_version
    )


def _copy_tables(source: Connection, target: Connection) -> dict[str, int]:
    """Copy every table in an order in which no row is there before the row it refers to."""
    counts: dict[str, int] = {}
    for table in SQLModel.metadata.sorted_tables:
        rows = source.execution_options(yield_per=_CHUNK).execute(select(table))
        counts[table.name] = 0
        for part in rows.mappings().partitions():
            target.execute(insert(table), [dict(row) for row in part])
            counts[table.name] += len(part)
        key = table.autoincrement_column
        if target.dialect.name == "postgresql" and key is not None and counts[table.name]:
            newest = target.execute(select(func.max(key))).scalar()
            sequence = text("SELECT setval(pg_get_serial_sequence(:table, :key), :newest)")
            target.execute(sequence, {"table": table.name, "key": key.name, "newest": newest})
    return counts


def _say_restored(url: str, chain: Chain, name: str, *, actor: str, now: datetime) -> int:
    anchored = chain.anchor.read()
    database = Database(connect(url))
    try:
        with database.write() as connection:
            bare = replace_anchor(chain, None)
            head = bare.head(connection)
            lost = max(anchored.sequence - head.sequence, 0)
            detail = f"restored from {name}; rows {head.sequence + 1} to {anchored.sequence} of the audit are gone"
            event = AuditEvent(
                at=now, actor=actor, action="restore", detail=detail if lost else f"restored from {name}"
            )
            head = bare.append(connection, [event])
    finally:
        database.close()
    chain.anchor.write(Head(head.sequence, head.hash))
    return lost


def _schema_faults(engine: Engine) -> Iterator[str]:
    found = schema.revision(engine)
    if found != schema.HEAD:
        yield f"schema {found}, this version works with {schema.HEAD}; run bidder db upgrade"


def _file_of(url: str) -> Path:
    path = path_of(url)
    if path is None:
        raise InputError("only SQLite files can be copied; use the server's own tools for PostgreSQL", place=url)
    if not path.is_file():
        raise InputError("there is no such database", place=str(path))
    return path


def _copy_file(source: Path, target: Path) -> None:
    """Copy through SQLite's backup interface into a file of the owner's own."""
    descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    os.close(descriptor)
    with ExitStack() as undo:
        undo.callback(target.unlink, missing_ok=True)
        with closing(sqlite3.connect(source)) as origin, closing(sqlite3.connect(target)) as copy_:
            origin.backup(copy_)
            copy_.execute("PRAGMA journal_mode = DELETE")
        undo.pop_all()


def _copy_over(source: Path, target: Path) -> None:
    """Keep what was there, readable or not."""
    try:
        _copy_file(source, target)
    except sqlite3.DatabaseError:
        target.unlink(missing_ok=True)
        source.rename(target)


@contextmanager
def translated_sqlite() -> Iterator[None]:
    """Turn errors of the driver and the disk into `StoreError`."""
    try:
        yield
    except sqlite3.Error as exc:
        raise StoreError(f"database: {exc}") from exc
    except OSError as exc:
        raise StoreError(f"{exc.filename}: {exc.strerror}") from exc
