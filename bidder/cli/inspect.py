"""Commands that look: status, why, sellers, products, clearance, maturity, scorecard, report. They change nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from datetime import timedelta
from math import isnan
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bidder.cli.frame import Frame, now, plain, table
from bidder.core.entities import AccountId, EntityRef
from bidder.errors import InputError

if TYPE_CHECKING:
    from bidder.queries import AccountStatus
    from bidder.settings import Settings
    from bidder.store import SqlStore
    from bidder.store.views import ChangeView

UNHEALTHY, HALTED = 4, 6

_one = click.option("--account", "name", help="Which account; not needed where there is only one.")


@contextmanager
def opened(frame: Frame) -> Iterator[tuple[Settings, SqlStore]]:
    """Open the configured record for reading."""
    from bidder.wiring import database_of

    settings = frame.settings()
    store = database_of(settings, read_only=True)
    try:
        yield settings, store
    finally:
        store.close()


def chosen(settings: Settings, name: str | None) -> str:
    """Return the account meant."""
    if name is not None:
        return str(settings.account(name).account.id)
    if len(settings.accounts) != 1:
        names = ", ".join(str(one.account.id) for one in settings.accounts)
        raise InputError(f"say which account: {names}", place="--account")
    return str(settings.accounts[0].account.id)


@click.command()
@click.pass_obj
def status(frame: Frame) -> int:
    """Show on one screen how everything stands. Exit code 6 while halted, 4 where an account needs a look.

    Example: bidder status
    """
    from bidder.queries import standing

    at = now()
    with opened(frame) as (settings, store):
        accounts = standing(store, now=at).accounts
    seen = {str(one.view.account.id) for one in accounts}
    missing = [str(one.account.id) for one in settings.accounts if str(one.account.id) not in seen]
    well = [
        one.cycle is not None and one.cycle.ok is not False and at - one.cycle.as_of <= 3 * settings.interval
        for one in accounts
    ]
    told = [_standing(one, settings.mode, healthy=fit) for one, fit in zip(accounts, well, strict=True)]
    head = ["account", "mode", "last_cycle", "today", "month", "budgets", "balance", "unsettled", "held", "last_words"]
    rows = [["-" if one[name] is None else one[name] for name in head] for one in told]
    text = table([name.replace("_", " ") for name in head], rows, right=(3, 4, 5, 6, 7, 8))
    text = text if rows else "no cycle yet: try `bidder once`"
    note = f"\nnot seen yet: {', '.join(missing)}" if missing else ""
    frame.show(
        {"mode": settings.mode, "accounts": told, "not_seen": missing},
        f"mode {settings.mode}{'' if settings.mode == 'live' else ': nothing is sent'}\n\n{text}{note}",
    )
    if any(one["mode"] == "halted" for one in told):
        return HALTED
    return 0 if all(well) else UNHEALTHY


def _standing(one: AccountStatus, mode: str, *, healthy: bool) -> dict[str, object]:
    """Return one account's line."""
    waiting = "" if mode == "rehearsal" or one.armed else ", not armed"
    return {
        "account": str(one.view.account.id),
        "mode": one.mode.value + waiting if not healthy or waiting else one.mode.value,
        "healthy": healthy,
        "last_cycle": None if one.cycle is None else f"{one.cycle.as_of:%Y-%m-%d %H:%MZ}",
        "today": None if one.spend_today is None else str(one.spend_today),
        "month": None if one.spend_month is None else str(one.spend_month),
        "budgets": None if one.budgets is None else str(one.budgets),
        "balance": None if one.view.balance is None else str(one.view.balance),
        "unsettled": sum(one.unsettled.values()),
        "held": sum(one.holds.values()),
        "holds": dict(one.holds),
        "observing_until": one.observing_until,
        "last_words": "" if one.cycle is None else one.cycle.sentence,
    }


@click.command()
@click.argument("what")
@_one
@click.pass_obj
def why(frame: Frame, what: str, name: str | None) -> None:
    """Explain an entity (such as target:123) or a change (its number): what was done or held, and on which figures.

    Example: bidder why target:t17
    """
    from bidder.queries import change as one_change
    from bidder.queries import why as explain

    with opened(frame) as (settings, store):
        if ":" not in what:
            line = change_line(one_change(store, what))
            frame.show({"change": line}, change_text(line))
            return
        try:
            ref = EntityRef.parse(what)
        except ValueError as error:
            raise InputError(str(error), place="WHAT") from error
        told = explain(store, AccountId(chosen(settings, name)), ref)
    moved = [change_line(one) for one in told.changes]
    lines = [f"{told.name} ({ref}): {told.sentence}"]
    lines += [f"held since {h.since:%Y-%m-%d %H:%MZ}: {h.sentence} [{h.reason.code.name}]" for h in told.holds]
    lines += [change_text(line) for line in moved]
    lines += [f"{e.at:%Y-%m-%d %H:%MZ} {e.field}: {e.old} -> {e.new}, by {e.actor}" for e in told.edits]
    lines += [f"the guards said: {o.reason.render()} [{o.reason.code.name}]" for o in told.objections]
    frame.show(
        {
            "entity": str(ref),
            "name": told.name,
            "answer": told.sentence,
            "holds": [{"since": h.since, "code": h.reason.code.name, "why": h.sentence,
                       "evidence": dict(h.reason.evidence)} for h in told.holds],
            "changes": moved,
            "objections": [{"code": o.reason.code.name, "why": o.reason.render()} for o in told.objections],
        },
        "\n".join(plain(line, lines=True) for line in lines),
    )  # fmt: skip


@click.command()
@_one
@click.pass_obj
def sellers(frame: Frame, name: str | None) -> None:
    """List top, steady, slow and new sellers, and since when they are that.

    Example: bidder sellers --account shop
    """
    from bidder.queries import sellers as found

    with opened(frame) as (settings, store):
        rows = found(store, AccountId(chosen(settings, name)))
    told = [
        {"stage": one.stage.value, "product": one.product_id, "title": one.title, "category": one.category,
         "stock": one.stock, "since": one.since}
        for one in rows
    ]  # fmt: skip
    order = ["top", "steady", "slow", "new", "unranked"]
    told.sort(key=lambda one: (order.index(str(one["stage"])), str(one["product"])))
    text = table(list(told[0]), [list(one.values()) for one in told]) if told else "no product is ranked yet"
    frame.show({"sellers": told}, text)


@click.command()
@_one
@click.pass_obj
def products(frame: Frame, name: str | None) -> None:
    """List products with their economics, and what is missing for a decision.

    Example: bidder products
    """
    from bidder.queries import products as found

    with opened(frame) as (settings, store):
        rows = found(store, AccountId(chosen(settings, name)))
    told = []
    for one in rows:
        stated = {"price": one.price, "margin": one.margin if one.unit_cost is None else one.unit_cost,
                  "refund_rate": one.refund_rate, "stock": one.stock, "launch_date": one.launch_date}  # fmt: skip
        told.append(
            {"product": one.id, "title": one.title, "category": one.category, "price": one.price, "margin": one.margin,
             "unit_cost": one.unit_cost, "refund_rate": one.refund_rate, "stock": one.stock,
             "missing": [key for key, value in stated.items() if value is None]}
        )  # fmt: skip
    shown = [
        ["-" if value is None else ", ".join(value) or "nothing" if isinstance(value, list) else value
         for value in one.values()]
        for one in told
    ]  # fmt: skip
    text = table(list(told[0]), shown, right=(3, 4, 5, 6, 7)) if told else "no product is known yet"
    frame.show({"products": told}, text)


@click.command()
@_one
@click.pass_obj
def clearance(frame: Frame, name: str | None) -> None:
    """List slow sellers for the merchandiser, with a discount that the contribution allows.

    Advertising is never used to clear dead stock. Example: bidder clearance
    """
    from bidder.queries import clearance as found

    with opened(frame) as (settings, store):
        newest = found(store, AccountId(chosen(settings, name)))
    lines = () if newest is None else newest.lines
    shown = [
        [one.product_id, one.title, one.stock, "-" if one.cover_days is None else f"{one.cover_days:.0f}",
         f"{one.discount:.0%}", one.reentry]
        for one in lines
    ]  # fmt: skip
    head = ["product", "title", "stock", "days of cover", "discount", "comes back when"]
    frame.show(
        {"day": None if newest is None else newest.day, "clearance": [asdict(one) for one in lines]},
        table(head, shown, right=(2, 3, 4)) if shown else "no slow seller on the list",
    )


@click.command()
@_one
@click.pass_obj
def maturity(frame: Frame, name: str | None) -> None:
    """Show how late orders arrive: the share of a click day's orders visible so many days later.

    Example: bidder maturity
    """
    from bidder.store.reads import completion

    with opened(frame) as (settings, store):
        curve = [line for line in completion(store, AccountId(chosen(settings, name))) if line[2]]
    rows = [[age, f"{share:.1%}", f"{orders:,}"] for age, share, orders in curve]
    frame.show(
        {"maturity": [{"age_days": age, "share": share, "orders": orders} for age, share, orders in curve]},
        table(["days later", "visible", "orders it rests on"], rows, right=(0, 1, 2))
        if rows
        else "not learned yet: reports must be seen on several days; the venue's usual curve is used meanwhile",
    )


@click.command()
@_one
@click.pass_obj
def scorecard(frame: Frame, name: str | None) -> None:
    """Show how forecasts of past weeks came out: bias, intervals held, score; and what follows from a poor record.

    Example: bidder scorecard
    """
    from bidder import queries

    with opened(frame) as (settings, store):
        account = settings.account(chosen(settings, name))
        card = queries.scorecard(store, account.account, account.policy, now=now())
    scores = () if card is None else card.scores
    head = ["campaign", "days ahead", "claims", "orders forecast", "came", "off by", "intervals held", "score of flat"]
    rows = [
        ["all" if one.campaign_id is None else one.campaign_id, one.horizon, f"{one.claims:,}", f"{one.expected:,.1f}",
         f"{one.orders:,.0f}", "-" if isnan(one.bias) else f"{one.bias:+.0%}",
         "-" if isnan(one.coverage) else f"{one.coverage:.0%} of {one.told} (want {one.interval:.0%})",
         f"{one.crps / one.crps_flat:.2f}" if one.crps_flat > 0 else "-"]
        for one in scores
    ]  # fmt: skip
    factor = 1.0 if card is None else card.widening
    follows = (
        f"doubt is widened {factor:.2f} times and steps of bids are as much shorter" if factor > 1
        else "nothing follows: the record is good, or too short to tell"
    )  # fmt: skip
    frame.show(
        {"widening": factor, "scores": [_told(asdict(one) | {"bias": one.bias}) for one in scores]},
        f"{table(head, rows, right=range(1, 8))}\n\n{follows}" if rows
        else "no forecast can be judged yet: the week it foretold must be older than the attribution window",
    )  # fmt: skip


def _told(values: Mapping[str, object]) -> dict[str, object]:
    """Return values with what is not known as null."""
    return {name: None if isinstance(v, float) and isnan(v) else v for name, v in values.items()}


@click.command()
@_one
@click.option("--days", type=click.IntRange(2, 400), default=60, show_default=True, help="Days to show.")
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    default=Path("bidder-report.html"),
    show_default=True,
    help="Where the page goes.",
)
@click.pass_obj
def report(frame: Frame, name: str | None, days: int, out: Path) -> None:
    """Write the account's record as one page with plots, to open in a browser.

    Example: bidder report --days 30 --out report.html
    """
    from bidder.core.calendar import DayRange
    from bidder.queries import changes, cycles, holds, names, totals_by_day
    from bidder.report.account import AccountPage, render
    from bidder.store.views import ChangeFilter

    with opened(frame) as (settings, store):
        account = settings.account(chosen(settings, name)).account
        newest = next(iter(cycles(store, account=account.id, limit=1)), None)
        if newest is None:
            raise InputError("there is no cycle of this account yet; try `bidder once`", place=str(account.id))
        facts = totals_by_day(store, account.id, DayRange.ending(now().date(), days=days))
        called = names(store, account.id)
        since = ChangeFilter(account=account.id, since=now() - timedelta(days=days))
        lines = [change_line(c) for c in changes(store, since)]
        content = AccountPage(
            account=str(account.id),
            currency=account.currency,
            sentence=newest.sentence,
            days=[one.day.isoformat() for one in facts],
            spend=[float(one.spend.units()) for one in facts],
            revenue=[float(one.revenue.units()) for one in facts],
            changes=[
                (f"{c['entity']} {c['field']}: {c['old']} → {c['new']}", str(c["why"]),
                 f"{c['at']}, {c['outcome']}, {c['code']}") for c in lines
            ],
            holds=[
                (called.get(h.ref, str(h.ref)), h.sentence, f"since {h.since:%Y-%m-%d %H:%MZ}, {h.reason.code.name}")
                for h in holds(store, account=account.id, limit=50)
            ],
        )  # fmt: skip
    try:
        out.write_text(render(content), encoding="utf-8")
    except OSError as error:
        raise InputError(f"cannot write the page: {error.strerror}", place=str(out)) from error
    frame.show({"page": str(out)}, f"written to {out}")


def change_line(one: ChangeView) -> dict[str, object]:
    """Return one change as plain values, as the commands print it."""
    return {
        "number": one.id,
        "at": f"{one.at:%Y-%m-%d %H:%MZ}",
        "account": str(one.account),
        "entity": str(one.ref),
        "field": one.field.value,
        "old": "none" if one.old is None else str(one.old),
        "new": str(one.new),
        "outcome": one.status.value,
        "why": one.sentence,
        "code": one.reason.code.name,
        "evidence": dict(one.reason.evidence),
        "gain": str(one.gain),
        "cycle": one.cycle_id,
        "key": one.key,
        "detail": one.detail,
    }


def change_text(line: Mapping[str, object]) -> str:
    """Return one change for people."""
    detail = f"\n    {line['detail']}" if line["detail"] else ""
    return (
        f"#{line['number']} {line['at']} {line['entity']} {line['field']}: {line['old']} -> {line['new']}, "
        f"{line['outcome']}\n    {line['why']} [{line['code']}]{detail}"
    )
