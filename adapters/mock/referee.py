"""The referee's view of a mock world, as the evaluation asks for it. No code that decides can reach this."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from adapters.mock.goods import for_sale, goods_now
from adapters.mock.market import Market
from adapters.mock.venue import Venue
from bidder.core.calendar import DayRange, from_ordinal
from bidder.core.entities import AccountId
from bidder.core.performance import Float64, Int32
from bidder.errors import InputError
from bidder.ports import ForSaleTable, ResponseTable, SupplyTable, TruthTable


class MockTruth:
    """What really happened in a venue's markets, and what other bids would have brought."""

    def __init__(self, venue: Venue) -> None:
        self._venue = venue

    def outcomes(self, account: AccountId, days: DayRange) -> TruthTable:
        """Return what happened on the days played, by click day.

        Value is that of paid clicks with the organic units they bring. Refunds and the orders of recent clicks are
        those that will come in the end.

        Raises:
            InputError: Days that were not played, or an unknown account.
        """
        market = self._market(account)
        try:
            truth = market.truth.outcomes(days.first, days.last)
        except ValueError as exc:
            raise InputError(str(exc), place="days") from None
        value = truth.expected_value_micros - truth.expected_spend_micros
        return TruthTable(
            day=truth.days.astype(np.int32),
            spend_micros=_total(truth.spend_micros),
            revenue_micros=_total(truth.revenue_micros),
            refund_micros=_total(truth.refund_micros),
            contribution_micros=_total(truth.contribution_micros),
            value_micros=_total(value),
            clicks=_total(truth.clicks),
            orders=_total(truth.orders),
        )

    def response(self, account: AccountId, day: Int32, bid_micros: Float64) -> Sequence[ResponseTable]:
        """Return the expected response for each of the given days, without budget limits."""
        market = self._market(account)
        table = market.truth.response([from_ordinal(int(number)) for number in day], bid_micros)
        return [
            ResponseTable(
                target_ids=market.shop.targets.ids,
                bid_micros=np.asarray(bid_micros, dtype=np.float64),
                clicks=table.clicks[row],
                spend_micros=table.spend_micros[row],
                value_micros=table.value_micros[row],
            )
            for row in range(len(day))
        ]

    def supply(self, account: AccountId) -> SupplyTable:
        """Return what can be sold now, and when more comes."""
        market = self._market(account)
        goods = goods_now(market)
        return SupplyTable(
            product_ids=market.shop.products.ids,
            stock=goods.stock,
            organic_units=goods.organic_units,
            days_to_arrival=goods.days_to_arrival,
            unit_value_micros=goods.unit_value_micros,
        )

    def for_sale(self, account: AccountId, days: DayRange) -> ForSaleTable:
        """Return what advertising could have sold on days that were played."""
        market = self._market(account)
        goods = for_sale(market, days.first, days.last)
        return ForSaleTable(
            day=goods.days.astype(np.int32),
            product_ids=market.shop.products.ids,
            for_sale=goods.units,
            unit_value_micros=goods.unit_value_micros,
        )

    def _market(self, account: AccountId) -> Market:
        return self._venue.advertiser(account).market


def _total(values: np.ndarray[tuple[int, ...], np.dtype[np.int64 | np.float64]]) -> Float64:
    """Sum over targets; returns shape (n_days,)."""
    return np.asarray(values.sum(axis=1), dtype=np.float64)
