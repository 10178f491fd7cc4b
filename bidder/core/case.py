"""Everything one decision looks at, put together once: snapshot, forecast, policy and what follows from them.

Built by `bidder.core.decide`, read by its parts. Nothing here decides.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from bidder.core.calendar import day_start, ordinal
from bidder.core.demand import DayShape, HourFacts, day_shape, hour_facts
from bidder.core.economics import Economics, economics
from bidder.core.events import Season, season_of
from bidder.core.factors import HourFactors, hour_factors
from bidder.core.layout import Flags, Layout
from bidder.core.moves import Moves
from bidder.core.pastbudgets import daily_budgets
from bidder.core.performance import Float64
from bidder.core.policy import Policy
from bidder.core.prediction import Forecast
from bidder.core.response import CLICK_ELASTICITY, Response, respond
from bidder.core.snapshot import Snapshot
from bidder.core.today import Today

_ABSURD_CVR = 1e3
_ABSURD_MICROS = 1e15
"""A thousand million units for one click or order: no estimate, whatever the currency."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Case:
    """One account's decision at one instant; target arrays in the row order of the structure.

    Attributes:
        usable: The forecast of the target is finite and sane.
        value_micros: Contribution per click at the posterior mean, float micros; 0 where unknown or negative.
        factors: Hour factors on the base bid, those that stand and how far pacing lowers them.
        effective: Mean standing factor on the base bid, by campaign; peak likewise the largest.
        response: How clicks and cost answer to bids.
        daily_clicks, daily_spend_micros: Expected per day at the present bid without running out of budget.
        today: The open day so far.
        hour_orders: Orders that the hour profile rests on.
    """

    snapshot: Snapshot
    forecast: Forecast
    policy: Policy
    layout: Layout
    economics: Economics
    season: Season
    moves: Moves
    shape: DayShape
    usable: Flags
    value_micros: Float64
    factors: HourFactors
    effective: Float64
    peak: Float64
    response: Response
    daily_clicks: Float64
    daily_spend_micros: Float64
    today: Today
    hour_orders: float

    @property
    def now(self) -> datetime:
        """The instant decided for, UTC."""
        return self.snapshot.as_of

    @property
    def currency(self) -> str:
        """Of every amount."""
        return self.snapshot.account.currency

    @classmethod
    def of(cls, snapshot: Snapshot, forecast: Forecast, policy: Policy) -> Case:
        """Work out what every part of the decision needs."""
        zone_name = snapshot.account.time_zone
        layout = Layout.of(snapshot.structure, policy.protect)
        money = economics(layout, forecast, policy.goal)
        usable = sane(forecast)
        hours, factors, shape = _hours_of(snapshot, layout)
        effective, peak = _mean_and_peak(factors, shape)
        served = shape.served[layout.campaign] if layout.n_targets else np.ones(0)
        rpc = np.where(usable, forecast.rpc_micros, 0.0)
        worth = np.where(usable & money.known, rpc * money.contribution * money.caused, 0.0)
        response = respond(
            bid_micros=np.maximum(layout.bid_micros, 0) * effective[layout.campaign],
            cpc_micros=forecast.cpc_micros,
            spend_micros=np.where(usable & layout.alive, forecast.daily_spend_micros, 0.0),
            click_elasticity=forecast.click_elasticity,
            cpc_elasticity=forecast.cpc_elasticity,
            elasticity_error=forecast.elasticity_error,
            known=usable,
        )
        clicks = np.where(usable, forecast.daily_clicks, 0.0) / served
        spend = np.where(usable, forecast.daily_spend_micros, 0.0) / served
        running = np.where(layout.alive, spend, 0.0)
        rate = layout.by_campaign(running)
        return cls(
            snapshot=snapshot,
            forecast=forecast,
            policy=policy,
            layout=layout,
            economics=money,
            season=season_of(snapshot.today, policy.events),
            moves=Moves.of(
                snapshot.memory,
                day_start=day_start(snapshot.today, zone_name),
                since=snapshot.as_of - max(snapshot.profile.bid_cooldown, timedelta(days=8)),
            ),
            shape=shape,
            usable=usable,
            value_micros=np.maximum(worth, 0.0),
            factors=factors,
            effective=effective,
            peak=peak,
            response=response,
            daily_clicks=clicks,
            daily_spend_micros=spend,
            today=Today.of(
                snapshot,
                layout,
                hours,
                factors,
                share=shape.week[snapshot.today.weekday()],
                rate_micros=rate,
                clicks=layout.by_campaign(np.where(layout.alive, clicks, 0.0)),
                steepness=layout.by_campaign(running * response.spend_elasticity),
            ),
            hour_orders=float(np.sum(hours.orders)),
        )


def _hours_of(snapshot: Snapshot, layout: Layout) -> tuple[HourFacts, HourFactors, DayShape]:
    """Read hourly facts, the hour factors in force over their days, and what both tell of a day's shape."""
    today = ordinal(snapshot.today)
    hours = hour_facts(snapshot.history.hourly, layout, today)
    factors = hour_factors(
        layout.structure.campaigns,
        snapshot.memory.changes,
        time_zone=snapshot.account.time_zone,
        first_day=hours.first_day,
        n_days=hours.clicks.shape[1] + 1,
    )
    budgets = daily_budgets(snapshot.memory.changes, layout.structure, first_day=hours.first_day, today=today)
    return hours, factors, day_shape(hours, factors.past[:, :-1] ** CLICK_ELASTICITY, budgets)


def sane(forecast: Forecast) -> Flags:
    """Tell which targets' forecasts are finite, not negative and not absurd."""
    good = np.ones(len(forecast.target_ids), dtype=bool)
    for column in (
        forecast.cvr,
        forecast.rpc_micros,
        forecast.aov_micros,
        forecast.daily_clicks,
        forecast.daily_spend_micros,
        forecast.clicks,
        forecast.orders,
        forecast.spend_micros,
    ):
        good &= np.isfinite(column) & (column >= 0) & (column < _ABSURD_MICROS)
    good &= np.isfinite(forecast.shape) & (forecast.shape > 0) & np.isfinite(forecast.rate) & (forecast.rate > 0)
    good &= ~(forecast.cpc_micros < 0) & ~(forecast.cpc_micros >= _ABSURD_MICROS) & (forecast.cvr <= _ABSURD_CVR)
    return good


def _mean_and_peak(factors: HourFactors, shape: DayShape) -> tuple[Float64, Float64]:
    """Return mean (by demand) and largest standing hour factor of each campaign."""
    mean = np.maximum(np.mean(factors.standing @ shape.share, axis=1), 1e-3)
    peak = np.maximum(factors.standing.max(axis=(1, 2), initial=0.0), 1e-3)
    return mean, peak
