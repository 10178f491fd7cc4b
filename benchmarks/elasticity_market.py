"""Elasticities on the mock market: the daemon with test moves and without, against the market's own truth.

The daemon steers the same shop twice, every six hours, with the shipped policy; once it also makes test moves at +-20%
that keep their side for two days. At the end its forecast of the curvature is compared, by category, with what the
market would answer to a move of all its bids; and what the tests cost with what both earned. Nothing here was fitted to
this market. Run: ``python -m benchmarks.elasticity_market``.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta

import numpy as np

from benchmarks.harness import Figure, Goal, run
from bidder.core.calendar import DayRange, day_of, ordinal
from bidder.core.entities import Account, State, Structure
from bidder.core.performance import Float64
from bidder.core.policy import PerturbationPolicy
from bidder.core.prediction import Forecast
from bidder.cycle import Kit, attend
from bidder.evaluate.seats import simulated_kit, simulated_policy
from bidder.ports import World
from bidder.registry import load_world
from bidder.steps import observe

TESTS = PerturbationPolicy(enabled=True, step=0.2, share=1.0, hold_days=2)
EVERY, PROBE = timedelta(hours=6), 0.1
TRUTH_DAYS = 14
GOALS = (
    Goal(figure="curvature_error_tested_over_untested", at_most=0.8),
    Goal(figure="value_tested_over_untested", at_least=0.97),
    Goal(figure="changes_that_are_tests", at_least=0.01),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Played:
    """One daemon's run.

    Attributes:
        value: Expected profit of what it played, units of money. stated_cost: Of its tests, as its cycles said.
        squares: Weighted squared error of the curvature by category; clicks and weight likewise.
        tests, changes: Changes sent. tested_targets: Mean of the cycles.
    """

    value: float
    stated_cost: float
    squares: float
    click_squares: float
    weight: float
    tests: int
    changes: int
    tested_targets: float


def measure(reduced: bool) -> Mapping[str, Figure]:  # noqa: FBT001  # the harness calls it so
    """Play, and compare."""
    shops = (("apparel", 1),) if reduced else (("apparel", 1), ("general", 2), ("appliances", 3))
    days, scale = (10, 0.2) if reduced else (40, 0.5)
    figures: dict[str, Figure] = {"shops": len(shops), "days": days}
    runs: dict[str, list[Played]] = {"tested": [], "untested": []}
    for preset, seed in shops:
        for name, tests in (("untested", PerturbationPolicy()), ("tested", TESTS)):
            played = _play(preset, seed, days, scale, tests)
            runs[name].append(played)
            figures[f"{preset}_{name}_curvature_rmse"] = float(np.sqrt(played.squares / played.weight))
            figures[f"{preset}_{name}_click_elasticity_rmse"] = float(np.sqrt(played.click_squares / played.weight))
            figures[f"{preset}_{name}_value"] = played.value
    on, off = runs["tested"], runs["untested"]
    errors = [np.sqrt(sum(r.squares for r in each) / sum(r.weight for r in each)) for each in (on, off)]
    value = sum(run.value for run in off)
    return figures | {
        "curvature_rmse_tested": float(errors[0]),
        "curvature_rmse_untested": float(errors[1]),
        "curvature_error_tested_over_untested": float(errors[0] / errors[1]),
        "value_tested_over_untested": sum(run.value for run in on) / value,
        "stated_cost_over_value": sum(run.stated_cost for run in on) / value,
        "targets_on_test": float(np.mean([run.tested_targets for run in on])),
        "changes_that_are_tests": sum(run.tests for run in on) / sum(run.changes for run in on),
    }


def _play(preset: str, seed: int, days: int, scale: float, tests: PerturbationPolicy) -> Played:
    """Let the daemon steer one shop to the end, and look at its forecast there."""
    world = load_world("mock").open(preset, seed=seed, history_days=60, scale=scale)
    account, start = world.accounts[0], world.now
    kit = simulated_kit(world, account, replace(simulated_policy(world, account, seed), perturbation=tests))
    cost, on_test, changes, made = 0.0, [], 0, 0
    for step in range(timedelta(days=days) // EVERY):
        report = attend(account, kit, now=world.now)
        made += sum(intent.change.reason.code.name == "BID_TEST" for intent in report.intents)
        changes += len(report.intents)
        cost += report.figures.get("test_daily_cost_micros", 0.0) / 1e6 * (EVERY / timedelta(days=1))
        on_test.append(report.figures.get("targets_on_test", 0.0))
        world.advance(start + (step + 1) * EVERY)
    last = day_of(world.now - EVERY, account.time_zone)
    squares, click_squares, weight = _errors(world, account, kit)
    outcomes = world.truth.outcomes(account.id, DayRange.ending(last, days=days))
    return Played(
        value=float(outcomes.value_micros.sum()) / 1e6,
        stated_cost=cost,
        squares=squares,
        click_squares=click_squares,
        weight=weight,
        tests=made,
        changes=changes,
        tested_targets=float(np.mean(on_test)),
    )


def _errors(world: World, account: Account, kit: Kit) -> tuple[float, float, float]:
    """Return the forecast's squared errors of curvature and of the click elasticity, categories weighed by clicks."""
    snapshot = observe(account, kit.market, kit.store, kit.policy, now=world.now)
    forecast = kit.forecaster.forecast(snapshot)
    structure = snapshot.structure
    first = ordinal(snapshot.today) - TRUTH_DAYS
    clicks, spend = _answers(world, account, structure, np.arange(first, first + TRUTH_DAYS, dtype=np.int32))
    category = {product.id: product.category for product in structure.products}
    names = np.array([category.get(t.product_id, "") if t.product_id else "" for t in structure.targets])
    live = np.array([t.state is State.ENABLED and t.bid is not None for t in structure.targets])
    squares, click_squares, weight = 0.0, 0.0, 0.0
    width = np.log((1 + PROBE) / (1 - PROBE))
    for name in np.unique(names[live]):
        rows = live & (names == name)
        more, dearer = (float(np.log(part[rows, 1].sum() / part[rows, 0].sum()) / width) for part in (clicks, spend))
        size = float(clicks[rows].sum())
        told = _mean(forecast, rows)
        squares += size * (told[0] / (told[0] + told[1]) - more / dearer) ** 2
        click_squares += size * (told[0] - more) ** 2
        weight += size
    return squares, click_squares, weight


def _answers(world: World, account: Account, structure: Structure, days: np.ndarray) -> tuple[Float64, Float64]:
    """Return expected clicks and spend at bids a tenth below and above the present, shape (n_targets, 2)."""
    bid = np.array([np.nan if t.bid is None else float(t.bid.micros) for t in structure.targets])
    grid = np.geomspace(0.7 * np.nanmin(bid), 1.4 * np.nanmax(bid), 160)
    row_of = {str(target.id): row for row, target in enumerate(structure.targets)}
    clicks, spend = np.zeros((len(bid), 2)), np.zeros((len(bid), 2))
    for table in world.truth.response(account.id, days, grid):
        for at, identity in enumerate(table.target_ids):
            row = row_of[str(identity)]
            if np.isnan(bid[row]):
                continue
            for side, factor in enumerate((1 - PROBE, 1 + PROBE)):
                clicks[row, side] += np.interp(np.log(bid[row] * factor), np.log(grid), table.clicks[at])
                spend[row, side] += np.interp(np.log(bid[row] * factor), np.log(grid), table.spend_micros[at])
    return clicks, spend


def _mean(forecast: Forecast, rows: np.ndarray) -> tuple[float, float]:
    return float(forecast.click_elasticity[rows].mean()), float(forecast.cpc_elasticity[rows].mean())


if __name__ == "__main__":
    sys.exit(run("elasticity_market", measure, GOALS))
