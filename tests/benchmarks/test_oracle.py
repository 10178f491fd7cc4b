"""The oracle benchmark sums markets up honestly and goes on where it was stopped."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from benchmarks.harness import result_line
from benchmarks.oracle import OTHERS, Row, Size, figures, goals, play_all, seeds

GOOD = Row(
    preset="apparel",
    seed=1,
    cold=False,
    days=90,
    scale=0.3,
    every_hours=1.0,
    share={"bidder": 0.95, "oracle": 1.0} | dict.fromkeys(OTHERS, 0.5),
    raw={"bidder": 0.95, "oracle": 1.0} | dict.fromkeys(OTHERS, 0.5),
    of_bound={"bidder": 0.93, "oracle": 0.98},
    half=0.97,
    over=(),
    changes=0.1,
    over_cap_micros=0.0,
    seconds=60.0,
)
COLD = replace(GOOD, cold=True, share={"bidder": 0.85, "oracle": 1.0}, raw={"bidder": 0.85, "oracle": 1.0}, half=0.9)


def met(rows: list[Row]) -> bool:
    """Tell whether all goals of the one preset are met."""
    line = result_line("oracle", figures(rows, ["apparel"]), goals(["apparel"]))
    return bool(json.loads(line)["met"])


def test_good_markets_meet_every_goal() -> None:
    """Shares above all goals, no rule ahead, no bound beaten."""
    assert met([GOOD, replace(GOOD, seed=2), COLD])


@pytest.mark.parametrize(
    "bad",
    [
        replace(GOOD, seed=2, share=GOOD.share | {"bidder": 0.84}),
        replace(GOOD, seed=2, share=GOOD.share | {"rules-loose": 0.95}),
        replace(GOOD, seed=2, half=0.9),
        replace(GOOD, seed=2, over=("rules",)),
        replace(GOOD, seed=2, raw=GOOD.raw | {"proportional": 1.3}),
        replace(COLD, seed=2, share=COLD.share | {"bidder": 0.5}),
    ],
    ids=["one bad seed", "a rule as good", "second half", "above the bound", "an easy market", "cold"],
)
def test_one_bad_market_is_not_averaged_away(bad: Row) -> None:
    """Each of the goals can fail."""
    assert not met([GOOD, bad, COLD])


def test_kept_markets_are_not_played_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With every row on file nothing is played; a row of another size does not count."""
    keep = tmp_path / "rows.jsonl"
    keep.write_text("".join(json.dumps(asdict(row)) + "\n" for row in (GOOD, COLD, replace(GOOD, scale=1.0))))
    size = Size(presets=("apparel",), seeds=(1,), days=90, scale=0.3)

    rows = list(play_all(size, keep))

    assert [GOOD, COLD] == rows
    assert "apparel 1: 0.950 of the oracle" in capsys.readouterr().out


def test_seeds_include_both_ends() -> None:
    """``2:4`` is two, three and four."""
    assert (2, 3, 4) == seeds("2:4")
    assert (7,) == seeds("7")
