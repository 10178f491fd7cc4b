"""Fact tables of the domain as frames by day, and back: which columns there are and how unknown values stand.

Counts that a venue does not report are -1 in arrays and null in the database; hours in stock are floats kept bit by bit
in the integer columns of a segment.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from sqlalchemy import Table

from bidder.core.calendar import from_ordinal
from bidder.core.performance import MISSING, Grain, Level, PerformanceTable, ProductSalesTable
from bidder.errors import StoreError
from bidder.store.segments import HOURS, Bools, Int64, Segment, keys_of
from models import DailyFactRow, HourlyFactRow, ProductFactRow
from models.tables import table_of

PRODUCT = "product"
"""Level under which sales on all channels are kept."""

_FACTS = ("impressions", "clicks", "spend_micros", "orders", "units", "revenue_micros", "carts", "favourites")
_SALES = ("units", "refunded_units", "revenue_micros", "refund_micros", "visitors", "carts", "in_stock_hours")


@dataclass(frozen=True, slots=True, kw_only=True)
class FactKind:
    """One table of facts.

    Attributes:
        table: Where the rows lie.
        values: Value columns, in the order of a segment's.
        optional: Those that may be unknown.
        fractions: Those that are floats.
        hourly: Whether rows have an hour.
    """

    table: Table
    values: tuple[str, ...]
    optional: frozenset[str]
    fractions: frozenset[str] = frozenset()
    hourly: bool = False

    @property
    def key(self) -> tuple[str, ...]:
        """Columns that name a fact within its series and day."""
        return ("entity", "hour") if self.hourly else ("entity",)


DAILY = FactKind(table=table_of(DailyFactRow), values=_FACTS, optional=frozenset({"units", "carts", "favourites"}))
HOURLY = FactKind(
    table=table_of(HourlyFactRow), values=_FACTS, optional=frozenset({"units", "carts", "favourites"}), hourly=True
)
SALES = FactKind(
    table=table_of(ProductFactRow),
    values=_SALES,
    optional=frozenset({"visitors", "carts", "in_stock_hours"}),
    fractions=frozenset({"in_stock_hours"}),
)


def kind_of(grain: Grain, level: str) -> FactKind:
    """Return the table that facts of a series lie in."""
    if level == PRODUCT:
        return SALES
    return HOURLY if grain is Grain.HOUR else DAILY


def frames(
    kind: FactKind, table: PerformanceTable | ProductSalesTable, numbers: Int64, names: Sequence[str]
) -> Iterator[tuple[int, Segment]]:
    """Cut a table into one frame a day, ascending.

    Args:
        kind: The table the facts lie in.
        table: Facts, no order promised.
        numbers: Our number of each id in the table's list of ids.
        names: The ids themselves, for messages.

    Raises:
        StoreError: One fact stands twice with different values.
    """
    if isinstance(table, PerformanceTable):
        local, hour = table.entity, table.hour.astype(np.int64)
    else:
        local, hour = table.product, np.full(len(table), -1, dtype=np.int64)
    if kind.hourly != bool((hour >= 0).all()) and len(table):
        raise StoreError("a report by hour names no hour, or one by day does; nothing was saved")
    keys, day = keys_of(numbers[local], hour), table.day.astype(np.int64)
    order = np.lexsort((table.observed_at, keys, day))
    keys, day, observed = keys[order], day[order], table.observed_at[order]
    values = np.stack([_bits(getattr(table, name))[order] for name in kind.values])
    twice = (keys[1:] == keys[:-1]) & (day[1:] == day[:-1])
    if twice.any():
        clash = twice & (values[:, 1:] != values[:, :-1]).any(axis=0)
        if clash.any():
            at = int(np.flatnonzero(clash)[0])
            where = f"{names[int(local[order][at])]} on {from_ordinal(int(day[at]))}"
            raise StoreError(f"the report holds {where} twice with different figures; nothing was saved")
        keep = np.append(~twice, True)
        keys, day, observed, values = keys[keep], day[keep], observed[keep], values[:, keep]
    edges = np.flatnonzero(np.diff(day)) + 1
    starts, ends = np.append(0, edges), np.append(edges, len(day))
    for start, end in zip(starts.tolist(), ends.tolist(), strict=True):
        if start < end:
            yield (
                int(day[start]),
                Segment(keys=keys[start:end], values=values[:, start:end], observed=observed[start:end]),
            )


def _joined(segments: Mapping[int, Segment], columns: int) -> tuple[Int64, Segment]:
    """Put the segments of several days behind each other; return the days of the rows, too."""
    if not segments:
        return np.zeros(0, dtype=np.int64), Segment.nothing(columns)
    parts = list(segments.values())
    return np.repeat(np.fromiter(segments, dtype=np.int64), [len(part) for part in parts]), Segment(
        keys=np.concatenate([part.keys for part in parts]),
        values=np.concatenate([part.values for part in parts], axis=1),
        observed=np.concatenate([part.observed for part in parts]),
    )


def performance(
    segments: Mapping[int, Segment],
    *,
    level: Level,
    grain: Grain,
    window_days: int,
    currency: str,
    ids: tuple[str, ...],
) -> PerformanceTable:
    """Join segments by day into the domain's table; ``ids`` are in the order of our numbers."""
    day, rows = _joined(segments, len(_FACTS))
    columns = dict(zip(_FACTS, rows.values, strict=True))
    return PerformanceTable(
        level=level,
        grain=grain,
        window_days=window_days,
        currency=currency,
        entity_ids=ids,
        entity=(rows.keys // HOURS).astype(np.int32),
        day=day.astype(np.int32),
        hour=(rows.keys % HOURS - 1).astype(np.int8),
        observed_at=rows.observed,
        **columns,
    )


def product_sales(segments: Mapping[int, Segment], *, currency: str, ids: tuple[str, ...]) -> ProductSalesTable:
    """Join segments of sales by day into the domain's table."""
    day, rows = _joined(segments, len(_SALES))
    columns = dict(zip(_SALES, rows.values, strict=True))
    hours = columns.pop("in_stock_hours").view(np.float64)
    return ProductSalesTable(
        currency=currency,
        product_ids=ids,
        product=(rows.keys // HOURS).astype(np.int32),
        day=day.astype(np.int32),
        in_stock_hours=hours,
        observed_at=rows.observed,
        **columns,
    )


def stored(kind: FactKind, name: str, column: Int64) -> list[int | float | None]:
    """Return a value column as the database takes it: unknown is null."""
    if name in kind.fractions:
        return [None if value != value else value for value in column.view(np.float64).tolist()]  # noqa: PLR0124
    numbers: list[int | float | None] = column.tolist()
    if name not in kind.optional:
        return numbers
    unknown: Bools = column == MISSING
    if unknown.all():
        return [None] * len(column)
    return [None if value == MISSING else value for value in numbers] if unknown.any() else numbers


def restored(kind: FactKind, name: str, column: Sequence[int | float | None]) -> Int64:
    """Return a value column as a segment holds it."""
    if name in kind.fractions:
        return _bits(np.array([np.nan if value is None else value for value in column], dtype=np.float64))
    if name in kind.optional:
        return np.array([MISSING if value is None else value for value in column], dtype=np.int64)
    return np.array(column, dtype=np.int64)


def _bits(column: np.ndarray[tuple[int], np.dtype[np.int64 | np.float64]]) -> Int64:
    """Return floats as their bits, every nan alike; integers as they are."""
    if column.dtype != np.float64:
        return column.astype(np.int64, copy=False)
    plain = np.where(np.isnan(column), np.nan, column) + 0.0
    return plain.view(np.int64)
