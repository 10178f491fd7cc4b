"""Commands on the configuration file: nothing here touches an account."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bidder.cli.frame import Frame, dumps, plain
from bidder.errors import InputError

if TYPE_CHECKING:
    from bidder.settings import Settings


@click.group()
def config() -> None:
    """Check, show, explain and change the configuration."""


@config.command()
@click.pass_obj
def check(frame: Frame) -> None:
    """Check the whole file and report every fault at once, with line and key; adapters and secrets as well.

    Example: bidder --config shop.toml config check
    """
    settings = frame.settings()
    _require_outside(frame.config_path(), settings)
    names = [str(one.account.id) for one in settings.accounts]
    frame.show(
        {"ok": True, "source": settings.source, "mode": settings.mode, "accounts": names,
         "fingerprint": settings.fingerprint},
        f"{plain(settings.source)} is sound: mode {settings.mode}, accounts {', '.join(names) or 'none'}, "
        f"fingerprint {settings.fingerprint[:12]}",
    )  # fmt: skip


@config.command()
@click.pass_obj
def show(frame: Frame) -> None:
    """Show what is in force, defaults included, secrets masked.

    Example: bidder config show
    """
    from bidder.settings import effective

    click.echo(dumps(effective(frame.settings())))


@config.command()
@click.pass_obj
def sample(frame: Frame) -> None:
    """Print a commented file with every setting, ready to be edited.

    Example: bidder config sample > bidder.toml
    """
    from bidder.settings import sample as text

    frame.show({"sample": text()}, text().rstrip("\n"))


@config.command()
def schema() -> None:
    """Print the JSON Schema of the file, for editors.

    Example: bidder config schema > bidder.schema.json
    """
    from bidder.settings import json_schema

    click.echo(json.dumps(json_schema(), indent=2, ensure_ascii=False))


@config.command()
@click.argument("other", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.pass_obj
def diff(frame: Frame, other: Path) -> None:
    """Show what would be different in force under another file.

    Example: bidder config diff new.toml
    """
    from bidder.settings import differences, effective, load

    found = list(differences(effective(frame.settings()), effective(load(other))))
    frame.show(
        {"differences": [{"key": key, "before": before, "after": after} for key, before, after in found]},
        "\n".join(f"{key}: {plain(before)} -> {plain(after)}" for key, before, after in found) or "no difference",
    )


@config.command()
@click.argument("key")
@click.pass_obj
def explain(frame: Frame, key: str) -> None:
    """Say what a setting means, its type, bounds and default.

    Example: bidder config explain policy.limits.max_bid_step_ratio
    """
    from bidder.settings import entry_of

    entry = entry_of(key)
    frame.show(
        {"key": key, "kind": entry.kind, "default": entry.default, "required": entry.required, "text": entry.words},
        f"{key}: {entry.kind}\n{entry.words}\n"
        + ("required, there is no default" if entry.required else f"default: {plain(entry.default)}"),
    )


@config.command(name="set")
@click.argument("key")
@click.argument("value")
@click.option("--yes", is_flag=True, help="Write it; without this the change is only shown.")
@click.pass_obj
def set_(frame: Frame, key: str, value: str, *, yes: bool) -> None:
    """Change one setting in the file, keeping its comments; checked whole before it is written.

    Example: bidder config set policy.limits.max_bid_step_ratio 0.15 --yes
    """
    from bidder.settings import changed, differences, effective, load, read, replace

    path = frame.config_path()
    before = effective(load(path))
    text, settings = changed(read(path), key, value, folder=path.parent)
    found = list(differences(before, effective(settings)))
    if not found:
        raise InputError("that is the value already in force", place=key)
    if yes:
        replace(path, text)
    lines = [f"{name}: {plain(old)} -> {plain(new)}" for name, old, new in found]
    frame.show(
        {"written": yes, "differences": [{"key": name, "before": old, "after": new} for name, old, new in found]},
        "\n".join([*lines, "written" if yes else "not written; add --yes"]),
    )


def _require_outside(path: Path, settings: Settings) -> None:
    """Check what a sound file still needs from outside: installed adapters, and secrets in their places.

    Raises:
        ConfigFaults: All that is missing, with lines.
    """
    from bidder.errors import ConfigError
    from bidder.registry import Group, Registry
    from bidder.settings import ConfigFaults, Fault, SecretPlaces, fault, nearest, read

    document, places, faults = read(path), SecretPlaces.of_process(settings.folder), list[Fault]()
    names = Registry().names(Group.MARKETPLACES)
    for one in settings.accounts:
        if one.account.adapter not in names:
            words = f"no adapter is called {one.account.adapter!r}; {nearest(one.account.adapter, names)}"
            faults.append(fault(document, ("accounts", str(one.account.id), "adapter"), words))
    for key, where in settings.secret_references():
        try:
            places.read(where, key="", source="")
        except ConfigError as error:
            faults.append(fault(document, key, str(error)))
    if faults:
        raise ConfigFaults(settings.source, faults)
