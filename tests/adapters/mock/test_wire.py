"""The mock's JSON and report files: what is written is what is read, in any order and however often it comes."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.mock import wire
from adapters.mock.reports import ReportSpec
from adapters.mock.rules import VenueRules
from adapters.mock.sheets import ROWS_A_PAGE, pack, read_pages, unpack_page, write_pages
from bidder.core.calendar import DayRange, ordinal
from bidder.core.change import Change, Field, Outcome, Settings, Status, Value
from bidder.core.entities import (
    AdGroup,
    AdGroupId,
    Campaign,
    CampaignId,
    Editor,
    EntityKind,
    EntityRef,
    MatchType,
    Product,
    ProductId,
    State,
    Target,
    TargetId,
    TargetKind,
)
from bidder.core.money import Money
from bidder.core.performance import (
    COLUMNS,
    Grain,
    Level,
    PerformanceReport,
    PerformanceTable,
    ProductSalesTable,
    micros_since_epoch,
)
from bidder.core.reasons import Code, Reason
from bidder.core.refusal import refusal
from bidder.errors import ContractBroken, Refused
from bidder.http import Json, Node, encode_json, parse_json
from tests.adapters.mock.venues import change, small_shop

NOW = datetime(2026, 6, 18, 10, tzinfo=UTC)
PROFILE = VenueRules().profile(small_shop())
names = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12)
money = st.integers(0, 10**14).map(lambda micros: Money(micros, "CNY"))
states = st.sampled_from([State.ENABLED, State.PAUSED, State.ARCHIVED])
editors = st.sampled_from(list(Editor))
factors = st.sampled_from([24, 168]).flatmap(
    lambda n: st.lists(st.floats(0, 9, width=32), min_size=n, max_size=n).map(tuple)
)
shares = st.floats(0, 1)
campaigns = st.builds(
    Campaign,
    id=names.map(CampaignId),
    name=names,
    state=states,
    daily_budget=st.none() | money,
    dayparts=st.none() | factors,
    last_editor=editors,
)
groups = st.builds(
    AdGroup,
    id=names.map(AdGroupId),
    campaign_id=names.map(CampaignId),
    name=names,
    state=states,
    default_bid=st.none() | money,
    last_editor=editors,
)
targets = st.builds(
    Target,
    id=names.map(TargetId),
    ad_group_id=names.map(AdGroupId),
    campaign_id=names.map(CampaignId),
    kind=st.sampled_from(list(TargetKind)),
    text=names,
    match_type=st.sampled_from(list(MatchType)),
    state=states,
    bid=st.none() | money,
    product_id=st.none() | names.map(ProductId),
    quality=st.none() | st.floats(0.1, 10),
    brand=st.booleans(),
    last_editor=editors,
)
products = st.builds(
    Product,
    id=names.map(ProductId),
    title=names,
    category=names,
    price=st.none() | money,
    unit_cost=st.none() | money,
    margin=st.none() | shares,
    refund_rate=st.none() | shares,
    return_cost=st.none() | money,
    stock=st.none() | st.integers(0, 10**6),
    launch_date=st.none() | st.dates(date(2000, 1, 1), date(2100, 1, 1)),
    lead_time_days=st.none() | st.integers(0, 400),
)


def over(payload: Json) -> Node:
    """Send a payload through JSON."""
    return parse_json(encode_json(payload))


@given(campaigns, groups, targets, products)
def test_entities_come_back_as_they_went(campaign: Campaign, group: AdGroup, target: Target, product: Product) -> None:
    """Every field of every entity survives the wire exactly."""
    assert campaign == wire.decode_campaign(over(wire.encode_campaign(campaign)), "CNY")
    assert group == wire.decode_ad_group(over(wire.encode_ad_group(group)), "CNY")
    assert target == wire.decode_target(over(wire.encode_target(target)), "CNY")
    assert product == wire.decode_product(over(wire.encode_product(product)), "CNY")


VALUES: dict[Field, st.SearchStrategy[Value]] = {
    Field.BID: money,
    Field.DAILY_BUDGET: money,
    Field.STATE: states,
    Field.DAYPARTS: factors,
}
settings_of = st.sampled_from(list(Field)).flatmap(lambda field: st.tuples(st.just(field), VALUES[field]))
refs = st.builds(EntityRef, st.sampled_from(list(EntityKind)), names)


@given(settings_of, refs, names, editors)
def test_changes_and_answers_come_back_as_they_went(
    setting: tuple[Field, Value], ref: EntityRef, key: str, editor: Editor
) -> None:
    """A change, its outcome and a read-back survive the wire exactly."""
    field, value = setting
    reason = Reason.of(Code.RESTORE, what="the request")
    wanted = Change(ref=ref, field=field, old=None, new=value, reason=reason)
    settings = Settings(ref=ref, values={field: value, Field.STATE: State.PAUSED}, editor=editor)
    done = Outcome(key=key, status=Status.CONFIRMED, observed=value)
    refused = Outcome(key=key, status=Status.REJECTED, code="NO", detail="no")

    assert (wanted, key) == wire.decode_change(over(wire.encode_change(wanted, key)))
    assert settings == wire.decode_settings(over(wire.encode_settings(settings)))
    assert done == wire.decode_outcome(over(wire.encode_outcome(done)))
    assert refused == wire.decode_outcome(over(wire.encode_outcome(refused)))


@pytest.mark.parametrize("status", ["accepted", "maybe", "OK ", "error"])
def test_answer_that_is_neither_yes_nor_no_is_unknown(status: str) -> None:
    """Only the agreed words confirm or reject."""
    assert Status.UNKNOWN is wire.decode_outcome(over({"key": "k", "status": status})).status


def test_profile_comes_back_as_it_went() -> None:
    """All rules survive the wire, quotas too; a capability that we do not know is left out."""
    rules = VenueRules(
        settle=timedelta(minutes=3), quotas={(EntityKind.CAMPAIGN, Field.DAILY_BUDGET): 5}, idempotent=False
    )
    profile = rules.profile(small_shop())
    payload = wire.encode_profile(profile)
    supports = payload["supports"]
    assert isinstance(supports, list)

    assert profile == wire.decode_profile(over(payload))
    assert profile == wire.decode_profile(over({**payload, "supports": [*supports, "mind_reading"]}))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("time_zone", "Mars/Olympus"),
        ("default_window", 99),
        ("overdelivery", 0.5),
        ("maturity", [0.9, 0.5]),
        ("levels", ["planet"]),
        ("batch_size", 0),
        ("currency", "yuan"),
    ],
)
def test_profile_that_makes_no_sense_breaks_the_contract(name: str, value: Json) -> None:
    """Rules that contradict themselves stop the account instead of moving its money."""
    payload = wire.encode_profile(VenueRules().profile(small_shop()))

    with pytest.raises(ContractBroken):
        wire.decode_profile(over({**payload, name: value}))


def report_of(rows: int, *, seed: int = 1) -> PerformanceReport:
    """Return a report with distinct rows, and sales."""
    rng = np.random.default_rng(seed)
    days = DayRange(first=date(2026, 6, 1), last=date(2026, 6, 10))
    cells = rng.permutation(10 * max(rows, 1))[:rows]
    counts: dict[str, Any] = {name: rng.integers(0, 999, rows) for name in COLUMNS}
    facts = PerformanceTable(
        level=Level.TARGET,
        grain=Grain.DAY,
        window_days=15,
        currency="CNY",
        entity_ids=tuple(f"T{n}" for n in range(max(rows, 1))),
        **{
            **counts,
            "entity": (cells // 10).astype(np.int32),
            "day": (cells % 10 + ordinal(days.first)).astype(np.int32),
            "hour": np.full(rows, -1, dtype=np.int8),
            "observed_at": np.full(rows, micros_since_epoch(NOW)),
        },
    )
    sales = ProductSalesTable(
        currency="CNY",
        product_ids=("P1", "P2"),
        product=np.array([0, 1], dtype=np.int32),
        day=np.array([20_000, 20_000], dtype=np.int32),
        units=np.array([3, 0]),
        refunded_units=np.array([1, 0]),
        revenue_micros=np.array([30, 0]),
        refund_micros=np.array([10, 0]),
        visitors=np.array([9, -1]),
        carts=np.array([2, -1]),
        in_stock_hours=np.array([24.0, np.nan]),
        observed_at=np.full(2, micros_since_epoch(NOW)),
    )
    total = int(facts.spend_micros.sum())
    return PerformanceReport(facts=facts, products=sales, days=days, account_spend_micros=total, observed_at=NOW)


def pages_of(report: PerformanceReport) -> list[Node]:
    """Send a report through files."""
    written = write_pages(report, account="a", known_until=NOW)
    return [unpack_page(pack(page), place=f"page {n}") for n, page in enumerate(written)]


def read(pages: list[Node], report: PerformanceReport) -> PerformanceReport:
    """Put pages together."""
    spec = ReportSpec(days=report.days, grain=Grain.DAY, window_days=15)
    return read_pages(pages, spec, account="a", currency="CNY", observed_at=NOW)


def sorted_rows(table: PerformanceTable) -> list[tuple[int, ...]]:
    """Return all rows in an order of their own."""
    return sorted(zip(*(getattr(table, name).tolist() for name in COLUMNS), strict=True))


@pytest.mark.parametrize("rows", [0, 1, ROWS_A_PAGE, 2 * ROWS_A_PAGE + 3])
def test_report_comes_back_in_any_order_of_pages(rows: int) -> None:
    """Shuffled and repeated pages give the same rows; sales keep what is unknown."""
    report = report_of(rows)
    pages = pages_of(report)

    found = read([*pages[::-1], pages[0]], report)

    assert sorted_rows(report.facts) == sorted_rows(found.facts)
    assert report.account_spend_micros == found.account_spend_micros
    assert found.products is not None
    assert report.products is not None
    assert [9, -1] == found.products.visitors.tolist()
    assert np.array_equal(report.products.in_stock_hours, found.products.in_stock_hours, equal_nan=True)


def test_missing_page_is_not_an_empty_one() -> None:
    """A report of three pages of which two came is no report."""
    report = report_of(2 * ROWS_A_PAGE + 3)

    with pytest.raises(ContractBroken, match="expected pages 0 to 2"):
        read(pages_of(report)[:2], report)


def test_two_rows_for_one_thing_break_the_contract() -> None:
    """A row that comes twice with different figures is not averaged, summed or guessed."""
    report = report_of(10)
    (page,) = write_pages(report, account="a", known_until=NOW)
    rows = page["rows"]
    assert isinstance(rows, dict)
    doubled: dict[str, Json] = {name: [*values, values[0]] for name, values in rows.items() if isinstance(values, list)}
    clicks = doubled["clicks"]
    assert isinstance(clicks, list)
    doubled["clicks"] = [*clicks[:-1], 10_000]

    with pytest.raises(ContractBroken, match="two different"):
        read([over({**page, "rows": doubled})], report)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("account", "b"),
        ("currency", "USD"),
        ("window_days", 7),
        ("grain", "hour"),
        ("from", "2026-05-31"),
        ("level", "planet"),
        ("rows", {}),
        ("ids", ["T0"]),
    ],
)
def test_page_about_something_else_breaks_the_contract(name: str, value: Json) -> None:
    """A report for another account, currency, window or days is never data."""
    report = report_of(10)
    (page,) = write_pages(report, account="a", known_until=NOW)

    with pytest.raises(ContractBroken) as caught:
        read([over({**page, name: value})], report)

    assert caught.value.field


@given(
    st.sampled_from([Field.BID, Field.DAILY_BUDGET]),
    st.integers(0, 200_000_000) | st.integers(0, 2 * 10**13),
    st.sampled_from(["CNY", "USD"]),
)
def test_what_is_refused_here_is_what_the_venue_would_refuse(field: Field, micros: int, currency: str) -> None:
    """Our own check before sending and the venue's agree on every amount."""
    kind = EntityKind.TARGET if field is Field.BID else EntityKind.CAMPAIGN
    wanted = change(kind, "x", field, Money(micros, currency))

    ours = refusal(wanted, "k", PROFILE)

    assert _venues_code(wanted) == (None if ours is None else ours.code)
    assert ours is None or Status.REJECTED is ours.status


def _venues_code(wanted: Change) -> str | None:
    try:
        VenueRules().check(wanted.ref.kind, wanted.field, wanted.new, currency="CNY")
    except Refused as exc:
        return exc.code
    return None
