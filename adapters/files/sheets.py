"""Write action sheets: CSV and XLSX for people, and for Amazon the workbook its bulk operations page takes.

Nothing in a sheet can run as a formula. Files appear whole or not at all. Called by `adapters.files.marketplace` and
`bidder audit`.
"""

from __future__ import annotations

import csv
import io
import os
import tempfile
from collections.abc import Iterable, Sequence
from decimal import Decimal
from pathlib import Path

import openpyxl
from openpyxl.cell import Cell, MergedCell
from openpyxl.styles import Alignment, Font
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.worksheet import Worksheet

from adapters.files.actions import ActionLine
from adapters.files.bulk import SHEET
from adapters.files.console import Heading, Language, words_for
from adapters.files.injection import safe_cell
from bidder.core.change import Field
from bidder.core.entities import EntityKind, State
from bidder.core.money import Money

_WIDTHS = {Heading.ACTION: 28, Heading.CAMPAIGN: 30, Heading.TARGET: 30, Heading.REASON: 80, Heading.KEY: 12}
_LONG = 40
_NUMERIC = frozenset({Heading.LINE, Heading.GAIN})
BULK_HEADINGS = (
    "Product",
    "Entity",
    "Operation",
    "Campaign ID",
    "Ad Group ID",
    "Portfolio ID",
    "Ad ID",
    "Keyword ID",
    "Product Targeting ID",
    "Campaign Name",
    "Ad Group Name",
    "Start Date",
    "End Date",
    "Targeting Type",
    "State",
    "Daily Budget",
    "SKU",
    "Ad Group Default Bid",
    "Bid",
    "Keyword Text",
    "Match Type",
    "Bidding Strategy",
    "Placement",
    "Percentage",
    "Product Targeting Expression",
)
"""Headings of the bulk operations template; an update fills the ids and what changes, nothing else."""


def csv_text(lines: Sequence[ActionLine], language: Language) -> bytes:
    """Return the sheet as CSV in UTF-8 with a byte-order mark, which Excel needs to read Chinese."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    headings = words_for(None, language).headings
    writer.writerow([safe_cell(headings[h]) for h in Heading])
    for line in lines:
        cells = line.cells()
        writer.writerow([safe_cell(cells[h]) for h in Heading])
    return b"\xef\xbb\xbf" + out.getvalue().encode("utf-8")


def workbook_bytes(lines: Sequence[ActionLine], language: Language) -> bytes:
    """Return the sheet as XLSX, headings frozen and bold, reasons wrapped."""
    headings = words_for(None, language).headings
    rows = [[line.cells()[h] for h in Heading] for line in lines]
    numeric = [i for i, h in enumerate(Heading) if h in _NUMERIC]
    widths = [_WIDTHS.get(h, 16) for h in Heading]
    return _workbook("bidder", [headings[h] for h in Heading], rows, numeric, widths)


def amazon_upload(lines: Iterable[ActionLine]) -> tuple[bytes | None, int]:
    """Return the workbook for Amazon's bulk operations page, and how many lines could not be put into it.

    A line needs the console's own ids, which only a bulk sheet gives; without any such line there is no workbook.
    """
    rows: list[list[str]] = []
    left_out = 0
    for line in lines:
        row = _bulk_row(line)
        if row is None:
            left_out += 1
        else:
            rows.append([row.get(heading, "") for heading in BULK_HEADINGS])
    if not rows:
        return None, left_out
    numeric = [BULK_HEADINGS.index(h) for h in ("Daily Budget", "Ad Group Default Bid", "Bid")]
    return _workbook(SHEET, BULK_HEADINGS, rows, numeric, [18] * len(BULK_HEADINGS)), left_out


_STATE_WORDS = {State.ENABLED: "enabled", State.PAUSED: "paused", State.ARCHIVED: "archived"}


def _bulk_row(line: ActionLine) -> dict[str, str] | None:
    """Return the cells of an update, or ``None`` where an id is missing or the change has no place in the sheet."""
    names, change, kind = line.names, line.change, line.ref.kind
    row = {"Product": "Sponsored Products", "Operation": "Update", "Campaign ID": names.campaign_id}
    if kind is EntityKind.CAMPAIGN:
        row["Entity"] = "Campaign"
        needed: tuple[str, ...] = (names.campaign_id,)
    elif kind is EntityKind.AD_GROUP:
        row |= {"Entity": "Ad Group", "Ad Group ID": names.ad_group_id}
        needed = (names.campaign_id, names.ad_group_id)
    else:
        product = _is_product_target(names.target)
        row |= {
            "Entity": "Product Targeting" if product else "Keyword",
            "Ad Group ID": names.ad_group_id,
            "Product Targeting ID" if product else "Keyword ID": names.target_id,
        }
        needed = (names.campaign_id, names.ad_group_id, names.target_id)
    if not all(needed) or line.estimated:
        return None
    match (kind, change.field, change.new):
        case (_, Field.STATE, State() as state) if state in _STATE_WORDS:
            row["State"] = _STATE_WORDS[state]
        case (EntityKind.CAMPAIGN, Field.DAILY_BUDGET, Money() as amount):
            row["Daily Budget"] = f"{amount.units():f}"
        case (EntityKind.AD_GROUP, Field.BID, Money() as amount):
            row["Ad Group Default Bid"] = f"{amount.units():f}"
        case (EntityKind.TARGET, Field.BID, Money() as amount):
            row["Bid"] = f"{amount.units():f}"
        case _:
            return None
    return row


_AUTO_TARGETS = frozenset({"close-match", "loose-match", "substitutes", "complements"})


def _is_product_target(text: str) -> bool:
    plain = text.casefold()
    return plain in _AUTO_TARGETS or plain.startswith(("asin=", "asin-expanded", "category=", "brand="))


def _workbook(
    title: str, headings: Sequence[str], rows: Sequence[Sequence[str]], numeric: Sequence[int], widths: Sequence[int]
) -> bytes:
    book = openpyxl.Workbook()
    sheet = book.active
    assert isinstance(sheet, Worksheet)  # noqa: S101  (a new workbook has one sheet)
    sheet.title = title
    sheet.freeze_panes = "A2"
    for index, width in enumerate(widths, start=1):
        sheet.column_dimensions[get_column_letter(index)].width = width
    for number, row in enumerate((headings, *rows), start=1):
        for column, text in enumerate(row, start=1):
            if number > 1 and column - 1 in numeric and text:
                sheet.cell(number, column).value = Decimal(text)
            elif text:
                _write_text(sheet.cell(number, column), text, bold=number == 1)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def _write_text(cell: Cell | MergedCell, text: str, *, bold: bool) -> None:
    """Write text as text whatever it looks like: ids keep their digits, nothing becomes a formula."""
    cell.value = safe_cell(text)
    cell.data_type = "s"
    cell.number_format = "@"
    cell.font = Font(bold=bold)
    cell.alignment = Alignment(vertical="top", wrap_text=len(text) > _LONG)


def write_whole(path: Path, data: bytes) -> None:
    """Write a file so that it appears whole or not at all.

    Raises:
        OSError: The folder cannot be written, or the disk is full.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        temporary.chmod(0o644)
        temporary.replace(path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise
