"""Streams of orders at fixed bids with a known ROAS, as a venue would report them: what the pause benchmark judges.

Clicks come every day, orders after them with a delay, order values are log-normal, and reports show what has come by
each night. Sizes are in floor-orders: the spend on which a target exactly at break-even would bring one order.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bidder.core.performance import Development, Float64, Int64

WINDOW = 15
SEEN_ON_DAY, SEEN_LATER = 0.45, 0.25
"""Share of orders that come on the click day, and of the rest on each further day."""

AOV, VALUE_SPREAD = 100.0, 0.5
FIRST_DAY = 20_000
"""Ordinal of the first click day; any would do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamPlan:
    """What is varied; spreads are standard deviations of logs.

    Attributes:
        days: Days played. floor: Break-even ROAS.
        daily: Floor-orders spent a day.
        clicks: Clicks a floor-order buys; the order rate at the floor is 1 over it.
        burst: Mean number of orders that come together; 1 for independent ones.
        drift: By which the log of a target's ROAS wanders in a day.
        delayed: Orders come after a delay; off, all on the click day.
    """

    days: int
    floor: float = 4.0
    daily: float = 1.0
    clicks: float = 10.0
    burst: float = 1.0
    drift: float = 0.0
    delayed: bool = True


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Streams:
    """Targets' days as reported; arrays of days have shape (n_targets, n_days), those of orders go by when they came.

    Attributes:
        ratio: True ROAS over break-even on each day.
        clicks: Clicks of each day. cpc_micros: What each cost.
        target, day, delay, value_micros: Of every single order: row, click day, days until it came, and its worth.
        development: How the orders of click days grew from report to report.
        completion: (n_ages,) true share of orders seen at ages 0, 1, 2 ... days.
    """

    plan: StreamPlan
    ratio: Float64
    clicks: Int64
    cpc_micros: float
    target: Int64
    day: Int64
    delay: Int64
    value_micros: Float64
    development: Development
    completion: Float64

    @property
    def aov_micros(self) -> float:
        """List price of the goods: what an order is expected to bring."""
        return AOV * 1e6

    def came_on(self, day: int) -> slice:
        """Return which orders came in on a day."""
        at = np.searchsorted(self.day + self.delay, [day, day + 1])
        return slice(int(at[0]), int(at[1]))


def completion(*, delayed: bool) -> Float64:
    """Return the true share of orders seen at ages 0 to `WINDOW`."""
    if not delayed:
        return np.ones(WINDOW + 1)
    shares: Float64 = 1.0 - (1.0 - SEEN_ON_DAY) * (1.0 - SEEN_LATER) ** np.arange(WINDOW + 1.0)
    shares[-1] = 1.0
    return shares


def draw_streams(ratio: Float64, plan: StreamPlan, seed: int) -> Streams:
    """Play targets of a true ROAS over break-even, shape (n_targets,), through the days of a plan."""
    rng = np.random.default_rng(seed)
    shape = (len(ratio), plan.days)
    walk = np.cumsum(rng.normal(0.0, plan.drift, shape), axis=1) if plan.drift else np.zeros(shape)
    true = ratio[:, None] * np.exp(walk)
    clicks = rng.poisson(plan.daily * plan.clicks, shape)
    rate = true / plan.clicks
    # Bursts of geometric size, so that orders are as many as without them but come together.
    bursts = rng.poisson(clicks * rate / plan.burst)
    target, day = np.nonzero(bursts)
    times = bursts[target, day]
    target, day = np.repeat(target, times), np.repeat(day, times)
    size = rng.geometric(1.0 / plan.burst, len(target)) if plan.burst > 1 else np.ones(len(target), dtype=np.int64)
    delay = _delays(len(target), plan, rng)
    target, day, delay = np.repeat(target, size), np.repeat(day, size), np.repeat(delay, size)
    value = AOV * 1e6 * rng.lognormal(-(VALUE_SPREAD**2) / 2, VALUE_SPREAD, len(target))
    order = np.argsort(day + delay, kind="stable")
    return Streams(
        plan=plan,
        ratio=true,
        clicks=clicks.astype(np.int64),
        cpc_micros=AOV * 1e6 / (plan.floor * plan.clicks),
        target=target[order].astype(np.int64),
        day=day[order].astype(np.int64),
        delay=delay[order],
        value_micros=value[order],
        development=_development(day, delay, plan.days),
        completion=completion(delayed=plan.delayed),
    )


def _delays(orders: int, plan: StreamPlan, rng: np.random.Generator) -> NDArray[np.int64]:
    """Return after how many days orders come."""
    if not plan.delayed:
        return np.zeros(orders, dtype=np.int64)
    late = rng.random(orders) >= SEEN_ON_DAY
    return np.minimum(np.where(late, rng.geometric(SEEN_LATER, orders), 0), WINDOW).astype(np.int64)


def _development(day: NDArray[np.int64], delay: NDArray[np.int64], days: int) -> Development:
    """Return the orders of all targets by click day and age, as a report each night would have shown them."""
    grown = np.zeros((days, WINDOW + 1), dtype=np.int64)
    np.add.at(grown, (day, delay), 1)
    grown = np.cumsum(grown, axis=1)
    click_day, age = np.nonzero(np.arange(days)[:, None] + np.arange(WINDOW + 1)[None, :] < days)
    orders = grown[click_day, age]
    return Development(
        window_days=WINDOW,
        day=(FIRST_DAY + click_day).astype(np.int32),
        age=age.astype(np.int32),
        orders=orders,
        revenue_micros=np.round(orders * AOV * 1e6).astype(np.int64),
    )
