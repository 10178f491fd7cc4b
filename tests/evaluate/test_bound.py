"""Nobody earns more than the bound: not one of all the ways to spend money and goods, with limits of each kind."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bidder.core.performance import Float64
from bidder.evaluate.bound import bound, frontier
from bidder.ports import ForSaleTable, ResponseTable
from tests.evaluate.markets import shop

TARGETS, DAYS, PRODUCTS, BIDS = 2, 3, 2, 2


def response(value: Float64, spend: Float64) -> ResponseTable:
    """Build one day; rows are targets, columns bids."""
    return ResponseTable(
        target_ids=tuple(f"t{n}" for n in range(len(value))),
        bid_micros=np.arange(1.0, value.shape[1] + 1),
        clicks=spend.copy(),
        spend_micros=spend,
        value_micros=value,
    )


def goods(for_sale: Float64, worth: Float64) -> ForSaleTable:
    """Build what can be sold up to each day, (n_days, n_products)."""
    return ForSaleTable(
        day=np.arange(len(for_sale), dtype=np.int32),
        product_ids=tuple(f"p{n}" for n in range(for_sale.shape[1])),
        for_sale=for_sale,
        unit_value_micros=worth,
    )


@given(seed=st.integers(0, 2**31), day_limit=st.floats(0, 250), month=st.floats(0, 5_000) | st.none())
@settings(deadline=None, max_examples=40)
def test_no_plan_within_the_limits_earns_more(seed: int, day_limit: float, month: float | None) -> None:
    """Every choice of a bid or none for each target and day that fits money and goods stays below the bound."""
    rng = np.random.default_rng(seed)
    spend = np.sort(rng.uniform(0, 100, (DAYS, TARGETS, BIDS)), axis=2)
    value = rng.uniform(0, 200, (DAYS, TARGETS, BIDS))
    worth = rng.uniform(5, 10, (DAYS, PRODUCTS))
    supply = np.cumsum(rng.uniform(0, 15, (DAYS, PRODUCTS)), axis=0)
    edge = frontier((response(value[d], spend[d]) for d in range(DAYS)), shop(TARGETS, products=PRODUCTS))

    highest = bound(edge, goods(supply, worth), day_limit=day_limit, month_limit=month)

    earned = np.concatenate([np.zeros((DAYS, TARGETS, 1)), value], axis=2)
    paid = np.concatenate([np.zeros((DAYS, TARGETS, 1)), spend], axis=2)
    best = 0.0
    for choice in itertools.product(range(BIDS + 1), repeat=DAYS * TARGETS):
        pick = np.array(choice).reshape(DAYS, TARGETS, 1)
        gained, cost = (np.take_along_axis(a, pick, axis=2)[:, :, 0] for a in (earned, paid))
        if (cost.sum(axis=1) > day_limit).any() or (month is not None and cost.sum() > month * DAYS / 30):
            continue
        if (np.cumsum(gained / worth, axis=0) > supply + 1e-12).any():
            continue
        best = max(best, float((gained - cost).sum()))
    assert highest.sum() >= best - 1e-6


def test_the_bound_is_what_a_single_day_can_earn_when_nothing_is_scarce() -> None:
    """Without binding limits it is the sum of each target's best day."""
    edge = frontier([response(np.array([[10.0, 12.0], [5.0, 30.0]]), np.array([[2.0, 9.0], [6.0, 10.0]]))], shop(2))

    highest = bound(edge, None, day_limit=1e9)

    assert [28.0] == pytest.approx(highest.tolist())


def test_scarce_goods_lower_the_bound_to_what_they_can_earn() -> None:
    """Two days of the same market with goods for one and a half: near the best use of them, never below."""
    many = np.linspace(0.01, 1.0, 200)
    day = response(100 * many[None, :], 60 * many[None, :] ** 2)
    edge = frontier([day, day], shop(1))

    ample = bound(edge, goods(np.array([[20.0], [20.0]]), np.full((2, 1), 10.0)), day_limit=1e9)
    scarce = bound(edge, goods(np.array([[10.0], [10.0]]), np.full((2, 1), 10.0)), day_limit=1e9)

    # With 5 units a day: value 50, spend 60 x .25.
    assert 2 * (100 * 0.8333 - 60 * 0.8333**2) == pytest.approx(ample.sum(), rel=0.01)
    assert 2 * (50 - 15) == pytest.approx(scarce.sum(), rel=0.02)
    assert scarce.sum() >= 2 * (50 - 15)


def test_money_limits_have_their_price() -> None:
    """With half the money a day the bound is the value of the best half, and a month's limit counts as well."""
    many = np.linspace(0.01, 1.0, 200)
    day = response(100 * np.sqrt(many)[None, :], 50 * many[None, :])
    edge = frontier([day] * 30, shop(1))

    by_day = bound(edge, None, day_limit=25.0)
    by_month = bound(edge, None, day_limit=1e9, month_limit=750.0)

    best = 30 * (100 * np.sqrt(0.5) - 25)
    assert best <= by_day.sum() <= 1.005 * best
    assert best <= by_month.sum() <= 1.005 * best
