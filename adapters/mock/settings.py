"""One account's settings as the venue keeps them: who set what last, and what reads show while a write settles.

`Advertiser` edits through this; it keeps the frozen domain objects of the account and rebuilds only what changed,
because the daemon reads everything every cycle.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Self

import numpy as np

from adapters.mock.controls import INHERITED, UNLIMITED
from adapters.mock.market import Market
from adapters.mock.rules import FIELDS, SCORES_PER_QUALITY
from bidder.core.calendar import from_ordinal
from bidder.core.change import Field, Settings, Value
from bidder.core.entities import (
    AdGroup,
    AdGroupId,
    Campaign,
    CampaignId,
    Editor,
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
from bidder.core.money import Money

Setting = tuple[EntityRef, Field]


class SettingsBook:
    """What stands set in one account, and what of it shows.

    Args:
        market: Holds the settings in force; this edits it.
    """

    def __init__(self, market: Market) -> None:
        shop = market.shop
        self._market = market
        self._ids: dict[EntityKind, tuple[str, ...]] = {
            EntityKind.CAMPAIGN: shop.campaigns.ids,
            EntityKind.AD_GROUP: shop.ad_groups.ids,
            EntityKind.TARGET: shop.targets.ids,
        }
        self._rows = {kind: {name: row for row, name in enumerate(ids)} for kind, ids in self._ids.items()}
        self._editors: dict[EntityRef, Editor] = {}
        self._titles: dict[EntityRef, str] = {}
        self._dayparts: dict[int, tuple[float, ...]] = {}
        self._settling: dict[Setting, tuple[Value | None, Editor, datetime]] = {}
        self._scores = np.full(len(shop.targets), -1.0)
        self._stock = np.full(len(shop.products), -1)
        self._campaigns = [self._campaign(row) for row in range(len(shop.campaigns))]
        self._ad_groups = [self._ad_group(row) for row in range(len(shop.ad_groups))]
        self._targets = [self._target(row) for row in range(len(shop.targets))]
        self._products: list[Product] = [self._product(row) for row in range(len(shop.products))]
        self._stale: set[EntityRef] = set()

    def fork(self, market: Market) -> Self:
        """Return an independent copy over a forked market."""
        twin = type(self).__new__(type(self))
        own = {name: value.copy() for name, value in vars(self).items() if name not in ("_market", "_ids", "_rows")}
        vars(twin).update(vars(self), _market=market, **own)
        return twin

    def knows(self, ref: EntityRef) -> bool:
        """Tell whether the account has the entity."""
        return ref.id in self._rows[ref.kind]

    def value(self, ref: EntityRef, field: Field) -> Value | None:
        """Return what really stands set."""
        row, controls = self._rows[ref.kind][ref.id], self._market.controls
        currency = self._market.shop.currency
        match field, ref.kind:
            case Field.STATE, _:
                return controls.state(ref.kind, row)
            case Field.BID, EntityKind.TARGET:
                bid = int(controls.bid_micros[row])
                return None if bid == INHERITED else Money(bid, currency)
            case Field.BID, _:
                return Money(int(controls.default_bid_micros[row]), currency)
            case Field.DAILY_BUDGET, _:
                budget = int(controls.daily_budget_micros[row])
                return None if budget == UNLIMITED else Money(budget, currency)
            case _:
                return self._dayparts.get(row)

    def write(
        self, ref: EntityRef, field: Field, value: Value, *, editor: Editor, at: datetime, shows: datetime
    ) -> None:
        """Set a checked value, in force from the next full hour; reads show it from ``shows`` on."""
        setting = (ref, field)
        if shows > at:
            old, editor_before, _ = self._settling.get(setting) or (self.value(ref, field), self._editor(ref), shows)
            self._settling[setting] = (old, editor_before, shows)
        else:
            self._settling.pop(setting, None)
        row, market = self._rows[ref.kind][ref.id], self._market
        match value:
            case State():
                market.set_state(ref.kind, [row], value, at=at)
            case Money() if field is Field.DAILY_BUDGET:
                market.set_budgets([row], [value.micros], at=at)
            case Money() if ref.kind is EntityKind.TARGET:
                market.set_bids([row], [value.micros], at=at)
            case Money():
                market.set_default_bids([row], [value.micros], at=at)
            case tuple():
                market.set_dayparts(row, value, at=at)
                self._dayparts[row] = value
        self._editors[ref] = editor
        self._stale.add(ref)

    def rename(self, ref: EntityRef, title: str, *, editor: Editor) -> None:
        """Give a campaign or ad group another name."""
        self._titles[ref] = title
        self._editors[ref] = editor
        self._stale.add(ref)

    def shown(self, ref: EntityRef, now: datetime) -> Settings:
        """Return what a read shows of one entity."""
        values = {field: self._visible(ref, field, now)[0] for field in FIELDS[ref.kind]}
        editors = [self._visible(ref, field, now)[1] for field in FIELDS[ref.kind]]
        hidden = [editor for editor in editors if editor is not self._editor(ref)]
        return Settings(ref=ref, values=values, editor=hidden[0] if hidden else self._editor(ref))

    def entities(
        self, now: datetime
    ) -> tuple[tuple[Campaign, ...], tuple[AdGroup, ...], tuple[Target, ...], tuple[Product, ...]]:
        """Return everything the account holds, as reads show it at ``now``."""
        for setting in [s for s, (_, _, shows) in self._settling.items() if shows <= now]:
            del self._settling[setting]
            self._stale.add(setting[0])
        for ref in self._stale:
            self._rebuild(ref, now)
        self._stale = {ref for ref, _ in self._settling}
        scores = np.rint(self._market.quality * SCORES_PER_QUALITY)
        for row in np.flatnonzero(scores != self._scores):
            self._targets[row] = replace(self._targets[row], quality=float(scores[row]))
        self._scores = scores
        stock = self._market.stock
        for row in np.flatnonzero(stock != self._stock):
            self._products[row] = replace(self._products[row], stock=int(stock[row]))
        self._stock = np.array(stock)
        return tuple(self._campaigns), tuple(self._ad_groups), tuple(self._targets), tuple(self._products)

    def _visible(self, ref: EntityRef, field: Field, now: datetime) -> tuple[Value | None, Editor]:
        settling = self._settling.get((ref, field))
        if settling is not None and settling[2] > now:
            return settling[0], settling[1]
        return self.value(ref, field), self._editor(ref)

    def _editor(self, ref: EntityRef) -> Editor:
        return self._editors.get(ref, Editor.PERSON)

    def _rebuild(self, ref: EntityRef, now: datetime) -> None:
        row, shown = self._rows[ref.kind][ref.id], self.shown(ref, now)
        state, bid, budget, parts = (shown.values.get(f) for f in (Field.STATE, Field.BID, Field.DAILY_BUDGET,
                                                                     Field.DAYPARTS))  # fmt: skip
        assert isinstance(state, State)  # noqa: S101  # every entity has one
        match ref.kind:
            case EntityKind.TARGET:
                self._targets[row] = replace(
                    self._targets[row],
                    state=state,
                    bid=bid if isinstance(bid, Money) else None,
                    last_editor=shown.editor,
                )
            case EntityKind.AD_GROUP:
                self._ad_groups[row] = replace(
                    self._ad_groups[row],
                    name=self._titles.get(ref, self._ad_groups[row].name),
                    state=state,
                    default_bid=bid if isinstance(bid, Money) else None,
                    last_editor=shown.editor,
                )
            case EntityKind.CAMPAIGN:
                self._campaigns[row] = replace(
                    self._campaigns[row],
                    name=self._titles.get(ref, self._campaigns[row].name),
                    state=state,
                    daily_budget=budget if isinstance(budget, Money) else None,
                    dayparts=parts if isinstance(parts, tuple) else None,
                    last_editor=shown.editor,
                )

    def _campaign(self, row: int) -> Campaign:
        campaigns = self._market.shop.campaigns
        ref = EntityRef(EntityKind.CAMPAIGN, campaigns.ids[row])
        budget = self.value(ref, Field.DAILY_BUDGET)
        return Campaign(
            id=CampaignId(ref.id),
            name=campaigns.names[row],
            state=self._market.controls.state(ref.kind, row),
            daily_budget=budget if isinstance(budget, Money) else None,
            last_editor=Editor.PERSON,
        )

    def _ad_group(self, row: int) -> AdGroup:
        groups = self._market.shop.ad_groups
        ref = EntityRef(EntityKind.AD_GROUP, groups.ids[row])
        bid = self.value(ref, Field.BID)
        return AdGroup(
            id=AdGroupId(ref.id),
            campaign_id=CampaignId(self._ids[EntityKind.CAMPAIGN][groups.campaign[row]]),
            name=groups.names[row],
            state=self._market.controls.state(ref.kind, row),
            default_bid=bid if isinstance(bid, Money) else None,
            last_editor=Editor.PERSON,
        )

    def _target(self, row: int) -> Target:
        shop = self._market.shop
        targets = shop.targets
        ref = EntityRef(EntityKind.TARGET, targets.ids[row])
        bid = self.value(ref, Field.BID)
        return Target(
            id=TargetId(ref.id),
            ad_group_id=AdGroupId(shop.ad_groups.ids[targets.ad_group[row]]),
            campaign_id=CampaignId(shop.campaigns.ids[shop.ad_groups.campaign[targets.ad_group[row]]]),
            kind=TargetKind.KEYWORD,
            text=targets.texts[row],
            match_type=MatchType(targets.match_types[row]),
            state=self._market.controls.state(ref.kind, row),
            bid=bid if isinstance(bid, Money) else None,
            product_id=ProductId(shop.products.ids[targets.product[row]]),
            brand=bool(targets.brand[row]),
            last_editor=Editor.PERSON,
        )

    def _product(self, row: int) -> Product:
        products, currency = self._market.shop.products, self._market.shop.currency
        return Product(
            id=ProductId(products.ids[row]),
            title=products.titles[row],
            category=products.categories[row],
            price=Money(int(products.price_micros[row]), currency),
            unit_cost=Money(int(products.unit_cost_micros[row]), currency),
            margin=float(products.margin[row]),
            refund_rate=float(products.refund_rate[row]),
            return_cost=Money(int(products.return_cost_micros[row]), currency),
            launch_date=from_ordinal(int(products.launch_day[row])),
            lead_time_days=int(products.lead_time_days[row]),
        )
