"""Starts that do not end cleanly are counted across processes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from bidder.daemon.starts import Starts

NOW = datetime(2026, 9, 1, 2, 0, tzinfo=UTC)


def test_only_recent_unclean_starts_count(tmp_path: Path) -> None:
    """Old ones and those that ended cleanly are no crash loop."""
    starts = Starts(tmp_path / "starts")

    assert [1, 2, 3] == [starts.begin(NOW + timedelta(minutes=n)) for n in range(3)]
    starts.end()
    assert 3 == starts.begin(NOW + timedelta(minutes=4))
    assert 1 == starts.begin(NOW + timedelta(minutes=30))


def test_a_damaged_file_counts_as_empty(tmp_path: Path) -> None:
    """Half a file from a full disk must not keep the daemon down."""
    starts = Starts(tmp_path / "starts")
    for text in ("", "{", '"x"', "[1]", '["2026-09-01T02:00:00+00:00"'):
        starts.path.write_text(text)
        assert 1 == starts.begin(NOW)


def test_a_folder_that_cannot_be_written_is_no_reason_not_to_run(tmp_path: Path) -> None:
    """The count is lost, the daemon is not."""
    assert 1 == Starts(tmp_path / "absent" / "starts").begin(NOW)
