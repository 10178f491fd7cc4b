"""Where the account's money should go: one price of money, one price of return per category, spends per target.

Turns forecasts into response curves anchored at today's point, and solves them exactly (`bidder.core.dual`). Called
by `bidder.core.decide`; derivation in docs/maths/allocation.md.
"""

from __future__ import annotations

import calendar
from dataclasses import dataclass, replace

import numpy as np

from bidder.core.case import Case
from bidder.core.curves import PowerCurve
from bidder.core.dual import Problem, Solution, solve
from bidder.core.layout import Flags, tally
from bidder.core.performance import Float64
from bidder.core.policy import Objective
from bidder.errors import BoundsInfeasible

REACH = 1.5
"""Curves are trusted up to this multiple of today's bid; the next cycle re-anchors them."""
_LEAST_SHARE = 0.02
"""Money left to movable targets, of the day's money, when fixed ones use it up."""
_SHORTFALL = {Objective.PROFIT: 0.1, Objective.REVENUE: 1.0, Objective.VOLUME: 1.0}
"""What a unit of revenue short of the goal costs the objective, unless the policy says."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Allocation:
    """The day's plan for money.

    Attributes:
        spend_micros: Worthwhile spend per target and day in the long run, 0 where none is; shape (n_targets,).
        worth_micros: What the next click may cost, float micros per target: value at the margin of the objective.
        money_micros: Money the plan may use on this day.
        money_price: lam, what one more unit of money would add to the objective.
        marginal_roas: Gross revenue that the next unit of spend returns; nan where nothing is spent.
        gap: Certified relative distance from the optimum.
        infeasible: Why bounds could not be met; empty where they could.
        short_goals: Categories whose soft goal is not reached at its price.
    """

    spend_micros: Float64
    worth_micros: Float64
    money_micros: float
    money_price: float
    marginal_roas: float
    gap: float
    infeasible: str
    short_goals: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Answer:
    """A solution with what each target was held to; arrays over all targets."""

    solution: Solution
    goal: Float64
    weight: Float64
    credit: Float64
    short: tuple[str, ...]


def day_money(case: Case) -> float:
    """Return the micros the plan may use today: the cap, or less where the month's plan leaves less a day."""
    policy, snapshot = case.policy, case.snapshot
    cap = float(policy.cap.micros)
    if policy.limits.strict_overdelivery:
        cap /= snapshot.profile.overdelivery
    spent = snapshot.memory.month_spend_micros
    if policy.month_plan is None or spent is None:
        return cap
    today = snapshot.today
    days_left = calendar.monthrange(today.year, today.month)[1] - today.day + 1
    before = spent - sum(snapshot.memory.day_spend_micros.values())
    return min(cap, max(policy.month_plan.micros - max(before, 0), 0) / days_left)


def allocate_money(case: Case, movable: Flags) -> Allocation:
    """Split the day's money so that the next unit returns the same everywhere.

    Args:
        case: The account.
        movable: Targets whose bid or delivery we may change; others spend what they spend.
    """
    money = day_money(case)
    live = case.layout.alive & case.usable & (case.daily_spend_micros > 0)
    use = live & movable & (case.value_micros > 0) & (case.daily_clicks > 0)
    fixed = float(np.sum(case.daily_spend_micros[live & ~movable]))
    available = max(money - fixed, _LEAST_SHARE * money)
    if not use.any() or available <= 0:
        return _nothing(case, money)
    rows = np.flatnonzero(use)
    curve = _curves(case, use)
    infeasible = ""
    try:
        answer = _solve(case, use, curve, available)
    except BoundsInfeasible as error:
        infeasible = str(error)
        answer = _solve(case, use, curve, available, floors=False)
    solution, charge = answer.solution, _charge(case)
    mu = solution.return_price[case.layout.category]
    above = charge + solution.money_price + mu * answer.goal
    below = answer.weight + mu * answer.credit
    rpc = np.where(case.usable & case.economics.known, case.forecast.rpc_micros, 0.0)
    bounded = charge > 0 or solution.money_price > 0
    limit = np.divide(below, above, out=np.zeros_like(below), where=above > 0)
    # Where neither money nor return binds, break-even is the limit.
    worth = rpc * limit if bounded else case.value_micros
    spend = np.zeros(case.layout.n_targets)
    spend[rows] = solution.spend
    at_margin = solution.spend > 0
    price = above[rows] / below[rows]
    return Allocation(
        spend_micros=spend,
        worth_micros=np.maximum(worth, 0.0),
        money_micros=money,
        money_price=solution.money_price,
        marginal_roas=float(np.average(price[at_margin], weights=solution.spend[at_margin]))
        if at_margin.any()
        else float("nan"),
        gap=solution.gap,
        infeasible=infeasible,
        short_goals=answer.short,
    )


def _charge(case: Case) -> float:
    return 1.0 if case.policy.goal.objective is Objective.PROFIT else 0.0


def _weights(case: Case) -> tuple[Float64, Float64]:
    """Return w, what a unit of revenue adds to the objective, and c, what it counts towards the floor."""
    money = case.economics
    caused = money.caused
    k = np.where(money.known, np.maximum(money.contribution, 0.0), 0.0) * caused
    match case.policy.goal.objective:
        case Objective.PROFIT:
            return k, caused
        case Objective.REVENUE:
            return caused, caused
        case Objective.VOLUME:
            value = np.where(case.usable & (case.forecast.aov_micros > 0), case.forecast.aov_micros, np.nan)
            typical = float(np.nanmedian(value)) if np.isfinite(value).any() else 1.0
            return caused * np.where(np.isfinite(value), typical / value, 0.0), k


def _curves(case: Case, use: Flags) -> PowerCurve:
    """Anchor a power curve at today's spend and revenue of each target."""
    spend = case.daily_spend_micros[use]
    revenue = case.daily_clicks[use] * case.forecast.rpc_micros[use]
    exponent = case.response.exponent[use]
    eta = case.response.spend_elasticity[use]
    return PowerCurve(
        scale=revenue / spend**exponent,
        exponent=exponent,
        low=np.zeros(len(spend)),
        high=_highest(case, use, spend * REACH**eta),
    )


def _highest(case: Case, use: Flags, reach: Float64) -> Float64:
    """Bound spend by reach, and by a marginal return at break-even where that is the floor."""
    if case.policy.goal.floor != "marginal" or case.policy.goal.objective is Objective.PROFIT:
        return reach
    exponent = case.response.exponent[use]
    spend = case.daily_spend_micros[use]
    now = case.daily_clicks[use] * case.forecast.rpc_micros[use] * exponent / spend
    at_floor = spend * (now / case.economics.floor_roas[use]) ** (1.0 / (1.0 - exponent))
    return np.minimum(reach, np.maximum(at_floor, 1e-6 * spend))


def _solve(case: Case, use: Flags, curve: PowerCurve, available: float, *, floors: bool = True) -> _Answer:
    """Solve with soft goals; categories that end under break-even are held to it as a hard floor instead."""
    layout, policy = case.layout, case.policy.goal
    weight, credit = _weights(case)
    n_groups = len(layout.categories)
    goal, limit = np.zeros(n_groups), np.full(n_groups, np.inf)
    if floors and policy.objective is Objective.VOLUME:
        goal[:] = 1.0 - policy.volume_loss_share
    elif floors:
        goal = _group_goal(case, use)
        limit[:] = policy.shortfall_price if policy.shortfall_price is not None else _SHORTFALL[policy.objective]
    problem = Problem(
        curve=curve,
        weight=weight[use],
        credit=np.maximum(credit[use], 1e-9),
        charge=_charge(case),
        cap=available,
        group=layout.category[use],
        floor=goal,
        price_limit=limit,
    )
    solution = solve(problem, names=layout.categories)
    short = tuple(layout.categories[row] for row in np.flatnonzero(solution.unmet).tolist())
    if floors and policy.objective is Objective.REVENUE:
        k = np.where(case.economics.known, np.maximum(case.economics.contribution, 0.0), 0.0) * case.economics.caused
        earned = tally(problem.group, k[use] * solution.revenue - solution.spend, n_groups)
        losing = earned < 0
        if losing.any():
            credit = np.where(losing[layout.category], k, credit)
            goal, limit = np.where(losing, 1.0, goal), np.where(losing, np.inf, limit)
            problem = replace(problem, credit=np.maximum(credit[use], 1e-9), floor=goal, price_limit=limit)
            solution = solve(problem, names=layout.categories)
    return _Answer(solution=solution, goal=goal[layout.category], weight=weight, credit=credit, short=short)


def _group_goal(case: Case, use: Flags) -> Float64:
    """Return the goal of each category: the spend-weighted mean of its targets' goals."""
    layout = case.layout
    weight = case.daily_spend_micros[use]
    total = tally(layout.category[use], weight, len(layout.categories))
    summed = tally(layout.category[use], weight * case.economics.goal_roas[use], len(layout.categories))
    return np.divide(summed, total, out=np.zeros_like(total), where=total > 0)


def _nothing(case: Case, money: float) -> Allocation:
    return Allocation(
        spend_micros=np.zeros(case.layout.n_targets),
        worth_micros=np.where(case.usable, case.value_micros, 0.0),
        money_micros=money,
        money_price=0.0,
        marginal_roas=float("nan"),
        gap=0.0,
        infeasible="",
        short_goals=(),
    )
