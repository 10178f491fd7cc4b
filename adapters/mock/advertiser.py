"""One advertiser's account at the mock venue: it takes edits, keeps their true history, and prepares reports.

The venue's truth for referees: every attempt by key, every change with who made it and when. Both transports of the
adapter (`desk` in process, `server` over HTTP) end here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Self

from adapters.mock.market import Market
from adapters.mock.reports import ReportSpec, build_report
from adapters.mock.rules import VenueRules, check_title
from adapters.mock.settings import SettingsBook
from bidder.core.calendar import day_of
from bidder.core.change import Change, Field, Outcome, Settings, Status, Value
from bidder.core.entities import AccountId, Editor, EntityKind, EntityRef, State, Structure
from bidder.core.money import Money
from bidder.core.performance import Grain, Level, PerformanceReport
from bidder.core.venue import VenueProfile
from bidder.errors import Refused


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryEvent:
    """One change that really happened.

    Attributes:
        sequence: Ascending within the account.
        key: Of the request that made it; ``None`` for edits in the console and by the platform.
    """

    sequence: int
    at: datetime
    ref: EntityRef
    field: Field
    old: Value | None
    new: Value
    editor: Editor
    key: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One change that was asked for through the API, with the venue's answer; ``replayed`` for a repeated key."""

    at: datetime
    key: str
    ref: EntityRef
    field: Field
    value: Value
    status: Status
    code: str
    replayed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsoleEdit:
    """An edit that somebody else makes at a given time: a person in the console, or the platform itself.

    Attributes:
        value: The new value; a float multiplies the amount that stands (the platform's automatic raise).
    """

    at: datetime
    ref: EntityRef
    field: Field
    value: Value | float
    editor: Editor = Editor.PERSON


class JobState(StrEnum):
    """Where a report job stands."""

    PREPARING = "preparing"
    READY = "ready"
    GONE = "gone"
    """Expired, or never heard of."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportJob:
    """A report that was asked for."""

    id: str
    spec: ReportSpec
    ready_at: datetime


@dataclass(frozen=True, slots=True)
class _Answered:
    change: Change
    outcome: Outcome


class Advertiser:
    """An account at the venue.

    Args:
        market: What it trades in.
        rules: The venue's house rules.
    """

    def __init__(self, market: Market, rules: VenueRules) -> None:
        self.market = market
        self.rules = rules
        self.profile: VenueProfile = rules.profile(market.shop)
        self.history: list[HistoryEvent] = []
        self.attempts: list[Attempt] = []
        self.refused_edits: list[tuple[ConsoleEdit, str]] = []
        self._book = SettingsBook(market)
        self._answers: dict[str, _Answered] = {}
        self._used: dict[tuple[EntityRef, Field], tuple[date, int]] = {}
        self._planned: list[ConsoleEdit] = []
        self._jobs: dict[str, ReportJob] = {}
        self._jobs_made = 0

    def fork(self) -> Self:
        """Return an independent copy with the same future."""
        twin = type(self).__new__(type(self))
        market = self.market.fork()
        lists = ("history", "attempts", "refused_edits", "_answers", "_used", "_planned", "_jobs")
        own = {name: vars(self)[name].copy() for name in lists}
        vars(twin).update(vars(self), market=market, _book=self._book.fork(market), **own)
        return twin

    def plan(self, *edits: ConsoleEdit) -> None:
        """Let others edit at times to come; an edit of the past is made at the next `advance`."""
        self._planned = sorted((*self._planned, *edits), key=lambda edit: edit.at)

    def advance(self, until: datetime) -> None:
        """Play the market up to an instant, with the planned edits on the way."""
        while self._planned and self._planned[0].at <= until:
            edit = self._planned.pop(0)
            at = max(edit.at, self.market.now)
            self.market.advance(at)
            try:
                self._console(edit, at)
            except Refused as exc:
                self.refused_edits.append((edit, str(exc)))
        self.market.advance(until)

    def rename(self, ref: EntityRef, title: str, *, editor: Editor = Editor.PERSON) -> None:
        """Give a campaign or ad group another name, as a person does in the console; raises `Refused`."""
        if not self._book.knows(ref) or ref.kind is EntityKind.TARGET:
            raise Refused(f"there is no campaign or ad group {ref.id}", code="NOT_FOUND")
        check_title(title)
        self._book.rename(ref, title.strip(), editor=editor)

    def structure(self, account: AccountId, now: datetime) -> Structure:
        """Return everything the account holds, under the name its owner's configuration gives the account."""
        shop = self.market.shop
        campaigns, ad_groups, targets, products = self._book.entities(now)
        return Structure(
            account_id=account,
            currency=shop.currency,
            time_zone=shop.zone,
            campaigns=campaigns,
            ad_groups=ad_groups,
            targets=targets,
            products=products,
            balance=Money(self.market.balance_micros, shop.currency),
            observed_at=now,
        )

    def settings(self, refs: Sequence[EntityRef], now: datetime) -> tuple[Settings, ...]:
        """Return what reads show of entities; those the account has not are left out."""
        return tuple(self._book.shown(ref, now) for ref in refs if self._book.knows(ref))

    def submit(self, changes: Sequence[Change], keys: Sequence[str], now: datetime) -> tuple[Outcome, ...]:
        """Carry out a request of the API, item by item."""
        if len(changes) > self.rules.batch_size:
            detail = f"a request holds at most {self.rules.batch_size} changes"
            return tuple(Outcome(key=k, status=Status.REJECTED, code="BATCH_TOO_LARGE", detail=detail) for k in keys)
        return tuple(self._change(change, key, now) for change, key in zip(changes, keys, strict=True))

    def request_report(self, spec: ReportSpec, now: datetime) -> ReportJob:
        """Start a report; asking for the same one while it is prepared gives the same job."""
        living = {k: j for k, j in self._jobs.items() if j.ready_at + self.rules.report_life > now}
        self._jobs = living
        for job in living.values():
            if job.spec == spec and job.ready_at > now:
                return job
        self._jobs_made += 1
        job = ReportJob(id=f"R{self._jobs_made:06d}", spec=spec, ready_at=now + self.rules.report_time)
        self._jobs[job.id] = job
        return job

    def job_state(self, job_id: str, now: datetime) -> JobState:
        """Tell where a job stands."""
        job = self._jobs.get(job_id)
        if job is None or job.ready_at + self.rules.report_life <= now:
            return JobState.GONE
        return JobState.READY if job.ready_at <= now else JobState.PREPARING

    def fetch_report(self, job_id: str, *, delay: timedelta = timedelta(0)) -> tuple[PerformanceReport, datetime]:
        """Return a prepared report and the newest instant in it; ``delay`` makes its data older than promised."""
        job = self._jobs[job_id]
        known_until = job.ready_at - self.rules.report_lag - delay
        level = self.rules.hourly_level if job.spec.grain is Grain.HOUR else Level.TARGET
        report = build_report(
            self.market, job.spec, level=level, known_until=known_until, observed_at=job.ready_at - delay
        )
        return report, known_until

    def _change(self, change: Change, key: str, now: datetime) -> Outcome:
        before = self._answers.get(key) if self.rules.idempotent else None
        if before is not None:
            same = (before.change.ref, before.change.field, before.change.new) == (change.ref, change.field, change.new)
            reused = Outcome(
                key=key, status=Status.REJECTED, code="KEY_REUSED", detail="the key was used for another change"
            )
            return self._answer(change, before.outcome if same else reused, now, replayed=True)
        try:
            self._check(change.ref, change.field, change.new)
            self._count(change.ref, change.field, now)
        except Refused as exc:
            return self._answer(change, Outcome(key=key, status=Status.REJECTED, code=exc.code, detail=str(exc)), now)
        self._write(change.ref, change.field, change.new, Editor.DAEMON, now, key)
        done = Outcome(key=key, status=Status.CONFIRMED, observed=change.new)
        return self._answer(change, done, now)

    def _answer(self, change: Change, outcome: Outcome, now: datetime, *, replayed: bool = False) -> Outcome:
        self.attempts.append(
            Attempt(
                at=now,
                key=outcome.key,
                ref=change.ref,
                field=change.field,
                value=change.new,
                status=outcome.status,
                code=outcome.code,
                replayed=replayed,
            )
        )
        if not replayed:
            self._answers[outcome.key] = _Answered(change, outcome)
        return outcome

    def _check(self, ref: EntityRef, field: Field, value: Value) -> None:
        if not self._book.knows(ref):
            raise Refused(f"there is no {ref.kind} {ref.id}", code="NOT_FOUND")
        self.rules.check(ref.kind, field, value, currency=self.market.shop.currency)
        if self._book.value(ref, Field.STATE) is State.ARCHIVED:
            raise Refused(f"{ref.kind} {ref.id} is archived for good", code="ARCHIVED")

    def _count(self, ref: EntityRef, field: Field, now: datetime) -> None:
        """Count a change against the venue's quota of the marketplace day."""
        allowed = self.rules.quotas.get((ref.kind, field))
        if allowed is None:
            return
        today = day_of(now, self.market.shop.zone)
        day, used = self._used.get((ref, field), (today, 0))
        used = used if day == today else 0
        if used >= allowed:
            raise Refused(f"{field} of one {ref.kind} may change {allowed} times a day", code="QUOTA_EXCEEDED")
        self._used[ref, field] = (today, used + 1)

    def _write(
        self, ref: EntityRef, field: Field, value: Value, editor: Editor, now: datetime, key: str | None
    ) -> None:
        old = self._book.value(ref, field)
        settle = self.rules.settle if editor is Editor.DAEMON else timedelta(0)
        self._book.write(ref, field, value, editor=editor, at=now, shows=now + settle)
        self.history.append(
            HistoryEvent(
                sequence=len(self.history) + 1,
                at=now,
                ref=ref,
                field=field,
                old=old,
                new=value,
                editor=editor,
                key=key,
            )
        )

    def _console(self, edit: ConsoleEdit, at: datetime) -> None:
        value = edit.value
        if isinstance(value, int | float):
            standing = self._book.value(edit.ref, edit.field)
            if not isinstance(standing, Money):
                raise Refused("there is no amount to multiply", code="INVALID_VALUE")
            bid = edit.field is Field.BID
            step = self.rules.bid_increment if bid else self.rules.budget_increment
            value = standing.scaled(float(value), increment=Money(step, standing.currency))
        self._check(edit.ref, edit.field, value)
        self._write(edit.ref, edit.field, value, edit.editor, at, key=None)
