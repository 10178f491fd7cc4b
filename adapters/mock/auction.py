"""The auction: generalised second price over several slots, and its expectation as cached curves.

One auction ranks bidders by score = bid x quality and fills the slots from the top; a click pays the next score
(or the reserve) over the payer's quality, plus one price step, and never more than the bid. `clear` plays one such
auction and is the referee. Rivals appear by a Poisson process, so the expected result of a score has a closed form
(`Curves`), which the market interpolates: with L(x) rivals expected above x, the number above our score s is
Poisson(L(s)) and independent of the next score below, whose distribution is exp(-(L(x) - L(s))). Then

    click share     g = sum over slots r of rate_r * Poisson(r; L(s))
    price share     g * (s - integral from reserve to s of exp(-(L(x) - L(s))) dx)

averaged over a log-normal factor that all rivals of one auction share (some shoppers are more contested). With
price share / s the expected cost of a click's chance is bid x (price share / s) + step x click share. A move of all
rivals' bids and of the reserve only shifts the argument, so the same curves hold for every hour and day, at s / level.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np

from adapters.mock.arrays import Floats, Index
from adapters.mock.shop import Rivals, VenueRules

GRID_STEP = 0.05
"""Step of the log-grid of scores: linear interpolation is off by less than a thousandth."""

GRID_POINTS = 140
"""From the reserve to about a thousand times the reserve; above, nothing is left to win."""

CONTEST_NODES = 29
"""Nodes over the common factor of an auction's rivals: nearer to each other than the noise of one rival's score."""

CONTEST_REACH = 3.5
"""Standard deviations of that factor that are averaged over."""


def clear(bids: Floats, qualities: Floats, *, reserve: float, slots: int, step: float) -> tuple[Index, Floats]:
    """Play one auction.

    Args:
        bids: (n_bidders,) currency units.
        qualities: (n_bidders,) positive.
        reserve: Least score that is shown.
        slots: Number of slots.
        step: Added to the next rank's price, currency units.

    Returns:
        Bidders shown, best slot first, and the price of a click for each of them.
    """
    scores = bids * qualities
    order = np.argsort(-scores, kind="stable")
    order = order[scores[order] >= reserve]
    shown = order[:slots]
    following = np.append(scores[order[1:]], reserve)[: len(shown)]
    prices = np.minimum(np.maximum(following, reserve) / qualities[shown] + step, bids[shown])
    return shown, prices


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Curves:
    """Expected share of clicks, price and views by log score, one row for each target.

    Attributes:
        log_reserve: (n_targets,) log of the reserve, where each grid starts.
        table: (n_targets * GRID_POINTS, 3): click share, price share / score, view share.
    """

    log_reserve: Floats
    table: Floats

    @classmethod
    def of(cls, rivals: Rivals, venue: VenueRules) -> Self:
        """Integrate the curves of every target."""
        log_reserve = np.log(rivals.reserve)
        table = np.empty((len(log_reserve), GRID_POINTS, 3))
        for rows in np.array_split(np.arange(len(log_reserve)), max(1, len(log_reserve) // 100)):
            table[rows] = _mixed(rivals, venue, rows)
        flat = table.reshape(-1, 3)
        flat.flags.writeable = False
        return cls(log_reserve=log_reserve, table=flat)

    def scaled(self, unit: float) -> Self:
        """Return the curves of a market in which all bids and reserves are ``unit`` times as large."""
        return type(self)(log_reserve=self.log_reserve + np.log(unit), table=self.table)

    def at(self, rows: Index, log_score: Floats) -> tuple[Floats, Floats, Floats]:
        """Interpolate for ``log_score`` = log(effective bid x quality / level).

        Args:
            rows: (n_rows, ...) targets; broadcasts against ``log_score``.
            log_score: Finite.

        Returns:
            Click share, price share divided by the score, view share; all zero below the reserve.
        """
        place = np.minimum((log_score - self.log_reserve[rows]) / GRID_STEP, GRID_POINTS - 1.000001)
        shown = place >= 0
        place = np.where(shown, place, 0.0)
        low = place.astype(np.intp)
        part = (place - low)[..., None]
        cell = rows * GRID_POINTS + low
        value = self.table[cell] * (1 - part) + self.table[cell + 1] * part
        value *= shown[..., None]
        return value[..., 0], value[..., 1], value[..., 2]


def _mixed(rivals: Rivals, venue: VenueRules, rows: Index) -> Floats:
    """Average the curves over how hotly an auction is contested, by the trapezoid rule on a normal weight."""
    nodes = np.linspace(-CONTEST_REACH, CONTEST_REACH, CONTEST_NODES)
    weights = np.exp(-(nodes**2) / 2)
    log_scores = np.log(rivals.reserve[rows])[:, None] + np.arange(GRID_POINTS)[None, :] * GRID_STEP
    scores = np.exp(log_scores)
    odds = _odds(rivals, venue, rows, log_scores)
    mixed = np.zeros((len(rows), GRID_POINTS, 3))
    for node, weight in zip(nodes, weights / weights.sum(), strict=True):
        milder = np.exp(-venue.contest_spread * node / venue.score_spread)
        above = np.einsum("ij,igj->ig", rivals.activity[rows], 1 / (1 + odds * milder))
        mixed += weight * _integrated(above, scores, venue.slot_click_rates)
    return mixed


def _odds(rivals: Rivals, venue: VenueRules, rows: Index, log_scores: Floats) -> Floats:
    """Return the odds that a rival's appearance scores below, (n_rows, n_scores, n_rivals)."""
    medians = np.log(rivals.bid[rows] * rivals.quality[rows])
    odds: Floats = np.exp(np.clip((log_scores[:, :, None] - medians[:, None, :]) / venue.score_spread, -60, 60))
    return odds


def _integrated(above: Floats, scores: Floats, slot_click_rates: tuple[float, ...]) -> Floats:
    """Return click share, price share / score and view share on the grid, (n_rows, GRID_POINTS, 3)."""
    weight = np.exp(-above)
    areas = (weight[:, 1:] + weight[:, :-1]) / 2 * np.diff(scores, axis=1)
    below = np.concatenate([np.zeros((len(scores), 1)), np.cumsum(areas, axis=1)], axis=1)
    following = 1 - below / weight / scores
    term, clicks, views = weight, np.zeros_like(weight), np.zeros_like(weight)
    for slot, rate in enumerate(slot_click_rates):
        if slot:
            term = term * above / slot
        clicks = clicks + rate * term
        views = views + term
    return np.stack([clicks, clicks * following, views], axis=2)
