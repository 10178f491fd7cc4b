"""Plots as inline SVG text: no script, no font, no network; they follow the page's colours and print well.

Pure functions from numbers to text. All labels are escaped here, so callers may pass any text a venue sent.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape
from itertools import pairwise

_WIDTH, _HEIGHT = 720, 300
_LEFT, _RIGHT, _TOP, _BOTTOM = 64, 132, 30, 36
_Scale = Callable[[float], float]
_DASHES = ("", "7 4", "2 4", "10 3 2 3", "1 3", "5 5")
"""Lines differ by dash as well as by colour, so that a grey print can be read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """One line of a chart; ``values`` may hold nan, where the line breaks."""

    name: str
    values: Sequence[float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Band:
    """A stretch of the x axis to be marked, both ends included, in positions of ``labels``."""

    name: str
    first: int
    last: int


def line_chart(
    series: Sequence[Series], *, labels: Sequence[str], title: str, unit: str, bands: Sequence[Band] = ()
) -> str:
    """Draw lines over a shared x axis.

    Args:
        series: Each as long as ``labels``.
        labels: Text of each x position; only a few are shown.
        title: Read out by screen readers and shown above.
        unit: Of the y axis.
        bands: Stretches to mark, such as sale events.
    """
    finite = [v for line in series for v in line.values if math.isfinite(v)]
    ticks = _ticks(min([0.0, *finite]), max([0.0, *finite]))
    low, high = ticks[0], ticks[-1]
    span = max(len(labels) - 1, 1)

    def x(position: float) -> float:
        return _LEFT + position / span * (_WIDTH - _LEFT - _RIGHT)

    def y(value: float) -> float:
        return _TOP + (high - value) / (high - low) * (_HEIGHT - _TOP - _BOTTOM)

    right, bottom = _WIDTH - _RIGHT, _HEIGHT - 14
    parts = [_open(title)]
    for band in bands:
        start, end = x(max(band.first - 0.5, 0)), x(min(band.last + 0.5, span))
        parts.append(_rect("band", start, _TOP, end - start, _HEIGHT - _TOP - _BOTTOM))
        parts.append(_text(band.name, (start + end) / 2, _TOP + 12, anchor="middle"))
    for tick in ticks:
        parts.append(_rule("zero" if tick == 0 else "grid", _LEFT, y(tick), right, y(tick)))
        parts.append(_text(_short(tick), _LEFT - 8, y(tick) + 4, anchor="end"))
    parts.extend(_text(labels[n], x(n), bottom, anchor="middle") for n in _few(len(labels)))
    ends = _spread([y(_last(line.values)) for line in series])
    for number, (line, end) in enumerate(zip(series, ends, strict=True)):
        colour = number % len(_DASHES)
        dash = f' stroke-dasharray="{_DASHES[colour]}"' if _DASHES[colour] else ""
        parts.append(f'<path class="line c{colour}"{dash} d="{_path(line.values, x, y)}"/>')
        parts.append(_text(line.name, right + 8, end + 4, kind=f"name c{colour}"))
    parts.append(_text(unit, _LEFT - 8, 12, anchor="end"))
    return "".join([*parts, "</svg>"])


def bar_chart(
    names: Sequence[str], values: Sequence[float], *, title: str, unit: str, mark: float | None = None
) -> str:
    """Draw one horizontal bar for each name; ``mark`` draws a line across, such as break-even."""
    row, top = 34, 10
    height = top + row * len(names) + 30
    ticks = _ticks(min([0.0, *values]), max([0.0, *values, mark or 0.0]))
    low, high = ticks[0], ticks[-1]
    left, right = 120, 70

    def x(value: float) -> float:
        return left + (value - low) / (high - low) * (_WIDTH - left - right)

    parts = [_open(title, height)]
    for number, (name, value) in enumerate(zip(names, values, strict=True)):
        middle = top + row * number + row / 2
        start, end = sorted((x(0), x(value)))
        parts.append(_text(name, left - 10, middle + 4, anchor="end", kind="label"))
        parts.append(_rect(f"bar c{number % len(_DASHES)}", start, middle - 10, max(end - start, 1), 20))
        parts.append(_text(_short(value), end + 6, middle + 4))
    if mark is not None:
        parts.append(_rule("mark", x(mark), top, x(mark), height - 26))
        parts.append(_text(f"{_short(mark)} {unit}", x(mark), height - 10, anchor="middle"))
    return "".join([*parts, "</svg>"])


def _text(text: str, x: float, y: float, *, anchor: str = "start", kind: str = "tick") -> str:
    return f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'


def _rect(kind: str, x: float, y: float, width: float, height: float) -> str:
    return f'<rect class="{kind}" x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}"/>'


def _rule(kind: str, x1: float, y1: float, x2: float, y2: float) -> str:
    return f'<line class="{kind}" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>'


def _open(title: str, height: int = _HEIGHT) -> str:
    name = escape(title)
    return f'<svg viewBox="0 0 {_WIDTH} {height}" role="img" aria-label="{name}"><title>{name}</title>'


def _path(values: Sequence[float], x: _Scale, y: _Scale) -> str:
    """Return an SVG path that breaks where a value is missing."""
    steps: list[str] = []
    pen = "M"
    for position, value in enumerate(values):
        if not math.isfinite(value):
            pen = "M"
            continue
        steps.append(f"{pen}{x(position):.1f} {y(value):.1f}")
        pen = "L"
    return "".join(steps)


def _ticks(low: float, high: float) -> list[float]:
    """Return about five round values that enclose both ends."""
    span = high - low if high - low > 1e-9 * max(abs(high), abs(low), 1.0) else 1.0
    rough = span / 4
    power = 10 ** math.floor(math.log10(rough))
    step = next(m * power for m in (1, 2, 2.5, 5, 10) if m * power >= rough)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [n * step for n in range(first, max(last, first + 1) + 1)]


def _few(count: int) -> list[int]:
    """Return at most seven evenly spread positions."""
    if count <= 7:  # noqa: PLR2004  (as many labels as fit side by side)
        return list(range(count))
    return sorted({round(n * (count - 1) / 6) for n in range(7)})


def _spread(heights: list[float], gap: float = 15) -> list[float]:
    """Move labels apart so that none covers another, keeping their order."""
    order = sorted(range(len(heights)), key=lambda n: heights[n])
    placed = list(heights)
    for before, after in pairwise(order):
        placed[after] = max(placed[after], placed[before] + gap)
    overflow = max([placed[n] for n in order] or [0]) - (_HEIGHT - _BOTTOM)
    return [height - max(overflow, 0) for height in placed] if overflow > 0 else placed


def _last(values: Sequence[float]) -> float:
    return next((value for value in reversed(values) if math.isfinite(value)), 0.0)


def _short(value: float) -> str:
    """Render a number in a few characters."""
    if abs(value) >= 10_000:  # noqa: PLR2004  (from here on thousands are enough)
        return f"{value / 1000:,.0f}k"
    return f"{value:,.0f}" if abs(value) >= 100 or value == int(value) else f"{value:.3g}"  # noqa: PLR2004
