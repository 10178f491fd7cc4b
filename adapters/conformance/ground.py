"""What the cases stand on: the fixtures a third party supplies, and how reports and changes are made for them."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import ClassVar

import pytest

from adapters.conformance.faults import Faults, WireFault
from bidder.core.calendar import DayRange, day_of
from bidder.core.change import Change, Field, Outcome, Settings, Status, Value
from bidder.core.entities import Account, EntityKind, EntityRef, State, Structure
from bidder.core.money import Money
from bidder.core.performance import Grain, Pending, PerformanceReport
from bidder.core.reasons import Code, Reason
from bidder.core.venue import VenueProfile
from bidder.ports import Marketplace
from bidder.secrets import Secret

Later = Callable[[timedelta], datetime]
"""Moves the venue's time on and returns the new instant."""

_WAIT = timedelta(minutes=5)
_WAITS = 48
_keys = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Lever:
    """A setting that can be moved, and a value other than the one that stands."""

    ref: EntityRef
    field: Field
    old: Value
    new: Value


class Ground:
    """Fixtures and helpers of all cases. A subclass overrides the fixtures it can supply.

    Attributes:
        KNOWN_GAPS: Cases the adapter cannot fulfil, each with its reason: they are skipped and shown.
    """

    KNOWN_GAPS: ClassVar[Mapping[str, str]] = {}

    @pytest.fixture
    def account(self) -> Account:
        """The account, as a person would configure it. Must be supplied; writes are made to it!"""
        pytest.fail("supply a fixture `account` that returns a bidder.core.entities.Account to test with")

    @pytest.fixture
    def marketplace(self) -> Marketplace:
        """The adapter, built for ``account``. Must be supplied."""
        pytest.fail("supply a fixture `marketplace` that returns your adapter, built for the fixture `account`")

    @pytest.fixture
    def now(self) -> datetime:
        """The present instant; a simulated venue returns its own."""
        return datetime.now(UTC)

    @pytest.fixture
    def later(self) -> Later | None:
        """How to move the venue's time on, where it is simulated."""
        return None

    @pytest.fixture
    def faults(self) -> Faults | None:
        """How to break the wire."""
        return None

    @pytest.fixture
    def secrets(self) -> Sequence[Secret]:
        """The secrets the adapter was built with."""
        return ()

    @pytest.fixture
    def inventory(self) -> Mapping[str, int] | None:
        """How many campaigns, ad_groups, targets and products the account really has, where that is known."""
        return None

    @pytest.fixture
    def profile(self, marketplace: Marketplace, now: datetime) -> VenueProfile:
        """The venue's rules."""
        return marketplace.profile(now)

    @pytest.fixture
    def structure(self, marketplace: Marketplace, account: Account, now: datetime) -> Structure:
        """What the account holds."""
        return marketplace.fetch_structure(account.id, now)

    @pytest.fixture(autouse=True)
    def _gap(self, request: pytest.FixtureRequest) -> None:
        """Skip a case that the adapter owns up to."""
        found = re.match(r"test_bc(\d\d)_", request.node.name)
        case = f"BC-{found[1]}" if found else ""
        if case in self.KNOWN_GAPS:
            pytest.skip(f"known gap {case}: {self.KNOWN_GAPS[case]}")

    @pytest.fixture
    def writer(
        self, marketplace: Marketplace, account: Account, now: datetime, later: Later | None
    ) -> Iterator[Writer]:
        """Send changes, and put back afterwards what was changed."""
        writer = Writer(marketplace, account, now, later)
        yield writer
        writer.put_back()


class Writer:
    """Sends changes to the account under test and remembers what stood before.

    Args:
        marketplace, account, now, later: See the fixtures of `Ground`.
    """

    def __init__(self, marketplace: Marketplace, account: Account, now: datetime, later: Later | None) -> None:
        self._marketplace = marketplace
        self._account = account
        self._later = later
        self.now = now
        self._before: dict[tuple[EntityRef, Field], Value] = {}

    def send(self, *changes: Change, keys: Sequence[str] | None = None) -> Sequence[Outcome]:
        """Submit changes."""
        for change in changes:
            if change.old is not None:
                self._before.setdefault((change.ref, change.field), change.old)
        named = new_keys(len(changes)) if keys is None else keys
        return self._marketplace.submit(self._account.id, changes, named, self.now)

    def read(self, ref: EntityRef, settle: timedelta) -> Settings:
        """Return what an entity is set to, once a write shows for certain."""
        if settle > timedelta(0):
            if self._later is None:
                pytest.skip(f"the venue's reads lag by {settle}; supply a fixture `later` to move its time")
            self.now = self._later(settle)
        found = self._marketplace.read_back(self._account.id, [ref], self.now)
        assert [ref] == [settings.ref for settings in found], "read_back must answer for the entity asked for"
        return found[0]

    def put_back(self) -> None:
        """Restore every setting to what stood before."""
        changes = []
        for (ref, field), old in self._before.items():
            seen = {s.ref: s for s in self._marketplace.read_back(self._account.id, [ref], self.now)}
            standing = seen[ref].values.get(field) if ref in seen else old
            if standing != old:
                changes.append(change_of(Lever(ref, field, standing if standing is not None else old, old)))
        if changes:
            self._marketplace.submit(self._account.id, changes, new_keys(len(changes)), self.now)


def new_keys(count: int) -> list[str]:
    """Return idempotency keys never used before, in this run or another."""
    stamp = f"{datetime.now(UTC):%Y%m%d%H%M%S%f}"
    return [f"bc-{stamp}-{next(_keys)}" for _ in range(count)]


def change_of(lever: Lever) -> Change:
    """Return the change that moves a lever."""
    reason = Reason.of(Code.RESTORE, what="the conformance suite")
    return Change(ref=lever.ref, field=lever.field, old=lever.old, new=lever.new, reason=reason)


def levers(structure: Structure, profile: VenueProfile) -> list[Lever]:
    """Return amounts and states that may be moved by the least there is, bids first.

    Skips the case where the venue has none.
    """
    found: list[Lever] = []
    if profile.can(EntityKind.TARGET, Field.BID):
        found += [_step(EntityRef(EntityKind.TARGET, t.id), Field.BID, t.bid, profile) for t in structure.targets
                  if t.bid is not None and t.state is State.ENABLED]  # fmt: skip
    if profile.can(EntityKind.AD_GROUP, Field.BID):
        found += [_step(EntityRef(EntityKind.AD_GROUP, g.id), Field.BID, g.default_bid, profile)
                  for g in structure.ad_groups if g.default_bid is not None and g.state is State.ENABLED]  # fmt: skip
    if profile.can(EntityKind.CAMPAIGN, Field.DAILY_BUDGET):
        found += [_step(EntityRef(EntityKind.CAMPAIGN, c.id), Field.DAILY_BUDGET, c.daily_budget, profile)
                  for c in structure.campaigns if c.daily_budget is not None and c.state is State.ENABLED]  # fmt: skip
    if not found:
        pytest.skip("the venue has no amount that can be set, or the account holds none")
    return found


def switches(structure: Structure, profile: VenueProfile) -> list[Lever]:
    """Return enabled entities that may be paused, the smallest kind first."""
    kinds = (
        (EntityKind.TARGET, structure.targets),
        (EntityKind.AD_GROUP, structure.ad_groups),
        (EntityKind.CAMPAIGN, structure.campaigns),
    )
    return [
        Lever(EntityRef(kind, entity.id), Field.STATE, State.ENABLED, State.PAUSED)
        for kind, entities in kinds
        if profile.can(kind, Field.STATE)
        for entity in entities
        if entity.state is State.ENABLED
    ]


def fetched(
    marketplace: Marketplace, account: Account, days: DayRange, grain: Grain, now: datetime, later: Later | None
) -> PerformanceReport:
    """Return a report, waiting for it where the venue's time can be moved."""
    window = marketplace.profile(now).default_window
    for _ in range(_WAITS):
        report = marketplace.fetch_performance(account.id, days, grain, window, now)
        if not isinstance(report, Pending):
            return report
        if later is None:
            break
        now = later(_WAIT)
    pytest.skip(f"the venue is still preparing the report of {days.first} to {days.last}; run the case again later")


def closed_days(profile: VenueProfile, now: datetime, *, count: int) -> DayRange:
    """Return days old enough never to be restated; skips the case where the venue has none."""
    age = max(profile.default_window, len(profile.maturity)) + 4
    if age + count > profile.history_days:
        pytest.skip(f"the venue keeps {profile.history_days} days, none of which is past being restated")
    return DayRange.ending(day_of(now, profile.time_zone) - timedelta(days=age), days=count)


def open_days(profile: VenueProfile, now: datetime, *, count: int) -> DayRange:
    """Return the last days, today included."""
    return DayRange.ending(day_of(now, profile.time_zone), days=min(count, profile.history_days))


def needed(faults: Faults | None, kind: WireFault) -> Faults:
    """Return the hook with a fault armed; skips the case where it cannot play it."""
    if faults is None or kind not in faults.kinds:
        pytest.skip(f"supply a fixture `faults` that can play {kind}")
    faults.arm(kind)
    return faults


def statuses(outcomes: Sequence[Outcome]) -> list[Status]:
    """Return the statuses, in order."""
    return [outcome.status for outcome in outcomes]


def _step(ref: EntityRef, field: Field, value: Money, profile: VenueProfile) -> Lever:
    bid = field is Field.BID
    step = profile.bid_increment if bid else profile.budget_increment
    least, most = (profile.bid_min, profile.bid_max) if bid else (profile.budget_min, profile.budget_max)
    lower, higher = value - step, value + step
    new = lower if least <= lower <= most else higher
    return Lever(ref, field, value, new.round_down(step))
