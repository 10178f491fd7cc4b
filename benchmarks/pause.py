"""Pause benchmark: how often targets that earn are paused, and how soon those that do not, by the rules as shipped.

Streams at fixed bids with a planted ROAS run through the daemon's own functions look by look: maturity learned from
their reports, order value and prior from the population, evidence and verdict from `bidder.core.pausing`. Beside it the
common rule stops below break-even after 30 clicks. Run: ``python -m benchmarks.pause``.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from benchmarks.harness import Figure, Goal, run
from benchmarks.order_streams import AOV, FIRST_DAY, WINDOW, StreamPlan, Streams, draw_streams
from bidder.core.entities import TargetId
from bidder.core.pausing import Evidence, should_pause, weigh_forecast
from bidder.core.performance import Float64
from bidder.core.policy import EvidencePolicy
from bidder.core.prediction import Forecast
from bidder.evaluate.simulate import Match
from bidder.evaluate.simulate import run as run_match
from bidder.evaluate.waste import waste_avoided, waste_micros
from bidder.forecast.check import before_stops, prior_holds
from bidder.forecast.choices import LEAST_ORDERS
from bidder.forecast.dispersion import clustering
from bidder.forecast.facts import TargetFacts
from bidder.forecast.forecaster import FALLBACK_CVR
from bidder.forecast.maturity import learn_maturity
from bidder.forecast.shrinkage import RatePrior, fit_rates
from bidder.forecast.sums import sum_by
from bidder.forecast.value import PRIOR_ORDERS

SEED = 1
TARGETS, PORTFOLIO = 3_000, 20_000
PLANTED, FLOORS, HORIZONS = (0.5, 1.0, 1.5), (2.0, 4.0, 8.0), (8, 40, 160)
HORIZON_ORDER_VALUES = 150
"""Order values of spend for which targets at a planted ROAS are followed."""

DAILY = 0.6
"""Floor-orders a day of the streams with delay: a sparse account, in which most of the evidence has matured."""

MARKET = Match(preset="apparel", days=30, seeds=(1, 2), policies=("bidder", "hands-off", "oracle"), scale=0.5,
               every=timedelta(hours=3))  # fmt: skip

GOALS = (
    Goal(figure="false_pauses_at_floor_cautious", at_most=0.05),
    Goal(figure="spend_to_pause_half_floor_cautious", at_most=26.0),
    *(Goal(figure=f"portfolio_{horizon}_fdr", at_most=0.06) for horizon in HORIZONS),
    Goal(figure="market_waste_avoided", at_least=0.6),
    Goal(figure="market_targets_paused", at_least=1),
)

RULES = EvidencePolicy()
DAYS = RULES.learn_days
HISTORY = 30
"""Days that an account with history has been seen before the first verdict."""
STATED_MATURITY = (0.65, 0.75, 0.82, 0.87, 0.91, 0.94, 0.96, 1.0)
"""What the venue says of its orders; it is wrong, as venues are."""
Rows = NDArray[np.intp]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Followed:
    """What a rule did with every target of a stream, arrays of shape (n_targets,).

    Attributes:
        paused: It was paused within the days.
        spent: Floor-orders spent until then, or in all.
        good: It earned break-even at that moment; of the whole time where it was not paused.
        trusted: Share of looks at which the prior passed its check.
    """

    paused: NDArray[np.bool_]
    spent: Float64
    good: NDArray[np.bool_]
    trusted: float = 1.0


@dataclass(slots=True, kw_only=True)
class _Books:
    """What the daemon remembers of every target: nothing of clicks after a pause, late orders of clicks before it.

    Attributes:
        clicks: Clicks by day, (n_targets, n_days), 0 after a pause. seen: Their orders that have come in, likewise.
        orders, revenue_micros: Orders of the days remembered that have come in, and what they were worth.
        matured: Matured clicks of those days. sure: Share of them that is sure.
        curve: Share of orders that can be seen at ages 0, 1, 2 ...
    """

    clicks: Float64
    seen: Float64
    orders: Float64
    revenue_micros: Float64
    matured: Float64
    sure: Float64
    curve: Float64


def follow(streams: Streams, *, cautious: bool | None, rules: EvidencePolicy = RULES, first_look: int = 0) -> Followed:
    """Look at every target each night as the daemon would, and stop those that it would pause.

    Args:
        streams: What came in.
        cautious: Whether every target is cautious; ``None`` asks the prior check, as shipped.
        rules: The policy.
        first_look: Night of the first verdict; the days before are the history an account is connected with.
    """
    size, days = streams.clicks.shape
    running, stopped = np.arange(size), np.full(size, days)
    zero = np.zeros((size, days))
    books = _Books(clicks=zero, seen=zero.copy(), orders=zero[:, 0].copy(), revenue_micros=zero[:, 0].copy(),
                   matured=zero[:, 0].copy(), sure=np.ones(size), curve=np.ones(days))  # fmt: skip
    cluster, trusted = 1.0, 0
    for day in range(days):
        first = max(day + 1 - rules.learn_days, 0)
        _see_day(books, streams, running, stopped, day, first)
        if day < first_look:
            continue
        if day % 7 == 0 or day == first_look:
            cluster = _clustering(books, day, first)
        prior, holds = (None, True) if cautious else _prior(books, streams, cluster, day, first, rules)
        evidence = _evidence(streams, books, running, prior, cluster)
        trusted += holds
        careful = cautious if cautious is not None else not holds
        verdict = should_pause(evidence, rules, cautious=np.full(len(running), careful))
        stopped[running[verdict]] = day
        running = running[~verdict]
    return _followed(streams, stopped, trusted / (days - first_look))


def _see_day(books: _Books, streams: Streams, running: Rows, stopped: Rows, day: int, first: int) -> None:
    """Read the night's report and forget the day that is too old; maturity is learned from reports so far."""
    came = streams.came_on(day)
    target, clicked, worth = streams.target[came], streams.day[came], streams.value_micros[came]
    told = (clicked <= stopped[target]) & (clicked >= first)
    target, clicked, worth = target[told], clicked[told], worth[told]
    np.add.at(books.seen, (target, clicked), 1.0)
    np.add.at(books.orders, target, 1.0)
    np.add.at(books.revenue_micros, target, worth)
    books.clicks[running, day] = streams.clicks[running, day]
    if first:
        books.revenue_micros *= 1.0 - books.seen[:, first - 1] / np.maximum(books.orders, 1.0)
        books.orders -= books.seen[:, first - 1]
    if not streams.plan.delayed:
        books.matured += books.clicks[:, day] - (books.clicks[:, first - 1] if first else 0.0)
        return
    curve = learn_maturity(
        streams.development, STATED_MATURITY, today=FIRST_DAY + day + 1, unusable=np.zeros(0, dtype=np.int32)
    )
    books.curve = curve.at(np.arange(1.0, len(books.curve) + 1))
    known = books.clicks[:, first : day + 1]
    books.matured = known @ books.curve[day - first :: -1]
    surely = known @ curve.surely_at(np.arange(day - first + 1.0, 0.0, -1.0))
    books.sure = np.divide(surely, books.matured, out=np.ones(len(surely)), where=books.matured > 0)


def _followed(streams: Streams, stopped: Rows, trusted: float) -> Followed:
    size, days = streams.clicks.shape
    paused = stopped < days
    spent = np.cumsum(streams.clicks, axis=1)[np.arange(size), np.minimum(stopped, days - 1)] / streams.plan.clicks
    now = streams.ratio[np.arange(size), np.minimum(stopped, days - 1)]
    return Followed(
        paused=paused, spent=spent, good=np.where(paused, now, streams.ratio.mean(axis=1)) >= 1.0, trusted=trusted
    )


def _prior(
    books: _Books, streams: Streams, cluster: float, day: int, first: int, rules: EvidencePolicy
) -> tuple[RatePrior, bool]:
    """Fit the prior to the population as the forecaster does; tell whether it passes its check."""
    prior = fit_rates(books.orders / cluster, books.matured / cluster, [], fallback=FALLBACK_CVR)
    facts = _facts(books, slice(first, day + 1), day)
    matured = facts.clicks * books.curve[FIRST_DAY + day - facts.day]
    allowed = np.full(len(books.orders), rules.pause_floor_orders * streams.plan.clicks)
    early = before_stops(facts, matured, allowed)
    size = len(books.orders)
    events = sum_by(facts.target[early], facts.orders[early], size)
    return prior, prior_holds(*prior.distance(events, sum_by(facts.target[early], matured[early], size), cluster))


def _facts(books: _Books, days: slice, day: int) -> TargetFacts:
    """Return the books of some days as the forecaster gets them."""
    target, number = np.nonzero(books.clicks[:, days])
    number = number + days.start
    nothing = np.zeros(len(target))
    return TargetFacts(
        today=FIRST_DAY + day + 1, first_day=FIRST_DAY, target=target.astype(np.int32),
        day=(FIRST_DAY + number).astype(np.int32), elapsed=nothing, impressions=nothing,
        clicks=books.clicks[target, number], orders=books.seen[target, number], spend_micros=nothing,
        revenue_micros=nothing, carts=nothing,
    )  # fmt: skip


def _clustering(books: _Books, day: int, first: int) -> float:
    """Let the settled days say how much orders cluster, as the forecaster does."""
    settled = slice(max(first, day + 1 - DAYS), max(day - WINDOW, first))
    clicks, orders = books.clicks[:, settled].sum(axis=1), books.seen[:, settled].sum(axis=1)
    if settled.stop <= settled.start or orders.sum() < LEAST_ORDERS:
        return 1.0
    shape, rate = fit_rates(orders, clicks, [], fallback=FALLBACK_CVR).posterior(orders, clicks)
    return clustering(_facts(books, settled, day), shape / rate)


def _evidence(streams: Streams, books: _Books, rows: Rows, prior: RatePrior | None, cluster: float) -> Evidence:
    """Weigh the targets of some rows; without a prior only the e-value says anything."""
    value = (books.revenue_micros.sum() + PRIOR_ORDERS * streams.aov_micros) / (books.orders.sum() + PRIOR_ORDERS)
    shape = rate = np.full(len(books.orders), np.nan)
    if prior is not None:
        shape, rate = prior.posterior(books.orders / cluster, books.matured / cluster)
    size, none = len(rows), np.full(len(rows), np.nan)
    cpc, matured = np.full(size, streams.cpc_micros), books.matured[rows]
    forecast = Forecast(
        as_of=datetime(2026, 1, 1, tzinfo=UTC), target_ids=tuple(TargetId(str(row)) for row in rows),
        shape=shape[rows], rate=rate[rows], cvr=none, aov_micros=np.full(size, value), rpc_micros=none,
        rpc_low_micros=none, rpc_high_micros=none, refund_rate=none, clicks=matured, orders=books.orders[rows],
        spend_micros=matured * cpc, daily_clicks=none, daily_spend_micros=none, cpc_micros=cpc, click_elasticity=none,
        cpc_elasticity=none, cart_rate=none, covered=none, pooled_ok=True, maturity=books.curve,
        product_refund_rate={}, sure=books.sure[rows], clustering=cluster,
    )  # fmt: skip
    return weigh_forecast(forecast, known=np.ones(size, dtype=bool), floor_roas=np.full(size, streams.plan.floor))


def raw_rule(streams: Streams, *, least_clicks: int = 30) -> Followed:
    """Follow the common rule: stop once reported revenue over spend is below break-even after some clicks."""
    size, days = streams.clicks.shape
    clicks, revenue = np.cumsum(streams.clicks, axis=1), np.zeros((size, days))
    came = streams.day + streams.delay
    told = came < days
    np.add.at(revenue, (streams.target[told], came[told]), streams.value_micros[told])
    spend = clicks * streams.cpc_micros
    bad = (clicks >= least_clicks) & (np.cumsum(revenue, axis=1) < streams.plan.floor * spend)
    stopped = np.where(bad.any(axis=1), np.argmax(bad, axis=1), days)
    return _followed(streams, stopped, 1.0)


def measure(reduced: bool) -> Mapping[str, Figure]:  # noqa: FBT001  # the harness calls it so
    """Return all figures."""
    each, shop = (500, 2_000) if reduced else (TARGETS, PORTFOLIO)
    figures: dict[str, Figure] = {"targets_each": each, "portfolio_targets": shop}
    figures |= _planted(each, FLOORS[1:2] if reduced else FLOORS)
    figures |= _portfolios(shop)
    figures |= _variations(shop, each)
    match = replace(MARKET, seeds=MARKET.seeds[:1], days=10, scale=0.25) if reduced else MARKET
    figures |= _market(match)
    return figures


def _planted(size: int, floors: tuple[float, ...]) -> dict[str, Figure]:
    """Follow targets of one ROAS each, all cautious: a look every ten clicks, and a look a night with late orders."""
    figures: dict[str, Figure] = {}
    for floor in floors:
        clicks = AOV / floor
        steps = round(HORIZON_ORDER_VALUES * floor * clicks / 10)
        plans = {
            "ten_clicks": StreamPlan(days=steps, floor=floor, daily=10 / clicks, clicks=clicks, delayed=False),
            "nightly": StreamPlan(days=round(120 / DAILY), floor=floor, daily=DAILY, clicks=clicks),
        }
        for name, plan in plans.items():
            rules = replace(RULES, learn_days=plan.days)
            for planted in PLANTED:
                streams = draw_streams(np.full(size, planted), plan, SEED)
                found, raw = follow(streams, cautious=True, rules=rules), raw_rule(streams)
                key = f"{name}_floor{floor:g}_roas{planted:g}"
                figures[f"{key}_paused"] = float(found.paused.mean())
                figures[f"{key}_spend"] = float(found.spent.mean())
                figures[f"{key}_raw_rule_paused"] = float(raw.paused.mean())
    worst = [value for key, value in figures.items() if key.endswith("roas1_paused") and isinstance(value, float)]
    spend = [value for key, value in figures.items() if key.endswith("roas0.5_spend") and isinstance(value, float)]
    figures["false_pauses_at_floor_cautious"] = max(worst)
    figures["spend_to_pause_half_floor_cautious"] = max(spend)
    return figures


def _portfolios(size: int) -> dict[str, Figure]:
    """Follow a shop whose ROAS over break-even is log-normal, over as many days as the daemon remembers."""
    figures: dict[str, Figure] = {}
    for horizon in HORIZONS:
        streams = draw_streams(lognormal(size), StreamPlan(days=DAYS, daily=horizon / DAYS, clicks=25.0), SEED)
        contestants = {
            "": follow(streams, cautious=None),
            "evalue_": follow(streams, cautious=True),
            "raw_rule_": raw_rule(streams),
        }
        for name, found in contestants.items():
            figures |= {f"portfolio_{horizon}_{name}{key}": value for key, value in _told(found, streams).items()}
        figures[f"portfolio_{horizon}_prior_trusted"] = contestants[""].trusted
    return figures


def _variations(size: int, each: int) -> dict[str, Figure]:
    """Leave the rule's assumptions one by one; these are reports of where it loses, not goals."""
    rng = np.random.default_rng(SEED + 1)
    plan, usual = StreamPlan(days=DAYS, daily=40 / DAYS, clicks=25.0), lognormal(size)
    dead = np.where(rng.random(size) < 0.3, 0.0, np.where(rng.random(size) < 0.5, 0.6, 1.6) * np.ones(size))
    worlds = {
        "bursts": draw_streams(usual, replace(plan, burst=1.5), SEED),
        "two_kinds_30_percent_dead": draw_streams(dead, plan, SEED),
        "drift_3_percent_a_day": draw_streams(usual, replace(plan, drift=0.03), SEED),
        "no_delay": draw_streams(usual, replace(plan, delayed=False), SEED),
        "mostly_good": draw_streams(2.0 * usual, plan, SEED),
        "400_targets": draw_streams(usual[:400], plan, SEED),
    }
    figures: dict[str, Figure] = {}
    for name, streams in worlds.items():
        found = follow(streams, cautious=None)
        figures |= {f"{name}_{key}": value for key, value in _told(found, streams).items()}
        figures[f"{name}_prior_trusted"] = found.trusted
    busy = StreamPlan(days=DAYS, daily=2.0, clicks=25.0)
    figures["busy_spend_to_pause_half_floor"] = float(
        follow(draw_streams(np.full(each, 0.5), busy, SEED), cautious=True).spent.mean()
    )
    year = StreamPlan(days=365, daily=1.0, clicks=25.0, delayed=False)
    figures["a_year_on_60_days_false_pauses_at_floor"] = float(
        follow(draw_streams(np.ones(each), year, SEED), cautious=True).paused.mean()
    )
    bursts = draw_streams(np.ones(each), replace(busy, burst=1.5), SEED)
    figures["bursts_false_pauses_at_floor"] = float(follow(bursts, cautious=True).paused.mean())
    figures["bursts_with_history_false_pauses_at_floor"] = float(
        follow(bursts, cautious=True, first_look=HISTORY).paused.mean()
    )
    found = follow(worlds["bursts"], cautious=None, first_look=HISTORY)
    figures["bursts_with_history_fdr"] = float(found.good[found.paused].mean())
    return figures


def lognormal(size: int) -> Float64:
    """Return ROAS over break-even of a shop: median .9, standard deviation of the log .7."""
    return np.exp(np.random.default_rng(SEED + 2).normal(np.log(0.9), 0.7, size))


def _told(found: Followed, streams: Streams) -> dict[str, Figure]:
    """Return the share of false pauses and what of good and bad targets' spend was not spent."""
    whole = streams.clicks.sum(axis=1) / streams.plan.clicks
    left = whole - found.spent
    good = streams.ratio.mean(axis=1) >= 1.0
    wrong = float(found.good[found.paused].mean()) if found.paused.any() else 0.0
    return {
        "fdr": wrong,
        "paused": float(found.paused.mean()),
        "bad_spend_avoided": float(left[~good].sum() / max(whole[~good].sum(), 1e-9)),
        "good_spend_lost": float(left[good].sum() / max(whole[good].sum(), 1e-9)),
    }


def _market(match: Match) -> dict[str, Figure]:
    """Play the mock market, and see what is spent on targets that the oracle never funds."""
    result = run_match(match)
    prints = {name: {run.seed: run.footprint for run in result.of(name)} for name in match.policies}
    paused = {name: sum(part.paused for part in parts.values()) for name, parts in prints.items()}
    idle = [part.unfunded or frozenset() for part in prints["oracle"].values()]
    wasted = sum(waste_micros(prints["hands-off"][seed], names) for seed, names in zip(match.seeds, idle, strict=True))
    spent = float(sum(run.spend.sum() for run in result.of("hands-off")))
    return {
        "market_waste_avoided": waste_avoided(prints["bidder"], prints["hands-off"], prints["oracle"]),
        "market_targets_paused": paused["bidder"] - paused["hands-off"],
        "market_targets": sum(run.targets for run in result.of("bidder")),
        "market_targets_never_funded": sum(len(names) for names in idle),
        "market_waste_share_of_hands_off_spend": wasted / spent,
    }


if __name__ == "__main__":
    sys.exit(run("pause", measure, GOALS))
