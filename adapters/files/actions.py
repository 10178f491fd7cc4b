"""Turn changes into lines a person carries out: what to do, where, from what to what, why, and what it brings.

Called by `adapters.files.marketplace` and by `bidder audit`; pure. Writers stand in `adapters.files.sheets`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from adapters.files.building import Shop
from adapters.files.console import Heading, Language, Words, words_for
from adapters.files.facts import Names
from bidder.core.change import Change, Field, Value
from bidder.core.entities import EntityKind, EntityRef, State
from bidder.core.money import NO_CURRENCY, Money


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionLine:
    """One line of the action sheet.

    Attributes:
        number: From 1, best first.
        key: Of the intent; recognised by the next import.
        change: What is wanted.
        ref: The entity a person changes: a target that stands for its campaign gives the campaign.
        names: Names and ids as the console has them.
        known: Some file states the present value.
        estimated: The present value was estimated from what was paid: the move is named relative to it.
        words: Of the console it lives in.
        action: What to do, as a sentence.
    """

    number: int
    key: str
    change: Change
    ref: EntityRef
    names: Names
    known: bool
    estimated: bool
    words: Words
    action: str

    def cells(self) -> dict[Heading, str]:
        """Return the line's cells, not yet guarded against formulas."""
        change, words = self.change, self.words
        gain = Money(change.gain_micros, _currency(change) or NO_CURRENCY).units()
        return {
            Heading.LINE: str(self.number),
            Heading.ACTION: self.action,
            Heading.CAMPAIGN: self.names.campaign,
            Heading.AD_GROUP: self.names.ad_group,
            Heading.TARGET: self.names.target,
            Heading.MATCH: self.names.match,
            Heading.SETTING: words.settings.get((self.ref.kind, change.field), str(change.field)),
            Heading.NOW: self._now(),
            Heading.CHANGE_TO: self._change_to(),
            Heading.GAIN: f"{gain:.2f}",
            Heading.REASON: change.reason.render(),
            Heading.CAMPAIGN_ID: self.names.campaign_id,
            Heading.AD_GROUP_ID: self.names.ad_group_id,
            Heading.TARGET_ID: self.names.target_id,
            Heading.KEY: self.key,
        }

    def _now(self) -> str:
        if self.known:
            return show_value(self.change.old, self.words)
        if self.estimated:
            return self.words.about[self.change.field].format(amount=show_value(self.change.old, self.words))
        return self.words.unknown

    def _change_to(self) -> str:
        old, new = self.change.old, self.change.new
        shown = show_value(new, self.words)
        if not self.estimated or not isinstance(old, Money) or not isinstance(new, Money) or not old.micros:
            return shown
        return self.words.relative[new > old].format(share=f"{abs(new / old - 1):.0%}", amount=shown)


def build_lines(
    shop: Shop, changes: Sequence[Change], keys: Sequence[str], language: Language
) -> tuple[ActionLine, ...]:
    """Return one line a change, the greatest expected gain first.

    Args:
        shop: The entities, with their names in the console.
        changes: What is wanted.
        keys: One for each change.
        language: Of the sheet.
    """
    paired = sorted(zip(changes, keys, strict=True), key=lambda p: (-p[0].gain_micros, str(p[0].ref), p[0].field, p[1]))
    lines = []
    for number, (change, key) in enumerate(paired, start=1):
        ref = shop.stands_for.get(change.ref.id, change.ref) if change.ref.kind is EntityKind.TARGET else change.ref
        names = shop.names_of(ref)
        campaign = shop.campaign_of(ref)
        words = words_for(shop.formats.get(campaign), language)
        lines.append(
            ActionLine(
                number=number,
                key=key,
                change=change,
                ref=ref,
                names=_in_words(names, words),
                words=words,
                known=(ref, change.field) in shop.known,
                estimated=(ref, change.field) in shop.stood_in,
                action=_action(change, ref, shop, words),
            )
        )
    return tuple(lines)


def show_value(value: Value | None, words: Words) -> str:
    """Render a value as the console writes it; an empty text where there is none."""
    match value:
        case None:
            return ""
        case Money():
            return f"{value.units():f}"
        case State():
            return words.states[value]
        case _:
            return " ".join(f"{factor:.0%}" for factor in value)


def _currency(change: Change) -> str:
    for value in (change.new, change.old):
        if isinstance(value, Money):
            return value.currency
    return ""


def _in_words(names: Names, words: Words) -> Names:
    for match, text in words.matches.items():
        if names.match == match:
            return replace(names, match=text)
    return names


def _action(change: Change, ref: EntityRef, shop: Shop, words: Words) -> str:
    actions = words.actions
    match change.field:
        case Field.STATE:
            if change.new is State.PAUSED:
                return actions["exclude" if ref.id in shop.search_terms else f"pause_{ref.kind}"]
            return actions["archive" if change.new is State.ARCHIVED else "resume"]
        case Field.BID:
            return actions[f"{_direction(change)}_bid"]
        case Field.DAILY_BUDGET:
            return actions[f"{_direction(change)}_budget"]
        case Field.DAYPARTS:
            return actions["dayparts"]


def _direction(change: Change) -> str:
    if not isinstance(change.old, Money) or not isinstance(change.new, Money):
        return "set"
    return "raise" if change.new > change.old else "lower"
