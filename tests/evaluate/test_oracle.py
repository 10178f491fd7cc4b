"""The fluid optimum is the best there is: compared with brute force and with its own promises."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bidder.core.money import Money
from bidder.evaluate.bound import bid_grid
from bidder.evaluate.oracle import day_plan, kept_for_goods
from bidder.ports import ResponseTable, SupplyTable
from tests.evaluate.markets import shop


def table(value: np.ndarray, spend: np.ndarray) -> ResponseTable:
    """Build a response of one day; rows are targets, columns bids."""
    return ResponseTable(
        target_ids=tuple(f"t{n}" for n in range(len(value))),
        bid_micros=np.arange(1.0, value.shape[1] + 1),
        clicks=spend.copy(),
        spend_micros=spend,
        value_micros=value,
    )


@st.composite
def responses(draw: st.DrawFn) -> ResponseTable:
    """Draw small markets with rising spend and any value."""
    n_targets, n_bids = draw(st.integers(1, 3)), draw(st.integers(1, 4))
    rng = np.random.default_rng(draw(st.integers(0, 2**31)))
    spend = np.sort(rng.uniform(0, 100, (n_targets, n_bids)), axis=1)
    return table(rng.uniform(0, 200, (n_targets, n_bids)), spend)


@given(market=responses(), cap=st.floats(0, 200))
def test_bound_is_above_every_choice_that_fits_the_cap(market: ResponseTable, cap: float) -> None:
    """No combination of bids within the cap earns more than the fluid optimum."""
    best = max(
        sum(market.value_micros[t, b] - market.spend_micros[t, b] for t, b in enumerate(choice) if b >= 0)
        for choice in itertools.product(range(-1, market.bid_micros.size), repeat=len(market.target_ids))
        if sum(market.spend_micros[t, b] for t, b in enumerate(choice) if b >= 0) <= cap
    )

    plan = day_plan(market, cap)

    assert plan.value_micros >= best - 1e-6
    assert plan.spend_micros.sum() <= cap + 1e-6


def test_without_a_binding_cap_money_has_no_price() -> None:
    """A cap above what is worth spending costs nothing."""
    market = table(np.array([[10.0, 12.0]]), np.array([[2.0, 9.0]]))

    plan = day_plan(market, 100.0)

    assert plan.price == 0
    assert plan.bid_micros.tolist() == [1.0]
    assert plan.value_micros == pytest.approx(8.0)


def test_grid_spans_the_venue_bounds() -> None:
    """The grid begins and ends at the venue's bounds."""
    grid = bid_grid(Money.of("0.05", "CNY"), Money.of("99.99", "CNY"))

    assert grid[0] == pytest.approx(50_000)
    assert grid[-1] == pytest.approx(99_990_000)


def supply(stock: float, days: float, organic: float = 0.0) -> SupplyTable:
    """Build the goods of the shop's one product, worth 10 a unit."""
    return SupplyTable(
        product_ids=("p0",),
        stock=np.array([stock]),
        organic_units=np.array([organic]),
        days_to_arrival=np.array([days]),
        unit_value_micros=np.array([10.0]),
    )


def test_goods_that_last_until_more_come_cost_nothing() -> None:
    """Stock for longer than the wait leaves all of the value."""
    market = table(np.array([[100.0, 150.0]]), np.array([[10.0, 50.0]]))

    kept = kept_for_goods(market, shop(1), supply(1_000.0, 5.0), days_left=90)

    assert kept.tolist() == [1.0]


def test_goods_that_would_run_out_are_kept_for_the_cheap_clicks() -> None:
    """Ten units a day can be sold cheaply and five more dearly; with stock for ten a day only the cheap ones are."""
    market = table(np.array([[100.0, 150.0]]), np.array([[10.0, 50.0]]))

    kept = kept_for_goods(market, shop(1), supply(50.0, 5.0), days_left=90)

    plan = day_plan(table(market.value_micros * kept[:, None], market.spend_micros), 1e9)
    assert plan.bid_micros.tolist() == [1.0]


def test_goods_that_shoppers_take_anyway_are_not_saved() -> None:
    """Where organic sales empty the shelf at once, waiting for cheap clicks would only lose the dear ones."""
    market = table(np.array([[100.0, 150.0]]), np.array([[10.0, 50.0]]))

    kept = kept_for_goods(market, shop(1), supply(50.0, 5.0, organic=1_000.0), days_left=90)

    plan = day_plan(table(market.value_micros * kept[:, None], market.spend_micros), 1e9)
    assert plan.bid_micros.tolist() == [2.0]
