"""Top, slow and new products by the stated rule of operator.md section 4, with hysteresis.

Judged once a marketplace day on sales of all channels: velocity, score, cover, refunds, visitors, carts. Without
visitor or stock data a product stays unranked: advice only. Called by `bidder.core.decide`; docs/maths/lifecycle.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import numpy as np
from scipy.special import gammaincinv

from bidder.core.calendar import from_ordinal, ordinal
from bidder.core.economics import margin_of
from bidder.core.entities import Product, ProductId
from bidder.core.events import Phase, season_of
from bidder.core.layout import Flags, Rows, tally
from bidder.core.performance import MISSING, Float64, ProductSalesTable
from bidder.core.policy import GoalPolicy, LifecyclePolicy, SaleEvent
from bidder.core.snapshot import Stage, StageRecord

_PRIOR_DAYS = 7.0
_UPPER = 0.9
_JUDGED_ORDERS = 3.0
"""Floor-orders of matured spend before advertising speaks against a top seller."""
_LIKELY = 0.5
_OPEN_HOURS = 12.0
"""A day counts as in stock when the product could be bought for at least so many hours."""
_LEAVE_SLOW = 1.5
"""A slow seller stops being one only above this multiple of the threshold that made it one."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SalesFacts:
    """What a product did over the window, arrays of shape (n_products,), float64, nan where unknown.

    Attributes:
        velocity: Net paid units per in-stock day, discounted and shrunk to the category.
        upper: Upper 90% bound of it.
        score: Velocity x price x contribution.
        cover_days: Days the stock lasts; nan without stock figures, inf where nothing sells.
        refund_rate: Refunded over paid units of the window, shrunk to the category.
        in_stock_days, visitors: Over the window; nan where the venue does not tell.
        cart_ratio: Carts per visitor over the category's.
        age_days: Since launch, or since the first sale known where no launch date is stated.
        units: Paid units of the window.
        median: Median velocity of the product's category.
    """

    velocity: Float64
    upper: Float64
    score: Float64
    cover_days: Float64
    refund_rate: Float64
    refund_ratio: Float64
    in_stock_days: Float64
    visitors: Float64
    cart_ratio: Float64
    age_days: Float64
    units: Float64
    median: Float64


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
    """

    records: tuple[StageRecord, ...]
    facts: SalesFacts
    potential: Flags

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
) -> Lifecycle:
    """Move every product to its stage; a second look on the same day changes no count."""
    known = np.isfinite(facts.score) & np.isfinite(facts.visitors) & np.isfinite(facts.in_stock_days)
    category, _ = _categories(products)
    inside, staying = _top_sets(facts, ads, category, known, products, rules)
    slow, potential = _slow(products, facts, ads, before, known, rules)
    new = _new(products, facts, ads, rules)
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
    return Lifecycle(records=records, facts=facts, potential=potential)


def sales_facts(
    products: tuple[Product, ...],
    sales: ProductSalesTable,
    contribution: Float64,
    *,
    events: tuple[SaleEvent, ...],
    rules: LifecyclePolicy,
    today: date,
) -> SalesFacts:
    """Sum up what products sold on all channels over the window before today.

    Args:
        products: Row order.
        sales: All channels, by day.
        contribution: k per product, nan where unknown.
        events: Sale events, whose days count for less.
        rules: Window and half-life.
        today: The open day, which is left out.
    """
    days = rules.window_days
    cube = _cubes(products, sales, first=ordinal(today) - days, days=days)
    category, names = _categories(products)

    def pooled(values: Float64) -> Float64:
        return tally(category, values, len(names))[category]

    age = np.arange(days, 0, -1, dtype=np.float64)
    weight = 0.5 ** (age / rules.half_life_days)
    told = np.isfinite(cube["hours"])
    open_days = np.where(told, cube["hours"] / 24.0, 0.0)
    units = _capped(cube["units"], rules.max_units_per_order)
    net = np.maximum(units - cube["refunded"], 0.0) / _uplift(cube["units"], events, today, days)
    sold, exposed = net @ weight, open_days @ weight
    mean = (pooled(sold) + 1e-9) / (pooled(exposed) + _PRIOR_DAYS)
    shape, rate = mean * _PRIOR_DAYS + sold, _PRIOR_DAYS + exposed
    velocity = shape / rate
    price = np.array([np.nan if p.price is None else float(p.price.micros) for p in products])
    stock = np.array([np.nan if p.stock is None else float(p.stock) for p in products])
    paid, back = cube["units"].sum(axis=1), cube["refunded"].sum(axis=1)
    category_refund = (pooled(back) + 1e-9) / (pooled(paid) + 1e-6)
    refund = (back + 10.0 * category_refund) / (paid + 10.0)
    visitors, carts = _sum_or_nan(cube["visitors"]), _sum_or_nan(cube["carts"])
    usual = pooled(np.nan_to_num(carts)) / np.maximum(pooled(np.nan_to_num(visitors)), 1.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        cart_ratio = np.where(usual > 0, (carts + 50 * usual) / (visitors + 50) / usual, np.nan)
        cover = stock / velocity
    return SalesFacts(
        velocity=velocity,
        upper=gammaincinv(np.maximum(shape, 1e-6), _UPPER) / rate,
        score=velocity * price * contribution,
        cover_days=cover,
        refund_rate=refund,
        refund_ratio=refund / np.maximum(category_refund, 1e-9),
        in_stock_days=np.where(told.any(axis=1), (np.nan_to_num(cube["hours"]) >= _OPEN_HOURS).sum(axis=1), np.nan),
        visitors=visitors,
        cart_ratio=cart_ratio,
        age_days=_ages(products, sales, today),
        units=paid,
        median=_medians(velocity, category, len(names)),
    )


def _medians(values: Float64, category: Rows, n_categories: int) -> Float64:
    """Return each product's category median."""
    median = np.full(len(values), np.nan)
    for group in range(n_categories):
        member = category == group
        median[member] = np.median(values[member]) if member.any() else np.nan
    return median


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
    weak = facts.upper < rules.slow_velocity_ratio * slack * facts.median
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


def _categories(products: tuple[Product, ...]) -> tuple[Rows, tuple[str, ...]]:
    names = sorted({p.category for p in products})
    rows = {name: row for row, name in enumerate(names)}
    return np.array([rows[p.category] for p in products], dtype=np.intp), tuple(names)


def _cubes(products: tuple[Product, ...], sales: ProductSalesTable, *, first: int, days: int) -> dict[str, Float64]:
    """Spread sales over (n_products, days); visitors, carts and hours are nan where not told."""
    rows = {p.id: row for row, p in enumerate(products)}
    owner = np.array([rows.get(ProductId(identity), -1) for identity in sales.product_ids] or [-1], dtype=np.intp)
    product = owner[sales.product] if len(sales) else np.zeros(0, dtype=np.intp)
    use = (sales.day >= first) & (sales.day < first + days) & (product >= 0)
    cell = product[use] * days + (sales.day[use] - first)
    shape = (len(products), days)

    def spread(values: Float64, *, missing: float) -> Float64:
        cube = np.full(shape[0] * shape[1], missing)
        cube[cell] = values[use]
        return cube.reshape(shape)

    def counts(values: Float64) -> Float64:
        return np.where(values == MISSING, np.nan, values)

    return {
        "units": spread(sales.units.astype(np.float64), missing=0.0),
        "refunded": spread(sales.refunded_units.astype(np.float64), missing=0.0),
        "visitors": counts(spread(sales.visitors.astype(np.float64), missing=np.nan)),
        "carts": counts(spread(sales.carts.astype(np.float64), missing=np.nan)),
        "hours": spread(sales.in_stock_hours, missing=np.nan),
    }


def _capped(units: Float64, most: int) -> Float64:
    """Count a day for at most so many typical days: one bulk order must not make a product a top seller.

    Sales come by day, not by order, so the limit on units per order is applied to the product's median selling day.
    """
    with np.errstate(invalid="ignore"):
        selling = np.where(units > 0, units, np.nan)
        typical = np.array([np.nanmedian(row) if np.isfinite(row).any() else 1.0 for row in selling])
    counted: Float64 = np.minimum(units, most * np.maximum(typical, 1.0)[:, None])
    return counted


def _uplift(units: Float64, events: tuple[SaleEvent, ...], today: date, days: int) -> Float64:
    """Return how much more was sold on each day than on normal days because of a sale event, shape (days,)."""
    first = ordinal(today) - days
    sale = np.array([season_of(from_ordinal(first + n), events).phase is Phase.SALE for n in range(days)], dtype=bool)
    uplift = np.ones(days)
    if sale.any() and not sale.all():
        usual = float(units[:, ~sale].sum()) / max(int((~sale).sum()), 1)
        uplift[sale] = np.maximum(units[:, sale].sum(axis=0) / max(usual, 1e-9), 1.0) if usual > 0 else 1.0
    return uplift


def _sum_or_nan(values: Float64) -> Float64:
    told = np.isfinite(values)
    total: Float64 = np.where(told, values, 0.0).sum(axis=1)
    return np.where(told.any(axis=1), total, np.nan)


def _ages(products: tuple[Product, ...], sales: ProductSalesTable, today: date) -> Float64:
    """Return days since launch; where no date is stated, since the first day on record."""
    first: dict[str, int] = {}
    for row, identity in enumerate(sales.product_ids):
        days = sales.day[sales.product == row]
        if len(days):
            first[identity] = int(days.min())
    now = ordinal(today)
    return np.array(
        [
            float((today - p.launch_date).days) if p.launch_date is not None else float(now - first.get(p.id, now))
            for p in products
        ]
    )
