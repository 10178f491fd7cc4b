"""The forecaster's record of itself: what it claimed, how that came out, and what follows from a poor record.

Claims are what the store kept of past forecasts; `bidder.forecast.scorecard` compares them with what came. The rule
here is all that the record may do: widen the doubt about rates, and shorten the steps of bids.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, timedelta
from statistics import NormalDist

import numpy as np

from bidder.core.performance import Float64, Int32
from bidder.core.policy import Policy

FORECASTS = 4
"""Forecasts judged, a week apart: those of Mondays, so that the weeks foretold do not overlap."""

JUDGED_DAYS = 7
"""Days ahead that the rule judges: what a bid lives with until evidence has changed."""

LEAST_CLAIMS = 60
"""Claims of an order or more, below which intervals are not judged."""

SURE = 3.0
"""Standard errors by which a record must be off before anything follows."""

WIDEST = 2.0
"""Factor by which doubt is widened at most."""


def judged_days(today: date, window_days: int) -> tuple[date, ...]:
    """Return the Mondays whose forecasts are judged, oldest first: the week after each is older than the window."""
    settled = today - timedelta(days=window_days + JUDGED_DAYS)
    last = settled - timedelta(days=settled.weekday())
    return tuple(last - timedelta(days=7 * back) for back in reversed(range(FORECASTS)))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Claims:
    """What was forecast on past days, a row for each target and day; arrays of shape (n_rows,).

    Attributes:
        target_ids: Ids that ``target`` points into. target: int32. day: Ordinal of the marketplace day it was made on.
        cvr: Orders per click expected. width: Upper over lower bound of revenue per click, nan where not known.
    """

    target_ids: tuple[str, ...]
    target: Int32
    day: Int32
    cvr: Float64
    width: Float64

    def __len__(self) -> int:
        return len(self.target)


NO_CLAIMS = Claims(
    target_ids=(), target=np.zeros(0, np.int32), day=np.zeros(0, np.int32), cvr=np.zeros(0), width=np.zeros(0)
)
"""Nothing was forecast long enough ago."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """How claims about one campaign, or all, came out over so many days.

    Attributes:
        campaign_id: ``None`` for the whole account.
        horizon: Days from the day of the forecast on, that day included.
        claims: Targets with clicks, times forecasts. told: Those of an order or more, which intervals are judged on.
        expected, orders: Orders forecast for the clicks that came, and the orders that came.
        deviation: Standard deviation of their difference, as forecast.
        crps: Continuous ranked probability score over orders; smaller is better.
        crps_flat: The same of one rate for all, without doubt: the account's own.
        calibration: Distance of forecast from what came over deciles of the forecast, as a share.
        coverage: Share of told claims inside the interval; nan where none is told.
        interval: Mass the interval should hold.
    """

    campaign_id: str | None
    horizon: int
    claims: int
    told: int
    expected: float
    orders: float
    deviation: float
    crps: float
    crps_flat: float
    calibration: float
    coverage: float
    interval: float

    @property
    def bias(self) -> float:
        """Return by what share more was forecast than came; nan where nothing came."""
        return self.expected / self.orders - 1 if self.orders > 0 else float("nan")


@dataclass(frozen=True, slots=True, kw_only=True)
class Scorecard:
    """All scores, the whole account's first.

    Attributes:
        first_day, last_day: Ordinals of the first and last forecast that was judged.
    """

    first_day: int
    last_day: int
    scores: tuple[Score, ...]

    @property
    def judged(self) -> Score | None:
        """Return the score that the rule looks at."""
        fit = (one for one in self.scores if one.campaign_id is None and one.horizon == JUDGED_DAYS)
        return next(fit, None)

    @property
    def widening(self) -> float:
        """Return the factor on the doubt about rates, 1 where the record is good or too short to tell."""
        judged = self.judged
        return 1.0 if judged is None else max(_for_coverage(judged), _for_bias(judged))


def _for_coverage(score: Score) -> float:
    """Return by how much intervals were too narrow: normal quantile wanted over the one that was met."""
    if score.told < LEAST_CLAIMS:
        return 1.0
    error = np.sqrt(score.interval * (1 - score.interval) / score.told)
    if score.coverage >= score.interval - SURE * error:
        return 1.0
    wanted, met = (NormalDist().inv_cdf((1 + mass) / 2) for mass in (score.interval, max(score.coverage, 0.05)))
    return float(min(wanted / met, WIDEST))


def _for_bias(score: Score) -> float:
    """Return 1 and the share by which all forecasts together were off, where chance does not explain it."""
    off = abs(score.expected - score.orders)
    if score.claims < LEAST_CLAIMS or off <= SURE * score.deviation:
        return 1.0
    return float(min(1 + off / max(score.orders, score.expected, 1.0), WIDEST))


def shortened(policy: Policy, card: Scorecard | None) -> Policy:
    """Return the policy with steps of bids shorter by as much as doubt is wider."""
    if card is None or card.widening <= 1:
        return policy
    step = policy.limits.max_bid_step_ratio / card.widening
    return replace(policy, limits=replace(policy.limits, max_bid_step_ratio=step))


def figures_of(card: Scorecard | None) -> dict[str, float]:
    """Return what an operator should see of the record with every cycle; empty where there is none."""
    if card is None or card.judged is None:
        return {}
    judged = card.judged
    return {
        "forecast_widening": card.widening,
        "forecast_coverage": judged.coverage,
        "forecast_bias": judged.bias,
        "forecast_crps_of_flat": judged.crps / judged.crps_flat if judged.crps_flat > 0 else float("nan"),
    }
