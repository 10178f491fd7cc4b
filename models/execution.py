"""Tables of what is sent: intents and outcomes, the money reserved for them, and the adapters' own memory."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint, Index, column
from sqlmodel import Field

from models.columns import CLUSTERED, STRICT, Key, Row

_PART = {"autoincrement": False}
_UNRESOLVED = column("status").in_(["pending", "unknown"])


class IntentRow(Row, table=True):
    """A change committed before anything was sent; one unresolved one for each account, entity and field."""

    __tablename__ = "intents"
    __table_args__ = (
        Index(
            "uq_intents_unresolved",
            "account_id",
            "entity_kind",
            "entity_id",
            "field",
            unique=True,
            sqlite_where=_UNRESOLVED,
            postgresql_where=_UNRESOLVED,
        ),
        Index("ix_intents_created_at", "created_at"),
        Index("ix_intents_cycle_id", "cycle_id"),
        CheckConstraint(
            "status IN ('pending', 'confirmed', 'rejected', 'withheld', 'unknown', 'abandoned', 'foreign')",
            name="status_known",
        ),
        STRICT,
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=Key)
    key: str = Field(unique=True)
    account_id: int = Field(foreign_key="accounts.id", sa_type=BigInteger)
    cycle_id: int = Field(foreign_key="cycles.id", sa_type=BigInteger)
    entity_kind: str
    entity_id: str
    field: str
    old: str | None = None
    new: str
    reason_code: str
    evidence: str
    gain_micros: int = Field(sa_type=BigInteger)
    status: str
    created_at: datetime
    sent_at: datetime | None = None
    settled_at: datetime | None = None
    seen_old: int = 0
    detail: str = ""


class OutcomeRow(Row, table=True):
    """One answer about one intent: the venue's to the write, or what a later read showed."""

    __tablename__ = "outcomes"
    __table_args__ = (Index("ix_outcomes_intent_id", "intent_id"), STRICT)

    id: int | None = Field(default=None, primary_key=True, sa_type=Key)
    intent_id: int = Field(foreign_key="intents.id", sa_type=BigInteger)
    at: datetime
    status: str
    observed: str | None = None
    code: str = ""
    detail: str = ""


class BudgetLineRow(Row, table=True):
    """What a campaign may spend a day: as last read, and as we last wrote with success.

    A null budget is unlimited. Reads may lag behind our writes, so for a while the dearer of both counts; null write
    times say that we wrote nothing that still matters.
    """

    __tablename__ = "budget_lines"
    __table_args__ = (CLUSTERED,)

    account_id: int = Field(
        primary_key=True, foreign_key="accounts.id", sa_type=BigInteger, sa_column_kwargs=dict(_PART)
    )
    campaign_id: str = Field(primary_key=True)
    shared_budget_id: str | None = None
    budget_micros: int | None = Field(default=None, sa_type=BigInteger)
    state: str
    written_budget_micros: int | None = Field(default=None, sa_type=BigInteger)
    budget_written_at: datetime | None = None
    written_state: str | None = None
    state_written_at: datetime | None = None
    missing_since: datetime | None = None


class ReservationRow(Row, table=True):
    """Money held for one intent that is being sent; freed only once its outcome is certain."""

    __tablename__ = "reservations"
    __table_args__ = (
        Index(
            "ix_reservations_open",
            "account_id",
            sqlite_where=column("released_at").is_(None),
            postgresql_where=column("released_at").is_(None),
        ),
        STRICT,
    )

    intent_id: int = Field(primary_key=True, foreign_key="intents.id", sa_type=BigInteger, sa_column_kwargs=dict(_PART))
    account_id: int = Field(foreign_key="accounts.id", sa_type=BigInteger)
    campaign_id: str
    field: str
    new: str
    cap_micros: int = Field(sa_type=BigInteger)
    reserved_at: datetime
    released_at: datetime | None = None


class AdapterMemoryRow(Row, table=True):
    """A value an adapter keeps across restarts: report jobs, quotas, rotated tokens."""

    __tablename__ = "adapter_memory"
    __table_args__ = (STRICT,)

    account: str = Field(primary_key=True)
    adapter: str = Field(primary_key=True)
    name: str = Field(primary_key=True)
    value: str
