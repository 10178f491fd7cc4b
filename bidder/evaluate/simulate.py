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

from bidder.core.calendar import DayRange, day_of, ordinal
from bidder.core.entities import Account
from bidder.core.money import Money
from bidder.core.performance import Float64
from bidder.core.policy import SaleEvent
from bidder.errors import InputError
from bidder.evaluate.bound import Frontier, frontier, horizon, sensible_grid
from bidder.evaluate.oracle import Oracle
from bidder.evaluate.players import AcosRule, Daemon, Desk, HandsOff, Player, Proportional
from bidder.evaluate.seats import simulated_config, simulated_kit, simulated_policy
from bidder.evaluate.story import Chronicle, Story
from bidder.evaluate.waste import NOWHERE, Footprint, footprint, joined, unfunded
from bidder.ports import ForSaleTable, SupplyTruth, TruthTable, World
from bidder.registry import load_world

POLICIES = ("bidder", "rules", "rules-strict", "rules-loose", "proportional", "hands-off", "oracle")
"""Names ``--policy`` takes. The rules' goals are break-even, 1.3 and 0.8 times it."""

_RULE_GOALS = {"rules": 1.0, "rules-strict": 1.3, "rules-loose": 0.8}
_FLOOR_TOLERANCE = 0.98
"""A run whose contribution is below this share of its spend has broken the floor and scores 0."""


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
class Limits:
    """What one account may spend, float micros, and what it had for sale; ``None`` where its goods never end."""

    day_micros: float
    month_micros: float | None
    goods: ForSaleTable | None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Run:
    """One policy in one market; arrays of shape (n_days,), float micros, summed over the world's accounts.

    Attributes:
        first_day: Marketplace day of the arrays' first value. events: Sale events the owner announced.
        sent: Changes sent. targets: Targets in the shop, for changes per entity.
        over_cap: Spend above cap times the venue's overdelivery.
        limits: What each account might spend and sell; a bound on its profit rests on it.
        footprint: Where it spent, and for the oracle which targets are worth no bid.
        edges: Envelopes of each account's market; empty unless the oracle plays.
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
    over_cap: Float64
    limits: tuple[Limits, ...]
    footprint: Footprint = NOWHERE
    edges: tuple[Frontier, ...] = ()
    story: Story | None = None

    @property
    def broke(self) -> str | None:
        """Name the rule it broke, for which it scores 0, or return ``None``.

        Spend is judged by the venue's rules: a day may cost the cap times overdelivery. The floor is break-even,
        judged on what was earned in the end.
        """
        if (self.over_cap > 0).any():
            return "cap"
        return "floor" if float(self.contribution.sum()) < _FLOOR_TOLERANCE * float(self.spend.sum()) else None

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
    return play_in(world, match, seed, policy, tick)


def play_in(world: World, match: Match, seed: int, policy: str, tick: Callable[[int], None] | None = None) -> Run:
    """Let one policy steer all accounts of an open world to the end of the match."""
    start = world.now
    players = [(account, seated(policy, world, account, seed, days=match.days)) for account in world.accounts]
    sent = 0
    steps = round(timedelta(days=match.days) / match.every)
    for step in range(steps):
        sent += sum(player.act(world.now) for _, player in players)
        world.advance(start + (step + 1) * match.every)
        if tick is not None and (step + 1) * match.every % timedelta(days=1) == timedelta(0):
            tick(round((step + 1) * match.every / timedelta(days=1)))
    return _scored(match, seed, policy, world, players, sent)


def seated(policy: str, world: World, account: Account, seed: int, *, days: int) -> Player:
    """Return the player of a policy, seated at an account's port for so many days."""
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
        last = ordinal(day_of(world.now, account.time_zone)) + days - 1
        return Oracle(account=account, market=market, truth=world.truth, cap=cap, last_day=last)
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
    limits: list[Limits] = []
    edges: list[Frontier] = []
    prints, idle = list[Footprint](), list[frozenset[str]]()
    over: list[Float64] = []
    targets, story = 0, None
    last = day_of(world.now - timedelta(hours=1), first_account.time_zone)
    days = DayRange.ending(last, days=match.days)
    for account, player in players:
        table = world.truth.outcomes(account.id, days)
        tables.append(table)
        port = world.marketplace(simulated_config(account))
        profile = port.profile(world.now)
        owner = simulated_policy(world, account, seed)
        day_limit = owner.cap.micros * profile.overdelivery
        over.append(np.maximum(table.spend_micros - day_limit, 0.0))
        goods = world.truth.for_sale(account.id, days) if isinstance(world.truth, SupplyTruth) else None
        month = None if owner.month_plan is None else float(owner.month_plan.micros)
        limits.append(Limits(day_micros=day_limit, month_micros=month, goods=goods))
        structure = port.fetch_structure(account.id, world.now)
        targets += len(structure.targets)
        prints.append(footprint(account, port, structure, days, now=world.now))
        if isinstance(player, Oracle):
            idle.append(unfunded(account, structure, player.funded))
            grid = sensible_grid(world.truth, account, ordinal(days.first), profile.bid_min, profile.bid_max)
            edges.append(frontier(horizon(world.truth, account, days, grid), structure))
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
        over_cap=_total(over),
        limits=tuple(limits),
        footprint=joined(prints, idle or None),
        edges=tuple(edges),
        story=story,
    )


def _total(columns: Iterable[Float64]) -> Float64:
    return np.asarray(np.sum(list(columns), axis=0), dtype=np.float64)
