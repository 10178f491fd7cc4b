"""What the mock server's request handlers share: the venue, the doors, the faults, and what was seen.

`server` builds it, `handler` works with it, `admin` shows it to referees.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from adapters.mock.faults import Fault, FaultPlan
from adapters.mock.gate import TokenOffice, Turnstile
from adapters.mock.venue import Venue


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenRequest:
    """A request as it arrived, for referees.

    Attributes:
        at: Seconds on the server's clock.
        fault: The fault that hit it, or empty.
    """

    at: float
    method: str
    path: str
    fault: str


@dataclass(slots=True, kw_only=True)
class Backstage:
    """What every request handler works with.

    Attributes:
        virtual_now: Where the venue's time should be by now; ``None`` where only the admin moves it.
        released: Set when the server closes: whoever plays dead wakes up.
    """

    venue: Venue
    office: TokenOffice
    turnstile: Turnstile
    faults: FaultPlan
    admin_token: str
    clock: Callable[[], float]
    virtual_now: Callable[[], datetime] | None
    released: threading.Event = field(default_factory=threading.Event)
    seen: list[SeenRequest] = field(default_factory=list)

    def note(self, method: str, path: str, fault: Fault | None) -> None:
        """Remember a request."""
        kind = "" if fault is None else fault.kind.value
        self.seen.append(SeenRequest(at=self.clock(), method=method, path=path, fault=kind))
