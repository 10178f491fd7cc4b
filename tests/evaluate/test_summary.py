"""Shares, broken rules, doubt and hardness are read from runs as the page on scorecards says."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

import numpy as np
import pytest

from bidder.evaluate.bound import Frontier, frontier
from bidder.evaluate.simulate import Limits, Match, Result, Run
from bidder.evaluate.summary import (
    above_bound,
    bootstrap,
    hardness,
    share_of_oracle,
    share_so_far,
    shares_of_bound,
    summary,
)
from bidder.ports import ResponseTable
from tests.evaluate.markets import shop

DAYS = 4
EASY = ("proportional", "hands-off", "rules", "rules-strict", "rules-loose")


def edge(value: float, spend: float) -> Frontier:
    """Return a market whose only target brings this value for this spend on each day."""
    day = ResponseTable(
        target_ids=("t0",),
        bid_micros=np.ones(1),
        clicks=np.ones((1, 1)),
        spend_micros=np.array([[spend]]),
        value_micros=np.array([[value]]),
    )
    return frontier([day] * DAYS, shop(1))


def run(policy: str, value: float, *, seed: int = 1, over: float = 0.0, contribution: float = 300.0) -> Run:
    """Return a run that earned as much each day, on a spend of 100."""
    return Run(
        policy=policy,
        seed=seed,
        currency="CNY",
        first_day=date(2026, 5, 1),
        events=(),
        spend=np.full(DAYS, 100.0),
        revenue=np.full(DAYS, 500.0),
        refund=np.full(DAYS, 50.0),
        contribution=np.full(DAYS, contribution),
        value=np.full(DAYS, value),
        orders=np.full(DAYS, 3.0),
        sent=8,
        targets=2,
        over_cap=np.array([0.0, over, 0.0, 0.0]),
        limits=(Limits(day_micros=120.0, month_micros=None, goods=None),),
        edges=(edge(300.0, 100.0),) if policy == "oracle" else (),
    )


def result(values: Mapping[str, float], *others: Run, seeds: tuple[int, ...] = (1,)) -> Result:
    """Return the result of these policies on every seed, and of runs of another kind."""
    runs = [run(policy, value, seed=seed) for seed in seeds for policy, value in values.items()]
    names = tuple(dict.fromkeys([*values, *(one.policy for one in others)]))
    return Result(match=Match(preset="apparel", days=DAYS, seeds=seeds, policies=names), runs=(*runs, *others))


def test_a_run_that_broke_a_rule_scores_nothing_and_is_named() -> None:
    """A day above cap times overdelivery, or contribution below 98% of spend; what it earned is told beside it."""
    broke = (run("rules", 100.0, over=1.0), run("proportional", 100.0, contribution=97.0))
    found = result({"oracle": 200.0}, *broke, run("hands-off", 100.0, contribution=98.5))

    assert [(0.0, 0.5), (0.0, 0.5), (0.5, 0.5)] == [
        (share.mean, share.earned)
        for name in ("rules", "proportional", "hands-off")
        if (share := share_of_oracle(found, name)) is not None
    ]
    policies = summary(found)["policies"]
    assert isinstance(policies, dict)
    assert [{"seed": 1, "rule": "cap"}] == policies["rules"]["broken"]
    assert [{"seed": 1, "rule": "floor"}] == policies["proportional"]["broken"]
    assert 1 / 1e6 == policies["rules"]["over_cap"]["total"]
    assert 100 / 120 == pytest.approx(policies["rules"]["over_cap"]["worst_day_of_cap_times_overdelivery"])


def test_share_so_far_follows_the_days() -> None:
    """Half of the oracle's value on every day is half of it all the way, though a broken rule ends with 0."""
    found = result({"oracle": 200.0}, run("rules", 100.0, over=1.0))

    assert [0.5] * DAYS == pytest.approx(share_so_far(found, "rules"))
    assert [] == share_so_far(result({"rules": 100.0}), "rules")


def test_without_the_oracle_there_are_no_shares() -> None:
    """Nothing to compare with is not a zero."""
    found = result({"rules": 100.0})

    assert share_of_oracle(found, "rules") is None
    assert [] == shares_of_bound(found, "rules")
    assert hardness(found)["hard"] is None


def test_a_policy_above_its_bound_is_named() -> None:
    """The market gives 200 a day at most; one percent more may be chance, two are a fault of the referee."""
    assert () == above_bound(result({"oracle": 199.0, "rules": 201.9}))
    assert ("rules",) == above_bound(result({"oracle": 199.0, "rules": 204.0}))


@pytest.mark.parametrize(
    ("changes", "hard"),
    [
        ({}, True),
        ({"hands-off": 125.0}, False),
        ({"proportional": 175.0}, False),
        ({"rules-strict": 165.0}, False),
        ({"proportional": 165.0}, True),
    ],
)
def test_a_market_is_hard_while_easy_policies_do_badly(changes: dict[str, float], *, hard: bool) -> None:
    """Nobody 60%, money by revenue 85%, the best of three rules 80% of the oracle at most."""
    found = result({"oracle": 200.0} | dict.fromkeys(EASY, 100.0) | changes)

    assert hardness(found)["hard"] is hard


def test_a_zero_for_a_broken_rule_does_not_make_a_market_hard() -> None:
    """What nobody earned at all counts, though below the floor it scores nothing."""
    values = {"oracle": 200.0} | dict.fromkeys(EASY[2:], 100.0) | {"proportional": 100.0}
    found = result(values, run("hands-off", 190.0, contribution=1.0))

    assert hardness(found)["hard"] is False


def test_doubt_comes_from_seeds() -> None:
    """One seed has none; the same seeds always give the same bounds, around the mean."""
    low, high = bootstrap([0.5, 0.7, 0.9])

    assert (None, None) == bootstrap([0.5])
    assert low is not None
    assert high is not None
    assert 0.5 <= low < 0.7 < high <= 0.9
    assert (low, high) == bootstrap([0.5, 0.7, 0.9])
