"""Refunds and order value: young sales say little, few sales say little, and one dear order is no price."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.stats import gamma

from bidder.core.calendar import ordinal
from bidder.core.entities import ProductId, Structure
from bidder.core.performance import PRODUCT_COLUMNS, Float64, ProductSalesTable
from bidder.forecast.layout import Layout, lay_out
from bidder.forecast.refunds import (
    CATEGORY_UNITS,
    STATED_UNITS,
    RefundRates,
    refund_completion,
    refund_rates,
)
from bidder.forecast.value import PRIOR_ORDERS, gamma_quantile, order_values, rpc_bounds
from tests.forecast.shops import TODAY, ShopPlan, cny, structure

TODAY_NUMBER = ordinal(TODAY)
NO_DAYS = np.zeros(0, dtype=np.int32)
SHOP = structure(ShopPlan(targets=8, products=4, campaigns=2))
"""Products p0 and p2 are apparel, p1 and p3 general; target n advertises product n % 4; price 100."""
PRICE = 100e6


def sold(*rows: tuple[str, int, int, int], dearer: float = 1.0) -> ProductSalesTable:
    """Return sales of (product, days ago, units, refunded units) at 100 CNY; what came back may have cost more."""
    names = tuple(sorted({name for name, _, _, _ in rows}))
    columns: dict[str, NDArray[np.generic]] = dict.fromkeys(PRODUCT_COLUMNS, np.zeros(len(rows), dtype=np.int64)) | {
        "product": np.array([names.index(name) for name, _, _, _ in rows]),
        "day": np.array([TODAY_NUMBER - back for _, back, _, _ in rows]),
        "units": np.array([units for _, _, units, _ in rows]),
        "refunded_units": np.array([back for _, _, _, back in rows]),
        "revenue_micros": np.array([units * PRICE for _, _, units, _ in rows]),
        "refund_micros": np.array([back * PRICE * dearer for _, _, _, back in rows]),
    }
    empty = ProductSalesTable.empty(currency="CNY")
    return replace(empty, product_ids=names, **columns)  # type: ignore[arg-type]  # columns are named as the table's


def stated(**rates: float) -> Structure:
    """Return the shop with refund rates stated for some products."""
    products = tuple(replace(p, refund_rate=rates.get(str(p.id))) for p in SHOP.products)
    return replace(SHOP, products=products)


def rates_of(
    sales: ProductSalesTable,
    shop: Structure = SHOP,
    default: float | None = None,
    unusable: NDArray[np.int32] = NO_DAYS,
) -> RefundRates:
    """Return the rates learned from sales."""
    return refund_rates(sales, lay_out(shop), today=TODAY_NUMBER, default=default, unusable=unusable)


NOTHING = ProductSalesTable.empty(currency="CNY")


def delayed(*, days: int, units: int, rates: dict[str, float], mean: float) -> ProductSalesTable:
    """Return sales of some days whose refunds come by an exponential delay: the expected count of each day."""
    return sold(
        *(
            (name, back, units, round(units * rate * -np.expm1(-(back + 0.5) / mean)))
            for name, rate in rates.items()
            for back in range(1, days + 1)
        )
    )


def test_young_sales_do_not_make_rates_look_low() -> None:
    """Of two weeks' refunds less than half can be seen at a mean delay of ten days; the rates are right anyway."""
    sales = delayed(days=14, units=20_000, rates={"p0": 0.30, "p1": 0.05}, mean=10.0)

    answer = rates_of(sales)

    raw = sales.refunded_units[sales.product == 0].sum() / sales.units[sales.product == 0].sum()
    assert raw < 0.16
    assert answer.by_product[ProductId("p0")] == pytest.approx(0.30, abs=0.02)
    assert answer.by_product[ProductId("p1")] == pytest.approx(0.05, abs=0.005)


@pytest.mark.parametrize("mean", [2.0, 12.0])
def test_the_delay_of_refunds_is_recovered(mean: float) -> None:
    """Twice as fast or slow as the prior says, the share of refunds visible is found at every age."""
    age = np.arange(1, 61, dtype=np.int32)
    units = np.full(60, 50_000.0)
    refunded = units * 0.2 * -np.expm1(-(age + 0.5) / mean)

    curve = refund_completion(age, units, refunded)

    np.testing.assert_allclose(curve, -np.expm1(-(np.arange(61) + 0.5) / mean), atol=0.03)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 90), st.integers(1, 500), st.floats(0, 1)), max_size=20))
def test_completion_is_a_curve_whatever_came_back(rows: list[tuple[int, int, float]]) -> None:
    """It starts above 0, never falls (but for rounding), ends at 1 at most, and reaches 60 days or the oldest sale."""
    age, units, share = (np.array([row[n] for row in rows], dtype=np.float64) for n in range(3))

    curve = refund_completion(age.astype(np.int32), units, np.floor(units * share))

    assert max(60, int(age.max(initial=0))) + 1 == len(curve)
    assert np.all(np.diff(curve) >= -1e-12)
    assert 0 < curve[0]
    assert curve[-1] <= 1 + 1e-12


def test_a_stated_rate_is_worth_forty_units() -> None:
    """Sixty old units with thirty refunds beside a stated 10%: (30 + 4) / (60 + 40), seen through the completion."""
    answer = rates_of(sold(("p0", 300, 60, 30)), stated(p0=0.1))

    exposure = 60 * answer.completion[300]
    assert answer.by_product[ProductId("p0")] == pytest.approx((30 + STATED_UNITS * 0.1) / (exposure + STATED_UNITS))
    assert answer.completion[300] == pytest.approx(1.0, abs=0.01)
    assert [answer.by_product[ProductId("p0")]] * 2 == answer.by_target[[0, 4]].tolist()


def test_products_without_sales_take_the_rate_of_their_category() -> None:
    """Apparel comes back at 40%, the rest at 5%: p2 never sold and p3 never sold, and each is like its own kind."""
    answer = rates_of(sold(("p0", 300, 1_000, 400), ("p1", 300, 1_000, 50)))

    account = 450 / (2_000 * answer.completion[300])
    seen = 1_000 * answer.completion[300]
    apparel = (400 + CATEGORY_UNITS * account) / (seen + CATEGORY_UNITS)
    general = (50 + CATEGORY_UNITS * account) / (seen + CATEGORY_UNITS)
    assert apparel == pytest.approx(answer.by_product[ProductId("p2")])
    assert general == pytest.approx(answer.by_product[ProductId("p3")])
    assert ((400 + CATEGORY_UNITS * apparel) / (seen + CATEGORY_UNITS)) == pytest.approx(
        answer.by_product[ProductId("p0")]
    )


def test_a_venue_that_shows_no_refund_at_all_proves_nothing() -> None:
    """Ten thousand units without one refund leave stated rates and the default exactly where they stand."""
    answer = rates_of(sold(("p0", 300, 10_000, 0), ("p1", 300, 10_000, 0)), stated(p0=0.2), default=0.15)

    assert {"p0": 0.2, "p1": 0.15, "p2": 0.15, "p3": 0.15} == pytest.approx(answer.by_product)
    assert () == answer.unknown


def test_what_is_not_known_is_not_zero() -> None:
    """No refund, no stated rate, no default: nan, and the products are named."""
    answer = rates_of(NOTHING)

    assert np.isnan(answer.by_target).all()
    assert {} == answer.by_product
    assert tuple(p.id for p in SHOP.products) == answer.unknown


def test_targets_without_a_product_take_the_accounts_rate() -> None:
    """Two stated rates are worth forty units each: their mean; with a default alone, the default."""
    targets = tuple(replace(t, product_id=None) for t in SHOP.targets)
    shop = replace(stated(p0=0.1, p1=0.3), targets=targets)

    assert [0.2] * 8 == pytest.approx(rates_of(NOTHING, shop).by_target.tolist())
    assert [0.25] * 8 == pytest.approx(rates_of(NOTHING, replace(shop, products=()), 0.25).by_target.tolist())


@pytest.mark.parametrize(("dearer", "counted"), [(1.0, 200), (1.5, 300), (9.0, 400)])
def test_refunds_count_by_value_up_to_twice(dearer: float, counted: float) -> None:
    """Where what came back cost more than what was sold, the rate of money is higher; beyond twice it is an error."""
    answer = rates_of(sold(("p0", 300, 1_000, 200), dearer=dearer), stated(p0=0.2))

    expected = (counted + STATED_UNITS * 0.2) / (1_000 * answer.completion[300] + STATED_UNITS)
    assert expected == pytest.approx(answer.by_product[ProductId("p0")], rel=1e-6)


def test_today_excluded_days_and_strangers_leave_no_trace() -> None:
    """Whatever was sold and returned there, the rates are the same."""
    rows = (("p0", 30, 100, 20), ("p1", 20, 100, 5))
    excluded = np.array([TODAY_NUMBER - 9], dtype=np.int32)

    clean = rates_of(sold(*rows))
    dirty = rates_of(sold(*rows, ("p0", 0, 900, 900), ("p1", 9, 900, 900), ("gone", 30, 900, 900)), unusable=excluded)

    assert clean.by_product == dirty.by_product


# Order value


def value_of(rows: list[tuple[int, float, float]], layout: Layout) -> tuple[Float64, Float64]:
    """Return mean (in CNY) and variance of order values from rows of (target, orders, revenue in CNY)."""
    target, orders, revenue = (np.array([row[n] for row in rows], dtype=np.float64) for n in range(3))
    answer = order_values(layout, target.astype(np.int32), orders, revenue * 1e6)
    return answer.mean_micros / 1e6, answer.variance


def test_few_orders_are_shrunk_to_product_and_price() -> None:
    """Six orders at twice the price: 15/9 for the account, 17/9 for the product, 53/27 for the target."""
    mean, variance = value_of([(0, 2.0, 400.0), (0, 4.0, 800.0), (1, 0.0, 0.0)], lay_out(SHOP))

    account = (3 + 12) / (3 + 6)
    product = (12 + 3 * account) / (6 + 3)
    target = (12 + 3 * product) / (6 + 3)
    assert [100 * target, 100 * account, 100 * account, 100 * account, 100 * product] == pytest.approx(
        mean[:5].tolist()
    )
    assert [1 / 9, 1 / 3, 1 / 3, 1 / 3] == pytest.approx(variance[:4].tolist())


def test_without_a_price_the_usual_order_is_the_reference() -> None:
    """Nothing sold and no price: nan; no price but sales: the mean of all orders; a price only: the price."""
    free = lay_out(replace(SHOP, products=tuple(replace(p, price=None) for p in SHOP.products)))
    some = lay_out(replace(SHOP, products=(replace(SHOP.products[0], price=cny(60)), *SHOP.products[1:])))

    assert np.isnan(value_of([], free)[0]).all()
    assert [80.0] * 8 == pytest.approx(value_of([(0, 10.0, 800.0)], free)[0].tolist())
    assert [60.0, 100.0, 100.0, 100.0] == value_of([], some)[0][:4].tolist()


def test_one_order_of_a_hundred_times_the_price_is_not_the_price() -> None:
    """Its target would expect thousands; cut at the tail it does not, and the account still adds up."""
    rows = [(n % 8, 1.0, 100.0) for n in range(400)]
    rows[0] = (0, 1.0, 10_000.0)

    mean, _ = value_of(rows, lay_out(SHOP))

    whole = (399 * 100 + 10_000) / 400
    naive = (49 * 100 + 10_000 + 3 * 100) / (50 + 3)
    assert naive > 280
    assert mean[0] < 1.02 * whole
    assert mean.mean() == pytest.approx(whole, rel=0.01)


def test_heavier_tails_leave_more_doubt() -> None:
    """Log-normal order values have the squared coefficient of variation they were drawn with, over orders + 3."""
    rng = np.random.default_rng(1)
    drawn = 100 * rng.lognormal(-0.125, 0.5, 4_000)
    rows = [(n % 8, 1.0, float(worth)) for n, worth in enumerate(drawn)]

    mean, variance = value_of(rows, lay_out(SHOP))

    np.testing.assert_allclose(mean, 100.0, rtol=0.05)
    np.testing.assert_allclose(variance * (1_000 + PRIOR_ORDERS), np.expm1(0.25), rtol=0.15)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 7), st.integers(1, 5), st.floats(1.0, 5_000.0)), min_size=1, max_size=60),
    st.floats(0.01, 100.0),
)
def test_values_scale_with_the_currency(rows: list[tuple[int, int, float]], factor: float) -> None:
    """Prices and revenue in another unit give the same values in that unit, and the same doubt."""
    scaled_shop = replace(SHOP, products=tuple(replace(p, price=cny(100 * factor)) for p in SHOP.products))
    plain_rows = [(target, float(orders), revenue) for target, orders, revenue in rows]

    mean, variance = value_of(plain_rows, lay_out(SHOP))
    scaled, same = value_of([(t, n, r * factor) for t, n, r in plain_rows], lay_out(scaled_shop))

    np.testing.assert_allclose(scaled, mean * factor, rtol=1e-4)
    np.testing.assert_allclose(same, variance, rtol=1e-3)
    assert np.all(mean > 0)


@given(st.floats(5.0, 1e5), st.floats(0.01, 0.99))
def test_gamma_quantiles_are_those_of_the_distribution(shape: float, probability: float) -> None:
    """Interpolated ones agree with scipy's."""
    found = gamma_quantile(np.array([shape]), probability)

    assert float(gamma.ppf(probability, shape)) / shape == pytest.approx(float(found[0]), rel=1e-3)


def test_bounds_hold_the_mass_they_promise() -> None:
    """A Gamma rate times a Gamma order value falls between the bounds as often as stated, equally often outside."""
    rng = np.random.default_rng(2)
    drawn = 5.0 * rng.gamma(12.0, 1 / 12.0, 200_000) * rng.gamma(25.0, 1 / 25.0, 200_000)

    low, high = rpc_bounds(np.array([5.0]), np.array([12.0]), np.array([1 / 25.0]), 0.8)

    assert float((drawn < low).mean()) == pytest.approx(0.1, abs=0.015)
    assert float((drawn > high).mean()) == pytest.approx(0.1, abs=0.015)
