"""The price of money at which a group, on its own, stays within its cap.

A group whose cap binds spends the same whatever the account's money costs, so that price is found once; while money
is dearer in the account, the account's price rules. Called by `bidder.core.dual`; docs/maths/allocation.md.
"""

from __future__ import annotations

import numpy as np

from bidder.core.floors import Floors
from bidder.core.performance import Float64

_TURNS = 100
_CLOSE = 1e-12
_TINY = 1e-15
_LONGEST = 3.0
"""Longest step in log price."""


def own_money(floors: Floors, cap: Float64, charge: float) -> Float64:
    """Return each group's own price of money, charge included; 0 where its cap does not bind at any price.

    Args:
        floors: The groups.
        cap: Spend allowed to each, shape (n_groups,), finite.
        charge: What a unit of spend costs the objective, the least price.
    """
    free = floors.settle(np.full(len(cap), charge), _CLOSE)
    binds = free.sums.spend > cap
    if not binds.any():
        return np.zeros(len(cap))
    with np.errstate(divide="ignore", invalid="ignore"):
        goal = np.log(cap)
        left = np.full(len(cap), np.log(charge))
        average = free.sums.earned / free.sums.spend
    here = np.log(np.where(binds & (average > 0), np.maximum(average, charge), 1.0))
    right = np.full(len(cap), np.inf)
    for _ in range(_TURNS):
        settled = floors.settle(np.exp(here), _CLOSE)
        with np.errstate(divide="ignore", invalid="ignore"):
            off = np.log(settled.sums.spend) - goal
            step = np.clip(-off * settled.sums.spend / settled.slope, -_LONGEST, _LONGEST)
        over = off > 0
        left, right = np.where(over, here, left), np.where(over, right, here)
        search = binds & (np.abs(off) > _CLOSE) & (right - left > _TINY)
        if not search.any():
            break
        there = here + step
        middle = np.where(
            np.isfinite(left) & np.isfinite(right), 0.5 * (left + right), here + np.where(over, _LONGEST, -_LONGEST)
        )
        here = np.where(search, np.where((there > left) & (there < right), there, middle), here)
    # Responses may jump where they pass the cap: only the side within it will do.
    here = np.where((np.abs(off) > _CLOSE) & np.isfinite(right), right, here)
    return np.where(binds, np.exp(here), 0.0)
