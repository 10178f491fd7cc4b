"""What an import found, as data that the command line prints and a person can check. No logic beyond look-ups."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from adapters.files.formats import MANNERS, Format
from adapters.files.mapping import ColumnMapping, Role
from adapters.files.refusals import Refusal
from adapters.files.totals import Reconciliation
from bidder.core.calendar import DayRange


class Found(StrEnum):
    """What became of a file."""

    READ = "read"
    """A report; its figures are counted."""
    TOTALS_ONLY = "totals_only"
    """A report that lacks something decisions need: its totals are shown, its figures are not used."""
    SIDE_FILE = "side_file"
    """Products, or protected words."""
    IGNORED = "ignored"
    """No report on advertising, or our own action sheet."""
    REFUSED = "refused"
    """Cannot be opened or understood."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FileReport:
    """One file, or one sheet of a workbook.

    Attributes:
        name: Path below the folder, with archive member and sheet.
        found: What became of it.
        why: Why it was ignored or refused; empty for reports.
        format: Who wrote it; ``None`` where it is no report.
        encoding, delimiter: For people; empty where it has none.
        heading_row: Row of the headings, from 1; ``None`` where there is none.
        rows: Rows of data.
        mapping: What was read from which column.
        sentences: Assumptions.
        unused: Headings nothing was read from.
        span: First and last day.
        daily: Rows are days, not periods.
        missing_days: Days inside the span without any row, for daily reports.
        reconciliation: The account of its figures; ``None`` where it is no report.
    """

    name: str
    found: Found
    why: str = ""
    format: Format | None = None
    encoding: str = ""
    delimiter: str = ""
    heading_row: int | None = None
    rows: int = 0
    mapping: ColumnMapping | None = None
    sentences: tuple[str, ...] = ()
    unused: tuple[str, ...] = ()
    span: DayRange | None = None
    daily: bool = False
    missing_days: tuple[date, ...] = ()
    reconciliation: Reconciliation | None = None

    @property
    def title(self) -> str:
        """Name of the format, for people."""
        return MANNERS[self.format].title if self.format else ""

    @property
    def columns(self) -> Mapping[Role, tuple[str, ...]]:
        """Headings by role."""
        return self.mapping.columns if self.mapping else {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Inspection:
    """Everything an import found.

    Attributes:
        folder: Where it looked.
        files: One for each file or sheet, in the order of their names.
        currency: Of all amounts; ``XXX`` where nobody says.
        currency_said: Where the currency comes from.
        span: First and last day counted; ``None`` where nothing was.
        missing_days: Days inside the span on which no daily report has any row.
        sentences: What was assumed or unified across files.
        refusals: Everything that could not be read, file by file.
        reconciliation: The account of the whole import; ``None`` where nothing could be counted.
        window_days: Attribution window of orders and revenue.
    """

    folder: str
    files: tuple[FileReport, ...]
    currency: str
    currency_said: str
    span: DayRange | None
    missing_days: tuple[date, ...]
    sentences: tuple[str, ...]
    refusals: tuple[Refusal, ...]
    reconciliation: Reconciliation | None
    window_days: int

    @property
    def usable(self) -> bool:
        """Tell whether anything can be decided from these files without skipping a refused cell."""
        return not self.refusals and any(f.found is Found.READ for f in self.files)

    @property
    def reports(self) -> tuple[FileReport, ...]:
        """Files whose figures are counted."""
        return tuple(f for f in self.files if f.found is Found.READ)
