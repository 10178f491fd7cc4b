"""Targets that saw much the same, counted together: what makes likelihood fits independent of the account's size.

A likelihood of counts sees a target only through its events and its expectation. Both are put into narrow bins, so
that a million targets become a few hundred cells with weights.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bidder.core.performance import Float64
from bidder.forecast.sums import sum_by

_EXACT = 24
"""Counts below this have a bin of their own, as far as they are whole numbers."""

_COUNT_BINS = 96
_EXPECTED_BINS = 128
_PER_LOG = 6.0
"""Bins of expectation per unit of its logarithm."""

_LEAST_LOG = -12.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Cells:
    """Groups of alike targets, arrays of shape (n_cells,).

    Attributes:
        times: Targets in the cell, at least 1.
        events: Their mean count. expected: Their mean expectation, positive. doubt: Their mean doubt.
    """

    times: Float64
    events: Float64
    expected: Float64
    doubt: Float64


def pool(events: Float64, expected: Float64, doubt: Float64 | None = None) -> Cells:
    """Put targets into cells; those without expectation say nothing and are left out."""
    told = expected > 0
    seen, due = events[told], expected[told]
    large = _EXACT + 6.0 * np.log(np.maximum(seen, _EXACT) / _EXACT)
    count_bin = np.minimum(np.where(seen < _EXACT, np.floor(seen), large), _COUNT_BINS - 1).astype(np.int64)
    logs = (np.log(due) - _LEAST_LOG) * _PER_LOG
    bins = count_bin * _EXPECTED_BINS + np.clip(logs, 0, _EXPECTED_BINS - 1).astype(np.int64)
    size = _COUNT_BINS * _EXPECTED_BINS
    times = sum_by(bins, np.ones(len(bins)), size)
    kept = np.flatnonzero(times)
    count = times[kept]

    def mean(values: Float64) -> Float64:
        return sum_by(bins, values, size)[kept] / count

    doubts = np.zeros(len(kept)) if doubt is None else mean(doubt[told])
    return Cells(times=count, events=mean(seen), expected=mean(due), doubt=doubts)
