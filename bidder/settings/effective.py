"""What holds: the configuration with defaults filled in, as plain values, and how two of them differ.

`config show` and `config diff` print it. Secrets appear as the names of their places only.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, fields
from datetime import date

from bidder.core.money import Money
from bidder.core.policy import Policy
from bidder.secrets import MASK
from bidder.settings.document import Path_, dotted
from bidder.settings.model import PolicySection
from bidder.settings.secret_places import telling
from bidder.settings.values import Settings


def effective(settings: Settings) -> dict[str, object]:
    """Return what holds, defaults included, as plain values; secrets appear as the names of their places only."""
    accounts = {
        str(one.account.id): {
            "adapter": one.account.adapter,
            "remote_id": one.account.remote_id,
            "owner": one.account.owner,
            "currency": one.account.currency,
            "time_zone": one.account.time_zone,
            "daily_cap": str(one.policy.cap.units()),
            "month_plan": None if one.policy.month_plan is None else str(one.policy.month_plan.units()),
            "window_days": one.window_days,
            "options": _masked(one.options),
            "secrets": {name: list(places) for name, places in one.secrets.items()},
            "policy": _policy(one.policy),
        }
        for one in settings.accounts
    }
    return {
        "mode": settings.mode,
        "daemon": settings.daemon.model_dump(mode="json"),
        "log": settings.log.model_dump(mode="json"),
        "notify": settings.notify.model_dump(mode="json"),
        "accounts": accounts,
    }


def differences(before: Mapping[str, object], after: Mapping[str, object]) -> Iterator[tuple[str, object, object]]:
    """Yield dotted key, old and new value of everything that differs between two effective configurations."""
    old, new = dict(_flat(before, ())), dict(_flat(after, ()))
    for key in sorted(old.keys() | new.keys(), key=str):
        if old.get(key) != new.get(key):
            yield dotted(key), old.get(key), new.get(key)


def _policy(policy: Policy) -> dict[str, object]:
    rules: dict[str, object] = {}
    for name in PolicySection.model_fields:
        part = getattr(policy, name)
        whole = isinstance(part, int)
        rules[name] = part if whole else {f.name: _plain(getattr(part, f.name)) for f in fields(part)}
    return {**rules, "events": [_plain(asdict(event)) for event in policy.events]}


def _plain(node: object) -> object:
    match node:
        case Money():
            return str(node.units())
        case Mapping():
            return {str(key): _plain(value) for key, value in node.items()}
        case list() | tuple():
            return [_plain(item) for item in node]
        case date():
            return node.isoformat()
        case _:
            return node


def _masked(node: object, name: str = "") -> object:
    """Hide options whose name sounds like a secret."""
    if telling(name):
        return MASK
    if isinstance(node, Mapping):
        return {key: _masked(value, str(key)) for key, value in node.items()}
    return [_masked(item) for item in node] if isinstance(node, list | tuple) else node


def _flat(node: object, path: Path_) -> Iterator[tuple[Path_, object]]:
    if isinstance(node, Mapping) and node:
        for key, value in node.items():
            yield from _flat(value, (*path, str(key)))
    else:
        yield path, node
