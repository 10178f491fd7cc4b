"""How people steer: modes and arming, read afresh before every write, and the STOP file that halts everything."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, bindparam, insert, select, update

from bidder.core.entities import AccountId
from bidder.core.snapshot import Mode
from bidder.store.audit import AuditEvent
from models import ConfigVersionRow, ControlRow
from models.tables import table_of

_TABLE = table_of(ControlRow)
_VERSIONS = table_of(ConfigVersionRow)
_EVERYTHING = ""
"""Scope of what holds for all accounts."""
_MODES = select(_TABLE.c.mode).where((_TABLE.c.scope == bindparam("of_account")) | (_TABLE.c.scope == _EVERYTHING))
_ARMED = select(_TABLE.c.armed).where(_TABLE.c.scope == bindparam("of_account"))


def mode_of(connection: Connection, account: AccountId, stop_file: Path | None) -> Mode:
    """Return the stricter of the account's and the global mode; a STOP file counts as HALTED."""
    if stop_file is not None and stop_file.exists():
        return Mode.HALTED
    mode = Mode.ACTIVE
    for found in connection.execute(_MODES, {"of_account": account}).scalars():
        mode = mode.stricter(Mode(found))
    return mode


def set_mode(
    connection: Connection, account: AccountId | None, mode: Mode, *, actor: str, reason: str, now: datetime
) -> AuditEvent:
    """Set a mode, in the caller's transaction; return what the audit must say."""
    _put(
        connection, account,
        {"mode": mode.value, "mode_reason": reason, "mode_actor": actor, "mode_at": now},
    )  # fmt: skip
    return AuditEvent(at=now, actor=actor, action=f"mode.{mode.value}", account=account, detail=reason)


def is_armed(connection: Connection, account: AccountId) -> bool:
    """Tell whether the account is armed for live writes."""
    return bool(connection.execute(_ARMED, {"of_account": account}).scalar())


def set_armed(
    connection: Connection, account: AccountId, *, armed: bool, actor: str, reason: str, now: datetime
) -> AuditEvent:
    """Arm or disarm an account, in the caller's transaction; return what the audit must say."""
    _put(
        connection, account,
        {"armed": armed, "armed_reason": reason, "armed_actor": actor, "armed_at": now},
    )  # fmt: skip
    return AuditEvent(at=now, actor=actor, action="arm" if armed else "disarm", account=account, detail=reason)


def remember_config(
    connection: Connection, fingerprint: str, text: str, *, code_version: str, now: datetime
) -> AuditEvent | None:
    """Keep a configuration that is in force, without secrets; return what the audit must say where it is new."""
    if connection.execute(select(_VERSIONS.c.fingerprint).where(_VERSIONS.c.fingerprint == fingerprint)).first():
        return None
    row = {"fingerprint": fingerprint, "text": text, "first_used_at": now, "code_version": code_version}
    connection.execute(insert(_VERSIONS).values(row))
    return AuditEvent(at=now, actor="daemon", action="config", detail=f"configuration {fingerprint} is in force")


def _put(connection: Connection, account: AccountId | None, values: dict[str, Any]) -> None:
    scope = _EVERYTHING if account is None else account
    if connection.execute(update(_TABLE).where(_TABLE.c.scope == scope).values(**values)).rowcount == 0:
        connection.execute(insert(_TABLE).values(scope=scope, **values))
