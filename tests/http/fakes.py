"""A clock and a memory that tests own."""

from __future__ import annotations

import threading


class FakeTicker:
    """Time moves only when somebody sleeps, or is told to."""

    def __init__(self, start: float = 1_000_000.0) -> None:
        self._lock = threading.Lock()
        self.time = start
        self.slept: list[float] = []

    def monotonic(self) -> float:
        """Return the fake time."""
        return self.time

    def wall(self) -> float:
        """Return the fake time."""
        return self.time

    def sleep(self, seconds: float) -> None:
        """Let the fake time pass."""
        with self._lock:
            self.slept.append(seconds)
            self.time += seconds


class DictMemory:
    """An adapter's memory in a dictionary."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.values: dict[str, str] = {}

    def get(self, key: str) -> str | None:
        """Return the value, or ``None``."""
        with self._lock:
            return self.values.get(key)

    def put(self, key: str, value: str) -> None:
        """Write the value."""
        with self._lock:
            self.values[key] = value

    def delete(self, key: str) -> None:
        """Forget the key."""
        with self._lock:
            self.values.pop(key, None)

    def swap(self, key: str, old: str | None, new: str) -> bool:
        """Write where the value is still the old one."""
        with self._lock:
            if self.values.get(key) != old:
                return False
            self.values[key] = new
            return True
