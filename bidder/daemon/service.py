"""What systemd is told: ready, alive, stopping, and one line of status. Silent where nobody listens."""

from __future__ import annotations

import os
import socket


def tell(*lines: str) -> None:
    """Send lines such as ``READY=1`` or ``STATUS=…`` to the service manager, if there is one.

    A service manager that has gone away is not worth a failure.
    """
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    text = "\n".join(" ".join(line.splitlines()) for line in lines)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as channel:
        try:
            channel.connect("\0" + address[1:] if address.startswith("@") else address)
            channel.sendall(text.encode())
        except OSError:
            return
