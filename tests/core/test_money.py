"""Money is exact: nothing is lost in sums, rounding goes down, and currencies never mix."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bidder.core.money import Money, minor_unit_micros
from bidder.errors import CurrencyMismatch

LARGEST = 2**63 - 1

amounts = st.integers(-(10**17), 10**17).map(lambda micros: Money(micros, "CNY"))


@pytest.mark.parametrize(
    ("text", "micros"),
    [
        ("12.34", 12_340_000),
        ("0.000001", 1),
        ("-3.5", -3_500_000),
        ("1e3", 1_000_000_000),
        (7, 7_000_000),
        (Decimal("0.10"), 100_000),
        ("12.3400000000", 12_340_000),
    ],
)
def test_an_amount_is_read_exactly(text: str | int | Decimal, micros: int) -> None:
    """Text, integers and decimals all become the same whole micros."""
    assert Money(micros, "CNY") == Money.of(text, "CNY")


@pytest.mark.parametrize("text", ["", "twelve", "1,2", "nan", "sNaN", "Infinity", "-inf", "0.0000001", "1.2345678"])
def test_what_is_no_exact_amount_is_refused(text: str) -> None:
    """Neither words, nor what is not finite, nor anything finer than a micro."""
    with pytest.raises(ValueError, match=r"expected an? (finite )?amount"):
        Money.of(text, "CNY")


@pytest.mark.parametrize("micros", [LARGEST + 1, -LARGEST - 1, 1.0, True, Decimal(1)])
def test_micros_are_an_int_of_64_bits(micros: int) -> None:
    """A float, a flag or an amount that no database holds never becomes money."""
    with pytest.raises(TypeError, match="64 bits"):
        Money(micros, "CNY")


@pytest.mark.parametrize("micros", [LARGEST, -LARGEST])
def test_the_largest_amounts_can_be_held(micros: int) -> None:
    """The bound itself is inside."""
    assert micros == Money(micros, "CNY").micros


@pytest.mark.parametrize("currency", ["", "CN", "CNYX", "cny", "Cny", "人民币", "¥¥¥"])
def test_a_currency_is_three_capitals(currency: str) -> None:
    """Anything else is no ISO 4217 code."""
    with pytest.raises(ValueError, match="ISO 4217"):
        Money(1, currency)


def test_ten_tenths_are_exactly_one() -> None:
    """The sum that floats get wrong."""
    total = sum((Money.of("0.1", "CNY") for _ in range(10)), start=Money.zero("CNY"))

    assert Money.of(1, "CNY") == total


@given(first=amounts, second=amounts)
def test_what_is_added_can_be_taken_away_again(first: Money, second: Money) -> None:
    """No micro is lost, however large the amounts differ."""
    total = first + second

    assert first.micros + second.micros == total.micros
    assert first == total - second
    assert -first == second - total


def test_a_sum_beyond_64_bits_is_refused() -> None:
    """It would wrap around in an array or be refused by the database."""
    with pytest.raises(TypeError, match="64 bits"):
        Money(LARGEST, "CNY") + Money(1, "CNY")


@pytest.mark.parametrize(
    "combine",
    [
        lambda a, b: a + b,
        lambda a, b: a - b,
        lambda a, b: a / b,
        lambda a, b: a < b,
        lambda a, b: a <= b,
        lambda a, b: a > b,
        lambda a, b: a >= b,
        lambda a, b: a.round_down(b),
        lambda a, b: a.scaled(1.5, increment=b),
    ],
    ids=["add", "subtract", "divide", "lt", "le", "gt", "ge", "round", "scale"],
)
def test_two_currencies_never_meet(combine: Callable[[Money, Money], object]) -> None:
    """Every operation of two amounts asks for one currency and names both."""
    with pytest.raises(CurrencyMismatch, match=r"CNY.*JPY"):
        combine(Money(5, "CNY"), Money(5, "JPY"))


def test_equal_figures_of_two_currencies_are_not_equal() -> None:
    """Comparing for equality answers instead of raising, so that money can be a key."""
    assert Money(5, "CNY") != Money(5, "JPY")
    assert {Money(5, "CNY")} == {Money(5, "CNY"), Money.of("0.000005", "CNY")}


@given(first=amounts, second=amounts)
def test_amounts_are_ordered_as_their_micros(first: Money, second: Money) -> None:
    """All four comparisons agree with the integers."""
    a, b = first.micros, second.micros

    assert (a < b, a <= b, a > b, a >= b) == (first < second, first <= second, first > second, first >= second)


def test_a_ratio_has_no_unit() -> None:
    """Amount over amount is a plain number."""
    assert pytest.approx(0.25) == Money.of(3, "CNY") / Money.of(12, "CNY")
    assert pytest.approx(-2.5) == Money.of(-5, "CNY") / Money.of(2, "CNY")


def test_a_ratio_to_nothing_is_an_error() -> None:
    """Not infinity: whoever divides decides what nothing means."""
    with pytest.raises(ZeroDivisionError):
        Money(1, "CNY") / Money.zero("CNY")


@pytest.mark.parametrize(
    ("amount", "increment", "rounded"),
    [("1.239", "0.01", "1.23"), ("1.23", "0.01", "1.23"), ("99", "30", "90"), ("29", "30", "0"), ("-0.5", "1", "-1")],
)
def test_rounding_goes_down_to_the_increment(amount: str, increment: str, rounded: str) -> None:
    """Towards minus infinity, and what lies on the grid stays."""
    assert Money.of(rounded, "CNY") == Money.of(amount, "CNY").round_down(Money.of(increment, "CNY"))


@given(amount=amounts, step=st.integers(1, 10**12))
def test_a_rounded_amount_is_the_last_grid_point_not_above(amount: Money, step: int) -> None:
    """It is on the grid, not above the amount, and the next grid point is."""
    rounded = amount.round_down(Money(step, "CNY"))

    assert 0 == rounded.micros % step
    assert rounded.micros <= amount.micros < rounded.micros + step


@pytest.mark.parametrize("step", [0, -10_000])
def test_an_increment_is_positive(step: int) -> None:
    """A grid of nothing rounds to nothing."""
    with pytest.raises(ValueError, match="positive"):
        Money(1, "CNY").round_down(Money(step, "CNY"))


@given(micros=st.integers(0, 10**12), factor=st.floats(0, 1_000))
def test_scaling_is_the_exact_product_rounded_down(micros: int, factor: float) -> None:
    """As exact fractions say, not as a float product rounds."""
    exact = Fraction(micros) * Fraction(factor)

    assert exact // 1 == Money(micros, "CNY").scaled(factor).micros


@given(micros=st.integers(0, 10**12), factor=st.floats(0, 1), step=st.integers(1, 10**9))
def test_scaling_by_a_share_never_gives_more_than_the_share(micros: int, factor: float, step: int) -> None:
    """On any grid: the rounding is in favour of the payer."""
    scaled = Money(micros, "CNY").scaled(factor, increment=Money(step, "CNY"))

    assert 0 == scaled.micros % step
    assert scaled.micros <= Fraction(micros) * Fraction(factor) < scaled.micros + step


@pytest.mark.parametrize("factor", [float("nan"), float("inf"), float("-inf")])
def test_scaling_by_what_is_not_finite_is_refused(factor: float) -> None:
    """A forecast that went wrong never becomes an amount."""
    with pytest.raises(ValueError, match="finite factor"):
        Money(1, "CNY").scaled(factor)


def test_scaling_beyond_64_bits_is_refused() -> None:
    """Instead of wrapping around."""
    with pytest.raises(TypeError, match="64 bits"):
        Money.of(1_000, "CNY").scaled(1e300)


@pytest.mark.parametrize(("currency", "micros"), [("CNY", 10_000), ("USD", 10_000), ("JPY", 1_000_000), ("KWD", 1_000)])
def test_the_smallest_coin_follows_the_currency(currency: str, micros: int) -> None:
    """Fen and cents are hundredths, a yen has no parts, a dinar has a thousand."""
    assert micros == minor_unit_micros(currency)


@pytest.mark.parametrize(
    ("amount", "currency", "shown"),
    [
        ("1234567.5", "CNY", "1,234,567.50 CNY"),
        ("-0.05", "CNY", "-0.05 CNY"),
        ("0.0123", "CNY", "0.0123 CNY"),
        ("1500", "JPY", "1,500 JPY"),
        ("1500.25", "JPY", "1,500.25 JPY"),
        ("2.5", "KWD", "2.500 KWD"),
        ("0", "CNY", "0.00 CNY"),
    ],
)
def test_people_read_the_currencys_own_decimals(amount: str, currency: str, shown: str) -> None:
    """More only where they are not zero, and never fewer."""
    assert shown == str(Money.of(amount, currency))


@given(micros=st.integers(-LARGEST, LARGEST), currency=st.sampled_from(["CNY", "JPY", "KWD"]))
def test_what_is_shown_reads_back_to_the_same_amount(micros: int, currency: str) -> None:
    """Rendering hides nothing."""
    money = Money(micros, currency)

    text = money.format().removesuffix(f" {currency}").replace(",", "")

    assert money == Money.of(text, currency)
    assert money == Money.of(money.units(), currency)
