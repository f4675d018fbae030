"""One watch folder on its thread: real files, real events, real links."""

from __future__ import annotations

import os
import shutil
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from framewatch.domain import FileIdentity
from framewatch.errors import StorageError
from framewatch.intake import FolderHealth, FolderWatch, collector, scanner
from framewatch.intake import folder_watch as watch_module
from framewatch.intake.collector import Settled
from framewatch.intake.fs_events import EventSource
from framewatch.intake.hint_queue import MAX_HINTS, HintQueue
from framewatch.intake.ready_check import ReadyState
from framewatch.jobs.store.recovery import was_rebuilt
from framewatch.jobs.store.store import Store
from framewatch.settings import FolderSettings
from framewatch.storage.mounts import Mounts
from mounts import folder_places, move_mount, tmpfs
from waiting import eventually

SETTLE = 0.2
MODES = ("events", "poll")


class JobManager:
    """A watch folder, and all that was handed on from it."""

    def __init__(self, root: Path) -> None:
        self.input = root / "in"
        self.input.mkdir(parents=True)
        self.offers: list[tuple[str, FileIdentity, float]] = []
        self.answer: Callable[[str], bool] = lambda _: True
        self.require: Callable[[], None] = lambda: None
        self.watch: FolderWatch

    def start(self, *, rescan_seconds: float = 60, **options: Any) -> FolderWatch:
        values = {
            "name": "a",
            "input": self.input,
            "output": self.input.parent / "out",
            "done": self.input / "done",
            "failed": self.input / "failed",
            "settle_seconds": SETTLE,
            "poll_seconds": 0.15,
        }
        folder = FolderSettings(**values | options)
        self.watch = FolderWatch(folder, self._take, rescan_seconds=rescan_seconds, require=self.require)
        self.watch.start()
        return self.watch

    def _take(self, settled: Sequence[Settled]) -> dict[Path, str]:
        return {
            relative: why for relative, identity in settled if (why := self._refusal(relative, identity)) is not None
        }

    def _refusal(self, relative: Path, identity: FileIdentity) -> str | None:
        self.offers.append((os.fspath(relative), identity, time.monotonic()))
        try:
            return None if self.answer(os.fspath(relative)) else ""
        except (StorageError, OSError) as error:
            return str(error)

    @property
    def names(self) -> list[str]:
        return sorted(name for name, _, _ in self.offers)

    def put(self, name: str, data: bytes = b"film") -> Path:
        path = self.input / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        return path

    def wait(self, *names: str) -> None:
        """Wait until these were offered, and no other."""
        eventually(lambda: len(self.offers) >= len(names), timeout=20, what="the offers", story=self.story)
        assert self.names == sorted(names)

    def story(self) -> str:
        return f"{self.names} {self.watch.health()}"

    def rescanned(self, times: int = 2) -> None:
        """Wait for whole scans that began after now."""
        for _ in range(times):
            last = self.watch.health().last_scan
            self.watch.rescan()
            eventually(lambda last=last: self.watch.health().last_scan != last, timeout=20, story=self.story)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[JobManager]:
    desk = JobManager(tmp_path / "share")
    yield desk
    assert desk.watch.stop()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "jobs.db") as opened:
        yield opened


@pytest.fixture(params=MODES)
def mode(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_files_that_are_there_at_the_start_settle_like_new_ones(desk: JobManager, mode: str) -> None:
    desk.put("old.mp4")
    os.utime(desk.input / "old.mp4", (0, 0))
    desk.put("future.mp4")
    os.utime(desk.input / "future.mp4", (4e9, 4e9))
    began = time.monotonic()
    desk.start(watch=mode)
    desk.wait("old.mp4", "future.mp4")
    assert min(moment for _, _, moment in desk.offers) >= began + SETTLE
    eventually(lambda: desk.watch.idle, timeout=5, story=desk.story)
    assert desk.watch.health().mode == mode


def test_a_new_file_is_offered_with_its_path_and_identity(desk: JobManager, mode: str) -> None:
    desk.start(watch=mode)
    eventually(lambda: desk.watch.idle, timeout=5, story=desk.story)
    path = desk.put("show/s1/e1.mp4", b"12345")
    desk.wait("show/s1/e1.mp4")
    status = path.stat()
    expected = FileIdentity(device=status.st_dev, inode=status.st_ino, size=5, mtime_ns=status.st_mtime_ns)
    assert desk.offers[0][1] == expected


def test_a_growing_file_is_offered_once_when_it_is_whole(desk: JobManager, mode: str) -> None:
    """It grows for more than three settle times, opened anew for each piece, as some copiers do."""
    desk.start(watch=mode)
    path = desk.input / "slow.mp4"
    pause = threading.Event()
    for _ in range(12):
        with path.open("ab") as file:
            file.write(b"piece")
        pause.wait(SETTLE / 3)
    finished = time.monotonic()
    desk.wait("slow.mp4")
    _, identity, moment = desk.offers[0]
    assert identity.size == 60
    assert moment >= finished - SETTLE / 3 + SETTLE - 0.05
    desk.rescanned()
    assert desk.names == ["slow.mp4"]


def test_a_file_that_a_program_keeps_open_waits_until_it_is_closed(desk: JobManager) -> None:
    """A copy that stalls for longer than the settle time; told by the kernel, here by a stand-in for it."""
    desk.start()
    path = desk.put("other.mp4")
    desk.wait("other.mp4")
    real, stalled = collector.check_ready, threading.Event()

    def look(path: Path, *rest: Any, **options: Any) -> ReadyState:
        return ReadyState.BUSY if path.name == "slow.mp4" and not stalled.is_set() else real(path, *rest, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(collector, "check_ready", look)
        desk.put("slow.mp4")
        eventually(lambda: desk.watch.health().busy == 1, timeout=20, story=desk.story)
        assert desk.watch.health().waiting == 1
        assert desk.names == ["other.mp4"]
        stalled.set()
        desk.wait("other.mp4", "slow.mp4")
    assert path.exists()
    eventually(lambda: desk.watch.health().busy == 0, timeout=20, story=desk.story)


def test_a_file_renamed_from_part_is_offered_once_under_its_name(desk: JobManager, mode: str) -> None:
    part = desk.put("film.mp4.part")
    desk.start(watch=mode)
    desk.put("other.mp4")
    desk.wait("other.mp4")
    part.rename(desk.input / "film.mp4")
    desk.wait("film.mp4", "other.mp4")
    desk.rescanned()
    assert desk.names == ["film.mp4", "other.mp4"]


def test_a_burst_of_500_files_is_offered_each_once(desk: JobManager, mode: str) -> None:
    desk.start(watch=mode)
    names = [f"s{number % 7}/e{number:03}.mp4" for number in range(500)]
    for name in names:
        desk.put(name)
    desk.wait(*names)
    desk.rescanned()
    assert Counter(desk.names) == Counter(names)
    eventually(lambda: desk.watch.idle, timeout=5, story=desk.story)


def test_polling_and_events_offer_the_same(tmp_path: Path) -> None:
    """One story, told to both: files, trees moved in, renames, removals, names of all kinds."""
    outcomes = []
    for mode in MODES:
        desk = JobManager(tmp_path / mode)
        desk.start(watch=mode)
        desk.put("a.mp4")
        desk.put("gone.mp4").unlink()
        shutil.copytree(desk.input, tmp_path / mode / "tree")
        (tmp_path / mode / "tree").rename(desk.input / "tree")
        desk.put("x.part").rename(desk.input / "x.mkv")
        desk.put("caf\udce9.mkv")
        desk.put("🎬 film.mkv")
        desk.put("n" * 246 + ".mkv")
        desk.put("done/never.mp4")
        desk.put("film.srt")
        desk.wait("a.mp4", "tree/a.mp4", "x.mkv", "caf\udce9.mkv", "🎬 film.mkv", "n" * 246 + ".mkv")
        desk.rescanned()
        assert desk.watch.health().mode == mode
        assert desk.watch.stop()
        outcomes.append(desk.names)
    assert outcomes[0] == outcomes[1]


def test_a_deep_tree_moved_in_whole_is_offered(desk: JobManager, tmp_path: Path, mode: str) -> None:
    desk.start(watch=mode)
    eventually(lambda: desk.watch.idle, timeout=5, story=desk.story)
    deep = "/".join(f"d{number}" for number in range(40))
    (tmp_path / "tree" / deep).mkdir(parents=True)
    (tmp_path / "tree" / deep / "film.mp4").write_bytes(b"1")
    (tmp_path / "tree").rename(desk.input / "tree")
    desk.wait(f"tree/{deep}/film.mp4")


def test_without_recursion_subfolders_are_ignored(desk: JobManager, mode: str) -> None:
    desk.start(watch=mode, recursive=False)
    desk.put("sub/a.mp4")
    desk.put("b.mp4")
    desk.wait("b.mp4")
    desk.rescanned()
    assert desk.names == ["b.mp4"]


def test_links_and_pipes_are_never_offered_nor_opened(desk: JobManager, tmp_path: Path, mode: str) -> None:
    secret = tmp_path / "secret.mp4"
    secret.write_bytes(b"secret")
    (desk.input / "link.mp4").symlink_to(secret)
    (desk.input / "linked").symlink_to(tmp_path)
    os.mkfifo(desk.input / "pipe.mp4")
    desk.start(watch=mode)
    (desk.input / "later.mp4").symlink_to(secret)
    desk.put("film.mp4")
    desk.wait("film.mp4")
    desk.rescanned()
    assert desk.names == ["film.mp4"]
    assert desk.watch.health().odd == 4


def test_a_refused_file_is_offered_again_until_it_is_taken(desk: JobManager, mode: str) -> None:
    desk.answer = lambda _: len(desk.offers) >= 3
    desk.put("a.mp4")
    desk.start(watch=mode)
    eventually(lambda: len(desk.offers) == 1, timeout=20, story=desk.story)
    assert not desk.watch.idle
    eventually(lambda: len(desk.offers) == 3, timeout=20, story=desk.story)
    eventually(lambda: desk.watch.idle, timeout=5, story=desk.story)
    desk.rescanned()
    assert len(desk.offers) == 3


def test_an_error_while_taking_files_refuses_them(desk: JobManager) -> None:
    def answer(_: str) -> bool:
        if len(desk.offers) == 1:
            raise StorageError("the disk is full")
        if len(desk.offers) == 2:
            raise OSError(5, "Input/output error")
        return True

    desk.answer = answer
    desk.put("a.mp4")
    desk.start()
    eventually(lambda: len(desk.offers) == 3, timeout=20, story=desk.story)
    eventually(lambda: desk.watch.idle, timeout=5, story=desk.story)


def test_a_new_version_under_the_same_name_is_offered_again(desk: JobManager, mode: str) -> None:
    desk.start(watch=mode)
    desk.put("a.mp4", b"one")
    desk.wait("a.mp4")
    desk.put("a.mp4", b"second")
    desk.wait("a.mp4", "a.mp4")
    assert [identity.size for _, identity, _ in desk.offers] == [3, 6]


def test_the_same_file_put_back_after_its_job_is_offered_again(desk: JobManager, mode: str) -> None:
    desk.start(watch=mode, poll_seconds=30)
    desk.put("a.mp4")
    desk.watch.rescan()
    desk.wait("a.mp4")
    (desk.input / "done").mkdir()
    (desk.input / "a.mp4").rename(desk.input / "done" / "a.mp4")
    (desk.input / "done" / "a.mp4").rename(desk.input / "a.mp4")
    desk.watch.forget(Path("a.mp4"))
    desk.watch.rescan()
    desk.wait("a.mp4", "a.mp4")
    assert desk.offers[0][1] == desk.offers[1][1]


def test_a_version_that_arrived_just_before_its_job_ended_is_offered_without_a_rescan(desk: JobManager) -> None:
    desk.start(watch="events", rescan_seconds=600)
    desk.put("a.mkv")
    desk.wait("a.mkv")
    desk.put("a.mkv", b"another film")
    eventually(lambda: desk.watch.health().waiting, what="its event", story=desk.story)
    desk.watch.forget(Path("a.mkv"))
    desk.wait("a.mkv", "a.mkv")


def test_an_input_that_vanishes_is_waited_for(desk: JobManager, tmp_path: Path, mode: str) -> None:
    desk.start(watch=mode)
    desk.put("a.mp4")
    desk.wait("a.mp4")
    desk.input.rename(tmp_path / "unmounted")
    desk.watch.rescan()
    unavailable: FolderHealth = eventually(
        lambda: health if (health := desk.watch.health()).state == "unavailable" else None, timeout=20
    )
    assert "No such file" in unavailable.problem
    assert not desk.watch.idle
    desk.input.mkdir()
    desk.put("b.mp4")
    desk.wait("a.mp4", "b.mp4")
    eventually(lambda: desk.watch.idle, timeout=5, story=desk.story)
    health = desk.watch.health()
    assert (health.state, health.problem, health.mode) == ("ok", "", mode)
    desk.put("c.mp4")
    desk.wait("a.mp4", "b.mp4", "c.mp4")


def test_a_disk_that_is_unplugged_and_plugged_in_again_changes_no_file_state(
    tmp_path: Path, store: Store, mode: str
) -> None:
    with tmpfs(tmp_path / "share", 1):
        desk = JobManager(tmp_path / "share")
        roots = Mounts(store, {"a": folder_places(desk.input)}, rebuilt=was_rebuilt(store))
        desk.require = lambda: roots.require(desk.input)
        desk.put("a.mp4")
        desk.start(watch=mode)
        desk.wait("a.mp4")
        move_mount(tmp_path / "share", tmp_path / "pulled")
        desk.input.mkdir()
        desk.put("below the mount point.mp4")
        desk.watch.rescan()
        eventually(lambda: desk.watch.health().state == "unavailable", story=desk.story)
        assert "not_mounted" in desk.watch.health().problem
        move_mount(tmp_path / "pulled", tmp_path / "share")
        eventually(lambda: desk.watch.health().state == "ok", story=desk.story)
        desk.rescanned()
        assert desk.names == ["a.mp4"]
        assert desk.watch.stop()


def test_an_input_that_is_missing_at_the_start_is_waited_for(desk: JobManager) -> None:
    desk.input.rmdir()
    desk.start()
    eventually(lambda: desk.watch.health().state == "unavailable", timeout=20, story=desk.story)
    desk.input.mkdir()
    desk.put("a.mp4")
    desk.wait("a.mp4")


def test_files_in_a_subfolder_that_cannot_be_read_for_a_while_are_not_offered_twice(
    desk: JobManager, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.start(watch="poll")
    desk.put("dark/a.mp4")
    desk.wait("dark/a.mp4")
    real = os.open

    def refuse(path: Any, *rest: Any) -> int:
        if Path(path).name == "dark":
            raise OSError(5, "Input/output error")
        return real(path, *rest)

    with monkeypatch.context() as patch:
        patch.setattr(scanner.os, "open", refuse)
        desk.put("b.mp4")
        desk.wait("b.mp4", "dark/a.mp4")
        eventually(lambda: desk.watch.health().unreadable == 1, timeout=20, story=desk.story)
        assert desk.watch.health().state == "ok"
    eventually(lambda: desk.watch.health().unreadable == 0, timeout=20, story=desk.story)
    desk.rescanned()
    assert desk.names == ["b.mp4", "dark/a.mp4"]


def test_a_folder_whose_events_fail_the_self_test_is_polled_with_a_reason(
    desk: JobManager, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(EventSource, "open", lambda _: "no events arrive from this folder")
    desk.start(watch="auto")
    desk.put("a.mp4")
    desk.wait("a.mp4")
    health = desk.watch.health()
    assert (health.mode, health.reason) == ("poll", "no events arrive from this folder")


def test_a_file_without_an_event_switches_the_folder_to_polling(
    desk: JobManager, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on a share that another machine writes to, or when the limit of watches is reached later."""
    desk.start(watch="events", rescan_seconds=0.2)
    desk.put("heard.mp4")
    desk.wait("heard.mp4")
    assert desk.watch.health().mode == "events"
    monkeypatch.setattr(EventSource, "on_any_event", lambda *_: None)
    desk.put("unheard.mp4")
    desk.wait("heard.mp4", "unheard.mp4")
    eventually(lambda: desk.watch.health().mode == "poll", timeout=20, story=desk.story)
    assert desk.watch.health().reason == "files appeared without events"
    desk.put("later.mp4")
    desk.wait("heard.mp4", "later.mp4", "unheard.mp4")


def test_stopping_takes_less_than_a_second_and_leaves_no_thread(desk: JobManager, mode: str) -> None:
    desk.start(watch=mode, poll_seconds=600)
    eventually(lambda: desk.watch.idle, timeout=5, story=desk.story)
    began = time.monotonic()
    assert desk.watch.stop()
    assert time.monotonic() - began < 1
    assert not [thread for thread in threading.enumerate() if thread.name == "intake-a"]


def test_a_folder_is_idle_when_it_was_scanned_and_every_file_was_taken(desk: JobManager) -> None:
    desk.put("a.mp4")
    watch = desk.start(settle_seconds=0.5)
    assert not watch.idle
    eventually(lambda: watch.idle, timeout=5, story=desk.story)
    assert desk.names == ["a.mp4"]
    assert watch.health().last_scan is not None


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_defect_in_the_callback_is_shown_in_health(desk: JobManager) -> None:
    def answer(_: str) -> bool:
        raise ZeroDivisionError("a defect")

    desk.answer = answer
    desk.put("a.mp4")
    desk.start()
    eventually(lambda: desk.watch.health().state == "failed", timeout=20, story=desk.story)
    assert desk.watch.health().problem == "ZeroDivisionError: a defect"


def test_a_flood_of_events_beyond_the_bound_becomes_one_rescan() -> None:
    inbox = HintQueue()
    for number in range(MAX_HINTS + 1):
        inbox.put(str(number))
    inbox.put_forget("kept")
    hints = inbox.take()
    assert (hints.rescan, hints.lost, hints.touched, hints.forget) == (True, True, set(), {"kept"})
    assert not inbox.take().rescan


def test_a_long_queue_is_offered_in_batches_and_events_are_handled_between_them(
    desk: JobManager, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(collector, "BATCH", 3)
    waiting: list[int] = []

    def answer(name: str) -> bool:
        if name == "00.mkv":
            desk.put("new.mkv")
        if name == "19.mkv":
            waiting.append(desk.watch.health().waiting)
        return True

    desk.answer = answer
    names = [f"{number:02}.mkv" for number in range(20)]
    for name in names:
        desk.put(name)
    desk.start(watch="events")
    desk.wait("new.mkv", *names)
    assert waiting[0] <= 6  # of 20, the rest was handed on before, and health told of it between
    eventually(lambda: desk.watch.idle, timeout=10, story=desk.story)


def test_a_folder_whose_scans_are_costly_is_scanned_less_often(
    desk: JobManager, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch_module, "SCAN_RATIO", 1e9)
    desk.put("a.mkv")
    began = time.monotonic()
    watch = desk.start(watch="poll")
    desk.wait("a.mkv")
    assert watch._next_scan - began >= watch_module.LONGEST_INTERVAL
    desk.put("b.mkv")
    watch.rescan()  # whoever asks is not made to wait
    desk.wait("a.mkv", "b.mkv")
