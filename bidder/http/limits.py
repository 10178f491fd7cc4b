"""How often and how stubbornly we may ask: a rate limit that survives restarts, a retry budget, Retry-After.

All of it runs on an injected `Ticker`, so that tests and simulations own the time.
"""

from __future__ import annotations

import math
import threading
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Protocol, Self

from bidder.ports import AdapterMemory

LONGEST_WAIT = 300.0
"""Seconds: no venue makes us wait longer in one go, whatever its Retry-After says."""


class Ticker(Protocol):
    """The clock of deadlines and waits; it never decides anything about money."""

    def monotonic(self) -> float:
        """Return seconds that only ever grow."""

    def wall(self) -> float:
        """Return seconds since the epoch, comparable across restarts."""

    def sleep(self, seconds: float) -> None:
        """Wait."""


class SystemTicker:
    """The machine's own clocks."""

    def monotonic(self) -> float:
        """Return seconds that only ever grow."""
        return time.monotonic()

    def wall(self) -> float:
        """Return seconds since the epoch."""
        return time.time()

    def sleep(self, seconds: float) -> None:
        """Wait."""
        time.sleep(seconds)


@dataclass(frozen=True, slots=True, kw_only=True)
class RateLimit:
    """A token bucket: ``burst`` requests at once, refilled at ``per_second``."""

    per_second: float
    burst: int = 1

    def __post_init__(self) -> None:
        if not (math.isfinite(self.per_second) and self.per_second > 0 and self.burst >= 1):
            raise ValueError(f"a rate limit needs a positive rate and burst, was {self}")

    @classmethod
    def within(cls, requests: int, seconds: float) -> Self:
        """Return a limit under which no window of ``seconds`` ever sees more than ``requests``.

        A bucket lets ``burst + rate * window`` through a window; half of it is given to each.
        """
        if requests < 1 or not seconds > 0:
            raise ValueError(f"expected at least one request in a positive time, was {requests} in {seconds} s")
        burst = max(1, requests // 2)
        refill = max(requests - burst, 0.5)
        return cls(per_second=refill / seconds, burst=burst)


class RateLimiter:
    """Spaces requests of all threads, processes and restarts that share one `AdapterMemory`.

    Only one number is kept: when the bucket will be full again (the generic cell rate algorithm, ITU-T I.371).
    Its compare-and-swap makes each slot given out once.

    Args:
        limit: The rate.
        memory: Where the number lives, so that a restart does not start with a full bucket.
        ticker: The clock.
        key: Name in the memory; venues with several limits use several.
    """

    def __init__(self, limit: RateLimit, memory: AdapterMemory, ticker: Ticker, *, key: str = "http.rate") -> None:
        self._limit = limit
        self._memory = memory
        self._ticker = ticker
        self._key = key

    def reserve(self, *, patience: float = LONGEST_WAIT) -> float | None:
        """Take the next slot.

        Returns:
            Seconds to wait before using it; ``None`` when that would be more than ``patience`` and none was taken.
        """
        interval = 1 / self._limit.per_second
        slack = (self._limit.burst - 1) * interval
        while True:
            stored = self._memory.get(self._key)
            now = self._ticker.wall()
            full_at = self._read(stored, now)
            wait = max(0.0, full_at - slack - now)
            if wait > patience:
                return None
            if self._memory.swap(self._key, stored, repr(max(full_at, now) + interval)):
                return wait

    def acquire(self, *, patience: float = LONGEST_WAIT) -> bool:
        """Wait for the next slot; tell whether there was one within ``patience`` seconds."""
        wait = self.reserve(patience=patience)
        if wait is None:
            return False
        if wait > 0:
            self._ticker.sleep(wait)
        return True

    def _read(self, stored: str | None, now: float) -> float:
        try:
            full_at = float(stored) if stored is not None else now
        except ValueError:
            return now
        # A number far ahead means that the machine's clock was set back: start afresh rather than stand still.
        ahead = full_at - now
        return full_at if ahead <= LONGEST_WAIT + self._limit.burst / self._limit.per_second else now


class RetryBudget:
    """Keeps retries to a tenth of all requests, so that a sick venue is not asked to death.

    The first retry is free; after that each request earns nine hundredths of one: from 100 requests on, all tries
    together are at most 1.1 times the requests.
    """

    _EARNED = 0.09
    _MOST = 10.0

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._saved = 1.0

    def earn(self) -> None:
        """Count one request."""
        with self._lock:
            self._saved = min(self._saved + self._EARNED, self._MOST)

    def spend(self) -> bool:
        """Take one retry; tell whether there was one."""
        with self._lock:
            if self._saved < 1:
                return False
            self._saved -= 1
            return True


def parse_retry_after(value: str | None, *, now: datetime, default: float = 1.0) -> float:
    """Return the seconds to wait that a Retry-After header asks for, between 0 and `LONGEST_WAIT`.

    Args:
        value: Seconds or an HTTP date (RFC 9110, 10.2.3), as sent; ``None`` where absent.
        now: The instant a date is compared with: best the reply's own Date header.
        default: Where the header is absent, negative or unreadable.
    """
    if value is None:
        return default
    text = value.strip()
    try:
        seconds = float(text)
    except ValueError:
        try:
            moment = parsedate_to_datetime(text)
        except ValueError:
            return default
        aware = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
        seconds = (aware - now).total_seconds()
        return min(max(seconds, 0.0), LONGEST_WAIT)
    if not seconds >= 0:
        return default
    return min(seconds, LONGEST_WAIT)
