"""Find the files of an import: a folder, one file, and what stands inside .zip and .gz, within safe bounds.

Called by `adapters.files.grids`. Reads bytes only; what they mean is decided there. Nothing is ever written or
unpacked to disk.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

from adapters.files.refusals import Refusal
from bidder.errors import InputError

MAX_BYTES = 512 * 1024 * 1024
"""Most bytes of one file after unpacking; larger ones are refused."""
_CHUNK = 1024 * 1024
TABLES = frozenset(
    {".csv", ".tsv", ".tab", ".txt", ".xlsx", ".xlsm", ".xls", ".gz", ".zip", ".ods", ".numbers", ".json", ".parquet"}
)
"""Endings that are looked at; others are passed over in silence, as are hidden files."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """The bytes of one file.

    Attributes:
        name: Path below the folder, with the archive member behind an exclamation mark.
        data: Contents, unpacked.
        modified_at: When the file, or the member of the archive, was written last, UTC.
        digest: SHA-256 of the contents.
    """

    name: str
    data: bytes
    modified_at: datetime
    digest: str


def fingerprint(root: Path, *, beside: Path | None = None) -> tuple[tuple[str, int, int], ...]:
    """Return names, sizes and times of all files, to notice that an import is out of date."""
    found = [(path, path.stat()) for path in _paths(root, beside) if path.exists()]
    return tuple((str(path), stat.st_size, stat.st_mtime_ns) for path, stat in found)


def read_sources(root: Path, *, beside: Path | None = None) -> Iterator[Source | Refusal]:
    """Yield every readable file below ``root`` in the order of their names, and a refusal for each that is not.

    Args:
        root: A folder or one file.
        beside: A folder that is passed over: our own action sheets.

    Raises:
        InputError: There is nothing at ``root``.
    """
    if not root.exists():
        raise InputError("there is no such file or folder; name the folder your reports were saved in", place=str(root))
    for path in _paths(root, beside):
        name = path.name if root.is_file() else path.relative_to(root).as_posix()
        modified = datetime.fromtimestamp(path.stat().st_mtime, tz=UTC)
        try:
            size = path.stat().st_size
            if size > MAX_BYTES:
                yield _too_large(name)
                continue
            data = path.read_bytes()
        except OSError as exc:
            yield Refusal(
                file=name, problem=f"cannot be opened ({exc.strerror})", remedy="Check the file's permissions"
            )
            continue
        yield from _unpack(name, data, modified)


def _paths(root: Path, beside: Path | None) -> list[Path]:
    if root.is_file():
        return [root]
    return sorted(
        path
        for path in root.rglob("*")
        if path.suffix.lower() in TABLES
        and path.is_file()
        and not (beside is not None and path.is_relative_to(beside))
        and not any(part.startswith((".", "~$", "__MACOSX")) for part in path.relative_to(root).parts)
    )


def _too_large(name: str) -> Refusal:
    return Refusal(
        file=name,
        problem=f"is larger than {MAX_BYTES // 1024**2} MiB after unpacking",
        remedy="Export a shorter period or fewer columns",
    )


def _source(name: str, data: bytes, modified: datetime) -> Source:
    return Source(name=name, data=data, modified_at=modified, digest=hashlib.sha256(data).hexdigest())


def _unpack(name: str, data: bytes, modified: datetime) -> Iterator[Source | Refusal]:
    if data.startswith(b"\x1f\x8b"):
        yield _gunzip(name, data, modified)
    elif data.startswith(b"PK\x03\x04") and not _is_workbook(data):
        yield from _unzip(name, data)
    else:
        yield _source(name, data, modified)


def _is_workbook(data: bytes) -> bool:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            return "[Content_Types].xml" in archive.namelist()
    except zipfile.BadZipFile:
        return False


def _gunzip(name: str, data: bytes, modified: datetime) -> Source | Refusal:
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(data)) as stream:
            unpacked = _read_bounded(stream)
    except (OSError, EOFError, zlib.error):
        return Refusal(file=name, problem="is a damaged .gz file", remedy="Download it again")
    if unpacked is None:
        return _too_large(name)
    return _source(name.removesuffix(".gz"), unpacked, modified)


def _unzip(name: str, data: bytes) -> Iterator[Source | Refusal]:
    damaged = Refusal(file=name, problem="is a damaged .zip file", remedy="Download it again")
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = [m for m in archive.infolist() if not m.is_dir() and not _hidden(m.filename)]
            for member in sorted(members, key=lambda m: m.filename):
                inner = f"{name}!{_member_name(member)}"
                with archive.open(member) as stream:
                    unpacked = _read_bounded(stream)
                if unpacked is None:
                    yield _too_large(inner)
                elif unpacked.startswith(b"\x1f\x8b"):
                    yield _gunzip(inner, unpacked, _member_time(member))
                else:
                    yield _source(inner, unpacked, _member_time(member))
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, OSError, EOFError):
        yield damaged
    except RuntimeError:
        # zipfile says so of a password; an unknown compression (NotImplementedError) is a RuntimeError, too.
        yield Refusal(file=name, problem="is locked with a password", remedy="Unpack it and import the files inside")


def _hidden(filename: str) -> bool:
    return any(part.startswith((".", "__MACOSX")) for part in filename.split("/"))


def _member_name(member: zipfile.ZipInfo) -> str:
    """Return the member's name, reading old Chinese archives, which do not mark their names as UTF-8, as GBK."""
    if member.flag_bits & 0x800:
        return member.filename
    try:
        return member.filename.encode("cp437").decode("gb18030")
    except UnicodeError:
        return member.filename


def _member_time(member: zipfile.ZipInfo) -> datetime:
    try:
        return datetime(*member.date_time, tzinfo=UTC)
    except ValueError:
        return datetime(1980, 1, 1, tzinfo=UTC)


def _read_bounded(stream: IO[bytes] | gzip.GzipFile) -> bytes | None:
    """Return everything, or ``None`` where it unpacks to more than is allowed."""
    chunks = []
    total = 0
    while chunk := stream.read(_CHUNK):
        total += len(chunk)
        if total > MAX_BYTES:
            return None
        chunks.append(chunk)
    return b"".join(chunks)
