"""Concave response curves: revenue as a function of daily spend, in the three families the allocation knows.

Each curve answers one question for all its targets at once: at which spend does the next unit of money return
``price``? Used by `bidder.core.dual`; formulas in docs/maths/allocation.md.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple, Protocol, Self

import numpy as np

from bidder.core.layout import Flags, Rows
from bidder.core.performance import Float64


class Response(NamedTuple):
    """Answer of a curve at given prices, arrays of shape (n,).

    ``bend`` is ``-d spend / d log price``, zero where a bound holds.
    """

    spend: Float64
    revenue: Float64
    bend: Float64


class Curve(Protocol):
    """Responses of n targets with bounds on spend; revenue is increasing and, between the bounds, concave."""

    @property
    def low(self) -> Float64:
        """Least spend."""

    @property
    def high(self) -> Float64:
        """Most spend."""

    def at(self, price: Float64, log_price: Float64) -> Response:
        """Return the spend at which marginal revenue equals ``price``, held between the bounds."""

    def revenue(self, spend: Float64) -> Float64:
        """Return revenue at a spend."""

    def marginal(self, spend: Float64) -> Float64:
        """Return d revenue / d spend."""

    def take(self, rows: Rows) -> Self:
        """Return the curves of the chosen targets."""


def _clip(spend: Float64, low: Float64, high: Float64) -> tuple[Float64, Flags, Flags]:
    """Hold spend between bounds; where the bounds exclude one another the lower one wins."""
    under = spend <= low
    over = spend >= high
    over &= ~under
    return np.maximum(np.minimum(spend, high), low), under, over


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PowerCurve:
    """``R = scale * s ** exponent``, exponent in (0, 1).

    Attributes:
        edges: Revenue at the bounds, where it is already known.
    """

    scale: Float64
    exponent: Float64
    low: Float64
    high: Float64
    edges: tuple[Float64, Float64] | None = field(default=None, repr=False)
    _steep: Float64 = field(init=False, repr=False)
    _shift: Float64 = field(init=False, repr=False)
    _at_low: Float64 = field(init=False, repr=False)
    _at_high: Float64 = field(init=False, repr=False)

    def __post_init__(self) -> None:
        if not (np.all(self.exponent > 0) and np.all(self.exponent < 1) and np.all(self.scale > 0)):
            raise ValueError("a power curve needs a positive scale and an exponent between 0 and 1")
        steep = 1.0 / (1.0 - self.exponent)
        object.__setattr__(self, "_steep", steep)
        object.__setattr__(self, "_shift", steep * np.log(self.scale * self.exponent))
        at_low, at_high = self.edges if self.edges is not None else (self.revenue(self.low), self.revenue(self.high))
        object.__setattr__(self, "_at_low", at_low)
        object.__setattr__(self, "_at_high", at_high)

    def at(self, price: Float64, log_price: Float64) -> Response:
        """See `Curve`; one exponential per target: ``s = (scale * exponent / price) ** (1 / (1 - exponent))``."""
        with np.errstate(over="ignore", under="ignore", invalid="ignore"):
            free = self._steep * log_price
            np.subtract(self._shift, free, out=free)
            np.exp(free, out=free)
            spend, under, over = _clip(free, self.low, self.high)
            revenue = spend * price
            revenue /= self.exponent
        np.copyto(revenue, self._at_low, where=under)
        np.copyto(revenue, self._at_high, where=over)
        bend = np.multiply(self._steep, spend, out=free)
        bend[under | over] = 0.0
        return Response(spend, revenue, bend)

    def revenue(self, spend: Float64) -> Float64:
        """See `Curve`."""
        return self.scale * np.power(spend, self.exponent)

    def marginal(self, spend: Float64) -> Float64:
        """See `Curve`."""
        with np.errstate(divide="ignore"):
            return self.scale * self.exponent * np.power(spend, self.exponent - 1.0)

    def take(self, rows: Rows) -> PowerCurve:
        """See `Curve`."""
        return PowerCurve(
            scale=self.scale[rows],
            exponent=self.exponent[rows],
            low=self.low[rows],
            high=self.high[rows],
            edges=(self._at_low[rows], self._at_high[rows]),
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LogCurve:
    """``R = scale * log(1 + s / width)``."""

    scale: Float64
    width: Float64
    low: Float64
    high: Float64

    def __post_init__(self) -> None:
        if not (np.all(self.scale > 0) and np.all(self.width > 0)):
            raise ValueError("a log curve needs a positive scale and width")

    def at(self, price: Float64, log_price: Float64) -> Response:
        """See `Curve`; ``s = scale / price - width``."""
        with np.errstate(divide="ignore"):
            whole = self.scale / price
        spend, under, over = _clip(whole - self.width, self.low, self.high)
        return Response(spend, self.revenue(spend), np.where(under | over, 0.0, whole))

    def revenue(self, spend: Float64) -> Float64:
        """See `Curve`."""
        return self.scale * np.log1p(spend / self.width)

    def marginal(self, spend: Float64) -> Float64:
        """See `Curve`."""
        return self.scale / (self.width + spend)

    def take(self, rows: Rows) -> LogCurve:
        """See `Curve`."""
        return LogCurve(scale=self.scale[rows], width=self.width[rows], low=self.low[rows], high=self.high[rows])


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class HillCurve:
    """``R = top * s ** shape / (half ** shape + s ** shape)``; with shape above 1 its concave envelope is used.

    On the envelope a target spends either its least or at least the point where the chord from there touches the
    curve: money in between buys less than it would elsewhere (Shapley-Folkman bounds what that costs by one
    target's jump per constraint, docs/maths/allocation.md).
    """

    top: Float64
    half: Float64
    shape: Float64
    low: Float64
    high: Float64
    _touch: Float64 = field(init=False, repr=False)
    _chord: Float64 = field(init=False, repr=False)
    _simple: bool = field(init=False, repr=False)

    def __post_init__(self) -> None:
        if not (np.all(self.top > 0) and np.all(self.half > 0) and np.all(self.shape > 0)):
            raise ValueError("a Hill curve needs a positive top, half and shape")
        simple = bool(np.all(self.shape == 1.0))
        object.__setattr__(self, "_simple", simple)
        touch = self.low if simple else self._tangent()
        object.__setattr__(self, "_touch", touch)
        if simple:
            object.__setattr__(self, "_chord", np.zeros(0))
            return
        with np.errstate(divide="ignore", invalid="ignore"):
            chord = (self.revenue(touch) - self.revenue(self.low)) / (touch - self.low)
        object.__setattr__(self, "_chord", np.where(touch > self.low, chord, np.inf))

    def at(self, price: Float64, log_price: Float64) -> Response:
        """See `Curve`; closed form for shape 1, safeguarded Newton in log spend otherwise."""
        if self._simple:
            with np.errstate(divide="ignore"):
                root = np.sqrt(self.top * self.half / price)
            spend, under, over = _clip(root - self.half, self.low, self.high)
            return Response(spend, self.revenue(spend), np.where(under | over, 0.0, 0.5 * root))
        spend = np.where(price > self._chord, self.low, self._invert(price, np.maximum(self._touch, self.low)))
        held = (spend <= self._touch) | (spend >= self.high)
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = (spend / self.half) ** self.shape
            # d log R' / d log s = (shape - 1) - 2 shape ratio / (1 + ratio)
            bend = spend / (2.0 * self.shape * ratio / (1.0 + ratio) - self.shape + 1.0)
        return Response(spend, self.revenue(spend), np.where(held | ~np.isfinite(bend), 0.0, bend))

    def revenue(self, spend: Float64) -> Float64:
        """See `Curve`."""
        if self._simple:
            return self.top * spend / (self.half + spend)
        ratio = (spend / self.half) ** self.shape
        return self.top * ratio / (1.0 + ratio)

    def marginal(self, spend: Float64) -> Float64:
        """See `Curve`; of the curve itself, not of its envelope."""
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = (spend / self.half) ** self.shape
            slope = self.top * self.shape * ratio / (spend * (1.0 + ratio) ** 2)
        return np.where(
            spend > 0, slope, np.where(self.shape < 1, np.inf, np.where(self.shape > 1, 0.0, self.top / self.half))
        )

    def take(self, rows: Rows) -> HillCurve:
        """See `Curve`."""
        return HillCurve(
            top=self.top[rows], half=self.half[rows], shape=self.shape[rows], low=self.low[rows], high=self.high[rows]
        )

    def _invert(self, price: Float64, start: Float64) -> Float64:
        """Find the spend of the concave branch at which marginal revenue is ``price``, by bisection in log spend."""
        left, right = np.log(np.maximum(start, 1e-12 * self.half)), np.log(np.maximum(self.high, 1e-12 * self.half))
        for _ in range(60):
            middle = 0.5 * (left + right)
            dear = self.marginal(np.exp(middle)) > price
            left = np.where(dear, middle, left)
            right = np.where(dear, right, middle)
        return np.maximum(np.minimum(np.exp(0.5 * (left + right)), self.high), np.minimum(start, self.high))

    def _tangent(self) -> Float64:
        """Find where the chord from the least spend touches the curve; the least spend where it is concave at once."""
        inflection = self.half * (np.maximum(self.shape - 1.0, 0.0) / (self.shape + 1.0)) ** (1.0 / self.shape)
        left = np.maximum(inflection, self.low)
        right = np.maximum(self.half * 1e6, left)
        base = self.revenue(self.low)
        for _ in range(80):
            middle = np.sqrt(np.maximum(left, 1e-300) * right)
            before = self.marginal(middle) * (middle - self.low) > self.revenue(middle) - base
            left = np.where(before, middle, left)
            right = np.where(before, right, middle)
        touch = np.where((self.shape <= 1.0) | (inflection <= self.low), self.low, right)
        return np.minimum(touch, self.high)
