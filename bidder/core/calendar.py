"""Marketplace days: dates in the venue's own zone, which last 23, 24 or 25 hours.

Everything that pacing, reports and allowances call "a day" goes through here. Pure; no clock is read.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

EPOCH = date(1970, 1, 1)


def zone(name: str) -> ZoneInfo:
    """Return the zone, or raise ``ValueError`` naming it."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError) as exc:
        raise ValueError(f"{name!r} is no IANA time zone; write for example Asia/Shanghai") from exc


def require_aware(instant: datetime, what: str = "now") -> datetime:
    """Return ``instant`` in UTC; a naive one raises ``ValueError``."""
    if instant.tzinfo is None:
        raise ValueError(f"{what} must be an aware datetime, was the naive {instant.isoformat()}")
    return instant.astimezone(UTC)


def day_of(instant: datetime, time_zone: str) -> date:
    """Return the marketplace day an instant falls on."""
    return require_aware(instant).astimezone(zone(time_zone)).date()


def hour_of(instant: datetime, time_zone: str) -> int:
    """Return the marketplace hour 0 to 23 an instant falls in."""
    return require_aware(instant).astimezone(zone(time_zone)).hour


def day_start(day: date, time_zone: str) -> datetime:
    """Return the first instant of a marketplace day, in UTC.

    Where the clock skips midnight, the day starts at the first instant that exists.
    """
    local = datetime(day.year, day.month, day.day, tzinfo=zone(time_zone))
    instant = local.astimezone(UTC)
    while instant.astimezone(zone(time_zone)).date() < day:
        instant += timedelta(minutes=15)
    return instant


def day_hours(day: date, time_zone: str) -> float:
    """Return the real length of a marketplace day in hours: 23, 24 or 25 on most clocks."""
    return (day_start(day + timedelta(days=1), time_zone) - day_start(day, time_zone)) / timedelta(hours=1)


def day_share(instant: datetime, time_zone: str) -> float:
    """Return the share of its marketplace day that has passed at ``instant``, in [0, 1)."""
    day = day_of(instant, time_zone)
    return (require_aware(instant) - day_start(day, time_zone)) / timedelta(hours=1) / day_hours(day, time_zone)


def ordinal(day: date) -> int:
    """Return days since 1970-01-01: how arrays carry a day (int32)."""
    return (day - EPOCH).days


def from_ordinal(number: int) -> date:
    """Return the day of an `ordinal`."""
    return EPOCH + timedelta(days=int(number))


@dataclass(frozen=True, slots=True, kw_only=True)
class DayRange:
    """A run of marketplace days, both ends included."""

    first: date
    last: date

    def __post_init__(self) -> None:
        if self.last < self.first:
            raise ValueError(f"a day range ends before it starts: {self.first} to {self.last}")

    def __iter__(self) -> Iterator[date]:
        return (self.first + timedelta(days=n) for n in range(len(self)))

    def __len__(self) -> int:
        return (self.last - self.first).days + 1

    def __contains__(self, day: object) -> bool:
        return isinstance(day, date) and self.first <= day <= self.last

    @classmethod
    def ending(cls, last: date, *, days: int) -> DayRange:
        """Return the ``days`` days up to and with ``last``."""
        return cls(first=last - timedelta(days=days - 1), last=last)
