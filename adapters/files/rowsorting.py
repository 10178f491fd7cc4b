"""Sort the rows below a heading into data, totals rows and notes. Called by `adapters.files.reading`; pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from adapters.files.mapping import IDENTITY, METRICS, RATIOS, TIMES, Role
from adapters.files.numbers import is_missing
from adapters.files.tables import Row, Table, TotalsLabel, totals_label

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
    for at, row in enumerate(table.rows):
        label = totals_label(row, identity)
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


def _is_note(row: Row, figures: Sequence[int]) -> bool:
    filled = sum(cell is not None and cell != "" for cell in row.cells)
    return filled <= 1 and all(is_missing(row.cells[i]) for i in figures)
