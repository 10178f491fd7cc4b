"""The common frame of all benchmarks: sizes, side-by-side timing, goals, and one JSON object as the last line.

A benchmark is a module ``benchmarks/NAME.py`` whose ``main`` hands a measuring function and its goals to `run`.
The last line printed is ``{"benchmark", "figures", "goals", "met"}``. Goals rest on ratios measured within one run
(ours beside a peer or the floor, interleaved), because seconds belong to a machine; a goal that must be in
seconds takes a `Timing`, which counts the best of at least five rounds.
"""

from __future__ import annotations

import argparse
import gc
import json
import math
import statistics
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

ROUNDS = 5
"""Rounds in which the contestants of a comparison take turns; also the least that a goal in seconds asks for."""


class BenchmarkError(Exception):
    """A benchmark is built wrongly: its goals could not be judged honestly."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """Wall times of the rounds of one contestant.

    Attributes:
        seconds: One wall time for each round, in the order measured.
    """

    seconds: tuple[float, ...]

    def __post_init__(self) -> None:
        """Refuse a timing without rounds.

        Raises:
            BenchmarkError: There are no rounds, or one is not a positive time.
        """
        if not self.seconds or not all(math.isfinite(value) and value > 0 for value in self.seconds):
            message = f"a timing needs positive wall times, was {self.seconds}"
            raise BenchmarkError(message)

    @property
    def best(self) -> float:
        """Return the shortest wall time: what the work costs when nothing else runs."""
        return min(self.seconds)

    @property
    def median(self) -> float:
        """Return the median wall time: what comparisons of contestants use."""
        return statistics.median(self.seconds)


Figure = float | int | str | bool | Timing | None
"""What a benchmark may report. None means "could not be measured" and meets no goal."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Goal:
    """A bound on one figure.

    Attributes:
        figure: Name of the figure that is judged.
        at_least: Lower bound, included; None for no lower bound.
        at_most: Upper bound, included; None for no upper bound.
    """

    figure: str
    at_least: float | None = None
    at_most: float | None = None

    def __post_init__(self) -> None:
        """Refuse a goal that cannot fail.

        Raises:
            BenchmarkError: Neither bound is given.
        """
        if self.at_least is None and self.at_most is None:
            message = f"the goal on {self.figure} has no bound: give at_least or at_most"
            raise BenchmarkError(message)

    def is_met(self, figures: Mapping[str, Figure]) -> bool:
        """Judge the goal on the figures of a run.

        Args:
            figures: All figures of the run, by name.

        Returns:
            True where the figure was measured, is a number and lies within the bounds.

        Raises:
            BenchmarkError: There is no such figure, or a time has fewer than `ROUNDS` rounds.
        """
        if self.figure not in figures:
            message = f"no figure is called {self.figure}; there are {', '.join(figures)}"
            raise BenchmarkError(message)
        figure = figures[self.figure]
        if isinstance(figure, Timing):
            if len(figure.seconds) < ROUNDS:
                message = f"{self.figure} is a goal in seconds: measure at least {ROUNDS} rounds"
                raise BenchmarkError(message)
            figure = figure.best
        if figure is None or isinstance(figure, str) or math.isnan(figure):
            return False
        above = self.at_least is None or figure >= self.at_least
        below = self.at_most is None or figure <= self.at_most
        return above and below

    def bounds(self) -> dict[str, float]:
        """Return the bounds that are given, by name."""
        named = {"at_least": self.at_least, "at_most": self.at_most}
        return {name: bound for name, bound in named.items() if bound is not None}


def side_by_side(
    contestants: Mapping[str, Callable[[], object]], *, rounds: int = ROUNDS, warm_up: bool = True
) -> dict[str, Timing]:
    """Time contestants in turns, so that a busy minute of the machine hits all of them.

    Args:
        contestants: The work to time, by name. Each call does the whole work once.
        rounds: How often each takes its turn.
        warm_up: Call each once beforehand, untimed: imports, caches and page faults.

    Returns:
        One timing for each contestant, in the order given.
    """
    if warm_up:
        for work in contestants.values():
            work()
    seconds: dict[str, list[float]] = {name: [] for name in contestants}
    names = list(contestants)
    for round_number in range(rounds):
        # Each round starts with another contestant: the first one after a pause is often the slowest.
        turn = round_number % len(names)
        for name in names[turn:] + names[:turn]:
            gc.collect()
            began = time.perf_counter()
            contestants[name]()
            seconds[name].append(time.perf_counter() - began)
    return {name: Timing(seconds=tuple(values)) for name, values in seconds.items()}


def best_of(work: Callable[[], object], *, rounds: int = ROUNDS) -> Timing:
    """Time one piece of work for a goal in seconds.

    Args:
        work: The work to time; each call does the whole of it once.
        rounds: How often to do it; at least `ROUNDS` where a goal rests on it.

    Returns:
        The timing of all rounds, after one untimed call.
    """
    return side_by_side({"work": work}, rounds=rounds)["work"]


def result_line(name: str, figures: Mapping[str, Figure], goals: Sequence[Goal]) -> str:
    """Render the one JSON object that a benchmark prints last.

    Args:
        name: The benchmark's name.
        figures: What was measured. A `Timing` becomes its best and median in seconds; nan and infinity become null.
        goals: The bounds to judge.

    Returns:
        One line of JSON with the keys benchmark, figures, goals and met. `met` is true where every goal is met.

    Raises:
        BenchmarkError: There are no goals, or one names a figure that is not there.
    """
    if not goals:
        message = f"{name} has no goals: a benchmark that cannot fail measures nothing"
        raise BenchmarkError(message)
    verdicts = {goal.figure: goal.bounds() | {"met": goal.is_met(figures)} for goal in goals}
    plain = {key: value for figure, held in figures.items() for key, value in _plain(figure, held).items()}
    met = all(bool(verdict["met"]) for verdict in verdicts.values())
    return json.dumps(
        {"benchmark": name, "figures": plain, "goals": verdicts, "met": met}, allow_nan=False, ensure_ascii=False
    )


def run(name: str, measure: Callable[[bool], Mapping[str, Figure]], goals: Sequence[Goal]) -> int:
    """Measure, print the figures for people and the result line for machines.

    Args:
        name: The benchmark's name, as in ``python -m benchmarks.NAME``.
        measure: Does the work; its argument says whether to use the reduced size. Returns the figures.
        goals: The bounds to judge; the same at both sizes.

    Returns:
        The exit code: 0 where the benchmark ran, whether or not its goals are met.
    """
    parser = argparse.ArgumentParser(prog=f"python -m benchmarks.{name}")
    parser.add_argument("--reduced", action="store_true", help="a small size, to see that it still runs")
    reduced = bool(parser.parse_args().reduced)
    began = time.perf_counter()
    figures = measure(reduced)
    size = "reduced" if reduced else "full"
    print(f"{name}: {size} size, {time.perf_counter() - began:.1f} s in all")
    for figure, value in figures.items():
        print(f"  {figure:<44} {_readable(value)}")
    line = result_line(name, figures, goals)
    sys.stdout.flush()
    print(line, flush=True)
    return 0


def _plain(figure: str, value: Figure) -> dict[str, float | int | str | bool | None]:
    if isinstance(value, Timing):
        return {f"{figure}_best_s": value.best, f"{figure}_median_s": value.median}
    if isinstance(value, float) and not math.isfinite(value):
        return {figure: None}
    return {figure: value}


def _readable(value: Figure) -> str:
    match value:
        case None:
            return "not measured"
        case Timing():
            return f"best {value.best:.4g} s, median {value.median:.4g} s of {len(value.seconds)}"
        case float():
            return f"{value:.6g}"
        case _:
            return str(value)
