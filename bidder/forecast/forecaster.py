"""The shipped forecaster: puts the estimates of this package together into one `Forecast`.

Called once a cycle with the snapshot, and a pure function of it: what it remembers between calls are answers to
inputs it has seen, never the inputs' order. The formulas stand in docs/maths/forecast.md.
"""

from __future__ import annotations

import numpy as np

from bidder.core.calendar import ordinal
from bidder.core.performance import Float64, Int32
from bidder.core.policy import Policy
from bidder.core.prediction import Forecast
from bidder.core.snapshot import Snapshot
from bidder.forecast.baseline import normal_day
from bidder.forecast.bids import bid_steps
from bidder.forecast.budgets import daily_budgets
from bidder.forecast.check import prior_holds
from bidder.forecast.exposure import Exposure, expose
from bidder.forecast.facts import TargetFacts, covered_targets, event_days, omits_zeros, target_facts
from bidder.forecast.hours import learn_hours
from bidder.forecast.layout import Codes, Layout, lay_out
from bidder.forecast.maturity import MaturityCurve, learn_maturity, observation_phase
from bidder.forecast.presence import WINDOW_DAYS, presence
from bidder.forecast.refunds import RefundRates, refund_rates
from bidder.forecast.response import Elasticities, learn_elasticities
from bidder.forecast.shrinkage import RatePrior, fit_rates
from bidder.forecast.value import order_values, rpc_bounds

FALLBACK_CVR = 0.02
"""Orders per click of an account that shows nothing yet: middle of operator.md section 6; worth one order."""

FALLBACK_CART_RATE = 0.08
"""Carts and favourites per click of an account that shows nothing yet: middle of operator.md section 6."""


class EmpiricalBayesForecaster:
    """Hierarchical empirical Bayes on matured exposure: `bidder.ports.Forecaster` as shipped.

    Attributes:
        policy: What the operator decided.
        unconstrained: Whether a day's clicks and spend are what the target would get if no budget ran dry. Off,
            they are what past days gave under their budgets, and the caller divides by the share served, as
            `bidder.core.case` does: never both.
    """

    def __init__(self, policy: Policy, *, unconstrained: bool = False) -> None:
        self._policy = policy
        self._unconstrained = unconstrained

    def forecast(self, snapshot: Snapshot) -> Forecast:
        """Return estimates for every target of the snapshot; never raises on thin or odd history."""
        policy, history = self._policy, snapshot.history
        today = ordinal(snapshot.today)
        unusable = np.union1d(history.excluded_days, event_days(policy.events)).astype(np.int32)
        layout = lay_out(snapshot.structure)
        facts = target_facts(
            history.daily,
            layout,
            as_of=snapshot.as_of,
            time_zone=snapshot.account.time_zone,
            learn_days=policy.evidence.learn_days,
            unusable=unusable,
        )
        curve = _maturity(snapshot, facts, today=today, unusable=unusable, interval=policy.evidence.interval)
        exposure = expose(facts, len(layout), curve)
        orders = _order_prior(exposure, layout)
        shape, rate = orders.posterior(exposure.orders, exposure.clicks)
        value = order_values(layout, facts.target, facts.orders, facts.revenue_micros)
        refunds = refund_rates(
            history.products, layout, today=today, default=policy.goal.default_refund_rate, unusable=unusable
        )
        cvr = shape / rate
        aov = np.nan_to_num(value.mean_micros, nan=0.0)
        rpc_low, rpc_high = rpc_bounds(cvr * aov, shape, value.variance, policy.evidence.interval)
        closed = facts.closed()
        zeros_left_out = omits_zeros(closed)
        first_day = max(today - WINDOW_DAYS, facts.first_day)
        hours = learn_hours(
            history.hourly,
            layout,
            today=today,
            first_day=first_day,
            unusable=unusable,
            budget_micros=daily_budgets(snapshot.memory.changes, snapshot.structure, first_day=first_day, today=today),
        )
        present = presence(
            closed,
            layout,
            hours,
            history.products,
            snapshot.memory.changes,
            time_zone=snapshot.account.time_zone,
            zeros_left_out=zeros_left_out,
            unusable=unusable,
        )
        steps = bid_steps(snapshot.memory.changes, snapshot.structure, layout, today=today)
        response = learn_elasticities(closed, present, steps, layout)
        day = normal_day(closed, layout, present if self._unconstrained else present.as_served(), steps, response)
        distance, checked = orders.distance(exposure.orders, exposure.clicks)
        return Forecast(
            as_of=snapshot.as_of,
            target_ids=layout.target_ids,
            shape=shape,
            rate=rate,
            cvr=cvr,
            aov_micros=aov,
            rpc_micros=cvr * aov,
            rpc_low_micros=rpc_low,
            rpc_high_micros=rpc_high,
            refund_rate=refunds.by_target,
            clicks=exposure.clicks,
            orders=exposure.orders,
            spend_micros=exposure.spend_micros,
            daily_clicks=day.clicks,
            daily_spend_micros=day.spend_micros,
            cpc_micros=day.cpc_micros,
            click_elasticity=response.clicks,
            cpc_elasticity=response.cpc,
            cart_rate=_cart_rate(exposure, layout),
            covered=covered_targets(
                history.daily, layout, today=today, excluded=history.excluded_days, zeros_left_out=zeros_left_out
            ),
            pooled_ok=prior_holds(distance, checked),
            maturity=curve.share,
            product_refund_rate=refunds.by_product,
            notes=_notes(exposure, curve, orders, refunds, response, value.mean_micros, distance, checked),
        )


def _maturity(snapshot: Snapshot, facts: TargetFacts, *, today: int, unusable: Int32, interval: float) -> MaturityCurve:
    development = snapshot.history.development
    return learn_maturity(
        development,
        snapshot.profile.maturity,
        today=today,
        unusable=unusable,
        phase=observation_phase(facts, development.window_days),
        interval=interval,
    )


def _levels(layout: Layout) -> list[Codes]:
    """Return the groups of the hierarchy, coarsest first."""
    matches = int(layout.match.max(initial=-1)) + 1
    return [layout.category, layout.match, layout.category * matches + layout.match, layout.product, layout.ad_group]


def _order_prior(exposure: Exposure, layout: Layout) -> RatePrior:
    return fit_rates(exposure.orders, exposure.clicks, _levels(layout), fallback=FALLBACK_CVR)


def _cart_rate(exposure: Exposure, layout: Layout) -> Float64:
    """Return carts and favourites per click, shrunk; nan where the venue reports none."""
    if not exposure.cart_clicks.any():
        return np.full(len(layout), np.nan)
    prior = fit_rates(exposure.carts, exposure.cart_clicks, _levels(layout), fallback=FALLBACK_CART_RATE)
    shape, rate = prior.posterior(exposure.carts, exposure.cart_clicks)
    return shape / rate


def _notes(
    exposure: Exposure,
    curve: MaturityCurve,
    orders: RatePrior,
    refunds: RefundRates,
    response: Elasticities,
    order_value: Float64,
    distance: float,
    checked: int,
) -> tuple[str, ...]:
    """Say what the estimates rest on, for people."""
    source = f"learned from {curve.orders:,.0f} orders" if curve.orders > 0 else "the venue's default"
    notes = [
        f"Conversion: {orders.total:.2%} on {exposure.clicks.sum():,.0f} matured clicks.",
        f"Maturity: {curve.share[0]:.0%} of orders are visible on the click day, {source}.",
    ]
    if checked:
        notes.append(f"Prior check: distance {distance:.3f} on {checked} targets.")
    if response.steps:
        notes.append(f"Response: learned from {response.steps} bid steps.")
    if not exposure.clicks.any():
        notes.append("No usable click history: every target has the pooled prior.")
    if not np.isfinite(order_value).all():
        notes.append("No order and no product price is known: order values count as zero. State prices.")
    if refunds.unknown:
        notes.append(f"No refund rate is known for {len(refunds.unknown)} products. State them.")
    return tuple(notes)
