"""Know our own action sheets where they lie among reports: they are never read as data."""

from __future__ import annotations

from adapters.files.grids import Grid
from adapters.files.tables import as_text, same_text

MARKS = ("bidder line", "bidder 行号")
"""Heading of the column of our line numbers, in each language of the sheet."""


def is_ours(grid: Grid) -> str:
    """Return why a grid is passed over as ours, or an empty text."""
    for index, row in enumerate(grid.rows[:5]):
        texts = [same_text(as_text(cell)) for cell in row]
        if set(texts) & set(MARKS):
            return "it is an action sheet of ours"
        if "entity" in texts and "operation" in texts:
            at = texts.index("operation")
            if any(as_text(below[at]) for below in grid.rows[index + 1 :] if len(below) > at):
                return "it is a bulk file for upload (its operations are filled in), not a download"
    return ""
