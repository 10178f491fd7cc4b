"""Choices that the account's own past makes: which signals help, and how fast old evidence fades.

Every candidate forecasts weeks that are over from the days before them, and is scored by the log likelihood of what
came true. Only days whose orders can no longer change take part, and folds start on Mondays, so that a choice stands
for a week and is the same for every snapshot of that week. A candidate must win clearly: doubt means the plain model.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.special import gammaln

from bidder.core.performance import Float64, Int32, ProductSalesTable
from bidder.forecast.dispersion import clustering
from bidder.forecast.exposure import fading
from bidder.forecast.facts import TargetFacts
from bidder.forecast.hours import weekday
from bidder.forecast.layout import Codes, Layout
from bidder.forecast.shrinkage import fit_rates
from bidder.forecast.signals import SALES_DAYS, Powers, Signals, cart_rates, relative_carts, shop_rates
from bidder.forecast.sums import sum_by
from bidder.forecast.trees import boosted, covariates

CART_POWERS = (0.5, 1.0, 1.5)
SHOP_POWERS = (0.5, 1.0)
TREE_POWERS = (0.5, 1.0)
DRIFTS = (0.01, 0.02, 0.04)
"""Standard deviations by which the log of a target's rate may wander in a day."""

PLAIN = Powers()
FOLDS = 2
FOLD_DAYS = 7
LEAST_DAYS = 28
"""Days without change that must be there before a signal is chosen: two folds and two weeks to learn from. How much
orders cluster is told by their number alone."""

LEAST_ORDERS = 100
"""Orders in those days below which nothing is chosen."""

CLEAR = 2.0
"""Log likelihood by which a candidate must beat the plain model, or a simpler candidate."""

_SWEEPS = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    """What was chosen.

    Attributes:
        powers: Of the signals.
        drift: Daily standard deviation of the log of a target's rate; 0 keeps all evidence alike.
        clustering: Variance of orders over their mean that counts are tempered by, at least 1.
        gain: Log likelihood gained on the weeks that were forecast.
        orders: Orders of those weeks.
    """

    powers: Powers = PLAIN
    drift: float = 0.0
    clustering: float = 1.0
    gain: float = 0.0
    orders: float = 0.0

    def notes(self) -> list[str]:
        """Say what was chosen, for people."""
        powers, notes = self.powers, []
        if powers.carts > 0:
            notes.append(f"Carts lead orders here: power {powers.carts:g}, chosen on {self.orders:,.0f} past orders.")
        if powers.shop > 0:
            notes.append(f"Sales on all channels help to tell products apart: power {powers.shop:g}.")
        if powers.trees > 0:
            notes.append(f"Boosted trees on price, age, clicks and carts move the prior: power {powers.trees:g}.")
        if self.clustering > 1:
            notes.append(f"Orders cluster: {self.clustering:.2f} of them count as one piece of evidence.")
        if self.drift > 0:
            notes.append(f"Rates move by about {self.drift:.0%} a day: old evidence of busy targets fades.")
        return notes


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Fold:
    """One past week with what was known before it, arrays of shape (n_targets,)."""

    facts: TargetFacts
    start: int
    events: Float64
    exposure: Float64
    signals: Signals
    later_events: Float64
    later_exposure: Float64


def settled_span(today: int, first_day: int, window_days: int) -> tuple[int, int]:
    """Return first and last (not included) ordinal of the days that can no longer change, the same for a whole week.

    Both ends move once a week, on Mondays: the last day is one whole window before this week's Monday.
    """
    monday = today - int(weekday(np.array([today], dtype=np.int64))[0])
    on_sunday = first_day + monday + FOLD_DAYS - 1 - today
    return on_sunday + (monday - on_sunday) % FOLD_DAYS, monday - window_days - 1


def settled_past(
    facts: TargetFacts, sales: ProductSalesTable, *, window_days: int
) -> tuple[TargetFacts, ProductSalesTable]:
    """Return the facts and the sales of `settled_span`: what a choice may rest on.

    Sales reach back as far as a fold may look, but begin on a Monday of their own as the facts do: else the day that
    leaves the history would change the choice every night.
    """
    first, end = settled_span(facts.today, facts.first_day, window_days)
    sold_from, _ = settled_span(facts.today, int(sales.day.min(initial=first)), window_days)
    settled = facts.take((facts.day >= first) & (facts.day < end))
    return settled, sales.take((sales.day >= max(first - SALES_DAYS, sold_from)) & (sales.day < end))


def choose(
    facts: TargetFacts,
    sales: ProductSalesTable,
    layout: Layout,
    levels: list[Codes],
    *,
    fallback: float,
    unusable: Int32,
) -> Choices:
    """Choose by forecasting past weeks.

    Args:
        facts: Rows of settled days only.
        sales: Sales on all channels; days after a fold's start are not looked at.
        layout: The targets.
        levels: Groups of the hierarchy.
        fallback: Order rate where nothing was seen.
        unusable: Ordinals of days that nothing is learned from.
    """
    if not len(facts) or facts.orders.sum() < LEAST_ORDERS:
        return Choices()
    end = int(facts.day.max()) + 1
    cluster = _clustering(facts, layout, levels, fallback)
    if end - int(facts.day.min()) < LEAST_DAYS:
        return Choices(clustering=cluster)
    tempered = replace(facts, orders=facts.orders / cluster, clicks=facts.clicks / cluster)
    folds = [_fold(tempered, sales, layout, levels, end - FOLD_DAYS * (n + 1), unusable) for n in range(FOLDS)]
    plain = sum(_likelihood(fold, levels, Powers(), 0.0, fallback) for fold in folds)
    best, powers, drift = plain, Powers(), 0.0
    trials: Sequence[tuple[Powers, float]]
    for signal, candidates in (("carts", CART_POWERS), ("shop", SHOP_POWERS), ("trees", TREE_POWERS)):
        if signal == "trees":
            folds = [_with_trees(fold, layout, powers) for fold in folds]
        if all(np.all(getattr(fold.signals, signal) == 1.0) for fold in folds):
            continue
        trials = [(replace(powers, **{signal: candidate}), drift) for candidate in candidates]
        best, powers, drift = _better(folds, levels, trials, best, powers, drift, fallback)
    trials = [(powers, candidate) for candidate in DRIFTS]
    best, powers, drift = _better(folds, levels, trials, best, powers, drift, fallback)
    orders = cluster * float(sum(fold.later_events.sum() for fold in folds))
    return Choices(powers=powers, drift=drift, clustering=cluster, gain=best - plain, orders=orders)


def _clustering(facts: TargetFacts, layout: Layout, levels: list[Codes], fallback: float) -> float:
    """Return how much orders cluster around the rates that fit them."""
    events, clicks = (sum_by(facts.target, values, len(layout)) for values in (facts.orders, facts.clicks))
    shape, rate = fit_rates(events, clicks, levels, fallback=fallback, sweeps=_SWEEPS).posterior(events, clicks)
    return clustering(facts, shape / rate)


def _better(
    folds: Sequence[_Fold],
    levels: list[Codes],
    trials: Sequence[tuple[Powers, float]],
    best: float,
    powers: Powers,
    drift: float,
    fallback: float,
) -> tuple[float, Powers, float]:
    """Return the best trial where it beats what stands clearly, else what stands."""
    scored = [(sum(_likelihood(fold, levels, p, d, fallback) for fold in folds), p, d) for p, d in trials]
    top = max(scored, key=lambda one: one[0])
    return top if top[0] > best + CLEAR else (best, powers, drift)


def _fold(
    facts: TargetFacts, sales: ProductSalesTable, layout: Layout, levels: list[Codes], start: int, unusable: Int32
) -> _Fold:
    size = len(layout)
    before = facts.take(facts.day < start)
    later = facts.take((facts.day >= start) & (facts.day < start + FOLD_DAYS))
    told = np.isfinite(before.carts)
    carts, clicks = np.where(told, before.carts, 0.0), np.where(told, before.clicks, 0.0)
    cart_clicks = sum_by(before.target, clicks, size)
    rates = cart_rates(sum_by(before.target, carts, size), cart_clicks, levels)
    return _Fold(
        facts=before,
        start=start,
        events=sum_by(before.target, before.orders, size),
        exposure=sum_by(before.target, before.clicks, size),
        signals=Signals(
            carts=relative_carts(rates, cart_clicks),
            shop=shop_rates(sales, layout, until=start, unusable=unusable),
            trees=np.ones(size),
        ),
        later_events=sum_by(later.target, later.orders, size),
        later_exposure=sum_by(later.target, later.clicks, size),
    )


def _with_trees(fold: _Fold, layout: Layout, powers: Powers) -> _Fold:
    """Return the fold with what trees, grown on the days before it, add to the signals chosen so far."""
    known = covariates(fold.facts, layout, fold.signals, until=fold.start)
    grown = boosted(known, fold.events, fold.exposure * fold.signals.lift(powers), layout)
    return replace(fold, signals=replace(fold.signals, trees=grown))


def _likelihood(fold: _Fold, levels: list[Codes], powers: Powers, drift: float, fallback: float) -> float:
    """Return the log likelihood of the week's orders given its clicks, up to what does not depend on the candidate."""
    prior = fit_rates(
        fold.events, fold.exposure, levels, fallback=fallback, prior_mean=fold.signals.lift(powers), sweeps=_SWEEPS
    )
    events, exposure = fold.events, fold.exposure
    if drift > 0:
        weight = fading(fold.facts, prior.mean, drift, until=fold.start)
        events = sum_by(fold.facts.target, fold.facts.orders * weight, len(events))
        exposure = sum_by(fold.facts.target, fold.facts.clicks * weight, len(events))
    shape, rate = prior.posterior(events, exposure)
    told = fold.later_exposure > 0
    seen, form = fold.later_events[told], shape[told]
    expected = form / rate[told] * fold.later_exposure[told]
    odds = form / (form + expected)
    logs = gammaln(form + seen) - gammaln(form) + form * np.log(odds) + seen * np.log1p(-odds)
    return float(logs.sum())
