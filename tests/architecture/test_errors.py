"""Faults are caught where they can be answered: no broad except, no handler that hides a narrower one."""

from __future__ import annotations

import ast
import builtins

import pytest
import requests

from tests.architecture.tree import sources

BROAD = {"Exception", "BaseException"}

MAY_CATCH_ALL = {
    "bidder/daemon/attendant.py": "an account whose cycle breaks in a way nobody foresaw is throttled, alone",
    "bidder/registry.py": "importing a stranger's adapter may raise anything; it is listed as broken with its reason",
}
"""Where everything may be caught, once each, and why; nobody else guesses."""

KNOWN: dict[str, type[BaseException]] = {
    name: value
    for space in (vars(builtins), vars(requests.exceptions))
    for name, value in space.items()
    if isinstance(value, type) and issubclass(value, BaseException)
} | {"RequestException": requests.RequestException}


def caught(handler: ast.ExceptHandler) -> list[str]:
    """Return the last part of each class name that a handler catches; "BaseException" for a bare one."""
    if handler.type is None:
        return ["BaseException"]
    types = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    return [ast.unparse(node).rpartition(".")[2] for node in types]


def hidden_handlers(module: ast.Module) -> list[str]:
    """Return handlers that can never run, because one before them catches a base class of theirs."""
    found = []
    for node in ast.walk(module):
        if not isinstance(node, ast.Try):
            continue
        before: list[type[BaseException]] = []
        for handler in node.handlers:
            classes = [KNOWN[name] for name in caught(handler) if name in KNOWN]
            found += [
                f"line {handler.lineno}: {late.__name__} after {early.__name__}"
                for late in classes
                for early in before
                if issubclass(late, early)
            ]
            before += classes
    return found


def test_no_handler_hides_a_narrower_one_behind_it() -> None:
    """A timeout is an OSError: caught as one, a write of unknown outcome would be booked as failed."""
    offenders = [
        f"{path} {fault}" for path, module in sources("bidder", "adapters") for fault in hidden_handlers(module)
    ]

    assert [] == offenders


@pytest.mark.parametrize(
    "code",
    [
        "try:\n    send()\nexcept OSError:\n    a()\nexcept TimeoutError:\n    b()",
        "try:\n    send()\nexcept (ValueError, OSError):\n    a()\nexcept requests.Timeout:\n    b()",
        "try:\n    send()\nexcept IOError:\n    a()\nexcept requests.exceptions.ConnectionError:\n    b()",
    ],
)
def test_the_reading_of_handlers_notices_a_hidden_one(code: str) -> None:
    """The check above can fail."""
    assert hidden_handlers(ast.parse(code))


def broad_handlers(path: str, module: ast.Module) -> list[str]:
    """Return the places of a module that catch everything."""
    return [
        f"{path}:{node.lineno}"
        for node in ast.walk(module)
        if isinstance(node, ast.ExceptHandler) and BROAD & set(caught(node))
    ]


def test_everything_is_caught_in_two_places_only() -> None:
    """A bug must not be taken for a fault of the marketplace."""
    found = {path: broad_handlers(path, module) for path, module in sources("bidder", "adapters", "models")}

    assert {} == {path: places for path, places in found.items() if places and path not in MAY_CATCH_ALL}
    assert {} == {path: places for path, places in found.items() if len(places) > 1}
