"""The whole import of a folder: every file read, merged, reconciled and turned into domain objects, in one function.

Called by `adapters.files.marketplace` and `adapters.files.inspect`. Reads the folder; writes nothing; reads no clock
but the files' own times.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from adapters.files.assembly import Assembly, FoundFiles, Import
from adapters.files.bulk import read_bulk
from adapters.files.decoding import decode
from adapters.files.folder import Source, read_sources
from adapters.files.formats import Format, is_old_bulk, recognise
from adapters.files.grids import Grid, read_grids
from adapters.files.inspection import FileReport, Found
from adapters.files.options import FilesOptions
from adapters.files.ownership import is_ours
from adapters.files.products import is_product_file, read_protected_words
from adapters.files.reading import NotAReport, read_table
from adapters.files.refusals import Refusal
from adapters.files.tables import find_table

_PROTECTED_NAMES = ("protected.txt", "protected_words.txt", "保护词.txt")


def load(options: FilesOptions) -> Import:
    """Read everything below the folder and put the account together.

    Raises:
        InputError: There is no such folder or file.
    """
    found = FoundFiles()
    seen: dict[str, str] = {}
    for source in _sources(options):
        if isinstance(source, Refusal):
            _refuse(found, source)
        elif source.digest in seen:
            found.reports.append(
                FileReport(name=source.name, found=Found.IGNORED, why=f"it is a copy of {seen[source.digest]}")
            )
        else:
            seen[source.digest] = source.name
            _read_source(source, options, found)
    return Assembly(options, found).assemble()


def _sources(options: FilesOptions) -> Iterable[Source | Refusal]:
    yield from read_sources(options.folder, beside=options.sheet_folder)
    for extra in (options.products, options.protected):
        if extra is not None and not (options.folder.is_dir() and extra.is_relative_to(options.folder)):
            yield from read_sources(extra)


def _refuse(found: FoundFiles, refusal: Refusal) -> None:
    found.refusals.append(refusal)
    found.reports.append(FileReport(name=refusal.file, found=Found.REFUSED, why=f"{refusal.problem}. {refusal.remedy}"))


def _read_source(source: Source, options: FilesOptions, found: FoundFiles) -> None:
    base = source.name.rsplit("/", 1)[-1].rsplit("!", 1)[-1]
    if base.casefold() in _PROTECTED_NAMES or (options.protected and base == options.protected.name):
        try:
            words = read_protected_words(decode(source.data).text)
        except ValueError as exc:
            _refuse(found, Refusal(file=source.name, problem=str(exc), remedy="Save it as UTF-8 text"))
            return
        found.words.extend(words)
        found.reports.append(FileReport(name=source.name, found=Found.SIDE_FILE, why=f"{len(words)} protected words"))
        return
    if base.casefold().endswith((".json", ".txt")) and not _tabular(source):
        found.reports.append(FileReport(name=source.name, found=Found.IGNORED, why="it is no table"))
        return
    for grid in read_grids(source):
        if isinstance(grid, Refusal):
            _refuse(found, grid)
        else:
            _read_grid(grid, options, found)


def _tabular(source: Source) -> bool:
    grids = list(read_grids(source))
    return any(isinstance(g, Grid) and g.rows and max(len(r) for r in g.rows) > 1 for g in grids)


def _read_grid(grid: Grid, options: FilesOptions, found: FoundFiles) -> None:
    why = is_ours(grid)
    if why:
        found.reports.append(FileReport(name=grid.name, found=Found.IGNORED, why=why))
        return
    stated = options.mapping_for(grid.name)
    wanted = frozenset(text for texts in stated.columns.values() for text in texts) if stated else frozenset()
    table = find_table(grid, wanted)
    if isinstance(table, Refusal):
        found.reports.append(_about(grid, Found.IGNORED, f"it {table.problem}. {table.remedy}"))
        return
    if is_product_file(table):
        found.products.append(table)
        return
    if is_old_bulk(table.headings):
        _refuse(
            found,
            Refusal(file=table.name, problem="is a bulk sheet of the retired kind", remedy="Download a bulksheet 2.0"),
        )
        return
    bulk = recognise(table.headings, table.preamble) is Format.AMAZON_BULK
    reading = read_bulk(table, options) if bulk else read_table(table, options)
    if isinstance(reading, NotAReport):
        found.reports.append(
            replace(
                _about(grid, Found.IGNORED, reading.reason), heading_row=table.heading_row, mapping=reading.proposal
            )
        )
        return
    found.newest = max(found.newest, grid.source.modified_at)
    found.readings.append(reading)


def _about(grid: Grid, what: Found, why: str) -> FileReport:
    return FileReport(name=grid.name, found=what, why=why, encoding=grid.encoding, delimiter=grid.delimiter)
