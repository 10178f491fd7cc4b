"""A TOML file as text, as data, and as a map from every key to the place it stands at.

`tomllib` gives values without lines; operators need lines. The scanner here walks a text that `tomllib` has already
accepted, so it only has to know where things are, not whether they are right. Called by the rest of `bidder.settings`.
"""

from __future__ import annotations

import math
import re
import stat
import tomllib
from bisect import bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from bidder.errors import ConfigError

Path_ = tuple[str | int, ...]
"""A key in the file: table and key names, and the position inside lists."""

MAX_BYTES = 1_000_000
"""No configuration is larger; a wrong file named by mistake is refused before it is read."""

_BARE = re.compile(r"[A-Za-z0-9_-]+")
_BLANK = re.compile(r"(?:[ \t\r\n]+|#[^\n]*)*")
_SPACE = re.compile(r"[ \t]*")
_SCALAR = re.compile(r"[^,\]}#\n]*")
_TRIPLE = 3


@dataclass(frozen=True, slots=True)
class Place:
    """Where a key stands: its line from 1, and the characters of its value, or of its heading in brackets."""

    line: int
    start: int
    end: int
    heading: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """One configuration file, read once.

    Attributes:
        source: The name shown to people.
        text: What the file holds.
        data: What it means to TOML.
        places: Where each key stands, tables included.
    """

    source: str
    text: str
    data: Mapping[str, object]
    places: Mapping[Path_, Place] = field(repr=False)

    def line(self, key: Path_) -> int | None:
        """Return the line of a key, or of the nearest table around it, or ``None`` where neither is written."""
        for length in range(len(key), 0, -1):
            place = self.places.get(key[:length])
            if place is not None:
                return place.line
        return None

    def value(self, key: Path_) -> object:
        """Return what the file says under a key, or ``None``."""
        here: object = self.data
        for part in key:
            match here, part:
                case Mapping(), _ if part in here:
                    here = here[part]
                case list(), int() if part < len(here):
                    here = here[part]
                case _:
                    return None
        return here

    def not_finite(self) -> Iterator[Path_]:
        """Yield keys whose number is ``nan`` or ``inf``: TOML allows them, no setting does."""
        yield from _not_finite(self.data, ())


def dotted(key: Path_) -> str:
    """Render a key for people: ``accounts.main.protect.words[2]``; names that need quotes get them."""
    text = ""
    for part in key:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            name = part if _BARE.fullmatch(part) else f'"{part}"'
            text += f".{name}" if text else name
    return text


def read(path: Path) -> Document:
    """Read a configuration file.

    Raises:
        ConfigError: It cannot be read, is no UTF-8 text, or is no TOML; the line is named.
    """
    source = str(path)
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise ConfigError("is not a regular file", source=source)
        if status.st_size > MAX_BYTES:
            raise ConfigError(f"holds {status.st_size:,} bytes, which is no configuration", source=source)
        raw = path.read_bytes()
    except OSError as exc:
        raise ConfigError(f"cannot be read: {exc.strerror or exc}", source=source) from exc
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as exc:
        line = raw.count(b"\n", 0, exc.start) + 1
        raise ConfigError("is not UTF-8 text; save it as UTF-8", source=f"{source}:{line}") from exc
    return parse(text, source=source)


def parse(text: str, *, source: str) -> Document:
    """Parse a configuration text; raises `ConfigError` naming the line of a syntax error."""
    text = text.replace("\r\n", "\n")
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as exc:
        message, line = _syntax(str(exc), text)
        raise ConfigError(f"{message}; nothing of the file was used", source=f"{source}:{line}") from None
    except RecursionError:
        raise ConfigError("is nested too deeply to be a configuration", source=source) from None
    return Document(source=source, text=text, data=data, places=_Scanner(text).scan())


def _syntax(message: str, text: str) -> tuple[str, int]:
    """Split tomllib's message into its words and its line."""
    found = re.search(r" \(at line (\d+), column (\d+)\)$", message)
    if found is None:
        return re.sub(r" \(at end of document\)$", " at the end of the file", message), text.count("\n") + 1
    return f"{message[: found.start()]} (column {found[2]})", int(found[1])


def _not_finite(node: object, key: Path_) -> Iterator[Path_]:
    if isinstance(node, Mapping):
        for name, inner in node.items():
            yield from _not_finite(inner, (*key, name))
    elif isinstance(node, list):
        for position, inner in enumerate(node):
            yield from _not_finite(inner, (*key, position))
    elif isinstance(node, float) and not math.isfinite(node):
        yield key


class _Scanner:
    """Finds keys and values in a text that is known to be TOML."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.places: dict[Path_, Place] = {}
        self.lists: dict[Path_, int] = {}
        self._starts = [0, *(match.end() for match in re.finditer("\n", text))]

    def scan(self) -> dict[Path_, Place]:
        table: Path_ = ()
        self._skip(_BLANK)
        while self.at < len(self.text):
            if self.text.startswith("[[", self.at):
                table = self._header(2)
            elif self.text[self.at] == "[":
                table = self._header(1)
            else:
                self._pair(table)
            self._skip(_BLANK)
        return self.places

    def _header(self, brackets: int) -> Path_:
        start = self.at
        self.at += brackets
        names = self._key()
        path = self._resolve(names[:-1])
        if brackets == 1:
            path = (*path, names[-1])
        else:
            position = self.lists.get((*path, names[-1]), -1) + 1
            self.lists[*path, names[-1]] = position
            self._mark((*path, names[-1]), start, self.at)
            path = (*path, names[-1], position)
        self.at = self.text.index("]", self.at) + brackets
        self._mark(path, start, self.at, heading=True)
        return path

    def _resolve(self, names: Path_) -> Path_:
        """Put in the position of the list element that a header speaks of: the newest one."""
        path: Path_ = ()
        for name in names:
            path = (*path, name)
            if path in self.lists:
                path = (*path, self.lists[path])
        return path

    def _pair(self, table: Path_) -> None:
        start = self.at
        names = self._key()
        self.at = self.text.index("=", self.at) + 1
        self._skip(_SPACE)
        path = (*table, *names)
        for length in range(len(table) + 1, len(path)):
            self._mark(path[:length], start, start)
        self._value(path, start)

    def _value(self, path: Path_, start: int) -> None:
        """Step over a value and note it; lists and inline tables are entered."""
        begin = self.at
        first = self.text[self.at]
        if first in "\"'":
            self._string()
        elif first == "[":
            self._list(path)
        elif first == "{":
            self._inline(path)
        else:
            found = _SCALAR.match(self.text, self.at)
            self.at = self.at + len(found[0].rstrip()) if found else self.at + 1
        self.places.setdefault(path, Place(self._line(start), begin, self.at))

    def _list(self, path: Path_) -> None:
        self.at += 1
        position = 0
        while self._next() != "]":
            self._value((*path, position), self.at)
            position += 1
            if self._next() == ",":
                self.at += 1
        self.at += 1

    def _inline(self, path: Path_) -> None:
        self.at += 1
        while self._next() != "}":
            self._pair(path)
            if self._next() == ",":
                self.at += 1
        self.at += 1

    def _next(self) -> str:
        self._skip(_BLANK)
        return self.text[self.at]

    def _key(self) -> Path_:
        names: list[str] = []
        while True:
            self._skip(_SPACE)
            if self.text[self.at] in "\"'":
                begin = self.at
                self._string()
                names.append(str(tomllib.loads(f"x = {self.text[begin : self.at]}")["x"]))
            else:
                found = _BARE.match(self.text, self.at)
                name = found[0] if found else self.text[self.at]
                names.append(name)
                self.at += len(name)
            self._skip(_SPACE)
            if self.text[self.at] != ".":
                return tuple(names)
            self.at += 1

    def _string(self) -> None:
        quote = self.text[self.at]
        triple = quote * _TRIPLE
        if self.text.startswith(triple, self.at):
            self._until(triple)
            while self.text.startswith(quote, self.at):  # Up to two quotes may stand before the closing three.
                self.at += 1
        else:
            self._until(quote)

    def _until(self, closing: str) -> None:
        self.at += len(closing)
        while not self.text.startswith(closing, self.at):
            self.at += 2 if closing[0] == '"' and self.text[self.at] == "\\" else 1
        self.at += len(closing)

    def _skip(self, pattern: re.Pattern[str]) -> None:
        found = pattern.match(self.text, self.at)
        self.at = found.end() if found else self.at

    def _mark(self, path: Path_, start: int, end: int, *, heading: bool = False) -> None:
        self.places.setdefault(path, Place(self._line(start), start, end, heading))

    def _line(self, position: int) -> int:
        return bisect_right(self._starts, position)
