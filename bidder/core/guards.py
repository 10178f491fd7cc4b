"""The last word before anything is recorded: guards remove or shrink changes, they never add or enlarge one.

`bidder.cycle` calls `guard` on every draft, whoever made it. Each guard answers with the changes it leaves and its
objections; they return findings, they do not raise. `inspect` is the guard of what comes in (`bidder.core.intake`).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

from bidder.core.answers import because, exact
from bidder.core.calendar import day_start
from bidder.core.change import Change, Field, Status, Value
from bidder.core.entities import EntityKind, EntityRef, State
from bidder.core.funding import Book, needs_money, safe_order
from bidder.core.hourguard import guard_hours
from bidder.core.intake import inspect
from bidder.core.last_one import leaving_some
from bidder.core.layout import Layout
from bidder.core.money import Money
from bidder.core.moves import Moves
from bidder.core.plan import Draft, Hold, Objection, Plan, Verdict
from bidder.core.policy import Policy
from bidder.core.reasons import Code, Reason
from bidder.core.reconcile import values_of
from bidder.core.situation import guarded
from bidder.core.snapshot import Mode, Snapshot
from bidder.core.venue import VenueProfile

__all__ = ["guard", "inspect"]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Desk:
    """What guards look at."""

    snapshot: Snapshot
    policy: Policy
    layout: Layout
    moves: Moves
    standing: dict[tuple[EntityRef, Field], Value | None]

    @property
    def profile(self) -> VenueProfile:
        return self.snapshot.profile


@dataclass(frozen=True, slots=True)
class _Finding:
    """A guard's answer on one change: what is kept of it, and why not all."""

    kept: Change | None
    reason: Reason | None = None


def guard(draft: Draft, snapshot: Snapshot, policy: Policy) -> Verdict:
    """Return what of a draft may go out, in an order that is safe to stop at any point.

    Args:
        draft: Whatever was decided; an empty one stays empty.
        snapshot: What the decision was made on.
        policy: Limits.

    Returns:
        Plan, objections, and a hold for every change that was removed. Nothing in the plan is new or larger.
    """
    desk = _desk(snapshot, policy)
    kept: list[Change] = []
    objections: list[Objection] = []
    for change in draft.changes:
        left, found = _judge(change, desk)
        objections.extend(found)
        if left is not None:
            kept.append(left)
    for whole in (_pause_share, _hours, _quota, _within_cap, _blast_radius, _canary):
        left_over, found = whole(kept, desk)
        kept = left_over
        objections.extend(found)
    plan = Plan(changes=safe_order(kept))
    return Verdict(plan=plan, objections=tuple(objections), holds=_holds(draft, plan, objections))


def _desk(snapshot: Snapshot, policy: Policy) -> _Desk:
    structure = snapshot.structure
    standing: dict[tuple[EntityRef, Field], Value | None] = {}
    for kind, entities in (
        (EntityKind.CAMPAIGN, structure.campaigns),
        (EntityKind.AD_GROUP, structure.ad_groups),
        (EntityKind.TARGET, structure.targets),
    ):
        for entity in entities:
            ref = EntityRef(kind, entity.id)
            for field, value in values_of(entity).items():
                standing[ref, field] = value
    midnight = day_start(snapshot.today, snapshot.account.time_zone)
    return _Desk(
        snapshot=snapshot,
        policy=policy,
        layout=Layout.of(structure, policy.protect),
        moves=Moves.of(snapshot.memory, day_start=midnight, since=midnight),
        standing=standing,
    )


def _judge(change: Change, desk: _Desk) -> tuple[Change | None, list[Objection]]:
    """Let one change pass every single guard; the first that removes it ends the matter."""
    objections: list[Objection] = []
    left: Change | None = change
    for check in _SINGLE:
        if left is None:
            break
        finding = check(left, desk)
        if finding.reason is not None:
            objections.append(Objection(reason=finding.reason, change=change, kept=finding.kept))
        left = finding.kept
    return left, objections


def _modes(change: Change, desk: _Desk) -> _Finding:
    if desk.snapshot.mode is Mode.HALTED:
        return _Finding(None, because(Code.HALTED, why="see bidder status"))
    if desk.snapshot.mode is Mode.REDUCING and change.raises:
        return _Finding(None, because(Code.REDUCING))
    until = desk.snapshot.memory.observing_until
    if until is not None and until > desk.snapshot.as_of:
        return _Finding(None, because(Code.HALTED, why="the account is only observed"))
    return _Finding(change)


def _known(change: Change, desk: _Desk) -> _Finding:
    """Remove what was decided on another state of affairs, moves nothing, or is on an entity frozen or left alone."""
    memory = desk.snapshot.memory
    key = (change.ref, change.field)
    if (
        key not in desk.standing
        or desk.standing[key] != change.old
        or change.new == change.old
        or not desk.profile.can(change.ref.kind, change.field)
    ):
        return _Finding(None, because(Code.NOT_AS_SEEN, field=str(change.field)))
    if change.ref in memory.frozen:
        return _Finding(None, because(Code.IN_DOUBT))
    until = memory.left_alone.get(change.ref)
    if until is not None and until > desk.snapshot.as_of:
        return _Finding(None, because(Code.HANDS_OFF))
    resumes = change.field is Field.STATE and change.raises
    if resumes and change.ref not in memory.paused_by_us:
        return _Finding(None, because(Code.NOT_PAUSED_BY_US))
    return _Finding(change)


def _finite(change: Change, desk: _Desk) -> _Finding:
    currency = desk.snapshot.account.currency
    match change.new:
        case Money() as new:
            good = new.currency == currency and 0 < new.micros < 2**62
        case State() as state:
            good = state in (State.ENABLED, State.PAUSED)
        case parts:
            good = len(parts) in (24, 168) and all(math.isfinite(part) and 0 <= part <= 10 for part in parts)  # noqa: PLR2004
    return _Finding(change) if good else _Finding(None, because(Code.NOT_FINITE))


def _protected(change: Change, desk: _Desk) -> _Finding:
    """Never pause what is protected, nor anything that holds it."""
    if change.new is not State.PAUSED:
        return _Finding(change)
    protected, _ = guarded(desk.layout, desk.policy.protect)
    if not protected.any():
        return _Finding(change)
    ids = desk.layout.ids(change.ref.kind)
    row = ids.index(change.ref.id)
    members = {
        EntityKind.CAMPAIGN: desk.layout.campaign,
        EntityKind.AD_GROUP: desk.layout.group,
    }.get(change.ref.kind)
    hit = bool(protected[row]) if members is None else bool(protected[members == row].any())
    return _Finding(None, because(Code.PROTECTED)) if hit else _Finding(change)


def _bounds(change: Change, desk: _Desk) -> _Finding:
    """Hold a wanted amount inside bounds, on the venue's grid; moving towards the bounds is always allowed."""
    if not isinstance(change.new, Money):
        return _Finding(change)
    low, high, increment = _range(change, desk)
    wanted = change.new.micros
    new = wanted // increment * increment
    reason = because(Code.OFF_GRID, increment=exact(increment, change.new.currency)) if new != wanted else None
    if _approaches(change, new, low, high, desk):
        return _shrunk(change, new, reason)
    if new > high:
        new, reason = (
            high // increment * increment,
            because(Code.ABOVE_CEILING, ceiling=exact(high, change.new.currency)),
        )
    elif new < low:
        new, reason = -(-low // increment) * increment, because(Code.BELOW_FLOOR, floor=exact(low, change.new.currency))
    return _shrunk(change, new, reason)


def _approaches(change: Change, new: int, low: int, high: int, desk: _Desk) -> bool:
    """Tell whether a value comes from beyond our own bounds towards them, on a step that the venue allows."""
    if not isinstance(change.old, Money):
        return False
    bid, profile = change.field is Field.BID, desk.profile
    least = profile.bid_min if bid else profile.budget_min
    most = profile.bid_max if bid else profile.budget_max
    nearer = high < new < change.old.micros or change.old.micros < new < low
    return nearer and least.micros <= new <= most.micros


def _range(change: Change, desk: _Desk) -> tuple[int, int, int]:
    limits, profile = desk.policy.limits, desk.profile
    if change.field is Field.BID:
        floor, ceiling = limits.bid_floor, limits.bid_ceiling
        low, high, increment = profile.bid_min.micros, profile.bid_max.micros, profile.bid_increment.micros
    else:
        floor, ceiling = limits.budget_floor, None
        low, high, increment = profile.budget_min.micros, profile.budget_max.micros, profile.budget_increment.micros
    low = max(low, 0 if floor is None else floor.micros)
    return low, high if ceiling is None else min(high, ceiling.micros), increment


def _step(change: Change, desk: _Desk) -> _Finding:
    """Shrink a move to the step limit, for one change and net since the marketplace's midnight."""
    if not (isinstance(change.new, Money) and isinstance(change.old, Money)):
        return _Finding(change)
    limits = desk.policy.limits
    ratio = limits.max_bid_step_ratio if change.field is Field.BID else limits.max_budget_step_ratio
    if change.reason.code is Code.BUDGET_TO_CAP and change.field is Field.DAILY_BUDGET and not change.raises:
        return _Finding(change)
    _, _, increment = _range(change, desk)
    if change.reason.code is Code.BUDGET_TO_LEAST and _to_venue_least(change, desk):
        return _Finding(change)
    start = desk.moves.day_start.get((change.ref, change.field), change.old)
    origins = [(change.old, Code.STEP_LIMIT)]
    if isinstance(start, Money):
        origins.append((start, Code.DAY_STEP_LIMIT))
    new, reason = change.new.micros, None
    for origin, code in origins:
        down = math.ceil(origin.micros * (1.0 - ratio) / increment - 1e-9) * increment
        up = math.floor(origin.micros * (1.0 + ratio) / increment + 1e-9) * increment
        allowed = min(max(new, down), up)
        if allowed != new:
            reason = because(
                code,
                limit=f"{ratio:.0%}",
                wanted=exact(change.new.micros, change.new.currency),
                allowed=exact(allowed, change.new.currency),
            )
            new = allowed
    profile = desk.profile
    least = (profile.bid_min if change.field is Field.BID else profile.budget_min).micros
    if new < least <= change.new.micros:
        # A step that ends where the venue takes nothing is no step.
        return _Finding(None, because(Code.BELOW_FLOOR, floor=exact(least, change.new.currency)))
    return _shrunk(change, new, reason)


def _to_venue_least(change: Change, desk: _Desk) -> bool:
    """Tell whether a budget goes from under the venue's least exactly to it: there is no smaller step."""
    if change.field is not Field.DAILY_BUDGET or not (isinstance(change.new, Money) and isinstance(change.old, Money)):
        return False
    least, increment = desk.profile.budget_min.micros, desk.profile.budget_increment.micros
    return change.old.micros < least and change.new.micros == -(-least // increment) * increment


def _shrunk(change: Change, new: int, reason: Reason | None) -> _Finding:
    """Keep a smaller move in the same direction, or nothing."""
    if reason is None:
        return _Finding(change)
    if not isinstance(change.new, Money):
        return _Finding(None, reason)
    wanted = change.new.micros
    if isinstance(change.old, Money):
        old = change.old.micros
        if not min(old, wanted) <= new <= max(old, wanted) or new == old:
            return _Finding(None, reason)
    elif new > wanted:
        return _Finding(None, reason)
    return _Finding(replace(change, new=Money(new, change.new.currency)), reason)


_SINGLE: tuple[Callable[[Change, _Desk], _Finding], ...] = (
    _modes,
    _finite,
    _known,
    _protected,
    _bounds,
    _step,
)

_Whole = tuple[list[Change], list[Objection]]


def _pause_share(changes: list[Change], desk: _Desk) -> _Whole:
    """Pause at most a share of what is enabled of a kind, and never all that runs, whatever kinds do it together."""
    pauses = [c for c in changes if c.new is State.PAUSED]
    share = desk.policy.limits.max_paused_share
    # What cannot be bought, and what the cap cannot cover, is not a judgement: only the last one stays.
    forced = [c for c in pauses if c.reason.code in (Code.PAUSE_STOCK, Code.PAUSE_OVER_CAP)]
    judged = [c for c in pauses if c not in forced]
    allowed = list(forced)
    for kind, enabled in _enabled(desk).items():
        mine = sorted((c for c in judged if c.ref.kind is kind), key=lambda c: -c.gain_micros)
        allowed += mine[: max(int(share * enabled), 1 if share > 0 else 0)]
    kept = {id(change) for change in leaving_some(allowed, desk.layout)}
    reason = because(Code.PAUSE_SHARE, limit=f"{share:.0%}")
    objections = [Objection(reason=reason, change=c) for c in pauses if id(c) not in kept]
    return [c for c in changes if c.new is not State.PAUSED or id(c) in kept], objections


def _enabled(desk: _Desk) -> dict[EntityKind, int]:
    """Return how many of each kind are running."""
    layout = desk.layout
    return {
        EntityKind.CAMPAIGN: int(layout.campaign_on.sum()),
        EntityKind.AD_GROUP: int(layout.group_on.sum()),
        EntityKind.TARGET: int(layout.alive.sum()),
    }


def _within_cap(changes: list[Change], desk: _Desk) -> _Whole:
    """Remove increases that no decrease of this plan could fund, best gain per unit of money first."""
    cap = desk.policy.cap.micros
    if desk.policy.limits.strict_overdelivery:
        cap = int(cap / desk.profile.overdelivery)
    book = Book.of(desk.snapshot.structure)
    for change in changes:
        if not needs_money(change):
            book = book.after(change, Status.CONFIRMED)
    kept, objections = [c for c in changes if not needs_money(c)], list[Objection]()
    for change in safe_order(c for c in changes if needs_money(c)):
        if book.fits(change, cap):
            book = book.after(change, Status.CONFIRMED)
            kept.append(change)
        else:
            currency = desk.snapshot.account.currency
            headroom = exact(max(cap - book.total_micros, 0), currency)
            reason = because(Code.CAP_HEADROOM, headroom=headroom, cap=exact(cap, currency))
            objections.append(Objection(reason=reason, change=change))
    return kept, objections


def _blast_radius(changes: list[Change], desk: _Desk) -> _Whole:
    limit = desk.policy.limits.max_changed_entities
    return _limited(changes, limit, because(Code.BLAST_RADIUS, limit=limit))


def _canary(changes: list[Change], desk: _Desk) -> _Whole:
    what = desk.snapshot.memory.canary
    if what is None:
        return changes, []
    limit = desk.policy.limits.canary_changes
    return _limited(changes, limit, because(Code.CANARY, what=what, limit=limit))


def _limited(changes: list[Change], limit: int, reason: Reason) -> _Whole:
    """Keep so many entities: what lowers spend first, then what gains most."""
    order = sorted(changes, key=lambda c: (c.raises, -c.gain_micros))
    chosen: set[EntityRef] = set()
    for change in order:
        if len(chosen) < limit:
            chosen.add(change.ref)
    dropped = [Objection(reason=reason, change=c) for c in changes if c.ref not in chosen]
    return [c for c in changes if c.ref in chosen], dropped


def _hours(changes: list[Change], desk: _Desk) -> _Whole:
    """Hold hour factors to the step limits and the ceiling on bids, together with base bids."""
    return guard_hours(changes, desk.snapshot, desk.policy, desk.layout, desk.moves)


def _quota(changes: list[Change], desk: _Desk) -> _Whole:
    """Keep to the venue's own limit on changes of one setting a day."""
    kept: list[Change] = []
    objections: list[Objection] = []
    for change in changes:
        limit = desk.profile.daily_change_quota.get((change.ref.kind, change.field))
        if limit is not None and desk.moves.today.get((change.ref, change.field), 0) >= limit:
            objections.append(Objection(reason=because(Code.QUOTA, limit=limit), change=change))
        else:
            kept.append(change)
    return kept, objections


def _holds(draft: Draft, plan: Plan, objections: list[Objection]) -> tuple[Hold, ...]:
    """Return the draft's holds, and one for each entity of which no change is left."""
    going = {change.ref for change in plan.changes}
    held: dict[EntityRef, Reason] = {}
    for objection in objections:
        if objection.change is not None and objection.kept is None and objection.change.ref not in going:
            held.setdefault(objection.change.ref, objection.reason)
    return (*draft.holds, *(Hold(ref=ref, reason=reason) for ref, reason in held.items()))
