"""Notices a crash loop: starts that were not followed by a clean end, counted across processes in a small file.

Kept beside the database and written under the writer's lock. A service manager that restarts a dying daemon again and
again would otherwise let each life send a few changes.
"""

from __future__ import annotations

import contextlib
import json
import os
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

LIMIT = 5
"""More unclean starts than this within `WINDOW` are a crash loop."""
WINDOW = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Starts:
    """The starts of one database's daemon.

    Attributes:
        path: The file; a damaged one counts as empty.
    """

    path: Path

    def begin(self, now: datetime) -> int:
        """Note a start; return how many lately did not end cleanly, this one included."""
        recent = [at for at in self._read() if timedelta(0) <= now - at < WINDOW]
        self._write([*recent, now])
        return len(recent) + 1

    def end(self) -> None:
        """Note a clean end: the newest start is forgotten."""
        self._write(self._read()[:-1])

    def _read(self) -> list[datetime]:
        try:
            return [datetime.fromisoformat(str(at)) for at in json.loads(self.path.read_text(encoding="utf-8"))]
        except (OSError, ValueError, TypeError):
            return []

    def _write(self, starts: list[datetime]) -> None:
        """Replace the file; where that fails there is no count, which is no reason not to run."""
        fresh = self.path.with_name(f"{self.path.name}.new")
        with contextlib.suppress(OSError):
            handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                json.dump([at.isoformat() for at in starts], file)
            fresh.replace(self.path)
