"""Where money is lost, from the facts at hand: three piles and the findings worth most.

Pure; read by `bidder audit`. Sure: the evidence would allow a pause. Too early: it would not yet. Event phase: spent on
days around a sale event, when conversion is not itself. Losses are spend minus contribution after refunds; where no
margin is known only spend without any order or cart is called a loss.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

import numpy as np

from bidder.core.calendar import from_ordinal, ordinal
from bidder.core.economics import economics
from bidder.core.entities import EntityKind, EntityRef
from bidder.core.events import Phase, season_of
from bidder.core.layout import Layout
from bidder.core.money import Money
from bidder.core.pausing import Evidence, weigh_forecast
from bidder.core.performance import MISSING, Float64, PerformanceTable
from bidder.core.policy import Policy
from bidder.core.prediction import Forecast
from bidder.core.reasons import Code, Reason
from bidder.core.snapshot import Snapshot

LOOK_BACK_DAYS = 30
_SIGN_ORDERS = 3.0
"""Orders that the account's usual rate would have brought, from which on silence says something."""


class Pile(StrEnum):
    """How certain a loss is."""

    SURE = "sure"
    EARLY = "too early to say"
    EVENT = "event phase"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Money lost, or left lying, at one entity over the days looked at.

    Attributes:
        loss_micros: Spend minus contribution, at least 0; for a starved winner what more spend would have earned.
    """

    ref: EntityRef
    pile: Pile
    loss_micros: int
    spend_micros: int
    reason: Reason


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Sums:
    """Columns summed by target over the days looked at, outside or inside event phases."""

    spend: Float64
    clicks: Float64
    orders: Float64
    revenue: Float64
    carts: Float64


def find(snapshot: Snapshot, forecast: Forecast, policy: Policy) -> tuple[Finding, ...]:
    """Return all findings, largest loss first."""
    layout = Layout.of(snapshot.structure, policy.protect)
    money = economics(layout, forecast, policy.goal)
    normal, event = _sums(snapshot, policy)
    known = np.ones(len(forecast.target_ids), dtype=bool)
    evidence = weigh_forecast(forecast, known=known, floor_roas=money.floor_roas)
    usual = normal.orders.sum() / max(normal.clicks.sum(), 1.0)
    findings: list[Finding] = []
    for row in np.flatnonzero(normal.spend + event.spend > 0).tolist():
        ref = EntityRef(EntityKind.TARGET, snapshot.structure.targets[row].id)
        k = float(money.contribution[row]) if money.known[row] else float("nan")
        spent = _event_loss(ref, event, row, k, snapshot, policy)
        if spent is not None:
            findings.append(spent)
        found = _normal_loss(ref, normal, row, k, evidence, usual, snapshot, policy)
        if found is not None:
            findings.append(found)
    return tuple(sorted(findings, key=lambda f: (-f.loss_micros, str(f.ref))))


def piles(findings: tuple[Finding, ...]) -> Mapping[Pile, int]:
    """Return the money lost in each pile, micros."""
    return {pile: sum(f.loss_micros for f in findings if f.pile is pile) for pile in Pile}


def _normal_loss(
    ref: EntityRef,
    sums: _Sums,
    row: int,
    k: float,
    evidence: Evidence,
    usual: float,
    snapshot: Snapshot,
    policy: Policy,
) -> Finding | None:
    """Judge one target's ordinary days."""
    spend, orders, carts, clicks = (float(c[row]) for c in (sums.spend, sums.orders, sums.carts, sums.clicks))
    loss = spend - k * float(sums.revenue[row]) if np.isfinite(k) else (spend if orders + max(carts, 0) == 0 else 0.0)
    if spend <= 0 or loss <= 0:
        return None
    currency = snapshot.account.currency
    shown = str(Money(int(spend), currency).round_down(Money.of("0.01", currency)))
    gathered = float(evidence.floor_orders[row]) if np.isfinite(k) else clicks * usual
    below = float(evidence.below[row]) if np.isfinite(k) else 1.0
    rule = policy.evidence
    if gathered >= max(rule.pause_floor_orders, _SIGN_ORDERS) and below >= rule.pause_probability:
        if orders + max(carts, 0.0) == 0:
            reason = Reason.of(
                Code.SPEND_WITHOUT_SIGN, spend=shown, days=LOOK_BACK_DAYS, floor_orders=round(gathered, 1)
            )
        else:
            reason = Reason.of(
                Code.BELOW_BREAK_EVEN,
                roas=float(sums.revenue[row]) / spend,
                floor=1 / k if k > 0 else None,
                loss=str(Money(int(loss), currency).round_down(Money.of("0.01", currency))),
                days=LOOK_BACK_DAYS,
            )
        return Finding(ref=ref, pile=Pile.SURE, loss_micros=int(loss), spend_micros=int(spend), reason=reason)
    why = f"only {gathered:.1f} orders would be due at break-even; {rule.pause_floor_orders:g} are asked for"
    if gathered >= rule.pause_floor_orders:
        why = f"it earns below break-even with probability {below:.2f} only"
    reason = Reason.of(Code.TOO_EARLY, spend=shown, why=why)
    return Finding(ref=ref, pile=Pile.EARLY, loss_micros=int(loss), spend_micros=int(spend), reason=reason)


def _event_loss(ref: EntityRef, sums: _Sums, row: int, k: float, snapshot: Snapshot, policy: Policy) -> Finding | None:
    """Set the days of a sale event apart: nothing is judged on their orders."""
    spend = float(sums.spend[row])
    loss = spend - k * float(sums.revenue[row]) if np.isfinite(k) else 0.0
    if spend <= 0 or loss <= 0:
        return None
    season = season_of(snapshot.today, policy.events)
    name = season.event or ", ".join(sorted({event.name for event in policy.events}))
    reason = Reason.of(Code.EVENT_PHASE, event=name, phase=season.phase.value)
    return Finding(ref=ref, pile=Pile.EVENT, loss_micros=int(loss), spend_micros=int(spend), reason=reason)


def _sums(snapshot: Snapshot, policy: Policy) -> tuple[_Sums, _Sums]:
    """Sum the last days by target: ordinary days, and days in a sale event's phases."""
    facts = snapshot.history.daily
    span = facts.span()
    last = snapshot.today - timedelta(days=1) if span is None else min(span.last, snapshot.today)
    recent = facts.take(facts.day > ordinal(last) - LOOK_BACK_DAYS)
    days = np.unique(recent.day)
    special = np.array([season_of(from_ordinal(d), policy.events).phase is not Phase.NORMAL for d in days], dtype=bool)
    in_event = special[np.searchsorted(days, recent.day)] if len(days) else np.zeros(0, dtype=bool)
    return _summed(snapshot, recent.take(~in_event)), _summed(snapshot, recent.take(in_event))


def _summed(snapshot: Snapshot, facts: PerformanceTable) -> _Sums:
    row_of = {str(target.id): row for row, target in enumerate(snapshot.structure.targets)}
    rows = np.array([row_of.get(name, -1) for name in facts.entity_ids] or [-1], dtype=np.int64)
    where = rows[facts.entity]
    size = len(row_of)

    def total(column: Float64) -> Float64:
        return np.bincount(where[where >= 0], weights=column[where >= 0], minlength=size).astype(np.float64)

    interest = np.where(facts.carts == MISSING, 0, facts.carts) + np.where(
        facts.favourites == MISSING, 0, facts.favourites
    )
    return _Sums(
        spend=total(facts.spend_micros.astype(np.float64)),
        clicks=total(facts.clicks.astype(np.float64)),
        orders=total(facts.orders.astype(np.float64)),
        revenue=total(facts.revenue_micros.astype(np.float64)),
        carts=total(interest.astype(np.float64)),
    )
