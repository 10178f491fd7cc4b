"""Draws what a shop sells: items that sell well, slowly or not yet, with their stock and their owner's habits."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from adapters.mock.arrays import Bools, Floats, Ints
from adapters.mock.draws import Stream, generator
from adapters.mock.presets import Preset, Range
from adapters.mock.shop import MICROS
from adapters.mock.vocabulary import WORDS, titles
from bidder.core.calendar import ordinal

NEW_SHARE = 0.12
SLOW_SHARE = 0.2
LAST_OF_LINE_SHARE = 0.06
LATE_ORDERER_SHARE = 0.15


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Assortment:
    """Items before their sales are known, arrays of shape (n_products,).

    Attributes:
        popularity: Demand of the item against the mean of 1, on and off advertising.
        attraction: Click rate against the keyword's usual one.
        appeal: Conversion against the keyword's usual one.
        slow: Items that the market does not want.
        cover_days: Days that the opening stock lasts at the planned pace.
    """

    titles: tuple[str, ...]
    categories: tuple[str, ...]
    price: Floats
    margin: Floats
    refund_rate: Floats
    return_cost: Floats
    popularity: Floats
    attraction: Floats
    appeal: Floats
    slow: Bools
    launch_day: Ints
    lead_days: Ints
    restocked: Bools
    cover_days: Floats
    reorder_cover_days: Floats
    order_cover_days: Floats

    def __len__(self) -> int:
        return len(self.titles)


def within(rng: np.random.Generator, bounds: Range) -> float:
    """Return a uniform draw from a range."""
    return float(rng.uniform(*bounds))


def draw_assortment(preset: Preset, count: int, aov: float, seed: int) -> Assortment:
    """Draw the items of a shop.

    Args:
        preset: Its ranges.
        count: Items.
        aov: Average price to centre on, currency units.
        seed: Of the shop.
    """
    rng = generator(seed, Stream.SHOP, 2)
    words = WORDS[preset.vocabulary]
    normal = rng.standard_normal
    slow = rng.random(count) < SLOW_SHARE
    slow[: count // 3] = False  # The first items carry the shop.
    new = rng.random(count) < NEW_SHARE
    new[: max(1, count // 8)] = False
    slow[-1], new[-2] = True, True
    age = np.where(new, rng.uniform(4, preset.new_days - 4, count), rng.uniform(120, 700, count))
    lead = np.rint(rng.uniform(*preset.lead_days, count))
    late = rng.random(count) < LATE_ORDERER_SHARE
    shop_margin, shop_refund = within(rng, preset.margin), within(rng, preset.refund)
    price = aov * np.exp(0.3 * normal(count))
    return Assortment(
        titles=tuple(titles(words, count, seed)),
        categories=tuple(words.categories[n % len(words.categories)] for n in range(count)),
        price=price,
        margin=np.clip(shop_margin + 0.03 * normal(count), preset.margin[0] - 0.04, preset.margin[1] + 0.04),
        refund_rate=np.clip(
            shop_refund * np.exp(0.15 * normal(count)), preset.refund[0] * 0.85, preset.refund[1] * 1.15
        ),
        return_cost=rng.uniform(*preset.return_cost, count),
        popularity=np.exp(0.7 * np.clip(normal(count), -2.0, 2.0)) * np.where(slow, 0.4, 1.0),
        attraction=np.exp(0.18 * normal(count)) * np.where(slow, 0.85, 1.0),
        appeal=np.exp(preset.product_cvr_sd * normal(count)) * np.where(slow, 0.35, 1.0),
        slow=slow,
        launch_day=(ordinal(preset.start) - np.rint(age)).astype(np.int64),
        lead_days=lead.astype(np.int64),
        restocked=rng.random(count) >= LAST_OF_LINE_SHARE,
        cover_days=np.clip(40 * np.exp(0.5 * normal(count)), 12, 150),
        reorder_cover_days=lead * np.where(late, 0.4, 1.3) + np.where(late, 0.0, 6.0),
        order_cover_days=rng.uniform(25, 45, count),
    )


def to_micros(amount: Floats) -> Ints:
    """Return currency units as int64 micros, rounded to the hundredth."""
    return np.rint(np.asarray(amount) * 100).astype(np.int64) * (MICROS // 100)
