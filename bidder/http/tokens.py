"""Access tokens that expire and refresh tokens that rotate: one refresh, however many threads ask.

A venue that rotates hands out a new refresh token with each refresh; it is committed to the `AdapterMemory` before
it is used, so that a crash does not lock the account out.
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Callable
from dataclasses import dataclass

from bidder.errors import StoreError
from bidder.http.limits import Ticker
from bidder.ports import AdapterMemory
from bidder.secrets import Secret

_EARLY = 60.0
"""Seconds before its end at which an access token is replaced."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """A venue's answer to a refresh.

    Attributes:
        access: The token for requests.
        expires_in: Seconds it is good for.
        refresh: The new refresh token where the venue rotates them, else ``None``.
    """

    access: Secret
    expires_in: float
    refresh: Secret | None = None


class TokenKeeper:
    """Hands out an access token that is still good.

    Args:
        configured: The refresh token that a person put among the secrets.
        exchange: Sends one refresh; raises a `MarketplaceError` where it fails.
        memory: Where a rotated refresh token lives.
        ticker: Measures how old a token is.
    """

    _KEY = "http.refresh_token"

    def __init__(
        self, configured: Secret, exchange: Callable[[Secret], Grant], memory: AdapterMemory, ticker: Ticker
    ) -> None:
        self._configured = configured
        self._exchange = exchange
        self._memory = memory
        self._ticker = ticker
        self._lock = threading.Lock()
        self._access: Secret | None = None
        self._good_until = 0.0

    def access(self) -> Secret:
        """Return an access token, refreshing it shortly before it ends."""
        with self._lock:
            if self._access is None or self._ticker.monotonic() >= self._good_until:
                return self._refresh()
            return self._access

    def renew(self, refused: Secret) -> Secret:
        """Return another access token than the one the venue refused; the first thread to come refreshes."""
        with self._lock:
            if self._access is None or self._access == refused:
                return self._refresh()
            return self._access

    def known(self) -> tuple[Secret, ...]:
        """Return every token held, for redaction."""
        held = (self._configured, self._access, self._stored())
        return tuple(token for token in held if token is not None)

    def _refresh(self) -> Secret:
        present = self._stored() or self._configured
        grant = self._exchange(present)
        if grant.refresh is not None and grant.refresh != present:
            self._memory.put(self._KEY, json.dumps({"of": self._origin(), "token": grant.refresh.reveal()}))
        margin = min(_EARLY, grant.expires_in / 10)
        self._good_until = self._ticker.monotonic() + grant.expires_in - margin
        self._access = grant.access
        return grant.access

    def _stored(self) -> Secret | None:
        text = self._memory.get(self._KEY)
        if text is None:
            return None
        try:
            kept = json.loads(text)
            origin, token = str(kept["of"]), str(kept["token"])
        except (ValueError, KeyError, TypeError):
            raise StoreError(f"adapter memory {self._KEY} is damaged; connect the account again") from None
        # A person who connected the account anew put another token among the secrets: that one rules.
        return Secret(token) if origin == self._origin() else None

    def _origin(self) -> str:
        return hashlib.sha256(self._configured.reveal().encode()).hexdigest()[:16]
