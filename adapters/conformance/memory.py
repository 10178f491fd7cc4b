"""An adapter's memory in a dictionary: for tests, where nothing needs to outlive them."""

from __future__ import annotations

import threading


class DictMemory:
    """A `bidder.ports.AdapterMemory`; hand the same one to another adapter object to play a restart."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._values: dict[str, str] = {}

    def get(self, key: str) -> str | None:
        """Return the value of ``key``, or ``None``."""
        with self._lock:
            return self._values.get(key)

    def put(self, key: str, value: str) -> None:
        """Keep the value."""
        with self._lock:
            self._values[key] = value

    def delete(self, key: str) -> None:
        """Forget ``key``; forgetting an unknown key is fine."""
        with self._lock:
            self._values.pop(key, None)

    def swap(self, key: str, old: str | None, new: str) -> bool:
        """Write ``new`` only where the value is still ``old``; tell whether it was written."""
        with self._lock:
            if self._values.get(key) != old:
                return False
            self._values[key] = new
            return True
