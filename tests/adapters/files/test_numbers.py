# ruff: noqa: E501  (rows of examples are read as rows)
"""Numbers as people write them, read exactly."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.files.numbers import Mark, NotANumber, infer_style, is_missing, parse_number

amounts = st.decimals(min_value=Decimal("-99999999.99"), max_value=Decimal("99999999.99"), places=2)


def western(value: Decimal, grouping: str, mark: str) -> str:
    """Write an amount with separators of thousands and a decimal mark."""
    text = f"{abs(value):,.2f}".replace(",", "\0").replace(".", mark).replace("\0", grouping)
    return f"-{text}" if value < 0 else text


def indian(value: Decimal) -> str:
    """Write an amount as in India: groups of two above the thousands."""
    whole, _, fraction = f"{abs(value):.2f}".partition(".")
    head, tail = whole[:-3], whole[-3:]
    groups: list[str] = []
    while head:
        groups.insert(0, head[-2:])
        head = head[:-2]
    return ("-" if value < 0 else "") + ",".join([*groups, tail]) + "." + fraction


@pytest.mark.parametrize(
    ("grouping", "mark"),
    [
        (",", "."),
        (".", ","),
        (" ", ","),
        ("\u00a0", ","),
        ("\u202f", ","),
        ("'", "."),
        ("’", "."),
        ("", "."),
        ("", ","),
    ],
)
@given(value=amounts)
def test_amounts_survive_every_western_style(grouping: str, mark: str, value: Decimal) -> None:
    """Whatever the separators, the amount read is the amount written."""
    assert value == parse_number(western(value, grouping, mark), Mark(mark))


@given(value=amounts)
def test_amounts_survive_the_indian_style(value: Decimal) -> None:
    """Groups of two above the thousands are read."""
    assert value == parse_number(indian(value))


@given(value=amounts)
def test_amounts_survive_full_width_digits(value: Decimal) -> None:
    """Full-width digits, as Chinese input methods make them, are digits."""
    wide = "".join(chr(ord(c) + 0xFEE0) if c.isdigit() or c in ".-" else c for c in f"{value:f}")

    assert value == parse_number(wide)


@pytest.mark.parametrize(
    "dressed",
    [
        "¥{}",
        "￥{}",
        "{}元",
        "{} 元",
        "${}",
        "US${}",
        "$ {}",
        "€{}",
        "{} €",
        "£{}",
        "CNY {}",
        "{} EUR",
        "USD{}",
        "R${}",
        "₹{}",
        "  {}  ",
    ],
)
@given(value=amounts.filter(lambda v: v >= 0))
def test_currency_signs_say_nothing_about_the_amount(dressed: str, value: Decimal) -> None:
    """A sign or code before or behind is taken off."""
    assert value == parse_number(dressed.format(f"{value:,.2f}"))


@pytest.mark.parametrize(
    "written",
    ["(1,234.50)", "-1,234.50", "1,234.50-", "−1,234.50", "-$1,234.50", "$-1,234.50", "($1,234.50)", "－1,234.50"],
)
def test_negative_amounts_are_read_in_every_notation(written: str) -> None:
    """Brackets, a trailing minus and typographic minus signs all mean below zero."""
    assert Decimal("-1234.50") == parse_number(written)


@pytest.mark.parametrize(
    ("written", "expected"),
    [("12.5%", "0.125"), ("12.5 %", "0.125"), ("３．５％", "0.035"), ("4‰", "0.004"), ("1.2万", "12000"), ("3亿", "300000000"),
     ("1.5K", "1500"), ("2m", "2000000"), ("1e5", "100000"), ("1.2E-3", "0.0012"), (".5", "0.5"), ("1,2345,6789", "123456789")],
)  # fmt: skip
def test_percentages_and_abbreviations_are_read(written: str, expected: str) -> None:
    """A percentage is a ratio, an abbreviation its full figure."""
    assert Decimal(expected) == parse_number(written)


@pytest.mark.parametrize("cell", ["", " ", "-", "--", "—", "–", " --", "N/A", "n/a", "null", "none", "暂无", None])
def test_cells_without_a_figure_are_missing(cell: str | None) -> None:
    """Dashes and words for nothing are missing, never zero."""
    assert is_missing(cell)


@pytest.mark.parametrize(
    "cell",
    [
        "abc",
        "1.2.3",
        "1,23,45",
        "12,34.5.6",
        "< 10%",
        "> 90%",
        "$€5",
        "5 apples",
        "1-2",
        "--5",
        "0x10",
        "1_000",
        "∞",
        "½",
        "1,2,3",
    ],
)
def test_what_is_no_number_is_refused(cell: str) -> None:
    """Nothing is guessed from text that is no number."""
    with pytest.raises(NotANumber):
        parse_number(cell)


@given(values=st.lists(amounts, min_size=1, max_size=20), mark=st.sampled_from(list(Mark)))
def test_a_column_proves_its_decimal_mark(values: list[Decimal], mark: Mark) -> None:
    """Two decimals settle the mark, whatever the grouping."""
    grouping = "," if mark is Mark.POINT else "."

    style = infer_style([western(value, grouping, mark) for value in values])

    assert mark is style.mark
    assert not style.contradiction


def test_a_column_that_contradicts_itself_names_both_cells() -> None:
    """A decimal comma and a decimal point in one column cannot both be right."""
    style = infer_style(["1,5", "2.75"])

    assert style.mark is None
    assert {"1,5", "2.75"} == {style.proof, style.contradiction}


def test_three_digits_behind_one_separator_stay_doubtful() -> None:
    """1,234 could be a thousand or one and a bit."""
    style = infer_style(["1,234", "100"])

    assert style.mark is None
    assert "1,234" == style.doubtful
