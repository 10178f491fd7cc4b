"""Intents: committed before anything is sent, followed until their outcome is certain. Rows and back."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, bindparam, insert, literal_column, select, update

from bidder.core.change import Change, Intent, Outcome, Status
from bidder.core.entities import Account
from bidder.core.reconcile import Settlement
from bidder.errors import StoreError
from bidder.store.encoding import (
    canonical,
    evidence_text,
    field_of,
    instant_text,
    read_reason,
    read_value,
    ref_of,
    some_value,
    value_text,
)
from models import IntentRow, OutcomeRow
from models.tables import table_of

_TABLE = table_of(IntentRow)
_OUTCOMES = table_of(OutcomeRow)
_UNSETTLED = (
    select(_TABLE)
    .where(
        _TABLE.c.account_id == bindparam("of_account"),
        # Word for word the condition of the partial index, or SQLite would read the whole table.
        _TABLE.c.status.in_([literal_column("'pending'"), literal_column("'unknown'")]),
    )
    .order_by(_TABLE.c.id)
)

_STAND = (
    update(_TABLE)
    .where(_TABLE.c.id == bindparam("of_intent"))
    .values(status=bindparam("to_status"), settled_at=bindparam("at_settled"), detail=bindparam("to_detail"),
            seen_old=bindparam("to_seen_old"))
)  # fmt: skip
_SEND = update(_TABLE).where(_TABLE.c.id == bindparam("of_intent")).values(sent_at=bindparam("at_sent"))


def key_of(account: Account, cycle_id: int, as_of: datetime, change: Change) -> str:
    """Return the idempotency key of a change: the same only for the same change of the same cycle."""
    name = [account.id, cycle_id, instant_text(as_of), str(change.ref), change.field.value, value_text(change.new)]
    return hashlib.sha256(canonical(name).encode("utf-8", "surrogatepass")).hexdigest()[:32]


def write(
    connection: Connection, account: Account, number: int, cycle_id: int, changes: Sequence[Change], *, as_of: datetime
) -> tuple[Intent, ...]:
    """Record one PENDING intent for each change, in order, in the caller's transaction.

    Raises:
        StoreError: An entity's field has an intent without a certain outcome already.
    """
    if not changes:
        return ()
    busy = {(ref_of(row.entity_kind, row.entity_id), field_of(row.field)) for row in _unsettled(connection, number)}
    for change in changes:
        place = (change.ref, change.field)
        if place in busy:
            raise StoreError(
                f"{change.ref} {change.field}: an earlier change has no certain outcome; nothing was recorded"
            )
        busy.add(place)
    rows = [
        {
            "key": key_of(account, cycle_id, as_of, change),
            "account_id": number,
            "cycle_id": cycle_id,
            "entity_kind": change.ref.kind.value,
            "entity_id": change.ref.id,
            "field": change.field.value,
            "old": value_text(change.old),
            "new": value_text(change.new),
            "reason_code": change.reason.code.name,
            "evidence": evidence_text(change.reason),
            "gain_micros": change.gain_micros,
            "status": Status.PENDING.value,
            "created_at": as_of,
        }
        for change in changes
    ]
    connection.execute(insert(_TABLE), rows)
    ids = select(_TABLE.c.key, _TABLE.c.id).where(_TABLE.c.cycle_id == cycle_id)
    numbers = {key: int(identity) for key, identity in connection.execute(ids)}
    return tuple(
        Intent(id=numbers[str(row["key"])], key=str(row["key"]), cycle_id=cycle_id, change=change,
               status=Status.PENDING, created_at=as_of)
        for row, change in zip(rows, changes, strict=True)
    )  # fmt: skip


def unsettled(connection: Connection, number: int) -> tuple[Intent, ...]:
    """Return intents whose outcome is not certain, oldest first."""
    return tuple(read(row) for row in _unsettled(connection, number))


def seen_old(connection: Connection, number: int) -> dict[int, int]:
    """Return, by intent id, how often in a row the old value was read back."""
    return {row.id: row.seen_old for row in _unsettled(connection, number) if row.seen_old}


def mark_sent(connection: Connection, intents: Iterable[Intent], *, now: datetime) -> None:
    """Note that requests for these are about to leave."""
    rows = [{"of_intent": intent.id, "at_sent": now} for intent in intents]
    if rows:
        connection.execute(_SEND, rows)


def answer(connection: Connection, pairs: Sequence[tuple[Intent, Outcome]], *, now: datetime) -> tuple[Intent, ...]:
    """Record the venue's answers, in the caller's transaction; return the intents as they stand now."""
    done = tuple(
        replace(
            intent, status=outcome.status, settled_at=None if outcome.status.unsettled else now, detail=outcome.detail
        )
        for intent, outcome in pairs
    )
    _stand(connection, [(intent, 0) for intent in done])
    rows = [
        {"intent_id": intent.id, "at": now, "status": outcome.status.value, "observed": value_text(outcome.observed),
         "code": outcome.code, "detail": outcome.detail}
        for intent, outcome in pairs
    ]  # fmt: skip
    if rows:
        connection.execute(insert(_OUTCOMES), rows)
    return done


def settle(connection: Connection, settlements: Sequence[Settlement], *, now: datetime) -> tuple[Intent, ...]:
    """Record what later truth says, in the caller's transaction; return the intents as they stand now."""
    done = tuple(
        replace(s.intent, status=s.status, settled_at=None if s.status.unsettled else now, detail=s.detail)
        for s in settlements
    )
    _stand(connection, [(intent, s.seen_old) for intent, s in zip(done, settlements, strict=True)])
    rows = [
        {"intent_id": s.intent.id, "at": now, "status": s.status.value, "observed": value_text(s.observed),
         "code": "READ_BACK", "detail": s.detail}
        for s in settlements
        if s.status is not s.intent.status
    ]  # fmt: skip
    if rows:
        connection.execute(insert(_OUTCOMES), rows)
    return done


def read(row: Row[Any]) -> Intent:
    """Return the intent of a row."""
    return Intent(
        id=row.id,
        key=row.key,
        cycle_id=row.cycle_id,
        change=Change(
            ref=ref_of(row.entity_kind, row.entity_id),
            field=field_of(row.field),
            old=read_value(row.old),
            new=some_value(row.new),
            reason=read_reason(row.reason_code, row.evidence),
            gain_micros=row.gain_micros,
        ),
        status=Status(row.status),
        created_at=row.created_at,
        settled_at=row.settled_at,
        detail=row.detail,
    )


def _unsettled(connection: Connection, number: int) -> Sequence[Row[Any]]:
    return connection.execute(_UNSETTLED, {"of_account": number}).all()


def _stand(connection: Connection, intents: Sequence[tuple[Intent, int]]) -> None:
    rows: list[Mapping[str, Any]] = [
        {"of_intent": intent.id, "to_status": intent.status.value, "at_settled": intent.settled_at,
         "to_detail": intent.detail, "to_seen_old": sightings}
        for intent, sightings in intents
    ]  # fmt: skip
    if rows:
        connection.execute(_STAND, rows)
