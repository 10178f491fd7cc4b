"""The hook by which the suite breaks the wire between an adapter and its venue."""

from __future__ import annotations

from enum import StrEnum
from typing import Protocol


class WireFault(StrEnum):
    """What the venue, or the way to it, does wrong with the requests to come."""

    SILENT_WRITE = "silent_write"
    """A write is not carried out and not answered."""
    LOST_WRITE = "lost_write"
    """A write is carried out and not answered."""
    BROKEN_WRITE = "broken_write"
    """A write is answered 500, carried out or not."""
    RUBBISH_WRITE = "rubbish_write"
    """A write is carried out and answered with something unreadable, such as a page of HTML with status 200."""
    THROTTLE = "throttle"
    """Everything is answered 429 with Retry-After."""
    DENY = "deny"
    """Everything but the granting of tokens is answered 401."""
    FORBID = "forbid"
    """Everything but the granting of tokens is answered 403."""
    BROKEN_READ = "broken_read"
    """Reads are answered 500."""
    RUBBISH_READ = "rubbish_read"
    """Reads are answered with something that is not what was agreed."""
    NEW_STATE = "new_state"
    """Entities are in a state that the venue has only had since yesterday."""


class Faults(Protocol):
    """What a test of an adapter supplies as the fixture ``faults``; counts are of requests that reached the venue."""

    @property
    def kinds(self) -> frozenset[WireFault]:
        """The faults it can play; cases that need another one are skipped."""

    def arm(self, kind: WireFault) -> None:
        """Play a fault with every request it is about, until `clear`; start counting at zero."""

    def clear(self) -> None:
        """Be well again."""

    def reads(self) -> int:
        """Return the reads since `arm`; the granting of tokens does not count."""

    def writes(self) -> int:
        """Return the writes since `arm`."""
