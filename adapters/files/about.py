"""What a table is about as a whole: how finely it divides, which currency, window and account, a snapshot or a history.

Called by `adapters.files.reading`; pure.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from adapters.files.facts import Detail, Fact
from adapters.files.formats import Manners
from adapters.files.mapping import ColumnMapping, Role
from adapters.files.naming import clean_name
from adapters.files.numbers import CURRENCIES, is_missing
from adapters.files.options import FilesOptions
from adapters.files.refusals import Refusal
from adapters.files.tables import Table, as_text
from bidder.core.calendar import DayRange

_SNAPSHOT_ENTITIES = 20


class About:
    """Reads what holds for all rows of a table.

    Args:
        table: The table.
        columns: Roles to column indices.
        rows: Indices of the rows of data.
    """

    def __init__(self, table: Table, columns: Mapping[Role, Sequence[int]], rows: Sequence[int]) -> None:
        self._table, self._columns, self._rows = table, columns, rows
        self.refusals: list[Refusal] = []

    def detail(self) -> Detail:
        """Return how finely the rows divide the account."""
        has = self._columns.keys()
        if Role.SEARCH_TERM in has:
            return Detail.SEARCH_TERM
        if Role.TARGET in has or Role.TARGET_ID in has:
            return Detail.TARGET
        if Role.PRODUCT in has:
            return Detail.PRODUCT
        return Detail.AD_GROUP if has & {Role.AD_GROUP, Role.AD_GROUP_ID} else Detail.CAMPAIGN

    def currency(self, signs: set[str]) -> tuple[str, str]:
        """Return the currency the table states, and a sign beside amounts that several currencies share.

        Args:
            signs: Signs and codes seen beside the figures.
        """
        stated = {
            as_text(self._table.rows[at].cells[i]).upper()
            for i in self._columns.get(Role.CURRENCY, ())
            for at in self._rows
            if not is_missing(self._table.rows[at].cells[i])
        }
        shared = sorted(sign for sign in signs if sign in CURRENCIES)
        codes = signs - set(shared)
        everything = sorted(stated | codes)
        if len(everything) > 1:
            self.refusals.append(
                Refusal(
                    file=self._table.name,
                    problem=f"holds amounts of several currencies: {', '.join(everything)}",
                    remedy="Export one account, in its own currency, at a time",
                )
            )
        return everything[0] if everything else "", shared[0] if shared else ""

    def window(
        self, mapping: ColumnMapping, options: FilesOptions, manners: Manners, present: frozenset[Role]
    ) -> tuple[int, str]:
        """Return the attribution window of orders and revenue, and what was assumed to get there."""
        stated = mapping.window_days or options.window_days
        if stated:
            return stated, ""
        counts = present & {Role.ORDERS, Role.REVENUE}
        return manners.window_days, f"the attribution window is not stated: {manners.window_said}" if counts else ""

    def accounts(self) -> frozenset[str]:
        """Return the accounts the rows name, as ``id:...`` or, where there are no ids, ``name:...``."""
        for role, kind in ((Role.ACCOUNT_ID, "id"), (Role.ACCOUNT, "name")):
            for i in self._columns.get(role, ()):
                names = {clean_name(self._table.rows[at].cells[i]) for at in self._rows}
                return frozenset(f"{kind}:{name}" for name in names if name)
        return frozenset()


def written_in_chinese(headings: Sequence[str]) -> bool:
    """Tell whether most headings are Chinese, and none is Japanese."""
    text = "".join(headings)
    kana = any("\u3040" <= c <= "\u30ff" for c in text)
    chinese = sum(any("\u4e00" <= c <= "\u9fff" for c in heading) for heading in headings)
    return not kana and chinese * 2 > len(headings)


def as_snapshot(facts: Sequence[Fact]) -> tuple[Sequence[Fact], str]:
    """Spread a table in which every entity stands once, on days that differ, over its whole span.

    Returns:
        The facts, and a sentence; an empty one where the table is a history and nothing was changed.
    """
    spans = {fact.days for fact in facts if fact.days is not None}
    names = {fact.names for fact in facts}
    history = len(names) < max(_SNAPSHOT_ENTITIES, len(facts)) or len(spans) <= 1
    if history or any(fact.days is None or len(fact.days) > 1 for fact in facts):
        return facts, ""
    span = DayRange(first=min(d.first for d in spans), last=max(d.last for d in spans))
    said = (
        f"each of the {len(names)} entities stands in one row only: the rows are read as totals of {span.first} to "
        f"{span.last}, not as a history by day"
    )
    return [replace(fact, days=span) for fact in facts], said
