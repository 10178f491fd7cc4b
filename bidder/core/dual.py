"""Exact allocation of one budget over concave responses, by its prices: the Lagrange dual in a few array passes.

    maximise    sum w_i R_i(s_i) - a s_i
    subject to  sum s_i <= cap,  low_i <= s_i <= high_i,  and for every group
                sum c_i R_i(s_i) >= floor_g sum s_i  and  sum s_i <= cap_g

Every target then spends where ``R_i' = (a + lam + nu_g + mu_g floor_g) / (w_i + mu_g c_i)``: one price of money for
the account, one of money and one of return for each group. Profit takes w = contribution and a = 1; revenue w = c = 1
and a = 0. Called by `bidder.core.allocate` and the benchmarks; derivation in docs/maths/allocation.md.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from bidder.core.blocks import Blocks
from bidder.core.caps import own_money
from bidder.core.curves import Curve
from bidder.core.feasibility import Demands, require_feasible, require_room
from bidder.core.floors import Floors, Settled
from bidder.core.layout import Flags, Rows, tally
from bidder.core.performance import Float64

_TURNS = 80
_CLOSE = 1e-11
_ROUGH, _NEAR = 1e-3, 1e-6
"""How exactly floors are met at first, where the price of money is a guess and where it is nearly known."""
_ROUGH_TURNS = 8
_TELLING = 30.0
_ALMOST = 3e-6
"""Log spend over cap from which Newton's last step, which squares it, is taken unlooked at, and judged afterwards."""
_MISSED = 1e-11
"""What that judgement lets pass of cap and floors, relative."""
_EASY = 5e-3
"""Log spend over cap below which floors are met exactly at once: the next step will be that good."""
_EXACT = 1e-12
"""Surplus of a group that counts as none, relative to what it earns and is asked for."""
_HIGHEST_PRICE = 1e12
_TINY = 1e-15
_NEGLIGIBLE = 12.0
"""Fall in log price after which it is asked whether money has a price at all."""
_LONGEST = 5.0
"""Longest step in log price: where spend hardly answers, Newton would leap out of range."""
_SAMPLE, _WORTH = 65_536, 4
"""Targets in a sample that is solved first, and how many times as many are worth it."""
_SOME = 2_048
"""Targets that are enough for a guess without floors."""
_FEW = 64
"""Groups that a sample holds at least; else it holds a part of every group."""
_GUESSES, _GOOD_GUESS = 6, 0.05
_NOTICED = 1e-9
"""Spend taken off, as a share, above which revenue is told anew."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Problem:
    """One allocation.

    Attributes:
        curve: Responses with bounds, n targets.
        weight, credit: w and c, shape (n,), positive.
        charge: a, what a unit of spend costs the objective.
        cap: Spend allowed; ``inf`` where only prices rule.
        group: Row of each target's group, shape (n,).
        floor: Wanted return of each group, shape (n_groups,); 0 where a group has none.
        price_limit: Most that the price of return may be: ``inf`` for a hard floor, finite for a soft goal.
        group_cap: Spend allowed to each group; ``inf`` where there is no limit; ``None`` where no group has one.
    """

    curve: Curve
    weight: Float64
    credit: Float64
    charge: float
    cap: float
    group: Rows
    floor: Float64
    price_limit: Float64
    group_cap: Float64 | None = None

    def __post_init__(self) -> None:
        targets, groups = self.curve.low.shape, self.floor.shape
        for name, shape, wanted in (
            ("weight", self.weight.shape, targets),
            ("credit", self.credit.shape, targets),
            ("group", self.group.shape, targets),
            ("price_limit", self.price_limit.shape, groups),
            ("group_cap", groups if self.group_cap is None else self.group_cap.shape, groups),
        ):
            if shape != wanted:
                raise ValueError(f"{name} must have shape {wanted}, has {shape}")
        if not (_positive(self.weight) and _positive(self.credit)):
            raise ValueError("weight and credit must be finite and positive: leave worthless targets out")
        if not (np.all(np.isfinite(self.floor)) and np.all(self.floor >= 0.0)):
            raise ValueError("floors must be finite and at least 0; 0 where a group has none")
        if not np.all(self.price_limit >= 0.0):
            raise ValueError("the price of return must be limited by a number of at least 0, or by infinity")
        if self.group_cap is not None and not np.all(self.group_cap >= 0.0):
            raise ValueError("group caps must be at least 0; infinity where a group has none")
        if not self.cap >= 0.0:
            raise ValueError(f"the cap must be at least 0, was {self.cap}")
        if not (np.isfinite(self.charge) and self.charge >= 0.0):
            raise ValueError(f"the charge must be finite and at least 0, was {self.charge}")
        if len(self.group) and not (self.group.min() >= 0 and self.group.max() < len(self.floor)):
            raise ValueError(f"groups must be numbered from 0 to {len(self.floor) - 1}")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Solution:
    """The optimum and its certificate.

    Attributes:
        spend, revenue: Per target.
        money_price: lam; 0 where the cap does not bind.
        return_price: mu per group; 0 where the floor holds by itself.
        group_price: nu per group; 0 where the group's cap does not bind.
        gap: Dual bound minus objective, relative to the objective: how far from optimal it can be at most.
        unmet: Groups whose soft goal stays unmet at its price limit.
        passes: Evaluations of all targets' responses; parts of them count as parts.
    """

    spend: Float64
    revenue: Float64
    money_price: float
    return_price: Float64
    group_price: Float64
    gap: float
    unmet: Flags
    passes: float


class _Total(NamedTuple):
    """State at one price of money: log of charge + lam."""

    log_money: float
    spend: float
    slope: float
    settled: Settled


def solve(problem: Problem, *, warm: float | None = None, names: tuple[str, ...] = ()) -> Solution:
    """Find the optimal spends and prices.

    Args:
        problem: Curves, bounds, cap and floors.
        warm: Price of money of the last solution, a starting point.
        names: Names of the groups, for messages.

    Raises:
        BoundsInfeasible: The least spends exceed a cap, or force a group under its hard floor, or hard floors need
            more than a cap allows, alone or together.
    """
    dual = _Dual(problem, names)
    dual.hold_group_caps()
    if warm is not None and warm > 0:
        here, rough = float(np.log(problem.charge + warm)), _NEAR
    else:
        here, rough = _first_guess(problem)
    here, total = _price_of_money(dual, here, rough=rough, exact=_EXACT, close=_ALMOST)
    step = _step(total, problem.cap)
    if step != 0.0:
        found, missed = dual.solution(here + step, total.settled.turn + step * total.settled.drift)
        if missed <= _MISSED:
            return found
        # Some target meets a bound, or a group its floor, just there: Newton's last step was no straight line.
        here, total = _price_of_money(dual, here, rough=_EXACT, exact=_EXACT, close=_CLOSE)
    return dual.solution(here, total.settled.turn)[0]


def _step(total: _Total, cap: float) -> float:
    """Return Newton's step in log price where spend is a little off the cap; 0 where the cap does not bind."""
    if not (np.isfinite(total.log_money) and total.spend > 0 and total.slope < 0 and 0 < cap < np.inf):
        return 0.0
    off = float(np.log(total.spend / cap))
    return -off * total.spend / total.slope if abs(off) <= _ALMOST else 0.0


def _price_of_money(dual: _Dual, here: float, *, rough: float, exact: float, close: float) -> tuple[float, _Total]:
    """Safeguarded Newton on log spend against log price; ends on the side that stays within the cap.

    Args:
        dual: What is to be solved.
        here: Log price to begin with.
        rough: How exactly floors are to be met there.
        exact: How exactly at the end.
        close: Log spend over cap that is close enough.

    A price that falls to where money is free, or to next to nothing, may mean that the cap does not bind: that is
    looked at then, not before, because it takes a pass of its own.
    """
    problem = dual.problem
    goal = np.log(problem.cap) if problem.cap > 0 else -np.inf
    if problem.charge > 0:
        here = max(here, float(np.log(problem.charge)) + 1e-6)
    free_at = np.log(problem.charge) if problem.charge > 0 else here - _NEGLIGIBLE
    left, right, off, start = -np.inf, np.inf, np.inf, here
    total = dual.total(here, rough)
    for turn in range(_TURNS):
        off = np.log(total.spend) - goal if total.spend > 0 else -np.inf
        # A rough evaluation may stand on the wrong side of a cap that is near; it says nothing about the bracket.
        if rough <= exact or abs(off) > _TELLING * rough:
            left, right = (left, here) if off <= 0 else (here, right)
        near = abs(off) <= close
        if rough <= exact and (near or right - left <= _TINY):
            break
        step = -off * total.spend / total.slope if total.slope < 0 else 0.0
        there = here + step if near else _next(here, left, right, step)
        # Newton converges quadratically: floors need be met no more exactly than the next step will be.
        rough = exact if abs(off) < _EASY or turn > _ROUGH_TURNS else min(0.01 * off * off, _ROUGH)
        if there <= free_at and not np.isfinite(left):
            rough = exact
            there = float(np.log(problem.charge)) if problem.charge > 0 else -np.inf
            free = dual.total(there, rough)
            if free.spend <= problem.cap:
                return there, free
            free_at = -np.inf
            if problem.charge > 0:
                here, total = there, free
                continue
            there = here - _NEGLIGIBLE
        if there > start + _NEGLIGIBLE:
            dual.require_feasible()  # Spend that no price brings down may be floors that need more than the cap.
        here = there
        total = dual.total(here, rough)
    if abs(off) > close and np.isfinite(right):
        # Responses jump there: only the side within the cap will do.
        return right, dual.total(right, exact)
    return here, total


def _next(here: float, left: float, right: float, step: float) -> float:
    """Return the next log price: Newton's where it stays inside the bracket, else its middle or a long step."""
    there = here + float(np.clip(step, -_LONGEST, _LONGEST)) if np.isfinite(step) and step != 0 else np.nan
    if left < there < right:
        return there
    if np.isfinite(left) and np.isfinite(right):
        return 0.5 * (left + right)
    return here - _LONGEST if np.isfinite(right) else here + _LONGEST


def _first_guess(problem: Problem) -> tuple[float, float]:
    """Return the log price at which a sample of the targets would use its part of the cap, and how exact to begin."""
    every = len(problem.weight) // _SAMPLE
    if every >= _WORTH:
        some = _sample(problem, every)
        here, _ = _price_of_money(_Dual(some), _guess_without_floors(some), rough=_ROUGH, exact=_ROUGH, close=_ROUGH)
        if np.isfinite(here):
            return here, _NEAR
    return _guess_without_floors(problem), _ROUGH


def _sample(problem: Problem, every: int) -> Problem:
    """Keep each so many groups whole, or, of few groups, each so many targets, and their part of the cap."""
    if len(problem.floor) >= _FEW * every:
        rows = np.flatnonzero(problem.group % every == 0)
    else:
        rows = np.arange(0, len(problem.group), every)
    all_of_it = float(np.sum(problem.curve.high))
    share = float(np.sum(problem.curve.high[rows])) / all_of_it if all_of_it > 0 else 1.0
    return replace(
        problem,
        curve=problem.curve.take(rows),
        weight=problem.weight[rows],
        credit=problem.credit[rows],
        cap=problem.cap * share,
        group=problem.group[rows],
        group_cap=None,
    )


def _guess_without_floors(problem: Problem) -> float:
    """Return the log price at which some of the targets, free of floors, would use their part of the cap, roughly."""
    every = len(problem.weight) // _SOME + 1
    curve, weight = problem.curve.take(np.arange(0, len(problem.weight), every)), problem.weight[::every]
    goal = max(problem.cap / every if np.isfinite(problem.cap) else float(np.sum(curve.high)), 1e-300)
    each = np.clip(goal / max(len(weight), 1), np.maximum(curve.low, 1e-12 * goal), curve.high)
    marginal = weight * curve.marginal(each)
    useful = marginal[(marginal > 0) & np.isfinite(marginal)]
    here = float(np.mean(np.log(useful))) if len(useful) else 0.0
    for _ in range(_GUESSES):
        response = curve.at(np.exp(here) / weight)
        spend, bend = float(np.sum(response.spend)), float(np.sum(response.bend))
        if spend <= 0 or bend <= 0:
            break
        step = float(np.clip(np.log(spend / goal) * spend / bend, -1.0, 1.0))
        here += step
        if abs(step) < _GOOD_GUESS:
            break
    return here


class _Dual:
    """Evaluates the dual function of one problem; keeps the groups' prices warm between evaluations."""

    def __init__(self, problem: Problem, names: tuple[str, ...] | None = None) -> None:
        self.problem = problem
        self._names = names
        number = len(problem.floor)
        limit = problem.price_limit
        with np.errstate(invalid="ignore"):
            last = np.where(np.isinf(limit), 1.0, limit / (1.0 + limit))
        self._last = np.where(problem.floor > 0, last, 0.0)
        self._cap = np.full(number, np.inf) if problem.group_cap is None else problem.group_cap
        self._blocks = Blocks.of(problem.curve, problem.weight, problem.credit, problem.group, problem.floor)
        self._floors = Floors(self._blocks, self._last)
        self._own = np.zeros(number)
        self._least = tally(problem.group, problem.curve.low, number)
        self._demands = Demands(
            curve=problem.curve,
            credit=problem.credit,
            group=problem.group,
            floor=problem.floor,
            hard=self._last == 1.0,
            cap=problem.cap,
            group_cap=self._cap,
        )
        if names is not None:
            require_room(self._demands, names)

    def require_feasible(self) -> None:
        """Refuse floors that no allocation meets; looked at once, and only where the search meets a reason to."""
        if self._names is not None:
            require_feasible(self._demands, self._blocks, self._names)
        self._names = None

    def hold_group_caps(self) -> None:
        """Find the price of money at which each capped group, on its own, stays within its cap."""
        capped = np.flatnonzero(np.isfinite(self._cap))
        if len(capped):
            self.require_feasible()
            floors = Floors(self._blocks.part(capped), self._last[capped])
            self._own[capped] = own_money(floors, self._cap[capped], self.problem.charge)

    def total(self, log_money: float, exactness: float) -> _Total:
        """Return spend and its slope at ``log(charge + lam)``, with every floor met to a relative exactness."""
        price = float(np.exp(log_money))
        money = np.maximum(self._own, price)
        settled = self._floors.settle(money, exactness)
        if np.any((settled.turn == 1.0) & (settled.sums.earned < self.problem.floor * settled.sums.spend)):
            self.require_feasible()
        slope = float(np.sum(settled.slope[self._own < price]))
        return _Total(log_money, float(np.sum(settled.sums.spend)), slope, settled)

    def solution(self, log_money: float, turn: Float64) -> tuple[Solution, float]:
        """Dress prices up as the answer, with its certificate; beside it, by how much cap and floors were missed."""
        problem, number = self.problem, len(self.problem.floor)
        turn = np.clip(turn, 0.0, self._last)
        money_price = max(float(np.exp(log_money)) - problem.charge, 0.0)
        spend, revenue = self._blocks.responses(np.maximum(self._own, np.exp(log_money)), turn)
        used = tally(problem.group, spend, number)
        missed = abs(float(np.sum(used)) / problem.cap - 1.0) if money_price > 0 and problem.cap > 0 else 0.0
        spend, revenue = self._within_caps(spend, revenue, used)
        used = tally(problem.group, spend, number)
        earned, asked = tally(problem.group, problem.credit * revenue, number), problem.floor * used
        surplus = earned - asked
        held = (turn > 0.0) & (turn < self._last)
        off = np.where(held, np.abs(surplus), np.where(self._last == 1.0, np.maximum(-surplus, 0.0), 0.0))
        missed = max(missed, float(np.max(off / np.maximum(earned + asked, 1e-300), initial=0.0)))
        with np.errstate(divide="ignore"):
            price = np.minimum(turn / (1.0 - turn), _HIGHEST_PRICE)
        group_price = np.maximum(self._own - (problem.charge + money_price), 0.0)
        # Slack that a price is paid for. A soft goal at its limit is part of the objective, so its shortfall is no
        # gap; nor is any where all turns to the floor, which then only one spend meets.
        slack = np.where(held, price * np.abs(surplus), 0.0)
        capped = group_price > 0
        slack[capped] += group_price[capped] * (self._cap - used)[capped]
        idle = money_price * (problem.cap - float(np.sum(used))) if money_price > 0 else 0.0
        objective = float(np.sum(problem.weight * revenue)) - problem.charge * float(np.sum(used))
        soft = (problem.floor > 0) & (self._last < 1.0)
        found = Solution(
            spend=spend,
            revenue=revenue,
            money_price=money_price,
            return_price=price,
            group_price=group_price,
            gap=abs(idle + float(np.sum(slack))) / max(abs(objective), 1e-300),
            unmet=soft & (turn >= self._last) & (surplus < -_EXACT * problem.floor * used),
            passes=self._floors.evaluated / max(len(spend), 1) + 1.0,
        )
        return found, missed

    def _within_caps(self, spend: Float64, revenue: Float64, used: Float64) -> tuple[Float64, Float64]:
        """Take off what rounding, or a price that no number is high enough for, left above a cap."""
        problem = self.problem
        low = problem.curve.low
        least = self._least
        keep = _share(self._cap - least, used - least)
        free = float(np.sum(keep * (used - least)))
        keep *= _share(np.array([problem.cap - float(np.sum(least))]), np.array([free]))
        if np.all(keep == 1.0):
            return spend, revenue
        spend = low + (spend - low) * keep[problem.group]
        return spend, revenue if np.all(keep > 1.0 - _NOTICED) else problem.curve.revenue(spend)


def _share(allowed: Float64, wanted: Float64) -> Float64:
    """Return which share of the wanted is allowed, 1 at most."""
    return np.divide(
        np.maximum(allowed, 0.0), wanted, out=np.ones(len(wanted)), where=wanted > np.maximum(allowed, 0.0)
    )


def _positive(values: Float64) -> bool:
    return bool(np.min(values, initial=np.inf) > 0.0 and np.max(values, initial=0.0) < np.inf)
