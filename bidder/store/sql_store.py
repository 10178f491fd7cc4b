"""`SqlStore`: the store the cycle talks to. Each public method is one transaction; here they are put together.

What is remembered of an account (`bidder.store.books`) moves in step with the database: a failed transaction throws the
memory away, and so does a cycle or report that another process wrote.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path

from bidder.core.calendar import DayRange, day_of
from bidder.core.change import Intent, Outcome, PastChange, Status
from bidder.core.entities import Account, AccountId, Structure
from bidder.core.funding import UNLIMITED
from bidder.core.money import Money
from bidder.core.performance import Grain, History, PerformanceReport
from bidder.core.plan import Draft, Verdict
from bidder.core.policy import LimitPolicy, Policy
from bidder.core.prediction import Forecast
from bidder.core.reconcile import Settlement
from bidder.core.snapshot import Memory, Mode, Snapshot
from bidder.ports import AdapterMemory, CycleRecord
from bidder.store import accounts, control, cycles, intents
from bidder.store.audit import AuditEvent, Chain
from bidder.store.database import Database
from bidder.store.digests import forecast_digest, input_digest
from bidder.store.ledger import worst_case
from bidder.store.memo import SqlAdapterMemory
from bidder.store.shelf import Shelf
from bidder.store.spend import day_spend, month_spend
from bidder.store.telling import adopted_edit, changes_told, edits_told
from bidder.store.views import DayTotals


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
        self.stop_file = stop_file
        self._limits: dict[AccountId, LimitPolicy] = {}
        self._shelf = Shelf(database, chain, rehearsal=rehearsal)

    def __repr__(self) -> str:
        return f"SqlStore({self.database.engine.url.render_as_string(hide_password=True)!r})"

    # Accounts and people

    def rule(self, account: Account, policy: Policy) -> None:
        """State the policy an account is under: how long it is observed and foreign edits are left alone."""
        self._limits[account.id] = policy.limits

    def rules_of(self, other: SqlStore) -> None:
        """Take over the policies stated to another store."""
        self._limits.update(other._limits)

    def register(self, account: Account, *, now: datetime) -> None:
        """Enter an account, or check that it still is the one that was entered.

        Raises:
            ConfigError: Its currency, time zone, adapter or id at the venue changed.
        """
        with self._shelf.unit(account.id) as unit:
            self._shelf.enter(unit, account, now)

    def adapter_memory(self, account: Account) -> AdapterMemory:
        """Return the durable memory of the account's adapter."""
        return SqlAdapterMemory(self.database, account)

    def mode(self, account: AccountId) -> Mode:
        """Return the stricter of the account's and the global mode, read afresh; a STOP file counts as HALTED."""
        with self.database.read() as connection:
            return control.mode_of(connection, account, self.stop_file)

    def set_mode(self, account: AccountId | None, mode: Mode, *, actor: str, reason: str, now: datetime) -> None:
        """Set the mode of one account, or of everything where ``account`` is ``None``; audited with its reason."""
        with self._shelf.unit(None) as unit:
            unit.events.append(control.set_mode(unit.connection, account, mode, actor=actor, reason=reason, now=now))

    def armed(self, account: AccountId) -> bool:
        """Tell whether the account is armed for live writes."""
        with self.database.read() as connection:
            return control.is_armed(connection, account)

    def arm(self, account: AccountId, *, armed: bool, actor: str, reason: str, now: datetime) -> None:
        """Arm or disarm an account for live writes; audited with its reason."""
        with self._shelf.unit(None) as unit:
            unit.events.append(
                control.set_armed(unit.connection, account, armed=armed, actor=actor, reason=reason, now=now)
            )

    def remember_config(self, text: str, *, now: datetime) -> None:
        """Keep the configuration that is in force, without its secrets, under its fingerprint."""
        with self._shelf.unit(None) as unit:
            chain = self.chain
            event = control.remember_config(
                unit.connection, chain.config_fingerprint, text, code_version=chain.code_version, now=now
            )
            unit.events += [] if event is None else [event]

    # What the venue said

    def last_structure(self, account: AccountId) -> Structure | None:
        """Return the structure saved last."""
        with self.database.read() as connection:
            known = self._shelf.known(connection, account)
            return None if known is None else known.structure.structure

    def save_structure(
        self, account: Account, structure: Structure, foreign: Sequence[PastChange], *, now: datetime
    ) -> None:
        """Save the structure; record and audit edits by others."""
        with self._shelf.unit(account.id) as unit:
            known = self._shelf.entered(unit, account, now)
            known.structure.save(unit.connection, structure)
            known.turns.follow(structure.products, structure.observed_at)
            known.ledger.follow(unit.connection, structure, foreign, now=now)
            fresh = known.changes.add_edits(unit.connection, foreign, hold=self._hold(account.id))
            unit.events += edits_told(known, fresh)

    def coverage(self, account: AccountId, grain: Grain) -> DayRange | None:
        """Return the span of click days with facts of that grain."""
        with self.database.read() as connection:
            known = self._shelf.known(connection, account)
            return None if known is None else known.facts.coverage(grain)

    def save_report(self, account: Account, grain: Grain, report: PerformanceReport) -> None:
        """Append facts as new revisions; restated values never overwrite older ones."""
        with self._shelf.unit(account.id) as unit:
            known = self._shelf.entered(unit, account, report.observed_at)
            known.facts.save(unit.connection, grain, report)
            known.marks = (known.marks[0], known.facts.last_report)

    def history(self, account: Account, *, window_days: int, days: DayRange, as_of: datetime) -> History:
        """Return the latest revision of every fact known at ``as_of``."""
        with self.database.read() as connection:
            known = self._shelf.known(connection, account.id)
            if known is None:
                known = self._shelf.empty(connection, account, as_of)
            return known.facts.history(connection, window_days=window_days, days=days, as_of=as_of)

    def exclude_days(self, account: Account, days: DayRange, *, actor: str, reason: str, now: datetime) -> None:
        """Let nothing be learned from click days, both ends included; audited with its reason."""
        with self._shelf.unit(account.id) as unit:
            known = self._shelf.entered(unit, account, now)
            known.facts.exclude(unit.connection, days, reason=reason, now=now)
            what = f"nothing is learned from {days.first} to {days.last}: {reason}"
            unit.events.append(AuditEvent(at=now, actor=actor, action="exclude", account=account.id, detail=what))

    def memory(self, account: Account, *, as_of: datetime) -> Memory:
        """Return what our record holds about the account."""
        limits = self._limits.get(account.id, LimitPolicy())
        with self.database.read() as connection:
            known = self._shelf.known(connection, account.id)
            if known is None:
                known = self._shelf.empty(connection, account, as_of)
            number = known.record.number
            return Memory(
                changes=known.changes.recent(as_of=as_of),
                frozen=frozenset(intent.change.ref for intent in intents.unsettled(connection, number)),
                left_alone=known.changes.left_alone(as_of=as_of),
                paused_by_us=known.changes.paused_by_us(),
                stages=dict(known.stages.stages),
                turns=dict(known.turns.turns),
                sampled=dict(known.sampled.since),
                observing_until=known.observing_until(limits, as_of=as_of),
                canary=known.canary(code_version=self.chain.code_version, as_of=as_of),
                day_spend_micros=day_spend(connection, known, as_of=as_of),
                month_spend_micros=month_spend(connection, known, as_of=as_of),
                claims=known.claims(connection, today=day_of(as_of, known.record.account.time_zone)),
            )

    def worst_case(self, account: AccountId, *, now: datetime) -> Money | None:
        """Return what all daily budgets may cost at worst, reservations included; ``None`` where one is unlimited."""
        with self.database.read() as connection:
            known = self._shelf.known(connection, account)
            if known is None:
                return None
            total = sum(worst_case(known.ledger.lines(connection, now=now).values()).values())
            return None if total >= UNLIMITED else Money(total, known.record.account.currency)

    def totals_by_day(self, account: AccountId, days: DayRange) -> tuple[DayTotals, ...]:
        """Return the advertising of each click day as last reported, ascending; days without facts are left out."""
        with self.database.read() as connection:
            known = self._shelf.known(connection, account)
            return () if known is None else known.facts.totals(connection, days)

    # Decisions and what became of them

    def record(self, snapshot: Snapshot, forecast: Forecast, draft: Draft, verdict: Verdict) -> CycleRecord:
        """Commit the cycle, its forecast, decisions, holds and intents, before any write leaves."""
        account, as_of = snapshot.account, snapshot.as_of
        with self._shelf.unit(account.id) as unit:
            connection, known = unit.connection, self._shelf.entered(unit, account, as_of)
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
            kept = ((change.ref, change.reason) for change in verdict.plan.changes)
            known.sampled.follow((*((hold.ref, hold.reason) for hold in verdict.holds), *kept), as_of)
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
        with self._shelf.unit(account.id) as unit:
            known = self._shelf.entered(unit, account, now)
            answers = known.ledger.reserve(unit.connection, wanted, cap_micros=cap_micros, now=now)
            granted = [intent for intent, why in zip(wanted, answers, strict=True) if why is None]
            intents.mark_sent(unit.connection, granted, now=now)
            if granted and self.rehearsal:
                known.acting_version = self.chain.code_version
        return answers

    def resolve(self, account: Account, intent: Intent, outcome: Outcome, *, now: datetime) -> Intent:
        """Record a venue's answer, move the reservation, append the audit; return the intent as it now stands."""
        return self.resolve_all(account, [(intent, outcome)], now=now)[0]

    def resolve_all(
        self, account: Account, answers: Sequence[tuple[Intent, Outcome]], *, now: datetime
    ) -> tuple[Intent, ...]:
        """Record several answers in one transaction; return the intents in order."""
        with self._shelf.unit(account.id) as unit:
            known = self._shelf.entered(unit, account, now)
            done = intents.answer(unit.connection, answers, now=now)
            known.ledger.release(unit.connection, [i for i in done if not i.status.unsettled], now=now)
            for intent, (_, outcome) in zip(done, answers, strict=True):
                if intent.status is Status.CONFIRMED:
                    stands = intent.change.new if outcome.observed is None else outcome.observed
                    known.ledger.confirm(unit.connection, intent.change.ref, intent.change.field, stands, now=now)
                if intent.status is not Status.WITHHELD:
                    known.acting_version = self.chain.code_version
                known.changes.update(intent)
            unit.events += changes_told(unit.connection, account, done, now=now)
        return done

    def settle(self, account: Account, settlements: Sequence[Settlement], *, now: datetime) -> None:
        """Record settlements, free reservations, append the audit."""
        if not settlements:
            return
        with self._shelf.unit(account.id) as unit:
            known = self._shelf.entered(unit, account, now)
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
            unit.events += changes_told(unit.connection, account, moved, now=now)
            adopted = [edit for s in settlements if (edit := adopted_edit(s, now)) is not None]
            fresh = known.changes.add_edits(unit.connection, adopted, hold=self._hold(account.id))
            unit.events += edits_told(known, fresh)

    def finish(self, account: Account, cycle_id: int | None, *, ok: bool, sentence: str, now: datetime) -> None:
        """Close the cycle with its one sentence; ``cycle_id`` is ``None`` where the cycle was held before recording."""
        with self._shelf.unit(account.id) as unit:
            known = self._shelf.entered(unit, account, now)
            if cycle_id is None:
                cycle_id = cycles.open_cycle(unit.connection, {
                    "account_id": known.record.number,
                    "mode": control.mode_of(unit.connection, account.id, self.stop_file).value,
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
        self._shelf.clear()

    def _hold(self, account: AccountId) -> timedelta:
        """Return for how long edits by others are left alone."""
        return timedelta(hours=self._limits.get(account, LimitPolicy()).foreign_hold_hours)
