"""Pauses and resumes targets: stock, slow sellers, failed tests, and evidence of earning below break-even.

Called by `bidder.core.decide`. Only what we paused ourselves is ever resumed, and never while its cause stands.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from bidder.core.answers import Answers, amount, because, figure, instant
from bidder.core.audit_sample import sampled
from bidder.core.case import Case
from bidder.core.change import Change, Field, PastChange
from bidder.core.eligibility import Reach
from bidder.core.entities import EntityKind, Product, State
from bidder.core.fresh import Seen, seen_since
from bidder.core.launches import Tests, judge_tests
from bidder.core.layout import NONE, Flags, tally
from bidder.core.pausing import Evidence, carts_veto, log_evalue, should_pause
from bidder.core.performance import Float64
from bidder.core.reasons import Code, Reason
from bidder.core.situation import Situation
from bidder.core.snapshot import Turn
from bidder.core.turns import turned_since

_STOCK, _SLOW, _EVIDENCE = Code.PAUSE_STOCK.name, Code.PAUSE_SLOW.name, Code.PAUSE_EVIDENCE.name
_FAILED, _LOST = Code.PAUSE_NEW_FAILED.name, Code.PAUSE_NEW_LOSS.name


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Delivery:
    """What becomes of targets, shape (n_targets,).

    Attributes:
        pausing: Being paused.
        audited: Would be paused on evidence, and run on at the least bid instead.
    """

    pausing: Flags
    audited: Flags


def decide_delivery(case: Case, answers: Answers, reach: Reach, now: Situation, evidence: Evidence) -> Delivery:
    """Write pauses and resumes."""
    evidence, seen = _anew(case, now, evidence)
    _resume(case, answers, reach, now, evidence)
    pausing = np.zeros(case.layout.n_targets, dtype=bool)
    ready = reach.delivery & ~now.protected
    # Where the policy lets nothing be paused on a judgement, bids fall instead of waiting for a pause that never goes.
    may_judge = ready & (case.policy.limits.max_paused_share > 0)
    slow = now.slow & ~now.top & (now.slow_days >= case.policy.lifecycle.slow_bid_down_days)
    tests = judge_tests(case, seen, usual_carts(case))
    guilty = _guilty(case, answers, may_judge & ~now.sold_out, now, evidence)
    audited = sampled(case, guilty, evidence) & ready & ~now.sold_out
    _spare(answers, audited & at_least_bid(case), because(Code.AUDIT_SAMPLE))
    causes: tuple[tuple[Flags, Callable[[int], Reason]], ...] = (
        (ready & now.sold_out, lambda row: _stock_reason(case, row)),
        (may_judge & slow, lambda row: because(Code.PAUSE_SLOW, days=int(now.slow_days[row]))),
        (may_judge & now.new & tests.failed, lambda row: _failed_reason(case, tests, row)),
        (may_judge & now.new & tests.lost, lambda row: _lost_reason(case, tests, row)),
        (guilty & ~audited, lambda row: _evidence_reason(evidence, row)),
    )
    for cause, reason in causes:
        for row in np.flatnonzero(cause & ~pausing).tolist():
            _switch(case, answers, row, State.PAUSED, reason(row))
        pausing |= cause
    return Delivery(pausing=pausing, audited=audited & ~pausing)


def _anew(case: Case, now: Situation, evidence: Evidence) -> tuple[Evidence, Seen]:
    """Let only what came since count where a test began anew; return the evidence and what every target brought."""
    forecast, again = case.forecast, now.restart != NONE
    seen = Seen(
        clicks=forecast.clicks,
        spend_micros=forecast.spend_micros,
        orders=forecast.orders,
        carts=forecast.cart_rate * forecast.clicks,
        all_clicks=forecast.clicks,
    )
    if not again.any():
        return evidence, seen
    fresh = seen_since(case, now.restart)
    mixed = {name: np.where(again, getattr(fresh, name), getattr(seen, name)) for name in Seen.__slots__}
    with np.errstate(divide="ignore", invalid="ignore"):
        floor = case.economics.floor_roas / case.economics.caused
        expected = fresh.spend_micros * floor / forecast.aov_micros
    return Evidence(
        floor_orders=np.where(again, expected, evidence.floor_orders),
        below=evidence.below,
        log_evalue=np.where(again, log_evalue(fresh.orders, expected, forecast.clustering), evidence.log_evalue),
    ), Seen(**mixed)


def _guilty(case: Case, answers: Answers, ready: Flags, now: Situation, evidence: Evidence) -> Flags:
    """Return targets paused on evidence; event phases, carts and potential speak against it.

    A target that is tested again has no prior of its own: it is cautious.
    """
    policy = case.policy.evidence
    judged = ready & ~now.top & ~now.new & ~now.slow
    cautious = (now.cautious | (now.restart != NONE)) & judged
    guilty = judged & should_pause(evidence, policy, cautious=cautious)
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
    code, gone = past.reason_code, case.layout.product[row] == NONE
    if now.sold_out[row] or (gone and code in (_STOCK, _SLOW)):
        return None
    since = instant(past.at)
    if code == _STOCK:
        return because(Code.RESUME_STOCK, product=_product(case, row).title, since=since)
    better = code == _EVIDENCE and evidence.below[row] < case.policy.evidence.resume_probability
    if better:
        return because(Code.RESUME_EVIDENCE, probability=figure(float(evidence.below[row])), since=since)
    turn = _turn(case, row, past) if code in (_SLOW, _EVIDENCE) and not now.slow[row] else None
    if turn is not None and (now.new[row] if code == _SLOW else not case.season.special):
        return because(Code.RESUME_RETEST, turn=turn, since=since)
    sells = code == _SLOW and not now.slow[row]
    return because(Code.RESUME_SLOW, product=_product(case, row).title, since=since) if sells else None


def _turn(case: Case, row: int, past: PastChange) -> str | None:
    """Say what turned about a target's product since we paused it."""
    at, snapshot = int(case.layout.product[row]), case.snapshot
    product = None if at == NONE else snapshot.structure.products[at].id
    return turned_since(
        past.at,
        Turn() if product is None else snapshot.memory.turns.get(product, Turn()),
        identity=past.ref.id,
        today=snapshot.today,
        time_zone=snapshot.account.time_zone,
        months=case.policy.evidence.retest_season_months,
        seed=case.policy.seed,
    )


def _why(code: str) -> str:
    return {
        _STOCK: "it could not be bought",
        _SLOW: "slow seller, on the clearance list",
        _FAILED: "its test brought no sign of demand",
        _LOST: "its test used up its loss budget",
        _EVIDENCE: "it earned below break-even",
    }.get(code, code.lower())


def _retest(code: str) -> str:
    return {
        _STOCK: "it comes back with its stock",
        _SLOW: "it comes back when it sells again, or after a new price or season",
        _FAILED: "a person may start another test",
        _LOST: "a person may start another test",
    }.get(code, "it comes back when the evidence turns, or for a new test after a new price, stock-out or season")


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


def _failed_reason(case: Case, tests: Tests, row: int) -> Reason:
    loss = amount(float(tests.loss_micros[row]), case.currency)
    return because(Code.PAUSE_NEW_FAILED, clicks=int(tests.clicks[row]), loss=loss)


def _lost_reason(case: Case, tests: Tests, row: int) -> Reason:
    return because(
        Code.PAUSE_NEW_LOSS,
        product=_product(case, row).title,
        loss=amount(float(tests.loss_micros[row]), case.currency),
        budget=amount(float(tests.budget_micros[row]), case.currency),
        orders=figure(float(tests.orders[row])),
        floor_orders=figure(float(tests.floor_orders[row])),
    )


def _evidence_reason(evidence: Evidence, row: int) -> Reason:
    return because(
        Code.PAUSE_EVIDENCE,
        probability=figure(float(evidence.below[row])),
        floor_orders=figure(float(evidence.floor_orders[row])),
    )
