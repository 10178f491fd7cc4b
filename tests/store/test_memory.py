"""What the record tells the next decision: changes, pauses, foreign edits, observation, canary, spend."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np
import pytest

from bidder.core.calendar import DayRange, day_of, ordinal
from bidder.core.change import Change, Field, Intent, Outcome, PastChange, Status
from bidder.core.entities import Editor, EntityKind, EntityRef, State
from bidder.core.performance import Grain, Level
from bidder.core.plan import ClearanceLine, Draft, Plan, Verdict
from bidder.core.reconcile import Settlement
from bidder.core.snapshot import Mode, Stage, StageRecord
from bidder.store import SqlStore
from tests.store.conftest import Opener
from tests.store.shop import (
    NOW,
    SHOP,
    ZONE,
    bid_change,
    cny,
    forecast,
    planned,
    report,
    snapshot,
    state_change,
    structure,
)

DAY = day_of(NOW, ZONE)
HOUR = timedelta(hours=1)
T0 = EntityRef(EntityKind.TARGET, "t0")


def act(store: SqlStore, *changes: Change, at: datetime = NOW, status: Status = Status.CONFIRMED) -> tuple[Intent, ...]:
    """Run a cycle that makes these changes, and let the venue answer."""
    seen = store.last_structure(SHOP.id) or structure(at=at)
    draft, verdict = planned(*changes)
    record = store.record(snapshot(store, seen, at=at, days=1), forecast(seen, at=at), draft, verdict)
    done = []
    for intent in record.intents:
        store.reserve(SHOP, intent, cap_micros=10**12, now=at)
        done.append(store.resolve(SHOP, intent, Outcome(key=intent.key, status=status), now=at))
    store.finish(SHOP, record.cycle_id, ok=True, sentence="done", now=at)
    return tuple(done)


def pause(kind: State = State.PAUSED) -> Change:
    """Return a pause of the first target, or its end."""
    return state_change("t0", kind, kind=EntityKind.TARGET)


def edit(*, field: Field = Field.BID, at: datetime = NOW) -> PastChange:
    """Return a person's edit of the first target."""
    new = cny("3") if field is Field.BID else State.ENABLED
    old = cny("1.20") if field is Field.BID else State.PAUSED
    return PastChange(
        ref=T0,
        field=field,
        old=old,
        new=new,
        at=at,
        status=Status.CONFIRMED,
        actor=Editor.PERSON,
        reason_code="FOREIGN",
    )


def test_changes_of_a_month_are_remembered_oldest_first(store: SqlStore, opened: Opener) -> None:
    """Ours and others', with where they stand; older ones are forgotten."""
    act(store, bid_change("t1", "1.20", "1.30"), at=NOW)
    act(store, bid_change("t2", "1.20", "1.30"), at=NOW + timedelta(days=10), status=Status.REJECTED)
    store.save_structure(SHOP, structure(), [edit(at=NOW + timedelta(days=20))], now=NOW + timedelta(days=20))

    for again in (store, opened()):
        for days, expected in ((20, ["t1", "t2", "t0"]), (35, ["t2", "t0"]), (60, [])):
            changes = again.memory(SHOP, as_of=NOW + timedelta(days=days)).changes
            assert expected == [past.ref.id for past in changes]
    assert [Status.CONFIRMED, Status.REJECTED, Status.CONFIRMED] == [
        past.status for past in opened().memory(SHOP, as_of=NOW + timedelta(days=20)).changes
    ]


def test_what_somebody_edited_is_left_alone_for_a_while(store: SqlStore, opened: Opener) -> None:
    """Until the hold period of the account's policy is over."""
    store.save_structure(SHOP, structure(), [edit()], now=NOW)

    until = NOW + timedelta(hours=72)
    for again in (store, opened()):
        assert {T0: until} == again.memory(SHOP, as_of=NOW + HOUR).left_alone
        assert {} == again.memory(SHOP, as_of=until).left_alone


def test_an_edit_that_is_seen_twice_counts_once(store: SqlStore) -> None:
    """Settling and the next look at the structure may both find the same edit."""
    store.save_structure(SHOP, structure(), [edit()], now=NOW)
    store.save_structure(SHOP, structure(), [edit(at=NOW + HOUR)], now=NOW + HOUR)

    assert 1 == len(store.memory(SHOP, as_of=NOW + HOUR).changes)


def test_what_we_paused_is_known_for_ever(store: SqlStore, opened: Opener) -> None:
    """Longer than changes are remembered: only so may we resume it one day."""
    (intent,) = act(store, pause())

    later = NOW + timedelta(days=200)
    for again in (store, opened()):
        assert {T0: intent.created_at} == {
            ref: past.at for ref, past in again.memory(SHOP, as_of=later).paused_by_us.items()
        }


@pytest.mark.parametrize("status", [Status.REJECTED, Status.WITHHELD, Status.UNKNOWN])
def test_a_pause_that_is_not_confirmed_is_not_ours(store: SqlStore, status: Status) -> None:
    """Only a certain pause may be undone by us."""
    act(store, pause(), status=status)

    assert {} == store.memory(SHOP, as_of=NOW).paused_by_us


def test_a_pause_that_was_read_back_is_ours(store: SqlStore, opened: Opener) -> None:
    """An unknown pause that settles as confirmed counts."""
    (intent,) = act(store, pause(), status=Status.UNKNOWN)

    settled = Settlement(intent=intent, status=Status.CONFIRMED, observed=State.PAUSED, seen_old=0, detail="")
    store.settle(SHOP, [settled], now=NOW + HOUR)

    for again in (store, opened()):
        assert [T0] == list(again.memory(SHOP, as_of=NOW + HOUR).paused_by_us)


def test_what_we_resumed_is_no_longer_paused_by_us(store: SqlStore, opened: Opener) -> None:
    """The next pause may be somebody else's."""
    act(store, pause())
    act(store, pause(State.ENABLED), at=NOW + HOUR)

    for again in (store, opened()):
        assert {} == again.memory(SHOP, as_of=NOW + HOUR).paused_by_us


@pytest.mark.parametrize("field", [Field.STATE, Field.BID])
def test_what_somebody_touched_since_is_theirs(store: SqlStore, opened: Opener, field: Field) -> None:
    """Any edit of the entity takes it out of our hands."""
    act(store, pause())
    store.save_structure(SHOP, structure(), [edit(field=field, at=NOW + HOUR)], now=NOW + HOUR)

    for again in (store, opened()):
        assert {} == again.memory(SHOP, as_of=NOW + HOUR).paused_by_us


def test_a_foreign_settlement_is_an_edit_by_somebody_else(store: SqlStore, opened: Opener) -> None:
    """A third value is adopted, remembered and left alone."""
    (intent,) = act(store, bid_change("t0", "1.20", "1.30"), status=Status.UNKNOWN)

    foreign = Settlement(intent=intent, status=Status.FOREIGN, observed=cny("9"), seen_old=0, detail="a person's")
    store.settle(SHOP, [foreign], now=NOW + HOUR)

    for again in (store, opened()):
        memory = again.memory(SHOP, as_of=NOW + HOUR)
        assert [T0] == list(memory.left_alone)
        assert [Status.FOREIGN, Status.CONFIRMED] == [past.status for past in memory.changes]
        assert cny("9") == memory.changes[-1].new


def test_a_new_account_is_only_observed(store: SqlStore, opened: Opener) -> None:
    """For the days of its policy, counted from when it was first read."""
    store.register(SHOP, now=NOW)

    until = NOW + timedelta(days=1)
    for again in (store, opened()):
        assert until == again.memory(SHOP, as_of=NOW + HOUR).observing_until
        assert again.memory(SHOP, as_of=until).observing_until is None


def test_an_account_that_was_never_read_is_observed_from_now(store: SqlStore) -> None:
    """Before anything is in the record, memory says so without writing."""
    memory = store.memory(SHOP, as_of=NOW)

    assert NOW + timedelta(days=1) == memory.observing_until
    assert ("installation", None) == (memory.canary, memory.month_spend_micros)


def test_the_first_acting_cycle_is_a_canary(store: SqlStore, opened: Opener) -> None:
    """After installation, after an upgrade and after a long gap, until something was sent."""
    assert "installation" == store.memory(SHOP, as_of=NOW).canary
    act(store, at=NOW)
    assert "installation" == store.memory(SHOP, as_of=NOW + HOUR).canary

    act(store, bid_change("t0", "1.20", "1.30"), at=NOW + HOUR)

    assert store.memory(SHOP, as_of=NOW + 2 * HOUR).canary is None
    assert opened().memory(SHOP, as_of=NOW + 2 * HOUR).canary is None
    assert "a gap of 30 hours" == store.memory(SHOP, as_of=NOW + 31 * HOUR).canary
    assert "the upgrade from 1.0 to 2.0" == opened(code_version="2.0").memory(SHOP, as_of=NOW + 2 * HOUR).canary


def test_a_withheld_change_is_an_act_in_rehearsal_only(opened: Opener) -> None:
    """Live, a halted or unarmed cycle does not use up the canary."""
    store = opened(mode="live")
    act(store, bid_change("t0", "1.20", "1.30"), status=Status.WITHHELD)
    assert "installation" == store.memory(SHOP, as_of=NOW + HOUR).canary
    assert "installation" == opened(mode="live").memory(SHOP, as_of=NOW + HOUR).canary


def test_stages_and_clearance_lines_come_back(store: SqlStore, opened: Opener) -> None:
    """Lifecycle records are kept by product; an unchanged clearance list is written once."""
    stages = tuple(
        StageRecord(product_id=product.id, stage=stage, since=DAY, entering=1, leaving=2, day=DAY)
        for product, stage in zip(structure(targets=20).products, (Stage.TOP, Stage.SLOW), strict=True)
    )
    line = ClearanceLine(
        product_id=stages[1].product_id, title="x", category="y", stock=3, cover_days=None, price_micros=5,
        margin=0.5, discount=0.25, reentry="next season",
    )  # fmt: skip
    for hour, records in enumerate((stages, (replace(stages[0], entering=3), stages[1]))):
        at, seen = NOW + hour * HOUR, structure(targets=20)
        draft = Draft(changes=(), holds=(), stages=records, clearance=(line,))
        verdict = Verdict(plan=Plan(changes=()), objections=(), holds=())
        store.record(snapshot(store, seen, at=at, days=1), forecast(seen, at=at), draft, verdict)

    expected = {stages[0].product_id: replace(stages[0], entering=3), stages[1].product_id: stages[1]}
    for again in (store, opened()):
        assert expected == again.memory(SHOP, as_of=NOW + HOUR).stages
    with store.database.read() as connection:
        assert [1] == connection.exec_driver_sql("SELECT cycle_id FROM clearance_lines").scalars().all()


def test_spend_of_the_day_is_the_larger_of_both_reports(store: SqlStore, opened: Opener) -> None:
    """By campaign: daily facts of its targets, or hourly facts of the campaign, whichever came later."""
    store.save_structure(SHOP, structure(), (), now=NOW)
    days = DayRange.ending(DAY, days=3)
    yesterday = DAY - timedelta(days=1)
    facts = ((DAY, "t0", 10, 0), (DAY, "t2", 5, 0), (DAY, "t1", 1, 0), (yesterday, "t0", 50, 0))
    store.save_report(SHOP, Grain.DAY, report(facts, at=NOW, days=days))
    hours = report(((DAY, "c0", 12, 0), (DAY, "c1", 3, 0)), at=NOW, days=days, level=Level.CAMPAIGN)
    table = replace(hours.facts, grain=Grain.HOUR, hour=hours.facts.hour + 6)
    store.save_report(SHOP, Grain.HOUR, replace(hours, facts=table))

    for again in (store, opened()):
        memory = again.memory(SHOP, as_of=NOW)
        assert _micros(c0=15, c1=3) == memory.day_spend_micros
        assert 800_000 * 16 == memory.month_spend_micros


def _micros(**clicks: int) -> Mapping[str, int]:
    return {name: 800_000 * number for name, number in clicks.items()}


def test_a_cycle_that_was_held_is_recorded(store: SqlStore) -> None:
    """It has its sentence and says that it was not well."""
    store.finish(SHOP, None, ok=False, sentence="held: the report is stale", now=NOW)

    with store.database.read() as connection:
        row = connection.exec_driver_sql("SELECT ok, sentence, mode FROM cycles").one()
    assert (0, "held: the report is stale", Mode.ACTIVE.value) == (int(row[0]), row[1], row[2])


def test_past_forecasts_are_told_once_the_week_after_them_cannot_change(store: SqlStore) -> None:
    """A Monday's forecast is not told while the week is younger than the window of 7 days, and then with its doubt."""
    monday = NOW - timedelta(days=DAY.weekday())
    seen = structure(at=monday)
    store.save_structure(SHOP, seen, (), now=monday)
    day = day_of(monday, ZONE)
    store.save_report(SHOP, Grain.DAY, report(((day, "t0", 10, 1),), at=monday, days=DayRange(first=day, last=day)))
    bounds = np.full(len(seen.targets), 3e6)
    made = replace(forecast(seen, at=monday), rpc_low_micros=bounds / 3, rpc_high_micros=bounds)
    draft, verdict = planned()
    store.record(snapshot(store, seen, at=monday, days=1), made, draft, verdict)

    early = store.memory(SHOP, as_of=monday + timedelta(days=13)).claims
    late = store.memory(SHOP, as_of=monday + timedelta(days=14)).claims

    assert 0 == len(early)
    assert sorted(target.id for target in seen.targets) == sorted(late.target_ids)
    assert {ordinal(day)} == set(late.day.tolist())
    assert [1.5] * len(late) == late.cvr.tolist()
    assert [3.0] * len(late) == pytest.approx(late.width.tolist())
