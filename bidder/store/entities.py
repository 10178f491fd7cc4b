"""Rows of campaigns, ad groups, targets and products, and the domain objects they stand for: both ways, one place."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, Table

from bidder.core.entities import (
    AdGroup,
    AdGroupId,
    Campaign,
    CampaignId,
    Editor,
    MatchType,
    Product,
    ProductId,
    State,
    Structure,
    Target,
    TargetId,
    TargetKind,
)
from bidder.core.money import Money
from bidder.errors import StoreError
from bidder.store.encoding import canonical
from models import AdGroupRow, CampaignRow, ProductRow, TargetRow
from models.tables import table_of

Entity = Campaign | AdGroup | Target | Product
Columns = dict[str, Any]


def micros_of(money: Money | None, currency: str, where: str) -> int | None:
    """Return an amount's micros after checking its currency.

    Raises:
        StoreError: The amount is in another currency than its account.
    """
    if money is None:
        return None
    if money.currency != currency:
        raise StoreError(f"{where}: {money} in an account of {currency}; nothing was saved")
    return money.micros


def money_of(micros: int | None, currency: str) -> Money | None:
    """Return the amount of a column."""
    return None if micros is None else Money(micros, currency)


def campaign_columns(campaign: Campaign, currency: str) -> Columns:
    """Return a campaign's columns."""
    return {
        "remote_id": campaign.id,
        "name": campaign.name,
        "state": campaign.state.value,
        "daily_budget_micros": micros_of(campaign.daily_budget, currency, f"campaign {campaign.id}, daily budget"),
        "shared_budget_id": campaign.shared_budget_id,
        "manual_bids": campaign.manual_bids,
        "dayparts": None if campaign.dayparts is None else canonical([float(f) for f in campaign.dayparts]),
        "last_editor": campaign.last_editor.value,
    }


def read_campaign(row: Row[Any], currency: str) -> Campaign:
    """Return the campaign of a row."""
    return Campaign(
        id=CampaignId(row.remote_id),
        name=row.name,
        state=State(row.state),
        daily_budget=money_of(row.daily_budget_micros, currency),
        shared_budget_id=row.shared_budget_id,
        manual_bids=row.manual_bids,
        dayparts=None if row.dayparts is None else tuple(json.loads(row.dayparts)),
        last_editor=Editor(row.last_editor),
    )


def ad_group_columns(group: AdGroup, currency: str) -> Columns:
    """Return an ad group's columns."""
    return {
        "remote_id": group.id,
        "campaign_remote_id": group.campaign_id,
        "name": group.name,
        "state": group.state.value,
        "default_bid_micros": micros_of(group.default_bid, currency, f"ad group {group.id}, default bid"),
        "last_editor": group.last_editor.value,
    }


def read_ad_group(row: Row[Any], currency: str) -> AdGroup:
    """Return the ad group of a row."""
    return AdGroup(
        id=AdGroupId(row.remote_id),
        campaign_id=CampaignId(row.campaign_remote_id),
        name=row.name,
        state=State(row.state),
        default_bid=money_of(row.default_bid_micros, currency),
        last_editor=Editor(row.last_editor),
    )


def target_columns(target: Target, currency: str) -> Columns:
    """Return a target's columns."""
    return {
        "remote_id": target.id,
        "ad_group_remote_id": target.ad_group_id,
        "campaign_remote_id": target.campaign_id,
        "kind": target.kind.value,
        "text": target.text,
        "match_type": target.match_type.value,
        "state": target.state.value,
        "bid_micros": micros_of(target.bid, currency, f"target {target.id}, bid"),
        "product_remote_id": target.product_id,
        "quality": None if target.quality is None else float(target.quality),
        "brand": target.brand,
        "last_editor": target.last_editor.value,
    }


def read_target(row: Row[Any], currency: str) -> Target:
    """Return the target of a row."""
    return Target(
        id=TargetId(row.remote_id),
        ad_group_id=AdGroupId(row.ad_group_remote_id),
        campaign_id=CampaignId(row.campaign_remote_id),
        kind=TargetKind(row.kind),
        text=row.text,
        match_type=MatchType(row.match_type),
        state=State(row.state),
        bid=money_of(row.bid_micros, currency),
        product_id=None if row.product_remote_id is None else ProductId(row.product_remote_id),
        quality=row.quality,
        brand=row.brand,
        last_editor=Editor(row.last_editor),
    )


def product_columns(product: Product, currency: str) -> Columns:
    """Return a product's columns."""
    where = f"product {product.id}"
    return {
        "remote_id": product.id,
        "title": product.title,
        "category": product.category,
        "price_micros": micros_of(product.price, currency, f"{where}, price"),
        "unit_cost_micros": micros_of(product.unit_cost, currency, f"{where}, unit cost"),
        "margin": None if product.margin is None else float(product.margin),
        "refund_rate": None if product.refund_rate is None else float(product.refund_rate),
        "return_cost_micros": micros_of(product.return_cost, currency, f"{where}, return cost"),
        "stock": product.stock,
        "core_sizes_gone": product.core_sizes_gone,
        "launch_date": product.launch_date,
        "lead_time_days": product.lead_time_days,
    }


def read_product(row: Row[Any], currency: str) -> Product:
    """Return the product of a row."""
    return Product(
        id=ProductId(row.remote_id),
        title=row.title,
        category=row.category,
        price=money_of(row.price_micros, currency),
        unit_cost=money_of(row.unit_cost_micros, currency),
        margin=row.margin,
        refund_rate=row.refund_rate,
        return_cost=money_of(row.return_cost_micros, currency),
        stock=row.stock,
        core_sizes_gone=row.core_sizes_gone,
        launch_date=row.launch_date,
        lead_time_days=row.lead_time_days,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Noun:
    """One kind of entity: its table and how it is mapped."""

    name: str
    table: Table
    columns: Callable[[Any, str], Columns]
    read: Callable[[Row[Any], str], Any]


NOUNS = (
    Noun(name="campaigns", table=table_of(CampaignRow), columns=campaign_columns, read=read_campaign),
    Noun(name="ad_groups", table=table_of(AdGroupRow), columns=ad_group_columns, read=read_ad_group),
    Noun(name="targets", table=table_of(TargetRow), columns=target_columns, read=read_target),
    Noun(name="products", table=table_of(ProductRow), columns=product_columns, read=read_product),
)
"""All kinds, parents before children; names are those of `Structure`."""


def listed(structure: Structure) -> Mapping[str, tuple[Entity, ...]]:
    """Return a structure's entities by the name of their kind."""
    return {
        "campaigns": structure.campaigns,
        "ad_groups": structure.ad_groups,
        "targets": structure.targets,
        "products": structure.products,
    }
