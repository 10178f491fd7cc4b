"""The account's structure as arrays: which target stands in which group, campaign and lever, and what it bids.

Built once a cycle by `bidder.core.decide`; every later step indexes rows instead of walking objects. Row order is
that of ``Structure.targets``, ``ad_groups`` and ``campaigns``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bidder.core.entities import Campaign, EntityKind, EntityRef, Product, State, Structure
from bidder.core.performance import Float64, Int64
from bidder.core.policy import ProtectPolicy

Rows = NDArray[np.intp]
Flags = NDArray[np.bool_]

NONE = -1
"""No such row, or no such amount."""

UNCATEGORISED = ""
"""Category of targets whose product is not known."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Layout:
    """Rows of an account; target arrays have shape (n_targets,), campaign arrays (n_campaigns,), and so on.

    Attributes:
        structure: What it was built from.
        group, campaign, product: Rows of a target's ad group, campaign and product; product is -1 where unknown.
        group_campaign: Row of an ad group's campaign.
        inherits: The target takes its ad group's bid.
        bid_micros: Base bid in force (own or inherited), -1 where neither is set.
        alive: Target, ad group and campaign are all enabled.
        own_state: The target itself is enabled.
        campaign_on: Campaign is enabled. group_on: Ad group and its campaign are enabled.
        budget_micros: Daily budget, -1 where the venue sets no limit.
        lever: Row of the campaign's budget lever; campaigns that share a budget share a lever.
        lever_names: Name of each lever: the shared budget's id, or the campaign's.
        category: Row of the target's category in ``categories``.
        brand: The target is a word of the shop's own brand.
    """

    structure: Structure
    group: Rows
    campaign: Rows
    product: Rows
    group_campaign: Rows
    inherits: Flags
    bid_micros: Int64
    alive: Flags
    own_state: Flags
    campaign_on: Flags
    group_on: Flags
    budget_micros: Int64
    lever: Rows
    lever_names: tuple[str, ...]
    category: Rows
    categories: tuple[str, ...]
    brand: Flags

    @property
    def n_targets(self) -> int:
        """Number of targets."""
        return len(self.structure.targets)

    @property
    def n_campaigns(self) -> int:
        """Number of campaigns."""
        return len(self.structure.campaigns)

    @classmethod
    def of(cls, structure: Structure, protect: ProtectPolicy) -> Layout:
        """Lay a structure out in rows."""
        campaigns = {c.id: n for n, c in enumerate(structure.campaigns)}
        groups = {g.id: n for n, g in enumerate(structure.ad_groups)}
        products = {p.id: n for n, p in enumerate(structure.products)}
        group = np.array([groups[t.ad_group_id] for t in structure.targets], dtype=np.intp)
        group_campaign = np.array([campaigns[g.campaign_id] for g in structure.ad_groups], dtype=np.intp)
        product = np.array(
            [NONE if t.product_id is None else products.get(t.product_id, NONE) for t in structure.targets],
            dtype=np.intp,
        )
        campaign_on = np.array([c.state is State.ENABLED for c in structure.campaigns], dtype=bool)
        group_on = np.array([g.state is State.ENABLED for g in structure.ad_groups], dtype=bool)
        group_on &= campaign_on[group_campaign]
        own_state = np.array([t.state is State.ENABLED for t in structure.targets], dtype=bool)
        own_bid = np.array([NONE if t.bid is None else t.bid.micros for t in structure.targets], dtype=np.int64)
        default = np.array(
            [NONE if g.default_bid is None else g.default_bid.micros for g in structure.ad_groups], dtype=np.int64
        )
        inherits = own_bid < 0
        names, lever = _levers(structure.campaigns)
        categories, category = _categories(structure.products, product)
        return cls(
            structure=structure,
            group=group,
            campaign=group_campaign[group] if len(group) else group,
            product=product,
            group_campaign=group_campaign,
            inherits=inherits,
            bid_micros=np.where(inherits, default[group], own_bid) if len(group) else own_bid,
            alive=own_state & group_on[group] if len(group) else own_state,
            own_state=own_state,
            campaign_on=campaign_on,
            group_on=group_on,
            budget_micros=np.array(
                [NONE if c.daily_budget is None else c.daily_budget.micros for c in structure.campaigns], dtype=np.int64
            ),
            lever=lever,
            lever_names=names,
            category=category,
            categories=categories,
            brand=_brand(structure, protect.brand_words),
        )

    def by_campaign(self, values: Float64) -> Float64:
        """Sum target values by campaign."""
        return tally(self.campaign, values, self.n_campaigns)

    def by_lever(self, values: Float64) -> Float64:
        """Sum campaign values by lever."""
        return tally(self.lever, values, len(self.lever_names))

    def rows_of(self, refs: frozenset[EntityRef], kind: EntityKind) -> Rows:
        """Return the rows of the entities of one kind that are named in ``refs``."""
        wanted = {ref.id for ref in refs if ref.kind is kind}
        if not wanted:
            return np.zeros(0, dtype=np.intp)
        ids = self.ids(kind)
        return np.array([row for row, identity in enumerate(ids) if identity in wanted], dtype=np.intp)

    def ids(self, kind: EntityKind) -> list[str]:
        """Return the ids of one kind in row order."""
        match kind:
            case EntityKind.CAMPAIGN:
                return [c.id for c in self.structure.campaigns]
            case EntityKind.AD_GROUP:
                return [g.id for g in self.structure.ad_groups]
            case EntityKind.TARGET:
                return [t.id for t in self.structure.targets]

    def lever_budgets(self) -> Int64:
        """Return each lever's daily budget, -1 without a limit; the smallest where shared campaigns disagree."""
        top = np.iinfo(np.int64).max
        budgets = np.full(len(self.lever_names), top, dtype=np.int64)
        np.minimum.at(budgets, self.lever, np.where(self.budget_micros < 0, top, self.budget_micros))
        return np.where(budgets == top, NONE, budgets)

    def lever_on(self) -> Flags:
        """Tell which levers have an enabled campaign."""
        return self.by_lever(self.campaign_on.astype(np.float64)) > 0


def tally(rows: Rows, weights: Float64, number: int) -> Float64:
    """Sum ``weights`` by row number; shape (number,), float64 whatever the weights were."""
    return np.bincount(rows, weights=weights, minlength=number).astype(np.float64, copy=False)


def lever_name(campaign: Campaign) -> str:
    """Name the budget a campaign spends from; shared budgets and campaigns cannot collide."""
    return f"shared:{campaign.shared_budget_id}" if campaign.shared_budget_id is not None else f"own:{campaign.id}"


def _levers(campaigns: tuple[Campaign, ...]) -> tuple[tuple[str, ...], Rows]:
    rows: dict[str, int] = {}
    lever = [rows.setdefault(lever_name(campaign), len(rows)) for campaign in campaigns]
    return tuple(rows), np.array(lever, dtype=np.intp)


def _categories(products: tuple[Product, ...], product: Rows) -> tuple[tuple[str, ...], Rows]:
    names = sorted({p.category for p in products} | {UNCATEGORISED})
    rows = {name: row for row, name in enumerate(names)}
    of_product = np.array([rows[p.category] for p in products] + [rows[UNCATEGORISED]], dtype=np.intp)
    return tuple(names), of_product[product]


def _brand(structure: Structure, words: tuple[str, ...]) -> Flags:
    lowered = tuple(word.casefold() for word in words if word)
    if not lowered:
        return np.array([t.brand for t in structure.targets], dtype=bool)
    return np.array(
        [t.brand or any(word in t.text.casefold() for word in lowered) for t in structure.targets], dtype=bool
    )
