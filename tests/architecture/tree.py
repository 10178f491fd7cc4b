"""A reading of the source tree for tests of the architecture: files, syntax trees, imports."""

from __future__ import annotations

import ast
import shutil
from collections.abc import Iterator
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
ROOTS = ("bidder", "adapters", "models")


def sources(*folders: str) -> Iterator[tuple[str, ast.Module]]:
    """Yield path (from the project's root) and syntax tree of each Python file below the folders, sorted."""
    for folder in folders:
        for path in sorted((PROJECT / folder).rglob("*.py")):
            yield path.relative_to(PROJECT).as_posix(), ast.parse(path.read_text(encoding="utf-8"))


def imported_names(module: ast.Module) -> Iterator[str]:
    """Yield the dotted name of all that a module imports, wherever the import stands."""
    for node in ast.walk(module):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def copy_tree(target: Path) -> Path:
    """Copy the three packages and the project's settings to a folder where they may be broken."""
    for root in ROOTS:
        shutil.copytree(PROJECT / root, target / root, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(PROJECT / "pyproject.toml", target)
    return target
