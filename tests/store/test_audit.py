"""The audit: whatever is changed, cut or put in, the first bad row is named."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import make_url

from bidder.core.change import Outcome, Status
from bidder.core.snapshot import Mode
from bidder.errors import AuditBroken, StoreError
from bidder.store import SqlStore
from bidder.store.anchor import load_key
from tests.store.conftest import Opener
from tests.store.shop import NOW, SHOP, bid_change, forecast, planned, snapshot, structure

COLUMNS = (
    "at", "actor", "action", "account", "entity_kind", "entity_id", "field", "old", "new", "reason_code", "evidence",
    "detail", "intent_key", "cycle_id", "input_digest", "config_fingerprint", "code_version", "previous_hash", "hash",
)  # fmt: skip
Raw = Callable[..., None]


def work(store: SqlStore, rounds: int = 3) -> int:
    """Do things worth auditing; return how many rows there are."""
    seen = structure()
    for number in range(rounds):
        at = NOW + timedelta(hours=number)
        draft, verdict = planned(*(bid_change(f"t{n}", "1.20", "1.30") for n in range(3)))
        record = store.record(snapshot(store, seen, at=at, days=1), forecast(seen, at=at), draft, verdict)
        answers = [(intent, Outcome(key=intent.key, status=Status.CONFIRMED, detail="ok")) for intent in record.intents]
        store.resolve_all(SHOP, answers, now=at)
        store.set_mode(None, Mode.ACTIVE, actor="ann", reason=f"round {number}", now=at)
    return 1 + 4 * rounds


@pytest.fixture
def raw(url: str) -> Raw:
    """Return how a person who owns the file changes it behind our back: triggers dropped first."""
    path = make_url(url).database
    if not url.startswith("sqlite"):
        pytest.skip("the owner of a SQLite file is who this is about")

    def execute(statement: str, *values: object) -> None:
        connection = sqlite3.connect(str(path))
        with connection:
            connection.execute("DROP TRIGGER IF EXISTS audit_events_no_update")
            connection.execute("DROP TRIGGER IF EXISTS audit_events_no_delete")
            connection.execute(statement, values)
        connection.close()

    return execute


def test_an_untouched_audit_verifies(store: SqlStore, opened: Opener) -> None:
    """And says how many rows it has; a restart goes on where it was."""
    rows = work(store)

    assert rows == store.verify_audit()
    again = opened()
    again.set_mode(None, Mode.HALTED, actor="ben", reason="x", now=NOW)
    assert rows + 1 == again.verify_audit()


def test_each_confirmed_change_has_one_row_that_tells_all(store: SqlStore) -> None:
    """Who, what, why, old, new, intent, cycle, inputs, configuration and version."""
    work(store, rounds=1)

    with store.database.read() as connection:
        rows = connection.exec_driver_sql("SELECT * FROM audit_events WHERE action = 'change.confirmed'").mappings()
        found = [dict(row) for row in rows]
    assert 3 == len(found)
    assert not [name for row in found for name, value in row.items() if value is None]
    assert {"daemon"} == {row["actor"] for row in found}
    assert 3 == len({row["intent_key"] for row in found})


@pytest.mark.parametrize("statement", ["UPDATE audit_events SET detail = 'x'", "DELETE FROM audit_events"])
def test_the_database_refuses_to_change_the_past(store: SqlStore, statement: str) -> None:
    """By trigger, on either database."""
    work(store, rounds=1)

    with pytest.raises(StoreError, match="append-only"), store.database.write() as connection:
        connection.exec_driver_sql(statement)


@pytest.mark.parametrize("seed", range(4))
def test_random_edits_are_found_with_their_row(opened: Opener, url: str, raw: Raw, seed: int) -> None:
    """Fifty random edits a seed: changed values, swapped, deleted and forged rows, cut tails; all found."""
    store = opened()
    rows = work(store, rounds=4)
    path = Path(str(make_url(url).database))
    rng = np.random.default_rng(seed)
    sound = _dump(path)

    for number in range(50):
        expected = _tamper(rng, raw, rows)
        with pytest.raises(AuditBroken) as error:
            store.verify_audit()
        assert expected == error.value.sequence, f"seed {seed}, edit {number}"
        raw("DELETE FROM audit_events")
        _put_back(path, sound)
    assert rows == opened().verify_audit()


def _tamper(rng: np.random.Generator, raw: Raw, rows: int) -> int:
    """Change something at random; return the number of the first row that is wrong then."""
    row = int(rng.integers(1, rows + 1))
    match rng.choice(["change", "delete", "cut", "swap", "forge", "renumber"]):
        case "change":
            column = str(rng.choice(COLUMNS))
            numeric, instant = column == "cycle_id", column == "at"
            value = 10**9 if numeric else "2031-01-01 00:00:00.000000" if instant else f"x{rng.integers(10**9)}"
            raw(f"UPDATE audit_events SET {column} = ? WHERE sequence = ?", value, row)  # noqa: S608
            return row
        case "delete":
            raw("DELETE FROM audit_events WHERE sequence = ?", row)
            return row
        case "cut":
            raw("DELETE FROM audit_events WHERE sequence >= ?", row)
            return row
        case "swap":
            other = row % rows + 1
            raw("UPDATE audit_events SET sequence = -1 WHERE sequence = ?", row)
            raw("UPDATE audit_events SET sequence = ? WHERE sequence = ?", row, other)
            raw("UPDATE audit_events SET sequence = ? WHERE sequence = -1", other)
            return min(row, other)
        case "renumber":
            raw("UPDATE audit_events SET sequence = ? WHERE sequence = ?", rows + 5, row)
            return row
        case _:
            names = ", ".join(COLUMNS)
            copied = f"INSERT INTO audit_events (sequence, {names}) SELECT ?, {names} "
            raw(copied + "FROM audit_events WHERE sequence = ?", rows + 1, row)
            return rows + 1


def _dump(path: Path) -> list[tuple[object, ...]]:
    connection = sqlite3.connect(path)
    rows = connection.execute("SELECT * FROM audit_events").fetchall()
    connection.close()
    return rows


def _put_back(path: Path, rows: list[tuple[object, ...]]) -> None:
    connection = sqlite3.connect(path)
    with connection:
        places = ", ".join("?" * len(rows[0]))
        connection.executemany(f"INSERT INTO audit_events VALUES ({places})", rows)  # noqa: S608
    connection.close()


def test_a_cut_tail_cannot_be_hidden_by_new_rows(opened: Opener, raw: Raw) -> None:
    """Nothing is appended to a chain that is shorter than what was anchored: the anchor still knows."""
    store = opened()
    rows = work(store)
    raw("DELETE FROM audit_events WHERE sequence > ?", rows - 3)

    with pytest.raises(AuditBroken) as error:
        store.set_mode(None, Mode.ACTIVE, actor="eve", reason="x", now=NOW)
    with pytest.raises(AuditBroken):
        opened()

    assert rows - 2 == error.value.sequence


def test_a_rewritten_tail_is_found(opened: Opener, url: str, raw: Raw, tmp_path: Path) -> None:
    """Rows sealed with the right key but others than the anchored ones: somebody rewrote history."""
    work(opened())
    anchor = (tmp_path / "anchor.json").read_bytes()
    raw("DELETE FROM audit_events WHERE sequence > 5")
    forger = opened(anchor=tmp_path / "another.json")
    work(forger)

    assert anchor == (tmp_path / "anchor.json").read_bytes()
    with pytest.raises(AuditBroken, match="anchored"):
        opened()


def test_an_anchor_that_fell_behind_is_no_fault(opened: Opener, tmp_path: Path) -> None:
    """A crash between commit and anchor leaves an older head there; the chain goes on."""
    store = opened()
    work(store, rounds=1)
    behind = (tmp_path / "anchor.json").read_bytes()
    rows = work(store, rounds=2) + 3

    (tmp_path / "anchor.json").write_bytes(behind)

    assert store.verify_audit() == opened().verify_audit() > rows // 2


def test_an_anchor_that_is_rubbish_is_said_to_be(opened: Opener, tmp_path: Path) -> None:
    """It is not taken for an empty one."""
    work(opened(), rounds=1)
    (tmp_path / "anchor.json").write_text("rubbish")

    with pytest.raises(StoreError, match="anchor cannot be read"):
        opened()


def test_a_wrong_key_verifies_nothing(opened: Opener) -> None:
    """Without the key nobody can seal, and with another one nothing matches."""
    work(opened(), rounds=1)

    with pytest.raises(AuditBroken) as error:
        opened(key=b"another key that nobody has used so far").verify_audit()

    assert 1 == error.value.sequence


def test_the_key_is_made_once_for_its_owner_only(tmp_path: Path) -> None:
    """The first start makes it; others may not read it."""
    path = tmp_path / "db.key"

    key = load_key(path)

    assert (key, 0o600) == (load_key(path), path.stat().st_mode & 0o777)
    assert 32 == len(key)


@pytest.mark.parametrize(("mode", "content"), [(0o640, b"k" * 32), (0o600, b"short")])
def test_a_key_that_is_no_secret_is_refused(tmp_path: Path, mode: int, content: bytes) -> None:
    """Readable by others, or too short to be one."""
    path = tmp_path / "db.key"
    path.write_bytes(content)
    path.chmod(mode)

    with pytest.raises(StoreError, match=r"db\.key"):
        load_key(path)


def test_a_key_behind_a_link_is_refused(tmp_path: Path) -> None:
    """A link may point where others can write."""
    (tmp_path / "real").write_bytes(b"k" * 32)
    (tmp_path / "db.key").symlink_to(tmp_path / "real")

    with pytest.raises(StoreError):
        load_key(tmp_path / "db.key")
