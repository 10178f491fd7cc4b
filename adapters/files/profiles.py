"""What the cells of a column look like, whatever its heading says: figures, whole numbers, days, how many differ.

`adapters.files.proposal` lets the cells veto or confirm what a heading suggests. Pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from adapters.files.days import Cell, looks_like_days
from adapters.files.monthnames import MONTHS
from adapters.files.numbers import ISO_CODES, Mark, NotANumber, is_bound, is_missing, parse_number, take_apart

_SAMPLE = 2000
_DAY_NUMBERS = range(1, 32)
_MONTH_NUMBERS = range(1, 13)


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """Shares are of the cells that are not missing, in a sample.

    Attributes:
        filled: Cells that are not missing, of all.
        rows: All cells.
        distinct: Different cells, of all.
        numeric, whole, days: Shares of numbers, of whole numbers, of days.
        day_numbers, months, currencies: Every cell is 1 to 31; a month's name or 1 to 12; an ISO code.
        signs: Some cell has a currency sign.
        first: A cell, for messages.
    """

    filled: int
    rows: int
    distinct: int
    numeric: float
    whole: float
    days: float
    day_numbers: bool
    months: bool
    month_names: bool
    currencies: bool
    signs: bool
    first: str


def profile(cells: Sequence[Cell]) -> Profile:
    """Describe a column."""
    filled = [cell for cell in cells if not is_missing(cell)]
    distinct = list(dict.fromkeys(filled))
    step = max(1, len(distinct) // _SAMPLE)
    sample = distinct[::step]
    numbers = [number for cell in sample if (number := _number(cell)) is not None]
    count = len(sample) or 1
    texts = [str(cell).strip().casefold().rstrip(".") for cell in sample]
    return Profile(
        filled=len(filled),
        rows=len(cells),
        distinct=len(distinct),
        numeric=sum(_number(c) is not None or is_bound(c) for c in sample) / count,
        whole=sum(n == n.to_integral_value() for n in numbers) / count,
        days=looks_like_days(sample),
        day_numbers=bool(numbers) and len(numbers) == len(sample) and all(n in _DAY_NUMBERS for n in numbers),
        months=bool(texts) and all(t in MONTHS or (t.isdigit() and int(t) in _MONTH_NUMBERS) for t in texts),
        month_names=bool(texts) and all(t in MONTHS for t in texts),
        currencies=bool(texts) and all(t.upper() in ISO_CODES for t in texts),
        signs=any(_has_sign(cell) for cell in sample),
        first=str(sample[0]) if sample else "",
    )


def _number(cell: Cell) -> Decimal | None:
    if isinstance(cell, Decimal):
        return cell
    if not isinstance(cell, str):
        return None
    for mark in Mark:
        try:
            return parse_number(cell, mark)
        except NotANumber:
            continue
    return None


def _has_sign(cell: Cell) -> bool:
    if not isinstance(cell, str) or cell.isdigit():
        return False
    try:
        return bool(take_apart(cell).currency)
    except NotANumber:
        return False
