"""Builds structures for tests of the evaluation: so many products, each with so many targets."""

from __future__ import annotations

from datetime import UTC, datetime

from bidder.core.entities import (
    AccountId,
    AdGroup,
    AdGroupId,
    Campaign,
    CampaignId,
    MatchType,
    Product,
    ProductId,
    State,
    Structure,
    Target,
    TargetId,
    TargetKind,
)


def shop(targets: int, *, products: int = 1) -> Structure:
    """Return a shop whose targets ``t0``, ``t1`` ... belong to products ``p0``, ``p1`` ... in turn."""
    return Structure(
        account_id=AccountId("shop"),
        currency="CNY",
        time_zone="Asia/Shanghai",
        campaigns=(Campaign(id=CampaignId("c"), name="c", state=State.ENABLED, daily_budget=None),),
        ad_groups=(
            AdGroup(id=AdGroupId("g"), campaign_id=CampaignId("c"), name="g", state=State.ENABLED, default_bid=None),
        ),
        targets=tuple(
            Target(
                id=TargetId(f"t{number}"),
                ad_group_id=AdGroupId("g"),
                campaign_id=CampaignId("c"),
                kind=TargetKind.KEYWORD,
                text=f"word {number}",
                match_type=MatchType.EXACT,
                state=State.ENABLED,
                bid=None,
                product_id=ProductId(f"p{number % products}"),
            )
            for number in range(targets)
        ),
        products=tuple(
            Product(id=ProductId(f"p{number}"), title=f"p{number}", category="all") for number in range(products)
        ),
        balance=None,
        observed_at=datetime(2026, 5, 20, tzinfo=UTC),
    )
