"""The mock venue's house rules: what it lets advertisers set, how late and how honestly it reports.

The venue checks every edit against them, whoever makes it; `profile` tells the daemon about them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from adapters.mock.shop import Shop
from bidder.core.change import Field, Value
from bidder.core.entities import EntityKind, State
from bidder.core.money import Money
from bidder.core.performance import Grain, Level
from bidder.core.venue import Capability, VenueProfile
from bidder.errors import Refused

VISIBLE_BY_DAY = (
    0.60, 0.72, 0.79, 0.835, 0.865, 0.89, 0.91, 0.925, 0.938, 0.949, 0.958, 0.966, 0.973, 0.979, 0.984, 0.988,
    0.991, 0.993, 0.995, 0.996, 0.997, 0.998, 0.9985, 0.999, 0.9993, 0.9995, 0.9997, 0.9998, 0.9999, 1.0,
)  # fmt: skip
"""What the venue's help page says of late orders: an average over all trades, right for no shop in particular."""

DAYPART_MOST = 10.0
LONGEST_TITLE = 64
SCORES_PER_QUALITY = 5
"""Quality 1 is shown as a score of 5 out of 10."""

FIELDS: Mapping[EntityKind, tuple[Field, ...]] = {
    EntityKind.CAMPAIGN: (Field.STATE, Field.DAILY_BUDGET, Field.DAYPARTS),
    EntityKind.AD_GROUP: (Field.STATE, Field.BID),
    EntityKind.TARGET: (Field.STATE, Field.BID),
}
"""Settings each kind of entity has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VenueRules:
    """How the venue behaves towards advertisers; amounts in micros of the shop's currency.

    Attributes:
        bid_increment, bid_min, bid_max: Grid and bounds of bids.
        budget_increment, budget_min, budget_max: Grid and bounds of daily budgets.
        batch_size: Changes in one request.
        settle: Time after which reads show a write.
        idempotent: Whether a repeated key is recognised.
        quotas: Changes of one entity's field allowed in a marketplace day.
        report_lag: Age of the newest data in reports.
        report_time: Time a report takes to be prepared.
        report_life: Time after which a prepared report is thrown away.
        hourly_level: Level of facts by hour.
        requests, seconds: Requests allowed in any window of so many seconds, over HTTP.
    """

    bid_increment: int = 10_000
    bid_min: int = 50_000
    bid_max: int = 99_990_000
    budget_increment: int = 1_000_000
    budget_min: int = 1_000_000
    budget_max: int = 10_000_000_000_000
    batch_size: int = 500
    settle: timedelta = timedelta(0)
    idempotent: bool = True
    quotas: Mapping[tuple[EntityKind, Field], int] = field(default_factory=dict)
    report_lag: timedelta = timedelta(minutes=45)
    report_time: timedelta = timedelta(0)
    report_life: timedelta = timedelta(hours=24)
    hourly_level: Level = Level.CAMPAIGN
    history_days: int = 90
    requests: int = 200
    seconds: float = 1.0

    def profile(self, shop: Shop) -> VenueProfile:
        """Return what the daemon is told."""
        currency = shop.currency
        levers = {c for c in Capability if c.value.startswith("set_")}
        facts = {Capability.HOURLY_FACTS, Capability.CARTS, Capability.PRODUCT_SALES}
        shown = {Capability.STOCK, Capability.BALANCE, Capability.QUALITY}
        windows = shop.venue.windows
        return VenueProfile(
            currency=currency,
            time_zone=shop.zone,
            bid_increment=Money(self.bid_increment, currency),
            bid_min=Money(self.bid_min, currency),
            bid_max=Money(self.bid_max, currency),
            budget_increment=Money(self.budget_increment, currency),
            budget_min=Money(self.budget_min, currency),
            budget_max=Money(self.budget_max, currency),
            batch_size=self.batch_size,
            requests_per_second=self.requests / self.seconds,
            windows=windows,
            default_window=15 if 15 in windows else windows[-1],  # noqa: PLR2004  # the console's own default
            levels=(Level.TARGET,),
            grains=(Grain.DAY, Grain.HOUR),
            history_days=self.history_days,
            maturity=VISIBLE_BY_DAY,
            overdelivery=shop.venue.overdelivery_factor,
            settle=self.settle,
            report_lag=self.report_lag,
            idempotent_writes=self.idempotent,
            supports=frozenset(levers | facts | shown),
            daily_change_quota=dict(self.quotas),
        )

    def check(self, kind: EntityKind, field_: Field, value: Value, *, currency: str) -> None:
        """Refuse a value that the venue does not take.

        Raises:
            Refused: With the venue's own code and words.
        """
        if field_ not in FIELDS[kind]:
            raise Refused(f"a {kind} has no {field_}", code="UNSUPPORTED")
        match field_, value:
            case Field.BID, Money():
                self._amount(value, currency, self.bid_increment, self.bid_min, self.bid_max)
            case Field.DAILY_BUDGET, Money():
                self._amount(value, currency, self.budget_increment, self.budget_min, self.budget_max)
            case Field.STATE, State():
                if value is State.OTHER:
                    raise Refused("a state is enabled, paused or archived", code="INVALID_STATE")
            case Field.DAYPARTS, tuple():
                _dayparts(value)
            case _:
                raise Refused(f"{value!r} is no value of {field_}", code="INVALID_VALUE")

    def _amount(self, value: Money, currency: str, increment: int, least: int, most: int) -> None:
        if value.currency != currency:
            raise Refused(f"the account is in {currency}, not {value.currency}", code="WRONG_CURRENCY")
        if value.micros % increment:
            raise Refused(f"{value} is not a multiple of {Money(increment, currency)}", code="OFF_INCREMENT")
        if not least <= value.micros <= most:
            raise Refused(
                f"{value} is not within {Money(least, currency)} and {Money(most, currency)}", code="OUT_OF_BOUNDS"
            )


def check_title(title: str) -> None:
    """Refuse a name that the console does not take; raises `Refused`."""
    if not 1 <= len(title.strip()) <= LONGEST_TITLE or not title.isprintable():
        raise Refused(f"a name has 1 to {LONGEST_TITLE} printable characters", code="INVALID_TITLE")


def _dayparts(factors: tuple[float, ...]) -> None:
    if len(factors) not in (24, 168):
        raise Refused(f"dayparts have 24 or 168 factors, not {len(factors)}", code="INVALID_DAYPARTS")
    if not all(math.isfinite(f) and 0 <= f <= DAYPART_MOST for f in factors):
        raise Refused(f"a daypart factor is between 0 and {DAYPART_MOST:g}", code="INVALID_DAYPARTS")
