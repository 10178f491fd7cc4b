"""Finding adapters: by entry point, only what is used, and never another one in its place."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Protocol

import pytest

from bidder.errors import AdapterMissing
from bidder.registry import Group, Registry

GOOD = """
class Market:
    API_VERSION = 1
    def __init__(self, config): self.config = config
    def profile(self, now): ...
    def fetch_structure(self, account, now): ...
    def fetch_performance(self, account, days, grain, window_days, now): ...
    def submit(self, account, changes, keys, now): ...
    def read_back(self, account, refs, now): ...
    def close(self): ...
class Old(Market):
    API_VERSION = 0
class Silent:
    pass
class Short:
    API_VERSION = 1
    def profile(self, now): ...
class Worlds:
    API_VERSION = 1
    def presets(self): return ("small",)
    def open(self, preset, *, seed, history_days, scale=1.0): ...
"""


class Install(Protocol):
    """Installs a distribution with entry points; ``MODULE`` in a target is its own module."""

    def __call__(
        self, distribution: str, entries: dict[str, str], *, group: str = "bidder.marketplaces", code: str = GOOD
    ) -> str:
        """Return the folder it was installed into."""


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """Return a function that installs a distribution with entry points into a folder of its own."""
    monkeypatch.syspath_prepend(str(tmp_path))

    def put(distribution: str, entries: dict[str, str], *, group: str = "bidder.marketplaces", code: str = GOOD) -> str:
        module = f"registry_case_{distribution.replace('-', '_')}"
        (tmp_path / f"{module}.py").write_text(code)
        info = tmp_path / f"{distribution.replace('-', '_')}-1.2.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.2\n")
        lines = [f"{name} = {target.replace('MODULE', module)}" for name, target in entries.items()]
        (info / "entry_points.txt").write_text(f"[{group}]\n" + "\n".join(lines) + "\n")
        sys.modules.pop(module, None)
        return str(tmp_path)

    return put


def test_registered_adapter_is_found_by_its_name(install: Install) -> None:
    """A stranger's adapter is loaded exactly as ours are."""
    path = install("acme-bidder", {"acme": "MODULE:Market"})

    assert "Market" == Registry([path]).marketplace("acme").__name__


def test_our_own_adapters_are_registered() -> None:
    """The installed project offers its adapters by entry point."""
    registry = Registry()

    assert {"files", "mock"} <= set(registry.names(Group.MARKETPLACES))
    assert "mock" in registry.names(Group.WORLDS)


def test_world_factory_is_built(install: Install) -> None:
    """A registered class of worlds comes as an instance."""
    path = install("acme-world", {"acme": "MODULE:Worlds"}, group="bidder.worlds")

    assert ("small",) == Registry([path]).world("acme").presets()


def test_unknown_name_is_an_error_with_the_nearest_one(install: Install) -> None:
    """A typo is answered with what was meant; the mock is never used instead."""
    path = install("acme-bidder", {"acme": "MODULE:Market", "mock": "MODULE:Market"})

    with pytest.raises(AdapterMissing, match=r"no adapter 'acne'.*Did you mean 'acme'.*install"):
        Registry([path]).marketplace("acne")


def test_nothing_installed_is_said(tmp_path: Path) -> None:
    """Where nothing is registered the message says so."""
    with pytest.raises(AdapterMissing, match="Installed: none"):
        Registry([str(tmp_path)]).world("mock")


def test_name_offered_twice_is_refused(install: Install) -> None:
    """Nobody can slip in front of an adapter that holds the tokens."""
    install("acme-bidder", {"acme": "MODULE:Market"})
    path = install("evil-twin", {"acme": "MODULE:Market"})

    with pytest.raises(AdapterMissing, match="acme-bidder and evil-twin"):
        Registry([path]).marketplace("acme")


def test_one_distribution_seen_twice_is_one(install: Install) -> None:
    """An installed project whose folder also stands on the path is not its own rival."""
    path = install("acme-bidder", {"acme": "MODULE:Market"})

    assert Registry([path, path]).marketplace("acme") is not None


@pytest.mark.parametrize(
    ("target", "words"),
    [
        ("MODULE:Old", "written for API_VERSION 0, this is 1"),
        ("MODULE:Silent", "states no API_VERSION"),
        ("MODULE:Short", "lacks fetch_structure, fetch_performance, submit, read_back, close"),
        ("MODULE:Absent", "cannot be imported"),
        ("no_such_module_anywhere:Market", "cannot be imported"),
    ],
)
def test_adapter_that_cannot_work_says_why(install: Install, target: str, words: str) -> None:
    """Each way of being broken has its sentence, with the distribution to look at."""
    path = install("acme-bidder", {"acme": target})

    with pytest.raises(AdapterMissing, match=words) as caught:
        Registry([path]).marketplace("acme")

    assert "acme-bidder 1.2" in str(caught.value)


@pytest.mark.parametrize("code", ["raise RuntimeError('no licence')", "import no_such_thing", "def broken(:"])
def test_listing_outlives_a_broken_adapter(install: Install, code: str) -> None:
    """`bidder adapters` shows the good ones, and the broken one with its reason."""
    install("acme-bidder", {"acme": "MODULE:Market"})
    path = install("broken-bidder", {"broken": "MODULE:Market"}, code=code)

    listed = {entry.name: entry for entry in Registry([path]).listing()}

    assert listed["acme"].problem is None
    assert "broken-bidder" in str(listed["broken"].problem)


def test_only_what_is_used_is_imported(install: Install) -> None:
    """A broken adapter that nobody configured harms nobody."""
    install("acme-bidder", {"acme": "MODULE:Market"})
    path = install("broken-bidder", {"broken": "MODULE:Market"}, code="raise SystemError")
    registry = Registry([path])

    registry.marketplace("acme")

    assert "registry_case_broken_bidder" not in sys.modules
