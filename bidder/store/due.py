"""When an account was attended to, from the record: what the daemon decides "due" and "too long" by."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select

from bidder.core.entities import AccountId
from bidder.store.sql_store import SqlStore
from models import AccountRow, CycleRow
from models.tables import table_of

_ACCOUNTS, _CYCLES = table_of(AccountRow), table_of(CycleRow)


@dataclass(frozen=True, slots=True, kw_only=True)
class Attended:
    """An account's cycles so far; ``None`` where there was none.

    Attributes:
        first: Instant of the first cycle.
        last: Instant of the newest finished one, good or held. After the clock ran back it may lie in the future.
        decided: Instant of the newest that decided.
        sentence: What the newest finished one said.
    """

    first: datetime | None = None
    last: datetime | None = None
    decided: datetime | None = None
    sentence: str = ""


def attended(store: SqlStore, account: AccountId) -> Attended:
    """Return when an account was attended to; the newest is the one entered last, whatever its clock said."""
    number = select(_ACCOUNTS.c.id).where(_ACCOUNTS.c.name == account).scalar_subquery()
    mine = _CYCLES.c.account_id == number
    newest = select(_CYCLES.c.as_of, _CYCLES.c.sentence).where(mine, _CYCLES.c.finished_at.is_not(None))
    with store.database.read() as connection:
        last = connection.execute(newest.order_by(_CYCLES.c.id.desc()).limit(1)).one_or_none()
        if last is None:
            return Attended(first=connection.execute(select(func.min(_CYCLES.c.as_of)).where(mine)).scalar())
        good = select(_CYCLES.c.as_of).where(mine, _CYCLES.c.ok.is_(True)).order_by(_CYCLES.c.id.desc()).limit(1)
        return Attended(
            first=connection.execute(select(func.min(_CYCLES.c.as_of)).where(mine)).scalar(),
            last=last.as_of,
            decided=connection.execute(good).scalar(),
            sentence=last.sentence,
        )
