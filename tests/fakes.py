"""Whole small programs that stand in for the outside world in tests: no mocks, no patching.

`FakeVenue` is a marketplace that keeps settings and facts in memory, answers as told by a script, and remembers
every request, so that tests can compare what was sent with what was recorded.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import ClassVar

import numpy as np

from bidder.core.calendar import DayRange, ordinal
from bidder.core.change import Change, Field, Outcome, Settings, Status, Value
from bidder.core.entities import (
    Account,
    AccountId,
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
    Structure,
    Target,
    TargetId,
    TargetKind,
)
from bidder.core.money import Money
from bidder.core.performance import (
    Grain,
    Level,
    Pending,
    PerformanceReport,
    PerformanceTable,
    ProductSalesTable,
    micros_since_epoch,
)
from bidder.core.venue import Capability, VenueProfile
from bidder.errors import MarketplaceError

CURRENCY = "CNY"
ZONE = "Asia/Shanghai"

LEVERS = frozenset(
    {
        Capability.SET_TARGET_BID,
        Capability.SET_DAILY_BUDGET,
        Capability.SET_CAMPAIGN_STATE,
        Capability.SET_TARGET_STATE,
        Capability.CARTS,
        Capability.PRODUCT_SALES,
        Capability.STOCK,
    }
)


def cny(amount: str) -> Money:
    """Return an amount of yuan."""
    return Money.of(amount, CURRENCY)


def account(name: str = "shop") -> Account:
    """Return an account at the fake venue."""
    return Account(
        id=AccountId(name), adapter="fake", remote_id=f"r-{name}", owner="ann", currency=CURRENCY, time_zone=ZONE
    )


def profile(**changes: object) -> VenueProfile:
    """Return the fake venue's rules, some of them changed."""
    usual = VenueProfile(
        currency=CURRENCY,
        time_zone=ZONE,
        bid_increment=cny("0.01"),
        bid_min=cny("0.05"),
        bid_max=cny("99.99"),
        budget_increment=cny("1"),
        budget_min=cny("30"),
        budget_max=cny("100000"),
        batch_size=50,
        requests_per_second=10.0,
        windows=(1, 3, 7, 15),
        default_window=15,
        levels=(Level.TARGET,),
        grains=(Grain.DAY,),
        history_days=60,
        maturity=(0.6, 0.75, 0.85, 0.9, 0.94, 0.97, 0.99, 1.0),
        overdelivery=1.0,
        settle=timedelta(0),
        report_lag=timedelta(hours=1),
        idempotent_writes=False,
        supports=LEVERS,
    )
    return replace(usual, **changes)  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    """A keyword of the fake shop and what it earns by day."""

    bid: str = "1.00"
    clicks: int = 40
    cpc: str = "0.80"
    orders_per_day: float = 1.0
    value: str = "120"
    state: State = State.ENABLED


@dataclass(slots=True, kw_only=True)
class FakeVenue:
    """A marketplace in memory.

    Attributes:
        words: One target each; every second campaign-sized run of four shares a campaign and a product.
        answer: Decides what becomes of a change; by default it is carried out.
        on_submit: Called before a batch is carried out, such as to look at the database.
        failure: Raised by every read while it is set.
        pending: Answers report requests with a job while true.
        lag: Read-backs show values only after this long.
        submitted: Every change ever sent, with its key.
    """

    words: Sequence[Word] = tuple(Word() for _ in range(8))
    rules: VenueProfile = field(default_factory=profile)
    answer: Callable[[Change], Status] = field(default=lambda _: Status.CONFIRMED)
    on_submit: Callable[[Sequence[str]], None] = field(default=lambda _: None)
    failure: MarketplaceError | None = None
    submit_failure: MarketplaceError | None = None
    pending: bool = False
    silent: bool = False
    applies_unknown: bool = True
    missing: frozenset[str] = frozenset()
    submitted: list[tuple[str, Change]] = field(default_factory=list)
    reads: int = 0
    settings: dict[tuple[EntityRef, Field], Value | None] = field(default_factory=dict)
    editors: dict[EntityRef, Editor] = field(default_factory=dict)
    budgets: Sequence[str] = ("300", "300")

    API_VERSION: ClassVar[int] = 1

    def __post_init__(self) -> None:
        for number, word in enumerate(self.words):
            ref = EntityRef(EntityKind.TARGET, f"t{number}")
            self.settings[ref, Field.BID] = cny(word.bid)
            self.settings[ref, Field.STATE] = word.state
        for number, budget in enumerate(self.budgets):
            ref = EntityRef(EntityKind.CAMPAIGN, f"c{number}")
            self.settings[ref, Field.DAILY_BUDGET] = cny(budget)
            self.settings[ref, Field.STATE] = State.ENABLED

    def edit(self, ref: EntityRef, field_: Field, value: Value, editor: Editor = Editor.PERSON) -> None:
        """Change a setting from outside, as a person or the platform would."""
        self.settings[ref, field_] = value
        self.editors[ref] = editor

    def profile(self, now: datetime) -> VenueProfile:
        """Return the venue's rules."""
        self._fail()
        return self.rules

    def fetch_structure(self, account: AccountId, now: datetime) -> Structure:
        """Return the shop as it stands."""
        self._fail()
        per_campaign = -(-len(self.words) // len(self.budgets))
        return Structure(
            account_id=account,
            currency=CURRENCY,
            time_zone=ZONE,
            campaigns=tuple(self._campaign(number) for number in range(len(self.budgets))),
            ad_groups=tuple(
                AdGroup(
                    id=AdGroupId(f"g{n}"), campaign_id=CampaignId(f"c{n}"), name=f"group {n}",
                    state=State.ENABLED, default_bid=None,
                )
                for n in range(len(self.budgets))
            ),
            targets=tuple(self._target(number, number // per_campaign) for number in range(len(self.words))),
            products=tuple(
                Product(
                    id=ProductId(f"p{n}"), title=f"dress {n}", category="apparel", price=cny("120"), margin=0.5,
                    refund_rate=0.2, stock=5_000, launch_date=now.date() - timedelta(days=200), lead_time_days=7,
                )
                for n in range(len(self.budgets))
            ),
            balance=None,
            observed_at=now,
        )  # fmt: skip

    def fetch_performance(
        self, account: AccountId, days: DayRange, grain: Grain, window_days: int, now: datetime
    ) -> PerformanceReport | Pending:
        """Return the same steady facts for every closed day, nothing for today."""
        self._fail()
        if self.pending:
            return Pending(job=f"{account}-{grain}", requested_at=now)
        closed = [ordinal(day) for day in days if day < (now + timedelta(hours=8)).date()]
        facts = self._facts(closed, grain, window_days, now)
        return PerformanceReport(
            facts=facts,
            products=self._sales(closed, now),
            days=days,
            account_spend_micros=int(facts.spend_micros.sum()),
            observed_at=now,
        )

    def submit(
        self, account: AccountId, changes: Sequence[Change], keys: Sequence[str], now: datetime
    ) -> Sequence[Outcome]:
        """Carry the changes out as the script says."""
        self.on_submit(keys)
        if self.submit_failure is not None:
            raise self.submit_failure
        outcomes = []
        for key, change in zip(keys, changes, strict=True):
            self.submitted.append((key, change))
            status = self.answer(change)
            if status is Status.CONFIRMED or (status is Status.UNKNOWN and self.applies_unknown):
                self.settings[change.ref, change.field] = change.new
            outcomes.append(Outcome(key=key, status=status, code=status.value))
        return [] if self.silent else outcomes

    def read_back(self, account: AccountId, refs: Sequence[EntityRef], now: datetime) -> Sequence[Settings]:
        """Return the settings as they stand."""
        self._fail()
        return [
            Settings(
                ref=ref,
                values={f: value for (owner, f), value in self.settings.items() if owner == ref},
                editor=self.editors.get(ref, Editor.UNKNOWN),
            )
            for ref in refs
        ]

    def close(self) -> None:
        """Do nothing: there is nothing to let go of."""

    def _fail(self) -> None:
        self.reads += 1
        if self.failure is not None:
            raise self.failure

    def _campaign(self, number: int) -> Campaign:
        ref = EntityRef(EntityKind.CAMPAIGN, f"c{number}")
        budget, state = self.settings[ref, Field.DAILY_BUDGET], self.settings[ref, Field.STATE]
        assert isinstance(budget, Money)
        assert isinstance(state, State)
        return Campaign(
            id=CampaignId(ref.id),
            name=f"campaign {number}",
            state=state,
            daily_budget=budget,
            last_editor=self.editors.get(ref, Editor.UNKNOWN),
        )

    def _target(self, number: int, campaign: int) -> Target:
        ref = EntityRef(EntityKind.TARGET, f"t{number}")
        bid, state = self.settings[ref, Field.BID], self.settings[ref, Field.STATE]
        assert isinstance(bid, Money)
        assert isinstance(state, State)
        return Target(
            id=TargetId(ref.id),
            ad_group_id=AdGroupId(f"g{campaign}"),
            campaign_id=CampaignId(f"c{campaign}"),
            kind=TargetKind.KEYWORD,
            text=f"word {number}",
            match_type=MatchType.EXACT,
            state=state,
            bid=bid,
            product_id=ProductId(f"p{campaign}"),
            last_editor=self.editors.get(ref, Editor.UNKNOWN),
        )

    def _facts(self, days: Sequence[int], grain: Grain, window_days: int, now: datetime) -> PerformanceTable:
        shown = [n for n in range(len(self.words)) if f"t{n}" not in self.missing]
        grid = [(n, day) for n in shown for day in days]
        word = [self.words[n] for n, _ in grid]
        clicks = np.array([w.clicks for w in word], dtype=np.int64)
        orders = np.array([_orders(w, day) for w, (_, day) in zip(word, grid, strict=True)], dtype=np.int64)
        columns: Mapping[str, np.ndarray] = {
            "entity": np.array([n for n, _ in grid], dtype=np.int32),
            "day": np.array([day for _, day in grid], dtype=np.int32),
            "hour": np.full(len(grid), -1, dtype=np.int8),
            "impressions": clicks * 25,
            "clicks": clicks,
            "spend_micros": clicks * np.array([cny(w.cpc).micros for w in word], dtype=np.int64),
            "orders": orders,
            "units": orders,
            "revenue_micros": orders * np.array([cny(w.value).micros for w in word], dtype=np.int64),
            "carts": clicks // 10,
            "favourites": clicks // 20,
            "observed_at": np.full(len(grid), micros_since_epoch(now), dtype=np.int64),
        }
        return PerformanceTable(
            level=Level.TARGET,
            grain=grain,
            window_days=window_days,
            currency=CURRENCY,
            entity_ids=tuple(f"t{n}" for n in range(len(self.words))),
            **columns,
        )

    def _sales(self, days: Sequence[int], now: datetime) -> ProductSalesTable:
        grid = [(n, day) for n in range(len(self.budgets)) for day in days]
        size = len(grid)
        units = np.full(size, 12, dtype=np.int64)
        return ProductSalesTable(
            currency=CURRENCY,
            product_ids=tuple(f"p{n}" for n in range(len(self.budgets))),
            product=np.array([n for n, _ in grid], dtype=np.int32),
            day=np.array([day for _, day in grid], dtype=np.int32),
            units=units,
            refunded_units=units // 5,
            revenue_micros=units * cny("120").micros,
            refund_micros=units // 5 * cny("120").micros,
            visitors=np.full(size, 400, dtype=np.int64),
            carts=np.full(size, 30, dtype=np.int64),
            in_stock_hours=np.full(size, 24.0),
            observed_at=np.full(size, micros_since_epoch(now), dtype=np.int64),
        )


def _orders(word: Word, day: int) -> int:
    """Spread a fractional daily rate over days as evenly as whole orders allow."""
    return int(word.orders_per_day * (day + 1)) - int(word.orders_per_day * day)
