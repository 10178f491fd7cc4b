"""Build the domain objects of an account from what its files say: structure, daily facts, what stands for what.

A campaign that no file divides further becomes one target that stands for it; a change of that target is a change of
the campaign. Called by `adapters.files.importing`; pure.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal

import numpy as np

from adapters.files.facts import Names, Reading, Setting
from adapters.files.formats import Format
from adapters.files.identity import Identities, Ids
from adapters.files.mapping import METRICS, Role
from adapters.files.overlap import Placed
from adapters.files.products import DEFAULT_CATEGORY, Goods
from adapters.files.spreading import Spread
from adapters.files.tables import same_text
from bidder.core.change import Field
from bidder.core.entities import (
    AdGroup,
    AdGroupId,
    Campaign,
    CampaignId,
    EntityKind,
    EntityRef,
    MatchType,
    Product,
    ProductId,
    State,
    Target,
    TargetId,
    TargetKind,
)
from bidder.core.money import MICROS, Money
from bidder.core.performance import MISSING, Grain, Level, PerformanceTable

NO_BIDS = "no file states bids: none can be changed from what is known"
SOME_BUDGETS = "daily budgets are stated for"
_FINE_KIND = {
    "campaign": TargetKind.CAMPAIGN,
    "ad_group": TargetKind.OTHER,
    "product": TargetKind.PRODUCT,
    "target": TargetKind.KEYWORD,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Shop:
    """The entities of an account.

    Attributes:
        campaigns, ad_groups, targets, products: As the ports want them.
        stands_for: Target id to the campaign or ad group it stands for.
        known: Settings that some file states; the others are assumed or unknown.
        formats: Campaign id to the console it lives in.
        search_terms: Targets that are queries: they carry no bid, a pause means to exclude them.
        names: Names and ids as the console has them.
        homes: Campaign id of every entity.
        stood_in: Bids and budgets that were estimated from what was paid.
        sentences: What was assumed.
    """

    campaigns: tuple[Campaign, ...]
    ad_groups: tuple[AdGroup, ...]
    targets: tuple[Target, ...]
    products: tuple[Product, ...]
    stands_for: Mapping[str, EntityRef]
    known: frozenset[tuple[EntityRef, Field]]
    formats: Mapping[str, Format]
    search_terms: frozenset[str]
    names: Mapping[EntityRef, Names]
    homes: Mapping[EntityRef, str]
    sentences: tuple[str, ...]
    stood_in: frozenset[tuple[EntityRef, Field]] = frozenset()

    def names_of(self, ref: EntityRef) -> Names:
        """Return names and ids of an entity as the console has them."""
        return self.names.get(ref, Names(target=ref.id))

    def campaign_of(self, ref: EntityRef) -> str:
        """Return the id of the campaign an entity lies in; an empty text for an unknown one."""
        return self.homes.get(ref, "")


@dataclass(slots=True)
class _Latest:
    """The latest word on each setting; a snapshot without a day counts as the latest of all."""

    values: dict[tuple[str, str], tuple[date, object]] = field(default_factory=dict)

    def see(self, kind: str, identity: str, value: object, day: date | None) -> None:
        if value is None:
            return
        when = day or date.max
        have = self.values.get((kind, identity))
        if have is None or have[0] <= when:
            self.values[kind, identity] = (when, value)

    def get(self, kind: str, identity: str) -> object:
        found = self.values.get((kind, identity))
        return None if found is None else found[1]


class ShopBuilder:
    """Puts entities together from facts and settings.

    Args:
        readings: Every file read.
        placed: Facts that are counted.
        identities: Names to ids.
        goods: The product file.
        currency: Of all amounts.
    """

    def __init__(
        self, readings: Sequence[Reading], placed: Sequence[Placed], identities: Identities, goods: Goods, currency: str
    ) -> None:
        self.readings, self.placed, self.identities = readings, placed, identities
        self.goods, self.currency = goods, currency
        self.latest = _Latest()
        self.ids: dict[str, tuple[Ids, str, str]] = {}
        self.groups: dict[str, str] = {}
        self.formats: dict[str, Format] = {}
        self.products: dict[str, set[str]] = defaultdict(set)
        self.own_products: dict[str, str] = {}
        self.queries: set[str] = set()
        self.console_ids: dict[EntityRef, str] = {}

    def build(self) -> Shop:
        """Return the entities."""
        self._collect()
        campaigns = [self._campaign(c) for c in sorted(set(self.groups.values()))]
        groups = [self._group(g, c) for g, c in sorted(self.groups.items())]
        targets = [self._target(t, *found) for t, found in sorted(self.ids.items())]
        known = frozenset(self._known())
        return Shop(
            campaigns=tuple(campaigns),
            ad_groups=tuple(groups),
            targets=tuple(targets),
            products=self._products(targets),
            stands_for=self._stands_for(),
            known=known,
            formats=self.formats,
            search_terms=frozenset(self.queries),
            names=self._names(),
            homes=self._homes(),
            sentences=tuple(self._sentences(known, targets)),
        )

    def _collect(self) -> None:
        for item in self.placed:
            reading = self.readings[item.reading]
            self._see_ids(item.ids, item.fact.names)
            self._see_target(item.ids, item.fact.names.match, reading)
            if item.fact.names.product and item.ids.finest != "product":
                self.own_products[item.ids.target] = item.fact.names.product
        for reading in self.readings:
            for setting in reading.settings:
                self._see_setting(setting, reading)

    def _see_target(self, ids: Ids, match: str, reading: Reading) -> None:
        self.formats.setdefault(ids.campaign, reading.format)
        self.groups.setdefault(ids.ad_group, ids.campaign)
        self.ids.setdefault(ids.target, (ids, match, reading.format))
        if (
            ids.finest == "target"
            and Role.TARGET not in reading.mapping.columns
            and Role.SEARCH_TERM in reading.mapping.columns
        ):
            self.queries.add(ids.target)

    def _see_ids(self, ids: Ids, names: Names) -> None:
        """Keep the console's own ids: ours may be qualified where the console repeats one."""
        for kind, ours, theirs in (
            (EntityKind.CAMPAIGN, ids.campaign, names.campaign_id),
            (EntityKind.AD_GROUP, ids.ad_group, names.ad_group_id),
            (EntityKind.TARGET, ids.target, names.target_id),
        ):
            if theirs:
                self.console_ids.setdefault(EntityRef(kind, ours), theirs)

    def _see_setting(self, setting: Setting, reading: Reading) -> None:
        ids = self.identities.resolve(setting.names)
        self.formats.setdefault(ids.campaign, reading.format)
        self._see_ids(ids, setting.names)
        if setting.entity == "product_ad":
            if setting.product:
                self.products[ids.ad_group].add(setting.product)
            return
        if (
            setting.names.ad_group_id
            or setting.names.ad_group
            or not any(c == ids.campaign for c in self.groups.values())
        ):
            self.groups.setdefault(ids.ad_group, ids.campaign)
        if ids.finest == "target" and (setting.entity == "target" or ids.target in self.ids):
            self.groups.setdefault(ids.ad_group, ids.campaign)
            self.ids.setdefault(ids.target, (ids, setting.names.match, reading.format))
        day = setting.day
        see = self.latest.see
        see("campaign_state", ids.campaign, setting.campaign_state, day)
        see("budget", ids.campaign, setting.daily_budget, day)
        see("manual", ids.campaign, setting.manual_bids, day)
        see("group_state", ids.ad_group, setting.ad_group_state, day)
        see("default_bid", ids.ad_group, setting.default_bid, day)
        if ids.finest in ("target", "product", "search_term"):
            see("state", ids.target, setting.state, day)
            see("bid", ids.target, setting.bid, day)

    def _campaign(self, campaign: str) -> Campaign:
        manual = self.latest.get("manual", campaign)
        return Campaign(
            id=CampaignId(campaign),
            name=self.identities.campaign_name(campaign),
            state=_state(self.latest.get("campaign_state", campaign)),
            daily_budget=self._money(self.latest.get("budget", campaign)),
            manual_bids=manual is not False,
        )

    def _group(self, group: str, campaign: str) -> AdGroup:
        return AdGroup(
            id=AdGroupId(group),
            campaign_id=CampaignId(campaign),
            name=self.identities.group_name(group),
            state=_state(self.latest.get("group_state", group)),
            default_bid=self._money(self.latest.get("default_bid", group)),
        )

    def _target(self, target: str, ids: Ids, match: str, form: str) -> Target:
        kind = TargetKind.OTHER if target in self.queries else _FINE_KIND[ids.finest]
        text = self.identities.target_text(target)
        if ids.finest == "campaign":
            text = self.identities.campaign_name(ids.campaign)
        elif ids.finest == "ad_group":
            text = self.identities.group_name(ids.ad_group)
        elif kind is TargetKind.KEYWORD and (match == "auto" or _is_product_target(text)):
            kind = TargetKind.PRODUCT if _is_product_target(text) else TargetKind.OTHER
        elif kind is TargetKind.KEYWORD and form == Format.GENERIC and not match:
            kind = TargetKind.OTHER
        return Target(
            id=TargetId(target),
            ad_group_id=AdGroupId(ids.ad_group),
            campaign_id=CampaignId(ids.campaign),
            kind=kind,
            text=text,
            match_type=MatchType(match) if match else MatchType.NONE,
            state=_state(self.latest.get("state", target)),
            bid=self._money(self.latest.get("bid", target)),
            product_id=self._product_of(target, ids),
        )

    def _product_of(self, target: str, ids: Ids) -> ProductId | None:
        """Return the one product a target advertises, as the product file, the sheet or the row itself says."""
        if ids.finest == "product":
            return ProductId(target[len(ids.ad_group) + 3 :])
        own = self.own_products.get(target)
        if own:
            return ProductId(own)
        for known, identity, name in (
            (self.goods.ad_groups, ids.ad_group, self.identities.group_name(ids.ad_group)),
            (self.goods.campaigns, ids.campaign, self.identities.campaign_name(ids.campaign)),
        ):
            product = known.get(same_text(identity)) or known.get(same_text(name))
            if product:
                return ProductId(product)
        advertised = self.products.get(ids.ad_group, set())
        return ProductId(next(iter(advertised))) if len(advertised) == 1 else None

    def _products(self, targets: Iterable[Target]) -> tuple[Product, ...]:
        known = {p.id: p for p in self.goods.products}
        for target in targets:
            if target.product_id is not None and target.product_id not in known:
                known[target.product_id] = Product(
                    id=target.product_id, title=target.product_id, category=DEFAULT_CATEGORY
                )
        return tuple(known[key] for key in sorted(known))

    def _stands_for(self) -> dict[str, EntityRef]:
        stands: dict[str, EntityRef] = {}
        for target, (ids, _, _) in self.ids.items():
            if ids.finest == "campaign":
                stands[target] = EntityRef(EntityKind.CAMPAIGN, ids.campaign)
            elif ids.finest == "ad_group":
                stands[target] = EntityRef(EntityKind.AD_GROUP, ids.ad_group)
        return stands

    def _names(self) -> dict[EntityRef, Names]:
        def own(kind: EntityKind, identity: str) -> str:
            return self.console_ids.get(EntityRef(kind, identity), "")

        found: dict[EntityRef, Names] = {}
        for group, campaign in self.groups.items():
            above = Names(
                campaign_id=own(EntityKind.CAMPAIGN, campaign), campaign=self.identities.campaign_name(campaign)
            )
            found[EntityRef(EntityKind.CAMPAIGN, campaign)] = above
            found[EntityRef(EntityKind.AD_GROUP, group)] = replace(
                above, ad_group_id=own(EntityKind.AD_GROUP, group), ad_group=self.identities.group_name(group)
            )
        for target, (ids, match, _) in self.ids.items():
            found[EntityRef(EntityKind.TARGET, target)] = replace(
                found[EntityRef(EntityKind.AD_GROUP, ids.ad_group)],
                match=match,
                target_id=own(EntityKind.TARGET, target),
                target=self.identities.target_text(target),
            )
        return found

    def _homes(self) -> dict[EntityRef, str]:
        homes = {EntityRef(EntityKind.CAMPAIGN, campaign): campaign for campaign in self.groups.values()}
        homes |= {EntityRef(EntityKind.AD_GROUP, group): campaign for group, campaign in self.groups.items()}
        return homes | {EntityRef(EntityKind.TARGET, target): ids.campaign for target, (ids, _, _) in self.ids.items()}

    def _known(self) -> Iterable[tuple[EntityRef, Field]]:
        kinds = {
            "campaign_state": (EntityKind.CAMPAIGN, Field.STATE),
            "budget": (EntityKind.CAMPAIGN, Field.DAILY_BUDGET),
            "group_state": (EntityKind.AD_GROUP, Field.STATE),
            "default_bid": (EntityKind.AD_GROUP, Field.BID),
            "state": (EntityKind.TARGET, Field.STATE),
            "bid": (EntityKind.TARGET, Field.BID),
        }
        for kind, identity in self.latest.values:
            if kind in kinds:
                entity, setting = kinds[kind]
                yield EntityRef(entity, identity), setting

    def _sentences(self, known: frozenset[tuple[EntityRef, Field]], targets: Sequence[Target]) -> Iterable[str]:
        def count(kind: EntityKind, setting: Field) -> int:
            return sum(ref.kind is kind and f is setting for ref, f in known)

        campaigns = len(set(self.groups.values()))
        if not campaigns:
            return
        if not count(EntityKind.CAMPAIGN, Field.STATE) and not count(EntityKind.TARGET, Field.STATE):
            yield "no file states what is paused: everything that appears is taken to be running"
        if not count(EntityKind.TARGET, Field.BID) and not count(EntityKind.AD_GROUP, Field.BID):
            yield NO_BIDS
        budgets = count(EntityKind.CAMPAIGN, Field.DAILY_BUDGET)
        if budgets < campaigns:
            yield f"{SOME_BUDGETS} {budgets} of {campaigns} campaigns; the others are unknown"
        coarse = sum(ids.finest == "campaign" for ids, _, _ in self.ids.values())
        if coarse:
            yield f"{coarse} campaigns are not divided further by any file: each counts as one target"
        if targets and not any(t.product_id for t in targets):
            yield "no file says which products are advertised: margins must come from the configuration"

    def _money(self, amount: object) -> Money | None:
        if not isinstance(amount, Decimal):
            return None
        return Money(int((amount * MICROS).to_integral_value()), self.currency)


def _state(found: object) -> State:
    return State(found) if isinstance(found, str) else State.ENABLED


def _is_product_target(text: str) -> bool:
    plain = text.casefold()
    return plain.startswith(("asin=", 'asin="', "category=", "asin-expanded", "brand="))


def build_table(spread: Spread, *, currency: str, window_days: int, observed_micros: int) -> PerformanceTable:
    """Return the facts by target and day.

    Args:
        spread: Whole figures.
        currency: Of the money.
        window_days: Attribution window of orders and revenue.
        observed_micros: When the reports were written, microseconds since the epoch.
    """
    ids = tuple(sorted(spread.cells))
    rows = [
        (index, day, cell) for index, target in enumerate(ids) for day, cell in sorted(spread.cells[target].items())
    ]
    figures = np.array([cell for _, _, cell in rows], dtype=np.int64).reshape(len(rows), len(METRICS))
    at = {role: figures[:, index] for index, role in enumerate(METRICS)}
    return PerformanceTable(
        level=Level.TARGET,
        grain=Grain.DAY,
        window_days=window_days,
        currency=currency,
        entity_ids=ids,
        entity=np.array([index for index, _, _ in rows], dtype=np.int32),
        day=np.array([day for _, day, _ in rows], dtype=np.int32),
        hour=np.full(len(rows), MISSING, dtype=np.int8),
        impressions=at[Role.IMPRESSIONS],
        clicks=at[Role.CLICKS],
        spend_micros=at[Role.SPEND],
        orders=at[Role.ORDERS],
        units=at[Role.UNITS],
        revenue_micros=at[Role.REVENUE],
        carts=at[Role.CARTS],
        favourites=at[Role.FAVOURITES],
        observed_at=np.full(len(rows), observed_micros, dtype=np.int64),
    )
