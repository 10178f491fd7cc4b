"""Bins of covariates by weighted quantiles, worked out once and at once.

scikit-learn (1.9) looks for the 254 weighted quantiles of a column one by one, each with a sort of its own: growing
the trees of `bidder.forecast.trees` then took seven parts of eight for that. Columns cut here have at most as many
values as it has bins, so that it takes them as they are and grows the same trees. Only a value asked about that falls
into a bin without a learned one may end on the other side of a split: both sides are equally good there.
"""

from __future__ import annotations

import numpy as np

from bidder.core.performance import Float64

BINS = 255
"""Bins of one column, as many as scikit-learn's histograms have for known values."""


def binned(known: Float64, asked: Float64, weight: Float64) -> tuple[Float64, Float64]:
    """Replace the values of columns that have more than `BINS` of them by the numbers of their bins.

    Args:
        known: (n, n_columns) what is learned from, nan where unknown.
        asked: (m, n_columns) the same of those that will be predicted.
        weight: (n,) of each row learned from, positive.

    Returns:
        Both again, nan where they were; other columns untouched.
    """
    known, asked = known.copy(), asked.copy()
    for column in range(known.shape[1]):
        told = np.isfinite(known[:, column])
        edges = _edges(known[told, column], weight[told])
        if edges is None:
            continue
        bins = np.searchsorted(edges, known[told, column])
        filled = np.unique(bins)
        known[told, column] = np.searchsorted(filled, bins)
        told = np.isfinite(asked[:, column])
        bins = np.searchsorted(edges, asked[told, column])
        asked[told, column] = np.minimum(np.searchsorted(filled, bins), len(filled) - 1)
    return known, asked


def _edges(values: Float64, weight: Float64) -> Float64 | None:
    """Return the inner edges of bins of equal weight, ascending; ``None`` where every value can be a bin of its own.

    An edge belongs to the bin below it. Where a share of the weight is met exactly, the edge lies half way to the
    next value: the averaged inverted distribution function of Hyndman, Fan, Sample quantiles (1996).
    """
    if len(np.unique(values)) <= BINS:
        return None
    order = np.argsort(values)
    values, passed = values[order], np.cumsum(weight[order])
    ranks = np.linspace(0, 100, BINS + 1)[1:-1] / 100 * passed[-1]
    at = np.minimum(np.searchsorted(passed, ranks), len(values) - 1)
    met = passed[at] - ranks <= np.finfo(np.float64).eps
    after = values[np.minimum(at + 1, len(values) - 1)]
    return np.unique(np.where(met, (values[at] + after) / 2, values[at]))
