"""What turned since a pause, so that the old evidence says less: a price, a stock-out that ended, a season.

Called by the decisions on delivery and on products' stages. A season's tests are spread over its first weeks by a
draw from the entity's name, so that a whole shop does not start again on one morning.
"""

from __future__ import annotations

import hashlib
from datetime import date, datetime, timedelta

from bidder.core.calendar import day_of
from bidder.core.snapshot import Turn

_SPREAD_DAYS = 28
"""Days over which the tests of a new season begin."""


def draw(identity: str, seed: int) -> float:
    """Return a number in [0, 1) that is always the same for one name and seed, and as good as random between names."""
    mark = hashlib.blake2b(f"{seed}:{identity}".encode(), digest_size=8).digest()
    return int.from_bytes(mark) / 2**64


def season_began(today: date, months: tuple[int, ...]) -> date | None:
    """Return the first day of the present season, ``None`` where there are no seasons."""
    starts = [date(year, month, 1) for year in (today.year - 1, today.year) for month in months]
    return max((start for start in starts if start <= today), default=None)


def stock_out_days(turn: Turn, time_zone: str) -> int:
    """Return over how many midnights the last stock-out lasted that has ended; 0 where there was none."""
    if turn.restocked_at is None or turn.sold_out_at is None or turn.sold_out_at > turn.restocked_at:
        return 0
    return (day_of(turn.restocked_at, time_zone) - day_of(turn.sold_out_at, time_zone)).days


def turned_since(
    since: datetime, turn: Turn, *, identity: str, today: date, time_zone: str, months: tuple[int, ...], seed: int
) -> str | None:
    """Say what turned since an instant, ``None`` where nothing did.

    Args:
        since: When the target was paused.
        turn: Of its product.
        identity: Names the target.
        today: The marketplace day.
        time_zone: The marketplace's.
        months: That begin a season.
        seed: The policy's.
    """
    if turn.repriced_at is not None and turn.repriced_at > since:
        return "its price changed"
    if turn.restocked_at is not None and turn.restocked_at > since and stock_out_days(turn, time_zone) > 0:
        return "it came back from a stock-out"
    began = season_turn(identity, today, months, seed)
    return "a new season began" if began is not None and day_of(since, time_zone) < began else None


def season_turn(identity: str, today: date, months: tuple[int, ...], seed: int) -> date | None:
    """Return the first day of the present season once this name's turn in it has come."""
    began = season_began(today, months)
    if began is None or today < began + timedelta(days=int(_SPREAD_DAYS * draw(identity, seed))):
        return None
    return began
