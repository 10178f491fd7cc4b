"""Which days each target could be shown on, and for which part of the day: the denominator of daily traffic.

A venue may leave out targets without impressions, a person may have paused one, a budget may have run dry, stock may
have been gone. A day counts as far as the target could have been clicked on it; every other day is missing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from bidder.core.calendar import day_of, ordinal
from bidder.core.change import Field, PastChange, Status
from bidder.core.entities import EntityKind, State
from bidder.core.performance import Float64, Int32, ProductSalesTable
from bidder.forecast.facts import TargetFacts, learnable
from bidder.forecast.hours import HourProfile
from bidder.forecast.layout import Layout
from bidder.forecast.sums import sum_by

WINDOW_DAYS = 35
"""Closed days that daily traffic is learned from: five weeks."""

LEAST_SHARE = 0.1
"""Smaller shares of a day say too little about the whole day."""

_NEW_EVIDENCE = 4.6
"""Silence before a target's first row that would be a chance of 1%: it was not there yet."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Presence:
    """Days on which targets could be shown; columns are days from ``first_day`` to yesterday.

    Attributes:
        first_day: Ordinal of the first column.
        there: (n_targets, n_days) bool.
        served: (n_campaigns, n_days) share of the day's demand the budget was there for.
        in_stock: (n_known_products + 1, n_days) share of the day in stock; the last row is for no product.
        campaign: (n_targets,) row of ``served``.
        product: (n_targets,) row of ``in_stock``.
    """

    first_day: int
    there: NDArray[np.bool_]
    served: Float64
    in_stock: Float64
    campaign: Int32
    product: Int32

    @property
    def days(self) -> int:
        """Columns."""
        return int(self.there.shape[1])

    def as_served(self) -> Presence:
        """Return the same days counted whole, however early a budget ran dry on them."""
        return replace(self, served=np.ones_like(self.served))

    def column(self, number: int) -> Float64:
        """Return the part of one day that each target could be shown for, shape (n_targets,)."""
        part: Float64 = self.there[:, number] * self.served[self.campaign, number] * self.in_stock[self.product, number]
        return part

    def of_rows(self, target: Int32, day: Int32) -> Float64:
        """Return the part of the day for rows of facts; 0 outside the days known."""
        number = day - self.first_day
        inside = (number >= 0) & (number < self.days)
        if not self.days:
            return np.zeros(len(target))
        at = np.clip(number, 0, self.days - 1)
        part = self.there[target, at] * self.served[self.campaign[target], at] * self.in_stock[self.product[target], at]
        return np.where(inside, part, 0.0)


def presence(
    facts: TargetFacts,
    layout: Layout,
    hours: HourProfile,
    sales: ProductSalesTable,
    changes: Iterable[PastChange],
    *,
    time_zone: str,
    zeros_left_out: bool,
    unusable: Int32,
) -> Presence:
    """Find the days on which each target could be shown.

    Args:
        facts: Closed days that may be learned from.
        layout: The account.
        hours: Tells for which part of a day a campaign's budget lasted.
        sales: Tells stock, where known.
        changes: Our record; pauses are read from it.
        time_zone: The marketplace's.
        zeros_left_out: The venue has no rows of targets without impressions: an absent row is a day without.
        unusable: Ordinals of days that nothing is learned from.
    """
    first_day = max(facts.today - WINDOW_DAYS, facts.first_day)
    days = facts.today - first_day
    recent = facts.take((facts.day >= first_day) & (facts.day < facts.today))
    number = recent.day - first_day
    rowed = np.zeros((len(layout), days), dtype=np.bool_)
    rowed[recent.target, number] = True
    shown = np.zeros((len(layout), days), dtype=np.bool_)
    busy = (recent.impressions > 0) | (recent.clicks > 0)
    shown[recent.target[busy], number[busy]] = True
    there = _days_without_rows(rowed, shown, layout) if zeros_left_out else rowed
    there &= ~_after_the_end(shown, layout)
    usable = learnable(np.arange(first_day, facts.today, dtype=np.int32), unusable)
    there &= usable[None, :]
    paused = paused_days(changes, layout, first_day=first_day, today=facts.today, time_zone=time_zone)
    for rows, columns in paused:
        there[rows] &= shown[rows] | ~columns[None, :]
    known = layout.product_rows()
    return Presence(
        first_day=first_day,
        there=there,
        served=_aligned(hours, first_day, days, len(layout.campaign_ids)),
        in_stock=_in_stock(sales, layout, first_day=first_day, days=days),
        campaign=layout.campaign,
        product=np.where(known >= 0, known, len(layout.products)).astype(np.int32),
    )


def _days_without_rows(rowed: NDArray[np.bool_], shown: NDArray[np.bool_], layout: Layout) -> NDArray[np.bool_]:
    """Count days on which the report spoke of the campaign, from when the target was there."""
    days = rowed.shape[1]
    spoken = np.zeros((len(layout.campaign_ids), days), dtype=np.bool_)
    np.logical_or.at(spoken, layout.campaign, rowed)
    group_first = np.full(len(layout.ad_group_ids), days)
    first = np.where(shown.any(axis=1), shown.argmax(axis=1), days)
    np.minimum.at(group_first, layout.ad_group, first)
    before = first - group_first[layout.ad_group]
    density = (shown.sum(axis=1) - 0.5) / np.maximum(days - first, 1)
    silence = -np.log1p(-np.clip(density, 0.0, 0.99)) * before
    new = (first < days) & (silence > _NEW_EVIDENCE)
    start = np.where(new, first, group_first[layout.ad_group])
    there: NDArray[np.bool_] = spoken[layout.campaign] & (np.arange(days)[None, :] >= start[:, None])
    return there | rowed


def _after_the_end(shown: NDArray[np.bool_], layout: Layout) -> NDArray[np.bool_]:
    """Tell the days after a target that is now paused was last shown: nobody knows when it was paused."""
    days = shown.shape[1]
    last = np.where(shown.any(axis=1), days - 1 - shown[:, ::-1].argmax(axis=1), days)
    gone: NDArray[np.bool_] = (~layout.live & (last < days))[:, None] & (np.arange(days)[None, :] > last[:, None])
    return gone


def paused_days(
    changes: Iterable[PastChange], layout: Layout, *, first_day: int, today: int, time_zone: str
) -> list[tuple[NDArray[np.intp], NDArray[np.bool_]]]:
    """Return for every entity with pauses on record its targets' rows and the days touched by a pause.

    Days of the change itself are touched only in part and count as paused, too.
    """
    moments: dict[tuple[EntityKind, str], list[tuple[int, bool]]] = {}
    for change in changes:
        if change.field is Field.STATE and change.status is Status.CONFIRMED:
            day = ordinal(day_of(change.at, time_zone))
            moments.setdefault((change.ref.kind, change.ref.id), []).append((day, change.new is not State.ENABLED))
    found = []
    numbers = _numbers(layout)
    for (kind, identity), steps in moments.items():
        code = numbers[kind].get(identity)
        if code is None:
            continue
        touched = np.zeros(max(today - first_day, 0), dtype=np.bool_)
        since: int | None = None
        for day, stops in steps:
            if stops and since is None:
                since = day
            elif not stops:
                begin = day if since is None else since
                touched[max(begin - first_day, 0) : max(day - first_day + 1, 0)] = True
                since = None
        if since is not None:
            touched[max(since - first_day, 0) :] = True
        codes = {EntityKind.CAMPAIGN: layout.campaign, EntityKind.AD_GROUP: layout.ad_group}.get(kind)
        rows = np.array([code], dtype=np.intp) if codes is None else np.flatnonzero(codes == code)
        found.append((rows, touched))
    return found


def _numbers(layout: Layout) -> Mapping[EntityKind, Mapping[str, int]]:
    return {
        EntityKind.CAMPAIGN: {name: code for code, name in enumerate(layout.campaign_ids)},
        EntityKind.AD_GROUP: {name: code for code, name in enumerate(layout.ad_group_ids)},
        EntityKind.TARGET: {str(name): row for row, name in enumerate(layout.target_ids)},
    }


def _aligned(hours: HourProfile, first_day: int, days: int, campaigns: int) -> Float64:
    """Return the served shares for the days asked for, 1 where hours tell nothing."""
    served = np.ones((campaigns, days))
    shift = hours.first_day - first_day
    begin, end = max(shift, 0), min(shift + hours.served.shape[1], days)
    if end > begin:
        served[:, begin:end] = hours.served[:, begin - shift : end - shift]
    return served


def _in_stock(sales: ProductSalesTable, layout: Layout, *, first_day: int, days: int) -> Float64:
    """Return the share of each day that products were in stock; 1 where unknown."""
    share = np.ones((len(layout.products) + 1, days))
    number = {str(identity): code for code, identity in enumerate(layout.product_ids)}
    code = np.array([number.get(name, -1) for name in sales.product_ids], dtype=np.int64)
    if not len(code) or not len(sales):
        return share
    product, column = code[sales.product], sales.day - first_day
    told = (product >= 0) & (column >= 0) & (column < days) & np.isfinite(sales.in_stock_hours)
    cell = product[told] * days + column[told]
    hours = sum_by(cell, sales.in_stock_hours[told], share.size)
    count = sum_by(cell, np.ones(len(cell)), share.size)
    flat = np.where(count > 0, np.clip(hours / np.maximum(count, 1.0) / 24.0, 0.0, 1.0), 1.0)
    return flat.reshape(share.shape)
