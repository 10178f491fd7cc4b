"""Read numbers as people and consoles write them, exactly: text to `decimal.Decimal`, never through a float.

A column decides together which mark is the decimal mark (``1,234`` alone could mean two things). Called by
`adapters.files.columns`; pure. Missing is ``None``, never zero.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

MISSING = frozenset(
    {"", "-", "--", "---", "—", "–", "−", "n/a", "na", "none", "null", "n.v.", "n.d.", "暂无", "无", "不适用"}
)
"""Cells that say "there is no figure", after trimming and case folding."""

CURRENCIES = {
    "US$": "USD",
    "C$": "CAD",
    "CA$": "CAD",
    "A$": "AUD",
    "AU$": "AUD",
    "NZ$": "NZD",
    "HK$": "HKD",
    "NT$": "TWD",
    "S$": "SGD",
    "MX$": "MXN",
    "R$": "BRL",
    "$": "",
    "€": "EUR",
    "£": "GBP",
    "¥": "",
    "￥": "",
    "₹": "INR",
    "₩": "KRW",
    "₽": "RUB",
    "₺": "TRY",
    "zł": "PLN",
    "Kč": "CZK",
    "฿": "THB",
    "₫": "VND",
    "₪": "ILS",
    "₱": "PHP",
    "RM": "MYR",
    "Rp": "IDR",
    "元": "CNY",
    "人民币": "CNY",
    "円": "JPY",
    "원": "KRW",
    "RMB": "CNY",
    "Fr.": "CHF",
}
"""Signs beside amounts; an empty code marks a sign that several currencies share."""

SHARED_SIGNS = {
    "$": frozenset({"USD", "CAD", "AUD", "NZD", "HKD", "SGD", "TWD", "MXN", "CLP", "COP"}),
    "¥": frozenset({"CNY", "JPY"}),
    "￥": frozenset({"CNY", "JPY"}),
}
"""Signs that several currencies share, with those currencies."""

ISO_CODES = frozenset(
    [
        "AED",
        "AUD",
        "BRL",
        "CAD",
        "CHF",
        "CLP",
        "CNY",
        "COP",
        "CZK",
        "DKK",
        "EGP",
        "EUR",
        "GBP",
        "HKD",
        "HUF",
        "IDR",
        "ILS",
        "INR",
        "JPY",
        "KRW",
        "KWD",
        "MXN",
        "MYR",
        "NOK",
        "NZD",
        "PEN",
        "PHP",
        "PLN",
        "QAR",
        "RON",
        "RUB",
        "SAR",
        "SEK",
        "SGD",
        "THB",
        "TRY",
        "TWD",
        "UAH",
        "USD",
        "VND",
        "ZAR",
    ]
)

_SPACES = "\u00a0\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000 \t"
_APOSTROPHES = "'’‘`´"
_MINUS = "-−–﹣－"
_DIGITS = re.compile(r"[0-9]+")
_AMBIGUOUS = re.compile(r"[1-9][0-9]{0,2}\.[0-9]{3}")
_GROUPS = re.compile(r"[0-9]{1,3}(?:,[0-9]{3})+|[0-9]{1,4}(?:,[0-9]{4})+|[0-9]{1,2}(?:,[0-9]{2})*,[0-9]{3}")
_SCIENTIFIC = re.compile(r"[0-9]+(?:[.,][0-9]+)?[eE][+-]?[0-9]{1,3}\Z")
_MAGNITUDES = {
    "万": Decimal(10_000),
    "萬": Decimal(10_000),
    "亿": Decimal(100_000_000),
    "k": Decimal(1_000),
    "m": Decimal(1_000_000),
    "mio": Decimal(1_000_000),
}
_CURRENCY = re.compile(
    "|".join(re.escape(sign) for sign in sorted(CURRENCIES, key=len, reverse=True)) + "|" + "|".join(sorted(ISO_CODES)),
)


class Mark(StrEnum):
    """The decimal mark of a column."""

    POINT = "."
    COMMA = ","


class NotANumber(ValueError):
    """The cell is no number; the message is the problem without the place."""


@dataclass(frozen=True, slots=True)
class Parts:
    """A cell taken apart, before its marks are understood.

    Attributes:
        digits: Digits with their separators only, such as ``1.234,56``.
        negative: By a minus before or behind, or brackets around.
        percent: A percent sign stood beside it.
        currency: Sign or code beside it, as written; empty where none.
        magnitude: Factor of an abbreviation such as 万.
    """

    digits: str
    negative: bool
    percent: bool
    currency: str
    magnitude: Decimal


def is_missing(cell: object) -> bool:
    """Tell whether a cell says that there is no figure."""
    return cell is None or (isinstance(cell, str) and _plain(cell).casefold() in MISSING)


def is_bound(cell: object) -> bool:
    """Tell whether a cell gives only a bound, such as ``< 10%``."""
    return isinstance(cell, str) and _plain(cell)[:1] in {"<", ">", "≤", "≥"}


def take_apart(cell: str) -> Parts:
    """Take sign, percent, currency and abbreviation off a number.

    Raises:
        NotANumber: What is left is not made of digits and separators.
    """
    text = _plain(cell)
    if text[:1] in {"<", ">", "≤", "≥"}:
        raise NotANumber("is only a bound, not a figure")
    negative = False
    if text.startswith("(") and text.endswith(")"):
        negative, text = True, text[1:-1].strip()
    percent = "%" in text or "‰" in text
    text = text.replace("%", "", 1).replace("‰", "", 1).strip()
    text, currency = _without_currency(text)
    text, magnitude = _without_magnitude(text)
    for sign in ("start", "end"):
        mark = text[:1] if sign == "start" else text[-1:]
        if mark and mark in _MINUS:
            if negative:
                raise NotANumber("has two minus signs")
            negative, text = True, (text[1:] if sign == "start" else text[:-1]).strip()
    text, again = _without_currency(text.removeprefix("+").strip())
    if currency and again:
        raise NotANumber("has two currency signs")
    digits = "".join("'" if c in _APOSTROPHES else " " if c in _SPACES else c for c in text)
    if (
        not digits
        or not (digits[0].isdigit() or digits[0] in ".,")
        or not all(c.isdigit() or c in " '.,eE+-" for c in digits)
    ):
        raise NotANumber("is no number")
    if not digits.isascii():
        digits = "".join(str(unicodedata.decimal(c)) if c.isdigit() and not c.isascii() else c for c in digits)
    return Parts(digits, negative, percent, currency or again, magnitude)


def _plain(cell: str) -> str:
    if cell.isascii():
        return cell.strip()
    text = unicodedata.normalize("NFKC", cell).replace("٫", ".").replace("٬", ",")
    return text.strip("\ufeff\u200b\u200e\u200f" + _SPACES)


def _without_currency(text: str) -> tuple[str, str]:
    if text.isascii() and text[:1].isdigit() and text[-1:].isdigit():
        return text, ""
    found = _CURRENCY.match(text)
    if found:
        return text[found.end() :].strip(), found.group()
    found = None
    for candidate in _CURRENCY.finditer(text):
        found = candidate
    if found and found.end() == len(text) and found.start() > 0:
        return text[: found.start()].strip(), found.group()
    return text, ""


def _without_magnitude(text: str) -> tuple[str, Decimal]:
    lowered = text.casefold()
    for suffix, factor in _MAGNITUDES.items():
        if lowered.endswith(suffix) and lowered[: -len(suffix)].strip()[-1:].isdigit():
            return text[: -len(suffix)].strip(), factor
    return text, Decimal(1)


def evidence(digits: str) -> Mark | None:
    """Return the decimal mark that a single number proves, or ``None`` where it could be read both ways."""
    points, commas = digits.count("."), digits.count(",")
    if points and commas:
        return Mark.POINT if digits.rfind(".") > digits.rfind(",") else Mark.COMMA
    if not points and not commas:
        return None
    mark, other = (Mark.POINT, Mark.COMMA) if points else (Mark.COMMA, Mark.POINT)
    if points + commas > 1:
        return other
    whole, _, fraction = digits.partition(mark)
    grouped = " " in whole or "'" in whole
    return None if _AMBIGUOUS.fullmatch(f"{whole}.{fraction}") and not grouped else mark


@dataclass(frozen=True, slots=True, kw_only=True)
class Style:
    """How a column writes its numbers.

    Attributes:
        mark: The decimal mark; ``None`` where no cell has one or needs one.
        proof: A cell that settles it, or an empty text.
        contradiction: A cell that says otherwise, or an empty text: the column cannot be read.
        doubtful: A cell that has two readings where nothing settles which, or an empty text.
    """

    mark: Mark | None
    proof: str = ""
    contradiction: str = ""
    doubtful: str = ""


def infer_style(cells: Iterable[str]) -> Style:
    """Read all cells of a column, or of several, and find out their decimal mark.

    Cells that are missing or are no numbers are passed over: they are judged when they are parsed.
    """
    proofs: dict[Mark, str] = {}
    doubtful = ""
    for cell in set(cells):
        if cell.isdigit() and cell.isascii():
            continue
        try:
            digits = take_apart(cell).digits
        except NotANumber:
            continue
        mark = evidence(digits)
        if mark is not None:
            proofs.setdefault(mark, cell)
        elif "." in digits or "," in digits:
            doubtful = max(doubtful, cell)
    if len(proofs) == len(Mark):
        return Style(mark=None, proof=proofs[Mark.POINT], contradiction=proofs[Mark.COMMA])
    for mark, proof in proofs.items():
        return Style(mark=mark, proof=proof)
    return Style(mark=None, doubtful=doubtful)


def parse_number(cell: str, mark: Mark = Mark.POINT) -> Decimal:
    """Read one number, exactly.

    Args:
        cell: The text; not missing.
        mark: The decimal mark of the column.

    Returns:
        The number; a percentage as a ratio (``12.5%`` is ``0.125``).

    Raises:
        NotANumber: The text is no number in that style.
    """
    if cell.isdigit() and cell.isascii():
        return Decimal(cell)
    parts = take_apart(cell)
    value = _exact(parts.digits, mark) * parts.magnitude
    if parts.percent:
        value = value.scaleb(-3 if "‰" in cell else -2)
    return -value if parts.negative else value


def _exact(digits: str, mark: Mark) -> Decimal:
    if "e" in digits.casefold():
        if not _SCIENTIFIC.match(digits):
            raise NotANumber("is no number")
        return Decimal(digits.replace(",", "."))
    if "+" in digits or "-" in digits:
        raise NotANumber("has a sign in the middle")
    whole, _, fraction = digits.partition(mark)
    if mark in fraction or not (fraction == "" or _DIGITS.fullmatch(fraction)):
        raise NotANumber(f"has separators behind the decimal mark {mark!s}" if fraction else "is no number")
    grouping = [c for c in dict.fromkeys(whole) if not c.isdigit()]
    if len(grouping) > 1:
        raise NotANumber("mixes separators of thousands")
    if grouping:
        _check_groups(whole.split(grouping[0]))
        whole = whole.replace(grouping[0], "")
    if not whole and not fraction:
        raise NotANumber("is no number")
    return Decimal(f"{whole or '0'}.{fraction or '0'}")


def _check_groups(groups: list[str]) -> None:
    """Accept groups of three, of four (Chinese), and the Indian 2-2-3."""
    if not _GROUPS.fullmatch(",".join(groups)):
        raise NotANumber("has separators of thousands in odd places")
