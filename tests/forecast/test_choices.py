"""Choices from the past: a signal is used where it leads orders, memory fades where rates wander, doubt stays plain."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.integrate import quad
from scipy.stats import gamma, nbinom, poisson

from bidder.core.calendar import ordinal
from bidder.core.performance import PRODUCT_COLUMNS, ProductSalesTable
from bidder.forecast.cells import pool
from bidder.forecast.choices import LEAST_DAYS, LEAST_ORDERS, Choices, choose, settled_past, settled_span
from bidder.forecast.dispersion import LARGEST, clustering
from bidder.forecast.exposure import discount, expose, fading
from bidder.forecast.facts import TargetFacts
from bidder.forecast.hours import weekday
from bidder.forecast.layout import Layout, lay_out
from bidder.forecast.maturity import learn_maturity
from bidder.forecast.mixture import FORM, NODES, Scatter, fit_scatter
from bidder.forecast.signals import SHOP_PRIOR_UNITS, Powers, Signals, relative_carts, shop_rates
from tests.forecast.shops import NO_DEVELOPMENT, PROFILE, TODAY, ShopPlan, structure

TODAY_NUMBER = ordinal(TODAY)
NO_DAYS = np.zeros(0, dtype=np.int32)
NO_SALES = ProductSalesTable.empty(currency="CNY")
TARGETS, DAYS = 300, 42
Numbers = NDArray[np.float64] | NDArray[np.int64]
LAYOUT = lay_out(structure(ShopPlan(targets=TARGETS, products=20, campaigns=4)))


def past(orders: Numbers, clicks: Numbers, carts: Numbers | None = None) -> TargetFacts:
    """Return facts of every target and day up to two weeks ago, from arrays of shape (n_targets, n_days)."""
    target, column = (grid.ravel() for grid in np.indices(clicks.shape))
    flat = clicks.ravel().astype(np.float64)
    end = TODAY_NUMBER - 14
    return TargetFacts(
        today=TODAY_NUMBER,
        first_day=end - clicks.shape[1],
        target=target.astype(np.int32),
        day=(end - clicks.shape[1] + column).astype(np.int32),
        elapsed=np.full(len(flat), 14.0),
        impressions=flat * 20,
        clicks=flat,
        orders=orders.ravel().astype(np.float64),
        spend_micros=flat * 1e6,
        revenue_micros=flat * 0,
        carts=flat * np.nan if carts is None else carts.ravel().astype(np.float64),
    )


def chosen(facts: TargetFacts, sales: ProductSalesTable = NO_SALES, layout: Layout = LAYOUT) -> Choices:
    """Return what these facts choose."""
    levels = [layout.category, layout.product]
    return choose(facts, sales, layout, levels, fallback=0.02, unusable=NO_DAYS)


def sparse(seed: int, *, telling: bool) -> TargetFacts:
    """Draw targets of few orders whose carts are ten times as many, and tell their rates or do not."""
    rng = np.random.default_rng(seed)
    relative = rng.lognormal(-0.32, 0.8, TARGETS)
    clicks = rng.poisson(3.0, (TARGETS, DAYS))
    orders = rng.poisson(clicks * 0.02 * relative[:, None])
    of_carts = relative if telling else rng.permutation(relative)
    return past(orders, clicks, rng.poisson(clicks * 0.2 * of_carts[:, None]))


@pytest.mark.parametrize("seed", [1, 2])
def test_carts_are_chosen_where_they_lead_orders(seed: int) -> None:
    """Carts that are as good as early orders move the expectation, say so, and gained likelihood."""
    facts = sparse(seed, telling=True)

    answer = chosen(facts)

    assert answer.powers.carts >= 0.5
    assert answer.gain > 2.0
    assert any("Carts lead orders" in note for note in answer.notes())
    assert facts.orders[facts.day >= TODAY_NUMBER - 14 - 14].sum() == pytest.approx(answer.orders)


@pytest.mark.parametrize("seed", [1, 2])
def test_carts_that_are_noise_are_not_chosen(seed: int) -> None:
    """The same carts dealt to other targets are no reason to move anything."""
    answer = chosen(sparse(seed, telling=False))

    assert 0.0 == answer.powers.carts
    assert not any("Carts" in note for note in answer.notes())


def test_carts_that_the_venue_does_not_report_are_no_candidate() -> None:
    """No carts at all: the plain model, as with noise."""
    facts = sparse(1, telling=True)

    answer = chosen(replace(facts, carts=np.full(len(facts), np.nan)))

    assert 0.0 == answer.powers.carts


def wandering(seed: int, daily: float) -> TargetFacts:
    """Draw busy targets whose log rates walk by so much a day."""
    rng = np.random.default_rng(seed)
    walk = np.cumsum(rng.normal(0.0, daily, (TARGETS, DAYS)), axis=1) if daily else np.zeros((TARGETS, DAYS))
    clicks = rng.poisson(60.0, (TARGETS, DAYS))
    return past(rng.poisson(clicks * 0.05 * np.exp(walk)), clicks)


def test_drift_is_chosen_where_rates_wander_and_not_where_they_stay() -> None:
    """Six percent a day makes old evidence of three orders a day misleading; at rest all evidence is alike."""
    moving, still = chosen(wandering(1, 0.06)), chosen(wandering(1, 0.0))

    assert moving.drift >= 0.02
    assert any("Rates move" in note for note in moving.notes())
    assert (0.0, 0.0) == (still.drift, still.gain)
    assert 1.0 == pytest.approx(still.clustering, abs=0.05)


@pytest.mark.parametrize(("days", "orders"), [(LEAST_DAYS - 1, 10_000.0), (LEAST_DAYS, LEAST_ORDERS - 1.0), (0, 0.0)])
def test_with_little_past_nothing_is_chosen(days: int, orders: float) -> None:
    """Less than two folds and two weeks, or less than a hundred orders: the plain model without a word."""
    clicks = np.full((TARGETS, days), 50.0)
    sold = np.full((TARGETS, days), orders / max(TARGETS * days, 1))

    answer = chosen(past(sold, clicks, sold * 10))

    assert Choices() == answer
    assert [] == answer.notes()


def test_choices_do_not_depend_on_how_targets_are_ordered() -> None:
    """Rows of the report in another order choose the same."""
    facts = sparse(1, telling=True)
    mixed = np.random.default_rng(9).permutation(len(facts))

    plain, shuffled = chosen(facts), chosen(facts.take(mixed))

    assert (plain.powers, plain.drift) == (shuffled.powers, shuffled.drift)
    assert plain.gain == pytest.approx(shuffled.gain, rel=1e-9)


@given(st.integers(19_000, 23_000), st.integers(1, 30))
def test_settled_days_end_a_window_before_this_weeks_monday(today: int, window: int) -> None:
    """The end is the same from Monday to Sunday and only then moves a week; at Monday all its orders are in."""
    monday = today - int(weekday(np.array([today], dtype=np.int64))[0])

    ends = [settled_span(monday + n, monday + n - 60, window)[1] for n in range(8)]

    assert [monday - window - 1] * 7 + [monday - window + 6] == ends


@given(st.integers(19_000, 23_000), st.integers(7, 400))
def test_settled_days_begin_on_a_monday_within_what_is_kept(today: int, learn_days: int) -> None:
    """The first Monday that is still kept on Sunday: the same from Monday to Sunday."""
    monday = today - int(weekday(np.array([today], dtype=np.int64))[0])

    firsts = [settled_span(monday + n, monday + n - learn_days, 7)[0] for n in range(7)]

    assert [firsts[0]] * 7 == firsts
    assert 0 == weekday(np.array([firsts[0]], dtype=np.int64))[0]
    assert 0 <= firsts[0] - (monday + 6 - learn_days) < 7


# Clustering, memory, exposure


def lots(size: int, seed: int) -> TargetFacts:
    """Draw orders that come in lots of one size, 3 expected a day and target."""
    rng = np.random.default_rng(seed)
    clicks = np.full((TARGETS, DAYS), 60.0)
    return past(size * rng.poisson(3.0 / size, clicks.shape), clicks)


@pytest.mark.parametrize("size", [2, 4])
def test_clustering_is_the_size_of_the_lots(size: int) -> None:
    """Orders that always come in lots of k have a variance of k times their mean; the whole choice finds it, too."""
    facts = lots(size, 3)

    direct, answer = clustering(facts, np.full(TARGETS, 0.05)), chosen(facts)

    assert size == pytest.approx(direct, rel=0.05)
    assert size == pytest.approx(answer.clustering, rel=0.08)
    assert facts.orders[facts.day >= TODAY_NUMBER - 14 - 14].sum() == pytest.approx(answer.orders)


def test_clustering_is_never_below_one_nor_above_what_is_believable() -> None:
    """Orders more regular than chance are no evidence for more than there is; lots of a hundred are something else."""
    clicks = np.full((TARGETS, DAYS), 60.0)

    regular = clustering(past(np.full(clicks.shape, 3.0), clicks), np.full(TARGETS, 0.05))
    absurd = clustering(lots(100, 4), np.full(TARGETS, 0.05))
    tiny = clustering(past(np.array([[9.0, 0.0]]), np.array([[60.0, 60.0]])), np.full(1, 0.05))

    assert (1.0, LARGEST, 1.0) == (regular, absurd, tiny)


def test_evidence_fades_by_age_and_by_how_busy_a_target_is() -> None:
    """Four orders a day at 3%: one day takes 6%; a target of a hundredth of that hardly forgets."""
    facts = past(np.zeros((2, 10)), np.array([[80.0] * 10, [0.8] * 10]))
    until = int(facts.day.max()) + 1

    weight = fading(facts, np.full(2, 0.05), 0.03, until=until).reshape(2, 10)

    ages = np.arange(10, 0, -1)
    np.testing.assert_allclose(weight[0], np.exp(-0.06 * ages))
    np.testing.assert_allclose(weight[1], np.exp(-0.006 * ages))
    np.testing.assert_array_equal(fading(facts, np.full(2, 0.05), 0.0, until=until), 1.0)
    assert [1.0, 0.5, 0.25] == discount(np.array([0.0, 10.0, 20.0]), 10.0).tolist()


def test_exposure_counts_clicks_and_spend_as_far_as_their_orders_can_be_in() -> None:
    """Orders and carts are never inflated; a day without reported carts lends them no clicks."""
    curve = learn_maturity(NO_DEVELOPMENT, PROFILE.maturity, today=TODAY_NUMBER, unusable=NO_DAYS)
    facts = past(np.array([[2.0, 1.0], [0.0, 0.0]]), np.array([[10.0, 20.0], [5.0, 0.0]]))
    facts = replace(facts, elapsed=np.array([30.0, 1.0, 30.0, 1.0]), carts=np.array([3.0, np.nan, np.nan, 1.0]))
    half = float(curve.at(np.array([1.0]))[0])

    answer = expose(facts, 3, curve)

    assert 0.3 < half < 0.9
    assert [10 + 20 * half, 5.0, 0.0] == pytest.approx(answer.clicks.tolist())
    assert [(10 + 20 * half) * 1e6, 5e6, 0.0] == pytest.approx(answer.spend_micros.tolist())
    assert [3.0, 0.0, 0.0] == answer.orders.tolist()
    assert ([3.0, 1.0, 0.0], [10.0, 0.0, 0.0]) == (answer.carts.tolist(), answer.cart_clicks.tolist())


# Signals


def visited(*rows: tuple[str, int, int, int]) -> ProductSalesTable:
    """Return sales of (product, days ago, units, visitors)."""
    names = tuple(sorted({name for name, _, _, _ in rows}))
    columns: dict[str, NDArray[np.generic]] = dict.fromkeys(PRODUCT_COLUMNS, np.zeros(len(rows), dtype=np.int64)) | {
        "product": np.array([names.index(name) for name, _, _, _ in rows]),
        "day": np.array([TODAY_NUMBER - back for _, back, _, _ in rows]),
        "units": np.array([units for _, _, units, _ in rows]),
        "visitors": np.array([visitors for _, _, _, visitors in rows]),
    }
    return replace(NO_SALES, product_ids=names, **columns)  # type: ignore[arg-type]  # columns are named as the table's


def test_shop_rates_compare_products_and_shrink_the_small() -> None:
    """(units + 20) / (units due + 20) at the account's rate; unknown visitors, old, late and excluded days are out."""
    told = (("p0", 5, 90, 1_000), ("p1", 5, 10, 1_000), ("p2", 5, 0, 10))
    out = (("p0", 5, 9, -1), ("p0", 0, 999, 1_000), ("p1", 99, 999, 1_000), ("gone", 5, 999, 9), ("p1", 7, 999, 9))
    excluded = np.array([TODAY_NUMBER - 7], dtype=np.int32)

    rates = shop_rates(visited(*told, *out), LAYOUT, until=TODAY_NUMBER - 1, unusable=excluded)

    due = np.array([1_000, 1_000, 10]) * 100 / 2_010
    expected = (np.array([90, 10, 0]) + SHOP_PRIOR_UNITS) / (due + SHOP_PRIOR_UNITS)
    np.testing.assert_allclose(rates[:4], [*expected, 1.0])
    np.testing.assert_array_equal(rates[20:24], rates[:4])


def test_signals_lift_by_their_powers_and_only_where_told() -> None:
    """Carts of 4 at a half and sales of .5 at one cancel; unknown carts are ones, known ones average 1 over clicks."""
    signals = Signals(carts=np.array([4.0, 1.0]), shop=np.array([0.5, 3.0]), trees=np.array([7.0, 7.0]))
    relative = relative_carts(np.array([0.1, 0.3]), np.array([30.0, 10.0]))

    assert [1.0, 3.0] == pytest.approx(signals.lift(Powers(carts=0.5, shop=1.0)).tolist())
    assert [1.0, 1.0] == signals.lift(Powers()).tolist()
    assert [0.1 / 0.15, 0.3 / 0.15] == pytest.approx(relative.tolist())
    assert [1.0, 1.0] == relative_carts(np.array([0.1, np.nan]), np.array([30.0, 10.0])).tolist()


# The mixture


def drawn_scatter(seed: int) -> Scatter:
    """Return a mixture with random weights and mean 1."""
    weights = np.random.default_rng(seed).dirichlet(np.full(len(NODES), 0.5))
    return Scatter(weights=weights, nodes=NODES / float(weights @ NODES))


def integral(scatter: Scatter, events: float, expected: float, doubt: float, power: int) -> float:
    """Integrate prior times Poisson likelihood times a power of the relative rate, without any conjugacy."""
    form = 1.0 / (1.0 / FORM + doubt)

    def integrand(log_rate: float) -> float:
        rate = np.exp(log_rate)
        prior = float(scatter.weights @ gamma.pdf(rate, form, scale=scatter.nodes / form))
        return float(prior * rate ** (power + 1) * np.exp(events * log_rate - rate * expected))

    return float(quad(integrand, -25.0, 6.0, limit=400, points=[-8.0, -4.0, -2.0, 0.0, 2.0])[0])


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 1_000), st.integers(0, 12), st.floats(0.05, 15.0), st.floats(0.0, 0.5))
def test_the_posterior_is_that_of_numerical_integration(seed: int, events: int, expected: float, doubt: float) -> None:
    """Mean and variance of the relative rate agree with brute force, whatever the weights."""
    scatter = drawn_scatter(seed)

    mean, variance = scatter.posterior(np.array([float(events)]), np.array([expected]), np.array([doubt]))

    mass, first, second = (integral(scatter, events, expected, doubt, power) for power in range(3))
    assert first / mass == pytest.approx(float(mean[0]), rel=1e-5)
    assert second / mass - (first / mass) ** 2 == pytest.approx(float(variance[0]), rel=1e-4)


def test_without_evidence_the_posterior_is_the_prior() -> None:
    """Mean 1, and the variance that the mixture says it has."""
    scatter = drawn_scatter(5)

    mean, variance = scatter.posterior(np.zeros(1), np.zeros(1), np.zeros(1))

    assert [1.0, scatter.variance] == pytest.approx([mean[0], variance[0]])


def test_fitted_weights_find_two_kinds_of_targets() -> None:
    """A third that never sells and the rest at one and a half: mean 1, the variance drawn, and hardly any between."""
    rng = np.random.default_rng(6)
    relative = np.where(rng.random(20_000) < 1 / 3, 0.0, 1.5)
    expected = rng.gamma(4.0, 5.0, 20_000)

    scatter = fit_scatter(pool(rng.poisson(relative * expected).astype(np.float64), expected), 2.0)

    assert 1.0 == pytest.approx(float(scatter.weights.sum()))
    assert 1.0 == pytest.approx(float(scatter.weights @ scatter.nodes))
    assert 1 / 3 == pytest.approx(float(scatter.weights[scatter.nodes < 0.3].sum()), abs=0.04)


def test_counts_drawn_from_the_mixture_pass_its_check_and_others_do_not() -> None:
    """The distance is that of chance for its own counts, and large for counts that scatter less or cluster more."""
    rng = np.random.default_rng(7)
    scatter, size = drawn_scatter(8), 4_000
    expected = rng.gamma(2.0, 4.0, size)
    nodes = rng.choice(scatter.nodes, size, p=scatter.weights)
    own = nbinom.rvs(FORM, FORM / (FORM + nodes * expected), random_state=rng).astype(np.float64)
    plain = poisson.rvs(expected, random_state=rng).astype(np.float64)

    assert scatter.distance(own, expected, np.zeros(size)) < 0.03
    assert scatter.distance(plain, expected, np.zeros(size)) > 0.1
    assert scatter.distance(own, expected, np.zeros(size), clustering=5.0) > 0.03


def test_what_a_choice_rests_on_stands_still_while_days_leave_the_history() -> None:
    """All week the same facts and sales are settled, though the history loses its first day each night."""
    rng = np.random.default_rng(7)
    monday = TODAY_NUMBER - int(weekday(np.array([TODAY_NUMBER], dtype=np.int64))[0])
    clicks = rng.poisson(3.0, (20, 75))
    whole = past(clicks * 0, clicks)
    whole = replace(whole, day=whole.day - int(whole.day.max()) + monday + 6)
    sales = sold(rng.poisson(2.0, (5, 75)), last=monday + 6)

    seen = [
        settled_past(
            replace(whole.take((whole.day > today - 61) & (whole.day <= today)), today=today, first_day=today - 60),
            sales.take((sales.day > today - 61) & (sales.day <= today)),
            window_days=15,
        )
        for today in range(monday, monday + 7)
    ]

    assert len(seen[0][0]) > 0
    assert len(seen[0][1]) > 0
    for facts, shop in seen[1:]:
        assert seen[0][0].day.tolist() == facts.day.tolist()
        assert seen[0][0].clicks.tolist() == facts.clicks.tolist()
        assert seen[0][1].day.tolist() == shop.day.tolist()
        assert seen[0][1].units.tolist() == shop.units.tolist()


def sold(units: NDArray[np.int64], *, last: int) -> ProductSalesTable:
    """Return sales on all channels of every product and day up to one, from an array (n_products, n_days)."""
    product, column = (grid.ravel() for grid in np.indices(units.shape))
    columns: dict[str, NDArray[np.generic]] = dict.fromkeys(PRODUCT_COLUMNS, np.zeros(units.size, dtype=np.int64))
    columns |= {
        "product": product.astype(np.int32),
        "day": (last - units.shape[1] + 1 + column).astype(np.int32),
        "units": units.ravel().astype(np.int64),
        "visitors": np.full(units.size, 50),
        "in_stock_hours": np.full(units.size, 24.0),
    }
    names = tuple(f"p{n}" for n in range(len(units)))
    return ProductSalesTable(currency="CNY", product_ids=names, **columns)  # type: ignore[arg-type]
