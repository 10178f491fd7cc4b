"""The rules of the consoles that files come from, as a venue profile: increments, bounds, windows, maturity.

Defaults of practice; an account's own bounds belong into the configuration's limits. Called by
`adapters.files.marketplace`; pure.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

from adapters.files.assembly import Import
from adapters.files.formats import Format
from bidder.core.calendar import day_of
from bidder.core.change import Change, Field
from bidder.core.money import MICROS, Money, minor_unit_micros
from bidder.core.performance import Grain, Level
from bidder.core.venue import Capability, VenueProfile

_STATES = frozenset({Capability.SET_CAMPAIGN_STATE, Capability.SET_AD_GROUP_STATE, Capability.SET_TARGET_STATE})
"""What a person can always do with an action sheet in hand; bids and budgets only where the present ones are known."""
_SEEN = ((0, 0.65), (3, 0.88), (7, 0.96))
"""Share of final orders visible after so many days, general goods (practice; the forecaster learns its own)."""
_SHEET_LINES = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rules:
    """Bounds in units of the currency; ``None`` for the smallest coin."""

    bid_min: float | None = None
    bid_max: float = 1_000.0
    budget_increment: float | None = None
    budget_min: float | None = None
    budget_max: float = 1_000_000.0
    overdelivery: float = 1.0
    cooldown_hours: int = 24


_RULES = {
    Format.ZHITONGCHE: _Rules(bid_min=0.05, bid_max=99.99, budget_increment=1, budget_min=30, budget_max=99_999),
    Format.AMAZON_BULK: _Rules(bid_min=0.02, budget_min=1, overdelivery=1.25, cooldown_hours=72),
    Format.AMAZON_REPORT: _Rules(bid_min=0.02, budget_min=1, overdelivery=1.25, cooldown_hours=72),
    Format.GOOGLE_ADS: _Rules(overdelivery=2.0),
    Format.META_ADS: _Rules(overdelivery=1.25),
    Format.GENERIC: _Rules(),
}


def profile_of(imported: Import, time_zone: str, now: datetime) -> VenueProfile:
    """Return the rules of the console most campaigns live in."""
    form = _console(imported.shop.formats)
    rules, currency = _RULES[form], imported.currency
    coin = minor_unit_micros(currency)

    def amount(units: float | None) -> Money:
        return Money(coin if units is None else max(int(units * MICROS) // coin * coin, coin), currency)

    span = imported.inspection.span
    history = (day_of(now, time_zone) - span.first).days + 1 if span else 1
    return VenueProfile(
        currency=currency,
        time_zone=time_zone,
        bid_increment=amount(None),
        bid_min=amount(rules.bid_min),
        bid_max=amount(rules.bid_max),
        budget_increment=amount(rules.budget_increment),
        budget_min=amount(rules.budget_min),
        budget_max=amount(rules.budget_max),
        batch_size=_SHEET_LINES,
        requests_per_second=1_000.0,
        windows=(imported.window_days,),
        default_window=imported.window_days,
        levels=(Level.TARGET,),
        grains=(Grain.DAY,),
        history_days=max(history, 1),
        maturity=maturity(imported.window_days),
        overdelivery=rules.overdelivery,
        settle=timedelta(days=1),
        report_lag=timedelta(days=1),
        idempotent_writes=True,
        supports=_STATES | {Capability.ACTION_SHEET} | _levers(imported) | _extras(imported),
        bid_cooldown=timedelta(hours=rules.cooldown_hours),
    )


def _console(formats: Mapping[str, Format]) -> Format:
    counted = Counter(formats.values())
    return max(counted, key=lambda f: (counted[f], f)) if counted else Format.GENERIC


def _levers(imported: Import) -> frozenset[Capability]:
    """Return the levers whose present values are known: an unknown budget must not pass for an unlimited one."""
    shop = imported.shop
    levers = set()
    if any(target.bid is not None for target in shop.targets) or any(g.default_bid is not None for g in shop.ad_groups):
        levers |= {Capability.SET_TARGET_BID, Capability.SET_AD_GROUP_BID}
    if shop.campaigns and all(campaign.daily_budget is not None for campaign in shop.campaigns):
        levers.add(Capability.SET_DAILY_BUDGET)
    return frozenset(levers)


def _extras(imported: Import) -> frozenset[Capability]:
    extras = set()
    if len(imported.facts) and bool((imported.facts.carts >= 0).any()):
        extras.add(Capability.CARTS)
    if any(product.stock is not None for product in imported.shop.products):
        extras.add(Capability.STOCK)
    return frozenset(extras)


def maturity(window_days: int) -> tuple[float, ...]:
    """Return the default share of final orders visible 0, 1, 2 ... days after the click; ends at 1 with the window."""
    points = [*[p for p in _SEEN if p[0] < window_days], (window_days, 1.0)]
    curve: list[float] = []
    for (a, low), (b, high) in pairwise(points):
        curve.extend(low + (high - low) * (day - a) / (b - a) for day in range(a, b))
    return (*curve, 1.0)


def refusal_of(change: Change, imported: Import, profile: VenueProfile) -> tuple[str, str] | None:
    """Return code and words where a change has no place in a sheet: unknown entity, amount off the console's grid."""
    if change.ref not in imported.shop.homes:
        return "UNKNOWN_ENTITY", f"no file names {change.ref}"
    amount = change.new
    if not isinstance(amount, Money):
        return None
    bid = change.field is Field.BID
    step = profile.bid_increment if bid else profile.budget_increment
    least, most = (profile.bid_min, profile.bid_max) if bid else (profile.budget_min, profile.budget_max)
    if amount.currency != profile.currency:
        return "WRONG_CURRENCY", f"{amount} is not in {profile.currency}"
    if not least <= amount <= most or amount.micros % step.micros:
        return "OFF_GRID", f"{amount} is outside {least} to {most} in steps of {step}"
    return None
