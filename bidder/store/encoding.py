"""How domain values stand in text columns: canonical JSON, so that equal values are equal texts.

Sorted keys, no spaces, no NaN; what the audit seals and digests count is exactly this text.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime

from bidder.core.change import Field, Value
from bidder.core.entities import EntityKind, EntityRef, State
from bidder.core.money import Money
from bidder.core.reasons import Code, Evidence, Reason
from bidder.errors import StoreError

_ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def canonical(value: object) -> str:
    """Return the one JSON text of a value; raises ``ValueError`` for NaN and infinities."""
    return _ENCODER.encode(value)


def value_text(value: Value | None) -> str | None:
    """Write a setting's value: ``[micros,currency]``, a state, or ``{"hours":[…]}``."""
    match value:
        case None:
            return None
        case Money():
            return f'[{value.micros},"{value.currency}"]'
        case State():
            return f'"{value.value}"'
        case tuple():
            return canonical({"hours": [float(factor) for factor in value]})


def read_value(text: str | None) -> Value | None:
    """Read what `value_text` wrote.

    Raises:
        StoreError: The text is none of its forms.
    """
    if text is None:
        return None
    match json.loads(text):
        case [int(micros), str(currency)]:
            return Money(micros, currency)
        case str(state):
            return State(state)
        case {"hours": list(hours)}:
            return tuple(float(factor) for factor in hours)
        case other:
            raise StoreError(f"a setting's value in the database cannot be read: {other!r}; run bidder db check")


def some_value(text: str) -> Value:
    """Read a value that is never absent."""
    value = read_value(text)
    if value is None:
        raise StoreError("a change in the database has no new value; run bidder db check")
    return value


def evidence_text(reason: Reason) -> str:
    """Write a reason's figures."""
    return canonical([[name, _plain(value)] for name, value in reason.evidence])


def read_reason(code: str, evidence: str) -> Reason:
    """Read a reason from its code and what `evidence_text` wrote.

    Raises:
        StoreError: This version of the program does not know the code.
    """
    try:
        known = Code[code]
    except KeyError:
        raise StoreError(f"reason code {code} is not known to this version; upgrade the program") from None
    return Reason(known, tuple((str(name), value) for name, value in json.loads(evidence)))


def ref_of(kind: str, identity: str) -> EntityRef:
    """Name an entity from its two columns."""
    return EntityRef(EntityKind(kind), identity)


def field_of(name: str) -> Field:
    """Return the setting of a column's text."""
    return Field(name)


def instant_text(instant: datetime) -> str:
    """Write an instant the same way for every database: UTC, microseconds."""
    return instant.astimezone(UTC).isoformat(timespec="microseconds")


def _plain(value: Evidence) -> Evidence:
    """Write figures that JSON has no number for as text."""
    if isinstance(value, float) and (value != value or value in (float("inf"), float("-inf"))):  # noqa: PLR0124
        return str(value)
    return value
