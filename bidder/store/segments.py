"""Facts as columns in memory: one segment for each day, never changed once made, so that snapshots may share them.

A *frame* is a batch of facts of one day; a *segment* is all that is known of it, newest revision of each, with when
each was last seen. `merge` compares the two and says which rows are news. Pure; knows neither rows nor domain tables.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Int64 = NDArray[np.int64]
Bools = NDArray[np.bool_]

HOURS = 32
"""Room for the hour (0 for none, 1 to 24) in a key; a power of two above 25."""


def keys_of(entity: Int64, hour: Int64) -> Int64:
    """Return the sort key of rows within a day; ``hour`` is -1 in facts by day."""
    return entity * HOURS + hour + 1


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Segment:
    """Facts of one day, sorted by key.

    Attributes:
        keys: See `keys_of`, shape (n,), ascending, unique.
        values: One row for each value column, shape (n_columns, n).
        observed: When each was last seen, microseconds since the epoch, shape (n,).
    """

    keys: Int64
    values: Int64
    observed: Int64

    def __len__(self) -> int:
        return len(self.keys)

    @classmethod
    def nothing(cls, columns: int) -> Segment:
        """Return a segment of no rows."""
        empty = np.zeros(0, dtype=np.int64)
        return cls(keys=empty, values=np.zeros((columns, 0), dtype=np.int64), observed=empty)

    @property
    def nbytes(self) -> int:
        """Bytes it holds."""
        return self.keys.nbytes + self.values.nbytes + self.observed.nbytes


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Merge:
    """What a frame says beside a segment.

    Attributes:
        segment: All that is known now.
        news: Rows of the frame that are new or differ from the newest known: to be written.
        late: Rows of the frame that are older than what is known of them: to be written as late, also where they say
            the same, for the view of an instant between the two has nothing else to show.
        complete: Every row known of the day stands in the frame, and all of it was seen at one instant.
    """

    segment: Segment
    news: Bools
    late: Bools
    complete: bool


def merge(known: Segment, frame: Segment) -> Merge:
    """Compare a frame with what is known of its day."""
    place = np.searchsorted(known.keys, frame.keys)
    inside = np.minimum(place, max(len(known) - 1, 0))
    found = (known.keys[inside] == frame.keys) if len(known) else np.zeros(len(frame), dtype=bool)
    differs = np.ones(len(frame), dtype=bool)
    older = np.zeros(len(frame), dtype=bool)
    rows = inside[found]
    if len(rows):
        differs[found] = (known.values[:, rows] != frame.values[:, found]).any(axis=0)
        older[found] = frame.observed[found] < known.observed[rows]
    news = differs & ~older
    segment = _merged(known, frame, rows, found, news)
    complete = len(rows) == len(known) and not older.any() and bool((frame.observed == frame.observed[:1]).all())
    return Merge(segment=segment, news=news, late=older, complete=complete)


def _merged(known: Segment, frame: Segment, rows: Int64, found: Bools, news: Bools) -> Segment:
    """Build the new segment; untouched columns are copied, never changed in place."""
    observed = known.observed.copy()
    observed[rows] = np.maximum(observed[rows], frame.observed[found])
    values = known.values
    changed = found & news
    if changed.any():
        values = values.copy()
        values[:, rows[news[found]]] = frame.values[:, changed]
    if found.all():
        return Segment(keys=known.keys, values=values, observed=observed)
    keys = np.concatenate([known.keys, frame.keys[~found]])
    order = np.argsort(keys, kind="stable")
    return Segment(
        keys=keys[order],
        values=np.concatenate([values, frame.values[:, ~found]], axis=1)[:, order],
        observed=np.concatenate([observed, frame.observed[~found]])[order],
    )


def sighted(segment: Segment, keys: Int64, observed: int) -> Segment:
    """Return the segment after rows were seen again unchanged."""
    latest = segment.observed.copy()
    rows = np.searchsorted(segment.keys, keys)
    latest[rows] = np.maximum(latest[rows], observed)
    return Segment(keys=segment.keys, values=segment.values, observed=latest)
