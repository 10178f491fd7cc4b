"""The record of one cycle: what it knew, forecast, wanted, was refused, and how it ended."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime
from typing import Any

import numpy as np
from sqlalchemy import ColumnElement, Connection, bindparam, func, insert, select, update

from bidder.core.change import Change, Field
from bidder.core.entities import EntityRef
from bidder.core.plan import Draft, Objection, Verdict
from bidder.core.prediction import Forecast
from bidder.store.database import new_id
from bidder.store.encoding import canonical, evidence_text, value_text
from models import CycleRow, DecisionRow, ForecastRow, IntentRow, ObjectionRow
from models.tables import table_of

_CYCLES = table_of(CycleRow)
_FORECASTS = table_of(ForecastRow)
_DECISIONS = table_of(DecisionRow)
_OBJECTIONS = table_of(ObjectionRow)
_INTENTS = table_of(IntentRow)

_DIGEST = select(_CYCLES.c.input_digest).where(_CYCLES.c.id == bindparam("of_cycle"))

_FORECAST_COLUMNS = (
    "cvr", "aov_micros", "rpc_micros", "rpc_low_micros", "rpc_high_micros", "refund_rate", "clicks", "orders",
    "spend_micros", "daily_clicks", "daily_spend_micros", "cpc_micros",
)  # fmt: skip


def figures_text(figures: Mapping[str, float]) -> str:
    """Write named figures; one that is not finite is null."""
    return canonical({name: value if math.isfinite(value) else None for name, value in figures.items()})


def open_cycle(connection: Connection, row: Mapping[str, Any]) -> int:
    """Enter a cycle and return its number."""
    return new_id(connection.execute(insert(_CYCLES).values(**row)))


def close_cycle(connection: Connection, cycle: int, *, ok: bool, sentence: str, now: datetime) -> None:
    """Note how a cycle ended."""
    ended = update(_CYCLES).where(_CYCLES.c.id == cycle).values(ok=ok, sentence=sentence, finished_at=now)
    connection.execute(ended)


def digests_of(connection: Connection, numbers: Collection[int]) -> dict[int, str | None]:
    """Return the input digests of cycles by number."""
    return {number: connection.execute(_DIGEST, {"of_cycle": number}).scalar() for number in numbers}


def last_recorded(connection: Connection, account: int) -> tuple[int, datetime] | None:
    """Return number and instant of the newest cycle that decided something."""
    decided = select(_CYCLES.c.id, _CYCLES.c.as_of).where(
        _CYCLES.c.account_id == account, _CYCLES.c.input_digest.is_not(None)
    )
    row = connection.execute(decided.order_by(_CYCLES.c.id.desc()).limit(1)).first()
    return None if row is None else (row.id, row.as_of)


def last_acting_version(connection: Connection, account: int, *, rehearsal: bool) -> str | None:
    """Return the code version of the newest cycle of which something was sent (or would have been, in rehearsal)."""
    acts: ColumnElement[bool] = _INTENTS.c.status.not_in(["pending", "withheld"])
    if rehearsal:
        acts = acts | _INTENTS.c.sent_at.is_not(None)
    acting = (
        select(_CYCLES.c.code_version)
        .join(_INTENTS, _INTENTS.c.cycle_id == _CYCLES.c.id)
        .where(_CYCLES.c.account_id == account, acts)
    )
    version: str | None = connection.execute(acting.order_by(_CYCLES.c.id.desc()).limit(1)).scalar()
    return version


def last_forecast_day(connection: Connection, account: int) -> date | None:
    """Return the newest marketplace day whose forecast was written."""
    day: date | None = connection.execute(
        select(func.max(_FORECASTS.c.day)).where(_FORECASTS.c.account_id == account)
    ).scalar()
    return day


def write_forecast(connection: Connection, account: int, cycle: int, day: date, forecast: Forecast) -> None:
    """Write the forecast of every target; unknown is null, money is rounded to micros."""
    if not forecast.target_ids:
        return
    columns = {name: _stored(name, getattr(forecast, name)) for name in _FORECAST_COLUMNS}
    rows = [
        {"account_id": account, "day": day, "target_id": target, "cycle_id": cycle,
         **{name: column[n] for name, column in columns.items()}}
        for n, target in enumerate(forecast.target_ids)
    ]  # fmt: skip
    connection.execute(insert(_FORECASTS), rows)


def write_decisions(connection: Connection, cycle: int, draft: Draft, verdict: Verdict) -> None:
    """Write every change that was wanted with what the guards left of it, and every objection."""
    kept = {(change.ref, change.field): change for change in verdict.plan.changes}
    wanted: dict[tuple[EntityRef, Field], Change] = {(change.ref, change.field): change for change in draft.changes}
    wanted = {**kept, **wanted}
    rows = [
        {
            "cycle_id": cycle,
            "entity_kind": change.ref.kind.value,
            "entity_id": change.ref.id,
            "field": change.field.value,
            "old": value_text(change.old),
            "wanted": value_text(change.new),
            "kept": value_text(kept[place].new) if place in kept else None,
            "reason_code": change.reason.code.name,
            "evidence": evidence_text(change.reason),
            "gain_micros": change.gain_micros,
        }
        for place, change in wanted.items()
    ]
    if rows:
        connection.execute(insert(_DECISIONS), rows)
    objections = [_objection(cycle, objection) for objection in _all_objections(draft, verdict)]
    if objections:
        connection.execute(insert(_OBJECTIONS), objections)


def _all_objections(draft: Draft, verdict: Verdict) -> Sequence[Objection]:
    """Return the objections of both, each once."""
    raised = {id(objection) for objection in verdict.objections}
    return [*(o for o in draft.objections if id(o) not in raised), *verdict.objections]


def _objection(cycle: int, objection: Objection) -> dict[str, Any]:
    change, kept = objection.change, objection.kept
    return {
        "cycle_id": cycle,
        "entity_kind": None if change is None else change.ref.kind.value,
        "entity_id": None if change is None else change.ref.id,
        "field": None if change is None else change.field.value,
        "wanted": None if change is None else value_text(change.new),
        "kept": None if kept is None else value_text(kept.new),
        "reason_code": objection.reason.code.name,
        "evidence": evidence_text(objection.reason),
    }


def _stored(name: str, column: np.ndarray[tuple[int], np.dtype[np.float64]]) -> list[float | int | None]:
    if name.endswith("_micros"):
        return [round(value) if math.isfinite(value) else None for value in column.tolist()]
    return [value if math.isfinite(value) else None for value in column.tolist()]
