"""Find which days each row of a table covers: from its columns, the lines above, the file's name, or the options.

Called by `adapters.files.reading`; pure.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from adapters.files.days import Cell, DayColumn, DayHints, Order, read_days, read_period
from adapters.files.mapping import Role
from adapters.files.monthnames import MONTHS
from adapters.files.options import FilesOptions
from adapters.files.tables import Table, as_text
from bidder.core.calendar import DayRange

_COMPACT = re.compile(r"(?<![0-9])(20[0-9]{2})[-_.]?([01][0-9])[-_.]?([0-3][0-9])(?![0-9])")


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """The days of all rows.

    Attributes:
        days: One run of days for each row; ``None`` where unknown or refused.
        problems: Row index to column heading, cell, problem and remedy.
        sentences: What was assumed.
        stated: Whether rows say their days themselves.
    """

    days: tuple[DayRange | None, ...]
    problems: Mapping[int, tuple[str, str, str, str]] = field(default_factory=dict)
    sentences: tuple[str, ...] = ()
    stated: bool = True


def find_days(
    table: Table,
    columns: Mapping[Role, Sequence[int]],
    options: FilesOptions,
    *,
    year: int | None,
    order: Order | None,
    rows: Sequence[int],
) -> Timing:
    """Read the days of the chosen rows of a table.

    Args:
        table: The table.
        columns: Roles to column indices.
        options: What a person set.
        year: Year of days that state none.
        order: Order of day and month, where stated.
        rows: Indices of the rows of data, in the order of the answer.
    """
    hints = DayHints(
        year=year,
        order=order,
        time_zone=options.time_zone,
        whole_weeks=Role.WEEK in columns,
        whole_months=Role.MONTH in columns and Role.DAY_OF_MONTH not in columns,
    )

    def cells(role: Role) -> list[Cell]:
        index = columns[role][0]
        return [table.rows[row].cells[index] for row in rows]

    if Role.DAY_OF_MONTH in columns:
        return _put_together(table, columns, cells, hints)
    for role in (Role.DAY, Role.WEEK, Role.MONTH):
        if role in columns:
            return _one_column(table.headings[columns[role][0]], cells(role), hints)
    if Role.START in columns and Role.END in columns:
        headings = (table.headings[columns[Role.START][0]], table.headings[columns[Role.END][0]])
        return _two_columns(headings, cells(Role.START), cells(Role.END), hints)
    return _undated(table, options, hints, len(rows))


def _one_column(heading: str, cells: Sequence[Cell], hints: DayHints) -> Timing:
    column = read_days(cells, hints)
    problems = {i: (heading, as_text(cells[i]), *problem) for i, problem in column.problems.items()}
    for i, days in enumerate(column.days):
        if days is None and i not in problems:
            problems[i] = (heading, as_text(cells[i]), "names no day", "Fill in the day, or delete the row")
    sentences = column.sentences
    if hints.whole_weeks:
        sentences = (*sentences, f"{heading} stands for the seven days from it")
    if hints.whole_months:
        sentences = (*sentences, f"{heading} stands for the whole month")
    return Timing(days=column.days, problems=problems, sentences=sentences)


def _two_columns(headings: tuple[str, str], starts: Sequence[Cell], ends: Sequence[Cell], hints: DayHints) -> Timing:
    both = read_days([*starts, *ends], hints)
    count = len(starts)
    days: list[DayRange | None] = []
    problems: dict[int, tuple[str, str, str, str]] = {}
    for i in range(count):
        first, last = both.days[i], both.days[count + i]
        for heading, at, cell in ((headings[0], i, starts[i]), (headings[1], count + i, ends[i])):
            if at in both.problems:
                problems[i] = (heading, as_text(cell), *both.problems[at])
            elif both.days[at] is None:
                problems[i] = (heading, as_text(cell), "names no day", "Fill in the day, or delete the row")
        if first and last and first.first > last.last:
            problems[i] = (headings[1], as_text(ends[i]), "lies before the start", "Exchange the two days")
        days.append(None if i in problems or not first or not last else DayRange(first=first.first, last=last.last))
    return Timing(days=tuple(days), problems=problems, sentences=both.sentences)


def _put_together(table: Table, columns: Mapping[Role, Sequence[int]], cells: object, hints: DayHints) -> Timing:
    """Put a day together from columns of month, day and perhaps year."""
    assert callable(cells)  # noqa: S101  (a closure of find_days)
    months, numbers = cells(Role.MONTH), cells(Role.DAY_OF_MONTH)
    years = cells(Role.YEAR) if Role.YEAR in columns else [None] * len(months)
    heading = table.headings[columns[Role.DAY_OF_MONTH][0]]
    days: list[DayRange | None] = []
    problems: dict[int, tuple[str, str, str, str]] = {}
    for i, (month, number, year) in enumerate(zip(months, numbers, years, strict=True)):
        shown = f"{as_text(month)} {as_text(number)}"
        known = _number(year) or hints.year
        if known is None:
            problems[i] = (
                heading,
                shown,
                "has no year",
                "State the year: year = 2026 in the options or the mapping, bidder audit --year 2026",
            )
            days.append(None)
            continue
        try:
            month_number = MONTHS.get(as_text(month).casefold().rstrip(".")) or _number(month) or 0
            day = date(known, month_number, _number(number) or 0)
        except ValueError:
            problems[i] = (heading, shown, "is no day of the calendar", "Correct the cell, or the year")
            days.append(None)
            continue
        days.append(DayRange(first=day, last=day))
    said = (
        () if Role.YEAR in columns or hints.year is None else (f"days without a year are taken to be of {hints.year}",)
    )
    return Timing(days=tuple(days), problems=problems, sentences=said)


def _number(cell: Cell) -> int | None:
    if isinstance(cell, Decimal):
        return int(cell)
    text = as_text(cell)
    return int(text) if text.isdigit() else None


def _undated(table: Table, options: FilesOptions, hints: DayHints, count: int) -> Timing:
    """Give all rows the period that stands above the table, in its name, or in the options."""
    for line in table.preamble:
        period = read_period(line, hints)
        if period is not None:
            return Timing(
                days=(period,) * count,
                sentences=(f"its rows are totals of {_said(period)}, as the file says above them",),
            )
    found = [_date(match) for match in _COMPACT.finditer(table.name)]
    named = [day for day in found if day is not None]
    if len(named) >= 2 and named[0] <= named[1]:  # noqa: PLR2004
        period = DayRange(first=named[0], last=named[1])
        return Timing(days=(period,) * count, sentences=(f"its rows are totals of {_said(period)}, as its name says",))
    if options.period is not None:
        said = f"its rows are totals of {_said(options.period)}, as the options say"
        return Timing(days=(options.period,) * count, sentences=(said,))
    return Timing(days=(None,) * count, stated=False)


def _date(match: re.Match[str]) -> date | None:
    try:
        return date(int(match[1]), int(match[2]), int(match[3]))
    except ValueError:
        return None


def _said(days: DayRange) -> str:
    return f"{days.first} to {days.last} ({len(days)} days)" if len(days) > 1 else str(days.first)


__all__ = ["DayColumn", "Timing", "find_days"]
