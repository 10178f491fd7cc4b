"""What became of changes: intents settle only on what was read back, and what others did is seen and left alone."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bidder.core.change import Change, Field, Intent, PastChange, Settings, Status, Value
from bidder.core.entities import AccountId, Campaign, Editor, EntityRef, State, Structure, Target
from bidder.core.reasons import Code, Reason
from bidder.core.reconcile import Settlement, foreign_edits, settle, verify
from tests.core.builders import NOW, Shop, Word, campaign, past, target, yuan

WINDOW = timedelta(minutes=5)
OLD, NEW, THIRD = yuan(1.0), yuan(1.2), yuan(0.7)
REASON = Reason.of(Code.RESTORE, what="a test")


def intent(
    number: int = 1,
    *,
    ref: EntityRef | None = None,
    field: Field = Field.BID,
    old: Value | None = OLD,
    new: Value = NEW,
    age: timedelta = timedelta(hours=1),
    status: Status = Status.UNKNOWN,
) -> Intent:
    """Return an intent that was recorded some time ago."""
    change = Change(ref=target(0) if ref is None else ref, field=field, old=old, new=new, reason=REASON)
    return Intent(id=number, key=f"k{number}", cycle_id=1, change=change, status=status, created_at=NOW - age)


def seen(
    value: Value | None, *, ref: EntityRef | None = None, field: Field = Field.BID, editor: Editor = Editor.UNKNOWN
) -> Settings:
    """Return the answer of a read-back."""
    return Settings(ref=target(0) if ref is None else ref, values={field: value}, editor=editor)


def settled(one: Intent, *answers: Settings, sightings: int = 0, window: timedelta = WINDOW) -> Settlement:
    """Settle one intent."""
    (found,) = settle([one], answers, settle_after=window, seen_old_counts={one.id: sightings}, now=NOW)
    return found


@pytest.mark.parametrize(
    ("field", "old", "new", "third"),
    [
        (Field.BID, OLD, NEW, THIRD),
        (Field.DAILY_BUDGET, None, yuan(100), yuan(50)),
        (Field.STATE, State.ENABLED, State.PAUSED, State.ARCHIVED),
        (Field.DAYPARTS, None, (1.0,) * 24, (0.5,) * 24),
    ],
)
def test_every_kind_of_value_settles_by_what_is_read_back(field: Field, old: Value, new: Value, third: Value) -> None:
    """New is ours, a third is somebody else's, old twice after the window never happened."""
    one = intent(ref=campaign(), field=field, old=old, new=new)

    found = [settled(one, seen(value, ref=campaign(), field=field), sightings=1) for value in (new, third, old)]

    assert [Status.CONFIRMED, Status.FOREIGN, Status.ABANDONED] == [each.status for each in found]
    assert [new, third, old] == [each.observed for each in found]


@pytest.mark.parametrize("age", [timedelta(0), timedelta(minutes=4, seconds=59), WINDOW])
def test_old_value_within_the_settle_window_says_nothing(age: timedelta) -> None:
    """However often it was read: reads may lag for so long, and the count starts anew."""
    found = settled(intent(age=age), seen(OLD), sightings=7)

    assert (Status.UNKNOWN, 0) == (found.status, found.seen_old)


def test_old_value_counts_only_when_it_is_read_twice_after_the_window() -> None:
    """The first sighting keeps the intent open and is remembered; the second ends it."""
    one = intent(age=WINDOW + timedelta(seconds=1))

    first = settled(one, seen(OLD))
    second = settled(one, seen(OLD), sightings=first.seen_old)

    assert (Status.UNKNOWN, 1) == (first.status, first.seen_old)
    assert (Status.ABANDONED, 2) == (second.status, second.seen_old)


def test_new_value_confirms_even_after_the_old_one_was_seen() -> None:
    """A late write is a write."""
    found = settled(intent(), seen(NEW), sightings=1)

    assert (Status.CONFIRMED, 0) == (found.status, found.seen_old)


@pytest.mark.parametrize("answers", [(), (seen(NEW, ref=target(9)),), (seen(State.PAUSED, field=Field.STATE),)])
def test_what_the_venue_does_not_show_leaves_the_intent_open(answers: tuple[Settings, ...]) -> None:
    """Missing is not failed: nothing is concluded, and earlier sightings are kept."""
    found = settled(intent(age=timedelta(days=30)), *answers, sightings=1)

    assert (Status.UNKNOWN, None, 1) == (found.status, found.observed, found.seen_old)


def test_a_limit_that_is_gone_is_a_third_value() -> None:
    """A budget of ours that the venue now shows as unlimited was taken away by somebody."""
    one = intent(ref=campaign(), field=Field.DAILY_BUDGET, old=yuan(100), new=yuan(120))

    found = settled(one, seen(None, ref=campaign(), field=Field.DAILY_BUDGET), sightings=1)

    assert (Status.FOREIGN, None) == (found.status, found.observed)


def test_every_intent_is_answered_in_order_by_its_own_entity() -> None:
    """Answers are matched by entity, not by position."""
    intents = [intent(1, ref=target(1)), intent(2, ref=target(2)), intent(3, ref=target(3))]
    answers = [seen(THIRD, ref=target(3)), seen(NEW, ref=target(1))]

    found = settle(intents, answers, settle_after=WINDOW, seen_old_counts={}, now=NOW)

    assert [1, 2, 3] == [each.intent.id for each in found]
    assert [Status.CONFIRMED, Status.UNKNOWN, Status.FOREIGN] == [each.status for each in found]


@given(
    reads=st.lists(st.tuples(st.integers(0, 20), st.sampled_from(["old", "missing", "new", "third"])), max_size=8),
    window=st.integers(0, 10),
)
def test_no_history_of_read_backs_ends_an_intent_without_proof(reads: list[tuple[int, str]], window: int) -> None:
    """ABANDONED needs the old value at the last two answers after the window; the rest needs the value itself."""
    values = {"old": OLD, "new": NEW, "third": THIRD}
    one, minutes, count, late = intent(age=timedelta(0)), 0, 0, 0

    for wait, what in reads:
        minutes += wait
        late = late + 1 if what == "old" and minutes > window else late
        (found,) = settle(
            [one],
            [] if what == "missing" else [seen(values[what])],
            settle_after=timedelta(minutes=window),
            seen_old_counts={one.id: count},
            now=NOW + timedelta(minutes=minutes),
        )
        count = found.seen_old
        expected = {"new": Status.CONFIRMED, "third": Status.FOREIGN}.get(
            what, Status.ABANDONED if what == "old" and late == 2 else Status.UNKNOWN
        )
        assert expected == found.status
        if found.status is not Status.UNKNOWN:
            break


@pytest.mark.parametrize(
    ("value", "expected"), [(NEW, []), (OLD, [Status.UNKNOWN]), (THIRD, [Status.FOREIGN]), (None, [Status.FOREIGN])]
)
def test_verify_reopens_only_what_reads_back_differently(value: Value | None, expected: list[Status]) -> None:
    """The old value may be a lagging read; any other is somebody else's."""
    found = verify([intent(status=Status.CONFIRMED)], [seen(value)])

    assert expected == [each.status for each in found]


def test_verify_says_nothing_of_entities_that_are_not_shown() -> None:
    """Confirmed stays confirmed without an answer."""
    confirmed = [intent(1, status=Status.CONFIRMED), intent(2, ref=target(2), status=Status.CONFIRMED)]

    found = verify(confirmed, [seen(State.PAUSED, field=Field.STATE), seen(NEW, ref=target(7))])

    assert () == found


def shop() -> Structure:
    """Return a campaign with two targets at 1.00."""
    return Shop(words=(Word(), Word()), budgets={"c0": 500.0}).structure()


def with_target(structure: Structure, number: int, **changes: object) -> Structure:
    """Return the structure with one target edited."""
    edited: list[Target] = list(structure.targets)
    edited[number] = replace(edited[number], **changes)  # type: ignore[arg-type]
    return replace(structure, targets=tuple(edited))


def with_campaign(structure: Structure, **changes: object) -> Structure:
    """Return the structure with its campaign edited."""
    edited: Campaign = replace(structure.campaigns[0], **changes)  # type: ignore[arg-type]
    return replace(structure, campaigns=(edited,))


def found_in(current: Structure, *ours: PastChange) -> list[tuple[EntityRef, Field, Value | None, Value]]:
    """Return the edits since `shop` as plain tuples."""
    return [(edit.ref, edit.field, edit.old, edit.new) for edit in foreign_edits(shop(), current, ours, now=NOW)]


def test_nothing_moved_is_no_edit() -> None:
    """Nor is a first look, nor another account's structure."""
    moved = with_target(shop(), 0, bid=THIRD)

    assert [] == found_in(shop())
    assert () == foreign_edits(None, moved, (), now=NOW)
    assert () == foreign_edits(shop(), replace(moved, account_id=AccountId("other")), (), now=NOW)


def test_every_setting_that_others_move_is_found() -> None:
    """Budgets, states, hour factors, lent bids and own bids, each with what stood before."""
    group = replace(shop().ad_groups[0], default_bid=yuan(2))
    current = with_campaign(shop(), daily_budget=yuan(900), dayparts=(1.5,) * 24)
    current = replace(with_target(current, 1, state=State.PAUSED, bid=yuan(3)), ad_groups=(group,))

    found = found_in(current)

    assert {
        ("campaign:c0", Field.DAILY_BUDGET, yuan(500), yuan(900)),
        ("campaign:c0", Field.DAYPARTS, None, (1.5,) * 24),
        ("ad_group:gc0", Field.BID, yuan(1), yuan(2)),
        ("target:t1", Field.STATE, State.ENABLED, State.PAUSED),
        ("target:t1", Field.BID, yuan(1), yuan(3)),
    } == {(str(ref), field, old, new) for ref, field, old, new in found}
    assert 5 == len(found)


def test_what_is_no_setting_of_ours_is_no_edit() -> None:
    """A new name, a new target and a target that is gone are not edits of settings."""
    renamed = with_target(with_campaign(shop(), name="other"), 0, text="other")
    fewer = Shop(words=(Word(),)).structure()

    assert [] == found_in(renamed)
    assert [] == found_in(fewer)
    assert () == foreign_edits(fewer, shop(), (), now=NOW)


@pytest.mark.parametrize("status", [Status.CONFIRMED, Status.PENDING, Status.UNKNOWN])
def test_a_value_that_we_may_have_written_is_ours(status: Status) -> None:
    """Also where the answer was lost, and where an earlier value of ours shows only now."""
    ours = past(target(0), Field.BID, OLD, NEW, hours_ago=2, status=status)
    later = past(target(0), Field.BID, NEW, yuan(1.4), hours_ago=1, status=status)

    assert [] == found_in(with_target(shop(), 0, bid=NEW), ours, later)


@pytest.mark.parametrize(
    "ours",
    [
        past(target(0), Field.BID, OLD, NEW, hours_ago=2, status=Status.REJECTED),
        past(target(0), Field.BID, OLD, NEW, hours_ago=2, status=Status.WITHHELD),
        past(target(0), Field.BID, OLD, NEW, hours_ago=2, status=Status.ABANDONED),
        past(target(0), Field.BID, OLD, NEW, hours_ago=2, actor=Editor.PERSON),
        past(target(1), Field.BID, OLD, NEW, hours_ago=2),
        past(campaign(), Field.DAILY_BUDGET, OLD, NEW, hours_ago=2),
        past(target(0), Field.BID, OLD, yuan(1.1), hours_ago=2),
        past(target(0), Field.BID, OLD, NEW, hours_ago=73),
    ],
    ids=["rejected", "withheld", "abandoned", "a person's", "other entity", "other field", "other value", "long ago"],
)
def test_a_value_that_we_did_not_write_is_foreign(ours: PastChange) -> None:
    """Only a change of ours of late, to this very value, which may have reached the venue, makes it ours."""
    assert [(target(0), Field.BID, OLD, NEW)] == found_in(with_target(shop(), 0, bid=NEW), ours)


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        (Editor.PERSON, Editor.PERSON),
        (Editor.PLATFORM, Editor.PLATFORM),
        (Editor.UNKNOWN, Editor.UNKNOWN),
        (Editor.DAEMON, Editor.UNKNOWN),
    ],
)
def test_the_editor_is_who_the_venue_names_but_never_us(told: Editor, expected: Editor) -> None:
    """Our name on a value that we did not write may be somebody who shares our access."""
    (edit,) = foreign_edits(shop(), with_target(shop(), 0, bid=THIRD, last_editor=told), (), now=NOW)

    assert (expected, Status.CONFIRMED, "FOREIGN", NOW) == (edit.actor, edit.status, edit.reason_code, edit.at)


def test_our_own_change_beside_anothers_on_one_entity_are_told_apart() -> None:
    """We moved the bid, somebody else paused the target."""
    ours = past(target(0), Field.BID, OLD, NEW, hours_ago=1)

    found = found_in(with_target(shop(), 0, bid=NEW, state=State.PAUSED), ours)

    assert [(target(0), Field.STATE, State.ENABLED, State.PAUSED)] == found
