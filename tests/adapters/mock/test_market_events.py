"""Sale events of the mock market, as an advertiser who changes nothing sees them."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from functools import cache

import numpy as np
import pytest

from adapters.mock.events import Phase, event_on, factors_on, phase_on
from adapters.mock.generate import build_shops
from adapters.mock.market import Market
from adapters.mock.shop import Shop
from adapters.mock.truth import Response
from tests.adapters.mock.market_shops import DAY, plentiful, small_market, small_shop, unlimited


@pytest.mark.parametrize(
    ("offset", "phase"),
    [(-8, Phase.NORMAL), (-7, Phase.PREHEAT), (-1, Phase.PREHEAT), (0, Phase.DAY), (1, Phase.AFTERMATH),
     (7, Phase.AFTERMATH), (8, Phase.NORMAL)],
)  # fmt: skip
def test_phases_surround_the_day(offset: int, phase: Phase) -> None:
    """Pre-heat is D-7 to D-1, the aftermath D+1 to D+7."""
    events = small_shop("apparel").events

    assert phase == phase_on(events, date(2026, 6, 18) + offset * DAY)
    assert (phase is Phase.NORMAL) == (event_on(events, date(2026, 6, 18) + offset * DAY) is None)


def test_between_two_close_events_the_nearer_one_rules() -> None:
    """A day in the aftermath of one event and the pre-heat of the next belongs to the nearer."""
    event = small_shop("apparel").events[0]
    following = replace(event, name="next", day=event.day + 10 * DAY)

    assert event.aftermath == factors_on((event, following), event.day + 4 * DAY)
    assert event.preheat == factors_on((event, following), event.day + 6 * DAY)


@cache
def _shop(seed: int) -> Shop:
    """Return a shop without drift, so that a day compares with another of the same weekday."""
    shop = plentiful(build_shops("apparel", seed=seed, size=0.4)[0])
    calm = replace(
        shop.demand,
        volume_drift=0.0,
        cvr_drift=0.0,
        cart_drift=0.0,
        rival_drift=0.0,
        year_amplitude=0.0,
        weekday_volume=np.ones(7),
        weekday_cvr=np.ones(7),
    )
    return replace(shop, demand=calm)


def _unchanged(shop: Shop, day: date) -> tuple[Market, Response]:
    market = Market(shop)
    bids = market.controls.bids(shop.targets.ad_group)[:, None] * 1e6
    return market, market.truth.response([day], bids, quality=shop.targets.relevance)


@pytest.mark.parametrize("seed", [1, 2, 3, 4, 5])
def test_unchanged_bids_see_the_factors_of_each_phase(seed: int) -> None:
    """Clicks, price and conversion move within the ranges observed for pre-heat, the day and the aftermath."""
    shop = _shop(seed)
    event = next(event for event in shop.events if event.day.year == shop.start.year)
    market, usual = _unchanged(shop, event.day - 20 * DAY)

    def against_usual(day: date) -> tuple[float, float, float]:
        _, then = _unchanged(shop, day)
        clicks = then.clicks.sum() / usual.clicks.sum()
        price = then.spend_micros.sum() / usual.spend_micros.sum() / clicks
        cvr = then.orders.sum() / usual.orders.sum() / clicks
        return clicks, price, cvr

    clicks, price, cvr = against_usual(event.day - 3 * DAY)
    assert 1.1 <= clicks <= 1.5
    assert 0.95 <= price <= 1.1
    assert 0.5 <= cvr <= 0.85
    clicks, price, cvr = against_usual(event.day)
    assert 2 <= clicks <= 4
    assert 1.2 <= price <= 2
    assert 1.5 <= cvr <= 4
    clicks, price, cvr = against_usual(event.day + 3 * DAY)
    assert 0.6 <= cvr <= 0.85
    carts = [float(market.latent.day(event.day + offset * DAY).cart_rate.mean()) for offset in (-20, -3)]
    assert 1.3 <= carts[1] / carts[0] <= 2
    refunds = [market.latent.day(event.day + offset * DAY).refund_rate for offset in (-20, 3)]
    assert refunds[1] == pytest.approx(np.minimum(refunds[0] * 1.2, 0.95))


def test_orders_of_the_pre_heat_wait_for_the_day() -> None:
    """Of clicks before the event, more orders are placed late than the usual curve says, many on the day itself."""
    shop = _shop(1)
    event = next(event for event in shop.events if event.day.year == shop.start.year)
    market = unlimited(small_market(replace(shop, start=event.day - 25 * DAY)))
    market.advance(market.now + 30 * DAY)
    before = event.day - 4 * DAY
    calm = event.day - 20 * DAY

    def placed_by_next_day(day: date) -> float:
        seen = market.facts.daily(day, day, window_days=2, as_of=market.now).orders.sum()
        return float(seen / market.truth.outcomes(day, day).orders.sum())

    assert placed_by_next_day(before) < placed_by_next_day(calm) - 0.05


def test_presets_hold_an_event_or_none_within_ninety_days() -> None:
    """Apparel meets 6.18, appliances 11.11; general runs through a calm quarter."""
    reached = {
        name: {event.name for event in shop.events if 0 <= (event.day - shop.start).days < 60}
        for name in ("apparel", "appliances", "general")
        for shop in build_shops(name, seed=1, size=0.2)
    }

    assert {"apparel": {"6.18"}, "appliances": {"11.11"}, "general": set()} == reached
