"""A normal coming day: clicks, spend and cost per click of every target at its present bid.

Closed days, recent ones weighing more, each corrected for what made it unlike a normal day: a budget that ran dry, a
bid that has moved since, a product out of stock, a target that was paused. Sparse targets lean on their ad group.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bidder.core.performance import Float64
from bidder.forecast.bids import BidSteps
from bidder.forecast.cells import pool
from bidder.forecast.exposure import discount
from bidder.forecast.facts import TargetFacts
from bidder.forecast.layout import Layout
from bidder.forecast.presence import LEAST_SHARE, Presence
from bidder.forecast.response import Elasticities
from bidder.forecast.shrinkage import fit_shape
from bidder.forecast.sums import ratio_by, sum_by

HALF_LIFE_DAYS = 10.0
"""Half-life of a day's weight in the level of traffic, which moves faster than conversion; a judgement."""

PRIOR_CLICKS = 3.0
"""Clicks that the campaign's usual cost per click relative to the bid is worth."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class NormalDay:
    """Expected per coming day at the present bid, arrays of shape (n_targets,).

    Attributes:
        clicks, spend_micros: Expected, not negative.
        cpc_micros: Expected cost per click, nan where nothing is known.
    """

    clicks: Float64
    spend_micros: Float64
    cpc_micros: Float64


def normal_day(
    facts: TargetFacts, layout: Layout, present: Presence, steps: BidSteps, response: Elasticities
) -> NormalDay:
    """Estimate a normal day of every target at its present bid.

    A bid that moved since means that a day stood for another amount of traffic. Its *exposure* is rescaled, not its
    clicks, so that every day weighs by what it tells.

    Args:
        facts: Closed days that may be learned from.
        layout: The targets.
        present: For which part of which day each target could be shown.
        steps: Bids of past days.
        response: Elasticities of clicks and of their cost.
    """
    size = len(layout)
    part = present.of_rows(facts.target, facts.day)
    used = facts.take(part >= LEAST_SHARE)
    distance = steps.distance(used.target, used.day)
    weight = discount((used.today - used.day).astype(np.float64), HALF_LIFE_DAYS)
    dearer = np.exp(response.cpc[used.target] * distance)
    days = np.zeros(size)
    everyone = np.arange(size, dtype=np.int32)
    ago = discount(np.arange(present.days, 0, -1).astype(np.float64), HALF_LIFE_DAYS)
    for number in range(present.days):
        column = present.column(number)
        moved = steps.distance(everyone, np.full(size, present.first_day + number, dtype=np.int32))
        days += ago[number] * np.where(column >= LEAST_SHARE, column, 0.0) * np.exp(-response.clicks * moved)
    clicks = sum_by(used.target, weight * used.clicks, size)
    spend = sum_by(used.target, weight * used.spend_micros * dearer, size)
    groups = len(layout.ad_group_ids)
    of_group = ratio_by(layout.ad_group, clicks, days, groups)
    of_account = float(clicks.sum() / days.sum()) if days.sum() > 0 else 0.0
    centre = np.where(np.isfinite(of_group), of_group, of_account)[layout.ad_group] if groups else np.zeros(size)
    # How unlike its ad group a target is, is learned: words of one group differ a hundredfold at many shops.
    cells = pool(clicks, days * centre)
    alike = fit_shape(cells.events, cells.expected, cells.times)
    daily = np.where(centre > 0, centre * (alike + clicks) / (alike + days * centre), 0.0)
    cpc = _cost_per_click(clicks, spend, layout)
    return NormalDay(clicks=daily, spend_micros=daily * np.nan_to_num(cpc, nan=0.0), cpc_micros=cpc)


def _cost_per_click(clicks: Float64, spend: Float64, layout: Layout) -> Float64:
    """Return the cost per click at the present bid, shrunk to what the campaign usually pays of its bids."""
    bid = layout.bid_micros
    told = np.isfinite(bid) & (bid > 0)
    unit = np.where(told, bid, 1.0)
    campaigns = len(layout.campaign_ids)
    in_bids = ratio_by(layout.campaign, np.where(told, spend, 0.0), np.where(told, clicks * unit, 0.0), campaigns)
    in_money = ratio_by(layout.campaign, spend, clicks, campaigns)
    all_bids, all_clicks = float((clicks * unit)[told].sum()), float(clicks.sum())
    in_bids = np.where(np.isfinite(in_bids), in_bids, float(spend[told].sum()) / all_bids if all_bids > 0 else np.nan)
    in_money = np.where(np.isfinite(in_money), in_money, float(spend.sum()) / all_clicks if all_clicks > 0 else np.nan)
    usual = np.where(told, in_bids[layout.campaign] * unit, in_money[layout.campaign])
    own = (spend + PRIOR_CLICKS * usual) / (clicks + PRIOR_CLICKS)
    return np.where(np.isfinite(usual), own, np.nan)
