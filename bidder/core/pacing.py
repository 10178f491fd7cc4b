"""Within the day: when demand comes, what share of it a budget lets us serve, and how spend is kept on plan.

Pure functions on campaign-hour arrays; called by `bidder.core.decide`, which does not steer by `deadbeat` yet. Laws
and their measured quality stand in docs/maths/pacing.md.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from bidder.core.layout import Flags, Layout, tally
from bidder.core.performance import Float64, Level, PerformanceTable

HOURS = 24
PROFILE_DAYS = 14
"""Days whose hours make the profile: two of each weekday."""
_PRIOR_CLICKS = 24.0
"""Clicks spread evenly over the day that every profile starts from."""
_SILENT = 9.0
"""Clicks expected but absent at the end of a day before we say that the budget ran dry (chance exp(-9))."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class HourFacts:
    """Hourly facts as cubes of shape (n_campaigns, n_days, 24); days are closed marketplace days, oldest first."""

    clicks: Float64
    spend_micros: Float64
    orders: Float64

    @property
    def known(self) -> bool:
        """Tell whether there is anything to learn from."""
        return self.clicks.size > 0 and bool(np.sum(self.clicks) > 0)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DayShape:
    """How demand and its worth spread over a day.

    Attributes:
        share: Share of a day's demand by marketplace hour, shape (24,), sums to 1.
        worth: Orders per click by hour relative to the day's mean, shape (24,); 1 where nothing is known.
        served: Share of its demand that each campaign was there for, shape (n_campaigns,), in (0, 1].
        dry_hour: Median hour at which the campaign went dark on days it did, nan where it never did.
    """

    share: Float64
    worth: Float64
    served: Float64
    dry_hour: Float64

    def elapsed(self, hour: float) -> float:
        """Return the share of a day's demand that has come by ``hour`` (0 to 24, fractions interpolate)."""
        whole = int(min(max(hour, 0.0), float(HOURS)))
        part = self.share[whole] * (hour - whole) if whole < HOURS else 0.0
        return float(np.sum(self.share[:whole]) + part)


def hour_facts(hourly: PerformanceTable, layout: Layout, today: int) -> HourFacts:
    """Sum hourly facts by campaign, closed day and hour over the last two weeks.

    Args:
        hourly: Facts by hour at any level.
        layout: The account.
        today: Ordinal of the open marketplace day, which is left out.
    """
    shape = (layout.n_campaigns, PROFILE_DAYS, HOURS)
    rows = _campaign_rows(hourly, layout)
    first = today - PROFILE_DAYS
    use = np.flatnonzero((hourly.day >= first) & (hourly.day < today) & (hourly.hour >= 0))
    campaign = rows[hourly.entity[use]] if len(use) else np.zeros(0, dtype=np.intp)
    kept = campaign >= 0
    use, campaign = use[kept], campaign[kept]
    cell = (campaign * PROFILE_DAYS + (hourly.day[use] - first)) * HOURS + hourly.hour[use]
    size = math.prod(shape)

    def cube(values: Float64) -> Float64:
        return tally(cell, values, size).reshape(shape)

    return HourFacts(
        clicks=cube(hourly.clicks[use].astype(np.float64)),
        spend_micros=cube(hourly.spend_micros[use].astype(np.float64)),
        orders=cube(hourly.orders[use].astype(np.float64)),
    )


def day_shape(facts: HourFacts) -> DayShape:
    """Learn when demand comes, from hours in which campaigns were still there, and what share of it was served.

    A campaign-day whose last hours stay silent though several clicks were due had run dry. Those hours say nothing
    about demand, so they are left out and the profile is learned again from the rest.
    """
    n_campaigns = facts.clicks.shape[0]
    even = np.full(HOURS, 1.0 / HOURS)
    if not facts.known:
        return DayShape(
            share=even, worth=np.ones(HOURS), served=np.ones(n_campaigns), dry_hour=np.full(n_campaigns, np.nan)
        )
    seen = np.cumsum(facts.clicks[:, :, ::-1], axis=2)[:, :, ::-1] > 0
    last = np.where(seen.any(axis=2), seen.sum(axis=2), 0)
    alive = np.ones_like(facts.clicks, dtype=bool)
    share = even
    for _ in range(3):
        share = _profile(facts.clicks, alive)
        alive = _alive(facts.clicks, share, last)
    total = facts.clicks.sum(axis=2)
    covered = np.where(total > 0, (alive * share).sum(axis=2), np.nan)
    weight = np.where(total > 0, total / np.maximum(covered, 1e-9), 0.0)
    demand = weight.sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        served = np.where(demand > 0, np.nansum(weight * np.nan_to_num(covered), axis=1) / demand, 1.0)
    dry = (~alive[:, :, -1]) & (total > 0)
    return DayShape(
        share=share,
        worth=_worth(facts),
        served=np.clip(served, 0.02, 1.0),
        dry_hour=_median_where(last.astype(np.float64), dry),
    )


def deadbeat(
    multiplier: float,
    *,
    remaining_budget: float,
    remaining_share: float,
    rate: float,
    elasticity: float,
    max_step: float,
    dead_band: float,
) -> float:
    """Return the next bid multiplier that spends what is left over the demand that is left.

    Args:
        multiplier: In force now, positive.
        remaining_budget: Money left for the day.
        remaining_share: Share of the day's demand still to come, (0, 1].
        rate: Spend per share of demand at multiplier 1 (smoothed by the caller).
        elasticity: d log spend / d log multiplier, positive.
        max_step: Largest move, as a share of the multiplier.
        dead_band: Smaller moves are not made.

    Source: ``log m = [log(remaining / share) - log(rate_1)] / elasticity``, decisions.md 3.3.
    """
    low, high = multiplier * (1.0 - max_step), multiplier * (1.0 + max_step)
    if remaining_budget <= 0:
        return low
    if remaining_share <= 0 or rate <= 0 or elasticity <= 0:
        return multiplier
    logarithm = (math.log(remaining_budget / remaining_share) - math.log(rate)) / elasticity
    wanted = math.exp(min(max(logarithm, -700.0), 700.0))
    if abs(wanted / multiplier - 1.0) < dead_band:
        return multiplier
    return min(max(wanted, low), high)


def runway_days(balance_micros: int, daily_spend_micros: float) -> float | None:
    """Return for how many days a prepaid balance lasts; ``None`` where nothing is spent."""
    return balance_micros / daily_spend_micros if daily_spend_micros > 0 else None


def dayparts(
    worth: Float64, *, largest: float = 1.5, smallest: float = 0.5, share: Float64, strength: float = 1.0
) -> tuple[float, ...]:
    """Return hour factors on the bid in proportion to what a click is worth in that hour.

    In a second-price auction the best bid is proportional to the value of a click, so the factor is its relative
    worth. Factors are held between bounds, their demand-weighted mean is 1, and they are rounded to whole percents.
    """
    factors = np.clip(worth**strength, smallest, largest)
    factors = np.clip(factors / float(np.sum(share * factors)), smallest, largest)
    return tuple(float(value) for value in np.round(factors, 2))


def _profile(clicks: Float64, alive: Flags) -> Float64:
    """Return hourly demand shares from the hours in which campaigns were there (two passes of a ratio estimate)."""
    share: Float64 = np.full(HOURS, 1.0 / HOURS)
    for _ in range(4):
        exposure = (alive * share).sum(axis=2)
        size = np.where(exposure > 0, (clicks * alive).sum(axis=2) / np.maximum(exposure, 1e-9), 0.0)
        due = (alive * size[:, :, None]).sum(axis=(0, 1))
        came = (clicks * alive).sum(axis=(0, 1))
        share = (came + _PRIOR_CLICKS / HOURS) / (due + _PRIOR_CLICKS)
        share /= share.sum()
    return share


def _alive(clicks: Float64, share: Float64, last: Float64) -> Flags:
    """Tell in which hours each campaign-day was still being served."""
    before = np.concatenate([[0.0], np.cumsum(share)])
    reached = before[last]
    total = clicks.sum(axis=2)
    due = np.where(reached > 0, total / np.maximum(reached, 1e-9) * (1.0 - reached), 0.0)
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
