"""Elasticity benchmark: how clicks answer to spend and bids, told by drawn bids, and by bids that followed demand.

500 keywords for 14 days at +-20%, 5 clicks a day. Test moves are drawn by the shipped code and read by the shipped
forecaster (`ours`) and its estimator alone (`lots`); beside them the plain ratio of sums, and on the same markets
without test moves log-log regression, the same with keyword and day effects, and what the forecaster reads from
ordinary moves. Other worlds show where it loses. Run: ``python -m benchmarks.elasticity``.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from benchmarks.bid_market import BidMarket, BidPlan, draw_bids, template_of
from benchmarks.harness import Figure, Goal, run
from bidder.core.money import Money
from bidder.core.performance import Float64
from bidder.core.policy import PerturbationPolicy, Policy
from bidder.core.snapshot import Snapshot
from bidder.forecast import EmpiricalBayesForecaster
from bidder.forecast.lots import Drawn, read_lots
from bidder.forecast.sums import sum_by

PLAIN = BidPlan()
WORLDS: Mapping[str, BidPlan] = {
    "plain": PLAIN,
    "step_10": replace(PLAIN, step=0.1),
    "one_click_a_day": replace(PLAIN, clicks=1.0),
    "fifty_keywords": replace(PLAIN, keywords=50),
    "flat_answer": replace(PLAIN, click_elasticity=0.35, cpc_elasticity=0.8),
    "steep_answer": replace(PLAIN, click_elasticity=1.6, cpc_elasticity=0.5),
    "own_answers": replace(PLAIN, own_spread=0.25),
    "drift": replace(PLAIN, drift=0.05),
    "clustered": replace(PLAIN, clustering=0.5),
    "step_limit_20": replace(PLAIN, max_step=0.2),
    "lands_0_to_12_hours_late": replace(PLAIN, late_hours=12.0),
    "changes_at_10_o_clock": replace(PLAIN, at_hour=10.0),
    "budgets_run_dry": replace(PLAIN, funded=0.8),
    "owner_follows_demand_closely": replace(PLAIN, follows_size=0.6, follows_day=0.8),
}
SEEDS = 30
GOALS = (
    Goal(figure="plain_ours_rmse", at_most=0.05),
    Goal(figure="plain_lots_rmse", at_most=0.05),
    Goal(figure="plain_lots_rmse_over_least_squares", at_most=0.2),
    Goal(figure="plain_lots_coverage95", at_least=0.85),
)
_SWEEPS = 50


def measure(reduced: bool) -> Mapping[str, Figure]:  # noqa: FBT001  # the harness calls it so
    """Return root mean square errors of the curvature over the seeds, and what is behind them."""
    seeds = range(3 if reduced else SEEDS)
    figures: dict[str, Figure] = {"markets_a_world": len(seeds)}
    for name, plan in WORLDS.items():
        template = template_of(plan)
        rows = [_scores(seed, plan, template) for seed in seeds]
        for key in rows[0]:
            values = np.array([row[key] for row in rows])
            rooted = key.endswith("rmse")
            figures[f"{name}_{key}"] = float(np.sqrt(np.mean(values**2)) if rooted else np.mean(values))
    ours, beside = figures["plain_lots_rmse"], figures["plain_least_squares_rmse"]
    figures["plain_lots_rmse_over_least_squares"] = float(ours) / float(beside)  # type: ignore[arg-type]  # both floats
    return figures


def _scores(seed: int, plan: BidPlan, template: Snapshot) -> dict[str, float]:
    """Return errors of every contestant on one market, with and without test moves."""
    market = draw_bids(seed, plan, template)
    untested = draw_bids(seed, replace(plan, step=0.0), template)
    answer = read_lots(_as_drawn(market), 1)
    told, error = float(answer.curvature[0]), float(answer.curvature_error[0])
    clicks, price = _shipped(seed, plan, market.snapshot)
    by_steps = _shipped(seed, plan, untested.snapshot)
    return {
        "clicks": float(market.clicks.sum()),
        "truth": market.curvature,
        "ours_rmse": clicks / (clicks + price) - market.curvature,
        "ours_click_elasticity_rmse": clicks - market.click_elasticity,
        "lots_rmse": told - market.curvature,
        "lots_bias": told - market.curvature,
        "lots_error_stated": error,
        "lots_coverage95": float(abs(told - market.curvature) <= 1.96 * error),
        "lots_click_elasticity_rmse": float(answer.clicks[0]) - market.click_elasticity,
        "ratio_of_sums_rmse": _ratio_of_sums(market) - market.curvature,
        "least_squares_rmse": _least_squares(untested) - market.curvature,
        "fixed_effects_rmse": _fixed_effects(untested) - market.curvature,
        "ordinary_moves_rmse": by_steps[0] / sum(by_steps) - market.curvature,
    }


def _shipped(seed: int, plan: BidPlan, snapshot: Snapshot) -> tuple[float, float]:
    """Return the elasticities of clicks and of their cost that the shipped forecaster hands on."""
    rules = PerturbationPolicy(enabled=plan.step > 0, step=plan.step or 0.1)
    policy = Policy(cap=Money(10**9, "CNY"), seed=seed, perturbation=rules)
    forecast = EmpiricalBayesForecaster(policy).forecast(snapshot)
    return float(forecast.click_elasticity.mean()), float(forecast.cpc_elasticity.mean())


def _as_drawn(market: BidMarket) -> Drawn:
    """Return the market's days as the estimator takes them, usual traffic being equal on all days."""
    keyword, day = (grid.ravel() for grid in np.indices(market.sign.shape))
    return Drawn(
        sign=market.sign.ravel(),
        log_bid=np.log(market.bid).ravel(),
        exposure=np.ones(market.sign.size),
        clicks=market.clicks.ravel(),
        spend=market.spend.ravel(),
        target=keyword,
        lot=keyword * market.sign.shape[1] + day,
        pool=np.zeros(market.sign.size, dtype=np.int64),
    )


def _ratio_of_sums(market: BidMarket) -> float:
    """Return the plain Wald estimate: logs of sums above over sums below."""
    high = market.sign > 0
    clicks, spend = (np.log(part[high].sum() / part[~high].sum()) for part in (market.clicks, market.spend))
    return float(clicks / spend)


def _logs(market: BidMarket) -> tuple[Float64, Float64, np.ndarray]:
    """Return logs of clicks and spend, and the places, of keyword-days that had a click."""
    some = market.clicks > 0
    return np.log(market.clicks[some]), np.log(market.spend[some]), np.argwhere(some)


def _least_squares(market: BidMarket) -> float:
    """Return the slope of log clicks on log spend."""
    clicks, spend, _ = _logs(market)
    return float(np.polyfit(spend, clicks, 1)[0])


def _fixed_effects(market: BidMarket) -> float:
    """Return the same slope within keywords and days."""
    clicks, spend, place = _logs(market)
    for _ in range(_SWEEPS):
        for side, size in enumerate(market.clicks.shape):
            group = place[:, side]
            count = np.maximum(sum_by(group, np.ones(len(group)), size), 1.0)
            clicks = clicks - (sum_by(group, clicks, size) / count)[group]
            spend = spend - (sum_by(group, spend, size) / count)[group]
    return float(clicks @ spend / (spend @ spend))


if __name__ == "__main__":
    sys.exit(run("elasticity", measure, GOALS))
