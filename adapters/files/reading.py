"""Read one table into facts and settings, refuse what cannot be read, and keep the account of every figure.

Called by `adapters.files.importing`; pure.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from adapters.files.about import About, as_snapshot, written_in_chinese
from adapters.files.columns import NumberColumn, read_numbers, settle_marks
from adapters.files.derive import derive, needed_ratios
from adapters.files.facts import AT, Fact, Names, Reading, Setting
from adapters.files.formats import MANNERS, Format, recognise
from adapters.files.headings import understand
from adapters.files.mapping import METRICS, RATIOS, ColumnMapping, Role
from adapters.files.options import FilesOptions
from adapters.files.proposal import propose_mapping
from adapters.files.refusals import Refusal
from adapters.files.repeats import sort_out_repeats
from adapters.files.rownames import name_rows
from adapters.files.rowsorting import SortedRows, sort_rows
from adapters.files.settings import read_settings
from adapters.files.tables import Table, totals_label
from adapters.files.timing import Timing, find_days
from adapters.files.totals import Exclusion, add_up

_SNAPSHOT_ENTITIES = 20
_CORE = (Role.IMPRESSIONS, Role.CLICKS, Role.SPEND, Role.ORDERS, Role.REVENUE)
_GO_TOGETHER = ((Role.CLICKS, Role.SPEND), (Role.ORDERS, Role.REVENUE))
_NO_ROWS = "it holds headings but no rows of data; export a period in which something ran"
_BLANK_REMEDY = 'Fill in the figure; if an empty cell means none, state blank = "none" in the mapping'


@dataclass(frozen=True, slots=True, kw_only=True)
class NotAReport:
    """A table that is no report on advertising, or one that nothing can be read from.

    Attributes:
        name: Name of the file, with the sheet.
        reason: Why, and what would be needed.
        headings: Its headings, for a person who wants to map it.
        proposal: What could be recognised.
    """

    name: str
    reason: str
    headings: tuple[str, ...]
    proposal: ColumnMapping


def read_table(table: Table, options: FilesOptions) -> Reading | NotAReport:
    """Read a table that is no bulk sheet."""
    stated = options.mapping_for(table.name)
    if not table.rows:
        return NotAReport(name=table.name, headings=table.headings, proposal=ColumnMapping(), reason=_NO_ROWS)
    form = recognise(table.headings, table.preamble)
    manners = MANNERS[form]
    proposal = propose_mapping(
        table.headings,
        [row.cells for row in table.rows if totals_label(row, {}) is None] or [row.cells for row in table.rows],
        stated=stated,
        console=manners.console,
        window_days=stated.window_days if stated and stated.window_days else options.window_days,
    )
    mapping = proposal.mapping
    if not proposal.report and stated is None:
        return NotAReport(
            name=table.name,
            headings=table.headings,
            proposal=mapping,
            reason="it is no report on advertising: it needs a column of spend (or clicks with their average price) "
            "and one of clicks, impressions, orders or revenue; if it has them under other names, state a mapping",
        )
    missing = _unknown_headings(table, mapping)
    if missing:
        return NotAReport(
            name=table.name,
            headings=table.headings,
            proposal=mapping,
            reason=f"the mapping names columns it does not have: {', '.join(missing)}",
        )
    columns = {role: [_index(table, text) for text in texts] for role, texts in mapping.columns.items()}
    return TableReader(
        table, options, form, mapping, columns, proposal.sentences, proposal.segments, proposal.unused
    ).read()


def _unknown_headings(table: Table, mapping: ColumnMapping) -> list[str]:
    return [text for texts in mapping.columns.values() for text in texts if table.index(text) is None]


def _index(table: Table, heading: str) -> int:
    index = table.index(heading)
    assert index is not None  # noqa: S101  (unknown headings were refused before)
    return index


class TableReader:
    """One pass over one table; holds what its steps share.

    Args:
        table: The table.
        options: What a person set.
        form: Who wrote it.
        mapping: What is read from which column.
        columns: The same, as column indices.
        sentences: What the mapping assumed.
        segments: Columns that split entities further.
        unused: Columns nothing is read from.
    """

    def __init__(
        self,
        table: Table,
        options: FilesOptions,
        form: Format,
        mapping: ColumnMapping,
        columns: Mapping[Role, list[int]],
        sentences: Sequence[str] = (),
        segments: Sequence[str] = (),
        unused: Sequence[str] = (),
    ) -> None:
        self.table, self.options, self.form, self.mapping, self.columns = table, options, form, mapping, columns
        self.manners = MANNERS[form]
        self.sentences = list(sentences)
        self.segments, self.unused = tuple(segments), tuple(unused)
        self.refusals = list(table.refusals)
        self.figures = [r for r in METRICS if r in columns]

    def read(self) -> Reading | NotAReport:
        """Read the table; one without rows is an empty report."""
        rows = sort_rows(self.table, self.columns)
        if not rows.data:
            return NotAReport(
                name=self.table.name,
                headings=self.table.headings,
                proposal=self.mapping,
                reason=_NO_ROWS,
            )
        return self.read_rows(rows)

    def read_rows(self, rows: SortedRows) -> Reading:
        """Read the rows, even where there are none."""
        numbers = self._numbers(rows)
        timing = find_days(
            self.table,
            self.columns,
            self.options,
            rows=rows.data,
            year=self.mapping.year or self.options.year,
            order=self.mapping.date_order or self.options.date_order,
        )
        self.sentences.extend(timing.sentences)
        derived = derive(
            {role: [column.values[i] for i in range(len(rows.data))] for role, column in numbers.items()},
            order_value=self.mapping.order_value or self.options.order_value,
            money_only=self.options.money_only,
        )
        self.sentences.extend(derived.sentences)
        present = frozenset(r for r in METRICS if r in derived.values)
        values = [tuple(derived.values[r][i] if r in present else None for r in METRICS) for i in range(len(rows.data))]
        names, nameless = name_rows(self.table, self.columns, rows.data)
        self.refusals.extend(nameless)
        facts, refused = self._facts(rows, numbers, timing, values, names, present)
        named = [
            (at, name, days.last if days else None)
            for at, name, days in zip(rows.data, names, timing.days, strict=True)
            if name is not None
        ]
        settings = tuple(read_settings(self.table, self.columns, named, self._column, self.refusals))
        return self._finish(rows, values, facts, refused, settings, present, derived.gaps)

    def _currency(self, about: About, rows: SortedRows) -> tuple[str, str, bool]:
        """Return the currency, the sign it may share with others, and whether it was only inferred."""
        currency, sign = about.currency({s for role in self.figures for s in self._column(role, rows.data).currencies})
        self.refusals.extend(about.refusals)
        currency = currency or self.mapping.currency or self.manners.currency
        inferred = not currency and not sign and written_in_chinese(self.table.headings)
        if inferred:
            currency = "CNY"
            self.sentences.append("no currency is stated: the headings are Chinese, so amounts are taken to be in CNY")
        return currency, sign, inferred

    def _finish(
        self,
        rows: SortedRows,
        values: Sequence[tuple[Decimal | None, ...]],
        facts: list[Fact],
        refused: list[int],
        settings: tuple[Setting, ...],
        present: frozenset[Role],
        gaps: tuple[str, ...],
    ) -> Reading:
        stated = self._stated(rows)
        in_file = add_up(values)
        repeats = sort_out_repeats(
            self.table,
            facts,
            in_file=in_file,
            stated=stated[0][1] if stated else {},
            console=self.manners.console,
            mapped=frozenset(i for indices in self.columns.values() for i in indices),
        )
        self.sentences.extend(repeats.sentences)
        self.refusals.extend(repeats.refusals)
        exclusions = list(repeats.exclusions)
        if refused:
            sums = add_up([values[i] for i in refused])
            exclusions.append(Exclusion(reason="cells that cannot be read, each named", rows=len(refused), sums=sums))
        kept, snapshot = (repeats.facts, "") if self.manners.console else as_snapshot(repeats.facts)
        self.sentences.extend([snapshot] if snapshot else [])
        daily = not snapshot and all(fact.days is not None and len(fact.days) == 1 for fact in kept)
        self._tell_layout(rows)
        about = About(self.table, self.columns, rows.data)
        currency, sign, inferred = self._currency(about, rows)
        window, said = about.window(self.mapping, self.options, self.manners, present)
        self.sentences.extend([said] if said else [])
        return Reading(
            table=self.table,
            format=self.form,
            mapping=self.mapping,
            detail=about.detail(),
            daily=daily,
            facts=tuple(kept),
            settings=settings,
            sentences=tuple(dict.fromkeys(self.sentences)),
            refusals=tuple(self.refusals),
            exclusions=tuple(exclusions),
            in_file=in_file,
            stated=stated,
            currency=currency,
            currency_stated=not inferred,
            shared_sign=sign,
            window_days=window,
            window_stated=not said,
            accounts=about.accounts(),
            present=present,
            segments=self.segments,
            unused=self.unused,
            gaps=gaps,
        )

    def _stated(self, rows: SortedRows) -> tuple[tuple[str, dict[Role, Decimal]], ...]:
        """Read what totals rows say, the overall ones first."""
        found = []
        for label, at in rows.totals:
            sums: dict[Role, Decimal] = {}
            for role in self.figures:
                column = self._column(role, [at])
                if column.values[0] is not None:
                    sums[role] = column.values[0]
            if label.overall:
                found.append((label.text, sums))
        return tuple(found)

    # Figures

    def _numbers(self, rows: SortedRows) -> dict[Role, NumberColumn]:
        ratios = [r for r in RATIOS if r in self.columns and r in needed_ratios(frozenset(self.figures))]
        roles = [*self.figures, *ratios]
        settings = [r for r in (Role.BID, Role.DEFAULT_BID, Role.DAILY_BUDGET) if r in self.columns]
        cells = {i: (role, self.table.column(i)) for role in (*roles, *settings) for i in self.columns[role]}
        self.marks = settle_marks(
            cells, stated=self.mapping.decimal_mark or self.options.decimal_mark, delimiter=self.table.grid.delimiter
        )
        self.sentences.extend(self.marks.sentences)
        found = {role: self._column(role, rows.data) for role in roles}
        for role, column in found.items():
            if column.abbreviated:
                self.sentences.append(
                    f"{role} holds abbreviated figures such as {column.abbreviated}: the console has rounded them"
                )
        return found

    def _column(self, role: Role, rows: Sequence[int]) -> NumberColumn:
        return read_numbers(
            [(i, [self.table.rows[at].cells[i] for at in rows]) for i in self.columns[role]],
            role,
            self.marks,
            scale=self._scale(role),
        )

    def _scale(self, role: Role) -> Decimal:
        if self.mapping.scale is not None:
            return self.mapping.scale
        return understand(self.table.headings[self.columns[role][0]]).scale

    # Rows

    def _facts(
        self,
        rows: SortedRows,
        numbers: Mapping[Role, NumberColumn],
        timing: Timing,
        values: list[tuple[Decimal | None, ...]],
        names: Sequence[Names | None],
        present: frozenset[Role],
    ) -> tuple[list[Fact], list[int]]:
        policy = self.mapping.blank or self.manners.blank
        needed = [r for r in _CORE if r in present]
        facts: list[Fact] = []
        refused: list[int] = []
        blanks: Counter[Role] = Counter()
        for i, at in enumerate(rows.data):
            if not self._readable(i, at, numbers, timing) or names[i] is None:
                refused.append(i)
                continue
            row = values[i]
            if all(v is None for v in row):
                continue
            empty = [r for r in needed if row[AT[r]] is None]
            if empty:
                if policy == "refuse" or (contradiction := self._contradiction(row, present)) is not None:
                    self._refuse_blank(at, empty[0] if policy == "refuse" else contradiction or empty[0], row)
                    refused.append(i)
                    continue
                blanks.update(empty)
            if policy == "none":
                row = tuple(Decimal(0) if v is None and r in present else v for r, v in zip(METRICS, row, strict=True))
            name = names[i]
            assert name is not None  # noqa: S101  (looked at above)
            facts.append(Fact(self.table.rows[at].number, name, timing.days[i], row))
        for role, count in blanks.items():
            cells = "cells" if count > 1 else "cell"
            self.sentences.append(f"{count} empty {cells} of {role} are read as none: the console leaves them empty so")
        return facts, refused

    def _readable(self, i: int, at: int, numbers: Mapping[Role, NumberColumn], timing: Timing) -> bool:
        """Tell whether all cells of a row could be read; refuse those that could not."""
        row = self.table.rows[at].number
        good = True
        for role, column in numbers.items():
            if i in column.problems:
                cell, problem, remedy = column.problems[i]
                heading = self.table.headings[self.columns[role][0]]
                self.refusals.append(
                    Refusal(file=self.table.name, row=row, column=heading, cell=cell, problem=problem, remedy=remedy)
                )
                good = False
        if i in timing.problems:
            heading, cell, problem, remedy = timing.problems[i]
            self.refusals.append(
                Refusal(file=self.table.name, row=row, column=heading, cell=cell, problem=problem, remedy=remedy)
            )
            good = False
        return good

    @staticmethod
    def _contradiction(row: Sequence[Decimal | None], present: frozenset[Role]) -> Role | None:
        """Return a figure that is empty although its partner says that there was something."""
        for first, second in _GO_TOGETHER:
            for empty, full in ((first, second), (second, first)):
                if {empty, full} <= present and row[AT[empty]] is None and (row[AT[full]] or 0) > 0:
                    return empty
        return None

    def _refuse_blank(self, at: int, role: Role, row: Sequence[Decimal | None]) -> None:
        others = [f"{r} {v}" for r, v in zip(METRICS, row, strict=True) if v]
        heading = self.table.headings[self.columns[role][0]] if role in self.columns else str(role)
        self.refusals.append(
            Refusal(
                file=self.table.name,
                row=self.table.rows[at].number,
                column=heading,
                cell="",
                problem=f"is empty although the row has {', '.join(others) or 'other figures'}; missing is not zero",
                remedy=_BLANK_REMEDY,
            )
        )

    def _tell_layout(self, rows: SortedRows) -> None:
        said = []
        if self.table.repeated_headings:
            said.append(f"{self.table.repeated_headings} repeated heading rows are passed over")
        if rows.notes:
            said.append(f"{rows.notes} rows that hold only a note are passed over")
        if self.segments:
            said.append(f"rows split by {', '.join(self.segments)} are added up")
        self.sentences.extend(said)
