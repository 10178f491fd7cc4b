"""A month that misses its plan by more than a twentieth is explained by what holds its money back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from bidder.core.decide import allocate
from bidder.core.plan import Draft
from bidder.core.policy import LimitPolicy
from bidder.core.snapshot import Memory
from tests.core.builders import Shop, Word, policy, profile, yuan

FAIR = Word(bid=0.96, cpc=0.77, clicks=400, value=3.0)
"""Bids what a click is worth: about 308 a day, and no wish to move."""


def month(
    words: tuple[Word, ...],
    *,
    plan: float,
    spent: float,
    today: float = 0.0,
    cap: float = 5_000,
    budget: float | None = 5_000,
    limits: Mapping[str, Any] | None = None,
    told: bool = True,
) -> Draft:
    """Decide on the 16th of September, fifteen days with today left, money in yuan."""
    memory = Memory(
        day_spend_micros={"c0": round(today * 1e6)}, month_spend_micros=round(spent * 1e6) if told else None
    )
    shop = Shop(words=words, budgets={"c0": budget}, rules=profile())
    rules = policy(cap, month_plan=yuan(plan), limits=LimitPolicy(**(limits or {})))
    return allocate(shop.snapshot(memory=memory), shop.forecast(), rules)


def said(draft: Draft) -> list[tuple[str, str]]:
    """Return what is said of the month: code, and why."""
    return [
        (o.reason.code.name, str(dict(o.reason.evidence)["why"]))
        for o in draft.objections
        if o.reason.code.name.startswith("MONTH")
    ]


@pytest.mark.parametrize("factor", [0.97, 1.0, 1.03])
def test_month_within_a_twentieth_of_its_plan_is_not_mentioned(factor: float) -> None:
    """4,600 spent by this morning, and 308 a day to come."""
    plan = (4_600 + 15 * 308) * factor

    draft = month((FAIR,), plan=plan, spent=4_600 + 115.5, today=115.5)

    assert said(draft) == []
    assert draft.figures["month_plan_ratio"] == pytest.approx(1 / factor, rel=0.02)


@pytest.mark.parametrize("plan", [None, 10_000.0])
def test_without_a_plan_or_the_months_spend_nothing_is_said(plan: float | None) -> None:
    """There is nothing to compare with, or nobody knows where the month stands."""
    told = month((FAIR,), plan=plan or 1.0, spent=0, told=False)

    assert said(told) == []
    assert "month_plan_ratio" not in told.figures


DEAR = Word(bid=0.5, cpc=0.4, clicks=400, value=6.0)
"""Worth four times its bid: bids rise by a fifth a day."""
YOUNG = Word(bid=0.9, cpc=0.7, clicks=10, value=3.0, seen_clicks=2.0, covered=0.0)


@pytest.mark.parametrize(
    ("words", "daily", "setting", "why"),
    [
        pytest.param((FAIR,), 2_000, {}, "more clicks would cost more than they are worth", id="worth-too-low"),
        pytest.param((DEAR,), 800, {}, "at most one step a day", id="step-limits"),
        pytest.param((DEAR,), 800, {"limits": {"bid_ceiling": yuan(0.5)}}, "bounds on bids", id="bounds"),
        pytest.param((FAIR,), 2_000, {"cap": 300, "budget": 300}, "the cap of a day", id="cap"),
        pytest.param((FAIR,), 300, {"budget": 100}, "budgets end before the day does", id="budgets"),
        pytest.param((YOUNG,), 2_000, {}, "too early", id="too-early"),
    ],
)
def test_underspending_names_what_holds_the_money_back(
    words: tuple[Word, ...], daily: float, setting: dict[str, Any], why: str
) -> None:
    """A plan of so much a day, which the rest of the month will not see."""
    ((code, reason),) = said(month(words, plan=15 * daily, spent=0, today=0, **setting))

    assert code == "MONTH_PLAN_UNDER"
    assert why in reason.split(";")[0]
    assert "CNY a day" in reason


def test_sentence_tells_plan_and_forecast() -> None:
    """By ten today cost 115.50; 308 a day follow."""
    draft = month((FAIR,), plan=30_000, spent=115.5, today=115.5)

    (found,) = [o.reason for o in draft.objections if o.reason.code.name == "MONTH_PLAN_UNDER"]
    assert found.render().startswith("of the 30,000.00 CNY planned for the month 4,6")
    assert draft.figures["month_forecast_micros"] == pytest.approx(4.62e9, rel=0.02)


def test_overspending_names_bids_on_their_way_down() -> None:
    """At twice its worth a click is bid down by a fifth a day, and the month's plan is nearly used up."""
    word = Word(bid=2.0, cpc=1.6, clicks=400, value=3.0)

    ((code, why),) = said(month((word,), plan=5_000, spent=4_000, today=240))

    assert code == "MONTH_PLAN_OVER"
    assert why.startswith("bids fall towards what they are worth by at most one step a day")


def test_plan_that_is_used_up_is_said_to_be() -> None:
    """12,000 spent of 10,000: whatever the coming days cost is beyond it."""
    ((code, why),) = said(month((FAIR,), plan=10_000, spent=12_000, today=115))

    assert code == "MONTH_PLAN_OVER"
    assert why
