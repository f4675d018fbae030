"""systemd's notify socket: tells the service manager when the daemon is ready, reloads and stops.

The protocol is that of sd_notify(3): one datagram of KEY=VALUE lines to the socket named in $NOTIFY_SOCKET.
"""

from __future__ import annotations

import os
import socket
import time

_SECONDS = 1.0  # for a manager that takes nothing in: the main loop must not wait for it


def notify(**fields: str | int) -> bool:
    """Send fields such as `READY=1`, `STOPPING=1`, `STATUS="…"`. False if no service manager listens."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address.startswith(("/", "@")):
        return False
    if address.startswith("@"):
        address = "\0" + address[1:]  # an abstract socket address of Linux
    message = "\n".join(f"{key}={value}" for key, value in fields.items())
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            sender.settimeout(_SECONDS)
            sender.sendto(message.encode(), address)
    except OSError:
        return False  # the manager is gone; the daemon works without it
    return True


def notify_reloading() -> None:
    """Tell that a reload begins; `notify(READY=1)` tells that it is over."""
    notify(RELOADING=1, MONOTONIC_USEC=time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000)
