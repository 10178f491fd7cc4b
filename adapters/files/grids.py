"""Turn the bytes of one file into grids of cells: CSV and its cousins by encoding and delimiter, XLSX by sheet.

A grid is what a person sees when they open the file; which row is the heading is decided in `adapters.files.tables`.
Numbers from XLSX become exact decimals of what the spreadsheet shows, never floats.
"""

from __future__ import annotations

import csv
import io
import warnings
import zipfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from xml.etree.ElementTree import ParseError

import openpyxl
from openpyxl.utils.exceptions import InvalidFileException

from adapters.files.days import Cell
from adapters.files.decoding import decode
from adapters.files.folder import MAX_BYTES, Source
from adapters.files.refusals import Refusal

_DELIMITERS = (",", ";", "\t", "|")
_NAMES = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}
_PROBE_RECORDS = 200
_FIELD_LIMIT = 1_000_000
_MAX_ROWS = 2_000_000
_OLE = b"\xd0\xcf\x11\xe0"


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """One sheet of cells.

    Attributes:
        name: File name, with the sheet behind an exclamation mark where a workbook has several.
        source: The file it comes from.
        sheet: Name of the sheet, empty for text files.
        rows: Cells by row; row ``i`` is row ``i + 1`` of a spreadsheet program.
        encoding: For people; ``XLSX`` for workbooks.
        delimiter: For people; empty for workbooks.
    """

    name: str
    source: Source
    sheet: str
    rows: list[tuple[Cell, ...]]
    encoding: str
    delimiter: str


def read_grids(source: Source) -> Iterator[Grid | Refusal]:
    """Yield the sheets of one file, or a refusal that says what kind of file is needed."""
    data = source.data
    if not data.strip():
        yield Refusal(file=source.name, problem="is empty", remedy="Export the report again")
    elif data.startswith(b"PK\x03\x04"):
        yield from _workbook(source)
    elif data.startswith(_OLE):
        yield Refusal(
            file=source.name,
            problem="is an old .xls workbook or is locked with a password",
            remedy="Open it in a spreadsheet program and save it as .xlsx or CSV UTF-8",
        )
    elif data.lstrip()[:1] in (b"<", b"{", b"["):
        yield Refusal(
            file=source.name,
            problem="is not a table but a web page or a data structure",
            remedy="Export it as CSV or XLSX, or open it in a spreadsheet program and save it as .xlsx",
        )
    elif data.startswith(b"PAR1"):
        yield Refusal(file=source.name, problem="is a Parquet file", remedy="Export it as CSV or XLSX")
    else:
        yield _text(source)


def _text(source: Source) -> Grid | Refusal:
    try:
        decoded = decode(source.data)
    except ValueError as exc:
        return Refusal(file=source.name, problem=str(exc), remedy="Export it again, as CSV UTF-8 if there is a choice")
    text = decoded.text
    first, _, rest = text.partition("\n")
    stated = first.strip().lower().removeprefix("sep=") if first.strip().lower().startswith("sep=") else ""
    if len(stated) == 1 or first.strip("\r\n") == "sep=\t":
        delimiter = stated or "\t"
        blank: list[tuple[Cell, ...]] = [()]
        text = rest
    else:
        delimiter, blank = sniff_delimiter(text), []
    try:
        rows = blank + _records(text, delimiter)
    except csv.Error as exc:
        return Refusal(
            file=source.name, problem=f"is no well-formed table ({exc})", remedy="Look for an unclosed quotation mark"
        )
    label = decoded.encoding if decoded.certain else f"{decoded.encoding} (the likelier of two)"
    return Grid(
        name=source.name, source=source, sheet="", rows=rows, encoding=label, delimiter=_NAMES.get(delimiter, delimiter)
    )


def _records(text: str, delimiter: str) -> list[tuple[Cell, ...]]:
    csv.field_size_limit(_FIELD_LIMIT)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    return [tuple(record) for record in reader]


def sniff_delimiter(text: str) -> str:
    """Return the delimiter under which most records have the same number of cells, and more than one.

    Lines above the heading and totals rows may differ; a decimal comma does not win against a semicolon because
    the counts it gives vary.
    """
    best, best_score = ",", 0.0
    for delimiter in _DELIMITERS:
        widths: Counter[int] = Counter()
        try:
            reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
            for record, _ in zip(reader, range(_PROBE_RECORDS), strict=False):
                if any(cell.strip() for cell in record):
                    widths[len(record)] += 1
        except csv.Error:
            continue
        if not widths:
            continue
        width, count = max(widths.items(), key=lambda item: (item[1] * (item[0] > 1), item[0]))
        if width < 2:  # noqa: PLR2004
            continue
        score = count / widths.total() + min(width, 50) / 1000
        if score > best_score:
            best, best_score = delimiter, score
    return best


def _workbook(source: Source) -> Iterator[Grid | Refusal]:
    damaged = Refusal(
        file=source.name, problem="is a damaged workbook", remedy="Open it in a spreadsheet program and save it again"
    )
    try:
        with zipfile.ZipFile(io.BytesIO(source.data)) as archive:
            if sum(member.file_size for member in archive.infolist()) > MAX_BYTES:
                yield Refusal(
                    file=source.name, problem="unpacks to more than is allowed", remedy="Export a shorter period"
                )
                return
            if not any(name.startswith("xl/") for name in archive.namelist()):
                yield Refusal(
                    file=source.name,
                    problem="is an archive or document but no Excel workbook",
                    remedy="Save it as .xlsx or CSV UTF-8",
                )
                return
            formulas = any(
                b"<f>" in archive.read(name) or b"<f " in archive.read(name)
                for name in archive.namelist()
                if name.startswith("xl/worksheets/")
            )
        with warnings.catch_warnings():
            # Exporters leave out styles and state odd ranges; the cells are what counts.
            warnings.simplefilter("ignore")
            grids = list(_sheets(source, formulas=formulas))
        yield from grids
    except (zipfile.BadZipFile, InvalidFileException, KeyError, ValueError, ParseError, OSError, TypeError):
        yield damaged


def _sheets(source: Source, *, formulas: bool) -> Iterator[Grid | Refusal]:
    values = openpyxl.load_workbook(io.BytesIO(source.data), read_only=True, data_only=True)
    raw = openpyxl.load_workbook(io.BytesIO(source.data), read_only=True) if formulas else None
    try:
        for sheet in values.worksheets:
            # Some exporters state a range of one cell; believing it would hide the rest.
            sheet.reset_dimensions()
            rows = [
                tuple(_cell(value) for value in row) for row in sheet.iter_rows(values_only=True, max_row=_MAX_ROWS)
            ]
            name = f"{source.name}!{sheet.title}" if len(values.worksheets) > 1 else source.name
            unread = None
            if raw is not None:
                raw_sheet = raw[sheet.title]
                raw_sheet.reset_dimensions()
                unread = _formula_without_value(rows, raw_sheet.iter_rows(values_only=True))
            if unread is not None:
                yield Refusal(
                    file=name,
                    row=unread[0],
                    cell=unread[1],
                    problem="is a formula whose value was never stored",
                    remedy="Open the file in a spreadsheet program and save it, or paste values only",
                )
                continue
            yield Grid(name=name, source=source, sheet=sheet.title, rows=rows, encoding="XLSX", delimiter="")
    finally:
        values.close()
        if raw is not None:
            raw.close()


def _formula_without_value(rows: list[tuple[Cell, ...]], raw: Iterator[tuple[object, ...]]) -> tuple[int, str] | None:
    for number, (cells, formulas) in enumerate(zip(rows, raw, strict=False), start=1):
        for cell, formula in zip(cells, formulas, strict=False):
            if cell is None and isinstance(formula, str) and formula.startswith("="):
                return number, formula
    return None


def _cell(value: object) -> Cell:
    match value:
        case None | "":
            return None
        case bool():
            return str(value).upper()
        case int() | float():
            # The shortest text that gives this double is what the spreadsheet shows and what the exporter wrote.
            return Decimal(repr(value))
        case date():
            return value
        case _:
            return str(value)
