"""Builds snapshots of made-up shops whose truth the tests know: rates, delay, refunds. Seeded, no clock."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from bidder.core.calendar import day_start, from_ordinal, ordinal
from bidder.core.change import PastChange
from bidder.core.entities import (
    Account,
    AccountId,
    AdGroup,
    AdGroupId,
    Campaign,
    CampaignId,
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
    Development,
    Grain,
    History,
    Level,
    PerformanceTable,
    ProductSalesTable,
    micros_since_epoch,
)
from bidder.core.policy import Policy
from bidder.core.snapshot import Memory, Mode, Snapshot
from bidder.core.venue import VenueProfile

ZONE = "Asia/Shanghai"
TODAY = date(2026, 5, 20)
AS_OF = datetime(2026, 5, 20, 2, 0, tzinfo=UTC)
DELAY = np.array([0.45, 0.588, 0.691, 0.768, 0.826, 0.87, 0.903, 1.0])
"""Completion the made-up shops have, ages 0 to the window of 7 days."""


def cny(units: float) -> Money:
    """Return an amount in CNY."""
    return Money(round(units * 1_000_000), "CNY")


PROFILE = VenueProfile(
    currency="CNY",
    time_zone=ZONE,
    bid_increment=cny(0.01),
    bid_min=cny(0.05),
    bid_max=cny(100),
    budget_increment=cny(1),
    budget_min=cny(30),
    budget_max=cny(1_000_000),
    batch_size=100,
    requests_per_second=10.0,
    windows=(7, 15),
    default_window=7,
    levels=(Level.CAMPAIGN, Level.TARGET),
    grains=(Grain.DAY, Grain.HOUR),
    history_days=90,
    maturity=(0.5, 0.62, 0.72, 0.8, 0.86, 0.91, 0.95, 1.0),
    overdelivery=1.0,
    settle=timedelta(minutes=15),
    report_lag=timedelta(hours=1),
    idempotent_writes=True,
    supports=frozenset(),
)

POLICY = Policy(cap=cny(10_000))


@dataclass(frozen=True, slots=True, kw_only=True)
class ShopPlan:
    """How large a shop is and what is true in it."""

    seed: int = 1
    campaigns: int = 4
    products: int = 20
    targets: int = 400
    days: int = 45
    clicks: float = 6.0
    cvr: float = 0.03
    spread: float = 0.6
    price: float = 100.0
    cpc: float = 1.0
    refund_rate: float | None = None
    carts: bool = True
    level: Level = Level.TARGET


@dataclass(frozen=True, slots=True, kw_only=True)
class Shop:
    """A snapshot with the truth behind it: order rates by target."""

    snapshot: Snapshot
    cvr: NDArray[np.float64] = field(repr=False)

    def with_history(self, history: History) -> Shop:
        """Return the shop with another history."""
        return replace(self, snapshot=replace(self.snapshot, history=history))


def structure(plan: ShopPlan) -> Structure:
    """Return the account: targets dealt out evenly to ad groups, products and campaigns."""
    matches = (MatchType.EXACT, MatchType.PHRASE, MatchType.BROAD)
    groups = max(plan.products, plan.campaigns)
    return Structure(
        account_id=AccountId("shop"),
        currency="CNY",
        time_zone=ZONE,
        campaigns=tuple(
            Campaign(id=CampaignId(f"c{n}"), name=f"c{n}", state=State.ENABLED, daily_budget=cny(500))
            for n in range(plan.campaigns)
        ),
        ad_groups=tuple(
            AdGroup(
                id=AdGroupId(f"g{n}"),
                campaign_id=CampaignId(f"c{n % plan.campaigns}"),
                name=f"g{n}",
                state=State.ENABLED,
                default_bid=cny(1),
            )
            for n in range(groups)
        ),
        targets=tuple(
            Target(
                id=TargetId(f"t{n}"),
                ad_group_id=AdGroupId(f"g{n % groups}"),
                campaign_id=CampaignId(f"c{n % groups % plan.campaigns}"),
                kind=TargetKind.KEYWORD,
                text=f"word {n}",
                match_type=matches[n % 3],
                state=State.ENABLED,
                bid=cny(1.2),
                product_id=ProductId(f"p{n % groups % plan.products}"),
            )
            for n in range(plan.targets)
        ),
        products=tuple(
            Product(
                id=ProductId(f"p{n}"),
                title=f"p{n}",
                category=("apparel", "general")[n % 2],
                price=cny(plan.price),
                refund_rate=plan.refund_rate,
            )
            for n in range(plan.products)
        ),
        balance=None,
        observed_at=AS_OF,
    )


def facts(plan: ShopPlan, rates: NDArray[np.float64], rng: np.random.Generator) -> PerformanceTable:
    """Draw daily facts as reported now: young days show only part of their orders."""
    today = ordinal(TODAY)
    entity = np.tile(np.arange(plan.targets, dtype=np.int32), plan.days)
    day = np.repeat(np.arange(today - plan.days, today, dtype=np.int32), plan.targets)
    clicks = rng.poisson(plan.clicks, len(entity)).astype(np.int64)
    seen = DELAY[np.minimum(today - 1 - day + 1, 7)]
    seen = np.where(today - day > 7, 1.0, DELAY[np.minimum(today - day - 1, 7)])
    orders = rng.poisson(clicks * rates[entity] * seen).astype(np.int64)
    carts = rng.poisson(clicks * 0.08).astype(np.int64)
    nothing = np.full(len(entity), -1, dtype=np.int64)
    return PerformanceTable(
        level=Level.TARGET,
        grain=Grain.DAY,
        window_days=7,
        currency="CNY",
        entity_ids=tuple(f"t{n}" for n in range(plan.targets)),
        entity=entity,
        day=day,
        hour=np.full(len(entity), -1, dtype=np.int8),
        impressions=clicks * 20,
        clicks=clicks,
        spend_micros=np.round(clicks * plan.cpc * 1e6).astype(np.int64),
        orders=orders,
        units=orders,
        revenue_micros=np.round(orders * plan.price * 1e6).astype(np.int64),
        carts=carts if plan.carts else nothing,
        favourites=nothing,
        observed_at=np.full(len(entity), micros_since_epoch(day_start(TODAY, ZONE)), dtype=np.int64),
    )


def development(*, days: int, orders: float, seed: int, delay: NDArray[np.float64] = DELAY) -> Development:
    """Draw how reports of past days grew, a cell a day and age up to today."""
    rng = np.random.default_rng(seed)
    window = len(delay) - 1
    today = ordinal(TODAY)
    cells: list[tuple[int, int, int]] = []
    for back in range(1, days + 1):
        steps = rng.poisson(orders * np.diff(delay, prepend=0.0))
        grown = np.cumsum(steps)
        cells.extend((today - back, age, int(grown[age])) for age in range(min(back, window + 1)))
    table = np.array(cells, dtype=np.int64).reshape(-1, 3)
    return Development(
        window_days=window,
        day=table[:, 0].astype(np.int32),
        age=table[:, 1].astype(np.int32),
        orders=table[:, 2],
        revenue_micros=table[:, 2] * 100_000_000,
    )


NO_DEVELOPMENT = Development(
    window_days=7,
    day=np.zeros(0, np.int32),
    age=np.zeros(0, np.int32),
    orders=np.zeros(0, np.int64),
    revenue_micros=np.zeros(0, np.int64),
)


def history(daily: PerformanceTable, **others: object) -> History:
    """Return a history of daily facts, with other parts where given."""
    parts: dict[str, object] = {
        "hourly": PerformanceTable.empty(level=Level.CAMPAIGN, grain=Grain.HOUR, window_days=7, currency="CNY"),
        "products": ProductSalesTable.empty(currency="CNY"),
        "development": development(days=40, orders=300.0, seed=5),
        "excluded_days": np.zeros(0, np.int32),
    }
    parts.update(others)
    return History(daily=daily, **parts)  # type: ignore[arg-type]  # the parts are named above


def shop(plan: ShopPlan | None = None, *, changes: tuple[PastChange, ...] = ()) -> Shop:
    """Return a shop drawn from a plan."""
    plan = plan or ShopPlan()
    rng = np.random.default_rng(plan.seed)
    rates = plan.cvr * rng.lognormal(-(plan.spread**2) / 2, plan.spread, plan.targets)
    account = Account(id=AccountId("shop"), adapter="mock", remote_id="1", owner="me", currency="CNY", time_zone=ZONE)
    snapshot = Snapshot(
        account=account,
        as_of=AS_OF,
        structure=structure(plan),
        profile=PROFILE,
        history=history(facts(plan, rates, rng)),
        memory=Memory(changes=changes),
        mode=Mode.ACTIVE,
    )
    return Shop(snapshot=snapshot, cvr=rates)


def with_columns(table: PerformanceTable, **columns: NDArray[np.generic]) -> PerformanceTable:
    """Return the facts with some columns replaced."""
    return replace(table, **columns)  # type: ignore[arg-type]  # columns are named as the table's


def days_ago(number: int) -> date:
    """Return the marketplace day so many days before the forecast's."""
    return from_ordinal(ordinal(TODAY) - number)
