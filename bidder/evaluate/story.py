"""What the daemon did in a run, in its own words: the most telling changes and holds, for the demo and reports."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from bidder.core.calendar import day_of
from bidder.core.change import Change, Field, Intent, Status, Value
from bidder.core.entities import EntityKind, EntityRef, State, Structure
from bidder.core.money import Money, minor_unit_micros
from bidder.core.plan import Hold
from bidder.core.reasons import Code
from bidder.cycle import CycleReport

_KEPT = 3
"""Changes remembered of each reason."""
_TELLING_HOLDS = (
    Code.ORDERS_MATURING, Code.HIGH_CARTS, Code.EVENT_PHASE, Code.POTENTIAL, Code.NEW_PRODUCT, Code.TRACKING_LOST,
    Code.TOO_LITTLE_EVIDENCE, Code.FOREIGN_EDIT, Code.GOAL_MET, Code.COOLDOWN,
)  # fmt: skip
"""Holds that show judgement, most telling first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One change or hold, told to a person.

    Attributes:
        day: Marketplace day, ISO. entity: Its name in the shop's terms. what: Old and new value, or ``held``.
        why: The reason with its figures. gain: Expected contribution gained a day;
            ``None`` for a hold and for a change that costs some.
    """

    day: str
    entity: str
    what: str
    why: str
    code: str
    gain: Money | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """The run in a few lines, and how often each kind of thing happened.

    Attributes:
        changes: The most telling ones, at most five. holds: At most two.
        counts: Changes sent by reason code. hold_counts: Holds by reason code, one for each entity and cycle.
        sentences: The last cycles' one-line reports.
    """

    changes: tuple[Line, ...]
    holds: tuple[Line, ...]
    counts: Mapping[str, int]
    hold_counts: Mapping[str, int]
    sentences: tuple[str, ...]


@dataclass(slots=True, kw_only=True)
class Chronicle:
    """Listens to the cycles of one account and remembers what is worth telling."""

    time_zone: str
    currency: str
    counts: Counter[str] = field(default_factory=Counter)
    hold_counts: Counter[str] = field(default_factory=Counter)
    _changes: dict[Code, list[tuple[str, Intent]]] = field(default_factory=dict)
    _holds: dict[Code, tuple[str, Hold]] = field(default_factory=dict)
    _sentences: list[str] = field(default_factory=list)

    def note(self, report: CycleReport) -> None:
        """Remember one cycle."""
        day = day_of(report.as_of, self.time_zone).isoformat()
        self._sentences = [*self._sentences[-4:], f"{day}: {report.sentence}"]
        for intent in report.intents:
            if intent.status is Status.CONFIRMED:
                code = intent.change.reason.code
                self.counts[code.name] += 1
                best = [*self._changes.get(code, []), (day, intent)]
                best.sort(key=lambda pair: -pair[1].change.gain_micros)
                self._changes[code] = best[:_KEPT]
        for hold in report.holds:
            self.hold_counts[hold.reason.code.name] += 1
            self._holds.setdefault(hold.reason.code, (day, hold))

    def story(self, structure: Structure) -> Story:
        """Choose what to tell: one change of each kind by gain, then the next best, and two holds."""
        names = entity_names(structure)
        ranked = [
            (rank, -intent.change.gain_micros, day, intent)
            for best in self._changes.values()
            for rank, (day, intent) in enumerate(best)
        ]
        ranked.sort(key=lambda item: (item[0], item[1], item[3].id))
        telling = [code for code in _TELLING_HOLDS if code in self._holds]
        others = [code for code in self._holds if code not in telling]
        return Story(
            changes=tuple(self._change_line(day, intent.change, names) for _, _, day, intent in ranked[:5]),
            holds=tuple(self._hold_line(*self._holds[code], names) for code in (telling + others)[:2]),
            counts=dict(self.counts.most_common()),
            hold_counts=dict(self.hold_counts.most_common()),
            sentences=tuple(self._sentences),
        )

    def _change_line(self, day: str, change: Change, names: Mapping[EntityRef, str]) -> Line:
        return Line(
            day=day,
            entity=names.get(change.ref, str(change.ref)),
            what=f"{FIELD_WORDS[change.field]}: {shown(change.old)} → {shown(change.new)}",
            why=change.reason.render(),
            code=change.reason.code.name,
            gain=_to_the_cent(Money(change.gain_micros, self.currency)) if change.gain_micros > 0 else None,
        )

    @staticmethod
    def _hold_line(day: str, hold: Hold, names: Mapping[EntityRef, str]) -> Line:
        return Line(
            day=day,
            entity=names.get(hold.ref, str(hold.ref)),
            what="held",
            why=hold.reason.render(),
            code=hold.reason.code.name,
        )


def _to_the_cent(amount: Money) -> Money:
    """Round an estimate to the currency's smallest coin: it is no more exact than that."""
    return amount.round_down(Money(minor_unit_micros(amount.currency), amount.currency))


FIELD_WORDS = {Field.BID: "bid", Field.DAILY_BUDGET: "daily budget", Field.STATE: "state", Field.DAYPARTS: "dayparts"}
"""What people call the fields."""


def shown(value: Value | None) -> str:
    """Render a setting's value for people."""
    match value:
        case None:
            return "none"
        case Money() | State():
            return str(value)
        case tuple():
            return f"{min(value):.2f} to {max(value):.2f}"


def entity_names(structure: Structure) -> dict[EntityRef, str]:
    """Return what the shop calls its entities."""
    names = {EntityRef(EntityKind.CAMPAIGN, c.id): f"campaign {c.name}" for c in structure.campaigns}
    names |= {EntityRef(EntityKind.AD_GROUP, g.id): f"ad group {g.name}" for g in structure.ad_groups}
    return names | {EntityRef(EntityKind.TARGET, t.id): f"target “{t.text}”" for t in structure.targets}
