"""Calls the command line in this process, as `main` does, and keeps what it printed."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from bidder.cli.main import run

CONFIG = """\
[accounts.shop]
adapter = "mock"
remote_id = "shop-1"
currency = "CNY"
time_zone = "Asia/Shanghai"
daily_cap = "1500.00"

[accounts.shop.options]
scale = 0.05
history_days = 20

[end]
of_file = true
"""


@dataclass(frozen=True)
class Done:
    """What became of one call."""

    code: int
    out: str
    err: str

    @property
    def data(self) -> dict[str, Any]:
        """The one JSON object on standard output."""
        found = json.loads(self.out)
        assert isinstance(found, dict)
        return found


class Shell:
    """A terminal in a folder of its own."""

    def __init__(self, folder: Path, capture: pytest.CaptureFixture[str]) -> None:
        self.folder = folder
        self._capture = capture

    def __call__(self, *arguments: str) -> Done:
        """Run one command line."""
        self._capture.readouterr()
        code = run(list(arguments))
        out, err = self._capture.readouterr()
        return Done(code, out, err)

    def configured(self, text: str = CONFIG) -> Shell:
        """Write the configuration that is found without being named."""
        (self.folder / "bidder.toml").write_text(text, encoding="utf-8")
        return self
