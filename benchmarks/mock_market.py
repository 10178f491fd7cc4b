"""How fast the mock market plays: 1,000 targets through 90 days by the hour, on one core.

Budgets are tight, so that campaigns run dry inside most days, and every hour some bids are edited, as a policy would.
Beside the time stand checks that the speed is not bought with the market: expected against realised spend, the
budget's bound, and the cached curves against auctions played one by one.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from datetime import timedelta

import numpy as np

from adapters.mock.auction import Curves, clear
from adapters.mock.generate import VENUE, build_shops
from adapters.mock.history import open_market
from adapters.mock.market import Market
from adapters.mock.shop import MICROS
from adapters.mock.traffic import expected
from benchmarks.harness import Figure, Goal, best_of, run

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
GOALS = (
    Goal(figure="targets", at_least=1_000),
    Goal(figure="hours_played", at_least=90 * 24),
    Goal(figure="play", at_most=20.0),
    Goal(figure="expected_over_realised_spend", at_least=0.985, at_most=1.015),
    Goal(figure="worst_day_over_budget", at_most=VENUE.overdelivery_factor),
    Goal(figure="curve_error_in_standard_errors", at_most=5.0),
)


def measure(reduced: bool) -> Mapping[str, Figure]:  # noqa: FBT001 (the harness calls it so)
    """Play, and check what was played."""
    days, size = (10, 0.3) if reduced else (90, 1.2)
    shop = build_shops("apparel", seed=1, size=size)[0]
    opened = open_market(shop, history_days=5 if reduced else 60)
    budgets = (opened.controls.daily_budget_micros * 0.5).astype(np.int64)
    opened.set_budgets(np.arange(len(budgets)), budgets)
    opened.top_up(10**12)
    played: list[Market] = []

    def play() -> None:
        market = opened.fork()
        for hour in range(days * 24):
            rows = np.arange(hour % 10, len(shop.targets), 10)
            market.set_bids(rows, (opened.controls.bid_micros[rows] * (1 + 0.02 * (hour % 5 - 2))).astype(np.int64))
            market.advance(market.now + HOUR)
        played[:] = [market]

    timing = best_of(play, rounds=5)
    market = played[0]
    outcomes = market.truth.outcomes(shop.start, market.day - DAY)

    def report() -> None:
        market.facts.daily(market.day - min(30, days) * DAY, market.day, window_days=15, as_of=market.now)

    return {
        "targets": len(shop.targets),
        "days": days,
        "hours_played": days * 24,
        "play": timing,
        "hours_per_second": days * 24 / timing.best,
        "build_curves": best_of(lambda: Curves.of(shop.rivals, VENUE)),
        "fork": best_of(market.fork),
        "report_of_30_days": best_of(report),
        "days_run_dry": float((outcomes.dark_hours > 0).mean()),
        "expected_over_realised_spend": float(outcomes.expected_spend_micros.sum() / outcomes.spend_micros.sum()),
        "worst_day_over_budget": _worst_day(market, budgets),
        "curve_error_in_standard_errors": _curve_error(market, auctions=2_000 if reduced else 20_000),
    }


def _worst_day(market: Market, budgets: np.ndarray) -> float:
    """Return the largest day's net spend of a campaign over its budget."""
    outcomes = market.truth.outcomes(market.shop.start, market.day - DAY)
    by_campaign = np.zeros((len(outcomes.days), len(budgets)))
    for campaign in range(len(budgets)):
        rows = market.shop.campaign_of_target == campaign
        by_campaign[:, campaign] = outcomes.spend_micros[:, rows].sum(axis=1)
    return float((by_campaign / budgets).max())


def _curve_error(market: Market, *, auctions: int) -> float:
    """Return the largest difference of expected clicks from auctions played one by one, over some targets."""
    shop, rng = market.shop, np.random.default_rng(5)
    worst = 0.0
    for row in rng.choice(len(shop.targets), 8, replace=False):
        bid = float(market.controls.bid_micros[row]) / MICROS
        clicks = np.zeros(auctions)
        for number in range(auctions):
            counts = rng.poisson(shop.rivals.activity[row])
            contest = np.exp(VENUE.contest_spread * rng.standard_normal())
            noise = np.exp(VENUE.score_spread * rng.logistic(size=counts.sum()))
            shown, _ = clear(
                np.append(np.repeat(shop.rivals.bid[row], counts) * contest * noise, bid),
                np.append(np.repeat(shop.rivals.quality[row], counts), market.quality[row]),
                reserve=float(shop.rivals.reserve[row]),
                slots=len(VENUE.slot_click_rates),
                step=0.01,
            )
            place = np.flatnonzero(shown == counts.sum())
            clicks[number] = VENUE.slot_click_rates[place[0]] if place.size else 0.0
        flow = expected(
            market.curves,
            np.asarray([row]),
            bid=np.asarray([bid]),
            quality=market.quality[[row]],
            log_level=np.zeros(1),
            queries=np.ones(1),
            ctr=np.ones(1),
            step=0.01,
        )
        error = abs(flow.clicks[0] - clicks.mean()) / (clicks.std() / np.sqrt(auctions) + 1e-4)
        worst = max(worst, float(error))
    return worst


if __name__ == "__main__":
    sys.exit(run("mock_market", measure, GOALS))
