"""Top, slow and new products by the stated rule of operator.md section 4, with hysteresis.

Judged once a marketplace day on sales of all channels: velocity, score, cover, refunds, visitors, carts. Without
visitor or stock data a product stays unranked: advice only. Called by `bidder.core.decide`; docs/maths/lifecycle.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from types import MappingProxyType

import numpy as np

from bidder.core.economics import margin_of
from bidder.core.entities import Product, ProductId
from bidder.core.layout import Flags, Rows
from bidder.core.performance import Float64
from bidder.core.policy import GoalPolicy, LifecyclePolicy
from bidder.core.sales import SalesFacts, categories_of
from bidder.core.snapshot import Stage, StageRecord

_JUDGED_ORDERS = 3.0
"""Floor-orders of matured spend before advertising speaks against a top seller."""
_LIKELY = 0.5
_LEAVE_SLOW = 1.5
"""A slow seller stops being one only above this multiple of the threshold that made it one."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class AdEvidence:
    """What advertising tells of each product, shape (n_products,).

    Attributes:
        clicks, orders: Matured clicks and gross orders.
        floor_orders: Matured spend in floor-orders.
        roas_ratio: Matured ROAS over break-even; nan without spend.
        good: Probability that advertising earns at least break-even; nan where unknown.
        contribution: k of the product; nan without a margin.
    """

    clicks: Float64
    orders: Float64
    floor_orders: Float64
    roas_ratio: Float64
    good: Float64
    contribution: Float64


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Lifecycle:
    """The stage of every product.

    Attributes:
        records: To be remembered, in product order.
        facts: What they rest on.
        potential: Slow on all channels, but spared for its carts or its advertising.
        retested: Since when a former slow seller is tested anew, by product; ``None`` for every other one.
    """

    records: tuple[StageRecord, ...]
    facts: SalesFacts
    potential: Flags
    retested: tuple[date | None, ...]

    def is_stage(self, stage: Stage) -> Flags:
        """Tell which products are in a stage."""
        return np.array([record.stage is stage for record in self.records], dtype=bool)


def judge(
    products: tuple[Product, ...],
    facts: SalesFacts,
    ads: AdEvidence,
    before: Mapping[ProductId, StageRecord],
    *,
    rules: LifecyclePolicy,
    today: date,
    turned: Mapping[ProductId, date] = MappingProxyType({}),
) -> Lifecycle:
    """Move every product to its stage; a second look on the same day changes no count.

    Args:
        products: Row order.
        facts: Sales on all channels.
        ads: What advertising tells.
        before: Records of earlier days.
        rules: The policy.
        today: The marketplace day.
        turned: Last day on which a product's price or season turned: a slow seller is tested anew from it.
    """
    known = np.isfinite(facts.score) & np.isfinite(facts.visitors) & np.isfinite(facts.in_stock_days)
    category, _ = categories_of(products)
    inside, staying = _top_sets(facts, ads, category, known, products, rules)
    slow, potential = _slow(products, facts, ads, before, known, rules)
    retested = _retested(products, slow, before, turned, rules, today)
    again = np.array([day is not None for day in retested], dtype=bool)
    slow, new = slow & ~again, _new(products, facts, ads, rules) | again
    records = tuple(
        _record(
            product.id,
            before.get(product.id),
            today,
            rules,
            rank=Stage.UNRANKED
            if not known[row]
            else Stage.SLOW
            if slow[row]
            else Stage.NEW
            if new[row]
            else Stage.STEADY,
            inside=bool(inside[row] and not new[row] and not slow[row]),
            staying=bool(staying[row]),
        )
        for row, product in enumerate(products)
    )
    return Lifecycle(records=records, facts=facts, potential=potential, retested=retested)


def discount_allowed(
    product: Product, refund_rate: float, cover_days: float, goal: GoalPolicy, rules: LifecyclePolicy
) -> float:
    """Return the share off the price that clears stock without losing money on a sale, whole percents.

    ``d`` must leave ``(1 - r) ((1 - d) - (1 - m)) - r c / p >= 0``. The longer the stock lasts, the more of it is
    proposed, from half at the slow threshold to all at twice that.
    """
    margin = margin_of(product, goal)
    if not np.isfinite(margin) or refund_rate >= 1:
        return 0.0
    handling = 0.0
    if product.return_cost is not None and product.price is not None and product.price.micros > 0:
        handling = refund_rate * (product.return_cost / product.price) / (1.0 - refund_rate)
    most = max(margin - handling, 0.0)
    threshold = by_category(rules.slow_cover_days, product.category)
    urgency = min(max(cover_days / (2.0 * threshold), 0.5), 1.0) if np.isfinite(cover_days) else 1.0
    return float(np.floor(100.0 * min(most * urgency, rules.max_discount)) / 100.0)


def by_category(days: Mapping[str, int], category: str) -> int:
    """Return the days of a category, or the default's; the smallest stated where there is no default."""
    return days.get(category, days.get("default", min(days.values(), default=0)))


def _record(
    product_id: ProductId,
    old: StageRecord | None,
    today: date,
    rules: LifecyclePolicy,
    *,
    rank: Stage,
    inside: bool,
    staying: bool,
) -> StageRecord:
    """Count days in and out of the top set, and keep `since` while the stage stays."""
    if old is not None and old.day >= today:
        return old
    entering = (old.entering if old else 0) + 1 if inside else 0
    leaving = 0 if staying else (old.leaving if old else 0) + 1
    stage = rank
    if rank is Stage.STEADY or (old is not None and old.stage is Stage.TOP and rank is not Stage.UNRANKED):
        was_top = old is not None and old.stage is Stage.TOP
        if (was_top and leaving < rules.top_exit_days) or (not was_top and inside and entering >= rules.top_enter_days):
            stage = Stage.TOP
    since = old.since if old is not None and old.stage is stage else today
    return StageRecord(product_id=product_id, stage=stage, since=since, entering=entering, leaving=leaving, day=today)


def _top_sets(
    facts: SalesFacts,
    ads: AdEvidence,
    category: Rows,
    known: Flags,
    products: tuple[Product, ...],
    rules: LifecyclePolicy,
) -> tuple[Flags, Flags]:
    """Return who qualifies for the top set today, and who is inside the wider set that a top seller may stay in."""
    score = np.where(known, np.maximum(np.nan_to_num(facts.score), 0.0), 0.0)
    inside, staying = np.zeros(len(score), dtype=bool), np.zeros(len(score), dtype=bool)
    for group in range(int(category.max(initial=-1)) + 1):
        rows = np.flatnonzero((category == group) & (score > 0))
        if not len(rows):
            continue
        order = rows[np.lexsort((rows, -score[rows]))]
        before = np.cumsum(score[order]) - score[order]
        total = float(score[order].sum())
        members = int(np.sum(category == group))
        most = max(int(rules.top_item_share * members), 1)
        inside[order[:most][before[:most] < rules.top_score_share * total]] = True
        staying[order[before < rules.top_exit_share * total]] = True
    lead = np.array(
        [rules.default_lead_days if p.lead_time_days is None else p.lead_time_days for p in products], dtype=np.float64
    )
    covered = ~(facts.cover_days < lead + rules.top_cover_days)
    earning = ~(ads.roas_ratio < 1.0) | (ads.floor_orders < _JUDGED_ORDERS)
    return inside & covered & (facts.refund_ratio <= rules.top_refund_ratio) & earning, staying


def _slow(
    products: tuple[Product, ...],
    facts: SalesFacts,
    ads: AdEvidence,
    before: Mapping[ProductId, StageRecord],
    known: Flags,
    rules: LifecyclePolicy,
) -> tuple[Flags, Flags]:
    """Return slow sellers, and those that would be slow but for their carts or their advertising."""
    age = np.array([by_category(rules.slow_age_days, p.category) for p in products], dtype=np.float64)
    cover = np.array([by_category(rules.slow_cover_days, p.category) for p in products], dtype=np.float64)
    was = np.array([p.id in before and before[p.id].stage is Stage.SLOW for p in products], dtype=bool)
    slack = np.where(was, _LEAVE_SLOW, 1.0)
    judged = known & (facts.age_days >= age)
    # Once paused, a slow seller gets fewer visitors: exposure is asked for only on the way in.
    judged &= was | ((facts.in_stock_days >= rules.slow_in_stock_days) & (facts.visitors >= rules.slow_visitors))
    # Where the usual product of a category sells less than one unit in the window, nothing is slow beside it.
    weak = facts.upper < rules.slow_velocity_ratio * slack * facts.median
    weak &= facts.median * rules.window_days >= 1.0
    weak |= facts.cover_days > cover / slack
    spared = (facts.cart_ratio >= rules.slow_cart_ratio) & np.isfinite(facts.cart_ratio)
    spared |= ads.good > _LIKELY
    return judged & weak & ~spared, judged & weak & spared


def _new(products: tuple[Product, ...], facts: SalesFacts, ads: AdEvidence, rules: LifecyclePolicy) -> Flags:
    """Return products that are young, or that too few people have seen to be ranked."""
    age = np.array([by_category(rules.new_age_days, p.category) for p in products], dtype=np.float64)
    young = facts.age_days < age
    unseen = (ads.clicks < rules.new_clicks) & (facts.visitors < rules.slow_visitors)
    return young | unseen | ((ads.clicks < rules.new_clicks) & (facts.units < rules.new_orders))


def _retested(
    products: tuple[Product, ...],
    slow: Flags,
    before: Mapping[ProductId, StageRecord],
    turned: Mapping[ProductId, date],
    rules: LifecyclePolicy,
    today: date,
) -> tuple[date | None, ...]:
    """Return since when what would be slow is tested anew: it was slow when its price or season turned.

    A test lasts for the age at which its category is judged.
    """
    found: list[date | None] = []
    for row, product in enumerate(products):
        day, old = turned.get(product.id), before.get(product.id)
        if not slow[row] or day is None or old is None:
            found.append(None)
            continue
        was_slow = old.stage is Stage.SLOW and old.since <= day
        testing = old.stage is Stage.NEW and old.since >= day
        lasts = (today - day).days < by_category(rules.slow_age_days, product.category)
        found.append(day if lasts and (was_slow or testing) else None)
    return tuple(found)
