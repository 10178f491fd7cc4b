"""The rule of pausing keeps score of itself: some of its pauses are not made, and what those targets bring is counted.

A target is in the sample or not by its name, so every look and every replay draws alike. It runs on at the least bid.
Called by `bidder.core.delivery` and `bidder.core.decide`; docs/maths/pausing.md.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from bidder.core.calendar import day_of, ordinal
from bidder.core.case import Case
from bidder.core.entities import EntityKind
from bidder.core.fresh import seen_since
from bidder.core.layout import NONE, Flags
from bidder.core.pausing import Evidence
from bidder.core.performance import Float64
from bidder.core.turns import draw

RATIOS = np.geomspace(0.05, 4.0, 18)
"""ROAS over break-even that a target in the sample may have; one node stands at every 29%."""

_ROUNDS = 200
_LEAST_FLOOR_ORDERS = 30.0
"""Below so much spend of the whole sample its targets cannot be told apart."""


def sampled(case: Case, guilty: Flags, evidence: Evidence) -> Flags:
    """Return the targets that run on at the least bid instead of being paused.

    Args:
        case: The account.
        guilty: Targets that the evidence would pause now.
        evidence: Of every target; one that was drawn before stays until it would be resumed.
    """
    share, chosen = case.policy.evidence.audit_share, np.zeros(len(guilty), dtype=bool)
    ids = case.layout.ids(EntityKind.TARGET)
    for row in np.flatnonzero(guilty).tolist():
        chosen[row] = draw(ids[row], case.policy.seed) < share
    if case.snapshot.memory.sampled:
        before = np.zeros(len(guilty), dtype=bool)
        before[case.layout.rows_of(frozenset(case.snapshot.memory.sampled), EntityKind.TARGET)] = True
        chosen |= before & case.layout.alive & (evidence.below >= case.policy.evidence.resume_probability)
    return chosen


def sample_figures(case: Case) -> Mapping[str, float]:
    """Return what the sample brought since each of its targets was drawn; nothing where there is no sample."""
    memory, size = case.snapshot.memory, case.layout.n_targets
    start = np.full(size, NONE, dtype=np.int64)
    zone = case.snapshot.account.time_zone
    days = {ref.id: ordinal(day_of(at, zone)) for ref, at in memory.sampled.items() if ref.kind is EntityKind.TARGET}
    for row, identity in enumerate(case.layout.ids(EntityKind.TARGET)) if days else ():
        start[row] = days.get(identity, NONE)
    inside = start != NONE
    if not inside.any():
        return {}
    seen, floor = seen_since(case, start), case.economics.floor_roas / case.economics.caused
    with np.errstate(divide="ignore", invalid="ignore"):
        floor_orders = seen.spend_micros * floor / case.forecast.aov_micros
    known = inside & np.isfinite(floor_orders)
    spent, orders = floor_orders[known], seen.orders[known]
    figures = {"audit_targets": float(inside.sum()), "audit_floor_orders": float(spent.sum())}
    if spent.sum() > 0:
        figures["audit_roas_over_floor"] = float(orders.sum() / spent.sum())
    if spent.sum() >= _LEAST_FLOOR_ORDERS:
        figures["audit_false_share"] = false_share(orders / case.forecast.clustering, spent / case.forecast.clustering)
    return figures


def false_share(orders: Float64, floor_orders: Float64) -> float:
    """Estimate the share of targets that earn break-even from what little each brought.

    The distribution of ROAS over break-even is fitted to all of them at once (nonparametric maximum likelihood on a
    grid), because few orders on one target say nothing about it alone.

    Args:
        orders: (n,) orders seen.
        floor_orders: (n,) orders that break-even would have brought; targets without any are left out.

    Source: Kiefer and Wolfowitz (1956).
    """
    told = floor_orders > 0
    expected = floor_orders[told, None] * RATIOS
    logs = orders[told, None] * np.log(expected) - expected
    likelihood = np.exp(logs - logs.max(axis=1, keepdims=True))
    weights = np.full(len(RATIOS), 1.0 / len(RATIOS))
    for _ in range(_ROUNDS):
        share = likelihood * weights
        weights = (share / share.sum(axis=1, keepdims=True)).mean(axis=0)
    return float(weights[RATIOS >= 1.0].sum())
