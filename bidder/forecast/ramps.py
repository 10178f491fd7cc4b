"""Event ramps: how much more or less a click is worth, and how many come, in a phase of a sale event.

Event days teach nothing about normal days (`bidder.forecast.facts`), but they are bid on. Each phase starts from what
such events usually do (operator.md section 6) and moves as far as the account's own days in that phase carry it:
orders for conversion, visitors on all channels for traffic, because the ads' own clicks follow our bids and budgets.
Derivation: docs/maths/forecast.md.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from bidder.core.calendar import day_of, day_share, from_ordinal
from bidder.core.events import Phase, season_of
from bidder.core.performance import Float64, Int32, ProductSalesTable
from bidder.core.policy import SaleEvent
from bidder.forecast.facts import TargetFacts, learnable
from bidder.forecast.maturity import MaturityCurve
from bidder.forecast.sums import sum_by

NORMAL_DAYS = 28
"""Normal days of visitors that a phase's visitors are compared with."""

_DAY_SPREAD = 0.25
"""Standard deviation of the log of one day's visitors around its phase; a judgement."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Usual:
    """What a phase usually does: geometric middle of the range and standard deviation of the logarithm."""

    conversion: float
    conversion_spread: float
    traffic: float
    traffic_spread: float


# Fewer buy in the pre-heat itself (.5 to .85), but many only wait, and a bid lowered for it needs days to be back for
# the sale: on the mock's appliances .65 cost a fifth of the sale's own profit. Hence 1, moved up by orders alone.
_USUAL = {
    Phase.PREHEAT: _Usual(conversion=1.0, conversion_spread=0.15, traffic=1.28, traffic_spread=0.15),
    Phase.SALE: _Usual(conversion=2.45, conversion_spread=0.3, traffic=2.8, traffic_spread=0.3),
    Phase.AFTERMATH: _Usual(conversion=0.71, conversion_spread=0.12, traffic=1.0, traffic_spread=0.15),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Ramp:
    """The coming 24 hours against a normal day; all 1 and empty where no event is near.

    Attributes:
        conversion: Orders per click, relative. traffic: Clicks at the same bid, relative.
        event, phase: What it is, at the instant of the forecast or a day later. orders: Pieces of evidence
            it rests on besides what events usually do.
    """

    conversion: float = 1.0
    traffic: float = 1.0
    event: str = ""
    phase: str = ""
    orders: float = 0.0

    def notes(self) -> list[str]:
        """Say what is assumed, for people."""
        if not self.event:
            return []
        size = f"{self.conversion:.2f} times as many orders per click and {self.traffic:.2f} times as many clicks"
        return [f"{self.event}, {self.phase}: {size} as usual, by what events do and {self.orders:,.0f} orders."]


def event_days_near(as_of: datetime, time_zone: str, events: Sequence[SaleEvent]) -> bool:
    """Tell whether an event touches this marketplace day or the next."""
    today = day_of(as_of, time_zone)
    return any(season_of(day, events).special for day in (today, today + timedelta(days=1)))


def event_ramp(
    as_of: datetime,
    time_zone: str,
    events: Sequence[SaleEvent],
    *,
    facts: TargetFacts,
    curve: MaturityCurve,
    cvr: Float64,
    sales: ProductSalesTable,
    excluded: Int32,
) -> Ramp:
    """Return how the coming 24 hours differ from normal ones.

    A bid that is set now stands for about a day, so today counts for what is left of it and tomorrow for the rest.

    Args:
        as_of: Instant of the forecast.
        time_zone: The marketplace's.
        events: What the owner announced.
        facts: Closed rows of event days and others, orders and clicks as pieces of evidence; only those of the same
            phase are looked at.
        curve: Completion of orders on normal days.
        cvr: (n_targets,) orders per click on a normal day.
        sales: Sales on all channels.
        excluded: Ordinals of days that nothing is learned from, other than events.
    """
    today, passed = day_of(as_of, time_zone), day_share(as_of, time_zone)
    seasons = [season_of(day, events) for day in (today, today + timedelta(days=1))]
    named = next((season for season in seasons if season.special), None)
    if named is None:
        return Ramp()
    conversion = traffic = orders = 0.0
    for season, share in zip(seasons, (1.0 - passed, passed), strict=True):
        more, seen = _conversion(season.phase, events, facts, curve, cvr)
        conversion += share * more
        traffic += share * _traffic(season.phase, events, sales, excluded)
        orders += seen if season is named else 0.0
    return Ramp(conversion=conversion, traffic=traffic, event=named.event, phase=str(named.phase), orders=orders)


def _conversion(
    phase: Phase,
    events: Sequence[SaleEvent],
    facts: TargetFacts,
    curve: MaturityCurve,
    cvr: Float64,
) -> tuple[float, float]:
    """Return the relative orders per click of a phase, and the orders seen in it.

    Buyers of the pre-heat wait for the sale: its own orders come late and can only show that it is better than usual.
    """
    if phase is Phase.NORMAL:
        return 1.0, 0.0
    usual = _USUAL[phase]
    rows = facts.take(_in_phase(facts.day, phase, events))
    orders = float(rows.orders.sum())
    due = float((rows.clicks * curve.at(rows.elapsed) * cvr[rows.target]).sum())
    shape = usual.conversion_spread**-2
    posterior = (shape + orders) / (shape / usual.conversion + due)
    return (max(posterior, usual.conversion) if phase is Phase.PREHEAT else posterior), orders


def _traffic(phase: Phase, events: Sequence[SaleEvent], sales: ProductSalesTable, excluded: Int32) -> float:
    """Return the relative traffic of a phase, by visitors on all channels."""
    if phase is Phase.NORMAL:
        return 1.0
    usual = _USUAL[phase]
    told = (sales.visitors >= 0) & learnable(sales.day, excluded)
    if not told.any():
        return usual.traffic
    first = int(sales.day[told].min())
    span = int(sales.day[told].max()) + 1 - first
    visitors = sum_by(sales.day[told] - first, sales.visitors[told].astype(np.float64), span)
    days = (first + np.arange(len(visitors))).astype(np.int32)
    alike = _in_phase(days, phase, events) & (visitors > 0)
    normal = (_in_phase(days, Phase.NORMAL, events) & (visitors > 0)).nonzero()[0][-NORMAL_DAYS:]
    if not alike.any() or not len(normal):
        return usual.traffic
    seen = np.log(visitors[alike] / visitors[normal].mean())
    trust, doubt = usual.traffic_spread**-2, _DAY_SPREAD**-2
    return math.exp((trust * math.log(usual.traffic) + doubt * float(seen.sum())) / (trust + doubt * len(seen)))


def _in_phase(day: Int32, phase: Phase, events: Sequence[SaleEvent]) -> NDArray[np.bool_]:
    """Tell which days stand in a phase; shape of ``day``."""
    distinct, where = np.unique(day, return_inverse=True)
    found = np.array([season_of(from_ordinal(int(one)), events).phase is phase for one in distinct], dtype=np.bool_)
    return found[where] if len(found) else np.zeros(len(day), dtype=np.bool_)
