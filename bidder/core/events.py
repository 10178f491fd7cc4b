"""Sale events and the days around them that must not be judged like normal days.

In the warm-up before a sale conversion falls and carts rise; a rule that looks at orders alone would pause the
winners. Called by `bidder.core.decide` and `bidder.core.pausing`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from bidder.core.policy import SaleEvent


class Phase(StrEnum):
    """Where a day stands relative to a sale event."""

    NORMAL = "normal"
    PREHEAT = "pre-heat"
    SALE = "sale"
    AFTERMATH = "aftermath"


@dataclass(frozen=True, slots=True, kw_only=True)
class Season:
    """The phase of one day and the event that causes it.

    Attributes:
        event: Name of the event, empty on a normal day.
        until: Last day of the stretch in which orders alone decide nothing; the day itself on a normal day.
    """

    phase: Phase
    event: str
    until: date

    @property
    def special(self) -> bool:
        """Tell whether orders alone must not decide."""
        return self.phase is not Phase.NORMAL


def season_of(day: date, events: Sequence[SaleEvent]) -> Season:
    """Return the phase of a day; where events overlap the sale itself wins, then warm-up, then aftermath."""
    found: dict[Phase, SaleEvent] = {}
    for event in events:
        phase = _phase(day, event)
        if phase is not Phase.NORMAL:
            found.setdefault(phase, event)
    for phase in (Phase.SALE, Phase.PREHEAT, Phase.AFTERMATH):
        if phase in found:
            event = found[phase]
            return Season(phase=phase, event=event.name, until=event.last + timedelta(days=event.aftermath_days))
    return Season(phase=Phase.NORMAL, event="", until=day)


def _phase(day: date, event: SaleEvent) -> Phase:
    if event.first <= day <= event.last:
        return Phase.SALE
    if event.first - timedelta(days=event.preheat_days) <= day < event.first:
        return Phase.PREHEAT
    if event.last < day <= event.last + timedelta(days=event.aftermath_days):
        return Phase.AFTERMATH
    return Phase.NORMAL
