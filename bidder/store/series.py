"""One series of facts in memory (of one account, level, grain and window), and the numbers of its entities."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from sqlalchemy import Connection, func, insert, select

from bidder.core.performance import Grain, PerformanceTable, ProductSalesTable
from bidder.store.database import new_id
from bidder.store.development import Cells, read_cells
from bidder.store.fact_rows import read_latest
from bidder.store.frames import FactKind, kind_of
from bidder.store.segments import Int64, Segment
from models import FactEntityRow, FactSeriesRow
from models.tables import table_of

_SERIES = table_of(FactSeriesRow)
_ENTITIES = table_of(FactEntityRow)


@dataclass(slots=True, kw_only=True)
class Series:
    """Facts of one level, grain and window.

    Attributes:
        first, last: Days with facts; ``None`` where there are none.
        loaded_from: Days from here on are in ``days``, newest revision of each fact.
        cells: Growth of the days loaded.
        joined: Tables handed out since the last change, by first and last day.
    """

    id: int
    grain: Grain
    level: str
    window_days: int
    first: int | None = None
    last: int | None = None
    loaded_from: int = 0
    days: dict[int, Segment] = field(default_factory=dict)
    cells: Cells = field(default_factory=dict)
    joined: dict[tuple[int, int], PerformanceTable | ProductSalesTable] = field(default_factory=dict)
    newest: int = 0

    @property
    def kind(self) -> FactKind:
        """The table it lies in."""
        return kind_of(self.grain, self.level)

    @property
    def nbytes(self) -> int:
        """Bytes of the facts in memory."""
        return sum(part.nbytes for part in self.days.values())

    def ensure(self, connection: Connection, first: int) -> None:
        """Load days from ``first`` on."""
        if first >= self.loaded_from:
            return
        if self.first is not None and self.last is not None and self.first < self.loaded_from:
            until = min(self.loaded_from - 1, self.last)
            found = read_latest(connection, self.kind, self.id, first, until)
            self.days = {**found, **self.days}
            self.cells.update(read_cells(connection, self.id, first, until))
            self.newest = max([self.newest, *(int(part.observed.max()) for part in found.values())])
        self.loaded_from = first

    def between(self, first: int, last: int) -> dict[int, Segment]:
        """Return the loaded days of a span that have facts, ascending."""
        return {day: self.days[day] for day in range(first, last + 1) if day in self.days}

    def put(self, changed: Mapping[int, Segment], cells: Cells) -> None:
        """Replace days."""
        if not changed:
            return
        self.days.update(changed)
        self.cells.update(cells)
        self.joined.clear()
        self.first = min(changed) if self.first is None else min(self.first, *changed)
        self.last = max(changed) if self.last is None else max(self.last, *changed)
        self.newest = max(self.newest, *(int(part.observed.max()) for part in changed.values()))


def load_series(connection: Connection, account: int) -> list[Series]:
    """Find out which series an account has; their facts are read when they are asked for."""
    found = []
    for row in connection.execute(select(_SERIES).where(_SERIES.c.account_id == account).order_by(_SERIES.c.id)):
        series = Series(id=row.id, grain=Grain(row.grain), level=row.level, window_days=row.window_days)
        table = series.kind.table
        ends = select(func.min(table.c.day), func.max(table.c.day)).where(table.c.series_id == row.id)
        series.first, series.last = connection.execute(ends).one()
        series.loaded_from = 0 if series.last is None else series.last + 1
        found.append(series)
    return found


def new_series(connection: Connection, account: int, grain: Grain, level: str, window_days: int) -> Series:
    """Enter a series that is new; there is nothing to load."""
    row = {"account_id": account, "grain": grain.value, "level": level, "window_days": window_days}
    number = new_id(connection.execute(insert(_SERIES).values(row)))
    return Series(id=number, grain=grain, level=level, window_days=window_days, loaded_from=_ALWAYS)


_ALWAYS = -(2**31)
"""Before every day: a new series has nothing that is not in memory."""


class EntityNumbers:
    """Short numbers for the ids that facts speak of, dense within each level."""

    def __init__(self) -> None:
        self._names: dict[str, tuple[str, ...]] = {}
        self._numbers: dict[str, dict[str, int]] = {}

    @classmethod
    def load(cls, connection: Connection, account: int) -> EntityNumbers:
        """Read all numbers given so far."""
        numbers = cls()
        c = _ENTITIES.c
        statement = select(c.level, c.remote_id, c.number).where(c.account_id == account).order_by(c.level, c.number)
        for level, remote_id, number in connection.execute(statement):
            numbers._numbers.setdefault(level, {})[remote_id] = number
        numbers._names = {level: tuple(known) for level, known in numbers._numbers.items()}
        return numbers

    def names(self, level: str) -> tuple[str, ...]:
        """Return all ids of a level, in the order of their numbers."""
        return self._names.get(level, ())

    def of(self, connection: Connection, account: int, level: str, ids: Sequence[str]) -> Int64:
        """Return the number of each id; new ids get the next ones, in the caller's transaction."""
        known = self._numbers.setdefault(level, {})
        fresh = [identity for identity in dict.fromkeys(ids) if identity not in known]
        if fresh:
            start = len(known)
            rows = [
                {"account_id": account, "level": level, "number": start + n, "remote_id": identity}
                for n, identity in enumerate(fresh)
            ]
            connection.execute(insert(_ENTITIES), rows)
            known.update((identity, start + n) for n, identity in enumerate(fresh))
            self._names[level] = tuple(known)
        return np.array([known[identity] for identity in ids], dtype=np.int64)
