"""What the audit is told of changes, ours and others'."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection

from bidder.core.change import Intent, PastChange, Status
from bidder.core.entities import Account, Editor
from bidder.core.reconcile import FOREIGN_CODE, Settlement
from bidder.store.audit import AuditEvent
from bidder.store.books import Books
from bidder.store.cycles import digests_of


def changes_told(
    connection: Connection, account: Account, moved: Sequence[Intent], *, now: datetime
) -> list[AuditEvent]:
    """Say where intents stand now: each change at the venue makes exactly one row ``change.confirmed``."""
    digests = digests_of(connection, {intent.cycle_id for intent in moved})
    return [
        AuditEvent(
            at=now, actor="daemon", action=f"change.{intent.status.value}", account=account.id,
            ref=intent.change.ref, field=intent.change.field, old=intent.change.old, new=intent.change.new,
            reason=intent.change.reason, detail=intent.detail, intent_key=intent.key, cycle_id=intent.cycle_id,
            input_digest=digests.get(intent.cycle_id),
        )
        for intent in moved
    ]  # fmt: skip


def edits_told(known: Books, edits: Sequence[PastChange]) -> list[AuditEvent]:
    """Say what others changed."""
    return [
        AuditEvent(
            at=edit.at, actor=edit.actor.value, action="external", account=known.record.account.id, ref=edit.ref,
            field=edit.field, old=edit.old, new=edit.new, reason_code=edit.reason_code,
        )
        for edit in edits
    ]  # fmt: skip


def adopted_edit(settlement: Settlement, now: datetime) -> PastChange | None:
    """Return the edit by somebody else that a settlement found, if it did."""
    if settlement.status is not Status.FOREIGN or settlement.observed is None:
        return None
    change = settlement.intent.change
    return PastChange(
        ref=change.ref, field=change.field, old=change.new, new=settlement.observed, at=now, status=Status.CONFIRMED,
        actor=Editor.UNKNOWN, reason_code=FOREIGN_CODE,
    )  # fmt: skip
