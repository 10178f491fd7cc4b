"""Share of the best possible: the shipped daemon against rules, nobody, and the one who knows, on many markets.

Run ``python -m benchmarks.oracle``: 30 markets of each preset, 90 days after 60 days of history, a decision every
hour; and the same without any history for the daemon alone. Markets that are done can be kept with ``--keep FILE``:
a run that was stopped goes on there. ``--presets``, ``--seeds``, ``--days``, ``--scale`` and ``--every`` play less.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, fields, replace
from datetime import timedelta
from pathlib import Path

import numpy as np

from benchmarks.harness import Figure, Goal, result_line
from bidder.evaluate.simulate import Match, Result, run
from bidder.evaluate.summary import HARD, RULES, above_bound, bootstrap, share_of_oracle, shares_of_bound

PRESETS = ("apparel", "appliances", "general")
OTHERS = (*RULES, "proportional", "hands-off")
WARM = ("bidder", "oracle", *OTHERS)
COLD = ("bidder", "oracle")
HISTORY_DAYS = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """What is played; equal sizes give comparable markets.

    Attributes:
        scale: Size of the shop against the preset's; chosen so that 30 markets of a preset end within an hour.
        every_hours: Between two decisions.
    """

    presets: tuple[str, ...] = PRESETS
    seeds: tuple[int, ...] = tuple(range(1, 31))
    days: int = 90
    scale: float = 0.3
    every_hours: float = 1.0
    jobs: int = 2


FULL = Size()
REDUCED = Size(seeds=(1, 2), days=4, scale=0.1, every_hours=2.0, jobs=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One market: each policy's share of the oracle; 0 where it broke a rule.

    Attributes:
        half: The daemon's share on the second half. raw: Shares without zeros. of_bound: Shares of its own bound.
        over: Policies above 1.01 of their bound. changes: The daemon's changes per target and day.
        seconds: Wall time of the market.
    """

    preset: str
    seed: int
    cold: bool
    days: int
    scale: float
    every_hours: float
    share: dict[str, float]
    raw: dict[str, float]
    of_bound: dict[str, float]
    half: float
    over: tuple[str, ...]
    changes: float
    over_cap_micros: float
    seconds: float


def goals(presets: Sequence[str]) -> list[Goal]:
    """Return the bounds for these presets."""
    found: list[Goal] = []
    for preset in presets:
        found += [
            Goal(figure=f"{preset}_mean", at_least=0.92),
            Goal(figure=f"{preset}_second_half", at_least=0.95),
            Goal(figure=f"{preset}_worst", at_least=0.85),
            Goal(figure=f"{preset}_not_above_every_rule", at_most=0),
            Goal(figure=f"{preset}_cold_mean", at_least=0.80),
            Goal(figure=f"{preset}_cold_second_half", at_least=0.88),
            Goal(figure=f"{preset}_above_bound", at_most=0),
            *(Goal(figure=f"{preset}_{name}", at_most=limit) for name, limit in HARD.items()),
        ]
    return found


def figures(rows: Sequence[Row], presets: Sequence[str]) -> dict[str, Figure]:
    """Sum the rows up, preset by preset."""
    found: dict[str, Figure] = {}
    for preset in presets:
        warm = [row for row in rows if row.preset == preset and not row.cold]
        cold = [row for row in rows if row.preset == preset and row.cold]
        ours = [row.share["bidder"] for row in warm]
        low, high = bootstrap(ours)
        rules = {name: float(np.mean([row.raw[name] for row in warm])) for name in OTHERS}
        found |= {
            f"{preset}_markets": len(warm),
            f"{preset}_mean": float(np.mean(ours)),
            f"{preset}_mean_low": low,
            f"{preset}_mean_high": high,
            f"{preset}_second_half": float(np.mean([row.half for row in warm])),
            f"{preset}_worst": min(ours),
            f"{preset}_not_above_every_rule": sum(
                row.share["bidder"] <= max(row.share[name] for name in OTHERS) for row in warm
            ),
            f"{preset}_cold_mean": float(np.mean([row.share["bidder"] for row in cold])),
            f"{preset}_cold_second_half": float(np.mean([row.half for row in cold])),
            f"{preset}_rules": max(rules[name] for name in RULES),
            f"{preset}_proportional": rules["proportional"],
            f"{preset}_hands-off": rules["hands-off"],
            f"{preset}_oracle_of_bound": float(np.mean([row.of_bound["oracle"] for row in warm])),
            f"{preset}_oracle_of_bound_worst": min(row.of_bound["oracle"] for row in warm),
            f"{preset}_above_bound": sum(len(row.over) for row in (*warm, *cold)),
            f"{preset}_over_cap": sum(row.over_cap_micros for row in (*warm, *cold)) / 1e6,
            f"{preset}_changes_per_target_day": float(np.mean([row.changes for row in warm])),
            f"{preset}_minutes": sum(row.seconds for row in (*warm, *cold)) / 60,
        }
    return found


def play_all(size: Size, keep: Path | None) -> Iterator[Row]:
    """Play what is not kept yet, a market at a time, and yield every row."""
    kept = {} if keep is None or not keep.exists() else {_key(row): row for row in _read(keep)}
    for preset in size.presets:
        for seed in size.seeds:
            for cold in (False, True):
                name = (preset, seed, cold, size.days, size.scale, size.every_hours)
                row = kept.get(name)
                if row is None:
                    row = _play(size, preset, seed, cold=cold)
                    if keep is not None:
                        with keep.open("a", encoding="utf-8") as file:
                            file.write(json.dumps(asdict(row)) + "\n")
                best = max(row.share.get(rule, 0.0) for rule in OTHERS)
                kind = "cold" if cold else f"best rule {best:.3f}"
                print(
                    f"{preset} {seed}: {row.share['bidder']:.3f} of the oracle, second half {row.half:.3f}, {kind}, "
                    f"oracle {row.of_bound['oracle']:.3f} of the bound, {row.seconds:.0f} s",
                    flush=True,
                )
                yield row


def _play(size: Size, preset: str, seed: int, *, cold: bool) -> Row:
    began = time.perf_counter()
    match = Match(
        preset=preset,
        days=size.days,
        seeds=(seed,),
        policies=COLD if cold else WARM,
        history_days=0 if cold else HISTORY_DAYS,
        every=timedelta(hours=size.every_hours),
        scale=size.scale,
    )
    return row_of(run(match, jobs=size.jobs), cold=cold, seconds=time.perf_counter() - began)


def row_of(result: Result, *, cold: bool, seconds: float) -> Row:
    """Read one market's row from its runs."""
    match = result.match
    shares = {name: share for name in match.policies if (share := share_of_oracle(result, name)) is not None}
    (ours,) = result.of("bidder")
    return Row(
        preset=match.preset,
        seed=match.seeds[0],
        cold=cold,
        days=match.days,
        scale=match.scale,
        every_hours=match.every / timedelta(hours=1),
        share={name: share.mean for name, share in shares.items()},
        raw={name: share.earned for name, share in shares.items()},
        of_bound={name: shares_of_bound(result, name)[0] for name in match.policies},
        half=shares["bidder"].second_half,
        over=above_bound(result),
        changes=ours.sent / max(ours.targets * match.days, 1),
        over_cap_micros=float(ours.over_cap.sum()),
        seconds=seconds,
    )


def _key(row: Row) -> tuple[str, int, bool, int, float, float]:
    return row.preset, row.seed, row.cold, row.days, row.scale, row.every_hours


def _read(keep: Path) -> Iterator[Row]:
    for line in keep.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        yield Row(**row | {"over": tuple(row["over"])})


def seeds(text: str) -> tuple[int, ...]:
    """Read ``A:B``, both ends included, or one number."""
    first, _, last = text.partition(":")
    return tuple(range(int(first), int(last or first) + 1))


def main(arguments: Sequence[str] | None = None) -> int:
    """Play, print a line a market and the result line last."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.oracle", description=__doc__)
    parser.add_argument("--reduced", action="store_true", help="a small size, to see that it still runs")
    parser.add_argument("--presets", type=lambda text: tuple(text.split(",")), help="separated by commas")
    parser.add_argument("--seeds", type=seeds, help="A:B with both ends")
    parser.add_argument("--days", type=int)
    parser.add_argument("--scale", type=float)
    parser.add_argument("--every", type=float, dest="every_hours", help="hours between decisions")
    parser.add_argument("--jobs", type=int, help="processes")
    parser.add_argument("--keep", type=Path, help="file of finished markets, read and appended to")
    options = parser.parse_args(arguments)
    chosen = {name: value for name, value in vars(options).items() if value is not None}
    base = REDUCED if options.reduced else FULL
    size = replace(base, **{field.name: chosen[field.name] for field in fields(Size) if field.name in chosen})
    rows = list(play_all(size, options.keep))
    found = figures(rows, size.presets)
    print(f"oracle: {len(rows)} matches")
    for name, value in found.items():
        print(f"  {name:<44} {value:.4f}" if isinstance(value, float) else f"  {name:<44} {value}")
    print(result_line("oracle", found, goals(size.presets)), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
