"""Collect the files of a folder that have settled, and offer them. Not thread-safe; never blocks on a timer."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import cache, partial
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import structlog

from framewatch.domain import FileIdentity
from framewatch.errors import Finding, FramewatchError
from framewatch.intake.file_states import FileStates
from framewatch.intake.ignore.downloads import Neighbours
from framewatch.intake.ignore.rules import IgnoreRules
from framewatch.intake.ignore.selection import LeftOut, Selection
from framewatch.intake.ready_check import ReadyState, check_ready
from framewatch.intake.scanner import Scanner, ScanReport
from framewatch.intake.settle_tracker import Snapshot
from framewatch.intake.settling.log_budget import LogBudget
from framewatch.intake.settling.patience import Patience
from framewatch.library.companions import without_video
from framewatch.library.discs import disc_above, disc_kind
from framewatch.library.kinds import Kind, claims_kind, is_other_kind, kinds_of
from framewatch.library.remains import is_sample
from framewatch.settings import FolderSettings
from framewatch.storage.root import Guard, Root

EXAMPLES = 5  # files that are named of those that are waited for
DOWNLOADING = "its download is not finished, as a file beside it shows (.part, .aria2, .ytdl and the like)"
BATCH = 250  # files checked and offered before events are handled again


class Settled(NamedTuple):
    """A settled file: its path below the input, and its identity when it was last seen."""

    relative: Path
    identity: FileIdentity


class LeftAlone(NamedTuple):
    """The answer for a file that is not of the preset's kind, as a job found: it is not offered again."""


Answer = str | LeftAlone | None
"""Why a file is not taken now; None if there is nothing to report."""

OnSettled = Callable[[Sequence[Settled]], Mapping[Path, Answer]]
"""Takes files, and returns the answers for those that it does not take."""

WantedKinds = Callable[[], frozenset[Kind] | None]
"""Gives the kinds of files that the folder's preset is for; None if that is not known."""

_log = structlog.get_logger("framewatch.intake")


class Collector:
    """The known files of one watch folder."""

    def __init__(
        self,
        folder: FolderSettings,
        on_settled: OnSettled,
        *,
        excluded: Collection[Path],
        guard: Guard,
        stopping: Callable[[], bool],
        require: Callable[[], object],
        wanted: WantedKinds = lambda: None,
    ) -> None:
        """Prepare, without accessing the folder.

        Args:
            folder: the settings, with absolute paths.
            on_settled: takes settled files, or returns those that it cannot take now.
            excluded: folders that are never scanned.
            guard: opens the folder, and those that are excluded.
            stopping: whether to stop; asked between files.
            require: raises a FramewatchError while the folder's disk is not mounted.
            wanted: asked at each scan. Files whose names say that they are of another kind are left alone.
        """
        self._folder = folder
        self._ask_wanted = wanted
        self._wanted: frozenset[Kind] | None = None
        self._late: set[str] = set()  # companions without a video at the last scan
        self._reported_late: set[str] = set()
        self._left_out: dict[str, LeftOut] = {}  # files that are left alone for their names or sizes
        self._on_settled = on_settled
        self._stopping = stopping
        self._require = require
        self._rules = rules = IgnoreRules(folder.ignore)
        root = Root(folder.input, guard)
        self._scanner = Scanner(root, recursive=folder.recursive, rules=rules, excluded=excluded)
        self._built_in = IgnoreRules()
        self._selection = Selection(folder)
        self._states = FileStates(folder.settle_seconds)
        self._reported: set[str] = set()
        self._budget = LogBudget()
        self._told: set[str] = set()  # events about what has no effect here
        self._refusals: dict[str, str] = {}  # why files were not taken, as it was logged
        self._busy: set[str] = set()
        self._ready: dict[str, Snapshot] = {}  # settled files to offer
        self._patience = Patience(folder.name, folder.patience)
        self._leases = False

    def use_leases(self, *, leases: bool) -> None:
        """Say whether this kernel knows every writer on the file system, and inode numbers mean something."""
        self._leases = leases
        self._states.use_inodes(by_inode=leases)

    def waiting_finding(self) -> Finding | None:
        """Return what to show of files that wait for long; they are logged as well, each once."""
        now = time.monotonic()
        self._patience.update(self._states.settling, now)
        return self._patience.finding(now)

    def scan(self) -> tuple[ScanReport, set[str]]:
        """Scan the whole folder; files that have settled or were refused before will be offered.

        Returns:
            What the scan left out, and the paths of files that were not known before.

        Raises:
            OSError: the folder itself cannot be read.
        """
        report = ScanReport()
        seen: set[str] = set()
        new: set[str] = set()
        ready = {}
        left_out: dict[str, LeftOut] = {}
        self._wanted = self._ask_wanted()
        for relative, snapshot in self._scanner.walk(report):
            if self._stopping():
                return report, new
            if why := self._why_left_out(relative, snapshot):
                left_out[relative] = why
                continue
            seen.add(relative)
            if not self._states.knows(relative):
                new.add(relative)
            if self._states.observe(relative, snapshot, time.monotonic(), rescan=True):
                ready[relative] = snapshot
        if report.root_error is not None:
            raise OSError(report.root_error)
        self._require()  # if the disk was unmounted meanwhile, files that were not seen are not gone
        self._states.retain(seen, report.may_have_missed)
        self._refusals = {path: why for path, why in self._refusals.items() if self._states.knows(path)}
        self._report_once(report)
        self._report_left_out(left_out)
        self._report_late(without_video(report.companions, seen))
        self._ready |= dict(sorted(ready.items()))
        return report, new

    def check_due(self) -> None:
        """Check the files whose settle time is over; those that have not changed will be offered."""
        due = [] if self._ready else self._states.due(time.monotonic())
        if not due:
            return
        with self._scanner.opened() as top:
            for relative in sorted(due)[:BATCH]:
                seen = self._scanner.look(top, relative)
                if not isinstance(seen, Snapshot):
                    self._states.vanished(relative)
                elif self._observe(relative, seen, time.monotonic()):
                    self._ready[relative] = seen

    def handle_event(self, relative: str) -> None:
        """Handle an event about a path: a file that changed, appeared or vanished, or a subfolder."""
        relative = disc_above(relative) or relative
        if not self._scanner.covers(relative):
            return
        with self._scanner.opened() as top:
            seen = self._scanner.look(top, relative)
        now = time.monotonic()
        self._states.touch(relative, now)
        if isinstance(seen, Snapshot):
            self._observe(relative, seen, now)
        elif seen is None:
            self._left_out.pop(relative, None)
            self._states.vanished(relative)
        elif self._folder.recursive:
            for found in self._scanner.walk(ScanReport(), below=relative):
                self._observe(found.relative, found.snapshot, now)

    def is_open(self, relative: str) -> bool:
        """Return whether a file is or may become a job, or has to stay for another reason.

        Videos that the user excludes stay, and empty ones, which a download may fill. Samples do not, nor what is
        in folders of NAS systems.
        """
        name = relative.rpartition("/")[2]
        if self._rules.is_unfinished(name):
            return True
        relative = disc_above(relative) or relative
        if self._scanner.covers(relative):
            if why := self._left_out.get(relative):
                is_placeholder = why is LeftOut.EMPTY and bool(kinds_of(name) & (self._wanted or set()))
                return is_placeholder or why is LeftOut.SETTINGS
            return not self._is_other_kind(relative) and not self._states.is_left_alone(relative)
        claims = self._wanted is None or claims_kind(name, self._wanted)
        return claims and not is_sample(relative) and not self._built_in.ignores(relative)

    def _observe(self, relative: str, snapshot: Snapshot, now: float) -> bool:
        """Record a snapshot, unless the file is left alone; returns whether to offer the file now."""
        if why := self._why_left_out(relative, snapshot):
            self._left_out[relative] = why
            self._states.vanished(relative)
            return False
        self._left_out.pop(relative, None)
        return self._states.observe(relative, snapshot, now)

    def _why_left_out(self, relative: str, snapshot: Snapshot) -> LeftOut | None:
        if self._is_other_kind(relative):
            return LeftOut.OTHER_KIND
        return self._selection.why_left_out(relative, snapshot.size)

    def _is_other_kind(self, relative: str) -> bool:
        if self._wanted is None:
            return False
        name = relative.rpartition("/")[2]
        return Kind.VIDEO not in self._wanted if disc_kind(name) else is_other_kind(name, self._wanted)

    def forget(self, relative: str) -> None:
        """Treat the file at this path as new; it settles again."""
        self._states.vanished(relative)
        self.handle_event(relative)

    def next_due(self) -> float | None:
        """Return when the next file may be settled; None while no file is settling."""
        if self._ready:
            return time.monotonic()
        return self._states.next_due()

    @property
    def examples(self) -> tuple[str, ...]:
        """Some of the files that are not settled yet, or were refused."""
        return tuple(islice(self._states.waiting(), EXAMPLES))

    @property
    def waiting(self) -> int:
        """The number of files that are not settled yet, or were refused."""
        return self._states.settling_count + self._states.refused_count

    @property
    def refused(self) -> int:
        """The number of files that were offered and refused."""
        return self._states.refused_count

    @property
    def late(self) -> int:
        """The number of subtitles and the like whose video is not there."""
        return len(self._reported_late)

    @property
    def other_kinds(self) -> int:
        """The number of files that are left alone, since they are not of the preset's kind."""
        return self._count(LeftOut.OTHER_KIND) + self._states.left_alone_count

    @property
    def excluded(self) -> int:
        """The number of files that the folder's settings leave out."""
        return self._count(LeftOut.SETTINGS) + self._count(LeftOut.SAMPLE)

    @property
    def empty(self) -> int:
        """The number of empty files, which are left alone."""
        return self._count(LeftOut.EMPTY)

    def _count(self, why: LeftOut) -> int:
        return sum(each is why for each in self._left_out.values())

    @property
    def busy(self) -> int:
        """The number of files that a program had open for writing at the last check."""
        return len(self._busy)

    def offer(self) -> None:
        """Offer a batch of settled files, after a final check of each."""
        self._busy = {relative for relative in self._busy if self._states.knows(relative)}
        if not self._ready:
            return
        offered: dict[str, Snapshot] = {}
        downloading: dict[str, str] = {}
        with self._scanner.opened() as top:
            other_root = cache(partial(self._scanner.other_root, top, self._scanner.roots()))
            neighbours = cache(lambda folder: Neighbours(self._scanner.names(top, folder)))
            for relative in list(islice(self._ready, BATCH)):
                if self._stopping():
                    return
                snapshot = self._ready.pop(relative)
                folder, _, name = relative.rpartition("/")
                if other_root(folder):  # mounted since the last scan, or seen by an event alone
                    self._states.vanished(relative)
                    continue
                if neighbours(folder).sign_of_download(name):
                    self._states.refused(relative, snapshot)
                    downloading[relative] = DOWNLOADING
                    continue
                state = check_ready(top, relative, snapshot, leases=self._leases)
                now = time.monotonic()
                if state is ReadyState.UNFILLED and not self._patience.waits_for(relative, snapshot, now):
                    state = ReadyState.READY  # whatever is in it, its job tells
                (self._busy.add if state is ReadyState.BUSY else self._busy.discard)(relative)
                if state is ReadyState.READY:
                    offered[relative] = snapshot
                else:
                    self._states.touch(relative, now)
        self._report_refusals(downloading)
        if offered:
            self._offer(offered)

    def _offer(self, offered: dict[str, Snapshot]) -> None:
        settled = [Settled(Path(relative), snapshot.identity()) for relative, snapshot in offered.items()]
        try:
            refused: Mapping[Path, Answer] = self._on_settled(settled)
        except (FramewatchError, OSError) as error:
            refused = dict.fromkeys((each.relative for each in settled), str(error))
        whys: dict[str, str] = {}
        for relative, snapshot in offered.items():
            path = Path(relative)
            answer = refused.get(path)
            if isinstance(answer, LeftAlone):
                self._states.left_alone(relative, snapshot)
                continue
            (self._states.refused if path in refused else self._states.taken)(relative, snapshot)
            if path not in refused:
                self._refusals.pop(relative, None)
            elif answer:
                whys[relative] = answer
        self._report_refusals(whys)

    def _report_refusals(self, whys: Mapping[str, str]) -> None:
        """Log why files were not taken, once for each reason: they are offered again and again, perhaps thousands."""
        known = set(self._refusals.values())
        for why in dict.fromkeys(whys.values()):
            paths = [path for path, each in whys.items() if each == why]
            if why not in known:
                fields = {"folder": self._folder.name, "path": min(paths), "files": len(paths)}
                _log.warning("folder.not_taken", **fields, problem=why)
        self._refusals |= whys

    def _report_late(self, late: list[str]) -> None:
        """Log each file that has come after its video was moved, once; a second scan makes sure that it stays."""
        if self._folder.companions != "leave":
            for relative in sorted(set(late) & self._late - self._reported_late):
                if self._budget.takes(time.monotonic()):
                    _log.warning("companion.late", folder=self._folder.name, path=relative)
                self._reported_late.add(relative)
        self._late = set(late)
        self._reported_late &= self._late

    def _report_left_out(self, left_out: dict[str, LeftOut]) -> None:
        """Log that files are left alone: once for each reason, for as long as there are any."""
        before = set(self._left_out.values())
        for why in sorted(set(left_out.values()) - before):
            paths = [path for path, each in left_out.items() if each is why]
            facts = {"reason": why.value, "files": len(paths), "example": min(paths)}
            _log.info("folder.left_alone", folder=self._folder.name, **facts)
        self._left_out = left_out

    def _report_once(self, report: ScanReport) -> None:
        """Log unsupported and unreadable entries, each once while it is there."""
        for event, entries in (
            ("folder.unsupported_entry", report.unsupported),
            ("folder.unreadable", report.unreadable),
        ):
            for relative in sorted(entries.keys() - self._reported):
                if self._budget.takes(time.monotonic()):
                    _log.warning(event, folder=self._folder.name, path=relative, problem=entries[relative])
        self._reported = report.unsupported.keys() | report.unreadable.keys()
        self._report_without_effect("folder.subfolders_not_read", report.not_read)
        self._report_without_effect("folder.presets_not_used", report.presets)

    def _report_without_effect(self, event: str, entries: set[str]) -> None:
        """Log that a user may expect an effect of something that has none, once for as long as there is any."""
        if entries and event not in self._told:
            _log.warning(event, folder=self._folder.name, count=len(entries), example=min(entries))
        (self._told.add if entries else self._told.discard)(event)
