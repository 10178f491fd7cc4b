"""What became of changes: settle unsettled intents by read-back, and notice what others changed. Pure.

`bidder.steps` reads the venue and the record, asks here, and writes down the answer. Missing is not failed: an
entity that the venue does not show leaves its intent open.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from bidder.core.change import Change, Field, Intent, PastChange, Settings, Status, Value
from bidder.core.entities import (
    AdGroup,
    Campaign,
    Editor,
    EntityKind,
    EntityRef,
    Structure,
    Target,
)

SIGHTINGS = 2
"""Times the old value must be read back, after the settle window, before we say that a write never happened."""

FOREIGN_CODE = "FOREIGN"
"""Reason code of changes that others made."""

_OURS = frozenset({Status.CONFIRMED, Status.PENDING, Status.UNKNOWN})
_RECENT = timedelta(days=3)
"""A value that we wrote this recently may appear in the structure only now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settlement:
    """What later truth says of an unsettled intent.

    Attributes:
        status: CONFIRMED, ABANDONED, FOREIGN, or UNKNOWN while still open.
        observed: The value the venue shows.
        seen_old: Times in a row the old value was read back after the settle window.
    """

    intent: Intent
    status: Status
    observed: Value | None
    seen_old: int
    detail: str


def settle(
    unsettled: Sequence[Intent],
    seen: Sequence[Settings],
    *,
    settle_after: timedelta,
    seen_old_counts: Mapping[int, int],
    now: datetime,
) -> tuple[Settlement, ...]:
    """Judge unsettled intents by what the venue shows now.

    Args:
        unsettled: Intents that are PENDING or UNKNOWN.
        seen: Answers of a read-back; an entity left out stays open.
        settle_after: Time after which a read shows a write for certain.
        seen_old_counts: Earlier sightings of the old value, by intent id.
        now: The instant of the read-back.

    Returns:
        One settlement for each intent, in order.
    """
    settings = {entry.ref: entry for entry in seen}
    return tuple(
        _settled(intent, settings.get(intent.change.ref), settle_after, seen_old_counts.get(intent.id, 0), now)
        for intent in unsettled
    )


def verify(confirmed: Sequence[Intent], seen: Sequence[Settings]) -> tuple[Settlement, ...]:
    """Return a settlement for each confirmed intent whose read-back shows something else.

    The old value makes it UNKNOWN again (the read may lag); a third value is somebody else's.
    """
    settings = {entry.ref: entry for entry in seen}
    found: list[Settlement] = []
    for intent in confirmed:
        change, entry = intent.change, settings.get(intent.change.ref)
        if entry is None or change.field not in entry.values:
            continue
        observed = entry.values[change.field]
        if observed == change.new:
            continue
        status = Status.UNKNOWN if observed == change.old else Status.FOREIGN
        found.append(
            Settlement(
                intent=intent, status=status, observed=observed, seen_old=0, detail="read-back shows another value"
            )
        )
    return tuple(found)


def foreign_edits(
    previous: Structure | None, current: Structure, ours: Sequence[PastChange], *, now: datetime
) -> tuple[PastChange, ...]:
    """Return what moved between two looks at the venue though we did not move it.

    A value is ours when one of our recent changes wrote it. The actor is the last editor where the venue tells; our
    own name on a value that we did not write counts as unknown. Entities that are new are no edits.
    """
    if previous is None or previous.account_id != current.account_id:
        return ()
    written: dict[tuple[EntityRef, Field], set[Value]] = {}
    for past in ours:
        if past.actor is Editor.DAEMON and past.status in _OURS and now - past.at <= _RECENT:
            written.setdefault((past.ref, past.field), set()).add(past.new)
    edits: list[PastChange] = []
    for kind, before, after in _levels(previous, current):
        old_entities = {entity.id: entity for entity in before}
        for entity in after:
            old_entity = old_entities.get(entity.id)
            if old_entity is None or old_entity == entity:
                continue
            ref, old_values = EntityRef(kind, entity.id), values_of(old_entity)
            for field, new in values_of(entity).items():
                old = old_values[field]
                if new == old or new is None or new in written.get((ref, field), ()):
                    continue
                actor = Editor.UNKNOWN if entity.last_editor is Editor.DAEMON else entity.last_editor
                edits.append(
                    PastChange(
                        ref=ref,
                        field=field,
                        old=old,
                        new=new,
                        at=now,
                        status=Status.CONFIRMED,
                        actor=actor,
                        reason_code=FOREIGN_CODE,
                    )
                )
    return tuple(edits)


def values_of(entity: Campaign | AdGroup | Target) -> dict[Field, Value | None]:
    """Return the settings of an entity that we may change."""
    match entity:
        case Campaign():
            return {
                Field.STATE: entity.state,
                Field.DAILY_BUDGET: entity.daily_budget,
                Field.DAYPARTS: entity.dayparts,
            }
        case AdGroup():
            return {Field.STATE: entity.state, Field.BID: entity.default_bid}
        case Target():
            return {Field.STATE: entity.state, Field.BID: entity.bid}


def _settled(
    intent: Intent, entry: Settings | None, settle_after: timedelta, sightings: int, now: datetime
) -> Settlement:
    change = intent.change
    if entry is None or change.field not in entry.values:
        return _still_open(intent, None, sightings, "the venue does not show this entity")
    observed = entry.values[change.field]
    if observed == change.new:
        return Settlement(
            intent=intent,
            status=Status.CONFIRMED,
            observed=observed,
            seen_old=0,
            detail="read-back shows the new value",
        )
    if observed != change.old:
        return Settlement(
            intent=intent, status=Status.FOREIGN, observed=observed, seen_old=0, detail=_third(change, entry)
        )
    if now - intent.created_at <= settle_after:
        return _still_open(intent, observed, 0, "the old value still shows; reads may lag")
    if sightings + 1 < SIGHTINGS:
        return _still_open(intent, observed, sightings + 1, "the old value shows; looked at once more before it counts")
    return Settlement(
        intent=intent,
        status=Status.ABANDONED,
        observed=observed,
        seen_old=sightings + 1,
        detail=f"the old value was read back {sightings + 1} times: the write never happened",
    )


def _still_open(intent: Intent, observed: Value | None, sightings: int, detail: str) -> Settlement:
    return Settlement(intent=intent, status=Status.UNKNOWN, observed=observed, seen_old=sightings, detail=detail)


def _third(change: Change, entry: Settings) -> str:
    who = "somebody else" if entry.editor in (Editor.UNKNOWN, Editor.DAEMON) else f"a {entry.editor}"
    return f"a value that is neither ours nor the old one stands: set by {who}; it is adopted ({change.field})"


Entities = Sequence[Campaign | AdGroup | Target]


def _levels(previous: Structure, current: Structure) -> tuple[tuple[EntityKind, Entities, Entities], ...]:
    return (
        (EntityKind.CAMPAIGN, previous.campaigns, current.campaigns),
        (EntityKind.AD_GROUP, previous.ad_groups, current.ad_groups),
        (EntityKind.TARGET, previous.targets, current.targets),
    )
