"""``bidder backtest``: how well the coming days would have been forecast, on your own history, against naive rules.

It changes nothing and sends nothing. The work is done by `bidder.evaluate.backtest`.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bidder.cli.frame import Frame, now, plain, table
from bidder.cli.reports import mappings, reader
from bidder.errors import InputError

if TYPE_CHECKING:
    from bidder.evaluate.backtest import Comparison
    from bidder.evaluate.history import Cut, MoneyHistory
    from bidder.forecast.walk import Question

_SPEND = "spend"
_NAMES = {"last": "last value", "mean_7": "mean of 7", "mean_14": "mean of 14", "smoothed": "smoothing .3"}


class Horizon(click.ParamType[str]):
    """A number of days ahead, or ``spend`` for a day whose spend is known."""

    name = "DAYS|spend"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Read the horizon."""
        text = str(value)
        if text != _SPEND and not (text.isdecimal() and 1 <= int(text) <= 90):  # noqa: PLR2004  # a quarter
            self.fail(f"expected a number of days from 1 to 90, or {_SPEND}, was {text!r}", param, ctx)
        return text


@click.command()
@click.argument("data", required=False, type=click.Path(exists=True, path_type=Path))
@click.option(
    "--horizon",
    "horizons",
    type=Horizon(),
    multiple=True,
    default=("1", "7", _SPEND),
    show_default=True,
    help="Days ahead, or `spend`: the next day, its spend known. May be given several times.",
)
@click.option(
    "--level",
    "levels",
    type=click.Choice(["account", "campaign", "ad-group", "target"]),
    multiple=True,
    help="What is forecast one by one; campaign and the finest level where absent. May be given several times.",
)
@click.option("--account", "name", help="Which configured account, without DATA; not needed where there is only one.")
@click.option("--currency", help="ISO 4217, where the files do not say.")
@click.option("--time-zone", default="UTC", show_default=True, help="Zone whose days the reports count.")
@click.option(
    "--year", type=click.IntRange(1990, 2100), help="Year of days that state none; the last one where absent."
)
@click.option("--date-order", type=click.Choice(["dmy", "mdy", "ymd"]), help="Order of day and month, where unclear.")
@click.option("--order-value", help="What an order is worth, for files without sales.")
@click.option(
    "--mapping",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="TOML file of column mappings, where headings are misunderstood.",
)
@click.option("--skip-bad-rows", is_flag=True, help="Leave rows out whose cells cannot be read, and say so.")
@click.pass_obj
def backtest(
    frame: Frame,
    data: Path | None,
    *,
    horizons: tuple[str, ...],
    levels: tuple[str, ...],
    name: str | None,
    currency: str | None,
    time_zone: str,
    year: int | None,
    date_order: str | None,
    order_value: str | None,
    mapping: Path | None,
    skip_bad_rows: bool,
) -> None:
    """Forecast every past day from the days before it, and compare with naive forecasts.

    DATA is a folder or a file of downloaded reports; without it, the configured account's record is taken. WAPE is
    the sum of absolute errors over the sum of absolute outcomes: lower is better.

    Example: bidder backtest reports --horizon 1 --horizon spend --level campaign
    """
    from bidder.evaluate.backtest import backtest as score
    from bidder.evaluate.history import Cut, from_files

    if data is None:
        history = _recorded(frame, name)
    elif name is not None:
        raise InputError("name either DATA or --account", place="--account")
    else:
        # Only the order of days counts here, so those that state no year take one that is over.
        stated = {"year": year or now().year - 1, "date_order": date_order, "order_value": order_value}
        options: dict[str, object] = {
            "folder": str(data),
            "refused": "skip" if skip_bad_rows else "stop",
            "money_only": True,
            **{key: value for key, value in stated.items() if value is not None},
        }
        if mapping is not None:
            options["mapping"] = mappings(mapping)
        history = from_files(options, reader("backtest", currency, time_zone), now=now())
    cuts = tuple(Cut(level) for level in dict.fromkeys(levels)) or history.telling_cuts()
    questions = [_question(horizon) for horizon in dict.fromkeys(horizons)]
    found = [
        (cut, score(series, question)) for cut in cuts for series in [history.series(cut)] for question in questions
    ]
    frame.show(
        {
            "source": "record" if data is None else str(data),
            "reading": list(history.notes),
            "first_day": history.days.first,
            "last_day": history.days.last,
            "days": len(history.days),
            "results": [_told(cut, one) for cut, one in found],
        },
        _text(history, found),
    )


def _recorded(frame: Frame, name: str | None) -> MoneyHistory:
    """Return what the record of the configured account holds."""
    from bidder.cli.inspect import chosen, opened
    from bidder.evaluate.history import from_record

    with opened(frame) as (settings, store):
        return from_record(store, settings.account(chosen(settings, name)).account, now=now())


def _question(horizon: str) -> Question:
    from bidder.forecast.walk import Question

    return Question(days=1, given_spend=True) if horizon == _SPEND else Question(days=int(horizon))


def _told(cut: Cut, one: Comparison) -> dict[str, object]:
    asked = one.question
    return {
        "level": cut.value,
        "horizon": _SPEND if asked.given_spend else str(asked.days),
        "cells": one.cells,
        "origins": one.origins,
        "ours": {
            "wape": one.ours.wape,
            "bias": one.ours.bias,
            "bias_of_mean": one.mean_bias,
            "crps": one.crps,
            "coverage_80": one.coverage,
        },
        "naive": {name: {"wape": score.wape, "bias": score.bias} for name, score in one.naive.items()},
        "best_naive": one.best_naive,
        "gain": one.gain,
    }


def _text(history: MoneyHistory, found: Sequence[tuple[Cut, Comparison]]) -> str:
    """Say it for a person: one line for each level and question."""
    rows = [
        [
            cut.value,
            _asked(one.question),
            f"{one.cells:,}",
            one.origins,
            _share(one.ours.wape),
            *(_share(one.naive[name].wape) for name in _NAMES),
            "-" if one.gain is None else f"{one.gain:+.1%}",
            _share(one.ours.bias),
            _share(one.coverage),
        ]
        for cut, one in found
    ]
    head = ["level", "revenue of", "cells", "origins", "ours", *_NAMES.values(), "ours to best", "bias", "in 80%"]
    lines = ["What I read", *(f"  {plain(line)}" for line in history.notes), ""] if history.notes else []
    lines += [
        f"{len(history.days)} days, {history.days.first} to {history.days.last}. WAPE, the smaller the better:",
        "",
        table(head, rows, right=range(2, len(head))),
        "",
        "Each origin saw the days before it only. `ours to best` is by how much our error is smaller than that of the",
        "best naive forecast, chosen afterwards. `in 80%` is the share of money that came inside our 80% interval.",
    ]
    return "\n".join(lines)


def _asked(question: Question) -> str:
    if question.given_spend:
        return "next day, spend known"
    return "next day" if question.days == 1 else f"next {question.days} days"


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
