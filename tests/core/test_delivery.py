"""What is paused and resumed: stock, slow sellers, failed tests and evidence, each within its limits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from bidder.core.change import Change, Field, PastChange
from bidder.core.decide import allocate
from bidder.core.entities import Editor, Product, ProductId, State
from bidder.core.money import Money
from bidder.core.performance import ProductSalesTable
from bidder.core.plan import Draft
from bidder.core.policy import LimitPolicy, Policy, ProtectPolicy, SaleEvent
from bidder.core.snapshot import Memory, Stage, StageRecord, Turn
from tests.core.builders import (
    NOW,
    TODAY,
    Shop,
    Word,
    changes_of,
    hold_code,
    past,
    policy,
    product,
    sales_table,
    target,
    yuan,
)

GOOD = Word(product="p1", campaign="c1")
BAD = Word(value=0.1, seen_orders=0.0, cart_rate=0.02)
"""960 yuan without an order: at k = .45 and 100 yuan an order 21 floor-orders."""
THIN = replace(BAD, seen_clicks=225.0)
"""180 yuan without an order: 4 floor-orders; the posterior is certain, the e-value is 14."""
Snapped = tuple[datetime, ProductSalesTable]


def decide(
    word: Word, *, goods: Product | None = None, memory: Memory | None = None, rules: Policy | None = None
) -> Draft:
    """Decide for a word of product p0, beside a good one."""
    shop = Shop(words=(word, GOOD), products=(goods or product("p0"), product("p1")))
    return allocate(shop.snapshot(memory=memory), shop.forecast(), rules or policy())


def answer(draft: Draft) -> tuple[State | None, str | None]:
    """Return the new state of the word and the reason of what happens to it."""
    made = changes_of(draft, target(0))
    turned = [change for change in made if change.field is Field.STATE]
    if turned:
        assert isinstance(turned[0].new, State)
        return turned[0].new, turned[0].reason.code.name
    return None, made[0].reason.code.name if made else hold_code(draft, target(0))


def state(draft: Draft) -> State | None:
    """Return the new state of the word, if it gets one."""
    return answer(draft)[0]


def bids(draft: Draft) -> list[float]:
    """Return the new bids of the word in yuan."""
    made = (change.new for change in changes_of(draft, target(0)) if change.field is Field.BID)
    return [new.micros / 1e6 for new in made if isinstance(new, Money)]


def staged(stage: Stage, *, days: int = 0, judged: int = 0, changes: tuple[PastChange, ...] = ()) -> Memory:
    """Return a memory in which product p0 is in a stage for so many days, last judged so many days ago."""
    since, day = TODAY - timedelta(days=days), TODAY - timedelta(days=judged)
    found = StageRecord(product_id=ProductId("p0"), stage=stage, since=since, entering=0, leaving=0, day=day)
    return Memory(stages={found.product_id: found}, changes=changes)


def ours(code: str, stages: Mapping[ProductId, StageRecord] | None = None) -> Memory:
    """Return a memory in which we paused the word yesterday."""
    change = past(target(0), Field.STATE, State.ENABLED, State.PAUSED, hours_ago=30, code=code)
    return Memory(paused_by_us={target(0): change}, stages=stages or {})


def test_a_word_that_surely_loses_is_paused() -> None:
    """Spend of 21 floor-orders without an order pauses, the good word beside it runs on."""
    draft = decide(BAD)

    assert (State.PAUSED, "PAUSE_EVIDENCE") == answer(draft)
    assert State.PAUSED not in [change.new for change in changes_of(draft, target(1))]


@pytest.mark.parametrize(("clicks", "expected"), [(165.0, None), (172.0, State.PAUSED)])
def test_evidence_starts_at_three_floor_orders(*, clicks: float, expected: State | None) -> None:
    """A floor-order is 45 yuan: 132 yuan are too few, 137.60 are enough."""
    draft = decide(replace(BAD, seen_clicks=clicks))

    assert expected is state(draft)


@pytest.mark.parametrize("name", ["c0", "p0", "t0"])
def test_a_cautious_word_needs_more_evidence(name: str) -> None:
    """At 4 floor-orders without an order only usual words are paused, at 6 cautious ones as well."""
    careful = policy(protect=ProtectPolicy(cautious=(name,)))
    more = replace(THIN, seen_clicks=340.0)

    told = [state(decide(THIN)), state(decide(THIN, rules=careful)), state(decide(more, rules=careful))]

    assert [State.PAUSED, None, State.PAUSED] == told


def test_all_words_are_cautious_when_the_prior_does_not_fit() -> None:
    """A forecast whose prior check failed pauses on the e-value only."""
    drafts = []
    for word in (THIN, BAD):
        shop = Shop(words=(word, GOOD))
        drafts.append(allocate(shop.snapshot(), shop.forecast(pooled_ok=False), policy()))

    assert [None, State.PAUSED] == [state(draft) for draft in drafts]


@pytest.mark.parametrize(
    "protect",
    [ProtectPolicy(campaigns=("c0",)), ProtectPolicy(products=("p0",)), ProtectPolicy(words=("WORD 0",))],
)
@pytest.mark.parametrize(
    ("stock", "memory"),
    [(1_000, Memory()), (0, Memory()), (1_000, staged(Stage.SLOW, days=9)), (1_000, staged(Stage.NEW))],
)
def test_a_protected_word_is_bid_down_but_never_paused(*, protect: ProtectPolicy, stock: int, memory: Memory) -> None:
    """Neither evidence, an empty shelf, slow sales nor a failed test pauses it; its bid falls by a fifth."""
    without = decide(BAD, goods=product("p0", stock=stock), memory=memory)
    draft = decide(BAD, goods=product("p0", stock=stock), memory=memory, rules=policy(protect=protect))

    assert State.PAUSED is state(without)
    assert (None, [0.8]) == (state(draft), bids(draft))


def test_a_word_that_is_not_named_is_not_protected() -> None:
    """Protection of another campaign, product and word protects nothing here."""
    other = ProtectPolicy(campaigns=("c1",), products=("p1",), words=("word 1",))

    assert State.PAUSED is state(decide(BAD, rules=policy(protect=other)))


@pytest.mark.parametrize(("stock", "core_sizes_gone"), [(0, False), (500, True), (None, True)])
def test_what_cannot_be_bought_is_paused(*, stock: int | None, core_sizes_gone: bool) -> None:
    """An empty shelf pauses even the best word, and so do core sizes that are gone."""
    goods = product(stock=stock, core_sizes_gone=core_sizes_gone)

    assert (State.PAUSED, "PAUSE_STOCK") == answer(decide(Word(value=9.0), goods=goods))


@pytest.mark.parametrize("stock", [None, 1])
def test_unknown_or_little_stock_is_not_sold_out(stock: int | None) -> None:
    """What can perhaps still be bought runs on."""
    assert state(decide(Word(), goods=product(stock=stock))) is None


def test_a_top_seller_is_paused_for_stock_only() -> None:
    """Evidence does not pause a top seller, an empty shelf does."""
    top = staged(Stage.TOP)

    told = answer(decide(BAD, memory=top))[0], answer(decide(BAD, memory=top, goods=product(stock=0)))

    assert (None, (State.PAUSED, "PAUSE_STOCK")) == told


def test_stock_brings_back_what_we_paused_for_stock() -> None:
    """Once it can be bought again it runs again, while its shelf is empty it rests."""
    resting = Word(state=State.PAUSED)

    back = decide(resting, memory=ours("PAUSE_STOCK"))
    empty = decide(resting, memory=ours("PAUSE_STOCK"), goods=product(stock=0))

    assert (State.ENABLED, "RESUME_STOCK") == answer(back)
    assert state(empty) is None


@pytest.mark.parametrize("editor", [Editor.PERSON, Editor.PLATFORM, Editor.UNKNOWN])
def test_what_somebody_else_paused_stays_paused(editor: Editor) -> None:
    """A word that we did not pause is left alone, well stocked and earning as it may be."""
    draft = decide(Word(value=9.0, state=State.PAUSED, editor=editor))

    assert ([], "NOT_OURS_TO_RESUME") == (changes_of(draft, target(0)), hold_code(draft, target(0)))


@pytest.mark.parametrize("code", ["PAUSE_STOCK", "PAUSE_SLOW", "PAUSE_EVIDENCE"])
@pytest.mark.parametrize(("stock", "expected"), [(1_000, State.ENABLED), (0, None)])
def test_nothing_resumes_while_it_cannot_be_bought(*, code: str, stock: int, expected: State | None) -> None:
    """Whatever we paused it for, an empty shelf keeps it paused; with stock its cause is gone."""
    draft = decide(Word(value=9.0, state=State.PAUSED), memory=ours(code), goods=product(stock=stock))

    assert expected is state(draft)


@pytest.mark.parametrize(
    ("code", "word", "memory"),
    [
        ("PAUSE_EVIDENCE", BAD, Memory()),
        ("PAUSE_SLOW", Word(value=9.0), staged(Stage.SLOW, days=9)),
        ("PAUSE_NEW_FAILED", Word(value=9.0), Memory()),
        ("PAUSE_OVER_CAP", Word(value=9.0), Memory()),
    ],
)
def test_nothing_resumes_while_its_cause_stands(*, code: str, word: Word, memory: Memory) -> None:
    """Evidence that did not turn, slow sales that go on, a failed test, and causes without a rule keep it paused."""
    draft = decide(replace(word, state=State.PAUSED), memory=ours(code, stages=memory.stages))

    assert state(draft) is None


@pytest.mark.parametrize(
    ("days", "expected", "bid"),
    [(0, (None, "BID_DOWN_SLOW"), [0.8]), (2, (None, "BID_DOWN_SLOW"), [0.8]), (3, (State.PAUSED, "PAUSE_SLOW"), [])],
)
def test_a_slow_seller_is_bid_down_for_three_days_then_paused(
    *, days: int, expected: tuple[State | None, str], bid: Sequence[float]
) -> None:
    """A fifth a day however well its click pays, and on the fourth day it is switched off."""
    draft = decide(Word(value=9.0), memory=staged(Stage.SLOW, days=days))

    assert (expected, bid) == (answer(draft), bids(draft))


def test_a_slow_seller_is_bid_down_once_a_day() -> None:
    """A second look on the day of the first step takes nothing more."""
    lowered = past(target(0), Field.BID, yuan(1.0), yuan(0.8), hours_ago=2, code="BID_DOWN_SLOW")

    draft = decide(Word(value=9.0, bid=0.8), memory=staged(Stage.SLOW, changes=(lowered,)))

    assert (None, []) == (state(draft), bids(draft))


def shop_day(word: Word, *, day: int = 0, units: int = 0, carts: int = 0, stock: int = 5_000) -> tuple[Shop, Snapped]:
    """Return a shop whose product p0 sells as told beside three good ones, and its time and sales on a day."""
    goods = (product("p0", stock=stock), *(product(f"p{n}", stock=200) for n in (1, 2, 3)))
    words = (word, *(Word(product=f"p{n}", campaign="c1") for n in (1, 2, 3)))
    sold, carted = [[units] * 28, *[[10] * 28] * 3], [[carts] * 28, *[[4] * 28] * 3]
    sales = sales_table(sold, carts=carted, today=TODAY + timedelta(days=day))
    return Shop(words=words, products=goods), (NOW + timedelta(days=day), sales)


def decide_day(shop: Shop, at: Snapped, memory: Memory) -> Draft:
    """Decide for a shop with sales."""
    return allocate(shop.snapshot(memory=memory, now=at[0], sales=at[1]), shop.forecast(), policy())


def test_from_sales_to_a_slow_seller_and_back() -> None:
    """Four days with stock for years: three lower bids, a pause and a line for clearance; once it sells it is back."""
    stages: Mapping[ProductId, StageRecord] = {}
    told: list[tuple[State | None, str | None]] = []
    cleared: list[list[str]] = []
    bid = 1.0
    for day in range(4):
        draft = decide_day(*shop_day(Word(value=1.0, bid=bid), day=day), Memory(stages=stages))
        stages = {found.product_id: found for found in draft.stages}
        told.append(answer(draft))
        cleared.append([line.product_id for line in draft.clearance])
        bid = bids(draft)[0] if bids(draft) else bid
    sells = shop_day(Word(state=State.PAUSED, bid=bid), day=5, units=10, carts=4, stock=200)

    back = decide_day(*sells, ours("PAUSE_SLOW", stages=stages))

    assert [(None, "BID_DOWN_SLOW")] * 3 + [(State.PAUSED, "PAUSE_SLOW")] == told
    assert ([["p0"]] * 4, 0.52) == (cleared, bid)
    assert ((State.ENABLED, "RESUME_SLOW"), ()) == (answer(back), back.clearance)


@pytest.mark.parametrize(("carts", "expected"), [(0, "PAUSE_SLOW"), (4, "POTENTIAL")])
def test_a_slow_seller_with_usual_carts_is_potential_and_not_paused(*, carts: int, expected: str) -> None:
    """At the least bid, with evidence against its word and slow sales, usual carts still spare it."""
    memory = staged(Stage.SLOW, days=3, judged=1)

    draft = decide_day(*shop_day(replace(BAD, bid=0.05), carts=carts), memory)

    assert (expected == "PAUSE_SLOW", expected) == (state(draft) is State.PAUSED, answer(draft)[1])


CHEAP = replace(BAD, cpc=0.1)
"""At .10 a click no click limit of a test is near its loss budget of 135 yuan."""


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        (replace(CHEAP, seen_clicks=150.0), (State.PAUSED, "PAUSE_NEW_FAILED")),
        (replace(CHEAP, seen_clicks=149.0), None),
        (replace(CHEAP, seen_clicks=150.0, seen_orders=1.0), None),
        (replace(CHEAP, seen_clicks=150.0, cart_rate=0.08), None),
        (replace(CHEAP, seen_clicks=900.0, seen_orders=1.0), None),
        (replace(BAD, cpc=4.0, bid=5.0, seen_clicks=34.0), (State.PAUSED, "PAUSE_NEW_FAILED")),
        (replace(BAD, cpc=4.0, bid=5.0, seen_clicks=33.0), None),
        (replace(BAD, cpc=4.0, bid=5.0, seen_clicks=34.0, cart_rate=0.08), None),
    ],
)
def test_the_test_of_a_new_product_ends_without_a_sign(word: Word, expected: tuple[State, str] | None) -> None:
    """150 clicks, or 3 floor-orders of 45 yuan lost, without an order and usual carts; orders alone do not end it."""
    draft = decide(word, memory=staged(Stage.NEW))

    assert expected == (answer(draft) if state(draft) is not None else None)


@pytest.mark.parametrize(
    ("orders", "carts", "paused"),
    [((0.0, 0.0), 0.02, {0, 1}), ((0.0, 1.0), 0.02, set()), ((0.0, 0.0), 0.08, set())],
)
def test_a_test_counts_the_whole_item(*, orders: tuple[float, float], carts: float, paused: set[int]) -> None:
    """Two words of 80 clicks each end a test together, and a sign at one of them keeps both running."""
    words = [replace(CHEAP, seen_clicks=80.0, seen_orders=sold, cart_rate=carts) for sold in orders]
    shop = Shop(words=(*words, GOOD, GOOD), products=(product("p0"), product("p1")))

    draft = allocate(shop.snapshot(memory=staged(Stage.NEW)), shop.forecast(), policy())

    assert paused == {n for n in (0, 1) for change in changes_of(draft, target(n)) if change.new is State.PAUSED}


@pytest.mark.parametrize(("clicks", "expected"), [(400.0, "PAUSE_NEW_LOSS"), (250.0, None)])
def test_a_sign_of_demand_does_not_excuse_every_loss(*, clicks: float, expected: str | None) -> None:
    """One order on 7.5 floor-orders ends the test of the words without one; the word that sold runs on."""
    dear = replace(BAD, seen_clicks=clicks)
    sold = replace(BAD, seen_clicks=20.0, seen_orders=1.0)
    shop = Shop(words=(dear, GOOD, sold), products=(product("p0"), product("p1")))

    draft = allocate(shop.snapshot(memory=staged(Stage.NEW)), shop.forecast(), policy())

    assert expected == (answer(draft)[1] if state(draft) is State.PAUSED else None)
    assert State.PAUSED not in [change.new for change in changes_of(draft, target(2))]


@pytest.mark.parametrize(("carts", "expected"), [(float("nan"), None), (0.02, State.PAUSED)])
def test_in_pre_heat_orders_alone_end_no_test(*, carts: float, expected: State | None) -> None:
    """Where carts are not reported nothing tells pre-heat from no demand; where they are, few of them do."""
    sale = SaleEvent(name="sale", first=TODAY + timedelta(days=5), last=TODAY + timedelta(days=5))
    words = (replace(CHEAP, seen_clicks=200.0, cart_rate=carts), replace(GOOD, cart_rate=carts * 4))
    shop = Shop(words=words, products=(product("p0"), product("p1")))

    drafts = [
        allocate(shop.snapshot(memory=staged(Stage.NEW)), shop.forecast(), rules)
        for rules in (policy(), policy(events=(sale,)))
    ]

    assert [State.PAUSED, expected] == [state(draft) for draft in drafts]


def turned(code: str, turn: Turn, *, hours_ago: float = 30.0) -> Memory:
    """Return a memory in which we paused the word and its product turned."""
    change = past(target(0), Field.STATE, State.ENABLED, State.PAUSED, hours_ago=hours_ago, code=code)
    return Memory(paused_by_us={target(0): change}, turns={ProductId("p0"): turn})


@pytest.mark.parametrize(
    ("turn", "again"),
    [
        (Turn(), False),
        (Turn(repriced_at=NOW - timedelta(hours=2)), True),
        (Turn(repriced_at=NOW - timedelta(hours=31)), False),
        (Turn(sold_out_at=NOW - timedelta(hours=90), restocked_at=NOW - timedelta(hours=2)), True),
        (Turn(sold_out_at=NOW - timedelta(hours=3), restocked_at=NOW - timedelta(hours=2)), False),
        (Turn(sold_out_at=NOW - timedelta(hours=90), restocked_at=NOW - timedelta(hours=31)), False),
    ],
)
def test_a_turn_starts_the_test_of_a_paused_word_again(*, turn: Turn, again: bool) -> None:
    """A new price, and a stock-out over a night that ended, since the pause; not what turned before."""
    draft = decide(replace(BAD, state=State.PAUSED), memory=turned("PAUSE_EVIDENCE", turn))

    assert (again, again) == (state(draft) is State.ENABLED, answer(draft)[1] == "RESUME_RETEST")


@pytest.mark.parametrize(("weeks", "again"), [(1, False), (5, True)])
def test_a_new_season_starts_it_again_within_its_first_weeks(*, weeks: int, again: bool) -> None:
    """The autumn began on the first of September: a pause of August is tested, one of a week ago is not."""
    memory = turned("PAUSE_EVIDENCE", Turn(), hours_ago=weeks * 168.0)
    shop = Shop(words=(replace(BAD, state=State.PAUSED), GOOD), products=(product("p0"), product("p1")))

    draft = allocate(shop.snapshot(memory=memory, now=NOW + timedelta(days=14)), shop.forecast(), policy())

    assert again == (state(draft) is State.ENABLED)


def test_a_word_tested_again_is_judged_on_what_came_since() -> None:
    """21 floor-orders without an order from before count no more; with none since, nothing is paused."""
    resumed = past(target(0), Field.STATE, State.PAUSED, State.ENABLED, hours_ago=48, code="RESUME_RETEST")

    told = state(decide(BAD)), state(decide(BAD, memory=Memory(changes=(resumed,))))

    assert (State.PAUSED, None) == told


@pytest.mark.parametrize(
    ("days", "expected"), [(11, State.PAUSED), (10, None), (0, None), (-3, None), (-4, State.PAUSED)]
)
def test_around_a_sale_event_orders_alone_pause_nothing(*, days: int, expected: State | None) -> None:
    """From ten days before to three days after, evidence waits; an empty shelf does not."""
    first = TODAY + timedelta(days=days)
    rules = policy(events=(SaleEvent(name="double eleven", first=first, last=first),))

    told = state(decide(BAD, rules=rules)), state(decide(BAD, rules=rules, goods=product(stock=0)))

    assert (expected, State.PAUSED) == told


@pytest.mark.parametrize(
    ("clicks", "carts", "expected"),
    [(600.0, 0.2, None), (600.0, 0.1, State.PAUSED), (700.0, 0.2, State.PAUSED)],
)
def test_many_carts_spare_a_word_until_twelve_floor_orders(
    *, clicks: float, carts: float, expected: State | None
) -> None:
    """Beside 1,200 clicks at .08 its rate of .2 is 1.67 times the usual; 700 clicks are 12.4 floor-orders."""
    draft = decide(replace(BAD, seen_clicks=clicks, cart_rate=carts))

    assert expected is state(draft)


def test_where_no_judgement_may_pause_bids_fall_instead() -> None:
    """A share of 0 leaves stock-outs; what would be paused on evidence is bid down by a full step."""
    rules = policy(limits=LimitPolicy(max_paused_share=0.0))

    judged, empty = decide(BAD, rules=rules), decide(BAD, rules=rules, goods=product(stock=0))

    assert ((None, [0.8]), State.PAUSED) == ((state(judged), bids(judged)), state(empty))


def test_a_pause_and_a_bid_never_go_to_one_word_together() -> None:
    """What is being paused gets no bid in the same cycle, and exactly one answer."""
    draft = decide(BAD)

    found: list[Change] = changes_of(draft, target(0))

    assert [Field.STATE] == [change.field for change in found]
    assert hold_code(draft, target(0)) is None
