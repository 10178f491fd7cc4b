"""The frame of the benchmarks judges goals honestly and prints one valid result line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.__main__ import KEYS, names, result_of
from benchmarks.harness import BenchmarkError, Figure, Goal, Timing, result_line, side_by_side


def test_result_line_holds_exactly_the_agreed_keys() -> None:
    """The last line is one JSON object with benchmark, figures, goals and met."""
    line = result_line("speed", {"ratio": 3.0}, [Goal(figure="ratio", at_least=2.0)])

    result = json.loads(line)

    assert set(result) == KEYS
    assert result["met"] is True
    assert {"ratio": {"at_least": 2.0, "met": True}} == result["goals"]


@pytest.mark.parametrize(
    ("figure", "expected"),
    [(2.0, True), (1.999, False), (float("nan"), False), (None, False), ("fast", False), (7, True)],
    ids=["bound", "below", "nan", "missing", "text", "integer"],
)
def test_a_goal_is_met_only_by_a_number_within_its_bound(figure: Figure, expected: bool) -> None:  # noqa: FBT001
    """What was not measured, or is not a number, meets no goal."""
    goal = Goal(figure="ratio", at_least=2.0)

    assert expected == goal.is_met({"ratio": figure})


def test_one_unmet_goal_makes_the_whole_result_unmet() -> None:
    """`met` is the conjunction of all goals."""
    goals = [Goal(figure="ratio", at_least=2.0), Goal(figure="gap", at_most=1e-8)]

    result = json.loads(result_line("speed", {"ratio": 3.0, "gap": 1e-3}, goals))

    assert result["met"] is False


def test_a_goal_in_seconds_takes_the_best_of_five() -> None:
    """One lucky round is not enough, and one slow round does no harm."""
    goal = Goal(figure="cycle", at_most=1.0)

    assert goal.is_met({"cycle": Timing(seconds=(9.0, 0.9, 2.0, 3.0, 4.0))})
    with pytest.raises(BenchmarkError, match="at least 5 rounds"):
        goal.is_met({"cycle": Timing(seconds=(0.9,))})


def test_goals_that_cannot_fail_are_refused() -> None:
    """A goal without a bound, and a benchmark without a goal, are mistakes."""
    with pytest.raises(BenchmarkError, match="no bound"):
        Goal(figure="ratio")
    with pytest.raises(BenchmarkError, match="no goals"):
        result_line("speed", {"ratio": 3.0}, [])


def test_a_goal_on_a_figure_that_was_renamed_is_refused() -> None:
    """A goal must not be met because nobody measures it any more."""
    with pytest.raises(BenchmarkError, match="no figure is called ratio"):
        result_line("speed", {"ratios": 3.0}, [Goal(figure="ratio", at_least=1)])


def test_contestants_take_turns_and_none_always_starts() -> None:
    """Every contestant works once a round, and the first turn moves on."""
    order: list[str] = []
    contestants = {name: lambda name=name: order.append(name) for name in ("ours", "peer")}

    timings = side_by_side(contestants, rounds=2, warm_up=False)

    assert ["ours", "peer", "peer", "ours"] == order
    assert {"ours": 2, "peer": 2} == {name: len(timing.seconds) for name, timing in timings.items()}


def test_output_without_a_result_line_is_noticed() -> None:
    """A trailing line of text, an empty output or other keys are no result."""
    good = '{"benchmark": "a", "figures": {}, "goals": {}, "met": true}'

    assert result_of(f"text\n{good}\n") is not None
    assert result_of(f"{good}\nand more text") is None
    assert result_of("") is None
    assert result_of('{"benchmark": "a", "met": true}') is None


def test_helpers_are_told_from_benchmarks(tmp_path: Path) -> None:
    """Only a module that does something when it is run is a benchmark."""
    (tmp_path / "market.py").write_text("SIZE = 3\n", encoding="utf-8")
    (tmp_path / "speed.py").write_text('if __name__ == "__main__":\n    print("{}")\n', encoding="utf-8")
    (tmp_path / "__main__.py").write_text('if __name__ == "__main__":\n    print("all")\n', encoding="utf-8")

    assert ["speed"] == names(tmp_path)
