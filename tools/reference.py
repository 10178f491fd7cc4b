"""Render the reference pages and the configuration files from the program itself; used by tools.generated."""

from __future__ import annotations

import importlib
import inspect
import json
from collections.abc import Iterator

import click

from bidder import errors, settings
from bidder.core.reasons import Code, Kind

NOTE = "<!-- Made by `make generate`; do not edit. -->"

KINDS = {
    Kind.CHANGE: "Changes: why something is moved",
    Kind.HOLD: "Holds: why something is left as it is",
    Kind.OBJECTION: "Objections: why a guard removed or shrank a change",
    Kind.FINDING: "Findings of an audit",
}


def config_sample() -> str:
    """Return the sample configuration, as `bidder config sample` prints it."""
    return settings.sample()


def config_schema() -> str:
    """Return the JSON schema of the configuration, as `bidder config schema` prints it."""
    return json.dumps(settings.json_schema(), indent=2, ensure_ascii=False) + "\n"


def configuration_page() -> str:
    """Return the reference page of all configuration keys."""
    lines = [
        "# Configuration",
        "",
        NOTE,
        "",
        "One TOML file. Unknown keys are refused with the nearest known name; `bidder config check` reports all faults",
        "at once, `bidder config sample` prints a commented file, and [the JSON schema](bidder.schema.json) lets an",
        "editor check while you type. A `*` stands for a name of your own.",
    ]
    lines += _keys((), "Top level", "What holds for the whole process.")
    for table in settings.entries():
        if table.table:
            lines += _keys(table.path, f"`[{settings.dotted(table.path)}]`", table.words)
    return "\n".join(lines) + "\n"


def reasons_page() -> str:
    """Return the reference page of all reason codes."""
    lines = [
        "# Reasons",
        "",
        NOTE,
        "",
        "Every entity has an answer in every cycle: a change or a hold, each with one of these codes and the figures",
        "it rests on. `bidder why` renders the sentences; braces are figures. A code is never used again for another",
        "meaning.",
    ]
    for kind, heading in KINDS.items():
        lines += ["", f"## {heading}", "", "| Code | Sentence |", "|---|---|"]
        lines += [f"| `{code.name}` | {_text(code.template)} |" for code in Code if code.kind is kind]
    return "\n".join(lines) + "\n"


def errors_page() -> str:
    """Return the reference page of the error tree, in the order of its module."""
    lines = [
        "# Errors",
        "",
        NOTE,
        "",
        "Errors are sorted by what the loop does about them. Adapters raise those below `MarketplaceError`.",
        "",
        "| Error | Is a | What it means, and what happens |",
        "|---|---|---|",
    ]
    for error in vars(errors).values():
        if inspect.isclass(error) and issubclass(error, errors.BidderError):
            parent = error.__base__.__name__ if error.__base__ else ""
            words = inspect.cleandoc(error.__doc__ or "").partition("\nArgs:")[0]
            lines.append(f"| `{error.__name__}` | `{parent}` | {_text(words)} |")
    return "\n".join(lines) + "\n"


def commands_page() -> str:
    """Return the reference page of all commands, from their own help."""
    group = importlib.import_module("bidder.cli.main").cli
    lines = [
        "# Commands",
        "",
        NOTE,
        "",
        "`--config` and `--json` are global. With `--json`, standard output holds JSON only.",
        "",
        "```text",
        *_help(_context(group, "bidder")),
        "```",
    ]
    for context in _commands(_context(group, "bidder")):
        lines += ["", f"## {context.command_path}", "", "```text", *_help(context), "```"]
    return "\n".join(lines) + "\n"


def _keys(table: tuple[str | int, ...], heading: str, words: str) -> list[str]:
    """Return the section of one table of the configuration: its own keys, not those of tables inside it."""
    lines = ["", f"## {heading}", "", _text(words)]
    own = [entry for entry in settings.entries() if entry.path[:-1] == table and not entry.table]
    if own:
        lines += ["", "| Key | Meaning | May be | Default |", "|---|---|---|---|"]
    for entry in own:
        default = "required" if entry.required else "none" if entry.default is None else f"`{_json(entry.default)}`"
        lines.append(f"| `{entry.path[-1]}` | {_text(entry.words)} | {_text(entry.kind)} | {default} |")
    return lines


def _commands(parent: click.Context) -> Iterator[click.Context]:
    """Yield a context for every command below a group, depth first, in the order of help."""
    command = parent.command
    if not isinstance(command, click.Group):
        return
    for name in command.list_commands(parent):
        found = command.get_command(parent, name)
        if found is None or found.hidden:
            continue
        context = _context(found, name, parent)
        yield context
        yield from _commands(context)


def _context(command: click.Command, name: str, parent: click.Context | None = None) -> click.Context:
    """Return a command's context as a call would make it, without parsing anything."""
    return click.Context(command, parent=parent, info_name=name, **command.context_settings)


def _help(context: click.Context) -> list[str]:
    context.terminal_width = 100
    return [line.rstrip() for line in context.get_help().splitlines()]


def _text(words: str) -> str:
    """Return words as one cell of a table."""
    return " ".join(words.split()).replace("|", "\\|")


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False).replace("|", "\\|")
