"""The rooms that decide own no clock, no chance and no environment, and have no path to a world's truth."""

from __future__ import annotations

import ast
import json
import subprocess
import sys

import pytest

from tests.architecture.tree import PROJECT, imported_names, sources

BANNED = [
    "from datetime import datetime\nnow = datetime.now()",
    "import datetime\nnow = datetime.datetime.now(datetime.UTC)",
    "from datetime import date\ntoday = date.today()",
    "import time\nnow = time.time()",
    "from time import monotonic",
    "import random\nchance = random.random()",
    "from random import shuffle",
    "import os\nhome = os.environ['HOME']",
    "from os import getenv",
    "import uuid\nkey = uuid.uuid4()",
    "import secrets",
]

DECIDERS = ["bidder/core/rule.py", "bidder/forecast/rule.py", "bidder/cycle.py"]

REFEREE = {
    "World",
    "WorldFactory",
    "Truth",
    "TruthTable",
    "ResponseTable",
    "SupplyTruth",
    "SupplyTable",
    "ForSaleTable",
}
"""Names of bidder.ports that show what really happens in a simulated market."""

REFEREES = ("bidder/evaluate/", "bidder/cli/", "bidder/ports.py", "bidder/registry.py")
"""Rooms that may speak of worlds: the port that describes them, the look-up by name, and those who play them."""


def banned_findings(path: str, code: str) -> set[str]:
    """Return the ruff rules that a piece of code breaks when it stands at a path."""
    done = subprocess.run(
        [sys.executable, "-m", "ruff", "check", "--output-format=json", f"--stdin-filename={path}", "-"],
        input=f'"""A rule."""\n\nfrom __future__ import annotations\n\n{code}\n',
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
    )
    return {finding["code"] for finding in json.loads(done.stdout)}


@pytest.mark.parametrize("path", DECIDERS)
@pytest.mark.parametrize("code", BANNED, ids=range(len(BANNED)))
def test_clocks_chance_and_environment_are_refused_where_decisions_are_made(path: str, code: str) -> None:
    """`now`, generators and settings are parameters of whatever decides."""
    assert "TID251" in banned_findings(path, code)


@pytest.mark.parametrize("path", ["bidder/daemon/process.py", "bidder/cli/main.py", "bidder/settings.py"])
def test_the_rim_may_own_a_clock(path: str) -> None:
    """The ban stops at the rooms that decide."""
    assert "TID251" not in banned_findings(path, "import time\n\nNOW = time.time()")


def test_decision_code_has_no_path_to_a_worlds_truth() -> None:
    """Only those who play a simulated market know that it is one."""
    offenders = [
        f"{path}: {name}"
        for path, module in sources("bidder", "models")
        if not path.startswith(REFEREES)
        for name in imported_names(module)
        if name.startswith("bidder.ports.") and name.rpartition(".")[2] in REFEREE
    ]

    assert [] == offenders


def test_the_group_of_worlds_is_named_in_one_place_only() -> None:
    """Nobody looks worlds up behind the registry's back."""
    offenders = [
        path
        for path, module in sources("bidder", "adapters", "models")
        if not path.startswith(REFEREES)
        for node in ast.walk(module)
        if isinstance(node, ast.Constant) and node.value == "bidder.worlds"
    ]

    assert [] == offenders
