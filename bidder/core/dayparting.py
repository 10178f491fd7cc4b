"""Hours of the day: factors that follow what a click is worth, and pacing where a budget would not last.

Called by `bidder.core.decide` after bids and budgets. A campaign whose budget lasts is left alone; one whose budget
would run dry has its hour factors lowered step by step until the rest of the day fits the rest of its money, and
raised again when it does. Where the venue takes no hour factors, budgets alone follow the day. docs/maths/pacing.md.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta

import numpy as np

from bidder.core.answers import Answers, because, exact, figure
from bidder.core.campaigns import Spending
from bidder.core.case import Case
from bidder.core.change import Change, Field
from bidder.core.demand import HOURS
from bidder.core.eligibility import Reach
from bidder.core.entities import EntityKind
from bidder.core.layout import NONE, Flags, tally
from bidder.core.money import Money
from bidder.core.pacing import dayparts, next_level, runs_out
from bidder.core.performance import Float64, Int64
from bidder.core.plan import Objection
from bidder.core.reasons import Code
from bidder.core.venue import Capability

_PARTS_EVERY = timedelta(days=7)
_PARTS_ON_THE_WAY = timedelta(days=1)
_PARTS_ORDERS = 200.0
_PARTS_BAND = 0.1
_CLICKS = 24.0
"""Clicks a day below which a campaign is not paced: what one hour brings is then chance."""
_PERCENT = 0.01


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Pace:
    """How campaigns stand to their budgets, shape (n_campaigns,).

    Attributes:
        budget_micros: Of the campaign's lever, as it will be; -1 without a limit.
        left_micros: What the lever has left, less what is spent but not reported yet.
        rate_micros: What a whole day like today would cost the lever without pacing.
        own_micros: The same of the campaign alone.
        level: Share of its standing hour factors after this cycle.
        out: Hour at which the money is gone at that level, nan where it lasts.
    """

    budget_micros: Int64
    left_micros: Float64
    rate_micros: Float64
    own_micros: Float64
    level: Float64
    out: Float64


def answer_hours(case: Case, answers: Answers, reach: Reach, spending: Spending) -> Pace:
    """Write hour factors: pacing where a budget binds, else worth by hour; returns how campaigns stand."""
    before = _standing_of(case, answers, spending)
    can = case.snapshot.profile.can(EntityKind.CAMPAIGN, Field.DAYPARTS)
    open_ = reach.campaign & case.layout.campaign_on & _manual(case) & can
    by_hand = Capability.ACTION_SHEET in case.snapshot.profile.supports
    level = _levels(case, before, open_ & case.policy.limits.pace_by_hours & (not by_hand))
    pace = _with_level(case, before, level)
    for row in np.flatnonzero(level != case.factors.level).tolist():
        _answer_pace(case, answers, spending, before, row, float(level[row]))
    still = open_ & (level == case.factors.level) & (level == 1.0)
    if not case.season.special and case.hour_orders >= _PARTS_ORDERS:
        _answer_worth(case, answers, still)
    return pace


def warn_of_dry_budgets(case: Case, pace: Pace) -> tuple[Objection, ...]:
    """Name the budgets that will be gone before the busiest hour of the day, one line for each lever."""
    peak = case.today.peak
    soon = case.layout.campaign_on & (pace.out < peak) & (case.today.hour < peak)
    found: list[Objection] = []
    seen: set[int] = set()
    for row in np.flatnonzero(soon).tolist():
        lever = int(case.layout.lever[row])
        if lever in seen:
            continue
        seen.add(lever)
        reason = because(
            Code.BUDGET_OUT_SOON,
            campaign=case.snapshot.structure.campaigns[row].name,
            budget=exact(int(pace.budget_micros[row]), case.currency),
            hour=int(pace.out[row]),
            peak=peak,
        )
        found.append(Objection(reason=reason))
    return tuple(found)


def _manual(case: Case) -> Flags:
    return np.array([c.manual_bids for c in case.snapshot.structure.campaigns], dtype=bool)


def _standing_of(case: Case, answers: Answers, spending: Spending) -> Pace:
    """Compare what campaigns will spend at the bids just decided with what their budgets have left."""
    layout, today, factors = case.layout, case.today, case.factors
    budgets = layout.lever_budgets()
    rows = {c.id: row for row, c in enumerate(layout.structure.campaigns)}
    for change in answers.changes():
        if change.field is Field.DAILY_BUDGET and isinstance(change.new, Money):
            budgets[layout.lever[rows[change.ref.id]]] = change.new.micros  # type: ignore[index]
    own = np.where(layout.campaign_on, spending.expected, 0.0) * today.level
    unseen = own * factors.level**today.elasticity * today.unseen
    gone = layout.by_lever(today.spent_micros + unseen)
    budget = budgets[layout.lever]
    return _with_level(
        case,
        Pace(
            budget_micros=budget,
            left_micros=np.where(budget == NONE, np.inf, budget - gone[layout.lever]),
            rate_micros=layout.by_lever(own)[layout.lever],
            own_micros=own,
            level=factors.level,
            out=np.full(layout.n_campaigns, np.nan),
        ),
        factors.level,
    )


def _with_level(case: Case, pace: Pace, level: Float64) -> Pace:
    """Work out when money is gone at a level of the hour factors."""
    layout, today = case.layout, case.today
    flow = layout.by_lever(pace.own_micros * level**today.elasticity)[layout.lever]
    out = np.full(layout.n_campaigns, np.nan)
    bound = today.told & layout.campaign_on & (pace.budget_micros != NONE)
    for row in np.flatnonzero(bound).tolist():
        hour = runs_out(float(pace.left_micros[row]), float(flow[row]) * today.ahead, today.hour)
        out[row] = np.nan if hour is None else hour
    return replace(pace, level=level, out=out)


def _levels(case: Case, pace: Pace, free: Flags) -> Float64:
    """Return the next level of every campaign's hour factors; what may not move keeps its own."""
    today, limits = case.today, case.policy.limits
    level = case.factors.level.copy()
    busy = pace.rate_micros >= _CLICKS * today.click_micros
    share = float(today.ahead.sum())
    if not today.told or share <= 0:
        return level
    bound = free & (pace.budget_micros != NONE) & (busy | (level < 1.0))
    freed = free & (pace.budget_micros == NONE) & (level < 1.0)
    for row in np.flatnonzero(bound | freed).tolist():
        level[row] = next_level(
            float(level[row]),
            left=float(min(pace.left_micros[row], 9e15)),
            share=share,
            rate=float(pace.rate_micros[row]),
            elasticity=float(today.elasticity[row]),
            max_step=limits.max_bid_step_ratio,
            dead_band=max(limits.bid_dead_band, float(today.error[row] / today.elasticity[row])),
        )
    return level


def _answer_pace(case: Case, answers: Answers, spending: Spending, pace: Pace, row: int, level: float) -> None:
    campaign, now = case.snapshot.structure.campaigns[row], float(case.factors.level[row])
    new = _shown(case, row, level)
    old = campaign.dayparts
    if new == (old or (1.0,) * len(new)):
        return
    budget, shown = exact(int(pace.budget_micros[row]), case.currency), figure(level)
    if level < now:
        hour = 24 if np.isnan(pace.out[row]) else int(pace.out[row])
        reason = because(Code.PACE_SLOWER, budget=budget, hour=hour, level=shown)
    else:
        reason = because(Code.PACE_FASTER, budget=budget, level=shown)
    answers.change(
        EntityKind.CAMPAIGN,
        row,
        Change(
            ref=answers.ref(EntityKind.CAMPAIGN, row),
            field=Field.DAYPARTS,
            old=old,
            new=new,
            reason=reason,
            gain_micros=_gain(case, spending, pace, row, level / now),
        ),
    )


def _gain(case: Case, spending: Spending, pace: Pace, row: int, move: float) -> int:
    """Return what cheaper clicks bring where the money is spent either way; dearer ones buy what is not counted."""
    if move >= 1.0 or not spending.expected[row] > 0:
        return 0
    layout = case.layout
    mine = (layout.campaign == row) & layout.alive & (case.daily_spend_micros > 0)
    price = float(np.average(case.response.cpc_elasticity[mine], weights=case.daily_spend_micros[mine]))
    part = float(pace.own_micros[row] / pace.rate_micros[row])
    earns = float(spending.earned[row] / spending.expected[row])
    return int(min(max(pace.left_micros[row], 0.0) * part * earns * (1.0 - move**price), 9e15))


def _shown(case: Case, row: int, level: float) -> tuple[float, ...]:
    """Return factors for the venue in whole percents, rounded towards those in force so that no step is lengthened."""
    campaign, standing = case.snapshot.structure.campaigns[row], case.factors.standing[row]
    long = len(campaign.dayparts or ()) > HOURS
    factors = (standing if long else standing[:1]).ravel() * level
    if level == 1.0:
        return tuple(factors.tolist())
    falls = level < float(case.factors.level[row])
    rounded = np.ceil(factors / _PERCENT - 1e-6) if falls else np.floor(factors / _PERCENT + 1e-6)
    return tuple(float(value) for value in np.round(rounded * _PERCENT, 2))


def _answer_worth(case: Case, answers: Answers, free: Flags) -> None:
    """Let standing factors follow what a click is worth by hour: a goal a week, and a step a day on the way to it."""
    shape, ratio = case.shape, case.policy.limits.max_bid_step_ratio
    goal = np.array(dayparts(shape.worth, share=shape.share))
    best, worst = int(np.argmax(goal)), int(np.argmin(goal))
    for row in np.flatnonzero(free).tolist():
        campaign = case.snapshot.structure.campaigns[row]
        old = case.factors.standing[row]
        far = bool(np.any(np.abs(goal - old) > ratio * old + _PERCENT))
        last = case.factors.worth_at[row]
        rests = _PARTS_ON_THE_WAY if far else _PARTS_EVERY
        if (last is not None and case.now - last < rests) or np.abs(old - goal).max() < _PARTS_BAND:
            continue
        low, high = np.ceil(old * (1 - ratio) / _PERCENT - 1e-6), np.floor(old * (1 + ratio) / _PERCENT + 1e-6)
        new = np.clip(np.tile(goal, (len(old), 1)), np.minimum(low * _PERCENT, old), np.maximum(high * _PERCENT, old))
        shown = tuple(float(v) for v in np.round(new if len(campaign.dayparts or ()) > HOURS else new[0], 2).ravel())
        if shown == (campaign.dayparts or (1.0,) * len(shown)):
            continue
        reason = because(
            Code.DAYPARTS_TO_WORTH,
            best=figure(float(shape.worth[best])),
            best_hour=best,
            worst=figure(float(shape.worth[worst])),
            worst_hour=worst,
        )
        ref = answers.ref(EntityKind.CAMPAIGN, row)
        answers.change(
            EntityKind.CAMPAIGN,
            row,
            Change(ref=ref, field=Field.DAYPARTS, old=campaign.dayparts, new=shown, reason=reason),
        )


def paced(case: Case, pace: Pace) -> int:
    """Return how many running campaigns bid below their standing hour factors."""
    return int(np.sum(case.layout.campaign_on & (pace.level < 1.0)))


def dry_before_peak(case: Case, pace: Pace) -> int:
    """Return how many budgets will be gone before the busiest hour."""
    layout = case.layout
    soon = layout.campaign_on & (pace.out < case.today.peak) & (case.today.hour < case.today.peak)
    return int(np.sum(tally(layout.lever, soon.astype(np.float64), len(layout.lever_names)) > 0))
