"""The shape of the configuration file: frozen pydantic models, unknown keys forbidden.

The text under each field is its documentation: the sample file, ``config explain`` and the reference page are made of
it. Units stand in the names. Decision rules are not declared here: they are `bidder.core.policy`, used as it is.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Annotated, Literal
from zoneinfo import available_timezones

from annotated_types import Interval, Len
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, JsonValue, WithJsonSchema
from pydantic_core import PydanticCustomError

from bidder.core.calendar import zone
from bidder.core.money import Money
from bidder.core.policy import (
    EvidencePolicy,
    GoalPolicy,
    LifecyclePolicy,
    LimitPolicy,
    PerturbationPolicy,
    ProtectPolicy,
    SaleEvent,
)
from bidder.settings.faults import nearest

_AMOUNT = re.compile(r"\d{1,12}(\.\d{1,6})?")
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,47}")
_REFERENCE = re.compile(r"(credential|file|env):([^\s].*)")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class Section(BaseModel):
    """Base of every table of the file."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        strict=True,
        use_attribute_docstrings=True,
        hide_input_in_errors=True,
        allow_inf_nan=False,
    )


def _amount(value: object) -> object:
    if not isinstance(value, str):
        raise PydanticCustomError("amount", 'write the amount as quoted text, such as "1500.00"')
    if not _AMOUNT.fullmatch(value):
        raise PydanticCustomError(
            "amount", 'should be an amount of units such as "1500.00": digits, a point, at most six decimals, no sign'
        )
    return value


def _positive_amount(value: object) -> object:
    amount = _amount(value)
    if isinstance(amount, str) and not Decimal(amount):
        raise PydanticCustomError("amount", 'should be more than nothing, such as "1500.00"')
    return amount


def _currency(value: str) -> str:
    try:
        Money.zero(value)
    except ValueError:
        raise PydanticCustomError("currency", "should be an ISO 4217 code of three capitals, such as CNY") from None
    return value


def _time_zone(value: str) -> str:
    try:
        zone(value)
    except ValueError:
        hint = nearest(value, available_timezones())
        hint = hint if hint.startswith("did") else "such as Asia/Shanghai"
        raise PydanticCustomError("time_zone", "should be an IANA time zone; {hint}", {"hint": hint}) from None
    return value


def _account_name(value: str) -> str:
    if not _NAME.fullmatch(value):
        raise PydanticCustomError(
            "account_name", "an account's name is 1 to 48 small letters, digits, _ or -; write the shop's name as owner"
        )
    return value


def _reference(value: str) -> str:
    found = _REFERENCE.fullmatch(value)
    if found is None or (found[1] != "file" and not re.fullmatch(r"[\w.-]+", found[2])):
        raise PydanticCustomError(
            "secret",
            "should say where the secret is: credential:NAME, file:/path or env:NAME; never the secret itself "
            "(what stands there is not shown)",
        )
    if found[1] == "env" and not _VARIABLE.fullmatch(found[2]):
        raise PydanticCustomError("secret", "env: should be followed by the name of an environment variable")
    return value


def _references(value: object) -> object:
    """Accept one place or a list of places."""
    if isinstance(value, str):
        return (value,)
    if isinstance(value, list) and value and all(isinstance(item, str) for item in value):
        return tuple(value)
    raise PydanticCustomError("secret", "should be text such as credential:NAME, or a list of such texts")


def _host(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9.:-]*[A-Za-z0-9])?", value):
        raise PydanticCustomError("host", "should be a host name, such as mail.example.org")
    return value


def _address(value: str) -> str:
    if not re.fullmatch(r"[^@\s<>,;]+@[^@\s<>,;]+", value):
        raise PydanticCustomError("address", "should be one mail address, such as ops@example.org")
    return value


Amount = Annotated[str, BeforeValidator(_amount), Field(examples=["1500.00"])]
PositiveAmount = Annotated[str, BeforeValidator(_positive_amount), Field(examples=["1500.00"])]
Currency = Annotated[str, AfterValidator(_currency)]
TimeZone = Annotated[str, AfterValidator(_time_zone)]
AccountName = Annotated[str, AfterValidator(_account_name)]
Reference = Annotated[str, AfterValidator(_reference)]
References = Annotated[
    tuple[Reference, ...],
    BeforeValidator(_references),
    WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}),
]
Text = Annotated[str, Len(1, 500)]


class PolicySection(Section):
    """Rules that decisions follow. `[accounts.NAME.policy]` overrides single keys of it for one account."""

    goal: GoalPolicy = Field(default_factory=GoalPolicy)
    """Which return is wanted, and below which no money is spent."""
    limits: LimitPolicy = Field(default_factory=LimitPolicy)
    """How far and how fast things may move."""
    evidence: EvidencePolicy = Field(default_factory=EvidencePolicy)
    """How much must be known before something is decided."""
    lifecycle: LifecyclePolicy = Field(default_factory=LifecyclePolicy)
    """When a product is a top seller, slow or new."""
    protect: ProtectPolicy = Field(default_factory=ProtectPolicy)
    """What must be handled with care."""
    perturbation: PerturbationPolicy = Field(default_factory=PerturbationPolicy)
    """Test moves: bids drawn by lot, to learn how clicks answer to bids. Off unless enabled."""
    seed: Annotated[int, Interval(ge=0, le=2**31 - 1)] = 0
    """Seed of everything random in a decision: the same seed gives the same decisions."""


class CalendarSection(Section):
    """Sale events: days around them are not judged like normal days. `[accounts.NAME.calendar]` replaces it."""

    built_in: tuple[str, ...] | None = None
    """Built-in events to use, by name (`bidder config explain calendar.built_in` lists them); absent: those usual
    for the account's currency; `[]`: none."""
    events: tuple[SaleEvent, ...] = ()
    """Your own events: tables `[[calendar.events]]` with name, first, last, preheat_days and aftermath_days."""


class AccountSection(Section):
    """One advertiser account at one marketplace."""

    adapter: Text
    """Name of the installed adapter that speaks to the marketplace: `bidder adapters` lists them."""
    remote_id: Text
    """The marketplace's own id of the account or profile."""
    owner: Text | None = None
    """Whose shop it is; the account's name where absent. Evidence of different owners is never pooled."""
    currency: Currency
    """ISO 4217 code of every amount of this account; the marketplace must agree."""
    time_zone: TimeZone
    """IANA zone whose days the marketplace counts; the marketplace must agree."""
    daily_cap: PositiveAmount
    """Most that all daily budgets of the account may add up to, as quoted text. There is no default."""
    month_plan: PositiveAmount | None = None
    """Money planned for a calendar month, as quoted text; deviations of more than 5% are explained."""
    window_days: Annotated[int, Interval(ge=1, le=90)] | None = None
    """Attribution window in days; the marketplace's usual one where absent."""
    options: dict[str, JsonValue] = Field(default_factory=dict)
    """The adapter's own settings: its page says which."""
    secrets: dict[str, References] = Field(default_factory=dict)
    """Where the adapter's secrets are, never the secrets: `credential:NAME` (systemd), `file:/path` (mode 0600) or
    `env:NAME`. A list is tried in order."""
    policy: PolicySection = Field(default_factory=PolicySection)
    """Rules of this account alone: single keys override `[policy]`."""
    calendar: CalendarSection | None = None
    """Sale events of this account alone: replaces `[calendar]`."""


class DaemonSection(Section):
    """How the process runs."""

    interval_minutes: Annotated[int, Interval(ge=5, le=1440)] = 60
    """Minutes between two cycles of an account."""
    heartbeat_seconds: Annotated[int, Interval(ge=1, le=60)] = 20
    """Seconds between two looks at what is due."""
    database: Text = "bidder.db"
    """SQLite file, relative to this file, or a `postgresql://` address (its password goes to `database_password`)."""
    database_password: Reference | None = None
    """Where the password of a PostgreSQL database is."""
    stop_file: Text = "STOP"
    """While this file exists nothing is written anywhere; relative to this file."""


class LogSection(Section):
    """What is logged, and where to. The record of changes is in the database, not here."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    """Least important message that is written."""
    format: Literal["auto", "json", "text"] = "auto"
    """One JSON object a line, text for people, or text on a terminal and JSON elsewhere."""
    file: Text | None = None
    """Write to this file, relative to this one, instead of standard error."""


class SmtpSection(Section):
    """A mail server for messages."""

    host: Annotated[str, AfterValidator(_host)]
    """Name of the mail server."""
    port: Annotated[int, Interval(ge=1, le=65535)] = 587
    """Port of the mail server."""
    security: Literal["starttls", "tls", "none"] = "starttls"
    """How the connection is encrypted; `none` is accepted only on this machine."""
    sender: Annotated[str, AfterValidator(_address)]
    """Address the mail comes from."""
    recipients: Annotated[tuple[Annotated[str, AfterValidator(_address)], ...], Len(1, 20)]
    """Addresses the mail goes to."""
    username: Text | None = None
    """Name to log in with, where the server asks for one."""
    password: Reference | None = None
    """Where the password is."""


class NotifySection(Section):
    """Who is told when something needs a person. A failure to tell never touches a cycle."""

    webhook: Reference | None = None
    """Where the address is that gets each message as JSON by POST (such addresses hold a secret)."""
    webhook_form: Literal["plain", "slack", "dingtalk", "feishu"] = "plain"
    """Shape of that JSON: our own, or what the named service expects (WeCom takes `dingtalk`)."""
    ping: Reference | None = None
    """Where the address of a dead-man switch is: called after each decided cycle, with /fail after a failed one."""
    smtp: SmtpSection | None = None
    """A mail server: table `[notify.smtp]`."""
    hold_hours: Annotated[float, Interval(gt=0, le=168)] = 6.0
    """Hours without a decided cycle before people are told."""


class EndSection(Section):
    """Proof that the file was written to its end: keep these two lines last."""

    of_file: Literal[True]
    """Always true. A file cut short is missing it and is refused."""


class File(Section):
    """The whole file."""

    mode: Literal["rehearsal", "live"] = "rehearsal"
    """`rehearsal` reads and decides but sends nothing; `live` sends for accounts that are armed (`bidder arm`)."""
    daemon: DaemonSection = Field(default_factory=DaemonSection)
    """How the process runs."""
    log: LogSection = Field(default_factory=LogSection)
    """What is logged, and where to."""
    notify: NotifySection = Field(default_factory=NotifySection)
    """Who is told when something needs a person."""
    policy: PolicySection = Field(default_factory=PolicySection)
    """Rules that decisions follow, shared by all accounts."""
    calendar: CalendarSection = Field(default_factory=CalendarSection)
    """Sale events, shared by all accounts."""
    accounts: Annotated[dict[AccountName, AccountSection], Len(1)]
    """The accounts, each a table `[accounts.NAME]`."""
    end: EndSection
    """The last table."""
