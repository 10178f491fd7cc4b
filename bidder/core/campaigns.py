"""Decides campaigns: daily budgets, or holds them with the reason.

Called by `bidder.core.decide` after bids, because what a campaign could spend today follows from them. What is done
within the day stands in `bidder.core.dayparting`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bidder.core.allocate import Allocation
from bidder.core.answers import Answers, amount, because, exact, figure
from bidder.core.budgets import Bounds, Budgets, Needs, decide_budgets
from bidder.core.case import Case
from bidder.core.change import Change, Field
from bidder.core.eligibility import Reach
from bidder.core.entities import EntityKind, EntityRef, State
from bidder.core.layout import NONE, Flags, Rows
from bidder.core.money import Money
from bidder.core.performance import Float64, Int64
from bidder.core.reasons import Code, Reason
from bidder.core.situation import Situation
from bidder.core.targets import BidMoves

_CAPPED = 0.98
"""Share of its demand below which a campaign counts as running out of budget."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Spending:
    """What campaigns are about to spend, float micros, shape (n_campaigns,).

    Attributes:
        expected: Of the whole day at the bids decided now, without running dry.
        earned: Contribution of it.
    """

    expected: Float64
    earned: Float64


def expected_spending(case: Case, moves: BidMoves, pausing: Flags) -> Spending:
    """Return what a day at the new bids costs and earns."""
    layout = case.layout
    ratio = np.where(moves.now > 0, moves.new / np.maximum(moves.now, 1), 1.0)
    on = layout.alive & ~pausing
    spend = np.where(on, case.daily_spend_micros * ratio**case.response.spend_elasticity, 0.0)
    clicks = np.where(on, case.daily_clicks * ratio**case.response.click_elasticity, 0.0)
    return Spending(expected=layout.by_campaign(spend), earned=layout.by_campaign(clicks * case.value_micros))


def capped_campaigns(case: Case) -> Flags:
    """Tell which campaigns ran out of budget on recent days."""
    return case.shape.served < _CAPPED


def answer_budgets(
    case: Case,
    answers: Answers,
    reach: Reach,
    allocation: Allocation,
    spending: Spending,
    situation: Situation,
) -> tuple[Budgets | None, int]:
    """Write budget changes; returns the decided budgets and the sum of budgets that are not ours to move."""
    layout = case.layout
    profile = case.snapshot.profile
    on = layout.lever_on()
    lead = _leads(case, reach)
    movable = on & (lead >= 0) & profile.can(EntityKind.CAMPAIGN, Field.DAILY_BUDGET)
    present = layout.lever_budgets()
    fixed = int(np.sum(np.maximum(present, 0)[on & ~movable]))
    if not movable.any():
        return None, fixed
    rows = np.flatnonzero(movable)
    needs = _needs(case, allocation, spending, situation, rows)
    bounds = _bounds(case, present, fixed, rows, lead)
    budgets = decide_budgets(needs, bounds, headroom=case.policy.limits.budget_headroom)
    for position, lever in enumerate(rows.tolist()):
        others = np.flatnonzero(
            (layout.lever == lever) & layout.campaign_on & (np.arange(layout.n_campaigns) != lead[lever])
        )
        name = case.snapshot.structure.campaigns[int(lead[lever])].name
        answers.hold(EntityKind.CAMPAIGN, others.tolist(), because(Code.BUDGET_SHARED, campaign=name))
        decided = _Decided(
            campaign=int(lead[lever]),
            old=int(bounds.now[position]),
            new=int(budgets.micros[position]),
            need=float(needs.spend[position]),
            earns=float(needs.earns[position]),
            forced=bool(budgets.forced[position]),
            lifted=bool(budgets.lifted[position]),
        )
        _answer_lever(case, answers, allocation, decided)
    return budgets, fixed


def answer_infeasible(case: Case, answers: Answers, reach: Reach, spending: Spending, fixed: int) -> int:
    """Pause campaigns until the least budgets fit the cap, worst return first; returns how many."""
    layout, profile = case.layout, case.snapshot.profile
    if not profile.can(EntityKind.CAMPAIGN, Field.STATE):
        return 0
    low = least_budget(case)
    with np.errstate(divide="ignore", invalid="ignore"):
        earns = np.where(spending.expected > 0, spending.earned / spending.expected, 0.0)
    rows = np.flatnonzero(reach.campaign & layout.campaign_on)
    order = rows[np.lexsort((rows, earns[rows]))]
    levers = {int(layout.lever[row]) for row in rows.tolist()}
    paused = 0
    for row in order.tolist()[:-1]:
        if fixed + low * len(levers) <= case.policy.cap.micros:
            break
        levers.discard(int(layout.lever[row]))
        paused += 1
        cap, least = exact(case.policy.cap.micros, case.currency), exact(low, case.currency)
        answers.change(
            EntityKind.CAMPAIGN,
            row,
            Change(
                ref=answers.ref(EntityKind.CAMPAIGN, row),
                field=Field.STATE,
                old=State.ENABLED,
                new=State.PAUSED,
                reason=because(Code.PAUSE_OVER_CAP, cap=cap, least=least),
            ),
        )
    return paused


def hold_campaigns(case: Case, answers: Answers) -> None:
    """Give every campaign that nothing changes its reason."""
    profile = case.snapshot.profile
    movable = profile.can(EntityKind.CAMPAIGN, Field.DAILY_BUDGET)
    for row in answers.open_rows(EntityKind.CAMPAIGN):
        if not movable:
            answers.hold(EntityKind.CAMPAIGN, [row], because(Code.READ_ONLY))
            continue
        lever = case.layout.lever_names[int(case.layout.lever[row])]
        answers.hold(EntityKind.CAMPAIGN, [row], because(Code.BUDGET_SHARED, campaign=lever))


def least_budget(case: Case) -> int:
    """Return the lowest budget of a running campaign, on the venue's grid."""
    profile, limits = case.snapshot.profile, case.policy.limits
    least = max(profile.budget_min.micros, 0 if limits.budget_floor is None else limits.budget_floor.micros)
    increment = profile.budget_increment.micros
    return max(-(-least // increment) * increment, increment)


def _leads(case: Case, reach: Reach) -> Rows:
    """Return the campaign that speaks for each lever: its first running one, -1 where any member is held."""
    layout = case.layout
    lead = np.full(len(layout.lever_names), NONE, dtype=np.intp)
    blocked = np.zeros(len(lead), dtype=bool)
    for row in range(layout.n_campaigns):
        lever = int(layout.lever[row])
        if layout.campaign_on[row]:
            blocked[lever] |= not reach.campaign[row]
            if lead[lever] == NONE:
                lead[lever] = row
    return np.where(blocked, NONE, lead)


def _needs(case: Case, allocation: Allocation, spending: Spending, situation: Situation, rows: Rows) -> Needs:
    layout = case.layout
    worthwhile = layout.by_lever(layout.by_campaign(allocation.spend_micros))[rows]
    spend = layout.by_lever(np.where(layout.campaign_on, spending.expected, 0.0))[rows]
    earned = layout.by_lever(np.where(layout.campaign_on, spending.earned, 0.0))[rows]
    with np.errstate(divide="ignore", invalid="ignore"):
        earns = np.where(spend > 0, earned / spend, np.nan)
    top = np.zeros(len(layout.lever_names), dtype=bool)
    top[layout.lever[layout.campaign[situation.top & layout.alive]]] = True
    whole = layout.by_lever(_day_spend(case, spending))[rows]
    return Needs(spend=whole, worthwhile=worthwhile, earns=earns, first=top[rows])


def _day_spend(case: Case, spending: Spending) -> Float64:
    """Return what the whole open day will cost: what is reported, and the rest at today's level of demand."""
    today = case.today
    whole = np.where(case.layout.campaign_on, spending.expected, 0.0)
    if not today.told:
        return whole
    return today.spent_micros + whole * today.level * (today.unseen + float(today.ahead.sum()))


def _bounds(case: Case, present: Int64, fixed: int, rows: Rows, lead: Rows) -> Bounds:
    layout, profile, limits, moves = case.layout, case.snapshot.profile, case.policy.limits, case.moves
    start = present.copy()
    for lever in rows.tolist():
        campaign = case.snapshot.structure.campaigns[int(lead[lever])]
        key = (EntityRef(EntityKind.CAMPAIGN, campaign.id), Field.DAILY_BUDGET)
        if key in moves.day_start:
            old = moves.day_start[key]
            start[lever] = old.micros if isinstance(old, Money) else NONE
    cap = case.policy.cap.micros
    if limits.strict_overdelivery:
        cap = int(cap / profile.overdelivery)
    spent = layout.by_lever(case.today.spent_micros).astype(np.int64)
    return Bounds(
        now=present[rows],
        day_start=start[rows],
        low=least_budget(case),
        high=profile.budget_max.micros,
        least=-(-profile.budget_min.micros // profile.budget_increment.micros) * profile.budget_increment.micros,
        increment=profile.budget_increment.micros,
        floor_today=spent[rows],
        step=limits.max_budget_step_ratio,
        dead_band=limits.budget_dead_band,
        cap=max(cap - fixed, 0),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Decided:
    """One lever's decision: campaign row that speaks for it, budgets and needs in micros."""

    campaign: int
    old: int
    new: int
    need: float
    earns: float
    forced: bool
    lifted: bool


def _answer_lever(case: Case, answers: Answers, allocation: Allocation, decided: _Decided) -> None:
    old, new, currency = decided.old, decided.new, case.currency
    if new == old:
        shown = "without limit" if old == NONE else exact(old, currency)
        reason = because(Code.BUDGET_FITS, budget=shown, spend=amount(decided.need, currency))
        answers.hold(EntityKind.CAMPAIGN, [decided.campaign], reason)
        return
    # Only money that would be spent is gained or lost: the budget bites below what the day needs.
    bites = min(new, decided.need) - min(old if old != NONE else new, decided.need)
    gain = (decided.earns - 1.0) * bites if np.isfinite(decided.earns) else 0.0
    answers.change(
        EntityKind.CAMPAIGN,
        decided.campaign,
        Change(
            ref=answers.ref(EntityKind.CAMPAIGN, decided.campaign),
            field=Field.DAILY_BUDGET,
            old=None if old == NONE else Money(old, currency),
            new=Money(new, currency),
            reason=_budget_reason(case, allocation, decided),
            gain_micros=int(max(min(gain, 9e15), -9e15)),
        ),
    )


def _budget_reason(case: Case, allocation: Allocation, decided: _Decided) -> Reason:
    currency = case.currency
    cap, new = exact(case.policy.cap.micros, currency), exact(decided.new, currency)
    if decided.old == NONE:
        return because(Code.BUDGET_BOUNDED, new=new, cap=cap)
    old = exact(decided.old, currency)
    if decided.lifted:
        return because(Code.BUDGET_TO_LEAST, least=new, old=old, new=new)
    if decided.forced:
        return because(Code.BUDGET_TO_CAP, cap=cap, old=old, new=new)
    marginal, price = figure(decided.earns), figure(1.0 + allocation.money_price)
    return because(Code.BUDGET_EQUAL_MARGIN, marginal=marginal, price=price, old=old, new=new)
