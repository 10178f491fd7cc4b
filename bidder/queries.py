"""What an operator sees: one truth for the commands, the report and the web pages.

Each function reads one consistent state of the record and returns frozen values; sentences are rendered from the same
reasons everywhere. Nothing here decides or writes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

import numpy as np

from bidder.core.calendar import DayRange, from_ordinal
from bidder.core.change import Status
from bidder.core.entities import Account, AccountId, EntityKind, EntityRef, Product, TargetId
from bidder.core.money import Money
from bidder.core.policy import Policy
from bidder.core.reasons import Code
from bidder.core.scorecard import JUDGED_DAYS, Scorecard
from bidder.core.snapshot import Mode
from bidder.errors import InputError
from bidder.store import SqlStore
from bidder.store import reading as rows
from bidder.store.reads import day_windows
from bidder.store.views import (
    AccountView,
    ChangeFilter,
    ChangeView,
    ClearanceView,
    ControlView,
    CycleView,
    DayTotals,
    DecisionView,
    EditView,
    ForecastView,
    HoldView,
    ObjectionView,
    StageView,
)

_RECENT = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountStatus:
    """How one account stands.

    Attributes:
        mode: The stricter of its own and the global mode.
        control: What people set for it; ``None`` where nobody did.
        cycle: The newest pass, ended or not.
        unsettled: Intents without a certain outcome, by status.
        holds: Entities held, by reason code, the most frequent first.
        spend_today, spend_month: As last reported; ``None`` where nothing was.
        budgets: What all daily budgets may cost at worst, reservations included; ``None`` where one is unlimited.
        observing_until: Until when it is only observed; ``None`` when that is over.
    """

    view: AccountView
    mode: Mode
    armed: bool
    control: ControlView | None
    cycle: CycleView | None
    unsettled: Mapping[Status, int]
    holds: Mapping[str, int]
    spend_today: Money | None
    spend_month: Money | None
    budgets: Money | None
    observing_until: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How everything stands: the global control state and every account."""

    everything: ControlView | None
    accounts: tuple[AccountStatus, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """Why an entity is as it is.

    Attributes:
        name: What people call it.
        holds: Why it is left as it is now, if it is.
        changes: Our last changes of it, newest first. edits: Others' last edits, newest first.
        decisions: What was wanted lately. objections: What the guards said to it in the newest of those cycles.
    """

    account: AccountId
    ref: EntityRef
    name: str
    holds: tuple[HoldView, ...]
    changes: tuple[ChangeView, ...]
    edits: tuple[EditView, ...]
    decisions: tuple[DecisionView, ...]
    objections: tuple[ObjectionView, ...]

    @property
    def sentence(self) -> str:
        """The shortest true answer."""
        if self.holds:
            return self.holds[0].sentence
        if self.changes:
            return f"{self.changes[0].field} {self.changes[0].status}: {self.changes[0].sentence}"
        return "nothing was decided about it yet"


def accounts(store: SqlStore) -> tuple[AccountView, ...]:
    """Return all accounts the record knows, in order of their names."""
    with store.database.read() as connection:
        return rows.read_accounts(connection)


def standing(store: SqlStore, *, now: datetime) -> Standing:
    """Return how everything stands."""
    with store.database.read() as connection:
        controls = {control.account: control for control in rows.read_controls(connection)}
        views = rows.read_accounts(connection)
    return Standing(
        everything=controls.get(None),
        accounts=tuple(_status(store, view, controls.get(view.account.id), now) for view in views),
    )


def _status(store: SqlStore, view: AccountView, control: ControlView | None, now: datetime) -> AccountStatus:
    account = view.account
    memory = store.memory(account, as_of=now)
    budgets = store.worst_case(account.id, now=now)
    with store.database.read() as connection:
        cycles = rows.read_cycles(connection, account=account.id, limit=1)
        unsettled = rows.count_unsettled(connection, account.id)
        holds = rows.count_holds(connection, account.id)
    month = memory.month_spend_micros
    today = sum(memory.day_spend_micros.values())
    return AccountStatus(
        view=view,
        mode=store.mode(account.id),
        armed=store.armed(account.id),
        control=control,
        cycle=cycles[0] if cycles else None,
        unsettled=unsettled,
        holds=holds,
        spend_today=None if month is None else Money(today, account.currency),
        spend_month=None if month is None else Money(month, account.currency),
        budgets=budgets,
        observing_until=memory.observing_until,
    )


def cycles(store: SqlStore, *, account: AccountId | None = None, limit: int = 50) -> tuple[CycleView, ...]:
    """Return cycles, newest first."""
    with store.database.read() as connection:
        return rows.read_cycles(connection, account=account, limit=limit)


def cycle(store: SqlStore, number: int) -> tuple[CycleView, tuple[DecisionView, ...], tuple[ObjectionView, ...]]:
    """Return one cycle with all it wanted and what the guards said.

    Raises:
        InputError: There is no such cycle.
    """
    with store.database.read() as connection:
        found = rows.read_cycles(connection, number=number)
        if not found:
            raise InputError("there is no such cycle; bidder status names the last one", place=f"cycle {number}")
        return found[0], rows.read_decisions(connection, cycle=number), rows.read_objections(connection, number)


def changes(store: SqlStore, only: ChangeFilter | None = None) -> tuple[ChangeView, ...]:
    """Return changes, newest first."""
    with store.database.read() as connection:
        return rows.read_changes(connection, only or ChangeFilter())


def change(store: SqlStore, name: str) -> ChangeView:
    """Return one change by its number or key.

    Raises:
        InputError: There is no such change.
    """
    only = ChangeFilter(number=int(name)) if name.isdecimal() else ChangeFilter(key=name)
    found = changes(store, only)
    if not found:
        raise InputError("there is no such change; bidder changes list shows them", place=f"change {name}")
    return found[0]


def edits(store: SqlStore, *, account: AccountId | None = None, limit: int = 50) -> tuple[EditView, ...]:
    """Return edits by others, newest first."""
    with store.database.read() as connection:
        return rows.read_edits(connection, account=account, limit=limit)


def holds(
    store: SqlStore, *, account: AccountId | None = None, code: Code | None = None, limit: int | None = None
) -> tuple[HoldView, ...]:
    """Return what is left as it is now, newest first."""
    with store.database.read() as connection:
        return rows.read_holds(connection, account=account, code=None if code is None else code.name, limit=limit)


def why(store: SqlStore, account: AccountId, ref: EntityRef) -> Explanation:
    """Explain why an entity is as it is.

    Raises:
        InputError: The account's structure does not hold it and nothing was ever decided about it.
    """
    name = names(store, account).get(ref)
    with store.database.read() as connection:
        decisions = rows.read_decisions(connection, account=account, ref=ref, limit=_RECENT)
        newest = decisions[0].cycle_id if decisions else None
        answer = Explanation(
            account=account,
            ref=ref,
            name=name or ref.id,
            holds=rows.read_holds(connection, account=account, ref=ref),
            changes=rows.read_changes(connection, ChangeFilter(account=account, ref=ref, limit=_RECENT)),
            edits=rows.read_edits(connection, account=account, ref=ref, limit=_RECENT),
            decisions=decisions,
            objections=() if newest is None else rows.read_objections(connection, newest, ref=ref),
        )
    if name is None and not (answer.holds or answer.changes or answer.edits or answer.decisions):
        raise InputError(f"account {account} holds no such entity; write for example target:123", place=str(ref))
    return answer


def names(store: SqlStore, account: AccountId) -> dict[EntityRef, str]:
    """Return what people call every campaign, ad group and target of an account."""
    structure = store.last_structure(account)
    if structure is None:
        return {}
    return {
        **{EntityRef(EntityKind.CAMPAIGN, c.id): c.name for c in structure.campaigns},
        **{EntityRef(EntityKind.AD_GROUP, g.id): g.name for g in structure.ad_groups},
        **{EntityRef(EntityKind.TARGET, t.id): t.text for t in structure.targets},
    }


def products(store: SqlStore, account: AccountId) -> tuple[Product, ...]:
    """Return the account's products with their economics, in the venue's order."""
    structure = store.last_structure(account)
    return () if structure is None else structure.products


def sellers(store: SqlStore, account: AccountId) -> tuple[StageView, ...]:
    """Return the lifecycle of every product that was ranked."""
    with store.database.read() as connection:
        return rows.read_stages(connection, account)


def clearance(store: SqlStore, account: AccountId, *, day: date | None = None) -> ClearanceView | None:
    """Return the clearance list of a day, the newest where none is named; ``None`` where there never was one."""
    with store.database.read() as connection:
        return rows.read_clearance(connection, account, day=day)


def forecasts(
    store: SqlStore, account: AccountId, *, target: TargetId | None = None, day: date | None = None
) -> tuple[ForecastView, ...]:
    """Return forecasts of one target over all days, or of every target on one day, the newest where none is named."""
    with store.database.read() as connection:
        return rows.read_forecasts(connection, account, target=target, day=day)


def totals_by_day(store: SqlStore, account: AccountId, days: DayRange) -> tuple[DayTotals, ...]:
    """Return the account's advertising by click day as last reported, ascending; days without facts are left out."""
    return store.totals_by_day(account, days)


def scorecard(store: SqlStore, account: Account, policy: Policy, *, now: datetime) -> Scorecard | None:
    """Return how past forecasts of an account came out, as the next cycle would judge them; ``None`` where none can."""
    # Imported here: it takes most of a second, and no other question needs it.
    from bidder.forecast.facts import event_days  # noqa: PLC0415
    from bidder.forecast.scorecard import keep_score  # noqa: PLC0415

    structure, windows = store.last_structure(account.id), day_windows(store, account.id)
    claims = store.memory(account, as_of=now).claims
    if structure is None or not windows or not len(claims):
        return None
    first, last = int(claims.day.min()), int(claims.day.max()) + JUDGED_DAYS
    days = DayRange(first=from_ordinal(first), last=from_ordinal(last))
    history = store.history(account, window_days=max(windows), days=days, as_of=now)
    return keep_score(
        claims,
        history.daily,
        {str(target.id): str(target.campaign_id) for target in structure.targets},
        unusable=np.union1d(history.excluded_days, event_days(policy.events)).astype(np.int32),
        interval=policy.evidence.interval,
    )
