"""Opens a market with its past: the days that a careless owner let run.

The owner bids much the same on every word, far too much on some, splits the budget evenly, pauses nothing and
changes nothing. All of it is played by the same engine and shows in reports.
"""

from __future__ import annotations

from adapters.mock.market import Market
from adapters.mock.shop import Shop
from bidder.core.calendar import day_start

USUAL_HISTORY_DAYS = 60


def open_market(shop: Shop, *, history_days: int = USUAL_HISTORY_DAYS) -> Market:
    """Return the market at the first midnight of the shop's start, its history played.

    Args:
        shop: What is played.
        history_days: Days of history; 0 for a cold start.

    Raises:
        ValueError: More history than the market's past is long, or a negative number.
    """
    if history_days < 0:
        raise ValueError(f"history cannot be {history_days} days long")
    market = Market(shop, history_days=history_days)
    market.advance(day_start(shop.start, shop.zone))
    return market
