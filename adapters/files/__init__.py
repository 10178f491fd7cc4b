"""Work from downloaded exports where there is no API access: read a folder of reports, write an action sheet.

Registered under ``bidder.marketplaces`` as ``files``. Names are loaded when they are asked for, so that importing the
package costs nothing. `adapters.files.inspect` looks into a folder without deciding anything.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from adapters.files.assembly import Import
    from adapters.files.importing import load
    from adapters.files.marketplace import FilesMarketplace
    from adapters.files.options import FilesOptions, read_options

_HOMES = {
    "FilesMarketplace": "marketplace",
    "FilesOptions": "options",
    "Import": "assembly",
    "load": "importing",
    "read_options": "options",
}

__all__ = ["FilesMarketplace", "FilesOptions", "Import", "load", "read_options"]


def __getattr__(name: str) -> object:
    """Load a public name from its module."""
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{home}"), name)
