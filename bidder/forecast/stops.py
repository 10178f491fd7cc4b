"""From which spend on a target may have been paused for what it brought: the prior check looks at what came before.

Called by the forecaster. Where nothing was ever paused on evidence, everything takes part.
"""

from __future__ import annotations

import numpy as np

from bidder.core.economics import contribution, floor_roas, margin_of
from bidder.core.performance import Float64
from bidder.core.policy import Policy
from bidder.core.reasons import Code
from bidder.core.snapshot import Memory
from bidder.forecast.exposure import Exposure
from bidder.forecast.layout import Layout

_ON_EVIDENCE = frozenset({Code.PAUSE_EVIDENCE.name, Code.PAUSE_NEW_FAILED.name})


def stopped_on_evidence(memory: Memory) -> bool:
    """Tell whether the record knows of a pause for what a target brought."""
    pauses = (*memory.paused_by_us.values(), *memory.changes)
    return any(past.reason_code in _ON_EVIDENCE for past in pauses)


def allowed_clicks(
    layout: Layout, seen: Exposure, aov_micros: Float64, refund_rate: Float64, policy: Policy
) -> Float64:
    """Return the matured clicks that every pause on evidence asks for, shape (n_targets,).

    Args:
        layout: The targets.
        seen: What their clicks cost.
        aov_micros: Gross revenue per order.
        refund_rate: Share of it refunded; nan counts as none.
        policy: Margins, and the gate in floor-orders.

    Returns:
        Infinity where no break-even is known: such a target is never paused on evidence.
    """
    goal, products = policy.goal, layout.products
    known = layout.product_rows()
    usual = np.nan if goal.default_margin is None else goal.default_margin
    margin = np.array([margin_of(p, goal) for p in products] + [usual])[known]
    cost = np.array([0.0 if p.return_cost is None else float(p.return_cost.micros) for p in products] + [0.0])[known]
    floor = floor_roas(contribution(margin, np.clip(np.nan_to_num(refund_rate), 0.0, 1.0), cost, aov_micros))
    if goal.count_incremental:
        floor = floor / max(min(goal.brand_factor, goal.generic_factor), 1e-6)
    with np.errstate(divide="ignore", invalid="ignore"):
        clicks = policy.evidence.pause_floor_orders * aov_micros / floor * seen.clicks / seen.spend_micros
    return np.where(np.isfinite(clicks), clicks, np.inf)
