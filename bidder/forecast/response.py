"""How clicks and their cost answer to the bid: elasticities from our own recorded steps, shrunk to priors.

A step of one target's bid is judged by its clicks after against before, beside the demand of its campaign in the same
days (brought to constant bids, so that other steps are no part of it). Conditional on a step's clicks in both
windows, those after are binomial: no logarithm of zero, small targets simply weigh little. Pooled over the account,
then by category. Steps are not experiments: the priors keep most of the say until many were made.
Where bids were drawn by lot (`bidder.forecast.perturbed`), those lots have more say than steps that were chosen.
Derivation: docs/maths/forecast.md and perturbation.md.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from bidder.core.performance import Float64
from bidder.forecast.bids import BidSteps
from bidder.forecast.facts import TargetFacts
from bidder.forecast.layout import Layout
from bidder.forecast.lots import Answer, read_lots
from bidder.forecast.perturbed import LotDays, drawn_days
from bidder.forecast.presence import Presence
from bidder.forecast.sums import ratio, sum_by

CLICK_PRIOR, CLICK_SPREAD = 0.8, 0.3
"""Clicks / bid elasticity before any step was seen: middle of the range .3 to 1.2 of operator.md section 6."""

CPC_PRIOR, CPC_SPREAD = 0.6, 0.15
"""CPC / bid elasticity before any step was seen: middle of the range .4 to .8 of operator.md section 6."""

CATEGORY_SPREAD = 0.15
"""Standard deviation of categories around the account, both elasticities; a judgement."""

DOUBT = 0.15
"""How far observed steps may mislead, both elasticities, however many they are: bids were moved for a reason. A
judgement; in decisions.md 2.4 chosen bids overstate the curvature by .2 to .3."""

WINDOW_DAYS = 5
"""Days before and after a step that are compared at most; another step ends them."""

_CLICK_RANGE, _CPC_RANGE = (0.05, 2.5), (0.05, 0.98)
_LEAST_STEP = 0.01
_LEAST_STEPS = 2
_CLICK_COST_VARIANCE = 0.25
"""Squared coefficient of variation of the cost of one click where residuals cannot tell."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Elasticities:
    """Responses to the bid, arrays of shape (n_targets,).

    Attributes:
        clicks: d log clicks / d log bid. cpc: d log CPC / d log bid.
        click_error, cpc_error: Standard error of the account's, priors included; of a target's category's where there
            were test moves.
        steps: Steps that were compared.
        tested: Days on test moves that were compared.
    """

    clicks: Float64
    cpc: Float64
    click_error: float
    cpc_error: float
    steps: int
    tested: int = 0

    @property
    def ratio_error(self) -> float:
        """Return the standard error of the logarithm of ``cpc`` over ``clicks``; what was only observed may mislead."""
        if not len(self.clicks):
            return 0.0
        doubt = 0.0 if self.tested else DOUBT
        of_clicks = math.hypot(self.click_error, doubt) / float(np.mean(self.clicks))
        return math.hypot(of_clicks, math.hypot(self.cpc_error, doubt) / float(np.mean(self.cpc)))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Windows:
    """Steps with what was seen around them, arrays of shape (n_steps,).

    ``demand`` is the log ratio of the campaign's demand after and before, over the days compared.
    """

    log_step: Float64
    category: NDArray[np.int32]
    before: Float64
    after: Float64
    spend_before: Float64
    spend_after: Float64
    demand: Float64


def learn_elasticities(
    facts: TargetFacts, present: Presence, steps: BidSteps, layout: Layout, tests: LotDays | None = None
) -> Elasticities:
    """Learn both elasticities from the steps on record, and from test moves where there are any.

    Args:
        facts: Closed days that may be learned from.
        present: For which part of which day each target could be shown.
        steps: Our own changes of bids.
        layout: The targets.
        tests: Days that began on a test move.
    """
    observed = _observed(facts, present, steps, layout)
    if tests is None or not len(steps.step) or not len(facts) or not present.days:
        return observed
    guess = float(np.mean(observed.clicks)) if len(layout) else CLICK_PRIOR
    drawn = drawn_days(tests, facts, present, steps, layout, guess)
    return with_lots(observed, read_lots(drawn, len(layout.categories)), layout.category)


def with_lots(observed: Elasticities, lots: Answer, category: NDArray[np.int32]) -> Elasticities:
    """Move what observed steps say towards what lots say, as far as each may be trusted.

    Observed steps are a prior with their error and our doubt; categories scatter around the account.

    Args:
        observed: From steps that were chosen.
        lots: From bids that were drawn, by category.
        category: (n_targets,) category of each target.
    """
    clicks, click_error = _shrunk(observed.clicks, observed.click_error, lots.clicks, lots.click_error, category)
    cpc, cpc_error = _shrunk(observed.cpc, observed.cpc_error, lots.cpc, lots.cpc_error, category)
    return Elasticities(
        clicks=np.clip(clicks, *_CLICK_RANGE),
        cpc=np.clip(cpc, *_CPC_RANGE),
        click_error=click_error,
        cpc_error=cpc_error,
        steps=observed.steps,
        tested=int(lots.days.sum()),
    )


def _shrunk(
    prior: Float64, prior_error: float, told: Float64, told_error: Float64, category: NDArray[np.int32]
) -> tuple[Float64, float]:
    """Return targets' values and their usual error: account around its prior, categories around the account."""
    known = np.isfinite(told) & np.isfinite(told_error)
    variance = np.where(known, np.maximum(told_error, 1e-6) ** 2, np.inf)
    size = len(told)
    count = np.bincount(category, minlength=size)
    usual = np.where(count > 0, sum_by(category, prior, size) / np.maximum(count, 1), np.nan)
    used = known & (count > 0)
    weight = np.where(used, 1.0 / (variance + CATEGORY_SPREAD**2), 0.0)
    precision = 1.0 / (prior_error**2 + DOUBT**2)
    beyond = np.where(used, told - usual, 0.0)
    shift = float(weight @ beyond) / (float(weight.sum()) + precision)
    trust = CATEGORY_SPREAD**2 / (variance + CATEGORY_SPREAD**2)
    own = np.where(used, shift + trust * (beyond - shift), shift)
    if not used.any():
        return prior, prior_error
    rest = (1.0 - np.where(used, trust, 0.0)) ** 2 / (float(weight.sum()) + precision)
    left = CATEGORY_SPREAD**2 * np.where(used, 1.0 - trust, 1.0) + rest
    return prior + own[category], float(np.sqrt(np.mean(left[category])))


def _observed(facts: TargetFacts, present: Presence, steps: BidSteps, layout: Layout) -> Elasticities:
    """Learn both elasticities from steps that were chosen."""
    clicks, cpc = np.full(len(layout), CLICK_PRIOR), np.full(len(layout), CPC_PRIOR)
    if not len(steps.step) or not len(facts) or not present.days:
        return Elasticities(clicks=clicks, cpc=cpc, click_error=CLICK_SPREAD, cpc_error=CPC_SPREAD, steps=0)
    categories = len(layout.categories)
    windows = _windows(facts, present, steps, layout, CLICK_PRIOR)
    first_guess, _, _ = _click_elasticity(windows, categories)
    # Demand at constant bids needs the elasticity that it helps to find: once more with the better one.
    windows = _windows(facts, present, steps, layout, first_guess)
    _, click_error, of_clicks = _click_elasticity(windows, categories)
    _, cpc_error, of_cpc = _cpc_elasticity(windows, categories)
    return Elasticities(
        clicks=of_clicks[layout.category],
        cpc=of_cpc[layout.category],
        click_error=click_error,
        cpc_error=cpc_error,
        steps=len(windows.log_step),
    )


def _windows(facts: TargetFacts, present: Presence, steps: BidSteps, layout: Layout, elasticity: float) -> _Windows:
    """Gather clicks, spend and demand in the undisturbed days before and after each step."""
    stepped = np.flatnonzero(steps.row >= 0)
    width = present.days
    recent = facts.take((facts.day >= present.first_day) & (facts.day < facts.today))
    column = recent.day - present.first_day
    part = np.stack([present.column(number) for number in range(width)], axis=1)
    constant = recent.clicks * np.exp(elasticity * steps.distance(recent.target, recent.day))
    demand = _demand(recent.target, column, constant, part, layout)
    own = steps.row[recent.target] >= 0
    place = steps.row[recent.target[own]].astype(np.int64) * width + column[own]
    size = len(stepped) * width
    clicks = sum_by(place, recent.clicks[own], size).reshape(-1, width)
    spend = sum_by(place, recent.spend_micros[own], size).reshape(-1, width)
    due = demand[layout.campaign[stepped]] * part[stepped]
    moved = _moves(steps, present)
    at, on = np.nonzero(np.abs(moved) >= _LEAST_STEP)
    still = np.abs(moved) < _LEAST_STEP
    before = _beside(at, on, -1, still, part[stepped] > 0, (clicks, spend, due))
    after = _beside(at, on, 1, still, part[stepped] > 0, (clicks, spend, due))
    told = (before[2] > 0) & (after[2] > 0) & (before[0] + after[0] > 0)
    return _Windows(
        log_step=moved[at, on][told],
        category=layout.category[stepped][at][told],
        before=before[0][told],
        after=after[0][told],
        spend_before=before[1][told],
        spend_after=after[1][told],
        demand=np.log(after[2][told] / before[2][told]),
    )


def _demand(
    target: NDArray[np.int32], column: NDArray[np.int32], constant: Float64, part: Float64, layout: Layout
) -> Float64:
    """Return the demand of each campaign and day relative to what its targets there usually get.

    Shape (n_campaigns, n_days). Both sides are sums over the targets present, so that the mix cancels.
    """
    size, width = part.shape
    campaigns = len(layout.campaign_ids)
    usual = sum_by(target, constant, size) / np.maximum(part.sum(axis=1), 1e-9)
    expected = np.zeros((campaigns, width))
    np.add.at(expected, layout.campaign, usual[:, None] * part)
    cell = layout.campaign[target].astype(np.int64) * width + column
    seen = sum_by(cell, constant, campaigns * width).reshape(campaigns, width)
    return np.nan_to_num(ratio(seen, expected), nan=0.0)


def _moves(steps: BidSteps, present: Presence) -> Float64:
    """Return the steps on the days of ``present``, shape (n_stepped, n_days)."""
    moved = np.zeros((len(steps.step), present.days))
    shift = steps.first_day - present.first_day
    begin, end = max(shift, 0), min(shift + steps.step.shape[1], present.days)
    if end > begin:
        moved[:, begin:end] = steps.step[:, begin - shift : end - shift]
    return moved


def _beside(
    at: NDArray[np.intp],
    on: NDArray[np.intp],
    sign: int,
    still: NDArray[np.bool_],
    there: NDArray[np.bool_],
    grids: tuple[Float64, Float64, Float64],
) -> Float64:
    """Return the sums of each grid over the days beside each step, up to the next step, shape (3, n_steps)."""
    width = still.shape[1]
    total = np.zeros((3, len(at)))
    reach = np.ones(len(at), dtype=np.bool_)
    for lag in range(1, WINDOW_DAYS + 1):
        column = on + sign * lag
        reach &= (column >= 0) & (column < width)
        column = np.clip(column, 0, width - 1)
        reach &= still[at, column]
        used = reach & there[at, column]
        for number, grid in enumerate(grids):
            total[number] += np.where(used, grid[at, column], 0.0)
    return total


def _click_elasticity(windows: _Windows, categories: int) -> tuple[float, float, Float64]:
    """Return the account's elasticity of clicks, its standard error, and that of every category."""
    value, dispersion = CLICK_PRIOR, 1.0
    count = windows.before + windows.after
    precision = 1.0 / CLICK_SPREAD**2
    information = np.zeros(len(count))
    score = np.zeros(len(count))
    for _ in range(12):
        share = expit(windows.demand + value * windows.log_step)
        variance = count * share * (1 - share)
        if len(count) > 1:
            squares = (windows.after - count * share) ** 2 / np.maximum(variance, 1e-9)
            dispersion = max(1.0, float(squares.sum()) / (len(count) - 1))
        score = (windows.after - count * share) * windows.log_step / dispersion
        information = variance * windows.log_step**2 / dispersion
        step = (score.sum() + precision * (CLICK_PRIOR - value)) / (information.sum() + precision)
        value = float(np.clip(value + step, *_CLICK_RANGE))
    error = float(1.0 / np.sqrt(information.sum() + precision))
    return value, error, _by_category(value, score, information, windows.category, categories, _CLICK_RANGE)


def _cpc_elasticity(windows: _Windows, categories: int) -> tuple[float, float, Float64]:
    """Return the account's elasticity of the cost per click, its standard error, and that of every category."""
    told = (windows.before > 0) & (windows.after > 0) & (windows.spend_before > 0) & (windows.spend_after > 0)
    before, after, log_step = windows.before[told], windows.after[told], windows.log_step[told]
    change = np.log(windows.spend_after[told] / after) - np.log(windows.spend_before[told] / before)
    weight = before * after / np.maximum(before + after, 1.0)
    precision = 1.0 / CPC_SPREAD**2
    value, variance, residual = CPC_PRIOR, _CLICK_COST_VARIANCE, np.zeros(len(change))
    for _ in range(3):
        residual = change - value * log_step
        if weight.sum() > 0:
            residual = residual - float(weight @ residual) / float(weight.sum())  # The market's own drift.
        if len(change) > _LEAST_STEPS:
            variance = max(1e-4, float(weight @ residual**2) / (len(change) - _LEAST_STEPS))
        information = weight * log_step**2 / variance
        step = float((weight * log_step) @ residual) / variance + precision * (CPC_PRIOR - value)
        value = float(np.clip(value + step / (information.sum() + precision), *_CPC_RANGE))
    information = weight * log_step**2 / variance
    score = weight * log_step * (residual) / variance
    error = float(1.0 / np.sqrt(information.sum() + precision))
    return value, error, _by_category(value, score, information, windows.category[told], categories, _CPC_RANGE)


def _by_category(
    account: float,
    score: Float64,
    information: Float64,
    category: NDArray[np.int32],
    categories: int,
    allowed: tuple[float, float],
) -> Float64:
    """Move every category from the account's value as far as its own steps carry it (one Newton step)."""
    scores = sum_by(category, score, categories)
    informations = sum_by(category, information, categories)
    return np.clip(account + scores / (informations + 1.0 / CATEGORY_SPREAD**2), *allowed)
