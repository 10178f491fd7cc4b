"""The mock market's calendar: whole hours on marketplace days of 23, 24 and 25 hours."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.mock.hours import MarketHours
from tests.adapters.mock.market_shops import instant


def test_a_day_in_shanghai_starts_at_sixteen_utc() -> None:
    """Hour 0 is the first day's local midnight."""
    hours = MarketHours("Asia/Shanghai", date(2026, 5, 1))

    assert instant(2026, 4, 30, 16) == hours.instant(0)
    assert [24, 24] == [hours.length_of_day(0), hours.length_of_day(400)]
    assert list(range(24)) == hours.local_hours(3).tolist()


@pytest.mark.parametrize(
    ("zone", "day", "length"),
    [
        ("America/New_York", date(2026, 3, 8), 23),
        ("America/New_York", date(2026, 11, 1), 25),
        ("Europe/London", date(2026, 3, 29), 23),
        ("Australia/Sydney", date(2026, 4, 5), 25),
        ("Asia/Kolkata", date(2026, 3, 29), 24),
        ("Europe/London", date(2028, 2, 29), 24),
    ],
)
def test_clock_changes_make_short_and_long_days(zone: str, day: date, length: int) -> None:
    """A day keeps its real number of hours, and each hour its local name."""
    hours = MarketHours(zone, day - timedelta(days=40))
    index = hours.day_index(day)

    assert length == hours.length_of_day(index)
    assert length == len(hours.local_hours(index))
    assert 0 == hours.local_hours(index)[0]
    assert 23 == hours.local_hours(index)[-1]


@given(hour=st.integers(0, 24 * 800))
def test_an_hour_lies_on_the_day_that_holds_it(hour: int) -> None:
    """Hours, days and instants agree with each other in a zone with clock changes."""
    hours = MarketHours("America/New_York", date(2026, 1, 1))

    index = hours.day_of_hour(hour)

    assert hours.start_of_day(index) <= hour < hours.start_of_day(index + 1)
    assert hour == hours.hours_until(hours.instant(hour))
    assert hour == hours.hours_until(hours.instant(hour) + timedelta(minutes=59))
    assert [index] == hours.days_of_hours(np.asarray([hour])).tolist()


def test_a_zone_that_shifts_by_half_an_hour_is_refused() -> None:
    """Half an hour cannot be played, and the message says what to do."""
    hours = MarketHours("Australia/Lord_Howe", date(2026, 3, 1))

    with pytest.raises(ValueError, match="choose another zone"):
        hours.start_of_day(60)
