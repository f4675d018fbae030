"""Watching folders: files are found, settle, and become jobs, each version once.

A `FolderWatch` watches one folder on a thread of its own. File-system events only say where to look; periodic rescans
decide. `Admission` turns settled files into jobs.
"""

from __future__ import annotations

from framewatch.intake.daemon_lock import DaemonLock
from framewatch.intake.folder_checks import check_folders, make_own_folders, make_targets
from framewatch.intake.folder_watch import FolderWatch
from framewatch.intake.watch_mode import FolderHealth

__all__ = ["DaemonLock", "FolderHealth", "FolderWatch", "check_folders", "make_own_folders", "make_targets"]
