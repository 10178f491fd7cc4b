"""What the advertiser may set in the venue's console: states, bids, budgets, hour factors.

The market keeps two of these: the one the advertiser sees and edits, and the one in force. An edit made inside an
hour comes into force with the next one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from adapters.mock.arrays import Bools, Floats, Index, Ints
from adapters.mock.shop import MICROS, Shop
from bidder.core.entities import EntityKind, State

INHERITED = -1
"""In ``bid_micros``: the target takes its ad group's default bid."""

UNLIMITED = -1
"""In ``daily_budget_micros``: the campaign has no limit."""

HOURS_A_WEEK = 168

_CODES = {State.ENABLED: 0, State.PAUSED: 1, State.ARCHIVED: 2}
_STATES = {code: state for state, code in _CODES.items()}


@dataclass(slots=True, kw_only=True, eq=False)
class Controls:
    """Settings as arrays; rows are those of the shop's tables.

    Attributes:
        campaign_state, ad_group_state, target_state: int8 codes; read them with `state`.
        bid_micros: (n_targets,) int64, `INHERITED` where the ad group's default holds.
        default_bid_micros: (n_ad_groups,) int64.
        daily_budget_micros: (n_campaigns,) int64, `UNLIMITED` for none.
        dayparts: (n_campaigns, 168) factors on the bid, Monday 00:00 first.
    """

    campaign_state: NDArray[np.int8]
    ad_group_state: NDArray[np.int8]
    target_state: NDArray[np.int8]
    bid_micros: Ints
    default_bid_micros: Ints
    daily_budget_micros: Ints
    dayparts: Floats

    @classmethod
    def of(cls, shop: Shop) -> Self:
        """Return the shop's first settings, everything enabled."""
        return cls(
            campaign_state=np.zeros(len(shop.campaigns), dtype=np.int8),
            ad_group_state=np.zeros(len(shop.ad_groups), dtype=np.int8),
            target_state=np.zeros(len(shop.targets), dtype=np.int8),
            bid_micros=shop.setup.bid_micros.copy(),
            default_bid_micros=shop.setup.default_bid_micros.copy(),
            daily_budget_micros=shop.setup.daily_budget_micros.copy(),
            dayparts=np.ones((len(shop.campaigns), HOURS_A_WEEK)),
        )

    def copy(self) -> Self:
        """Return an independent copy."""
        return type(self)(
            campaign_state=self.campaign_state.copy(),
            ad_group_state=self.ad_group_state.copy(),
            target_state=self.target_state.copy(),
            bid_micros=self.bid_micros.copy(),
            default_bid_micros=self.default_bid_micros.copy(),
            daily_budget_micros=self.daily_budget_micros.copy(),
            dayparts=self.dayparts.copy(),
        )

    def state(self, kind: EntityKind, row: int) -> State:
        """Return the state of one entity."""
        return _STATES[int(self._states(kind)[row])]

    def set_state(self, kind: EntityKind, rows: ArrayLike, state: State) -> None:
        """Set the state of entities; ``OTHER`` is no state one can set."""
        if state not in _CODES:
            raise ValueError(f"the mock venue has no state {state.value!r}; use enabled, paused or archived")
        self._states(kind)[np.asarray(rows, dtype=np.intp)] = _CODES[state]

    def set_bids(self, rows: ArrayLike, bid_micros: ArrayLike) -> None:
        """Set targets' own bids; `INHERITED` gives them back to their ad group."""
        bids = np.asarray(bid_micros, dtype=np.int64)
        if (bids < INHERITED).any():
            raise ValueError("a bid is negative")
        self.bid_micros[np.asarray(rows, dtype=np.intp)] = bids

    def set_default_bids(self, rows: ArrayLike, bid_micros: ArrayLike) -> None:
        """Set ad groups' default bids."""
        bids = np.asarray(bid_micros, dtype=np.int64)
        if (bids < 0).any():
            raise ValueError("a default bid is negative")
        self.default_bid_micros[np.asarray(rows, dtype=np.intp)] = bids

    def set_budgets(self, rows: ArrayLike, daily_budget_micros: ArrayLike) -> None:
        """Set campaigns' daily budgets; `UNLIMITED` removes the limit."""
        budgets = np.asarray(daily_budget_micros, dtype=np.int64)
        if (budgets < UNLIMITED).any():
            raise ValueError("a daily budget is negative")
        self.daily_budget_micros[np.asarray(rows, dtype=np.intp)] = budgets

    def set_dayparts(self, row: int, factors: Sequence[float]) -> None:
        """Set one campaign's hour factors: 24 (every day alike) or 168 (Monday 00:00 first), not negative."""
        values = np.asarray(factors, dtype=np.float64)
        if values.shape not in ((24,), (HOURS_A_WEEK,)):
            raise ValueError(f"dayparts have 24 or 168 factors, got {values.size}")
        if not (np.isfinite(values).all() and (values >= 0).all()):
            raise ValueError("a daypart factor is negative or not finite")
        self.dayparts[row] = np.tile(values, HOURS_A_WEEK // values.size)

    def bids(self, ad_group: Index) -> Floats:
        """Return the base bid of each target in currency units, (n_targets,)."""
        inherited = self.bid_micros == INHERITED
        micros = np.where(inherited, self.default_bid_micros[ad_group], self.bid_micros)
        return micros / MICROS

    def enabled(self, ad_group: Index, campaign: Index) -> Bools:
        """Return which targets are enabled with all that stands above them, (n_targets,)."""
        running: Bools = (
            (self.target_state == 0) & (self.ad_group_state[ad_group] == 0) & (self.campaign_state[campaign] == 0)
        )
        return running

    def _states(self, kind: EntityKind) -> NDArray[np.int8]:
        return {
            EntityKind.CAMPAIGN: self.campaign_state,
            EntityKind.AD_GROUP: self.ad_group_state,
            EntityKind.TARGET: self.target_state,
        }[kind]
