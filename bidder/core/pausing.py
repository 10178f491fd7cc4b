"""Evidence for pausing a target, and for letting it come back.

Two tests on matured exposure: the fitted-prior posterior, which keeps its error rate under continuous looking while
the prior fits, and a mixture e-process, which keeps it always. Called by `bidder.core.decide`; formulas and error
rates in docs/maths/pausing.md.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import gammainc

from bidder.core.layout import Flags
from bidder.core.performance import Float64
from bidder.core.policy import EvidencePolicy
from bidder.core.prediction import Forecast

GRID = np.array([0.05, 0.2, 0.35, 0.5, 0.65, 0.8, 0.9])
"""Alternatives of the mixture, as shares of the floor; equal weights."""

CART_VETO = 1.5
"""A target whose carts are this multiple of its category's rate is not judged on orders alone ..."""
CART_VETO_ENDS = 4.0
"""... until its spend reaches this multiple of the usual gate."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Evidence:
    """How strongly each target seems to earn below break-even; arrays of one shape.

    Attributes:
        floor_orders: Matured spend x floor ROAS / order value: orders that break-even would have brought.
        below: Posterior probability that ROAS is below the floor.
        log_evalue: Log of the mixture e-value against ROAS at or above the floor.
    """

    floor_orders: Float64
    below: Float64
    log_evalue: Float64


def weigh(
    *,
    shape: Float64,
    rate: Float64,
    orders: Float64,
    spend_micros: Float64,
    aov_micros: Float64,
    cpc_micros: Float64,
    floor_roas: Float64,
    clustering: float = 1.0,
) -> Evidence:
    """Weigh the evidence on targets.

    Args:
        shape: Of the gamma posterior of gross orders per matured click.
        rate: Of it, in matured clicks.
        orders: Gross orders seen.
        spend_micros: Matured spend (spend x share of its orders that can be seen by now).
        aov_micros: Gross revenue per order.
        cpc_micros: Cost per click that the verdict is about.
        floor_roas: Break-even ROAS, 1 / k.
        clustering: Orders that count as one piece of evidence because they come together, at least 1.

    Returns:
        Evidence; nan where an input is.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        floor_orders = spend_micros * floor_roas / aov_micros
        needed = floor_roas * cpc_micros / aov_micros
    below = gammainc(shape, np.maximum(rate * needed, 0.0))
    return Evidence(floor_orders=floor_orders, below=below, log_evalue=log_evalue(orders, floor_orders, clustering))


def weigh_forecast(forecast: Forecast, *, known: Flags, floor_roas: Float64) -> Evidence:
    """Weigh the evidence of a forecast at its present cost per click.

    Only exposure that is sure counts: where it is not yet known how late orders come, fewer of them are missed.

    Args:
        forecast: Estimates of every target.
        known: Targets that can be judged; the others get nan.
        floor_roas: Break-even ROAS of every target.
    """

    def told(values: Float64) -> Float64:
        return np.where(known, values, np.nan)

    doubtful = (1.0 - forecast.sure) * told(forecast.clicks) / forecast.clustering
    return weigh(
        shape=told(forecast.shape),
        rate=told(np.maximum(forecast.rate - doubtful, forecast.sure * forecast.rate)),
        orders=told(forecast.orders),
        spend_micros=told(forecast.sure * forecast.spend_micros),
        aov_micros=told(forecast.aov_micros),
        cpc_micros=told(forecast.cpc_micros),
        floor_roas=floor_roas,
        clustering=forecast.clustering,
    )


def log_evalue(orders: Float64, floor_orders: Float64, clustering: float = 1.0) -> Float64:
    """Return the log of the mixture e-value ``mean_j g_j^x exp(E (1 - g_j))``.

    Args:
        orders: x, gross orders seen.
        floor_orders: E, orders that a target exactly at the floor would have brought on the same matured spend.
        clustering: c, mean size of the cluster an order belongs to; x and E are both divided by it.

    Source: a mixture of likelihood ratios, a supermartingale for every ROAS at or above the floor (Ville). It stays
    one where orders come in clusters: ``(1 - g^n) / n`` is convex in the size n of a cluster, so Jensen bounds what
    clusters of mean size c can do by ``(1 - g^c) / c``; docs/maths/pausing.md.
    """
    x = np.asarray(orders, dtype=np.float64) / clustering
    expected = np.asarray(floor_orders, dtype=np.float64) / clustering
    terms = x[..., None] * np.log(GRID) + expected[..., None] * (1.0 - GRID)
    top = terms.max(axis=-1)
    total: Float64 = top + np.log(np.mean(np.exp(terms - top[..., None]), axis=-1))
    return total


def should_pause(evidence: Evidence, policy: EvidencePolicy, *, cautious: Flags) -> Flags:
    """Tell which targets the evidence would pause; cautious ones need the e-process to say so.

    Where more cautious targets than the policy lets pass one by one would be paused in this look, they are judged
    together instead (`together`), all cautious targets past the gate being the hypotheses.
    """
    gate = evidence.floor_orders > policy.pause_floor_orders
    posterior = evidence.below > policy.pause_probability
    certain = evidence.log_evalue >= np.log(policy.cautious_evalue)
    alone = policy.cautious_alone
    if alone is not None and int(np.sum(gate & cautious & certain)) > alone:
        certain = certain & together(evidence.log_evalue, tested=gate & cautious, level=1.0 / policy.cautious_evalue)
    verdict: Flags = gate & np.where(cautious, certain, posterior)
    return verdict


def together(log_evalues: Float64, *, tested: Flags, level: float) -> Flags:
    """Return the targets that e-BH rejects: the k largest of K e-values, where the k-th is at least ``K / (k level)``.

    The share of false pauses among them is at most ``level`` in expectation, whatever depends on what, because each
    is an e-value of this very look; running maxima would not do.

    Args:
        log_evalues: Logs of present e-values, any shape; nan is never rejected.
        tested: Which of them are hypotheses.
        level: False discovery rate.

    Source: Wang and Ramdas, False discovery rate control with e-values (2022).
    """
    flat = np.where(tested & ~np.isnan(log_evalues), log_evalues, -np.inf).ravel()
    order = np.argsort(-flat, kind="stable")
    rank = np.arange(1, len(flat) + 1)
    needed = np.log(max(int(np.sum(tested)), 1)) - np.log(rank) - np.log(level)
    passed = np.flatnonzero((flat[order] >= needed) & np.isfinite(flat[order]))
    rejected = np.zeros(len(flat), dtype=bool)
    if len(passed):
        rejected[order[: int(passed[-1]) + 1]] = True
    return rejected.reshape(np.shape(log_evalues))


def carts_veto(cart_rate: Float64, usual: Float64, evidence: Evidence, policy: EvidencePolicy) -> Flags:
    """Tell where many carts speak against judging on orders alone; nan carts never do."""
    with np.errstate(invalid="ignore"):
        many = (usual > 0) & (cart_rate >= CART_VETO * usual)
    return many & (evidence.floor_orders <= CART_VETO_ENDS * policy.pause_floor_orders)
