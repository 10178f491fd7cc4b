"""Reads the configuration again while the daemon runs: only a whole, settled file that asks for nothing drastic."""

from __future__ import annotations

import time
from pathlib import Path

from bidder.errors import ConfigError
from bidder.settings import Settings, load

SETTLED = 2.0
"""Seconds a file must be unchanged before it is read: an editor may be writing still."""
LARGEST_RAISE = 1.5
"""A cap may grow by this factor at most without a restart."""


def fresh_settings(old: Settings) -> Settings | None:
    """Return the file's new settings, or ``None`` while it is still changing.

    Raises:
        ConfigError: It is not valid, or asks for what only a restart may do.
    """
    path = Path(old.source)
    try:
        age = time.time() - path.stat().st_mtime
    except OSError as exc:
        raise ConfigError(f"cannot be read: {exc.strerror}", source=old.source) from exc
    if 0 <= age < SETTLED:
        return None
    fresh = load(path)
    for what in ("mode", "database"):
        if getattr(fresh, what) != getattr(old, what):
            raise ConfigError("changes with a restart only", source=old.source, key=what)
    caps = {one.account.id: one.policy.cap for one in old.accounts}
    for one in fresh.accounts:
        before, cap = caps.get(one.account.id), one.policy.cap
        if before is not None and cap.currency == before.currency and cap / before > LARGEST_RAISE:
            raise ConfigError(
                f"grows from {before} to {cap}: more than half at once needs a restart",
                source=old.source,
                key=f"accounts.{one.account.id}.daily_cap",
            )
    return fresh
