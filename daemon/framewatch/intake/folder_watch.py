"""One watch folder, on a thread of its own."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Collection
from pathlib import Path

import structlog

from framewatch.errors import FramewatchError
from framewatch.intake.collector import Collector, OnSettled
from framewatch.intake.hint_queue import HintQueue
from framewatch.intake.watch_mode import FolderHealth, Mode, choose_mode
from framewatch.settings import FolderSettings

RESCAN_SECONDS = 60.0  # at least so long between two rescans where events tell of changes
TICK_SECONDS = 0.05  # what comes within one tick is attended to together
LOOK_SECONDS = 5.0  # between two looks whether the folder's disk is there, at most
DOUBT_SECONDS = 2.0  # an event that is not here by then will not come
SCAN_RATIO = (
    200.0  # scans take at most half a per cent of a core: 20,000 files are then looked at about once a minute
)
LONGEST_STRETCH = 600.0
STOP_SECONDS = 1.0

_log = structlog.get_logger("framewatch.intake")


class FolderWatch:
    """Hands on each file that settles in a folder, once for each of its versions.

    - Periodic rescans are the truth: every `poll_seconds`, or about once a minute where events come; more seldom
      in a folder with so many files that this would keep a core busy for more than a small share of the time. Events
      only say which paths to look at sooner. When a rescan finds a file that no event told of, they are no
      longer trusted, and the folder is polled.
    - `on_settled` gets the paths below the input and what the last look saw, on the watch's own thread, some
      hundred at most. A file that it takes is not offered again while the same version lies there. One that it
      refuses, or all where it raises a FramewatchError or OSError, are offered again at a rescan `poll_seconds`
      later. A new watch knows nothing of what an earlier one offered.
    - A folder that vanishes, or is replaced as by a mount, is waited for; health tells of it.
    - Links, FIFOs, sockets and devices are never followed or opened.

    Log events: folder.watching, folder.unavailable, folder.odd_entry, folder.unreadable, folder.not_taken.
    """

    def __init__(
        self,
        folder: FolderSettings,
        on_settled: OnSettled,
        *,
        excluded: Collection[Path] = (),
        clock: Callable[[], float] = time.monotonic,
        rescan_seconds: float = RESCAN_SECONDS,
        require: Callable[[], None] = lambda: None,
    ) -> None:
        """Prepare; nothing is looked at before `start`.

        Args:
            folder: with absolute paths.
            on_settled: takes settled files, or says which it cannot take now.
            excluded: further folders that are never walked into; output, done and failed need not be named.
            clock: monotonic seconds.
            rescan_seconds: the least time between rescans where events come.
            require: raises a FramewatchError while the folder's disk is not there. It is then waited for: nothing
                is taken, nothing is forgotten.
        """
        self._require = require
        self.folder = folder
        self._clock = clock
        self._rescan_seconds = max(folder.poll_seconds, rescan_seconds)
        self._inbox = HintQueue()
        self._survey = Collector(
            folder,
            on_settled,
            excluded=(folder.output, folder.done, folder.failed, *excluded),
            clock=clock,
            stopping=lambda: self._inbox.closed,
            require=require,
        )
        self._mode: Mode | None = None
        self._root_key: tuple[int, int] | None = None
        self._next_scan = 0.0
        self._stretch = 0.0  # seconds between scans that the last one was worth
        self._scheduled = False  # whether the next scan is a periodic one, which events should have forestalled
        self._unheard: dict[str, float] = {}  # found by a periodic scan, no event yet; when
        self._thread: threading.Thread | None = None
        self._health_lock = threading.Lock()
        self._health = FolderHealth(folder=folder.name, mode="starting", state="ok")

    # --- from other threads
    # ----------------------------------------------------------------------------------

    def start(self) -> None:
        """Start watching. What lies there already is found at once, and settles like the rest."""
        name = f"intake-{self.folder.name}"
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Ask the thread to end; `stop` waits for it."""
        self._inbox.close()

    def stop(self, seconds: float = STOP_SECONDS) -> bool:
        """End the thread; false where it hangs in a dead file system and is left behind after `seconds`."""
        self.close()
        if self._thread is not None:
            self._thread.join(seconds)
        return self._thread is None or not self._thread.is_alive()

    def rescan(self) -> None:
        """Look at everything now."""
        self._inbox.put_rescan()

    def forget(self, relative: Path) -> None:
        """A job has moved this source away: what lies there from now on is new, even the same file."""
        self._inbox.put_forget(os.fspath(relative))

    def health(self) -> FolderHealth:
        """How the folder is doing."""
        with self._health_lock:
            return self._health

    @property
    def idle(self) -> bool:
        """Whether everything was looked at since the start, and all that is there was taken."""
        health = self.health()
        return health.state == "ok" and health.last_scan is not None and health.waiting == 0

    # --- the thread
    # ------------------------------------------------------------------------------------------

    def _run(self) -> None:
        try:
            while not self._inbox.closed:
                self._turn()
                self._inbox.wait(TICK_SECONDS, self._pause())
        except Exception as error:
            self._tell(state="failed", problem=f"{type(error).__name__}: {error}")
            raise
        finally:
            self._end_mode()

    def _turn(self) -> None:
        try:
            self._attend()
            self._take_hints()
            if self._clock() >= self._next_scan:
                self._scan()
            else:
                self._survey.look_at_due()
                self._survey.offer()
                if self._survey.refused:
                    self._next_scan = min(self._next_scan, self._clock() + self._at_least(self.folder.poll_seconds))
                self._tell(state="ok", problem="")
        except OSError as error:
            self._unavailable(error.strerror or str(error))
        except FramewatchError as error:
            self._unavailable(str(error))

    def _pause(self) -> float:
        """Seconds until there is something to do."""
        due = self._survey.next_due() if self._health.state == "ok" else None
        soonest = min(self._next_scan, self._next_scan if due is None else due) - self._clock()
        return min(soonest, LOOK_SECONDS)

    def _attend(self) -> None:
        """Choose the mode, anew when the folder is another one than before: a share was mounted or unmounted.

        Raises:
            OSError, FramewatchError: the folder is not there.
        """
        self._require()
        status = self.folder.input.stat()
        key = (status.st_dev, status.st_ino)
        if key == self._root_key and self._mode is not None:
            return
        self._end_mode()
        self._root_key = key
        self._begin_mode(choose_mode(self.folder, self._inbox.put))
        self._scan_soon()

    def _begin_mode(self, mode: Mode) -> None:
        self._mode = mode
        self._survey.leases = mode.local
        _log.info("folder.watching", folder=self.folder.name, mode=mode.mode, reason=mode.reason)

    def _end_mode(self) -> None:
        if self._mode is not None and self._mode.source is not None:
            self._mode.source.close()
        self._mode = None
        self._unheard.clear()

    def _scan_soon(self) -> None:
        self._next_scan = self._clock()
        self._scheduled = False

    def _take_hints(self) -> None:
        hints = self._inbox.take()
        for relative in hints.forget:
            self._survey.forget(relative)
        for relative in hints.touched:
            self._unheard.pop(relative, None)
            self._survey.touched(relative)
        if hints.lost:
            self._unheard.clear()
        if hints.rescan:
            self._scan_soon()
        self._doubt_events()

    def _doubt_events(self) -> None:
        """Fall back to polling when a periodic scan found a file that no event told of.

        So a limit of watches that was reached later, or a folder that other machines write to, is noticed.
        """
        heard_by = self._clock() - DOUBT_SECONDS
        if any(found <= heard_by for found in self._unheard.values()) and self._mode is not None:
            local = self._mode.local
            self._end_mode()
            self._begin_mode(Mode("poll", "files came that no event told of", local, None))
            self._next_scan = min(self._next_scan, self._clock() + self.folder.poll_seconds)

    def _scan(self) -> None:
        began, spent = self._clock(), time.thread_time()
        report, news = self._survey.scan()
        self._stretch = min(SCAN_RATIO * (time.thread_time() - spent), LONGEST_STRETCH)
        self._survey.offer()
        if self._inbox.closed:
            return  # it was left off half-way
        now = self._clock()
        by_events = self._mode is not None and self._mode.source is not None
        if by_events and self._scheduled:
            self._unheard |= dict.fromkeys(news, now)
        soon = not by_events or self._survey.refused > 0
        self._next_scan = now + self._at_least(self.folder.poll_seconds if soon else self._rescan_seconds)
        self._scheduled = True
        self._tell(
            state="ok",
            problem="",
            last_scan=time.time(),
            scan_seconds=now - began,
            ignored=report.ignored,
            odd=len(report.odd),
            unreadable=len(report.unreadable),
        )

    def _at_least(self, seconds: float) -> float:
        """The time until the next scan, longer where scans are costly, so that they take a small share of it."""
        return max(seconds, self._stretch)

    def _unavailable(self, why: str) -> None:
        if self._health.state == "ok":
            _log.warning("folder.unavailable", folder=self.folder.name, problem=why)
        self._end_mode()
        self._next_scan = self._clock() + self.folder.poll_seconds
        self._tell(state="unavailable", problem=why)

    def _tell(self, **changes: object) -> None:
        """Renew the health record."""
        mode = {} if self._mode is None else {"mode": self._mode.mode, "reason": self._mode.reason}
        counts = {"waiting": self._survey.waiting, "busy": self._survey.busy}
        with self._health_lock:
            self._health = self._health.evolve(**(mode | counts | changes))
