"""Sale events that come every year by rule (``events.toml``), as the dated events that decisions read."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from datetime import date, timedelta
from functools import cache
from pathlib import Path
from typing import Annotated, Literal

from annotated_types import Interval
from pydantic import BaseModel, ConfigDict

from bidder.core.policy import SaleEvent

YEARS = range(2015, 2041)
"""Years that rules are laid out for: history as old as facts can be, and longer than a configuration lives."""

_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_WEEK = 7


class Rule(BaseModel):
    """One event of every year: on a fixed day, or on the nth weekday of a month plus some days."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    name: str
    month: Annotated[int, Interval(ge=1, le=12)]
    day: Annotated[int, Interval(ge=1, le=31)] | None = None
    weekday: Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"] = "monday"
    nth: Annotated[int, Interval(ge=1, le=4)] = 1
    plus: Annotated[int, Interval(ge=0, le=6)] = 0
    days: Annotated[int, Interval(ge=1, le=40)]
    preheat_days: Annotated[int, Interval(ge=0, le=60)]
    aftermath_days: Annotated[int, Interval(ge=0, le=60)]
    currencies: list[str]

    def first(self, year: int) -> date:
        """Return the first day of the sale in a year."""
        if self.day is not None:
            return date(year, self.month, self.day)
        start = date(year, self.month, 1)
        ahead = (_WEEKDAYS.index(self.weekday) - start.weekday()) % _WEEK
        return start + timedelta(days=ahead + _WEEK * (self.nth - 1) + self.plus)

    def event(self, year: int) -> SaleEvent:
        """Return the event of a year."""
        first = self.first(year)
        return SaleEvent(
            name=f"{self.name} {year}",
            first=first,
            last=first + timedelta(days=self.days - 1),
            preheat_days=self.preheat_days,
            aftermath_days=self.aftermath_days,
        )


@cache
def rules() -> tuple[Rule, ...]:
    """Return the rules that come with the program."""
    raw = tomllib.loads((Path(__file__).parent / "events.toml").read_text(encoding="utf-8"))
    return tuple(Rule.model_validate(rule) for rule in raw["events"])


def usual(currency: str) -> tuple[str, ...]:
    """Return the names of the events usual where a currency is used."""
    return tuple(rule.name for rule in rules() if currency in rule.currencies)


def dated(names: Iterable[str]) -> tuple[SaleEvent, ...]:
    """Return the named events of every year, in order of their days."""
    wanted = set(names)
    found = [rule.event(year) for rule in rules() if rule.name in wanted for year in YEARS]
    return tuple(sorted(found, key=lambda event: (event.first, event.name)))
