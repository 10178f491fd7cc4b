"""A copy of the record in memory, for plans that must leave no trace: what is decided on it is gone with it."""

from __future__ import annotations

from sqlalchemy import Connection, delete, insert, select
from sqlmodel import SQLModel

from bidder.store.anchor import Anchor
from bidder.store.audit import Chain
from bidder.store.database import Database
from bidder.store.sql_store import SqlStore
from models import AuditRow, schema
from models.engine import connect
from models.tables import table_of

_LEFT_OUT = table_of(AuditRow)
"""The audit refuses to be emptied, and is not needed to decide."""


def scratch_copy(store: SqlStore) -> SqlStore:
    """Return a store in memory that knows what ``store`` knows; writing to it changes nothing else."""
    engine = connect("sqlite://")
    known = store.chain
    chain = Chain(
        key=known.key, anchor=Anchor(None), config_fingerprint=known.config_fingerprint, code_version=known.code_version
    )
    copy = SqlStore(Database(engine), chain, rehearsal=store.rehearsal, stop_file=store.stop_file)
    copy.rules_of(store)
    with store.database.read() as source:
        if source.dialect.name == "sqlite":
            with engine.connect() as target:
                origin, place = source.connection.driver_connection, target.connection.driver_connection
                if origin is not None and place is not None:
                    origin.backup(place)
            return copy
        schema.create(engine)
        with copy.database.write() as target:
            _copy_rows(source, target)
    return copy


def _copy_rows(source: Connection, target: Connection) -> None:
    """Copy what stands in a database of another kind."""
    for table in SQLModel.metadata.sorted_tables:
        if table is _LEFT_OUT:
            continue
        target.execute(delete(table))
        rows = [dict(row) for row in source.execute(select(table)).mappings()]
        if rows:
            target.execute(insert(table), rows)
