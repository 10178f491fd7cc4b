"""Two processes never write to one database, and the second learns who is first."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bidder.daemon.lock import holder, single_writer
from bidder.errors import LockHeld, StoreError

NOW = datetime(2026, 9, 1, 2, 0, tzinfo=UTC)

HOLDER = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from bidder.daemon.lock import single_writer
with single_writer(Path(sys.argv[1]), now=datetime(2026, 9, 1, 1, tzinfo=UTC)):
    print("held", flush=True)
    sys.stdin.read()
"""


def held_elsewhere(path: Path) -> subprocess.Popen[str]:
    """Start a process that holds the lock until its input ends."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert "held\n" == process.stdout.readline()
    return process


def test_the_second_is_told_pid_host_and_since_when(tmp_path: Path) -> None:
    """Whoever is refused can find the other at once."""
    path = tmp_path / "bidder.db.lock"
    other = held_elsewhere(path)

    with (
        pytest.raises(LockHeld, match=rf"pid {other.pid} on .+ since 2026-09-01T01:00:00"),
        single_writer(path, now=NOW),
    ):
        pass
    said = holder(path)
    other.communicate("")

    assert said is not None
    assert f"pid {other.pid}" in said
    assert holder(path) is None


def test_a_stopped_holder_keeps_the_lock_and_a_killed_one_does_not(tmp_path: Path) -> None:
    """A pause of the machine must not let a second writer in; a death must."""
    path = tmp_path / "bidder.db.lock"
    other = held_elsewhere(path)
    os.kill(other.pid, signal.SIGSTOP)
    with pytest.raises(LockHeld), single_writer(path, now=NOW):
        pass

    other.kill()
    other.wait()
    other.communicate()

    with single_writer(path, now=NOW):
        assert holder(path) is not None


def test_a_lock_that_cannot_be_made_is_an_error_with_a_remedy(tmp_path: Path) -> None:
    """No writing without it."""
    (tmp_path / "file").touch()

    with pytest.raises(StoreError, match="rights"), single_writer(tmp_path / "file" / "x.lock", now=NOW):
        pass
