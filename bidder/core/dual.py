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
_CLOSE = 1e-13
_FLOOR_TOLERANCE = 1e-12
_HIGHEST_PRICE = 1e12
_TINY = 1e-15
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
    total = dual.total(float(np.exp(here)))
    if total.spend <= problem.cap:
        free = dual.total(problem.charge)
        if free.spend <= problem.cap:
            return dual.solution(0.0, free)
    here, total = _price_of_money(dual, float(here), total)
    return dual.solution(max(float(np.exp(here)) - problem.charge, 0.0), total)


def _price_of_money(dual: _Dual, here: float, total: _Total) -> tuple[float, _Total]:
    """Safeguarded Newton on log spend against log price; ends on the side that stays within the cap."""
    problem = dual.problem
    goal = np.log(problem.cap) if problem.cap > 0 else -np.inf
    left = np.log(problem.charge) if problem.charge > 0 else -np.inf
    right = np.inf
    best: tuple[float, _Total] | None = None
    off = np.inf
    for _ in range(_OUTER):
        off = np.log(total.spend) - goal if total.spend > 0 else -np.inf
        if off <= 0:
            right, best = here, (here, total)
        else:
            left = here
        if abs(off) <= _CLOSE or (np.isfinite(right) and np.isfinite(left) and right - left <= _CLOSE):
            break
        step = -off * total.spend / total.slope if total.slope < 0 and np.isfinite(off) else np.nan
        there = here + float(np.clip(step, -_LONGEST, _LONGEST))
        if not left < there < right:
            there = (
                here + _LONGEST
                if not np.isfinite(right)
                else here - _LONGEST
                if not np.isfinite(left)
                else 0.5 * (left + right)
            )
        dual.predict(there - here)
        here = float(there)
        total = dual.total(float(np.exp(here)))
    if best is None or abs(off) <= _CLOSE:
        return here, total
    return best


class _Dual:
    """Evaluates the dual function of one problem; keeps the groups' prices warm between evaluations."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self.passes = 0
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
        turn = part.root(1.0, np.full(int(short.sum()), 0.5), np.ones(int(short.sum())), self._scale[short])
        spent = float(np.sum(part.response(1.0, turn).spend)) + float(np.sum(low[~short[problem.group]]))
        if spent > problem.cap * (1 + 1e-9):
            groups = _named(short, names)
            raise BoundsInfeasible(
                f"the floors of {', '.join(groups)} together need {spent:.6g}, the cap is {problem.cap:.6g}",
                groups=groups,
            )

    def first_guess(self) -> float:
        """Return the log price at an equal split of the cap."""
        problem = self.problem
        number = len(problem.weight)
        finite = problem.cap if np.isfinite(problem.cap) else float(np.sum(problem.curve.high))
        some = problem.curve.take(np.arange(0, number, max(number // 1024, 1)))
        weight = problem.weight[:: max(number // 1024, 1)]
        equal = np.clip(finite / max(number, 1), some.low, some.high)
        marginal = weight * some.marginal(np.maximum(equal, 1e-12 * max(finite, 1e-300)))
        useful = marginal[(marginal > 0) & np.isfinite(marginal)]
        return float(np.mean(np.log(useful))) if len(useful) else 0.0

    def predict(self, move: float) -> None:
        """Move the groups' prices along with the price of money."""
        self._turn = np.clip(self._turn + self._drift * np.clip(move, -1.0, 1.0), 0.0, self._last_turn)

    def total(self, money: float) -> _Total:
        """Return spend and its slope at ``charge + lam = money``, with every floor met."""
        problem = self.problem
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
            turn[short] = part.root(money, self._turn[short], self._last_turn[short], self._scale[short])
            inner = part.response(money, turn[short])
            self.passes += 1
            slope += float(np.sum(response.bend[part.rows]))
            more, self._drift[short], surplus[short] = part.slope(money, turn[short], inner, self._last_turn[short])
            slope += more
            for whole, share in zip(response, inner, strict=True):
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
        self._floor = problem.floor[problem.group[self.rows]]
        self._weight = np.zeros(len(self.rows)) if cheapest else problem.weight[self.rows]
        self._credit = problem.credit[self.rows]
        self._curve = problem.curve.take(self.rows)

    def _price(self, money: float, turn: Float64) -> tuple[Float64, Float64, Float64, Float64]:
        spread = turn[self._group]
        above = (1.0 - spread) * money + spread * self._floor
        below = (1.0 - spread) * self._weight + spread * self._credit
        with np.errstate(divide="ignore"):
            return above / below, above, below, spread

    def _sum(self, values: Float64) -> Float64:
        return tally(self._group, values, self._number)

    def response(self, money: float, turn: Float64) -> Response:
        """Return the responses at given prices."""
        price, _, _, _ = self._price(money, turn)
        return self._curve.at(price, _log(price))

    def root(self, money: float, start: Float64, last: Float64, scale: Float64) -> Float64:
        """Find each group's turn at which its floor just holds, or its last turn where it cannot."""
        left, right = np.zeros(self._number), last.copy()
        turn = np.where((start > 0) & (start < last), start, 0.5 * last)
        done = np.zeros(self._number, dtype=bool)
        for _ in range(_INNER):
            price, above, below, _ = self._price(money, turn)
            response = self._curve.at(price, _log(price))
            margin = self._credit * price - self._floor
            surplus = self._sum(self._credit * response.revenue - self._floor * response.spend)
            swing = ((self._floor - money) * below - above * (self._credit - self._weight)) / (above * below)
            rate = self._sum(-margin * response.bend * swing)
            short = surplus < 0
            left, right = np.where(short, turn, left), np.where(short, right, turn)
            done |= (np.abs(surplus) <= 0.01 * _FLOOR_TOLERANCE * scale) | (right - left <= _TINY)
            if done.all():
                break
            with np.errstate(divide="ignore", invalid="ignore"):
                step = turn - surplus / rate
            inside = (step > left) & (step < right)
            turn = np.where(done, turn, np.where(inside, step, 0.5 * (left + right)))
        return np.where(right - left <= _TINY, right, turn)

    def slope(self, money: float, turn: Float64, response: Response, last: Float64) -> tuple[float, Float64, Float64]:
        """Return d spend / d log money with floors kept, how the turns move along, and the groups' surplus."""
        price, above, below, spread = self._price(money, turn)
        margin = self._credit * price - self._floor
        straight = (1.0 - spread) * money / above
        swing = ((self._floor - money) * below - above * (self._credit - self._weight)) / (above * below)
        spend_turn = self._sum(-response.bend * swing)
        held_money = self._sum(-margin * response.bend * straight)
        held_turn = self._sum(-margin * response.bend * swing)
        with np.errstate(divide="ignore", invalid="ignore"):
            along = -held_money / held_turn
        along = np.where(np.isfinite(along) & (turn < last), along, 0.0)
        surplus = self._sum(self._credit * response.revenue - self._floor * response.spend)
        return float(np.sum(-response.bend * straight)) + float(np.sum(spend_turn * along)), along, surplus


def _log(values: Float64) -> Float64:
    with np.errstate(divide="ignore"):
        return np.log(values)


def _named(groups: Flags, names: tuple[str, ...]) -> tuple[str, ...]:
    rows = np.flatnonzero(groups)
    return tuple(names[row] if row < len(names) else f"group {row}" for row in rows.tolist())
