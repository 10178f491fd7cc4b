"""The only place that sets loguru up: what is written, in which form, and what must never be in it.

Messages are constant, values are fields. The last thing before a line leaves is `_clean`: known secrets and
token-shaped strings are masked and control characters escaped, wherever in message, fields or traceback they stand.
Why these options: safety.md 5.2 (``diagnose`` prints variables, ``enqueue`` loses the last lines of a killed process).
"""

from __future__ import annotations

import json
import logging
import re
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from loguru import logger

from bidder.secrets import MASK, Secret, redact

if TYPE_CHECKING:
    from loguru import Message

_TOKEN = re.compile(
    r"(?i)\b(bearer|token|secret|password|api[_-]?key|access_token|refresh_token)([=:\s\"']+)[^\s\"',;&]{6,}"
)


class Sink:
    """Writes cleaned lines to a stream, one JSON object or one line of text each."""

    def __init__(self, stream: TextIO, *, as_json: bool, secrets: Iterable[Secret]) -> None:
        self._stream = stream
        self._json = as_json
        self._secrets = tuple(secrets)

    def __call__(self, message: Message) -> None:
        """Write one record."""
        record = message.record
        fault = record["exception"]
        fields = {str(name): str(value) for name, value in sorted(record["extra"].items())}
        if fault is not None and fault.type is not None:
            fields["exception"] = f"{fault.type.__name__}: {fault.value}"
        if self._json:
            line = json.dumps(
                {
                    "at": record["time"].isoformat(),
                    "level": record["level"].name,
                    "message": self._clean(record["message"]),
                    **{name: self._clean(value) for name, value in fields.items()},
                },
                ensure_ascii=False,
            )
        else:
            tail = "".join(f" {name}={self._clean(value)}" for name, value in fields.items())
            at = record["time"].strftime("%Y-%m-%d %H:%M:%S%z")
            line = f"{at} {record['level'].name:<7} {self._clean(record['message'])}{tail}"
        self._stream.write(line + "\n")
        self._stream.flush()

    def _clean(self, text: str) -> str:
        masked = _TOKEN.sub(rf"\1\2{MASK}", redact(text, self._secrets))
        return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in masked)


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
    """
    stream: TextIO = sys.stderr
    if file is not None:
        file.touch(mode=0o600)
        stream = file.open("a", encoding="utf-8")
    as_json = form == "json" or (form == "auto" and not stream.isatty())
    logger.remove()
    logger.add(
        Sink(stream, as_json=as_json, secrets=secrets),
        level=level.upper(),
        format="{message}",
        backtrace=False,
        diagnose=False,
        enqueue=False,
    )
    logging.basicConfig(handlers=[_Intercept()], level=logging.WARNING, force=True)
