"""Tables of advertiser accounts and what they are made of, with every earlier state kept.

Campaigns, ad groups, targets and products are kept as intervals: a row holds from `since_version` to
`until_version` of the account's structure, so that any past snapshot can be rebuilt. Only what changed is written.
"""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import BigInteger, CheckConstraint, Index, column
from sqlmodel import Field

from models.columns import STRICT, Key, Row


class AccountRow(Row, table=True):
    """One advertiser account at one marketplace."""

    __tablename__ = "accounts"
    __table_args__ = (CheckConstraint("length(currency) = 3", name="currency_is_iso"), STRICT)

    id: int | None = Field(default=None, primary_key=True, sa_type=Key)
    name: str = Field(unique=True)
    adapter: str
    remote_id: str
    owner: str
    currency: str
    time_zone: str
    first_seen: datetime
    balance_micros: int | None = Field(default=None, sa_type=BigInteger)
    structure_at: datetime | None = None


class StructureVersionRow(Row, table=True):
    """One state of an account's structure that differed from the one before.

    ``id_order`` lists the entity ids in the venue's order (compressed JSON); null where it did not change.
    """

    __tablename__ = "structure_versions"
    __table_args__ = (STRICT,)

    id: int | None = Field(default=None, primary_key=True, sa_type=Key)
    account_id: int = Field(foreign_key="accounts.id", index=True, sa_type=BigInteger)
    observed_at: datetime
    balance_micros: int | None = Field(default=None, sa_type=BigInteger)
    id_order: bytes | None = None


def _interval_index(table: str) -> tuple[Index, CheckConstraint]:
    """Let an entity have one current row, found by account."""
    open_ended = column("until_version").is_(None)
    return (
        Index(
            f"uq_{table}_current",
            "account_id",
            "remote_id",
            unique=True,
            sqlite_where=open_ended,
            postgresql_where=open_ended,
        ),
        CheckConstraint("until_version IS NULL OR until_version > since_version", name="interval"),
    )


class CampaignRow(Row, table=True):
    """A campaign, for a run of structure versions."""

    __tablename__ = "campaigns"
    __table_args__ = (
        *_interval_index("campaigns"),
        CheckConstraint("daily_budget_micros IS NULL OR daily_budget_micros >= 0", name="budget_sane"),
        STRICT,
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=Key)
    account_id: int = Field(foreign_key="accounts.id", sa_type=BigInteger)
    remote_id: str
    since_version: int = Field(foreign_key="structure_versions.id", sa_type=BigInteger)
    until_version: int | None = Field(default=None, sa_type=BigInteger)
    name: str
    state: str
    daily_budget_micros: int | None = Field(default=None, sa_type=BigInteger)
    shared_budget_id: str | None = None
    manual_bids: bool = True
    dayparts: str | None = None
    last_editor: str


class AdGroupRow(Row, table=True):
    """An ad group, for a run of structure versions."""

    __tablename__ = "ad_groups"
    __table_args__ = (*_interval_index("ad_groups"), STRICT)

    id: int | None = Field(default=None, primary_key=True, sa_type=Key)
    account_id: int = Field(foreign_key="accounts.id", sa_type=BigInteger)
    remote_id: str
    since_version: int = Field(foreign_key="structure_versions.id", sa_type=BigInteger)
    until_version: int | None = Field(default=None, sa_type=BigInteger)
    campaign_remote_id: str
    name: str
    state: str
    default_bid_micros: int | None = Field(default=None, sa_type=BigInteger)
    last_editor: str


class TargetRow(Row, table=True):
    """A keyword, product or audience that can carry a bid, for a run of structure versions."""

    __tablename__ = "targets"
    __table_args__ = (*_interval_index("targets"), STRICT)

    id: int | None = Field(default=None, primary_key=True, sa_type=Key)
    account_id: int = Field(foreign_key="accounts.id", sa_type=BigInteger)
    remote_id: str
    since_version: int = Field(foreign_key="structure_versions.id", sa_type=BigInteger)
    until_version: int | None = Field(default=None, sa_type=BigInteger)
    ad_group_remote_id: str
    campaign_remote_id: str
    kind: str
    text: str
    match_type: str
    state: str
    bid_micros: int | None = Field(default=None, sa_type=BigInteger)
    product_remote_id: str | None = None
    quality: float | None = None
    brand: bool = False
    last_editor: str


class ProductRow(Row, table=True):
    """An advertised product and its economics, for a run of structure versions."""

    __tablename__ = "products"
    __table_args__ = (
        *_interval_index("products"),
        CheckConstraint("margin IS NULL OR (margin >= 0 AND margin <= 1)", name="margin_is_share"),
        CheckConstraint("refund_rate IS NULL OR (refund_rate >= 0 AND refund_rate <= 1)", name="refund_is_share"),
        CheckConstraint("stock IS NULL OR stock >= 0", name="stock_sane"),
        STRICT,
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=Key)
    account_id: int = Field(foreign_key="accounts.id", sa_type=BigInteger)
    remote_id: str
    since_version: int = Field(foreign_key="structure_versions.id", sa_type=BigInteger)
    until_version: int | None = Field(default=None, sa_type=BigInteger)
    title: str
    category: str
    price_micros: int | None = Field(default=None, sa_type=BigInteger)
    unit_cost_micros: int | None = Field(default=None, sa_type=BigInteger)
    margin: float | None = None
    refund_rate: float | None = None
    return_cost_micros: int | None = Field(default=None, sa_type=BigInteger)
    stock: int | None = Field(default=None, sa_type=BigInteger)
    core_sizes_gone: bool = False
    launch_date: date | None = None
    lead_time_days: int | None = None


class ExternalEditRow(Row, table=True):
    """An edit by somebody else, and until when the entity is left alone for it."""

    __tablename__ = "external_edits"
    __table_args__ = (Index("ix_external_edits_account_id_at", "account_id", "at"), STRICT)

    id: int | None = Field(default=None, primary_key=True, sa_type=Key)
    account_id: int = Field(foreign_key="accounts.id", sa_type=BigInteger)
    entity_kind: str
    entity_id: str
    field: str
    old: str | None = None
    new: str | None = None
    actor: str
    at: datetime
    left_alone_until: datetime | None = None
    reason_code: str


class LifecycleStageRow(Row, table=True):
    """The present lifecycle record of one product."""

    __tablename__ = "lifecycle_stages"
    __table_args__ = (STRICT,)

    account_id: int = Field(
        primary_key=True, foreign_key="accounts.id", sa_type=BigInteger, sa_column_kwargs={"autoincrement": False}
    )
    product_id: str = Field(primary_key=True)
    stage: str
    since: date
    entering: int
    leaving: int
    day: date
