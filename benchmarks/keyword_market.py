"""The generator of keyword orders that forecasts are judged on, rebuilt from docs/maths/forecast.md.

Keywords in a hierarchy of category, product and match type, 15% of them dead, weekly season, drifting rates, orders
delayed geometrically (45% seen on the day, then a quarter of the rest each day), log-normal order values. The sizes
of the effects are chosen so that 61% of keywords see no order in 30 days, 32% one to five and 7% more.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from bidder.core.calendar import day_start, ordinal
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
    Float64,
    Grain,
    History,
    Int32,
    Int64,
    Level,
    PerformanceTable,
    ProductSalesTable,
    micros_since_epoch,
)
from bidder.core.snapshot import Memory, Mode, Snapshot
from bidder.core.venue import VenueProfile
from bidder.forecast.sums import sum_by

ZONE = "Asia/Shanghai"
TODAY = date(2026, 3, 2)
FUTURE_DAYS = 7
WINDOW = 30
SEEN_ON_DAY, SEEN_LATER = 0.45, 0.25
MATCHES = (MatchType.EXACT, MatchType.PHRASE, MatchType.BROAD)
FACTS = ("impressions", "clicks", "spend_micros", "orders", "revenue_micros")


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketPlan:
    """Sizes and effects of the generator; spreads are standard deviations of logs."""

    keywords: int = 30_000
    days: int = 60
    categories: int = 12
    products: int = 600
    dead_share: float = 0.15
    cvr: float = 0.03
    category_spread: float = 0.3
    product_spread: float = 0.45
    match_spread: float = 0.25
    keyword_spread: float = 0.7
    clicks: float = 3.5
    click_spread: float = 1.55
    drift: float = 0.03
    season: float = 0.15
    price: float = 100.0
    value_spread: float = 0.5


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class KeywordMarket:
    """A drawn market: what the forecaster may see, and what is true of the coming week, arrays (n_keywords,).

    Attributes:
        snapshot: What the forecaster gets.
        rate: True orders per click in the coming week, on average over its clicks.
        future_clicks, future_orders: Of the coming week, orders fully developed.
        value_micros: True mean order value.
        cpc_micros: Cost per click.
        completion: True completion at ages 0, 1, 2 ... days.
    """

    snapshot: Snapshot
    rate: Float64
    future_clicks: Float64
    future_orders: Float64
    value_micros: Float64
    cpc_micros: Float64
    completion: Float64


def completion(window: int = WINDOW) -> Float64:
    """Return the true share of orders seen at ages 0 to ``window``."""
    shares = np.asarray(1.0 - (1.0 - SEEN_ON_DAY) * (1.0 - SEEN_LATER) ** np.arange(window + 1), dtype=np.float64)
    shares[-1] = 1.0
    return shares


def draw_market(seed: int, plan: MarketPlan | None = None) -> KeywordMarket:
    """Draw a market, play its days, and report it as a venue would on the morning of `TODAY`."""
    plan = plan or MarketPlan()
    rng = np.random.default_rng(seed)
    product_category = rng.integers(0, plan.categories, plan.products)
    product = rng.integers(0, plan.products, plan.keywords)
    match = rng.integers(0, len(MATCHES), plan.keywords)

    def effect(spread: float, size: int) -> Float64:
        drawn: Float64 = np.exp(rng.normal(-(spread**2) / 2, spread, size))
        return drawn

    level = (
        plan.cvr
        * effect(plan.category_spread, plan.categories)[product_category[product]]
        * effect(plan.product_spread, plan.products)[product]
        * effect(plan.match_spread, plan.categories * len(MATCHES))[product_category[product] * len(MATCHES) + match]
        * effect(plan.keyword_spread, plan.keywords)
        * (rng.random(plan.keywords) >= plan.dead_share)
    )
    days = plan.days + FUTURE_DAYS
    walk = np.cumsum(rng.normal(0.0, plan.drift, (plan.keywords, days)), axis=1)
    season = 1.0 + plan.season * np.sin(2 * np.pi * (np.arange(days) + rng.integers(0, 7)) / 7)
    rates = np.minimum(level[:, None] * np.exp(walk - walk[:, [plan.days // 2]]) * season, 0.9)
    daily = plan.clicks * effect(plan.click_spread, plan.keywords)
    clicks = rng.poisson(daily[:, None] * season, (plan.keywords, days)).astype(np.int64)
    orders = rng.poisson(clicks * rates).astype(np.int64)
    price = plan.price * effect(0.5, plan.products)
    cpc = effect(0.4, plan.keywords)
    future = clicks[:, plan.days :]
    future_clicks = future.sum(axis=1).astype(np.float64)
    expected = (future * rates[:, plan.days :]).sum(axis=1)
    rate = np.where(future_clicks > 0, expected / np.maximum(future_clicks, 1), rates[:, plan.days :].mean(axis=1))
    past = clicks[:, : plan.days]
    keyword, day, age = _orders_by_delay(orders[:, : plan.days], rng)
    return KeywordMarket(
        snapshot=Snapshot(
            account=_account(),
            as_of=day_start(TODAY, ZONE),
            structure=_structure(product, product_category, match, price, plan),
            profile=_profile(),
            history=_history(past, keyword, day, age, price[product], cpc, plan, rng),
            memory=Memory(),
            mode=Mode.ACTIVE,
        ),
        rate=rate,
        future_clicks=future_clicks,
        future_orders=orders[:, plan.days :].sum(axis=1).astype(np.float64),
        value_micros=price[product] * 1e6,
        cpc_micros=cpc * 1e6,
        completion=completion(),
    )


def _orders_by_delay(orders: Int64, rng: np.random.Generator) -> tuple[Int64, Int64, Int64]:
    """Return keyword, click day number and delay in days of every single order."""
    keyword, day = np.nonzero(orders)
    times = orders[keyword, day]
    keyword, day = np.repeat(keyword, times), np.repeat(day, times)
    late = rng.random(len(keyword)) >= SEEN_ON_DAY
    delay = np.where(late, rng.geometric(SEEN_LATER, len(keyword)), 0)
    return keyword.astype(np.int64), day.astype(np.int64), np.minimum(delay, WINDOW).astype(np.int64)


def _history(
    clicks: Int64, keyword: Int64, day: Int64, age: Int64, price: Float64, cpc: Float64, plan: MarketPlan,
    rng: np.random.Generator,
) -> History:  # fmt: skip
    """Report every closed day as seen at midnight: yesterday's orders at the end of their age 0, and so on."""
    size, days = clicks.shape
    first = ordinal(TODAY) - days
    seen = day + age < days
    cell = keyword * days + day
    value = price[keyword] * rng.lognormal(-(plan.value_spread**2) / 2, plan.value_spread, len(keyword)) * 1e6
    orders = np.bincount(cell[seen], minlength=size * days)
    revenue = np.bincount(cell[seen], weights=np.round(value[seen]), minlength=size * days)
    flat = clicks.ravel()
    rows = np.flatnonzero(flat)
    kept = flat[rows]
    missing = np.full(len(rows), -1, dtype=np.int64)
    entity = (rows // days).astype(np.int32)
    daily = PerformanceTable(
        level=Level.TARGET,
        grain=Grain.DAY,
        window_days=WINDOW,
        currency="CNY",
        entity_ids=tuple(f"k{n}" for n in range(size)),
        entity=entity,
        day=(first + rows % days).astype(np.int32),
        hour=np.full(len(rows), -1, dtype=np.int8),
        impressions=kept * 30,
        clicks=kept,
        spend_micros=np.round(kept * cpc[entity] * 1e6).astype(np.int64),
        orders=orders[rows].astype(np.int64),
        units=orders[rows].astype(np.int64),
        revenue_micros=revenue[rows].astype(np.int64),
        carts=missing,
        favourites=missing,
        observed_at=np.full(len(rows), micros_since_epoch(day_start(TODAY, ZONE)), dtype=np.int64),
    )
    return History(
        daily=daily,
        hourly=PerformanceTable.empty(level=Level.CAMPAIGN, grain=Grain.HOUR, window_days=WINDOW, currency="CNY"),
        products=ProductSalesTable.empty(currency="CNY"),
        development=_development(day, age, days=days, first=first),
        excluded_days=np.zeros(0, dtype=np.int32),
    )


def _development(day: Int64, age: Int64, *, days: int, first: int) -> Development:
    """Return the account's orders by click day and age, as a daily report at midnight would have shown them."""
    grown = np.zeros((days, WINDOW + 1), dtype=np.int64)
    np.add.at(grown, (day, age), 1)
    grown = np.cumsum(grown, axis=1)
    click_day, seen_at = np.nonzero(np.arange(days)[:, None] + np.arange(WINDOW + 1)[None, :] < days)
    orders = grown[click_day, seen_at]
    return Development(
        window_days=WINDOW,
        day=(first + click_day).astype(np.int32),
        age=seen_at.astype(np.int32),
        orders=orders,
        revenue_micros=orders * 100_000_000,
    )


def _account() -> Account:
    return Account(id=AccountId("bench"), adapter="none", remote_id="1", owner="bench", currency="CNY", time_zone=ZONE)


def _structure(product: Int64, category: Int64, match: Int64, price: Float64, plan: MarketPlan) -> Structure:
    """Return one campaign a category and one ad group a product."""
    return Structure(
        account_id=AccountId("bench"),
        currency="CNY",
        time_zone=ZONE,
        campaigns=tuple(
            Campaign(id=CampaignId(f"c{n}"), name=f"c{n}", state=State.ENABLED, daily_budget=None)
            for n in range(plan.categories)
        ),
        ad_groups=tuple(
            AdGroup(
                id=AdGroupId(f"g{n}"),
                campaign_id=CampaignId(f"c{category[n]}"),
                name=f"g{n}",
                state=State.ENABLED,
                default_bid=Money(1_000_000, "CNY"),
            )
            for n in range(plan.products)
        ),
        targets=tuple(
            Target(
                id=TargetId(f"k{n}"),
                ad_group_id=AdGroupId(f"g{product[n]}"),
                campaign_id=CampaignId(f"c{category[product[n]]}"),
                kind=TargetKind.KEYWORD,
                text=f"k{n}",
                match_type=MATCHES[match[n]],
                state=State.ENABLED,
                bid=None,
                product_id=ProductId(f"p{product[n]}"),
            )
            for n in range(plan.keywords)
        ),
        products=tuple(
            Product(
                id=ProductId(f"p{n}"), title="", category=str(category[n]), price=Money(round(price[n] * 1e6), "CNY")
            )
            for n in range(plan.products)
        ),
        balance=None,
        observed_at=datetime(2026, 3, 2, tzinfo=UTC),
    )


def _profile() -> VenueProfile:
    """Return a venue whose stated curve is not the true one."""
    return VenueProfile(
        bid_increment=Money(10_000, "CNY"),
        bid_min=Money(50_000, "CNY"),
        bid_max=Money(100_000_000, "CNY"),
        budget_increment=Money(1_000_000, "CNY"),
        budget_min=Money(1_000_000, "CNY"),
        budget_max=Money(1_000_000_000_000, "CNY"),
        currency="CNY",
        time_zone=ZONE,
        batch_size=100,
        requests_per_second=1.0,
        windows=(WINDOW,),
        default_window=WINDOW,
        levels=(Level.TARGET,),
        grains=(Grain.DAY,),
        history_days=90,
        maturity=(0.65, 0.75, 0.82, 0.87, 0.91, 0.94, 0.96, 1.0),
        overdelivery=1.0,
        settle=timedelta(minutes=1),
        report_lag=timedelta(hours=1),
        idempotent_writes=False,
        supports=frozenset(),
    )


def windowed(market: KeywordMarket, days: int) -> tuple[Float64, Float64]:
    """Return clicks and orders as they stand over the last days, arrays (n_keywords,): the raw rule's input."""
    daily = market.snapshot.history.daily
    rows: NDArray[np.bool_] = daily.day >= ordinal(TODAY) - days
    entity: Int32 = daily.entity[rows]
    size = len(daily.entity_ids)
    return (
        sum_by(entity, daily.clicks[rows].astype(np.float64), size),
        sum_by(entity, daily.orders[rows].astype(np.float64), size),
    )
