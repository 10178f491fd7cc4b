"""Guards the effective bid: what an hour pays is base bid times hour factor, and both may move in one plan.

Called by `bidder.core.guards` on what the single guards left of a plan. It only removes or shrinks.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from bidder.core.answers import because, exact
from bidder.core.calendar import day_start
from bidder.core.change import Change, Field
from bidder.core.entities import EntityKind, EntityRef
from bidder.core.factors import grid, standing_before
from bidder.core.layout import Layout, Rows
from bidder.core.money import Money
from bidder.core.moves import Moves
from bidder.core.performance import Float64
from bidder.core.plan import Objection
from bidder.core.policy import Policy
from bidder.core.reasons import Code, Reason
from bidder.core.snapshot import Snapshot

_PERCENT = 0.01


def guard_hours(
    changes: list[Change], snapshot: Snapshot, policy: Policy, layout: Layout, moves: Moves
) -> tuple[list[Change], list[Objection]]:
    """Shrink hour factors so that no hour's effective bid breaks the step limits or the ceiling on bids.

    One step moves an hour's bid by the bid step limit at most, base bids raised in the same plan included. Over a day
    an hour may rise by that much above what stood at its start or, where pacing had lowered it, above its standing
    factor. Lowering has no limit over the day: it only spends less.
    """
    if not any(change.field is Field.DAYPARTS for change in changes):
        return changes, []
    midnight = day_start(snapshot.today, snapshot.account.time_zone)
    standing = standing_before(snapshot.memory.changes, midnight)
    rows = {identity: row for row, identity in enumerate(layout.ids(EntityKind.CAMPAIGN))}
    ratio = policy.limits.max_bid_step_ratio
    touched = {rows[change.ref.id] for change in changes if change.field is Field.DAYPARTS}
    bids, raised = _bids_after(changes, layout, np.flatnonzero(np.isin(layout.campaign, sorted(touched))))
    kept: list[Change] = []
    objections: list[Objection] = []
    for change in changes:
        if change.field is not Field.DAYPARTS or not isinstance(change.new, tuple):
            kept.append(change)
            continue
        row = rows[change.ref.id]
        old, new = grid(change.old if isinstance(change.old, tuple) else None), grid(change.new)
        begun = moves.day_start.get((change.ref, Field.DAYPARTS), change.old)
        start = grid(begun if isinstance(begun, tuple) else None)
        day = np.maximum(start, standing.get(change.ref.id, start)) * (1.0 + ratio)
        low, high = _inward(old * (1.0 - ratio), up=True), _inward(old * (1.0 + ratio) / raised[row], up=False)
        stepped = np.clip(new, np.minimum(low, old), np.maximum(np.minimum(high, _inward(day, up=False)), old))
        held = stepped
        if policy.limits.bid_ceiling is not None and bids[row] > 0:
            ceiling = _inward(np.full_like(old, policy.limits.bid_ceiling.micros / bids[row]), up=False)
            held = np.where(stepped > old, np.minimum(stepped, np.maximum(ceiling, old)), stepped)
        left = _of_length(held, len(change.new))
        reason = _reason(new, stepped, held, policy)
        if reason is None:
            kept.append(change)
            continue
        smaller = None if np.array_equal(grid(left), old) else replace(change, new=left)
        objections.append(Objection(reason=reason, change=change, kept=smaller))
        if smaller is not None:
            kept.append(smaller)
    return kept, objections


def _reason(new: Float64, stepped: Float64, held: Float64, policy: Policy) -> Reason | None:
    """Say what shrank wanted factors, ``None`` where nothing did."""
    if not np.array_equal(held, stepped) and policy.limits.bid_ceiling is not None:
        ceiling = policy.limits.bid_ceiling
        return because(Code.ABOVE_CEILING, ceiling=exact(ceiling.micros, ceiling.currency))
    if np.array_equal(stepped, new):
        return None
    at = int(np.argmax(np.abs(stepped - new)))
    return because(
        Code.STEP_LIMIT,
        limit=f"{policy.limits.max_bid_step_ratio:.0%}",
        wanted=f"a factor of {new.ravel()[at]:.2f} at {at % 24} o'clock",
        allowed=f"{stepped.ravel()[at]:.2f}",
    )


def _bids_after(changes: Sequence[Change], layout: Layout, targets: Rows) -> tuple[Float64, Float64]:
    """Return each campaign's highest base bid after the plan, and by how much the plan raises one of them at most.

    Only ``targets`` are looked at: those of campaigns whose hours change.
    """
    wanted: Mapping[EntityRef, Change] = {c.ref: c for c in changes if c.field is Field.BID}
    highest, raised = np.zeros(layout.n_campaigns), np.ones(layout.n_campaigns)
    for row in targets[layout.alive[targets]].tolist():
        target, campaign = layout.structure.targets[row], layout.campaign[row]
        lends = layout.inherits[row]
        kind = EntityKind.AD_GROUP if lends else EntityKind.TARGET
        change = wanted.get(EntityRef(kind, target.ad_group_id if lends else target.id))
        before = float(max(layout.bid_micros[row], 0))
        after = float(change.new.micros) if change is not None and isinstance(change.new, Money) else before
        highest[campaign] = max(highest[campaign], after)
        if before > 0:
            raised[campaign] = max(raised[campaign], after / before)
    return highest, raised


def _inward(factors: Float64, *, up: bool) -> Float64:
    """Round to whole percents so that a limit is never passed."""
    rounded: Float64 = np.ceil(factors / _PERCENT - 1e-6) if up else np.floor(factors / _PERCENT + 1e-6)
    return np.round(rounded * _PERCENT, 2)


def _of_length(factors: Float64, length: int) -> tuple[float, ...]:
    """Return (7, 24) factors as 24 or 168 of them; where weekdays differ, the lowest serves all."""
    chosen = factors.ravel() if length == factors.size else factors.min(axis=0)
    return tuple(float(value) for value in chosen)
