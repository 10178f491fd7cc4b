# ruff: noqa: S314  (parses only what our own code just wrote)
"""Plots are valid XML, escape what venues sent, and stay inside their frame."""

from __future__ import annotations

import math
import xml.etree.ElementTree as ET
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bidder.report.svg import Band, Series, bar_chart, line_chart

FINITE = st.floats(min_value=-1e9, max_value=1e9)


@given(
    values=st.lists(st.one_of(FINITE, st.just(math.nan)), min_size=1, max_size=80),
    name=st.text(alphabet=st.characters(blacklist_categories=("Cs", "Cc")), max_size=12),
)
def test_line_chart_is_well_formed_for_any_values(values: list[float], name: str) -> None:
    """Missing values, any sign and any size give a chart that parses, with numbers only."""
    labels = [str(n) for n in range(len(values))]

    drawn = line_chart([Series(name=name, values=values)], labels=labels, title=name, unit="CNY")

    tree = ET.fromstring(drawn)
    assert tree.get("role") == "img"
    assert "nan" not in drawn.replace(name, "")


def test_line_breaks_where_a_value_is_missing() -> None:
    """A missing day is a gap, never a zero."""
    drawn = line_chart([Series(name="a", values=[1.0, math.nan, 2.0])], labels=["1", "2", "3"], title="t", unit="u")

    path = next(e for e in ET.fromstring(drawn).iter("path"))
    assert path.attrib["d"].count("M") == 2
    assert "L" not in path.attrib["d"]


def test_hostile_names_are_escaped() -> None:
    """A campaign's name cannot bring markup into the page."""
    hostile = '<script>alert("x")</script>'

    drawn = bar_chart([hostile], [1.0], title=hostile, unit=hostile, mark=0.5)

    assert "<script" not in drawn


@given(values=st.lists(FINITE, min_size=1, max_size=12), mark=st.one_of(st.none(), FINITE))
def test_bars_stay_inside_the_frame(values: list[float], mark: float | None) -> None:
    """Every bar begins and ends within the picture's width."""
    drawn = bar_chart([str(n) for n in range(len(values))], values, title="t", unit="u", mark=mark)

    for bar in ET.fromstring(drawn).iter("rect"):
        assert 0 <= float(bar.attrib["x"]) <= float(bar.attrib["x"]) + float(bar.attrib["width"]) <= 721


def test_labels_of_close_lines_do_not_cover_each_other() -> None:
    """Names at the lines' ends keep their distance."""
    lines = [Series(name=str(n), values=[1.0, 1.0 + n / 1000]) for n in range(5)]

    drawn = line_chart(lines, labels=["a", "b"], title="t", unit="u", bands=[Band(name="sale", first=0, last=1)])

    names = [e for e in ET.fromstring(drawn).iter("text") if e.attrib["class"].startswith("name")]
    heights = sorted(float(e.attrib["y"]) for e in names)
    assert min(b - a for a, b in pairwise(heights)) == pytest.approx(15, abs=0.2)
