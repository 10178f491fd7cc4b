"""Is a report fit to act on? Foreign, stale, partial, doubled or implausible data hold the account.

Called by `bidder.steps` (as ``bidder.core.guards.inspect``) before a report is saved. Missing is never zero: an
empty or short report means that we do not know, not that nothing sells.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

import numpy as np

from bidder.core.answers import because, figure
from bidder.core.calendar import DayRange, day_of, day_start, from_ordinal, ordinal
from bidder.core.entities import Account, State, Structure
from bidder.core.performance import (
    MISSING,
    Grain,
    History,
    Level,
    PerformanceReport,
    PerformanceTable,
)
from bidder.core.policy import Policy
from bidder.core.reasons import Code, Reason
from bidder.core.venue import VenueProfile

_FOREIGN_SHARE = 0.5
"""More rows than this of entities we do not know: the report is somebody else's."""
_TOTAL_TOLERANCE = 0.01
_ROW_TOLERANCE = 0.01
"""Spend and rows that may be missing, as a share; restatements move spend, they do not lose rows."""
_JUMP = 8.0
"""A mean that moves by more than this between two looks has changed its unit, not its market."""
_ENOUGH_CLICKS, _ENOUGH_ORDERS = 50, 20


def inspect(
    account: Account,
    structure: Structure,
    report: PerformanceReport,
    profile: VenueProfile,
    policy: Policy,
    *,
    known: DayRange | None,
    previous: History | None = None,
    now: datetime,
) -> Reason | None:
    """Return why a report must not be used, or ``None``.

    Args:
        account: As configured.
        structure: As the venue shows it now.
        report: What came.
        profile: The venue's rules.
        policy: For the age allowed.
        known: Click days already on record at this grain; ``None`` for a first report.
        previous: Facts on record, for comparison where the caller has them.
        now: The instant of the cycle.
    """
    checks = (
        _foreign(account, structure, report, profile),
        _impossible(report, account, now),
        _stale(report, account, policy, known, now),
        _short(report, structure, known),
        _lost_rows(report, previous, account, now),
        _jump(report, structure, previous),
    )
    return next((found for check in checks for found in check), None)


def _foreign(
    account: Account, structure: Structure, report: PerformanceReport, profile: VenueProfile
) -> Iterator[Reason]:
    """Find data of another account, currency, zone, window or level."""
    facts = report.facts
    pairs = [
        (structure.account_id, account.id),
        (structure.currency, account.currency),
        (structure.time_zone, account.time_zone),
        (profile.currency, account.currency),
        (profile.time_zone, account.time_zone),
        (facts.currency, account.currency),
        (f"a window of {facts.window_days} days", f"a window of {profile.default_window} days"),
    ]
    if report.products is not None:
        pairs.append((report.products.currency, account.currency))
    for found, expected in pairs:
        if found != expected:
            yield because(Code.REPORT_FOREIGN, found=str(found), expected=str(expected))
    known = set(_ids(structure, facts.level))
    unknown = np.array([name not in known for name in facts.entity_ids], dtype=bool)
    if len(facts) and float(np.mean(unknown[facts.entity])) > _FOREIGN_SHARE:
        yield because(
            Code.REPORT_FOREIGN,
            found=f"{int(np.sum(unknown[facts.entity]))} rows of {facts.level}s this account does not have",
            expected=f"the {facts.level}s of {account.id}",
        )


def _impossible(report: PerformanceReport, account: Account, now: datetime) -> Iterator[Reason]:
    """Find figures that cannot be: negative, doubled, outside the days asked for, clicks without impressions."""
    facts = report.facts
    if len(facts):
        yield from _negative(facts)
        first, last = ordinal(report.days.first), ordinal(report.days.last)
        if int(facts.day.min()) < first or int(facts.day.max()) > last:
            yield because(Code.REPORT_INVALID, what=f"days outside {report.days.first} to {report.days.last}")
        if int(facts.day.max()) > ordinal(day_of(now, account.time_zone)):
            yield because(Code.REPORT_INVALID, what="days that have not come yet")
        hours = facts.hour
        wrong = (hours < 0) | (hours > 23) if facts.grain is Grain.HOUR else hours >= 0  # noqa: PLR2004
        if wrong.any():
            yield because(Code.REPORT_INVALID, what="hours that do not fit its grain")
        key = (facts.entity.astype(np.int64) * 100_000 + (facts.day - first)) * 32 + (facts.hour + 1)
        if len(np.unique(key)) != len(key):
            yield because(Code.REPORT_INVALID, what="the same row twice")
        if facts.impressions.sum() and bool(np.any(facts.clicks > facts.impressions)):
            yield because(Code.REPORT_INVALID, what="more clicks than impressions")
    if report.observed_at > now + timedelta(hours=1):
        yield because(
            Code.REPORT_INVALID, what=f"it was observed in the future, at {report.observed_at:%Y-%m-%d %H:%M}"
        )
    yield from _impossible_sales(report)


def _negative(facts: PerformanceTable) -> Iterator[Reason]:
    least = dict.fromkeys(("impressions", "clicks", "spend_micros", "orders", "revenue_micros"), 0)
    least |= dict.fromkeys(("units", "carts", "favourites"), MISSING)
    for name, lowest in least.items():
        if int(getattr(facts, name).min()) < lowest:
            yield because(Code.REPORT_INVALID, what=f"negative {name}")


def _impossible_sales(report: PerformanceReport) -> Iterator[Reason]:
    sales = report.products
    if sales is None or not len(sales):
        return
    for name in ("units", "refunded_units", "revenue_micros", "refund_micros"):
        if int(getattr(sales, name).min()) < 0:
            yield because(Code.REPORT_INVALID, what=f"negative {name} of products")
    hours = sales.in_stock_hours[np.isfinite(sales.in_stock_hours)]
    if len(hours) and (float(hours.min()) < 0 or float(hours.max()) > 25):  # noqa: PLR2004
        yield because(Code.REPORT_INVALID, what="in-stock hours outside a day")


def _stale(
    report: PerformanceReport, account: Account, policy: Policy, known: DayRange | None, now: datetime
) -> Iterator[Reason]:
    """Find reports that were read long ago, or whose newest day is long over."""
    allowed = timedelta(hours=policy.limits.max_report_age_hours)
    if now - report.observed_at > allowed:
        yield _too_old(now - report.observed_at, allowed)
    span = report.facts.span()
    if span is None or report.facts.grain is not Grain.DAY or len(report.days) < 2 or known is None:  # noqa: PLR2004
        return
    ends = day_start(span.last + timedelta(days=1), account.time_zone)
    asked = day_start(report.days.last + timedelta(days=1), account.time_zone)
    if min(now, asked) - ends > allowed:
        yield _too_old(min(now, asked) - ends, allowed)


def _too_old(age: timedelta, allowed: timedelta) -> Reason:
    return because(Code.REPORT_STALE, age=_hours(age), allowed=_hours(allowed))


def _hours(span: timedelta) -> str:
    return f"{span / timedelta(hours=1):.0f} hours"


def _short(report: PerformanceReport, structure: Structure, known: DayRange | None) -> Iterator[Reason]:
    """Find reports that lost rows against the venue's own total, or that are empty where there was spend."""
    facts, total = report.facts, report.account_spend_micros
    seen = int(facts.spend_micros.sum())
    if total is not None:
        slack = max(_TOTAL_TOLERANCE * max(total, seen), 10_000 * max(len(report.days), 1))
        if abs(seen - total) > slack:
            yield because(Code.REPORT_PARTIAL, seen=f"{seen} micros of spend", expected=f"{total}")
        return
    running = any(c.state is State.ENABLED for c in structure.campaigns)
    if not len(facts) and running and known is not None and len(report.days) > 2:  # noqa: PLR2004
        yield because(Code.REPORT_PARTIAL, seen="no rows", expected=f"rows of {len(report.days)} days")


def _lost_rows(
    report: PerformanceReport, previous: History | None, account: Account, now: datetime
) -> Iterator[Reason]:
    """Find rows with spend that were there at the last look and are gone now."""
    if previous is None:
        return
    old = previous.daily if report.facts.grain is Grain.DAY else previous.hourly
    if old.level is not report.facts.level:
        return
    open_day = ordinal(day_of(now, account.time_zone))
    first, last = ordinal(report.days.first), min(ordinal(report.days.last), open_day - 1)
    keep = (old.day >= first) & (old.day <= last) & (old.spend_micros > 0)
    expected = {(old.entity_ids[e], d, h) for e, d, h in _keys(old.take(keep))}
    there = {(report.facts.entity_ids[e], d, h) for e, d, h in _keys(report.facts)}
    lost = len(expected - there)
    if expected and lost > max(_ROW_TOLERANCE * len(expected), 0):
        yield because(
            Code.REPORT_PARTIAL,
            seen=f"{len(expected) - lost} rows with spend that were known",
            expected=str(len(expected)),
        )


def _keys(table: PerformanceTable) -> Iterator[tuple[int, int, int]]:
    return zip(table.entity.tolist(), table.day.tolist(), table.hour.tolist(), strict=True)


def _jump(report: PerformanceReport, structure: Structure, previous: History | None) -> Iterator[Reason]:
    """Find means that moved by an order of magnitude: fen for yuan, micros for units."""
    facts = report.facts
    clicks = int(facts.clicks.sum())
    if clicks >= _ENOUGH_CLICKS:
        cpc = float(facts.spend_micros.sum()) / clicks
        bids = [t.bid.micros for t in structure.targets if t.bid is not None]
        bids += [g.default_bid.micros for g in structure.ad_groups if g.default_bid is not None]
        if bids and cpc > _JUMP * max(bids):
            yield _jumped("cost per click against the bids", cpc / max(bids))
    if previous is None:
        return
    old = previous.daily if facts.grain is Grain.DAY else previous.hourly
    recent = old.within(DayRange.ending(from_ordinal(int(old.day.max())), days=14)) if len(old) else old
    for what, count, amount, enough in (
        ("cost per click", "clicks", "spend_micros", _ENOUGH_CLICKS),
        ("order value", "orders", "revenue_micros", _ENOUGH_ORDERS),
    ):
        before, after = _mean(recent, count, amount, enough), _mean(facts, count, amount, enough)
        if before is not None and after is not None and not 1 / _JUMP <= after / before <= _JUMP:
            yield _jumped(what, after / before)


def _mean(table: PerformanceTable, count: str, amount: str, enough: int) -> float | None:
    number = int(getattr(table, count).sum())
    total = int(getattr(table, amount).sum())
    return total / number if number >= enough and total > 0 else None


def _jumped(what: str, factor: float) -> Reason:
    return because(Code.REPORT_UNIT_JUMP, what=what, factor=figure(factor))


def _ids(structure: Structure, level: Level) -> list[str]:
    match level:
        case Level.CAMPAIGN:
            return [c.id for c in structure.campaigns]
        case Level.AD_GROUP:
            return [g.id for g in structure.ad_groups]
        case Level.TARGET:
            return [t.id for t in structure.targets]
