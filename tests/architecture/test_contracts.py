"""The import contracts hold, and each of them bites when somebody breaks it."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.architecture.tree import PROJECT, copy_tree

CONTRACTS = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]["contracts"]

VIOLATIONS = [
    ("roots", "bidder/cycle.py", "import adapters.mock"),
    ("roots", "models/__init__.py", "from bidder.core.money import Money"),
    ("rooms", "bidder/core/money.py", "import bidder.ports"),
    ("rooms", "bidder/ports.py", "import bidder.steps"),
    ("rooms", "bidder/store/__init__.py", "import bidder.registry"),
    ("rooms", "bidder/forecast/__init__.py", "def late() -> None:\n    import bidder.cycle"),
    ("rooms", "bidder/attic.py", '"""A room that no layer lists."""'),
    ("rows", "bidder/queries.py", "import models"),
    ("rows", "bidder/cli/inspect.py", "from models import engine"),
    ("rows", "adapters/files/__init__.py", "import models"),
    ("pure-core", "bidder/core/money.py", "import pydantic"),
    ("pure-core", "bidder/core/allocate.py", "import sklearn.isotonic"),
    ("pure-forecast", "bidder/forecast/__init__.py", "from loguru import logger"),
    ("sql", "bidder/steps.py", "from sqlalchemy import select"),
    ("sql", "bidder/cli/main.py", "def late() -> None:\n    import sqlmodel"),
    ("sql", "adapters/mock/__init__.py", "import sqlmodel"),
    ("http", "adapters/mock/__init__.py", "import requests"),
    ("http", "bidder/notify.py", "import urllib3"),
    ("venues", "adapters/mock/__init__.py", "import adapters.files"),
    ("acyclic", "bidder/core/__init__.py", "import bidder.core.money\nimport bidder.core.attic"),
    ("truth", "bidder/daemon/process.py", "import bidder.evaluate"),
    ("truth", "bidder/wiring.py", "def late() -> None:\n    import bidder.evaluate"),
]


def lint(folder: Path, *contracts: str) -> subprocess.CompletedProcess[str]:
    """Run import-linter in a folder, for the contracts named or for all."""
    chosen = [part for contract in contracts for part in ("--contract", contract)]
    script = "from importlinter.cli import lint_imports_command as run; run()"
    return subprocess.run(
        [sys.executable, "-c", script, "--no-logo", "--no-cache", *chosen],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )


def break_tree(folder: Path, path: str, code: str) -> None:
    """Add code to the end of a file of a copied tree, making the file where it is missing."""
    file = folder / path
    file.parent.mkdir(parents=True, exist_ok=True)
    before = file.read_text(encoding="utf-8") if file.exists() else ""
    file.write_text(f"{before}\n{code}\n", encoding="utf-8")


def test_the_tree_keeps_every_contract() -> None:
    """Imports point one way, today."""
    result = lint(PROJECT)

    assert result.returncode == 0, result.stdout + result.stderr
    assert f"Contracts: {len(CONTRACTS)} kept, 0 broken." in result.stdout


@pytest.mark.parametrize(
    ("contract", "path", "code"),
    VIOLATIONS,
    ids=[f"{contract}-{path}-{number}" for number, (contract, path, _) in enumerate(VIOLATIONS)],
)
def test_a_deliberate_violation_breaks_its_contract(tmp_path: Path, contract: str, path: str, code: str) -> None:
    """Each contract notices what it is there to notice."""
    tree = copy_tree(tmp_path)
    if contract == "acyclic":
        break_tree(tree, "bidder/core/attic.py", "import bidder.core.cellar")
        break_tree(tree, "bidder/core/cellar.py", "import bidder.core.attic")
    break_tree(tree, path, code)

    result = lint(tree, contract)

    assert result.returncode == 1, result.stdout + result.stderr
    assert "Contracts: 0 kept, 1 broken." in result.stdout


def test_every_contract_has_a_deliberate_violation() -> None:
    """A contract that nobody saw failing proves nothing."""
    assert {contract["id"] for contract in CONTRACTS} == {contract for contract, _, _ in VIOLATIONS}


def test_every_venue_package_is_under_the_independence_contract() -> None:
    """The wildcard covers venues that are added later."""
    venues = next(contract for contract in CONTRACTS if contract["id"] == "venues")

    assert venues["modules"] == ["adapters.*"]
