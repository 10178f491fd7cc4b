"""What all commands share: finding the configuration, printing for people or machines, progress, the clock.

Text that came from a marketplace goes through `plain`, so that it can neither colour the terminal nor forge a line.
"""

from __future__ import annotations

import getpass
import json
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import click

from bidder.errors import ConfigError
from bidder.secrets import redact_shapes

if TYPE_CHECKING:
    from bidder.settings import Settings

NO_CONFIG = (
    "no configuration was found. See the program at work without one: `bidder demo`. To start your own: "
    "`bidder config sample > bidder.toml`, edit it, then `bidder config check`. Looked at: "
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """The global options of one call."""

    config: Path | None
    as_json: bool

    def config_path(self) -> Path:
        """Return the configuration file: ``--config``, ``$BIDDER_CONFIG``, ./bidder.toml, then the user's own.

        Raises:
            ConfigError: There is none; the message says how to begin.
        """
        if self.config is not None:
            return self.config
        named = os.environ.get("BIDDER_CONFIG")
        if named:
            return Path(named)
        home = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config")
        places = [Path("bidder.toml"), home / "bidder" / "bidder.toml"]
        for place in places:
            if place.is_file():
                return place
        raise ConfigError(NO_CONFIG + ", ".join(str(place) for place in places))

    def settings(self) -> Settings:
        """Return the checked configuration."""
        from bidder.settings import load

        return load(self.config_path())

    def show(self, data: Mapping[str, object], text: str) -> None:
        """Print the object with ``--json``, else the text."""
        if self.as_json or text:
            click.echo(dumps(data) if self.as_json else text)


def now() -> datetime:
    """Return the present instant: the commands are the outermost rim."""
    return datetime.now(UTC)


def who() -> str:
    """Return whom the audit names for what a command does."""
    try:
        return f"person:{getpass.getuser()}"
    except (KeyError, OSError):
        return "person:unknown"


def dumps(data: object) -> str:
    """Return JSON with stable keys; times as ISO text, amounts as text."""
    return json.dumps(data, ensure_ascii=False, sort_keys=True, default=str, indent=2)


def fail(message: str, code: int, *, as_json: bool, kind: str = "UsageError") -> int:
    """Tell an error and return its exit code; with ``--json`` it is an object on standard output."""
    message = redact_shapes(message)
    if as_json:
        click.echo(dumps({"error": {"kind": kind, "message": message}, "exit_code": code}))
    else:
        click.echo(f"bidder: {plain(message, lines=True)}", err=True)
    return code


def plain(text: object, *, lines: bool = False) -> str:
    """Return text with control characters escaped; line breaks stay only where ``lines`` is true."""
    kept = {"\n"} if lines else set()
    return "".join(c if c.isprintable() or c in kept else c.encode("unicode_escape").decode() for c in str(text))


def table(head: Sequence[str], rows: Sequence[Sequence[object]], *, right: Sequence[int] = ()) -> str:
    """Return a plain table; columns named in ``right`` are aligned right. Wide characters count double."""
    cells = [[plain(cell) for cell in row] for row in (head, *rows)]
    widths = [max(_width(row[n]) for row in cells) for n in range(len(head))]
    lines = []
    for number, row in enumerate(cells):
        padded = [
            " " * (widths[n] - _width(cell)) + cell if n in right else cell + " " * (widths[n] - _width(cell))
            for n, cell in enumerate(row)
        ]
        lines.append("  ".join(padded).rstrip())
        if number == 0:
            lines.append("  ".join("─" * width for width in widths))
    return "\n".join(lines)


def _width(text: str) -> int:
    import unicodedata

    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


class Advance(Protocol):
    """Moves a progress bar."""

    def __call__(self, label: str, done: int, total: int, /) -> None:
        """Show how far the work has come."""


@contextmanager
def progress(*, shown: bool = True) -> Iterator[Advance]:
    """Show a progress bar on standard error while work goes on; nothing where that is no terminal."""
    if not shown or not sys.stderr.isatty():
        yield _quiet
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description:<28}"), BarColumn(), TextColumn("{task.percentage:>3.0f}%"))
    with Progress(*columns, TimeRemainingColumn(), console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("starting", total=1)

        def advance(label: str, done: int, total: int, /) -> None:
            bar.update(task, description=label, completed=done, total=total)

        yield advance


def _quiet(label: str, done: int, total: int, /) -> None:
    """Show nothing: standard error is no terminal."""
