"""Secrets come from places that only we can read, and from nowhere else."""

from __future__ import annotations

from pathlib import Path

import pytest

from bidder.errors import ConfigError
from bidder.settings import SecretPlaces


def read(folder: Path, *references: str, **environment: str) -> str:
    """Read a secret and reveal it."""
    places = SecretPlaces(folder=folder, environment=environment)
    return places.read(references, key="accounts.main.secrets.token", source="bidder.toml").reveal()


def test_places_are_tried_in_order(tmp_path: Path) -> None:
    """As a service the credential is there; in a shell the file is."""
    (tmp_path / "token").write_text("from credential\n")
    private = tmp_path / "own"
    private.write_text("from file\n")
    private.chmod(0o600)
    references = ("credential:token", "file:own", "env:TOKEN")

    assert "from credential" == read(tmp_path, *references, CREDENTIALS_DIRECTORY=str(tmp_path))
    assert "from file" == read(tmp_path, *references, TOKEN="from environment")
    private.unlink()
    assert "from environment" == read(tmp_path, *references, TOKEN="from environment")


@pytest.mark.parametrize(
    ("mode", "fit"), [(0o600, True), (0o400, True), (0o640, False), (0o604, False), (0o666, False)]
)
def test_a_file_that_others_can_read_is_refused(tmp_path: Path, mode: int, *, fit: bool) -> None:
    """The remedy is in the message; the secret is not."""
    path = tmp_path / "token"
    path.write_text("canary")
    path.chmod(mode)

    if fit:
        assert "canary" == read(tmp_path, "file:token")
    else:
        with pytest.raises(ConfigError, match="chmod 600") as caught:
            read(tmp_path, "file:token")
        assert "canary" not in str(caught.value)


def test_links_folders_empty_and_absent_files_are_refused(tmp_path: Path) -> None:
    """Each with its own reason."""
    (tmp_path / "real").write_text("x")
    (tmp_path / "real").chmod(0o600)
    (tmp_path / "link").symlink_to("real")
    (tmp_path / "empty").touch(mode=0o600)
    for name, words in [("link", "link"), ("empty", "empty"), (".", "regular"), ("absent", "opened")]:
        with pytest.raises(ConfigError, match=words):
            read(tmp_path, f"file:{name}")
    with pytest.raises(ConfigError, match="not set"):
        read(tmp_path, "env:ABSENT")
