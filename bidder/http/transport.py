"""requests over connections that can be cut off: a total deadline, and a check of the machine that answers.

``timeout=`` of requests bounds the wait for each read only; a venue that drips a byte a second, in the headers or
the body, could hold the daemon for ever. So every request under way (a `Flight`) has a timer that shuts its socket.
Called by `bidder.http.session` alone.
"""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool, PoolManager
from urllib3.connection import HTTPConnection, HTTPSConnection


class Flight:
    """One request under way on the present thread.

    Args:
        seconds: Total time from here until it is cut off.
        accepts: Says of the IP address behind the name whether it may be spoken to.

    Attributes:
        connected: A connection stood, so the venue may have seen the request.
        expired: The timer cut it off.
        refused: The address that was not accepted, or ``None``.
    """

    def __init__(self, seconds: float, accepts: Callable[[str], bool]) -> None:
        self.connected = False
        self.expired = False
        self.refused: str | None = None
        self._accepts = accepts
        self._connection: _Watched | None = None
        self._timer = threading.Timer(max(seconds, 0.0), self._cut)
        self._timer.daemon = True

    def __enter__(self) -> Self:
        _present.flight = self
        self._timer.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._timer.cancel()
        _present.flight = None
        self._connection = None

    def take_off(self, connection: _Watched) -> None:
        """Remember which connection carries the request."""
        self._connection = connection

    def check(self, peer: str) -> None:
        """Refuse a machine that must not be spoken to, before a byte is sent."""
        if self.expired:
            raise TimeoutError("the time for the request was used up while connecting")
        if not self._accepts(peer):
            self.refused = peer
            raise ConnectionAbortedError("the address behind the name is not allowed")

    def _cut(self) -> None:
        self.expired = True
        connection = self._connection
        if connection is not None:
            connection.cut()


class _Present(threading.local):
    flight: Flight | None = None


_present = _Present()


class _Watched(HTTPConnection):
    """A connection that tells the present `Flight` what it does, and can be shut from another thread."""

    _handle: socket.socket | None = None
    """A second handle of the socket: it stays valid while TLS takes over the first."""

    def _new_conn(self) -> socket.socket:
        flight = _present.flight
        sock = super()._new_conn()
        self._handle = sock.dup()
        if flight is not None:
            flight.take_off(self)
            try:
                if self.proxy is None:
                    flight.check(sock.getpeername()[0])
            except OSError:
                sock.close()
                raise
        return sock

    def connect(self) -> None:
        super().connect()
        if _present.flight is not None:
            _present.flight.connected = True

    def request(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401  # handed on as they are
        flight = _present.flight
        if flight is not None:
            flight.take_off(self)
            flight.connected = flight.connected or self.sock is not None
        super().request(*args, **kwargs)

    def cut(self) -> None:
        """Shut the socket: whoever reads or writes on it wakes with an error."""
        handle = self._handle
        if handle is not None:
            with contextlib.suppress(OSError):
                handle.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        super().close()
        handle, self._handle = self._handle, None
        if handle is not None:
            handle.close()


class _WatchedTLS(_Watched, HTTPSConnection):
    """The same over TLS."""


class _PlainPool(HTTPConnectionPool):
    ConnectionCls = _Watched


class _SecurePool(HTTPSConnectionPool):
    ConnectionCls = _WatchedTLS


class WatchedAdapter(HTTPAdapter):
    """A transport of requests that never retries and whose connections are watched."""

    def __init__(self) -> None:
        super().__init__(max_retries=0)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401  # handed on as they are
        """Use watched connections."""
        super().init_poolmanager(*args, **kwargs)
        _watch(self.poolmanager)

    def proxy_manager_for(self, *args: Any, **kwargs: Any) -> PoolManager:  # noqa: ANN401  # handed on as they are
        """Use watched connections to the proxy as well."""
        manager: PoolManager = super().proxy_manager_for(*args, **kwargs)
        _watch(manager)
        return manager


def _watch(manager: PoolManager) -> None:
    manager.pool_classes_by_scheme = {"http": _PlainPool, "https": _SecurePool}
