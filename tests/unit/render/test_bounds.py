"""What the kernel keeps a worker and its ffmpeg from taking, and what becomes of a task that asks for more."""

from __future__ import annotations

import os
import queue
import struct
import sys
import threading
import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

import failing_worker
from clips import make_clip
from failing_worker import FailTask
from framewatch.errors import (
    EngineError,
    FramewatchError,
    MediaError,
    OutOfMemoryError,
    Remedy,
    ToolMissingError,
    WorkerError,
)
from framewatch.media.ffmpeg.discovery import find_ffmpeg
from framewatch.media.limits import Limits
from framewatch.media.process_bounds import Bounds
from framewatch.render.tasks import BoundedTask, CommandTask, ProbeTask
from framewatch.render.worker_client import Worker
from hostile_media import (
    avi_with_repeated_index,
    box,
    claiming_packets,
    flac_with_picture,
    matroska_with_private_data,
    movie,
    sound_with_id3_picture,
    table,
    track,
)
from media_factory import ffmpeg, make_video

linux_only = pytest.mark.skipif(sys.platform != "linux", reason="only Linux bounds memory")
MB = 10**6


@pytest.fixture(scope="module")
def worker() -> Iterator[Worker]:
    worker = Worker()
    yield worker
    worker.kill()


@pytest.fixture(scope="module")
def fresh_worker() -> Iterator[Worker]:
    """A worker that has read nothing but small movies: its peak of memory is theirs."""
    worker = Worker()
    yield worker
    worker.kill()


def run(worker: Worker, task: BoundedTask) -> Any:
    return worker.run(task, lambda _: None, threading.Event())


def error_of(worker: Worker, task: BoundedTask) -> MediaError:
    with pytest.raises(MediaError) as caught:
        run(worker, task)
    assert caught.value.remedy == Remedy.NONE
    return caught.value


def encode(out: Path, *options: str, bounds: Bounds) -> CommandTask:
    source = ("-f", "lavfi", "-i", "testsrc2=size=1920x1080:rate=25:duration=4", "-c:v", "libx264", "-crf", "1")
    argv = (str(find_ffmpeg(None)), "-nostdin", *source, "-preset", "ultrafast", *options, "-y", f"file:{out}")
    return CommandTask(argv=argv, bounds=bounds)


def limit(pid: int, name: str) -> str:
    lines = Path(f"/proc/{pid}/limits").read_text().splitlines()
    return next(line.split()[len(name.split())] for line in lines if line.startswith(name))


def peak_memory(pid: int) -> int:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(1024 * int(line.split()[1]) for line in lines if line.startswith("VmHWM:"))


@linux_only
def test_a_worker_takes_each_bound_with_its_task_and_drops_it_after(worker: Worker, tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "a.mp4", frames=2)
    run(worker, ProbeTask(source=clip, bounds=Bounds(worker=400 * MB, beyond_held=False)))
    assert worker.pid
    assert int(limit(worker.pid, "Max data size")) == 400 * MB
    run(worker, ProbeTask(source=clip, bounds=Bounds(worker=10**10)))
    assert int(limit(worker.pid, "Max data size")) > 400 * MB
    run(worker, ProbeTask(source=clip))
    assert limit(worker.pid, "Max data size") == "unlimited"
    assert limit(worker.pid, "Max core file size") == "0"
    assert int(limit(worker.pid, "Max open files")) <= 1024
    assert int(Path(f"/proc/{worker.pid}/oom_score_adj").read_text()) >= 500


@linux_only
def test_a_frame_beyond_the_bound_is_too_costly_and_the_worker_lives_on(worker: Worker, tmp_path: Path) -> None:
    large = make_video(tmp_path / "large.mp4", source="color", size="8192x8192", seconds=0.04)
    small = make_clip(tmp_path / "small.mp4", frames=2)
    bounds = Bounds(worker=100 * MB, beyond_held=False)
    error = error_of(worker, ProbeTask(source=large, limits=Limits(), bounds=bounds))
    assert error.finding.code == "media.too_costly"
    assert "needs 0.1 GB of memory; a worker may use 0.2 GB in all" in error.finding.message
    assert "limits.worker_gb" in error.finding.hint
    pid = worker.pid
    assert run(worker, ProbeTask(source=small, limits=Limits(), bounds=bounds)).timeline.frames == 2
    assert worker.pid == pid


@linux_only
def test_an_ffmpeg_beyond_its_bound_is_too_costly(worker: Worker, tmp_path: Path) -> None:
    error = error_of(worker, encode(tmp_path / "a.mp4", "-preset", "placebo", bounds=Bounds(ffmpeg=200 * MB)))
    assert error.finding.code == "media.too_costly"
    assert "0.2 GB" in error.finding.message


def test_a_file_beyond_its_bound_is_too_costly(worker: Worker, tmp_path: Path) -> None:
    error = error_of(worker, encode(tmp_path / "a.mp4", bounds=Bounds(file=MB)))
    assert error.finding.code == "media.too_costly"
    assert (tmp_path / "a.mp4").stat().st_size <= MB
    run(worker, encode(tmp_path / "a.mp4", "-frames:v", "1", bounds=Bounds(file=10 * MB)))


@pytest.mark.parametrize("word", ["title=" + "x" * 200_000, "title=a\0b"], ids=["too long", "with a NUL"])
def test_arguments_that_no_program_can_be_given_are_an_error_of_the_file(
    worker: Worker, tmp_path: Path, word: str
) -> None:
    error = error_of(worker, encode(tmp_path / "a.mp4", "-metadata", word, bounds=Bounds()))
    assert error.finding.code == "media.command_refused"


def overlapping_exif(entries: int, size: int) -> bytes:
    """Make EXIF tags that all have the same text as their value: libav copies it for each."""
    data = 8 + 2 + 12 * entries + 4
    tags = b"".join(struct.pack("<HHII", 0x1000 + each, 2, size, data) for each in range(entries))
    return b"II*\0" + struct.pack("<IH", 8, entries) + tags + bytes(4) + b"a" * size


def png_with_exif(path: Path, exif: bytes) -> Path:
    make_image(path)
    data, body = path.read_bytes(), b"eXIf" + exif
    path.write_bytes(
        data[:33] + struct.pack(">I", len(exif)) + body + struct.pack(">I", zlib.crc32(body)) + data[33:]
    )
    return path


def webp_with_exif(path: Path, exif: bytes) -> Path:
    make_image(path)
    extended = b"VP8X" + struct.pack("<I", 10) + b"\x08" + bytes(3) + (15).to_bytes(3, "little") * 2
    body = b"WEBP" + extended + path.read_bytes()[12:] + b"EXIF" + struct.pack("<I", len(exif)) + exif
    path.write_bytes(b"RIFF" + struct.pack("<I", len(body)) + body)
    return path


def make_image(path: Path) -> None:
    ffmpeg("-f", "lavfi", "-i", "testsrc2=size=16x16", "-frames:v", "1", f"file:{path}")


@linux_only
@pytest.mark.parametrize("make", [png_with_exif, webp_with_exif])
def test_tags_of_a_small_image_take_no_more_than_such_an_image_may(
    make: Callable[[Path, bytes], Path], tmp_path: Path
) -> None:
    worker = Worker()
    suffix = make.__name__[: -len("_with_exif")]
    task = ProbeTask(source=make(tmp_path / f"a.{suffix}", overlapping_exif(2000, 400_000)), limits=Limits())
    try:
        with suppress(MediaError):
            run(worker, task.evolve(bounds=Bounds(worker=2000 * MB)))
        assert worker.pid
        assert peak_memory(worker.pid) < 700 * MB
    finally:
        worker.kill()


SAMPLES = (table(b"stsc", 1, 1, 100, 1), table(b"stsz", 1, 100), table(b"stco", 1, 40))
FRAMES = track(table(b"stts", 1, 100, 2), *SAMPLES)
MANY = 200_000_000


def with_table(path: Path, *extra: bytes) -> Path:
    return movie(path, track(table(b"stts", 1, 100, 2), *SAMPLES, *extra))


def in_fragments(path: Path) -> Path:
    empty = track(table(b"stts", 0), table(b"stsc", 0), table(b"stsz", 0, 0), table(b"stco", 0))
    fragment = box(b"moof", table(b"mfhd", 1), box(b"traf", table(b"tfhd", 1), table(b"trun", MANY)))
    return movie(path, empty, after=fragment)


def after_unknown_box(path: Path) -> Path:
    path.write_bytes(box(b"abcd", bytes(50)) + path.read_bytes())
    return path


def in_compressed_index(path: Path) -> Path:
    """What only libav unpacks: the bound has to hold."""
    whole = claiming_packets(path, 80_000_000, tracks=3).read_bytes()
    index = whole[whole.index(b"moov") - 4 :]
    packed = box(b"cmvd", struct.pack(">I", len(index)), zlib.compress(index))
    path.write_bytes(whole[: -len(index)] + box(b"moov", box(b"cmov", box(b"dcom", b"zlib"), packed)))
    return path


def uncompressed_sound(path: Path) -> Path:
    """Two hundred chunks in the same place, of two thousand million audio frames each."""
    runs = (table(b"stts", 1, 2**31 - 1, 1), table(b"stsc", 1, 1, 2**31 - 1, 1), table(b"stsz", 2, 100))
    sound = track(*runs, table(b"stco", 200, *[40] * 200), handler=b"soun", entry=b"sowt")
    return movie(path, sound, FRAMES)


@linux_only
@pytest.mark.parametrize(
    ("make", "code"),
    [
        (lambda path: claiming_packets(path, 80_000_000), "media.too_costly"),
        (lambda path: claiming_packets(path, 40_000_000, tracks=3), "media.too_costly"),
        (lambda path: after_unknown_box(claiming_packets(path, 80_000_000)), "media.too_costly"),
        (in_fragments, "media.too_costly"),
        (in_compressed_index, None),
        (uncompressed_sound, "media.too_costly"),
        (lambda path: with_table(path, table(b"ctts", 1, MANY, 2)), None),
        (lambda path: with_table(path, table(b"stss", MANY)), None),
        (lambda path: with_table(path, table(b"co64", MANY)), None),
        (lambda path: with_table(path, box(b"sbgp", bytes(4), b"rap ", table(b"", MANY)[8:])), None),
        (lambda path: matroska_with_private_data(path, 0xFFFFFFF), None),
        (lambda path: flac_with_picture(path, 0x7FFFFFFF), None),
        (sound_with_id3_picture, None),
        (lambda path: avi_with_repeated_index(path, times=2000, entries=20_000), None),
    ],
    ids=[
        "sizes",
        "sizes of three tracks",
        "after a box of an unknown kind",
        "fragments",
        "compressed",
        "sound",
        "offsets",
        "key frames",
        "chunks",
        "groups",
        "matroska",
        "flac",
        "id3",
        "avi",
    ],
)
def test_a_small_file_that_claims_to_be_huge_takes_little_memory(
    fresh_worker: Worker, tmp_path: Path, make: Any, code: str | None
) -> None:
    task = ProbeTask(source=make(tmp_path / "a.mov"), limits=Limits(), bounds=Bounds(worker=10**9))
    found = None
    try:
        run(fresh_worker, task)
    except MediaError as error:
        found = error.finding.code
    assert code in (None, found)
    assert fresh_worker.pid
    assert peak_memory(fresh_worker.pid) < 150 * MB


@pytest.fixture(scope="module")
def failing() -> Iterator[Worker]:
    with pytest.MonkeyPatch.context() as patch:
        support = str(Path(failing_worker.__file__).parent)
        patch.setenv("PYTHONPATH", os.pathsep.join(filter(None, [support, os.environ.get("PYTHONPATH")])))
        worker = Worker(module="failing_worker", on_stderr=SAID.put)
        yield worker
        worker.kill()


SAID: queue.Queue[str] = queue.Queue()


def failure_of(worker: Worker, task: FailTask) -> FramewatchError:
    with pytest.raises(FramewatchError) as caught:
        worker.run(task, lambda _: None, threading.Event())
    return caught.value


@linux_only
@pytest.mark.parametrize("kind", [WorkerError, EngineError, ToolMissingError, OutOfMemoryError])
@pytest.mark.parametrize("held", [0.2, 0.85])
def test_an_error_is_blamed_on_a_small_bound_only_where_most_of_it_is_used(
    failing: Worker, kind: type[FramewatchError], held: float
) -> None:
    error = failure_of(failing, FailTask(error=kind.__name__, bound=500 * MB, hold=held))
    blamed = held > 0.5 and kind is not ToolMissingError  # which waits for a program
    assert error.finding.code == ("media.too_costly" if blamed else "a.b")
    assert "first" in error.finding.message
    assert error.remedy == (Remedy.NONE if blamed else kind.remedy)


def test_a_worker_that_dies_for_want_of_memory_is_too_costly(failing: Worker) -> None:
    """As where a C++ library does not catch that it got none."""
    error = failure_of(failing, FailTask(error="bad_alloc"))
    assert error.finding.code == "media.too_costly"
    assert "SIGABRT" in error.finding.message


def test_what_a_worker_said_in_another_task_does_not_explain_its_death(failing: Worker) -> None:
    failure_of(failing, FailTask(error="WorkerError", says="Cannot allocate memory"))
    while SAID.get(timeout=30) != "Cannot allocate memory":
        pass
    assert failure_of(failing, FailTask(error="abort")).finding.code == "worker.died"
