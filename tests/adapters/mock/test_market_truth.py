"""What the referee of the mock market knows, against what is played."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from adapters.mock.controls import UNLIMITED
from adapters.mock.market import Market
from adapters.mock.orders import mean_units
from adapters.mock.shop import MICROS
from tests.adapters.mock.market_shops import DAY, plentiful, small_market, small_shop, unlimited


@pytest.fixture(scope="module")
def played() -> Market:
    """Forty days without limits."""
    market = unlimited(small_market(plentiful(small_shop(size=0.4))))
    market.advance(market.now + 40 * DAY)
    return market


def test_expectations_agree_with_what_happened(played: Market) -> None:
    """Clicks, spend, orders and value differ from their expectations by noise only."""
    outcomes = played.truth.outcomes(played.shop.start, played.day - DAY)

    clicks, orders = outcomes.clicks.sum(), outcomes.orders.sum()
    assert outcomes.expected_clicks.sum() == pytest.approx(clicks, abs=4 * np.sqrt(clicks))
    assert outcomes.expected_spend_micros.sum() == pytest.approx(outcomes.spend_micros.sum(), rel=0.02)
    assert outcomes.expected_orders.sum() == pytest.approx(orders, abs=4 * np.sqrt(orders))
    lift = 1 + played.shop.orders.organic_lift
    value = outcomes.expected_value_micros.sum() / lift
    assert value == pytest.approx(outcomes.contribution_micros.sum(), rel=8 / np.sqrt(orders))


def test_each_target_gets_its_own_expectation(played: Market) -> None:
    """Standardised differences of clicks by target are centred on 0 with spread 1."""
    outcomes = played.truth.outcomes(played.shop.start, played.day - DAY)
    expected = outcomes.expected_clicks.sum(axis=0)
    rows = expected > 5

    z = (outcomes.clicks.sum(axis=0) - expected)[rows] / np.sqrt(expected[rows])

    assert abs(z.mean()) < 4 / np.sqrt(rows.sum())
    assert 0.7 < z.std() < 1.3


def test_response_foretells_the_expected_ledger() -> None:
    """What the truth says bids would bring on a day is what the ledger then expects of them."""
    market = unlimited(small_market(plentiful(small_shop(size=0.3)), days=3))
    shop = market.shop
    bids = market.controls.bids(shop.targets.ad_group)[:, None] * MICROS
    today = market.day

    foretold = market.truth.response([today], bids)
    market.advance(market.now + DAY)

    outcomes = market.truth.outcomes(today, today)
    assert foretold.clicks[0, :, 0] == pytest.approx(outcomes.expected_clicks[0], rel=1e-5)
    assert foretold.spend_micros[0, :, 0] == pytest.approx(outcomes.expected_spend_micros[0], rel=1e-5)
    assert foretold.orders[0, :, 0] == pytest.approx(outcomes.expected_orders[0], rel=1e-5)
    assert foretold.value_micros[0, :, 0] == pytest.approx(outcomes.expected_value_micros[0], rel=1e-5)


def test_hours_of_the_response_add_up_to_its_day(played: Market) -> None:
    """The day's response is the sum over its hours, for future days too."""
    day = played.day + 3 * DAY
    grid = np.geomspace(0.05, 8, 7) * MICROS

    whole, by_hour = played.truth.response([day], grid), played.truth.hour_response(day, grid)

    for name in ("clicks", "spend_micros", "orders", "value_micros"):
        assert getattr(by_hour, name).sum(axis=0) == pytest.approx(getattr(whole, name)[0]), name
    assert (24, len(played.shop.targets), 7) == by_hour.clicks.shape


def test_response_of_some_targets_is_a_part_of_the_response_of_all(played: Market) -> None:
    """Rows are independent of each other."""
    grid = np.asarray([0.3, 1.0]) * MICROS
    rows = np.asarray([5, 2, 60])

    some = played.truth.response([played.day], grid, rows=rows)

    assert some.clicks == pytest.approx(played.truth.response([played.day], grid).clicks[:, rows])


def test_value_of_a_click_is_conversion_times_what_an_order_leaves(played: Market) -> None:
    """Contribution after refunds and return costs, with the organic units that a paid unit brings."""
    shop, day = played.shop, played.day - 5 * DAY
    products, item = shop.products, int(shop.targets.product[7])
    latent = played.latent.day(day)
    price = products.price_micros[item] * mean_units(shop.orders)
    refund, cost = products.refund_rate[item], products.return_cost_micros[item]
    kept = (1 - refund) * products.margin[item] * price - refund * cost

    value = played.truth.value_per_click(day)

    night = shop.demand.conversion_hours[3]
    assert value[3, 7] == pytest.approx(latent.cvr[7] * night * kept * (1 + shop.orders.organic_lift))
    assert value[3, 7] < value[12, 7]


def test_quality_follows_click_rate_and_conversion_slowly() -> None:
    """Words that do better than their keyword's usual rates gain quality with views; unseen words keep theirs."""
    shop = plentiful(small_shop(size=0.4))
    market = unlimited(small_market(shop))
    silent = np.arange(0, len(shop.targets), 7)
    market.set_bids(silent, np.zeros(len(silent)))
    start = market.quality.copy()
    market.advance(market.now + DAY)
    first = market.quality.copy()
    market.advance(market.now + 40 * DAY)

    deserved = (shop.targets.ctr / shop.targets.reference_ctr) ** shop.quality.ctr_power
    deserved = deserved * (shop.targets.cvr / shop.targets.reference_cvr) ** shop.quality.cvr_power
    moved = np.log(market.quality / start)
    views = market.truth.outcomes(shop.start, market.day - DAY).impressions.sum(axis=0)
    busy = views > 5 * shop.quality.half_impressions
    assert start[silent].tolist() == market.quality[silent].tolist()
    assert busy.sum() > 5
    assert np.corrcoef(moved[busy], np.log(deserved[busy]))[0, 1] > 0.9
    assert np.abs(np.log(first / start)).max() < np.abs(moved).max()


def test_rivals_react_only_where_asked() -> None:
    """With a reaction, words that we take much of get dearer; without, rivals stay exogenous."""
    shop = plentiful(small_shop())
    eager = replace(shop, rivals=replace(shop.rivals, reaction=1.0))
    calm, contested = unlimited(small_market(shop)), unlimited(small_market(eager))
    for market in (calm, contested):
        market.set_bids(np.arange(len(shop.targets)), np.full(len(shop.targets), 3 * MICROS))
        market.advance(market.now + 15 * DAY)

    day = calm.day - DAY
    outcomes = [market.truth.outcomes(day, day) for market in (calm, contested)]
    price = [found.expected_spend_micros.sum() / found.expected_clicks.sum() for found in outcomes]

    assert not calm.pressure.any()
    assert contested.pressure.mean() > 0.1
    assert price[1] > 1.03 * price[0]


def test_unplayed_days_have_no_outcome(played: Market) -> None:
    """The message names the days that were played."""
    with pytest.raises(ValueError, match="were played"):
        played.truth.outcomes(played.day, played.day + 3 * DAY)


def test_a_better_split_of_bids_is_worth_more_than_the_careless_one() -> None:
    """The market is worth managing: bids by the truth's own response leave a profit that careless bids do not."""
    shop = small_shop(size=0.4)
    careless = small_market(shop)
    managed = careless.fork()
    grid = np.geomspace(0.05, 8, 40) * MICROS
    response = managed.truth.response([shop.start], grid)
    profit = response.value_micros[0] - response.spend_micros[0]
    best = profit.argmax(axis=1)
    rows = np.arange(len(shop.targets))
    managed.set_bids(rows, np.where(profit[rows, best] > 0, grid[best], 0).astype(np.int64))
    managed.set_budgets(np.arange(len(shop.campaigns)), np.full(len(shop.campaigns), UNLIMITED))

    earned = []
    for market in (careless, managed):
        market.advance(market.now + 10 * DAY)
        outcomes = market.truth.outcomes(shop.start, market.day - DAY)
        earned.append(float(outcomes.expected_value_micros.sum() - outcomes.expected_spend_micros.sum()))

    assert earned[1] > 0
    assert earned[0] < 0.6 * earned[1]
