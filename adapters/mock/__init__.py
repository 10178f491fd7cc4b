"""The mock marketplace: a simulated auction market, its venue and HTTP face, and the adapter that speaks to it."""

from __future__ import annotations

from adapters.mock.adapter import MockMarketplace
from adapters.mock.worlds import MockWorlds

__all__ = ["MockMarketplace", "MockWorlds"]
