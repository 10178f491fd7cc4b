"""Collects one answer for every entity: a change, or a hold with its reason.

A hold is kept as an interval for as long as its reason stays equal, so figures in reasons are rounded and equal
reasons are one object. Called by `bidder.core.decide` and its parts.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from datetime import datetime
from functools import lru_cache

from bidder.core.change import Change
from bidder.core.entities import EntityKind, EntityRef
from bidder.core.layout import Layout
from bidder.core.money import Money
from bidder.core.plan import Hold
from bidder.core.reasons import Code, Evidence, Reason

_DIGITS = 3
_LARGEST = 9e18


def because(code: Code, **evidence: Evidence) -> Reason:
    """Return the reason; the same figures give the same object."""
    return _reason(code, tuple(evidence.items()))


@lru_cache(maxsize=1 << 17)
def _reason(code: Code, evidence: tuple[tuple[str, Evidence], ...]) -> Reason:
    return Reason.of(code, **dict(evidence))


def amount(micros: float, currency: str) -> str:
    """Render an estimate of money for a reason: three significant digits, ``unknown`` where it is not finite."""
    if not math.isfinite(micros) or abs(micros) >= _LARGEST:
        return "unknown"
    return _exact(int(float(f"{micros:.{_DIGITS}g}")), currency)


@lru_cache(maxsize=1 << 16)
def _exact(micros: int, currency: str) -> str:
    return Money(micros, currency).format()


def exact(micros: int, currency: str) -> str:
    """Render an amount as it is."""
    return _exact(micros, currency)


def figure(value: float) -> float | None:
    """Return a figure rounded for a reason, ``None`` where it is not finite."""
    return float(f"{value:.{_DIGITS}g}") if math.isfinite(value) else None


@lru_cache(maxsize=4096)
def instant(at: datetime) -> str:
    """Render an instant to the minute, UTC."""
    return f"{at:%Y-%m-%d %H:%M} UTC"


class Answers:
    """Changes and holds of one cycle, by entity."""

    def __init__(self, layout: Layout) -> None:
        self._refs = {kind: [EntityRef(kind, identity) for identity in layout.ids(kind)] for kind in EntityKind}
        self._holds: dict[EntityKind, list[Reason | None]] = {
            kind: [None] * len(refs) for kind, refs in self._refs.items()
        }
        self._changed: dict[EntityKind, set[int]] = {kind: set() for kind in EntityKind}
        self._changes: list[Change] = []

    def ref(self, kind: EntityKind, row: int) -> EntityRef:
        """Return the reference of a row."""
        return self._refs[kind][row]

    def hold(self, kind: EntityKind, rows: Iterable[int], reason: Reason) -> None:
        """Hold rows that have no reason yet: the first reason given is the answer."""
        held = self._holds[kind]
        for row in rows:
            if held[row] is None:
                held[row] = reason

    def held(self, kind: EntityKind, row: int) -> bool:
        """Tell whether a row already has a reason to be left alone."""
        return self._holds[kind][row] is not None

    def open_rows(self, kind: EntityKind) -> list[int]:
        """Return rows without any answer."""
        changed = self._changed[kind]
        return [row for row, reason in enumerate(self._holds[kind]) if reason is None and row not in changed]

    def change(self, kind: EntityKind, row: int, change: Change) -> None:
        """Answer a row with a change."""
        self._changed[kind].add(row)
        self._changes.append(change)

    def changed(self, kind: EntityKind, row: int) -> bool:
        """Tell whether a row is already answered by a change."""
        return row in self._changed[kind]

    def changes(self) -> tuple[Change, ...]:
        """Return all changes, in the order given."""
        return tuple(self._changes)

    def holds(self) -> tuple[Hold, ...]:
        """Return one hold for each entity that nothing changes: campaigns, then ad groups, then targets."""
        return tuple(
            Hold(ref=ref, reason=reason)
            for kind in EntityKind
            for row, (ref, reason) in enumerate(zip(self._refs[kind], self._holds[kind], strict=True))
            if reason is not None and row not in self._changed[kind]
        )

    def unanswered(self) -> list[EntityRef]:
        """Return entities that have neither: a bug where there are any."""
        return [self._refs[kind][row] for kind in EntityKind for row in self.open_rows(kind)]
