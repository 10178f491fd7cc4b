"""The presets' numbers: what kind of shop, in what kind of market, drawn from which ranges.

Every range is (least, most) and lies inside the observed ranges of the trade (docs/explanation/mock-market.md names
their sources), so that a shop drawn anywhere in it is one that could be met; `classic` is the market of older
handbooks, with clicks cheaper than today's. `generate.build_shops` draws.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date

Range = tuple[float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Preset:
    """Ranges of one kind of shop. Rates are ratios, money is in currency units.

    Attributes:
        name: As asked for. vocabulary: Key of `vocabulary.WORDS`.
        start: First day after the history. events: Names of `EVENT_DAYS` in its market.
        products: Items. words: Keywords of an item. campaigns: Number of campaigns.
        cpc, ctr, aov, roas: Of the whole shop under its careless set-up; conversion follows as roas x cpc / aov and
            is kept inside ``cvr``.
        margin, refund, return_cost: By item, centred on a draw of the shop.
        cart_rate: Carts and favourites per click.
        paid_orders: A day, within the daily budget. budget: Daily, all campaigns: what those orders cost, kept inside.
        completion: Ranges of orders placed by day 0, 3 and 7.
        refund_days: Median days to a refund. lead_days: Days to restock.
        word_cvr_sd, product_cvr_sd: Sd of the log of conversion. dead: Share of words that hardly ever sell.
        volume_sd: Sd of the log of query volume.
        rivals: Expected rivals in an auction. standing: Log of the careless bids against rivals' scores.
        pressure: Demand of the careless set-up over its budget.
        new_days: An item launched within so many days before the start is new.
    """

    name: str
    vocabulary: str
    start: date
    events: tuple[str, ...]
    products: int
    words: int
    campaigns: int
    cpc: Range
    ctr: Range
    aov: Range
    roas: Range
    cvr: Range
    margin: Range
    refund: Range
    return_cost: Range
    cart_rate: Range
    paid_orders: Range
    budget: Range
    completion: tuple[Range, Range, Range]
    refund_days: Range
    lead_days: Range
    word_cvr_sd: float = 0.6
    product_cvr_sd: float = 0.35
    dead: Range = (0.26, 0.32)
    volume_sd: float = 1.7
    rivals: Range = (6.0, 12.0)
    standing: Range = (0.15, 0.35)
    pressure: Range = (1.4, 2.2)
    new_days: int = 30


EVENT_DAYS = {"6.18": (6, 18), "11.11": (11, 11), "12.12": (12, 12)}
"""Month and day of the sale events that presets name."""

APPAREL = Preset(
    name="apparel",
    vocabulary="apparel",
    start=date(2026, 5, 1),
    events=("6.18",),
    products=24,
    words=36,
    campaigns=10,
    cpc=(0.8, 1.5),
    ctr=(0.036, 0.060),
    aov=(130, 230),
    roas=(2.4, 3.2),
    cvr=(0.012, 0.022),
    margin=(0.50, 0.60),
    refund=(0.32, 0.50),
    return_cost=(6, 12),
    cart_rate=(0.075, 0.12),
    paid_orders=(22, 32),
    budget=(900, 4500),
    completion=((0.57, 0.68), (0.81, 0.87), (0.92, 0.955)),
    refund_days=(5, 8),
    lead_days=(5, 12),
    new_days=21,
)

APPLIANCES = Preset(
    name="appliances",
    vocabulary="appliances",
    start=date(2026, 9, 25),
    events=("11.11",),
    products=14,
    words=38,
    campaigns=7,
    cpc=(1.5, 3.2),
    ctr=(0.019, 0.034),
    aov=(220, 600),
    roas=(2.5, 3.3),
    cvr=(0.009, 0.0155),
    margin=(0.30, 0.38),
    refund=(0.07, 0.125),
    return_cost=(15, 35),
    cart_rate=(0.05, 0.085),
    paid_orders=(13, 17),
    budget=(1100, 5500),
    completion=((0.37, 0.48), (0.66, 0.74), (0.83, 0.89)),
    refund_days=(6, 10),
    lead_days=(10, 20),
    volume_sd=1.6,
    dead=(0.28, 0.34),
    standing=(0.25, 0.5),
    new_days=45,
)

GENERAL = Preset(
    name="general",
    vocabulary="general",
    start=date(2026, 1, 15),
    events=(),
    products=22,
    words=30,
    campaigns=9,
    cpc=(0.5, 1.1),
    ctr=(0.02, 0.042),
    aov=(45, 110),
    roas=(2.4, 3.2),
    cvr=(0.019, 0.045),
    margin=(0.34, 0.46),
    refund=(0.09, 0.18),
    return_cost=(2, 5),
    cart_rate=(0.06, 0.105),
    paid_orders=(29, 40),
    budget=(400, 2300),
    completion=((0.62, 0.73), (0.86, 0.91), (0.945, 0.975)),
    refund_days=(4, 7),
    lead_days=(4, 10),
    dead=(0.22, 0.29),
)

CLASSIC = replace(
    APPAREL,
    name="classic",
    start=date(2026, 7, 20),
    events=(),
    products=20,
    words=30,
    campaigns=8,
    cpc=(0.47, 0.53),
    aov=(114, 126),
    roas=(6.9, 7.5),
    cvr=(0.027, 0.033),
    margin=(0.48, 0.56),
    refund=(0.26, 0.34),
    paid_orders=(50, 64),
    budget=(900, 1800),
)

PRESETS = {preset.name: preset for preset in (APPAREL, APPLIANCES, GENERAL, CLASSIC)}
"""Presets of one shop; `generate.build_shops` knows ``agency`` besides."""

AGENCY = (
    ("apparel", "Lin", 0.8),
    ("general", "Lin", 0.6),
    ("appliances", "Qiao", 1.0),
    ("apparel", "Meadow Trading", 0.5),
    ("general", "Hong Fu", 0.9),
    ("classic", "Silk Road Studio", 0.6),
)
"""The agency's shops: preset, owner, size."""

AGENCY_START = date(2026, 5, 1)
"""All shops of the agency live in one calendar; 6.18 falls into it."""
