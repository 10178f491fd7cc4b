"""What every test shares: seeds that are printed, one thread for numerics, no leaks from the environment.

Tests reach nothing but 127.0.0.1 (pytest-socket) and warnings are errors. The order is random: pytest-randomly
prints its seed, and ``--randomly-seed=N`` repeats a run. Hypothesis prints how to repeat a failure.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, settings

# Two OpenMP threads beside a busy process are a hundred times slower than one, and one thread makes sums
# reproducible. Set here, the variables reach the workers and the commands that tests start.
for _threads in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_threads, "1")

PROJECT = Path(__file__).resolve().parent.parent

settings.register_profile(
    "default",
    deadline=None,  # Nothing here asserts on time: the machine may be busy.
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.register_profile("thorough", parent=settings.get_profile("default"), max_examples=2_000)
settings.register_profile(
    "quick",
    parent=settings.get_profile("default"),
    max_examples=20,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))


def pytest_report_header(config: pytest.Config) -> str:
    """Print what is needed to repeat the run's random examples."""
    seed = config.getoption("--hypothesis-seed", default=None)
    profile = os.environ.get("HYPOTHESIS_PROFILE", "default")
    drawn = "drawn for each test; a failure prints how to repeat it"
    return f"hypothesis: profile {profile}, seed {seed or drawn}"


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hide the developer's own settings, secrets and proxies from every test."""
    for name in list(os.environ):
        if name.startswith("BIDDER_") or name.lower() in {"http_proxy", "https_proxy", "all_proxy"}:
            monkeypatch.delenv(name)


@pytest.fixture(scope="session")
def project() -> Path:
    """Return the project's root folder."""
    return PROJECT


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Return the folder of public data sets beside the project, or skip where there is none."""
    for parent in PROJECT.parents:
        folder = parent / "shared" / "data"
        if folder.is_dir():
            return folder
    pytest.skip("the public data sets (a folder shared/data beside the project) are not on this machine")
