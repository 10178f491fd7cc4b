"""Rolling-origin backtest: what our forecast would have said on every past day, against what anybody would have said.

Each origin sees the days before it and, where the question says so, the spend of its own day; it is compared with what
came. Scores are sums over all origins and cells, so that money counts and not the number of small cells. Called by
`bidder backtest` and the benchmark of that name; formulas in docs/maths/series.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy.special import beta, gammainc
from threadpoolctl import threadpool_limits

from bidder.core.performance import Float64
from bidder.errors import InputError
from bidder.evaluate.naive import naive_given_spend, naive_revenue
from bidder.forecast.blend import Outlook
from bidder.forecast.series import Series
from bidder.forecast.walk import Question, walk

WARM_UP_DAYS = 14
"""Days before the first origin that is scored."""
_INTERVAL = 0.8
_EDGE = (1.0 - _INTERVAL) / 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """How one forecaster did.

    Attributes:
        wape: Sum of absolute errors over the sum of absolute outcomes; ``None`` where nothing came at all.
        bias: Sum of errors over the same; positive where too much was expected.
    """

    wape: float | None
    bias: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """One question, answered at every origin by us and by the naive ones.

    Attributes:
        question: What was asked.
        cells, origins: How many forecasts each made: the product of both.
        ours: Our median, which is what absolute errors ask for.
        mean_bias: Bias of our mean, which is what decisions would use.
        crps: Continuous ranked probability score of our distribution, over the sum of absolute outcomes.
        coverage: Share of outcomes, weighted by what was expected, inside our central 80%.
        naive: The others, by name.
    """

    question: Question
    cells: int
    origins: int
    ours: Score
    mean_bias: float | None
    crps: float | None
    coverage: float | None
    naive: Mapping[str, Score]

    @property
    def best_naive(self) -> str:
        """Name the naive forecaster with the smallest WAPE."""
        return min(self.naive, key=lambda name: self.naive[name].wape or 0.0)

    @property
    def gain(self) -> float | None:
        """Return by which share our WAPE is below that of the best naive; negative where we are worse."""
        best = self.naive[self.best_naive].wape
        return None if self.ours.wape is None or not best else 1.0 - self.ours.wape / best


def backtest(series: Series, question: Question) -> Comparison:
    """Answer the question at every origin that has a fortnight before it and all of its outcome after it.

    Raises:
        InputError: The history is too short for one origin.
    """
    needed = WARM_UP_DAYS + question.days
    if len(series) < needed:
        raise InputError(
            f"{len(series)} days are too few: {WARM_UP_DAYS} to start from and {question.days} to compare with make "
            f"{needed}; export a longer period",
            place="DATA",
        )
    tally, seen = _Tally(), 0
    # One thread: its products are small, and a second one beside a busy process takes many times as long.
    with threadpool_limits(limits=1):
        for origin, answer in walk(series, question):
            end = origin + question.days
            if origin < WARM_UP_DAYS or end > len(series):
                continue
            seen += 1
            past, actual = series.between(0, origin), series.revenue[origin:end].sum(axis=0)
            others = (
                naive_given_spend(past, series.spend[origin])
                if question.given_spend
                else naive_revenue(past, question.days)
            )
            tally.add(answer, others, actual)
    return tally.comparison(question, cells=series.revenue.shape[1], origins=seen)


class _Tally:
    """Sums over origins and cells."""

    def __init__(self) -> None:
        self._came = 0.0
        self._missed: dict[str, tuple[float, float]] = {}
        self._crps = self._inside = self._expected = 0.0

    def add(self, answer: Outlook, others: Mapping[str, Float64], actual: Float64) -> None:
        """Count one origin."""
        self._came += float(np.abs(actual).sum())
        for name, said in {"ours": answer.median, "mean": answer.mean, **others}.items():
            missed, over = self._missed.get(name, (0.0, 0.0))
            error = said - actual
            self._missed[name] = missed + float(np.abs(error).sum()), over + float(error.sum())
        ranked, below = _judge(answer, actual)
        told = answer.mean > 0
        self._crps += float(ranked.sum())
        self._expected += float(answer.mean[told].sum())
        inside = (below[told] >= _EDGE) & (below[told] <= 1.0 - _EDGE)
        self._inside += float(answer.mean[told] @ inside)

    def comparison(self, question: Question, *, cells: int, origins: int) -> Comparison:
        """Return the scores."""
        scores = {name: self._score(name) for name in self._missed}
        ours, mean = scores.pop("ours"), scores.pop("mean")
        return Comparison(
            question=question,
            cells=cells,
            origins=origins,
            ours=ours,
            mean_bias=mean.bias,
            crps=self._crps / self._came if self._came > 0 else None,
            coverage=self._inside / self._expected if self._expected > 0 else None,
            naive=scores,
        )

    def _score(self, name: str) -> Score:
        if not self._came > 0:
            return Score(wape=None, bias=None)
        missed, over = self._missed[name]
        return Score(wape=missed / self._came, bias=over / self._came)


def _judge(answer: Outlook, actual: Float64) -> tuple[Float64, Float64]:
    """Return the ranked probability score of each cell and the probability it was given to stay below its outcome.

    Source: the closed form for the Gamma distribution, Scheuerer and Moeller 2015 (Annals of Applied Statistics 9,
    1328-1349); a cell without expectation is a point.
    """
    told = answer.mean > 0
    shape, scale = answer.gamma()
    at = np.maximum(actual, 0.0) / scale
    below = np.where(told, gammainc(shape, at), (actual >= answer.mean).astype(np.float64))
    mean = np.where(told, answer.mean, 0.0)
    ranked = actual * (2.0 * below - 1.0) - mean * (2.0 * gammainc(shape + 1.0, at) - 1.0) - scale / beta(0.5, shape)
    return np.where(told, ranked, np.abs(actual - answer.mean)), below
