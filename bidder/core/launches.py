"""Tests of new items: a click limit and a loss budget for the item as a whole, and when a test has failed.

The signs of demand are orders and carts. In the phases of a sale event orders alone say nothing, so that without
carts nothing ends then. Called by `bidder.core.delivery`; docs/maths/lifecycle.md.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bidder.core.case import Case
from bidder.core.fresh import Seen
from bidder.core.layout import Flags, tally
from bidder.core.pausing import log_evalue
from bidder.core.performance import Float64


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Tests:
    """Tests of new items, by the targets of each, shape (n_targets,).

    Attributes:
        failed: Its item's test ended without a sign of demand.
        lost: Its item had orders but lost its budget for certain, and the target itself had none.
        clicks, orders, floor_orders: Of the item.
        loss_micros: Of the item, spend less contribution. budget_micros: Most it may lose.
    """

    failed: Flags
    lost: Flags
    clicks: Float64
    orders: Float64
    floor_orders: Float64
    loss_micros: Float64
    budget_micros: Float64


def judge_tests(case: Case, seen: Seen, usual_carts: Float64) -> Tests:
    """Judge the tests of all items; whether an item is new is for the caller to say.

    Args:
        case: The account.
        seen: What each target brought in the test.
        usual_carts: Cart rate of each target's category; 0 where carts are not reported.
    """
    rules, forecast, money = case.policy.lifecycle, case.forecast, case.economics
    layout, number = case.layout, len(case.snapshot.structure.products) + 1
    good = case.usable & np.isfinite(seen.clicks)

    def told(values: Float64) -> Float64:
        return np.where(good & np.isfinite(values), values, 0.0)

    def by_item(values: Float64) -> Float64:
        return tally(layout.product + 1, told(values), number)[layout.product + 1]

    aov, sold = told(forecast.aov_micros), told(seen.orders)
    clicks, orders, spend = by_item(seen.clicks), by_item(sold), by_item(seen.spend_micros)
    earned = by_item(sold * aov * told(np.where(money.known, money.contribution, 0.0)))
    with np.errstate(divide="ignore", invalid="ignore"):
        floor = money.floor_roas / money.caused
        floor_orders = by_item(told(seen.spend_micros) * floor / aov)
        budget = aov * np.minimum(rules.new_loss_orders, rules.new_loss_floor_orders / floor)
    tellable = by_item(np.where(np.isfinite(seen.carts), seen.all_clicks, 0.0))
    carts_told = (tellable > 0) & (usual_carts > 0)
    wanted = carts_told & (by_item(seen.carts) >= usual_carts * tellable)
    loss = spend - earned
    used = np.isfinite(budget) & (loss >= budget)
    # A target of no known item has no test.
    tested = good & (layout.product >= 0) & (carts_told | (not case.season.special))
    failed = tested & (orders < 1) & ~wanted & ((clicks >= rules.new_stop_clicks) | used)
    certain = log_evalue(orders, floor_orders, forecast.clustering) >= np.log(case.policy.evidence.cautious_evalue)
    lost = tested & (orders >= 1) & used & certain & (sold < 1) & (not case.season.special)
    return Tests(
        failed=failed,
        lost=lost,
        clicks=clicks,
        orders=orders,
        floor_orders=floor_orders,
        loss_micros=loss,
        budget_micros=budget,
    )
