"""Pins cover what is declared and carry no address of a registry."""

from __future__ import annotations

import itertools
import re
import shutil
import subprocess
import tomllib

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.architecture.tree import PROJECT

PYPROJECT = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
DECLARED = [
    Requirement(text)
    for text in sorted({*PYPROJECT["dependencies"], *itertools.chain(*PYPROJECT["optional-dependencies"].values())})
]
PINNED = [
    Requirement(line)
    for line in (PROJECT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    if line and not line.startswith("#")
]


def test_constraints_hold_no_address() -> None:
    """Whoever clones this installs from their own registry."""
    text = (PROJECT / "constraints.txt").read_text(encoding="utf-8")

    assert not re.search(r"https?:|file:|@ |--(extra-)?index-url|--find-links", text)


@pytest.mark.parametrize("requirement", DECLARED, ids=str)
def test_what_is_declared_is_pinned_to_a_version_it_allows(requirement: Requirement) -> None:
    """A fresh set-up installs what the tests ran on."""
    name = canonicalize_name(requirement.name)
    versions = [
        next(iter(pin.specifier)).version for pin in PINNED if canonicalize_name(pin.name) == name and pin.specifier
    ]

    assert versions, f"{name} is not in constraints.txt: run `make pins`"
    assert all(requirement.specifier.contains(version) for version in versions)


def test_sqlmodel_is_pinned_exactly() -> None:
    """Its 0.0.x releases change how columns map."""
    sqlmodel = next(requirement for requirement in DECLARED if requirement.name == "sqlmodel")

    assert ["=="] == [clause.operator for clause in sqlmodel.specifier]


def test_no_lock_file_is_tracked() -> None:
    """Lock files write an address into every entry."""
    git = shutil.which("git")
    if git is None or not (PROJECT / ".git").exists():
        pytest.skip("not a git checkout")
    tracked = subprocess.run([git, "ls-files"], cwd=PROJECT, capture_output=True, text=True, check=True).stdout

    assert not re.search(r"(^|/)(uv\.lock|poetry\.lock|package-lock\.json)$", tracked, flags=re.MULTILINE)
