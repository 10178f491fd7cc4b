"""The real command in a real process: one writer, clean ends, reloads, and a canary that never shows."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

pytestmark = pytest.mark.timeout(120)

CONFIG = """\
[daemon]
heartbeat_seconds = 1

[accounts.shop]
adapter = "mock"
remote_id = "shop-1"
currency = "CNY"
time_zone = "Asia/Shanghai"
daily_cap = "1500.00"

[end]
of_file = true
"""

BIDDER = [sys.executable, "-c", "from bidder.cli.main import main; main()"]


class Running:
    """A daemon in a process of its own, with its log read line by line."""

    def __init__(self, folder: Path, environment: dict[str, str] | None = None) -> None:
        self.process = subprocess.Popen(
            [*BIDDER, "--config", str(folder / "bidder.toml"), "run"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, **(environment or {})},
        )

    def until(self, message: str) -> dict[str, str]:
        """Read the log until a message; the test's own timeout is the limit."""
        assert self.process.stderr is not None
        lines = []
        for line in self.process.stderr:
            lines.append(line)
            record: dict[str, str] = json.loads(line)
            if message in record["message"]:
                return record
        raise AssertionError(f"the daemon ended without {message!r}: {''.join(lines)}")

    def end(self, number: int = signal.SIGTERM) -> int:
        """Ask it to end and return its exit code."""
        self.process.send_signal(number)
        self.process.communicate()
        return self.process.returncode


@contextmanager
def running(folder: Path, **environment: str) -> Iterator[Running]:
    """Start a daemon and make sure it is gone afterwards."""
    daemon = Running(folder, environment)
    try:
        yield daemon
    finally:
        if daemon.process.poll() is None:
            daemon.process.kill()
            daemon.process.communicate()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with a configuration on a practice shop."""
    (tmp_path / "bidder.toml").write_text(CONFIG)
    return tmp_path


def test_one_daemon_runs_reloads_and_ends_cleanly_while_a_second_is_refused(folder: Path) -> None:
    """The life of a daemon, in one piece."""
    with running(folder) as daemon:
        started = daemon.until("daemon started")
        assert "shop" == daemon.until("held")["account"]

        with running(folder) as second:
            _, said = second.process.communicate()
        assert 5 == second.process.returncode
        assert f"pid {daemon.process.pid} on " in said

        path = folder / "bidder.toml"
        path.write_text(CONFIG.replace('"1500.00"', '"1400.00"'))
        os.utime(path, (0, 0))
        daemon.process.send_signal(signal.SIGHUP)
        reloaded = daemon.until("configuration reloaded")
        assert started["fingerprint"] != reloaded["fingerprint"]

        assert 0 == daemon.end()
    assert "[]" == (folder / "bidder.db.starts").read_text()


def test_a_killed_daemon_leaves_the_lock_to_the_next(folder: Path) -> None:
    """The kernel frees it; the next start counts the unclean end."""
    with running(folder) as daemon:
        daemon.until("daemon started")
        daemon.end(signal.SIGKILL)
    with running(folder) as daemon:
        daemon.until("daemon started")
        assert 2 == len(json.loads((folder / "bidder.db.starts").read_text()))
        assert 0 == daemon.end(signal.SIGINT)


def test_a_crash_loop_is_halted(folder: Path) -> None:
    """The sixth unclean start within ten minutes sends nothing more."""
    just_now = datetime.now(UTC).isoformat()
    (folder / "bidder.db.starts").write_text(json.dumps([just_now] * 5))
    with running(folder) as daemon:
        daemon.until("crash loop")
        assert 0 == daemon.end()


def test_missing_credentials_stop_the_start(folder: Path) -> None:
    """Never another adapter, never an empty secret: exit 7, with the place that was looked at."""
    path = folder / "bidder.toml"
    path.write_text(
        CONFIG.replace('daily_cap = "1500.00"', 'daily_cap = "1500.00"\nsecrets = { token = "env:ABSENT" }')
    )
    with running(folder) as daemon:
        _, said = daemon.process.communicate()

    assert 7 == daemon.process.returncode
    assert "env:ABSENT" in said
    assert not (folder / "bidder.db").exists()
