# ruff: noqa: E501  (rows of examples are read as rows)
"""Each console's own reports, read to the cent."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path

from adapters.files.formats import Format
from adapters.files.inspection import Found
from adapters.files.mapping import Role
from bidder.core.calendar import DayRange
from bidder.core.change import Field
from bidder.core.entities import EntityKind, EntityRef, MatchType, State, TargetKind
from bidder.core.money import Money
from tests.adapters.files.exports import (
    ALIMAMA_HEADINGS,
    GOOGLE_KEYWORD_HEADINGS,
    TARGETING_HEADINGS,
    alimama_row,
    bulk_sheet,
    csv_bytes,
    save,
    targeting_row,
    total,
    xlsx_bytes,
)
from tests.adapters.files.shops import imported, report, stated, sums

CORE = (Role.IMPRESSIONS, Role.CLICKS, Role.SPEND, Role.ORDERS, Role.REVENUE)


def test_amazons_bulk_sheet_gives_structure_bids_and_a_period(tmp_path: Path) -> None:
    """Ids, bids, budgets and states are read; figures come from targets only, campaigns serve as the control sum."""
    save(tmp_path, "bulk-a1b2-20261001-20261030-1790000000.xlsx", bulk_sheet())

    found = imported(tmp_path)

    name = "bulk-a1b2-20261001-20261030-1790000000.xlsx!Sponsored Products Campaigns"
    assert Format.AMAZON_BULK is report(found, name).format
    assert [True] * 5 == stated(found, name, CORE)
    assert {
        "impressions": 1500,
        "clicks": 50,
        "spend": Decimal("37.55"),
        "orders": 4,
        "revenue": Decimal("120.5"),
    } == sums(found)
    assert DayRange(first=date(2026, 10, 1), last=date(2026, 10, 30)) == report(found, name).span
    (campaign,) = found.shop.campaigns
    assert ("281234567890123456", "Shoes - Exact", Money.of(50, "XXX")) == (
        campaign.id,
        campaign.name,
        campaign.daily_budget,
    )
    (group,) = found.shop.ad_groups
    assert Money.of("0.6", "XXX") == group.default_bid
    keyword, product = found.shop.targets
    assert ("481234567890123456", TargetKind.KEYWORD, MatchType.EXACT, Money.of("0.75", "XXX")) == (
        keyword.id, keyword.kind, keyword.match_type, keyword.bid
    )  # fmt: skip
    assert (TargetKind.PRODUCT, None, "SHOE-1") == (product.kind, product.bid, product.product_id)


def test_an_id_that_lost_its_digits_is_refused(tmp_path: Path) -> None:
    """An id in powers of ten names another campaign, or none."""
    rows = [
        ["Date", "Campaign ID", "Campaign", "Clicks", "Cost", "Orders", "Sales"],
        ["2026-10-01", "2.81235E+17", "A", "1", "2.00", "0", "0"],
    ]
    save(tmp_path, "report.csv", csv_bytes(rows))

    (refusal,) = imported(tmp_path).inspection.refusals

    assert (2, "Campaign ID", "2.81235E+17") == (refusal.row, refusal.column, refusal.cell)


def test_amazons_targeting_report_joins_the_bulk_sheet_by_name(tmp_path: Path) -> None:
    """Reports give names, the bulk sheet gives ids: both speak of the same keyword."""
    rows = [
        TARGETING_HEADINGS,
        targeting_row(
            date(2026, 11, 1), "Shoes - Exact", "Running", "running shoes", "EXACT", [100, 5, 3.25, 20, 1, 1]
        ),
        targeting_row(
            date(2026, 11, 2), "Shoes - Exact", "Running", "running shoes", "EXACT", [110, 6, 4.1, None, None, None]
        ),
        targeting_row(date(2026, 11, 2), "Shoes - Exact", "Running", 'asin="B000000001"', "-", [50, 1, 0.5, 0, 0, 0]),
    ]
    save(tmp_path, "bulk-1-20261001-20261030-1.xlsx", bulk_sheet())
    save(tmp_path, "Sponsored Products Targeting report.xlsx", xlsx_bytes({"Report": rows}))

    found = imported(tmp_path)

    assert (2, 1, 1) == (len(found.shop.targets), len(found.shop.ad_groups), len(found.shop.campaigns))
    assert Decimal("37.55") + total(rows[1:], 12) == sums(found)["spend"]
    assert ("USD", 7) == (found.currency, found.window_days)
    said = report(found, "Sponsored Products Targeting report.xlsx").sentences
    assert any("empty cell of orders" in sentence for sentence in said)


def test_vendors_reports_count_fourteen_days(tmp_path: Path) -> None:
    """The window written into the headings is the window of the account."""
    headings: list[object] = [str(h).replace("7 Day", "14 Day") for h in TARGETING_HEADINGS]
    rows = [headings, targeting_row(date(2026, 11, 1), "A", "G", "k", "BROAD", [100, 5, 3.25, 20, 1, 1])]
    save(tmp_path, "report.xlsx", xlsx_bytes({"Report": rows}))

    assert 14 == imported(tmp_path).window_days


def test_amazons_new_console_is_read(tmp_path: Path) -> None:
    """Wrapped ids, a column of date ranges, total cost and purchases."""
    rows = [
        ["Budget currency", "Date range", "Advertiser account ID", "Advertiser account name", "Campaign ID", "Campaign name", "Ad group ID",
         "Ad group name", "Search term", "Impressions", "Clicks", "CTR", "Total cost", "Purchases", "Sales", "Units sold", "ROAS",
         "Purchases (promoted)", "Sales (promoted)", "Sales (halo)"],
        ["EUR", "Oct 1, 2026 - Oct 7, 2026", '="4471029384756102"', "North", '="281234567890123456"', "C", '="99"', "G", "red shoes", "70", "7",
         "10%", "3.50", "1", "20.00", "1", "5.7", "1", "20.00", "0"],
    ]  # fmt: skip
    save(tmp_path, "Search term report.csv", csv_bytes(rows))

    found = imported(tmp_path, account_id="4471029384756102")

    assert () == found.inspection.refusals
    assert "EUR" == found.currency
    assert "281234567890123456" == found.shop.campaigns[0].id
    assert {"spend": Decimal("3.5"), "revenue": Decimal(20)} == {
        k: v for k, v in sums(found).items() if k in ("spend", "revenue")
    }
    assert 7 == len(found.facts.within(DayRange(first=date(2026, 10, 1), last=date(2026, 10, 7))))


GOOGLE_ROWS: list[list[object]] = [
    GOOGLE_KEYWORD_HEADINGS,
    ["2026-09-01", "Enabled", "[running shoes]", "Exact match", "Brand", "Core", "USD", "1.50", "1,200", "40", "3.33%", "0.50", "20.00", "40",
     "5%", "2.00", "0.50", "10", "150.00"],
    ["2026-09-01", "Paused", '"trail shoes"', "Phrase match", "Generic", "Core", "USD", "auto: 1.2", "45,000", " --", " --", " --", "1,230.50",
     "1,100", "0.3%", "3.33", " --", "0", "1,000.10"],
    ["2026-09-02", "Enabled", "[running shoes]", "Exact match", "Brand", "Core", "USD", "1.50", "1,000", "40", "3.33%", "0.50", "21.00", "40",
     "5%", "1.50", "0.50", "10", "0.00"],
    ["Total: Account", "", "", "", "", "", "USD", "", "47,200", "", "", "", "1,271.50", "1,180", "", "6.83", "", "", "1,150.10"],
    ["Total: Search", "", "", "", "", "", "USD", "", "47,200", "", "", "", "1,271.50", "1,180", "", "6.83", "", "", "1,150.10"],
]  # fmt: skip


def test_googles_keyword_report_agrees_with_its_totals_row(tmp_path: Path) -> None:
    """Title lines, UTF-16 with tabs, keyword brackets, fractional conversions and total rows are all understood."""
    above = ["Search keyword report", "September 1, 2026 - September 2, 2026"]
    save(tmp_path, "kw.csv", csv_bytes(GOOGLE_ROWS, encoding="utf-16", delimiter="\t", lines_above=above))

    found = imported(tmp_path)

    assert () == found.inspection.refusals
    assert Format.GOOGLE_ADS is report(found, "kw.csv").format
    assert [True] * 5 == stated(found, "kw.csv", CORE)
    assert {
        "impressions": 47200,
        "clicks": 1180,
        "spend": Decimal("1271.5"),
        "orders": 7,
        "revenue": Decimal("1150.1"),
    } == sums(found)
    brand, generic = found.shop.targets
    assert ("running shoes", MatchType.EXACT, Money.of("1.5", "USD"), State.ENABLED) == (
        brand.text,
        brand.match_type,
        brand.bid,
        brand.state,
    )
    assert ("trail shoes", MatchType.PHRASE, None, State.PAUSED) == (
        generic.text,
        generic.match_type,
        generic.bid,
        generic.state,
    )


def test_googles_campaign_report_has_one_target_a_campaign(tmp_path: Path) -> None:
    """A report that goes no further than campaigns is used as it is, and each target says what it stands for."""
    rows = [
        [
            "Campaign status",
            "Campaign",
            "Budget",
            "Budget type",
            "Currency code",
            "Impr.",
            "Clicks",
            "Cost",
            "Conversions",
            "Conv. value",
        ],
        ["Enabled", "Brand", "25.00", "Daily", "EUR", "5.354", "864", "1.316,14", "30,00", "9.900,50"],
        ["Paused", "Old", "10.00", "Daily", "EUR", "0", "0", "0,00", "0,00", "0,00"],
        ["Total: Account", " --", " --", " --", "EUR", "5.354", "864", "1.316,14", "30,00", "9.900,50"],
    ]
    save(
        tmp_path,
        "c.csv",
        csv_bytes(rows, delimiter=";", lines_above=["Campaign report", "1. Oktober 2026 - 31. Oktober 2026"]),
    )

    found = imported(tmp_path)

    assert Decimal("1316.14") == sums(found)["spend"]
    assert DayRange(first=date(2026, 10, 1), last=date(2026, 10, 31)) == report(found, "c.csv").span
    assert [State.ENABLED, State.PAUSED] == [c.state for c in found.shop.campaigns]
    assert {t.kind for t in found.shop.targets} == {TargetKind.CAMPAIGN}
    assert EntityRef(EntityKind.CAMPAIGN, "Brand") == found.shop.stands_for[found.shop.targets[0].id]


def test_zhitongche_in_gbk_agrees_with_its_totals_row(tmp_path: Path) -> None:
    """Chinese headings, yuan, carts and favourites, empty cells for none, and 合计 below."""
    rows: list[list[object]] = [
        ALIMAMA_HEADINGS,
        alimama_row("2026-08-01", "女装主推", "连衣裙", "连衣裙 夏", ["1,234", "56", "45.67", "300.00", "2", "7", "3"]),
        alimama_row("2026-08-02", "女装主推", "连衣裙", "连衣裙 夏", ["1,000", "30", "25.60", "", "", "", ""]),
        ["合计", *[""] * 6, "2,234", "86", "71.27", "", "", "300.00", "", "300.00", "2", "7", "3", ""],
    ]
    save(tmp_path, "关键词报表_20260803_101010.csv", csv_bytes(rows, encoding="gbk"))

    found = imported(tmp_path)

    assert ("CNY", 15) == (found.currency, found.window_days)
    assert [True] * 7 == stated(found, "关键词报表_20260803_101010.csv", (*CORE, Role.CARTS, Role.FAVOURITES))
    assert {"impressions": 2234, "clicks": 86, "spend": Decimal("71.27"), "orders": 2, "revenue": Decimal(300)} == sums(
        found
    )
    assert [7, 0] == found.facts.carts.tolist()
    assert ("女装主推", "连衣裙 夏") == (found.shop.campaigns[0].name, found.shop.targets[0].text)


def test_wanxiangtai_campaign_export_is_read(tmp_path: Path) -> None:
    """Scenes split rows of one campaign; direct and indirect sales stand beside their total."""
    headings = [
        "日期",
        "场景ID",
        "场景名字",
        "计划ID",
        "计划名字",
        "展现量",
        "点击量",
        "花费",
        "直接成交金额",
        "间接成交金额",
        "总成交金额",
        "总成交笔数",
    ]
    rows = [
        headings,
        ["2026-08-10", "371", "关键词推广", "82520659557", "测试计划", "235", "18", "81.91", "120", "80", "200", "2"],
    ]
    save(tmp_path, "计划报表_20260811_173656.csv", csv_bytes(rows, encoding="utf-8-sig"))

    found = imported(tmp_path)

    assert {"impressions": 235, "clicks": 18, "spend": Decimal("81.91"), "orders": 2, "revenue": 200} == sums(found)
    assert "82520659557" == found.shop.campaigns[0].id


def test_periods_in_a_column_of_days_are_spread_over_their_days(tmp_path: Path) -> None:
    """A weekly export is a total of seven days, and every figure keeps its sum."""
    headings = ["日期", "计划ID", "计划名字", "词名字/词包名字", "展现量", "点击量", "花费", "总成交金额", "总成交笔数"]
    rows = [headings, ["20260803至20260809", "1", "A", "鞋", "700", "70", "35.03", "100.01", "3"]]
    save(tmp_path, "关键词报表.csv", csv_bytes(rows, encoding="gbk"))

    found = imported(tmp_path)

    assert {
        "impressions": 700,
        "clicks": 70,
        "spend": Decimal("35.03"),
        "orders": 3,
        "revenue": Decimal("100.01"),
    } == sums(found)
    assert 7 == len(found.facts)
    assert not report(found, "关键词报表.csv").daily


def test_api_shaped_tables_with_micros_are_read(tmp_path: Path) -> None:
    """Dotted names and micros, as query tools save them."""
    rows = [
        ["segments.date", "campaign.id", "campaign.name", "metrics.cost_micros", "metrics.clicks", "metrics.impressions",
         "metrics.conversions", "metrics.conversions_value"],
        ["2026-10-01", "1", "C", "2500001", "5", "100", "1.0", "20.5"],
    ]  # fmt: skip
    save(tmp_path, "q.csv", csv_bytes(rows))

    assert Decimal("2.500001") == sums(imported(tmp_path, currency="USD"))["spend"]


def test_metas_report_leaves_cells_empty_for_none(tmp_path: Path) -> None:
    """A console known to leave cells empty is read so, and the number of such cells is said."""
    rows = [
        ["Reporting starts", "Reporting ends", "Campaign name", "Ad set name", "Amount spent (USD)", "Impressions", "Link clicks",
         "Purchases", "Purchases conversion value"],
        ["2026-10-01", "2026-10-01", "A", "x", "12.30", "1000", "30", "2", "80.00"],
        ["2026-10-02", "2026-10-02", "A", "x", "10.30", "900", "20", "", ""],
    ]  # fmt: skip
    save(tmp_path, "meta.csv", csv_bytes(rows))

    found = imported(tmp_path)

    assert ("USD", Decimal("22.6"), Decimal(80)) == (found.currency, sums(found)["spend"], sums(found)["revenue"])
    assert any("1 empty cell of orders" in s for s in report(found, "meta.csv").sentences)


def test_spend_follows_from_clicks_and_their_price_where_it_is_absent(tmp_path: Path) -> None:
    """A derived figure is exact, and is said to be derived."""
    rows = [
        ["Date", "Campaign", "Clicks", "Avg. CPC", "Orders", "Revenue"],
        ["2026-10-01", "A", "2339", "0.90", "1", "5"],
        ["2026-10-02", "A", "0", "", "0", "0"],
    ]
    save(tmp_path, "r.csv", csv_bytes(rows))

    found = imported(tmp_path)

    assert Decimal("2105.1") == sums(found)["spend"]
    assert any("no column of spend" in s for s in report(found, "r.csv").sentences)


def test_settings_beside_the_figures_are_known_the_rest_is_not(tmp_path: Path) -> None:
    """Only what a file states counts as known: nothing else is judged as carried out or not."""
    save(
        tmp_path,
        "kw.csv",
        csv_bytes(GOOGLE_ROWS, lines_above=["Search keyword report", "September 1, 2026 - September 2, 2026"]),
    )

    shop = imported(tmp_path).shop

    first = EntityRef(EntityKind.TARGET, shop.targets[0].id)
    assert {(first, Field.BID), (first, Field.STATE)} <= shop.known
    assert not any(field is Field.DAILY_BUDGET for _, field in shop.known)


def test_other_sheets_of_a_workbook_are_passed_over_by_name(tmp_path: Path) -> None:
    """Portfolios and notes in the same workbook are listed, not read as data."""
    save(tmp_path, "bulk.xlsx", bulk_sheet())

    assert Found.IGNORED is report(imported(tmp_path), "bulk.xlsx!Portfolios").found
