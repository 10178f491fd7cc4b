"""From a simulation's result to the page and the table that show it: the joint between two sibling rooms."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

import numpy as np

from bidder.core.calendar import DayRange
from bidder.core.money import MICROS
from bidder.core.performance import Float64
from bidder.core.policy import SaleEvent
from bidder.evaluate.demo import POLICY_NAMES
from bidder.evaluate.simulate import Result
from bidder.evaluate.story import Line, Story
from bidder.evaluate.summary import share_of_oracle, share_so_far
from bidder.report.comparison import Comparison, Contender, Note
from bidder.report.svg import Band


def contenders(result: Result) -> list[Contender]:
    """Return one contender for each policy, its runs' days averaged over seeds, money in units."""
    return [_contender(result, policy) for policy in result.match.policies]


def comparison(result: Result, *, title: str, lead: str, footer: str) -> Comparison:
    """Return the page's content; changes and holds are those of the first seed's daemon."""
    first = result.runs[0]
    story = next((run.story for run in result.runs if run.story is not None), None)
    days = DayRange(first=first.first_day, last=first.first_day + timedelta(days=result.match.days - 1))
    return Comparison(
        title=title,
        lead=lead,
        currency=first.currency,
        days=[day.isoformat() for day in days],
        contenders=contenders(result),
        events=_bands(first.events, days.first, result.match.days),
        changes=[] if story is None else [change_note(line) for line in story.changes],
        holds=[] if story is None else [hold_note(line) for line in story.holds],
        counts=[] if story is None else _counts(story),
        footer=footer,
    )


def change_note(line: Line) -> Note:
    """Tell a change: what moved, why, when and what it should earn."""
    gain = "" if line.gain is None else f", expected gain {line.gain} a day"
    return Note(head=f"{line.entity}: {line.what}", why=line.why, small=f"{line.day}{gain}, {line.code}")


def hold_note(line: Line) -> Note:
    """Tell a hold."""
    return Note(head=f"{line.entity}: left alone", why=line.why, small=f"first on {line.day}, {line.code}")


def _contender(result: Result, policy: str) -> Contender:
    runs = result.of(policy)
    share = share_of_oracle(result, policy)
    return Contender(
        name=POLICY_NAMES.get(policy, policy),
        spend=_mean_units([run.spend for run in runs]),
        revenue=_mean_units([run.revenue for run in runs]),
        profit=_mean_units([run.contribution - run.spend for run in runs]),
        changes=round(sum(run.sent for run in runs) / len(runs)),
        share=None if share is None else share.mean,
        share_by_day=share_so_far(result, policy),
    )


def _mean_units(columns: Sequence[Float64]) -> list[float]:
    """Average float micros over runs, in units."""
    return [float(value) for value in np.mean(columns, axis=0) / MICROS]


def _bands(events: Sequence[SaleEvent], first: date, days: int) -> list[Band]:
    """Return the sale events that fall into the days shown, with their pre-heat."""
    bands = []
    for event in events:
        start = (event.first - timedelta(days=min(event.preheat_days, 7)) - first).days
        end = (event.last - first).days
        if end >= 0 and start < days:
            bands.append(Band(name=event.name, first=max(start, 0), last=min(end, days - 1)))
    return bands


def _counts(story: Story) -> list[tuple[str, int, int]]:
    codes = sorted(
        {*story.counts, *story.hold_counts},
        key=lambda code: (-story.counts.get(code, 0), -story.hold_counts.get(code, 0), code),
    )
    return [(code, story.counts.get(code, 0), story.hold_counts.get(code, 0)) for code in codes]
