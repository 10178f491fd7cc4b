"""Scores of forecasts of counts: CRPS, bias, calibration by decile, probability integral transform, coverage.

Plain functions on arrays; benchmarks use them on truth, the scorecard on what came true. A forecast is a negative
binomial: a Poisson count whose mean is Gamma of ``shape`` around ``expected``; an infinite shape is a Poisson.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import erf, nbdtrik

from bidder.core.performance import Float64
from bidder.forecast.check import negative_binomial_cdf, pit_distance
from bidder.forecast.sums import ratio, sum_by

_NORMAL_FROM = 200.0
"""Expected counts from here on are scored as normal: the sum over counts would be long and the difference nil."""

_TAIL = 1e-10
_LARGE_SHAPE = 1e9


def crps_counts(observed: Float64, shape: Float64, expected: Float64) -> Float64:
    """Return the continuous ranked probability score of every forecast, in counts; smaller is better.

    Args:
        observed: (n,) counts that came true.
        shape: (n,) Gamma shape of the doubt about the mean; infinite for none.
        expected: (n,) mean count, at least 0.

    Source: sum over k of (F(k) - 1[k >= observed])^2; Gneiting, Raftery, Strictly proper scoring rules (2007).
    """
    scores = np.zeros(len(observed))
    shape = np.minimum(shape, _LARGE_SHAPE)
    large = expected > _NORMAL_FROM
    variance = expected[large] + expected[large] ** 2 / shape[large]
    scores[large] = _crps_normal(observed[large], expected[large], variance)
    scores[~large] = _crps_summed(observed[~large], shape[~large], expected[~large])
    return scores


def _crps_summed(observed: Float64, shape: Float64, expected: Float64) -> Float64:
    """Return the score by going through the counts, for all forecasts at once, until their tails are empty."""
    scores = np.zeros(len(observed))
    rows = np.arange(len(observed))
    seen, form, mean = observed, shape, expected
    odds = mean / (form + mean)
    density = np.exp(-form * np.log1p(mean / form))
    below = density.copy()
    count = 0
    while len(rows):
        scores[rows] += (below - (seen <= count)) ** 2
        going = (below < 1.0 - _TAIL) | (seen > count)
        going &= (density > 0) | (seen > count) | (count < mean)
        density = density * (form + count) / (count + 1.0) * odds
        below = np.minimum(below + density, 1.0)
        count += 1
        rows = rows[going]
        seen, form, mean, odds, density, below = (v[going] for v in (seen, form, mean, odds, density, below))
    return scores


def _crps_normal(observed: Float64, mean: Float64, variance: Float64) -> Float64:
    deviation = np.sqrt(variance)
    z = (observed - mean) / deviation
    density = np.exp(-0.5 * z**2) / np.sqrt(2 * np.pi)
    score: Float64 = deviation * (z * erf(z / np.sqrt(2.0)) + 2.0 * density - 1.0 / np.sqrt(np.pi))
    return score


def bias(expected: Float64, observed: Float64) -> float:
    """Return how much the sum of forecasts exceeds the sum that came true, as a share; nan where nothing came true."""
    return float(ratio(np.asarray(expected.sum() - observed.sum()), np.asarray(observed.sum())))


def decile_calibration(expected: Float64, truth: Float64, weight: Float64 | None = None) -> float:
    """Return the mean distance between forecast and truth over deciles of the forecast, as a share of the truth.

    Args:
        expected: (n,) forecast rates or counts; deciles are of these.
        truth: (n,) true rates, or what came true.
        weight: (n,) exposure of each; ones where absent.
    """
    weights = np.ones(len(expected)) if weight is None else weight
    order = np.argsort(expected, kind="stable")
    passed = np.cumsum(weights[order])
    decile = np.empty(len(expected), dtype=np.int64)
    decile[order] = np.minimum((passed - 0.5 * weights[order]) / passed[-1] * 10, 9).astype(np.int64)
    forecast, came = sum_by(decile, weights * expected, 10), sum_by(decile, weights * truth, 10)
    return float(np.abs(forecast - came).sum() / came.sum())


def pit_ks(observed: Float64, shape: Float64, expected: Float64) -> float:
    """Return the Kolmogorov-Smirnov distance of the probability integral transform from uniform (not randomised)."""
    finite = np.minimum(shape, _LARGE_SHAPE)
    low = negative_binomial_cdf(observed - 1.0, finite, expected)
    return pit_distance(low, negative_binomial_cdf(observed, finite, expected))


def coverage(observed: Float64, shape: Float64, expected: Float64, interval: float) -> float:
    """Return the share of what came true inside the central interval, ends counted in part so that counts can match.

    A count at an end of the interval counts with the part of its probability that lies inside, as if randomised.
    """
    finite = np.minimum(shape, _LARGE_SHAPE)
    low = negative_binomial_cdf(observed - 1.0, finite, expected)
    high = negative_binomial_cdf(observed, finite, expected)
    start, end = 0.5 - interval / 2, 0.5 + interval / 2
    inside = np.minimum(high, end) - np.maximum(low, start)
    return float(np.mean(np.clip(inside / np.maximum(high - low, 1e-12), 0.0, 1.0)))


def count_interval(shape: Float64, expected: Float64, interval: float) -> tuple[Float64, Float64]:
    """Return the central interval of counts, whole numbers, shape (n,) each."""
    finite = np.minimum(shape, _LARGE_SHAPE)
    odds = finite / (finite + expected)
    tail = (1.0 - interval) / 2
    low = np.ceil(np.maximum(nbdtrik(tail, finite, odds), 0.0))
    return low, np.ceil(np.maximum(nbdtrik(1.0 - tail, finite, odds), 0.0))


def top_share(score: Float64, worth: Float64, spend: Float64, share: float = 0.3) -> float:
    """Return the worth found in the best-ranked share of spend, relative to ranking by the true return.

    Args:
        score: (n,) forecast return; ranks.
        worth: (n,) true revenue.
        spend: (n,) spend, positive where counted.
        share: Of all spend.
    """

    def found(rank: Float64) -> float:
        order = np.argsort(-rank, kind="stable")
        before = np.cumsum(spend[order]) - spend[order]
        part = np.clip((share * spend.sum() - before) / np.maximum(spend[order], 1e-12), 0.0, 1.0)
        return float((part * worth[order]).sum())

    return found(score) / found(np.nan_to_num(ratio(worth, spend), nan=0.0))


def wape(expected: NDArray[np.float64], observed: NDArray[np.float64]) -> float:
    """Return the sum of absolute errors over the sum of what came true; nan where that is zero."""
    return float(ratio(np.asarray(np.abs(expected - observed).sum()), np.asarray(np.abs(observed).sum())))
