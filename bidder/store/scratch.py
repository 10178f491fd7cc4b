"""A copy of the record in memory, for plans that must leave no trace: what is decided on it is gone with it."""

from __future__ import annotations

from sqlalchemy import delete, insert, select
from sqlmodel import SQLModel

from bidder.store.opening import in_memory_store
from bidder.store.sql_store import SqlStore
from models import AuditRow, StampRow

_LEFT_OUT = frozenset({AuditRow.__tablename__, StampRow.__tablename__})
"""The audit is not needed to decide, and the copy has a stamp of its own."""


def scratch_copy(store: SqlStore) -> SqlStore:
    """Return a store in memory that knows what ``store`` knows; writing to it changes nothing else."""
    copy = in_memory_store(mode="rehearsal" if store.rehearsal else "live")
    with store.database.read() as source, copy.database.write() as target:
        for table in SQLModel.metadata.sorted_tables:
            if table.name in _LEFT_OUT:
                continue
            target.execute(delete(table))
            rows = [dict(row) for row in source.execute(select(table)).mappings()]
            if rows:
                target.execute(insert(table), rows)
    return copy
