# ruff: noqa: E501  (rows of examples are read as rows)
"""Bad input: each fault is named with file, row, column, cell and remedy; nothing is written and nothing is lost."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from adapters.files.inspect import inspect
from adapters.files.inspection import Found
from adapters.files.mapping import Role
from adapters.files.options import read_options
from bidder.errors import ConfigError, ContractBroken, InputError
from tests.adapters.files.exports import ALIMAMA_HEADINGS, alimama_row, csv_bytes, save
from tests.adapters.files.shops import NOW, imported, market, report, sums

HEADINGS = ["Date", "Campaign", "Impressions", "Clicks", "Cost", "Orders", "Revenue"]
GOOD = ["2026-10-01", "A", "100", "5", "2.50", "1", "20.00"]


def with_cell(column: str, cell: str) -> list[str]:
    """Return a good row with one cell exchanged."""
    return [cell if heading == column else value for heading, value in zip(HEADINGS, GOOD, strict=True)]


@pytest.mark.parametrize(
    ("column", "cell", "problem"),
    [("Cost", "-2.50", "negative"), ("Clicks", "-1", "negative"), ("Orders", "-1", "negative"), ("Clicks", "nan", "error a program wrote"),
     ("Cost", "inf", "error a program wrote"), ("Revenue", "#DIV/0!", "error a program wrote"), ("Cost", "< 0.1", "only a bound"),
     ("Cost", "two", "no number"), ("Date", "2026-02-30", "no day"), ("Date", "", "no day"), ("Orders", "", "missing is not zero"),
     ("Impressions", "1.2.3", "separators")],
)  # fmt: skip
def test_a_bad_cell_is_named_and_stops_the_import(tmp_path: Path, column: str, cell: str, problem: str) -> None:
    """File, row, column, cell and remedy stand in one sentence, and nothing is decided from the rest."""
    save(tmp_path, "r.csv", csv_bytes([HEADINGS, GOOD, with_cell(column, cell)]))

    (refusal,) = imported(tmp_path).inspection.refusals

    assert ("r.csv", 3, column, cell) == (refusal.file, refusal.row, refusal.column, refusal.cell)
    assert problem in refusal.problem
    assert refusal.remedy[0].isupper()
    with pytest.raises(ContractBroken, match=r"r\.csv, row 3"):
        market(tmp_path).profile(NOW)
    with pytest.raises(InputError, match=r"r\.csv, row 3"):
        market(tmp_path).imported()
    assert any(line.startswith("refused: r.csv, row 3") for line in market(tmp_path).reading().files)
    assert ["r.csv"] == [path.name for path in tmp_path.rglob("*")]


def test_refused_rows_can_be_left_out_and_their_money_is_said(tmp_path: Path) -> None:
    """A person may go on without the bad rows, knowing what they carry."""
    save(tmp_path, "r.csv", csv_bytes([HEADINGS, GOOD, with_cell("Revenue", "oops")]))

    found = market(tmp_path, options={"refused": "skip"}).imported()

    assert Decimal("2.5") == sums(found)["spend"]
    account = report(found, "r.csv").reconciliation
    assert account is not None
    check = account.check(Role.SPEND)
    assert check is not None
    assert (Decimal("5.00"), Decimal("2.50"), Decimal("2.50"), Decimal(0)) == (
        check.in_file,
        check.imported,
        check.excluded,
        check.unexplained,
    )


def test_cells_cannot_write_to_the_terminal(tmp_path: Path) -> None:
    """Control characters and line ends in a cell are shown, not obeyed."""
    save(tmp_path, "r.csv", csv_bytes([HEADINGS, GOOD, with_cell("Cost", "\x1b[31mred\nINFO forged")]))

    (refusal,) = imported(tmp_path).inspection.refusals

    assert str(refusal).isprintable()


def test_an_empty_report_is_no_report(tmp_path: Path) -> None:
    """Headings without rows are told apart from a bad file, and there is nothing to decide from."""
    save(tmp_path, "r.csv", csv_bytes([HEADINGS]))

    assert "no rows of data" in report(imported(tmp_path), "r.csv").why
    with pytest.raises(ContractBroken, match="no rows of data"):
        market(tmp_path).profile(NOW)


def test_an_empty_folder_says_so(tmp_path: Path) -> None:
    """There is nothing to decide from, and no file is invented."""
    with pytest.raises(ContractBroken, match="no files"):
        market(tmp_path).profile(NOW)


def test_amounts_in_another_currency_are_refused(tmp_path: Path) -> None:
    """A report in another currency than the account's would be read a hundredfold wrong."""
    rows = [
        ["Date", "Campaign", "Currency", "Clicks", "Cost", "Orders", "Revenue"],
        ["2026-10-01", "A", "CAD", "5", "2.50", "1", "20"],
    ]
    save(tmp_path, "r.csv", csv_bytes(rows))

    with pytest.raises(ContractBroken, match="CAD"):
        market(tmp_path, currency="USD").profile(NOW)


def test_a_sign_that_does_not_fit_the_currency_is_refused(tmp_path: Path) -> None:
    """Dollars are no euros, whichever dollars they are."""
    save(tmp_path, "r.csv", csv_bytes([HEADINGS, with_cell("Cost", "$2.50")]))

    assert imported(tmp_path, currency="EUR").inspection.refusals
    assert not imported(tmp_path, currency="CAD").inspection.refusals


def test_two_currencies_in_one_folder_are_refused(tmp_path: Path) -> None:
    """Amounts are never added across currencies."""
    for code in ("USD", "EUR"):
        rows = [
            ["Date", "Campaign", "Currency", "Clicks", "Cost", "Orders", "Revenue"],
            ["2026-10-01", code, code, "5", "2.50", "1", "20"],
        ]
        save(tmp_path, f"{code}.csv", csv_bytes(rows))

    (refusal,) = imported(tmp_path).inspection.refusals

    assert "USD" in refusal.problem
    assert "EUR" in refusal.problem


def test_an_unknown_currency_is_named_unknown(tmp_path: Path) -> None:
    """Nothing is assumed of amounts without a sign; they are counted as ISO's XXX."""
    save(tmp_path, "r.csv", csv_bytes([HEADINGS, GOOD]))

    found = imported(tmp_path)

    assert "XXX" == found.currency
    assert "not stated" in found.inspection.currency_said


def test_a_report_for_another_account_is_refused(tmp_path: Path) -> None:
    """Ids of accounts are compared as people write them."""
    headings = ["Date", "Customer ID", "Campaign", "Clicks", "Cost", "Orders", "Revenue"]
    save(tmp_path, "a.csv", csv_bytes([headings, ["2026-10-01", "123-456-7890", "A", "5", "2.50", "1", "20"]]))

    assert not imported(tmp_path, account_id="1234567890").inspection.refusals
    (refusal,) = imported(tmp_path, account_id="999").inspection.refusals
    assert "123-456-7890" in refusal.problem


def test_two_accounts_in_one_folder_are_refused(tmp_path: Path) -> None:
    """Reports of two accounts are never added up."""
    headings = ["Date", "Customer ID", "Campaign", "Clicks", "Cost", "Orders", "Revenue"]
    for account in ("1", "2"):
        save(tmp_path, f"{account}.csv", csv_bytes([headings, ["2026-10-01", account, "A", "5", "2.50", "1", "20"]]))

    assert imported(tmp_path).inspection.refusals


def test_different_attribution_windows_are_refused(tmp_path: Path) -> None:
    """Orders of 7 and of 14 days are not the same thing."""
    for window in (7, 14):
        headings = ["Date", "Campaign", "Clicks", "Cost", f"{window} Day Total Orders (#)", f"{window} Day Total Sales"]
        save(tmp_path, f"{window}.csv", csv_bytes([headings, ["2026-10-01", f"C{window}", "5", "2.50", "1", "20"]]))

    (refusal,) = imported(tmp_path).inspection.refusals

    assert "different windows" in refusal.problem


def test_a_wrong_time_zone_is_refused(tmp_path: Path) -> None:
    """Days are counted in a zone that exists, and only in the account's."""
    with pytest.raises(ConfigError, match="Mars"):
        read_options({"folder": str(tmp_path), "time_zone": "Mars/Olympus"})
    with pytest.raises(ConfigError, match="account"):
        market(tmp_path, time_zone="Asia/Shanghai", options={"time_zone": "UTC"})


@pytest.mark.parametrize(
    ("options", "match"),
    [({"folder": "x", "curency": "USD"}, "currency"), ({}, "folder"), ({"folder": "x", "year": "2026"}, "year"),
     ({"folder": "x", "refused": "ignore"}, "refused"), ({"folder": "x", "period": ["2026-10-01"]}, "period"),
     ({"folder": "x", "mapping": [{"columns": {"cost": "x"}}]}, "cost"), ({"folder": "x", "currency": "dollar"}, "ISO 4217")],
    ids=str,
)  # fmt: skip
def test_faults_in_the_options_name_their_key(options: dict[str, object], match: str) -> None:
    """A typing error in the configuration is refused, with the nearest name known."""
    with pytest.raises(ConfigError, match=match):
        read_options(options)


def test_a_mapping_that_names_an_unknown_column_is_refused_by_name(tmp_path: Path) -> None:
    """A stated mapping that does not fit is not silently replaced by a guess."""
    save(tmp_path, "r.csv", csv_bytes([HEADINGS, GOOD]))

    found = imported(tmp_path, mapping=[{"files": "r.csv", "columns": {"spend": "Kosten"}}])

    assert "Kosten" in report(found, "r.csv").why


def test_what_decisions_lack_is_named_with_its_remedy(tmp_path: Path) -> None:
    """A report without revenue is totalled and set aside; a stated order value makes it usable."""
    save(tmp_path, "r.csv", csv_bytes([HEADINGS[:-1], GOOD[:-1]]))

    without, stated = imported(tmp_path), imported(tmp_path, order_value="25")

    assert Found.TOTALS_ONLY is report(without, "r.csv").found
    assert "order_value" in report(without, "r.csv").why
    assert (0, Decimal(25)) == (len(without.facts), sums(stated)["revenue"])
    with pytest.raises(ContractBroken, match="order_value"):
        market(tmp_path).profile(NOW)


def test_a_column_that_contradicts_itself_is_refused(tmp_path: Path) -> None:
    """1,5 and 2.75 in one column cannot both be right."""
    rows = [HEADINGS, with_cell("Cost", "1,5"), ["2026-10-02", *with_cell("Cost", "2.75")[1:]]]
    save(tmp_path, "r.csv", csv_bytes(rows))

    found = imported(tmp_path)

    assert {"Cost"} == {refusal.column for refusal in found.inspection.refusals}
    assert "decimal_mark" in found.inspection.refusals[0].remedy


def test_a_thousand_or_one_is_asked_for(tmp_path: Path) -> None:
    """An amount with three digits behind a point, and nothing to settle it, is asked for; a stated mark settles it."""
    rows = [HEADINGS, with_cell("Cost", "1.234")]
    save(
        tmp_path,
        "r.csv",
        csv_bytes([[c for c, h in zip(row, HEADINGS, strict=True) if h != "Revenue"] for row in rows]),
    )

    (refusal,) = imported(tmp_path, order_value="5").inspection.refusals
    settled = imported(tmp_path, order_value="5", decimal_mark=",")

    assert "two numbers" in refusal.problem
    assert Decimal(1234) == sums(settled)["spend"]


def test_the_year_is_asked_for_where_days_state_none(tmp_path: Path) -> None:
    """Month and day need a year; the sentence says how to give it."""
    rows = [
        ["month", "day", "campaign", "clicks", "cost", "orders", "revenue"],
        ["April", "1", "A", "5", "2.50", "1", "20"],
    ]
    save(tmp_path, "r.csv", csv_bytes(rows))

    assert "year = 2026" in imported(tmp_path).inspection.refusals[0].remedy
    assert date(2024, 4, 1) == getattr(imported(tmp_path, year=2024).facts.span(), "first", None)


def test_missing_days_are_named(tmp_path: Path) -> None:
    """A gap in a daily report is a gap in what is known, not a day of zero."""
    rows = [HEADINGS, GOOD, ["2026-10-04", *GOOD[1:]]]
    save(tmp_path, "r.csv", csv_bytes(rows))

    assert (date(2026, 10, 2), date(2026, 10, 3)) == imported(tmp_path).inspection.missing_days


def test_an_empty_attribution_figure_contradicted_by_its_partner_is_refused(tmp_path: Path) -> None:
    """A console may leave cells empty for none, but not orders beside sales."""
    row = alimama_row("2026-08-01", "A", "B", "鞋", ["10", "5", "4.50", "300.00", "", "7", "3"])
    good = alimama_row("2026-08-02", "A", "B", "鞋", ["10", "5", "4.50", "300.00", "1", "7", "3"])
    save(tmp_path, "r.csv", csv_bytes([ALIMAMA_HEADINGS, row, good], encoding="gbk"))

    (refusal,) = imported(tmp_path).inspection.refusals

    assert "总成交笔数" == refusal.column


def test_inspect_answers_for_one_file_too(tmp_path: Path) -> None:
    """A single file may be named instead of a folder."""
    path = save(tmp_path, "r.csv", csv_bytes([HEADINGS, GOOD]))

    found = inspect(path)

    assert found.usable
    assert found.reconciliation is not None
    assert found.reconciliation.holds


def test_a_day_column_that_cannot_be_read_is_never_dropped(tmp_path: Path) -> None:
    """A column called Date is the day even where no cell is one: its cells are refused, no period is assumed."""
    save(tmp_path, "r.csv", csv_bytes([HEADINGS, with_cell("Date", "soon"), with_cell("Date", "later")]))

    assert ["Date", "Date"] == [refusal.column for refusal in imported(tmp_path).inspection.refusals]


def test_a_console_that_sold_nothing_leaves_whole_columns_empty(tmp_path: Path) -> None:
    """No order in the whole period is none, not an unknown, where the console wrote the columns."""
    rows = [
        ALIMAMA_HEADINGS,
        *[alimama_row(f"2026-08-0{n}", "A", "B", "鞋", ["10", "5", "4.50", "", "", "", ""]) for n in (1, 2)],
    ]
    save(tmp_path, "r.csv", csv_bytes(rows, encoding="gbk"))

    found = imported(tmp_path)

    assert () == found.inspection.refusals
    assert {"spend": Decimal(9), "orders": 0, "revenue": 0} == {
        k: v for k, v in sums(found).items() if k in ("spend", "orders", "revenue")
    }


def test_a_row_without_its_campaign_is_refused(tmp_path: Path) -> None:
    """Merged cells leave the name in the first row only: the others must not become a campaign of their own."""
    save(tmp_path, "r.csv", csv_bytes([HEADINGS, GOOD, ["2026-10-02", "", *GOOD[2:]], ["2026-10-03", *GOOD[1:]]]))

    (refusal,) = imported(tmp_path).inspection.refusals

    assert (3, "Campaign") == (refusal.row, refusal.column)
    assert "merged" in refusal.remedy


def test_a_campaign_of_one_day_without_any_name_column_is_read_as_a_whole(tmp_path: Path) -> None:
    """A table of daily totals is one campaign, and that is said."""
    rows = [
        ["Date", "Clicks", "Cost", "Orders", "Revenue"],
        *[[f"2026-10-0{n}", "5", "2.50", "1", "20"] for n in (1, 2)],
    ]
    save(tmp_path, "r.csv", csv_bytes(rows))

    found = imported(tmp_path)

    assert ["all campaigns"] == [c.name for c in found.shop.campaigns]
    assert any("one campaign" in s for s in report(found, "r.csv").sentences)
