"""The account's targets as integer codes: the row order and the groups that all estimates share.

Built once a forecast from the structure; every other module of this package works on its arrays and never on
entities. A target whose product is not known stands in a group of its ad group's own, so that levels stay nested.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bidder.core.entities import Product, ProductId, State, Structure, TargetId
from bidder.core.performance import Float64

Codes = NDArray[np.int32]
"""Group numbers from 0, int32."""

UNKNOWN_CATEGORY = ""
"""Category of a target whose product is not known."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Layout:
    """Targets as rows, arrays of shape (n_targets,) unless said.

    Attributes:
        target_ids: Row order, that of ``Structure.targets``.
        campaign_ids, ad_group_ids: What ``campaign`` and ``ad_group`` number.
        products: What ``product`` numbers, as far as they are known; higher numbers are ad groups without one.
        categories: What ``category`` and ``product_category`` number.
        campaign, ad_group, product, category, match: Codes, int32.
        product_category: (n_products,) codes of the known products.
        bid_micros: Base bid now, the ad group's where the target has none; nan where there is neither.
        price_micros: List price of the product; nan where unknown.
        text_length: Characters of the target's text.
        live: Enabled itself, bool.
    """

    target_ids: tuple[TargetId, ...]
    campaign_ids: tuple[str, ...]
    ad_group_ids: tuple[str, ...]
    products: tuple[Product, ...]
    categories: tuple[str, ...]
    campaign: Codes
    ad_group: Codes
    product: Codes
    category: Codes
    match: Codes
    product_category: Codes
    bid_micros: Float64
    price_micros: Float64
    text_length: Float64
    live: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.target_ids)

    @property
    def product_ids(self) -> tuple[ProductId, ...]:
        """The known products, in the order of their codes."""
        return tuple(product.id for product in self.products)

    def product_rows(self) -> Codes:
        """Return the known product of each target, -1 where it has none."""
        return np.where(self.product < len(self.products), self.product, -1).astype(np.int32)


def lay_out(structure: Structure) -> Layout:
    """Return the targets of a structure and the groups they stand in as numbers."""
    targets, groups, products = structure.targets, structure.ad_groups, structure.products
    ad_group_of = {group.id: number for number, group in enumerate(groups)}
    product_of = {product.id: number for number, product in enumerate(products)}
    categories = tuple(sorted({product.category for product in products} | {UNKNOWN_CATEGORY}))
    category_of = {name: number for number, name in enumerate(categories)}
    product_category = np.array([category_of[product.category] for product in products], dtype=np.int32)
    price = np.array([np.nan if p.price is None else float(p.price.micros) for p in products])

    ad_group = np.array([ad_group_of[t.ad_group_id] for t in targets], dtype=np.int32)
    known = np.array(
        [-1 if t.product_id is None else product_of.get(t.product_id, -1) for t in targets], dtype=np.int32
    )
    product = np.where(known >= 0, known, len(products) + ad_group).astype(np.int32)
    default_bid = np.array([np.nan if g.default_bid is None else float(g.default_bid.micros) for g in groups])
    own_bid = np.array([np.nan if t.bid is None else float(t.bid.micros) for t in targets])
    return Layout(
        target_ids=tuple(t.id for t in targets),
        campaign_ids=tuple(campaign.id for campaign in structure.campaigns),
        ad_group_ids=tuple(group.id for group in groups),
        products=products,
        categories=categories,
        campaign=_codes((t.campaign_id for t in targets), [campaign.id for campaign in structure.campaigns]),
        ad_group=ad_group,
        product=product,
        category=_where_known(product_category, known, category_of[UNKNOWN_CATEGORY]).astype(np.int32),
        match=_codes((t.match_type for t in targets), sorted({t.match_type for t in targets})),
        product_category=product_category,
        bid_micros=np.where(np.isnan(own_bid), default_bid[ad_group] if len(groups) else own_bid, own_bid),
        price_micros=_where_known(price, known, np.nan),
        text_length=np.array([float(len(t.text)) for t in targets], dtype=np.float64),
        live=np.array([t.state is State.ENABLED for t in targets], dtype=np.bool_),
    )


def _codes(values: Iterable[Hashable], order: Sequence[Hashable]) -> Codes:
    numbers = {value: number for number, value in enumerate(order)}
    return np.array([numbers[value] for value in values], dtype=np.int32)


def _where_known(values: NDArray[np.generic], known: Codes, otherwise: float) -> Float64:
    """Return the value of each row's product, or ``otherwise`` where it has none."""
    if not len(values):
        return np.full(len(known), otherwise)
    return np.where(known >= 0, values[np.maximum(known, 0)], otherwise).astype(np.float64)
