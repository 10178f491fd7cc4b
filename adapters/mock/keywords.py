"""Draws the keywords of a shop, the rivals on each of them, and the careless owner's bids.

Everything is drawn in relative terms; `generate` then scales volume, click rate, conversion and bids so that the
whole shop stands where its preset's draw wants it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from adapters.mock.arrays import Bools, Floats, Index
from adapters.mock.assortment import Assortment, within
from adapters.mock.draws import Stream, generator
from adapters.mock.presets import Preset
from adapters.mock.vocabulary import WORDS, brand_word, keywords

N_RIVALS = 6
DEAR_SHARE = 0.04
"""Share of words on which the careless owner bids far too much."""

DEAR_FACTOR = 3.0
WIDEST = 2.0
"""Standard deviations at which query volume is cut, so that no single word is the shop."""

MATCH_TYPES = ("exact", "phrase", "broad")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Draft:
    """Keywords before scaling, arrays of shape (n_targets,) and (n_targets, n_rivals).

    Attributes:
        usual_ctr, usual_cvr: Of any advertiser on the keyword, relative.
        ctr, cvr: Ours.
        level: What rivals' scores centre on, relative.
        bid: The careless owner's, relative to the same unit.
    """

    texts: tuple[str, ...]
    match_types: tuple[str, ...]
    brand: Bools
    product: Index
    volume: Floats
    usual_ctr: Floats
    usual_cvr: Floats
    ctr: Floats
    cvr: Floats
    cart: Floats
    favourite_share: Floats
    relevance: Floats
    profile: Index
    level: Floats
    rival_bid: Floats
    rival_quality: Floats
    rival_activity: Floats
    bid: Floats


def draw_keywords(preset: Preset, items: Assortment, words_per_item: int, seed: int) -> Draft:
    """Draw all keywords of a shop, item by item."""
    rng = generator(seed, Stream.SHOP, 3)
    texts, product, brand, place = _texts(preset, items, words_per_item, seed)
    count = len(texts)
    normal = rng.standard_normal
    length = place / np.bincount(product)[product]  # 0 for the shortest word of an item, nearly 1 for the longest
    match = rng.choice(3, size=count, p=(0.45, 0.2, 0.35))
    broad = np.asarray((1.0, 1.15, 1.4))[match]
    volume = (
        items.popularity[product]
        * np.exp(preset.volume_sd * np.clip(normal(count), -WIDEST, WIDEST) - 1.2 * length)
        * broad
    )
    dead = _dead(rng, volume, within(rng, preset.dead)) & ~brand
    usual_ctr = np.exp(0.2 * normal(count) + 0.15 * length) / broad**0.3 * np.where(brand, 2.0, 1.0)
    intent = np.exp(preset.word_cvr_sd * normal(count) + 0.3 * length) / broad**0.4
    usual_cvr = intent * np.where(dead, rng.uniform(0.02, 0.15, count), 1.0) * np.where(brand, 2.5, 1.0)
    own = np.exp(0.15 * normal(count))
    cvr = usual_cvr * items.appeal[product] * own
    level = np.clip(usual_cvr, 0.15, None) ** 0.3 * (items.price[product] / items.price.mean()) ** 0.3
    level = level * np.exp(0.3 * normal(count)) * np.where(brand, 0.4, 1.0)
    per_auction = rng.uniform(*preset.rivals, count)
    activity = rng.dirichlet(np.full(N_RIVALS, 3.0), count) * per_auction[:, None]
    dear = np.where(rng.random(count) < DEAR_SHARE, DEAR_FACTOR, 1.0)
    return Draft(
        texts=texts,
        match_types=tuple(MATCH_TYPES[m] for m in match),
        brand=brand,
        product=product,
        volume=volume,
        usual_ctr=usual_ctr,
        usual_cvr=usual_cvr,
        ctr=usual_ctr * items.attraction[product] * np.exp(0.12 * normal(count)),
        cvr=cvr,
        cart=(cvr / cvr.mean() + 0.15) ** 0.5 * np.exp(0.2 * normal(count)),
        favourite_share=rng.uniform(0.25, 0.5, count),
        relevance=np.clip(np.exp(0.12 * normal(count)) / broad**0.2, 0.6, 1.6),
        profile=rng.choice(3, size=count, p=(0.5, 0.2, 0.3)).astype(np.intp),
        level=level,
        rival_bid=level[:, None] * np.exp(0.3 * normal((count, N_RIVALS))),
        rival_quality=np.exp(0.15 * normal((count, N_RIVALS))),
        rival_activity=activity,
        bid=np.exp(within(rng, preset.standing) + 0.35 * normal(count)) * dear,
    )


def _dead(rng: np.random.Generator, volume: Floats, share: float) -> Bools:
    """Pick the words that hardly ever sell: the same share among large and small ones."""
    rank = np.argsort(np.argsort(volume))
    within_ten = np.argsort(np.argsort(rank // 10 + rng.random(len(volume)))) % 10
    threshold = share * 10 + rng.random(len(volume)) - 0.5
    picked: Bools = within_ten < np.rint(threshold)
    return picked


def _texts(
    preset: Preset, items: Assortment, words_per_item: int, seed: int
) -> tuple[tuple[str, ...], Index, Bools, Index]:
    words = WORDS[preset.vocabulary]
    texts: list[str] = []
    product: list[int] = []
    brand: list[bool] = []
    place: list[int] = []
    for item in range(len(items)):
        noun = words.nouns[item % len(words.nouns)]
        own = item < len(words.nouns) and item % 2 == 0
        made = keywords(words, noun, words_per_item - own, seed, item)
        made += [brand_word(words, noun, item)] if own else []
        texts += made
        product += [item] * len(made)
        brand += [False] * (len(made) - own) + [True] * own
        place += range(len(made))
    return (
        tuple(texts),
        np.asarray(product, dtype=np.intp),
        np.asarray(brand, dtype=np.bool_),
        np.asarray(place, dtype=np.intp),
    )
