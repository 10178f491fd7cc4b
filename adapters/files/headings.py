"""Understand one column heading: its words, the unit and the attribution window written into it.

``7 Day Total Sales ($)``, ``sales7d``, ``花费(元)`` and ``Cost (micros)`` say more than a name. Called by
`adapters.files.proposal` and `adapters.files.tables`; pure.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache

from adapters.files.numbers import CURRENCIES, ISO_CODES

_BRACKETS = re.compile(r"[(\[{（【]([^()\[\]{}（）【】]*)[)\]}）】]")
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])|(?<=[a-z])(?=[0-9])")
_DAYS = r"(?:days?|d|tage?|jours?|días|dias|giorni|dagen|天|日)"
_WINDOW = re.compile(rf"(?<![\w.])([0-9]{{1,2}})[\s\-]*{_DAYS}(?![a-z])|(?<=[a-z])([0-9]{{1,2}})d\b")
_SEPARATORS = re.compile(r"[_\-.:\s|\\]+")
_SCALES = {
    "元": Decimal(1),
    "分": Decimal("0.01"),
    "角": Decimal("0.1"),
    "厘": Decimal("0.001"),
    "万元": Decimal(10_000),
    "micros": Decimal("0.000001"),
    "micro": Decimal("0.000001"),
    "cents": Decimal("0.01"),
    "cent": Decimal("0.01"),
    "pence": Decimal("0.01"),
    "fen": Decimal("0.01"),
    "paise": Decimal("0.01"),
    "yuan": Decimal(1),
}
_YUAN = frozenset({"元", "分", "角", "厘", "万元", "fen", "yuan"})
_WINDOWS = range(1, 91)
_MEANT = frozenset({"value", "amount", "金额", "wert", "valeur", "valor"})
"""Words in brackets that make a count an amount of money."""
_PREFIX = re.compile(r"\A(?:metrics|segments|ad group criterion) (?=.)")
"""Where query tools say which resource a field is of."""
_RATIO = re.compile(r"[^\s/]\s*/\s*[^\s/]|\b(?:per|pro|par|por|за)\b")


@dataclass(frozen=True, slots=True, kw_only=True)
class Heading:
    """A heading, understood.

    Attributes:
        text: As it stands in the file.
        key: Case-folded words with single spaces, without brackets, unit and window.
        words: The words of ``key``.
        window_days: Attribution window in the heading; ``None`` where none is written.
        scale: Units of the currency in one of the column's, such as 0.01 for 分.
        currency: ISO code in the heading, or an empty text.
        percent: The heading says the figures are percentages.
        ratio: The heading names one figure per, or over, another.
        informational: The venue marks the column as not editable.
    """

    text: str
    key: str
    words: frozenset[str]
    window_days: int | None
    scale: Decimal
    currency: str
    percent: bool
    ratio: bool
    informational: bool


@lru_cache(maxsize=4096)
def understand(text: str) -> Heading:
    """Take a heading apart."""
    plain = unicodedata.normalize("NFKC", text).strip().strip("\ufeff\"'").strip()
    brackets = [content.strip().casefold() for content in _BRACKETS.findall(plain)]
    body = _BRACKETS.sub(" ", plain)
    spaced = _CAMEL.sub(" ", body).casefold()
    window, spaced = _window(spaced, brackets)
    scale, currency, spaced = _unit(spaced, brackets)
    spaced += "".join(f" {b}" for b in brackets if b in _MEANT)
    percent = "%" in spaced or any("%" in b for b in brackets)
    key = " ".join(_SEPARATORS.sub(" ", spaced.replace("%", " ").replace("#", " ")).split())
    key = _PREFIX.sub("", key)
    ratio = bool(_RATIO.search(key)) and "词" not in key
    return Heading(
        text=text,
        key=key,
        words=frozenset(re.split(r"[\s/]+", key)),
        window_days=window,
        scale=scale,
        currency=currency,
        percent=percent,
        ratio=ratio,
        informational=any("informational" in b for b in brackets),
    )


def _window(spaced: str, brackets: list[str]) -> tuple[int | None, str]:
    """Find a window such as ``7 day``, ``14d`` or ``15天`` and take it out of the words."""
    for text in (spaced, *brackets):
        found = _WINDOW.search(text)
        if found:
            days = int(found[1] or found[2])
            if days in _WINDOWS:
                return days, (spaced[: found.start()] + " " + spaced[found.end() :] if text is spaced else spaced)
    return None, spaced


def _unit(spaced: str, brackets: list[str]) -> tuple[Decimal, str, str]:
    scale, currency = Decimal(1), ""
    for content in (*brackets, *spaced.replace("_", " ").split()[-1:]):
        if content in _SCALES:
            scale = _SCALES[content]
            currency = "CNY" if content in _YUAN else currency
            spaced = re.sub(rf"[\s_]{re.escape(content)}\Z", "", spaced.rstrip())
        elif content.upper() in ISO_CODES and len(content) == 3:  # noqa: PLR2004
            currency = content.upper()
            spaced = re.sub(rf"[\s_]{re.escape(content)}\Z", "", spaced.rstrip())
    for content in (*brackets, spaced):
        for sign, code in CURRENCIES.items():
            if not sign.isalpha() and sign.casefold() in content:
                currency = currency or code
                spaced = spaced.replace(sign.casefold(), " ")
    return scale, currency, spaced
