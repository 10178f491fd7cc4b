"""A venue's end of the wire for tests: raw sockets on loopback that answer, drip, break or keep silent as scripted."""

from __future__ import annotations

import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Seen:
    """A request as it came over the wire."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


class Line:
    """The connection a script answers on."""

    def __init__(self, connection: socket.socket, stopped: threading.Event) -> None:
        self._connection = connection
        self._stopped = stopped

    def send(self, data: bytes) -> None:
        """Send bytes as they are."""
        self._connection.sendall(data)

    def drip(self, data: bytes, *, every: float = 0.02) -> None:
        """Send a byte at a time until all is sent or the other side has hung up."""
        for byte in data:
            if self._stopped.wait(every):
                return
            self._connection.sendall(bytes([byte]))

    def hang(self) -> None:
        """Keep silent until the other side hangs up or the test ends."""
        self._connection.settimeout(0.05)
        while not self._stopped.is_set():
            try:
                if not self._connection.recv(1):
                    return
            except TimeoutError:
                continue

    def finish(self) -> None:
        """End the connection in good order, wherever the answer stands."""
        self._connection.shutdown(socket.SHUT_RDWR)

    def reset(self) -> None:
        """Break the connection with a RST instead of a FIN."""
        self._connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


Script = Callable[[Seen, Line], None]


@dataclass
class Venue:
    """A running test server; ``seen`` fills with what arrived."""

    url: str
    port: int
    seen: list[Seen] = field(default_factory=list)


def answer(status: int = 200, body: bytes = b"{}", **headers: str) -> Script:
    """Return a script that answers at once."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}

    def play(_seen: Seen, line: Line) -> None:
        line.send(message(status, body, named))

    return play


def message(status: int, body: bytes, headers: dict[str, str] | None = None, *, length: int | None = None) -> bytes:
    """Render an HTTP answer; ``length`` lies about the body's."""
    lines = [f"HTTP/1.1 {status} X", f"Content-Length: {len(body) if length is None else length}"]
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + body


def in_turn(*scripts: Script) -> Script:
    """Return a script that plays each of the given ones once, then the last for ever."""
    left = list(scripts)
    lock = threading.Lock()

    def play(seen: Seen, line: Line) -> None:
        with lock:
            script = left.pop(0) if len(left) > 1 else left[0]
        script(seen, line)

    return play


@contextmanager
def serve(script: Script, *, tls: ssl.SSLContext | None = None) -> Iterator[Venue]:
    """Run a server on a free port of 127.0.0.1 for the time of the block."""
    listener = socket.create_server(("127.0.0.1", 0))
    listener.settimeout(0.05)
    port: int = listener.getsockname()[1]
    venue = Venue(url=f"{'http' if tls is None else 'https'}://127.0.0.1:{port}", port=port)
    stopped = threading.Event()
    workers: list[threading.Thread] = []

    def accept() -> None:
        while not stopped.is_set():
            try:
                connection, _ = listener.accept()
            except TimeoutError:
                continue
            worker = threading.Thread(target=_talk, args=(connection, script, venue, stopped, tls))
            workers.append(worker)
            worker.start()

    acceptor = threading.Thread(target=accept)
    acceptor.start()
    try:
        yield venue
    finally:
        stopped.set()
        acceptor.join()
        listener.close()
        for worker in workers:
            worker.join()


def _talk(
    connection: socket.socket, script: Script, venue: Venue, stopped: threading.Event, tls: ssl.SSLContext | None
) -> None:
    connection.settimeout(5)
    try:
        if tls is not None:
            connection = tls.wrap_socket(connection, server_side=True)
        while not stopped.is_set():
            seen = _receive(connection, stopped)
            if seen is None:
                return
            venue.seen.append(seen)
            script(seen, Line(connection, stopped))
            if connection.getsockopt(socket.SOL_SOCKET, socket.SO_LINGER):
                return
    except OSError:
        return
    finally:
        connection.close()


def _receive(connection: socket.socket, stopped: threading.Event) -> Seen | None:
    data = b""
    while b"\r\n\r\n" not in data:
        chunk = _more(connection, stopped)
        if not chunk:
            return None
        data += chunk
    head, _, body = data.partition(b"\r\n\r\n")
    first, *rest = head.decode("latin-1").split("\r\n")
    method, path, _ = first.split(" ")
    headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in rest)}
    while len(body) < int(headers.get("content-length", "0")):
        body += _more(connection, stopped)
    return Seen(method, path, headers, body)


def _more(connection: socket.socket, stopped: threading.Event) -> bytes:
    connection.settimeout(0.05)
    while not stopped.is_set():
        try:
            return connection.recv(65536)
        except TimeoutError:
            continue
        finally:
            connection.settimeout(5)
    return b""
