"""What an advertiser account is made of, as the venue tells it: frozen values, no rows, no wire.

Adapters build these; the store maps them; the decision core reads them. Unknown is ``None``, never zero.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import NewType

from bidder.core.calendar import require_aware, zone
from bidder.core.money import Money

AccountId = NewType("AccountId", str)
CampaignId = NewType("CampaignId", str)
AdGroupId = NewType("AdGroupId", str)
TargetId = NewType("TargetId", str)
ProductId = NewType("ProductId", str)


class EntityKind(StrEnum):
    """Levels of the hierarchy that carry a setting we may change."""

    CAMPAIGN = "campaign"
    AD_GROUP = "ad_group"
    TARGET = "target"


class State(StrEnum):
    """Delivery state of an entity; ``OTHER`` stands for a venue value we do not know."""

    ENABLED = "enabled"
    PAUSED = "paused"
    ARCHIVED = "archived"
    OTHER = "other"


class TargetKind(StrEnum):
    """What a target is matched on."""

    KEYWORD = "keyword"
    PRODUCT = "product"
    AUDIENCE = "audience"
    CAMPAIGN = "campaign"
    """A campaign that the data does not divide further: its one target is the campaign itself."""
    OTHER = "other"


class MatchType(StrEnum):
    """How closely a query must match a keyword."""

    EXACT = "exact"
    PHRASE = "phrase"
    BROAD = "broad"
    AUTO = "auto"
    NONE = "none"
    OTHER = "other"


class Editor(StrEnum):
    """Who set a value last: the owner of that setting."""

    PERSON = "person"
    PLATFORM = "platform"
    DAEMON = "daemon"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class EntityRef:
    """Names one entity of an account."""

    kind: EntityKind
    id: str

    def __str__(self) -> str:
        return f"{self.kind}:{self.id}"

    @classmethod
    def parse(cls, text: str) -> EntityRef:
        """Read ``kind:id``; raises ``ValueError`` with the form expected."""
        kind, colon, identity = text.partition(":")
        if not colon or kind not in set(EntityKind) or not identity:
            raise ValueError(f"expected kind:id, such as campaign:123, was {text!r}")
        return cls(EntityKind(kind), identity)


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """One advertiser account at one marketplace.

    Attributes:
        id: Our name of the account, unique in the configuration.
        adapter: Registered name of the adapter that speaks to its marketplace.
        remote_id: The venue's own id of it.
        owner: Whose shop it is; evidence is pooled across owners only by consent.
        currency: ISO 4217.
        time_zone: IANA name; its days are the marketplace's days.
    """

    id: AccountId
    adapter: str
    remote_id: str
    owner: str
    currency: str
    time_zone: str

    def __post_init__(self) -> None:
        Money.zero(self.currency)
        zone(self.time_zone)


@dataclass(frozen=True, slots=True, kw_only=True)
class Campaign:
    """A campaign with its daily budget.

    Attributes:
        daily_budget: ``None`` means the venue sets no limit: never send that by accident.
        shared_budget_id: Campaigns that name the same one share a single budget: one lever.
        manual_bids: False where a platform strategy ignores our bids.
        dayparts: Hour factors on the bid, 24 or 168 (Monday 00:00 first), or ``None`` where none are set.
        last_editor: Who changed it last, as far as the venue tells.
    """

    id: CampaignId
    name: str
    state: State
    daily_budget: Money | None
    shared_budget_id: str | None = None
    manual_bids: bool = True
    dayparts: tuple[float, ...] | None = None
    last_editor: Editor = Editor.UNKNOWN

    def __post_init__(self) -> None:
        if self.dayparts is not None and len(self.dayparts) not in (24, 168):
            raise ValueError(f"campaign {self.id}: dayparts have 24 or 168 factors, got {len(self.dayparts)}")
        if self.daily_budget is not None and self.daily_budget.micros < 0:
            raise ValueError(f"campaign {self.id}: daily budget is negative: {self.daily_budget}")


@dataclass(frozen=True, slots=True, kw_only=True)
class AdGroup:
    """An ad group with the bid its targets take where they have none of their own."""

    id: AdGroupId
    campaign_id: CampaignId
    name: str
    state: State
    default_bid: Money | None
    last_editor: Editor = Editor.UNKNOWN


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A keyword, product or audience that can carry a bid.

    Attributes:
        bid: Base bid for a click; ``None`` where the target takes the ad group's.
        product_id: The product it advertises, where one target advertises one product.
        quality: The venue's quality score, any positive scale; ``None`` where unknown or not delivering.
        brand: A word of the shop's own brand.
    """

    id: TargetId
    ad_group_id: AdGroupId
    campaign_id: CampaignId
    kind: TargetKind
    text: str
    match_type: MatchType
    state: State
    bid: Money | None
    product_id: ProductId | None = None
    quality: float | None = None
    brand: bool = False
    last_editor: Editor = Editor.UNKNOWN


@dataclass(frozen=True, slots=True, kw_only=True)
class Product:
    """An advertised product and its economics; each unknown is ``None`` and named to the operator.

    Attributes:
        margin: Share of revenue left after goods, platform fees and tax, before advertising and refunds, [0, 1].
        unit_cost: Cost of one unit; gives the margin with the price where no margin is stated.
        refund_rate: Share of gross revenue refunded in the end, [0, 1].
        return_cost: What one returned order costs beside the lost sale.
        stock: Units that can be sold now.
        core_sizes_gone: Sizes that sell are sold out: counts as out of stock.
        lead_time_days: Days from reorder to stock.
    """

    id: ProductId
    title: str
    category: str
    price: Money | None = None
    unit_cost: Money | None = None
    margin: float | None = None
    refund_rate: float | None = None
    return_cost: Money | None = None
    stock: int | None = None
    core_sizes_gone: bool = False
    launch_date: date | None = None
    lead_time_days: int | None = None

    def __post_init__(self) -> None:
        for name in ("margin", "refund_rate"):
            share = getattr(self, name)
            if share is not None and not 0 <= share <= 1:
                raise ValueError(f"product {self.id}: {name} is a share of 0 to 1, was {share}")
        if self.stock is not None and self.stock < 0:
            raise ValueError(f"product {self.id}: stock is negative: {self.stock}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Structure:
    """Everything an account holds at one instant, ids unique within each kind.

    Attributes:
        balance: Prepaid money left; ``None`` where the venue bills afterwards or does not say.
        observed_at: When the venue was asked, UTC.
    """

    account_id: AccountId
    currency: str
    time_zone: str
    campaigns: tuple[Campaign, ...]
    ad_groups: tuple[AdGroup, ...]
    targets: tuple[Target, ...]
    products: tuple[Product, ...]
    balance: Money | None
    observed_at: datetime

    def __post_init__(self) -> None:
        require_aware(self.observed_at, "observed_at")
        for kind, ids in (
            ("campaign", [c.id for c in self.campaigns]),
            ("ad group", [g.id for g in self.ad_groups]),
            ("target", [t.id for t in self.targets]),
            ("product", [p.id for p in self.products]),
        ):
            if len(set(ids)) != len(ids):
                raise ValueError(f"account {self.account_id}: a {kind} id stands twice")
        campaigns = {c.id for c in self.campaigns}
        groups = {g.id for g in self.ad_groups}
        for group in self.ad_groups:
            if group.campaign_id not in campaigns:
                raise ValueError(f"ad group {group.id} names the unknown campaign {group.campaign_id}")
        for target in self.targets:
            if target.ad_group_id not in groups:
                raise ValueError(f"target {target.id} names the unknown ad group {target.ad_group_id}")
