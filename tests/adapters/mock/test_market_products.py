"""Stock and organic sales of the mock market."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from adapters.mock.market import Market
from bidder.core.entities import EntityKind, State
from tests.adapters.mock.market_shops import DAY, HOUR, plentiful, small_market, small_shop, unlimited, with_products


def _scarce(units: int, *, restocked: bool, lead_days: int = 5) -> Market:
    shop = small_shop()
    count = len(shop.products)
    shop = with_products(
        plentiful(shop),
        opening_stock=np.full(count, units),
        restocked=np.full(count, restocked),
        lead_time_days=np.full(count, lead_days),
        reorder_cover_days=np.full(count, 1.0),
    )
    return unlimited(small_market(shop))


def test_sold_units_come_off_the_shelf_and_never_more() -> None:
    """Opening stock less units sold is what is left; it never falls below zero."""
    market = _scarce(40, restocked=False)
    for _ in range(20):
        market.advance(market.now + DAY)
        assert np.all(market.stock >= 0)

    orders = market.truth.outcomes(market.shop.start, market.day - DAY).units
    organic = market.truth.organic(market.shop.start, market.day - DAY).units
    paid = np.zeros(len(market.shop.products), dtype=np.int64)
    np.add.at(paid, market.shop.targets.product, orders.sum(axis=0))
    assert (40 - paid - organic.sum(axis=0)).tolist() == market.stock.tolist()
    assert (market.stock == 0).any()


def test_an_item_that_is_sold_out_is_neither_advertised_nor_visited() -> None:
    """Its words get no impressions and it has no visitors until stock comes."""
    market = _scarce(5, restocked=False)
    market.advance(market.now + 8 * DAY)
    gone = np.flatnonzero(market.stock == 0)
    assert gone.size
    day = market.day
    market.advance(market.now + DAY)

    facts = market.facts.daily(day, day, window_days=30, as_of=market.now)
    goods = market.facts.products(day, day, as_of=market.now)

    words = np.isin(market.shop.targets.product, gone)
    assert 0 == facts.impressions[:, words].sum()
    assert 0 == goods.visitors[:, gone].sum()
    assert 0 == goods.in_stock_hours[:, gone].sum()


def test_stock_comes_back_after_the_lead_time() -> None:
    """What ran out is ordered and arrives; sales go on."""
    market = _scarce(15, restocked=True, lead_days=4)
    market.advance(market.now + 40 * DAY)

    goods = market.facts.products(market.shop.start, market.day - DAY, as_of=market.now)

    hours = goods.in_stock_hours
    assert (hours == 0).any()
    best = int(goods.units.sum(axis=0).argmax())
    dry = np.flatnonzero(hours[:, best] < 24)
    assert dry.size
    assert np.any(hours[dry[0] :, best] == 24)
    assert goods.units.sum() > 15 * len(market.shop.products)


def _paused(market: Market) -> Market:
    market.set_state(EntityKind.CAMPAIGN, np.arange(len(market.shop.campaigns)), State.PAUSED)
    return market


def test_organic_demand_does_not_depend_on_advertising() -> None:
    """Without a lift, organic units are the same whether or not anything is advertised."""
    shop = plentiful(small_shop())
    shop = replace(shop, orders=replace(shop.orders, organic_lift=0.0))
    on, off = unlimited(small_market(shop)), _paused(small_market(shop))
    for market in (on, off):
        market.advance(market.now + 15 * DAY)

    first, last = shop.start, shop.start + 14 * DAY

    assert np.array_equal(on.truth.organic(first, last).units, off.truth.organic(first, last).units)
    assert on.truth.outcomes(first, last).orders.sum() > 0
    assert 0 == off.truth.outcomes(first, last).orders.sum()


def test_advertising_lifts_organic_units_in_proportion_and_the_lift_decays() -> None:
    """In the end each paid unit has brought the stated number of organic ones, most of them soon."""
    shop = plentiful(small_shop())
    on, off = unlimited(small_market(shop)), _paused(small_market(shop))
    on.advance(on.now + 10 * DAY)
    _paused(on)
    on.advance(on.now + 50 * DAY)
    off.advance(off.now + 60 * DAY)
    first, last = shop.start, shop.start + 59 * DAY

    extra = on.truth.organic(first, last).expected_units - off.truth.organic(first, last).expected_units
    orders = on.truth.outcomes(first, last).expected_orders

    units = orders.sum() * 1.0636
    assert extra.sum() == pytest.approx(shop.orders.organic_lift * units, rel=0.01)
    assert extra[0].sum() == pytest.approx(0.0, abs=1e-9)
    assert extra[10:20].sum() > 2 * extra[20:40].sum()


def test_a_product_sells_nothing_before_its_launch() -> None:
    """A new item has no views and no visitors until the day it is launched."""
    shop = plentiful(small_shop("apparel", size=0.4))
    new = int(shop.products.launch_day.argmax())
    market = small_market(shop, history_days=30)
    goods = market.facts.products(market.hours.first_day, market.day - DAY, as_of=market.now)
    facts = market.facts.daily(market.hours.first_day, market.day - DAY, window_days=30, as_of=market.now)
    before = goods.days < shop.products.launch_day[new]

    words = shop.targets.product == new

    assert before.any()
    assert not before.all()
    assert 0 == goods.visitors[before, new].sum()
    assert 0 == facts.impressions[np.ix_(before, words)].sum()
    assert goods.visitors[~before, new].sum() > 0


def test_stock_seen_during_the_day_is_the_stock_of_the_hour() -> None:
    """The open day's stock in a report is the market's own."""
    market = _scarce(50, restocked=False)
    market.advance(market.now + 30 * HOUR)

    goods = market.facts.products(market.day, market.day, as_of=market.now)

    assert market.stock.tolist() == goods.stock[0].tolist()
