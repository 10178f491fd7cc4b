"""The cycle on a whole fake venue and a real database in memory: what goes out, what is held, what is recorded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from bidder.core.change import Change, Field, Status
from bidder.core.entities import EntityKind, EntityRef, State
from bidder.core.money import Money
from bidder.core.policy import EvidencePolicy, LimitPolicy, PerturbationPolicy, Policy
from bidder.core.reasons import Code, Reason
from bidder.core.snapshot import Mode
from bidder.cycle import CycleReport, CycleStatus, Kit, attend
from bidder.errors import AuthFailed, ContractBroken, MarketplaceError, RateLimited, Unavailable
from bidder.forecast import EmpiricalBayesForecaster
from bidder.queries import why
from bidder.rehearsal import RehearsalMarketplace
from bidder.store import in_memory_store
from tests.fakes import FakeVenue, Word, account, cny, profile

START = datetime(2026, 9, 1, 2, 0, tzinfo=UTC)
SHOP = account()
WORDS = (
    *(Word(bid="1.00", cpc="0.80", clicks=60, orders_per_day=4.0) for _ in range(4)),  # a click earns 8 yuan
    *(Word(bid="3.00", cpc="2.50", clicks=60, orders_per_day=0.6) for _ in range(4)),  # earns 1.2, costs 2.5
)


def policy(**limits: object) -> Policy:
    """Return the shipped policy without the days of mere watching."""
    return Policy(
        cap=cny("1200"),
        limits=LimitPolicy(observe_days=0.0, canary_changes=1000, **limits),  # type: ignore[arg-type]
        evidence=EvidencePolicy(),
    )


def kit(venue: FakeVenue, rules: Policy | None = None) -> Kit:
    """Return production collaborators over the fake venue."""
    rules = rules or policy()
    return Kit(
        market=venue,
        store=in_memory_store(SHOP, rules),
        forecaster=EmpiricalBayesForecaster(rules),
        policy=rules,
    )


def cycles(tools: Kit, number: int, *, every: timedelta = timedelta(hours=25)) -> list[CycleReport]:
    """Run cycles far enough apart that no cooldown stands in the way."""
    return [attend(SHOP, tools, now=START + n * every) for n in range(number)]


def test_money_moves_from_what_loses_to_what_earns() -> None:
    """Bids of losing words fall and those of earning words rise."""
    venue = FakeVenue(words=WORDS)

    cycles(kit(venue), 2)

    moved = {c.ref.id: c for _, c in venue.submitted if c.field is Field.BID}
    assert [moved[f"t{n}"].raises for n in range(8)] == [True] * 4 + [False] * 4


def test_every_entity_has_an_answer_in_every_cycle() -> None:
    """Each campaign, ad group and target is either changed or held with a reason."""
    venue = FakeVenue(words=WORDS)

    for report in cycles(kit(venue), 3):
        answered = {i.change.ref for i in report.intents} | {h.ref for h in report.holds}
        expected = {EntityRef(EntityKind.CAMPAIGN, f"c{n}") for n in range(2)}
        expected |= {EntityRef(EntityKind.AD_GROUP, f"g{n}") for n in range(2)}
        expected |= {EntityRef(EntityKind.TARGET, f"t{n}") for n in range(8)}
        assert answered == expected


def test_intent_is_recorded_before_anything_is_sent() -> None:
    """At the instant of the request the database already holds the intent as pending."""
    venue = FakeVenue(words=WORDS)
    tools = kit(venue)
    unrecorded: list[str] = []

    def look(keys: Sequence[str]) -> None:
        known = {intent.key for intent in tools.store.open_intents(SHOP.id)}
        unrecorded.extend(key for key in keys if key not in known)

    venue.on_submit = look
    cycles(tools, 2)

    assert venue.submitted
    assert unrecorded == []


def test_unknown_outcome_freezes_and_is_never_sent_again() -> None:
    """After a lost answer nothing more is sent for the entity until a read-back has settled it."""
    venue = FakeVenue(words=WORDS, answer=lambda _: Status.UNKNOWN, rules=profile(settle=timedelta(minutes=30)))
    tools = kit(venue)
    first = attend(SHOP, tools, now=START)
    sent = len(venue.submitted)

    again = attend(SHOP, tools, now=START + timedelta(minutes=1))

    assert first.outcomes[Status.UNKNOWN] == sent > 0
    confirmed = {key for key, _ in venue.submitted}
    assert len(confirmed) == len(venue.submitted)
    assert all(i.change.ref not in {c.ref for _, c in venue.submitted[:sent]} for i in again.intents)
    assert not tools.store.open_intents(SHOP.id), "the venue shows the new values: they are confirmed"


def test_a_write_that_never_happened_is_abandoned_and_decided_anew() -> None:
    """The old value read back twice after the settle window frees the entity."""
    venue = FakeVenue(
        words=WORDS, answer=lambda _: Status.UNKNOWN, applies_unknown=False, rules=profile(settle=timedelta(minutes=5))
    )
    tools = kit(venue)
    attend(SHOP, tools, now=START)
    frozen = {intent.change.ref for intent in tools.store.open_intents(SHOP.id)}
    venue.answer = lambda _: Status.CONFIRMED

    for minutes in (10, 20, 30):
        attend(SHOP, tools, now=START + timedelta(minutes=minutes))

    assert frozen
    assert not tools.store.open_intents(SHOP.id)
    assert {c.ref for _, c in venue.submitted[len(frozen) :]} & frozen


def test_an_answer_the_venue_left_out_is_unknown() -> None:
    """Silence about a change is never success."""
    venue = FakeVenue(words=WORDS, silent=True)

    report = attend(SHOP, kit(venue), now=START)

    assert report.outcomes[Status.UNKNOWN] == len(report.intents) > 0


@pytest.mark.parametrize(
    ("failure", "status"),
    [
        (Unavailable("away"), CycleStatus.SKIPPED),
        (RateLimited("slow down", after=30), CycleStatus.SKIPPED),
        (AuthFailed("token expired"), CycleStatus.STOPPED),
        (ContractBroken("expected a number", field="spend"), CycleStatus.STOPPED),
    ],
)
def test_a_failing_read_changes_nothing(failure: MarketplaceError, status: CycleStatus) -> None:
    """Whatever goes wrong while reading, nothing is sent; broken trust halts the account."""
    venue = FakeVenue(words=WORDS, failure=failure)
    tools = kit(venue)

    report = attend(SHOP, tools, now=START)

    assert report.status is status
    assert venue.submitted == []
    assert tools.store.mode(SHOP.id) is (Mode.HALTED if status is CycleStatus.STOPPED else Mode.ACTIVE)


def test_refused_credentials_settle_the_batch_and_halt() -> None:
    """A 401 on a write is definite: the batch is rejected, the rest withheld, the account halted."""
    venue = FakeVenue(words=WORDS, submit_failure=AuthFailed("scope missing"), rules=profile(batch_size=2))
    tools = kit(venue)

    report = attend(SHOP, tools, now=START)

    assert report.status is CycleStatus.STOPPED
    assert tools.store.mode(SHOP.id) is Mode.HALTED
    assert not tools.store.open_intents(SHOP.id)


def test_a_report_in_preparation_holds_the_account() -> None:
    """A pending report is waited for without a decision."""
    venue = FakeVenue(words=WORDS, pending=True)

    report = attend(SHOP, kit(venue), now=START)

    assert report.status is CycleStatus.HELD
    assert venue.submitted == []


def test_halted_writes_nothing_and_still_decides() -> None:
    """HALTED reads and answers for every entity, and sends nothing."""
    venue = FakeVenue(words=WORDS)
    tools = kit(venue)
    tools.store.set_mode(None, Mode.HALTED, actor="ann", reason="holiday", now=START)

    reports = cycles(tools, 2)

    assert venue.submitted == []
    assert all(report.status is CycleStatus.DECIDED for report in reports)


def test_halt_during_a_cycle_stops_the_next_batch() -> None:
    """The mode is read before every request, not once a cycle."""
    venue = FakeVenue(words=WORDS, rules=profile(batch_size=1))
    tools = kit(venue)
    venue.on_submit = lambda _: tools.store.set_mode(SHOP.id, Mode.HALTED, actor="ann", reason="stop", now=START)

    attend(SHOP, tools, now=START)

    assert len(venue.submitted) == 1


def test_reducing_sends_only_decreases() -> None:
    """REDUCING lets lower bids, lower budgets and pauses out and nothing else."""
    venue = FakeVenue(words=WORDS)
    tools = kit(venue)
    tools.store.set_mode(SHOP.id, Mode.REDUCING, actor="ann", reason="careful", now=START)

    cycles(tools, 2)

    assert venue.submitted
    assert not any(change.raises for _, change in venue.submitted)


def test_rehearsal_sends_nothing_and_says_so() -> None:
    """In rehearsal the plan is made and every intent is withheld."""
    venue = FakeVenue(words=WORDS)
    tools = kit(venue)
    dry = Kit(
        market=RehearsalMarketplace(venue, lambda: Reason.of(Code.REHEARSAL)),
        store=tools.store,
        forecaster=tools.forecaster,
        policy=tools.policy,
    )

    report = attend(SHOP, dry, now=START)

    assert venue.submitted == []
    assert report.outcomes == {Status.WITHHELD: len(report.intents)}
    assert report.intents


def test_a_persons_edit_is_adopted_and_left_alone() -> None:
    """What somebody else changed is not touched for the hold period."""
    venue = FakeVenue(words=WORDS)
    tools = kit(venue)
    attend(SHOP, tools, now=START)
    ref = EntityRef(EntityKind.TARGET, "t7")
    venue.edit(ref, Field.BID, cny("5.00"))
    before = len(venue.submitted)

    report = attend(SHOP, tools, now=START + timedelta(hours=30))

    assert ref not in {change.ref for _, change in venue.submitted[before:]}
    assert [h.reason.code for h in report.holds if h.ref == ref] == [Code.FOREIGN_EDIT]


def test_a_target_missing_from_the_report_is_held_not_judged() -> None:
    """Where a venue reports zeros, a row that is not there is missing, not zero."""
    silent = Word(clicks=0, orders_per_day=0.0)
    venue = FakeVenue(words=(*WORDS, silent), missing=frozenset({"t7"}))

    report = attend(SHOP, kit(venue), now=START)

    ref = EntityRef(EntityKind.TARGET, "t7")
    assert [h.reason.code for h in report.holds if h.ref == ref] == [Code.MISSING_DATA]


def test_a_newly_connected_account_is_only_observed() -> None:
    """The first day only watches, whatever the data say."""
    venue = FakeVenue(words=WORDS)
    rules = Policy(cap=cny("1200"))

    report = attend(SHOP, kit(venue, rules), now=START)

    assert venue.submitted == []
    assert {h.reason.code for h in report.holds} == {Code.OBSERVING}


def test_budgets_never_add_up_to_more_than_the_cap() -> None:
    """Whatever is confirmed, the venue's budgets stay within the cap at every moment."""
    venue = FakeVenue(words=WORDS, budgets=("700", "400"))
    totals: list[int] = []

    def confirm(change: Change) -> Status:
        return Status.CONFIRMED if len(venue.submitted) % 3 else Status.REJECTED

    venue.answer = confirm
    tools = kit(venue)
    for number in range(6):
        attend(SHOP, tools, now=START + number * timedelta(hours=25))
        budgets = [venue.settings[EntityRef(EntityKind.CAMPAIGN, f"c{n}"), Field.DAILY_BUDGET] for n in range(2)]
        totals.append(sum(budget.micros for budget in budgets if isinstance(budget, Money)))

    assert max(totals) <= tools.policy.cap.micros


def test_a_second_look_at_the_same_facts_changes_nothing() -> None:
    """Level-triggered: the state that was just reached is the state that is wanted."""
    venue = FakeVenue(words=WORDS)
    tools = kit(venue)
    attend(SHOP, tools, now=START)
    before = len(venue.submitted)

    attend(SHOP, tools, now=START + timedelta(minutes=5))

    assert len(venue.submitted) == before


def test_no_target_is_paused_that_the_daemon_did_not_pause_back() -> None:
    """A word paused by a person stays paused."""
    paused = (*WORDS, Word(state=State.PAUSED, orders_per_day=5.0))
    venue = FakeVenue(words=paused)

    reports = cycles(kit(venue), 3)

    ref = EntityRef(EntityKind.TARGET, f"t{len(WORDS)}")
    assert ref not in {change.ref for _, change in venue.submitted}
    assert {h.reason.code for r in reports for h in r.holds if h.ref == ref} == {Code.NOT_OURS_TO_RESUME}


def test_test_moves_go_out_are_priced_and_explain_themselves() -> None:
    """With test moves on, settled bids go to drawn sides; the cycle states the cost, and `why` how to stop it."""
    rules = replace(policy(), perturbation=PerturbationPolicy(enabled=True, share=1.0))
    store = in_memory_store(SHOP, rules)
    tools = replace(kit(FakeVenue(words=WORDS), rules), store=store)

    reports = cycles(tools, 14)

    made = [i.change.ref for r in reports for i in r.intents if i.change.reason.code is Code.BID_TEST]
    tested = [r for r in reports if r.figures["targets_on_test"] > 0]
    assert made
    assert all("on test, expected to cost" in r.sentence for r in tested)
    assert all(r.figures["test_daily_cost_micros"] > 0 for r in tested)
    told = " ".join(one.reason.render() for one in why(store, SHOP.id, made[-1]).changes)
    assert "policy.perturbation.enabled = false ends it" in told
