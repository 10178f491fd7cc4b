"""What a venue would refuse anyway, found before anything is sent: the check every adapter makes first.

Adapters call it for each change of a `submit`; a refusal becomes the outcome REJECTED without a request.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from bidder.core.change import Change, Field, Outcome, Status
from bidder.core.entities import State
from bidder.core.money import Money
from bidder.core.venue import VenueProfile


def refusal(change: Change, key: str, profile: VenueProfile) -> Outcome | None:
    """Return REJECTED where the change breaks the venue's stated rules, else ``None``.

    Args:
        change: What is about to be sent.
        key: Its intent's key.
        profile: The venue's rules.
    """
    found = _fault(change, profile)
    if found is None:
        return None
    code, detail = found
    return Outcome(key=key, status=Status.REJECTED, code=code, detail=f"not sent: {detail}")


def sift(
    changes: Sequence[Change], keys: Sequence[str], profile: VenueProfile
) -> tuple[dict[str, Outcome], list[tuple[Change, str]]]:
    """Return the outcomes of what would be refused, by key, and what may be sent, each change with its key."""
    refused: dict[str, Outcome] = {}
    sendable: list[tuple[Change, str]] = []
    for change, key in zip(changes, keys, strict=True):
        outcome = refusal(change, key, profile)
        if outcome is None:
            sendable.append((change, key))
        else:
            refused[key] = outcome
    return refused, sendable


def _fault(change: Change, profile: VenueProfile) -> tuple[str, str] | None:
    if not profile.can(change.ref.kind, change.field):
        return "UNSUPPORTED", f"this venue has no way to change the {change.field} of a {change.ref.kind}"
    match change.field, change.new:
        case Field.BID, Money() as bid:
            return _off_grid(bid, profile.bid_increment, profile.bid_min, profile.bid_max)
        case Field.DAILY_BUDGET, Money() as budget:
            return _off_grid(budget, profile.budget_increment, profile.budget_min, profile.budget_max)
        case Field.STATE, State.OTHER:
            return "INVALID_STATE", "a state to set is enabled, paused or archived"
        case Field.DAYPARTS, tuple() as factors if len(factors) not in (24, 168) or not all(map(_factor, factors)):
            return "INVALID_DAYPARTS", "dayparts are 24 or 168 finite factors, none negative"
        case _:
            return None


def _off_grid(value: Money, increment: Money, least: Money, most: Money) -> tuple[str, str] | None:
    if value.currency != increment.currency:
        return "WRONG_CURRENCY", f"the account is in {increment.currency}, the value in {value.currency}"
    if value.micros % increment.micros:
        return "OFF_INCREMENT", f"{value} is not a multiple of {increment}"
    if not least <= value <= most:
        return "OUT_OF_BOUNDS", f"{value} is not between {least} and {most}"
    return None


def _factor(value: float) -> bool:
    return math.isfinite(value) and value >= 0
