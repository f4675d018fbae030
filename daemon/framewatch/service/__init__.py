"""The composition root: the daemon and its parts, signals, and requests of commands."""

from __future__ import annotations

from framewatch.service.daemon import Daemon

__all__ = ["Daemon"]
