"""Concave response curves: revenue as a function of daily spend, in the three families the allocation knows.

Each curve answers one question for all its targets at once: at which spend does the next unit of money return
``price``? Used by `bidder.core.dual`; formulas in docs/maths/allocation.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from typing import NamedTuple, Protocol, Self, TypeVar

import numpy as np

from bidder.core.layout import Flags, Rows
from bidder.core.performance import Float64

_FAR = 700.0
"""Largest log that is told apart from infinity."""
_NEWTON = 60
_NEGLIGIBLE = 1e-15


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

    def at(self, price: Float64) -> Response:
        """Return the spend at which marginal revenue equals ``price``, held between the bounds."""

    def revenue(self, spend: Float64) -> Float64:
        """Return revenue at a spend."""

    def marginal(self, spend: Float64) -> Float64:
        """Return d revenue / d spend."""

    def take(self, rows: Rows | slice[int, int, None]) -> Self:
        """Return the curves of the chosen targets."""


AnyCurve = TypeVar("AnyCurve", "PowerCurve", "LogCurve", "HillCurve")


def _held(free: Float64, low: Float64, high: Float64) -> tuple[Float64, Flags]:
    """Hold spend between bounds, and tell where it is free; where bounds exclude one another the lower one wins."""
    inside = free > low
    inside &= free < high
    return np.maximum(np.minimum(free, high), low), inside


def _check(curve: PowerCurve | LogCurve | HillCurve, **positive: Float64) -> None:
    """Refuse what no account has: values that are not finite, spends below zero, parameters that are not positive."""
    kind = type(curve).__name__
    number = curve.low.shape
    for name, values in {**positive, "low": curve.low, "high": curve.high}.items():
        if values.shape != number or values.ndim != 1:
            raise ValueError(f"{kind}.{name} has shape {values.shape}, low has {number}: give one value a target")
        least, most = float(np.min(values, initial=np.inf)), float(np.max(values, initial=0.0))
        if np.isnan(least) or most == np.inf or least == -np.inf:
            raise ValueError(f"{kind}.{name} must be finite, target {int(np.argmin(np.isfinite(values)))} is not")
        if least < 0.0 or (name in positive and least == 0.0):
            wanted = "positive" if name in positive else "at least 0"
            raise ValueError(f"{kind}.{name} must be {wanted}, the least was {least}")


def _picked(curve: AnyCurve, rows: Rows | slice[int, int, None]) -> AnyCurve:
    """Return the chosen targets of a curve without checking or deriving anything again."""
    part = object.__new__(type(curve))
    taken: dict[int, Float64] = {}  # An array that stands in two fields is taken once.
    for each in fields(curve):
        values = getattr(curve, each.name)
        if isinstance(values, np.ndarray):
            values = taken[id(values)] if id(values) in taken else taken.setdefault(id(values), values[rows])
        object.__setattr__(part, each.name, values)
    return part


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PowerCurve:
    """``R = scale * s ** exponent``, exponent in (0, 1)."""

    scale: Float64
    exponent: Float64
    low: Float64
    high: Float64
    _steep: Float64 = field(init=False, repr=False)
    _shift: Float64 = field(init=False, repr=False)

    def __post_init__(self) -> None:
        _check(self, scale=self.scale, exponent=self.exponent)
        if not np.all(self.exponent < 1.0):
            raise ValueError(f"PowerCurve.exponent must be below 1, was {float(np.max(self.exponent))}")
        steep = 1.0 / (1.0 - self.exponent)
        object.__setattr__(self, "_steep", steep)
        object.__setattr__(self, "_shift", steep * np.log(self.scale * self.exponent))

    def at(self, price: Float64) -> Response:
        """See `Curve`; ``s = (scale * exponent / price) ** (1 / (1 - exponent))``."""
        with np.errstate(divide="ignore", over="ignore", under="ignore"):
            free = np.log(price)
            free *= self._steep
            np.subtract(self._shift, free, out=free)
            np.exp(free, out=free)
        spend, inside = _held(free, self.low, self.high)
        bend = np.multiply(self._steep, spend, out=free)
        bend *= inside
        return Response(spend, self.revenue(spend), bend)

    def revenue(self, spend: Float64) -> Float64:
        """See `Curve`."""
        return self.scale * np.power(spend, self.exponent)

    def marginal(self, spend: Float64) -> Float64:
        """See `Curve`."""
        with np.errstate(divide="ignore"):
            return self.scale * self.exponent * np.power(spend, self.exponent - 1.0)

    def take(self, rows: Rows | slice[int, int, None]) -> PowerCurve:
        """See `Curve`."""
        return _picked(self, rows)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LogCurve:
    """``R = scale * log(1 + s / width)``."""

    scale: Float64
    width: Float64
    low: Float64
    high: Float64

    def __post_init__(self) -> None:
        _check(self, scale=self.scale, width=self.width)

    def at(self, price: Float64) -> Response:
        """See `Curve`; ``s = scale / price - width``."""
        with np.errstate(divide="ignore", over="ignore"):
            free = self.scale / price
            free -= self.width
        spend, inside = _held(free, self.low, self.high)
        bend = np.add(spend, self.width, out=free)
        bend *= inside
        return Response(spend, self.revenue(spend), bend)

    def revenue(self, spend: Float64) -> Float64:
        """See `Curve`."""
        return self.scale * np.log1p(spend / self.width)

    def marginal(self, spend: Float64) -> Float64:
        """See `Curve`."""
        return self.scale / (self.width + spend)

    def take(self, rows: Rows | slice[int, int, None]) -> LogCurve:
        """See `Curve`."""
        return _picked(self, rows)


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
    _simple: bool = field(init=False, repr=False)
    _product: Float64 = field(init=False, repr=False)
    _touch: Float64 = field(init=False, repr=False)
    _chord: Float64 = field(init=False, repr=False)
    _steepest: Float64 = field(init=False, repr=False)

    def __post_init__(self) -> None:
        _check(self, top=self.top, half=self.half, shape=self.shape)
        simple = bool(np.all(self.shape == 1.0))
        object.__setattr__(self, "_simple", simple)
        object.__setattr__(self, "_product", self.top * self.half)
        touch = chord = steepest = self.low  # Of no use where all curves are concave.
        if not simple:
            touch = self._tangent()
            with np.errstate(divide="ignore", invalid="ignore"):
                slope = (self.revenue(touch) - self.revenue(self.low)) / (touch - self.low)
            chord, steepest = np.where(touch > self.low, slope, np.inf), self.marginal(touch)
        object.__setattr__(self, "_touch", touch)
        object.__setattr__(self, "_chord", chord)
        object.__setattr__(self, "_steepest", steepest)

    def at(self, price: Float64) -> Response:
        """See `Curve`; closed form for shape 1, Newton in log spend otherwise."""
        if not self._simple:
            return self._on_envelope(price)
        with np.errstate(divide="ignore", over="ignore"):
            free = self._product / price
            np.sqrt(free, out=free)
            free -= self.half
        spend, inside = _held(free, self.low, self.high)
        bend = np.add(spend, self.half, out=free)
        bend *= 0.5
        bend *= inside
        return Response(spend, self.revenue(spend), bend)

    def revenue(self, spend: Float64) -> Float64:
        """See `Curve`."""
        if self._simple:
            return self.top * spend / (self.half + spend)
        ratio = (spend / self.half) ** self.shape
        return self.top * (ratio / (1.0 + ratio))

    def marginal(self, spend: Float64) -> Float64:
        """See `Curve`; of the curve itself, not of its envelope."""
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = (spend / self.half) ** self.shape
            slope = self.top * self.shape * ratio / (spend * (1.0 + ratio) ** 2)
        at_zero = np.where(self.shape < 1.0, np.inf, np.where(self.shape > 1.0, 0.0, self.top / self.half))
        return np.where(spend > 0.0, slope, at_zero)

    def take(self, rows: Rows | slice[int, int, None]) -> HillCurve:
        """See `Curve`."""
        return _picked(self, rows)

    def _on_envelope(self, price: Float64) -> Response:
        """Answer on the concave envelope: the least spend, or the falling branch from where the chord touches."""
        log_ratio = self._log_ratio(price)
        with np.errstate(over="ignore", under="ignore", invalid="ignore"):
            free = np.where(price >= self._steepest, self._touch, self.half * np.exp(log_ratio))
            # d log R' / d log s = (shape - 1) - 2 shape r / (1 + r) where r = (s / half) ** shape
            bend = free / (2.0 * self.shape / (1.0 + np.exp(-self.shape * log_ratio)) - self.shape + 1.0)
        spend = np.where(price > self._chord, self.low, np.maximum(np.minimum(free, self.high), self._touch))
        inside = (spend > self._touch) & (spend < self.high)
        return Response(spend, self.revenue(spend), np.where(inside, bend, 0.0))

    def _log_ratio(self, price: Float64) -> Float64:
        """Return log(s / half) of the falling branch where marginal revenue is ``price``; any number where none is.

        Log marginal revenue is concave in log spend, so Newton from above the root comes down to it without overshoot.
        """
        shape = self.shape
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            excess = np.clip(np.log(self.top * shape / self.half) - np.log(price), -_FAR, _FAR)
            root: Float64 = excess / (shape + 1.0)
            np.minimum(root, excess / (1.0 - shape), out=root, where=shape < 1.0)
            for _ in range(_NEWTON):
                above = excess + (shape - 1.0) * root - 2.0 * np.logaddexp(0.0, shape * root)
                step = above / (shape - 1.0 - 2.0 * shape / (1.0 + np.exp(-shape * root)))
                root -= step
                if not np.any(np.abs(step) > _NEGLIGIBLE * (1.0 + np.abs(root))):
                    break
        return root

    def _tangent(self) -> Float64:
        """Find where the chord from the least spend touches the curve; the least spend where it is concave at once."""
        inflection = self.half * (np.maximum(self.shape - 1.0, 0.0) / (self.shape + 1.0)) ** (1.0 / self.shape)
        left = np.maximum(inflection, self.low)
        # Bisection in log spend; the curve is steeper than its chord before the touch.
        right = np.maximum(self.half * 1e6, left)
        base = self.revenue(self.low)
        for _ in range(80):
            middle = np.sqrt(np.maximum(left, 1e-300) * right)
            with np.errstate(invalid="ignore"):
                before = self.marginal(middle) * (middle - self.low) > self.revenue(middle) - base
            left = np.where(before, middle, left)
            right = np.where(before, right, middle)
        touch = np.where((self.shape <= 1.0) | (inflection <= self.low), self.low, right)
        return np.minimum(touch, self.high)


class MixedCurve:
    """Targets of several families in one allocation; each family answers for its own.

    Args:
        family: Number of each target's curve in ``curves``, shape (n,).
        curves: The families, targets in the order in which they stand in the whole.
    """

    __slots__ = ("_curves", "_place", "_rows", "family", "high", "low")

    def __init__(self, family: Rows, curves: Sequence[Curve]) -> None:
        self._curves = tuple(curves)
        self._rows = tuple(np.flatnonzero(family == number) for number in range(len(self._curves)))
        sizes, wanted = [len(curve.low) for curve in self._curves], [len(rows) for rows in self._rows]
        if sizes != wanted or sum(wanted) != len(family):
            raise ValueError(f"family asks for {wanted} of {len(family)} targets, the curves have {sizes}")
        self.family = family
        self._place = np.zeros(len(family), dtype=np.intp)
        self.low, self.high = np.zeros(len(family)), np.zeros(len(family))
        for rows, curve in self.parts():
            self._place[rows] = np.arange(len(rows))
            self.low[rows], self.high[rows] = curve.low, curve.high

    def at(self, price: Float64) -> Response:
        """See `Curve`."""
        whole = Response(*(np.empty(len(price)) for _ in Response._fields))
        for rows, curve in self.parts():
            for values, part in zip(whole, curve.at(price[rows]), strict=True):
                values[rows] = part
        return whole

    def revenue(self, spend: Float64) -> Float64:
        """See `Curve`."""
        whole = np.empty(len(spend))
        for rows, curve in self.parts():
            whole[rows] = curve.revenue(spend[rows])
        return whole

    def marginal(self, spend: Float64) -> Float64:
        """See `Curve`."""
        whole = np.empty(len(spend))
        for rows, curve in self.parts():
            whole[rows] = curve.marginal(spend[rows])
        return whole

    def take(self, rows: Rows | slice[int, int, None]) -> MixedCurve:
        """See `Curve`."""
        family, place = self.family[rows], self._place[rows]
        return MixedCurve(family, [curve.take(place[family == n]) for n, curve in enumerate(self._curves)])

    def parts(self) -> list[tuple[Rows, Curve]]:
        """Return each family's rows and curve."""
        return list(zip(self._rows, self._curves, strict=True))


def families(curve: Curve) -> Sequence[tuple[Rows, Curve]]:
    """Return the rows and the curve of each family, most often one."""
    return curve.parts() if isinstance(curve, MixedCurve) else [(np.arange(len(curve.low)), curve)]
