"""Random allocations with caps, floors and bounds, and a certificate that shares no code with what it certifies.

Spends around 10, average returns around 3, a group for every 50 targets. Floors stand around what groups return at
the spends they are drawn with, so that part of them binds; a tenth of the targets must spend something. Formulas of
revenue are written out again here, in extended precision.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from bidder.core.curves import Curve, HillCurve, LogCurve, MixedCurve, PowerCurve
from bidder.core.dual import Problem
from bidder.core.layout import Rows

Floats = NDArray[np.float64]
Long = NDArray[np.float64 | np.longdouble]
Objective = Literal["revenue", "profit"]
Family = Literal["power", "hill", "log", "mixed"]
OBJECTIVES: tuple[Objective, ...] = ("revenue", "profit")
KINDS: tuple[Family, ...] = ("power", "hill", "log")
FAMILIES: tuple[Family, ...] = (*KINDS, "mixed")
GROUP_SIZE = 50
BAND = {"power": (0.75, 1.35), "hill": (0.65, 1.15), "log": (0.65, 1.15), "mixed": (0.7, 1.2)}
"""Floors over what groups return where they were drawn: so high that some bind, and so low that the cap does, too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetProblem:
    """One allocation in plain arrays; names as in `bidder.core.dual.Problem`.

    Attributes:
        kind: Number of each target's family in `KINDS`.
        first: Scale (power, log) or top (hill). second: Exponent (power), half (hill) or width (log).
        typical: Spend that a target was drawn around.
    """

    objective: Objective
    family: Family
    kind: Rows
    first: Floats
    second: Floats
    typical: Floats
    low: Floats
    high: Floats
    weight: Floats
    credit: Floats
    charge: float
    cap: float
    group: Rows
    floor: Floats

    def problem(self, *, floors: bool = True) -> Problem:
        """Hand the arrays to the solver under test."""
        return Problem(
            curve=self._curve(),
            weight=self.weight,
            credit=self.credit,
            charge=self.charge,
            cap=self.cap,
            group=self.group,
            floor=self.floor if floors else np.zeros(len(self.floor)),
            price_limit=np.full(len(self.floor), np.inf),
        )

    def _curve(self) -> Curve:
        if self.family != "mixed":
            return self._part(self.family, np.arange(len(self.kind)))
        return MixedCurve(self.kind, [self._part(kind, np.flatnonzero(self.kind == n)) for n, kind in enumerate(KINDS)])

    def _part(self, kind: str, rows: Rows) -> Curve:
        first, second, low, high = (
            values if self.family != "mixed" else values[rows]
            for values in (self.first, self.second, self.low, self.high)
        )
        if kind == "power":
            return PowerCurve(scale=first, exponent=second, low=low, high=high)
        if kind == "hill":
            return HillCurve(top=first, half=second, shape=np.ones(len(first)), low=low, high=high)
        return LogCurve(scale=first, width=second, low=low, high=high)

    def revenue(self, spend: Long) -> Long:
        """Return revenue in extended precision."""
        power, hill, log = (self.kind == n for n in range(3))
        first, second = self.first.astype(np.longdouble), self.second.astype(np.longdouble)
        revenue = np.empty(len(spend), dtype=np.longdouble)
        revenue[power] = first[power] * spend[power] ** second[power]
        revenue[hill] = first[hill] * spend[hill] / (second[hill] + spend[hill])
        revenue[log] = first[log] * np.log1p(spend[log] / second[log])
        return revenue

    def marginal(self, spend: Long) -> Long:
        """Return the derivative of revenue at spends above 0, in extended precision."""
        power, hill, log = (self.kind == n for n in range(3))
        first, second = self.first.astype(np.longdouble), self.second.astype(np.longdouble)
        slope = np.empty(len(spend), dtype=np.longdouble)
        slope[power] = first[power] * second[power] * spend[power] ** (second[power] - 1)
        slope[hill] = first[hill] * second[hill] / (second[hill] + spend[hill]) ** 2
        slope[log] = first[log] / (second[log] + spend[log])
        return slope

    def value(self, spend: Floats) -> float:
        """Return what the allocation maximises."""
        long = spend.astype(np.longdouble)
        return float(np.sum(self.weight * self.revenue(long) - self.charge * long))

    def start(self) -> Floats:
        """Return spends within bounds and cap: the same share of every target's room."""
        room = float(np.sum(self.high - self.low))
        return self.low + (self.high - self.low) * min(0.98 * (self.cap - float(np.sum(self.low))) / room, 1.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """What an answer is worth.

    Attributes:
        gap: Largest possible relative distance of the objective from the optimum; nan where no prices are known.
        shortfall: Largest revenue that a group is short of its floor, as a share of what the floor asks for.
        broken: Groups short by more than 0.01%.
        over_cap: Spend above the cap, relative. out_of_bounds: Largest breach of a target's bounds, relative.
    """

    gap: float
    shortfall: float
    broken: int
    over_cap: float
    out_of_bounds: float


def draw(objective: Objective, family: Family, number: int, *, seed: int) -> BudgetProblem:
    """Draw an allocation whose cap binds and whose floors can all be met."""
    rng = np.random.default_rng(seed)
    groups = max(number // GROUP_SIZE, 1)
    kind = rng.integers(0, 3, number) if family == "mixed" else np.full(number, KINDS.index(family))
    typical, roas = rng.lognormal(2.0, 0.9, number), rng.lognormal(1.2, 0.6, number)
    exponent = rng.uniform(0.35, 0.85, number)
    revenue = roas * typical
    first = np.choose(kind, [revenue / typical**exponent, 2.0 * revenue, revenue / np.log(11.0)])
    second = np.choose(kind, [exponent, typical, typical / 10.0])
    group = rng.integers(0, groups, number).astype(np.intp)
    asked = _sum(group, revenue, groups) / np.maximum(_sum(group, typical, groups), 1e-300)
    forced = rng.random(number) < 0.1
    profit = objective == "profit"
    drawn = BudgetProblem(
        objective=objective,
        family=family,
        kind=kind.astype(np.intp),
        first=first,
        second=second,
        typical=typical,
        low=np.where(forced, rng.uniform(0.1, 0.6, number) * typical, 0.0),
        high=typical * rng.uniform(1.5, 6.0, number),
        weight=rng.uniform(0.25, 0.65, number) if profit else np.ones(number),
        credit=np.ones(number),
        charge=1.0 if profit else 0.0,
        cap=float(np.sum(typical)) * (0.5 if profit else 1.1),
        group=group,
        floor=asked * (rng.uniform(1.1, 1.7, groups) if profit else rng.uniform(*BAND[family], groups)),
    )
    # Where least spends force a group under its floor, the least spends go, as an operator would pause.
    hopeless = _best_surplus(drawn) < 0
    return replace(drawn, low=np.where(hopeless[group], 0.0, drawn.low))


def certify(
    problem: BudgetProblem, spend: Floats, *, money_price: float = math.nan, return_price: Floats | None = None
) -> Certificate:
    """Judge an answer by its prices, whoever found it.

    The Lagrangian at any prices bounds the optimum from above. It is itself bounded by tangents: a concave
    function of spend is nowhere above its tangent at the answer, whose highest point in the bounds is at an end.
    """
    groups = len(problem.floor)
    long = spend.astype(np.longdouble)
    revenue = problem.revenue(long)
    earned, asked = _sum(problem.group, problem.credit * revenue, groups), _sum(problem.group, long, groups)
    asked = problem.floor * asked
    short = np.divide(asked - earned, asked, out=np.zeros(groups), where=asked > 0)
    total = math.fsum(spend.tolist())
    gap = math.nan
    if return_price is not None:
        value = np.sum(problem.weight * revenue - problem.charge * long)
        mu = return_price.astype(np.longdouble)[problem.group]
        credit, cost = (
            problem.weight + mu * problem.credit,
            problem.charge + money_price + mu * problem.floor[problem.group],
        )
        # A power curve has no tangent at 0, and any other point will do.
        at = np.where(problem.kind == 0, np.maximum(long, 1e-15 * problem.high), long)
        there = credit * problem.revenue(at) - cost * at
        slope = credit * problem.marginal(at) - cost
        highest = there + np.maximum(slope * (problem.high - at), slope * (problem.low - at))
        size = abs(value) if value else np.sum(problem.weight * problem.revenue(problem.typical))
        gap = float((np.sum(highest) + np.longdouble(money_price) * problem.cap - value) / size)
    outside = np.maximum(problem.low - spend, spend - problem.high) / problem.high
    return Certificate(
        gap=gap,
        shortfall=float(np.max(short, initial=0.0)),
        broken=int(np.sum(short > 1e-4)),
        over_cap=max(total / problem.cap - 1.0, 0.0),
        out_of_bounds=float(np.max(outside, initial=0.0)),
    )


def _best_surplus(problem: BudgetProblem) -> Floats:
    """Return each group's surplus where every target's next unit just returns the floor: no spend has more."""
    price = problem.floor[problem.group] / problem.credit
    power, hill, log = (problem.kind == n for n in range(3))
    first, second = problem.first, problem.second
    spend = np.empty(len(price))
    spend[power] = (first[power] * second[power] / price[power]) ** (1.0 / (1.0 - second[power]))
    spend[hill] = np.sqrt(first[hill] * second[hill] / price[hill]) - second[hill]
    spend[log] = first[log] / price[log] - second[log]
    spend = np.clip(spend, problem.low, problem.high).astype(np.longdouble)
    surplus = problem.credit * problem.revenue(spend) - problem.floor[problem.group] * spend
    return _sum(problem.group, surplus, len(problem.floor))


def _sum(group: Rows, values: Long | Floats, groups: int) -> Floats:
    return np.bincount(group, weights=values.astype(np.float64), minlength=groups).astype(np.float64)
