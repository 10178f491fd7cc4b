"""Evidence against a target keeps its error rates, counts in floor-orders, and turns only with hysteresis."""

from __future__ import annotations

from dataclasses import replace
from math import exp, factorial
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from bidder.core.change import Field
from bidder.core.decide import allocate
from bidder.core.entities import State
from bidder.core.pausing import Evidence, carts_veto, log_evalue, should_pause, together, weigh, weigh_forecast
from bidder.core.performance import Float64
from bidder.core.policy import EvidencePolicy
from bidder.core.snapshot import Memory
from tests.core.builders import Shop, Word, changes_of, past, policy, target

RULES = EvidencePolicy()
HORIZON = 40.0
"""Floor-orders of spend for which simulated targets are followed."""


def floats(*values: float) -> Float64:
    """Return an array."""
    return np.array(values, dtype=np.float64)


def evidence(floor_orders: float, *, below: float = 1.0, evalue: float = 1e6) -> Evidence:
    """Return evidence on one target."""
    return Evidence(floor_orders=floats(floor_orders), below=floats(below), log_evalue=np.log(floats(evalue)))


def mixture(orders: int, floor_orders: float) -> float:
    """Return the mixture e-value as it is written down: the mean of seven likelihood ratios."""
    shares = (0.05, 0.2, 0.35, 0.5, 0.65, 0.8, 0.9)
    return sum(g**orders * exp(floor_orders * (1 - g)) for g in shares) / 7


def looks(roas_ratio: Float64, *, per_floor_order: int, seed: int) -> tuple[NDArray[np.int64], Float64]:
    """Simulate orders of targets over the spend of the horizon: orders seen and floor-orders, by target and look."""
    rng = np.random.default_rng(seed)
    steps = round(HORIZON) * per_floor_order
    orders: NDArray[np.int64] = rng.poisson(roas_ratio[:, None] / per_floor_order, (len(roas_ratio), steps)).cumsum(
        axis=1
    )
    spent = np.arange(1, steps + 1) / per_floor_order
    return orders, np.broadcast_to(spent, orders.shape)


@given(st.integers(0, 60), st.floats(0, 80))
def test_evalue_is_the_mean_of_likelihood_ratios(orders: int, floor_orders: float) -> None:
    """The logarithm is that of the plain formula."""
    expected = np.log(mixture(orders, floor_orders))

    assert expected == pytest.approx(float(log_evalue(floats(orders), floats(floor_orders))[0]), abs=1e-9)


@pytest.mark.parametrize("orders", [0, 5_000])
def test_evalue_of_endless_spend_is_finite(orders: int) -> None:
    """Figures far beyond what exp can hold still give a number."""
    found = log_evalue(floats(orders), floats(20_000.0))

    assert np.isfinite(found).all()


@pytest.mark.parametrize(("orders", "before", "after"), [(0, 4.4, 4.5), (1, 6.8, 6.9), (2, 8.9, 9.0)])
def test_evalue_reaches_20_at_the_stated_spend(orders: int, before: float, after: float) -> None:
    """Twenty is reached at 4.5 floor-orders without an order, at 6.9 with one, a little over 8.9 with two."""
    found = np.exp(log_evalue(floats(orders, orders), floats(before, after)))

    assert found[0] < 20.0 <= found[1]


@pytest.mark.parametrize("floor_orders", [0.5, 3.0, 10.0, 25.0])
@pytest.mark.parametrize("roas_ratio", [1.0, 1.2, 2.0])
def test_evalue_averages_at_most_one_at_and_above_the_floor(floor_orders: float, roas_ratio: float) -> None:
    """Summed over the Poisson law of orders, exactly: one at break-even, less above it."""
    orders = np.arange(150)
    mean = floor_orders * roas_ratio
    chance = np.array([exp(-mean) * mean**n / factorial(n) for n in range(150)])

    average = float(chance @ np.exp(log_evalue(orders.astype(np.float64), np.full(150, floor_orders))))

    assert average == pytest.approx(1.0, abs=1e-9) if roas_ratio == 1.0 else average < 1.0


@pytest.mark.parametrize(("roas_ratio", "seed"), [(1.0, 1), (1.0, 2), (1.2, 3)])
def test_evalue_rarely_pauses_a_target_that_earns_however_often_one_looks(*, roas_ratio: float, seed: int) -> None:
    """Of 1,500 targets at or above the floor, looked at ten times per floor-order, under 5% are ever paused."""
    orders, spent = looks(np.full(1_500, roas_ratio), per_floor_order=10, seed=seed)
    found = Evidence(
        floor_orders=spent, below=np.ones(spent.shape), log_evalue=log_evalue(orders.astype(np.float64), spent)
    )

    paused = should_pause(found, RULES, cautious=np.ones(spent.shape, dtype=bool)).any(axis=1)

    assert paused.mean() <= 0.05


def test_evalue_pauses_most_targets_far_below_the_floor() -> None:
    """Of targets that earn a quarter of break-even nearly all are paused within the horizon."""
    orders, spent = looks(np.full(1_000, 0.25), per_floor_order=4, seed=4)
    found = log_evalue(orders.astype(np.float64), spent)

    assert (found >= np.log(20.0)).any(axis=1).mean() > 0.95


def posterior_pauses(truth: Float64, *, shape: float, rate: float, seed: int) -> NDArray[np.bool_]:
    """Follow targets of given ROAS over break-even through the posterior rule; tell which are ever paused."""
    orders, spent = looks(truth, per_floor_order=10, seed=seed)
    # One click costs a tenth of a floor-order: 2 of floor ROAS x 5 of cost over 100 of order value.
    clicks = 10.0 * spent
    found = weigh(
        shape=shape + orders.astype(np.float64),
        rate=rate + clicks,
        orders=orders.astype(np.float64),
        spend_micros=clicks * 5e6,
        aov_micros=np.full(spent.shape, 100e6),
        cpc_micros=np.full(spent.shape, 5e6),
        floor_roas=np.full(spent.shape, 2.0),
    )
    np.testing.assert_allclose(found.floor_orders, spent)
    return np.asarray(should_pause(found, RULES, cautious=np.zeros(spent.shape, dtype=bool)).any(axis=1))


def test_posterior_with_a_fitting_prior_errs_in_at_most_5_percent_of_pauses() -> None:
    """Where ROAS varies as the prior says, at most one pause in twenty hits a target that earns break-even."""
    truth = np.random.default_rng(5).gamma(2.0, 0.5, 3_000)

    paused = posterior_pauses(truth, shape=2.0, rate=20.0, seed=6)

    assert paused.sum() > 500
    # Two standard errors of about 1,500 pauses are .011.
    assert (truth[paused] >= 1.0).mean() <= 0.061


def test_posterior_with_a_flat_prior_needs_the_evalue() -> None:
    """Targets exactly at the floor: with a prior that does not fit looking pauses many, with the e-value few."""
    at_floor = np.ones(1_000)
    orders, spent = looks(at_floor, per_floor_order=10, seed=7)

    flat = posterior_pauses(at_floor, shape=0.01, rate=0.01, seed=7)
    certain = (log_evalue(orders.astype(np.float64), spent) >= np.log(20.0)).any(axis=1)

    assert flat.mean() > 0.2
    assert certain.mean() <= 0.05


@pytest.mark.parametrize("orders", [1, 2, 5])
@pytest.mark.parametrize("clicks", [40, 150, 400])
def test_below_is_the_gamma_probability(orders: int, clicks: int) -> None:
    """For whole shapes the probability is one less the first terms of a Poisson law."""
    mean = clicks * 2.0 * 1.0 / 100.0
    expected = 1.0 - sum(exp(-mean) * mean**n / factorial(n) for n in range(orders))

    found = weigh(
        shape=floats(orders),
        rate=floats(clicks),
        orders=floats(orders),
        spend_micros=floats(clicks * 1e6),
        aov_micros=floats(100e6),
        cpc_micros=floats(1e6),
        floor_roas=floats(2.0),
    )

    assert expected == pytest.approx(float(found.below[0]))


def test_the_gate_asks_the_same_of_every_floor_and_order_value() -> None:
    """150 yuan at a floor of 2 and 33.33 at 9 are the same 3 floor-orders of 100 yuan, and 300 of 200 yuan."""
    found = weigh(
        shape=floats(1, 1, 1),
        rate=floats(150, 150, 150),
        orders=floats(0, 0, 0),
        spend_micros=floats(150e6, 100e6 / 3, 300e6),
        aov_micros=floats(100e6, 100e6, 200e6),
        cpc_micros=floats(1e6, 1e6, 1e6),
        floor_roas=floats(2.0, 9.0, 2.0),
    )

    assert [3.0, 3.0, 3.0] == pytest.approx(found.floor_orders.tolist())
    assert found.log_evalue.tolist() == pytest.approx([np.log(mixture(0, 3.0))] * 3)


@pytest.mark.parametrize("cautious", [True, False])
@pytest.mark.parametrize(("floor_orders", "paused"), [(2.9, False), (3.1, True)])
def test_no_pause_before_three_floor_orders(*, cautious: bool, floor_orders: float, paused: bool) -> None:
    """However certain the tests are, too little spend never pauses."""
    found = should_pause(evidence(floor_orders), RULES, cautious=np.array([cautious]))

    assert [paused] == found.tolist()


@pytest.mark.parametrize(
    ("below", "evalue", "usual", "cautious"),
    [
        (0.96, 19.9, True, False),
        (0.96, 20.1, True, True),
        (0.94, 20.1, False, True),
        (0.94, 19.9, False, False),
        (np.nan, np.nan, False, False),
    ],
)
def test_cautious_targets_need_the_evalue(*, below: float, evalue: float, usual: bool, cautious: bool) -> None:
    """The posterior judges usual targets, the e-value cautious ones; what is unknown pauses neither."""
    found = evidence(5.0, below=below, evalue=evalue)

    told = [bool(should_pause(found, RULES, cautious=np.array([careful]))[0]) for careful in (False, True)]

    assert [usual, cautious] == told


@pytest.mark.parametrize("column", ["shape", "rate", "orders", "spend_micros", "aov_micros", "cpc_micros"])
def test_what_is_unknown_is_no_evidence(column: str) -> None:
    """A target of which one figure is missing is paused by neither test."""
    known = {"shape": 0.1, "rate": 900.0, "orders": 0.0, "spend_micros": 900e6, "aov_micros": 100e6, "cpc_micros": 1e6}

    def weighed(figures: dict[str, float]) -> Evidence:
        told: dict[str, Any] = {name: floats(value) for name, value in figures.items()}
        return weigh(**told, floor_roas=floats(2.0))

    whole, partly = weighed(known), weighed({**known, column: np.nan})
    both = np.array([column not in {"shape", "rate", "cpc_micros"}])

    assert [True] == should_pause(whole, RULES, cautious=both).tolist()
    assert [False] == should_pause(partly, RULES, cautious=both).tolist()


@given(st.integers(0, 30), st.floats(0.1, 60), st.floats(0.1, 20))
def test_more_spend_without_orders_never_weakens_the_evidence(orders: int, spent: float, more: float) -> None:
    """Beyond the orders seen, each further yuan without one counts against a target, and each order for it."""
    start = max(spent, float(orders))

    now, later, sold = log_evalue(floats(orders, orders, orders + 1), floats(start, start + more, start))

    assert sold < now <= later


@pytest.mark.parametrize(
    ("carts", "usual", "floor_orders", "spared"),
    [
        (0.150, 0.1, 5.0, True),
        (0.149, 0.1, 5.0, False),
        (0.150, 0.1, 12.0, True),
        (0.150, 0.1, 12.1, False),
        (0.150, 0.0, 5.0, False),
        (np.nan, 0.1, 5.0, False),
    ],
)
def test_many_carts_veto_up_to_four_gates(*, carts: float, usual: float, floor_orders: float, spared: bool) -> None:
    """Half more carts than usual speak against a pause until twelve floor-orders are spent."""
    found = carts_veto(floats(carts), floats(usual * (1 - 1e-12)), evidence(floor_orders), RULES)

    assert [spared] == found.tolist()


def states(shop: Shop, memory: Memory, *, below: float) -> list[object]:
    """Decide for a target whose probability of earning below break-even is given; return its new states."""
    # With shape 1 the probability is 1 - exp(-rate x needed): a rate for each, needed = .8 / .45 / 100 an order.
    rate = -np.log(1.0 - below) / (0.8 / 0.45 / 100.0)
    plain = shop.forecast()
    made = replace(plain, shape=np.array([1.0, plain.shape[1]]), rate=np.array([rate, plain.rate[1]]))
    draft = allocate(shop.snapshot(memory=memory), made, policy())
    return [change.new for change in changes_of(draft, target(0)) if change.field is Field.STATE]


@pytest.mark.parametrize(
    ("below", "running", "resting"),
    [
        (0.60, [], [State.ENABLED]),
        (0.69, [], [State.ENABLED]),
        (0.71, [], []),
        (0.94, [], []),
        (0.96, [State.PAUSED], []),
    ],
)
def test_between_resume_and_pause_nothing_flickers(*, below: float, running: list[State], resting: list[State]) -> None:
    """Between .7 and .95 a running target runs on and a paused one rests on."""
    ours = past(target(0), Field.STATE, State.ENABLED, State.PAUSED, hours_ago=48, code="PAUSE_EVIDENCE")
    runs, rests = (Shop(words=(Word(value=1.0, state=s), Word())) for s in (State.ENABLED, State.PAUSED))

    told = states(runs, Memory(), below=below), states(rests, Memory(paused_by_us={target(0): ours}), below=below)

    assert (running, resting) == told


@pytest.mark.parametrize("burst", [1.5, 2.0, 4.0])
def test_tempered_evalue_keeps_its_error_rate_where_orders_come_in_bursts(burst: float) -> None:
    """Geometric bursts at break-even: 5% at most are ever paused with the clustering known, far more without."""
    rng = np.random.default_rng(11)
    steps, each = round(HORIZON) * 4, 0.25
    shape = (2_000, steps)
    arrivals = rng.poisson(each / burst, shape)
    # As many geometric sizes as arrivals: a negative binomial of failures on top of one each.
    sizes = arrivals + np.where(arrivals > 0, rng.negative_binomial(np.maximum(arrivals, 1), 1.0 / burst), 0)
    orders, spent = sizes.cumsum(axis=1).astype(np.float64), np.broadcast_to(np.arange(1, steps + 1) * each, shape)
    clustering = 2.0 * burst - 1.0  # E[n^2] / E[n] of a geometric size of that mean

    plain = (log_evalue(orders, spent) >= np.log(20.0)).any(axis=1).mean()
    tempered = (log_evalue(orders, spent, clustering) >= np.log(20.0)).any(axis=1).mean()

    assert tempered <= 0.05 < plain


def test_of_many_together_only_those_far_beyond_pass() -> None:
    """Ten hypotheses at 5%: the largest of one must reach 200, of two 100, of five 40; others are no hypotheses."""
    evalues = floats(210.0, 30.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, np.nan, 9_999.0)
    tested = np.array([True] * 10 + [True, False])

    alone = together(np.log(evalues), tested=tested, level=0.05)
    two = together(np.log(np.where(evalues == 30.0, 120.0, evalues)), tested=tested, level=0.05)
    none = together(np.log(np.where(evalues == 210.0, 190.0, evalues)), tested=tested, level=0.05)

    # The eleventh is nan but counts as a hypothesis: 11 / (1 x .05) = 220 would be asked of the first alone.
    assert [0, 2, 0] == [int(alone.sum()), int(two.sum()), int(none.sum())]


@pytest.mark.parametrize(("alone", "paused"), [(None, 30), (30, 30), (29, 0)])
def test_many_cautious_pauses_are_judged_together_where_the_policy_says(*, alone: int | None, paused: int) -> None:
    """Thirty of 1,000 at an e-value of 25: each passes alone, together they would need 1,000 / (30 x .05)."""
    evalues = np.where(np.arange(1_000) < 30, 25.0, 0.5)
    found = Evidence(floor_orders=np.full(1_000, 9.0), below=np.ones(1_000), log_evalue=np.log(evalues))

    verdict = should_pause(found, replace(RULES, cautious_alone=alone), cautious=np.ones(1_000, dtype=bool))

    assert paused == int(verdict.sum())


def test_together_keeps_the_share_of_false_pauses() -> None:
    """Half the targets earn break-even: of those rejected together at most one in twenty does, in the mean."""
    ratio = np.where(np.arange(400) < 200, 1.0, 0.3)
    shares = []
    for seed in range(20):
        orders, spent = looks(ratio, per_floor_order=1, seed=seed)
        rejected = together(
            log_evalue(orders[:, 14].astype(np.float64), spent[:, 14]), tested=np.ones(400, dtype=bool), level=0.05
        )
        shares.append(float(np.mean(ratio[rejected] == 1.0)) if rejected.any() else 0.0)

    assert float(np.mean(shares)) <= 0.05


def test_only_sure_exposure_speaks_against_a_target() -> None:
    """Where 30% of the matured clicks may still be immature, spend and probability count only the rest."""
    shop = Shop(words=(Word(value=0.5, seen_orders=0.0),))
    known = np.ones(1, dtype=bool)

    whole = weigh_forecast(shop.forecast(), known=known, floor_roas=floats(2.0))
    partly = weigh_forecast(shop.forecast(sure=np.array([0.7])), known=known, floor_roas=floats(2.0))

    assert 0.7 * whole.floor_orders[0] == pytest.approx(partly.floor_orders[0])
    assert partly.below[0] < whole.below[0]
    assert partly.log_evalue[0] < whole.log_evalue[0]
