"""The same allocations given to other people's solvers, each in the form it likes best; None where not installed.

What is built once stands outside of the timing: only the solver's call counts, on variables scaled to around 1.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.optimize import LinearConstraint, NonlinearConstraint, minimize
from scipy.sparse import csr_matrix

from benchmarks.budget_problems import BudgetProblem, Floats

Solve = Callable[[], Floats]
"""Solve once, and return the spends."""

Theirs = Any
"""An object of a package without types that may not be installed."""


def clarabel(problem: BudgetProblem) -> Solve | None:
    """Clarabel by cvxpy: power, exponential and second-order cones."""
    if not _installed("cvxpy", "clarabel"):
        return None
    import cvxpy as cp

    number = len(problem.typical)
    share = cp.Variable(number)
    revenue, cones = _cone_revenue(problem, share)
    balance = _floor_rows(problem)
    worth = float(np.mean(problem.weight * problem.typical))
    gain = problem.weight @ revenue - problem.charge * (problem.typical @ share)
    limits = [
        problem.typical @ share / worth <= problem.cap / worth,
        share >= problem.low / problem.typical,
        share <= problem.high / problem.typical,
        *cones,
    ]
    if problem.floor.any():
        asked = cp.multiply(problem.floor[problem.group] * problem.typical, share)
        limits.append(balance @ (cp.multiply(problem.credit, revenue) - asked) / worth >= 0)
    whole = cp.Problem(cp.Maximize(gain / worth), limits)

    def solve() -> Floats:
        whole.solve(solver=cp.CLARABEL, warm_start=False)
        return np.asarray(share.value, dtype=np.float64) * problem.typical

    return solve


def _cone_revenue(problem: BudgetProblem, share: Theirs) -> tuple[Theirs, list[Theirs]]:
    """Return revenue as an expression of spends as shares of the typical ones, and the cones it needs."""
    import cvxpy as cp

    if problem.family == "power":
        at_typical = problem.first * problem.typical**problem.second
        risen = cp.Variable(len(problem.typical))
        return cp.multiply(at_typical, risen), [
            cp.PowCone3D(share, np.ones(len(problem.typical)), risen, problem.second)
        ]
    if problem.family == "log":
        return cp.multiply(problem.first, cp.log1p(cp.multiply(problem.typical / problem.second, share))), []
    if problem.family == "hill":
        lost = cp.inv_pos(1.0 + cp.multiply(problem.typical / problem.second, share))
        return cp.multiply(problem.first, 1.0 - lost), []
    raise ValueError(f"no cones for {problem.family} responses")


def ipopt(problem: BudgetProblem) -> Solve | None:
    """IPOPT by casadi, with exact derivatives."""
    if not _installed("casadi"):
        return None
    import casadi

    number, groups = len(problem.typical), len(problem.floor)
    share = casadi.MX.sym("share", number)
    spend = casadi.DM(problem.typical) * share
    first, second = casadi.DM(problem.first), casadi.DM(problem.second)
    revenue = {
        "power": lambda: first * spend**second,
        "hill": lambda: first * spend / (second + spend),
        "log": lambda: first * casadi.log1p(spend / second),
    }[problem.family]()
    worth = float(np.sum(problem.weight * problem.typical))
    gain = casadi.dot(casadi.DM(problem.weight), revenue) - problem.charge * casadi.sum1(spend)
    surplus = casadi.DM(problem.credit) * revenue - casadi.DM(problem.floor[problem.group]) * spend
    rows = casadi.vertcat(
        casadi.sum1(spend) / problem.cap,
        casadi.mtimes(casadi.DM(_floor_rows(problem).tocsc()), surplus) / (worth / groups),
    )
    solver = casadi.nlpsol(
        "solver",
        "ipopt",
        {"x": share, "f": -gain / worth, "g": rows},
        {"print_time": False, "ipopt.print_level": 0, "ipopt.sb": "yes", "ipopt.tol": 1e-9},
    )
    least = np.maximum(problem.low, 1e-9 * problem.typical) / problem.typical

    def solve() -> Floats:
        found = solver(
            x0=problem.start() / problem.typical,
            lbx=least,
            ubx=problem.high / problem.typical,
            lbg=np.concatenate([[-np.inf], np.zeros(groups)]),
            ubg=np.concatenate([[1.0], np.full(groups, np.inf)]),
        )
        return np.asarray(found["x"], dtype=np.float64).ravel() * problem.typical

    return solve


def slsqp(problem: BudgetProblem) -> Solve:
    """SLSQP of scipy, scaled and with derivatives."""
    number, groups = len(problem.typical), len(problem.floor)
    typical, kind, by_group = problem.typical, problem.kind, _floor_rows(problem)
    worth = float(np.sum(problem.weight * typical))
    floor = problem.floor[problem.group]
    least = np.maximum(problem.low, 1e-9 * typical) / typical

    def slope(x: Floats) -> Floats:
        spend = np.maximum(x * typical, 1e-9 * typical)
        first, second = problem.first, problem.second
        each = [
            first * second * spend ** np.where(kind == 0, second - 1.0, 0.0),
            first * second / (second + spend) ** 2,
            first / (second + spend),
        ]
        return np.choose(kind, each)

    def revenue(x: Floats) -> Floats:
        spend = np.maximum(x * typical, 0.0)
        first, second = problem.first, problem.second
        each = [
            first * spend ** np.where(kind == 0, second, 0.0),
            first * spend / (second + spend),
            first * np.log1p(spend / second),
        ]
        return np.choose(kind, each)

    def surplus(x: Floats) -> Floats:
        return np.asarray(by_group @ (problem.credit * revenue(x) - floor * x * typical) / worth, dtype=np.float64)

    def surplus_slope(x: Floats) -> Floats:
        rows = np.zeros((groups, number))
        rows[problem.group, np.arange(number)] = (problem.credit * slope(x) - floor) * typical / worth
        return rows

    def solve() -> Floats:
        found = minimize(
            lambda x: -float(np.sum(problem.weight * revenue(x) - problem.charge * x * typical)) / worth,
            problem.start() / typical,
            jac=lambda x: -(problem.weight * slope(x) - problem.charge) * typical / worth,
            bounds=list(zip(least, problem.high / typical, strict=True)),
            constraints=[
                LinearConstraint(typical[None, :] / problem.cap, ub=1.0),
                NonlinearConstraint(surplus, 0.0, np.inf, jac=surplus_slope),
            ],
            method="SLSQP",
            options={"ftol": 1e-12, "maxiter": 1_000},
        )
        return np.asarray(found.x, dtype=np.float64) * typical

    return solve


def pymc_marketing(problem: BudgetProblem) -> Solve | None:
    """BudgetOptimizer of pymc-marketing on one posterior draw; it knows bounds and a cap, but no floors."""
    if not _installed("pymc_marketing"):
        return None
    import arviz
    import pymc
    import pymc.dims as pmd
    import pytensor.xtensor as ptx
    from pymc_marketing.mmm.budget_optimizer import BudgetOptimizer

    number = len(problem.typical)
    names = [f"target {row}" for row in range(number)]
    with pymc.Model(coords={"date": [0], "channel": names}) as model:
        spend = pmd.Data("channel_data", problem.typical[None, :], dims=("date", "channel"))
        level = pmd.Normal("level", 1.0, 1.0)
        first, second = (ptx.as_xtensor(values, dims=("channel",)) for values in (problem.first, problem.second))
        revenue = {
            "power": lambda: first * spend**second,
            "hill": lambda: first * spend / (second + spend),
            "log": lambda: first * ptx.math.log1p(spend / second),
        }[problem.family]()
        weight = ptx.as_xtensor(problem.weight, dims=("channel",))
        pmd.Deterministic("total_contribution", level * (weight * revenue - problem.charge * spend).sum())
    optimizer = BudgetOptimizer(
        model=_Fitted(model, arviz.from_dict(posterior={"level": np.ones((1, 1))})), num_periods=1
    )
    bounds = {name: (low, high) for name, low, high in zip(names, problem.low, problem.high, strict=True)}

    room = (problem.cap - float(np.sum(problem.low))) / float(np.sum(problem.high - problem.low))
    start = problem.low + (problem.high - problem.low) * room  # It spends the cap to the last unit.

    def solve() -> Floats:
        # Where its solver gives up, what it has by then counts.
        found, _ = optimizer.allocate_budget(problem.cap, budget_bounds=bounds, x0=start, return_if_fail=True)
        return np.asarray(found.values, dtype=np.float64)

    return solve


class _Fitted:
    """What BudgetOptimizer asks of a fitted model, around one that needs no fit."""

    def __init__(self, model: Theirs, idata: Theirs) -> None:
        self.adstock = type("NoCarryOver", (), {"l_max": 0})()
        self._channel_scales = 1.0
        self.idata = idata
        self._model = model

    def _set_predictors_for_optimization(self, num_periods: int) -> Theirs:
        return self._model


def _floor_rows(problem: BudgetProblem) -> csr_matrix:
    """Return the matrix that sums targets by group."""
    number = len(problem.typical)
    shape = (len(problem.floor), number)
    return csr_matrix((np.ones(number), (problem.group, np.arange(number))), shape=shape)


def _installed(*modules: str) -> bool:
    return all(importlib.util.find_spec(module) is not None for module in modules)
