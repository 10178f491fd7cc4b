"""What the referee knows: expected and realised results, and what other bids would have brought.

Only evaluation reads this; the venue's face offers no path to it. Value is the expected contribution after refunds
of the settings played, given the latent state, credited at the click with the organic units it brings; profit is
value minus spend. See `day.order_worth` for the worth of an order.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np

from adapters.mock import traffic
from adapters.mock.arrays import Floats, Index, Ints
from adapters.mock.day import hourly_latent, order_worth, orders_of_today
from adapters.mock.events import Phase, phase_on
from adapters.mock.ledger import COUNTS, EXPECTED, REMOVAL_HOURS, totals
from adapters.mock.orders import NEVER, ORGANIC, Orders, completion, mean_units
from adapters.mock.shop import MICROS
from adapters.mock.state import MarketState
from bidder.core.calendar import ordinal


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Outcomes:
    """What happened, by click day and target, (n_days, n_targets); with the final fate of every order.

    Attributes:
        days: (n_days,) since 1970-01-01.
        expected_*: float64 given the latent state; value is before spend.
        impressions, clicks, spend_micros: int64, net of all invalid clicks, those still to be taken back too.
        orders, units, revenue_micros, refund_micros: int64, credited at the click; refunds in the end.
        contribution_micros: int64, margin on kept revenue minus return costs; without organic lift, before spend.
        dark_hours: (n_days, n_campaigns) float64 hours without service because the budget was spent.
    """

    days: Ints
    expected_clicks: Floats
    expected_spend_micros: Floats
    expected_orders: Floats
    expected_value_micros: Floats
    impressions: Ints
    clicks: Ints
    spend_micros: Ints
    carts: Ints
    favourites: Ints
    orders: Ints
    units: Ints
    revenue_micros: Ints
    refund_micros: Ints
    contribution_micros: Ints
    dark_hours: Floats


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class OrganicOutcomes:
    """Organic sales by click day and product, (n_days, n_products): expected and realised units, contribution."""

    days: Ints
    expected_units: Floats
    expected_contribution_micros: Floats
    units: Ints


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Response:
    """What effective bids would bring, expected given the latent state, without budgets, balance and stock.

    Arrays of shape (n_periods, n_targets, n_bids), net of invalid clicks. Value is contribution before spend.
    """

    clicks: Floats
    spend_micros: Floats
    orders: Floats
    value_micros: Floats


class MarketTruth:
    """The referee's view of one market."""

    def __init__(self, market: MarketState) -> None:
        self._market = market

    @property
    def quality(self) -> Floats:
        """Return our present quality, (n_targets,)."""
        return self._market.quality

    def phase(self, day: date) -> Phase:
        """Return where a day stands with respect to sale events."""
        return phase_on(self._market.shop.events, day)

    def completion(self) -> Floats:
        """Return the share of a normal day's final orders placed by the end of day k, (horizon_days,)."""
        return completion(self._market.shop.orders)

    def outcomes(self, first: date, last: date) -> Outcomes:
        """Return what happened on the days played from ``first`` to ``last``, the open day included."""
        market = self._market
        indices = self._played(first, last)
        shape = (len(indices), len(market.shop.targets))
        counts = np.zeros((len(COUNTS), *shape), dtype=np.int64)
        expected = np.zeros((len(EXPECTED), *shape))
        dark = np.zeros((len(indices), len(market.shop.campaigns)))
        for row, index in enumerate(indices):
            settled, block = market.ledger.settled[index], market.ledger.blocks[index]
            if settled is None and block is not None:
                start = market.hours.start_of_day(index)
                settled = totals(block, before_hour=start + 25 + REMOVAL_HOURS, start_hour=start)
            if settled is not None:
                counts[:, row], expected[:, row], dark[row] = settled.counts, settled.expected, settled.dark_hours
        orders = self._orders(indices)
        orders = orders.take(orders.target != ORGANIC)
        cell = (orders.click_day - indices.start, orders.target)
        lost = orders.refund_hour != NEVER
        return Outcomes(
            days=market.hours.first_ordinal + np.asarray(indices),
            expected_clicks=expected[EXPECTED.index("expected_clicks")],
            expected_spend_micros=expected[EXPECTED.index("expected_spend_micros")],
            expected_orders=expected[EXPECTED.index("expected_orders")],
            expected_value_micros=expected[EXPECTED.index("expected_value_micros")],
            impressions=counts[COUNTS.index("impressions")],
            clicks=counts[COUNTS.index("clicks")],
            spend_micros=counts[COUNTS.index("spend_micros")],
            carts=counts[COUNTS.index("carts")],
            favourites=counts[COUNTS.index("favourites")],
            orders=_summed(cell, orders.orders, shape),
            units=_summed(cell, orders.units, shape),
            revenue_micros=_summed(cell, orders.revenue_micros, shape),
            refund_micros=_summed(cell, np.where(lost, orders.revenue_micros, 0), shape),
            contribution_micros=_summed(cell, self._contribution(orders), shape),
            dark_hours=dark,
        )

    def organic(self, first: date, last: date) -> OrganicOutcomes:
        """Return organic sales on the days played, the lift of advertising included."""
        market, products = self._market, self._market.shop.products
        indices = self._played(first, last)
        shape = (len(indices), len(products))
        expected, worth = np.zeros(shape), np.zeros(shape)
        for row, index in enumerate(indices):
            settled, block = market.ledger.settled[index], market.ledger.blocks[index]
            if settled is not None:
                expected[row] = settled.shelf_expected_units
            elif block is not None:
                expected[row] = block.shelf_expected_units[: block.played].sum(axis=0)
            refund = market.latent.day(market.hours.day(index)).refund_rate
            per_unit = (1 - refund) * products.margin * products.price_micros
            worth[row] = per_unit - refund * products.return_cost_micros / mean_units(market.shop.orders)
        orders = self._orders(indices)
        orders = orders.take(orders.target == ORGANIC)
        return OrganicOutcomes(
            days=market.hours.first_ordinal + np.asarray(indices),
            expected_units=expected,
            expected_contribution_micros=expected * worth,
            units=_summed((orders.click_day - indices.start, orders.product), orders.units, shape),
        )

    def value_per_click(self, day: date) -> Floats:
        """Return the expected contribution of one valid click by hour of a day, (n_hours, n_targets) micros."""
        market = self._market
        latent = market.latent.day(day)
        worth = order_worth(market, latent)[market.shop.targets.product]
        return hourly_latent(market, market.hours.day_index(day)).cvr * worth

    def response(
        self, days: Sequence[date], bid_micros: Floats, *, rows: Index | None = None, quality: Floats | None = None
    ) -> Response:
        """Return what effective bids held for whole days would bring; one period for each day, future ones too.

        Args:
            days: Marketplace days.
            bid_micros: (n_bids,) for all targets, or (n_rows, n_bids).
            rows: Targets asked for; all by default.
            quality: (n_targets,) ours; by default as it stood on days that are over, and as it stands now.
        """
        parts = [self._day_response(day, bid_micros, rows, quality, hour=None) for day in days]
        return _stacked(parts)

    def hour_response(
        self, day: date, bid_micros: Floats, *, rows: Index | None = None, quality: Floats | None = None
    ) -> Response:
        """Return the same for each hour of one day; one period for each hour."""
        length = self._market.hours.length_of_day(self._market.hours.day_index(day))
        return _stacked([self._day_response(day, bid_micros, rows, quality, hour=hour) for hour in range(length)])

    def _day_response(
        self, day: date, bid_micros: Floats, rows: Index | None, quality: Floats | None, *, hour: int | None
    ) -> tuple[Floats, Floats, Floats, Floats]:
        market, shop = self._market, self._market.shop
        rows = np.arange(len(shop.targets)) if rows is None else np.asarray(rows, dtype=np.intp)
        index = market.hours.day_index(day)
        closed = 0 <= index < len(market.stood)
        stood, pressure = market.stood[index] if closed else (market.quality, market.pressure)
        quality = stood if quality is None else quality
        latent = hourly_latent(market, index)
        sold = (shop.products.launch_day <= ordinal(day))[shop.targets.product[rows]]
        worth = order_worth(market, market.latent.day(day))[shop.targets.product[rows]]
        bids = np.broadcast_to(np.asarray(bid_micros, dtype=np.float64) / MICROS, (len(rows), np.shape(bid_micros)[-1]))
        hours = np.arange(len(latent.queries)) if hour is None else np.asarray([hour])
        shift = latent.log_level[hours, 0] - latent.log_level[0, 0]
        clicks, spend, orders = (np.zeros(bids.shape) for _ in range(3))
        for level in np.unique(np.round(shift, 12)):
            alike = hours[np.round(shift, 12) == level]
            queries = latent.queries[alike][:, rows].sum(axis=0) * sold
            flow = traffic.expected(
                market.curves,
                rows[:, None],
                bid=bids,
                quality=quality[rows][:, None],
                log_level=(latent.log_level[alike[0]] + pressure)[rows][:, None],
                queries=queries[:, None],
                ctr=shop.targets.ctr[rows][:, None],
                step=shop.venue.price_step_micros / MICROS,
            )
            buying = (latent.queries[alike] * latent.cvr[alike])[:, rows].sum(axis=0) * sold
            rate = buying / np.where(queries > 0, queries, 1.0)
            clicks += flow.clicks
            spend += flow.cost
            orders += flow.clicks * rate[:, None]
        valid = 1 - shop.venue.invalid_click_rate
        return clicks * valid, spend * (valid * MICROS), orders * valid, orders * valid * worth[:, None]

    def _played(self, first: date, last: date) -> range:
        hours, played = self._market.hours, len(self._market.ledger.blocks)
        low, high = hours.day_index(first), hours.day_index(last)
        if not 0 <= low <= high < played:
            raise ValueError(
                f"days {hours.first_day} to {hours.day(played - 1)} were played, asked for {first} to {last}"
            )
        return range(low, high + 1)

    def _orders(self, days: range) -> Orders:
        market = self._market
        parts = [market.orders[index] for index in days if index < len(market.orders)]
        if market.today is not None and market.today.index in days:
            parts.append(orders_of_today(market, market.today))
        return Orders.joined(parts)

    def _contribution(self, orders: Orders) -> Ints:
        products = self._market.shop.products
        kept = np.rint(products.margin[orders.product] * orders.revenue_micros).astype(np.int64)
        lost = -products.return_cost_micros[orders.product] * orders.orders
        return np.where(orders.refund_hour != NEVER, lost, kept)


def _summed(cell: tuple[Ints, Ints], values: Ints, shape: tuple[int, int]) -> Ints:
    sums = np.zeros(shape, dtype=np.int64)
    np.add.at(sums, cell, values)
    return sums


def _stacked(parts: Sequence[tuple[Floats, Floats, Floats, Floats]]) -> Response:
    clicks, spend, orders, value = (np.stack(columns) for columns in zip(*parts, strict=True))
    return Response(clicks=clicks, spend_micros=spend, orders=orders, value_micros=value)
