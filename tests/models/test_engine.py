"""The engine: what the driver's defaults would lose is kept."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from sqlalchemy import insert, select, text
from sqlalchemy.exc import IntegrityError, StatementError

from models import AccountRow, schema
from models.engine import connect, path_of, reading, writing
from models.tables import table_of

ACCOUNTS = table_of(AccountRow)
ROW = {"name": "a", "adapter": "mock", "remote_id": "1", "owner": "ann", "currency": "CNY", "time_zone": "UTC"}


def test_a_file_is_set_up_for_money(tmp_path: Path) -> None:
    """Write-ahead log, synchronous FULL, foreign keys, no trust in the schema."""
    engine = connect(f"sqlite:///{tmp_path / 'bidder.db'}")

    with engine.connect() as connection:
        found = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys", "trusted_schema")
        }
    engine.dispose()

    assert {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "trusted_schema": 0} == found


def test_no_update_is_lost_between_threads(tmp_path: Path) -> None:
    """Four writers that read, add one and write: every one counts."""
    engine = connect(f"sqlite:///{tmp_path / 'bidder.db'}")
    with writing(engine) as connection:
        connection.execute(text("CREATE TABLE counter (n INTEGER NOT NULL)"))
        connection.execute(text("INSERT INTO counter VALUES (0)"))

    def count(_: int) -> None:
        for _ in range(25):
            with writing(engine) as connection:
                seen = connection.execute(text("SELECT n FROM counter")).scalar_one()
                connection.execute(text("UPDATE counter SET n = :n"), {"n": seen + 1})

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(count, range(4)))

    with reading(engine) as connection:
        assert 100 == connection.execute(text("SELECT n FROM counter")).scalar_one()
    engine.dispose()


def test_a_failed_transaction_leaves_nothing() -> None:
    """Neither the row before the failure nor the one after."""
    engine = connect("sqlite://")
    schema.create(engine)
    row = {**ROW, "first_seen": datetime(2026, 9, 1, tzinfo=UTC)}

    def twice() -> None:
        with writing(engine) as connection:
            connection.execute(insert(ACCOUNTS), [row])
            connection.execute(insert(ACCOUNTS), [row])

    with pytest.raises(IntegrityError):
        twice()

    with reading(engine) as connection:
        assert [] == connection.execute(select(ACCOUNTS)).all()


def test_instants_come_back_in_utc() -> None:
    """Whatever zone they were given in; a naive one is refused."""
    engine = connect("sqlite://")
    schema.create(engine)
    shanghai = datetime(2026, 9, 1, 8, tzinfo=timezone(timedelta(hours=8)))

    with writing(engine) as connection:
        connection.execute(insert(ACCOUNTS), [{**ROW, "first_seen": shanghai}])
    with reading(engine) as connection:
        (found,) = connection.execute(select(ACCOUNTS.c.first_seen)).scalars()

    assert (shanghai, UTC) == (found, found.tzinfo)
    with pytest.raises(StatementError), writing(engine) as connection:
        connection.execute(insert(ACCOUNTS), [{**ROW, "name": "b", "first_seen": datetime(2026, 9, 1)}])  # noqa: DTZ001


def test_a_reference_to_nothing_is_refused() -> None:
    """Foreign keys are on."""
    engine = connect("sqlite://")
    schema.create(engine)

    with pytest.raises(IntegrityError), writing(engine) as connection:
        connection.execute(text("INSERT INTO excluded_days VALUES (999, 1, 'x', '2026-09-01 00:00:00.000000')"))


@pytest.mark.parametrize(
    ("url", "expected"),
    [("sqlite://", None), ("sqlite:///x.db", Path("x.db")), ("sqlite:////a/b.db", Path("/a/b.db")),
     ("postgresql+psycopg://host/db", None)],
)  # fmt: skip
def test_the_file_of_an_address(url: str, expected: Path | None) -> None:
    """Where there is one."""
    assert expected == path_of(url)


def test_other_databases_are_refused() -> None:
    """With what to use instead."""
    with pytest.raises(ValueError, match="use sqlite"):
        connect("oracle://host/db")
