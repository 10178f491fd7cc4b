"""Let several policies steer the same shop in the same simulated market and compare what they earned.

`bidder simulate`, `bidder demo` and the benchmarks call `run`; each seed is one market, forked for every policy, so
that all meet the same queries, rivals and buyers. Worlds come from the registry: a stranger's serve as well.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import FIRST_EXCEPTION, ProcessPoolExecutor, wait
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import partial
from multiprocessing.queues import SimpleQueue

import numpy as np

from bidder.core.calendar import DayRange, day_of
from bidder.core.entities import Account
from bidder.core.money import Money
from bidder.core.performance import Float64
from bidder.core.policy import SaleEvent
from bidder.errors import InputError
from bidder.evaluate.oracle import Oracle, bid_grid, bound
from bidder.evaluate.players import AcosRule, Daemon, Desk, HandsOff, Player, Proportional
from bidder.evaluate.seats import simulated_config, simulated_kit, simulated_policy
from bidder.evaluate.story import Chronicle, Story
from bidder.ports import TruthTable, World
from bidder.registry import load_world

POLICIES = ("bidder", "rules", "rules-strict", "rules-loose", "proportional", "hands-off", "oracle")
"""Names ``--policy`` takes. The rules' goals are break-even, 1.3 and 0.8 times it."""

_RULE_GOALS = {"rules": 1.0, "rules-strict": 1.3, "rules-loose": 0.8}
_FLOOR_TOLERANCE = 0.98
"""A run whose contribution is below this share of its spend has broken the floor and scores 0."""
_BOUND_TOLERANCE = 1.01
"""Nobody can beat the fluid optimum by more than chance allows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """What is played.

    Attributes:
        days: Marketplace days after the history.
        history_days: Days of a careless owner's history before; 0 is a cold start.
        every: Time between two decisions.
        scale: Size of the shop against the preset's.
    """

    world: str = "mock"
    preset: str
    days: int
    seeds: tuple[int, ...]
    policies: tuple[str, ...]
    history_days: int = 60
    every: timedelta = timedelta(hours=1)
    scale: float = 1.0

    def __post_init__(self) -> None:
        unknown = [name for name in self.policies if name not in POLICIES]
        if unknown:
            raise InputError(f"unknown policy {', '.join(unknown)}; known: {', '.join(POLICIES)}", place="--policy")
        if self.days < 1 or not self.seeds:
            raise InputError("a match needs at least one day and one seed", place="--days, --seeds")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Run:
    """One policy in one market; arrays of shape (n_days,), float micros, summed over the world's accounts.

    Attributes:
        first_day: Marketplace day of the arrays' first value. events: Sale events the owner announced.
        sent: Changes sent. targets: Targets in the shop, for changes per entity.
        over_cap_micros: Largest excess of a day's spend over cap times the venue's overdelivery.
        bound_micros: The fluid optimum's profit by day; empty unless the oracle plays.
        story: What the daemon did and left, in its own words; ``None`` for other policies.
    """

    policy: str
    seed: int
    currency: str
    first_day: date
    events: tuple[SaleEvent, ...]
    spend: Float64
    revenue: Float64
    refund: Float64
    contribution: Float64
    value: Float64
    orders: Float64
    sent: int
    targets: int
    over_cap_micros: float
    bound_micros: Float64
    story: Story | None = None

    @property
    def valid(self) -> bool:
        """Tell whether it kept to the venue's rules and above the floor, as a score requires."""
        spend = float(self.spend.sum())
        return self.over_cap_micros <= 0 and float(self.contribution.sum()) >= _FLOOR_TOLERANCE * spend * (spend > 0)

    def profit(self) -> float:
        """Return realised contribution after refunds minus spend, float micros."""
        return float(self.contribution.sum() - self.spend.sum())


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """All runs of a match."""

    match: Match
    runs: tuple[Run, ...]

    def of(self, policy: str) -> tuple[Run, ...]:
        """Return one policy's runs in seed order."""
        return tuple(run for run in self.runs if run.policy == policy)


Progress = Callable[[str, int, int], None]
"""Called with what is being played, days played and days in all."""
Task = tuple[int, str]
"""A seed and a policy."""


def run(match: Match, *, jobs: int = 1, progress: Progress | None = None) -> Result:
    """Play a match; with several jobs one process plays one policy of one seed at a time.

    Returns:
        Runs ordered by seed, then by policy as given; the same for any number of jobs.
    """
    tasks = [(seed, policy) for seed in match.seeds for policy in match.policies]
    board = _Board(total=len(tasks) * match.days, progress=progress)
    if jobs <= 1:
        runs = {task: play(match, *task, partial(board.note, task)) for task in tasks}
    else:
        runs = _in_processes(match, tasks, min(jobs, len(tasks)), board)
    return Result(match=match, runs=tuple(runs[task] for task in tasks))


@dataclass(slots=True, kw_only=True)
class _Board:
    """Adds up the days played of all runs."""

    total: int
    progress: Progress | None
    days: dict[Task, int] = field(default_factory=dict)

    def note(self, task: Task, day: int) -> None:
        """Note that a run has come to a day."""
        self.days[task] = day
        if self.progress is not None:
            seed, policy = task
            self.progress(f"{policy}, seed {seed}", sum(self.days.values()), self.total)


def _in_processes(match: Match, tasks: Sequence[Task], jobs: int, board: _Board) -> dict[Task, Run]:
    """Play the tasks in fresh processes, which report the days played through a queue."""
    context = multiprocessing.get_context("spawn")
    queue = context.SimpleQueue()
    with ProcessPoolExecutor(jobs, mp_context=context, initializer=_attach, initargs=(queue,)) as pool:
        futures = {pool.submit(_play_reporting, match, task): task for task in tasks}
        pending = set(futures)
        while pending:
            done, pending = wait(pending, timeout=0.2, return_when=FIRST_EXCEPTION)
            while not queue.empty():
                board.note(*queue.get())
            for future in done:
                future.result()
    return {task: future.result() for future, task in futures.items()}


_days_played: list[SimpleQueue[tuple[Task, int]]] = []
"""In a playing process: where it reports to."""


def _attach(queue: SimpleQueue[tuple[Task, int]]) -> None:
    _days_played[:] = [queue]


def _play_reporting(match: Match, task: Task) -> Run:
    return play(match, *task, lambda day: _days_played[0].put((task, day)))


def play(match: Match, seed: int, policy: str, tick: Callable[[int], None] | None = None) -> Run:
    """Open the world of one seed and let one policy steer all its accounts to the end."""
    world = load_world(match.world).open(match.preset, seed=seed, history_days=match.history_days, scale=match.scale)
    start = world.now
    players = [(account, seated(policy, world, account, seed)) for account in world.accounts]
    sent = 0
    steps = round(timedelta(days=match.days) / match.every)
    for step in range(steps):
        sent += sum(player.act(world.now) for _, player in players)
        world.advance(start + (step + 1) * match.every)
        if tick is not None and (step + 1) * match.every % timedelta(days=1) == timedelta(0):
            tick(round((step + 1) * match.every / timedelta(days=1)))
    return _scored(match, seed, policy, world, players, sent)


def seated(policy: str, world: World, account: Account, seed: int) -> Player:
    """Return the player of a policy, seated at an account's port."""
    facts = world.side_facts(account.id)
    cap = facts["cap"]
    if not isinstance(cap, Money):
        raise InputError(f"side_facts['cap'] must be Money, was {cap!r}", place=f"world of {account.id}")
    if policy == "hands-off":
        return HandsOff()
    rules = simulated_policy(world, account, seed)
    if policy == "bidder":
        chronicle = Chronicle(time_zone=account.time_zone, currency=account.currency)
        return Daemon(account=account, kit=simulated_kit(world, account, rules), chronicle=chronicle)
    market = world.marketplace(simulated_config(account))
    if policy == "oracle":
        return Oracle(account=account, market=market, truth=world.truth, cap=cap)
    desk = Desk(account=account, market=market)
    if policy == "proportional":
        return Proportional(desk=desk, cap=cap, goal=rules.goal)
    return AcosRule(desk=desk, cap=cap, goal=rules.goal, goal_factor=_RULE_GOALS[policy])


def _scored(
    match: Match, seed: int, policy: str, world: World, players: Sequence[tuple[Account, Player]], sent: int
) -> Run:
    """Ask the referee what the days played were worth."""
    first_account = players[0][0]
    rules = simulated_policy(world, first_account, seed)
    tables: list[TruthTable] = []
    bounds: list[Float64] = []
    over, targets, story = 0.0, 0, None
    last = day_of(world.now - timedelta(hours=1), first_account.time_zone)
    days = DayRange.ending(last, days=match.days)
    for account, player in players:
        table = world.truth.outcomes(account.id, days)
        tables.append(table)
        port = world.marketplace(simulated_config(account))
        profile = port.profile(world.now)
        cap = simulated_policy(world, account, seed).cap
        over = max(over, float((table.spend_micros - cap.micros * profile.overdelivery).max()))
        structure = port.fetch_structure(account.id, world.now)
        targets += len(structure.targets)
        if policy == "oracle":
            grid = bid_grid(profile.bid_min, profile.bid_max)
            bounds.append(bound(world.truth, account, days, cap, grid))
        if isinstance(player, Daemon):
            story = story or player.chronicle.story(structure)
    return Run(
        policy=policy,
        seed=seed,
        currency=first_account.currency,
        first_day=days.first,
        events=rules.events,
        spend=_total(table.spend_micros for table in tables),
        revenue=_total(table.revenue_micros for table in tables),
        refund=_total(table.refund_micros for table in tables),
        contribution=_total(table.contribution_micros for table in tables),
        value=_total(table.value_micros for table in tables),
        orders=_total(table.orders for table in tables),
        sent=sent,
        targets=targets,
        over_cap_micros=over,
        bound_micros=_total(bounds) if bounds else np.zeros(0),
        story=story,
    )


def _total(columns: Iterable[Float64]) -> Float64:
    return np.asarray(np.sum(list(columns), axis=0), dtype=np.float64)


def above_bound(result: Result) -> tuple[str, ...]:
    """Name the policies whose value beat the fluid optimum by more than one percent: the referee is then wrong."""
    limits = {run.seed: float(run.bound_micros.sum()) for run in result.of("oracle")}
    return tuple(
        sorted(
            {
                run.policy
                for run in result.runs
                if run.seed in limits and float(run.value.sum()) > _BOUND_TOLERANCE * limits[run.seed]
            }
        )
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """Share of the oracle's value over seeds; a run that broke a rule counts 0."""

    mean: float
    second_half: float
    worst: float
    low: float
    high: float
    by_seed: tuple[float, ...] = field(default=())


def share_of_oracle(result: Result, policy: str) -> Share | None:
    """Compare a policy with the oracle, seed by seed; ``None`` where the oracle did not play.

    ``low`` and ``high`` bound the mean by a 95% bootstrap over seeds with a fixed seed of its own.
    """
    oracle = {run.seed: run for run in result.of("oracle")}
    if not oracle:
        return None
    whole, half = [], []
    for run in result.of(policy):
        best = oracle[run.seed]
        middle = len(run.value) // 2
        whole.append(float(run.value.sum() / best.value.sum()) if run.valid else 0.0)
        half.append(float(run.value[middle:].sum() / best.value[middle:].sum()) if run.valid else 0.0)
    draws = np.random.default_rng(0).choice(whole, size=(2000, len(whole))).mean(axis=1)
    return Share(
        mean=float(np.mean(whole)),
        second_half=float(np.mean(half)),
        worst=min(whole),
        low=float(np.quantile(draws, 0.025)),
        high=float(np.quantile(draws, 0.975)),
        by_seed=tuple(whole),
    )


def summary(result: Result) -> dict[str, object]:
    """Return the figures as one JSON-safe object: what ``bidder simulate --json`` prints. Money is in units."""
    policies: dict[str, object] = {}
    for policy in result.match.policies:
        runs = result.of(policy)
        spend, revenue, refund = (
            float(sum(getattr(r, n).sum() for r in runs)) / 1e6 for n in ("spend", "revenue", "refund")
        )
        share = share_of_oracle(result, policy)
        policies[policy] = {
            "share_of_oracle": None if share is None else {
                "mean": share.mean, "second_half": share.second_half, "worst": share.worst,
                "ci95": [share.low, share.high], "by_seed": list(share.by_seed),
            },
            "spend": spend,
            "revenue": revenue,
            "refunds": refund,
            "roas": revenue / spend if spend else None,
            "net_roas": (revenue - refund) / spend if spend else None,
            "profit": sum(run.profit() for run in runs) / 1e6,
            "expected_profit": float(sum(run.value.sum() for run in runs)) / 1e6,
            "orders": float(sum(run.orders.sum() for run in runs)),
            "over_cap": max(run.over_cap_micros for run in runs) / 1e6,
            "valid_runs": sum(run.valid for run in runs),
            "changes_per_target_day": sum(r.sent for r in runs) / sum(r.targets * result.match.days for r in runs),
        }  # fmt: skip
    return {
        "world": result.match.world,
        "preset": result.match.preset,
        "days": result.match.days,
        "seeds": list(result.match.seeds),
        "history_days": result.match.history_days,
        "every_hours": result.match.every / timedelta(hours=1),
        "scale": result.match.scale,
        "currency": result.runs[0].currency,
        "above_bound": list(above_bound(result)),
        "policies": policies,
    }
