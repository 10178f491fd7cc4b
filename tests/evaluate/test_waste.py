"""Waste is what nobody's policy spends on targets that are worth no bid; a policy gets credit for what it does not."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta

import pytest

from bidder.core.calendar import DayRange, day_of, ordinal
from bidder.core.entities import State
from bidder.core.money import Money
from bidder.evaluate.oracle import Oracle
from bidder.evaluate.seats import simulated_config
from bidder.evaluate.simulate import Match, run
from bidder.evaluate.summary import summary
from bidder.evaluate.waste import Footprint, footprint, joined, unfunded, waste_avoided
from bidder.registry import load_world

DAYS = DayRange.ending(date(2026, 9, 2), days=2)


def spent(idle: frozenset[str] | None = None, **amounts: float) -> Footprint:
    """Return where a policy spent."""
    return Footprint(spend_micros=amounts, unfunded=idle, paused=0)


def test_what_the_oracle_never_bids_on_is_unfunded() -> None:
    """A bid on any day is enough to be funded; it is noted from the oracle's own plans."""
    world = load_world("mock").open("general", seed=3, history_days=3, scale=0.05)
    account = world.accounts[0]
    port = world.marketplace(simulated_config(account))
    cap = world.side_facts(account.id)["cap"]
    assert isinstance(cap, Money)
    oracle = Oracle(account=account, market=port, truth=world.truth, cap=cap, last_day=ordinal(DAYS.last) + 10_000)
    oracle.act(world.now)
    first = set(oracle.funded)
    world.advance(world.now + timedelta(days=1))
    oracle.act(world.now)

    structure = port.fetch_structure(account.id, world.now)
    running = {target.id for target in structure.targets if target.state is State.ENABLED}
    found = unfunded(account, structure, oracle.funded)

    assert first <= oracle.funded
    assert running <= oracle.funded
    assert len(found) == len(structure.targets) - len(oracle.funded & {target.id for target in structure.targets})
    assert found.isdisjoint({f"{account.id}/{name}" for name in oracle.funded})


@pytest.mark.parametrize(
    ("ours", "expected"),
    [
        ({"a": 9.0, "b": 2.0, "c": 1.0}, 0.7),
        ({"a": 9.0}, 1.0),
        ({"b": 20.0}, -1.0),
    ],
)
def test_share_of_waste_that_is_not_spent(*, ours: Mapping[str, float], expected: float) -> None:
    """Nobody wastes ten on b and c; what goes to a is no matter, and wasting more is negative."""
    nobody, oracle = spent(a=50.0, b=6.0, c=4.0), spent(frozenset({"b", "c"}), a=9.0)

    played = Footprint(spend_micros=ours, unfunded=None, paused=0)

    assert expected == pytest.approx(waste_avoided({1: played}, {1: nobody}, {1: oracle}))


@pytest.mark.parametrize("missing", ["ours", "nobody", "oracle", "idle"])
def test_without_something_to_compare_with_there_is_no_share(missing: str) -> None:
    """The oracle, nobody and the policy must all have played, and there must be waste."""
    plays = {name: {1: spent(None if missing == "idle" else frozenset({"b"}), b=1.0)} for name in ("oracle", "nobody")}
    plays["ours"] = {1: spent(b=1.0)}
    plays[missing] = {} if missing in plays else plays.get(missing, {})

    assert waste_avoided(plays["ours"], plays["nobody"], plays["oracle"]) is None


def test_accounts_of_a_world_are_put_together() -> None:
    """Spends, idle targets and pauses of all; without the oracle nothing is known to be idle."""
    parts = [Footprint(spend_micros={name: 1.0}, unfunded=None, paused=2) for name in ("x/t0", "y/t0")]

    whole = joined(parts, [frozenset({"x/t0"}), frozenset({"y/t0"})])

    assert ({"x/t0": 1.0, "y/t0": 1.0}, 4) == (whole.spend_micros, whole.paused)
    assert ["x/t0", "y/t0"] == sorted(whole.unfunded or ())
    assert joined(parts, None).unfunded is None


def test_the_venues_report_says_where_money_went() -> None:
    """By target it adds up to what the referee counts by day, but for clicks that the venue takes back later."""
    world = load_world("mock").open("general", seed=3, history_days=3, scale=0.05)
    account = world.accounts[0]
    world.advance(world.now + timedelta(days=2))
    days = DayRange.ending(day_of(world.now - timedelta(hours=1), account.time_zone), days=2)
    port = world.marketplace(simulated_config(account))

    found = footprint(account, port, port.fetch_structure(account.id, world.now), days, now=world.now)

    truth = float(world.truth.outcomes(account.id, days).spend_micros.sum())
    assert truth > 0
    assert sum(found.spend_micros.values()) == pytest.approx(truth, rel=0.03)


def test_a_match_tells_what_each_policy_wasted() -> None:
    """Nobody avoids nothing, the oracle all of it, and a rule stands beside them."""
    match = Match(preset="general", days=2, seeds=(1,), policies=("rules", "hands-off", "oracle"), history_days=3,
                  scale=0.05)  # fmt: skip

    policies = summary(run(match))["policies"]

    assert isinstance(policies, dict)
    shares = {name: told["waste_avoided"] for name, told in policies.items()}
    assert shares["hands-off"] == pytest.approx(0.0)
    assert shares["oracle"] >= 0.99
    assert shares["rules"] < shares["oracle"]
