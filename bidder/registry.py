"""Finds adapters and worlds by their entry points; ours register exactly as a stranger's do.

Only the names in use are imported. An adapter that is missing or broken is an error with a remedy; no other one is
ever used in its place, least of all the mock. Called by the wiring and by ``bidder adapters``.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from importlib.metadata import Distribution, EntryPoint, distributions
from typing import cast

from bidder.errors import AdapterMissing
from bidder.ports import API_VERSION, AdapterConfig, Marketplace, WorldFactory

_PORT = ("profile", "fetch_structure", "fetch_performance", "submit", "read_back", "close")
_FACTORY = ("presets", "open")


class Group(StrEnum):
    """Entry-point groups that third parties may register under."""

    MARKETPLACES = "bidder.marketplaces"
    WORLDS = "bidder.worlds"

    @property
    def noun(self) -> str:
        """What one entry is called in messages."""
        return "adapter" if self is Group.MARKETPLACES else "world"


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """One registered name, for people.

    Attributes:
        target: Where the object stands, as ``module:attribute``.
        problem: Why it cannot be used, or ``None``.
    """

    group: Group
    name: str
    distribution: str
    version: str
    target: str
    problem: str | None


class Registry:
    """The adapters and worlds that are installed.

    Args:
        path: Folders to look through instead of ``sys.path``.
    """

    def __init__(self, path: Sequence[str] | None = None) -> None:
        found = distributions() if path is None else distributions(path=list(path))
        self._offers = tuple(_offers(found))

    def names(self, group: Group) -> tuple[str, ...]:
        """Return the registered names, in order, without importing anything."""
        return tuple(sorted({offer.name for offer in self._offers if offer.group is group}))

    def marketplace(self, name: str) -> Callable[[AdapterConfig], Marketplace]:
        """Return the adapter's class.

        Raises:
            AdapterMissing: Unknown, offered twice, broken, or written for another version of the port.
        """
        return cast("Callable[[AdapterConfig], Marketplace]", self._load(Group.MARKETPLACES, name, _PORT))

    def world(self, name: str) -> WorldFactory:
        """Return a factory of worlds; errors as those of `marketplace`."""
        kind = self._load(Group.WORLDS, name, _FACTORY)
        return cast("WorldFactory", kind() if isinstance(kind, type) else kind)

    def listing(self) -> tuple[Listed, ...]:
        """Try everything that is registered and say of each whether it can be used; never raises."""
        return tuple(
            Listed(
                group=offer.group,
                name=offer.name,
                distribution=offer.distribution,
                version=offer.version,
                target=offer.entry.value,
                problem=self._problem(offer),
            )
            for offer in sorted(self._offers, key=lambda o: (o.group, o.name, o.distribution))
        )

    def _problem(self, offer: _Offer) -> str | None:
        needed = _PORT if offer.group is Group.MARKETPLACES else _FACTORY
        try:
            self._load(offer.group, offer.name, needed)
        except AdapterMissing as exc:
            return str(exc)
        return None

    def _load(self, group: Group, name: str, needed: Iterable[str]) -> object:
        offer = self._only(group, name)
        place = f"{group.noun} {name!r} of {offer.distribution} {offer.version}"
        try:
            loaded = offer.entry.load()
        except Exception as exc:  # a stranger's import may raise anything; it must not take others down
            raise AdapterMissing(
                f"{place} cannot be imported from {offer.entry.value}: {type(exc).__name__}: {exc}; "
                f"install what it needs or remove {offer.distribution}"
            ) from exc
        version = getattr(loaded, "API_VERSION", None)
        if version != API_VERSION:
            stated = "states no API_VERSION" if version is None else f"was written for API_VERSION {version}"
            raise AdapterMissing(f"{place} {stated}, this is {API_VERSION}; install a release of it that matches")
        absent = [method for method in needed if not callable(getattr(loaded, method, None))]
        if absent:
            raise AdapterMissing(f"{place} lacks {', '.join(absent)}; it does not fulfil bidder.ports")
        return loaded

    def _only(self, group: Group, name: str) -> _Offer:
        offers = [offer for offer in self._offers if offer.group is group and offer.name == name]
        if not offers:
            known = self.names(group)
            close = difflib.get_close_matches(name, known, n=1)
            meant = f" Did you mean {close[0]!r}?" if close else ""
            raise AdapterMissing(
                f"no {group.noun} {name!r} is installed.{meant} Installed: {', '.join(known) or 'none'}; "
                f"install the package that offers it, or correct the name"
            )
        if len(offers) > 1:
            owners = " and ".join(sorted(offer.distribution for offer in offers))
            raise AdapterMissing(f"{group.noun} {name!r} is offered by {owners}; remove all but one of them")
        return offers[0]


@dataclass(frozen=True, slots=True)
class _Offer:
    group: Group
    name: str
    distribution: str
    version: str
    entry: EntryPoint


def _offers(found: Iterable[Distribution]) -> Iterable[_Offer]:
    """List entries once for each distribution: the first on the path rules, as for imports."""
    seen: set[str] = set()
    for distribution in found:
        text = distribution.read_text("entry_points.txt") or ""
        if not any(f"[{group}]" in text for group in Group):
            continue  # Reading the metadata of everything installed would take longer than the rest of a command.
        title = distribution.metadata["Name"] or "unnamed"
        if title.lower().replace("_", "-") in seen:
            continue
        seen.add(title.lower().replace("_", "-"))
        for entry in distribution.entry_points:
            if entry.group in set(Group):
                yield _Offer(Group(entry.group), entry.name, title, distribution.version, entry)


def load_marketplace(name: str) -> Callable[[AdapterConfig], Marketplace]:
    """Return an installed adapter's class; see `Registry.marketplace`."""
    return Registry().marketplace(name)


def load_world(name: str) -> WorldFactory:
    """Return an installed factory of worlds; see `Registry.world`."""
    return Registry().world(name)
