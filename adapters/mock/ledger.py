"""What happened, day by day: hourly blocks while they are young, daily totals for ever.

A block is written while its day is open, then frozen and shared between forks. Invalid clicks are taken back within
`REMOVAL_HOURS`; after that a day is settled and its totals are kept, and hourly columns are dropped once they are
older than `HOURLY_DAYS`. Beside what reports may show, a block holds the expected results that only `truth` reads.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Self

import numpy as np
from numpy.typing import NDArray

from adapters.mock.arrays import Floats, Ints

REMOVAL_HOURS = 72
"""Invalid clicks are taken back between half a day and this long after the click."""

HOURLY_DAYS = 40
"""Days for which facts by hour can be asked for."""

COUNTS = ("impressions", "clicks", "spend_micros", "carts", "favourites")
EXPECTED = ("expected_clicks", "expected_spend_micros", "expected_orders", "expected_value_micros")
SHELF = ("visitors", "carts", "in_stock", "stock", "units")

Int32 = NDArray[np.int32]
Float32 = NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Removals:
    """Invalid clicks with the hour at which they are taken back; int64 arrays of shape (n_rows,)."""

    step: Ints
    target: Ints
    clicks: Ints
    spend_micros: Ints
    hour: Ints

    @classmethod
    def joined(cls, parts: list[Removals]) -> Removals:
        """Return all rows of the parts."""
        if not parts:
            return cls(**{f.name: np.zeros(0, dtype=np.int64) for f in fields(cls)})
        return cls(**{f.name: np.concatenate([getattr(part, f.name) for part in parts]) for f in fields(cls)})


@dataclass(slots=True, kw_only=True, eq=False)
class Block:
    """One day by hour; columns of shape (n_hours, n_targets), gross of removals.

    Attributes:
        played: Hours played so far.
        impressions, clicks, carts, favourites: int32. spend_micros: int64.
        expected_*: float32, net of invalid clicks; value is contribution after refunds with the organic lift,
            before spend.
        shelf_*: int64 by (n_hours, n_products): organic visitors and carts, in stock (0 or 1), stock at the end of
            the hour, units sold on all channels.
        shelf_expected_units: float64, organic units expected.
        served: (n_hours, n_campaigns) share of the hour that budgets let through.
        removals: Invalid clicks, as they were drawn.
    """

    played: int
    impressions: Int32
    clicks: Int32
    spend_micros: Ints
    carts: Int32
    favourites: Int32
    expected_clicks: Float32
    expected_spend_micros: Float32
    expected_orders: Float32
    expected_value_micros: Float32
    shelf_visitors: Ints
    shelf_carts: Ints
    shelf_in_stock: Ints
    shelf_stock: Ints
    shelf_units: Ints
    shelf_expected_units: Floats
    served: Float32
    removals: list[Removals] = field(default_factory=list)

    @classmethod
    def of(cls, hours: int, targets: int, products: int, campaigns: int) -> Self:
        """Return an empty block."""
        counts, expected, shelf = (hours, targets), (hours, targets), (hours, products)
        return cls(
            played=0,
            impressions=np.zeros(counts, dtype=np.int32),
            clicks=np.zeros(counts, dtype=np.int32),
            spend_micros=np.zeros(counts, dtype=np.int64),
            carts=np.zeros(counts, dtype=np.int32),
            favourites=np.zeros(counts, dtype=np.int32),
            expected_clicks=np.zeros(expected, dtype=np.float32),
            expected_spend_micros=np.zeros(expected, dtype=np.float32),
            expected_orders=np.zeros(expected, dtype=np.float32),
            expected_value_micros=np.zeros(expected, dtype=np.float32),
            shelf_visitors=np.zeros(shelf, dtype=np.int64),
            shelf_carts=np.zeros(shelf, dtype=np.int64),
            shelf_in_stock=np.zeros(shelf, dtype=np.int64),
            shelf_stock=np.zeros(shelf, dtype=np.int64),
            shelf_units=np.zeros(shelf, dtype=np.int64),
            shelf_expected_units=np.zeros(shelf),
            served=np.ones((hours, campaigns), dtype=np.float32),
        )

    def copy(self) -> Self:
        """Return an independent copy."""
        columns = {f.name: getattr(self, f.name) for f in fields(self)}
        return type(self)(
            **{name: value.copy() if hasattr(value, "copy") else value for name, value in columns.items()}
        )

    def frozen(self) -> Self:
        """Make the columns read-only; forks share them from now on."""
        for f in fields(self):
            value = getattr(self, f.name)
            if isinstance(value, np.ndarray):
                value.flags.writeable = False
        self.removals = [Removals.joined(self.removals)]
        return self

    def removed(self, before_hour: int) -> tuple[Int32, Ints]:
        """Return clicks and spend taken back before an hour index, each (n_hours, n_targets)."""
        rows = Removals.joined(self.removals)
        due = rows.hour < before_hour
        clicks = np.zeros_like(self.clicks)
        spend = np.zeros_like(self.spend_micros)
        np.add.at(clicks, (rows.step[due], rows.target[due]), rows.clicks[due])
        np.add.at(spend, (rows.step[due], rows.target[due]), rows.spend_micros[due])
        return clicks, spend


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DayTotals:
    """A settled day: sums of a block's columns, net of removals.

    Attributes:
        counts: int64 (n_columns, n_targets) in the order of `COUNTS`.
        expected: float64 (n_columns, n_targets) in the order of `EXPECTED`.
        shelf: float64 (n_columns, n_products) in the order of `SHELF`: sums, but the day's last stock.
        shelf_expected_units: (n_products,)
        dark_hours: (n_campaigns,) hours lost to empty budgets.
    """

    counts: Ints
    expected: Floats
    shelf: Floats
    shelf_expected_units: Floats
    dark_hours: Floats


def totals(block: Block, *, before_hour: int, start_hour: int) -> DayTotals:
    """Sum a block as it was known before an hour index.

    Args:
        block: The day.
        before_hour: Hours from this one on are left out, and removals too.
        start_hour: Hour index of the day's first hour.
    """
    hours = slice(0, min(max(before_hour - start_hour, 0), block.played))
    counts = np.stack([getattr(block, name)[hours].sum(axis=0, dtype=np.int64) for name in COUNTS])
    rows = Removals.joined(block.removals)
    due = rows.hour < before_hour
    np.subtract.at(counts[COUNTS.index("clicks")], rows.target[due], rows.clicks[due])
    np.subtract.at(counts[COUNTS.index("spend_micros")], rows.target[due], rows.spend_micros[due])
    shelf = np.stack([getattr(block, f"shelf_{name}")[hours].sum(axis=0, dtype=np.float64) for name in SHELF])
    if hours.stop:
        shelf[SHELF.index("stock")] = block.shelf_stock[hours.stop - 1]
    return DayTotals(
        counts=counts,
        expected=np.stack([getattr(block, name)[hours].sum(axis=0, dtype=np.float64) for name in EXPECTED]),
        shelf=shelf,
        shelf_expected_units=block.shelf_expected_units[hours].sum(axis=0),
        dark_hours=(1.0 - block.served[hours].astype(np.float64)).sum(axis=0),
    )


@dataclass(slots=True, kw_only=True, eq=False)
class Ledger:
    """All days of a market; ``blocks[day_index]`` is ``None`` once only totals are kept.

    Attributes:
        settled: Totals by day index, ``None`` while removals are still possible.
    """

    blocks: list[Block | None] = field(default_factory=list)
    settled: list[DayTotals | None] = field(default_factory=list)

    def open_day(self, block: Block) -> None:
        """Append the block of a new day."""
        self.blocks.append(block)
        self.settled.append(None)

    def close_day(self, starts: Ints, now_hour: int) -> None:
        """Freeze the last day, settle the days whose removals are over, drop hourly columns that are too old.

        Args:
            starts: Hour index at which each day starts, and the day after the last.
            now_hour: Hours played.
        """
        last = len(self.blocks) - 1
        block = self.blocks[last]
        if block is not None:
            self.blocks[last] = block.frozen()
        for index in range(max(0, last - HOURLY_DAYS - 1), last + 1):
            block = self.blocks[index]
            if block is None:
                continue
            if self.settled[index] is None and starts[index + 1] + REMOVAL_HOURS <= now_hour:
                self.settled[index] = totals(block, before_hour=now_hour, start_hour=int(starts[index]))
            if index <= last - HOURLY_DAYS:
                self.blocks[index] = None

    def copy(self) -> Self:
        """Return a copy that shares every closed day."""
        blocks = list(self.blocks)
        if blocks and (last := blocks[-1]) is not None and last.clicks.flags.writeable:
            blocks[-1] = last.copy()
        return type(self)(blocks=blocks, settled=list(self.settled))
