"""Only money that is certain is spent: whatever the venue answers, its budgets never add up to more than the cap."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bidder.core.change import Change, Intent, Status
from bidder.core.entities import State, Structure
from bidder.core.funding import UNLIMITED, Book, batches, needs_money, safe_order, worst_case
from bidder.core.money import Money
from tests.core.builders import NOW, Shop, Word, bid, budget, campaign, hours, state

ANSWERS = (Status.CONFIRMED, Status.REJECTED, Status.UNKNOWN)


def shop(budgets: Mapping[str, float | None], **campaigns: Mapping[str, object]) -> Structure:
    """Return an account with one target for each campaign named."""
    words = [Word(campaign=name) for name in budgets]
    return Shop(words=words, budgets=budgets, campaigns=campaigns).structure()


def intents(changes: Sequence[Change]) -> list[Intent]:
    """Return what would be recorded of a plan."""
    return [
        Intent(id=n, key=f"k{n}", cycle_id=1, change=c, status=Status.PENDING, created_at=NOW + timedelta(seconds=n))
        for n, c in enumerate(changes)
    ]


@dataclass(frozen=True, kw_only=True)
class Case:
    """A campaign, what is wanted of it, and what the venue will answer.

    Attributes:
        shared: Spends from a budget of 50 that two campaigns share.
        wanted: New budget, or None for a change of the state.
        lands: Whether a change without a certain answer was carried out all the same.
    """

    on: bool
    shared: bool
    old: int
    wanted: int | None
    answer: Status
    lands: bool
    gain: int

    @property
    def seen(self) -> int:
        """The budget shown."""
        return 50 if self.shared else self.old

    def change(self, name: str) -> Change:
        """Return the change wanted."""
        if self.wanted is None:
            return state(campaign(name), State.PAUSED if self.on else State.ENABLED, self.gain)
        return budget(name, self.seen, self.wanted, self.gain)


class Venue:
    """What really stands: one figure for each budget, and who runs."""

    def __init__(self, cases: Sequence[Case]) -> None:
        self.lever = {f"c{n}": "both" if case.shared else f"c{n}" for n, case in enumerate(cases)}
        self.budgets = {self.lever[f"c{n}"]: case.seen for n, case in enumerate(cases)}
        self.running = {f"c{n}" for n, case in enumerate(cases) if case.on}

    def carry_out(self, change: Change) -> None:
        """Let a change stand."""
        match change.new:
            case Money() as new:
                self.budgets[self.lever[change.ref.id]] = new.micros // 1_000_000
            case State.ENABLED:
                self.running.add(change.ref.id)
            case _:
                self.running.discard(change.ref.id)

    @property
    def total(self) -> int:
        """Yuan a day that all running budgets add up to, a shared one once."""
        return sum(self.budgets[lever] for lever in {self.lever[name] for name in self.running})


def campaigns_wanted() -> st.SearchStrategy[list[Case]]:
    """Draw accounts; at most one campaign in three shares the budget."""
    case = st.builds(
        Case,
        on=st.booleans(),
        shared=st.sampled_from([False, False, True]),
        old=st.integers(1, 100),
        wanted=st.one_of(st.integers(1, 150), st.integers(1, 150), st.none()),
        answer=st.sampled_from(ANSWERS),
        lands=st.booleans(),
        gain=st.integers(-5_000, 5_000),
    )
    return st.lists(case, min_size=1, max_size=8)


def structure_of(cases: Sequence[Case]) -> Structure:
    """Return what the venue shows before anything is sent."""
    shown: dict[str, Mapping[str, object]] = {
        f"c{n}": {
            "state": State.ENABLED if case.on else State.PAUSED,
            "shared_budget_id": "both" if case.shared else None,
        }
        for n, case in enumerate(cases)
    }
    return shop({f"c{n}": float(case.seen) for n, case in enumerate(cases)}, **shown)


def folded(structure: Structure, record: Sequence[tuple[Change, Status]]) -> Book:
    """Return the book after all that is on record."""
    book = Book.of(structure)
    for change, status in record:
        book = book.after(change, status)
    return book


@given(cases=campaigns_wanted(), room=st.integers(-100, 150), size=st.integers(1, 4))
@example(  # A raise beside a cut that is never answered and never happened.
    cases=[
        Case(on=True, shared=False, old=100, wanted=40, answer=Status.UNKNOWN, lands=False, gain=0),
        Case(on=True, shared=False, old=100, wanted=150, answer=Status.CONFIRMED, lands=True, gain=9),
    ],
    room=0,
    size=4,
)
@settings(max_examples=250)
def test_the_venues_true_total_stays_within_the_cap_at_every_moment_whatever_it_answers(
    cases: list[Case], room: int, size: int
) -> None:
    """Sent in safe order and in batches; where the cap was exceeded before, nothing of ours makes it worse."""
    venue, structure = Venue(cases), structure_of(cases)
    cap = max(venue.total + room, 0)
    plan = safe_order([case.change(f"c{n}") for n, case in enumerate(cases)])
    answers = {f"c{n}": case for n, case in enumerate(cases)}

    record: list[tuple[Change, Status]] = []
    for batch in batches(intents(plan), size):
        sent: list[Change] = []
        for change in (intent.change for intent in batch):
            if folded(structure, record).fits(change, cap * 1_000_000):
                record.append((change, Status.PENDING))
                sent.append(change)
        for change in sent:
            case, before = answers[change.ref.id], venue.total
            if case.answer is Status.CONFIRMED or (case.answer is Status.UNKNOWN and case.lands):
                venue.carry_out(change)

            assert venue.total <= max(cap, before)
            record[record.index((change, Status.PENDING))] = (change, case.answer)
            assert venue.total * 1_000_000 <= folded(structure, record).total_micros


@given(cases=campaigns_wanted(), size=st.integers(1, 4))
def test_batches_keep_order_and_size_and_never_mix_both_directions(cases: list[Case], size: int) -> None:
    """An increase waits for the answers to the decreases before it."""
    plan = intents(safe_order([case.change(f"c{n}") for n, case in enumerate(cases)]))

    cut = list(batches(plan, size))

    assert plan == [intent for batch in cut for intent in batch]
    assert all(1 <= len(batch) <= size for batch in cut)
    assert all(1 == len({intent.change.raises for intent in batch}) for batch in cut)
    assert all(
        len(first) == size or first[-1].change.raises != second[0].change.raises for first, second in pairwise(cut)
    )


def test_a_batch_holds_at_least_one_change() -> None:
    """A size of nothing would send nothing for ever."""
    with pytest.raises(ValueError, match="at least one"):
        list(batches(intents([bid(0, 1, 2)]), 0))


def test_no_intents_give_no_batch() -> None:
    """Nothing is asked of the venue."""
    assert [] == list(batches([], 5))


def test_money_is_freed_before_it_is_used() -> None:
    """Lower budgets, lower bids, pauses, then what raises."""
    resume, raised = state(campaign("c2"), State.ENABLED), budget("c0", 50, 60)
    pause, lower, cut = state(campaign("c3"), State.PAUSED), bid(0, 1.0, 0.9), budget("c1", 60, 50)

    order = safe_order([raised, pause, lower, cut])

    assert (cut, lower, pause, raised) == order
    assert resume == safe_order([resume, pause])[-1]


def test_the_increase_that_gains_most_per_yuan_goes_first() -> None:
    """A hundred gained on ten yuan stand before two hundred gained on forty."""
    dear, cheap, cut = budget("c0", 50, 90, gain=200), budget("c1", 50, 60, gain=100), budget("c2", 50, 40)

    assert (cut, cheap, dear) == safe_order([dear, cheap, cut])


def test_equals_keep_the_order_given() -> None:
    """So that equal inputs give equal plans."""
    first, second, third = (budget(f"c{n}", 50, 40) for n in range(3))

    assert (first, second, third) == safe_order([first, second, third])
    assert (third, first, second) == safe_order([third, first, second])


@pytest.mark.parametrize(
    ("status", "lowered", "raised"),
    [
        (Status.CONFIRMED, 40, 70),
        (Status.REJECTED, 50, 50),
        (Status.WITHHELD, 50, 50),
        (Status.ABANDONED, 50, 50),
        (Status.PENDING, 50, 70),
        (Status.UNKNOWN, 50, 70),
        (Status.FOREIGN, 50, 70),
    ],
)
def test_an_open_question_counts_at_the_dearer_value(status: Status, lowered: int, raised: int) -> None:
    """A decrease frees its money once it is confirmed, an increase takes it until it is surely refused."""
    assert (lowered, raised) == (worst_case(50, 40, status), worst_case(50, 70, status))

    book = Book.of(shop({"c0": 50.0, "c1": 30.0}))

    assert (lowered + 30) * 1_000_000 == book.after(budget("c0", 50, 40), status).total_micros
    assert (raised + 30) * 1_000_000 == book.after(budget("c0", 50, 70), status).total_micros


@pytest.mark.parametrize(
    ("status", "paused", "resumed"),
    [
        (Status.CONFIRMED, 30, 130),
        (Status.REJECTED, 80, 80),
        (Status.WITHHELD, 80, 80),
        (Status.ABANDONED, 80, 80),
        (Status.PENDING, 80, 130),
        (Status.UNKNOWN, 80, 130),
        (Status.FOREIGN, 80, 130),
    ],
)
def test_a_campaign_that_may_run_counts_with_its_whole_budget(status: Status, paused: int, resumed: int) -> None:
    """A pause frees it only when confirmed; a resumption needs it until it surely did not happen."""
    book = Book.of(shop({"c0": 50.0, "c1": 30.0, "c2": 50.0}, c2={"state": State.PAUSED}))

    assert paused * 1_000_000 == book.after(state(campaign("c0"), State.PAUSED), status).total_micros
    assert resumed * 1_000_000 == book.after(state(campaign("c2"), State.ENABLED), status).total_micros


@pytest.mark.parametrize(
    ("seen", "counts"), [(State.ENABLED, True), (State.OTHER, True), (State.PAUSED, False), (State.ARCHIVED, False)]
)
def test_a_campaign_in_a_state_we_do_not_know_counts_as_running(seen: State, *, counts: bool) -> None:
    """Only what is surely off costs nothing."""
    book = Book.of(shop({"c0": 50.0}, c0={"state": seen}))

    assert (50_000_000 if counts else 0) == book.total_micros


def test_a_shared_budget_counts_once_until_all_its_campaigns_are_off() -> None:
    """Two campaigns on one budget of 50 beside one of 30 cost 80, and pausing one of the two frees nothing."""
    both: Mapping[str, object] = {"shared_budget_id": "b"}
    book = Book.of(shop({"c0": 50.0, "c1": 50.0, "c2": 30.0}, c0=both, c1=both))

    one_off = book.after(state(campaign("c0"), State.PAUSED), Status.CONFIRMED)
    both_off = one_off.after(state(campaign("c1"), State.PAUSED), Status.CONFIRMED)

    assert [80_000_000, 80_000_000, 30_000_000] == [b.total_micros for b in (book, one_off, both_off)]
    assert 100_000_000 == book.after(budget("c1", 50, 70), Status.UNKNOWN).total_micros


def test_a_shared_budget_shown_twice_differently_counts_at_the_dearer_figure() -> None:
    """What is not certain is not free."""
    both: Mapping[str, object] = {"shared_budget_id": "b"}

    assert 60_000_000 == Book.of(shop({"c0": 50.0, "c1": 60.0}, c0=both, c1=both)).total_micros


def test_a_campaign_without_a_limit_leaves_nothing_certain_until_it_is_bounded_or_paused() -> None:
    """Its total is beyond any cap; a limit or a pause that is confirmed brings it back."""
    book = Book.of(shop({"c0": None, "c1": 30.0}))
    bounded = budget("c0", None, 60)

    assert UNLIMITED == book.total_micros
    assert book.fits(bounded, 0)
    assert UNLIMITED == book.after(bounded, Status.UNKNOWN).total_micros
    assert 90_000_000 == book.after(bounded, Status.CONFIRMED).total_micros
    assert 30_000_000 == book.after(state(campaign("c0"), State.PAUSED), Status.CONFIRMED).total_micros


def test_resuming_a_campaign_without_a_limit_never_fits() -> None:
    """No cap is large enough."""
    book = Book.of(shop({"c0": None, "c1": 30.0}, c0={"state": State.PAUSED}))

    assert not book.fits(state(campaign("c0"), State.ENABLED), 10**15)


def test_an_increase_fits_to_the_last_micro() -> None:
    """The cap itself is allowed, one micro less is not."""
    book, raised = Book.of(shop({"c0": 50.0, "c1": 30.0})), budget("c0", 50, 70)

    assert book.fits(raised, 100_000_000)
    assert not book.fits(raised, 99_999_999)


def test_decreases_and_pauses_fit_where_the_cap_is_exceeded_already() -> None:
    """Too much money out is a reason to take some back, never to hold that up."""
    book = Book.of(shop({"c0": 50.0, "c1": 30.0}))

    assert book.fits(budget("c0", 50, 40), 10_000_000)
    assert book.fits(state(campaign("c0"), State.PAUSED), -1)
    assert book.fits(bid(0, 1.0, 1.2), 10_000_000)
    assert not book.fits(budget("c0", 50, 51), 10_000_000)


def test_what_moves_no_budget_leaves_the_book_as_it_is() -> None:
    """Bids, hours and campaigns that the book does not know."""
    book = Book.of(shop({"c0": 50.0}))

    for change in (bid(0, 1.0, 2.0), hours(*[2.0] * 24), budget("elsewhere", 1, 99)):
        assert book == book.after(change, Status.CONFIRMED)


@pytest.mark.parametrize(
    ("change", "needs"),
    [
        (budget("c0", 50, 60), True),
        (state(campaign("c0"), State.ENABLED), True),
        (budget("c0", 60, 50), False),
        (budget("c0", None, 50), False),
        (state(campaign("c0"), State.PAUSED), False),
        (bid(0, 1.0, 2.0), False),
        (hours(*[2.0] * 24), False),
    ],
)
def test_only_larger_budgets_and_resumed_campaigns_need_money(change: Change, *, needs: bool) -> None:
    """A bid is bounded by the budget above it."""
    assert needs is needs_money(change)
