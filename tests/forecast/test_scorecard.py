"""The scorecard tells honest forecasts from boastful and from biased ones, by campaign and days ahead."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bidder.core.performance import Float64, PerformanceTable
from bidder.core.scorecard import JUDGED_DAYS, Claims, Score, Scorecard
from bidder.forecast import EmpiricalBayesForecaster
from bidder.forecast.scorecard import HORIZONS, keep_score, shape_of
from bidder.forecast.value import rpc_bounds
from tests.forecast.shops import POLICY, ShopPlan, facts, shop

DAYS = (20_000, 20_007, 20_014, 20_021)
TARGETS = 300
NO_DAYS = np.zeros(0, dtype=np.int32)
CAMPAIGNS = {f"t{n}": f"c{n % 3}" for n in range(TARGETS)}


def drawn(seed: int, *, clicks: float = 40.0, shape: float = 4.0) -> tuple[Float64, PerformanceTable]:
    """Draw rates around .03 by a Gamma of this shape, and four weeks of what they bring."""
    rng = np.random.default_rng(seed)
    cvr = 0.03 * rng.gamma(shape, 1 / shape, TARGETS)
    plan = ShopPlan(targets=TARGETS, days=28, clicks=clicks)
    table = facts(plan, cvr, rng)
    table = replace(table, day=(table.day - table.day.min() + DAYS[0]).astype(np.int32))
    return cvr, replace(table, orders=rng.poisson(table.clicks * cvr[table.entity]).astype(np.int64))


def claimed(cvr: Float64, *, shape: float, interval: float = 0.8) -> Claims:
    """Claim these rates on four Mondays with this doubt."""
    low, high = rpc_bounds(np.ones(TARGETS), np.full(TARGETS, shape), np.zeros(TARGETS), interval)
    return Claims(
        target_ids=tuple(f"t{n}" for n in range(TARGETS)),
        target=np.tile(np.arange(TARGETS, dtype=np.int32), len(DAYS)),
        day=np.repeat(np.array(DAYS, dtype=np.int32), TARGETS),
        cvr=np.tile(cvr, len(DAYS)),
        width=np.tile(high / low, len(DAYS)),
    )


def judged(claims: Claims, table: PerformanceTable) -> Scorecard:
    """Return the scorecard."""
    card = keep_score(claims, table, CAMPAIGNS, unusable=NO_DAYS, interval=0.8)
    assert card is not None
    return card


def account(card: Scorecard) -> Score:
    """Return the score of the account's week."""
    assert card.judged is not None
    return card.judged


@pytest.mark.parametrize("seed", range(4))
def test_an_honest_forecast_keeps_its_intervals(seed: int) -> None:
    """The mean of all rates with the doubt that they were drawn with: held four times in five, nothing follows."""
    _, table = drawn(seed)
    card = judged(claimed(np.full(TARGETS, 0.03), shape=4.0), table)

    # The four weeks of a target share its rate: they are not four draws.
    assert 0.8 == pytest.approx(account(card).coverage, abs=0.06)
    assert abs(account(card).bias) < 0.12


def test_a_boastful_forecast_is_widened() -> None:
    """The same mean claimed as nearly certain misses most weeks."""
    _, table = drawn(5)

    card = judged(claimed(np.full(TARGETS, 0.03), shape=400.0), table)

    assert account(card).coverage < 0.6
    assert card.widening > 1.3


@pytest.mark.parametrize("factor", [0.6, 1.6])
def test_a_biased_forecast_is_widened(factor: float) -> None:
    """Rates all too low or too high by the same factor: the bias is told, and doubt grows."""
    cvr, table = drawn(6)

    card = judged(claimed(cvr * factor, shape=1e5), table)

    assert factor - 1 == pytest.approx(account(card).bias, abs=0.05)
    assert card.widening > 1.2


def test_the_true_rate_scores_better_than_one_rate_for_all() -> None:
    """CRPS rewards knowing which target sells."""
    cvr, table = drawn(7)

    score = account(judged(claimed(cvr, shape=1e5), table))

    assert score.crps < 0.8 * score.crps_flat


def test_scores_add_up_by_campaign_and_days_ahead() -> None:
    """Every horizon has the account and its three campaigns; claims and orders of these sum to the account's."""
    cvr, table = drawn(8)

    card = judged(claimed(cvr, shape=9.0), table)

    assert len(HORIZONS) * 4 == len(card.scores)
    for horizon in HORIZONS:
        rows = [score for score in card.scores if score.horizon == horizon]
        assert rows[0].campaign_id is None
        assert rows[0].orders == sum(score.orders for score in rows[1:])
        assert rows[0].claims == sum(score.claims for score in rows[1:])
    one_day = table.orders[np.isin(table.day, DAYS)].sum()
    assert one_day == next(score.orders for score in card.scores if score.horizon == 1)


def test_days_that_nothing_is_learned_from_are_not_judged() -> None:
    """Excluding a week takes its orders out of the score."""
    cvr, table = drawn(9)
    week = np.arange(DAYS[1], DAYS[1] + JUDGED_DAYS, dtype=np.int32)

    card = keep_score(claimed(cvr, shape=9.0), table, CAMPAIGNS, unusable=week, interval=0.8)

    assert card is not None
    assert table.orders[~np.isin(table.day, week)].sum() == account(card).orders


@pytest.mark.parametrize("ahead", [0, 1], ids=["on the day", "the day before"])
def test_what_was_said_of_a_sale_is_not_judged_on_the_days_after_it(ahead: int) -> None:
    """A rate three times as high for a day of sale, rightly, does not pass for a bias of the week that follows."""
    cvr, table = drawn(9)
    honest = claimed(cvr, shape=9.0)
    raised = replace(honest, cvr=np.where(honest.day == DAYS[1], 3 * honest.cvr, honest.cvr))
    sale = np.array([DAYS[1] + ahead], dtype=np.int32)

    card = keep_score(raised, table, CAMPAIGNS, unusable=sale, interval=0.8)

    assert card is not None
    assert account(card).orders == pytest.approx(account(card).expected, rel=0.1)
    assert 1.0 == card.widening


@given(shape=st.floats(0.1, 1e4), interval=st.floats(0.5, 0.95))
@settings(max_examples=50)
def test_shape_is_read_back_from_bounds(shape: float, interval: float) -> None:
    """The doubt of a stored forecast is that of the posterior it came from."""
    low, high = rpc_bounds(np.ones(1), np.array([shape]), np.zeros(1), interval)

    assert shape == pytest.approx(float(shape_of(high / low, interval)[0]), rel=0.02)


def test_a_poor_record_widens_the_next_forecast_and_keeps_its_mean() -> None:
    """The posterior's shape falls by the square of the factor; the rates stay where they are."""
    made = shop(ShopPlan(days=60, clicks=8.0)).snapshot
    first = int(made.history.daily.day.min())
    names = made.history.daily.entity_ids
    boast = Claims(
        target_ids=names,
        target=np.arange(len(names), dtype=np.int32),
        day=np.full(len(names), first, dtype=np.int32),
        cvr=np.full(len(names), 0.08),
        width=np.full(len(names), 1.05),
    )

    usual = EmpiricalBayesForecaster(POLICY).forecast(made)
    poor = EmpiricalBayesForecaster(POLICY).forecast(replace(made, memory=replace(made.memory, claims=boast)))

    assert poor.scorecard is not None
    factor = poor.scorecard.widening
    assert factor > 1
    assert usual.cvr == pytest.approx(poor.cvr)
    assert usual.shape / factor**2 == pytest.approx(poor.shape)
    assert (poor.rpc_high_micros / poor.rpc_low_micros >= usual.rpc_high_micros / usual.rpc_low_micros).all()
