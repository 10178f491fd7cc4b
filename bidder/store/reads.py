"""Looks into the record that commands need beside `bidder.queries`: an audit trail, growth of orders, windows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from sqlalchemy import select

from bidder.core.entities import AccountId
from bidder.store.sql_store import SqlStore
from models import AccountRow, AuditRow, DevelopmentRow, FactSeriesRow
from models.tables import table_of


def audit_trail(store: SqlStore, intent_key: str) -> Sequence[Mapping[str, object]]:
    """Return the audit rows of one intent, oldest first."""
    table = table_of(AuditRow)
    wanted = select(table).where(table.c.intent_key == intent_key).order_by(table.c.sequence)
    with store.database.read() as connection:
        return [dict(row) for row in connection.execute(wanted).mappings()]


def completion(store: SqlStore, account: AccountId) -> list[tuple[int, float, int]]:
    """Return (age in days, share of final gross orders visible, orders it rests on): the pooled chain ladder.

    Source: decisions.md 2.2; a step rests on the click days that were seen at both of its ages.
    """
    cell, series, accounts = table_of(DevelopmentRow), table_of(FactSeriesRow), table_of(AccountRow)
    wanted = (
        select(cell.c.day, cell.c.age, cell.c.orders)
        .join(series, series.c.id == cell.c.series_id)
        .join(accounts, accounts.c.id == series.c.account_id)
        .where(accounts.c.name == account, series.c.grain == "day")
        .order_by(cell.c.day, cell.c.age, cell.c.observed_us)
    )
    seen: dict[int, dict[int, int]] = {}
    with store.database.read() as connection:
        for day, age, orders in connection.execute(wanted):
            seen.setdefault(day, {})[age] = orders
    ages = sorted({age for by_age in seen.values() for age in by_age})
    shares = np.ones(len(ages))
    weights = [0] * len(ages)
    for position in range(len(ages) - 2, -1, -1):
        younger, older = ages[position], ages[position + 1]
        pairs = [(c[younger], c[older]) for c in seen.values() if younger in c and older in c]
        before, after = sum(a for a, _ in pairs), sum(b for _, b in pairs)
        weights[position] = after
        shares[position] = shares[position + 1] * min(before / after, 1.0) if after else shares[position + 1]
    return [(age, float(share), weight) for age, share, weight in zip(ages, shares, weights, strict=True)]


def day_windows(store: SqlStore, account: AccountId) -> tuple[int, ...]:
    """Return the attribution windows, in days, that an account has daily facts of advertising in, ascending."""
    series, accounts = table_of(FactSeriesRow), table_of(AccountRow)
    wanted = (
        select(series.c.window_days)
        .join(accounts, accounts.c.id == series.c.account_id)
        .where(accounts.c.name == account, series.c.grain == "day", series.c.window_days > 0)
        .distinct()
        .order_by(series.c.window_days)
    )
    with store.database.read() as connection:
        return tuple(connection.execute(wanted).scalars())
