"""`SqlStore`: the store the cycle talks to. Each public method is one transaction; here they are put together.

What is remembered of an account (`bidder.store.books`) moves in step with the database: a failed transaction throws the
memory away, and so does a cycle or report that another process wrote.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import Connection

from bidder.core.calendar import DayRange, day_of
from bidder.core.change import Intent, Outcome, PastChange, Status
from bidder.core.entities import Account, AccountId, Editor, Structure
from bidder.core.performance import Grain, History, PerformanceReport
from bidder.core.plan import Draft, Verdict
from bidder.core.policy import LimitPolicy, Policy
from bidder.core.prediction import Forecast
from bidder.core.reconcile import FOREIGN_CODE, Settlement
from bidder.core.snapshot import Memory, Mode, Snapshot
from bidder.ports import AdapterMemory, CycleRecord
from bidder.store import accounts, books, control, cycles, intents
from bidder.store.audit import AuditEvent, Chain
from bidder.store.books import Books
from bidder.store.database import Database
from bidder.store.digests import forecast_digest, input_digest
from bidder.store.memo import SqlAdapterMemory
from bidder.store.spend import day_spend, month_spend

FACTS_IN_MEMORY = 512 * 2**20
"""Bytes of facts kept in memory over all accounts; those not used for longest go first."""


@dataclass(slots=True)
class Unit:
    """One write transaction with what it tells the audit."""

    connection: Connection
    events: list[AuditEvent] = field(default_factory=list)


class SqlStore:
    """The database behind `bidder.ports.Store`, on SQLite or PostgreSQL.

    Built by `bidder.store.open_store`.

    Args:
        database: Transactions.
        chain: The audit.
        rehearsal: Whether nothing is ever sent with this database.
        stop_file: A file whose existence halts everything.
    """

    def __init__(self, database: Database, chain: Chain, *, rehearsal: bool, stop_file: Path | None) -> None:
        self.database = database
        self.chain = chain
        self.rehearsal = rehearsal
        self._stop_file = stop_file
        self._limits: dict[AccountId, LimitPolicy] = {}
        self._books: dict[AccountId, Books] = {}

    def __repr__(self) -> str:
        return f"SqlStore({self.database.engine.url.render_as_string(hide_password=True)!r})"

    # Accounts and people

    def rule(self, account: Account, policy: Policy) -> None:
        """State the policy an account is under: how long it is observed and foreign edits are left alone."""
        self._limits[account.id] = policy.limits

    def register(self, account: Account, *, now: datetime) -> None:
        """Enter an account, or check that it still is the one that was entered.

        Raises:
            ConfigError: Its currency, time zone, adapter or id at the venue changed.
        """
        with self._unit(account.id) as unit:
            self._record(unit, account, now)

    def adapter_memory(self, account: Account) -> AdapterMemory:
        """Return the durable memory of the account's adapter."""
        return SqlAdapterMemory(self.database, account)

    def mode(self, account: AccountId) -> Mode:
        """Return the stricter of the account's and the global mode, read afresh; a STOP file counts as HALTED."""
        with self.database.read() as connection:
            return control.mode_of(connection, account, self._stop_file)

    def set_mode(self, account: AccountId | None, mode: Mode, *, actor: str, reason: str, now: datetime) -> None:
        """Set the mode of one account, or of everything where ``account`` is ``None``; audited with its reason."""
        with self._unit(None) as unit:
            unit.events.append(control.set_mode(unit.connection, account, mode, actor=actor, reason=reason, now=now))

    def armed(self, account: AccountId) -> bool:
        """Tell whether the account is armed for live writes."""
        with self.database.read() as connection:
            return control.is_armed(connection, account)

    def arm(self, account: AccountId, *, armed: bool, actor: str, reason: str, now: datetime) -> None:
        """Arm or disarm an account for live writes; audited with its reason."""
        with self._unit(None) as unit:
            unit.events.append(
                control.set_armed(unit.connection, account, armed=armed, actor=actor, reason=reason, now=now)
            )

    def remember_config(self, text: str, *, now: datetime) -> None:
        """Keep the configuration that is in force, without its secrets, under its fingerprint."""
        with self._unit(None) as unit:
            chain = self.chain
            event = control.remember_config(
                unit.connection, chain.config_fingerprint, text, code_version=chain.code_version, now=now
            )
            unit.events += [] if event is None else [event]

    # What the venue said

    def last_structure(self, account: AccountId) -> Structure | None:
        """Return the structure saved last."""
        with self.database.read() as connection:
            known = self._known(connection, account)
            return None if known is None else known.structure.structure

    def save_structure(
        self, account: Account, structure: Structure, foreign: Sequence[PastChange], *, now: datetime
    ) -> None:
        """Save the structure; record and audit edits by others."""
        with self._unit(account.id) as unit:
            known = self._entered(unit, account, now)
            known.structure.save(unit.connection, structure)
            known.ledger.follow(unit.connection, structure, foreign, now=now)
            self._note_edits(unit, known, foreign)

    def coverage(self, account: AccountId, grain: Grain) -> DayRange | None:
        """Return the span of click days with facts of that grain."""
        with self.database.read() as connection:
            known = self._known(connection, account)
            return None if known is None else known.facts.coverage(grain)

    def save_report(self, account: Account, grain: Grain, report: PerformanceReport) -> None:
        """Append facts as new revisions; restated values never overwrite older ones."""
        with self._unit(account.id) as unit:
            known = self._entered(unit, account, report.observed_at)
            known.facts.save(unit.connection, grain, report)
            known.marks = (known.marks[0], known.facts.last_report)

    def history(self, account: Account, *, window_days: int, days: DayRange, as_of: datetime) -> History:
        """Return the latest revision of every fact known at ``as_of``."""
        with self.database.read() as connection:
            known = self._known(connection, account.id)
            if known is None:
                known = self._empty(connection, account, as_of)
            return known.facts.history(connection, window_days=window_days, days=days, as_of=as_of)

    def exclude_days(self, account: Account, days: DayRange, *, actor: str, reason: str, now: datetime) -> None:
        """Let nothing be learned from click days, both ends included; audited with its reason."""
        with self._unit(account.id) as unit:
            known = self._entered(unit, account, now)
            known.facts.exclude(unit.connection, days, reason=reason, now=now)
            what = f"nothing is learned from {days.first} to {days.last}: {reason}"
            unit.events.append(AuditEvent(at=now, actor=actor, action="exclude", account=account.id, detail=what))

    def memory(self, account: Account, *, as_of: datetime) -> Memory:
        """Return what our record holds about the account."""
        limits = self._limits.get(account.id, LimitPolicy())
        with self.database.read() as connection:
            known = self._known(connection, account.id)
            if known is None:
                known = self._empty(connection, account, as_of)
            number = known.record.number
            return Memory(
                changes=known.changes.recent(as_of=as_of),
                frozen=frozenset(intent.change.ref for intent in intents.unsettled(connection, number)),
                left_alone=known.changes.left_alone(as_of=as_of),
                paused_by_us=known.changes.paused_by_us(),
                stages=dict(known.stages.stages),
                observing_until=known.observing_until(limits, as_of=as_of),
                canary=known.canary(code_version=self.chain.code_version, as_of=as_of),
                day_spend_micros=day_spend(connection, known, as_of=as_of),
                month_spend_micros=month_spend(connection, known, as_of=as_of),
            )

    # Decisions and what became of them

    def record(self, snapshot: Snapshot, forecast: Forecast, draft: Draft, verdict: Verdict) -> CycleRecord:
        """Commit the cycle, its forecast, decisions, holds and intents, before any write leaves."""
        account, as_of = snapshot.account, snapshot.as_of
        with self._unit(account.id) as unit:
            connection, known = unit.connection, self._entered(unit, account, as_of)
            number = known.record.number
            cycle = cycles.open_cycle(connection, {
                "account_id": number,
                "mode": snapshot.mode.value,
                "as_of": as_of,
                "input_digest": input_digest(
                    snapshot,
                    structure=known.structure.digest_of(snapshot.structure),
                    audit=self.chain.head(connection).hash,
                ),
                "forecast_digest": forecast_digest(forecast),
                "structure_version": known.structure.version,
                "structure_at": snapshot.structure.observed_at,
                "last_report": known.facts.last_report or None,
                "config_fingerprint": self.chain.config_fingerprint,
                "code_version": self.chain.code_version,
                "figures": cycles.figures_text(draft.figures),
                "changes_wanted": len(draft.changes),
                "changes_planned": len(verdict.plan.changes),
                "holds": len(verdict.holds),
            })  # fmt: skip
            day = day_of(as_of, account.time_zone)
            if known.forecast_day is None or day > known.forecast_day:
                cycles.write_forecast(connection, number, cycle, day, forecast)
                known.forecast_day = day
            cycles.write_decisions(connection, cycle, draft, verdict)
            known.holds.update(connection, verdict.holds, cycle=cycle, previous_cycle=known.last_cycle, as_of=as_of)
            known.stages.save(connection, draft.stages)
            known.stages.save_lines(connection, draft.clearance, cycle=cycle, day=day)
            written = intents.write(connection, account, number, cycle, verdict.plan.changes, as_of=as_of)
            known.changes.add_intents(written)
            known.last_cycle, known.last_as_of = cycle, as_of
            known.marks = (cycle, known.marks[1])
        return CycleRecord(cycle_id=cycle, intents=written)

    def open_intents(self, account: AccountId) -> tuple[Intent, ...]:
        """Return intents whose outcome is not certain, oldest first."""
        with self.database.read() as connection:
            found = accounts.find(connection, account)
            return () if found is None else intents.unsettled(connection, found.number)

    def seen_old(self, account: AccountId) -> Mapping[int, int]:
        """Return, by intent id, how often in a row the old value was read back after the settle window."""
        with self.database.read() as connection:
            found = accounts.find(connection, account)
            return {} if found is None else intents.seen_old(connection, found.number)

    def reserve(self, account: Account, intent: Intent, *, cap_micros: int, now: datetime) -> str | None:
        """Reserve the money of one intent under the cap, in one transaction with marking it as being sent."""
        return self.reserve_all(account, [intent], cap_micros=cap_micros, now=now)[0]

    def reserve_all(
        self, account: Account, wanted: Sequence[Intent], *, cap_micros: int, now: datetime
    ) -> list[str | None]:
        """Reserve the money of several intents, each beside those before it, in one transaction."""
        with self._unit(account.id) as unit:
            known = self._entered(unit, account, now)
            answers = known.ledger.reserve(unit.connection, wanted, cap_micros=cap_micros, now=now)
            granted = [intent for intent, why in zip(wanted, answers, strict=True) if why is None]
            intents.mark_sent(unit.connection, granted, now=now)
        return answers

    def resolve(self, account: Account, intent: Intent, outcome: Outcome, *, now: datetime) -> Intent:
        """Record a venue's answer, move the reservation, append the audit; return the intent as it now stands."""
        return self.resolve_all(account, [(intent, outcome)], now=now)[0]

    def resolve_all(
        self, account: Account, answers: Sequence[tuple[Intent, Outcome]], *, now: datetime
    ) -> tuple[Intent, ...]:
        """Record several answers in one transaction; return the intents in order."""
        with self._unit(account.id) as unit:
            known = self._entered(unit, account, now)
            done = intents.answer(unit.connection, answers, now=now)
            known.ledger.release(unit.connection, [i for i in done if not i.status.unsettled], now=now)
            for intent, (_, outcome) in zip(done, answers, strict=True):
                if intent.status is Status.CONFIRMED:
                    stands = intent.change.new if outcome.observed is None else outcome.observed
                    known.ledger.confirm(unit.connection, intent.change.ref, intent.change.field, stands, now=now)
                if self.rehearsal or intent.status is not Status.WITHHELD:
                    known.acting_version = self.chain.code_version
                known.changes.update(intent)
            self._tell(unit, account, done, now=now)
        return done

    def settle(self, account: Account, settlements: Sequence[Settlement], *, now: datetime) -> None:
        """Record settlements, free reservations, append the audit."""
        if not settlements:
            return
        with self._unit(account.id) as unit:
            known = self._entered(unit, account, now)
            done = intents.settle(unit.connection, settlements, now=now)
            known.ledger.release(unit.connection, [i for i in done if not i.status.unsettled], now=now)
            for intent, settlement in zip(done, settlements, strict=True):
                ref, what = intent.change.ref, intent.change.field
                if intent.status is Status.CONFIRMED:
                    known.ledger.confirm(unit.connection, ref, what, intent.change.new, now=now)
                elif settlement.observed is not None:
                    foreign = intent.status is Status.FOREIGN
                    known.ledger.observe(unit.connection, ref, what, settlement.observed, foreign=foreign)
                known.changes.update(intent)
            moved = [i for i, s in zip(done, settlements, strict=True) if i.status is not s.intent.status]
            self._tell(unit, account, moved, now=now)
            self._note_edits(unit, known, [edit for s in settlements if (edit := _adopted(s, now)) is not None])

    def finish(self, account: Account, cycle_id: int | None, *, ok: bool, sentence: str, now: datetime) -> None:
        """Close the cycle with its one sentence; ``cycle_id`` is ``None`` where the cycle was held before recording."""
        with self._unit(account.id) as unit:
            known = self._entered(unit, account, now)
            if cycle_id is None:
                cycle_id = cycles.open_cycle(unit.connection, {
                    "account_id": known.record.number,
                    "mode": control.mode_of(unit.connection, account.id, self._stop_file).value,
                    "as_of": now,
                    "config_fingerprint": self.chain.config_fingerprint,
                    "code_version": self.chain.code_version,
                    "figures": cycles.figures_text({}),
                })  # fmt: skip
                known.marks = (cycle_id, known.marks[1])
            cycles.close_cycle(unit.connection, cycle_id, ok=ok, sentence=sentence, now=now)

    def verify_audit(self) -> int:
        """Recompute the audit's seals; return the number of rows.

        Raises:
            AuditBroken: Names the first row that does not match.
        """
        with self.database.read() as connection:
            return self.chain.verify(connection)

    def close(self) -> None:
        """Let go of the database; calling it twice is fine."""
        self.database.close()
        self._books.clear()

    # Inside

    @contextmanager
    def _unit(self, account: AccountId | None) -> Iterator[Unit]:
        """Run one write transaction; its audit rows are sealed at the end, and anchored once it is committed."""
        head = None
        with ExitStack() as undo:
            if account is not None:
                undo.callback(self._books.pop, account, None)
            with self.database.write() as connection:
                unit = Unit(connection)
                yield unit
                if unit.events:
                    head = self.chain.append(connection, unit.events)
            undo.pop_all()
        if head is not None:
            self.chain.anchor.write(head)

    def _record(self, unit: Unit, account: Account, now: datetime) -> accounts.AccountRecord:
        found = accounts.find(unit.connection, account.id)
        if found is None:
            unit.events.append(
                AuditEvent(at=now, actor="daemon", action="connect", account=account.id,
                           detail=f"{account.adapter} {account.remote_id}, {account.currency}, {account.time_zone}")
            )  # fmt: skip
            return accounts.register(unit.connection, account, now=now)
        accounts.require_same(found.account, account)
        if found.account.owner != account.owner:
            accounts.rename_owner(unit.connection, found.number, account.owner)
        return found

    def _entered(self, unit: Unit, account: Account, now: datetime) -> Books:
        """Return an account's books, entering the account where it is new."""
        known = self._known(unit.connection, account.id)
        if known is not None and known.record.account == account:
            return known
        record = self._record(unit, account, now)
        if record.account != account:
            record = replace(record, account=account)
        loaded = books.load(unit.connection, record, withheld_counts=self.rehearsal)
        self._books[account.id] = loaded
        return loaded

    def _known(self, connection: Connection, account: AccountId) -> Books | None:
        """Return an account's books as they stand in the database, ``None`` where it was never entered."""
        known = self._books.pop(account, None)
        if (
            known is not None
            and not self.database.private
            and known.marks != books.marks(connection, known.record.number)
        ):
            known = None
        if known is None:
            record = accounts.find(connection, account)
            if record is None:
                return None
            known = books.load(connection, record, withheld_counts=self.rehearsal)
        self._books[account] = known
        self._keep_small()
        return known

    def _empty(self, connection: Connection, account: Account, as_of: datetime) -> Books:
        """Return books of an account that was never entered: nothing is known of it."""
        record = accounts.AccountRecord(number=0, account=account, first_seen=as_of)
        return books.load(connection, record, withheld_counts=self.rehearsal)

    def _keep_small(self) -> None:
        """Forget the facts of accounts not used for longest where all together are too large."""
        while len(self._books) > 1 and sum(b.facts.nbytes for b in self._books.values()) > FACTS_IN_MEMORY:
            del self._books[next(iter(self._books))]

    def _note_edits(self, unit: Unit, known: Books, edits: Sequence[PastChange]) -> None:
        account = known.record.account
        hold = timedelta(hours=self._limits.get(account.id, LimitPolicy()).foreign_hold_hours)
        unit.events += [
            AuditEvent(at=edit.at, actor=edit.actor.value, action="external", account=account.id, ref=edit.ref,
                       field=edit.field, old=edit.old, new=edit.new, reason_code=edit.reason_code)
            for edit in known.changes.add_edits(unit.connection, edits, hold=hold)
        ]  # fmt: skip

    def _tell(self, unit: Unit, account: Account, moved: Sequence[Intent], *, now: datetime) -> None:
        """Let the audit say where intents stand now."""
        digests = cycles.digests_of(unit.connection, {intent.cycle_id for intent in moved})
        unit.events += [
            AuditEvent(
                at=now, actor="daemon", action=f"change.{intent.status.value}", account=account.id,
                ref=intent.change.ref, field=intent.change.field, old=intent.change.old, new=intent.change.new,
                reason=intent.change.reason, detail=intent.detail, intent_key=intent.key, cycle_id=intent.cycle_id,
                input_digest=digests.get(intent.cycle_id),
            )
            for intent in moved
        ]  # fmt: skip


def _adopted(settlement: Settlement, now: datetime) -> PastChange | None:
    """Return the edit by somebody else that a settlement found, if it did."""
    if settlement.status is not Status.FOREIGN or settlement.observed is None:
        return None
    change = settlement.intent.change
    return PastChange(
        ref=change.ref, field=change.field, old=change.new, new=settlement.observed, at=now, status=Status.CONFIRMED,
        actor=Editor.UNKNOWN, reason_code=FOREIGN_CODE,
    )  # fmt: skip
