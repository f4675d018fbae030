"""Several devices make the same video as one, and their progress is counted together."""

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
from framewatch.jobs.attempt.context import Observer
from framewatch.jobs.attempt.worker_pool import OnLost, WorkerPool
from framewatch.render.messages import Alive, FramesCounted, SegmentRendered
from framewatch.render.tasks import DeviceReport, RenderTask
from framewatch.render.warm_engine import describe_device
from framewatch.upscale.engine import UnusableDevice
from framewatch.upscale.identity import IdentityEngine
from full_run import InlineWorker, OpenGate, frame_times, process, rgb_frames
from media_factory import ffmpeg

KEYS: dict[str, Any] = {"ml_upscale": "esrgan-2x", "crf": 0, "container": "mkv"}
ANY_DEVICE = RenderTask.model_construct(device=None)
BY_NAME = RenderTask.model_construct(device="1")


@pytest.fixture
def three_devices(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Give the engine `identity` three equal devices and another one; returns those that are opened."""
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
    """Four seconds of video, which make eight segments."""
    clip = tmp_path / "clip.mkv"
    ffmpeg("-f", "lavfi", "-i", "testsrc2=size=96x64:rate=25:duration=4", "-c:v", "libx264", "-g", "12", clip)
    return clip


def test_only_equal_devices_share_a_video(three_devices: list[str]) -> None:
    assert three_devices == []
    report = describe_device("identity")
    assert (report.name, [other.name for other in report.others]) == ("identity 0", ["identity 1", "identity 2"])


def test_three_devices_make_the_same_video_as_one(clip: Path, tmp_path: Path, three_devices: list[str]) -> None:
    alone = process(clip, tmp_path / "alone", 0.5, gpus=1, **KEYS)
    assert three_devices == ["0"]
    shared = process(clip, tmp_path / "shared", 0.5, **KEYS)
    assert sorted(three_devices[1:]) == ["0", "1", "2"]
    assert frame_times(alone.result) == frame_times(shared.result)
    pairs = zip(rgb_frames(alone.result), rgb_frames(shared.result), strict=True)
    assert all(np.array_equal(one, other) for one, other in pairs)


def test_there_are_no_more_workers_than_segments(tmp_path: Path, three_devices: list[str]) -> None:
    clip = tmp_path / "clip.mkv"
    ffmpeg("-f", "lavfi", "-i", "testsrc2=size=96x64:rate=25:duration=1", "-c:v", "libx264", "-g", "12", clip)
    process(clip, tmp_path / "work", 0.5, **KEYS)
    assert sorted(three_devices) == ["0", "1"]


class BusyGate(OpenGate):
    """Some devices are held by others, and become free for whoever waits."""

    def __init__(self, *busy: str) -> None:
        self._busy = busy

    def try_hold(self, device: DeviceReport, *_: object) -> Any:
        return None if device.id in self._busy else nullcontext()


def break_devices(monkeypatch: pytest.MonkeyPatch, *devices: str) -> None:
    """Make some devices fail as they are opened."""
    opening = IdentityEngine.open

    def opens(self: IdentityEngine, device: str, request: Any) -> Any:
        session = opening(self, device, request)
        if device in devices:
            raise EngineError(f"{device} is broken")
        return session

    monkeypatch.setattr(IdentityEngine, "open", opens)


def test_a_failing_device_is_lost_while_the_others_go_on(
    clip: Path, tmp_path: Path, three_devices: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    break_devices(monkeypatch, "1")
    made = process(clip, tmp_path / "work", 0.5, gate=BusyGate("0"), **KEYS)
    assert sorted(three_devices) == ["1", "2"]
    assert "device 1" in [warning.where for warning in made.warnings]


def test_the_first_device_is_waited_for_when_all_free_ones_fail(
    clip: Path, tmp_path: Path, three_devices: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    break_devices(monkeypatch, "1")
    made = process(clip, tmp_path / "work", 0.5, gate=BusyGate("0", "2"), **KEYS)
    assert three_devices == ["1", "0"]
    assert "device 1" in [warning.where for warning in made.warnings]


def test_at_most_the_configured_number_of_free_devices_is_used(
    clip: Path, tmp_path: Path, three_devices: list[str]
) -> None:
    process(clip, tmp_path / "work", 0.5, gate=BusyGate("0"), gpus=1, **KEYS)
    assert three_devices == ["1"]


class ProgressRecorder(Observer):
    def __init__(self) -> None:
        self.seen: list[Progress] = []

    def progressed(self, progress: Progress) -> None:
        self.seen.append(progress)


def test_progress_never_goes_back_when_a_device_is_lost(
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
    recorder = ProgressRecorder()
    process(clip, tmp_path / "work", 0.5, gpus=2, observer=recorder, **KEYS)
    assert len(three_devices) > 2  # a second round rendered what was lost
    encoded = [progress.encoded for progress in recorder.seen]
    assert encoded == sorted(encoded)
    assert (encoded[-1], recorder.seen[-1].engine) == (100, "identity")


class PrimaryWorker(InlineWorker):
    """Records which device workers are kept."""

    def __init__(self) -> None:
        self.kept: list[list[str]] = []

    def keep_device_workers(self, devices: Collection[str]) -> None:
        self.kept.append(list(devices))


def test_unused_device_workers_are_ended(
    clip: Path, tmp_path: Path, three_devices: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    break_devices(monkeypatch, "1")
    primary = PrimaryWorker()
    process(clip, tmp_path / "work", 0.5, worker=primary, **KEYS)
    assert "1" in primary.kept[0]
    assert "1" not in primary.kept[1]
    process(clip, tmp_path / "alone", 0.5, worker=primary, gpus=1, **KEYS)
    assert primary.kept[-1] == []
    assert three_devices


class ScriptedWorker:
    """Sends given messages, and ends as it is told to, or waits to be stopped."""

    def __init__(
        self,
        *messages: Record,
        after: threading.Event | None = None,
        ends: BaseException | None = None,
        waits: bool = False,
    ) -> None:
        self._to_send = messages
        self._after = after
        self._ends = ends
        self._waits = waits
        self.stopped = False

    def run(self, task: Record, heard: Callable[[Any], None], stop: threading.Event, **_: Any) -> None:
        assert self._after is None or self._after.wait(30)
        for message in self._to_send:
            heard(message)
        if self._waits:
            self.stopped = stop.wait(30)
            raise CancelledError("stopped")
        if self._ends is not None:
            raise self._ends


def pool_of(*workers: ScriptedWorker, on_lost: OnLost = lambda index, error: None) -> WorkerPool:
    tasks = [ANY_DEVICE, *[BY_NAME] * (len(workers) - 1)]
    return WorkerPool(workers, tasks, 600, on_lost)  # type: ignore[arg-type]


def test_the_counts_of_all_workers_are_added_up() -> None:
    heard: list[Any] = []
    one = ScriptedWorker(FramesCounted(stage="encode", decoded=3, upscaled=2, encoded=1))
    two = ScriptedWorker(Alive(count=1), FramesCounted(stage="decode", decoded=30, upscaled=20, encoded=10))
    pool_of(one, two).run(heard.append, threading.Event())
    assert Alive(count=1) in heard
    last = [message for message in heard if isinstance(message, FramesCounted)][-1]
    assert (last.decoded, last.upscaled, last.encoded) == (33, 22, 11)


def test_a_task_without_a_device_that_fails_ends_the_job() -> None:
    pool = pool_of(ScriptedWorker(), ScriptedWorker(ends=EngineError("broken")), ScriptedWorker())
    pool.run(lambda _: None, threading.Event())
    assert pool.lost == [1]
    other = ScriptedWorker(waits=True)
    with pytest.raises(EngineError):
        pool_of(ScriptedWorker(ends=EngineError("broken")), other).run(lambda _: None, threading.Event())
    assert other.stopped


def test_a_lost_device_is_reported_at_once_and_keeps_its_finished_segments() -> None:
    heard: list[Any] = []
    reported = threading.Event()
    segment = SegmentRendered(number=3, frames=5, size=1, digest="", engine="identity", upscaled=5, damaged=0)
    bad = ScriptedWorker(FramesCounted(stage="encode", encoded=20), segment, ends=EngineError("broken"))
    good = ScriptedWorker(FramesCounted(stage="encode", encoded=1), after=reported)
    pool_of(good, bad, on_lost=lambda *_: reported.set()).run(heard.append, threading.Event())
    assert [message.encoded for message in heard if isinstance(message, FramesCounted)] == [20, 6]


def test_whatever_goes_wrong_no_worker_is_left_running() -> None:
    def full(_: Any) -> None:
        raise StorageError("the disk is full", code="storage.full")

    stop = threading.Event()
    stop.set()
    cases: list[tuple[ScriptedWorker, Callable[[Any], None], threading.Event, type[Exception]]] = [
        (ScriptedWorker(ends=WorkerError("died")), lambda _: None, threading.Event(), WorkerError),
        (ScriptedWorker(Alive(count=1)), full, threading.Event(), StorageError),
        (ScriptedWorker(waits=True), lambda _: None, stop, CancelledError),
    ]
    for bad, heard, stopped, error in cases:
        first = ScriptedWorker(waits=True)
        with pytest.raises(error):
            pool_of(first, bad).run(heard, stopped)
        assert first.stopped
