"""Prints a digest of what the daemon decides for a few days in a mock market: run in processes of its own."""

from __future__ import annotations

import hashlib
import sys
from datetime import timedelta

from bidder.cycle import run_cycle
from bidder.evaluate.seats import simulated_kit, simulated_policy
from bidder.registry import load_world


def main(preset: str, scale: float, cycles: int) -> None:
    """Run a cycle every twelve hours and print one line for each, of all that was decided and why."""
    world = load_world("mock").open(preset, seed=7, history_days=60, scale=scale)
    account = world.accounts[0]
    kit = simulated_kit(world, account, simulated_policy(world, account, 7))
    for _ in range(cycles):
        report = run_cycle(account, kit, now=world.now)
        parts = (report.intents, report.objections, report.holds, sorted(report.figures.items()), report.sentence)
        sys.stdout.write(f"{len(report.intents)} {hashlib.sha256(repr(parts).encode()).hexdigest()}\n")
        world.advance(world.now + timedelta(hours=12))


if __name__ == "__main__":
    main(sys.argv[1], float(sys.argv[2]), int(sys.argv[3]))
