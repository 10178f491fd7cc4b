"""Where the books of accounts stand: read on first use, in step with the database, thrown away when a write fails."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime

from sqlalchemy import Connection

from bidder.core.entities import Account, AccountId
from bidder.store import accounts, books
from bidder.store.audit import AuditEvent, Chain
from bidder.store.books import Books
from bidder.store.database import Database

FACTS_IN_MEMORY = 512 * 2**20
"""Bytes of facts kept in memory over all accounts; those not used for longest go first."""


@dataclass(slots=True)
class Unit:
    """One write transaction with what it tells the audit."""

    connection: Connection
    events: list[AuditEvent] = field(default_factory=list)


class Shelf:
    """The books of all accounts of one database.

    Args:
        database: Transactions.
        chain: The audit.
        rehearsal: Whether changes count as made though they were withheld.
    """

    def __init__(self, database: Database, chain: Chain, *, rehearsal: bool) -> None:
        self._database = database
        self._chain = chain
        self._rehearsal = rehearsal
        self._books: dict[AccountId, Books] = {}

    @contextmanager
    def unit(self, account: AccountId | None) -> Iterator[Unit]:
        """Run one write transaction; its audit rows are sealed at the end, and anchored once it is committed."""
        head = None
        with ExitStack() as undo:
            if account is not None:
                undo.callback(self._books.pop, account, None)
            with self._database.write() as connection:
                unit = Unit(connection)
                yield unit
                if unit.events:
                    head = self._chain.append(connection, unit.events)
            undo.pop_all()
        if head is not None:
            self._chain.anchor.write(head)

    def enter(self, unit: Unit, account: Account, now: datetime) -> accounts.AccountRecord:
        """Enter an account that is new, or check that it still is the one that was entered.

        Raises:
            ConfigError: Its currency, time zone, adapter or id at the venue changed.
        """
        found = accounts.find(unit.connection, account.id)
        if found is None:
            what = f"{account.adapter} {account.remote_id}, {account.currency}, {account.time_zone}"
            unit.events.append(AuditEvent(at=now, actor="daemon", action="connect", account=account.id, detail=what))
            return accounts.register(unit.connection, account, now=now)
        mended = replace(found.account, currency=account.currency, time_zone=account.time_zone)
        if found.structure_at is None and mended != found.account:
            what = f"corrected to {account.currency}, {account.time_zone} before anything was known"
            unit.events.append(AuditEvent(at=now, actor="daemon", action="connect", account=account.id, detail=what))
            accounts.correct(unit.connection, found.number, mended)
            found = replace(found, account=mended)
        accounts.require_same(found.account, account)
        if found.account.owner != account.owner:
            accounts.rename_owner(unit.connection, found.number, account.owner)
        return replace(found, account=account)

    def entered(self, unit: Unit, account: Account, now: datetime) -> Books:
        """Return an account's books, entering the account where it is new."""
        known = self.known(unit.connection, account.id)
        if known is not None and known.record.account == account:
            return known
        record = self.enter(unit, account, now)
        self._books[account.id] = self._load(unit.connection, record)
        return self._books[account.id]

    def known(self, connection: Connection, account: AccountId) -> Books | None:
        """Return an account's books as they stand in the database, ``None`` where it was never entered."""
        known = self._books.pop(account, None)
        if known is None or not self._in_step(connection, known):
            record = accounts.find(connection, account)
            if record is None:
                return None
            known = self._load(connection, record)
        self._books[account] = known
        while len(self._books) > 1 and sum(b.facts.nbytes for b in self._books.values()) > FACTS_IN_MEMORY:
            del self._books[next(iter(self._books))]
        return known

    def empty(self, connection: Connection, account: Account, as_of: datetime) -> Books:
        """Return books of an account that was never entered: nothing is known of it."""
        return self._load(connection, accounts.AccountRecord(number=0, account=account, first_seen=as_of))

    def clear(self) -> None:
        """Forget all books."""
        self._books.clear()

    def _load(self, connection: Connection, record: accounts.AccountRecord) -> Books:
        return books.load(connection, record, rehearsal=self._rehearsal)

    def _in_step(self, connection: Connection, known: Books) -> bool:
        """Tell whether no other process wrote a cycle or a report since."""
        return self._database.private or known.marks == books.marks(connection, known.record.number)
