"""Forecast benchmark: orders of the coming week on the public generator, against raw rates and the true rate.

The forecaster gets a snapshot as the daemon would build it, with a stated maturity curve that is wrong, and predicts
each keyword's fully developed orders of the next seven days, given its clicks. Run: ``python -m benchmarks.forecast``.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping

import numpy as np

from benchmarks.harness import Figure, Goal, run
from benchmarks.keyword_market import KeywordMarket, MarketPlan, draw_market, windowed
from bidder.core.money import Money
from bidder.core.performance import Float64
from bidder.core.policy import Policy
from bidder.forecast import EmpiricalBayesForecaster
from bidder.forecast.score import coverage, crps_counts, decile_calibration, pit_ks, top_share

SEEDS = (1, 2, 3, 4)
GOALS = (
    Goal(figure="ours_bias_abs_worst", at_most=0.02),
    Goal(figure="ours_calibration", at_most=0.02),
    Goal(figure="ours_crps_over_oracle", at_most=0.13),
    Goal(figure="ours_pit_ks", at_most=0.01),
    Goal(figure="ours_crps_over_raw30", at_most=1.0),
)


def main() -> int:
    """Run the benchmark."""
    return run("forecast", measure, GOALS)


def measure(reduced: bool) -> Mapping[str, Figure]:  # noqa: FBT001  # the harness calls it so
    """Return the figures, means over the seeds unless a name says otherwise."""
    seeds = SEEDS[:1] if reduced else SEEDS
    plan = MarketPlan()
    rows: dict[str, list[dict[str, float]]] = {}
    zero, few, many, seconds = [], [], [], []
    for seed in seeds:
        market = draw_market(seed, plan)
        seen = windowed(market, 30)[1]
        zero.append(float(np.mean(seen == 0)))
        few.append(float(np.mean((seen > 0) & (seen <= 5))))
        many.append(float(np.mean(seen > 5)))
        began = time.perf_counter()
        forecast = EmpiricalBayesForecaster(Policy(cap=Money(10**9, "CNY"))).forecast(market.snapshot)
        seconds.append(time.perf_counter() - began)
        certain = np.full(plan.keywords, np.inf)
        contestants = {
            "oracle": (market.rate, certain, market.value_micros),
            "raw7": (_raw(market, 7), certain, market.value_micros),
            "raw30": (_raw(market, 30), certain, market.value_micros),
            "ours": (forecast.cvr, forecast.shape, forecast.aov_micros),
        }
        for name, (rate, shape, value) in contestants.items():
            rows.setdefault(name, []).append(_scores(market, rate, shape, value))
    figures: dict[str, Figure] = {
        "keywords": plan.keywords,
        "markets": len(seeds),
        "share_without_orders_30d": float(np.mean(zero)),
        "share_1_to_5_orders_30d": float(np.mean(few)),
        "share_more_orders_30d": float(np.mean(many)),
    }
    for name, scores in rows.items():
        for key in scores[0]:
            figures[f"{name}_{key}"] = float(np.mean([score[key] for score in scores]))
    figures["ours_bias_abs_worst"] = max(abs(score["bias"]) for score in rows["ours"])
    ours, oracle, raw = (np.array([score["crps"] for score in rows[name]]) for name in ("ours", "oracle", "raw30"))
    figures["ours_crps_over_oracle"] = float(np.mean(ours / oracle - 1))
    figures["raw30_crps_over_oracle"] = float(np.mean(raw / oracle - 1))
    figures["ours_crps_over_raw30"] = float(np.mean(ours / raw))
    figures["forecast_seconds"] = min(seconds)
    return figures


def _raw(market: KeywordMarket, days: int) -> Float64:
    """Return orders over clicks of the last days as reported; the pooled ratio where there was no click."""
    clicks, orders = windowed(market, days)
    return np.where(clicks > 0, orders / np.maximum(clicks, 1.0), orders.sum() / clicks.sum())


def _scores(market: KeywordMarket, rate: Float64, shape: Float64, value_micros: Float64) -> dict[str, float]:
    """Return the scores of one forecast of the rate."""
    clicked = market.future_clicks > 0
    clicks, orders = market.future_clicks[clicked], market.future_orders[clicked]
    expected, true = rate[clicked] * clicks, market.rate[clicked] * clicks
    spend, worth = market.cpc_micros[clicked] * clicks, true * market.value_micros[clicked]
    return {
        "crps": float(crps_counts(market.future_orders, shape, rate * market.future_clicks).mean()),
        "bias": float(expected.sum() / true.sum() - 1),
        "calibration": decile_calibration(rate[clicked], market.rate[clicked], clicks),
        "pit_ks": pit_ks(orders, shape[clicked], expected),
        "coverage80": coverage(orders, shape[clicked], expected, 0.8),
        "top30": top_share((rate * value_micros / market.cpc_micros)[clicked], worth, spend),
    }


if __name__ == "__main__":
    sys.exit(main())
