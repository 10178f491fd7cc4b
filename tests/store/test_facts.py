"""Facts: append-only, newest view fast, the past as it was known."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bidder.core.calendar import DayRange, day_of, day_start, ordinal
from bidder.core.performance import (
    COLUMNS,
    PRODUCT_COLUMNS,
    Grain,
    History,
    Level,
    PerformanceReport,
    PerformanceTable,
    ProductSalesTable,
    micros_since_epoch,
)
from bidder.errors import StoreError
from bidder.store import SqlStore, in_memory_store
from tests.store.conftest import Opener
from tests.store.shop import CURRENCY, NOW, SHOP, ZONE, generated, report

DAY = day_of(NOW, ZONE)
SPAN = DayRange.ending(DAY, days=10)
HOUR = timedelta(hours=1)

Fact = tuple[date, str, int, int]


def rows_of(table: PerformanceTable) -> dict[tuple[int, int, str], tuple[int, ...]]:
    """Return a table's rows by day, hour and id, without when they were seen."""
    columns = [getattr(table, name) for name in COLUMNS if name not in ("entity", "day", "hour", "observed_at")]
    return {
        (int(day), int(hour), table.entity_ids[entity]): tuple(int(column[n]) for column in columns)
        for n, (day, hour, entity) in enumerate(zip(table.day, table.hour, table.entity, strict=True))
    }


def seen_of(table: PerformanceTable) -> dict[tuple[int, str], int]:
    """Return when each row of a daily table was last seen."""
    return {
        (int(day), table.entity_ids[entity]): int(observed)
        for day, entity, observed in zip(table.day, table.entity, table.observed_at, strict=True)
    }


def history(
    store: SqlStore, *, after: timedelta = timedelta(days=400), days: DayRange = SPAN, window: int = 7
) -> History:
    """Return what the store knows some time after `NOW`."""
    return store.history(SHOP, window_days=window, days=days, as_of=NOW + after)


def count(store: SqlStore, table: str) -> int:
    """Return how many rows a table has."""
    with store.database.read() as connection:
        return int(connection.exec_driver_sql(f"SELECT count(*) FROM {table}").scalar_one())  # noqa: S608


def test_what_was_reported_comes_back(store: SqlStore) -> None:
    """The newest view of one report is the report."""
    sent = generated(np.random.default_rng(1), targets=7, days=SPAN, at=NOW)

    store.save_report(SHOP, Grain.DAY, sent)

    assert rows_of(sent.facts) == rows_of(history(store).daily)
    assert SPAN == store.coverage(SHOP.id, Grain.DAY)


def test_hours_and_days_are_kept_apart(store: SqlStore) -> None:
    """Facts by hour keep their hours and do not mix with facts by day."""
    rng = np.random.default_rng(2)
    hours = generated(rng, targets=3, days=DayRange.ending(DAY, days=2), at=NOW, grain=Grain.HOUR)
    days = generated(rng, targets=3, days=SPAN, at=NOW)

    store.save_report(SHOP, Grain.HOUR, hours)
    store.save_report(SHOP, Grain.DAY, days)

    assert rows_of(hours.facts) == rows_of(history(store).hourly)
    assert rows_of(days.facts) == rows_of(history(store).daily)


def test_an_unchanged_report_writes_no_facts_but_renews_when_they_were_seen(store: SqlStore, opened: Opener) -> None:
    """Seeing the same again is no revision, and is remembered over a restart."""
    facts = ((DAY, "t1", 10, 1), (DAY, "t2", 20, 0))
    store.save_report(SHOP, Grain.DAY, report(facts, at=NOW, days=SPAN))
    later = NOW + 5 * HOUR

    store.save_report(SHOP, Grain.DAY, report(facts, at=later, days=SPAN))

    expected = dict.fromkeys([(ordinal(DAY), "t1"), (ordinal(DAY), "t2")], micros_since_epoch(later))
    assert 2 == count(store, "performance_daily")
    assert expected == seen_of(history(store).daily)
    assert expected == seen_of(history(opened()).daily)


def test_a_row_that_is_missing_keeps_its_value_and_when_it_was_seen(store: SqlStore, opened: Opener) -> None:
    """Missing is not zero: an entity left out of a report is not touched."""
    store.save_report(SHOP, Grain.DAY, report(((DAY, "t1", 10, 1), (DAY, "t2", 20, 0)), at=NOW, days=SPAN))

    store.save_report(SHOP, Grain.DAY, report(((DAY, "t2", 20, 0),), at=NOW + HOUR, days=SPAN))

    expected = {(ordinal(DAY), "t1"): micros_since_epoch(NOW), (ordinal(DAY), "t2"): micros_since_epoch(NOW + HOUR)}
    assert expected == seen_of(history(store).daily)
    assert expected == seen_of(history(opened()).daily)


def test_restated_facts_never_overwrite(store: SqlStore) -> None:
    """Every value that was ever reported is still there."""
    for hour, orders in enumerate((1, 3, 2)):
        store.save_report(SHOP, Grain.DAY, report(((DAY, "t1", 10, orders),), at=NOW + hour * HOUR, days=SPAN))

    with store.database.read() as connection:
        kept = connection.exec_driver_sql("SELECT orders FROM performance_daily ORDER BY revision").scalars().all()
    assert [1, 3, 2] == list(kept)
    assert [2] == history(store).daily.orders.tolist()


def test_the_past_is_what_was_known_then(store: SqlStore) -> None:
    """A history as of an earlier instant knows nothing that came later."""
    for hour, orders in enumerate((1, 3, 2)):
        store.save_report(SHOP, Grain.DAY, report(((DAY, "t1", 10, orders),), at=NOW + hour * HOUR, days=SPAN))

    known = [history(store, after=hour * HOUR).daily.orders.tolist() for hour in (-1, 0, 0.5, 1, 2, 9)]

    assert [[], [1], [1], [3], [2], [2]] == known


def test_a_late_report_does_not_replace_newer_facts(store: SqlStore, opened: Opener) -> None:
    """An older export imported afterwards fills the past, not the present."""
    store.save_report(SHOP, Grain.DAY, report(((DAY, "t1", 10, 5),), at=NOW + 5 * HOUR, days=SPAN))

    store.save_report(SHOP, Grain.DAY, report(((DAY, "t1", 8, 2), (DAY, "t2", 4, 1)), at=NOW, days=SPAN))

    for again in (store, opened()):
        assert {"t1": 5, "t2": 1} == {key[2]: row[3] for key, row in rows_of(history(again).daily).items()}
        assert {"t1": 2, "t2": 1} == {key[2]: row[3] for key, row in rows_of(history(again, after=HOUR).daily).items()}


def test_a_snapshot_stays_what_it_was(store: SqlStore) -> None:
    """What was handed out does not change when more is imported."""
    store.save_report(SHOP, Grain.DAY, report(((DAY, "t1", 10, 1),), at=NOW, days=SPAN))
    before = history(store).daily

    store.save_report(SHOP, Grain.DAY, report(((DAY, "t1", 99, 9),), at=NOW + HOUR, days=SPAN))

    assert [1] == before.orders.tolist()
    assert [9] == history(store).daily.orders.tolist()


def test_windows_are_never_mixed(store: SqlStore) -> None:
    """Orders counted over seven days and over fifteen are different facts."""
    store.save_report(SHOP, Grain.DAY, report(((DAY, "t1", 10, 1),), at=NOW, days=SPAN, window_days=7))
    store.save_report(SHOP, Grain.DAY, report(((DAY, "t1", 10, 4),), at=NOW, days=SPAN, window_days=15))

    assert [1] == history(store, window=7).daily.orders.tolist()
    assert [4] == history(store, window=15).daily.orders.tolist()
    assert 0 == len(history(store, window=1).daily)


def test_the_finest_level_is_handed_out(store: SqlStore) -> None:
    """Where targets are reported, campaigns' totals do not stand beside them."""
    store.save_report(SHOP, Grain.DAY, report(((DAY, "c1", 30, 3),), at=NOW, days=SPAN, level=Level.CAMPAIGN))
    store.save_report(SHOP, Grain.DAY, report(((DAY, "t1", 10, 1),), at=NOW, days=SPAN))

    found = history(store).daily

    assert (Level.TARGET, ["t1"]) == (found.level, [found.entity_ids[n] for n in found.entity])


def test_the_same_fact_twice_counts_once(store: SqlStore) -> None:
    """Overlapping pages do not change totals."""
    store.save_report(SHOP, Grain.DAY, report(((DAY, "t1", 10, 1), (DAY, "t1", 10, 1)), at=NOW, days=SPAN))

    assert [10] == history(store).daily.clicks.tolist()


def test_a_report_that_contradicts_itself_is_refused(store: SqlStore) -> None:
    """Two values for one fact: nothing is saved."""
    store.save_report(SHOP, Grain.DAY, report(((DAY, "t2", 1, 0),), at=NOW, days=SPAN))

    with pytest.raises(StoreError, match="t1 on 2026-09-01 twice"):
        store.save_report(SHOP, Grain.DAY, report(((DAY, "t1", 10, 1), (DAY, "t1", 11, 1)), at=NOW + HOUR, days=SPAN))

    assert {"t2"} == {key[2] for key in rows_of(history(store).daily)}
    assert 1 == count(store, "reports")


def test_a_report_in_another_currency_is_refused(store: SqlStore) -> None:
    """Money of another currency never reaches the record."""
    sent = report(((DAY, "t1", 10, 1),), at=NOW, days=SPAN)
    other = PerformanceTable.empty(level=Level.TARGET, grain=Grain.DAY, window_days=7, currency="USD")

    with pytest.raises(StoreError, match="USD"):
        store.save_report(SHOP, Grain.DAY, PerformanceReport(facts=other, products=None, days=sent.days,
                                                             account_spend_micros=None, observed_at=NOW))  # fmt: skip


def test_negative_counts_are_refused_whole(store: SqlStore) -> None:
    """The database itself refuses what cannot be; the good rows of the report are not saved either."""
    with pytest.raises(StoreError, match="not_negative"):
        store.save_report(SHOP, Grain.DAY, report(((DAY, "t1", 5, 1), (DAY, "t2", -5, 0)), at=NOW, days=SPAN))

    assert 0 == len(history(store).daily)


def test_excluded_days_are_named_once(store: SqlStore, opened: Opener) -> None:
    """Days that nothing is learned from come back in order, over a restart too."""
    for last in (DAY, DAY - timedelta(days=1)):
        store.exclude_days(SHOP, DayRange.ending(last, days=2), actor="ann", reason="tracking broke", now=NOW)

    expected = [ordinal(DAY) - 2, ordinal(DAY) - 1, ordinal(DAY)]
    assert expected == history(store).excluded_days.tolist()
    assert expected == history(opened()).excluded_days.tolist()


def test_sales_on_all_channels_come_back_bit_by_bit(store: SqlStore, opened: Opener) -> None:
    """Unknown visitors and hours stay unknown; hours keep every bit."""
    sales = ProductSalesTable(
        currency=CURRENCY,
        product_ids=("p1", "p2"),
        product=np.array([0, 1], dtype=np.int32),
        day=np.array([ordinal(DAY)] * 2, dtype=np.int32),
        units=np.array([3, 0]),
        refunded_units=np.array([1, 0]),
        revenue_micros=np.array([90_000_000, 0]),
        refund_micros=np.array([30_000_000, 0]),
        visitors=np.array([-1, 12]),
        carts=np.array([4, -1]),
        in_stock_hours=np.array([np.nan, 70 / 3]),
        observed_at=np.full(2, micros_since_epoch(NOW)),
    )

    store.save_report(SHOP, Grain.DAY, report(((DAY, "t1", 1, 0),), at=NOW, days=SPAN, products=sales))

    for again in (store, opened()):
        found = history(again).products
        for name in PRODUCT_COLUMNS:
            np.testing.assert_array_equal(getattr(sales, name), getattr(found, name), strict=True)


def test_maturity_is_learned_from_how_a_day_grew(store: SqlStore, opened: Opener) -> None:
    """One cell for each click day and age, at its last sight of that age, over a restart too."""
    start = day_start(DAY, ZONE)
    for days, orders in ((0.9, 4), (1.2, 5), (1.8, 6), (2.5, 8)):
        at = start + timedelta(days=days)
        store.save_report(SHOP, Grain.DAY, report(((DAY, "t1", 100, orders),), at=at, days=SPAN))

    for again in (store, opened()):
        growth = history(again).development
        assert [(0, 4), (1, 6), (2, 8)] == list(zip(growth.age.tolist(), growth.orders.tolist(), strict=True))


def test_orders_of_an_open_day_are_scaled_to_its_clicks(store: SqlStore) -> None:
    """The first evening saw 80 of 100 clicks: its orders are compared as if it had seen them all."""
    start = day_start(DAY, ZONE)
    store.save_report(SHOP, Grain.DAY, report(((DAY, "t1", 80, 4),), at=start + timedelta(hours=20), days=SPAN))

    store.save_report(SHOP, Grain.DAY, report(((DAY, "t1", 100, 8),), at=start + timedelta(days=1.9), days=SPAN))

    assert [5, 8] == history(store).development.orders.tolist()


def test_a_partial_report_says_nothing_about_growth(store: SqlStore) -> None:
    """Half the targets missing is no shrinking of orders."""
    rows: tuple[Fact, ...] = tuple((DAY, f"t{n}", 10, 2) for n in range(10))
    start = day_start(DAY, ZONE)
    store.save_report(SHOP, Grain.DAY, report(rows, at=start + timedelta(days=1.5), days=SPAN))

    store.save_report(SHOP, Grain.DAY, report(rows[:5], at=start + timedelta(days=2.5), days=SPAN))

    assert [1] == history(store).development.age.tolist()


def test_only_the_days_asked_for_are_read(store: SqlStore, opened: Opener) -> None:
    """A fresh process reads back from the database exactly the span that is wanted, then more when more is."""
    sent = generated(np.random.default_rng(3), targets=4, days=SPAN, at=NOW)
    store.save_report(SHOP, Grain.DAY, sent)
    again = opened()

    for days in (2, 5, 10):
        wanted = DayRange.ending(DAY, days=days)
        assert rows_of(sent.facts.within(wanted)) == rows_of(history(again, days=wanted).daily)


def imports() -> st.SearchStrategy[list[tuple[int, list[tuple[int, int, int, int]]]]]:
    """Draw reports in the order they arrive: when each was seen (hours), and its rows (day, target, clicks, orders)."""
    row = st.tuples(st.integers(0, 3), st.integers(0, 3), st.integers(0, 5), st.integers(0, 2))
    rows = st.lists(row, min_size=1, max_size=8, unique_by=lambda r: r[:2])
    return st.lists(st.tuples(st.integers(0, 30), rows), min_size=1, max_size=8)


def as_reports(drawn: list[tuple[int, list[tuple[int, int, int, int]]]]) -> Iterator[PerformanceReport]:
    """Turn drawn imports into reports."""
    for hours, rows in drawn:
        facts = tuple((DAY - timedelta(days=day), f"t{target}", clicks, orders) for day, target, clicks, orders in rows)
        yield report(facts, at=NOW + hours * HOUR, days=SPAN)


@settings(max_examples=60)
@given(imports(), st.integers(0, 31))
@example([(1, [(0, 0, 0, 0)]), (0, [(0, 0, 0, 0)])], 0)
@example([(0, [(0, 0, 0, 1)]), (1, [(0, 0, 0, 0)]), (0, [(0, 0, 0, 0)])], 0)
def test_random_restatements_equal_a_plain_replay(
    drawn: list[tuple[int, list[tuple[int, int, int, int]]]], asked: int
) -> None:
    """In any order of arrival, the view of any instant is the newest sight of each fact up to then."""
    store = in_memory_store()
    expected: dict[tuple[int, str], tuple[int, int, int]] = {}
    expected_then: dict[tuple[int, str], tuple[int, int, int]] = {}
    for (hours, rows), sent in zip(drawn, as_reports(drawn), strict=True):
        store.save_report(SHOP, Grain.DAY, sent)
        for day, target, clicks, orders in rows:
            key, value = (ordinal(DAY) - day, f"t{target}"), (hours, clicks, orders)
            if key not in expected or hours >= expected[key][0]:
                expected[key] = value
            if hours <= asked and (key not in expected_then or hours >= expected_then[key][0]):
                expected_then[key] = value

    def view(after: timedelta) -> dict[tuple[int, str], tuple[int, int]]:
        found = rows_of(history(store, after=after).daily)
        return {(day, name): (row[1], row[3]) for (day, _, name), row in found.items()}

    assert {key: value[1:] for key, value in expected.items()} == view(timedelta(days=9))
    assert {key: value[1:] for key, value in expected_then.items()} == view(asked * HOUR)


@settings(max_examples=25)
@given(imports())
@example([(0, [(1, 0, 0, 0)]), (1, [(1, 0, 0, 0)]), (0, [(1, 1, 0, 0)])])
def test_a_fresh_process_knows_what_the_old_one_knew(
    drawn: list[tuple[int, list[tuple[int, int, int, int]]]],
) -> None:
    """What is kept in memory and what is read from the database are the same, when it was seen included."""
    store = in_memory_store()
    for sent in as_reports(drawn):
        store.save_report(SHOP, Grain.DAY, sent)
    kept = history(store)

    store._shelf.clear()
    read = history(store)

    assert rows_of(kept.daily) == rows_of(read.daily)
    assert seen_of(kept.daily) == seen_of(read.daily)
    np.testing.assert_array_equal(kept.development.orders, read.development.orders)
