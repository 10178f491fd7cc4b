"""Look into a folder of exports and say what is there: the first half of `bidder audit`, without deciding anything."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from adapters.files.importing import load
from adapters.files.inspection import Inspection
from adapters.files.options import FilesOptions, read_options


def inspect(folder: Path | str, options: FilesOptions | Mapping[str, object] | None = None) -> Inspection:
    """Read every file below a folder and account for every figure.

    Args:
        folder: Folder, or one file.
        options: As in the configuration of the account, or checked already; the folder in it is overruled.

    Returns:
        Formats, mappings and assumptions by file, reconciliations, refused cells, spans, missing days, currency.

    Raises:
        InputError: There is no such folder or file.
        ConfigError: An option is unknown or malformed.
    """
    if isinstance(options, FilesOptions):
        return load(replace(options, folder=Path(folder))).inspection
    return load(read_options({**(options or {}), "folder": str(folder)})).inspection
