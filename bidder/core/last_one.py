"""Never everything: of pauses of any kinds, those that together leave something running.

A paused campaign and a paused target can do together what neither does alone. Called by `bidder.core.guards`.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from bidder.core.change import Change
from bidder.core.entities import EntityKind
from bidder.core.layout import Flags, Layout, Rows


def leaving_some(pauses: Iterable[Change], layout: Layout) -> list[Change]:
    """Return the pauses, first come first served, that together leave at least one of what runs running.

    What runs are enabled targets in enabled ad groups and campaigns; without any, enabled ad groups, then campaigns.
    A pause of what does not run changes nothing and always stays.
    """
    rows = {kind: {identity: row for row, identity in enumerate(layout.ids(kind))} for kind in EntityKind}
    running, members = _what_runs(layout)
    running, left = running.copy(), int(running.sum())
    kept: list[Change] = []
    for change in pauses:
        row = rows[change.ref.kind][change.ref.id]
        inside = members.get(change.ref.kind)
        if inside is None:
            stopped = np.array([row] if running[row] else [], dtype=np.intp)
        else:
            stopped = np.flatnonzero(running & (inside == row))
        if len(stopped) == left > 0:
            continue
        running[stopped] = False
        left -= len(stopped)
        kept.append(change)
    return kept


def _what_runs(layout: Layout) -> tuple[Flags, dict[EntityKind, Rows]]:
    """Return the lowest level at which anything runs, and for the kinds above it which row holds each of its rows.

    Kinds below that level stop nothing: they are given rows that hold none.
    """
    if layout.alive.any():
        return layout.alive, {EntityKind.CAMPAIGN: layout.campaign, EntityKind.AD_GROUP: layout.group}
    if layout.group_on.any():
        none = np.full(len(layout.group_on), -1, dtype=np.intp)
        return layout.group_on, {EntityKind.CAMPAIGN: layout.group_campaign, EntityKind.TARGET: none}
    none = np.full(layout.n_campaigns, -1, dtype=np.intp)
    return layout.campaign_on, {EntityKind.AD_GROUP: none, EntityKind.TARGET: none}
