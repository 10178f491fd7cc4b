"""The adapter of the mock marketplace: the port, over HTTP like a real venue or in process for speed.

Report jobs live in the adapter's memory, so that a restart asks for the report that is already being prepared.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import ClassVar

from adapters.mock.advertiser import JobState
from adapters.mock.client import HttpCounter
from adapters.mock.counter import Counter
from adapters.mock.practice import PracticeDesk
from adapters.mock.reports import ReportSpec
from bidder.core.calendar import DayRange
from bidder.core.change import Change, Outcome, Settings, Status
from bidder.core.entities import AccountId, EntityRef, Structure
from bidder.core.performance import Grain, Pending, PerformanceReport
from bidder.core.refusal import sift
from bidder.core.venue import VenueProfile
from bidder.errors import AuthFailed, ContractBroken, InvariantBroken, RateLimited, StoreError, Unavailable
from bidder.ports import API_VERSION, AdapterConfig, AdapterMemory


class MockMarketplace:
    """One account at the mock marketplace.

    Args:
        config: Options: ``base_url`` of `bidder mock serve`, with the secrets ``client_id``, ``client_secret`` and
            ``refresh_token`` that it prints; or none, for a shop to practise on in this process.
        counter: How to get to the venue; by the configuration unless given.
    """

    API_VERSION: ClassVar[int] = API_VERSION

    def __init__(self, config: AdapterConfig, *, counter: Counter | None = None) -> None:
        self._account = config.account.id
        self._counter = counter if counter is not None else _counter_of(config)
        self._jobs = _Jobs(config.memory)
        self._profile: VenueProfile | None = None

    def __repr__(self) -> str:
        return f"MockMarketplace({self._account})"

    def profile(self, now: datetime) -> VenueProfile:
        """Return the venue's rules for this account."""
        self._profile = self._counter.profile(now)
        return self._profile

    def fetch_structure(self, account: AccountId, now: datetime) -> Structure:
        """Return campaigns, ad groups, targets, products and balance as they stand."""
        self._check(account)
        return self._counter.structure(account, now)

    def fetch_performance(
        self, account: AccountId, days: DayRange, grain: Grain, window_days: int, now: datetime
    ) -> PerformanceReport | Pending:
        """Return facts of the given click days, or `Pending` while the venue prepares them."""
        self._check(account)
        spec = ReportSpec(days=days, grain=grain, window_days=window_days)
        pending = self._jobs.find(spec)
        state = JobState.GONE if pending is None else self._counter.job_state(pending.job, now)
        if pending is None or state is JobState.GONE:
            pending = Pending(job=self._counter.request_report(spec, now), requested_at=now)
            self._jobs.keep(spec, pending)
            state = self._counter.job_state(pending.job, now)
        if state is not JobState.READY:
            return pending
        try:
            report = self._counter.fetch_report(pending.job, spec, now)
        except ContractBroken:
            self._jobs.forget(spec)  # Once somebody has looked, the venue is asked for another one.
            raise
        self._jobs.forget(spec)
        return report

    def submit(
        self, account: AccountId, changes: Sequence[Change], keys: Sequence[str], now: datetime
    ) -> Sequence[Outcome]:
        """Send the changes once, in the venue's batches; what it would refuse anyway is not sent."""
        self._check(account)
        try:
            profile = self._profile or self.profile(now)
        except (Unavailable, RateLimited, ContractBroken) as exc:
            return _not_sent(keys, str(exc))
        outcomes, sendable = sift(changes, keys, profile)
        for start in range(0, len(sendable), profile.batch_size):
            batch = sendable[start : start + profile.batch_size]
            names = [key for _, key in batch]
            answers = self._sent([change for change, _ in batch], names, now, first=start == 0)
            outcomes |= {outcome.key: outcome for outcome in answers}
        return tuple(outcomes[key] for key in keys)

    def read_back(self, account: AccountId, refs: Sequence[EntityRef], now: datetime) -> Sequence[Settings]:
        """Return what the venue says the entities are set to."""
        self._check(account)
        return self._counter.settings(refs, now) if refs else ()

    def close(self) -> None:
        """Let go of connections."""
        self._counter.close()

    def _sent(self, changes: Sequence[Change], keys: Sequence[str], now: datetime, *, first: bool) -> Sequence[Outcome]:
        """Send one batch; refused credentials raise only while nothing was sent before."""
        try:
            return self._counter.submit(changes, keys, now)
        except AuthFailed as exc:
            if first:
                raise
            return tuple(Outcome(key=key, status=Status.REJECTED, code="AUTH_FAILED", detail=str(exc)) for key in keys)

    def _check(self, account: AccountId) -> None:
        if account != self._account:
            raise InvariantBroken(f"the marketplace of {self._account} was asked about {account}")


def _counter_of(config: AdapterConfig) -> Counter:
    """Return HTTP where an address is configured, else a practice shop."""
    return HttpCounter(config) if "base_url" in config.options else PracticeDesk(config)


class _Jobs:
    """The report job of each grain, in the adapter's memory: a newer question replaces an older one."""

    def __init__(self, memory: AdapterMemory) -> None:
        self._memory = memory

    def find(self, spec: ReportSpec) -> Pending | None:
        """Return the job for exactly this question."""
        text = self._memory.get(self._key(spec))
        if text is None:
            return None
        try:
            kept = json.loads(text)
            same = kept["asked"] == self._asked(spec)
            pending = Pending(job=str(kept["job"]), requested_at=datetime.fromisoformat(kept["at"]))
        except (ValueError, KeyError, TypeError):
            raise StoreError(f"adapter memory {self._key(spec)} is damaged; delete the row and go on") from None
        return pending if same else None

    def keep(self, spec: ReportSpec, pending: Pending) -> None:
        """Remember the job."""
        kept = {"asked": self._asked(spec), "job": pending.job, "at": pending.requested_at.isoformat()}
        self._memory.put(self._key(spec), json.dumps(kept))

    def forget(self, spec: ReportSpec) -> None:
        """Forget the job: its report was read."""
        self._memory.delete(self._key(spec))

    def _key(self, spec: ReportSpec) -> str:
        return f"mock.report.{spec.grain}"

    def _asked(self, spec: ReportSpec) -> list[str]:
        return [spec.days.first.isoformat(), spec.days.last.isoformat(), str(spec.window_days)]


def _not_sent(keys: Sequence[str], why: str) -> tuple[Outcome, ...]:
    return tuple(Outcome(key=key, status=Status.REJECTED, code="NOT_SENT", detail=f"not sent: {why}") for key in keys)
