"""Running ffmpeg, and knowing what it can do."""

from __future__ import annotations

import os
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest

from framewatch.errors import CancelledError, ConfigError, Remedy, StorageError, WorkerError
from framewatch.media.ffmpeg.discovery import encoders, find_ffmpeg, version
from framewatch.media.ffmpeg.io_activity import IoActivity
from framewatch.media.ffmpeg.log_parser import EncodeProgress, failure, parse_log, parse_progress
from framewatch.media.ffmpeg.process import Encoder, run_ffmpeg
from framewatch.media.heartbeat import Heartbeat
from media_samples import FFMPEG, frames_of

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


def program(path: Path, script: str) -> Path:
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


@pytest.fixture(autouse=True)
def _nothing_is_left_running() -> Any:
    yield
    assert [thread.name for thread in threading.enumerate() if thread.name.startswith("ffmpeg")] == []
    assert psutil.Process().children(recursive=True) == []


# --- which one ----------------------------------------------------------------------------------------------


def test_the_configured_program_is_used(tmp_path: Path) -> None:
    own = program(tmp_path / "own", "exit 0")
    assert find_ffmpeg(own) == own


@pytest.mark.parametrize("name", ["absent", "folder", "text"])
def test_a_configured_path_that_is_no_program_is_refused(name: str, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "text").write_text("no program")
    with pytest.raises(ConfigError) as caught:
        find_ffmpeg(tmp_path / name)
    assert (caught.value.finding.code, caught.value.finding.where) == ("ffmpeg.missing", str(tmp_path / name))


def test_the_program_on_path_comes_before_the_bundled_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_ffmpeg(None) == FFMPEG
    on_path = program(tmp_path / "ffmpeg", "exit 0")
    assert find_ffmpeg(None) == on_path


def test_no_program_at_all_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def none() -> str:
        raise RuntimeError("no ffmpeg exe could be found")

    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("imageio_ffmpeg.get_ffmpeg_exe", none)
    with pytest.raises(ConfigError) as caught:
        find_ffmpeg(None)
    assert caught.value.finding.code == "ffmpeg.missing"


def test_version_and_software_encoders_are_read_from_the_program() -> None:
    assert any(letter.isdigit() for letter in version(FFMPEG))
    assert {"libx264", "libx265", "libvpx-vp9", "prores_ks", "aac", "libopus", "flac"} <= encoders(FFMPEG)


LISTING = """
case "$*" in
*-encoders*) printf ' ------\\n V....D libx264  x\\n V....D h264_nvenc  x\\n V....D hevc_nvenc  x\\n' ;;
*hevc_nvenc*) exit 0 ;;
*) exit 1 ;;
esac"""


def test_a_hardware_encoder_counts_only_if_it_encodes_a_frame(tmp_path: Path) -> None:
    fake = program(tmp_path / "ffmpeg", LISTING)
    assert encoders(fake) == {"libx264", "hevc_nvenc"}


def test_a_program_that_was_replaced_is_asked_anew(tmp_path: Path) -> None:
    fake = program(tmp_path / "ffmpeg", "echo ' ------'; echo ' V..... libx264 x'")
    assert encoders(fake) == {"libx264"}
    program(fake, "echo ' ------'; echo ' V..... libx265 x'")
    os.utime(fake, ns=(1, 1))
    assert encoders(fake) == {"libx265"}


@pytest.mark.parametrize("script", ["exit 3", None])
def test_a_program_that_does_not_run_is_an_error(script: str | None, tmp_path: Path) -> None:
    path = tmp_path / "ffmpeg"
    if script:
        program(path, script)
    for ask in (version, encoders):
        with pytest.raises(ConfigError) as caught:
            ask(path)
        assert caught.value.finding.code == "ffmpeg.missing"


# --- running ------------------------------------------------------------------------------------------------


def test_a_command_runs_to_its_end_and_reports_its_progress(tmp_path: Path) -> None:
    out, seen = tmp_path / "o.mp4", []
    source = ["-f", "lavfi", "-i", "testsrc=s=64x48:r=25:d=2"]
    run_ffmpeg([*QUIET, *source, "-preset", "ultrafast", "-y", str(out)], on_progress=seen.append)
    assert len(frames_of(out)) == 50
    assert seen[-1].done
    assert seen[-1].frames == 50
    assert seen[-1].seconds == pytest.approx(2.0, abs=0.1)


REWRITING = 'cat "$1" > "$1.new"; sleep 0.3; cat "$1" > "$1.new"; sleep 0.3; cat "$1" > "$1.new"; sleep 0.3'


def test_a_tool_that_rewrites_a_file_without_a_word_beats(tmp_path: Path) -> None:
    """As ffmpeg does when it moves the index of a large mp4 to its front."""
    large = tmp_path / "o.mp4"
    large.write_bytes(bytes(100_000))
    pulse = Heartbeat()
    run_ffmpeg([str(program(tmp_path / "tool", f"exec 1>&-; {REWRITING}")), str(large)], beat=pulse)
    assert pulse.beats >= 2


def test_a_tool_that_only_repeats_what_it_said_does_not_beat(tmp_path: Path) -> None:
    beats = []
    for counted in ("7", "n"):
        said = f"print(f'frame={{{counted}}}\\nprogress=continue', flush=True)"
        script = f"import time\nfor n in range(20):\n {said}\n time.sleep(0.1)"
        pulse = Heartbeat()
        run_ffmpeg([sys.executable, "-I", "-S", "-c", script], beat=pulse)
        beats.append(pulse.beats)
    assert beats[0] < 10
    assert beats[1] >= 20


def test_an_encoder_that_empties_beats_after_its_last_frame(tmp_path: Path) -> None:
    pulse = Heartbeat()
    told = "echo frame=$n; echo progress=continue"
    slow = program(tmp_path / "tool", f"cat > /dev/null; for n in 1 2 3; do {told}; done")
    with Encoder([str(slow)], beat=pulse) as encoder:
        encoder.write(frame(0))
        written = pulse.beats
        encoder.finish()
    assert written >= 1
    assert pulse.beats >= written + 3


def test_where_the_system_does_not_tell_the_output_itself_shows_that_a_tool_is_at_work(tmp_path: Path) -> None:
    out = tmp_path / "o.mp4"
    activity = IoActivity(2**30, out)  # no process has this number
    assert not activity.changed()
    out.write_bytes(b"1")
    assert activity.changed()
    assert not activity.changed()
    os.utime(out, ns=(1, 1))
    assert activity.changed()


def test_a_failure_tells_what_ffmpeg_said_and_passes_every_line_on(tmp_path: Path) -> None:
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


def test_a_damaged_source_is_told_as_such(tmp_path: Path) -> None:
    bad = tmp_path / "bad.mp4"
    bad.write_bytes(b"\0" * 4096)
    with pytest.raises(WorkerError) as caught:
        run_ffmpeg([*QUIET, "-i", str(bad), "-f", "null", "-"])
    assert caught.value.finding.hint == "the source is damaged"


def test_a_program_that_is_gone_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(WorkerError) as caught:
        run_ffmpeg([str(tmp_path / "absent")])
    assert caught.value.finding.code == "ffmpeg.missing"


def test_a_flood_of_messages_neither_blocks_nor_fills_the_memory(tmp_path: Path) -> None:
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


def test_a_frame_far_larger_than_the_pipe_goes_through_whole(tmp_path: Path) -> None:
    out = tmp_path / "o.raw"
    noise = np.random.default_rng(1).integers(0, 256, (1080, 1920, 3), np.uint8)
    argv = raw_to(out, "-c:v", "rawvideo", "-f", "rawvideo")
    argv[argv.index("64x48")] = "1920x1080"
    with Encoder(argv) as encoder:
        encoder.write(noise)
        encoder.finish()
    assert out.read_bytes() == noise.tobytes()


def test_writing_to_an_encoder_that_died_says_what_it_died_of(tmp_path: Path) -> None:
    encoder = Encoder(raw_to(tmp_path / "o.mkv", "-c:v", "libx999"))
    with pytest.raises(WorkerError, match="Unknown encoder 'libx999'") as caught:
        write_until_it_fails(encoder)
    assert "built without the encoder" in caught.value.finding.hint
    encoder.abort()


def test_an_encoder_that_fails_at_its_end_is_found_out(tmp_path: Path) -> None:
    with (
        Encoder(raw_to(tmp_path / "absent" / "o.mkv")) as encoder,
        pytest.raises(WorkerError, match="No such file"),
    ):
        encoder.finish()


def test_an_encoder_that_was_killed_from_outside_is_found_out(tmp_path: Path) -> None:
    with Encoder(raw_to(tmp_path / "o.mkv")) as encoder:
        encoder.write(frame(0))
        psutil.Process(encoder._process._popen.pid).kill()
        with pytest.raises(WorkerError, match="SIGKILL") as caught:
            encoder.finish()
    assert caught.value.finding.code == "ffmpeg.killed"
    assert caught.value.remedy is Remedy.RETRY


def test_abort_ends_the_encoder_and_may_be_repeated(tmp_path: Path) -> None:
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


def test_an_encoder_stays_in_the_process_group_of_its_owner(tmp_path: Path) -> None:
    with Encoder(raw_to(tmp_path / "o.mkv")) as encoder:
        assert os.getpgid(encoder._process._popen.pid) == os.getpgid(0)


# --- words --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("[libx264 @ 0x55d] [error] no", ("error", "[libx264] no")),
        ("[error] bad thing", ("error", "bad thing")),
        ("[mp4 @ 0x1] [mux @ 0x2] [warning] hm", ("warning", "[mp4] [mux] hm")),
        ("[fatal] over", ("error", "over")),
        ("x265 [info]: tools", ("info", "x265 : tools")),
        ("something of its own", ("info", "something of its own")),
    ],
)
def test_a_line_of_the_log_has_a_level_and_no_addresses(line: str, expected: tuple[str, str]) -> None:
    assert parse_log(line) == expected


@pytest.mark.parametrize(
    ("report", "expected"),
    [
        (
            {"frame": "50", "out_time_us": "2000000", "speed": "1.5x", "progress": "continue"},
            EncodeProgress(frames=50, seconds=2.0, speed=1.5),
        ),
        ({"out_time_us": "N/A", "speed": "N/A", "progress": "end"}, EncodeProgress(done=True)),
        ({"frame": "1", "out_time_us": "-23000", "speed": "   0x"}, EncodeProgress(frames=1, speed=0.0)),
    ],
)
def test_a_report_of_progress_is_read(report: dict[str, str], expected: EncodeProgress) -> None:
    assert parse_progress(report) == expected


@pytest.mark.parametrize(
    ("code", "said", "kind", "error_code", "message"),
    [
        (1, "av_interleaved_write_frame(): No space left on device", StorageError, "storage.full", "no space"),
        (-9, "", WorkerError, "ffmpeg.killed", "SIGKILL"),
        (-11, "", WorkerError, "ffmpeg.killed", "SIGSEGV"),
        (1, "Unknown encoder 'x'", WorkerError, "ffmpeg.failed", "Unknown encoder"),
        (1, "", WorkerError, "ffmpeg.failed", "it logged nothing"),
    ],
)
def test_known_causes_become_errors_of_their_own(
    code: int, said: str, kind: type, error_code: str, message: str
) -> None:
    error = failure(code, [("error", said), ("error", "Conversion failed!")] if said else [])
    assert isinstance(error, kind)
    assert error.finding.code == error_code
    assert message in error.finding.message
    assert "Conversion failed" not in error.finding.message


def test_a_full_disk_is_waited_for(tmp_path: Path) -> None:
    full = program(tmp_path / "full", "echo '[error] Error writing trailer: No space left on device' >&2; exit 228")
    with pytest.raises(StorageError) as caught:
        run_ffmpeg([str(full)])
    assert caught.value.remedy is Remedy.WAIT
