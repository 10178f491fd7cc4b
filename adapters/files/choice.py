"""The state of a mapping proposal while it is being made: columns, and the roles given to them so far.

Shared by `adapters.files.proposal` and `adapters.files.dimensions`, so that neither imports the other.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from adapters.files.headings import Heading
from adapters.files.mapping import Role
from adapters.files.profiles import Profile


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column as the proposal sees it.

    Attributes:
        trusted: A console wrote the heading: an empty column of figures means none of them.
    """

    index: int
    heading: Heading
    profile: Profile
    trusted: bool = False


@dataclass(slots=True)
class Choice:
    """The state of a proposal while it is being made."""

    columns: list[Column]
    taken: dict[Role, list[int]] = field(default_factory=dict)
    sentences: list[str] = field(default_factory=list)
    segments: list[int] = field(default_factory=list)

    def free(self) -> list[Column]:
        """Return columns with a heading or cells that have no role yet."""
        used = {index for indices in self.taken.values() for index in indices} | set(self.segments)
        return [c for c in self.columns if c.index not in used and c.profile.filled]

    def column(self, role: Role) -> Column | None:
        """Return the first column of a role."""
        indices = self.taken.get(role)
        return next((c for c in self.columns if indices and c.index == indices[0]), None)
