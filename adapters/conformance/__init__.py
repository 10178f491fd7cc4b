"""The conformance suite: what every adapter must do, as tests that a third party certifies its own with.

Subclass `MarketplaceConformance` in a pytest file and supply two fixtures, ``marketplace`` and ``account``; a third
one, ``faults``, lets the suite break the wire. docs/adapters.md shows how. Cases are numbered BC-01 to BC-24, are
skipped by capability, and never read anything but the port. Needs pytest, which bidder itself does not.
"""

from __future__ import annotations

import pytest

pytest.register_assert_rewrite(
    "adapters.conformance.failures",
    "adapters.conformance.ground",
    "adapters.conformance.hygiene",
    "adapters.conformance.reads",
    "adapters.conformance.writes",
)

from adapters.conformance.faults import Faults, WireFault  # noqa: E402  # assertions are rewritten first
from adapters.conformance.memory import DictMemory  # noqa: E402
from adapters.conformance.quality import CASES, Quality, Tier, read_quality  # noqa: E402
from adapters.conformance.suite import MarketplaceConformance  # noqa: E402

__all__ = [
    "CASES",
    "DictMemory",
    "Faults",
    "MarketplaceConformance",
    "Quality",
    "Tier",
    "WireFault",
    "read_quality",
]
