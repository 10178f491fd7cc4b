"""Answers remembered by the inputs they were worked out from, so that a forecaster stays a pure function.

A fit whose inputs did not change since the last cycle need not be made again; one whose inputs changed is. The key
is a digest of the inputs themselves, never a time or an order of calls.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

Answer = TypeVar("Answer")
Part = NDArray[np.generic] | float | int | str | bytes | None

_REMEMBERED = 8
"""Answers kept for each question: the accounts of one process take turns."""


class Memo:
    """Remembers the latest answers to each question."""

    def __init__(self) -> None:
        self._answers: dict[str, dict[bytes, object]] = {}

    def recall(self, question: str, parts: tuple[Part, ...], work_out: Callable[[], Answer]) -> Answer:
        """Return the answer to inputs seen before, or work it out and remember it.

        Args:
            question: Which fit.
            parts: Everything the answer depends on.
            work_out: Makes the answer from exactly those parts.
        """
        known = self._answers.setdefault(question, {})
        key = digest(parts)
        if key in known:
            known[key] = known.pop(key)  # Now the latest.
        else:
            answer = work_out()
            known[key] = answer
            if len(known) > _REMEMBERED:
                del known[next(iter(known))]
        found: Answer = known[key]  # type: ignore[assignment]  # what `work_out` of this question gave
        return found


def digest(parts: tuple[Part, ...]) -> bytes:
    """Return a fingerprint of arrays (with shape and type) and plain values."""
    sink = hashlib.blake2b(digest_size=16)
    for part in parts:
        if isinstance(part, np.ndarray):
            sink.update(f"{part.dtype.str}{part.shape}".encode())
            sink.update(np.ascontiguousarray(part).data)
        else:
            sink.update(part if isinstance(part, bytes) else repr(part).encode())
        sink.update(b"\0")
    return sink.digest()
