"""The mock venue over HTTP: `bidder mock serve`, and the referee of the tests that fault the wire.

Loopback only. Clients get OAuth-like tokens, pages, asynchronous report files, item-wise answers and 429s; whoever
holds the admin token can queue faults, move time and read the venue's true history. It never opens our database.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable
from datetime import datetime
from http.server import ThreadingHTTPServer
from socket import SHUT_RDWR, socket
from types import TracebackType
from typing import Self

from adapters.mock.backstage import Backstage, SeenRequest
from adapters.mock.faults import Fault, FaultPlan
from adapters.mock.gate import Credentials, TokenOffice, Turnstile
from adapters.mock.handler import Handler
from adapters.mock.venue import Venue

_HOSTS = {"127.0.0.1", "::1", "localhost"}


class MockServer:
    """A running mock venue.

    Args:
        venue: What it serves.
        host: A loopback address.
        port: 0 takes a free one.
        credentials: What clients must show; drawn unless given.
        virtual_now: Moves the venue's time before each request, such as a `WallClock`.
        clock: Seconds, for tokens and the rate limit.
        token_lifetime: Of an access token, seconds.
        faults: Queued from the start.
    """

    def __init__(
        self,
        venue: Venue,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        credentials: Credentials | None = None,
        virtual_now: Callable[[], datetime] | None = None,
        clock: Callable[[], float] = time.monotonic,
        token_lifetime: float = 3600.0,
        faults: tuple[Fault, ...] = (),
    ) -> None:
        if host not in _HOSTS:
            raise ValueError(f"the mock server listens on this machine only, not on {host}")
        self.credentials = credentials or Credentials.new()
        self.admin_token = secrets.token_urlsafe(24)
        self.stage = Backstage(
            venue=venue,
            office=TokenOffice(self.credentials, clock, lifetime=token_lifetime),
            turnstile=Turnstile(venue.rules.requests, venue.rules.seconds, clock),
            faults=FaultPlan(*faults),
            admin_token=self.admin_token,
            clock=clock,
            virtual_now=virtual_now,
        )
        self._http = _Http((host, port), self.stage)
        self._thread: threading.Thread | None = None
        self._served = False

    @property
    def url(self) -> str:
        """The base address for clients."""
        host, port = self._http.server_address[:2]
        return f"http://{host!s}:{port}"

    @property
    def venue(self) -> Venue:
        """What is served."""
        return self.stage.venue

    @property
    def faults(self) -> FaultPlan:
        """The faults in waiting."""
        return self.stage.faults

    @property
    def seen(self) -> tuple[SeenRequest, ...]:
        """Every request so far."""
        return tuple(self.stage.seen)

    def __enter__(self) -> Self:
        self._served = True
        self._thread = threading.Thread(target=self.serve_forever, name="mock-venue", daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def serve_forever(self) -> None:
        """Serve until `close` is called from another thread."""
        self._served = True
        self._http.serve_forever(poll_interval=0.02)

    def close(self) -> None:
        """Stop serving, hang up on everybody and wait for the threads; calling it twice is fine."""
        self.stage.released.set()
        if self._served:  # Before that there is no loop that could answer.
            self._http.shutdown()
        self._http.hang_up()
        self._http.server_close()
        if self._thread is not None:
            self._thread.join()


class _Http(ThreadingHTTPServer):
    """Keeps track of its connections, so that closing leaves neither thread nor socket behind."""

    daemon_threads = False
    block_on_close = True

    def __init__(self, address: tuple[str, int], stage: Backstage) -> None:
        self.stage = stage
        self._open: set[socket] = set()
        self._lock = threading.Lock()
        super().__init__(address, Handler)

    def get_request(self) -> tuple[socket, tuple[str, int]]:
        """Accept a connection and remember it."""
        connection, address = super().get_request()
        with self._lock:
            self._open.add(connection)
        return connection, address

    def shutdown_request(self, request: socket | tuple[bytes, socket]) -> None:
        """Close a connection and forget it."""
        if isinstance(request, socket):
            with self._lock:
                self._open.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: socket | tuple[bytes, socket], client_address: object) -> None:
        """Say nothing where a client hung up: with faults that is the rule."""

    def hang_up(self) -> None:
        """End every open connection."""
        with self._lock:
            connections = list(self._open)
        for connection in connections:
            try:
                connection.shutdown(SHUT_RDWR)
            except OSError:
                continue
