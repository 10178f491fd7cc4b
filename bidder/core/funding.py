"""Money that is certain: how much the account's budgets may add up to while answers are still open.

An increase may use only headroom that no answer of the venue can take away: a decrease frees its money once it is
confirmed, and an open question counts at the dearer of both values. Used by `bidder.core.guards` before anything is
sent, by the store's reservations while it is sent, and by `bidder.steps` for the order.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from bidder.core.change import Change, Field, Intent, Status
from bidder.core.entities import EntityKind, State, Structure
from bidder.core.layout import lever_name
from bidder.core.money import Money

UNLIMITED = 2**62
"""Stands for a campaign without a daily limit: no headroom is certain beside it."""


def worst_case(before_micros: int, after_micros: int, status: Status) -> int:
    """Return what a budget may cost at most, given what became of its change.

    PENDING and UNKNOWN count as the dearer of both; FOREIGN too, until the next look at the venue.
    """
    match status:
        case Status.CONFIRMED:
            return after_micros
        case Status.REJECTED | Status.WITHHELD | Status.ABANDONED:
            return before_micros
        case Status.PENDING | Status.UNKNOWN | Status.FOREIGN:
            return max(before_micros, after_micros)


@dataclass(frozen=True, slots=True, kw_only=True)
class Book:
    """What each budget may cost at most right now.

    Attributes:
        budgets: Most that each lever's daily budget may be, in micros, also of levers that are off.
        lowest: Least that it may be: an answer that is open may have lowered it already.
        running: Campaigns that may deliver, by id. sure: Those of them that deliver whatever the open answers are.
        levers: Lever of every campaign.
    """

    budgets: Mapping[str, int]
    lowest: Mapping[str, int]
    running: frozenset[str]
    sure: frozenset[str]
    levers: Mapping[str, str] = field(repr=False)

    @classmethod
    def of(cls, structure: Structure) -> Book:
        """Open the book from what the venue shows; campaigns that are not surely off count as running."""
        budgets: dict[str, int] = {}
        lowest: dict[str, int] = {}
        for campaign in structure.campaigns:
            micros = UNLIMITED if campaign.daily_budget is None else campaign.daily_budget.micros
            name = lever_name(campaign)
            budgets[name] = max(budgets.get(name, 0), micros)
            lowest[name] = min(lowest.get(name, UNLIMITED), micros)
        off = {State.PAUSED, State.ARCHIVED}
        return cls(
            budgets=budgets,
            lowest=lowest,
            running=frozenset(c.id for c in structure.campaigns if c.state not in off),
            sure=frozenset(c.id for c in structure.campaigns if c.state is State.ENABLED),
            levers={c.id: lever_name(c) for c in structure.campaigns},
        )

    @property
    def total_micros(self) -> int:
        """Return the most that all running budgets may add up to."""
        return min(self.endless_micros, UNLIMITED)

    @property
    def endless_micros(self) -> int:
        """Return the same without an end, so that more beside a campaign without a limit is still more."""
        return sum(self.budgets[lever] for lever in {self.levers[campaign] for campaign in self.running})

    def after(self, change: Change, status: Status) -> Book:
        """Return the book once a change has met a fate; changes that move no budget leave it as it is."""
        if change.ref.kind is not EntityKind.CAMPAIGN or change.ref.id not in self.levers:
            return self
        match change.new:
            case Money() as new if change.field is Field.DAILY_BUDGET:
                lever = self.levers[change.ref.id]
                # Campaigns of one lever move together; the first of their changes to go up raises the lever, and
                # the lever is only as low as its dearest campaign.
                worst = worst_case(self.budgets[lever], new.micros, status)
                best = -worst_case(-self.lowest[lever], -new.micros, status)
                return replace(self, budgets={**self.budgets, lever: worst}, lowest={**self.lowest, lever: best})
            case State() as state if not _never(status):
                one, certain = {change.ref.id}, status is Status.CONFIRMED
                if state is State.ENABLED:
                    return replace(self, running=self.running | one, sure=self.sure | one if certain else self.sure)
                return replace(self, running=self.running - one if certain else self.running, sure=self.sure - one)
            case _:
                return self

    def fits(self, change: Change, cap_micros: int) -> bool:
        """Tell whether a change keeps the worst case within the cap; what surely adds no money always fits."""
        if change.ref.kind is not EntityKind.CAMPAIGN or change.ref.id not in self.levers:
            return True
        return self._adds_nothing(change) or self.after(change, Status.PENDING).endless_micros <= max(cap_micros, 0)

    def _adds_nothing(self, change: Change) -> bool:
        """Tell whether a change costs no more, whichever of the values that may stand is true.

        To stay under the worst case would not do: it may be far above the truth, and what stays under it may still be
        what lifts the truth over the cap.
        """
        lever = self.levers[change.ref.id]
        match change.new:
            case Money() as new if change.field is Field.DAILY_BUDGET:
                return new.micros <= self.lowest[lever] or lever not in {self.levers[one] for one in self.running}
            case State.ENABLED:
                return lever in {self.levers[one] for one in self.sure}
            case _:
                return True


def needs_money(change: Change) -> bool:
    """Tell whether a change may add to the sum of running budgets."""
    return change.ref.kind is EntityKind.CAMPAIGN and change.field is not Field.DAYPARTS and change.raises


def safe_order(changes: Iterable[Change]) -> tuple[Change, ...]:
    """Order changes so that stopping anywhere is safe: decreases, pauses, then increases by gain per unit of money.

    Ties keep the order given, so that equal inputs give equal plans.
    """
    return tuple(sorted(changes, key=_rank))


def batches(intents: Sequence[Intent], size: int) -> Iterator[tuple[Intent, ...]]:
    """Cut intents into requests: at most ``size`` each, and none that mixes decreases with increases.

    Money freed by a decrease is certain only when its answer is there, so increases wait for the next request.
    """
    if size < 1:
        raise ValueError(f"a batch holds at least one change, was {size}")
    batch: list[Intent] = []
    for intent in intents:
        if batch and (len(batch) >= size or batch[-1].change.raises != intent.change.raises):
            yield tuple(batch)
            batch = []
        batch.append(intent)
    if batch:
        yield tuple(batch)


def _never(status: Status) -> bool:
    return status in (Status.REJECTED, Status.WITHHELD, Status.ABANDONED)


def _rank(change: Change) -> tuple[int, float]:
    if change.field is Field.STATE:
        return (3, -_gain_per_money(change)) if change.raises else (2, -float(change.gain_micros))
    if change.raises:
        return (3, -_gain_per_money(change))
    # Budgets first: they free money that increases wait for.
    return (0 if change.field is Field.DAILY_BUDGET else 1, -float(change.gain_micros))


def _gain_per_money(change: Change) -> float:
    match change.old, change.new:
        case Money() as old, Money() as new if change.field is Field.DAILY_BUDGET:
            return change.gain_micros / max(new.micros - old.micros, 1)
        case _:
            return float(change.gain_micros)
