"""Each conformance case fails for an adapter that has the fault it is about."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import ClassVar

import numpy as np
import pytest

from adapters.conformance import DictMemory, MarketplaceConformance, WireFault
from adapters.conformance.ground import Writer
from adapters.mock.adapter import MockMarketplace
from adapters.mock.desk import Desk
from adapters.mock.venue import Venue
from bidder.core.calendar import DayRange
from bidder.core.change import Change, Outcome, Settings, Status
from bidder.core.entities import AccountId, EntityRef, Structure, TargetId
from bidder.core.money import Money
from bidder.core.performance import Grain, Pending, PerformanceReport
from bidder.core.venue import VenueProfile
from bidder.errors import AuthFailed, ContractBroken, RateLimited, Unavailable
from bidder.ports import AdapterConfig, Marketplace
from bidder.secrets import Secret
from tests.adapters.mock.venues import account_in, small_venue

SUITE = MarketplaceConformance()


class Flawed:
    """A marketplace that does what an inner one does; tests replace a method."""

    API_VERSION: ClassVar[int] = 1

    def __init__(self, inner: Marketplace) -> None:
        self.inner = inner

    def profile(self, now: datetime) -> VenueProfile:
        """Pass on."""
        return self.inner.profile(now)

    def fetch_structure(self, account: AccountId, now: datetime) -> Structure:
        """Pass on."""
        return self.inner.fetch_structure(account, now)

    def fetch_performance(
        self, account: AccountId, days: DayRange, grain: Grain, window_days: int, now: datetime
    ) -> PerformanceReport | Pending:
        """Pass on."""
        return self.inner.fetch_performance(account, days, grain, window_days, now)

    def submit(
        self, account: AccountId, changes: Sequence[Change], keys: Sequence[str], now: datetime
    ) -> Sequence[Outcome]:
        """Pass on."""
        return self.inner.submit(account, changes, keys, now)

    def read_back(self, account: AccountId, refs: Sequence[EntityRef], now: datetime) -> Sequence[Settings]:
        """Pass on."""
        return self.inner.read_back(account, refs, now)

    def close(self) -> None:
        """Pass on."""
        self.inner.close()


@dataclass
class CountingFaults:
    """A wire that counts as it is told."""

    sent: int = 1
    asked: int = 1
    kinds: frozenset[WireFault] = frozenset(WireFault)

    def arm(self, kind: WireFault) -> None:
        """Nothing is needed: the flawed adapter plays its part."""

    def clear(self) -> None:
        """Nothing was armed."""

    def reads(self) -> int:
        """Return what the test says."""
        return self.asked

    def writes(self) -> int:
        """Return what the test says."""
        return self.sent


@pytest.fixture(scope="module")
def played() -> Venue:
    """Play the history once."""
    return small_venue(history_days=48)


Play = Callable[..., None]


@pytest.fixture
def play(
    played: Venue, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> Play:
    """Return a function that runs one case on a marketplace."""
    venue = played.fork()
    account = account_in(venue)

    def later(by: timedelta) -> datetime:
        venue.advance(venue.now + by)
        return venue.now

    def run(case: str, flawed: type[Flawed], **more: object) -> None:
        config = AdapterConfig(account=account, memory=DictMemory())
        market = flawed(MockMarketplace(config, counter=Desk.open(venue.advertiser(account.remote_id))))
        given = {
            "marketplace": market,
            "account": account,
            "now": venue.now,
            "later": later,
            "profile": market.inner.profile(venue.now),
            "structure": market.fetch_structure(account.id, venue.now),
            "inventory": {"targets": len(market.inner.fetch_structure(account.id, venue.now).targets)},
            "writer": Writer(market, account, venue.now, later),
            "faults": CountingFaults(),
            "secrets": (Secret("canary-4711"),),
            "monkeypatch": monkeypatch,
            "caplog": caplog,
            "capfd": capfd,
            **more,
        }
        test = getattr(SUITE, case)
        test(**{name: given[name] for name in inspect.signature(test).parameters})

    return run


def reporting(change: Callable[[PerformanceReport], PerformanceReport]) -> type[Flawed]:
    """Return an adapter whose reports are changed."""

    class Reports(Flawed):
        def fetch_performance(
            self, account: AccountId, days: DayRange, grain: Grain, window_days: int, now: datetime
        ) -> PerformanceReport | Pending:
            report = self.inner.fetch_performance(account, days, grain, window_days, now)
            return report if isinstance(report, Pending) else change(report)

    return Reports


def structured(change: Callable[[Structure], Structure]) -> type[Flawed]:
    """Return an adapter whose structures are changed."""

    class Structures(Flawed):
        def fetch_structure(self, account: AccountId, now: datetime) -> Structure:
            return change(self.inner.fetch_structure(account, now))

    return Structures


def answering(change: Callable[[list[Outcome]], Sequence[Outcome]]) -> type[Flawed]:
    """Return an adapter whose outcomes are changed."""

    class Answers(Flawed):
        def submit(
            self, account: AccountId, changes: Sequence[Change], keys: Sequence[str], now: datetime
        ) -> Sequence[Outcome]:
            return change(list(self.inner.submit(account, changes, keys, now)))

    return Answers


def failing(error: Exception) -> type[Flawed]:
    """Return an adapter whose every call but the profile raises."""

    class Fails(Flawed):
        calls = 0

        def fetch_structure(self, account: AccountId, now: datetime) -> Structure:
            type(self).calls += 1
            if self.calls > 1:  # The suite's own fixture comes first.
                raise error
            return self.inner.fetch_structure(account, now)

        def submit(
            self, account: AccountId, changes: Sequence[Change], keys: Sequence[str], now: datetime
        ) -> Sequence[Outcome]:
            raise error

    return Fails


class NewIds(Flawed):
    """Numbers its targets anew with each call."""

    calls = 0

    def fetch_structure(self, account: AccountId, now: datetime) -> Structure:
        """Rename one."""
        self.calls += 1
        found = self.inner.fetch_structure(account, now)
        first = replace(found.targets[0], id=TargetId(f"T-{self.calls}"))
        return replace(found, targets=(first, *found.targets[1:]))


class LateDays(Flawed):
    """Asks the venue for one day less than it was asked for."""

    def fetch_performance(
        self, account: AccountId, days: DayRange, grain: Grain, window_days: int, now: datetime
    ) -> PerformanceReport | Pending:
        """Leave the last day out."""
        last = max(days.first, days.last - timedelta(days=1))
        report = self.inner.fetch_performance(account, DayRange(first=days.first, last=last), grain, window_days, now)
        return report if isinstance(report, Pending) else replace(report, days=days)


class Growing(Flawed):
    """Reports more of everything each time, without saying when it looked."""

    calls = 0

    def fetch_performance(
        self, account: AccountId, days: DayRange, grain: Grain, window_days: int, now: datetime
    ) -> PerformanceReport | Pending:
        """Add one to all impressions, and one more next time."""
        self.calls += 1
        report = self.inner.fetch_performance(account, days, grain, window_days, now)
        if isinstance(report, Pending):
            return report
        stamp = np.ones(len(report.facts), dtype=np.int64)
        facts = replace(report.facts, impressions=report.facts.impressions + self.calls, observed_at=stamp)
        return replace(report, facts=facts)


class ShortBatch(Flawed):
    """Has no upper limit on bids in its head: sends everything."""

    def submit(
        self, account: AccountId, changes: Sequence[Change], keys: Sequence[str], now: datetime
    ) -> Sequence[Outcome]:
        """Round silently instead of refusing."""
        grid = self.inner.profile(now)
        mended = [
            replace(c, new=min(c.new.round_down(grid.bid_increment), grid.bid_max)) if isinstance(c.new, Money) else c
            for c in changes
        ]
        return self.inner.submit(account, mended, keys, now)


class Amnesiac(Flawed):
    """Forgets keys: each call gets new ones on the way out."""

    calls = 0

    def submit(
        self, account: AccountId, changes: Sequence[Change], keys: Sequence[str], now: datetime
    ) -> Sequence[Outcome]:
        """Send under other keys."""
        self.calls += 1
        told = self.inner.submit(account, changes, [f"{key}-{self.calls}" for key in keys], now)
        return [replace(outcome, key=key) for outcome, key in zip(told, keys, strict=True)]


class Optimist(Flawed):
    """Confirms without sending."""

    def submit(
        self, account: AccountId, changes: Sequence[Change], keys: Sequence[str], now: datetime
    ) -> Sequence[Outcome]:
        """Say that all is well."""
        return [Outcome(key=key, status=Status.CONFIRMED) for key in keys]


class OneShot(Flawed):
    """Cannot be closed twice."""

    closed = False

    def close(self) -> None:
        """Insist."""
        if self.closed:
            raise RuntimeError("closed already")
        self.closed = True


class Talkative(Flawed):
    """Shows its token."""

    def __repr__(self) -> str:
        return "Talkative(token=canary-4711)"


class Clockwatcher(Flawed):
    """Asks a clock instead of its caller."""

    def fetch_structure(self, account: AccountId, now: datetime) -> Structure:
        """Stamp with another instant."""
        found = self.inner.fetch_structure(account, now)
        return replace(found, observed_at=datetime.now(now.tzinfo) + timedelta(days=36_500))


def _in_dollars(structure: Structure) -> Structure:
    first = replace(structure.targets[0], bid=Money(1_000_000, "USD"))
    return replace(structure, targets=(first, *structure.targets[1:]))


def _doubled(report: PerformanceReport) -> PerformanceReport:
    rows = np.concatenate([np.arange(len(report.facts)), np.arange(3)])
    return replace(report, facts=report.facts.take(rows))


def _impossible(report: PerformanceReport) -> PerformanceReport:
    return replace(report, facts=replace(report.facts, clicks=report.facts.impressions + 1))


def _all_confirmed(outcomes: list[Outcome]) -> list[Outcome]:
    return [replace(outcome, status=Status.CONFIRMED) for outcome in outcomes]


READS: list[tuple[str, str, type[Flawed]]] = [
    ("a bid in dollars", "test_bc02_every_amount_is_in_the_accounts_currency", structured(_in_dollars)),
    ("ids that change", "test_bc03_ids_are_stable", NewIds),
    (
        "a lost target",
        "test_bc04_paging_loses_and_repeats_nothing",
        structured(lambda s: replace(s, targets=s.targets[:-1])),
    ),
    ("a lost last day", "test_bc05_days_are_the_marketplaces_both_ends_included", LateDays),
    ("closed days that grow", "test_bc06_closed_days_are_equal_when_fetched_again", Growing),
    ("restated without a stamp", "test_bc07_open_days_are_restated_and_say_so", Growing),
    ("rows twice", "test_bc08_counts_and_money_make_sense", reporting(_doubled)),
    ("clicks without views", "test_bc08_counts_and_money_make_sense", reporting(_impossible)),
    ("no new states", "test_bc24_values_the_venue_added_are_other", Flawed),
]


@pytest.mark.parametrize(("case", "flawed"), [row[1:] for row in READS], ids=[row[0] for row in READS])
def test_case_about_reads_fails_for_a_flawed_adapter(play: Play, case: str, flawed: type[Flawed]) -> None:
    """What is wrong with reads is found by its own case; a sound adapter passes it."""
    with pytest.raises(AssertionError):
        play(case, flawed)
    if case != "test_bc24_values_the_venue_added_are_other":
        play(case, Flawed)


def test_profile_of_another_zone_or_version_is_found(play: Play) -> None:
    """BC-01 fails for a profile that is not the account's."""

    class Elsewhere(Flawed):
        API_VERSION: ClassVar[int] = 0

    with pytest.raises(AssertionError):
        play("test_bc01_profile_is_complete_and_consistent", Elsewhere)
    play("test_bc01_profile_is_complete_and_consistent", Flawed)


WRITES: list[tuple[str, str, type[Flawed]]] = [
    ("answers in another order", "test_bc10_one_result_for_each_change_in_order", answering(lambda o: o[::-1])),
    ("an answer missing", "test_bc10_one_result_for_each_change_in_order", answering(lambda o: o[:-1])),
    ("all or nothing", "test_bc11_partial_failure_is_told_by_item", answering(_all_confirmed)),
    ("keys forgotten", "test_bc12_the_same_key_changes_once", Amnesiac),
    ("rounded in silence", "test_bc17_off_increment_value_is_refused_here", ShortBatch),
    ("confirmed without sending", "test_bc18_pause_and_resume", Optimist),
    ("confirmed without sending again", "test_bc19_read_back_shows_what_was_confirmed", Optimist),
]


@pytest.mark.parametrize(("case", "flawed"), [row[1:] for row in WRITES], ids=[row[0] for row in WRITES])
def test_case_about_writes_fails_for_a_flawed_adapter(play: Play, case: str, flawed: type[Flawed]) -> None:
    """What is wrong with writes is found by its own case; a sound adapter passes it."""
    with pytest.raises(AssertionError):
        play(case, flawed)
    play(case, Flawed)


DOUBT = "test_bc13_doubt_about_a_write_is_unknown"
UNKNOWN = answering(lambda told: [replace(outcome, status=Status.UNKNOWN) for outcome in told])
REJECTED = answering(lambda told: [replace(outcome, status=Status.REJECTED) for outcome in told])


@pytest.mark.parametrize(
    ("flawed", "sent"),
    [(Flawed, 1), (REJECTED, 1), (UNKNOWN, 2), (failing(Unavailable("gone")), 1)],
    ids=["confirmed", "rejected", "sent twice", "raised"],
)
def test_doubt_that_is_not_unknown_is_found(play: Play, flawed: type[Flawed], sent: int) -> None:
    """BC-13 fails for certainty, for a retry and for an exception; it passes for UNKNOWN sent once."""
    with pytest.raises((AssertionError, Unavailable)):
        play(DOUBT, flawed, kind=WireFault.LOST_WRITE, faults=CountingFaults(sent=sent))
    play(DOUBT, UNKNOWN, kind=WireFault.LOST_WRITE)


RAISED: list[tuple[str, Exception, Exception]] = [
    ("test_bc13_read_without_an_answer_is_unavailable", Unavailable("x"), ValueError("x")),
    ("test_bc14_throttled_read_says_how_long_to_wait", RateLimited("x", after=3), RateLimited("x", after=10_000)),
    ("test_bc16_rubbish_breaks_the_contract_and_names_the_field", ContractBroken("x", field="f"), Unavailable("x")),
    ("test_bc16_rubbish_breaks_the_contract_and_names_the_field", ContractBroken("x", field="f"),
     ContractBroken("x", field="")),
]  # fmt: skip


@pytest.mark.parametrize(("case", "right", "wrong"), RAISED, ids=["unavailable", "throttled", "rubbish", "no field"])
def test_wrong_reaction_to_a_bad_answer_is_found(play: Play, case: str, right: Exception, wrong: Exception) -> None:
    """BC-13, BC-14 and BC-16 fail for another error than the one the cycle reacts to."""
    play(case, failing(right))
    with pytest.raises((AssertionError, ValueError, Unavailable)):
        play(case, failing(wrong))


def test_stubborn_adapter_is_found(play: Play) -> None:
    """BC-13, BC-14 and BC-15 fail for an adapter that asks again and again."""
    denied, gone = failing(AuthFailed("x")), failing(Unavailable("x"))
    with pytest.raises(AssertionError):
        play(
            "test_bc15_refused_credentials_halt_the_account",
            denied,
            kind=WireFault.DENY,
            faults=CountingFaults(asked=3),
        )
    with pytest.raises(AssertionError):
        play("test_bc13_read_without_an_answer_is_unavailable", gone, faults=CountingFaults(asked=4))
    for kind in (WireFault.DENY, WireFault.FORBID):
        with pytest.raises(AssertionError):
            play("test_bc15_refused_write_is_not_repeated", REJECTED, kind=kind, faults=CountingFaults(sent=2))
    with pytest.raises(AssertionError):
        play("test_bc14_throttled_write_is_rejected", REJECTED, faults=CountingFaults(sent=2))


def test_lack_of_hygiene_is_found(play: Play) -> None:
    """BC-20, BC-22 and BC-23 fail for a shown token, a fussy close and a clock of its own."""
    nothing = CountingFaults(kinds=frozenset())
    with pytest.raises(AssertionError):
        play("test_bc20_secrets_show_nowhere", Talkative, faults=nothing)
    with pytest.raises(RuntimeError):
        play("test_bc22_closing_twice_is_fine", OneShot)
    with pytest.raises(AssertionError):
        play("test_bc23_no_ambient_clock", Clockwatcher)
