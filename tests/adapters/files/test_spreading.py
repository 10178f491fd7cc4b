# ruff: noqa: E501  (rows of examples are read as rows)
"""Whole figures from exact rows: nothing is lost, nothing is invented, and figures stay within each other."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from adapters.files.facts import Fact, Names
from adapters.files.identity import Ids
from adapters.files.overlap import Placed
from adapters.files.spreading import spread
from bidder.core.calendar import DayRange

START = date(2026, 10, 1)


def place(target: str, first: int, length: int, figures: tuple[Decimal | None, ...], row: int) -> Placed:
    """Return a fact of a target over a run of days."""
    days = DayRange(first=START + timedelta(days=first), last=START + timedelta(days=first + length - 1))
    ids = Ids("c", "g", target, "target")
    return Placed(fact=Fact(row, Names(target=target), days, figures), ids=ids, reading=0, days=days)


@st.composite
def facts(draw: st.DrawFn, *, fractions: bool = False) -> list[Placed]:
    """Draw rows with clicks within impressions and orders within clicks, some over periods, some with refunds."""
    placed = []
    for row in range(draw(st.integers(1, 8))):
        impressions = draw(st.integers(0, 5000))
        clicks = draw(st.integers(0, impressions))
        orders = draw(st.integers(0, clicks))
        part = draw(st.decimals(0, Decimal("0.999"), places=3)) if fractions else Decimal(0)
        spend = draw(st.decimals(0, 10_000, places=9 if fractions else 2)) if clicks else Decimal(0)
        revenue = draw(st.decimals(-50, 10_000, places=2))
        optional = draw(st.none() | st.integers(0, 50))
        figures = (
            Decimal(impressions), Decimal(clicks), spend, orders + part, None if optional is None else Decimal(optional), revenue,
            None, None if optional is None else Decimal(optional),
        )  # fmt: skip
        placed.append(
            place(draw(st.sampled_from("abc")), draw(st.integers(0, 40)), draw(st.integers(1, 31)), figures, row)
        )
    return placed


def column(cells: dict[str, dict[int, list[int]]], at: int) -> list[int]:
    """Return one figure of every day."""
    return [cell[at] for days in cells.values() for cell in days.values()]


@given(placed=facts())
def test_totals_survive_spreading_and_booking_back(placed: list[Placed]) -> None:
    """Every sum is what the rows add up to; only what exceeds all revenue of a target is adjusted, and stated."""
    result = spread(placed)

    for at, unit in ((0, 1), (1, 1), (2, 1_000_000), (3, 1), (5, 1_000_000)):
        given_sum = sum((p.fact.values[at] or Decimal(0) for p in placed), Decimal(0))
        assert given_sum + result.adjusted[at] == Decimal(sum(column(result.cells, at))) / unit


@given(placed=facts())
def test_every_day_is_consistent(placed: list[Placed]) -> None:
    """Nothing is negative, clicks stay within impressions, and money is spent only where it can be."""
    result = spread(placed)

    for days in result.cells.values():
        for cell in days.values():
            assert 0 <= cell[1] <= cell[0]
            assert min(cell[2], cell[3], cell[5]) >= 0
            assert cell[4] >= -1
            assert -1 == cell[6]


@given(placed=facts(fractions=True))
def test_fractions_are_carried_and_the_rest_is_stated(placed: list[Placed]) -> None:
    """Shared conversions and amounts finer than a micro cost at most a half in the total."""
    result = spread(placed)

    for at, unit in ((2, 1_000_000), (3, 1)):
        given_sum = sum((p.fact.values[at] or Decimal(0) for p in placed), Decimal(0)) * unit
        rest = Decimal(sum(column(result.cells, at))) - given_sum
        assert abs(rest) <= Decimal("0.5")
        assert rest == result.adjusted[at] * unit


@given(placed=facts())
def test_the_order_of_rows_does_not_matter_to_totals(placed: list[Placed]) -> None:
    """Files may be sorted any way."""
    forward, backward = spread(placed), spread(list(reversed(placed)))

    assert [sum(column(forward.cells, at)) for at in range(4)] == [sum(column(backward.cells, at)) for at in range(4)]


def test_a_refund_is_taken_off_the_nearest_earlier_day() -> None:
    """A day below zero becomes zero, and the day before pays."""
    rows = [
        place("a", day, 1, (Decimal(9), Decimal(1), Decimal(1), Decimal(1), None, Decimal(revenue), None, None), day)
        for day, revenue in enumerate((100, 50, -70))
    ]

    days = spread(rows).cells["a"]

    assert [80_000_000, 0, 0] == [cell[5] for _, cell in sorted(days.items())]
