"""Orders of the mock market: late, refunded later still, and credited to the click."""

from __future__ import annotations

from dataclasses import fields
from itertools import pairwise

import numpy as np
import pytest

from adapters.mock.market import Market
from adapters.mock.orders import NEVER, ORGANIC, Orders, completion, mean_units
from adapters.mock.presets import PRESETS
from adapters.mock.shop import MICROS
from tests.adapters.mock.market_shops import DAY, HOUR, plentiful, small_market, small_shop, unlimited


@pytest.fixture(scope="module")
def played() -> Market:
    """Eleven weeks without limits."""
    market = unlimited(small_market(plentiful(small_shop("apparel", size=0.3))))
    market.advance(market.now + 75 * DAY)
    return market


@pytest.mark.parametrize("preset", sorted(PRESETS))
def test_completion_meets_the_three_given_shares_and_ends_at_one(preset: str) -> None:
    """The curve passes through day 0, 3 and 7, rises, and is complete at the horizon."""
    rules = small_shop(preset).orders

    share = completion(rules)

    assert share[[0, 3, 7]].tolist() == pytest.approx(list(rules.completion))
    assert np.all(np.diff(share) >= 0)
    assert 1.0 == share[-1]
    assert share[-2] > 0.98


def test_orders_are_placed_by_the_completion_curve(played: Market) -> None:
    """Shares of a month's orders placed by the end of day k agree with the curve, within noise."""
    orders = Orders.joined(played.orders[:45])
    paid = orders.take(orders.target != ORGANIC)
    wait = paid.order_day - paid.click_day
    curve = completion(played.shop.orders)
    calm = paid.click_day < 30  # Days before 6.18 have a curve of their own.
    for day in (0, 1, 3, 7, 14):
        assert float((wait[calm] <= day).mean()) == pytest.approx(curve[day], abs=0.03)
    assert np.all(paid.order_hour >= paid.click_hour)
    assert np.all(wait < played.shop.orders.horizon_days)


def test_orders_shown_of_a_click_day_only_grow(played: Market) -> None:
    """Gross orders, units and revenue of given click days never fall as time passes; refunds never either."""
    first, last = played.shop.start + 36 * DAY, played.shop.start + 44 * DAY
    seen = []
    for age in range(0, 24 * 30, 7):
        as_of = played.hours.instant(played.hours.start_of_day(45)) + age * HOUR
        facts = played.facts.daily(first, last, window_days=30, as_of=as_of)
        seen.append([facts.orders, facts.units, facts.revenue_micros, facts.refunded_orders, facts.refund_micros])

    for earlier, later in pairwise(seen):
        for before, after in zip(earlier, later, strict=True):
            assert np.all(after >= before)
    assert seen[-1][0].sum() > 1.15 * seen[0][0].sum()


def test_shorter_windows_count_fewer_orders(played: Market) -> None:
    """Each attribution window holds the shorter ones; one day is the click's own day."""
    first, last = played.shop.start, played.shop.start + 20 * DAY

    counts = [
        int(played.facts.daily(first, last, window_days=days, as_of=played.now).orders.sum())
        for days in played.shop.venue.windows
    ]

    assert sorted(counts) == counts
    assert counts[0] / counts[-1] == pytest.approx(played.shop.orders.completion[0], abs=0.05)


def test_refunds_have_the_products_rate_and_a_curve_of_their_own(played: Market) -> None:
    """Refund shares agree with each product's rate, and refunds come after the order."""
    orders = Orders.joined(played.orders[:30])
    lost = orders.refund_hour != NEVER
    rate = played.shop.products.refund_rate[orders.product]

    delay = (orders.refund_hour - orders.order_hour)[lost] / 24

    assert lost.mean() == pytest.approx(rate.mean(), abs=4 * 0.5 / np.sqrt(len(orders)))
    assert np.median(delay) == pytest.approx(played.shop.orders.refund_median_days, rel=0.15)
    assert delay.min() >= 0.5
    assert delay.max() <= played.shop.orders.refund_limit_days


def test_order_values_scatter_around_the_products_price(played: Market) -> None:
    """Revenue per unit is lognormal around the price, in whole cents; orders hold one to three units."""
    orders = Orders.joined(played.orders)
    per_unit = orders.revenue_micros / orders.units
    ratio = per_unit / played.shop.products.price_micros[orders.product]

    assert ratio.mean() == pytest.approx(1.0, abs=0.02)
    assert 0.1 < np.log(ratio).std() < 0.26
    assert 0 == (orders.revenue_micros % (MICROS // 100)).sum()
    assert {1, 2, 3} >= set(orders.units.tolist())
    assert orders.units.mean() == pytest.approx(mean_units(played.shop.orders), abs=0.02)


def test_organic_orders_are_placed_at_once(played: Market) -> None:
    """An order without an advertisement has no delay."""
    orders = Orders.joined(played.orders)
    organic = orders.take(orders.target == ORGANIC)

    assert len(organic) > 100
    assert organic.click_hour.tolist() == organic.order_hour.tolist()


def test_aggregated_days_report_the_same(played: Market) -> None:
    """Summing old orders by day changes no report of today."""
    first, last = played.shop.start, played.shop.start + 12 * DAY
    exact = played.facts.daily(first, last, window_days=7, as_of=played.now)
    goods = played.facts.products(first, last, as_of=played.now)
    other = played.fork()
    other.orders = [day.aggregated() if index < 13 else day for index, day in enumerate(other.orders)]

    summed = other.facts.daily(first, last, window_days=7, as_of=other.now)

    assert sum(len(day) for day in other.orders[:13]) < sum(len(day) for day in played.orders[:13])
    for field in fields(exact):
        assert np.array_equal(getattr(exact, field.name), getattr(summed, field.name)), field.name
    for field in fields(goods):
        again = other.facts.products(first, last, as_of=other.now)
        assert np.array_equal(getattr(goods, field.name), getattr(again, field.name)), field.name
