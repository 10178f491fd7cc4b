"""Commands that attend to accounts: the daemon, a single pass, and the plan that sends nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING

import click

from bidder.cli.frame import Frame, now, plain, progress, table
from bidder.core.change import Status

if TYPE_CHECKING:
    from bidder.core.change import Intent
    from bidder.cycle import CycleReport

PENDING, UNHEALTHY, HALTED, PARTLY = 3, 4, 6, 9
"""Exit codes: changes pending, held or unhealthy, halted, partly applied."""


@click.command()
@click.pass_obj
def run(frame: Frame) -> None:
    """Run the daemon until it is told to end: attend to every account when it is due.

    SIGTERM ends it cleanly, SIGHUP reloads the configuration between cycles. Example: bidder run
    """
    from bidder.daemon.log import begin_log
    from bidder.daemon.process import Daemon

    settings = frame.settings()
    begin_log(settings)
    Daemon(settings).run()
    frame.show({"ended": True}, "")


@click.command()
@click.option("--account", "names", multiple=True, help="Only this account; may be given several times.")
@click.pass_obj
def once(frame: Frame, names: tuple[str, ...]) -> int:
    """Attend to accounts once, now, and say what became of it. Exit code 6 while halted, 9 where a write failed.

    Example: bidder once --account shop
    """
    reports, halted = _attended(frame, names, send=True)
    frame.show({"accounts": [_told(report) for report in reports]}, "\n\n".join(map(_text, reports)))
    return _code(reports, halted=halted)


@click.command()
@click.option("--account", "names", multiple=True, help="Only this account; may be given several times.")
@click.option("--detailed-exitcode", is_flag=True, help="Exit with 3 where changes are pending.")
@click.pass_obj
def plan(frame: Frame, names: tuple[str, ...], *, detailed_exitcode: bool) -> int:
    """Show what would change now, line by line with its reason; send nothing, whatever the mode.

    Example: bidder plan --account shop
    """
    reports, _ = _attended(frame, names, send=False)
    frame.show({"accounts": [_told(report) for report in reports]}, "\n\n".join(map(_text, reports)))
    bad = [report for report in reports if report.status.value != "decided"]
    if bad:
        return UNHEALTHY
    return PENDING if detailed_exitcode and any(report.intents for report in reports) else 0


def _attended(frame: Frame, names: tuple[str, ...], *, send: bool) -> tuple[list[CycleReport], bool]:
    """Run one cycle for each account: as the one writer, or on a copy of the record where nothing may be sent.

    Returns:
        The reports, and whether a halt stood for one of the accounts.
    """
    from bidder.core.snapshot import Mode
    from bidder.cycle import attend
    from bidder.daemon.lock import lock_path, single_writer
    from bidder.daemon.log import begin_log
    from bidder.rehearsal import RehearsalMarketplace
    from bidder.wiring import database_of, kit_of, scratch_of

    settings = frame.settings()
    accounts = settings.chosen(names)
    begin_log(settings)
    reports, halted = [], False
    with ExitStack() as held, progress(shown=not frame.as_json) as advance:
        if send:
            held.enter_context(single_writer(lock_path(settings), now=now()))
        store = database_of(settings) if send else scratch_of(settings)
        held.callback(store.close)
        for number, one in enumerate(accounts):
            advance(f"attending to {one.account.id}", number, len(accounts))
            kit = kit_of(one, settings, store)
            kit = kit if send else replace(kit, market=RehearsalMarketplace(kit.market))
            halted = halted or (send and store.mode(one.account.id) is Mode.HALTED)
            try:
                reports.append(attend(one.account, kit, now=now()))
            finally:
                kit.market.close()
    return reports, halted


def _code(reports: list[CycleReport], *, halted: bool) -> int:
    lost = sum(report.outcomes[status] for report in reports for status in (Status.UNKNOWN, Status.REJECTED))
    if halted:
        return HALTED
    if any(report.status.value != "decided" for report in reports):
        return UNHEALTHY
    return PARTLY if lost else 0


def _told(report: CycleReport) -> Mapping[str, object]:
    """Return one report as plain values."""
    held = Counter(hold.reason.code.name for hold in report.holds)
    return {
        "account": report.account.id,
        "cycle": report.cycle_id,
        "as_of": report.as_of,
        "status": report.status.value,
        "sentence": report.sentence,
        "changes": [_line(intent) for intent in report.intents],
        "objections": [
            {"reason": o.reason.code.name, "text": o.reason.render(), "entity": str(o.change.ref) if o.change else None}
            for o in report.objections
        ],
        "holds": dict(held.most_common()),
        "figures": dict(report.figures),
    }


def _line(intent: Intent) -> dict[str, object]:
    change = intent.change
    return {
        "entity": str(change.ref),
        "field": change.field.value,
        "old": None if change.old is None else str(change.old),
        "new": str(change.new),
        "reason": change.reason.code.name,
        "why": change.reason.render(),
        "gain_micros": change.gain_micros,
        "outcome": intent.status.value,
        "detail": intent.detail,
    }


def _text(report: CycleReport) -> str:
    """Return one report for people: marks + raise, - lower, | pause, > resume."""
    lines = [f"{plain(report.account.id)}: {plain(report.sentence)}"]
    if report.intents:
        rows = [
            [_mark(intent), str(i.ref), i.field.value, "none" if i.old is None else str(i.old), str(i.new),
             intent.status.value, i.reason.render()]
            for intent in report.intents
            for i in (intent.change,)
        ]  # fmt: skip
        lines.append(table(["", "entity", "field", "now", "then", "outcome", "why"], rows, right=(3, 4)))
    held = Counter(hold.reason.code.name for hold in report.holds)
    if held:
        lines.append("held: " + ", ".join(f"{number} {name}" for name, number in held.most_common()))
        lines.append("`bidder why ENTITY` explains each of them")
    return "\n".join(lines)


def _mark(intent: Intent) -> str:
    if intent.change.field.value == "state":
        return ">" if intent.change.raises else "|"
    return "+" if intent.change.raises else "-"
