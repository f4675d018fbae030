"""The composition root: the daemon, put together of its parts, and what commands may ask of it."""

from __future__ import annotations

from framewatch.service.daemon import Daemon

__all__ = ["Daemon"]
