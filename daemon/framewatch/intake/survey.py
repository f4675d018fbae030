"""Looks at a folder's files and hands on those that have settled. For one thread; it never waits."""

from __future__ import annotations

from collections.abc import Callable, Collection
from pathlib import Path

import structlog

from framewatch.domain import FileIdentity
from framewatch.errors import FramewatchError
from framewatch.intake.ignore import IgnoreRules
from framewatch.intake.lastlook import Verdict, last_look
from framewatch.intake.roster import Roster
from framewatch.intake.scanner import Scanner, ScanReport
from framewatch.intake.settle import Snapshot
from framewatch.settings import FolderSettings

OnSettled = Callable[[Path, FileIdentity], bool]
_log = structlog.get_logger("framewatch.intake")


class Survey:
    """What is known of the files in one watch folder."""

    def __init__(
        self,
        folder: FolderSettings,
        on_settled: OnSettled,
        *,
        excluded: Collection[Path],
        clock: Callable[[], float],
        stopping: Callable[[], bool],
        require: Callable[[], None],
    ) -> None:
        """Prepare; nothing is looked at yet.

        Args:
            folder: with absolute paths.
            on_settled: takes a settled file, or says that it cannot now.
            excluded: folders that are never walked into.
            clock: monotonic seconds.
            stopping: whether to leave off; asked between files.
            require: raises a FramewatchError while the folder's disk is not there.
        """
        self._folder = folder
        self._on_settled = on_settled
        self._clock = clock
        self._stopping = stopping
        self._require = require
        self._scanner = Scanner(
            folder.input, recursive=folder.recursive, rules=IgnoreRules(folder.ignore), excluded=excluded
        )
        self._roster = Roster(folder.settle_seconds)
        self._reported: set[str] = set()
        self._busy: set[str] = set()
        self.leases = False  # whether this kernel knows every writer of the folder's file system

    def scan(self) -> tuple[ScanReport, set[str]]:
        """Look at everything, and offer what has settled or was refused before.

        Returns:
            What was left out, and the paths of files that were not known before.

        Raises:
            OSError: the folder itself cannot be read.
        """
        report = ScanReport()
        seen: set[str] = set()
        news: set[str] = set()
        ready = []
        for relative, snapshot in self._scanner.walk(report):
            if self._stopping():
                return report, news
            seen.add(relative)
            if not self._roster.knows(relative):
                news.add(relative)
            if self._roster.look(relative, snapshot, self._clock(), rescan=True):
                ready.append((relative, snapshot))
        if "" in report.unreadable:
            raise OSError(report.unreadable[""])
        self._require()  # or what was not seen would count as taken away
        self._roster.retain(seen, report.could_not_see)
        self._tell_once(report)
        self._offer(ready)
        return report, news

    def look_at_due(self) -> None:
        """Look at the files whose time has come, and offer those that have not changed."""
        ready = []
        for relative in self._roster.due(self._clock()):
            seen = self._scanner.look(relative)
            if not isinstance(seen, Snapshot):
                self._roster.vanished(relative)
            elif self._roster.look(relative, seen, self._clock()):
                ready.append((relative, seen))
        self._offer(ready)

    def touched(self, relative: str) -> None:
        """An event told of a path: a file that settles anew, a subfolder with files, or one less."""
        if not self._scanner.covers(relative):
            return
        seen = self._scanner.look(relative)
        now = self._clock()
        self._roster.touch(relative, now)
        if isinstance(seen, Snapshot):
            self._roster.look(relative, seen, now)
        elif seen is None:
            self._roster.vanished(relative)
        elif self._folder.recursive:
            for found in self._scanner.walk(ScanReport(), below=relative):
                self._roster.look(found.relative, found.snapshot, now)

    def forget(self, relative: str) -> None:
        """What lies at this path from now on is new."""
        self._roster.vanished(relative)

    def next_due(self) -> float | None:
        """When the first file may be settled; None while none is settling."""
        return self._roster.next_due()

    @property
    def waiting(self) -> int:
        """Files that are not settled yet, or were not taken."""
        return self._roster.settling_count + self._roster.refused_count

    @property
    def refused(self) -> int:
        """Files that were offered and not taken."""
        return self._roster.refused_count

    @property
    def busy(self) -> int:
        """Files that a program had open for writing when last asked."""
        return len(self._busy)

    def _offer(self, ready: list[tuple[str, Snapshot]]) -> None:
        self._busy = {relative for relative in self._busy if self._roster.knows(relative)}
        for relative, snapshot in sorted(ready):
            if self._stopping():
                return
            verdict = last_look(self._folder.input / relative, snapshot, leases=self.leases)
            (self._busy.add if verdict is Verdict.BUSY else self._busy.discard)(relative)
            if verdict is not Verdict.READY:
                self._roster.touch(relative, self._clock())
            elif self._is_taken(relative, snapshot):
                self._roster.taken(relative, snapshot)
            else:
                self._roster.refused(relative, snapshot)

    def _is_taken(self, relative: str, snapshot: Snapshot) -> bool:
        try:
            return self._on_settled(Path(relative), snapshot.identity())
        except (FramewatchError, OSError) as error:
            _log.warning("folder.not_taken", folder=self._folder.name, path=relative, problem=str(error))
            return False

    def _tell_once(self, report: ScanReport) -> None:
        """Log what is left alone although no rule says so, once for each as long as it lies there."""
        for event, entries in (("folder.odd_entry", report.odd), ("folder.unreadable", report.unreadable)):
            for relative in sorted(entries.keys() - self._reported):
                _log.warning(event, folder=self._folder.name, path=relative, problem=entries[relative])
        self._reported = report.odd.keys() | report.unreadable.keys()
