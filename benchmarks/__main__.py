"""Run every benchmark in a process of its own: ``python -m benchmarks [--reduced] [NAME ...]``.

Exit code 1 if one breaks or prints no valid result line, or, at full size, if a goal is not met. At the reduced
size goals are shown only: they are set for the full size.
"""

from __future__ import annotations

import argparse
import ast
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parent
KEYS = frozenset({"benchmark", "figures", "goals", "met"})


def names(folder: Path = FOLDER) -> list[str]:
    """Return the names of all benchmarks, sorted: the modules that do something when they are run."""
    return sorted(file.stem for file in folder.glob("[!_]*.py") if _runs(file))


def _runs(file: Path) -> bool:
    """Tell a benchmark from a helper: only a benchmark has a part for ``__name__ == "__main__"``."""
    tests = (node.test for node in ast.parse(file.read_text(encoding="utf-8")).body if isinstance(node, ast.If))
    return any(ast.unparse(test) == "__name__ == '__main__'" for test in tests)


def result_of(output: str) -> dict[str, Any] | None:
    """Read the result line: the last line printed, if it is a JSON object with exactly the agreed keys."""
    lines = output.strip().splitlines()
    try:
        result = json.loads(lines[-1]) if lines else None
    except json.JSONDecodeError:
        return None
    return result if isinstance(result, dict) and set(result) == KEYS else None


def run_one(name: str, *, reduced: bool) -> dict[str, Any] | None:
    """Run one benchmark, pass its output on, and return its result, or None where it broke."""
    command = [sys.executable, "-m", f"benchmarks.{name}", *(["--reduced"] if reduced else [])]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    print(done.stdout, end="", flush=True)
    if done.returncode != 0:
        print(f"{name}: broke with exit code {done.returncode}", flush=True)
        return None
    result = result_of(done.stdout)
    if result is None:
        print(f"{name}: the last line printed is no result", flush=True)
    return result


def main() -> int:
    """Run the benchmarks named, or all, and print a summary."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Run benchmarks.")
    parser.add_argument("names", nargs="*", help="which ones; all by default")
    parser.add_argument("--reduced", action="store_true", help="small sizes, to see that they still run")
    options = parser.parse_args()
    known = names()
    unknown = sorted(set(options.names) - set(known))
    if unknown:
        parser.error(f"no such benchmark: {', '.join(unknown)}; there are {', '.join(known) or 'none'}")
    results = {name: run_one(name, reduced=options.reduced) for name in options.names or known}
    print(f"\n{len(results)} benchmarks")
    for name, result in results.items():
        verdict = "broke" if result is None else "met" if result["met"] else "NOT MET"
        print(f"  {name:<24} {verdict}")
    broke = any(result is None for result in results.values())
    unmet = any(result is not None and not result["met"] for result in results.values())
    return 1 if broke or (unmet and not options.reduced) else 0


if __name__ == "__main__":
    sys.exit(main())
