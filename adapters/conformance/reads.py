"""BC-01 to BC-08 and BC-24: what an adapter reads is complete, stable, and in the account's own terms."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

import numpy as np
import pytest

from adapters.conformance.faults import Faults, WireFault
from adapters.conformance.ground import Ground, Later, closed_days, fetched, needed, open_days
from bidder.core.calendar import DayRange, ordinal
from bidder.core.entities import Account, State, Structure
from bidder.core.money import Money
from bidder.core.performance import COLUMNS, MISSING, Grain, PerformanceReport, PerformanceTable, micros_since_epoch
from bidder.core.venue import Capability, VenueProfile
from bidder.ports import API_VERSION, Marketplace

Rows = dict[tuple[str, int, int], tuple[int, ...]]


class ReadCases(Ground):
    """Cases that only read."""

    def test_bc01_profile_is_complete_and_consistent(
        self, marketplace: Marketplace, profile: VenueProfile, account: Account, now: datetime
    ) -> None:
        """BC-01: the profile is complete, makes sense, and stays the same."""
        assert API_VERSION == marketplace.API_VERSION
        assert account.currency == profile.currency
        assert account.time_zone == profile.time_zone
        assert list(profile.windows) == sorted(set(profile.windows)), "windows ascend"
        assert profile.levels, "at least one level of facts"
        assert Grain.DAY in profile.grains, "facts by day are the least"
        assert (Grain.HOUR in profile.grains) == (Capability.HOURLY_FACTS in profile.supports)
        assert profile.batch_size >= 1
        assert profile.history_days >= 1
        assert profile.requests_per_second > 0
        assert min(profile.settle, profile.report_lag, profile.bid_cooldown) >= timedelta(0)
        assert profile.bid_min == profile.bid_min.round_down(profile.bid_increment), "the least bid is on the grid"
        assert all(limit >= 1 for limit in profile.daily_change_quota.values())
        assert profile == marketplace.profile(now)

    def test_bc02_every_amount_is_in_the_accounts_currency(
        self,
        marketplace: Marketplace,
        account: Account,
        profile: VenueProfile,
        structure: Structure,
        now: datetime,
        later: Later | None,
    ) -> None:
        """BC-02: structure, facts, sales and rules are in one currency."""
        report = fetched(marketplace, account, open_days(profile, now, count=7), Grain.DAY, now, later)

        amounts = [structure.balance, *(c.daily_budget for c in structure.campaigns)]
        amounts += [group.default_bid for group in structure.ad_groups]
        amounts += [target.bid for target in structure.targets]
        amounts += [amount for p in structure.products for amount in (p.price, p.unit_cost, p.return_cost)]
        currencies = {amount.currency for amount in amounts if isinstance(amount, Money)}
        currencies |= {structure.currency, report.facts.currency}
        currencies |= set() if report.products is None else {report.products.currency}
        assert {account.currency} == currencies

    def test_bc03_ids_are_stable(
        self, marketplace: Marketplace, account: Account, structure: Structure, now: datetime
    ) -> None:
        """BC-03: a second look finds the same entities under the same ids."""
        again = marketplace.fetch_structure(account.id, now)

        assert account.id == structure.account_id
        for part in ("campaigns", "ad_groups", "targets", "products"):
            assert _ids(structure, part) == _ids(again, part), part

    def test_bc04_paging_loses_and_repeats_nothing(
        self, structure: Structure, inventory: Mapping[str, int] | None
    ) -> None:
        """BC-04: as many entities as there are, each once, none without its parent."""
        campaigns = {campaign.id for campaign in structure.campaigns}
        groups = {group.id: group.campaign_id for group in structure.ad_groups}
        strays = [t.id for t in structure.targets if groups.get(t.ad_group_id) != t.campaign_id]

        assert strays == [], "each target's campaign is the one of its ad group"
        assert set(groups.values()) <= campaigns
        for part, count in (inventory or {}).items():
            assert count == len(getattr(structure, part)), part

    def test_bc05_days_are_the_marketplaces_both_ends_included(
        self, marketplace: Marketplace, account: Account, profile: VenueProfile, now: datetime, later: Later | None
    ) -> None:
        """BC-05: three days asked for together are the three days asked for one by one."""
        days = closed_days(profile, now, count=3)
        together = fetched(marketplace, account, days, Grain.DAY, now, later)
        single: Rows = {}
        for day in days:
            one = fetched(marketplace, account, DayRange(first=day, last=day), Grain.DAY, now, later)
            assert {ordinal(day)} >= set(one.facts.day.tolist()), f"a report of {day} holds another day"
            single |= rows_of(one.facts)

        assert days == together.days
        assert Grain.DAY is together.facts.grain
        assert rows_of(together.facts) == single

    def test_bc06_closed_days_are_equal_when_fetched_again(
        self, marketplace: Marketplace, account: Account, profile: VenueProfile, now: datetime, later: Later | None
    ) -> None:
        """BC-06: what can no longer be restated is not."""
        days = closed_days(profile, now, count=5)
        first = fetched(marketplace, account, days, Grain.DAY, now, later)
        then = now if later is None else later(timedelta(hours=30))

        second = fetched(marketplace, account, days, Grain.DAY, then, later)

        assert rows_of(first.facts) == rows_of(second.facts)
        assert first.account_spend_micros == second.account_spend_micros

    def test_bc07_open_days_are_restated_and_say_so(
        self, marketplace: Marketplace, account: Account, profile: VenueProfile, now: datetime, later: Later | None
    ) -> None:
        """BC-07: a row that changed was observed later; none was observed in the future."""
        days = open_days(profile, now, count=5)
        first = fetched(marketplace, account, days, Grain.DAY, now, later)
        then = now if later is None else later(timedelta(hours=30))
        second = fetched(marketplace, account, days, Grain.DAY, then, later)

        before, after = rows_of(first.facts), rows_of(second.facts)
        stamps = _stamps(first.facts), _stamps(second.facts)
        changed = [key for key in before if key in after and before[key] != after[key]]
        assert [key for key in changed if not stamps[1][key] > stamps[0][key]] == []
        if len(second.facts):
            assert int(second.facts.observed_at.max()) <= micros_since_epoch(second.observed_at)

    def test_bc08_counts_and_money_make_sense(
        self, marketplace: Marketplace, account: Account, profile: VenueProfile, now: datetime, later: Later | None
    ) -> None:
        """BC-08: clicks are at most impressions, nothing is negative, each row stands once, levels are as stated."""
        for grain in profile.grains:
            report = fetched(marketplace, account, open_days(profile, now, count=14), grain, now, later)
            facts = report.facts
            assert profile.default_window == facts.window_days
            assert grain is facts.grain
            if grain is Grain.DAY:
                assert facts.level in profile.levels
            assert (facts.clicks <= facts.impressions).all()
            for name in ("impressions", "clicks", "spend_micros", "orders", "revenue_micros"):
                assert (getattr(facts, name) >= 0).all(), name
            for name in ("units", "carts", "favourites"):
                assert (getattr(facts, name) >= MISSING).all(), name
            assert len(rows_of(facts)) == len(facts), "no row twice"
            hours = facts.hour
            assert ((hours >= 0) & (hours <= 23)).all() if grain is Grain.HOUR else (hours == -1).all()
            assert _within(report)

    def test_bc24_values_the_venue_added_are_other(
        self, marketplace: Marketplace, account: Account, now: datetime, faults: Faults | None
    ) -> None:
        """BC-24: a state nobody has heard of is OTHER, and everything else is read all the same."""
        hook = needed(faults, WireFault.NEW_STATE)
        structure = marketplace.fetch_structure(account.id, now)
        hook.clear()

        states = [
            entity.state for part in (structure.campaigns, structure.ad_groups, structure.targets) for entity in part
        ]
        assert State.OTHER in states


def rows_of(facts: PerformanceTable) -> Rows:
    """Return a table as rows by entity, day and hour, without the stamp."""
    counted = [name for name in COLUMNS if name not in ("entity", "day", "hour", "observed_at")]
    columns = np.stack([getattr(facts, name) for name in counted], axis=1) if len(facts) else np.zeros((0, 1))
    return {key: tuple(values) for key, values in zip(_keys(facts), columns.tolist(), strict=True)}


def _keys(facts: PerformanceTable) -> list[tuple[str, int, int]]:
    names = [facts.entity_ids[row] for row in facts.entity.tolist()]
    return list(zip(names, facts.day.tolist(), facts.hour.tolist(), strict=True))


def _stamps(facts: PerformanceTable) -> dict[tuple[str, int, int], int]:
    return dict(zip(_keys(facts), facts.observed_at.tolist(), strict=True))


def _within(report: PerformanceReport) -> bool:
    first, last = ordinal(report.days.first), ordinal(report.days.last)
    return all(first <= day <= last for day in report.facts.day.tolist())


def _ids(structure: Structure, part: str) -> set[str]:
    ids = [entity.id for entity in getattr(structure, part)]
    if not ids and part != "products":
        pytest.skip(f"the account holds no {part}")
    return set(ids)
