"""The referee knows the goods: what was sold and left, when more comes, and the rank quality of past days."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pytest

from adapters.mock.generate import build_shops
from adapters.mock.goods import for_sale, goods_now
from adapters.mock.history import open_market
from adapters.mock.market import Market

DAY = timedelta(days=1)


@pytest.fixture(scope="module")
def played() -> Market:
    """Return a small market after twelve days."""
    return open_market(build_shops("appliances", seed=5, size=0.2)[0], history_days=12)


def test_what_was_for_sale_is_never_less_than_what_was_sold(played: Market) -> None:
    """Expected sales up to each day, worth what the ledger says, fit into what was for sale."""
    first, last = played.day - 10 * DAY, played.day - DAY

    goods = for_sale(played, first, last)

    outcomes = played.truth.outcomes(first, last)
    product, size = played.shop.targets.product, len(played.shop.products)
    worth = np.array([np.bincount(product, weights=day, minlength=size) for day in outcomes.expected_value_micros])
    sold = np.cumsum(worth / goods.unit_value_micros, axis=0)
    assert outcomes.days.tolist() == goods.days.tolist()
    assert (sold <= goods.units + 1e-6).all()
    assert played.shelf.stock == pytest.approx((goods.units - sold)[-1])
    assert sold[-1].sum() > 1


def test_goods_of_now_are_those_on_the_shelf(played: Market) -> None:
    """Stock as it stands; what is on order comes on its day, and the end of a line never."""
    goods = goods_now(played)

    assert played.shelf.stock.tolist() == goods.stock.tolist()
    ending = ~played.shop.products.restocked & (played.shelf.on_order == 0)
    assert np.isinf(goods.days_to_arrival[ending]).all()
    assert np.isfinite(goods.days_to_arrival[~ending]).all()
    assert (goods.days_to_arrival >= 0).all()
    assert (goods.unit_value_micros > 0).all()


def test_a_past_day_answers_with_the_quality_that_stood_then(played: Market) -> None:
    """What other bids would have brought on a day does not change because our rank changed later."""
    market = played.fork()
    bids = np.full((len(market.shop.targets), 1), 2e6)
    today = market.day
    standing = market.truth.response([today], bids)

    market.advance(market.now + 3 * DAY)

    later = market.truth.response([today], bids)
    assert standing.clicks == pytest.approx(later.clicks)
    assert not np.array_equal(market.quality, market.stood[-3][0])
