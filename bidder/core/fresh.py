"""What targets brought since a day of their own: evidence of tests that began anew, and of the audit sample.

Counts closed days only, with the share of their orders that can be seen; called by `bidder.core.decide`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bidder.core.calendar import from_ordinal, ordinal
from bidder.core.case import Case
from bidder.core.entities import EntityKind
from bidder.core.events import season_of
from bidder.core.layout import NONE, Rows, tally
from bidder.core.performance import MISSING, Float64, Int64, Level


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Seen:
    """Figures since each target's day, shape (n_targets,); nan where targets have no facts of their own.

    Attributes:
        clicks: Matured clicks. spend_micros: Matured spend. orders: Gross orders seen.
        carts: Carts and favourites on all clicks; nan where none are reported.
        all_clicks: Clicks, matured or not, that carts are told for.
    """

    clicks: Float64
    spend_micros: Float64
    orders: Float64
    carts: Float64
    all_clicks: Float64


def seen_since(case: Case, start: Int64) -> Seen:
    """Add up what came from click days after a start.

    Args:
        case: The account.
        start: (n_targets,) day ordinal of each target's start, which itself does not count; -1 where none is asked.

    Returns:
        Zeros where nothing came, also for targets without a start. Days of sale events and excluded days are left out.
    """
    facts, size = case.snapshot.history.daily, case.layout.n_targets
    if facts.level is not Level.TARGET:
        unknown = np.full(size, np.nan)
        return Seen(clicks=unknown, spend_micros=unknown, orders=unknown, carts=unknown, all_clicks=unknown)
    asked = np.flatnonzero(start != NONE)
    today = ordinal(case.snapshot.today)
    rows = {identity: row for row, identity in enumerate(case.layout.ids(EntityKind.TARGET))}
    owner = np.array([rows.get(name, NONE) for name in facts.entity_ids] or [NONE], dtype=np.intp)
    target = owner[facts.entity] if len(facts) else np.zeros(0, dtype=np.intp)
    since = np.append(start, NONE)[target]
    use = (target != NONE) & (since != NONE) & (facts.day > since) & (facts.day < today)
    use &= ~np.isin(facts.day, _left_out(case, int(start[asked].min()) if len(asked) else today, today))
    target = target[use]
    age = np.clip(today - facts.day[use] - 1, 0, len(case.forecast.maturity) - 1)
    matured = case.forecast.maturity[age] * case.forecast.sure[target]
    clicks, carts = facts.clicks[use].astype(np.float64), _carts(facts.carts[use], facts.favourites[use])
    told = np.isfinite(carts)

    def total(values: Float64) -> Float64:
        return tally(target, values, size)

    tellable = total(told.astype(np.float64)) > 0
    return Seen(
        clicks=total(clicks * matured),
        spend_micros=total(facts.spend_micros[use] * matured),
        orders=total(facts.orders[use].astype(np.float64)),
        carts=np.where(tellable, total(np.where(told, carts, 0.0)), np.nan),
        all_clicks=total(np.where(told, clicks, 0.0)),
    )


def _left_out(case: Case, first: int, today: int) -> Rows:
    """Return the days that nothing is learned from."""
    special = [day for day in range(first, today) if season_of(from_ordinal(day), case.policy.events).special]
    return np.union1d(case.snapshot.history.excluded_days, np.array(special, dtype=np.int64)).astype(np.intp)


def _carts(carts: Int64, favourites: Int64) -> Float64:
    """Return carts and favourites together, nan where the venue reports neither."""
    both = np.where(carts == MISSING, 0, carts) + np.where(favourites == MISSING, 0, favourites)
    return np.where((carts == MISSING) & (favourites == MISSING), np.nan, both.astype(np.float64))
