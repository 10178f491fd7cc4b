"""The decision as a whole: one answer for every entity, the same for equal inputs, and defined for odd ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bidder.core.change import Field
from bidder.core.decide import allocate
from bidder.core.entities import EntityKind, EntityRef, Product, State, Structure
from bidder.core.layout import Layout
from bidder.core.money import Money
from bidder.core.plan import Draft
from bidder.core.policy import GoalPolicy, Objective, Policy, ProtectPolicy
from bidder.core.prediction import Forecast
from bidder.core.reasons import Code
from bidder.core.snapshot import Memory, Snapshot
from tests.core.builders import (
    NOW,
    Shop,
    Word,
    campaign,
    changes_of,
    hold_code,
    past,
    policy,
    product,
    sales_table,
    target,
    yuan,
)

BAD = (float("nan"), float("inf"), float("-inf"), -1.0, 1e300)
ESTIMATES = ("cvr", "rpc_micros", "aov_micros", "daily_clicks", "daily_spend_micros", "clicks", "orders",
             "spend_micros", "shape", "rate")  # fmt: skip
"""Columns without which no target can be judged."""
GOODS = (product("p0"), product("p1", margin=None, stock=0), product("p2", launch_date=None, stock=None, price=None),
         product("p3", margin=0.0, refund_rate=1.0, core_sizes_gone=True))  # fmt: skip


def decided(shop: Shop, *, rules: Policy | None = None, memory: Memory | None = None, **changes: object) -> Draft:
    """Decide a shop; changes are columns of its forecast."""
    return allocate(shop.snapshot(memory=memory), shop.forecast(**changes), rules or policy())


def entities(structure: Structure) -> list[EntityRef]:
    """Return everything that needs an answer."""
    layout = Layout.of(structure, ProtectPolicy())
    return [EntityRef(kind, identity) for kind in EntityKind for identity in layout.ids(kind)]


def check_answers(draft: Draft, structure: Structure) -> None:
    """Assert that every entity is changed or held, none both, and no setting twice."""
    held = [hold.ref for hold in draft.holds]
    moved = {(change.ref, change.field) for change in draft.changes}
    assert len(draft.changes) == len(moved)
    assert sorted(map(str, entities(structure))) == sorted(map(str, [*held, *{ref for ref, _ in moved}]))
    assert all(change.old != change.new for change in draft.changes)
    assert all(np.isfinite(list(draft.figures.values())))


def answers(draft: Draft, factor: int = 1) -> set[tuple[str, str, object, str]]:
    """Return what each entity is answered, whatever the order; amounts of money times a factor."""
    held = {(str(hold.ref), "held", None, hold.reason.code.name) for hold in draft.holds}
    return held | {
        (str(c.ref), c.field, magnified(c.new, factor) if isinstance(c.new, Money) else c.new, c.reason.code.name)
        for c in draft.changes
    }


def random_shop(seed: int, number: int) -> Shop:
    """Return a shop whose words differ in everything, over a few campaigns and products."""
    rng = np.random.default_rng(seed)
    states = (*[State.ENABLED] * 3, State.PAUSED, State.ARCHIVED, State.OTHER)
    words = tuple(
        Word(
            bid=None if rng.random() < 0.2 else round(float(rng.uniform(0.05, 4)), 2),
            value=float(rng.lognormal(0.7, 1.0)),
            clicks=float(rng.choice([0.0, 0.3, 20.0, 300.0])),
            cpc=float(rng.uniform(0.04, 3)),
            seen_clicks=float(rng.choice([0.0, 5.0, 400.0, 5000.0])),
            covered=float(rng.random() < 0.9),
            state=states[rng.integers(6)],
            product=(None, "p0", "p1", "p2", "p3")[rng.integers(5)],
            campaign=f"c{int(rng.integers(4))}",
        )
        for _ in range(number)
    )
    names = list(dict.fromkeys(word.campaign for word in words))
    budgets = {name: (None, 10.0, 30.0, 400.0)[rng.integers(4)] for name in names}
    of_campaigns: dict[str, dict[str, object]] = {
        name: {
            "state": states[rng.integers(6)],
            "manual_bids": bool(rng.random() < 0.8),
            "shared_budget_id": "s" if rng.random() < 0.3 else None,
            "dayparts": (0.5, 1.5) * 12 if rng.random() < 0.3 else None,
        }
        for name in names
    }
    return Shop(words=words, budgets=budgets, products=GOODS, campaigns=of_campaigns)


def random_memory(seed: int, structure: Structure) -> Memory:
    """Return a record that freezes, leaves alone and has paused some of the account."""
    rng = np.random.default_rng(seed)
    refs = entities(structure)

    def some() -> list[EntityRef]:
        return [ref for ref in refs if rng.random() < 0.15]

    sells = {t.id for t in structure.targets if t.product_id is not None}
    codes = ("PAUSE_EVIDENCE", "PAUSE_NEW_FAILED", "PAUSE_OVER_CAP", "NO_SUCH_CODE", "PAUSE_STOCK", "PAUSE_SLOW")
    paused = {
        ref: past(ref, Field.STATE, State.ENABLED, State.PAUSED, hours_ago=90,
                  code=codes[rng.integers(6 if ref.id in sells else 4)])
        for ref in [*some(), *some(), *some()]
    }  # fmt: skip
    cooling = tuple(past(ref, Field.BID, yuan(1), yuan(1.1), hours_ago=9) for ref in some())
    return Memory(
        changes=(*paused.values(), *cooling),
        frozen=frozenset(some()),
        left_alone={ref: NOW + timedelta(hours=float(rng.uniform(-5, 60))) for ref in some()},
        paused_by_us=paused,
        day_spend_micros={c.id: int(rng.integers(0, 10**9)) for c in structure.campaigns if rng.random() < 0.5},
    )


def poisoned(forecast: Forecast, seed: int, share: float) -> Forecast:
    """Return the forecast with figures that cannot be in some places of every column."""
    rng = np.random.default_rng(seed)
    changed: dict[str, Any] = {}
    for name in (*ESTIMATES, "cpc_micros", "refund_rate", "click_elasticity", "cpc_elasticity", "cart_rate"):
        number = len(forecast.target_ids)
        changed[name] = np.where(rng.random(number) < share, rng.choice(BAD, number), getattr(forecast, name))
    return replace(forecast, **changed)


@given(
    seed=st.integers(0, 2**20),
    number=st.integers(0, 25),
    cap=st.sampled_from([0.0, 29.0, 75.0, 300.0, 1e6]),
    share=st.sampled_from([0.0, 0.03, 1.0]),
    objective=st.sampled_from(Objective),
    margin=st.sampled_from([None, 0.4]),
)
@settings(max_examples=150)
def test_every_entity_has_exactly_one_answer(
    seed: int, number: int, cap: float, share: float, objective: Objective, margin: float | None
) -> None:
    """Whatever the account, its record, the estimates and the goal; numpy may warn of estimates that are masked."""
    shop = random_shop(seed, number)
    memory = random_memory(seed, shop.structure())
    rules = policy(cap, goal=GoalPolicy(objective=objective, default_margin=margin))

    with np.errstate(all="ignore"):
        draft = allocate(shop.snapshot(memory=memory), poisoned(shop.forecast(), seed, share), rules)

    check_answers(draft, shop.structure())
    untouchable = memory.frozen | {ref for ref, until in memory.left_alone.items() if until > NOW}
    assert not untouchable & {change.ref for change in draft.changes}


def rows_moved(forecast: Forecast, order: Sequence[int]) -> Forecast:
    """Return the forecast with its rows in another order."""
    columns = {name: getattr(forecast, name) for name in Forecast.__dataclass_fields__ if name != "maturity"}
    moved: dict[str, Any] = {n: column[list(order)] for n, column in columns.items() if isinstance(column, np.ndarray)}
    return replace(forecast, target_ids=tuple(forecast.target_ids[row] for row in order), **moved)


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("cap", [60.0, 2_000.0])
def test_the_order_of_targets_does_not_matter(seed: int, cap: float) -> None:
    """The same targets in another order get the same answers."""
    shop, order = random_shop(seed, 20), np.random.default_rng(seed).permutation(20).tolist()
    snapshot = shop.snapshot(memory=random_memory(seed, shop.structure()))
    targets = tuple(snapshot.structure.targets[row] for row in order)
    moved = replace(snapshot, structure=replace(snapshot.structure, targets=targets))

    first = allocate(snapshot, shop.forecast(), policy(cap))
    second = allocate(moved, rows_moved(shop.forecast(), order), policy(cap))

    assert answers(first) == answers(second)


def magnified(amount: Money | None, factor: int) -> Money | None:
    """Return a multiple of an amount."""
    return None if amount is None else Money(amount.micros * factor, amount.currency)


def magnified_snapshot(snapshot: Snapshot, factor: int) -> Snapshot:
    """Return the same account in a currency whose unit is worth less."""
    seen = snapshot.structure
    structure = replace(
        seen,
        campaigns=tuple(replace(c, daily_budget=magnified(c.daily_budget, factor)) for c in seen.campaigns),
        ad_groups=tuple(replace(g, default_bid=magnified(g.default_bid, factor)) for g in seen.ad_groups),
        targets=tuple(replace(t, bid=magnified(t.bid, factor)) for t in seen.targets),
        products=tuple(replace(p, price=magnified(p.price, factor)) for p in seen.products),
    )
    names = ("bid_increment", "bid_min", "bid_max", "budget_increment", "budget_min", "budget_max")
    rules: dict[str, Any] = {name: magnified(getattr(snapshot.profile, name), factor) for name in names}
    return replace(snapshot, structure=structure, profile=replace(snapshot.profile, **rules))


@pytest.mark.parametrize("factor", [4, 128])
@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("cap", [64.0, 2_000.0])
def test_decisions_do_not_depend_on_the_unit_of_money(seed: int, factor: int, cap: float) -> None:
    """All amounts times a factor give the same answers times the factor."""
    shop = random_shop(seed, 20)
    forecast = shop.forecast()
    columns = {name: getattr(forecast, name) * factor for name in Forecast.__dataclass_fields__ if "_micros" in name}

    plain = allocate(shop.snapshot(), forecast, policy(cap))
    large = allocate(magnified_snapshot(shop.snapshot(), factor), shop.forecast(**columns), policy(cap * factor))

    assert answers(plain, factor) == answers(large)


@pytest.mark.parametrize("seed", range(6))
def test_equal_inputs_give_equal_bytes(seed: int) -> None:
    """Built anew from the same figures, down to the last digit of every reason and figure, and in the same order."""

    def once() -> bytes:
        shop = random_shop(seed, 25)
        memory = random_memory(seed, shop.structure())
        return repr(allocate(shop.snapshot(memory=memory), shop.forecast(), policy())).encode()

    assert once() == once()


def test_observed_account_is_held_whole_until_the_hour() -> None:
    """Nothing moves before the instant; at it the account is decided."""
    shop = Shop(words=(Word(value=0.2), Word(bid=None, campaign="c1")))
    until = NOW + timedelta(minutes=1)

    watched = decided(shop, memory=Memory(observing_until=until, frozen=frozenset({target(0)})))
    over = decided(shop, memory=Memory(observing_until=NOW))

    assert () == watched.changes
    assert entities(shop.structure()) == [hold.ref for hold in watched.holds]
    assert {Code.OBSERVING} == {hold.reason.code for hold in watched.holds}
    assert over.changes


@pytest.mark.parametrize(("value", "expected"), [(2.0, 0.80), (3.5, 1.12), (4.0, 1.20)])
def test_bid_goes_where_the_next_click_costs_what_it_is_worth(value: float, expected: float) -> None:
    """Worth is .5 x .9 of revenue; the next click costs 1.4 / .8 x 0.80 = 1.40 at a bid of 1.00; a step is 20%."""
    (change,) = changes_of(decided(Shop(words=(Word(value=value),))), target(0))

    assert (Field.BID, yuan(1), yuan(expected)) == (change.field, change.old, change.new)


@pytest.mark.parametrize(
    ("stock", "lead_days", "lowered"), [(60, 30, False), (35, 30, False), (12, 30, True), (12, 1, False)]
)
def test_short_stock_lowers_bids_only_in_its_last_days(stock: int, lead_days: int, lowered: bool) -> None:  # noqa: FBT001
    """Ten units are sold a day: six or three days of stock are enough though the next goods take a month."""
    goods = (product("p0", stock=stock, lead_time_days=lead_days),)
    shop = Shop(words=(Word(value=3.2, product="p0"),), products=goods)

    draft = allocate(shop.snapshot(sales=sales_table([[10] * 28])), shop.forecast(), policy())

    assert lowered == (Code.BID_DOWN_STOCK in {change.reason.code for change in draft.changes})


@pytest.mark.parametrize("bad", BAD[:4])
@pytest.mark.parametrize("column", ESTIMATES)
def test_estimate_that_cannot_be_holds_its_own_target_only(column: str, bad: float) -> None:
    """The neighbour is decided as if it stood alone."""
    shop = Shop(words=(Word(value=4.0), Word(value=4.0)))
    values: dict[str, Any] = {column: np.append(bad, getattr(shop.forecast(), column)[1:])}

    draft = decided(shop, **values)

    assert "FORECAST_UNUSABLE" == hold_code(draft, target(0))
    assert [yuan(1.2)] == [change.new for change in changes_of(draft, target(1))]


def test_target_that_is_not_in_the_report_is_held() -> None:
    """Missing is not zero, though it looks like a loser."""
    draft = decided(Shop(words=(Word(value=0.1, covered=0.0), Word())))

    assert "MISSING_DATA" == hold_code(draft, target(0))


@pytest.mark.parametrize(
    ("goods", "name", "called"),
    [((product(margin=None),), "p0", "Thing p0"), ((), None, "its product"), ((product(),), "p9", "its product")],
)
def test_without_a_margin_nothing_is_judged(goods: tuple[Product, ...], name: str | None, called: str) -> None:
    """The hold names the product; a default margin of the policy ends it."""
    shop = Shop(words=(Word(value=4.0, product=name),), products=goods)

    without = decided(shop)
    default = decided(shop, rules=policy(goal=GoalPolicy(default_margin=0.5)))

    (held,) = [hold.reason for hold in without.holds if hold.ref == target(0)]
    assert (Code.MISSING_MARGIN, {"product": called}) == (held.code, dict(held.evidence))
    assert [yuan(1.2)] == [change.new for change in changes_of(default, target(0))]


def test_targets_without_a_click_are_tried_and_not_paused() -> None:
    """Nothing seen is no evidence against a word: one step up, as its pooled estimate is good."""
    shop = Shop(words=(Word(clicks=0.0, seen_clicks=0.0, value=4.0),))

    draft = decided(shop, cpc_micros=np.array([np.nan]), daily_spend_micros=np.zeros(1))

    (change,) = changes_of(draft, target(0))
    assert (Field.BID, yuan(1.2), Code.BID_EXPLORE) == (change.field, change.new, change.reason.code)


def test_empty_account_gets_an_empty_draft() -> None:
    """No campaigns, no targets, no products: nothing to answer and nothing to fail on."""
    draft = decided(Shop(words=()))

    assert ((), (), (), ()) == (draft.changes, draft.holds, draft.stages, draft.objections)


@pytest.mark.parametrize("objective", Objective)
@pytest.mark.parametrize("floor", ["average", "marginal"])
def test_where_every_word_loses_money_nothing_is_raised(objective: Objective, floor: Any) -> None:
    """Goods without a margin reach no floor on any spend."""
    shop = Shop(
        words=tuple(Word(campaign=f"c{n}", seen_clicks=clicks) for n, clicks in enumerate((20.0, 900.0, 9000.0))),
        products=(product(margin=0.0),),
    )

    draft = decided(shop, rules=policy(goal=GoalPolicy(objective=objective, floor=floor)))

    check_answers(draft, shop.structure())
    assert draft.changes
    assert not [change for change in draft.changes if change.raises]


def test_cap_below_the_least_budgets_pauses_the_worst_campaign() -> None:
    """Three budgets of at least 30 exceed 70, two do not: the one that returns least goes, and an objection says so."""
    shop = Shop(
        words=tuple(Word(campaign=f"c{n}", value=value) for n, value in enumerate((3.0, 2.0, 4.0))),
        budgets=dict.fromkeys(("c0", "c1", "c2"), 30.0),
    )

    draft = decided(shop, rules=policy(70.0))

    assert [campaign("c1")] == [change.ref for change in draft.changes if change.new is State.PAUSED]
    assert [Code.BOUNDS_INFEASIBLE] == [objection.reason.code for objection in draft.objections]
    check_answers(draft, shop.structure())


@given(
    budgets=st.lists(st.integers(30, 900), min_size=1, max_size=6),
    values=st.lists(st.floats(0.5, 9.0), min_size=6, max_size=6),
    cap=st.integers(180, 4000),
)
def test_running_budgets_stay_within_the_cap(budgets: list[int], values: list[float], cap: int) -> None:
    """Whatever stood before, as far as the venue's least budget allows: six of 30 fit the least cap of 180."""
    words = tuple(Word(campaign=f"c{n}", value=values[n], clicks=100.0) for n in range(len(budgets)))
    shop = Shop(words=words, budgets={f"c{n}": float(budget) for n, budget in enumerate(budgets)})

    draft = decided(shop, rules=policy(float(cap)))

    standing = {f"c{n}": yuan(budget) for n, budget in enumerate(budgets)}
    for change in draft.changes:
        if isinstance(change.new, Money) and change.field is Field.DAILY_BUDGET:
            standing[change.ref.id] = change.new
    assert sum(amount.micros for amount in standing.values()) <= cap * 1_000_000
    assert all(amount >= yuan(30) for amount in standing.values())
