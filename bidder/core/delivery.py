"""Pauses and resumes targets: stock, slow sellers, failed tests, and evidence of earning below break-even.

Called by `bidder.core.decide`. Only what we paused ourselves is ever resumed, and never while its cause stands.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from bidder.core.answers import Answers, amount, because, figure, instant
from bidder.core.case import Case
from bidder.core.change import Change, Field, PastChange
from bidder.core.eligibility import Reach
from bidder.core.entities import EntityKind, Product, State
from bidder.core.layout import NONE, Flags, tally
from bidder.core.pausing import Evidence, carts_veto, should_pause
from bidder.core.performance import Float64
from bidder.core.reasons import Code, Reason
from bidder.core.situation import Situation

_STOCK, _SLOW, _FAILED, _EVIDENCE = (
    Code.PAUSE_STOCK.name,
    Code.PAUSE_SLOW.name,
    Code.PAUSE_NEW_FAILED.name,
    Code.PAUSE_EVIDENCE.name,
)


def decide_delivery(case: Case, answers: Answers, reach: Reach, now: Situation, evidence: Evidence) -> Flags:
    """Write pauses and resumes; returns the targets that are being paused."""
    _resume(case, answers, reach, now, evidence)
    pausing = np.zeros(case.layout.n_targets, dtype=bool)
    ready = reach.delivery & ~now.protected
    slow = now.slow & ~now.top & (now.slow_days >= case.policy.lifecycle.slow_bid_down_days)
    causes: tuple[tuple[Flags, Callable[[int], Reason]], ...] = (
        (ready & now.sold_out, lambda row: _stock_reason(case, row)),
        (ready & slow, lambda row: because(Code.PAUSE_SLOW, days=int(now.slow_days[row]))),
        (ready & now.new & _test_failed(case), lambda row: _failed_reason(case, row)),
        (_guilty(case, answers, ready & ~now.sold_out, now, evidence), lambda row: _evidence_reason(evidence, row)),
    )
    for guilty, reason in causes:
        for row in np.flatnonzero(guilty & ~pausing).tolist():
            _switch(case, answers, row, State.PAUSED, reason(row))
        pausing |= guilty
    return pausing


def _guilty(case: Case, answers: Answers, ready: Flags, now: Situation, evidence: Evidence) -> Flags:
    """Return targets paused on evidence; event phases, carts and potential speak against it."""
    policy = case.policy.evidence
    guilty = ready & ~now.top & ~now.new & ~now.slow & should_pause(evidence, policy, cautious=now.cautious)
    if not guilty.any():
        return guilty
    if case.season.special:
        reason = because(Code.EVENT_PHASE, event=case.season.event, phase=str(case.season.phase))
        _spare(answers, guilty & at_least_bid(case), reason)
        return np.zeros_like(guilty)
    usual = usual_carts(case)
    spared = guilty & carts_veto(case.forecast.cart_rate, usual, evidence, policy)
    for row in np.flatnonzero(spared & at_least_bid(case)).tolist():
        carts = figure(float(case.forecast.cart_rate[row] / usual[row]))
        _spare(answers, np.arange(len(spared)) == row, because(Code.HIGH_CARTS, carts=carts))
    spared |= guilty & now.potential
    _spare(answers, guilty & now.potential & at_least_bid(case), because(Code.POTENTIAL))
    return guilty & ~spared


def at_least_bid(case: Case) -> Flags:
    """Tell which targets already bid the least: where a bid can still fall, that is the answer."""
    return case.layout.bid_micros <= case.snapshot.profile.bid_min.micros


def usual_carts(case: Case) -> Float64:
    """Return the click-weighted cart rate of each target's category; 0 where carts are not reported."""
    rate, clicks = case.forecast.cart_rate, np.where(case.usable, case.forecast.clicks, 0.0)
    told = np.isfinite(rate)
    category, number = case.layout.category, len(case.layout.categories)
    carts = tally(category, np.where(told, rate, 0.0) * clicks, number)
    seen = tally(category, np.where(told, clicks, 0.0), number)
    return np.divide(carts, seen, out=np.zeros_like(carts), where=seen > 0)[category]


def _test_failed(case: Case) -> Flags:
    """Tell which tests of new products ended: enough clicks and the loss budget used, no order, no usual carts."""
    rules, forecast = case.policy.lifecycle, case.forecast
    carts = np.where(np.isfinite(forecast.cart_rate), forecast.cart_rate, 0.0)
    sign = (forecast.orders >= 1) | ((usual_carts(case) > 0) & (carts >= usual_carts(case)))
    return case.usable & (forecast.clicks >= rules.new_stop_clicks) & ~sign


def _resume(case: Case, answers: Answers, reach: Reach, now: Situation, evidence: Evidence) -> None:
    """Enable what we paused once its cause is gone; say of the rest when it is looked at again."""
    memory = case.snapshot.memory
    if not memory.paused_by_us:
        return
    rows = {identity: row for row, identity in enumerate(case.layout.ids(EntityKind.TARGET))}
    for ref, past in memory.paused_by_us.items():
        row = rows.get(ref.id) if ref.kind is EntityKind.TARGET else None
        if row is None or not reach.resumable[row]:
            continue
        reason = _resumable(case, row, past, now, evidence)
        if reason is not None and not case.snapshot.profile.read_only:
            _switch(case, answers, row, State.ENABLED, reason)
        else:
            code = past.reason_code
            answers.hold(
                EntityKind.TARGET,
                [row],
                because(Code.PAUSED_BY_US, since=f"{past.at:%Y-%m-%d}", why=_why(code), retest=_retest(code)),
            )


def _resumable(case: Case, row: int, past: PastChange, now: Situation, evidence: Evidence) -> Reason | None:
    since = instant(past.at)
    gone = case.layout.product[row] == NONE
    if now.sold_out[row] or (gone and past.reason_code in (_STOCK, _SLOW)):
        return None
    match past.reason_code:
        case code if code == _STOCK:
            return because(Code.RESUME_STOCK, product=_product(case, row).title, since=since)
        case code if code == _SLOW:
            sells = not now.slow[row]
            return because(Code.RESUME_SLOW, product=_product(case, row).title, since=since) if sells else None
        case code if code == _EVIDENCE:
            better = evidence.below[row] < case.policy.evidence.resume_probability
            probability = figure(float(evidence.below[row]))
            return because(Code.RESUME_EVIDENCE, probability=probability, since=since) if better else None
        case _:
            return None


def _why(code: str) -> str:
    return {
        _STOCK: "it could not be bought",
        _SLOW: "slow seller, on the clearance list",
        _FAILED: "its test brought no sign of demand",
        _EVIDENCE: "it earned below break-even",
    }.get(code, code.lower())


def _retest(code: str) -> str:
    return {
        _STOCK: "it comes back with its stock",
        _SLOW: "it comes back when it sells again, or after a new price or season",
        _FAILED: "a person may start another test",
    }.get(code, "it comes back when the evidence turns")


def _spare(answers: Answers, spared: Flags, reason: Reason) -> None:
    answers.hold(EntityKind.TARGET, np.flatnonzero(spared).tolist(), reason)


def _switch(case: Case, answers: Answers, row: int, state: State, reason: Reason) -> None:
    target = case.snapshot.structure.targets[row]
    cpc = float(np.nan_to_num(case.forecast.cpc_micros[row]))
    daily = float(case.daily_clicks[row] * (case.value_micros[row] - cpc))
    gain = daily if state is State.ENABLED else -daily
    answers.change(
        EntityKind.TARGET,
        row,
        Change(
            ref=answers.ref(EntityKind.TARGET, row),
            field=Field.STATE,
            old=target.state,
            new=state,
            reason=reason,
            gain_micros=int(max(min(gain, 9e15), -9e15)),
        ),
    )


def _product(case: Case, row: int) -> Product:
    at = int(case.layout.product[row])
    if at == NONE:
        raise IndexError(f"target row {row} has no product")
    return case.snapshot.structure.products[at]


def _stock_reason(case: Case, row: int) -> Reason:
    product = _product(case, row)
    stock = "its core sizes are gone, other sizes" if product.core_sizes_gone and product.stock else product.stock
    return because(Code.PAUSE_STOCK, product=product.title, stock=stock)


def _failed_reason(case: Case, row: int) -> Reason:
    loss = amount(float(case.forecast.spend_micros[row]), case.currency)
    return because(Code.PAUSE_NEW_FAILED, clicks=int(case.forecast.clicks[row]), loss=loss)


def _evidence_reason(evidence: Evidence, row: int) -> Reason:
    return because(
        Code.PAUSE_EVIDENCE,
        probability=figure(float(evidence.below[row])),
        floor_orders=figure(float(evidence.floor_orders[row])),
    )
