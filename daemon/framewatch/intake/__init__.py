"""Intake: files lying in a watch folder become known, settle, and are handed on, each version once.

A `FolderWatch` looks after one folder on a thread of its own. Events only say where to look; a periodic
rescan is the truth. What it hands on becomes a job elsewhere: nothing in here knows of jobs.
"""

from __future__ import annotations

from framewatch.intake.daemon_lock import DaemonLock
from framewatch.intake.folder_checks import check_folders, make_own_folders, make_targets
from framewatch.intake.folder_watch import FolderWatch
from framewatch.intake.watch_mode import FolderHealth

__all__ = ["DaemonLock", "FolderHealth", "FolderWatch", "check_folders", "make_own_folders", "make_targets"]
