"""Every command that the documentation tells people to type is one that the program accepts."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from bidder.cli.main import cli
from bidder.settings import entry_of

PROJECT = Path(__file__).resolve().parents[2]
PAGES = sorted([*PROJECT.glob("*.md"), *PROJECT.glob("docs/**/*.md")])


def typed() -> Iterator[tuple[str, str]]:
    """Yield page and command line of every console line that calls bidder; ``...`` stands for options left out."""
    for page in PAGES:
        text = page.read_text(encoding="utf-8").replace("\\\n", " ")
        for line in re.findall(r"^\s*\$ (.*)$", text, re.MULTILINE):
            for command in re.split(r"\s[|>#]|;|&&", line):
                called = re.match(r"\s*(?:sudo -u bidder )?(?:\S*/bin/)?bidder (.+)$", command)
                if called and "..." not in called[1].split():
                    yield str(page.relative_to(PROJECT)), called[1].strip()


LINES = sorted(set(typed()))


@pytest.mark.parametrize(("page", "line"), LINES, ids=[f"{page}: {line}" for page, line in LINES])
def test_a_documented_command_is_accepted(page: str, line: str) -> None:
    """Names, options and the number of arguments are those of the program."""
    arguments = [word for word in shlex.split(line) if word != "--json"]
    while arguments[0].startswith("--config"):
        arguments = arguments[2:]
    if arguments[0].startswith("--"):
        return
    command: click.Command = cli
    context = click.Context(cli, info_name="bidder")
    while isinstance(command, click.Group) and arguments:
        name = arguments.pop(0)
        found = command.get_command(context, name)
        assert found is not None, f"{page}: no command {name}"
        command, context = found, click.Context(found, parent=context, info_name=name)
    refusal = ""
    try:
        command.make_context(command.name, arguments, parent=context)
    except click.UsageError as error:
        refusal = error.format_message()
    except click.exceptions.Exit:  # A call for help.
        return

    assert not refusal or "does not exist" in refusal, f"{page}: {refusal}"


def test_the_documentation_has_commands_to_check() -> None:
    """The pattern that finds them still finds them."""
    assert len(LINES) > 20


def test_settings_named_in_the_documentation_exist() -> None:
    """A renamed key must not live on in a page."""
    for page in PAGES:
        if "decisions" in page.parts:
            continue
        for key in re.findall(
            r"`(policy\.[a-z_]+\.[a-z_]+|daemon\.[a-z_]+|notify\.[a-z_]+|log\.[a-z_]+)`", page.read_text()
        ):
            assert entry_of(key).words, f"{page}: {key}"
