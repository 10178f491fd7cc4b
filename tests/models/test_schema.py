"""The schema: made in two ways that agree, moved forward whole or not at all."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, text
from sqlalchemy.exc import OperationalError
from sqlmodel import SQLModel

import models
from models import schema
from models.engine import connect, writing

assert models.Row.metadata is SQLModel.metadata


def layout(engine: Engine) -> list[tuple[str, str, str]]:
    """Return kind, name and text of everything in a SQLite database."""
    with engine.connect() as connection:
        rows = connection.exec_driver_sql("SELECT type, name, sql FROM sqlite_master WHERE sql IS NOT NULL")
        return sorted((kind, name, _plain(sql)) for kind, name, sql in rows)


def _plain(sql: str) -> str:
    """Return a statement without its line breaks, its constraints in one order: theirs has no meaning."""
    head, *constraints = re.split(r", (?=CONSTRAINT )", " ".join(sql.split()))
    tail = ""
    if constraints:
        constraints[-1], tail = re.split(r" (?=\)(?: (?:WITHOUT ROWID, )?STRICT)?$)", constraints[-1], maxsplit=1)
    return ", ".join([head, *sorted(constraints)]) + tail


def test_migrations_and_tables_are_the_same() -> None:
    """Nothing was changed in a table without a migration."""
    engine = connect("sqlite://")
    schema.upgrade(engine)

    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        differences = compare_metadata(context, SQLModel.metadata)

    assert [] == differences


def test_creating_is_migrating() -> None:
    """A database in memory, created at once, has tables, indexes, views and triggers to the letter."""
    created, migrated = connect("sqlite://"), connect("sqlite://")

    schema.create(created)
    schema.upgrade(migrated)

    found = [[entry for entry in layout(engine) if entry[1] != "alembic_version"] for engine in (created, migrated)]
    assert found[0] == found[1]
    assert (schema.HEAD, schema.HEAD) == (schema.revision(created), schema.revision(migrated))


def test_the_program_names_its_newest_migration() -> None:
    """So that a start needs not look through them."""
    script = ScriptDirectory.from_config(schema.configuration())

    assert schema.HEAD == script.get_current_head() == schema.known_revisions()[-1]


def test_migrations_do_not_depend_on_the_working_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They lie in the package, beside the module that runs them."""
    monkeypatch.chdir(tmp_path)

    schema.upgrade(connect("sqlite://"))

    assert schema.MIGRATIONS.is_relative_to(Path(models.__file__).parent)


def test_an_upgrade_of_a_current_database_does_nothing() -> None:
    """Starting twice is fine."""
    engine = connect("sqlite://")
    schema.upgrade(engine)
    before = layout(engine)

    schema.upgrade(engine)

    assert before == layout(engine)


def test_a_newer_database_is_not_touched() -> None:
    """Its revision is named."""
    engine = connect("sqlite://")
    schema.upgrade(engine)
    with writing(engine) as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    before = layout(engine)

    with pytest.raises(schema.SchemaUnknown, match="9999"):
        schema.upgrade(engine)

    assert before == layout(engine)


@pytest.mark.parametrize("room", [4, 30, 60])
def test_a_migration_that_runs_out_of_space_leaves_nothing(tmp_path: Path, room: int) -> None:
    """And works once there is space again."""
    engine = connect(f"sqlite:///{tmp_path / 'bidder.db'}")
    _give_room(engine, room)

    with pytest.raises(OperationalError, match="full"):
        schema.upgrade(engine)

    assert [] == layout(engine)
    _give_room(engine, 100_000)
    schema.upgrade(engine)
    assert schema.HEAD == schema.revision(engine)
    engine.dispose()


def _give_room(engine: Engine, pages: int) -> None:
    """Limit the one connection of the pool, which is used again and again."""
    with engine.connect() as connection:
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")


@pytest.mark.parametrize(
    "statement", [3, pytest.param(20, marks=pytest.mark.slow), pytest.param(50, marks=pytest.mark.slow)]
)
def test_a_killed_migration_can_be_run_again(tmp_path: Path, statement: int) -> None:
    """A process that dies at any statement leaves the database as it was."""
    url = f"sqlite:///{tmp_path / 'bidder.db'}"
    program = f"""
        import os, signal
        from sqlalchemy import event
        from models import schema
        from models.engine import connect
        engine, seen = connect({url!r}), []

        @event.listens_for(engine, "before_cursor_execute")
        def count(connection, cursor, statement, *rest):
            seen.append(statement)
            if sum(one.lstrip().startswith("CREATE") for one in seen) == {statement}:
                os.kill(os.getpid(), signal.SIGKILL)

        schema.upgrade(engine)
    """
    environment = {**os.environ, "PYTHONPATH": str(Path(models.__file__).parents[1])}

    died = subprocess.run([sys.executable, "-c", textwrap.dedent(program)], env=environment, check=False)

    assert -signal.SIGKILL == died.returncode
    engine = connect(url)
    assert [] == layout(engine)
    schema.upgrade(engine)
    assert schema.HEAD == schema.revision(engine)
    engine.dispose()


def test_every_table_is_strict() -> None:
    """SQLite itself refuses text where a number belongs."""
    engine = connect("sqlite://")
    schema.create(engine)

    loose = [name for kind, name, sql in layout(engine) if kind == "table" and "STRICT" not in sql]

    assert ["alembic_version"] == loose
    with pytest.raises(Exception, match="cannot store TEXT"), writing(engine) as connection:
        connection.execute(
            text("INSERT INTO excluded_days (account_id, day, reason, recorded_at) VALUES ('lots', 1, 'x', 'y')")
        )


def test_every_instant_is_kept_in_utc() -> None:
    """All columns of instants use the one type that refuses naive ones."""
    kinds = {
        type(column.type).__name__
        for table in SQLModel.metadata.sorted_tables
        for column in table.columns
        if "DATETIME" in str(column.type)
    }

    assert {"UTCDateTime"} == kinds
