"""Exit codes mean one thing each, and with --json standard output holds one object and nothing else."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from bidder import errors
from bidder.cli.frame import now, plain
from bidder.cli.main import EXIT_CODES
from bidder.daemon.lock import single_writer
from tests.cli.calls import CONFIG, Shell

BIDDER = [sys.executable, "-c", "from bidder.cli.main import main; main()"]


def every_error(kind: type[errors.BidderError] = errors.BidderError) -> list[type[errors.BidderError]]:
    """Return the tree of our errors."""
    return [kind, *(one for child in kind.__subclasses__() for one in every_error(child))]


@pytest.mark.parametrize("kind", every_error())
def test_every_error_has_an_exit_code_of_the_table(kind: type[errors.BidderError]) -> None:
    """No error of ours leaves as 1, which means a bug."""
    code = next(code for known, code in EXIT_CODES.items() if issubclass(kind, known))

    assert code in {2, 4, 5, 6, 7, 8, 70}
    expected = {"InvariantBroken": 70, "CurrencyMismatch": 70, "AuditBroken": 8, "Halted": 6, "LockHeld": 5}
    expected |= {"ConfigError": 7, "AdapterMissing": 7, "InputError": 2, "SchemaTooNew": 7, "WrongMode": 7}
    assert expected.get(kind.__name__, code) == code


LOOKING = [
    ("status",), ("once",), ("plan",), ("sellers",), ("products",), ("clearance",), ("maturity",), ("scorecard",),
    ("changes", "list"),
    ("changes", "verify"), ("account", "list"), ("account", "test", "shop"), ("adapters",), ("config", "check"),
    ("config", "show"), ("config", "sample"), ("config", "schema"), ("config", "explain", "daily_cap"),
    ("config", "diff", "bidder.toml"), ("db", "check"), ("db", "upgrade"), ("db", "backup", "saved.db"), ("doctor",),
    ("why", "campaign:nothing"), ("changes", "show", "999"), ("completion", "bash"), ("nonsense",), ("status", "--bad"),
    ("changes", "export", "changes.csv"), ("report",), ("halt", "--reason", "test"), ("--version",),
]  # fmt: skip


@pytest.mark.timeout(300)
def test_json_is_pure_for_every_command(shell: Shell) -> None:
    """Before and after the first cycle, good or bad: one object, keys as text, nothing beside it."""
    shell.configured()
    for arguments in LOOKING:
        done = shell(*arguments, "--json")
        assert isinstance(done.data, dict), arguments
        assert done.code == done.data.get("exit_code", done.code), arguments
        if done.code in {1, 2, 5, 7, 8, 70}:
            assert done.data["error"]["message"], arguments


def test_json_may_stand_before_or_after_the_command(shell: Shell) -> None:
    """People put it at either end."""
    shell.configured()

    assert shell("--json", "account", "list").data == shell("account", "list", "--json").data


def test_without_a_configuration_a_newcomer_is_told_how_to_begin(shell: Shell) -> None:
    """Exit 7, with the two ways on; nothing is created."""
    done = shell("status")

    assert 7 == done.code
    assert "bidder demo" in done.err
    assert "bidder config sample > bidder.toml" in done.err
    assert [] == list(shell.folder.iterdir())


def test_the_configuration_is_looked_for_in_order(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    """Named, then the environment, then here, then the user's own."""

    def named(path: Path, cap: str) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(CONFIG.replace("1500.00", cap))
        return path

    def cap(*arguments: str) -> str:
        return str(shell(*arguments, "account", "list", "--json").data["accounts"][0]["daily_cap"])

    named(shell.folder / ".config" / "bidder" / "bidder.toml", "1")
    assert "1.00 CNY" == cap()
    named(shell.folder / "bidder.toml", "2")
    assert "2.00 CNY" == cap()
    monkeypatch.setenv("BIDDER_CONFIG", str(named(shell.folder / "environment.toml", "3")))
    assert "3.00 CNY" == cap()
    assert "4.00 CNY" == cap("--config", str(named(shell.folder / "named.toml", "4")))


def test_a_second_writer_is_refused_and_a_plan_is_not(shell: Shell) -> None:
    """Looking at what would change must be possible beside a running daemon."""
    shell.configured()
    with single_writer(shell.folder / "bidder.db.lock", now=now()):
        done = shell("once")
        beside = shell("plan")

    assert (5, 0) == (done.code, beside.code)
    assert f"pid {os.getpid()}" in done.err


def test_looking_creates_no_database(shell: Shell) -> None:
    """Only what writes may begin a record."""
    shell.configured()
    for arguments in (("status",), ("plan",), ("sellers",), ("changes", "list"), ("account", "test", "shop")):
        shell(*arguments)

    assert ["bidder.toml"] == [path.name for path in shell.folder.iterdir()]


def test_a_halt_is_told_by_status_and_ends_with_a_reason(shell: Shell) -> None:
    """Exit 6 while it stands; both steps need a reason."""
    shell.configured()
    shell("once")

    assert 2 == shell("halt").code
    assert 2 == shell("halt", "--reason", " ").code
    assert 0 == shell("halt", "--reason", "price error").code
    assert 6 == shell("status").code
    assert 6 == shell("once").code
    assert 0 == shell("resume", "--reason", "mended").code
    assert 0 == shell("status").code


def test_arming_alone_sends_nothing_and_says_so(shell: Shell) -> None:
    """Live needs two explicit facts."""
    shell.configured()

    done = shell("arm", "shop", "--reason", "rehearsed for a week")

    assert 0 == done.code
    assert "rehearsal" in done.out


def test_a_database_of_the_other_mode_is_refused(shell: Shell) -> None:
    """Rehearsal and live records must never mix."""
    shell.configured()
    shell("once")
    shell.configured('mode = "live"\n' + CONFIG)

    assert 7 == shell("once").code


def test_a_database_of_a_newer_version_is_refused_and_untouched(shell: Shell) -> None:
    """An old program must not write into a record it does not understand."""
    shell.configured()
    shell("once")
    path = shell.folder / "bidder.db"
    with sqlite3.connect(path) as connection:
        connection.execute("update alembic_version set version_num = '9999'")
    connection.close()
    before = path.read_bytes()

    for arguments in (("once",), ("db", "upgrade"), ("halt", "--reason", "x")):
        assert 7 == shell(*arguments).code, arguments
    assert before == path.read_bytes()


def test_an_audit_that_was_touched_is_told_with_its_row(shell: Shell) -> None:
    """Exit 8, and nothing is written until somebody has looked."""
    shell.configured()
    shell("once")
    shell("halt", "--reason", "true words")
    with sqlite3.connect(shell.folder / "bidder.db") as connection:
        for (trigger,) in connection.execute("select name from sqlite_master where type = 'trigger'").fetchall():
            connection.execute(f'drop trigger "{trigger}"')
        forged = "update audit_events set detail = 'other words' where detail like '%true words%'"
        assert 1 == connection.execute(forged).rowcount
    connection.close()

    done = shell("changes", "verify")

    assert 8 == done.code
    assert "audit row" in done.err


def test_an_unknown_account_names_the_nearest(shell: Shell) -> None:
    """For every command that takes one."""
    shell.configured()
    shell("once")
    for arguments in (
        ("once", "--account", "shp"),
        ("plan", "--account", "shp"),
        ("sellers", "--account", "shp"),
        ("halt", "--reason", "x", "--account", "shp"),
        ("arm", "shp", "--reason", "x"),
        ("account", "test", "shp"),
    ):
        done = shell(*arguments)
        assert 7 == done.code, arguments
        assert "shop" in done.err, arguments


def test_text_of_strangers_cannot_move_the_cursor() -> None:
    """Names come from marketplaces."""
    assert "\\x1b[31mred\\n" == plain("\x1b[31mred\n")
    assert "收纳盒 é" == plain("收纳盒 é")


def test_a_closed_pipe_is_quiet(tmp_path: Path) -> None:
    """`bidder config sample | head -1` is usual."""
    with subprocess.Popen(
        [*BIDDER, "config", "schema"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=tmp_path
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        said = process.stderr.read()
    assert "" == said


def test_a_bug_shows_places_and_no_value(tmp_path: Path) -> None:
    """The last net masks what looks like a secret."""
    script = (
        "import sys; from bidder.cli import main as m\n"
        "def broken(arguments): raise KeyError('refresh_token=abcdef0123456789')\n"
        "m.run = broken; sys.argv = ['bidder', '--json']; m.main()"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False, cwd=tmp_path)

    assert 1 == done.returncode
    assert "abcdef0123456789" not in done.stdout + done.stderr
    assert "InternalError" == json.loads(done.stdout)["error"]["kind"]


def test_no_colour_and_no_terminal_code_without_a_terminal(shell: Shell) -> None:
    """Output goes to files and pipes."""
    shell.configured()
    for arguments in (("once",), ("status",), ("doctor",), ("--help",)):
        done = shell(*arguments)
        assert "\x1b" not in done.out + done.err
