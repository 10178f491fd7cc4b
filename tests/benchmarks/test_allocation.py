"""The allocation benchmark's judge finds what is wrong with an answer, and its instances are hard and feasible."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from benchmarks import budget_peers as peers
from benchmarks.budget_problems import FAMILIES, KINDS, OBJECTIVES, Family, Objective, certify, draw
from bidder.core.dual import solve


@pytest.mark.parametrize("objective", OBJECTIVES)
@pytest.mark.parametrize("family", FAMILIES)
def test_instances_are_feasible_and_hard(objective: Objective, family: Family) -> None:
    """The cap binds, and a part of the floors, but not all."""
    found = solve(draw(objective, family, 5_000, seed=2).problem())

    assert found.money_price > 0.05
    assert 0.05 < float(np.mean(found.return_price > 0)) < 0.6


def test_an_answer_that_is_a_little_worse_has_a_gap_of_at_least_what_it_lost() -> None:
    """Money moved between two targets costs, and the certificate says so."""
    problem = draw("revenue", "power", 200, seed=1)
    found = solve(problem.problem())
    free = np.flatnonzero((found.spend > problem.low + 1.0) & (found.spend < problem.high - 1.0))[:2]
    moved = found.spend.copy()
    moved[free] += np.array([0.5, -0.5])

    judged = certify(problem, moved, money_price=found.money_price, return_price=found.return_price)

    lost = (problem.value(found.spend) - problem.value(moved)) / problem.value(moved)
    assert lost > 1e-6
    assert judged.gap >= lost * (1 - 1e-6)


def test_wrong_prices_certify_nothing() -> None:
    """A bound from other prices is looser, never tighter."""
    problem = draw("profit", "mixed", 200, seed=1)
    found = solve(problem.problem())

    judged = certify(problem, found.spend, money_price=1.1 * found.money_price, return_price=found.return_price)

    assert judged.gap > 1e-5


def test_broken_floors_caps_and_bounds_are_found() -> None:
    """What the money of floors is spent on without them, and more than there is."""
    problem = draw("revenue", "power", 1_000, seed=1)
    without = solve(problem.problem(floors=False)).spend

    assert certify(problem, without).broken > 0
    assert certify(problem, without).shortfall > 1e-4
    assert certify(problem, 1.01 * without).over_cap == pytest.approx(0.01, rel=1e-6)
    assert certify(problem, np.where(problem.low > 0, 0.0, without)).out_of_bounds > 0.01


@pytest.mark.parametrize("family", KINDS)
def test_scipy_as_a_peer_finds_the_same(family: Family) -> None:
    """The peer that is always installed solves the instances it is given, floors included."""
    problem = draw("profit", family, 30, seed=6)

    theirs = peers.slsqp(problem)()

    assert problem.value(theirs) == pytest.approx(problem.value(solve(problem.problem()).spend), rel=1e-6)
    assert certify(problem, theirs).broken == 0


def test_formulas_of_the_judge_are_those_of_the_curves() -> None:
    """Written twice, they agree."""
    problem = draw("revenue", "mixed", 300, seed=3)
    spend = problem.typical

    assert problem.revenue(spend).astype(float) == pytest.approx(problem.problem().curve.revenue(spend))
    assert problem.marginal(spend).astype(float) == pytest.approx(problem.problem().curve.marginal(spend))
    assert certify(replace(problem, cap=1e-9), spend).over_cap > 1.0
