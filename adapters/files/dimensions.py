"""Propose what the rows speak of: campaign, ad group, target, and which columns merely split them further.

The second half of `adapters.files.proposal`: names are found by what they are called, then by what makes rows unique.
"""

from __future__ import annotations

from collections.abc import Sequence

from adapters.files.choice import Choice, Column
from adapters.files.days import Cell
from adapters.files.mapping import METRICS, Role
from adapters.files.vocabulary import ADS, LOOSE_IDS, SEGMENTS

_TIMES = (Role.DAY, Role.WEEK, Role.MONTH, Role.DAY_OF_MONTH, Role.YEAR, Role.START, Role.END)
_NAMES = (
    Role.CAMPAIGN_ID,
    Role.CAMPAIGN,
    Role.AD_GROUP_ID,
    Role.AD_GROUP,
    Role.TARGET_ID,
    Role.TARGET,
    Role.MATCH_TYPE,
    Role.SEARCH_TERM,
    Role.PRODUCT,
    Role.ACCOUNT_ID,
    Role.ACCOUNT,
)
_FINE = (Role.TARGET, Role.TARGET_ID, Role.SEARCH_TERM, Role.AD_GROUP, Role.AD_GROUP_ID, Role.PRODUCT)
_MAX_PARTS = 6


def name_entities(choice: Choice, sample: Sequence[Sequence[Cell]], *, console: bool) -> None:
    """Complete the roles that name campaigns, ad groups and targets."""
    _take_segments(choice)
    _take_second_ids(choice, sample)
    _take_ads(choice)
    if console:
        choice.segments.extend(
            c.index for c in choice.free() if c.heading.key in {"placement", "placements", "age", "gender", "hour"}
        )
        return
    if Role.CAMPAIGN not in choice.taken and Role.CAMPAIGN_ID not in choice.taken:
        _find_campaign(choice, sample)
    _find_target(choice, sample)


def _take_segments(choice: Choice) -> None:
    for column in choice.free():
        if column.heading.key in SEGMENTS:
            choice.segments.append(column.index)
    hour = choice.taken.pop(Role.HOUR, None)
    if hour:
        choice.segments.extend(hour)


def _take_second_ids(choice: Choice, sample: Sequence[Sequence[Cell]]) -> None:
    """Read a second id of a campaign kind, finer than the first, as the ad group."""
    first = choice.column(Role.CAMPAIGN_ID)
    if first is None or Role.AD_GROUP_ID in choice.taken or Role.AD_GROUP in choice.taken:
        return
    for column in choice.free():
        words = column.heading.key.split()
        named = words and words[-1] == "id" and column.heading.words & LOOSE_IDS[Role.CAMPAIGN_ID]
        if named and _determines(sample, column.index, first.index):
            choice.taken[Role.AD_GROUP_ID] = [column.index]
            choice.sentences.append(
                f"each {column.heading.text} lies within one {first.heading.text}: it is read as the ad group"
            )
            return


def _determines(sample: Sequence[Sequence[Cell]], fine: int, coarse: int) -> bool:
    seen: dict[Cell, Cell] = {}
    return all(seen.setdefault(row[fine], row[coarse]) == row[coarse] for row in sample)


def _take_ads(choice: Choice) -> None:
    """Read advertisements as ad groups where they are called so, else as targets where there is nothing finer."""
    for column in choice.free():
        if column.heading.key not in ADS:
            continue
        plain = column.profile.first.casefold().replace("_", " ").replace("-", " ")
        if plain.startswith(("ad group", "adgroup", "ad set", "adset")) and Role.AD_GROUP not in choice.taken:
            choice.taken[Role.AD_GROUP] = [column.index]
            choice.sentences.append(f"{column.heading.text} names ad groups, as its cells say")
    if any(role in choice.taken for role in (Role.TARGET, Role.TARGET_ID, Role.SEARCH_TERM)):
        return
    ads = [c for c in choice.free() if c.heading.key in ADS]
    if ads:
        best = max(ads, key=lambda c: c.profile.distinct)
        choice.taken[Role.TARGET_ID if best.heading.key.endswith("id") else Role.TARGET] = [best.index]
        choice.sentences.append(f"each {best.heading.text} is read as one target")
    elif Role.TARGET_ID not in choice.taken:
        return


def _keys(choice: Choice) -> list[int]:
    return [i for role in (*_TIMES, *_NAMES) for i in choice.taken.get(role, ())] + choice.segments


def _unique(sample: Sequence[Sequence[Cell]], indices: Sequence[int]) -> int:
    """Return how many rows are told apart by these columns."""
    return len({tuple(row[i] for i in indices) for row in sample})


def _dimensions(choice: Choice) -> list[Column]:
    """Return free columns that could name something: not figures with decimals, not row numbers."""
    return [
        c
        for c in choice.free()
        if c.profile.whole == c.profile.numeric
        and 1 <= c.profile.distinct < max(c.profile.rows, 2)
        and c.profile.filled == c.profile.rows
        and not c.profile.signs
        and not c.heading.percent
        and not c.heading.ratio
    ]


def _find_campaign(choice: Choice, sample: Sequence[Sequence[Cell]]) -> None:
    """Find what stands for campaigns in a table that does not name them."""
    if any(role in choice.taken for role in _FINE):
        choice.sentences.append("no column names the campaign: all rows are read as one campaign")
        return
    rows = len({tuple(row) for row in sample})
    if _unique(sample, _keys(choice)) == rows:
        choice.sentences.append("no column names campaigns: the file is read as one campaign")
        return
    for column in sorted(_dimensions(choice), key=lambda c: c.profile.distinct):
        if _unique(sample, [*_keys(choice), column.index]) == rows:
            choice.taken[Role.CAMPAIGN] = [column.index]
            choice.sentences.append(f"each {column.heading.text} is read as a campaign: nothing else tells rows apart")
            return
    choice.sentences.append("no column names campaigns: the file is read as one campaign")


def _find_target(choice: Choice, sample: Sequence[Sequence[Cell]]) -> None:
    """Put together what tells rows of one campaign and day apart, where nothing names a target."""
    if any(role in choice.taken for role in _FINE):
        return
    rows = len({tuple(row) for row in sample})
    keys = _keys(choice)
    if _unique(sample, keys) == rows:
        return
    parts: list[Column] = []
    free = [c for c in _dimensions(choice) if not _counts(c)]
    while _unique(sample, [*keys, *(p.index for p in parts)]) < rows and free and len(parts) < _MAX_PARTS:
        best = max(free, key=lambda c: _unique(sample, [*keys, *(p.index for p in parts), c.index]))
        gained = _unique(sample, [*keys, *(p.index for p in parts), best.index])
        if gained == _unique(sample, [*keys, *(p.index for p in parts)]):
            break
        parts.append(best)
        free.remove(best)
    if parts:
        parts.sort(key=lambda c: c.index)
        choice.taken[Role.TARGET] = [p.index for p in parts]
        named = " with ".join(p.heading.text or "a column without heading" for p in parts)
        choice.sentences.append(f"no column names a target: each {named} within a campaign is read as one")


def _counts(column: Column) -> bool:
    """Tell a column of counts, which must not pass for a name, by its many different whole numbers."""
    seen = column.profile
    return seen.numeric == 1 and (seen.distinct > seen.rows**0.5 or any(w in METRICS for w in column.heading.words))
