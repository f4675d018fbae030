"""The worker process and its client: answers belong to their tasks, and nothing outlives the owner."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import pytest

import failing_worker
from clips import make_clip
from failing_worker import FailTask
from framewatch import errors
from framewatch.errors import (
    CancelledError,
    CrashError,
    Finding,
    FramewatchError,
    MediaError,
    Need,
    Remedy,
    StorageError,
    WorkerError,
)
from framewatch.media.ffmpeg.discovery import find_ffmpeg
from framewatch.render.messages import FramesCounted
from framewatch.render.tasks import CommandTask, InspectTask, ProbeReport, ProbeTask
from framewatch.render.wire import to_line
from framewatch.render.worker_client import Worker
from media_factory import ffmpeg
from waiting import eventually


@pytest.fixture
def worker() -> Iterator[Worker]:
    worker = Worker()
    yield worker
    worker.kill()


def ignore(_: Any) -> None:
    """Ignore messages."""


def not_stopped() -> threading.Event:
    return threading.Event()


def slow_command(folder: Path) -> CommandTask:
    """A command that takes a minute of real time, and reports its progress."""
    argv = (str(find_ffmpeg(None)), "-nostdin", "-progress", "pipe:1", "-re", "-f", "lavfi", "-i", "testsrc2=s=64x48")
    return CommandTask(argv=(*argv, "-t", "60", "-y", f"file:{folder / 'slow.mp4'}"), counts=True)


def test_one_process_runs_several_tasks(worker: Worker, tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "a.mp4", frames=7)
    first: ProbeReport = worker.run(ProbeTask(source=clip), ignore, not_stopped())
    pid = worker.pid
    inspected = worker.run(InspectTask(path=clip), ignore, not_stopped())
    assert first.timeline is not None
    assert first.timeline.frames == inspected.inspection.video.frames == 7
    assert worker.pid == pid


def test_workers_of_devices_that_are_no_longer_needed_end_and_the_others_stay(worker: Worker, tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "a.mp4", frames=2)
    device_workers = [worker.device_worker(name) for name in ("1", "2")]
    for device_worker in device_workers:
        device_worker.run(ProbeTask(source=clip), ignore, not_stopped())
    pid = device_workers[1].pid
    worker.keep_device_workers(["2"])
    assert (device_workers[0].pid, device_workers[1].pid) == (None, pid)
    assert worker.device_worker("2") is device_workers[1]


def test_an_error_arrives_with_its_class(worker: Worker, tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_text("no video")
    with pytest.raises(MediaError) as caught:
        worker.run(ProbeTask(source=tmp_path / "a.mp4"), ignore, not_stopped())
    assert caught.value.finding.code == "media.not_media"


@pytest.fixture(scope="module")
def failing() -> Iterator[Worker]:
    """A worker whose tasks fail with the error that they name."""
    with pytest.MonkeyPatch.context() as patch:
        support = str(Path(failing_worker.__file__).parent)
        patch.setenv("PYTHONPATH", os.pathsep.join(filter(None, [support, os.environ.get("PYTHONPATH")])))
        worker = Worker(module="failing_worker")
        yield worker
        worker.kill()


ERRORS = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, FramewatchError)]


@pytest.mark.parametrize("kind", ERRORS, ids=lambda kind: kind.__name__)
def test_every_error_class_keeps_its_class_and_data_across_processes(
    failing: Worker, kind: type[FramewatchError]
) -> None:
    with pytest.raises(FramewatchError) as caught:
        failing.run(FailTask(error=kind.__name__), ignore, not_stopped())
    error = caught.value
    assert type(error) is kind
    assert error.findings == (Finding("a.b", "first \udcff", "hint", "where"), Finding("c.d", "second"))
    assert (error.needs, error.remedy) == ((Need("output", 7),), kind.remedy)


def test_an_error_of_a_class_unknown_here_keeps_its_data(failing: Worker) -> None:
    """Another version of framewatch may have raised it; it still has to hold the job, or fail it."""
    with pytest.raises(FramewatchError) as caught:
        failing.run(FailTask(error="NewerError"), ignore, not_stopped())
    error = caught.value
    assert type(error) is FramewatchError
    assert [finding.code for finding in error.findings] == ["a.b", "c.d"]
    assert (error.needs, error.remedy) == ((Need("output", 7),), Remedy.WAIT)


def test_a_file_name_that_is_not_utf_8_arrives_unchanged(worker: Worker, tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "a.mp4", frames=2)
    odd = tmp_path / os.fsdecode(b"\xff\xfe.mp4")
    clip.rename(odd)
    report: ProbeReport = worker.run(ProbeTask(source=odd), ignore, not_stopped())
    assert report.timeline is not None


def test_a_failing_message_handler_costs_the_worker_but_not_the_next_task(worker: Worker, tmp_path: Path) -> None:
    """Otherwise the next task would get the old one's answer."""
    clip = make_clip(tmp_path / "a.mp4", frames=3)

    def broken(_: Any) -> None:
        raise ValueError("a bug in the handler")

    with pytest.raises(ValueError, match="a bug"):
        worker.run(slow_command(tmp_path), broken, not_stopped())
    assert isinstance(worker.run(ProbeTask(source=clip), ignore, not_stopped()), ProbeReport)


def test_stopping_a_task_ends_the_worker_and_its_ffmpeg(worker: Worker, tmp_path: Path) -> None:
    stop = threading.Event()
    family: list[psutil.Process] = []

    def on_message(_: Any) -> None:
        assert worker.pid is not None
        family.extend(psutil.Process(worker.pid).children())
        stop.set()

    with pytest.raises(CancelledError):
        worker.run(slow_command(tmp_path), on_message, stop)
    assert family
    assert not any(process.is_running() and process.status() != psutil.STATUS_ZOMBIE for process in family)
    with pytest.raises(CancelledError):  # one that is stopped before it begins starts nothing
        worker.run(slow_command(tmp_path), ignore, stop)
    assert worker.pid is None


def test_while_a_worker_is_silent_its_owner_may_still_end_the_task(worker: Worker, tmp_path: Path) -> None:
    """A worker that reads from a dead share says nothing any more."""

    def share_is_dead() -> None:
        raise StorageError("this folder does not answer")

    with pytest.raises(StorageError):
        worker.run(slow_command(tmp_path), ignore, not_stopped(), on_wait=share_is_dead)
    assert worker.pid is None


def test_a_killed_worker_is_an_error_and_the_next_task_gets_a_new_worker(worker: Worker, tmp_path: Path) -> None:
    def on_message(_: Any) -> None:
        assert worker.pid is not None
        os.kill(worker.pid, signal.SIGKILL)

    with pytest.raises(WorkerError) as caught:
        worker.run(slow_command(tmp_path), on_message, not_stopped())
    assert caught.value.finding.code == "worker.died"
    assert "signal 9" in caught.value.finding.message
    clip = make_clip(tmp_path / "a.mp4", frames=2)
    assert worker.run(ProbeTask(source=clip), ignore, not_stopped()).timeline.frames == 2


@pytest.mark.parametrize(
    ("who", "number"), [("worker", signal.SIGSEGV), ("ffmpeg", signal.SIGABRT), ("ffmpeg", signal.SIGKILL)]
)
def test_a_crash_is_told_from_a_kill(worker: Worker, tmp_path: Path, who: str, number: signal.Signals) -> None:
    def on_message(_: Any) -> None:
        assert worker.pid is not None
        victims = {"worker": [psutil.Process(worker.pid)], "ffmpeg": psutil.Process(worker.pid).children()}
        for process in victims[who]:
            with suppress(psutil.NoSuchProcess):  # it is about to end
                process.send_signal(number)

    with pytest.raises(WorkerError) as caught:
        worker.run(slow_command(tmp_path), on_message, not_stopped())
    assert isinstance(caught.value, CrashError) == (number != signal.SIGKILL)
    assert number.name in caught.value.finding.message


@pytest.mark.parametrize("who", ["worker", "ffmpeg"])
def test_a_worker_that_stalls_is_killed_with_everything_it_started(worker: Worker, tmp_path: Path, who: str) -> None:
    family: list[psutil.Process] = []

    def on_message(_: Any) -> None:
        if not family:
            assert worker.pid is not None
            parent = psutil.Process(worker.pid)
            family.extend([parent, *parent.children()])
            (parent if who == "worker" else family[1]).suspend()

    with pytest.raises(WorkerError) as caught:
        worker.run(slow_command(tmp_path), on_message, not_stopped(), stall_seconds=5)
    assert (caught.value.finding.code, caught.value.remedy) == ("worker.stalled", Remedy.RETRY)
    assert len(family) == 2
    _, alive = psutil.wait_procs(family, timeout=5)
    assert not alive


@pytest.mark.parametrize("stopped", [True, False])
def test_a_worker_that_does_not_read_its_task_is_killed(worker: Worker, tmp_path: Path, stopped: bool) -> None:
    worker.run(ProbeTask(source=make_clip(tmp_path / "a.mp4", frames=2)), ignore, not_stopped())
    assert worker.pid is not None
    process, stop = psutil.Process(worker.pid), not_stopped()
    process.suspend()
    limit = threading.Timer(20, process.kill)  # so that a bug ends the test, with another error
    limit.start()
    if stopped:
        threading.Timer(0.5, stop.set).start()
    larger_than_a_pipe = CommandTask(argv=("x" * 1_000_000,))
    with pytest.raises(CancelledError if stopped else WorkerError) as caught:
        worker.run(larger_than_a_pipe, ignore, stop, stall_seconds=60 if stopped else 0.5)
    limit.cancel()
    if not stopped:
        assert caught.value.finding.code == "worker.stalled"
    assert not process.is_running()


def test_a_process_that_a_tool_left_behind_is_killed_and_the_worker_stays(worker: Worker, tmp_path: Path) -> None:
    """It even holds the tool's pipes; their end is not waited for."""
    (tmp_path / "tool").write_text('#!/bin/sh\nsleep 1000 &\necho $! > "$1"\n')
    (tmp_path / "tool").chmod(0o755)
    worker.run(CommandTask(argv=(str(tmp_path / "tool"), str(tmp_path / "pid"))), ignore, not_stopped())
    child, pid = psutil.Process(int((tmp_path / "pid").read_text())), worker.pid
    assert child.is_running()
    worker.kill_orphans()
    psutil.wait_procs([child], timeout=5)
    assert not child.is_running()
    assert worker.pid == pid
    assert isinstance(
        worker.run(ProbeTask(source=make_clip(tmp_path / "a.mp4", frames=2)), ignore, not_stopped()), ProbeReport
    )


def test_a_worker_is_not_killed_for_messages_that_its_owner_was_too_busy_to_read(
    worker: Worker, tmp_path: Path
) -> None:
    slept: list[Any] = []

    def on_message(message: Any) -> None:
        if isinstance(message, FramesCounted) and message.seconds > 0.5:
            if slept:
                raise InterruptedError
            slept.append(message)
            time.sleep(7)  # as in a share that is gone

    with pytest.raises(InterruptedError):
        worker.run(slow_command(tmp_path), on_message, not_stopped(), stall_seconds=6)


def test_a_worker_whose_stdin_ends_kills_its_ffmpeg_too(tmp_path: Path) -> None:
    """However the owner dies, its end of the pipe is closed."""
    command = [sys.executable, "-m", "framewatch.render.worker"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, process_group=0) as process:
        assert process.stdin is not None
        process.stdin.write(to_line(slow_command(tmp_path)))
        process.stdin.flush()
        family = eventually(lambda: psutil.Process(process.pid).children(), what="the ffmpeg")
        process.stdin.close()
        assert process.wait(5) == -signal.SIGKILL
        eventually(lambda: not any(child.is_running() for child in family), timeout=2, what="the end of ffmpeg")
        assert process.stdout is not None
        process.stdout.read()
    assert ffmpeg("-version")


def test_a_flood_of_lines_is_cut_short(monkeypatch: pytest.MonkeyPatch) -> None:
    support = str(Path(failing_worker.__file__).parent)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, [support, os.environ.get("PYTHONPATH")])))
    printed: list[str] = []
    logged: list[Any] = []
    worker = Worker(module="failing_worker", on_stderr=printed.append)
    try:
        with pytest.raises(MediaError, match="enough"):
            worker.run(FailTask(error="flood"), logged.append, threading.Event())
    finally:
        worker.kill()
    assert 100 < len(logged) < 300
    assert 100 < len(printed) < 300
    assert max(map(len, printed)) <= 2000
