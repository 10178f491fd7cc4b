"""The one who knows: bids and budgets from a world's own response curves, played in the same market.

ORACLE plays the fluid optimum of `bidder.evaluate.bound` day by day: at the same instants, on the same money grid,
without our step limits. Where a world says what its goods are, it saves those that would run out before more come
for the clicks that earn most. Only `bidder.evaluate` reads this.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field, replace
from datetime import datetime

import numpy as np

from bidder.core.calendar import day_of, ordinal
from bidder.core.change import Change, Field
from bidder.core.entities import Account, EntityKind, EntityRef, State, Structure
from bidder.core.money import Money
from bidder.core.performance import Float64
from bidder.core.reasons import Code, Reason
from bidder.core.venue import VenueProfile
from bidder.evaluate.bound import LADDER, frontier, product_rows, sensible_grid
from bidder.ports import Marketplace, ResponseTable, SupplyTable, SupplyTruth, Truth


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


def kept_for_goods(table: ResponseTable, structure: Structure, goods: SupplyTable, *, days_left: int) -> Float64:
    """Return the part of each target's value that is left after its product's goods are paid for, in (0, 1].

    Goods that end before more come are worth a rent. Every day until then is taken to be like today: a product then
    earns ``gain(q)`` a day for ``stock / (units(q) + organic)`` days at most, and the asked return ``q`` with the
    most of it is the best. Selling dear clicks less often leaves more for cheap ones, until organic sales take it.
    """
    edge = frontier([table], structure)
    number = {name: row for row, name in enumerate(goods.product_ids)}
    kept = np.ones(len(edge.product_ids) + 1)
    for row, name in enumerate(edge.product_ids):
        at = number.get(name)
        days = days_left if at is None else min(float(goods.days_to_arrival[at]), days_left)
        if at is None or days <= 0:
            continue
        units = edge.value[0, row] / max(float(goods.unit_value_micros[at]), 1e-6)
        lasts = float(goods.stock[at]) / np.maximum(units + float(goods.organic_units[at]), 1e-9)
        earned = (edge.value[0, row] - edge.spend[0, row]) * np.minimum(days, lasts)
        kept[row] = 1 / LADDER[int(earned.argmax())]
    return kept[product_rows(table.target_ids, structure)]


@dataclass(slots=True, kw_only=True)
class Oracle:
    """Plays the bound's bids and budgets through the port, once a marketplace day.

    Attributes:
        last_day: Ordinal of the last day of the match: goods kept beyond it are worth nothing.
        funded: Targets it bid on on any day.
    """

    account: Account
    market: Marketplace
    truth: Truth
    cap: Money
    last_day: int
    funded: set[str] = field(default_factory=set)
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
        grid = sensible_grid(self.truth, self.account, today, profile.bid_min, profile.bid_max)
        table = self.truth.response(self.account.id, np.array([today], dtype=np.int32), grid)[0]
        if isinstance(self.truth, SupplyTruth):
            goods = self.truth.supply(self.account.id)
            kept = kept_for_goods(table, structure, goods, days_left=self.last_day - today + 1)
            table = replace(table, value_micros=table.value_micros * kept[:, None])
        best = day_plan(table, self.cap.micros)
        worth = best.bid_micros >= profile.bid_min.micros
        self.funded.update(name for name, bids in zip(table.target_ids, worth.tolist(), strict=True) if bids)
        changes = self._changes(structure, profile, table, best)
        for start in range(0, len(changes), profile.batch_size):
            batch = changes[start : start + profile.batch_size]
            self.market.submit(self.account.id, batch, [f"oracle-{next(self._serial)}" for _ in batch], now)
        return len(changes)

    def _changes(
        self, structure: Structure, profile: VenueProfile, table: ResponseTable, best: DayPlan
    ) -> list[Change]:
        """Return what differs from the plan, decreases first."""
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
        return sorted(changes, key=lambda change: change.raises)
