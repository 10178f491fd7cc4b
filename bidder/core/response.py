"""How clicks and cost answer to a bid: one premium for the account, and what each target's own price tells.

The next click costs more than the bid, because a higher bid also makes the clicks one already had dearer. That
premium is nearly the same for all targets of a market, while elasticities differ widely: a word that pays close to
its bid has rivals all around it, a word that pays a third of it is alone at the top. So elasticities learned from
the account's own bid steps are used where they are reliable, on average, and each target's are derived from its
own ratio of price to bid. Called by `bidder.core.case`; derivation in docs/maths/bids.md.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from bidder.core.layout import Flags
from bidder.core.performance import Float64

CLICK_ELASTICITY, CPC_ELASTICITY = 0.8, 0.7
"""Used where the forecast gives none: within the ranges of operator.md section 6."""
_ELASTICITIES = (0.05, 4.0)
_PREMIUM = (1.0, 3.0)
"""An auction that charges at most the bid has a premium of at least 1; a first price at elasticity 0.5 has 3."""
_USUAL_PREMIUM, _PREMIUM_SPREAD = 1.2, 0.1
"""Where a click costs less than its bid: 1 where the next bid is paid, up to 1.3 where it is so for several slots, and
the standard deviation of its logarithm; decision 0017."""
_FIRST_PRICE = 0.95
"""Share of the bid from which a click is taken to cost the bid itself: the usual premium says nothing there."""
_USUAL_RATIO = 0.7
_LEAST_RATIO = 0.02


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Response:
    """Local response of targets at their present effective bid, shape (n_targets,).

    Attributes:
        premium: Marginal cost of a click over the bid, one for the account, at least 1.
        click_elasticity: d log clicks / d log bid. cpc_elasticity: d log CPC / d log bid.
    """

    premium: float
    click_elasticity: Float64
    cpc_elasticity: Float64

    @property
    def spend_elasticity(self) -> Float64:
        """Return ``d log spend / d log bid``."""
        return self.click_elasticity + self.cpc_elasticity

    @property
    def exponent(self) -> Float64:
        """Return ``d log clicks / d log spend``."""
        return np.clip(self.click_elasticity / self.spend_elasticity, 0.02, 0.98)


def respond(
    *,
    bid_micros: Float64,
    cpc_micros: Float64,
    spend_micros: Float64,
    click_elasticity: Float64,
    cpc_elasticity: Float64,
    known: Flags,
    elasticity_error: float = 0.0,
) -> Response:
    """Derive the account's premium and each target's elasticities.

    Args:
        bid_micros: Effective bids.
        cpc_micros: Expected cost per click at them, nan where unknown.
        spend_micros: Expected daily spend, the weight of each target.
        click_elasticity: As learned, nan where not.
        cpc_elasticity: As learned, nan where not.
        known: Targets whose figures are usable.
        elasticity_error: Standard error of the logarithm of CPC over click elasticity.
    """
    clicks = sane(click_elasticity, CLICK_ELASTICITY)
    price = sane(cpc_elasticity, CPC_ELASTICITY)
    told = known & (bid_micros > 0) & (cpc_micros > 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.clip(np.where(told, cpc_micros / bid_micros, np.nan), _LEAST_RATIO, 1.0)
    weight = np.where(told, np.maximum(spend_micros, 0.0), 0.0)
    total = float(weight.sum())
    usual = float(np.sum(weight * np.nan_to_num(ratio)) / total) if total > 0 else _USUAL_RATIO
    steep = float(np.sum(weight * price / clicks) / total) if total > 0 else CPC_ELASTICITY / CLICK_ELASTICITY
    doubt = elasticity_error * steep / (1.0 + steep) if usual < _FIRST_PRICE else 0.0
    premium = float(np.clip(_believed(usual * (1.0 + steep), doubt), *_PREMIUM))
    ratio = np.where(told, ratio, usual)
    with np.errstate(divide="ignore"):
        own = price * ratio / (premium - ratio)
    return Response(
        premium=premium,
        click_elasticity=np.clip(np.where(premium > ratio, own, _ELASTICITIES[1]), *_ELASTICITIES),
        cpc_elasticity=price,
    )


def _believed(told: float, doubt: float) -> float:
    """Move a premium towards the usual one as far as the standard error of its logarithm asks for."""
    trust = _PREMIUM_SPREAD**2 / (_PREMIUM_SPREAD**2 + doubt**2)
    return math.exp((1.0 - trust) * math.log(_USUAL_PREMIUM) + trust * math.log(told))


def sane(values: Float64, default: float) -> Float64:
    """Replace what is not finite, and hold the rest in a believable range."""
    return np.clip(np.where(np.isfinite(values), values, default), *_ELASTICITIES)
