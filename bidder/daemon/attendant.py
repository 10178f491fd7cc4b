"""Attends to the accounts that are due, one after the other, and keeps the failure of one away from the others.

What is due is read from the record, never from a timer. Here is the one `except Exception` of the program: a bug met
in one account rests that account, longer each time.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from loguru import logger

from bidder.cycle import CycleReport, CycleStatus, Kit, attend
from bidder.errors import BidderError, InvariantBroken, StoreError
from bidder.notify import Messenger
from bidder.ports import SETTLE_LIMIT
from bidder.settings import AccountSettings, Settings
from bidder.store import SqlStore
from bidder.store.due import attended

_REST = (1, 2, 4, 8, 24)
"""Intervals an account rests after unexpected errors in a row."""
_LONGEST_REST = timedelta(days=2)
"""A rest that seems longer was counted before the clock jumped, and is over."""

KitMaker = Callable[[AccountSettings, Settings, SqlStore, Callable[[], bool]], Kit]
"""Puts together what a cycle works with; the last argument says whether the process is to end."""


@dataclass(slots=True)
class _Rest:
    """Unexpected failures in a row, and until when the account rests."""

    failures: int
    until: datetime


@dataclass(slots=True, kw_only=True)
class Attendant:
    """Runs the cycles that are due.

    Attributes:
        settings, store, messenger: Replaced as a whole when the configuration is reloaded.
        kit_of: Puts a cycle's collaborators together.
        stopping: Whether the process is to end.
        alarmed: Accounts that people were told about and that did not recover since.
    """

    settings: Settings
    store: SqlStore
    messenger: Messenger
    kit_of: KitMaker
    stopping: Callable[[], bool]
    alarmed: set[str] = field(default_factory=set)
    _resting: dict[str, _Rest] = field(default_factory=dict)

    def beat(self, clock: Callable[[], datetime], *, alive: Callable[[], None]) -> int:
        """Attend to what is due; return how many accounts that was.

        Args:
            clock: Asked anew for each account: cycles take time.
            alive: Called after each finished account, for the watchdog.

        Raises:
            StoreError: The record cannot be read or written: nothing was applied.
            InvariantBroken: A bug was caught by one of our own checks.
        """
        good: list[bool] = []
        for one in self.settings.accounts:
            if self.stopping():
                break
            now = clock()
            if self.due(one, now):
                good.append(self._attend(one, now))
                alive()
            self._watch(one, clock())
        if good:
            names = len(good)
            self.messenger.ping(f"{sum(good)} of {names} accounts decided", good=all(good), now=clock())
        return len(good)

    def due(self, one: AccountSettings, now: datetime) -> bool:
        """Tell from the record whether an interval has passed since the last finished cycle, or time ran back."""
        rest = self._resting.get(one.account.id)
        if rest is not None and timedelta(0) < rest.until - now <= _LONGEST_REST:
            return False
        last = attended(self.store, one.account.id).last
        return last is None or now - last >= self.settings.interval or now < last

    def next_due(self, now: datetime) -> datetime | None:
        """Return when the next account falls due, for the status line."""
        times = [self._next(one, now) for one in self.settings.accounts]
        return min(times, default=None)

    def _next(self, one: AccountSettings, now: datetime) -> datetime:
        last = attended(self.store, one.account.id).last
        rest = self._resting.get(one.account.id)
        due = now if last is None else last + self.settings.interval
        return due if rest is None else max(due, rest.until)

    def _attend(self, one: AccountSettings, now: datetime) -> bool:
        """Run one cycle; tell whether it decided. Whatever unexpected happens rests this account alone."""
        name = str(one.account.id)
        log = logger.bind(account=name)
        try:
            report = self._cycle(one, now)
        except (StoreError, InvariantBroken):
            raise
        except BidderError as error:
            log.bind(error=str(error)).error("account cannot be attended to")
            self._rest(name, now, str(error))
        except Exception as error:  # noqa: BLE001 -- the one place: a bug in one account must not stop the others.
            log.opt(exception=error).error("unexpected error, the account rests")
            self._rest(name, now, f"unexpected error: {type(error).__name__}")
        else:
            self._resting.pop(name, None)
            log.bind(cycle=report.cycle_id, status=report.status.value).info(report.sentence)
            self._react(one, report, now)
            return report.status is CycleStatus.DECIDED
        return False

    def _cycle(self, one: AccountSettings, now: datetime) -> CycleReport:
        kit = self.kit_of(one, self.settings, self.store, self.stopping)
        try:
            return attend(one.account, kit, now=now)
        finally:
            kit.market.close()

    def _react(self, one: AccountSettings, report: CycleReport, now: datetime) -> None:
        """Tell people what needs them: a stopped account, writes that do not settle, and the end of an alarm."""
        name = str(one.account.id)
        if report.status is CycleStatus.STOPPED:
            self._alarm(name, f"{name} is stopped", f"{report.sentence}\nThen: bidder resume --account {name}", now)
        elif report.status is CycleStatus.DECIDED and name in self.alarmed:
            self.alarmed.discard(name)
            self.messenger.tell(f"{name} is attended to again", report.sentence, now=now)
        old = [intent for intent in self.store.open_intents(one.account.id) if now - intent.created_at > SETTLE_LIMIT]
        if old:
            lines = [f"{intent.change.ref} {intent.change.field}: {intent.detail}" for intent in old]
            self.messenger.tell(f"{name}: {len(old)} writes are not settled", _few(lines), now=now)

    def _watch(self, one: AccountSettings, now: datetime) -> None:
        """Tell people, once, where an account had no decided cycle for too long."""
        name = str(one.account.id)
        seen = attended(self.store, one.account.id)
        since = seen.decided or seen.first
        patience = timedelta(hours=self.settings.notify.hold_hours)
        if name not in self.alarmed and since is not None and now - since > patience:
            why = seen.sentence or "no cycle was finished"
            self._alarm(name, f"{name} has no decided cycle since {since:%Y-%m-%d %H:%M} UTC", why, now)

    def _rest(self, name: str, now: datetime, why: str) -> None:
        failures = self._resting[name].failures + 1 if name in self._resting else 1
        length = self.settings.interval * _REST[min(failures, len(_REST)) - 1]
        self._resting[name] = _Rest(failures, now + length)
        if failures > 1:
            self._alarm(name, f"{name} cannot be attended to", why, now)

    def _alarm(self, name: str, subject: str, text: str, now: datetime) -> None:
        self.alarmed.add(name)
        self.messenger.tell(subject, text, now=now)


def _few(lines: Sequence[str], most: int = 20) -> str:
    more = [f"and {len(lines) - most} more"] if len(lines) > most else []
    return "\n".join([*lines[:most], *more])
