"""One would-be pause in twenty runs on at the least bid, always the same ones, and what they bring is counted."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from bidder.core.audit_sample import false_share
from bidder.core.calendar import ordinal
from bidder.core.decide import allocate
from bidder.core.entities import State
from bidder.core.money import Money
from bidder.core.performance import Grain, History, Level, PerformanceTable
from bidder.core.plan import Draft
from bidder.core.policy import EvidencePolicy, Policy, ProtectPolicy
from bidder.core.snapshot import Memory
from bidder.core.turns import draw
from tests.core.builders import CURRENCY, NOW, TODAY, Shop, Word, changes_of, hold_code, policy, target

BAD = Word(value=0.1, seen_orders=0.0, cart_rate=0.02)
ALL = policy(evidence=EvidencePolicy(audit_share=1.0))


def decide(word: Word, rules: Policy, memory: Memory | None = None) -> Draft:
    """Decide for a word beside a good one."""
    shop = Shop(words=(word, Word(product="p1")))
    return allocate(shop.snapshot(memory=memory), shop.forecast(), rules)


def codes(draft: Draft) -> list[str]:
    """Return the reasons of the word's changes."""
    return [change.reason.code.name for change in changes_of(draft, target(0))]


def test_draws_are_even_and_depend_on_seed_and_name_only() -> None:
    """Of 20,000 names a twentieth is drawn, within three standard errors, and another seed draws others."""
    drawn = [draw(f"t{n}", 7) < 0.05 for n in range(20_000)]
    other = [draw(f"t{n}", 8) < 0.05 for n in range(20_000)]

    assert sum(drawn) == pytest.approx(1_000, abs=3 * 31)
    assert drawn == [draw(f"t{n}", 7) < 0.05 for n in range(20_000)]
    assert drawn != other


def test_what_is_drawn_is_bid_down_instead_of_paused() -> None:
    """The bid falls by its step towards the least; at the least bid it runs on, and the hold says why."""
    down, least = decide(BAD, ALL), decide(replace(BAD, bid=0.05), ALL)

    assert (["BID_DOWN_AUDIT"], [], "AUDIT_SAMPLE") == (codes(down), codes(least), hold_code(least, target(0)))
    assert Money(800_000, CURRENCY) == changes_of(down, target(0))[0].new


def test_without_a_share_nothing_is_drawn() -> None:
    """A share of 0 pauses everything the evidence says."""
    assert ["PAUSE_EVIDENCE"] == codes(decide(BAD, policy(evidence=EvidencePolicy(audit_share=0.0))))


def test_a_draw_replays() -> None:
    """The same snapshot draws the same target, whatever else is in the account."""
    assert codes(decide(BAD, ALL)) == codes(decide(BAD, ALL))


@pytest.mark.parametrize(("below", "expected"), [(0.8, ["BID_DOWN_AUDIT"]), (0.6, [])])
def test_a_drawn_target_stays_until_it_would_be_resumed(*, below: float, expected: list[str]) -> None:
    """Between .7 and .95 a target of the sample stays at the least bid; below it bids as any other."""
    shop = Shop(words=(Word(value=1.0), Word(product="p1")))
    rate = -np.log(1.0 - below) / (0.8 / 0.45 / 100.0)
    plain = shop.forecast()
    made = replace(plain, shape=np.array([1.0, plain.shape[1]]), rate=np.array([rate, plain.rate[1]]))
    memory = Memory(sampled={target(0): NOW - timedelta(days=3)})

    draft = allocate(shop.snapshot(memory=memory), made, ALL)

    assert expected == [code for code in codes(draft) if code == "BID_DOWN_AUDIT"]


def test_protected_and_top_never_enter_the_sample() -> None:
    """What would not be paused is not drawn either."""
    guarded = replace(ALL, protect=ProtectPolicy(products=("p0",)))

    assert ["BID_DOWN_PROTECTED"] == codes(decide(BAD, guarded))


def facts(orders: list[int]) -> History:
    """Return a hundred clicks of .80 a day on the first word, with orders, the last day being yesterday."""
    number = len(orders)
    told = np.full(number, 100, dtype=np.int64)
    empty = Shop().snapshot().history
    return replace(
        empty,
        daily=PerformanceTable(
            level=Level.TARGET, grain=Grain.DAY, window_days=15, currency=CURRENCY, entity_ids=("t0",),
            entity=np.zeros(number, dtype=np.int32),
            day=np.arange(ordinal(TODAY) - number, ordinal(TODAY), dtype=np.int32),
            hour=np.full(number, -1, dtype=np.int8), impressions=told * 20, clicks=told, spend_micros=told * 800_000,
            orders=np.array(orders), units=np.array(orders), revenue_micros=np.array(orders) * 100_000_000,
            carts=told * 0 - 1, favourites=told * 0 - 1, observed_at=told,
        ),
    )  # fmt: skip


def test_figures_count_from_the_draw() -> None:
    """Drawn three days ago: of the two closed days after, .6 + .8 of 80 yuan is matured, at 45 yuan a floor-order."""
    shop = Shop(words=(BAD, Word(product="p1")))
    memory = Memory(sampled={target(0): NOW - timedelta(days=3)})
    snapshot = replace(shop.snapshot(memory=memory), history=facts([5, 5, 5, 5, 1, 2]))

    figures = allocate(snapshot, shop.forecast(), ALL).figures

    assert figures["audit_targets"] == 1.0
    assert figures["audit_floor_orders"] == pytest.approx(80 * 1.4 / (100 * 0.45))
    assert figures["audit_roas_over_floor"] == pytest.approx(3 / (80 * 1.4 / 45))
    assert "audit_false_share" not in figures


@pytest.mark.parametrize("share", [0.0, 0.05, 0.3])
def test_the_false_share_is_found_from_a_few_orders_each(share: float) -> None:
    """400 targets with four floor-orders each, a share of them at twice break-even, the rest at a third of it."""
    rng = np.random.default_rng(3)
    ratio = np.where(rng.random(400) < share, 2.0, 0.33)
    spent = np.full(400, 4.0)

    found = false_share(rng.poisson(ratio * spent).astype(np.float64), spent)

    assert found == pytest.approx(float(np.mean(ratio > 1)), abs=0.06)


def test_a_sample_without_spend_says_nothing() -> None:
    """A target that was drawn today is counted and has no figures yet."""
    shop = Shop(words=(replace(BAD, state=State.ENABLED), Word(product="p1")))

    figures = allocate(shop.snapshot(memory=Memory(sampled={target(0): NOW})), shop.forecast(), ALL).figures

    assert (1.0, 0.0) == (figures["audit_targets"], figures["audit_floor_orders"])
    assert "audit_roas_over_floor" not in figures
