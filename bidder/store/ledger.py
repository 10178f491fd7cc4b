"""The reservation ledger: money is reserved before a write leaves, in one transaction, under the account's cap.

The sum over all budgets of what each may cost at worst never exceeds the cap by our doing: a decrease frees its money
only once it is confirmed, an open question counts at the dearer of both values, a campaign without a limit counts as
unlimited unless it is surely off, campaigns that share a budget count once. Changes that add nothing, whichever of the
values in doubt is true, always pass; one that only stays under a worst case that may not be true does not.
Source: the funding rule of docs/explanation/architecture.md; measured against leases in docs/reliability.md.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, bindparam, insert, select, update

from bidder.core.change import Field, Intent, PastChange, Value
from bidder.core.entities import Campaign, EntityKind, EntityRef, State, Structure
from bidder.core.funding import UNLIMITED
from bidder.core.money import Money
from bidder.store.encoding import some_value, value_text
from models import BudgetLineRow, ReservationRow
from models.tables import table_of

_LINES = table_of(BudgetLineRow)
_CLAIMS = table_of(ReservationRow)

DOUBT = timedelta(days=2)
"""How long a read that contradicts our own confirmed write may be lag rather than news."""

_OFF = frozenset({State.PAUSED.value, State.ARCHIVED.value})


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """What one campaign may be set to right now, as far as anybody can know.

    Attributes:
        lever: Its budget: campaigns that share one name the same.
        budgets: Daily budgets in micros that may stand, `UNLIMITED` where there is none.
        states: States that may stand.
    """

    lever: str
    budgets: frozenset[int]
    states: frozenset[str]

    @property
    def on(self) -> bool:
        """Whether it may be delivering."""
        return not self.states <= _OFF

    @property
    def surely_on(self) -> bool:
        """Whether it delivers, whichever of its states is true."""
        return self.states.isdisjoint(_OFF)


def worst_case(lines: Iterable[Line]) -> dict[str, int]:
    """Return what each lever may cost a day at most."""
    dearest: dict[str, int] = {}
    running: set[str] = set()
    for line in lines:
        dearest[line.lever] = max(dearest.get(line.lever, 0), *line.budgets)
        if line.on:
            running.add(line.lever)
    return {lever: micros for lever, micros in dearest.items() if lever in running}


def touches_money(ref: EntityRef, field: Field) -> bool:
    """Tell whether a change moves what the budgets may add up to."""
    return ref.kind is EntityKind.CAMPAIGN and field in (Field.DAILY_BUDGET, Field.STATE)


def refusal(lines: Mapping[str, Line], campaign: str, new: Value, cap: Money) -> tuple[str | None, Mapping[str, Line]]:
    """Judge one change beside all that may stand already.

    Returns:
        ``None`` and the lines with the change among what may stand, or why not and the lines as they were.
    """
    line = lines.get(campaign)
    if line is None:
        return f"campaign {campaign} was not seen in the account's structure: no headroom is certain", lines
    match new:
        case Money():
            claimed = replace(line, budgets=line.budgets | {new.micros})
        case State():
            claimed = replace(line, states=line.states | {new.value})
        case _:
            return None, lines
    after = {**lines, campaign: claimed}
    if _adds_nothing(lines.values(), line, new):
        return None, after
    if sum(worst_case(after.values()).values()) <= cap.micros:
        return None, after
    used = sum(worst_case(lines.values()).values())
    if used >= UNLIMITED:
        return f"a campaign without a daily limit runs: no headroom of the cap of {cap} is certain", lines
    free = Money(max(cap.micros - used, 0), cap.currency)
    return f"an increase may use only headroom that is certain: {free} of {cap} is free", lines


def _adds_nothing(lines: Iterable[Line], line: Line, new: Money | State) -> bool:
    """Tell whether a change costs nothing more whichever of the values that may stand is true.

    To compare worst cases would not do: one that is in doubt may be far above the truth, and a change that stays under
    it may still be what lifts the truth over the cap.
    """
    lever = [other for other in lines if other.lever == line.lever]
    if isinstance(new, Money):
        return new.micros <= min(min(other.budgets) for other in lever) or not any(other.on for other in lever)
    return new.value in _OFF or any(other.surely_on for other in lever)


class Ledger:
    """The budgets of one account.

    Args:
        account: Its number in the database.
        currency: Of all its money.
    """

    def __init__(self, account: int, currency: str) -> None:
        self._account = account
        self._currency = currency

    def reserve(
        self, connection: Connection, intents: Sequence[Intent], *, cap_micros: int, now: datetime
    ) -> list[str | None]:
        """Reserve the money of intents in their order, in the caller's transaction; say why where it is refused."""
        claiming = [touches_money(intent.change.ref, intent.change.field) for intent in intents]
        if not any(claiming):
            return [None] * len(intents)
        lines: Mapping[str, Line] = self.lines(connection, now=now)
        cap = Money(cap_micros, self._currency)
        answers: list[str | None] = []
        rows = []
        for intent, claims in zip(intents, claiming, strict=True):
            why = None
            if claims:
                change = intent.change
                why, lines = refusal(lines, change.ref.id, change.new, cap)
                if why is None:
                    rows.append(
                        {"intent_id": intent.id, "account_id": self._account, "campaign_id": change.ref.id,
                         "field": change.field.value, "new": value_text(change.new), "cap_micros": cap_micros,
                         "reserved_at": now}
                    )  # fmt: skip
            answers.append(why)
        if rows:
            connection.execute(insert(_CLAIMS), rows)
        return answers

    def lines(self, connection: Connection, *, now: datetime) -> dict[str, Line]:
        """Return, by campaign, what may stand right now: read, written and reserved."""
        claims: dict[str, list[Value]] = {}
        standing = select(_CLAIMS).where(_CLAIMS.c.account_id == self._account, _CLAIMS.c.released_at.is_(None))
        for row in connection.execute(standing):
            claims.setdefault(row.campaign_id, []).append(some_value(row.new))
        rows = connection.execute(select(_LINES).where(_LINES.c.account_id == self._account))
        return {row.campaign_id: _line(row, claims.get(row.campaign_id, ()), now) for row in rows}

    def release(self, connection: Connection, intents: Iterable[Intent], *, now: datetime) -> None:
        """Free what was reserved for intents whose outcome is certain now."""
        rows = [{"of_intent": i.id} for i in intents if touches_money(i.change.ref, i.change.field)]
        if rows:
            freed = update(_CLAIMS).where(_CLAIMS.c.intent_id == bindparam("of_intent"))
            connection.execute(freed.values(released_at=now), rows)

    def confirm(self, connection: Connection, ref: EntityRef, field: Field, value: Value, *, now: datetime) -> None:
        """Note a value that the venue confirmed to be ours: it stands, and reads that contradict it may lag."""
        if touches_money(ref, field):
            self._set(connection, ref, _columns(field, value) | _columns(field, value, written_at=now))

    def observe(self, connection: Connection, ref: EntityRef, field: Field, value: Value, *, foreign: bool) -> None:
        """Note a value that was read back; one of somebody else's ends the doubt about ours."""
        if touches_money(ref, field):
            columns = _columns(field, value)
            if foreign:
                columns |= {"budget_written_at": None} if field is Field.DAILY_BUDGET else {"state_written_at": None}
            self._set(connection, ref, columns)

    def follow(
        self, connection: Connection, structure: Structure, foreign: Sequence[PastChange], *, now: datetime
    ) -> None:
        """Bring the lines up to what was read, in the caller's transaction; vanished campaigns count on for a while."""
        known = {
            r.campaign_id: r for r in connection.execute(select(_LINES).where(_LINES.c.account_id == self._account))
        }
        edited = {(edit.ref.id, edit.field) for edit in foreign if edit.ref.kind is EntityKind.CAMPAIGN}
        for campaign in structure.campaigns:
            columns = _read(campaign)
            old = known.pop(campaign.id, None)
            if old is None:
                row = {"account_id": self._account, "campaign_id": campaign.id, **columns}
                connection.execute(insert(_LINES).values(row))
                continue
            if (campaign.id, Field.DAILY_BUDGET) in edited:
                columns["budget_written_at"] = None
            if (campaign.id, Field.STATE) in edited:
                columns["state_written_at"] = None
            if any(getattr(old, name) != value for name, value in columns.items()):
                self._set(connection, EntityRef(EntityKind.CAMPAIGN, campaign.id), columns)
        for identity, old in known.items():
            if old.missing_since is None:
                self._set(connection, EntityRef(EntityKind.CAMPAIGN, identity), {"missing_since": now})
            elif now - old.missing_since > DOUBT:
                gone = (_LINES.c.account_id == self._account) & (_LINES.c.campaign_id == identity)
                connection.execute(_LINES.delete().where(gone))

    def _set(self, connection: Connection, ref: EntityRef, columns: Mapping[str, Any]) -> None:
        line = (_LINES.c.account_id == self._account) & (_LINES.c.campaign_id == ref.id)
        connection.execute(update(_LINES).where(line).values(**columns))


def _read(campaign: Campaign) -> dict[str, Any]:
    return {
        "shared_budget_id": campaign.shared_budget_id,
        "budget_micros": None if campaign.daily_budget is None else campaign.daily_budget.micros,
        "state": campaign.state.value,
        "missing_since": None,
    }


def _columns(field: Field, value: Value, *, written_at: datetime | None = None) -> dict[str, Any]:
    """Return the columns of a value as read, or as written at an instant."""
    amount = value.micros if isinstance(value, Money) else value.value if isinstance(value, State) else None
    name, when = (
        ("budget_micros", "budget_written_at") if field is Field.DAILY_BUDGET else ("state", "state_written_at")
    )
    return {name: amount} if written_at is None else {f"written_{name}": amount, when: written_at}


def _line(row: Row[Any], claims: Iterable[Value], now: datetime) -> Line:
    budgets = {UNLIMITED if row.budget_micros is None else row.budget_micros}
    states = {row.state}
    if row.budget_written_at is not None and now - row.budget_written_at <= DOUBT:
        budgets.add(row.written_budget_micros)
    if row.state_written_at is not None and now - row.state_written_at <= DOUBT:
        states.add(row.written_state)
    for value in claims:
        if isinstance(value, Money):
            budgets.add(value.micros)
        elif isinstance(value, State):
            states.add(value.value)
    lever = f"shared:{row.shared_budget_id}" if row.shared_budget_id is not None else f"campaign:{row.campaign_id}"
    return Line(lever=lever, budgets=frozenset(budgets), states=frozenset(states))
