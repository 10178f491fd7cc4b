"""Turn the bytes of a downloaded text file into text, and say which encoding was taken.

Consoles export UTF-8 with or without a mark, UTF-16 (Google's "CSV for Excel"), GBK or its superset GB18030 (Chinese
consoles and Excel in China) and cp1252 (Excel in Western Europe). Called by `adapters.files.grids`; pure.
"""

from __future__ import annotations

import codecs
from dataclasses import dataclass

_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig", "UTF-8 with byte-order mark"),
    (codecs.BOM_UTF32_LE, "utf-32", "UTF-32"),
    (codecs.BOM_UTF32_BE, "utf-32", "UTF-32"),
    (codecs.BOM_UTF16_LE, "utf-16", "UTF-16"),
    (codecs.BOM_UTF16_BE, "utf-16", "UTF-16"),
)
_SAMPLE = 65_536
_NUL_SHARE = 0.2
_HANZI_SHARE = 0.7
_COMMON_HANZI = range(0xB0, 0xD8)
"""Lead bytes of GB2312 level 1: the 3,755 characters that make up nearly all running Chinese text."""
_FIRST_HIGH = 0x80
_FIRST_SECOND = 0xA1
"""Least second byte of a GB2312 pair."""
_MARKS = range(0xA1, 0xAA)
"""Lead bytes of full-width punctuation, digits and letters."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decoded:
    """Text with the encoding it was read in.

    Attributes:
        text: The whole text, without a byte-order mark.
        encoding: Name for people.
        certain: False where the bytes allow more than one reading and the likelier was taken.
    """

    text: str
    encoding: str
    certain: bool


def decode(data: bytes) -> Decoded:
    """Decode a text file.

    Raises:
        ValueError: The bytes are no text in any encoding known here.
    """
    for mark, codec, label in _BOMS:
        if data.startswith(mark):
            return Decoded(text=_strict(data, codec, label), encoding=label, certain=True)
    wide = _utf16_without_mark(data)
    if wide is not None:
        return Decoded(text=_strict(data, wide, "UTF-16"), encoding="UTF-16 without mark", certain=True)
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        return _legacy(data)
    return Decoded(text=text, encoding="ASCII" if text.isascii() else "UTF-8", certain=True)


def _strict(data: bytes, codec: str, label: str) -> str:
    try:
        return data.decode(codec)
    except UnicodeDecodeError as exc:
        raise ValueError(
            f"the file starts as {label} but byte {exc.start} does not fit: it is cut short or damaged"
        ) from exc


def _utf16_without_mark(data: bytes) -> str | None:
    """Return the byte order where every other byte is mostly NUL, as Latin letters and digits make it."""
    head = data[: _SAMPLE // 2 * 2]
    half = len(head) // 2
    if half == 0 or len(data) % 2:
        return None
    even, odd = head[0::2].count(0) / half, head[1::2].count(0) / half
    if odd > _NUL_SHARE and even < odd / 4:
        return "utf-16-le"
    if even > _NUL_SHARE and odd < even / 4:
        return "utf-16-be"
    return None


def _legacy(data: bytes) -> Decoded:
    """Choose between GB18030 and cp1252 by what the high bytes look like in pairs."""
    if b"\0" in data[:_SAMPLE]:
        raise ValueError("the file holds NUL bytes: it is no text")
    chinese = _try(data, "gb18030")
    western = _try(data, "cp1252")
    share = _chinese_share(data)
    if chinese is not None and (western is None or share >= _HANZI_SHARE):
        return Decoded(text=chinese, encoding="GBK/GB18030", certain=share >= _HANZI_SHARE)
    if western is not None:
        return Decoded(text=western, encoding="cp1252", certain=chinese is None)
    raise ValueError("the file is neither UTF-8, UTF-16, GB18030 nor cp1252 text")


def _try(data: bytes, codec: str) -> str | None:
    try:
        return data.decode(codec)
    except UnicodeDecodeError:
        return None


def _chinese_share(data: bytes) -> float:
    """Return the share of double-byte pairs that are common Chinese characters or full-width marks.

    In Western text high bytes stand alone between ASCII letters, so that a pair read as GBK has an ASCII second byte
    or falls among rare characters.
    """
    pairs = common = 0
    at, end = 0, min(len(data), _SAMPLE)
    while at < end - 1:
        lead = data[at]
        if lead < _FIRST_HIGH:
            at += 1
            continue
        pairs += 1
        common += (lead in _COMMON_HANZI or lead in _MARKS) and data[at + 1] >= _FIRST_SECOND
        at += 2
    return common / pairs if pairs else 0.0
