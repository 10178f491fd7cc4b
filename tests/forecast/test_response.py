"""Response to bids: planted elasticities come out, few steps say little, and what only looks like a step is none."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bidder.core.calendar import day_start, ordinal
from bidder.core.change import Field, PastChange, Status
from bidder.core.entities import Editor, EntityKind, EntityRef, Structure
from bidder.core.pastbudgets import daily_budgets
from bidder.core.performance import Float64
from bidder.forecast.bids import BidSteps, bid_steps
from bidder.forecast.facts import TargetFacts
from bidder.forecast.layout import Layout, lay_out
from bidder.forecast.presence import Presence
from bidder.forecast.response import (
    CATEGORY_SPREAD,
    CLICK_PRIOR,
    CLICK_SPREAD,
    CPC_PRIOR,
    CPC_SPREAD,
    Elasticities,
    learn_elasticities,
)
from tests.forecast.shops import TODAY, ZONE, ShopPlan, cny, days_ago, structure

TODAY_NUMBER = ordinal(TODAY)
DAYS = 35
SHOP = structure(ShopPlan(targets=400, campaigns=4, products=20))
LAYOUT = lay_out(SHOP)
NOW = 1.2
"""The bid that every target of the made-up shop shows."""


def at(back: int, hours: float = 12.0) -> datetime:
    """Return an instant on the marketplace day so many days before the forecast's."""
    return day_start(days_ago(back), ZONE) + timedelta(hours=hours)


def step(identity: str, old: float, new: float, when: datetime, kind: EntityKind = EntityKind.TARGET) -> PastChange:
    """Return a confirmed change of a bid."""
    return PastChange(
        ref=EntityRef(kind, identity),
        field=Field.BID,
        old=cny(old),
        new=cny(new),
        at=when,
        status=Status.CONFIRMED,
        actor=Editor.DAEMON,
        reason_code="test",
    )


def always_there(layout: Layout) -> Presence:
    """Return the presence of targets that could be shown on all days."""
    return Presence(
        first_day=TODAY_NUMBER - DAYS,
        there=np.ones((len(layout), DAYS), dtype=np.bool_),
        served=np.ones((len(layout.campaign_ids), DAYS)),
        in_stock=np.ones((len(layout.products) + 1, DAYS)),
        campaign=layout.campaign,
        product=layout.product_rows(),
    )


def answered(clicks: Float64, cpc: Float64) -> TargetFacts:
    """Return facts of every target and day, from arrays of shape (n_targets, n_days)."""
    target, column = (grid.ravel() for grid in np.indices(clicks.shape))
    flat = clicks.ravel().astype(np.float64)
    nothing = np.zeros(len(flat))
    return TargetFacts(
        today=TODAY_NUMBER,
        first_day=TODAY_NUMBER - DAYS,
        target=target.astype(np.int32),
        day=(TODAY_NUMBER - DAYS + column).astype(np.int32),
        elapsed=nothing + 7,
        impressions=flat * 20,
        clicks=flat,
        orders=nothing,
        spend_micros=flat * cpc.ravel() * 1e6,
        revenue_micros=nothing,
        carts=nothing,
    )


def chosen_steps(every: int) -> dict[int, tuple[float, int]]:
    """Return for some targets the bid before and how many days ago it moved to the present one; ups and downs."""
    rows = range(0, len(LAYOUT), every)
    return {row: ((1.0, 1.44)[n % 2], 8 + 3 * (n % 7)) for n, row in enumerate(rows)}


def learned(
    moved: dict[int, tuple[float, int]], clicks_answer: Float64, cpc_answer: float, *, demand: Float64, seed: int
) -> Elasticities:
    """Draw a past in which some targets stepped and answered so, and learn from it."""
    rng = np.random.default_rng(seed)
    ahead = np.zeros((len(LAYOUT), DAYS))  # log(bid of the day / bid now)
    for row, (old, back) in moved.items():
        ahead[row, : DAYS - back] = math.log(old / NOW)
    clicks = rng.poisson(demand * np.exp(clicks_answer[:, None] * ahead)).astype(np.float64)
    changes = [step(f"t{row}", old, NOW, at(back, 0.0)) for row, (old, back) in moved.items()]
    steps = bid_steps(changes, SHOP, LAYOUT, today=TODAY_NUMBER)
    return learn_elasticities(answered(clicks, np.exp(cpc_answer * ahead)), always_there(LAYOUT), steps, LAYOUT)


@pytest.mark.parametrize(("clicks", "cpc"), [(0.35, 0.45), (1.3, 0.8)])
def test_planted_elasticities_are_recovered_although_demand_swings(clicks: float, cpc: float) -> None:
    """Eighty steps of busy targets outvote both priors, and a demand that triples in between is not the bid's work."""
    swing = 60.0 * np.linspace(1.0, 3.0, DAYS) * (1 + 0.3 * (np.arange(DAYS) % 7 == 0))

    answer = learned(chosen_steps(5), np.full(len(LAYOUT), clicks), cpc, demand=swing, seed=1)

    assert 80 == answer.steps
    np.testing.assert_allclose(answer.clicks, clicks, atol=0.12)
    np.testing.assert_allclose(answer.cpc, cpc, atol=0.03)
    assert answer.click_error < CLICK_SPREAD / 4
    assert answer.cpc_error < CPC_SPREAD / 4


def test_categories_keep_their_own_elasticity() -> None:
    """Where apparel answers weakly and the rest strongly, each is read from its own steps."""
    apparel = LAYOUT.category == LAYOUT.categories.index("apparel")
    truth = np.where(apparel, 0.5, 1.1)

    answer = learned(chosen_steps(3), truth, 0.6, demand=np.full(DAYS, 400.0), seed=2)

    assert 2 == len(np.unique(answer.clicks))
    assert answer.clicks[apparel][0] == pytest.approx(0.5, abs=0.12)
    assert answer.clicks[~apparel][0] == pytest.approx(1.1, abs=0.12)


def test_one_small_step_moves_the_prior_as_far_as_bayes_says() -> None:
    """The account's elasticity is the maximum of binomial likelihood times prior, found here on a grid."""
    log_step = math.log(NOW / 1.0)
    clicks = np.full((len(LAYOUT), DAYS), 5.0)
    clicks[0, DAYS - 8 :] = 9.0
    steps = bid_steps([step("t0", 1.0, NOW, at(8, 0.0))], SHOP, LAYOUT, today=TODAY_NUMBER)

    answer = learn_elasticities(answered(clicks, np.ones_like(clicks)), always_there(LAYOUT), steps, LAYOUT)

    grid = np.linspace(0.05, 2.5, 200_001)
    share = 1 / (1 + np.exp(-grid * log_step))
    posterior = 45 * np.log(share) + 25 * np.log1p(-share) - 0.5 * ((grid - CLICK_PRIOR) / CLICK_SPREAD) ** 2
    best = float(grid[np.argmax(posterior)])
    share_best = 1 / (1 + math.exp(-best * log_step))
    information = 70 * share_best * (1 - share_best) * log_step**2
    own = best + (best - CLICK_PRIOR) / CLICK_SPREAD**2 / (information + 1 / CATEGORY_SPREAD**2)
    assert 1 == answer.steps
    assert answer.clicks[0] == pytest.approx(own, abs=0.01)
    assert answer.clicks[1] == pytest.approx(best, abs=0.01)
    assert answer.click_error == pytest.approx((information + 1 / CLICK_SPREAD**2) ** -0.5, rel=0.01)


def test_a_step_of_the_whole_account_at_once_tells_nothing() -> None:
    """More clicks after everybody's step may as well be a better day: the prior stands."""
    everybody = dict.fromkeys(range(len(LAYOUT)), (1.0, 10))

    answer = learned(everybody, np.full(len(LAYOUT), 1.6), 0.6, demand=np.full(DAYS, 50.0), seed=3)

    assert len(LAYOUT) == answer.steps
    np.testing.assert_allclose(answer.clicks, CLICK_PRIOR, atol=0.02)


def test_without_steps_the_priors_stand_with_their_spread() -> None:
    """No step on record: middle of the ranges, and no claim to know better."""
    answer = learned({}, np.full(len(LAYOUT), 1.6), 0.9, demand=np.full(DAYS, 50.0), seed=4)

    assert (0, CLICK_SPREAD, CPC_SPREAD) == (answer.steps, answer.click_error, answer.cpc_error)
    assert {CLICK_PRIOR} == set(answer.clicks)
    assert {CPC_PRIOR} == set(answer.cpc)


@pytest.mark.parametrize(
    "others",
    [
        {"status": Status.PENDING}, {"status": Status.REJECTED}, {"status": Status.UNKNOWN},
        {"status": Status.ABANDONED}, {"field": Field.DAILY_BUDGET}, {"old": None}, {"old": cny(0)},
    ],
)  # fmt: skip
def test_what_is_no_confirmed_step_between_two_bids_is_left_out(others: dict[str, object]) -> None:
    """Intents that may never have happened, budgets, and bids that were nothing before."""
    change = replace(step("t0", 1.0, NOW, at(3)), **others)  # type: ignore[arg-type]  # fields are named as the change's

    steps = bid_steps([change], SHOP, LAYOUT, today=TODAY_NUMBER)

    assert 0 == len(steps.step)
    assert [0.0] == steps.distance(np.array([0], np.int32), np.array([TODAY_NUMBER - 9], np.int32)).tolist()


def behind(steps: BidSteps, row: int, *back: int) -> list[float]:
    """Return how far the present bid is above that of some days ago, as a ratio."""
    days = np.array([TODAY_NUMBER - number for number in back], dtype=np.int32)
    ratios: list[float] = np.exp(steps.distance(np.full(len(back), row, dtype=np.int32), days)).tolist()
    return ratios


def test_a_step_inside_a_day_counts_for_the_rest_of_it() -> None:
    """Six in the evening leaves three quarters of the day to the old bid; other targets have not moved."""
    steps = bid_steps([step("t7", 1.0, NOW, at(3, 18.0))], SHOP, LAYOUT, today=TODAY_NUMBER)

    assert [1.2, 1.2, pytest.approx(1.2**0.75), 1.0, 1.0] == pytest.approx(behind(steps, 7, 30, 4, 3, 2, 0))
    assert [1.0, 1.0] == behind(steps, 8, 30, 0)


def test_targets_without_a_bid_of_their_own_step_with_their_ad_group() -> None:
    """The group's step from .8 to 1 is theirs; a target with a bid of its own stays."""
    heir = replace(SHOP.targets[0], bid=None)
    shop = replace(SHOP, targets=(heir, *SHOP.targets[1:]))
    sibling = next(row for row, t in enumerate(SHOP.targets) if row and t.ad_group_id == heir.ad_group_id)
    change = step(heir.ad_group_id, 0.8, 1.0, at(2, 0.0), EntityKind.AD_GROUP)

    steps = bid_steps([change], shop, lay_out(shop), today=TODAY_NUMBER)

    assert [1.25, 1.0] == pytest.approx(behind(steps, 0, 3, 2))
    assert [1.0, 1.0] == behind(steps, sibling, 3, 2)


def test_a_move_that_nobody_recorded_is_seen_in_the_bid_shown() -> None:
    """We left the bid at .8, 1.2 is shown: somebody raised it, and every day on record was earned below."""
    steps = bid_steps([step("t0", 1.0, 0.8, at(5, 0.0))], SHOP, LAYOUT, today=TODAY_NUMBER)

    assert [1.2, 1.5] == pytest.approx(behind(steps, 0, 6, 4))


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.floats(0.3, 5.0), min_size=1, max_size=6),
    st.lists(st.integers(0, 30 * 24 - 1), min_size=6, max_size=6, unique=True),
)
def test_distance_is_the_day_average_of_the_log_bid(bids: list[float], hours: list[int]) -> None:
    """Whatever chain of steps led to the present bid, each day's distance is what its 24 hours say one by one."""
    moments = sorted(hours)[: len(bids)]
    chain = [*bids, NOW]
    changes = [step("t0", chain[n], chain[n + 1], at(30, float(hour))) for n, hour in enumerate(moments)]
    by_hour = np.array([chain[sum(m <= hour for m in moments)] for hour in range(30 * 24)])

    steps = bid_steps(changes, SHOP, LAYOUT, today=TODAY_NUMBER)

    expected = np.log(NOW / by_hour).reshape(30, 24).mean(axis=1)
    np.testing.assert_allclose(np.log(behind(steps, 0, *range(30, 0, -1))), expected, atol=1e-4)


# Budgets


def budget(new: float, back: int, old: float | None, identity: str = "c0") -> PastChange:
    """Return a change of a daily budget."""
    change = step(identity, old or 0, new, at(back), EntityKind.CAMPAIGN)
    return replace(change, field=Field.DAILY_BUDGET, old=None if old is None else change.old)


def in_force(*changes: PastChange, shop: Structure = SHOP) -> list[float]:
    """Return the first campaign's budgets of the last six days."""
    found = daily_budgets(changes, shop, first_day=TODAY_NUMBER - 6, today=TODAY_NUMBER)
    values: list[float] = (found[0] / 1e6).tolist()
    return values


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ((), [500] * 6),
        ((budget(500, 4, 300),), [300, 300, 500, 500, 500, 500]),
        ((budget(500, 4, 800),), [800, 800, 800, 500, 500, 500]),
        ((budget(700, 5, 300), budget(500, 2, 700)), [300, 700, 700, 700, 700, 500]),
        ((budget(900, 3, 300), budget(500, 3, 900)), [300, 300, 300, 900, 500, 500]),
        ((budget(300, 40, 100), budget(500, 0, 300)), [300] * 6),
        ((replace(budget(500, 4, 300), status=Status.REJECTED),), [500] * 6),
        ((budget(500, 4, 300, "c1"), budget(500, 4, 300, "gone")), [500] * 6),
        ((budget(500, 4, 300), step("c0", 9, 8, at(2), EntityKind.CAMPAIGN)), [300, 300, 500, 500, 500, 500]),
    ],
)
def test_the_largest_budget_of_each_day_is_told(changes: tuple[PastChange, ...], expected: list[float]) -> None:
    """On a change's day the larger of both, before the first on record its old value, after the last the present."""
    found = in_force(*changes)

    assert expected == found


def test_shared_and_missing_budgets_are_no_budgets_of_the_campaign() -> None:
    """A shared budget is nobody's own, whatever is on record; no limit is no figure, before a first limit either."""
    first = SHOP.campaigns[0]
    shared = replace(SHOP, campaigns=(replace(first, shared_budget_id="both"), *SHOP.campaigns[1:]))
    unlimited = replace(SHOP, campaigns=(replace(first, daily_budget=None), *SHOP.campaigns[1:]))

    assert np.isnan(in_force(budget(500, 4, 300), shop=shared)).all()
    assert np.isnan(in_force(shop=unlimited)).all()
    assert [True, True, False, False, False] == np.isnan(np.delete(in_force(budget(500, 4, None)), 2)).tolist()
