"""`bidder backtest`: files and the record, JSON alone on standard output, and errors that say what to do."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.cli.calls import CONFIG, Shell

_HEAD = ("date", "campaign", "keyword", "impressions", "clicks", "cost", "orders", "sales")


def export(path: Path, *, days: int = 28, head: Sequence[str] = _HEAD) -> Path:
    """Write a report of two campaigns with two keywords each, with a week in it."""
    with path.open("w", newline="", encoding="utf-8") as stream:
        out = csv.DictWriter(stream, head, extrasaction="ignore")
        out.writeheader()
        for day in range(1, days + 1):
            for campaign, keyword in (("a", "one"), ("a", "two"), ("b", "three"), ("b", "four")):
                clicks = 20 + 10 * (day % 7) + len(keyword)
                out.writerow(
                    {"date": f"2026-03-{day:02}", "campaign": campaign, "keyword": keyword, "impressions": clicks * 50,
                     "clicks": clicks, "cost": clicks * 0.5, "orders": clicks // 10, "sales": clicks // 10 * 30}
                )  # fmt: skip
    return path


def test_a_file_is_compared_at_campaign_and_finest_level(shell: Shell, tmp_path: Path) -> None:
    """Every level and question has ours, four naive forecasts and the gain."""
    done = shell("backtest", str(export(tmp_path / "report.csv")), "--json")

    results = done.data["results"]
    assert (0, "") == (done.code, done.err)
    assert [(level, asked) for level in ("campaign", "target") for asked in ("1", "7", "spend")] == [
        (one["level"], one["horizon"]) for one in results
    ]
    assert [2, 2, 2, 4, 4, 4] == [one["cells"] for one in results]
    for one in results:
        assert {"last", "mean_7", "mean_14", "smoothed"} == set(one["naive"])
        best = min(score["wape"] for score in one["naive"].values())
        assert best == one["naive"][one["best_naive"]]["wape"]
        assert pytest.approx(1 - one["ours"]["wape"] / best) == one["gain"]


def test_the_same_call_says_the_same_twice(shell: Shell, tmp_path: Path) -> None:
    """Nothing is drawn by chance, and no clock is in it."""
    path = str(export(tmp_path / "report.csv"))

    assert shell("--json", "backtest", path).out == shell("backtest", path, "--json").out


def test_level_and_horizon_can_be_chosen(shell: Shell, tmp_path: Path) -> None:
    """Each may be given several times."""
    done = shell(
        "backtest", str(export(tmp_path / "report.csv")), "--level", "account", "--horizon", "3", "--horizon", "spend",
        "--json",
    )  # fmt: skip

    assert [("account", "3"), ("account", "spend")] == [(one["level"], one["horizon"]) for one in done.data["results"]]


def test_people_read_a_table(shell: Shell, tmp_path: Path) -> None:
    """The text says what was read, and one line for each comparison."""
    done = shell("backtest", str(export(tmp_path / "report.csv")))

    assert 0 == done.code
    assert "28 days, 2026-03-01 to 2026-03-28" in done.out
    assert 2 == done.out.count("next 7 days")


def test_a_missing_column_is_named_with_its_remedy(shell: Shell, tmp_path: Path) -> None:
    """A file without sales says which column to export."""
    head = [name for name in _HEAD if name not in ("sales", "orders")]

    done = shell("backtest", str(export(tmp_path / "report.csv", head=head)))

    assert 2 == done.code
    assert "no revenue: export the column of sales" in done.err


def test_too_few_days_say_how_many_it_takes(shell: Shell, tmp_path: Path) -> None:
    """Twelve days are no history; with --json the error is JSON as well."""
    done = shell("backtest", str(export(tmp_path / "report.csv", days=12)), "--json")

    assert 2 == done.code
    assert "12 days are too few" in done.data["error"]["message"]


@pytest.mark.parametrize("horizon", ["0", "91", "week", "-1"])
def test_a_horizon_that_is_none_is_refused(shell: Shell, tmp_path: Path, horizon: str) -> None:
    """Only days from 1 to 90 and `spend` are horizons."""
    done = shell("backtest", str(export(tmp_path / "report.csv")), f"--horizon={horizon}")

    assert 2 == done.code
    assert "1 to 90, or spend" in done.err


def test_files_and_an_account_exclude_each_other(shell: Shell, tmp_path: Path) -> None:
    """One history at a time."""
    done = shell("backtest", str(export(tmp_path / "report.csv")), "--account", "shop")

    assert 2 == done.code
    assert "either DATA or --account" in done.err


def test_without_data_the_record_is_taken(shell: Shell) -> None:
    """What a cycle stored is forecast; before the first one there is nothing yet, and the message says what to do."""
    shell.configured(CONFIG.replace("history_days = 20", "history_days = 28"))
    assert 0 == shell("db", "upgrade").code
    before = shell("backtest")
    assert 0 == shell("once").code

    done = shell("backtest", "--level", "campaign", "--horizon", "1", "--json")

    assert 2 == before.code
    assert "run `bidder once`" in before.err
    assert "record" == done.data["source"]
    assert done.data["results"][0]["ours"]["wape"] > 0
