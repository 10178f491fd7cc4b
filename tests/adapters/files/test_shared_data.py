# ruff: noqa: E501  (rows of examples are read as rows)
"""Files nobody here wrote: totals against an independent referee that uses nothing but csv and Decimal.

The files lie beside a developer's checkout; elsewhere these tests are skipped and say so.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from adapters.files.assembly import Import
from adapters.files.inspection import Found
from adapters.files.mapping import Role
from bidder.core.calendar import DayRange
from tests.adapters.files.shops import imported, sums

MICRO = Decimal("0.000001")


@pytest.fixture(scope="module")
def data() -> Path:
    """Return the folder of shared data, found by walking up from the project."""
    for parent in Path(__file__).resolve().parents:
        folder = parent.parent / "shared" / "data"
        if (folder / "KAG_conversion_data.csv").exists():
            return folder
    pytest.skip("../shared/data is not beside this checkout: totals of strangers' files are not compared")


def rows_of(path: Path) -> list[dict[str, str]]:
    """Read a file without any code of ours."""
    with path.open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def referee(
    path: Path, figures: Mapping[str, Callable[[Mapping[str, str]], Decimal]], *, once: bool = False
) -> dict[str, Decimal]:
    """Add up figures exactly, each row once where ``once`` is set."""
    rows = rows_of(path)
    if once:
        rows = [dict(items) for items in dict.fromkeys(tuple(row.items()) for row in rows)]
    return {name: sum((figure(row) for row in rows), Decimal(0)) for name, figure in figures.items()}


def column(name: str) -> Callable[[Mapping[str, str]], Decimal]:
    """Return a figure that is a cell."""
    return lambda row: Decimal(row[name])


def holds(found: Import) -> bool:
    """Tell whether every figure of the import is accounted for."""
    return (
        found.inspection.reconciliation is not None
        and found.inspection.reconciliation.holds
        and not found.inspection.refusals
    )


def test_kag_is_a_snapshot_whose_totals_hold(data: Path) -> None:
    """1,143 ads, each in one row: a snapshot; spend equals the file's to the micro, and revenue must be stated."""
    path = data / "KAG_conversion_data.csv"
    expected = referee(
        path,
        {
            "impressions": column("Impressions"),
            "clicks": column("Clicks"),
            "spend": column("Spent"),
            "orders": column("Approved_Conversion"),
        },
    )

    without, found = imported(path), imported(path, order_value="50")

    assert Found.TOTALS_ONLY is without.inspection.files[0].found
    got = sums(found)
    assert expected["spend"].quantize(MICRO) == got["spend"]
    assert {k: expected[k] for k in ("impressions", "clicks", "orders")} == {
        k: got[k] for k in ("impressions", "clicks", "orders")
    }
    assert 50 * expected["orders"] == got["revenue"]
    assert (3, 691, 1143) == (len(found.shop.campaigns), len(found.shop.ad_groups), len(found.shop.targets))
    assert any("totals of 2023-08-01 to 2023-08-31" in s for s in found.inspection.files[0].sentences)
    assert holds(found)


def test_the_masked_ad_table_derives_spend_and_books_refunds_back(data: Path) -> None:
    """Spend is clicks times their price, exactly; four negative revenues change no total and leave no negative day."""
    path = data / "datamasked_ad_table.csv"
    expected = referee(
        path,
        {"impressions": column("shown"), "clicks": column("clicked"), "orders": column("converted"), "revenue": column("total_revenue"),
         "spend": lambda row: Decimal(row["clicked"]) * Decimal(row["avg_cost_per_click"])},
    )  # fmt: skip

    found = imported(path)

    assert expected == sums(found)
    assert int(found.facts.revenue_micros.min()) >= 0
    assert any("4 days have negative revenue (320.86 in all)" in s for s in found.inspection.sentences)
    assert (1, 40, 40) == (len(found.shop.campaigns), len(found.shop.ad_groups), len(found.shop.targets))
    assert DayRange(first=date(2015, 10, 1), last=date(2015, 11, 22)) == found.facts.span()
    assert holds(found)


def test_marketing_february_is_unified_by_campaign_id(data: Path) -> None:
    """Eleven campaigns, whatever their spelling; every total to the cent."""
    path = data / "marketing_feb2021_11campaigns.csv"
    expected = referee(
        path,
        {"impressions": column("impressions"), "clicks": column("clicks"), "spend": column("campaign_cost"), "orders": column("orders"),
         "revenue": column("revenue")},
    )  # fmt: skip

    found = imported(path)

    assert expected == sums(found)
    assert {row["campaign_id"] for row in rows_of(path)} == {c.id for c in found.shop.campaigns}
    assert 28 == len(found.facts.span() or ())
    assert holds(found)


def test_online_advertising_needs_its_year_and_drops_five_repeats(data: Path) -> None:
    """Month and day ask for a year; five rows stand twice and are named with their spend."""
    path = data / "online_advertising_performance_data.csv"
    figures = {
        "impressions": column("displays"), "clicks": column("clicks"), "spend": column("cost"), "orders": column("post_click_conversions"),
        "revenue": column("revenue"),
    }  # fmt: skip
    whole, once = referee(path, figures), referee(path, figures, once=True)

    asked, found = imported(path), imported(path, year=2019)

    assert "year = 2026" in asked.inspection.refusals[0].remedy
    got = sums(found)
    assert {k: once[k] for k in ("clicks", "spend", "orders", "revenue")} == {
        k: got[k] for k in ("clicks", "spend", "orders", "revenue")
    }
    account = found.inspection.files[0].reconciliation
    assert account is not None
    check = account.check(Role.SPEND)
    assert check is not None
    assert (whole["spend"], once["spend"], whole["spend"] - once["spend"]) == (
        check.in_file,
        check.imported,
        check.excluded,
    )
    assert ["rows 15405, 15406, 15407, 15408, 15409"] == [
        e.reason[e.reason.index("rows 1") : -1] for e in account.exclusions
    ]
    assert got["impressions"] - once["impressions"] == 40
    assert DayRange(first=date(2019, 4, 1), last=date(2019, 6, 30)) == found.facts.span()
    assert holds(found)


def test_matched_markets_are_totalled_but_lack_clicks(data: Path) -> None:
    """A table of sales and cost by region is understood; what decisions need and it lacks is named."""
    path = data / "google_matched_markets_salesandcost.csv"
    expected = referee(path, {"spend": column("cost"), "revenue": column("sales")})

    (file,) = imported(path).inspection.files

    assert Found.TOTALS_ONLY is file.found
    assert "no clicks" in file.why
    assert file.reconciliation is not None
    assert expected == {str(c.metric): c.in_file for c in file.reconciliation.checks}


@pytest.mark.parametrize(
    "name", ["avito_bat_traffic_share.csv", "robyn_dt_simulated_weekly.csv", "pymc_marketing_mmm_example.csv"]
)
def test_demand_profiles_and_media_mix_tables_are_not_read_as_reports(data: Path, name: str) -> None:
    """A table that is no report is set aside with the reason, never half understood."""
    (file,) = imported(data / name).inspection.files

    assert Found.IGNORED is file.found
    assert "no report on advertising" in file.why
