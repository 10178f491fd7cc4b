"""How likely a cell is to run in the coming days, given how long it has been dark: campaigns end, and some come back.

Called by `bidder.forecast.candidates`. Pure.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bidder.core.performance import Float64

_EDGES = np.array([1, 2, 4, 8])
"""Dark days in a row from which a cell counts as dark for one day, two to three, four to seven, eight and more."""
_KINDS = len(_EDGES) + 1
_PRIOR_DAYS = 7.0
"""Own past is weighed against that of all cells as if they had shown this many such days."""


def dark_days(runs: NDArray[np.bool_]) -> NDArray[np.intp]:
    """Return for every moment between days how many days in a row a cell has been dark, shape (days + 1, cells).

    Args:
        runs: Whether a cell ran, shape (days, cells). Before the first day it counts as dark for long.
    """
    dark = np.zeros((len(runs) + 1, runs.shape[1]), dtype=np.intp)
    dark[0] = _EDGES[-1]
    for day, ran in enumerate(runs):
        dark[day + 1] = np.where(ran, 0, dark[day] + 1)
    return dark


def running_share(runs: NDArray[np.bool_], horizon: int) -> Float64:
    """Return the expected share of the next ``horizon`` days on which each cell runs, shape (cells,).

    Every past moment whose following days are over tells what came after a cell had been dark that long, for the cell
    itself and for all of them.

    Args:
        runs: Whether a cell ran, shape (days, cells).
        horizon: Days ahead, at least 1.
    """
    days, cells = runs.shape
    kind = np.searchsorted(_EDGES, dark_days(runs), side="right")
    now = kind[-1]
    if days <= horizon:
        return np.where(now == 0, 1.0, 0.5)
    ran = np.vstack([np.zeros((1, cells)), np.cumsum(runs, axis=0)])
    after = (ran[1 + horizon :] - ran[1 : days - horizon + 1]) / horizon
    before = kind[1 : days - horizon + 1]
    times = np.bincount(before.ravel(), minlength=_KINDS).astype(np.float64)
    shared = np.bincount(before.ravel(), weights=after.ravel(), minlength=_KINDS)
    pooled = (shared + 1.0) / (times + 1.0)
    pooled[1] = (shared[1] + 0.5) / (times[1] + 1.0)
    for longer in range(2, _KINDS):
        # What was never seen to be dark so long is taken to be as one that was dark a little less.
        pooled[longer] = (shared[longer] + pooled[longer - 1]) / (times[longer] + 1.0)
    own = before == now
    out: Float64 = ((after * own).sum(axis=0) + _PRIOR_DAYS * pooled[now]) / (own.sum(axis=0) + _PRIOR_DAYS)
    return out
