"""The audit: who did what and why, each row sealed with the one before by HMAC-SHA-256 over canonical JSON.

Rows are appended in the same transaction as what they tell. `Chain.verify` names the first row that does not match;
the anchor (see `bidder.store.anchor`) shows rows that were cut off at the end.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, insert, select

from bidder.core.change import Field, Value
from bidder.core.entities import AccountId, EntityRef
from bidder.core.reasons import Reason
from bidder.errors import AuditBroken
from bidder.store.anchor import GENESIS, Anchor, Head
from bidder.store.encoding import canonical, evidence_text, instant_text, value_text
from models import AuditRow
from models.tables import table_of

_TABLE = table_of(AuditRow)
_SEALED = [column for column in _TABLE.columns if column.name != "hash"]
_NAMES = [column.name for column in _SEALED]
_NEWEST = select(_TABLE.c.sequence, _TABLE.c.hash).order_by(_TABLE.c.sequence.desc()).limit(1)
_CHUNK = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEvent:
    """Something that was done or seen, before it is sealed.

    Attributes:
        actor: ``daemon``, or who a person said they are.
        action: One word for what happened, such as ``change``, ``settle``, ``external``, ``mode``.
    """

    at: datetime
    actor: str
    action: str
    account: AccountId | None = None
    ref: EntityRef | None = None
    field: Field | None = None
    old: Value | None = None
    new: Value | None = None
    reason: Reason | None = None
    reason_code: str | None = None
    detail: str = ""
    intent_key: str | None = None
    cycle_id: int | None = None
    input_digest: str | None = None


class Chain:
    """The hash chain of one database.

    Args:
        key: What rows are sealed with; never stored in the database.
        anchor: Where the newest seal is remembered outside.
        config_fingerprint, code_version: Stamped on every row.
    """

    def __init__(self, *, key: bytes, anchor: Anchor, config_fingerprint: str, code_version: str) -> None:
        self.key = key
        self.anchor = anchor
        self.config_fingerprint = config_fingerprint
        self.code_version = code_version

    def append(self, connection: Connection, events: Sequence[AuditEvent]) -> Head:
        """Seal the events behind the newest row, in the caller's transaction; return the new head.

        Raises:
            AuditBroken: Rows that were anchored are gone: nothing may be appended to hide it.
        """
        head = self.head(connection)
        self.confirm(connection, head)
        rows = []
        for event in events:
            row = self._row(event, head)
            head = Head(row["sequence"], row["hash"])
            rows.append(row)
        if rows:
            connection.execute(insert(_TABLE), rows)
        return head

    def head(self, connection: Connection) -> Head:
        """Return the newest row."""
        row = connection.execute(_NEWEST).first()
        return GENESIS if row is None else Head(row.sequence, row.hash)

    def confirm(self, connection: Connection, head: Head) -> None:
        """Check that the chain still reaches what the anchor remembers.

        Raises:
            AuditBroken: It does not.
        """
        anchored = self.anchor.read()
        if anchored in (GENESIS, head):
            return
        if anchored.sequence > head.sequence:
            raise AuditBroken(
                f"rows up to {anchored.sequence} were written once and are gone; was an old copy of the database put "
                "back? Use bidder db restore, which says so in the audit",
                sequence=head.sequence + 1,
            )
        found = connection.execute(select(_TABLE.c.hash).where(_TABLE.c.sequence == anchored.sequence)).scalar()
        if found != anchored.hash:
            raise AuditBroken("is not the row that was anchored", sequence=anchored.sequence)

    def verify(self, connection: Connection) -> int:
        """Recompute every seal; return how many rows there are.

        Raises:
            AuditBroken: Names the first row that does not match.
        """
        head = GENESIS
        for row in self._rows(connection):
            expected = head.sequence + 1
            if row.sequence != expected:
                raise AuditBroken(f"expected row {expected}, found {row.sequence}", sequence=expected)
            if row.previous_hash != head.hash:
                raise AuditBroken("does not follow the row before", sequence=expected)
            if not hmac.compare_digest(self._seal([getattr(row, name) for name in _NAMES]), row.hash):
                raise AuditBroken("its contents do not match its seal", sequence=expected)
            head = Head(row.sequence, row.hash)
        self.confirm(connection, head)
        return head.sequence

    def _rows(self, connection: Connection) -> Iterator[Row[Any]]:
        """Read all rows in order; one whose columns cannot be read at all is named."""
        last: int | None = None
        while True:
            chunk = select(_TABLE).order_by(_TABLE.c.sequence).limit(_CHUNK)
            if last is not None:
                chunk = chunk.where(_TABLE.c.sequence > last)
            try:
                rows = connection.execute(chunk).all()
            except ValueError:
                raise AuditBroken("cannot be read", sequence=self._unreadable(connection, last)) from None
            if not rows:
                return
            yield from rows
            last = rows[-1].sequence

    def _unreadable(self, connection: Connection, last: int | None) -> int:
        numbers = select(_TABLE.c.sequence).order_by(_TABLE.c.sequence)
        for number in connection.execute(numbers.where(_TABLE.c.sequence > (last or 0))).scalars().all():
            try:
                connection.execute(select(_TABLE).where(_TABLE.c.sequence == number)).all()
            except ValueError:
                return int(number)
        return (last or 0) + 1

    def _row(self, event: AuditEvent, head: Head) -> dict[str, Any]:
        row: dict[str, Any] = {
            "sequence": head.sequence + 1,
            "at": event.at,
            "actor": event.actor,
            "action": event.action,
            "account": event.account,
            "entity_kind": None if event.ref is None else event.ref.kind.value,
            "entity_id": None if event.ref is None else event.ref.id,
            "field": None if event.field is None else event.field.value,
            "old": value_text(event.old),
            "new": value_text(event.new),
            "reason_code": event.reason_code if event.reason is None else event.reason.code.name,
            "evidence": None if event.reason is None else evidence_text(event.reason),
            "detail": event.detail,
            "intent_key": event.intent_key,
            "cycle_id": event.cycle_id,
            "input_digest": event.input_digest,
            "config_fingerprint": self.config_fingerprint,
            "code_version": self.code_version,
            "previous_hash": head.hash,
        }
        return {**row, "hash": self._seal([row[name] for name in _NAMES])}

    def _seal(self, values: list[Any]) -> str:
        """Seal one row: every column but the seal itself, in the table's order."""
        plain = [instant_text(value) if isinstance(value, datetime) else value for value in values]
        return hmac.new(self.key, canonical(plain).encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()
