"""Hour factors give way where a budget would run dry, come back where it lasts, and follow what an hour is worth."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bidder.core.case import Case
from bidder.core.change import Change, Field, PastChange
from bidder.core.decide import allocate
from bidder.core.guards import guard
from bidder.core.plan import Draft
from bidder.core.policy import LimitPolicy, SaleEvent
from bidder.core.snapshot import Memory, Mode
from bidder.core.venue import Capability, VenueProfile
from tests.core.builders import (
    LEVERS,
    TODAY,
    Shop,
    Word,
    campaign,
    changes_of,
    hourly_table,
    past,
    policy,
    profile,
)

HOURS_ONLY = profile(supports=frozenset({Capability.SET_DAYPARTS}))
BY_HAND = profile(supports=frozenset({Capability.SET_DAYPARTS, Capability.ACTION_SHEET}))
ALL = (1.0,) * 24
BUSY = Word(clicks=1000)
"""800 yuan a day; by nine, the last hour reported, 300 of them."""


def spent(**yuan: float) -> dict[str, int]:
    """Return spend of the open day by campaign, yuan."""
    return {name: round(amount * 1e6) for name, amount in yuan.items()}


def decided(
    *,
    budget: float | None = 500.0,
    cost: float = 300.0,
    factors: tuple[float, ...] | None = None,
    changes: tuple[PastChange, ...] = (),
    rules: VenueProfile = HOURS_ONLY,
    word: Word = BUSY,
    limits: Mapping[str, Any] | None = None,
    settings: Mapping[str, Any] | None = None,
    told: bool = True,
    **snapshot: Any,
) -> Draft:
    """Decide at ten for one campaign whose hour factors alone can be set."""
    memory = Memory(changes=changes, day_spend_micros=spent(c0=cost) if told else {})
    shop = Shop(
        words=(word,), budgets={"c0": budget}, rules=rules, campaigns={"c0": {"dayparts": factors, **(settings or {})}}
    )
    chosen = policy(2_000, limits=LimitPolicy(**(limits or {})))
    return allocate(shop.snapshot(memory=memory, **snapshot), shop.forecast(), chosen)


def hours_of(draft: Draft) -> list[Change]:
    """Return the changes of hour factors."""
    return [change for change in draft.changes if change.field is Field.DAYPARTS]


def lowered(level: float, hours_ago: float = 5.0, code: str = "PACE_SLOWER") -> PastChange:
    """Return our own pacing from no factors to a level, some hours ago."""
    return past(campaign(), Field.DAYPARTS, None, (level,) * 24, hours_ago=hours_ago, code=code)


@pytest.mark.parametrize("budget", [None, 801.0, 900.0, 5_000.0])
def test_campaign_whose_budget_lasts_is_left_alone(budget: float | None) -> None:
    """800 a day, an ordinary day, and a budget that covers it: nothing moves."""
    draft = decided(budget=budget)

    assert hours_of(draft) == []
    assert draft.figures["campaigns_paced"] == 0


@pytest.mark.parametrize(
    ("budget", "level"),
    [
        pytest.param(500.0, 0.8, id="one-step-at-most"),
        pytest.param(736.0, 0.9, id="what-the-rest-affords"),
        pytest.param(779.0, 1.0, id="within-the-dead-band"),
    ],
)
def test_bids_give_way_where_the_budget_would_run_dry(budget: float, level: float) -> None:
    """Of the day 14 hours are left and cost 466.67; one hour of 33.33 is spent and not reported.

    With a budget of 736 there are 402.67: (402.67 / 466.67) ** (1 / 1.4) is .9.
    """
    found = hours_of(decided(budget=budget))

    assert [(None, (level,) * 24)] * (level < 1) == [(change.old, change.new) for change in found]
    assert all(change.reason.code.name == "PACE_SLOWER" and not change.raises for change in found)
    assert all(change.gain_micros > 0 for change in found)


def test_pacing_down_names_the_hour_at_which_the_budget_would_have_been_gone() -> None:
    """166.67 at 33.33 an hour last from ten to three."""
    (change,) = hours_of(decided())

    assert change.reason.render().startswith("its budget of 500.00 CNY would be gone at 15 o'clock; bids go to 0.8")


@pytest.mark.parametrize(("level", "expected"), [(0.5, 0.6), (0.7, 0.84), (0.9, 1.0), (0.98, 1.0)])
def test_bids_come_back_step_by_step_once_the_budget_lasts(level: float, expected: float) -> None:
    """A budget of 5,000 covers everything: up by a fifth at most, to the standing factors and not above."""
    (change,) = hours_of(decided(budget=5_000.0, cost=150.0, factors=(level,) * 24, changes=(lowered(level),)))

    assert ("PACE_FASTER", (expected,) * 24) == (change.reason.code.name, change.new)


def test_a_day_that_runs_ahead_of_its_plan_is_paced_though_a_usual_one_would_last() -> None:
    """1,000 cover a day of 800, not one that cost 500 by nine: the level is (12.8 + 500) / (12.8 + 300)."""
    usual, busy = decided(budget=1_000.0), decided(budget=1_000.0, cost=500.0)

    assert hours_of(usual) == []
    level = 512.8 / 312.8
    left = 1_000 - 500 - 800 * level / 24
    assert hours_of(busy)[0].new == pytest.approx(
        (max((left / (800 * level * 14 / 24)) ** (1 / 1.4), 0.8),) * 24, abs=0.01
    )


def test_pacing_ends_at_three_tenths_of_the_standing_factors() -> None:
    """However little money is left, bids do not vanish."""
    (change,) = hours_of(decided(budget=340.0, factors=(0.36,) * 24, changes=(lowered(0.36),)))
    still = hours_of(decided(budget=340.0, factors=(0.3,) * 24, changes=(lowered(0.3),)))

    assert (0.3,) * 24 == change.new
    assert still == []


@pytest.mark.parametrize(
    "case",
    [
        pytest.param({"rules": profile(supports=frozenset({Capability.SET_DAILY_BUDGET}))}, id="venue-takes-none"),
        pytest.param({"rules": replace(HOURS_ONLY, report_lag=timedelta(hours=7))}, id="reports-come-too-late"),
        pytest.param({"rules": BY_HAND}, id="a-person-carries-changes-out"),
        pytest.param({"limits": {"pace_by_hours": False}}, id="switched-off"),
        pytest.param({"settings": {"manual_bids": False}}, id="platforms-own-strategy"),
        pytest.param({"told": False}, id="day-not-reported"),
        pytest.param({"cost": 500.0}, id="already-dark"),
        pytest.param({"word": Word(clicks=20, cpc=40.0, bid=60.0, value=150.0)}, id="less-than-a-click-an-hour"),
    ],
)
def test_campaign_that_cannot_be_paced_sensibly_is_not(case: dict[str, Any]) -> None:
    """Each of these budgets runs dry, and hour factors stay as they are."""
    assert hours_of(decided(**case)) == []


def test_campaigns_that_share_a_budget_give_way_together() -> None:
    """800 + 800 a day on one budget of 1,000: both are lowered, each alone would have been left alone."""
    shop = Shop(
        words=(BUSY, replace(BUSY, campaign="c1")),
        budgets={"c0": 1_000.0, "c1": 1_000.0},
        campaigns={name: {"shared_budget_id": "s"} for name in ("c0", "c1")},
        rules=HOURS_ONLY,
    )
    memory = Memory(day_spend_micros=spent(c0=300.0, c1=300.0))

    draft = allocate(shop.snapshot(memory=memory), shop.forecast(), policy(2_000))

    assert [campaign("c0"), campaign("c1")] == [change.ref for change in hours_of(draft)]
    assert draft.figures["campaigns_paced"] == 2


def test_owners_hours_keep_their_shape_and_their_nights_off() -> None:
    """Half at night, off from two to five: each factor falls by a fifth, and nothing stays nothing."""
    owner = (0.5, 0.5, 0.0, 0.0, 0.0, *(1.0,) * 19)

    (change,) = hours_of(decided(factors=owner))

    assert (0.4, 0.4, 0.0, 0.0, 0.0, *(0.8,) * 19) == change.new


def test_hours_of_the_whole_week_are_paced_as_a_week() -> None:
    """168 factors stay 168."""
    (change,) = hours_of(decided(factors=(1.0, *(0.9,) * 23) * 7))

    assert (0.8, *(0.72,) * 23) * 7 == change.new


def test_bids_are_judged_on_standing_factors_while_a_campaign_is_paced() -> None:
    """Pacing to .6 must not make base bids look too low: the case of a paced campaign is that of an unpaced one."""

    def case_of(shown: tuple[float, ...] | None, *changes: PastChange) -> Case:
        shop = Shop(words=(BUSY,), campaigns={"c0": {"dayparts": shown}}, rules=HOURS_ONLY)
        return Case.of(shop.snapshot(memory=Memory(changes=changes)), shop.forecast(), policy())

    paced, foreign = case_of((0.6,) * 24, lowered(0.6)), case_of((0.6,) * 24)

    assert ([1.0], [1.0], [0.6]) == (paced.effective.tolist(), paced.peak.tolist(), paced.factors.level.tolist())
    assert ([0.6], [0.6], [1.0]) == (foreign.effective.tolist(), foreign.peak.tolist(), foreign.factors.level.tolist())


def evening_table(dry_from: int) -> Any:
    """Return two weeks of which evenings are busiest; the first campaign is dark from an hour on."""
    by_hour = np.array([10] * 8 + [30] * 10 + [90] * 4 + [30] * 2)
    clicks = np.tile(by_hour, (2, 14, 1))
    clicks[0, :, dry_from:] = 0
    return hourly_table(clicks)


def test_budget_that_ends_before_the_busiest_hour_is_named_with_its_hour() -> None:
    """At ten in the morning 60 of 500 are left: one objection, though two campaigns run."""
    shop = Shop(words=(BUSY, Word(campaign="c1")), rules=profile(supports=frozenset({Capability.SET_TARGET_BID})))
    memory = Memory(day_spend_micros=spent(c0=440.0, c1=4.0))

    draft = allocate(shop.snapshot(memory=memory, hourly=evening_table(24)), shop.forecast(), policy(2_000))

    (found,) = [o.reason for o in draft.objections if o.reason.code.name == "BUDGET_OUT_SOON"]
    evidence = dict(found.evidence)
    assert ("c0", "500.00 CNY", 18) == (evidence["campaign"], evidence["budget"], evidence["peak"])
    assert evidence["hour"] in (10, 11)
    assert draft.figures["budgets_out_before_peak"] == 1


def test_balance_that_lasts_under_three_days_is_an_objection() -> None:
    """2,000 at 800 a day are two and a half days."""
    shop = Shop(words=(BUSY,), rules=HOURS_ONLY)
    shot = shop.snapshot()

    def objections(balance: float) -> list[str]:
        known = replace(shot, structure=replace(shot.structure, balance=policy(balance).cap))
        return [o.reason.render() for o in allocate(known, shop.forecast(), policy(2_000)).objections]

    assert objections(2_000) == [
        "the balance of 2,000.00 CNY lasts 2.5 days at this spend; an empty balance stops everything"
    ]
    assert objections(2_500) == []


WORTH = profile(supports=LEVERS | {Capability.SET_DAYPARTS})


def worth_shop(shown: tuple[float, ...] | None = None) -> Shop:
    """Return a shop with no budget to pace."""
    return Shop(words=(Word(clicks=40),), budgets={"c0": None}, campaigns={"c0": {"dayparts": shown}}, rules=HOURS_ONLY)


def worthy() -> Any:
    """Return two weeks in which clicks of the second half of the day order twice as often."""
    table = hourly_table(np.full((1, 14, 24), 100, dtype=np.int64))
    return replace(table, orders=np.where(table.hour >= 12, 12, 6).astype(np.int64))


def test_factors_go_to_what_an_hour_is_worth_by_a_fifth_at_most() -> None:
    """Worth is .7 and 1.3 of the mean; the first step ends at .8 and 1.2."""
    (change,) = hours_of(allocate(worth_shop().snapshot(hourly=worthy()), worth_shop().forecast(), policy()))

    assert ("DAYPARTS_TO_WORTH", (0.8,) * 12 + (1.2,) * 12) == (change.reason.code.name, change.new)


@pytest.mark.parametrize(
    ("shown", "hours_ago", "moves"),
    [
        pytest.param((0.8,) * 12 + (0.9,) * 12, 23, False, id="not-twice-a-day"),
        pytest.param((0.8,) * 12 + (0.9,) * 12, 25, True, id="next-day-while-far-away"),
        pytest.param((0.8,) * 12 + (1.15,) * 12, 25, False, id="near-the-goal-once-a-week"),
        pytest.param((0.8,) * 12 + (1.15,) * 12, 169, True, id="a-week-later"),
    ],
)
def test_factors_rest_between_steps(shown: tuple[float, ...], hours_ago: float, moves: bool) -> None:  # noqa: FBT001
    """A day while the goal is more than a step away, a week where it is near."""
    memory = Memory(
        changes=(past(campaign(), Field.DAYPARTS, None, shown, hours_ago=hours_ago, code="DAYPARTS_TO_WORTH"),)
    )

    draft = allocate(worth_shop(shown).snapshot(memory=memory, hourly=worthy()), worth_shop().forecast(), policy())

    assert moves == bool(hours_of(draft))


def test_factors_do_not_follow_worth_around_a_sale_event() -> None:
    """Orders of those days are not those of others."""
    event = SaleEvent(name="sale", first=TODAY, last=TODAY)

    draft = allocate(worth_shop().snapshot(hourly=worthy()), worth_shop().forecast(), policy(events=(event,)))

    assert hours_of(draft) == []


@given(
    budget=st.floats(310, 3_000),
    cost=st.floats(0, 600),
    level=st.integers(30, 100),
    ago=st.floats(0.1, 200),
)
def test_no_plan_moves_an_hour_by_more_than_a_step_and_guards_find_nothing_to_mend(
    budget: float, cost: float, level: int, ago: float
) -> None:
    """What is decided already keeps the rules that the guards hold it to."""
    shown = (level / 100,) * 24 if level < 100 else None
    changes = () if shown is None else (lowered(level / 100, ago),)
    shop = Shop(words=(BUSY,), budgets={"c0": round(budget)}, rules=HOURS_ONLY, campaigns={"c0": {"dayparts": shown}})
    snapshot = shop.snapshot(memory=Memory(changes=changes, day_spend_micros=spent(c0=cost)))

    draft = allocate(snapshot, shop.forecast(), policy(2_000))
    verdict = guard(draft, snapshot, policy(2_000))

    for change in hours_of(draft):
        factor = np.array(change.new)[0] / (level / 100)
        assert 0.8 - 1e-9 <= factor <= 1.2 + 1e-9
        assert 0.3 - 1e-9 <= np.array(change.new)[0] <= 1.0
    assert hours_of(draft) == [c for c in verdict.plan.changes if c.field is Field.DAYPARTS]
    assert verdict.objections == ()


def test_reducing_lets_pacing_down_and_not_back_up() -> None:
    """Lower hour factors spend less; higher ones wait."""
    shop = Shop(words=(BUSY,), rules=HOURS_ONLY)
    tight = shop.snapshot(memory=Memory(day_spend_micros=spent(c0=300.0)), mode=Mode.REDUCING)
    slow = Shop(words=(BUSY,), budgets={"c0": 5_000}, rules=HOURS_ONLY, campaigns={"c0": {"dayparts": (0.6,) * 24}})
    loose = slow.snapshot(memory=Memory(changes=(lowered(0.6),), day_spend_micros=spent(c0=100.0)), mode=Mode.REDUCING)

    down = guard(allocate(tight, shop.forecast(), policy()), tight, policy())
    up = guard(allocate(loose, slow.forecast(), policy()), loose, policy())

    assert [(0.8,) * 24] == [change.new for change in changes_of(down, campaign())]
    assert ([], "REDUCING") == (changes_of(up, campaign()), up.objections[0].reason.code.name)


def test_pacing_of_past_hours_is_not_mistaken_for_missing_demand() -> None:
    """Evenings bid at half for two weeks had fewer clicks; the day's demand is still told as even."""
    clicks = np.full((1, 14, 24), 1_000, dtype=np.int64)
    clicks[0, :, 12:] = round(1_000 * 0.5**0.8)
    steps: list[PastChange] = []
    for back in range(14, 0, -1):
        midnight = back * 24 + 10
        steps.append(past(campaign(), Field.DAYPARTS, ALL, (0.5,) * 24, hours_ago=midnight - 12, code="PACE_SLOWER"))
        steps.append(past(campaign(), Field.DAYPARTS, (0.5,) * 24, ALL, hours_ago=midnight - 24, code="PACE_FASTER"))
    shop = Shop(words=(Word(),), budgets={"c0": None}, campaigns={"c0": {"dayparts": ALL}})

    case = Case.of(
        shop.snapshot(memory=Memory(changes=tuple(steps)), hourly=hourly_table(clicks)), shop.forecast(), policy()
    )

    assert np.full(24, 1 / 24) == pytest.approx(case.shape.share, rel=0.02)
    assert (1 + 0.5**0.8) / 2 == pytest.approx(case.shape.served[0], rel=0.01)
