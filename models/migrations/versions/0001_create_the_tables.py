"""Create the tables.

Revision ID: 0001
Revises:
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlmodel.sql.sqltypes import AutoString, UTCDateTime


revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


_SQLITE = (
    "CREATE TRIGGER audit_events_no_update BEFORE UPDATE ON audit_events BEGIN SELECT RAISE(ABORT, 'the audit is append-only'); END",
    "CREATE TRIGGER audit_events_no_delete BEFORE DELETE ON audit_events BEGIN SELECT RAISE(ABORT, 'the audit is append-only'); END",
)

_POSTGRES = (
    "CREATE FUNCTION audit_events_refuse() RETURNS trigger LANGUAGE plpgsql AS\n    $$ BEGIN RAISE EXCEPTION 'the audit is append-only'; END $$",
    "CREATE TRIGGER audit_events_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_events\n    FOR EACH STATEMENT EXECUTE FUNCTION audit_events_refuse()",
)

_VIEWS = (
    "CREATE VIEW performance_daily_latest AS SELECT series_id, day, entity, revision, observed_us, late, impressions, clicks, spend_micros, orders, units, revenue_micros, carts, favourites FROM (SELECT series_id, day, entity, revision, observed_us, late, impressions, clicks, spend_micros, orders, units, revenue_micros, carts, favourites, LEAD(revision) OVER (PARTITION BY series_id, day, entity ORDER BY revision) AS newer FROM performance_daily WHERE NOT late) AS facts WHERE newer IS NULL",
    "CREATE VIEW performance_hourly_latest AS SELECT series_id, day, entity, hour, revision, observed_us, late, impressions, clicks, spend_micros, orders, units, revenue_micros, carts, favourites FROM (SELECT series_id, day, entity, hour, revision, observed_us, late, impressions, clicks, spend_micros, orders, units, revenue_micros, carts, favourites, LEAD(revision) OVER (PARTITION BY series_id, day, entity, hour ORDER BY revision) AS newer FROM performance_hourly WHERE NOT late) AS facts WHERE newer IS NULL",
    "CREATE VIEW product_daily_latest AS SELECT series_id, day, entity, revision, observed_us, late, units, refunded_units, revenue_micros, refund_micros, visitors, carts, in_stock_hours FROM (SELECT series_id, day, entity, revision, observed_us, late, units, refunded_units, revenue_micros, refund_micros, visitors, carts, in_stock_hours, LEAD(revision) OVER (PARTITION BY series_id, day, entity ORDER BY revision) AS newer FROM product_daily WHERE NOT late) AS facts WHERE newer IS NULL",
)


def upgrade() -> None:
    """Move the schema forward."""
    _accounts()
    _adapter_memory()
    _audit_events()
    _config_versions()
    _control_states()
    _database_stamp()
    _development_cells()
    _fact_sightings()
    _performance_daily()
    _performance_hourly()
    _product_daily()
    _budget_lines()
    _clearance_lines()
    _cycles()
    _excluded_days()
    _external_edits()
    _fact_entities()
    _fact_series()
    _forecasts()
    _lifecycle_stages()
    _structure_versions()
    _ad_groups()
    _campaigns()
    _decisions()
    _holds()
    _intents()
    _objections()
    _products()
    _reports()
    _targets()
    _outcomes()
    _reservations()
    sqlite = op.get_bind().dialect.name == "sqlite"
    for statement in (*(_SQLITE if sqlite else _POSTGRES), *_VIEWS):
        op.execute(statement)


def _accounts() -> None:
    op.create_table(
        "accounts",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("name", AutoString(), nullable=False),
        sa.Column("adapter", AutoString(), nullable=False),
        sa.Column("remote_id", AutoString(), nullable=False),
        sa.Column("owner", AutoString(), nullable=False),
        sa.Column("currency", AutoString(), nullable=False),
        sa.Column("time_zone", AutoString(), nullable=False),
        sa.Column("first_seen", UTCDateTime(), nullable=False),
        sa.Column("balance_micros", sa.BigInteger(), nullable=True),
        sa.Column("structure_at", UTCDateTime(), nullable=True),
        sa.CheckConstraint("length(currency) = 3", name=op.f("ck_accounts_currency_is_iso")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_accounts")),
        sa.UniqueConstraint("name", name=op.f("uq_accounts_name")),
        sqlite_strict=True,
    )


def _adapter_memory() -> None:
    op.create_table(
        "adapter_memory",
        sa.Column("account", AutoString(), nullable=False),
        sa.Column("adapter", AutoString(), nullable=False),
        sa.Column("name", AutoString(), nullable=False),
        sa.Column("value", AutoString(), nullable=False),
        sa.PrimaryKeyConstraint("account", "adapter", "name", name=op.f("pk_adapter_memory")),
        sqlite_strict=True,
    )


def _audit_events() -> None:
    op.create_table(
        "audit_events",
        sa.Column("sequence", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("at", UTCDateTime(), nullable=False),
        sa.Column("actor", AutoString(), nullable=False),
        sa.Column("action", AutoString(), nullable=False),
        sa.Column("account", AutoString(), nullable=True),
        sa.Column("entity_kind", AutoString(), nullable=True),
        sa.Column("entity_id", AutoString(), nullable=True),
        sa.Column("field", AutoString(), nullable=True),
        sa.Column("old", AutoString(), nullable=True),
        sa.Column("new", AutoString(), nullable=True),
        sa.Column("reason_code", AutoString(), nullable=True),
        sa.Column("evidence", AutoString(), nullable=True),
        sa.Column("detail", AutoString(), nullable=False),
        sa.Column("intent_key", AutoString(), nullable=True),
        sa.Column("cycle_id", sa.BigInteger(), nullable=True),
        sa.Column("input_digest", AutoString(), nullable=True),
        sa.Column("config_fingerprint", AutoString(), nullable=False),
        sa.Column("code_version", AutoString(), nullable=False),
        sa.Column("previous_hash", AutoString(), nullable=False),
        sa.Column("hash", AutoString(), nullable=False),
        sa.PrimaryKeyConstraint("sequence", name=op.f("pk_audit_events")),
        sqlite_strict=True,
    )
    op.create_index("ix_audit_events_account_at", "audit_events", ["account", "at"], unique=False)
    op.create_index("ix_audit_events_entity_id", "audit_events", ["entity_id"], unique=False)


def _config_versions() -> None:
    op.create_table(
        "config_versions",
        sa.Column("fingerprint", AutoString(), nullable=False),
        sa.Column("text", AutoString(), nullable=False),
        sa.Column("first_used_at", UTCDateTime(), nullable=False),
        sa.Column("code_version", AutoString(), nullable=False),
        sa.PrimaryKeyConstraint("fingerprint", name=op.f("pk_config_versions")),
        sqlite_strict=True,
    )


def _control_states() -> None:
    op.create_table(
        "control_states",
        sa.Column("scope", AutoString(), nullable=False),
        sa.Column("mode", AutoString(), nullable=False),
        sa.Column("mode_reason", AutoString(), nullable=False),
        sa.Column("mode_actor", AutoString(), nullable=False),
        sa.Column("mode_at", UTCDateTime(), nullable=True),
        sa.Column("armed", sa.Boolean(), nullable=False),
        sa.Column("armed_reason", AutoString(), nullable=False),
        sa.Column("armed_actor", AutoString(), nullable=False),
        sa.Column("armed_at", UTCDateTime(), nullable=True),
        sa.CheckConstraint("mode IN ('active', 'reducing', 'halted')", name=op.f("ck_control_states_mode_known")),
        sa.PrimaryKeyConstraint("scope", name=op.f("pk_control_states")),
        sqlite_strict=True,
    )


def _database_stamp() -> None:
    op.create_table(
        "database_stamp",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("mode", AutoString(), nullable=False),
        sa.Column("code_version", AutoString(), nullable=False),
        sa.CheckConstraint("mode IN ('rehearsal', 'live')", name=op.f("ck_database_stamp_mode_known")),
        sa.CheckConstraint("id = 1", name=op.f("ck_database_stamp_one_row")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_database_stamp")),
        sqlite_strict=True,
    )


def _development_cells() -> None:
    op.create_table(
        "development_cells",
        sa.Column("series_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("day", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("age", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("observed_us", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("clicks", sa.BigInteger(), nullable=False),
        sa.Column("orders", sa.BigInteger(), nullable=False),
        sa.Column("revenue_micros", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("series_id", "day", "age", "observed_us", name=op.f("pk_development_cells")),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )


def _fact_sightings() -> None:
    op.create_table(
        "fact_sightings",
        sa.Column("series_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("day", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("revision", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("observed_us", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("seen", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("series_id", "day", "revision", "observed_us", name=op.f("pk_fact_sightings")),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )


def _performance_daily() -> None:
    op.create_table(
        "performance_daily",
        sa.Column("series_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("day", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("entity", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("revision", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("observed_us", sa.BigInteger(), nullable=False),
        sa.Column("late", sa.Boolean(), nullable=False),
        sa.Column("impressions", sa.BigInteger(), nullable=False),
        sa.Column("clicks", sa.BigInteger(), nullable=False),
        sa.Column("spend_micros", sa.BigInteger(), nullable=False),
        sa.Column("orders", sa.BigInteger(), nullable=False),
        sa.Column("units", sa.BigInteger(), nullable=True),
        sa.Column("revenue_micros", sa.BigInteger(), nullable=False),
        sa.Column("carts", sa.BigInteger(), nullable=True),
        sa.Column("favourites", sa.BigInteger(), nullable=True),
        sa.CheckConstraint(
            "impressions >= 0 AND clicks >= 0 AND spend_micros >= 0 AND orders >= 0 AND revenue_micros >= 0",
            name=op.f("ck_performance_daily_not_negative"),
        ),
        sa.PrimaryKeyConstraint("series_id", "day", "entity", "revision", name=op.f("pk_performance_daily")),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )


def _performance_hourly() -> None:
    op.create_table(
        "performance_hourly",
        sa.Column("series_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("day", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("entity", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("hour", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("revision", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("observed_us", sa.BigInteger(), nullable=False),
        sa.Column("late", sa.Boolean(), nullable=False),
        sa.Column("impressions", sa.BigInteger(), nullable=False),
        sa.Column("clicks", sa.BigInteger(), nullable=False),
        sa.Column("spend_micros", sa.BigInteger(), nullable=False),
        sa.Column("orders", sa.BigInteger(), nullable=False),
        sa.Column("units", sa.BigInteger(), nullable=True),
        sa.Column("revenue_micros", sa.BigInteger(), nullable=False),
        sa.Column("carts", sa.BigInteger(), nullable=True),
        sa.Column("favourites", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("hour >= 0 AND hour <= 23", name=op.f("ck_performance_hourly_hour_of_day")),
        sa.CheckConstraint(
            "impressions >= 0 AND clicks >= 0 AND spend_micros >= 0 AND orders >= 0 AND revenue_micros >= 0",
            name=op.f("ck_performance_hourly_not_negative"),
        ),
        sa.PrimaryKeyConstraint("series_id", "day", "entity", "hour", "revision", name=op.f("pk_performance_hourly")),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )


def _product_daily() -> None:
    op.create_table(
        "product_daily",
        sa.Column("series_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("day", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("entity", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("revision", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("observed_us", sa.BigInteger(), nullable=False),
        sa.Column("late", sa.Boolean(), nullable=False),
        sa.Column("units", sa.BigInteger(), nullable=False),
        sa.Column("refunded_units", sa.BigInteger(), nullable=False),
        sa.Column("revenue_micros", sa.BigInteger(), nullable=False),
        sa.Column("refund_micros", sa.BigInteger(), nullable=False),
        sa.Column("visitors", sa.BigInteger(), nullable=True),
        sa.Column("carts", sa.BigInteger(), nullable=True),
        sa.Column("in_stock_hours", sa.Float(), nullable=True),
        sa.CheckConstraint(
            "in_stock_hours IS NULL OR (in_stock_hours >= 0 AND in_stock_hours <= 25)",
            name=op.f("ck_product_daily_hours"),
        ),
        sa.CheckConstraint(
            "units >= 0 AND refunded_units >= 0 AND revenue_micros >= 0 AND refund_micros >= 0",
            name=op.f("ck_product_daily_not_negative"),
        ),
        sa.PrimaryKeyConstraint("series_id", "day", "entity", "revision", name=op.f("pk_product_daily")),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )


def _budget_lines() -> None:
    op.create_table(
        "budget_lines",
        sa.Column("account_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("campaign_id", AutoString(), nullable=False),
        sa.Column("shared_budget_id", AutoString(), nullable=True),
        sa.Column("budget_micros", sa.BigInteger(), nullable=True),
        sa.Column("state", AutoString(), nullable=False),
        sa.Column("written_budget_micros", sa.BigInteger(), nullable=True),
        sa.Column("budget_written_at", UTCDateTime(), nullable=True),
        sa.Column("written_state", AutoString(), nullable=True),
        sa.Column("state_written_at", UTCDateTime(), nullable=True),
        sa.Column("missing_since", UTCDateTime(), nullable=True),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_budget_lines_account_id")),
        sa.PrimaryKeyConstraint("account_id", "campaign_id", name=op.f("pk_budget_lines")),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )


def _clearance_lines() -> None:
    op.create_table(
        "clearance_lines",
        sa.Column("account_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("product_id", AutoString(), nullable=False),
        sa.Column("cycle_id", sa.BigInteger(), nullable=False),
        sa.Column("title", AutoString(), nullable=False),
        sa.Column("category", AutoString(), nullable=False),
        sa.Column("stock", sa.BigInteger(), nullable=True),
        sa.Column("cover_days", sa.Float(), nullable=True),
        sa.Column("price_micros", sa.BigInteger(), nullable=True),
        sa.Column("margin", sa.Float(), nullable=True),
        sa.Column("discount", sa.Float(), nullable=False),
        sa.Column("reentry", AutoString(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_clearance_lines_account_id")),
        sa.PrimaryKeyConstraint("account_id", "day", "product_id", name=op.f("pk_clearance_lines")),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )


def _cycles() -> None:
    op.create_table(
        "cycles",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("account_id", sa.BigInteger(), nullable=False),
        sa.Column("mode", AutoString(), nullable=False),
        sa.Column("as_of", UTCDateTime(), nullable=False),
        sa.Column("input_digest", AutoString(), nullable=True),
        sa.Column("forecast_digest", AutoString(), nullable=True),
        sa.Column("structure_version", sa.BigInteger(), nullable=True),
        sa.Column("structure_at", UTCDateTime(), nullable=True),
        sa.Column("last_report", sa.BigInteger(), nullable=True),
        sa.Column("config_fingerprint", AutoString(), nullable=False),
        sa.Column("code_version", AutoString(), nullable=False),
        sa.Column("figures", AutoString(), nullable=False),
        sa.Column("changes_wanted", sa.Integer(), nullable=False),
        sa.Column("changes_planned", sa.Integer(), nullable=False),
        sa.Column("holds", sa.Integer(), nullable=False),
        sa.Column("sentence", AutoString(), nullable=False),
        sa.Column("ok", sa.Boolean(), nullable=True),
        sa.Column("finished_at", UTCDateTime(), nullable=True),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_cycles_account_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cycles")),
        sqlite_strict=True,
    )
    op.create_index("ix_cycles_account_id_as_of", "cycles", ["account_id", "as_of"], unique=False)


def _excluded_days() -> None:
    op.create_table(
        "excluded_days",
        sa.Column("account_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("day", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("reason", AutoString(), nullable=False),
        sa.Column("recorded_at", UTCDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_excluded_days_account_id")),
        sa.PrimaryKeyConstraint("account_id", "day", name=op.f("pk_excluded_days")),
        sqlite_strict=True,
    )


def _external_edits() -> None:
    op.create_table(
        "external_edits",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("account_id", sa.BigInteger(), nullable=False),
        sa.Column("entity_kind", AutoString(), nullable=False),
        sa.Column("entity_id", AutoString(), nullable=False),
        sa.Column("field", AutoString(), nullable=False),
        sa.Column("old", AutoString(), nullable=True),
        sa.Column("new", AutoString(), nullable=True),
        sa.Column("actor", AutoString(), nullable=False),
        sa.Column("at", UTCDateTime(), nullable=False),
        sa.Column("left_alone_until", UTCDateTime(), nullable=True),
        sa.Column("reason_code", AutoString(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_external_edits_account_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_external_edits")),
        sqlite_strict=True,
    )
    op.create_index("ix_external_edits_account_id_at", "external_edits", ["account_id", "at"], unique=False)


def _fact_entities() -> None:
    op.create_table(
        "fact_entities",
        sa.Column("account_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("level", AutoString(), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("remote_id", AutoString(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_fact_entities_account_id")),
        sa.PrimaryKeyConstraint("account_id", "level", "number", name=op.f("pk_fact_entities")),
        sa.UniqueConstraint(
            "account_id", "level", "remote_id", name=op.f("uq_fact_entities_account_id_level_remote_id")
        ),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )


def _fact_series() -> None:
    op.create_table(
        "fact_series",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("account_id", sa.BigInteger(), nullable=False),
        sa.Column("grain", AutoString(), nullable=False),
        sa.Column("level", AutoString(), nullable=False),
        sa.Column("window_days", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_fact_series_account_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_fact_series")),
        sa.UniqueConstraint(
            "account_id",
            "grain",
            "level",
            "window_days",
            name=op.f("uq_fact_series_account_id_grain_level_window_days"),
        ),
        sqlite_strict=True,
    )


def _forecasts() -> None:
    op.create_table(
        "forecasts",
        sa.Column("account_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("target_id", AutoString(), nullable=False),
        sa.Column("cycle_id", sa.BigInteger(), nullable=False),
        sa.Column("cvr", sa.Float(), nullable=True),
        sa.Column("aov_micros", sa.BigInteger(), nullable=True),
        sa.Column("rpc_micros", sa.BigInteger(), nullable=True),
        sa.Column("rpc_low_micros", sa.BigInteger(), nullable=True),
        sa.Column("rpc_high_micros", sa.BigInteger(), nullable=True),
        sa.Column("refund_rate", sa.Float(), nullable=True),
        sa.Column("clicks", sa.Float(), nullable=True),
        sa.Column("orders", sa.Float(), nullable=True),
        sa.Column("spend_micros", sa.BigInteger(), nullable=True),
        sa.Column("daily_clicks", sa.Float(), nullable=True),
        sa.Column("daily_spend_micros", sa.BigInteger(), nullable=True),
        sa.Column("cpc_micros", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_forecasts_account_id")),
        sa.PrimaryKeyConstraint("account_id", "day", "target_id", name=op.f("pk_forecasts")),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )


def _lifecycle_stages() -> None:
    op.create_table(
        "lifecycle_stages",
        sa.Column("account_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("product_id", AutoString(), nullable=False),
        sa.Column("stage", AutoString(), nullable=False),
        sa.Column("since", sa.Date(), nullable=False),
        sa.Column("entering", sa.Integer(), nullable=False),
        sa.Column("leaving", sa.Integer(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_lifecycle_stages_account_id")),
        sa.PrimaryKeyConstraint("account_id", "product_id", name=op.f("pk_lifecycle_stages")),
        sqlite_strict=True,
    )


def _structure_versions() -> None:
    op.create_table(
        "structure_versions",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("account_id", sa.BigInteger(), nullable=False),
        sa.Column("observed_at", UTCDateTime(), nullable=False),
        sa.Column("balance_micros", sa.BigInteger(), nullable=True),
        sa.Column("id_order", sa.LargeBinary(), nullable=True),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_structure_versions_account_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_structure_versions")),
        sqlite_strict=True,
    )
    op.create_index(op.f("ix_structure_versions_account_id"), "structure_versions", ["account_id"], unique=False)


def _ad_groups() -> None:
    op.create_table(
        "ad_groups",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("account_id", sa.BigInteger(), nullable=False),
        sa.Column("remote_id", AutoString(), nullable=False),
        sa.Column("since_version", sa.BigInteger(), nullable=False),
        sa.Column("until_version", sa.BigInteger(), nullable=True),
        sa.Column("campaign_remote_id", AutoString(), nullable=False),
        sa.Column("name", AutoString(), nullable=False),
        sa.Column("state", AutoString(), nullable=False),
        sa.Column("default_bid_micros", sa.BigInteger(), nullable=True),
        sa.Column("last_editor", AutoString(), nullable=False),
        sa.CheckConstraint(
            "until_version IS NULL OR until_version > since_version", name=op.f("ck_ad_groups_interval")
        ),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_ad_groups_account_id")),
        sa.ForeignKeyConstraint(["since_version"], ["structure_versions.id"], name=op.f("fk_ad_groups_since_version")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ad_groups")),
        sqlite_strict=True,
    )
    op.create_index(
        "uq_ad_groups_current",
        "ad_groups",
        ["account_id", "remote_id"],
        unique=True,
        sqlite_where=sa.text("until_version IS NULL"),
        postgresql_where=sa.text("until_version IS NULL"),
    )


def _campaigns() -> None:
    op.create_table(
        "campaigns",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("account_id", sa.BigInteger(), nullable=False),
        sa.Column("remote_id", AutoString(), nullable=False),
        sa.Column("since_version", sa.BigInteger(), nullable=False),
        sa.Column("until_version", sa.BigInteger(), nullable=True),
        sa.Column("name", AutoString(), nullable=False),
        sa.Column("state", AutoString(), nullable=False),
        sa.Column("daily_budget_micros", sa.BigInteger(), nullable=True),
        sa.Column("shared_budget_id", AutoString(), nullable=True),
        sa.Column("manual_bids", sa.Boolean(), nullable=False),
        sa.Column("dayparts", AutoString(), nullable=True),
        sa.Column("last_editor", AutoString(), nullable=False),
        sa.CheckConstraint(
            "daily_budget_micros IS NULL OR daily_budget_micros >= 0", name=op.f("ck_campaigns_budget_sane")
        ),
        sa.CheckConstraint(
            "until_version IS NULL OR until_version > since_version", name=op.f("ck_campaigns_interval")
        ),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_campaigns_account_id")),
        sa.ForeignKeyConstraint(["since_version"], ["structure_versions.id"], name=op.f("fk_campaigns_since_version")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_campaigns")),
        sqlite_strict=True,
    )
    op.create_index(
        "uq_campaigns_current",
        "campaigns",
        ["account_id", "remote_id"],
        unique=True,
        sqlite_where=sa.text("until_version IS NULL"),
        postgresql_where=sa.text("until_version IS NULL"),
    )


def _decisions() -> None:
    op.create_table(
        "decisions",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("cycle_id", sa.BigInteger(), nullable=False),
        sa.Column("entity_kind", AutoString(), nullable=False),
        sa.Column("entity_id", AutoString(), nullable=False),
        sa.Column("field", AutoString(), nullable=False),
        sa.Column("old", AutoString(), nullable=True),
        sa.Column("wanted", AutoString(), nullable=False),
        sa.Column("kept", AutoString(), nullable=True),
        sa.Column("reason_code", AutoString(), nullable=False),
        sa.Column("evidence", AutoString(), nullable=False),
        sa.Column("gain_micros", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["cycle_id"], ["cycles.id"], name=op.f("fk_decisions_cycle_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_decisions")),
        sqlite_strict=True,
    )
    op.create_index("ix_decisions_cycle_id", "decisions", ["cycle_id"], unique=False)


def _holds() -> None:
    op.create_table(
        "holds",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("account_id", sa.BigInteger(), nullable=False),
        sa.Column("entity_kind", AutoString(), nullable=False),
        sa.Column("entity_id", AutoString(), nullable=False),
        sa.Column("reason_code", AutoString(), nullable=False),
        sa.Column("evidence", AutoString(), nullable=False),
        sa.Column("first_cycle", sa.BigInteger(), nullable=False),
        sa.Column("last_cycle", sa.BigInteger(), nullable=True),
        sa.Column("since", UTCDateTime(), nullable=False),
        sa.Column("until", UTCDateTime(), nullable=True),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_holds_account_id")),
        sa.ForeignKeyConstraint(["first_cycle"], ["cycles.id"], name=op.f("fk_holds_first_cycle")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_holds")),
        sqlite_strict=True,
    )
    op.create_index("ix_holds_account_id_entity_id", "holds", ["account_id", "entity_id"], unique=False)
    op.create_index(
        "uq_holds_open",
        "holds",
        ["account_id", "entity_kind", "entity_id", "reason_code"],
        unique=True,
        sqlite_where=sa.text("until IS NULL"),
        postgresql_where=sa.text("until IS NULL"),
    )


def _intents() -> None:
    op.create_table(
        "intents",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("key", AutoString(), nullable=False),
        sa.Column("account_id", sa.BigInteger(), nullable=False),
        sa.Column("cycle_id", sa.BigInteger(), nullable=False),
        sa.Column("entity_kind", AutoString(), nullable=False),
        sa.Column("entity_id", AutoString(), nullable=False),
        sa.Column("field", AutoString(), nullable=False),
        sa.Column("old", AutoString(), nullable=True),
        sa.Column("new", AutoString(), nullable=False),
        sa.Column("reason_code", AutoString(), nullable=False),
        sa.Column("evidence", AutoString(), nullable=False),
        sa.Column("gain_micros", sa.BigInteger(), nullable=False),
        sa.Column("status", AutoString(), nullable=False),
        sa.Column("created_at", UTCDateTime(), nullable=False),
        sa.Column("sent_at", UTCDateTime(), nullable=True),
        sa.Column("settled_at", UTCDateTime(), nullable=True),
        sa.Column("seen_old", sa.Integer(), nullable=False),
        sa.Column("detail", AutoString(), nullable=False),
        sa.CheckConstraint(
            "status IN ('pending', 'confirmed', 'rejected', 'withheld', 'unknown', 'abandoned', 'foreign')",
            name=op.f("ck_intents_status_known"),
        ),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_intents_account_id")),
        sa.ForeignKeyConstraint(["cycle_id"], ["cycles.id"], name=op.f("fk_intents_cycle_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_intents")),
        sa.UniqueConstraint("key", name=op.f("uq_intents_key")),
        sqlite_strict=True,
    )
    op.create_index("ix_intents_created_at", "intents", ["created_at"], unique=False)
    op.create_index("ix_intents_cycle_id", "intents", ["cycle_id"], unique=False)
    op.create_index(
        "uq_intents_unresolved",
        "intents",
        ["account_id", "entity_kind", "entity_id", "field"],
        unique=True,
        sqlite_where=sa.text("status IN ('pending', 'unknown')"),
        postgresql_where=sa.text("status IN ('pending', 'unknown')"),
    )


def _objections() -> None:
    op.create_table(
        "objections",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("cycle_id", sa.BigInteger(), nullable=False),
        sa.Column("entity_kind", AutoString(), nullable=True),
        sa.Column("entity_id", AutoString(), nullable=True),
        sa.Column("field", AutoString(), nullable=True),
        sa.Column("wanted", AutoString(), nullable=True),
        sa.Column("kept", AutoString(), nullable=True),
        sa.Column("reason_code", AutoString(), nullable=False),
        sa.Column("evidence", AutoString(), nullable=False),
        sa.ForeignKeyConstraint(["cycle_id"], ["cycles.id"], name=op.f("fk_objections_cycle_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_objections")),
        sqlite_strict=True,
    )
    op.create_index("ix_objections_cycle_id", "objections", ["cycle_id"], unique=False)


def _products() -> None:
    op.create_table(
        "products",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("account_id", sa.BigInteger(), nullable=False),
        sa.Column("remote_id", AutoString(), nullable=False),
        sa.Column("since_version", sa.BigInteger(), nullable=False),
        sa.Column("until_version", sa.BigInteger(), nullable=True),
        sa.Column("title", AutoString(), nullable=False),
        sa.Column("category", AutoString(), nullable=False),
        sa.Column("price_micros", sa.BigInteger(), nullable=True),
        sa.Column("unit_cost_micros", sa.BigInteger(), nullable=True),
        sa.Column("margin", sa.Float(), nullable=True),
        sa.Column("refund_rate", sa.Float(), nullable=True),
        sa.Column("return_cost_micros", sa.BigInteger(), nullable=True),
        sa.Column("stock", sa.BigInteger(), nullable=True),
        sa.Column("core_sizes_gone", sa.Boolean(), nullable=False),
        sa.Column("launch_date", sa.Date(), nullable=True),
        sa.Column("lead_time_days", sa.Integer(), nullable=True),
        sa.CheckConstraint("margin IS NULL OR (margin >= 0 AND margin <= 1)", name=op.f("ck_products_margin_is_share")),
        sa.CheckConstraint(
            "refund_rate IS NULL OR (refund_rate >= 0 AND refund_rate <= 1)", name=op.f("ck_products_refund_is_share")
        ),
        sa.CheckConstraint("stock IS NULL OR stock >= 0", name=op.f("ck_products_stock_sane")),
        sa.CheckConstraint("until_version IS NULL OR until_version > since_version", name=op.f("ck_products_interval")),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_products_account_id")),
        sa.ForeignKeyConstraint(["since_version"], ["structure_versions.id"], name=op.f("fk_products_since_version")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_products")),
        sqlite_strict=True,
    )
    op.create_index(
        "uq_products_current",
        "products",
        ["account_id", "remote_id"],
        unique=True,
        sqlite_where=sa.text("until_version IS NULL"),
        postgresql_where=sa.text("until_version IS NULL"),
    )


def _reports() -> None:
    op.create_table(
        "reports",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("account_id", sa.BigInteger(), nullable=False),
        sa.Column("series_id", sa.BigInteger(), nullable=False),
        sa.Column("first_day", sa.Integer(), nullable=False),
        sa.Column("last_day", sa.Integer(), nullable=False),
        sa.Column("observed_at", UTCDateTime(), nullable=False),
        sa.Column("rows", sa.Integer(), nullable=False),
        sa.Column("rows_changed", sa.Integer(), nullable=False),
        sa.Column("account_spend_micros", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_reports_account_id")),
        sa.ForeignKeyConstraint(["series_id"], ["fact_series.id"], name=op.f("fk_reports_series_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reports")),
        sqlite_strict=True,
    )
    op.create_index("ix_reports_account_id_id", "reports", ["account_id", "id"], unique=False)


def _targets() -> None:
    op.create_table(
        "targets",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("account_id", sa.BigInteger(), nullable=False),
        sa.Column("remote_id", AutoString(), nullable=False),
        sa.Column("since_version", sa.BigInteger(), nullable=False),
        sa.Column("until_version", sa.BigInteger(), nullable=True),
        sa.Column("ad_group_remote_id", AutoString(), nullable=False),
        sa.Column("campaign_remote_id", AutoString(), nullable=False),
        sa.Column("kind", AutoString(), nullable=False),
        sa.Column("text", AutoString(), nullable=False),
        sa.Column("match_type", AutoString(), nullable=False),
        sa.Column("state", AutoString(), nullable=False),
        sa.Column("bid_micros", sa.BigInteger(), nullable=True),
        sa.Column("product_remote_id", AutoString(), nullable=True),
        sa.Column("quality", sa.Float(), nullable=True),
        sa.Column("brand", sa.Boolean(), nullable=False),
        sa.Column("last_editor", AutoString(), nullable=False),
        sa.CheckConstraint("until_version IS NULL OR until_version > since_version", name=op.f("ck_targets_interval")),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_targets_account_id")),
        sa.ForeignKeyConstraint(["since_version"], ["structure_versions.id"], name=op.f("fk_targets_since_version")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_targets")),
        sqlite_strict=True,
    )
    op.create_index(
        "uq_targets_current",
        "targets",
        ["account_id", "remote_id"],
        unique=True,
        sqlite_where=sa.text("until_version IS NULL"),
        postgresql_where=sa.text("until_version IS NULL"),
    )


def _outcomes() -> None:
    op.create_table(
        "outcomes",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("intent_id", sa.BigInteger(), nullable=False),
        sa.Column("at", UTCDateTime(), nullable=False),
        sa.Column("status", AutoString(), nullable=False),
        sa.Column("observed", AutoString(), nullable=True),
        sa.Column("code", AutoString(), nullable=False),
        sa.Column("detail", AutoString(), nullable=False),
        sa.ForeignKeyConstraint(["intent_id"], ["intents.id"], name=op.f("fk_outcomes_intent_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outcomes")),
        sqlite_strict=True,
    )
    op.create_index("ix_outcomes_intent_id", "outcomes", ["intent_id"], unique=False)


def _reservations() -> None:
    op.create_table(
        "reservations",
        sa.Column("intent_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("account_id", sa.BigInteger(), nullable=False),
        sa.Column("campaign_id", AutoString(), nullable=False),
        sa.Column("field", AutoString(), nullable=False),
        sa.Column("new", AutoString(), nullable=False),
        sa.Column("cap_micros", sa.BigInteger(), nullable=False),
        sa.Column("reserved_at", UTCDateTime(), nullable=False),
        sa.Column("released_at", UTCDateTime(), nullable=True),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_reservations_account_id")),
        sa.ForeignKeyConstraint(["intent_id"], ["intents.id"], name=op.f("fk_reservations_intent_id")),
        sa.PrimaryKeyConstraint("intent_id", name=op.f("pk_reservations")),
        sqlite_strict=True,
    )
    op.create_index(
        "ix_reservations_open",
        "reservations",
        ["account_id"],
        unique=False,
        sqlite_where=sa.text("released_at IS NULL"),
        postgresql_where=sa.text("released_at IS NULL"),
    )
