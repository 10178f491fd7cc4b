"""What we want changed, the intent that records it before it leaves, and what became of it.

One vocabulary for outcomes everywhere: see `Status`. Values are absolute, never deltas, so a repeat is harmless.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from bidder.core.entities import Editor, EntityRef, State
from bidder.core.money import Money
from bidder.core.reasons import Reason


class Field(StrEnum):
    """A setting that we may change."""

    BID = "bid"
    DAILY_BUDGET = "daily_budget"
    STATE = "state"
    DAYPARTS = "dayparts"


Value = Money | State | tuple[float, ...]
"""A bid or budget, a state, or hour factors (24 or 168 ratios)."""


class Status(StrEnum):
    """What became of an intent.

    PENDING → CONFIRMED | REJECTED | WITHHELD | UNKNOWN; UNKNOWN settles by read-back to CONFIRMED, ABANDONED
    (it never happened) or FOREIGN (somebody else's value stands).
    """

    PENDING = "pending"
    CONFIRMED = "confirmed"
    REJECTED = "rejected"
    WITHHELD = "withheld"
    UNKNOWN = "unknown"
    ABANDONED = "abandoned"
    FOREIGN = "foreign"

    @property
    def unsettled(self) -> bool:
        """Tell whether the entity is frozen because the venue's truth is not known."""
        return self in (Status.PENDING, Status.UNKNOWN)


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One setting to be moved from what was seen to what we want.

    Attributes:
        old: The value seen in this cycle's snapshot; ``None`` where the venue has no limit or no own value.
        new: The value wanted; never ``None``: a missing budget would remove the limit on some venues.
        reason: Why, with the figures it rests on.
        gain_micros: Expected contribution gained per day, account currency; sorts action sheets and scarce writes.
    """

    ref: EntityRef
    field: Field
    old: Value | None
    new: Value
    reason: Reason
    gain_micros: int = 0

    def __post_init__(self) -> None:
        wanted = {Field.BID: Money, Field.DAILY_BUDGET: Money, Field.STATE: State, Field.DAYPARTS: tuple}[self.field]
        for value in (self.new,) if self.old is None else (self.old, self.new):
            if not isinstance(value, wanted):
                raise TypeError(f"{self.ref} {self.field}: expected {wanted.__name__}, was {value!r}")

    @property
    def raises(self) -> bool:
        """Tell whether more money may be spent once this change stands."""
        match self.old, self.new:
            case Money() as old, Money() as new:
                return new > old
            case State() as old_state, State() as new_state:
                return new_state is State.ENABLED and old_state is not State.ENABLED
            case tuple() as old_parts, tuple() as new_parts:
                return len(old_parts) != len(new_parts) or any(n > o for o, n in zip(old_parts, new_parts, strict=True))
            case None, tuple() as parts:
                return any(factor > 1 for factor in parts)
            case None, Money():
                return self.field is Field.BID
            case _:
                return True


@dataclass(frozen=True, slots=True, kw_only=True)
class Intent:
    """A change that was committed to the database before anything was sent.

    Attributes:
        id: Our row's number. key: Idempotency key, unique for ever, also sent where a venue takes one.
        cycle_id: The cycle that decided it.
        status: Where it stands.
        created_at, settled_at: UTC.
        detail: The venue's words or ours about the outcome.
    """

    id: int
    key: str
    cycle_id: int
    change: Change
    status: Status
    created_at: datetime
    settled_at: datetime | None = None
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """A venue's answer for one change.

    Attributes:
        key: Of the intent.
        status: CONFIRMED, REJECTED, WITHHELD or UNKNOWN.
        observed: The value the venue says stands now, where it says.
        code: Short machine-readable cause: an HTTP status, a venue's error code or a reason code.
        detail: One line for people, without secrets.
    """

    key: str
    status: Status
    observed: Value | None = None
    code: str = ""
    detail: str = ""

    def __post_init__(self) -> None:
        if self.status not in (Status.CONFIRMED, Status.REJECTED, Status.WITHHELD, Status.UNKNOWN):
            raise ValueError(f"an adapter answers confirmed, rejected, withheld or unknown, not {self.status}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What the venue says an entity is set to now: the answer of a read-back.

    Attributes:
        values: Fields the entity has, with ``None`` where the venue holds no value.
        editor: Who set them last, where the venue tells.
    """

    ref: EntityRef
    values: dict[Field, Value | None]
    editor: Editor = Editor.UNKNOWN


@dataclass(frozen=True, slots=True, kw_only=True)
class PastChange:
    """A change that stands in the record, as later decisions need it.

    Attributes:
        actor: Who made it: us, a person or the platform.
        at: When it was decided, UTC.
    """

    ref: EntityRef
    field: Field
    old: Value | None
    new: Value
    at: datetime
    status: Status
    actor: Editor
    reason_code: str
