"""What the record says, as frozen values for people: shared by `bidder.queries`, and through it by every screen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

from bidder.core.change import Field, Status, Value
from bidder.core.entities import Account, AccountId, Editor, EntityRef, ProductId, TargetId
from bidder.core.money import Money
from bidder.core.plan import ClearanceLine
from bidder.core.reasons import Reason
from bidder.core.snapshot import Mode, Stage


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountView:
    """An account and when it was last read."""

    account: Account
    first_seen: datetime
    structure_at: datetime | None
    balance: Money | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlView:
    """Mode and arming of one account, or of everything where ``account`` is ``None``."""

    account: AccountId | None
    mode: Mode
    mode_reason: str
    mode_actor: str
    mode_at: datetime | None
    armed: bool
    armed_reason: str
    armed_actor: str
    armed_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CycleView:
    """One pass over one account; ``ok`` is ``None`` while it runs, or where the process died in it."""

    id: int
    account: AccountId
    as_of: datetime
    mode: Mode
    ok: bool | None
    sentence: str
    figures: Mapping[str, float | None]
    changes_wanted: int
    changes_planned: int
    holds: int
    config_fingerprint: str
    code_version: str
    input_digest: str | None
    finished_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeView:
    """One intent and what became of it."""

    id: int
    key: str
    account: AccountId
    cycle_id: int
    ref: EntityRef
    field: Field
    old: Value | None
    new: Value
    reason: Reason
    gain: Money
    status: Status
    at: datetime
    sent_at: datetime | None
    settled_at: datetime | None
    detail: str

    @property
    def sentence(self) -> str:
        """Why, with its figures."""
        return self.reason.render()


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeFilter:
    """Which changes are wanted: every attribute that is set narrows.

    Attributes:
        since, until: Decided at or after, and before, these instants.
        status: Standing at one of these.
        limit: The newest so many.
    """

    account: AccountId | None = None
    ref: EntityRef | None = None
    number: int | None = None
    key: str | None = None
    cycle: int | None = None
    since: datetime | None = None
    until: datetime | None = None
    status: tuple[Status, ...] = ()
    limit: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EditView:
    """An edit by somebody else and until when the entity is left alone for it."""

    account: AccountId
    ref: EntityRef
    field: Field
    old: Value | None
    new: Value | None
    actor: Editor
    at: datetime
    left_alone_until: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldView:
    """An entity left as it is, for a run of cycles; open while ``until`` is ``None``."""

    account: AccountId
    ref: EntityRef
    reason: Reason
    first_cycle: int
    last_cycle: int | None
    since: datetime
    until: datetime | None

    @property
    def sentence(self) -> str:
        """Why, with its figures."""
        return self.reason.render()


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectionView:
    """What a guard removed or shrank; about the whole draft where ``ref`` is ``None``."""

    cycle_id: int
    ref: EntityRef | None
    field: Field | None
    wanted: Value | None
    kept: Value | None
    reason: Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionView:
    """A change that was wanted; ``kept`` is what the guards left of it."""

    cycle_id: int
    as_of: datetime
    ref: EntityRef
    field: Field
    old: Value | None
    wanted: Value
    kept: Value | None
    reason: Reason
    gain: Money


@dataclass(frozen=True, slots=True, kw_only=True)
class StageView:
    """A product's place in its life as a seller."""

    product_id: ProductId
    title: str
    category: str
    stage: Stage
    since: date
    entering: int
    leaving: int
    price: Money | None
    stock: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ClearanceView:
    """The clearance list of one marketplace day."""

    account: AccountId
    day: date
    lines: tuple[ClearanceLine, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ForecastView:
    """What was expected of one target on one marketplace day; unknown is ``None``. Money in micros of the account."""

    target_id: TargetId
    day: date
    cycle_id: int
    cvr: float | None
    aov_micros: int | None
    rpc_micros: int | None
    rpc_low_micros: int | None
    rpc_high_micros: int | None
    refund_rate: float | None
    clicks: float | None
    orders: float | None
    spend_micros: int | None
    daily_clicks: float | None
    daily_spend_micros: int | None
    cpc_micros: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DayTotals:
    """Advertising of one click day as last reported; orders of late days are still growing."""

    day: date
    impressions: int
    clicks: int
    orders: int
    spend: Money
    revenue: Money
