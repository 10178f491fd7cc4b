"""What the days of the week are worth relative to each other, as far as the past proves it.

Called by `bidder.forecast.candidates` and `bidder.forecast.given_spend` with one line of money by day. Pure.
"""

from __future__ import annotations

import numpy as np

from bidder.core.performance import Float64
from bidder.forecast.series import WEEK
from bidder.forecast.sums import Groups, ratio_by, sum_by

_HALF = WEEK // 2
_LEAST = WEEK + 2
"""Fewest days that can be compared with the week around them: every weekday once and two of them twice."""


def weekday_factors(line: Float64, weekday: Groups) -> Float64:
    """Return the factor of each weekday, geometric mean 1, shape (7,).

    Each day is taken relative to the mean of the seven days around it, on the log scale. The seven means are shrunk by
    the James-Stein share of their scatter that noise does not explain: a fortnight that only looks like a pattern
    returns ones.

    Args:
        line: Money of one series by day, shape (days,).
        weekday: Place of each day in the week, shape (days,).

    Source: docs/maths/series.md; the shrinkage is that of a one-way layout with F as the ratio of mean squares.
    """
    even = np.ones(WEEK)
    if len(line) < _LEAST + 2 * _HALF:
        return even
    around = np.convolve(line, np.full(WEEK, 1.0 / WEEK), mode="valid")
    day, place = line[_HALF : _HALF + len(around)], weekday[_HALF : _HALF + len(around)]
    told = (around > 0) & (day > 0)
    if told.sum() < _LEAST:
        return even
    log, place = np.log(day[told] / around[told]), place[told]
    times = sum_by(place, np.ones(len(log)), WEEK)
    mean = np.nan_to_num(ratio_by(place, log, np.ones(len(log)), WEEK))
    kinds = int((times > 0).sum())
    spare = len(log) - kinds
    if spare < 2 or kinds < 2:  # noqa: PLR2004  # no scatter to compare with
        return even
    within = float(np.square(log - mean[place]).sum()) / spare
    between = float((times * np.square(mean)).sum()) / (kinds - 1)
    if not between > 0:
        return even
    factor = mean * max(0.0, 1.0 - (spare + 2) / spare * within / between)
    out: Float64 = np.exp(factor - factor.mean())
    return out
