"""Name every row of a table, and refuse those that name nothing or an id that was lost.

Called by `adapters.files.reading`; pure.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from adapters.files.days import Cell
from adapters.files.facts import Names
from adapters.files.mapping import IDENTITY, Role
from adapters.files.naming import LostDigits, NameReader
from adapters.files.refusals import Refusal
from adapters.files.tables import Row, Table

_CAMPAIGN = (Role.CAMPAIGN, Role.CAMPAIGN_ID)


def name_rows(
    table: Table, columns: Mapping[Role, Sequence[int]], rows: Sequence[int]
) -> tuple[list[Names | None], list[Refusal]]:
    """Return the names of the given rows, ``None`` for each that is refused, and the refusals."""
    reader = NameReader(columns)
    used = sorted({i for role in IDENTITY for i in columns.get(role, ())})
    campaign = next((columns[role][0] for role in _CAMPAIGN if role in columns), None)
    known: dict[tuple[Cell, ...], Names] = {}
    names: list[Names | None] = []
    refusals: list[Refusal] = []
    for at in rows:
        row = table.rows[at]
        key = tuple(row.cells[i] for i in used)
        if key not in known:
            found = _read(table, row, reader, campaign)
            if isinstance(found, Refusal):
                refusals.append(found)
                names.append(None)
                continue
            known[key] = found
        names.append(known[key])
    return names, refusals


def _read(table: Table, row: Row, reader: NameReader, campaign: int | None) -> Names | Refusal:
    try:
        names = reader.read(row.cells)
    except LostDigits as exc:
        column = reader.lost_column(row.cells)
        return Refusal(
            file=table.name,
            row=row.number,
            column=None if column is None else table.headings[column],
            cell=str(exc),
            problem="is an id whose last digits a spreadsheet program has thrown away",
            remedy="Export again and import the file without opening it, or make the column text before saving",
        )
    if campaign is not None and not (names.campaign_id or names.campaign):
        return Refusal(
            file=table.name,
            row=row.number,
            column=table.headings[campaign],
            cell="",
            problem="names no campaign, though the file has a column for it",
            remedy="Fill in the campaign (cells merged over rows must be filled in each), or delete the row",
        )
    return names
