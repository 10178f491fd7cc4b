"""What follows from a record: nothing from a good or a short one, wider doubt and shorter steps from a poor one."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from itertools import pairwise

import pytest

from bidder.core.change import Field
from bidder.core.decide import allocate
from bidder.core.money import Money
from bidder.core.scorecard import JUDGED_DAYS, WIDEST, Score, Scorecard, figures_of, judged_days, shortened
from tests.core.builders import Shop, Word, changes_of, policy, target, yuan

GOOD = Score(
    campaign_id=None,
    horizon=JUDGED_DAYS,
    claims=800,
    told=200,
    expected=1_000.0,
    orders=1_010.0,
    deviation=40.0,
    crps=0.5,
    crps_flat=0.7,
    calibration=0.02,
    coverage=0.79,
    interval=0.8,
)


def card(score: Score) -> Scorecard:
    """Return a scorecard with this score of the account."""
    return Scorecard(first_day=1, last_day=22, scores=(replace(score, horizon=1, coverage=0.1), score))


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, 1.0),
        ({"coverage": 0.72}, 1.0),  # Two and a half standard errors below: chance may do that.
        ({"coverage": 0.6}, 1.2816 / 0.8416),
        ({"coverage": 0.6, "told": 20}, 1.0),
        ({"coverage": float("nan"), "told": 0}, 1.0),
        ({"coverage": 0.0}, WIDEST),
        ({"coverage": 0.95}, 1.0),
        ({"expected": 1_300.0}, 1 + 290 / 1_300),
        ({"orders": 1_300.0}, 1 + 300 / 1_300),
        ({"expected": 1_300.0, "deviation": 150.0}, 1.0),
        ({"expected": 1_300.0, "claims": 30}, 1.0),
        ({"expected": 4_000.0, "coverage": 0.2}, WIDEST),
    ],
)
def test_doubt_widens_only_where_chance_does_not_explain_the_record(changes: dict[str, float], expected: float) -> None:
    """Coverage and bias count beyond three standard errors, with enough claims, and never more than twofold."""
    score = replace(GOOD, **changes)  # type: ignore[arg-type]  # columns of a score

    assert expected == pytest.approx(card(score).widening, rel=1e-3)


def test_only_the_accounts_week_is_judged() -> None:
    """A campaign's poor score is shown and changes nothing by itself."""
    poor = replace(GOOD, campaign_id="c0", coverage=0.1)

    assert 1.0 == Scorecard(first_day=1, last_day=8, scores=(poor, GOOD)).widening
    assert 1.0 == Scorecard(first_day=1, last_day=8, scores=(poor,)).widening


def test_a_poor_record_shortens_steps_by_as_much() -> None:
    """A bid that would rise by a fifth rises by less, and the cycle's figures say why."""
    shop, rules = Shop(words=(Word(value=9.0),)), policy()
    poor = card(replace(GOOD, coverage=0.6))

    usual = allocate(shop.snapshot(), shop.forecast(), rules)
    careful = allocate(shop.snapshot(), shop.forecast(scorecard=poor), rules)

    (before,), (after,) = changes_of(usual, target(0)), changes_of(careful, target(0))
    assert Field.BID == after.field
    assert yuan(1.2) == before.new
    assert isinstance(after.new, Money)
    assert yuan(1.13) == after.new
    assert careful.figures["forecast_widening"] == pytest.approx(poor.widening)
    assert "forecast_widening" not in usual.figures


def test_a_good_record_leaves_the_policy_alone() -> None:
    """The very same policy is used, and the figures are told all the same."""
    rules = policy()

    assert shortened(rules, card(GOOD)) is rules
    assert shortened(rules, None) is rules
    assert {"forecast_widening", "forecast_coverage", "forecast_bias", "forecast_crps_of_flat"} == set(
        figures_of(card(GOOD))
    )


@pytest.mark.parametrize("today", [date(2026, 6, day) for day in range(1, 15)])
def test_judged_weeks_are_over_and_do_not_overlap(today: date) -> None:
    """Four Mondays a week apart; the last day foretold is at least a window old."""
    days = judged_days(today, 15)

    assert [0] * 4 == [day.weekday() for day in days]
    assert [7] * 3 == [(b - a).days for a, b in pairwise(days)]
    assert 15 <= (today - days[-1]).days - JUDGED_DAYS < 22
