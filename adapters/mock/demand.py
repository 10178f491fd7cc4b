"""The latent state of a market, day by day: queries, conversion, carts, rivals, refunds.

Exogenous: a pure function of the shop and the date, the same whatever anybody bids, and the same for a warm and a
cold start. `Latent` generates days on demand, into the future too, which only the market and its truth may see.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from adapters.mock.arrays import Floats, Ints
from adapters.mock.draws import Stream, generator
from adapters.mock.events import Factors, factors_on
from adapters.mock.shop import Shop
from bidder.core.calendar import ordinal

LONGEST_HISTORY = 180
"""Days before a shop's start at which its latent walks begin."""

HIGHEST_RATE = 0.95
"""Ceiling of any probability that drifts and events multiply."""

CART_FOLLOWS = 0.7
"""Power with which carts follow the drift of conversion."""

EVENT_NOISE = 0.15
"""Sd of the log of an item's own answer to a sale event."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LatentDay:
    """What holds on one day, before the hour of day.

    Attributes:
        volume: (n_targets,) queries in an average hour.
        log_level: (n_targets,) log of rivals' bids against their long-run level.
        cvr, cart_rate: (n_targets,) per valid click.
        steady_cvr: (n_targets,) the same without the event: what quality follows.
        refund_rate: (n_products,) of orders clicked on this day.
        organic_visitors: (n_products,) in an average hour.
        organic_cvr: (n_products,)
        factors: Of the sale event, or the normal ones.
    """

    volume: Floats
    log_level: Floats
    cvr: Floats
    cart_rate: Floats
    steady_cvr: Floats
    refund_rate: Floats
    organic_visitors: Floats
    organic_cvr: Floats
    factors: Factors


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Walks:
    """Standard normal mean-reverting walks: shape (4, n_products) and (4, n_targets)."""

    products: Floats
    targets: Floats


class Latent:
    """Generates and keeps the latent days of one shop; shared between forks, since it only ever grows.

    Args:
        shop: Whose market it is.
    """

    def __init__(self, shop: Shop) -> None:
        self._shop = shop
        self._origin = ordinal(shop.start - timedelta(days=LONGEST_HISTORY))
        self._walks: list[_Walks] = []
        self._days: dict[date, LatentDay] = {}

    def day(self, day: date) -> LatentDay:
        """Return the latent state of ``day``.

        Raises:
            ValueError: The day lies more than `LONGEST_HISTORY` before the shop's start.
        """
        found = self._days.get(day)
        if found is None:
            found = self._days[day] = self._make(day)
        return found

    def _make(self, day: date) -> LatentDay:
        shop, rules = self._shop, self._shop.demand
        walk = self._walk(ordinal(day) - self._origin)
        factors = factors_on(shop.events, day)
        answer = self._event_answer(factors, day)
        drifts = (rules.volume_drift, rules.cvr_drift, rules.cart_drift, rules.rival_drift)
        by_target = [
            sd
            * (
                np.sqrt(rules.shared) * walk.products[n][shop.targets.product]
                + np.sqrt(1 - rules.shared) * walk.targets[n]
            )
            for n, sd in enumerate(drifts)
        ]
        volume, cvr, cart, rivals = by_target
        wave = self._year_wave(day)
        weekday = day.weekday()
        busy = wave * rules.weekday_volume[weekday]
        steady = shop.targets.cvr * rules.weekday_cvr[weekday] * np.exp(cvr - rules.cvr_drift**2 / 2)
        carts = shop.targets.cart_rate * factors.carts * np.exp(CART_FOLLOWS * (cvr - rules.cvr_drift**2 / 2) + cart)
        product_cvr = np.exp(rules.cvr_drift * walk.products[1] - rules.cvr_drift**2 / 2)
        return LatentDay(
            volume=shop.targets.volume / 24 * busy * factors.volume * answer[shop.targets.product]
            * np.exp(volume - rules.volume_drift**2 / 2),
            log_level=rivals + np.log(factors.rivals),
            cvr=np.minimum(steady * factors.cvr, HIGHEST_RATE),
            cart_rate=np.minimum(carts, HIGHEST_RATE),
            steady_cvr=np.minimum(steady, HIGHEST_RATE),
            refund_rate=np.minimum(shop.products.refund_rate * factors.refunds, HIGHEST_RATE),
            organic_visitors=shop.products.organic_visitors / 24 * busy * factors.volume * answer,
            organic_cvr=np.minimum(shop.products.organic_cvr * product_cvr * factors.cvr, HIGHEST_RATE),
            factors=factors,
        )  # fmt: skip

    def _walk(self, index: int) -> _Walks:
        if index < 0:
            raise ValueError(
                f"the market of shop {self._shop.key} is known from {LONGEST_HISTORY} days before its start"
            )
        memory = self._shop.demand.memory
        fresh = np.sqrt(1 - memory**2)
        while len(self._walks) <= index:
            rng = generator(self._shop.seed, Stream.DRIFT, self._origin + len(self._walks))
            products = rng.standard_normal((4, len(self._shop.products)))
            targets = rng.standard_normal((4, len(self._shop.targets)))
            if self._walks:
                products = memory * self._walks[-1].products + fresh * products
                targets = memory * self._walks[-1].targets + fresh * targets
            self._walks.append(_Walks(products=products, targets=targets))
        return self._walks[index]

    def _event_answer(self, factors: Factors, day: date) -> Floats:
        n_products = len(self._shop.products)
        if factors.volume == 1:
            return np.ones(n_products)
        rng = generator(self._shop.seed, Stream.EVENTS, day.year)
        return np.exp(EVENT_NOISE * rng.standard_normal(n_products) - EVENT_NOISE**2 / 2)

    def _year_wave(self, day: date) -> float:
        rules = self._shop.demand
        angle = 2 * np.pi * (day.timetuple().tm_yday - rules.year_peak_day) / 365.25
        return float(np.exp(rules.year_amplitude * np.cos(angle)))


def local_factors(values: Floats, local_hours: Ints) -> Floats:
    """Return the factors of 24 marketplace hours for the real hours of a day (23 to 25), last axis."""
    picked: Floats = values[..., local_hours]
    return picked
