"""Money goes where the next unit returns most, and daily budgets together never exceed the cap."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from bidder.core.allocate import Allocation, allocate_money
from bidder.core.budgets import Bounds, Budgets, Needs, decide_budgets
from bidder.core.case import Case
from bidder.core.decide import allocate
from bidder.core.entities import State
from bidder.core.money import Money
from bidder.core.plan import Draft
from bidder.core.policy import GoalPolicy, Objective, Policy
from bidder.core.snapshot import Memory
from tests.core.builders import (
    NOW,
    Shop,
    Word,
    campaign,
    changes_of,
    hold_code,
    hourly_table,
    policy,
    product,
    target,
    yuan,
)

Floats = NDArray[np.float64]
UNIT = 1_000_000
NO_GOAL = GoalPolicy(goal_roas={"general": 0.01})


def money_of(shop: Shop, rules: Policy, movable: list[bool] | None = None) -> tuple[Case, Allocation]:
    """Allocate an account's money."""
    case = Case.of(shop.snapshot(), shop.forecast(), rules)
    return case, allocate_money(case, np.array(movable or [True] * len(shop.words), dtype=bool))


def revenue(case: Case, spend: Floats) -> Floats:
    """Return gross revenue at other spends, on the power curves through the present point."""
    present = case.daily_spend_micros
    now = case.daily_clicks * case.forecast.rpc_micros
    found: Floats = now * (spend / present) ** case.response.exponent
    return found


def decide(
    need: list[float],
    now: list[float],
    *,
    cap: float,
    earns: list[float] | None = None,
    first: list[bool] | None = None,
    start: list[float] | None = None,
    spent: list[float] | None = None,
    worthwhile: list[float] | None = None,
    step: float = 0.3,
    band: float = 0.01,
    low: int = 30,
    least: int | None = None,
) -> Budgets:
    """Decide budgets given in yuan; all earn twice their spend unless told; a budget of -1e-6 is no limit."""
    number = len(need)
    return decide_budgets(
        Needs(
            spend=np.array(need) * UNIT,
            worthwhile=np.array(worthwhile or need) * UNIT,
            earns=np.array(earns or [2.0] * number),
            first=np.array(first or [False] * number, dtype=bool),
        ),
        Bounds(
            now=np.rint(np.array(now) * UNIT).astype(np.int64),
            day_start=np.rint(np.array(start or now) * UNIT).astype(np.int64),
            low=low * UNIT,
            high=100_000 * UNIT,
            least=30 * UNIT if least is None else least * UNIT,
            increment=UNIT,
            floor_today=np.rint(np.array(spent or [0.0] * number) * UNIT).astype(np.int64),
            step=step,
            dead_band=band,
            cap=round(cap * UNIT),
        ),
        headroom=1.2,
    )


def whole(found: Budgets) -> list[float]:
    """Return budgets in yuan."""
    return [micros / UNIT for micros in found.micros.tolist()]


LEVER = st.tuples(
    st.floats(0, 3_000), st.integers(30, 3_000), st.integers(30, 3_000), st.floats(0, 5), st.booleans(), st.floats(0, 1)
)
"""Need, present budget, budget at midnight, contribution of a unit, top seller, share spent."""


@given(levers=st.lists(LEVER, min_size=1, max_size=12), cap=st.integers(0, 12_000), band=st.sampled_from([0.0, 0.05]))
def test_budgets_stay_within_the_cap_after_rounding_or_say_that_they_cannot(
    levers: list[tuple[float, int, int, float, bool, float]], cap: int, band: float
) -> None:
    """On the venue's grid, never under its least; only a cap below all least budgets together cannot be kept."""
    need, now, start, earns, first, used = (list(column) for column in zip(*levers, strict=True))
    spent = [share * budget for share, budget in zip(used, now, strict=True)]

    found = decide(need, now, start=start, earns=earns, first=first, spent=spent, cap=cap, band=band)

    assert found.infeasible == (30 * len(levers) > cap)
    assert np.all(found.micros % UNIT == 0)
    assert np.all(found.micros >= 30 * UNIT)
    if not found.infeasible:
        assert int(found.micros.sum()) <= cap * UNIT
    moved = np.abs(found.micros - np.array(now) * UNIT)[~found.forced]
    assert np.all(moved <= 0.3 * np.maximum(now, start)[~found.forced] * UNIT)


@pytest.mark.parametrize(
    ("need", "cap", "expected"),
    [
        pytest.param([100.0, 50.0], 1_000.0, [120.0, 60.0], id="with-headroom"),
        pytest.param([100.0, 50.0], 165.0, [110.0, 55.0], id="headroom-that-the-cap-leaves"),
        pytest.param([100.0, 50.0], 150.0, [100.0, 50.0], id="exactly-its-need"),
        pytest.param([100.4, 50.0], 1_000.0, [120.0, 60.0], id="rounded-down"),
        pytest.param([1.0, 100.0], 1_000.0, [30.0, 120.0], id="least-budget-of-the-venue"),
    ],
)
def test_budget_is_its_need_with_headroom_where_the_cap_has_room(
    need: list[float], cap: float, expected: list[float]
) -> None:
    """Campaigns without a limit get theirs at once, no step stands in the way."""
    assert expected == whole(decide(need, [-1e-6, -1e-6], cap=cap))


def test_short_money_keeps_top_sellers_whole_and_fills_the_best_return_first() -> None:
    """Of 350: 100 to the top seller, half of 100, 200 and 100 to the others, and 50 more to the best of them."""
    found = decide(
        [100.0, 100.0, 200.0, 100.0],
        [-1e-6] * 4,
        cap=350,
        first=[True, False, False, False],
        earns=[1.1, 1.5, 3.0, 2.0],
    )

    assert [100.0, 50.0, 150.0, 50.0] == whole(found)


def test_losing_lever_gets_no_more_than_is_worthwhile() -> None:
    """It spends 200 at a contribution of .8 each: the allocation finds 50 worth it."""
    found = decide([200.0, 200.0], [-1e-6] * 2, cap=1_000, earns=[0.8, 2.0], worthwhile=[50.0, 50.0])

    assert [60.0, 240.0] == whole(found)


@pytest.mark.parametrize(
    ("now", "start", "spent", "expected"),
    [
        pytest.param(100.0, 100.0, 0.0, 130.0, id="one-step-up"),
        pytest.param(120.0, 100.0, 0.0, 130.0, id="net-of-the-day"),
        pytest.param(205.0, 205.0, 0.0, 240.0, id="arrives"),
        pytest.param(300.0, 300.0, 0.0, 300.0, id="loose-but-harmless"),
        pytest.param(400.0, 400.0, 0.0, 360.0, id="too-loose"),
        pytest.param(900.0, 900.0, 0.0, 630.0, id="one-step-down"),
        pytest.param(800.0, 900.0, 0.0, 630.0, id="net-of-the-day-down"),
        pytest.param(900.0, 900.0, 700.3, 701.0, id="not-under-what-is-spent"),
    ],
)
def test_one_lever_moves_by_steps_towards_a_need_of_240(
    now: float, start: float, spent: float, expected: float
) -> None:
    """Needs 200 with a headroom of 1.2; up to 1.5 times that is left alone; each step is 30%."""
    assert [expected] == whole(decide([200.0], [now], start=[start], spent=[spent], cap=5_000))


def test_budget_move_within_the_dead_band_is_not_made() -> None:
    """230 to 240 is less than 5%; 220 to 240 is more."""
    assert [230.0, 240.0] == whole(decide([200.0, 200.0], [230.0, 220.0], cap=5_000, band=0.05))


def test_raises_are_taken_back_before_anything_is_lowered_by_force() -> None:
    """One may rise by 60 to 260, one falls to 140 only: of the raise, the 10 too many and one unit are taken back."""
    found = decide([500.0, 30.0], [200.0, 200.0], cap=390)

    assert [249.0, 140.0] == whole(found)
    assert [False, False] == found.forced.tolist()


def test_cap_cut_to_a_tenth_overnight_is_kept_at_once() -> None:
    """Four budgets of 500 under a cap of 200: the step limit yields, each is lowered towards what it was to have."""
    found = decide([400.0, 200.0, 100.0, 100.0], [500.0] * 4, cap=200, earns=[1.5, 3.0, 2.0, 1.2])

    assert 195 < sum(whole(found)) <= 200
    assert found.forced.all()
    assert min(whole(found)) >= 30
    assert not found.infeasible


def test_whole_decision_keeps_a_cap_cut_to_a_tenth() -> None:
    """Every campaign is changed in one cycle, with the cap as its reason."""
    shop = Shop(words=tuple(Word(campaign=f"c{n}", clicks=400) for n in range(4)))

    draft = allocate(shop.snapshot(), shop.forecast(), policy(200))

    budgets = [changes_of(draft, campaign(f"c{n}"))[0] for n in range(4)]
    assert ["BUDGET_TO_CAP"] * 4 == [change.reason.code.name for change in budgets]
    assert sum_of(draft, shop) <= 200


def sum_of(draft: Draft, shop: Shop) -> float:
    """Return the sum of campaigns' budgets after a draft, yuan."""
    total = 0
    for found in shop.structure().campaigns:
        values = [
            change.new for change in changes_of(draft, campaign(found.id)) if change.field.value == "daily_budget"
        ]
        value = values[0] if values else found.daily_budget
        total += getattr(value, "micros", 0)
    return total / UNIT


@pytest.mark.parametrize("cap", [30.0, 90.0, 180.0])
@pytest.mark.parametrize("objective", list(Objective))
def test_next_unit_of_money_returns_the_same_everywhere(cap: float, objective: Objective) -> None:
    """Slopes by differences equal the price of money, or lie above it where the reach of 1.5 bids ends."""
    words = (Word(value=3), Word(value=5, clicks=80), Word(value=4, bid=2, cpc=1.4), Word(value=8, clicks=20))
    goal = replace(NO_GOAL, objective=objective, volume_loss_share=1.0)

    case, found = money_of(Shop(words=words), policy(cap, goal=goal))

    step = 1e-4 * found.spend_micros
    slope = (revenue(case, found.spend_micros + step) - revenue(case, found.spend_micros - step)) / (2 * step)
    weight, charge = (0.45, 1.0) if objective is Objective.PROFIT else (1.0, 0.0)
    inside = found.spend_micros < case.daily_spend_micros * 1.5**case.response.spend_elasticity * (1 - 1e-6)
    price = charge + found.money_price
    assert inside.any()
    assert np.full(int(inside.sum()), price) == pytest.approx((weight * slope)[inside], rel=1e-5)
    assert np.all((weight * slope)[~inside] >= price * (1 - 1e-6))
    assert found.spend_micros.sum() <= cap * UNIT * (1 + 1e-9)


def test_money_of_targets_that_may_not_be_moved_is_not_given_twice() -> None:
    """One spends 32 whatever we do; of 50 the other gets 18."""
    _, found = money_of(Shop(words=(Word(), Word(value=9, clicks=80))), policy(50, goal=NO_GOAL), [False, True])

    assert [0.0, 18.0 * UNIT] == pytest.approx(found.spend_micros)
    assert found.money_price > 0


@pytest.mark.parametrize(("goal", "expected"), [(8.0, ("general",)), (0.01, ())])
def test_goal_that_cannot_be_reached_at_its_price_is_named(goal: float, expected: tuple[str, ...]) -> None:
    """A return of about 4 misses a goal of 8 by more than the price of shortfall can buy."""
    _, found = money_of(Shop(), policy(goal=GoalPolicy(goal_roas={"general": goal})))

    assert expected == found.short_goals


def test_category_that_loses_on_average_is_held_to_break_even() -> None:
    """For revenue: shoes at three quarters of break-even are cut until the category pays, hats stay whole."""
    shop = Shop(
        words=(Word(value=4), Word(value=1.33, product="p1")),
        products=(product(category="hats"), product("p1", category="shoes")),
    )
    goal = GoalPolicy(objective=Objective.REVENUE, goal_roas={"hats": 0.01, "shoes": 0.01})

    case, found = money_of(shop, policy(goal=goal))

    earned = 0.45 * revenue(case, found.spend_micros)
    assert earned[1] == pytest.approx(found.spend_micros[1], rel=1e-6)
    assert 0 < found.spend_micros[1] < 32 * UNIT
    assert found.spend_micros[0] == pytest.approx(32 * UNIT * 1.5**1.4, rel=0.05)


def dry_shop(word: Word, budget: float) -> tuple[Shop, Draft]:
    """Decide for a campaign that goes dark at noon every day, beside one that does not."""
    clicks = np.full((2, 14, 24), 100, dtype=np.int64)
    clicks[0, :, 12:] = 0
    shop = Shop(words=(word, Word(campaign="c1")), budgets={"c0": budget, "c1": 50.0})
    return shop, allocate(shop.snapshot(hourly=hourly_table(clicks)), shop.forecast(), policy())


def test_campaign_that_runs_dry_is_bid_down_before_its_budget_is_raised() -> None:
    """At a bid of twice its worth a longer day would only lose more; at its worth the budget follows."""
    _, dear = dry_shop(Word(bid=2.0, cpc=1.6), 64.0)
    _, fair = dry_shop(Word(bid=0.96, cpc=0.77), 31.0)

    (lowered,) = changes_of(dear, target(0))
    (raised,) = changes_of(fair, campaign("c0"))
    assert ("BID_DOWN_CAPPED", yuan(1.6)) == (lowered.reason.code.name, lowered.new)
    assert [True] == [change.new < yuan(64) for change in changes_of(dear, campaign("c0")) if type(change.new) is Money]
    assert (yuan(31), yuan(40)) == (raised.old, raised.new)
    assert [] == changes_of(fair, target(0))


def test_least_budgets_above_the_cap_are_named_and_the_worst_campaign_is_paused() -> None:
    """Four times 30 do not fit 100: one campaign too many, that with the least contribution."""
    shop = Shop(words=tuple(Word(campaign=f"c{n}", value=value) for n, value in enumerate((5, 4, 3, 6))))

    draft = allocate(shop.snapshot(), shop.forecast(), policy(100))

    assert ["BOUNDS_INFEASIBLE"] == [objection.reason.code.name for objection in draft.objections]
    changes = [change for n in range(4) for change in changes_of(draft, campaign(f"c{n}"))]
    assert [campaign("c2")] == [change.ref for change in changes if change.new is State.PAUSED]


def test_campaigns_that_share_a_budget_are_one_lever() -> None:
    """The first speaks for both, the other is held, and the cap counts the budget once."""
    shop = Shop(
        words=(Word(clicks=400), Word(campaign="c1", clicks=400)),
        campaigns={name: {"shared_budget_id": "s"} for name in ("c0", "c1")},
    )

    draft = allocate(shop.snapshot(), shop.forecast(), policy(600))

    (change,) = changes_of(draft, campaign("c0"))
    assert (yuan(500), yuan(600)) == (change.old, change.new)
    assert hold_code(draft, campaign("c1")) == "BUDGET_SHARED"


def test_budgets_that_are_not_ours_to_move_take_their_part_of_the_cap() -> None:
    """Somebody edited a campaign with 300 an hour ago: of 400 the other keeps 100, at once."""
    shop = Shop(words=(Word(clicks=400), Word(campaign="c1")), budgets={"c0": 500.0, "c1": 300.0})
    memory = Memory(left_alone={campaign("c1"): NOW + timedelta(hours=71)})

    draft = allocate(shop.snapshot(memory=memory), shop.forecast(), policy(400))

    assert [yuan(100)] == [change.new for change in changes_of(draft, campaign("c0"))]
    assert hold_code(draft, campaign("c1")) == "FOREIGN_EDIT"


def test_todays_budget_counts_what_the_day_has_really_cost() -> None:
    """By nine, the last hour reported, 200 were spent where 320 a day make 120: the level is (12.8 + 200) / 132.8.

    At it, 15 of 24 hours more are to be paid: (200 + 320 x 1.602 x 15 / 24) x 1.2.
    """
    shop = Shop(words=(Word(clicks=400, value=1.4 / 0.45),), budgets={"c0": None})
    memory = Memory(day_spend_micros={"c0": 200 * UNIT})

    draft = allocate(shop.snapshot(memory=memory), shop.forecast(), policy())

    assert [(None, yuan(624))] == [(change.old, change.new) for change in changes_of(draft, campaign())]
