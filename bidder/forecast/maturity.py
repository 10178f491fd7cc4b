"""Completion of gross orders: which share of a click day's final orders can be seen how long after it.

Pooled chain ladder over report revisions, shrunk towards the venue's default curve. Everything that divides orders
by clicks uses it to mature the *clicks* (exposure), never to inflate orders. Derivation: docs/maths/maturity.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit, ndtri

from bidder.core.performance import Development, Float64, Int32
from bidder.forecast.facts import TargetFacts, learnable

PRIOR_ORDERS = 25.0
"""Orders that the venue's default curve is worth: published curves of one category differ by about a tenth, which
is the standard error of a share estimated from 25 orders."""

SAME_DAY_START = 0.5
"""Share of the same-day completion that clicks have at the first instant: half of those orders are taken to come
with the click, the rest evenly over the day. Matters for the open day only."""

_WHOLE_DAY = 0.9
"""Ages observed earlier in the day than this miss clicks of the open day: its orders then also grow with clicks."""

_STEPS = 16
"""Steps a day of the lookup table; finer than any report arrives."""

_SURE_INTERVAL = 0.9
"""Interval whose lower bound is missed with a chance of 5%, as often as a pause may be wrong."""

_ROUNDS = 3
"""Passes that fill gaps between observations with the curve found so far."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MaturityCurve:
    """Completion by age, arrays of shape (n_ages,): age 0, 1, 2 ... window days.

    Attributes:
        share: Share of the final gross orders visible, non-decreasing, within (0, 1], 1 at the window.
        low, high: Bounds of ``share``.
        sure: Share that completion falls short of with a chance of 5%: what a verdict against a target may rest on.
        phase: Part of the day after which an age was usually observed: ``share[k]`` holds ``k + phase`` days after
            the click day began, ``share[0]`` at its end.
        orders: Orders the curve was learned from beside the default.
    """

    share: Float64
    low: Float64
    high: Float64
    sure: Float64
    phase: float
    orders: float

    def at(self, elapsed: Float64) -> Float64:
        """Return the completion for observations ``elapsed`` days (at least 0, any shape) after the click day began."""
        return _looked_up(self._table(self.share), elapsed)

    def surely_at(self, elapsed: Float64) -> Float64:
        """Return the completion that is sure for observations ``elapsed`` days after the click day began."""
        return _looked_up(self._table(self.sure), elapsed)

    def _table(self, share: Float64) -> Float64:
        elapsed = (np.arange(_STEPS * (len(self.share) + 1) + 1) + 0.5) / _STEPS
        knots = np.concatenate(([1.0], np.arange(1, len(self.share)) + self.phase))
        table = np.interp(elapsed, np.maximum.accumulate(knots), share)
        early = elapsed < 1.0
        table[early] = share[0] * (SAME_DAY_START + (1 - SAME_DAY_START) * elapsed[early])
        return table


def _looked_up(table: Float64, elapsed: Float64) -> Float64:
    share: Float64 = table[np.minimum((elapsed * _STEPS).astype(np.int64), len(table) - 1)]
    return share


def default_shares(curve: Sequence[float], window_days: int) -> Float64:
    """Cut a venue's default curve to an attribution window: orders after the window do not count at all.

    Returns:
        Completion at ages 0 to ``window_days``, shape (window_days + 1,), 1 at the end.
    """
    ages = np.minimum(np.arange(window_days + 1), len(curve) - 1)
    shares = np.asarray(curve, dtype=np.float64)[ages]
    whole: Float64 = shares / shares[-1]
    whole[-1] = 1.0
    return whole


def learn_maturity(
    development: Development,
    default: Sequence[float],
    *,
    today: int,
    unusable: Int32,
    phase: float = 1.0,
    interval: float = 0.8,
) -> MaturityCurve:
    """Learn the completion curve from how reports of past click days grew.

    With reverse hazards ``h_j``, the share of the orders visible at age j that came during age j, completion is
    ``F_k = prod_{j > k} (1 - h_j)``; each ``h_j`` is a ratio of pooled sums (chain ladder) with a Beta prior from
    the default curve worth `PRIOR_ORDERS`. Counts are tempered by their overdispersion between click days.

    Args:
        development: Orders visible by click day and age; later ages than the window are left out.
        default: The venue's curve for ages 0, 1, 2 ...
        today: Ordinal of the present day; observations of today are not final for their age and left out.
        unusable: Ordinals of click days that nothing is learned from.
        phase: Part of the day at which ages were usually observed, (0, 1].
        interval: Probability mass of the bounds.

    Source: Mack, Distribution-free calculation of the standard error of chain ladder reserve estimates (1993).
    """
    window = development.window_days
    prior = default_shares(default, window)
    triangle = _triangle(development, today=today, unusable=unusable, first_age=0 if phase >= _WHOLE_DAY else 1)
    prior_hazard = np.zeros(window + 1)
    prior_hazard[1:] = np.diff(prior) / prior[1:]
    hazard, shares = prior_hazard, prior
    risk = np.zeros(window + 1)
    dispersion = 1.0
    for _ in range(_ROUNDS if len(triangle) else 0):
        filled = _fill(triangle, shares)
        seen, grown = filled[:, 1:], np.diff(filled, axis=1)
        pairs = np.isfinite(grown)
        risk[1:] = np.where(pairs, seen, 0.0).sum(axis=0)
        new = np.where(pairs, grown, 0.0).sum(axis=0)
        dispersion = _dispersion(seen, grown, pairs, hazard[1:])
        evidence = risk[1:] / dispersion + PRIOR_ORDERS
        hazard = np.zeros(window + 1)
        hazard[1:] = np.clip((new / dispersion + PRIOR_ORDERS * prior_hazard[1:]) / evidence, 0.0, 0.999)
        shares = _completion(hazard)
    weight = risk / dispersion + PRIOR_ORDERS
    low, high = _bounds(hazard, shares, weight, interval)
    sure, _ = _bounds(hazard, shares, weight, _SURE_INTERVAL)
    return MaturityCurve(share=shares, low=low, high=high, sure=sure, phase=phase, orders=float(risk.max(initial=0.0)))


def observation_phase(facts: TargetFacts, window_days: int) -> float:
    """Return the part of the day at which past days were usually observed last, in (0, 1]; 1 where nothing tells.

    Rows whose last observation fell on an earlier day than today, within their window, tell when reports came in.
    """
    age = np.floor(facts.elapsed)
    told = (age >= 1) & (age <= window_days + 1) & (facts.day + age < facts.today)
    if not told.any():
        return 1.0
    return float(max(np.quantile(facts.elapsed[told] - age[told], 0.9), 1.0 / _STEPS))


def _triangle(development: Development, *, today: int, unusable: Int32, first_age: int) -> Float64:
    """Return orders by click day (rows) and age (columns 0 to window), nan where not observed."""
    usable = learnable(development.day, unusable) & (development.day + development.age < today)
    usable &= (development.age >= first_age) & (development.age <= development.window_days)
    day, age, orders = (values[usable] for values in (development.day, development.age, development.orders))
    days, row = np.unique(day, return_inverse=True)
    triangle = np.full((len(days), development.window_days + 1), np.nan)
    triangle[row, age] = orders
    return triangle


def _fill(triangle: Float64, shares: Float64) -> Float64:
    """Fill ages between two observations of a day in the proportion in which the curve grows."""
    filled = triangle.copy()
    observed = np.isfinite(triangle)
    for row in np.flatnonzero(observed.sum(axis=1) > 1):
        ages = np.flatnonzero(observed[row])
        if ages[-1] - ages[0] + 1 > len(ages):
            inside = np.arange(ages[0], ages[-1] + 1)
            filled[row, inside] = np.interp(
                shares[inside] + 1e-12 * inside, shares[ages] + 1e-12 * ages, triangle[row, ages]
            )
    return filled


def _dispersion(seen: Float64, grown: Float64, pairs: NDArray[np.bool_], hazard: Float64) -> float:
    """Return how much more the growth varies between click days than binomial, at least 1."""
    expected = seen * hazard
    variance = expected * (1 - hazard)
    told = pairs & (variance > 0)
    if told.sum() <= len(hazard) + 1:
        return 1.0
    squares = (grown[told] - expected[told]) ** 2 / variance[told]
    return float(max(1.0, squares.sum() / (told.sum() - len(hazard))))


def _completion(hazard: Float64) -> Float64:
    """Return ``F_k``, the product of ``1 - h_j`` over all later ages j."""
    kept = np.append(1.0 - hazard[1:], 1.0)
    return np.cumprod(kept[::-1])[::-1]


def _bounds(hazard: Float64, shares: Float64, evidence: Float64, interval: float) -> tuple[Float64, Float64]:
    """Return bounds of completion by the delta method on the logit scale."""
    relative = hazard / (1 - hazard) / evidence
    variance = np.append(np.cumsum(relative[:0:-1])[::-1], 0.0)
    inside = np.clip(shares, 1e-9, 1 - 1e-9)
    spread = float(ndtri(0.5 + interval / 2)) * np.sqrt(variance) / (1 - inside)
    low, high = expit(logit(inside) - spread), expit(logit(inside) + spread)
    settled = (shares >= 1.0) | (variance == 0.0)
    return np.where(settled, shares, low), np.where(settled, shares, high)
