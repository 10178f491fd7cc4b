"""Secrets that do not leak by being looked at: a wrapper that shows ``***``, and redaction of known values.

The settings read secrets into these, `bidder.http` puts them on the wire, and whatever renders text for people,
logs or JSON may pass it through `redact`. Imports nothing of ours, so that every room may use it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Never
from urllib.parse import quote, quote_plus

MASK = "***"
SHORTEST_REDACTED = 4
"""A known value shorter than this is not searched for: it would mask half of every text."""


_NAMED = re.compile(
    r"""(?ix)
    ( \b(?:bearer|basic)\s+
    | \b(?:authorization|pwd|\w*(?:token|secret|password|passwd|api[_-]?key|signature|credential))
      ["']?\s*[=:]\s*["']? (?!bearer\b|basic\b|\*\*\*) )
    [^\s"',;&)\]}]{6,}"""
)
"""A word that announces a secret, and what follows it."""
_SHAPED = re.compile(r"eyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*|\bAtz[ar]\|[\w-]{10,}|(?<=://)[^/\s:@]+:[^/\s@]+(?=@)")
"""JSON web tokens, Amazon's tokens, a user with a password inside an address."""


class Secret:
    """A text that shows itself only to who asks for it by name.

    ``repr``, ``str``, formatting and JSON encoders see ``***``; pickling is refused. Equality compares the values.

    Args:
        value: The secret itself; surrounding white space, such as a file's last newline, is not part of it.
    """

    __slots__ = ("__value",)

    def __init__(self, value: str) -> None:
        self.__value = value.strip()

    def reveal(self) -> str:
        """Return the secret itself, to be put on the wire and nowhere else."""
        return self.__value

    def __bool__(self) -> bool:
        return bool(self.__value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self.__value == other.reveal()

    def __hash__(self) -> int:
        return hash((Secret, self.__value))

    def __repr__(self) -> str:
        return f"Secret({MASK})"

    def __str__(self) -> str:
        return MASK

    def __format__(self, spec: str) -> str:
        return format(MASK, spec)

    def __reduce__(self) -> Never:
        raise TypeError("a secret is not pickled; pass the name of where it stands")


def redact(text: str, secrets: Iterable[Secret]) -> str:
    """Return ``text`` with every known secret in it masked, longest first; also as an address would write it."""
    values = {secret.reveal() for secret in secrets}
    values |= {written for value in values for written in (quote(value, safe=""), quote_plus(value))}
    for value in sorted(values, key=len, reverse=True):
        if len(value) >= SHORTEST_REDACTED:
            text = text.replace(value, MASK)
    return text


def redact_shapes(text: str) -> str:
    """Return ``text`` with everything masked that looks like a secret, known or not: the last net, not the first."""
    return _NAMED.sub(rf"\1{MASK}", _SHAPED.sub(MASK, text))
