"""Rate limits, Retry-After and tokens, on a clock that the tests own."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bidder.errors import StoreError
from bidder.http import Grant, RateLimit, RateLimiter, TokenKeeper, parse_retry_after
from bidder.secrets import Secret
from tests.http.fakes import DictMemory, FakeTicker

NOW = datetime(2026, 6, 18, 10, tzinfo=UTC)


@given(
    requests=st.integers(1, 20),
    seconds=st.floats(0.5, 120),
    gaps=st.lists(st.floats(0, 30), min_size=1, max_size=60),
    restarts=st.sets(st.integers(0, 60)),
)
def test_no_window_ever_sees_more_than_allowed(
    requests: int, seconds: float, gaps: list[float], restarts: set[int]
) -> None:
    """However requests come and however often we restart, the venue's window is never over its limit."""
    memory, ticker = DictMemory(), FakeTicker()
    limit = RateLimit.within(requests, seconds)
    limiter = RateLimiter(limit, memory, ticker)
    sent: list[float] = []
    for number, gap in enumerate(gaps):
        ticker.time += gap
        if number in restarts:
            limiter = RateLimiter(limit, memory, ticker)
        assert limiter.acquire(patience=300)
        sent.append(ticker.time)

    crowded = [t for t in sent if sum(t <= other < t + seconds - 1e-6 for other in sent) > requests]

    assert [] == crowded


def test_threads_share_one_limit() -> None:
    """Sixteen threads get sixteen different slots."""
    memory, ticker = DictMemory(), FakeTicker()
    limiter = RateLimiter(RateLimit(per_second=1), memory, ticker)
    waits: list[float | None] = []
    barrier = threading.Barrier(16)

    def take() -> None:
        barrier.wait()
        waits.append(limiter.reserve())

    threads = [threading.Thread(target=take) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert [float(n) for n in range(16)] == sorted(wait for wait in waits if wait is not None)


def test_clock_set_back_does_not_stop_the_limiter() -> None:
    """A machine whose clock jumps back a year goes on at the stated rate."""
    memory, ticker = DictMemory(), FakeTicker()
    limiter = RateLimiter(RateLimit(per_second=1), memory, ticker)
    limiter.reserve()

    ticker.time -= 365 * 86_400

    assert 0.0 == limiter.reserve()
    assert 1.0 == limiter.reserve()


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, 1.0),
        ("", 1.0),
        ("7", 7.0),
        ("0", 0.0),
        ("2.5", 2.5),
        ("-3", 1.0),
        ("1000000000", 300.0),
        ("1e9", 300.0),
        ("nan", 1.0),
        ("soon", 1.0),
        (format_datetime(NOW + timedelta(seconds=20), usegmt=True), 20.0),
        (format_datetime(NOW - timedelta(seconds=20), usegmt=True), 0.0),
        (format_datetime(NOW + timedelta(days=9), usegmt=True), 300.0),
    ],
)
def test_retry_after_in_every_form(value: str | None, expected: float) -> None:
    """Seconds, dates, absent, negative and absurd ones give a wait between nothing and five minutes."""
    assert expected == parse_retry_after(value, now=NOW)


class _Venue:
    """Rotates: each refresh token works once."""

    def __init__(self) -> None:
        self.good = "first"
        self.asked: list[str] = []

    def __call__(self, refresh: Secret) -> Grant:
        self.asked.append(refresh.reveal())
        assert self.good == refresh.reveal()
        self.good = f"next-{len(self.asked)}"
        return Grant(access=Secret(f"access-{len(self.asked)}"), expires_in=3600, refresh=Secret(self.good))


def test_threads_cause_one_refresh() -> None:
    """Sixteen threads that meet an expired token refresh it once."""
    venue, ticker = _Venue(), FakeTicker()
    keeper = TokenKeeper(Secret("first"), venue, DictMemory(), ticker)
    old = keeper.access()
    seen: list[Secret] = []
    barrier = threading.Barrier(16)

    def renew() -> None:
        barrier.wait()
        seen.append(keeper.renew(old))

    threads = [threading.Thread(target=renew) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert 2 == len(venue.asked)
    assert {Secret("access-2")} == set(seen)


def test_token_is_replaced_before_it_ends() -> None:
    """A write never meets a token that expired while nobody looked."""
    venue, ticker = _Venue(), FakeTicker()
    keeper = TokenKeeper(Secret("first"), venue, DictMemory(), ticker)

    assert Secret("access-1") == keeper.access()
    ticker.time += 3500
    assert Secret("access-1") == keeper.access()
    ticker.time += 45
    assert Secret("access-2") == keeper.access()


def test_rotated_token_survives_a_restart() -> None:
    """After a restart the refresh goes on with the token that the venue gave last."""
    venue, memory, ticker = _Venue(), DictMemory(), FakeTicker()
    TokenKeeper(Secret("first"), venue, memory, ticker).access()

    TokenKeeper(Secret("first"), venue, memory, ticker).access()

    assert ["first", "next-1"] == venue.asked


def test_newly_configured_token_replaces_the_rotated_one() -> None:
    """A person who connects the account again is not overruled by what was remembered."""
    venue, memory, ticker = _Venue(), DictMemory(), FakeTicker()
    TokenKeeper(Secret("first"), venue, memory, ticker).access()
    venue.good = "second"

    TokenKeeper(Secret("second"), venue, memory, ticker).access()

    assert ["first", "second"] == venue.asked


def test_damaged_memory_is_named() -> None:
    """A refresh token that cannot be read back is an error of the store, not of the venue."""
    memory = DictMemory()
    memory.put("http.refresh_token", "{")

    with pytest.raises(StoreError, match="connect the account again"):
        TokenKeeper(Secret("first"), _Venue(), memory, FakeTicker()).access()
