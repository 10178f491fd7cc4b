"""From exact rows to whole counts and micros by day, without losing or inventing anything on the way.

Totals of a period are spread over its days, fractions are carried, refunds are booked back to earlier days; every
total stays what it was, and what had to move is stated. Called by `adapters.files.building`; pure.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import ROUND_FLOOR, Decimal

from adapters.files.facts import AT
from adapters.files.mapping import METRICS, MONEY, Role
from adapters.files.overlap import Placed
from bidder.core.calendar import DayRange, ordinal
from bidder.core.money import MICROS
from bidder.core.performance import MISSING

_HALF = Decimal("0.5")
_OPTIONAL = frozenset({AT[Role.UNITS], AT[Role.CARTS], AT[Role.FAVOURITES]})
_IMPRESSIONS, _CLICKS, _SPEND, _ORDERS, _UNITS, _REVENUE, _CARTS, _FAVOURITES = range(len(METRICS))
_MONEY_AT = frozenset(AT[role] for role in METRICS if role in MONEY)

Cell = list[int]
"""Counts and micros of one target on one day, in the order of `METRICS`; -1 where not reported."""


@dataclass(slots=True)
class Spread:
    """Whole figures by target and day.

    Attributes:
        cells: Target id to day ordinal to figures.
        adjusted: What was moved, by metric: imported minus given, exact.
        sentences: Why.
    """

    cells: dict[str, dict[int, Cell]] = field(default_factory=lambda: defaultdict(dict))
    adjusted: list[Decimal] = field(default_factory=lambda: [Decimal(0)] * len(METRICS))
    sentences: list[str] = field(default_factory=list)


class _Carry:
    """Rounds a stream of exact figures so that every running total is off by at most a half."""

    def __init__(self) -> None:
        self.rest = [Decimal(0)] * len(METRICS)
        self.rounded = [0] * len(METRICS)

    def whole(self, at: int, value: Decimal) -> int:
        exact = value * MICROS if at in _MONEY_AT else value
        if self.rest[at] == 0 and exact == exact.to_integral_value():
            return int(exact)
        due = exact + self.rest[at]
        whole = int((due + _HALF).to_integral_value(rounding=ROUND_FLOOR))
        self.rest[at] = due - whole
        self.rounded[at] += exact != exact.to_integral_value()
        return whole


def spread(placed: Sequence[Placed]) -> Spread:
    """Turn facts into whole figures by target and day.

    Args:
        placed: Facts that are counted; several may share target and day and are added up.

    Returns:
        Figures whose sums equal those of the facts, except as stated.
    """
    result = Spread()
    carry = _Carry()
    for item in sorted(placed, key=lambda p: (p.ids.target, p.days.first, p.reading, p.fact.row)):
        whole = [
            MISSING if value is None and at in _OPTIONAL else carry.whole(at, value or Decimal(0))
            for at, value in enumerate(item.fact.values)
        ]
        _add(result.cells[item.ids.target], whole, item.days)
    _state_rounding(result, carry)
    _book_back_refunds(result)
    _lift_impressions(result)
    return result


def _add(days: dict[int, Cell], whole: Cell, period: DayRange) -> None:
    for day, cell in _split(whole, period):
        have = days.get(day)
        if have is None:
            days[day] = cell
            continue
        for at, value in enumerate(cell):
            if value == MISSING and at in _OPTIONAL:
                continue
            have[at] = value if have[at] == MISSING and at in _OPTIONAL else have[at] + value


def _split(whole: Cell, period: DayRange) -> list[tuple[int, Cell]]:
    """Split totals of a period over its days, in whole parts that add up; clicks stay within impressions."""
    length, first = len(period), ordinal(period.first)
    if length == 1:
        return [(first, whole)]
    parts: list[tuple[int, Cell]] = []
    before = [0] * len(METRICS)
    for number in range(1, length + 1):
        upto = _upto(whole, number, length)
        cell = [
            MISSING if whole[at] == MISSING and at in _OPTIONAL else upto[at] - before[at] for at in range(len(METRICS))
        ]
        before = upto
        if any(value not in (0, MISSING) for value in cell) or number == length:
            parts.append((first + number - 1, cell))
    return parts


def _upto(whole: Cell, number: int, length: int) -> Cell:
    """Return running totals after ``number`` of ``length`` days; each figure follows the one it depends on."""

    def follow(total: int, part: int, of: int) -> int:
        return total * part // of if of > 0 else total * number // length

    impressions = follow(whole[_IMPRESSIONS], number, length)
    clicks = follow(whole[_CLICKS], impressions, whole[_IMPRESSIONS])
    orders = follow(whole[_ORDERS], clicks, whole[_CLICKS])
    of_clicks = (clicks, whole[_CLICKS]) if whole[_CLICKS] > 0 else (impressions, whole[_IMPRESSIONS])
    of_orders = (orders, whole[_ORDERS]) if whole[_ORDERS] > 0 else of_clicks
    return [
        impressions,
        clicks,
        follow(whole[_SPEND], *of_clicks),
        orders,
        follow(max(whole[_UNITS], 0), *of_orders),
        follow(whole[_REVENUE], *of_orders),
        follow(max(whole[_CARTS], 0), *of_clicks),
        follow(max(whole[_FAVOURITES], 0), *of_clicks),
    ]


def _state_rounding(result: Spread, carry: _Carry) -> None:
    for at, role in enumerate(METRICS):
        if not carry.rounded[at]:
            continue
        unit = Decimal(1) / MICROS if at in _MONEY_AT else Decimal(1)
        result.adjusted[at] -= carry.rest[at] * unit
        what = "finer than a millionth" if at in _MONEY_AT else "not whole numbers"
        result.sentences.append(
            f"{carry.rounded[at]} figures of {role} are {what}; the rest is carried to the next row, so that the total "
            f"differs by {abs(carry.rest[at] * unit).normalize():f}"
        )


def _book_back_refunds(result: Spread) -> None:
    """Take revenue below zero off the days before it, then after it: a refund takes back an earlier order."""
    rows = amount = lost = 0
    for days in result.cells.values():
        for day in [d for d, cell in days.items() if cell[_REVENUE] < 0]:
            due = -days[day][_REVENUE]
            rows, amount = rows + 1, amount + due
            days[day][_REVENUE] = 0
            earlier = sorted((d for d in days if d < day), reverse=True)
            for other in (*earlier, *sorted(d for d in days if d > day)):
                taken = min(due, max(days[other][_REVENUE], 0))
                days[other][_REVENUE] -= taken
                due -= taken
                if due == 0:
                    break
            lost += due
    if rows:
        result.sentences.append(
            f"{rows} days have negative revenue ({_units(amount)} in all): refunds, booked back to earlier days of the "
            "same target, so that no total changes"
        )
    if lost:
        result.adjusted[_REVENUE] += Decimal(lost) / MICROS
        result.sentences.append(f"refunds of {_units(lost)} exceed all revenue of their targets and are left out")


def _lift_impressions(result: Spread) -> None:
    """Count at least one impression for each click."""
    rows = lifted = 0
    for days in result.cells.values():
        for cell in days.values():
            short = cell[_CLICKS] - cell[_IMPRESSIONS]
            if short > 0:
                rows, lifted = rows + 1, lifted + short
                cell[_IMPRESSIONS] += short
    if lifted:
        result.adjusted[_IMPRESSIONS] += lifted
        result.sentences.append(f"{rows} days have more clicks than impressions; {lifted} impressions are added there")


def _units(micros: int) -> str:
    return f"{Decimal(micros) / MICROS:,f}"
