"""What people ask the record: plain rows, newest first, for `bidder.queries`. Reads only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import Select, Table, func, select, text

from bidder.store.sql_store import SqlStore
from models import (
    AccountRow,
    AuditRow,
    ClearanceRow,
    ControlRow,
    CycleRow,
    DevelopmentRow,
    FactSeriesRow,
    HoldRow,
    IntentRow,
    LifecycleStageRow,
    ProductRow,
)
from models.tables import table_of

Record = Mapping[str, object]

_ACCOUNTS = table_of(AccountRow)


def accounts(store: SqlStore) -> Sequence[Record]:
    """Return every account the record knows."""
    return _rows(store, select(_ACCOUNTS).order_by(_ACCOUNTS.c.name))


def controls(store: SqlStore) -> Sequence[Record]:
    """Return modes and arming; the empty scope stands for everything."""
    return _rows(store, select(table_of(ControlRow)))


def cycles(store: SqlStore, account: str, *, limit: int) -> Sequence[Record]:
    """Return an account's newest cycles."""
    table = table_of(CycleRow)
    return _rows(store, _of(table, account).order_by(table.c.id.desc()).limit(limit))


def holds(store: SqlStore, account: str, *, entity: str | None = None) -> Sequence[Record]:
    """Return the holds that stand now, longest first."""
    table = table_of(HoldRow)
    wanted = _of(table, account).where(table.c.until.is_(None)).order_by(table.c.since, table.c.id)
    return _rows(store, wanted if entity is None else wanted.where(table.c.entity_id == entity))


def changes(
    store: SqlStore,
    *,
    account: str | None = None,
    entity: str | None = None,
    number: int | None = None,
    since: datetime | None = None,
    limit: int = 50,
) -> Sequence[Record]:
    """Return intents with their account, newest first."""
    table = table_of(IntentRow)
    wanted = select(table, _ACCOUNTS.c.name.label("account"), _ACCOUNTS.c.time_zone).join(
        _ACCOUNTS, _ACCOUNTS.c.id == table.c.account_id
    )
    for condition in (
        None if account is None else _ACCOUNTS.c.name == account,
        None if entity is None else table.c.entity_id == entity,
        None if number is None else table.c.id == number,
        None if since is None else table.c.created_at >= since,
    ):
        if condition is not None:
            wanted = wanted.where(condition)
    return _rows(store, wanted.order_by(table.c.id.desc()).limit(limit))


def audit(store: SqlStore, *, intent_key: str | None = None, limit: int = 10_000) -> Sequence[Record]:
    """Return audit rows, oldest first."""
    table = table_of(AuditRow)
    wanted = select(table).order_by(table.c.sequence).limit(limit)
    return _rows(store, wanted if intent_key is None else wanted.where(table.c.intent_key == intent_key))


def stages(store: SqlStore, account: str) -> Sequence[Record]:
    """Return the lifecycle record of each product with the product as it stands."""
    stage, product = table_of(LifecycleStageRow), table_of(ProductRow)
    wanted = (
        _of(stage, account)
        .add_columns(product.c.title, product.c.category, product.c.stock)
        .outerjoin(
            product,
            (product.c.account_id == stage.c.account_id)
            & (product.c.remote_id == stage.c.product_id)
            & product.c.until_version.is_(None),
        )
        .order_by(stage.c.stage, stage.c.product_id)
    )
    return _rows(store, wanted)


def products(store: SqlStore, account: str) -> Sequence[Record]:
    """Return the products as they stand."""
    table = table_of(ProductRow)
    return _rows(store, _of(table, account).where(table.c.until_version.is_(None)).order_by(table.c.remote_id))


def clearance(store: SqlStore, account: str) -> Sequence[Record]:
    """Return the newest day's clearance list."""
    table = table_of(ClearanceRow)
    newest = select(func.max(table.c.day)).join(_ACCOUNTS, _ACCOUNTS.c.id == table.c.account_id)
    newest = newest.where(_ACCOUNTS.c.name == account)
    wanted = _of(table, account).where(table.c.day == newest.scalar_subquery())
    return _rows(store, wanted.order_by(table.c.product_id))


def development(store: SqlStore, account: str) -> Sequence[Record]:
    """Return how click days' orders grew, by day and age."""
    cell, series = table_of(DevelopmentRow), table_of(FactSeriesRow)
    wanted = (
        select(cell)
        .join(series, series.c.id == cell.c.series_id)
        .join(_ACCOUNTS, _ACCOUNTS.c.id == series.c.account_id)
        .where(_ACCOUNTS.c.name == account, series.c.grain == "day")
        .order_by(cell.c.day, cell.c.age, cell.c.observed_us)
    )
    return _rows(store, wanted)


def daily_totals(store: SqlStore, account: str, *, since_day: int) -> Sequence[Record]:
    """Return spend, revenue, clicks and orders by click day, latest revisions."""
    wanted = text(
        "SELECT f.day, SUM(f.clicks) AS clicks, SUM(f.spend_micros) AS spend_micros, SUM(f.orders) AS orders, "
        "SUM(f.revenue_micros) AS revenue_micros FROM performance_daily_latest AS f "
        "JOIN fact_series AS s ON s.id = f.series_id JOIN accounts AS a ON a.id = s.account_id "
        "WHERE a.name = :name AND f.day >= :since GROUP BY f.day ORDER BY f.day"
    )
    with store.database.read() as connection:
        found = connection.execute(wanted, {"name": account, "since": since_day}).mappings()
        return [dict(row) for row in found]


def _of(table: Table, account: str) -> Select[tuple[object, ...]]:
    """Select an account's rows of a table."""
    return select(table).join(_ACCOUNTS, _ACCOUNTS.c.id == table.c.account_id).where(_ACCOUNTS.c.name == account)


def _rows(store: SqlStore, wanted: Select[tuple[object, ...]]) -> Sequence[Record]:
    with store.database.read() as connection:
        return [dict(row) for row in connection.execute(wanted).mappings()]
