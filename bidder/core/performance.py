"""Performance facts as columns: what the venue reported, for which day, seen when.

Adapters fill the tables, the store keeps every revision, the forecaster reads the latest view. Arrays are
checked once on construction and read-only afterwards. A row that is not there is missing, not zero.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import datetime
from enum import StrEnum
from typing import Self

import numpy as np
from numpy.typing import NDArray

from bidder.core.calendar import DayRange, from_ordinal, require_aware

Int64 = NDArray[np.int64]
Int32 = NDArray[np.int32]
Int8 = NDArray[np.int8]
Float64 = NDArray[np.float64]
Column = Int64 | Int32 | Int8 | Float64

MISSING = -1
"""Marks a count that the venue does not report, in columns of counts that some venues lack."""


class Level(StrEnum):
    """What one row speaks of."""

    CAMPAIGN = "campaign"
    AD_GROUP = "ad_group"
    TARGET = "target"


class Grain(StrEnum):
    """How much time one row covers."""

    DAY = "day"
    HOUR = "hour"


def _checked(name: str, values: Column, dtype: str, length: int) -> Column:
    array: Column = np.ascontiguousarray(values).astype(dtype, copy=False)
    if array.shape != (length,):
        raise ValueError(f"column {name} must have shape ({length},), was {array.shape}")
    if array.dtype == np.float64 and np.isinf(array).any():
        raise ValueError(f"column {name} holds an infinity")
    array = array.view()
    array.flags.writeable = False
    return array


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PerformanceTable:
    """Advertising facts of one account, all arrays of shape (n_rows,), no order promised.

    Attributes:
        level: What ``entity_ids`` name.
        grain: Day or hour.
        window_days: Attribution window in which orders and revenue are counted, days after the click.
        currency: Of all ``*_micros`` columns.
        entity_ids: Ids that ``entity`` points into.
        entity: Row's index into ``entity_ids``, int32.
        day: Click day as days since 1970-01-01 in the marketplace's zone, int32.
        hour: Marketplace hour 0..23, or -1 in a table by day, int8.
        impressions, clicks, orders, units: Counts, int64, at least 0. ``units`` is -1 where not reported.
        spend_micros, revenue_micros: Money, int64, at least 0. Revenue is gross of refunds.
        carts, favourites: Counts, int64, -1 where the venue does not report them.
        observed_at: When the row was read, microseconds since the epoch (UTC), int64.
    """

    level: Level
    grain: Grain
    window_days: int
    currency: str
    entity_ids: tuple[str, ...]
    entity: Int32
    day: Int32
    hour: Int8
    impressions: Int64
    clicks: Int64
    spend_micros: Int64
    orders: Int64
    units: Int64
    revenue_micros: Int64
    carts: Int64
    favourites: Int64
    observed_at: Int64

    def __post_init__(self) -> None:
        length = len(self.entity)
        kinds = {"entity": "int32", "day": "int32", "hour": "int8"}
        for name in COLUMNS:
            array = _checked(name, getattr(self, name), kinds.get(name, "int64"), length)
            object.__setattr__(self, name, array)
        if length and not (self.entity.min() >= 0 and self.entity.max() < len(self.entity_ids)):
            raise ValueError("column entity points outside entity_ids")

    def __len__(self) -> int:
        return len(self.entity)

    def take(self, rows: NDArray[np.bool_] | NDArray[np.intp]) -> Self:
        """Return the chosen rows; the ids stay."""
        same = {f.name: getattr(self, f.name) for f in fields(self) if f.name not in COLUMNS}
        return type(self)(**same, **{name: getattr(self, name)[rows] for name in COLUMNS})

    def within(self, days: DayRange) -> Self:
        """Return the rows of the given click days."""
        first, last = days.first.toordinal() - _SHIFT, days.last.toordinal() - _SHIFT
        return self.take((self.day >= first) & (self.day <= last))

    def span(self) -> DayRange | None:
        """Return first and last click day present, or ``None`` when empty."""
        if not len(self):
            return None
        return DayRange(first=from_ordinal(int(self.day.min())), last=from_ordinal(int(self.day.max())))

    @classmethod
    def empty(cls, *, level: Level, grain: Grain, window_days: int, currency: str) -> Self:
        """Return a table of no rows."""
        nothing = np.zeros(0, dtype=np.int64)
        return cls(level=level, grain=grain, window_days=window_days, currency=currency, entity_ids=(),
                   **dict.fromkeys(COLUMNS, nothing))  # type: ignore[arg-type]  # fmt: skip


_SHIFT = 719163
"""``date.toordinal()`` of 1970-01-01."""

COLUMNS = (
    "entity", "day", "hour", "impressions", "clicks", "spend_micros", "orders", "units", "revenue_micros",
    "carts", "favourites", "observed_at",
)  # fmt: skip
"""Array columns of `PerformanceTable`, in order."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ProductSalesTable:
    """Daily sales of products on all channels, arrays of shape (n_rows,).

    Attributes:
        currency: Of the money columns.
        product_ids: Ids that ``product`` points into.
        product: Index into ``product_ids``, int32.
        day: Order day, days since 1970-01-01 in the marketplace's zone, int32.
        units: Paid units, int64. refunded_units: of them, refunded so far.
        revenue_micros: Gross revenue, int64. refund_micros: of it, refunded so far.
        visitors, carts: int64, -1 where unknown.
        in_stock_hours: Hours of the day in which it could be bought, float64, nan where unknown.
        observed_at: Microseconds since the epoch (UTC), int64.
    """

    currency: str
    product_ids: tuple[str, ...]
    product: Int32
    day: Int32
    units: Int64
    refunded_units: Int64
    revenue_micros: Int64
    refund_micros: Int64
    visitors: Int64
    carts: Int64
    in_stock_hours: Float64
    observed_at: Int64

    def __post_init__(self) -> None:
        length = len(self.product)
        kinds = {"product": "int32", "day": "int32", "in_stock_hours": "float64"}
        for name in PRODUCT_COLUMNS:
            array = _checked(name, getattr(self, name), kinds.get(name, "int64"), length)
            object.__setattr__(self, name, array)
        if length and not (self.product.min() >= 0 and self.product.max() < len(self.product_ids)):
            raise ValueError("column product points outside product_ids")

    def __len__(self) -> int:
        return len(self.product)

    def take(self, rows: NDArray[np.bool_] | NDArray[np.intp]) -> Self:
        """Return the chosen rows; the ids stay."""
        return type(self)(
            currency=self.currency,
            product_ids=self.product_ids,
            **{name: getattr(self, name)[rows] for name in PRODUCT_COLUMNS},
        )

    @classmethod
    def empty(cls, *, currency: str) -> Self:
        """Return a table of no rows."""
        nothing = np.zeros(0, dtype=np.int64)
        return cls(currency=currency, product_ids=(), **dict.fromkeys(PRODUCT_COLUMNS, nothing))  # type: ignore[arg-type]


PRODUCT_COLUMNS = (
    "product", "day", "units", "refunded_units", "revenue_micros", "refund_micros", "visitors", "carts",
    "in_stock_hours", "observed_at",
)  # fmt: skip
"""Array columns of `ProductSalesTable`, in order."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PerformanceReport:
    """One answer to a request for performance.

    Attributes:
        facts: Advertising facts.
        products: Sales on all channels for the same days; ``None`` where the venue does not tell.
        days: The days asked for.
        account_spend_micros: The venue's own total of spend over those days, for a check; ``None`` where not told.
        observed_at: When the venue was asked, UTC.
    """

    facts: PerformanceTable
    products: ProductSalesTable | None
    days: DayRange
    account_spend_micros: int | None
    observed_at: datetime

    def __post_init__(self) -> None:
        require_aware(self.observed_at, "observed_at")


@dataclass(frozen=True, slots=True, kw_only=True)
class Pending:
    """A report that the venue is still preparing: ask again with the same days; the account is held meanwhile.

    Attributes:
        job: The venue's id of the report job.
        requested_at: When it was asked for, UTC.
    """

    job: str
    requested_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Development:
    """How gross orders of past click days grew from report to report: the data of the maturity curve.

    All arrays of shape (n_cells,): one cell for each (click day, age at observation) that was observed, summed
    over the entities that were seen in both this and the previous observation.

    Attributes:
        day: Click day ordinal, int32. age: Whole days between click day and observation, int32.
        orders: Gross orders visible at that age, int64. revenue_micros: Gross revenue likewise.
        window_days: Attribution window of the counts.
    """

    window_days: int
    day: Int32
    age: Int32
    orders: Int64
    revenue_micros: Int64

    def __post_init__(self) -> None:
        length = len(self.day)
        for name, kind in (
            ("day", "int32"),
            ("age", "int32"),
            ("orders", "int64"),
            ("revenue_micros", "int64"),
        ):
            object.__setattr__(self, name, _checked(name, getattr(self, name), kind, length))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class History:
    """All facts a decision may rest on, latest revision of each, up to one instant.

    Attributes:
        daily: Facts by day at the finest level the venue reports, one window only.
        hourly: Facts by hour (campaign level at least), or an empty table.
        products: Sales on all channels.
        development: Growth of reports, for maturity.
        excluded_days: Click-day ordinals that nothing is learned from, int32.
    """

    daily: PerformanceTable
    hourly: PerformanceTable
    products: ProductSalesTable
    development: Development
    excluded_days: Int32


def micros_since_epoch(instant: datetime) -> int:
    """Return the exact int64 form of an aware instant."""
    delta = require_aware(instant) - _EPOCH
    return (delta.days * 86_400 + delta.seconds) * 1_000_000 + delta.microseconds


_EPOCH = datetime.fromisoformat("1970-01-01T00:00:00+00:00")
