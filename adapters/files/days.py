"""Read the days of a column as people and consoles write them.

``11/12/26`` alone could be two days: a column decides together, from all its cells, or refuses and asks. Called by
`adapters.files.columns`; pure. A cell gives a run of days, because summary reports write periods.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from itertools import pairwise

from adapters.files.monthnames import FILLERS, MONTHS
from bidder.core.calendar import DayRange, zone

Cell = str | Decimal | date | None
"""What a table's cell may hold: text from CSV; text, exact numbers and dates from XLSX (``datetime`` is a ``date``)."""

EXCEL_EPOCH = date(1899, 12, 30)
_SERIALS = range(20_000, 80_000)
_YEARS = range(1990, 2101)
_PIVOT = 80
_TIME = r"(?:[T ]\s*\d{1,2}:\d{2}(?::\d{2}(?:\.\d+)?)?\s*(?:[AaPp]\.?[Mm]\.?)?\s*(?:Z|UTC|GMT|[+-]\d{2}:?\d{2})?)?"
_YMD = re.compile(rf"(\d{{4}})[-/. ](\d{{1,2}})[-/. ](\d{{1,2}}){_TIME}\Z")
_CHINESE = re.compile(rf"(?:(\d{{4}}|\d{{2}})年)?(\d{{1,2}})月(\d{{1,2}})[日号]?(?:\s*(?:星期|周)\S)?{_TIME}\Z")
_NUMERIC = re.compile(rf"(\d{{1,2}})([-/.])(\d{{1,2}})(?:\2(\d{{4}}|\d{{2}}))?\.?{_TIME}\Z")
_OFFSET = re.compile(r"(?:Z|[+-]\d{2}:?\d{2})\Z")
_RANGE = re.compile(r"\s+[-–—]\s+|\s*(?:至|到|~|～|〜|–|—)\s*|\s+(?:to|bis|au|hasta|até|al|a)\s+", re.IGNORECASE)
_MONTH = re.compile(r"(\d{4})[-/.年 ](\d{1,2})月?\Z")
_WEEK = re.compile(r"(\d{4})-?W(\d{2})\Z", re.IGNORECASE)
_WORDS = re.compile(r"\d+|[^\W\d_]+\.?")
_SURE_RUN = 3
_MONTHS = 12


class Order(StrEnum):
    """Order of the parts in a date of figures."""

    YMD = "ymd"
    DMY = "dmy"
    MDY = "mdy"


class NotADay(ValueError):
    """The cell names no day; the message is the problem without the place."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DayHints:
    """What is known before the column is read.

    Attributes:
        year: Year of days that state none.
        order: Order of figures, where a person has said so or another column proved it.
        time_zone: Zone that an instant with an offset is turned into; ``None`` keeps the date as written.
        whole_weeks: Each date stands for the seven days from it.
        whole_months: Each date stands for its month.
    """

    year: int | None = None
    order: Order | None = None
    time_zone: str | None = None
    whole_weeks: bool = False
    whole_months: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class DayColumn:
    """The days of a column.

    Attributes:
        days: One run of days for each cell; ``None`` where the cell is empty or refused.
        problems: Index of a refused cell to what is wrong and what to do.
        order: The order taken for dates of figures, where there were any.
        sentences: What was assumed, for people.
    """

    days: tuple[DayRange | None, ...]
    problems: dict[int, tuple[str, str]] = field(default_factory=dict)
    order: Order | None = None
    sentences: tuple[str, ...] = ()


def read_days(cells: Sequence[Cell], hints: DayHints) -> DayColumn:
    """Read a column of days, settling the order of figures from all of it."""
    order, sentence = _settle_order(cells, hints)
    known: dict[Cell, DayRange | tuple[str, str] | None] = {}
    for cell in cells:
        if cell not in known:
            known[cell] = _read(cell, order, hints)
    rollover = _runs_over_new_year(cells, hints)
    problems: dict[int, tuple[str, str]] = {}
    days: list[DayRange | None] = []
    for index, cell in enumerate(cells):
        found = known[cell]
        if rollover and found is not None and isinstance(found, DayRange):
            found = (rollover, "Add a column with the year, or split the file at New Year")
        if isinstance(found, tuple):
            problems[index] = found
            days.append(None)
        else:
            days.append(found)
    serial = next((c for c in cells if _is_serial(c)), None)
    sentences = [sentence] if sentence else []
    if serial is not None:
        sentences.append(f"dates such as {serial} are read as spreadsheet serial numbers")
    return DayColumn(days=tuple(days), problems=problems, order=order, sentences=tuple(sentences))


def read_period(text: str, hints: DayHints) -> DayRange | None:
    """Find a run of days in a line of prose, such as a report's second line; ``None`` where there is none."""
    for candidate in (text, *re.split(r"[:：(（]", text)[1:]):
        cleaned = candidate.strip().strip("\"')）")
        parts = _RANGE.split(cleaned)
        if len(parts) != 2:  # noqa: PLR2004
            continue
        column = read_days((*parts,), hints)
        first, last = column.days
        if first and last and first.first <= last.last:
            return DayRange(first=first.first, last=last.last)
    return None


def looks_like_days(cells: Sequence[Cell]) -> float:
    """Return the share of non-empty cells that name a day in some order, without needing a year."""
    hints = DayHints(year=2024)
    filled = [c for c in cells if not _is_empty(c)]
    if not filled:
        return 0.0
    good = 0
    for cell in filled:
        for order in Order:
            if isinstance(_read(cell, order, hints), DayRange):
                good += 1
                break
    return good / len(filled)


def _is_empty(cell: Cell) -> bool:
    return cell is None or (isinstance(cell, str) and cell.strip() in {"", "-", "--", "—"})


def _is_serial(cell: Cell) -> bool:
    if isinstance(cell, Decimal):
        return cell == cell.to_integral_value() and int(cell) in _SERIALS
    return isinstance(cell, str) and len(cell) == 5 and cell.isdigit() and int(cell) in _SERIALS  # noqa: PLR2004


def _read(cell: Cell, order: Order | None, hints: DayHints) -> DayRange | tuple[str, str] | None:
    """Return the days of one cell, or problem and remedy, or ``None`` for an empty cell."""
    if _is_empty(cell):
        return None
    try:
        return _widen(_one(cell, order, hints), hints)
    except NotADay as exc:
        problem = str(exc)
    if isinstance(cell, str):
        parts = _RANGE.split(cell.strip())
        if len(parts) == 2:  # noqa: PLR2004
            try:
                first, last = (_one(part, order, hints) for part in parts)
                return DayRange(first=first.first, last=last.last)
            except (NotADay, ValueError):
                pass
    return problem, _remedy(problem)


def _remedy(problem: str) -> str:
    if "no year" in problem:
        return "State the year: year = 2026 in the options or the mapping, bidder audit --year 2026"
    if "two days" in problem:
        return 'State the order of day and month: date_order = "dmy" or "mdy" (bidder audit --date-order)'
    return "Write the day as 2026-11-23, or name another column for the day in the mapping"


def _widen(days: DayRange, hints: DayHints) -> DayRange:
    if hints.whole_weeks and len(days) == 1:
        return DayRange(first=days.first, last=days.first + timedelta(days=6))
    if hints.whole_months and len(days) == 1:
        return _month(days.first.year, days.first.month)
    return days


def _one(cell: Cell, order: Order | None, hints: DayHints) -> DayRange:
    if isinstance(cell, date):
        return _single(cell.date() if isinstance(cell, datetime) else cell)
    if isinstance(cell, Decimal):
        cell = str(int(cell))
    text = unicodedata.normalize("NFKC", cell or "").strip().strip("'")
    if text.isdigit():
        return _figures(text)
    for pattern, reader in _READERS:
        if found := pattern.match(text):
            return reader(found, order, hints)
    return _from_words(text, hints)


def _single(day: date) -> DayRange:
    if day.year not in _YEARS:
        raise NotADay(f"names the year {day.year}")
    return DayRange(first=day, last=day)


def _date(year: int, month: int, day: int) -> date:
    if year < 100:  # noqa: PLR2004
        year += 2000 if year < _PIVOT else 1900
    try:
        return date(year, month, day)
    except ValueError:
        raise NotADay("is no day of the calendar") from None


def _figures(text: str) -> DayRange:
    if len(text) == 8:  # noqa: PLR2004
        return _single(_date(int(text[:4]), int(text[4:6]), int(text[6:])))
    if len(text) == 6 and int(text[:4]) in _YEARS and 1 <= int(text[4:]) <= _MONTHS:  # noqa: PLR2004
        return _month(int(text[:4]), int(text[4:]))
    if _is_serial(text):
        return _single(EXCEL_EPOCH + timedelta(days=int(text)))
    raise NotADay("is no day")


def _from_ymd(found: re.Match[str], _order: Order | None, hints: DayHints) -> DayRange:
    text = found[0]
    day = _date(int(found[1]), int(found[2]), int(found[3]))
    if hints.time_zone and _OFFSET.search(text) and ":" in text:
        try:
            instant = datetime.fromisoformat(text.replace("/", "-"))
        except ValueError:
            return _single(day)
        return _single(instant.astimezone(UTC).astimezone(zone(hints.time_zone)).date())
    return _single(day)


def _from_chinese(found: re.Match[str], _order: Order | None, hints: DayHints) -> DayRange:
    year = int(found[1]) if found[1] else hints.year
    if year is None:
        raise NotADay("has no year")
    return _single(_date(year, int(found[2]), int(found[3])))


def _from_numeric(found: re.Match[str], order: Order | None, hints: DayHints) -> date:
    a, b = int(found[1]), int(found[3])
    if found[4] is None and hints.year is None:
        raise NotADay("has no year")
    year = int(found[4]) if found[4] else hints.year or 0
    if order is Order.YMD and found[4] and len(found[4]) == 2:  # noqa: PLR2004
        return _date(a, b, year)
    if found[2] == ".":
        return _date(year, b, a)
    match order:
        case Order.DMY:
            return _date(year, b, a)
        case Order.MDY:
            return _date(year, a, b)
        case _:
            raise NotADay("could be two days")


def _from_words(text: str, hints: DayHints) -> DayRange:
    """Read a day with its month in letters, in the order either the English or most others use."""
    head = re.sub(r"\s+\d{1,2}:\d{2}.*\Z", "", text)
    numbers: list[str] = []
    month = None
    for word in _WORDS.findall(head.casefold()):
        bare = word.rstrip(".")
        if word.isdigit():
            numbers.append(word)
        elif bare in MONTHS and month is None:
            month = MONTHS[bare]
        elif bare not in FILLERS:
            raise NotADay("is no day")
    if month is None:
        raise NotADay("is no day")
    years = [n for n in numbers if len(n) == 4]  # noqa: PLR2004
    short = [n for n in numbers if len(n) <= 2]  # noqa: PLR2004
    if len(years) == 1 and not short:
        return _month(int(years[0]), month)
    if len(short) == 2 and not years:  # noqa: PLR2004
        return _single(_date(int(short[1]), month, int(short[0])))
    if len(short) != 1 or len(years) > 1:
        raise NotADay("is no day")
    year = int(years[0]) if years else hints.year
    if year is None:
        raise NotADay("has no year")
    return _single(_date(year, month, int(short[0])))


def _month(year: int, month: int) -> DayRange:
    first = _date(year, month, 1)
    after = _date(year + month // 12, month % 12 + 1, 1)
    return DayRange(first=first, last=after - timedelta(days=1))


def _iso_week(year: int, week: int) -> DayRange:
    try:
        first = date.fromisocalendar(year, week, 1)
    except ValueError:
        raise NotADay("is no week of the calendar") from None
    return DayRange(first=first, last=first + timedelta(days=6))


_READERS = (
    (_YMD, _from_ymd),
    (_CHINESE, _from_chinese),
    (_NUMERIC, lambda found, order, hints: _single(_from_numeric(found, order, hints))),
    (_WEEK, lambda found, _, __: _iso_week(int(found[1]), int(found[2]))),
    (_MONTH, lambda found, _, __: _month(int(found[1]), int(found[2]))),
)


def _numeric_cells(cells: Sequence[Cell]) -> list[re.Match[str]]:
    found = []
    for cell in dict.fromkeys(cells):
        if isinstance(cell, str):
            for part in (cell, *_RANGE.split(cell.strip())):
                match = _NUMERIC.match(unicodedata.normalize("NFKC", part).strip())
                if match and match[2] != ".":
                    found.append(match)
    return found


def _settle_order(cells: Sequence[Cell], hints: DayHints) -> tuple[Order | None, str]:
    """Return the order of figures, and a sentence where it had to be inferred."""
    if hints.order is not None:
        return hints.order, ""
    found = _numeric_cells(cells)
    if not found:
        return None, ""
    votes = {
        Order.DMY: next((m[0] for m in found if int(m[1]) > _MONTHS >= int(m[3])), ""),
        Order.MDY: next((m[0] for m in found if int(m[3]) > _MONTHS >= int(m[1])), ""),
    }
    proven = [order for order, proof in votes.items() if proof]
    if len(proven) == 1:
        return proven[0], f"dates are read as {_said(proven[0])}: {votes[proven[0]]} allows nothing else"
    return (None, "") if proven else _order_of_run({order: _all_days(found, order, hints) for order in votes})


def _order_of_run(readings: dict[Order, frozenset[date]]) -> tuple[Order | None, str]:
    """Choose the order in which the days are days in a row."""
    if readings[Order.DMY] == readings[Order.MDY]:
        return Order.MDY, ""
    runs = [order for order, days in readings.items() if _is_run(days)]
    if len(runs) == 1:
        return runs[0], f"dates are read as {_said(runs[0])}: only so they are days in a row"
    return None, ""


def _said(order: Order) -> str:
    return {Order.DMY: "day, month, year", Order.MDY: "month, day, year", Order.YMD: "year, month, day"}[order]


def _all_days(found: Sequence[re.Match[str]], order: Order, hints: DayHints) -> frozenset[date]:
    """Return the days that cells name in an order, passing over cells that name none."""
    assumed = DayHints(year=hints.year or 2024, order=order)
    days = set()
    for match in found:
        try:
            days.add(_from_numeric(match, order, assumed))
        except NotADay:
            continue
    return frozenset(days)


def _is_run(days: frozenset[date]) -> bool:
    return len(days) >= _SURE_RUN and (max(days) - min(days)).days == len(days) - 1


def _runs_over_new_year(cells: Sequence[Cell], hints: DayHints) -> str:
    """Return a problem where days without a year go from December back to January."""
    if hints.year is None:
        return ""
    months = []
    for cell in dict.fromkeys(cells):
        if isinstance(cell, str):
            found = _CHINESE.match(cell.strip())
            if found and not found[1]:
                months.append(int(found[2]))
    turns = any((a, b) == (_MONTHS, 1) for a, b in pairwise(months))
    return "stands in a column that runs over New Year without stating the year" if turns else ""
