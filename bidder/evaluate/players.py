"""Those who steer the same shop in the same market: the daemon, common rules, nobody, and the one who knows.

All but the oracle see only the marketplace port. `bidder.evaluate.simulate` lets each act at the same instants.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Protocol

import numpy as np

from bidder.core.calendar import DayRange, day_of
from bidder.core.change import Change, Field, Value
from bidder.core.economics import contribution, floor_roas, margin_of
from bidder.core.entities import Account, CampaignId, EntityKind, EntityRef, Structure
from bidder.core.money import Money
from bidder.core.performance import Float64, Grain, PerformanceReport, PerformanceTable
from bidder.core.policy import GoalPolicy
from bidder.core.reasons import Code, Reason
from bidder.cycle import Kit, attend
from bidder.evaluate.story import Chronicle
from bidder.ports import Marketplace

_USUAL_FLOOR = 3.0
"""Break-even a rule assumes where no product states a margin."""


class Player(Protocol):
    """Steers one account; asked at every decision time."""

    def act(self, now: datetime) -> int:
        """Make what changes it wants; return how many were sent."""


@dataclass(slots=True, kw_only=True)
class HandsOff:
    """The careless owner who never touches the account again."""

    def act(self, now: datetime) -> int:
        """Leave everything as it is."""
        return 0


@dataclass(slots=True, kw_only=True)
class Daemon:
    """The daemon itself: the code that runs in production, cycle by cycle.

    Attributes:
        chronicle: Remembers what is worth telling.
    """

    account: Account
    kit: Kit
    chronicle: Chronicle

    def act(self, now: datetime) -> int:
        """Run one cycle."""
        report = attend(self.account, self.kit, now=now)
        self.chronicle.note(report)
        return len(report.intents)


@dataclass(slots=True, kw_only=True)
class Desk:
    """A rule bidder's view of its account through the port, once a marketplace day."""

    account: Account
    market: Marketplace
    window_days: int = 14
    _serial: itertools.count[int] = field(default_factory=itertools.count)
    _last: date | None = None

    def new_day(self, now: datetime) -> bool:
        """Tell whether this is the first call of a marketplace day."""
        today = day_of(now, self.account.time_zone)
        if today == self._last:
            return False
        self._last = today
        return True

    def look(self, now: datetime) -> tuple[Structure, PerformanceTable] | None:
        """Return the structure and the facts of the last closed days, or ``None`` while a report is prepared."""
        last = date.fromordinal(day_of(now, self.account.time_zone).toordinal() - 1)
        days = DayRange.ending(last, days=self.window_days)
        profile = self.market.profile(now)
        report = self.market.fetch_performance(self.account.id, days, Grain.DAY, profile.default_window, now)
        if not isinstance(report, PerformanceReport):
            return None
        return self.market.fetch_structure(self.account.id, now), report.facts

    def send(self, wanted: Sequence[tuple[EntityRef, Field, Value | None, Value]], now: datetime) -> int:
        """Submit plain changes in the venue's batches, decreases first."""
        reason = Reason.of(Code.RESTORE, what="the rule")
        changes = [Change(ref=r, field=f, old=o, new=n, reason=reason) for r, f, o, n in wanted if o != n]
        changes.sort(key=lambda change: change.raises)
        size = self.market.profile(now).batch_size
        for start in range(0, len(changes), size):
            batch = changes[start : start + size]
            self.market.submit(self.account.id, batch, [f"rule-{next(self._serial)}" for _ in batch], now)
        return len(changes)


@dataclass(slots=True, kw_only=True)
class AcosRule:
    """The common rule: raise bids by a step where the last days' ROAS beats the goal, lower them where it does not.

    Campaigns that spent their budget at a good ROAS get more, others keep theirs; the cap is never exceeded.

    Attributes:
        goal_factor: Goal ROAS as a multiple of each target's break-even.
        step: Share by which a bid moves in a day.
        min_clicks: Clicks in the window before a bid moves.
        goal: Margins to assume where a product states none.
        cap: Most that all budgets may add up to.
    """

    desk: Desk
    cap: Money
    goal: GoalPolicy
    goal_factor: float = 1.0
    step: float = 0.15
    min_clicks: int = 10

    def act(self, now: datetime) -> int:
        """Move bids and budgets once a marketplace day."""
        if not self.desk.new_day(now):
            return 0
        seen = self.desk.look(now)
        if seen is None:
            return 0
        structure, facts = seen
        profile = self.desk.market.profile(now)
        spend = by_target(structure, facts, "spend_micros")
        revenue = by_target(structure, facts, "revenue_micros")
        clicks = by_target(structure, facts, "clicks")
        goal = self.goal_factor * break_even(structure, self.goal)
        good = revenue >= goal * spend
        wanted: list[tuple[EntityRef, Field, Value | None, Value]] = []
        for row, target in enumerate(structure.targets):
            if target.bid is None or clicks[row] < self.min_clicks:
                continue
            factor = 1 + self.step if good[row] else 1 - self.step
            bid = target.bid.scaled(factor, increment=profile.bid_increment)
            bid = min(max(bid, profile.bid_min), profile.bid_max)
            wanted.append((EntityRef(EntityKind.TARGET, target.id), Field.BID, target.bid, bid))
        budgets = {c.id: c.daily_budget for c in structure.campaigns if c.daily_budget is not None}
        closed = day_of(now, structure.time_zone).toordinal() - date(1970, 1, 1).toordinal() - 1
        yesterday = by_campaign(structure, facts, "spend_micros", facts.day == closed)
        campaign_spend = by_campaign(structure, facts, "spend_micros")
        campaign_revenue = by_campaign(structure, facts, "revenue_micros")
        ratio = {c.id: campaign_revenue[c.id] / max(campaign_spend[c.id], 1) for c in structure.campaigns}
        level = float(np.median(goal))
        new = {
            name: budget.scaled(1.2 if yesterday[name] > 0.95 * budget.micros and ratio[name] >= level else 1.0)
            for name, budget in budgets.items()
        }
        wanted += fitted(budgets, new, self.cap, profile.budget_increment, profile.budget_min)
        return self.desk.send(wanted, now)


@dataclass(slots=True, kw_only=True)
class Proportional:
    """Budgets in proportion to the last days' revenue, bids at raw revenue per click over break-even."""

    desk: Desk
    cap: Money
    goal: GoalPolicy

    def act(self, now: datetime) -> int:
        """Share the cap by revenue and set bids from raw revenue per click, once a marketplace day."""
        if not self.desk.new_day(now):
            return 0
        seen = self.desk.look(now)
        if seen is None:
            return 0
        structure, facts = seen
        profile = self.desk.market.profile(now)
        revenue, clicks = by_target(structure, facts, "revenue_micros"), by_target(structure, facts, "clicks")
        worth = np.divide(
            revenue, clicks * break_even(structure, self.goal), out=np.zeros_like(revenue), where=clicks > 0
        )
        wanted: list[tuple[EntityRef, Field, Value | None, Value]] = []
        for row, target in enumerate(structure.targets):
            if target.bid is None or clicks[row] < 1 or worth[row] <= 0:
                continue
            bid = Money(int(worth[row]), structure.currency).round_down(profile.bid_increment)
            bid = min(max(bid, profile.bid_min), profile.bid_max)
            wanted.append((EntityRef(EntityKind.TARGET, target.id), Field.BID, target.bid, bid))
        earned = by_campaign(structure, facts, "revenue_micros")
        total = sum(earned.values())
        budgets = {c.id: c.daily_budget for c in structure.campaigns if c.daily_budget is not None}
        if total > 0:
            new = {name: self.cap.scaled(earned[name] / total) for name in budgets}
            wanted += fitted(budgets, new, self.cap, profile.budget_increment, profile.budget_min)
        return self.desk.send(wanted, now)


def by_target(structure: Structure, facts: PerformanceTable, column: str) -> Float64:
    """Sum a column by target; returns shape (n_targets,) in structure order, 0 where nothing was reported."""
    row_of = {target.id: row for row, target in enumerate(structure.targets)}
    rows = np.array([row_of.get(name, -1) for name in facts.entity_ids], dtype=np.int64)  # type: ignore[call-overload]
    where = rows[facts.entity] if len(facts) else np.zeros(0, dtype=np.int64)
    weights = getattr(facts, column).astype(np.float64)
    totals = np.bincount(where[where >= 0], weights=weights[where >= 0], minlength=len(structure.targets))
    return totals.astype(np.float64)


def by_campaign(
    structure: Structure, facts: PerformanceTable, column: str, rows: np.ndarray | None = None
) -> Mapping[CampaignId, float]:
    """Sum a column by campaign, over all rows or those of a mask."""
    sums = by_target(structure, facts if rows is None else facts.take(rows), column)
    totals: dict[CampaignId, float] = {campaign.id: 0.0 for campaign in structure.campaigns}
    for target, amount in zip(structure.targets, sums, strict=True):
        totals[target.campaign_id] += float(amount)
    return totals


def break_even(structure: Structure, goal: GoalPolicy) -> Float64:
    """Return break-even ROAS by target, shape (n_targets,): 1 over the contribution the products state."""
    stated = [
        contribution(
            np.array(margin_of(product, goal)),
            np.array(product.refund_rate or 0.0),
            np.array(0.0 if product.return_cost is None else float(product.return_cost.micros)),
            np.array(np.nan if product.price is None else float(product.price.micros)),
        )
        for product in structure.products
    ]
    floors = floor_roas(np.array(stated, dtype=np.float64))
    usual = float(np.nanmedian(floors)) if np.isfinite(floors).any() else _USUAL_FLOOR
    by_product = dict(zip((product.id for product in structure.products), floors.tolist(), strict=True))
    chosen = np.array([by_product.get(t.product_id, np.nan) if t.product_id else np.nan for t in structure.targets])
    return np.where(np.isfinite(chosen), chosen, usual)


def fitted(
    old: Mapping[CampaignId, Money], new: Mapping[CampaignId, Money], cap: Money, increment: Money, least: Money
) -> list[tuple[EntityRef, Field, Value | None, Value]]:
    """Scale budgets so that together they stay within the cap, on the venue's grid and above its least."""
    total = sum(max(budget.micros, least.micros) for budget in new.values())
    factor = min(1.0, cap.micros / max(total, 1))
    return [
        (
            EntityRef(EntityKind.CAMPAIGN, name),
            Field.DAILY_BUDGET,
            old[name],
            max(budget.scaled(factor).round_down(increment), least),
        )
        for name, budget in new.items()
    ]
