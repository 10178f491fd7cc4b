"""Money spent where nothing is to be earned: on targets that the oracle never funds, by policy.

The referee knows which targets are worth no bid on any day played; what nobody's policy would have spent on them is the
waste, and the share of it that a policy does not spend is what its bidding down and pausing are worth. Called by
`bidder.evaluate.simulate`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime

from bidder.core.calendar import DayRange
from bidder.core.entities import Account, State, Structure
from bidder.core.performance import Grain, PerformanceReport
from bidder.core.situation import sold_out
from bidder.evaluate.players import by_target
from bidder.ports import Marketplace


@dataclass(frozen=True, slots=True, kw_only=True)
class Footprint:
    """Where one policy spent, over all accounts of a world; targets are named with their account.

    Attributes:
        spend_micros: By target over the days played; empty where a report could not be had.
        unfunded: Targets that the oracle bid on on no day; ``None`` unless it played.
        paused: Targets that were paused at the end though their product could be bought: judged, not sold out.
    """

    spend_micros: Mapping[str, float]
    unfunded: frozenset[str] | None
    paused: int


NOWHERE = Footprint(spend_micros={}, unfunded=None, paused=0)
"""Of a run that is not known by target."""


def footprint(account: Account, port: Marketplace, structure: Structure, days: DayRange, *, now: datetime) -> Footprint:
    """Read from the venue's own report where an account's money went."""
    report = port.fetch_performance(account.id, days, Grain.DAY, port.profile(now).default_window, now)
    spend: dict[str, float] = {}
    if isinstance(report, PerformanceReport):
        sums = by_target(structure, report.facts, "spend_micros").tolist()
        spend = {_name(account, target.id): amount for target, amount in zip(structure.targets, sums, strict=True)}
    empty = {product.id for product in structure.products if sold_out(product)}
    paused = sum(t.state is State.PAUSED and t.product_id not in empty for t in structure.targets)
    return Footprint(spend_micros=spend, unfunded=None, paused=paused)


def unfunded(account: Account, structure: Structure, funded: AbstractSet[str]) -> frozenset[str]:
    """Return the targets of an account that the oracle bid on on no day, given those it did bid on."""
    return frozenset(_name(account, target.id) for target in structure.targets if target.id not in funded)


def joined(parts: Iterable[Footprint], idle: Iterable[frozenset[str]] | None) -> Footprint:
    """Put the accounts of a world together."""
    spend: dict[str, float] = {}
    paused = 0
    for part in parts:
        spend.update(part.spend_micros)
        paused += part.paused
    return Footprint(spend_micros=spend, unfunded=None if idle is None else frozenset().union(*idle), paused=paused)


def waste_micros(of: Footprint, idle: frozenset[str]) -> float:
    """Return what was spent on targets that are not worth any bid."""
    return sum(amount for name, amount in of.spend_micros.items() if name in idle)


def waste_avoided(
    of: Mapping[int, Footprint], nobody: Mapping[int, Footprint], oracle: Mapping[int, Footprint]
) -> float | None:
    """Return the share of nobody's waste that a policy does not spend, over the seeds that all three played.

    Negative where it wastes more; ``None`` where there is nothing to compare with.
    """
    spent = wasted = 0.0
    for seed, best in oracle.items():
        if best.unfunded is None or seed not in of or seed not in nobody:
            continue
        spent += waste_micros(of[seed], best.unfunded)
        wasted += waste_micros(nobody[seed], best.unfunded)
    return 1.0 - spent / wasted if wasted > 0 else None


def _name(account: Account, target: str) -> str:
    return f"{account.id}/{target}"
