"""What a marketplace can do, as data: the core decides by this, never by a venue's name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum

from bidder.core.calendar import zone
from bidder.core.change import Field
from bidder.core.entities import EntityKind
from bidder.core.money import Money
from bidder.core.performance import Grain, Level


class Capability(StrEnum):
    """Something an adapter can do; conformance cases are skipped by what is absent."""

    SET_TARGET_BID = "set_target_bid"
    SET_AD_GROUP_BID = "set_ad_group_bid"
    SET_DAILY_BUDGET = "set_daily_budget"
    SET_CAMPAIGN_STATE = "set_campaign_state"
    SET_AD_GROUP_STATE = "set_ad_group_state"
    SET_TARGET_STATE = "set_target_state"
    SET_DAYPARTS = "set_dayparts"
    HOURLY_FACTS = "hourly_facts"
    CARTS = "carts"
    PRODUCT_SALES = "product_sales"
    STOCK = "stock"
    BALANCE = "balance"
    QUALITY = "quality"
    BID_LANDSCAPE = "bid_landscape"
    ACTION_SHEET = "action_sheet"
    """Changes are written down for a person to carry out; nothing is sent."""


LEVERS: Mapping[tuple[EntityKind, Field], Capability] = {
    (EntityKind.TARGET, Field.BID): Capability.SET_TARGET_BID,
    (EntityKind.AD_GROUP, Field.BID): Capability.SET_AD_GROUP_BID,
    (EntityKind.CAMPAIGN, Field.DAILY_BUDGET): Capability.SET_DAILY_BUDGET,
    (EntityKind.CAMPAIGN, Field.STATE): Capability.SET_CAMPAIGN_STATE,
    (EntityKind.AD_GROUP, Field.STATE): Capability.SET_AD_GROUP_STATE,
    (EntityKind.TARGET, Field.STATE): Capability.SET_TARGET_STATE,
    (EntityKind.CAMPAIGN, Field.DAYPARTS): Capability.SET_DAYPARTS,
}
"""Which capability each kind of change needs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VenueProfile:
    """A marketplace's rules for one account.

    Attributes:
        currency: Of every amount the venue takes and gives.
        time_zone: IANA name of the zone whose days the venue counts.
        bid_increment, bid_min, bid_max: Grid and bounds of bids.
        budget_increment, budget_min, budget_max: Grid and bounds of daily budgets.
        batch_size: Changes in one request at most.
        requests_per_second: Sustained request rate allowed.
        daily_change_quota: Changes of one entity's field allowed in a marketplace day, where the venue limits them.
        windows: Attribution windows offered, days, ascending.
        default_window: The one used unless configured.
        levels: Levels that daily facts come at, finest last.
        grains: Grains offered.
        history_days: How far back facts can be asked for.
        maturity: Default share of a day's final gross orders visible 0, 1, 2 ... days later, non-decreasing, ends at 1.
        overdelivery: Factor by which a day's spend may exceed the daily budget, at least 1.
        settle: Time after which a read-back shows a write for certain.
        report_lag: Time after which a closed hour's spend is in the reports.
        idempotent_writes: Whether the venue itself recognises a repeated key.
        supports: Capabilities.
        bid_cooldown: Least time between two base-bid changes of one target.
    """

    currency: str
    time_zone: str
    bid_increment: Money
    bid_min: Money
    bid_max: Money
    budget_increment: Money
    budget_min: Money
    budget_max: Money
    batch_size: int
    requests_per_second: float
    windows: tuple[int, ...]
    default_window: int
    levels: tuple[Level, ...]
    grains: tuple[Grain, ...]
    history_days: int
    maturity: tuple[float, ...]
    overdelivery: float
    settle: timedelta
    report_lag: timedelta
    idempotent_writes: bool
    supports: frozenset[Capability]
    bid_cooldown: timedelta = timedelta(hours=24)
    daily_change_quota: Mapping[tuple[EntityKind, Field], int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        zone(self.time_zone)
        for name in ("bid", "budget"):
            low, high, step = (getattr(self, f"{name}_{part}") for part in ("min", "max", "increment"))
            if {low.currency, high.currency, step.currency} != {self.currency}:
                raise ValueError(f"{name} bounds are not all in {self.currency}")
            if not step.micros > 0 or not 0 <= low.micros <= high.micros:
                raise ValueError(f"{name} bounds {low} to {high} by {step} make no sense")
        if self.default_window not in self.windows:
            raise ValueError(f"default window {self.default_window} is not among {self.windows}")
        if self.overdelivery < 1:
            raise ValueError(f"overdelivery is a factor of at least 1, was {self.overdelivery}")
        rising = all(a <= b for a, b in zip(self.maturity, self.maturity[1:], strict=False))
        if not self.maturity or not rising or not self.maturity[0] > 0 or self.maturity[-1] != 1:
            raise ValueError("maturity must rise from above 0 to exactly 1")

    def can(self, kind: EntityKind, field_: Field) -> bool:
        """Tell whether a change of ``field_`` on a ``kind`` can be made here."""
        lever = LEVERS.get((kind, field_))
        return lever is not None and lever in self.supports

    @property
    def read_only(self) -> bool:
        """Tell whether nothing can be sent."""
        return not (self.supports & set(LEVERS.values()))
