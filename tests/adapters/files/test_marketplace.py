"""The marketplace port on a folder of exports."""

from __future__ import annotations

import subprocess
import sys
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

import adapters.files
from adapters.files import FilesMarketplace
from bidder.core.calendar import DayRange
from bidder.core.change import Field
from bidder.core.entities import AccountId, EntityKind, EntityRef, State
from bidder.core.money import Money
from bidder.core.performance import Grain, Level
from bidder.core.venue import Capability
from bidder.errors import ContractBroken
from bidder.ports import API_VERSION, FromFiles, Marketplace
from tests.adapters.files.exports import bulk_sheet, csv_bytes, save
from tests.adapters.files.shops import NOW, imported, market

ACCOUNT = AccountId("shop")
OCTOBER = DayRange(first=date(2026, 10, 1), last=date(2026, 10, 31))
HEADINGS = ["Date", "Campaign", "Impressions", "Clicks", "Cost", "Orders", "Revenue"]


def folder_of_days(folder: Path, days: int = 5, cost: str = "2.50") -> Path:
    """Save a report of one campaign."""
    rows = [HEADINGS, *[[f"2026-10-{n:02d}", "A", "100", "5", cost, "1", "20"] for n in range(1, days + 1)]]
    save(folder, "r.csv", csv_bytes(rows))
    return folder


def test_it_is_a_marketplace(tmp_path: Path) -> None:
    """The class has all the methods of the port and states its version."""
    shop = market(folder_of_days(tmp_path))

    assert isinstance(shop, Marketplace)
    assert API_VERSION == FilesMarketplace.API_VERSION


def test_the_package_loads_nothing_until_asked(project: Path) -> None:
    """Importing the package must not cost the command line its start-up; its names are loaded when asked for."""
    program = (
        "import sys, adapters.files as files\n"
        "assert not any(name.startswith('adapters.files.') or name == 'openpyxl' for name in sys.modules)\n"
        "assert files.FilesMarketplace.__name__ == 'FilesMarketplace'\n"
    )

    subprocess.run([sys.executable, "-c", program], cwd=project, check=True)


def test_an_unknown_name_of_the_package_is_an_error() -> None:
    """Lazy loading does not hide a typing error."""
    with pytest.raises(AttributeError, match="Nothing"):
        _ = adapters.files.Nothing


def test_days_asked_for_are_the_days_given_both_ends_included(tmp_path: Path) -> None:
    """Facts are cut to the days asked for, and a second answer equals the first."""
    shop = market(folder_of_days(tmp_path))
    asked = DayRange(first=date(2026, 10, 2), last=date(2026, 10, 4))

    first, second = (shop.fetch_performance(ACCOUNT, asked, Grain.DAY, 30, NOW) for _ in range(2))

    assert asked == first.facts.span()
    assert [2_500_000] * 3 == first.facts.spend_micros.tolist() == second.facts.spend_micros.tolist()
    assert 7_500_000 == first.account_spend_micros
    assert Level.TARGET is first.facts.level


def test_hours_are_not_offered_and_never_invented(tmp_path: Path) -> None:
    """Exports hold days: a request for hours is answered with no rows."""
    shop = market(folder_of_days(tmp_path))

    assert 0 == len(shop.fetch_performance(ACCOUNT, OCTOBER, Grain.HOUR, 30, NOW).facts)
    assert (Grain.DAY,) == shop.profile(NOW).grains


def test_another_attribution_window_is_refused(tmp_path: Path) -> None:
    """Orders of one window are never passed off as those of another."""
    with pytest.raises(ContractBroken, match="never mixed"):
        market(folder_of_days(tmp_path)).fetch_performance(ACCOUNT, OCTOBER, Grain.DAY, 7, NOW)


def test_a_changed_file_is_read_again_an_unchanged_one_is_not(tmp_path: Path) -> None:
    """The folder is watched by names, sizes and times."""
    shop = market(folder_of_days(tmp_path))
    first, again = shop.imported(), shop.imported()
    folder_of_days(tmp_path, cost="10.00")

    assert first is again
    assert Decimal(50) == Decimal(int(shop.imported().facts.spend_micros.sum())) / 1_000_000


def test_structure_is_observed_when_the_newest_file_was_written(tmp_path: Path) -> None:
    """An old export is an old observation: staleness is judged by the cycle, not hidden here."""
    import os

    path = save(tmp_path, "r.csv", csv_bytes([HEADINGS, ["2026-10-01", "A", "100", "5", "2.50", "1", "20"]]))
    written = NOW - timedelta(days=3)
    os.utime(path, (written.timestamp(), written.timestamp()))

    assert written == market(tmp_path).fetch_structure(ACCOUNT, NOW).observed_at


def test_the_profile_follows_the_console(tmp_path: Path) -> None:
    """Bounds, window and levers are those of the console the files come from; nothing can be sent."""
    save(tmp_path, "bulk-1-20261001-20261030-1.xlsx", bulk_sheet())

    profile = market(tmp_path, currency="USD").profile(NOW)

    assert (Money.of("0.02", "USD"), 7, (7,)) == (profile.bid_min, profile.default_window, profile.windows)
    assert Capability.ACTION_SHEET in profile.supports
    assert Capability.HOURLY_FACTS not in profile.supports
    assert profile.can(EntityKind.TARGET, Field.BID)
    assert (NOW.date() - date(2026, 10, 1)).days + 1 == profile.history_days


def test_currencies_without_small_coins_get_whole_increments(tmp_path: Path) -> None:
    """A bid in yen moves by whole yen."""
    profile = market(folder_of_days(tmp_path), currency="JPY").profile(NOW)

    assert Money.of(1, "JPY") == profile.bid_increment


def test_read_back_states_only_what_a_file_states(tmp_path: Path) -> None:
    """Known settings are told, assumed ones are not, unknown entities are left out."""
    save(tmp_path, "bulk-1-20261001-20261030-1.xlsx", bulk_sheet())
    shop = market(tmp_path, currency="USD")
    keyword, unknown = EntityRef(EntityKind.TARGET, "481234567890123456"), EntityRef(EntityKind.TARGET, "nobody")

    (found,) = shop.read_back(ACCOUNT, [keyword, unknown], NOW)

    assert {Field.STATE: State.ENABLED, Field.BID: Money.of("0.75", "USD")} == found.values
    assert () == market(folder_of_days(tmp_path / "days")).read_back(ACCOUNT, [unknown], NOW)


def test_ids_are_stable_between_imports_and_files(tmp_path: Path) -> None:
    """A later download names the same entities the same."""
    first = imported(folder_of_days(tmp_path, 2)).facts.entity_ids
    second = imported(folder_of_days(tmp_path, 5)).facts.entity_ids

    assert first == second


def test_closing_twice_is_fine(tmp_path: Path) -> None:
    """There is nothing to let go of but memory."""
    shop = market(folder_of_days(tmp_path))
    shop.close()
    shop.close()


def test_what_was_read_is_said_in_sentences(tmp_path: Path) -> None:
    """File, rows, span, columns, totals and currency: the first thing a person checks against the console."""
    reading = market(folder_of_days(tmp_path), currency="EUR").reading()

    assert isinstance(market(tmp_path), FromFiles)
    assert reading.agrees
    assert ("EUR", 30, date(2026, 10, 5)) == (reading.currency, reading.window_days, reading.last_day)
    assert reading.files[0].startswith("r.csv: table of unknown origin, 5 rows, ASCII comma, 2026-10-01 to 2026-10-05")
    assert "spend from Cost" in reading.files[1]
    assert "spend: 12.50 in the file, 12.50 counted" in reading.totals


def test_a_table_that_is_half_understood_says_how_far(tmp_path: Path) -> None:
    """What was recognised is said, so that a person need only state the rest."""
    folder_of_days(tmp_path)
    save(tmp_path, "odd.csv", csv_bytes([["Tag", "Kampagne", "Klicks", "Betrag"], ["01.10.2026", "A", "5", "2,50"]]))

    files = market(tmp_path).reading().files

    at = next(i for i, line in enumerate(files) if line.startswith("odd.csv"))
    assert "it needs a column of spend" in files[at]
    assert "recognised so far: day from Tag, campaign from Kampagne, clicks from Klicks" in files[at + 1]
