"""The frozen description of one simulated shop: what stands in it, and the laws of the market around it.

`generate.build_shops` draws one from a preset and a seed; `market.Market` plays it. Nothing here changes while a
market runs: latent paths live in `demand`, settings in `controls`, stock in `products`. Money that a venue would
show is int64 micros; rates and rivals' scores, which no venue shows, are floats in currency units.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from adapters.mock.arrays import Bools, Floats, Index, Ints, freeze_columns
from adapters.mock.events import SaleEvent

MICROS = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Products:
    """Items of the shop, arrays of shape (n_products,).

    What the owner knows: ids, titles, categories, price_micros, unit_cost_micros, margin (after platform fees
    and tax, ratio), refund_rate, return_cost_micros, launch_day (days since 1970-01-01), lead_time_days.
    What only the market knows: the rest.

    Attributes:
        opening_stock: Units on the first simulated day.
        restocked: False for the end of a line, which is never ordered again.
        reorder_cover_days: Stock is ordered when it covers fewer days than this.
        order_cover_days: Days of sales that one order covers.
        planned_units: Units a day the owner plans with at first.
        organic_visitors: Visitors a day without advertising.
        organic_cvr: Orders per organic visitor.
        price_spread: Standard deviation of the log of an order's value per unit around the price.
    """

    ids: tuple[str, ...]
    titles: tuple[str, ...]
    categories: tuple[str, ...]
    price_micros: Ints
    unit_cost_micros: Ints
    margin: Floats
    refund_rate: Floats
    return_cost_micros: Ints
    launch_day: Ints
    lead_time_days: Ints
    opening_stock: Ints
    restocked: Bools
    reorder_cover_days: Floats
    order_cover_days: Floats
    planned_units: Floats
    organic_visitors: Floats
    organic_cvr: Floats
    price_spread: Floats

    def __post_init__(self) -> None:
        freeze_columns(self, rows=len(self.ids))

    def __len__(self) -> int:
        return len(self.ids)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Campaigns:
    """Campaigns, shape (n_campaigns,)."""

    ids: tuple[str, ...]
    names: tuple[str, ...]

    def __post_init__(self) -> None:
        freeze_columns(self, rows=len(self.ids))

    def __len__(self) -> int:
        return len(self.ids)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class AdGroups:
    """Ad groups, shape (n_ad_groups,); ``campaign`` indexes `Campaigns`."""

    ids: tuple[str, ...]
    names: tuple[str, ...]
    campaign: Index

    def __post_init__(self) -> None:
        freeze_columns(self, rows=len(self.ids))

    def __len__(self) -> int:
        return len(self.ids)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Targets:
    """Keywords, shape (n_targets,); ``ad_group`` indexes `AdGroups`, ``product`` the one item promoted.

    What the advertiser sees: ids, texts, match_types (exact, phrase, broad), brand. The rest is truth.

    Attributes:
        volume: Queries a day at the average hour profile.
        ctr: Our click rate in the best slot.
        cvr: Orders per valid click, long-run mean.
        cart_rate: Carts and favourites per valid click, together.
        favourite_share: Part of them that are favourites.
        relevance: Our quality before any click or order was seen, around 1.
        reference_ctr, reference_cvr: What the venue expects of this keyword; quality compares with it.
        profile: Row of the hour profiles its demand follows.
    """

    ids: tuple[str, ...]
    texts: tuple[str, ...]
    match_types: tuple[str, ...]
    brand: Bools
    ad_group: Index
    product: Index
    volume: Floats
    ctr: Floats
    cvr: Floats
    cart_rate: Floats
    favourite_share: Floats
    relevance: Floats
    reference_ctr: Floats
    reference_cvr: Floats
    profile: Index

    def __post_init__(self) -> None:
        freeze_columns(self, rows=len(self.ids))

    def __len__(self) -> int:
        return len(self.ids)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Rivals:
    """Other bidders on each keyword, arrays of shape (n_targets, n_rivals).

    Rival ``j`` appears in an auction a Poisson number of times with mean ``activity`` (it may stand for several
    like items). Each appearance ranks by ``bid * quality`` times log-logistic noise.

    Attributes:
        bid: Currency units.
        quality: Around 1.
        activity: Mean appearances in one auction; 0 where there is no such rival.
        reserve: (n_targets,) least score that is shown, currency units.
        reaction: How hard rivals answer a gain of ours (0 = exogenous, as in scored presets).
    """

    bid: Floats
    quality: Floats
    activity: Floats
    reserve: Floats
    reaction: float = 0.0

    def __post_init__(self) -> None:
        freeze_columns(self, rows=len(self.bid))


@dataclass(frozen=True, slots=True, kw_only=True)
class VenueRules:
    """How the venue sells, measures and bills.

    Attributes:
        slot_click_rates: Click rate of each slot relative to the best; their number is the number of slots.
        score_spread: Scale of the logistic noise on the log of a rival's score.
        contest_spread: Sd of the log of the factor that all rivals of one auction share.
        price_step_micros: Added to the next rank's price; also the smallest coin of the venue.
        price_noise: Half-width of the noise on the mean price of a row's clicks, ratio.
        overdelivery_factor: A campaign may spend up to this factor times its daily budget.
        invalid_click_rate: Share of clicks taken back within 72 hours, with their spend.
        windows: Attribution windows offered, days.
    """

    slot_click_rates: tuple[float, ...]
    score_spread: float
    contest_spread: float
    price_step_micros: int
    price_noise: float
    overdelivery_factor: float
    invalid_click_rate: float
    windows: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class QualityRules:
    """How our quality follows our click rate and conversion.

    Quality moves towards ``relevance * (ctr/reference)^ctr_power * (cvr/reference)^cvr_power``, clipped, and half
    of the way is gone after ``half_impressions`` impressions.
    """

    ctr_power: float
    cvr_power: float
    half_impressions: float
    lowest: float
    highest: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DemandRules:
    """Seasons and drifts of demand, conversion and rivals.

    Attributes:
        hour_profiles: (n_profiles, 24) queries by marketplace hour, mean 1.
        rival_hours: (24,) rivals' bids by hour, mean about 1.
        conversion_hours: (24,) conversion by hour, below 1 at night.
        weekday_volume, weekday_cvr: (7,) Monday first, mean 1.
        year_amplitude: Amplitude of the yearly wave of log volume.
        year_peak_day: Day of year at which it peaks.
        volume_drift, cvr_drift, cart_drift, rival_drift: Stationary sd of the mean-reverting log walks.
        memory: Correlation of the drifts from one day to the next.
        shared: Part of the variance of a drift that all targets of a product share.
    """

    hour_profiles: Floats
    rival_hours: Floats
    conversion_hours: Floats
    weekday_volume: Floats
    weekday_cvr: Floats
    year_amplitude: float
    year_peak_day: int
    volume_drift: float
    cvr_drift: float
    cart_drift: float
    rival_drift: float
    memory: float
    shared: float


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderRules:
    """When orders and refunds come, and how large orders are.

    Attributes:
        completion: Share of a click day's final orders placed by the end of day 0, day 3 and day 7.
        horizon_days: No order comes later than this after its click.
        refund_median_days: Median days from order to refund.
        refund_sigma: Sd of the log of that delay.
        refund_limit_days: No refund comes later than this after its order.
        extra_unit_rate: Chance of each further unit in an order.
        organic_lift: Organic units that one paid unit brings over the horizon.
        lift_half_life_days: How fast that lift decays.
    """

    completion: tuple[float, float, float]
    horizon_days: int
    refund_median_days: float
    refund_sigma: float
    refund_limit_days: int
    extra_unit_rate: float
    organic_lift: float
    lift_half_life_days: float


@dataclass(frozen=True, slots=True, kw_only=True)
class BalanceRules:
    """The prepaid balance and the owner's habit of topping it up; amounts in micros."""

    opening_micros: int
    top_up_micros: int
    top_up_every_days: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Setup:
    """The settings the owner starts with.

    Attributes:
        bid_micros: (n_targets,) int64.
        default_bid_micros: (n_ad_groups,) int64, for targets without a bid of their own.
        daily_budget_micros: (n_campaigns,) int64, -1 for no limit.
    """

    bid_micros: Ints
    default_bid_micros: Ints
    daily_budget_micros: Ints


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Shop:
    """One advertiser account: its things, its market, its owner's first settings.

    Attributes:
        key: Short unique name, the prefix of every id.
        start: First marketplace day after the history.
        seed: From which everything random of this shop follows.
        account_budget_micros: What the owner wants to spend a day over all campaigns.
        events: Sale events, in order of their day.
    """

    key: str
    owner: str
    name: str
    preset: str
    category: str
    currency: str
    zone: str
    start: date
    seed: int
    account_budget_micros: int
    products: Products
    campaigns: Campaigns
    ad_groups: AdGroups
    targets: Targets
    rivals: Rivals
    venue: VenueRules
    quality: QualityRules
    demand: DemandRules
    orders: OrderRules
    balance: BalanceRules
    events: tuple[SaleEvent, ...]
    setup: Setup

    @property
    def campaign_of_target(self) -> Index:
        """Index of each target's campaign, (n_targets,)."""
        return self.ad_groups.campaign[self.targets.ad_group]
