"""Money that runs out: daily budgets, overdelivery, the prepaid balance, and stock by the same rule.

A limit met inside an hour cuts that hour short. What was drawn is kept in a random order of arrival until the next
piece would not fit, so a limit is never exceeded by the smallest coin; what was expected is cut by the share that
a normal approximation of the drawn total lets through.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

import numpy as np
from scipy.special import ndtr

from adapters.mock.arrays import Bools, Floats, Index, Ints, by_group
from adapters.mock.controls import UNLIMITED
from adapters.mock.draws import Stream, generator

NO_LIMIT = np.iinfo(np.int64).max // 4
_SURE = 5.0


def expected_share(mean: Floats, variance: Floats, limit: Floats) -> Floats:
    """Return E[min(X, limit)] / E[X] for X normal with the given moments; 1 where nothing is expected.

    Source: for standard normal z, E[min(z, a)] = a (1 - Phi(a)) - phi(a).
    """
    share = np.ones_like(mean)
    tight = (mean > 0) & (limit < mean + _SURE * np.sqrt(variance))
    if tight.any():
        sd = np.sqrt(np.maximum(variance[tight], 1e-18))
        a = (limit[tight] - mean[tight]) / sd
        density = np.exp(-a * a / 2) / np.sqrt(2 * np.pi)
        kept = mean[tight] + sd * (a * (1 - ndtr(a)) - density)
        share[tight] = np.clip(kept / mean[tight], 0.0, 1.0)
        share[tight & (limit <= 0)] = 0.0
    return share


def keep_within(
    counts: Ints, cost: Ints, group: Index, limit: Ints, arrival: Callable[[], Floats]
) -> tuple[Ints, Bools]:
    """Cut counts so that no group costs more than its limit.

    Args:
        counts: (n_rows,) pieces drawn.
        cost: (n_rows,) of each piece, same unit as ``limit``.
        group: (n_rows,) index into ``limit``.
        limit: (n_groups,) not negative.
        arrival: Gives the order in which rows arrive, (n_rows,); called only where something is cut.

    Returns:
        Pieces kept, (n_rows,), and which groups were cut short, (n_groups,).
    """
    total = by_group(group, counts * cost, len(limit))
    short = total > limit
    if not short.any():
        return counts, short
    kept = counts.copy()
    rows = np.flatnonzero(short[group])
    rows = rows[np.lexsort((arrival()[rows], group[rows]))]
    spent = np.cumsum(counts[rows] * cost[rows])
    first = np.flatnonzero(np.diff(group[rows], prepend=-1))
    before = np.repeat(np.append(0, spent[first[1:] - 1]), np.diff(np.append(first, len(rows))))
    room = limit[group[rows]] - (spent - before - counts[rows] * cost[rows])
    fits = np.where(cost[rows] > 0, room // np.maximum(cost[rows], 1), counts[rows])
    kept[rows] = np.where(room > 0, np.clip(fits, 0, counts[rows]), 0)
    return kept, short


@dataclass(slots=True, kw_only=True, eq=False)
class Budgets:
    """Daily spend of each campaign against its limit, arrays of shape (n_campaigns,).

    Attributes:
        spent_micros: Gross spend of the open day.
        factor: How far the venue lets each campaign's day run, 1 to the overdelivery factor.
        met_micros: The limit at which the campaign last ran dry today; -1 before.
    """

    spent_micros: Ints
    factor: Floats
    met_micros: Ints

    @classmethod
    def of(cls, n_campaigns: int) -> Self:
        """Return an unopened day's state."""
        zero = np.zeros(n_campaigns, dtype=np.int64)
        return cls(spent_micros=zero, factor=np.ones(n_campaigns), met_micros=zero - 1)

    def open_day(self, seed: int, day_ordinal: int, overdelivery_factor: float) -> None:
        """Start a day: nothing spent, and the day's overdelivery drawn; most days stay near the budget."""
        luck = generator(seed, Stream.OVERDELIVERY, day_ordinal).random(len(self.factor))
        self.factor = 1 + (overdelivery_factor - 1) * luck**2
        self.spent_micros = np.zeros_like(self.spent_micros)
        self.met_micros = np.full_like(self.met_micros, -1)

    def limits(self, daily_budget_micros: Ints) -> Ints:
        """Return what each campaign may spend today, micros."""
        limit = np.floor(daily_budget_micros * self.factor).astype(np.int64)
        return np.where(daily_budget_micros == UNLIMITED, NO_LIMIT, limit)

    def dark(self, limits: Ints) -> Bools:
        """Return which campaigns have run dry today and were not given a higher limit since."""
        stopped: Bools = (self.met_micros >= limits) | (self.spent_micros >= limits)
        return stopped

    def charge(self, spend_micros: Ints, limits: Ints, short: Bools) -> None:
        """Book an hour's spend and remember who met the limit."""
        self.spent_micros = self.spent_micros + spend_micros
        self.met_micros = np.where(short, np.maximum(self.met_micros, limits), self.met_micros)

    def copy(self) -> Self:
        """Return an independent copy (arrays are replaced, never written into)."""
        return type(self)(spent_micros=self.spent_micros, factor=self.factor, met_micros=self.met_micros)
