"""Columns of figures, read exactly: which decimal mark, which currency signs, which cells are missing or wrong.

Called by `adapters.files.reading`; pure.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from adapters.files.days import Cell
from adapters.files.mapping import MONEY, Role
from adapters.files.numbers import (
    CURRENCIES,
    Mark,
    NotANumber,
    Style,
    infer_style,
    is_bound,
    is_missing,
    parse_number,
    take_apart,
)

COUNTS = frozenset({Role.IMPRESSIONS, Role.CLICKS, Role.ORDERS, Role.UNITS, Role.CARTS, Role.FAVOURITES})
_ERRORS = (
    "#div/0!",
    "#value!",
    "#ref!",
    "#name?",
    "#num!",
    "#n/a",
    "#null!",
    "nan",
    "inf",
    "-inf",
    "+inf",
    "infinity",
    "-infinity",
)
_MARK_REMEDY = 'State the decimal mark: decimal_mark = "." or "," in the mapping'


@dataclass(frozen=True, slots=True, kw_only=True)
class NumberColumn:
    """The figures of one or several columns that make one role.

    Attributes:
        values: One for each row; ``None`` where missing or unreadable.
        problems: Index of a refused row to cell, problem and remedy.
        missing: How many cells said that there is no figure.
        currencies: Signs and codes seen beside the figures.
        abbreviated: A cell such as 1.2万, which the console itself has rounded; empty where none.
    """

    values: tuple[Decimal | None, ...]
    problems: dict[int, tuple[str, str, str]] = field(default_factory=dict)
    missing: int = 0
    currencies: frozenset[str] = frozenset()
    abbreviated: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Marks:
    """The decimal mark of each column, and what was assumed to get there.

    Attributes:
        by_column: Column index to its mark.
        doubtful: Column index to a cell that could mean two numbers, where nothing settles which.
        contradictory: Column index to two cells that cannot both be right.
        sentences: For people.
    """

    by_column: Mapping[int, Mark]
    doubtful: Mapping[int, str]
    contradictory: Mapping[int, tuple[str, str]]
    sentences: tuple[str, ...] = ()


def settle_marks(columns: Mapping[int, tuple[Role, Sequence[Cell]]], *, stated: Mark | None, delimiter: str) -> Marks:
    """Settle the decimal marks of a table: a column proves its own, else the others of the same file do.

    Args:
        columns: Column index to its role and cells.
        stated: What a person said; settles everything.
        delimiter: Name of the file's delimiter; a semicolon goes with decimal commas.
    """
    if stated is not None:
        return Marks(by_column=dict.fromkeys(columns, stated), doubtful={}, contradictory={})
    styles = {i: infer_style([c for c in cells if isinstance(c, str)]) for i, (_, cells) in columns.items()}
    contradictory = {i: (s.proof, s.contradiction) for i, s in styles.items() if s.contradiction}
    by_column = {i: s.mark for i, s in styles.items() if s.mark is not None}
    for i, style in styles.items():
        if style.doubtful and columns[i][0] in COUNTS:
            # A count has no fraction: its separator can only group thousands.
            by_column[i] = Mark.COMMA if "." in style.doubtful else Mark.POINT
    proven = set(by_column.values())
    shared = proven.pop() if len(proven) == 1 else None
    doubtful: dict[int, str] = {}
    sentences: list[str] = []
    for i, style in styles.items():
        if i in by_column or i in contradictory:
            continue
        mark, sentence = _settle(style, shared, delimiter)
        if mark is None:
            doubtful[i] = style.doubtful
        else:
            by_column[i] = mark
        if sentence:
            sentences.append(sentence)
    if Mark.COMMA in by_column.values():
        sentences.append("numbers are read with a decimal comma")
    return Marks(
        by_column=by_column, doubtful=doubtful, contradictory=contradictory, sentences=tuple(dict.fromkeys(sentences))
    )


def _settle(style: Style, shared: Mark | None, delimiter: str) -> tuple[Mark | None, str]:
    if not style.doubtful:
        return shared or Mark.POINT, ""
    if shared is not None:
        return shared, ""
    if "," in style.doubtful and delimiter != "semicolon":
        return Mark.POINT, f"the comma in {style.doubtful} is read as a separator of thousands"
    return None, ""


def read_numbers(
    columns: Sequence[tuple[int, Sequence[Cell]]], role: Role, marks: Marks, *, scale: Decimal
) -> NumberColumn:
    """Read the figures of a role; several columns are added up.

    Args:
        columns: Index and cells of each column.
        role: What they mean; decides which signs are allowed.
        marks: Decimal marks of the table.
        scale: Units of the currency in one of the file's, for money.
    """
    factor = scale if role in MONEY else Decimal(1)
    parts = [_read(index, cells, role, marks, factor) for index, cells in columns]
    if len(parts) == 1:
        return parts[0]
    values = tuple(_added([p.values[i] for p in parts]) for i in range(len(parts[0].values)))
    return NumberColumn(
        values=values,
        problems={i: problem for p in parts for i, problem in p.problems.items()},
        missing=sum(v is None for v in values),
        currencies=frozenset().union(*(p.currencies for p in parts)),
        abbreviated=next((p.abbreviated for p in parts if p.abbreviated), ""),
    )


def _added(parts: Sequence[Decimal | None]) -> Decimal | None:
    known = [part for part in parts if part is not None]
    return sum(known, Decimal(0)) if known else None


def _read(index: int, cells: Sequence[Cell], role: Role, marks: Marks, factor: Decimal) -> NumberColumn:
    mark = marks.by_column.get(index, Mark.POINT)
    doubt = index in marks.doubtful
    known: dict[Cell, Decimal | Fault | None] = {}
    problems: dict[int, tuple[str, str, str]] = {}
    values: list[Decimal | None] = []
    missing = 0
    for row, cell in enumerate(cells):
        if cell not in known:
            known[cell] = _figure(cell, role, mark, factor, doubt=doubt)
        found = known[cell]
        if isinstance(found, Fault):
            problems[row] = ("" if cell is None else str(cell), found.problem, found.remedy)
            values.append(found.value)
        else:
            missing += found is None
            values.append(found)
    texts = [cell for cell in known if isinstance(cell, str) and not isinstance(known[cell], Fault)]
    if index in marks.contradictory:
        first, second = marks.contradictory[index]
        problem = (f"{first} and {second} in one column cannot both be right", _MARK_REMEDY)
        problems |= {
            i: (str(c), *problem) for i, c in enumerate(cells) if isinstance(c, str) and ("," in c or "." in c)
        }
        values = [None if i in problems else v for i, v in enumerate(values)]
    return NumberColumn(
        values=tuple(values),
        problems=problems,
        missing=missing,
        currencies=_signs(texts),
        abbreviated=next((t for t in texts if _is_abbreviated(t)), ""),
    )


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a cell is refused.

    Attributes:
        value: The figure it holds all the same, for the account of the file.
    """

    problem: str
    remedy: str
    value: Decimal | None = None


def _figure(cell: Cell, role: Role, mark: Mark, factor: Decimal, *, doubt: bool) -> Decimal | Fault | None:
    """Return a figure, ``None`` for missing, or why it is refused."""
    if is_missing(cell):
        return None
    if isinstance(cell, str):
        found = _from_text(cell, mark, doubt=doubt)
    elif isinstance(cell, Decimal):
        found = cell
    else:
        return Fault("is a date where a figure belongs", "Format the column as numbers and export again")
    if isinstance(found, Fault):
        return found
    value = found * factor
    if value < 0 and role is not Role.REVENUE:
        remedy = "Correct the cell, or delete the row if it is a correction booking"
        return Fault(f"is negative, which {role} cannot be", remedy, value)
    return value


def _from_text(cell: str, mark: Mark, *, doubt: bool) -> Decimal | Fault:
    if cell.strip().casefold() in _ERRORS:
        return Fault(
            "is an error a program wrote, not a figure", "Empty the cell if there is no figure, or export again"
        )
    if is_bound(cell):
        return Fault("is only a bound, not a figure", "Export the exact figure")
    try:
        value = parse_number(cell, mark)
    except NotANumber as exc:
        return Fault(str(exc), "Write a plain figure, or empty the cell if there is none")
    if doubt and ("," in cell or "." in cell):
        return Fault("could be two numbers", _MARK_REMEDY)
    return value


def _signs(texts: Sequence[str]) -> frozenset[str]:
    found = set()
    for text in texts:
        if text.isdigit():
            continue
        try:
            sign = take_apart(text).currency
        except NotANumber:
            continue
        if sign:
            found.add(CURRENCIES.get(sign, sign) or sign)
    return frozenset(found)


def _is_abbreviated(text: str) -> bool:
    if text[-1:].isdigit():
        return False
    try:
        return take_apart(text).magnitude != 1
    except NotANumber:
        return False
