"""Tells people: webhook, mail and a dead-man switch, on a thread of their own.

The cycle hands a message over and goes on; a slow or dead server costs it nothing. What cannot be sent within its
budget is dropped and counted, never raised. Built by `bidder.wiring`; the same subject is not repeated within an hour.
"""

from __future__ import annotations

import queue
import smtplib
import ssl
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from email.message import EmailMessage
from email.utils import format_datetime
from typing import Literal, Protocol
from urllib.parse import parse_qsl, urlsplit

from bidder.errors import BidderError, ConfigError
from bidder.http import HttpSession, Json, Limits, NoReply, Origin, Request
from bidder.secrets import Secret, redact

SECONDS = 10.0
"""Longest that one message may take on one channel."""
QUEUED = 100
"""Messages waiting at most; beyond that the oldest is dropped."""
QUIET = timedelta(hours=1)
"""A subject told is not told again for this long."""

Form = Literal["plain", "slack", "dingtalk", "feishu"]
_LOOPBACK = {"127.0.0.1", "::1", "localhost"}


class Undelivered(Exception):
    """A channel could not deliver; the message names no secret."""


class Channel(Protocol):
    """One way to reach people."""

    def send(self, note: Note) -> None:
        """Deliver within `SECONDS` or raise `Undelivered`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """One message.

    Attributes:
        ping: For a dead-man switch alone: the end of a cycle, good or bad, is no news for people.
        good: What it tells the dead-man switch.
    """

    subject: str
    text: str
    at: datetime
    ping: bool = False
    good: bool = False


class Address:
    """A secret address on the web, split into where it is and what is asked there.

    Args:
        url: ``https://…``; ``http://`` only on this machine.
        key: Setting it comes from, for the message.
    """

    def __init__(self, url: Secret, *, key: str) -> None:
        parts = urlsplit(url.reveal())
        loopback = parts.hostname in _LOOPBACK
        try:
            origin = Origin.parse(f"{parts.scheme}://{parts.netloc}", insecure_loopback=loopback)
        except ConfigError:
            raise ConfigError(
                "the secret is no address such as https://example.org/path (it is not shown)", key=key
            ) from None
        self._path = parts.path or "/"
        self._query = dict(parse_qsl(parts.query, keep_blank_values=True))
        limits = Limits(connect=SECONDS / 2, read=SECONDS / 2, total=SECONDS, tries=1, body=1 << 16, unpacked=1 << 18)
        self._session = HttpSession(origin, limits=limits, secrets=[url])

    def post(self, payload: Json, *, below: str = "") -> None:
        """Send one message; raise `Undelivered` where the answer is not good."""
        path = self._path.rstrip("/") + below if below else self._path
        answer = self._session.write(Request.of_json("POST", path, payload, query=self._query))
        if isinstance(answer, NoReply):
            raise Undelivered(f"no answer ({answer.loss})")
        if not answer.ok:
            raise Undelivered(f"answered {answer.status}")


class Webhook:
    """Posts each message as JSON in the form a service expects."""

    def __init__(self, url: Secret, form: Form = "plain") -> None:
        self._address = Address(url, key="notify.webhook")
        self._form = form

    def send(self, note: Note) -> None:
        """Deliver what people should read; pings are not for them."""
        if not note.ping:
            self._address.post(_payload(note, self._form))


class DeadMan:
    """Calls a dead-man switch after each cycle; its silence is the alarm."""

    def __init__(self, url: Secret) -> None:
        self._address = Address(url, key="notify.ping")

    def send(self, note: Note) -> None:
        """Report a good or a failed cycle."""
        if note.ping:
            self._address.post({"text": note.subject}, below="" if note.good else "/fail")


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """Sends each message by mail.

    Attributes:
        security: ``starttls``, ``tls`` or ``none``.
        password: For ``username``, where the server asks for one.
    """

    host: str
    port: int
    security: Literal["starttls", "tls", "none"]
    sender: str
    recipients: Sequence[str]
    username: str | None = None
    password: Secret | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        if self.security == "none" and self.host not in _LOOPBACK:
            raise ConfigError("mail without encryption is sent on this machine only", key="notify.smtp.security")

    def send(self, note: Note) -> None:
        """Deliver by SMTP."""
        if note.ping:
            return
        message = EmailMessage()
        message["Subject"] = _one_line(f"[bidder] {note.subject}")
        message["From"], message["To"] = self.sender, ", ".join(self.recipients)
        message["Date"] = format_datetime(note.at)
        message.set_content(note.text or note.subject)
        try:
            with self._connected() as server:
                server.send_message(message)
        except (smtplib.SMTPException, OSError) as exc:
            raise Undelivered(f"the mail server failed ({type(exc).__name__})") from exc

    def _connected(self) -> smtplib.SMTP:
        context = ssl.create_default_context()
        if self.security == "tls":
            server: smtplib.SMTP = smtplib.SMTP_SSL(self.host, self.port, timeout=SECONDS, context=context)
        else:
            server = smtplib.SMTP(self.host, self.port, timeout=SECONDS)
        if self.security == "starttls":
            server.starttls(context=context)
        if self.username is not None and self.password is not None:
            server.login(self.username, self.password.reveal())
        return server


class Messenger:
    """Hands messages to its channels on a thread of its own. Implements `bidder.ports.Notifier`; never raises.

    Args:
        channels: By name; none means that nobody is told and nothing runs.
        secrets: Masked in every text that leaves.
        trouble: Called on the thread with a channel's name and why it failed, such as a line of the log.
    """

    def __init__(
        self,
        channels: Mapping[str, Channel],
        *,
        secrets: Sequence[Secret] = (),
        trouble: Callable[[str, str], None] = lambda _name, _why: None,
    ) -> None:
        self._channels = dict(channels)
        self._secrets = tuple(secrets)
        self._trouble = trouble
        self._waiting: queue.Queue[Note | None] = queue.Queue(QUEUED)
        self._told: dict[str, datetime] = {}
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self.dropped = 0

    def tell(self, subject: str, text: str, *, now: datetime) -> None:
        """Tell people, unless the same was told within the hour."""
        with self._lock:
            last = self._told.get(subject)
            if last is not None and timedelta(0) <= now - last < QUIET:
                return
            self._told = {s: at for s, at in self._told.items() if abs(now - at) < QUIET} | {subject: now}
        self._put(Note(subject=self._clean(subject), text=self._clean(text), at=now))

    def ping(self, sentence: str, *, good: bool, now: datetime) -> None:
        """Tell the dead-man switch how a cycle ended."""
        self._put(Note(subject=self._clean(sentence), text="", at=now, ping=True, good=good))

    def close(self, *, patience: float = SECONDS) -> None:
        """Deliver what is waiting for at most ``patience`` seconds; calling it twice is fine."""
        with self._lock:
            thread, self._thread = self._thread, None
        if thread is None:
            return
        try:
            self._waiting.put(None, timeout=patience)
        except queue.Full:  # A channel is stuck: the thread ends with the process.
            return
        thread.join(patience)

    def _put(self, note: Note) -> None:
        if not self._channels:
            return
        with self._lock:
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._deliver, name="notify", daemon=True)
                self._thread.start()
        self._enqueue(note)

    def _enqueue(self, note: Note) -> None:
        """Put a message in line; where the line is full, the oldest makes room."""
        while True:
            try:
                self._waiting.put_nowait(note)
            except queue.Full:
                try:
                    self._waiting.get_nowait()
                    self.dropped += 1
                except queue.Empty:  # The thread was quicker.
                    continue
            else:
                return

    def _deliver(self) -> None:
        while (note := self._waiting.get()) is not None:
            for name, channel in self._channels.items():
                try:
                    channel.send(note)
                except Undelivered as why:
                    self.dropped += 1
                    self._trouble(name, self._clean(str(why)))
                except (BidderError, OSError, ValueError) as why:
                    self.dropped += 1
                    self._trouble(name, f"failed with {type(why).__name__}")

    def _clean(self, text: str) -> str:
        masked = redact(text, self._secrets)
        return "".join(c if c.isprintable() or c == "\n" else " " for c in masked)


def _payload(note: Note, form: Form) -> Json:
    """Say a message as the service wants it."""
    text = f"{note.subject}\n{note.text}".rstrip()
    match form:
        case "slack":
            return {"text": text}
        case "dingtalk":
            return {"msgtype": "text", "text": {"content": text}}
        case "feishu":
            return {"msg_type": "text", "content": {"text": text}}
        case "plain":
            return {"source": "bidder", "subject": note.subject, "text": note.text, "at": note.at.isoformat()}


def _one_line(text: str) -> str:
    return " ".join(text.split())
