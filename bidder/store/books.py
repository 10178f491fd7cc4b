"""What the store remembers of one account between calls; thrown away and read again when a transaction fails."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import Connection, bindparam, func, select

from bidder.core.policy import LimitPolicy
from bidder.core.scorecard import NO_CLAIMS, Claims, judged_days
from bidder.store.accounts import AccountRecord
from bidder.store.changes import ChangeBook
from bidder.store.claims import read_claims
from bidder.store.cycles import last_acting_version, last_forecast_day, last_recorded
from bidder.store.facts import FactBook
from bidder.store.holds import HoldBook
from bidder.store.ledger import Ledger
from bidder.store.sampled import SampleBook
from bidder.store.stages import StageBook
from bidder.store.structure import StructureBook
from bidder.store.turns import TurnBook
from models import CycleRow, ReportRow
from models.tables import table_of

_CYCLES = table_of(CycleRow)
_REPORTS = table_of(ReportRow)

_MARKS = select(
    select(func.max(_CYCLES.c.id)).where(_CYCLES.c.account_id == bindparam("of_account")).scalar_subquery(),
    select(func.max(_REPORTS.c.id)).where(_REPORTS.c.account_id == bindparam("of_account")).scalar_subquery(),
)

LONG_GAP = timedelta(hours=24)
"""After this long without a cycle, the next one is careful again."""


@dataclass(slots=True)
class Books:
    """Everything about one account that is kept in memory.

    Attributes:
        last_cycle, last_as_of: The newest cycle that decided something.
        acting_version: Code version that acted last; ``None`` where nothing was ever sent.
        marks: Newest cycle and report in the database, to notice when another process wrote.
        told: Past forecasts that were read, with their days.
    """

    record: AccountRecord
    structure: StructureBook
    facts: FactBook
    holds: HoldBook
    changes: ChangeBook
    stages: StageBook
    turns: TurnBook
    sampled: SampleBook
    ledger: Ledger
    last_cycle: int | None
    last_as_of: datetime | None
    acting_version: str | None
    forecast_day: date | None
    marks: tuple[int | None, int | None]
    told: tuple[tuple[date, ...], Claims] | None = None

    def claims(self, connection: Connection, *, today: date) -> Claims:
        """Return the past forecasts that can be judged today; read once a week, for no other day enters sooner."""
        window = self.facts.longest_window
        if window is None:
            return NO_CLAIMS
        days = judged_days(today, window)
        if self.told is None or self.told[0] != days:
            self.told = (days, read_claims(connection, self.record.number, days))
        return self.told[1]

    def canary(self, *, code_version: str, as_of: datetime) -> str | None:
        """Say what makes the next cycle a careful one, if anything does."""
        if self.acting_version is None:
            return "installation"
        if self.acting_version != code_version:
            return f"the upgrade from {self.acting_version} to {code_version}"
        if self.last_as_of is not None and as_of - self.last_as_of > LONG_GAP:
            return f"a gap of {(as_of - self.last_as_of) / timedelta(hours=1):.0f} hours"
        return None

    def observing_until(self, limits: LimitPolicy, *, as_of: datetime) -> datetime | None:
        """Return until when the account is only observed, ``None`` where that is over."""
        until = self.record.first_seen + timedelta(days=limits.observe_days)
        return until if until > as_of else None


def load(connection: Connection, record: AccountRecord, *, rehearsal: bool) -> Books:
    """Read what stands of one account."""
    number = record.number
    recorded = last_recorded(connection, number)
    return Books(
        record=record,
        structure=StructureBook.load(connection, record),
        facts=FactBook.load(connection, record),
        holds=HoldBook.load(connection, number),
        changes=ChangeBook.load(connection, number),
        stages=StageBook.load(connection, number),
        turns=TurnBook.load(connection, number),
        sampled=SampleBook.load(connection, number),
        ledger=Ledger(number, record.account.currency),
        last_cycle=None if recorded is None else recorded[0],
        last_as_of=None if recorded is None else recorded[1],
        acting_version=last_acting_version(connection, number, rehearsal=rehearsal),
        forecast_day=last_forecast_day(connection, number),
        marks=marks(connection, number),
    )


def marks(connection: Connection, account: int) -> tuple[int | None, int | None]:
    """Return the newest cycle and report of an account."""
    found = connection.execute(_MARKS, {"of_account": account}).one()
    return found[0], found[1]
