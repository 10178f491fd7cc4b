"""When products turned: price changes and stock-outs, read from the structure's intervals and followed from there."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from sqlalchemy import Connection, select

from bidder.core.entities import Product, ProductId
from bidder.core.snapshot import PRICE_STEP, Turn
from models import ProductRow, StructureVersionRow
from models.tables import table_of

_PRODUCTS, _VERSIONS = table_of(ProductRow), table_of(StructureVersionRow)


class TurnBook:
    """Turns of one account's products.

    Attributes:
        turns: What is known of each product that ever turned.
    """

    def __init__(self) -> None:
        self.turns: dict[ProductId, Turn] = {}
        self._price: dict[ProductId, int] = {}
        self._empty: dict[ProductId, bool] = {}

    @classmethod
    def load(cls, connection: Connection, account: int) -> TurnBook:
        """Read the products' past, oldest first."""
        book = cls()
        c = _PRODUCTS.c
        past = (
            select(c.remote_id, c.price_micros, c.stock, c.core_sizes_gone, _VERSIONS.c.observed_at)
            .join(_VERSIONS, _VERSIONS.c.id == c.since_version)
            .where(c.account_id == account)
            .order_by(c.since_version, c.id)
        )
        for row in connection.execute(past):
            empty = row.stock == 0 or row.core_sizes_gone
            book._see(ProductId(row.remote_id), row.price_micros, row.observed_at, empty=empty)
        return book

    def follow(self, products: Iterable[Product], at: datetime) -> None:
        """Notice what turned since the last look."""
        for product in products:
            price = None if product.price is None else product.price.micros
            self._see(product.id, price, at, empty=product.stock == 0 or product.core_sizes_gone)

    def _see(self, product: ProductId, price: int | None, at: datetime, *, empty: bool) -> None:
        """Compare with what stood: the price with that of the last turn, so that many small steps count together."""
        turn = self.turns.get(product, Turn())
        anchor = self._price.setdefault(product, price) if price is not None and price > 0 else None
        if anchor is not None and price is not None and abs(price / anchor - 1.0) >= PRICE_STEP:
            self._price[product] = price
            turn = replace(turn, repriced_at=at)
        if self._empty.get(product, empty) != empty:
            turn = replace(turn, sold_out_at=at) if empty else replace(turn, restocked_at=at)
        self._empty[product] = empty
        if turn != Turn():
            self.turns[product] = turn
