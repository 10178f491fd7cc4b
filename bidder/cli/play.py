"""Commands that play: the demo, simulations, and the mock marketplace as a server."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Protocol, runtime_checkable

import click

from bidder.cli.frame import Frame, progress, table
from bidder.errors import InputError

UNHEALTHY = 4
"""Exit code where a policy earned more than anybody can."""


@runtime_checkable
class Servable(Protocol):
    """A world factory that can also show its market over HTTP."""

    def serve(
        self, preset: str, *, seed: int, port: int, speed: float, scale: float, told: Callable[[str], object]
    ) -> None:
        """Serve until interrupted; ``told`` is called with the address and the token."""


class Seeds(click.ParamType[tuple[int, ...]]):
    """``A:B``, both ends included, or one number."""

    name = "A:B"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, ...]:
        """Read the range."""
        if isinstance(value, tuple):
            return value
        first, _, last = str(value).partition(":")
        try:
            low, high = int(first), int(last or first)
        except ValueError:
            self.fail(f"expected A:B or a number, was {value!r}", param, ctx)
        if not 0 <= low <= high:
            self.fail(f"expected 0 <= A <= B, was {value!r}", param, ctx)
        return tuple(range(low, high + 1))


@click.command()
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    default=Path("bidder-demo.html"),
    show_default=True,
    help="Where the page goes.",
)
@click.option("--seed", type=click.IntRange(min=0), help="Another shop of the same kind.")
@click.option("--jobs", type=click.IntRange(1, 16), default=2, show_default=True, help="Processes to play in.")
@click.pass_obj
def demo(frame: Frame, out: Path, seed: int | None, jobs: int) -> None:
    """Play 60 days of a mock shop from a careless set-up: the daemon, a common ACOS rule, and nobody.

    Example: bidder demo --out demo.html
    """
    from bidder.cli.comparison_page import change_note, comparison, contenders, hold_note
    from bidder.evaluate.demo import DEMO, play_demo
    from bidder.evaluate.summary import summary
    from bidder.report.comparison import heads, render, rows

    with progress() as advance:
        result = play_demo(jobs=jobs, progress=advance, seed=seed)
    page = comparison(
        result,
        title=f"{DEMO.days} days of a mock shop",
        lead=f"Preset {DEMO.preset}, {result.runs[0].targets} keywords, after 60 days of a careless owner.",
        footer=f"Made by bidder demo; seed {result.match.seeds[0]}. Every figure can be played again.",
    )
    _write(out, render(page))
    shown = contenders(result)
    story = next(run.story for run in result.runs if run.story is not None)
    notes = [(change_note(line), "+") for line in story.changes] + [(hold_note(line), "=") for line in story.holds]
    told = "\n".join(f"{mark} {note.head}\n    {note.why}\n    {note.small}" for note, mark in notes)
    frame.show(
        summary(result) | {"page": str(out)},
        f"{table(heads(shown, page.currency), rows(shown), right=range(1, 7))}\n\n"
        f"The most telling changes (+) and holds (=):\n{told}\n\n"
        f"The page with plots: {out}\n"
        "Next: `bidder audit FOLDER` with reports you downloaded, or `bidder config sample > bidder.toml` to connect "
        "an account; nothing is ever sent before `bidder arm`.",
    )


@click.command()
@click.option("--world", default="mock", show_default=True, help="Registered world to play in.")
@click.option("--preset", default="apparel", show_default=True, help="Kind of shop; an unknown one lists the known.")
@click.option("--days", type=click.IntRange(1, 1000), default=90, show_default=True, help="Days to play.")
@click.option("--seeds", type=Seeds(), default="1:3", show_default=True, help="Markets, A:B with both ends.")
@click.option(
    "--policy",
    "policies",
    default="bidder,rules,proportional,hands-off,oracle",
    show_default=True,
    help="Who steers, separated by commas.",
)
@click.option("--cold", is_flag=True, help="Begin without any history.")
@click.option(
    "--every", type=click.FloatRange(0.25, 24), default=1.0, show_default=True, help="Hours between decisions."
)
@click.option(
    "--scale", type=click.FloatRange(0.01, 20), default=1.0, show_default=True, help="Size against the preset's."
)
@click.option("--jobs", type=click.IntRange(1, 64), default=2, show_default=True, help="Processes to play in.")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="Also write a page with plots.")
@click.pass_obj
def simulate(
    frame: Frame,
    world: str,
    preset: str,
    days: int,
    seeds: tuple[int, ...],
    policies: str,
    *,
    cold: bool,
    every: float,
    scale: float,
    jobs: int,
    out: Path | None,
) -> int:
    """Let policies steer the same simulated market and compare what they earned.

    Example: bidder simulate --preset general --days 30 --seeds 1:4 --policy bidder,rules,hands-off,oracle
    """
    from bidder.cli.comparison_page import comparison, contenders
    from bidder.evaluate.simulate import Match, run
    from bidder.evaluate.summary import above_bound, summary
    from bidder.registry import load_world
    from bidder.report.comparison import heads, render, rows

    known = load_world(world).presets()
    if preset not in known:
        raise InputError(f"world {world} has no preset {preset!r}; it has {', '.join(known)}", place="--preset")
    match = Match(
        world=world,
        preset=preset,
        days=days,
        seeds=seeds,
        policies=tuple(policies.split(",")),
        history_days=0 if cold else 60,
        every=timedelta(hours=every),
        scale=scale,
    )
    with progress() as advance:
        result = run(match, jobs=jobs, progress=advance)
    page = comparison(
        result,
        title=f"{preset}: {days} days, {len(seeds)} markets",
        lead="Averages over the markets.",
        footer="Made by bidder simulate.",
    )
    if out is not None:
        _write(out, render(page))
    shown = contenders(result)
    frame.show(summary(result), table(heads(shown, page.currency), rows(shown), right=range(1, 7)))
    beaten = above_bound(result)
    if beaten:
        click.echo(f"More than the bound was earned by {', '.join(beaten)}: the referee is wrong.", err=True)
        return UNHEALTHY
    return 0


@click.group()
def mock() -> None:
    """Serve the mock marketplace over HTTP."""


@mock.command()
@click.option("--preset", default="apparel", show_default=True, help="Kind of shop.")
@click.option("--seed", type=click.IntRange(min=0), default=1, show_default=True, help="Which market.")
@click.option("--port", type=click.IntRange(0, 65535), default=8750, show_default=True, help="Port on 127.0.0.1.")
@click.option(
    "--speed",
    type=click.FloatRange(1, 100_000),
    default=1.0,
    show_default=True,
    help="Simulated seconds in one real second; a daemon on this machine's clock needs 1.",
)
@click.option("--scale", type=click.FloatRange(0.01, 20), default=0.2, show_default=True, help="Size of the shop.")
def serve(preset: str, seed: int, port: int, speed: float, scale: float) -> None:
    """Serve one mock shop on 127.0.0.1 until interrupted, with 60 days of history that end now.

    Example: bidder mock serve --preset general
    """
    from bidder.registry import load_world

    factory = load_world("mock")
    if not isinstance(factory, Servable):
        raise InputError("the installed mock world cannot be served", place="bidder mock serve")
    factory.serve(preset, seed=seed, port=port, speed=speed, scale=scale, told=click.echo)


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise InputError(f"cannot write the page: {error.strerror}", place=str(path)) from error
