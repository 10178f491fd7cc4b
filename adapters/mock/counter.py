"""The venue's counter as the adapter sees it, whichever way it gets there: in process (`desk`) or HTTP (`client`)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from adapters.mock.advertiser import JobState
from adapters.mock.reports import ReportSpec
from bidder.core.change import Change, Outcome, Settings
from bidder.core.entities import AccountId, EntityRef, Structure
from bidder.core.performance import PerformanceReport
from bidder.core.venue import VenueProfile


class Counter(Protocol):
    """One account's counter; errors are those that `bidder.ports.Marketplace` names."""

    def profile(self, now: datetime) -> VenueProfile:
        """Return the venue's rules for this account."""

    def structure(self, account: AccountId, now: datetime) -> Structure:
        """Return everything the account holds."""

    def request_report(self, spec: ReportSpec, now: datetime) -> str:
        """Start a report and return its job."""

    def job_state(self, job: str, now: datetime) -> JobState:
        """Tell where a job stands."""

    def fetch_report(self, job: str, spec: ReportSpec, now: datetime) -> PerformanceReport:
        """Return a report that is ready."""

    def submit(self, changes: Sequence[Change], keys: Sequence[str], now: datetime) -> Sequence[Outcome]:
        """Send at most a batch of changes in one request; one outcome each, in order."""

    def settings(self, refs: Sequence[EntityRef], now: datetime) -> Sequence[Settings]:
        """Return what entities are set to."""

    def close(self) -> None:
        """Let go of connections."""
