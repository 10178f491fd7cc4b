"""Exact allocation of one budget over concave responses, by its prices: the Lagrange dual in a few array passes.

    maximise    sum w_i R_i(s_i) - a s_i
    subject to  sum s_i <= cap,  low_i <= s_i <= high_i,  and for every group  sum c_i R_i(s_i) >= floor_g sum s_i

Every target then spends where ``R_i' = (a + lam + mu_g floor_g) / (w_i + mu_g c_i)``: one price of money for the
account, one of return for each group. Profit takes w = c = contribution and a = 1; revenue w = c = 1 and a = 0.
Called by `bidder.core.allocate` and the benchmarks; derivation in docs/maths/allocation.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from bidder.core.curves import Curve, Response
from bidder.core.layout import Flags, Rows, tally
from bidder.core.performance import Float64
from bidder.errors import BoundsInfeasible

_OUTER = 80
_INNER = 80
_CLOSE = 1e-10
_ROUGH = 1e-3
_ROUGH_TURNS = 8
_TELLING = 30.0
_SAMPLE = 8192
_GUESSES = 6
_FLOOR_TOLERANCE = 1e-12
_HIGHEST_PRICE = 1e12
_TINY = 1e-15
_NEGLIGIBLE = 12.0
"""Fall in log price after which it is asked whether money has a price at all."""
_LONGEST = 5.0
"""Longest step in log price: where spend hardly answers, Newton would leap out of range."""


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
    """

    curve: Curve
    weight: Float64
    credit: Float64
    charge: float
    cap: float
    group: Rows
    floor: Float64
    price_limit: Float64

    def __post_init__(self) -> None:
        if not (np.all(self.weight > 0) and np.all(self.credit > 0)):
            raise ValueError("weight and credit must be positive: leave worthless targets out")
        if not self.cap >= 0:
            raise ValueError(f"the cap must be at least 0, was {self.cap}")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Solution:
    """The optimum and its certificate.

    Attributes:
        spend, revenue: Per target.
        money_price: lam; 0 where the cap does not bind.
        return_price: mu per group; 0 where the floor holds by itself.
        gap: Dual bound minus objective, relative to the objective: how far from optimal it can be at most.
        unmet: Groups whose soft goal stays unmet at its price limit.
        passes: Evaluations of all targets' responses.
    """

    spend: Float64
    revenue: Float64
    money_price: float
    return_price: Float64
    gap: float
    unmet: Flags
    passes: int


class _Total(NamedTuple):
    """State at one price of money: log of charge + lam."""

    spend: float
    slope: float
    response: Response
    turn: Float64
    surplus: Float64


def solve(problem: Problem, *, warm: float | None = None, names: tuple[str, ...] = ()) -> Solution:
    """Find the optimal spends and prices.

    Args:
        problem: Curves, bounds, cap and floors.
        warm: Price of money of the last solution, a starting point.
        names: Names of the groups, for messages.

    Raises:
        BoundsInfeasible: The least spends exceed the cap, or force a group under its hard floor, or hard floors
            together need more than the cap.
    """
    dual = _Dual(problem)
    dual.require_feasible(names)
    here = np.log(problem.charge + warm) if warm is not None and warm > 0 else dual.first_guess()
    if problem.charge > 0:
        here = max(here, np.log(problem.charge) + 1e-6)
    here, total = _price_of_money(dual, float(here))
    return dual.solution(max(float(np.exp(here)) - problem.charge, 0.0), total)


def _price_of_money(dual: _Dual, here: float) -> tuple[float, _Total]:
    """Safeguarded Newton on log spend against log price; ends on the side that stays within the cap.

    A price that falls to where money is free, or to next to nothing, may mean that the cap does not bind: that is
    looked at then, not before, because it takes a pass of its own.
    """
    problem = dual.problem
    goal = np.log(problem.cap) if problem.cap > 0 else -np.inf
    free_at = np.log(problem.charge) if problem.charge > 0 else here - _NEGLIGIBLE
    left, right = -np.inf, np.inf
    total = dual.total(float(np.exp(here)), exactness=_ROUGH)
    best: tuple[float, _Total] | None = None
    off = np.inf
    for turn in range(_OUTER):
        off = np.log(total.spend) - goal if total.spend > 0 else -np.inf
        # A rough evaluation may stand on the wrong side of a cap that is near; it says nothing about the bracket.
        if dual.exact or abs(off) > _TELLING * _ROUGH:
            left, right = (left, here) if off <= 0 else (here, right)
            if off <= 0:
                best = (here, total)
        close = abs(off) <= _CLOSE
        if dual.exact and (close or right - left <= _TINY):
            break
        step = -off * total.spend / total.slope if total.slope < 0 else 0.0
        there = here if close else _next(here, left, right, step)
        if there <= free_at and not np.isfinite(left):
            free = dual.total(problem.charge)
            if free.spend <= problem.cap:
                return (np.log(problem.charge) if problem.charge > 0 else -np.inf), free
            if problem.charge > 0:
                here, total = float(free_at), free
                continue
            free_at = -np.inf
        dual.predict(there - here)
        here = there
        # Newton converges quadratically: floors need be met no more exactly than the next step will be.
        rough = 0.0 if close or turn > _ROUGH_TURNS else float(np.clip(off * off, _CLOSE, _ROUGH))
        total = dual.total(float(np.exp(here)), exactness=rough)
    return (here, total) if best is None or abs(off) <= _CLOSE else best


def _next(here: float, left: float, right: float, step: float) -> float:
    """Return the next log price: Newton's where it stays inside the bracket, else its middle or a long step."""
    there = here + float(np.clip(step, -_LONGEST, _LONGEST)) if np.isfinite(step) and step != 0 else np.nan
    if left < there < right:
        return there
    if np.isfinite(left) and np.isfinite(right):
        return 0.5 * (left + right)
    return here - _LONGEST if np.isfinite(right) else here + _LONGEST


class _Dual:
    """Evaluates the dual function of one problem; keeps the groups' prices warm between evaluations."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self.passes = 0
        self.exact = True
        self._n_groups = len(problem.floor)
        self._bound = problem.floor > 0
        self._floor = problem.floor[problem.group] if self._bound.any() else np.zeros(0)
        self._log_weight = np.log(problem.weight)
        limit = problem.price_limit
        self._last_turn = np.where(np.isfinite(limit), limit / (1.0 + np.where(np.isfinite(limit), limit, 0.0)), 1.0)
        self._turn = np.zeros(self._n_groups)
        self._drift = np.zeros(self._n_groups)
        self._scale = np.ones(self._n_groups)
        self._part: _Part | None = None
        self._part_groups = np.zeros(self._n_groups, dtype=bool)

    def require_feasible(self, names: tuple[str, ...]) -> None:
        """Refuse bounds that no allocation meets, naming what forces them."""
        problem = self.problem
        low, high = problem.curve.low, problem.curve.high
        if np.any(low > high * (1 + 1e-12)):
            raise BoundsInfeasible(f"{int(np.sum(low > high))} targets have a least spend above their most")
        least = float(np.sum(low))
        if least > problem.cap * (1 + 1e-12):
            raise BoundsInfeasible(f"the least spends add up to {least:.6g}, the cap is {problem.cap:.6g}")
        if not self._bound.any():
            return
        best = problem.curve.at(self._floor / problem.credit, _log(self._floor) - np.log(problem.credit))
        self.passes += 1
        earned = tally(problem.group, problem.credit * best.revenue, self._n_groups)
        asked = tally(problem.group, self._floor * best.spend, self._n_groups)
        self._scale = np.maximum(earned + asked, 1e-300)
        hard = self._bound & np.isinf(problem.price_limit)
        broken = hard & (earned - asked < -_FLOOR_TOLERANCE * self._scale)
        if broken.any():
            groups = _named(broken, names)
            raise BoundsInfeasible(f"least spends force {', '.join(groups)} under the floor", groups=groups)
        self._require_joint(hard, names)

    def _require_joint(self, hard: Flags, names: tuple[str, ...]) -> None:
        """Refuse floors that can each be met, but together only above the cap."""
        problem = self.problem
        low = problem.curve.low
        surplus = problem.credit * problem.curve.revenue(low) - self._floor * low
        short = hard & (tally(problem.group, surplus, self._n_groups) < 0)
        if not short.any():
            return
        part = _Part(problem, short, cheapest=True)
        _, point = part.root(1.0, np.full(int(short.sum()), 0.5), np.ones(int(short.sum())), 1e-14 * self._scale[short])
        spent = float(np.sum(point.response.spend)) + float(np.sum(low[~short[problem.group]]))
        if spent > problem.cap * (1 + 1e-9):
            groups = _named(short, names)
            raise BoundsInfeasible(
                f"the floors of {', '.join(groups)} together need {spent:.6g}, the cap is {problem.cap:.6g}",
                groups=groups,
            )

    def first_guess(self) -> float:
        """Return the log price at which a sample of the targets, free of floors, would use its part of the cap."""
        problem = self.problem
        every = max(len(problem.weight) // _SAMPLE, 1)
        some = problem.curve.take(np.arange(0, len(problem.weight), every))
        weight = problem.weight[::every]
        finite = problem.cap if np.isfinite(problem.cap) else float(np.sum(problem.curve.high))
        goal = max(finite / every, 1e-300)
        marginal = weight * some.marginal(np.clip(goal / len(weight), np.maximum(some.low, 1e-12 * goal), some.high))
        useful = marginal[(marginal > 0) & np.isfinite(marginal)]
        here = float(np.mean(np.log(useful))) if len(useful) else 0.0
        for _ in range(_GUESSES):
            response = some.at(np.exp(here) / weight, here - np.log(weight))
            spend, bend = float(np.sum(response.spend)), float(np.sum(response.bend))
            if spend <= 0 or bend <= 0:
                break
            here += float(np.clip(np.log(spend / goal) * spend / bend, -1.0, 1.0))
        return here

    def predict(self, move: float) -> None:
        """Move the groups' prices along with the price of money."""
        self._turn = np.clip(self._turn + self._drift * np.clip(move, -1.0, 1.0), 0.0, self._last_turn)

    def total(self, money: float, *, exactness: float = 0.0) -> _Total:
        """Return spend and its slope at ``charge + lam = money``, with every floor met to a relative exactness."""
        problem = self.problem
        tolerance = max(exactness, 0.01 * _FLOOR_TOLERANCE)
        self.exact = tolerance <= _CLOSE
        log_money = np.log(money) if money > 0 else -np.inf
        response = problem.curve.at(money / problem.weight, log_money - self._log_weight)
        self.passes += 1
        surplus = np.zeros(self._n_groups)
        turn = np.zeros(self._n_groups)
        slope = -float(np.sum(response.bend))
        if not self._bound.any():
            return _Total(float(np.sum(response.spend)), slope, response, turn, surplus)
        balance = problem.credit * response.revenue - self._floor * response.spend
        surplus = tally(problem.group, balance, self._n_groups)
        short = self._bound & (surplus < -_FLOOR_TOLERANCE * self._scale) & (self._last_turn > 0)
        self._drift = np.zeros(self._n_groups)
        if short.any():
            part = self._part_of(short)
            last = self._last_turn[short]
            turn[short], point = part.root(money, self._turn[short], last, tolerance * self._scale[short])
            self.passes += 1
            slope += float(np.sum(response.bend[part.rows]))
            more, self._drift[short] = part.slope(money, turn[short], point, last)
            slope += more
            surplus[short] = point.surplus
            for whole, share in zip(response, point.response, strict=True):
                whole[part.rows] = share
        self._turn = np.where(short, turn, 0.5 * self._turn)
        return _Total(float(np.sum(response.spend)), slope, response, turn, surplus)

    def _part_of(self, groups: Flags) -> _Part:
        if self._part is None or not np.array_equal(groups, self._part_groups):
            self._part, self._part_groups = _Part(self.problem, groups), groups
        return self._part

    def solution(self, money_price: float, total: _Total) -> Solution:
        """Dress a state up as the answer, with its certificate."""
        problem = self.problem
        spend = total.response.spend
        if total.spend > problem.cap:
            low = problem.curve.low
            base = float(np.sum(low))
            spend = low + (spend - low) * ((problem.cap - base) / (total.spend - base))
        with np.errstate(divide="ignore"):
            price = np.minimum(total.turn / (1.0 - total.turn), _HIGHEST_PRICE)
        objective = float(np.sum(problem.weight * total.response.revenue - problem.charge * spend))
        slack = 0.0 if money_price == 0.0 else money_price * (problem.cap - float(np.sum(spend)))
        at_limit = (total.turn >= self._last_turn) & self._bound & (self._last_turn < 1.0)
        # A soft goal at its limit is part of the objective, so its shortfall is no gap.
        binding = float(np.sum(np.where(at_limit, 0.0, price * total.surplus)))
        return Solution(
            spend=spend,
            revenue=total.response.revenue,
            money_price=money_price,
            return_price=price,
            gap=abs(slack + binding) / max(abs(objective), 1e-300),
            unmet=at_limit & (total.surplus < -_FLOOR_TOLERANCE * self._scale),
            passes=self.passes,
        )


class _Part:
    """The targets of the groups whose floor binds, at a turn ``t = mu / (1 + mu)`` in [0, 1] for each group."""

    def __init__(self, problem: Problem, groups: Flags, *, cheapest: bool = False) -> None:
        self.rows = np.flatnonzero(groups[problem.group])
        self._number = int(groups.sum())
        relabel = np.cumsum(groups) - 1
        self._group = relabel[problem.group[self.rows]]
        self._group_floor = problem.floor[groups]
        self._floor = self._group_floor[self._group]
        self._credit = problem.credit[self.rows]
        self._weight = np.zeros(len(self.rows)) if cheapest else problem.weight[self.rows]
        self._lift = self._credit - self._weight
        self._curve = problem.curve.take(self.rows)

    def root(self, money: float, start: Float64, last: Float64, tolerance: Float64) -> tuple[Float64, _Point]:
        """Find each group's turn at which its floor just holds, or its last turn where it cannot."""
        left, right = np.zeros(self._number), last.copy()
        # Surplus is nearly concave in the turn: from the left, Newton does not overshoot.
        turn = np.where(start < last, start, 0.0)
        done, tried = np.zeros(self._number, dtype=bool), np.zeros(self._number, dtype=bool)
        point = self._at(money, turn)
        for _ in range(_INNER):
            short = point.surplus < 0
            left, right = np.where(short, turn, left), np.where(short, right, turn)
            done |= (np.abs(point.surplus) <= tolerance) | (right - left <= _TINY)
            if done.all():
                break
            with np.errstate(divide="ignore", invalid="ignore"):
                step = turn - point.surplus / point.surplus_turn
            inside = (step > left) & (step < right)
            beyond = (step >= right) & ~tried
            tried |= beyond & ~inside
            turn = np.where(done, turn, np.where(inside, step, np.where(beyond, last, 0.5 * (left + right))))
            point = self._at(money, turn)
        return turn, point

    def slope(self, money: float, turn: Float64, point: _Point, last: Float64) -> tuple[float, Float64]:
        """Return d spend / d log money with floors kept, and how the turns move along."""
        straight = ((1.0 - turn) * money / point.above)[self._group]
        moved = -point.response.bend * straight
        held = self._sum(point.margin * moved)
        spend_turn = self._sum(-point.response.bend * point.swing)
        with np.errstate(divide="ignore", invalid="ignore"):
            along = -held / point.surplus_turn
        along = np.where(np.isfinite(along) & (turn < last), along, 0.0)
        return float(np.sum(moved)) + float(np.sum(spend_turn * along)), along

    def _at(self, money: float, turn: Float64) -> _Point:
        above = (1.0 - turn) * money + turn * self._group_floor
        below = self._weight + turn[self._group] * self._lift
        with np.errstate(divide="ignore", invalid="ignore"):
            price = above[self._group] / below
            swing = ((self._group_floor - money) / above)[self._group] - self._lift / below
        response = self._curve.at(price, _log(price))
        # Where money is free and the turn 0 the swing is infinite, but nobody there can spend more than they do.
        swing[response.bend == 0] = 0.0
        margin = self._credit * price - self._floor
        return _Point(
            response=response,
            above=above,
            margin=margin,
            swing=swing,
            surplus=self._sum(self._credit * response.revenue - self._floor * response.spend),
            surplus_turn=self._sum(-margin * response.bend * swing),
        )

    def _sum(self, values: Float64) -> Float64:
        return tally(self._group, values, self._number)


class _Point(NamedTuple):
    """State of a part at its turns: ``margin`` is c p - floor, ``swing`` is d log price / d turn, per target."""

    response: Response
    above: Float64
    margin: Float64
    swing: Float64
    surplus: Float64
    surplus_turn: Float64


def _log(values: Float64) -> Float64:
    with np.errstate(divide="ignore"):
        return np.log(values)


def _named(groups: Flags, names: tuple[str, ...]) -> tuple[str, ...]:
    rows = np.flatnonzero(groups)
    return tuple(names[row] if row < len(names) else f"group {row}" for row in rows.tolist())
