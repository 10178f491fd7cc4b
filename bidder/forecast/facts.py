"""Reported facts as rows of targets: what may be learned from, in the row order of the layout.

One gate for everything that must not be learned: excluded days and the days of sale events leave here, before any
estimate sees them. Facts of a coarser level than the target are shared out among the targets below it. A row that
is not there stays missing.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from bidder.core.calendar import day_of, day_start, from_ordinal, ordinal
from bidder.core.performance import (
    MISSING,
    Float64,
    Int32,
    Int64,
    Level,
    PerformanceTable,
    micros_since_epoch,
)
from bidder.core.policy import SaleEvent
from bidder.forecast.layout import Codes, Layout
from bidder.forecast.sums import sum_by

_DAY_MICROS = 86_400_000_000.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TargetFacts:
    """Daily facts of targets, arrays of shape (n_rows,), float64 unless said.

    Attributes:
        today: Ordinal of the marketplace day of the forecast; rows of it are a day that is still open.
        first_day: Ordinal of the first day that rows may have.
        target: Row's target, int32 row of the layout. day: Click day ordinal, int32.
        elapsed: Days between the start of the click day and the observation.
        impressions, clicks, orders: Counts; fractions where coarser facts were shared out.
        spend_micros, revenue_micros: Money.
        carts: Carts and favourites, nan where the venue reports neither.
    """

    today: int
    first_day: int
    target: Int32
    day: Int32
    elapsed: Float64
    impressions: Float64
    clicks: Float64
    orders: Float64
    spend_micros: Float64
    revenue_micros: Float64
    carts: Float64

    def __len__(self) -> int:
        return len(self.target)

    def take(self, rows: NDArray[np.bool_] | NDArray[np.intp]) -> TargetFacts:
        """Return the chosen rows."""
        return TargetFacts(
            today=self.today, first_day=self.first_day, **{name: getattr(self, name)[rows] for name in _COLUMNS}
        )

    def closed(self) -> TargetFacts:
        """Return the rows of days that are over."""
        return self if not len(self) or self.day.max() < self.today else self.take(self.day < self.today)


_COLUMNS = (
    "target", "day", "elapsed", "impressions", "clicks", "orders", "spend_micros", "revenue_micros", "carts",
)  # fmt: skip


def event_days(events: Iterable[SaleEvent]) -> Int32:
    """Return the ordinals of all days that belong to a sale event: pre-heat, the sale and its aftermath."""
    days: set[int] = set()
    for event in events:
        first = ordinal(event.first) - event.preheat_days
        last = ordinal(event.last) + event.aftermath_days
        days.update(range(first, last + 1))
    return np.array(sorted(days), dtype=np.int32)


def learnable(day: Int32, unusable: Int32) -> NDArray[np.bool_]:
    """Tell which rows stand on days that may be learned from; shape of ``day``."""
    if not len(unusable) or not len(day):
        return np.ones(len(day), dtype=np.bool_)
    low, high = int(day.min()), int(day.max())
    usable = np.ones(high - low + 1, dtype=np.bool_)
    usable[unusable[(unusable >= low) & (unusable <= high)] - low] = False
    return usable[day - low]


def target_facts(
    table: PerformanceTable, layout: Layout, *, as_of: datetime, time_zone: str, learn_days: int, unusable: Int32
) -> TargetFacts:
    """Return the rows that may be learned from, by target.

    Args:
        table: Facts by day at any level.
        layout: The targets.
        as_of: Instant of the forecast; later rows are left out.
        time_zone: The marketplace's.
        learn_days: Closed days to look back.
        unusable: Ordinals of days that nothing is learned from.
    """
    today = ordinal(day_of(as_of, time_zone))
    first_day = today - learn_days
    start, step = _membership(table, layout)
    sizes = (step[table.entity] if len(step) else np.zeros(len(table), dtype=np.int64)).astype(np.int64)
    keep = (table.day >= first_day) & (table.day <= today) & (sizes > 0) & learnable(table.day, unusable)
    rows = np.flatnonzero(keep)
    source, target, share = _spread(table, rows, start, sizes, layout)
    elapsed = _elapsed(table.day[rows], table.observed_at[rows], as_of=as_of, time_zone=time_zone)
    if source is not None:
        rows, elapsed = rows[source], elapsed[source]

    def column(values: Int64) -> Float64:
        taken: Float64 = values[rows].astype(np.float64)
        return taken if share is None else taken * share

    return TargetFacts(
        today=today,
        first_day=first_day,
        target=target,
        day=table.day[rows],
        elapsed=elapsed,
        impressions=column(table.impressions),
        clicks=column(table.clicks),
        orders=column(table.orders),
        spend_micros=column(table.spend_micros),
        revenue_micros=column(table.revenue_micros),
        carts=_interest(table, rows, share),
    )


def covered_targets(
    table: PerformanceTable, layout: Layout, *, today: int, excluded: Int32, zeros_left_out: bool
) -> Float64:
    """Tell which targets the newest closed day of the report speaks of: 1.0 or 0.0, shape (n_targets,).

    A venue that leaves out targets without impressions is believed where the target's campaign is present.
    """
    covered = np.zeros(len(layout))
    past = (table.day < today) & learnable(table.day, excluded)
    if not past.any():
        return covered
    start, sizes = _membership(table, layout)
    newest = np.flatnonzero(past & (table.day == table.day[past].max()))
    sizes_of_rows = sizes[table.entity].astype(np.int64)
    newest = newest[sizes_of_rows[newest] > 0]
    _, target, _ = _spread(table, newest, start, sizes_of_rows, layout)
    covered[target] = 1.0
    if zeros_left_out:
        campaigns = np.zeros(len(layout.campaign_ids), dtype=np.bool_)
        campaigns[layout.campaign[target]] = True
        covered[campaigns[layout.campaign]] = 1.0
    return covered


def omits_zeros(facts: TargetFacts) -> bool:
    """Tell whether the venue leaves out rows of no impressions: then an absent row is a zero, not a gap."""
    return len(facts) > 0 and not bool(((facts.impressions == 0) & (facts.clicks == 0)).any())


def _membership(table: PerformanceTable, layout: Layout) -> tuple[Codes, Codes]:
    """Return where each entity's targets start in the order of its level, and how many there are."""
    if table.level is Level.TARGET:
        row_of = {str(identity): row for row, identity in enumerate(layout.target_ids)}
        rows = np.array([row_of.get(name, -1) for name in table.entity_ids], dtype=np.int32)
        return rows, (rows >= 0).astype(np.int32)
    by_group = table.level is Level.AD_GROUP
    names = layout.ad_group_ids if by_group else layout.campaign_ids
    codes = layout.ad_group if by_group else layout.campaign
    counts = np.bincount(codes, minlength=len(names))
    first = np.cumsum(counts) - counts
    number = {name: code for code, name in enumerate(names)}
    known = [number.get(name, -1) for name in table.entity_ids]
    start = np.array([first[code] if code >= 0 else -1 for code in known], dtype=np.int32)
    return start, np.array([counts[code] if code >= 0 else 0 for code in known], dtype=np.int32)


def _spread(
    table: PerformanceTable, rows: NDArray[np.intp], start: Codes, sizes: Int64, layout: Layout
) -> tuple[NDArray[np.intp] | None, Int32, Float64 | None]:
    """Share rows of a coarser level out among their targets, evenly among the enabled ones where there are any.

    Returns:
        For each resulting row its position in ``rows`` (``None``: the same), its target and its share.
    """
    first = start[table.entity[rows]] if len(start) else np.zeros(0, dtype=np.int32)
    if table.level is Level.TARGET:
        return None, first, None
    codes = layout.ad_group if table.level is Level.AD_GROUP else layout.campaign
    members = np.argsort(codes, kind="stable").astype(np.int32)
    groups = int(codes.max()) + 1 if len(codes) else 0
    live = sum_by(codes, layout.live.astype(np.float64), groups)
    whole = np.bincount(codes, minlength=groups)
    weight = np.where(live[codes] > 0, layout.live / np.maximum(live[codes], 1), 1 / np.maximum(whole[codes], 1))
    counts = sizes[rows]
    source = np.repeat(np.arange(len(rows)), counts)
    offset = np.arange(len(source)) - np.repeat(np.cumsum(counts) - counts, counts)
    target = members[np.repeat(first, counts) + offset] if len(source) else np.zeros(0, dtype=np.int32)
    share: Float64 = weight[target]
    return source, target, share


def _elapsed(day: Int32, observed_at: Int64, *, as_of: datetime, time_zone: str) -> Float64:
    """Return the days from the start of each click day to its observation, never later than ``as_of``."""
    if not len(day):
        return np.zeros(0)
    first, last = int(day.min()), int(day.max())
    starts = np.array(
        [micros_since_epoch(day_start(from_ordinal(number), time_zone)) for number in range(first, last + 1)]
    )
    seen = np.minimum(observed_at, micros_since_epoch(as_of))
    elapsed: Float64 = np.maximum((seen - starts[day - first]) / _DAY_MICROS, 0.0)
    return elapsed


def _interest(table: PerformanceTable, rows: NDArray[np.intp], share: Float64 | None) -> Float64:
    """Return carts and favourites together, nan where the venue reports neither."""
    carts, favourites = table.carts[rows], table.favourites[rows]
    known = (carts != MISSING) | (favourites != MISSING)
    total = np.maximum(carts, 0) + np.maximum(favourites, 0)
    values = np.where(known, total, np.nan)
    interest: Float64 = values if share is None else values * share
    return interest
