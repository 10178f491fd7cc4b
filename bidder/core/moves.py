"""How far our settings already moved today, and when they moved last: what step limits and cooldowns rest on.

Read from the record of changes once a cycle, by the decisions and again by the guards.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from bidder.core.change import Field, PastChange, Status, Value
from bidder.core.entities import Editor, EntityRef
from bidder.core.money import Money
from bidder.core.snapshot import Memory

STANDING = frozenset({Status.CONFIRMED, Status.PENDING, Status.UNKNOWN, Status.FOREIGN})
"""Outcomes after which the value may have moved."""

Key = tuple[EntityRef, Field]


@dataclass(frozen=True, slots=True, kw_only=True)
class Moves:
    """What moved lately.

    Attributes:
        day_start: Value at the start of the marketplace day, of what we moved since; somebody else's edit starts anew,
            and so does a first limit, before which there was nothing to measure a step against.
        last: Our own latest change of a field.
        sent_today: Our own changes since the start of the day, by field and kind of entity.
    """

    day_start: Mapping[Key, Value | None]
    last: Mapping[Key, datetime]
    today: Mapping[Key, int]

    @classmethod
    def of(cls, memory: Memory, *, day_start: datetime, since: datetime) -> Moves:
        """Read the changes made at or after ``since``, which is at or before ``day_start``."""
        start: dict[Key, Value | None] = {}
        last: dict[Key, datetime] = {}
        today: dict[Key, int] = {}
        for past in _recent(memory.changes, min(since, day_start)):
            if past.status not in STANDING:
                continue
            key = (past.ref, past.field)
            ours = past.actor is Editor.DAEMON
            if ours:
                last[key] = past.at
            if past.at >= day_start:
                if ours:
                    start.setdefault(key, _origin(past))
                    today[key] = today.get(key, 0) + 1
                else:
                    start[key] = past.new
        return cls(day_start=start, last=last, today=today)


def _origin(past: PastChange) -> Value | None:
    """Return the value that a day's net move is measured from."""
    return past.new if past.old is None and isinstance(past.new, Money) else past.old


def _recent(changes: tuple[PastChange, ...], since: datetime) -> list[PastChange]:
    """Return the changes from an instant on, oldest first; the record is sorted."""
    found: list[PastChange] = []
    for past in reversed(changes):
        if past.at < since:
            break
        found.append(past)
    found.reverse()
    return found
