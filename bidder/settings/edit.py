"""Looks at one key and changes one key of a file, keeping its comments.

A change is made in the text, then proven: the new text must mean the old one with that one key changed, and must be
a valid configuration. Only then is the file replaced, at once.
"""

from __future__ import annotations

import contextlib
import os
import re
import tempfile
import tomllib
from collections.abc import Mapping
from copy import deepcopy
from pathlib import Path
from typing import cast

from bidder.errors import ConfigError, InputError
from bidder.settings.document import Document, Path_, dotted, parse
from bidder.settings.faults import nearest
from bidder.settings.load import build
from bidder.settings.sample import literal
from bidder.settings.schema import Entry, entries, find, names_in
from bidder.settings.values import Settings

_PART = re.compile(r'"([^"]*)"|([^.\[\]"]+)|\[(\d+)\]')


def key_of(text: str) -> Path_:
    """Read a dotted key; quoted parts may hold points."""
    parts = [quoted or bare or int(number) for quoted, bare, number in _PART.findall(text)]
    if not parts:
        raise InputError(f"expected a key such as policy.limits.max_bid_step_ratio, was {text!r}")
    return tuple(parts)


def entry_of(text: str) -> Entry:
    """Return what is known of a key, named in full or by its last part; an unknown one names the nearest."""
    path = key_of(text)
    found = find(path) or find((path[0], "*", *path[1:]))
    if found is not None:
        return found
    named = [entry for entry in entries() if entry.path[-1] == path[-1] and entry.path[0] != "accounts"]
    named = named or [entry for entry in entries() if entry.path[-1] == path[-1]]
    if len(path) == 1 and named:
        return named[0]
    names = names_in(path[:-1]) or {str(entry.path[-1]) for entry in entries()}
    raise InputError(f"no key is called {text}; {nearest(str(path[-1]), names)}")


def changed(document: Document, text: str, value: str, *, folder: Path) -> tuple[str, Settings]:
    """Return the file's text with one key set, and the settings it then means.

    Args:
        document: The file as it is.
        text: Dotted key.
        value: As TOML; text may come without quotes.
        folder: Folder that relative paths start at.

    Raises:
        InputError: The key is unknown, or its table is written on one line.
        ConfigError: The result would be no valid configuration; the file is left as it is.
    """
    path = key_of(text)
    entry = entry_of(text)
    if entry.table or len(entry.path) != len(path):
        raise InputError(f"{text} is not a single setting; name it in full, such as {dotted(entry.path)}")
    wanted = _value(value, entry)
    written = _written(document, path, literal(wanted))
    result = parse(written, source=document.source)
    if result.data != _with(document.data, path, wanted):
        raise InputError(f"{text} cannot be changed safely where it stands; edit {document.source} by hand")
    return written, build(result, folder=folder)


def replace(path: Path, text: str) -> None:
    """Replace a file by a new text at once: a crash leaves the old or the new one, never half."""
    mode = path.stat().st_mode & 0o777
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    temporary = Path(name)
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(mode)
        temporary.replace(path)
    except OSError as exc:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise ConfigError(f"cannot be written, and is as it was: {exc.strerror}", source=str(path)) from exc


def _value(text: str, entry: Entry) -> object:
    """Read a value as TOML; where that fails and text or an amount is wanted, take it as that."""
    wants_text = "number" not in entry.kind and ("text" in entry.kind or "quoted" in entry.kind or '"' in entry.kind)
    try:
        value: object = tomllib.loads(f"x = {text}")["x"]
    except tomllib.TOMLDecodeError:
        value = None
    single = wants_text and "list" not in entry.kind
    if value is None or (single and not isinstance(value, str)):
        if not wants_text:
            raise InputError(f"{dotted(entry.path)} takes {entry.kind}, was {text!r}")
        return text
    return value


def _written(document: Document, path: Path_, value: str) -> str:
    """Put a value into the text: in its place, over its commented default, below its table, or in a new table."""
    text, place = document.text, document.places.get(path)
    if place is not None:
        return text[: place.start] + value + text[place.end :]
    line = f"{dotted(path[-1:])} = {value}\n"
    start, end = _table(document, path[:-1])
    if start is None:
        last = document.places[("end",)].start
        return f"{text[:last]}[{dotted(path[:-1])}]\n{line}\n{text[last:]}"
    comment = re.compile(rf"^# ?{re.escape(str(path[-1]))} *=.*\n", re.MULTILINE).search(text, start, end)
    if comment is not None:
        return text[: comment.start()] + line + text[comment.end() :]
    return text[:start] + line + text[start:]


def _table(document: Document, table: Path_) -> tuple[int | None, int]:
    """Return where a table's own lines start and end, or ``None`` where it has no heading."""
    headings = [(place.start, place.end, path) for path, place in document.places.items() if place.heading]
    after = sorted(start for start, _, _ in headings)
    if not table:
        return 0, after[0] if after else len(document.text)
    for start, end, path in headings:
        if path == table:
            line_end = document.text.find("\n", end) + 1 or len(document.text)
            following = [other for other in after if other > start]
            return line_end, following[0] if following else len(document.text)
    return None, 0


def _with(data: Mapping[str, object], path: Path_, value: object) -> dict[str, object]:
    copy = deepcopy(dict(data))
    here: dict[str, object] = copy
    for part in path[:-1]:
        inner = here.setdefault(str(part), {})
        here = cast("dict[str, object]", inner)
    here[str(path[-1])] = value
    return copy
