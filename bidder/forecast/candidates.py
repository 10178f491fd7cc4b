"""Candidate forecasts of the revenue of coming days: slow and fast memories, with and without the week's pattern.

No candidate is right for every shop; `bidder.forecast.blend` weighs them by how they did. Each sees the past only.
Formulas: docs/maths/series.md. Called by `bidder.forecast.walk`; pure.
"""

from __future__ import annotations

import numpy as np

from bidder.core.performance import Float64
from bidder.forecast.running import running_share
from bidder.forecast.series import WEEK, Series, by_group
from bidder.forecast.sums import ratio
from bidder.forecast.weekdays import weekday_factors

ALPHAS = np.array([0.04, 0.08, 0.15, 0.3, 0.5, 0.75, 1.0])
"""Weight of the newest day in exponential memories, from a month's memory to the last value."""
_WEEK_ALPHAS = np.array([0.25, 0.5, 1.0])
"""Weight of the newest whole week in memories that fade week by week."""
_DARK = (1, 3, 5, 6)
"""Memories, as rows of `ALPHAS`, that are also tried on days with traffic only, times the chance to run."""
_SHARED = ((1, 3), (1, 5), (3, 5), (3, 6))
"""Pairs (memory of a cell's share, faster memory of its parent's level)."""
WEEKDAY_ODDS = 3.0
"""How much likelier a candidate with shrunk weekday factors is held to be, before anything is seen: where there is no
weekly pattern the factors are ones and it loses nothing."""


def memories(days: int, alphas: Float64 = ALPHAS) -> Float64:
    """Return weights of past days, newest last, one row for each memory, rows add up to 1, shape (memories, days)."""
    age = np.arange(days - 1, -1, -1.0)
    weight: Float64 = np.where(alphas[:, None] >= 1.0, age == 0, np.maximum(1.0 - alphas[:, None], 1e-12) ** age)
    out: Float64 = weight / weight.sum(axis=1, keepdims=True)
    return out


def week_memories(days: int) -> Float64:
    """Return memories that weigh the days of a week alike, so that no weekday counts for more, shape (3, days)."""
    weeks = np.arange(days - 1, -1, -1) // WEEK
    keep = 1.0 - _WEEK_ALPHAS[:, None]
    weight: Float64 = np.where(weeks == 0, 1.0, keep**weeks)
    out: Float64 = weight / weight.sum(axis=1, keepdims=True)
    return out


def coming_revenue(past: Series, horizon: int) -> Float64:
    """Return each candidate's forecast of the revenue of the next ``horizon`` days, shape (candidates, cells).

    The number and order of candidates depend only on the number of parents.

    Args:
        past: All that may be known.
        horizon: Days ahead, at least 1.
    """
    days = len(past)
    memory = memories(days)
    factor = weekday_factors(past.revenue.sum(axis=1), past.weekdays())
    ahead = float(factor[(past.phase + days + np.arange(horizon)) % WEEK].sum())
    even = past.revenue / factor[past.weekdays()][:, None]
    plain = memory @ past.revenue * horizon
    seasonal = memory @ even * ahead
    runs = (past.spend > 0) | (past.revenue != 0)
    chance = running_share(runs, horizon)
    rows = memory[list(_DARK)]
    while_running = np.nan_to_num(ratio(rows @ even, rows @ runs.astype(np.float64))) * chance * ahead
    found = [plain, seasonal, while_running]
    for group in past.parents:
        together = memory @ by_group(even, group)
        for share, level in _SHARED:
            part = np.nan_to_num(ratio(memory[share] @ even, together[share][group]))
            found.append((part * together[level][group] * ahead)[None])
    found.append(week_memories(days) @ past.revenue * horizon)
    return np.vstack(found)


def revenue_odds(parents: int) -> Float64:
    """Return how likely each candidate of `coming_revenue` is held to be the best, before anything is seen; sum 1."""
    seasonal = len(ALPHAS) + len(_DARK) + parents * len(_SHARED) + len(_WEEK_ALPHAS)
    odds = np.concatenate([np.ones(len(ALPHAS)), np.full(seasonal, WEEKDAY_ODDS)])
    out: Float64 = odds / odds.sum()
    return out
