"""Money by day and cell: what the forecast of coming days is made from.

A cell is whatever is forecast on its own: an account, a campaign, an ad group or a target. Days without a report count
as zero, because that is what the shop earned from a cell that did not run. Built by `bidder.evaluate.history`; pure.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

import numpy as np

from bidder.core.performance import Float64
from bidder.forecast.sums import Groups

WEEK = 7


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Series:
    """Days in a row without gaps, oldest first, of one account.

    Attributes:
        revenue: Any unit of money, float64, shape (days, cells). Corrections may make a day negative.
        spend: Same unit, float64, at least 0, shape (days, cells).
        parents: Coarser groups that the cells belong to, coarsest first; each of shape (cells,), numbered from 0.
        phase: Place of the first row in a week of seven days, 0..6; which weekday is called 0 does not matter.
    """

    revenue: Float64
    spend: Float64
    parents: tuple[Groups, ...]
    phase: int = 0

    def __post_init__(self) -> None:
        if self.revenue.ndim != 2 or self.revenue.shape != self.spend.shape:  # noqa: PLR2004  # days by cells
            raise ValueError(f"revenue and spend must share one shape, were {self.revenue.shape}, {self.spend.shape}")
        if not (np.isfinite(self.revenue).all() and np.isfinite(self.spend).all()):
            raise ValueError("revenue and spend must be finite")
        if (self.spend < 0).any():
            raise ValueError("spend must not be negative")
        if any(group.shape != (self.revenue.shape[1],) for group in self.parents):
            raise ValueError("each parent needs one group number for every cell")

    def __len__(self) -> int:
        return len(self.revenue)

    def between(self, first: int, end: int) -> Self:
        """Return the days from row ``first`` up to, not including, row ``end``."""
        return type(self)(
            revenue=self.revenue[first:end],
            spend=self.spend[first:end],
            parents=self.parents,
            phase=(self.phase + first) % WEEK,
        )

    def weekdays(self) -> Groups:
        """Return the place of every row in the week, shape (days,)."""
        return (self.phase + np.arange(len(self))) % WEEK

    def total(self) -> Self:
        """Return all cells added up, as one cell."""
        return type(self)(
            revenue=self.revenue.sum(axis=1, keepdims=True),
            spend=self.spend.sum(axis=1, keepdims=True),
            parents=(),
            phase=self.phase,
        )


def useful_parents(groups: Iterable[Groups], cells: int) -> tuple[Groups, ...]:
    """Return the groupings that say something: the whole account, then each that neither repeats another nor the cells.

    Args:
        groups: Group numbers of the cells, coarsest first, each of shape (cells,).
        cells: How many cells there are.
    """
    if cells < 2:  # noqa: PLR2004  # one cell is its own account
        return ()
    kept: list[Groups] = [np.zeros(cells, dtype=np.intp)]
    sizes = {1, cells}
    for group in groups:
        codes = np.unique(group, return_inverse=True)[1].reshape(-1)
        size = int(codes.max()) + 1
        # Of nested groupings, two with as many groups are the same one.
        if size not in sizes:
            sizes.add(size)
            kept.append(codes.astype(np.intp))
    return tuple(kept)


def by_group(values: Float64, group: Groups) -> Float64:
    """Return the sums of the columns of each group, every number from 0 being used, shape (days, groups)."""
    order = np.argsort(group, kind="stable")
    first = np.searchsorted(group[order], np.arange(int(group.max()) + 1))
    added: Float64 = np.add.reduceat(values[:, order], first, axis=1)
    return added
