"""A whole adapter, for an imaginary venue: Corner Shop Ads sells campaigns with one bid each, by JSON over HTTPS."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

import numpy as np

from bidder.core import entities as shop
from bidder.core.calendar import DayRange, ordinal
from bidder.core.change import Change, Field, Outcome, Settings, Status, Value
from bidder.core.entities import AccountId, EntityKind, EntityRef, State, Structure
from bidder.core.money import Money
from bidder.core.performance import COLUMNS, Grain, Level, PerformanceReport, PerformanceTable, micros_since_epoch
from bidder.core.refusal import sift
from bidder.core.venue import Capability, VenueProfile
from bidder.http import HttpSession, Json, Limits, Node, Origin, Request, decode_json, item_outcomes
from bidder.ports import AdapterConfig


class CornerShop:
    """One account at Corner Shop Ads. Option: ``base_url``. Secret: ``api_key``."""

    API_VERSION = 1

    def __init__(self, config: AdapterConfig) -> None:
        origin = Origin.parse(str(config.options.get("base_url", "")), insecure_loopback=True)
        limits = Limits(read=float(str(config.options.get("read_seconds", 30))))
        self._http = HttpSession(origin, headers={"Api-Key": config.secrets["api_key"]}, limits=limits)
        self._currency = config.account.currency
        cent, euro, most = (Money.of(amount, self._currency) for amount in ("0.01", "1", "10000"))
        self._profile = VenueProfile(
            currency=self._currency, time_zone=config.account.time_zone, bid_increment=cent, bid_min=cent, bid_max=most,
            budget_increment=euro, budget_min=euro, budget_max=most, batch_size=100, requests_per_second=5,
            windows=(14,), default_window=14, levels=(Level.TARGET,), grains=(Grain.DAY,), history_days=90,
            maturity=(0.7, 0.9, 1.0), overdelivery=1.2, settle=timedelta(0), report_lag=timedelta(hours=3),
            idempotent_writes=False,
            supports=frozenset({Capability.SET_TARGET_BID, Capability.SET_DAILY_BUDGET, Capability.SET_CAMPAIGN_STATE}),
        )  # fmt: skip

    def profile(self, now: datetime) -> VenueProfile:
        """Return the venue's rules."""
        return self._profile

    def fetch_structure(self, account: AccountId, now: datetime) -> Structure:
        """Return the campaigns; each has one ad group and one target, which carries its bid."""
        campaigns, groups, targets = [], [], []
        for ad in self._get("/ads").at("ads").items():
            name, title = ad.at("id").text(), ad.at("title").text()
            state, budget = ad.at("state").choice(State, other=State.OTHER), ad.at("daily_budget").money(self._currency)
            campaign, group = shop.CampaignId(name), shop.AdGroupId(name)
            campaigns.append(shop.Campaign(id=campaign, name=title, state=state, daily_budget=budget))
            groups.append(shop.AdGroup(
                id=group, campaign_id=campaign, name=title, state=State.ENABLED, default_bid=None,
            ))  # fmt: skip
            targets.append(shop.Target(
                id=shop.TargetId(name), ad_group_id=group, campaign_id=campaign, kind=shop.TargetKind.CAMPAIGN,
                text=title, match_type=shop.MatchType.NONE, state=State.ENABLED,
                bid=ad.at("bid").money(self._currency),
            ))  # fmt: skip
        return Structure(
            account_id=account, currency=self._currency, time_zone=self._profile.time_zone, products=(), balance=None,
            campaigns=tuple(campaigns), ad_groups=tuple(groups), targets=tuple(targets), observed_at=now,
        )  # fmt: skip

    def fetch_performance(
        self, account: AccountId, days: DayRange, grain: Grain, window_days: int, now: datetime
    ) -> PerformanceReport:
        """Return facts by day; the venue counts neither units nor carts: those columns say missing."""
        answer = self._get("/stats", {"from": days.first.isoformat(), "to": days.last.isoformat()})
        rows = list(answer.at("rows").items())
        ids = tuple(dict.fromkeys(row.at("ad").text() for row in rows))
        columns = {name: np.full(len(rows), -1) for name in COLUMNS}
        for number, row in enumerate(rows):
            columns["entity"][number] = ids.index(row.at("ad").text())
            columns["day"][number] = ordinal(row.at("day").day())
            columns["observed_at"][number] = micros_since_epoch(now)
            for name in ("impressions", "clicks", "orders"):
                columns[name][number] = row.at(name).integer()
            for name in ("spend", "revenue"):
                columns[f"{name}_micros"][number] = row.at(name).money(self._currency).micros
        table = PerformanceTable(
            level=Level.TARGET, grain=grain, window_days=window_days, currency=self._currency, entity_ids=ids, **columns
        )
        total = answer.at("total_spend").money(self._currency).micros
        return PerformanceReport(facts=table, products=None, days=days, account_spend_micros=total, observed_at=now)

    def submit(
        self, account: AccountId, changes: Sequence[Change], keys: Sequence[str], now: datetime
    ) -> Sequence[Outcome]:
        """Send the changes in one request, once; what the venue would refuse anyway is not sent."""
        outcomes, sendable = sift(changes, keys, self._profile)
        if sendable:
            items = [{"key": key, "ad": change.ref.id, change.field.value: _value(change)} for change, key in sendable]
            answer = self._http.write(Request.of_json("POST", "/changes", {"changes": items}))
            told = item_outcomes(answer, [key for _, key in sendable], _told)
            outcomes |= {outcome.key: outcome for outcome in told}
        return [outcomes[key] for key in keys]

    def read_back(self, account: AccountId, refs: Sequence[EntityRef], now: datetime) -> Sequence[Settings]:
        """Return what campaigns and targets are set to."""
        seen = self.fetch_structure(account, now)
        found: dict[EntityRef, dict[Field, Value | None]] = {}
        for campaign, target in zip(seen.campaigns, seen.targets, strict=True):
            set_to = {Field.STATE: campaign.state, Field.DAILY_BUDGET: campaign.daily_budget}
            found[EntityRef(EntityKind.CAMPAIGN, campaign.id)] = {**set_to}
            found[EntityRef(EntityKind.TARGET, target.id)] = {Field.BID: target.bid}
        return [Settings(ref=ref, values=found[ref]) for ref in refs if ref in found]

    def close(self) -> None:
        """Let go of the connections."""
        self._http.close()

    def _get(self, path: str, query: dict[str, str] | None = None) -> Node:
        return decode_json(self._http.read(Request(method="GET", path=path, query=query or {})))


def _value(change: Change) -> Json:
    return str(change.new.units()) if isinstance(change.new, Money) else str(change.new)


def _told(answer: Node) -> Iterator[Outcome]:
    for item in answer.at("results").items():
        key, error = item.at("key").text(), item.find("error")
        if error is None:
            yield Outcome(key=key, status=Status.CONFIRMED)
        else:
            yield Outcome(key=key, status=Status.REJECTED, code="REFUSED", detail=error.text())
