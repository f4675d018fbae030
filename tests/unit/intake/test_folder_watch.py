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
from structlog.testing import capture_logs

from framewatch.domain import FileIdentity
from framewatch.errors import StorageError
from framewatch.intake import collector
from framewatch.intake import folder_watch as watch_module
from framewatch.intake.collector import Settled
from framewatch.intake.folder_watch import FolderWatch
from framewatch.intake.fs_events import EventSource
from framewatch.intake.hint_queue import MAX_HINTS, HintQueue
from framewatch.intake.ready_check import ReadyState
from framewatch.intake.watch_mode import FolderHealth
from framewatch.jobs.store.recovery import was_rebuilt
from framewatch.jobs.store.store import Store
from framewatch.library.kinds import Kind
from framewatch.settings import FolderSettings
from framewatch.storage import beneath
from framewatch.storage.mounts import Mounts
from mounts import folder_places, move_mount, tmpfs
from waiting import eventually

SETTLE = 0.2
MODES = ("events", "poll")


class WatchedFolder:
    """A watch folder, and all that was handed on from it."""

    def __init__(self, root: Path) -> None:
        self.input = root / "in"
        self.input.mkdir(parents=True)
        self.offers: list[tuple[str, FileIdentity, float]] = []
        self.answer: Callable[[str], bool] = lambda _: True
        self.require: Callable[[], None] = lambda: None
        self.wanted: frozenset[Kind] | None = None
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
        self.watch = FolderWatch(
            folder, self._take, rescan_seconds=rescan_seconds, require=self.require, wanted=lambda: self.wanted
        )
        self.watch.start()
        return self.watch

    def _take(self, settled: Sequence[Settled]) -> dict[Path, str | None]:
        refused: dict[Path, str | None] = {}
        for relative, identity in settled:
            self.offers.append((os.fspath(relative), identity, time.monotonic()))
            try:
                if not self.answer(os.fspath(relative)):
                    refused[relative] = None
            except (StorageError, OSError) as error:
                refused[relative] = str(error)
        return refused

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
        eventually(lambda: len(self.offers) >= len(names), timeout=20, what="the offers", details=self.details)
        assert self.names == sorted(names)

    def details(self) -> str:
        return f"{self.names} {self.watch.health()}"

    def rescanned(self, times: int = 2) -> None:
        """Wait for whole scans that began after now."""
        for _ in range(times):
            last = self.watch.health().last_scan
            self.watch.rescan()
            eventually(lambda last=last: self.watch.health().last_scan != last, timeout=20, details=self.details)


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[WatchedFolder]:
    watched = WatchedFolder(tmp_path / "share")
    yield watched
    assert watched.watch.stop()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "jobs.db") as opened:
        yield opened


@pytest.fixture(params=MODES)
def mode(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_files_that_are_there_at_the_start_settle_like_new_ones(watched: WatchedFolder, mode: str) -> None:
    watched.put("old.mp4")
    os.utime(watched.input / "old.mp4", (0, 0))
    watched.put("future.mp4")
    os.utime(watched.input / "future.mp4", (4e9, 4e9))
    began = time.monotonic()
    watched.start(watch=mode)
    watched.wait("old.mp4", "future.mp4")
    assert min(moment for _, _, moment in watched.offers) >= began + SETTLE
    eventually(lambda: watched.watch.idle, timeout=5, details=watched.details)
    assert watched.watch.health().mode == mode


def test_a_new_file_is_offered_with_its_path_and_identity(watched: WatchedFolder, mode: str) -> None:
    watched.start(watch=mode)
    eventually(lambda: watched.watch.idle, timeout=5, details=watched.details)
    path = watched.put("show/s1/e1.mp4", b"12345")
    watched.wait("show/s1/e1.mp4")
    status = path.stat()
    expected = FileIdentity(device=status.st_dev, inode=status.st_ino, size=5, mtime_ns=status.st_mtime_ns)
    assert watched.offers[0][1] == expected


def test_a_growing_file_is_offered_once_when_it_is_whole(watched: WatchedFolder, mode: str) -> None:
    """It grows for more than three settle times, reopened for each block, as some programs do."""
    watched.start(watch=mode)
    path = watched.input / "slow.mp4"
    pause = threading.Event()
    for _ in range(12):
        with path.open("ab") as file:
            file.write(b"block")
        pause.wait(SETTLE / 3)
    finished = time.monotonic()
    watched.wait("slow.mp4")
    _, identity, moment = watched.offers[0]
    assert identity.size == 60
    assert moment >= finished - SETTLE / 3 + SETTLE - 0.05
    watched.rescanned()
    assert watched.names == ["slow.mp4"]


def test_a_file_that_a_program_keeps_open_waits_until_it_is_closed(watched: WatchedFolder) -> None:
    """A copy that stalls for longer than the settle time; told by the kernel, here by a stand-in for it."""
    watched.start()
    path = watched.put("other.mp4")
    watched.wait("other.mp4")
    real, stalled = collector.check_ready, threading.Event()

    def look(top: int, relative: str, *rest: Any, **options: Any) -> ReadyState:
        busy = relative == "slow.mp4" and not stalled.is_set()
        return ReadyState.BUSY if busy else real(top, relative, *rest, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(collector, "check_ready", look)
        watched.put("slow.mp4")
        eventually(lambda: watched.watch.health().busy == 1, timeout=20, details=watched.details)
        assert watched.watch.health().waiting == 1
        assert watched.names == ["other.mp4"]
        stalled.set()
        watched.wait("other.mp4", "slow.mp4")
    assert path.exists()
    eventually(lambda: watched.watch.health().busy == 0, timeout=20, details=watched.details)


def test_a_file_renamed_from_part_is_offered_once_under_its_name(watched: WatchedFolder, mode: str) -> None:
    part = watched.put("film.mp4.part")
    watched.start(watch=mode)
    watched.put("other.mp4")
    watched.wait("other.mp4")
    part.rename(watched.input / "film.mp4")
    watched.wait("film.mp4", "other.mp4")
    watched.rescanned()
    assert watched.names == ["film.mp4", "other.mp4"]


def test_a_burst_of_500_files_is_offered_each_once(watched: WatchedFolder, mode: str) -> None:
    watched.start(watch=mode)
    names = [f"s{number % 7}/e{number:03}.mp4" for number in range(500)]
    for name in names:
        watched.put(name)
    watched.wait(*names)
    watched.rescanned()
    assert Counter(watched.names) == Counter(names)
    eventually(lambda: watched.watch.idle, timeout=5, details=watched.details)


def test_polling_and_events_offer_the_same(tmp_path: Path) -> None:
    """The same changes for both: files, trees moved in, renames, removals, names of all kinds."""
    outcomes = []
    for mode in MODES:
        watched = WatchedFolder(tmp_path / mode)
        watched.start(watch=mode)
        watched.put("a.mp4")
        watched.put("gone.mp4").unlink()
        shutil.copytree(watched.input, tmp_path / mode / "tree")
        (tmp_path / mode / "tree").rename(watched.input / "tree")
        watched.put("x.part").rename(watched.input / "x.mkv")
        watched.put("caf\udce9.mkv")
        watched.put("🎬 film.mkv")
        watched.put("n" * 246 + ".mkv")
        watched.put("done/never.mp4")
        watched.put("film.srt")
        watched.wait("a.mp4", "tree/a.mp4", "x.mkv", "caf\udce9.mkv", "🎬 film.mkv", "n" * 246 + ".mkv")
        watched.rescanned()
        assert watched.watch.health().mode == mode
        assert watched.watch.stop()
        outcomes.append(watched.names)
    assert outcomes[0] == outcomes[1]


def test_a_deep_tree_moved_in_whole_is_offered(watched: WatchedFolder, tmp_path: Path, mode: str) -> None:
    watched.start(watch=mode)
    eventually(lambda: watched.watch.idle, timeout=5, details=watched.details)
    deep = "/".join(f"d{number}" for number in range(40))
    (tmp_path / "tree" / deep).mkdir(parents=True)
    (tmp_path / "tree" / deep / "film.mp4").write_bytes(b"1")
    (tmp_path / "tree").rename(watched.input / "tree")
    watched.wait(f"tree/{deep}/film.mp4")


def test_without_recursion_subfolders_are_ignored(watched: WatchedFolder, mode: str) -> None:
    watched.start(watch=mode, recursive=False)
    watched.put("sub/a.mp4")
    watched.put("b.mp4")
    watched.wait("b.mp4")
    watched.rescanned()
    assert watched.names == ["b.mp4"]


def test_links_and_pipes_are_never_offered_nor_opened(watched: WatchedFolder, tmp_path: Path, mode: str) -> None:
    secret = tmp_path / "secret.mp4"
    secret.write_bytes(b"secret")
    (watched.input / "link.mp4").symlink_to(secret)
    (watched.input / "linked").symlink_to(tmp_path)
    os.mkfifo(watched.input / "pipe.mp4")
    watched.start(watch=mode)
    (watched.input / "later.mp4").symlink_to(secret)
    watched.put("film.mp4")
    watched.wait("film.mp4")
    watched.rescanned()
    assert watched.names == ["film.mp4"]
    assert watched.watch.health().odd == 4


def test_files_of_another_kind_are_left_alone_and_counted_until_the_preset_wants_them(
    watched: WatchedFolder, mode: str
) -> None:
    watched.wanted = frozenset({Kind.VIDEO})
    for name in ("film.mp4", "poster.jpg", "s1/theme.mp3", "no ending"):
        watched.put(name)
    watched.start(watch=mode)
    watched.wait("film.mp4", "no ending")
    watched.put("late.jpg")
    watched.rescanned()
    assert watched.watch.health().other_kinds == 3
    assert watched.watch.idle
    watched.wanted = frozenset({Kind.PICTURE})
    watched.rescanned(1)
    watched.wait("film.mp4", "no ending", "poster.jpg", "late.jpg")


def test_subtitles_that_come_after_their_video_was_moved_are_counted(watched: WatchedFolder) -> None:
    watched.put("film.mp4")
    watched.put("film.en.srt")
    watched.start()
    watched.wait("film.mp4")
    watched.rescanned()
    assert watched.watch.health().late_companions == 0
    (watched.input / "film.mp4").unlink()
    watched.rescanned()
    assert watched.watch.health().late_companions == 1
    (watched.input / "film.en.srt").unlink()
    watched.rescanned(1)
    assert watched.watch.health().late_companions == 0


def test_a_refused_file_is_offered_again_until_it_is_taken(watched: WatchedFolder, mode: str) -> None:
    watched.answer = lambda _: len(watched.offers) >= 3
    watched.put("a.mp4")
    watched.start(watch=mode)
    eventually(lambda: len(watched.offers) == 1, timeout=20, details=watched.details)
    assert not watched.watch.idle
    eventually(lambda: len(watched.offers) == 3, timeout=20, details=watched.details)
    eventually(lambda: watched.watch.idle, timeout=5, details=watched.details)
    watched.rescanned()
    assert len(watched.offers) == 3


def test_an_error_while_taking_files_refuses_them(watched: WatchedFolder) -> None:
    def answer(_: str) -> bool:
        if len(watched.offers) == 1:
            raise StorageError("the disk is full")
        if len(watched.offers) == 2:
            raise OSError(5, "Input/output error")
        return True

    watched.answer = answer
    watched.put("a.mp4")
    watched.start()
    eventually(lambda: len(watched.offers) == 3, timeout=20, details=watched.details)
    eventually(lambda: watched.watch.idle, timeout=5, details=watched.details)


def test_a_reason_for_which_files_are_not_taken_is_logged_once_until_it_changes(watched: WatchedFolder) -> None:
    reasons = {"a.mp4": "no rights", "b.mp4": "no rights", "c.mp4": "busy"}

    def answer(name: str) -> bool:
        raise StorageError(reasons[name])

    watched.answer = answer
    for name in reasons:
        watched.put(name)
    with capture_logs() as logs:
        watched.start()
        eventually(lambda: watched.names.count("a.mp4") >= 4, timeout=20, details=watched.details)
        reasons |= dict.fromkeys(("a.mp4", "b.mp4"), "no space")
        before = len(watched.offers)
        eventually(lambda: len(watched.offers) >= before + 12, timeout=20, details=watched.details)
        watched.watch.stop()
    said = [(each["path"], each["files"], each["problem"]) for each in logs if each["event"] == "folder.not_taken"]
    texts = [text.partition(" [")[0] for _, _, text in said]
    assert sorted(texts) == ["busy", "no rights", "no space"]
    assert {files for path, files, text in said if text.startswith("no")} == {2}


def test_subfolders_that_are_not_read_are_logged_once(watched: WatchedFolder) -> None:
    for number in range(3):
        (watched.input / str(number)).mkdir()
    with capture_logs() as logs:
        watched.start(recursive=False)
        for _ in range(2):
            watched.rescanned()
        watched.watch.stop()
    said = [each for each in logs if each["event"] == "folder.subfolders_not_read"]
    assert [(each["count"], each["example"]) for each in said] == [(3, "0")]
    assert watched.watch.health().not_read == 3


def test_a_new_version_under_the_same_name_is_offered_again(watched: WatchedFolder, mode: str) -> None:
    watched.start(watch=mode)
    watched.put("a.mp4", b"one")
    watched.wait("a.mp4")
    watched.put("a.mp4", b"second")
    watched.wait("a.mp4", "a.mp4")
    assert [identity.size for _, identity, _ in watched.offers] == [3, 6]


def test_the_same_file_put_back_after_its_job_is_offered_again(watched: WatchedFolder, mode: str) -> None:
    watched.start(watch=mode, poll_seconds=30)
    watched.put("a.mp4")
    watched.watch.rescan()
    watched.wait("a.mp4")
    (watched.input / "done").mkdir()
    (watched.input / "a.mp4").rename(watched.input / "done" / "a.mp4")
    (watched.input / "done" / "a.mp4").rename(watched.input / "a.mp4")
    watched.watch.forget(Path("a.mp4"))
    watched.watch.rescan()
    watched.wait("a.mp4", "a.mp4")
    assert watched.offers[0][1] == watched.offers[1][1]


def test_a_version_that_arrived_just_before_its_job_ended_is_offered_without_a_rescan(watched: WatchedFolder) -> None:
    watched.start(watch="events", rescan_seconds=600)
    watched.put("a.mkv")
    watched.wait("a.mkv")
    watched.put("a.mkv", b"another film")
    eventually(lambda: watched.watch.health().waiting, what="its event", details=watched.details)
    watched.watch.forget(Path("a.mkv"))
    watched.wait("a.mkv", "a.mkv")


def test_an_input_that_vanishes_is_waited_for(watched: WatchedFolder, tmp_path: Path, mode: str) -> None:
    watched.start(watch=mode)
    watched.put("a.mp4")
    watched.wait("a.mp4")
    watched.input.rename(tmp_path / "unmounted")
    watched.watch.rescan()
    unavailable: FolderHealth = eventually(
        lambda: health if (health := watched.watch.health()).state == "unavailable" else None, timeout=20
    )
    assert "No such file" in unavailable.problem
    assert not watched.watch.idle
    watched.input.mkdir()
    watched.put("b.mp4")
    watched.wait("a.mp4", "b.mp4")
    eventually(lambda: watched.watch.idle, timeout=5, details=watched.details)
    health = watched.watch.health()
    assert (health.state, health.problem, health.mode) == ("ok", "", mode)
    watched.put("c.mp4")
    watched.wait("a.mp4", "b.mp4", "c.mp4")


def test_a_disk_that_is_unplugged_and_plugged_in_again_changes_no_file_state(
    tmp_path: Path, store: Store, mode: str
) -> None:
    with tmpfs(tmp_path / "share", 1):
        watched = WatchedFolder(tmp_path / "share")
        roots = Mounts(store, {"a": folder_places(watched.input)}, rebuilt=was_rebuilt(store))
        watched.require = lambda: roots.require(watched.input)
        watched.put("a.mp4")
        watched.start(watch=mode)
        watched.wait("a.mp4")
        move_mount(tmp_path / "share", tmp_path / "pulled")
        watched.input.mkdir()
        watched.put("below the mount point.mp4")
        watched.watch.rescan()
        eventually(lambda: watched.watch.health().state == "unavailable", details=watched.details)
        assert "not_mounted" in watched.watch.health().problem
        move_mount(tmp_path / "pulled", tmp_path / "share")
        eventually(lambda: watched.watch.health().state == "ok", details=watched.details)
        watched.rescanned()
        assert watched.names == ["a.mp4"]
        assert watched.watch.stop()


def test_an_input_that_is_missing_at_the_start_is_waited_for(watched: WatchedFolder) -> None:
    watched.input.rmdir()
    watched.start()
    eventually(lambda: watched.watch.health().state == "unavailable", timeout=20, details=watched.details)
    watched.input.mkdir()
    watched.put("a.mp4")
    watched.wait("a.mp4")


def test_files_in_a_subfolder_that_cannot_be_read_for_a_while_are_not_offered_twice(
    watched: WatchedFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    watched.start(watch="poll")
    watched.put("dark/a.mp4")
    watched.wait("dark/a.mp4")
    real = beneath.open_beneath

    def refuse(folder: int, parts: Sequence[str], *rest: int) -> int:
        if parts and parts[-1] == "dark":
            raise OSError(5, "Input/output error")
        return real(folder, parts, *rest)

    with monkeypatch.context() as patch:
        patch.setattr(beneath, "open_beneath", refuse)
        watched.put("b.mp4")
        watched.wait("b.mp4", "dark/a.mp4")
        eventually(lambda: watched.watch.health().unreadable == 1, timeout=20, details=watched.details)
        assert watched.watch.health().state == "ok"
    eventually(lambda: watched.watch.health().unreadable == 0, timeout=20, details=watched.details)
    watched.rescanned()
    assert watched.names == ["b.mp4", "dark/a.mp4"]


def test_a_folder_whose_events_fail_the_self_test_is_polled_with_a_reason(
    watched: WatchedFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(EventSource, "open", lambda _: "no events arrive from this folder")
    watched.start(watch="auto")
    watched.put("a.mp4")
    watched.wait("a.mp4")
    health = watched.watch.health()
    assert (health.mode, health.reason) == ("poll", "no events arrive from this folder")


def test_a_file_without_an_event_switches_the_folder_to_polling(
    watched: WatchedFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on a share that another machine writes to, or when the limit of watches is reached later."""
    watched.start(watch="events", rescan_seconds=0.2)
    watched.put("heard.mp4")
    watched.wait("heard.mp4")
    assert watched.watch.health().mode == "events"
    monkeypatch.setattr(EventSource, "on_any_event", lambda *_: None)
    watched.put("unheard.mp4")
    watched.wait("heard.mp4", "unheard.mp4")
    eventually(lambda: watched.watch.health().mode == "poll", timeout=20, details=watched.details)
    assert watched.watch.health().reason == "files appeared without events"
    watched.put("later.mp4")
    watched.wait("heard.mp4", "later.mp4", "unheard.mp4")


def test_stopping_takes_less_than_a_second_and_leaves_no_thread(watched: WatchedFolder, mode: str) -> None:
    watched.start(watch=mode, poll_seconds=600)
    eventually(lambda: watched.watch.idle, timeout=5, details=watched.details)
    began = time.monotonic()
    assert watched.watch.stop()
    assert time.monotonic() - began < 1
    assert not [thread for thread in threading.enumerate() if thread.name == "intake-a"]


def test_a_folder_is_idle_when_it_was_scanned_and_every_file_was_taken(watched: WatchedFolder) -> None:
    watched.put("a.mp4")
    watch = watched.start(settle_seconds=0.5)
    assert not watch.idle
    eventually(lambda: watch.idle, timeout=5, details=watched.details)
    assert watched.names == ["a.mp4"]
    assert watch.health().last_scan is not None


def test_a_defect_is_shown_in_health_and_tried_again_on_the_same_thread(watched: WatchedFolder) -> None:
    def answer(_: str) -> bool:
        raise ZeroDivisionError("a defect")

    before, watched.answer = watched.answer, answer
    watched.put("a.mp4")
    watched.start()
    eventually(lambda: watched.watch.health().state == "failed", timeout=20, details=watched.details)
    health = watched.watch.health()
    assert (health.code, "ZeroDivisionError: a defect" in health.problem) == ("internal.bug", True)
    watched.answer = before
    eventually(lambda: watched.names == ["a.mp4"], timeout=20, details=watched.details)
    eventually(lambda: watched.watch.health().state == "ok", timeout=20, details=watched.details)


def test_a_flood_of_events_beyond_the_bound_becomes_one_rescan() -> None:
    queue = HintQueue()
    for number in range(MAX_HINTS + 1):
        queue.put(str(number))
    queue.put_forget("kept")
    hints = queue.take()
    assert (hints.rescan, hints.lost, hints.touched, hints.forget) == (True, True, set(), {"kept"})
    assert not queue.take().rescan


def test_a_long_queue_is_offered_in_batches_and_events_are_handled_between_them(
    watched: WatchedFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(collector, "BATCH", 3)
    waiting: list[int] = []

    def answer(name: str) -> bool:
        if name == "00.mkv":
            watched.put("new.mkv")
        if name == "19.mkv":
            waiting.append(watched.watch.health().waiting)
        return True

    watched.answer = answer
    names = [f"{number:02}.mkv" for number in range(20)]
    for name in names:
        watched.put(name)
    watched.start(watch="events")
    watched.wait("new.mkv", *names)
    assert waiting[0] <= 6  # of 20, the rest was handed on before, and health told of it between
    eventually(lambda: watched.watch.idle, timeout=10, details=watched.details)


def test_a_folder_whose_scans_are_costly_is_scanned_less_often(
    watched: WatchedFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch_module, "SCAN_RATIO", 1e9)
    watched.put("a.mkv")
    began = time.monotonic()
    watch = watched.start(watch="poll")
    watched.wait("a.mkv")
    assert watch._next_scan - began >= watch_module.LONGEST_INTERVAL
    watched.put("b.mkv")
    watch.rescan()  # whoever asks is not made to wait
    watched.wait("a.mkv", "b.mkv")


def test_a_share_that_dies_during_a_scan_is_shown(watched: WatchedFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch_module, "NO_ANSWER_SECONDS", 0.5)
    back = threading.Event()
    walk = collector.Scanner.walk

    def hang(*args: Any, **options: Any) -> Any:
        back.wait(20)
        return walk(*args, **options)

    monkeypatch.setattr(collector.Scanner, "walk", hang)
    watch = watched.start()
    try:
        eventually(lambda: watch.health().code == "storage.no_answer", timeout=10, details=watched.details)
    finally:
        back.set()
    eventually(lambda: watch.health().state == "ok", timeout=10, details=watched.details)


def test_a_problem_of_handling_a_problem_does_not_end_the_watch(
    watched: WatchedFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    left = {"_pause": 2, "_end_mode": 2}
    for name in ("_pause", "_end_mode"):
        original = getattr(FolderWatch, name)

        def fail(watch: FolderWatch, name: str = name, original: Callable[[FolderWatch], Any] = original) -> Any:
            left[name] -= 1
            if left[name] >= 0:
                raise OSError("the observer does not end")
            return original(watch)

        monkeypatch.setattr(FolderWatch, name, fail)
    watched.start()
    watched.put("a.mp4")
    watched.wait("a.mp4")
