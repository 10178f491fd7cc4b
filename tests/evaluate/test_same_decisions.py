"""Equal inputs give equal decisions to the byte, in another process, with other hash seeds and thread counts."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def decided(*, hash_seed: int, threads: int) -> list[str]:
    """Return the digests of the decisions made by a new process."""
    settings = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), str(threads))
    done = subprocess.run(
        [sys.executable, "-m", "tests.evaluate.decisions", "apparel", "0.5", "5"],
        env=os.environ | settings | {"PYTHONHASHSEED": str(hash_seed)},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.splitlines()


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_decisions_do_not_depend_on_hash_seed_or_threads() -> None:
    """Cycles on a shop large enough for boosted trees: the same changes, holds, figures and sentences."""
    one, other = decided(hash_seed=1, threads=1), decided(hash_seed=4_242, threads=4)

    assert one == other
    assert any(int(line.split()[0]) > 0 for line in one)
