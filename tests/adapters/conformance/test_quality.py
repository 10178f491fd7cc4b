"""The quality scale: a claim is checked, and ours is true."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import pytest

from adapters.conformance import CASES, MarketplaceConformance, Tier, read_quality
from adapters.conformance.quality import main

ALL = "\n".join(f'{case} = "done"' for case in CASES)
REST = 'docs = "done"\nlog-once = "done"\nre-authentication = "done"\n'
GOLD = 'recorded-payloads = "done"\nrate-limit-proof = "done"\nknown-limitations = "done"\n'


def write(folder: Path, rules: str, *, tier: str = "gold") -> Path:
    """Write a quality file and the page it names."""
    (folder / "page.md").write_text("# A page")
    path = folder / "quality.toml"
    path.write_text(f'adapter = "x"\ntier = "{tier}"\ndocs = "page.md"\n[rules]\n{rules}')
    return path


@pytest.mark.parametrize(
    ("rules", "reached"),
    [
        ("", Tier.NONE),
        ("\n".join(ALL.splitlines()[:8]) + '\ndocs = "done"', Tier.BRONZE),
        (f"{ALL}\n{REST}", Tier.SILVER),
        (f"{ALL}\n{REST}{GOLD}", Tier.GOLD),
        (f"{ALL}\n{REST}{GOLD}".replace('BC-03 = "done"', 'BC-03 = "todo"'), Tier.NONE),
        (f"{ALL}\n{REST}{GOLD}".replace('BC-13 = "done"', 'BC-13 = "todo"'), Tier.BRONZE),
    ],
    ids=["nothing", "bronze", "silver", "gold", "gap in bronze", "gap in silver"],
)
def test_tier_is_what_the_rules_add_up_to(tmp_path: Path, rules: str, reached: Tier) -> None:
    """A tier needs all rules of its own and of those below it."""
    assert reached is read_quality(write(tmp_path, rules)).reached


def test_claim_above_what_is_reached_is_a_problem(tmp_path: Path) -> None:
    """Nobody is gold by saying so."""
    quality = read_quality(write(tmp_path, f"{ALL}\n{REST}"))

    assert (Tier.GOLD, Tier.SILVER) == (quality.claimed, quality.reached)
    assert "recorded-payloads" in quality.problems[0]


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ('BC-99 = "done"', "unknown rule BC-99"),
        ('BC-01 = "maybe"', "BC-01: expected"),
        ('BC-01 = { status = "exempt" }', "BC-01: expected"),
        ('BC-01 = { status = "exempt", why = " " }', "BC-01: expected"),
        ("BC-01 = true", "BC-01: expected"),
    ],
)
def test_unusable_rule_is_named(tmp_path: Path, rule: str, words: str) -> None:
    """A typo, or an exemption without a reason, is no pass."""
    quality = read_quality(write(tmp_path, rule, tier="none"))

    assert Tier.NONE is quality.reached
    assert any(words in problem for problem in quality.problems)


def test_page_that_does_not_exist_is_no_documentation(tmp_path: Path) -> None:
    """Documentation is a file that is there."""
    path = write(tmp_path, f"{ALL}\n{REST}{GOLD}")
    (tmp_path / "page.md").unlink()

    assert Tier.NONE is read_quality(path).reached


def test_our_own_claims_hold(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Every quality file of ours can be believed."""
    files = sorted((project / "adapters").glob("*/quality.toml"))

    assert files
    assert 0 == main([str(path) for path in files]), capsys.readouterr().out


def test_every_case_exists_and_is_documented(project: Path) -> None:
    """Numbers, tests and the page agree."""
    page = (project / "docs" / "adapters.md").read_text(encoding="utf-8")
    tests = [name for name, _ in inspect.getmembers(MarketplaceConformance) if name.startswith("test_bc")]

    assert set(CASES) == {f"BC-{found[1]}" for name in tests if (found := re.match(r"test_bc(\d\d)_", name))}
    assert list(CASES) == re.findall(r"^\| (BC-\d\d) \|", page, flags=re.MULTILINE)
