"""Corners of the guards in which money once slipped through, or an answer stood still."""

from __future__ import annotations

import pytest

from bidder.core.change import Change, Field
from bidder.core.decide import allocate
from bidder.core.entities import EntityKind, State
from bidder.core.funding import Book
from bidder.core.guards import guard
from bidder.core.plan import Draft, Verdict
from bidder.core.policy import LimitPolicy, Policy
from bidder.core.reasons import Code, Reason
from bidder.core.snapshot import Memory
from tests.core.builders import (
    Shop,
    Word,
    bid,
    budget,
    campaign,
    changes_of,
    past,
    policy,
    product,
    profile,
    target,
    yuan,
)

TO_CAP = Reason.of(Code.BUDGET_TO_CAP, cap="1", old="2", new="3")


def judged(shop: Shop, *changes: Change, rules: Policy, memory: Memory | None = None) -> Verdict:
    """Return what the guards leave."""
    return guard(Draft(changes=changes, holds=()), shop.snapshot(memory=memory or Memory()), rules)


def bounded(**limits: object) -> Policy:
    """Return a policy with bounds of our own."""
    return policy(10_000, limits=LimitPolicy(**limits))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("old", "new", "limits"),
    [(5.0, 4.0, {"bid_ceiling": yuan(1)}), (1.0, 1.2, {"bid_floor": yuan(2)})],
)
def test_a_step_towards_a_bound_goes_out(old: float, new: float, limits: dict[str, object]) -> None:
    """A ceiling far below the bid is reached over days; a step of the way is not refused for not being all of it."""
    shop = Shop(words=(Word(bid=old),))

    verdict = judged(shop, bid(0, old, new), rules=bounded(**limits))

    assert [yuan(new)] == [change.new for change in changes_of(verdict, target(0))]


@pytest.mark.parametrize(("old", "new"), [(1.0, 1.2), (0.5, 0.4)])
def test_a_step_away_from_a_bound_does_not(old: float, new: float) -> None:
    """Above a ceiling nothing rises, and below a floor nothing falls."""
    shop = Shop(words=(Word(bid=old),))
    rules = bounded(bid_ceiling=yuan(0.9)) if new > old else bounded(bid_floor=yuan(0.9))

    verdict = judged(shop, bid(0, old, new), rules=rules)

    assert [] == changes_of(verdict, target(0))


def test_nothing_rises_beside_a_campaign_without_a_limit() -> None:
    """Endless and a little more is more than endless."""
    shop = Shop(words=(Word(), Word(campaign="c1")), budgets={"c0": None, "c1": 50.0})
    raised = budget("c1", 50, 65)

    fits = Book.of(shop.snapshot().structure).fits(raised, yuan(100).micros)
    verdict = judged(shop, raised, rules=policy(100))

    assert not fits
    assert [] == changes_of(verdict, campaign("c1"))


def test_a_decrease_that_the_quota_drops_funds_no_increase() -> None:
    """The quota speaks before the cap: what cannot go out frees no money."""
    rules = profile(daily_change_quota={(EntityKind.CAMPAIGN, Field.DAILY_BUDGET): 1})
    shop = Shop(words=(Word(), Word(campaign="c1")), budgets={"c0": 100.0, "c1": 100.0}, rules=rules)
    today = past(campaign("c0"), Field.DAILY_BUDGET, yuan(101), yuan(100), hours_ago=1)

    verdict = judged(
        shop,
        budget("c0", 100, 80),
        budget("c1", 100, 120),
        rules=policy(200),
        memory=Memory(changes=(today,)),
    )

    assert () == verdict.plan.changes


def test_the_cap_as_a_reason_lifts_no_limit_on_raises() -> None:
    """Only a lower budget may leave the step limit for the cap's sake."""
    shop = Shop(words=(Word(),), budgets={"c0": 100.0})

    up = judged(shop, budget("c0", 100, 1_000, why=TO_CAP), rules=policy(10_000))
    down = judged(shop, budget("c0", 100, 40, why=TO_CAP), rules=policy(10_000))

    assert [yuan(130)] == [change.new for change in changes_of(up, campaign("c0"))]
    assert [yuan(40)] == [change.new for change in changes_of(down, campaign("c0"))]


def test_a_cap_below_the_least_budget_lowers_the_last_campaign_to_it() -> None:
    """What cannot be met is met as nearly as the venue allows."""
    shop = Shop(words=(Word(),), budgets={"c0": 500.0})

    draft = allocate(shop.snapshot(), shop.forecast(), policy(29))

    assert [yuan(30)] == [change.new for change in changes_of(draft, campaign("c0"))]


def test_a_target_whose_product_is_gone_stays_paused() -> None:
    """We paused it for stock, and the product has left the shop: no crash, no resumption."""
    shop = Shop(words=(Word(state=State.PAUSED, product="gone"), Word()), products=(product("p0"),))
    paused = past(target(0), Field.STATE, State.ENABLED, State.PAUSED, hours_ago=30, code="PAUSE_STOCK")

    draft = allocate(shop.snapshot(memory=Memory(paused_by_us={target(0): paused})), shop.forecast(), policy())

    assert [] == [change for change in changes_of(draft, target(0)) if change.field is Field.STATE]


def test_lowering_a_budget_that_does_not_bind_gains_and_loses_nothing() -> None:
    """Money that nobody would spend has no return."""
    shop = Shop()

    draft = allocate(shop.snapshot(), shop.forecast(), policy())

    lowered = [change for change in changes_of(draft, campaign()) if change.field is Field.DAILY_BUDGET]
    assert lowered
    assert all(0 == change.gain_micros for change in lowered)
