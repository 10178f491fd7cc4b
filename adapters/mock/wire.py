"""The mock venue's JSON, both ways: what the server writes and what the client reads. Pure.

Amounts travel as decimal texts, ids as texts, reports as columns. Reading is strict; a state or match type that the
venue added since is read as OTHER.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from bidder.core.change import Change, Field, Outcome, Settings, Status, Value
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
from bidder.core.performance import Grain, Level
from bidder.core.reasons import Code, Reason
from bidder.core.venue import Capability, VenueProfile
from bidder.errors import ContractBroken
from bidder.http import Json, Node

Payload = dict[str, Json]
_WHY = Reason.of(Code.RESTORE, what="the request")
"""The venue is told no reasons; a change that it reads back says only that it was asked for."""


def encode_profile(profile: VenueProfile) -> Payload:
    """Write the venue's rules."""
    return {
        "currency": profile.currency,
        "time_zone": profile.time_zone,
        "bid": _range_out(profile.bid_increment, profile.bid_min, profile.bid_max),
        "budget": _range_out(profile.budget_increment, profile.budget_min, profile.budget_max),
        "batch_size": profile.batch_size,
        "requests_per_second": profile.requests_per_second,
        "windows": list(profile.windows),
        "default_window": profile.default_window,
        "levels": [level.value for level in profile.levels],
        "grains": [grain.value for grain in profile.grains],
        "history_days": profile.history_days,
        "maturity": list(profile.maturity),
        "overdelivery": profile.overdelivery,
        "settle_seconds": profile.settle.total_seconds(),
        "report_lag_seconds": profile.report_lag.total_seconds(),
        "bid_cooldown_seconds": profile.bid_cooldown.total_seconds(),
        "idempotent_writes": profile.idempotent_writes,
        "supports": sorted(capability.value for capability in profile.supports),
        "daily_change_quota": [
            {"kind": kind.value, "field": field.value, "limit": limit}
            for (kind, field), limit in profile.daily_change_quota.items()
        ],
    }


def decode_profile(node: Node) -> VenueProfile:
    """Read the venue's rules."""
    currency = node.at("currency").text()
    bid, budget = node.at("bid"), node.at("budget")
    known = set(Capability)
    try:
        return VenueProfile(
            currency=currency,
            time_zone=node.at("time_zone").text(),
            bid_increment=bid.at("increment").money(currency),
            bid_min=bid.at("min").money(currency),
            bid_max=bid.at("max").money(currency),
            budget_increment=budget.at("increment").money(currency),
            budget_min=budget.at("min").money(currency),
            budget_max=budget.at("max").money(currency),
            batch_size=node.at("batch_size").integer(least=1),
            requests_per_second=node.at("requests_per_second").number(),
            windows=tuple(node.at("windows").integers(least=1)),
            default_window=node.at("default_window").integer(least=1),
            levels=tuple(Level(item.text()) for item in node.at("levels").items()),
            grains=tuple(Grain(item.text()) for item in node.at("grains").items()),
            history_days=node.at("history_days").integer(least=1),
            maturity=tuple(item.number() for item in node.at("maturity").items()),
            overdelivery=node.at("overdelivery").number(),
            settle=timedelta(seconds=node.at("settle_seconds").number()),
            report_lag=timedelta(seconds=node.at("report_lag_seconds").number()),
            bid_cooldown=timedelta(seconds=node.at("bid_cooldown_seconds").number()),
            idempotent_writes=node.at("idempotent_writes").boolean(),
            supports=frozenset(Capability(item.text()) for item in node.at("supports").items() if item.text() in known),
            daily_change_quota={
                (EntityKind(item.at("kind").text()), Field(item.at("field").text())): item.at("limit").integer()
                for item in node.at("daily_change_quota").items()
            },
        )
    except ValueError as exc:
        raise ContractBroken(f"expected rules that make sense, {exc}", field=node.path) from None


def encode_campaign(campaign: Campaign) -> Payload:
    """Write a campaign."""
    return {
        "id": campaign.id,
        "name": campaign.name,
        "state": campaign.state.value,
        "daily_budget": _amount_out(campaign.daily_budget),
        "dayparts": None if campaign.dayparts is None else list(campaign.dayparts),
        "last_editor": campaign.last_editor.value,
    }


def decode_campaign(node: Node, currency: str) -> Campaign:
    """Read a campaign; an absent budget means that there is no limit."""
    return Campaign(
        id=CampaignId(node.at("id").text()),
        name=node.at("name").text(),
        state=node.at("state").choice(State, other=State.OTHER),
        daily_budget=_amount_in(node, "daily_budget", currency),
        dayparts=_factors(node.find("dayparts")),
        last_editor=node.at("last_editor").choice(Editor, other=Editor.UNKNOWN),
    )


def encode_ad_group(group: AdGroup) -> Payload:
    """Write an ad group."""
    return {
        "id": group.id,
        "campaign_id": group.campaign_id,
        "name": group.name,
        "state": group.state.value,
        "default_bid": _amount_out(group.default_bid),
        "last_editor": group.last_editor.value,
    }


def decode_ad_group(node: Node, currency: str) -> AdGroup:
    """Read an ad group."""
    return AdGroup(
        id=AdGroupId(node.at("id").text()),
        campaign_id=CampaignId(node.at("campaign_id").text()),
        name=node.at("name").text(),
        state=node.at("state").choice(State, other=State.OTHER),
        default_bid=_amount_in(node, "default_bid", currency),
        last_editor=node.at("last_editor").choice(Editor, other=Editor.UNKNOWN),
    )


def encode_target(target: Target) -> Payload:
    """Write a keyword."""
    return {
        "id": target.id,
        "ad_group_id": target.ad_group_id,
        "campaign_id": target.campaign_id,
        "kind": target.kind.value,
        "text": target.text,
        "match_type": target.match_type.value,
        "state": target.state.value,
        "bid": _amount_out(target.bid),
        "product_id": target.product_id,
        "quality": target.quality,
        "brand": target.brand,
        "last_editor": target.last_editor.value,
    }


def decode_target(node: Node, currency: str) -> Target:
    """Read a keyword; an absent bid means that the ad group's holds."""
    product, quality = node.find("product_id"), node.find("quality")
    return Target(
        id=TargetId(node.at("id").text()),
        ad_group_id=AdGroupId(node.at("ad_group_id").text()),
        campaign_id=CampaignId(node.at("campaign_id").text()),
        kind=node.at("kind").choice(TargetKind, other=TargetKind.OTHER),
        text=node.at("text").text(),
        match_type=node.at("match_type").choice(MatchType, other=MatchType.OTHER),
        state=node.at("state").choice(State, other=State.OTHER),
        bid=_amount_in(node, "bid", currency),
        product_id=None if product is None else ProductId(product.text()),
        quality=None if quality is None else quality.number(),
        brand=node.at("brand").boolean(),
        last_editor=node.at("last_editor").choice(Editor, other=Editor.UNKNOWN),
    )


def encode_product(product: Product) -> Payload:
    """Write a product."""
    return {
        "id": product.id,
        "title": product.title,
        "category": product.category,
        "price": _amount_out(product.price),
        "unit_cost": _amount_out(product.unit_cost),
        "margin": product.margin,
        "refund_rate": product.refund_rate,
        "return_cost": _amount_out(product.return_cost),
        "stock": product.stock,
        "launch_date": None if product.launch_date is None else product.launch_date.isoformat(),
        "lead_time_days": product.lead_time_days,
    }


def decode_product(node: Node, currency: str) -> Product:
    """Read a product; whatever the venue does not say stays unknown."""
    margin, refunds, stock = node.find("margin"), node.find("refund_rate"), node.find("stock")
    launched, lead = node.find("launch_date"), node.find("lead_time_days")
    try:
        return Product(
            id=ProductId(node.at("id").text()),
            title=node.at("title").text(),
            category=node.at("category").text(),
            price=_amount_in(node, "price", currency),
            unit_cost=_amount_in(node, "unit_cost", currency),
            margin=None if margin is None else margin.number(),
            refund_rate=None if refunds is None else refunds.number(),
            return_cost=_amount_in(node, "return_cost", currency),
            stock=None if stock is None else stock.integer(),
            launch_date=None if launched is None else launched.day(),
            lead_time_days=None if lead is None else lead.integer(),
        )
    except ValueError as exc:
        raise ContractBroken(f"expected a product that makes sense, {exc}", field=node.path) from None


def encode_change(change: Change, key: str) -> Payload:
    """Write one change of a request."""
    return {
        "key": key,
        "kind": change.ref.kind.value,
        "id": change.ref.id,
        "field": change.field.value,
        "value": encode_value(change.new),
    }


def decode_change(node: Node) -> tuple[Change, str]:
    """Read one change of a request and its key.

    Raises:
        ContractBroken: A field is missing, or there is no such kind, setting or value.
    """
    kind, field = node.at("kind").text(), node.at("field").text()
    if kind not in set(EntityKind) or field not in set(Field):
        raise ContractBroken(f"there is no {field[:40]!r} of a {kind[:40]!r}", field=node.path)
    ref = EntityRef(EntityKind(kind), node.at("id").text())
    try:
        change = Change(ref=ref, field=Field(field), old=None, new=decode_value(node.at("value")), reason=_WHY)
    except TypeError as exc:
        raise ContractBroken(str(exc), field=node.path) from None
    return change, node.at("key").text()


def encode_value(value: Value | None) -> Json:
    """Write a bid, budget, state or hour factors."""
    match value:
        case None:
            return None
        case Money():
            return {"amount": str(value.units()), "currency": value.currency}
        case State():
            return {"state": value.value}
        case tuple():
            return {"factors": list(value)}


def decode_value(node: Node) -> Value:
    """Read a bid, budget, state or hour factors; the amount keeps the currency it was sent in."""
    amount, state = node.find("amount"), node.find("state")
    if amount is not None:
        return _money(amount, node.at("currency").text())
    if state is not None:
        return state.choice(State, other=State.OTHER)
    return _factors(node.at("factors")) or ()


def encode_outcome(outcome: Outcome) -> Payload:
    """Write the answer to one change."""
    return {
        "key": outcome.key,
        "status": "ok" if outcome.status is Status.CONFIRMED else "error",
        "code": outcome.code,
        "message": outcome.detail,
        "value": encode_value(outcome.observed),
    }


def decode_outcome(node: Node) -> Outcome:
    """Read the answer to one change: confirmed only where the venue says so in as many words."""
    key, status = node.at("key").text(), node.at("status").text()
    observed, code, message = node.find("value"), node.find("code"), node.find("message")
    said = "" if code is None or code.value == "" else code.text()
    detail = "" if message is None or message.value == "" else message.text()
    value = None if observed is None else decode_value(observed)
    if status == "ok":
        return Outcome(key=key, status=Status.CONFIRMED, observed=value, code=said, detail=detail)
    if status == "error" and said:
        return Outcome(key=key, status=Status.REJECTED, observed=value, code=said, detail=detail)
    return Outcome(key=key, status=Status.UNKNOWN, code="UNREADABLE", detail=f"the venue answered {status[:40]!r}")


def encode_settings(settings: Settings) -> Payload:
    """Write what an entity is set to."""
    return {
        "ref": str(settings.ref),
        "values": {field.value: encode_value(value) for field, value in settings.values.items()},
        "editor": settings.editor.value,
    }


def decode_settings(node: Node) -> Settings:
    """Read what an entity is set to; fields we do not know are left out."""
    try:
        ref = EntityRef.parse(node.at("ref").text())
    except ValueError as exc:
        raise ContractBroken(str(exc), field=node.at("ref").path) from None
    values = node.at("values")
    if not isinstance(values.value, Mapping):
        raise ContractBroken("expected an object", field=values.path)
    read: dict[Field, Value | None] = {}
    for name in values.value:
        if name in set(Field):
            found = values.find(name)
            read[Field(name)] = None if found is None else decode_value(found)
    return Settings(ref=ref, values=read, editor=node.at("editor").choice(Editor, other=Editor.UNKNOWN))


def _range_out(increment: Money, least: Money, most: Money) -> Payload:
    return {"increment": str(increment.units()), "min": str(least.units()), "max": str(most.units())}


def _amount_out(value: Money | None) -> Json:
    return None if value is None else str(value.units())


def _amount_in(node: Node, key: str, currency: str) -> Money | None:
    found = node.find(key)
    return None if found is None else _money(found, currency)


def _money(node: Node, currency: str) -> Money:
    return node.money(currency)


def _factors(node: Node | None) -> tuple[float, ...] | None:
    if node is None:
        return None
    factors = tuple(item.number() for item in node.items())
    if len(factors) not in (24, 168):
        raise ContractBroken(f"expected 24 or 168 factors, was {len(factors)}", field=node.path)
    return factors
