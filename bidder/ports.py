"""The protocols at the rim: what the cycle needs from the outside, and what a stranger implements.

`Marketplace` and `World` are public: third parties implement them and register under the entry-point groups
``bidder.marketplaces`` and ``bidder.worlds``. The rest is ours, as protocols so that tests can bring fakes that are
whole programs rather than mocks. Nothing here does anything.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import ClassVar, Protocol, runtime_checkable

from bidder.core.calendar import DayRange
from bidder.core.change import Change, Intent, Outcome, PastChange, Settings
from bidder.core.entities import Account, AccountId, EntityRef, Structure
from bidder.core.performance import Float64, Grain, History, Int32, Pending, PerformanceReport
from bidder.core.plan import Draft, Verdict
from bidder.core.prediction import Forecast
from bidder.core.reconcile import Settlement
from bidder.core.snapshot import Memory, Mode, Snapshot
from bidder.core.venue import VenueProfile
from bidder.secrets import Secret

API_VERSION = 1
"""Version of the marketplace and world protocols; an adapter states the one it was written for."""


class AdapterMemory(Protocol):
    """A small transactional store the daemon keeps for one adapter and account.

    Report jobs, quota counters and rotated tokens live here and survive restarts. Values are JSON texts of at
    most 64 KiB. Nobody encrypts them: keep a token here only where the venue rotates it.
    """

    def get(self, key: str) -> str | None:
        """Return the value of ``key``, or ``None``."""

    def put(self, key: str, value: str) -> None:
        """Write the value durably."""

    def delete(self, key: str) -> None:
        """Forget ``key``; forgetting an unknown key is fine."""

    def swap(self, key: str, old: str | None, new: str) -> bool:
        """Write ``new`` only where the value is still ``old``; tell whether it was written."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AdapterConfig:
    """What an adapter is built from.

    Attributes:
        account: The account as configured.
        options: The adapter's own keys from the configuration, checked by the adapter itself.
        secrets: Secrets by name, read by us from systemd credentials, files or the environment.
        memory: Durable memory for this adapter and account.
    """

    account: Account
    options: Mapping[str, object] = field(default_factory=dict)
    secrets: Mapping[str, Secret] = field(default_factory=dict)
    memory: AdapterMemory


@runtime_checkable
class Marketplace(Protocol):
    """One advertiser account at one venue. Built as ``Class(config: AdapterConfig)``; no inheritance needed.

    A class states ``API_VERSION``. Reads may raise `Unavailable`, `RateLimited`, `AuthFailed`, `ContractBroken`.
    ``submit`` raises only `AuthFailed` before anything was sent; every doubt after sending is an UNKNOWN outcome.
    No method reads a clock for anything but its own deadlines: ``now`` is passed in.
    """

    API_VERSION: ClassVar[int]

    def profile(self, now: datetime) -> VenueProfile:
        """Return the venue's rules for this account."""

    def fetch_structure(self, account: AccountId, now: datetime) -> Structure:
        """Return campaigns, ad groups, targets, products and balance as they stand."""

    def fetch_performance(
        self, account: AccountId, days: DayRange, grain: Grain, window_days: int, now: datetime
    ) -> PerformanceReport | Pending:
        """Return facts of the given click days, both ends included, or `Pending` while the venue prepares them."""

    def submit(
        self, account: AccountId, changes: Sequence[Change], keys: Sequence[str], now: datetime
    ) -> Sequence[Outcome]:
        """Send the changes once; return one outcome for each, in order. Never retry a write."""

    def read_back(self, account: AccountId, refs: Sequence[EntityRef], now: datetime) -> Sequence[Settings]:
        """Return what the venue says the entities are set to; an entity that is gone is left out."""

    def close(self) -> None:
        """Let go of connections; calling it twice is fine."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FileReading:
    """What a marketplace that works from downloaded files found there, for people.

    Attributes:
        currency: Of all amounts; ``XXX`` where neither the files nor a person say one.
        window_days: Attribution window of the orders.
        last_day: Newest click day; ``None`` where nothing could be counted.
        files: One sentence for each file: what it is, how many rows, what was assumed.
        totals: What the files say and what was counted, by figure; and why, where both differ.
        agrees: Every figure was imported or is explained.
        protected_words, protected_products: Never to be paused, as a file beside the reports says.
        carried_out: What became of the lines of earlier action sheets.
    """

    currency: str
    window_days: int
    last_day: date | None
    files: tuple[str, ...]
    totals: tuple[str, ...]
    agrees: bool
    protected_words: tuple[str, ...] = ()
    protected_products: tuple[str, ...] = ()
    carried_out: tuple[str, ...] = ()


@runtime_checkable
class FromFiles(Protocol):
    """A marketplace that works from a folder of files and writes its changes down for a person."""

    def reading(self) -> FileReading:
        """Say what was read."""

    def write_sheet(
        self, changes: Sequence[Change], keys: Sequence[str], *, now: datetime, folder: Path | None = None
    ) -> tuple[Path, ...]:
        """Write the changes as an action sheet; return the files written."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TruthTable:
    """What really happened in a simulated market, by marketplace day; arrays of shape (n_days,).

    Money is float micros. ``value`` is the expected profit after refunds of the actions played given the latent
    state, with orders, refunds and later organic units credited at the click, minus spend. The other columns are
    realised: contribution is margin on revenue kept after refunds, before advertising.
    """

    day: Int32
    spend_micros: Float64
    revenue_micros: Float64
    refund_micros: Float64
    contribution_micros: Float64
    value_micros: Float64
    clicks: Float64
    orders: Float64


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ResponseTable:
    """Expected result of bidding for one marketplace day, by target and effective bid.

    Attributes:
        target_ids: Rows. bid_micros: (n_bids,) ascending, the same grid for every target.
        clicks, spend_micros, value_micros: (n_targets, n_bids) expected for the whole day without budget limits;
            ``value`` is expected contribution after refunds, before spend.
    """

    target_ids: tuple[str, ...]
    bid_micros: Float64
    clicks: Float64
    spend_micros: Float64
    value_micros: Float64


class Truth(Protocol):
    """The referee's view of a world. Decision code has no path to it."""

    def outcomes(self, account: AccountId, days: DayRange) -> TruthTable:
        """Return what happened on the days played so far."""

    def response(self, account: AccountId, day: Int32, bid_micros: Float64) -> Sequence[ResponseTable]:
        """Return the expected response for each of the given day ordinals, over the bid grid."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SupplyTable:
    """What stands behind the targets at one instant, by product; arrays of shape (n_products,), float.

    Attributes:
        product_ids: Rows.
        stock: Units that can be sold now.
        organic_units: Expected to be sold in a day without a click on an advertisement.
        days_to_arrival: Days until more goods come, as ordered or as the owner will order; inf where none will.
        unit_value_micros: ``value`` of `ResponseTable` for each unit that a click sells today.
    """

    product_ids: tuple[str, ...]
    stock: Float64
    organic_units: Float64
    days_to_arrival: Float64
    unit_value_micros: Float64


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ForSaleTable:
    """What advertising could have sold on the days played; arrays of shape (n_days, n_products), float.

    Attributes:
        day: Ordinals, (n_days,). product_ids: Columns.
        for_sale: Units expected to be sold by clicks from the first day to the end of each, and what was left then.
        unit_value_micros: See `SupplyTable`.
    """

    day: Int32
    product_ids: tuple[str, ...]
    for_sale: Float64
    unit_value_micros: Float64


@runtime_checkable
class SupplyTruth(Protocol):
    """What a world's `Truth` may offer besides: worlds whose goods run out. Without it stock never limits anything."""

    def supply(self, account: AccountId) -> SupplyTable:
        """Return what can be sold now, and when more comes."""

    def for_sale(self, account: AccountId, days: DayRange) -> ForSaleTable:
        """Return what advertising could have sold on days that were played."""


class World(Protocol):
    """A simulated market with its clock and its truth, played by `bidder simulate`, the demo and the benchmarks."""

    @property
    def now(self) -> datetime:
        """The virtual instant, UTC."""

    @property
    def accounts(self) -> tuple[Account, ...]:
        """The shops in it."""

    @property
    def truth(self) -> Truth:
        """The referee's view."""

    def marketplace(self, config: AdapterConfig) -> Marketplace:
        """Return the port of one of its accounts, as the daemon sees it."""

    def advance(self, until: datetime) -> None:
        """Play the market up to an instant; never back."""

    def side_facts(self, account: AccountId) -> Mapping[str, object]:
        """Return what the owner would type into the configuration.

        Keys: ``cap`` and ``month_plan`` (Money), ``events`` (tuple of `SaleEvent`), ``brand_words`` (tuple of str).
        """

    def fork(self) -> World:
        """Return an independent copy at the same instant with the same future, for another policy."""


class WorldFactory(Protocol):
    """Opens worlds; registered under ``bidder.worlds``."""

    API_VERSION: ClassVar[int]

    def presets(self) -> tuple[str, ...]:
        """Return the names ``--preset`` may take."""

    def open(self, preset: str, *, seed: int, history_days: int, scale: float = 1.0) -> World:
        """Open a world in which ``history_days`` of a careless owner's history (0 when cold) were already played.

        ``scale`` shrinks or grows the number of targets.
        """


class Clock(Protocol):
    """Where the outermost rim gets its time."""

    def now(self) -> datetime:
        """Return the present instant, aware UTC."""

    def sleep(self, until: datetime) -> None:
        """Wait until an instant, or shorter."""


class Forecaster(Protocol):
    """The learning part: a pure function of the snapshot."""

    def forecast(self, snapshot: Snapshot) -> Forecast:
        """Return estimates for every target of the snapshot."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CycleRecord:
    """What was committed before anything was sent.

    Attributes:
        cycle_id: Ascending number of the cycle.
        intents: One PENDING intent for each change of the plan, in plan order.
    """

    cycle_id: int
    intents: tuple[Intent, ...]


class Store(Protocol):
    """What the cycle asks of the database. Each method is one transaction; failures raise `StoreError`."""

    def mode(self, account: AccountId) -> Mode:
        """Return the stricter of the account's and the global mode, read afresh; a STOP file counts as HALTED."""

    def set_mode(self, account: AccountId | None, mode: Mode, *, actor: str, reason: str, now: datetime) -> None:
        """Set the mode of one account, or of everything where ``account`` is ``None``; audited with its reason."""

    def armed(self, account: AccountId) -> bool:
        """Tell whether the account is armed for live writes."""

    def open_intents(self, account: AccountId) -> tuple[Intent, ...]:
        """Return intents whose outcome is not certain, oldest first."""

    def seen_old(self, account: AccountId) -> Mapping[int, int]:
        """Return, by intent id, how often in a row the old value was read back after the settle window."""

    def settle(self, account: Account, settlements: Sequence[Settlement], *, now: datetime) -> None:
        """Record settlements, free reservations, append the audit."""

    def last_structure(self, account: AccountId) -> Structure | None:
        """Return the structure saved last."""

    def save_structure(
        self, account: Account, structure: Structure, foreign: Sequence[PastChange], *, now: datetime
    ) -> None:
        """Save the structure; record and audit edits by others."""

    def coverage(self, account: AccountId, grain: Grain) -> DayRange | None:
        """Return the span of click days with facts of that grain."""

    def save_report(self, account: Account, grain: Grain, report: PerformanceReport) -> None:
        """Append facts as new revisions; restated values never overwrite older ones."""

    def history(self, account: Account, *, window_days: int, days: DayRange, as_of: datetime) -> History:
        """Return the latest revision of every fact known at ``as_of``."""

    def memory(self, account: Account, *, as_of: datetime) -> Memory:
        """Return what our record holds about the account."""

    def record(self, snapshot: Snapshot, forecast: Forecast, draft: Draft, verdict: Verdict) -> CycleRecord:
        """Commit the cycle, its forecast, decisions, holds and intents, before any write leaves."""

    def reserve(self, account: Account, intent: Intent, *, cap_micros: int, now: datetime) -> str | None:
        """Reserve the money of one intent under the cap, in one transaction with marking it as being sent.

        Returns:
            ``None`` when reserved; otherwise why there is no certain headroom.
        """

    def resolve(self, account: Account, intent: Intent, outcome: Outcome, *, now: datetime) -> Intent:
        """Record a venue's answer, move the reservation, append the audit; return the intent as it now stands."""

    def finish(self, account: Account, cycle_id: int | None, *, ok: bool, sentence: str, now: datetime) -> None:
        """Close the cycle with its one sentence; ``cycle_id`` is ``None`` where the cycle was held before recording."""


class Notifier(Protocol):
    """Tells people; its failures never reach the cycle."""

    def tell(self, subject: str, text: str, *, now: datetime) -> None:
        """Send one message; never raises."""


SETTLE_LIMIT = timedelta(days=2)
"""An intent still unsettled after this long is told to people."""
