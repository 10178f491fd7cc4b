"""Accounts of any size for tests of the core: structure, forecast and snapshot from a few plain figures.

Money is yuan here, given as floats for short tests; everything is built through the real types.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta

import numpy as np

from bidder.core.calendar import ordinal
from bidder.core.change import Change, Field, PastChange, Status, Value
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
    Development,
    Grain,
    History,
    Level,
    PerformanceTable,
    ProductSalesTable,
    micros_since_epoch,
)
from bidder.core.plan import Draft, Verdict
from bidder.core.policy import LimitPolicy, Policy
from bidder.core.prediction import Forecast
from bidder.core.reasons import Code, Reason
from bidder.core.snapshot import Memory, Mode, Snapshot
from bidder.core.venue import Capability, VenueProfile

CURRENCY, ZONE = "CNY", "Asia/Shanghai"
NOW = datetime(2026, 9, 16, 2, 0, tzinfo=UTC)
"""Ten in the morning in Shanghai, an ordinary Wednesday."""
TODAY = date(2026, 9, 16)

LEVERS = frozenset(
    {
        Capability.SET_TARGET_BID,
        Capability.SET_AD_GROUP_BID,
        Capability.SET_DAILY_BUDGET,
        Capability.SET_CAMPAIGN_STATE,
        Capability.SET_TARGET_STATE,
        Capability.PRODUCT_SALES,
        Capability.STOCK,
        Capability.CARTS,
    }
)


def yuan(amount: float, currency: str = CURRENCY) -> Money:
    """Return an amount given in units."""
    return Money(round(amount * 1_000_000), currency)


def profile(currency: str = CURRENCY, **changes: object) -> VenueProfile:
    """Return a venue's rules, some of them changed."""
    usual = VenueProfile(
        currency=currency,
        time_zone=ZONE,
        bid_increment=yuan(0.01, currency),
        bid_min=yuan(0.05, currency),
        bid_max=yuan(99.99, currency),
        budget_increment=yuan(1, currency),
        budget_min=yuan(30, currency),
        budget_max=yuan(100_000, currency),
        batch_size=100,
        requests_per_second=10.0,
        windows=(15,),
        default_window=15,
        levels=(Level.TARGET,),
        grains=(Grain.DAY,),
        history_days=60,
        maturity=(0.6, 0.8, 0.9, 1.0),
        overdelivery=1.0,
        settle=timedelta(0),
        report_lag=timedelta(hours=1),
        idempotent_writes=False,
        supports=LEVERS,
    )
    return replace(usual, **changes)  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    """A target and what is known of it.

    Attributes:
        value: Gross revenue per click expected. aov: Per order.
        clicks, cpc: Per day at the present bid.
        seen_clicks, seen_orders: Matured evidence behind the forecast.
    """

    bid: float | None = 1.0
    value: float = 3.0
    clicks: float = 40.0
    cpc: float = 0.8
    aov: float = 100.0
    seen_clicks: float = 1200.0
    seen_orders: float | None = None
    refund: float = 0.1
    click_elasticity: float = 0.8
    cpc_elasticity: float = 0.6
    cart_rate: float = 0.08
    covered: float = 1.0
    state: State = State.ENABLED
    text: str = "word"
    product: str | None = "p0"
    campaign: str = "c0"
    brand: bool = False
    editor: Editor = Editor.UNKNOWN


@dataclass(frozen=True, slots=True, kw_only=True)
class Shop:
    """An account in one line; ids are t0, t1 ... for targets, ``g`` + campaign for its one ad group."""

    words: Sequence[Word] = (Word(),)
    budgets: Mapping[str, float | None] = field(default_factory=dict)
    products: Sequence[Product] = ()
    default_bid: float = 1.0
    currency: str = CURRENCY
    campaigns: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    rules: VenueProfile | None = None

    def account(self) -> Account:
        """Return the account."""
        return Account(
            id=AccountId("shop"), adapter="fake", remote_id="r", owner="ann", currency=self.currency, time_zone=ZONE
        )

    def structure(self) -> Structure:
        """Return the structure."""
        names = list(dict.fromkeys(w.campaign for w in self.words))
        campaigns = tuple(
            replace(
                Campaign(
                    id=CampaignId(name),
                    name=name,
                    state=State.ENABLED,
                    daily_budget=self._budget(name),
                ),
                **self.campaigns.get(name, {}),  # type: ignore[arg-type]
            )
            for name in names
        )
        groups = tuple(
            AdGroup(
                id=AdGroupId(f"g{name}"),
                campaign_id=CampaignId(name),
                name=name,
                state=State.ENABLED,
                default_bid=yuan(self.default_bid, self.currency),
            )
            for name in names
        )
        targets = tuple(
            Target(
                id=TargetId(f"t{number}"),
                ad_group_id=AdGroupId(f"g{word.campaign}"),
                campaign_id=CampaignId(word.campaign),
                kind=TargetKind.KEYWORD,
                text=f"{word.text} {number}",
                match_type=MatchType.EXACT,
                state=word.state,
                bid=None if word.bid is None else yuan(word.bid, self.currency),
                product_id=None if word.product is None else ProductId(word.product),
                brand=word.brand,
                last_editor=word.editor,
            )
            for number, word in enumerate(self.words)
        )
        return Structure(
            account_id=AccountId("shop"),
            currency=self.currency,
            time_zone=ZONE,
            campaigns=campaigns,
            ad_groups=groups,
            targets=targets,
            products=self._products(),
            balance=None,
            observed_at=NOW,
        )

    def forecast(self, **changes: object) -> Forecast:
        """Return a forecast that says of every word what the word says of itself."""
        words = self.words

        def column(values: Sequence[float]) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
            return np.array(values, dtype=np.float64)

        cvr = column([w.value / w.aov for w in words])
        clicks = column([w.seen_clicks for w in words])
        orders = column([w.seen_clicks * w.value / w.aov if w.seen_orders is None else w.seen_orders for w in words])
        cpc = column([w.cpc * 1e6 for w in words])
        rpc = column([w.value * 1e6 for w in words])
        rate = clicks + 50.0
        made = Forecast(
            as_of=NOW,
            target_ids=tuple(TargetId(f"t{n}") for n in range(len(words))),
            shape=np.maximum(cvr * rate, 1e-3),
            rate=rate,
            cvr=cvr,
            aov_micros=column([w.aov * 1e6 for w in words]),
            rpc_micros=rpc,
            rpc_low_micros=0.8 * rpc,
            rpc_high_micros=1.2 * rpc,
            refund_rate=column([w.refund for w in words]),
            clicks=clicks,
            orders=orders,
            spend_micros=clicks * np.nan_to_num(cpc),
            daily_clicks=column([w.clicks for w in words]),
            daily_spend_micros=column([w.clicks * w.cpc * 1e6 for w in words]),
            cpc_micros=cpc,
            click_elasticity=column([w.click_elasticity for w in words]),
            cpc_elasticity=column([w.cpc_elasticity for w in words]),
            cart_rate=column([w.cart_rate for w in words]),
            covered=column([w.covered for w in words]),
            pooled_ok=True,
            maturity=np.array([0.6, 0.8, 1.0]),
            product_refund_rate={},
        )
        return replace(made, **changes)  # type: ignore[arg-type]

    def snapshot(
        self,
        *,
        memory: Memory | None = None,
        mode: Mode = Mode.ACTIVE,
        now: datetime = NOW,
        hourly: PerformanceTable | None = None,
        sales: ProductSalesTable | None = None,
    ) -> Snapshot:
        """Return the picture of one instant."""
        return Snapshot(
            account=self.account(),
            as_of=now,
            structure=self.structure(),
            profile=self.rules or profile(self.currency),
            history=history(self.currency, hourly=hourly, sales=sales),
            memory=memory or Memory(),
            mode=mode,
        )

    def _budget(self, name: str) -> Money | None:
        amount = self.budgets.get(name, 500.0)
        return None if amount is None else yuan(amount, self.currency)

    def _products(self) -> tuple[Product, ...]:
        if self.products:
            return tuple(self.products)
        ids = list(dict.fromkeys(w.product for w in self.words if w.product is not None))
        return tuple(product(identity, currency=self.currency) for identity in ids)


def product(identity: str = "p0", *, currency: str = CURRENCY, **changes: object) -> Product:
    """Return a well-stocked product of long standing."""
    usual = Product(
        id=ProductId(identity),
        title=f"Thing {identity}",
        category="general",
        price=yuan(100, currency),
        margin=0.5,
        refund_rate=0.1,
        stock=1_000,
        launch_date=date(2025, 1, 1),
        lead_time_days=7,
    )
    return replace(usual, **changes)  # type: ignore[arg-type]


def policy(cap: float = 2_000.0, currency: str = CURRENCY, **changes: object) -> Policy:
    """Return the shipped policy with a cap."""
    return replace(Policy(cap=yuan(cap, currency), limits=LimitPolicy()), **changes)  # type: ignore[arg-type]


def history(
    currency: str = CURRENCY, *, hourly: PerformanceTable | None = None, sales: ProductSalesTable | None = None
) -> History:
    """Return history that holds only what is given."""
    nothing = np.zeros(0, dtype=np.int64)
    return History(
        daily=PerformanceTable.empty(level=Level.TARGET, grain=Grain.DAY, window_days=15, currency=currency),
        hourly=hourly
        if hourly is not None
        else PerformanceTable.empty(level=Level.CAMPAIGN, grain=Grain.HOUR, window_days=15, currency=currency),
        products=sales if sales is not None else ProductSalesTable.empty(currency=currency),
        development=Development(
            window_days=15,
            day=nothing.astype(np.int32),
            age=nothing.astype(np.int32),
            orders=nothing,
            revenue_micros=nothing,
        ),
        excluded_days=nothing.astype(np.int32),
    )


def hourly_table(
    clicks: np.ndarray[tuple[int, int, int], np.dtype[np.int64]], *, currency: str = CURRENCY
) -> PerformanceTable:
    """Return campaign facts by hour from clicks of shape (n_campaigns, n_days, 24), the last day being yesterday."""
    n_campaigns, n_days, _ = clicks.shape
    campaign, day, hour = (axis.ravel() for axis in np.indices(clicks.shape))
    flat = clicks.ravel()
    keep = flat > 0
    count = int(keep.sum())
    zeros = np.zeros(count, dtype=np.int64)
    return PerformanceTable(
        level=Level.CAMPAIGN,
        grain=Grain.HOUR,
        window_days=15,
        currency=currency,
        entity_ids=tuple(f"c{n}" for n in range(n_campaigns)),
        entity=campaign[keep].astype(np.int32),
        day=(ordinal(TODAY) - n_days + day[keep]).astype(np.int32),
        hour=hour[keep].astype(np.int8),
        impressions=flat[keep] * 20,
        clicks=flat[keep],
        spend_micros=flat[keep] * 800_000,
        orders=flat[keep] // 20,
        units=flat[keep] // 20,
        revenue_micros=flat[keep] // 20 * 100_000_000,
        carts=zeros - 1,
        favourites=zeros - 1,
        observed_at=zeros + micros_since_epoch(NOW),
    )


def past(
    ref: EntityRef,
    field_: Field,
    old: Value | None,
    new: Value,
    *,
    hours_ago: float,
    actor: Editor = Editor.DAEMON,
    status: Status = Status.CONFIRMED,
    code: str = "BID_TO_VALUE",
) -> PastChange:
    """Return a change that stands in the record."""
    return PastChange(
        ref=ref,
        field=field_,
        old=old,
        new=new,
        at=NOW - timedelta(hours=hours_ago),
        status=status,
        actor=actor,
        reason_code=code,
    )


def target(number: int) -> EntityRef:
    """Name a target of a `Shop`."""
    return EntityRef(EntityKind.TARGET, f"t{number}")


def campaign(name: str = "c0") -> EntityRef:
    """Name a campaign of a `Shop`."""
    return EntityRef(EntityKind.CAMPAIGN, name)


def changes_of(result: Draft | Verdict, ref: EntityRef) -> list[Change]:
    """Return the changes of one entity."""
    changes = result.changes if isinstance(result, Draft) else result.plan.changes
    return [change for change in changes if change.ref == ref]


def hold_code(result: Draft | Verdict, ref: EntityRef) -> str | None:
    """Return the name of the reason an entity is held for."""
    return next((hold.reason.code.name for hold in result.holds if hold.ref == ref), None)


def sales_table(
    units: Sequence[Sequence[int]],
    *,
    refunded: Sequence[Sequence[int]] | None = None,
    visitors: Sequence[Sequence[int]] | None = None,
    carts: Sequence[Sequence[int]] | None = None,
    hours: Sequence[Sequence[float]] | None = None,
    today: date = TODAY,
) -> ProductSalesTable:
    """Return sales by product and day, the last day being yesterday; 40 visitors, 4 carts and 24 hours a day."""
    sold = np.array(units, dtype=np.int64)
    row, day = (axis.ravel() for axis in np.indices(sold.shape))
    zeros = np.zeros(sold.size, dtype=np.int64)

    def column(given: Sequence[Sequence[int]] | None, usual: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
        return zeros + usual if given is None else np.array(given, dtype=np.int64).ravel()

    return ProductSalesTable(
        currency=CURRENCY,
        product_ids=tuple(f"p{n}" for n in range(len(sold))),
        product=row.astype(np.int32),
        day=(ordinal(today) - sold.shape[1] + day).astype(np.int32),
        units=sold.ravel(),
        refunded_units=column(refunded, 0),
        revenue_micros=zeros,
        refund_micros=zeros,
        visitors=column(visitors, 40),
        carts=column(carts, 4),
        in_stock_hours=np.full(sold.size, 24.0) if hours is None else np.array(hours, dtype=np.float64).ravel(),
        observed_at=zeros,
    )


WHY = Reason.of(Code.RESTORE, what="a test")


def bid(number: int, old: float | None, new: float, gain: int = 0) -> Change:
    """Return a wanted change of a target's bid."""
    return _amount(target(number), Field.BID, old, new, gain, WHY)


def budget(name: str, old: float | None, new: float, gain: int = 0, why: Reason = WHY) -> Change:
    """Return a wanted change of a campaign's daily budget."""
    return _amount(campaign(name), Field.DAILY_BUDGET, old, new, gain, why)


def state(ref: EntityRef, new: State, gain: int = 0, why: Reason = WHY) -> Change:
    """Return a wanted pause or resumption."""
    old = State.PAUSED if new is State.ENABLED else State.ENABLED
    return Change(ref=ref, field=Field.STATE, old=old, new=new, reason=why, gain_micros=gain)


def hours(*factors: float) -> Change:
    """Return wanted hour factors for the first campaign."""
    return Change(ref=campaign(), field=Field.DAYPARTS, old=None, new=factors, reason=WHY)


def _amount(ref: EntityRef, field_: Field, old: float | None, new: float, gain: int, why: Reason) -> Change:
    seen = None if old is None else yuan(old)
    return Change(ref=ref, field=field_, old=seen, new=yuan(new), reason=why, gain_micros=gain)
