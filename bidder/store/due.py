"""When an account was last attended to, from the record: what the daemon decides "due" by."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import func, select

from bidder.core.entities import AccountId
from bidder.store.sql_store import SqlStore
from models import AccountRow, CycleRow
from models.tables import table_of

_ACCOUNTS, _CYCLES = table_of(AccountRow), table_of(CycleRow)


def last_cycle_at(store: SqlStore, account: AccountId) -> datetime | None:
    """Return the instant the account's newest cycle was for, held ones included; ``None`` before the first."""
    wanted = (
        select(func.max(_CYCLES.c.as_of))
        .join(_ACCOUNTS, _ACCOUNTS.c.id == _CYCLES.c.account_id)
        .where(_ACCOUNTS.c.name == account)
    )
    with store.database.read() as connection:
        found: datetime | None = connection.execute(wanted).scalar()
        return found
