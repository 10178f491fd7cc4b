"""`bidder --help` answers at once: commands import what they need when they run, not before."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from bidder.cli.main import COMMANDS

HEAVY = ["alembic", "apscheduler", "numpy", "openpyxl", "requests", "scipy", "sklearn", "sqlalchemy", "sqlmodel"]

SCRIPT = """
import json, sys
from bidder.cli.main import main
sys.argv = ["bidder", *json.loads(sys.argv[1])]
try:
    main()
except SystemExit as done:
    code = done.code or 0
else:
    code = 0
print(json.dumps({"code": code, "loaded": sorted({name.partition(".")[0] for name in sys.modules})}))
"""


CALLS = [["--help"], ["--version"], *([command, "--help"] for command in COMMANDS)]


@pytest.mark.parametrize("arguments", CALLS, ids=" ".join)
def test_help_imports_nothing_heavy(arguments: list[str]) -> None:
    """scikit-learn alone takes seconds to import; a person asking for help waits for none of it."""
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, json.dumps(arguments)], capture_output=True, text=True, check=True
    )
    result = json.loads(done.stdout.splitlines()[-1])

    assert 0 == result["code"], done.stdout
    assert [] == [name for name in HEAVY if name in result["loaded"]]
