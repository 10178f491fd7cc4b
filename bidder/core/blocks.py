"""What groups of targets spend and return at given prices, summed block by block so that work stays in the cache.

Prices of a group are its price of money ``m`` and its turn ``t = mu / (1 + mu)`` in [0, 1], mu being the price of
return: 0 asks for the objective alone, 1 for the floor alone. A target of weight w and credit c then spends where

    R'(s) = above / below,    above = (1 - t) m + t floor,    below = w + t (c - w)

Called by `bidder.core.floors` and `bidder.core.dual`; derivation in docs/maths/allocation.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from bidder.core.curves import Curve, Response, families
from bidder.core.layout import NONE, Rows, tally
from bidder.core.performance import Float64

_BLOCK = 16_384
"""Targets at a time: a dozen arrays of as many floats fit into the second level of a common processor's cache."""


class Sums(NamedTuple):
    """Sums over each group's targets, shape (n_groups,).

    ``bend`` is -d spend / d log price. With ``swing`` = d log price / d turn, ``bend_swing`` is -d spend / d turn
    and ``(1 - t) above bend_swing2`` is d surplus / d turn (docs/maths/allocation.md).
    """

    spend: Float64
    earned: Float64
    bend: Float64
    bend_swing: Float64
    bend_swing2: Float64


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Block:
    """Targets of one family; ``rows`` is where they stand in the whole."""

    curve: Curve
    weight: Float64
    credit: Float64
    group: Rows
    rows: Rows

    @property
    def even(self) -> bool:
        """Weight and credit are one: all targets of a group swing alike, which saves work."""
        return self.credit is self.weight

    def take(self, chosen: Rows | slice[int, int, None]) -> _Block:
        """Return the chosen targets; views where they are a slice."""
        weight = self.weight[chosen]
        return _Block(
            curve=self.curve.take(chosen),
            weight=weight,
            credit=weight if self.even else self.credit[chosen],
            group=self.group[chosen],
            rows=self.rows[chosen],
        )

    def at(self, above: Float64, turn: Float64) -> tuple[Response, Float64]:
        """Return responses at the groups' prices, and what stands below in each target's price."""
        below = self.weight
        if not self.even:
            below = self.credit - self.weight
            below *= turn[self.group]
            below += self.weight
        price = above[self.group]
        price /= below
        return self.curve.at(price), below


class Blocks:
    """Targets with the groups they stand in.

    Args:
        families: All targets, a family each.
        floor: Wanted return of each group, shape (n_groups,).
    """

    def __init__(self, families: Sequence[_Block], floor: Float64) -> None:
        self.floor = floor
        self._families = families
        self._even = all(family.even for family in families)
        self.count = self._sum([np.ones(len(family.group)) for family in families])
        # Sums of a block are as long as there are groups: many small blocks would cost more than they save.
        size = max(_BLOCK, len(floor))
        self._blocks = [
            family.take(slice(start, start + size))
            for family in families
            for start in range(0, len(family.group), size)
        ]

    @classmethod
    def of(cls, curve: Curve, weight: Float64, credit: Float64, group: Rows, floor: Float64) -> Blocks:
        """Sort targets by family; all but ``floor`` of shape (n,), which is (n_groups,)."""
        if np.array_equal(weight, credit):
            credit = weight
        parts = families(curve)
        if len(parts) == 1:
            return cls([_Block(curve=curve, weight=weight, credit=credit, group=group, rows=parts[0][0])], floor)
        even = credit is weight
        its = [(rows, part, weight[rows]) for rows, part in parts]
        return cls(
            [
                _Block(curve=part, weight=w, credit=w if even else credit[rows], group=group[rows], rows=rows)
                for rows, part, w in its
            ],
            floor,
        )

    def means(self) -> tuple[Float64, Float64]:
        """Return each group's mean weight and credit; 1 where a group is empty."""
        empty = self.count == 0
        count = np.where(empty, 1.0, self.count)
        weight = self._sum([family.weight for family in self._families]) / count
        credit = weight if self._even else self._sum([family.credit for family in self._families]) / count
        return np.where(empty, 1.0, weight), np.where(empty, 1.0, credit)

    def sums(self, money: Float64, turn: Float64) -> Sums:
        """Return what each group's targets add up to at the group's prices."""
        number = len(self.floor)
        above = (1.0 - turn) * money + turn * self.floor
        lever = np.divide(self.floor - money, above, out=np.zeros(number), where=above > 0)
        whole = Sums(*(np.zeros(number) for _ in Sums._fields))
        for block in self._blocks:
            group = block.group
            response, below = block.at(above, turn)
            whole.spend[:] += tally(group, response.spend, number)
            whole.earned[:] += tally(group, block.credit * response.revenue, number)
            whole.bend[:] += tally(group, response.bend, number)
            if self._even:
                continue
            swing = (block.credit - block.weight) / below
            np.subtract(lever[group], swing, out=swing)
            each = response.bend * swing
            whole.bend_swing[:] += tally(group, each, number)
            each *= swing
            whole.bend_swing2[:] += tally(group, each, number)
        if self._even:
            return whole._replace(bend_swing=lever * whole.bend, bend_swing2=lever**2 * whole.bend)
        return whole

    def responses(self, money: Float64, turn: Float64) -> tuple[Float64, Float64]:
        """Return spend and revenue of every target at its group's prices."""
        above = (1.0 - turn) * money + turn * self.floor
        number = sum(len(family.rows) for family in self._families)
        spend, revenue = np.empty(number), np.empty(number)
        for block in self._blocks:
            response, _ = block.at(above, turn)
            spend[block.rows], revenue[block.rows] = response.spend, response.revenue
        return spend, revenue

    def part(self, members: Rows) -> Blocks:
        """Return the targets of some groups, which are numbered in the order given."""
        number = np.full(len(self.floor), NONE, dtype=np.intp)
        number[members] = np.arange(len(members))
        chosen = []
        for family in self._families:
            group = number[family.group]
            rows = np.flatnonzero(group != NONE)
            chosen.append(replace(family.take(rows), group=group[rows]))
        return Blocks(chosen, self.floor[members])

    def _sum(self, values: Sequence[Float64]) -> Float64:
        """Sum values of each family's targets by group."""
        whole = np.zeros(len(self.floor))
        for family, its in zip(self._families, values, strict=True):
            whole += tally(family.group, its, len(self.floor))
        return whole
