"""The seasons of a market: hours, weekdays, the year, and sale events.

Hour profiles follow Chinese shoppers: low at 4, a noon hump, a peak from 20 to 22 (mean 1). Events are drawn as what
an advertiser who changes nothing would see (clicks, price, conversion), and turned into queries and rivals' bids.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import numpy as np

from adapters.mock.assortment import within
from adapters.mock.draws import Stream, generator
from adapters.mock.events import Factors, SaleEvent
from adapters.mock.shop import DemandRules
from adapters.mock.traffic import Flow

SHOPPERS = (
    0.80, 0.50, 0.33, 0.24, 0.19, 0.20, 0.40, 0.62, 0.90, 1.10, 1.20, 1.20,
    1.30, 1.30, 1.10, 1.10, 1.10, 1.15, 1.20, 1.40, 1.70, 1.85, 1.70, 1.30,
)  # fmt: skip
"""Queries by marketplace hour."""

RIVAL_HOURS = (*[0.9] * 8, *[1.0] * 11, *[1.08] * 5)
"""Rivals' bids by marketplace hour."""

OFFICE = range(9, 18)
EVENING = (18, 19, 20, 21, 22, 23, 0)
NIGHT = range(1, 7)
NIGHT_CONVERSION = 0.7

YEAR_PEAK = {"apparel": 120, "appliances": 330, "general": 60}
"""Day of the year at which a kind of shop sells best, beside the events."""


def demand_rules(kind: str, seed: int) -> DemandRules:
    """Return the seasons and drifts of a shop's market."""
    rng = generator(seed, Stream.SHOP, 6)
    base = np.asarray(SHOPPERS)
    hour = np.arange(24)
    office = np.where(np.isin(hour, list(OFFICE)), 1.12, 0.92)
    evening = np.where(np.isin(hour, EVENING), 1.08, 0.95)
    profiles = np.stack([base, base * office, base * evening])
    conversion = np.where(np.isin(hour, list(NIGHT)), NIGHT_CONVERSION, 1.0)
    conversion = conversion / np.average(conversion, weights=base)
    weekday = 1 + 0.06 * rng.standard_normal(7)
    weekday[5:] += 0.08
    weekday_cvr = 1 + 0.04 * rng.standard_normal(7)
    return DemandRules(
        hour_profiles=profiles / profiles.mean(axis=1, keepdims=True),
        rival_hours=np.asarray(RIVAL_HOURS),
        conversion_hours=conversion,
        weekday_volume=weekday / weekday.mean(),
        weekday_cvr=weekday_cvr / weekday_cvr.mean(),
        year_amplitude=within(rng, (0.05, 0.15)),
        year_peak_day=YEAR_PEAK[kind],
        volume_drift=0.2,
        cvr_drift=within(rng, (0.15, 0.25)),
        cart_drift=0.08,
        rival_drift=0.1,
        memory=0.96,
        shared=0.5,
    )


def sale_event(name: str, day: date, careless: Callable[[float], Flow], seed: int) -> SaleEvent:
    """Draw one event.

    Args:
        name: Of the event.
        day: Its day.
        careless: Expected flow of unchanged bids with rivals' bids moved by a log factor.
        seed: Of the shop.
    """
    rng = generator(seed, Stream.EVENTS, day.toordinal())
    before = _moved(careless, clicks=within(rng, (1.2, 1.45)), price=within(rng, (1.01, 1.04)))
    peak = _moved(careless, clicks=within(rng, (2.3, 3.5)), price=within(rng, (1.24, 1.36)))
    after = _moved(careless, clicks=within(rng, (0.85, 1.0)), price=1.0)
    return SaleEvent(
        name=name,
        day=day,
        preheat=Factors(
            volume=before[0],
            rivals=before[1],
            cvr=within(rng, (0.55, 0.8)),
            carts=within(rng, (1.4, 1.9)),
            wait_share=within(rng, (0.15, 0.3)),
        ),
        peak=Factors(
            volume=peak[0],
            rivals=peak[1],
            cvr=within(rng, (1.8, 3.2)),
            carts=within(rng, (1.1, 1.4)),
            refunds=within(rng, (1.0, 1.1)),
        ),
        aftermath=Factors(
            volume=after[0],
            rivals=after[1],
            cvr=within(rng, (0.63, 0.82)),
            carts=within(rng, (0.8, 0.95)),
            refunds=1.2,
        ),
    )


def _moved(careless: Callable[[float], Flow], *, clicks: float, price: float) -> tuple[float, float]:
    """Return the factors of queries and rivals' bids at which unchanged bids see the given clicks and price."""

    def seen(log_level: float) -> tuple[float, float]:
        flow = careless(log_level)
        return float(flow.clicks.sum()), float(flow.cost.sum() / flow.clicks.sum())

    usual_clicks, usual_price = seen(0.0)
    low, high = 0.0, 2.0
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (middle, high) if seen(middle)[1] < usual_price * price else (low, middle)
    level = (low + high) / 2 if price > 1 else 0.0
    return clicks * usual_clicks / seen(level)[0], float(np.exp(level))
