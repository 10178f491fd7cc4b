"""From a file to settings that can be trusted, or to the list of everything that is wrong with it.

Three passes, so that every fault is told at once: numbers TOML allows and we do not; amounts, which become money of
their account's currency; the whole file against its models. Nothing of a file with a fault is used.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import fields
from datetime import date
from pathlib import Path
from typing import cast, get_type_hints

from pydantic import ValidationError

from bidder.core.entities import Account, AccountId
from bidder.core.money import NO_CURRENCY, Money
from bidder.core.policy import Policy, SaleEvent
from bidder.settings import events
from bidder.settings.document import Document, Path_, dotted, read
from bidder.settings.faults import ConfigFaults, Fault, fault, nearest, told
from bidder.settings.model import AccountSection, CalendarSection, File, PolicySection
from bidder.settings.schema import names_in
from bidder.settings.values import AccountSettings, Settings, fingerprint

_MONEY_FIELDS = {
    (part, f.name)
    for part, info in PolicySection.model_fields.items()
    for f in (fields(info.annotation) if hasattr(info.annotation, "__dataclass_fields__") else ())  # type: ignore[arg-type]
    if Money in getattr(get_type_hints(info.annotation)[f.name], "__args__", ())
}


def load(path: Path) -> Settings:
    """Read a configuration file.

    Raises:
        ConfigFaults: It has faults; all of them are told, with their lines.
        ConfigError: It cannot be read, or is no TOML.
    """
    return build(read(path), folder=path.absolute().parent)


def build(document: Document, *, folder: Path) -> Settings:
    """Turn a parsed file into settings; relative paths in it are taken from ``folder``.

    Raises:
        ConfigFaults: All that is wrong, with lines.
    """
    faults = [fault(document, key, "should be a finite number") for key in document.not_finite()]
    data = _plain(document.data)
    faults += _last_table(document)
    faults += _read_amounts(document, data)
    file = _validated(document, data, faults)
    if file is None or faults:
        raise ConfigFaults(document.source, faults)
    settings = _settings(document, data, file, folder, faults)
    if faults:
        raise ConfigFaults(document.source, faults)
    return settings


def _validated(document: Document, data: Mapping[str, object], faults: list[Fault]) -> File | None:
    """Check the file against its models; keys already at fault are not told twice."""
    try:
        return File.model_validate_json(json.dumps(data, allow_nan=True), strict=True)
    except ValidationError as exc:
        seen = {found.key for found in faults}
        details = exc.errors(include_input=False, include_context=False, include_url=False)
        faults += [found for found in told(document, details, names_in) if found.key not in seen]
        return None


def _settings(
    document: Document, data: Mapping[str, object], file: File, folder: Path, faults: list[Fault]
) -> Settings:
    accounts = tuple(_account(document, data, file, name, faults) for name in file.accounts)
    faults += _doubles(document, file)
    return Settings(
        source=document.source,
        folder=folder,
        mode=file.mode,
        daemon=file.daemon,
        log=file.log,
        notify=file.notify,
        accounts=accounts,
        fingerprint=fingerprint(file, accounts),
    )


def _account(
    document: Document, data: Mapping[str, object], file: File, name: str, faults: list[Fault]
) -> AccountSettings:
    section = file.accounts[name]
    account = Account(
        id=AccountId(name),
        adapter=section.adapter,
        remote_id=section.remote_id,
        owner=section.owner or name,
        currency=section.currency,
        time_zone=section.time_zone,
    )
    return AccountSettings(
        account=account,
        policy=_policy(document, data, file, name, faults),
        window_days=section.window_days,
        options=section.options,
        secrets=section.secrets,
    )


def _policy(document: Document, data: Mapping[str, object], file: File, name: str, faults: list[Fault]) -> Policy:
    """Lay the account's rules over the shared ones, and those over the defaults; tables are laid key by key."""
    section = file.accounts[name]
    own = _mapping(_mapping(_mapping(data["accounts"])[name]).get("policy"))
    shared = _in_currency(_mapping(data.get("policy")), section.currency)
    merged = _over(_over(PolicySection().model_dump(mode="json"), shared), own)
    rules = PolicySection.model_validate_json(json.dumps(merged), strict=True)
    faults += _contradictions(document, name, rules)
    return Policy(
        cap=Money.of(section.daily_cap, section.currency),
        month_plan=None if section.month_plan is None else Money.of(section.month_plan, section.currency),
        goal=rules.goal,
        limits=rules.limits,
        evidence=rules.evidence,
        lifecycle=rules.lifecycle,
        protect=rules.protect,
        perturbation=rules.perturbation,
        events=_events(document, file, name, faults),
        seed=rules.seed,
    )


def _events(document: Document, file: File, name: str, faults: list[Fault]) -> tuple[SaleEvent, ...]:
    """Return the account's sale events; an own event of a built-in name and year takes its place."""
    section: AccountSection = file.accounts[name]
    calendar: CalendarSection = file.calendar if section.calendar is None else section.calendar
    place: Path_ = ("calendar",) if section.calendar is None else ("accounts", name, "calendar")
    names = {rule.name for rule in events.rules()}
    for position, wanted in enumerate(calendar.built_in or ()):
        if wanted not in names:
            words = f"no built-in event is called {wanted!r}; {nearest(wanted, names)}"
            faults.append(fault(document, (*place, "built_in", position), words))
    for position, event in enumerate(calendar.events):
        if event.last < event.first:
            faults.append(fault(document, (*place, "events", position, "last"), f"is before first ({event.first})"))
    chosen = events.usual(section.currency) if calendar.built_in is None else calendar.built_in
    moved = {event.name for event in calendar.events}
    built_in = [event for event in events.dated(chosen) if event.name not in moved]
    return tuple(sorted([*built_in, *calendar.events], key=lambda event: (event.first, event.name)))


def _contradictions(document: Document, name: str, rules: PolicySection) -> Iterator[Fault]:
    """Find settings that are each allowed but make no sense together."""
    limits, evidence, lifecycle = rules.limits, rules.evidence, rules.lifecycle
    pairs = (
        ("limits", "bid_floor", "bid_ceiling", limits.bid_floor, limits.bid_ceiling),
        ("lifecycle", "top_score_share", "top_exit_share", lifecycle.top_score_share, lifecycle.top_exit_share),
    )
    for part, low, high, less, more in pairs:
        if less is not None and more is not None and more < less:  # type: ignore[operator]
            key = _written(document, name, (part, high), (part, low))
            yield fault(document, key, f"{low} is {less} and {high} only {more}: the first must not be the larger")
    if evidence.resume_probability >= evidence.pause_probability:
        key = _written(document, name, ("evidence", "resume_probability"), ("evidence", "pause_probability"))
        words = f"{evidence.resume_probability} is not below pause_probability ({evidence.pause_probability})"
        yield fault(document, key, f"{words}: what is paused would come straight back")
    if lifecycle.top_exit_days < lifecycle.top_enter_days:
        key = _written(document, name, ("lifecycle", "top_exit_days"), ("lifecycle", "top_enter_days"))
        yield fault(document, key, "should not be shorter than top_enter_days: items would come and go")


def _written(document: Document, name: str, *candidates: Path_) -> Path_:
    """Return the place of the file that set one of the keys: the account's own before the shared one."""
    for candidate in candidates:
        for table in (("accounts", name, "policy"), ("policy",)):
            key = (*table, *candidate)
            if key in document.places:
                return key
    return ("policy", *candidates[0])


def _doubles(document: Document, file: File) -> Iterator[Fault]:
    """Find accounts that would be managed twice."""
    seen: dict[tuple[str, str], str] = {}
    for name, section in file.accounts.items():
        first = seen.setdefault((section.adapter, section.remote_id), name)
        if first != name:
            key = ("accounts", name, "remote_id")
            yield fault(document, key, f"is managed by accounts.{first} already: two would undo each other's work")


def _last_table(document: Document) -> Iterator[Fault]:
    """Demand that ``[end]`` is the last table: what stands behind it could be lost unnoticed."""
    end = document.places.get(("end",))
    if end is None:
        words = "the file must close with the lines [end] and of_file = true, which prove that it is whole"
        yield Fault(line=document.text.count("\n") + 1, key="end", message=words)
        return
    later = [
        (place.start, key) for key, place in document.places.items() if place.start > end.start and key[0] != "end"
    ]
    if later:
        yield fault(
            document, min(later)[1], "stands behind [end]; move [end] with of_file = true to the end of the file"
        )


def _read_amounts(document: Document, data: dict[str, object]) -> list[Fault]:
    """Turn amounts among the rules into money, in place; report those that are none."""
    faults: list[Fault] = []
    tables: list[tuple[Path_, object, str]] = [(("policy",), data.get("policy"), NO_CURRENCY)]
    for name, section in _mapping(data.get("accounts")).items():
        table = _mapping(section)
        tables.append((("accounts", name, "policy"), table.get("policy"), _currency(table.get("currency"))))
    for place, policy, currency in tables:
        for part, key in sorted(_MONEY_FIELDS):
            rules = _mapping(policy).get(part)
            if not isinstance(rules, dict) or key not in rules:
                continue
            try:
                rules[key] = _amount(rules[key], currency)
            except ValueError as exc:
                faults.append(fault(document, (*place, part, key), str(exc)))
                del rules[key]
    return faults


def _amount(value: object, currency: str) -> dict[str, object]:
    if not isinstance(value, str):
        raise ValueError('write the amount as quoted text, such as "0.50"')  # noqa: TRY004  # Told to a person, as the rest.
    money = Money.of(value, currency)
    if money.micros < 0:
        raise ValueError(f"should not be negative, was {value!r}")
    return {"micros": money.micros, "currency": money.currency}


def _currency(value: object) -> str:
    """Return a currency money can be made of; a wrong one is told by the model."""
    try:
        return Money.zero(value).currency if isinstance(value, str) else NO_CURRENCY
    except ValueError:
        return NO_CURRENCY


def _in_currency(policy: Mapping[str, object], currency: str) -> dict[str, object]:
    """Return shared rules with their amounts in an account's currency."""
    copy = _plain(policy)
    for part, key in _MONEY_FIELDS:
        amount = _mapping(_mapping(copy.get(part)).get(key))
        if amount:
            cast("dict[str, object]", amount)["currency"] = currency
    return copy


def _over(base: Mapping[str, object], own: Mapping[str, object]) -> dict[str, object]:
    """Lay one table over another, key by key; money and lists are replaced whole."""
    merged = dict(base)
    for key, value in own.items():
        below = merged.get(key)
        both = isinstance(below, Mapping) and isinstance(value, Mapping) and "micros" not in value
        merged[key] = _over(_mapping(below), _mapping(value)) if both else value
    return merged


def _plain(node: object) -> dict[str, object]:
    """Copy what TOML gave into what JSON can say: dates become their text."""
    return cast("dict[str, object]", _copied(node))


def _copied(node: object) -> object:
    if isinstance(node, Mapping):
        return {key: _copied(value) for key, value in node.items()}
    if isinstance(node, list):
        return [_copied(item) for item in node]
    return node if isinstance(node, str | int | float | bool) else _text(node)


def _text(node: object) -> str:
    return node.isoformat() if isinstance(node, date) else str(node)


def _mapping(value: object) -> Mapping[str, object]:
    return value if isinstance(value, Mapping) else {}


__all__ = ["build", "dotted", "load"]
