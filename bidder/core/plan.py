"""From wishes to what may go out: draft, objections, verdict, and the order in which a plan is safe.

`allocate` returns a `Draft`, `guard` turns it into a `Verdict`; the store records both before anything is sent.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from bidder.core.change import Change
from bidder.core.entities import EntityRef, ProductId
from bidder.core.reasons import Reason
from bidder.core.snapshot import StageRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """An entity that is deliberately left as it is, and why."""

    ref: EntityRef
    reason: Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Objection:
    """A guard's finding on one change, or on the whole draft where ``change`` is ``None``.

    Attributes:
        change: What was wanted.
        kept: What remains of it; ``None`` when it was removed.
    """

    reason: Reason
    change: Change | None = None
    kept: Change | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ClearanceLine:
    """A slow seller handed to the merchandiser: advertising is never used to clear dead stock.

    Attributes:
        stock: Units left. cover_days: Days the stock lasts at today's velocity; ``None`` where it does not sell.
        discount: Proposed share off the price that the contribution allows, [0, 1].
        reentry: When it may be advertised again.
    """

    product_id: ProductId
    title: str
    category: str
    stock: int | None
    cover_days: float | None
    price_micros: int | None
    margin: float | None
    discount: float
    reentry: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """What the decisions want; every entity of the account stands in ``changes`` or ``holds``.

    Attributes:
        stages: New lifecycle records, one for each product.
        clearance: Slow sellers for the merchandiser.
        figures: Named figures of the cycle for people and dashboards, such as ``marginal_roas`` and
            ``expected_daily_spend_micros``.
        objections: Raised while deciding, such as BOUNDS_INFEASIBLE.
    """

    changes: tuple[Change, ...]
    holds: tuple[Hold, ...]
    stages: tuple[StageRecord, ...] = ()
    clearance: tuple[ClearanceLine, ...] = ()
    figures: Mapping[str, float] = field(default_factory=dict)
    objections: tuple[Objection, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Changes in an order that is safe to stop at any point: decreases before increases."""

    changes: tuple[Change, ...]

    def __len__(self) -> int:
        return len(self.changes)


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The guards' answer: what may go out, what was removed or shrunk, and all holds.

    Attributes:
        plan: What may go out.
        objections: Findings, in the order the guards ran.
        holds: Holds of the draft and one for each removed change.
    """

    plan: Plan
    objections: tuple[Objection, ...]
    holds: tuple[Hold, ...]
