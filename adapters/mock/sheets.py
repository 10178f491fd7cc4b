"""Report files of the mock venue: pages of columns, packed with gzip; written by the server, read by the client.

Reading puts the pages together again: a row that came twice counts once, two different rows for the same thing are
an error, and a page that is missing is never taken for an empty one.
"""

from __future__ import annotations

import gzip
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

import numpy as np

from adapters.mock.reports import ReportSpec
from adapters.mock.wire import Payload
from bidder.core.performance import (
    COLUMNS,
    MISSING,
    PRODUCT_COLUMNS,
    Level,
    PerformanceReport,
    PerformanceTable,
    ProductSalesTable,
    micros_since_epoch,
)
from bidder.errors import ContractBroken
from bidder.http import Json, Node, encode_json, gunzip, parse_json

ROWS_A_PAGE = 5_000
_LARGEST = 64 << 20
_LISTED = tuple(name for name in COLUMNS if name != "observed_at")
_SOLD = tuple(name for name in PRODUCT_COLUMNS if name not in ("observed_at", "in_stock_hours"))
_MAY_BE_MISSING = {"hour", "units", "carts", "favourites", "visitors"}


def write_pages(report: PerformanceReport, *, account: str, known_until: datetime) -> list[Payload]:
    """Return the pages of a report, at least one; sales of products stand on the first."""
    facts, pages = report.facts, max(1, -(-len(report.facts) // ROWS_A_PAGE))
    written: list[Payload] = []
    for number in range(pages):
        rows = slice(number * ROWS_A_PAGE, (number + 1) * ROWS_A_PAGE)
        page: Payload = {
            "account": account,
            "currency": facts.currency,
            "level": facts.level.value,
            "grain": facts.grain.value,
            "window_days": facts.window_days,
            "from": report.days.first.isoformat(),
            "to": report.days.last.isoformat(),
            "page": number,
            "pages": pages,
            "known_until": known_until.isoformat(),
            "total_spend_micros": report.account_spend_micros,
            "ids": list(facts.entity_ids),
            "rows": {name: getattr(facts, name)[rows].tolist() for name in _LISTED},
        }
        if number == 0 and report.products is not None:
            page["products"] = _products_out(report.products)
        written.append(page)
    return written


def pack(page: Payload) -> bytes:
    """Return a page as a file."""
    return gzip.compress(encode_json(page), compresslevel=1, mtime=0)


def unpack_page(body: bytes, *, place: str) -> Node:
    """Read a page from a file; raises `ContractBroken` where it is cut or no JSON."""
    return parse_json(gunzip(body, limit=_LARGEST, place=place), place=place)


def read_pages(
    pages: Sequence[Node], spec: ReportSpec, *, account: str, currency: str, observed_at: datetime
) -> PerformanceReport:
    """Put the pages of a report together.

    Args:
        pages: All of them, in any order.
        spec: What was asked for.
        account: Whom the report must be about.
        currency: What it must be in.
        observed_at: Stamped on every row.

    Raises:
        ContractBroken: A page is missing, is about something else, or contradicts another one.
    """
    for page in pages:
        _check(page, spec, account, currency)
    numbers = sorted(page.at("page").integer() for page in pages)
    first = pages[0]
    count = first.at("pages").integer(least=1)
    if sorted(set(numbers)) != list(range(count)):
        raise ContractBroken(f"expected pages 0 to {count - 1}, was {numbers}", field=first.path)
    seen = micros_since_epoch(observed_at)
    total = first.find("total_spend_micros")
    sales = next((found for page in pages if (found := page.find("products")) is not None), None)
    return PerformanceReport(
        facts=_joined([_facts_in(page, spec, currency, seen) for page in pages], first.path),
        products=None if sales is None else _products_in(sales, currency, seen),
        days=spec.days,
        account_spend_micros=None if total is None else total.integer(),
        observed_at=observed_at,
    )


def _check(page: Node, spec: ReportSpec, account: str, currency: str) -> None:
    expected: dict[str, Json] = {
        "account": account,
        "currency": currency,
        "grain": spec.grain.value,
        "window_days": spec.window_days,
        "from": spec.days.first.isoformat(),
        "to": spec.days.last.isoformat(),
    }
    for name, value in expected.items():
        if page.at(name).value != value:
            raise ContractBroken(f"expected {value!r}, was {page.at(name).value!r}", field=f"{page.path}.{name}")


def _facts_in(page: Node, spec: ReportSpec, currency: str, seen: int) -> PerformanceTable:
    rows = page.at("rows")
    columns: dict[str, Any] = {
        name: np.array(rows.at(name).integers(least=MISSING if name in _MAY_BE_MISSING else 0), dtype=np.int64)
        for name in _LISTED
    }
    length = len(columns["entity"])
    ids = tuple(item.text() for item in page.at("ids").items())
    level = page.at("level").text()
    if level not in set(Level):
        raise ContractBroken(f"expected a level, was {level!r}", field=f"{page.path}.level")
    try:
        return PerformanceTable(
            level=Level(level),
            grain=spec.grain,
            window_days=spec.window_days,
            currency=currency,
            entity_ids=ids,
            **columns,
            observed_at=np.full(length, seen, dtype=np.int64),
        )
    except ValueError as exc:
        raise ContractBroken(str(exc), field=rows.path) from None


def _joined(tables: Sequence[PerformanceTable], place: str) -> PerformanceTable:
    """Return all rows once; the ids of all pages must be the same list."""
    first = tables[0]
    if any(table.entity_ids != first.entity_ids for table in tables):
        raise ContractBroken("expected the same ids on every page", field=place)
    columns: dict[str, Any] = {name: np.concatenate([getattr(table, name) for table in tables]) for name in COLUMNS}
    whole = replace(first, **columns)
    # One number for each row; a day has its place left of 25 hours, an entity left of a century of days.
    key = (whole.entity.astype(np.int64) * 100_000 + whole.day) * 32 + whole.hour + 1
    _, kept, back = np.unique(key, return_index=True, return_inverse=True)
    if len(kept) == len(key):
        return whole
    once = whole.take(np.sort(kept))
    for name in COLUMNS:
        column = getattr(whole, name)
        if (column[kept][back] != column).any():
            raise ContractBroken(f"expected one {name} for each row, was two different ones", field=place)
    return once


def _products_out(sales: ProductSalesTable) -> Payload:
    hours = [None if np.isnan(value) else float(value) for value in sales.in_stock_hours]
    columns: Payload = {name: getattr(sales, name).tolist() for name in _SOLD}
    return {"ids": list(sales.product_ids), "rows": {**columns, "in_stock_hours": hours}}


def _products_in(node: Node, currency: str, seen: int) -> ProductSalesTable:
    rows = node.at("rows")
    columns: dict[str, Any] = {
        name: np.array(rows.at(name).integers(least=MISSING if name in _MAY_BE_MISSING | {"carts"} else 0))
        for name in _SOLD
    }
    hours = [np.nan if item.value is None else item.number() for item in rows.at("in_stock_hours").items()]
    try:
        return ProductSalesTable(
            currency=currency,
            product_ids=tuple(item.text() for item in node.at("ids").items()),
            **columns,
            in_stock_hours=np.array(hours, dtype=np.float64),
            observed_at=np.full(len(hours), seen, dtype=np.int64),
        )
    except ValueError as exc:
        raise ContractBroken(str(exc), field=rows.path) from None
