"""The dual finds the optimum an independent solver finds, keeps bounds, cap and floors, and names what cannot be."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from bidder.core.curves import Curve, HillCurve, LogCurve, PowerCurve
from bidder.core.dual import Problem, Solution, solve
from bidder.errors import BoundsInfeasible
from tests.core.slsqp import objective, peer, surplus

Family = Literal["power", "log", "hill"]
Floats = NDArray[np.float64]


def curve_of(family: Family, rng: np.random.Generator, number: int, *, forced: float) -> Curve:
    """Return random responses with spends around 10 and returns around 3."""
    spend = rng.lognormal(2.0, 0.7, number)
    roas = rng.lognormal(1.0, 0.5, number)
    low, high = forced * spend * rng.random(number), spend * rng.uniform(2, 4, number)
    if family == "power":
        exponent = rng.uniform(0.35, 0.85, number)
        return PowerCurve(scale=roas * spend / spend**exponent, exponent=exponent, low=low, high=high)
    if family == "log":
        return LogCurve(scale=roas * spend / np.log(11), width=spend / 10, low=low, high=high)
    return HillCurve(top=2 * roas * spend, half=spend, shape=np.ones(number), low=low, high=high)


def problem_of(
    family: Family,
    *,
    seed: int,
    number: int = 12,
    groups: int = 3,
    profit: bool,
    forced: float = 0.0,
    tight: float = 0.5,
) -> Problem:
    """Return a random instance whose cap binds and some of whose floors do."""
    rng = np.random.default_rng(seed)
    curve = curve_of(family, rng, number, forced=forced)
    k = rng.uniform(0.2, 0.6, number) if profit else np.ones(number)
    return Problem(
        curve=curve,
        weight=k,
        credit=k,
        charge=1.0 if profit else 0.0,
        cap=float(np.sum(curve.low) + tight * np.sum(curve.high - curve.low)),
        group=rng.integers(0, groups, number).astype(np.intp),
        floor=rng.uniform(0.9, 1.6, groups) if profit else rng.uniform(2.0, 4.0, groups),
        price_limit=np.full(groups, np.inf),
    )


def check_kept(problem: Problem, found: Solution) -> None:
    """Assert that bounds, cap and floors hold."""
    size = float(np.sum(problem.curve.high))
    assert float(found.spend.sum()) <= problem.cap * (1 + 1e-12)
    assert np.all(found.spend >= problem.curve.low - 1e-9 * size)
    assert np.all(found.spend <= problem.curve.high + 1e-9 * size)
    assert np.all(surplus(problem, found.spend) >= -1e-9 * size)


@pytest.mark.parametrize("profit", [False, True], ids=["revenue", "profit"])
@pytest.mark.parametrize("family", ["power", "log", "hill"])
@pytest.mark.parametrize("seed", range(6))
def test_optimum_equals_an_independent_solvers(family: Family, seed: int, profit: bool) -> None:  # noqa: FBT001
    """To a relative difference of a millionth, with floors that bind in part of the instances."""
    problem = problem_of(family, seed=seed, profit=profit, tight=0.3 + 0.1 * seed)

    found = solve(problem)

    best = peer(problem, np.clip(found.spend * 0.9, problem.curve.low, problem.curve.high))
    assert objective(problem, found.spend) == pytest.approx(best, rel=1e-6)
    check_kept(problem, found)


def test_some_of_the_instances_above_have_binding_floors_and_caps() -> None:
    """Otherwise the comparison would prove less than it says."""
    solutions = [
        solve(problem_of("power", seed=seed, profit=profit, tight=0.3 + 0.1 * seed))
        for seed in range(6)
        for profit in (False, True)
    ]

    assert any(np.any(found.return_price > 0) for found in solutions)
    assert any(found.money_price > 0 for found in solutions)
    assert any(found.money_price == 0 for found in solutions)


@given(
    seed=st.integers(0, 2**20),
    family=st.sampled_from(["power", "log", "hill"]),
    profit=st.booleans(),
    forced=st.sampled_from([0.0, 0.3, 0.9]),
    tight=st.floats(0.01, 1.2),
    number=st.integers(1, 60),
)
@settings(max_examples=200)
@example(seed=13, family="log", profit=False, forced=0.0, tight=1.0, number=1)
def test_certificate_bounds_and_floors_hold_on_any_instance(
    seed: int,
    family: Family,
    profit: bool,  # noqa: FBT001
    forced: float,
    tight: float,
    number: int,
) -> None:
    """The duality gap is below 1e-9 wherever the instance is feasible; otherwise the groups are named."""
    problem = problem_of(family, seed=seed, number=number, groups=4, profit=profit, forced=forced, tight=tight)

    named = infeasible_groups(problem)
    if named is None:
        check_kept(problem, solve(problem))
    else:
        assert forced > 0
        assert named


def infeasible_groups(problem: Problem) -> tuple[str, ...] | None:
    """Return the groups named where the floors cannot be met, ``None`` where all can."""
    try:
        solve(problem)
    except BoundsInfeasible as error:
        return error.groups
    return None


def test_price_of_money_is_what_one_more_unit_adds() -> None:
    """The dual equals the derivative of the optimum by the cap."""
    problem = problem_of("power", seed=5, number=50, profit=True, tight=0.02)
    more = Problem(
        curve=problem.curve,
        weight=problem.weight,
        credit=problem.credit,
        charge=problem.charge,
        cap=problem.cap * 1.000001,
        group=problem.group,
        floor=problem.floor,
        price_limit=problem.price_limit,
    )

    before, after = solve(problem), solve(more)

    gained = objective(more, after.spend) - objective(problem, before.spend)
    assert gained / (more.cap - problem.cap) == pytest.approx(before.money_price, rel=1e-3)


@pytest.mark.parametrize("shape", [1.5, 2.0, 3.5])
def test_s_shaped_responses_lose_at_most_one_jump_against_exhaustive_search(shape: float) -> None:
    """The concave envelope is exact but for about one target's jump (Shapley-Folkman)."""
    rng = np.random.default_rng(7)
    number = 6
    curve = HillCurve(
        top=rng.uniform(20, 60, number),
        half=rng.uniform(4, 10, number),
        shape=np.full(number, shape),
        low=np.zeros(number),
        high=np.full(number, 40.0),
    )
    cap = 45.0
    problem = Problem(
        curve=curve,
        weight=np.ones(number),
        credit=np.ones(number),
        charge=0.0,
        cap=cap,
        group=np.zeros(number, dtype=np.intp),
        floor=np.zeros(1),
        price_limit=np.array([np.inf]),
    )

    found = solve(problem)

    best = _best_by_search(curve, cap, steps=90)
    jump = max(float(curve.revenue(np.full(number, 12.0))[n]) for n in range(number))
    assert objective(problem, found.spend) >= best - jump
    assert float(found.spend.sum()) <= cap * (1 + 1e-12)


def _best_by_search(curve: Curve, cap: float, *, steps: int) -> float:
    """Return the best revenue over a grid, by dynamic programming."""
    grid = np.linspace(0, cap, steps + 1)
    number = len(curve.low)
    table = np.array([curve.revenue(np.minimum(np.full(number, g), curve.high)) for g in grid])
    best = np.zeros(steps + 1)
    for row in range(number):
        best = np.array([max(best[m - s] + table[s, row] for s in range(m + 1)) for m in range(steps + 1)])
    return float(best[-1])
