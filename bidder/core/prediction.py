"""What the forecaster hands to the decisions: arrays in the row order of the snapshot's targets.

Made by `bidder.forecast`, read by `bidder.core.allocate`, `bids` and `lifecycle`. Money is float micros here:
estimates, not amounts; they become `Money` only when a decision is rounded.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from datetime import datetime

import numpy as np

from bidder.core.entities import ProductId, TargetId
from bidder.core.performance import Float64
from bidder.core.scorecard import Scorecard


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Forecast:
    """Estimates per target, arrays of shape (n_targets,), float64, row order of ``target_ids``.

    The order rate per click of each target has a Gamma(shape, rate) posterior on normal days.

    Attributes:
        as_of: The instant it was made for, UTC.
        target_ids: Row order, that of ``Structure.targets``.
        shape, rate: Gamma posterior of orders per click; ``rate`` in matured clicks.
        cvr: Gross orders per click on the coming day: the posterior mean times ``event_conversion``.
        aov_micros: Gross revenue per order, shrunk towards the product's price.
        rpc_micros: Gross revenue per click, ``cvr x aov``; rpc_low, rpc_high bound it at the policy's interval.
        refund_rate: Share of gross revenue refunded in the end; of the target's product.
        clicks: Matured clicks the posterior rests on (exposure). orders: Gross orders seen.
        spend_micros: Matured spend, the exposure of money (sum of spend x maturity).
        daily_clicks, daily_spend_micros: Expected at the present bid on the coming day.
        cpc_micros: Expected cost per click at the present bid; nan where nothing is known.
        click_elasticity: d log clicks / d log bid. cpc_elasticity: d log CPC / d log bid.
        elasticity_error: Standard error of the logarithm of CPC over click elasticity, the same for all targets.
        cart_rate: Carts and favourites per click, shrunk; nan where the venue reports none.
        covered: 1.0 where the newest report covers the target, 0.0 where it is missing.
        pooled_ok: The prior check passed, so that posterior pauses keep their nominal error (see decisions.md 3.5).
        maturity: Learned share of final gross orders visible at age 0, 1, 2 ... days, shape (n_ages,).
        event_conversion, event_traffic: Of the coming day relative to a normal one, 1 where no sale event is near.
        sure: Share of matured clicks and spend that stands even if orders come later than learned; all of it where
            the array is left empty.
        clustering: Orders that come together for every independent one, at least 1; counts weigh that much less.
        notes: Sentences about what was estimated how, for people.
        scorecard: How past forecasts came out; ``shape`` and ``rate`` are widened by it. ``None`` before any can be
            judged.
    """

    as_of: datetime
    target_ids: tuple[TargetId, ...]
    shape: Float64
    rate: Float64
    cvr: Float64
    aov_micros: Float64
    rpc_micros: Float64
    rpc_low_micros: Float64
    rpc_high_micros: Float64
    refund_rate: Float64
    clicks: Float64
    orders: Float64
    spend_micros: Float64
    daily_clicks: Float64
    daily_spend_micros: Float64
    cpc_micros: Float64
    click_elasticity: Float64
    cpc_elasticity: Float64
    cart_rate: Float64
    covered: Float64
    pooled_ok: bool
    maturity: Float64
    product_refund_rate: dict[ProductId, float]
    elasticity_error: float = 0.0
    event_conversion: float = 1.0
    event_traffic: float = 1.0
    sure: Float64 = field(default_factory=lambda: np.zeros(0))
    clustering: float = 1.0
    notes: tuple[str, ...] = ()
    scorecard: Scorecard | None = None

    def __post_init__(self) -> None:
        if not self.sure.size:
            object.__setattr__(self, "sure", np.ones(len(self.target_ids)))
        for column in fields(self):
            value = getattr(self, column.name)
            if not isinstance(value, np.ndarray):
                continue
            array = np.ascontiguousarray(value, dtype=np.float64).view()
            if column.name != "maturity" and array.shape != (len(self.target_ids),):
                raise ValueError(f"{column.name} must have shape ({len(self.target_ids)},), was {array.shape}")
            array.flags.writeable = False
            object.__setattr__(self, column.name, array)
