"""What to bid for a click: the bid at which the next click costs what it is worth, moved there in small steps.

    marginal cost of a click = premium x bid, the premium learned from the account's own prices and elasticities
    wanted bid = worth / premium

Values, steps and bounds are judged on the effective bid (base bid times hour factors). Called by
`bidder.core.decide`; derivation in docs/maths/bids.md.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.special import gammaincinv

from bidder.core.allocate import Allocation
from bidder.core.case import Case
from bidder.core.layout import Flags
from bidder.core.performance import Float64, Int64

_EXPLORE_ORDERS = (1.5, 3.0)
"""Exploration cap of one target: the lesser of so many order values and so many floor-orders (operator.md 2)."""
_HIGHEST_RATIO = 50.0
_LEAST_LINE = 0.01
_HALVINGS = 50


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Wanted:
    """Where bids should go, arrays of shape (n_targets,).

    Attributes:
        bid_micros: Wanted base bid before bounds and steps, float micros; nan where no bid can be derived.
        worth_micros: What the next click may cost.
        exploring: Judged by the upper quantile of its posterior, for want of evidence.
        refused: Would explore, but the exploration money is used up.
        explore_micros: Expected daily spend of targets that explore.
    """

    bid_micros: Float64
    worth_micros: Float64
    exploring: Flags
    refused: Flags
    explore_micros: float


def wanted_bids(case: Case, allocation: Allocation, *, taper: Float64, new: Flags) -> Wanted:
    """Return the wanted base bid of every target.

    Args:
        case: The account.
        allocation: Prices of money and return.
        taper: Share of its worth a click keeps where stock runs short, shape (n_targets,).
        new: Targets of new products: together they stay on their test line.
    """
    evidence, layout, forecast = case.policy.evidence, case.layout, case.forecast
    bid = np.maximum(layout.bid_micros, 0).astype(np.float64)
    factor = case.effective[layout.campaign]
    worth = allocation.worth_micros * taper
    young = case.usable & (forecast.clicks < evidence.min_clicks) & ~_spent_enough(case)
    upper = np.where(young, upper_quantile(case, evidence.explore_quantile), 1.0)
    hopeful = np.where(young, worth * upper, worth)
    wanted = np.minimum(bid * factor * _ratio(case, hopeful), np.where(hopeful > 0, hopeful, 0.0)) / factor
    tried = young & layout.alive & (layout.bid_micros >= 0)
    refused, spent = _ration(case, tried, upper, allocation.money_micros)
    wanted = np.where(refused, np.minimum(wanted, bid), wanted)
    line = np.where(new, test_line(case, allocation, wanted, new), 1.0)
    wanted, worth, hopeful = wanted * line, worth * line, hopeful * line
    known = case.economics.known & case.usable & (layout.bid_micros >= 0)
    return Wanted(
        bid_micros=np.where(known, wanted, np.nan),
        worth_micros=np.where(refused, worth, hopeful),
        exploring=tried & ~refused,
        refused=refused,
        explore_micros=spent,
    )


def test_line(case: Case, allocation: Allocation, wanted_micros: Float64, new: Flags) -> float:
    """Return the share of their wanted bids that keeps new products on their test line, at most 1.

    New products may use their share of the day's money, and beyond it only what established sellers would leave.
    """
    layout, money = case.layout, allocation.money_micros
    rows = np.flatnonzero(new & layout.alive & case.usable & (layout.bid_micros > 0) & (wanted_micros > 0))
    # What cannot be moved is not allocated, and is spent all the same.
    kept = np.where(allocation.spend_micros > 0, allocation.spend_micros, case.daily_spend_micros)
    left = money - float(kept[~new & layout.alive & case.usable].sum())
    limit = max(case.policy.lifecycle.new_share * money, left)
    steep = case.response.spend_elasticity[rows]
    moved = case.daily_spend_micros[rows] * (wanted_micros[rows] / layout.bid_micros[rows]) ** steep
    if float(moved.sum()) <= limit:
        return 1.0
    low, high = math.log(_LEAST_LINE), 0.0
    for _ in range(_HALVINGS):
        middle = 0.5 * (low + high)
        fits = float((moved * np.exp(steep * middle)).sum()) <= limit
        low, high = (middle, high) if fits else (low, middle)
    return math.exp(low)


def upper_quantile(case: Case, quantile: float) -> Float64:
    """Return the posterior quantile of the order rate over its mean, at least 1."""
    shape = np.where(case.usable, case.forecast.shape, 1.0)
    relative: Float64 = gammaincinv(shape, quantile) / shape
    return np.maximum(relative, 1.0)


def _ratio(case: Case, worth: Float64) -> Float64:
    """Return wanted over present effective bid."""
    layout = case.layout
    bid = np.maximum(layout.bid_micros, 0) * case.effective[layout.campaign]
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        ratio = worth / (case.response.premium * bid)
    return np.clip(np.where(np.isfinite(ratio), ratio, np.where(worth > 0, _HIGHEST_RATIO, 0.0)), 0.0, _HIGHEST_RATIO)


def _spent_enough(case: Case) -> Flags:
    """Tell which targets have used up what a try may cost."""
    forecast = case.forecast
    orders, floor_orders = _EXPLORE_ORDERS
    with np.errstate(invalid="ignore", divide="ignore"):
        allowed = np.minimum(
            orders * forecast.aov_micros, floor_orders * forecast.aov_micros / case.economics.floor_roas
        )
    return case.usable & (forecast.spend_micros >= np.where(np.isfinite(allowed), allowed, np.inf))


def _ration(case: Case, tried: Flags, upper: Float64, money: float) -> tuple[Flags, float]:
    """Give the exploration money to the most promising tries; tries that cost nothing yet cost one click a day."""
    share = case.policy.evidence.explore_share * money
    layout = case.layout
    bid = np.maximum(layout.bid_micros, 0).astype(np.float64)
    cost = np.maximum(case.daily_spend_micros, bid)
    rows = np.flatnonzero(tried)
    if not len(rows):
        return np.zeros_like(tried), 0.0
    index = (case.value_micros * upper)[rows] / np.maximum(bid[rows], 1.0)
    order = rows[np.lexsort((rows, -index))]
    running = np.cumsum(cost[order])
    inside = running <= share
    refused = np.zeros_like(tried)
    refused[order[~inside]] = True
    return refused, float(running[inside][-1]) if inside.any() else 0.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Grid:
    """What bids may be, arrays of shape (n,) of int64 micros; steps are whole increments inside the step limit.

    Attributes:
        low, high: Bounds from venue, policy and budget.
        down, up: Furthest values the step limits allow from today's start and from the present bid.
        increment: Of the venue.
    """

    low: Int64
    high: Int64
    down: Int64
    up: Int64
    increment: int


def step_bounds(now: Int64, day_start: Int64, ratio: float, increment: int) -> tuple[Int64, Int64]:
    """Return the least and the greatest value that one step, and the day's net step, allow.

    Both stand on the venue's grid: the lower end is rounded up and the upper end down, so that rounding never
    lengthens a step.
    """
    here, start = now.astype(np.float64), day_start.astype(np.float64)
    down = np.maximum(_ceil(here * (1.0 - ratio), increment), _ceil(start * (1.0 - ratio), increment))
    up = np.minimum(_floor(here * (1.0 + ratio), increment), _floor(start * (1.0 + ratio), increment))
    return np.minimum(down, now), np.maximum(up, now)


def settle_on_grid(wanted: Float64, now: Int64, grid: Grid) -> Int64:
    """Round a wanted bid down to the grid, inside bounds first and inside the step limit last.

    The step limit has the last word: a ceiling lowered far below a bid is reached over several days, never at once.
    """
    held = np.clip(np.nan_to_num(wanted, nan=0.0, posinf=9e15, neginf=0.0), 0.0, 9e15)
    held = np.maximum(np.minimum(_floor(held, grid.increment), grid.high), grid.low)
    stepped = np.maximum(np.minimum(held, grid.up), grid.down)
    return np.where(np.isnan(wanted) | (grid.down > grid.up), now, stepped)


def _floor(values: Float64, increment: int) -> Int64:
    return (np.floor(values / increment + 1e-9) * increment).astype(np.int64)


def _ceil(values: Float64, increment: int) -> Int64:
    return (np.ceil(values / increment - 1e-9) * increment).astype(np.int64)
