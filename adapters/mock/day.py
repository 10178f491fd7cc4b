"""The turn of a marketplace day: what is fixed at midnight, and what a finished day changes.

At midnight the day's latent state, luck and organic demand are drawn, goods arrive and the owner tops up. At the end
orders get their details, quality follows the day's traffic, stock is ordered, and the ledger settles.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from adapters.mock.arrays import Bools, Floats, Index, by_group
from adapters.mock.demand import LatentDay, local_factors
from adapters.mock.draws import Stream, generator
from adapters.mock.events import PREHEAT_DAYS, Phase, event_on
from adapters.mock.ledger import EXPECTED, Block, totals
from adapters.mock.orders import Arrivals, Orders, detail, mean_units
from adapters.mock.products import OrganicDay, organic_day
from adapters.mock.state import TRAFFIC_STREAMS, DayState, MarketState
from bidder.core.calendar import ordinal

AGGREGATE_AFTER_DAYS = 100
"""Orders of older click days are kept as daily sums."""

PRESSURE_MEMORY = 0.8
"""How much of rivals' pressure stays from one day to the next, where they react."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class HourlyLatent:
    """The latent state of one day by hour, each (n_hours, n_targets)."""

    queries: Floats
    log_level: Floats
    cvr: Floats


def hourly_latent(market: MarketState, index: int) -> HourlyLatent:
    """Spread a day's latent state over its hours."""
    shop, latent = market.shop, market.latent.day(market.hours.day(index))
    hours = market.hours.local_hours(index)
    profiles = local_factors(shop.demand.hour_profiles, hours)
    return HourlyLatent(
        queries=latent.volume * profiles[shop.targets.profile].T,
        log_level=latent.log_level + np.log(local_factors(shop.demand.rival_hours, hours))[:, None],
        cvr=np.minimum(latent.cvr * local_factors(shop.demand.conversion_hours, hours)[:, None], 0.95),
    )


def order_worth(market: MarketState, latent: LatentDay) -> Floats:
    """Return the expected contribution of an order clicked on a day, with its organic lift, (n_products,) micros.

    Contribution after refunds of one order is ``(1 - r) * margin * revenue - r * return cost``; each paid unit
    brings ``organic_lift`` organic units, which are worth the same per unit and are credited here without discount.
    """
    products, rules = market.shop.products, market.shop.orders
    kept = 1 - latent.refund_rate
    own = (
        kept * products.margin * products.price_micros * mean_units(rules)
        - latent.refund_rate * products.return_cost_micros
    )
    usual = 1 - products.refund_rate
    organic = usual * products.margin * products.price_micros * mean_units(rules)
    organic = organic - products.refund_rate * products.return_cost_micros
    return own + rules.organic_lift * organic


def open_day(market: MarketState) -> None:
    """Start the marketplace day that the clock stands at."""
    shop, hours = market.shop, market.hours
    index = hours.day_of_hour(market.played)
    day, start = hours.day(index), hours.start_of_day(index)
    number, length = ordinal(day), hours.length_of_day(index)
    latent, by_hour = market.latent.day(day), hourly_latent(market, index)
    local = hours.local_hours(index)
    sold = shop.products.launch_day <= number
    market.shelf.open_day(index)
    since = (day - hours.first_day).days
    if since and shop.balance.top_up_every_days and since % shop.balance.top_up_every_days == 0:
        market.balance_micros += shop.balance.top_up_micros
    market.budgets.open_day(shop.seed, number, shop.venue.overdelivery_factor)
    n_targets = len(shop.targets)
    block = Block.of(length, n_targets, len(shop.products), len(shop.campaigns))
    market.ledger.open_day(block)
    hour_share = local_factors(shop.demand.hour_profiles[0], local)
    market.today = DayState(
        index=index,
        number=number,
        start_hour=start,
        end_hour=start + length,
        latent=latent,
        queries=by_hour.queries,
        log_level=by_hour.log_level + market.pressure,
        cvr=by_hour.cvr,
        worth=order_worth(market, latent),
        hour_of_week=day.weekday() * 24 + local,
        luck=generator(shop.seed, Stream.TRAFFIC, number).random((TRAFFIC_STREAMS, length, n_targets)),
        organic=_launched_only(organic_day(shop, latent, market.shelf.lift, hour_share, number), sold),
        launched=sold[shop.targets.product],
        block=block,
        arrivals=[],
        views=np.zeros(n_targets),
    )


def _launched_only(organic: OrganicDay, sold: Bools) -> OrganicDay:
    if sold.all():
        return organic
    return OrganicDay(**{f.name: getattr(organic, f.name) * sold for f in fields(organic)})


def orders_of_today(market: MarketState, today: DayState) -> Orders:
    """Return the open day's orders with their details, as decided so far."""
    if not today.arrivals:
        return Orders.joined([])
    hours, rules = market.hours, market.shop.orders
    arrivals = Arrivals(
        **{f.name: np.concatenate([getattr(part, f.name) for part in today.arrivals]) for f in fields(Arrivals)}
    )
    day = hours.day(today.index)
    event = event_on(market.shop.events, day)
    preheat = event is not None and event.phase(day) is Phase.PREHEAT
    days = range(today.index, today.index + rules.horizon_days + PREHEAT_DAYS + 2)
    return detail(
        market.shop,
        arrivals,
        day_index=today.index,
        day_ordinal=today.number,
        starts=np.asarray([hours.start_of_day(n) for n in days]),
        refund_rate=today.latent.refund_rate,
        wait_days=(event.day - day).days if event is not None and preheat else 0,
        wait_share=today.latent.factors.wait_share if preheat else 0.0,
    )


def close_day(market: MarketState) -> None:
    """Finish the open day."""
    today = market.today
    if today is None:
        return
    orders = orders_of_today(market, today)
    market.orders.append(orders)
    old = today.index - AGGREGATE_AFTER_DAYS
    if old >= 0:
        market.orders[old] = market.orders[old].aggregated()
    market.stood.append((market.quality, market.pressure))
    _follow_quality(market, today)
    _react(market, today)
    summed = totals(today.block, before_hour=today.end_hour, start_hour=today.start_hour)
    expected_orders = summed.expected[EXPECTED.index("expected_orders")]
    product: Index = market.shop.targets.product
    n_products = len(market.shop.products)
    paid_units = by_group(product, expected_orders, n_products) * mean_units(market.shop.orders)
    sold = by_group(orders.product, orders.units, n_products)
    all_day: Bools = today.block.shelf_in_stock.min(axis=0) > 0
    market.shelf.close_day(market.shop, today.index, sold.astype(np.int64), all_day, paid_units)
    starts = np.asarray([market.hours.start_of_day(n) for n in range(today.index + 2)])
    market.ledger.close_day(starts, today.end_hour)
    market.today = None


def _follow_quality(market: MarketState, today: DayState) -> None:
    """Move quality towards what our click rate and conversion deserve, by the day's views."""
    rules, targets = market.shop.quality, market.shop.targets
    clicks = (targets.ctr / targets.reference_ctr) ** rules.ctr_power
    sales = (today.latent.steady_cvr / targets.reference_cvr) ** rules.cvr_power
    deserved = np.clip(targets.relevance * clicks * sales, rules.lowest, rules.highest)
    kept = 0.5 ** (today.views / rules.half_impressions)
    market.quality = kept * market.quality + (1 - kept) * deserved


def _react(market: MarketState, today: DayState) -> None:
    """Let rivals raise their bids where we take more of the day than a fair share, and lower them where less."""
    reaction = market.shop.rivals.reaction
    if reaction == 0:
        return
    share = today.views / np.maximum(today.queries.sum(axis=0), 1e-9)
    market.pressure = PRESSURE_MEMORY * market.pressure + (1 - PRESSURE_MEMORY) * reaction * (share - 0.5)
