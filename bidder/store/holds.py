"""Holds as intervals: an entity that is left as it is for the same reason all day makes one row, not twenty-four.

An interval goes on while its reason code stays and every figure stays within a tenth of what it was at the start;
nothing is written for it meanwhile. It ends, with the last cycle it stood in, when the entity or the reason changes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import Connection, bindparam, insert, select, update

from bidder.core.entities import EntityRef
from bidder.core.plan import Hold
from bidder.core.reasons import Evidence, Reason
from bidder.store.encoding import evidence_text, read_reason, ref_of
from models import HoldRow
from models.tables import table_of

_TABLE = table_of(HoldRow)
_AMOUNT = re.compile(r"^(-?[\d,]+(?:\.\d+)?) ([A-Z]{3})$")
_TOLERANCE = 0.1

_END = (
    update(_TABLE)
    .where(
        _TABLE.c.account_id == bindparam("of_account"),
        _TABLE.c.entity_kind == bindparam("of_kind"),
        _TABLE.c.entity_id == bindparam("of_id"),
        _TABLE.c.reason_code == bindparam("of_code"),
        _TABLE.c.until.is_(None),
    )
    .values(until=bindparam("ended"), last_cycle=bindparam("last"))
)

Place = tuple[EntityRef, str]
"""An entity and a reason code: at most one open interval each."""


class HoldBook:
    """Open intervals of one account.

    Args:
        account: Its number in the database.
    """

    def __init__(self, account: int) -> None:
        self._account = account
        self._open: dict[Place, Reason] = {}

    @classmethod
    def load(cls, connection: Connection, account: int) -> HoldBook:
        """Read the intervals that are open."""
        book = cls(account)
        standing = select(_TABLE).where(_TABLE.c.account_id == account, _TABLE.c.until.is_(None))
        for row in connection.execute(standing):
            reason = read_reason(row.reason_code, row.evidence)
            book._open[ref_of(row.entity_kind, row.entity_id), reason.code.name] = reason
        return book

    def __len__(self) -> int:
        return len(self._open)

    def update(
        self, connection: Connection, holds: Iterable[Hold], *, cycle: int, previous_cycle: int | None, as_of: datetime
    ) -> None:
        """Extend, begin and end intervals by what one cycle holds, in the caller's transaction."""
        wanted = {(hold.ref, hold.reason.code.name): hold.reason for hold in holds}
        ended = [
            place
            for place, reason in self._open.items()
            if (new := wanted.get(place)) is None or not continues(reason, new)
        ]
        for place in ended:
            del self._open[place]
        begun = [(place, reason) for place, reason in wanted.items() if place not in self._open]
        if ended:
            rows = [
                {"of_account": self._account, "of_kind": ref.kind.value, "of_id": ref.id, "of_code": code,
                 "ended": as_of, "last": previous_cycle}
                for ref, code in ended
            ]  # fmt: skip
            connection.execute(_END, rows)
        if begun:
            rows = [
                {"account_id": self._account, "entity_kind": ref.kind.value, "entity_id": ref.id, "reason_code": code,
                 "evidence": evidence_text(reason), "first_cycle": cycle, "since": as_of}
                for (ref, code), reason in begun
            ]  # fmt: skip
            connection.execute(insert(_TABLE), rows)
        self._open.update(begun)


def continues(old: Reason, new: Reason) -> bool:
    """Tell whether a reason is still the same: equal, or its figures moved less than a tenth."""
    if old == new:
        return True
    if old.code is not new.code or len(old.evidence) != len(new.evidence):
        return False
    return all(
        name == other and _near(value, against)
        for (name, value), (other, against) in zip(old.evidence, new.evidence, strict=True)
    )


def _near(old: Evidence, new: Evidence) -> bool:
    if old == new:
        return True
    if isinstance(old, str) and isinstance(new, str):
        first, second = _AMOUNT.match(old), _AMOUNT.match(new)
        if first is None or second is None or first[2] != second[2]:
            return False
        return _near(float(first[1].replace(",", "")), float(second[1].replace(",", "")))
    if isinstance(old, bool) or isinstance(new, bool) or not isinstance(old, int | float):
        return False
    return isinstance(new, int | float) and abs(old - new) <= _TOLERANCE * max(abs(old), abs(new))
