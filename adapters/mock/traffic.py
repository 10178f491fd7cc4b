"""What bids buy in an hour: expected views, clicks and cost from the cached curves, and the counts drawn from them.

The market plays with it, and the truth answers "what if" with it: one formula for both.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from adapters.mock import draws
from adapters.mock.arrays import Floats, Index, Ints
from adapters.mock.auction import Curves
from adapters.mock.shop import MICROS, VenueRules


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Flow:
    """Expected traffic of one hour; arrays of one shape, cost in currency units."""

    views: Floats
    clicks: Floats
    cost: Floats


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Drawn:
    """Traffic drawn for one hour, int64 arrays of shape (n_rows,).

    Attributes:
        idle_views: Views that were not clicked.
        price_micros: What each click of the row costs.
    """

    idle_views: Ints
    clicks: Ints
    price_micros: Ints


def expected(
    curves: Curves,
    rows: Index,
    *,
    bid: Floats,
    quality: Floats,
    log_level: Floats,
    queries: Floats,
    ctr: Floats,
    step: float,
) -> Flow:
    """Return what effective bids buy in an hour; all arrays broadcast against each other.

    Args:
        curves: Of the shop.
        rows: Targets.
        bid: Effective bids, currency units; none is bought where it is not positive.
        quality: Ours.
        log_level: Log of rivals' bids against their long-run level.
        queries: Queries in the hour.
        ctr: Click rate in the best slot.
        step: The venue's price step, currency units.
    """
    positive = bid > 0
    score = np.log(np.where(positive, bid, 1.0) * quality) - log_level
    click_share, price_share, view_share = curves.at(rows, score)
    chances = queries * ctr * positive
    clicks = chances * click_share
    cost = np.minimum(chances * price_share * bid + step * clicks, bid * clicks)
    return Flow(views=queries * positive * view_share, clicks=clicks, cost=cost)


def draw(flow: Flow, bid: Floats, uniforms: Floats, venue: VenueRules) -> Drawn:
    """Draw the hour's counts and each row's price of a click.

    Args:
        flow: Expected traffic, (n_rows,).
        bid: Effective bids, currency units: no click costs more.
        uniforms: (3, n_rows): for clicks, idle views and the price.
        venue: Price noise and the smallest coin.
    """
    clicks, idle = draws.poisson(uniforms[:2], np.stack([flow.clicks, np.maximum(flow.views - flow.clicks, 0.0)]))
    mean = flow.cost / np.where(flow.clicks > 0, flow.clicks, 1.0)
    width = np.minimum(venue.price_noise / np.sqrt(np.maximum(clicks, 1)) * mean, np.maximum(bid - mean, 0.0))
    coin = venue.price_step_micros
    price = np.rint((mean + width * (2 * uniforms[2] - 1)) * MICROS / coin).astype(np.int64) * coin
    most = np.floor(bid * MICROS / coin + 1e-6).astype(np.int64) * coin
    return Drawn(idle_views=idle, clicks=clicks, price_micros=np.minimum(price, most))
