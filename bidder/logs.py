"""The only place that sets loguru up: what is written, in which form, and what must never be in it.

Messages are constant, values are fields. The last thing before a line leaves is `_clean`: known secrets and
secret-shaped strings are masked and control characters escaped, wherever in message, fields or failure they stand.
Why these options: safety.md 5.2 (``diagnose`` prints variables, ``enqueue`` loses the last lines of a killed process,
``catch`` prints the whole record where a sink fails).
"""

from __future__ import annotations

import json
import logging
import os
import sys
import traceback
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, TextIO

from loguru import logger

from bidder.errors import ConfigError
from bidder.secrets import MASK, Secret, redact, redact_shapes
from bidder.settings import telling

if TYPE_CHECKING:
    from loguru import Message

_FRAMES = 8
"""Innermost places of a failure that are told; never their variables."""


class Sink:
    """Writes cleaned lines to a stream, one JSON object or one line of text each.

    A disk that is full loses the line and is not a failure: the record of changes is not the log.

    Args:
        stream: Where lines go.
        as_json: One JSON object a line.
        secrets: Values that must never appear.
        owned: Close the stream when the log is set up anew.
    """

    def __init__(self, stream: TextIO, *, as_json: bool, secrets: Iterable[Secret], owned: bool = False) -> None:
        self._stream = stream
        self._json = as_json
        self._secrets = tuple(secrets)
        self._owned = owned
        self.lost = 0

    def write(self, message: Message) -> None:
        """Write one record."""
        record = message.record
        fields = {str(name): self._field(str(name), value) for name, value in sorted(record["extra"].items())}
        fault = record["exception"]
        if fault is not None and fault.type is not None:
            fields["exception"] = self._clean(f"{fault.type.__name__}: {fault.value}")
            fields["trace"] = self._clean(_places(fault.traceback))
        said = self._clean(record["message"])
        if self._json:
            head = {"at": record["time"].isoformat(), "level": record["level"].name, "message": said}
            line = json.dumps({**head, **{k: v for k, v in fields.items() if k not in head}}, ensure_ascii=False)
        else:
            tail = "".join(f" {name}={value}" for name, value in fields.items())
            line = f"{record['time']:%Y-%m-%d %H:%M:%S%z} {record['level'].name:<7} {said}{tail}"
        try:
            self._stream.write(line + "\n")
            self._stream.flush()
        except (OSError, ValueError):
            self.lost += 1

    def stop(self) -> None:
        """Let go of the stream, where it is ours."""
        if self._owned:
            try:
                self._stream.close()
            except OSError:
                self.lost += 1

    def _field(self, name: str, value: object) -> str:
        return MASK if telling(name) else self._clean(str(value))

    def _clean(self, text: str) -> str:
        masked = redact_shapes(redact(text, self._secrets))
        return "".join(c if c.isprintable() else c.encode("unicode_escape", "replace").decode() for c in masked)


def _places(trace: TracebackType | None) -> str:
    """Return where a failure came from, innermost last, without a single value."""
    frames = traceback.extract_tb(trace)[-_FRAMES:]
    return " > ".join(f"{Path(frame.filename).name}:{frame.lineno} {frame.name}" for frame in frames)


class _Intercept(logging.Handler):
    """Passes what libraries log through the standard library on to loguru."""

    def emit(self, record: logging.LogRecord) -> None:
        """Hand one record over."""
        level = record.levelname if record.levelname in {"DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"} else "INFO"
        logger.bind(library=record.name).opt(exception=record.exc_info).log(level, "{}", record.getMessage())


def set_up(
    *, level: str = "info", form: str = "auto", file: Path | None = None, secrets: Iterable[Secret] = ()
) -> None:
    """Send the log to standard error, or to a file that only its owner can read.

    Args:
        level: debug, info, warning or error.
        form: ``json``, ``text``, or ``auto``: text on a terminal, JSON elsewhere.
        file: Where to write instead of standard error.
        secrets: Known values that must never appear.

    Raises:
        ConfigError: The file cannot be written.
    """
    stream = sys.stderr if file is None else _opened(file)
    as_json = form == "json" or (form == "auto" and not stream.isatty())
    sink = Sink(stream, as_json=as_json, secrets=secrets, owned=file is not None)
    logger.remove()
    logger.add(
        sink,
        level=level.upper(),
        format="{message}",
        colorize=False,
        backtrace=False,
        diagnose=False,
        enqueue=False,
        catch=False,
    )
    logging.basicConfig(handlers=[_Intercept()], level=logging.WARNING, force=True)


def _opened(file: Path) -> TextIO:
    try:
        handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    except OSError as exc:
        raise ConfigError(f"{file} cannot be written: {exc.strerror}", key="log.file") from exc
    return os.fdopen(handle, "a", encoding="utf-8", errors="backslashreplace")
