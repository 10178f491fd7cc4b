"""scipy's SLSQP on an allocation: a solver that shares nothing with ours, for small instances."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import LinearConstraint, NonlinearConstraint, minimize

from bidder.core.dual import Problem

Floats = NDArray[np.float64]


def objective(problem: Problem, spend: Floats) -> float:
    """Return what the allocation maximises."""
    return float(np.sum(problem.weight * problem.curve.revenue(spend) - problem.charge * spend))


def surplus(problem: Problem, spend: Floats) -> Floats:
    """Return by how much each group stands above its floor."""
    earned = problem.credit * problem.curve.revenue(spend) - problem.floor[problem.group] * spend
    return np.bincount(problem.group, weights=earned, minlength=len(problem.floor)).astype(np.float64)


def peer(problem: Problem, start: Floats) -> float:
    """Return the optimum that scipy's SLSQP finds, scaled and with derivatives."""
    number, groups = len(start), len(problem.floor)
    unit = float(np.mean(problem.curve.high))
    worth = abs(objective(problem, start)) + 1.0

    def marginal(x: Floats) -> Floats:
        return problem.curve.marginal(np.maximum(x * unit, 1e-9 * unit))

    def floors(x: Floats) -> Floats:
        return surplus(problem, x * unit) / worth

    def slopes(x: Floats) -> Floats:
        rows = np.zeros((groups, number))
        each = (problem.credit * marginal(x) - problem.floor[problem.group]) * unit / worth
        rows[problem.group, np.arange(number)] = each
        return rows

    caps = []
    if problem.group_cap is not None:
        capped = np.flatnonzero(np.isfinite(problem.group_cap))
        rows_of = (problem.group == capped[:, None]).astype(np.float64)
        caps.append(LinearConstraint(rows_of, ub=problem.group_cap[capped] / unit))
    found = minimize(
        lambda x: -objective(problem, x * unit) / worth,
        start / unit,
        jac=lambda x: -(problem.weight * marginal(x) - problem.charge) * unit / worth,
        bounds=list(zip(np.maximum(problem.curve.low, 1e-7 * unit) / unit, problem.curve.high / unit, strict=True)),
        constraints=[
            LinearConstraint(np.ones((1, number)), ub=problem.cap / unit),
            NonlinearConstraint(floors, 0.0, np.inf, jac=slopes),
            *caps,
        ],
        method="SLSQP",
        options={"ftol": 1e-14, "maxiter": 2_000},
    )
    assert found.success or found.status == 8, found.message
    assert np.all(floors(found.x) >= -1e-7)
    return -float(found.fun) * worth
