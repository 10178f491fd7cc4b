"""What every target's bid was on past days, told from our own record of changes.

Facts of a day were earned at that day's bid; to speak of the present bid they are rescaled by the elasticity times
the log distance kept here. Confirmed changes only; a change inside a day counts for the part of the day after it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bidder.core.calendar import day_of, day_share, ordinal
from bidder.core.change import Field, PastChange, Status, Value
from bidder.core.entities import EntityKind, Structure
from bidder.core.money import Money
from bidder.core.performance import Float64, Int32
from bidder.forecast.layout import Layout
from bidder.forecast.sums import sum_by

_SAME = 1e-3
"""Relative difference up to which the bid shown and the last one on record are the same."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class BidSteps:
    """Steps of bids by target and day, for the targets that have any.

    Attributes:
        first_day: Ordinal of the first column.
        row: (n_targets,) row of each target below, -1 where no step is on record, int32.
        step: (n_stepped, n_days) log of bid after over bid before, summed over the day; 0 where nothing moved.
        behind: (n_stepped, n_days + 1) log of the present bid over the bid of the day (the average over the day);
            the first column is the time before ``first_day``.
    """

    first_day: int
    row: Int32
    step: Float64
    behind: Float64

    def distance(self, target: Int32, day: Int32) -> Float64:
        """Return log(present bid / bid on that day) for rows of facts; 0 where no step is on record."""
        if not len(self.step):
            return np.zeros(len(target))
        row = self.row[target]
        column = np.clip(day - self.first_day + 1, 0, self.behind.shape[1] - 1)
        return np.where(row >= 0, self.behind[np.maximum(row, 0), column], 0.0)


def bid_steps(changes: Iterable[PastChange], structure: Structure, layout: Layout, *, today: int) -> BidSteps:
    """Read the confirmed bid changes of targets, and of ad groups whose targets take their bid."""
    steps = [
        change
        for change in changes
        if change.field is Field.BID and change.status is Status.CONFIRMED and _is_step(change.old, change.new)
    ]
    row_of = {str(identity): row for row, identity in enumerate(layout.target_ids)} if steps else {}
    heirs = _heirs(structure) if any(change.ref.kind is EntityKind.AD_GROUP for change in steps) else {}
    rows: list[int] = []
    sources: list[int] = []
    for number, change in enumerate(steps):
        ref = change.ref
        if ref.kind is EntityKind.TARGET:
            row = row_of.get(ref.id)
            if row is not None:
                rows.append(row)
                sources.append(number)
        elif ref.kind is EntityKind.AD_GROUP:
            found = heirs.get(ref.id, ())
            rows.extend(found)
            sources.extend([number] * len(found))
    zone = structure.time_zone
    moments = {at: (ordinal(day_of(at, zone)), day_share(at, zone)) for at in {change.at for change in steps}}
    source = np.array(sources, dtype=np.intp)
    whens = np.array([moments[change.at] for change in steps]).reshape(-1, 2)[source]
    olds = np.array([change.old.micros for change in steps if isinstance(change.old, Money)], dtype=np.float64)[source]
    news = np.array([change.new.micros for change in steps if isinstance(change.new, Money)], dtype=np.float64)[source]
    return _stacked(
        np.array(rows, dtype=np.int32),
        whens[:, 0].astype(np.int32),
        whens[:, 1],
        np.log(news / olds),
        dict(zip(rows, news.tolist(), strict=True)),
        layout,
        today=today,
    )


def _is_step(old: Value | None, new: Value) -> bool:
    """Tell whether both ends are bids."""
    return isinstance(old, Money) and isinstance(new, Money) and old.micros > 0 and new.micros > 0


def _heirs(structure: Structure) -> dict[str, list[int]]:
    """Return the rows of the targets that take their ad group's bid, by ad group."""
    heirs: dict[str, list[int]] = {}
    for row, target in enumerate(structure.targets):
        if target.bid is None:
            heirs.setdefault(target.ad_group_id, []).append(row)
    return heirs


def _stacked(
    target: Int32, day: Int32, share: Float64, log: Float64, last: dict[int, float], layout: Layout, *, today: int
) -> BidSteps:
    row = np.full(len(layout), -1, dtype=np.int32)
    if not len(target):
        return BidSteps(first_day=today, row=row, step=np.zeros((0, 1)), behind=np.zeros((0, 2)))
    stepped = np.unique(target)
    row[stepped] = np.arange(len(stepped), dtype=np.int32)
    first_day = int(day.min())
    width = max(today, int(day.max())) - first_day + 1
    cell = row[target].astype(np.int64) * width + (day - first_day)
    step = sum_by(cell, log, len(stepped) * width).reshape(-1, width)
    partly = sum_by(cell, log * share, len(stepped) * width).reshape(-1, width)
    behind = np.zeros((len(stepped), width + 1))
    behind[:, :-1] = np.cumsum(step[:, ::-1], axis=1)[:, ::-1]
    behind[:, 1:] += partly
    behind += _unrecorded(stepped, last, layout)[:, None]
    return BidSteps(first_day=first_day, row=row, step=step, behind=behind)


def _unrecorded(stepped: NDArray[np.int32], last: dict[int, float], layout: Layout) -> Float64:
    """Return the log distance from the last bid on record to the one shown now: a move that nobody recorded."""
    recorded = np.array([last[int(row)] for row in stepped])
    shown = layout.bid_micros[stepped]
    usable = np.isfinite(shown) & (shown > 0)
    gap = np.log(np.where(usable, shown, recorded) / recorded)
    return np.where(np.abs(gap) > _SAME, gap, 0.0)
