"""Every fault of the server, and the outcome that the adapter makes of it: never a wrong certainty."""

from __future__ import annotations

from datetime import timedelta
from typing import NamedTuple

import numpy as np
import pytest

from adapters.mock.adapter import MockMarketplace
from adapters.mock.faults import BEFORE, Fault, FaultKind
from adapters.mock.rules import VenueRules
from adapters.mock.server import MockServer
from bidder.core.calendar import DayRange, day_of
from bidder.core.change import Change, Field, Status
from bidder.core.entities import Account, EntityKind, EntityRef
from bidder.core.money import Money
from bidder.core.performance import COLUMNS, Grain, Pending, PerformanceReport
from bidder.errors import AuthFailed, ContractBroken, MarketplaceError, RateLimited, Unavailable
from tests.adapters.mock.venues import account_in, change, connect, hasty, serving

NAMES = ("T0001", "T0002", "T0003")
U, R, C = Status.UNKNOWN, Status.REJECTED, Status.CONFIRMED


class Wanted(NamedTuple):
    """What a fault of a write must lead to."""

    statuses: tuple[Status, ...]
    done: bool


WRITES: dict[FaultKind, Wanted] = {
    FaultKind.THROTTLE: Wanted((R, R, R), done=False),
    FaultKind.REDIRECT: Wanted((U, U, U), done=False),
    FaultKind.ERROR_BEFORE: Wanted((U, U, U), done=False),
    FaultKind.TIMEOUT_BEFORE: Wanted((U, U, U), done=False),
    FaultKind.RESET_BEFORE: Wanted((U, U, U), done=False),
    FaultKind.ERROR_AFTER: Wanted((U, U, U), done=True),
    FaultKind.TIMEOUT_AFTER: Wanted((U, U, U), done=True),
    FaultKind.RESET_AFTER: Wanted((U, U, U), done=True),
    FaultKind.SHORT_BODY: Wanted((U, U, U), done=True),
    FaultKind.CUT_JSON: Wanted((U, U, U), done=True),
    FaultKind.EMPTY_BODY: Wanted((U, U, U), done=True),
    FaultKind.HTML: Wanted((U, U, U), done=True),
    FaultKind.DUPLICATE_KEYS: Wanted((U, U, U), done=True),
    FaultKind.NOT_A_NUMBER: Wanted((U, U, U), done=True),
    FaultKind.DRIP: Wanted((U, U, U), done=True),
    FaultKind.BOMB: Wanted((U, U, U), done=True),
    FaultKind.LOST_ITEM: Wanted((C, C, U), done=True),
    FaultKind.SHUFFLED_ITEMS: Wanted((C, C, C), done=True),
}
DEAD = {FaultKind.TIMEOUT_BEFORE, FaultKind.TIMEOUT_AFTER, FaultKind.DRIP}
"""Faults that keep the adapter waiting until it gives up."""
DOUBTFUL = [kind for kind, wanted in WRITES.items() if set(wanted.statuses) == {U}]


def bids(cents: int) -> list[Change]:
    """Return one bid for each of the names."""
    return [change(EntityKind.TARGET, name, Field.BID, Money(cents * 10_000, "CNY")) for name in NAMES]


def read(market: MockMarketplace, server: MockServer, account: Account) -> list[object]:
    """Return the bids that stand."""
    refs = [EntityRef(EntityKind.TARGET, name) for name in NAMES]
    return [s.values[Field.BID] for s in market.read_back(account.id, refs, server.venue.now)]


@pytest.mark.parametrize("kind", WRITES)
def test_fault_of_a_write_has_the_right_outcome(kind: FaultKind) -> None:
    """What is not certain is UNKNOWN, is sent once, and reading tells what became of it."""
    with serving() as server:
        patient, account = connect(server), account_in(server.venue)
        before = read(patient, server, account)
        market = hasty(server) if kind in DEAD else patient
        if market is patient:
            market.profile(server.venue.now)
        server.faults.add(Fault(kind=kind, path="/changes", times=-1))
        sent = len(server.seen)

        outcomes = market.submit(account.id, bids(123), ["a", "b", "c"], server.venue.now)

        server.faults.clear()
        wanted = WRITES[kind]
        assert wanted.statuses == tuple(outcome.status for outcome in outcomes)
        assert ["a", "b", "c"] == [outcome.key for outcome in outcomes]
        assert 1 == len(server.seen) - sent
        assert ([Money(1_230_000, "CNY")] * 3 if wanted.done else before) == read(patient, server, account)
        history = next(iter(server.venue.advertisers.values())).history
        assert (["a", "b", "c"] if wanted.done else []) == [event.key for event in history]
        market.close()
        patient.close()


@pytest.mark.parametrize(("status", "expected"), [(400, R), (404, R), (409, R), (422, R), (408, U), (502, U), (503, U)])
def test_status_of_a_write(status: int, expected: Status) -> None:
    """A 4xx is definite where it proves that nothing was done."""
    with serving() as server:
        market, account = connect(server), account_in(server.venue)
        server.faults.add(Fault(kind=FaultKind.REFUSE, path="/changes", detail={"status": str(status)}))

        outcomes = market.submit(account.id, bids(123), ["a", "b", "c"], server.venue.now)

        assert [(expected, str(status))] * 3 == [(outcome.status, outcome.code) for outcome in outcomes]
        market.close()


def test_refused_credentials_raise_before_anything_and_reject_after() -> None:
    """A 403 on the first batch raises; on a later one what went before keeps its outcome."""
    with serving(VenueRules(batch_size=2)) as server:
        market, account = connect(server), account_in(server.venue)
        market.profile(server.venue.now)
        server.faults.add(Fault(kind=FaultKind.REFUSE, path="/changes"))
        with pytest.raises(AuthFailed):
            market.submit(account.id, bids(123), ["a", "b", "c"], server.venue.now)

        shuffled = Fault(kind=FaultKind.SHUFFLED_ITEMS, path="/changes")
        server.faults.add(shuffled, Fault(kind=FaultKind.REFUSE, path="/changes"))
        outcomes = market.submit(account.id, bids(124), ["d", "e", "f"], server.venue.now)

        assert [(C, ""), (C, ""), (R, "AUTH_FAILED")] == [(outcome.status, outcome.code) for outcome in outcomes]
        market.close()


READS: dict[FaultKind, type[MarketplaceError]] = {
    FaultKind.THROTTLE: RateLimited,
    FaultKind.REFUSE: AuthFailed,
    FaultKind.REDIRECT: Unavailable,
    FaultKind.ERROR_BEFORE: Unavailable,
    FaultKind.TIMEOUT_BEFORE: Unavailable,
    FaultKind.RESET_BEFORE: Unavailable,
    FaultKind.ERROR_AFTER: Unavailable,
    FaultKind.TIMEOUT_AFTER: Unavailable,
    FaultKind.RESET_AFTER: Unavailable,
    FaultKind.SHORT_BODY: Unavailable,
    FaultKind.DRIP: Unavailable,
    FaultKind.BOMB: Unavailable,
    FaultKind.CUT_JSON: ContractBroken,
    FaultKind.EMPTY_BODY: ContractBroken,
    FaultKind.HTML: ContractBroken,
    FaultKind.DUPLICATE_KEYS: ContractBroken,
    FaultKind.NOT_A_NUMBER: ContractBroken,
}


@pytest.mark.parametrize("kind", READS)
def test_fault_of_a_read_has_the_right_error(kind: FaultKind) -> None:
    """A read that cannot be had, or cannot be believed, says which of the two it is; nothing is ever half read."""
    with serving() as server:
        patient, account = connect(server), account_in(server.venue)
        market = hasty(server) if kind in DEAD else patient
        clean = patient.fetch_structure(account.id, server.venue.now)
        server.faults.add(Fault(kind=kind, path="/v1/", times=-1, detail={"retry_after": "3600"}))

        with pytest.raises(READS[kind]):
            market.fetch_structure(account.id, server.venue.now)

        server.faults.clear()
        assert clean == patient.fetch_structure(account.id, server.venue.now)
        market.close()
        patient.close()


def test_passing_fault_of_a_read_costs_a_retry_only() -> None:
    """One 500 in a cycle is not noticed."""
    with serving() as server:
        market, account = connect(server), account_in(server.venue)
        server.faults.add(Fault(kind=FaultKind.ERROR_BEFORE, path="/targets"))

        assert market.fetch_structure(account.id, server.venue.now).targets
        assert 2 == sum("/targets" in seen.path for seen in server.seen)
        market.close()


def fetch(market: MockMarketplace, server: MockServer, account: Account) -> PerformanceReport:
    """Return the last three days."""
    days = DayRange.ending(day_of(server.venue.now, account.time_zone), days=3)
    report = market.fetch_performance(account.id, days, Grain.DAY, 15, server.venue.now)
    assert not isinstance(report, Pending)
    return report


@pytest.mark.parametrize(
    "kind",
    [
        FaultKind.WRONG_CURRENCY,
        FaultKind.NEGATIVE_SPEND,
        FaultKind.FOREIGN_REPORT,
        FaultKind.CUT_FILE,
        FaultKind.CUT_JSON,
        FaultKind.HTML,
    ],
)
def test_report_that_cannot_be_believed_stops_the_account_once(kind: FaultKind) -> None:
    """A broken report is never data; once somebody has looked, the venue is asked for another one."""
    with serving() as server:
        market, account = connect(server), account_in(server.venue)
        clean = fetch(market, server, account)
        server.faults.add(Fault(kind=kind, path="/pages/", times=-1))

        with pytest.raises(ContractBroken) as caught:
            fetch(market, server, account)

        server.faults.clear()
        assert caught.value.field
        assert clean.account_spend_micros == fetch(market, server, account).account_spend_micros
        market.close()


def test_repeated_rows_do_not_change_the_totals() -> None:
    """A row that comes twice counts once."""
    with serving() as server:
        market, account = connect(server), account_in(server.venue)
        clean = fetch(market, server, account)
        server.faults.add(Fault(kind=FaultKind.REPEATED_ROWS, path="/pages/", times=-1))

        again = fetch(market, server, account)

        assert len(clean.facts) > 0
        for name in COLUMNS:
            assert (np.sort(getattr(clean.facts, name)) == np.sort(getattr(again.facts, name))).all(), name
        market.close()


@pytest.mark.parametrize("kind", [FaultKind.PARTIAL_REPORT, FaultKind.EMPTY_REPORT])
def test_report_with_rows_missing_does_not_add_up(kind: FaultKind) -> None:
    """The venue's own total gives a report away that lost rows."""
    with serving() as server:
        market, account = connect(server), account_in(server.venue)
        server.faults.add(Fault(kind=kind, path="/pages/", times=-1))

        report = fetch(market, server, account)

        assert report.account_spend_micros is not None
        assert report.facts.spend_micros.sum() < 0.9 * report.account_spend_micros
        market.close()


def test_stale_report_says_how_old_it_is() -> None:
    """The instant of observation is that of the data, not of the download."""
    with serving() as server:
        market, account = connect(server), account_in(server.venue)
        assert server.venue.now == fetch(market, server, account).observed_at
        server.faults.add(Fault(kind=FaultKind.STALE_REPORT, path="/reports/", times=-1, detail={"hours": "50"}))

        assert server.venue.now - timedelta(hours=50) == fetch(market, server, account).observed_at
        market.close()


def test_restated_report_shows_its_factor() -> None:
    """Fen for yuan: all money is a hundred times what it was."""
    with serving() as server:
        market, account = connect(server), account_in(server.venue)
        clean = fetch(market, server, account)
        server.faults.add(Fault(kind=FaultKind.RESTATED_REPORT, path="/pages/", times=-1))

        assert clean.facts.spend_micros.sum() * 100 == fetch(market, server, account).facts.spend_micros.sum()
        market.close()


def _tried(kind: FaultKind, times: int) -> None:
    """Write with a fault many times; after each, certainty is claimed by nobody, and reading tells the truth.

    The server's rate limit is out of the way: a 429 is a certain no, and a fast machine would earn some.
    """
    with serving(VenueRules(requests=1_000_000)) as server:
        reader, account = connect(server), account_in(server.venue)
        market = hasty(server) if kind in DEAD else connect(server)
        rng = np.random.default_rng(5)
        account_truth = next(iter(server.venue.advertisers.values()))
        for number in range(times):
            before = read(reader, server, account)
            cents = int(rng.integers(10, 900))
            events = len(account_truth.history)
            server.faults.add(Fault(kind=kind, path="/changes"))
            keys = [f"{kind}-{number}-{name}" for name in NAMES]
            outcomes = market.submit(account.id, bids(cents), keys, server.venue.now)
            assert {U} == {outcome.status for outcome in outcomes}
            done = kind not in BEFORE
            assert (3 if done else 0) == len(account_truth.history) - events
            assert ([Money(cents * 10_000, "CNY")] * 3 if done else before) == read(reader, server, account)
        market.close()
        reader.close()


@pytest.mark.parametrize("kind", DOUBTFUL)
def test_doubt_is_never_taken_for_certainty(kind: FaultKind) -> None:
    """A few tries of each kind."""
    _tried(kind, 2)


_WAITING_TRIES = 20
"""Tries of a fault that is waited out: each costs a second of doing nothing."""


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("kind", [kind for kind in DOUBTFUL if kind is not FaultKind.BOMB])
def test_doubt_is_never_taken_for_certainty_in_two_thousand_tries(kind: FaultKind) -> None:
    """Two thousand tries over all kinds."""
    waiting = len(DEAD) * _WAITING_TRIES
    quick = len(DOUBTFUL) - 1 - len(DEAD)
    _tried(kind, _WAITING_TRIES if kind in DEAD else (2000 - waiting) // quick + 1)
