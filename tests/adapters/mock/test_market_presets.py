"""The presets of the mock market stand within the ranges observed in the trade, seed by seed."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from adapters.mock.generate import build_shops, preset_names
from adapters.mock.history import USUAL_HISTORY_DAYS, open_market
from adapters.mock.market import Market
from adapters.mock.orders import completion
from adapters.mock.seasons import SHOPPERS
from adapters.mock.shop import MICROS
from tests.adapters.mock.market_shops import DAY, small_shop

RANGES = {
    "apparel": {
        "cpc": (0.6, 2.0),
        "ctr": (0.03, 0.07),
        "cvr": (0.01, 0.025),
        "aov": (90, 300),
        "margin": (0.45, 0.65),
        "refund": (0.25, 0.60),
        "words": (500, 3000),
        "no order": (0.65, 0.85),
        "spend without order": (0.20, 0.40),
        "carts": (0.06, 0.15),
        "clicks to bid": (0.4, 1.2),
        "cpc to bid": (0.4, 0.8),
        "budget": (800, 5000),
        "day 0": (0.55, 0.70),
        "day 3": (0.80, 0.88),
        "day 7": (0.91, 0.96),
    },
    "appliances": {
        "cpc": (1.2, 4.0),
        "ctr": (0.015, 0.04),
        "cvr": (0.007, 0.02),
        "aov": (150, 900),
        "margin": (0.25, 0.40),
        "refund": (0.05, 0.15),
        "words": (200, 1200),
        "no order": (0.70, 0.90),
        "spend without order": (0.25, 0.45),
        "carts": (0.04, 0.10),
        "clicks to bid": (0.3, 1.0),
        "cpc to bid": (0.4, 0.8),
        "budget": (1000, 6000),
        "day 0": (0.35, 0.50),
        "day 3": (0.65, 0.75),
        "day 7": (0.82, 0.90),
    },
    "general": {
        "cpc": (0.4, 1.5),
        "ctr": (0.016, 0.05),
        "cvr": (0.015, 0.053),
        "aov": (30, 150),
        "margin": (0.30, 0.50),
        "refund": (0.08, 0.20),
        "words": (300, 2500),
        "no order": (0.55, 0.80),
        "spend without order": (0.15, 0.35),
        "carts": (0.05, 0.12),
        "clicks to bid": (0.4, 1.2),
        "cpc to bid": (0.4, 0.8),
        "budget": (300, 2500),
        "day 0": (0.60, 0.75),
        "day 3": (0.85, 0.92),
        "day 7": (0.94, 0.98),
    },
    "classic": {"cpc": (0.4, 0.6), "cvr": (0.022, 0.038), "aov": (95, 145), "words": (500, 3000)},
}


@cache
def _market(preset: str, seed: int) -> Market:
    return open_market(build_shops(preset, seed=seed)[0])


def _statistics(market: Market) -> dict[str, float]:
    """Measure a shop over its careless history, as its owner could, and the elasticities as only the truth can."""
    shop, last = market.shop, market.day - DAY
    outcomes = market.truth.outcomes(market.hours.first_day, last)
    clicks, orders, spend = outcomes.clicks.sum(), outcomes.orders.sum(), outcomes.spend_micros.sum()
    month = market.truth.outcomes(last - 29 * DAY, last)
    barren = month.orders.sum(axis=0) == 0
    bids = market.controls.bids(shop.targets.ad_group)[:, None] * MICROS
    response = market.truth.response([last], np.concatenate([bids, bids * 1.1], axis=1))
    more = np.log(response.clicks[0].sum(axis=0)), np.log(response.spend_micros[0].sum(axis=0))
    by_clicks, by_spend = (float(np.diff(values)[0] / np.log(1.1)) for values in more)
    share = completion(shop.orders)
    return {
        "cpc": spend / clicks / MICROS,
        "ctr": clicks / outcomes.impressions.sum(),
        "cvr": orders / clicks,
        "aov": outcomes.revenue_micros.sum() / orders / MICROS,
        "margin": float(shop.products.margin.mean()),
        "refund": outcomes.refund_micros.sum() / outcomes.revenue_micros.sum(),
        "words": len(shop.targets),
        "no order": float(barren.mean()),
        "spend without order": month.spend_micros[:, barren].sum() / month.spend_micros.sum(),
        "carts": (outcomes.carts.sum() + outcomes.favourites.sum()) / clicks,
        "clicks to bid": by_clicks,
        "cpc to bid": by_spend - by_clicks,
        "budget": shop.account_budget_micros / MICROS,
        "day 0": float(share[0]),
        "day 3": float(share[3]),
        "day 7": float(share[7]),
    }


def _outside(market: Market) -> dict[str, float]:
    ranges, found = RANGES[market.shop.preset], _statistics(market)
    return {name: found[name] for name, (low, high) in ranges.items() if not low <= found[name] <= high}


@pytest.mark.parametrize(("preset", "seed"), [("apparel", 1), ("appliances", 2), ("general", 1), ("classic", 3)])
def test_statistics_of_the_careless_history_lie_in_the_observed_ranges(preset: str, seed: int) -> None:
    """Price, rates, order values, margins, dead words, delays, elasticities: all inside; many seeds in the slow run."""
    assert {} == _outside(_market(preset, seed))


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("preset", sorted(RANGES))
def test_nearly_every_seed_lies_in_the_observed_ranges(preset: str) -> None:
    """Over many seeds at most one figure in a hundred falls outside, and none far."""
    outside = [_outside(open_market(build_shops(preset, seed=seed)[0])) for seed in range(100, 116)]

    assert sum(len(found) for found in outside) <= 0.01 * len(outside) * 16
    for found in outside:
        for name, value in found.items():
            low, high = RANGES[preset][name]
            assert 0.9 * low <= value <= 1.1 * high, name


@pytest.mark.parametrize("preset", ["apparel", "appliances", "general"])
def test_return_on_spend_is_what_conversion_value_and_price_make_it(preset: str) -> None:
    """ROAS = CVR x AOV / CPC, around 2.5 to 3 for the careless shop, and few words reach the classic goals."""
    market = _market(preset, 2 if preset == "appliances" else 1)
    found = _statistics(market)
    outcomes = market.truth.outcomes(market.hours.first_day, market.day - DAY)

    roas = outcomes.revenue_micros.sum() / outcomes.spend_micros.sum()
    by_word = outcomes.expected_orders.sum(axis=0) * market.shop.products.price_micros[market.shop.targets.product]
    by_word = by_word / np.maximum(outcomes.expected_spend_micros.sum(axis=0), 1)

    assert roas == pytest.approx(found["cvr"] * found["aov"] / found["cpc"])
    assert 1.8 < roas < 3.8
    assert 0.01 < (by_word > 7).mean() < 0.2


def test_hours_follow_the_shoppers_of_the_trade() -> None:
    """Low at four, a noon hump, the peak from eight to ten in the evening; nights convert less."""
    shop = small_shop("apparel", size=1.0)
    demand = shop.demand.hour_profiles[shop.targets.profile].T @ shop.targets.volume
    by_hour = demand / demand.mean()

    assert 0.15 <= by_hour[4] <= 0.25
    assert by_hour[10] == pytest.approx(1.2, abs=0.1)
    assert by_hour[12] == pytest.approx(1.3, abs=0.1)
    assert by_hour[14:16] == pytest.approx(1.1, abs=0.1)
    assert np.all((by_hour[20:23] >= 1.6) & (by_hour[20:23] <= 1.9))
    assert 24 == len(SHOPPERS)
    night, day = shop.demand.conversion_hours[3], shop.demand.conversion_hours[12]
    assert 0.6 <= night / day <= 0.8


def test_a_few_items_sell_most_and_some_are_new_or_slow() -> None:
    """Sales are skewed, some items were launched lately, some hardly sell."""
    market = _market("apparel", 1)
    shop = market.shop
    goods = market.facts.products(market.day - 28 * DAY, market.day - DAY, as_of=market.now)
    units = np.sort(goods.units.sum(axis=0))[::-1]
    age = goods.days[-1] - shop.products.launch_day

    assert units[: len(units) // 5].sum() > 0.4 * units.sum()
    assert (units < 0.3 * np.median(units)).any()
    assert (age < 21).any()
    assert (age > 60).mean() > 0.6
    assert len(set(shop.products.categories)) > 1


def test_history_is_careless_and_two_months_long() -> None:
    """Sixty days, nothing paused, budgets split evenly, bids that ignore value, some far too dear."""
    market = _market("general", 1)
    shop = market.shop

    assert shop.start == market.day
    assert USUAL_HISTORY_DAYS == (market.day - market.hours.first_day).days
    assert 1 == len(set(market.controls.daily_budget_micros.tolist()))
    bids = market.controls.bid_micros / np.median(market.controls.bid_micros)
    assert 0.01 < (bids > 2.2).mean() < 0.1
    value = shop.targets.cvr * shop.products.price_micros[shop.targets.product]
    assert abs(np.corrcoef(np.log(bids), np.log(value))[0, 1]) < 0.15
    assert not market.controls.target_state.any()


def test_the_agency_has_shops_of_several_owners_and_kinds() -> None:
    """Each shop is an account of its own, all in one calendar."""
    shops = build_shops("agency", seed=4, size=0.2)

    assert len(shops) >= 4
    assert len({shop.key for shop in shops}) == len(shops)
    assert len({shop.owner for shop in shops}) >= 3
    assert {"apparel", "appliances", "general"} <= {shop.category for shop in shops}
    assert 1 == len({shop.start for shop in shops})
    assert len({shop.seed for shop in shops}) == len(shops)


@pytest.mark.parametrize("preset", preset_names())
def test_a_smaller_shop_is_smaller_in_all_respects(preset: str) -> None:
    """`size` scales words and budget alike."""
    small, large = build_shops(preset, seed=1, size=0.3)[0], build_shops(preset, seed=1, size=1.0)[0]

    assert len(small.targets) < 0.5 * len(large.targets)
    assert small.account_budget_micros < 0.6 * large.account_budget_micros


def test_unknown_presets_and_sizes_are_refused() -> None:
    """The message lists what there is."""
    with pytest.raises(ValueError, match="apparel"):
        build_shops("shoes", seed=1)
    with pytest.raises(ValueError, match="positive"):
        build_shops("apparel", seed=1, size=0.0)
    with pytest.raises(ValueError, match="days long"):
        open_market(small_shop(), history_days=-1)


def test_every_keyword_and_item_has_a_name_of_its_own() -> None:
    """Ids are unique, and no item bids on the same keyword twice."""
    for preset in ("apparel", "appliances", "general"):
        shop = build_shops(preset, seed=2)[0]
        pairs = list(zip(shop.targets.product.tolist(), shop.targets.texts, strict=True))
        assert len(set(pairs)) == len(pairs)
        assert len(set(shop.targets.ids)) == len(shop.targets)
        assert len(set(shop.products.titles)) == len(shop.products)
        assert shop.targets.brand.any()
