"""Guards have the last word: they remove and shrink, never add or enlarge, and say why of every change they touch."""

from __future__ import annotations

import math
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bidder.core.change import Change, Field, PastChange, Status, Value
from bidder.core.entities import Editor, EntityKind, EntityRef, State
from bidder.core.guards import guard
from bidder.core.last_one import leaving_some
from bidder.core.layout import Layout
from bidder.core.money import Money
from bidder.core.plan import Draft, Hold, Verdict
from bidder.core.policy import LimitPolicy, Policy, ProtectPolicy
from bidder.core.reasons import Code, Reason
from bidder.core.snapshot import Memory, Mode
from bidder.core.venue import Capability
from tests.core.builders import (
    LEVERS,
    NOW,
    WHY,
    Shop,
    Word,
    bid,
    budget,
    campaign,
    changes_of,
    hold_code,
    hours,
    past,
    policy,
    profile,
    state,
    target,
    yuan,
)

TO_CAP = Reason.of(Code.BUDGET_TO_CAP, cap="1", old="2", new="3")
FORCED = (Reason.of(Code.PAUSE_STOCK, product="p0", stock=0), Reason.of(Code.PAUSE_OVER_CAP, cap="1", least="2"))
RULES = profile(supports=LEVERS | {Capability.SET_DAYPARTS}, overdelivery=1.25)
TEN = Shop(words=[*(Word(campaign=f"c{n % 5}") for n in range(10)), Word(state=State.PAUSED)], rules=RULES)
"""Ten targets at a bid of 1 in five campaigns of 500 a day each, and one that a person paused."""


def judged(*changes: Change, shop: Shop = TEN, rules: Policy | None = None, **snapshot: Any) -> Verdict:
    """Return what the guards say, under a cap of 10,000 where no policy is given."""
    return guard(Draft(changes=changes, holds=()), shop.snapshot(**snapshot), rules or policy(10_000))


def limits(cap: float = 10_000, **changes: object) -> Policy:
    """Return a policy with some limits changed."""
    return policy(cap, limits=LimitPolicy(**changes))  # type: ignore[arg-type]


def new_values(verdict: Verdict) -> dict[str, Value]:
    """Return what goes out, by entity."""
    return {change.ref.id: change.new for change in verdict.plan.changes}


def moved(old: float, new: float, *, hours_ago: float = 5, number: int = 0, **others: Any) -> PastChange:
    """Return an earlier change of a bid."""
    return past(target(number), Field.BID, yuan(old), yuan(new), hours_ago=hours_ago, **others)


def codes(verdict: Verdict) -> list[str]:
    """Return the names of all objections."""
    return [objection.reason.code.name for objection in verdict.objections]


def drafts() -> st.SearchStrategy[list[Change]]:
    """Draw changes of every kind, some on a wrong view of things, off the grid or absurd."""
    names, numbers, gains = st.integers(0, 5).map("c{}".format), st.integers(0, 11), st.integers(-10, 10)
    amounts = st.one_of(st.integers(-100, 10_000).map(lambda n: n / 1_000), st.sampled_from([1e10, 4.7e12, 1.2, 1.3]))
    bids = st.builds(bid, numbers, st.sampled_from([1.0, 1.0, 1.0, 2.0]), amounts, gains)
    budgets = st.builds(
        budget, names, st.sampled_from([500.0, 500.0, 400.0]), st.integers(0, 20_000).map(lambda n: n / 10), gains
    )
    wanted = st.sampled_from([State.PAUSED, State.PAUSED, State.ENABLED, State.OTHER])
    states = st.builds(state, st.one_of(names.map(campaign), numbers.map(target)), wanted, gains)
    return st.lists(st.one_of(bids, budgets, states), max_size=14, unique_by=lambda c: (c.ref, c.field))


@given(wanted=drafts(), cap=st.integers(0, 4_000), mode=st.sampled_from(Mode), radius=st.integers(1, 12))
@settings(max_examples=200)
def test_guards_only_remove_or_shrink_what_is_drafted(wanted: list[Change], cap: int, mode: Mode, radius: int) -> None:
    """Every change that goes out was wanted, and moves the same way by no more; what is removed is answered for."""
    by_key, rules = {(c.ref, c.field): c for c in wanted}, limits(cap, max_changed_entities=radius)

    verdict = judged(*wanted, rules=rules, mode=mode)

    plan = verdict.plan.changes
    assert len(plan) == len({(change.ref, change.field) for change in plan})
    for change in plan:
        asked = by_key[change.ref, change.field]
        assert (asked.old, asked.reason, asked.gain_micros) == (change.old, change.reason, change.gain_micros)
        match asked.old, change.new, asked.new:
            case Money() as old, Money() as left, Money() as most:
                assert min(old, most) <= left <= max(old, most)
                assert left != old
            case _:
                assert asked.new == change.new
    assert {c.ref for c in wanted} - {c.ref for c in plan} == {hold.ref for hold in verdict.holds}
    assert len({change.ref for change in plan}) <= radius
    assert not plan or mode is not Mode.HALTED
    assert mode is Mode.ACTIVE or not any(change.raises for change in plan)


@given(wanted=drafts(), cap=st.integers(0, 4_000))
@settings(max_examples=150)
def test_what_goes_out_keeps_step_grid_bounds_and_cap(wanted: list[Change], cap: int) -> None:
    """A bid of 1 moves between 0.80 and 1.20, a budget of 500 between 350 and 650, all budgets together within cap."""
    verdict = judged(*wanted, rules=limits(cap))

    total, paused = dict.fromkeys((f"c{n}" for n in range(5)), 500), 0
    for change in verdict.plan.changes:
        match change.new:
            case Money() as new if change.field is Field.BID:
                assert new.micros in range(800_000, 1_200_001, 10_000)
            case Money() as new:
                assert new.micros in range(350_000_000, 650_000_001, 1_000_000)
                total[change.ref.id] = min(total[change.ref.id], 1) * new.micros // 1_000_000
            case _ if change.ref.kind is EntityKind.CAMPAIGN:
                total[change.ref.id] = 0
            case _:
                paused += 1
    raised = any(c.field is Field.DAILY_BUDGET and c.raises and total[c.ref.id] for c in verdict.plan.changes)
    assert not raised or sum(total.values()) <= cap
    assert paused <= 2


def test_an_empty_draft_stays_empty_and_keeps_its_holds() -> None:
    """Nothing wanted is nothing done, never everything."""
    hold = Hold(ref=target(0), reason=Reason.of(Code.READ_ONLY))

    verdict = guard(Draft(changes=(), holds=(hold,)), TEN.snapshot(), policy())

    assert (0, (), (hold,)) == (len(verdict.plan), verdict.objections, verdict.holds)


def test_reducing_lets_out_only_what_lowers_spend() -> None:
    """Lower bids, lower budgets and pauses; no raise and no resumption."""
    shop = Shop(words=[Word(), Word(), Word(state=State.PAUSED)], rules=RULES)
    was = past(target(2), Field.STATE, State.ENABLED, State.PAUSED, hours_ago=90)
    raises = (bid(0, 1, 1.1), budget("c0", 500, 550), state(target(2), State.ENABLED), hours(*[1.5] * 24))
    memory = Memory(paused_by_us={target(2): was})

    verdict = judged(*raises, bid(1, 1, 0.9), mode=Mode.REDUCING, shop=shop, memory=memory)

    assert {"t1": yuan(0.9)} == new_values(verdict)
    assert ["REDUCING"] * 4 == codes(verdict)
    assert 5 == len(judged(*raises, bid(1, 1, 0.9), shop=shop, memory=memory).plan)


@pytest.mark.parametrize(
    ("mode", "more", "out"), [(Mode.HALTED, None, 0), (Mode.ACTIVE, 1, 0), (Mode.ACTIVE, 0, 2), (Mode.ACTIVE, -1, 2)]
)
def test_nothing_goes_out_while_halted_or_only_observing(mode: Mode, more: int | None, out: int) -> None:
    """Not even a decrease; observing ends at its instant."""
    until = None if more is None else NOW + timedelta(hours=more)

    verdict = judged(bid(0, 1, 0.9), bid(1, 1, 1.1), mode=mode, memory=Memory(observing_until=until))

    assert out == len(verdict.plan)
    assert ["HALTED"] * (2 - out) == codes(verdict)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (bid(0, 1.5, 1.4), "NOT_AS_SEEN"), (bid(0, None, 1.1), "NOT_AS_SEEN"), (bid(99, 1, 1.1), "NOT_AS_SEEN"),
        (budget("c9", 500, 450), "NOT_AS_SEEN"), (bid(1, 1, 0.9), "IN_DOUBT"), (bid(2, 1, 0.9), "HANDS_OFF"),
        (state(EntityRef(EntityKind.AD_GROUP, "gc0"), State.PAUSED), "NOT_AS_SEEN"),
        (state(target(10), State.ENABLED), "NOT_PAUSED_BY_US"), (state(target(4), State.ARCHIVED), "NOT_FINITE"),
        *((hours(*bad), "NOT_FINITE") for bad in [(math.nan,) * 24, (-0.1,) * 24, (10.1,) * 168, (1.0,) * 23]),
        (bid(4, 1, 0), "NOT_FINITE"), (bid(4, 1, -1), "NOT_FINITE"), (hours(*[math.inf] * 24), "NOT_FINITE"),
        (Change(ref=target(4), field=Field.BID, old=yuan(1), new=Money(2**62, "CNY"), reason=WHY), "NOT_FINITE"),
        (Change(ref=target(4), field=Field.BID, old=None, new=Money(1_100_000, "JPY"), reason=WHY), "NOT_FINITE"),
    ],
)  # fmt: skip
def test_what_does_not_fit_the_world_is_removed_and_held(change: Change, code: str) -> None:
    """Another old value, an unknown entity, no such lever, frozen, edited by somebody else, or no sane value."""
    left_alone = {target(2): NOW + timedelta(hours=1), target(3): NOW}
    memory = Memory(frozen=frozenset({target(1)}), left_alone=left_alone)

    verdict = judged(change, bid(3, 1, 0.9), memory=memory)

    assert {"t3": yuan(0.9)} == new_values(verdict)
    assert [code] == codes(verdict)
    assert code == hold_code(verdict, change.ref)


@pytest.mark.parametrize(
    ("old", "wanted", "left", "code"),
    [
        (1, 5, 1.2, "STEP_LIMIT"), (1, 0.1, 0.8, "STEP_LIMIT"), (1, 1.21, 1.2, "STEP_LIMIT"), (1, 1.2, 1.2, None),
        (1, 0.8, 0.8, None), (1, 1.119, 1.11, "OFF_GRID"), (1, 1.009, None, "OFF_GRID"),
        (0.13, 0.05, 0.11, "STEP_LIMIT"), (0.13, 9, 0.15, "STEP_LIMIT"),
    ],
)  # fmt: skip
def test_a_bid_moves_by_a_fifth_and_on_the_grid(
    old: float, wanted: float, left: float | None, code: str | None
) -> None:
    """Larger moves are shrunk, rounding never lengthens a step, and what is finer than the grid is no move."""
    verdict = judged(bid(0, old, wanted), shop=Shop(words=[Word(bid=old)]))

    assert ({} if left is None else {"t0": yuan(left)}) == new_values(verdict)
    assert ([] if code is None else [code]) == codes(verdict)


@pytest.mark.parametrize(
    ("moves", "up", "down"),
    [
        ([moved(0.9, 1)], 1.08, 0.8),
        ([moved(1.1, 1)], 1.2, 0.88),
        ([moved(0.9, 1, hours_ago=11)], 1.2, 0.8),
        ([moved(0.9, 1, status=Status.REJECTED)], 1.2, 0.8),
        ([moved(0.9, 1, status=Status.UNKNOWN)], 1.08, 0.8),
        ([moved(0.9, 1, actor=Editor.PERSON)], 1.2, 0.8),
        ([moved(0.85, 0.95, hours_ago=8), moved(0.95, 1)], 1.02, 0.8),
    ],
    ids=["raised", "lowered", "before midnight", "rejected", "unknown", "a person's", "twice"],
)
def test_a_days_net_move_counts_from_the_venues_midnight(moves: list[PastChange], up: float, down: float) -> None:
    """It is ten in the morning in Shanghai; a person's own edit starts the day anew."""
    verdicts = [judged(bid(0, 1, wanted), memory=Memory(changes=tuple(moves))) for wanted in (9, 0.1)]

    assert [{"t0": yuan(up)}, {"t0": yuan(down)}] == [new_values(verdict) for verdict in verdicts]


def test_a_budget_brought_under_the_cap_may_fall_further_than_a_step() -> None:
    """Too much money out is taken back at once; any other reason keeps to the step of three tenths."""
    verdict = judged(budget("c0", 500, 100, why=TO_CAP), budget("c1", 500, 100))

    assert {"c0": yuan(100), "c1": yuan(350)} == new_values(verdict)


@pytest.mark.parametrize(
    ("old", "wanted", "low", "high", "left"),
    [
        (1, 0.5, 0.905, 1.1, 0.91), (1, 1.5, 0.9, 1.1, 1.1), (5, 1, 0.5, 1, 4), (1, 9, 0.5, 2, 1.2), (1, 3, 3, 9, 1.2),
        (5, 6, 2, 4, None), (1, 0.9, 2, 4, None), (None, 0.04, 0.01, 9, None), (0.05, 0.04, 0.01, 9, None),
        (99, 120, 0.5, 999, 99.99),
    ],
)  # fmt: skip
def test_bounds_hold_a_bid_inside_and_never_defeat_the_step_limit(
    old: float | None, wanted: float, low: float, high: float, left: float | None
) -> None:
    """A ceiling lowered far below a bid is neared by a fifth, and a bid outside its bounds moves no further out."""
    rules = limits(bid_floor=yuan(low), bid_ceiling=yuan(high))

    verdict = judged(bid(0, old, wanted), shop=Shop(words=[Word(bid=old)]), rules=rules)

    assert ({} if left is None else {"t0": yuan(left)}) == new_values(verdict)


def test_a_budget_stays_above_its_floor() -> None:
    """The policy's, where it is higher than the venue's."""
    assert {"c0": yuan(450)} == new_values(judged(budget("c0", 500, 400), rules=limits(budget_floor=yuan(450))))


@pytest.mark.parametrize(("share", "out"), [(0.2, {"t3", "t4"}), (0.05, {"t4"}), (0.0, set())])
def test_pauses_keep_to_their_share_of_what_is_enabled(share: float, out: set[str]) -> None:
    """A fifth of ten targets is two: those with most to gain; a small share allows one, none allows none."""
    verdict = judged(*(state(target(n), State.PAUSED, gain=n) for n in range(5)), rules=limits(max_paused_share=share))

    assert out == set(new_values(verdict))
    assert ["PAUSE_SHARE"] * (5 - len(out)) == codes(verdict)


@pytest.mark.parametrize("why", [WHY, *FORCED])
@pytest.mark.parametrize("refs", [(target(0), target(2)), (campaign("c0"), campaign("c1"))])
def test_the_last_enabled_of_a_kind_is_never_paused(refs: tuple[EntityRef, ...], why: Reason) -> None:
    """Whatever the share and the reason; a target that was paused before does not count."""
    shop = Shop(words=[Word(), Word(state=State.PAUSED), Word(campaign="c1")])

    verdict = judged(*(state(ref, State.PAUSED, 0, why) for ref in refs), shop=shop, rules=limits(max_paused_share=1.0))

    assert 1 == len(verdict.plan)


@pytest.mark.parametrize("why", [WHY, *FORCED])
@pytest.mark.parametrize(
    ("refs", "left"),
    [
        ((target(0), campaign("c1")), 1),
        ((campaign("c1"), target(0)), 1),
        ((campaign("c0"), target(0)), 2),
    ],
)
def test_kinds_together_never_pause_all_that_runs(refs: tuple[EntityRef, ...], left: int, why: Reason) -> None:
    """The one target of a campaign and the other campaign would stop everything; one of both stays."""
    shop = Shop(words=[Word(), Word(state=State.PAUSED), Word(campaign="c1")])

    verdict = judged(*(state(ref, State.PAUSED, 0, why) for ref in refs), shop=shop, rules=limits(max_paused_share=1.0))

    assert left == len(verdict.plan)


@pytest.mark.parametrize(
    ("refs", "left"),
    [
        (("ad_group:gc0", "campaign:c1"), ["ad_group:gc0"]),
        (("target:t1", "ad_group:gc0", "target:t0", "target:t2"), ["target:t1", "ad_group:gc0", "target:t0"]),
        (("campaign:c1", "ad_group:gc0", "target:t1"), ["campaign:c1", "target:t1"]),
    ],
)
def test_ad_groups_count_with_the_other_kinds(refs: tuple[str, ...], left: list[str]) -> None:
    """An ad group stops its one running target; what was stopped before stops nothing more."""
    shop = Shop(words=[Word(), Word(state=State.PAUSED), Word(campaign="c1")])
    layout = Layout.of(shop.structure(), ProtectPolicy())

    kept = leaving_some([state(EntityRef.parse(ref), State.PAUSED) for ref in refs], layout)

    assert left == [str(change.ref) for change in kept]


@pytest.mark.parametrize(
    ("words", "refs", "left"),
    [
        ((Word(state=State.PAUSED), Word(state=State.PAUSED, campaign="c1")), ("campaign:c0", "campaign:c1"), 1),
        ((), (), 0),
    ],
)
def test_without_running_targets_a_group_or_campaign_is_left(
    words: tuple[Word, ...], refs: tuple[str, ...], left: int
) -> None:
    """Accounts whose targets all rest, or that have none, keep one of what else is enabled."""
    layout = Layout.of(Shop(words=words).structure(), ProtectPolicy())

    kept = leaving_some([state(EntityRef.parse(ref), State.PAUSED) for ref in refs], layout)

    assert left == len(kept)


@pytest.mark.parametrize("why", FORCED)
def test_what_cannot_be_bought_or_paid_is_paused_beyond_the_share(why: Reason) -> None:
    """It is no judgement; the share is left to those that are."""
    changes = [state(target(n), State.PAUSED, why=why if n < 4 else WHY) for n in range(8)]

    assert 6 == len(judged(*changes).plan)


@pytest.mark.parametrize(
    "protect", [ProtectPolicy(campaigns=("c1",)), ProtectPolicy(products=("p1",)), ProtectPolicy(words=("Hero",))]
)
def test_the_protected_and_what_holds_it_are_never_paused_but_bid_down(protect: ProtectPolicy) -> None:
    """Neither the target nor the campaign above it; others may be."""
    words = [Word(), Word(), Word(campaign="c1", product="p1", text="hero word"), Word(campaign="c2")]
    pauses = [state(ref, State.PAUSED) for ref in (target(2), campaign("c1"), target(0))]

    verdict = judged(*pauses, bid(2, 1, 0.9), shop=Shop(words=words), rules=policy(10_000, protect=protect))

    assert {"t0": State.PAUSED, "t2": yuan(0.9)} == new_values(verdict)
    assert ["PROTECTED"] * 2 == codes(verdict)


@pytest.mark.parametrize(
    ("cap", "left"), [(2_499, []), (2_500, ["c2"]), (2_549, ["c2"]), (2_550, ["c2", "c1"]), (2_600, ["c2", "c1"])]
)
def test_increases_use_only_the_headroom_the_cap_and_the_decreases_leave(cap: float, left: list[str]) -> None:
    """Five budgets of 500 less 50; raises of 50 each, the better one first."""
    changes = (budget("c1", 500, 550, gain=1), budget("c2", 500, 550, gain=9), budget("c0", 500, 450))

    verdict = judged(*changes, rules=policy(cap))

    assert ["c0", *left] == [change.ref.id for change in verdict.plan.changes]
    assert ["CAP_HEADROOM"] * (2 - len(left)) == codes(verdict)


@pytest.mark.parametrize(("wanted", "strict", "out"), [(560, True, 1), (561, True, 0), (561, False, 1)])
def test_strict_overdelivery_counts_what_the_venue_may_overspend(wanted: float, *, strict: bool, out: int) -> None:
    """With a factor of 1.25 a cap of 3,200 leaves 2,560 for five budgets of 500."""
    assert out == len(judged(budget("c0", 500, wanted), rules=limits(3_200, strict_overdelivery=strict)).plan)


@pytest.mark.parametrize(("limit", "code"), [("max_changed_entities", "BLAST_RADIUS"), ("canary_changes", "CANARY")])
def test_few_entities_change_what_lowers_spend_first_then_what_gains_most(limit: str, code: str) -> None:
    """Three of five; two settings of one entity count once."""
    changes = [bid(n, 1, 1.1, gain=n) for n in range(4)]
    lowered = [bid(4, 1, 0.9, gain=-5), state(target(4), State.PAUSED)]

    verdict = judged(*changes, *lowered, rules=limits(**{limit: 3}), memory=Memory(canary="an upgrade"))

    assert {"t2", "t3", "t4"} == set(new_values(verdict))
    assert 2 == len(changes_of(verdict, target(4)))
    assert [code] * 2 == codes(verdict)
    assert code == hold_code(verdict, target(0))


def test_the_venues_own_quota_of_changes_a_day_is_kept() -> None:
    """Two a day: one that changed twice since midnight waits, others and other fields do not."""
    shop = Shop(words=[Word(), Word(), Word()], rules=profile(daily_change_quota={(EntityKind.TARGET, Field.BID): 2}))
    memory = Memory(changes=tuple(moved(1, 1, number=n, hours_ago=h) for n, h in ((1, 12), (0, 5), (0, 3), (1, 2))))

    verdict = judged(state(target(0), State.PAUSED), bid(0, 1, 0.9), bid(1, 1, 0.9), shop=shop, memory=memory)

    assert ["t1", "t0"] == [change.ref.id for change in verdict.plan.changes]
    assert ["QUOTA"] == codes(verdict)
    assert [State.PAUSED] == [change.new for change in changes_of(verdict, target(0))]
