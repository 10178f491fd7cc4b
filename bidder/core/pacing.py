"""The laws of a day's money: how fast it goes, when it runs out, how far bids give way, what an hour's bid is worth.

Pure functions on numbers and arrays of hours; `bidder.core.case` and `bidder.core.dayparting` apply them to campaigns,
`benchmarks.pacing` to a simulated auction. Laws and their measured quality stand in docs/maths/pacing.md.
"""

from __future__ import annotations

import math

import numpy as np

from bidder.core.performance import Float64

LOWEST = 0.3
"""Pacing lowers bids to this share of their hour settings at most; below it, running dry costs less than hiding."""
_LEVEL_CLICKS = 16.0
"""Clicks that "today is as expected" is worth: days differ by about a quarter, and 1 / .25 squared is 16."""
_HALF_LIFE = 0.6
"""What a day has shown is worth half as much after this share of a day's demand has come since."""
_HALVINGS = 50


def deadbeat(
    multiplier: float,
    *,
    remaining_budget: float,
    remaining_share: float,
    rate: float,
    elasticity: float,
    max_step: float,
    dead_band: float,
    ceiling: float = math.inf,
) -> float:
    """Return the next bid multiplier that spends what is left over the demand that is left.

    Args:
        multiplier: In force now, positive.
        remaining_budget: Money left for the day.
        remaining_share: Share of the day's demand still to come, (0, 1].
        rate: Spend per share of demand at multiplier 1 (see `day_level`).
        elasticity: d log spend / d log multiplier, positive.
        max_step: Largest move, as a share of the multiplier.
        dead_band: Smaller moves are not made, unless the ceiling is met with so much to spare.
        ceiling: What the return allows; the lesser of both rules.

    Source: ``log m = [log(remaining / share) - log(rate_1)] / elasticity``, decisions.md 3.3; the lesser of budget and
    return multiplier: Balseiro and others 2023.
    """
    low, high = multiplier * (1.0 - max_step), multiplier * (1.0 + max_step)
    if remaining_budget <= 0:
        return low
    if remaining_share <= 0 or rate <= 0 or elasticity <= 0:
        return max(min(multiplier, ceiling), low)
    logarithm = (math.log(remaining_budget / remaining_share) - math.log(rate)) / elasticity
    affordable = math.exp(min(max(logarithm, -700.0), 700.0))
    wanted = min(affordable, ceiling)
    ample = affordable >= ceiling * (1.0 + dead_band)
    if abs(wanted / multiplier - 1.0) < dead_band and not ample:
        return multiplier
    return min(max(wanted, low), high)


def next_level(
    level: float,
    *,
    left: float,
    share: float,
    rate: float,
    elasticity: float,
    max_step: float,
    dead_band: float,
) -> float:
    """Return the next level of a campaign's hour factors, at most 1: bids already are what the return allows.

    Args:
        level: In force, (0, 1].
        left: Money left, less what is spent but not reported yet.
        share: Share of the day's demand still to come.
        rate: What a whole day like today costs at level 1.
        elasticity: d log spend / d log level.
        max_step: Largest move, as a share of the level.
        dead_band: Smaller moves are not made.
    """
    if left <= 0:
        return level
    wanted = deadbeat(
        level,
        remaining_budget=left,
        remaining_share=share,
        rate=rate,
        elasticity=elasticity,
        max_step=max_step,
        dead_band=dead_band,
        ceiling=1.0,
    )
    return max(wanted, min(LOWEST, level))


def day_level(spend: Float64, share: Float64, rate: float, click: float) -> float:
    """Return today's demand over what was expected of it, as far as the day has shown.

    Gamma-Poisson: the level has a prior of mean 1 worth 16 clicks, and each period adds what it brought and what it
    should have brought, the older ones at less weight: a shock within the day is followed, a quiet hour is not.

    Args:
        spend: What each closed period of the day cost, brought to multiplier 1; shape (n_periods,), oldest first.
        share: Share of a day's demand that was expected of each, same shape.
        rate: What a whole day was expected to cost at multiplier 1.
        click: Cost of one click, positive.
    """
    weight, prior = _weight(share), _LEVEL_CLICKS * click
    return float((prior + np.sum(weight * spend)) / (prior + rate * np.sum(weight * share)))


def level_error(share: Float64, rate: float, click: float) -> float:
    """Return the relative standard error of `day_level`: moves smaller than it would follow chance.

    Args:
        share: Share of a day's demand of each closed period, shape (n_periods,), oldest first.
        rate: What a whole day was expected to cost.
        click: Cost of one click, positive.
    """
    return 1.0 / math.sqrt(_LEVEL_CLICKS + rate / click * float(np.sum(_weight(share) * share)))


def _weight(share: Float64) -> Float64:
    """Weigh periods by the demand that has come since."""
    since = np.concatenate([np.cumsum(share[::-1])[::-1][1:], np.zeros(min(len(share), 1))])
    weight: Float64 = 0.5 ** (since / _HALF_LIFE)
    return weight


def runs_out(money: float, hourly: Float64, hour: float) -> float | None:
    """Return at which hour (0 to 24) money is gone, ``None`` where it lasts to midnight.

    Args:
        money: Left at ``hour``.
        hourly: Spend still to come by marketplace hour, shape (24,), 0 for hours that are over.
        hour: Now.
    """
    gone = np.cumsum(hourly)
    if not float(gone[-1]) > max(money, 0.0):
        return None
    if money <= 0:
        return hour
    at = int(np.searchsorted(gone, money, side="right"))
    before = float(gone[at - 1]) if at else 0.0
    start = max(float(at), hour)
    return start + (money - before) / float(hourly[at]) * (at + 1 - start)


def runway_days(balance_micros: int, daily_spend_micros: float) -> float | None:
    """Return for how many days a prepaid balance lasts; ``None`` where nothing is spent."""
    return balance_micros / daily_spend_micros if daily_spend_micros > 0 else None


def dayparts(
    worth: Float64, *, largest: float = 1.5, smallest: float = 0.5, share: Float64, strength: float = 1.0
) -> tuple[float, ...]:
    """Return hour factors on the bid in proportion to what a click is worth in that hour.

    In a second-price auction the best bid is proportional to the value of a click, so the factor is its relative
    worth. The scale is the one at which factors between the bounds have a demand-weighted mean of 1; they are rounded
    to whole percents.
    """
    value = worth**strength
    low, high = math.log(smallest / float(value.max())), math.log(largest / float(value.min()))
    for _ in range(_HALVINGS):
        middle = 0.5 * (low + high)
        over = float(np.sum(share * np.clip(math.exp(middle) * value, smallest, largest))) > 1.0
        low, high = (low, middle) if over else (middle, high)
    factors = np.clip(math.exp(low) * value, smallest, largest)
    return tuple(float(factor) for factor in np.round(factors, 2))
