"""What the person who answers for the money has decided: goals, limits, evidence, lifecycle rules.

One frozen tree, declared once. `bidder.settings` validates it from TOML (bounds stand in the annotations,
the text under each field becomes its reference page); the core only reads it. Fractions are of 1, not percent.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import Annotated, ClassVar, Literal

from annotated_types import Ge, Gt, Interval, Le

from bidder.core.money import Money

Share = Annotated[float, Interval(ge=0, le=1)]
Factor = Annotated[float, Gt(0)]
Count = Annotated[int, Ge(0)]

_STRICT: dict[str, object] = {"extra": "forbid", "use_attribute_docstrings": True}


class Objective(StrEnum):
    """What the allocation maximises."""

    PROFIT = "profit"
    """Contribution after refunds minus spend."""
    REVENUE = "revenue"
    """Revenue, with the goal ROAS as a soft price on shortfall."""
    VOLUME = "volume"
    """Clicks and orders within a stated loss."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GoalPolicy:
    """Which return is wanted, and below which no money is spent."""

    __pydantic_config__: ClassVar[dict[str, object]] = _STRICT

    objective: Objective = Objective.PROFIT
    """What the allocation maximises: profit, revenue or volume."""
    preset: Literal["classic", "today"] = "today"
    """Soft goal ROAS: `classic` is 7 for apparel, 8 for general, 9 for appliances; `today` is 1.3 x break-even."""
    goal_roas: dict[str, Factor] = field(default_factory=dict)
    """Soft goal ROAS by product category; overrides the preset."""
    floor: Literal["marginal", "average"] = "average"
    """Break-even is the only hard floor: judged on the last unit spent, or on the average."""
    default_margin: Share | None = None
    """Contribution margin before refunds where a product states none; without it such products are only observed."""
    default_refund_rate: Share | None = None
    """Refund rate where neither the product states one nor sales show one."""
    brand_factor: Share = 0.3
    """Share of the revenue of brand words that advertising causes."""
    generic_factor: Share = 0.8
    """Share of the revenue of other words that advertising causes; used only with `count_incremental`."""
    shortfall_price: Annotated[float, Ge(0)] | None = None
    """What a unit of revenue short of the soft goal costs the objective: 0.1 for profit and 1 otherwise if absent."""
    volume_loss_share: Share = 0.0
    """Loss allowed for objective `volume`, as a share of spend."""
    count_incremental: bool = False
    """Multiply revenue by the factors above when deciding. Reports always show the venue's attributed figure."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitPolicy:
    """How far and how fast things may move."""

    __pydantic_config__: ClassVar[dict[str, object]] = _STRICT

    max_bid_step_ratio: Annotated[float, Interval(gt=0, le=1)] = 0.2
    """Largest move of one bid in one change and net in a marketplace day, as a share of the bid."""
    max_budget_step_ratio: Annotated[float, Interval(gt=0, le=1)] = 0.3
    """Largest move of one daily budget in one change and net in a marketplace day, as a share of the budget."""
    bid_dead_band: Share = 0.04
    """Smaller wanted moves of a bid are not worth a write."""
    budget_dead_band: Share = 0.05
    """Smaller wanted moves of a budget are not worth a write."""
    budget_headroom: Annotated[float, Interval(ge=1, le=3)] = 1.2
    """Daily budget over expected spend, where the cap leaves room: busy days should not run dry."""
    bid_floor: Money | None = None
    """Lowest bid; the venue's minimum where absent."""
    bid_ceiling: Money | None = None
    """Highest bid; the venue's maximum where absent."""
    budget_floor: Money | None = None
    """Lowest daily budget of an enabled campaign; the venue's minimum where absent."""
    max_changed_entities: Annotated[int, Ge(1)] = 200
    """Entities that may change in one cycle."""
    max_paused_share: Share = 0.2
    """Share of enabled targets that may be paused in one cycle; the last enabled one never is."""
    foreign_hold_hours: Annotated[float, Ge(0)] = 72.0
    """Hours for which a person's own edit is left alone."""
    canary_changes: Annotated[int, Ge(1)] = 5
    """Changes allowed in the first live cycle after installation, upgrade or a long gap."""
    max_report_age_hours: Annotated[float, Gt(0)] = 36.0
    """Older reports hold the account."""
    observe_days: Annotated[float, Ge(0)] = 1.0
    """Days for which a newly connected account is only observed."""
    pace_by_hours: bool = True
    """Lower a campaign's hour factors while its budget would not last the day; off, only budgets follow the day."""
    strict_overdelivery: bool = False
    """Count budgets times the venue's overdelivery factor against the cap."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidencePolicy:
    """How much must be known before something is decided."""

    __pydantic_config__: ClassVar[dict[str, object]] = _STRICT

    learn_days: Annotated[int, Interval(ge=7, le=400)] = 60
    """Days of history a forecast rests on."""
    pause_floor_orders: Annotated[float, Gt(0)] = 3.0
    """Matured spend before any pause, in floor-orders: spend x floor ROAS / order value."""
    pause_probability: Annotated[float, Interval(ge=0.5, lt=1)] = 0.95
    """Posterior probability of earning below break-even that allows a pause."""
    resume_probability: Annotated[float, Interval(gt=0, le=0.95)] = 0.7
    """A target we paused on evidence comes back below this probability (hysteresis)."""
    cautious_evalue: Annotated[float, Gt(1)] = 20.0
    """E-value that cautious targets need before a pause."""
    cautious_alone: Count | None = None
    """Where more cautious targets than this would be paused at once they are judged together (e-BH); absent: never."""
    audit_share: Share = 0.05
    """Share of pauses on evidence that are not made: those targets run on at the least bid, to check the rule."""
    retest_season_months: tuple[Annotated[int, Interval(ge=1, le=12)], ...] = (3, 9)
    """Months that begin a new season: what was paused in the season before is tested again during the first month."""
    explore_quantile: Annotated[float, Interval(ge=0.5, lt=1)] = 0.75
    """Posterior quantile of value per click that targets with little evidence are funded by."""
    explore_share: Share = 0.1
    """Share of the cap that exploration may use."""
    interval: Annotated[float, Interval(ge=0.5, lt=1)] = 0.8
    """Probability mass of the intervals shown."""
    min_clicks: Count = 10
    """Matured clicks before a target's bid leaves the pooled estimate's exploration line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LifecyclePolicy:
    """When a product is a top seller, slow or new. Days by category override the general ones."""

    __pydantic_config__: ClassVar[dict[str, object]] = _STRICT

    half_life_days: Annotated[float, Gt(0)] = 7.0
    """Half-life of a sale's weight in velocity."""
    window_days: Annotated[int, Ge(7)] = 28
    """Days of sales that velocity looks at."""
    max_units_per_order: Annotated[int, Ge(1)] = 3
    """One order counts at most this many units."""
    top_score_share: Share = 0.7
    """Top sellers make up this share of their category's score."""
    top_exit_share: Share = 0.85
    """A top seller leaves only when outside the set that makes up this share."""
    top_item_share: Share = 0.2
    """At most this share of a category's items are top sellers (at least one)."""
    top_enter_days: Annotated[int, Ge(1)] = 3
    """Days in a row that qualify before an item becomes a top seller."""
    top_exit_days: Annotated[int, Ge(1)] = 7
    """Days in a row outside before it stops being one."""
    top_cover_days: Annotated[float, Ge(0)] = 7.0
    """Cover beyond the lead time that a top seller needs."""
    default_lead_days: Annotated[int, Ge(0)] = 7
    """Lead time where none is stated."""
    taper_cover_days: Annotated[float, Ge(0)] = 3.0
    """Stock that lasts for fewer days than this, and than the lead time, lowers bids: it may run out first."""
    top_refund_ratio: Factor = 1.3
    """A top seller's refund rate is at most this times its category's."""
    slow_age_days: dict[str, Count] = field(default_factory=lambda: {"apparel": 30, "appliances": 60, "default": 45})
    """Age before an item can be slow, by category."""
    slow_in_stock_days: Count = 21
    """Days of 28 in stock before an item can be slow."""
    slow_visitors: Count = 300
    """Visitors before an item can be slow: no exposure is not slow."""
    slow_velocity_ratio: Share = 0.3
    """Slow: the upper bound of velocity is under this share of the category's median."""
    slow_cover_days: dict[str, Count] = field(default_factory=lambda: {"apparel": 90, "default": 120})
    """Or stock covers more than this many days, by category."""
    slow_cart_ratio: Share = 0.7
    """Not slow while its carts are at least this share of the category's rate."""
    slow_bid_down_days: Count = 3
    """Days of lower bids before a slow seller is paused."""
    new_age_days: dict[str, Count] = field(default_factory=lambda: {"apparel": 21, "appliances": 45, "default": 30})
    """An item is new below this age, by category."""
    new_clicks: Count = 150
    """Or below this many clicks."""
    new_orders: Count = 10
    """Or below this many orders."""
    new_share: Share = 0.1
    """Share of the money for test lines of new items; they get more only where established sellers leave it."""
    new_stop_clicks: Annotated[int, Ge(1)] = 150
    """A new item's test without an order or a usual cart rate ends after this many clicks on all its targets."""
    new_loss_orders: Factor = 1.5
    """Loss budget of a new item's test in order values ..."""
    new_loss_floor_orders: Factor = 3.0
    """... or in floor-orders, whichever is less money; without a sign of demand the test ends when it is lost."""
    restock_ramp_days: Count = 3
    """Days over which bids come back after a stock-out."""
    max_discount: Share = 0.5
    """Deepest discount proposed on the clearance list."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProtectPolicy:
    """What the daemon must handle with care."""

    __pydantic_config__: ClassVar[dict[str, object]] = _STRICT

    campaigns: tuple[str, ...] = ()
    """Campaign ids or names that are never paused, only bid down."""
    products: tuple[str, ...] = ()
    """Product ids that are never paused, only bid down."""
    words: tuple[str, ...] = ()
    """Words: a target whose text contains one is never paused, only bid down."""
    cautious: tuple[str, ...] = ()
    """Campaign, product or target ids that need more evidence before a pause."""
    brand_words: tuple[str, ...] = ()
    """Words of the shop's own brand."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PerturbationPolicy:
    """Test moves: bids drawn by lot around the wanted bid, to learn how clicks and their cost answer to bids."""

    __pydantic_config__: ClassVar[dict[str, object]] = _STRICT

    enabled: bool = False
    """Make test moves. They cost money, which every cycle states, and are never made on top sellers, brand words,
    protected, new, slow or exploring targets, nor from 14 days before a sale event to 7 days after it."""
    step: Annotated[float, Interval(ge=0.05, le=0.2)] = 0.1
    """How far above or below the wanted bid a test stands, as a share of it. Steps above half of
    `limits.max_bid_step_ratio` take more than one day to change sides: set `hold_days` to 2 with them."""
    share: Share = 0.5
    """Share of the targets that take part, drawn by seed."""
    hold_days: Annotated[int, Interval(ge=1, le=7)] = 1
    """Marketplace days for which a side is kept; the venue's cooldown where that is longer."""
    never_words: tuple[str, ...] = ()
    """Words whose position is being held: a target whose text contains one is never tested."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SaleEvent:
    """A sale event and the days around it that are not normal days."""

    __pydantic_config__: ClassVar[dict[str, object]] = _STRICT

    name: str
    """Shown in reasons."""
    first: date
    """First day of the sale itself."""
    last: date
    """Last day of the sale itself."""
    preheat_days: Count = 10
    """Days before in which conversion falls and carts rise."""
    aftermath_days: Count = 3
    """Days after in which nothing is judged on orders alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """Everything that rules the decisions for one account.

    Attributes:
        cap: Most that all daily budgets of the account may add up to.
        month_plan: Money planned for a calendar month; ``None`` where there is no plan.
    """

    cap: Money
    month_plan: Money | None = None
    goal: GoalPolicy = field(default_factory=GoalPolicy)
    limits: LimitPolicy = field(default_factory=LimitPolicy)
    evidence: EvidencePolicy = field(default_factory=EvidencePolicy)
    lifecycle: LifecyclePolicy = field(default_factory=LifecyclePolicy)
    protect: ProtectPolicy = field(default_factory=ProtectPolicy)
    perturbation: PerturbationPolicy = field(default_factory=PerturbationPolicy)
    events: tuple[SaleEvent, ...] = ()
    seed: Annotated[int, Interval(ge=0), Le(2**31 - 1)] = 0
