"""Digests of what a cycle knew and forecast: the same inputs give the same text, anything else another."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import fields

import numpy as np

from bidder.core.performance import Development, History, PerformanceTable, ProductSalesTable
from bidder.core.prediction import Forecast
from bidder.core.scorecard import Claims
from bidder.core.snapshot import Memory, Snapshot
from bidder.core.venue import VenueProfile
from bidder.store.encoding import canonical, instant_text


def input_digest(snapshot: Snapshot, *, structure: str, audit: str) -> str:
    """Return the digest of everything a decision could know.

    Args:
        snapshot: What the cycle knew.
        structure: Digest of the structure.
        audit: Seal of the newest audit row, which stands for the whole record of changes.
    """
    sink = hashlib.sha256()
    account = snapshot.account
    sink.update(
        canonical(
            [account.id, account.adapter, account.remote_id, account.owner, account.currency, account.time_zone,
             instant_text(snapshot.as_of), snapshot.mode.value, structure, audit]
        ).encode()
    )  # fmt: skip
    sink.update(_profile(snapshot.profile).encode())
    sink.update(_memory(snapshot.memory).encode())
    _table(sink, snapshot.memory.claims)
    _history(sink, snapshot.history)
    return sink.hexdigest()


def forecast_digest(forecast: Forecast) -> str:
    """Return the digest of a forecast."""
    sink = hashlib.sha256()
    for column in fields(forecast):
        value = getattr(forecast, column.name)
        if isinstance(value, np.ndarray):
            sink.update(value.data)
        else:
            sink.update(repr(value).encode("utf-8", "surrogatepass"))
    return sink.hexdigest()


def _profile(profile: VenueProfile) -> str:
    parts = []
    for column in fields(profile):
        value = getattr(profile, column.name)
        if isinstance(value, frozenset):
            value = sorted(map(str, value))
        elif isinstance(value, Mapping):
            value = sorted(map(str, value.items()))
        parts.append(f"{column.name}={value}")
    return "\n".join(parts)


def _memory(memory: Memory) -> str:
    newest = repr(memory.changes[-1]) if memory.changes else ""
    return canonical(
        [len(memory.changes), newest, sorted(map(str, memory.frozen)),
         sorted((str(ref), instant_text(until)) for ref, until in memory.left_alone.items()),
         sorted((str(ref), repr(past)) for ref, past in memory.paused_by_us.items()),
         sorted((str(product), repr(stage)) for product, stage in memory.stages.items()),
         sorted((str(product), repr(turn)) for product, turn in memory.turns.items()),
         sorted((str(ref), instant_text(since)) for ref, since in memory.sampled.items()),
         None if memory.observing_until is None else instant_text(memory.observing_until),
         memory.canary, sorted(memory.day_spend_micros.items()), memory.month_spend_micros]
    )  # fmt: skip


def _history(sink: hashlib._Hash, history: History) -> None:
    for part in (history.daily, history.hourly, history.products, history.development):
        _table(sink, part)
    sink.update(history.excluded_days.data)


def _table(sink: hashlib._Hash, table: PerformanceTable | ProductSalesTable | Development | Claims) -> None:
    for column in fields(table):
        value = getattr(table, column.name)
        if isinstance(value, np.ndarray):
            sink.update(value.data)
        elif isinstance(value, tuple):
            sink.update(canonical(value).encode("utf-8", "surrogatepass"))
        else:
            sink.update(f"{column.name}={value}".encode())
