"""How people steer: modes, arming, the STOP file."""

from __future__ import annotations

from pathlib import Path

import pytest

from bidder.core.entities import AccountId
from bidder.core.snapshot import Mode
from bidder.store import SqlStore
from tests.store.conftest import Opener
from tests.store.shop import NOW, SHOP

OTHER = AccountId("other")


def test_without_a_word_everything_is_active_and_nothing_armed(store: SqlStore) -> None:
    """The daemon may work in rehearsal; live needs somebody to say so."""
    assert (Mode.ACTIVE, False) == (store.mode(SHOP.id), store.armed(SHOP.id))


@pytest.mark.parametrize(
    ("everything", "account", "expected"),
    [
        (Mode.ACTIVE, Mode.HALTED, Mode.HALTED),
        (Mode.HALTED, Mode.ACTIVE, Mode.HALTED),
        (Mode.REDUCING, Mode.ACTIVE, Mode.REDUCING),
        (Mode.REDUCING, Mode.HALTED, Mode.HALTED),
    ],
)
def test_the_stricter_mode_rules(store: SqlStore, everything: Mode, account: Mode, expected: Mode) -> None:
    """Of the account's and the global one; other accounts are not touched."""
    store.set_mode(None, everything, actor="ann", reason="x", now=NOW)
    store.set_mode(SHOP.id, account, actor="ann", reason="y", now=NOW)

    assert (expected, everything) == (store.mode(SHOP.id), store.mode(OTHER))


def test_a_halt_by_another_process_is_seen_at_once(store: SqlStore, opened: Opener) -> None:
    """The mode is read afresh each time."""
    command = opened()
    assert Mode.ACTIVE is store.mode(SHOP.id)

    command.set_mode(SHOP.id, Mode.HALTED, actor="ann", reason="stop", now=NOW)

    assert Mode.HALTED is store.mode(SHOP.id)


def test_a_stop_file_halts_everything(store: SqlStore, tmp_path: Path) -> None:
    """As long as it lies there."""
    stop = tmp_path / "STOP"

    stop.touch()
    halted = store.mode(SHOP.id)
    stop.unlink()

    assert (Mode.HALTED, Mode.ACTIVE) == (halted, store.mode(SHOP.id))


def test_arming_is_by_account_and_can_be_taken_back(store: SqlStore, opened: Opener) -> None:
    """It survives a restart."""
    store.arm(SHOP.id, armed=True, actor="ann", reason="ready", now=NOW)
    armed = (opened().armed(SHOP.id), opened().armed(OTHER))

    store.arm(SHOP.id, armed=False, actor="ann", reason="audit", now=NOW)

    assert ((True, False), False) == (armed, opened().armed(SHOP.id))


def test_every_word_is_audited(store: SqlStore) -> None:
    """Who, what and why."""
    store.set_mode(None, Mode.REDUCING, actor="ann", reason="thin margins", now=NOW)
    store.arm(SHOP.id, armed=True, actor="ben", reason="ready", now=NOW)

    with store.database.read() as connection:
        found = connection.exec_driver_sql("SELECT actor, action, account, detail FROM audit_events ORDER BY sequence")
        rows = [tuple(row) for row in found]
    assert [("ann", "mode.reducing", None, "thin margins"), ("ben", "arm", "shop", "ready")] == rows


def test_a_configuration_is_remembered_once(store: SqlStore) -> None:
    """Under its fingerprint."""
    for _ in range(2):
        store.remember_config('{"cap":"100"}', now=NOW)

    with store.database.read() as connection:
        rows = connection.exec_driver_sql("SELECT fingerprint, text FROM config_versions").all()
    assert [("f1", '{"cap":"100"}')] == [tuple(row) for row in rows]
