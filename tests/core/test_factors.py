"""The record tells standing hour factors from pacing, and guards hold the effective bid to its limits."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bidder.core.calendar import ordinal
from bidder.core.change import Change, Field, PastChange, Status
from bidder.core.entities import Campaign, CampaignId, Editor, State
from bidder.core.factors import HourFactors, hour_factors
from bidder.core.guards import guard
from bidder.core.plan import Draft, Verdict
from bidder.core.policy import LimitPolicy
from bidder.core.snapshot import Memory
from bidder.core.venue import Capability
from tests.core.builders import LEVERS, TODAY, WHY, ZONE, Shop, Word, bid, campaign, past, policy, profile, yuan

ONES = (1.0,) * 24
DAY_AND_NIGHT = (0.5,) * 8 + (1.2,) * 16
RULES = profile(supports=LEVERS | {Capability.SET_DAYPARTS})


def scaled(factors: Sequence[float], level: float) -> tuple[float, ...]:
    """Return factors at a level, in whole percents."""
    return tuple(round(factor * level, 2) for factor in factors)


def moved(
    old: tuple[float, ...] | None,
    new: tuple[float, ...],
    hours_ago: float,
    code: str = "PACE_SLOWER",
    *,
    actor: Editor = Editor.DAEMON,
    status: Status = Status.CONFIRMED,
) -> PastChange:
    """Return a past change of hour factors."""
    return past(campaign(), Field.DAYPARTS, old, new, hours_ago=hours_ago, code=code, actor=actor, status=status)


def told(shown: tuple[float, ...] | None, *changes: PastChange, n_days: int = 3) -> HourFactors:
    """Read the factors of one campaign; the last of the days is today."""
    found = Campaign(id=CampaignId("c0"), name="c0", state=State.ENABLED, daily_budget=None, dayparts=shown)
    first = ordinal(TODAY) - n_days + 1
    return hour_factors((found,), changes, time_zone=ZONE, first_day=first, n_days=n_days)


@pytest.mark.parametrize(
    ("shown", "changes", "standing", "level"),
    [
        pytest.param(None, (), ONES, 1.0, id="none-set"),
        pytest.param(DAY_AND_NIGHT, (), DAY_AND_NIGHT, 1.0, id="the-owners"),
        pytest.param((0.8,) * 24, (moved(None, (0.8,) * 24, 3),), ONES, 0.8, id="paced"),
        pytest.param(
            (0.64,) * 24,
            (moved(None, (0.8,) * 24, 3), moved((0.8,) * 24, (0.64,) * 24, 2)),
            ONES,
            0.64,
            id="paced-twice",
        ),
        pytest.param(
            scaled(DAY_AND_NIGHT, 0.8),
            (moved(ONES, DAY_AND_NIGHT, 90, "DAYPARTS_TO_WORTH"), moved(DAY_AND_NIGHT, scaled(DAY_AND_NIGHT, 0.8), 3)),
            DAY_AND_NIGHT,
            0.8,
            id="worth-then-paced",
        ),
        pytest.param(
            (0.7,) * 24,
            (moved(None, (0.8,) * 24, 3), moved((0.8,) * 24, (0.7,) * 24, 2, actor=Editor.PERSON)),
            (0.7,) * 24,
            1.0,
            id="a-persons-edit-stands",
        ),
        pytest.param((0.9,) * 24, (moved(None, (0.8,) * 24, 3),), (0.9,) * 24, 1.0, id="venue-shows-something-else"),
        pytest.param(ONES, (moved(None, (0.8,) * 24, 3, status=Status.REJECTED),), ONES, 1.0, id="never-happened"),
    ],
)
def test_standing_factors_and_pacing_are_told_apart(
    shown: tuple[float, ...] | None, changes: tuple[PastChange, ...], standing: tuple[float, ...], level: float
) -> None:
    """By the reasons of our own changes; whatever the record does not explain stands as it is."""
    found = told(shown, *changes)

    assert np.tile(standing, (7, 1)) == pytest.approx(found.standing[0], abs=0.01)
    assert level == pytest.approx(found.level[0], abs=0.01)


def test_levels_of_past_hours_are_those_in_force_then() -> None:
    """Lowered at ten minutes to nine and at twenty to ten this morning, back in force from the hours after."""
    found = told((0.6,) * 24, moved(None, (0.8,) * 24, 1 + 10 / 60), moved((0.8,) * 24, (0.6,) * 24, 20 / 60))

    today = found.past[0, -1]
    assert [1.0] * 9 + [0.8] + [0.6] * 14 == pytest.approx(today)
    assert np.ones((2, 24)) == pytest.approx(found.past[0, :-1])


def judged(*changes: Change, limits: LimitPolicy | None = None, shown: tuple[float, ...] | None = None,
           record: tuple[PastChange, ...] = ()) -> Verdict:  # fmt: skip
    """Return what the guards say of a campaign with two targets at bids of 1 and 2."""
    shop = Shop(words=(Word(), Word(bid=2.0)), rules=RULES, campaigns={"c0": {"dayparts": shown}})
    return guard(
        Draft(changes=changes, holds=()),
        shop.snapshot(memory=Memory(changes=record)),
        policy(10_000, limits=limits or LimitPolicy()),
    )


def hours(new: tuple[float, ...], old: tuple[float, ...] | None = None) -> Change:
    """Return a wanted change of hour factors."""
    return Change(ref=campaign(), field=Field.DAYPARTS, old=old, new=new, reason=WHY)


def left(verdict: Verdict) -> list[tuple[float, ...]]:
    """Return the hour factors that go out."""
    return [c.new for c in verdict.plan.changes if c.field is Field.DAYPARTS and isinstance(c.new, tuple)]


def test_hour_moves_by_a_step_at_most() -> None:
    """From 1 to 2 and to .1 is shrunk to 1.2 and .8, and says so."""
    verdict = judged(hours((2.0,) * 12 + (0.1,) * 12))

    assert [(1.2,) * 12 + (0.8,) * 12] == left(verdict)
    assert ["STEP_LIMIT"] == [o.reason.code.name for o in verdict.objections]


def test_hour_and_base_bid_raised_together_stay_within_one_step() -> None:
    """A bid up by a tenth leaves 1.2 / 1.1 for the hour; a lowered bid leaves it no more than 1.2."""
    together = judged(hours((1.2,) * 24), bid(0, 1.0, 1.1), bid(1, 2.0, 1.8))
    apart = judged(hours((1.2,) * 24), bid(1, 2.0, 1.8))

    assert [(1.09,) * 24] == left(together)
    assert [(1.2,) * 24] == left(apart)


def test_hour_does_not_lift_an_effective_bid_over_the_ceiling() -> None:
    """The higher bid of 2 may not pay more than 2.1 in any hour."""
    verdict = judged(hours((1.2,) * 12 + (0.9,) * 12), limits=LimitPolicy(bid_ceiling=yuan(2.1)))

    assert [(1.05,) * 12 + (0.9,) * 12] == left(verdict)
    assert ["ABOVE_CEILING"] == [o.reason.code.name for o in verdict.objections]


def test_hour_that_cannot_move_is_held() -> None:
    """A ceiling that is already reached leaves nothing of the change."""
    verdict = judged(hours((1.1,) * 24), limits=LimitPolicy(bid_ceiling=yuan(2)))

    assert left(verdict) == []
    assert [None] == [o.kept for o in verdict.objections]
    assert [campaign()] == [h.ref for h in verdict.holds]


@pytest.mark.parametrize(
    ("shown", "record", "wanted", "expected"),
    [
        pytest.param(1.2, (moved(ONES, (1.2,) * 24, 3, "DAYPARTS_TO_WORTH"),), 1.4, [], id="second-step-of-a-day"),
        pytest.param(1.1, (moved(ONES, (1.1,) * 24, 3, "DAYPARTS_TO_WORTH"),), 1.3, [1.2], id="rest-of-a-days-step"),
        pytest.param(1.2, (moved(ONES, (1.2,) * 24, 30, "DAYPARTS_TO_WORTH"),), 1.4, [1.4], id="next-day"),
        pytest.param(0.6, (moved(ONES, (0.6,) * 24, 12),), 0.72, [0.72], id="back-from-last-nights-pacing"),
        pytest.param(
            0.9, (moved(ONES, (0.6,) * 24, 12), moved((0.6,) * 24, (0.9,) * 24, 2)), 1.0, [1.0], id="all-the-way"
        ),
    ],
)
def test_day_lifts_an_hour_by_a_step_above_what_stood_at_its_start(
    shown: float, record: tuple[PastChange, ...], wanted: float, expected: list[float]
) -> None:
    """Coming back from pacing is no raise; a second step of standing factors on one day is."""
    verdict = judged(hours((wanted,) * 24, (shown,) * 24), shown=(shown,) * 24, record=record)

    assert [(value,) * 24 for value in expected] == left(verdict)


@given(
    old=st.lists(st.integers(0, 300), min_size=24, max_size=24),
    new=st.lists(st.integers(0, 500), min_size=24, max_size=24),
    lift=st.floats(1.0, 1.2),
)
def test_guard_only_shrinks_hours(old: list[int], new: list[int], lift: float) -> None:
    """Each factor ends between what stood and what was wanted, and the effective bid within a step upwards."""
    before, after = (tuple(value / 100 for value in values) for values in (old, new))
    raised = round(1.0 * lift, 2)
    others = () if raised == 1.0 else (bid(0, 1.0, raised),)

    verdict = judged(hours(after, before), *others, shown=before)

    for found in left(verdict):
        low, high = np.minimum(before, after), np.maximum(before, after)
        assert np.all((np.array(found) >= low - 1e-9) & (np.array(found) <= high + 1e-9))
        effective = np.array(found) * (raised if others else 1.0)
        assert np.all(effective <= np.maximum(1.2 * np.array(before), np.array(before) * raised) + 1e-9)
