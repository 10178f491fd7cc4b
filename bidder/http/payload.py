"""Strict reading of what a venue sent: JSON, gzip, and fields that name themselves when they are wrong.

Venues change; a payload that is not what was agreed raises `ContractBroken` with the path of the field, so that
corrupt data stops one account instead of moving its money. Used by every adapter's ``wire`` module.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import Never, TypeAlias, TypeVar, cast

from bidder.core.money import Money
from bidder.errors import ContractBroken

Json: TypeAlias = bool | int | float | Decimal | str | Sequence["Json"] | Mapping[str, "Json"] | None
"""A JSON value; numbers with a fraction are read as ``Decimal``, exactly as they were written."""

_INT64_MAX = 2**63 - 1
_Choice = TypeVar("_Choice", bound=StrEnum)


def encode_json(payload: Json) -> bytes:
    """Return compact UTF-8; NaN and infinities raise ``ValueError``."""
    return json.dumps(payload, allow_nan=False, ensure_ascii=False, separators=(",", ":"), default=_plain).encode()


def parse_json(body: bytes, *, place: str = "body") -> Node:
    """Read bytes as strict JSON; ``place`` names them in messages."""
    try:
        text = body.decode("utf-8-sig")
        value = json.loads(text, parse_float=Decimal, parse_constant=_no_constant, object_pairs_hook=_no_duplicates)
    except UnicodeDecodeError:
        raise ContractBroken("expected UTF-8 text", field=place) from None
    except RecursionError:
        raise ContractBroken("expected JSON of reasonable depth", field=place) from None
    except ValueError as exc:
        raise ContractBroken(f"expected JSON, {_why(exc, body)}", field=place) from None
    return Node(value, place)


class Oversize(ValueError):
    """Data unpacks to more than was allowed."""


class Damaged(ValueError):
    """Data is cut short or corrupt."""


def unpack(data: bytes, *, limit: int) -> bytes:
    """Return the decompressed bytes of gzip data of one or more members, never more than ``limit``.

    Raises:
        Oversize: It unpacks to more; no more than the limit was ever held.
        Damaged: It is cut short or corrupt.
    """
    parts: list[bytes] = []
    room = limit
    rest = data
    while rest:
        member = zlib.decompressobj(16 + zlib.MAX_WBITS)
        try:
            part = member.decompress(rest, room + 1)
        except zlib.error:
            raise Damaged("was corrupt") from None
        if len(part) > room:
            raise Oversize(f"was more than {limit:,} bytes when unpacked")
        if not member.eof:
            raise Damaged("was cut short")
        parts.append(part)
        room -= len(part)
        rest = member.unused_data
    return b"".join(parts)


def gunzip(data: bytes, *, limit: int, place: str = "body") -> bytes:
    """Return the decompressed bytes of a report file in gzip form; anything else raises `ContractBroken`."""
    if not data:
        raise ContractBroken("expected gzip data, was empty", field=place)
    try:
        return unpack(data, limit=limit)
    except ValueError as exc:
        raise ContractBroken(f"expected gzip data, {exc}", field=place) from None


class Node:
    """One value of a payload with its path, read field by field.

    Args:
        value: The JSON value.
        path: Where it stands, such as ``GET /campaigns.items[3].bid``.
    """

    __slots__ = ("path", "value")

    def __init__(self, value: Json, path: str) -> None:
        self.value = value
        self.path = path

    def __repr__(self) -> str:
        return f"Node({self.path})"

    def at(self, key: str) -> Node:
        """Return a field that must be there and not null."""
        found = self.find(key)
        if found is None:
            raise ContractBroken("expected a value, was missing", field=f"{self.path}.{key}")
        return found

    def find(self, key: str) -> Node | None:
        """Return a field, or ``None`` where it is absent or null."""
        if not isinstance(self.value, dict):
            self._broken("an object")
        value = self.value.get(key)
        return None if value is None else Node(value, f"{self.path}.{key}")

    def items(self) -> Iterator[Node]:
        """Iterate over a list."""
        if not isinstance(self.value, list):
            self._broken("a list")
        for number, value in enumerate(self.value):
            yield Node(value, f"{self.path}[{number}]")

    def text(self) -> str:
        """Return a text that is not empty."""
        if not isinstance(self.value, str) or not self.value:
            self._broken("a text")
        return self.value

    def integer(self, *, least: int | None = 0) -> int:
        """Return a whole number, at least ``least`` where given."""
        if isinstance(self.value, bool) or not isinstance(self.value, int):
            self._broken("a whole number")
        if not _in_range(self.value, least):
            self._broken("a whole number of 64 bits" + ("" if least is None else f", at least {least}"))
        return self.value

    def number(self) -> float:
        """Return a finite number as float: for ratios, never for money."""
        return float(self._decimal())

    def money(self, currency: str, *, least: int | None = 0) -> Money:
        """Return an amount of units sent as a decimal number or text, exactly; ``least`` in micros."""
        try:
            amount = Money.of(self._decimal(), currency)
        except (ValueError, TypeError):
            self._broken("an amount of at most six decimals")
        if least is not None and amount.micros < least:
            self._broken(f"an amount of at least {least} micros")
        return amount

    def boolean(self) -> bool:
        """Return true or false."""
        if not isinstance(self.value, bool):
            self._broken("true or false")
        return self.value

    def day(self) -> date:
        """Return a date written as 2026-06-18."""
        try:
            return date.fromisoformat(self.text())
        except ValueError:
            self._broken("a date such as 2026-06-18")

    def instant(self) -> datetime:
        """Return a moment written with its offset, in UTC."""
        try:
            moment = datetime.fromisoformat(self.text())
        except ValueError:
            self._broken("a moment such as 2026-06-18T10:00:00+00:00")
        if moment.tzinfo is None:
            self._broken("a moment with its offset from UTC")
        return moment.astimezone(UTC)

    def choice(self, kinds: type[_Choice], *, other: _Choice) -> _Choice:
        """Return the member of an enumeration, in any case; a value the venue added since is ``other``."""
        text = self.text().lower()
        return kinds(text) if text in set(kinds) else other

    def integers(self, *, least: int | None = 0) -> list[int]:
        """Return a list of whole numbers: a column."""
        if not isinstance(self.value, list):
            self._broken("a list")
        for number, value in enumerate(self.value):
            if type(value) is not int or not _in_range(value, least):
                Node(value, f"{self.path}[{number}]").integer(least=least)
        return cast("list[int]", self.value)

    def _decimal(self) -> Decimal:
        if isinstance(self.value, bool) or not isinstance(self.value, int | Decimal | str):
            self._broken("a number")
        try:
            number = Decimal(self.value)
        except InvalidOperation:
            self._broken("a number")
        if not number.is_finite():
            self._broken("a finite number")
        return number

    def _broken(self, expected: str) -> Never:
        kind = "null" if self.value is None else type(self.value).__name__
        shown = f"{kind} {_short(self.value)}" if isinstance(self.value, bool | int | Decimal | str) else kind
        raise ContractBroken(f"expected {expected}, was {shown}", field=self.path)


def _in_range(value: int, least: int | None) -> bool:
    return (-_INT64_MAX if least is None else least) <= value <= _INT64_MAX


def _no_constant(name: str) -> Never:
    raise ValueError(f"was {name}, which is not a JSON number")


def _no_duplicates(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"was an object with the key {_short(twice)} twice")
    return found


def _why(exc: ValueError, body: bytes) -> str:
    if body.lstrip()[:1] == b"<":
        return "was a page of HTML or XML"
    if not body.strip():
        return "was empty"
    if isinstance(exc, json.JSONDecodeError):
        return f"was cut or malformed at byte {exc.pos} of {len(body)}"
    return str(exc)


def _plain(value: object) -> float | str:
    if isinstance(value, Decimal):
        return str(value)
    raise TypeError(f"expected a JSON value, was {type(value).__name__}")


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 40 else f"{text[:40]}..."  # noqa: PLR2004  # enough to recognise it
