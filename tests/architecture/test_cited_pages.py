"""Pages that the code sends its reader to are there."""

from __future__ import annotations

import re

from tests.architecture.tree import PROJECT

FOLDERS = ("bidder", "adapters", "models", "benchmarks", "tools")
PAGE = re.compile(r"\bdocs/[\w./-]+\.md\b")


def test_every_page_that_the_code_names_exists() -> None:
    """Whoever follows a docstring to a page finds it."""
    files = [path for folder in FOLDERS for path in sorted((PROJECT / folder).rglob("*.py"))]

    named = [(path.relative_to(PROJECT), page) for path in files for page in PAGE.findall(path.read_text("utf-8"))]

    assert named
    assert [] == [f"{path.as_posix()}: {page}" for path, page in named if not (PROJECT / page).is_file()]
