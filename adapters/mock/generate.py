"""Builds shops from a preset and a seed: draws items and keywords, then scales them to where the preset stands.

`build_shops` is what the world factory, tests and benchmarks call. Scaling is done on the expected traffic of the
careless owner's bids on an average day, so the statistics of a shop lie in its preset's ranges by construction, up to
drift, season and budgets that run dry.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date

import numpy as np

from adapters.mock import seasons, traffic
from adapters.mock.arrays import Floats, Index, by_group
from adapters.mock.assortment import Assortment, draw_assortment, to_micros, within
from adapters.mock.auction import Curves
from adapters.mock.draws import Stream, generator
from adapters.mock.events import SaleEvent
from adapters.mock.keywords import Draft, draw_keywords
from adapters.mock.orders import mean_units
from adapters.mock.presets import AGENCY, AGENCY_START, EVENT_DAYS, PRESETS, Preset
from adapters.mock.shop import (
    MICROS,
    AdGroups,
    BalanceRules,
    Campaigns,
    OrderRules,
    Products,
    QualityRules,
    Rivals,
    Setup,
    Shop,
    Targets,
    VenueRules,
)

RESERVE_SHARE = 0.22
"""Reserve against the level of rivals' scores on the keyword."""

VENUE = VenueRules(
    slot_click_rates=(1.0, 0.6, 0.4, 0.28, 0.2),
    score_spread=0.2,
    contest_spread=0.8,
    price_step_micros=10_000,
    price_noise=0.2,
    overdelivery_factor=1.2,
    invalid_click_rate=0.02,
    windows=(1, 3, 7, 15, 30),
)

QUALITY = QualityRules(ctr_power=0.5, cvr_power=0.2, half_impressions=3000.0, lowest=0.4, highest=2.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Aims:
    """Where the whole shop stands under its careless set-up, currency units."""

    cpc: float
    ctr: float
    cvr: float
    aov: float
    cart_rate: float
    budget: float
    pressure: float


def preset_names() -> tuple[str, ...]:
    """Return the names that `build_shops` takes."""
    return (*PRESETS, "agency")


def build_shops(preset: str, *, seed: int, size: float = 1.0, start: date | None = None) -> tuple[Shop, ...]:
    """Return the shops of a preset: one, or several for ``agency``.

    Args:
        preset: One of `preset_names`.
        seed: Everything random follows from it.
        size: Scales items (and with them keywords), campaigns and budget.
        start: First day after the history; the preset's own by default.

    Raises:
        ValueError: Unknown preset, or a size that is not positive.
    """
    if not size > 0:
        raise ValueError(f"size must be positive, was {size}")
    if preset == "agency":
        first = start or AGENCY_START
        return tuple(
            _build(
                replace(PRESETS[name], start=first, events=("6.18", "11.11")),
                key=f"agency-{seed}-{number}",
                owner=owner,
                label="agency",
                seed=seed * 1000 + number,
                size=size * share,
            )
            for number, (name, owner, share) in enumerate(AGENCY, start=1)
        )
    if preset not in PRESETS:
        raise ValueError(f"unknown preset {preset!r}; there are {', '.join(preset_names())}")
    chosen = PRESETS[preset] if start is None else replace(PRESETS[preset], start=start)
    return (_build(chosen, key=f"{preset}-{seed}", owner="owner", label=preset, seed=seed * 1000, size=size),)


def _build(preset: Preset, *, key: str, owner: str, label: str, seed: int, size: float) -> Shop:
    count = max(3, round(preset.products * size))
    aims = _aims(preset, seed, count / preset.products)
    items = draw_assortment(preset, count, aims.aov, seed)
    draft = draw_keywords(preset, items, preset.words, seed)
    n_campaigns = max(2, min(count, round(preset.campaigns * count / preset.products)))
    campaign_of_item = (np.arange(count) % n_campaigns).astype(np.intp)
    scaled = _scaled(draft, campaign_of_item, aims)
    orders = _order_rules(preset, seed)
    budget = to_micros(np.full(n_campaigns, np.rint(aims.budget / n_campaigns)))
    total = int(budget.sum())
    return Shop(
        key=key,
        owner=owner,
        name=f"{preset.name} shop {key}",
        preset=label,
        category=preset.name if preset.name != "classic" else "apparel",
        currency="CNY",
        zone="Asia/Shanghai",
        start=preset.start,
        seed=seed,
        account_budget_micros=total,
        products=_products(items, scaled, orders, aims.aov, seed),
        campaigns=Campaigns(
            ids=tuple(f"C{n + 1:02d}" for n in range(n_campaigns)),
            names=tuple(f"计划{n + 1:02d} {items.categories[n % count]}" for n in range(n_campaigns)),
        ),
        ad_groups=AdGroups(
            ids=tuple(f"G{n + 1:03d}" for n in range(count)),
            names=items.titles,
            campaign=campaign_of_item,
        ),
        targets=scaled.targets,
        rivals=scaled.rivals,
        venue=VENUE,
        quality=QUALITY,
        demand=seasons.demand_rules(preset.vocabulary, seed),
        orders=orders,
        balance=BalanceRules(opening_micros=14 * total, top_up_micros=9 * total, top_up_every_days=7),
        events=_events(preset, scaled, seed),
        setup=Setup(
            bid_micros=to_micros(scaled.bid),
            default_bid_micros=to_micros(np.full(count, np.median(scaled.bid))),
            daily_budget_micros=budget,
        ),
    )


def _aims(preset: Preset, seed: int, size: float) -> _Aims:
    rng = generator(seed, Stream.SHOP, 0)
    cpc, aov, roas = within(rng, preset.cpc), within(rng, preset.aov), within(rng, preset.roas)
    cvr = float(np.clip(roas * cpc / aov, *preset.cvr))
    return _Aims(
        cpc=cpc,
        ctr=within(rng, preset.ctr),
        cvr=cvr,
        aov=aov,
        cart_rate=within(rng, preset.cart_rate),
        budget=float(np.clip(within(rng, preset.paid_orders) / cvr * cpc, *preset.budget)) * size,
        pressure=within(rng, preset.pressure),
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Scaled:
    """Keywords and rivals in currency units; what the careless bids and budgets bring on an average day."""

    targets: Targets
    rivals: Rivals
    curves: Curves
    bid: Floats
    clicks: Floats
    orders: Floats

    def flow(self, log_level: float) -> traffic.Flow:
        """Return the careless bids' expected day with rivals moved by ``log_level``."""
        return traffic.expected(
            self.curves,
            np.arange(len(self.targets)),
            bid=self.bid,
            quality=self.targets.relevance,
            log_level=np.full(len(self.targets), log_level),
            queries=self.targets.volume,
            ctr=self.targets.ctr,
            step=VENUE.price_step_micros / MICROS,
        )


def _scaled(draft: Draft, campaign_of_item: Index, aims: _Aims) -> _Scaled:
    """Scale the draft: bids by the price of a click, then click rate, volume, conversion and carts in turn."""
    step = VENUE.price_step_micros / MICROS
    rows = np.arange(len(draft.texts))
    rivals = Rivals(
        bid=draft.rival_bid,
        quality=draft.rival_quality,
        activity=draft.rival_activity,
        reserve=draft.level * RESERVE_SHARE,
    )
    curves = Curves.of(rivals, VENUE)
    flow = traffic.expected(
        curves,
        rows,
        bid=draft.bid,
        quality=draft.relevance,
        log_level=np.zeros(len(rows)),
        queries=draft.volume,
        ctr=draft.ctr,
        step=0.0,
    )
    share = _paid_share(flow, campaign_of_item[draft.product], aims.pressure)
    shown, spent, clicked = flow.views * share, flow.cost * share, flow.clicks * share
    unit = (aims.cpc - step) / (spent.sum() / clicked.sum())
    more_clicks = aims.ctr / (clicked.sum() / shown.sum())
    demand = aims.budget * aims.pressure / (flow.cost.sum() * unit + flow.clicks.sum() * step)
    clicks = clicked * demand
    volume = draft.volume * demand / more_clicks
    more_orders = aims.cvr * clicks.sum() / (clicks * draft.cvr).sum()
    more_carts = aims.cart_rate * clicks.sum() / (clicks * draft.cart).sum()
    ctr, cvr = np.minimum(draft.ctr * more_clicks, 0.4), np.minimum(draft.cvr * more_orders, 0.5)
    rivals = replace(rivals, bid=rivals.bid * unit, reserve=rivals.reserve * unit)
    targets = Targets(
        ids=tuple(f"T{n + 1:04d}" for n in rows),
        texts=draft.texts,
        match_types=draft.match_types,
        brand=draft.brand,
        ad_group=draft.product,
        product=draft.product,
        volume=volume,
        ctr=ctr,
        cvr=cvr,
        cart_rate=np.minimum(draft.cart * more_carts, 0.6),
        favourite_share=draft.favourite_share,
        relevance=draft.relevance,
        reference_ctr=draft.usual_ctr * more_clicks,
        reference_cvr=draft.usual_cvr * more_orders,
        profile=draft.profile,
    )
    return _Scaled(
        targets=targets,
        rivals=rivals,
        curves=curves.scaled(unit),
        bid=draft.bid * unit,
        clicks=clicks,
        orders=clicks * cvr,
    )


def _paid_share(flow: traffic.Flow, campaign: Index, pressure: float) -> Floats:
    """Return what even budgets pay of each target's demand, when all demand is ``pressure`` times all budgets."""
    demand = np.bincount(campaign, weights=flow.cost)
    budget = demand.sum() / pressure / len(demand)
    share: Floats = np.minimum(1.0, budget / demand)[campaign]
    return share


def _products(items: Assortment, scaled: _Scaled, rules: OrderRules, aov: float, seed: int) -> Products:
    """Complete the items: prices to the aimed order value, organic sales beside the paid ones, stock for both."""
    rng = generator(seed, Stream.SHOP, 4)
    product: Index = scaled.targets.product
    paid = by_group(product, scaled.orders, len(items))
    mean_value = (paid * items.price).sum() / paid.sum() * mean_units(rules)
    price = items.price * aov / mean_value
    usual_cvr = scaled.orders.sum() / scaled.clicks.sum() * 1.3
    organic_cvr = np.minimum(usual_cvr * items.appeal, 0.3)
    visitors = items.popularity / items.popularity.sum()
    organic = visitors * organic_cvr
    ratio = rng.uniform(1.0, 2.0)
    visitors = visitors * ratio * paid.sum() / organic.sum()
    units = (paid + visitors * organic_cvr) * mean_units(rules)
    return Products(
        ids=tuple(f"P{n + 1:03d}" for n in range(len(items))),
        titles=items.titles,
        categories=items.categories,
        price_micros=to_micros(price),
        unit_cost_micros=to_micros(price * (1 - items.margin)),
        margin=items.margin,
        refund_rate=items.refund_rate,
        return_cost_micros=to_micros(items.return_cost),
        launch_day=items.launch_day,
        lead_time_days=items.lead_days,
        opening_stock=np.maximum(np.rint(units * items.cover_days), 5).astype(np.int64),
        restocked=items.restocked,
        reorder_cover_days=items.reorder_cover_days,
        order_cover_days=items.order_cover_days,
        planned_units=units,
        organic_visitors=visitors,
        organic_cvr=organic_cvr,
        price_spread=rng.uniform(0.12, 0.25, len(items)),
    )


def _order_rules(preset: Preset, seed: int) -> OrderRules:
    rng = generator(seed, Stream.SHOP, 5)
    place = rng.random()
    by_0, by_3, by_7 = (low + (high - low) * place for low, high in preset.completion)
    return OrderRules(
        completion=(by_0, by_3, by_7),
        horizon_days=30,
        refund_median_days=within(rng, preset.refund_days),
        refund_sigma=0.6,
        refund_limit_days=45,
        extra_unit_rate=0.06,
        organic_lift=within(rng, (0.04, 0.12)),
        lift_half_life_days=within(rng, (3.0, 7.0)),
    )


def _events(preset: Preset, scaled: _Scaled, seed: int) -> tuple[SaleEvent, ...]:
    """Draw the events of the years around the start."""
    years = (preset.start.year - 1, preset.start.year, preset.start.year + 1)
    days = sorted((date(year, *EVENT_DAYS[name]), name) for year in years for name in preset.events)
    return tuple(seasons.sale_event(name, day, scaled.flow, seed) for day, name in days)
