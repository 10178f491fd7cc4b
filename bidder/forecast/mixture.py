"""How targets scatter around the rate their groups suggest: a mixture of Gammas with weights learned from the pool.

One Gamma cannot be right for shops in which many words never sell and a few sell ten times as well as the rest. A
mixture over a fixed grid of relative rates can take any shape (nonparametric empirical Bayes, smoothed); its weights
start at a log-normal and move as far as the pool's likelihood carries them. Called by `bidder.forecast.shrinkage`.

Source: Kiefer, Wolfowitz (1956); Koenker, Mizera, Convex optimization, shape constraints and compound decisions (2014).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import betainc

from bidder.core.performance import Float64
from bidder.forecast.cells import Cells
from bidder.forecast.check import pit_distance

NODES = np.exp(np.arange(-3.75, 2.76, 0.5))
"""Relative rates of the components: 2% to 12 times the group's, evenly spaced in the logarithm."""

FORM = 4.0
"""Gamma shape of every component: as wide as the spacing of the nodes, so that the mixture is smooth."""

PRIOR_TARGETS = 15.0
"""Targets that the log-normal start is worth against the pool's own evidence."""

_ROUNDS = 250
_LEAST_SPREAD = 0.05
_CHUNK = 65_536


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Scatter:
    """Relative rates of targets around the mean their groups suggest.

    Attributes:
        weights: (n_nodes,) share of targets around each node; they sum to 1 and their mean relative rate is 1.
        nodes: (n_nodes,) relative rates.
    """

    weights: Float64
    nodes: Float64

    @property
    def variance(self) -> float:
        """Variance of the relative rate."""
        return float(self.weights @ (self.nodes**2 * (1 + 1 / FORM))) - 1.0

    def posterior(self, events: Float64, expected: Float64, doubt: Float64) -> tuple[Float64, Float64]:
        """Return mean and variance of each target's relative rate given its events.

        Args:
            events: (n,) events seen.
            expected: (n,) events expected where the relative rate is 1.
            doubt: (n,) squared coefficient of variation of the expectation itself.
        """
        mean, variance = np.empty(len(events)), np.empty(len(events))
        for start in range(0, len(events), _CHUNK):
            rows = slice(start, start + _CHUNK)
            form = _forms(doubt[rows])
            share = _shares(events[rows], expected[rows], form, self.nodes, self.weights)
            total = form + events[rows]
            each = total[:, None] / (form[:, None] / self.nodes + expected[rows][:, None])
            mean[rows] = (share * each).sum(axis=1)
            variance[rows] = (share * each**2).sum(axis=1) * (1 + 1 / total) - mean[rows] ** 2
        return mean, variance

    def distance(self, events: Float64, expected: Float64, doubt: Float64, clustering: float = 1.0) -> float:
        """Return how far the predictive distribution of the counts is from true: KS of the PIT, not randomised.

        Args:
            events: (n,) events seen.
            expected: (n,) events expected where the relative rate is 1, positive.
            doubt: (n,) squared coefficient of variation of the expectation itself.
            clustering: Variance over mean of the events given their rate; widens the predictive.
        """
        step = 1 + len(events) // _PIT_SAMPLE
        count, mean = np.rint(events[::step]), expected[::step, None] * self.nodes
        form = 1.0 / (1.0 / _forms(doubt[::step])[:, None] + (clustering - 1.0) / mean)
        ratio = mean / form
        low, high = np.zeros(len(count)), np.exp(-form * np.log1p(ratio)) @ self.weights
        few = np.flatnonzero((count > 0) & (count <= _COUNTED))
        density = self.weights * np.exp(-form[few] * np.log1p(ratio[few]))
        for number in range(int(count[few].max(initial=0.0))):
            density = density * ratio[few] / (1 + ratio[few]) * (form[few] + number) / (number + 1)
            going = count[few] > number
            low[few] = np.where(going, high[few], low[few])
            high[few] = np.where(going, np.minimum(high[few] + density.sum(axis=1), 1.0), high[few])
        many = np.flatnonzero(count > _COUNTED)
        odds = 1 / (1 + ratio[many])
        low[many] = betainc(form[many], count[many][:, None], odds) @ self.weights
        high[many] = betainc(form[many], count[many][:, None] + 1.0, odds) @ self.weights
        return pit_distance(low, high)


_COUNTED = 40
"""Counts up to this are summed up one by one for all targets at once; larger ones by the incomplete beta function."""

_PIT_SAMPLE = 4_000


def fit_scatter(cells: Cells, shape: float) -> Scatter:
    """Learn the weights by expectation maximisation.

    Args:
        cells: What the pool's targets saw, with expectations where the relative rate is 1.
        shape: Gamma shape that fits best, the centre of the start.
    """
    spread = max(np.log1p(1 / shape) - np.log1p(1 / FORM), _LEAST_SPREAD)
    start = np.exp(-0.5 * (np.log(NODES) + spread / 2) ** 2 / spread)
    start = start / start.sum()
    weights, nodes = start, NODES / float(start @ NODES)
    if len(cells.times):
        likelihood = np.exp(_log_likelihood(cells.events, cells.expected, _forms(cells.doubt), nodes))
        whole = float(cells.times.sum()) + PRIOR_TARGETS
        for _ in range(_ROUNDS):
            told = cells.times / (likelihood @ weights)
            weights = (weights * (told @ likelihood) + PRIOR_TARGETS * start) / whole
    return Scatter(weights=weights, nodes=nodes / float(weights @ nodes))


def _forms(doubt: Float64) -> Float64:
    """Return the Gamma shape of the components where the mean itself is in doubt."""
    return 1.0 / (1.0 / FORM + doubt)


def _log_likelihood(events: Float64, expected: Float64, form: Float64, nodes: Float64) -> Float64:
    """Return the log likelihood of every node, largest 0 in each row, shape (n, n_nodes)."""
    spread = np.log1p(expected[:, None] * nodes / form[:, None])
    logs = events[:, None] * np.log(nodes) - (form + events)[:, None] * spread
    relative: Float64 = logs - logs.max(axis=1, keepdims=True)
    return relative


def _shares(events: Float64, expected: Float64, form: Float64, nodes: Float64, weights: Float64) -> NDArray[np.float64]:
    share = np.exp(_log_likelihood(events, expected, form, nodes)) * weights
    share /= share.sum(axis=1, keepdims=True)
    return share
