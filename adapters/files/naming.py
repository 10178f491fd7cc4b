"""Read the names and ids in a row as the consoles mean them, undoing what spreadsheets do to them.

``="123"`` keeps digits in Excel, ``[shoes]`` is Google's exact match, ``2.81E+17`` is an id that has lost its digits.
Called by `adapters.files.reading` and `adapters.files.bulk`; pure.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from decimal import Decimal

from adapters.files.days import Cell
from adapters.files.facts import Names
from adapters.files.formats import read_match
from adapters.files.injection import STARTS
from adapters.files.mapping import Role
from adapters.files.numbers import is_missing
from adapters.files.tables import as_text

_WRAPPED = re.compile(r'=\s*"(.*)"\Z', re.DOTALL)
_LOST = re.compile(r"[0-9](?:\.[0-9]+)?E\+?[0-9]{2,3}\Z", re.IGNORECASE)
_EXACT = re.compile(r"\[(.+)\]\Z")
_PHRASE = re.compile(r'"(.+)"\Z')
JOIN = " / "

_IDS = (Role.CAMPAIGN_ID, Role.AD_GROUP_ID, Role.TARGET_ID, Role.PRODUCT)


class LostDigits(ValueError):
    """A spreadsheet program has rounded an id."""


def clean_name(cell: Cell) -> str:
    """Return a name as the console shows it, empty where the cell says that there is none."""
    if is_missing(cell):
        return ""
    text = as_text(cell)
    wrapped = _WRAPPED.match(text)
    if wrapped:
        text = wrapped[1].replace('""', '"')
    if text[:1] == "'" and text[1:2] in STARTS:
        text = text[1:]
    return " ".join(text.split())


def clean_id(cell: Cell) -> str:
    """Return an id as text.

    Raises:
        LostDigits: The id was written in powers of ten.
    """
    if isinstance(cell, Decimal):
        text = str(cell)
        if "E" in text:
            raise LostDigits(text)
        return text.removesuffix(".0")
    text = clean_name(cell)
    if _LOST.match(text):
        raise LostDigits(text)
    return text.lstrip("'")


def keyword(text: str, match: str) -> tuple[str, str]:
    """Take Google's brackets and quotation marks off a keyword; return it with its match type."""
    for pattern, meaning in ((_EXACT, "exact"), (_PHRASE, "phrase")):
        found = pattern.match(text)
        if found and match in ("", meaning):
            return found[1].strip(), meaning
    return text, match


class NameReader:
    """Builds the names of rows from the columns a mapping gives.

    Args:
        columns: Roles to column indices; a target of several columns is their combination.
    """

    def __init__(self, columns: Mapping[Role, Sequence[int]]) -> None:
        self._columns = columns

    def read(self, cells: Sequence[Cell]) -> Names:
        """Return the names in one row.

        Raises:
            LostDigits: An id was written in powers of ten.
        """
        target, match = keyword(self._text(cells, Role.TARGET), self._match(cells))
        if not target and Role.TARGET not in self._columns:
            target = self._text(cells, Role.SEARCH_TERM)
        return Names(
            campaign_id=self._id(cells, Role.CAMPAIGN_ID),
            campaign=self._text(cells, Role.CAMPAIGN),
            ad_group_id=self._id(cells, Role.AD_GROUP_ID),
            ad_group=self._text(cells, Role.AD_GROUP),
            target_id=self._id(cells, Role.TARGET_ID),
            target=target,
            match=match,
            product=self._id(cells, Role.PRODUCT),
        )

    def lost_column(self, cells: Sequence[Cell]) -> int | None:
        """Return the column whose id has lost its digits, or ``None``."""
        for role in _IDS:
            for index in self._columns.get(role, ()):
                try:
                    clean_id(cells[index])
                except LostDigits:
                    return index
        return None

    def _text(self, cells: Sequence[Cell], role: Role) -> str:
        parts = [clean_name(cells[index]) for index in self._columns.get(role, ())]
        return JOIN.join(part or "-" for part in parts) if len(parts) > 1 else (parts[0] if parts else "")

    def _id(self, cells: Sequence[Cell], role: Role) -> str:
        parts = [clean_id(cells[index]) for index in self._columns.get(role, ())]
        return JOIN.join(parts)

    def _match(self, cells: Sequence[Cell]) -> str:
        indices = self._columns.get(Role.MATCH_TYPE, ())
        text = clean_name(cells[indices[0]]) if indices else ""
        return read_match(text) or ""
