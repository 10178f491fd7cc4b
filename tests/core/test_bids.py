"""A bid goes where the next click costs what it is worth, in steps, and new products stay on their test line."""

from __future__ import annotations

import math
from datetime import timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import gamma

from bidder.core import bids
from bidder.core.allocate import Allocation, allocate_money
from bidder.core.bids import Grid, Wanted, settle_on_grid, step_bounds, wanted_bids
from bidder.core.calendar import day_start
from bidder.core.case import Case
from bidder.core.change import Change, Field, Status
from bidder.core.decide import allocate
from bidder.core.entities import AdGroupId, Editor, EntityKind, EntityRef
from bidder.core.moves import Moves
from bidder.core.policy import LifecyclePolicy, LimitPolicy, Policy
from bidder.core.response import respond
from bidder.core.snapshot import Memory
from tests.core.builders import NOW, Shop, Word, changes_of, hold_code, past, policy, product, profile, target, yuan

CENT = 10_000


def case_of(shop: Shop, rules: Policy | None = None) -> Case:
    """Return what a decision looks at."""
    return Case.of(shop.snapshot(), shop.forecast(), rules or policy())


def allocation(worth: list[float], *, money: float = 2_000.0, spend: list[float] | None = None) -> Allocation:
    """Return an allocation that finds clicks worth so many yuan."""
    return Allocation(
        spend_micros=np.array(spend or [0.0] * len(worth)) * 1e6,
        worth_micros=np.array(worth) * 1e6,
        money_micros=money * 1e6,
        money_price=0.0,
        marginal_roas=float("nan"),
        gap=0.0,
        infeasible="",
        short_goals=(),
    )


def want(case: Case, found: Allocation, *, new: list[bool] | None = None) -> Wanted:
    """Return wanted bids with enough stock."""
    number = case.layout.n_targets
    flags = np.array(new, dtype=bool) if new else np.zeros(number, dtype=bool)
    return wanted_bids(case, found, taper=np.ones(number), new=flags)


def bid_change(shop: Shop, number: int = 0, *, memory: Memory | None = None, rules: Policy | None = None) -> Change:
    """Return the one change of a target that the whole decision makes."""
    (change,) = changes_of(allocate(shop.snapshot(memory=memory), shop.forecast(), rules or policy()), target(number))
    return change


def test_wanted_bid_is_worth_over_premium() -> None:
    """Price .8 of the bid, elasticities .8 and .6: premium .8 (1 + .6/.8) = 1.4, so 2.80 a click is bid 2.00."""
    wanted = want(case_of(Shop()), allocation([2.8]))

    assert [2e6] == pytest.approx(wanted.bid_micros)
    assert [2.8e6] == pytest.approx(wanted.worth_micros)


@given(low=st.floats(0, 1e3), more=st.floats(0, 1e3), bid=st.floats(0.05, 50), ratio=st.floats(0.05, 1))
def test_wanted_bid_rises_with_worth_and_never_exceeds_it(low: float, more: float, bid: float, ratio: float) -> None:
    """Whatever the present bid and the price paid of it."""
    case = case_of(Shop(words=(Word(bid=bid, cpc=bid * ratio),)))

    less, greater = want(case, allocation([low])).bid_micros[0], want(case, allocation([low + more])).bid_micros[0]

    assert less <= greater <= (low + more) * 1e6 * (1 + 1e-9)


def test_shorter_money_is_dearer_and_lowers_every_bid_alike() -> None:
    """Under a binding cap a click is worth its contribution over one plus the price of money."""
    shop = Shop(words=(Word(value=3), Word(value=6), Word(value=4, clicks=400)))
    plenty, short = (case_of(shop, policy(cap=cap)) for cap in (5_000, 100))

    free, tight = (allocate_money(case, np.ones(3, dtype=bool)) for case in (plenty, short))

    assert free.money_price == pytest.approx(0, abs=1e-9)
    assert tight.money_price > 0.1
    ratio = want(short, tight).bid_micros / want(plenty, free).bid_micros
    assert ratio == pytest.approx(np.full(3, 1 / (1 + tight.money_price)))


def test_stock_that_runs_short_lowers_the_bid_and_none_ends_it() -> None:
    """A click keeps the tapered share of its worth."""
    case = case_of(Shop(words=(Word(), Word(), Word())))

    wanted = wanted_bids(case, allocation([2.8] * 3), taper=np.array([1.0, 0.5, 0.0]), new=np.zeros(3, dtype=bool))

    assert [2e6, 1e6, 0.0] == pytest.approx(wanted.bid_micros)


def test_base_bid_is_divided_by_the_mean_hour_factor() -> None:
    """Worth is judged on the effective bid: at a factor of 2, half the base bid buys the same click."""
    plain = Shop(words=(Word(bid=2.0, cpc=1.6),))
    doubled = Shop(words=(Word(bid=1.0, cpc=1.6),), campaigns={"c0": {"dayparts": (2.0,) * 24}})

    base = [want(case_of(shop), allocation([2.8])).bid_micros[0] for shop in (plain, doubled)]

    assert [2e6, 1e6] == pytest.approx(base)


def test_no_bid_is_wanted_where_no_margin_is_known() -> None:
    """Nothing can be derived from revenue alone."""
    shop = Shop(words=(Word(), Word(product="p1")), products=(product(), product("p1", margin=None)))

    wanted = want(case_of(shop), allocation([2.8, 2.8]))

    assert [False, True] == np.isnan(wanted.bid_micros).tolist()


@given(ratios=st.lists(st.floats(0.1, 1), min_size=2, max_size=8), click=st.floats(0.3, 2), price=st.floats(0.2, 1.5))
def test_the_next_click_costs_the_premium_times_the_bid(ratios: list[float], click: float, price: float) -> None:
    """Each target's own elasticity makes cpc (ec + ep) / ec equal to bid x premium, wherever none is clipped."""
    number = len(ratios)
    bid = np.linspace(0.5, 5, number) * 1e6
    cpc = bid * np.array(ratios)

    found = respond(
        bid_micros=bid,
        cpc_micros=cpc,
        spend_micros=np.linspace(1, 9, number),
        click_elasticity=np.full(number, click),
        cpc_elasticity=np.full(number, price),
        known=np.ones(number, dtype=bool),
    )

    assert 1 <= found.premium <= 3
    inside = (found.click_elasticity > 0.0501) & (found.click_elasticity < 3.99)
    marginal = cpc * (found.click_elasticity + found.cpc_elasticity) / found.click_elasticity
    assert marginal[inside] == pytest.approx((found.premium * bid)[inside])


def test_premium_weighs_price_over_bid_by_spend() -> None:
    """Ratios .9 at spend 3 and .5 at spend 1 make .8; elasticities .8 and .4 make it 1.2."""
    found = respond(
        bid_micros=np.array([1e6, 2e6]),
        cpc_micros=np.array([0.9e6, 1e6]),
        spend_micros=np.array([3.0, 1.0]),
        click_elasticity=np.array([0.8, 0.8]),
        cpc_elasticity=np.array([0.4, 0.4]),
        known=np.ones(2, dtype=bool),
    )

    assert found.premium == pytest.approx(1.2)
    assert [0.4 * 0.9 / 0.3, 0.4 * 0.5 / 0.7] == pytest.approx(found.click_elasticity)


@pytest.mark.parametrize(
    ("ratio", "error", "expected"), [(0.8, 0.0, 1.44), (0.8, 100.0, 1.2), (0.8, 0.225, 1.3145), (1.0, 100.0, 1.8)]
)
def test_premium_starts_from_the_usual_one_and_follows_what_is_sure(
    ratio: float, error: float, expected: float
) -> None:
    """Told 1.44 with an error of .225 x .8 / 1.8 = .1, as wide as the usual spread: half way; a first price: told."""
    found = respond(
        bid_micros=np.array([1e6]),
        cpc_micros=np.array([ratio * 1e6]),
        spend_micros=np.array([1.0]),
        click_elasticity=np.array([1.0]),
        cpc_elasticity=np.array([0.8]),
        known=np.ones(1, dtype=bool),
        elasticity_error=error,
    )

    assert expected == pytest.approx(found.premium, rel=1e-3)


def young(bid: float = 1.0, value: float = 3.0, clicks: float = 40.0) -> Word:
    """Return a target with three matured clicks."""
    return Word(bid=bid, value=value, clicks=clicks, seen_clicks=3)


def test_little_evidence_is_bid_on_the_upper_quantile() -> None:
    """Three clicks: the 75% quantile of the order rate in place of the mean."""
    case = case_of(Shop(words=(young(),)))

    wanted = want(case, allocation([1.4]))

    shape = float(case.forecast.shape[0])
    hope = float(gamma.ppf(0.75, shape)) / shape
    assert hope > 1.1
    assert [1e6 * hope] == pytest.approx(wanted.bid_micros)
    assert wanted.exploring.all()


def test_exploration_money_goes_to_the_most_promising_and_the_others_do_not_rise() -> None:
    """A tenth of 700 pays for two tries of 32 each; the third keeps its bid, and would still fall."""
    case = case_of(Shop(words=(young(value=2.0), young(value=6.0), young(value=4.0), Word())))

    rising = want(case, allocation([2.8] * 4, money=700))
    falling = want(case, allocation([0.7, 2.8, 2.8, 2.8], money=700))

    assert [True, False, False, False] == rising.refused.tolist()
    assert [False, True, True, False] == rising.exploring.tolist()
    assert rising.explore_micros == pytest.approx(64e6)
    assert rising.bid_micros[0] == pytest.approx(1e6)
    assert falling.bid_micros[0] < 0.7e6


@given(
    money=st.floats(50, 5_000),
    share=st.floats(0.02, 0.5),
    established=st.floats(0, 5_000),
    words=st.lists(st.tuples(st.floats(0.2, 8), st.floats(1, 300)), min_size=4, max_size=4),
)
def test_new_products_stay_on_their_test_line(
    money: float, share: float, established: float, words: list[tuple[float, float]]
) -> None:
    """Expected spend of new targets is at most their limit, which is used up wherever it binds."""
    rules = policy(lifecycle=LifecyclePolicy(new_share=share))
    case = case_of(Shop(words=tuple(Word(clicks=clicks) for _, clicks in words)), rules)
    new = np.array([True, True, False, True])
    plan = allocation([1.0] * 4, money=money, spend=[70.0, 0.0, established, 9.0])

    line = bids.test_line(case, plan, np.array([wanted for wanted, _ in words]) * 1e6, new)

    def spend(by: float) -> float:
        return math.fsum(0.8 * clicks * (wanted * by) ** 1.4 for wanted, clicks in [*words[:2], words[3]])

    kept = established if established > 0 else 0.8 * words[2][1]  # What is not allocated is spent all the same.
    limit = max(share * money, money - kept)
    if spend(1.0) <= limit:
        assert line == 1.0
    else:
        assert line == pytest.approx(max((limit / spend(1.0)) ** (1 / 1.4), 0.01), rel=1e-6)


def test_test_line_lowers_new_products_only() -> None:
    """A tenth of 640 is what two new targets spend at their present bids of 1, so they stay there instead of 2."""
    case = case_of(Shop(words=(Word(), Word(), Word())), policy(lifecycle=LifecyclePolicy(new_share=0.1)))
    plan = allocation([2.8] * 3, money=640, spend=[0, 0, 640])

    wanted = want(case, plan, new=[True, True, False])

    assert [1e6, 1e6, 2e6] == pytest.approx(wanted.bid_micros, rel=1e-6)
    assert [1.4e6, 1.4e6, 2.8e6] == pytest.approx(wanted.worth_micros, rel=1e-6)


@given(
    cents=st.tuples(st.integers(1, 10_000), st.integers(1, 10_000), st.integers(0, 200), st.integers(0, 9_000)),
    ratio=st.floats(0.01, 1),
    wanted=st.floats(0, 2e8),
)
def test_settled_bid_is_on_the_grid_within_the_step_of_bid_and_day(
    cents: tuple[int, int, int, int], ratio: float, wanted: float
) -> None:
    """Bounds, however far, never lengthen a step; a bid already outside the day's step stays or comes back."""
    now, start, low, span = (cent * CENT for cent in cents)
    down, up = step_bounds(np.array([now]), np.array([start]), ratio, CENT)
    grid = Grid(low=np.array([low]), high=np.array([low + span]), down=down, up=up, increment=CENT)

    (new,) = settle_on_grid(np.array([wanted]), np.array([now]), grid).tolist()

    assert new % CENT == 0
    assert abs(new - now) <= ratio * now + 1
    assert min(start * (1 - ratio), now) - 1 <= new <= max(start * (1 + ratio), now) + 1


@pytest.mark.parametrize(
    ("wanted", "low", "high", "expected"),
    [
        pytest.param(1.057, 0.05, 9.0, 1.05, id="rounded-down"),
        pytest.param(5.0, 0.05, 9.0, 1.20, id="one-step-up"),
        pytest.param(0.1, 0.05, 9.0, 0.80, id="one-step-down"),
        pytest.param(1.1, 0.05, 0.20, 0.80, id="ceiling-far-below-is-reached-by-steps"),
        pytest.param(1.1, 0.05, 0.90, 0.90, id="near-ceiling"),
        pytest.param(0.9, 3.00, 9.0, 1.20, id="floor-far-above-is-reached-by-steps"),
        pytest.param(math.nan, 0.05, 0.20, 1.00, id="unknown-stays"),
        pytest.param(math.inf, 0.05, 9.0, 1.20, id="infinite"),
    ],
)
def test_step_limit_has_the_last_word_over_bounds(wanted: float, low: float, high: float, expected: float) -> None:
    """A bid of 1.00 moves by at most .20, whatever is wanted and wherever its bounds lie."""
    now = np.array([1_000_000])
    down, up = step_bounds(now, now, 0.2, CENT)
    grid = Grid(low=np.array([round(low * 1e6)]), high=np.array([round(high * 1e6)]), down=down, up=up, increment=CENT)

    new = settle_on_grid(np.array([wanted * 1e6]), now, grid)

    assert [round(expected * 1e6)] == new.tolist()


def test_move_within_the_dead_band_is_not_made() -> None:
    """3.20 of revenue x .45 / 1.4 is 1.02: two cents are not worth a write; 3.40 makes 1.09."""
    near, far = Shop(words=(Word(value=3.2),)), Shop(words=(Word(value=3.4),))

    held = allocate(near.snapshot(), near.forecast(), policy())

    assert hold_code(held, target(0)) == "DEAD_BAND"
    assert yuan(1.09) == bid_change(far).new


def test_bid_rests_until_the_venues_cooldown_has_passed() -> None:
    """Our own change 23 hours ago holds it, one 24 hours ago does not."""
    shop = Shop(words=(Word(value=9.0),))

    def memory(hours: float) -> Memory:
        return Memory(changes=(past(target(0), Field.BID, yuan(0.9), yuan(1.0), hours_ago=hours),))

    resting = allocate(shop.snapshot(memory=memory(23)), shop.forecast(), policy())

    assert hold_code(resting, target(0)) == "COOLDOWN"
    assert yuan(1.2) == bid_change(shop, memory=memory(24)).new


def test_days_net_step_counts_what_was_moved_this_morning() -> None:
    """Raised from .90 to 1.00 at seven: 1.08 is what the day allows without a cooldown, in place of 1.20."""
    shop = Shop(words=(Word(value=9.0),), rules=profile(bid_cooldown=timedelta(0)))
    morning = Memory(changes=(past(target(0), Field.BID, yuan(0.9), yuan(1.0), hours_ago=3),))

    assert yuan(1.08) == bid_change(shop, memory=morning).new


def test_lowered_ceiling_is_reached_one_step_at_a_time() -> None:
    """A ceiling of .20 takes a bid of 1.00 to .80 today."""
    change = bid_change(Shop(), rules=policy(limits=LimitPolicy(bid_ceiling=yuan(0.2))))

    assert yuan(0.8) == change.new


def test_ad_group_moves_by_the_weighted_mean_of_its_targets_log_moves() -> None:
    """Two inheriting targets of equal spend want 1.09 and .99 of their bid: one change of the group by the mean."""
    shop = Shop(words=(Word(bid=None, value=3.4), Word(bid=None, value=3.7)))
    wanted = [value * 0.45 / 1.4 for value in (3.4, 3.7)]

    draft = allocate(shop.snapshot(), shop.forecast(), policy())

    (change,) = changes_of(draft, EntityRef(EntityKind.AD_GROUP, AdGroupId("gc0")))
    assert yuan(math.floor(math.sqrt(wanted[0] * wanted[1]) * 100) / 100) == change.new
    assert ["INHERITS_BID", "INHERITS_BID"] == [hold_code(draft, target(n)) for n in (0, 1)]


def test_day_starts_anew_where_somebody_else_edited() -> None:
    """The day's first own change names where it started; a person's edit sets it; what failed never moved."""
    changes = (
        past(target(0), Field.BID, yuan(1.0), yuan(1.1), hours_ago=4),
        past(target(0), Field.BID, yuan(1.1), yuan(1.2), hours_ago=3),
        past(target(1), Field.BID, yuan(1.0), yuan(1.1), hours_ago=4),
        past(target(1), Field.BID, yuan(1.1), yuan(3.0), hours_ago=2, actor=Editor.PERSON, status=Status.FOREIGN),
        past(target(2), Field.BID, yuan(1.0), yuan(1.1), hours_ago=1, status=Status.REJECTED),
        past(target(3), Field.BID, yuan(1.0), yuan(1.1), hours_ago=20),
    )
    ordered = tuple(sorted(changes, key=lambda change: change.at))

    found = Moves.of(
        Memory(changes=ordered),
        day_start=day_start(NOW.date(), "Asia/Shanghai"),
        since=NOW - timedelta(days=8),
    )

    assert {(target(0), Field.BID): yuan(1.0), (target(1), Field.BID): yuan(3.0)} == dict(found.day_start)
    assert {target(0): 3.0, target(1): 4.0, target(3): 20.0} == {
        ref: (NOW - at) / timedelta(hours=1) for (ref, _), at in found.last.items()
    }
    assert {(target(0), Field.BID): 2, (target(1), Field.BID): 1} == dict(found.today)
