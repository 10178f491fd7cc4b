"""The forecast of coming days: it learns from what is over, finds the week's pattern, and never looks ahead."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bidder.core.performance import Float64
from bidder.forecast.blend import Blend, Outlook
from bidder.forecast.candidates import coming_revenue, memories, revenue_odds, week_memories
from bidder.forecast.given_spend import given_spend_odds, revenue_given_spend
from bidder.forecast.running import dark_days, running_share
from bidder.forecast.series import Series, by_group, useful_parents
from bidder.forecast.walk import Question, outlook, walk
from bidder.forecast.weekdays import weekday_factors

WEEK = np.array([0.7, 0.9, 1.0, 1.0, 1.1, 1.2, 1.1])
DAY, SEVEN, SPEND = Question(days=1), Question(days=7), Question(days=1, given_spend=True)
QUESTIONS = pytest.mark.parametrize("question", [DAY, SEVEN, SPEND], ids=["day", "week", "spend"])


def shop(seed: int, *, days: int = 35, cells: int = 6, noise: float = 0.2, parents: bool = True) -> Series:
    """Return cells of different size with a weekly pattern and noise, spend a third of usual revenue."""
    draws = np.random.default_rng(seed)
    usual = 100.0 * np.exp(draws.normal(0.0, 1.0, cells)) * WEEK[np.arange(days) % 7][:, None]
    revenue = usual * np.exp(draws.normal(0.0, noise, (days, cells)))
    groups = (np.arange(cells) // 2,) if parents else ()
    return Series(revenue=revenue, spend=usual / 3.0, parents=useful_parents(groups, cells))


def said(series: Series, question: Question) -> dict[int, Float64]:
    """Return the means of all origins."""
    return {origin: answer.mean for origin, answer in walk(series, question)}


@QUESTIONS
@given(origin=st.integers(8, 34), seed=st.integers(0, 50))
@settings(max_examples=6, deadline=None)
def test_a_planted_future_changes_nothing_before_it(question: Question, origin: int, seed: int) -> None:
    """Whatever comes from an origin on, the answers up to it stay byte for byte the same."""
    series = shop(seed)
    revenue, spend = series.revenue.copy(), series.spend.copy()
    revenue[origin:] *= -1e6
    # Where the spend is given, an origin knows that of its own day, and of no later one.
    spend[origin + question.given_spend :] = 1e9
    planted = replace(series, revenue=revenue, spend=spend)

    before, after = said(series, question), said(planted, question)

    for day in range(question.first, origin + 1):
        if day in before:
            assert before[day].tobytes() == after[day].tobytes()


@QUESTIONS
def test_an_answer_is_learned_from_only_when_all_its_days_are_over(question: Question) -> None:
    """Revenue of the day of an origin reaches no answer before the next origin."""
    series = shop(1)
    revenue = series.revenue.copy()
    revenue[20] *= 50.0

    before, after = said(series, question), said(replace(series, revenue=revenue), question)

    assert before[20].tobytes() == after[20].tobytes()
    assert before[21].tobytes() != after[21].tobytes()


@QUESTIONS
def test_answers_do_not_depend_on_the_unit_of_money(question: Question) -> None:
    """The same shop in fen and in yuan is forecast alike."""
    series = shop(2)
    small = replace(series, revenue=series.revenue * 100.0, spend=series.spend * 100.0)

    for (_, one), (_, other) in zip(walk(series, question), walk(small, question), strict=True):
        np.testing.assert_allclose(other.mean, one.mean * 100.0, rtol=1e-9)
        np.testing.assert_allclose(other.median, one.median * 100.0, rtol=1e-9)
        np.testing.assert_allclose(other.quantile(0.9), one.quantile(0.9) * 100.0, rtol=1e-6)


@QUESTIONS
def test_answers_do_not_depend_on_the_order_of_cells(question: Question) -> None:
    """Cells may be shuffled, and their answers are shuffled with them."""
    series, order = shop(3), np.array([3, 0, 5, 1, 4, 2])
    shuffled = replace(
        series,
        revenue=series.revenue[:, order],
        spend=series.spend[:, order],
        parents=tuple(group[order] for group in series.parents),
    )

    for (_, one), (_, other) in zip(walk(series, question), walk(shuffled, question), strict=True):
        np.testing.assert_allclose(other.mean, one.mean[order], rtol=1e-9)


@QUESTIONS
@pytest.mark.parametrize("revenue", [0.0, 5.0], ids=["nothing", "constant"])
def test_a_level_line_is_forecast_as_it_is(question: Question, revenue: float) -> None:
    """Nothing stays nothing, and what never changes is expected to go on."""
    flat = Series(revenue=np.full((30, 2), revenue), spend=np.ones((30, 2)), parents=useful_parents((), 2))

    answers = dict(walk(flat, question))

    for answer in answers.values():
        np.testing.assert_allclose(answer.mean, revenue * question.days, atol=1e-9)
        np.testing.assert_allclose(answer.median, revenue * question.days, rtol=1e-6, atol=1e-9)


def test_the_pattern_of_the_week_is_found_where_there_is_one() -> None:
    """Five weeks of a clear pattern give its factors."""
    series = shop(4, noise=0.02)

    found = weekday_factors(series.revenue.sum(axis=1), series.weekdays())

    np.testing.assert_allclose(found, WEEK / np.exp(np.log(WEEK).mean()), atol=0.05)


def test_noise_without_a_pattern_gives_hardly_any_factor() -> None:
    """Over many shops without a week, factors stay near one: half of those that no shrinkage would give."""
    draws = np.random.default_rng(5)
    lines = np.exp(draws.normal(0.0, 0.3, (60, 35)))
    weekday = np.arange(35) % 7

    spread = [np.log(weekday_factors(line, weekday)).std() for line in lines]
    raw = [np.std([np.log(line[weekday == day]).mean() for day in range(7)]) for line in lines]

    assert float(np.median(spread)) < 0.5 * float(np.median(raw))


@pytest.mark.parametrize("days", [0, 1, 6, 14])
def test_too_few_days_have_no_pattern(days: int) -> None:
    """Factors are ones until every weekday can be compared with the week around it."""
    assert np.array_equal(weekday_factors(np.arange(1.0, days + 1.0), np.arange(days) % 7), np.ones(7))


def test_an_ended_campaign_is_soon_expected_to_stay_dark() -> None:
    """A cell that always ran, then stopped for good beside others that go on, fades within the week."""
    runs = np.ones((40, 5), dtype=np.bool_)
    runs[30:, 0] = False

    share = running_share(runs, 7)

    assert 8 + 2 == dark_days(runs)[-1, 0]
    assert share[0] < 0.4
    assert (share[1:] > 0.95).all()


def test_cells_that_come_and_go_are_expected_to_come_back() -> None:
    """A cell dark every other day runs half of the coming week."""
    runs = (np.arange(40)[:, None] + np.arange(4)) % 2 == 0

    np.testing.assert_allclose(running_share(runs, 6), 0.5, atol=0.03)


@pytest.mark.parametrize("days", [1, 5, 40])
def test_memories_add_up_to_one(days: int) -> None:
    """Every memory is a weighted mean, and the fastest one is the last day."""
    for weights in (memories(days), week_memories(days)):
        np.testing.assert_allclose(weights.sum(axis=1), 1.0)
    assert 1.0 == memories(days)[-1, -1]
    if days > 7:
        np.testing.assert_allclose(week_memories(days)[-1, -7:], 1 / 7)


@pytest.mark.parametrize("parents", [0, 1, 2])
def test_each_candidate_has_its_odds(parents: int) -> None:
    """As many odds as candidates, and they add up to one."""
    groups = (np.zeros(6, dtype=np.intp), np.arange(6) // 2)[:parents]
    past = replace(shop(6), parents=groups)

    for found, odds in (
        (coming_revenue(past, 7), revenue_odds(parents)),
        (revenue_given_spend(past, past.spend[-1]), given_spend_odds(parents)),
    ):
        assert (len(odds), 6) == found.shape
        assert np.isfinite(found).all()
        np.testing.assert_allclose(odds.sum(), 1.0)


def test_revenue_that_ignores_spend_is_learned() -> None:
    """Where revenue stays what it is whatever is spent, a doubled spend does not double the forecast."""
    draws = np.random.default_rng(7)
    spend = np.exp(draws.normal(0.0, 0.5, (40, 4)))
    revenue = 10.0 * np.exp(draws.normal(0.0, 0.05, (40, 4)))
    spend[-1] *= 4.0

    answer = said(Series(revenue=revenue, spend=spend, parents=useful_parents((), 4)), SPEND)[39]

    np.testing.assert_allclose(answer, 10.0, rtol=0.1)


def test_revenue_that_follows_spend_is_learned() -> None:
    """Where a unit of spend always brings the same, the forecast follows it."""
    draws = np.random.default_rng(8)
    spend = np.exp(draws.normal(0.0, 0.5, (40, 4)))
    spend[-1] *= 4.0

    answer = said(Series(revenue=3.0 * spend, spend=spend, parents=useful_parents((), 4)), SPEND)[39]

    np.testing.assert_allclose(answer, 3.0 * spend[-1], rtol=0.05)


def test_a_blend_moves_to_the_candidate_that_is_right() -> None:
    """After some outcomes the right one has nearly all of the weight, whatever its odds were."""
    blend = Blend.fresh(np.array([0.98, 0.02]), 10.0)
    candidates = np.array([[150.0, 150.0], [100.0, 100.0]])

    for _ in range(12):
        blend = blend.learned(candidates, blend.mix(candidates).mean, np.array([100.0, 100.0]))

    assert blend.weights[1] > 0.95


def test_a_day_of_nothing_is_a_lesson_and_no_accident() -> None:
    """Outcomes and forecasts of zero leave weights finite."""
    blend = Blend.fresh(np.array([0.5, 0.5]), 10.0)
    for candidates in (np.zeros((2, 3)), np.array([[1e9] * 3, [0.0] * 3])):
        blend = blend.learned(candidates, blend.mix(candidates).mean, np.zeros(3))

    assert np.isfinite(blend.weights).all()
    assert blend.weights[1] > blend.weights[0]


def test_the_median_is_below_the_mean_where_days_are_noisy() -> None:
    """The noisier the past, the lower the median; never above the mean."""
    ratio = {}
    for noise in (0.05, 0.8):
        answer = outlook(shop(9, noise=noise), 1)
        assert answer is not None
        ratio[noise] = float((answer.median / answer.mean).mean())

    assert ratio[0.8] < ratio[0.05] <= 1.0


def test_intervals_hold_what_they_say() -> None:
    """About eight in ten outcomes of a noisy shop lie inside the central 80%."""
    series = shop(10, days=120, noise=0.4)
    inside = []
    for origin, answer in walk(series, DAY):
        if 14 <= origin < len(series):
            actual = series.revenue[origin]
            inside.append((answer.quantile(0.1) <= actual) & (actual <= answer.quantile(0.9)))

    assert 0.7 <= float(np.mean(inside)) <= 0.92


def test_quantiles_of_nothing_are_nothing() -> None:
    """A cell of which nothing is expected has a point for a distribution."""
    answer = Outlook(mean=np.array([0.0, 10.0]), median=np.array([0.0, 9.0]), a=0.0, b=0.3)

    low, high = answer.quantile(0.1), answer.quantile(0.9)

    assert (0.0, 0.0) == (low[0], high[0])
    assert low[1] < 10.0 < high[1]


def test_a_history_of_a_few_days_has_no_outlook() -> None:
    """Where nothing could be learned, nothing is said."""
    assert outlook(shop(11, days=3), 1) is None
    assert outlook(shop(11, days=6), 7) is None


def test_a_series_refuses_what_it_cannot_mean() -> None:
    """Shapes that differ, what is not finite, negative spend and stray groups are refused."""
    ones = np.ones((3, 2))
    for revenue, spend, parents in (
        (ones, np.ones((3, 1)), ()),
        (np.full((3, 2), np.nan), ones, ()),
        (ones, -ones, ()),
        (ones, ones, (np.zeros(3, dtype=np.intp),)),
    ):
        with pytest.raises(ValueError, match=r"must|needs"):
            Series(revenue=revenue, spend=spend, parents=parents)
    with pytest.raises(ValueError, match="at least one day"):
        Question(days=7, given_spend=True)


def test_groupings_that_say_nothing_are_left_out() -> None:
    """One cell has no parent; a grouping that repeats the account or the cells is none."""
    same, each = np.zeros(4, dtype=np.intp), np.arange(4)
    pairs = np.array([5, 5, 9, 9])

    assert () == useful_parents([same], 1)
    assert [1, 2] == [len(set(group.tolist())) for group in useful_parents([same, pairs, pairs, each], 4)]
    assert [[3.0, 7.0]] == by_group(np.array([[1.0, 2.0, 3.0, 4.0]]), np.array([0, 0, 1, 1])).tolist()
