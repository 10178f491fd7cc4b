"""One immutable picture of an account for one cycle: everything a decision may know.

`bidder.steps.observe` builds it; every later step reads only it. What is not in here cannot influence a decision.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum

from bidder.core.calendar import day_of, require_aware
from bidder.core.change import PastChange
from bidder.core.entities import Account, EntityRef, ProductId, Structure
from bidder.core.performance import History
from bidder.core.scorecard import NO_CLAIMS, Claims
from bidder.core.venue import VenueProfile


class Mode(StrEnum):
    """What the daemon may write, per account and for everything; the stricter one rules."""

    ACTIVE = "active"
    REDUCING = "reducing"
    HALTED = "halted"

    def stricter(self, other: Mode) -> Mode:
        """Return the one of both that allows less."""
        order = (Mode.ACTIVE, Mode.REDUCING, Mode.HALTED)
        return max(self, other, key=order.index)


class Stage(StrEnum):
    """A product's place in its life as a seller."""

    TOP = "top"
    STEADY = "steady"
    SLOW = "slow"
    NEW = "new"
    UNRANKED = "unranked"
    """Not enough is known to rank it: advice only."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StageRecord:
    """What earlier cycles found of one product, for hysteresis.

    Attributes:
        since: First day of the present stage.
        entering: Days in a row that qualified for TOP, as of ``day``.
        leaving: Days in a row outside the exit set, as of ``day``.
        day: Marketplace day of the last count; a second cycle of the same day counts nothing.
    """

    product_id: ProductId
    stage: Stage
    since: date
    entering: int
    leaving: int
    day: date


PRICE_STEP = 0.05
"""A price that moved by this share since it last counted as changed is another price."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """When something about a product turned last, UTC; ``None`` where it never did.

    Attributes:
        repriced_at: Its price moved by `PRICE_STEP` or more.
        sold_out_at: It could no longer be bought. restocked_at: It could be bought again.
    """

    repriced_at: datetime | None = None
    sold_out_at: datetime | None = None
    restocked_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """What our own record holds about the account.

    Attributes:
        changes: Settled and open changes of the last 30 days, oldest first, ours and others'.
        frozen: Entities with an intent whose outcome is not certain.
        left_alone: Entities edited by somebody else, until when they are left alone.
        paused_by_us: Entities we paused and nobody touched since, with the change that did it.
        stages: Lifecycle records by product.
        turns: Price changes and stock-outs by product.
        sampled: Targets that run on to audit the rule of pausing, and since when.
        observing_until: The account is only observed before this instant; ``None`` when that is over.
        canary: What makes this the first careful live cycle (installation, upgrade, gap), or ``None``.
        day_spend_micros: Spend since the marketplace's midnight as last reported, by campaign id.
        month_spend_micros: Spend since the first of the marketplace's month as last reported.
        claims: Past forecasts that can be judged by now.
    """

    changes: tuple[PastChange, ...] = ()
    frozen: frozenset[EntityRef] = frozenset()
    left_alone: Mapping[EntityRef, datetime] = field(default_factory=dict)
    paused_by_us: Mapping[EntityRef, PastChange] = field(default_factory=dict)
    stages: Mapping[ProductId, StageRecord] = field(default_factory=dict)
    turns: Mapping[ProductId, Turn] = field(default_factory=dict)
    sampled: Mapping[EntityRef, datetime] = field(default_factory=dict)
    observing_until: datetime | None = None
    canary: str | None = None
    day_spend_micros: Mapping[str, int] = field(default_factory=dict)
    month_spend_micros: int | None = None
    claims: Claims = NO_CLAIMS


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """One account at one instant.

    Attributes:
        as_of: The instant all of it is true for, UTC.
        mode: Stricter of the account's and the global mode.
    """

    account: Account
    as_of: datetime
    structure: Structure
    profile: VenueProfile
    history: History
    memory: Memory
    mode: Mode

    def __post_init__(self) -> None:
        require_aware(self.as_of, "as_of")

    @property
    def today(self) -> date:
        """The marketplace day of ``as_of``."""
        return day_of(self.as_of, self.account.time_zone)
