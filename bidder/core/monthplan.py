"""The month against its plan: what it will cost at this rate, and why it will be less or more than was planned.

Underspending is a failure too, so a deviation is explained by the money each cause holds back. Called by
`bidder.core.decide` at the end; it explains what was decided and decides nothing.
"""

from __future__ import annotations

import calendar
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from bidder.core.allocate import day_money
from bidder.core.answers import amount, because, exact
from bidder.core.campaigns import Spending
from bidder.core.case import Case
from bidder.core.layout import NONE
from bidder.core.performance import Float64
from bidder.core.plan import Objection
from bidder.core.reasons import Code
from bidder.core.targets import BidMoves, bid_bounds

TOLERANCE = 0.05
"""Share of the plan by which the month may miss it without a word."""
_NAMED = 0.1
"""A cause is named where it holds back this share of the deviation."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MonthOutlook:
    """The month's spend against its plan, float micros.

    Attributes:
        forecast_micros: What the month will have cost at its end, if the coming days are like the one planned now.
        ratio: Of the plan.
        causes: What holds back (or adds) how much a day, largest first; names are sentences for people.
    """

    forecast_micros: float
    ratio: float
    causes: Mapping[str, float]


def month_outlook(case: Case, moves: BidMoves, spending: Spending) -> MonthOutlook | None:
    """Foresee the month; ``None`` where there is no plan, or the month's spend is not known."""
    plan, spent = case.policy.month_plan, case.snapshot.memory.month_spend_micros
    if plan is None or spent is None or plan.micros <= 0:
        return None
    today = case.snapshot.today
    days = calendar.monthrange(today.year, today.month)[1] - today.day
    daily, budgeted = _daily(case, spending)
    ahead = case.today.unseen + float(case.today.ahead.sum()) if case.today.told else 1.0
    forecast = max(spent, 0) + daily * (ahead + days)
    before = max(spent - float(case.today.spent_micros.sum()), 0.0)
    due = max(plan.micros - before, 0.0) / (days + 1)
    short = due - daily
    causes = _held_back(case, moves, due, budgeted, daily) if short > 0 else _too_much(case, moves, -short)
    return MonthOutlook(
        forecast_micros=forecast,
        ratio=forecast / plan.micros,
        causes=dict(sorted(causes.items(), key=lambda cause: -cause[1])),
    )


def explain_month(case: Case, outlook: MonthOutlook | None) -> tuple[Objection, ...]:
    """Object where the month will miss its plan by more than a twentieth, and say why."""
    plan = case.policy.month_plan
    if outlook is None or plan is None or abs(outlook.ratio - 1.0) <= TOLERANCE:
        return ()
    total = sum(outlook.causes.values())
    named = [
        f"{cause} ({amount(micros, case.currency)} a day)"
        for number, (cause, micros) in enumerate(outlook.causes.items())
        if number == 0 or micros >= _NAMED * total
    ]
    reason = because(
        Code.MONTH_PLAN_UNDER if outlook.ratio < 1.0 else Code.MONTH_PLAN_OVER,
        plan=exact(plan.micros, case.currency),
        forecast=amount(outlook.forecast_micros, case.currency),
        why="; ".join(named) or "earlier days decided it",
    )
    return (Objection(reason=reason),)


def _daily(case: Case, spending: Spending) -> tuple[float, float]:
    """Return the account's expected spend a day within its budgets, and without them."""
    layout = case.layout
    whole = layout.by_lever(np.where(layout.campaign_on, spending.expected, 0.0))
    budgets = layout.lever_budgets().astype(np.float64)
    return float(np.minimum(whole, np.where(budgets == NONE, np.inf, budgets)).sum()), float(whole.sum())


def _held_back(case: Case, moves: BidMoves, due: float, budgeted: float, daily: float) -> dict[str, float]:
    """Split the money a day that the plan has and the decision does not use among the causes.

    Each is credited with what it holds back of the shortfall that the earlier ones leave: the cap, budgets, steps
    towards wanted bids, bounds on bids, want of evidence by the share of targets that lack it. What no limit explains
    is not worth spending.
    """
    layout = case.layout
    live = layout.alive & case.usable & (case.daily_spend_micros > 0)
    spend = np.where(live, case.daily_spend_micros, 0.0)
    steep = case.response.spend_elasticity
    wanted = np.where(np.isfinite(moves.wanted.bid_micros), moves.wanted.bid_micros, moves.now)
    low, high = bid_bounds(case)

    def cost(bid: Float64) -> float:
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = np.where(moves.now > 0, bid / np.maximum(moves.now, 1), 1.0)
        return float(np.sum(spend * ratio**steep))

    inside = np.maximum(np.minimum(wanted, high), np.minimum(low, wanted))
    bounds = max(cost(wanted) - cost(inside), 0.0)
    steps = max(cost(inside) - cost(moves.new.astype(np.float64)), 0.0)
    unknown = layout.alive & ~(case.usable & case.economics.known & (case.forecast.covered > 0))
    early = unknown | moves.wanted.refused | (layout.alive & moves.wanted.exploring)
    share = float(early.sum()) / max(int(layout.alive.sum()), 1)
    left = due - daily
    causes: dict[str, float] = {}

    def take(cause: str, micros: float) -> None:
        nonlocal left
        part = min(max(micros, 0.0), left)
        left -= part
        if part > 0:
            causes[cause] = part

    take("the cap of a day is below what the plan asks for a day", due - min(day_money(case), due))
    take("budgets end before the day does", budgeted - daily)
    take("bids move towards what they are worth by at most one step a day", steps)
    take("bounds on bids hold them below what they are worth", bounds)
    take("too early: targets with too little evidence are held or tried on a line of their own", left * share)
    # What is left no constraint explains: at these prices the next click would cost more than it brings.
    take("more clicks would cost more than they are worth", left)
    return causes


def _too_much(case: Case, moves: BidMoves, over: float) -> dict[str, float]:
    """Split the money a day that is spent beyond the plan: bids on their way down, and what is not ours to move."""
    layout = case.layout
    live = layout.alive & case.usable & (case.daily_spend_micros > 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where(moves.now > 0, np.nan_to_num(moves.wanted.bid_micros, nan=0.0) / np.maximum(moves.now, 1), 1.0)
        moved = np.where(moves.now > 0, moves.new / np.maximum(moves.now, 1), 1.0)
    steep = case.response.spend_elasticity
    falls = live & np.isfinite(moves.wanted.bid_micros) & (ratio < moved)
    spend = np.where(live, case.daily_spend_micros, 0.0)
    late = float(np.sum(np.where(falls, spend * (moved**steep - np.maximum(ratio, 0.0) ** steep), 0.0)))
    causes = {"bids fall towards what they are worth by at most one step a day": min(late, over)}
    rest = over - min(late, over)
    causes["what is already spent, or not ours to lower, leaves less for the days to come"] = rest
    return {cause: micros for cause, micros in causes.items() if micros > 0}
