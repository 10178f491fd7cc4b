# ruff: noqa: E501  (rows of examples are read as rows)
"""The action sheet: in the console's words, best first, safe to open, and recognised when it comes back."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.files.bulk import SHEET
from adapters.files.follow_up import Fate
from adapters.files.injection import STARTS, safe_cell
from adapters.files.naming import clean_name
from adapters.files.options import read_options
from bidder.core.change import Change, Field, Status, Value
from bidder.core.entities import AccountId, EntityKind, EntityRef, State
from bidder.core.money import Money
from bidder.core.reasons import Code, Reason
from bidder.errors import InputError
from tests.adapters.files.exports import ALIMAMA_HEADINGS, alimama_row, bulk_sheet, csv_bytes, save
from tests.adapters.files.shops import NOW, imported, market

ACCOUNT = AccountId("shop")
KEYWORD = EntityRef(EntityKind.TARGET, "481234567890123456")
PRODUCT = EntityRef(EntityKind.TARGET, "581234567890123456")
GROUP = EntityRef(EntityKind.AD_GROUP, "381234567890123456")
CAMPAIGN = EntityRef(EntityKind.CAMPAIGN, "281234567890123456")
REASON = Reason.of(Code.PAUSE_EVIDENCE, probability=0.97, floor_orders=4.2)
BULK = "bulk-1-20261001-20261030-1.xlsx"


def change(ref: EntityRef, field: Field, old: Value | None, new: Value, gain: int = 0) -> Change:
    """Return a change with a reason."""
    return Change(ref=ref, field=field, old=old, new=new, reason=REASON, gain_micros=gain)


def usd(amount: str) -> Money:
    """Return dollars."""
    return Money.of(amount, "USD")


CHANGES = (
    change(KEYWORD, Field.BID, usd("0.75"), usd("0.60"), 1_500_000),
    change(CAMPAIGN, Field.DAILY_BUDGET, usd("50"), usd("42.5"), 9_000_000),
    change(PRODUCT, Field.STATE, State.ENABLED, State.PAUSED, 4_000_000),
    change(GROUP, Field.BID, usd("0.6"), usd("0.5"), 10),
)


def read_csv(path: Path) -> list[list[str]]:
    """Return the sheet as a spreadsheet program reads it."""
    data = path.read_bytes()
    assert data.startswith(b"\xef\xbb\xbf")
    return list(csv.reader(io.StringIO(data.decode("utf-8-sig"), newline="")))


def test_every_change_is_withheld_and_written_down(tmp_path: Path) -> None:
    """Nothing is sent: each change is a line for a person, the greatest expected gain first, with its reason."""
    save(tmp_path, BULK, bulk_sheet())
    shop = market(tmp_path, currency="USD")

    outcomes = shop.submit(ACCOUNT, CHANGES, ["a", "b", "c", "d"], NOW)

    assert [("a", Status.WITHHELD), ("b", Status.WITHHELD), ("c", Status.WITHHELD), ("d", Status.WITHHELD)] == [
        (o.key, o.status) for o in outcomes
    ]
    headings, *lines = read_csv(tmp_path / "actions" / "actions-2026-11-23-093000.csv")
    assert ["b", "c", "a", "d"] == [line[headings.index("Key")] for line in lines]
    first = dict(zip(headings, lines[0], strict=True))
    assert ("Lower the daily budget", "Shoes - Exact", "50", "42.5", "9.00") == (
        first["Action"], first["Campaign"], first["Now"], first["Change to"], first["Expected gain a day"]
    )  # fmt: skip
    assert {REASON.render()} == {line[headings.index("Reason")] for line in lines}


def test_no_changes_write_no_sheet(tmp_path: Path) -> None:
    """An empty plan leaves the folder as it was."""
    save(tmp_path, BULK, bulk_sheet())

    assert () == market(tmp_path).submit(ACCOUNT, (), (), NOW)
    assert [BULK] == [path.name for path in tmp_path.iterdir()]


def test_batches_of_one_instant_share_a_sheet(tmp_path: Path) -> None:
    """Two requests of one cycle are one sheet for the person."""
    save(tmp_path, BULK, bulk_sheet())
    shop = market(tmp_path, currency="USD")

    shop.submit(ACCOUNT, CHANGES[:2], ["a", "b"], NOW)
    shop.submit(ACCOUNT, CHANGES[2:], ["c", "d"], NOW)

    assert 5 == len(read_csv(tmp_path / "actions" / "actions-2026-11-23-093000.csv"))


def test_a_folder_that_cannot_be_written_rejects_without_half_a_sheet(tmp_path: Path) -> None:
    """A full or read-only disk is a definite no, and no torn file is left."""
    save(tmp_path, BULK, bulk_sheet())
    save(tmp_path, "occupied", b"a file where the folder should be")
    shop = market(tmp_path, currency="USD", options={"sheet": str(tmp_path / "occupied" / "actions")})

    (outcome,) = shop.submit(ACCOUNT, CHANGES[:1], ["a"], NOW)

    assert (Status.REJECTED, "SHEET_NOT_WRITTEN") == (outcome.status, outcome.code)


def test_amazons_upload_file_holds_only_ids_and_what_changes(tmp_path: Path) -> None:
    """Operation Update, the console's ids as text, and one changed column a row."""
    save(tmp_path, BULK, bulk_sheet())
    market(tmp_path, currency="USD").submit(ACCOUNT, CHANGES, ["a", "b", "c", "d"], NOW)

    sheet = openpyxl.load_workbook(tmp_path / "actions" / "amazon-bulk-upload-2026-11-23-093000.xlsx")[SHEET]
    headings, *rows = [list(row) for row in sheet.iter_rows(values_only=True)]
    filled = [{h: v for h, v in zip(headings, row, strict=True) if v is not None} for row in rows]

    assert [
        {"Product": "Sponsored Products", "Entity": "Campaign", "Operation": "Update", "Campaign ID": CAMPAIGN.id, "Daily Budget": 42.5},
        {"Product": "Sponsored Products", "Entity": "Product Targeting", "Operation": "Update", "Campaign ID": CAMPAIGN.id,
         "Ad Group ID": GROUP.id, "Product Targeting ID": PRODUCT.id, "State": "paused"},
        {"Product": "Sponsored Products", "Entity": "Keyword", "Operation": "Update", "Campaign ID": CAMPAIGN.id, "Ad Group ID": GROUP.id,
         "Keyword ID": KEYWORD.id, "Bid": 0.6},
        {"Product": "Sponsored Products", "Entity": "Ad Group", "Operation": "Update", "Campaign ID": CAMPAIGN.id, "Ad Group ID": GROUP.id,
         "Ad Group Default Bid": 0.5},
    ] == filled  # fmt: skip


def test_our_own_reader_understands_the_upload_file(tmp_path: Path) -> None:
    """What Amazon is asked to set is what our reader of bulk sheets sees in the file."""
    save(tmp_path, BULK, bulk_sheet())
    shop = market(tmp_path, currency="USD")
    shop.submit(ACCOUNT, CHANGES, ["a", "b", "c", "d"], NOW)

    from adapters.files.bulk import read_bulk
    from adapters.files.facts import Reading
    from adapters.files.folder import read_sources
    from adapters.files.grids import Grid, read_grids
    from adapters.files.tables import Table, find_table

    (source,) = read_sources(tmp_path / "actions" / "amazon-bulk-upload-2026-11-23-093000.xlsx")
    assert not hasattr(source, "problem")
    (grid,) = read_grids(source)
    assert isinstance(grid, Grid)
    table = find_table(grid)
    assert isinstance(table, Table)
    reading = read_bulk(table, read_options({"folder": str(tmp_path)}))
    assert isinstance(reading, Reading)
    assert () == reading.refusals
    assert [("campaign", "42.5"), ("target", "0.6"), ("ad_group", "0.5")] == [
        (s.entity, str(s.bid or s.default_bid or s.daily_budget))
        for s in reading.settings
        if s.bid or s.default_bid or s.daily_budget
    ]
    assert ["paused"] == [s.state for s in reading.settings if s.state]


def test_an_upload_file_among_the_reports_is_not_read_as_a_download(tmp_path: Path) -> None:
    """A person may save our file into the folder of reports: it changes nothing there."""
    save(tmp_path, BULK, bulk_sheet())
    shop = market(tmp_path, currency="USD")
    shop.submit(ACCOUNT, CHANGES, ["a", "b", "c", "d"], NOW)
    for path in list((tmp_path / "actions").iterdir()):
        path.rename(tmp_path / f"moved-{path.name}")

    found = imported(tmp_path)

    assert usd("50").micros == getattr(found.shop.campaigns[0].daily_budget, "micros", None)
    assert {
        "it is an action sheet of ours",
        "it is a bulk file for upload (its operations are filled in), not a download",
    } <= {f.why for f in found.inspection.files}


def chinese_folder(folder: Path) -> tuple[EntityRef, EntityRef]:
    """Save a Zhitongche export; return its keyword and its campaign."""
    rows = [
        ALIMAMA_HEADINGS,
        alimama_row("2026-08-01", "女装主推", "连衣裙", "=连衣裙", ["10", "5", "4.50", "300.00", "1", "7", "3"]),
    ]
    save(folder, "关键词报表.csv", csv_bytes(rows, encoding="gbk"))
    shop = imported(folder).shop
    return EntityRef(EntityKind.TARGET, shop.targets[0].id), EntityRef(EntityKind.CAMPAIGN, shop.campaigns[0].id)


def test_zhitongche_sheets_speak_the_consoles_language(tmp_path: Path) -> None:
    """计划, 关键词, 出价, 日限额, 暂停: an operator finds every line where they work."""
    keyword, campaign = chinese_folder(tmp_path)
    yuan = [Money.of(amount, "CNY") for amount in ("1.2", "0.96", "200")]
    changes = [
        change(keyword, Field.BID, yuan[0], yuan[1], 3), change(campaign, Field.DAILY_BUDGET, None, yuan[2], 2),
        change(campaign, Field.STATE, State.ENABLED, State.PAUSED, 1),
    ]  # fmt: skip

    path = market(tmp_path, currency="CNY").write_sheet(changes, ["a", "b", "c"], now=NOW)[0]

    headings, *lines = read_csv(path)
    cells = [dict(zip(headings, line, strict=True)) for line in lines]
    assert ["降低出价", "设置日限额", "暂停计划"] == [c["操作"] for c in cells]
    assert [("出价", "0.96"), ("日限额", "200"), ("状态", "暂停")] == [(c["设置项"], c["改为"]) for c in cells]
    assert ("女装主推", "'=连衣裙", "报表中没有") == (cells[0]["计划"], cells[0]["关键词"], cells[0]["当前值"])


def test_a_target_that_stands_for_its_campaign_is_written_as_the_campaign(tmp_path: Path) -> None:
    """Where no file goes further than campaigns, pausing the one target is pausing the campaign."""
    rows = [["Date", "Campaign", "Clicks", "Cost", "Orders", "Revenue"], ["2026-10-01", "Old", "5", "2.50", "0", "0"]]
    save(tmp_path, "r.csv", csv_bytes(rows))
    shop = market(tmp_path)
    target = EntityRef(EntityKind.TARGET, shop.imported().shop.targets[0].id)

    path = shop.write_sheet([change(target, Field.STATE, State.ENABLED, State.PAUSED)], ["a"], now=NOW)[0]

    headings, line = read_csv(path)
    cells = dict(zip(headings, line, strict=True))
    assert ("Pause the campaign", "Old", "", "not in the export") == (
        cells["Action"],
        cells["Campaign"],
        cells["Ad group"],
        cells["Now"],
    )


hostile = st.text(min_size=1, max_size=30) | st.builds(
    lambda start, rest: start + rest, st.sampled_from(sorted(STARTS)), st.text(max_size=20)
)


@given(text=hostile)
def test_no_text_can_start_a_formula(text: str) -> None:
    """Whatever a campaign is called, a cell starts with none of the characters that start a formula, unless it is a number."""
    cell = safe_cell(text)

    number = cell.lstrip("+-").replace(".", "", 1).isdigit() and cell.isascii()
    assert number or cell[:1] not in STARTS
    assert number or cell.lstrip()[:1] not in STARTS or cell.startswith("'")
    assert "\0" not in cell


@given(names=st.lists(hostile, min_size=1, max_size=6))
def test_hostile_names_survive_the_csv_without_shifting_a_cell(names: Sequence[str]) -> None:
    """Quotation marks, delimiters and line ends in a name stay inside its cell."""
    out = io.StringIO()
    csv.writer(out, lineterminator="\r\n").writerow([safe_cell(name) for name in names])

    (row,) = csv.reader(io.StringIO(out.getvalue(), newline=""))

    assert [safe_cell(name) for name in names] == row


@given(name=st.text(alphabet=st.characters(categories=["L", "N", "P", "S"]), min_size=1, max_size=20))
def test_a_guarded_name_is_read_back_as_it_was(name: str) -> None:
    """The apostrophe we put before a name is taken off again."""
    if clean_name(name) == name:
        assert name == clean_name(safe_cell(name)) or name.startswith("'")


@given(text=hostile)
def test_workbooks_hold_no_formulas(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    """In XLSX too, every cell of text is text."""
    from adapters.files.sheets import _workbook

    book = openpyxl.load_workbook(io.BytesIO(_workbook("t", ["h"], [[text]], [], [10])))

    value = book.worksheets[0]["A2"]
    assert "f" != value.data_type


def follow(folder: Path, sheet: bytes, *, hours: int = 24) -> dict[str, Fate]:
    """Replace the export by a later one and return the fate of each line by its key."""
    path = save(folder, BULK, sheet)
    import os

    later = (NOW + timedelta(hours=hours)).timestamp()
    os.utime(path, (later, later))
    return {f.line.key: f.fate for f in market(folder, currency="USD").follow_up()}


def test_the_next_import_recognises_what_was_carried_out(tmp_path: Path) -> None:
    """Bid set as asked, budget left alone, product still running: each line gets its answer."""
    save(tmp_path, BULK, bulk_sheet())
    market(tmp_path, currency="USD").submit(ACCOUNT, CHANGES[:3], ["bid", "budget", "pause"], NOW)

    fates = follow(tmp_path, bulk_sheet(bid=0.6, budget=45))

    assert {"bid": Fate.CARRIED_OUT, "budget": Fate.CHANGED_OTHERWISE, "pause": Fate.NOT_CARRIED_OUT} == fates
    said = market(tmp_path, currency="USD").reading().carried_out
    assert "carried out: Shoes - Exact / Running / running shoes: bid to 0.6; it stands at 0.6" in said
    assert "changed to something else: Shoes - Exact: daily budget to 42.5; it stands at 45" in said


def test_an_export_older_than_the_sheet_tells_nothing(tmp_path: Path) -> None:
    """Only an export written after the sheet can say what became of it."""
    save(tmp_path, BULK, bulk_sheet())
    market(tmp_path, currency="USD").submit(ACCOUNT, CHANGES[:1], ["bid"], NOW)

    assert {"bid": Fate.CANNOT_TELL} == follow(tmp_path, bulk_sheet(bid=0.6), hours=-24)


def test_an_export_without_the_setting_tells_nothing(tmp_path: Path) -> None:
    """A report that states no bids cannot say whether a bid was changed."""
    keyword, _ = chinese_folder(tmp_path)
    shop = market(tmp_path, currency="CNY")
    shop.write_sheet(
        [change(keyword, Field.BID, Money.of(1, "CNY"), Money.of("0.9", "CNY"))], ["a"], now=NOW - timedelta(days=900)
    )

    (line,) = shop.follow_up()

    assert (Fate.CANNOT_TELL, "the newest export does not state this setting") == (line.fate, line.why)


def test_a_newer_line_for_the_same_setting_replaces_the_older(tmp_path: Path) -> None:
    """A person is never held to yesterday's advice."""
    save(tmp_path, BULK, bulk_sheet())
    shop = market(tmp_path, currency="USD")
    shop.submit(ACCOUNT, CHANGES[:1], ["old"], NOW)
    shop.submit(ACCOUNT, [change(KEYWORD, Field.BID, usd("0.75"), usd("0.55"))], ["new"], NOW + timedelta(days=1))

    assert ["new"] == [f.line.key for f in shop.follow_up()]


def test_a_damaged_memory_of_lines_is_named_not_overwritten(tmp_path: Path) -> None:
    """A file that cannot be understood is left for a person."""
    save(tmp_path, BULK, bulk_sheet())
    path = save(tmp_path, "actions/actions.json", b"{")

    with pytest.raises(InputError, match=r"actions\.json"):
        market(tmp_path).follow_up()
    assert b"{" == path.read_bytes()


def test_the_sheet_does_not_become_a_report(tmp_path: Path) -> None:
    """Writing a sheet changes nothing about the next import."""
    save(tmp_path, BULK, bulk_sheet())
    before = imported(tmp_path).inspection
    market(tmp_path, currency="USD").submit(ACCOUNT, CHANGES, ["a", "b", "c", "d"], NOW)

    after = imported(tmp_path).inspection

    assert [f.name for f in before.files] == [f.name for f in after.files]
    assert date(2026, 10, 30) == getattr(after.span, "last", None)


def test_estimated_bids_are_named_relative_and_never_uploaded(tmp_path: Path) -> None:
    """Where no file states bids, the sheet says by how much, from what was paid, and asks for no absolute figure to be set."""
    rows = [["Date", "Campaign", "Ad group", "Keyword", "Clicks", "Cost", "Orders", "Revenue"]]
    rows += [[f"2026-10-0{n}", "A", "G", "shoes", "10", f"{8 + n}.00", "1", "20"] for n in (1, 2, 3)]
    save(tmp_path, "r.csv", csv_bytes(rows))
    shop = market(tmp_path, currency="USD", options={"stand_ins": True})
    found = shop.imported().shop
    (target,), (campaign,) = found.targets, found.campaigns

    path = shop.write_sheet(
        [change(EntityRef(EntityKind.TARGET, target.id), Field.BID, target.bid, usd("0.80"))],
        ["a"],
        now=NOW - timedelta(days=900),
    )[0]

    assert (usd("1.00"), usd("11.00")) == (target.bid, campaign.daily_budget)
    headings, line = read_csv(path)
    cells = dict(zip(headings, line, strict=True))
    assert ("about 1 (price of a click)", "lower by 20%, to about 0.8") == (cells["Now"], cells["Change to"])
    assert () == shop.read_back(ACCOUNT, [EntityRef(EntityKind.TARGET, target.id)], NOW)
    assert Fate.CANNOT_TELL is shop.follow_up()[0].fate


def test_unknown_budgets_are_no_lever(tmp_path: Path) -> None:
    """A budget that no file states must not pass for an unlimited one: it is neither set nor moved."""
    rows = [["Date", "Campaign", "Clicks", "Cost", "Orders", "Revenue"], ["2026-10-01", "A", "5", "2.50", "1", "20"]]
    save(tmp_path, "r.csv", csv_bytes(rows))

    plain, stood = market(tmp_path).profile(NOW), market(tmp_path, options={"stand_ins": True}).profile(NOW)

    assert [False, True] == [p.can(EntityKind.CAMPAIGN, Field.DAILY_BUDGET) for p in (plain, stood)]
    assert plain.can(EntityKind.CAMPAIGN, Field.STATE)


def test_single_lines_are_refused_the_others_are_written(tmp_path: Path) -> None:
    """An entity no file names and an amount off the console's grid take no other line down."""
    save(tmp_path, BULK, bulk_sheet())
    changes = [
        CHANGES[0],
        change(EntityRef(EntityKind.TARGET, "nobody"), Field.BID, usd("1"), usd("0.9")),
        change(KEYWORD, Field.BID, usd("0.75"), Money(605_000, "USD")),
        change(KEYWORD, Field.BID, Money.of(1, "EUR"), Money.of("0.6", "EUR")),
    ]

    outcomes = market(tmp_path, currency="USD").submit(ACCOUNT, changes, ["good", "nobody", "odd", "euro"], NOW)

    assert ["ACTION_SHEET", "UNKNOWN_ENTITY", "OFF_GRID", "WRONG_CURRENCY"] == [o.code for o in outcomes]
    assert 2 == len(read_csv(tmp_path / "actions" / "actions-2026-11-23-093000.csv"))
