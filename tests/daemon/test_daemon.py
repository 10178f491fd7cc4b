"""What the daemon does on each beat: what is due, what rests, what people are told, what a reload may change."""

from __future__ import annotations

import gc
import os
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bidder.core.entities import AccountId
from bidder.core.snapshot import Mode
from bidder.cycle import Kit
from bidder.daemon.process import Daemon
from bidder.errors import AuthFailed, ConfigError, InvariantBroken, StoreError, Unavailable
from bidder.forecast import EmpiricalBayesForecaster
from bidder.settings import AccountSettings, Settings, load
from bidder.store import SqlStore
from bidder.store.due import attended
from tests.fakes import FakeVenue

START = datetime(2026, 9, 1, 2, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)

CONFIG = """\
[notify]
hold_hours = 6.0

[accounts.first]
adapter = "mock"
remote_id = "shop-1"
currency = "CNY"
time_zone = "Asia/Shanghai"
daily_cap = "1200.00"

[accounts.second]
adapter = "mock"
remote_id = "shop-2"
currency = "CNY"
time_zone = "Asia/Shanghai"
daily_cap = "1200.00"

[end]
of_file = true
"""


@dataclass
class Stage:
    """A daemon on a stage: a clock to turn, venues to break, and what people were told.

    Attributes:
        failing: By account, what building its cycle raises.
        attended: Accounts in the order they were attended to.
    """

    path: Path
    now: datetime = START
    failing: dict[str, Exception] = field(default_factory=dict)
    venues: dict[str, FakeVenue] = field(default_factory=dict)
    attended: list[str] = field(default_factory=list)
    told: list[str] = field(default_factory=list)
    pings: list[bool] = field(default_factory=list)

    def daemon(self) -> Daemon:
        """Return a daemon whose accounts are on fake venues."""
        made = Daemon(load(self.path), clock=lambda: self.now, make_kit=self.kit)
        made.attendant.messenger = self  # type: ignore[assignment]
        return made

    def kit(self, one: AccountSettings, settings: Settings, store: SqlStore, stopping: Callable[[], bool]) -> Kit:
        """Put a cycle together on this stage's venue."""
        name = str(one.account.id)
        self.attended.append(name)
        if name in self.failing:
            raise self.failing[name]
        store.rule(one.account, one.policy)
        venue = self.venues.setdefault(name, FakeVenue())
        return Kit(
            market=venue,
            store=store,
            forecaster=EmpiricalBayesForecaster(one.policy),
            policy=one.policy,
            stopping=stopping,
        )

    def tell(self, subject: str, text: str, *, now: datetime) -> None:
        """Remember what people were told."""
        self.told.append(subject)

    def ping(self, sentence: str, *, good: bool, now: datetime) -> None:
        """Remember what the dead-man switch was told."""
        self.pings.append(good)

    def close(self) -> None:
        """Nothing to let go of."""


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    """Return a stage with two healthy accounts."""
    path = tmp_path / "bidder.toml"
    path.write_text(CONFIG)
    return Stage(path)


def test_each_account_is_attended_once_an_interval(stage: Stage) -> None:
    """However often the heart beats, and whatever was missed while the machine slept."""
    daemon = stage.daemon()
    for minutes in (0, 1, 30, 59, 60, 61, 120, 2000, 2001):
        stage.now = START + timedelta(minutes=minutes)
        daemon.tick()

    assert ["first", "second"] * 4 == stage.attended
    assert [True] * 4 == stage.pings


def test_a_restart_does_not_make_an_account_due(stage: Stage) -> None:
    """What was done stands in the record, not in the process."""
    stage.daemon().tick()
    stage.now += timedelta(minutes=10)
    stage.daemon().tick()

    assert ["first", "second"] == stage.attended


@pytest.mark.parametrize("jump", [timedelta(hours=-1), timedelta(days=-1), timedelta(days=-366), timedelta(days=366)])
def test_a_clock_jump_costs_at_most_one_extra_cycle(stage: Stage, jump: timedelta) -> None:
    """After the jump every account is attended once, then once an interval again."""
    daemon = stage.daemon()
    daemon.tick()
    stage.attended.clear()

    stage.now += jump
    for _ in range(6):
        daemon.tick()
        stage.now += timedelta(minutes=5)

    assert ["first", "second"] == stage.attended


def test_a_broken_account_rests_longer_each_time_and_the_other_goes_on(stage: Stage) -> None:
    """A bug met in one account is nobody else's loss."""
    stage.failing["first"] = ZeroDivisionError("a bug")
    daemon = stage.daemon()
    for hour in range(9):
        stage.now = START + hour * HOUR
        daemon.tick()

    assert (4, 9) == (stage.attended.count("first"), stage.attended.count("second"))  # hours 0, 1, 3, 7
    assert "first cannot be attended to" in stage.told
    assert False in stage.pings


def test_a_mended_account_is_attended_hourly_again(stage: Stage) -> None:
    """One good cycle forgets the failures."""
    stage.failing["first"] = ZeroDivisionError("a bug")
    daemon = stage.daemon()
    daemon.tick()
    stage.failing.clear()
    for hour in (1, 2, 3):
        stage.now = START + hour * HOUR
        daemon.tick()

    assert 4 == stage.attended.count("first")


def test_people_are_told_once_of_a_long_hold_and_of_its_end(stage: Stage) -> None:
    """Hours without a decision are worth a message, each further hour is not."""
    daemon = stage.daemon()
    daemon.tick()
    venue = stage.venues["first"]
    venue.failure = Unavailable("down")
    for hour in range(1, 12):
        stage.now = START + hour * HOUR
        daemon.tick()
    venue.failure = None
    stage.now += HOUR
    daemon.tick()

    mine = [subject for subject in stage.told if subject.startswith("first")]
    assert 2 == len(mine)
    assert "no decided cycle since 2026-09-01 02:00 UTC" in mine[0]
    assert "is attended to again" in mine[1]
    assert "needs a person" not in daemon.status()


def test_refused_credentials_halt_the_account_and_tell_people(stage: Stage) -> None:
    """The other account stays as it was."""
    daemon = stage.daemon()
    stage.venues["first"] = FakeVenue(failure=AuthFailed("401"))
    daemon.tick()

    store = daemon.attendant.store
    assert (Mode.HALTED, Mode.ACTIVE) == (store.mode(AccountId("first")), store.mode(AccountId("second")))
    assert ["first is stopped"] == stage.told


def test_a_caught_bug_halts_everything_and_ends_the_process(stage: Stage) -> None:
    """An invariant that does not hold is no reason to go on with the others."""
    stage.failing["first"] = InvariantBroken("sums differ")
    daemon = stage.daemon()
    daemon.tick()

    assert ["first"] == stage.attended
    assert Mode.HALTED is daemon.attendant.store.mode(AccountId("second"))
    assert isinstance(daemon.failure, InvariantBroken)


def test_a_lost_record_is_told_once_and_ends_the_process_when_it_lasts(stage: Stage) -> None:
    """A short trouble is waited out, a long one is somebody's to mend."""
    daemon = stage.daemon()
    stage.failing["first"] = StoreError("disk full")
    for minutes in (0, 5, 10):
        stage.now = START + timedelta(minutes=minutes)
        daemon.tick()
    assert daemon.failure is None
    assert 1 == len(stage.told)

    stage.now = START + timedelta(minutes=40)
    daemon.tick()

    assert isinstance(daemon.failure, StoreError)


def test_a_record_that_can_be_written_again_is_no_failure(stage: Stage) -> None:
    """The half hour starts anew with each loss."""
    daemon = stage.daemon()
    for minutes in (0, 29, 58, 87):
        stage.now = START + timedelta(minutes=minutes)
        stage.failing["first"] = StoreError("disk full")
        daemon.tick()
        stage.failing.clear()
        stage.now += timedelta(minutes=1)
        daemon.tick()

    assert daemon.failure is None


def test_stopping_begins_no_further_account(stage: Stage) -> None:
    """The end of the process does not wait for everybody's turn."""
    daemon = stage.daemon()
    stage.failing["first"] = Unavailable("x")
    original = stage.kit

    def stop_then(one: AccountSettings, settings: Settings, store: SqlStore, stopping: Callable[[], bool]) -> Kit:
        daemon.stop()
        return original(one, settings, store, stopping)

    daemon.attendant.kit_of = stop_then
    daemon.tick()

    assert ["first"] == stage.attended


def rewrite(stage: Stage, before: str, after: str) -> None:
    """Change the file as an editor that finished a minute ago."""
    text = stage.path.read_text()
    assert before in text
    stage.path.write_text(text.replace(before, after))
    settled(stage.path)


def settled(path: Path) -> None:
    """Make the file look as if it was written a minute ago."""
    status = path.stat()
    os.utime(path, (status.st_atime - 60, status.st_mtime - 60))


def test_a_reload_takes_a_good_file_between_cycles(stage: Stage) -> None:
    """A smaller cap holds from the next cycle."""
    daemon = stage.daemon()
    rewrite(stage, '"1200.00"', '"900.00"')
    daemon.reload()
    daemon.tick()

    assert ["900.00 CNY"] * 2 == [str(one.policy.cap) for one in daemon.settings.accounts]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('daily_cap = "1200.00"', 'dayly_cap = "1200.00"'),
        ("[end]\nof_file = true\n", ""),
        ('daily_cap = "1200.00"', 'daily_cap = "1801.00"'),
        ("[notify]", 'mode = "live"\n[notify]'),
        ("[notify]", '[daemon]\ndatabase = "other.db"\n[notify]'),
        ('adapter = "mock"', 'adapter = "no-such-adapter"'),
        ('remote_id = "shop-2"', 'remote_id = "shop-2"\nsecrets = { token = "env:NO_SUCH_VARIABLE" }'),
    ],
)
def test_a_reload_that_is_wrong_or_drastic_keeps_the_old_values_and_says_so_once(
    stage: Stage, before: str, after: str
) -> None:
    """Half a file, a typo, a doubled cap: the daemon goes on as it was."""
    daemon = stage.daemon()
    old = daemon.settings.fingerprint
    rewrite(stage, before, after)
    daemon.reload()
    for _ in range(3):
        daemon.tick()
        stage.now += HOUR

    assert old == daemon.settings.fingerprint
    assert ["configuration not reloaded"] == stage.told
    assert 3 == stage.attended.count("first")


def test_a_reload_waits_until_the_file_is_settled(stage: Stage) -> None:
    """An editor that is still writing is not raced."""
    daemon = stage.daemon()
    stage.path.write_text(CONFIG.replace('"1200.00"', '"900.00"'))
    daemon.reload()
    daemon.tick()
    assert "1,200.00 CNY" == str(daemon.settings.accounts[0].policy.cap)

    settled(stage.path)
    daemon.tick()

    assert "900.00 CNY" == str(daemon.settings.accounts[0].policy.cap)


def test_the_newest_cycle_is_the_one_entered_last(stage: Stage) -> None:
    """Not the one with the latest date: the clock may have been wrong."""
    daemon = stage.daemon()
    stage.now = START + timedelta(days=400)
    daemon.tick()
    stage.now = START
    daemon.tick()

    seen = attended(daemon.attendant.store, AccountId("first"))
    assert (START, START) == (seen.last, seen.decided)


def test_an_adapter_that_is_missing_stops_the_start(stage: Stage) -> None:
    """Another one is never taken instead."""
    rewrite(stage, 'adapter = "mock"', 'adapter = "mok"')

    with pytest.raises(ConfigError, match="mock"):
        Daemon(load(stage.path), clock=lambda: stage.now).run()


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="needs /proc")
def test_a_fortnight_leaves_no_handle_thread_or_growing_memory(stage: Stage) -> None:
    """What leaks by the hour is a crash by the month."""
    daemon = stage.daemon()
    seen = []
    for hour in range(14 * 24):
        stage.now = START + hour * HOUR
        daemon.tick()
        if hour in {48, 14 * 24 - 1}:
            gc.collect()
            pages = int(Path("/proc/self/statm").read_text().split()[1])
            seen.append((len(list(Path("/proc/self/fd").iterdir())), threading.active_count(), pages))

    (files, threads, memory), (files_after, threads_after, memory_after) = seen
    assert (files, threads) == (files_after, threads_after)
    assert memory_after < 1.05 * memory
