"""Reading the record for people: rows as the frozen values of `bidder.store.views`. Called by `bidder.queries`."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

from sqlalchemy import Column, Connection, Row, Select, Table, func, select

from bidder.core.change import Status
from bidder.core.entities import AccountId, Editor, EntityRef, ProductId, TargetId
from bidder.core.money import Money
from bidder.core.snapshot import Mode, Stage
from bidder.store.accounts import everyone, find
from bidder.store.encoding import field_of, read_reason, read_value, ref_of, some_value
from bidder.store.entities import money_of
from bidder.store.stages import read_lines
from bidder.store.views import (
    AccountView,
    ChangeFilter,
    ChangeView,
    ClearanceView,
    ControlView,
    CycleView,
    DecisionView,
    EditView,
    ForecastView,
    HoldView,
    ObjectionView,
    StageView,
)
from models import (
    AccountRow,
    ClearanceRow,
    ControlRow,
    CycleRow,
    DecisionRow,
    ExternalEditRow,
    ForecastRow,
    HoldRow,
    IntentRow,
    LifecycleStageRow,
    ObjectionRow,
    ProductRow,
)
from models.tables import table_of

_ACCOUNTS, _CONTROL, _CYCLES = table_of(AccountRow), table_of(ControlRow), table_of(CycleRow)
_INTENTS, _EDITS, _HOLDS = table_of(IntentRow), table_of(ExternalEditRow), table_of(HoldRow)
_DECISIONS, _OBJECTIONS, _FORECASTS = table_of(DecisionRow), table_of(ObjectionRow), table_of(ForecastRow)
_STAGES, _PRODUCTS, _CLEARANCE = table_of(LifecycleStageRow), table_of(ProductRow), table_of(ClearanceRow)


def read_accounts(connection: Connection) -> tuple[AccountView, ...]:
    """Return all accounts, in order of their names."""
    balances = {row.name: row.balance_micros for row in connection.execute(select(_ACCOUNTS))}
    return tuple(
        AccountView(
            account=record.account,
            first_seen=record.first_seen,
            structure_at=record.structure_at,
            balance=money_of(balances[record.account.id], record.account.currency),
        )
        for record in everyone(connection)
    )


def read_controls(connection: Connection) -> tuple[ControlView, ...]:
    """Return what people set: of everything first, then by account."""
    return tuple(
        ControlView(
            account=AccountId(row.scope) if row.scope else None,
            mode=Mode(row.mode),
            mode_reason=row.mode_reason,
            mode_actor=row.mode_actor,
            mode_at=row.mode_at,
            armed=row.armed,
            armed_reason=row.armed_reason,
            armed_actor=row.armed_actor,
            armed_at=row.armed_at,
        )
        for row in connection.execute(select(_CONTROL).order_by(_CONTROL.c.scope))
    )


def read_cycles(
    connection: Connection, *, account: AccountId | None = None, number: int | None = None, limit: int | None = None
) -> tuple[CycleView, ...]:
    """Return cycles, newest first."""
    wanted = _of_account(select(_CYCLES, _ACCOUNTS.c.name.label("account")), _CYCLES.c.account_id, account)
    if number is not None:
        wanted = wanted.where(_CYCLES.c.id == number)
    return tuple(
        CycleView(
            id=row.id,
            account=AccountId(row.account),
            as_of=row.as_of,
            mode=Mode(row.mode),
            ok=row.ok,
            sentence=row.sentence,
            figures=json.loads(row.figures),
            changes_wanted=row.changes_wanted,
            changes_planned=row.changes_planned,
            holds=row.holds,
            config_fingerprint=row.config_fingerprint,
            code_version=row.code_version,
            input_digest=row.input_digest,
            finished_at=row.finished_at,
        )
        for row in connection.execute(wanted.order_by(_CYCLES.c.id.desc()).limit(limit))
    )


def read_changes(connection: Connection, only: ChangeFilter) -> tuple[ChangeView, ...]:
    """Return intents, newest first."""
    wanted = select(_INTENTS, _ACCOUNTS.c.name.label("account"), _ACCOUNTS.c.currency.label("currency"))
    wanted = _of_entity(_of_account(wanted, _INTENTS.c.account_id, only.account), _INTENTS, only.ref)
    same = ((_INTENTS.c.id, only.number), (_INTENTS.c.key, only.key), (_INTENTS.c.cycle_id, only.cycle))
    for column, value in same:
        wanted = wanted if value is None else wanted.where(column == value)
    wanted = wanted if only.since is None else wanted.where(_INTENTS.c.created_at >= only.since)
    wanted = wanted if only.until is None else wanted.where(_INTENTS.c.created_at < only.until)
    wanted = wanted if not only.status else wanted.where(_INTENTS.c.status.in_([one.value for one in only.status]))
    return tuple(_change(row) for row in connection.execute(wanted.order_by(_INTENTS.c.id.desc()).limit(only.limit)))


def read_edits(
    connection: Connection, *, account: AccountId | None = None, ref: EntityRef | None = None, limit: int | None = None
) -> tuple[EditView, ...]:
    """Return edits by others, newest first."""
    wanted = _of_account(select(_EDITS, _ACCOUNTS.c.name.label("account")), _EDITS.c.account_id, account)
    wanted = _of_entity(wanted, _EDITS, ref)
    return tuple(
        EditView(
            account=AccountId(row.account),
            ref=ref_of(row.entity_kind, row.entity_id),
            field=field_of(row.field),
            old=read_value(row.old),
            new=read_value(row.new),
            actor=Editor(row.actor),
            at=row.at,
            left_alone_until=row.left_alone_until,
        )
        for row in connection.execute(wanted.order_by(_EDITS.c.id.desc()).limit(limit))
    )


def read_holds(
    connection: Connection,
    *,
    account: AccountId | None = None,
    ref: EntityRef | None = None,
    code: str | None = None,
    open_only: bool = True,
    limit: int | None = None,
) -> tuple[HoldView, ...]:
    """Return holds, newest first."""
    wanted = _of_account(select(_HOLDS, _ACCOUNTS.c.name.label("account")), _HOLDS.c.account_id, account)
    wanted = _of_entity(wanted, _HOLDS, ref)
    wanted = wanted if code is None else wanted.where(_HOLDS.c.reason_code == code)
    wanted = wanted.where(_HOLDS.c.until.is_(None)) if open_only else wanted
    return tuple(
        HoldView(
            account=AccountId(row.account),
            ref=ref_of(row.entity_kind, row.entity_id),
            reason=read_reason(row.reason_code, row.evidence),
            first_cycle=row.first_cycle,
            last_cycle=row.last_cycle,
            since=row.since,
            until=row.until,
        )
        for row in connection.execute(wanted.order_by(_HOLDS.c.id.desc()).limit(limit))
    )


def count_holds(connection: Connection, account: AccountId) -> dict[str, int]:
    """Return how many entities are held by reason code, the most frequent first."""
    count = func.count()
    wanted = select(_HOLDS.c.reason_code, count).join(_ACCOUNTS, _ACCOUNTS.c.id == _HOLDS.c.account_id)
    wanted = wanted.where(_ACCOUNTS.c.name == account, _HOLDS.c.until.is_(None)).group_by(_HOLDS.c.reason_code)
    rows = connection.execute(wanted.order_by(count.desc(), _HOLDS.c.reason_code))
    return {row[0]: row[1] for row in rows}


def count_unsettled(connection: Connection, account: AccountId) -> dict[Status, int]:
    """Return how many intents have no certain outcome, by status."""
    wanted = select(_INTENTS.c.status, func.count()).join(_ACCOUNTS, _ACCOUNTS.c.id == _INTENTS.c.account_id)
    wanted = wanted.where(_ACCOUNTS.c.name == account, _INTENTS.c.status.in_(["pending", "unknown"]))
    return {Status(status): number for status, number in connection.execute(wanted.group_by(_INTENTS.c.status))}


def read_decisions(
    connection: Connection, *, cycle: int | None = None, account: AccountId | None = None, ref: EntityRef | None = None,
    limit: int | None = None,
) -> tuple[DecisionView, ...]:  # fmt: skip
    """Return changes that were wanted, newest cycle first, in the order they were decided."""
    wanted = select(_DECISIONS, _CYCLES.c.as_of, _ACCOUNTS.c.currency).join(
        _CYCLES, _CYCLES.c.id == _DECISIONS.c.cycle_id
    )
    wanted = _of_entity(_of_account(wanted, _CYCLES.c.account_id, account), _DECISIONS, ref)
    wanted = wanted if cycle is None else wanted.where(_DECISIONS.c.cycle_id == cycle)
    return tuple(
        DecisionView(
            cycle_id=row.cycle_id,
            as_of=row.as_of,
            ref=ref_of(row.entity_kind, row.entity_id),
            field=field_of(row.field),
            old=read_value(row.old),
            wanted=some_value(row.wanted),
            kept=read_value(row.kept),
            reason=read_reason(row.reason_code, row.evidence),
            gain=Money(row.gain_micros, row.currency),
        )
        for row in connection.execute(wanted.order_by(_DECISIONS.c.cycle_id.desc(), _DECISIONS.c.id).limit(limit))
    )


def read_objections(connection: Connection, cycle: int, *, ref: EntityRef | None = None) -> tuple[ObjectionView, ...]:
    """Return what the guards found in one cycle, in their order."""
    wanted = _of_entity(select(_OBJECTIONS).where(_OBJECTIONS.c.cycle_id == cycle), _OBJECTIONS, ref)
    return tuple(
        ObjectionView(
            cycle_id=row.cycle_id,
            ref=None if row.entity_kind is None else ref_of(row.entity_kind, row.entity_id),
            field=None if row.field is None else field_of(row.field),
            wanted=read_value(row.wanted),
            kept=read_value(row.kept),
            reason=read_reason(row.reason_code, row.evidence),
        )
        for row in connection.execute(wanted.order_by(_OBJECTIONS.c.id))
    )


def read_stages(connection: Connection, account: AccountId) -> tuple[StageView, ...]:
    """Return the lifecycle of every product that was ranked, by stage and category."""
    current = (
        (_PRODUCTS.c.account_id == _STAGES.c.account_id)
        & (_PRODUCTS.c.remote_id == _STAGES.c.product_id)
        & _PRODUCTS.c.until_version.is_(None)
    )
    wanted = select(
        _STAGES, _PRODUCTS.c.title, _PRODUCTS.c.category, _PRODUCTS.c.price_micros, _PRODUCTS.c.stock,
        _ACCOUNTS.c.currency,
    ).join(_PRODUCTS, current, isouter=True)  # fmt: skip
    wanted = _of_account(wanted, _STAGES.c.account_id, account)
    rows = connection.execute(wanted.order_by(_STAGES.c.stage, _PRODUCTS.c.category, _STAGES.c.product_id))
    return tuple(
        StageView(
            product_id=ProductId(row.product_id),
            title=row.title or "",
            category=row.category or "",
            stage=Stage(row.stage),
            since=row.since,
            entering=row.entering,
            leaving=row.leaving,
            price=money_of(row.price_micros, row.currency),
            stock=row.stock,
        )
        for row in rows
    )


def read_clearance(connection: Connection, account: AccountId, *, day: date | None = None) -> ClearanceView | None:
    """Return the clearance list of a day, the newest where none is named; ``None`` where there never was one."""
    record = find(connection, account)
    if record is None:
        return None
    if day is None:
        newest = select(func.max(_CLEARANCE.c.day)).where(_CLEARANCE.c.account_id == record.number)
        day = connection.execute(newest).scalar()
    return (
        None
        if day is None
        else ClearanceView(account=account, day=day, lines=read_lines(connection, record.number, day))
    )


def read_forecasts(
    connection: Connection, account: AccountId, *, target: TargetId | None = None, day: date | None = None
) -> tuple[ForecastView, ...]:
    """Return forecasts of one target over all days, or of every target on one day, the newest where none is named."""
    record = find(connection, account)
    if record is None:
        return ()
    wanted = select(_FORECASTS).where(_FORECASTS.c.account_id == record.number)
    if target is not None:
        wanted = wanted.where(_FORECASTS.c.target_id == target)
    elif day is None:
        newest = select(func.max(_FORECASTS.c.day)).where(_FORECASTS.c.account_id == record.number)
        day = connection.execute(newest).scalar()
    wanted = wanted if day is None else wanted.where(_FORECASTS.c.day == day)
    return tuple(
        ForecastView(**{name: value for name, value in row.items() if name != "account_id"})
        for row in connection.execute(wanted.order_by(_FORECASTS.c.day.desc(), _FORECASTS.c.target_id)).mappings()
    )


def _change(row: Row[Any]) -> ChangeView:
    return ChangeView(
        id=row.id,
        key=row.key,
        account=AccountId(row.account),
        cycle_id=row.cycle_id,
        ref=ref_of(row.entity_kind, row.entity_id),
        field=field_of(row.field),
        old=read_value(row.old),
        new=some_value(row.new),
        reason=read_reason(row.reason_code, row.evidence),
        gain=Money(row.gain_micros, row.currency),
        status=Status(row.status),
        at=row.created_at,
        sent_at=row.sent_at,
        settled_at=row.settled_at,
        detail=row.detail,
    )


def _of_account(wanted: Select[Any], column: Column[Any], account: AccountId | None) -> Select[Any]:
    """Join the accounts, and narrow to one of them."""
    wanted = wanted.join(_ACCOUNTS, _ACCOUNTS.c.id == column)
    return wanted if account is None else wanted.where(_ACCOUNTS.c.name == account)


def _of_entity(wanted: Select[Any], table: Table, ref: EntityRef | None) -> Select[Any]:
    """Narrow to one entity."""
    if ref is None:
        return wanted
    return wanted.where(table.c.entity_kind == ref.kind.value, table.c.entity_id == ref.id)
