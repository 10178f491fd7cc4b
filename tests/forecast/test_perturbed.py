"""Our own test moves as an experiment: which days count, and how far they outvote steps that were chosen."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from benchmarks.bid_market import BidPlan, draw_bids, template_of
from bidder.core.change import Field, PastChange, Status
from bidder.core.entities import Editor, EntityKind, EntityRef
from bidder.core.money import Money
from bidder.core.perturbation import drawn_sides, target_keys
from bidder.core.policy import PerturbationPolicy, Policy
from bidder.core.prediction import Forecast
from bidder.core.snapshot import Memory, Snapshot
from bidder.forecast import EmpiricalBayesForecaster
from bidder.forecast.bids import BidSteps, bid_steps
from bidder.forecast.lots import Answer
from bidder.forecast.perturbed import LotDays, drawn_days, lot_days
from bidder.forecast.response import CATEGORY_SPREAD, CPC_PRIOR, DOUBT, Elasticities, with_lots
from tests.forecast.shops import POLICY, ShopPlan, cny, shop
from tests.forecast.test_response import (
    LAYOUT,
    NOW,
    SHOP,
    TODAY_NUMBER,
    always_there,
    answered,
    at,
)

SNAPSHOT: Snapshot = shop(ShopPlan(targets=400, campaigns=4, products=20)).snapshot


def move(back: int, *, test: bool = True, identity: str = "t0", hours: float = 0.0, **others: Any) -> PastChange:
    """Return a bid change of ours so many days ago, a test move unless said."""
    change = PastChange(
        ref=EntityRef(EntityKind.TARGET, identity), field=Field.BID, old=cny(1.0), new=cny(NOW), at=at(back, hours),
        status=Status.CONFIRMED, actor=Editor.DAEMON, reason_code="BID_TEST" if test else "BID_TO_VALUE",
    )  # fmt: skip
    return replace(change, **others)


def found(*changes: PastChange, policy: Policy = POLICY) -> LotDays | None:
    """Return the days that count."""
    known = replace(SNAPSHOT, memory=Memory(changes=changes))
    return lot_days(known, LAYOUT, policy, today=TODAY_NUMBER)


def counted(*changes: PastChange, policy: Policy = POLICY) -> list[int]:
    """Return how many days ago the first target's counted days are, oldest first."""
    days = found(*changes, policy=policy)
    assert days is not None
    row = days.rows.tolist().index(0)
    return [TODAY_NUMBER - days.first_day - int(n) for n in np.flatnonzero(days.on[row])]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ((move(10), move(9), move(7)), [9, 8, 7, 6, 5, 4, 3]),
        ((move(10), move(9, test=False)), [9]),
        ((move(10), move(10, test=False, hours=12)), []),
        ((move(10), move(9, actor=Editor.PERSON, reason_code="FOREIGN")), [9]),
        ((move(10), move(9, test=False, status=Status.REJECTED)), [9, 8, 7, 6]),
        ((move(10), move(9, test=False, field=Field.DAILY_BUDGET)), [9, 8, 7, 6]),
        ((move(3), move(0)), [2, 1, 0]),
    ],
)
def test_a_day_counts_where_a_test_move_was_in_force_when_it_began(
    changes: tuple[PastChange, ...], expected: list[int]
) -> None:
    """From the day after the first test move until another move ends it, or four draws passed without any."""
    assert expected == counted(*changes)


@pytest.mark.parametrize(
    "change",
    [
        move(9, test=False), move(9, status=Status.REJECTED), move(9, status=Status.UNKNOWN),
        move(9, actor=Editor.PERSON), move(9, identity="gone"),
    ],
)  # fmt: skip
def test_without_a_confirmed_test_move_of_ours_there_is_no_experiment(change: PastChange) -> None:
    """What was refused, what others did and what belongs to no target that is left."""
    assert found(change) is None


def test_a_longer_hold_counts_longer_and_draws_less_often() -> None:
    """Sides kept for two days: eight days count after one move, and both days of a period have one side."""
    policy = replace(POLICY, perturbation=PerturbationPolicy(enabled=True, hold_days=2))

    assert list(range(9, 1, -1)) == counted(move(10), policy=policy)
    days = found(move(10), policy=policy)
    assert days is not None
    even = np.arange(0, 40, 2, dtype=np.int32) + 2 * (TODAY_NUMBER // 2) - 20
    zero = np.zeros(len(even), dtype=np.intp)
    assert (days.sides(zero, even) == days.sides(zero, even + 1)).all()


def test_sides_are_those_the_decision_drew_and_mix_where_changes_come_late_in_the_day() -> None:
    """Changes at six in the morning leave a quarter of the day to yesterday's side."""
    days = found(move(10, hours=6.0), move(8, hours=6.0))
    assert days is not None
    numbers = np.arange(TODAY_NUMBER - 9, TODAY_NUMBER, dtype=np.int32)
    key = target_keys(POLICY.seed, SNAPSHOT.account.id, LAYOUT.target_ids[:1])

    sides = days.sides(np.zeros(len(numbers), dtype=np.intp), numbers)

    drawn = drawn_sides(key, np.arange(TODAY_NUMBER - 10, TODAY_NUMBER, dtype=np.int64))
    np.testing.assert_allclose(sides, 0.75 * drawn[1:] + 0.25 * drawn[:-1])


def steps_of(*changes: PastChange) -> BidSteps:
    """Return what the bid of every target was."""
    return bid_steps(changes, SHOP, LAYOUT, today=TODAY_NUMBER)


def test_a_day_without_a_row_is_a_day_without_clicks() -> None:
    """A venue that leaves out empty rows must not hide the weak days of the lower side."""
    changes = (move(10), move(9), move(8))
    days = found(*changes)
    assert days is not None
    clicks = np.full((len(LAYOUT), 35), 5.0)
    clicks[0, 35 - 9] = 0.0
    facts = answered(clicks, np.ones_like(clicks))

    full = drawn_days(days, facts, always_there(LAYOUT), steps_of(*changes), LAYOUT, 0.8)
    thin = drawn_days(days, facts.take(facts.clicks > 0), always_there(LAYOUT), steps_of(*changes), LAYOUT, 0.8)

    assert full.clicks.tolist() == thin.clicks.tolist() == [0.0, 5.0, 5.0, 5.0, 5.0, 5.0]
    assert full.sign.tolist() == thin.sign.tolist()


def test_demand_is_read_from_the_others_alone() -> None:
    """Ten times the own clicks on one day change nothing of what that day should have brought; the others' do."""
    changes = (move(10), move(9), move(8))
    days = found(*changes)
    assert days is not None
    usual = np.full((len(LAYOUT), 35), 5.0)
    own, others = usual.copy(), usual.copy()
    own[0, 35 - 8] = 50.0
    others[1:, 35 - 8] = 10.0

    plain, mine, theirs = (
        drawn_days(days, answered(c, np.ones_like(c)), always_there(LAYOUT), steps_of(*changes), LAYOUT, 0.8).exposure
        for c in (usual, own, others)
    )

    np.testing.assert_allclose(mine, plain, rtol=1e-9)
    assert theirs[1] == pytest.approx(2 * plain[1], rel=0.05)
    assert theirs[0] < plain[0]


def lots(clicks: list[float], error: list[float], price: list[float], price_error: list[float]) -> Answer:
    """Return what lots said of each category."""
    some = np.array(clicks)
    return Answer(
        clicks=some, click_error=np.array(error), cpc=np.array(price), cpc_error=np.array(price_error),
        curvature=some, curvature_error=some, days=np.where(np.isfinite(some), 100.0, 0.0),
    )  # fmt: skip


def observed(clicks: float, error: float) -> Elasticities:
    """Return what steps said of four targets, two of each of two categories."""
    return Elasticities(
        clicks=np.full(4, clicks), cpc=np.full(4, CPC_PRIOR), click_error=error, cpc_error=0.15, steps=9
    )


TWO = np.array([0, 0, 1, 1], dtype=np.int32)
NAN = float("nan")


def test_precise_lots_outvote_steps_and_vague_ones_do_not() -> None:
    """With an error of .01 the lots' word stands, with one of 5 the steps'."""
    sharp = with_lots(observed(0.8, 0.1), lots([0.4, 1.4], [0.01, 0.01], [0.5, 0.9], [0.01, 0.01]), TWO)
    vague = with_lots(observed(0.8, 0.1), lots([0.1, 2.4], [5.0, 5.0], [0.1, 0.9], [5.0, 5.0]), TWO)

    np.testing.assert_allclose(sharp.clicks, [0.4, 0.4, 1.4, 1.4], atol=0.02)
    np.testing.assert_allclose(sharp.cpc, [0.5, 0.5, 0.9, 0.9], atol=0.02)
    np.testing.assert_allclose(vague.clicks, 0.8, atol=0.01)
    assert sharp.click_error < 0.02
    assert (200, 9) == (sharp.tested, sharp.steps)


def test_one_category_moves_as_far_as_bayes_says() -> None:
    """Two nested normals on a grid: account around the steps, category around the account, lots around the category."""
    told, error = 0.5, 0.12
    answer = with_lots(observed(0.9, 0.2), lots([told, NAN], [error, NAN], [NAN, NAN], [NAN, NAN]), TWO)

    prior = 0.2**2 + DOUBT**2
    account = (0.9 / prior + told / (error**2 + CATEGORY_SPREAD**2)) / (1 / prior + 1 / (error**2 + CATEGORY_SPREAD**2))
    category = (told / error**2 + account / CATEGORY_SPREAD**2) / (1 / error**2 + 1 / CATEGORY_SPREAD**2)
    np.testing.assert_allclose(answer.clicks, [category, category, account, account])
    np.testing.assert_allclose(answer.cpc, CPC_PRIOR)


def test_many_steps_do_not_outvote_lots_for_being_many() -> None:
    """Steps that claim an error of nothing are believed to our doubt only: bids were moved for a reason."""
    answer = with_lots(observed(1.3, 0.0), lots([0.6, 0.6], [0.03, 0.03], [0.6, 0.6], [0.03, 0.03]), TWO)

    assert float(answer.clicks.max()) < 0.65


def test_no_answer_from_lots_leaves_the_steps_alone() -> None:
    """An experiment that told nothing changes nothing."""
    before = observed(0.7, 0.2)

    after = with_lots(before, lots([NAN, NAN], [NAN, NAN], [NAN, NAN], [NAN, NAN]), TWO)

    assert before.clicks.tolist() == after.clicks.tolist()
    assert (before.click_error, before.cpc_error) == (after.click_error, after.cpc_error)


def forecast_of(plan: BidPlan, seed: int, *, told: bool = True) -> tuple[Forecast, float]:
    """Return the shipped forecast of a drawn world, with its test moves known or taken for ordinary ones."""
    market = draw_bids(seed, plan, template_of(plan))
    rules = PerturbationPolicy(enabled=True, step=plan.step)
    policy = Policy(cap=Money(10**9, "CNY"), seed=seed, perturbation=rules)
    known = market.snapshot
    if not told:
        changes = tuple(replace(change, reason_code="BID_TO_VALUE") for change in known.memory.changes)
        known = replace(known, memory=replace(known.memory, changes=changes))
    return EmpiricalBayesForecaster(policy).forecast(known), market.curvature


def curvature(forecast: Forecast) -> float:
    """Return what the forecast says of the next click's share of the next spend."""
    return float((forecast.click_elasticity / (forecast.click_elasticity + forecast.cpc_elasticity)).mean())


@pytest.mark.parametrize(("clicks", "price"), [(0.35, 0.8), (1.5, 0.5)])
def test_the_shipped_forecast_learns_what_is_far_from_its_priors(clicks: float, price: float) -> None:
    """Answers at both ends of what is believable, bids that follow demand, and the forecast comes within .05."""
    plan = BidPlan(keywords=300, click_elasticity=clicks, cpc_elasticity=price)

    forecast, truth = forecast_of(plan, seed=1)

    assert curvature(forecast) == pytest.approx(truth, abs=0.05)
    assert any("Test moves: 4200 days" in note for note in forecast.notes)


def test_the_wrong_seed_leaves_the_forecast_where_steps_had_it() -> None:
    """Sides that were never drawn show no contrast, and move little."""
    plan = BidPlan(keywords=100, click_elasticity=0.3, cpc_elasticity=0.8)
    market = draw_bids(5, plan, template_of(plan))
    policy = Policy(cap=Money(10**9, "CNY"), seed=6, perturbation=PerturbationPolicy(enabled=True, step=0.2))

    other = EmpiricalBayesForecaster(policy).forecast(market.snapshot)

    untold, _ = forecast_of(plan, seed=5, told=False)
    assert math.isfinite(curvature(other))
    assert curvature(other) == pytest.approx(curvature(untold), abs=0.1)
