"""Tables by which people steer the daemon, and what the database says of itself."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint
from sqlmodel import Field

from models.columns import STRICT, Row


class ControlRow(Row, table=True):
    """Mode and arming of one account, or of everything where the scope is empty."""

    __tablename__ = "control_states"
    __table_args__ = (CheckConstraint("mode IN ('active', 'reducing', 'halted')", name="mode_known"), STRICT)

    scope: str = Field(primary_key=True)
    mode: str = "active"
    mode_reason: str = ""
    mode_actor: str = ""
    mode_at: datetime | None = None
    armed: bool = False
    armed_reason: str = ""
    armed_actor: str = ""
    armed_at: datetime | None = None


class ConfigVersionRow(Row, table=True):
    """A configuration that was in force, without its secrets."""

    __tablename__ = "config_versions"
    __table_args__ = (STRICT,)

    fingerprint: str = Field(primary_key=True)
    text: str
    first_used_at: datetime
    code_version: str


class StampRow(Row, table=True):
    """The one row by which a database knows whether it is for rehearsal or live."""

    __tablename__ = "database_stamp"
    __table_args__ = (
        CheckConstraint("id = 1", name="one_row"),
        CheckConstraint("mode IN ('rehearsal', 'live')", name="mode_known"),
        STRICT,
    )

    id: int = Field(default=1, primary_key=True, sa_column_kwargs={"autoincrement": False})
    mode: str
    code_version: str
