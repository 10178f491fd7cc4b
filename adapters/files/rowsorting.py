"""Sort the rows below a heading into data, totals rows and notes. Called by `adapters.files.reading`; pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from adapters.files.mapping import IDENTITY, METRICS, RATIOS, TIMES, Role
from adapters.files.numbers import is_missing
from adapters.files.tables import Row, Table, TotalsLabel, as_text, same_text, totals_label

_SUFFIX = re.compile(r"[\s\-:]*(?:\btotals?|\bsubtotal|\bsumme|\bgesamt|汇总|小计|合计|小計)\s*\Z", re.IGNORECASE)
_ACCOUNT = frozenset({Role.ACCOUNT, Role.ACCOUNT_ID})
"""A totals row may name its account."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SortedRows:
    """Rows of a table by what they are.

    Attributes:
        data: Indices of rows of data.
        totals: Labels and indices of totals rows, the overall ones first.
        notes: How many rows hold only a note.
    """

    data: tuple[int, ...]
    totals: tuple[tuple[TotalsLabel, int], ...]
    notes: int


def sort_rows(table: Table, columns: Mapping[Role, Sequence[int]]) -> SortedRows:
    """Sort the rows; a last row that names nothing, below rows that do, is taken for a totals row."""
    identity = {i: role for role in (*IDENTITY, *TIMES) if role not in _ACCOUNT for i in columns.get(role, ())}
    figures = [i for role in (*METRICS, *RATIOS) for i in columns.get(role, ())]
    data: list[int] = []
    totals: list[tuple[TotalsLabel, int]] = []
    notes = 0
    subtotals = _Subtotals(table, [i for i, role in identity.items() if role in IDENTITY or role in TIMES])
    for at, row in enumerate(table.rows):
        label = totals_label(row, identity) or subtotals.label(row)
        if label is not None:
            totals.append((label, at))
        elif _is_note(row, figures):
            notes += 1
        else:
            data.append(at)
    named = any(role in IDENTITY for role in identity.values())
    if len(data) > 1 and named and all(is_missing(table.rows[data[-1]].cells[i]) for i in identity):
        totals.append((TotalsLabel("a last row without a name", overall=True), data.pop()))
    totals.sort(key=lambda item: not item[0].overall)
    return SortedRows(data=tuple(data), totals=tuple(totals), notes=notes)


class _Subtotals:
    """Knows rows such as "Shoes Total" of a pivot table, by the "Shoes" that stands in the same column.

    Args:
        table: The table.
        columns: Columns that name what a row speaks of.
    """

    def __init__(self, table: Table, columns: Sequence[int]) -> None:
        self._columns = columns
        ends = any(_SUFFIX.search(as_text(row.cells[i])) for row in table.rows for i in columns)
        self._values = {i: {same_text(as_text(row.cells[i])) for row in table.rows} for i in columns} if ends else {}

    def label(self, row: Row) -> TotalsLabel | None:
        """Return the label of a subtotal; ``None`` for any other row."""
        filled = [i for i in self._columns if not is_missing(row.cells[i])]
        if not self._values or len(filled) != 1:
            return None
        text = as_text(row.cells[filled[0]])
        group = same_text(_SUFFIX.sub("", text))
        if group == same_text(text) or group not in self._values[filled[0]]:
            return None
        return TotalsLabel(text, overall=False)


def _is_note(row: Row, figures: Sequence[int]) -> bool:
    filled = sum(cell is not None and cell != "" for cell in row.cells)
    return filled <= 1 and all(is_missing(row.cells[i]) for i in figures)
