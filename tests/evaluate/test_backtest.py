"""The backtest: naive forecasts as anybody computes them, honest scores, and no look ahead."""

from __future__ import annotations

import csv
import os
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.special import gammainc

from benchmarks.backtest import PANELS, QUESTIONS, data_folder, read
from bidder.core.calendar import DayRange, from_ordinal
from bidder.core.entities import Account, AccountId
from bidder.core.performance import Grain, Level, PerformanceTable
from bidder.errors import InputError
from bidder.evaluate.backtest import _judge, backtest
from bidder.evaluate.history import Cut, from_files, history_of
from bidder.evaluate.naive import naive_given_spend, naive_revenue
from bidder.forecast.blend import Outlook
from bidder.forecast.series import Series, useful_parents
from bidder.forecast.walk import Question

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)


def line(values: Sequence[float], spend: float = 1.0) -> Series:
    """Return one cell."""
    revenue = np.array(values, dtype=np.float64)[:, None]
    return Series(revenue=revenue, spend=np.full_like(revenue, spend), parents=())


def noisy(seed: int, days: int = 40, cells: int = 5) -> Series:
    """Return cells with a strong week and some noise."""
    draws = np.random.default_rng(seed)
    week = np.array([0.5, 0.8, 1.0, 1.0, 1.2, 1.4, 1.1])[np.arange(days) % 7][:, None]
    revenue = 50.0 * week * np.exp(draws.normal(0.0, 0.1, (days, cells)))
    return Series(revenue=revenue, spend=revenue / 2.0, parents=useful_parents((), cells))


def table(rows: Sequence[tuple[str, int, int, int]], level: Level = Level.TARGET) -> PerformanceTable:
    """Return facts from (entity, day, spend, revenue) in whole units."""
    names = tuple(dict.fromkeys(name for name, *_ in rows))
    nothing = np.zeros(len(rows), dtype=np.int64)
    return PerformanceTable(
        level=level,
        grain=Grain.DAY,
        window_days=7,
        currency="CNY",
        entity_ids=names,
        entity=np.array([names.index(name) for name, *_ in rows], dtype=np.int32),
        day=np.array([day for _, day, _, _ in rows], dtype=np.int32),
        hour=np.full(len(rows), -1, dtype=np.int8),
        impressions=nothing,
        clicks=nothing,
        orders=nothing,
        units=nothing,
        carts=nothing,
        favourites=nothing,
        observed_at=nothing,
        spend_micros=np.array([spend for _, _, spend, _ in rows], dtype=np.int64) * 1_000_000,
        revenue_micros=np.array([revenue for _, _, _, revenue in rows], dtype=np.int64) * 1_000_000,
    )


def test_naive_forecasts_are_those_of_the_textbook() -> None:
    """The last value, two means, and a smoother that starts from the first day."""
    values = [float(day * day) for day in range(1, 21)]
    smooth = values[0]
    for value in values[1:]:
        smooth = 0.3 * value + 0.7 * smooth
    expected = {
        "last": values[-1],
        "mean_7": sum(values[-7:]) / 7,
        "mean_14": sum(values[-14:]) / 14,
        "smoothed": smooth,
    }

    found = naive_revenue(line(values), 7)

    assert {name: pytest.approx(7 * value) for name, value in expected.items()} == {
        name: float(value[0]) for name, value in found.items()
    }


def test_naive_rates_are_ratios_of_sums_and_nothing_without_spend() -> None:
    """Revenue over spend of the window times today's spend; a cell without spend gets nothing."""
    past = Series(
        revenue=np.array([[4.0, 1.0]] * 13 + [[10.0, 0.0]]),
        spend=np.array([[2.0, 1.0]] * 13 + [[4.0, 0.0]]),
        parents=(),
    )

    found = naive_given_spend(past, np.array([3.0, 3.0]))

    assert [pytest.approx(7.5), 0.0] == found["last"].tolist()
    assert [pytest.approx(3 * (6 * 4 + 10) / (6 * 2 + 4)), pytest.approx(3.0)] == found["mean_7"].tolist()


def test_scores_are_sums_over_all_origins_and_cells() -> None:
    """The last value's WAPE and bias, against a loop that anybody can check."""
    series = noisy(1)
    missed = over = came = 0.0
    for origin in range(14, 40 - 7 + 1):
        for cell in range(5):
            actual = sum(series.revenue[origin : origin + 7, cell])
            error = 7 * series.revenue[origin - 1, cell] - actual
            missed, over, came = missed + abs(error), over + error, came + abs(actual)

    one = backtest(series, Question(days=7))

    assert (20, 5) == (one.origins, one.cells)
    assert pytest.approx(missed / came) == one.naive["last"].wape
    assert pytest.approx(over / came) == one.naive["last"].bias


def test_a_clear_week_is_worth_more_than_any_naive_forecast() -> None:
    """Where weekdays differ and noise is small, ours errs by less than half as much on the next day."""
    one = backtest(noisy(2, days=60), Question(days=1))

    assert one.gain is not None
    assert one.gain > 0.5


def test_the_future_beyond_an_origin_changes_no_score_before_it() -> None:
    """Scores of a history that is cut are those of the same days of the whole one."""
    whole = noisy(3, days=41)
    planted = replace(whole, revenue=np.vstack([whole.revenue[:40], whole.revenue[40:] * 1e9]))
    cut = backtest(whole.between(0, 40), Question(days=1))

    seen = [backtest(series.between(0, 40), Question(days=1)) for series in (whole, planted)]

    assert [cut.ours, cut.ours] == [one.ours for one in seen]


@pytest.mark.parametrize(("days", "horizon", "enough"), [(14, 1, False), (15, 1, True), (20, 7, False), (21, 7, True)])
def test_too_few_days_are_refused_with_what_is_needed(days: int, horizon: int, enough: bool) -> None:  # noqa: FBT001
    """The message names the days there are and the days it takes; one origin is enough."""
    series = line([1.0] * days)
    if enough:
        assert 1 == backtest(series, Question(days=horizon)).origins
        return

    with pytest.raises(InputError, match=f"{days} days are too few: .* make {14 + horizon}; export a longer period"):
        backtest(series, Question(days=horizon))


def test_a_history_of_nothing_has_no_scores() -> None:
    """Without revenue there is no relative error, and none is made up."""
    one = backtest(line([0.0] * 30), Question(days=1))

    assert (None, None, None) == (one.ours.wape, one.crps, one.gain)


@pytest.mark.parametrize("actual", [0.0, 3.0, 40.0])
def test_the_ranked_score_is_the_integral_it_stands_for(actual: float) -> None:
    """The closed form equals the integral of the squared distance of distribution functions."""
    answer = Outlook(mean=np.array([10.0]), median=np.array([9.0]), a=0.5, b=0.2)
    shape, scale = answer.gamma()
    low = quad(lambda x: gammainc(shape[0], x / scale[0]) ** 2, 0, actual)[0]
    high = quad(lambda x: (1 - gammainc(shape[0], x / scale[0])) ** 2, actual, 300, limit=200)[0]

    assert pytest.approx(low + high, rel=1e-4) == float(_judge(answer, np.array([actual]))[0][0])


def test_cells_are_cut_at_each_level() -> None:
    """Days without a row are zero, entities that no structure names stand alone."""
    history = history_of(table([("a", 10, 1, 5), ("b", 12, 2, 6), ("a", 12, 3, 7)]), None)

    series = history.series(Cut.TARGET)

    assert DayRange(first=from_ordinal(10), last=from_ordinal(12)) == history.days
    assert [[5.0, 0.0], [0.0, 0.0], [7.0, 6.0]] == series.revenue.tolist()
    assert [[1.0], [0.0], [5.0]] == history.series(Cut.ACCOUNT).spend.tolist()
    assert (Cut.TARGET,) == history.telling_cuts()


def test_a_level_below_the_facts_is_refused() -> None:
    """Facts by campaign cannot be cut by target; the message says what there is."""
    history = history_of(table([("a", 10, 1, 5)], Level.CAMPAIGN), None)

    with pytest.raises(InputError, match="no facts by target; it has account, campaign"):
        history.series(Cut.TARGET)


def test_no_facts_are_refused() -> None:
    """An empty table has no history."""
    empty = PerformanceTable.empty(level=Level.TARGET, grain=Grain.DAY, window_days=7, currency="CNY")

    with pytest.raises(InputError, match="not one day"):
        history_of(empty, None)


def test_a_file_of_spend_and_sales_alone_can_be_backtested(tmp_path: Path) -> None:
    """Clicks and orders are not needed to compare money."""
    path = tmp_path / "export.csv"
    with path.open("w", newline="", encoding="utf-8") as stream:
        out = csv.writer(stream)
        out.writerow(["date", "campaign", "cost", "revenue"])
        out.writerows([f"2026-03-{day:02}", name, 5, 10 + day] for day in range(1, 31) for name in ("one", "two"))
    account = Account(id=AccountId("x"), adapter="files", remote_id="x", owner="x", currency="CNY", time_zone="UTC")

    history = from_files({"folder": str(path), "money_only": True}, account, now=NOW)

    assert (30, 2) == history.series(Cut.CAMPAIGN).revenue.shape
    assert pytest.approx(2 * sum(10 + day for day in range(1, 31))) == history.series(Cut.ACCOUNT).revenue.sum()


@pytest.fixture(scope="module")
def shared() -> Path:
    """Return the folder of strangers' files."""
    folder = data_folder()
    if folder is None:
        stated = os.environ.get("BIDDER_SHARED_DATA", "../shared/data")
        pytest.skip(f"no shared data in {stated}: the naive figures of strangers' files are not compared")
    return folder


@pytest.mark.parametrize("name", ["datamasked", "february"])
def test_the_measure_is_the_one_that_was_stated(shared: Path, name: str) -> None:
    """The best naive forecasts err as the folder's own page says, but for its next day of the masked file.

    There it states the mean of 7 days (.315); the mean of 14 errs a little less, and it is the one to beat.
    """
    panel = PANELS[name]
    series = read(shared, panel).series(panel.cut)

    for (asked, question), stated in zip(QUESTIONS.items(), panel.stated, strict=True):
        one = backtest(series, question)
        known = "mean_7" if (name, asked) == ("datamasked", "day") else one.best_naive
        assert pytest.approx(stated, abs=0.0015) == one.naive[known].wape
        assert one.gain is not None
        assert one.gain > -0.02
