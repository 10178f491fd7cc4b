"""Candidate forecasts of a day's revenue once its spend is known: rates per unit of spend, with diminishing returns.

The rate of a cell is followed by slow and fast memories, or as a slow ratio to its parent's fast rate, because what
moves all rates at once (a season, a change of how sales are counted) is seen sooner in the sum. Formulas:
docs/maths/series.md. Called by `bidder.forecast.walk`; pure.
"""

from __future__ import annotations

import numpy as np

from bidder.core.performance import Float64
from bidder.forecast.candidates import ALPHAS, coming_revenue, memories, revenue_odds
from bidder.forecast.series import WEEK, Series, by_group
from bidder.forecast.sums import ratio
from bidder.forecast.weekdays import weekday_factors

_EXPONENTS = (1.0, 0.8, 0.5, 0.0)
"""How revenue follows spend around its usual level: in proportion, with diminishing returns, not at all."""
_UNRELATED = 0.1
"""How likely it is, before anything is seen, that revenue comes and goes whatever is spent that day."""
_MOST = 10.0
"""Most that diminishing returns may raise the rate of a day with little spend."""
_RELATIVE = ((0, 3), (0, 5), (1, 3), (1, 5), (2, 4), (3, 5), (4, 6))
"""Pairs (memory of a cell's ratio to its parent, faster memory of the parent's rate), as rows of `ALPHAS`."""


def revenue_given_spend(past: Series, spend: Float64) -> Float64:
    """Return each candidate's forecast of the revenue of the next day, shape (candidates, cells).

    Args:
        past: All that may be known.
        spend: What the next day costs in each cell, shape (cells,).
    """
    memory = memories(len(past))
    revenue, cost = past.revenue.sum(axis=1), past.spend.sum(axis=1)
    factor = weekday_factors(np.nan_to_num(ratio(revenue, cost)), past.weekdays())
    pooled = float(revenue.sum() / cost.sum()) if cost.sum() > 0 else 0.0
    today = float(factor[(past.phase + len(past)) % WEEK])
    found = []
    for seasonal in (False, True):
        weight = factor[past.weekdays()][:, None] if seasonal else np.ones((len(past), 1))
        exposure, now = past.spend * weight, spend * (today if seasonal else 1.0)
        found.append(_own(past, memory, exposure, now, pooled, exponents=(1.0,) if seasonal else _EXPONENTS))
        found += [_relative(past, memory, exposure, now, pooled, parent) for parent in range(len(past.parents))]
    return np.vstack([*found, coming_revenue(past, 1)])


def given_spend_odds(parents: int) -> Float64:
    """Return how likely each candidate of `revenue_given_spend` is held to be the best, before anything is seen."""
    count = len(ALPHAS) * (len(_EXPONENTS) + 1) + 2 * parents * len(_RELATIVE)
    return np.concatenate([np.full(count, (1.0 - _UNRELATED) / count), _UNRELATED * revenue_odds(parents)])


def _own(
    past: Series, memory: Float64, exposure: Float64, now: Float64, pooled: float, *, exponents: tuple[float, ...]
) -> Float64:
    """Follow every cell's own rate, around its own usual spend on days with any."""
    spent = memory @ exposure
    rate = np.nan_to_num(ratio(memory @ past.revenue, spent), nan=pooled)
    usual = ratio(spent, memory @ (past.spend > 0).astype(np.float64))
    told = np.isfinite(usual) & (now > 0)
    step = np.where(told, now / np.where(told, usual, 1.0), 1.0)
    return np.vstack([rate * now * np.minimum(step ** (power - 1.0), _MOST) for power in exponents])


def _relative(past: Series, memory: Float64, exposure: Float64, now: Float64, pooled: float, parent: int) -> Float64:
    """Follow the parent's rate fast and each cell's ratio to it slowly."""
    group = past.parents[parent]
    revenue, cost = by_group(past.revenue, group), by_group(exposure, group)
    due = exposure * np.nan_to_num(ratio(revenue, cost))[:, group]
    level = np.nan_to_num(ratio(memory @ revenue, memory @ cost), nan=pooled)[:, group]
    relative = np.nan_to_num(ratio(memory @ past.revenue, memory @ due), nan=1.0)
    return np.vstack([relative[slow] * level[fast] * now for slow, fast in _RELATIVE])
