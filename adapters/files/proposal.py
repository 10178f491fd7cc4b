"""Propose which column means what, from the headings and what the cells look like, and say what was assumed.

Headings decide first, the cells may veto; every choice that a person could have made otherwise is a sentence. Called
by `adapters.files.reading`; pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from adapters.files.choice import Choice, Column
from adapters.files.days import Cell
from adapters.files.dimensions import name_entities
from adapters.files.headings import understand
from adapters.files.mapping import METRICS, RATIOS, ColumnMapping, Role
from adapters.files.profiles import profile
from adapters.files.vocabulary import EXACT, LOOSE, LOOSE_IDS, PARTS

_EXACT_SCORE = 100.0
_LOOSE_SCORE = 50.0
_ID_SCORE = 60.0
_LEAST_NUMERIC = 0.5
_LEAST_DAYS = 0.6
_SURE_DAYS = 0.95
_PREFERRED_WINDOWS = (7, 14, 15, 30)
_YEAR_DIGITS = 4
_SURELY_DAYS = frozenset({"date", "report date", "reporting date", "日期", "datum", "fecha", "日付", "날짜", "дата"})
"""Headings that mean a day even where no cell can be read as one: the cells are refused, the day is not dropped."""
_FIGURES = frozenset({*METRICS, *RATIOS, Role.BID, Role.DEFAULT_BID, Role.DAILY_BUDGET})
_WINDOWED = (Role.ORDERS, Role.REVENUE, Role.UNITS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """A mapping and what it rests on.

    Attributes:
        mapping: Headings by role.
        sentences: What was assumed, for people.
        unused: Headings that nothing is read from.
        segments: Headings of columns that split the same entities further; their rows are added up.
        report: Whether it looks like a report on advertising at all.
    """

    mapping: ColumnMapping
    sentences: tuple[str, ...] = ()
    unused: tuple[str, ...] = ()
    segments: tuple[str, ...] = ()
    report: bool = True


def propose_mapping(
    headings: Sequence[str],
    sample: Sequence[Sequence[Cell]],
    *,
    stated: ColumnMapping | None = None,
    console: bool = False,
    window_days: int | None = None,
) -> Proposal:
    """Propose the roles of all columns.

    Args:
        headings: As they stand in the file.
        sample: Rows of cells, one for each heading; more rows make surer proposals.
        stated: What a person said; taken as it is.
        console: The file is a console's own report: columns it adds split entities, they do not name new ones.
        window_days: Attribution window preferred where the file offers several.
    """
    columns = [
        Column(index=i, heading=understand(text), profile=profile([row[i] for row in sample]), trusted=console)
        for i, text in enumerate(headings)
    ]
    choice = Choice(columns=columns)
    _take_stated(choice, stated)
    window = _choose_window(choice, window_days)
    _take_known(choice, window)
    _take_parts(choice)
    _take_only_cost(choice)
    _settle_time(choice)
    name_entities(choice, sample, console=console)
    _tell_rivals(choice)
    mapping = ColumnMapping(
        columns={
            role: tuple(headings[i] for i in choice.taken[role])
            for role in Role
            if choice.taken.get(role) and all(headings[i] for i in choice.taken[role])
        },
        window_days=window,
        currency=_currency(choice),
    )
    return Proposal(
        mapping=mapping if stated is None else replace(mapping.merged(stated), files=stated.files),
        sentences=tuple(choice.sentences),
        unused=tuple(headings[c.index] for c in choice.free() if headings[c.index]),
        segments=tuple(headings[i] for i in choice.segments),
        report=_is_report(choice),
    )


def _take_stated(choice: Choice, stated: ColumnMapping | None) -> None:
    if stated is None:
        return
    for role, wanted in stated.columns.items():
        keys = {text.strip().casefold() for text in wanted}
        found = [c.index for c in choice.columns if c.heading.text.strip().casefold() in keys]
        if found:
            choice.taken[role] = found


def candidates(column: Column) -> list[tuple[float, Role]]:
    """Return the roles a heading suggests and the cells allow, best first."""
    heading = column.heading
    scored = [(_EXACT_SCORE - min(rank, 60) / 2, role) for role, rank in EXACT.get(heading.key, ())]
    words = heading.key.split()
    if not scored and words and words[-1] in {"id", "number", "no", "key"}:
        scored = [
            (_ID_SCORE if words[-1] == "id" else _LOOSE_SCORE, role)
            for role, near in LOOSE_IDS.items()
            if heading.words & near
        ][:1]
    elif not scored and not heading.ratio:
        scored = [
            (_LOOSE_SCORE - len(words), role)
            for role, any_of, none_of in LOOSE
            if heading.words & any_of and not heading.words & none_of
        ]
    return sorted(
        (pair for pair in scored if _allowed(pair[1], column, exact=pair[0] > _ID_SCORE)), key=lambda p: -p[0]
    )


def _allowed(role: Role, column: Column, *, exact: bool) -> bool:
    """Let the cells veto a role; under an exact heading one readable part is enough, the rest is refused."""
    seen = column.profile
    if not seen.filled:
        return exact and column.trusted and role in METRICS
    if role in _FIGURES:
        return seen.numeric >= (0.0 if exact and seen.numeric else _LEAST_NUMERIC)
    if role in (Role.DAY, Role.START, Role.END, Role.WEEK):
        return seen.days >= (0.0 if exact and seen.days else _LEAST_DAYS) or (role is Role.DAY and seen.day_numbers)
    if role in (Role.STATE, Role.CAMPAIGN_STATE, Role.AD_GROUP_STATE, Role.MATCH_TYPE, Role.TARGET, Role.CAMPAIGN):
        return seen.whole == seen.numeric
    return {
        Role.MONTH: seen.months or seen.days >= _LEAST_DAYS,
        Role.YEAR: seen.whole == 1 and seen.first.isdigit() and len(seen.first) == _YEAR_DIGITS,
        Role.CURRENCY: seen.currencies,
    }.get(role, True)


def _choose_window(choice: Choice, preferred: int | None) -> int | None:
    """Return the attribution window to read, where headings name any."""
    offered = {
        column.heading.window_days
        for column in choice.columns
        if column.heading.window_days and any(role in _WINDOWED for _, role in candidates(column))
    }
    if not offered:
        return None
    for window in (preferred, *_PREFERRED_WINDOWS, max(offered)):
        if window in offered:
            if len(offered) > 1:
                listed = ", ".join(str(w) for w in sorted(offered))
                choice.sentences.append(
                    f"orders and sales come in windows of {listed} days; {window} days after the click are counted"
                )
            return window
    return None


def _take_known(choice: Choice, window: int | None) -> None:
    """Give roles to columns, the surest first; one column a role."""
    scored = [
        (score, column, role)
        for column in choice.columns
        for score, role in candidates(column)
        if not (column.heading.window_days and role in _WINDOWED and column.heading.window_days != window)
    ]
    scored.sort(key=lambda item: (-item[0], item[1].profile.distinct if item[2] in _KEYS else 0, item[1].index))
    used = {index for indices in choice.taken.values() for index in indices}
    for _, column, role in scored:
        if column.index not in used and role not in choice.taken:
            choice.taken[role] = [column.index]
            used.add(column.index)


_COST_WORDS = frozenset({"cost", "costs", "spend", "expense", "fee", "fees", "花费", "费用"})
_UNIT_WORDS = frozenset(
    word
    for words in (
        "per avg average cpc cpm cpa unit rate share acos",
        "shipping goods product item return delivery landed",
    )
    for word in (*words.split(), "cogs", "refund")
)
_KEYS = frozenset({Role.CAMPAIGN_ID, Role.AD_GROUP_ID})


def _take_parts(choice: Choice) -> None:
    by_key = {column.heading.key: column for column in choice.free()}
    for role, alternatives in PARTS.items():
        for parts in alternatives:
            if role not in choice.taken and all(part in by_key for part in parts):
                choice.taken[role] = [by_key[part].index for part in parts]
                choice.sentences.append(f"{role} is the sum of {' and '.join(parts)}")


def _take_only_cost(choice: Choice) -> None:
    """Read the only column of costs as the spend, where nothing names the spend itself."""
    if Role.SPEND in choice.taken or Role.CLICKS not in choice.taken:
        return
    costs = [
        c
        for c in choice.free()
        if c.heading.words & _COST_WORDS
        and not c.heading.ratio
        and not c.heading.percent
        and _allowed(Role.SPEND, c, exact=False)
    ]
    if len(costs) == 1 and not costs[0].heading.words & _UNIT_WORDS:
        choice.taken[Role.SPEND] = [costs[0].index]
        choice.sentences.append(f"{costs[0].heading.text} is read as the spend: no other column names one")


def _settle_time(choice: Choice) -> None:
    """Tell days from days of a month, put month and day together, and find a day column by its cells."""
    day, month = choice.column(Role.DAY), choice.column(Role.MONTH)
    if day and day.profile.day_numbers and not day.profile.days >= _SURE_DAYS:
        del choice.taken[Role.DAY]
        if month and month.profile.months:
            choice.taken[Role.DAY_OF_MONTH] = [day.index]
            choice.sentences.append(f"the day is put together from {month.heading.text} and {day.heading.text}")
    needless = Role.DAY in choice.taken or (month is not None and month.profile.days < _LEAST_DAYS)
    if Role.MONTH in choice.taken and Role.DAY_OF_MONTH not in choice.taken and needless:
        del choice.taken[Role.MONTH]
    if Role.START in choice.taken and Role.END not in choice.taken and Role.DAY not in choice.taken:
        choice.taken[Role.DAY] = choice.taken.pop(Role.START)
    if Role.DAY in choice.taken:
        for role in (Role.WEEK, Role.START, Role.END):
            choice.taken.pop(role, None)
    if not any(role in choice.taken for role in (Role.DAY, Role.WEEK, Role.MONTH, Role.START)):
        _day_by_cells(choice)


def _day_by_cells(choice: Choice) -> None:
    for column in choice.free():
        seen = column.profile
        plain = seen.first.isdigit() and len(seen.first) != 8  # noqa: PLR2004
        if seen.days >= _SURE_DAYS and not plain and seen.numeric < _SURE_DAYS:
            choice.taken[Role.DAY] = [column.index]
            choice.sentences.append(f"{column.heading.text or 'a column without heading'} is read as the day")
            return
    named = [c.index for c in choice.free() if c.heading.key in _SURELY_DAYS]
    if named:
        choice.taken[Role.DAY] = named[:1]


def _tell_rivals(choice: Choice) -> None:
    """Name the columns that could have been read instead, where that is money or orders."""
    for role in (Role.SPEND, Role.REVENUE, Role.ORDERS):
        chosen = choice.column(role)
        if chosen is None:
            continue
        rivals = [
            c.heading.text
            for c in choice.free()
            if any(r is role for _, r in candidates(c)) and c.heading.window_days is None
        ]
        if rivals:
            choice.sentences.append(f"{role} is read from {chosen.heading.text}, not from {', '.join(rivals)}")


def _currency(choice: Choice) -> str:
    for role in (Role.SPEND, Role.REVENUE, Role.AVG_CPC):
        column = choice.column(role)
        if column and column.heading.currency:
            return column.heading.currency
    return ""


def _is_report(choice: Choice) -> bool:
    """Tell a report on advertising from another table: it has spend, or clicks with their price."""
    spend = Role.SPEND in choice.taken or {Role.CLICKS, Role.AVG_CPC} <= choice.taken.keys()
    result = any(r in choice.taken for r in (Role.CLICKS, Role.IMPRESSIONS, Role.REVENUE, Role.ORDERS))
    return spend and result
