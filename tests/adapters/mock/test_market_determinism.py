"""The mock market repeats itself: seeds, forks, common luck, edits that wait for the hour."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from dataclasses import fields, replace

import numpy as np
import pytest

from adapters.mock.generate import build_shops
from adapters.mock.market import Market
from adapters.mock.shop import MICROS
from bidder.core.entities import EntityKind, State
from tests.adapters.mock.market_shops import DAY, HOUR, plentiful, small_market, small_shop, unlimited


def _digest(market: Market) -> str:
    facts = market.facts.daily(market.hours.first_day, market.day - DAY, window_days=30, as_of=market.now)
    goods = market.facts.products(market.hours.first_day, market.day - DAY, as_of=market.now)
    hashing = hashlib.sha256()
    for table in (facts, goods):
        for field in fields(table):
            hashing.update(np.ascontiguousarray(getattr(table, field.name)).tobytes())
    hashing.update(f"{market.balance_micros} {market.stock.tolist()}".encode())
    return hashing.hexdigest()


SCRIPT = """
from tests.adapters.mock.test_market_determinism import _digest
from tests.adapters.mock.market_shops import small_market
print(_digest(small_market(days=6)))
"""


@pytest.mark.parametrize(("hash_seed", "threads"), [("1", "1"), ("77", "2")])
def test_another_process_plays_the_same_market(hash_seed: str, threads: str) -> None:
    """Neither Python's hash seed nor the number of threads changes a single figure."""
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed, "OMP_NUM_THREADS": threads}

    played = subprocess.run(
        [sys.executable, "-c", SCRIPT], env=environment, capture_output=True, text=True, check=True
    ).stdout.strip()

    assert _digest(small_market(days=6)) == played


def test_seeds_differ() -> None:
    """Another seed is another shop and another market."""
    assert _digest(small_market(small_shop(seed=1), days=3)) != _digest(small_market(small_shop(seed=2), days=3))


def test_a_fork_has_the_same_future() -> None:
    """Played alike, the twin and the original end alike, also when forked inside a day."""
    market = small_market(days=4)
    market.advance(market.now + 9 * HOUR)
    twin = market.fork()
    for played in (market, twin):
        played.advance(played.now + 4 * DAY + 15 * HOUR)

    assert _digest(market) == _digest(twin)


def test_a_fork_leaves_the_original_alone() -> None:
    """Whatever the twin does, the original plays as if there were none."""
    market = small_market(days=3)
    market.advance(market.now + 5 * HOUR)
    undisturbed = small_market(days=9)
    twin = market.fork()
    rows = np.arange(len(market.shop.targets))
    twin.set_bids(rows, np.full(len(rows), 9 * MICROS))
    twin.set_state(EntityKind.AD_GROUP, [0], State.PAUSED)
    twin.top_up(1000 * MICROS)
    twin.advance(twin.now + 5 * DAY)

    market.advance(market.hours.instant(9 * 24))

    assert _digest(undisturbed) == _digest(market)


def test_luck_of_a_target_does_not_depend_on_other_bids() -> None:
    """With money and stock for all, raising one word's bid changes that word's facts only."""
    shop = plentiful(small_shop())
    plain, raised = unlimited(small_market(shop)), unlimited(small_market(shop))
    word = 17
    raised.set_bids([word], [int(plain.controls.bid_micros[word]) * 2])
    for market in (plain, raised):
        market.advance(market.now + 6 * DAY)

    one, other = (m.facts.daily(shop.start, m.day, window_days=30, as_of=m.now) for m in (plain, raised))

    rest = np.arange(len(shop.targets)) != word
    for name in ("impressions", "clicks", "spend_micros", "orders", "revenue_micros", "refund_micros", "carts"):
        assert np.array_equal(getattr(one, name)[:, rest], getattr(other, name)[:, rest]), name
    assert other.clicks[:, word].sum() > one.clicks[:, word].sum()


def test_more_bid_never_draws_fewer_clicks_in_an_hour() -> None:
    """At common luck every target's hour has at least as many clicks under the higher bid."""
    shop = plentiful(small_shop())
    low, high = unlimited(small_market(shop)), unlimited(small_market(shop))
    rows = np.arange(len(shop.targets))
    high.set_bids(rows, low.controls.bid_micros * 2)
    for market in (low, high):
        market.advance(market.now + DAY)

    few, many = (
        market.facts.hourly(shop.start, shop.start, window_days=30, as_of=market.now) for market in (low, high)
    )

    assert np.all(few.impressions.sum(axis=0) <= many.impressions.sum(axis=0) + 25)
    fewer = (few.clicks > many.clicks).mean()  # Only where an invalid click was already taken back, or methods meet.
    assert fewer < 0.002
    assert many.clicks.sum() > few.clicks.sum()


def test_the_latent_world_is_the_same_for_a_warm_and_a_cold_start() -> None:
    """What shoppers and rivals do on a date does not depend on how much history was played."""
    shop = small_shop()
    warm, cold = small_market(shop, history_days=20), small_market(shop)

    for offset in (0, 5, 40):
        one, other = warm.latent.day(shop.start + offset * DAY), cold.latent.day(shop.start + offset * DAY)
        for name in ("volume", "log_level", "cvr", "cart_rate", "organic_visitors"):
            assert np.array_equal(getattr(one, name), getattr(other, name)), name


def test_an_edit_inside_an_hour_waits_for_the_next() -> None:
    """A bid set at twenty past is in force from the next full hour; one set on the hour at once."""
    shop = plentiful(small_shop())
    rows = np.arange(len(shop.targets))
    market = unlimited(small_market(shop))
    market.advance(market.now + 12 * HOUR)
    market.set_bids(rows, np.zeros(len(rows)), at=market.now + HOUR / 3)
    assert not market.controls.bid_micros.any()
    market.advance(market.now + HOUR)
    still = market.spent_today_micros.sum()
    market.advance(market.now + HOUR)
    silent = market.spent_today_micros.sum()
    market.set_bids(rows, np.full(len(rows), MICROS), at=market.now)
    market.advance(market.now + HOUR)

    hourly = market.facts.hourly(shop.start, shop.start, window_days=30, as_of=market.now).clicks.sum(axis=1)
    assert hourly[12] > 0
    assert 0 == hourly[13]
    assert hourly[14] > 0
    assert still == silent


def test_edits_of_two_hours_each_keep_their_hour() -> None:
    """An edit on the hour is in force before one made later within the same hour."""
    shop = plentiful(small_shop())
    rows = np.arange(len(shop.targets))
    market = unlimited(small_market(shop))
    market.advance(market.now + 12 * HOUR)
    market.set_bids(rows, np.full(len(rows), 2 * MICROS), at=market.now)
    market.set_bids(rows, np.zeros(len(rows)), at=market.now + HOUR / 2)
    market.advance(market.now + 2 * HOUR)

    hourly = market.facts.hourly(shop.start, shop.start, window_days=30, as_of=market.now).clicks.sum(axis=1)

    assert hourly[12] > 0
    assert 0 == hourly[13]


def test_an_edit_in_the_past_is_refused() -> None:
    """What was played is played."""
    market = small_market(days=1)

    with pytest.raises(ValueError, match="is past"):
        market.set_budgets([0], [1], at=market.now - 2 * HOUR)


def test_states_at_every_level_stop_what_is_below() -> None:
    """A paused target, ad group or campaign gets no views; others do."""
    shop = plentiful(small_shop())
    market = unlimited(small_market(shop))
    market.set_state(EntityKind.TARGET, [0], State.PAUSED)
    market.set_state(EntityKind.AD_GROUP, [1], State.ARCHIVED)
    market.set_state(EntityKind.CAMPAIGN, [int(shop.ad_groups.campaign[2])], State.PAUSED)
    market.advance(market.now + 2 * DAY)

    views = market.facts.daily(shop.start, market.day, window_days=30, as_of=market.now).impressions.sum(axis=0)

    off = (shop.targets.ad_group == 1) | (shop.campaign_of_target == shop.ad_groups.campaign[2])
    off[0] = True
    assert 0 == views[off].sum()
    assert views[~off].sum() > 0
    assert State.PAUSED == market.controls.state(EntityKind.TARGET, 0)


def test_dayparts_move_the_bid_of_their_hours() -> None:
    """A factor of zero silences an hour of the week, a higher one brings more clicks."""
    shop = plentiful(small_shop())
    plain, shaped = unlimited(small_market(shop)), unlimited(small_market(shop))
    factors = np.ones(24)
    factors[8], factors[20] = 0.0, 1.5
    for campaign in range(len(shop.campaigns)):
        shaped.set_dayparts(campaign, factors.tolist())
    for market in (plain, shaped):
        market.advance(market.now + 5 * DAY)

    by_hour = [
        m.facts.hourly(shop.start, m.day - DAY, window_days=30, as_of=m.now)
        .clicks.sum(axis=1)
        .reshape(5, 24)
        .sum(axis=0)
        for m in (plain, shaped)
    ]

    assert 0 == by_hour[1][8]
    assert by_hour[1][20] > 1.15 * by_hour[0][20]
    with pytest.raises(ValueError, match="24 or 168"):
        shaped.set_dayparts(0, [1.0] * 25)


def test_targets_without_a_bid_take_their_ad_groups() -> None:
    """-1 gives a target back to its ad group's default bid."""
    market = small_market()
    market.set_bids([4], [-1])
    group = int(market.shop.targets.ad_group[4])
    market.set_default_bids([group], [int(0.77 * MICROS)])

    assert market.controls.bids(market.shop.targets.ad_group)[4] == pytest.approx(0.77)


def test_a_market_with_clock_changes_plays_every_hour() -> None:
    """A shop in New York plays 23 and 25 hours on the days of the change."""
    shop = replace(build_shops("general", seed=1, size=0.14)[0], zone="America/New_York")
    market = Market(replace(shop, start=shop.start.replace(month=3, day=6)))
    market.advance(market.hours.instant(0) + 4 * DAY)

    changed = shop.start.replace(month=3, day=8)
    facts = market.facts.hourly(changed, changed, window_days=1, as_of=market.now)

    assert 23 == market.hours.length_of_day(2)
    assert 23 == len(facts.periods)
    assert facts.clicks.sum() > 0
