"""Money columns hold eight bytes everywhere: four overflow at 2,147 units on PostgreSQL, and SQLite does not say so."""

from __future__ import annotations

import pytest
import sqlalchemy
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import SQLModel

import models

POSTGRES: sqlalchemy.Dialect = postgresql.dialect()  # type: ignore[no-untyped-call]
SQLITE: sqlalchemy.Dialect = sqlite.dialect()

MONEY = [
    column for table in SQLModel.metadata.sorted_tables for column in table.columns if column.name.endswith("_micros")
]


def test_there_are_money_columns() -> None:
    """The tests below look at something."""
    assert models.__name__ == "models"
    assert len(MONEY) >= 10


@pytest.mark.parametrize("column", MONEY, ids=str)
def test_a_money_column_is_eight_bytes_on_every_database(column: sqlalchemy.Column[int]) -> None:
    """Micros are BIGINT on PostgreSQL, and an integer on SQLite."""
    assert "BIGINT" == column.type.compile(dialect=POSTGRES)
    assert column.type.compile(dialect=SQLITE) in {"BIGINT", "INTEGER"}


def test_no_column_holds_money_as_a_fraction() -> None:
    """Whatever is called a bid, a budget, a price, spend or revenue is integer micros."""
    words = ("bid", "budget", "price", "spend", "revenue", "cost", "balance", "amount")
    fractions = [
        str(column)
        for table in SQLModel.metadata.sorted_tables
        for column in table.columns
        if isinstance(column.type, sqlalchemy.Numeric)
        and column.name.startswith(words)
        and not column.name.endswith(("_ratio", "_share", "_elasticity"))
    ]

    assert [] == fractions
