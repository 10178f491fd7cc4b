"""Functions stay readable: none is longer than sixty lines."""

from __future__ import annotations

import ast

from tests.architecture.tree import sources

LONGEST = 60


def test_no_function_is_longer_than_sixty_lines() -> None:
    """A longer one has a part that wants a name."""
    offenders = [
        f"{path}:{node.lineno} {node.name} has {length} lines"
        for path, module in sources("bidder", "adapters", "models", "benchmarks", "tools")
        for node in ast.walk(module)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        if (length := (node.end_lineno or node.lineno) - node.lineno + 1) > LONGEST
    ]

    assert [] == offenders
