"""Find the table in a grid: the lines above it, the heading row, the rows below, blanks and repeats of the heading.

Reports carry a title and a date range above their headings, blank columns beside them and notes below. Called by
`adapters.files.reading`; pure.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

from adapters.files.days import Cell
from adapters.files.grids import Grid
from adapters.files.headings import understand
from adapters.files.mapping import METRICS, RATIOS, Role
from adapters.files.numbers import NotANumber, is_missing, take_apart
from adapters.files.refusals import Refusal, column_letter
from adapters.files.vocabulary import ADS, EXACT, LOOSE, SEGMENTS

_PROBE_ROWS = 60
_FIGURES = frozenset({*METRICS, *RATIOS})
_BULK_MARKS = frozenset({"entity", "operation", "record type", "record id", "实体层级", "操作"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One row below the headings.

    Attributes:
        number: As a spreadsheet program counts, from 1.
        cells: Exactly one for each heading.
    """

    number: int
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A grid, understood as far as its layout goes.

    Attributes:
        grid: Where it comes from.
        heading_row: Number of the heading row.
        headings: One for each column; empty where the column has none.
        preamble: Lines above the headings, as text.
        rows: Rows below that are not blank and do not repeat the headings.
        repeated_headings: How many rows repeated them.
        refusals: Rows wider than the headings.
    """

    grid: Grid
    heading_row: int
    headings: tuple[str, ...]
    preamble: tuple[str, ...]
    rows: tuple[Row, ...]
    repeated_headings: int
    refusals: tuple[Refusal, ...]

    @property
    def name(self) -> str:
        """Name of the file, with the sheet."""
        return self.grid.name

    def index(self, heading: str) -> int | None:
        """Return the first column of that heading, comparing as people do; ``None`` where there is none."""
        wanted = same_text(heading)
        for index, text in enumerate(self.headings):
            if same_text(text) == wanted:
                return index
        return None

    def column(self, index: int) -> list[Cell]:
        """Return the cells of a column, row by row."""
        return [row.cells[index] for row in self.rows]


def same_text(text: str) -> str:
    """Return the form in which two texts that look the same are equal."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def as_text(cell: Cell) -> str:
    """Return a cell as trimmed text, empty where there is none."""
    if cell is None:
        return ""
    if isinstance(cell, str):
        return cell.strip()
    return str(cell) if not hasattr(cell, "isoformat") else cell.isoformat()


def find_table(grid: Grid, wanted: frozenset[str] = frozenset()) -> Table | Refusal:
    """Locate the heading row and cut the grid into a table.

    Args:
        grid: The cells.
        wanted: Headings that a stated mapping names: the row that holds most of them is the heading row.
    """
    found = _heading_row(grid, frozenset(same_text(w) for w in wanted))
    if found is None:
        return Refusal(
            file=grid.name,
            problem="has no row of headings that looks like a report",
            remedy="Export it with its column headings, or name them in a mapping",
        )
    headings = tuple(as_text(cell) for cell in grid.rows[found])
    while headings and not headings[-1]:
        headings = headings[:-1]
    rows, repeats, refusals = _cut(grid, found, headings)
    preamble = tuple(
        text for row in grid.rows[:found] if (text := ", ".join(t for cell in row if (t := as_text(cell))))
    )
    return Table(
        grid=grid,
        heading_row=found + 1,
        headings=headings,
        preamble=preamble,
        rows=rows,
        repeated_headings=repeats,
        refusals=refusals,
    )


def known_roles(heading: str) -> frozenset[Role]:
    """Return the roles that a heading could have by its words alone."""
    understood = understand(heading)
    exact = frozenset(role for role, _ in EXACT.get(understood.key, ()))
    if exact or understood.ratio:
        return exact
    return frozenset(
        role for role, any_of, none_of in LOOSE if understood.words & any_of and not understood.words & none_of
    )


def _heading_row(grid: Grid, wanted: frozenset[str]) -> int | None:
    best, best_score = None, 0
    for index, row in enumerate(grid.rows[:_PROBE_ROWS]):
        texts = [as_text(cell) for cell in row if isinstance(cell, str) and as_text(cell)]
        score = _wanted_score(texts, wanted) or _known_score(texts)
        if score > best_score:
            best, best_score = index, score
    return best if best is not None else _plain_heading_row(grid)


def _wanted_score(texts: list[str], wanted: frozenset[str]) -> int:
    hits = sum(same_text(text) in wanted for text in texts)
    return 1000 * hits if hits and hits >= len(wanted) / 2 else 0


def _known_score(texts: list[str]) -> int:
    """Count the headings known; a row needs two, one of them a figure, so that a title line does not win."""
    keys = {understand(text).key for text in texts}
    if len(keys & _BULK_MARKS) >= 2:  # noqa: PLR2004
        return 100 + len(keys)
    roles = [known_roles(text) for text in texts]
    known = sum(bool(r) for r in roles) + len(keys & SEGMENTS) + len(keys & ADS)
    figures = sum(bool(r & _FIGURES) for r in roles)
    return known if known >= 2 and figures else 0  # noqa: PLR2004


def _plain_heading_row(grid: Grid) -> int | None:
    """Return the first row of distinct texts that stands over a row with figures."""
    rows = grid.rows[:_PROBE_ROWS]
    for index, (row, below) in enumerate(pairwise(rows)):
        texts = [as_text(cell) for cell in row if as_text(cell)]
        if len(texts) < 2 or len(set(texts)) != len(texts) or any(_is_figure(cell) for cell in row):  # noqa: PLR2004
            continue
        if any(_is_figure(cell) for cell in below):
            return index
    return None


def _is_figure(cell: Cell) -> bool:
    if not isinstance(cell, str):
        return cell is not None
    if is_missing(cell):
        return False
    try:
        take_apart(cell)
    except NotANumber:
        return False
    return True


def _cut(grid: Grid, heading_index: int, headings: tuple[str, ...]) -> tuple[tuple[Row, ...], int, tuple[Refusal, ...]]:
    width = len(headings)
    repeated = tuple(same_text(h) for h in headings)
    rows: list[Row] = []
    refusals: list[Refusal] = []
    repeats = 0
    for number, cells in enumerate(grid.rows[heading_index + 1 :], start=heading_index + 2):
        if all(cell is None or cell == "" or not as_text(cell) for cell in cells):
            continue
        if len(cells) > width and any(as_text(cell) for cell in cells[width:]):
            extra = next(i for i in range(width, len(cells)) if as_text(cells[i]))
            refusals.append(
                Refusal(
                    file=grid.name,
                    row=number,
                    column=f"{column_letter(extra)} (no heading)",
                    cell=as_text(cells[extra]),
                    problem=f"the row has {len(cells)} cells under {width} headings",
                    remedy="Put quotation marks around cells that hold the delimiter, or give the column a heading",
                )
            )
            continue
        full = cells[:width] + (None,) * (width - len(cells))
        if same_text(as_text(full[0])) == repeated[0] and tuple(same_text(as_text(cell)) for cell in full) == repeated:
            repeats += 1
            continue
        rows.append(Row(number=number, cells=full))
    return tuple(rows), repeats, tuple(refusals)


_TOTAL_WORDS = (
    "total|totals|grand total|sum|sums|subtotal|sub-total|overall|account total|overall total|all|"
    "summe|gesamt|gesamtsumme|insgesamt|total général|somme|totaal|totale|totali|suma|suma total|"
    "soma|total geral|итого|всего|合计|总计|汇总|小计|合計|総計|小計|总和|共计|總計|全部|합계|총계|"
    "총합|toplam|genel toplam|łącznie|razem|suma całkowita|tổng"
)
_TOTALS = frozenset(same_text(word) for word in _TOTAL_WORDS.split("|"))
_TOTAL_OF = re.compile(
    r"(?:grand )?(?:total|totals|gesamt|summe|totaal|totale|итого|всего|合计|总计|汇总|小计|合計|総計|합계|toplam|suma|"
    r"razem|łącznie)\s*[:：\-–]"
)
_OF_ACCOUNT = re.compile(r"account|konto|compte|cuenta|conta|アカウント|계정|账户|帐户|аккаунт|hesap|rekening")


@dataclass(frozen=True, slots=True)
class TotalsLabel:
    """The words of a totals row.

    Attributes:
        text: As they stand.
        overall: The row claims to count everything, not a part.
    """

    text: str
    overall: bool


@lru_cache(maxsize=65_536)
def _total_text(cell: str) -> str:
    """Return the plain form of a cell that says it is a total; an empty text for any other."""
    text = same_text(cell)
    return text if text in _TOTALS or _TOTAL_OF.match(text) else ""


def totals_label(row: Row, identity: Mapping[int, Role]) -> TotalsLabel | None:
    """Return the label of a totals row, or ``None`` for a row of data.

    A campaign may be called "Total Wine": a totals row says so in one cell and names nothing else.

    Args:
        row: The row.
        identity: Columns that name what a row speaks of, days included.
    """
    label = next(
        (
            (i, cell.strip(), text)
            for i, cell in enumerate(row.cells)
            if isinstance(cell, str) and (text := _total_text(cell))
        ),
        None,
    )
    if label is None:
        return None
    index, shown, text = label
    others = [
        i for i in identity if i != index and not is_missing(row.cells[i]) and same_text(as_text(row.cells[i])) != text
    ]
    if others or (index not in identity and any(not is_missing(row.cells[i]) for i in identity)):
        return None
    overall = (text in _TOTALS and text not in {"小计", "小計", "subtotal", "sub-total"}) or bool(
        _OF_ACCOUNT.search(text)
    )
    return TotalsLabel(shown, overall)
