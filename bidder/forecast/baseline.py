"""A normal coming day: clicks, spend and cost per click of every target at its present bid.

Closed days, recent ones weighing more, each corrected for what made it unlike a normal day: a budget that ran dry, a
bid that has moved since, a product out of stock, a target that was paused. Sparse targets lean on their ad group.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bidder.core.performance import Float64
from bidder.forecast.exposure import discount
from bidder.forecast.facts import TargetFacts
from bidder.forecast.layout import Layout
from bidder.forecast.sums import ratio_by, sum_by

HALF_LIFE_DAYS = 10.0
"""Half-life of a day's weight in the level of traffic, which moves faster than conversion; a judgement."""

PRIOR_DAYS = 1.0
"""Days that the ad group's average target is worth for a target's daily clicks."""

PRIOR_CLICKS = 3.0
"""Clicks that the campaign's usual cost per click relative to the bid is worth."""

LEAST_SHARE = 0.1
"""Smaller shares of a day say too little about the whole day."""


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
    facts: TargetFacts,
    layout: Layout,
    *,
    days_present: Float64,
    served: Float64,
    bid_distance: Float64,
    click_elasticity: Float64,
    cpc_elasticity: Float64,
) -> NormalDay:
    """Estimate a normal day of every target.

    Args:
        facts: Closed days on which targets could be shown.
        layout: The targets.
        days_present: (n_targets,) discounted days observed beyond the rows given: days without a row at a venue
            that leaves out zeros.
        served: (n_rows,) share of the day in which the target could be shown, (0, 1].
        bid_distance: (n_rows,) log of the present bid over that day's.
        click_elasticity: (n_targets,) of clicks to the bid.
        cpc_elasticity: (n_targets,) of the cost per click to the bid.
    """
    size = len(layout)
    usable = served >= LEAST_SHARE
    weight = discount((facts.today - facts.day).astype(np.float64), HALF_LIFE_DAYS) * usable
    moved = np.exp(click_elasticity[facts.target] * bid_distance)
    dearer = np.exp(cpc_elasticity[facts.target] * bid_distance)

    def total(values: Float64) -> Float64:
        return sum_by(facts.target, values, size)

    # A bid that moved since means that the old day stood for another amount of traffic: exposure is rescaled, so
    # that many clicks at a high bid and few at a low one weigh by what they tell.
    days = total(weight * served / moved) + days_present
    clicks = total(weight * facts.clicks)
    spend = total(weight * facts.spend_micros * dearer)
    groups = len(layout.ad_group_ids)
    of_group = ratio_by(layout.ad_group, clicks, days, groups)
    of_account = float(clicks.sum() / days.sum()) if days.sum() > 0 else 0.0
    centre = np.where(np.isfinite(of_group), of_group, of_account)[layout.ad_group] if groups else np.zeros(size)
    daily = (clicks + PRIOR_DAYS * centre) / (days + PRIOR_DAYS)
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
