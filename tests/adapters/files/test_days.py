# ruff: noqa: E501  (rows of examples are read as rows)
"""Days as people and consoles write them."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.files.days import EXCEL_EPOCH, DayHints, Order, read_days, read_period
from bidder.core.calendar import DayRange

days = st.dates(min_value=date(2000, 1, 1), max_value=date(2079, 12, 31))
FORMS = {
    "%Y-%m-%d": None, "%Y/%m/%d": None, "%Y.%m.%d": None, "%Y%m%d": None, "%d.%m.%Y": None, "%d.%m.%y": None,
    "%b %d, %Y": None, "%d %b %Y": None, "%B %d, %Y": None, "%d-%b-%y": None, "%A, %B %d, %Y": None, "%Y年%m月%d日": None,
    "%m/%d/%Y": Order.MDY, "%m/%d/%y": Order.MDY, "%d/%m/%Y": Order.DMY, "%d-%m-%Y": Order.DMY, "%Y-%m-%dT%H:%M:%SZ": None,
    "%Y-%m-%d 00:00:00": None, "%m/%d/%Y 12:00 AM": Order.MDY,
}  # fmt: skip
HINTS = DayHints()


def only(column: object) -> DayRange | None:
    """Return the one cell of a column."""
    assert isinstance(column, tuple)
    (found,) = column
    assert found is None or isinstance(found, DayRange)
    return found


@pytest.mark.parametrize("form", FORMS)
@given(day=days)
def test_a_day_survives_every_form(form: str, day: date) -> None:
    """What was written is what is read, once the order of figures is known."""
    column = read_days([day.strftime(form)], DayHints(order=FORMS[form]))

    assert DayRange(first=day, last=day) == only(column.days)


@given(day=days)
def test_a_day_survives_as_a_spreadsheet_number(day: date) -> None:
    """Days that lost their format are counted from Excel's epoch, and that is said."""
    column = read_days([Decimal((day - EXCEL_EPOCH).days)], HINTS)

    assert DayRange(first=day, last=day) == only(column.days)
    assert "serial" in column.sentences[0]


@given(
    start=st.dates(date(2001, 1, 1), date(2070, 1, 1)),
    form=st.sampled_from(["%d/%m/%Y", "%m/%d/%Y", "%d/%m/%y", "%m-%d-%Y"]),
)
def test_a_month_of_days_settles_its_own_order(start: date, form: str) -> None:
    """A run of days in a row proves the order of day and month, even where every cell alone could be two days."""
    wanted = [start + timedelta(days=n) for n in range(31)]

    column = read_days([day.strftime(form) for day in wanted], HINTS)

    assert [DayRange(first=day, last=day) for day in wanted] == list(column.days)


def test_days_that_could_be_two_are_refused_with_the_remedy() -> None:
    """Nothing is guessed where the whole column leaves two readings."""
    column = read_days(["03/04/2026", "05/04/2026"], HINTS)

    assert (None, None) == column.days
    assert "could be two days" == column.problems[0][0]
    assert "date_order" in column.problems[0][1]


def test_one_typing_error_does_not_cost_the_column_its_order() -> None:
    """The other cells still settle the order; the wrong one is refused alone."""
    column = read_days(["11/23/2026", "11/24/2026", "31/02/2026x"], HINTS)

    assert Order.MDY is column.order
    assert [2] == list(column.problems)


@pytest.mark.parametrize("cell", ["11月23日", "Nov 23", "11/23"])
def test_days_without_a_year_ask_for_it(cell: str) -> None:
    """A day without a year is refused until somebody states the year."""
    without, with_year = read_days([cell], HINTS), read_days([cell], DayHints(year=2026, order=Order.MDY))

    assert "has no year" == without.problems[0][0]
    assert "year = 2026" in without.problems[0][1]
    assert DayRange(first=date(2026, 11, 23), last=date(2026, 11, 23)) == only(with_year.days)


def test_days_without_a_year_that_run_over_new_year_are_refused() -> None:
    """One year cannot be right for December and the January behind it."""
    column = read_days(["12月30日", "12月31日", "1月1日"], DayHints(year=2026))

    assert (None, None, None) == column.days


@pytest.mark.parametrize(
    ("cell", "first", "last"),
    [("20260803至20260809", date(2026, 8, 3), date(2026, 8, 9)), ("Aug 1, 2026 - Aug 31, 2026", date(2026, 8, 1), date(2026, 8, 31)),
     ("2026-08-01 ~ 2026-08-07", date(2026, 8, 1), date(2026, 8, 7)), ("2026-11", date(2026, 11, 1), date(2026, 11, 30)),
     ("November 2026", date(2026, 11, 1), date(2026, 11, 30)), ("2026年2月", date(2026, 2, 1), date(2026, 2, 28)),
     ("2026-W47", date(2026, 11, 16), date(2026, 11, 22))],
)  # fmt: skip
def test_periods_are_read_with_both_ends(cell: str, first: date, last: date) -> None:
    """Ranges, months and weeks cover all their days."""
    assert DayRange(first=first, last=last) == only(read_days([cell], HINTS).days)


@pytest.mark.parametrize(
    "cell", ["2026-02-30", "20261332", "32.01.2026", "soon", "12", "2026-13-01", "Foo 12, 2026", "1999999999"]
)
def test_what_is_no_day_is_refused(cell: str) -> None:
    """A day the calendar does not have is named with its remedy."""
    column = read_days([cell], HINTS)

    assert (None,) == column.days
    assert column.problems[0][1]


def test_an_instant_falls_on_the_marketplace_day() -> None:
    """An instant with an offset is turned into the zone whose days are counted."""
    column = read_days(["2026-11-23T20:00:00+00:00"], DayHints(time_zone="Asia/Shanghai"))

    assert DayRange(first=date(2026, 11, 24), last=date(2026, 11, 24)) == only(column.days)


@pytest.mark.parametrize(
    ("line", "expected"),
    [("September 1, 2026 - September 13, 2026", DayRange(first=date(2026, 9, 1), last=date(2026, 9, 13))),
     ("日期范围：2026-08-01至2026-08-31", DayRange(first=date(2026, 8, 1), last=date(2026, 8, 31))),
     ('"1 sept. 2026 - 2 sept. 2026"', DayRange(first=date(2026, 9, 1), last=date(2026, 9, 2))),
     ("All time", None), ("Campaign report", None)],
)  # fmt: skip
def test_a_report_says_its_period_above_the_table(line: str, expected: DayRange | None) -> None:
    """The line under a report's title is understood, prose is not."""
    assert expected == read_period(line, HINTS)
