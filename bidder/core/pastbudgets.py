"""Daily budgets of past days, told from our own record: whether a day's spend reached its budget.

Before the first change on record the oldest value known counts; where the venue sets no limit there is none. Used by
`bidder.core.case` and by the forecast.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from bidder.core.calendar import day_of, ordinal
from bidder.core.change import Field, PastChange, Status
from bidder.core.entities import EntityKind, Structure
from bidder.core.money import Money
from bidder.core.performance import Float64


def daily_budgets(changes: Iterable[PastChange], structure: Structure, *, first_day: int, today: int) -> Float64:
    """Return the largest budget in force on each day, in micros, nan where there was no limit or a shared one.

    A day on which a first limit was set had none before, so it counts as a day without.

    Args:
        changes: Our record, oldest first.
        structure: Campaigns and what they are set to now.
        first_day: Ordinal of the first column.
        today: Ordinal of the present day, which has no column.

    Returns:
        Shape (n_campaigns, n_days).
    """
    row_of = {str(campaign.id): row for row, campaign in enumerate(structure.campaigns)}
    shared = {row for row, campaign in enumerate(structure.campaigns) if campaign.shared_budget_id is not None}
    now = [_micros(campaign.daily_budget) for campaign in structure.campaigns]
    budgets = np.repeat(np.array(now, dtype=np.float64)[:, None], max(today - first_day, 0), axis=1)
    moves = [
        (row_of[change.ref.id], change)
        for change in changes
        if change.field is Field.DAILY_BUDGET
        and change.status is Status.CONFIRMED
        and change.ref.kind is EntityKind.CAMPAIGN
        and change.ref.id in row_of
    ]
    for row, change in reversed(moves):
        column = ordinal(day_of(change.at, structure.time_zone)) - first_day
        old = _micros(change.old if isinstance(change.old, Money) else None)
        if column > 0:
            budgets[row, :column] = old
        if 0 <= column < budgets.shape[1]:
            budgets[row, column] = np.maximum(budgets[row, column], old)
    budgets[sorted(shared)] = np.nan
    return budgets


def _micros(amount: Money | None) -> float:
    return float("nan") if amount is None else float(amount.micros)
