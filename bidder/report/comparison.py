"""The page of a simulation or demo: what each policy earned in the same market, and what the daemon did and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

from bidder.report.page import definitions, figure, page, paragraph, section, table
from bidder.report.svg import Band, Series, bar_chart, line_chart

_TERMS = "Profit is contribution after refunds minus spend. All met the same queries, rivals and buyers."


@dataclass(frozen=True, slots=True, kw_only=True)
class Contender:
    """One policy's days; money in units of the currency, one value a day.

    Attributes:
        changes: Changes it sent.
        share: Its part of the best possible, ``None`` where the oracle did not play.
        share_by_day: That part of all days up to each, empty where the oracle did not play.
    """

    name: str
    spend: Sequence[float]
    revenue: Sequence[float]
    profit: Sequence[float]
    changes: int
    share: float | None = None
    share_by_day: Sequence[float] = ()

    @property
    def roas(self) -> float | None:
        """Return revenue by spend, ``None`` without spend."""
        spend = sum(self.spend)
        return sum(self.revenue) / spend if spend else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """A change or a hold to be told: heading, the reason, and the small print."""

    head: str
    why: str
    small: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Everything the page shows.

    Attributes:
        days: ISO dates, one for each value of the contenders.
        events: Sale events, as positions of ``days``.
        changes, holds: Told in the daemon's own words.
        counts: How often each reason led to a change, and to a hold.
    """

    title: str
    lead: str
    currency: str
    days: Sequence[str]
    contenders: Sequence[Contender]
    events: Sequence[Band] = ()
    changes: Sequence[Note] = ()
    holds: Sequence[Note] = ()
    counts: Sequence[tuple[str, int, int]] = ()
    footer: str = ""


def rows(contenders: Sequence[Contender]) -> list[list[str]]:
    """Return the table that both the terminal and the page show."""
    return [
        [
            one.name,
            f"{sum(one.spend):,.0f}",
            f"{sum(one.revenue):,.0f}",
            "-" if one.roas is None else f"{one.roas:.2f}",
            f"{sum(one.profit):+,.0f}",
            f"{one.changes:,}",
            *([] if one.share is None else [f"{one.share:.0%}"]),
        ]
        for one in contenders
    ]


def heads(contenders: Sequence[Contender], currency: str) -> list[str]:
    """Return the heads of `rows`."""
    shares = ["of the best possible"] if any(one.share is not None for one in contenders) else []
    return ["policy", f"spend {currency}", f"revenue {currency}", "ROAS", f"profit {currency}", "changes", *shares]


def render(comparison: Comparison) -> str:
    """Return the page as HTML."""
    names = [one.name for one in comparison.contenders]
    days = [day[5:] for day in comparison.days]
    profit = [Series(name=one.name, values=list(accumulate(one.profit))) for one in comparison.contenders]
    spend = [Series(name=one.name, values=list(one.spend)) for one in comparison.contenders]
    roas = [one.roas or 0.0 for one in comparison.contenders]
    shares = [Series(name=one.name, values=list(one.share_by_day)) for one in comparison.contenders if one.share_by_day]
    sections = [
        section(
            "What was earned",
            table(heads(comparison.contenders, comparison.currency), rows(comparison.contenders)),
            paragraph(_TERMS, quiet=True),
        ),
        section(
            "Profit so far",
            figure(line_chart(profit, labels=days, title="Cumulative profit after refunds and spend",
                              unit=comparison.currency, bands=comparison.events)),
        ),
        section(
            "Spend by day",
            figure(line_chart(spend, labels=days, title="Spend by day",
                              unit=comparison.currency, bands=comparison.events)),
        ),
        section("Revenue per unit of spend", figure(bar_chart(names, roas, title="ROAS by policy", unit="ROAS"))),
    ]  # fmt: skip
    if shares:
        chart = line_chart(shares, labels=days, title="Expected profit so far, as a share of the best possible",
                           unit="share", bands=comparison.events)  # fmt: skip
        sections.insert(2, section("Share of the best possible", figure(chart)))
    if comparison.changes:
        notes = [(n.head, n.why, n.small) for n in comparison.changes]
        sections.append(section("The most telling changes", definitions(notes)))
    if comparison.holds:
        notes = [(n.head, n.why, n.small) for n in comparison.holds]
        sections.append(section("Deliberately left alone", definitions(notes)))
    if comparison.counts:
        counted = [[code, f"{changes:,}", f"{holds:,}"] for code, changes, holds in comparison.counts]
        sections.append(section("Every answer counted", table(["reason", "changes", "holds"], counted)))
    return page(comparison.title, comparison.lead, sections, footer=comparison.footer)
