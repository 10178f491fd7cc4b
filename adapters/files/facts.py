"""What a reader hands on: rows with their names, days and exact figures, before anything is rounded or merged."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from enum import IntEnum

from adapters.files.formats import Format
from adapters.files.mapping import METRICS, ColumnMapping, Role
from adapters.files.refusals import Refusal
from adapters.files.tables import Table
from adapters.files.totals import Exclusion, Sums
from bidder.core.calendar import DayRange

AT = {role: index for index, role in enumerate(METRICS)}
"""Where each metric stands in a tuple of values."""


class Detail(IntEnum):
    """How finely rows divide an account; of two files on the same money, the finer is used."""

    CAMPAIGN = 0
    AD_GROUP = 1
    PRODUCT = 2
    SEARCH_TERM = 3
    TARGET = 4


@dataclass(frozen=True, slots=True)
class Names:
    """What a row speaks of, as the file writes it; empty texts where it does not say."""

    campaign_id: str = ""
    campaign: str = ""
    ad_group_id: str = ""
    ad_group: str = ""
    target_id: str = ""
    target: str = ""
    match: str = ""
    product: str = ""


@dataclass(frozen=True, slots=True)
class Fact:
    """One row of figures.

    Attributes:
        row: Row of the file.
        names: What it speaks of.
        days: Days it covers; ``None`` where the file does not say.
        values: In the order of `METRICS`; money in units of the currency; ``None`` where missing.
    """

    row: int
    names: Names
    days: DayRange | None
    values: tuple[Decimal | None, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What a row says an entity is set to; ``None`` where it does not say.

    Attributes:
        day: Last day the row covers, for the latest word; ``None`` for a snapshot.
    """

    names: Names
    day: date | None = None
    campaign_state: str | None = None
    ad_group_state: str | None = None
    state: str | None = None
    bid: Decimal | None = None
    default_bid: Decimal | None = None
    daily_budget: Decimal | None = None
    product: str = ""
    manual_bids: bool | None = None
    entity: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """One table, read.

    Attributes:
        table: Where it comes from.
        format: Who wrote it.
        mapping: What was read from which column.
        detail: How finely it divides the account.
        daily: Each row covers one day.
        facts: Rows of figures.
        settings: What entities are set to.
        sentences: Assumptions, for people.
        refusals: What could not be read.
        exclusions: Rows left out.
        in_file: Sum of every row of data.
        stated: What totals rows say, by their label; the overall one first.
        currency: ISO code; empty where nothing says.
        currency_stated: The file says it; else it was inferred from the language.
        shared_sign: A sign beside amounts that several currencies share, such as $.
        window_days: Attribution window of orders and revenue.
        window_stated: The file or a person states it; else it is the console's usual one.
        accounts: Ids or names of accounts in the rows.
        present: Metrics the file has, its own or derived.
        order_value: A revenue was derived from it.
    """

    table: Table
    format: Format
    mapping: ColumnMapping
    detail: Detail
    daily: bool
    facts: tuple[Fact, ...]
    settings: tuple[Setting, ...]
    sentences: tuple[str, ...]
    refusals: tuple[Refusal, ...]
    exclusions: tuple[Exclusion, ...]
    in_file: Sums
    stated: tuple[tuple[str, dict[Role, Decimal]], ...] = ()
    currency: str = ""
    currency_stated: bool = True
    shared_sign: str = ""
    window_days: int = 30
    window_stated: bool = True
    accounts: frozenset[str] = frozenset()
    present: frozenset[Role] = frozenset()
    segments: tuple[str, ...] = ()
    unused: tuple[str, ...] = ()
    gaps: tuple[str, ...] = field(default=())

    @property
    def name(self) -> str:
        """Name of the file, with the sheet."""
        return self.table.name

    @property
    def span(self) -> DayRange | None:
        """Return first and last day covered, or ``None`` where no row says."""
        days = [fact.days for fact in self.facts if fact.days is not None]
        if not days:
            return None
        return DayRange(first=min(d.first for d in days), last=max(d.last for d in days))
