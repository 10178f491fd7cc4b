"""The price of return of every group: 0 where its floor holds by itself, else the one at which the floor just holds.

All groups are searched at once. Newton's steps are taken in the log of the group's mean price, in which the log of
average return is nearly a straight line, and are kept inside a bracket; groups that are done are left out of further
evaluations. Called by `bidder.core.dual`; derivation in docs/maths/allocation.md.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from bidder.core.blocks import Blocks, Sums
from bidder.core.layout import Rows
from bidder.core.performance import Float64

_TURNS = 100
_TINY = 1e-12
_LONGEST = 3.0
"""Longest step in log price."""
_WORTH = 4_096
"""Targets up to which it costs less to evaluate all than to pick some."""
_UNTRIED_LOW, _UNTRIED_HIGH = -1.0, 2.0


class Settled(NamedTuple):
    """Groups at their price of return, shape (n_groups,).

    ``slope`` is d spend / d log price of money with floors kept, ``drift`` d turn / d log price of money.
    """

    turn: Float64
    sums: Sums
    slope: Float64
    drift: Float64


class Floors:
    """Finds prices of return for given prices of money, and starts from those found last.

    Args:
        blocks: Targets by group.
        last_turn: Highest turn of each group: 1 for a hard floor, less for a soft goal, 0 for none.
    """

    def __init__(self, blocks: Blocks, last_turn: Float64) -> None:
        number = len(last_turn)
        self.evaluated = 0.0
        self._blocks = blocks
        self._last = last_turn
        self._weight, self._credit = blocks.means()
        self._money, self._turn, self._pull = np.ones(number), np.zeros(number), np.zeros(number)
        self._members: Rows = np.arange(number)
        self._part = blocks

    def settle(self, money: Float64, exactness: float) -> Settled:
        """Find the turn of each group at its price of money.

        Args:
            money: Shape (n_groups,).
            exactness: Surplus that is taken for none, relative to what the group earns and is asked for.
        """
        floor, last = self._blocks.floor, self._last
        turn = self._start(money)
        sums = self._evaluate(self._blocks, money, turn)
        left, right = np.full(len(turn), _UNTRIED_LOW), np.full(len(turn), _UNTRIED_HIGH)
        part, members = self._blocks, np.arange(len(turn))
        for _ in range(_TURNS):
            surplus = sums.earned - floor * sums.spend
            slack = exactness * (sums.earned + floor * sums.spend)
            short, over = surplus < -slack, surplus > slack
            left, right = np.where(short, turn, left), np.where(short, right, turn)
            search = np.flatnonzero((short & (turn < last)) | (over & (turn > 0) & (right - left > _TINY)))
            if not len(search):
                break
            if max(2 * self._blocks.count[search].sum(), _WORTH) < self._blocks.count[members].sum():
                part, members = self._narrow(part, members, search)
            step = self._next(money, turn, sums)
            turn[search] = _within(step, left, right, last)[search]
            for whole, some in zip(sums, self._evaluate(part, money[members], turn[members]), strict=True):
                whole[members] = some
        self._money, self._turn = money, turn
        return Settled(turn, sums, *self._answers(money, turn, sums))

    def _evaluate(self, blocks: Blocks, money: Float64, turn: Float64) -> Sums:
        self.evaluated += float(blocks.count.sum())
        return blocks.sums(money, turn)

    def _start(self, money: Float64) -> Float64:
        """Begin at the turns found last, with mean prices moved along with the price of money."""
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            moved = np.exp(self._pull * np.log(money / self._money))
            turn = self._turn_at(money, self._mean_price(self._money, self._turn) * moved)
        known = (self._turn > 0) & (self._turn < self._last) & np.isfinite(turn)
        return np.clip(np.where(known, turn, self._turn), 0.0, self._last)

    def _narrow(self, part: Blocks, members: Rows, search: Rows) -> tuple[Blocks, Rows]:
        """Return a part that holds the groups still searched; the last first one again where it fits."""
        if part is not self._blocks:
            return part.part(np.searchsorted(members, search)), search
        kept = self._blocks.count[self._members].sum()
        fits = 2 * self._blocks.count[search].sum() >= kept and np.isin(search, self._members).all()
        if not fits:
            self._part, self._members = part.part(search), search
        return self._part, self._members

    def _next(self, money: Float64, turn: Float64, sums: Sums) -> Float64:
        """Return where Newton would go next; nan where it cannot tell."""
        floor = self._blocks.floor
        above = (1.0 - turn) * money + turn * floor
        below = self._weight + turn * (self._credit - self._weight)
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            swing = self._swing(money, turn)
            spend_turn = -sums.bend_swing
            earned_turn = (1.0 - turn) * above * sums.bend_swing2 + floor * spend_turn
            off = np.log(sums.earned / (floor * sums.spend))
            by = earned_turn / sums.earned - spend_turn / sums.spend
            step = -off / by
            along = np.clip(step * swing, -_LONGEST, _LONGEST)
            moved = self._turn_at(money, above / below * np.exp(along))
            # Where targets' weights differ so much that the mean price hardly moves, steps are in the turn itself.
            mean_tells = swing**2 * sums.bend > 0.5 * sums.bend_swing2
        return np.where(mean_tells & np.isfinite(moved), moved, turn + step)

    def _answers(self, money: Float64, turn: Float64, sums: Sums) -> tuple[Float64, Float64]:
        """Return how spend and turn answer to the price of money; where a floor is held, the turn moves along."""
        above = (1.0 - turn) * money + turn * self._blocks.floor
        held = (turn > 0) & (turn < self._last) & (sums.bend_swing2 > 0)
        straight = np.divide((1.0 - turn) * money, above, out=np.ones(len(turn)), where=above > 0)
        lean = np.divide(sums.bend_swing, sums.bend_swing2, out=np.zeros(len(turn)), where=held)
        self._pull = straight * (1.0 - lean * np.where(held, self._swing(money, turn), 0.0))
        return -straight * (sums.bend - lean * sums.bend_swing), -straight * lean

    def _swing(self, money: Float64, turn: Float64) -> Float64:
        """Return d log mean price / d turn."""
        floor = self._blocks.floor
        above = (1.0 - turn) * money + turn * floor
        below = self._weight + turn * (self._credit - self._weight)
        with np.errstate(divide="ignore", invalid="ignore"):
            return (floor * self._weight - money * self._credit) / (above * below)

    def _mean_price(self, money: Float64, turn: Float64) -> Float64:
        above = (1.0 - turn) * money + turn * self._blocks.floor
        with np.errstate(divide="ignore", invalid="ignore"):
            return above / (self._weight + turn * (self._credit - self._weight))

    def _turn_at(self, money: Float64, price: Float64) -> Float64:
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            lift = self._credit - self._weight
            return (price * self._weight - money) / (self._blocks.floor - money - price * lift)


def _within(step: Float64, left: Float64, right: Float64, last: Float64) -> Float64:
    """Hold Newton's turns inside the bracket; where one leaves it, try an end that is untried, or else its middle."""
    inside = (step > left) & (step < right) & (step > 0.0) & (step < last)
    middle = 0.5 * (np.maximum(left, 0.0) + np.minimum(right, last))
    turn = np.where(inside, step, middle)
    turn = np.where(~inside & (step >= last) & (right > last), last, turn)
    turn = np.where(~inside & (left < 0.0), 0.0, turn)
    return np.where(right - left <= _TINY, right, turn)
