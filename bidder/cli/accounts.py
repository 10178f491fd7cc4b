"""Commands about what is connected: adapters, worlds and accounts. They only read."""

from __future__ import annotations

import json

import click

from bidder.cli.frame import Frame, now, plain, table


@click.command()
@click.pass_obj
def adapters(frame: Frame) -> None:
    """List the installed adapters and worlds, and why one cannot be used.

    Example: bidder adapters
    """
    from bidder.registry import Registry

    found = Registry().listing()
    frame.show(
        {"registered": [
            {"group": str(one.group), "name": one.name, "distribution": one.distribution, "version": one.version,
             "target": one.target, "problem": one.problem} for one in found]},
        table(["kind", "name", "from", "version", "state"],
              [[one.group.noun, one.name, one.distribution, one.version, one.problem or "ready"] for one in found]),
    )  # fmt: skip


@click.group()
def account() -> None:
    """Connect, test and list advertiser accounts."""


@account.command(name="list")
@click.pass_obj
def list_(frame: Frame) -> None:
    """List the configured accounts.

    Example: bidder account list
    """
    settings = frame.settings()
    rows = [
        {"name": str(one.account.id), "adapter": one.account.adapter, "remote_id": one.account.remote_id,
         "owner": one.account.owner, "currency": one.account.currency, "time_zone": one.account.time_zone,
         "daily_cap": str(one.policy.cap)}
        for one in settings.accounts
    ]  # fmt: skip
    frame.show({"accounts": rows}, table(list(rows[0]) if rows else ["name"], [list(row.values()) for row in rows]))


@account.command()
@click.argument("name")
@click.pass_obj
def test(frame: Frame, name: str) -> None:
    """Read an account once and compare it with the configuration; nothing is written to the marketplace.

    Example: bidder account test shop
    """
    from bidder.errors import ConfigError
    from bidder.wiring import looked_at

    settings = frame.settings()
    one = settings.account(name)
    with looked_at(one, settings) as market:
        profile = market.profile(now())
        structure = market.fetch_structure(one.account.id, now())
    for what, ours, theirs in (
        ("currency", one.account.currency, structure.currency),
        ("time_zone", one.account.time_zone, structure.time_zone),
    ):
        if ours != theirs:
            raise ConfigError(
                f"the marketplace says {theirs}, the file says {ours}; correct the file",
                source=settings.source,
                key=f"accounts.{name}.{what}",
            )
    facts = {
        "account": name,
        "campaigns": len(structure.campaigns),
        "ad_groups": len(structure.ad_groups),
        "targets": len(structure.targets),
        "products": len(structure.products),
        "balance": None if structure.balance is None else str(structure.balance),
        "currency": structure.currency,
        "time_zone": structure.time_zone,
        "supports": sorted(capability.value for capability in profile.supports),
        "read_only": profile.read_only,
        "history_days": profile.history_days,
        "windows": list(profile.windows),
        "bids": f"{profile.bid_min} to {profile.bid_max} by {profile.bid_increment}",
        "budgets": f"{profile.budget_min} to {profile.budget_max} by {profile.budget_increment}",
        "overdelivery": profile.overdelivery,
    }
    shown = {key: ", ".join(map(str, value)) if isinstance(value, list) else value for key, value in facts.items()}
    frame.show(facts, "\n".join(f"{key:>13}: {plain(value)}" for key, value in shown.items()))


@account.command()
@click.argument("adapter")
@click.option("--name", required=True, help="Our name of the account: small letters, digits, - and _.")
@click.option("--remote-id", required=True, help="The marketplace's own id of it.")
@click.option("--currency", required=True, help="ISO 4217, such as CNY.")
@click.option("--time-zone", required=True, help="IANA zone, such as Asia/Shanghai.")
@click.option("--daily-cap", required=True, help="Most that all daily budgets may add up to.")
@click.option("--option", "options", multiple=True, metavar="KEY=VALUE", help="The adapter's own setting.")
@click.option(
    "--secret",
    "secrets",
    multiple=True,
    metavar="KEY=PLACE",
    help="Where a secret is: credential:NAME, file:/path or env:NAME.",
)
@click.option("--write", is_flag=True, help="Add the lines to the configuration file.")
@click.pass_obj
def connect(
    frame: Frame,
    adapter: str,
    *,
    name: str,
    remote_id: str,
    currency: str,
    time_zone: str,
    daily_cap: str,
    options: tuple[str, ...],
    secrets: tuple[str, ...],
    write: bool,
) -> None:
    """Print the lines that connect an account, checked; with --write they are added to the configuration.

    Example: bidder account connect files --name shop --remote-id shop --currency CNY --time-zone Asia/Shanghai
    --daily-cap 1500 --option folder=reports --write
    """  # fmt: skip
    from pathlib import Path

    from bidder.registry import Group, Registry
    from bidder.settings import build, parse, replace

    registry = Registry()
    if adapter not in registry.names(Group.MARKETPLACES):
        registry.marketplace(adapter)
    lines = [
        f"[accounts.{name}]", f"adapter = {_quoted(adapter)}", f"remote_id = {_quoted(remote_id)}",
        f"currency = {_quoted(currency)}", f"time_zone = {_quoted(time_zone)}", f"daily_cap = {_quoted(daily_cap)}",
        *_section(f"accounts.{name}.options", options), *_section(f"accounts.{name}.secrets", secrets),
    ]  # fmt: skip
    text = "\n".join(lines)
    path = frame.config_path() if write else None
    before = path.read_text(encoding="utf-8") if path else 'mode = "rehearsal"\n'
    head, end, tail = before.partition("\n[end]")
    merged = f"{head}\n\n{text}\n{end}{tail}" if end else f"{head}\n{text}\n\n{_END}"
    build(parse(merged, source=str(path or "the lines to be added")), folder=Path())
    if path is not None:
        replace(path, merged)
    place = f"added to {path}" if path else "put these lines above the [end] table, or add --write"
    frame.show({"toml": text, "written": str(path) if path else None}, f"{text}\n\n# {place}")


_END = "[end]\nof_file = true\n"


def _section(title: str, pairs: tuple[str, ...]) -> list[str]:
    rows = []
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals or not key.isidentifier():
            raise click.UsageError(f"expected KEY=VALUE, was {pair!r}")
        rows.append(f"{key} = {_quoted(value)}")
    return [f"\n[{title}]", *rows] if rows else []


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
