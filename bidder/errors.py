"""Every error the project raises, sorted by what the loop does about it.

    BidderError
    ├ ConfigError            refuse to start (exit 7): the message names the file and the key
    │  └ AdapterMissing      the configured adapter cannot be loaded: refuse to start, never use another
    ├ InputError             a person's file or argument is unusable: nothing is changed (exit 2)
    ├ MarketplaceError
    │  ├ Unavailable         reads: retry, then skip the account this cycle; writes never raise it
    │  ├ RateLimited         reads: wait ``after`` once; writes answer REJECTED
    │  ├ AuthFailed          halt the account and notify
    │  ├ Refused             definite: becomes the outcome REJECTED
    │  └ ContractBroken      stop the account: corrupt data is worse than none
    ├ DataHeld               a report is stale, partial or foreign: hold the account this cycle
    ├ StoreError             apply nothing; stop the process if it lasts
    │  ├ SchemaTooNew        the database belongs to a newer version: refuse to start
    │  └ WrongMode           the database is stamped for another mode: refuse to start
    ├ LockHeld               another process writes: exit 5
    ├ LeaseLost              stop writing at once
    ├ Halted                 a halt stands: nothing is written (exit 6)
    ├ AuditBroken            the audit chain does not verify (exit 8)
    └ InvariantBroken        a bug: log, set HALTED, exit 70

Imports nothing of ours; every other module may import it.
"""

from __future__ import annotations


class BidderError(Exception):
    """Base of every error of this project."""


class ConfigError(BidderError):
    """The configuration cannot be used; the process refuses to start.

    Args:
        message: What is wrong and what to do.
        source: File the fault stands in, where there is one.
        key: Dotted key of the faulty setting, where there is one.
    """

    def __init__(self, message: str, *, source: str | None = None, key: str | None = None) -> None:
        self.source = source
        self.key = key
        place = ": ".join(part for part in (source, key) if part)
        super().__init__(f"{place}: {message}" if place else message)


class AdapterMissing(ConfigError):
    """The configured adapter is not installed or cannot be loaded; no other one is tried."""


class InputError(BidderError):
    """A file or argument given by a person is unusable; nothing was changed.

    Args:
        message: What was expected and what to do.
        place: Where the fault stands, for example ``report.csv, row 12, column Spend``.
    """

    def __init__(self, message: str, *, place: str | None = None) -> None:
        self.place = place
        super().__init__(f"{place}: {message}" if place else message)


class MarketplaceError(BidderError):
    """A marketplace could not do what was asked."""


class Unavailable(MarketplaceError):
    """Reads: retried, then the account is skipped this cycle. Writes never raise it: they are UNKNOWN."""


class RateLimited(MarketplaceError):
    """A read was throttled: wait once, then skip the account this cycle.

    Args:
        message: What was throttled.
        after: Seconds to wait, already capped by the adapter.
    """

    def __init__(self, message: str, *, after: float) -> None:
        self.after = after
        super().__init__(message)


class AuthFailed(MarketplaceError):
    """Credentials are missing, expired or lack a scope: the account is halted and people are told."""


class Refused(MarketplaceError):
    """The marketplace refused definitely; the intent's outcome is REJECTED.

    Args:
        message: The venue's own words.
        code: The venue's error code.
    """

    def __init__(self, message: str, *, code: str) -> None:
        self.code = code
        super().__init__(f"{code}: {message}")


class ContractBroken(MarketplaceError):
    """A payload breaks the venue's contract; the account is stopped until a person has looked.

    Args:
        message: What was expected and what came.
        field: Path of the field in the payload.
    """

    def __init__(self, message: str, *, field: str) -> None:
        self.field = field
        super().__init__(f"{field}: {message}")


class DataHeld(BidderError):
    """Data is stale, partial, restated beyond reason or foreign: the account is held this cycle.

    Args:
        message: What was found.
        code: Reason code of the hold, a name in ``bidder.core.reasons``.
    """

    def __init__(self, message: str, *, code: str) -> None:
        self.code = code
        super().__init__(message)


class StoreError(BidderError):
    """The database cannot be read or written: nothing is applied."""


class SchemaTooNew(StoreError):
    """The database was written by a newer version of the program: refuse to start."""


class WrongMode(StoreError):
    """The database is stamped for rehearsal or live and was opened for the other."""


class LockHeld(BidderError):
    """Another process holds the writer's lock; the message names pid, host and since when."""


class LeaseLost(BidderError):
    """The right to write was lost: stop writing at once."""


class Halted(BidderError):
    """A halt stands for the account or for everything: nothing is written."""


class AuditBroken(BidderError):
    """The audit chain does not verify.

    Args:
        message: What does not match.
        sequence: The first bad row.
    """

    def __init__(self, message: str, *, sequence: int) -> None:
        self.sequence = sequence
        super().__init__(f"audit row {sequence}: {message}")


class InvariantBroken(BidderError):
    """A bug was caught by one of our own checks: the process halts (exit 70)."""


class CurrencyMismatch(InvariantBroken):
    """Two amounts of different currencies met in one operation."""


class BoundsInfeasible(BidderError):
    """The lower bounds of an allocation cannot be met.

    Args:
        message: Which bounds and by how much.
        groups: Names of the groups (or campaigns) whose minimum spends force the breach.
    """

    def __init__(self, message: str, *, groups: tuple[str, ...] = ()) -> None:
        self.groups = groups
        super().__init__(message)
