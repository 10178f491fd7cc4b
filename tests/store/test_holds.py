"""Holds are intervals: extended in silence, ended when the reason or the entity changes."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bidder.core.entities import EntityKind, EntityRef
from bidder.core.plan import Hold
from bidder.core.reasons import Code, Evidence, Reason
from bidder.store import SqlStore
from bidder.store.encoding import evidence_text, read_reason
from bidder.store.holds import continues
from tests.store.conftest import Opener
from tests.store.shop import NOW, SHOP, bid_change, forecast, hold, planned, snapshot, structure


def run(store: SqlStore, hour: int, *holds: Hold) -> int:
    """Record one cycle that holds these and changes nothing."""
    at = NOW + timedelta(hours=hour)
    seen = store.last_structure(SHOP.id) or structure()
    store.save_structure(SHOP, seen, (), now=at)
    draft, verdict = planned(holds=holds)
    return store.record(snapshot(store, seen, at=at), forecast(seen, at=at), draft, verdict).cycle_id


def intervals(store: SqlStore) -> list[tuple[Any, ...]]:
    """Return entity, code, first and last cycle of every interval, oldest first."""
    with store.database.read() as connection:
        rows = connection.exec_driver_sql(
            "SELECT entity_id, reason_code, first_cycle, last_cycle FROM holds ORDER BY id"
        )
        return [tuple(row) for row in rows]


def test_an_unchanged_hold_is_one_row(store: SqlStore) -> None:
    """Three cycles with the same reason make one open interval."""
    first, *_ = (run(store, hour, hold("t0"), hold("t1")) for hour in range(3))

    code = Code.TOO_LITTLE_EVIDENCE.name
    assert [("t0", code, first, None), ("t1", code, first, None)] == intervals(store)


def test_a_hold_that_ends_names_its_last_cycle(store: SqlStore) -> None:
    """The interval closes with the cycle before the one in which the entity moved."""
    first, second, _ = (run(store, hour, *holds) for hour, holds in enumerate(([hold("t0")], [hold("t0")], [])))

    assert [("t0", Code.TOO_LITTLE_EVIDENCE.name, first, second)] == intervals(store)


def test_a_new_reason_begins_a_new_interval(store: SqlStore) -> None:
    """The same entity held for something else is another row."""
    reason = Reason.of(Code.READ_ONLY)
    ref = EntityRef(EntityKind.TARGET, "t0")
    first = run(store, 0, hold("t0"))

    second = run(store, 1, Hold(ref=ref, reason=reason))

    assert [
        ("t0", Code.TOO_LITTLE_EVIDENCE.name, first, first),
        ("t0", Code.READ_ONLY.name, second, None),
    ] == intervals(store)


def test_figures_that_drift_begin_a_new_interval_once_they_matter(store: SqlStore) -> None:
    """Within a tenth of where it began a figure is the same; beyond, the reason is told anew."""
    cycles = [run(store, hour, hold("t0", clicks=clicks)) for hour, clicks in enumerate((100.0, 104.0, 109.0, 115.0))]

    assert [(cycles[0], cycles[2]), (cycles[3], None)] == [row[2:] for row in intervals(store)]


def test_open_holds_survive_a_restart(store: SqlStore, opened: Opener) -> None:
    """A new process extends the interval an old one began."""
    first = run(store, 0, hold("t0"))

    run(opened(), 1, hold("t0"))

    assert [(first, None)] == [row[2:] for row in intervals(store)]


def test_two_reasons_for_one_entity_stand_side_by_side(store: SqlStore) -> None:
    """A removed change and a draft's hold may both speak of an entity."""
    other = Hold(ref=hold("t0").ref, reason=Reason.of(Code.READ_ONLY))

    for hour in range(2):
        run(store, hour, hold("t0"), other)

    assert 2 == len(intervals(store))


def test_a_change_ends_the_hold(store: SqlStore) -> None:
    """An entity that is changed is no longer held."""
    run(store, 0, hold("t0"))
    at, seen = NOW + timedelta(hours=1), structure()
    draft, verdict = planned(bid_change("t0", "1.20", "1.30"))

    store.record(snapshot(store, seen, at=at), forecast(seen, at=at), draft, verdict)

    assert [None] != [row[3] for row in intervals(store)]


@pytest.mark.parametrize(
    ("old", "new", "same"),
    [
        ("2.00 CNY", "2.15 CNY", True),
        ("2.00 CNY", "2.30 CNY", False),
        ("2.00 CNY", "2.00 USD", False),
        ("1,200.00 CNY", "1,210.00 CNY", True),
        ("2026-05-01", "2026-05-02", False),
        (0, 0, True),
        (0, 1, False),
        (True, False, False),
        (None, 1.0, False),
        (5, 5.2, True),
    ],
)
def test_figures_are_compared_as_what_they_are(old: Evidence, new: Evidence, *, same: bool) -> None:
    """Amounts and numbers have a tolerance, dates and words have none."""
    reasons = [Reason.of(Code.READ_ONLY, figure=value) for value in (old, new)]

    assert same is continues(*reasons)


EVIDENCE = st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.floats() | st.text(max_size=8)


@settings(max_examples=100)
@given(st.sampled_from(Code), st.dictionaries(st.text("abc_", min_size=1, max_size=6), EVIDENCE, max_size=4))
def test_every_reason_comes_back(code: Code, extra: dict[str, Evidence]) -> None:
    """Code and figures are read back as they were; what JSON has no number for comes back as text."""
    reason = Reason.of(code, **(extra | dict.fromkeys(code.placeholders, 1.5)))

    found = read_reason(code.name, evidence_text(reason))

    plain = tuple(
        (name, str(value) if isinstance(value, float) and value - value != 0 else value)
        for name, value in reason.evidence
    )
    assert Reason(code, plain) == found
