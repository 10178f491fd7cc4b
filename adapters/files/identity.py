"""Give every campaign, ad group and target one id, though one file has ids, another names, a third spells them oddly.

Ids win; a name leads to an id where some file pairs them, and only there. Where nobody gives ids, names become ids that
a person can read. Called by `adapters.files.building`; pure.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from adapters.files.facts import Names
from adapters.files.naming import JOIN
from adapters.files.tables import same_text

WHOLE_FILE = "all campaigns"
"""Name of the campaign where a file names none."""
_OWN = "(all)"
_MATCHES = ("exact", "phrase", "broad", "auto", "other")


@dataclass(frozen=True, slots=True)
class Ids:
    """Where a row belongs.

    Attributes:
        campaign, ad_group, target: Ids, each unique within its kind.
        finest: The finest level the row names: ``campaign``, ``ad_group``, ``product``, ``search_term`` or ``target``.
    """

    campaign: str
    ad_group: str
    target: str
    finest: str


@dataclass(slots=True)
class _Spellings:
    """How often an entity is spelled each way."""

    counts: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))

    def see(self, entity: str, text: str) -> None:
        if text:
            self.counts[entity][text] += 1

    def best(self, entity: str) -> str:
        found = self.counts.get(entity)
        return max(found.items(), key=lambda item: (item[1], item[0]))[0] if found else ""


class Identities:
    """Resolves names to ids; built once from all names of an import.

    Args:
        names: Every combination of names that stands in any file.
    """

    def __init__(self, names: Iterable[Names]) -> None:
        everything = list(dict.fromkeys(names))
        self._campaigns: dict[str, set[str]] = defaultdict(set)
        self._groups: dict[tuple[str, str], set[str]] = defaultdict(set)
        self._targets: dict[tuple[str, str, str], set[str]] = defaultdict(set)
        self._group_parents: dict[str, set[str]] = defaultdict(set)
        self._target_parents: dict[str, set[str]] = defaultdict(set)
        self._spelled = _Spellings()
        self._firsts: dict[tuple[str, ...], str] = {}
        self._pair(everything)
        for names_of_row in everything:
            self._spell(names_of_row)

    def _pair(self, everything: list[Names]) -> None:
        """Learn which names go with which ids, from the top down: what is below needs what is above."""
        for n in everything:
            if n.campaign_id and n.campaign:
                self._campaigns[same_text(n.campaign)].add(n.campaign_id)
        groups = [n for n in everything if n.ad_group_id]
        for n in groups:
            self._group_parents[n.ad_group_id].add(self._campaign(n))
        for n in groups:
            if n.ad_group:
                self._groups[self._campaign(n), same_text(n.ad_group)].add(self._group(n))
        targets = [n for n in everything if n.target_id]
        for n in targets:
            self._target_parents[n.target_id].add(self._group(n))
        for n in targets:
            if n.target:
                self._targets[self._group(n), same_text(n.target), n.match].add(self._target_by_id(n))

    def _spell(self, names: Names) -> None:
        """Count how the entities of a row are spelled."""
        ids = self.resolve(names)
        self._spelled.see(f"campaign:{ids.campaign}", names.campaign)
        self._spelled.see(f"ad_group:{ids.ad_group}", names.ad_group)
        product = names.product if ids.finest == "product" else ""
        self._spelled.see(f"target:{ids.target}", names.target or product)

    def resolve(self, names: Names) -> Ids:
        """Return where a row belongs; a row that names less gets ids that stand for all below."""
        campaign, group = self._campaign(names), self._group(names)
        if names.target_id or names.target:
            return Ids(campaign, group, self._target(names, group), "target")
        if names.product:
            return Ids(campaign, group, f"{group}{JOIN}{names.product}", "product")
        if names.ad_group_id or names.ad_group:
            return Ids(campaign, group, f"{group}{JOIN}{_OWN}", "ad_group")
        return Ids(campaign, group, f"{campaign}{JOIN}{_OWN}", "campaign")

    def campaign_name(self, campaign: str) -> str:
        """Return the commonest spelling of a campaign's name."""
        return self._spelled.best(f"campaign:{campaign}") or campaign

    def group_name(self, group: str) -> str:
        """Return the commonest spelling of an ad group's name."""
        return self._spelled.best(f"ad_group:{group}") or group

    def target_text(self, target: str) -> str:
        """Return the commonest spelling of a target's text."""
        return self._spelled.best(f"target:{target}") or target

    def sentences(self) -> tuple[str, ...]:
        """Say which entities were unified although they are spelled in several ways."""
        said = []
        for entity, spellings in sorted(self._spelled.counts.items()):
            kind, _, identity = entity.partition(":")
            if len(spellings) > 1 and kind != "target":
                listed = ", ".join(f"{text!r}" for text in sorted(spellings))
                by = "by its id" if identity not in spellings else "though case, width or spaces differ"
                said.append(f"{kind.replace('_', ' ')} {identity} is spelled {listed}: read as one, {by}")
        names: dict[str, set[str]] = defaultdict(set)
        for entity in self._spelled.counts:
            kind, _, identity = entity.partition(":")
            if kind == "campaign":
                names[same_text(self.campaign_name(identity))].add(identity)
        for ids in names.values():
            if len(ids) > 1:
                shown = ", ".join(sorted(ids))
                said.append(f"campaigns {shown} share one name: rows that give only the name cannot be told apart")
        return tuple(said)

    def _campaign(self, names: Names) -> str:
        if names.campaign_id:
            return names.campaign_id
        if not names.campaign:
            return WHOLE_FILE
        key = same_text(names.campaign)
        known = self._campaigns.get(key, set())
        if len(known) == 1:
            return next(iter(known))
        return self._first(("campaign", key), names.campaign)

    def _group(self, names: Names) -> str:
        campaign = self._campaign(names)
        if names.ad_group_id:
            shared = len(self._group_parents[names.ad_group_id]) > 1
            return f"{campaign}{JOIN}{names.ad_group_id}" if shared else names.ad_group_id
        if not names.ad_group:
            return f"{campaign}{JOIN}{_OWN}"
        key = same_text(names.ad_group)
        known = self._groups.get((campaign, key), set())
        if len(known) == 1:
            return next(iter(known))
        return f"{campaign}{JOIN}{self._first(('group', campaign, key), names.ad_group)}"

    def _target_by_id(self, names: Names) -> str:
        group = self._group(names)
        return f"{group}~{names.target_id}" if len(self._target_parents[names.target_id]) > 1 else names.target_id

    def _target(self, names: Names, group: str) -> str:
        if names.target_id:
            return self._target_by_id(names)
        key = same_text(names.target)
        known = self._targets.get((group, key, names.match), set())
        if not known and not names.match:
            known = {i for match in _MATCHES for i in self._targets.get((group, key, match), ())}
        if len(known) == 1:
            return next(iter(known))
        match = f" [{names.match}]" if names.match else ""
        return f"{group}{JOIN}{self._first(('target', group, key), names.target)}{match}"

    def _first(self, key: tuple[str, ...], text: str) -> str:
        """Return the spelling that was met first, so that an id does not depend on which row asks."""
        return self._firsts.setdefault(key, text)
