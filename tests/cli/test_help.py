"""Every command explains itself, with an example that the command line itself accepts."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator

import click
import pytest

from bidder.cli.main import COMMANDS, cli
from tests.cli.calls import Shell


def commands(group: click.Group, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Yield every command below a group with its words."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        if isinstance(command, click.Group):
            yield from commands(command, (*path, name))
        else:
            yield (*path, name), command


EVERY = list(commands(cli))
NAMES = [" ".join(path) for path, _ in EVERY]


@pytest.mark.parametrize(("path", "command"), EVERY, ids=NAMES)
def test_every_command_has_words_and_an_example(path: tuple[str, ...], command: click.Command) -> None:
    """The first line says what it does; the example is one line to copy."""
    words = " ".join((command.help or "").split())

    assert words, path
    assert re.search(rf"Example: bidder (--config \S+ )?{' '.join(path)}\b", words), words
    for option in command.params:
        if isinstance(option, click.Option):
            assert option.help, f"{path} {option.opts}"


@pytest.mark.parametrize(("path", "command"), EVERY, ids=NAMES)
def test_every_example_is_a_valid_call(path: tuple[str, ...], command: click.Command) -> None:
    """An example that the parser refuses would be worse than none."""
    words = " ".join((command.help or "").split())
    example = words.partition("Example: bidder ")[2]
    arguments = shlex.split(example.partition(" > ")[0])
    if arguments[0] == "--config":
        arguments = arguments[2:]
    assert list(path) == arguments[: len(path)]

    taken = arguments[len(path) :]
    existing = {param.name for param in command.params if isinstance(param.type, click.Path) and param.type.exists}
    if not existing:
        command.make_context(path[-1], taken)


@pytest.mark.parametrize("path", [path for path, _ in EVERY], ids=NAMES)
def test_every_command_answers_help(shell: Shell, path: tuple[str, ...]) -> None:
    """On standard output, with exit code 0, without a configuration."""
    done = shell(*path, "--help")

    assert (0, "") == (done.code, done.err)
    assert f"Usage: bidder {' '.join(path)}" in done.out


def test_the_list_names_every_command_with_its_line(shell: Shell) -> None:
    """The list is written by hand so that help imports nothing; it must not lie."""
    done = shell("--help")

    for name, (_, line) in COMMANDS.items():
        assert name in done.out
        assert line.endswith(".")
    assert {path[0] for path, _ in EVERY} == set(COMMANDS)


def test_a_misspelt_command_names_the_nearest(shell: Shell) -> None:
    """And exits as a usage error."""
    done = shell("statu")

    assert 2 == done.code
    assert "did you mean 'status'?" in done.err


def test_no_command_at_all_shows_help_and_is_no_error(shell: Shell) -> None:
    """A newcomer types the bare name first."""
    done = shell()

    assert 0 == done.code
    assert "bidder demo" in done.out + done.err


@pytest.mark.parametrize("name", ["bash", "zsh", "fish"])
def test_completion_is_printed_for_each_shell(shell: Shell, name: str) -> None:
    """The script speaks of this program."""
    done = shell("completion", name)

    assert 0 == done.code
    assert "_BIDDER_COMPLETE" in done.out
