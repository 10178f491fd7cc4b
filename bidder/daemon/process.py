"""The daemon: holds the writer's lock, beats, answers signals, and ends cleanly. Started by `bidder run`."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from importlib.metadata import version

from loguru import logger

from bidder.core.snapshot import Mode
from bidder.cycle import Kit
from bidder.daemon import service
from bidder.daemon.attendant import Attendant, KitMaker
from bidder.daemon.heartbeat import Heartbeat
from bidder.daemon.lock import lock_path, single_writer
from bidder.daemon.log import begin_log
from bidder.daemon.reload import fresh_settings
from bidder.daemon.starts import LIMIT, WINDOW, Starts
from bidder.errors import BidderError, ConfigError, InvariantBroken, StoreError
from bidder.settings import AccountSettings, Settings
from bidder.store import SqlStore
from bidder.wiring import VolatileMemory, database_of, kit_of, market_of, messenger_of

LAST_WORK = 60.0
"""Seconds that a cycle under way gets to end; after that the process leaves it, as a crash would: that is safe."""
STORE_PATIENCE = timedelta(minutes=30)
"""A record that cannot be written for this long ends the process."""


def production_kit(one: AccountSettings, settings: Settings, store: SqlStore, stopping: Callable[[], bool]) -> Kit:
    """Put together what the cycle of a configured account works with."""
    return kit_of(one, settings, store, stopping=stopping)


class Daemon:
    """Attends to every account when it is due, until told to stop.

    Args:
        settings: Checked configuration.
        clock: Where the time comes from.
        make_kit: Puts a cycle's collaborators together.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        make_kit: KitMaker = production_kit,
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._make_kit = make_kit
        self._stop = threading.Event()
        self._reload = threading.Event()
        self._store_lost_at: datetime | None = None
        self._attendant: Attendant | None = None
        self.failure: BidderError | None = None

    @property
    def settings(self) -> Settings:
        """The configuration in force."""
        return self._settings

    @property
    def attendant(self) -> Attendant:
        """Who runs the cycles; opens the record when first asked for."""
        if self._attendant is None:
            self._attendant = Attendant(
                settings=self._settings,
                store=database_of(self._settings),
                messenger=messenger_of(self._settings),
                kit_of=self._make_kit,
                stopping=self._stop.is_set,
            )
        return self._attendant

    def run(self) -> None:
        """Run until SIGTERM or SIGINT; SIGHUP reloads the configuration between cycles.

        Raises:
            LockHeld: A second daemon for the same database.
            ConfigError: An adapter or a secret is missing: nothing was begun.
            StoreError: The database cannot be used, or could not for half an hour.
            InvariantBroken: A bug was caught; everything is halted.
        """
        self._listen()
        with single_writer(lock_path(self._settings), now=self._clock()):
            require_markets(self._settings)
            attendant = self.attendant
            starts = Starts(lock_path(self._settings).with_suffix(".starts"))
            self._refuse_crash_loop(starts.begin(self._clock()))
            self._say_started()
            ended = self._beat_until_stopped()
            service.tell("STOPPING=1")
            if not ended:
                logger.warning("a cycle did not end in time and is left to the next start")
                sys.stderr.flush()
                os._exit(0)
            starts.end()
            attendant.messenger.close()
            attendant.store.close()
        if self.failure is not None:
            raise self.failure
        logger.info("daemon ended")

    def stop(self) -> None:
        """Ask for an end: no new request is begun, what is under way is recorded."""
        self._stop.set()

    def reload(self) -> None:
        """Ask for the configuration to be read again before the next cycle."""
        self._reload.set()

    def tick(self) -> None:
        """Do one beat: reload if asked to, attend to what is due, tell the service manager."""
        attendant = self.attendant
        try:
            if self._reload.is_set():
                self._take_new_settings(attendant)
            attendant.beat(self._clock, alive=lambda: service.tell("WATCHDOG=1"))
            self._store_found()
            service.tell("WATCHDOG=1", f"STATUS={self.status()}")
        except InvariantBroken as broken:
            self._halt_for(broken, attendant)
        except StoreError as error:
            self._store_lost(error, attendant)

    def status(self) -> str:
        """Say in one line how things stand."""
        attendant = self.attendant
        number = len(self._settings.accounts)
        parts = [self._settings.mode, f"{number} account{'s' if number != 1 else ''}"]
        upcoming = attendant.next_due(self._clock())
        if upcoming is not None:
            parts.append(f"next cycle {upcoming:%H:%MZ}")
        if attendant.alarmed:
            parts.append(f"needs a person: {', '.join(sorted(attendant.alarmed))}")
        return "; ".join(parts)

    def _listen(self) -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: self._stop.set())
        signal.signal(signal.SIGHUP, lambda *_: self._reload.set())

    def _say_started(self) -> None:
        settings = self._settings
        fields = {"mode": settings.mode, "version": version("bidder"), "fingerprint": settings.fingerprint[:12]}
        logger.bind(accounts=len(settings.accounts), **fields).info("daemon started")

    def _beat_until_stopped(self) -> bool:
        """Let the heart beat until the stop; tell whether the last cycle ended in time."""
        heartbeat = Heartbeat(self.tick, seconds=self._settings.daemon.heartbeat_seconds)
        heartbeat.start()
        service.tell("READY=1")
        self._watch_clock(heartbeat)
        return heartbeat.stop(patience=LAST_WORK)

    def _watch_clock(self, heartbeat: Heartbeat) -> None:
        """Wait for the stop; where the wall clock and the steady one disagree, start the heartbeat anew."""
        length = self._settings.daemon.heartbeat_seconds
        wall, steady = self._clock(), time.monotonic()
        while not self._stop.wait(length):
            moved = (self._clock() - wall).total_seconds() - (time.monotonic() - steady)
            if abs(moved) > max(60, 2 * length):
                logger.bind(seconds=round(moved)).warning("the clock jumped, the heartbeat starts anew")
                heartbeat.restart()
            wall, steady = self._clock(), time.monotonic()

    def _refuse_crash_loop(self, unclean: int) -> None:
        """After too many unclean starts, halt everything until a person has looked."""
        if unclean <= LIMIT:
            return
        attendant = self.attendant
        now = self._clock()
        why = f"crash loop: {unclean} starts in {WINDOW.seconds // 60} minutes that did not end cleanly"
        attendant.store.set_mode(None, Mode.HALTED, actor="daemon", reason=why, now=now)
        logger.error("crash loop, everything is halted")
        attendant.messenger.tell("bidder is halted: crash loop", f"{why}\nThen: bidder resume --reason ...", now=now)

    def _take_new_settings(self, attendant: Attendant) -> None:
        """Replace the configuration; a file that is bad or still being written keeps the old one."""
        try:
            fresh = fresh_settings(self._settings)
            if fresh is None:
                return
            require_markets(fresh)
            messenger = messenger_of(fresh)
        except ConfigError as error:
            self._reload.clear()
            logger.bind(error=str(error)).error("configuration not reloaded, the old one stays")
            attendant.messenger.tell("configuration not reloaded", str(error), now=self._clock())
            return
        self._reload.clear()
        attendant.messenger.close()
        attendant.store.close()
        attendant.store, attendant.messenger, attendant.settings = database_of(fresh), messenger, fresh
        self._settings = fresh
        begin_log(fresh)
        logger.bind(fingerprint=fresh.fingerprint[:12]).info("configuration reloaded")

    def _halt_for(self, broken: InvariantBroken, attendant: Attendant) -> None:
        """Halt everything: a bug was caught, and a person has to look."""
        now = self._clock()
        self.failure = broken
        self._stop.set()
        logger.bind(error=str(broken)).critical("invariant broken, everything is halted")
        try:
            attendant.store.set_mode(None, Mode.HALTED, actor="daemon", reason=str(broken), now=now)
        except StoreError as error:
            logger.bind(error=str(error)).error("the halt could not be recorded")
        attendant.messenger.tell("bidder is halted: a bug was caught", str(broken), now=now)

    def _store_lost(self, error: StoreError, attendant: Attendant) -> None:
        """Apply nothing while the record cannot be written; say so once; end where it lasts."""
        now = self._clock()
        if self._store_lost_at is None:
            self._store_lost_at = now
            logger.bind(error=str(error)).error("the record cannot be written, nothing is applied")
            attendant.messenger.tell("the database cannot be used, nothing is applied", str(error), now=now)
        elif now - self._store_lost_at > STORE_PATIENCE:
            self.failure = error
            self._stop.set()

    def _store_found(self) -> None:
        if self._store_lost_at is not None:
            self._store_lost_at = None
            logger.info("the record can be written again")


def require_markets(settings: Settings) -> None:
    """Build every configured adapter once: a missing one, or a missing secret, is found before anything begins.

    Raises:
        ConfigError: Names the account and what is missing. No other adapter is ever used instead.
    """
    for one in settings.accounts:
        market_of(one, settings, VolatileMemory()).close()
