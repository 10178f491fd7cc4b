"""The page of one account: spend and revenue by day, what was changed and what is held, each with its reason."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bidder.report.page import definitions, figure, page, paragraph, section
from bidder.report.svg import Series, line_chart

Told = tuple[str, str, str]
"""Heading, reason, small print."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountPage:
    """What the page shows; money in units, one value a day."""

    account: str
    currency: str
    sentence: str
    days: Sequence[str]
    spend: Sequence[float]
    revenue: Sequence[float]
    changes: Sequence[Told]
    holds: Sequence[Told]


def render(content: AccountPage) -> str:
    """Return the page as HTML."""
    sections = []
    if len(content.days) > 1:
        lines = [Series(name="revenue", values=content.revenue), Series(name="spend", values=content.spend)]
        labels = [day[5:] for day in content.days]
        drawn = line_chart(lines, labels=labels, title="Revenue and spend by day", unit=content.currency)
        young = "The youngest days still grow: orders arrive late."
        sections.append(section("Revenue and spend", figure(drawn), paragraph(young, quiet=True)))
    nothing = paragraph("Nothing.", quiet=True)
    sections.append(section("Changed", definitions(content.changes) if content.changes else nothing))
    sections.append(section("Left as it is", definitions(content.holds) if content.holds else nothing))
    return page(f"Account {content.account}", content.sentence, sections, footer="Made by bidder report.")
