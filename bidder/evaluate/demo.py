"""What `make demo` plays: one mock shop from a careless starting set-up, steered by three hands side by side."""

from __future__ import annotations

from datetime import timedelta

from bidder.evaluate.simulate import Match, Progress, Result, run

POLICY_NAMES = {
    "bidder": "bidder",
    "rules": "ACOS rule",
    "rules-strict": "strict ACOS rule",
    "rules-loose": "loose ACOS rule",
    "proportional": "by revenue",
    "hands-off": "left alone",
    "oracle": "knows the truth",
}
"""What people call the policies."""

DEMO = Match(
    preset="apparel",
    days=60,
    seeds=(618,),
    policies=("bidder", "rules", "hands-off"),
    every=timedelta(hours=4),
    scale=0.4,
)
"""Sixty days after sixty days of careless history; part of a shop and a decision every four hours keep it short."""


def play_demo(*, jobs: int = 2, progress: Progress | None = None, seed: int | None = None) -> Result:
    """Play the demo; ``seed`` opens another shop of the same kind."""
    match = DEMO if seed is None else Match(
        preset=DEMO.preset, days=DEMO.days, seeds=(seed,), policies=DEMO.policies, every=DEMO.every, scale=DEMO.scale
    )  # fmt: skip
    return run(match, jobs=jobs, progress=progress)
