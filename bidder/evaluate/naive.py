"""The forecasts that anybody makes without a program: what ours must beat on somebody's own history.

Four of them, for revenue and, per unit of spend, for revenue once the spend is known: the last value, the means of 7
and 14 days, and exponential smoothing. A cell without spend in the window of a rate is forecast as nothing.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from bidder.core.performance import Float64
from bidder.forecast.series import Series
from bidder.forecast.sums import ratio

_SMOOTHING = 0.3


def naive_revenue(past: Series, days: int) -> Mapping[str, Float64]:
    """Return what each expects of the next ``days`` days, added up, by name; shape (cells,) each."""
    return {name: weight @ past.revenue * days for name, weight in _weights(len(past)).items()}


def naive_given_spend(past: Series, spend: Float64) -> Mapping[str, Float64]:
    """Return what each expects of the next day at ``spend``, by name; shape (cells,) each."""
    return {
        name: np.nan_to_num(ratio(weight @ past.revenue, weight @ past.spend)) * spend
        for name, weight in _weights(len(past)).items()
    }


def _weights(days: int) -> Mapping[str, Float64]:
    """Return the weights of past days, oldest first, each adding up to 1."""
    age = np.arange(days - 1, -1, -1)
    # The smoother starts from the first day, which therefore keeps what smoothing has not replaced.
    smooth = np.where(age == days - 1, 1.0, _SMOOTHING) * (1.0 - _SMOOTHING) ** age
    week, fortnight = (np.where(age < length, 1.0 / min(length, days), 0.0) for length in (7, 14))
    return {"last": (age == 0).astype(np.float64), "mean_7": week, "mean_14": fortnight, "smoothed": smooth}
