"""Running ffmpeg: commands on files, and encoders that are fed with frames."""

from __future__ import annotations

import os
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest

from framewatch.errors import CancelledError, Remedy, StorageError, WorkerError
from framewatch.media import process_bounds
from framewatch.media.ffmpeg.io_activity import IoActivity
from framewatch.media.ffmpeg.process import Encoder, run_ffmpeg
from framewatch.media.heartbeat import Heartbeat
from framewatch.media.process_bounds import Bounds
from framewatch.storage.files import named_by_user
from media_samples import FFMPEG, frames_of, program

QUIET = [str(FFMPEG), "-nostdin", "-nostats", "-loglevel", "level+warning", "-progress", "pipe:1"]
SIZE = (48, 64, 3)


def raw_to(out: Path | str, *args: str) -> list[str]:
    head = [*QUIET, "-f", "rawvideo", "-pixel_format", "rgb24", "-video_size", "64x48", "-i", "pipe:0"]
    return [part for part in [*head, *args, "-y", str(out)] if part != "-nostdin"]


def frame(level: int) -> Any:
    return np.full(SIZE, level, np.uint8)


def write_until_it_fails(encoder: Encoder) -> None:
    for _ in range(1000):
        encoder.write(frame(0))


@pytest.fixture(autouse=True)
def _nothing_is_left_running() -> Any:
    yield
    assert [thread.name for thread in threading.enumerate() if thread.name.startswith("ffmpeg")] == []
    assert psutil.Process().children(recursive=True) == []


def test_a_command_runs_to_its_end_and_reports_its_progress(tmp_path: Path) -> None:
    out, seen = tmp_path / "o.mp4", []
    source = ["-f", "lavfi", "-i", "testsrc=s=64x48:r=25:d=2"]
    run_ffmpeg([*QUIET, *source, "-preset", "ultrafast", "-y", str(out)], on_progress=seen.append)
    assert len(frames_of(out)) == 50
    assert seen[-1].done
    assert seen[-1].frames == 50
    assert seen[-1].seconds == pytest.approx(2.0, abs=0.1)


REWRITING = 'cat "$1" > "$1.new"; sleep 0.3; cat "$1" > "$1.new"; sleep 0.3; cat "$1" > "$1.new"; sleep 0.3'


def test_a_silent_tool_that_rewrites_a_file_beats(tmp_path: Path) -> None:
    """Ffmpeg does so when it moves the index of a large mp4 to the front."""
    large = tmp_path / "o.mp4"
    large.write_bytes(bytes(100_000))
    heartbeat = Heartbeat()
    run_ffmpeg([str(program(tmp_path / "tool", f"exec 1>&-; {REWRITING}")), str(large)], beat=heartbeat)
    assert heartbeat.beats >= 2


def test_a_tool_that_repeats_the_same_report_does_not_beat(tmp_path: Path) -> None:
    beats = []
    for counted in ("7", "n"):
        said = f"print(f'frame={{{counted}}}\\nprogress=continue', flush=True)"
        script = f"import time\nfor n in range(20):\n {said}\n time.sleep(0.1)"
        heartbeat = Heartbeat()
        run_ffmpeg([sys.executable, "-I", "-S", "-c", script], beat=heartbeat)
        beats.append(heartbeat.beats)
    assert beats[0] < 10
    assert beats[1] >= 20


def test_an_encoder_beats_while_it_flushes_after_its_last_frame(tmp_path: Path) -> None:
    heartbeat = Heartbeat()
    told = "echo frame=$n; echo progress=continue"
    slow = program(tmp_path / "tool", f"cat > /dev/null; for n in 1 2 3; do {told}; done")
    with Encoder([str(slow)], beat=heartbeat) as encoder:
        encoder.write(frame(0))
        written = heartbeat.beats
        encoder.finish()
    assert written >= 1
    assert heartbeat.beats >= written + 3


def test_without_io_counters_the_output_shows_that_a_tool_is_working(tmp_path: Path) -> None:
    out = tmp_path / "o.mp4"
    activity = IoActivity(2**30, out)  # no process has this number
    assert not activity.changed()
    out.write_bytes(b"1")
    assert activity.changed()
    assert not activity.changed()
    os.utime(out, ns=(1, 1))
    assert activity.changed()


def test_a_failure_states_what_ffmpeg_logged_and_every_line_is_passed_on(tmp_path: Path) -> None:
    lines: list[tuple[str, str]] = []
    with pytest.raises(WorkerError) as caught:
        run_ffmpeg(
            [*QUIET, "-i", str(tmp_path / "absent.mp4"), "-y", "o.mp4"],
            on_log=lambda *line: lines.append(line),
        )
    finding = caught.value.finding
    assert finding.code == "ffmpeg.failed"
    assert "No such file or directory" in finding.message
    assert "0x" not in finding.message
    assert any(level == "error" and "No such file" in text for level, text in lines)


def test_a_damaged_source_is_reported_as_such(tmp_path: Path) -> None:
    bad = tmp_path / "bad.mp4"
    bad.write_bytes(b"\0" * 4096)
    with pytest.raises(WorkerError) as caught:
        run_ffmpeg([*QUIET, "-i", str(bad), "-f", "null", "-"])
    assert caught.value.finding.hint == "the source is damaged"


def test_the_names_of_files_do_not_explain_a_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process_bounds, "_current", Bounds(ffmpeg=10**12))
    bad = tmp_path / "Out of memory.mp4"
    bad.write_bytes(b"\0" * 4096)
    with pytest.raises(WorkerError) as caught:
        run_ffmpeg([*QUIET, "-i", f"file:{bad}", "-f", "null", "-"], [named_by_user(bad)])
    assert caught.value.finding.code == "ffmpeg.failed"
    assert "Out of memory.mp4" in caught.value.finding.message


def test_a_program_that_is_gone_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(WorkerError) as caught:
        run_ffmpeg([str(tmp_path / "absent")])
    assert caught.value.finding.code == "ffmpeg.missing"


def test_a_flood_of_messages_neither_blocks_nor_fills_memory(tmp_path: Path) -> None:
    loud = program(tmp_path / "loud", "yes '[error] again and again' | head -n 100000 >&2; exit 1")
    lines: list[str] = []
    with pytest.raises(WorkerError, match="again and again"):
        run_ffmpeg([str(loud)], on_log=lambda level, text: lines.append(level))
    assert lines == ["error"] * 100_000


# --- feeding ------------------------------------------------------------------------------------------------


def test_frames_written_to_the_encoder_are_in_the_file(tmp_path: Path) -> None:
    out = tmp_path / "o.mkv"
    with Encoder(raw_to(out, "-c:v", "ffv1")) as encoder:
        for level in range(10):
            encoder.write(frame(level * 20))
        encoder.finish()
    levels = [int(each.to_ndarray(format="rgb24")[20, 20, 0]) for each in frames_of(out)]
    assert levels == [level * 20 for level in range(10)]


def test_a_frame_larger_than_the_pipe_is_written_completely(tmp_path: Path) -> None:
    out = tmp_path / "o.raw"
    noise = np.random.default_rng(1).integers(0, 256, (1080, 1920, 3), np.uint8)
    argv = raw_to(out, "-c:v", "rawvideo", "-f", "rawvideo")
    argv[argv.index("64x48")] = "1920x1080"
    with Encoder(argv) as encoder:
        encoder.write(noise)
        encoder.finish()
    assert out.read_bytes() == noise.tobytes()


def test_writing_to_an_encoder_that_died_raises_its_error(tmp_path: Path) -> None:
    encoder = Encoder(raw_to(tmp_path / "o.mkv", "-c:v", "libx999"))
    with pytest.raises(WorkerError, match="Unknown encoder 'libx999'") as caught:
        write_until_it_fails(encoder)
    assert "built without the encoder" in caught.value.finding.hint
    encoder.abort()


def test_an_encoder_that_fails_when_it_finishes_is_an_error(tmp_path: Path) -> None:
    with (
        Encoder(raw_to(tmp_path / "absent" / "o.mkv")) as encoder,
        pytest.raises(WorkerError, match="No such file"),
    ):
        encoder.finish()


def test_an_encoder_that_was_killed_is_an_error(tmp_path: Path) -> None:
    with Encoder(raw_to(tmp_path / "o.mkv")) as encoder:
        encoder.write(frame(0))
        psutil.Process(encoder._process._popen.pid).kill()
        with pytest.raises(WorkerError, match="SIGKILL") as caught:
            encoder.finish()
    assert caught.value.finding.code == "ffmpeg.killed"
    assert caught.value.remedy is Remedy.RETRY


def test_abort_ends_the_encoder_and_can_be_repeated(tmp_path: Path) -> None:
    encoder = Encoder(raw_to(tmp_path / "o.mkv"))
    encoder.write(frame(0))
    encoder.abort()
    encoder.abort()
    assert encoder._process._popen.returncode == -9
    with pytest.raises(CancelledError):
        encoder.write(frame(0))


def test_abort_wakes_a_writer_that_waits_for_a_stuck_encoder(tmp_path: Path) -> None:
    stuck = program(tmp_path / "stuck", "echo begun >&2; exec sleep 600")
    begun, caught = threading.Event(), []
    encoder = Encoder([str(stuck)], on_log=lambda *_: begun.set())

    def fill() -> None:
        try:
            while True:
                encoder.write(np.zeros(1 << 22, np.uint8))
        except CancelledError as error:
            caught.append(error.finding.code)

    writer = threading.Thread(target=fill)
    writer.start()
    assert begun.wait(10)
    encoder.abort()
    writer.join(10)
    assert caught == ["job.cancelled"]


def test_an_encoder_stays_in_its_owners_process_group(tmp_path: Path) -> None:
    with Encoder(raw_to(tmp_path / "o.mkv")) as encoder:
        assert os.getpgid(encoder._process._popen.pid) == os.getpgid(0)


def test_a_full_disk_holds_the_job(tmp_path: Path) -> None:
    full = program(tmp_path / "full", "echo '[error] Error writing trailer: No space left on device' >&2; exit 228")
    with pytest.raises(StorageError) as caught:
        run_ffmpeg([str(full)])
    assert caught.value.remedy is Remedy.WAIT
