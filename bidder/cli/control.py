"""Commands that open and close the gates: halt, reduce, resume, arm, disarm. Each needs a reason and is audited."""

from __future__ import annotations

import click

from bidder.cli.frame import Frame, now, who


def _said(context: click.Context, option: click.Parameter, value: str) -> str:  # noqa: ARG001
    """Refuse a reason that says nothing."""
    if not value.strip():
        raise click.BadParameter("say why: it stands in the audit")
    return value.strip()


_reason = click.option("--reason", required=True, callback=_said, help="Why; it stands in the audit.")
_account = click.option("--account", help="Only this account; everything where absent.")


@click.command()
@_reason
@_account
@click.pass_obj
def halt(frame: Frame, reason: str, account: str | None) -> None:
    """Stop every write at once; reading and recording go on.

    Example: bidder halt --reason "price error in the shop"
    """
    _set(frame, "HALTED", reason, account)


@click.command()
@_reason
@_account
@click.pass_obj
def reduce(frame: Frame, reason: str, account: str | None) -> None:
    """Let only lower bids, lower budgets and pauses out.

    Example: bidder reduce --reason "stock is late" --account shop
    """
    _set(frame, "REDUCING", reason, account)


@click.command()
@_reason
@_account
@click.pass_obj
def resume(frame: Frame, reason: str, account: str | None) -> None:
    """Let the daemon write again.

    Example: bidder resume --reason "prices checked"
    """
    _set(frame, "ACTIVE", reason, account)


@click.command()
@click.argument("account")
@_reason
@click.pass_obj
def arm(frame: Frame, account: str, reason: str) -> None:
    """Allow live writes for an account; they also need mode = "live" in the configuration.

    Example: bidder arm shop --reason "rehearsed for a week"
    """
    _arm(frame, account, reason, armed=True)


@click.command()
@click.argument("account")
@_reason
@click.pass_obj
def disarm(frame: Frame, account: str, reason: str) -> None:
    """Take the allowance for live writes back; effective before the next request.

    Example: bidder disarm shop --reason "audit"
    """
    _arm(frame, account, reason, armed=False)


def _set(frame: Frame, mode_name: str, reason: str, name: str | None) -> None:
    from bidder.core.snapshot import Mode
    from bidder.wiring import database_of

    mode = Mode[mode_name]
    settings = frame.settings()
    account = None if name is None else settings.account(name).account
    store = database_of(settings)
    try:
        if account is not None:
            store.register(account, now=now())
        store.set_mode(None if account is None else account.id, mode, actor=who(), reason=reason, now=now())
    finally:
        store.close()
    scope = name or "everything"
    frame.show({"scope": scope, "mode": mode.value, "reason": reason}, f"{scope}: {mode.value}")


def _arm(frame: Frame, name: str, reason: str, *, armed: bool) -> None:
    from bidder.wiring import database_of

    settings = frame.settings()
    account = settings.account(name).account
    store = database_of(settings)
    try:
        store.register(account, now=now())
        store.arm(account.id, armed=armed, actor=who(), reason=reason, now=now())
    finally:
        store.close()
    text = f"{name}: {'armed' if armed else 'disarmed'}"
    if armed and settings.mode != "live":
        text += '; nothing is sent yet: the configuration says mode = "rehearsal"'
    frame.show({"account": name, "armed": armed, "mode": settings.mode}, text)
