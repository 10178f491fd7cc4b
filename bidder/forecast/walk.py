"""Forecast the money of coming days from a history, day by day, so that every origin knows its past and no more.

`walk` goes through a history as time did and is what a backtest scores; `outlook` is its last step, what is to be
expected now. The daemon's own normal day (`bidder.forecast.baseline`) does not use it yet. Pure; formulas in
docs/maths/series.md.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from bidder.core.performance import Float64
from bidder.forecast.blend import Blend, Outlook
from bidder.forecast.candidates import coming_revenue, revenue_odds
from bidder.forecast.given_spend import given_spend_odds, revenue_given_spend
from bidder.forecast.series import Series

_LOOK_BACK = 91
"""Days that candidates look back: thirteen weeks, after which the slowest memory holds 2%."""
_FIRST = 4
"""Least days from which anything is forecast, to have something to learn from."""
_REVENUE_RATE, _SPEND_RATE = 10.0, 5.0
"""How fast errors move weights. Given the spend, candidates differ by far less than their errors' noise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is asked of each origin: the revenue of the days from it on.

    Attributes:
        days: How many days ahead, added up; at least 1.
        given_spend: Whether the spend of those days is known beforehand; then ``days`` is 1.
    """

    days: int
    given_spend: bool = False

    def __post_init__(self) -> None:
        if self.days < 1 or (self.given_spend and self.days != 1):
            raise ValueError(f"ask for at least one day, and for one where its spend is given; was {self.days}")

    @property
    def first(self) -> int:
        """Least past days from which the answer is worth learning from."""
        return max(_FIRST, self.days)


def walk(series: Series, question: Question) -> Iterator[tuple[int, Outlook]]:
    """Yield for each origin, oldest first, what was to be expected there.

    An origin is the number of days that are over. What its candidates said is compared with what came only once those
    days lie before the present origin. Where the spend is given, an origin knows the spend of its own day.

    Args:
        series: The history. Changing anything from an origin on changes nothing that is yielded up to it, but for the
            spend of that very day where it is given.
        question: What is asked.
    """
    blend = _fresh(series, question)
    said: dict[int, tuple[Float64, Float64]] = {}
    for origin in range(question.first, len(series) + (0 if question.given_spend else 1)):
        over = origin - question.days
        if over in said:
            candidates, mean = said.pop(over)
            blend = blend.learned(candidates, mean, series.revenue[over:origin].sum(axis=0))
        past = series.between(max(0, origin - _LOOK_BACK), origin)
        spend = series.spend[origin] if question.given_spend else None
        candidates = coming_revenue(past, question.days) if spend is None else revenue_given_spend(past, spend)
        answer = blend.mix(candidates)
        said[origin] = candidates, answer.mean
        yield origin, answer


def outlook(series: Series, days: int) -> Outlook | None:
    """Return what is to be expected of the ``days`` after the series, or ``None`` where it is too short."""
    answer: Outlook | None = None
    for step in walk(series, Question(days=days)):
        answer = step[1]
    return answer


def _fresh(series: Series, question: Question) -> Blend:
    parents = len(series.parents)
    if question.given_spend:
        return Blend.fresh(given_spend_odds(parents), _SPEND_RATE)
    return Blend.fresh(revenue_odds(parents), _REVENUE_RATE)
