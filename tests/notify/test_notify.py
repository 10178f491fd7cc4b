"""People are told within seconds or not at all; the caller never waits and never fails."""

from __future__ import annotations

import json
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import ClassVar

import pytest

from bidder.errors import ConfigError
from bidder.notify import QUEUED, Channel, DeadMan, Mail, Messenger, Note, Undelivered, Webhook
from bidder.secrets import Secret

NOW = datetime(2026, 9, 1, 2, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


class Recorder(BaseHTTPRequestHandler):
    """Remembers each request and answers with the server's status."""

    def do_POST(self) -> None:
        """Take one message."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        server = self.server
        assert isinstance(server, Alarm)
        server.seen.append((self.path, json.loads(body)))
        self.send_response(server.status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 -- the name is the library's.
        """Stay silent."""


class Alarm(HTTPServer):
    """A web server on loopback."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Recorder)
        self.seen: list[tuple[str, dict[str, object]]] = []
        self.status = 200

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.server_address[1]}"


@contextmanager
def serving() -> Iterator[Alarm]:
    """Run a web server until the block ends."""
    with Alarm() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


class Quiet:
    """A channel that remembers, or fails as told."""

    def __init__(self, failure: Exception | None = None) -> None:
        self.notes: list[Note] = []
        self.failure = failure

    def send(self, note: Note) -> None:
        """Take one message."""
        if self.failure is not None:
            raise self.failure
        self.notes.append(note)


class Blocked:
    """A channel that is stuck until it is let go."""

    def __init__(self) -> None:
        self.begun, self.free = threading.Event(), threading.Event()
        self.notes: list[Note] = []

    def send(self, note: Note) -> None:
        """Take one message, when let go."""
        self.begun.set()
        self.free.wait()
        self.notes.append(note)


class PostOffice(socketserver.StreamRequestHandler):
    """Speaks just enough SMTP to take one mail."""

    taken: ClassVar[list[str]] = []

    def handle(self) -> None:
        """Hold one conversation."""
        self.wfile.write(b"220 here\r\n")
        while line := self.rfile.readline().decode().strip().upper():
            if line.startswith("DATA"):
                self.wfile.write(b"354 go on\r\n")
                self.taken.append("".join(iter(self._line, ".\r\n")))
            if line.startswith("QUIT"):
                self.wfile.write(b"221 bye\r\n")
                return
            self.wfile.write(b"250 fine\r\n")

    def _line(self) -> str:
        return self.rfile.readline().decode()


def delivered(channel: Channel, *notes: tuple[str, str], at: datetime = NOW) -> Messenger:
    """Tell people and wait until all is delivered."""
    messenger = Messenger({"only": channel})
    for subject, text in notes:
        messenger.tell(subject, text, now=at)
    messenger.close()
    return messenger


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        ("plain", {"source": "bidder", "subject": "shop", "text": "held", "at": NOW.isoformat()}),
        ("slack", {"text": "shop\nheld"}),
        ("dingtalk", {"msgtype": "text", "text": {"content": "shop\nheld"}}),
        ("feishu", {"msg_type": "text", "content": {"text": "shop\nheld"}}),
    ],
)
def test_a_webhook_gets_what_its_service_expects(form: str, expected: dict[str, object]) -> None:
    """With the path and the token that stand in its address."""
    with serving() as server:
        hook = Webhook(Secret(f"{server.url}/robot/send?access_token=s3cr3t"), form)  # type: ignore[arg-type]
        delivered(hook, ("shop", "held"))

        assert [("/robot/send?access_token=s3cr3t", expected)] == server.seen


def test_a_dead_man_switch_hears_of_good_and_failed_cycles_only() -> None:
    """Alerts are for people, pings for the switch."""
    with serving() as server:
        messenger = Messenger({"ping": DeadMan(Secret(f"{server.url}/uuid")), "hook": Webhook(Secret(server.url))})
        messenger.ping("2 of 2 accounts decided", good=True, now=NOW)
        messenger.ping("1 of 2 accounts decided", good=False, now=NOW)
        messenger.tell("shop", "held", now=NOW)
        messenger.close()

        assert ["/uuid", "/uuid/fail", "/"] == [path for path, _ in server.seen]


def test_mail_is_sent_with_one_line_of_subject() -> None:
    """A campaign's name cannot add a header."""
    PostOffice.taken.clear()
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), PostOffice) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        mail = Mail(
            host="127.0.0.1", port=server.server_address[1], security="none", sender="b@x.org", recipients=["o@x.org"]
        )
        messenger = delivered(mail, ("shop\nBcc: thief@x.org", "held 店铺"))
        server.shutdown()
        thread.join()

    assert 0 == messenger.dropped
    head = PostOffice.taken[0].partition("\r\n\r\n")[0]
    assert "Subject: [bidder] shop Bcc: thief@x.org" in head
    assert "\nBcc:" not in head


def test_the_same_subject_is_told_once_an_hour() -> None:
    """A trouble that stays is no reason for a thousand messages; a clock that ran back does not silence."""
    quiet = Quiet()
    messenger = Messenger({"only": quiet})
    for at in (NOW, NOW + HOUR / 2, NOW + HOUR, NOW - 9 * HOUR):
        messenger.tell("shop is stopped", "401", now=at)
    messenger.tell("other is stopped", "401", now=NOW)
    messenger.close()

    assert [NOW, NOW + HOUR, NOW - 9 * HOUR, NOW] == [note.at for note in quiet.notes]


@pytest.mark.parametrize("failure", [Undelivered("down"), OSError("down"), ValueError("bad"), ConfigError("bad")])
def test_a_failing_channel_is_told_of_and_silences_no_other(failure: Exception) -> None:
    """Whatever one channel does, the next is served."""
    quiet, troubles = Quiet(), list[str]()
    messenger = Messenger(
        {"bad": Quiet(failure), "good": quiet}, trouble=lambda name, why: troubles.append(f"{name}: {why}")
    )
    messenger.tell("shop", "held", now=NOW)
    messenger.close()

    assert (1, 1) == (len(quiet.notes), len(troubles))
    assert troubles[0].startswith("bad: ")


def test_a_stuck_channel_costs_the_caller_nothing_and_the_oldest_is_dropped() -> None:
    """The line is bounded; the newest news is the best."""
    stuck = Blocked()
    messenger = Messenger({"only": stuck})
    messenger.tell("first", "", now=NOW)
    stuck.begun.wait()
    for number in range(QUEUED + 5):
        messenger.tell(f"{number}", "", now=NOW)

    assert 5 == messenger.dropped
    stuck.free.set()
    messenger.close()
    assert ["first", "5", "6"] == [note.subject for note in stuck.notes[:3]]


def test_a_refusing_server_and_a_dead_one_are_undelivered() -> None:
    """No answer and a bad answer are both no delivery."""
    with serving() as server:
        server.status = 500
        address = server.url
        assert 1 == delivered(Webhook(Secret(address)), ("shop", "held")).dropped
    assert 1 == delivered(Webhook(Secret(address)), ("shop", "held")).dropped


def test_secrets_and_control_characters_do_not_leave() -> None:
    """What people are told may quote a venue's words."""
    quiet = Quiet()
    messenger = Messenger({"only": quiet}, secrets=[Secret("c4n4ry")])
    messenger.tell("sub\x1b[31m", "refused c4n4ry", now=NOW)
    messenger.close()

    assert ("sub [31m", "refused ***") == (quiet.notes[0].subject, quiet.notes[0].text)


def test_closing_twice_and_telling_nobody_is_fine() -> None:
    """Without channels nothing runs at all."""
    messenger = Messenger({})
    messenger.tell("shop", "held", now=NOW)
    messenger.ping("good", good=True, now=NOW)
    messenger.close()
    messenger.close()
    assert not [thread for thread in threading.enumerate() if thread.name == "notify"]


@pytest.mark.parametrize("address", ["http://example.org/x", "ftp://x/y", "s3cr3t-canary", "https://u:p4ssw0rd@x.org"])
def test_an_unusable_address_is_refused_without_being_shown(address: str) -> None:
    """It is a secret even where it is wrong."""
    with pytest.raises(ConfigError, match=r"notify\.webhook") as caught:
        Webhook(Secret(address))
    assert address not in str(caught.value)


def test_mail_in_the_clear_stays_on_this_machine() -> None:
    """Subjects name campaigns and amounts."""
    with pytest.raises(ConfigError, match="encryption"):
        Mail(host="mail.example.org", port=25, security="none", sender="a@b.c", recipients=["d@e.f"])
