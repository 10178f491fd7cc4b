"""Test moves: drawn by lot, never on what is guarded, inside every limit, with their cost stated."""

from __future__ import annotations

import math
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bidder.core.allocate import allocate_money
from bidder.core.bids import wanted_bids
from bidder.core.calendar import ordinal
from bidder.core.case import Case
from bidder.core.change import Change, Field
from bidder.core.decide import allocate
from bidder.core.entities import AccountId, State, TargetId
from bidder.core.guards import guard
from bidder.core.money import Money
from bidder.core.perturbation import chosen, drawn_sides, near_event, period_days, plan_tests, target_keys
from bidder.core.plan import Draft
from bidder.core.policy import LimitPolicy, PerturbationPolicy, Policy, ProtectPolicy, SaleEvent
from bidder.core.situation import Situation
from bidder.core.snapshot import Memory, Mode
from tests.core.builders import (
    NOW,
    TODAY,
    Shop,
    Word,
    changes_of,
    hold_code,
    past,
    policy,
    profile,
    target,
    yuan,
)

ON = PerturbationPolicy(enabled=True, step=0.1, share=1.0)
TESTED = "BID_TEST"
SETTLED = 100
"""Words of the shop below."""


def settled_shop(number: int = SETTLED, **word: Any) -> Shop:
    """Return a shop whose words bid near what is wanted: premium 1.4, worth 2.1, wanted 1.5."""
    words = [Word(bid=1.5, cpc=1.2, value=4.4, **word) for _ in range(number)]
    bids = wanted_of(Shop(words=words, budgets={"c0": 9_000.0}))
    near = [replace(w, bid=round(b, 2), cpc=round(b, 2) * 0.8) for w, b in zip(words, bids, strict=True)]
    return Shop(words=near, budgets={"c0": 9_000.0})


def wanted_of(shop: Shop) -> list[float]:
    """Return what the decision wants each word to bid, by following it to where it rests."""
    words = list(shop.words)
    for _ in range(12):
        draft = allocate(replace(shop, words=words).snapshot(), replace(shop, words=words).forecast(), rules())
        for row, word in enumerate(words):
            for change in changes_of(draft, target(row)):
                if isinstance(change.new, Money):
                    bid = change.new.micros / 1e6
                    words[row] = replace(word, bid=bid, cpc=0.8 * bid)
    return [float(word.bid or 0) for word in words]


def rules(perturbation: PerturbationPolicy | None = None, **changes: Any) -> Policy:
    """Return a policy with much money."""
    return policy(50_000, perturbation=perturbation or PerturbationPolicy(), **changes)


SHOP = settled_shop()


def decided(shop: Shop = SHOP, policy_: Policy | None = None, **snapshot: Any) -> Draft:
    """Return the whole decision with test moves on."""
    return allocate(shop.snapshot(**snapshot), shop.forecast(), policy_ or rules(ON))


def drawn_of(draft: Draft) -> list[Change]:
    """Return the test moves."""
    return [change for change in draft.changes if change.reason.code.name == TESTED]


def moved_to(change: Change) -> tuple[int, int]:
    """Return old and new micros."""
    assert isinstance(change.old, Money)
    assert isinstance(change.new, Money)
    return change.old.micros, change.new.micros


def test_off_by_default_and_then_nothing_differs() -> None:
    """The shipped policy draws nothing; its figures say so."""
    draft = decided(policy_=rules())

    assert [] == drawn_of(draft)
    assert 0.0 == draft.figures["targets_on_test"]
    assert 0.0 == draft.figures["test_daily_cost_micros"]


def test_settled_bids_go_to_the_side_they_drew() -> None:
    """About half above and half below; the sides are those that seed, target and day say, a tenth from the middle."""
    draft = decided()

    made = {change.ref.id: moved_to(change) for change in drawn_of(draft)}
    keys = target_keys(0, AccountId("shop"), [TargetId(name) for name in made])
    sides = drawn_sides(keys, np.full(len(made), ordinal(TODAY), dtype=np.int64))
    assert len(made) == SETTLED
    assert 30 < int((sides > 0).sum()) < 70
    for (old, new), side in zip(made.values(), sides.tolist(), strict=True):
        assert math.copysign(1.0, new - old) == side
        assert abs(new / old - 1) == pytest.approx(0.1, abs=0.02)


def test_a_reason_says_size_side_cost_and_how_to_stop() -> None:
    """What `bidder why` prints needs no other page; seed and share are kept with it."""
    reason = drawn_of(decided())[0].reason
    told = dict(reason.evidence)

    assert told["step"] == "10%"
    assert told["side"] in ("above", "below")
    assert str(told["cost"]) in reason.render()
    assert "policy.perturbation.enabled = false" in reason.render()
    assert {"seed", "share", "until"} <= told.keys()


def test_the_cost_is_what_a_concave_response_loses_to_second_order() -> None:
    """The figure equals the mean loss of both sides against the middle, where the middle is the best bid."""
    draft = decided()
    case = Case.of(SHOP.snapshot(), SHOP.forecast(), rules(ON))

    clicks, price = case.response.click_elasticity, case.response.cpc_elasticity
    spend = case.daily_spend_micros
    lost = np.zeros(len(spend))
    for side in (0.9, 1.1):
        # At the best bid the next click costs what it is worth: value x clicks' = spend' there.
        earned = spend * (clicks + price) / clicks * (side**clicks - 1.0)
        lost += 0.5 * (spend * (side ** (clicks + price) - 1.0) - earned)
    assert draft.figures["targets_on_test"] == SETTLED
    assert draft.figures["test_daily_cost_micros"] == pytest.approx(float(lost.sum()), rel=0.1)
    assert draft.figures["test_daily_cost_micros"] > 0


def test_a_side_in_force_is_held_with_its_reason() -> None:
    """A bid that already stands where the lot wants it is not moved again."""
    first = {change.ref.id: moved_to(change)[1] / 1e6 for change in drawn_of(decided())}
    moved = [
        replace(w, bid=first.get(f"t{n}", w.bid), cpc=0.8 * (first.get(f"t{n}", w.bid) or 0))
        for n, w in enumerate(SHOP.words)
    ]

    draft = decided(replace(SHOP, words=moved))

    held = [hold_code(draft, target(n)) for n in range(SETTLED)]
    assert held.count("ON_TEST") > 0.9 * SETTLED
    assert len(drawn_of(draft)) < 0.1 * SETTLED


@pytest.mark.parametrize(
    ("shop", "protect", "perturbation"),
    [
        (settled_shop(brand=True), ProtectPolicy(), ON),
        (SHOP, ProtectPolicy(brand_words=("word",)), ON),
        (SHOP, ProtectPolicy(words=("word",)), ON),
        (SHOP, ProtectPolicy(campaigns=("c0",)), ON),
        (SHOP, ProtectPolicy(products=("p0",)), ON),
        (SHOP, ProtectPolicy(), replace(ON, never_words=("WORD",))),
        (SHOP, ProtectPolicy(), replace(ON, share=0.0)),
        (settled_shop(state=State.PAUSED), ProtectPolicy(), ON),
        (settled_shop(seen_clicks=3.0), ProtectPolicy(), ON),
    ],
)
def test_guarded_paused_and_exploring_words_are_never_tested(
    shop: Shop, protect: ProtectPolicy, perturbation: PerturbationPolicy
) -> None:
    """Brand words, protected ones, words that hold a rank, paused and exploring ones."""
    draft = decided(shop, rules(perturbation, protect=protect))

    assert [] == drawn_of(draft)
    assert 0.0 == draft.figures["targets_on_test"]


def test_heroes_and_slow_sellers_are_never_tested() -> None:
    """Only words of the steady product take part; the hero's and the slow seller's do not."""
    case = Case.of(SHOP.snapshot(), SHOP.forecast(), rules(ON))
    everyone, none = np.ones(SETTLED, dtype=bool), np.zeros(SETTLED, dtype=bool)
    nothing, third = np.zeros(SETTLED), np.arange(SETTLED) % 3
    wanted = wanted_bids(case, allocate_money(case, everyone), taper=nothing + 1, new=none)
    staged = Situation(
        protected=none, cautious=none, sold_out=none, top=third == 0, slow=third == 1, new=none, potential=none,
        slow_days=nothing, velocity=nothing, median=nothing, cover_days=nothing, lead_days=nothing, taper=nothing + 1,
        ramp=nothing + 1, restart=np.full(SETTLED, -1),
    )  # fmt: skip
    wide = (np.zeros(SETTLED, dtype=np.int64), np.full(SETTLED, 10**9, dtype=np.int64))

    tests = plan_tests(case, everyone, staged, wanted, wide)

    assert (tests.on == (third == 2)).all()
    assert (tests.cost_micros[third != 2] == 0).all()


@pytest.mark.parametrize("mode", [Mode.REDUCING, Mode.HALTED])
def test_no_test_moves_while_reducing_or_halted(mode: Mode) -> None:
    """An account that may only spend less is no place for experiments."""
    assert [] == drawn_of(decided(mode=mode))


@pytest.mark.parametrize(
    ("from_first", "from_last", "near"),
    [(-15, -15, False), (-14, -14, True), (0, 0, True), (3, 7, True), (4, 8, False)],
)
def test_the_days_around_a_sale_are_left_alone(from_first: int, from_last: int, *, near: bool) -> None:
    """From fourteen days before its first day to seven after its last, whatever its own pre-heat."""
    last = TODAY - timedelta(days=from_last) if from_last > 0 else TODAY - timedelta(days=from_first)
    first = last if from_last <= 0 else last - timedelta(days=1)
    event = SaleEvent(name="618", first=first, last=last, preheat_days=0, aftermath_days=0)

    assert near == near_event(TODAY, [event])
    assert near == (not drawn_of(decided(policy_=rules(ON, events=(event,)))))


@given(step=st.floats(0.05, 0.2), limit=st.floats(0.02, 0.3), seed=st.integers(0, 2**31 - 1))
def test_test_moves_keep_step_limit_and_grid_and_pass_the_guards(step: float, limit: float, seed: int) -> None:
    """However large the step wanted, a move stays inside the limit, on the grid, and loses nothing to the guards."""
    small = replace(SHOP, words=SHOP.words[:12])
    limits = LimitPolicy(max_bid_step_ratio=limit, max_changed_entities=1_000)
    own = replace(rules(replace(ON, step=step), limits=limits), seed=seed)
    snapshot = small.snapshot()

    draft = allocate(snapshot, small.forecast(), own)
    verdict = guard(draft, snapshot, own)

    for change in drawn_of(draft):
        old, new = moved_to(change)
        assert new % 10_000 == 0
        assert old * (1 - limit) - 1 <= new <= old * (1 + limit) + 1
        assert change in verdict.plan.changes


def test_a_bid_far_from_what_is_wanted_moves_there_first() -> None:
    """A word at half of what is wanted makes an ordinary move, whichever side it drew."""
    far = [replace(w, bid=0.5 * (w.bid or 0), cpc=0.4 * (w.bid or 0)) for w in SHOP.words]

    draft = decided(replace(SHOP, words=far))

    assert [] == drawn_of(draft)
    assert all(new > old for old, new in map(moved_to, draft.changes[:5]))


def test_the_venues_cooldown_holds_a_test_as_any_other_move() -> None:
    """A bid that moved an hour ago rests, and says so."""
    word = SHOP.words[0]
    moved = past(target(0), Field.BID, yuan(1.0), yuan(word.bid or 0), hours_ago=1)

    draft = decided(memory=Memory(changes=(moved,)))

    assert hold_code(draft, target(0)) in ("COOLDOWN", "ON_TEST")
    assert target(0) not in [change.ref for change in drawn_of(draft)]


@given(st.integers(0, 2**31 - 1), st.lists(st.text(min_size=1), min_size=1, max_size=30, unique=True))
def test_a_larger_share_holds_every_smaller_one(seed: int, names: Sequence[str]) -> None:
    """Who takes part at 30% takes part at 60%; none at 0 and all at 1; no draw depends on the others."""
    keys = target_keys(seed, AccountId("a"), [TargetId(name) for name in names])

    assert not chosen(keys, 0.0).any()
    assert chosen(keys, 1.0).all()
    assert (chosen(keys, 0.3) <= chosen(keys, 0.6)).all()
    assert keys[-1:].tolist() == target_keys(seed, AccountId("a"), [TargetId(names[-1])]).tolist()


def test_sides_are_balanced_and_independent_between_days_and_targets() -> None:
    """Over 500 targets and 400 days: half above; neither neighbours nor following days agree more than by chance."""
    keys = target_keys(7, AccountId("a"), [TargetId(f"t{n}") for n in range(500)])

    sides = drawn_sides(keys[:, None], np.arange(20_000, 20_400, dtype=np.int64)[None, :])

    noise = 1 / math.sqrt(sides.size)
    assert abs(float(sides.mean())) < 4 * noise
    assert abs(float((sides[:, 1:] * sides[:, :-1]).mean())) < 4 * noise
    assert abs(float((sides[1:] * sides[:-1]).mean())) < 4 * noise
    assert abs(float((sides * np.where(chosen(keys, 0.5), 1, -1)[:, None]).mean())) < 4 * noise


def test_another_process_draws_the_same() -> None:
    """No salt of the process gets into the draw."""
    code = (
        "import numpy as np; from bidder.core.perturbation import *; "
        "k = target_keys(3, 'shop', ['t1', '词', 'x' * 99]); "
        "print(k.tolist(), drawn_sides(k, np.full(3, 20_000)).tolist())"
    )
    keys = target_keys(3, AccountId("shop"), [TargetId(name) for name in ("t1", "词", "x" * 99)])
    expected = f"{keys.tolist()} {drawn_sides(keys, np.full(3, 20_000)).tolist()}"

    told = [
        subprocess.run(
            [sys.executable, "-c", code], env={"PYTHONHASHSEED": salt, "PYTHONPATH": ":".join(sys.path)},
            capture_output=True, text=True, check=True,
        ).stdout.strip()
        for salt in ("1", "2")
    ]  # fmt: skip

    assert [expected, expected] == told


@pytest.mark.parametrize(
    ("hold", "cooldown", "days"),
    [(1, timedelta(hours=24), 1), (1, timedelta(hours=72), 3), (2, timedelta(0), 2), (1, timedelta(0), 1)],
)
def test_a_side_is_kept_at_least_for_the_venues_cooldown(hold: int, cooldown: timedelta, days: int) -> None:
    """A venue that lets a bid change every three days draws every three days."""
    assert days == period_days(replace(ON, hold_days=hold), profile(bid_cooldown=cooldown))


def test_sides_change_with_the_day_and_not_within_it() -> None:
    """Later the same day the same side stands; on some other day another."""
    now = {c.ref.id: c.new for c in drawn_of(decided())}
    later = {c.ref.id: c.new for c in drawn_of(decided(now=NOW + timedelta(hours=9)))}
    other = {c.ref.id: c.new for c in drawn_of(decided(now=NOW + timedelta(days=1)))}

    assert now == later
    assert now != other
