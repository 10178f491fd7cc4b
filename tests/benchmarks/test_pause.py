"""The streams that pauses are judged on are what they claim to be, and the daemon's rules are what follows them."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.order_streams import StreamPlan, draw_streams
from benchmarks.pause import follow, raw_rule


@pytest.mark.parametrize(("burst", "delayed"), [(1.0, True), (1.0, False), (2.0, True)])
def test_streams_bring_the_planted_roas(*, burst: float, delayed: bool) -> None:
    """At half of break-even half an order comes for each floor-order spent, and its value is the list price's."""
    plan = StreamPlan(days=30, daily=2.0, burst=burst, delayed=delayed)
    streams = draw_streams(np.full(1_000, 0.5), plan, 1)

    floor_orders = streams.clicks.sum() / plan.clicks

    assert len(streams.target) / floor_orders == pytest.approx(0.5, rel=0.03)
    assert streams.value_micros.mean() == pytest.approx(streams.aov_micros, rel=0.03)
    assert floor_orders * streams.aov_micros / plan.floor == pytest.approx(
        float(streams.clicks.sum()) * streams.cpc_micros
    )


def test_streams_come_as_late_as_their_completion_says() -> None:
    """The share of orders seen k days after their click is the stated one."""
    streams = draw_streams(np.ones(1_000), StreamPlan(days=20, daily=2.0), 2)

    seen = [(streams.delay <= age).mean() for age in (0, 1, 3, 7)]

    np.testing.assert_allclose(seen, streams.completion[[0, 1, 3, 7]], atol=0.01)


def test_orders_of_a_day_are_found_by_when_they_came() -> None:
    """Every order comes in once, on its own day."""
    streams = draw_streams(np.ones(50), StreamPlan(days=12, daily=2.0), 3)

    days = [streams.day[streams.came_on(day)] + streams.delay[streams.came_on(day)] for day in range(40)]

    assert len(streams.day) == sum(map(len, days))
    assert all((came == day).all() for day, came in enumerate(days))


def test_the_cautious_rule_pauses_what_loses_and_spares_what_earns() -> None:
    """Nearly all targets at a third of break-even, few at it; the common rule stops nearly all of both."""
    plan = StreamPlan(days=40, daily=1.0)
    bad, even = (draw_streams(np.full(400, ratio), plan, 4) for ratio in (0.33, 1.0))

    ours, common = ([rule.paused.mean() for rule in rules] for rules in (
        (follow(bad, cautious=True), follow(even, cautious=True)), (raw_rule(bad), raw_rule(even)),
    ))  # fmt: skip

    assert ours[0] > 0.8
    assert ours[1] < 0.08
    assert min(common) > 0.9


def test_a_right_prior_stays_trusted_while_it_pauses() -> None:
    """A log-normal shop of 1,500 targets: the check passes at every look, and most pauses are right."""
    ratio = np.exp(np.random.default_rng(5).normal(np.log(0.9), 0.7, 1_500))

    found = follow(draw_streams(ratio, StreamPlan(days=25, daily=1.0, clicks=25.0), 6), cautious=None)

    assert found.trusted >= 0.9
    assert found.paused.mean() > 0.25
    assert found.good[found.paused].mean() <= 0.08
