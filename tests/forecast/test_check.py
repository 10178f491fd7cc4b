"""The prior check looks at what was seen before a pause was possible, so that pausing does not fail a right prior."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from bidder.core.change import Field, PastChange, Status
from bidder.core.entities import Editor, EntityKind, EntityRef, State
from bidder.core.policy import GoalPolicy, Policy
from bidder.core.snapshot import Memory
from bidder.forecast.check import before_stops, prior_holds
from bidder.forecast.exposure import Exposure
from bidder.forecast.facts import TargetFacts
from bidder.forecast.layout import lay_out
from bidder.forecast.shrinkage import fit_rates
from bidder.forecast.stops import allowed_clicks, stopped_on_evidence
from bidder.forecast.sums import sum_by
from tests.core.builders import NOW, Shop, Word, product, yuan


def facts(target: list[int], day: list[int], clicks: list[float]) -> TargetFacts:
    """Return rows of clicks without orders."""
    number = len(target)
    zeros = np.zeros(number)
    return TargetFacts(
        today=100, first_day=0, target=np.array(target, dtype=np.int32), day=np.array(day, dtype=np.int32),
        elapsed=zeros, impressions=zeros, clicks=np.array(clicks), orders=zeros, spend_micros=zeros,
        revenue_micros=zeros, carts=zeros,
    )  # fmt: skip


def test_rows_count_until_the_allowance_is_used_up() -> None:
    """In the order of days, whatever the order of rows; the row that crosses the allowance is the last."""
    rows = facts([1, 0, 0, 1, 0], [3, 2, 1, 1, 3], [5.0, 10.0, 10.0, 5.0, 10.0])

    kept = before_stops(rows, rows.clicks, np.array([15.0, np.inf]))

    assert [True, True, True, True, False] == kept.tolist()


@pytest.mark.parametrize("allowed", [np.inf, 1e9])
def test_without_an_allowance_everything_counts(allowed: float) -> None:
    """So it does where nothing is near its allowance."""
    rows = facts([0, 0, 1], [1, 2, 1], [5.0, 5.0, 5.0])

    assert before_stops(rows, rows.clicks, np.full(2, allowed)).all()


def test_a_right_prior_passes_though_what_sold_little_was_stopped() -> None:
    """Gamma rates of 3,000 targets, pauses from 40 clicks on: whole counts fail the check, early ones pass."""
    rng = np.random.default_rng(9)
    size, days, daily = 3_000, 40, 10.0
    rate = rng.gamma(2.0, 0.02, size)
    orders = rng.poisson(daily * rate[:, None], (size, days))
    running = np.ones((size, days), dtype=bool)
    for day in range(4, days):
        running[:, day] = running[:, day - 1] & (orders[:, :day].sum(axis=1) >= 0.02 * daily * day)
    target, click_day = np.nonzero(running)
    rows = replace(
        facts(target.tolist(), click_day.tolist(), [daily] * len(target)), orders=orders[running].astype(np.float64)
    )
    whole = [sum_by(rows.target, values, size) for values in (rows.orders, rows.clicks)]
    prior = fit_rates(whole[0], whole[1], [], fallback=0.02)

    early = before_stops(rows, rows.clicks, np.full(size, 30.0))
    seen = [sum_by(rows.target[early], values[early], size) for values in (rows.orders, rows.clicks)]

    assert not prior_holds(*prior.distance(whole[0], whole[1]))
    assert prior_holds(*prior.distance(seen[0], seen[1]))


def exposure(clicks: float, spend: float) -> Exposure:
    """Return what one target was seen to cost."""
    told = np.array([clicks])
    return Exposure(
        clicks=told, orders=told * 0, spend_micros=np.array([spend * 1e6]), sure_clicks=told, carts=told,
        cart_clicks=told,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("margin", "goal", "expected"),
    [
        (0.5, GoalPolicy(), 3 * 100 * 0.45 / 0.8),
        (None, GoalPolicy(), np.inf),
        (None, GoalPolicy(default_margin=0.5), 3 * 100 * 0.45 / 0.8),
        (0.5, GoalPolicy(count_incremental=True), 3 * 100 * 0.45 / 0.8 * 0.3),
    ],
)
def test_three_floor_orders_of_clicks_are_allowed(*, margin: float | None, goal: GoalPolicy, expected: float) -> None:
    """At .80 a click, 100 yuan an order and k = .45; without a margin nothing is ever paused on evidence."""
    layout = lay_out(Shop(words=(Word(),), products=(product(margin=margin),)).structure())
    policy = Policy(cap=yuan(100), goal=goal)

    found = allowed_clicks(layout, exposure(100.0, 80.0), np.array([100e6]), np.array([0.1]), policy)

    assert expected == pytest.approx(found[0])


@pytest.mark.parametrize(
    ("code", "told"), [("PAUSE_EVIDENCE", True), ("PAUSE_NEW_FAILED", True), ("PAUSE_STOCK", False)]
)
def test_only_pauses_for_what_a_target_brought_are_stops(*, code: str, told: bool) -> None:
    """A stock-out does not depend on orders."""
    ref = EntityRef(EntityKind.TARGET, "t0")
    past = PastChange(
        ref=ref, field=Field.STATE, old=State.ENABLED, new=State.PAUSED, at=NOW, status=Status.CONFIRMED,
        actor=Editor.DAEMON, reason_code=code,
    )  # fmt: skip

    assert [told, told, False] == [
        stopped_on_evidence(memory) for memory in (Memory(changes=(past,)), Memory(paused_by_us={ref: past}), Memory())
    ]
