"""Read what rows say entities are set to: states, bids and budgets beside the figures.

Called by `adapters.files.reading`; the bulk sheet has its own reader.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal

from adapters.files.columns import NumberColumn
from adapters.files.facts import Names, Setting
from adapters.files.formats import read_state
from adapters.files.mapping import Role
from adapters.files.refusals import Refusal
from adapters.files.tables import Table, as_text

_STATES = (Role.STATE, Role.CAMPAIGN_STATE, Role.AD_GROUP_STATE)
_AMOUNTS = (Role.BID, Role.DEFAULT_BID, Role.DAILY_BUDGET)
_NAMED = (Role.TARGET, Role.TARGET_ID, Role.SEARCH_TERM)


def read_settings(
    table: Table,
    columns: Mapping[Role, Sequence[int]],
    rows: Sequence[tuple[int, Names, date | None]],
    amounts: Callable[[Role, Sequence[int]], NumberColumn],
    refusals: list[Refusal],
) -> Iterator[Setting]:
    """Yield one setting a row, where the table has any column of states, bids or budgets.

    Args:
        table: The table.
        columns: Roles to column indices.
        rows: Index, names and last day of each row of data.
        amounts: Reads a column of amounts for the given row indices.
        refusals: Takes cells that cannot be read.
    """
    have = [role for role in (*_STATES, *_AMOUNTS) if role in columns]
    if not have or not rows:
        return
    indices = [at for at, _, _ in rows]
    money = {role: _amounts(table, columns, role, indices, amounts, refusals) for role in _AMOUNTS if role in columns}
    for position, (at, names, day) in enumerate(rows):
        states = {role: _state(table, columns, role, at) for role in _STATES}
        own, campaign, group = (states[role] for role in _STATES)
        bid = money.get(Role.BID, {}).get(position)
        default_bid = money.get(Role.DEFAULT_BID, {}).get(position)
        if not any(role in columns for role in _NAMED):
            # The table goes no further than its ad groups or campaigns: its state and bid are theirs.
            own, campaign, group, default_bid, bid = _coarse(columns, own, campaign, group, default_bid or bid)
        yield Setting(
            names=names,
            day=day,
            campaign_state=campaign,
            ad_group_state=group,
            state=own,
            bid=bid,
            default_bid=default_bid,
            daily_budget=money.get(Role.DAILY_BUDGET, {}).get(position),
        )


def _coarse(
    columns: Mapping[Role, Sequence[int]], own: str | None, campaign: str | None, group: str | None, bid: Decimal | None
) -> tuple[str | None, str | None, str | None, Decimal | None, None]:
    if Role.AD_GROUP in columns or Role.AD_GROUP_ID in columns:
        return None, campaign, group or own, bid, None
    return None, campaign or own, group, bid, None


def _state(table: Table, columns: Mapping[Role, Sequence[int]], role: Role, at: int) -> str | None:
    index = columns.get(role)
    return read_state(as_text(table.rows[at].cells[index[0]])) if index else None


def _amounts(
    table: Table,
    columns: Mapping[Role, Sequence[int]],
    role: Role,
    indices: Sequence[int],
    amounts: Callable[[Role, Sequence[int]], NumberColumn],
    refusals: list[Refusal],
) -> dict[int, Decimal]:
    """Return amounts by position; a word such as "auto" in a bid column is no amount and is passed over."""
    column = amounts(role, indices)
    heading = table.headings[columns[role][0]]
    for position, (cell, problem, remedy) in column.problems.items():
        if not cell.strip()[:1].isalpha():
            refusals.append(
                Refusal(
                    file=table.name,
                    row=table.rows[indices[position]].number,
                    column=heading,
                    cell=cell,
                    problem=problem,
                    remedy=remedy,
                )
            )
    return {i: value for i, value in enumerate(column.values) if value is not None}
