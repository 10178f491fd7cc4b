"""Hours of the week: when demand comes, what a click is worth then, and how much of a day a campaign was there for.

A budget that ran dry at noon makes half a day look like a whole one. Hours before a campaign's first and after its
last click of a day count as absent where so much silence cannot be chance; the profile is then learned from the
hours in which campaigns were there. `bidder.forecast.presence` and pacing use it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bidder.core.performance import Float64, Int32, Level, PerformanceTable
from bidder.forecast.facts import learnable
from bidder.forecast.layout import Layout
from bidder.forecast.sums import ratio, sum_by

HOURS = 24
WEEKDAYS = 7

PRIOR_DAY = np.array(
    [0.7, 0.45, 0.3, 0.22, 0.2, 0.2, 0.3, 0.5, 0.8, 1.0, 1.2, 1.2,
     1.3, 1.3, 1.1, 1.1, 1.1, 1.0, 1.05, 1.25, 1.65, 1.85, 1.7, 1.1]
)  # fmt: skip
"""Demand by hour before any was seen (mean about 1), drawn through the ranges of operator.md section 6."""

PRIOR_CLICKS = 120.0
"""Clicks a day's prior profile is worth; also what the daily profile is worth for each weekday."""

PRIOR_ORDERS = 30.0
"""Orders that "every hour converts alike" is worth for each hour."""

SILENCE = 7.0
"""Clicks due but absent at either end of a day before the campaign counts as absent there (chance exp(-7))."""

SPENT = 0.95
"""Share of the budget from which a day counts as having spent it."""

_ROUNDS = 3
_FIRST_MONDAY = 3
"""Ordinal 0, 1970-01-01, was a Thursday: adding three days makes Monday day 0 of a week."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class HourProfile:
    """Demand and conversion by hour, and the share of each day's demand that campaigns were there for.

    Attributes:
        share: (7, 24) share of a day's demand by weekday (Monday first) and marketplace hour; rows sum to 1.
        week: (7,) level of each weekday, mean 1.
        worth: (24,) orders per click relative to the day's mean, mean 1 over demand.
        served: (n_campaigns, n_days) share of the day's demand the campaign was there for, 1 where not told.
        first_day: Ordinal of the first column of ``served``.
        clicks: Clicks it was learned from.
    """

    share: Float64
    week: Float64
    worth: Float64
    served: Float64
    first_day: int
    clicks: float


def weekday(day: NDArray[np.int32] | NDArray[np.int64]) -> NDArray[np.int64]:
    """Return 0 for Monday to 6 for Sunday of day ordinals."""
    return (day.astype(np.int64) + _FIRST_MONDAY) % WEEKDAYS


def learn_hours(
    hourly: PerformanceTable,
    layout: Layout,
    *,
    today: int,
    first_day: int,
    unusable: Int32,
    budget_micros: Float64 | None = None,
) -> HourProfile:
    """Learn the profile from closed days.

    Args:
        hourly: Facts by hour at any level; may be empty.
        layout: The account.
        today: Ordinal of the present day, left out.
        first_day: Ordinal of the first day used.
        unusable: Ordinals of days that nothing is learned from.
        budget_micros: (n_campaigns, n_days) budget of each day, nan for none: a day that spent it and fell silent
            ran dry, however few clicks it had.
    """
    clicks, orders, spend = _cubes(hourly, layout, today=today, first_day=first_day, unusable=unusable)
    prior = PRIOR_DAY / PRIOR_DAY.sum()
    total = clicks.sum(axis=2)
    spent = np.zeros(total.shape, dtype=np.bool_)
    if budget_micros is not None:
        spent = spend.sum(axis=2) >= SPENT * np.nan_to_num(budget_micros, nan=np.inf)
    alive = np.ones(clicks.shape)
    served = np.ones(total.shape)
    share = prior
    for _ in range(_ROUNDS if total.any() else 0):
        level = np.where(served > 0, total / np.maximum(served, 1e-9), 0.0)
        due = np.einsum("cd,cdh->h", level, alive)
        share = (clicks.sum(axis=(0, 1)) + PRIOR_CLICKS * prior) / (due + PRIOR_CLICKS)
        share = share / share.sum()
        alive = _alive(clicks, level, spent, share)
        served = np.where(total > 0, alive @ share, 1.0)
    level = total / np.maximum(served, 1e-9)
    days = np.arange(first_day, first_day + total.shape[1])
    return HourProfile(
        share=_by_weekday(clicks, alive, level, weekday(days), share),
        week=_week(level, weekday(days)),
        worth=_worth(clicks, orders, share),
        served=np.clip(served, 0.0, 1.0),
        first_day=first_day,
        clicks=float(total.sum()),
    )


def _cubes(
    hourly: PerformanceTable, layout: Layout, *, today: int, first_day: int, unusable: Int32
) -> tuple[Float64, Float64, Float64]:
    """Return clicks, orders and spend as cubes (n_campaigns, n_days, 24) of closed days."""
    names: dict[str, int]
    match hourly.level:
        case Level.CAMPAIGN:
            names = {name: code for code, name in enumerate(layout.campaign_ids)}
        case Level.AD_GROUP:
            names = {layout.ad_group_ids[g]: int(c) for g, c in zip(layout.ad_group, layout.campaign, strict=True)}
        case Level.TARGET:
            names = {str(t): int(c) for t, c in zip(layout.target_ids, layout.campaign, strict=True)}
    code = np.array([names.get(name, -1) for name in hourly.entity_ids], dtype=np.int64)
    shape = (len(layout.campaign_ids), max(today - first_day, 0), HOURS)
    inside = (hourly.day >= first_day) & (hourly.day < today) & (hourly.hour >= 0)
    rows = np.flatnonzero(inside & learnable(hourly.day, unusable))
    campaign = code[hourly.entity[rows]] if len(rows) else np.zeros(0, dtype=np.int64)
    rows, campaign = rows[campaign >= 0], campaign[campaign >= 0]
    cell = (campaign * shape[1] + (hourly.day[rows] - first_day)) * HOURS + hourly.hour[rows]
    size = int(np.prod(shape))
    clicks, orders, spend = (
        sum_by(cell, column[rows].astype(np.float64), size).reshape(shape)
        for column in (hourly.clicks, hourly.orders, hourly.spend_micros)
    )
    return clicks, orders, spend


def _alive(clicks: Float64, level: Float64, spent: NDArray[np.bool_], share: Float64) -> Float64:
    """Return the part of each hour in which a campaign was there, same shape as ``clicks``.

    Not there: a silence at either end of the day that is too long for chance, and any silence after the budget was
    spent. In the hour on the brink it was there for half of the time, as far as anyone can tell.
    """
    seen = clicks > 0
    started = np.logical_or.accumulate(seen, axis=2)
    going = np.logical_or.accumulate(seen[:, :, ::-1], axis=2)[:, :, ::-1]
    due_before = (~started @ share) * level
    due_after = (~going @ share) * level
    late = (due_before > SILENCE)[:, :, None]
    dry = ((due_after > SILENCE) | (spent & (due_after > 0)))[:, :, None]
    alive = np.where(late & ~started | dry & ~going, 0.0, 1.0)
    first = started & ~np.concatenate([np.zeros_like(started[:, :, :1]), started[:, :, :-1]], axis=2)
    last = going & ~np.concatenate([going[:, :, 1:], np.zeros_like(going[:, :, :1])], axis=2)
    alive[late & first | dry & last] = 0.5
    return alive


def _by_weekday(
    clicks: Float64, alive: Float64, level: Float64, day_of_week: NDArray[np.int64], share: Float64
) -> Float64:
    """Return each weekday's own profile, shrunk to that of all days."""
    rows = np.tile(share, (WEEKDAYS, 1))
    for number in range(WEEKDAYS):
        chosen = day_of_week == number
        due = np.einsum("cd,cdh->h", level[:, chosen], alive[:, chosen])
        seen = clicks[:, chosen].sum(axis=(0, 1))
        rows[number] = (seen + PRIOR_CLICKS * share) / (due + PRIOR_CLICKS)
    normal: Float64 = rows / rows.sum(axis=1, keepdims=True)
    return normal


def _week(level: Float64, day_of_week: NDArray[np.int64]) -> Float64:
    """Return the level of each weekday relative to the mean, shrunk to 1."""
    days = level.sum(axis=0)
    told = days > 0
    if not told.any():
        return np.ones(WEEKDAYS)
    mean = float(days[told].mean())
    count = sum_by(day_of_week[told], np.ones(int(told.sum())), WEEKDAYS)
    relative = (sum_by(day_of_week[told], days[told], WEEKDAYS) / mean + 1.0) / (count + 1.0)
    normal: Float64 = relative / relative.mean()
    return normal


def _worth(clicks: Float64, orders: Float64, share: Float64) -> Float64:
    """Return orders per click by hour relative to the mean, shrunk to 1."""
    seen, by_hour = orders.sum(axis=(0, 1)), clicks.sum(axis=(0, 1))
    due = by_hour * np.nan_to_num(ratio(seen.sum(), by_hour.sum()), nan=0.0)
    worth = (seen + PRIOR_ORDERS) / (due + PRIOR_ORDERS)
    normal: Float64 = worth / float(worth @ share)
    return normal
