"""What every target's bid was on past days, told from our own record of changes.

Facts of a day were earned at that day's bid; to speak of the present bid they are rescaled by the elasticity times
the log distance kept here. Confirmed changes only; a change inside a day counts for the part of the day after it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from bidder.core.calendar import day_of, day_share, ordinal
from bidder.core.change import Field, PastChange, Status
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
    row_of = {str(identity): row for row, identity in enumerate(layout.target_ids)}
    heirs: dict[str, list[int]] | None = None
    rows: list[int] = []
    olds: list[int] = []
    news: list[int] = []
    ats: list[datetime] = []
    for change in changes:
        old, new = change.old, change.new
        if change.field is not Field.BID or change.status is not Status.CONFIRMED:
            continue
        if not isinstance(old, Money) or not isinstance(new, Money) or old.micros <= 0 or new.micros <= 0:
            continue
        ref = change.ref
        found: Sequence[int] = ()
        if ref.kind is EntityKind.TARGET:
            row = row_of.get(ref.id)
            found = () if row is None else (row,)
        elif ref.kind is EntityKind.AD_GROUP:
            heirs = _heirs(structure) if heirs is None else heirs
            found = heirs.get(ref.id, ())
        for row in found:
            rows.append(row)
            olds.append(old.micros)
            news.append(new.micros)
            ats.append(change.at)
    moments = {at: _moment(at, structure.time_zone) for at in set(ats)}
    whens = np.array([moments[at] for at in ats]).reshape(-1, 2)
    before, after = np.array(olds, dtype=np.float64), np.array(news, dtype=np.float64)
    return _stacked(
        np.array(rows, dtype=np.int32),
        whens[:, 0].astype(np.int32),
        whens[:, 1],
        np.log(after / before),
        dict(zip(rows, after.tolist(), strict=True)),
        layout,
        today=today,
    )


@lru_cache(maxsize=8192)
def _moment(at: datetime, zone: str) -> tuple[int, float]:
    """Return the ordinal of the marketplace day and the part of it that had passed; asked again every cycle."""
    return ordinal(day_of(at, zone)), day_share(at, zone)


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
