"""From snapshot and forecast to a draft: the decision, read top to bottom.

`bidder.cycle` calls `allocate`; each step stands in a module of its own. Pure: equal inputs give equal drafts.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from bidder.core.allocate import Allocation, allocate_money
from bidder.core.answers import Answers, because, exact, figure, instant
from bidder.core.audit_sample import sample_figures
from bidder.core.bids import wanted_bids
from bidder.core.campaigns import (
    Spending,
    answer_budgets,
    answer_infeasible,
    capped_campaigns,
    expected_spending,
    hold_campaigns,
    least_budget,
)
from bidder.core.case import Case
from bidder.core.dayparting import Pace, answer_hours, dry_before_peak, paced, warn_of_dry_budgets
from bidder.core.delivery import decide_delivery
from bidder.core.eligibility import Reach, reach
from bidder.core.entities import EntityKind
from bidder.core.layout import Flags
from bidder.core.lifecycle import Lifecycle, by_category, discount_allowed
from bidder.core.monthplan import MonthOutlook, explain_month, month_outlook
from bidder.core.pacing import runway_days
from bidder.core.pausing import Evidence, weigh_forecast
from bidder.core.performance import Float64
from bidder.core.plan import ClearanceLine, Draft, Objection
from bidder.core.policy import Policy
from bidder.core.prediction import Forecast
from bidder.core.reasons import Code
from bidder.core.scorecard import figures_of, shortened
from bidder.core.situation import Situation, situation_of, stages_of
from bidder.core.snapshot import Snapshot, Stage
from bidder.core.targets import BidMoves, answer_groups, answer_targets, decide_bids, hold_targets

_LOW_DAYS = 3.0
"""Days of balance below which somebody must top it up."""


def allocate(snapshot: Snapshot, forecast: Forecast, policy: Policy) -> Draft:
    """Decide every entity of an account: where its money goes, what a click may cost, what is paused and resumed.

    Args:
        snapshot: Everything known, at one instant.
        forecast: Estimates in the row order of the snapshot's targets.
        policy: What the owner decided.

    Returns:
        A draft in which every campaign, ad group and target has a change or a hold. Nothing in it is guarded yet.
    """
    case = Case.of(snapshot, forecast, shortened(policy, forecast.scorecard))
    answers = Answers(case.layout)
    evidence = _evidence(case)
    stages = stages_of(case, evidence)
    if _only_watching(case, answers):
        return _draft(case, answers, stages, figures=_balance(case, 0.0), objections=())
    free = reach(case, answers)
    decidable = free.bid & case.usable & case.economics.known & (forecast.covered > 0)
    allocation = allocate_money(case, decidable)
    situation = situation_of(case, stages)
    wanted = wanted_bids(case, allocation, taper=np.minimum(situation.taper, situation.ramp), new=situation.new)
    free = _only_decidable(case, free)
    delivery = decide_delivery(case, answers, free, situation, evidence)
    pausing = delivery.pausing
    moves = decide_bids(case, free, situation, wanted, delivery)
    answer_targets(case, answers, free, moves, situation, evidence, capped_campaigns(case))
    answer_groups(case, answers, moves)
    hold_targets(case, answers, free, moves, situation)
    spending = expected_spending(case, moves, pausing)
    pace, objections = _decide_campaigns(case, answers, free, allocation, spending, situation)
    month = month_outlook(case, moves, spending)
    figures = _figures(case, allocation, spending, moves, pausing) | _pace_figures(case, pace, month)
    objections = (*objections, *warn_of_dry_budgets(case, pace), *explain_month(case, month), *_low(case, figures))
    return _draft(case, answers, stages, figures=figures, objections=objections)


def _decide_campaigns(
    case: Case, answers: Answers, free: Reach, allocation: Allocation, spending: Spending, situation: Situation
) -> tuple[Pace, tuple[Objection, ...]]:
    objections: list[Objection] = []
    if allocation.infeasible:
        objections.append(Objection(reason=because(Code.BOUNDS_INFEASIBLE, why=allocation.infeasible)))
    budgets, fixed = answer_budgets(case, answers, free, allocation, spending, situation)
    if budgets is not None and budgets.infeasible:
        least = least_budget(case)
        paused = answer_infeasible(case, answers, free, spending, fixed)
        why = (
            f"{len(budgets.micros)} budgets of at least {least} micros and {fixed} micros that are not ours to move"
            f" exceed the cap of {case.policy.cap}; {paused} campaigns are paused"
        )
        objections.append(Objection(reason=because(Code.BOUNDS_INFEASIBLE, why=why)))
    pace = answer_hours(case, answers, free, spending)
    hold_campaigns(case, answers)
    return pace, tuple(objections)


def _only_watching(case: Case, answers: Answers) -> bool:
    """Hold everything while the account is only observed."""
    until = case.snapshot.memory.observing_until
    if until is None or until <= case.now:
        return False
    reason = because(Code.OBSERVING, until=instant(until))
    for kind in EntityKind:
        answers.hold(kind, range(len(case.layout.ids(kind))), reason)
    return True


def _only_decidable(case: Case, free: Reach) -> Reach:
    """Take away targets of which too little is known to move them at all."""
    good = case.usable & case.economics.known & (case.forecast.covered > 0)
    return Reach(
        bid=free.bid & good,
        delivery=free.delivery & case.usable & (case.forecast.covered > 0),
        resumable=free.resumable,
        group=free.group,
        campaign=free.campaign,
    )


def _evidence(case: Case) -> Evidence:
    """Weigh the evidence against each target at its present cost per click."""
    forecast = case.forecast
    fit = case.usable & case.economics.known & (forecast.aov_micros > 0) & (forecast.cpc_micros > 0)
    return weigh_forecast(forecast, known=fit, floor_roas=case.economics.floor_roas / case.economics.caused)


def _figures(
    case: Case, allocation: Allocation, spending: Spending, moves: BidMoves, pausing: Flags
) -> dict[str, float]:
    """Name the figures of the cycle, without those that are not known."""
    forecast, now = case.forecast, np.where(case.layout.alive, case.daily_spend_micros, 0.0)
    expected = float(spending.expected.sum())
    usual = np.where(case.usable, now, 0.0)
    known = usual > 0
    figures = {
        "marginal_roas": allocation.marginal_roas,
        "money_price": allocation.money_price,
        "day_money_micros": allocation.money_micros,
        "present_daily_spend_micros": float(now.sum()),
        "expected_daily_spend_micros": expected,
        "worthwhile_daily_spend_micros": float(allocation.spend_micros.sum()),
        "expected_daily_contribution_micros": float(spending.earned.sum()),
        "explore_daily_spend_micros": moves.wanted.explore_micros,
        "expected_gain_micros": float(moves.gain_micros.sum()),
        "targets_on_test": float(moves.tests.on.sum()),
        "test_daily_cost_micros": float(moves.tests.cost_micros.sum()),
        "click_elasticity": _mean(forecast.click_elasticity[known], usual[known]),
        "cpc_elasticity": _mean(forecast.cpc_elasticity[known], usual[known]),
        "targets_pausing": float(pausing.sum()),
        "campaigns_running_dry": float(np.sum(capped_campaigns(case) & case.layout.campaign_on)),
        "allocation_gap": allocation.gap,
        "goals_short": float(len(allocation.short_goals)),
        "refund_rates_assumed_zero": float(np.sum(case.economics.refund_assumed)),
        "demand_elapsed": case.today.elapsed,
        "event_conversion_ratio": case.forecast.event_conversion,
        "event_traffic_ratio": case.forecast.event_traffic,
    }
    figures |= figures_of(case.forecast.scorecard)
    if case.policy.month_plan is not None and allocation.money_micros > 0:
        figures["plan_use_ratio"] = expected / allocation.money_micros
    named = {**figures, **_balance(case, expected), **sample_figures(case)}
    return {name: value for name, value in named.items() if math.isfinite(value)}


def _mean(values: Float64, weights: Float64) -> float:
    """Return the weighted mean, nan where there is nothing to weigh."""
    return float(np.average(values, weights=weights)) if len(values) else math.nan


def _pace_figures(case: Case, pace: Pace, month: MonthOutlook | None) -> dict[str, float]:
    """Name what the day and the month come to."""
    figures = {
        "campaigns_paced": float(paced(case, pace)),
        "budgets_out_before_peak": float(dry_before_peak(case, pace)),
    }
    if month is not None:
        figures |= {"month_forecast_micros": month.forecast_micros, "month_plan_ratio": month.ratio}
    return {name: value for name, value in figures.items() if math.isfinite(value)}


def _low(case: Case, figures: Mapping[str, float]) -> tuple[Objection, ...]:
    """Object where the prepaid balance is about to run out."""
    balance, days = case.snapshot.structure.balance, figures.get("runway_days")
    if balance is None or days is None or days >= _LOW_DAYS:
        return ()
    shown = exact(balance.micros, case.currency)
    return (Objection(reason=because(Code.BALANCE_SHORT, balance=shown, days=figure(days))),)


def _balance(case: Case, daily: float) -> dict[str, float]:
    balance = case.snapshot.structure.balance
    spend = daily if daily > 0 else float(np.where(case.layout.alive, case.daily_spend_micros, 0.0).sum())
    days = None if balance is None else runway_days(balance.micros, spend)
    return {} if days is None else {"runway_days": days}


def _draft(
    case: Case,
    answers: Answers,
    stages: Lifecycle,
    *,
    figures: dict[str, float],
    objections: tuple[Objection, ...],
) -> Draft:
    return Draft(
        changes=answers.changes(),
        holds=answers.holds(),
        stages=stages.records,
        clearance=_clearance(case, stages),
        figures=figures,
        objections=objections,
    )


def _clearance(case: Case, stages: Lifecycle) -> tuple[ClearanceLine, ...]:
    """List slow sellers for the merchandiser, with a discount that their contribution allows."""
    lines: list[ClearanceLine] = []
    rules = case.policy.lifecycle
    for row, product in enumerate(case.snapshot.structure.products):
        if stages.records[row].stage is not Stage.SLOW:
            continue
        cover, refund = float(stages.facts.cover_days[row]), float(stages.facts.refund_rate[row])
        age = by_category(rules.slow_age_days, product.category)
        lines.append(
            ClearanceLine(
                product_id=product.id,
                title=product.title,
                category=product.category,
                stock=product.stock,
                cover_days=cover if math.isfinite(cover) else None,
                price_micros=None if product.price is None else product.price.micros,
                margin=product.margin,
                discount=discount_allowed(product, refund, cover, case.policy.goal, rules),
                reentry=f"as a new test after a price change or a new season; judged again after {age} days",
            )
        )
    return tuple(lines)
