"""All facts of one account: append what reports say, hand out the latest view as columns, fast.

The newest revision of every fact is kept in memory by day (`bidder.store.segments`) from the earliest day asked for on;
each save compares a report with it, writes only what differs, and replaces the days it touched. Days in memory are
never changed in place, so a snapshot that was handed out stays what it was. Where a transaction fails, the store throws
the whole book away and reads it again.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import numpy as np
from sqlalchemy import Connection, func, insert, select

from bidder.core.calendar import DayRange, day_of, from_ordinal, ordinal
from bidder.core.money import Money
from bidder.core.performance import (
    Development,
    Grain,
    History,
    Int32,
    Level,
    PerformanceReport,
    PerformanceTable,
    ProductSalesTable,
    micros_since_epoch,
)
from bidder.errors import StoreError
from bidder.store import development as growth
from bidder.store.accounts import AccountRecord
from bidder.store.database import new_id
from bidder.store.fact_rows import read_as_of, write_rows, write_sightings
from bidder.store.frames import PRODUCT, frames, performance, product_sales
from bidder.store.segments import HOURS, Bools, Segment, merge
from bidder.store.series import EntityNumbers, Series, load_series, new_series
from bidder.store.views import DayTotals
from models import ExcludedDayRow, ReportRow
from models.tables import table_of

_REPORTS = table_of(ReportRow)
_EXCLUDED = table_of(ExcludedDayRow)
_FINEST = (Level.TARGET.value, Level.AD_GROUP.value, Level.CAMPAIGN.value)
_SPEND = 2
"""Row of a segment's values that holds the spend of advertising."""
_EVER = 2**31 - 1


class FactBook:
    """The facts of one account.

    Args:
        record: The account.
    """

    def __init__(self, record: AccountRecord) -> None:
        self.record = record
        self.last_report = 0
        self._series: dict[tuple[Grain, str, int], Series] = {}
        self._current: dict[Grain, Series] = {}
        self._numbers = EntityNumbers()
        self._excluded: Int32 = np.zeros(0, dtype=np.int32)

    @classmethod
    def load(cls, connection: Connection, record: AccountRecord) -> FactBook:
        """Find out what there is; the facts themselves are read when they are asked for."""
        book = cls(record)
        by_id = {series.id: series for series in load_series(connection, record.number)}
        book._series = {(s.grain, s.level, s.window_days): s for s in by_id.values()}
        c = _REPORTS.c
        newest = select(c.series_id, func.max(c.id).label("report")).where(c.account_id == record.number)
        for series_id, report in connection.execute(newest.group_by(c.series_id).order_by(func.max(c.id))):
            book._current[by_id[series_id].grain] = by_id[series_id]
            book.last_report = int(report)
        book._numbers = EntityNumbers.load(connection, record.number)
        book.load_excluded(connection)
        return book

    @property
    def nbytes(self) -> int:
        """Bytes of the facts in memory."""
        return sum(series.nbytes for series in self._series.values())

    def load_excluded(self, connection: Connection) -> None:
        """Read the days that nothing is learned from."""
        days = select(_EXCLUDED.c.day).where(_EXCLUDED.c.account_id == self.record.number).order_by(_EXCLUDED.c.day)
        self._excluded = np.array(connection.execute(days).scalars().all(), dtype=np.int32)

    def exclude(self, connection: Connection, days: DayRange, *, reason: str, now: datetime) -> None:
        """Let nothing be learned from days, in the caller's transaction."""
        known = set(self._excluded.tolist())
        rows = [
            {"account_id": self.record.number, "day": ordinal(day), "reason": reason, "recorded_at": now}
            for day in days
            if ordinal(day) not in known
        ]
        if rows:
            connection.execute(insert(_EXCLUDED), rows)
            self.load_excluded(connection)

    def coverage(self, grain: Grain) -> DayRange | None:
        """Return the span of click days with advertising facts of that grain."""
        spans = [
            (s.first, s.last)
            for s in self._series.values()
            if s.grain is grain and s.level != PRODUCT and s.first is not None and s.last is not None
        ]
        if not spans:
            return None
        return DayRange(first=from_ordinal(min(a for a, _ in spans)), last=from_ordinal(max(b for _, b in spans)))

    # Saving

    def save(self, connection: Connection, grain: Grain, report: PerformanceReport) -> None:
        """Write what a report brings, in the caller's transaction.

        Raises:
            StoreError: The report contradicts itself or its account.
        """
        facts, currency = report.facts, self.record.account.currency
        found = {facts.currency} | ({report.products.currency} if report.products is not None else set())
        if facts.grain is not grain or found != {currency}:
            what = f"by {facts.grain} in {', '.join(sorted(found))}"
            raise StoreError(f"a report {what} came for facts by {grain} in {currency}; nothing was saved")
        series = self._series_for(connection, grain, facts.level.value, facts.window_days)
        row = {
            "account_id": self.record.number,
            "series_id": series.id,
            "first_day": ordinal(report.days.first),
            "last_day": ordinal(report.days.last),
            "observed_at": report.observed_at,
            "rows": len(facts),
            "rows_changed": 0,
            "account_spend_micros": report.account_spend_micros,
        }
        revision = new_id(connection.execute(insert(_REPORTS).values(row)))
        changed = self._save_table(connection, series, facts, facts.entity_ids, revision)
        if report.products is not None:
            sales = self._series_for(connection, Grain.DAY, PRODUCT, 0)
            self._save_table(connection, sales, report.products, report.products.product_ids, revision)
        connection.execute(_REPORTS.update().where(_REPORTS.c.id == revision).values(rows_changed=changed))
        self._current[grain] = series
        self.last_report = revision

    def _save_table(
        self,
        connection: Connection,
        series: Series,
        table: PerformanceTable | ProductSalesTable,
        ids: tuple[str, ...],
        revision: int,
    ) -> int:
        """Compare one table with what is known of its days and write the difference; return rows written."""
        if not len(table):
            return 0
        numbers = self._numbers.of(connection, self.record.number, series.level, ids)
        series.ensure(connection, int(table.day.min()))
        rows: list[tuple[int, Segment, Bools]] = []
        seen: list[tuple[int, Segment, bool]] = []
        changed: dict[int, Segment] = {}
        cells: growth.Cells = {}
        age_of = self._age_of(int(table.observed_at.max()))
        for day, frame in frames(series.kind, table, numbers, ids):
            known = series.days.get(day, Segment.nothing(len(series.kind.values)))
            merged = merge(known, frame)
            written = merged.news | merged.late
            if written.any():
                rows.append((day, _pick(frame, written), merged.late[written]))
            if not merged.news.all():
                seen.append((day, _pick(frame, ~merged.late), merged.complete))
            changed[day] = merged.segment
            age = age_of(day)
            if series.level != PRODUCT and series.grain is Grain.DAY and 0 <= age <= growth.OLDEST_AGE:
                cell = growth.cell_of(merged.segment, int(frame.observed.max()))
                if len(frame) >= growth.COVERAGE * len(merged.segment) and growth.is_news(series.cells, day, age, cell):
                    cells[day, age] = cell
        written_rows = write_rows(connection, series.kind, series.id, revision, rows)
        write_sightings(connection, series.id, revision, seen)
        growth.write_cells(connection, series.id, cells)
        series.put(changed, cells)
        return written_rows

    def _age_of(self, observed: int) -> Callable[[int], int]:
        """Return how to tell a click day's age at an instant, in marketplace days."""
        instant = datetime.fromtimestamp(observed / 1_000_000, tz=UTC)
        today = ordinal(day_of(instant, self.record.account.time_zone))
        return lambda day: today - day

    def _series_for(self, connection: Connection, grain: Grain, level: str, window_days: int) -> Series:
        key = (grain, level, window_days)
        if key not in self._series:
            self._series[key] = new_series(connection, self.record.number, grain, level, window_days)
        return self._series[key]

    # Reading

    @property
    def longest_window(self) -> int | None:
        """Return the longest attribution window of daily facts, ``None`` where there are none."""
        return max((window for grain, _, window in self._series if grain is Grain.DAY), default=None)

    def history(self, connection: Connection, *, window_days: int, days: DayRange, as_of: datetime) -> History:
        """Return the latest revision of every fact known at ``as_of``."""
        first, last, until = ordinal(days.first), ordinal(days.last), micros_since_epoch(as_of)
        daily = self._table(connection, Grain.DAY, window_days, first, last, until)
        hourly = self._table(connection, Grain.HOUR, window_days, first, last, until)
        series = self._finest(Grain.DAY, window_days)
        return History(
            daily=daily,
            hourly=hourly,
            products=self._sales(connection, first, last, until),
            development=self._development(connection, series, window_days, first, last, until),
            excluded_days=self._excluded,
        )

    def spend_by_entity(self, connection: Connection, grain: Grain, day: int) -> tuple[str, dict[str, int]]:
        """Return the level of the facts imported last and the spend of one day by entity id, as last reported."""
        series = self._current.get(grain)
        if series is None:
            return "", {}
        series.ensure(connection, day)
        part = series.days.get(day)
        if part is None:
            return series.level, {}
        names = self._numbers.names(series.level)
        totals = np.bincount(part.keys // HOURS, weights=part.values[_SPEND], minlength=len(names))
        return series.level, {names[n]: int(totals[n]) for n in np.unique(part.keys // HOURS).tolist()}

    def spend_since(self, connection: Connection, first: int) -> int | None:
        """Return the spend from a day on as last reported, ``None`` where nothing is known."""
        series = self._current.get(Grain.DAY)
        if series is None:
            return None
        series.ensure(connection, first)
        parts = [part for day, part in series.days.items() if day >= first]
        return sum(int(part.values[_SPEND].sum()) for part in parts) if parts else None

    def totals(self, connection: Connection, days: DayRange) -> tuple[DayTotals, ...]:
        """Return the totals of each click day with facts, ascending, of the series imported last."""
        series = self._current.get(Grain.DAY)
        if series is None:
            return ()
        first, last, currency = ordinal(days.first), ordinal(days.last), self.record.account.currency
        series.ensure(connection, first)
        found = []
        for day, part in series.between(first, last).items():
            sums = dict(zip(series.kind.values, part.values.sum(axis=1).tolist(), strict=True))
            found.append(
                DayTotals(day=from_ordinal(day), impressions=sums["impressions"], clicks=sums["clicks"],
                          orders=sums["orders"], spend=Money(sums["spend_micros"], currency),
                          revenue=Money(sums["revenue_micros"], currency))
            )  # fmt: skip
        return tuple(found)

    def _finest(self, grain: Grain, window_days: int) -> Series | None:
        """Return the series at the finest level that has facts."""
        for level in _FINEST:
            series = self._series.get((grain, level, window_days))
            if series is not None and series.first is not None:
                return series
        return None

    def _days(
        self, connection: Connection, series: Series, first: int, last: int, until: int
    ) -> tuple[dict[int, Segment], bool]:
        """Return the days of a span as known at an instant, and whether that is the latest view."""
        series.ensure(connection, first)
        if until >= series.newest:
            return series.between(first, last), True
        return read_as_of(connection, series.kind, series.id, first, last, until), False

    def _table(
        self, connection: Connection, grain: Grain, window_days: int, first: int, last: int, until: int
    ) -> PerformanceTable:
        series, currency = self._finest(grain, window_days), self.record.account.currency
        if series is None:
            return PerformanceTable.empty(level=Level.TARGET, grain=grain, window_days=window_days, currency=currency)
        segments, latest = self._days(connection, series, first, last, until)
        known = series.joined.get((first, last)) if latest else None
        if isinstance(known, PerformanceTable):
            return known
        table = performance(
            segments,
            level=Level(series.level),
            grain=grain,
            window_days=window_days,
            currency=currency,
            ids=self._numbers.names(series.level),
        )
        if latest:
            series.joined = {(first, last): table}
        return table

    def _sales(self, connection: Connection, first: int, last: int, until: int) -> ProductSalesTable:
        series, currency = self._series.get((Grain.DAY, PRODUCT, 0)), self.record.account.currency
        if series is None:
            return ProductSalesTable.empty(currency=currency)
        segments, latest = self._days(connection, series, first, last, until)
        known = series.joined.get((first, last)) if latest else None
        if isinstance(known, ProductSalesTable):
            return known
        table = product_sales(segments, currency=currency, ids=self._numbers.names(PRODUCT))
        if latest:
            series.joined = {(first, last): table}
        return table

    def _development(
        self, connection: Connection, series: Series | None, window_days: int, first: int, last: int, until: int
    ) -> Development:
        if series is None:
            return growth.development({}, first, last, window_days)
        cells = series.cells
        if until < series.newest:
            cells = growth.read_cells(connection, series.id, first, last, until=until)
        return growth.development(cells, first, last, window_days)


def _pick(frame: Segment, rows: Bools) -> Segment:
    if rows.all():
        return frame
    return Segment(keys=frame.keys[rows], values=frame.values[:, rows], observed=frame.observed[rows])
