"""Budgets at the edge: a venue's least that was raised, a first limit, no dead band, days of a past limit."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from bidder.core.budgets import Bounds, Budgets, Needs, decide_budgets
from bidder.core.change import Field
from bidder.core.decide import allocate
from bidder.core.entities import State
from bidder.core.guards import guard
from bidder.core.moves import Moves
from bidder.core.plan import Draft, Verdict
from bidder.core.policy import LimitPolicy, Policy
from bidder.core.snapshot import Memory
from tests.core.builders import (
    NOW,
    WHY,
    Shop,
    Word,
    budget,
    campaign,
    changes_of,
    hold_code,
    past,
    policy,
    profile,
    yuan,
)

UNIT = 1_000_000


def levers(need: list[float], now: list[float], *, cap: float, band: float = 0.05, spent: float = 0.0) -> Budgets:
    """Decide budgets in yuan at a venue that takes none under 30; a budget of -1e-6 is no limit."""
    number = len(need)
    return decide_budgets(
        Needs(
            spend=np.array(need) * UNIT,
            worthwhile=np.array(need) * UNIT,
            earns=np.full(number, 2.0),
            first=np.zeros(number, dtype=bool),
        ),
        Bounds(
            now=np.rint(np.array(now) * UNIT).astype(np.int64),
            day_start=np.rint(np.array(now) * UNIT).astype(np.int64),
            low=30 * UNIT,
            high=100_000 * UNIT,
            least=30 * UNIT,
            increment=UNIT,
            floor_today=np.full(number, round(spent * UNIT)),
            step=0.3,
            dead_band=band,
            cap=round(cap * UNIT),
        ),
        headroom=1.2,
    )


@pytest.mark.parametrize("need", [1.0, 25.0, 500.0])
def test_budget_under_the_venues_least_is_lifted_to_it_at_once(need: float) -> None:
    """From 10, a step of 30% ends at 13, which the venue does not take."""
    found = levers([need], [10.0], cap=1_000)

    assert [30 * UNIT] == found.micros.tolist()
    assert [True] == found.lifted.tolist()


def test_lift_to_the_least_is_not_taken_back_for_the_cap() -> None:
    """200 and 10 under a cap of 200: the raise of the first goes, then the rest is lowered by force."""
    found = levers([500.0, 5.0], [200.0, 10.0], cap=200)

    assert [170 * UNIT, 30 * UNIT] == found.micros.tolist()
    assert ([True, False], [False, True]) == (found.forced.tolist(), found.lifted.tolist())
    assert not found.infeasible


def sent(shop: Shop, rules: Policy) -> tuple[Draft, Verdict]:
    """Decide and guard."""
    snapshot = shop.snapshot()
    draft = allocate(snapshot, shop.forecast(), rules)
    return draft, guard(draft, snapshot, rules)


@pytest.mark.parametrize("increment", [1.0, 7.0])
def test_raised_least_of_the_venue_goes_out_with_its_reason(increment: float) -> None:
    """The guards let the one long step pass; on a grid of 7 the least that can be set is 35."""
    shop = Shop(words=(Word(),), budgets={"c0": 14.0}, rules=profile(budget_increment=yuan(increment)))

    _, verdict = sent(shop, policy(500))

    (change,) = changes_of(verdict, campaign())
    assert (yuan(14), yuan(30 if increment == 1 else 35)) == (change.old, change.new)
    assert "BUDGET_TO_LEAST" == change.reason.code.name
    assert "takes no daily budget under" in change.reason.render()


def test_campaign_is_paused_where_the_cap_does_not_cover_the_raised_least() -> None:
    """Two campaigns of 10 under a cap of 45, least now 30: the better one is lifted, the other paused."""
    shop = Shop(words=(Word(value=6), Word(campaign="c1", value=3)), budgets={"c0": 10.0, "c1": 10.0})

    draft, verdict = sent(shop, policy(45))

    assert State.PAUSED in [change.new for change in changes_of(verdict, campaign("c1"))]
    assert yuan(30) in [change.new for change in changes_of(verdict, campaign("c0"))]
    assert State.PAUSED not in [change.new for change in changes_of(draft, campaign("c0"))]
    assert "BOUNDS_INFEASIBLE" in [o.reason.code.name for o in draft.objections]


def test_guard_lets_no_other_long_step_use_the_reason() -> None:
    """Only exactly to the least, and only from under it."""
    shop = Shop(words=(Word(),), budgets={"c0": 14.0})
    snapshot = shop.snapshot()
    lift = replace(WHY, code=changes_of(sent(shop, policy(500))[0], campaign())[0].reason.code)

    high = guard(Draft(changes=(budget("c0", 14, 60, why=lift),), holds=()), snapshot, policy(500))
    fair = Shop(words=(Word(),), budgets={"c0": 100.0})
    usual = guard(Draft(changes=(budget("c0", 100, 300, why=lift),), holds=()), fair.snapshot(), policy(500))

    assert changes_of(high, campaign()) == []
    assert [yuan(130)] == [change.new for change in changes_of(usual, campaign())]


def test_own_floor_is_still_reached_by_steps() -> None:
    """A floor of 200 set by the owner is no reason to double a budget in an hour."""
    shop = Shop(words=(Word(clicks=400),), budgets={"c0": 100.0})

    _, verdict = sent(shop, policy(2_000, limits=LimitPolicy(budget_floor=yuan(200))))

    assert [yuan(130)] == [change.new for change in changes_of(verdict, campaign())]


@pytest.mark.parametrize("band", [0.0, 0.05])
def test_no_dead_band_and_no_limit_go_together(band: float) -> None:
    """Nothing times infinity is no number: warnings are errors here."""
    found = levers([100.0, 100.0], [-1e-6, 119.0], cap=1_000, band=band)

    assert [120 * UNIT, (119 if band else 120) * UNIT] == found.micros.tolist()


def test_first_limit_is_not_set_under_what_today_has_cost() -> None:
    """A campaign that needs 50 and has already cost 80.2 gets 81: it must not go dark by our hand."""
    found = levers([50.0], [-1e-6], cap=1_000, spent=80.2)

    assert [81 * UNIT] == found.micros.tolist()


def test_days_net_move_is_measured_from_a_first_limit_too() -> None:
    """Set to 400 this morning where there was none: later cycles of the day stay within 30% of it."""
    shop = Shop(words=(Word(clicks=10),), budgets={"c0": 300.0})
    memory = Memory(
        changes=(past(campaign(), Field.DAILY_BUDGET, None, yuan(400), hours_ago=5, code="BUDGET_BOUNDED"),)
    )
    snapshot = shop.snapshot(memory=memory)

    draft = allocate(snapshot, shop.forecast(), policy(2_000))
    verdict = guard(Draft(changes=(budget("c0", 300, 215),), holds=()), snapshot, policy(2_000))

    early = Moves.of(memory, day_start=NOW.replace(day=15, hour=16), since=NOW.replace(day=10))
    assert yuan(400) == early.day_start[campaign(), Field.DAILY_BUDGET]
    assert [yuan(280)] == [change.new for change in changes_of(draft, campaign())]
    assert [yuan(280)] == [change.new for change in changes_of(verdict, campaign())]
    assert "DAY_STEP_LIMIT" in [o.reason.code.name for o in verdict.objections]


def test_campaign_that_keeps_its_least_is_held_with_its_budget() -> None:
    """At the least already: nothing to lift."""
    draft, _ = sent(Shop(words=(Word(clicks=5),), budgets={"c0": 30.0}), policy(500))

    assert "BUDGET_FITS" == hold_code(draft, campaign())
