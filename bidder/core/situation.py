"""What products and policy say of every target: stage, stock, protection. Called by `bidder.core.decide`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

from bidder.core.calendar import day_of, ordinal
from bidder.core.case import Case
from bidder.core.change import Status
from bidder.core.economics import contribution, margin_of
from bidder.core.entities import EntityKind, Product, ProductId
from bidder.core.layout import NONE, Flags, Layout, tally
from bidder.core.lifecycle import AdEvidence, Lifecycle, judge
from bidder.core.pausing import Evidence
from bidder.core.performance import Float64, Int64
from bidder.core.policy import ProtectPolicy
from bidder.core.reasons import Code
from bidder.core.sales import sales_facts
from bidder.core.snapshot import Stage, Turn
from bidder.core.turns import season_turn, stock_out_days

_TAPER = 0.3
"""Least share of its worth that a click keeps while stock is tapered."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Situation:
    """Products' and policy's word on targets, shape (n_targets,) each.

    Attributes:
        protected: Never paused by us. cautious: Paused only on stronger evidence.
        sold_out: Its product cannot be bought.
        top, slow, new, potential: By its product's stage.
        slow_days: Days in the present stage.
        velocity, median: Units a day of the product, and the median of its category.
        cover_days, lead_days: How long stock lasts, how long the next takes.
        taper: Share of its worth a click keeps because stock runs short, 1 otherwise.
        ramp: Share of its worth a click keeps because its product comes back from a stock-out, 1 otherwise.
        restart: Day ordinal after which what a target brings counts for its test, -1 where everything does.
    """

    protected: Flags
    cautious: Flags
    sold_out: Flags
    top: Flags
    slow: Flags
    new: Flags
    potential: Flags
    slow_days: Float64
    velocity: Float64
    median: Float64
    cover_days: Float64
    lead_days: Float64
    taper: Float64
    ramp: Float64
    restart: Int64


def stages_of(case: Case, evidence: Evidence) -> Lifecycle:
    """Judge every product on all-channel sales and on what its advertising tells."""
    layout, forecast, products = case.layout, case.forecast, case.snapshot.structure.products
    good = case.usable & case.economics.known

    def total(values: Float64) -> Float64:
        summed = tally(layout.product + 1, np.nan_to_num(values), len(products) + 1)
        return summed[1:]

    spend = np.where(good, forecast.spend_micros, 0.0)
    revenue = np.where(good, forecast.orders * forecast.aov_micros * case.economics.contribution, 0.0)
    spent, earned = total(spend), total(revenue)
    # Break-evens differ between targets of a product only by order value, so contribution over spend is ROAS x k.
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where(spent > 0, earned / spent, np.nan)
        chance = np.where(spent > 0, total(spend * (1.0 - np.nan_to_num(evidence.below, nan=1.0))) / spent, np.nan)
        k = np.where(
            total(good.astype(np.float64)) > 0, total(np.where(good, case.economics.contribution, 0.0)), np.nan
        )
        k /= np.maximum(total(good.astype(np.float64)), 1.0)
    ads = AdEvidence(
        clicks=total(np.where(good, forecast.clicks, 0.0)),
        orders=total(np.where(good, forecast.orders, 0.0)),
        floor_orders=total(np.where(good, evidence.floor_orders, 0.0)),
        roas_ratio=ratio,
        good=chance,
        contribution=_own_contribution(case, k),
    )
    rules, today = case.policy.lifecycle, case.snapshot.today
    facts = sales_facts(
        products,
        case.snapshot.history.products,
        ads.contribution,
        events=case.policy.events,
        rules=rules,
        today=today,
    )
    return judge(
        products, facts, ads, case.snapshot.memory.stages, rules=rules, today=today, turned=_product_turns(case)
    )


def _product_turns(case: Case) -> dict[ProductId, date]:
    """Return the last day on which each product's price or season turned."""
    snapshot, rules, seed = case.snapshot, case.policy.evidence, case.policy.seed
    found: dict[ProductId, date] = {}
    for product in snapshot.structure.products:
        turn = snapshot.memory.turns.get(product.id, Turn())
        season = season_turn(product.id, snapshot.today, rules.retest_season_months, seed)
        price = None if turn.repriced_at is None else day_of(turn.repriced_at, snapshot.account.time_zone)
        latest = max((day for day in (season, price) if day is not None), default=None)
        if latest is not None:
            found[product.id] = latest
    return found


def _own_contribution(case: Case, advertised: Float64) -> Float64:
    """Return k per product: of its targets, or from its own figures at its price where it has none."""
    products, goal = case.snapshot.structure.products, case.policy.goal
    margin = np.array([margin_of(p, goal) for p in products], dtype=np.float64)
    learned = case.forecast.product_refund_rate
    refund = np.array([learned.get(p.id, p.refund_rate if p.refund_rate is not None else 0.0) for p in products])
    cost = np.array([0.0 if p.return_cost is None else float(p.return_cost.micros) for p in products])
    price = np.array([np.nan if p.price is None else float(p.price.micros) for p in products])
    own = contribution(margin, np.clip(np.nan_to_num(refund), 0.0, 1.0), cost, price)
    return np.where(np.isfinite(advertised), advertised, own)


def situation_of(case: Case, stages: Lifecycle) -> Situation:
    """Spread product stages, stock and the policy's protections over targets."""
    layout, products = case.layout, case.snapshot.structure.products
    facts, rules = stages.facts, case.policy.lifecycle
    today = case.snapshot.today
    protected, cautious = guarded(layout, case.policy.protect)
    lead = np.array(
        [rules.default_lead_days if p.lead_time_days is None else p.lead_time_days for p in products], dtype=np.float64
    )
    with np.errstate(divide="ignore", invalid="ignore"):
        last = np.minimum(lead, rules.taper_cover_days)
        share = np.where(last > 0, facts.cover_days / last, 1.0)
    stocked = np.array([p.stock is not None and p.stock > 0 for p in products], dtype=bool)
    taper = np.where(stocked & np.isfinite(share), np.clip(share, _TAPER, 1.0), 1.0)
    empty = np.array([sold_out(p) for p in products], dtype=bool)
    age = np.array([float((today - r.since).days) for r in stages.records], dtype=np.float64)

    def flags(values: Flags) -> Flags:
        return np.append(values, False)[layout.product]

    def numbers(values: Float64, none: float = np.nan) -> Float64:
        return np.append(values, none)[layout.product]

    return Situation(
        protected=protected,
        cautious=cautious if case.forecast.pooled_ok else np.ones_like(cautious),
        sold_out=flags(empty),
        top=flags(stages.is_stage(Stage.TOP)),
        slow=flags(stages.is_stage(Stage.SLOW)),
        new=flags(stages.is_stage(Stage.NEW)),
        potential=flags(stages.potential),
        slow_days=numbers(age, 0.0),
        velocity=numbers(facts.velocity),
        median=numbers(facts.median),
        cover_days=numbers(facts.cover_days),
        lead_days=numbers(lead),
        taper=np.where(flags(empty), np.where(layout.alive, 0.0, 1.0), numbers(taper, 1.0)),
        ramp=_ramp(case, flags(empty)),
        restart=_restarts(case, stages),
    )


def _ramp(case: Case, empty: Flags) -> Float64:
    """Return the share of its worth a click keeps on the days after a stock-out, and while a paused target waits.

    Each day adds one full step of the bid, so that a bid which waited at the start of the ramp follows it exactly.
    """
    layout, zone = case.layout, case.snapshot.account.time_zone
    days = case.policy.lifecycle.restock_ramp_days
    missing = np.zeros(len(case.snapshot.structure.products) + 1)
    for row, product in enumerate(case.snapshot.structure.products):
        turn = case.snapshot.memory.turns.get(product.id)
        if turn is not None and turn.restocked_at is not None:
            since = (case.snapshot.today - day_of(turn.restocked_at, zone)).days
            missing[row] = max(min(days, stock_out_days(turn, zone)) - since, 0)
    waiting = empty & ~layout.alive
    left = np.where(waiting, float(days), np.where(empty, 0.0, missing[layout.product]))
    share: Float64 = (1.0 + case.policy.limits.max_bid_step_ratio) ** -left
    return share


def _restarts(case: Case, stages: Lifecycle) -> Int64:
    """Return the day after which evidence counts: of targets tested again, and of slow sellers tested anew."""
    zone = case.snapshot.account.time_zone
    anew = [NONE if day is None else ordinal(day) - 1 for day in stages.retested]
    restart = np.array([*anew, NONE], dtype=np.int64)[case.layout.product]
    again = {
        past.ref.id: ordinal(day_of(past.at, zone))
        for past in case.snapshot.memory.changes
        if past.reason_code == Code.RESUME_RETEST.name and past.status is Status.CONFIRMED
    }
    for row, identity in enumerate(case.layout.ids(EntityKind.TARGET)) if again else ():
        restart[row] = max(int(restart[row]), again.get(identity, NONE))
    return restart


def sold_out(product: Product) -> bool:
    """Tell whether a product surely cannot be bought; unknown stock is not sold out."""
    return product.stock == 0 or product.core_sizes_gone


def guarded(layout: Layout, protect: ProtectPolicy) -> tuple[Flags, Flags]:
    """Return targets that are never paused, and targets that need more evidence."""
    structure = layout.structure
    campaign = np.array([c.id in protect.campaigns or c.name in protect.campaigns for c in structure.campaigns], bool)
    product = np.array([p.id in protect.products for p in structure.products] + [False], dtype=bool)
    protected = campaign[layout.campaign] | product[layout.product] | _says(layout, protect.words)
    careful = frozenset(protect.cautious)
    if not careful:
        return protected, np.zeros(layout.n_targets, dtype=bool)
    campaign = np.array([c.id in careful or c.name in careful for c in structure.campaigns], dtype=bool)
    product = np.array([p.id in careful for p in structure.products] + [False], dtype=bool)
    target = np.array([t.id in careful for t in structure.targets], dtype=bool)
    return protected, campaign[layout.campaign] | product[layout.product] | target


def _says(layout: Layout, words: tuple[str, ...]) -> NDArray[np.bool_]:
    lowered = tuple(word.casefold() for word in words if word)
    if not lowered:
        return np.zeros(layout.n_targets, dtype=bool)
    return np.array([any(word in t.text.casefold() for word in lowered) for t in layout.structure.targets], dtype=bool)
