"""Tell rows that merely repeat from rows that share a name and a day for a reason, and say what was done with each.

An exact repeat is dropped unless the file's own totals row counts it; rows split by a column are added up; rows that
contradict each other are refused. Called by `adapters.files.reading`; pure.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise

from adapters.files.days import Cell
from adapters.files.facts import AT, Fact
from adapters.files.headings import understand
from adapters.files.mapping import Role
from adapters.files.refusals import Refusal
from adapters.files.tables import Table, as_text
from adapters.files.totals import Exclusion, Sums, add_up

_NAMED_ROWS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Repeats:
    """What is left after repeats were sorted out.

    Attributes:
        facts: Rows to be imported; several may share names and days and are added up.
        sentences: What was done.
        refusals: Rows that contradict another.
        exclusions: Rows left out, with their figures.
    """

    facts: tuple[Fact, ...]
    sentences: tuple[str, ...] = ()
    refusals: tuple[Refusal, ...] = ()
    exclusions: tuple[Exclusion, ...] = ()


def sort_out_repeats(
    table: Table,
    facts: Sequence[Fact],
    *,
    in_file: Sums,
    stated: Mapping[Role, Decimal],
    console: bool,
    mapped: frozenset[int],
) -> Repeats:
    """Drop exact repeats, keep splits, refuse contradictions.

    Args:
        table: The table, for cells that no role was given to.
        facts: Its readable rows.
        in_file: Sum of every row of data.
        stated: The file's own totals row, empty where it has none.
        console: A console's report: rows of one name and day are splits.
        mapped: Columns that something is read from.
    """
    counters = {i for i, text in enumerate(table.headings) if i not in mapped and _counts_rows(text, table.column(i))}
    told_apart = [i for i in range(len(table.headings)) if i not in counters]
    cells = {row.number: tuple(row.cells[i] for i in told_apart) for row in table.rows}
    firsts: dict[tuple[Cell, ...], int] = {}
    kept: list[Fact] = []
    repeated: list[Fact] = []
    for fact in facts:
        first = firsts.setdefault(cells[fact.row], fact.row)
        (kept if first == fact.row else repeated).append(fact)
    sentences: list[str] = []
    exclusions: list[Exclusion] = []
    if repeated:
        rows = _named([fact.row for fact in repeated])
        if stated and _counted(stated, in_file):
            kept = list(facts)
            sentences.append(f"rows {rows} repeat earlier rows exactly, yet the file's totals row counts them: kept")
        else:
            sums = add_up([fact.values for fact in repeated])
            exclusions.append(
                Exclusion(reason=f"exact repeats of earlier rows (rows {rows})", rows=len(repeated), sums=sums)
            )
    free = [i for i in told_apart if i not in mapped]
    kept, refusals, contradicting, split = _sort_shared(
        table, kept, free, console=console, counted=_counted(stated, in_file)
    )
    if split:
        sentences.append(f"{split} rows share their names and day with another row of the file: they are added up")
    if contradicting:
        exclusions.append(
            Exclusion(
                reason="a second row of the same entity and day with other figures",
                rows=len(contradicting),
                sums=add_up([fact.values for fact in contradicting]),
            )
        )
    return Repeats(
        facts=tuple(kept), sentences=tuple(sentences), refusals=tuple(refusals), exclusions=tuple(exclusions)
    )


_COUNTERS = frozenset(
    {"", "id", "no", "nr", "num", "number", "index", "idx", "row", "line", "unnamed 0", "序号", "编号", "行号"}
)


def _counts_rows(heading: str, cells: Sequence[Cell]) -> bool:
    """Tell a column that merely numbers the rows, by its heading and its cells."""
    if understand(heading).key not in _COUNTERS:
        return False
    numbers = [int(text) if (text := as_text(cell)).isdigit() else None for cell in cells]
    known = [n for n in numbers if n is not None]
    return len(known) == len(cells) > 1 and all(b - a == 1 for a, b in pairwise(known))


def _counted(stated: Mapping[Role, Decimal], in_file: Sums) -> bool:
    """Tell whether the file's own totals row counts every row."""
    spend = stated.get(Role.SPEND)
    return spend is not None and spend == in_file[AT[Role.SPEND]]


def _sort_shared(
    table: Table, facts: Sequence[Fact], free: Sequence[int], *, console: bool, counted: bool
) -> tuple[list[Fact], list[Refusal], list[Fact], int]:
    """Return rows kept, refusals, rows refused, and how many rows are added to another."""
    groups: dict[object, list[Fact]] = defaultdict(list)
    for fact in facts:
        groups[fact.names, fact.days].append(fact)
    cells = {row.number: row.cells for row in table.rows}
    refused: list[Fact] = []
    refusals: list[Refusal] = []
    split = 0
    for group in groups.values():
        if len(group) == 1:
            continue
        marks = {tuple(cells[fact.row][i] for i in free) for fact in group}
        if console or counted or len(marks) == len(group):
            split += len(group) - 1
            continue
        for fact in group[1:]:
            refused.append(fact)
            refusals.append(
                Refusal(
                    file=table.name,
                    row=fact.row,
                    problem=f"speaks of the same entity and day as row {group[0].row}, with other figures, and no "
                    "column tells the two apart",
                    remedy="Delete the row that is out of date, or add the column that divides them",
                )
            )
    out = {fact.row for fact in refused}
    return [fact for fact in facts if fact.row not in out], refusals, refused, split


def _named(rows: Sequence[int]) -> str:
    shown = ", ".join(str(row) for row in rows[:_NAMED_ROWS])
    return shown if len(rows) <= _NAMED_ROWS else f"{shown} and {len(rows) - _NAMED_ROWS} more"
