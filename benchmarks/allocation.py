"""Allocation benchmark: time, certified gap and floors up to a million targets, beside other people's solvers.

Our time runs from plain arrays to spends and prices. Gaps and floors are judged in extended precision by code that
shares nothing with the solver (`benchmarks.budget_problems.certify`). Peers solve the same instances in the same run,
taking turns; only their solver's call counts. Run: ``python -m benchmarks.allocation``.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
from threadpoolctl import threadpool_limits

from benchmarks import budget_peers as peers
from benchmarks.budget_problems import (
    FAMILIES,
    KINDS,
    OBJECTIVES,
    BudgetProblem,
    Certificate,
    Family,
    Floats,
    certify,
    draw,
)
from benchmarks.harness import Figure, Goal, Timing, best_of, run, side_by_side
from bidder.core.dual import Solution, solve

SIZES, REDUCED_SIZES = (10, 100, 1_000, 10_000, 100_000, 1_000_000), (10, 1_000, 20_000)
SEED = 1
REPEATS, PEER_ROUNDS = 50, 3
"""How often we solve in a turn beside a peer, and how many turns."""
GOALS = (
    Goal(figure="targets", at_least=1_000_000),
    Goal(figure="seconds_worst", at_most=0.5),
    Goal(figure="gap_worst", at_most=1e-8),
    Goal(figure="floors_broken", at_most=0),
    Goal(figure="over_cap_worst", at_most=1e-12),
    Goal(figure="out_of_bounds_worst", at_most=1e-12),
    # Instances without a binding cap and floors would be easy.
    Goal(figure="floors_binding_least", at_least=0.1),
    Goal(figure="money_price_least", at_least=0.1),
    Goal(figure="peer_targets", at_least=10_000),
    # The goals are for power responses, which the daemon's own are; what other families need stands beside them.
    Goal(figure="clarabel_power_times_slower_least", at_least=100.0),
    Goal(figure="clarabel_difference_worst", at_most=1e-6),
    Goal(figure="ipopt_power_times_slower_least", at_least=100.0),
    Goal(figure="ipopt_difference_worst", at_most=1e-6),
    Goal(figure="slsqp_difference_worst", at_most=1e-4),
)


def main() -> int:
    """Run the benchmark."""
    warnings.simplefilter("ignore")  # Peers warn about their own accuracy and future; figures tell the former.
    with threadpool_limits(1):  # A core each: threads that wait for one another would measure the machine's load.
        return run("allocation", measure, GOALS)


def measure(reduced: bool) -> Mapping[str, Figure]:  # noqa: FBT001  # the harness calls it so
    """Return all figures."""
    size = 1_000 if reduced else 10_000
    return {
        **_ours(REDUCED_SIZES if reduced else SIZES),
        "peer_targets": size,
        **_beside("clarabel", peers.clarabel, size),
        **_beside("ipopt", peers.ipopt, size),
        **_beside("slsqp", peers.slsqp, 10 if reduced else 100),
        **_pymc_marketing(10 if reduced else 100),
    }


def _ours(sizes: tuple[int, ...]) -> dict[str, Figure]:
    """Return time and quality of ours at all sizes; the worst of the largest."""
    figures: dict[str, Figure] = {"targets": max(sizes)}
    judged: list[Certificate] = []
    largest: list[tuple[Timing, Timing, Solution]] = []
    for size in sizes:
        for objective in OBJECTIVES:
            for family in FAMILIES:
                problem = draw(objective, family, size, seed=SEED)
                found = solve(problem.problem())
                judged.append(_judge(problem, found))
                cold, warm = _times(problem, found)
                figures[f"{objective}_{family}_{size}"] = cold
                if size == max(sizes):
                    largest.append((cold, warm, found))
    figures["seconds_worst"] = max((cold for cold, _, _ in largest), key=lambda timing: timing.best)
    figures["warm_seconds_worst"] = max((warm for _, warm, _ in largest), key=lambda timing: timing.best)
    figures["passes_worst"] = max(found.passes for _, _, found in largest)
    figures["floors_binding_least"] = min(float(np.mean(found.return_price > 0)) for _, _, found in largest)
    figures["money_price_least"] = min(found.money_price for _, _, found in largest)
    figures["gap_worst"] = max(abs(each.gap) for each in judged)
    figures["shortfall_worst"] = max(each.shortfall for each in judged)
    figures["floors_broken"] = sum(each.broken for each in judged)
    figures["over_cap_worst"] = max(each.over_cap for each in judged)
    figures["out_of_bounds_worst"] = max(each.out_of_bounds for each in judged)
    return figures


def _times(problem: BudgetProblem, found: Solution) -> tuple[Timing, Timing]:
    """Time a first solution, and one that starts from the price of money of a day with 2% more of it."""
    before = solve(replace(problem, cap=1.02 * problem.cap).problem()).money_price if found.money_price > 0 else None
    cold = best_of(lambda: solve(problem.problem()))
    return cold, best_of(lambda: solve(problem.problem(), warm=before))


def _judge(problem: BudgetProblem, found: Solution) -> Certificate:
    return certify(problem, found.spend, money_price=found.money_price, return_price=found.return_price)


def _beside(name: str, peer: Callable[[BudgetProblem], peers.Solve | None], size: int) -> dict[str, Figure]:
    """Return how much slower a peer is, and how its answers differ; None where it is not installed."""
    slower: dict[Family, list[float]] = {family: [] for family in KINDS}
    apart, broken = [], 0
    figures: dict[str, Figure] = {}
    for objective in OBJECTIVES:
        for family in KINDS:
            problem = draw(objective, family, size, seed=SEED)
            call = peer(problem)
            if call is None:
                return dict.fromkeys((f"{name}_power_times_slower_least", *_names(name)))
            theirs = call()
            ratio = _times_slower(problem, call)
            figures[f"{name}_{objective}_{family}_{size}_times_slower"] = ratio
            slower[family].append(ratio)
            apart.append(_apart(problem, theirs))
            broken += certify(problem, theirs).broken
    figures[f"{name}_power_times_slower_least"] = min(slower["power"])
    least = min(min(ratios) for ratios in slower.values())
    return figures | dict(zip(_names(name), (least, max(apart), broken), strict=True))


def _names(name: str) -> tuple[str, str, str]:
    return f"{name}_times_slower_least", f"{name}_difference_worst", f"{name}_floors_broken"


def _pymc_marketing(size: int) -> dict[str, Figure]:
    """Return the same for BudgetOptimizer, which knows no floors: compared without, then asked how many it breaks."""
    name = "pymc_marketing"
    floored = draw("revenue", "hill", size, seed=SEED)
    problem = replace(floored, floor=np.zeros(len(floored.floor)))
    call = peers.pymc_marketing(problem)
    if call is None:
        return dict.fromkeys(_names(name))
    theirs = call()
    figures = (_times_slower(problem, call), _apart(problem, theirs), certify(floored, theirs).broken)
    return dict(zip(_names(name), figures, strict=True))


def _times_slower(problem: BudgetProblem, call: peers.Solve) -> float:
    """Return a peer's time over ours, taking turns; we run many times a turn, so that other work slows both alike."""

    def ours() -> None:
        for _ in range(REPEATS):
            solve(problem.problem())

    took = side_by_side({"ours": ours, "theirs": call}, rounds=PEER_ROUNDS)
    return REPEATS * took["theirs"].median / took["ours"].median


def _apart(problem: BudgetProblem, theirs: Floats) -> float:
    """Return the relative difference of a peer's objective from ours."""
    return abs(problem.value(theirs) / problem.value(solve(problem.problem()).spend) - 1.0)


if __name__ == "__main__":
    sys.exit(main())
