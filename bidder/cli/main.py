"""The command ``bidder``: its list of commands, its global options, and what every error means to the shell.

A command's module is imported only when that command runs, so that ``--help`` needs neither numpy nor a database.
Exit codes stand in one table, `EXIT_CODES`; with ``--json`` standard output holds one JSON object and nothing else.
"""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from types import TracebackType

import click

from bidder.cli.frame import Frame, dumps, fail
from bidder.errors import (
    AuditBroken,
    BidderError,
    ConfigError,
    Halted,
    InputError,
    InvariantBroken,
    LockHeld,
    SchemaTooNew,
    StoreError,
    WrongMode,
)

EXIT_CODES: Mapping[type[BaseException], int] = {
    InvariantBroken: 70,
    AuditBroken: 8,
    ConfigError: 7,
    SchemaTooNew: 7,
    WrongMode: 7,
    Halted: 6,
    LockHeld: 5,
    StoreError: 4,
    InputError: 2,
    BidderError: 4,
}
"""What an error means to the shell; the first class that fits counts. 0 ok, 1 internal error, 2 usage, 3 changes
pending, 4 held or unhealthy, 9 partly applied."""

COMMANDS: Mapping[str, tuple[str, str]] = {
    "run": ("run", "Run the daemon: attend to every account, around the clock."),
    "once": ("run", "Attend to accounts once and say what became of it."),
    "plan": ("run", "Show what would change now and why; send nothing."),
    "status": ("inspect", "Show on one screen how everything stands."),
    "why": ("inspect", "Explain a change or a hold, with the figures it rests on."),
    "sellers": ("inspect", "List top, steady, slow and new sellers."),
    "products": ("inspect", "List products with their economics and what is missing."),
    "clearance": ("inspect", "List slow sellers for the merchandiser, with a discount that can be afforded."),
    "maturity": ("inspect", "Show how late orders arrive: the learned completion curve."),
    "scorecard": ("inspect", "Show how past forecasts came out, and what follows from it."),
    "report": ("inspect", "Write the account's record as one page to open in a browser."),
    "changes": ("changes", "List, show, export and verify what was changed."),
    "halt": ("control", "Stop every write at once; reading goes on."),
    "reduce": ("control", "Let only lower bids, lower budgets and pauses out."),
    "resume": ("control", "Let the daemon write again."),
    "arm": ("control", "Allow live writes for an account."),
    "disarm": ("control", "Take the allowance for live writes back."),
    "account": ("accounts", "Connect, test and list advertiser accounts."),
    "adapters": ("accounts", "List the installed adapters and worlds."),
    "config": ("config", "Check, show, explain and change the configuration."),
    "audit": ("audit", "Find where money is lost, from downloaded reports."),
    "backtest": ("backtest", "Forecast your own past and compare with naive forecasts."),
    "db": ("admin", "Upgrade, back up, check, restore and copy the database."),
    "doctor": ("admin", "Look for what is wrong and say how to mend it."),
    "completion": ("admin", "Print the shell's completion script."),
    "mock": ("play", "Serve the mock marketplace over HTTP."),
    "simulate": ("play", "Let policies steer the same simulated market and compare them."),
    "demo": ("play", "Play 60 days of a mock shop, three hands side by side."),
}
"""Command, the module under ``bidder.cli`` it lives in, and its line in the list."""


class Commands(click.Group):
    """A group that imports a command only when it is used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the commands in the order a newcomer meets them."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return one command."""
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"bidder.cli.{COMMANDS[cmd_name][0]}")
        command: click.Command = getattr(module, cmd_name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in COMMANDS.items()])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command; an unknown one names the nearest."""
        if args and not args[0].startswith("-") and args[0] not in COMMANDS:
            import difflib

            close = difflib.get_close_matches(args[0], COMMANDS, n=1)
            hint = f"; did you mean {close[0]!r}?" if close else "; `bidder --help` lists them"
            raise click.UsageError(f"there is no command {args[0]!r}{hint}", ctx)
        return super().resolve_command(ctx, args)


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.option("--config", type=click.Path(path_type=Path, dir_okay=False), help="Configuration file.")
@click.option("--json", "as_json", is_flag=True, is_eager=True, help="Print one JSON object and nothing else.")
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=lambda ctx, _, wanted: _say_version(ctx) if wanted else None,
    help="Show the version and exit.",
)
@click.pass_context
def cli(ctx: click.Context, config: Path | None, *, as_json: bool) -> None:
    """Manage advertising bids and budgets on online marketplaces, safely and explained.

    New here? Try `bidder demo`. With your own reports: `bidder audit FOLDER`. With an account: `bidder
    account connect`.
    """
    ctx.obj = Frame(config=config, as_json=as_json)


def main() -> None:
    """Run the command line; every way out leaves through one exit code."""
    sys.excepthook = _say_bug
    sys.exit(run(sys.argv[1:]))


def _say_version(ctx: click.Context) -> None:
    number = version("bidder")
    click.echo(dumps({"version": number}) if ctx.params.get("as_json") else f"bidder, version {number}")
    ctx.exit()


def _say_bug(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Tell an error that no table of ours knows: its places, never a variable. Python then exits with 1."""
    import traceback

    frames = "\n".join(f"  {frame.filename}:{frame.lineno} {frame.name}" for frame in traceback.extract_tb(trace))
    message = f"{kind.__name__}: {error}\nthis is a bug; please report it with these places:\n{frames}"
    fail(message, 1, as_json="--json" in sys.argv, kind="InternalError")


def run(arguments: list[str]) -> int:
    """Run one command line and return its exit code; errors are told on standard error."""
    as_json = "--json" in arguments
    try:
        result = cli.main(args=_global_first(arguments), prog_name="bidder", standalone_mode=False)
        code = result if isinstance(result, int) else 0
        sys.stdout.flush()
    except click.ClickException as error:
        if isinstance(error, click.exceptions.NoArgsIsHelpError):
            error.show()
            return 0
        return fail(error.format_message(), error.exit_code, as_json=as_json)
    except (click.Abort, KeyboardInterrupt):
        return fail("stopped", 1, as_json=as_json)
    except BidderError as error:
        code = next(code for kind, code in EXIT_CODES.items() if isinstance(error, kind))
        return fail(str(error), code, as_json=as_json, kind=type(error).__name__)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    return code


def _global_first(arguments: list[str]) -> list[str]:
    """Let ``--json`` stand anywhere: it means the same before and after the command."""
    end = arguments.index("--") if "--" in arguments else len(arguments)
    if "--json" not in arguments[:end]:
        return arguments
    return ["--json", *(word for word in arguments[:end] if word != "--json"), *arguments[end:]]
