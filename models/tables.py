"""The SQLAlchemy table behind a row class, typed: SQLModel keeps it in an attribute that type checkers cannot see."""

from __future__ import annotations

from sqlalchemy import Table

from models.columns import Row


def table_of(row: type[Row]) -> Table:
    """Return the table that a ``table=True`` class declares."""
    table: Table = row.__table__  # type: ignore[attr-defined]
    return table
