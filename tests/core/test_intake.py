"""Reports that are foreign, stale, partial, doubled or implausible hold the account; good ones pass."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bidder.core.calendar import DayRange, ordinal
from bidder.core.entities import AccountId, Campaign, State, Structure
from bidder.core.intake import inspect
from bidder.core.performance import (
    Grain,
    History,
    Level,
    PerformanceReport,
    PerformanceTable,
    ProductSalesTable,
    micros_since_epoch,
)
from bidder.core.reasons import Reason
from bidder.core.venue import VenueProfile
from tests.core.builders import CURRENCY, NOW, TODAY, Shop, Word, history, policy, profile

SHOP = Shop(words=(Word(), Word()))
DAYS = DayRange.ending(TODAY, days=14)
YESTERDAY = TODAY - timedelta(days=1)


def table(*, days: DayRange = DAYS, ids: tuple[str, ...] = ("t0", "t1"), **columns: Any) -> PerformanceTable:
    """Return a row for every target and day: 20 clicks at 0.80, one order of 100; day by day, target by target."""
    number = len(days) * len(ids)
    day = np.repeat([ordinal(each) for each in days], len(ids))
    usual = {"impressions": 1000, "clicks": 20, "spend_micros": 16_000_000, "orders": 1, "units": 1,
             "revenue_micros": 100_000_000, "carts": 2, "favourites": -1,
             "observed_at": micros_since_epoch(NOW)}  # fmt: skip
    made = PerformanceTable(
        level=Level.TARGET,
        grain=Grain.DAY,
        window_days=15,
        currency=CURRENCY,
        entity_ids=ids,
        entity=np.tile(np.arange(len(ids), dtype=np.int32), len(days)),
        day=day.astype(np.int32),
        hour=np.full(number, -1, dtype=np.int8),
        **{name: np.full(number, value, dtype=np.int64) for name, value in usual.items()},
    )
    return replace(made, **columns)


def sales(*, currency: str = CURRENCY, **columns: Any) -> ProductSalesTable:
    """Return one product's sales of yesterday."""
    usual: dict[str, float] = {"product": 0, "day": ordinal(YESTERDAY), "units": 5, "refunded_units": 1,
                               "revenue_micros": 5e8, "refund_micros": 1e8, "visitors": 90, "carts": 9,
                               "in_stock_hours": 24.0, "observed_at": micros_since_epoch(NOW)}  # fmt: skip
    made = {name: np.array([value]) for name, value in (usual | columns).items()}
    return ProductSalesTable(currency=currency, product_ids=("p0",), **made)


def report(facts: PerformanceTable | None = None, **changes: object) -> PerformanceReport:
    """Return a report whose total agrees with its rows."""
    facts = table() if facts is None else facts
    usual = PerformanceReport(
        facts=facts,
        products=sales(),
        days=DAYS,
        account_spend_micros=int(facts.spend_micros.sum()),
        observed_at=NOW,
    )
    return replace(usual, **changes)  # type: ignore[arg-type]


def judged(
    came: PerformanceReport,
    *,
    structure: Structure | None = None,
    known: DayRange | None = DAYS,
    previous: History | None = None,
) -> Reason | None:
    """Inspect a report of the usual shop."""
    seen = SHOP.structure() if structure is None else structure
    return inspect(SHOP.account(), seen, came, profile(), policy(), known=known, previous=previous, now=NOW)


def code(found: Reason | None) -> str | None:
    """Return the name of the reason."""
    return None if found is None else found.code.name


def one_row(name: str, value: int, *, row: int = 5) -> PerformanceTable:
    """Return the usual table with one value changed."""
    facts = table()
    column = np.array(getattr(facts, name))
    column[row] = value
    moved: dict[str, Any] = {name: column}
    return replace(facts, **moved)


def _negative(name: str) -> dict[str, Any]:
    return {name: -1}


def before(facts: PerformanceTable | None = None) -> History:
    """Return the facts on record."""
    return replace(history(), daily=table() if facts is None else facts)


def paused() -> Structure:
    """Return the shop with nothing running."""
    structure = SHOP.structure()
    off: tuple[Campaign, ...] = tuple(replace(c, state=State.PAUSED) for c in structure.campaigns)
    return replace(structure, campaigns=off)


@pytest.mark.parametrize(
    "came",
    [
        report(),
        report(products=None, account_spend_micros=None),
        report(table(carts=np.full(28, -1), units=np.full(28, -1))),
        report(table(impressions=np.zeros(28, dtype=np.int64))),
        report(table(orders=np.zeros(28, dtype=np.int64), revenue_micros=np.zeros(28, dtype=np.int64))),
        report(products=sales(in_stock_hours=float("nan"), visitors=-1, carts=-1)),
        report(products=sales(in_stock_hours=25.0)),
        report(observed_at=NOW + timedelta(minutes=59)),
    ],
    ids=["full", "bare", "no carts", "no impressions", "no orders", "unknown sales", "long day", "clocks apart"],
)
def test_good_report_passes(came: PerformanceReport) -> None:
    """Whatever a venue leaves out that it may leave out."""
    assert judged(came) is None
    assert judged(came, known=None) is None
    assert judged(came, previous=before()) is None


@pytest.mark.parametrize(
    ("came", "found", "expected"),
    [
        (report(table(currency="USD")), "USD", "CNY"),
        (report(products=sales(currency="USD")), "USD", "CNY"),
        (report(table(window_days=7)), "a window of 7 days", "a window of 15 days"),
        (
            report(table(ids=("t0", "x1", "x2"))),
            "28 rows of targets this account does not have",
            "the targets of shop",
        ),
        (
            report(table(level=Level.CAMPAIGN)),
            "28 rows of campaigns this account does not have",
            "the campaigns of shop",
        ),
    ],
    ids=["currency", "currency of sales", "window", "ids", "level"],
)
def test_foreign_report_is_held_with_what_was_found(came: PerformanceReport, found: str, expected: str) -> None:
    """The sentence names what came and what was due."""
    reason = judged(came)

    assert "REPORT_FOREIGN" == code(reason)
    assert reason is not None
    assert {"found": found, "expected": expected} == dict(reason.evidence)


@pytest.mark.parametrize("what", ["account_id", "currency", "time_zone"])
def test_structure_of_another_account_is_foreign(what: str) -> None:
    """Also where the report itself would pass."""
    other: Any = {"account_id": AccountId("other"), "currency": "USD", "time_zone": "Europe/Berlin"}[what]
    structure = replace(Shop(words=(Word(), Word())).structure(), **{what: other})

    assert "REPORT_FOREIGN" == code(judged(report(), structure=structure))


@pytest.mark.parametrize("rules", [profile("USD"), profile(time_zone="Europe/Berlin")], ids=["currency", "zone"])
def test_venue_of_another_currency_or_zone_is_foreign(rules: VenueProfile) -> None:
    """The profile must be the account's, too."""
    found = inspect(SHOP.account(), SHOP.structure(), report(), rules, policy(), known=DAYS, now=NOW)

    assert "REPORT_FOREIGN" == code(found)


def test_rows_of_some_unknown_targets_are_no_foreign_report() -> None:
    """Targets are deleted all the time: up to half of the rows may be of such."""
    assert judged(report(table(ids=("t0", "gone")))) is None


@pytest.mark.parametrize(
    ("came", "what"),
    [
        *(
            (report(one_row(name, -1)), f"negative {name}")
            for name in ("impressions", "clicks", "spend_micros", "orders", "revenue_micros")
        ),
        *((report(one_row(name, -2)), f"negative {name}") for name in ("units", "carts", "favourites")),
        *(
            (report(products=sales(**_negative(name))), f"negative {name} of products")
            for name in ("units", "refunded_units", "revenue_micros", "refund_micros")
        ),
        (report(products=sales(in_stock_hours=26.0)), "in-stock hours outside a day"),
        (report(products=sales(in_stock_hours=-1.0)), "in-stock hours outside a day"),
        (report(one_row("day", ordinal(DAYS.first) - 1)), "days outside 2026-09-03 to 2026-09-16"),
        (report(one_row("day", ordinal(TODAY) + 1)), "days outside 2026-09-03 to 2026-09-16"),
        (
            report(one_row("day", ordinal(TODAY) + 1), days=DayRange(first=DAYS.first, last=date(2026, 9, 17))),
            "days that have not come yet",
        ),
        (report(one_row("hour", 0)), "hours that do not fit its grain"),
        (report(table(grain=Grain.HOUR)), "hours that do not fit its grain"),
        (report(table(grain=Grain.HOUR, hour=np.full(28, 24))), "hours that do not fit its grain"),
        (report(one_row("day", ordinal(DAYS.first), row=3)), "the same row twice"),
        (report(one_row("clicks", 1001)), "more clicks than impressions"),
        (
            report(observed_at=NOW + timedelta(minutes=61)),
            "it was observed in the future, at 2026-09-16 03:01",
        ),
    ],
)
def test_impossible_report_is_held_with_what_is_wrong(came: PerformanceReport, what: str) -> None:
    """Negative, doubled, outside the days, or of a time that has not come."""
    reason = judged(came)

    assert "REPORT_INVALID" == code(reason)
    assert reason is not None
    assert {"what": what} == dict(reason.evidence)


@given(row=st.integers(0, 27), copies=st.integers(1, 3))
def test_any_row_that_comes_twice_is_found(row: int, copies: int) -> None:
    """Wherever it stands and however often."""
    doubled = table().take(np.array([*range(28), *[row] * copies]))

    assert "REPORT_INVALID" == code(judged(report(doubled)))


@pytest.mark.parametrize(("hours", "expected"), [(36, None), (37, "REPORT_STALE"), (24 * 30, "REPORT_STALE")])
def test_report_read_long_ago_is_stale(hours: int, expected: str | None) -> None:
    """The policy allows 36 hours; even a first report must be fresh."""
    came = report(observed_at=NOW - timedelta(hours=hours))

    assert expected == code(judged(came))
    assert expected == code(judged(came, known=None))


def test_report_whose_newest_day_is_long_over_is_stale() -> None:
    """At ten in the morning the day before yesterday is 34 hours over, and the day before that 58 hours."""
    until = [report(table(days=DayRange(first=DAYS.first, last=TODAY - timedelta(days=n)))) for n in (1, 2, 3)]

    found = [judged(each) for each in until]

    assert [None, None, "REPORT_STALE"] == [code(each) for each in found]
    assert found[2] is not None
    assert {"age": "58 hours", "allowed": "36 hours"} == dict(found[2].evidence)


def test_old_days_are_not_stale_where_they_were_asked_for_or_are_the_first() -> None:
    """A look at past days ends where it was meant to; a new account may have slept."""
    days = DayRange(first=DAYS.first, last=TODAY - timedelta(days=6))

    assert judged(report(table(days=days), days=days)) is None
    assert judged(report(table(days=days)), known=None) is None


@pytest.mark.parametrize(("share", "expected"), [(1.0, None), (0.995, None), (0.97, "REPORT_PARTIAL")])
def test_rows_that_do_not_add_up_to_the_venues_total_are_partial(share: float, expected: str | None) -> None:
    """One percent of slack, in both directions; 28 rows of 16.00 make 448.00."""
    short, long = round(share * 448e6), round(448e6 / share)

    assert expected == code(judged(report(account_spend_micros=short)))
    assert expected == code(judged(report(account_spend_micros=long)))


def test_empty_report_is_partial_where_something_runs() -> None:
    """No rows of a running account mean that we do not know; of a sleeping or a new one they are normal."""
    nothing = table().take(np.zeros(0, dtype=np.intp))
    untold = report(nothing, account_spend_micros=None)

    assert "REPORT_PARTIAL" == code(judged(untold))
    assert "REPORT_PARTIAL" == code(judged(report(nothing, account_spend_micros=448_000_000), structure=paused()))
    assert judged(untold, structure=paused()) is None
    assert judged(untold, known=None) is None
    assert judged(report(nothing)) is None


def test_rows_with_spend_that_were_known_and_are_gone_are_partial() -> None:
    """Yesterday's second target is missing, though the total was trimmed to fit: 25 of the 26 rows of closed days."""
    short = report(table().take(np.delete(np.arange(28), 25)))

    reason = judged(short, previous=before())

    assert "REPORT_PARTIAL" == code(reason)
    assert reason is not None
    assert {"seen": "25 rows with spend that were known", "expected": "26"} == dict(reason.evidence)
    assert judged(short) is None


def test_rows_of_the_open_day_or_without_spend_may_go() -> None:
    """Today is still being counted, and a row of nothing tells nothing."""
    without_today = report(table().take(np.arange(26)))
    without_idle = report(table().take(np.delete(np.arange(28), 5)))

    assert judged(without_today, previous=before()) is None
    assert judged(without_idle, previous=before(one_row("spend_micros", 0))) is None


@pytest.mark.parametrize(
    ("column", "ratio", "what"),
    [
        ("spend_micros", 100.0, "cost per click against the bids"),
        ("spend_micros", 0.01, "cost per click"),
        ("revenue_micros", 100.0, "order value"),
        ("revenue_micros", 0.01, "order value"),
        ("spend_micros", 3.0, None),
        ("revenue_micros", 0.2, None),
    ],
)
def test_mean_that_jumps_by_an_order_of_magnitude_changed_its_unit(column: str, ratio: float, what: str | None) -> None:
    """Fen for yuan or the other way round; a market moves by less. 80.00 a click is 80 times the bids of 1.00."""
    usual = np.array(getattr(table(), column))
    moved: dict[str, Any] = {column: (usual * ratio).astype(np.int64)}
    came = report(table(**moved))

    reason = judged(came, previous=before())

    assert (None if what is None else "REPORT_UNIT_JUMP") == code(reason)
    if reason is not None:
        assert {"what": what, "factor": 80.0 if "bids" in str(what) else ratio} == dict(reason.evidence)


def test_too_few_clicks_tell_no_unit() -> None:
    """One dear click of 28 is no jump, 56 are."""
    dear = np.full(28, 160_000_000)
    clicks = [np.where(np.arange(28) == 3, 1, 0), np.full(28, 2)]

    found = [code(judged(report(table(clicks=each, spend_micros=dear)))) for each in clicks]

    assert [None, "REPORT_UNIT_JUMP"] == found


def test_foreign_is_said_before_anything_else() -> None:
    """A report of another account is not blamed for its age or its figures."""
    came = report(one_row("clicks", -5), observed_at=NOW - timedelta(days=9), account_spend_micros=1)
    other = replace(came, facts=replace(came.facts, currency="USD"))

    assert "REPORT_INVALID" == code(judged(came))
    assert "REPORT_FOREIGN" == code(judged(other))
