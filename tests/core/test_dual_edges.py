"""What the dual does at the edges: bounds that cannot be met, groups with caps, one target or none, bad numbers."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.budget_problems import FAMILIES, OBJECTIVES, Family, Objective, certify, draw
from bidder.core.curves import HillCurve, LogCurve, MixedCurve, PowerCurve
from bidder.core.dual import Problem, Solution, solve
from bidder.errors import BoundsInfeasible
from tests.core.slsqp import Floats, objective, peer, surplus


def roots(
    *scales: float,
    low: float | Floats = 0.0,
    high: float = 1e4,
    cap: float = 10.0,
    floor: tuple[float, ...] = (0.0,),
    group: tuple[int, ...] | None = None,
) -> Problem:
    """Return targets with ``R = scale sqrt(s)``, revenue as the objective."""
    number = len(scales)
    return Problem(
        curve=PowerCurve(
            scale=np.array(scales),
            exponent=np.full(number, 0.5),
            low=np.zeros(number) + low,
            high=np.full(number, high),
        ),
        weight=np.ones(number),
        credit=np.ones(number),
        charge=0.0,
        cap=cap,
        group=np.array(group if group is not None else (0,) * number, dtype=np.intp),
        floor=np.array(floor),
        price_limit=np.full(len(floor), np.inf),
    )


def spent(problem: Problem, found: Solution) -> Floats:
    """Return spend by group."""
    return np.bincount(problem.group, weights=found.spend, minlength=len(problem.floor)).astype(np.float64)


def test_floors_that_together_need_more_than_the_cap_are_named() -> None:
    """A forced root beside a good one: the floor alone can be met and the least spends fit, both at once cannot."""
    problem = roots(1.0, 4.0, low=np.array([4.0, 0.0]), cap=4.2, floor=(1.0,))

    with pytest.raises(BoundsInfeasible, match=r"floors of shoes together need 4\.34315") as raised:
        solve(problem, names=("shoes",))

    assert ("shoes",) == raised.value.groups


def test_floors_that_together_just_fit_the_cap_are_met() -> None:
    """The good target earns for the forced one: the cheapest such spends are 4 and (2 - sqrt 2) squared."""
    problem = roots(1.0, 4.0, low=np.array([4.0, 0.0]), cap=4.0 + (2.0 - 2.0**0.5) ** 2 + 1e-7, floor=(1.0,))

    found = solve(problem)

    assert surplus(problem, found.spend)[0] >= -1e-9
    assert found.spend == pytest.approx([4.0, (2.0 - 2.0**0.5) ** 2], abs=1e-6)


def test_least_spends_that_force_a_group_under_its_floor_are_named() -> None:
    """Only the group at fault is named, and not the one that meets its floor beside it."""
    problem = roots(
        1.0, 1.0, 9.0, 1.0, low=np.array([9.0, 0.0, 1.0, 0.0]), cap=50.0, floor=(2.0, 2.0), group=(0, 0, 1, 1)
    )

    with pytest.raises(BoundsInfeasible, match="force socks under the floor") as raised:
        solve(problem, names=("socks", "shoes"))

    assert ("socks",) == raised.value.groups


def test_cap_below_the_least_spends_is_refused() -> None:
    """With both amounts in the message."""
    with pytest.raises(BoundsInfeasible, match=r"least spends together need 8, the cap is 7"):
        solve(roots(1.0, 1.0, low=4.0, cap=7.0))


def test_least_above_most_is_refused() -> None:
    """As many targets as are at fault are told."""
    with pytest.raises(BoundsInfeasible, match="1 targets have a least spend above their most"):
        solve(roots(1.0, 1.0, low=np.array([0.0, 5.0]), high=4.0))


def test_cap_of_exactly_the_least_spends_leaves_them() -> None:
    """Nothing is spent beyond what must be."""
    assert solve(roots(1.0, 3.0, low=np.array([1.0, 2.0]), cap=3.0)).spend == pytest.approx([1.0, 2.0])


def test_no_money_means_no_spend() -> None:
    """A cap of 0 is a cap."""
    found = solve(roots(1.0, 3.0, cap=0.0))

    assert [0.0, 0.0] == found.spend.tolist()
    assert [0.0, 0.0] == found.revenue.tolist()


def test_no_targets_have_an_answer() -> None:
    """An empty account spends nothing at no price."""
    found = solve(roots(cap=5.0, floor=(2.0,)))

    assert (0, 0.0, 0.0) == (len(found.spend), found.money_price, found.gap)


def test_one_target_takes_the_cap_or_stops_where_it_stops_paying() -> None:
    """With R = 6 sqrt(s) at a contribution of .5, the next unit pays for itself up to 2.25."""
    whole = roots(6.0, cap=1.0)
    profit = replace(whole, charge=1.0, weight=np.array([0.5]))

    assert solve(profit).spend == pytest.approx([1.0])
    assert solve(profit).money_price == pytest.approx(0.5)
    assert solve(replace(profit, cap=100.0)).spend == pytest.approx([2.25])
    assert solve(replace(profit, cap=np.inf)).money_price == 0.0


def test_dear_money_does_not_drag_a_forced_group_under_its_floor() -> None:
    """Where money is dearer than the floor, the good target of a group still earns for the forced one beside it."""
    low = np.array([4.0, 0.0, 0.0])
    problem = roots(1.0, 4.0, 40.0, low=low, high=20.0, cap=6.0, floor=(1.0, 1.0), group=(0, 0, 1))

    found = solve(problem)

    assert found.money_price > 1.0
    assert found.return_price[0] > 0.0
    assert surplus(problem, found.spend)[0] == pytest.approx(0.0, abs=1e-9)
    assert objective(problem, found.spend) == pytest.approx(peer(problem, np.array([4.0, 0.4, 1.5])), rel=1e-7)


def test_margins_that_differ_in_a_group_have_prices_of_their_own() -> None:
    """At one price for the whole group a third of the profit would be lost: 2.82 instead of 4.34."""
    problem = replace(
        roots(8.0, 8.0, cap=100.0, floor=(4.0,)), charge=1.0, weight=np.array([0.6, 0.15]), credit=np.ones(2)
    )

    found = solve(problem)

    above = problem.charge + found.money_price + found.return_price[0] * problem.floor[0]
    assert problem.curve.marginal(found.spend) == pytest.approx(above / (problem.weight + found.return_price[0]))
    assert objective(problem, found.spend) == pytest.approx(peer(problem, found.spend * 0.9), rel=1e-7)


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("target", OBJECTIVES)
@pytest.mark.parametrize("family", FAMILIES)
def test_floors_caps_of_groups_and_forced_spends_agree_with_an_independent_solver(
    family: Family, target: Objective, seed: int
) -> None:
    """Random instances of 12 targets in 3 groups, with floors that bind, caps that bind and spends that are forced."""
    problem = crowded(family, target, seed)
    found = answer(problem)
    if found is None:
        return

    best = peer(problem, np.clip(found.spend * 0.95, problem.curve.low, problem.curve.high))

    assert objective(problem, found.spend) == pytest.approx(best, rel=1e-6, abs=1e-6)
    assert np.all(surplus(problem, found.spend) >= -1e-9 * problem.cap)
    assert np.all(spent(problem, found) <= cap_of(problem) * (1 + 1e-12))
    assert found.spend.sum() <= problem.cap * (1 + 1e-12)


def test_the_instances_above_are_not_easy() -> None:
    """Each kind of limit binds in some of them, and some are infeasible."""
    answers = [answer(crowded(family, target, n)) for n in range(8) for target in OBJECTIVES for family in FAMILIES]
    found = [each for each in answers if each is not None]

    assert sum(bool(np.any(each.return_price > 0)) for each in found) >= 10
    assert sum(bool(np.any(each.group_price > 0)) for each in found) >= 10
    assert sum(each.money_price > 0 for each in found) >= 10
    assert len(found) >= 0.7 * len(answers)


def answer(problem: Problem) -> Solution | None:
    """Return the solution; none where least spends or floors force more than can be."""
    try:
        return solve(problem)
    except BoundsInfeasible:
        return None


def crowded(family: Family, target: Objective, seed: int) -> Problem:
    """Draw a small instance with every kind of limit."""
    rng = np.random.default_rng(seed)
    drawn = draw(target, family, 12, seed=seed)
    groups = 3
    group = rng.integers(0, groups, 12).astype(np.intp)
    typical = np.bincount(group, weights=drawn.typical, minlength=groups)
    floor = rng.uniform(1.0, 5.0, groups)
    return replace(
        drawn.problem(),
        group=group,
        floor=floor,
        price_limit=np.full(groups, np.inf),
        group_cap=np.where(rng.random(groups) < 0.5, typical * rng.uniform(0.5, 1.0, groups), np.inf),
    )


def cap_of(problem: Problem) -> Floats:
    """Return the groups' caps."""
    assert problem.group_cap is not None
    return problem.group_cap


def test_cap_of_a_group_below_its_least_spends_is_named() -> None:
    """A brand's own cap, say, that its forced words exceed."""
    problem = replace(roots(1.0, 1.0, low=np.array([4.0, 0.0])), group_cap=np.array([3.0]))

    with pytest.raises(BoundsInfeasible, match="least spends of brand need more than the cap of the group") as raised:
        solve(problem, names=("brand",))

    assert ("brand",) == raised.value.groups


def test_soft_goal_out_of_reach_costs_its_price_and_is_told() -> None:
    """A shortfall is paid for at the price given, and no more is given up for it."""
    problem = replace(roots(4.0, 4.0, cap=50.0, floor=(6.0, 0.0), group=(0, 1)), price_limit=np.array([0.5, np.inf]))

    found = solve(problem)

    assert [True, False] == found.unmet.tolist()
    assert found.return_price[0] == pytest.approx(0.5)
    assert problem.curve.marginal(found.spend)[0] == pytest.approx((found.money_price + 0.5 * 6.0) / 1.5)


@given(
    target=st.sampled_from(OBJECTIVES),
    family=st.sampled_from(FAMILIES),
    number=st.sampled_from([1, 7, 60, 700]),
    seed=st.integers(0, 2**20),
)
@settings(max_examples=80)
def test_a_bound_computed_apart_certifies_every_answer(
    target: Objective, family: Family, number: int, seed: int
) -> None:
    """The gap to a Lagrangian bound in extended precision is below 1e-9, no floor is broken, no cap exceeded."""
    problem = draw(target, family, number, seed=seed)
    found = solve(problem.problem())

    judged = certify(problem, found.spend, money_price=found.money_price, return_price=found.return_price)

    assert abs(judged.gap) < 1e-9
    assert found.gap < 1e-9
    assert (0, 0.0) == (judged.broken, judged.out_of_bounds)
    assert judged.over_cap < 1e-12


@pytest.mark.parametrize("groups", [1, 5_400], ids=["one-group", "many-groups"])
def test_many_targets_begin_with_a_sample_and_end_exact(groups: int) -> None:
    """Above a quarter of a million targets a sample is solved first."""
    drawn = draw("profit", "hill", 270_000, seed=3)
    rows = (drawn.group % groups).astype(np.intp)
    problem = replace(drawn, group=rows, floor=drawn.floor[:groups], low=np.zeros(len(rows)))

    found = solve(problem.problem())

    judged = certify(problem, found.spend, money_price=found.money_price, return_price=found.return_price)
    assert abs(judged.gap) < 1e-9
    assert judged.broken == 0
    assert found.passes < 12


def test_warm_start_ends_at_the_same_answer() -> None:
    """Whatever price of money the last cycle ended with."""
    problem = draw("profit", "power", 500, seed=4).problem()
    cold = solve(problem)

    for warm in (cold.money_price, 0.5 * cold.money_price, 20.0 * cold.money_price):
        assert solve(problem, warm=warm).spend == pytest.approx(cold.spend, rel=1e-8)


def test_order_of_targets_changes_no_answer() -> None:
    """Permuting targets permutes spends."""
    drawn = draw("revenue", "mixed", 300, seed=5)
    order = np.random.default_rng(1).permutation(300)
    arrays = ("kind", "first", "second", "typical", "low", "high", "weight", "credit", "group")
    shuffled = replace(drawn, **{name: getattr(drawn, name)[order] for name in arrays})

    assert solve(shuffled.problem()).spend == pytest.approx(solve(drawn.problem()).spend[order], rel=1e-8)


def test_mixed_families_answer_like_their_parts() -> None:
    """Each target of a mixed curve responds as it would in a curve of its own family."""
    power = PowerCurve(scale=np.array([3.0, 5.0]), exponent=np.array([0.4, 0.7]), low=np.zeros(2), high=np.full(2, 9.0))
    log = LogCurve(scale=np.array([6.0]), width=np.array([2.0]), low=np.ones(1), high=np.full(1, 8.0))
    mixed = MixedCurve(np.array([0, 1, 0]), [power, log])
    price = np.array([1.0, 2.0, 3.0])

    whole, some = mixed.at(price), mixed.take(np.array([2, 1])).at(price[[2, 1]])

    assert power.at(price[[0, 2]]).spend.tolist() == whole.spend[[0, 2]].tolist()
    assert log.at(price[[1]]).revenue.tolist() == whole.revenue[[1]].tolist()
    assert whole.bend[[2, 1]].tolist() == some.bend.tolist()
    with pytest.raises(ValueError, match="the curves have"):
        MixedCurve(np.array([0, 0, 0]), [power, log])


@pytest.mark.parametrize("shape", [0.5, 1.0, 1.7, 4.0])
@pytest.mark.parametrize("forced", [0.0, 0.4])
def test_hill_answers_are_the_best_on_a_grid(shape: float, forced: float) -> None:
    """No spend on a fine grid earns more beyond its price, on the falling branch or off it."""
    rng = np.random.default_rng(2)
    high = rng.lognormal(2.0, 1.0, 200)
    curve = HillCurve(
        top=rng.lognormal(3.0, 1.0, 200),
        half=rng.lognormal(1.0, 1.0, 200),
        shape=np.full(200, shape),
        low=forced * high,
        high=high,
    )
    grid = curve.low + (high - curve.low) * np.linspace(0.0, 1.0, 2_001)[:, None] ** 2

    for price in (0.0, 0.03, 0.5, 2.0, 40.0):
        answer = curve.at(np.full(200, price))
        best = np.max([curve.revenue(row) - price * row for row in grid], axis=0)
        assert np.all(answer.revenue - price * answer.spend >= best - 1e-9 * np.maximum(best, 1e-9))


@pytest.mark.parametrize("seed", range(6))
def test_floors_hold_with_s_shaped_responses(seed: int) -> None:
    """Where a group's answer jumps past its floor, the side that meets it is taken."""
    rng = np.random.default_rng(seed)
    half = rng.lognormal(2.0, 0.7, 30)
    curve = HillCurve(
        top=half * rng.lognormal(1.5, 0.5, 30),
        half=half,
        shape=rng.uniform(1.5, 4.0, 30),
        low=np.zeros(30),
        high=6.0 * half,
    )
    problem = Problem(
        curve=curve,
        weight=np.ones(30),
        credit=np.ones(30),
        charge=0.0,
        cap=float(2.0 * half.sum()),
        group=rng.integers(0, 3, 30).astype(np.intp),
        floor=rng.uniform(2.0, 4.0, 3),
        price_limit=np.full(3, np.inf),
    )

    found = solve(problem)

    assert np.any(found.return_price > 0)
    assert np.all(surplus(problem, found.spend) >= -1e-9)
    assert found.spend.sum() <= problem.cap * (1 + 1e-12)


BAD = [float("nan"), float("inf"), float("-inf"), -1.0]


@pytest.mark.parametrize("bad", BAD)
@pytest.mark.parametrize("name", ["scale", "exponent", "low", "high"])
def test_power_curve_refuses_what_no_account_has(name: str, bad: float) -> None:
    """A forecast gone wrong is refused with the name of the parameter."""
    good = {"scale": np.ones(3), "exponent": np.full(3, 0.5), "low": np.zeros(3), "high": np.ones(3)}

    with pytest.raises(ValueError, match=rf"PowerCurve\.{name} must be"):
        PowerCurve(**good | {name: np.array([0.5, bad, 0.5])})


@pytest.mark.parametrize("bad", [*BAD, 0.0])
@pytest.mark.parametrize("name", ["top", "half", "shape"])
def test_hill_curve_refuses_it_too(name: str, bad: float) -> None:
    """Also a zero, where a parameter must be positive."""
    good = {name: np.ones(2) for name in ("top", "half", "shape", "low", "high")}

    with pytest.raises(ValueError, match=rf"HillCurve\.{name} must be"):
        HillCurve(**good | {name: np.array([1.0, bad])})


@pytest.mark.parametrize("bad", [*BAD, 0.0])
@pytest.mark.parametrize("name", ["scale", "width"])
def test_log_curve_refuses_it_too(name: str, bad: float) -> None:
    """The same."""
    good = {name: np.ones(2) for name in ("scale", "width", "low", "high")}

    with pytest.raises(ValueError, match=rf"LogCurve\.{name} must be"):
        LogCurve(**good | {name: np.array([1.0, bad])})


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("weight", np.array([1.0, np.nan]), "weight and credit"),
        ("weight", np.array([1.0, 0.0]), "weight and credit"),
        ("credit", np.array([np.inf, 1.0]), "weight and credit"),
        ("floor", np.array([np.nan]), "floors must be finite"),
        ("floor", np.array([-1.0]), "floors must be finite"),
        ("price_limit", np.array([np.nan]), "price of return"),
        ("group_cap", np.array([np.nan]), "group caps"),
        ("cap", float("nan"), "the cap must be at least 0"),
        ("cap", -1.0, "the cap must be at least 0"),
        ("charge", float("inf"), "the charge must be finite"),
        ("group", np.array([0, 1]), "groups must be numbered from 0 to 0"),
        ("weight", np.ones(3), "weight must have shape"),
        ("price_limit", np.ones(2), "price_limit must have shape"),
    ],
)
def test_problem_refuses_numbers_that_mean_nothing(name: str, value: Any, words: str) -> None:
    """Before anything is computed from them."""
    with pytest.raises(ValueError, match=words):
        replace(roots(1.0, 2.0), **{name: value})


def test_curve_of_unequal_lengths_is_refused() -> None:
    """One value a target."""
    with pytest.raises(ValueError, match=r"PowerCurve\.scale has shape \(2,\)"):
        PowerCurve(scale=np.ones(2), exponent=np.full(3, 0.5), low=np.zeros(3), high=np.ones(3))
