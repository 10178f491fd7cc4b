"""Elasticities from bids that were drawn by lot: the lot moved the bid, so what it moved besides is the bid's work.

    sum over days of (sign drawn) x clicks x exp(-elasticity x log bid) = 0

Clicks freed of the bid's effect are demand, and demand knows nothing of the lot. With one bid for each side and no
other differences this is the ratio of sums (Wald): log(clicks above / clicks below) / log(bid above / bid below). It
stays right where bids follow demand, where a step limit left a bid short of its side, and where bids drift. Called by
`bidder.forecast.perturbed` and the benchmark; derivation in docs/maths/perturbation.md.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bidder.core.performance import Float64
from bidder.forecast.sums import Groups, sum_by

_RANGE = (-1.0, 4.0)
_ROUNDS = 25
_CLOSE = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Drawn:
    """Days on which the bid was drawn, arrays of shape (n_rows,).

    Attributes:
        sign: The lot, -1 to +1; in between where a day holds parts of two lots.
        log_bid: Log of the bid of the day, relative to anything that is constant for the target.
        exposure: What the day would usually bring the target, whatever its bid: demand and part of the day, above 0.
        clicks, spend: Of the day; any unit of money.
        target: Number of the target. lot: Number of the draw that the day belongs to.
        pool: Number of the pool, such as the target's category.
    """

    sign: Float64
    log_bid: Float64
    exposure: Float64
    clicks: Float64
    spend: Float64
    target: Groups
    lot: Groups
    pool: Groups

    def __len__(self) -> int:
        return len(self.sign)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Answer:
    """What the lots told, arrays of shape (n_pools,); nan where they told nothing.

    Attributes:
        clicks, cpc: Elasticity of clicks and of the cost per click to the bid; click_error, cpc_error likewise.
        curvature: d log clicks / d log spend along the bid; curvature_error likewise.
        days: Rows that the pool rests on.
    """

    clicks: Float64
    click_error: Float64
    cpc: Float64
    cpc_error: Float64
    curvature: Float64
    curvature_error: Float64
    days: Float64


def read_lots(drawn: Drawn, pools: int) -> Answer:
    """Estimate the elasticities of each pool with their standard errors.

    Args:
        drawn: Days on which bids were drawn.
        pools: Number of pools.

    Source: instrumental variables with multiplicative errors, Mullahy 1997; ratio of sums, decisions.md 2.4.
    """
    rows = len(drawn)
    lot, pool = np.zeros(rows, dtype=np.int64), drawn.pool
    if rows:
        lot = np.unique(drawn.lot, return_inverse=True)[1].astype(np.int64)
    pool_of_lot = np.zeros(int(lot.max(initial=-1)) + 1, dtype=np.int64)
    pool_of_lot[lot] = pool
    sign = _beside_its_own_mean(drawn)
    clicks, by_clicks = _solved(drawn, drawn.clicks, sign, pools)
    spend, by_spend = _solved(drawn, drawn.spend, sign, pools)
    told = np.isfinite(clicks) & np.isfinite(spend) & (spend > 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        curvature = np.where(told, clicks / spend, np.nan)
        bent = (by_clicks - curvature[pool] * by_spend) / spend[pool]

    def error(influence: Float64) -> Float64:
        """Return the standard error that the parts of each draw add up to."""
        parts = sum_by(lot, influence, len(pool_of_lot))
        return np.where(told, np.sqrt(sum_by(pool_of_lot, parts**2, pools)), np.nan)

    return Answer(
        clicks=np.where(told, clicks, np.nan),
        click_error=error(by_clicks),
        cpc=np.where(told, spend - clicks, np.nan),
        cpc_error=error(by_spend - by_clicks),
        curvature=curvature,
        curvature_error=error(np.nan_to_num(bent)),
        days=sum_by(pool, np.ones(rows), pools),
    )


def _beside_its_own_mean(drawn: Drawn) -> Float64:
    """Return the signs less each target's own mean, so that large and small targets are compared with themselves."""
    number = int(drawn.target.max(initial=-1)) + 1
    weight = sum_by(drawn.target, drawn.exposure, number)
    mean = sum_by(drawn.target, drawn.exposure * drawn.sign, number) / np.maximum(weight, 1e-300)
    centred: Float64 = drawn.sign - mean[drawn.target]
    return centred


def _solved(drawn: Drawn, amount: Float64, sign: Float64, pools: int) -> tuple[Float64, Float64]:
    """Return the elasticity of an amount for each pool, and what each row adds to its error."""
    pool, log_bid = drawn.pool, drawn.log_bid
    value = np.full(pools, 1.0)
    slope = np.zeros(pools)
    for _ in range(_ROUNDS):
        freed = amount * np.exp(-value[pool] * log_bid)
        slope = sum_by(pool, sign * log_bid * freed, pools)
        step = np.divide(sum_by(pool, sign * freed, pools), slope, out=np.zeros(pools), where=slope > 0)
        value = np.clip(value + np.clip(step, -1.0, 1.0), *_RANGE)
        if np.abs(step).max(initial=0.0) < _CLOSE:
            break
    freed = amount * np.exp(-value[pool] * log_bid)
    # Without a positive slope the bids did not follow the lots, and nothing was told.
    told = slope > 0
    influence = np.divide(sign * _unusual(drawn, freed), slope[pool], out=np.zeros(len(sign)), where=told[pool])
    return np.where(told, value, np.nan), influence


def _unusual(drawn: Drawn, freed: Float64) -> Float64:
    """Return how far each day was from the target's usual, widened for the usual being its own mean."""
    number = int(drawn.target.max(initial=-1)) + 1
    whole = sum_by(drawn.target, drawn.exposure, number)
    usual = sum_by(drawn.target, freed, number) / np.maximum(whole, 1e-300)
    leverage = drawn.exposure / np.maximum(whole[drawn.target], 1e-300)
    free: NDArray[np.bool_] = leverage < 1.0 - _CLOSE
    rest = freed - usual[drawn.target] * drawn.exposure
    return np.where(free, rest / np.sqrt(np.where(free, 1.0 - leverage, 1.0)), 0.0)
