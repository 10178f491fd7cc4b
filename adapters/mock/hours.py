"""The market's calendar: whole hours since the first simulated midnight, and the marketplace days they fall on.

A marketplace day has 23, 24 or 25 of them. An *hour index* counts from the market's first midnight, a *day index*
from its first day.
"""

from __future__ import annotations

from bisect import bisect_right
from datetime import date, datetime, timedelta

import numpy as np

from adapters.mock.arrays import Ints
from bidder.core.calendar import day_start, ordinal, require_aware, zone

HOUR = timedelta(hours=1)


class MarketHours:
    """Hours and days of one market.

    Args:
        zone_name: The marketplace's zone, IANA name.
        first_day: First simulated day.

    Raises:
        ValueError: A clock change of part of an hour is met, which the market cannot play.
    """

    def __init__(self, zone_name: str, first_day: date) -> None:
        self.zone_name = zone_name
        self.first_day = first_day
        self.first_ordinal = ordinal(first_day)
        self._zone = zone(zone_name)
        self._origin = day_start(first_day, zone_name)
        self._starts = [0]

    def day(self, day_index: int) -> date:
        """Return the date of a day index."""
        return self.first_day + timedelta(days=day_index)

    def day_index(self, day: date) -> int:
        """Return the index of a date; negative before the first simulated day."""
        return (day - self.first_day).days

    def start_of_day(self, day_index: int) -> int:
        """Return the hour index of a day's first hour."""
        while len(self._starts) <= day_index:
            hours = (day_start(self.day(len(self._starts)), self.zone_name) - self._origin) / HOUR
            if hours != int(hours):
                raise ValueError(f"{self.zone_name} changes its clock by part of an hour: choose another zone")
            self._starts.append(int(hours))
        return self._starts[day_index]

    def length_of_day(self, day_index: int) -> int:
        """Return the hours a day has: 23, 24 or 25."""
        return self.start_of_day(day_index + 1) - self.start_of_day(day_index)

    def day_of_hour(self, hour: int) -> int:
        """Return the day index an hour index falls on."""
        self.start_of_day(max(hour, 0) // 23 + 1)
        return bisect_right(self._starts, hour) - 1

    def days_of_hours(self, hours: Ints) -> Ints:
        """Return the day index of each hour index."""
        if not hours.size:
            return hours
        self.start_of_day(max(int(hours.max()), 0) // 23 + 1)
        found: Ints = np.searchsorted(np.asarray(self._starts), hours, side="right") - 1
        return found

    def local_hours(self, day_index: int) -> Ints:
        """Return the marketplace hour 0..23 of each hour of a day, (length_of_day,)."""
        start = self._origin + HOUR * self.start_of_day(day_index)
        hours = [(start + HOUR * n).astimezone(self._zone).hour for n in range(self.length_of_day(day_index))]
        return np.asarray(hours, dtype=np.int64)

    def instant(self, hour: int) -> datetime:
        """Return the instant at which an hour starts, UTC."""
        return self._origin + HOUR * hour

    def hours_until(self, instant: datetime) -> int:
        """Return the number of whole hours from the first midnight to ``instant``, rounded down."""
        return (require_aware(instant) - self._origin) // HOUR
