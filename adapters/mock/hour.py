"""One hour of the market: who is served, what is clicked, what is paid, what is bought.

Called by `market.Market` for each hour in turn. The expected ledger is written beside the realised one: what the
settings were worth given the latent state, the budgets and the stock at the start of the hour.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from adapters.mock import draws, traffic
from adapters.mock.arrays import Bools, Floats, Index, Ints, by_group
from adapters.mock.budgets import expected_share, keep_within
from adapters.mock.draws import Stream, hashed
from adapters.mock.ledger import Removals
from adapters.mock.orders import HOURS_A_DAY_KEY, ORGANIC, ORGANIC_ACTOR, Arrivals, mean_units, units_of
from adapters.mock.shop import MICROS
from adapters.mock.state import DayState, MarketState

_CLICKS, _IDLE, _PRICE, _INVALID, _ORDERS, _CARTS, _FAVOURITES = range(7)
_ARRIVAL, _TAKEN_BACK, _IN_LINE = range(3)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Served:
    """What was served in an hour: rows are the targets that could be.

    Attributes:
        rows: Targets. clicks: int64 kept. price_micros: Of each click.
        expected: Flow of the hour, already cut to what budgets let through.
    """

    rows: Index
    clicks: Ints
    price_micros: Ints
    expected: traffic.Flow


def play_hour(market: MarketState) -> None:
    """Play the hour that the clock stands at, and record it in the open day's block."""
    today = market.today
    if today is None:
        raise RuntimeError("an hour was played before its day was opened")
    step = market.played - today.start_hour
    market.balance_micros += market.credits.pop(market.played, 0)
    served = _serve(market, today, step)
    won = _convert(market, today, step, served)
    _sell(market, today, step, served, won)
    today.block.played = step + 1


def _serve(market: MarketState, today: DayState, step: int) -> Served:
    """Run the auctions, cut what budgets and balance do not cover, charge, record."""
    shop, block = market.shop, today.block
    limits = market.budgets.limits(market.in_force.daily_budget_micros)
    dark = market.budgets.dark(limits)
    rows, bid = _eligible(market, today, step, dark)
    campaign = shop.campaign_of_target[rows]
    flow = traffic.expected(
        market.curves,
        rows,
        bid=bid,
        quality=market.quality[rows],
        log_level=today.log_level[step, rows],
        queries=today.queries[step, rows],
        ctr=shop.targets.ctr[rows],
        step=shop.venue.price_step_micros / MICROS,
    )
    room = np.maximum(limits - market.budgets.spent_micros, 0)
    drawn = traffic.draw(flow, bid, today.luck[:3, step][:, rows], shop.venue)
    share = _covered(flow, campaign, room, market.balance_micros)
    cut = share[campaign]
    flow = traffic.Flow(views=flow.views * cut, clicks=flow.clicks * cut, cost=flow.cost * cut)
    clicks = _paid(market, today, step, rows, drawn, room, limits)
    served = by_group(campaign, clicks, len(limits)) / np.maximum(by_group(campaign, drawn.clicks, len(limits)), 1)
    lost = by_group(campaign, drawn.clicks - clicks, len(limits)) > 0
    idle = np.rint(drawn.idle_views * np.where(lost, served, 1.0)[campaign])
    today.views[rows] += flow.views
    block.impressions[step, rows] = clicks + idle
    block.clicks[step, rows] = clicks
    block.spend_micros[step, rows] = clicks * drawn.price_micros
    block.served[step] = np.where(dark, 0.0, share)
    return Served(rows=rows, clicks=clicks, price_micros=drawn.price_micros, expected=flow)


def _eligible(market: MarketState, today: DayState, step: int, dark: Bools) -> tuple[Index, Floats]:
    """Return the targets that take part in the hour's auctions, and their effective bids in currency units."""
    shop, live = market.shop, market.in_force
    campaign = shop.campaign_of_target
    bid = live.bids(shop.targets.ad_group) * live.dayparts[campaign, today.hour_of_week[step]]
    on = live.enabled(shop.targets.ad_group, campaign) & (bid > 0) & today.launched & ~dark[campaign]
    on &= (market.shelf.stock > 0)[shop.targets.product]
    if market.balance_micros <= max(market.purse_met_micros, 0):
        on[:] = False
    rows = np.flatnonzero(on)
    return rows, bid[rows]


def _paid(
    market: MarketState, today: DayState, step: int, rows: Index, drawn: traffic.Drawn, room: Ints, limits: Ints
) -> Ints:
    """Return the clicks that budgets and balance pay for, charged to both."""
    campaign, price = market.shop.campaign_of_target[rows], drawn.price_micros

    def arrival() -> Floats:
        key = today.number * HOURS_A_DAY_KEY + step
        return hashed(market.shop.seed, Stream.SETTLEMENT, key, rows, _ARRIVAL)

    clicks, short = keep_within(drawn.clicks, price, campaign, room, arrival)
    purse = np.asarray([max(market.balance_micros, 0)])
    clicks, empty = keep_within(clicks, price, np.zeros_like(campaign), purse, arrival)
    spend = clicks * price
    market.budgets.charge(by_group(campaign, spend, len(limits)).astype(np.int64), limits, short)
    market.balance_micros -= int(spend.sum())
    if empty[0]:
        market.purse_met_micros = market.balance_micros
    elif rows.size:
        market.purse_met_micros = -1
    return clicks


def _covered(flow: traffic.Flow, campaign: Index, room: Ints, balance_micros: int) -> Floats:
    """Return the share of each campaign's expected hour that its budget and the balance cover, (n_campaigns,).

    A limit stops service at the first click that does not fit: half a click's price of it stays unspent.
    """
    mean = by_group(campaign, flow.cost, len(room))
    price = flow.cost / np.maximum(flow.clicks, 1e-12)
    variance = by_group(campaign, flow.cost * price, len(room))
    unspent = variance / np.maximum(mean, 1e-12) / 2
    share = expected_share(mean, variance, np.maximum(room / MICROS - unspent, 0.0))
    total = np.asarray([(mean * share).sum()])
    purse = expected_share(total, np.asarray([variance.sum()]), np.asarray([balance_micros / MICROS]))
    covered: Floats = share * purse
    return covered


def _convert(market: MarketState, today: DayState, step: int, served: Served) -> Ints:
    """Draw invalid clicks, carts, favourites and orders of the clicked rows; return orders by served row."""
    shop, block = market.shop, today.block
    won = np.zeros(len(served.rows), dtype=np.int64)
    hit = np.flatnonzero(served.clicks)
    rows, clicks = served.rows[hit], served.clicks[hit]
    luck = today.luck[:, step][:, rows]
    invalid = draws.binomial(luck[_INVALID], clicks, np.full(len(rows), shop.venue.invalid_click_rate))
    _plan_removals(market, today, step, rows, invalid, served.price_micros[hit])
    valid = clicks - invalid
    won[hit] = draws.binomial(luck[_ORDERS], valid, today.cvr[step, rows])
    liked = draws.binomial(luck[_CARTS], valid, today.latent.cart_rate[rows])
    favourites = draws.binomial(luck[_FAVOURITES], liked, shop.targets.favourite_share[rows])
    block.carts[step, rows] = liked - favourites
    block.favourites[step, rows] = favourites
    return won


def _plan_removals(market: MarketState, today: DayState, step: int, rows: Index, invalid: Ints, price: Ints) -> None:
    hit = np.flatnonzero(invalid)
    if not hit.size:
        return
    targets = rows[hit]
    luck = hashed(market.shop.seed, Stream.SETTLEMENT, today.number * HOURS_A_DAY_KEY + step, targets, _TAKEN_BACK)
    hour = market.played + 12 + np.floor(luck * 60).astype(np.int64)
    spend = invalid[hit] * price[hit]
    today.block.removals.append(
        Removals(step=np.full(len(hit), step), target=targets, clicks=invalid[hit], spend_micros=spend, hour=hour)
    )
    for due, micros in zip(hour.tolist(), spend.tolist(), strict=True):
        market.credits[due] = market.credits.get(due, 0) + micros


def _sell(market: MarketState, today: DayState, step: int, served: Served, won: Ints) -> None:
    """Take ordered units off the shelf as far as stock goes, and record orders, shelf and expectations."""
    shop, shelf, block = market.shop, market.shelf, today.block
    stock = shelf.stock
    arrivals = _arrivals(market, today, step, served, won, in_stock=stock > 0)
    demand = by_group(arrivals.product, arrivals.units, len(stock))
    if (demand > stock).any():
        key = today.number * HOURS_A_DAY_KEY + step
        actor = np.where(arrivals.target == ORGANIC, ORGANIC_ACTOR + arrivals.product, arrivals.target)
        line = hashed(shop.seed, Stream.SETTLEMENT, key, actor, arrivals.number, _IN_LINE)
        one = np.ones_like(arrivals.units)
        kept, _ = keep_within(one, arrivals.units, arrivals.product, stock, lambda: line)
        arrivals = Arrivals(**{f.name: getattr(arrivals, f.name)[kept > 0] for f in fields(arrivals)})
    sold = by_group(arrivals.product, arrivals.units, len(stock)).astype(np.int64)
    if len(arrivals.target):
        today.arrivals.append(arrivals)
    _expect(market, today, step, served)
    there = stock > 0
    block.shelf_visitors[step] = np.where(there, today.organic.visitors[step], 0)
    block.shelf_carts[step] = np.where(there, today.organic.carts[step], 0)
    block.shelf_in_stock[step] = there
    block.shelf_units[step] = sold
    shelf.sell(sold)
    block.shelf_stock[step] = shelf.stock


def _arrivals(market: MarketState, today: DayState, step: int, served: Served, won: Ints, in_stock: Bools) -> Arrivals:
    shop = market.shop
    hit = np.flatnonzero(won)
    organic = np.flatnonzero(np.where(in_stock, today.organic.orders[step], 0))
    counts = np.concatenate([won[hit], today.organic.orders[step, organic]])
    targets = np.concatenate([served.rows[hit], np.full(len(organic), ORGANIC)])
    products = np.concatenate([shop.targets.product[served.rows[hit]], organic])
    total = int(counts.sum())
    number = np.arange(total) - np.repeat(np.cumsum(counts) - counts, counts)
    targets, products = np.repeat(targets, counts), np.repeat(products, counts)
    actor = np.where(targets == ORGANIC, ORGANIC_ACTOR + products, targets)
    units = units_of(shop.seed, shop.orders, today.number * HOURS_A_DAY_KEY + step, actor, number)
    return Arrivals(step=np.full(total, step), target=targets, product=products, number=number, units=units)


def _expect(market: MarketState, today: DayState, step: int, served: Served) -> None:
    """Write the expected clicks, spend, orders and value of the hour, cut by stock."""
    shop, block, rows = market.shop, today.block, served.rows
    valid = 1 - shop.venue.invalid_click_rate
    clicks = served.expected.clicks * valid
    product = shop.targets.product[rows]
    orders = clicks * today.cvr[step, rows]
    stock = market.shelf.stock
    there = stock > 0
    organic = np.where(there, today.organic.expected_orders[step], 0.0)
    units = by_group(product, orders, len(stock)) + organic
    units = units * mean_units(shop.orders)
    share = expected_share(units, units, stock.astype(np.float64))
    orders = orders * share[product]
    block.expected_clicks[step, rows] = clicks
    block.expected_spend_micros[step, rows] = served.expected.cost * (valid * MICROS)
    block.expected_orders[step, rows] = orders
    block.expected_value_micros[step, rows] = orders * today.worth[product]
    block.shelf_expected_units[step] = organic * share * mean_units(shop.orders)
