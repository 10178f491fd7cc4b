"""Writes the sample configuration: every key with its words, its bounds and its default, ready to be edited.

``config/bidder.example.toml`` is made by it and checked in CI, so the file cannot drift from the program.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping

from bidder.settings.document import Path_, dotted
from bidder.settings.schema import Entry, entries

_WIDTH = 100

_OPENING = """\
Configuration of bidder. Lines that begin with # and no space are settings at their
defaults: remove the # to change one.
Check it with `bidder config check`; ask about a key with `bidder config explain KEY`."""

_ACCOUNT: Mapping[str, str] = {
    "adapter": '"mock"',
    "remote_id": '"shop-1"',
    "currency": '"CNY"',
    "time_zone": '"Asia/Shanghai"',
    "daily_cap": '"1500.00"',
}
"""What the sample's account says for keys that have no default. The mock marketplace needs no credentials."""

_EXAMPLES: Mapping[str, str] = {
    "owner": '"Example Shop"',
    "month_plan": '"45000.00"',
    "window_days": "7",
    "bid_floor": '"0.20"',
    "bid_ceiling": '"8.00"',
    "budget_floor": '"50.00"',
    "default_margin": "0.5",
    "cautious_alone": "20",
    "shortfall_price": "0.1",
    "default_refund_rate": "0.3",
    "database_password": '"file:database-password"',
    "webhook": '"file:webhook-address"',
    "ping": '"file:ping-address"',
    "host": '"mail.example.org"',
    "sender": '"bidder@example.org"',
    "recipients": '["ops@example.org"]',
    "username": '"bidder"',
    "password": '"file:mail-password"',
    "built_in": '["6.18", "11.11"]',
    "options": "{}",
    "secrets": '{ client_secret = ["credential:client_secret", "file:client-secret"] }',
    "goal_roas": "{ apparel = 7.0 }",
    "log.file": '"bidder.log"',
}
"""What is shown where a default is nothing."""

_NAME = "my-shop"


def sample() -> str:
    """Return the sample file."""
    return "\n".join(_lines()) + "\n"


def _lines() -> Iterator[str]:
    yield from _comment(_OPENING)
    yield ""
    listed = entries()
    for entry in listed:
        if len(entry.path) == 1 and not entry.table and entry.path[0] != "accounts":
            yield from _setting(entry)
    for entry in listed:
        if entry.path[0] in ("accounts", "end") or not entry.table:
            continue
        yield from _table(entry, entry.path)
    yield from _account()
    yield from _table(next(e for e in listed if e.path == ("end",)), ("end",))


def _account() -> Iterator[str]:
    listed = entries()
    name = next(e for e in listed if e.path == ("accounts", "*"))
    yield from _table(name, ("accounts", _NAME))
    policy = next(e for e in listed if e.path == ("accounts", "*", "policy"))
    yield ""
    yield from _comment(f"{policy.words} For example:")
    yield f"#[accounts.{_NAME}.policy.limits]"
    yield '#bid_ceiling = "8.00"'


def _table(table: Entry, shown: Path_) -> Iterator[str]:
    """Write a table's heading and its own settings; a table that needs more than defaults is commented out."""
    own = [e for e in entries() if e.path[:-1] == table.path and not e.table and e.kind != "list of tables"]
    optional = any(e.required for e in own) and table.path[0] not in ("accounts", "end")
    yield ""
    yield from _comment(table.words)
    yield f"{'#' if optional else ''}[{dotted(shown)}]"
    for entry in own:
        yield from _setting(entry)
    if table.path == ("calendar",):
        yield from _own_event()


def _setting(entry: Entry) -> Iterator[str]:
    name = str(entry.path[-1])
    yield from _comment(f"{entry.words} [{entry.kind}]" if entry.path[0] != "end" else entry.words)
    if entry.path[0] == "accounts" and entry.required:
        yield f"{name} = {_ACCOUNT[name]}"
    elif entry.path[0] == "end":
        yield f"{name} = true"
    elif entry.default is None or entry.default == {}:
        yield f"#{name} = {_EXAMPLES.get(dotted(entry.path)) or _EXAMPLES[name]}"
    else:
        yield f"#{name} = {literal(entry.default)}"


def _own_event() -> Iterator[str]:
    yield from _comment("An event of your own, or a built-in one of a year whose days moved (same name and year):")
    yield "#[[calendar.events]]"
    yield '#name = "Prime Day 2027"'
    yield "#first = 2027-07-13"
    yield "#last = 2027-07-16"
    yield "#preheat_days = 7"
    yield "#aftermath_days = 3"


def _comment(words: str) -> Iterator[str]:
    for paragraph in words.splitlines():
        for line in textwrap.wrap(paragraph, _WIDTH, break_long_words=False, break_on_hyphens=False):
            yield f"# {line}"


def literal(value: object) -> str:
    """Write a value as TOML."""
    match value:
        case bool():
            return "true" if value else "false"
        case str():
            return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
        case Mapping():
            inner = ", ".join(f"{dotted((str(key),))} = {literal(item)}" for key, item in value.items())
            return f"{{ {inner} }}" if inner else "{}"
        case list() | tuple():
            return f"[{', '.join(literal(item) for item in value)}]"
        case _:
            return str(value)
