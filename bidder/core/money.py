"""Money as integer micros with its currency: exact in Python, numpy, JSON and every database.

Everything that carries money across a function boundary uses `Money`, or an int64 array named ``*_micros``
whose currency stands beside it. Floats live only between reading a table and rounding a decision.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from decimal import ROUND_DOWN, ROUND_HALF_EVEN, Decimal, InvalidOperation
from typing import Self

from bidder.errors import CurrencyMismatch

MICROS = 1_000_000
"""Micros in one unit of any currency."""

NO_CURRENCY = "XXX"
"""ISO 4217 for "no currency": of amounts whose currency nobody states."""

_EXPONENTS = {"JPY": 0, "KRW": 0, "VND": 0, "CLP": 0, "ISK": 0, "UGX": 0, "XAF": 0, "XOF": 0, "PYG": 0, "RWF": 0,
              "BHD": 3, "KWD": 3, "OMR": 3, "JOD": 3, "TND": 3, "IQD": 3, "LYD": 3}  # fmt: skip
_INT64_MAX = 2**63 - 1
_CODE_LENGTH = 3


def minor_unit_micros(currency: str) -> int:
    """Return the micros in the currency's smallest coin (ISO 4217 exponent, two where not listed)."""
    return int(MICROS // 10 ** _EXPONENTS.get(currency, 2))


@dataclass(frozen=True, slots=True, order=False)
class Money:
    """An amount of one currency.

    Attributes:
        micros: Millionths of one unit; may be negative (a loss, a refund). Fits int64.
        currency: ISO 4217 code, three capitals.
    """

    micros: int
    currency: str

    def __post_init__(self) -> None:
        if type(self.micros) is not int or not -_INT64_MAX <= self.micros <= _INT64_MAX:
            raise TypeError(f"micros must be an int of 64 bits, was {self.micros!r}")
        if not (len(self.currency) == _CODE_LENGTH and self.currency.isascii() and self.currency.isupper()):
            raise ValueError(f"currency must be an ISO 4217 code such as CNY, was {self.currency!r}")

    @classmethod
    def zero(cls, currency: str) -> Self:
        """Return nothing, in ``currency``."""
        return cls(0, currency)

    @classmethod
    def of(cls, amount: str | int | Decimal, currency: str) -> Self:
        """Read an exact amount of units, such as ``"12.34"``.

        Raises:
            ValueError: The text is no number, or is finer than a micro.
        """
        try:
            micros = Decimal(amount) * MICROS
        except InvalidOperation:
            raise ValueError(f"expected an amount such as 12.34, was {amount!r}") from None
        if not micros.is_finite() or micros != micros.to_integral_value():
            raise ValueError(f"expected a finite amount of at most six decimals, was {amount!r}")
        return cls(int(micros), currency)

    def __add__(self, other: Money) -> Money:
        return Money(self.micros + self._same(other), self.currency)

    def __sub__(self, other: Money) -> Money:
        return Money(self.micros - self._same(other), self.currency)

    def __neg__(self) -> Money:
        return Money(-self.micros, self.currency)

    def __lt__(self, other: Money) -> bool:
        return self.micros < self._same(other)

    def __le__(self, other: Money) -> bool:
        return self.micros <= self._same(other)

    def __gt__(self, other: Money) -> bool:
        return self.micros > self._same(other)

    def __ge__(self, other: Money) -> bool:
        return self.micros >= self._same(other)

    def __truediv__(self, other: Money) -> float:
        """Return the ratio of two amounts; the unit is gone, so the type changes."""
        return self.micros / self._same(other)

    def scaled(self, factor: float, *, increment: Money | None = None) -> Money:
        """Return this amount times ``factor``, rounded down to ``increment`` (a micro where absent).

        Raises:
            ValueError: ``factor`` is not finite.
        """
        if not math.isfinite(factor):
            raise ValueError(f"expected a finite factor, was {factor}")
        exact = (Decimal(self.micros) * Decimal(factor)).to_integral_value(rounding=ROUND_DOWN)
        product = Money(int(exact), self.currency)
        return product if increment is None else product.round_down(increment)

    def round_down(self, increment: Money) -> Money:
        """Round towards minus infinity to a whole number of ``increment``."""
        step = self._same(increment)
        if step <= 0:
            raise ValueError(f"an increment must be positive, was {increment}")
        return Money(self.micros // step * step, self.currency)

    def units(self) -> Decimal:
        """Return the exact amount in units."""
        return Decimal(self.micros) / MICROS

    def format(self) -> str:
        """Render for people: at least the currency's decimals, more only where they are not zero."""
        digits = _EXPONENTS.get(self.currency, 2)
        exact = self.units()
        shown = exact.quantize(Decimal(1).scaleb(-digits), rounding=ROUND_HALF_EVEN)
        text = f"{shown:,}" if shown == exact else f"{exact.normalize():,f}"
        return f"{text} {self.currency}"

    def __str__(self) -> str:
        return self.format()

    def _same(self, other: Money) -> int:
        if self.currency != other.currency:
            raise CurrencyMismatch(f"cannot combine {self.currency} with {other.currency}")
        return other.micros
