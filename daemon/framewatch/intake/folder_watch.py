"""Watch one folder on a thread of its own."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Literal

import structlog

from framewatch.errors import CancelledError, Finding, FramewatchError, unexpected
from framewatch.intake.collector import Answer, Collector, OnSettled, Settled, WantedKinds
from framewatch.intake.hint_queue import HintQueue
from framewatch.intake.watch_mode import FolderHealth, WatchMode, choose_mode
from framewatch.jobs.publishing.remains import Remains
from framewatch.settings import FolderSettings
from framewatch.storage.os_errors import NO_ANSWER_SECONDS, no_answer, storage_error
from framewatch.storage.root import UNGUARDED, Guard, Root

RESCAN_SECONDS = 60.0  # the shortest time between rescans of a folder whose events work
TICK_SECONDS = 0.05  # hints that arrive within one tick are handled together
CHECK_SECONDS = 5.0  # between checks that the folder's disk is mounted, at most
EVENT_SECONDS = 2.0  # an event that has not arrived by then is missing
# Scans use at most 0.5% of a core: a folder of 20,000 files is then scanned about once a minute.
SCAN_RATIO = 200.0
LONGEST_INTERVAL = 600.0  # seconds that a costly scan may delay the next one
STOP_SECONDS = 1.0
ADMISSION_SECONDS = 60.0  # as NO_ANSWER_SECONDS, while a batch of settled files is queued
RELOG_SECONDS = 60.0  # between two log lines about a problem that only its wording distinguishes

_log = structlog.get_logger("framewatch.intake")


class FolderWatch:
    """Offers each file that settles in a folder, once for each of its versions.

    - Periodic rescans decide: every `poll_seconds`, or about once a minute if events work; less often in a folder
      with so many files that scans would use more than a small share of a core. Events only say which paths to look
      at sooner. If a rescan finds a file without an event, events are no longer trusted, and the folder is polled.
    - `on_settled` is called on the watch's thread with up to a few hundred files. A file that it takes is not offered
      again while the same version is there. Files that it refuses, or all if it raises a FramewatchError or OSError,
      are offered again at a rescan `poll_seconds` later. A new watch does not know what an earlier one offered.
    - A folder that vanishes or is replaced, for example by a mount, is waited for; `health` shows it.
    - Links, FIFOs, sockets and devices are never followed or opened.

    - Nothing ends the thread but `stop`: what nobody expected is shown as a problem of this folder, and tried again.

    Log events: folder.watching, folder.unavailable, folder.watch_failed, folder.unsupported_entry, folder.unreadable,
    folder.subfolders_not_read, folder.presets_not_used,
    folder.not_taken, folder.left_alone, folder.not_cleared.
    """

    def __init__(
        self,
        folder: FolderSettings,
        on_settled: OnSettled,
        *,
        excluded: Collection[Path] = (),
        rescan_seconds: float = RESCAN_SECONDS,
        require: Callable[[], Finding | None] = lambda: None,
        guard: Guard = UNGUARDED,
        wanted: WantedKinds = lambda: None,
        remains: Remains | None = None,
    ) -> None:
        """Prepare to watch; `start` begins.

        Args:
            folder: the settings, with absolute paths.
            on_settled: takes settled files, or returns those that it cannot take now.
            excluded: folders that are never scanned, in addition to output, done and failed.
            rescan_seconds: the shortest time between rescans if events work.
            require: raises a FramewatchError while the folder cannot be used, for example because its disk is not
                mounted. The watch then waits: it offers no file and forgets none. May return a problem that
                `health` shows while the watch continues.
            guard: opens the folder, and those that are excluded.
            wanted: gives the kinds of files that the folder's preset is for; others are left alone.
            remains: moves what is left of a subfolder when its last file was processed.
        """
        self._require = require
        self._on_settled = on_settled
        self.folder = folder
        self._root = Root(folder.input, guard)
        self._rescan_seconds = max(folder.poll_seconds, rescan_seconds)
        self._hints = HintQueue()
        self._new_collector = partial(
            Collector,
            folder,
            self._offer,
            excluded=(*folder.targets.values(), *excluded),
            guard=guard,
            stopping=self._stopping,
            require=require,
            wanted=wanted,
        )
        self._collector = self._new_collector()
        self._mode: WatchMode | None = None
        self._root_key: tuple[int, int] | None = None
        self._next_scan = 0.0
        self._scan_interval = 0.0  # seconds until the next scan that the cost of the last one demands
        self._periodic = False  # whether the next scan is a periodic one: events should have reported what it finds
        self._without_event: dict[str, float] = {}  # when a periodic scan found a file that no event has reported yet
        self._thread: threading.Thread | None = None
        self._health_lock = threading.Lock()
        self._health = FolderHealth(folder=folder.name, mode="starting", state="ok")
        self._answer_due: float | None = None  # when the thread is back, if the share answers; None: it waits
        self._note: Finding | None = None  # a problem in spite of which the watch continues
        self._logged = ("", "")  # code and message of the problem that was logged last
        self._logged_at = float("-inf")
        self._remains = remains
        self._ended: set[str] = set()  # files whose jobs have ended, and whose folders were not looked at since
        self._handled: set[str] = set()  # those of them that are being looked at
        self._clear_at: float | None = None  # when to look for finished folders; None: there is no reason to
        self._not_cleared = ""  # code of the problem that kept a folder from being cleared, as it was logged

    # --- called from other threads

    def start(self) -> None:
        """Start watching. Files that are already there settle like new ones."""
        name = f"intake-{self.folder.name}"
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Ask the thread to end, without waiting."""
        self._hints.close()

    def stop(self, seconds: float = STOP_SECONDS) -> bool:
        """End the thread. Returns false if it is still blocked in a dead file system after `seconds`."""
        self.close()
        if self._thread is not None:
            self._thread.join(seconds)
        return self._thread is None or not self._thread.is_alive()

    def rescan(self) -> None:
        """Scan the whole folder now."""
        self._hints.put_rescan()

    def forget(self, relative: Path) -> None:
        """Treat whatever is at this path from now on as new: a job has moved its source away."""
        with self._health_lock:
            self._ended.add(os.fspath(relative))
        self._hints.put_forget(os.fspath(relative))

    def health(self) -> FolderHealth:
        """Return the state of the folder, also while the watch's thread is blocked in a dead file system."""
        with self._health_lock:
            health, due = self._health, self._answer_due
        if due is None or time.monotonic() < due:
            return health
        return health.evolve(state="unavailable", **_shown(no_answer(self.folder.input)))

    @property
    def idle(self) -> bool:
        """Whether the folder was scanned since the start, every file was taken, and finished folders are cleared."""
        with self._health_lock:
            cleared = not self._ended and self._clear_at is None
        health = self.health()  # not before: it counts what follows from the end of jobs
        return cleared and health.state == "ok" and health.last_scan is not None and health.waiting == 0

    # --- the watch's own thread

    def _run(self) -> None:
        while not self._hints.closed:
            pause = float(self.folder.poll_seconds)
            try:
                self._answers_within(NO_ANSWER_SECONDS)
                self._run_once()
                pause = self._pause()
            except Exception as error:  # noqa: BLE001 - handling a problem failed, too: it is tried again
                self._log_problem(unexpected(error), "folder.watch_failed")
                self._update_health(state="failed", **_shown(unexpected(error)))
            finally:
                self._answers_within(None)
            self._hints.wait(TICK_SECONDS, pause)
        with suppress(Exception):
            self._end_mode()

    def _answers_within(self, seconds: float | None) -> None:
        """Show the folder as not answering, unless the thread comes back to this in time; None: it only waits."""
        with self._health_lock:
            self._answer_due = None if seconds is None else time.monotonic() + seconds

    def _stopping(self) -> bool:
        """Return whether to stop. Asked again and again, so the share answers: long scans are no dead shares."""
        self._answers_within(NO_ANSWER_SECONDS)
        return self._hints.closed

    def _offer(self, settled: Sequence[Settled]) -> Mapping[Path, Answer]:
        """Hand on settled files; hundreds of progress files may be written meanwhile."""
        self._answers_within(ADMISSION_SECONDS)
        refused = self._on_settled(settled)
        self._answers_within(NO_ANSWER_SECONDS)
        return refused

    def _run_once(self) -> None:
        self._handled = set()
        try:
            self._look()
        except FramewatchError as error:
            self._unavailable(error.findings)
        except OSError as error:
            self._unavailable(storage_error(error, self.folder.input).findings)
        except Exception as error:  # noqa: BLE001 - whatever is in this folder, it must not end its watch
            self._collector = self._new_collector()
            self._unavailable((unexpected(error),), state="failed")
        finally:
            with self._health_lock:  # not before `health` counts what follows from them
                self._ended -= self._handled

    def _look(self) -> None:
        self._check_folder()
        self._handle_hints()
        if time.monotonic() >= self._next_scan:
            self._scan()
        else:
            self._collector.check_due()
            self._offer_settled()
            if self._collector.refused:
                self._next_scan = min(self._next_scan, time.monotonic() + self._scan_delay(self.folder.poll_seconds))
            self._update_health(state="ok", **_shown(self._notice()))
        self._clear_folders()

    def _pause(self) -> float:
        """Return the seconds until there is something to do."""
        due = self._collector.next_due() if self._health.state == "ok" else None
        times = (self._next_scan, due, self._clear_at)
        soonest = min(each for each in times if each is not None) - time.monotonic()
        return min(soonest, CHECK_SECONDS)

    def _check_folder(self) -> None:
        """Choose how to watch, and choose again when the folder is replaced: a share was mounted or unmounted.

        Raises:
            FramewatchError: the folder is not available.
        """
        self._note = self._require()
        with self._root.opened() as folder:
            status = os.fstat(folder)
        key = (status.st_dev, status.st_ino)
        if key == self._root_key and self._mode is not None:
            return
        self._end_mode()
        self._root_key = key
        self._begin_mode(choose_mode(self.folder, self._root, self._hints.put))
        self._scan_soon()

    def _begin_mode(self, mode: WatchMode) -> None:
        self._mode = mode
        self._collector.use_leases(leases=mode.local)
        _log.info("folder.watching", folder=self.folder.name, mode=mode.mode, reason=mode.reason)

    def _end_mode(self) -> None:
        source = None if self._mode is None else self._mode.source
        self._mode = None
        self._without_event.clear()
        if source is not None:
            source.close()

    def _scan_soon(self) -> None:
        self._next_scan = time.monotonic()
        self._periodic = False

    def _handle_hints(self) -> None:
        hints = self._hints.take()
        for relative in hints.forget:
            self._collector.forget(relative)
            if self._remains is not None:
                self._remains.expect(Path(relative))
        if hints.forget:
            self._clear_soon()
        self._handled = hints.forget
        for relative in hints.touched:
            self._without_event.pop(relative, None)
            self._collector.handle_event(relative)
        if hints.lost:
            self._without_event.clear()
        if hints.rescan:
            self._scan_soon()
        self._check_events()

    def _check_events(self) -> None:
        """Fall back to polling if a periodic scan found a file that no event reported.

        This detects a limit of watches that is reached later, and folders that other machines write to.
        """
        deadline = time.monotonic() - EVENT_SECONDS
        if any(found <= deadline for found in self._without_event.values()) and self._mode is not None:
            local = self._mode.local
            self._end_mode()
            self._begin_mode(WatchMode("poll", "files appeared without events", local, None))
            self._next_scan = min(self._next_scan, time.monotonic() + self.folder.poll_seconds)

    def _scan(self) -> None:
        began, spent = time.monotonic(), time.thread_time()
        report, new = self._collector.scan()
        self._scan_interval = min(SCAN_RATIO * (time.thread_time() - spent), LONGEST_INTERVAL)
        self._offer_settled()
        if self._hints.closed:
            return  # the scan was stopped half-way
        self._expect_remains()
        now = time.monotonic()
        by_events = self._mode is not None and self._mode.source is not None
        if by_events and self._periodic:
            self._without_event |= dict.fromkeys(new, now)
        soon = not by_events or self._collector.refused > 0
        self._next_scan = now + self._scan_delay(self.folder.poll_seconds if soon else self._rescan_seconds)
        self._periodic = True
        self._update_health(
            state="ok",
            **_shown(self._notice()),
            last_scan=time.time(),
            scan_seconds=now - began,
            ignored=report.ignored,
            odd=len(report.unsupported),
            unreadable=len(report.unreadable),
            not_read=len(report.not_read),
            unused_presets=len(report.presets),
        )

    def _offer_settled(self) -> None:
        before = self._collector.other_kinds
        self._collector.offer()
        if self._collector.other_kinds != before:
            self._clear_soon()  # a file that is left alone no longer keeps its folder open

    # --- finished folders

    def _clear_soon(self) -> None:
        if self._remains is not None and self._remains.pending and self._clear_at is None:
            self._clear_at = time.monotonic()

    def _expect_remains(self) -> None:
        """After the first scan, look at all folders: an earlier daemon may have been stopped before it did."""
        if self._remains is not None and self._health.last_scan is None:
            with self._reported():
                self._remains.expect_all()
        self._clear_soon()

    def _clear_folders(self) -> None:
        if self._remains is None or self._clear_at is None or time.monotonic() < self._clear_at:
            return
        with self._reported():
            self._remains.clear(self._collector.is_open, self._stopping)
        self._clear_at = time.monotonic() + self.folder.settle_seconds if self._remains.changing else None

    @contextmanager
    def _reported(self) -> Iterator[None]:
        """Log why folders cannot be cleared, once for each reason. It must not stop the watch."""
        try:
            yield
            self._not_cleared = ""
        except (FramewatchError, OSError) as error:
            finding = error.finding if isinstance(error, FramewatchError) else storage_error(error, Path()).finding
            if finding.code not in (self._not_cleared, CancelledError.code):
                self._not_cleared = finding.code
                facts = {"problem": str(finding), "code": finding.code}
                _log.warning("folder.not_cleared", folder=self.folder.name, **facts)

    def _notice(self) -> Finding | None:
        """Return what to show of a folder that is watched: a problem, or files that wait for long."""
        waiting = self._collector.waiting_finding()
        return self._note or waiting

    def _scan_delay(self, seconds: float) -> float:
        """Return the time until the next scan: at least `seconds`, longer where scans are costly."""
        return max(seconds, self._scan_interval)

    def _unavailable(self, why: Sequence[Finding], state: Literal["unavailable", "failed"] = "unavailable") -> None:
        """Wait, and show and log why; after `poll_seconds`, try again."""
        finding = why[0] if len(why) == 1 else replace(why[0], message=f"{why[0].message}, and {len(why) - 1} more")
        self._log_problem(finding, "folder.watch_failed" if state == "failed" else "folder.unavailable")
        self._next_scan = time.monotonic() + self.folder.poll_seconds
        self._update_health(state=state, **_shown(finding))
        self._end_mode()

    def _log_problem(self, finding: Finding, event: str) -> None:
        """Log a problem once: it is met again and again, and a stranger may word it differently each time."""
        problem = (finding.code, finding.message)
        is_new = self._health.state == "ok" or problem[0] != self._logged[0]
        if is_new or (problem != self._logged and time.monotonic() >= self._logged_at + RELOG_SECONDS):
            self._logged, self._logged_at = problem, time.monotonic()
            fields = {"folder": self.folder.name, "problem": str(finding), "code": finding.code}
            _log.log(logging.ERROR if event == "folder.watch_failed" else logging.WARNING, event, **fields)

    def _update_health(self, **changes: object) -> None:
        """Replace the health record."""
        mode = {} if self._mode is None else {"mode": self._mode.mode, "reason": self._mode.reason}
        counts = {"waiting": self._collector.waiting, "busy": self._collector.busy}
        counts |= {"other_kinds": self._collector.other_kinds, "excluded": self._collector.excluded}
        counts |= {"empty": self._collector.empty, "late_companions": self._collector.late}
        examples = {"examples": self._collector.examples}
        with self._health_lock:
            self._health = self._health.evolve(**(mode | counts | examples | changes))


def _shown(finding: Finding | None) -> dict[str, str]:
    """Return what `FolderHealth` shows of a problem."""
    if finding is None:
        return {"problem": "", "code": "", "hint": ""}
    return {"problem": str(finding), "code": finding.code, "hint": finding.hint}
