# ruff: noqa: E501  (rows of examples are read as rows)
"""The side files a person keeps: products with their economics, protected words."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from adapters.files.inspection import Found
from bidder.core.entities import Product, ProductId
from bidder.core.money import Money
from tests.adapters.files.exports import bulk_sheet, csv_bytes, save
from tests.adapters.files.shops import imported, report

HEADINGS = [
    "SKU",
    "Title",
    "Category",
    "Price",
    "Unit cost",
    "Margin",
    "Refund rate",
    "Return cost",
    "Stock",
    "Launch date",
    "Lead time (days)",
    "Campaigns",
]
REPORT = [["Date", "Campaign", "Clicks", "Cost", "Orders", "Revenue"], ["2026-10-01", "Shoes", "5", "2.50", "1", "20"]]


def test_economics_are_read_in_every_notation(tmp_path: Path) -> None:
    """Currency signs, thousands, percent and shares are all understood."""
    rows = [
        HEADINGS,
        ["A", "Shoe", "apparel", "$49.90", "18.00", "45%", "0.08", "3", "1,200", "2026-01-15", "21", "Shoes; Coats"],
        ["B", "", "", "", "", "", "", "", "", "", "", ""],
    ]
    save(tmp_path, "products.csv", csv_bytes(rows))
    save(tmp_path, "report.csv", csv_bytes(REPORT))

    found = imported(tmp_path, currency="USD")

    assert () == found.inspection.refusals
    shoe, bare = found.shop.products
    assert Product(
        id=ProductId("A"), title="Shoe", category="apparel", price=Money.of("49.90", "USD"), unit_cost=Money.of(18, "USD"),
        margin=0.45, refund_rate=0.08, return_cost=Money.of(3, "USD"), stock=1200, launch_date=date(2026, 1, 15), lead_time_days=21,
    ) == shoe  # fmt: skip
    assert (None, None, None, None) == (bare.price, bare.margin, bare.refund_rate, bare.stock)
    assert "A" == found.shop.targets[0].product_id
    assert Found.SIDE_FILE is report(found, "products.csv").found


def test_percentages_without_a_sign_are_told_by_their_size(tmp_path: Path) -> None:
    """A margin of 45 can only mean percent; the assumption is said."""
    save(
        tmp_path,
        "products.csv",
        csv_bytes(
            [
                ["货号", "售价", "毛利率", "退款率", "库存"],
                ["A", "99", "45", "55%", "10"],
                ["B", "99", "38.5", "8%", "0"],
            ],
            encoding="gbk",
        ),
    )
    save(tmp_path, "report.csv", csv_bytes(REPORT))

    found = imported(tmp_path)

    assert [(0.45, 0.55), (0.385, 0.08)] == [(p.margin, p.refund_rate) for p in found.shop.products]
    assert any("毛利率 is read as percent" in s for s in found.inspection.sentences)


@pytest.mark.parametrize(
    ("column", "cell", "problem"),
    [("Price", "-1", "negative"), ("Refund rate", "130%", "no share"), ("Stock", "many", "no number"), ("Launch date", "soon", "no day"),
     ("SKU", "A", "stands already in row 2"), ("SKU", "1.2E+15", "digits are lost")],
)  # fmt: skip
def test_faults_in_the_product_file_are_named(tmp_path: Path, column: str, cell: str, problem: str) -> None:
    """Row, column and cell, as in a report."""
    good = ["A", "Shoe", "apparel", "49.90", "18.00", "45%", "8%", "3", "12", "2026-01-15", "21", ""]
    bad = [cell if h == column else ("B" if h == "SKU" else value) for h, value in zip(HEADINGS, good, strict=True)]
    save(tmp_path, "products.csv", csv_bytes([HEADINGS, good, bad]))

    (refusal,) = imported(tmp_path).inspection.refusals

    assert (3, column, cell) == (refusal.row, refusal.column, refusal.cell)
    assert problem in refusal.problem


def test_a_second_product_file_is_refused(tmp_path: Path) -> None:
    """Two prices for one product leave the question which holds."""
    for name in ("a.csv", "b.csv"):
        save(tmp_path, name, csv_bytes([["SKU", "Price"], [name, "1"]]))

    assert "second file of products" in imported(tmp_path).inspection.refusals[0].problem


def test_the_bulk_sheet_says_which_product_an_ad_group_advertises(tmp_path: Path) -> None:
    """One advertised SKU in an ad group is the product of all its targets."""
    save(tmp_path, "bulk.xlsx", bulk_sheet())
    save(tmp_path, "products.csv", csv_bytes([["SKU", "Price", "Margin"], ["SHOE-1", "30", "40%"]]))

    found = imported(tmp_path)

    assert {"SHOE-1"} == {t.product_id for t in found.shop.targets}
    assert 0.4 == found.shop.products[0].margin


def test_protected_words_are_one_a_line(tmp_path: Path) -> None:
    """Notes and repeats are passed over, in UTF-8 and GBK."""
    save(tmp_path, "protected.txt", "# ours\n品牌词\nacme\nacme\n\n".encode("gbk"))
    save(tmp_path, "report.csv", csv_bytes(REPORT))

    assert ("品牌词", "acme") == imported(tmp_path).protected_words


def test_protected_products_are_marked_in_the_file(tmp_path: Path) -> None:
    """A yes protects, a no does not, anything else is asked about."""
    save(
        tmp_path,
        "p.csv",
        csv_bytes([["SKU", "Price", "Protected"], ["A", "1", "yes"], ["B", "1", ""], ["C", "1", "maybe"]]),
    )

    found = imported(tmp_path)

    assert ("A",) == found.protected_products
    assert "neither yes nor no" in found.inspection.refusals[0].problem
