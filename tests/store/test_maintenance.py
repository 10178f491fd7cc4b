"""Backup, check, restore, copy: a record that can be looked after."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import make_url

from bidder.core.calendar import DayRange, day_of
from bidder.core.change import Outcome, Status
from bidder.core.performance import Grain
from bidder.core.snapshot import Mode
from bidder.errors import InputError, StoreError
from bidder.store import SqlStore, open_store
from bidder.store.maintenance import backup, check, copy, restore
from bidder.store.scratch import scratch_copy
from models.engine import connect, writing
from tests.store.conftest import Opener
from tests.store.shop import NOW, SHOP, ZONE, bid_change, forecast, generated, hold, planned, snapshot, structure

DAYS = DayRange.ending(day_of(NOW, ZONE), days=3)


def fill(store: SqlStore) -> None:
    """Put something into every kind of table."""
    seen = structure(targets=20)
    store.save_structure(SHOP, seen, (), now=NOW)
    store.save_report(SHOP, Grain.DAY, generated(np.random.default_rng(1), targets=20, days=DAYS, at=NOW))
    store.adapter_memory(SHOP).put("job", "1")
    store.remember_config("{}", now=NOW)
    store.exclude_days(SHOP, DayRange.ending(DAYS.first, days=1), actor="ann", reason="outage", now=NOW)
    draft, verdict = planned(bid_change("t0", "1.20", "1.30"), bid_change("t1", "1.20", "1.30"), holds=(hold("t2"),))
    record = store.record(snapshot(store, seen, at=NOW, days=3), forecast(seen, at=NOW), draft, verdict)
    intent = record.intents[0]
    store.resolve(SHOP, intent, Outcome(key=intent.key, status=Status.CONFIRMED), now=NOW)
    store.finish(SHOP, record.cycle_id, ok=True, sentence="fine", now=NOW)
    store.arm(SHOP.id, armed=True, actor="ann", reason="x", now=NOW)


def knows_the_same(first: SqlStore, second: SqlStore) -> bool:
    """Tell whether two stores give the same answers."""
    histories = [store.history(SHOP, window_days=7, days=DAYS, as_of=NOW) for store in (first, second)]
    return (
        first.last_structure(SHOP.id) == second.last_structure(SHOP.id)
        and first.memory(SHOP, as_of=NOW) == second.memory(SHOP, as_of=NOW)
        and first.open_intents(SHOP.id) == second.open_intents(SHOP.id)
        and bool((histories[0].daily.orders == histories[1].daily.orders).all())
        and first.armed(SHOP.id) == second.armed(SHOP.id)
    )


@pytest.fixture
def path(url: str) -> Path:
    """Return the file of a SQLite database."""
    if not url.startswith("sqlite"):
        pytest.skip("files are SQLite's; PostgreSQL has its own tools")
    return Path(str(make_url(url).database))


def test_a_backup_is_taken_while_the_database_is_open(store: SqlStore, url: str, path: Path, tmp_path: Path) -> None:
    """It holds all that was committed, without the write-ahead log, and only its owner can read it."""
    fill(store)
    target = tmp_path / "copy.db"

    backup(url, target)

    assert ((), 0o600) == (check(f"sqlite:///{target}"), target.stat().st_mode & 0o777)
    assert not list(tmp_path.glob("copy.db-*"))


def test_a_backup_never_overwrites(store: SqlStore, url: str, path: Path, tmp_path: Path) -> None:
    """An older backup may be all that is left."""
    (tmp_path / "copy.db").write_text("precious")

    with pytest.raises(InputError, match="exists"):
        backup(url, tmp_path / "copy.db")

    assert "precious" == (tmp_path / "copy.db").read_text()


def test_a_sound_database_has_no_faults(store: SqlStore, url: str) -> None:
    """Its pages, its references, its schema and its audit."""
    fill(store)

    assert () == check(url, chain=store.chain)


def test_damage_is_named(store: SqlStore, url: str, path: Path) -> None:
    """Random bytes in the middle of the file."""
    fill(store)
    store.close()
    with path.open("r+b") as stream:
        stream.seek(path.stat().st_size // 2)
        stream.write(b"\xa5" * 4096 * 4)

    assert check(url)


def test_a_broken_audit_is_named(store: SqlStore, url: str, path: Path) -> None:
    """With its row."""
    fill(store)
    with store.database.write() as connection:
        connection.exec_driver_sql("DROP TRIGGER audit_events_no_update")
        connection.exec_driver_sql("UPDATE audit_events SET actor = 'eve' WHERE sequence = 2")

    assert ("audit row 2: its contents do not match its seal",) == check(url, chain=store.chain)


def test_a_restored_backup_says_so_and_works(
    store: SqlStore, opened: Opener, url: str, path: Path, tmp_path: Path
) -> None:
    """What was done since is gone from the record, the audit names the gap, and the old file is kept."""
    fill(store)
    backup(url, tmp_path / "copy.db")
    for number in range(3):
        store.set_mode(None, Mode.HALTED, actor="ann", reason=str(number), now=NOW)
    rows = store.verify_audit()
    store.close()

    lost = restore(tmp_path / "copy.db", url, chain=store.chain, actor="ann", now=NOW)

    again = opened()
    assert (3, rows - 2) == (lost, again.verify_audit())
    assert Mode.ACTIVE is again.mode(SHOP.id)
    assert 1 == len(list(path.parent.glob("*.replaced-*")))


def test_a_damaged_backup_is_not_restored(store: SqlStore, url: str, path: Path, tmp_path: Path) -> None:
    """The database in use stays."""
    fill(store)
    bad = tmp_path / "bad.db"
    backup(url, bad)
    with bad.open("r+b") as stream:
        stream.seek(bad.stat().st_size // 3)
        stream.write(b"\xff" * (bad.stat().st_size // 3))

    with pytest.raises(InputError, match=r"bad\.db"):
        restore(bad, url, chain=store.chain, actor="ann", now=NOW)

    assert store.verify_audit()


def test_a_database_moves_to_another_place(store: SqlStore, url: str, tmp_path: Path) -> None:
    """All rows, also from PostgreSQL to a file; the copy gives the same answers and goes on counting."""
    fill(store)
    target = f"sqlite:///{tmp_path / 'moved.db'}"

    rows = copy(url, target)

    moved = open_store(
        target, mode="rehearsal", config_fingerprint="f1", code_version="1.0", key=store.chain.key,
        anchor=store.chain.anchor.path,
    )  # fmt: skip
    assert knows_the_same(store, moved)
    assert rows["audit_events"] == moved.verify_audit()
    assert rows["performance_daily"] == 60
    fill_more(moved)
    moved.close()


@pytest.mark.slow
@pytest.mark.postgres
def test_a_file_moves_to_a_server(opened: Opener, url: str, tmp_path: Path) -> None:
    """The other way round; the server's counters go on behind the copied rows."""
    if url.startswith("sqlite"):
        pytest.skip("needs a server")
    source = f"sqlite:///{tmp_path / 'source.db'}"
    filled = open_store(source, mode="rehearsal", config_fingerprint="f1", code_version="1.0", key=b"k" * 32,
                        anchor=tmp_path / "source.anchor")  # fmt: skip
    fill(filled)
    _empty(url)

    copy(source, url)

    moved = opened(key=b"k" * 32, anchor=tmp_path / "source.anchor")
    assert knows_the_same(filled, moved)
    fill_more(moved)
    filled.close()


def _empty(url: str) -> None:
    """Take the schema out of a fresh database: a copy makes its own."""
    engine = connect(url)
    with writing(engine) as connection:
        connection.exec_driver_sql("DROP SCHEMA public CASCADE")
        connection.exec_driver_sql("CREATE SCHEMA public")
    engine.dispose()


def fill_more(store: SqlStore) -> None:
    """Go on with a copied record: new rows get new numbers."""
    seen = structure(targets=20)
    draft, verdict = planned(bid_change("t5", "1.20", "1.40"))
    (intent,) = store.record(snapshot(store, seen, at=NOW, days=3), forecast(seen, at=NOW), draft, verdict).intents
    store.resolve(SHOP, intent, Outcome(key=intent.key, status=Status.CONFIRMED), now=NOW)
    store.verify_audit()


def test_a_copy_never_mixes_with_what_is_there(store: SqlStore, url: str, tmp_path: Path) -> None:
    """The target must be empty."""
    with pytest.raises(InputError, match="not empty"):
        copy(url, url)


def test_there_is_nothing_to_back_up_where_there_is_nothing(tmp_path: Path) -> None:
    """The path is named, and no database is made by the attempt."""
    with pytest.raises(InputError, match=r"gone\.db"):
        backup(f"sqlite:///{tmp_path / 'gone.db'}", tmp_path / "copy.db")

    assert [] == list(tmp_path.iterdir())


def test_a_scratch_copy_leaves_no_trace(store: SqlStore) -> None:
    """Planning on it changes nothing, and it knows all that is known."""
    fill(store)
    scratch = scratch_copy(store)
    assert knows_the_same(store, scratch)

    fill_more(scratch)
    scratch.set_mode(SHOP.id, Mode.HALTED, actor="x", reason="x", now=NOW)

    assert 1 == len(store.open_intents(SHOP.id))
    assert Mode.ACTIVE is store.mode(SHOP.id)


def test_a_backup_that_cannot_be_written_leaves_nothing(store: SqlStore, url: str, path: Path, tmp_path: Path) -> None:
    """Where a copy cannot be finished it is removed."""
    fill(store)
    nowhere = tmp_path / "missing" / "copy.db"

    with pytest.raises(StoreError):
        backup(url, nowhere)

    assert not nowhere.exists()
