"""The heartbeat: APScheduler calls one function again and again, in UTC, from memory, never twice at once.

Nothing else is left to the scheduler: what is due stands in the database. Why these options: safety.md 5.1.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from datetime import UTC, datetime

from apscheduler.events import EVENT_JOB_ERROR, EVENT_JOB_MAX_INSTANCES, EVENT_JOB_MISSED, JobEvent
from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.interval import IntervalTrigger
from loguru import logger

_JOB = "heartbeat"
_TROUBLE = {
    EVENT_JOB_MISSED: "a heartbeat was missed",
    EVENT_JOB_ERROR: "a heartbeat failed",
}
"""What is worth a line. A beat that finds the last one still at work is usual: a first backfill takes longer."""


class Heartbeat:
    """Calls ``beat`` every ``seconds``, the first time at once; a beat still at work is never joined by a second."""

    def __init__(self, beat: Callable[[], None], *, seconds: float) -> None:
        self._beat = beat
        self._seconds = seconds
        self._idle = threading.Event()
        self._idle.set()
        self._closing = threading.Event()
        self._scheduler = BackgroundScheduler(
            timezone=UTC,
            executors={"default": ThreadPoolExecutor(1)},
            job_defaults={"misfire_grace_time": None, "coalesce": True, "max_instances": 1},
        )
        logging.getLogger("apscheduler").setLevel(logging.CRITICAL)  # The listener says it better, and once.
        self._scheduler.add_listener(self._told, EVENT_JOB_MISSED | EVENT_JOB_ERROR | EVENT_JOB_MAX_INSTANCES)
        self.skipped = 0

    def start(self) -> None:
        """Begin to beat."""
        self.restart()
        self._scheduler.start()

    def restart(self) -> None:
        """Beat now and from now on: for a clock that jumped."""
        trigger = IntervalTrigger(seconds=self._seconds, timezone=UTC)
        self._scheduler.add_job(self._guarded, trigger, id=_JOB, replace_existing=True, next_run_time=datetime.now(UTC))

    def stop(self, *, patience: float) -> bool:
        """Beat no more; wait for the beat at work. Tell whether it ended in time."""
        self._closing.set()
        self._scheduler.shutdown(wait=False)
        return self._idle.wait(patience)

    def _guarded(self) -> None:
        self._idle.clear()
        try:
            if not self._closing.is_set():
                self._beat()
        finally:
            self._idle.set()

    def _told(self, event: JobEvent) -> None:
        if event.code == EVENT_JOB_MAX_INSTANCES:
            self.skipped += 1
            return
        log = logger.opt(exception=event.exception) if getattr(event, "exception", None) else logger
        log.error(_TROUBLE[event.code])
