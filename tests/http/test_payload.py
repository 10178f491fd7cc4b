"""Strict reading of payloads: whatever is not as agreed names itself."""

from __future__ import annotations

import gzip
from decimal import Decimal
from enum import StrEnum

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bidder.core.money import Money
from bidder.errors import ContractBroken
from bidder.http import Node, encode_json, gunzip, parse_json


class Colour(StrEnum):
    """Three colours, one of them for what we do not know."""

    RED = "red"
    BLUE = "blue"
    OTHER = "other"


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "empty"),
        (b"<!DOCTYPE html><html>", "HTML"),
        (b'{"a": 1', "cut or malformed"),
        (b'{"a": NaN}', "NaN"),
        (b'{"a": -Infinity}', "Infinity"),
        (b'{"a": 1, "a": 2}', "twice"),
        (b'{"a": [{"b": 1, "b": 1}]}', "twice"),
        (b'{"a": 1} trailing', "cut or malformed"),
        (b"\xff\xfe{}", "UTF-8"),
        (b"[" * 100_000, "depth"),
        (b"1" * 10_000, "expected JSON"),
    ],
)
def test_rubbish_is_no_json(body: bytes, words: str) -> None:
    """What a lenient parser would swallow is refused with a word on what it was."""
    with pytest.raises(ContractBroken, match=words) as caught:
        parse_json(body, place="GET /things")

    assert "GET /things" == caught.value.field


def test_amounts_are_read_exactly() -> None:
    """A decimal number keeps every digit the venue wrote."""
    node = parse_json(b'{"number": 0.1, "text": "1234567.000001", "whole": 3}')

    assert Money(100_000, "CNY") == node.at("number").money("CNY")
    assert Money(1_234_567_000_001, "CNY") == node.at("text").money("CNY")
    assert Money(3_000_000, "CNY") == node.at("whole").money("CNY")


WRONG: list[tuple[object, str]] = [
    (-1, "integer"),
    (True, "integer"),
    ("1", "integer"),
    (2**63, "integer"),
    (Decimal("1.5"), "integer"),
    ("", "text"),
    (3, "text"),
    ("soon", "day"),
    ("2026-06-18T10:00:00", "instant"),
    ("2026-06-31T10:00:00Z", "instant"),
    ("Infinity", "number"),
    (None, "number"),
    (1, "boolean"),
    ([1, -2], "integers"),
    ([1, True], "integers"),
    ([1, "2"], "integers"),
    ([1, 2**80], "integers"),
]


@pytest.mark.parametrize(("value", "kind"), WRONG, ids=[f"{value!r} as {kind}" for value, kind in WRONG])
def test_wrong_field_names_itself(value: object, kind: str) -> None:
    """A field of the wrong kind or range raises with its path."""
    with pytest.raises(ContractBroken) as caught:
        getattr(Node(value, "items[3].bid"), kind)()  # type: ignore[arg-type]

    assert caught.value.field.startswith("items[3].bid")


@pytest.mark.parametrize("value", ["1.0000001", "-1", "NaN", "", None, "1,50", 10**30])
def test_wrong_amount_names_itself(value: object) -> None:
    """An amount that is no amount raises with its path."""
    with pytest.raises(ContractBroken) as caught:
        Node(value, "items[3].bid").money("CNY")  # type: ignore[arg-type]

    assert "items[3].bid" == caught.value.field


def test_structure_of_another_kind_names_itself() -> None:
    """A list where an object was agreed, and the other way round."""
    with pytest.raises(ContractBroken, match="an object"):
        parse_json(b"[]").find("x")
    with pytest.raises(ContractBroken, match="a list"):
        list(parse_json(b"{}").items())


def test_missing_field_names_itself() -> None:
    """An absent and a null field are the same: missing."""
    node = parse_json(b'{"bid": null}', place="t")

    for key in ("bid", "state"):
        assert node.find(key) is None
        with pytest.raises(ContractBroken, match=f"t.{key}"):
            node.at(key)


def test_unknown_kind_is_other() -> None:
    """A value that the venue invented since degrades to OTHER; a known one is found in any case."""
    assert Colour.OTHER is Node("MAUVE", "x").choice(Colour, other=Colour.OTHER)
    assert Colour.BLUE is Node("Blue", "x").choice(Colour, other=Colour.OTHER)


@given(st.recursive(st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.text(), lambda inner: st.lists(inner)
                    | st.dictionaries(st.text(), inner), max_leaves=20))  # fmt: skip
def test_encoding_and_reading_is_the_same_value(value: object) -> None:
    """What we send can be read back as it was."""
    assert value == parse_json(encode_json(value)).value  # type: ignore[arg-type]


def test_nan_is_never_sent() -> None:
    """A price that is not a number stops before the wire."""
    with pytest.raises(ValueError, match="not JSON compliant"):
        encode_json({"bid": float("nan")})


@given(st.lists(st.binary(max_size=200), min_size=1, max_size=4), st.data())
def test_cut_or_flipped_gzip_is_refused_or_equal(parts: list[bytes], data: st.DataObject) -> None:
    """No cut of a report file passes as a shorter report."""
    whole = b"".join(parts)
    packed = gzip.compress(whole)
    cut = data.draw(st.integers(1, len(packed) - 1))

    assert whole == gunzip(b"".join(gzip.compress(part) for part in parts), limit=1000)
    with pytest.raises(ContractBroken, match="cut short"):
        gunzip(packed[:cut], limit=1000)


def test_gzip_bomb_is_not_unpacked() -> None:
    """A small file that unpacks to a large one is refused at the bound."""
    with pytest.raises(ContractBroken, match="more than 1,000 bytes"):
        gunzip(gzip.compress(b"0" * 1_000_000), limit=1000)


@pytest.mark.parametrize("body", [b"", b"[]", b"\x1f\x8b rubbish"])
def test_file_that_is_no_gzip_is_refused(body: bytes) -> None:
    """An empty or foreign file is not an empty report."""
    with pytest.raises(ContractBroken):
        gunzip(body, limit=1000)
