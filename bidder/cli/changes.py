"""Commands on the record of changes: list, show, export, verify."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime
from pathlib import Path

import click

from bidder.cli.frame import Frame, dumps, table
from bidder.cli.inspect import change_line, change_text, opened
from bidder.core.entities import AccountId
from bidder.errors import InputError

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\0", "＝", "＋", "－", "＠")
"""A cell that begins with one of these would be run by a spreadsheet."""


@click.group()
def changes() -> None:
    """List, show, export and verify what was changed."""


@changes.command(name="list")
@click.option("--account", help="Only this account.")
@click.option("--since", type=click.DateTime(), help="Only from this instant on, UTC.")
@click.option("--limit", type=click.IntRange(1, 100_000), default=30, show_default=True, help="At most so many.")
@click.pass_obj
def list_(frame: Frame, account: str | None, since: datetime | None, limit: int) -> None:
    """List changes, newest first, each with its reason.

    Example: bidder changes list --since 2026-11-01
    """
    from bidder.queries import changes as found
    from bidder.store.views import ChangeFilter

    with opened(frame) as (_, store):
        wanted = None if account is None else AccountId(account)
        lines = [change_line(one) for one in found(store, ChangeFilter(account=wanted, since=_utc(since), limit=limit))]
    shown = ("number", "at", "account", "entity", "field", "old", "new", "outcome", "why")
    rows = [[line[name] for name in shown] for line in lines]
    frame.show({"changes": lines}, table(shown, rows, right=(0, 5, 6)) if rows else "nothing was changed")


@changes.command()
@click.argument("name")
@click.pass_obj
def show(frame: Frame, name: str) -> None:
    """Show one change, by number or key, with its audit rows: who, why, old, new, cycle, configuration and code.

    Example: bidder changes show 42
    """
    from bidder.queries import change
    from bidder.store.reads import audit_trail

    with opened(frame) as (_, store):
        line = change_line(change(store, name))
        trail = audit_trail(store, str(line["key"]))
    columns = ("sequence", "at", "actor", "action", "old", "new", "detail")
    rows = [[row[column] for column in columns] for row in trail]
    frame.show({"change": line, "audit": list(trail)}, f"{change_text(line)}\n\n{table(columns, rows)}")


@changes.command()
@click.argument("target", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--account", help="Only this account.")
@click.option("--since", type=click.DateTime(), help="Only from this instant on, UTC.")
@click.pass_obj
def export(frame: Frame, target: Path, account: str | None, since: datetime | None) -> None:
    """Write changes to a CSV or JSON file; cells that a spreadsheet would run as formulas are made harmless.

    Example: bidder changes export changes.csv --since 2026-11-01
    """
    from bidder.queries import changes as found
    from bidder.store.views import ChangeFilter

    with opened(frame) as (_, store):
        wanted = None if account is None else AccountId(account)
        rows = [change_line(one) for one in found(store, ChangeFilter(account=wanted, since=_utc(since), limit=None))]
    if target.suffix == ".json":
        text = dumps(rows)
    else:
        buffer = io.StringIO()
        writer = csv.writer(buffer)
        writer.writerow(rows[0] if rows else ["number"])
        writer.writerows([_harmless(value) for value in row.values()] for row in rows)
        text = "\ufeff" + buffer.getvalue()
    try:
        target.write_text(text, encoding="utf-8", newline="")
    except OSError as error:
        raise InputError(f"cannot be written: {error.strerror}", place=str(target)) from error
    frame.show({"rows": len(rows), "file": str(target)}, f"{len(rows)} changes written to {target}")


@changes.command()
@click.pass_obj
def verify(frame: Frame) -> None:
    """Recompute the audit's seals; exit code 8 names the first row that does not match.

    Example: bidder changes verify
    """
    with opened(frame) as (_, store):
        rows = store.verify_audit()
    frame.show({"rows": rows, "intact": True}, f"{rows} audit rows, every seal matches")


def _harmless(value: object) -> object:
    text = str(value)
    return f"'{text}" if isinstance(value, str) and text.startswith(_FORMULA) else value


def _utc(instant: datetime | None) -> datetime | None:
    return None if instant is None else instant.replace(tzinfo=UTC)
