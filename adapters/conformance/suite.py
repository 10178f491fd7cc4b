"""All cases in one class, for adapters to subclass."""

from __future__ import annotations

from adapters.conformance.failures import FailureCases
from adapters.conformance.hygiene import HygieneCases
from adapters.conformance.reads import ReadCases
from adapters.conformance.writes import WriteCases


class MarketplaceConformance(ReadCases, WriteCases, FailureCases, HygieneCases):
    """BC-01 to BC-24. Subclass it as ``class TestMine(MarketplaceConformance)`` and supply fixtures.

    Must be supplied: ``account`` (a test account: settings are changed and put back) and ``marketplace``.
    May be supplied: ``now``, ``later``, ``faults``, ``secrets``, ``inventory``; see `adapters.conformance.ground`.
    """
