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

    Returns:
        Evidence; nan where an input is.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        floor_orders = spend_micros * floor_roas / aov_micros
        needed = floor_roas * cpc_micros / aov_micros
    below = gammainc(shape, np.maximum(rate * needed, 0.0))
    return Evidence(floor_orders=floor_orders, below=below, log_evalue=log_evalue(orders, floor_orders))


def log_evalue(orders: Float64, floor_orders: Float64) -> Float64:
    """Return the log of the mixture e-value ``mean_j g_j^x exp(E (1 - g_j))``.

    Args:
        orders: x, gross orders seen.
        floor_orders: E, orders that a target exactly at the floor would have brought on the same matured spend.

    Source: a mixture of likelihood ratios, a supermartingale for every ROAS at or above the floor (Ville); decisions.md
    3.5.
    """
    x, expected = np.asarray(orders, dtype=np.float64), np.asarray(floor_orders, dtype=np.float64)
    terms = x[..., None] * np.log(GRID) + expected[..., None] * (1.0 - GRID)
    top = terms.max(axis=-1)
    total: Float64 = top + np.log(np.mean(np.exp(terms - top[..., None]), axis=-1))
    return total


def should_pause(evidence: Evidence, policy: EvidencePolicy, *, cautious: Flags) -> Flags:
    """Tell which targets the evidence would pause; cautious ones need the e-process to say so."""
    gate = evidence.floor_orders > policy.pause_floor_orders
    posterior = evidence.below > policy.pause_probability
    certain = evidence.log_evalue >= np.log(policy.cautious_evalue)
    verdict: Flags = gate & np.where(cautious, certain, posterior)
    return verdict


def carts_veto(cart_rate: Float64, usual: Float64, evidence: Evidence, policy: EvidencePolicy) -> Flags:
    """Tell where many carts speak against judging on orders alone; nan carts never do."""
    with np.errstate(invalid="ignore"):
        many = (usual > 0) & (cart_rate >= CART_VETO * usual)
    return many & (evidence.floor_orders <= CART_VETO_ENDS * policy.pause_floor_orders)
