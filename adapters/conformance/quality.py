"""The quality scale: what an adapter's ``quality.toml`` claims, checked.

Bronze reads well and is documented; silver passes every case and copes with loss and with refused credentials; gold
proves itself on payloads and limits of the venue's own. ``python -m adapters.conformance.quality FILE ...`` checks.
"""

from __future__ import annotations

import sys
import tomllib
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path

CASES = tuple(f"BC-{number:02d}" for number in range(1, 25) if number != 9)  # BC-09 was never given out
"""Numbers of the conformance cases."""

_BRONZE = (*CASES[:8], "docs")
_SILVER = (*CASES[8:], "log-once", "re-authentication")
_GOLD = ("recorded-payloads", "rate-limit-proof", "known-limitations")
_STATES = ("done", "todo", "exempt")


class Tier(IntEnum):
    """How far an adapter has come."""

    NONE = 0
    BRONZE = 1
    SILVER = 2
    GOLD = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Quality:
    """What a file says, and what that is worth.

    Attributes:
        adapter: Registered name.
        claimed: The tier it says it has.
        reached: The tier that its rules add up to.
        problems: What is wrong with the file; empty where it can be believed.
    """

    adapter: str
    claimed: Tier
    reached: Tier
    problems: tuple[str, ...]


def read_quality(path: Path) -> Quality:
    """Read and check a ``quality.toml``.

    It holds ``adapter``, ``tier`` (bronze, silver or gold), ``docs`` (path of its page, relative to the file's
    folder or one above it) and a table ``rules``: each rule is ``"done"``, ``"todo"``, or
    ``{ status = "exempt", why = "..." }``.

    Raises:
        OSError: The file cannot be read. ValueError: It is no TOML.
    """
    document = tomllib.loads(path.read_text(encoding="utf-8"))
    problems: list[str] = []
    rules = document.get("rules", {})
    known = (*_BRONZE, *_SILVER, *_GOLD)
    problems += [f"unknown rule {name}" for name in rules if name not in known]
    met = {name: _met(name, rules.get(name), problems) for name in known}
    if met["docs"] and not _page(path, document.get("docs")):
        problems.append("docs: names no page that exists")
        met["docs"] = False
    reached = Tier.NONE
    for tier, needs in ((Tier.BRONZE, _BRONZE), (Tier.SILVER, _SILVER), (Tier.GOLD, _GOLD)):
        if reached == tier - 1 and all(met[name] for name in needs):
            reached = tier
    claim = str(document.get("tier", "none")).upper()
    if claim not in Tier.__members__:
        problems.append(f"tier: expected bronze, silver or gold, was {claim.lower()}")
        claim = "NONE"
    claimed = Tier[claim]
    if claimed > reached:
        lacking = [name for name in (_BRONZE, _SILVER, _GOLD)[reached] if not met[name]]
        problems.append(f"tier: {claimed.name.lower()} is claimed, but {', '.join(lacking)} is not done")
    return Quality(adapter=str(document.get("adapter", "")), claimed=claimed, reached=reached, problems=tuple(problems))


def _met(name: str, value: object, problems: list[str]) -> bool:
    """Tell whether a rule is fulfilled, or may be left out for a stated reason."""
    match value:
        case None | "todo":
            return False
        case "done":
            return True
        case {"status": "exempt", "why": str(why)} if why.strip():
            return True
        case _:
            problems.append(f"{name}: expected done, todo or an exemption with its reason, was {value!r}")
            return False


def _page(path: Path, page: object) -> bool:
    folders = [path.parent, *path.parent.parents]
    return isinstance(page, str) and any((folder / page).is_file() for folder in folders)


def main(arguments: list[str]) -> int:
    """Check the files named on the command line; return how many are not to be believed."""
    bad = 0
    for name in arguments:
        quality = read_quality(Path(name))
        print(f"{quality.adapter}: {quality.reached.name.lower()}")  # noqa: T201  # this is a command
        for problem in quality.problems:
            print(f"  {problem}")  # noqa: T201  # this is a command
        bad += bool(quality.problems)
    return bad


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
