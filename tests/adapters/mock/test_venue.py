"""The venue's side of an account: what it takes, what it refuses, what it remembers and what it shows when."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pytest

from adapters.mock.advertiser import Advertiser, ConsoleEdit, JobState
from adapters.mock.history import open_market
from adapters.mock.reports import ReportSpec, build_report
from adapters.mock.rules import VenueRules
from adapters.mock.venue import Venue
from bidder.core.calendar import DayRange, day_of, day_start, ordinal
from bidder.core.change import Field, Outcome, Status, Value
from bidder.core.entities import AccountId, AdGroup, Campaign, Editor, EntityKind, EntityRef, State, Target
from bidder.core.money import Money
from bidder.core.performance import Grain, Level
from bidder.errors import InputError, Refused
from tests.adapters.mock.venues import change, small_shop, small_venue

YUAN = 1_000_000
HOUR = timedelta(hours=1)


def cny(units: float) -> Money:
    """Return yuan."""
    return Money(round(units * YUAN), "CNY")


def only(venue: Venue) -> Advertiser:
    """Return the venue's only account."""
    return next(iter(venue.advertisers.values()))


def send(venue: Venue, kind: EntityKind, name: str, field: Field, value: Value, *, key: str = "k") -> Outcome:
    """Submit one change through the API."""
    return only(venue).submit([change(kind, name, field, value)], [key], venue.now)[0]


def standing(venue: Venue, kind: EntityKind, name: str, field: Field) -> Value | None:
    """Return what reads show."""
    return only(venue).settings([EntityRef(kind, name)], venue.now)[0].values[field]


CAMPAIGN, GROUP, TARGET = EntityKind.CAMPAIGN, EntityKind.AD_GROUP, EntityKind.TARGET

GOOD: list[tuple[EntityKind, str, Field, Value]] = [
    (TARGET, "T0001", Field.BID, cny(1.23)),
    (TARGET, "T0001", Field.STATE, State.PAUSED),
    (GROUP, "G001", Field.BID, cny(0.5)),
    (GROUP, "G001", Field.STATE, State.PAUSED),
    (CAMPAIGN, "C01", Field.DAILY_BUDGET, cny(77)),
    (CAMPAIGN, "C01", Field.STATE, State.PAUSED),
    (CAMPAIGN, "C01", Field.DAYPARTS, (0.5,) * 24),
    (CAMPAIGN, "C01", Field.DAYPARTS, (1.25,) * 168),
]


@pytest.mark.parametrize(("kind", "name", "field", "value"), GOOD, ids=[f"{k}-{f}-{n}" for n, (k, _, f, _) in
                                                                       enumerate(GOOD)])  # fmt: skip
def test_change_is_made_shown_and_remembered(kind: EntityKind, name: str, field: Field, value: Value) -> None:
    """What the venue confirms is what it shows, and stands in its history with key and editor."""
    venue = small_venue(history_days=1)
    before = standing(venue, kind, name, field)

    outcome = send(venue, kind, name, field, value)

    assert (Status.CONFIRMED, value) == (outcome.status, outcome.observed)
    assert value == standing(venue, kind, name, field)
    structure = only(venue).structure(AccountId("a"), venue.now)
    entities: list[Campaign | AdGroup | Target] = [*structure.campaigns, *structure.ad_groups, *structure.targets]
    entity = next(e for e in entities if e.id == name)
    attribute = {Field.BID: "bid" if kind is TARGET else "default_bid"}.get(field, field.value)
    assert value == getattr(entity, attribute)
    assert Editor.DAEMON is entity.last_editor
    event = only(venue).history[-1]
    assert ("k", before, value, Editor.DAEMON, venue.now) == (event.key, event.old, event.new, event.editor, event.at)


BAD: list[tuple[EntityKind, str, Field, Value, str]] = [
    (TARGET, "T9999", Field.BID, cny(1), "NOT_FOUND"),
    (TARGET, "T0001", Field.BID, cny(1.005), "OFF_INCREMENT"),
    (TARGET, "T0001", Field.BID, cny(0.01), "OUT_OF_BOUNDS"),
    (TARGET, "T0001", Field.BID, cny(100), "OUT_OF_BOUNDS"),
    (TARGET, "T0001", Field.BID, Money(YUAN, "USD"), "WRONG_CURRENCY"),
    (TARGET, "T0001", Field.DAILY_BUDGET, cny(10), "UNSUPPORTED"),
    (TARGET, "T0001", Field.STATE, State.OTHER, "INVALID_STATE"),
    (CAMPAIGN, "C01", Field.BID, cny(1), "UNSUPPORTED"),
    (CAMPAIGN, "C01", Field.DAILY_BUDGET, cny(10.5), "OFF_INCREMENT"),
    (CAMPAIGN, "C01", Field.DAILY_BUDGET, cny(0), "OUT_OF_BOUNDS"),
    (CAMPAIGN, "C01", Field.DAYPARTS, (-1.0,) * 24, "INVALID_DAYPARTS"),
    (CAMPAIGN, "C01", Field.DAYPARTS, (1.0,) * 23, "INVALID_DAYPARTS"),
    (CAMPAIGN, "C01", Field.DAYPARTS, (float("nan"),) * 24, "INVALID_DAYPARTS"),
]


@pytest.mark.parametrize(("kind", "name", "field", "value", "code"), BAD, ids=[f"{n}-{row[-1]}" for n, row in
                                                                              enumerate(BAD)])  # fmt: skip
def test_value_that_the_venue_does_not_take_changes_nothing(
    kind: EntityKind, name: str, field: Field, value: Value, code: str
) -> None:
    """A refusal has a code, and leaves no trace in the history."""
    venue = small_venue(history_days=1)

    outcome = send(venue, kind, name, field, value)

    assert (Status.REJECTED, code) == (outcome.status, outcome.code)
    assert [] == only(venue).history
    assert [(code, False)] == [(attempt.code, attempt.replayed) for attempt in only(venue).attempts]


def test_archived_entity_stays_archived() -> None:
    """Archiving cannot be undone, as at real venues."""
    venue = small_venue(history_days=1)
    send(venue, TARGET, "T0001", Field.STATE, State.ARCHIVED, key="a")

    assert "ARCHIVED" == send(venue, TARGET, "T0001", Field.STATE, State.ENABLED, key="b").code


def test_repeated_key_is_answered_as_before_and_does_nothing() -> None:
    """The venue recognises a key, and refuses it for another change."""
    venue = small_venue(history_days=1)
    first = send(venue, TARGET, "T0001", Field.BID, cny(1.2), key="one")
    send(venue, TARGET, "T0001", Field.BID, cny(1.3), key="two")

    again = send(venue, TARGET, "T0001", Field.BID, cny(1.2), key="one")
    other = send(venue, TARGET, "T0002", Field.BID, cny(1.2), key="one")

    assert first == again
    assert cny(1.3) == standing(venue, TARGET, "T0001", Field.BID)
    assert "KEY_REUSED" == other.code
    assert ["one", "two"] == [event.key for event in only(venue).history]


def test_venue_without_keys_does_it_again() -> None:
    """A venue that does not know keys carries a repeat out."""
    venue = small_venue(VenueRules(idempotent=False), history_days=1)
    for value in (1.2, 1.3, 1.2):
        send(venue, TARGET, "T0001", Field.BID, cny(value), key="one")

    assert cny(1.2) == standing(venue, TARGET, "T0001", Field.BID)
    assert 3 == len(only(venue).history)


def test_quota_is_counted_by_entity_and_marketplace_day() -> None:
    """The day's changes of one budget are limited; another budget and the next day are not touched by it."""
    venue = small_venue(VenueRules(quotas={(CAMPAIGN, Field.DAILY_BUDGET): 2}), history_days=1)
    codes = [send(venue, CAMPAIGN, "C01", Field.DAILY_BUDGET, cny(50 + n), key=f"k{n}").code for n in range(3)]
    other = send(venue, CAMPAIGN, "C02", Field.DAILY_BUDGET, cny(50), key="other")
    venue.advance(day_start(day_of(venue.now, "Asia/Shanghai") + timedelta(days=1), "Asia/Shanghai"))

    assert ["", "", "QUOTA_EXCEEDED"] == codes
    assert Status.CONFIRMED is other.status
    assert Status.CONFIRMED is send(venue, CAMPAIGN, "C01", Field.DAILY_BUDGET, cny(60), key="new").status
    assert {(CAMPAIGN, Field.DAILY_BUDGET): 2} == dict(only(venue).profile.daily_change_quota)


def test_reads_lag_behind_a_write_until_it_has_settled() -> None:
    """Within the settle time a read shows the old value and editor, everywhere; the truth is in force at once."""
    venue = small_venue(VenueRules(settle=timedelta(minutes=20)), history_days=1)
    account, ref = only(venue), EntityRef(TARGET, "T0001")
    old = account.settings([ref], venue.now)[0]
    send(venue, TARGET, "T0001", Field.BID, cny(9.87))

    venue.advance(venue.now + timedelta(minutes=19))
    assert old == account.settings([ref], venue.now)[0]
    assert old.values[Field.BID] == account.structure(AccountId("a"), venue.now).targets[0].bid

    venue.advance(venue.now + timedelta(minutes=1))
    assert cny(9.87) == account.settings([ref], venue.now)[0].values[Field.BID]
    target = account.structure(AccountId("a"), venue.now).targets[0]
    assert (cny(9.87), Editor.DAEMON) == (target.bid, target.last_editor)


def test_request_larger_than_the_venue_takes_is_refused_whole() -> None:
    """Too many changes in one request: none is made."""
    venue = small_venue(VenueRules(batch_size=2), history_days=1)
    changes = [change(TARGET, f"T000{n}", Field.BID, cny(1)) for n in range(1, 4)]

    outcomes = only(venue).submit(changes, ["a", "b", "c"], venue.now)

    assert {"BATCH_TOO_LARGE"} == {outcome.code for outcome in outcomes}
    assert [] == only(venue).history


def test_people_and_the_platform_edit_when_planned() -> None:
    """Edits by others happen at their time, under the venue's rules, and carry their editor."""
    venue = small_venue(history_days=1)
    account, start = only(venue), venue.now
    budget, bid = EntityRef(CAMPAIGN, "C01"), EntityRef(TARGET, "T0001")
    before = account.settings([budget], start)[0].values[Field.DAILY_BUDGET]
    assert isinstance(before, Money)
    account.plan(
        ConsoleEdit(at=start + 3 * HOUR, ref=budget, field=Field.DAILY_BUDGET, value=1.2, editor=Editor.PLATFORM),
        ConsoleEdit(at=start + 2 * HOUR, ref=bid, field=Field.BID, value=cny(2)),
        ConsoleEdit(at=start + 2 * HOUR, ref=bid, field=Field.BID, value=cny(0.001)),
    )

    venue.advance(start + HOUR)
    assert [] == account.history
    venue.advance(start + 5 * HOUR)

    assert [(start + 2 * HOUR, Editor.PERSON, None), (start + 3 * HOUR, Editor.PLATFORM, None)] == [
        (event.at, event.editor, event.key) for event in account.history
    ]
    raised = account.settings([budget], venue.now)[0]
    assert (before.scaled(1.2, increment=cny(1)), Editor.PLATFORM) == (raised.values[Field.DAILY_BUDGET], raised.editor)
    assert "OFF_INCREMENT" in account.refused_edits[0][1]


@pytest.mark.parametrize("title", ["", "  ", "x" * 65, "two\nlines", "bell\a"])
def test_name_that_the_console_does_not_take(title: str) -> None:
    """Names are short and printable."""
    with pytest.raises(Refused, match="INVALID_TITLE"):
        only(small_venue(history_days=1)).rename(EntityRef(CAMPAIGN, "C01"), title)


def test_renamed_campaign_shows_its_name() -> None:
    """A person may rename what they like; keywords have no name."""
    venue = small_venue(history_days=1)
    only(venue).rename(EntityRef(CAMPAIGN, "C01"), "=HYPERLINK('x')")

    assert "=HYPERLINK('x')" == only(venue).structure(AccountId("a"), venue.now).campaigns[0].name
    with pytest.raises(Refused):
        only(venue).rename(EntityRef(TARGET, "T0001"), "x")


def test_pause_stops_spend_from_the_next_full_hour() -> None:
    """What the venue confirms comes into force in the market."""
    venue = small_venue(history_days=1, hours=10.5)
    account = only(venue)
    for campaign in account.market.shop.campaigns.ids:
        send(venue, CAMPAIGN, campaign, Field.STATE, State.PAUSED, key=campaign)
    venue.advance(venue.now + timedelta(minutes=30))
    spent = account.market.spent_today_micros.sum()
    venue.advance(venue.now + 5 * HOUR)

    assert spent == account.market.spent_today_micros.sum()


def test_only_what_changed_is_built_anew() -> None:
    """A read every hour costs what changed, not what there is."""
    venue = small_venue(history_days=1)
    account = only(venue)
    before = account.structure(AccountId("a"), venue.now)
    send(venue, TARGET, "T0005", Field.BID, cny(3))
    after = account.structure(AccountId("a"), venue.now)

    rebuilt = [t.id for t, old in zip(after.targets, before.targets, strict=True) if t is not old]
    assert ["T0005"] == rebuilt
    assert all(c is old for c, old in zip(after.campaigns, before.campaigns, strict=True))


def test_fork_goes_its_own_way_under_the_same_future() -> None:
    """A copy left alone plays exactly as the original; an edit in one does not show in the other."""
    venue = small_venue(history_days=2)
    twin, other = venue.fork(), venue.fork()
    send(other, CAMPAIGN, "C01", Field.STATE, State.PAUSED)
    for each in (venue, twin, other):
        each.advance(each.now + 30 * HOUR)

    views = [only(each).structure(AccountId("a"), each.now) for each in (venue, twin, other)]
    assert views[0] == views[1]
    assert views[0] != views[2]
    assert ([], 1) == (only(venue).history, len(only(other).history))
    assert State.ENABLED is views[0].campaigns[0].state


def report(venue: Venue, days: DayRange, grain: Grain = Grain.DAY, window: int = 15) -> ReportSpec:
    """Return a question."""
    return ReportSpec(days=days, grain=grain, window_days=window)


def test_report_lags_and_is_restated() -> None:
    """The newest hours are missing, and a day's orders grow for days after it ended."""
    venue = small_venue(history_days=20, hours=12)
    account, today = only(venue), day_of(venue.now, "Asia/Shanghai")
    yesterday = DayRange(first=today - timedelta(days=1), last=today - timedelta(days=1))
    hours = report(venue, DayRange(first=today, last=today), Grain.HOUR)

    first, known_until = account.fetch_report(account.request_report(report(venue, yesterday), venue.now).id)
    newest, _ = account.fetch_report(account.request_report(hours, venue.now).id)
    venue.advance(venue.now + timedelta(days=14))
    later, _ = account.fetch_report(account.request_report(report(venue, yesterday), venue.now).id)

    assert venue.rules.report_lag == first.observed_at - known_until
    assert newest.facts.hour.max() <= 10
    assert first.facts.orders.sum() < later.facts.orders.sum()
    assert first.facts.spend_micros.sum() > later.facts.spend_micros.sum(), "invalid clicks are given back"


def test_report_adds_up_at_both_levels() -> None:
    """Hours by campaign and days by keyword are the same money, and equal the stated total."""
    venue = small_venue(history_days=10, hours=0)
    account, today = only(venue), day_of(venue.now, "Asia/Shanghai")
    days = DayRange.ending(today - timedelta(days=1), days=5)
    daily, _ = account.fetch_report(account.request_report(report(venue, days), venue.now).id)
    hourly, _ = account.fetch_report(account.request_report(report(venue, days, Grain.HOUR), venue.now).id)

    assert (Level.TARGET, Level.CAMPAIGN) == (daily.facts.level, hourly.facts.level)
    for name in ("impressions", "clicks", "spend_micros", "orders", "revenue_micros", "carts"):
        assert getattr(daily.facts, name).sum() == getattr(hourly.facts, name).sum(), name
    assert daily.facts.spend_micros.sum() == daily.account_spend_micros == hourly.account_spend_micros
    assert hourly.products is None
    assert daily.products is not None
    assert daily.products.units.sum() > daily.facts.units.sum(), "all channels sell more than advertising"


def test_days_outside_of_what_was_played_are_left_out() -> None:
    """A question from before the shop opened, or about tomorrow, is answered with what there is."""
    venue = small_venue(history_days=3)
    account, today = only(venue), day_of(venue.now, "Asia/Shanghai")
    wide = DayRange(first=date(2020, 1, 1), last=today + timedelta(days=9))
    past = DayRange(first=date(2020, 1, 1), last=date(2020, 2, 1))

    found, _ = account.fetch_report(account.request_report(report(venue, wide), venue.now).id)
    nothing, _ = account.fetch_report(account.request_report(report(venue, past), venue.now).id)

    assert {ordinal(today) - n for n in range(4)} == set(found.facts.day.tolist())
    assert (wide, past) == (found.days, nothing.days)
    assert (0, 0) == (len(nothing.facts), nothing.account_spend_micros)


def test_report_job_takes_time_lives_and_ends() -> None:
    """A job is prepared, ready, the same however often it is read, and thrown away in the end."""
    venue = small_venue(VenueRules(report_time=timedelta(minutes=30), report_life=timedelta(hours=5)), history_days=3)
    account, today = only(venue), day_of(venue.now, "Asia/Shanghai")
    question = report(venue, DayRange(first=today, last=today))
    job = account.request_report(question, venue.now)

    assert JobState.PREPARING is account.job_state(job.id, venue.now)
    assert job == account.request_report(question, venue.now)
    venue.advance(venue.now + timedelta(minutes=30))
    assert JobState.READY is account.job_state(job.id, venue.now)
    first, _ = account.fetch_report(job.id)
    venue.advance(venue.now + 4 * HOUR)
    again, _ = account.fetch_report(job.id)
    assert (first.facts.spend_micros == again.facts.spend_micros).all()
    venue.advance(venue.now + 2 * HOUR)
    assert JobState.GONE is account.job_state(job.id, venue.now)
    assert JobState.GONE is account.job_state("R999999", venue.now)


def test_hours_of_a_day_with_25_are_24_rows() -> None:
    """When clocks are set back the hour that comes twice is one row with both."""
    shop = replace(small_shop(), zone="America/New_York", start=date(2026, 11, 1))
    market = open_market(shop, history_days=1)
    market.advance(day_start(date(2026, 11, 2), shop.zone))
    spec = ReportSpec(days=DayRange(first=date(2026, 11, 1), last=date(2026, 11, 1)), grain=Grain.HOUR, window_days=15)

    found = build_report(market, spec, level=Level.CAMPAIGN, known_until=market.now, observed_at=market.now)
    keys = list(zip(found.facts.entity.tolist(), found.facts.hour.tolist(), strict=True))
    hourly = market.facts.hourly(date(2026, 11, 1), date(2026, 11, 1), window_days=15, as_of=market.now)

    assert 25 == market.hours.length_of_day(1)
    assert len(set(keys)) == len(keys)
    assert set(range(12)) <= set(np.unique(found.facts.hour).tolist())
    twice = hourly.impressions[1:3].sum()  # One o'clock in the morning comes as the second and the third hour.
    assert int(twice) == int(found.facts.impressions[found.facts.hour == 1].sum())
    assert int(hourly.impressions.sum()) == int(found.facts.impressions.sum())


def test_unknown_account_is_named() -> None:
    """A wrong remote id is answered with those there are."""
    with pytest.raises(InputError, match="it has general-7"):
        small_venue(history_days=1).advertiser("somebody")
