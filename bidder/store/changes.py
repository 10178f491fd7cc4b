"""What changed in an account lately and by whom: what cooldowns, day steps and "resume only what we paused" need.

Kept in memory and in step with the database: intents of ours with their status, and edits by others.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, func, insert, select

from bidder.core.change import Field, Intent, PastChange, Status
from bidder.core.entities import Editor, EntityRef, State
from bidder.store.encoding import field_of, read_value, ref_of, some_value, value_text
from models import ExternalEditRow, IntentRow
from models.tables import table_of

_INTENTS = table_of(IntentRow)
_EDITS = table_of(ExternalEditRow)

REMEMBERED = timedelta(days=30)
_TRIM = 10_000
_LONG_AGO = datetime(1971, 1, 1, tzinfo=UTC)


class ChangeBook:
    """Recent changes of one account.

    Args:
        account: Its number in the database.
    """

    def __init__(self, account: int) -> None:
        self._account = account
        self._items: list[PastChange] = []
        self._places: dict[int, int] = {}
        self._dropped = 0
        self._paused: dict[EntityRef, tuple[int, PastChange]] = {}
        self._left_alone: dict[EntityRef, datetime] = {}
        self._newest_edit: dict[tuple[EntityRef, Field], PastChange] = {}

    @classmethod
    def load(cls, connection: Connection, account: int) -> ChangeBook:
        """Read what happened in the last days, and every pause of ours that still stands."""
        book = cls(account)
        ends = (
            connection.execute(
                select(func.max(_INTENTS.c.created_at)).where(_INTENTS.c.account_id == account)
            ).scalar(),
            connection.execute(select(func.max(_EDITS.c.at)).where(_EDITS.c.account_id == account)).scalar(),
        )
        since = max((end for end in ends if end is not None), default=_LONG_AGO) - REMEMBERED
        ours = select(_INTENTS).where(_INTENTS.c.account_id == account)
        edits = select(_EDITS).where(_EDITS.c.account_id == account)
        recent = [
            *((row.created_at, row.id, _past(row), row.id) for row in connection.execute(
                ours.where(_INTENTS.c.created_at >= since))),
            *((row.at, row.id, edit, None) for row in connection.execute(edits.where(_EDITS.c.at >= since))
              if (edit := _edit(row)) is not None),
        ]  # fmt: skip
        for _, _, past, intent in sorted(recent, key=lambda item: (item[0], item[3] is not None, item[1])):
            book._append(past, intent)
        book._replay_pauses(connection)
        for row in connection.execute(edits.where(_EDITS.c.left_alone_until.is_not(None)).order_by(_EDITS.c.id)):
            book._left_alone[ref_of(row.entity_kind, row.entity_id)] = row.left_alone_until
        return book

    def _replay_pauses(self, connection: Connection) -> None:
        """Find the pauses of ours that nobody touched since, however long ago."""
        ours = select(_INTENTS).where(
            _INTENTS.c.account_id == self._account,
            _INTENTS.c.field == Field.STATE.value,
            _INTENTS.c.status == Status.CONFIRMED.value,
        )
        edits = select(_EDITS.c.entity_kind, _EDITS.c.entity_id, _EDITS.c.at).where(
            _EDITS.c.account_id == self._account
        )
        events = [
            *((row.created_at, 1, ref_of(row.entity_kind, row.entity_id), row) for row in connection.execute(ours)),
            *((row.at, 0, ref_of(row.entity_kind, row.entity_id), None) for row in connection.execute(edits)),
        ]
        for _, _, ref, row in sorted(events, key=lambda item: item[:2]):
            self._paused.pop(ref, None)
            if row is not None and (past := _past(row)).new is State.PAUSED:
                self._paused[ref] = (row.id, past)

    def add_intents(self, intents: Sequence[Intent]) -> None:
        """Remember intents that were just recorded."""
        for intent in intents:
            self._append(past_of(intent), intent.id)

    def update(self, intent: Intent) -> None:
        """Follow an intent to its new status."""
        place = self._places.get(intent.id)
        if place is not None and place >= self._dropped:
            at = place - self._dropped
            self._items[at] = replace(self._items[at], status=intent.status)
        if intent.change.field is not Field.STATE:
            return
        ref = intent.change.ref
        if intent.status is Status.CONFIRMED:
            self._paused.pop(ref, None)
            if intent.change.new is State.PAUSED:
                self._paused[ref] = (intent.id, past_of(intent))
        elif ref in self._paused and self._paused[ref][0] == intent.id:
            del self._paused[ref]

    def add_edits(
        self, connection: Connection, edits: Sequence[PastChange], *, hold: timedelta
    ) -> tuple[PastChange, ...]:
        """Write edits by others, in the caller's transaction; return those that were not known yet."""
        fresh = []
        for edit in edits:
            place = (edit.ref, edit.field)
            known = self._newest_edit.get(place)
            if known is not None and known.new == edit.new and edit.at - known.at <= hold:
                continue
            self._newest_edit[place] = edit
            fresh.append(edit)
        rows = [
            {
                "account_id": self._account,
                "entity_kind": edit.ref.kind.value,
                "entity_id": edit.ref.id,
                "field": edit.field.value,
                "old": value_text(edit.old),
                "new": value_text(edit.new),
                "actor": edit.actor.value,
                "at": edit.at,
                "left_alone_until": edit.at + hold,
                "reason_code": edit.reason_code,
            }
            for edit in fresh
        ]
        if rows:
            connection.execute(insert(_EDITS), rows)
        for edit in fresh:
            self._append(edit, None)
            self._paused.pop(edit.ref, None)
            self._left_alone[edit.ref] = edit.at + hold
        return tuple(fresh)

    def recent(self, *, as_of: datetime) -> tuple[PastChange, ...]:
        """Return the changes of the last days, oldest first."""
        start = bisect_left(self._items, as_of - REMEMBERED, key=lambda past: past.at)
        if start >= _TRIM:
            del self._items[:start]
            self._dropped += start
            self._places = {intent: place for intent, place in self._places.items() if place >= self._dropped}
            start = 0
        return tuple(self._items[start:])

    def paused_by_us(self) -> dict[EntityRef, PastChange]:
        """Return what we paused and nobody touched since."""
        return {ref: past for ref, (_, past) in self._paused.items()}

    def left_alone(self, *, as_of: datetime) -> dict[EntityRef, datetime]:
        """Return what is left alone because somebody else edited it, and until when."""
        self._left_alone = {ref: until for ref, until in self._left_alone.items() if until > as_of}
        return dict(self._left_alone)

    def _append(self, past: PastChange, intent: int | None) -> None:
        if intent is not None:
            self._places[intent] = self._dropped + len(self._items)
            self._newest_edit.pop((past.ref, past.field), None)
        self._items.append(past)


def past_of(intent: Intent) -> PastChange:
    """Return what later decisions need of an intent."""
    change = intent.change
    return PastChange(
        ref=change.ref,
        field=change.field,
        old=change.old,
        new=change.new,
        at=intent.created_at,
        status=intent.status,
        actor=Editor.DAEMON,
        reason_code=change.reason.code.name,
    )


def _past(row: Row[Any]) -> PastChange:
    return PastChange(
        ref=ref_of(row.entity_kind, row.entity_id),
        field=field_of(row.field),
        old=read_value(row.old),
        new=some_value(row.new),
        at=row.created_at,
        status=Status(row.status),
        actor=Editor.DAEMON,
        reason_code=row.reason_code,
    )


def _edit(row: Row[Any]) -> PastChange | None:
    new = read_value(row.new)
    if new is None:
        return None
    return PastChange(
        ref=ref_of(row.entity_kind, row.entity_id),
        field=field_of(row.field),
        old=read_value(row.old),
        new=new,
        at=row.at,
        status=Status.CONFIRMED,
        actor=Editor(row.actor),
        reason_code=row.reason_code,
    )
