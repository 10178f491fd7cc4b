"""A day of auctions under a daily budget: second price or generalised second price, demand that follows the hours.

Bidders bid a multiple of a click's value, which is drawn anew for every auction; rivals' bids likewise. The venue stops
a campaign at the first click that its budget does not cover. Used by `benchmarks.pacing`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

DEMAND = np.array(
    [6, 4, 3, 2, 2, 3, 5, 8, 12, 15, 17, 17, 18, 17, 16, 15, 15, 16, 18, 21, 25, 27, 23, 13], dtype=np.float64
)
"""Searches by hour, relative: quiet nights and a busy evening."""
_HALVINGS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Venue:
    """How auctions are held and how demand moves.

    Attributes:
        auctions: Of a mean day.
        click_rates: Of the slots, best first; one slot of rate 1 is a second-price auction of clicks.
        rivals: Bidders beside us in each auction.
        level_spread: Standard deviation of a day's log level; it follows the day before with weight ``memory``.
        shocks: Chance that demand of four hours of a day is doubled or halved, and rivals' bids moved by a tenth.
    """

    auctions: int = 20_000
    click_rates: tuple[float, ...] = (1.0,)
    rivals: int = 3
    level_spread: float = 0.25
    memory: float = 0.6
    shocks: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Day:
    """The auctions of one day in order of time, arrays of shape (n,) or (n, n_slots).

    Attributes:
        hour: When, 0 to 24.
        value: Of a click to us.
        price: The next lower rival's bid at each slot, best first; what a click there costs.
        clicked: A click would come at each slot.
    """

    hour: Floats
    value: Floats
    price: Floats
    clicked: NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bought:
    """What a stretch of auctions brought: clicks, spend, value."""

    clicks: int
    spend: float
    value: float


def draw_days(venue: Venue, n_days: int, seed: int) -> list[Day]:
    """Draw days; the log level of their demand follows an autoregression."""
    rng = np.random.default_rng(seed)
    log_level, days = rng.normal(0.0, venue.level_spread), []
    for _ in range(n_days):
        noise = rng.normal(0.0, venue.level_spread * np.sqrt(1.0 - venue.memory**2))
        log_level = venue.memory * log_level + noise
        days.append(_draw(venue, float(np.exp(log_level)), rng))
    return days


def _draw(venue: Venue, level: float, rng: np.random.Generator) -> Day:
    demand, dearer = DEMAND / DEMAND.sum(), np.ones(24)
    if rng.random() < venue.shocks:
        first, up = int(rng.integers(6, 20)), bool(rng.random() < 0.5)
        demand = demand.copy()
        demand[first : first + 4] *= 2.0 if up else 0.5
        dearer[first : first + 4] = 1.1 if up else 0.9
    counts = rng.poisson(venue.auctions * level * demand)
    total = int(counts.sum())
    hour = np.sort(np.repeat(np.arange(24.0), counts) + rng.random(total))
    value = np.exp(rng.normal(0.0, 0.5, total))
    rivals = np.exp(rng.normal(-0.3, 0.7, (total, venue.rivals))) * dearer[hour.astype(int)][:, None]
    slots = len(venue.click_rates)
    return Day(
        hour=hour,
        value=value,
        price=-np.sort(-rivals, axis=1)[:, :slots],
        clicked=rng.random(total)[:, None] < np.array(venue.click_rates),
    )


def play(day: Day, first: float, last: float, multiplier: float, money: float) -> Bought:
    """Bid from hour ``first`` to ``last``; stop at the first click that the money does not cover."""
    start, end = np.searchsorted(day.hour, [first, last])
    clicks, cost, value = _outcome(day, slice(int(start), int(end)), multiplier)
    spent = np.cumsum(cost)
    if len(spent) and float(spent[-1]) > money:
        end = int(np.searchsorted(spent, money, side="right"))
        clicks, cost, value = clicks[:end], cost[:end], value[:end]
    return Bought(clicks=int(clicks.sum()), spend=float(cost.sum()), value=float(value.sum()))


def _outcome(day: Day, part: slice, multiplier: float) -> tuple[Floats, Floats, Floats]:
    """Return clicks, cost and value by auction at one multiplier, without a budget."""
    price, value = day.price[part], day.value[part]
    above = (price > multiplier * value[:, None]).sum(axis=1)
    slots = price.shape[1]
    slot = np.minimum(above, slots - 1)
    rows = np.arange(len(value))
    clicks = ((above < slots) & day.clicked[part][rows, slot]).astype(np.float64)
    return clicks, clicks * price[rows, slot], clicks * value


def full_spend(venue: Venue) -> float:
    """Return what a day of mean demand costs at a multiplier of 1, without a budget."""
    calm = replace(venue, level_spread=0.0, shocks=0.0)
    days = draw_days(calm, max(200_000 // venue.auctions, 1), seed=0)
    return float(np.mean([_outcome(day, slice(None), 1.0)[1].sum() for day in days]))


def hindsight(day: Day, money: float) -> float:
    """Return the most value that one multiplier, at most 1, could have bought with the day's money.

    Spend and value rise with the multiplier, so the two sides of the budget are found by halving; between them the
    next clicks are bought in part. For one slot this is the fractional knapsack: the optimum over all ways to bid.
    """
    _, cost, value = _outcome(day, slice(None), 1.0)
    above = (float(cost.sum()), float(value.sum()))
    if above[0] <= money:
        return above[1]
    below, low, high = (0.0, 0.0), 0.0, 1.0
    for _ in range(_HALVINGS):
        middle = 0.5 * (low + high)
        _, cost, value = _outcome(day, slice(None), middle)
        point = (float(cost.sum()), float(value.sum()))
        if point[0] <= money:
            below, low = point, middle
        else:
            above, high = point, middle
    part = (money - below[0]) / max(above[0] - below[0], 1e-12)
    return below[1] + part * (above[1] - below[1])
