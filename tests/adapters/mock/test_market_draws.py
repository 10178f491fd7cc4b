"""Randomness of the mock market: counts by inversion, addressed so that policies share their luck."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from adapters.mock.draws import Stream, binomial, generator, hashed, poisson


@given(uniform=st.floats(1e-6, 1 - 1e-6), rate=st.floats(0.0, 11.9))
def test_poisson_counts_are_the_exact_quantiles_for_small_rates(uniform: float, rate: float) -> None:
    """The inverted count is the distribution's own quantile, save where the uniform lies on a step."""
    count = int(poisson(np.asarray([uniform]), np.asarray([rate]))[0])

    below, at = stats.poisson.cdf([count - 1, count], rate)
    assert below <= uniform + 1e-9
    assert at >= uniform - 1e-9


@given(
    uniform=st.floats(1e-6, 1 - 1e-6),
    trials=st.integers(0, 300),
    chance=st.floats(0.0, 0.95),
)
def test_binomial_counts_are_the_exact_quantiles(uniform: float, trials: int, chance: float) -> None:
    """The inverted count is the distribution's own quantile."""
    count = int(binomial(np.asarray([uniform]), np.asarray([trials]), np.asarray([chance]))[0])

    below, at = stats.binom.cdf([count - 1, count], trials, chance)
    assert below <= uniform + 1e-9
    assert at >= uniform - 1e-9


@given(uniform=st.floats(0.001, 0.999), rate=st.floats(0.0, 200.0), more=st.floats(0.0, 50.0))
def test_more_rate_never_means_fewer_at_the_same_luck(uniform: float, rate: float, more: float) -> None:
    """Counts rise with their rate, so that a better bid is never punished by the draw."""
    few, many = poisson(np.full(2, uniform), np.asarray([rate, rate + more]))

    assert few <= many + (rate < 12 <= rate + more)  # The two methods may differ by one where they meet.


@pytest.mark.parametrize("rate", [0.05, 3.0, 11.9, 12.1, 80.0])
def test_poisson_counts_have_the_mean_and_variance_of_their_rate(rate: float) -> None:
    """Over evenly spread luck the first two moments are right, by either method."""
    uniform = (np.arange(200_000) + 0.5) / 200_000

    counts = poisson(uniform, np.full(uniform.shape, rate))

    assert counts.mean() == pytest.approx(rate, rel=0.01)
    assert counts.var() == pytest.approx(rate, rel=0.03)


def test_hashed_luck_is_uniform_and_differs_by_every_part_of_its_address() -> None:
    """Neighbouring addresses give unrelated uniforms."""
    numbers = np.arange(20_000)

    luck = hashed(7, Stream.ORDER, numbers, 3)

    assert stats.kstest(luck, "uniform").pvalue > 0.001
    assert abs(np.corrcoef(luck[1:], luck[:-1])[0, 1]) < 0.03
    for other in (
        hashed(8, Stream.ORDER, numbers, 3),
        hashed(7, Stream.DRIFT, numbers, 3),
        hashed(7, Stream.ORDER, numbers, 4),
    ):
        assert abs(np.corrcoef(luck, other)[0, 1]) < 0.03


def _mixed(state: int) -> int:
    wrap = 2**64 - 1
    state = (state ^ (state >> 30)) * 0xBF58476D1CE4E5B9 & wrap
    state = (state ^ (state >> 27)) * 0x94D049BB133111EB & wrap
    return state ^ (state >> 31)


def test_hashed_luck_is_the_chained_hash_in_whole_numbers() -> None:
    """Python's own integers give the same uniform, so the array code wraps as it should; the value is pinned."""
    golden, wrap = 0x9E3779B97F4A7C15, 2**64 - 1
    state = _mixed(1 + golden * int(Stream.ORDER) & wrap)
    for part in (2, 3):
        state = _mixed(state ^ (part * golden + 0xBF58476D1CE4E5B9 & wrap))

    luck = float(hashed(1, Stream.ORDER, 2, 3))

    assert ((state >> 11) + 0.5) / 2**53 == luck
    assert 0.2738194105466513 == luck


def test_streams_and_days_have_generators_of_their_own() -> None:
    """Neither the number of draws on one day nor another stream moves a day's luck."""
    first = generator(5, Stream.TRAFFIC, 100)
    first.random(1000)

    assert generator(5, Stream.TRAFFIC, 101).random() == generator(5, Stream.TRAFFIC, 101).random()
    assert generator(5, Stream.TRAFFIC, 101).random() != generator(5, Stream.ORGANIC, 101).random()
    assert generator(5, Stream.TRAFFIC, 101).random() != generator(6, Stream.TRAFFIC, 101).random()
