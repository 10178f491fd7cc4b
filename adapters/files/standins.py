"""Stand in for bids and budgets that no export states, from what was paid, so that advice can still be given.

Used only where a person asks for it (``stand_ins = true``, as `bidder audit` does): the price of a click stands for the
bid, the most spent on a day for the daily budget. The action sheet then names relative moves, and nothing stood in is
ever read back as if a console had said it. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from adapters.files.building import NO_BIDS, SOME_BUDGETS, Shop
from bidder.core.calendar import DayRange
from bidder.core.change import Field
from bidder.core.entities import Campaign, EntityKind, EntityRef, Target, TargetId
from bidder.core.money import Money, minor_unit_micros
from bidder.core.performance import PerformanceTable

_RECENT_DAYS = 28


def stand_in(shop: Shop, facts: PerformanceTable) -> Shop:
    """Return the shop with unknown bids and budgets estimated from its last 28 days of facts."""
    span = facts.span()
    if span is None:
        return shop
    recent = facts.within(DayRange.ending(span.last, days=_RECENT_DAYS))
    coin = minor_unit_micros(facts.currency)
    prices = _prices(shop, recent, coin)
    tops = _top_days(shop, recent, coin)
    groups = {group.id: group.default_bid for group in shop.ad_groups}
    stood: set[tuple[EntityRef, Field]] = set()

    def bid(target: Target) -> Target:
        price = prices.get(target.id) or prices.get(target.ad_group_id) or prices.get(target.campaign_id)
        if target.bid is not None or groups[target.ad_group_id] is not None or price is None:
            return target
        stood.add((EntityRef(EntityKind.TARGET, target.id), Field.BID))
        return replace(target, bid=Money(price, facts.currency))

    def budget(campaign: Campaign) -> Campaign:
        top = tops.get(campaign.id)
        if campaign.daily_budget is not None or not top:
            return campaign
        stood.add((EntityRef(EntityKind.CAMPAIGN, campaign.id), Field.DAILY_BUDGET))
        return replace(campaign, daily_budget=Money(top, facts.currency))

    targets = tuple(t if t.id in shop.search_terms else bid(t) for t in shop.targets)
    campaigns = tuple(budget(c) for c in shop.campaigns)
    bids = sum(field is Field.BID for _, field in stood)
    said = (
        f"{bids} bids and {len(stood) - bids} daily budgets are stated by no file: the price of a click and the most "
        f"spent on a day of the last {len(recent.span() or ())} stand for them; the action sheet names relative moves"
    )
    kept = [s for s in shop.sentences if not stood or (s != NO_BIDS and not s.startswith(SOME_BUDGETS))]
    return replace(
        shop,
        targets=targets,
        campaigns=campaigns,
        stood_in=frozenset(stood),
        sentences=(*kept, *([said] if stood else [])),
    )


def _prices(shop: Shop, facts: PerformanceTable, coin: int) -> Mapping[str, int]:
    """Return the price of a click by target, ad group and campaign id, micros, rounded up to a coin."""
    homes: dict[str, tuple[str, ...]] = {t.id: (t.id, t.ad_group_id, t.campaign_id) for t in shop.targets}
    spend = np.zeros(len(facts.entity_ids), dtype=np.int64)
    clicks = np.zeros(len(facts.entity_ids), dtype=np.int64)
    np.add.at(spend, facts.entity, facts.spend_micros)
    np.add.at(clicks, facts.entity, facts.clicks)
    sums: dict[str, list[int]] = {}
    for target, money, count in zip(facts.entity_ids, spend.tolist(), clicks.tolist(), strict=True):
        for home in dict.fromkeys(homes[target]):
            have = sums.setdefault(home, [0, 0])
            have[0] += money
            have[1] += count
    return {home: _up(-(-money // count), coin) for home, (money, count) in sums.items() if count and money}


def _top_days(shop: Shop, facts: PerformanceTable, coin: int) -> Mapping[str, int]:
    """Return the most spent on one day by campaign id, micros, rounded up to a coin."""
    campaign = {t.id: t.campaign_id for t in shop.targets}
    homes = [campaign[TargetId(target)] for target in facts.entity_ids]
    days: dict[tuple[str, int], int] = {}
    rows = zip(facts.entity.tolist(), facts.day.tolist(), facts.spend_micros.tolist(), strict=True)
    for entity, day, money in rows:
        key = (homes[entity], day)
        days[key] = days.get(key, 0) + money
    tops: dict[str, int] = {}
    for (home, _), money in days.items():
        tops[home] = max(tops.get(home, 0), _up(money, coin))
    return tops


def _up(micros: int, coin: int) -> int:
    return -(-micros // coin) * coin
