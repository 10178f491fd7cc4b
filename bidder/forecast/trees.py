"""Boosted prior mean: what is known of a target besides its own orders, turned into an expected relative rate.

Gradient-boosted trees (scikit-learn, Poisson loss) see price, age, wording, click rate, cost per click, carts and the
sales of the product on all channels, and never an order of the target itself: each target is predicted by trees that
were grown on the others, or its orders would be used twice. `bidder.forecast.choices` lets them in only where they
win on past weeks. Facts that are only known as they are today (quality score, stock) are left out: a past week would
be forecast with what came after it. Measured in decisions.md 2.1; derivation in docs/maths/forecast.md.
"""

from __future__ import annotations

import zlib

import numpy as np
from numpy.typing import NDArray

from bidder.core.calendar import ordinal
from bidder.core.layout import Rows
from bidder.core.performance import Float64
from bidder.forecast.bins import binned
from bidder.forecast.facts import TargetFacts
from bidder.forecast.layout import Layout
from bidder.forecast.signals import Signals
from bidder.forecast.sums import ratio, sum_by

FOLDS = 4
"""Parts that the targets are cut into, by their ids; each is predicted by trees grown on the others."""

LEAST_ORDERS = 200.0
"""Orders below which trees find only noise."""

LEAST_TARGETS = 200
"""Targets with exposure below which none are grown."""

_TREES = 60
_LEAVES = 8
_LEAF_TARGETS = 20
_RATE = 0.1
_RIDGE = 1.0
_SAMPLE = 100_000
"""Targets that trees are grown on at most: more would tell them little and take minutes."""

_BOUNDS = (0.1, 10.0)
"""Relative rates that trees may suggest at most: the prior is a start, not a verdict."""


def covariates(facts: TargetFacts, layout: Layout, signals: Signals, *, until: int) -> Float64:
    """Return what is known of every target before a day, shape (n_targets, n_covariates), nan where unknown.

    Args:
        facts: Rows of days before ``until``.
        layout: The targets.
        signals: Cart and shop rates, known before ``until`` too.
        until: Ordinal of the first day that is not used.
    """
    size = len(layout)
    impressions = sum_by(facts.target, facts.impressions, size)
    clicks = sum_by(facts.target, facts.clicks, size)
    days = max(until - int(facts.day.min(initial=until)), 1)
    usual = clicks.sum() / impressions.sum() if impressions.sum() > 0 else 1.0
    launched = np.array([np.nan if p.launch_date is None else float(ordinal(p.launch_date)) for p in layout.products])
    rows = layout.product_rows()
    launch = np.where(rows >= 0, launched[np.maximum(rows, 0)], np.nan) if len(launched) else np.full(size, np.nan)
    with np.errstate(divide="ignore", invalid="ignore"):
        columns = (
            np.log(layout.price_micros),
            np.log1p(np.maximum(until - launch, 0.0)),
            layout.text_length,
            layout.category.astype(np.float64),
            layout.match.astype(np.float64),
            np.log((clicks + 1.0) / (impressions + 1.0 / usual)),
            np.log1p(impressions / days),
            np.log(ratio(sum_by(facts.target, facts.spend_micros, size), clicks)),
            np.log(signals.carts),
            np.log(signals.shop),
        )
        known = np.stack(columns, axis=1) if size else np.zeros((0, len(columns)))
    known[~np.isfinite(known)] = np.nan
    return known


def parts(layout: Layout) -> Rows:
    """Return the part that each target belongs to: by its id, so that the order of the targets cannot matter."""
    return np.array([zlib.crc32(name.encode()) % FOLDS for name in layout.target_ids], dtype=np.int64)


def boosted(known: Float64, events: Float64, expected: Float64, layout: Layout) -> Float64:
    """Return the relative rate that trees expect of every target; their mean over what is expected is 1.

    Where there is too little to learn from, all are 1.

    Args:
        known: (n_targets, n_covariates) see `covariates`.
        events: (n_targets,) orders.
        expected: (n_targets,) orders expected where the relative rate is 1, up to a common factor.
        layout: The targets.
    """
    size = len(events)
    told = expected > 0
    if events.sum() < LEAST_ORDERS or told.sum() < LEAST_TARGETS:
        return np.ones(size)
    expected = expected * (events.sum() / expected.sum())
    order, part = np.argsort(np.array(layout.target_ids)), parts(layout)
    relative = np.ones(size)
    for fold in range(FOLDS):
        grown, asked = order[(told & (part != fold))[order]], order[(part == fold)[order]]
        grown = grown[:: 1 + len(grown) // _SAMPLE]
        if len(asked) and events[grown].sum() > 0:
            relative[asked] = _grow(known[grown], events[grown], expected[grown], known[asked])
    relative = np.clip(relative, *_BOUNDS)
    level: Float64 = relative * (events.sum() / float(relative @ expected))
    return level


def _grow(known: Float64, events: Float64, expected: Float64, asked: Float64) -> NDArray[np.float64]:
    # Imported where they are needed: scikit-learn takes seconds, and most accounts never get here.
    from sklearn.ensemble import HistGradientBoostingRegressor  # noqa: PLC0415
    from threadpoolctl import threadpool_limits  # noqa: PLC0415

    told = np.isfinite(known)
    low, high = np.where(told, known, np.inf).min(axis=0), np.where(told, known, -np.inf).max(axis=0)
    useful = low < high
    if not useful.any():
        return np.ones(len(asked))
    trees = HistGradientBoostingRegressor(
        loss="poisson",
        learning_rate=_RATE,
        max_iter=_TREES,
        max_leaf_nodes=_LEAVES,
        min_samples_leaf=_LEAF_TARGETS,
        l2_regularization=_RIDGE,
        early_stopping=False,
        random_state=0,
    )
    # One thread: a second one beside a busy process takes a hundred times as long (decisions.md 2.1).
    learned, told_of = binned(known[:, useful], asked[:, useful], expected)
    with threadpool_limits(limits=1):
        trees.fit(learned, events / expected, sample_weight=expected)
        return np.asarray(trees.predict(told_of), dtype=np.float64)
