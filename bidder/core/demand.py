"""When demand comes over the hours of a week, what it is worth then, and what share of it a campaign was there for.

Pure functions on campaign-hour arrays; called by `bidder.core.case`. A campaign is not there once its budget ran dry,
and only in part while its bids were paced down. Method and limits stand in docs/maths/pacing.md.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from bidder.core.calendar import from_ordinal
from bidder.core.layout import Flags, Layout, tally
from bidder.core.performance import Float64, Level, PerformanceTable

HOURS = 24
WEEKDAYS = 7
PROFILE_DAYS = 14
"""Days whose hours make the profile: two of each weekday."""
_PRIOR_CLICKS = 24.0
"""Clicks spread evenly over the day that every profile starts from."""
_WEEKDAY_CLICKS = 120.0
"""Clicks that the profile of all days is worth for each weekday."""
_SILENT = 9.0
"""Clicks expected but absent at the end of a day before we say that the budget ran dry (chance exp(-9))."""
_SPENT = 0.95
"""Share of the budget from which a day counts as having spent it."""
_STRAY = 0.02
"""Share of a day's clicks that still come, one by one, for the small change of a spent budget."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class HourFacts:
    """Hourly facts as cubes of shape (n_campaigns, n_days, 24); days are closed marketplace days, oldest first.

    Attributes:
        open_clicks, open_spend_micros: The open day's hours as far as they are reported, shape (n_campaigns, 24).
        first_day: Ordinal of the first closed day.
    """

    clicks: Float64
    spend_micros: Float64
    orders: Float64
    open_clicks: Float64
    open_spend_micros: Float64
    first_day: int

    @property
    def known(self) -> bool:
        """Tell whether there is anything to learn from."""
        return self.clicks.size > 0 and bool(np.sum(self.clicks) > 0)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DayShape:
    """How demand and its worth spread over a day.

    Attributes:
        share: Share of a day's demand by marketplace hour over all days, shape (24,), sums to 1.
        week: The same by weekday (Monday first), shape (7, 24), rows sum to 1.
        worth: Orders per click by hour relative to the day's mean, shape (24,); 1 where nothing is known.
        served: Share of its demand that each campaign was there for, shape (n_campaigns,), in (0, 1].
        dry_hour: Median hour at which the campaign went dark on days it did, nan where it never did.
    """

    share: Float64
    week: Float64
    worth: Float64
    served: Float64
    dry_hour: Float64


def hours_left(share: Float64, hour: float) -> Float64:
    """Return what of each hour's demand is still to come at ``hour`` (0 to 24), shape (24,); a started hour in part."""
    ahead: Float64 = share * np.clip(np.arange(1, HOURS + 1) - hour, 0.0, 1.0)
    return ahead


def elapsed(share: Float64, hour: float) -> float:
    """Return the share of a day's demand that has come by ``hour`` (0 to 24, fractions interpolate)."""
    return float(np.sum(share - hours_left(share, hour)))


def hour_facts(hourly: PerformanceTable, layout: Layout, today: int) -> HourFacts:
    """Sum hourly facts by campaign, day and hour over the last two weeks and the open day.

    Args:
        hourly: Facts by hour at any level.
        layout: The account.
        today: Ordinal of the open marketplace day, which is kept apart.
    """
    n_days = PROFILE_DAYS + 1
    shape = (layout.n_campaigns, n_days, HOURS)
    rows = _campaign_rows(hourly, layout)
    first = today - PROFILE_DAYS
    use = np.flatnonzero((hourly.day >= first) & (hourly.day <= today) & (hourly.hour >= 0))
    campaign = rows[hourly.entity[use]] if len(use) else np.zeros(0, dtype=np.intp)
    kept = campaign >= 0
    use, campaign = use[kept], campaign[kept]
    cell = (campaign * n_days + (hourly.day[use] - first)) * HOURS + hourly.hour[use]
    size = math.prod(shape)
    clicks, spend, orders = (
        tally(cell, column[use].astype(np.float64), size).reshape(shape)
        for column in (hourly.clicks, hourly.spend_micros, hourly.orders)
    )
    return HourFacts(
        clicks=clicks[:, :-1],
        spend_micros=spend[:, :-1],
        orders=orders[:, :-1],
        open_clicks=clicks[:, -1],
        open_spend_micros=spend[:, -1],
        first_day=first,
    )


def day_shape(facts: HourFacts, presence: Float64 | None = None, budget_micros: Float64 | None = None) -> DayShape:
    """Learn when demand comes, from hours in which campaigns were still there, and what share of it was served.

    A campaign-day whose last hours stay silent though several clicks were due had run dry; where it spent its budget,
    few clicks instead of those due are enough. Those hours say nothing about demand, so they are left out and the
    profile is learned again from the rest. The first guess is an even day: were every day to run dry at noon, nobody
    could tell from clicks alone that there is an afternoon.

    Args:
        facts: Closed days.
        presence: Share of its clicks that a campaign's pacing left it in each hour, shape of ``facts.clicks``; all
            of them where absent.
        budget_micros: Budget of each day, shape (n_campaigns, n_days), nan for none.
    """
    n_campaigns, n_days, _ = facts.clicks.shape
    even = np.full(HOURS, 1.0 / HOURS)
    if not facts.known:
        return DayShape(
            share=even,
            week=np.tile(even, (WEEKDAYS, 1)),
            worth=np.ones(HOURS),
            served=np.ones(n_campaigns),
            dry_hour=np.full(n_campaigns, np.nan),
        )
    there = np.ones_like(facts.clicks) if presence is None else presence
    spent = np.zeros(facts.clicks.shape[:2], dtype=bool)
    if budget_micros is not None:
        spent = facts.spend_micros.sum(axis=2) >= _SPENT * np.nan_to_num(budget_micros, nan=np.inf)
    share, alive = even, _spent_early(facts.clicks, even, there, spent)
    for _ in range(3):
        share = _profile(facts.clicks, alive * there)
        early = _spent_early(facts.clicks, share, there, spent)
        alive = early * np.where(spent[:, :, None], 1.0, _alive(facts.clicks, share, there))
    total = facts.clicks.sum(axis=2)
    covered = np.where(total > 0, (alive * there * share).sum(axis=2), np.nan)
    weight = np.where(total > 0, total / np.maximum(covered, 1e-9), 0.0)
    demand = weight.sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        served = np.where(demand > 0, np.nansum(weight * np.nan_to_num(covered), axis=1) / demand, 1.0)
    dry = (alive[:, :, -1] <= 0) & (total > 0)
    last = (alive > 0).sum(axis=2)
    days = np.array([from_ordinal(facts.first_day + number).weekday() for number in range(n_days)])
    return DayShape(
        share=share,
        week=_by_weekday(facts.clicks, alive * there, weight, days, share),
        worth=_worth(facts),
        served=np.clip(served, 0.02, 1.0),
        dry_hour=_median_where(last.astype(np.float64), dry),
    )


def _profile(clicks: Float64, there: Float64) -> Float64:
    """Return hourly demand shares from the hours in which campaigns were there (four passes of a ratio estimate)."""
    share: Float64 = np.full(HOURS, 1.0 / HOURS)
    counted = clicks * (there > 0)
    for _ in range(4):
        exposure = (there * share).sum(axis=2)
        size = np.where(exposure > 0, counted.sum(axis=2) / np.maximum(exposure, 1e-9), 0.0)
        due = (there * size[:, :, None]).sum(axis=(0, 1))
        came = counted.sum(axis=(0, 1))
        share = (came + _PRIOR_CLICKS / HOURS) / (due + _PRIOR_CLICKS)
        share /= share.sum()
    return share


def _by_weekday(
    clicks: Float64, there: Float64, size: Float64, days: np.ndarray[tuple[int], np.dtype[np.int64]], share: Float64
) -> Float64:
    """Return each weekday's own shares, shrunk to those of all days; shape (7, 24)."""
    week = np.tile(share, (WEEKDAYS, 1))
    for number in range(WEEKDAYS):
        mine = days == number
        due = (there[:, mine] * size[:, mine, None]).sum(axis=(0, 1))
        came = (clicks * (there > 0))[:, mine].sum(axis=(0, 1))
        week[number] = (came + _WEEKDAY_CLICKS * share) / (due + _WEEKDAY_CLICKS)
    normal: Float64 = week / week.sum(axis=1, keepdims=True)
    return normal


def _spent_early(clicks: Float64, share: Float64, there: Float64, spent: Flags) -> Float64:
    """Return the part of each hour in which campaign-days that spent their budget were served.

    Served until all but a few of the day's clicks had come; in the hour on the brink for half of the time, as far as
    anyone can tell. Days whose later clicks came as they were due ran to their end.
    """
    total = clicks.sum(axis=2)
    came = np.cumsum(clicks, axis=2)
    brink = (came >= (1.0 - _STRAY) * total[:, :, None]).argmax(axis=2)[:, :, None]
    reached = np.take_along_axis(np.cumsum(there * share, axis=2), brink, axis=2)[:, :, 0]
    rest = (there * share).sum(axis=2) - reached
    due = np.where(reached > 0, total / np.maximum(reached, 1e-9) * rest, 0.0)
    later = total - np.take_along_axis(came, brink, axis=2)[:, :, 0]
    dry = spent & (total > 0) & (due >= 1.0) & (later < 0.5 * due)
    hours = np.arange(HOURS)[None, None, :]
    part = np.where(hours < brink, 1.0, np.where(hours == brink, 0.5, 0.0))
    return np.where(dry[:, :, None], part, 1.0)


def _alive(clicks: Float64, share: Float64, there: Float64) -> Flags:
    """Tell in which hours each campaign-day was still being served, by silence at its end alone."""
    seen = np.cumsum(clicks[:, :, ::-1], axis=2)[:, :, ::-1] > 0
    last = np.where(seen.any(axis=2), seen.sum(axis=2), 0)
    before = np.concatenate([np.zeros((*there.shape[:2], 1)), np.cumsum(there * share, axis=2)], axis=2)
    reached = np.take_along_axis(before, last[:, :, None], axis=2)[:, :, 0]
    total = clicks.sum(axis=2)
    due = np.where(reached > 0, total / np.maximum(reached, 1e-9) * (before[:, :, -1] - reached), 0.0)
    dry = due >= _SILENT
    hours = np.arange(HOURS)
    return ~dry[:, :, None] | (hours[None, None, :] < last[:, :, None])


def _worth(facts: HourFacts, *, prior_orders: float = 30.0) -> Float64:
    """Return orders per click by hour relative to the mean, shrunk towards 1."""
    clicks, orders = facts.clicks.sum(axis=(0, 1)), facts.orders.sum(axis=(0, 1))
    mean = orders.sum() / max(clicks.sum(), 1.0)
    if mean <= 0:
        return np.ones(HOURS)
    worth: Float64 = (orders + prior_orders) / (clicks * mean + prior_orders)
    return worth


def _median_where(values: Float64, mask: Flags) -> Float64:
    result = np.full(len(values), np.nan)
    for row in np.flatnonzero(mask.any(axis=1)).tolist():
        result[row] = float(np.median(values[row][mask[row]]))
    return result


def _campaign_rows(table: PerformanceTable, layout: Layout) -> np.ndarray[tuple[int], np.dtype[np.intp]]:
    """Map a table's entity ids to campaign rows, -1 where unknown."""
    structure = layout.structure
    owner: dict[str, int]
    match table.level:
        case Level.CAMPAIGN:
            owner = {c.id: row for row, c in enumerate(structure.campaigns)}
        case Level.AD_GROUP:
            owner = {g.id: int(row) for g, row in zip(structure.ad_groups, layout.group_campaign, strict=True)}
        case Level.TARGET:
            owner = {t.id: int(row) for t, row in zip(structure.targets, layout.campaign, strict=True)}
    return np.array([owner.get(identity, -1) for identity in table.entity_ids], dtype=np.intp)
