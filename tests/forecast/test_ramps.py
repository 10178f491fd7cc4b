"""Event ramps: what a click is worth around a sale, by what is usual and by the account's own days."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pytest

from bidder.core.calendar import day_start, ordinal
from bidder.core.performance import ProductSalesTable
from bidder.core.policy import SaleEvent
from bidder.core.prediction import Forecast
from bidder.core.snapshot import Snapshot
from bidder.forecast import EmpiricalBayesForecaster
from tests.forecast.shops import POLICY, TODAY, ZONE, ShopPlan, days_ago, shop, with_columns

BUSY = ShopPlan(targets=60, products=6, campaigns=2, days=40, clicks=40.0)
START = day_start(TODAY, ZONE)


def sale(first: date, last: date | None = None) -> SaleEvent:
    """Return a sale with a week before and a week after it."""
    return SaleEvent(name="sale", first=first, last=last or first, preheat_days=7, aftermath_days=7)


def forecast(snapshot: Snapshot, *events: SaleEvent) -> Forecast:
    """Return a forecast at the start of today for a shop whose owner announced these events."""
    return EmpiricalBayesForecaster(replace(POLICY, events=events)).forecast(replace(snapshot, as_of=START))


def sold_times(snapshot: Snapshot, factor: float, days: range) -> Snapshot:
    """Return the snapshot in which some days, counted back from today, brought so many times the orders."""
    daily = snapshot.history.daily
    chosen = np.isin(daily.day, [ordinal(days_ago(n)) for n in days])
    more = np.where(chosen, np.rint(daily.orders * factor), daily.orders).astype(np.int64)
    return replace(snapshot, history=replace(snapshot.history, daily=with_columns(daily, orders=more)))


def visited(snapshot: Snapshot, factor: float, days: range) -> Snapshot:
    """Return the snapshot with 100 visitors a day, and so many times as many on some days."""
    back = np.arange(1, 31)
    count = len(back)
    zeros = np.zeros(count, dtype=np.int64)
    table = ProductSalesTable(
        currency="CNY",
        product_ids=("p0",),
        product=np.zeros(count, dtype=np.int32),
        day=(ordinal(TODAY) - back).astype(np.int32),
        units=zeros,
        refunded_units=zeros,
        revenue_micros=zeros,
        refund_micros=zeros,
        visitors=np.where(np.isin(back, list(days)), 100 * factor, 100).astype(np.int64),
        carts=zeros,
        in_stock_hours=np.full(count, 24.0),
        observed_at=zeros,
    )
    return replace(snapshot, history=replace(snapshot.history, products=table))


def test_far_from_any_sale_a_day_is_a_normal_day() -> None:
    """An event two weeks away changes nothing."""
    snapshot = shop(BUSY).snapshot

    far = forecast(snapshot, sale(TODAY + timedelta(days=16)))

    assert (1.0, 1.0) == (far.event_conversion, far.event_traffic)
    np.testing.assert_array_equal(far.rpc_micros, forecast(snapshot).rpc_micros)


@pytest.mark.parametrize(
    ("first", "conversion", "traffic"),
    [(7, 1.0, 1.28), (0, 2.45, 2.8), (-1, 0.71, 1.0)],
    ids=["before", "on", "after"],
)
def test_a_phase_without_days_of_its_own_is_what_is_usual(first: int, conversion: float, traffic: float) -> None:
    """At the first instant of a phase clicks are worth and come as many times as usual; the order rate stays."""
    snapshot = shop(BUSY).snapshot
    plain = forecast(snapshot)
    event = sale(TODAY + timedelta(days=first))
    # What the sale itself brought is excluded, so that only the usual speaks.
    known = replace(
        snapshot, history=replace(snapshot.history, excluded_days=np.array([ordinal(event.first)], np.int32))
    )

    ramped = forecast(known, event)

    assert (conversion, traffic) == pytest.approx((ramped.event_conversion, ramped.event_traffic))
    np.testing.assert_allclose(ramped.cvr, ramped.shape / ramped.rate * conversion)
    assert plain.daily_spend_micros.sum() * traffic == pytest.approx(ramped.daily_spend_micros.sum(), rel=0.06)


def test_the_day_before_counts_for_what_is_left_of_it() -> None:
    """A bid set at six in the evening stands a quarter of the time before the sale and the rest in it."""
    snapshot = shop(BUSY).snapshot
    policy = replace(POLICY, events=(sale(TODAY + timedelta(days=1)),))

    evening = EmpiricalBayesForecaster(policy).forecast(replace(snapshot, as_of=START + timedelta(hours=18)))

    assert 0.25 * 1.0 + 0.75 * 2.45 == pytest.approx(evening.event_conversion, rel=0.01)


@pytest.mark.parametrize("factor", [1.0, 4.0])
def test_the_sales_own_days_carry_the_estimate(factor: float) -> None:
    """After five days of a sale with hundreds of orders their level is believed, whatever is usual."""
    snapshot = sold_times(shop(BUSY).snapshot, factor, range(1, 6))

    found = forecast(snapshot, sale(days_ago(5), TODAY))

    assert factor == pytest.approx(found.event_conversion, rel=0.2)


@pytest.mark.parametrize(("factor", "expected"), [(0.0, 1.0), (2.0, 1.4)])
def test_orders_of_the_pre_heat_only_raise_it(factor: float, expected: float) -> None:
    """Buyers wait: no orders say nothing, twice as many as on normal days say that this one is good."""
    snapshot = sold_times(shop(BUSY).snapshot, factor, range(1, 7))

    found = forecast(snapshot, sale(TODAY + timedelta(days=1)))

    assert expected <= found.event_conversion <= 1.4 * expected


def test_visitors_tell_how_many_come() -> None:
    """Four days with twice the visitors outweigh what is usual in a pre-heat."""
    snapshot = visited(shop(BUSY).snapshot, 2.0, range(1, 5))

    found = forecast(snapshot, sale(TODAY + timedelta(days=3)))

    assert 1.28 < found.event_traffic < 2.0
    assert 2.0 == pytest.approx(found.event_traffic, rel=0.25)
