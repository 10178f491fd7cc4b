"""Opening: created where there is nothing, refused where it is not ours to use, nothing half done on a full disk."""

from __future__ import annotations

import os
import sqlite3
import stat
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import make_url, text

from bidder.core.calendar import DayRange, day_of
from bidder.core.change import Outcome, Status
from bidder.core.performance import Grain
from bidder.core.snapshot import Mode
from bidder.errors import ConfigError, SchemaTooNew, StoreError, WrongMode
from bidder.store import SqlStore, in_memory_store, open_store
from models.engine import connect, writing
from tests.store.conftest import Opener
from tests.store.shop import NOW, SHOP, ZONE, bid_change, forecast, generated, hold, planned, snapshot, structure


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return where a database may be made."""
    return tmp_path / "state" / "bidder.db"


def opened_at(path: Path, **changed: object) -> SqlStore:
    """Open a file with all defaults."""
    arguments: dict[str, object] = {"mode": "rehearsal", "config_fingerprint": "f", "code_version": "1", **changed}
    return open_store(f"sqlite:///{path}", **arguments)  # type: ignore[arg-type]


@pytest.fixture
def loose() -> Iterator[None]:
    """Let new files be readable by everybody, as on many machines."""
    before = os.umask(0)
    yield
    os.umask(before)


@pytest.mark.usefixtures("loose")
def test_everything_it_makes_is_for_its_owner_only(path: Path) -> None:
    """Database, write-ahead log, key, anchor and folder, whatever the umask."""
    store = opened_at(path)
    store.set_mode(None, Mode.ACTIVE, actor="ann", reason="x", now=NOW)

    modes = {found.name: stat.S_IMODE(found.stat().st_mode) for found in path.parent.iterdir()}
    store.close()

    assert {"bidder.db", "bidder.db-wal", "bidder.db-shm", "bidder.db.key", "bidder.db.anchor"} == modes.keys()
    assert {0o600} == set(modes.values())
    assert 0o700 == stat.S_IMODE(path.parent.stat().st_mode)


def test_rights_that_others_have_are_taken_away(path: Path) -> None:
    """A database somebody made readable is closed to others again."""
    opened_at(path).close()
    path.chmod(0o644)

    opened_at(path).close()

    assert 0o600 == stat.S_IMODE(path.stat().st_mode)


def test_a_stop_file_beside_the_database_halts(path: Path) -> None:
    """Where no other place is configured."""
    store = opened_at(path)

    (path.parent / "STOP").touch()

    assert Mode.HALTED is store.mode(SHOP.id)
    store.close()


@pytest.mark.parametrize(("made", "asked"), [("rehearsal", "live"), ("live", "rehearsal")])
def test_the_other_mode_is_refused(opened: Opener, made: str, asked: str) -> None:
    """Records of rehearsal and of real money never mix."""
    opened(mode=made)

    with pytest.raises(WrongMode, match=f"is for {made}, the configuration says {asked}"):
        opened(mode=asked)

    assert opened(mode=made).rehearsal is (made == "rehearsal")


def test_a_newer_database_is_refused(opened: Opener, url: str) -> None:
    """With the remedy; it is not touched."""
    opened().close()
    engine = connect(url)
    with writing(engine) as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    engine.dispose()

    with pytest.raises(SchemaTooNew, match="newer version"):
        opened()


def test_a_file_that_is_no_database_is_refused(path: Path) -> None:
    """It is left as it is."""
    path.parent.mkdir(parents=True)
    path.write_bytes(b"these are my holiday photos " * 100)

    with pytest.raises(StoreError, match="no database of ours"):
        opened_at(path)

    assert path.read_bytes().startswith(b"these are my holiday photos")


def test_a_damaged_database_is_an_error_not_a_surprise(path: Path) -> None:
    """Pages of rubbish are found when they are read, and nothing is written."""
    store = opened_at(path)
    days = DayRange.ending(day_of(NOW, ZONE), days=30)
    store.save_report(SHOP, Grain.DAY, generated(np.random.default_rng(1), targets=50, days=days, at=NOW))
    store.close()
    size = path.stat().st_size
    with path.open("r+b") as stream:
        stream.seek(size // 4)
        stream.write(b"\xff" * (size // 2))

    def read() -> None:
        opened_at(path).history(SHOP, window_days=7, days=days, as_of=NOW)

    with pytest.raises(StoreError, match="database"):
        read()


def test_reading_only_never_writes(path: Path) -> None:
    """A command that only looks cannot write, and makes no database where there is none."""
    with pytest.raises(StoreError, match="no database"):
        opened_at(path, read_only=True)
    opened_at(path).close()

    reader = opened_at(path, read_only=True)

    assert Mode.ACTIVE is reader.mode(SHOP.id)
    with pytest.raises(StoreError, match="cannot be written"):
        reader.register(SHOP, now=NOW)
    reader.close()


def test_a_reader_sees_what_the_writer_does(path: Path) -> None:
    """While it is open, and leaves it undisturbed."""
    writer, reader = opened_at(path), opened_at(path, read_only=True)

    writer.set_mode(SHOP.id, Mode.HALTED, actor="ann", reason="x", now=NOW)

    assert Mode.HALTED is reader.mode(SHOP.id)
    writer.close()
    reader.close()


@pytest.mark.parametrize("bad", ["mysql://host/db", "postgresql+psycopg://host/db", "nonsense"])
def test_an_address_of_no_use_is_a_fault_of_the_configuration(bad: str) -> None:
    """It names the setting."""
    with pytest.raises(ConfigError, match="database"):
        open_store(bad, mode="rehearsal", config_fingerprint="f", code_version="1")


def test_a_path_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    """A folder that is a file."""
    (tmp_path / "file").touch()

    with pytest.raises(StoreError, match="cannot be opened"):
        opened_at(tmp_path / "file" / "bidder.db")


def test_a_database_that_is_held_by_another_is_an_error_after_a_while(path: Path) -> None:
    """Not a hang: nothing is applied."""
    store = opened_at(path)
    with store.database.write() as connection:
        connection.exec_driver_sql("PRAGMA busy_timeout = 50")
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")

        with pytest.raises(StoreError, match="another process holds"):
            store.set_mode(None, Mode.HALTED, actor="ann", reason="x", now=NOW)

    store.set_mode(None, Mode.HALTED, actor="ann", reason="x", now=NOW)
    store.close()


@pytest.mark.parametrize("room", range(0, 60, 4))
def test_on_a_full_disk_nothing_is_half_recorded(room: int) -> None:
    """Wherever the space runs out, each step is whole or not there, and goes on once there is space again."""
    store = in_memory_store()
    seen = structure(targets=60)
    days = DayRange.ending(day_of(NOW, ZONE), days=2)
    store.save_structure(SHOP, seen, (), now=NOW)
    with store.database.read() as connection:
        pages = int(connection.exec_driver_sql("PRAGMA page_count").scalar_one())
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages + room}")
    before = store.memory(SHOP, as_of=NOW)
    draft, verdict = planned(bid_change("t0", "1.20", "1.30"), holds=tuple(hold(f"t{n}") for n in range(1, 60)))
    done = []

    def whole_cycle() -> None:
        store.save_report(SHOP, Grain.DAY, generated(np.random.default_rng(1), targets=60, days=days, at=NOW))
        done.append("report")
        (intent,) = store.record(snapshot(store, seen, at=NOW, days=2), forecast(seen, at=NOW), draft, verdict).intents
        done.append("record")
        store.reserve(SHOP, intent, cap_micros=10**12, now=NOW)
        done.append("reserve")
        store.resolve(SHOP, intent, Outcome(key=intent.key, status=Status.CONFIRMED), now=NOW)
        done.append("resolve")

    try:
        whole_cycle()
    except StoreError as full:
        assert "disk is full" in str(full)  # noqa: PT017 -- with much room it does not happen

    assert ("report" in done) is (store.coverage(SHOP.id, Grain.DAY) is not None)
    recorded = len(store.memory(SHOP, as_of=NOW).changes) - len(before.changes)
    assert ("record" in done) is (recorded == 1)
    open_ = store.open_intents(SHOP.id)
    assert ("record" in done and "resolve" not in done) is (len(open_) == 1)
    with store.database.read() as connection:
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages + 10_000}")
    store.save_structure(SHOP, structure(targets=60, at=NOW + timedelta(hours=1)), (), now=NOW)
    for intent in open_:
        store.resolve(SHOP, intent, Outcome(key=intent.key, status=Status.CONFIRMED), now=NOW)
    assert () == store.open_intents(SHOP.id)
    store.verify_audit()


def test_a_store_does_not_show_its_password(url: str, opened: Opener) -> None:
    """Wherever it is printed."""
    password = make_url(url).password

    assert "SqlStore(" in repr(opened())
    assert not password or password not in repr(opened())
