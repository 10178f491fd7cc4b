"""Generated files are compared with what the program says today."""

from __future__ import annotations

from pathlib import Path

import pytest

from bidder.core.reasons import Code
from tools import generated, reference


def test_a_missing_file_is_stale(tmp_path: Path) -> None:
    """A page nobody committed is not up to date."""
    assert ["page.md"] == generated.stale({"page.md": "text\n"}, root=tmp_path)


def test_an_edited_file_is_stale_and_the_difference_names_the_line(tmp_path: Path) -> None:
    """A person's edit of a generated page is noticed and shown."""
    (tmp_path / "page.md").write_text("edited\n", encoding="utf-8")

    assert ["page.md"] == generated.stale({"page.md": "text\n"}, root=tmp_path)
    assert "-edited\n+text\n" in generated.difference("page.md", "text\n", root=tmp_path)


def test_writing_makes_everything_up_to_date(tmp_path: Path) -> None:
    """After writing, the check is satisfied, and a second write changes nothing."""
    files = {"deep/page.md": "text\n"}

    assert ["deep/page.md"] == generated.write(files, root=tmp_path)
    assert [] == generated.stale(files, root=tmp_path)
    assert [] == generated.write(files, root=tmp_path)


@pytest.mark.parametrize("code", list(Code), ids=lambda code: code.name)
def test_every_reason_code_is_on_its_page(code: Code) -> None:
    """Whoever reads a code in a log can look it up."""
    assert f"| `{code.name}` | " in reference.reasons_page()


@pytest.mark.parametrize("path", list(generated.GENERATORS))
def test_generating_twice_gives_the_same_text(path: str) -> None:
    """A page depends on the program, not on hash seeds or the width of a terminal."""
    make = generated.GENERATORS[path]

    text = make()

    assert text == make()
    assert text.endswith("\n")
