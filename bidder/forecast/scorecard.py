"""Compares what was forecast with what came, once nothing can change any more. Docs: docs/maths/scorecard.md.

A claim about a target is a rate with its doubt; together with the clicks that came it foretells a number of orders.
Only days that are older than the attribution window count, so that no estimate of maturity judges itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy.special import gammaincinv

from bidder.core.layout import Rows
from bidder.core.performance import Float64, Int32, PerformanceTable
from bidder.core.scorecard import JUDGED_DAYS, Claims, Score, Scorecard
from bidder.forecast.facts import learnable
from bidder.forecast.score import coverage, crps_counts, decile_calibration
from bidder.forecast.sums import sum_by

HORIZONS = (1, 3, JUDGED_DAYS)

_SHAPES = np.geomspace(0.02, 1e6, 257)


def keep_score(
    claims: Claims,
    daily: PerformanceTable,
    campaign_of: Mapping[str, str],
    *,
    unusable: Int32,
    interval: float,
) -> Scorecard | None:
    """Return the scorecard, or ``None`` where no claim met a click.

    Args:
        claims: Past forecasts.
        daily: Facts as known now.
        campaign_of: Campaign of each target.
        unusable: Ordinals of days that nothing is learned from: they are not judged either.
        interval: Mass of the bounds that claims were made with.
    """
    if not len(claims):
        return None
    names = sorted(set(campaign_of.values()))
    number = {name: row for row, name in enumerate(names)}
    campaign = np.array([number.get(campaign_of.get(t, ""), -1) for t in claims.target_ids], dtype=np.intp)
    shape, scores = shape_of(claims.width, interval), []
    # What was said on a day of a sale event, or just before it, was said of that event (`bidder.forecast.ramps`).
    usual = learnable(claims.day, unusable) & learnable(claims.day + 1, unusable)
    for horizon in HORIZONS:
        clicks, orders = _came(claims, daily, horizon, unusable)
        told = np.flatnonzero(usual & (clicks > 0) & (claims.cvr > 0) & np.isfinite(shape))
        if not len(told):
            continue
        foretold = _Foretold(
            expected=(claims.cvr * clicks)[told],
            flat=clicks[told] * (orders[told].sum() / clicks[told].sum()),
            shape=shape[told],
            orders=orders[told],
        )
        scores.append(_score(foretold, None, horizon, interval))
        of_claim = campaign[claims.target[told]]
        for row, name in enumerate(names):
            own = np.flatnonzero(of_claim == row)
            if len(own):
                scores.append(_score(foretold.take(own), name, horizon, interval))
    if not scores:
        return None
    return Scorecard(first_day=int(claims.day.min()), last_day=int(claims.day.max()), scores=tuple(scores))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Foretold:
    """Orders foretold for the clicks that came, and those that came, (n,) each; flat is one rate for all."""

    expected: Float64
    flat: Float64
    shape: Float64
    orders: Float64

    def take(self, rows: Rows) -> _Foretold:
        """Return the chosen rows."""
        return _Foretold(
            expected=self.expected[rows], flat=self.flat[rows], shape=self.shape[rows], orders=self.orders[rows]
        )


def shape_of(width: Float64, interval: float) -> Float64:
    """Return the Gamma shape whose interval has this ratio of bounds; nan where it is not known."""
    tail = (1 - interval) / 2
    low, high = gammaincinv(_SHAPES, tail), gammaincinv(_SHAPES, 1 - tail)
    ratio = np.log(np.maximum(high, 1e-300)) - np.log(np.maximum(low, 1e-300))
    known = np.isfinite(width) & (width > 1)
    logs = np.log(np.where(known, width, 2.0))
    found = np.exp(np.interp(-logs, -ratio, np.log(_SHAPES)))
    return np.where(known, found, np.nan)


def _came(claims: Claims, daily: PerformanceTable, horizon: int, unusable: Int32) -> tuple[Float64, Float64]:
    """Return clicks and orders of every claim's target over the days it foretold, (n_claims,) each."""
    row_of = {name: row for row, name in enumerate(claims.target_ids)}
    row = np.array([row_of.get(str(name), -1) for name in daily.entity_ids], dtype=np.intp)
    target: Rows = row[daily.entity] if len(daily) else np.zeros(0, dtype=np.intp)
    size = len(claims.target_ids)
    clicks, orders = np.zeros(len(claims)), np.zeros(len(claims))
    for day in np.unique(claims.day):
        inside = (target >= 0) & (daily.day >= day) & (daily.day < day + horizon) & learnable(daily.day, unusable)
        made = claims.day == day
        for column, found in ((daily.clicks, clicks), (daily.orders, orders)):
            found[made] = sum_by(target[inside], column[inside].astype(np.float64), size)[claims.target[made]]
    return clicks, orders


def _score(foretold: _Foretold, campaign_id: str | None, horizon: int, interval: float) -> Score:
    expected, orders, shape = foretold.expected, foretold.orders, foretold.shape
    judged, total = expected >= 1, float(orders.sum())
    held = float("nan")
    if judged.any():
        held = coverage(orders[judged], shape[judged], expected[judged], interval)
    return Score(
        campaign_id=campaign_id,
        horizon=horizon,
        claims=len(expected),
        told=int(judged.sum()),
        expected=float(expected.sum()),
        orders=total,
        deviation=float(np.sqrt((expected + expected**2 / shape).sum())),
        crps=float(crps_counts(orders, shape, expected).sum()) / max(total, 1.0),
        crps_flat=float(crps_counts(orders, np.full(len(orders), np.inf), foretold.flat).sum()) / max(total, 1.0),
        calibration=decile_calibration(expected, orders) if total > 0 else float("nan"),
        coverage=held,
        interval=interval,
    )
