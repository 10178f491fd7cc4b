"""Column types and the base class that all tables share.

SQLite's STRICT tables accept five type names only, so the names SQLAlchemy would render are mapped to those five;
PostgreSQL keeps its own. Rows are dumb: ``table=True`` classes do not validate, `bidder.store` does by building
domain objects. Every ``*_micros`` column is a BigInteger: a plain ``int`` has four bytes on PostgreSQL.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, Boolean, Date, DateTime, Float, Integer, LargeBinary, MetaData, String, types
from sqlalchemy.ext.compiler import compiles
from sqlmodel import SQLModel

CONVENTION = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s",
    "pk": "pk_%(table_name)s",
}
"""Every constraint has a name, so that a later migration can find it on both databases."""

Key = BigInteger().with_variant(Integer(), "sqlite")
"""A surrogate key: eight bytes everywhere; on SQLite only ``INTEGER PRIMARY KEY`` counts up by itself."""

STRICT = {"sqlite_strict": True}
"""Table options: SQLite checks the type of every value."""

CLUSTERED = {"sqlite_strict": True, "sqlite_with_rowid": False}
"""Table options for facts: rows lie in the order of their key, without a second index."""


SQLModel.metadata = MetaData(naming_convention=CONVENTION)


class Row(SQLModel):
    """Base of all tables: they share one metadata with named constraints."""


def _renders(kind: type[types.TypeEngine[Any]], name: str) -> None:
    """Let SQLite's DDL call a type by one of the names that STRICT tables know."""

    @compiles(kind, "sqlite")
    def render(*_: object, **__: object) -> str:
        return name


for _kind, _name in (
    (BigInteger, "INTEGER"),
    (Boolean, "INTEGER"),
    (Date, "TEXT"),
    (DateTime, "TEXT"),
    (Float, "REAL"),
    (LargeBinary, "BLOB"),
    (String, "TEXT"),
):
    _renders(_kind, _name)
