"""Prove that nothing was lost: what a file sums to, what was imported, and where the rest went, figure by figure.

`bidder audit` prints these; the first thing an operator checks is that the totals equal the console's to the cent.
Pure.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from adapters.files.mapping import METRICS, MONEY, Role

Sums = tuple[Decimal | None, ...]
"""One sum for each of `METRICS`; ``None`` where the file has no such figure."""


def add_up(values: Sequence[Sequence[Decimal | None]]) -> Sums:
    """Add figures row by row, exactly; a metric that no row has stays ``None``."""
    sums: list[Decimal | None] = [None] * len(METRICS)
    for row in values:
        for index, value in enumerate(row):
            if value is not None:
                sums[index] = value + (sums[index] or 0)
    return tuple(sums)


def plus(first: Sums, second: Sums) -> Sums:
    """Add two sums; missing and a figure give the figure."""
    return add_up([first, second])


_ADD_UP = (Role.IMPRESSIONS, Role.CLICKS, Role.SPEND)
"""Figures of which no two rows share a part."""

_ROUNDED = "the rows of the export are rounded"


@dataclass(frozen=True, slots=True, kw_only=True)
class Exclusion:
    """Rows that were not imported, why, and what they carry.

    Attributes:
        reason: As a sentence without a full stop.
        rows: How many.
        sums: Their figures, as far as they could be read.
    """

    reason: str
    rows: int
    sums: Sums


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricCheck:
    """The account of one figure.

    Attributes:
        metric: Which.
        in_file: Sum of every row of data.
        imported: Sum of what the domain objects hold.
        excluded: Sum of the rows left out, each for a reason given in the reconciliation.
        adjusted: What rounding and corrections moved, each stated.
        stated: What the file's own totals row says; ``None`` where it has none.
    """

    metric: Role
    in_file: Decimal
    imported: Decimal
    excluded: Decimal
    adjusted: Decimal
    stated: Decimal | None

    @property
    def unexplained(self) -> Decimal:
        """What is neither imported nor explained; anything but zero is a bug."""
        return self.in_file - self.excluded + self.adjusted - self.imported

    @property
    def agrees(self) -> bool:
        """Tell whether the rows sum to the file's own totals row, where it has one."""
        return self.stated is None or self.stated == self.in_file

    @property
    def doubtful(self) -> bool:
        """Tell whether the totals row contradicts the rows by more than rounding, in a figure that adds up.

        Orders and what follows from them may be shared by several rows; impressions, clicks and spend may not.
        """
        return not self.agrees and self.metric in _ADD_UP and _why(self) != _ROUNDED

    @property
    def whole(self) -> bool:
        """Tell whether everything in the file was imported."""
        return self.in_file == self.imported

    def show(self, amount: Decimal) -> str:
        """Render an amount of this metric with at least two decimals for money."""
        exact = amount.normalize() if amount else Decimal(0)
        digits = max(-int(exact.as_tuple().exponent), 0)
        return f"{exact:,.{max(digits, 2) if self.metric in MONEY else digits}f}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconciliation:
    """The account of one file, or of a whole import.

    Attributes:
        name: Which file, or the folder.
        checks: One for each figure present.
        exclusions: Where the rest went.
        adjustments: Sentences for everything that rounding and corrections moved.
        totals_rows: Labels of the totals rows found; they were used as control sums, never as data.
    """

    name: str
    checks: tuple[MetricCheck, ...]
    exclusions: tuple[Exclusion, ...] = ()
    adjustments: tuple[str, ...] = ()
    totals_rows: tuple[str, ...] = ()

    @property
    def holds(self) -> bool:
        """Tell whether every figure is imported or explained, and no totals row contradicts its rows."""
        return all(check.unexplained == 0 and not check.doubtful for check in self.checks)

    def check(self, metric: Role) -> MetricCheck | None:
        """Return the account of one figure, or ``None`` where the file lacks it."""
        return next((check for check in self.checks if check.metric is metric), None)

    def sentences(self) -> tuple[str, ...]:
        """Say what does not match and why; empty where everything was imported and agrees."""
        said = []
        for check in self.checks:
            if not check.agrees and check.stated is not None:
                difference = check.show(abs(check.stated - check.in_file))
                more = "more" if check.stated > check.in_file else "less"
                said.append(
                    f"{check.metric}: the file's own totals row says {check.show(check.stated)}, {difference} {more} "
                    f"than its rows add up to: {_why(check)}"
                )
        spend = METRICS.index(Role.SPEND)
        for exclusion in self.exclusions:
            amount = exclusion.sums[spend]
            money = self.check(Role.SPEND)
            carried = f", carrying a spend of {money.show(amount)}" if amount is not None and money else ""
            said.append(
                f"{exclusion.rows} row{'s' if exclusion.rows != 1 else ''} not imported{carried}: {exclusion.reason}"
            )
        return (*said, *self.adjustments)


def _why(check: MetricCheck) -> str:
    assert check.stated is not None  # noqa: S101  (the caller has looked)
    close = abs(check.stated - check.in_file) <= max(abs(check.in_file) * Decimal("0.001"), Decimal(1))
    if close:
        return _ROUNDED
    if check.stated > check.in_file:
        return "rows are missing from the export (a filter, or removed entities) or it was cut short"
    if check.metric in _ADD_UP:
        return "the totals row counts less than the rows: some may stand in the export twice"
    return "the totals row counts less than the rows, as where one order is shared by several"


def build_checks(
    in_file: Sums, imported: Sums, exclusions: Sequence[Exclusion], adjusted: Sums, stated: Mapping[Role, Decimal]
) -> tuple[MetricCheck, ...]:
    """Put the account of each figure together."""
    excluded = add_up([e.sums for e in exclusions])
    checks = []
    for index, metric in enumerate(METRICS):
        total = in_file[index]
        if total is None:
            continue
        checks.append(
            MetricCheck(
                metric=metric,
                in_file=total,
                imported=imported[index] or Decimal(0),
                excluded=excluded[index] or Decimal(0),
                adjusted=adjusted[index] or Decimal(0),
                stated=stated.get(metric),
            )
        )
    return tuple(checks)
