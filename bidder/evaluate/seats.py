"""Where a policy sits down in a simulated world: its port, its rules as the owner would type them, the daemon's kit.

Called by `bidder.evaluate.simulate`. The kit is the production one; only the marketplace and the database are not.
"""

from __future__ import annotations

from bidder.core.entities import Account
from bidder.core.money import Money
from bidder.core.policy import Policy, ProtectPolicy, SaleEvent
from bidder.cycle import Kit
from bidder.errors import InputError
from bidder.forecast import EmpiricalBayesForecaster
from bidder.ports import AdapterConfig, World
from bidder.store import in_memory_store
from bidder.wiring import VolatileMemory


def simulated_config(account: Account) -> AdapterConfig:
    """Return what a world's own port is built from."""
    return AdapterConfig(account=account, memory=VolatileMemory())


def simulated_policy(world: World, account: Account, seed: int) -> Policy:
    """Return the shipped policy with what the shop's owner would have typed in."""
    facts = world.side_facts(account.id)
    cap, plan, events, words = (facts.get(name) for name in ("cap", "month_plan", "events", "brand_words"))
    if not isinstance(cap, Money):
        raise InputError(f"side_facts['cap'] must be Money, was {cap!r}", place=f"world of {account.id}")
    return Policy(
        cap=cap,
        month_plan=plan if isinstance(plan, Money) else None,
        events=tuple(e for e in events if isinstance(e, SaleEvent)) if isinstance(events, tuple) else (),
        protect=ProtectPolicy(brand_words=tuple(map(str, words)) if isinstance(words, tuple) else ()),
        seed=seed,
    )


def simulated_kit(world: World, account: Account, policy: Policy) -> Kit:
    """Return the production collaborators over a simulated account and a database in memory."""
    return Kit(
        market=world.marketplace(simulated_config(account)),
        store=in_memory_store(account, policy),
        forecaster=EmpiricalBayesForecaster(policy),
        policy=policy,
    )
