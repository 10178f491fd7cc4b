"""Spend of the running day and month, as last reported: what pacing and the caps look at."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import Connection

from bidder.core.calendar import day_of, ordinal
from bidder.core.performance import Grain, Level
from bidder.store.books import Books


def day_spend(connection: Connection, known: Books, *, as_of: datetime) -> dict[str, int]:
    """Return the spend since the marketplace's midnight by campaign id; the larger of hourly and daily facts.

    Spend only grows within a day, and the two reports come at different times: the larger one is the newer.
    """
    today = ordinal(day_of(as_of, known.record.account.time_zone))
    spent: dict[str, int] = {}
    for grain in Grain:
        level, by_entity = known.facts.spend_by_entity(connection, grain, today)
        campaigns = _campaigns(known, level)
        totals: dict[str, int] = {}
        for entity, micros in by_entity.items():
            campaign = entity if campaigns is None else campaigns.get(entity)
            if campaign is not None:
                totals[campaign] = totals.get(campaign, 0) + micros
        for campaign, micros in totals.items():
            spent[campaign] = max(spent.get(campaign, 0), micros)
    return spent


def month_spend(connection: Connection, known: Books, *, as_of: datetime) -> int | None:
    """Return the spend since the first of the marketplace's month, ``None`` where no facts are known."""
    first = day_of(as_of, known.record.account.time_zone).replace(day=1)
    return known.facts.spend_since(connection, ordinal(first))


def _campaigns(known: Books, level: str) -> Mapping[str, str] | None:
    """Return the campaign of each entity of a level, ``None`` where the entities are campaigns themselves."""
    return None if level == Level.CAMPAIGN.value else known.structure.campaigns_of(Level(level)) if level else {}
