"""Reports of the mock market: what could be seen at an instant, and how it is restated."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import pytest

from adapters.mock.facts import TargetFacts
from adapters.mock.ledger import HOURLY_DAYS
from adapters.mock.market import Market
from tests.adapters.mock.market_shops import DAY, HOUR, instant, small_market, small_shop


@pytest.fixture(scope="module")
def played() -> Market:
    """A market of nine days and a half."""
    market = small_market(small_shop(size=0.3), days=9)
    market.advance(market.now + 13 * HOUR)
    return market


def _columns(facts: TargetFacts) -> dict[str, np.ndarray]:
    return {field.name: getattr(facts, field.name) for field in fields(facts) if field.name != "periods"}


def test_hours_add_up_to_days(played: Market) -> None:
    """Every column by hour sums to the column by day, open day included."""
    first, last = played.shop.start, played.day
    daily = played.facts.daily(first, last, window_days=7, as_of=played.now)

    hourly = played.facts.hourly(first, last, window_days=7, as_of=played.now)

    day_of = played.hours.days_of_hours(hourly.periods)
    assert 9 * 24 + 13 == len(hourly.periods)
    for name, column in _columns(hourly).items():
        summed = np.stack([column[day_of == day].sum(axis=0) for day in range(10)])
        assert np.array_equal(summed, _columns(daily)[name]), name


def test_the_past_is_reported_as_it_was_seen_then(played: Market) -> None:
    """A report as of an earlier instant equals the one a market stopped at that instant gives."""
    then = small_market(played.shop, days=6)
    then.advance(then.now + 5 * HOUR)
    first, last = played.shop.start, then.day

    for window in (1, 30):
        seen = then.facts.daily(first, last, window_days=window, as_of=then.now)
        recalled = played.facts.daily(first, last, window_days=window, as_of=then.now)
        for name, column in _columns(seen).items():
            assert np.array_equal(column, _columns(recalled)[name]), name
    goods = then.facts.products(first, last, as_of=then.now)
    again = played.facts.products(first, last, as_of=then.now)
    for field in fields(goods):
        assert np.array_equal(getattr(goods, field.name), getattr(again, field.name)), field.name


def test_invalid_clicks_are_taken_back_within_three_days(played: Market) -> None:
    """Clicks and spend of a day fall a little for 72 hours, never after; impressions stay."""
    day = played.shop.start + DAY
    end = played.hours.start_of_day(2)
    reports = [
        played.facts.daily(day, day, window_days=30, as_of=played.hours.instant(end + age)) for age in range(0, 150, 6)
    ]
    clicks = [int(report.clicks.sum()) for report in reports]
    spend = [int(report.spend_micros.sum()) for report in reports]

    assert sorted(clicks, reverse=True) == clicks
    assert sorted(spend, reverse=True) == spend
    assert 1 == len(set(clicks[12:]))
    assert 0.95 * clicks[0] < clicks[-1] < clicks[0]
    assert 1 == len({int(report.impressions.sum()) for report in reports})


def test_counts_are_consistent(played: Market) -> None:
    """Clicks are at most views, nothing is negative, and only clicked words spend."""
    facts = played.facts.daily(played.shop.start, played.day, window_days=30, as_of=played.now)

    for name, column in _columns(facts).items():
        assert column.dtype == np.int64, name
        assert column.min() >= 0, name
    assert np.all(facts.clicks <= facts.impressions)
    assert np.all(facts.spend_micros[facts.clicks == 0] == 0)
    assert np.all(facts.orders <= facts.units)
    assert np.all(facts.refunded_orders <= facts.orders)


def test_products_count_all_channels(played: Market) -> None:
    """Units hold paid and organic ones; visitors hold paid clicks; stock is what is left."""
    first, last = played.shop.start, played.day
    goods = played.facts.products(first, last, as_of=played.now)
    paid = played.facts.daily(first, last, window_days=30, as_of=played.now)

    assert goods.units.sum() > paid.units.sum()
    assert goods.visitors.sum() > paid.clicks.sum()
    assert np.all(goods.refunded_units <= goods.units)
    assert played.stock.tolist() == goods.stock[-1].tolist()
    assert np.all(goods.in_stock_hours[:-1] <= 24)
    assert 13 == goods.in_stock_hours[-1].max()


def test_the_first_instant_of_a_day_reports_an_empty_day() -> None:
    """At midnight the new day exists and nothing has happened on it."""
    market = small_market(days=2)

    facts = market.facts.daily(market.day, market.day, window_days=30, as_of=market.now)
    hours = market.facts.hourly(market.day - DAY, market.day - DAY, window_days=30, as_of=market.now)

    assert 0 == facts.impressions.sum()
    assert 24 == len(hours.periods)


def test_days_outside_of_what_was_played_are_refused(played: Market) -> None:
    """The message names the days that can be asked for."""
    with pytest.raises(ValueError, match="reach from"):
        played.facts.daily(played.shop.start - DAY, played.day, window_days=30, as_of=played.now)
    with pytest.raises(ValueError, match="cannot report"):
        played.facts.daily(played.shop.start, played.day, window_days=30, as_of=instant(2031, 1, 1))


def test_facts_by_hour_are_kept_for_some_weeks_and_by_day_for_ever() -> None:
    """Old hours are refused with a reason, old days are still there."""
    market = small_market(small_shop(size=0.14), days=HOURLY_DAYS + 5)
    first = market.shop.start

    with pytest.raises(ValueError, match="kept for"):
        market.facts.hourly(first, first, window_days=30, as_of=market.now)

    assert market.facts.daily(first, first, window_days=30, as_of=market.now).clicks.sum() > 0
    recent = market.day - (HOURLY_DAYS - 1) * DAY
    assert market.facts.hourly(recent, recent, window_days=30, as_of=market.now).clicks.sum() > 0
