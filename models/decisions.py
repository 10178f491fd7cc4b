"""Tables of what the daemon concluded: cycles, forecasts, decisions, objections, holds, clearance lines."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import BigInteger, Index, column
from sqlmodel import Field

from models.columns import CLUSTERED, STRICT, Key, Row

_PART = {"autoincrement": False}


class CycleRow(Row, table=True):
    """One pass over one account; ``ok`` is null until it ended."""

    __tablename__ = "cycles"
    __table_args__ = (Index("ix_cycles_account_id_as_of", "account_id", "as_of"), STRICT)

    id: int | None = Field(default=None, primary_key=True, sa_type=Key)
    account_id: int = Field(foreign_key="accounts.id", sa_type=BigInteger)
    mode: str
    as_of: datetime
    input_digest: str | None = None
    forecast_digest: str | None = None
    structure_version: int | None = Field(default=None, sa_type=BigInteger)
    structure_at: datetime | None = None
    last_report: int | None = Field(default=None, sa_type=BigInteger)
    config_fingerprint: str
    code_version: str
    figures: str
    changes_wanted: int = 0
    changes_planned: int = 0
    holds: int = 0
    sentence: str = ""
    ok: bool | None = None
    finished_at: datetime | None = None


class ForecastRow(Row, table=True):
    """The forecast of one target, as made in the first cycle of a marketplace day; money rounded to micros."""

    __tablename__ = "forecasts"
    __table_args__ = (CLUSTERED,)

    account_id: int = Field(
        primary_key=True, foreign_key="accounts.id", sa_type=BigInteger, sa_column_kwargs=dict(_PART)
    )
    day: date = Field(primary_key=True)
    target_id: str = Field(primary_key=True)
    cycle_id: int = Field(sa_type=BigInteger)
    cvr: float | None = None
    aov_micros: int | None = Field(default=None, sa_type=BigInteger)
    rpc_micros: int | None = Field(default=None, sa_type=BigInteger)
    rpc_low_micros: int | None = Field(default=None, sa_type=BigInteger)
    rpc_high_micros: int | None = Field(default=None, sa_type=BigInteger)
    refund_rate: float | None = None
    clicks: float | None = None
    orders: float | None = None
    spend_micros: int | None = Field(default=None, sa_type=BigInteger)
    daily_clicks: float | None = None
    daily_spend_micros: int | None = Field(default=None, sa_type=BigInteger)
    cpc_micros: int | None = Field(default=None, sa_type=BigInteger)


class DecisionRow(Row, table=True):
    """A change that was wanted; ``kept`` is what the guards left of it, null where they removed it."""

    __tablename__ = "decisions"
    __table_args__ = (Index("ix_decisions_cycle_id", "cycle_id"), STRICT)

    id: int | None = Field(default=None, primary_key=True, sa_type=Key)
    cycle_id: int = Field(foreign_key="cycles.id", sa_type=BigInteger)
    entity_kind: str
    entity_id: str
    field: str
    old: str | None = None
    wanted: str
    kept: str | None = None
    reason_code: str
    evidence: str
    gain_micros: int = Field(sa_type=BigInteger)


class ObjectionRow(Row, table=True):
    """A guard's finding on one change, or on the whole draft where the entity is null."""

    __tablename__ = "objections"
    __table_args__ = (Index("ix_objections_cycle_id", "cycle_id"), STRICT)

    id: int | None = Field(default=None, primary_key=True, sa_type=Key)
    cycle_id: int = Field(foreign_key="cycles.id", sa_type=BigInteger)
    entity_kind: str | None = None
    entity_id: str | None = None
    field: str | None = None
    wanted: str | None = None
    kept: str | None = None
    reason_code: str
    evidence: str


class HoldRow(Row, table=True):
    """An entity left as it is, for a run of cycles with one reason; open while ``until`` is null."""

    __tablename__ = "holds"
    __table_args__ = (
        Index(
            "uq_holds_open",
            "account_id",
            "entity_kind",
            "entity_id",
            "reason_code",
            unique=True,
            sqlite_where=column("until").is_(None),
            postgresql_where=column("until").is_(None),
        ),
        Index("ix_holds_account_id_entity_id", "account_id", "entity_id"),
        STRICT,
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=Key)
    account_id: int = Field(foreign_key="accounts.id", sa_type=BigInteger)
    entity_kind: str
    entity_id: str
    reason_code: str
    evidence: str
    first_cycle: int = Field(foreign_key="cycles.id", sa_type=BigInteger)
    last_cycle: int | None = Field(default=None, sa_type=BigInteger)
    since: datetime
    until: datetime | None = None


class ClearanceRow(Row, table=True):
    """A slow seller handed to the merchandiser, as of one marketplace day."""

    __tablename__ = "clearance_lines"
    __table_args__ = (CLUSTERED,)

    account_id: int = Field(
        primary_key=True, foreign_key="accounts.id", sa_type=BigInteger, sa_column_kwargs=dict(_PART)
    )
    day: date = Field(primary_key=True)
    product_id: str = Field(primary_key=True)
    cycle_id: int = Field(sa_type=BigInteger)
    title: str
    category: str
    stock: int | None = Field(default=None, sa_type=BigInteger)
    cover_days: float | None = None
    price_micros: int | None = Field(default=None, sa_type=BigInteger)
    margin: float | None = None
    discount: float
    reentry: str
