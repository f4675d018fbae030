"""How long a run with `--once` waits for files that do not stop changing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import structlog

from framewatch.settings import Settings

DEFAULT_SECONDS = 600.0
_SETTLES = 4  # times of settling that a file gets in any case; an empty one needs three

_log = structlog.get_logger("framewatch.daemon")


@dataclass(slots=True)
class OnceLimit:
    """Measures how long there has been nothing to do but to wait for files."""

    seconds: float
    _since: float | None = None

    def is_over(self, waiting: Mapping[str, tuple[str, ...]], settings: Settings, now: float) -> bool:
        """Return whether to wait no longer, and log for which files.

        Args:
            waiting: some of the files by folder; empty while there is something else to do.
            settings: how long files settle.
            now: seconds on a monotonic clock.
        """
        if not waiting:
            self._since = None
            return False
        self._since = now if self._since is None else self._since
        settle = max(folder.settle_seconds for folder in settings.folders if folder.name in waiting)
        if now - self._since < max(self.seconds, _SETTLES * settle):
            return False
        for folder, paths in waiting.items():
            _log.warning("once.still_changing", folder=folder, paths=list(paths), seconds=round(now - self._since))
        return True
