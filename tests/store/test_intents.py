"""Intents: recorded before anything leaves, never lost, one unresolved for each setting."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy.exc import IntegrityError

from bidder.core.change import Change, Field, Intent, Outcome, Status, Value
from bidder.core.entities import EntityKind, EntityRef, State
from bidder.core.money import Money
from bidder.core.reasons import Code, Reason
from bidder.core.reconcile import Settlement
from bidder.errors import StoreError
from bidder.store import SqlStore, in_memory_store
from bidder.store.encoding import read_value, value_text
from tests.store.conftest import Opener
from tests.store.shop import NOW, SHOP, bid_change, cny, forecast, planned, snapshot, state_change, structure

HOUR = timedelta(hours=1)
PARTS = st.lists(st.floats(0, 10), min_size=24, max_size=24).map(tuple)
MONEY = st.integers(-(2**62), 2**62).map(lambda micros: Money(micros, "CNY"))
VALUE_OF: dict[Field, st.SearchStrategy[Value]] = {
    Field.BID: MONEY,
    Field.DAILY_BUDGET: MONEY,
    Field.STATE: st.sampled_from(State),
    Field.DAYPARTS: PARTS,
}


def record(store: SqlStore, *changes: Change, hour: int = 0) -> tuple[Intent, ...]:
    """Record a cycle that wants these changes."""
    at = NOW + hour * HOUR
    seen = store.last_structure(SHOP.id) or structure()
    draft, verdict = planned(*changes)
    return store.record(snapshot(store, seen, at=at, days=1), forecast(seen, at=at), draft, verdict).intents


def resolve(store: SqlStore, intent: Intent, status: Status) -> Intent:
    """Let the venue answer."""
    return store.resolve(SHOP, intent, Outcome(key=intent.key, status=status, detail="said so"), now=NOW + HOUR)


@given(st.none() | st.one_of(*VALUE_OF.values()))
def test_every_value_comes_back(value: Value | None) -> None:
    """Money, states and hour factors are read back as they were."""
    assert value == read_value(value_text(value))


@st.composite
def changes(draw: st.DrawFn) -> tuple[Change, ...]:
    """Draw a few changes of different entities."""
    drawn = []
    for number in range(draw(st.integers(1, 5))):
        field = draw(st.sampled_from(Field))
        drawn.append(
            Change(
                ref=EntityRef(draw(st.sampled_from(EntityKind)), f"t{number}"),
                field=field,
                old=draw(st.none() | VALUE_OF[field]),
                new=draw(VALUE_OF[field]),
                reason=Reason.of(Code.RESTORE, what="x", extra=1.25),
                gain_micros=draw(st.integers(-(2**60), 2**60)),
            )
        )
    return tuple(drawn)


@settings(max_examples=25)
@given(changes())
def test_every_intent_comes_back(wanted: tuple[Change, ...]) -> None:
    """What is read from the database is what was recorded, in order."""
    store = in_memory_store()

    intents = record(store, *wanted)

    assert wanted == tuple(intent.change for intent in intents)
    assert intents == store.open_intents(SHOP.id)


def test_a_crash_between_record_and_answer_leaves_the_intent_open(store: SqlStore, opened: Opener) -> None:
    """Whatever the process was doing, the next one knows what may have been sent."""
    intents = record(store, bid_change("t0", "1.20", "1.30"), bid_change("t1", "1.20", "1.10"))
    store.reserve(SHOP, intents[0], cap_micros=10**12, now=NOW)
    store.close()

    again = opened()

    assert intents == again.open_intents(SHOP.id)
    assert {intent.change.ref for intent in intents} == again.memory(SHOP, as_of=NOW).frozen


@pytest.mark.parametrize("status", [Status.CONFIRMED, Status.REJECTED, Status.WITHHELD, Status.UNKNOWN])
def test_an_answer_is_recorded(store: SqlStore, opened: Opener, status: Status) -> None:
    """Definite answers close the intent, an unknown one leaves it open; the words are kept."""
    (intent,) = record(store, bid_change("t0", "1.20", "1.30"))

    done = resolve(store, intent, status)

    assert (status, "said so") == (done.status, done.detail)
    assert (() if not status.unsettled else (done,)) == opened().open_intents(SHOP.id)
    assert [status] == [past.status for past in opened().memory(SHOP, as_of=NOW + HOUR).changes]


def test_a_setting_has_one_unresolved_intent(store: SqlStore) -> None:
    """A second change of a setting whose first has no outcome is refused; nothing of that cycle is recorded."""
    record(store, bid_change("t0", "1.20", "1.30"))

    with pytest.raises(StoreError, match="target:t0 bid"):
        record(store, bid_change("t1", "1.20", "1.30"), bid_change("t0", "1.20", "1.40"), hour=1)

    assert ["t0"] == [intent.change.ref.id for intent in store.open_intents(SHOP.id)]
    with store.database.read() as connection:
        assert 1 == connection.exec_driver_sql("SELECT count(*) FROM cycles").scalar()


def test_the_database_itself_refuses_a_second_unresolved_intent(store: SqlStore) -> None:
    """Not only our code: a unique index stands behind it."""
    record(store, bid_change("t0", "1.20", "1.30"))
    copied = "key, account_id, cycle_id, entity_kind, entity_id, field, new, reason_code, evidence, gain_micros, status"

    with pytest.raises(StoreError) as error, store.database.write() as connection:
        connection.exec_driver_sql(
            f"INSERT INTO intents ({copied}, created_at, seen_old, detail) "  # noqa: S608
            f"SELECT {copied.replace('key', chr(39) + 'other' + chr(39), 1)}, created_at, 0, '' FROM intents"
        )

    assert isinstance(error.value.__cause__, IntegrityError)


def test_another_setting_of_the_same_entity_may_move(store: SqlStore) -> None:
    """Only the setting itself is taken."""
    record(store, bid_change("t0", "1.20", "1.30"))

    assert record(store, state_change("t0", State.PAUSED, kind=EntityKind.TARGET), hour=1)


def test_keys_are_never_used_twice(store: SqlStore) -> None:
    """The same change in a later cycle has another key."""
    keys = set()
    for hour in range(3):
        (intent,) = record(store, bid_change("t0", "1.20", "1.30"), hour=hour)
        resolve(store, intent, Status.CONFIRMED)
        keys.add(intent.key)

    assert 3 == len(keys)


def test_settling_counts_sightings_of_the_old_value(store: SqlStore, opened: Opener) -> None:
    """An unknown outcome stays open while its sightings are counted, over restarts too."""
    (intent,) = record(store, bid_change("t0", "1.20", "1.30"))
    unknown = resolve(store, intent, Status.UNKNOWN)
    still = Settlement(intent=unknown, status=Status.UNKNOWN, observed=cny("1.20"), seen_old=1, detail="once")

    store.settle(SHOP, [still], now=NOW + HOUR)

    again = opened()
    assert {intent.id: 1} == again.seen_old(SHOP.id)
    (open_,) = again.open_intents(SHOP.id)
    gone = Settlement(intent=open_, status=Status.ABANDONED, observed=cny("1.20"), seen_old=2, detail="twice")
    again.settle(SHOP, [gone], now=NOW + 2 * HOUR)
    assert () == again.open_intents(SHOP.id)
    assert [Status.ABANDONED] == [past.status for past in again.memory(SHOP, as_of=NOW + 2 * HOUR).changes]


def test_every_answer_is_kept(store: SqlStore) -> None:
    """The history of one intent's outcomes can be read."""
    (intent,) = record(store, bid_change("t0", "1.20", "1.30"))
    unknown = resolve(store, intent, Status.UNKNOWN)
    store.settle(
        SHOP, [Settlement(intent=unknown, status=Status.CONFIRMED, observed=cny("1.30"), seen_old=0, detail="")],
        now=NOW + HOUR,
    )  # fmt: skip

    with store.database.read() as connection:
        found = connection.exec_driver_sql("SELECT status FROM outcomes ORDER BY id").scalars().all()
    assert ["unknown", "confirmed"] == list(found)


def test_nothing_is_half_recorded(store: SqlStore) -> None:
    """Where the record of a cycle fails in the middle, no part of it stands and the next cycle is as before."""
    good = bid_change("t0", "1.20", "1.30")
    with pytest.raises(StoreError):
        record(store, good, good)

    (intent,) = record(store, good, hour=1)

    assert (intent,) == store.open_intents(SHOP.id)
    assert [intent.created_at] == [past.at for past in store.memory(SHOP, as_of=NOW + HOUR).changes]
