"""A history to forecast: facts by day, cut into cells at a level, wherever they come from.

Read from downloaded reports through the installed adapter ``files``, as `bidder audit` reads them, or from the record
of a configured account. Called by `bidder.evaluate.backtest`'s callers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

import numpy as np

from bidder.core.calendar import DayRange, day_of, day_start, ordinal
from bidder.core.entities import Account, Structure
from bidder.core.performance import Grain, Level, PerformanceReport, PerformanceTable
from bidder.errors import ConfigError, InputError
from bidder.forecast.series import Series, useful_parents
from bidder.forecast.sums import sum_by
from bidder.ports import AdapterConfig, FromFiles
from bidder.registry import load_marketplace
from bidder.store import SqlStore
from bidder.store.reads import day_windows
from bidder.wiring import VolatileMemory

_MICROS = 1e6


class Cut(StrEnum):
    """What one forecast is made for, coarsest first."""

    ACCOUNT = "account"
    CAMPAIGN = "campaign"
    AD_GROUP = "ad-group"
    TARGET = "target"


_CUTS = tuple(Cut)
_FINEST = {Level.CAMPAIGN: Cut.CAMPAIGN, Level.AD_GROUP: Cut.AD_GROUP, Level.TARGET: Cut.TARGET}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MoneyHistory:
    """Facts by day of one account and where each entity belongs.

    Attributes:
        facts: Latest view of every day, days within ``days``.
        days: First to last day with facts.
        places: By entity id of ``facts``, the ids of its campaign, ad group and itself, as far as it has them.
        notes: What the reading says about itself, for people.
    """

    facts: PerformanceTable
    days: DayRange
    places: Mapping[str, tuple[str, ...]]
    notes: tuple[str, ...] = ()

    def cuts(self) -> tuple[Cut, ...]:
        """Return the levels that can be forecast, coarsest first."""
        return _CUTS[: _CUTS.index(_FINEST[self.facts.level]) + 1]

    def telling_cuts(self) -> tuple[Cut, ...]:
        """Return campaign and finest level, or the finest alone where both have the same cells."""
        finest = self.cuts()[-1]
        return tuple(
            cut
            for cut in dict.fromkeys((Cut.CAMPAIGN, finest))
            if cut is finest or len(set(self._codes(cut))) < len(set(self._codes(finest)))
        )

    def series(self, cut: Cut) -> Series:
        """Return money by day and cell, in units of the currency.

        Raises:
            InputError: The history does not reach down to that level.
        """
        known = self.cuts()
        if cut not in known:
            raise InputError(f"the history has no facts by {cut}; it has {', '.join(known)}", place="--level")
        names = self._codes(cut)
        cells = {name: number for number, name in enumerate(dict.fromkeys(names))}
        cell = np.array([cells[name] for name in names], dtype=np.intp)[self.facts.entity]
        first, days, count = ordinal(self.days.first), len(self.days), max(len(cells), 1)
        place = (self.facts.day - first).astype(np.intp) * count + cell
        revenue, spend = (
            (sum_by(place, values / _MICROS, days * count)).reshape(days, count)
            for values in (self.facts.revenue_micros, self.facts.spend_micros)
        )
        parents = [_numbered([name[: depth + 1] for name in cells]) for depth in range(_CUTS.index(cut) - 1) if cells]
        return Series(revenue=revenue, spend=spend, parents=useful_parents(parents, count), phase=first % 7)

    def _codes(self, cut: Cut) -> list[tuple[str, ...]]:
        depth = _CUTS.index(cut)
        return [self.places[name][:depth] for name in self.facts.entity_ids]


def _numbered(names: list[tuple[str, ...]]) -> np.ndarray[tuple[int], np.dtype[np.intp]]:
    numbers = {name: number for number, name in enumerate(dict.fromkeys(names))}
    return np.array([numbers[name] for name in names], dtype=np.intp)


def history_of(facts: PerformanceTable, structure: Structure | None, *, notes: tuple[str, ...] = ()) -> MoneyHistory:
    """Put facts and structure together; entities that no structure names belong to a campaign of their own.

    Raises:
        InputError: There are no facts.
    """
    span = facts.span()
    if span is None:
        raise InputError("there is not one day of facts", place="DATA")
    places: dict[str, tuple[str, ...]] = {}
    if structure is not None:
        groups = {str(g.id): str(g.campaign_id) for g in structure.ad_groups}
        if facts.level is Level.TARGET:
            places = {str(t.id): (str(t.campaign_id), str(t.ad_group_id), str(t.id)) for t in structure.targets}
        elif facts.level is Level.AD_GROUP:
            places = {group: (campaign, group) for group, campaign in groups.items()}
    depth = _CUTS.index(_FINEST[facts.level])
    places |= {name: (name,) * depth for name in facts.entity_ids if name not in places}
    return MoneyHistory(facts=facts, days=span, places=places, notes=notes)


def from_files(options: Mapping[str, object], account: Account, *, now: datetime) -> MoneyHistory:
    """Read reports as `bidder audit` does.

    Args:
        options: Of the adapter ``files``; ``folder`` names a folder or one file.
        account: Currency and time zone of the reports.
        now: The present instant.

    Raises:
        InputError: Nothing can be read or counted; the message names file, column and remedy.
    """
    market = load_marketplace("files")(AdapterConfig(account=account, options=options, memory=VolatileMemory()))
    if not isinstance(market, FromFiles):
        raise ConfigError("the installed adapter 'files' cannot explain what it read; install bidder again")
    reading = market.reading()
    if reading.last_day is None:
        raise InputError("; ".join(reading.files) or "there is nothing to read", place="DATA")
    # Old files are read as they were on the morning after, as the audit does.
    at = min(day_start(reading.last_day + timedelta(days=1), account.time_zone) + timedelta(hours=9), now)
    structure, profile = market.fetch_structure(account.id, at), market.profile(at)
    days = DayRange.ending(reading.last_day, days=profile.history_days)
    report = market.fetch_performance(account.id, days, Grain.DAY, reading.window_days, at)
    market.close()
    if not isinstance(report, PerformanceReport):
        raise InputError("the reports are not ready yet; try again later", place="DATA")
    return history_of(report.facts, structure, notes=reading.files)


def from_record(store: SqlStore, account: Account, *, now: datetime) -> MoneyHistory:
    """Read the closed days that the record of an account holds, as known now.

    Raises:
        InputError: There are none yet.
    """
    windows, span = day_windows(store, account.id), store.coverage(account.id, Grain.DAY)
    yesterday = day_of(now, account.time_zone) - timedelta(days=1)
    if not windows or span is None or span.first > yesterday:
        raise InputError("no closed day is on record yet; run `bidder once`, or name a file", place=str(account.id))
    days = DayRange(first=span.first, last=min(span.last, yesterday))
    daily = store.history(account, window_days=max(windows), days=days, as_of=now).daily
    return history_of(daily, store.last_structure(account.id))
