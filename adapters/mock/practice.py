"""The counter of a shop to practise on: no server, no credentials, and a market that lives on between restarts.

An account with ``adapter = "mock"`` and no ``base_url`` gets one. The market is drawn from the account's id and played
up to ``now``; what was written to it is kept in the adapter's memory and played again after a restart, so that the
venue's truth is the same as before.
"""

from __future__ import annotations

import itertools
import json
import weakref
import zlib
from collections.abc import Sequence
from datetime import date, datetime

from adapters.mock.advertiser import Advertiser, JobState
from adapters.mock.desk import Desk
from adapters.mock.generate import build_shops, preset_names
from adapters.mock.history import USUAL_HISTORY_DAYS, open_market
from adapters.mock.reports import ReportSpec
from adapters.mock.rules import VenueRules
from adapters.mock.wire import Payload, decode_change, encode_change
from bidder.core.calendar import day_of
from bidder.core.change import Change, Outcome, Settings
from bidder.core.entities import AccountId, EntityRef, Structure
from bidder.core.performance import PerformanceReport
from bidder.core.venue import VenueProfile
from bidder.errors import ConfigError, StoreError
from bidder.http import encode_json, parse_json
from bidder.ports import AdapterConfig, AdapterMemory

OPTIONS = ("preset", "seed", "scale", "history_days")
_BATCH = 200
_numbers = itertools.count(1)
_kept: dict[int, Advertiser] = {}
"""Accounts of open practice shops, kept here so that nothing reachable from a marketplace leads to them."""


class PracticeDesk:
    """A `Counter` over a shop of its own in this process; see there for the methods.

    Args:
        config: Options: ``preset`` (general), ``seed`` (from the account's id), ``scale`` (0.3), ``history_days`` (60).
    """

    def __init__(self, config: AdapterConfig) -> None:
        place = f"accounts.{config.account.id}.options"
        known = {"preset": "general", "seed": zlib.crc32(config.account.remote_id.encode()) % 100_000, "scale": 0.3,
                 "history_days": USUAL_HISTORY_DAYS}  # fmt: skip
        values = {**known, **config.options}
        for name in values:
            if name not in known:
                raise ConfigError(f"unknown option; the mock adapter knows {', '.join(OPTIONS)}", key=f"{place}.{name}")
        preset, seed, scale, days = (values[name] for name in OPTIONS)
        if preset not in preset_names():
            raise ConfigError(f"unknown preset; there are {', '.join(preset_names())}", key=f"{place}.preset")
        if type(seed) is not int or type(days) is not int or seed < 0 or days < 0:
            raise ConfigError("seed and history_days are whole numbers from 0 on", key=place)
        if isinstance(scale, bool) or not isinstance(scale, int | float) or not scale > 0:
            raise ConfigError("scale is a positive number", key=f"{place}.scale")
        self._shop = (str(preset), seed, float(scale), days)
        self._memory = config.memory
        self._zone = config.account.time_zone
        self._number = next(_numbers)
        weakref.finalize(self, _kept.pop, self._number, None)
        self._desk: Desk | None = None

    def profile(self, now: datetime) -> VenueProfile:
        """Return the venue's rules for this account."""
        return self._at(now).profile(now)

    def structure(self, account: AccountId, now: datetime) -> Structure:
        """Return everything the account holds."""
        return self._at(now).structure(account, now)

    def request_report(self, spec: ReportSpec, now: datetime) -> str:
        """Start a report and return its job."""
        return self._at(now).request_report(spec, now)

    def job_state(self, job: str, now: datetime) -> JobState:
        """Tell where a job stands; those of an earlier process are gone."""
        return self._at(now).job_state(job, now)

    def fetch_report(self, job: str, spec: ReportSpec, now: datetime) -> PerformanceReport:
        """Return a report that is ready."""
        return self._at(now).fetch_report(job, spec, now)

    def submit(self, changes: Sequence[Change], keys: Sequence[str], now: datetime) -> Sequence[Outcome]:
        """Keep the changes, then carry them out: after a crash in between they count as carried out."""
        desk = self._at(now)
        items = [encode_change(change, key) for change, key in zip(changes, keys, strict=True)]
        for start in range(0, len(items), _BATCH):
            _Diary(self._memory).write({"at": now.isoformat(), "changes": items[start : start + _BATCH]})
        return desk.submit(changes, keys, now)

    def settings(self, refs: Sequence[EntityRef], now: datetime) -> Sequence[Settings]:
        """Return what entities are set to."""
        return self._at(now).settings(refs, now)

    def close(self) -> None:
        """Let the market go; the next call opens it again."""
        _kept.pop(self._number, None)
        self._desk = None

    def _at(self, now: datetime) -> Desk:
        """Return the shop, played up to an instant."""
        if self._desk is None:
            advertiser = self._opened(now)
            _kept[self._number] = advertiser
            self._desk = Desk.open(advertiser)
        _kept[self._number].advance(now)
        return self._desk

    def _opened(self, now: datetime) -> Advertiser:
        """Open the market on the day it was first opened, and play what was written to it since."""
        preset, seed, scale, days = self._shop
        diary = _Diary(self._memory)
        start = diary.start(day_of(now, self._zone), ":".join(map(str, self._shop)))
        shop = build_shops(preset, seed=seed, size=scale, start=start)[0]
        advertiser = Advertiser(open_market(shop, history_days=days), VenueRules())
        for entry in diary.entries():
            node = parse_json(encode_json(entry), place="adapter memory")
            at = node.at("at").instant()
            advertiser.advance(at)
            read = [decode_change(item) for item in node.at("changes").items()]
            advertiser.submit([change for change, _ in read], [key for _, key in read], at)
        return advertiser


class _Diary:
    """What was written to a practice shop, in the adapter's memory: one row for each request."""

    _START = "mock.practice"

    def __init__(self, memory: AdapterMemory) -> None:
        self._memory = memory

    def start(self, today: date, shop: str) -> date:
        """Return the day the shop was first opened; another shop starts a diary of its own."""
        kept = self._read(self._START)
        if kept.get("shop") == shop:
            return date.fromisoformat(str(kept["start"]))
        self._memory.put(self._START, json.dumps({"shop": shop, "start": today.isoformat(), "rows": 0}))
        return today

    def write(self, entry: Payload) -> None:
        """Add a row."""
        kept = self._read(self._START)
        rows = int(str(kept["rows"]))
        self._memory.put(f"{self._START}.{rows}", json.dumps(entry))
        self._memory.put(self._START, json.dumps({**kept, "rows": rows + 1}))

    def entries(self) -> list[Payload]:
        """Return all rows, oldest first."""
        return [self._read(f"{self._START}.{row}") for row in range(int(str(self._read(self._START)["rows"])))]

    def _read(self, key: str) -> Payload:
        text = self._memory.get(key)
        try:
            kept = {} if text is None else json.loads(text)
        except ValueError:
            raise StoreError(f"adapter memory {key} is damaged; forget it to start another practice shop") from None
        if not isinstance(kept, dict):
            raise StoreError(f"adapter memory {key} is damaged; forget it to start another practice shop")
        return kept
