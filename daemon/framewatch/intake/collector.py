"""Looks at a folder's files and hands on those that have settled. For one thread; it never waits."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import structlog

from framewatch.domain import FileIdentity
from framewatch.errors import FramewatchError
from framewatch.intake.file_states import FileStates
from framewatch.intake.ignore_rules import IgnoreRules
from framewatch.intake.ready_check import Verdict, last_look
from framewatch.intake.scanner import Scanner, ScanReport
from framewatch.intake.settle_tracker import Snapshot
from framewatch.settings import FolderSettings

AT_ONCE = 250  # files that are looked at and offered before events are attended to again


class Settled(NamedTuple):
    """A file that has settled, below the input, as the last look saw it."""

    relative: Path
    identity: FileIdentity


OnSettled = Callable[[Sequence[Settled]], Mapping[Path, str]]
"""Takes files; gives those that it does not take now, with the reason, which is empty where there is none to tell."""

_log = structlog.get_logger("framewatch.intake")


class Collector:
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
            on_settled: takes settled files, or says which it cannot take now.
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
        self._roster = FileStates(folder.settle_seconds)
        self._reported: set[str] = set()
        self._busy: set[str] = set()
        self._ready: dict[str, Snapshot] = {}  # to be offered
        self.leases = False  # whether this kernel knows every writer of the folder's file system

    def scan(self) -> tuple[ScanReport, set[str]]:
        """Look at everything; what has settled or was refused before is to be offered.

        Returns:
            What was left out, and the paths of files that were not known before.

        Raises:
            OSError: the folder itself cannot be read.
        """
        report = ScanReport()
        seen: set[str] = set()
        news: set[str] = set()
        ready = {}
        for relative, snapshot in self._scanner.walk(report):
            if self._stopping():
                return report, news
            seen.add(relative)
            if not self._roster.knows(relative):
                news.add(relative)
            if self._roster.look(relative, snapshot, self._clock(), rescan=True):
                ready[relative] = snapshot
        if "" in report.unreadable:
            raise OSError(report.unreadable[""])
        self._require()  # or what was not seen would count as taken away
        self._roster.retain(seen, report.could_not_see)
        self._tell_once(report)
        self._ready |= dict(sorted(ready.items()))
        return report, news

    def look_at_due(self) -> None:
        """Look at files whose time has come; those that have not changed are to be offered."""
        due = [] if self._ready else self._roster.due(self._clock())
        for relative in sorted(due)[:AT_ONCE]:
            seen = self._scanner.look(relative)
            if not isinstance(seen, Snapshot):
                self._roster.vanished(relative)
            elif self._roster.look(relative, seen, self._clock()):
                self._ready[relative] = seen

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
        """What lies at this path from now on is new; what came there before its job ended settles anew."""
        self._roster.vanished(relative)
        self.touched(relative)

    def next_due(self) -> float | None:
        """When there is something to do: the first file may be settled; None while none is settling."""
        if self._ready:
            return self._clock()
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

    def offer(self) -> None:
        """Offer some of the files that are to be offered, after a last look."""
        self._busy = {relative for relative in self._busy if self._roster.knows(relative)}
        offered: dict[str, Snapshot] = {}
        for relative in list(islice(self._ready, AT_ONCE)):
            if self._stopping():
                return
            snapshot = self._ready.pop(relative)
            verdict = last_look(self._folder.input / relative, snapshot, leases=self.leases)
            (self._busy.add if verdict is Verdict.BUSY else self._busy.discard)(relative)
            if verdict is Verdict.READY:
                offered[relative] = snapshot
            else:
                self._roster.touch(relative, self._clock())
        if offered:
            self._hand_on(offered)

    def _hand_on(self, offered: dict[str, Snapshot]) -> None:
        settled = [Settled(Path(relative), snapshot.identity()) for relative, snapshot in offered.items()]
        try:
            refused = self._on_settled(settled)
        except (FramewatchError, OSError) as error:
            refused = dict.fromkeys((each.relative for each in settled), str(error))
        for relative, snapshot in offered.items():
            why = refused.get(Path(relative))
            (self._roster.taken if why is None else self._roster.refused)(relative, snapshot)
            if why:
                _log.warning("folder.not_taken", folder=self._folder.name, path=relative, problem=why)

    def _tell_once(self, report: ScanReport) -> None:
        """Log what is left alone although no rule says so, once for each as long as it lies there."""
        for event, entries in (("folder.odd_entry", report.odd), ("folder.unreadable", report.unreadable)):
            for relative in sorted(entries.keys() - self._reported):
                _log.warning(event, folder=self._folder.name, path=relative, problem=entries[relative])
        self._reported = report.odd.keys() | report.unreadable.keys()
