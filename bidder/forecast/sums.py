"""Sums by group: the one operation that everything in this package is made of, typed and with missing kept missing."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bidder.core.performance import Float64

Groups = NDArray[np.int32] | NDArray[np.int64] | NDArray[np.intp]
"""Group numbers from 0."""


def sum_by(group: Groups, values: Float64, size: int) -> Float64:
    """Return the sum of ``values`` in each of ``size`` groups, shape (size,)."""
    return np.asarray(np.bincount(group, weights=values, minlength=size), dtype=np.float64)


def ratio_by(group: Groups, top: Float64, bottom: Float64, size: int) -> Float64:
    """Return the ratio of sums in each group, nan where the denominator is not positive, shape (size,)."""
    return ratio(sum_by(group, top, size), sum_by(group, bottom, size))


def ratio(top: Float64, bottom: Float64) -> Float64:
    """Return ``top / bottom``, nan where ``bottom`` is not positive."""
    out: Float64 = np.divide(top, bottom, out=np.full(np.shape(top), np.nan), where=bottom > 0)
    return out
