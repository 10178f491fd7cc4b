"""The generator that elasticities are judged on: bids follow demand, so that clicks rise with bids for two reasons.

Keywords of very different size, a campaign's good and bad days, each keyword's own; an owner who bids more where and
when demand is high; clicks and their cost isoelastic in the bid. The lots on top are drawn by the shipped code. Worlds
differ from the plain one by what the plan says. Helper of `benchmarks.elasticity`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta

import numpy as np

from benchmarks.keyword_market import TODAY, WINDOW, ZONE, MarketPlan, draw_market
from bidder.core.calendar import day_start, from_ordinal, ordinal
from bidder.core.change import Field, PastChange, Status
from bidder.core.entities import Editor, EntityKind, EntityRef
from bidder.core.money import Money
from bidder.core.performance import Float64, Grain, Level, PerformanceTable, micros_since_epoch
from bidder.core.perturbation import drawn_sides, target_keys
from bidder.core.snapshot import Memory, Snapshot


@dataclass(frozen=True, slots=True, kw_only=True)
class BidPlan:
    """One world; spreads are standard deviations of logs.

    Attributes:
        days: Days that began on a test move; one more comes before them.
        step: Of the test moves; 0 where there are none.
        clicks: Mean of a keyword's day.
        click_elasticity, cpc_elasticity: Of clicks and of the cost per click to the bid, on average.
        own_spread: Of keywords' own elasticities of clicks around that.
        keyword_spread, campaign_spread, day_spread: Of demand, by keyword, by campaign and day, by keyword and day.
        drift: Of every keyword's demand, a day.
        follows_size, follows_day: How far the owner's bid follows a keyword's size, and its day.
        bid_noise: Of the owner's bids besides.
        price_noise: Of a day's cost per click.
        late_hours: Changes land up to so many hours after they were recorded.
        at_hour: Hour of the day at which bids change.
        clustering: Variance of a day's clicks over their mean beyond 1, per click expected.
        max_step: Largest move of a bid in a day, as a share of it; none where 0.
        funded: Share of usual demand that a campaign's budget pays for; all of it where 0.
    """

    keywords: int = 500
    days: int = 14
    step: float = 0.2
    clicks: float = 5.0
    click_elasticity: float = 0.75
    cpc_elasticity: float = 0.6
    own_spread: float = 0.0
    keyword_spread: float = 0.8
    campaign_spread: float = 0.2
    day_spread: float = 0.35
    drift: float = 0.0
    follows_size: float = 0.3
    follows_day: float = 0.3
    bid_noise: float = 0.15
    price_noise: float = 0.1
    late_hours: float = 0.0
    at_hour: float = 0.0
    clustering: float = 0.0
    max_step: float = 0.0
    funded: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class BidMarket:
    """A drawn world, arrays of shape (n_keywords, n_days) over the counted days.

    Attributes:
        snapshot: What the forecaster gets on the morning after.
        sign: Sides drawn. bid: Bids on record, averaged over the day in logs.
        clicks, spend: As reported; spend in units of money.
        click_elasticity: True answer of all keywords' clicks together to a small move of all bids; cpc likewise.
    """

    snapshot: Snapshot
    sign: Float64
    bid: Float64
    clicks: Float64
    spend: Float64
    click_elasticity: float
    cpc_elasticity: float

    @property
    def curvature(self) -> float:
        """Return the true d log clicks / d log spend."""
        return self.click_elasticity / (self.click_elasticity + self.cpc_elasticity)


def draw_bids(seed: int, plan: BidPlan, template: Snapshot) -> BidMarket:
    """Draw a world of ``plan.keywords`` keywords, those of the template, and play its days."""
    rng = np.random.default_rng(seed)
    structure, width = template.structure, plan.days + 1
    first, size = ordinal(TODAY) - width, plan.keywords
    campaigns = {campaign.id: n for n, campaign in enumerate(structure.campaigns)}
    campaign = np.array([campaigns[target.campaign_id] for target in structure.targets])
    own = plan.click_elasticity + rng.normal(0.0, plan.own_spread, size) if plan.own_spread else np.full(
        size, plan.click_elasticity
    )  # fmt: skip
    level = rng.normal(0.0, plan.keyword_spread, size)
    moods = rng.normal(0.0, plan.campaign_spread, (len(campaigns), width))[campaign]
    walk = np.cumsum(rng.normal(0.0, plan.drift, (size, width)), axis=1) if plan.drift else np.zeros((size, width))
    day = moods + walk + rng.normal(0.0, plan.day_spread, (size, width))
    wanted = plan.follows_size * level[:, None] + plan.follows_day * day + rng.normal(0.0, plan.bid_noise, day.shape)
    keys = target_keys(seed, template.account.id, (target.id for target in structure.targets))
    sign = drawn_sides(keys[:, None], np.arange(first, first + width, dtype=np.int64)[None, :])
    bid = np.asarray(np.round(np.exp(_stepped(wanted + np.log1p(plan.step * sign), plan.max_step)), 4), np.float64)
    demand = np.exp(level[:, None] + day)
    demand *= plan.clicks / float((demand * bid ** own[:, None]).mean())
    # A day is played in two parts: before the change lands, and after.
    landed = np.clip((plan.at_hour + plan.late_hours * rng.random(bid.shape)) / 24.0, 0.0, 1.0)
    before = np.hstack([bid[:, :1], bid[:, :-1]])
    served = _served(plan, campaign, demand * ((1 - landed) * bid ** own[:, None] + landed * before ** own[:, None]))
    clicks, spend = np.zeros(bid.shape), np.zeros(bid.shape)
    for share, offer in ((landed * served, before), ((1.0 - landed) * served, bid)):
        mean = share * demand * offer ** own[:, None]
        if plan.clustering:
            mean = mean * rng.gamma(1.0 / plan.clustering, plan.clustering, mean.shape)
        drawn = rng.poisson(mean)
        clicks += drawn
        spend += drawn * 0.8 * offer**plan.cpc_elasticity * rng.lognormal(0.0, plan.price_noise, mean.shape)
    said = plan.at_hour / 24.0
    recorded = np.exp((1 - said) * np.log(bid) + said * np.log(before))
    weight = demand * bid ** own[:, None]
    pooled = float((weight * own[:, None]).sum() / weight.sum())
    return BidMarket(
        snapshot=_reported(template, bid, clicks, spend, first, plan),
        sign=sign[:, 1:],
        bid=recorded[:, 1:],
        clicks=clicks[:, 1:],
        spend=spend[:, 1:],
        click_elasticity=pooled,
        cpc_elasticity=plan.cpc_elasticity,
    )


def template_of(plan: BidPlan) -> Snapshot:
    """Return an account of so many keywords: one category, a campaign for every 25 of them."""
    shop = MarketPlan(keywords=plan.keywords, days=2, categories=max(plan.keywords // 25, 1), products=plan.keywords)
    snapshot = draw_market(0, shop).snapshot
    alike = tuple(replace(product, category="one") for product in snapshot.structure.products)
    return replace(snapshot, structure=replace(snapshot.structure, products=alike))


def _stepped(wanted: Float64, max_step: float) -> Float64:
    """Return log bids that follow what is wanted as far as one step a day allows."""
    if not max_step:
        return wanted
    bid = wanted.copy()
    for column in range(1, bid.shape[1]):
        before = bid[:, column - 1]
        bid[:, column] = np.clip(wanted[:, column], before + np.log1p(-max_step), before + np.log1p(max_step))
    return bid


def _served(plan: BidPlan, campaign: np.ndarray, clicks: Float64) -> Float64:
    """Return the share of each campaign's day that its budget lasts for."""
    if not plan.funded:
        return np.ones_like(clicks)
    due = np.zeros((int(campaign.max()) + 1, clicks.shape[1]))
    np.add.at(due, campaign, clicks)
    usual = due.mean(axis=1, keepdims=True) * plan.funded
    lasts: Float64 = np.minimum(usual / due, 1.0)[campaign]
    return lasts


def _reported(template: Snapshot, bid: Float64, clicks: Float64, spend: Float64, first: int, plan: BidPlan) -> Snapshot:
    """Write facts and changes down as venue and daemon would."""
    size, width = clicks.shape
    entity, column = (grid.ravel().astype(np.int32) for grid in np.indices(clicks.shape))
    flat = clicks.ravel().astype(np.int64)
    nothing = np.zeros(len(flat), dtype=np.int64)
    missing = nothing - 1
    ids = tuple(str(target.id) for target in template.structure.targets)
    daily = PerformanceTable(
        level=Level.TARGET,
        grain=Grain.DAY,
        window_days=WINDOW,
        currency="CNY",
        entity_ids=ids,
        entity=entity,
        day=(first + column).astype(np.int32),
        hour=np.full(len(flat), -1, dtype=np.int8),
        impressions=flat * 30,
        clicks=flat,
        spend_micros=np.round(spend.ravel() * 1e6).astype(np.int64),
        orders=nothing,
        units=nothing,
        revenue_micros=nothing,
        carts=missing,
        favourites=missing,
        observed_at=np.full(len(flat), micros_since_epoch(day_start(TODAY, ZONE)), dtype=np.int64),
    )
    code = "BID_TEST" if plan.step else "BID_TO_VALUE"
    money = [[Money(round(amount * 1e6), "CNY") for amount in row] for row in bid.tolist()]
    changes = [
        PastChange(
            ref=EntityRef(EntityKind.TARGET, ids[row]), field=Field.BID, old=money[row][max(n - 1, 0)],
            new=money[row][n], at=day_start(from_ordinal(first + n), ZONE) + timedelta(hours=plan.at_hour),
            status=Status.CONFIRMED, actor=Editor.DAEMON, reason_code=code,
        )
        for n in range(width)
        for row in range(size)
    ]  # fmt: skip
    targets = tuple(replace(t, bid=money[row][-1]) for row, t in enumerate(template.structure.targets))
    return replace(
        template,
        structure=replace(template.structure, targets=targets),
        history=replace(template.history, daily=daily),
        memory=Memory(changes=tuple(changes)),
    )
