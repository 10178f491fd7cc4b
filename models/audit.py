"""The audit table: append-only by trigger, each row sealed with the one before.

`install_triggers` adds what SQLAlchemy's metadata cannot say: the triggers that refuse UPDATE and DELETE. The owner
of a database can drop a trigger: the hash chain and the anchor outside are for that.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, Connection, Index
from sqlmodel import Field

from models.columns import STRICT, Row


class AuditRow(Row, table=True):
    """One thing that was done or seen; ``hash`` seals every other column and the row before."""

    __tablename__ = "audit_events"
    __table_args__ = (
        Index("ix_audit_events_account_at", "account", "at"),
        Index("ix_audit_events_entity_id", "entity_id"),
        STRICT,
    )

    sequence: int = Field(primary_key=True, sa_type=BigInteger, sa_column_kwargs={"autoincrement": False})
    at: datetime
    actor: str
    action: str
    account: str | None = None
    entity_kind: str | None = None
    entity_id: str | None = None
    field: str | None = None
    old: str | None = None
    new: str | None = None
    reason_code: str | None = None
    evidence: str | None = None
    detail: str = ""
    intent_key: str | None = None
    cycle_id: int | None = Field(default=None, sa_type=BigInteger)
    input_digest: str | None = None
    config_fingerprint: str
    code_version: str
    previous_hash: str
    hash: str


SQLITE_TRIGGERS = tuple(
    f"CREATE TRIGGER audit_events_no_{verb.lower()} BEFORE {verb} ON audit_events "
    "BEGIN SELECT RAISE(ABORT, 'the audit is append-only'); END"
    for verb in ("UPDATE", "DELETE")
)

POSTGRES_TRIGGERS = (
    """CREATE FUNCTION audit_events_refuse() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN RAISE EXCEPTION 'the audit is append-only'; END $$""",
    """CREATE TRIGGER audit_events_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_events
    FOR EACH STATEMENT EXECUTE FUNCTION audit_events_refuse()""",
)


def install_triggers(connection: Connection) -> None:
    """Create the triggers that make the audit append-only."""
    for statement in SQLITE_TRIGGERS if connection.dialect.name == "sqlite" else POSTGRES_TRIGGERS:
        connection.exec_driver_sql(statement)
