"""What the forecaster said on past days, read back for its own judgement."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import numpy as np
from sqlalchemy import Connection, select

from bidder.core.calendar import ordinal
from bidder.core.scorecard import NO_CLAIMS, Claims
from models import ForecastRow
from models.tables import table_of

_FORECASTS = table_of(ForecastRow)


def read_claims(connection: Connection, account: int, days: Sequence[date]) -> Claims:
    """Return the stored forecasts of these days, by day and target; targets without a rate are left out."""
    wanted = (
        select(
            _FORECASTS.c.day,
            _FORECASTS.c.target_id,
            _FORECASTS.c.cvr,
            _FORECASTS.c.rpc_low_micros,
            _FORECASTS.c.rpc_high_micros,
        )
        .where(_FORECASTS.c.account_id == account, _FORECASTS.c.day.in_(days), _FORECASTS.c.cvr.is_not(None))
        .order_by(_FORECASTS.c.day, _FORECASTS.c.target_id)
    )
    rows = connection.execute(wanted).all()
    if not rows:
        return NO_CLAIMS
    number: dict[str, int] = {}
    low, high = (np.array([row[column] or 0 for row in rows], dtype=np.float64) for column in (3, 4))
    return Claims(
        target=np.array([number.setdefault(row.target_id, len(number)) for row in rows], dtype=np.int32),
        target_ids=tuple(number),
        day=np.array([ordinal(row.day) for row in rows], dtype=np.int32),
        cvr=np.array([row.cvr for row in rows], dtype=np.float64),
        width=np.divide(high, low, out=np.full(len(rows), np.nan), where=(low > 0) & (high > low)),
    )
