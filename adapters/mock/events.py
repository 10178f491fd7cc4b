"""Sale events such as 6.18 and 11.11, by phase: pre-heat, the day, the aftermath.

Demand, conversion, carts, rivals and refunds of a market are multiplied by the factors of the phase a day falls in.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

PREHEAT_DAYS = 7
AFTERMATH_DAYS = 7


class Phase(StrEnum):
    """Where a day stands with respect to the nearest sale event."""

    NORMAL = "normal"
    PREHEAT = "preheat"
    DAY = "day"
    AFTERMATH = "aftermath"


@dataclass(frozen=True, slots=True, kw_only=True)
class Factors:
    """What a phase multiplies: queries, conversion, carts and favourites, rivals' bids, refunds.

    Attributes:
        wait_share: Part of the phase's orders that wait for the event day.
    """

    volume: float = 1.0
    cvr: float = 1.0
    carts: float = 1.0
    rivals: float = 1.0
    refunds: float = 1.0
    wait_share: float = 0.0


NORMAL = Factors()


@dataclass(frozen=True, slots=True, kw_only=True)
class SaleEvent:
    """One sale event with the factors of its phases."""

    name: str
    day: date
    preheat: Factors
    peak: Factors
    aftermath: Factors

    def phase(self, day: date) -> Phase:
        """Return the phase that ``day`` has with respect to this event."""
        offset = (day - self.day).days
        if offset == 0:
            return Phase.DAY
        if -PREHEAT_DAYS <= offset < 0:
            return Phase.PREHEAT
        if 0 < offset <= AFTERMATH_DAYS:
            return Phase.AFTERMATH
        return Phase.NORMAL

    def factors(self, day: date) -> Factors:
        """Return the factors of ``day``."""
        by_phase = {
            Phase.NORMAL: NORMAL,
            Phase.PREHEAT: self.preheat,
            Phase.DAY: self.peak,
            Phase.AFTERMATH: self.aftermath,
        }
        return by_phase[self.phase(day)]


def event_on(events: Sequence[SaleEvent], day: date) -> SaleEvent | None:
    """Return the event whose phases hold ``day``; where two overlap, the nearer one."""
    touching = [event for event in events if event.phase(day) is not Phase.NORMAL]
    return min(touching, key=lambda event: abs((event.day - day).days), default=None)


def factors_on(events: Sequence[SaleEvent], day: date) -> Factors:
    """Return the factors that hold on ``day``."""
    event = event_on(events, day)
    return NORMAL if event is None else event.factors(day)


def phase_on(events: Sequence[SaleEvent], day: date) -> Phase:
    """Return the phase of ``day``."""
    event = event_on(events, day)
    return Phase.NORMAL if event is None else event.phase(day)
