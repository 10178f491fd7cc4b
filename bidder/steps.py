"""The three steps of a cycle that do I/O: observe, apply, reconcile.

Everything they decide is decided by pure functions of `bidder.core`; here it is only asked, sent and recorded.
Called by `bidder.cycle` alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta

from bidder.core.calendar import DayRange, day_of
from bidder.core.change import Intent, Outcome, Status
from bidder.core.entities import Account, Structure
from bidder.core.funding import batches
from bidder.core.guards import inspect
from bidder.core.performance import Grain, Pending
from bidder.core.policy import Policy
from bidder.core.reasons import Code, Reason
from bidder.core.reconcile import foreign_edits, settle, verify
from bidder.core.snapshot import Mode, Snapshot
from bidder.core.venue import VenueProfile
from bidder.errors import AuthFailed, DataHeld
from bidder.ports import Marketplace, Store

_HOURLY_BACKFILL_DAYS = 28
"""Four of each weekday: what an hour-of-week profile needs."""
_HOURLY_REFRESH_DAYS = 2
"""Spend of the last hours is still being corrected; older hours come with the daily facts."""
_RESTATED_DAYS = 30
"""Click days asked for again once a marketplace day: attribution windows and corrections reach this far back."""


def observe(account: Account, market: Marketplace, store: Store, policy: Policy, *, now: datetime) -> Snapshot:
    """Settle what is open, read the venue, check what it said, and return one immutable picture.

    Raises:
        DataHeld: The venue is still preparing a report, or what it said is not fit to act on.
        MarketplaceError: The venue could not be read.
    """
    profile = market.profile(now)
    _settle_open(account, market, store, profile, now)
    structure = market.fetch_structure(account.id, now)
    known = store.last_structure(account.id)
    foreign = foreign_edits(known, structure, store.memory(account, as_of=now).changes, now=now)
    _read_reports(account, structure, market, store, profile, policy, now)
    store.save_structure(account, structure, foreign, now=now)
    today = day_of(now, account.time_zone)
    return Snapshot(
        account=account,
        as_of=now,
        structure=structure,
        profile=profile,
        history=store.history(
            account,
            window_days=profile.default_window,
            days=DayRange.ending(today, days=policy.evidence.learn_days + 1),
            as_of=now,
        ),
        memory=store.memory(account, as_of=now),
        mode=store.mode(account.id),
    )


def apply(
    intents: Sequence[Intent],
    snapshot: Snapshot,
    market: Marketplace,
    store: Store,
    policy: Policy,
    stopping: Callable[[], bool],
) -> tuple[Intent, ...]:
    """Send the intents in their safe order, once each, and record every answer.

    The mode is read again before every request, money is reserved before it, and nothing is ever sent twice.
    Refused credentials settle what was to be sent as REJECTED and withhold the rest.

    Raises:
        AuthFailed: After everything was recorded; the caller halts the account.
    """
    done: list[Intent] = []
    refused: AuthFailed | None = None
    for batch in batches(intents, snapshot.profile.batch_size):
        sendable: list[Intent] = []
        for intent in batch:
            why = _withheld(intent, snapshot, store, policy, refused, stopping=stopping())
            if why is None:
                sendable.append(intent)
            else:
                done.append(store.resolve(snapshot.account, intent, why, now=snapshot.as_of))
        if not sendable:
            continue
        try:
            outcomes = market.submit(
                snapshot.account.id, [i.change for i in sendable], [i.key for i in sendable], snapshot.as_of
            )
        except AuthFailed as exc:
            refused = exc
            outcomes = [
                Outcome(key=i.key, status=Status.REJECTED, code="AUTH_FAILED", detail=str(exc)) for i in sendable
            ]
        for intent, outcome in _paired(sendable, outcomes):
            done.append(store.resolve(snapshot.account, intent, outcome, now=snapshot.as_of))
    if refused is not None:
        raise refused
    return tuple(done)


def reconcile(intents: Sequence[Intent], snapshot: Snapshot, market: Marketplace, store: Store) -> tuple[Intent, ...]:
    """Read back what was confirmed, where the venue's reads can already show it; the rest waits for the next observe.

    Returns:
        The intents as they stand now, same order.
    """
    confirmed = [intent for intent in intents if intent.status is Status.CONFIRMED]
    if not confirmed or snapshot.profile.settle > timedelta(0):
        return tuple(intents)
    seen = market.read_back(snapshot.account.id, [intent.change.ref for intent in confirmed], snapshot.as_of)
    differing = verify(confirmed, seen)
    if not differing:
        return tuple(intents)
    store.settle(snapshot.account, differing, now=snapshot.as_of)
    standing = {settlement.intent.id: settlement.status for settlement in differing}
    return tuple(_restated(intent, standing.get(intent.id)) for intent in intents)


def _settle_open(account: Account, market: Marketplace, store: Store, profile: VenueProfile, now: datetime) -> None:
    """Ask the venue what became of intents without a certain outcome."""
    unsettled = store.open_intents(account.id)
    if not unsettled:
        return
    refs = list(dict.fromkeys(intent.change.ref for intent in unsettled))
    seen = market.read_back(account.id, refs, now)
    counts = store.seen_old(account.id)
    store.settle(
        account, settle(unsettled, seen, settle_after=profile.settle, seen_old_counts=counts, now=now), now=now
    )


def _read_reports(
    account: Account,
    structure: Structure,
    market: Marketplace,
    store: Store,
    profile: VenueProfile,
    policy: Policy,
    now: datetime,
) -> None:
    for grain, days in _wanted(account, store, profile, now):
        report = market.fetch_performance(account.id, days, grain, profile.default_window, now)
        if isinstance(report, Pending):
            reason = Reason.of(Code.REPORT_PENDING, job=report.job)
            raise DataHeld(reason.render(), code=reason.code.name)
        known = store.coverage(account.id, grain)
        before = None
        if known is not None:
            before = store.history(account, window_days=profile.default_window, days=days, as_of=now)
        objection = inspect(account, structure, report, profile, policy, known=known, previous=before, now=now)
        if objection is not None:
            raise DataHeld(objection.render(), code=objection.code.name)
        store.save_report(account, grain, report)


def _wanted(account: Account, store: Store, profile: VenueProfile, now: datetime) -> Iterator[tuple[Grain, DayRange]]:
    """Say which days to ask for: everything at first, what may be restated once a day, else only the open days."""
    today = day_of(now, account.time_zone)
    known = store.coverage(account.id, Grain.DAY)
    if known is None:
        days = profile.history_days
    elif known.last < today:
        days = max((today - known.last).days + 1, min(_RESTATED_DAYS, profile.history_days))
    else:
        days = 2
    yield Grain.DAY, DayRange.ending(today, days=days)
    if Grain.HOUR not in profile.grains:
        return
    known = store.coverage(account.id, Grain.HOUR)
    gap = _HOURLY_BACKFILL_DAYS if known is None else (today - known.last).days + 1
    wanted = min(max(gap, _HOURLY_REFRESH_DAYS), _HOURLY_BACKFILL_DAYS, profile.history_days)
    yield Grain.HOUR, DayRange.ending(today, days=wanted)


def _withheld(
    intent: Intent,
    snapshot: Snapshot,
    store: Store,
    policy: Policy,
    refused: AuthFailed | None,
    *,
    stopping: bool,
) -> Outcome | None:
    """Return why this intent must not be sent now, or ``None`` after its money was reserved."""
    mode = store.mode(snapshot.account.id)
    if refused is not None:
        why = Reason.of(Code.HALTED, why="credentials were refused")
    elif stopping:
        why = Reason.of(Code.HALTED, why="the daemon is stopping")
    elif mode is Mode.HALTED:
        why = Reason.of(Code.HALTED, why="see bidder status")
    elif mode is Mode.REDUCING and intent.change.raises:
        why = Reason.of(Code.REDUCING)
    else:
        full = store.reserve(snapshot.account, intent, cap_micros=policy.cap.micros, now=snapshot.as_of)
        if full is None:
            return None
        return Outcome(key=intent.key, status=Status.WITHHELD, code=Code.CAP_HEADROOM.name, detail=full)
    return Outcome(key=intent.key, status=Status.WITHHELD, code=why.code.name, detail=why.render())


def _paired(intents: Sequence[Intent], outcomes: Sequence[Outcome]) -> Iterator[tuple[Intent, Outcome]]:
    """Match answers to intents by key; an intent the venue said nothing about is UNKNOWN."""
    by_key = {outcome.key: outcome for outcome in outcomes}
    for intent in intents:
        silent = Outcome(key=intent.key, status=Status.UNKNOWN, code="NO_ANSWER", detail="the venue did not mention it")
        yield intent, by_key.get(intent.key, silent)


def _restated(intent: Intent, status: Status | None) -> Intent:
    if status is None:
        return intent
    return Intent(
        id=intent.id,
        key=intent.key,
        cycle_id=intent.cycle_id,
        change=intent.change,
        status=status,
        created_at=intent.created_at,
        settled_at=intent.settled_at,
        detail="read-back shows another value",
    )
