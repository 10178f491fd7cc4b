"""Our own test moves of the last weeks as an experiment: which days count, and what they say beside observed steps.

Sides are drawn again from seed, target and day (`bidder.core.perturbation`), so nothing is stored for this. A day
counts where a test move was in force when it began: told by our record of changes and by nothing that the day's own
draw could touch. Called by `bidder.forecast.response`; derivation in docs/maths/perturbation.md.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bidder.core.calendar import day_of, day_share, ordinal
from bidder.core.change import Field, PastChange, Status
from bidder.core.entities import Editor, EntityKind
from bidder.core.performance import Float64, Int32
from bidder.core.perturbation import Keys, drawn_sides, period_days, target_keys
from bidder.core.policy import Policy
from bidder.core.reasons import Code
from bidder.core.snapshot import Snapshot
from bidder.forecast.bids import BidSteps
from bidder.forecast.facts import TargetFacts
from bidder.forecast.layout import Layout
from bidder.forecast.lots import Drawn
from bidder.forecast.presence import LEAST_SHARE, Presence
from bidder.forecast.sums import sum_by

_PERIODS = 4
"""Draws for which a test move counts as in force with no other on record: a side repeats so often once in sixteen."""

_FIRM_CLICKS = 50.0
"""Clicks that a usual day of the account weighs against the day's own: few targets tell little of a day's demand."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LotDays:
    """Days that began on a test move.

    Attributes:
        first_day: Ordinal of the first column of ``on``.
        rows: (n_tested,) rows of targets with a test move on record, ascending.
        on: (n_tested, n_days) the day began on a test move.
        late: (n_tested,) share of the day that is usually over when the target's side changes.
        keys: (n_tested,) from which sides are drawn.
        period: Days of one draw.
    """

    first_day: int
    rows: NDArray[np.intp]
    on: NDArray[np.bool_]
    late: Float64
    keys: Keys
    period: int

    def sides(self, tested: NDArray[np.intp], day: Int32) -> Float64:
        """Return the side in force on days of tested targets, parts of two draws weighed by their share of the day."""
        now = drawn_sides(self.keys[tested], day.astype(np.int64) // self.period)
        before = drawn_sides(self.keys[tested], (day.astype(np.int64) - 1) // self.period)
        late = self.late[tested]
        sides: Float64 = (1.0 - late) * now + late * before
        return sides


def lot_days(snapshot: Snapshot, layout: Layout, policy: Policy, *, today: int) -> LotDays | None:
    """Find the days that began on a test move; ``None`` where no test move is on record."""
    period = period_days(policy.perturbation, snapshot.profile)
    moves = [change for change in snapshot.memory.changes if _moved(change)]
    tested = {change.ref.id for change in moves if _is_test(change)}
    if not tested:
        return None
    rows = np.array([row for row, identity in enumerate(layout.target_ids) if str(identity) in tested], dtype=np.intp)
    number = {str(layout.target_ids[row]): n for n, row in enumerate(rows.tolist())}
    zone = snapshot.structure.time_zone
    instants = {change.at for change in moves}
    moments = {at: (ordinal(day_of(at, zone)), day_share(at, zone)) for at in instants}
    known = [change for change in moves if change.ref.id in number]
    if not known:
        return None
    place = np.array([number[change.ref.id] for change in known], dtype=np.int64)
    day = np.array([moments[change.at][0] for change in known], dtype=np.int64)
    share = np.array([moments[change.at][1] for change in known])
    test = np.array([_is_test(change) for change in known])
    first_day = int(day.min())
    count = sum_by(place, test.astype(np.float64), len(rows))
    return LotDays(
        first_day=first_day,
        rows=rows,
        on=_began_on_test(place, day - first_day, test, (len(rows), max(today - first_day, 0) + 1), period),
        late=sum_by(place, test * share, len(rows)) / np.maximum(count, 1.0),
        keys=target_keys(policy.seed, snapshot.account.id, (layout.target_ids[row] for row in rows.tolist())),
        period=period,
    )


def _moved(change: PastChange) -> bool:
    return change.ref.kind is EntityKind.TARGET and change.field is Field.BID and change.status is Status.CONFIRMED


def _is_test(change: PastChange) -> bool:
    return change.actor is Editor.DAEMON and change.reason_code == Code.BID_TEST.name


def _began_on_test(
    place: NDArray[np.int64], column: NDArray[np.int64], test: NDArray[np.bool_], shape: tuple[int, int], period: int
) -> NDArray[np.bool_]:
    """Tell the days on which the last move before their start was a test move, and not long ago."""
    last = np.full(shape, -1, dtype=np.int64)
    kind = np.zeros(shape, dtype=np.bool_)
    inside = column < shape[1]
    last[place[inside], column[inside]] = column[inside]
    kind[place[inside], column[inside]] = test[inside]  # The record is sorted: a day's last move stays.
    last = np.maximum.accumulate(last, axis=1)
    rows = np.arange(shape[0])[:, None]
    stood = (last >= 0) & kind[rows, np.maximum(last, 0)]
    age = np.arange(shape[1])[None, :] + 1 - last
    began = np.zeros(shape, dtype=np.bool_)
    began[:, 1:] = (stood & (age <= _PERIODS * period))[:, :-1]
    return began


def drawn_days(
    days: LotDays, facts: TargetFacts, present: Presence, steps: BidSteps, layout: Layout, elasticity: float
) -> Drawn:
    """Return the rows of the experiment: each counted day with its side, its bid and the traffic usual for it.

    A day without a row in the report is a day without clicks where the target was there: leaving it out would leave
    out the weakest days of the lower side.

    Args:
        days: Days that count.
        facts: Closed days that may be learned from.
        present: For which part of which day each target could be shown.
        steps: Bids of past days.
        layout: The targets.
        elasticity: Brings other targets' clicks to constant bids, where demand is read from them.
    """
    width, rows = present.days, days.rows
    number = np.full(len(layout), -1, dtype=np.intp)
    number[rows] = np.arange(len(rows))
    recent = facts.take((facts.day >= present.first_day) & (facts.day < present.first_day + width))
    own = recent.take(number[recent.target] >= 0)
    cell = number[own.target] * width + own.day - present.first_day
    clicks = sum_by(cell, own.clicks, len(rows) * width).reshape(-1, width)
    spend = sum_by(cell, own.spend_micros, len(rows) * width).reshape(-1, width)
    part = np.stack([present.column(n)[rows] for n in range(width)], axis=1)
    demand = _demand_of_others(recent, present, steps, rows, elasticity)
    at, on = np.nonzero(_aligned(days, present) & (part >= LEAST_SHARE))
    target, day = rows[at], (present.first_day + on).astype(np.int32)
    return Drawn(
        sign=days.sides(at, day),
        log_bid=-steps.distance(target.astype(np.int32), day),
        exposure=(part * demand)[at, on],
        clicks=clicks[at, on],
        spend=spend[at, on],
        target=at,
        lot=at.astype(np.int64) * (1 << 32) + day // days.period,
        pool=layout.category[target],
    )


def _aligned(days: LotDays, present: Presence) -> NDArray[np.bool_]:
    """Return the counted days on the columns of ``present``, shape (n_tested, n_days)."""
    on = np.zeros((len(days.rows), present.days), dtype=np.bool_)
    shift = days.first_day - present.first_day
    begin, end = max(shift, 0), min(shift + days.on.shape[1], present.days)
    if end > begin:
        on[:, begin:end] = days.on[:, begin - shift : end - shift]
    return on


def _demand_of_others(
    recent: TargetFacts, present: Presence, steps: BidSteps, rows: NDArray[np.intp], elasticity: float
) -> Float64:
    """Return what each day brought all targets but the own one, relative to their usual; shape (n_rows, n_days).

    Own clicks would take the answer to the own bid for demand, and part of the elasticity with it.
    """
    width, size = present.days, len(present.there)
    column = recent.day - present.first_day
    part = present.of_rows(recent.target, recent.day)
    constant = np.where(part > 0, recent.clicks * np.exp(elasticity * steps.distance(recent.target, recent.day)), 0.0)
    there = np.stack([present.column(n) for n in range(width)], axis=1)
    usual = sum_by(recent.target, constant, size) / np.maximum(there.sum(axis=1), 1e-9)
    due = (usual @ there)[None, :] - usual[rows, None] * there[rows]
    of_own = np.zeros((size, width))
    np.add.at(of_own, (recent.target, column), constant)
    seen = sum_by(column, constant, width)[None, :] - of_own[rows]
    demand: Float64 = np.maximum((seen + _FIRM_CLICKS) / (due + _FIRM_CLICKS), 1e-3)
    return demand
