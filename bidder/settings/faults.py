"""What is wrong with a configuration: every fault with its file, line and key, told all at once.

Values of secrets never stand in a message: nothing under ``secrets`` or ``options``, nor of an unknown key, is quoted.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from pydantic_core import ErrorDetails

from bidder.errors import ConfigError
from bidder.settings.document import Document, Path_, dotted

_UNKNOWN = {"extra_forbidden", "unexpected_keyword_argument"}
_MISSING = {"missing", "missing_argument", "missing_keyword_only_argument"}
_TOML_WORDS = {
    "a valid array": "a list",
    "an object": "a table",
    "a valid dictionary": "a table",
    "a valid string": "text in quotes",
    "a valid boolean": "true or false",
    "a valid integer": "a whole number",
    "a valid number": "a number",
}
"""pydantic speaks of JSON; people write TOML."""
_NEVER_QUOTED = {"secrets", "options", "notify"}
_QUOTED_LENGTH = 60
_LISTED = 20


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Fault:
    """One thing that is wrong.

    Attributes:
        line: Line of the file, from 1; 0 where no line is to blame.
        key: Dotted key.
        message: What is wrong and what to write instead.
    """

    line: int
    key: str
    message: str

    def within(self, source: str) -> str:
        """Render as ``file:line: key: message``."""
        place = f"{source}:{self.line}" if self.line else source
        return f"{place}: {self.key}: {self.message}" if self.key else f"{place}: {self.message}"


class ConfigFaults(ConfigError):
    """A configuration with faults; all of them are in the message and in ``faults``.

    Args:
        source: The file.
        faults: At least one.
    """

    def __init__(self, source: str, faults: Iterable[Fault]) -> None:
        self.faults = tuple(sorted(set(faults)))
        super().__init__("\n".join(fault.within(source) for fault in self.faults))
        self.source = source
        self.key = self.faults[0].key if len(self.faults) == 1 else None


def fault(document: Document, key: Path_, message: str) -> Fault:
    """Make a fault of a key, with its line."""
    return Fault(line=document.line(key) or 0, key=dotted(key), message=message)


def nearest(name: str, known: Iterable[str]) -> str:
    """Return the words that lead from a wrong name to the right one, or list what there is."""
    names = sorted(known)
    lowered = {candidate.lower(): candidate for candidate in names}
    close = difflib.get_close_matches(name.lower().replace("-", "_"), lowered, n=1, cutoff=0.6)
    if close:
        return f"did you mean {lowered[close[0]]}?"
    more = f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
    return f"known here: {', '.join(names[:_LISTED])}{more}" if names else "nothing is known here"


def told(
    document: Document, errors: Sequence[ErrorDetails], names_in: Callable[[Path_], Iterable[str]], *, under: Path_ = ()
) -> list[Fault]:
    """Turn pydantic's findings into faults.

    Args:
        document: The file.
        errors: Findings, made without their inputs.
        names_in: Gives the names that may stand in a table.
        under: Where the validated part stands in the file.
    """
    return [_told(document, error, names_in, _written(document, (*under, *error["loc"]))) for error in errors]


def _written(document: Document, location: Path_) -> Path_:
    """Return the part of pydantic's location that is a key of the file: it also names branches of types."""
    key: Path_ = ()
    for part in location:
        node = document.value(key) if key else document.data
        if part == "[key]" or not isinstance(node, Mapping if isinstance(part, str) else list):
            break
        key = (*key, part)
    return key


def _told(document: Document, error: ErrorDetails, names_in: Callable[[Path_], Iterable[str]], key: Path_) -> Fault:
    if error["type"] in _UNKNOWN:
        return fault(document, key, f"unknown key; {nearest(str(key[-1]), names_in(key[:-1]))}")
    if error["type"] in _MISSING:
        return fault(document, key, "is required and missing")
    words = error["msg"].replace("Input should", "should").removeprefix("Value error, ")
    for theirs, ours in _TOML_WORDS.items():
        words = words.replace(theirs, ours)
    value = document.value(key)
    if value is None or isinstance(value, Mapping | list) or _NEVER_QUOTED & set(key):
        return fault(document, key, words)
    shown = repr(value)
    shown = shown if len(shown) <= _QUOTED_LENGTH else f"{shown[:_QUOTED_LENGTH]}..."
    return fault(document, key, f"{words}, was {shown}")
