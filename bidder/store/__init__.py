"""The only place that knows both rows and domain objects: implements `bidder.ports.Store` and `AdapterMemory`."""

from __future__ import annotations

from bidder.store.opening import RunMode, in_memory_store, open_store
from bidder.store.sql_store import SqlStore

__all__ = ["RunMode", "SqlStore", "in_memory_store", "open_store"]
