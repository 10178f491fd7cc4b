"""Test moves: bids drawn a little above or below what is wanted, so that answers to bids can be told from demand.

Our ordinary moves follow demand, so clicks rise with bids for two reasons at once. A side drawn by lot has only one.
Sides come from the seed, the target and the day alone: the forecaster draws them again instead of being told. Called
by `bidder.core.targets` (what is tested now) and `bidder.forecast.perturbed` (what was); docs/maths/perturbation.md.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
from numpy.typing import NDArray

from bidder.core.answers import amount, figure
from bidder.core.bids import Wanted
from bidder.core.calendar import from_ordinal, ordinal
from bidder.core.case import Case
from bidder.core.entities import AccountId, TargetId
from bidder.core.layout import Flags
from bidder.core.performance import Float64, Int64
from bidder.core.policy import PerturbationPolicy, SaleEvent
from bidder.core.reasons import Evidence
from bidder.core.situation import Situation
from bidder.core.snapshot import Mode
from bidder.core.venue import VenueProfile

Keys = NDArray[np.uint64]

BEFORE_EVENT, AFTER_EVENT = timedelta(days=14), timedelta(days=7)
"""No test moves from so long before the first day of a sale until so long after its last (operator.md section 3)."""

STOP = "policy.perturbation.enabled = false"
"""What ends all test moves: ordinary moves then bring the bids back."""

_LARGEST_PRICE = 10.0
_STIRS = ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB))
_GOLDEN = 0x9E3779B97F4A7C15


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Perturbation:
    """Which bids are on test in this cycle, arrays of shape (n_targets,).

    Attributes:
        on: On test. side: +1 above the wanted bid, -1 below, whether on test or not.
        bid_micros: Where the bid should stand, float micros; nan where it is not on test.
        cost_micros: Contribution expected to be lost per day, 0 where not on test.
        until: Last marketplace day of these sides.
    """

    on: Flags
    side: Float64
    bid_micros: Float64
    cost_micros: Float64
    until: date

    def instead_of(self, aim_micros: Float64) -> Float64:
        """Return the aims with those of the tests in their place."""
        return np.where(self.on, self.bid_micros, aim_micros)


def plan_tests(
    case: Case, free: Flags, situation: Situation, wanted: Wanted, bounds: tuple[Int64, Int64]
) -> Perturbation:
    """Draw today's test moves.

    Whether a target takes part never depends on the side it draws; else sides would no longer be a lot.

    Args:
        case: The account.
        free: Targets whose bid may be moved.
        situation: Stages and protections.
        wanted: Where bids should go without a test.
        bounds: Lowest and highest base bid of each target.
    """
    rules, layout, profile = case.policy.perturbation, case.layout, case.snapshot.profile
    period = period_days(rules, profile)
    today = ordinal(case.snapshot.today)
    until = from_ordinal((today // period + 1) * period - 1)
    if (
        not rules.enabled
        or case.snapshot.mode is not Mode.ACTIVE
        or near_event(case.snapshot.today, case.policy.events)
    ):
        none = np.zeros(layout.n_targets)
        return Perturbation(
            on=none > 0, side=none, bid_micros=np.full_like(none, np.nan), cost_micros=none, until=until
        )
    keys = target_keys(case.policy.seed, case.snapshot.account.id, (t.id for t in layout.structure.targets))
    side = drawn_sides(keys, np.full(layout.n_targets, today // period, dtype=np.int64))
    on = free & chosen(keys, rules.share) & _testable(case, situation, wanted) & _settled(case, wanted, bounds)
    return Perturbation(
        on=on,
        side=side,
        bid_micros=np.where(on, wanted.bid_micros * (1.0 + rules.step * side), np.nan),
        cost_micros=np.where(on, expected_cost(case, wanted), 0.0),
        until=until,
    )


def _testable(case: Case, situation: Situation, wanted: Wanted) -> Flags:
    """Tell which targets may be tested at all: nothing that is guarded, resting, new or short of evidence."""
    layout = case.layout
    never = tuple(word.casefold() for word in case.policy.perturbation.never_words if word)
    holds_rank = np.array([any(word in t.text.casefold() for word in never) for t in layout.structure.targets], bool)
    guarded = situation.top | situation.protected | layout.brand | holds_rank
    handled = situation.slow | situation.new | situation.sold_out | (situation.taper < 1.0)
    unsure = wanted.exploring | wanted.refused | ~(case.daily_clicks > 0)
    testable: Flags = layout.alive & ~layout.inherits & ~guarded & ~handled & ~unsure
    return testable


def _settled(case: Case, wanted: Wanted, bounds: tuple[Int64, Int64]) -> Flags:
    """Tell which bids stand near what is wanted, with both sides on the venue's grid and inside the bounds."""
    step, bid = case.policy.perturbation.step, case.layout.bid_micros
    (low, high), increment = bounds, case.snapshot.profile.bid_increment.micros
    below, above = wanted.bid_micros * (1.0 - step), wanted.bid_micros * (1.0 + step)
    near = (bid * (1.0 + step) >= below) & (bid <= above * (1.0 + step))
    return near & (below >= low) & (above <= high) & (wanted.bid_micros * step >= increment)


def expected_cost(case: Case, wanted: Wanted) -> Float64:
    """Return the contribution a test loses per day: what a concave response loses to second order around its best.

    ``spend x eta x ep x step^2 / 2`` with the elasticities of spend and of the cost per click to the bid, valued at
    the price of money where the budget is short.
    """
    step, response = case.policy.perturbation.step, case.response
    bid = np.maximum(case.layout.bid_micros, 1)
    with np.errstate(divide="ignore", invalid="ignore"):
        spend = case.daily_spend_micros * (wanted.bid_micros / bid) ** response.spend_elasticity
        price = np.clip(case.value_micros / wanted.worth_micros, 1.0, _LARGEST_PRICE)
    loss = 0.5 * step**2 * spend * response.spend_elasticity * response.cpc_elasticity * np.nan_to_num(price, nan=1.0)
    return np.nan_to_num(loss, nan=0.0, posinf=0.0)


def evidence_of(case: Case, tests: Perturbation, wanted: Wanted, row: int) -> dict[str, Evidence]:
    """Return what a reason says of one target's test, the draw included."""
    rules, currency = case.policy.perturbation, case.currency
    return {
        "side": "above" if tests.side[row] > 0 else "below",
        "step": f"{rules.step:.0%}",
        "wanted": amount(float(wanted.bid_micros[row]), currency),
        "cost": amount(float(tests.cost_micros[row]), currency),
        "until": tests.until.isoformat(),
        "stop": STOP,
        "seed": case.policy.seed,
        "share": figure(rules.share),
    }


def near_event(day: date, events: Iterable[SaleEvent]) -> bool:
    """Tell whether a day lies in or around a sale event, where no bid is tested."""
    return any(event.first - BEFORE_EVENT <= day <= event.last + AFTER_EVENT for event in events)


def period_days(rules: PerturbationPolicy, profile: VenueProfile) -> int:
    """Return the days for which a side is kept: as configured, and at least the venue's cooldown."""
    return max(rules.hold_days, math.ceil(profile.bid_cooldown / timedelta(days=1)), 1)


def target_keys(seed: int, account: AccountId, targets: Iterable[TargetId]) -> Keys:
    """Return a number for each target that any process on any machine finds again, uint64."""
    start = hashlib.blake2b(f"{seed}\n{account}\n".encode(), digest_size=8)
    keys = []
    for identity in targets:
        own = start.copy()
        own.update(identity.encode())
        keys.append(int.from_bytes(own.digest(), "little"))
    return np.array(keys, dtype=np.uint64)


def chosen(keys: Keys, share: float) -> Flags:
    """Tell which targets are in the share that is tested; a larger share holds every smaller one."""
    small: Flags = _stirred(keys) / 2.0**64 < share
    return small


def drawn_sides(keys: Keys, period: Int64) -> Float64:
    """Return +1 or -1 for each key and number of a period, which broadcast against one another."""
    numbers = np.asarray(period, dtype=np.int64).astype(np.uint64)
    mixed = _stirred(_stirred(keys) ^ (numbers * np.uint64(_GOLDEN)))
    return np.where(mixed >> np.uint64(63), 1.0, -1.0)


def _stirred(numbers: Keys) -> Keys:
    """Mix the bits of numbers (the finaliser of splitmix64), so that close numbers give unrelated ones."""
    mixed = np.atleast_1d(numbers) + np.uint64(_GOLDEN)
    for shift, factor in _STIRS:
        mixed = (mixed ^ (mixed >> np.uint64(shift))) * np.uint64(factor)
    return mixed ^ (mixed >> np.uint64(31))
