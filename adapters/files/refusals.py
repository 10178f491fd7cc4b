"""What a file could not be read as: the place, the cell and the remedy.

Every reader in this package collects `Refusal` values instead of stopping at the first fault, so that a person
can mend a file in one go. Nothing here raises.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bidder.errors import InputError

_SHOWN = 60


def show_cell(value: object) -> str:
    """Return a cell as one quoted, printable, short piece of text, safe for a terminal and a log."""
    text = "" if value is None else str(value)
    if len(text) > _SHOWN:
        text = text[: _SHOWN - 1] + "…"
    return "'" + "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text) + "'"


def column_letter(index: int) -> str:
    """Return the letters a spreadsheet program shows over the column of this index, counted from 0."""
    letters = ""
    index += 1
    while index:
        index, rest = divmod(index - 1, 26)
        letters = chr(ord("A") + rest) + letters
    return letters


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """One thing that could not be read, and what to do about it.

    Attributes:
        file: Name of the file, with the sheet or the archive member behind an exclamation mark.
        row: Row as a spreadsheet program counts it, from 1; ``None`` where the whole file is meant.
        column: Heading of the column; ``None`` where the whole row is meant.
        cell: The cell as it stands; ``None`` where the whole row is meant.
        problem: What is wrong, without a full stop.
        remedy: What to do, as an instruction.
    """

    file: str
    problem: str
    remedy: str
    row: int | None = None
    column: str | None = None
    cell: str | None = None

    @property
    def place(self) -> str:
        """Return the place as people look for it."""
        parts = [show_cell(self.file)[1:-1]]
        if self.row is not None:
            parts.append(f"row {self.row}")
        if self.column is not None:
            parts.append(f"column {show_cell(self.column)}")
        if self.cell is not None:
            parts.append(f"cell {show_cell(self.cell)}")
        return ", ".join(parts)

    def __str__(self) -> str:
        return f"{self.place}: {self.problem}. {self.remedy}"

    def error(self) -> InputError:
        """Return the error that stops an import here."""
        return InputError(f"{self.problem}. {self.remedy}", place=self.place)


def summarise(refusals: Sequence[Refusal], *, shown: int) -> tuple[str, ...]:
    """Say refusals of one kind once, with their number; at most ``shown`` kinds.

    A column that cannot be read at all would else bury the one cell that matters.
    """
    kinds: dict[tuple[str, str | None, str], list[Refusal]] = {}
    for refusal in refusals:
        kinds.setdefault((refusal.file, refusal.column, refusal.problem), []).append(refusal)
    said = [
        f"{same[0]}{f' ({len(same) - 1:,} more rows like this)' if len(same) > 1 else ''}"
        for same in list(kinds.values())[:shown]
    ]
    rest = sum(len(same) for same in list(kinds.values())[shown:])
    return (*said, *([f"{rest:,} more, of other kinds"] if rest else []))
