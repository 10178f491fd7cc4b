"""What a match's runs say: shares of the oracle and of the bound with their doubt, broken rules, and hardness.

`bidder simulate --json` prints `summary`; pages and benchmarks take single figures from here. Definitions stand in
docs/maths/scorecard.md.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

import numpy as np

from bidder.core.money import MICROS
from bidder.evaluate.bound import bound
from bidder.evaluate.simulate import Result, Run
from bidder.evaluate.waste import waste_avoided

BOUND_TOLERANCE = 1.01
"""Nobody can beat the fluid optimum by more than chance allows."""

RULES = ("rules", "rules-strict", "rules-loose")
"""The fixed ACOS rules: together they count as the best of them."""

HARD = {"hands-off": 0.60, "proportional": 0.85, "rules": 0.80}
"""Share of the oracle that easy policies may reach at most where a preset is to tell good from bad."""

_DRAWS = 2_000
_INTERVAL = 0.95


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """Share of the oracle's value over seeds; a run that broke a rule counts 0.

    Attributes:
        low, high: Bounds of the mean: the central 95% of bootstrap means over seeds; ``None`` for a single seed.
        earned: Mean share without zeros for broken rules.
    """

    mean: float
    second_half: float
    worst: float
    low: float | None
    high: float | None
    earned: float
    by_seed: tuple[float, ...] = field(default=())


def share_of_oracle(result: Result, policy: str) -> Share | None:
    """Compare a policy with the oracle, seed by seed; ``None`` where the oracle did not play."""
    oracle = {run.seed: run for run in result.of("oracle")}
    if not oracle:
        return None
    whole, half, earned = [], [], []
    for run in result.of(policy):
        best = oracle[run.seed]
        middle = len(run.value) // 2
        counts = run.broke is None
        earned.append(_ratio(float(run.value.sum()), float(best.value.sum())))
        whole.append(earned[-1] if counts else 0.0)
        half.append(_ratio(float(run.value[middle:].sum()), float(best.value[middle:].sum())) if counts else 0.0)
    low, high = bootstrap(whole)
    return Share(
        mean=float(np.mean(whole)),
        second_half=float(np.mean(half)),
        worst=min(whole),
        low=low,
        high=high,
        earned=float(np.mean(earned)),
        by_seed=tuple(whole),
    )


def share_so_far(result: Result, policy: str) -> list[float]:
    """Return the share of the oracle's value up to each day, mean over seeds, nothing set to 0; empty without it."""
    oracle = {run.seed: np.cumsum(run.value) for run in result.of("oracle")}
    if not oracle:
        return []
    shares = [np.cumsum(run.value) / np.maximum(oracle[run.seed], 1.0) for run in result.of(policy)]
    return [float(share) for share in np.mean(shares, axis=0)]


def _ratio(ours: float, best: float) -> float:
    """Return the share, 0 where even the best earned nothing."""
    return ours / best if best > 0 else 0.0


def bootstrap(values: Sequence[float]) -> tuple[float | None, float | None]:
    """Return the central 95% of bootstrap means, drawn with a fixed seed of its own; ``None`` for a single value."""
    if len(values) < 2:  # noqa: PLR2004  # one value tells nothing of its doubt
        return None, None
    draws = np.random.default_rng(0).choice(values, size=(_DRAWS, len(values))).mean(axis=1)
    tail = (1 - _INTERVAL) / 2
    return float(np.quantile(draws, tail)), float(np.quantile(draws, 1 - tail))


def bound_of(result: Result, run: Run) -> float | None:
    """Return the fluid optimum for the goods that a run had for sale, float micros; ``None`` without the oracle."""
    edges = next((other.edges for other in result.of("oracle") if other.seed == run.seed), ())
    if not edges:
        return None
    return sum(
        float(bound(edge, one.goods, day_limit=one.day_micros, month_limit=one.month_micros).sum())
        for edge, one in zip(edges, run.limits, strict=True)
    )


def shares_of_bound(result: Result, policy: str) -> list[float]:
    """Return a policy's value over its bound, by seed; empty where the oracle did not play. Nothing is set to 0."""
    limits = [(run, bound_of(result, run)) for run in result.of(policy)]
    return [_ratio(float(run.value.sum()), limit) for run, limit in limits if limit is not None]


def above_bound(result: Result) -> tuple[str, ...]:
    """Name the policies whose value beat the fluid optimum by more than one percent: the referee is then wrong."""
    return tuple(
        sorted(p for p in set(result.match.policies) if max(shares_of_bound(result, p), default=0) > BOUND_TOLERANCE)
    )


def hardness(result: Result) -> dict[str, object]:
    """Tell whether the market tells good policies from easy ones.

    Easy policies are judged by what they earned, broken rules or not: a zero would make any market look hard.

    Returns:
        ``hard`` is ``None`` where an easy policy or the oracle did not play.
    """
    reached: dict[str, float | None] = {}
    for name in HARD:
        played = [rule for rule in (RULES if name == "rules" else (name,)) if rule in result.match.policies]
        shares = [share.earned for rule in played if (share := share_of_oracle(result, rule)) is not None]
        whole = len(shares) == (len(RULES) if name == "rules" else 1)
        reached[name] = max(shares) if whole else None
    known = [(value, HARD[name]) for name, value in reached.items() if value is not None]
    hard = None if len(known) < len(HARD) else all(value <= limit for value, limit in known)
    return {"hard": hard, "share_of_oracle": reached, "at_most": dict(HARD)}


def summary(result: Result) -> dict[str, object]:
    """Return the figures as one JSON-safe object: what ``bidder simulate --json`` prints. Money is in units."""
    return {
        "world": result.match.world,
        "preset": result.match.preset,
        "days": result.match.days,
        "seeds": list(result.match.seeds),
        "history_days": result.match.history_days,
        "every_hours": result.match.every / timedelta(hours=1),
        "scale": result.match.scale,
        "currency": result.runs[0].currency,
        "confidence": f"{_INTERVAL:.0%} bootstrap over seeds, {_DRAWS} draws",
        "above_bound": list(above_bound(result)),
        "hardness": hardness(result),
        "policies": {policy: _figures(result, policy) for policy in result.match.policies},
    }


def _figures(result: Result, policy: str) -> Mapping[str, object]:
    runs, days = result.of(policy), result.match.days
    spend, revenue, refund = (_sum(runs, name) for name in ("spend", "revenue", "refund"))
    share, of_bound = share_of_oracle(result, policy), shares_of_bound(result, policy)
    return {
        "share_of_oracle": None if share is None else {
            "mean": share.mean, "second_half": share.second_half, "worst": share.worst,
            "ci95": [share.low, share.high], "without_zeros": share.earned, "by_seed": list(share.by_seed),
        },
        "share_of_bound": None if not of_bound else {
            "mean": float(np.mean(of_bound)), "worst": min(of_bound), "best": max(of_bound), "by_seed": of_bound,
        },
        "spend": spend,
        "revenue": revenue,
        "refunds": refund,
        "roas": revenue / spend if spend else None,
        "net_roas": (revenue - refund) / spend if spend else None,
        "profit": sum(run.profit() for run in runs) / MICROS,
        "profit_per_seed_ci95": bootstrap([run.profit() / MICROS for run in runs]),
        "expected_profit": _sum(runs, "value"),
        "orders": float(sum(run.orders.sum() for run in runs)),
        "over_cap": {
            "worst_day": max(float(run.over_cap.max()) for run in runs) / MICROS,
            "total": _sum(runs, "over_cap"),
            "worst_day_of_cap_times_overdelivery": max(_worst_day(run) for run in runs),
        },
        "broken": [{"seed": run.seed, "rule": run.broke} for run in runs if run.broke is not None],
        "waste_avoided": waste_avoided(*({run.seed: run.footprint for run in result.of(name)}
                                         for name in (policy, "hands-off", "oracle"))),
        "targets_paused": sum(run.footprint.paused for run in runs),
        "valid_runs": sum(run.broke is None for run in runs),
        "changes_per_target_day": sum(r.sent for r in runs) / max(sum(r.targets * days for r in runs), 1),
    }  # fmt: skip


def _sum(runs: Sequence[Run], column: str) -> float:
    return float(sum(getattr(run, column).sum() for run in runs)) / MICROS


def _worst_day(run: Run) -> float:
    """Return the dearest day's spend over what it might cost at most."""
    return float(run.spend.max()) / max(sum(one.day_micros for one in run.limits), 1.0)
