"""Files beside the database that the database cannot change: the audit's newest seal, and the key it is sealed with.

A cut tail of a hash chain cannot be seen from inside; the anchor, a file of its own that may be owned by somebody else
or live on another disk, knows how far the chain once reached.
"""

from __future__ import annotations

import json
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

from bidder.errors import StoreError

_KEY_BYTES = 32


@dataclass(frozen=True, slots=True)
class Head:
    """The newest row of the audit: its number and its seal."""

    sequence: int
    hash: str


GENESIS = Head(0, "")
"""What the first row refers to."""


class Anchor:
    """The file that remembers the audit's newest row.

    Args:
        path: Where it lies; ``None`` keeps no anchor, for databases in memory.
    """

    def __init__(self, path: Path | None) -> None:
        self.path = path

    def read(self) -> Head:
        """Return the head it remembers, `GENESIS` where nothing was anchored yet.

        Raises:
            StoreError: The file cannot be read.
        """
        if self.path is None:
            return GENESIS
        try:
            document = json.loads(self.path.read_text(encoding="utf-8"))
            return Head(int(document["sequence"]), str(document["hash"]))
        except FileNotFoundError:
            return GENESIS
        except (OSError, ValueError, KeyError, TypeError) as exc:
            raise StoreError(f"{self.path}: the audit's anchor cannot be read ({exc}); see docs/runbook.md") from exc

    def write(self, head: Head) -> None:
        """Remember a head durably."""
        if self.path is None:
            return
        text = json.dumps({"sequence": head.sequence, "hash": head.hash})
        try:
            write_private(self.path, text.encode())
        except OSError as exc:
            raise StoreError(f"{self.path}: the audit's anchor cannot be written ({exc})") from exc


def write_private(path: Path, data: bytes) -> None:
    """Replace a file as a whole, readable by its owner only: no reader ever sees half of it."""
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        Path(name).replace(path)
    finally:
        Path(name).unlink(missing_ok=True)
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def load_key(path: Path) -> bytes:
    """Return the key the audit is sealed with; the first caller makes one that only its owner can read.

    Raises:
        StoreError: The file can be read by others, is no regular file, or holds no key.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        return _new_key(path)
    except OSError as exc:
        raise StoreError(f"{path}: the audit's key cannot be read ({exc})") from exc
    with os.fdopen(descriptor, "rb") as stream:
        rights = os.fstat(stream.fileno()).st_mode
        key = stream.read()
    if rights & 0o077:
        raise StoreError(f"{path}: others can read the audit's key; run chmod 600 {path}")
    if len(key) < _KEY_BYTES:
        raise StoreError(f"{path}: the audit's key is too short; restore the file from a backup")
    return key


def _new_key(path: Path) -> bytes:
    key = os.urandom(_KEY_BYTES)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except FileExistsError:
        return load_key(path)
    except OSError as exc:
        raise StoreError(f"{path}: the audit's key cannot be written ({exc})") from exc
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(key)
        stream.flush()
        os.fsync(stream.fileno())
    return key
