"""The shipped forecaster: puts the estimates of this package together into one `Forecast`.

Called once a cycle with the snapshot, and a pure function of it: what it remembers between calls are answers to
inputs it has seen, never the inputs' order. The formulas stand in docs/maths/forecast.md.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from bidder.core.calendar import ordinal
from bidder.core.pastbudgets import daily_budgets
from bidder.core.performance import Float64, Int32
from bidder.core.policy import Policy
from bidder.core.prediction import Forecast
from bidder.core.scorecard import JUDGED_DAYS, Scorecard
from bidder.core.snapshot import Snapshot
from bidder.forecast.baseline import NormalDay, normal_day
from bidder.forecast.bids import bid_steps
from bidder.forecast.check import before_stops, prior_holds
from bidder.forecast.choices import Choices, choose, settled_past
from bidder.forecast.exposure import Exposure, expose, fading, sure_share
from bidder.forecast.facts import TargetFacts, covered_targets, event_days, omits_zeros, target_facts
from bidder.forecast.hours import learn_hours
from bidder.forecast.layout import Codes, Layout, lay_out
from bidder.forecast.maturity import MaturityCurve, learn_maturity, observation_phase
from bidder.forecast.memo import Memo, digest
from bidder.forecast.perturbed import lot_days
from bidder.forecast.presence import WINDOW_DAYS, presence
from bidder.forecast.ramps import Ramp, event_days_near, event_ramp
from bidder.forecast.refunds import RefundRates, refund_rates
from bidder.forecast.response import Elasticities, learn_elasticities
from bidder.forecast.scorecard import keep_score
from bidder.forecast.shrinkage import RatePrior, fit_rates
from bidder.forecast.signals import Powers, Signals, cart_rates, relative_carts, shop_rates
from bidder.forecast.stops import allowed_clicks, stopped_on_evidence
from bidder.forecast.sums import sum_by
from bidder.forecast.trees import boosted, covariates
from bidder.forecast.value import order_values, rpc_bounds

FALLBACK_CVR = 0.02
"""Orders per click of an account that shows nothing yet: middle of operator.md section 6; worth one order."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Rates:
    """Order rates of all targets and what they rest on."""

    exposure: Exposure
    prior: RatePrior
    shape: Float64
    rate: Float64
    cart_rate: Float64
    distance: float
    checked: int
    choices: Choices


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Picture:
    """What every estimate starts from: the snapshot in numbers.

    Attributes:
        facts: Rows that may be learned from, the open day included. closed: Without it.
        unusable: Ordinals of days that nothing is learned from.
        groups: Fingerprint of the layout's groups.
    """

    snapshot: Snapshot
    layout: Layout
    levels: list[Codes]
    facts: TargetFacts
    closed: TargetFacts
    curve: MaturityCurve
    today: int
    unusable: Int32
    groups: bytes


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
        self._memo = Memo()

    def forecast(self, snapshot: Snapshot) -> Forecast:
        """Return estimates for every target of the snapshot; never raises on thin or odd history."""
        policy, history = self._policy, snapshot.history
        picture = self._picture(snapshot)
        layout, facts = picture.layout, picture.facts
        card = self._scorecard(picture)
        value = order_values(layout, facts.target, facts.orders, facts.revenue_micros)
        refunds = refund_rates(
            history.products,
            layout,
            today=picture.today,
            default=policy.goal.default_refund_rate,
            unusable=picture.unusable,
        )
        aov = np.nan_to_num(value.mean_micros, nan=0.0)
        rates = _widened(self._rates(picture, aov, refunds.by_target), card)
        ramp = self._ramp(picture, rates)
        cvr = rates.shape / rates.rate * ramp.conversion
        rpc_low, rpc_high = rpc_bounds(cvr * aov, rates.shape, value.variance, policy.evidence.interval)
        zeros_left_out = omits_zeros(picture.closed)
        day, response = self._traffic(picture, zeros_left_out=zeros_left_out)
        return Forecast(
            as_of=snapshot.as_of,
            target_ids=layout.target_ids,
            shape=rates.shape,
            rate=rates.rate,
            cvr=cvr,
            aov_micros=aov,
            rpc_micros=cvr * aov,
            rpc_low_micros=rpc_low,
            rpc_high_micros=rpc_high,
            refund_rate=refunds.by_target,
            clicks=rates.exposure.clicks,
            orders=rates.exposure.orders,
            spend_micros=rates.exposure.spend_micros,
            daily_clicks=day.clicks * ramp.traffic,
            daily_spend_micros=day.spend_micros * ramp.traffic,
            cpc_micros=day.cpc_micros,
            click_elasticity=response.clicks,
            cpc_elasticity=response.cpc,
            elasticity_error=response.ratio_error,
            cart_rate=rates.cart_rate,
            covered=covered_targets(
                history.daily,
                layout,
                today=picture.today,
                excluded=history.excluded_days,
                zeros_left_out=zeros_left_out,
            ),
            pooled_ok=prior_holds(rates.distance, rates.checked),
            maturity=picture.curve.share,
            product_refund_rate=refunds.by_product,
            event_conversion=ramp.conversion,
            event_traffic=ramp.traffic,
            sure=sure_share(rates.exposure),
            clustering=rates.choices.clustering,
            notes=(*_notes(rates, picture.curve, refunds, response, value.mean_micros), *ramp.notes()),
            scorecard=card,
        )

    def _scorecard(self, picture: _Picture) -> Scorecard | None:
        """Judge past forecasts by what came; the answer stands while neither changes."""
        claims, daily = picture.snapshot.memory.claims, picture.snapshot.history.daily
        if not len(claims):
            return None
        first, last = int(claims.day.min()), int(claims.day.max()) + JUDGED_DAYS
        came = daily.take((daily.day >= first) & (daily.day < last))
        campaign_of = {str(t.id): str(t.campaign_id) for t in picture.snapshot.structure.targets}
        names = (repr(claims.target_ids), repr(came.entity_ids), repr(sorted(campaign_of.items())))
        numbers = (came.entity, came.day, came.clicks, came.orders, picture.unusable)
        return self._memo.recall(
            "scorecard",
            (claims.target, claims.day, claims.cvr, claims.width, *numbers, *names, self._policy.evidence.interval),
            lambda: keep_score(
                claims,
                came,
                campaign_of,
                unusable=picture.unusable,
                interval=self._policy.evidence.interval,
            ),
        )

    def _picture(self, snapshot: Snapshot) -> _Picture:
        """Turn the snapshot into numbers; nothing that must not be learned gets past here."""
        policy, history, today = self._policy, snapshot.history, ordinal(snapshot.today)
        unusable = np.union1d(history.excluded_days, event_days(policy.events)).astype(np.int32)
        layout = lay_out(snapshot.structure)
        levels = _levels(layout)
        facts = target_facts(
            history.daily,
            layout,
            as_of=snapshot.as_of,
            time_zone=snapshot.account.time_zone,
            learn_days=policy.evidence.learn_days,
            unusable=unusable,
        )
        grown, default = history.development, snapshot.profile.maturity
        phase = observation_phase(facts, grown.window_days)
        curve = self._memo.recall(
            "maturity",
            (grown.day, grown.age, grown.orders, repr(default), grown.window_days, today, unusable, phase),
            lambda: learn_maturity(
                grown, default, today=today, unusable=unusable, phase=phase, interval=policy.evidence.interval
            ),
        )
        return _Picture(
            snapshot=snapshot,
            layout=layout,
            levels=levels,
            facts=facts,
            closed=facts.closed(),
            curve=curve,
            today=today,
            unusable=unusable,
            groups=digest((*levels, layout.product_rows())),
        )

    def _rates(self, picture: _Picture, aov_micros: Float64, refund_rate: Float64) -> _Rates:
        """Estimate order rates: the prior from days that rest for the day, the posterior from all there is."""
        layout, facts, levels, curve = picture.layout, picture.facts, picture.levels, picture.curve
        size = len(layout)
        rested = facts.take(facts.day < picture.today - 1)
        resting = expose(rested, size, curve)
        choices = self._choices(picture)
        cart_rate = self._memo.recall(
            "carts",
            (resting.carts, resting.cart_clicks, picture.groups),
            lambda: cart_rates(resting.carts, resting.cart_clicks, levels),
        )
        sales = picture.snapshot.history.products
        signals = Signals(
            carts=relative_carts(cart_rate, resting.cart_clicks),
            shop=shop_rates(sales, layout, until=picture.today - 1, unusable=picture.unusable),
            trees=np.ones(size),
        )
        if choices.powers.trees > 0:
            signals = replace(signals, trees=self._trees(picture, rested, resting, signals, choices.powers))
        lift = signals.lift(choices.powers)
        unstopped = resting
        if stopped_on_evidence(picture.snapshot.memory):
            allowed = allowed_clicks(layout, resting, aov_micros, refund_rate, self._policy)
            unstopped = expose(rested.take(before_stops(rested, rested.clicks * curve.at(rested.elapsed), allowed)),
                               size, curve)  # fmt: skip
        prior, distance, checked = self._memo.recall(
            "orders",
            (resting.orders, resting.clicks, unstopped.orders, unstopped.clicks, lift, choices.clustering,
             picture.groups),
            lambda: _order_prior(resting, unstopped, levels, lift, choices.clustering),
        )  # fmt: skip
        exposure = expose(facts, size, curve)
        events, clicks = exposure.orders, exposure.clicks
        if choices.drift > 0:
            weight = fading(facts, prior.mean, choices.drift, until=picture.today + 1)
            events = sum_by(facts.target, facts.orders * weight, size)
            clicks = sum_by(facts.target, facts.clicks * curve.at(facts.elapsed) * weight, size)
        shape, rate = prior.posterior(events / choices.clustering, clicks / choices.clustering)
        return _Rates(
            exposure=exposure,
            prior=prior,
            shape=shape,
            rate=rate,
            cart_rate=cart_rate,
            distance=distance,
            checked=checked,
            choices=choices,
        )

    def _ramp(self, picture: _Picture, rates: _Rates) -> Ramp:
        """Tell how the coming day differs from a normal one because of a sale event."""
        snapshot, events = picture.snapshot, self._policy.events
        zone = snapshot.account.time_zone
        if not event_days_near(snapshot.as_of, zone, events):
            return Ramp()
        excluded = snapshot.history.excluded_days
        all_days = target_facts(
            snapshot.history.daily,
            picture.layout,
            as_of=snapshot.as_of,
            time_zone=zone,
            learn_days=self._policy.evidence.learn_days,
            unusable=excluded,
        )
        seen, cluster = all_days.closed(), rates.choices.clustering
        return event_ramp(
            snapshot.as_of,
            zone,
            events,
            facts=replace(seen, orders=seen.orders / cluster, clicks=seen.clicks / cluster),
            curve=picture.curve,
            cvr=rates.shape / rates.rate,
            sales=snapshot.history.products,
            excluded=excluded,
        )

    def _trees(
        self, picture: _Picture, rested: TargetFacts, resting: Exposure, signals: Signals, powers: Powers
    ) -> Float64:
        """Let trees say what they expect of every target; the answer stands while what it rests on does."""
        known = covariates(rested, picture.layout, signals, until=picture.today - 1)
        expected = resting.clicks * signals.lift(powers)
        return self._memo.recall(
            "trees",
            (known, resting.orders, expected, repr(picture.layout.target_ids)),
            lambda: boosted(known, resting.orders, expected, picture.layout),
        )

    def _choices(self, picture: _Picture) -> Choices:
        """Let the account's settled past choose signals and memory; the answer stands for a week."""
        history = picture.snapshot.history
        settled, sales = settled_past(picture.facts, history.products, window_days=history.daily.window_days)
        numbers = (settled.target, settled.day, settled.impressions, settled.clicks, settled.orders, settled.carts)
        layout = picture.layout
        names = (settled.spend_micros, layout.price_micros, layout.text_length, repr(layout.target_ids))
        sold = (sales.product, sales.day, sales.units, sales.visitors, repr(sales.product_ids))
        return self._memo.recall(
            "choices",
            (*numbers, *names, *sold, picture.groups, picture.unusable),
            lambda: choose(settled, sales, layout, picture.levels, fallback=FALLBACK_CVR, unusable=picture.unusable),
        )

    def _traffic(self, picture: _Picture, *, zeros_left_out: bool) -> tuple[NormalDay, Elasticities]:
        """Estimate a normal day's traffic and how it answers to bids."""
        snapshot, layout, closed, today = picture.snapshot, picture.layout, picture.closed, picture.today
        changes, first_day = snapshot.memory.changes, max(today - WINDOW_DAYS, closed.first_day)
        hours = learn_hours(
            snapshot.history.hourly,
            layout,
            today=today,
            first_day=first_day,
            unusable=picture.unusable,
            budget_micros=daily_budgets(changes, snapshot.structure, first_day=first_day, today=today),
        )
        present = presence(
            closed,
            layout,
            hours,
            snapshot.history.products,
            changes,
            time_zone=snapshot.account.time_zone,
            zeros_left_out=zeros_left_out,
            unusable=picture.unusable,
        )
        steps = bid_steps(changes, snapshot.structure, layout, today=today)
        tests = lot_days(snapshot, layout, self._policy, today=today)
        response = learn_elasticities(closed, present, steps, layout, tests)
        shown = present if self._unconstrained else present.as_served()
        return normal_day(closed, layout, shown, steps, response), response


def _widened(rates: _Rates, card: Scorecard | None) -> _Rates:
    """Return rates in more doubt by the scorecard's factor: the mean stays, the coefficient of variation grows."""
    if card is None or card.widening <= 1:
        return rates
    return replace(rates, shape=rates.shape / card.widening**2, rate=rates.rate / card.widening**2)


def _levels(layout: Layout) -> list[Codes]:
    """Return the groups of the hierarchy, coarsest first."""
    matches = int(layout.match.max(initial=-1)) + 1
    return [layout.category, layout.match, layout.category * matches + layout.match, layout.product, layout.ad_group]


def _order_prior(
    resting: Exposure, unstopped: Exposure, levels: list[Codes], lift: Float64, cluster: float
) -> tuple[RatePrior, float, int]:
    """Fit the prior to tempered counts and check it on the counts themselves, as far as nothing could be stopped."""
    prior = fit_rates(
        resting.orders / cluster, resting.clicks / cluster, levels, fallback=FALLBACK_CVR, prior_mean=lift
    )
    return prior, *prior.distance(unstopped.orders, unstopped.clicks, cluster)


def _notes(
    rates: _Rates, curve: MaturityCurve, refunds: RefundRates, response: Elasticities, order_value: Float64
) -> tuple[str, ...]:
    """Say what the estimates rest on, for people."""
    clicks, choices = float(rates.exposure.clicks.sum()), rates.choices
    source = f"learned from {curve.orders:,.0f} orders" if curve.orders > 0 else "the venue's default"
    notes = [
        f"Conversion: {rates.prior.total:.2%} on {clicks:,.0f} matured clicks.",
        f"Maturity: {curve.share[0]:.0%} of orders are visible on the click day, {source}.",
    ]
    if rates.checked:
        notes.append(f"Prior check: distance {rates.distance:.3f} on {rates.checked} targets.")
    notes += choices.notes()
    if response.steps:
        notes.append(f"Response: learned from {response.steps} bid steps.")
    if response.tested:
        notes.append(
            f"Test moves: {response.tested} days of targets; clicks answer to bids to within"
            f" {response.click_error:.2f}, the cost per click to within {response.cpc_error:.2f}."
        )
    if not clicks > 0:
        notes.append("No usable click history: every target has the pooled prior.")
    if not np.isfinite(order_value).all():
        notes.append("No order and no product price is known: order values count as zero. State prices.")
    if refunds.unknown:
        notes.append(f"No refund rate is known for {len(refunds.unknown)} products. State them.")
    return tuple(notes)
