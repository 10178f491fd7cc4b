"""Faults that the mock server can be told to have: before it does what was asked, after it, and in what it reports.

Tests and `bidder mock serve --fault` queue them; each hits the next requests that match it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from adapters.mock.wire import Payload
from bidder.http import Json


class FaultKind(StrEnum):
    """What goes wrong. Unless said otherwise the request itself was carried out."""

    THROTTLE = "throttle"
    """429, nothing done; ``retry_after`` is sent as it is."""
    REFUSE = "refuse"
    """Status ``status`` (401, 403, 404 ...), nothing done."""
    REDIRECT = "redirect"
    """302 to ``location``, nothing done."""
    ERROR_BEFORE = "error_before"
    """Status ``status`` (500), nothing done."""
    TIMEOUT_BEFORE = "timeout_before"
    """Silence, nothing done."""
    RESET_BEFORE = "reset_before"
    """The connection breaks, nothing done."""
    ERROR_AFTER = "error_after"
    """Status ``status`` (500)."""
    TIMEOUT_AFTER = "timeout_after"
    RESET_AFTER = "reset_after"
    SHORT_BODY = "short_body"
    """Half of the body, then the connection ends."""
    CUT_JSON = "cut_json"
    """Half of the body, and a length that says that it is all."""
    EMPTY_BODY = "empty_body"
    HTML = "html"
    """A page of HTML with status 200."""
    DUPLICATE_KEYS = "duplicate_keys"
    NOT_A_NUMBER = "not_a_number"
    DRIP = "drip"
    """The body comes a byte at a time."""
    BOMB = "bomb"
    """A small body that unpacks to a very large one."""
    UNKNOWN_STATE = "unknown_state"
    """Entities are in a state that the venue added yesterday."""
    LOST_ITEM = "lost_item"
    """The answer to one change of a request is missing."""
    SHUFFLED_ITEMS = "shuffled_items"
    """Answers come in another order than the changes."""
    STALE_REPORT = "stale_report"
    """Its data ends ``hours`` (48) earlier than promised."""
    EMPTY_REPORT = "empty_report"
    PARTIAL_REPORT = "partial_report"
    """Half of its rows are missing; the total says so."""
    RESTATED_REPORT = "restated_report"
    """All its money is multiplied by ``factor`` (100: fen for yuan)."""
    REPEATED_ROWS = "repeated_rows"
    """Some rows stand on it twice."""
    WRONG_CURRENCY = "wrong_currency"
    NEGATIVE_SPEND = "negative_spend"
    FOREIGN_REPORT = "foreign_report"
    """It is about another account."""
    CUT_FILE = "cut_file"
    """The packed file ends in the middle."""


BEFORE = frozenset({
    FaultKind.THROTTLE, FaultKind.REFUSE, FaultKind.REDIRECT, FaultKind.ERROR_BEFORE, FaultKind.TIMEOUT_BEFORE,
    FaultKind.RESET_BEFORE,
})  # fmt: skip
"""Faults with which nothing is done."""

Spoil = Callable[[Payload, "Fault"], Payload]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One fault in waiting.

    Attributes:
        kind: What goes wrong.
        path: A part of the paths it hits; empty for all.
        method: The method it hits; empty for all.
        times: How many requests it hits; -1 for all from now on.
        detail: Figures of the kind, such as ``status`` or ``retry_after``.
    """

    kind: FaultKind
    path: str = ""
    method: str = ""
    times: int = 1
    detail: Mapping[str, str] = field(default_factory=dict)

    def hits(self, method: str, path: str) -> bool:
        """Tell whether a request is meant."""
        return self.path in path and self.method in ("", method) and self.times != 0


class FaultPlan:
    """Faults in the order in which they were queued; safe to use from any thread."""

    def __init__(self, *faults: Fault) -> None:
        self._lock = threading.Lock()
        self._faults = list(faults)

    def add(self, *faults: Fault) -> None:
        """Queue faults."""
        with self._lock:
            self._faults.extend(faults)

    def clear(self) -> None:
        """Be well again."""
        with self._lock:
            self._faults.clear()

    def take(self, method: str, path: str) -> Fault | None:
        """Return the fault that hits a request, and count it."""
        with self._lock:
            for number, fault in enumerate(self._faults):
                if fault.hits(method, path):
                    left = fault.times - 1 if fault.times > 0 else fault.times
                    if left == 0:
                        del self._faults[number]
                    else:
                        self._faults[number] = replace(fault, times=left)
                    return fault
        return None


def spoil(payload: Payload, fault: Fault) -> Payload:
    """Return a payload as the fault leaves it; faults that are not about payloads leave it as it is."""
    change = _SPOILERS.get(fault.kind)
    return payload if change is None else change(payload, fault)


def _unknown_state(payload: Payload, _fault: Fault) -> Payload:
    return {**payload, "items": [{**item, "state": "LIMITED_BY_POLICY"} for item in _objects(payload, "items")]}


def _lost_item(payload: Payload, _fault: Fault) -> Payload:
    return {**payload, "results": _objects(payload, "results")[:-1]}


def _shuffled(payload: Payload, _fault: Fault) -> Payload:
    return {**payload, "results": _objects(payload, "results")[::-1]}


def _empty(payload: Payload, _fault: Fault) -> Payload:
    return {**payload, "rows": {name: [] for name in _columns(payload)}}


def _partial(payload: Payload, _fault: Fault) -> Payload:
    return {**payload, "rows": {name: values[::2] for name, values in _columns(payload).items()}}


def _restated(payload: Payload, fault: Fault) -> Payload:
    factor = int(fault.detail.get("factor", "100"))
    rows = {
        name: [value * factor for value in values] if name.endswith("_micros") else values
        for name, values in _columns(payload).items()
    }
    total = payload.get("total_spend_micros")
    return {**payload, "rows": rows, "total_spend_micros": total * factor if isinstance(total, int) else None}


def _repeated(payload: Payload, _fault: Fault) -> Payload:
    return {**payload, "rows": {name: values + values[:7] for name, values in _columns(payload).items()}}


def _negative(payload: Payload, _fault: Fault) -> Payload:
    columns = _columns(payload)
    return {**payload, "rows": {**columns, "spend_micros": [-value - 1 for value in columns["spend_micros"]]}}


def _objects(payload: Payload, key: str) -> list[dict[str, Json]]:
    listed = payload.get(key, [])
    return [item for item in listed if isinstance(item, dict)] if isinstance(listed, list) else []


def _columns(payload: Payload) -> dict[str, list[int]]:
    rows = payload.get("rows", {})
    return {str(k): [v for v in c if isinstance(v, int)] for k, c in rows.items()} if isinstance(rows, dict) else {}


_SPOILERS: Mapping[FaultKind, Spoil] = {
    FaultKind.UNKNOWN_STATE: _unknown_state,
    FaultKind.LOST_ITEM: _lost_item,
    FaultKind.SHUFFLED_ITEMS: _shuffled,
    FaultKind.EMPTY_REPORT: _empty,
    FaultKind.PARTIAL_REPORT: _partial,
    FaultKind.RESTATED_REPORT: _restated,
    FaultKind.REPEATED_ROWS: _repeated,
    FaultKind.WRONG_CURRENCY: lambda payload, _fault: {**payload, "currency": "USD"},
    FaultKind.NEGATIVE_SPEND: _negative,
    FaultKind.FOREIGN_REPORT: lambda payload, _fault: {**payload, "account": "somebody-else"},
}
