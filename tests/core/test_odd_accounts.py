"""Odd accounts get defined answers, through the guards as well: nothing fails, nothing passes the cap."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import timedelta
from itertools import pairwise

import numpy as np
import pytest

from bidder.core.change import Field
from bidder.core.decide import allocate
from bidder.core.entities import Editor, State
from bidder.core.guards import guard
from bidder.core.money import Money
from bidder.core.plan import Draft, Verdict
from bidder.core.policy import Policy
from bidder.core.prediction import Forecast
from bidder.core.snapshot import Memory
from tests.core.builders import NOW, Shop, Word, campaign, changes_of, hold_code, past, policy, product, profile, yuan
from tests.core.builders import target as target_ref


def judged(shop: Shop, rules: Policy, forecast: Forecast | None = None, memory: Memory | None = None) -> Verdict:
    """Decide and guard; every entity must have its answer."""
    snapshot = shop.snapshot(memory=memory)
    draft: Draft = allocate(snapshot, forecast or shop.forecast(), rules)
    return guard(draft, snapshot, rules)


def budgets_after(verdict: Verdict, shop: Shop) -> float:
    """Return the sum of running campaigns' budgets once the plan stands, yuan."""
    total = 0
    for one in shop.structure().campaigns:
        moved = {change.field: change.new for change in changes_of(verdict, campaign(one.id))}
        if moved.get(Field.STATE, one.state) is State.ENABLED:
            budget = moved.get(Field.DAILY_BUDGET, one.daily_budget)
            assert isinstance(budget, Money)
            total += budget.micros
    return total / 1e6


@pytest.mark.parametrize("value", [0.0, 0.2, 3.0, 50.0])
def test_one_campaign_with_one_word_is_managed(value: float) -> None:
    """There is nothing to share between: the word moves by what it is worth, and the budget stays within the cap."""
    shop = Shop(words=(Word(value=value),), budgets={"c0": 300.0})

    verdict = judged(shop, policy(400.0))

    bids = [c.new for c in changes_of(verdict, target_ref(0)) if c.field is Field.BID]
    assert all(isinstance(bid, Money) and (bid > yuan(1)) == (value > 3) for bid in bids)
    assert budgets_after(verdict, shop) <= 400


@pytest.mark.parametrize("bad", [np.inf, -np.inf, np.nan])
def test_a_forecast_of_nothing_but_infinities_changes_no_bid(bad: float) -> None:
    """Every word is held as unusable; budgets do not rise on it, and what goes out fits the cap."""
    shop = Shop(words=tuple(Word(campaign=f"c{n % 2}") for n in range(4)))
    made = shop.forecast()
    columns = {f.name: np.full(4, bad) for f in fields(made) if isinstance(getattr(made, f.name), np.ndarray)}
    columns["maturity"] = made.maturity

    verdict = judged(shop, policy(2_000.0), replace(made, **columns))  # type: ignore[arg-type]  # arrays of the forecast

    assert not [change for change in verdict.plan.changes if change.field is Field.BID or change.raises]
    assert {"FORECAST_UNUSABLE", "MISSING_DATA"} >= {hold_code(verdict, target_ref(n)) for n in range(4)}


def test_a_budget_below_the_venues_least_is_mended_or_left_but_never_lowered() -> None:
    """The venue would refuse any value between: what is sent is on its grid and at least its least budget."""
    shop = Shop(
        words=tuple(Word(campaign=f"c{n}", clicks=300.0) for n in range(2)),
        budgets={"c0": 5.0, "c1": 300.0},
        rules=profile(budget_min=yuan(30)),
    )

    verdict = judged(shop, policy(2_000.0))

    sent = [c.new for c in verdict.plan.changes if c.field is Field.DAILY_BUDGET]
    assert all(isinstance(new, Money) and new >= yuan(30) for new in sent)
    assert budgets_after(verdict, shop) <= 2_000


def test_a_product_that_cannot_earn_is_bid_down_beside_one_that_can() -> None:
    """Contribution of nothing or less buys no click; the neighbour is decided as usual."""
    words = (Word(value=4.0, product="p0"), Word(value=4.0, product="p1"))
    goods = (product("p0"), product("p1", margin=0.0))
    shop = Shop(words=words, products=goods)

    verdict = judged(shop, policy())

    (good,) = changes_of(verdict, target_ref(0))
    poor = changes_of(verdict, target_ref(1))
    assert good.raises
    assert poor
    assert not any(change.raises for change in poor)


def test_a_budget_cut_to_a_tenth_overnight_by_a_person_stands() -> None:
    """What a person set last night is left alone while it is respected: nothing raises it again."""
    shop = Shop(words=tuple(Word(campaign=f"c{n}", clicks=400.0, value=6.0) for n in range(2)), budgets={"c0": 50.0})
    cut = past(campaign("c0"), Field.DAILY_BUDGET, yuan(500), yuan(50), hours_ago=8)
    memory = Memory(
        changes=(replace(cut, actor=Editor.PERSON),), left_alone={campaign("c0"): NOW + timedelta(hours=60)}
    )

    verdict = judged(shop, policy(), memory=memory)

    assert [] == [c for c in changes_of(verdict, campaign("c0")) if c.field is Field.DAILY_BUDGET]
    assert "FOREIGN_EDIT" == hold_code(verdict, campaign("c0"))


def test_all_floors_infeasible_and_a_cap_below_all_budgets_ends_in_fewer_campaigns() -> None:
    """Words that lose at any bid under a cap that feeds one campaign: lowered or paused, in an order safe to stop."""
    shop = Shop(
        words=tuple(Word(campaign=f"c{n}", value=0.3, clicks=100.0) for n in range(4)),
        budgets={f"c{n}": 100.0 for n in range(4)},
        products=(product(margin=0.05),),
    )
    rules = policy(60.0)

    verdict = judged(shop, rules)

    assert verdict.plan.changes
    assert not [change for change in verdict.plan.changes if change.raises]
    assert budgets_after(verdict, shop) <= 60
    assert all(not (b.raises is False and a.raises) for a, b in pairwise(verdict.plan.changes))


def test_a_cap_cut_to_a_tenth_passes_the_guards_whole() -> None:
    """The guards do not hold back decreases that the new cap asks for."""
    shop = Shop(words=tuple(Word(campaign=f"c{n}", clicks=400.0) for n in range(4)))

    verdict = judged(shop, policy(200.0))

    assert budgets_after(verdict, shop) <= 200
