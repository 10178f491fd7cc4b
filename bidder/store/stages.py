"""Lifecycle records and clearance lines of one account: written only when they differ from what stands."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from sqlalchemy import Connection, bindparam, func, insert, select, update

from bidder.core.entities import ProductId
from bidder.core.plan import ClearanceLine
from bidder.core.snapshot import Stage, StageRecord
from models import ClearanceRow, LifecycleStageRow
from models.tables import table_of

_STAGES = table_of(LifecycleStageRow)
_LINES = table_of(ClearanceRow)
_MOVE = (
    update(_STAGES)
    .where(_STAGES.c.account_id == bindparam("of_account"), _STAGES.c.product_id == bindparam("of_product"))
    .values(stage=bindparam("to_stage"), since=bindparam("to_since"), entering=bindparam("to_entering"),
            leaving=bindparam("to_leaving"), day=bindparam("to_day"))
)  # fmt: skip


class StageBook:
    """Stages and clearance lines of one account.

    Args:
        account: Its number in the database.
    """

    def __init__(self, account: int) -> None:
        self._account = account
        self.stages: dict[ProductId, StageRecord] = {}
        self._lines: tuple[ClearanceLine, ...] = ()
        self._lines_day: date | None = None

    @classmethod
    def load(cls, connection: Connection, account: int) -> StageBook:
        """Read what stands."""
        book = cls(account)
        for row in connection.execute(select(_STAGES).where(_STAGES.c.account_id == account)):
            product = ProductId(row.product_id)
            book.stages[product] = StageRecord(
                product_id=product, stage=Stage(row.stage), since=row.since, entering=row.entering,
                leaving=row.leaving, day=row.day,
            )  # fmt: skip
        newest = select(func.max(_LINES.c.day)).where(_LINES.c.account_id == account)
        book._lines_day = connection.execute(newest).scalar()
        if book._lines_day is not None:
            book._lines = read_lines(connection, account, book._lines_day)
        return book

    def save(self, connection: Connection, records: Sequence[StageRecord]) -> None:
        """Write the records that differ, in the caller's transaction."""
        changed = [record for record in records if self.stages.get(record.product_id) != record]
        moved = [
            {"of_account": self._account, "of_product": r.product_id, "to_stage": r.stage.value, "to_since": r.since,
             "to_entering": r.entering, "to_leaving": r.leaving, "to_day": r.day}
            for r in changed if r.product_id in self.stages
        ]  # fmt: skip
        new = [
            {"account_id": self._account, "product_id": r.product_id, "stage": r.stage.value, "since": r.since,
             "entering": r.entering, "leaving": r.leaving, "day": r.day}
            for r in changed if r.product_id not in self.stages
        ]  # fmt: skip
        if moved:
            connection.execute(_MOVE, moved)
        if new:
            connection.execute(insert(_STAGES), new)
        self.stages.update((record.product_id, record) for record in changed)

    def save_lines(self, connection: Connection, lines: Sequence[ClearanceLine], *, cycle: int, day: date) -> None:
        """Replace the day's clearance list where it differs, in the caller's transaction."""
        wanted = tuple(lines)
        if day == self._lines_day and wanted == self._lines:
            return
        connection.execute(_LINES.delete().where((_LINES.c.account_id == self._account) & (_LINES.c.day == day)))
        rows = [
            {"account_id": self._account, "day": day, "product_id": line.product_id, "cycle_id": cycle,
             "title": line.title, "category": line.category, "stock": line.stock, "cover_days": line.cover_days,
             "price_micros": line.price_micros, "margin": line.margin, "discount": line.discount,
             "reentry": line.reentry}
            for line in wanted
        ]  # fmt: skip
        if rows:
            connection.execute(insert(_LINES), rows)
        self._lines, self._lines_day = wanted, day


def read_lines(connection: Connection, account: int, day: date) -> tuple[ClearanceLine, ...]:
    """Return the clearance list of one marketplace day, in order of product ids."""
    wanted = select(_LINES).where(_LINES.c.account_id == account, _LINES.c.day == day).order_by(_LINES.c.product_id)
    return tuple(
        ClearanceLine(
            product_id=ProductId(row.product_id), title=row.title, category=row.category, stock=row.stock,
            cover_days=row.cover_days, price_micros=row.price_micros, margin=row.margin, discount=row.discount,
            reentry=row.reentry,
        )
        for row in connection.execute(wanted)
    )  # fmt: skip
