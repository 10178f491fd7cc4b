"""The whole job in one function: read `run_cycle` first.

Called by the daemon, by `bidder once` and by the simulator, always through `attend`, which turns what can go
wrong with one account into a report and the reaction `bidder.errors` promises. Knows no clock and no rows.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from bidder.core.answers import amount
from bidder.core.change import Intent, Status
from bidder.core.decide import allocate
from bidder.core.entities import Account
from bidder.core.guards import guard
from bidder.core.plan import Hold, Objection
from bidder.core.policy import Policy
from bidder.core.snapshot import Mode
from bidder.errors import AuthFailed, ContractBroken, DataHeld, RateLimited, Unavailable
from bidder.ports import Forecaster, Marketplace, Store
from bidder.steps import apply, observe, reconcile


class CycleStatus(StrEnum):
    """How a cycle ended."""

    DECIDED = "decided"
    """It saw good data and every entity has an answer."""
    HELD = "held"
    """The data were not fit to act on: nothing was changed, on purpose."""
    SKIPPED = "skipped"
    """The venue could not be read: tried again at the next interval."""
    STOPPED = "stopped"
    """Credentials or contract are broken: halted until a person has looked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kit:
    """What one account's cycle works with, put together by `bidder.wiring`.

    Attributes:
        market: The venue; in rehearsal wrapped so that writes are withheld.
        stopping: Asked between batches; true when the process was told to end.
    """

    market: Marketplace
    store: Store
    forecaster: Forecaster
    policy: Policy
    stopping: Callable[[], bool] = field(default=lambda: False)


@dataclass(frozen=True, slots=True, kw_only=True)
class CycleReport:
    """What became of one cycle.

    Attributes:
        cycle_id: Number of the record, ``None`` where nothing was recorded.
        sentence: The cycle in one line: what the log says.
        intents: As they stand at the end of the cycle, in plan order.
        holds: Entities deliberately left as they are.
        figures: Named figures of the decision, such as ``marginal_roas``.
    """

    account: Account
    cycle_id: int | None
    as_of: datetime
    status: CycleStatus
    sentence: str
    intents: tuple[Intent, ...] = ()
    objections: tuple[Objection, ...] = ()
    holds: tuple[Hold, ...] = ()
    figures: Mapping[str, float] = field(default_factory=dict)

    @property
    def outcomes(self) -> Counter[Status]:
        """Count the intents by status."""
        return Counter(intent.status for intent in self.intents)


def run_cycle(account: Account, kit: Kit, *, now: datetime) -> CycleReport:
    """Move one advertiser account one safe step towards its best allocation.

    Raises:
        DataHeld: What the venue reported is not fit to act on.
        MarketplaceError: The venue could not be read.
        StoreError: The record could not be written; nothing was sent.
    """
    snapshot = observe(account, kit.market, kit.store, kit.policy, now=now)
    forecast = kit.forecaster.forecast(snapshot)
    draft = allocate(snapshot, forecast, kit.policy)
    verdict = guard(draft, snapshot, kit.policy)
    record = kit.store.record(snapshot, forecast, draft, verdict)
    intents = apply(record.intents, snapshot, kit.market, kit.store, kit.policy, kit.stopping)
    intents = reconcile(intents, snapshot, kit.market, kit.store)
    return CycleReport(
        account=account,
        cycle_id=record.cycle_id,
        as_of=now,
        status=CycleStatus.DECIDED,
        sentence=_sentence(intents, len(verdict.holds), draft.figures, account.currency),
        intents=intents,
        objections=(*draft.objections, *verdict.objections),
        holds=verdict.holds,
        figures=draft.figures,
    )


def attend(account: Account, kit: Kit, *, now: datetime) -> CycleReport:
    """Run one cycle and react to what can go wrong with one account; others are never touched.

    Raises:
        StoreError: The database cannot be trusted with a record: the caller stops.
        InvariantBroken: A bug: the caller halts everything.
    """
    try:
        report = run_cycle(account, kit, now=now)
    except DataHeld as held:
        report = _failed(account, now, CycleStatus.HELD, f"held: {held}")
    except RateLimited as limited:
        report = _failed(account, now, CycleStatus.SKIPPED, f"skipped, throttled for {limited.after:.0f} s: {limited}")
    except Unavailable as away:
        report = _failed(account, now, CycleStatus.SKIPPED, f"skipped, the marketplace cannot be read: {away}")
    except (AuthFailed, ContractBroken) as broken:
        why = f"halted by {type(broken).__name__}: {broken}"
        kit.store.set_mode(account.id, Mode.HALTED, actor="daemon", reason=why, now=now)
        report = _failed(account, now, CycleStatus.STOPPED, why)
    ok = report.status is CycleStatus.DECIDED
    kit.store.finish(account, report.cycle_id, ok=ok, sentence=report.sentence, now=now)
    return report


def _failed(account: Account, now: datetime, status: CycleStatus, sentence: str) -> CycleReport:
    return CycleReport(account=account, cycle_id=None, as_of=now, status=status, sentence=sentence)


def _sentence(intents: tuple[Intent, ...], holds: int, figures: Mapping[str, float], currency: str) -> str:
    """Say the cycle in one line: what went out, what did not, and what the next unit of money returns."""
    counts = Counter(intent.status for intent in intents)
    fields = Counter(str(intent.change.field) for intent in intents)
    parts = [f"{counts[status]} {status}" for status in Status if counts[status]]
    wanted = ", ".join(f"{number} {name}" for name, number in sorted(fields.items()))
    line = f"{len(intents)} changes ({wanted}): {', '.join(parts)}" if intents else "nothing to change"
    line = f"{line}; {holds} held"
    tested = figures.get("targets_on_test", 0.0)
    if tested > 0:
        cost = amount(figures["test_daily_cost_micros"], currency)
        line = f"{line}; {tested:.0f} bids on test, expected to cost {cost} a day"
    marginal = figures.get("marginal_roas")
    return line if marginal is None else f"{line}; the next unit of spend returns {marginal:.2f}"
