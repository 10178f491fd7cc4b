"""Reading and writing rows of facts in bulk: driver tuples in, whole columns out. Called by `bidder.store.facts`."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from sqlalchemy import Connection, Select, and_, func, insert, select
from sqlalchemy.dialects.postgresql import distinct_on

from bidder.store.frames import FactKind, restored, stored
from bidder.store.segments import HOURS, Bools, Int64, Segment, keys_of, sighted
from models import FactSightingRow
from models.tables import table_of

_SIGHTINGS = table_of(FactSightingRow)


def write_rows(
    connection: Connection, kind: FactKind, series: int, revision: int, batches: Iterable[tuple[int, Segment, Bools]]
) -> int:
    """Append rows; each batch is a day, its rows and which of them arrived late. Return how many were written."""
    columns = ["series_id", "day", *kind.key, "revision", "observed_us", "late", *kind.values]
    mark = "?" if connection.dialect.paramstyle == "qmark" else "%s"
    places = ", ".join([mark] * len(columns))
    statement = f"INSERT INTO {kind.table.name} ({', '.join(columns)}) VALUES ({places})"  # noqa: S608 -- our own names
    rows: list[tuple[Any, ...]] = []
    for day, part, late in batches:
        size = len(part)
        key = [(part.keys // HOURS).tolist()]
        if kind.hourly:
            key.append((part.keys % HOURS - 1).tolist())
        values = [stored(kind, name, column) for name, column in zip(kind.values, part.values, strict=True)]
        rows.extend(
            zip([series] * size, [day] * size, *key, [revision] * size, part.observed.tolist(), late.tolist(), *values,
                strict=True)
        )  # fmt: skip
    if rows:
        connection.exec_driver_sql(statement, rows)
    return len(rows)


def write_sightings(
    connection: Connection, series: int, revision: int, seen: Sequence[tuple[int, Segment, bool]]
) -> None:
    """Note which rows a report saw; each entry is a day, the rows, and whether they are all that are known of it."""
    rows = []
    for day, part, complete in seen:
        for instant in np.unique(part.observed).tolist():
            keys = None if complete else zlib.compress(part.keys[part.observed == instant].astype("<i8").tobytes())
            rows.append({"series_id": series, "day": day, "revision": revision, "observed_us": instant, "seen": keys})
    if rows:
        connection.execute(insert(_SIGHTINGS), rows)


def read_latest(connection: Connection, kind: FactKind, series: int, first: int, last: int) -> dict[int, Segment]:
    """Return the newest revision of each fact of the days, both ends included."""
    table = kind.table
    names = ["day", *kind.key, "observed_us", *kind.values]
    wanted = and_(table.c.series_id == series, table.c.day.between(first, last), ~table.c.late)
    key = [table.c[name] for name in ("day", *kind.key)]
    columns = [table.c[name] for name in names]
    statement: Select[Any]
    if connection.dialect.name == "sqlite":  # A bare column beside max() comes from the row of the maximum.
        statement = select(*columns, func.max(table.c.revision)).where(wanted).group_by(*key).order_by(*key)
    else:
        newest = select(*columns, table.c.revision).where(wanted).ext(distinct_on(*key))
        statement = newest.order_by(*key, table.c.revision.desc())
    rows = connection.execute(statement).all()
    segments = _segments(kind, rows)
    revisions = _by_day(rows)
    for day, revision, instant, keys in read_sightings(connection, series, first, last, until=None):
        if day in segments:
            part = segments[day]
            # A report that saw all of a day cannot have seen what came after it.
            seen = part.keys[revisions[day] <= revision] if keys is None else keys
            segments[day] = sighted(part, seen, instant)
    return segments


def read_sightings(
    connection: Connection, series: int, first: int, last: int, *, until: int | None
) -> list[tuple[int, int, int, Int64 | None]]:
    """Return day, revision, instant and keys of what reports saw, in the order they came."""
    c = _SIGHTINGS.c
    statement = select(c.day, c.revision, c.observed_us, c.seen).where(
        c.series_id == series, c.day.between(first, last)
    )
    if until is not None:
        statement = statement.where(c.observed_us <= until)
    return [
        (
            day,
            revision,
            instant,
            None if seen is None else np.frombuffer(zlib.decompress(seen), dtype="<i8").astype(np.int64),
        )
        for day, revision, instant, seen in connection.execute(statement.order_by(c.day, c.revision, c.observed_us))
    ]


def read_as_of(
    connection: Connection, kind: FactKind, series: int, first: int, last: int, until: int
) -> dict[int, Segment]:
    """Return each fact as it was known at an instant (microseconds since the epoch)."""
    table = kind.table
    names = ["day", *kind.key, "observed_us", *kind.values, "revision", "late"]
    statement = select(*(table.c[name] for name in names)).where(
        table.c.series_id == series, table.c.day.between(first, last), table.c.observed_us <= until
    )
    rows = connection.execute(statement.order_by(*(table.c[name] for name in ("day", *kind.key, "revision")))).all()
    seen: dict[int, list[tuple[int, int, Int64 | None]]] = {}
    for day, revision, instant, keys in read_sightings(connection, series, first, last, until=until):
        seen.setdefault(day, []).append((revision, instant, keys))
    found: dict[int, Segment] = {}
    by_day: dict[int, list[Any]] = {}
    for row in rows:
        by_day.setdefault(row.day, []).append(row)
    for day, group in by_day.items():
        part = _segments(kind, group)[day]
        revisions = np.array([row.revision for row in group], dtype=np.int64)
        late = np.array([row.late for row in group], dtype=bool)
        found[day] = _known_then(part, revisions, late, seen.get(day, ()))
    return found


def _known_then(part: Segment, revision: Int64, late: Bools, seen: Iterable[tuple[int, int, Int64 | None]]) -> Segment:
    """Choose, of all revisions of a day, the one that was newest, counting when each was last seen."""
    observed = part.observed.copy()
    for at, instant, keys in seen:
        standing = ~late & (revision <= at)
        if keys is not None:
            standing &= np.isin(part.keys, keys)
        rows = np.flatnonzero(standing)
        newest = rows[np.append(part.keys[rows][1:] != part.keys[rows][:-1], True)] if len(rows) else rows
        observed[newest] = np.maximum(observed[newest], instant)
    order = np.lexsort((revision, observed, part.keys))
    keys = part.keys[order]
    rows = order[np.append(keys[1:] != keys[:-1], True)]
    return Segment(keys=part.keys[rows], values=part.values[:, rows], observed=observed[rows])


def _by_day(rows: Sequence[Any]) -> dict[int, Int64]:
    """Return the revisions (last column) of rows that are sorted by day."""
    found: dict[int, list[int]] = {}
    for row in rows:
        found.setdefault(row.day, []).append(row[-1])
    return {day: np.array(revisions, dtype=np.int64) for day, revisions in found.items()}


def _segments(kind: FactKind, rows: Sequence[Any]) -> dict[int, Segment]:
    """Return rows that are sorted by day and key as one segment a day."""
    if not rows:
        return {}
    columns = list(zip(*rows, strict=True))
    day = np.array(columns[0], dtype=np.int64)
    width = len(kind.key)
    entity = np.array(columns[1], dtype=np.int64)
    hour = np.array(columns[2], dtype=np.int64) if kind.hourly else np.full(len(day), -1, dtype=np.int64)
    keys = keys_of(entity, hour)
    observed = np.array(columns[1 + width], dtype=np.int64)
    values = np.stack([restored(kind, name, columns[2 + width + n]) for n, name in enumerate(kind.values)])
    edges = np.flatnonzero(np.diff(day)) + 1
    starts, ends = np.append(0, edges).tolist(), np.append(edges, len(day)).tolist()
    return {
        int(day[start]): Segment(keys=keys[start:end], values=values[:, start:end], observed=observed[start:end])
        for start, end in zip(starts, ends, strict=True)
    }
