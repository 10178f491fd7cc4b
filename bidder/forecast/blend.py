"""Weigh candidate forecasts by how they did, and tell mean, median and spread of what comes.

The blend learns from outcomes that are over, one origin at a time, and never sees anything else. Formulas:
docs/maths/series.md. Called by `bidder.forecast.walk`; pure.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from scipy.special import gammaincinv, ndtri

from bidder.core.performance import Float64

_MEMORY = 0.97
"""What one origin's lesson is worth at the next: a memory of a month."""
_SKEW = 0.5
"""Share of the errors that counts as skewed noise around the level, which pulls the median under the mean; the rest is
level misjudged either way, which does not."""
_MOST_ERROR = 1.6
"""Relative errors above this say that nothing can be forecast; the greatest possible one is 2."""


_WORST = 10.0
"""Most that one origin may count against a candidate, as a relative error."""
_LEAST_VARIATION = 1e-3
"""Least coefficient of variation: a distribution is never a point."""
_DEVIATION = float(np.sqrt(np.pi / 2.0))
"""Standard deviation over mean absolute deviation, as in a normal distribution."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Outlook:
    """What comes, by cell, arrays of shape (cells,), in the unit of the series.

    Attributes:
        mean: Expected revenue: what sums and decisions use.
        median: As likely exceeded as not, what the smallest absolute error asks for; below the mean where days are
            noisy.
        a, b: Mean absolute error is ``a sqrt(mean) + b mean``: counts scatter like the first, levels like the second.
    """

    mean: Float64
    median: Float64
    a: float
    b: float

    def gamma(self) -> tuple[Float64, Float64]:
        """Return shape and scale of the Gamma of this mean and variance, ones where nothing is expected."""
        told = self.mean > 0
        mean = np.where(told, self.mean, 1.0)
        variation = np.maximum(_DEVIATION * (self.a / np.sqrt(mean) + self.b), _LEAST_VARIATION) ** 2
        shape: Float64 = np.where(told, 1.0 / variation, 1.0)
        scale: Float64 = np.where(told, mean * variation, 1.0)
        return shape, scale

    def quantile(self, share: float) -> Float64:
        """Return the value that the outcome stays below with probability ``share``, shape (cells,)."""
        shape, scale = self.gamma()
        out: Float64 = np.where(self.mean > 0, gammaincinv(shape, share) * scale, self.mean)
        return out


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Blend:
    """Weights over candidates and what past errors say.

    Attributes:
        odds: How likely each candidate is held to be the best before anything is seen, shape (candidates,).
        rate: How fast differences of relative error move weights; at 10, one origin at which a candidate errs by a
            tenth of revenue more costs it a factor e.
        loss: Relative errors so far, added up, shape (candidates,).
        wrong, size: Absolute errors of the blend, and the mean of forecasts and outcomes, added up.
        moments: Sums over cells of 1, root of mean, mean, absolute error over root of mean, absolute error; shape (5,).
    """

    odds: Float64
    rate: float
    loss: Float64
    wrong: float = 0.0
    size: float = 0.0
    moments: Float64

    @classmethod
    def fresh(cls, odds: Float64, rate: float) -> Self:
        """Return a blend that has seen nothing."""
        return cls(odds=odds, rate=rate, loss=np.zeros(len(odds)), moments=np.zeros(5))

    @property
    def weights(self) -> Float64:
        """Return the weights, positive, sum 1, shape (candidates,)."""
        raw = self.odds * np.exp(-self.rate * (self.loss - self.loss.min()))
        out: Float64 = raw / raw.sum()
        return out

    def mix(self, candidates: Float64) -> Outlook:
        """Return what comes, from candidates of shape (candidates, cells)."""
        mean = self.weights @ candidates
        error = min(self.wrong / self.size, _MOST_ERROR) if self.size > 0 else 0.0
        # Of a lognormal of log deviation s, the mean absolute error is 2 (2 Phi(s / 2) - 1) of the mean.
        deviation = 2.0 * float(ndtri(0.5 + error / 4.0))
        a, b = self._scatter()
        return Outlook(mean=mean, median=mean * np.exp(-_SKEW * deviation**2 / 2.0), a=a, b=b)

    def learned(self, candidates: Float64, mean: Float64, actual: Float64) -> Self:
        """Return the blend after an outcome.

        Args:
            candidates: What each candidate had said, shape (candidates, cells).
            mean: What the blend had expected, shape (cells,).
            actual: What came, shape (cells,).
        """
        # Relative to what came and what was expected alike: the day a boom ends must not outweigh all others.
        size = (float(np.abs(actual).sum()) + float(np.abs(mean).sum())) / 2.0
        misses = np.abs(candidates - actual).sum(axis=1)
        error = np.abs(actual - mean)
        root, gap = np.sqrt(mean[mean > 0]), error[mean > 0]
        seen = np.array([len(root), root.sum(), np.square(root).sum(), (gap / root).sum(), gap.sum()])
        return replace(
            self,
            loss=_MEMORY * self.loss + (np.minimum(misses, _WORST * size) / size if size > 0 else 0.0),
            wrong=_MEMORY * self.wrong + float(error.sum()),
            size=_MEMORY * self.size + size,
            moments=_MEMORY * self.moments + seen,
        )

    def _scatter(self) -> tuple[float, float]:
        """Fit the two terms of the mean absolute error to past errors, each at least 0."""
        count, root, size, relative, error = self.moments.tolist()
        if not size > 0:
            return 0.0, 1.0
        gap = count * size - root * root
        a = (relative * size - error * root) / gap if gap > 1e-9 * count * size else 0.0
        if a > 0 and error > a * root:
            return a, (error - a * root) / size
        return (error / root, 0.0) if a > 0 else (0.0, error / size)
