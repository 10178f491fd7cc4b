"""Recognise in the next import which lines of the action sheet were carried out.

A small JSON file beside the sheet remembers the lines; the newest export says what stands now. Called by
`adapters.files.marketplace` and `bidder audit`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path

from adapters.files.actions import ActionLine
from adapters.files.building import Shop
from adapters.files.sheets import write_whole
from bidder.core.change import Field, Value
from bidder.core.entities import EntityKind, EntityRef, State
from bidder.core.money import Money
from bidder.errors import InputError

STATE_FILE = "actions.json"
_VERSION = 1
_REMEMBERED = timedelta(days=90)


class Fate(StrEnum):
    """What became of a line."""

    CARRIED_OUT = "carried_out"
    NOT_CARRIED_OUT = "not_carried_out"
    CHANGED_OTHERWISE = "changed_otherwise"
    CANNOT_TELL = "cannot_tell"


@dataclass(frozen=True, slots=True, kw_only=True)
class Remembered:
    """A line of an earlier sheet.

    Attributes:
        key: Of the intent.
        ref: The entity a person was to change.
        field: Which setting.
        old, new: What stood when it was written, and what was wanted.
        old_known: Some file stated the old value.
        written_at: When the sheet was written, UTC.
        label: For people.
    """

    key: str
    ref: EntityRef
    field: Field
    old: Value | None
    new: Value
    old_known: bool
    written_at: datetime
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FollowUp:
    """What the newest export says about a line.

    Attributes:
        observed: The value that stands now; ``None`` where no file states it.
        why: One sentence where nothing can be told.
    """

    line: Remembered
    fate: Fate
    observed: Value | None = None
    why: str = ""


def remember(folder: Path, lines: Sequence[ActionLine], *, now: datetime) -> None:
    """Add the lines of a sheet to what is remembered; a newer line for the same setting replaces the older.

    Raises:
        OSError: The file cannot be written.
        InputError: The file that is there cannot be read.
    """
    kept = {(r.ref, r.field): r for r in recall(folder) if now - r.written_at < _REMEMBERED}
    for line in lines:
        label = " / ".join(part for part in (line.names.campaign, line.names.ad_group, line.names.target) if part)
        kept[line.ref, line.change.field] = Remembered(
            key=line.key,
            ref=line.ref,
            field=line.change.field,
            old=line.change.old,
            new=line.change.new,
            old_known=line.known,
            written_at=now,
            label=label,
        )
    rows = [_to_json(r) for r in sorted(kept.values(), key=lambda r: (r.written_at, str(r.ref), r.field))]
    text = json.dumps({"version": _VERSION, "lines": rows}, ensure_ascii=False, indent=1)
    write_whole(folder / STATE_FILE, text.encode("utf-8"))


def recall(folder: Path) -> tuple[Remembered, ...]:
    """Return the lines remembered; none where no sheet was ever written.

    Raises:
        InputError: The file is damaged; it is not overwritten.
    """
    path = folder / STATE_FILE
    if not path.exists():
        return ()
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        if data["version"] != _VERSION:
            raise InputError(f"was written by another version ({data['version']}); move it away", place=str(path))
        return tuple(_from_json(row) for row in data["lines"])
    except (ValueError, KeyError, TypeError) as exc:
        raise InputError("cannot be read; move it away, earlier lines will not be recognised", place=str(path)) from exc


def follow_up(lines: Iterable[Remembered], shop: Shop, *, observed_at: datetime) -> tuple[FollowUp, ...]:
    """Judge each remembered line by the newest export.

    Args:
        lines: What was asked of people.
        shop: What the export says.
        observed_at: When the export was written; lines written later cannot be judged by it.
    """
    standing = settings_now(shop)
    return tuple(_judge(line, standing, observed_at) for line in lines)


def settings_now(shop: Shop) -> Mapping[tuple[EntityRef, Field], Value | None]:
    """Return every setting that some file states, with its value."""
    values: dict[tuple[EntityRef, Field], Value | None] = {}
    for campaign in shop.campaigns:
        ref = EntityRef(EntityKind.CAMPAIGN, campaign.id)
        values[ref, Field.STATE] = campaign.state
        values[ref, Field.DAILY_BUDGET] = campaign.daily_budget
    for group in shop.ad_groups:
        ref = EntityRef(EntityKind.AD_GROUP, group.id)
        values[ref, Field.STATE] = group.state
        values[ref, Field.BID] = group.default_bid
    for target in shop.targets:
        ref = EntityRef(EntityKind.TARGET, target.id)
        values[ref, Field.STATE] = target.state
        values[ref, Field.BID] = target.bid
    return {key: value for key, value in values.items() if key in shop.known}


def _judge(
    line: Remembered, standing: Mapping[tuple[EntityRef, Field], Value | None], observed_at: datetime
) -> FollowUp:
    if observed_at <= line.written_at:
        return FollowUp(line=line, fate=Fate.CANNOT_TELL, why="no export is newer than the sheet")
    if (line.ref, line.field) not in standing:
        return FollowUp(line=line, fate=Fate.CANNOT_TELL, why="the newest export does not state this setting")
    now = standing[line.ref, line.field]
    if _same(now, line.new):
        return FollowUp(line=line, fate=Fate.CARRIED_OUT, observed=now)
    if line.old_known and _same(now, line.old):
        return FollowUp(line=line, fate=Fate.NOT_CARRIED_OUT, observed=now)
    if not line.old_known and isinstance(line.new, Money):
        return FollowUp(line=line, fate=Fate.CANNOT_TELL, observed=now, why="what stood before the sheet is not known")
    return FollowUp(line=line, fate=Fate.CHANGED_OTHERWISE, observed=now)


def _same(first: Value | None, second: Value | None) -> bool:
    if isinstance(first, Money) and isinstance(second, Money):
        # An account whose currency was named only later still has the same amounts.
        return first.micros == second.micros
    return first == second


def _to_json(line: Remembered) -> dict[str, object]:
    return {
        "key": line.key,
        "entity": str(line.ref),
        "field": line.field.value,
        "old": _value_out(line.old),
        "new": _value_out(line.new),
        "old_known": line.old_known,
        "written_at": line.written_at.isoformat(),
        "label": line.label,
    }


def _from_json(row: Mapping[str, object]) -> Remembered:
    new = _value_in(row["new"])
    if new is None:
        raise ValueError("a remembered line wants nothing")
    written = datetime.fromisoformat(str(row["written_at"]))
    if written.tzinfo is None:
        raise ValueError("a remembered line has no time zone")
    return Remembered(
        key=str(row["key"]),
        ref=EntityRef.parse(str(row["entity"])),
        field=Field(str(row["field"])),
        old=_value_in(row["old"]),
        new=new,
        old_known=bool(row["old_known"]),
        written_at=written,
        label=str(row["label"]),
    )


def _value_out(value: Value | None) -> object:
    match value:
        case None:
            return None
        case Money():
            return {"micros": value.micros, "currency": value.currency}
        case State():
            return value.value
        case _:
            return list(value)


def _value_in(value: object) -> Value | None:
    match value:
        case None:
            return None
        case {"micros": int(micros), "currency": str(currency)}:
            return Money(micros, currency)
        case str():
            return State(value)
        case list():
            return tuple(float(v) for v in value)
        case _:
            raise ValueError(f"expected a value, was {value!r}")
