"""Opening a database: created or moved forward where needed, refused where it is newer or for the other mode."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import Literal

from sqlalchemy import Engine, insert, select
from sqlalchemy.exc import SQLAlchemyError

from bidder.core.entities import Account
from bidder.core.policy import Policy
from bidder.errors import ConfigError, SchemaTooNew, StoreError, WrongMode
from bidder.store.anchor import Anchor, load_key
from bidder.store.audit import Chain
from bidder.store.database import Database, translated
from bidder.store.sql_store import SqlStore
from models import StampRow, schema
from models.engine import connect, path_of, reading, writing
from models.tables import table_of

RunMode = Literal["rehearsal", "live"]

_STAMP = table_of(StampRow)
_SIMULATION_KEY = b"simulated audits are sealed for the test of it only"


def open_store(
    url: str,
    *,
    mode: RunMode,
    stop_file: Path | None = None,
    config_fingerprint: str,
    code_version: str,
    anchor: Path | None = None,
    key: bytes | None = None,
    read_only: bool = False,
) -> SqlStore:
    """Open the database of a configuration.

    An empty database is created and stamped with the mode; an older one is copied aside and moved forward.

    Args:
        url: ``sqlite:///path`` or ``postgresql+psycopg://…``.
        mode: What the database must be stamped for.
        config_fingerprint: Stamped on every cycle and audit row.
        code_version: Likewise.
        stop_file: A file whose existence halts everything; ``STOP`` beside a SQLite file where absent.
        anchor: Where the audit's newest seal is remembered; ``<database>.anchor`` beside a SQLite file where absent.
        key: What the audit is sealed with; a file ``<database>.key`` beside a SQLite file where absent.
        read_only: For commands that only look.

    Raises:
        ConfigError: The URL is of no use, or PostgreSQL is used without ``anchor`` or ``key``.
        SchemaTooNew: A newer version of the program wrote it.
        WrongMode: It is stamped for the other mode.
        AuditBroken: Audited rows are gone.
        StoreError: It cannot be read or written.
    """
    engine, path = _engine(url, read_only=read_only)
    if path is None and (anchor is None or key is None):
        raise ConfigError(
            "PostgreSQL needs a place for the audit's key and anchor outside the database", key="database"
        )
    with ExitStack() as undo:
        undo.callback(engine.dispose)
        with translated():
            prepare(engine, path, read_only=read_only)
            _stamp(engine, mode, code_version, read_only=read_only)
        if path is not None:
            anchor = anchor or path.with_name(f"{path.name}.anchor")
            key = key or load_key(path.with_name(f"{path.name}.key"))
            stop_file = stop_file or path.with_name("STOP")
        chain = Chain(
            key=key or b"", anchor=Anchor(anchor), config_fingerprint=config_fingerprint, code_version=code_version
        )
        store = SqlStore(Database(engine), chain, rehearsal=mode == "rehearsal", stop_file=stop_file)
        undo.callback(store.close)
        with store.database.read() as connection:
            chain.confirm(connection, chain.head(connection))
        undo.pop_all()
        return store


def in_memory_store(
    account: Account | None = None,
    policy: Policy | None = None,
    *,
    mode: RunMode = "rehearsal",
    stop_file: Path | None = None,
    config_fingerprint: str = "simulation",
    code_version: str = "simulation",
) -> SqlStore:
    """Open a database that is gone with the process: for simulated worlds and tests."""
    engine = connect("sqlite://")
    schema.create(engine)
    _stamp(engine, mode, code_version, read_only=False)
    chain = Chain(
        key=_SIMULATION_KEY, anchor=Anchor(None), config_fingerprint=config_fingerprint, code_version=code_version
    )
    store = SqlStore(Database(engine), chain, rehearsal=mode == "rehearsal", stop_file=stop_file)
    if account is not None and policy is not None:
        store.rule(account, policy)
    return store


def prepare(engine: Engine, path: Path | None, *, read_only: bool) -> None:
    """Bring a database to the present schema; an older file is copied aside first.

    Raises:
        SchemaTooNew: A newer version of the program wrote it.
        StoreError: It is older and may only be read, or no database of ours.
    """
    found = schema.revision(engine)
    if found == schema.HEAD:
        return
    if read_only:
        raise StoreError("the database has another schema than this version of the program; run bidder db upgrade")
    if found is not None and path is not None and found in schema.known_revisions():
        from bidder.store.maintenance import copy_aside  # noqa: PLC0415 -- only an upgrade needs it

        copy_aside(engine, path, found)
    try:
        schema.upgrade(engine)
    except schema.SchemaUnknown as exc:
        raise SchemaTooNew(
            f"the database has schema {exc}, which is newer than this program's {schema.HEAD}; "
            "install the newer version again, or restore a backup made by this one"
        ) from exc


def _engine(url: str, *, read_only: bool) -> tuple[Engine, Path | None]:
    try:
        return connect(url, read_only=read_only), path_of(url)
    except FileNotFoundError as exc:
        raise StoreError(f"{exc}; run bidder once to create it") from exc
    except OSError as exc:
        raise StoreError(f"the database cannot be opened ({exc}); check the path and the rights of its folder") from exc
    except (SQLAlchemyError, ValueError) as exc:
        raise ConfigError(str(exc), key="database") from exc


def _stamp(engine: Engine, mode: RunMode, code_version: str, *, read_only: bool) -> None:
    """Stamp an empty database with its mode, refuse one that is stamped for the other."""
    with reading(engine) as connection:
        found = connection.execute(select(_STAMP.c.mode)).scalar()
    if found is None and not read_only:
        with writing(engine) as connection:
            if connection.execute(select(_STAMP.c.mode)).scalar() is None:
                connection.execute(insert(_STAMP).values(id=1, mode=mode, code_version=code_version))
        return _stamp(engine, mode, code_version, read_only=read_only)
    if found != mode:
        raise WrongMode(
            f"the database is for {found}, the configuration says {mode}; "
            "use another file for each, their records must not mix"
        )
    return None
