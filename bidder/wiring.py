"""The composition root: from settings to objects. The one place that knows every concrete class.

The daemon, `bidder once` and the simulator get their `Kit` here; nothing below builds its own collaborators.
"""

from __future__ import annotations

from bidder.core.entities import Account
from bidder.core.money import Money
from bidder.core.policy import Policy, ProtectPolicy, SaleEvent
from bidder.cycle import Kit
from bidder.errors import InputError
from bidder.forecast import EmpiricalBayesForecaster
from bidder.ports import AdapterConfig, AdapterMemory, World
from bidder.store import in_memory_store


class VolatileMemory(AdapterMemory):
    """Adapter memory for simulated worlds: gone with the process."""

    def __init__(self) -> None:
        self._values: dict[str, str] = {}

    def get(self, key: str) -> str | None:
        """Return the value of ``key``, or ``None``."""
        return self._values.get(key)

    def put(self, key: str, value: str) -> None:
        """Keep the value."""
        self._values[key] = value

    def delete(self, key: str) -> None:
        """Forget ``key``."""
        self._values.pop(key, None)

    def swap(self, key: str, old: str | None, new: str) -> bool:
        """Write ``new`` only where the value is still ``old``."""
        if self._values.get(key) != old:
            return False
        self._values[key] = new
        return True


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
