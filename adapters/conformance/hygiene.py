"""BC-20 to BC-23: no secret leaks, no request hangs for ever, closing is harmless, no clock is read."""

from __future__ import annotations

import ast
import importlib.util
import logging
import socket
import sys
import threading
import traceback
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path

import pytest

from adapters.conformance.faults import Faults
from adapters.conformance.ground import Ground, Later, fetched, open_days
from bidder.core.entities import Account
from bidder.core.performance import Grain
from bidder.core.venue import VenueProfile
from bidder.errors import BidderError
from bidder.ports import Marketplace
from bidder.secrets import Secret

_AMBIENT = {("datetime", "now"), ("datetime", "utcnow"), ("datetime", "today"), ("date", "today"), ("time", "time"),
            ("time", "localtime"), ("time", "gmtime")}  # fmt: skip
_DEPTH = 4


class HygieneCases(Ground):
    """Cases about how an adapter behaves, whatever it speaks to."""

    def test_bc20_secrets_show_nowhere(
        self,
        marketplace: Marketplace,
        account: Account,
        now: datetime,
        secrets: Sequence[Secret],
        faults: Faults | None,
        caplog: pytest.LogCaptureFixture,
        capfd: pytest.CaptureFixture[str],
    ) -> None:
        """BC-20: no secret stands in a repr, a log, an error or its traceback."""
        if not secrets:
            pytest.skip("supply a fixture `secrets` with what the adapter was built from")
        shown: list[str] = []
        with caplog.at_level(logging.DEBUG):
            marketplace.fetch_structure(account.id, now)
            for kind in sorted(faults.kinds) if faults is not None else ():
                assert faults is not None
                faults.arm(kind)
                try:
                    marketplace.fetch_structure(account.id, now)
                except BidderError as exc:
                    shown.append("".join(traceback.format_exception(exc)) + repr(exc))
                finally:
                    faults.clear()
        shown += [record.getMessage() + str(record.__dict__) for record in caplog.records]
        shown += [repr(thing) for thing in _within(marketplace, _DEPTH)]
        shown += list(capfd.readouterr())

        leaks = [secret for secret in secrets for text in shown if secret.reveal() in text]

        assert not leaks, f"{len(leaks)} secrets were shown"

    def test_bc21_every_request_has_timeouts(
        self,
        marketplace: Marketplace,
        account: Account,
        now: datetime,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """BC-21: no socket is connected, read or written without a time limit."""
        found: list[tuple[str, float | None]] = []
        _watch(monkeypatch, found)

        marketplace.profile(now)
        marketplace.fetch_structure(account.id, now)

        if not found:
            pytest.skip("the adapter opened no socket")
        assert [(what, limit) for what, limit in found if limit is None] == []

    def test_bc22_closing_twice_is_fine(self, marketplace: Marketplace) -> None:
        """BC-22: an adapter may be closed when it is closed already."""
        marketplace.close()
        marketplace.close()

    def test_bc23_no_ambient_clock(
        self, marketplace: Marketplace, account: Account, profile: VenueProfile, now: datetime, later: Later | None
    ) -> None:
        """BC-23: ``now`` is what was passed, and the adapter's own modules ask no clock for it."""
        structure = marketplace.fetch_structure(account.id, now)
        report = fetched(marketplace, account, open_days(profile, now, count=2), Grain.DAY, now, later)

        assert structure.observed_at <= now
        assert report.observed_at <= (now if later is None else max(now, report.observed_at))
        assert list(_clocks(type(marketplace).__module__)) == []


def _watch(monkeypatch: pytest.MonkeyPatch, found: list[tuple[str, float | None]]) -> None:
    """Note the time limit of every socket that leaves this process, where any Python client passes through."""
    local = threading.get_ident()  # A test server in another thread is not the adapter.
    for name in ("connect", "recv_into", "recv", "sendall", "send"):
        plain = getattr(socket.socket, name)

        def noted(self: socket.socket, *args: object, _plain: object = plain, _name: str = name) -> object:
            if threading.get_ident() == local and self.family in (socket.AF_INET, socket.AF_INET6):
                found.append((_name, self.gettimeout()))
            return _plain(self, *args)  # type: ignore[operator]

        monkeypatch.setattr(socket.socket, name, noted)


def _within(thing: object, depth: int) -> Iterator[object]:
    """Walk an object and what hangs on its attributes."""
    yield thing
    if depth == 0:
        return
    names = list(getattr(thing, "__dict__", {})) + [n for c in type(thing).__mro__ for n in getattr(c, "__slots__", ())]
    for name in names:
        value = getattr(thing, name, None)
        if isinstance(value, dict):
            yield from value.values()
        elif hasattr(value, "__dict__") or hasattr(type(value), "__slots__"):
            yield from _within(value, depth - 1)


def _clocks(module: str) -> Iterator[str]:
    """Find calls of an ambient clock in a module and those of its package that it imports."""
    package = module.rpartition(".")[0]
    waiting, seen = [module], set()
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        seen.add(name)
        spec = sys.modules[name].__spec__ if name in sys.modules else importlib.util.find_spec(name)
        if spec is None or not spec.origin or not spec.origin.endswith(".py"):
            continue
        tree = ast.parse(Path(spec.origin).read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and node.module and package and node.module.startswith(package + "."):
                waiting.append(node.module)
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                owner = node.func.value
                last = owner.attr if isinstance(owner, ast.Attribute) else getattr(owner, "id", "")
                if (last, node.func.attr) in _AMBIENT:
                    yield f"{spec.origin}:{node.lineno} {last}.{node.func.attr}()"
