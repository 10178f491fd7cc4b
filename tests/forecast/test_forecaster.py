"""The forecaster as a whole: what it gets right, what must not matter to it, and what it survives."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from collections.abc import Callable
from dataclasses import fields, replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

from bidder.core.calendar import ordinal
from bidder.core.entities import State, Structure, TargetKind
from bidder.core.performance import COLUMNS, MISSING, Grain, History, Level, PerformanceTable
from bidder.core.policy import Policy, SaleEvent
from bidder.core.prediction import Forecast
from bidder.core.snapshot import Snapshot
from bidder.forecast import EmpiricalBayesForecaster
from tests.forecast.shops import (
    DELAY,
    NO_DEVELOPMENT,
    POLICY,
    TODAY,
    ShopPlan,
    cny,
    days_ago,
    history,
    shop,
    with_columns,
)

PROJECT = Path(__file__).resolve().parents[2]
SMALL = ShopPlan(targets=60, products=6, campaigns=2, days=30)


def forecast(snapshot: Snapshot, policy: Policy = POLICY) -> Forecast:
    """Return the forecast of a fresh forecaster."""
    return EmpiricalBayesForecaster(policy).forecast(snapshot)


def digest(answer: Forecast) -> str:
    """Return a fingerprint of every array and value of a forecast."""
    sink = hashlib.sha256()
    for column in fields(answer):
        value = getattr(answer, column.name)
        sink.update(value.tobytes() if isinstance(value, np.ndarray) else repr(value).encode())
    return sink.hexdigest()


def with_daily(snapshot: Snapshot, daily: PerformanceTable, **others: object) -> Snapshot:
    """Return the snapshot with other facts."""
    return replace(snapshot, history=replace(snapshot.history, daily=daily, **others))  # type: ignore[arg-type]


def all_finite(answer: Forecast) -> bool:
    """Tell whether nothing but the columns that may say "unknown" holds a nan."""
    may_be_unknown = {"cpc_micros", "cart_rate", "refund_rate"}
    return all(
        bool(np.isfinite(value).all())
        for column in fields(answer)
        if isinstance(value := getattr(answer, column.name), np.ndarray) and column.name not in may_be_unknown
    )


def test_rates_are_right_on_the_whole_and_in_rank() -> None:
    """Late orders do not make rates look low: their sum is within 2% of the truth, and good targets rank high."""
    made = shop(ShopPlan(targets=1_500, seed=11))

    answer = forecast(made.snapshot)

    assert 1.0 == pytest.approx(answer.cvr.sum() / made.cvr.sum(), abs=0.02)
    assert np.corrcoef(answer.cvr, made.cvr)[0, 1] > 0.85
    assert answer.pooled_ok


def test_a_week_of_history_reads_no_lower_than_two_months() -> None:
    """The bias of short windows, -28% when late orders are ignored, is gone."""
    made = shop(ShopPlan(targets=1_500, days=7, clicks=20.0, seed=12))
    snapshot = made.snapshot

    answer = forecast(snapshot)
    raw = snapshot.history.daily.orders.sum() / snapshot.history.daily.clicks.sum()

    assert raw < 0.8 * made.cvr.mean()
    assert 1.0 == pytest.approx(answer.cvr.mean() / made.cvr.mean(), abs=0.03)


def test_money_follows_from_rate_and_value() -> None:
    """Revenue per click is rate times order value, inside its interval; cost and traffic are what was drawn."""
    answer = forecast(shop(ShopPlan(seed=3)).snapshot)

    np.testing.assert_allclose(answer.rpc_micros, answer.cvr * answer.aov_micros)
    assert np.all(answer.rpc_low_micros < answer.rpc_micros)
    assert np.all(answer.rpc_micros < answer.rpc_high_micros)
    np.testing.assert_allclose(answer.aov_micros, 100e6, rtol=1e-6)
    np.testing.assert_allclose(answer.cpc_micros, 1e6, rtol=1e-6)
    np.testing.assert_allclose(answer.daily_clicks.mean(), 6.0, rtol=0.03)


def test_permuting_targets_permutes_answers() -> None:
    """No target is favoured by where it stands in the structure or the report."""
    snapshot = shop(SMALL).snapshot
    order = np.random.default_rng(0).permutation(len(snapshot.structure.targets))
    shuffled = replace(snapshot.structure, targets=tuple(snapshot.structure.targets[n] for n in order))
    rows = np.random.default_rng(1).permutation(len(snapshot.history.daily))

    plain = forecast(snapshot)
    moved = forecast(with_daily(replace(snapshot, structure=shuffled), snapshot.history.daily.take(rows)))

    for name in (
        "cvr",
        "shape",
        "rpc_micros",
        "rpc_low_micros",
        "daily_clicks",
        "cpc_micros",
        "refund_rate",
        "covered",
    ):
        np.testing.assert_allclose(getattr(moved, name), getattr(plain, name)[order], rtol=1e-7, err_msg=name)


def test_scaling_the_currency_scales_money_and_nothing_else() -> None:
    """A shop that counts in cents gets the same decisions."""
    snapshot = shop(SMALL).snapshot
    daily = snapshot.history.daily
    dearer = with_columns(daily, spend_micros=daily.spend_micros * 100, revenue_micros=daily.revenue_micros * 100)
    structure = replace(
        snapshot.structure,
        products=tuple(replace(p, price=cny(10_000)) for p in snapshot.structure.products),
        targets=tuple(replace(t, bid=cny(120)) for t in snapshot.structure.targets),
    )

    plain = forecast(snapshot)
    scaled = forecast(with_daily(replace(snapshot, structure=structure), dearer))

    for name in ("rpc_micros", "aov_micros", "rpc_high_micros", "cpc_micros", "daily_spend_micros", "spend_micros"):
        np.testing.assert_allclose(getattr(scaled, name), getattr(plain, name) * 100, rtol=1e-9, err_msg=name)
    assert plain.cvr.tobytes() == scaled.cvr.tobytes()


def test_more_days_of_the_same_make_every_interval_narrower() -> None:
    """The same month lived twice says the same and says it more surely."""
    snapshot = shop(ShopPlan(targets=400, clicks=20.0, days=26, seed=5)).snapshot
    daily = snapshot.history.daily
    old = daily.take(daily.day < ordinal(TODAY) - 10)
    earlier = with_columns(old, day=(old.day - 16).astype(np.int32))
    lived_twice = with_columns(daily, **{n: np.concatenate([getattr(daily, n), getattr(earlier, n)]) for n in COLUMNS})

    once, twice = forecast(snapshot), forecast(with_daily(snapshot, lived_twice))

    assert 1.0 == pytest.approx(twice.cvr.sum() / once.cvr.sum(), rel=0.05)
    assert np.mean(twice.shape > once.shape) > 0.95
    assert twice.shape.mean() > 1.15 * once.shape.mean()


def spoil(table: PerformanceTable, days: tuple[int, ...]) -> PerformanceTable:
    """Return the facts with every figure of some days made absurd."""
    hit = np.isin(table.day, days)
    figures = {
        name: np.where(hit, getattr(table, name) * 37 + 11, getattr(table, name))
        for name in COLUMNS
        if name not in ("entity", "day", "hour", "observed_at")
    }
    return with_columns(table, **figures)


def test_excluded_days_leave_no_trace() -> None:
    """Whatever stands in the facts of a day that a person excluded, the forecast is the same to the last bit."""
    snapshot = shop(SMALL).snapshot
    excluded = tuple(ordinal(days_ago(n)) for n in (3, 9, 10))
    marked = replace(snapshot.history, excluded_days=np.array(excluded, dtype=np.int32))
    spoiled = replace(marked, daily=spoil(marked.daily, excluded))

    clean = forecast(replace(snapshot, history=marked))
    dirty = forecast(replace(snapshot, history=spoiled))

    assert digest(clean) == digest(dirty)
    assert digest(clean) != digest(forecast(snapshot))


def test_sale_days_are_not_learned_into_the_baseline() -> None:
    """Facts from pre-heat to aftermath of a sale leave no trace either."""
    snapshot = shop(SMALL).snapshot
    sale = SaleEvent(name="sale", first=days_ago(12), last=days_ago(11), preheat_days=3, aftermath_days=2)
    policy = replace(POLICY, events=(sale,))
    touched = tuple(ordinal(days_ago(n)) for n in range(9, 16))

    clean = forecast(snapshot, policy)
    dirty = forecast(with_daily(snapshot, spoil(snapshot.history.daily, touched)), policy)

    assert digest(clean) == digest(dirty)


def test_what_is_remembered_never_changes_an_answer() -> None:
    """A forecaster that has seen other snapshots answers as a fresh one does."""
    one, other = shop(SMALL).snapshot, shop(replace(SMALL, seed=8)).snapshot
    used = EmpiricalBayesForecaster(POLICY)

    first = digest(used.forecast(one))
    used.forecast(other)
    used.forecast(replace(one, as_of=one.as_of + timedelta(hours=5)))

    assert first == digest(used.forecast(one)) == digest(forecast(one))


def test_processes_agree_to_the_last_bit() -> None:
    """Hash seeds and thread counts of the process do not show in the answer."""
    program = (
        "from tests.forecast.test_forecaster import digest, forecast, shop, SMALL;"
        "print(digest(forecast(shop(SMALL).snapshot)))"
    )

    answers = {
        subprocess.run(
            [sys.executable, "-c", program],
            cwd=PROJECT,
            env={"PYTHONHASHSEED": seed, "OMP_NUM_THREADS": threads, "OPENBLAS_NUM_THREADS": threads, "PATH": ""},
            capture_output=True,
            check=True,
            text=True,
        ).stdout
        for seed, threads in (("1", "1"), ("2", "2"))
    }

    assert {digest(forecast(shop(SMALL).snapshot)) + "\n"} == answers


def without_targets(snapshot: Snapshot) -> Snapshot:
    """Return the account before anything was built in it."""
    empty = replace(snapshot.structure, campaigns=(), ad_groups=(), targets=(), products=())
    return replace(snapshot, structure=empty)


def without_history(snapshot: Snapshot) -> Snapshot:
    """Return the account on its first day."""
    empty = PerformanceTable.empty(level=Level.TARGET, grain=Grain.DAY, window_days=7, currency="CNY")
    return replace(snapshot, history=history(empty, development=NO_DEVELOPMENT))


def without_clicks(snapshot: Snapshot) -> Snapshot:
    """Return the account with rows of zeros only."""
    daily = snapshot.history.daily
    zeros = np.zeros(len(daily), dtype=np.int64)
    names = ("impressions", "clicks", "spend_micros", "orders", "units", "revenue_micros", "carts")
    return with_daily(snapshot, with_columns(daily, **dict.fromkeys(names, zeros)))


def without_carts(snapshot: Snapshot) -> Snapshot:
    """Return the account at a venue that reports no carts."""
    daily = snapshot.history.daily
    return with_daily(snapshot, with_columns(daily, carts=np.full(len(daily), MISSING)))


def without_money(snapshot: Snapshot) -> Snapshot:
    """Return the account with no price, no bid and no revenue."""
    structure = replace(
        snapshot.structure,
        products=tuple(replace(p, price=None) for p in snapshot.structure.products),
        targets=tuple(replace(t, bid=None) for t in snapshot.structure.targets),
        ad_groups=tuple(replace(g, default_bid=None) for g in snapshot.structure.ad_groups),
    )
    daily = snapshot.history.daily
    zeros = np.zeros(len(daily), dtype=np.int64)
    return with_daily(replace(snapshot, structure=structure), with_columns(daily, revenue_micros=zeros))


def of_strangers(snapshot: Snapshot) -> Snapshot:
    """Return the account with facts of entities that are gone."""
    daily = snapshot.history.daily
    return with_daily(snapshot, replace(daily, entity_ids=tuple(f"gone-{name}" for name in daily.entity_ids)))


def of_one_target(snapshot: Snapshot) -> Snapshot:
    """Return the account cut down to a single target, the rest of the report unknown to it."""
    return replace(snapshot, structure=replace(snapshot.structure, targets=snapshot.structure.targets[:1]))


def of_one_day(snapshot: Snapshot) -> Snapshot:
    """Return the account with yesterday only."""
    daily = snapshot.history.daily
    return with_daily(snapshot, daily.take(daily.day == ordinal(TODAY) - 1))


def all_excluded(snapshot: Snapshot) -> Snapshot:
    """Return the account with every day excluded by a person."""
    days = np.unique(snapshot.history.daily.day)
    return replace(snapshot, history=replace(snapshot.history, excluded_days=days))


def without_products(snapshot: Snapshot) -> Snapshot:
    """Return the account at a venue that does not tell which product a target advertises."""
    targets = tuple(replace(t, product_id=None) for t in snapshot.structure.targets)
    return replace(snapshot, structure=replace(snapshot.structure, targets=targets, products=()))


def with_huge_counts(snapshot: Snapshot) -> Snapshot:
    """Return the account of a giant."""
    daily = snapshot.history.daily
    names = ("impressions", "clicks", "spend_micros", "orders", "units", "revenue_micros", "carts")
    return with_daily(snapshot, with_columns(daily, **{name: getattr(daily, name) * 100_000 for name in names}))


@pytest.mark.parametrize(
    "change",
    [
        without_targets, without_history, without_clicks, without_carts, without_money, of_strangers, of_one_target,
        of_one_day, all_excluded, without_products, with_huge_counts,
    ],
)  # fmt: skip
def test_thin_and_odd_history_still_gives_usable_numbers(change: Callable[[Snapshot], Snapshot]) -> None:
    """No exception, no nan where a number is promised, positive shapes and rates, intervals in order."""
    snapshot = change(shop(SMALL).snapshot)

    answer = forecast(snapshot)

    assert len(snapshot.structure.targets) == len(answer.target_ids) == len(answer.cvr)
    assert all_finite(answer)
    assert np.all(answer.shape > 0)
    assert np.all(answer.rate > 0)
    assert np.all(answer.rpc_low_micros <= answer.rpc_high_micros)
    assert np.all(answer.daily_clicks >= 0)
    assert answer.notes


def test_no_history_says_so_and_claims_little() -> None:
    """On its first day every target has the pooled prior with a wide interval, and the check does not pass."""
    answer = forecast(without_history(shop(SMALL).snapshot))

    assert any("No usable click history" in note for note in answer.notes)
    assert not answer.pooled_ok
    assert np.all(answer.shape < 5)
    assert np.all(answer.covered == 0)


def test_a_target_missing_from_the_newest_report_is_not_covered() -> None:
    """Its older facts still count, but whoever decides is told."""
    snapshot = shop(SMALL).snapshot
    daily = snapshot.history.daily
    silent = {
        name: np.where(daily.entity == 1, 0, getattr(daily, name)) for name in ("impressions", "clicks", "orders")
    }
    zeros_told = with_columns(daily, **silent)
    missing = (daily.entity == 7) & (daily.day == ordinal(TODAY) - 1)

    answer = forecast(with_daily(snapshot, zeros_told.take(~missing)))

    assert 0.0 == answer.covered[7]
    assert len(answer.covered) - 1 == answer.covered.sum()
    assert answer.clicks[7] > 0


def by_campaign(structure: Structure, daily: PerformanceTable) -> tuple[Structure, PerformanceTable]:
    """Return the same account as a venue that knows campaigns only: one stand-in target each."""
    numbers = {c.id: n for n, c in enumerate(structure.campaigns)}
    campaign = np.array([numbers[t.campaign_id] for t in structure.targets], dtype=np.int32)
    target_of = {f"t{n}": n for n in range(len(structure.targets))}
    entity = campaign[[target_of[name] for name in daily.entity_ids]][daily.entity]
    first = {t.campaign_id: t for t in reversed(structure.targets)}
    stand_ins = tuple(
        replace(first[c.id], id=f"only-{c.id}", kind=TargetKind.CAMPAIGN, product_id=None)  # type: ignore[arg-type]
        for c in structure.campaigns
    )
    table = replace(
        daily, level=Level.CAMPAIGN, entity_ids=tuple(str(c.id) for c in structure.campaigns), entity=entity
    )
    return replace(structure, targets=stand_ins), table


def test_campaign_facts_reach_the_campaigns_one_target() -> None:
    """Where the venue divides no further than campaigns, each campaign's stand-in gets all of its facts."""
    made = shop(replace(SMALL, days=45))
    structure, daily = by_campaign(made.snapshot.structure, made.snapshot.history.daily)

    answer = forecast(with_daily(replace(made.snapshot, structure=structure), daily))

    assert 2 == len(answer.cvr)
    assert daily.orders.sum() == pytest.approx(answer.orders.sum(), rel=1e-9)
    np.testing.assert_allclose(answer.cvr.mean(), made.cvr.mean(), rtol=0.15)


def test_campaign_facts_are_shared_among_enabled_targets() -> None:
    """Facts of a campaign with several targets are dealt out evenly, and paused ones get nothing."""
    snapshot = shop(SMALL).snapshot
    targets = tuple(replace(t, state=State.PAUSED) if n % 2 else t for n, t in enumerate(snapshot.structure.targets))
    _, daily = by_campaign(snapshot.structure, snapshot.history.daily)

    answer = forecast(with_daily(replace(snapshot, structure=replace(snapshot.structure, targets=targets)), daily))

    assert all_finite(answer)
    assert daily.orders.sum() == pytest.approx(answer.orders.sum(), rel=1e-9)


def test_late_orders_of_today_do_not_lower_a_rate() -> None:
    """Clicks seen an hour ago carry little exposure, so that their missing orders are no evidence."""
    snapshot = shop(SMALL).snapshot
    daily = snapshot.history.daily
    rows = np.flatnonzero(daily.day == ordinal(TODAY) - 1)
    fresh = daily.take(rows)
    open_day = with_columns(
        fresh,
        day=np.full(len(rows), ordinal(TODAY), dtype=np.int32),
        orders=np.zeros(len(rows), dtype=np.int64),
        revenue_micros=np.zeros(len(rows), dtype=np.int64),
        observed_at=np.full(len(rows), daily.observed_at.max() + 3_600_000_000),
    )
    both = with_columns(daily, **{n: np.concatenate([getattr(daily, n), getattr(open_day, n)]) for n in COLUMNS})
    later = replace(snapshot, as_of=snapshot.as_of)

    before, after = forecast(snapshot), forecast(with_daily(later, both))

    gained = after.clicks.sum() - before.clicks.sum()
    assert 0 < gained < 0.3 * fresh.clicks.sum()
    assert DELAY[0] > gained / fresh.clicks.sum()


def test_history_is_not_changed_by_reading_it() -> None:
    """The forecaster writes into nothing that it was given."""
    snapshot = shop(SMALL).snapshot
    before: History = snapshot.history
    copies = {name: getattr(before.daily, name).copy() for name in COLUMNS}

    forecast(snapshot)

    for name, values in copies.items():
        np.testing.assert_array_equal(values, getattr(snapshot.history.daily, name))
