"""The one who knows: bids and budgets from a world's own response curves, and the bound they come from.

BOUND is the fluid optimum: for each day the bids that maximise expected profit when the day's spend may not exceed
the cap, on the concave envelope of each target's response. ORACLE plays those bids and budgets in the same
market, at the same instants, on the same money grid, without our step limits. Only `bidder.evaluate` reads this.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np

from bidder.core.calendar import DayRange, day_of, ordinal
from bidder.core.change import Change, Field
from bidder.core.entities import Account, EntityKind, EntityRef, State
from bidder.core.money import Money
from bidder.core.performance import Float64
from bidder.core.reasons import Code, Reason
from bidder.ports import Marketplace, ResponseTable, Truth

_GRID = 48
"""Bids tried by target, spread evenly in log from the venue's least to its highest sensible bid."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DayPlan:
    """The fluid optimum of one day.

    Attributes:
        bid_micros: (n_targets,) 0 where the target should not run.
        spend_micros: (n_targets,) expected spend at that bid.
        value_micros: Expected profit of the day, after spend.
        price: Dual of the cap: profit of one more unit of money that day.
    """

    bid_micros: Float64
    spend_micros: Float64
    value_micros: float
    price: float


def day_plan(table: ResponseTable, cap_micros: float) -> DayPlan:
    """Choose each target's bid so that the day's expected profit is highest within the cap.

    For a price ``lam`` of money each target takes the bid of highest ``value - (1 + lam) spend`` or none at all:
    the points of its concave envelope. ``lam`` is bisected until the spend fits; the remaining money is filled by
    mixing the last two points, as a fluid may.
    """
    value = np.column_stack([np.zeros(len(table.target_ids)), table.value_micros])
    spend = np.column_stack([np.zeros(len(table.target_ids)), table.spend_micros])
    rows = np.arange(len(value))

    def at(price: float) -> tuple[np.ndarray, float]:
        best = np.argmax(value - (1 + price) * spend, axis=1)
        return best, float(spend[rows, best].sum())

    choice, total = at(0.0)
    price = 0.0
    if total > cap_micros:
        low, high = 0.0, 1.0
        while at(high)[1] > cap_micros:
            low, high = high, high * 2
        for _ in range(60):
            middle = (low + high) / 2
            low, high = (middle, high) if at(middle)[1] > cap_micros else (low, middle)
        price = high
        choice, total = at(price)
        dear, dear_total = at(low)
        share = (cap_micros - total) / (dear_total - total) if dear_total > total else 0.0
        mixed = float((value - spend)[rows, dear].sum() - (value - spend)[rows, choice].sum()) * share
    else:
        mixed = 0.0
    bids = np.concatenate([[0.0], table.bid_micros])
    return DayPlan(
        bid_micros=bids[choice],
        spend_micros=spend[rows, choice],
        value_micros=float((value - spend)[rows, choice].sum()) + mixed,
        price=price,
    )


def bid_grid(low: Money, high: Money) -> Float64:
    """Return the bids tried, shape (48,), ascending micros."""
    return np.geomspace(max(low.micros, 1), high.micros, _GRID)


def bound(truth: Truth, account: Account, days: DayRange, cap: Money, grid: Float64) -> Float64:
    """Return the fluid optimum's profit by day, shape (n_days,), float micros."""
    numbers = np.array([ordinal(day) for day in days], dtype=np.int32)
    return np.array([day_plan(t, cap.micros).value_micros for t in truth.response(account.id, numbers, grid)])


@dataclass(slots=True, kw_only=True)
class Oracle:
    """Plays the bound's bids and budgets through the port, once a marketplace day."""

    account: Account
    market: Marketplace
    truth: Truth
    cap: Money
    _serial: itertools.count[int] = field(default_factory=itertools.count)
    _last: int = -1

    def act(self, now: datetime) -> int:
        """Set today's best bids, states and budgets."""
        today = ordinal(day_of(now, self.account.time_zone))
        if today == self._last:
            return 0
        self._last = today
        profile = self.market.profile(now)
        structure = self.market.fetch_structure(self.account.id, now)
        grid = bid_grid(profile.bid_min, profile.bid_max)
        table = self.truth.response(self.account.id, np.array([today], dtype=np.int32), grid)[0]
        best = day_plan(table, self.cap.micros)
        wanted = dict(zip(table.target_ids, best.bid_micros, strict=True))
        spend = dict(zip(table.target_ids, best.spend_micros, strict=True))
        reason = Reason.of(Code.RESTORE, what="the oracle")
        changes: list[Change] = []
        for target in structure.targets:
            ref = EntityRef(EntityKind.TARGET, target.id)
            bid = Money(int(wanted.get(target.id, 0.0)), profile.currency).round_down(profile.bid_increment)
            state = State.ENABLED if bid >= profile.bid_min else State.PAUSED
            if state is not target.state and target.state in (State.ENABLED, State.PAUSED):
                changes.append(Change(ref=ref, field=Field.STATE, old=target.state, new=state, reason=reason))
            if state is State.ENABLED and bid != target.bid:
                changes.append(Change(ref=ref, field=Field.BID, old=target.bid, new=bid, reason=reason))
        needs = {campaign.id: 0.0 for campaign in structure.campaigns}
        for target in structure.targets:
            needs[target.campaign_id] += spend.get(target.id, 0.0)
        spare = max(self.cap.micros - sum(needs.values()), 0.0) / max(len(needs), 1)
        for campaign in structure.campaigns:
            budget = Money(int(needs[campaign.id] + spare), profile.currency).round_down(profile.budget_increment)
            budget = max(budget, profile.budget_min)
            ref = EntityRef(EntityKind.CAMPAIGN, campaign.id)
            if budget != campaign.daily_budget:
                changes.append(
                    Change(ref=ref, field=Field.DAILY_BUDGET, old=campaign.daily_budget, new=budget, reason=reason)
                )
        changes.sort(key=lambda change: change.raises)
        for start in range(0, len(changes), profile.batch_size):
            batch = changes[start : start + profile.batch_size]
            self.market.submit(self.account.id, batch, [f"oracle-{next(self._serial)}" for _ in batch], now)
        return len(changes)
