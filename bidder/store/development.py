"""How the totals of each click day grew from report to report: cells kept at import, the data of the maturity curve.

A cell holds one click day's totals as they stood at one age; only what differs from the cell before is written. A
report that leaves out more than a little of what is known of a day says nothing about its total and makes no cell.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sqlalchemy import Connection, insert, select

from bidder.core.performance import Development
from bidder.store.segments import Segment
from models import DevelopmentRow
from models.tables import table_of

_TABLE = table_of(DevelopmentRow)
_CLICKS, _ORDERS, _REVENUE = 1, 3, 5
"""Rows of a segment's values; see `bidder.store.frames`."""

OLDEST_AGE = 120
"""Days after the click at which nothing grows any more at any venue we know (the longest window is 30 days)."""
COVERAGE = 0.95
"""Share of a day's known rows a report must hold before its total counts."""


@dataclass(frozen=True, slots=True)
class Cell:
    """Totals of a click day at one age, as last observed at that age."""

    observed: int
    clicks: int
    orders: int
    revenue_micros: int


Cells = dict[tuple[int, int], Cell]
"""By click day and age."""


def cell_of(segment: Segment, observed: int) -> Cell:
    """Sum up a day."""
    totals = segment.values.sum(axis=1)
    return Cell(observed, int(totals[_CLICKS]), int(totals[_ORDERS]), int(totals[_REVENUE]))


def is_news(cells: Mapping[tuple[int, int], Cell], day: int, age: int, cell: Cell) -> bool:
    """Tell whether a cell says more than what is known."""
    known = cells.get((day, age))
    if known is None:
        return True
    same = (known.clicks, known.orders, known.revenue_micros) == (cell.clicks, cell.orders, cell.revenue_micros)
    return cell.observed > known.observed and not same


def write_cells(connection: Connection, series: int, cells: Mapping[tuple[int, int], Cell]) -> None:
    """Append cells."""
    rows = [
        {
            "series_id": series,
            "day": day,
            "age": age,
            "observed_us": cell.observed,
            "clicks": cell.clicks,
            "orders": cell.orders,
            "revenue_micros": cell.revenue_micros,
        }
        for (day, age), cell in cells.items()
    ]
    if rows:
        connection.execute(insert(_TABLE), rows)


def read_cells(connection: Connection, series: int, first: int, last: int, *, until: int | None = None) -> Cells:
    """Return the newest cell of each click day and age."""
    wanted = select(_TABLE).where(_TABLE.c.series_id == series, _TABLE.c.day.between(first, last))
    if until is not None:
        wanted = wanted.where(_TABLE.c.observed_us <= until)
    rows: Sequence[Any] = connection.execute(wanted.order_by(_TABLE.c.observed_us)).all()
    return {(r.day, r.age): Cell(r.observed_us, r.clicks, r.orders, r.revenue_micros) for r in rows}


def development(cells: Cells, first: int, last: int, window_days: int) -> Development:
    """Return the growth of the given click days.

    At age 0 the day was still open: its orders are scaled to the clicks it had in the end, so that ages compare.
    """
    chosen = sorted((place, cell) for place, cell in cells.items() if first <= place[0] <= last)
    newest: dict[int, Cell] = {}
    for (day, _), cell in chosen:
        newest[day] = cell
    orders, revenue = [], []
    for (day, age), cell in chosen:
        scale = newest[day].clicks / cell.clicks if age == 0 and cell.clicks else 1.0
        orders.append(round(cell.orders * scale))
        revenue.append(round(cell.revenue_micros * scale))
    return Development(
        window_days=window_days,
        day=np.array([day for (day, _), _ in chosen], dtype=np.int32),
        age=np.array([age for (_, age), _ in chosen], dtype=np.int32),
        orders=np.array(orders, dtype=np.int64),
        revenue_micros=np.array(revenue, dtype=np.int64),
    )
