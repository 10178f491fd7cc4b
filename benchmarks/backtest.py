"""Backtest benchmark: our forecast of coming revenue on strangers' files, against the best of four naive forecasts.

Twelve cells: four cuts of three files, each for the next day, the next seven days, and the next day with its spend
known. The files are no part of the project: they are read from ``$BIDDER_SHARED_DATA``, or from ``../shared/data``
beside the project; where they are absent nothing is measured and no goal is met.
Run: ``python -m benchmarks.backtest``.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from benchmarks.harness import Figure, Goal, run
from bidder.core.entities import Account, AccountId
from bidder.evaluate.backtest import Comparison, backtest
from bidder.evaluate.history import Cut, MoneyHistory, from_files
from bidder.forecast.series import Series, useful_parents
from bidder.forecast.walk import Question

QUESTIONS = {"day": Question(days=1), "week": Question(days=7), "spend": Question(days=1, given_spend=True)}
GOALS = (Goal(figure="cells_better_by_5", at_least=5), Goal(figure="worst_ratio", at_most=1.02))


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """One cut of one file.

    Attributes:
        options: What its reader must be told.
        stated: The best naive WAPE that the folder's own page states, in the order of `QUESTIONS`.
    """

    file: str
    cut: Cut = Cut.TARGET
    options: Mapping[str, object] = field(default_factory=dict)
    stated: tuple[float, float, float]


PANELS = {
    "online_placement": Panel(
        file="online_advertising_performance_data.csv",
        options={"year": 2020, "mapping": [{"columns": {"target": ["placement"]}}]},
        stated=(0.179, 0.212, 0.082),
    ),
    "online_finest": Panel(
        file="online_advertising_performance_data.csv", options={"year": 2020}, stated=(0.203, 0.236, 0.109)
    ),
    "datamasked": Panel(file="datamasked_ad_table.csv", stated=(0.315, 0.162, 0.317)),
    "february": Panel(file="marketing_feb2021_11campaigns.csv", stated=(0.799, 0.754, 0.155)),
}
ASIDE = {
    "geo": Panel(file="google_matched_markets_salesandcost.csv", stated=(np.nan, np.nan, np.nan)),
    "online_campaign": Panel(
        file="online_advertising_performance_data.csv",
        cut=Cut.CAMPAIGN,
        options={"year": 2020},
        stated=(np.nan, np.nan, np.nan),
    ),
}
"""Not counted for the goals: told so that nobody takes the twelve cells for the world."""


def main() -> int:
    """Run the benchmark."""
    return run("backtest", measure, GOALS)


def data_folder() -> Path | None:
    """Return the folder of shared files, or ``None`` where there is none."""
    stated = os.environ.get("BIDDER_SHARED_DATA")
    folder = Path(stated) if stated else Path(__file__).resolve().parents[2] / "shared" / "data"
    return folder if all((folder / panel.file).is_file() for panel in PANELS.values()) else None


def read(folder: Path, panel: Panel) -> MoneyHistory:
    """Read one file as `bidder backtest` does."""
    account = Account(
        id=AccountId("shared"), adapter="files", remote_id="shared", owner="shared", currency="XXX", time_zone="UTC"
    )
    options = {"folder": str(folder / panel.file), "money_only": True, **panel.options}
    return from_files(options, account, now=datetime.now(UTC))


def measure(reduced: bool) -> Mapping[str, Figure]:  # noqa: FBT001  # the harness calls it so
    """Return WAPE of ours and of the best naive, their ratio, and what the goals ask."""
    folder = data_folder()
    if folder is None:
        print("no shared data: set BIDDER_SHARED_DATA to the folder with the files")
        return {"cells": 0, "cells_better_by_5": None, "worst_ratio": None}
    panels = {name: PANELS[name] for name in (("datamasked", "february") if reduced else PANELS)}
    figures: dict[str, Figure] = {}
    ratios, agreed, seconds = [], 0, 0.0
    for name, panel in panels.items():
        series = read(folder, panel).series(panel.cut)
        began = time.perf_counter()
        for (asked, one), stated in zip(_answers(series), panel.stated, strict=True):
            best = one.naive[one.best_naive].wape
            ratios.append(_ratio(one))
            agreed += best is not None and abs(best - stated) <= 0.0015  # it is stated to 3 digits
            figures |= {f"{name}_{asked}_ours": one.ours.wape, f"{name}_{asked}_naive": best}
            figures |= {f"{name}_{asked}_ratio": ratios[-1], f"{name}_{asked}_coverage": one.coverage}
        seconds = max(seconds, time.perf_counter() - began)
    figures |= {
        "cells": len(ratios),
        "cells_whose_naive_is_as_stated": agreed,
        "cells_better_by_5": sum(ratio <= 0.95 for ratio in ratios),  # the goal's own bound
        "worst_ratio": max(ratios),
        "mean_log_ratio": float(np.mean(np.log(ratios))),
        "slowest_panel_seconds": seconds,
    }
    return figures if reduced else figures | _aside(folder)


def _answers(series: Series) -> Iterator[tuple[str, Comparison]]:
    for asked, question in QUESTIONS.items():
        yield asked, backtest(series, question)


def _ratio(one: Comparison) -> float:
    """Return our WAPE over that of the best naive."""
    return np.nan if one.gain is None else 1.0 - one.gain


def _aside(folder: Path) -> dict[str, Figure]:
    """Return ratios on other levels, another file, and parts of the files: what was not asked for."""
    figures: dict[str, Figure] = {}
    for name, panel in ASIDE.items():
        if (folder / panel.file).is_file():
            series = read(folder, panel).series(panel.cut)
            figures |= {f"aside_{name}_{asked}_ratio": _ratio(one) for asked, one in _answers(series)}
    parts = []
    for panel in PANELS.values():
        series = read(folder, panel).series(panel.cut)
        halves = [_cells(series, slice(start, None, 2)) for start in (0, 1)]
        parts += [_ratio(one) for half in (*halves, series.total()) for _, one in _answers(half)]
    return figures | {
        "aside_parts": len(parts),
        "aside_parts_better_by_5": sum(ratio <= 0.95 for ratio in parts),  # as for the cells
        "aside_parts_worse_by_2": sum(ratio > 1.02 for ratio in parts),  # as for the cells
        "aside_parts_worst_ratio": max(parts),
        "aside_parts_mean_log_ratio": float(np.mean(np.log(parts))),
    }


def _cells(series: Series, chosen: slice) -> Series:
    """Return every other cell."""
    revenue, spend = series.revenue[:, chosen], series.spend[:, chosen]
    parents = useful_parents([group[chosen] for group in series.parents], revenue.shape[1])
    return Series(revenue=revenue, spend=spend, parents=parents, phase=series.phase)


if __name__ == "__main__":
    sys.exit(main())
