"""Several devices at one video make what one makes, and are followed as one."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection
from contextlib import nullcontext
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from framewatch.domain import Progress, Record
from framewatch.errors import CancelledError, EngineError, StorageError, WorkerError
from framewatch.jobs.attempt.worker_pool import OnLost, WorkerPool
from framewatch.render.messages import Alive, FramesCounted, SegmentRendered
from framewatch.render.tasks import DeviceReport, RenderTask
from framewatch.render.warm_engine import describe_device
from framewatch.upscale.engine import UnusableDevice
from framewatch.upscale.identity import IdentityEngine
from full_run import Deaf, Inline, Open, pictures, process, times
from media_factory import ffmpeg

WISHES: dict[str, Any] = {"ml_upscale": "esrgan-2x", "crf": 0, "container": "mkv"}
ANY_DEVICE = RenderTask.model_construct(device=None)
BY_NAME = RenderTask.model_construct(device="1")


@pytest.fixture
def three_devices(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The engine `identity` has three equal devices and another one; gives those that are opened."""
    real, opening, opened = IdentityEngine.devices, IdentityEngine.open, list[str]()

    def devices(self: IdentityEngine) -> Any:
        one = real(self)[0]
        equal = [replace(one, id=str(number)) for number in range(3)]
        smaller, broken = replace(one, id="3", description="a smaller one"), UnusableDevice(one.engine, "", "broken")
        return [*equal, smaller, broken]

    def opens(self: IdentityEngine, device: str, request: Any) -> Any:
        opened.append(device)
        return opening(self, device, request)

    monkeypatch.setattr(IdentityEngine, "devices", devices)
    monkeypatch.setattr(IdentityEngine, "open", opens)
    return opened


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    """Four seconds, which make eight segments."""
    clip = tmp_path / "clip.mkv"
    ffmpeg("-f", "lavfi", "-i", "testsrc2=size=96x64:rate=25:duration=4", "-c:v", "libx264", "-g", "12", clip)
    return clip


def test_only_devices_that_are_alike_share_a_video(three_devices: list[str]) -> None:
    assert three_devices == []
    report = describe_device("identity")
    assert (report.name, [other.name for other in report.others]) == ("identity 0", ["identity 1", "identity 2"])


def test_three_devices_make_what_one_makes(clip: Path, tmp_path: Path, three_devices: list[str]) -> None:
    alone = process(clip, tmp_path / "alone", 0.5, gpus=1, **WISHES)
    assert three_devices == ["0"]
    shared = process(clip, tmp_path / "shared", 0.5, **WISHES)
    assert sorted(three_devices[1:]) == ["0", "1", "2"]
    assert times(alone.result) == times(shared.result)
    pairs = zip(pictures(alone.result), pictures(shared.result), strict=True)
    assert all(np.array_equal(one, other) for one, other in pairs)


def test_there_are_no_more_workers_than_segments(tmp_path: Path, three_devices: list[str]) -> None:
    clip = tmp_path / "clip.mkv"
    ffmpeg("-f", "lavfi", "-i", "testsrc2=size=96x64:rate=25:duration=1", "-c:v", "libx264", "-g", "12", clip)
    process(clip, tmp_path / "work", 0.5, **WISHES)
    assert sorted(three_devices) == ["0", "1"]


class Busy(Open):
    """Some devices are in others' hands, and free for whoever waits."""

    def __init__(self, *taken: str) -> None:
        self._taken = taken

    def try_hold(self, device: DeviceReport, *_: object) -> Any:
        return None if device.id in self._taken else nullcontext()


def faulty(monkeypatch: pytest.MonkeyPatch, *devices: str) -> None:
    """Some devices do not open."""
    opening = IdentityEngine.open

    def opens(self: IdentityEngine, device: str, request: Any) -> Any:
        session = opening(self, device, request)
        if device in devices:
            raise EngineError(f"{device} is broken")
        return session

    monkeypatch.setattr(IdentityEngine, "open", opens)


def test_one_that_fails_is_lost_where_the_first_is_busy_and_others_work(
    clip: Path, tmp_path: Path, three_devices: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    faulty(monkeypatch, "1")
    made = process(clip, tmp_path / "work", 0.5, gate=Busy("0"), **WISHES)
    assert sorted(three_devices) == ["1", "2"]
    assert "device 1" in [warning.where for warning in made.warnings]


def test_the_first_is_waited_for_where_all_that_are_free_fail(
    clip: Path, tmp_path: Path, three_devices: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    faulty(monkeypatch, "1")
    made = process(clip, tmp_path / "work", 0.5, gate=Busy("0", "2"), **WISHES)
    assert three_devices == ["1", "0"]
    assert "device 1" in [warning.where for warning in made.warnings]


def test_as_many_as_are_wished_for_are_taken_of_those_that_are_free(
    clip: Path, tmp_path: Path, three_devices: list[str]
) -> None:
    process(clip, tmp_path / "work", 0.5, gate=Busy("0"), gpus=1, **WISHES)
    assert three_devices == ["1"]


class Watched(Deaf):
    def __init__(self) -> None:
        self.seen: list[Progress] = []

    def progressed(self, progress: Progress) -> None:
        self.seen.append(progress)


def test_progress_never_goes_back_when_one_is_lost_and_counts_all_in_the_end(
    clip: Path, tmp_path: Path, three_devices: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    opening, failed, frames = IdentityEngine.open, threading.Event(), count()

    def opens(self: IdentityEngine, device: str, request: Any) -> Any:
        session = opening(self, device, request)
        computed = session._run

        def run(frame: Any) -> Any:
            if device != "1":
                assert failed.wait(30)
            elif next(frames) == 20:
                failed.set()
                raise EngineError("fell off the bus")
            return computed(frame)

        monkeypatch.setattr(session, "_run", run)
        return session

    monkeypatch.setattr(IdentityEngine, "open", opens)
    watched = Watched()
    process(clip, tmp_path / "work", 0.5, gpus=2, observer=watched, **WISHES)
    assert len(three_devices) > 2  # there was a second round for what was lost
    encoded = [progress.encoded for progress in watched.seen]
    assert encoded == sorted(encoded)
    assert (encoded[-1], watched.seen[-1].engine) == (100, "identity")


class Boss(Inline):
    """Notes which mates may stay."""

    def __init__(self) -> None:
        self.kept: list[list[str]] = []

    def keep_device_workers(self, devices: Collection[str]) -> None:
        self.kept.append(list(devices))


def test_workers_that_are_not_used_are_ended(
    clip: Path, tmp_path: Path, three_devices: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    faulty(monkeypatch, "1")
    boss = Boss()
    process(clip, tmp_path / "work", 0.5, worker=boss, **WISHES)
    assert "1" in boss.kept[0]
    assert "1" not in boss.kept[1]
    process(clip, tmp_path / "alone", 0.5, worker=boss, gpus=1, **WISHES)
    assert boss.kept[-1] == []
    assert three_devices


class Scripted:
    """Says what it is told to, and ends as it is told to, or waits for its stop."""

    def __init__(
        self,
        *says: Record,
        after: threading.Event | None = None,
        ends: BaseException | None = None,
        waits: bool = False,
    ) -> None:
        self._says = says
        self._after = after
        self._ends = ends
        self._waits = waits
        self.stopped = False

    def run(self, task: Record, heard: Callable[[Any], None], stop: threading.Event, **_: Any) -> None:
        assert self._after is None or self._after.wait(30)
        for message in self._says:
            heard(message)
        if self._waits:
            self.stopped = stop.wait(30)
            raise CancelledError("stopped")
        if self._ends is not None:
            raise self._ends


def crew_of(*workers: Scripted, on_lost: OnLost = lambda place, error: None) -> WorkerPool:
    tasks = [ANY_DEVICE, *[BY_NAME] * (len(workers) - 1)]
    return WorkerPool(workers, tasks, 600, on_lost)  # type: ignore[arg-type]


def test_counts_are_those_of_all_together() -> None:
    heard: list[Any] = []
    one = Scripted(FramesCounted(stage="encode", decoded=3, upscaled=2, encoded=1))
    two = Scripted(Alive(count=1), FramesCounted(stage="decode", decoded=30, upscaled=20, encoded=10))
    crew_of(one, two).run(heard.append, threading.Event())
    assert Alive(count=1) in heard
    last = [message for message in heard if isinstance(message, FramesCounted)][-1]
    assert (last.decoded, last.upscaled, last.encoded) == (33, 22, 11)


def test_a_device_that_fails_is_lost_but_where_the_task_names_none() -> None:
    pool = crew_of(Scripted(), Scripted(ends=EngineError("broken")), Scripted())
    pool.run(lambda _: None, threading.Event())
    assert pool.lost == [1]
    other = Scripted(waits=True)
    with pytest.raises(EngineError):
        crew_of(Scripted(ends=EngineError("broken")), other).run(lambda _: None, threading.Event())
    assert other.stopped


def test_one_that_is_lost_is_told_of_while_others_work_and_keeps_what_is_whole() -> None:
    heard: list[Any] = []
    told = threading.Event()
    piece = SegmentRendered(number=3, frames=5, size=1, digest="", engine="identity", upscaled=5, damaged=0)
    bad = Scripted(FramesCounted(stage="encode", encoded=20), piece, ends=EngineError("broken"))
    good = Scripted(FramesCounted(stage="encode", encoded=1), after=told)
    crew_of(good, bad, on_lost=lambda *_: told.set()).run(heard.append, threading.Event())
    assert [message.encoded for message in heard if isinstance(message, FramesCounted)] == [20, 6]


def test_whatever_goes_wrong_nobody_is_left_at_work() -> None:
    def full(_: Any) -> None:
        raise StorageError("the disk is full", code="storage.full")

    stop = threading.Event()
    stop.set()
    cases: list[tuple[Scripted, Callable[[Any], None], threading.Event, type[Exception]]] = [
        (Scripted(ends=WorkerError("died")), lambda _: None, threading.Event(), WorkerError),
        (Scripted(Alive(count=1)), full, threading.Event(), StorageError),
        (Scripted(waits=True), lambda _: None, stop, CancelledError),
    ]
    for bad, heard, stopped, error in cases:
        first = Scripted(waits=True)
        with pytest.raises(error):
            crew_of(first, bad).run(heard, stopped)
        assert first.stopped
