"""Worlds: the same future for every policy, facts for the owner, and a truth that no marketplace leads to."""

from __future__ import annotations

import gc
import inspect
import types
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from adapters.conformance import DictMemory
from adapters.mock import MockWorlds
from adapters.mock.adapter import MockMarketplace
from adapters.mock.advertiser import Advertiser
from adapters.mock.demand import Latent
from adapters.mock.market import Market
from adapters.mock.practice import PracticeDesk
from adapters.mock.referee import MockTruth
from adapters.mock.shop import Shop
from adapters.mock.truth import MarketTruth
from adapters.mock.venue import Venue
from adapters.mock.worlds import MockWorld
from bidder.core.calendar import DayRange, day_of, ordinal
from bidder.core.change import Field, Status
from bidder.core.entities import Account, AccountId, EntityKind, State
from bidder.core.money import Money
from bidder.core.performance import Grain, PerformanceReport
from bidder.core.policy import SaleEvent
from bidder.errors import ConfigError, InputError, StoreError, Unavailable
from bidder.ports import AdapterConfig, Marketplace, World, WorldFactory
from bidder.registry import load_marketplace, load_world
from bidder.rehearsal import RehearsalMarketplace
from tests.adapters.mock.venues import change

LATENT = (Market, MarketTruth, MockTruth, Advertiser, Venue, MockWorld, Latent, Shop)


@pytest.fixture(scope="module")
def played() -> MockWorld:
    """A small world with some history."""
    return MockWorlds().open("general", seed=7, history_days=6, scale=0.1)


@pytest.fixture
def world(played: MockWorld) -> MockWorld:
    """A copy of it."""
    return played.fork()


def port(world: MockWorld) -> tuple[Account, MockMarketplace]:
    """Return the first account and its marketplace."""
    account = world.accounts[0]
    return account, world.marketplace(AdapterConfig(account=account, memory=DictMemory()))


def reachable(root: object) -> list[object]:
    """Return every object that attributes, slots, containers and closures lead to, of whatever visibility."""
    seen: dict[int, object] = {}
    waiting = [root]
    while waiting:
        thing = waiting.pop()
        if id(thing) in seen or isinstance(thing, type | types.ModuleType):
            continue
        seen[id(thing)] = thing
        if isinstance(thing, types.FunctionType):
            waiting += [*(thing.__closure__ or ()), *(thing.__defaults__ or ())]
        else:
            waiting += gc.get_referents(thing)
    return list(seen.values())


@pytest.mark.parametrize("wrapped", [False, True])
def test_nothing_reachable_from_a_marketplace_knows_the_truth(world: MockWorld, wrapped: bool) -> None:  # noqa: FBT001
    """However deep one digs into the port, there is no market, no latent array, no referee."""
    account, market = port(world)
    market.fetch_structure(account.id, world.now)
    shown: Marketplace = RehearsalMarketplace(market) if wrapped else market

    found = reachable(shown)

    assert [] == [type(thing).__name__ for thing in found if isinstance(thing, LATENT)]
    assert [] == [thing for thing in found if isinstance(thing, np.ndarray)]
    assert [type(thing) for thing in reachable(world) if isinstance(thing, Market)], "the walk does find markets"


def test_practice_shop_leads_to_no_truth_either(world: MockWorld) -> None:
    """The market that an account practises on is as hidden as any."""
    account = replace(world.accounts[0], remote_id="practice-1")
    market = MockMarketplace(AdapterConfig(account=account, options={"scale": 0.1}, memory=DictMemory()))
    market.fetch_structure(account.id, world.now)

    assert [] == [type(thing).__name__ for thing in reachable(market) if isinstance(thing, LATENT)]
    market.close()


def test_marketplace_outlives_its_world_as_unavailable() -> None:
    """Who lets go of the world is told so by its marketplace."""
    world = MockWorlds().open("general", seed=7, history_days=0, scale=0.1)
    account, market = port(world)
    now = world.now
    del world
    gc.collect()

    with pytest.raises(Unavailable, match="world of this account is gone"):
        market.fetch_structure(account.id, now)


def test_registered_world_and_adapter_are_these() -> None:
    """The registry finds the mock by its entry points, as it would a stranger's."""
    factory: WorldFactory = load_world("mock")

    assert isinstance(factory, MockWorlds)
    assert MockMarketplace is load_marketplace("mock")
    assert {"apparel", "appliances", "general", "classic", "agency"} == set(factory.presets())


def test_fork_meets_the_same_future_under_another_policy(world: MockWorld) -> None:
    """Two copies left alone are equal; in one that pauses everything, the other's future does not change."""
    left: World = world.fork()
    right = world.fork()
    account, market = port(right)
    structure = market.fetch_structure(account.id, right.now)
    pauses = [change(EntityKind.CAMPAIGN, c.id, Field.STATE, State.PAUSED) for c in structure.campaigns]
    outcomes = market.submit(account.id, pauses, [f"p{n}" for n in range(len(pauses))], right.now)
    end = world.now + timedelta(days=2)
    for each in (world, left, right):
        each.advance(end)
    days = DayRange.ending(day_of(end, account.time_zone) - timedelta(days=1), days=2)

    spends = [each.truth.outcomes(account.id, days).spend_micros for each in (world, left, right)]

    assert {Status.CONFIRMED} == {outcome.status for outcome in outcomes}
    assert (spends[0] == spends[1]).all()
    assert (spends[0] > 0).all()
    assert (spends[2] == 0).all()


def test_time_never_goes_back(world: MockWorld) -> None:
    """A world plays forward only."""
    world.advance(world.now + timedelta(minutes=20))

    with pytest.raises(InputError, match="never goes back"):
        world.advance(world.now - timedelta(minutes=1))


def test_owner_is_asked_for_what_the_configuration_needs(world: MockWorld) -> None:
    """Side facts hold cap, plan, events and brand words, in the types that the wiring expects."""
    account = world.accounts[0]
    facts = world.side_facts(account.id)
    structure = port(world)[1].fetch_structure(account.id, world.now)
    cap, plan, events, words = (facts[name] for name in ("cap", "month_plan", "events", "brand_words"))

    assert isinstance(cap, Money)
    assert isinstance(plan, Money)
    assert isinstance(events, tuple)
    assert isinstance(words, tuple)
    budgets = sum(c.daily_budget.micros for c in structure.campaigns if c.daily_budget is not None)
    assert (budgets, 30 * budgets) == (cap.micros, plan.micros)
    assert all(isinstance(event, SaleEvent) for event in events)
    brand = [target for target in structure.targets if target.brand]
    assert all(any(str(word) in target.text for word in words) for target in brand)


def test_truth_of_closed_days_agrees_with_their_matured_reports() -> None:
    """What reports say when all orders are in is what the referee knows happened."""
    world = MockWorlds().open("general", seed=7, history_days=80, scale=0.1)
    account, market = port(world)
    last = day_of(world.now, account.time_zone) - timedelta(days=48)
    days = DayRange.ending(last, days=3)
    report = market.fetch_performance(account.id, days, Grain.DAY, 30, world.now)
    truth = world.truth.outcomes(account.id, days)

    assert isinstance(report, PerformanceReport)
    assert [ordinal(day) for day in days] == truth.day.tolist()
    assert report.facts.spend_micros.sum() == truth.spend_micros.sum()
    assert report.facts.clicks.sum() == truth.clicks.sum()
    assert abs(report.facts.orders.sum() - truth.orders.sum()) <= 0.03 * truth.orders.sum()
    assert (truth.contribution_micros <= truth.revenue_micros).all()


def test_response_rises_with_the_bid(world: MockWorld) -> None:
    """A higher bid never brings fewer clicks or less spend, and what it brings is worth less a piece."""
    account = world.accounts[0]
    today = ordinal(day_of(world.now, account.time_zone))
    grid = np.array([0.1, 0.3, 0.6, 1.0, 2.0, 4.0]) * 1e6
    tables = world.truth.response(account.id, np.array([today, today + 1], dtype=np.int32), grid)

    assert 2 == len(tables)
    for table in tables:
        assert (len(table.target_ids), len(grid)) == table.clicks.shape == table.spend_micros.shape
        assert (np.diff(table.clicks, axis=1) >= -1e-9).all()
        assert (np.diff(table.spend_micros, axis=1) >= -1e-3).all()


@pytest.mark.parametrize(
    ("preset", "days", "scale", "words"),
    [("toys", 1, 1.0, "unknown preset"), ("general", -1, 1.0, "days"), ("general", 1, 0.0, "size must be positive")],
)
def test_world_that_cannot_be_says_why(preset: str, days: int, scale: float, words: str) -> None:
    """An unknown preset or an impossible size is the caller's error."""
    with pytest.raises(InputError, match=words):
        MockWorlds().open(preset, seed=1, history_days=days, scale=scale)


def test_agency_has_shops_of_several_owners() -> None:
    """Each shop has its own account, market and owner's facts."""
    world = MockWorlds().open("agency", seed=2, history_days=0, scale=0.1)

    assert len(world.accounts) > 2
    assert len({account.id for account in world.accounts}) == len(world.accounts)
    assert len({account.owner for account in world.accounts}) > 1
    for account in world.accounts:
        market = world.marketplace(AdapterConfig(account=account, memory=DictMemory()))
        assert account.id == market.fetch_structure(account.id, world.now).account_id


SHOP = Account(
    id=AccountId("my-shop"),
    adapter="mock",
    remote_id="shop-1",
    owner="me",
    currency="CNY",
    time_zone="Asia/Shanghai",
)


def practise(memory: DictMemory, **options: object) -> MockMarketplace:
    """Return an adapter without an address."""
    config = AdapterConfig(account=SHOP, options={"scale": 0.1, "history_days": 3, **options}, memory=memory)
    return MockMarketplace(config)


def test_practice_shop_is_the_same_after_a_restart(world: MockWorld) -> None:
    """What was written is kept and played again: the venue's truth does not depend on our process."""
    memory, now = DictMemory(), world.now + timedelta(minutes=20)
    market = practise(memory)
    target = market.fetch_structure(SHOP.id, now).targets[0]
    assert target.bid is not None
    bid = change(EntityKind.TARGET, target.id, Field.BID, Money(2_340_000, "CNY"), target.bid)
    off = change(EntityKind.CAMPAIGN, "C01", Field.STATE, State.PAUSED)
    assert Status.CONFIRMED is market.submit(SHOP.id, [bid], ["k1"], now)[0].status
    assert Status.CONFIRMED is market.submit(SHOP.id, [off], ["k2"], now + timedelta(hours=5))[0].status
    later = now + timedelta(days=2)
    before = market.fetch_structure(SHOP.id, later)
    market.close()

    after = practise(memory).fetch_structure(SHOP.id, later)

    assert before == after
    assert Money(2_340_000, "CNY") == after.targets[0].bid
    assert State.PAUSED is after.campaigns[0].state


def test_practice_shop_that_crashed_after_keeping_a_write_has_made_it(world: MockWorld) -> None:
    """A write that was kept and never answered is UNKNOWN to us; reading finds it done."""
    memory = DictMemory()
    market = practise(memory)
    target = market.fetch_structure(SHOP.id, world.now).targets[0]
    desk = market._counter
    assert isinstance(desk, PracticeDesk)
    inner = desk._at(world.now)
    bid = change(EntityKind.TARGET, target.id, Field.BID, Money(2_340_000, "CNY"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(inner), "submit", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            market.submit(SHOP.id, [bid], ["k1"], world.now)

    found = practise(memory).read_back(SHOP.id, [bid.ref], world.now + timedelta(hours=1))

    assert Money(2_340_000, "CNY") == found[0].values[Field.BID]


def test_accounts_practise_on_shops_of_their_own(world: MockWorld) -> None:
    """Two accounts get two different markets, the same ones each time."""
    found = []
    for name in ("shop-1", "shop-2", "shop-1"):
        account = replace(SHOP, remote_id=name)
        config = AdapterConfig(account=account, options={"scale": 0.1, "history_days": 0}, memory=DictMemory())
        found.append(MockMarketplace(config).fetch_structure(account.id, world.now))

    assert found[0] == found[2]
    assert found[0] != found[1]


def test_damaged_diary_of_a_practice_shop_is_named(world: MockWorld) -> None:
    """A memory that cannot be read is the store's trouble, and says so."""
    memory = DictMemory()
    memory.put("mock.practice", "[")

    with pytest.raises(StoreError, match="damaged"):
        practise(memory).profile(world.now)


@pytest.mark.parametrize(
    "options", [{"seed": -1}, {"seed": "x"}, {"history_days": 1.5}, {"scale": -1}, {"scale": True}]
)
def test_practice_shop_that_cannot_be_is_refused(options: dict[str, object]) -> None:
    """Options are checked before anything is opened."""
    with pytest.raises(ConfigError):
        practise(DictMemory(), **options)


def test_port_is_fulfilled() -> None:
    """The adapter has the port's methods with the port's parameters."""
    for name in ("profile", "fetch_structure", "fetch_performance", "submit", "read_back", "close"):
        ours, wanted = (inspect.signature(getattr(kind, name)) for kind in (MockMarketplace, Marketplace))
        assert list(wanted.parameters) == list(ours.parameters), name
