"""BC-10 to BC-12 and BC-17 to BC-19: each change is answered, carried out once, and shows when it is read back."""

from __future__ import annotations

from datetime import timedelta

import pytest

from adapters.conformance.faults import Faults
from adapters.conformance.ground import Ground, Lever, Writer, change_of, levers, new_keys, statuses, switches
from bidder.core.change import Field, Status
from bidder.core.entities import EntityRef, Structure
from bidder.core.money import Money
from bidder.core.venue import VenueProfile


class WriteCases(Ground):
    """Cases that change settings by the least there is, and put them back."""

    def test_bc10_one_result_for_each_change_in_order(
        self, writer: Writer, structure: Structure, profile: VenueProfile
    ) -> None:
        """BC-10: as many outcomes as changes, in the order of the changes; none at all for none."""
        chosen = levers(structure, profile)[:5]
        keys = new_keys(len(chosen))

        outcomes = writer.send(*map(change_of, chosen), keys=keys)

        assert keys == [outcome.key for outcome in outcomes]
        assert [Status.CONFIRMED] * len(chosen) == statuses(outcomes), [outcome.detail for outcome in outcomes]
        assert list(writer.send()) == []

    def test_bc11_partial_failure_is_told_by_item(
        self, writer: Writer, structure: Structure, profile: VenueProfile
    ) -> None:
        """BC-11: a change that the venue refuses takes no other one down."""
        good = levers(structure, profile)[:2]
        unknown = EntityRef(good[0].ref.kind, f"{good[0].ref.id}-does-not-exist")
        bad = Lever(unknown, good[0].field, good[0].old, good[0].new)
        chosen = [good[0], bad, *good[1:]]

        outcomes = writer.send(*map(change_of, chosen))

        expected = [Status.CONFIRMED, Status.REJECTED, *([Status.CONFIRMED] * (len(good) - 1))]
        assert expected == statuses(outcomes)
        assert outcomes[1].code, "a refusal has a code"
        assert outcomes[1].detail, "a refusal has the venue's words"

    def test_bc12_the_same_key_changes_once(self, writer: Writer, structure: Structure, profile: VenueProfile) -> None:
        """BC-12: a key that comes again, after another change, moves nothing."""
        if not profile.idempotent_writes:
            pytest.skip("the venue does not recognise repeated keys")
        lever = levers(structure, profile)[0]
        there, back = change_of(lever), change_of(Lever(lever.ref, lever.field, lever.new, lever.old))
        key = new_keys(1)

        first = writer.send(there, keys=key)
        writer.send(back)
        again = writer.send(there, keys=key)

        assert statuses(first) == statuses(again)
        assert lever.old == writer.read(lever.ref, profile.settle).values[lever.field]

    def test_bc17_off_increment_value_is_refused_here(
        self, writer: Writer, structure: Structure, profile: VenueProfile, faults: Faults | None
    ) -> None:
        """BC-17: a bid off the venue's grid, or out of its bounds, is refused before anything is sent."""
        lever = levers(structure, profile)[0]
        assert isinstance(lever.new, Money)
        step = profile.bid_increment if lever.field is Field.BID else profile.budget_increment
        most = profile.bid_max if lever.field is Field.BID else profile.budget_max
        wrong = [Money(most.micros + step.micros, most.currency)]
        if step.micros > 1:
            wrong.append(Money(lever.new.micros + step.micros // 2, lever.new.currency))
        before = None if faults is None else faults.writes()

        outcomes = [writer.send(change_of(Lever(lever.ref, lever.field, lever.old, value)))[0] for value in wrong]

        assert [Status.REJECTED] * len(wrong) == statuses(outcomes)
        assert before == (None if faults is None else faults.writes()), "nothing was to be sent"
        assert lever.old == writer.read(lever.ref, timedelta(0)).values[lever.field]

    def test_bc18_pause_and_resume(self, writer: Writer, structure: Structure, profile: VenueProfile) -> None:
        """BC-18: what was paused can be resumed, and both show."""
        found = switches(structure, profile)
        if not found:
            pytest.skip("the venue has nothing that can be paused, or nothing runs")
        pause = found[0]
        resume = Lever(pause.ref, pause.field, pause.new, pause.old)

        paused = writer.send(change_of(pause))
        assert statuses(paused) == [Status.CONFIRMED], paused[0].detail
        assert pause.new is writer.read(pause.ref, profile.settle).values[Field.STATE]

        resumed = writer.send(change_of(resume))
        assert statuses(resumed) == [Status.CONFIRMED], resumed[0].detail
        assert pause.old is writer.read(pause.ref, profile.settle).values[Field.STATE]

    def test_bc19_read_back_shows_what_was_confirmed(
        self, writer: Writer, structure: Structure, profile: VenueProfile
    ) -> None:
        """BC-19: after the settle time a read shows the new value, and an entity that is gone is left out."""
        lever = levers(structure, profile)[0]
        outcome = writer.send(change_of(lever))[0]

        assert Status.CONFIRMED is outcome.status, outcome.detail
        assert lever.new == writer.read(lever.ref, profile.settle).values[lever.field]
        assert outcome.observed in (None, lever.new)
