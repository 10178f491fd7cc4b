"""Commands for whoever keeps the machine: doctor, the database, shell completion."""

from __future__ import annotations

import shutil
import sqlite3
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import packages_distributions, version
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

from bidder.cli.frame import Frame, now, table, who
from bidder.errors import BidderError, ConfigError

if TYPE_CHECKING:
    from bidder.settings import Settings
    from bidder.store.audit import Chain

UNHEALTHY = 4
Done = TypeVar("Done")
_SAFE_SQLITE = (3, 51, 3)
"""From here on SQLite has no known fault that two connections of one database can meet."""
_LEAST_FREE = 256 * 1024 * 1024
_NETWORK = ("nfs", "cifs", "smb", "fuse.sshfs", "9p")


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing the doctor looked at; ``remedy`` is empty where nothing is wrong.

    Attributes:
        serious: Something will not work; otherwise it is a warning.
    """

    what: str
    seen: str
    remedy: str = ""
    serious: bool = True


@click.command()
@click.pass_obj
def doctor(frame: Frame) -> int:
    """Look for what is wrong on this machine and say of each how to mend it.

    Works without a configuration. Exit code 4 where something will not work. Example: bidder doctor
    """
    findings = [finding for look in _LOOKS for finding in look(frame)]
    broken = [finding for finding in findings if finding.remedy and finding.serious]
    frame.show(
        {"healthy": not broken, "findings": [
            {"what": f.what, "seen": f.seen, "remedy": f.remedy, "serious": f.serious} for f in findings]},
        table(["", "what", "seen", "what to do"],
              [[_mark(f), f.what, f.seen, f.remedy] for f in findings]),
    )  # fmt: skip
    return UNHEALTHY if broken else 0


def _mark(finding: Finding) -> str:
    if not finding.remedy:
        return "ok"
    return "x" if finding.serious else "!"


def _program(frame: Frame) -> Iterator[Finding]:  # noqa: ARG001
    yield Finding(what="bidder", seen=f"{version('bidder')} on Python {sys.version.split()[0]}")
    for package in ("bidder", "adapters", "models"):
        owners = sorted(set(packages_distributions().get(package, [])))
        strangers = [owner for owner in owners if owner != "bidder"]
        remedy = (
            f"uninstall {', '.join(strangers)}, or install bidder in an environment of its own" if strangers else ""
        )
        yield Finding(what=f"package {package}", seen=", ".join(owners) or "not installed as a package", remedy=remedy)


def _sqlite(frame: Frame) -> Iterator[Finding]:  # noqa: ARG001
    safe = sqlite3.sqlite_version_info >= _SAFE_SQLITE
    yield Finding(
        what="SQLite",
        seen=sqlite3.sqlite_version,
        remedy="" if safe else "very rarely two connections can damage a file before 3.51.3; back up daily (db backup)",
        serious=False,
    )


def _zones(frame: Frame) -> Iterator[Finding]:  # noqa: ARG001
    from bidder.core.calendar import zone

    try:
        zone("Asia/Shanghai")
        yield Finding(what="time zones", seen="present")
    except ValueError as error:
        yield Finding(what="time zones", seen=str(error), remedy="pip install tzdata")


def _registered(frame: Frame) -> Iterator[Finding]:  # noqa: ARG001
    from bidder.registry import Registry

    for one in Registry().listing():
        yield Finding(
            what=f"{one.group.noun} {one.name}", seen=f"{one.distribution} {one.version}", remedy=one.problem or ""
        )


def _configuration(frame: Frame) -> Iterator[Finding]:
    try:
        path = frame.config_path()
    except ConfigError:
        yield Finding(what="configuration", seen="none", remedy="bidder config sample > bidder.toml", serious=False)
        return
    try:
        settings = frame.settings()
    except BidderError as error:
        yield Finding(what="configuration", seen=str(path), remedy=str(error))
        return
    names = ", ".join(str(one.account.id) for one in settings.accounts)
    yield Finding(what="configuration", seen=f"{path}: mode {settings.mode}, {names}")
    for look in (_files, _alerts, _accounts, _database):
        yield from look(settings, path)


def _files(settings: Settings, path: Path) -> Iterator[Finding]:
    """Look at modes, disk and who is writing."""
    from bidder.daemon.lock import holder, lock_path

    if path.stat().st_mode & 0o022:
        yield Finding(what="its file mode", seen="others may write it", remedy=f"chmod go-w {path}")
    if "://" not in settings.database:
        for suffix in ("", ".key", ".anchor", "-wal"):
            file = Path(settings.database + suffix)
            if file.exists() and file.stat().st_mode & 0o077:
                yield Finding(what=file.name, seen="others may read it", remedy=f"chmod 600 {file}")
        kind = _file_system(Path(settings.database).absolute().parent)
        if kind.startswith(_NETWORK):
            remedy = "put the database on a local disk: locks on network drives let two write at once"
            yield Finding(what="file system", seen=kind, remedy=remedy)
    free = shutil.disk_usage(settings.folder).free
    remedy = "" if free >= _LEAST_FREE else "free some space: when the disk is full nothing is applied"
    yield Finding(what="free disk", seen=f"{free / 1e9:.1f} GB", remedy=remedy)
    writer = holder(lock_path(settings))
    yield Finding(what="writer", seen=writer or "nobody: the daemon is not running")
    if settings.stop_file.exists():
        remedy = f"while it exists nothing is written; remove it to go on: rm {settings.stop_file}"
        yield Finding(what="stop file", seen=str(settings.stop_file), remedy=remedy, serious=False)


def _alerts(settings: Settings, path: Path) -> Iterator[Finding]:  # noqa: ARG001
    """Look whether people can be told; nothing is sent."""
    from bidder.wiring import messenger_of

    try:
        messenger_of(settings).close()
    except BidderError as error:
        yield Finding(what="alerts", seen="cannot be sent", remedy=str(error))
        return
    notify = settings.notify
    ways = [name for name in ("webhook", "ping", "smtp") if getattr(notify, name) is not None]
    remedy = "" if ways else "nobody is told when an account stops: see `bidder config explain notify.webhook`"
    yield Finding(what="alerts", seen=", ".join(ways) or "none", remedy=remedy, serious=False)


def _accounts(settings: Settings, path: Path) -> Iterator[Finding]:  # noqa: ARG001
    from bidder.settings import inherited
    from bidder.wiring import looked_at

    for one in settings.accounts:
        try:
            with looked_at(one, settings) as market:
                market.profile(now())
            yield Finding(what=f"account {one.account.id}", seen="its marketplace answers")
        except BidderError as error:
            yield Finding(what=f"account {one.account.id}", seen="cannot be read", remedy=str(error))
        named = [name for name, places in one.secrets.items() if inherited(places)]
        if named:
            remedy = "every child process inherits the environment: use credential: or file:"
            yield Finding(what=f"secrets {', '.join(named)}", seen="environment", remedy=remedy, serious=False)


def _database(settings: Settings, path: Path) -> Iterator[Finding]:  # noqa: ARG001
    from bidder.store.maintenance import check
    from bidder.wiring import url_of

    if "://" not in settings.database and not Path(settings.database).exists():
        yield Finding(what="database", seen="not there yet; the first run makes it")
        return
    try:
        problems = check(url_of(settings))
    except BidderError as error:
        yield Finding(what="database", seen=settings.database, remedy=str(error))
        return
    yield Finding(what="database", seen=settings.database, remedy="; ".join(problems))


def _file_system(folder: Path) -> str:
    """Return the kind of file system a folder is on, or nothing where that cannot be known."""
    try:
        mounts = [line.split() for line in Path("/proc/mounts").read_text(encoding="utf-8").splitlines()]
    except OSError:
        return ""
    found = [(len(mount[1]), mount[2]) for mount in mounts if folder.is_relative_to(mount[1])]
    return max(found, default=(0, ""))[1]


_LOOKS: tuple[Callable[[Frame], Iterator[Finding]], ...] = (_program, _sqlite, _zones, _registered, _configuration)


@click.group()
def db() -> None:
    """Upgrade, back up, check, restore and copy the database."""


@db.command()
@click.pass_obj
def upgrade(frame: Frame) -> None:
    """Move the database to this version, after a backup. The first start does this by itself.

    Example: bidder db upgrade
    """
    from bidder.wiring import database_of

    _locked(frame, lambda _: database_of(frame.settings()).close())
    frame.show({"upgraded": True}, "the database has the schema of this version")


@db.command()
@click.argument("target", type=click.Path(path_type=Path, dir_okay=False))
@click.pass_obj
def backup(frame: Frame, target: Path) -> None:
    """Copy the database to a new file while it is in use; never copy the file itself.

    Example: bidder db backup bidder-2026-11-23.db
    """
    from bidder.store.maintenance import backup as save

    save(_url(frame), target)
    frame.show({"backup": str(target)}, f"saved to {target}")


@db.command()
@click.pass_obj
def check(frame: Frame) -> int:
    """Check the database for damage and the audit for tampering.

    Example: bidder db check
    """
    from bidder.store.maintenance import check as look

    problems = look(_url(frame), chain=_chain(frame))
    frame.show({"sound": not problems, "problems": problems}, "\n".join(problems) or "the database is sound")
    return UNHEALTHY if problems else 0


@db.command()
@click.argument("source", type=click.Path(path_type=Path, dir_okay=False, exists=True))
@click.option("--yes", is_flag=True, help="Do it; the present database is kept beside as .before-restore.")
@click.pass_obj
def restore(frame: Frame, source: Path, *, yes: bool) -> None:
    """Put a backup in the place of the database.

    What happened at the marketplace since the backup is found as other people's edits. Example: bidder db restore
    bidder-2026-11-23.db --yes
    """
    from bidder.store.maintenance import restore as put

    if not yes:
        raise click.UsageError("this replaces the database; add --yes")
    chain = _chain(frame)
    _locked(frame, lambda url: put(source, url, chain=chain, actor=who(), now=now()))
    frame.show({"restored": str(source)}, f"restored from {source}")


@db.command()
@click.argument("target")
@click.pass_obj
def copy(frame: Frame, target: str) -> None:
    """Copy everything into another, empty database, such as one on PostgreSQL.

    Example: bidder db copy postgresql://bidder@localhost/bidder
    """
    from bidder.store.maintenance import copy as move

    rows = move(_url(frame), target if "://" in target else f"sqlite:///{target}")
    frame.show({"rows": rows}, f"{sum(rows.values()):,} rows copied from {len(rows)} tables")


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_obj
def completion(frame: Frame, shell: str) -> None:
    """Print the shell's completion script.

    Example: bidder completion bash > ~/.local/share/bash-completion/completions/bidder
    """
    from click.shell_completion import get_completion_class

    from bidder.cli.main import cli

    kind = get_completion_class(shell)
    if kind is not None:
        script = kind(cli, {}, "bidder", "_BIDDER_COMPLETE").source()
        frame.show({"shell": shell, "script": script}, script)


def _chain(frame: Frame) -> Chain:
    """Return what the configured database's audit is sealed with."""
    from bidder.wiring import database_of

    store = database_of(frame.settings())
    store.close()
    return store.chain


def _url(frame: Frame) -> str:
    from bidder.wiring import url_of

    return url_of(frame.settings())


def _locked(frame: Frame, work: Callable[[str], Done]) -> Done:
    """Do something to the database while no daemon writes."""
    from bidder.daemon.lock import lock_path, single_writer

    with single_writer(lock_path(frame.settings()), now=now()):
        return work(_url(frame))
