"""Whether bounds, caps and floors can be met at all, and which groups' least spends force money if not.

A group earns its largest surplus where every target spends until its next unit just returns the floor: below zero
there, no spend meets the floor. Floors that can each be met may still need more than the cap together. Called by
`bidder.core.dual`; derivation in docs/maths/allocation.md.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bidder.core.blocks import Blocks
from bidder.core.curves import Curve
from bidder.core.floors import Floors
from bidder.core.layout import Flags, Rows, tally
from bidder.core.performance import Float64
from bidder.errors import BoundsInfeasible

_ROUNDING = 1e-12
_NOTHING = 1e-12
_CLOSE = 1e-9
"""By how much of a cap floors may seem to need more than it: they are found to this exactness."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Demands:
    """What an allocation must keep; arrays as in `bidder.core.dual.Problem`.

    Attributes:
        hard: Groups whose floor must hold, shape (n_groups,).
        group_cap: Shape (n_groups,); ``inf`` where a group has none.
    """

    curve: Curve
    credit: Float64
    group: Rows
    floor: Float64
    hard: Flags
    cap: float
    group_cap: Float64


def require_room(demands: Demands, names: tuple[str, ...]) -> None:
    """Refuse least spends that do not fit under the most, or under a cap.

    Raises:
        BoundsInfeasible: With the names of the groups at fault where groups are.
    """
    low, high = demands.curve.low, demands.curve.high
    crossed = low > high * (1.0 + _ROUNDING)
    if crossed.any():
        raise BoundsInfeasible(f"{int(np.sum(crossed))} targets have a least spend above their most")
    _require_caps(tally(demands.group, low, len(demands.floor)), demands, names, "the least spends")


def require_feasible(demands: Demands, blocks: Blocks, names: tuple[str, ...]) -> None:
    """Refuse floors that no allocation meets, alone or together, naming the groups whose least spends force money.

    Args:
        demands: What must be kept; there is room for the least spends.
        blocks: The targets by group, of any weights.
        names: Names of the groups, for messages.

    Raises:
        BoundsInfeasible: With the names of the groups at fault.
    """
    low = demands.curve.low
    forced = np.flatnonzero(low)
    if not len(forced):
        return
    number, group = len(demands.floor), demands.group[forced]
    least = tally(group, low[forced], number)
    revenue = demands.curve.take(forced).revenue(low[forced])
    earned = tally(group, demands.credit[forced] * revenue, number)
    # A group that meets its floor at its least spends is no one's burden.
    short = demands.hard & (earned < demands.floor * least)
    if not short.any():
        return
    rows = np.flatnonzero(short)
    at_best = blocks.part(rows).sums(np.zeros(len(rows)), np.ones(len(rows)))
    asked = demands.floor[rows] * at_best.spend
    broken = rows[at_best.earned - asked < -_ROUNDING * (at_best.earned + asked)]
    if len(broken):
        groups = _named(broken, names)
        raise BoundsInfeasible(f"least spends force {', '.join(groups)} under the floor", groups=groups)
    # Spends that meet the floors best are an upper bound of the cheapest that do: mostly the search can be spared.
    enough = least.copy()
    enough[rows] = at_best.spend
    if np.all(enough <= demands.group_cap) and float(np.sum(enough)) <= demands.cap:
        return
    # Weights of next to nothing and a price of money of 1: the cheapest spends that meet the floor.
    cheapest = Blocks.of(demands.curve, _NOTHING * demands.credit, demands.credit, demands.group, demands.floor)
    floors = Floors(cheapest.part(rows), np.ones(len(rows)))
    least[rows] = floors.settle(np.ones(len(rows)), _ROUNDING).sums.spend
    _require_caps(least, demands, names, "the floors", forcing=rows)


def _require_caps(
    least: Float64, demands: Demands, names: tuple[str, ...], what: str, *, forcing: Rows | None = None
) -> None:
    """Refuse least spends by group that exceed a group's cap or, together, the account's."""
    over = np.flatnonzero(least > demands.group_cap * (1.0 + _CLOSE))
    if len(over):
        groups = _named(over, names)
        raise BoundsInfeasible(f"{what} of {', '.join(groups)} need more than the cap of the group", groups=groups)
    needed = float(np.sum(least))
    if needed > demands.cap * (1.0 + _CLOSE):
        groups = () if forcing is None else _named(forcing, names)
        of = f" of {', '.join(groups)}" if groups else ""
        raise BoundsInfeasible(f"{what}{of} together need {needed:.6g}, the cap is {demands.cap:.6g}", groups=groups)


def _named(groups: Rows, names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(names[row] if row < len(names) else f"group {row}" for row in groups.tolist())
