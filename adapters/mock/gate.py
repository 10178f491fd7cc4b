"""Who may speak to the mock server, and how often: tokens that expire and rotate, and a window of requests.

Runs on an injected clock in seconds; the venue's virtual time has nothing to do with it.
"""

from __future__ import annotations

import secrets
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """What a person copies into the configuration to connect an account."""

    client_id: str
    client_secret: str
    refresh_token: str

    @classmethod
    def new(cls) -> Credentials:
        """Draw fresh ones."""
        return cls(
            client_id=f"client-{secrets.token_hex(6)}",
            client_secret=secrets.token_urlsafe(24),
            refresh_token=secrets.token_urlsafe(24),
        )


class TokenOffice:
    """Gives access tokens for refresh tokens.

    A refresh gives a new refresh token. The one it was made with works until the new one is used for the first time,
    so that a client that never heard the answer can ask again.

    Args:
        credentials: The only client there is.
        clock: Seconds.
        lifetime: Of an access token, seconds.
        rotates: Whether refresh tokens change.
    """

    def __init__(
        self, credentials: Credentials, clock: Callable[[], float], *, lifetime: float = 3600.0, rotates: bool = True
    ) -> None:
        self._credentials = credentials
        self._clock = clock
        self._lifetime = lifetime
        self._rotates = rotates
        self._lock = threading.Lock()
        self._good = {credentials.refresh_token}
        self._newest = credentials.refresh_token
        self._access: dict[str, float] = {}
        self.refreshes = 0

    def refresh(self, client_id: str, client_secret: str, refresh_token: str) -> dict[str, str | float] | None:
        """Return a grant, or ``None`` where the credentials are not good."""
        with self._lock:
            known = (self._credentials.client_id, self._credentials.client_secret) == (client_id, client_secret)
            if not known or refresh_token not in self._good:
                return None
            self.refreshes += 1
            if refresh_token == self._newest:
                self._good = {refresh_token}
            if self._rotates:
                self._newest = secrets.token_urlsafe(24)
                self._good = {refresh_token, self._newest}
            access = secrets.token_urlsafe(24)
            self._access[access] = self._clock() + self._lifetime
            return {
                "access_token": access,
                "token_type": "bearer",
                "expires_in": self._lifetime,
                "refresh_token": self._newest,
            }

    def accepts(self, access_token: str) -> bool:
        """Tell whether an access token is good now."""
        with self._lock:
            return self._access.get(access_token, 0.0) > self._clock()

    def revoke(self) -> None:
        """Let every access token end now."""
        with self._lock:
            self._access.clear()


class Turnstile:
    """Lets at most so many requests through in any window of so many seconds, and remembers the worst it saw."""

    def __init__(self, requests: int, seconds: float, clock: Callable[[], float]) -> None:
        self._requests = requests
        self._seconds = seconds
        self._clock = clock
        self._lock = threading.Lock()
        self._passed: deque[float] = deque()
        self.refused = 0

    def wait(self) -> float | None:
        """Let a request through, or return the seconds after which it may come again."""
        with self._lock:
            now = self._clock()
            while self._passed and self._passed[0] <= now - self._seconds:
                self._passed.popleft()
            if len(self._passed) >= self._requests:
                self.refused += 1
                return self._passed[0] + self._seconds - now
            self._passed.append(now)
            return None
