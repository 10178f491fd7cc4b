"""The counter in process: direct calls and no JSON, for simulations that play thousands of cycles.

A desk holds a number, not the account behind it, so that nothing reachable from a marketplace leads to the market
and its truth; the world that opened the desk keeps the account alive.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from datetime import datetime
from weakref import WeakValueDictionary

from adapters.mock.advertiser import Advertiser, JobState
from adapters.mock.reports import ReportSpec
from bidder.core.change import Change, Outcome, Settings
from bidder.core.entities import AccountId, EntityRef, Structure
from bidder.core.performance import PerformanceReport
from bidder.core.venue import VenueProfile
from bidder.errors import Unavailable

_open_accounts: WeakValueDictionary[int, Advertiser] = WeakValueDictionary()
_numbers = itertools.count(1)


class Desk:
    """A `Counter` over an account of a world in this process; see there for the methods."""

    __slots__ = ("_number",)

    def __init__(self, number: int) -> None:
        self._number = number

    @classmethod
    def open(cls, advertiser: Advertiser) -> Desk:
        """Return a desk for an account; it works as long as somebody else keeps the account."""
        number = next(_numbers)
        _open_accounts[number] = advertiser
        return cls(number)

    def profile(self, now: datetime) -> VenueProfile:
        """Return the venue's rules for this account."""
        return _account(self._number).profile

    def structure(self, account: AccountId, now: datetime) -> Structure:
        """Return everything the account holds."""
        return _account(self._number).structure(account, now)

    def request_report(self, spec: ReportSpec, now: datetime) -> str:
        """Start a report and return its job."""
        return _account(self._number).request_report(spec, now).id

    def job_state(self, job: str, now: datetime) -> JobState:
        """Tell where a job stands."""
        return _account(self._number).job_state(job, now)

    def fetch_report(self, job: str, spec: ReportSpec, now: datetime) -> PerformanceReport:
        """Return a report that is ready."""
        report, _ = _account(self._number).fetch_report(job)
        return report

    def submit(self, changes: Sequence[Change], keys: Sequence[str], now: datetime) -> Sequence[Outcome]:
        """Carry the changes out."""
        return _account(self._number).submit(changes, keys, now)

    def settings(self, refs: Sequence[EntityRef], now: datetime) -> Sequence[Settings]:
        """Return what entities are set to."""
        return _account(self._number).settings(refs, now)

    def close(self) -> None:
        """There is nothing to let go of."""


def _account(number: int) -> Advertiser:
    account = _open_accounts.get(number)
    if account is None:
        raise Unavailable("the simulated world of this account is gone; keep it while its marketplace is used")
    return account
