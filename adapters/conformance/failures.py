"""BC-13 to BC-16: what an adapter makes of silence, refusals and rubbish."""

from __future__ import annotations

from datetime import datetime

import pytest

from adapters.conformance.faults import Faults, WireFault
from adapters.conformance.ground import Ground, Writer, change_of, levers, needed, statuses
from bidder.core.change import Status
from bidder.core.entities import Account, Structure
from bidder.core.venue import VenueProfile
from bidder.errors import AuthFailed, ContractBroken, RateLimited, Unavailable
from bidder.ports import Marketplace

LONGEST_WAIT = 300.0
"""Seconds an adapter may ask to wait, whatever the venue says."""

DOUBTFUL = (WireFault.SILENT_WRITE, WireFault.LOST_WRITE, WireFault.BROKEN_WRITE, WireFault.RUBBISH_WRITE)


class FailureCases(Ground):
    """Cases that break the wire; they need the fixture ``faults``."""

    @pytest.mark.parametrize("kind", DOUBTFUL)
    def test_bc13_doubt_about_a_write_is_unknown(
        self, kind: WireFault, writer: Writer, structure: Structure, profile: VenueProfile, faults: Faults | None
    ) -> None:
        """BC-13: without a clear answer a write is UNKNOWN: no exception, no retry, no guess."""
        chosen = [change_of(lever) for lever in levers(structure, profile)[:3]]
        hook = needed(faults, kind)

        outcomes = writer.send(*chosen)
        sent = hook.writes()
        hook.clear()

        assert [Status.UNKNOWN] * len(chosen) == statuses(outcomes)
        assert sent == 1, "a write is sent once"

    def test_bc13_read_without_an_answer_is_unavailable(
        self, marketplace: Marketplace, account: Account, now: datetime, faults: Faults | None
    ) -> None:
        """BC-13: a read that fails is Unavailable, after a few tries at most."""
        hook = needed(faults, WireFault.BROKEN_READ)
        with pytest.raises(Unavailable):
            marketplace.fetch_structure(account.id, now)
        tried = hook.reads()
        hook.clear()

        assert 1 <= tried <= 3

    def test_bc14_throttled_read_says_how_long_to_wait(
        self, marketplace: Marketplace, account: Account, now: datetime, faults: Faults | None
    ) -> None:
        """BC-14: 429 on a read is RateLimited with a bounded delay."""
        hook = needed(faults, WireFault.THROTTLE)
        with pytest.raises(RateLimited) as caught:
            marketplace.fetch_structure(account.id, now)
        hook.clear()

        assert 0 <= caught.value.after <= LONGEST_WAIT

    def test_bc14_throttled_write_is_rejected(
        self, writer: Writer, structure: Structure, profile: VenueProfile, faults: Faults | None
    ) -> None:
        """BC-14: 429 on a write is definite: nothing was done, and nothing is sent again."""
        chosen = change_of(levers(structure, profile)[0])
        hook = needed(faults, WireFault.THROTTLE)

        outcomes = writer.send(chosen)
        sent = hook.writes()
        hook.clear()

        assert statuses(outcomes) == [Status.REJECTED]
        assert sent == 1, "a write is sent once"

    @pytest.mark.parametrize("kind", [WireFault.DENY, WireFault.FORBID])
    def test_bc15_refused_credentials_halt_the_account(
        self, kind: WireFault, marketplace: Marketplace, account: Account, now: datetime, faults: Faults | None
    ) -> None:
        """BC-15: 401 and 403 are AuthFailed, with one renewed token tried for a 401 and no more."""
        hook = needed(faults, kind)
        with pytest.raises(AuthFailed):
            marketplace.fetch_structure(account.id, now)
        tried = hook.reads()
        hook.clear()

        assert tried <= (2 if kind is WireFault.DENY else 1)

    @pytest.mark.parametrize("kind", [WireFault.DENY, WireFault.FORBID])
    def test_bc15_refused_write_is_not_repeated(
        self, kind: WireFault, writer: Writer, structure: Structure, profile: VenueProfile, faults: Faults | None
    ) -> None:
        """BC-15: a write with refused credentials raises AuthFailed or is REJECTED, and is sent once at most."""
        chosen = change_of(levers(structure, profile)[0])
        hook = needed(faults, kind)

        try:
            found = statuses(writer.send(chosen))
        except AuthFailed:
            found = [Status.REJECTED]
        sent = hook.writes()
        hook.clear()

        assert found == [Status.REJECTED]
        assert sent <= 1, "a write is sent once"

    def test_bc16_rubbish_breaks_the_contract_and_names_the_field(
        self, marketplace: Marketplace, account: Account, now: datetime, faults: Faults | None
    ) -> None:
        """BC-16: a payload that is not what was agreed names where."""
        hook = needed(faults, WireFault.RUBBISH_READ)
        with pytest.raises(ContractBroken) as caught:
            marketplace.fetch_structure(account.id, now)
        hook.clear()

        assert caught.value.field
