# ruff: noqa: E501  (rows of examples are read as rows)
"""Finding the table: encodings, delimiters, archives, lines above the headings, totals and notes."""

from __future__ import annotations

import gzip
import io
import zipfile
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.files import folder as folders
from adapters.files.decoding import decode
from adapters.files.folder import Source, read_sources
from adapters.files.grids import Grid, read_grids, sniff_delimiter
from adapters.files.mapping import Role
from adapters.files.refusals import Refusal
from adapters.files.tables import Row, Table, find_table, totals_label
from bidder.errors import InputError
from tests.adapters.files.exports import csv_bytes, save, xlsx_bytes

HEADINGS = ["Date", "Campaign", "Impressions", "Clicks", "Cost"]
ROW = ["2026-10-01", "Schuhe für Größe 40", "1000", "10", "5.00"]


def source(data: bytes, name: str = "report.csv") -> Source:
    """Return a file in memory."""
    return Source(name=name, data=data, modified_at=datetime(2026, 11, 23, tzinfo=UTC), digest=str(hash(data)))


def grid(data: bytes) -> Grid:
    """Return the one sheet of a file."""
    (found,) = read_grids(source(data))
    assert isinstance(found, Grid), found
    return found


def table(data: bytes) -> Table:
    """Return the table of a file."""
    found = find_table(grid(data))
    assert isinstance(found, Table), found
    return found


@pytest.mark.parametrize(
    ("encoding", "label"),
    [("utf-8", "UTF-8"), ("utf-8-sig", "UTF-8 with byte-order mark"), ("utf-16", "UTF-16"),
     ("utf-16-le", "UTF-16 without mark"), ("utf-16-be", "UTF-16 without mark"), ("cp1252", "cp1252")],
)  # fmt: skip
def test_western_encodings_are_told_apart(encoding: str, label: str) -> None:
    """Umlauts survive whatever Excel or a console saved, and the encoding is stated."""
    found = grid(csv_bytes([HEADINGS, ROW], encoding=encoding))

    assert label in found.encoding
    assert "Schuhe für Größe 40" == found.rows[1][1]


@pytest.mark.parametrize(
    ("encoding", "label"), [("gbk", "GBK/GB18030"), ("gb18030", "GBK/GB18030"), ("utf-8", "UTF-8")]
)
def test_chinese_encodings_are_told_apart(encoding: str, label: str) -> None:
    """Chinese headings survive from consoles that still write GBK."""
    found = grid(
        csv_bytes(
            [["日期", "计划名称", "展现量", "花费(元)"], ["2026-10-01", "女装主推", "10", "5"]], encoding=encoding
        )
    )

    assert label == found.encoding
    assert ("日期", "计划名称", "展现量", "花费(元)") == found.rows[0]


@given(text=st.text(alphabet="äöüßéèàçñÄÖÜabcdefgh ,\n", min_size=1))
def test_western_text_is_never_read_as_chinese(text: str) -> None:
    """High bytes that stand between letters do not pass for Chinese characters."""
    assert text == decode(("Kampagne für " + text).encode("cp1252")).text.removeprefix("Kampagne für ")


def test_a_file_cut_short_inside_a_character_is_refused() -> None:
    """Text that announces itself as UTF-16 and does not hold is damaged, not guessed at."""
    (found,) = read_grids(source(b"\xff\xfea\x00b"))

    assert isinstance(found, Refusal)
    assert "cut short" in found.problem


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_delimiters_are_found(delimiter: str) -> None:
    """Whichever delimiter divides most records evenly is the one, also against decimal commas."""
    rows = [HEADINGS, *[["01.10.2026", f"Kampagne {n}", "1.000", "10", "5,25"] for n in range(5)]]

    assert delimiter == sniff_delimiter(csv_bytes(rows, delimiter=delimiter).decode())


def test_excels_own_line_about_the_delimiter_is_obeyed() -> None:
    """A first line sep=; names the delimiter and shifts no row number."""
    found = table(b"sep=;\r\n" + csv_bytes([HEADINGS, ROW], delimiter=";"))

    assert 2 == found.heading_row
    assert 3 == found.rows[0].number


def test_lines_above_blanks_and_repeated_headings_are_no_data() -> None:
    """Title, date range, blank lines and headings repeated on a second page are set aside; row numbers stay true."""
    data = csv_bytes(
        [HEADINGS, ROW, [], HEADINGS, ROW, ["", "", "", "", ""]],
        lines_above=["Campaign report", '"1 Oct 2026 - 31 Oct 2026"', ""],
    )

    found = table(data)

    assert 4 == found.heading_row
    assert ("Campaign report", "1 Oct 2026 - 31 Oct 2026") == found.preamble
    assert [5, 8] == [row.number for row in found.rows]
    assert 1 == found.repeated_headings


def test_a_row_wider_than_the_headings_is_refused_by_number() -> None:
    """An unquoted delimiter shifts cells: the row is named, nothing is guessed."""
    found = table(csv_bytes([HEADINGS, ROW]) + b"2026-10-02,Shoes, red,1000,10,5.00\r\n")

    assert 1 == len(found.rows)
    (refusal,) = found.refusals
    assert 3 == refusal.row
    assert "quotation marks" in refusal.remedy


def test_a_quotation_mark_left_open_is_refused() -> None:
    """A table that cannot be divided into cells is refused as a whole."""
    (found,) = read_grids(source(b'a,b\r\n"1,2\r\n3,4\r\n'))

    assert isinstance(found, Refusal)
    assert "quotation mark" in found.remedy


@pytest.mark.parametrize(
    ("data", "problem"),
    [(b"", "empty"), (b"  \r\n ", "empty"), (b"\xd0\xcf\x11\xe0rest", "old .xls"), (b"<html><table></table></html>", "web page"),
     (b"PK\x03\x04damaged", "damaged"), (b"PAR1xxxx", "Parquet"), (b"a\x00b\xff,\x81c\r\n", "NUL")],
    ids=["empty", "blank", "xls", "html", "broken zip", "parquet", "binary"],
)  # fmt: skip
def test_files_of_other_kinds_are_refused_with_the_remedy(data: bytes, problem: str) -> None:
    """Each kind of file that cannot be read says what to do instead."""
    (found,) = read_grids(source(data))

    assert isinstance(found, Refusal)
    assert problem in found.problem
    assert found.remedy


def test_workbook_numbers_are_exactly_what_the_sheet_shows() -> None:
    """A double in a workbook becomes the decimal it stands for, and dates stay dates."""
    found = grid(xlsx_bytes({"Sheet": [HEADINGS, [datetime(2026, 10, 1), "A", 1000, 10, 26.7824]]}))  # noqa: DTZ001

    assert Decimal("26.7824") == found.rows[1][4]
    assert Decimal(1000) == found.rows[1][2]
    first = found.rows[1][0]
    assert isinstance(first, datetime)
    assert date(2026, 10, 1) == first.date()


def test_a_workbook_that_states_a_wrong_range_is_read_to_its_end() -> None:
    """Some exporters claim that the sheet has one cell."""
    data = xlsx_bytes({"Sheet": [HEADINGS, *[ROW] * 5]})
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(out, "w") as new:
        for name in old.namelist():
            content = old.read(name)
            if name == "xl/worksheets/sheet1.xml":
                content = content.replace(b'<dimension ref="A1:E6"', b'<dimension ref="A1"')
                assert b'ref="A1"' in content
            new.writestr(name, content)

    assert 6 == len(grid(out.getvalue()).rows)


def test_a_formula_without_a_stored_value_is_refused() -> None:
    """A formula that was never calculated is no figure, and not an empty cell either."""
    book = openpyxl.Workbook()
    sheet = book.worksheets[0]
    sheet.append(HEADINGS)
    sheet.append(["2026-10-01", "A", 1000, 10, "=2+3"])
    out = io.BytesIO()
    book.save(out)

    (found,) = read_grids(source(out.getvalue()))

    assert isinstance(found, Refusal)
    assert (2, "=2+3") == (found.row, found.cell)


def test_archives_are_read_without_unpacking(tmp_path: Path) -> None:
    """Members of a .zip and the content of a .gz are files of the folder; names in GBK are read."""
    data = csv_bytes([HEADINGS, ROW])
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("inner/report.csv", data)
        archive.writestr("__MACOSX/._report.csv", b"junk")
    save(tmp_path, "download.zip", out.getvalue())
    save(tmp_path, "daily.csv.gz", gzip.compress(data))
    save(tmp_path, "picture.png", b"\x89PNG")
    save(tmp_path, ".hidden.csv", data)

    found = list(read_sources(tmp_path))

    assert ["daily.csv", "download.zip!inner/report.csv"] == [s.name for s in found if isinstance(s, Source)]
    assert [data, data] == [s.data for s in found if isinstance(s, Source)]


def test_an_archive_that_unpacks_to_too_much_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A small archive cannot fill the memory."""
    monkeypatch.setattr(folders, "MAX_BYTES", 10_000)
    save(tmp_path, "bomb.csv.gz", gzip.compress(b"0" * 1_000_000))

    (found,) = read_sources(tmp_path)

    assert isinstance(found, Refusal)
    assert "larger than" in found.problem


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    """A wrong path is an error at once, with the path."""
    with pytest.raises(InputError, match="nowhere"):
        list(read_sources(tmp_path / "nowhere"))


IDENTITY = {0: Role.DAY, 1: Role.CAMPAIGN}


@pytest.mark.parametrize(
    ("cells", "label", "overall"),
    [(("Total", "", "9"), "Total", True), (("合计", "", "9"), "合计", True), (("总计", "--", "9"), "总计", True),
     (("", "Summe", "9"), "Summe", True), (("Total: Account", "", "9"), "Total: Account", True),
     (("Total: Search", "--", "9"), "Total: Search", False), (("Gesamt: Konto", "", "9"), "Gesamt: Konto", True),
     (("Total : compte", "--", "9"), "Total : compte", True), (("小计", "", "9"), "小计", False)],
    ids=str,
)  # fmt: skip
def test_totals_rows_are_known_in_many_languages(cells: tuple[str, ...], label: str, *, overall: bool) -> None:
    """A row that says it is a total and names nothing else is a control sum."""
    found = totals_label(Row(number=9, cells=cells), IDENTITY)

    assert found is not None
    assert (label, overall) == (found.text, found.overall)


@pytest.mark.parametrize(
    "cells",
    [("2026-10-01", "Total Wine", "9"), ("2026-10-01", "Total", "9"), ("2026-10-01", "totalpass academia", "9"),
     ("2026-10-01", "Summer total sale", "9")],
    ids=str,
)  # fmt: skip
def test_campaigns_that_sound_like_totals_are_data(cells: tuple[str, ...]) -> None:
    """A campaign may be called Total: it still has a day."""
    assert totals_label(Row(number=9, cells=cells), IDENTITY) is None
