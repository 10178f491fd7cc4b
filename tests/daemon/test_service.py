"""systemd hears what it needs, and nothing fails where it is absent."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from bidder.daemon import service


def test_lines_reach_the_service_manager(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Line breaks in a status cannot forge a second assignment."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))

        service.tell("READY=1", "STATUS=shop\nSTOPPING=1")

        assert b"READY=1\nSTATUS=shop STOPPING=1" == manager.recv(1000)


def test_nobody_listening_is_fine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The service manager may be absent or gone."""
    service.tell("READY=1")
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "gone"))
    service.tell("READY=1")
