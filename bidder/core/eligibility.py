"""Who may be moved at all: everything that is frozen, somebody else's, switched off or unknown is held first.

Called by `bidder.core.decide` before anything is decided. The first reason that applies is the entity's answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bidder.core.answers import Answers, because, instant
from bidder.core.case import Case
from bidder.core.change import Field
from bidder.core.entities import AdGroup, Campaign, Editor, EntityKind, State, Target
from bidder.core.layout import Flags
from bidder.core.reasons import Code, Reason
from bidder.core.snapshot import Memory


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Reach:
    """What may be moved.

    Attributes:
        bid: Targets whose bid can be changed, on themselves or through their ad group, shape (n_targets,); also
            those that we paused: their bids fall while they rest, until they would pay again.
        delivery: Targets that can be paused.
        resumable: Targets that we paused and may enable again.
        group: Ad groups whose default bid can be changed, shape (n_groups,).
        campaign: Campaigns whose settings can be changed, shape (n_campaigns,).
    """

    bid: Flags
    delivery: Flags
    resumable: Flags
    group: Flags
    campaign: Flags


def reach(case: Case, answers: Answers) -> Reach:
    """Hold what may not be moved, with its reason, and return the rest."""
    profile, layout, structure = case.snapshot.profile, case.layout, case.snapshot.structure
    memory = case.snapshot.memory
    if profile.read_only:
        for kind in EntityKind:
            answers.hold(kind, range(len(layout.ids(kind))), because(Code.READ_ONLY))
    _hold_special(case, answers, memory)
    _hold_states(case, answers, memory)
    target_open = _open(answers, EntityKind.TARGET, layout.n_targets)
    group_open = _open(answers, EntityKind.AD_GROUP, len(structure.ad_groups))
    campaign_open = _open(answers, EntityKind.CAMPAIGN, layout.n_campaigns)
    manual = np.array([c.manual_bids for c in structure.campaigns], dtype=bool)
    rows = np.array([t.state is State.PAUSED for t in structure.targets], dtype=bool)
    in_running = layout.group_on[layout.group] if layout.n_targets else rows
    own = profile.can(EntityKind.TARGET, Field.BID)
    through_group = profile.can(EntityKind.AD_GROUP, Field.BID)
    can_bid = np.where(layout.inherits, group_open[layout.group] & through_group, own)
    resumable = rows & in_running & profile.can(EntityKind.TARGET, Field.STATE)
    return Reach(
        bid=target_open & (layout.alive | resumable) & manual[layout.campaign] & can_bid & (layout.bid_micros > 0),
        delivery=target_open & layout.alive & profile.can(EntityKind.TARGET, Field.STATE),
        resumable=target_open & resumable,
        group=group_open & layout.group_on & manual[layout.group_campaign] & through_group,
        campaign=campaign_open,
    )


def _open(answers: Answers, kind: EntityKind, number: int) -> Flags:
    flags = np.zeros(number, dtype=bool)
    flags[answers.open_rows(kind)] = True
    return flags


def _hold_special(case: Case, answers: Answers, memory: Memory) -> None:
    """Hold what is frozen, and what somebody else edited, with everything below it."""
    layout = case.layout
    for kind in EntityKind:
        answers.hold(kind, layout.rows_of(memory.frozen, kind).tolist(), because(Code.FROZEN))
    if not memory.left_alone:
        return
    rows = {kind: {identity: row for row, identity in enumerate(layout.ids(kind))} for kind in EntityKind}
    for ref, until in memory.left_alone.items():
        row = rows[ref.kind].get(ref.id)
        if row is None or until <= case.now:
            continue
        editor, at = _last_edit(case, memory, row, ref.kind)
        reason = because(Code.FOREIGN_EDIT, editor=editor, at=at, until=instant(until))
        answers.hold(ref.kind, [row], reason)
        if ref.kind is EntityKind.CAMPAIGN:
            answers.hold(EntityKind.AD_GROUP, np.flatnonzero(layout.group_campaign == row).tolist(), reason)
            answers.hold(EntityKind.TARGET, np.flatnonzero(layout.campaign == row).tolist(), reason)
        elif ref.kind is EntityKind.AD_GROUP:
            answers.hold(EntityKind.TARGET, np.flatnonzero(layout.group == row).tolist(), reason)


def _last_edit(case: Case, memory: Memory, row: int, kind: EntityKind) -> tuple[str, str]:
    identity = case.layout.ids(kind)[row]
    for past in reversed(memory.changes):
        if past.ref.kind is kind and past.ref.id == identity and past.actor is not Editor.DAEMON:
            return _who(past.actor), instant(past.at)
    return _who(Editor.UNKNOWN), "an unknown time"


def _who(editor: Editor) -> str:
    match editor:
        case Editor.PERSON:
            return "a person"
        case Editor.PLATFORM:
            return "the platform"
        case Editor.DAEMON:
            return "the daemon"
        case Editor.UNKNOWN:
            return "somebody else"


def _hold_states(case: Case, answers: Answers, memory: Memory) -> None:
    """Hold what is archived, switched off by others, or lies in something that is."""
    structure, layout = case.snapshot.structure, case.layout
    ours = {(ref.kind, ref.id) for ref in memory.paused_by_us}
    levels: tuple[tuple[EntityKind, Sequence[Campaign | AdGroup | Target]], ...] = (
        (EntityKind.CAMPAIGN, structure.campaigns),
        (EntityKind.AD_GROUP, structure.ad_groups),
        (EntityKind.TARGET, structure.targets),
    )
    for kind, entities in levels:
        for row, entity in enumerate(entities):
            if entity.state is not State.ENABLED and (kind, entity.id) not in ours:
                answers.hold(kind, [row], _not_running(entity))
    off = ~layout.group_on
    paused = because(Code.CAMPAIGN_PAUSED)
    answers.hold(EntityKind.AD_GROUP, np.flatnonzero(~layout.campaign_on[layout.group_campaign]).tolist(), paused)
    if layout.n_targets:
        answers.hold(EntityKind.TARGET, np.flatnonzero(off[layout.group]).tolist(), paused)
    strategy = np.array([not c.manual_bids for c in structure.campaigns], dtype=bool)
    if strategy.any():
        reason = because(Code.PLATFORM_STRATEGY)
        answers.hold(EntityKind.AD_GROUP, np.flatnonzero(strategy[layout.group_campaign]).tolist(), reason)
        answers.hold(EntityKind.TARGET, np.flatnonzero(strategy[layout.campaign]).tolist(), reason)


def _not_running(entity: Campaign | AdGroup | Target) -> Reason:
    if entity.state is State.ARCHIVED:
        return because(Code.ARCHIVED)
    return because(Code.NOT_OURS_TO_RESUME, editor=_who(entity.last_editor))
