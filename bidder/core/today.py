"""The open day so far: what it has cost, what runs ahead of the reports, and how today differs from what was expected.

Built once a cycle by `bidder.core.case`; budgets and pacing read it. Arrays have shape (n_campaigns,) unless said.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta

import numpy as np

from bidder.core.calendar import day_of, day_share
from bidder.core.demand import HOURS, HourFacts, elapsed, hours_left
from bidder.core.factors import HourFactors
from bidder.core.layout import NONE, Flags, Layout
from bidder.core.pacing import day_level, level_error
from bidder.core.performance import Float64
from bidder.core.snapshot import Snapshot

ELASTICITY = 1.5
"""d log spend / d log bid where nothing is known of a campaign's."""
_ELASTICITIES = (0.5, 3.0)
_LONGEST_LAG = timedelta(hours=6)
"""Reports that come later than this say nothing of a day in time to act on it."""
_SPENT = 0.95
"""Share of the budget from which silence means that the budget is gone, not that nobody searches."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Today:
    """The open marketplace day.

    Attributes:
        share: Share of the day's demand by marketplace hour, shape (24,): the spend plan.
        hour: Now, 0 to 24. seen: Hour up to which spend is reported.
        told: Spend of the open day is reported in time to act on it, or is nothing yet.
        spent_micros: Reported, 0 where not told.
        level: Demand of today over what was expected, 1 while the day has not shown.
        error: Relative standard error of the level.
        elasticity: d log spend / d log bid.
        click_micros: Cost of one click, at least 1.
    """

    share: Float64
    hour: float
    seen: float
    told: bool
    spent_micros: Float64
    level: Float64
    error: Float64
    elasticity: Float64
    click_micros: Float64

    @property
    def elapsed(self) -> float:
        """Return the share of the day's demand that has come."""
        return elapsed(self.share, self.hour)

    @property
    def unseen(self) -> float:
        """Return the share of the day's demand that has come and is not reported yet."""
        return elapsed(self.share, self.hour) - elapsed(self.share, self.seen)

    @property
    def ahead(self) -> Float64:
        """Return the share of the day's demand still to come by hour, shape (24,)."""
        return hours_left(self.share, self.hour)

    @property
    def peak(self) -> int:
        """Return the busiest hour of the day."""
        return int(np.argmax(self.share))

    @classmethod
    def of(
        cls,
        snapshot: Snapshot,
        layout: Layout,
        facts: HourFacts,
        factors: HourFactors,
        *,
        share: Float64,
        rate_micros: Float64,
        clicks: Float64,
        steepness: Float64,
    ) -> Today:
        """Read the open day.

        Args:
            snapshot: At one instant.
            layout: The account.
            facts: With the open day's hours.
            factors: Pacing of the open day's hours is the last day of ``past``.
            share: Spend plan of today's weekday, shape (24,).
            rate_micros: What a whole day was expected to cost without pacing and without running dry.
            clicks: Clicks of it.
            steepness: d log spend / d log bid of each target times its spend, summed.
        """
        zone = snapshot.account.time_zone
        lag = snapshot.as_of - snapshot.profile.report_lag
        seen = HOURS * day_share(lag, zone) if day_of(lag, zone) == snapshot.today else 0.0
        spent, told = _spent(layout, snapshot.memory.day_spend_micros, seen)
        told = told and snapshot.profile.report_lag <= _LONGEST_LAG
        with np.errstate(divide="ignore", invalid="ignore"):
            click = np.where(clicks > 0, rate_micros / clicks, 1.0)
            steep = np.clip(np.where(rate_micros > 0, steepness / rate_micros, ELASTICITY), *_ELASTICITIES)
        made = cls(
            share=share,
            hour=HOURS * day_share(snapshot.as_of, zone),
            seen=seen,
            told=told,
            spent_micros=spent,
            level=np.ones(layout.n_campaigns),
            error=np.full(layout.n_campaigns, level_error(np.zeros(0), 0.0, 1.0)),
            elasticity=steep,
            click_micros=np.maximum(click, 1.0),
        )
        return made if not told or seen <= 0 else _levelled(made, layout, facts, factors, rate_micros)


def _spent(layout: Layout, told: Mapping[str, int], seen: float) -> tuple[Float64, bool]:
    """Return reported spend by campaign, and whether the day is reported at all; one not named has spent nothing."""
    spent = np.array([float(told.get(c.id, 0)) for c in layout.structure.campaigns], dtype=np.float64)
    return np.maximum(spent, 0.0), bool(told) or seen <= 0


def _levelled(today: Today, layout: Layout, facts: HourFacts, factors: HourFactors, rate_micros: Float64) -> Today:
    """Compare what the day's reported periods cost with what they were expected to."""
    whole = int(today.seen)
    hourly = facts.open_spend_micros[:, :whole]
    paced = factors.past[:, -1, :whole] ** today.elasticity[:, None]
    gone = _budget_gone(today, layout)
    level, error = np.ones(layout.n_campaigns), today.error.copy()
    by_hour = whole > 0 and bool(np.any(hourly > 0))
    for row in np.flatnonzero(rate_micros > 0).tolist():
        if by_hour:
            spend, share = hourly[row] / np.maximum(paced[row], 1e-6), today.share[:whole]
            if gone[row]:
                last = int(np.flatnonzero(hourly[row] > 0).max(initial=-1)) + 1
                spend, share = spend[:last], share[:last]
        else:
            came = elapsed(today.share, today.seen)
            bid = float(np.average(factors.past[row, -1], weights=today.share - hours_left(today.share, today.seen)))
            spend = np.array([today.spent_micros[row] / max(bid ** today.elasticity[row], 1e-6)])
            share = np.array([came])
        rate, click = float(rate_micros[row]), float(today.click_micros[row])
        level[row], error[row] = day_level(spend, share, rate, click), level_error(share, rate, click)
        if gone[row] and not by_hour:
            level[row] = max(level[row], 1.0)
    return replace(today, level=level, error=error)


def _budget_gone(today: Today, layout: Layout) -> Flags:
    """Tell which campaigns' budgets are spent as far as reported."""
    spent = layout.by_lever(today.spent_micros)
    budget = layout.lever_budgets()
    gone: Flags = ((budget != NONE) & (spent >= _SPENT * budget))[layout.lever]
    return gone
