"""The wheel holds exactly our three packages and works in a place of its own."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

from tests.architecture.tree import PROJECT, ROOTS

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the wheel, built with the environment's own hatchling so that no network is needed."""
    folder = tmp_path_factory.mktemp("dist")
    subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(PROJECT)],
        check=True,
        capture_output=True,
    )
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def elsewhere(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a virtual environment that holds the wheel, and borrows our dependencies but not our source."""
    home = tmp_path_factory.mktemp("elsewhere")
    venv.create(home, with_pip=False, symlinks=True)
    (site,) = home.glob("lib/python*/site-packages")
    pip = [sys.executable, "-m", "pip", f"--python={home / 'bin' / 'python'}"]
    subprocess.run([*pip, "install", "--quiet", "--no-deps", "--no-index", str(wheel)], check=True, capture_output=True)
    borrowed = [folder for folder in {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")} if folder]
    # A path file is read, but path files inside a borrowed folder are not: the editable install stays behind.
    (site / "borrowed.pth").write_text("\n".join(borrowed) + "\n", encoding="utf-8")
    return home


def run_elsewhere(home: Path, tmp_path: Path, *command: str) -> subprocess.CompletedProcess[str]:
    """Run a command of the other environment, in a folder that holds none of our source."""
    environment = {name: value for name, value in os.environ.items() if name not in {"PYTHONPATH", "VIRTUAL_ENV"}}
    environment["HOME"] = str(tmp_path)
    return subprocess.run(
        [str(home / "bin" / command[0]), *command[1:]],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
    )


def test_the_wheel_holds_exactly_our_packages(wheel: Path) -> None:
    """No tests, no config, no benchmarks: generic names must not land in somebody's site-packages."""
    names = zipfile.ZipFile(wheel).namelist()

    top = {name.partition("/")[0] for name in names}

    assert {*ROOTS, f"{wheel.name.split('-py3')[0]}.dist-info"} == top


def test_the_wheel_holds_every_file_of_the_packages(wheel: Path) -> None:
    """Templates, quality scales and migrations travel with the code."""
    packed = {name for name in zipfile.ZipFile(wheel).namelist() if name.partition("/")[0] in ROOTS}

    ours = {
        path.relative_to(PROJECT).as_posix()
        for root in ROOTS
        for path in (PROJECT / root).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }

    assert ours == packed


def test_imports_come_from_the_wheel_and_entry_points_load(elsewhere: Path, tmp_path: Path) -> None:
    """The other environment sees the installed packages, and finds our adapters by name."""
    script = (
        "import adapters, bidder, models\n"
        "from importlib.metadata import entry_points\n"
        "for package in (adapters, bidder, models): print(package.__file__)\n"
        "for group in ('bidder.marketplaces', 'bidder.worlds'):\n"
        "    for point in entry_points(group=group): point.load(); print(group, point.name)\n"
    )

    done = run_elsewhere(elsewhere, tmp_path, "python", "-c", script)

    assert 0 == done.returncode, done.stderr
    lines = done.stdout.splitlines()
    assert all(line.startswith(str(elsewhere)) for line in lines[:3])
    assert {"bidder.marketplaces mock", "bidder.marketplaces files", "bidder.worlds mock"} <= set(lines[3:])


def test_doctor_runs_from_the_wheel(elsewhere: Path, tmp_path: Path) -> None:
    """`bidder doctor` examines an installation that has nothing of the repository beside it."""
    done = run_elsewhere(elsewhere, tmp_path, "bidder", "doctor")

    assert 0 == done.returncode, done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
