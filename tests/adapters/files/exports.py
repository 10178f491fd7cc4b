# ruff: noqa: E501  (rows of examples are read as rows)
"""Builders of exports as consoles write them, small and made by code: nothing here is copied from a real account."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path

import openpyxl

Row = Sequence[object]

BULK_HEADINGS: list[object] = [
    *[
        "Product",
        "Entity",
        "Operation",
        "Campaign ID",
        "Ad Group ID",
        "Portfolio ID",
        "Ad ID",
        "Keyword ID",
        "Product Targeting ID",
        "Campaign Name",
        "Ad Group Name",
        "Campaign Name (Informational only)",
        "Ad Group Name (Informational only)",
        "Portfolio Name (Informational only)",
        "Start Date",
        "End Date",
        "Targeting Type",
        "State",
        "Campaign State (Informational only)",
        "Ad Group State (Informational only)",
        "Daily Budget",
        "SKU",
        "ASIN (Informational only)",
        "Ad Group Default Bid",
        "Ad Group Default Bid (Informational only)",
        "Bid",
        "Keyword Text",
        "Match Type",
        "Bidding Strategy",
        "Placement",
        "Percentage",
        "Product Targeting Expression",
        "Impressions",
        "Clicks",
        "Click-through Rate",
        "Spend",
        "Sales",
        "Orders",
        "Units",
        "Conversion Rate",
        "ACOS",
        "CPC",
        "ROAS",
    ]
]

TARGETING_HEADINGS: list[object] = [
    *[
        "Date",
        "Portfolio name",
        "Currency",
        "Campaign Name",
        "Ad Group Name",
        "Targeting",
        "Match Type",
        "Impressions",
        "Top-of-search Impression Share",
        "Clicks",
        "Click-Thru Rate (CTR)",
        "Cost Per Click (CPC)",
        "Spend",
        "Total Advertising Cost of Sales (ACOS) ",
        "Total Return on Advertising Spend (ROAS)",
        "7 Day Total Sales ",
        "7 Day Total Orders (#)",
        "7 Day Total Units (#)",
        "7 Day Conversion Rate",
        "7 Day Advertised SKU Units (#)",
        "7 Day Other SKU Units (#)",
        "7 Day Advertised SKU Sales ",
        "7 Day Other SKU Sales ",
    ]
]

ALIMAMA_HEADINGS: list[object] = [
    *[
        "日期",
        "计划ID",
        "计划名称",
        "单元ID",
        "单元名称",
        "关键词",
        "匹配方式",
        "展现量",
        "点击量",
        "花费(元)",
        "点击率",
        "平均点击花费",
        "直接成交金额",
        "间接成交金额",
        "总成交金额",
        "总成交笔数",
        "总购物车数",
        "总收藏数",
        "投入产出比",
    ]
]

GOOGLE_KEYWORD_HEADINGS: list[object] = [
    *[
        "Day",
        "Keyword status",
        "Search keyword",
        "Match type",
        "Campaign",
        "Ad group",
        "Currency code",
        "Max. CPC",
        "Impr.",
        "Interactions",
        "Interaction rate",
        "Avg. cost",
        "Cost",
        "Clicks",
        "Conv. rate",
        "Conversions",
        "Avg. CPC",
        "Cost / conv.",
        "Conv. value",
    ]
]


def csv_bytes(
    rows: Sequence[Row], *, encoding: str = "utf-8", delimiter: str = ",", lines_above: Sequence[str] = ()
) -> bytes:
    """Return rows as CSV, below lines of prose."""
    out = io.StringIO()
    for line in lines_above:
        out.write(line + "\r\n")
    writer = csv.writer(out, delimiter=delimiter, lineterminator="\r\n")
    writer.writerows(["" if cell is None else cell for cell in row] for row in rows)
    return out.getvalue().encode(encoding)


def xlsx_bytes(sheets: Mapping[str, Sequence[Row]]) -> bytes:
    """Return a workbook of the given sheets."""
    book = openpyxl.Workbook()
    book.remove(book.worksheets[0])
    for title, rows in sheets.items():
        sheet = book.create_sheet(title)
        for row in rows:
            sheet.append(list(row))
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def bulk_row(**cells: object) -> list[object]:
    """Return a row of a bulk sheet; keywords name columns with underscores for spaces."""
    known = {
        heading.replace(" (Informational only)", "_info").replace(" ", "_").replace("-", "_"): i
        for i, heading in enumerate(map(str, BULK_HEADINGS))
    }
    row: list[object] = [None] * len(BULK_HEADINGS)
    row[0] = "Sponsored Products"
    for name, value in cells.items():
        row[known[name]] = value
    return row


def bulk_sheet(*, bid: object = 0.75, budget: object = 50, keyword_state: str = "enabled") -> bytes:
    """Return a download of one campaign with a keyword, a product target, an advertised product and a placement."""
    named = {
        "Campaign_ID": "281234567890123456",
        "Ad_Group_ID": "381234567890123456",
        "Campaign_Name_info": "Shoes - Exact",
        "Ad_Group_Name_info": "Running",
        "Campaign_State_info": "enabled",
        "Ad_Group_State_info": "enabled",
    }
    figures = {"Impressions": 1000, "Clicks": 40, "Spend": 30.1, "Sales": 120.5, "Orders": 4, "Units": 5}
    more = {"Impressions": 500, "Clicks": 10, "Spend": 7.45, "Sales": 0, "Orders": 0, "Units": 0}
    both = {"Impressions": 1500, "Clicks": 50, "Spend": 37.55, "Sales": 120.5, "Orders": 4, "Units": 5}
    campaign = {"Campaign_ID": named["Campaign_ID"], "Campaign_Name": "Shoes - Exact", "State": "enabled"}
    rows = [
        BULK_HEADINGS,
        bulk_row(Entity="Campaign", Daily_Budget=budget, Bidding_Strategy="Fixed bid", **campaign, **both),
        bulk_row(
            Entity="Bidding Adjustment",
            Campaign_ID=named["Campaign_ID"],
            Placement="Placement Top",
            Percentage=20,
            **both,
        ),
        bulk_row(
            Entity="Ad Group", State="enabled", Ad_Group_Default_Bid=0.6, Ad_Group_Name="Running", **named, **both
        ),
        bulk_row(Entity="Product Ad", State="enabled", SKU="SHOE-1", **named, **both),
        bulk_row(
            Entity="Keyword",
            Keyword_ID="481234567890123456",
            Keyword_Text="running shoes",
            Match_Type="Exact",
            State=keyword_state,
            Bid=bid,
            **named,
            **figures,
        ),
        bulk_row(
            Entity="Product Targeting",
            Product_Targeting_ID="581234567890123456",
            Product_Targeting_Expression='asin="B000000001"',
            State="enabled",
            Bid=None,
            **named,
            **more,
        ),
        bulk_row(
            Entity="Negative Keyword",
            Keyword_ID="681",
            Keyword_Text="free",
            Match_Type="Negative Exact",
            State="enabled",
            **named,
        ),
    ]
    return xlsx_bytes({"Portfolios": [["Portfolio ID", "Portfolio Name"]], "Sponsored Products Campaigns": rows})


def targeting_row(
    day: date, campaign: str, group: str, text: str, match: str, figures: Sequence[object], *, currency: str = "USD"
) -> list[object]:
    """Return a row of Amazon's targeting report; figures are impressions, clicks, spend, sales, orders, units."""
    impressions, clicks, spend, sales, orders, units = figures
    return [
        day, None, currency, campaign, group, text, match, impressions, "12.5%", clicks, None, None, spend, None, None,
        sales, orders, units, None, units, 0, sales, 0,
    ]  # fmt: skip


def alimama_row(day: str, campaign: str, group: str, word: str, figures: Sequence[object]) -> list[object]:
    """Return a row of Alimama's keyword report; figures are impressions, clicks, spend, revenue, orders, carts, favourites."""
    impressions, clicks, spend, revenue, orders, carts, favourites = figures
    return [
        day, f"8{abs(hash_of(campaign)) % 10**9:09d}", campaign, f"9{abs(hash_of(campaign + group)) % 10**9:09d}", group,
        word, "广泛匹配", impressions, clicks, spend, "3.00%", "1.00", revenue, "", revenue, orders, carts, favourites, "2.0",
    ]  # fmt: skip


def hash_of(text: str) -> int:
    """Return a number that is the same in every run."""
    return sum(ord(c) * 131**i for i, c in enumerate(text))


def save(folder: Path, name: str, data: bytes) -> Path:
    """Write a file into a folder of exports."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def total(rows: Sequence[Sequence[object]], column: int) -> Decimal:
    """Add up a column exactly, as an independent referee."""
    return sum((Decimal(str(row[column])) for row in rows if row[column] not in (None, "")), Decimal(0))
