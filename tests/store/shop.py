"""A synthetic shop of any size for tests and the benchmark of the store: structure, reports, forecasts, plans."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import numpy as np

from bidder.core.calendar import DayRange, day_of, ordinal
from bidder.core.change import Change, Field
from bidder.core.entities import (
    Account,
    AccountId,
    AdGroup,
    AdGroupId,
    Campaign,
    CampaignId,
    EntityKind,
    EntityRef,
    MatchType,
    Product,
    ProductId,
    State,
    Structure,
    Target,
    TargetId,
    TargetKind,
)
from bidder.core.money import Money
from bidder.core.performance import (
    Grain,
    Level,
    PerformanceReport,
    PerformanceTable,
    ProductSalesTable,
    micros_since_epoch,
)
from bidder.core.plan import Draft, Hold, Plan, Verdict
from bidder.core.prediction import Forecast
from bidder.core.reasons import Code, Reason
from bidder.core.snapshot import Memory, Mode, Snapshot
from bidder.core.venue import Capability, VenueProfile
from bidder.ports import Store

CURRENCY, ZONE = "CNY", "Asia/Shanghai"
NOW = datetime(2026, 9, 1, 2, 0, tzinfo=UTC)
SHOP = Account(id=AccountId("shop"), adapter="mock", remote_id="42", owner="ann", currency=CURRENCY, time_zone=ZONE)
PROFILE = VenueProfile(
    currency=CURRENCY, time_zone=ZONE, bid_increment=Money(10_000, CURRENCY), bid_min=Money(50_000, CURRENCY),
    bid_max=Money(99_990_000, CURRENCY), budget_increment=Money(1_000_000, CURRENCY),
    budget_min=Money(30_000_000, CURRENCY), budget_max=Money(10**12, CURRENCY), batch_size=100,
    requests_per_second=5.0, windows=(7, 15), default_window=7, levels=(Level.CAMPAIGN, Level.TARGET),
    grains=(Grain.DAY, Grain.HOUR), history_days=90, maturity=(0.6, 0.9, 1.0), overdelivery=1.0,
    settle=timedelta(minutes=5), report_lag=timedelta(hours=1), idempotent_writes=False,
    supports=frozenset(Capability),
)  # fmt: skip


def cny(amount: str) -> Money:
    """Return yuan."""
    return Money.of(amount, CURRENCY)


def structure(
    *, targets: int = 6, campaigns: int = 2, budget: str = "100", at: datetime = NOW, account: Account = SHOP
) -> Structure:
    """Return an account with one ad group a campaign and a product for every ten targets."""
    return Structure(
        account_id=account.id,
        currency=CURRENCY,
        time_zone=ZONE,
        campaigns=tuple(
            Campaign(id=CampaignId(f"c{n}"), name=f"campaign {n}", state=State.ENABLED, daily_budget=cny(budget))
            for n in range(campaigns)
        ),
        ad_groups=tuple(
            AdGroup(
                id=AdGroupId(f"g{n}"),
                campaign_id=CampaignId(f"c{n}"),
                name=f"group {n}",
                state=State.ENABLED,
                default_bid=cny("1"),
            )
            for n in range(campaigns)
        ),
        targets=tuple(
            Target(
                id=TargetId(f"t{n}"),
                ad_group_id=AdGroupId(f"g{n % campaigns}"),
                campaign_id=CampaignId(f"c{n % campaigns}"),
                kind=TargetKind.KEYWORD,
                text=f"word {n}",
                match_type=MatchType.EXACT,
                state=State.ENABLED,
                bid=cny("1.20"),
                product_id=ProductId(f"p{n // 10}"),
            )
            for n in range(targets)
        ),
        products=tuple(
            Product(
                id=ProductId(f"p{n}"),
                title=f"product {n}",
                category="apparel",
                price=cny("120"),
                margin=0.5,
                refund_rate=0.3,
                stock=100,
                launch_date=date(2026, 1, 1),
                lead_time_days=7,
            )
            for n in range(-(-targets // 10))
        ),
        balance=cny("5000"),
        observed_at=at,
    )


def report(
    rows: tuple[tuple[date, str, int, int], ...], *, at: datetime, days: DayRange, level: Level = Level.TARGET,
    window_days: int = 7, products: ProductSalesTable | None = None,
) -> PerformanceReport:  # fmt: skip
    """Return a daily report whose rows are (day, entity, clicks, orders); money follows from the counts."""
    ids = tuple(dict.fromkeys(entity for _, entity, _, _ in rows))
    clicks = np.array([row[2] for row in rows], dtype=np.int64)
    orders = np.array([row[3] for row in rows], dtype=np.int64)
    nothing = np.full(len(rows), -1, dtype=np.int64)
    facts = PerformanceTable(
        level=level,
        grain=Grain.DAY,
        window_days=window_days,
        currency=CURRENCY,
        entity_ids=ids,
        entity=np.array([ids.index(row[1]) for row in rows], dtype=np.int32),
        day=np.array([ordinal(row[0]) for row in rows], dtype=np.int32),
        hour=np.full(len(rows), -1, dtype=np.int8),
        impressions=clicks * 20,
        clicks=clicks,
        spend_micros=clicks * 800_000,
        orders=orders,
        units=orders,
        revenue_micros=orders * 120_000_000,
        carts=nothing,
        favourites=nothing,
        observed_at=np.full(len(rows), micros_since_epoch(at), dtype=np.int64),
    )
    return PerformanceReport(facts=facts, products=products, days=days, account_spend_micros=None, observed_at=at)


def generated(
    rng: np.random.Generator, *, targets: int, days: DayRange, at: datetime, grain: Grain = Grain.DAY
) -> PerformanceReport:
    """Return a report of random counts for every target on every day (by hour: for every hour)."""
    hours = range(24) if grain is Grain.HOUR else (-1,)
    count = len(days) * targets * len(hours)
    day = np.repeat(np.arange(ordinal(days.first), ordinal(days.last) + 1), targets * len(hours))
    hour = np.tile(np.repeat(np.array(hours), targets), len(days))
    clicks = rng.poisson(20.0, count)
    orders = rng.binomial(clicks, 0.02)
    missing = np.full(count, -1, dtype=np.int64)
    facts = PerformanceTable(
        level=Level.TARGET,
        grain=grain,
        window_days=7,
        currency=CURRENCY,
        entity_ids=tuple(f"t{n}" for n in range(targets)),
        entity=np.tile(np.arange(targets), len(days) * len(hours)).astype(np.int32),
        day=day.astype(np.int32),
        hour=hour.astype(np.int8),
        impressions=clicks * 20,
        clicks=clicks,
        spend_micros=clicks * 800_000,
        orders=orders,
        units=orders,
        revenue_micros=orders * 120_000_000,
        carts=clicks // 10,
        favourites=missing,
        observed_at=np.full(count, micros_since_epoch(at), dtype=np.int64),
    )
    return PerformanceReport(facts=facts, products=None, days=days, account_spend_micros=None, observed_at=at)


def forecast(seen: Structure, *, at: datetime) -> Forecast:
    """Return some forecast for every target."""
    ids = tuple(target.id for target in seen.targets)
    some = np.full(len(ids), 1.5)
    return Forecast(
        as_of=at, target_ids=ids, shape=some, rate=some, cvr=some, aov_micros=some, rpc_micros=some,
        rpc_low_micros=some, rpc_high_micros=some, refund_rate=some, clicks=some, orders=some, spend_micros=some,
        daily_clicks=some, daily_spend_micros=some, cpc_micros=some, click_elasticity=some, cpc_elasticity=some,
        cart_rate=some, covered=some, pooled_ok=True, maturity=np.array([0.6, 1.0]), product_refund_rate={},
    )  # fmt: skip


def snapshot(store: Store, seen: Structure, *, at: datetime, memory: Memory | None = None, days: int = 60) -> Snapshot:
    """Return the snapshot of a cycle over what the store holds."""
    history = store.history(SHOP, window_days=7, days=DayRange.ending(day_of(at, ZONE), days=days), as_of=at)
    return Snapshot(
        account=SHOP, as_of=at, structure=seen, profile=PROFILE, history=history,
        memory=memory or store.memory(SHOP, as_of=at), mode=Mode.ACTIVE,
    )  # fmt: skip


def budget_change(campaign: str, old: str | None, new: str) -> Change:
    """Return a change of a daily budget."""
    reason = Reason.of(Code.BUDGET_EQUAL_MARGIN, marginal=1.0, price=1.0, old=old or "none", new=new)
    return Change(
        ref=EntityRef(EntityKind.CAMPAIGN, campaign), field=Field.DAILY_BUDGET,
        old=None if old is None else cny(old), new=cny(new), reason=reason,
    )  # fmt: skip


def state_change(campaign: str, new: State, *, kind: EntityKind = EntityKind.CAMPAIGN) -> Change:
    """Return a pause or a resumption."""
    reason = Reason.of(Code.PAUSE_EVIDENCE, probability=0.97, floor_orders=4.0)
    old = State.ENABLED if new is State.PAUSED else State.PAUSED
    return Change(ref=EntityRef(kind, campaign), field=Field.STATE, old=old, new=new, reason=reason)


def bid_change(target: str, old: str, new: str) -> Change:
    """Return a change of a target's bid."""
    reason = Reason.of(Code.BID_TO_VALUE, value="2 CNY", cpc="1 CNY", old=old, new=new, wanted=new)
    return Change(
        ref=EntityRef(EntityKind.TARGET, target), field=Field.BID, old=cny(old), new=cny(new), reason=reason,
        gain_micros=1_000_000,
    )  # fmt: skip


def hold(target: str, *, clicks: float = 3.0) -> Hold:
    """Return a hold of a target for want of evidence."""
    return Hold(
        ref=EntityRef(EntityKind.TARGET, target),
        reason=Reason.of(Code.TOO_LITTLE_EVIDENCE, clicks=clicks, needed=10),
    )


def planned(*changes: Change, holds: tuple[Hold, ...] = ()) -> tuple[Draft, Verdict]:
    """Return a draft whose changes all pass the guards."""
    draft = Draft(changes=changes, holds=holds, figures={"marginal_roas": 3.0})
    return draft, Verdict(plan=Plan(changes=changes), objections=(), holds=holds)


def with_bids(seen: Structure, bids: dict[str, str], *, at: datetime) -> Structure:
    """Return the structure with other bids."""
    targets = tuple(replace(t, bid=cny(bids[t.id])) if t.id in bids else replace(t) for t in seen.targets)
    return replace(seen, targets=targets, observed_at=at)
