"""One writer for one database: an advisory lock that the kernel frees when its holder dies."""

from __future__ import annotations

import fcntl
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from bidder.errors import LockHeld, StoreError
from bidder.settings import Settings

_LONGEST = 200
"""Bytes of a holder's name that are shown."""


def lock_path(settings: Settings) -> Path:
    """Return where the writer's lock of a configuration stands: beside its database."""
    if "://" in settings.database:
        return settings.folder / "bidder.lock"
    return Path(f"{settings.database}.lock")


@contextmanager
def single_writer(path: Path, *, now: datetime) -> Iterator[None]:
    """Hold the writer's lock for as long as the block runs.

    A stopped holder keeps it, a dead one does not. The file stays: removing it would let two hold "the" lock.

    Raises:
        LockHeld: Another process holds it; the message names pid, host and since when.
        StoreError: The lock file cannot be made.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except OSError as exc:
        raise StoreError(f"{path}: the lock file cannot be made ({exc.strerror}); check the folder's rights") from exc
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise LockHeld(f"another bidder writes to this database: {_holder(handle)} (lock file {path})") from None
        except OSError as exc:
            raise StoreError(
                f"{path}: cannot be locked ({exc.strerror}); use a local disk, not a network drive"
            ) from exc
        _sign(handle, f"pid {os.getpid()} on {socket.gethostname()} since {now.isoformat(timespec='seconds')}")
        yield
    finally:
        os.close(handle)


def holder(path: Path) -> str | None:
    """Return who holds the lock, or ``None`` where it is free."""
    try:
        handle = os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError:
        return None
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return _holder(handle)
    else:
        return None
    finally:
        os.close(handle)


def _sign(handle: int, text: str) -> None:
    """Say who holds it; a full disk does not make the lock weaker."""
    try:
        os.ftruncate(handle, 0)
        os.pwrite(handle, text.encode(), 0)
    except OSError:
        return


def _holder(handle: int) -> str:
    return os.pread(handle, _LONGEST, 0).decode(errors="replace").strip() or "a process that did not sign"
