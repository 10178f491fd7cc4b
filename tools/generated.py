"""Write, or check, every file that is made from the code: ``python -m tools.generated --write | --check``.

The configuration sample and schema, and the reference pages on commands, configuration, reason codes and errors.
CI runs the check: a page that disagrees with the program is worse than none.
"""

from __future__ import annotations

import argparse
import difflib
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from tools import reference

PROJECT = Path(__file__).resolve().parent.parent

GENERATORS: Mapping[str, Callable[[], str]] = {
    "config/bidder.example.toml": reference.config_sample,
    "docs/reference/bidder.schema.json": reference.config_schema,
    "docs/reference/cli.md": reference.commands_page,
    "docs/reference/configuration.md": reference.configuration_page,
    "docs/reference/errors.md": reference.errors_page,
    "docs/reference/reasons.md": reference.reasons_page,
}
"""Path from the project's root, and what makes its text."""


def write(files: Mapping[str, str], *, root: Path) -> list[str]:
    """Write texts below a folder; return the paths that changed."""
    changed = stale(files, root=root)
    for path in changed:
        target = root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(files[path], encoding="utf-8")
    return changed


def stale(files: Mapping[str, str], *, root: Path) -> list[str]:
    """Return the paths below a folder whose content is not the given text, missing ones included."""
    return [path for path, text in files.items() if _content(root / path) != text]


def difference(path: str, text: str, *, root: Path) -> str:
    """Return how a file on disk differs from what it should be."""
    before = (_content(root / path) or "").splitlines(keepends=True)
    after = text.splitlines(keepends=True)
    return "".join(difflib.unified_diff(before, after, f"{path} as committed", f"{path} as generated"))


def main() -> int:
    """Run from the command line; exit code 1 where the check finds stale files."""
    parser = argparse.ArgumentParser(prog="python -m tools.generated", description=(__doc__ or "").partition("\n")[0])
    action = parser.add_mutually_exclusive_group(required=True)
    action.add_argument("--check", action="store_true", help="compare, change nothing")
    action.add_argument("--write", action="store_true", help="write what differs")
    options = parser.parse_args()
    files = {path: make() for path, make in GENERATORS.items()}
    if options.write:
        print("\n".join(write(files, root=PROJECT)) or "everything was up to date")
        return 0
    found = stale(files, root=PROJECT)
    for path in found:
        print(difference(path, files[path], root=PROJECT))
    if found:
        print(f"stale: {', '.join(found)}; run `make generate` and commit the result")
        return 1
    print(f"{len(files)} generated files are up to date")
    return 0


def _content(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.is_file() else None


if __name__ == "__main__":
    sys.exit(main())
