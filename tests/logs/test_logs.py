"""No secret in any line, no forged line, no line lost when the process dies, no failure when the disk is full."""

from __future__ import annotations

import io
import json
import logging
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from loguru import logger

from bidder.errors import ConfigError
from bidder.logs import Sink, set_up
from bidder.secrets import Secret, redact_shapes

CANARY = "c4n4ry+/=value"


@pytest.fixture(autouse=True)
def _log_as_before() -> Iterator[None]:
    """Restore loguru and the standard library's root logger."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    logger.remove()
    logger.add(sys.stderr)
    root.handlers[:], root.level = handlers, level


def listen(stream: io.StringIO, *, as_json: bool = True, secrets: tuple[Secret, ...] = ()) -> None:
    """Send the log to a text in memory."""
    logger.remove()
    logger.add(Sink(stream, as_json=as_json, secrets=secrets), format="{message}", catch=False)


def leak(token: str) -> None:
    """Fail with a token in a local variable and in the message."""
    local = {"authorization": token}
    raise ValueError(f"refused {local}")


@pytest.mark.parametrize("as_json", [True, False])
def test_a_known_secret_appears_nowhere(tmp_path: Path, *, as_json: bool) -> None:
    """Message, field, field of a field, exception, its cause, standard library, address: thirty ways, no line."""
    file = tmp_path / "bidder.log"
    set_up(level="debug", form="json" if as_json else "text", file=file, secrets=[Secret(CANARY)])

    logger.info(f"said {CANARY}")
    logger.bind(header={"Authorization": f"Bearer {CANARY}"}, url=f"https://x.y/?t={CANARY}").warning("fields")
    logger.bind(token="short").info("a field whose name tells")
    logger.bind(quoted="c4n4ry%2B%2F%3Dvalue").info("as an address writes it")
    logging.getLogger("urllib3").warning("GET /api?access_token=%s", CANARY)
    try:
        leak(CANARY)
    except ValueError as error:
        logger.opt(exception=error).error("failed")
        logging.getLogger("requests").exception("failed too")
    logger.bind(name="name").info("{braces} of strangers are not formatted")

    text = file.read_text()
    assert 8 == len(text.splitlines())
    assert "c4n4ry" not in text
    assert "short" not in text
    assert "test_logs.py" in text
    assert "{braces}" in text


@pytest.mark.parametrize(
    "text",
    [
        "Authorization: Bearer abcdef0123456789",
        "GET /api?access_token=abcdef0123456789&x=1",
        '{"refresh_token": "abcdef0123456789"}',
        "client_secret=abcdef0123456789",
        "password: abcdef0123456789",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhYmNkZWYwMTIzNDU2Nzg5In0.abcdef0123456789",
        "Atza|IwEBIabcdef0123456789",
        "https://user:abcdef0123456789@host/",
    ],
)
def test_what_looks_like_a_secret_is_masked(text: str) -> None:
    """Nobody told the log about these."""
    masked = redact_shapes(text)

    assert "abcdef0123456789" not in masked
    assert "***" in masked


def test_usual_sentences_are_not_masked() -> None:
    """A log that masks everything tells nothing."""
    for text in (
        "the token is refreshed",
        "3 changes: 2 confirmed",
        "campaign:c1 bid 1.00 to 1.20",
        "password changed",
    ):
        assert text == redact_shapes(text)


@given(st.text(), st.text())
def test_no_text_of_a_stranger_forges_a_line(name: str, value: str) -> None:
    """Campaign names hold line breaks and terminal codes; a line of the log is one line."""
    for as_json in (True, False):
        stream = io.StringIO()
        listen(stream, as_json=as_json)
        logger.bind(campaign=name).info("{}", value)
        said = stream.getvalue()
        assert 1 == len(said.splitlines())
        assert said[:-1].isprintable()
        if as_json:
            assert "INFO" == json.loads(said)["level"]


def test_a_field_cannot_take_the_place_of_time_or_level() -> None:
    """What machines read is ours."""
    stream = io.StringIO()
    listen(stream)

    logger.bind(level="FAKE", message="fake", at="1970").info("said")

    record = json.loads(stream.getvalue())
    assert ("INFO", "said") == (record["level"], record["message"])


def test_a_full_disk_loses_the_line_and_nothing_else() -> None:
    """The cycle goes on; what must not be lost is in the database."""
    with Path("/dev/full").open("w") as full:
        sink = Sink(full, as_json=True, secrets=())
        logger.remove()
        logger.add(sink, format="{message}", catch=False)
        logger.info("said")
        logger.remove()
        assert sink.lost
        with pytest.raises(OSError, match="No space"):
            full.close()


def test_the_file_is_private_and_a_folder_is_refused(tmp_path: Path) -> None:
    """Logs name campaigns and amounts."""
    file = tmp_path / "bidder.log"
    set_up(file=file)

    assert 0o600 == file.stat().st_mode & 0o777
    with pytest.raises(ConfigError, match=r"log\.file"):
        set_up(file=tmp_path)


def test_every_line_is_on_disk_when_the_process_is_killed(tmp_path: Path) -> None:
    """A queue in memory would lose the last lines: those that say why."""
    script = (
        "import os, signal, sys; from pathlib import Path; from loguru import logger; from bidder.logs import set_up\n"
        "set_up(file=Path(sys.argv[1]))\n"
        "for n in range(500): logger.info('line')\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    done = subprocess.run([sys.executable, "-c", script, str(tmp_path / "log")], check=False)

    assert -signal.SIGKILL == done.returncode
    assert 500 == len((tmp_path / "log").read_text().splitlines())
