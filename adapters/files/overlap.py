"""Count money once, though several files tell of it: the newest file of a kind wins, the finest division wins.

A folder holds last month's report beside this month's, a campaign report beside a keyword report, the same download
twice. Every row left out keeps its reason and its figures. Called by `adapters.files.importing`; pure.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from adapters.files.facts import AT, Fact, Reading
from adapters.files.identity import Ids
from adapters.files.mapping import Role
from adapters.files.totals import Exclusion, add_up
from bidder.core.calendar import DayRange

_SPEND = AT[Role.SPEND]
_STAMP = re.compile(r"(?<![0-9])(20[0-9]{6})[_\-T]?([0-9]{6})?(?![0-9])")


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """A fact with the ids it resolves to.

    Attributes:
        reading: Index of its file among the readings.
        days: Days it covers; stated or assumed, never absent.
    """

    fact: Fact
    ids: Ids
    reading: int
    days: DayRange


@dataclass(frozen=True, slots=True, kw_only=True)
class Merged:
    """Facts that are counted, and an account of the others.

    Attributes:
        kept: Facts to be imported.
        exclusions: By index of the reading.
        sentences: What was replaced by what, and what one file says about another.
    """

    kept: tuple[Placed, ...]
    exclusions: tuple[tuple[int, Exclusion], ...]
    sentences: tuple[str, ...]


def newest_first(readings: Sequence[Reading]) -> list[int]:
    """Return indices of readings, the one downloaded last first.

    Judged by the last day covered, then by a time in the file's name, then by when the file was written, then by name.
    """

    def key(index: int) -> tuple[object, ...]:
        reading = readings[index]
        span = reading.span
        stamps = ["".join(part or "" for part in m.groups()) for m in _STAMP.finditer(reading.name)]
        return (
            span.last.toordinal() if span else 0,
            max(stamps, default=""),
            reading.table.grid.source.modified_at,
            reading.name,
        )

    return sorted(range(len(readings)), key=key, reverse=True)


def merge(readings: Sequence[Reading], placed: Sequence[Placed]) -> Merged:
    """Choose which facts are counted."""
    by_reading: dict[int, list[Placed]] = defaultdict(list)
    for item in placed:
        by_reading[item.reading].append(item)
    exclusions: list[tuple[int, Exclusion]] = []
    sentences: list[str] = []
    current = _drop_restated(readings, by_reading, exclusions, sentences)
    kept = _drop_coarser(readings, current, exclusions, sentences)
    return Merged(kept=tuple(kept), exclusions=tuple(exclusions), sentences=tuple(sentences))


def _drop_restated(
    readings: Sequence[Reading],
    by_reading: dict[int, list[Placed]],
    exclusions: list[tuple[int, Exclusion]],
    sentences: list[str],
) -> dict[int, list[Placed]]:
    """Drop facts of older files that a newer file of the same kind tells again."""
    seen: dict[tuple[object, ...], list[tuple[DayRange, int]]] = defaultdict(list)
    current: dict[int, list[Placed]] = {}
    for index in newest_first(readings):
        reading = readings[index]
        replaced: dict[int, list[Placed]] = defaultdict(list)
        current[index] = []
        for item in by_reading[index]:
            newer = next((r for days, r in seen[_kind(reading, item)] if _meet(days, item.days)), None)
            (current[index] if newer is None else replaced[newer]).append(item)
        for item in by_reading[index]:
            seen[_kind(reading, item)].append((item.days, index))
        for newer, items in replaced.items():
            exclusions.append((index, _exclusion(f"told again by the newer {readings[newer].name}", items)))
            before = _spend(items)
            keys = {(i.ids.target, i.days) for i in items}
            after = _spend([i for i in by_reading[newer] if (i.ids.target, i.days) in keys])
            changed = "unchanged" if before == after else f"{before} became {after}"
            sentences.append(
                f"{len(items)} rows of {reading.name} are told again by {readings[newer].name}, which wins: "
                f"spend {changed}"
            )
    return current


def _kind(reading: Reading, item: Placed) -> tuple[object, ...]:
    if reading.daily:
        return (reading.detail, True, item.ids.target, item.days.first)
    return (reading.detail, False, item.ids.target)


def _meet(a: DayRange, b: DayRange) -> bool:
    return a.first <= b.last and b.first <= a.last


def _drop_coarser(
    readings: Sequence[Reading],
    current: dict[int, list[Placed]],
    exclusions: list[tuple[int, Exclusion]],
    sentences: list[str],
) -> list[Placed]:
    """Drop facts of campaigns on days that a file with a finer division, or with days instead of a period, covers."""
    order = sorted(current, key=lambda i: (-readings[i].detail, not readings[i].daily))
    claimed: dict[str, list[tuple[DayRange, int]]] = defaultdict(list)
    kept: list[Placed] = []
    ranks = {i: (readings[i].detail, readings[i].daily) for i in current}
    for index in order:
        covered: dict[int, list[Placed]] = defaultdict(list)
        mine: list[Placed] = []
        for item in current[index]:
            better = next(
                (r for days, r in claimed[item.ids.campaign] if ranks[r] != ranks[index] and _meet(days, item.days)),
                None,
            )
            (mine if better is None else covered[better]).append(item)
        kept.extend(mine)
        if mine:
            span = DayRange(first=min(i.days.first for i in mine), last=max(i.days.last for i in mine))
            for campaign in {item.ids.campaign for item in mine}:
                claimed[campaign].append((span, index))
        for better, items in covered.items():
            exclusions.append((index, _exclusion(f"the same money is counted in {readings[better].name}", items)))
            said = _compare(readings, index, better, items, kept)
            if said:
                sentences.append(said)
    return kept


def _compare(
    readings: Sequence[Reading], index: int, better: int, items: Sequence[Placed], kept: Sequence[Placed]
) -> str:
    """Say what a coarser file states for the same campaigns and days: a check of the finer one."""
    if readings[index].daily != readings[better].daily:
        return ""
    keys = {(item.ids.campaign, item.days.first) for item in items}
    fine = _spend([i for i in kept if i.reading == better and (i.ids.campaign, i.days.first) in keys])
    coarse = _spend(items)
    name, other = readings[index].name, readings[better].name
    if fine == coarse:
        return f"{name} states the same spend as {other} for the same campaigns and days: {coarse}"
    gap = abs(coarse - fine)
    more = "more" if coarse > fine else "less"
    return (
        f"{name} states {gap} {more} spend than {other} for the same campaigns and days ({coarse} against {fine}): "
        f"{'spend that is not broken down further, or rounding' if coarse > fine else 'a filter, or rounding'}"
    )


def _exclusion(reason: str, items: Sequence[Placed]) -> Exclusion:
    return Exclusion(reason=reason, rows=len(items), sums=add_up([item.fact.values for item in items]))


def _spend(items: Sequence[Placed]) -> Decimal:
    return sum((item.fact.values[_SPEND] or Decimal(0) for item in items), Decimal(0))
