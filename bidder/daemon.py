"""The process that runs around the clock: heartbeat, signals, one writer, and nothing that decides.

APScheduler supplies the heartbeat alone; what is due is decided from the database on every beat, so that clock jumps,
long sleeps and restarts cannot lose or double a cycle. One account's failure never touches another. Started by
`bidder run`.
"""

from __future__ import annotations

import fcntl
import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from apscheduler.events import EVENT_JOB_ERROR, EVENT_JOB_MAX_INSTANCES, EVENT_JOB_MISSED, JobEvent
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.interval import IntervalTrigger
from loguru import logger

from bidder.core.snapshot import Mode
from bidder.cycle import attend
from bidder.errors import BidderError, ConfigError, InvariantBroken, LockHeld, StoreError
from bidder.settings import AccountSettings, Settings, load
from bidder.store import SqlStore
from bidder.wiring import database_of, kit_of

_THROTTLE = (1, 2, 4, 8, 24)
"""Intervals an account rests after unexpected errors in a row; a good cycle starts again at the first."""


@contextmanager
def single_writer(path: Path, *, now: datetime) -> Iterator[None]:
    """Hold the writer's lock for as long as the block runs; the kernel frees it when the process dies.

    Raises:
        LockHeld: Another process holds it; the message names pid, host and since when.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(handle, 200).decode(errors="replace").strip() or "an unknown process"
            raise LockHeld(f"another bidder writes to this database: {holder} (lock file {path.name})") from None
        os.ftruncate(handle, 0)
        os.pwrite(handle, f"pid {os.getpid()} on {socket.gethostname()} since {now.isoformat()}".encode(), 0)
        yield
    finally:
        os.close(handle)


def lock_path(settings: Settings) -> Path:
    """Return where the writer's lock of a configuration stands: beside the database."""
    if "://" in settings.database:
        return settings.folder / "bidder.lock"
    return Path(f"{settings.database}.lock")


class Daemon:
    """Attends to every account when it is due, until told to stop.

    Args:
        settings: Checked configuration.
        clock: Where the time comes from.
    """

    def __init__(self, settings: Settings, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._settings = settings
        self._clock = clock
        self._store: SqlStore | None = None
        self._stop = threading.Event()
        self._reload = threading.Event()
        self._resting: dict[str, tuple[int, datetime]] = {}

    def run(self) -> None:
        """Run until SIGTERM or SIGINT; SIGHUP reloads the configuration between cycles.

        Raises:
            LockHeld: A second daemon for the same database.
            InvariantBroken: A bug was caught; everything is halted.
        """
        with single_writer(lock_path(self._settings), now=self._clock()):
            self._store = database_of(self._settings)
            self._listen()
            failure = self._beat_until_stopped()
            tell_service_manager("STOPPING=1")
            self._store.close()
        if failure is not None:
            raise failure

    def stop(self) -> None:
        """Ask for an end: no new request is begun, what is under way is recorded."""
        self._stop.set()

    def beat(self) -> int:
        """Attend to what is due now; return how many accounts that was."""
        if self._reload.is_set():
            self._reload.clear()
            self._take_new_settings()
        done = 0
        for one in self._settings.accounts:
            if self._stop.is_set():
                break
            now = self._clock()
            if self._due(one, now):
                self._attend(one, now)
                done += 1
        return done

    def _due(self, one: AccountSettings, now: datetime) -> bool:
        """Decide from the record: a full interval has passed since the last cycle, or the clock jumped back."""
        name = str(one.account.id)
        if name in self._resting and timedelta(0) <= self._resting[name][1] - now <= timedelta(days=2):
            return False
        last = self._opened().last_cycle_at(one.account.id)
        return last is None or now - last >= self._settings.interval or now < last

    def _attend(self, one: AccountSettings, now: datetime) -> None:
        """Run one cycle; whatever unexpected happens rests this account alone."""
        name = str(one.account.id)
        log = logger.bind(account=name)
        store = self._opened()
        try:
            kit = kit_of(one, self._settings, store, stopping=self._stop.is_set)
            try:
                report = attend(one.account, kit, now=now)
            finally:
                kit.market.close()
        except (StoreError, InvariantBroken):
            raise
        except BidderError as error:
            self._rest(name, now)
            log.bind(error=str(error)).error("account cannot be attended to")
        except Exception as error:  # noqa: BLE001 -- the one place: a bug in one account must not stop the others
            self._rest(name, now)
            log.opt(exception=error).error("unexpected error, the account rests")
        else:
            self._resting.pop(name, None)
            log.bind(cycle=report.cycle_id, status=str(report.status)).info(
                report.sentence.replace("{", "(").replace("}", ")")
            )

    def _rest(self, name: str, now: datetime) -> None:
        failures = self._resting.get(name, (0, now))[0] + 1
        length = self._settings.interval * _THROTTLE[min(failures, len(_THROTTLE)) - 1]
        self._resting[name] = (failures, now + length)

    def _take_new_settings(self) -> None:
        """Replace the configuration; a bad file keeps the old values."""
        try:
            fresh = load(Path(self._settings.source))
        except ConfigError as error:
            logger.bind(error=str(error)).error("configuration not reloaded, the old one stays")
            return
        if (fresh.database, fresh.mode) != (self._settings.database, self._settings.mode):
            logger.error("configuration not reloaded: database and mode change only with a restart")
            return
        self._settings = fresh
        self._opened().use_config(fresh.fingerprint)
        logger.bind(fingerprint=fresh.fingerprint[:12]).info("configuration reloaded")

    def _opened(self) -> SqlStore:
        if self._store is None:
            self._store = database_of(self._settings)
        return self._store

    def _listen(self) -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: self._stop.set())
        signal.signal(signal.SIGHUP, lambda *_: self._reload.set())

    def _beat_until_stopped(self) -> BidderError | None:
        """Let the scheduler beat until the stop is set; return what made it impossible to go on."""
        failures: list[BidderError] = []

        def tick() -> None:
            try:
                self.beat()
                tell_service_manager(f"WATCHDOG=1\nSTATUS=attending to {len(self._settings.accounts)} accounts")
            except InvariantBroken as broken:
                self._opened().set_mode(None, Mode.HALTED, actor="daemon", reason=str(broken), now=self._clock())
                failures.append(broken)
                self._stop.set()
            except StoreError as error:
                logger.bind(error=str(error)).error("the record cannot be written: nothing is applied")

        scheduler = BackgroundScheduler(
            timezone=UTC, job_defaults={"misfire_grace_time": None, "coalesce": True, "max_instances": 1}
        )
        scheduler.add_listener(_told, EVENT_JOB_MISSED | EVENT_JOB_ERROR | EVENT_JOB_MAX_INSTANCES)
        trigger = IntervalTrigger(seconds=self._settings.daemon.heartbeat_seconds, timezone=UTC)
        scheduler.add_job(tick, trigger, next_run_time=datetime.now(UTC), id="heartbeat")
        scheduler.start()
        tell_service_manager("READY=1")
        self._watch_clock(scheduler)
        scheduler.shutdown(wait=True)
        return failures[0] if failures else None

    def _watch_clock(self, scheduler: BackgroundScheduler) -> None:
        """Wait for the stop; where the wall clock jumped, set the heartbeat anew instead of waiting it out."""
        length = self._settings.daemon.heartbeat_seconds
        before = self._clock()
        while not self._stop.wait(length):
            after = self._clock()
            if abs((after - before).total_seconds() - length) > max(60, length):
                logger.warning("the clock jumped; the heartbeat starts anew")
                scheduler.modify_job("heartbeat", next_run_time=datetime.now(UTC))
            before = after


def _told(event: JobEvent) -> None:
    logger.bind(code=event.code).warning("a heartbeat was missed, doubled or failed")


def tell_service_manager(text: str) -> None:
    """Send a line to systemd where it listens; silently nothing elsewhere."""
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as channel:
        channel.connect("\0" + address[1:] if address.startswith("@") else address)
        channel.sendall(text.encode())
