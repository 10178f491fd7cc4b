"""Products become top, slow and new by the stated rule, wait before they change, and clear stock without a loss."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bidder.core.entities import Product, ProductId
from bidder.core.lifecycle import AdEvidence, Lifecycle, discount_allowed, judge
from bidder.core.performance import Float64, ProductSalesTable
from bidder.core.policy import GoalPolicy, LifecyclePolicy, SaleEvent
from bidder.core.sales import SalesFacts, sales_facts
from bidder.core.snapshot import Stage, StageRecord
from tests.core.builders import TODAY, product, sales_table, yuan

RULES = LifecyclePolicy()
DAYS = 28
EVENT = SaleEvent(name="sale", first=TODAY - timedelta(days=5), last=TODAY - timedelta(days=5))
Figures = float | Sequence[float]

STEADY: Mapping[str, float] = {
    "velocity": 5.0, "upper": 6.0, "score": 1.0, "cover_days": 30.0, "refund_rate": 0.1, "refund_ratio": 1.0,
    "in_stock_days": 28.0, "visitors": 1_000.0, "cart_ratio": 0.5, "age_days": 365.0, "units": 100.0, "median": 5.0,
}  # fmt: skip
WEAK: Mapping[str, float] = {"upper": 1.4, "cart_ratio": 0.69, "age_days": 45, "in_stock_days": 21, "visitors": 300}
"""Just slow in the category `general`: under .3 x 5 a day, seen enough, old enough."""
ADS: Mapping[str, float] = {
    "clicks": 1_000.0, "orders": 50.0, "floor_orders": 10.0, "roas_ratio": 1.5, "good": 0.5, "contribution": 0.45,
}  # fmt: skip


def goods(number: int) -> tuple[Product, ...]:
    """Return products of one category."""
    return tuple(product(f"p{n}") for n in range(number))


def spread(number: int, value: Figures) -> Float64:
    """Return one figure for each product."""
    return np.broadcast_to(np.array(value, dtype=np.float64), (number,))


def facts(number: int, **columns: Figures) -> SalesFacts:
    """Return facts of steady sellers, some columns changed."""
    return SalesFacts(**{name: spread(number, value) for name, value in {**STEADY, **columns}.items()})


def ads(number: int, **columns: Figures) -> AdEvidence:
    """Return what advertising says of products that earn, some columns changed."""
    return AdEvidence(**{name: spread(number, value) for name, value in {**ADS, **columns}.items()})


def one(
    columns: Mapping[str, float],
    *,
    told: Mapping[str, float] = {},
    category: str = "general",
    was: Stage = Stage.STEADY,
) -> Lifecycle:
    """Judge a single product that was in a stage yesterday, with what its ads tell."""
    before = {ProductId("p0"): record(was, TODAY - timedelta(days=1))}
    return judge((product(category=category),), facts(1, **columns), ads(1, **told), before, rules=RULES, today=TODAY)


def record(stage: Stage, day: date) -> StageRecord:
    """Return what was found of product p0."""
    return StageRecord(product_id=ProductId("p0"), stage=stage, since=day, entering=0, leaving=0, day=day)


def live(scores: Sequence[Sequence[float]], *, items: tuple[Product, ...] = ()) -> list[tuple[StageRecord, ...]]:
    """Judge products on one day after another, each with its scores."""
    seen: list[tuple[StageRecord, ...]] = []
    for number, score in enumerate(scores):
        known, told = facts(len(score), score=score), ads(len(score))
        before = {r.product_id: r for r in seen[-1]} if seen else {}
        today = TODAY + timedelta(days=number)
        seen.append(judge(items or goods(len(score)), known, told, before, rules=RULES, today=today).records)
    return seen


def tops(records: Sequence[StageRecord]) -> set[int]:
    """Return which products are top sellers."""
    return {row for row, entry in enumerate(records) if entry.stage is Stage.TOP}


def summed(sales: ProductSalesTable, *items: Product, events: tuple[SaleEvent, ...] = ()) -> SalesFacts:
    """Sum up sales of products of one category."""
    number = len(sales.product_ids)
    return sales_facts(items or goods(number), sales, np.full(number, 0.45), events=events, rules=RULES, today=TODAY)


@pytest.mark.parametrize(
    ("inside", "top"),
    [
        ("yyyy", "nnyy"), ("yynyyy", "nnnnny"), ("yyynnnnnnn", "nnyyyyyyyn"), ("yyywwwwwwww", "nnyyyyyyyyy"),
        ("wwww", "nnnn"), ("yyynnnnnnwnnnnnnn", "nn" + "y" * 14 + "n"),
    ],
)  # fmt: skip
def test_top_after_three_days_inside_until_seven_outside(inside: str, top: str) -> None:
    """Days count only in a row; on days w it stands behind 84%: too little to enter, enough to stay."""
    scores = {"y": [95.0, 5.0], "w": [16.0, 84.0], "n": [15.0, 85.0]}

    days = live([scores[day] for day in inside])

    assert top == "".join("y" if 0 in tops(records) else "n" for records in days)


@given(st.lists(st.integers(min_value=1, max_value=1_000), min_size=1, max_size=30))
@example([750, 200] + [6] * 8)
def test_the_top_set_is_the_smallest_that_makes_70_percent(scores: list[int]) -> None:
    """Best first until 70% of the score is reached or a fifth of the items, whichever comes first."""
    order = sorted(range(len(scores)), key=lambda row: (-scores[row], row))
    expected: set[int] = set()
    while 10 * sum(scores[row] for row in expected) < 7 * sum(scores) and len(expected) < max(len(scores) // 5, 1):
        expected.add(order[len(expected)])

    days = live([[float(score) for score in scores]] * 3)

    assert expected == tops(days[-1])


def test_categories_are_ranked_apart() -> None:
    """The best of a small category is a top seller however little it makes beside another category."""
    items = (product("p0"), product("p1"), product("p2", category="apparel"))

    days = live([[900.0, 90.0, 1.0]] * 3, items=items)

    assert {0, 2} == tops(days[-1])


@pytest.mark.parametrize(
    ("changed", "told", "lead", "top"),
    [
        ({"cover_days": 14.0}, {}, 7, True), ({"cover_days": 13.9}, {}, 7, False),
        ({"cover_days": 27.0}, {}, 20, True), ({"cover_days": 26.9}, {}, 20, False),
        ({"cover_days": 13.9}, {}, None, False), ({"cover_days": np.nan}, {}, 7, True),
        ({"refund_ratio": 1.3}, {}, 7, True), ({"refund_ratio": 1.31}, {}, 7, False),
        ({}, {"roas_ratio": 0.99, "floor_orders": 3.0}, 7, False),
        ({}, {"roas_ratio": 0.99, "floor_orders": 2.9}, 7, True),
        ({}, {"roas_ratio": 1.0, "floor_orders": 3.0}, 7, True),
        ({"age_days": 29.0}, {}, 7, False),
    ],
)  # fmt: skip
def test_the_best_seller_is_top_only_with_cover_few_refunds_and_earning_ads(
    *, changed: Mapping[str, float], told: Mapping[str, float], lead: int | None, top: bool
) -> None:
    """Cover of lead time plus seven days, refunds to 1.3 x the category's, no judged loss, and not new."""
    second_day = replace(record(Stage.STEADY, TODAY - timedelta(days=1)), entering=2)
    before, items = {second_day.product_id: second_day}, (product(lead_time_days=lead),)

    made = judge(items, facts(1, **changed), ads(1, **told), before, rules=RULES, today=TODAY)

    assert top == made.is_stage(Stage.TOP)[0]


@pytest.mark.parametrize(
    ("category", "changed", "slow"),
    [
        ("general", {}, True), ("general", {"age_days": 44}, False), ("general", {"upper": 1.5}, False),
        ("general", {"in_stock_days": 20}, False), ("general", {"visitors": 299}, False),
        ("general", {"upper": 6, "cover_days": 120}, False), ("general", {"upper": 6, "cover_days": 121}, True),
        ("apparel", {"age_days": 30}, True), ("apparel", {"age_days": 29}, False),
        ("apparel", {"upper": 6, "cover_days": 91}, True), ("apparel", {"upper": 6, "cover_days": 90}, False),
        ("appliances", {"age_days": 60}, True), ("appliances", {"age_days": 59}, False),
    ],
)  # fmt: skip
def test_slow_asks_for_age_exposure_and_weak_sales(*, category: str, changed: Mapping[str, float], slow: bool) -> None:
    """Old enough for its category, 21 days in stock, 300 visitors, and little sold or stock for too many days."""
    made = one({**WEAK, **changed}, category=category)

    assert (Stage.SLOW if slow else Stage.STEADY) is made.records[0].stage


@pytest.mark.parametrize(
    ("changed", "told", "slow", "potential"),
    [
        ({}, {}, True, False), ({"cart_ratio": 0.7}, {}, False, True), ({"cart_ratio": np.nan}, {}, True, False),
        ({}, {"good": 0.51}, False, True), ({}, {"good": np.nan}, True, False),
        ({"cart_ratio": 0.7, "visitors": 299}, {}, False, False), ({"cart_ratio": 0.7, "upper": 6}, {}, False, False),
    ],
)  # fmt: skip
def test_carts_or_earning_ads_make_a_slow_seller_potential(
    *, changed: Mapping[str, float], told: Mapping[str, float], slow: bool, potential: bool
) -> None:
    """What would be slow but has .7 of the usual carts, or ads likely above the floor, is flagged instead."""
    made = one({**WEAK, **changed}, told=told)

    assert (slow, potential) == (made.is_stage(Stage.SLOW)[0], made.potential[0])


@pytest.mark.parametrize(
    ("changed", "slow"),
    [
        ({"upper": 2.24}, True), ({"upper": 2.25}, False), ({"cart_ratio": 0.7}, False),
        ({"upper": 2.25, "cover_days": 81}, True), ({"upper": 2.25, "cover_days": 80}, False),
        ({"visitors": 0, "in_stock_days": 0}, True),
    ],
)  # fmt: skip
def test_a_slow_seller_needs_clearly_better_sales_to_leave(*, changed: Mapping[str, float], slow: bool) -> None:
    """It leaves at 1.5 x the limit of velocity and at cover under 80 days; fewer visitors do not free it."""
    found = one({**WEAK, **changed}, was=Stage.SLOW).records[0]

    assert slow == (found.stage is Stage.SLOW)
    assert TODAY - timedelta(days=slow) == found.since


@pytest.mark.parametrize(
    ("changed", "clicks", "category", "new"),
    [
        ({"age_days": 29}, 1_000, "general", True), ({"age_days": 30}, 1_000, "general", False),
        ({"age_days": 20}, 1_000, "apparel", True), ({"age_days": 21}, 1_000, "apparel", False),
        ({"age_days": 44}, 1_000, "appliances", True), ({"age_days": 45}, 1_000, "appliances", False),
        ({"units": 9}, 149, "general", True), ({"units": 9}, 150, "general", False),
        ({"units": 10}, 149, "general", False), ({"visitors": 299}, 149, "general", True),
        ({"visitors": 300}, 149, "general", False),
    ],
)  # fmt: skip
def test_new_by_age_clicks_and_orders(*, changed: Mapping[str, float], clicks: int, category: str, new: bool) -> None:
    """Young products are new, and old ones that too few people clicked and bought or saw."""
    made = one(changed, told={"clicks": clicks}, category=category)

    assert (Stage.NEW if new else Stage.STEADY) is made.records[0].stage


@pytest.mark.parametrize("unknown", ["visitors", "in_stock_days", "score"])
@pytest.mark.parametrize("was", list(Stage))
def test_without_visitors_stock_or_score_a_product_is_unranked(unknown: str, was: Stage) -> None:
    """A product of which too little is told gets no stage that moves money, whatever it was."""
    made = one({**WEAK, unknown: np.nan}, was=was)

    assert Stage.UNRANKED is made.records[0].stage


@pytest.mark.parametrize("stage", list(Stage))
def test_a_second_look_on_the_same_day_changes_nothing(stage: Stage) -> None:
    """The record of the day stands, whatever the second look sees."""
    found = replace(record(stage, TODAY - timedelta(days=5)), entering=2, leaving=6, day=TODAY)

    made = judge(goods(1), facts(1, **WEAK), ads(1), {found.product_id: found}, rules=RULES, today=TODAY)

    assert (found,) == made.records


def test_a_sale_counts_half_after_seven_days() -> None:
    """Of two products that sold once, the older sale adds half as much to velocity."""
    fresh, old, none = ([0] * DAYS for _ in range(3))
    fresh[-1] = old[-8] = 1

    velocity = summed(sales_table([fresh, old, none])).velocity

    assert velocity[0] - velocity[2] == pytest.approx(2 * (velocity[1] - velocity[2]))


def test_velocity_is_per_day_in_stock_net_of_refunds() -> None:
    """Shorter opening for the same sales is a higher velocity, and refunded units do not count."""
    units = [[4] * DAYS, [4] * DAYS, [6] * DAYS]
    hours = [[24.0] * DAYS, [12.0] * DAYS, [24.0] * DAYS]
    refunded = [[0] * DAYS, [0] * DAYS, [2] * DAYS]

    velocity = summed(sales_table(units, hours=hours, refunded=refunded)).velocity

    assert velocity[0] == pytest.approx(velocity[2])
    assert velocity[1] > 1.2 * velocity[0]


@pytest.mark.parametrize(("busy", "as_if", "events"), [(200, 6, ()), (6, 2, (EVENT,))])
def test_bulk_orders_and_sale_events_are_cut_down(*, busy: int, as_if: int, events: tuple[SaleEvent, ...]) -> None:
    """A day counts for at most three usual ones, and a day of a sale for what it would have been without."""
    sold, usual = [2] * DAYS, [2] * DAYS
    sold[-5], usual[-5] = busy, as_if

    velocity = summed(sales_table([sold]), events=events).velocity

    assert summed(sales_table([usual])).velocity == pytest.approx(velocity)


@pytest.mark.parametrize(("ends", "in_stock"), [(TODAY, 23.0), (TODAY + timedelta(days=1), 24.0)])
def test_facts_cover_28_closed_days(*, ends: date, in_stock: float) -> None:
    """Days before the window are left out, and so is the open day; twelve hours in stock count as a day."""
    hours = [[24.0] * 20 + [12.0] * 15 + [11.9] * 5]

    found = summed(sales_table([[1] * 40], hours=hours, today=ends))

    assert (28.0, 28 * 40.0, in_stock) == (found.units[0], found.visitors[0], found.in_stock_days[0])


@pytest.mark.parametrize(("launched", "age"), [(None, 28.0), (TODAY - timedelta(days=90), 90.0)])
def test_age_counts_from_launch_or_from_the_first_sale(*, launched: date | None, age: float) -> None:
    """A stated launch date decides; without one the first day on record does."""
    found = summed(sales_table([[1] * DAYS]), product(launch_date=launched))

    assert age == found.age_days[0]


def test_cover_is_stock_over_velocity_and_carts_are_relative() -> None:
    """Cover is days of stock at today's velocity; carts are compared with the category's usual rate."""
    carts = [[4] * DAYS, [4] * DAYS, [1] * DAYS]
    items = (*(product(f"p{n}", stock=300) for n in (0, 1)), product("p2", stock=None))

    found = summed(sales_table([[3] * DAYS] * 3, carts=carts), *items)

    assert 300 / found.velocity[0] == pytest.approx(found.cover_days[0])
    assert np.isnan(found.cover_days[2])
    # 28 of 252 carts on a third of 3,360 visitors, 50 more at the usual rate: (28 + 3.75) / 1170 / .075.
    assert 0.3618 == pytest.approx(found.cart_ratio[2], abs=1e-4)


def test_what_is_not_told_stays_unknown() -> None:
    """A table that marks visitors, carts and stock hours as not told gives no figures for them."""
    none = [[-1] * DAYS]

    found = summed(sales_table([[1] * DAYS], visitors=none, carts=none, hours=[[np.nan] * DAYS]))

    assert np.isnan([found.visitors[0], found.cart_ratio[0], found.in_stock_days[0]]).all()


@pytest.mark.parametrize(
    ("cover", "category", "expected"),
    [(240.0, "general", 0.47), (120.0, "general", 0.23), (180.0, "general", 0.35), (180.0, "apparel", 0.47)],
)
def test_discount_grows_with_cover_to_what_contribution_allows(*, cover: float, category: str, expected: float) -> None:
    """Margin .5 less .2 / .8 x 10 / 100 of returns leaves .475: half at 120 days of cover, all at 240."""
    item = product(category=category, margin=0.5, return_cost=yuan(10))

    assert expected == discount_allowed(item, 0.2, cover, GoalPolicy(), RULES)


@pytest.mark.parametrize(("default", "expected"), [(None, 0.0), (0.3, 0.3)])
def test_without_a_margin_the_default_decides_the_discount(*, default: float | None, expected: float) -> None:
    """A product whose margin nobody knows gets no discount but what the policy's default margin allows."""
    item = product(margin=None, unit_cost=None)

    assert expected == discount_allowed(item, 0.1, 500.0, GoalPolicy(default_margin=default), RULES)


@given(st.floats(0, 1), st.floats(0, 1), st.floats(0, 200), st.floats(0, 1e4) | st.just(np.inf))
def test_a_discounted_sale_never_loses_money(margin: float, refund: float, cost: float, cover: float) -> None:
    """After the discount a sale at 100 yuan still pays goods, fees and returns; no discount exceeds a half."""
    item = product(margin=margin, return_cost=yuan(cost), price=yuan(100))

    discount = discount_allowed(item, refund, cover, GoalPolicy(), RULES)

    assert 0 <= discount <= 0.5
    assert discount == 0 or (1 - refund) * (margin - discount) * 100 - refund * cost >= -1e-6


def test_the_prior_of_velocity_is_the_category_mean() -> None:
    """Products that all sell three a day have a velocity of three: the prior neither lifts nor lowers the category."""
    assert summed(sales_table([[3] * DAYS] * 4)).velocity.tolist() == pytest.approx([3.0] * 4)


@pytest.mark.parametrize(
    ("rate", "sold", "weak"),
    [(3, 0, True), (3, 1, False), (10, 0, True), (1, 0, True)],
)
def test_an_unsold_product_falls_under_the_limit_of_velocity(*, rate: int, sold: int, weak: bool) -> None:
    """Beside nine that sell some every day one that sells none is weak; one a day among three a day is not."""
    found = summed(sales_table([[sold] * DAYS, *[[rate] * DAYS] * 9]))

    assert weak == (found.upper[0] < RULES.slow_velocity_ratio * found.median[0])


def test_where_nothing_sells_nothing_is_slow_beside_it() -> None:
    """A usual velocity of less than one unit in the window is no measure."""
    made = [one({**WEAK, "median": median, "upper": 0.0}) for median in (0.9 / DAYS, 1.1 / DAYS)]

    assert [Stage.STEADY, Stage.SLOW] == [found.records[0].stage for found in made]


def test_few_sales_are_no_evidence_of_slow_ones() -> None:
    """Where a category sells once in ten days, four weeks without a sale leave its product unjudged."""
    rare = [1 if day % 10 == 0 else 0 for day in range(DAYS)]
    found = summed(sales_table([[0] * DAYS, *[rare] * 9]))

    assert found.upper[0] >= RULES.slow_velocity_ratio * found.median[0]


@pytest.mark.parametrize(
    ("was", "since", "turned", "stage"),
    [
        (Stage.SLOW, 20, 5, Stage.NEW),
        (Stage.SLOW, 20, None, Stage.SLOW),
        (Stage.SLOW, 5, 20, Stage.SLOW),
        (Stage.SLOW, 90, 45, Stage.SLOW),
        (Stage.NEW, 5, 5, Stage.NEW),
        (Stage.NEW, 20, 5, Stage.SLOW),
        (Stage.STEADY, 20, 5, Stage.SLOW),
    ],
)
def test_a_slow_seller_is_tested_anew_once_its_price_or_season_turned(
    *, was: Stage, since: int, turned: int | None, stage: Stage
) -> None:
    """It was slow when it turned: a new test of 45 days; what was not slow then is judged as ever."""
    before = {ProductId("p0"): replace(record(was, TODAY - timedelta(days=1)), since=TODAY - timedelta(days=since))}
    turns = {} if turned is None else {ProductId("p0"): TODAY - timedelta(days=turned)}

    made = judge((product(),), facts(1, **WEAK), ads(1), before, rules=RULES, today=TODAY, turned=turns)

    assert stage is made.records[0].stage
    assert (stage is Stage.NEW) == (made.retested[0] is not None)
