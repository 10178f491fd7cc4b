"""Which targets run on at the least bid though the evidence would pause them, and since when: the audit sample."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import Connection, func, select

from bidder.core.entities import EntityRef
from bidder.core.reasons import Code, Reason
from bidder.store.encoding import ref_of
from models import HoldRow, IntentRow
from models.tables import table_of

_HOLDS, _INTENTS = table_of(HoldRow), table_of(IntentRow)
_CODES = frozenset({Code.AUDIT_SAMPLE, Code.BID_DOWN_AUDIT})


class SampleBook:
    """The audit sample of one account.

    Attributes:
        since: First decision that kept a target running, by target; it never leaves again.
    """

    def __init__(self) -> None:
        self.since: dict[EntityRef, datetime] = {}

    @classmethod
    def load(cls, connection: Connection, account: int) -> SampleBook:
        """Read the first hold, or the first lower bid, of each target in the sample."""
        book = cls()
        names = [code.name for code in _CODES]
        for table, at in ((_HOLDS, _HOLDS.c.since), (_INTENTS, _INTENTS.c.created_at)):
            first = (
                select(table.c.entity_kind, table.c.entity_id, func.min(at))
                .where(table.c.account_id == account, table.c.reason_code.in_(names))
                .group_by(table.c.entity_kind, table.c.entity_id)
            )
            for kind, identity, when in connection.execute(first):
                book._note(ref_of(kind, identity), when)
        return book

    def follow(self, answers: Iterable[tuple[EntityRef, Reason]], at: datetime) -> None:
        """Note the targets that a cycle took into the sample."""
        for ref, reason in answers:
            if reason.code in _CODES:
                self._note(ref, at)

    def _note(self, ref: EntityRef, at: datetime) -> None:
        self.since[ref] = min(at, self.since.get(ref, at))
