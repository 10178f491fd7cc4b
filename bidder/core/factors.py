"""Hour factors of campaigns: which of them stand, and how far pacing has lowered them for the time being.

The venue shows one set of factors; our own record of changes tells which part of it is pacing. Bids, bounds and worth
are judged on the standing factors, so that pacing a campaign down never makes its base bids look too low. Called by
`bidder.core.case` and by the guards.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from bidder.core.calendar import day_of, ordinal, require_aware, zone
from bidder.core.change import Field, PastChange
from bidder.core.demand import HOURS, WEEKDAYS
from bidder.core.entities import Campaign, Editor, EntityKind
from bidder.core.moves import STANDING
from bidder.core.performance import Float64
from bidder.core.reasons import Code

PACING = frozenset({Code.PACE_SLOWER.name, Code.PACE_FASTER.name})
"""Reasons of changes that pace, and leave the standing factors what they are."""
_SAME = 0.02
"""Pacing keeps factors in whole percents: a larger difference was made by somebody else."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class HourFactors:
    """Factors on the base bid, by campaign.

    Attributes:
        standing: Without pacing, shape (n_campaigns, 7, 24), Monday first.
        level: Of the standing factors that is in force, shape (n_campaigns,); 1 where a campaign is not paced.
        past: Level that was in force by day and hour, shape (n_campaigns, n_days, 24).
        worth_at: When we last moved standing factors, by campaign; ``None`` where the record shows no such move.
    """

    standing: Float64
    level: Float64
    past: Float64
    worth_at: tuple[datetime | None, ...]


@dataclass(slots=True)
class _Chain:
    """What the record says of one campaign so far."""

    standing: Float64
    level: float
    levels: list[tuple[datetime, float]]
    worth_at: datetime | None = None


def hour_factors(
    campaigns: Sequence[Campaign], changes: Sequence[PastChange], *, time_zone: str, first_day: int, n_days: int
) -> HourFactors:
    """Tell standing factors from pacing.

    Args:
        campaigns: As the venue shows them.
        changes: Our record, oldest first.
        time_zone: Of marketplace hours.
        first_day: Ordinal of the first day of ``past``.
        n_days: Days of ``past``.
    """
    shown = np.array([grid(c.dayparts) for c in campaigns]).reshape(-1, WEEKDAYS, HOURS)
    standing, level = shown.copy(), np.ones(len(campaigns))
    past = np.ones((len(campaigns), n_days, HOURS))
    chains = _chains(changes)
    for row, campaign in enumerate(campaigns):
        chain = chains.get(campaign.id)
        if chain is None:
            continue
        _fill(past[row], chain.levels, time_zone=time_zone, first_day=first_day)
        if np.abs(chain.standing * chain.level - shown[row]).max() <= _SAME * max(1.0, float(chain.standing.max())):
            standing[row], level[row] = chain.standing, chain.level
    worth_at = tuple(chains[c.id].worth_at if c.id in chains else None for c in campaigns)
    return HourFactors(standing=standing, level=level, past=past, worth_at=worth_at)


def standing_before(changes: Sequence[PastChange], instant: datetime) -> Mapping[str, Float64]:
    """Return the factors that stood at an instant, (7, 24) by campaign id, where the record tells of any."""
    return {name: chain.standing for name, chain in _chains([c for c in changes if c.at < instant]).items()}


def grid(factors: tuple[float, ...] | None) -> Float64:
    """Return 24 or 168 factors as (7, 24); none at all are ones."""
    if factors is None:
        return np.ones((WEEKDAYS, HOURS))
    values = np.array(factors, dtype=np.float64)
    return np.tile(values, WEEKDAYS * HOURS // len(values)).reshape(WEEKDAYS, HOURS)


def _chains(changes: Sequence[PastChange]) -> Mapping[str, _Chain]:
    """Follow each campaign's factors through the record."""
    chains: dict[str, _Chain] = {}
    for past in changes:
        if past.field is not Field.DAYPARTS or past.ref.kind is not EntityKind.CAMPAIGN or past.status not in STANDING:
            continue
        old, new = (value if isinstance(value, tuple) else None for value in (past.old, past.new))
        chain = chains.setdefault(past.ref.id, _Chain(grid(old), 1.0, []))
        if past.actor is not Editor.DAEMON:
            chain.standing, chain.level = grid(new), 1.0
        elif past.reason_code in PACING:
            chain.level = round(float(grid(new).mean() / max(float(chain.standing.mean()), 1e-9)), 6)
        else:
            chain.standing, chain.worth_at = grid(new) / chain.level, past.at
        chain.levels.append((past.at, chain.level))
    return chains


def _fill(past: Float64, levels: Sequence[tuple[datetime, float]], *, time_zone: str, first_day: int) -> None:
    """Write down which level was in force in each hour; one set in the second half of an hour counts from the next."""
    cells = past.reshape(-1)
    for at, level in levels:
        local = require_aware(at).astimezone(zone(time_zone))
        cell = (ordinal(day_of(at, time_zone)) - first_day) * HOURS + local.hour + (local.minute >= 30)  # noqa: PLR2004
        cells[max(cell, 0) :] = level
