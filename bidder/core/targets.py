"""Moves bids of targets and of ad groups that lend theirs, inside bounds, steps, cooldown and dead band.

Called by `bidder.core.decide` once it is known what is worth bidding (`bidder.core.bids`) and what is paused.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from bidder.core.answers import Answers, amount, because, exact, figure, instant
from bidder.core.bids import Grid, Wanted, settle_on_grid, step_bounds
from bidder.core.case import Case
from bidder.core.change import Change, Field
from bidder.core.delivery import Delivery
from bidder.core.eligibility import Reach
from bidder.core.entities import EntityKind
from bidder.core.layout import NONE, Flags, tally
from bidder.core.money import Money
from bidder.core.pausing import Evidence
from bidder.core.performance import Float64, Int64
from bidder.core.perturbation import Perturbation, evidence_of, plan_tests
from bidder.core.reasons import Code, Reason
from bidder.core.situation import Situation


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class BidMoves:
    """Decided base bids, shape (n_targets,), int64 micros; ``new`` equals ``now`` where nothing moves.

    Attributes:
        wanted: What they move towards, unless on test.
        tests: Which of them are on test, and where those should stand.
        cooling: Moved too lately to move again. small: The wanted move is within the dead band.
        audited: Bid the least because they are in the audit sample.
        gain_micros: Expected contribution gained per day.
    """

    wanted: Wanted
    tests: Perturbation
    now: Int64
    new: Int64
    cooling: Flags
    small: Flags
    audited: Flags
    gain_micros: Float64


def decide_bids(case: Case, reach: Reach, situation: Situation, wanted: Wanted, delivery: Delivery) -> BidMoves:
    """Work out new base bids; ad groups that lend their bid move all their inheriting targets alike."""
    layout, limits = case.layout, case.policy.limits
    now = np.maximum(layout.bid_micros, 0)
    start, cooling = _past_moves(case, now)
    step = limits.max_bid_step_ratio
    increment = case.snapshot.profile.bid_increment.micros
    down, up = step_bounds(now, start, step, increment)
    low, high = bid_bounds(case)
    slow = situation.slow & ~situation.top
    aim = np.where(slow, np.minimum(wanted.bid_micros, now * (1.0 - step)), wanted.bid_micros)
    aim = np.where(delivery.audited, np.minimum(low, now), aim)
    # A bid that waits for stock goes to where it will start from; every other paused one only falls.
    aim = np.where(reach.resumable & ~situation.sold_out, np.minimum(aim, now), aim)
    free = reach.bid & ~delivery.pausing
    tests = plan_tests(case, free & ~delivery.audited & (situation.ramp >= 1.0), situation, wanted, (low, high))
    aim = tests.instead_of(aim)
    aim = _lent(case, aim, free)
    new = settle_on_grid(aim, now, Grid(low=low, high=high, down=down, up=up, increment=increment))
    small = np.abs(new - now) < limits.bid_dead_band * now
    new = np.where(~free | cooling | small | ~np.isfinite(aim), now, new)
    return BidMoves(
        wanted=wanted,
        tests=tests,
        now=now,
        new=new,
        cooling=cooling,
        small=small,
        audited=delivery.audited,
        gain_micros=_gain(case, now, new),
    )


def bid_bounds(case: Case) -> tuple[Int64, Int64]:
    """Return lowest and highest base bid: venue, policy and budget, judged on the effective bid at its peak hour."""
    profile, limits, layout = case.snapshot.profile, case.policy.limits, case.layout
    floor = max(profile.bid_min.micros, 0 if limits.bid_floor is None else limits.bid_floor.micros)
    ceiling = profile.bid_max.micros
    if limits.bid_ceiling is not None:
        ceiling = min(ceiling, limits.bid_ceiling.micros)
    increment = profile.bid_increment.micros
    lowest = np.full(layout.n_targets, -(-floor // increment) * increment, dtype=np.int64)
    budget = layout.budget_micros[layout.campaign]
    high = np.minimum(ceiling / np.maximum(case.peak[layout.campaign], 1.0), np.where(budget > 0, budget, ceiling))
    return lowest, np.maximum((np.floor(high / increment) * increment).astype(np.int64), lowest)


def answer_targets(
    case: Case, answers: Answers, reach: Reach, moves: BidMoves, situation: Situation, evidence: Evidence, capped: Flags
) -> None:
    """Write the bid changes of targets that have bids of their own."""
    rows = np.flatnonzero((moves.new != moves.now) & ~case.layout.inherits)
    for row in rows.tolist():
        if reach.resumable[row] or not answers.held(EntityKind.TARGET, row):
            tested = moves.tests.on[row]
            reason = _test(case, moves, row) if tested else _reason(case, moves, situation, evidence, capped, row)
            _change(case, answers, EntityKind.TARGET, row, moves, row, reason, float(moves.gain_micros[row]))


def answer_groups(case: Case, answers: Answers, moves: BidMoves) -> None:
    """Write the bid changes of ad groups, and hold those whose targets bid for themselves."""
    layout = case.layout
    lends = np.zeros(len(layout.group_on), dtype=bool)
    lends[layout.group[layout.inherits]] = True
    answers.hold(EntityKind.AD_GROUP, np.flatnonzero(~lends).tolist(), because(Code.TARGETS_BID))
    moved = np.flatnonzero((moves.new != moves.now) & layout.inherits)
    for group in np.unique(layout.group[moved]).tolist():
        rows = moved[layout.group[moved] == group]
        lead = int(rows[int(np.argmax(case.daily_spend_micros[rows]))])
        value = amount(float(moves.wanted.worth_micros[lead]), case.currency)
        reason = because(
            Code.BID_TO_VALUE,
            value=value,
            cpc=amount(float(case.forecast.cpc_micros[lead]), case.currency),
            wanted=amount(float(moves.wanted.bid_micros[lead]), case.currency),
            old=exact(int(moves.now[lead]), case.currency),
            new=exact(int(moves.new[lead]), case.currency),
        )
        _change(case, answers, EntityKind.AD_GROUP, group, moves, lead, reason, float(moves.gain_micros[rows].sum()))
    bid = layout.structure.ad_groups
    for group in answers.open_rows(EntityKind.AD_GROUP):
        default = bid[group].default_bid
        shown = "none" if default is None else exact(default.micros, case.currency)
        cooling = bool(np.any(moves.cooling & layout.inherits & (layout.group == group)))
        held = _cooling(case, answers, EntityKind.AD_GROUP, group) if cooling else None
        plain = because(Code.NO_CHANGE_NEEDED, value="what its targets need", bid=shown)
        answers.hold(EntityKind.AD_GROUP, [group], held or plain)


def hold_targets(case: Case, answers: Answers, reach: Reach, moves: BidMoves, situation: Situation) -> None:
    """Give every target that nothing changes its reason, the most telling one first."""
    layout, forecast, currency = case.layout, case.forecast, case.currency
    enough = case.policy.evidence.min_clicks
    for row in answers.open_rows(EntityKind.TARGET):
        unknown = _unknown(case, row)
        if unknown is not None:
            reason = unknown
        elif layout.inherits[row]:
            reason = because(Code.INHERITS_BID)
        elif not reach.bid[row]:
            reason = because(Code.READ_ONLY)
        elif moves.tests.on[row] and (moves.small[row] or not moves.cooling[row]):
            told = evidence_of(case, moves.tests, moves.wanted, row)
            reason = because(Code.ON_TEST, **{name: told[name] for name in ("step", "side", "until", "stop")})
        elif moves.cooling[row]:
            reason = _cooling(case, answers, EntityKind.TARGET, row)
        elif situation.new[row] and forecast.clicks[row] < enough:
            clicks = figure(float(forecast.clicks[row]))
            reason = because(Code.NEW_PRODUCT, launched=_launched(case, row), clicks=clicks)
        elif moves.wanted.refused[row]:
            reason = because(Code.TOO_LITTLE_EVIDENCE, clicks=figure(float(forecast.clicks[row])), needed=enough)
        elif moves.small[row] and moves.now[row] > 0 and _far(case, moves, row):
            move = figure(abs(float(moves.wanted.bid_micros[row]) / float(moves.now[row]) - 1.0))
            reason = because(Code.DEAD_BAND, move=move, band=case.policy.limits.bid_dead_band)
        else:
            value = amount(float(moves.wanted.worth_micros[row]), currency)
            reason = because(Code.NO_CHANGE_NEEDED, value=value, bid=exact(int(moves.now[row]), currency))
        answers.hold(EntityKind.TARGET, [row], reason)


def _unknown(case: Case, row: int) -> Reason | None:
    """Return what is not known of a target that would have to be."""
    if case.forecast.covered[row] <= 0:
        return because(Code.MISSING_DATA)
    if not case.usable[row]:
        return because(Code.FORECAST_UNUSABLE, why="an estimate is missing, negative or not finite")
    if not case.economics.known[row]:
        return because(Code.MISSING_MARGIN, product=_title(case, row))
    return None


def _title(case: Case, row: int) -> str:
    at = int(case.layout.product[row])
    return "its product" if at == NONE else case.layout.structure.products[at].title


def _launched(case: Case, row: int) -> str | None:
    """Return the launch date of a target's product, ``None`` where nobody told."""
    at = int(case.layout.product[row])
    launched = None if at == NONE else case.layout.structure.products[at].launch_date
    return None if launched is None else launched.isoformat()


def _far(case: Case, moves: BidMoves, row: int) -> bool:
    """Tell whether a move was wanted at all, as opposed to the bid standing at its bound."""
    low, high = case.snapshot.profile.bid_min.micros, case.snapshot.profile.bid_max.micros
    wanted = min(max(float(moves.wanted.bid_micros[row]), low), high)
    return abs(wanted - float(moves.now[row])) >= case.snapshot.profile.bid_increment.micros


def _lent(case: Case, aim: Float64, free: Flags) -> Float64:
    """Give targets that inherit a bid one aim per ad group: the spend-weighted mean of their wanted log moves."""
    layout = case.layout
    lent = layout.inherits & free & np.isfinite(aim) & (layout.bid_micros > 0)
    if not lent.any():
        return aim
    number = len(layout.group_on)
    weight = np.where(lent, np.maximum(case.daily_spend_micros, 1.0), 0.0)
    bid = np.maximum(layout.bid_micros, 1)
    move = np.where(lent, np.log(np.clip(aim / bid, 1e-3, 1e3)), 0.0)
    total = tally(layout.group, weight, number)
    summed = tally(layout.group, weight * move, number)
    mean = np.divide(summed, total, out=np.zeros(number), where=total > 0)
    return np.where(layout.inherits, np.where(total[layout.group] > 0, bid * np.exp(mean[layout.group]), np.nan), aim)


def _past_moves(case: Case, now: Int64) -> tuple[Int64, Flags]:
    """Return each bid at the start of the day, and whether it moved within the venue's cooldown."""
    layout, moves = case.layout, case.moves
    start, cooling = now.copy(), np.zeros(len(now), dtype=bool)
    keys = {key for key in (*moves.day_start, *moves.last) if key[1] is Field.BID}
    if not keys:
        return start, cooling
    rows = {identity: row for row, identity in enumerate(layout.ids(EntityKind.TARGET))}
    groups = {identity: row for row, identity in enumerate(layout.ids(EntityKind.AD_GROUP))}
    for key in keys:
        ref = key[0]
        if ref.kind is EntityKind.TARGET and ref.id in rows:
            at = np.array([rows[ref.id]])
        elif ref.kind is EntityKind.AD_GROUP and ref.id in groups:
            at = np.flatnonzero(layout.inherits & (layout.group == groups[ref.id]))
        else:
            continue
        old = moves.day_start.get(key)
        if isinstance(old, Money):
            start[at] = old.micros
        last = moves.last.get(key)
        if last is not None and case.now - last < case.snapshot.profile.bid_cooldown:
            cooling[at] = True
    return start, cooling


def _cooling(case: Case, answers: Answers, kind: EntityKind, row: int) -> Reason:
    at = case.moves.last.get((answers.ref(kind, row), Field.BID))
    if at is None:
        return because(Code.COOLDOWN, at="the ad group's last change", until="its cooldown ends")
    return because(Code.COOLDOWN, at=instant(at), until=instant(at + case.snapshot.profile.bid_cooldown))


def _gain(case: Case, now: Int64, new: Int64) -> Float64:
    """Return expected contribution gained per day, from the local response of clicks and cost to the bid."""
    ratio = np.where(now > 0, new / np.maximum(now, 1), 1.0)
    cpc = np.where(case.usable & (case.forecast.cpc_micros > 0), case.forecast.cpc_micros, 0.0)
    before = case.value_micros - cpc
    after = ratio**case.response.click_elasticity * (case.value_micros - cpc * ratio**case.response.cpc_elasticity)
    return np.clip(np.nan_to_num(case.daily_clicks * (after - before)), -9e15, 9e15)


def _change(
    case: Case,
    answers: Answers,
    kind: EntityKind,
    row: int,
    moves: BidMoves,
    lead: int,
    reason: Reason,
    gain: float,
) -> None:
    answers.change(
        kind,
        row,
        Change(
            ref=answers.ref(kind, row),
            field=Field.BID,
            old=Money(int(moves.now[lead]), case.currency),
            new=Money(int(moves.new[lead]), case.currency),
            reason=reason,
            gain_micros=int(gain),
        ),
    )


def _test(case: Case, moves: BidMoves, row: int) -> Reason:
    old, new = exact(int(moves.now[row]), case.currency), exact(int(moves.new[row]), case.currency)
    return because(Code.BID_TEST, old=old, new=new, **evidence_of(case, moves.tests, moves.wanted, row))


def _reason(case: Case, moves: BidMoves, situation: Situation, evidence: Evidence, capped: Flags, row: int) -> Reason:
    currency = case.currency
    value = amount(float(moves.wanted.worth_micros[row]), currency)
    cpc = amount(float(case.forecast.cpc_micros[row]), currency)
    old, new = exact(int(moves.now[row]), currency), exact(int(moves.new[row]), currency)
    wanted = amount(float(moves.wanted.bid_micros[row]), currency)
    common = {"value": value, "cpc": cpc, "old": old, "new": new, "wanted": wanted}
    lower = bool(moves.new[row] < moves.now[row])
    if moves.audited[row]:
        return because(Code.BID_DOWN_AUDIT, probability=figure(float(evidence.below[row])), **common)
    of_product = _product_reason(case, situation, row, common, lower=lower)
    if of_product is not None:
        return of_product
    code = Code.BID_TO_VALUE
    if moves.wanted.exploring[row]:
        return because(Code.BID_EXPLORE, clicks=figure(float(case.forecast.clicks[row])), **common)
    if lower and situation.protected[row]:
        code = Code.BID_DOWN_PROTECTED
    elif lower and capped[case.layout.campaign[row]]:
        code = Code.BID_DOWN_CAPPED
    return because(code, **common)


def _product_reason(
    case: Case, situation: Situation, row: int, common: Mapping[str, str], *, lower: bool
) -> Reason | None:
    """Return why the product's sales or stock move a bid, ``None`` where they do not."""
    title = _title(case, row)
    if situation.ramp[row] < 1.0:
        share = figure(float(situation.ramp[row]))
        days = case.policy.lifecycle.restock_ramp_days
        return because(Code.BID_RESTOCK, product=title, days=days, share=share, **common)
    if lower and situation.slow[row] and not situation.top[row]:
        pace = {"velocity": figure(float(situation.velocity[row])), "median": figure(float(situation.median[row]))}
        return because(Code.BID_DOWN_SLOW, product=title, **pace, **common)
    if lower and situation.taper[row] < 1.0:
        stock = {"cover_days": figure(float(situation.cover_days[row])), "lead_days": float(situation.lead_days[row])}
        return because(Code.BID_DOWN_STOCK, product=title, **stock, **common)
    return None
