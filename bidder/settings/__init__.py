"""The configuration: one TOML file, checked whole before anything of it is used.

`load` gives frozen `Settings` or raises `ConfigFaults` with every fault, its line and its key. Read by the commands,
the daemon and `bidder.wiring`; knows `bidder.core` and nothing of the store or of adapters.
"""

from __future__ import annotations

from bidder.settings.document import Document, dotted, parse, read
from bidder.settings.edit import changed, entry_of, replace
from bidder.settings.effective import differences, effective
from bidder.settings.faults import ConfigFaults, Fault, fault, nearest
from bidder.settings.load import build, load
from bidder.settings.sample import sample
from bidder.settings.schema import Entry, entries, find, json_schema
from bidder.settings.secret_places import SecretPlaces, inherited, telling
from bidder.settings.values import AccountSettings, Settings

__all__ = [
    "AccountSettings",
    "ConfigFaults",
    "Document",
    "Entry",
    "Fault",
    "SecretPlaces",
    "Settings",
    "build",
    "changed",
    "differences",
    "dotted",
    "effective",
    "entries",
    "entry_of",
    "fault",
    "find",
    "inherited",
    "json_schema",
    "load",
    "nearest",
    "parse",
    "read",
    "replace",
    "sample",
    "telling",
]
