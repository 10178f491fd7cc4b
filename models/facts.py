"""Tables of performance facts: append-only, by revision, lying in the order they are read.

A *series* is one account's facts of one level, grain and attribution window. A report adds rows only for values that
differ from the newest known; what it saw again unchanged stands in `fact_sightings`. ``revision`` is the number of the
report that brought the row. ``late`` marks rows that were older than what was already known when they arrived: they are
part of views of the past, never of the latest. The views ``*_latest`` show the newest revision of each fact.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint, Connection, Index, LargeBinary, UniqueConstraint
from sqlmodel import Field

from models.columns import CLUSTERED, STRICT, Key, Row

_PART = {"autoincrement": False}


class FactSeriesRow(Row, table=True):
    """One kind of facts of one account; ``level`` is ``product`` for sales on all channels."""

    __tablename__ = "fact_series"
    __table_args__ = (UniqueConstraint("account_id", "grain", "level", "window_days"), STRICT)

    id: int | None = Field(default=None, primary_key=True, sa_type=Key)
    account_id: int = Field(foreign_key="accounts.id", sa_type=BigInteger)
    grain: str
    level: str
    window_days: int


class FactEntityRow(Row, table=True):
    """A short number for each entity that facts speak of, dense within account and level."""

    __tablename__ = "fact_entities"
    __table_args__ = (UniqueConstraint("account_id", "level", "remote_id"), CLUSTERED)

    account_id: int = Field(
        primary_key=True, foreign_key="accounts.id", sa_type=BigInteger, sa_column_kwargs=dict(_PART)
    )
    level: str = Field(primary_key=True)
    number: int = Field(primary_key=True, sa_column_kwargs=dict(_PART))
    remote_id: str


class ReportRow(Row, table=True):
    """One imported report; its number is the revision of the facts it brought."""

    __tablename__ = "reports"
    __table_args__ = (Index("ix_reports_account_id_id", "account_id", "id"), STRICT)

    id: int | None = Field(default=None, primary_key=True, sa_type=Key)
    account_id: int = Field(foreign_key="accounts.id", sa_type=BigInteger)
    series_id: int = Field(foreign_key="fact_series.id", sa_type=BigInteger)
    first_day: int
    last_day: int
    observed_at: datetime
    rows: int
    rows_changed: int
    account_spend_micros: int | None = Field(default=None, sa_type=BigInteger)


class FactSightingRow(Row, table=True):
    """Which rows of a click day a report saw, changed or not; ``seen`` is null where it saw all known ones."""

    __tablename__ = "fact_sightings"
    __table_args__ = (CLUSTERED,)

    series_id: int = Field(primary_key=True, sa_type=BigInteger, sa_column_kwargs=dict(_PART))
    day: int = Field(primary_key=True, sa_column_kwargs=dict(_PART))
    revision: int = Field(primary_key=True, sa_type=BigInteger, sa_column_kwargs=dict(_PART))
    observed_us: int = Field(primary_key=True, sa_type=BigInteger, sa_column_kwargs=dict(_PART))
    seen: bytes | None = Field(default=None, sa_type=LargeBinary)


class DailyFactRow(Row, table=True):
    """Advertising facts by click day."""

    __tablename__ = "performance_daily"
    __table_args__ = (
        CheckConstraint(
            "impressions >= 0 AND clicks >= 0 AND spend_micros >= 0 AND orders >= 0 AND revenue_micros >= 0",
            name="not_negative",
        ),
        CLUSTERED,
    )

    series_id: int = Field(primary_key=True, sa_type=BigInteger, sa_column_kwargs=dict(_PART))
    day: int = Field(primary_key=True, sa_column_kwargs=dict(_PART))
    entity: int = Field(primary_key=True, sa_column_kwargs=dict(_PART))
    revision: int = Field(primary_key=True, sa_type=BigInteger, sa_column_kwargs=dict(_PART))
    observed_us: int = Field(sa_type=BigInteger)
    late: bool
    impressions: int = Field(sa_type=BigInteger)
    clicks: int = Field(sa_type=BigInteger)
    spend_micros: int = Field(sa_type=BigInteger)
    orders: int = Field(sa_type=BigInteger)
    units: int | None = Field(default=None, sa_type=BigInteger)
    revenue_micros: int = Field(sa_type=BigInteger)
    carts: int | None = Field(default=None, sa_type=BigInteger)
    favourites: int | None = Field(default=None, sa_type=BigInteger)


class HourlyFactRow(Row, table=True):
    """Advertising facts by click hour."""

    __tablename__ = "performance_hourly"
    __table_args__ = (
        CheckConstraint("hour >= 0 AND hour <= 23", name="hour_of_day"),
        CheckConstraint(
            "impressions >= 0 AND clicks >= 0 AND spend_micros >= 0 AND orders >= 0 AND revenue_micros >= 0",
            name="not_negative",
        ),
        CLUSTERED,
    )

    series_id: int = Field(primary_key=True, sa_type=BigInteger, sa_column_kwargs=dict(_PART))
    day: int = Field(primary_key=True, sa_column_kwargs=dict(_PART))
    entity: int = Field(primary_key=True, sa_column_kwargs=dict(_PART))
    hour: int = Field(primary_key=True, sa_column_kwargs=dict(_PART))
    revision: int = Field(primary_key=True, sa_type=BigInteger, sa_column_kwargs=dict(_PART))
    observed_us: int = Field(sa_type=BigInteger)
    late: bool
    impressions: int = Field(sa_type=BigInteger)
    clicks: int = Field(sa_type=BigInteger)
    spend_micros: int = Field(sa_type=BigInteger)
    orders: int = Field(sa_type=BigInteger)
    units: int | None = Field(default=None, sa_type=BigInteger)
    revenue_micros: int = Field(sa_type=BigInteger)
    carts: int | None = Field(default=None, sa_type=BigInteger)
    favourites: int | None = Field(default=None, sa_type=BigInteger)


class ProductFactRow(Row, table=True):
    """Sales of products on all channels by order day."""

    __tablename__ = "product_daily"
    __table_args__ = (
        CheckConstraint(
            "units >= 0 AND refunded_units >= 0 AND revenue_micros >= 0 AND refund_micros >= 0", name="not_negative"
        ),
        CheckConstraint("in_stock_hours IS NULL OR (in_stock_hours >= 0 AND in_stock_hours <= 25)", name="hours"),
        CLUSTERED,
    )

    series_id: int = Field(primary_key=True, sa_type=BigInteger, sa_column_kwargs=dict(_PART))
    day: int = Field(primary_key=True, sa_column_kwargs=dict(_PART))
    entity: int = Field(primary_key=True, sa_column_kwargs=dict(_PART))
    revision: int = Field(primary_key=True, sa_type=BigInteger, sa_column_kwargs=dict(_PART))
    observed_us: int = Field(sa_type=BigInteger)
    late: bool
    units: int = Field(sa_type=BigInteger)
    refunded_units: int = Field(sa_type=BigInteger)
    revenue_micros: int = Field(sa_type=BigInteger)
    refund_micros: int = Field(sa_type=BigInteger)
    visitors: int | None = Field(default=None, sa_type=BigInteger)
    carts: int | None = Field(default=None, sa_type=BigInteger)
    in_stock_hours: float | None = None


class DevelopmentRow(Row, table=True):
    """Totals of one click day as they stood at one age: the data of the maturity curve."""

    __tablename__ = "development_cells"
    __table_args__ = (CLUSTERED,)

    series_id: int = Field(primary_key=True, sa_type=BigInteger, sa_column_kwargs=dict(_PART))
    day: int = Field(primary_key=True, sa_column_kwargs=dict(_PART))
    age: int = Field(primary_key=True, sa_column_kwargs=dict(_PART))
    observed_us: int = Field(primary_key=True, sa_type=BigInteger, sa_column_kwargs=dict(_PART))
    clicks: int = Field(sa_type=BigInteger)
    orders: int = Field(sa_type=BigInteger)
    revenue_micros: int = Field(sa_type=BigInteger)


class ExcludedDayRow(Row, table=True):
    """A click day that nothing is learned from, and why."""

    __tablename__ = "excluded_days"
    __table_args__ = (STRICT,)

    account_id: int = Field(
        primary_key=True, foreign_key="accounts.id", sa_type=BigInteger, sa_column_kwargs=dict(_PART)
    )
    day: int = Field(primary_key=True, sa_column_kwargs=dict(_PART))
    reason: str
    recorded_at: datetime


LATEST_VIEWS = tuple(
    f"CREATE VIEW {table}_latest AS SELECT {columns} FROM (SELECT {columns}, LEAD(revision) OVER "  # noqa: S608
    f"(PARTITION BY series_id, day, entity{hour} ORDER BY revision) AS newer FROM {table} WHERE NOT late) AS facts "
    "WHERE newer IS NULL"
    for table, hour, columns in (
        (row.__tablename__, ", hour" if "hour" in row.model_fields else "", ", ".join(row.model_fields))
        for row in (DailyFactRow, HourlyFactRow, ProductFactRow)
    )
)
"""The newest revision of each fact, for people who look into the database; only our own names are filled in."""


def install_views(connection: Connection) -> None:
    """Create the views of the newest revisions."""
    for statement in LATEST_VIEWS:
        connection.exec_driver_sql(statement)
