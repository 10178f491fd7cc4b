"""Randomness addressed by what it is for, so that two policies meet the same luck.

A uniform is a function of (seed, stream, day, row) or of a hash of its address, never of how many were drawn
before; counts come from uniforms by inversion, so they move monotonically and only with their own rate.
"""

from __future__ import annotations

from enum import IntEnum

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from adapters.mock.arrays import Floats, Ints

_NORMAL_FROM = 12.0
_MANY = 200.0
_HALF = 0.5
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2 = np.uint64(0x94D049BB133111EB)


class Stream(IntEnum):
    """What a generator is for; values are part of the seed and never change."""

    SHOP = 1
    DRIFT = 2
    TRAFFIC = 3
    ORGANIC = 4
    OVERDELIVERY = 5
    ORDER = 6
    SETTLEMENT = 7
    EVENTS = 8


def generator(seed: int, stream: Stream, counter: int = 0) -> np.random.Generator:
    """Return the generator of one stream at one counter (a day's ordinal, say)."""
    return np.random.Generator(np.random.Philox(key=[seed % 2**63, int(stream)], counter=[0, 0, counter % 2**63, 0]))


def hashed(seed: int, stream: Stream, *address: Ints | int) -> Floats:
    """Return one uniform in (0, 1) for each address; parts are broadcast against each other.

    Source: the finaliser of splitmix64 (Steele, Lea and Flood, OOPSLA 2014), chained over the parts.
    """
    with np.errstate(over="ignore"):
        state = _mix(np.asarray(seed % 2**63, dtype=np.uint64) + _GOLDEN * np.uint64(int(stream)))
        for part in address:
            state = _mix(state ^ (np.asarray(part).astype(np.uint64) * _GOLDEN + _MIX_1))
    uniform: Floats = ((state >> np.uint64(11)).astype(np.float64) + 0.5) * 2.0**-53
    return uniform


def _mix(state: NDArray[np.uint64]) -> NDArray[np.uint64]:
    state = (state ^ (state >> np.uint64(30))) * _MIX_1
    state = (state ^ (state >> np.uint64(27))) * _MIX_2
    mixed: NDArray[np.uint64] = state ^ (state >> np.uint64(31))
    return mixed


def normals(uniform: Floats) -> Floats:
    """Return standard normal quantiles."""
    quantiles: Floats = ndtri(uniform)
    return quantiles


def poisson(uniform: Floats, rate: Floats) -> Ints:
    """Return Poisson quantiles, same shape as both inputs.

    Small rates are inverted term by term; from 12 on the Cornish-Fisher expansion is used, whose mean and
    variance are the rate's.
    """
    luck, mean = uniform.ravel(), rate.ravel()
    counts = np.zeros(mean.shape, dtype=np.int64)
    large = np.flatnonzero(mean >= _NORMAL_FROM)
    if large.size:
        many, z = mean[large], ndtri(luck[large])
        counts[large] = np.maximum(np.floor(many + np.sqrt(many) * z + (z * z - 1) / 6 + 0.5), 0)
    term = np.exp(-mean)
    rows = np.flatnonzero((luck > term) & (mean < _NORMAL_FROM))
    left, mean, term = luck[rows] - term[rows], mean[rows], term[rows]
    step = 0
    while rows.size:
        step += 1
        counts[rows] = step
        term = term * mean / step
        left = left - term
        on = (left > 0) & (term > 0)
        rows, left, mean, term = rows[on], left[on], mean[on], term[on]
    return counts.reshape(rate.shape)


def binomial(uniform: Floats, trials: Ints, chance: Floats) -> Ints:
    """Return binomial quantiles of 1-D arrays, ``chance`` below 1.

    Inverted term by term from the rarer side; with 200 or more expected on that side by Cornish-Fisher.
    """
    likely = chance > _HALF
    luck, rare = np.where(likely, 1 - uniform, uniform), np.where(likely, 1 - chance, chance)
    counts = np.zeros(trials.shape, dtype=np.int64)
    many = np.flatnonzero(trials * rare >= _MANY)
    if many.size:
        mean, p, z = (trials * rare)[many], rare[many], ndtri(luck[many])
        sd = np.sqrt(mean * (1 - p))
        counts[many] = np.clip(np.floor(mean + sd * z + (1 - 2 * p) * (z * z - 1) / 6 + 0.5), 0, trials[many])
    term = np.exp(trials * np.log1p(-rare))
    rows = np.flatnonzero((luck > term) & (trials > 0) & (trials * rare < _MANY))
    left, term, odds, most = luck[rows] - term[rows], term[rows], (rare / (1 - rare))[rows], trials[rows]
    step = 0
    while rows.size:
        step += 1
        counts[rows] = step
        term = term * odds * (most - step + 1) / step
        left = left - term
        on = (left > 0) & (step < most)
        rows, left, term, odds, most = rows[on], left[on], term[on], odds[on], most[on]
    return np.where(likely, trials - counts, counts)
