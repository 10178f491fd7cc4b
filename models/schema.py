"""The schema's version: create it, find out which one a database has, move it forward.

The migrations travel in the wheel beside this file; no ``alembic.ini`` and no working folder matter. A migration runs
in one transaction, so a killed one leaves the database as it was. Called by `bidder.store`.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, Engine, inspect, text
from sqlmodel import SQLModel

from models.audit import install_triggers
from models.engine import WRITES, writing
from models.facts import install_views

if TYPE_CHECKING:
    from alembic.config import Config

HEAD = "0001"
"""The revision this version of the program works with; a test compares it with the newest migration."""

MIGRATIONS = Path(__file__).parent / "migrations"


class SchemaUnknown(Exception):
    """The database has a revision that this version of the program does not know: a newer one wrote it."""


def create(engine: Engine) -> None:
    """Create the present schema in an empty database, without running the migrations one by one.

    A test proves that this gives the same schema as the migrations.
    """
    with writing(engine) as connection:
        SQLModel.metadata.create_all(connection)
        install_triggers(connection)
        install_views(connection)
        connection.execute(text("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL PRIMARY KEY)"))
        connection.execute(text("INSERT INTO alembic_version VALUES (:head)"), {"head": HEAD})


def revision(engine: Engine) -> str | None:
    """Return the database's revision, ``None`` where it is empty."""
    with engine.connect() as connection:
        if not inspect(connection).has_table("alembic_version"):
            return None
        found: str | None = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
        return found


def known_revisions() -> tuple[str, ...]:
    """Return the revisions this version of the program can read or move forward, oldest first."""
    from alembic.script import ScriptDirectory  # noqa: PLC0415 -- slow to import and needed only to upgrade

    script = ScriptDirectory.from_config(configuration())
    return tuple(reversed([step.revision for step in script.walk_revisions()]))


def upgrade(engine: Engine) -> None:
    """Move the database to `HEAD`, in one transaction.

    Raises:
        SchemaUnknown: The database was written by a newer version of the program.
    """
    from alembic import command  # noqa: PLC0415 -- slow to import and needed only to upgrade

    found = revision(engine)
    if found == HEAD:
        return
    if found is not None and found not in known_revisions():
        raise SchemaUnknown(found)
    with engine.connect().execution_options(**WRITES) as connection:
        sqlite = connection.dialect.name == "sqlite"
        if sqlite:  # Rebuilding a table that others refer to; checked below, before anything is committed.
            _foreign_keys(connection, on=False)
        try:
            with connection.begin():
                command.upgrade(configuration(connection), "head")
                if sqlite and connection.exec_driver_sql("PRAGMA foreign_key_check").first() is not None:
                    raise RuntimeError("the migration would leave rows without their parents")
        finally:
            if sqlite:
                _foreign_keys(connection, on=True)


def configuration(connection: Connection | None = None) -> Config:
    """Return alembic's configuration for the migrations in this package."""
    from alembic.config import Config  # noqa: PLC0415 -- slow to import and needed only to upgrade

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.set_main_option("path_separator", "newline")
    config.attributes["connection"] = connection
    return config


def _foreign_keys(connection: Connection, *, on: bool) -> None:
    """Switch the check of foreign keys; SQLite ignores this inside a transaction, so it goes past SQLAlchemy."""
    raw = connection.connection.driver_connection
    if raw is not None:
        raw.execute(f"PRAGMA foreign_keys = {'ON' if on else 'OFF'}")
