# ruff: noqa: E501  (rows of examples are read as rows)
"""Money is counted once, though several files or rows tell of it, and every row left out is accounted for."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path

from adapters.files.assembly import Import
from adapters.files.inspection import Found
from adapters.files.mapping import Role
from tests.adapters.files.exports import TARGETING_HEADINGS, csv_bytes, save, targeting_row, xlsx_bytes
from tests.adapters.files.shops import imported, report, sums

HEADINGS = ["Date", "Campaign", "Ad group", "Impressions", "Clicks", "Cost", "Orders", "Revenue"]


def row(day: int, campaign: str, cost: str, group: str = "G") -> list[str]:
    """Return a row of a table of ad groups."""
    return [f"2026-10-{day:02d}", campaign, group, "100", "10", cost, "1", "20"]


def spend_check(found: Import, name: str) -> tuple[Decimal, Decimal, Decimal, Decimal]:
    """Return spend in the file, imported, left out and unexplained."""
    account = report(found, name).reconciliation
    assert account is not None
    check = account.check(Role.SPEND)
    assert check is not None
    return check.in_file, check.imported, check.excluded, check.unexplained


def said(found: Import, words: str) -> bool:
    """Tell whether some sentence or account holds the words."""
    accounts = [f.reconciliation for f in found.inspection.files if f.reconciliation]
    lines = [*found.inspection.sentences, *(line for a in accounts for line in a.sentences())]
    lines += [line for f in found.inspection.files for line in f.sentences]
    return any(words in line for line in lines)


def write(folder: Path, name: str, rows: Sequence[Sequence[object]]) -> None:
    """Save a table of ad groups."""
    save(folder, name, csv_bytes([HEADINGS, *rows]))


def test_exact_repeats_are_dropped_and_their_money_is_named(tmp_path: Path) -> None:
    """A row that stands twice is counted once."""
    write(tmp_path, "r.csv", [row(1, "A", "2.50"), row(1, "A", "2.50"), row(2, "A", "3.00")])

    found = imported(tmp_path)

    assert Decimal("5.5") == sums(found)["spend"]
    assert (Decimal("8.00"), Decimal("5.50"), Decimal("2.50"), Decimal(0)) == spend_check(found, "r.csv")
    assert said(found, "exact repeats of earlier rows (rows 3)")


def test_repeats_that_the_totals_row_counts_are_kept(tmp_path: Path) -> None:
    """Where the file's own total includes both rows, they are two things that happen to look alike."""
    write(
        tmp_path, "r.csv", [row(1, "A", "2.50"), row(1, "A", "2.50"), ["Total", "", "", "200", "20", "5.00", "2", "40"]]
    )

    found = imported(tmp_path)

    assert Decimal(5) == sums(found)["spend"]
    assert said(found, "the file's totals row counts them: kept")


def test_rows_that_contradict_each_other_are_refused(tmp_path: Path) -> None:
    """Two figures for one ad group and day, and nothing that tells the rows apart: one of them is out of date."""
    write(tmp_path, "r.csv", [row(1, "A", "2.50"), row(1, "A", "2.70")])

    (refusal,) = imported(tmp_path).inspection.refusals

    assert 3 == refusal.row
    assert "same entity and day as row 2" in refusal.problem


def test_rows_split_by_a_device_are_added_up(tmp_path: Path) -> None:
    """A column that splits rows makes them parts of one figure."""
    rows = [[*HEADINGS, "Device"], [*row(1, "A", "2.50"), "Mobile"], [*row(1, "A", "2.70"), "Desktop"]]
    save(tmp_path, "r.csv", csv_bytes(rows))

    found = imported(tmp_path)

    assert (1, Decimal("5.2")) == (len(found.facts), sums(found)["spend"])
    assert said(found, "rows split by Device are added up")


def test_the_same_download_twice_is_counted_once(tmp_path: Path) -> None:
    """A copy of a file is a copy, whatever its name."""
    for name in ("r.csv", "r (1).csv"):
        write(tmp_path, name, [row(1, "A", "2.50")])

    found = imported(tmp_path)

    assert Decimal("2.5") == sums(found)["spend"]
    assert Found.IGNORED is report(found, "r.csv").found


def test_the_newer_of_two_overlapping_files_wins(tmp_path: Path) -> None:
    """Restated days are taken from the file that reaches further; days only in the older one stay."""
    write(tmp_path, "october-first.csv", [row(1, "A", "2.50"), row(2, "A", "3.00"), row(3, "A", "1.00")])
    write(tmp_path, "later.csv", [row(3, "A", "1.25"), row(4, "A", "4.00")])

    found = imported(tmp_path)

    assert Decimal("10.75") == sums(found)["spend"]
    assert (Decimal("6.50"), Decimal("5.50"), Decimal("1.00"), Decimal(0)) == spend_check(found, "october-first.csv")
    assert said(found, "spend 1.00 became 1.25")
    assert found.inspection.reconciliation is not None
    assert found.inspection.reconciliation.holds


def test_a_keyword_report_beside_its_campaign_report_is_counted_once(tmp_path: Path) -> None:
    """The finer division is used, the coarser one checks it, and the difference is named."""
    targeting = [
        TARGETING_HEADINGS,
        targeting_row(date(2026, 10, 1), "A", "G", "k1", "EXACT", [100, 5, 3, 20, 1, 1]),
        targeting_row(date(2026, 10, 1), "A", "G", "k2", "EXACT", [100, 5, 2, 20, 1, 1]),
    ]
    campaigns: list[list[object]] = [
        [
            "Date",
            "Portfolio name",
            "Currency",
            "Campaign Name",
            "Impressions",
            "Clicks",
            "Spend",
            "7 Day Total Sales ",
            "7 Day Total Orders (#)",
        ],
        ["2026-10-01", "", "USD", "A", 200, 10, 5.50, 40, 2],
        ["2026-10-01", "", "USD", "B", 20, 1, 0.75, 0, 0],
        ["2026-09-30", "", "USD", "A", 200, 10, 6, 40, 2],
    ]
    save(tmp_path, "targeting.xlsx", xlsx_bytes({"R": targeting}))
    save(tmp_path, "campaign.csv", csv_bytes(campaigns))

    found = imported(tmp_path)

    assert Decimal("11.75") == sums(found)["spend"]
    assert (Decimal("12.25"), Decimal("6.75"), Decimal("5.5"), Decimal(0)) == tuple(
        d for d in spend_check(found, "campaign.csv")
    )
    assert said(found, "campaign.csv states 0.5 more spend than targeting.xlsx") or said(
        found, "states 0.50 more spend"
    )
    assert ["A", "B"] == [c.name for c in found.shop.campaigns]


def test_names_that_differ_in_case_and_width_are_one_campaign(tmp_path: Path) -> None:
    """Where no id divides them, spellings that look alike are read as one, and that is said."""
    write(
        tmp_path,
        "r.csv",
        [row(1, "Facebook Tier1", "1.00"), row(2, "facebook  tier1", "2.00"), row(3, "Ｆacebook tier1", "3.00")],
    )

    found = imported(tmp_path)

    assert 1 == len(found.shop.campaigns)
    assert said(found, "is spelled")


def test_one_id_with_several_spellings_is_one_campaign(tmp_path: Path) -> None:
    """The id decides; the commonest spelling is shown."""
    rows = [["Date", "Campaign ID", "Campaign", "Clicks", "Cost", "Orders", "Revenue"],
            *[[f"2026-10-0{n}", "348934", name, "1", "1.00", "0", "0"] for n, name in enumerate(("facebook_tier2", "facebOOK_tier2", "facebook_tier2"), 1)]]  # fmt: skip
    save(tmp_path, "r.csv", csv_bytes(rows))

    found = imported(tmp_path)

    assert [("348934", "facebook_tier2")] == [(c.id, c.name) for c in found.shop.campaigns]
    assert said(found, "by its id")


def test_an_id_used_under_two_ad_groups_names_two_keywords(tmp_path: Path) -> None:
    """Google numbers keywords by ad group: the ids are qualified, the console's own are kept for the sheet."""
    headings = ["Date", "Campaign ID", "Ad group ID", "Keyword ID", "Keyword", "Clicks", "Cost", "Orders", "Revenue"]
    rows = [headings, *[["2026-10-01", "1", group, "77", "shoes", "1", "1.00", "0", "0"] for group in ("10", "11")]]
    save(tmp_path, "r.csv", csv_bytes(rows))

    shop = imported(tmp_path).shop

    assert ["10~77", "11~77"] == [t.id for t in shop.targets]
    assert {"77"} == {names.target_id for ref, names in shop.names.items() if ref.kind == "target"}


def test_a_totals_row_that_disagrees_is_reported_not_believed(tmp_path: Path) -> None:
    """A filter or a cut download shows as a difference, with a likely cause."""
    write(tmp_path, "r.csv", [row(1, "A", "2.50"), ["Total", "", "", "300", "30", "90.00", "3", "60"]])

    found = imported(tmp_path)

    assert Decimal("2.5") == sums(found)["spend"]
    assert said(found, "87.50 more than its rows add up to: rows are missing from the export")


def test_subtotals_of_a_pivot_table_are_not_counted(tmp_path: Path) -> None:
    """A row "A Total" under the rows of A repeats them; a campaign that is merely called so is data."""
    write(
        tmp_path,
        "r.csv",
        [
            row(1, "A", "2.50"),
            row(2, "A", "3.50"),
            ["", "A Total", "", "200", "20", "6.00", "2", "40"],
            row(1, "Summer Total", "1.00"),
            ["Grand Total", "", "", "300", "30", "7.00", "3", "60"],
        ],
    )

    found = imported(tmp_path)

    assert Decimal(7) == sums(found)["spend"]
    assert ["A", "Summer Total"] == [c.name for c in found.shop.campaigns]
    assert not said(found, "totals row says")


def test_hours_that_look_like_a_counter_divide_rows(tmp_path: Path) -> None:
    """Hours 0, 1, 2 number nothing: rows that differ only in the hour are added up, not taken for repeats."""
    rows = [["Date", "Hour", "Campaign", "Clicks", "Cost", "Orders", "Revenue"]]
    rows += [["2026-10-01", str(hour), "A", "5", "2.50", "1", "20"] for hour in range(3)]
    save(tmp_path, "r.csv", csv_bytes(rows))

    found = imported(tmp_path)

    assert (1, Decimal("7.5")) == (len(found.facts), sums(found)["spend"])


def test_a_column_that_numbers_the_rows_does_not_hide_repeats(tmp_path: Path) -> None:
    """An export of a database numbers its rows: two that differ only in the number are one."""
    rows = [["id", *HEADINGS], ["1", *row(1, "A", "2.50")], ["2", *row(1, "A", "2.50")]]
    save(tmp_path, "r.csv", csv_bytes(rows))

    assert Decimal("2.5") == sums(imported(tmp_path))["spend"]
