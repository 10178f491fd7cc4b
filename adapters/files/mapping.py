"""Which column means what: the mapping between a stranger's headings and our roles, as it stands in the configuration.

`adapters.files.proposal` proposes one from the headings; a person may state one in TOML, whole or in part. Pure.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import Literal, TypeVar

from adapters.files.days import Order
from adapters.files.numbers import Mark
from bidder.errors import ConfigError


class Role(StrEnum):
    """What a column can mean."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    DAY_OF_MONTH = "day_of_month"
    YEAR = "year"
    START = "start"
    END = "end"
    HOUR = "hour"
    CAMPAIGN_ID = "campaign_id"
    CAMPAIGN = "campaign"
    AD_GROUP_ID = "ad_group_id"
    AD_GROUP = "ad_group"
    TARGET_ID = "target_id"
    TARGET = "target"
    MATCH_TYPE = "match_type"
    SEARCH_TERM = "search_term"
    PRODUCT = "product"
    PRODUCT_TITLE = "product_title"
    STATE = "state"
    CAMPAIGN_STATE = "campaign_state"
    AD_GROUP_STATE = "ad_group_state"
    BID = "bid"
    DEFAULT_BID = "default_bid"
    DAILY_BUDGET = "daily_budget"
    IMPRESSIONS = "impressions"
    CLICKS = "clicks"
    SPEND = "spend"
    ORDERS = "orders"
    UNITS = "units"
    REVENUE = "revenue"
    CARTS = "carts"
    FAVOURITES = "favourites"
    AVG_CPC = "avg_cpc"
    CTR = "ctr"
    CVR = "cvr"
    ROAS = "roas"
    ACOS = "acos"
    CURRENCY = "currency"
    ACCOUNT_ID = "account_id"
    ACCOUNT = "account"


METRICS = (
    Role.IMPRESSIONS,
    Role.CLICKS,
    Role.SPEND,
    Role.ORDERS,
    Role.UNITS,
    Role.REVENUE,
    Role.CARTS,
    Role.FAVOURITES,
)
"""Figures that add up over rows, in the order every tuple of values in this package keeps."""
MONEY = frozenset({Role.SPEND, Role.REVENUE, Role.AVG_CPC, Role.BID, Role.DEFAULT_BID, Role.DAILY_BUDGET})
RATIOS = (Role.AVG_CPC, Role.CTR, Role.CVR, Role.ROAS, Role.ACOS)
"""Figures that do not add up, read only where a missing metric follows from them."""
IDENTITY = (
    Role.CAMPAIGN_ID,
    Role.CAMPAIGN,
    Role.AD_GROUP_ID,
    Role.AD_GROUP,
    Role.TARGET_ID,
    Role.TARGET,
    Role.MATCH_TYPE,
    Role.SEARCH_TERM,
    Role.PRODUCT,
    Role.ACCOUNT_ID,
    Role.ACCOUNT,
)
TIMES = (Role.DAY, Role.WEEK, Role.MONTH, Role.DAY_OF_MONTH, Role.YEAR, Role.START, Role.END)
_SUMMED = frozenset({*METRICS, Role.TARGET, Role.TARGET_ID})

Blank = Literal["none", "refuse"]
_Choice = TypeVar("_Choice", bound=StrEnum)


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnMapping:
    """A mapping for the files whose names match.

    Attributes:
        files: Patterns of file names, such as ``*keyword*.csv``; the mapping holds for names that match any.
        columns: Role to headings. Metrics given by several headings are added up; a target given by several is
            their combination. Other roles take one.
        year: Year of days that state none.
        date_order: Order of day and month in dates of figures.
        decimal_mark: Decimal mark of all numbers.
        currency: Of all amounts, where the file does not say.
        window_days: Attribution window of orders and revenue, where the headings do not say.
        order_value: Value of one order, for files that have no revenue.
        blank: What an empty figure means in a row that has others: ``none`` of it, or ``refuse`` the row.
        scale: Units of the currency in one of the file's, such as 0.01 for amounts in cents.
    """

    files: tuple[str, ...] = ("*",)
    columns: Mapping[Role, tuple[str, ...]] = field(default_factory=dict)
    year: int | None = None
    date_order: Order | None = None
    decimal_mark: Mark | None = None
    currency: str = ""
    window_days: int | None = None
    order_value: Decimal | None = None
    blank: Blank | None = None
    scale: Decimal | None = None

    def __post_init__(self) -> None:
        for role, headings in self.columns.items():
            if not headings or (len(headings) > 1 and role not in _SUMMED):
                raise ConfigError(f"expected one heading, was {list(headings)}", key=f"columns.{role}")

    def fits(self, name: str) -> bool:
        """Tell whether the mapping holds for a file of this name."""
        return any(
            fnmatch.fnmatch(name, pattern) or fnmatch.fnmatch(name.rsplit("/", 1)[-1], pattern)
            for pattern in self.files
        )

    def heading(self, role: Role) -> str | None:
        """Return the first heading of a role, or ``None``."""
        headings = self.columns.get(role)
        return headings[0] if headings else None

    def merged(self, stated: ColumnMapping) -> ColumnMapping:
        """Return this proposal with whatever a person stated put in its place."""
        taken = {heading for headings in stated.columns.values() for heading in headings}
        kept = {role: headings for role, headings in self.columns.items() if not taken.intersection(headings)}
        return replace(
            self,
            files=stated.files,
            columns={**kept, **stated.columns},
            **{name: getattr(stated, name) for name in _SETTINGS if getattr(stated, name) not in (None, "")},
        )

    def to_toml(self) -> str:
        """Return the mapping as a TOML table that `read_mapping` accepts."""
        lines = ["[[mapping]]", f"files = [{', '.join(_quoted(f) for f in self.files)}]"]
        for name in _SETTINGS:
            value = getattr(self, name)
            if value in (None, ""):
                continue
            lines.append(f"{name} = {value if isinstance(value, int) else _quoted(str(value))}")
        lines.append("[mapping.columns]")
        for role, headings in self.columns.items():
            shown = _quoted(headings[0]) if len(headings) == 1 else f"[{', '.join(_quoted(h) for h in headings)}]"
            lines.append(f"{role} = {shown}")
        return "\n".join(lines) + "\n"


_SETTINGS = (
    "year",
    "date_order",
    "decimal_mark",
    "currency",
    "window_days",
    "order_value",
    "blank",
    "scale",
)


def _quoted(text: str) -> str:
    escaped = "".join({"\\": "\\\\", '"': '\\"'}.get(c, c) if c.isprintable() else f"\\U{ord(c):08x}" for c in text)
    return f'"{escaped}"'


def read_mapping(table: Mapping[str, object], *, source: str | None = None) -> ColumnMapping:
    """Build a mapping from a TOML table.

    Raises:
        ConfigError: A key is unknown or a value has the wrong form; the message names the key.
    """
    unknown = sorted(set(table) - {"files", "columns", *_SETTINGS})
    if unknown:
        raise ConfigError(
            f"is no key of a mapping; those are files, columns, {', '.join(_SETTINGS)}", source=source, key=unknown[0]
        )
    return ColumnMapping(
        files=_texts(table.get("files", "*"), "files", source),
        columns=_columns(table.get("columns", {}), source),
        year=_whole(table.get("year"), "year", source),
        date_order=_choice(table.get("date_order"), Order, "date_order", source),
        decimal_mark=_choice(table.get("decimal_mark"), Mark, "decimal_mark", source),
        currency=_texts(table.get("currency", ""), "currency", source)[0],
        window_days=_whole(table.get("window_days"), "window_days", source),
        order_value=_amount(table.get("order_value"), "order_value", source),
        blank=_blank(table.get("blank"), source),
        scale=_amount(table.get("scale"), "scale", source),
    )


def _columns(value: object, source: str | None) -> dict[Role, tuple[str, ...]]:
    if not isinstance(value, Mapping):
        raise ConfigError("expected a table of role = heading", source=source, key="columns")
    columns = {}
    for name, headings in value.items():
        if name not in set(Role):
            raise ConfigError(f"is no role; the roles are {', '.join(Role)}", source=source, key=f"columns.{name}")
        columns[Role(name)] = _texts(headings, f"columns.{name}", source)
    return columns


def _texts(value: object, key: str, source: str | None) -> tuple[str, ...]:
    if isinstance(value, str):
        return (value,)
    if isinstance(value, Sequence) and value and all(isinstance(item, str) for item in value):
        return tuple(str(item) for item in value)
    raise ConfigError(f"expected a text or a list of texts, was {value!r}", source=source, key=key)


def _whole(value: object, key: str, source: str | None) -> int | None:
    if value is None or (isinstance(value, int) and not isinstance(value, bool)):
        return value
    raise ConfigError(f"expected a whole number, was {value!r}", source=source, key=key)


def _amount(value: object, key: str, source: str | None) -> Decimal | None:
    if value is None:
        return None
    try:
        amount = Decimal(str(value))
    except InvalidOperation:
        amount = Decimal(0)
    if not amount.is_finite() or amount <= 0:
        raise ConfigError(f"expected a positive number, was {value!r}", source=source, key=key)
    return amount


def _choice(value: object, kind: type[_Choice], key: str, source: str | None) -> _Choice | None:
    if value is None:
        return None
    if isinstance(value, str) and value in set(kind):
        return kind(value)
    raise ConfigError(f"expected one of {', '.join(kind)}, was {value!r}", source=source, key=key)


def _blank(value: object, source: str | None) -> Blank | None:
    match value:
        case None:
            return None
        case "none":
            return "none"
        case "refuse":
            return "refuse"
        case _:
            raise ConfigError(f'expected "none" or "refuse", was {value!r}', source=source, key="blank")
