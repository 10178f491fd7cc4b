"""Daily budgets from worthwhile spend: enough for what earns, less for what loses, never more than the cap together.

A budget is a ceiling, the bid is what shapes spend: where money is short, bids fall first (`bidder.core.bids`) and
budgets follow. Campaigns that share a budget are one lever. Called by `bidder.core.decide`; docs/maths/pacing.md.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bidder.core.layout import NONE, Flags
from bidder.core.performance import Float64, Int64

LOOSE = 1.5
"""A budget this much above what is needed is left alone while the cap has room: lowering it would change nothing."""
_KEEP = 0.5
"""Share of its need that a lever keeps when money is short, so that it can still be judged."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Needs:
    """What each budget lever could use today, arrays of shape (n_levers,), float micros.

    Attributes:
        spend: Expected spend of the whole day at the bids decided now, without running dry.
        worthwhile: Of the allocation, for levers whose average return does not pay.
        earns: Contribution per unit of spend at those bids; nan where nothing is known.
        first: Levers with a top seller: served before all others.
    """

    spend: Float64
    worthwhile: Float64
    earns: Float64
    first: Flags


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Bounds:
    """What budgets may be, by lever, int64 micros.

    Attributes:
        now: In force, -1 without a limit. day_start: At the start of the marketplace day.
        low, high: Of venue and policy. least, increment: Of the venue, low being at least its least.
        floor_today: Already spent today: a budget below it ends the day at once.
        step, dead_band: Ratios of the policy.
        cap: Most that the budgets of running levers may add up to, less those that are not ours to move.
    """

    now: Int64
    day_start: Int64
    low: int
    high: int
    least: int
    increment: int
    floor_today: Int64
    step: float
    dead_band: float
    cap: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Budgets:
    """Decided budgets by lever.

    Attributes:
        micros: New budget; equal to the present one where nothing changes.
        forced: Lowered because of the cap, outside the step limit.
        lifted: Raised to the venue's least budget, outside the step limit: it takes no value in between.
        wanted: Before steps, for reasons.
        infeasible: The least budgets alone exceed the cap.
    """

    micros: Int64
    forced: Flags
    lifted: Flags
    wanted: Float64
    infeasible: bool


def decide_budgets(needs: Needs, bounds: Bounds, *, headroom: float) -> Budgets:
    """Return budgets whose sum stays within the cap after rounding.

    Args:
        needs: What levers could use, and what they bring.
        bounds: What budgets may be.
        headroom: Budget over expected spend where the cap leaves room.
    """
    low, high = float(bounds.low), float(bounds.high)
    present = np.where(bounds.now == NONE, np.inf, bounds.now.astype(np.float64))
    losing = needs.earns < 1.0
    need = np.where(losing, np.minimum(needs.spend, needs.worthwhile), needs.spend)
    wanted = np.clip(_share_out(need, needs, float(bounds.cap), headroom), low, high)
    room = float(np.sum(wanted)) <= bounds.cap
    relaxed = np.clip(np.where(np.isfinite(present), present, wanted), wanted, np.where(losing, 1.0, LOOSE) * wanted)
    if room and float(np.sum(relaxed)) <= bounds.cap:
        wanted = relaxed
    stepped = _step(wanted, bounds, present)
    micros = _grid(stepped, bounds.increment)
    limited = bounds.now != NONE
    still = limited & (np.abs(micros - bounds.now) < bounds.dead_band * bounds.now)
    micros = np.where(still, bounds.now, micros)
    micros = np.where(limited & (micros < bounds.least), bounds.least, micros)
    return _within_cap(micros, bounds, wanted)


def _share_out(need: Float64, needs: Needs, cap: float, headroom: float) -> Float64:
    """Give every lever its need with headroom, or share a short cap: top sellers, then the best average return."""
    total = float(np.sum(need))
    if total * headroom <= cap:
        return need * headroom
    if total <= cap:
        return need * (cap / total)
    granted = np.zeros_like(need)
    left = cap
    keep = need * np.where(needs.first, 1.0, _KEEP)
    for part in (np.where(needs.first, keep, 0.0), np.where(needs.first, 0.0, keep)):
        asked = float(np.sum(part))
        granted += part * (min(left / asked, 1.0) if asked > 0 else 0.0)
        left = max(cap - float(np.sum(granted)), 0.0)
    order = np.lexsort((np.arange(len(need)), -np.nan_to_num(needs.earns, nan=-1.0)))
    for row in order.tolist():
        more = min(max(need[row] - granted[row], 0.0), left)
        granted[row] += more
        left -= more
    return granted


def _step(wanted: Float64, bounds: Bounds, present: Float64) -> Float64:
    """Hold a move within the step limits; no budget is set under what today has already spent."""
    start = np.where(bounds.day_start == NONE, np.inf, bounds.day_start.astype(np.float64))
    ratio, step = bounds.step, float(bounds.increment)
    limited = np.isfinite(present)
    spent = np.ceil(bounds.floor_today / step) * step
    up = np.minimum(present, np.where(np.isfinite(start), start, present)) * (1.0 + ratio)
    up = np.maximum(np.floor(np.where(limited, up, 0.0) / step + 1e-9) * step, np.where(limited, present, 0.0))
    down = np.maximum(present, np.where(np.isfinite(start), start, present)) * (1.0 - ratio)
    down = np.ceil(np.where(limited, down, 0.0) / step - 1e-9) * step
    down = np.minimum(np.maximum(down, spent), np.where(limited, present, np.inf))
    first = np.minimum(np.maximum(wanted, spent), float(bounds.high))
    return np.where(limited, np.clip(wanted, down, np.maximum(up, down)), first)


def _grid(values: Float64, increment: int) -> Int64:
    return (np.floor(np.minimum(values, 9e15) / increment + 1e-9) * increment).astype(np.int64)


def _within_cap(micros: Int64, bounds: Bounds, wanted: Float64) -> Budgets:
    """Take back raises, then lower everything, until the sum fits; money that is promised to nobody is not spent."""
    now = bounds.now
    excess = int(micros.sum()) - bounds.cap
    if excess > 0:
        # A raise to the venue's least is not taken back: between nothing and it there is no budget.
        base = np.where(now == NONE, micros, np.maximum(now, np.minimum(bounds.least, micros)))
        raised = np.maximum(micros - base, 0)
        total = int(raised.sum())
        if total > 0:
            back = np.minimum(raised * min(excess / total, 1.0) + bounds.increment, raised)
            micros = np.where(
                raised > 0, np.maximum(_grid((micros - back).astype(np.float64), bounds.increment), base), micros
            )
    forced = np.zeros(len(micros), dtype=bool)
    low = min(bounds.low, int(micros.min(initial=bounds.low)))
    if int(micros.sum()) > bounds.cap:
        before = micros
        spare = np.maximum(micros - low, 0).astype(np.float64)
        room = max(bounds.cap - low * len(micros), 0)
        fair = np.minimum(_fair(spare, wanted - low), spare)
        scale = min(room / max(float(fair.sum()), 1.0), 1.0)
        micros = _grid(low + fair * scale, bounds.increment)
        forced = micros < before
    return Budgets(
        micros=micros,
        forced=forced,
        lifted=(now != NONE) & (now < bounds.least) & (micros == bounds.least),
        wanted=wanted,
        infeasible=int(micros.sum()) > bounds.cap,
    )


def _fair(spare: Float64, wanted: Float64) -> Float64:
    """Share a forced cut by what each was wanted to have; where nothing is known, by what it has."""
    asked = np.maximum(np.nan_to_num(wanted, nan=0.0, posinf=0.0), 0.0)
    return asked if float(asked.sum()) > 0 else spare
