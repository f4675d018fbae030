"""Parsing of what ffmpeg prints."""

from __future__ import annotations

from pathlib import Path

import pytest

from framewatch.errors import Remedy, StorageError, WorkerError
from framewatch.media.ffmpeg.log_parser import EncodeProgress, LogLevel, failure, parse_log, parse_progress
from framewatch.media.process_bounds import Bounds


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
def test_a_log_line_has_a_level_and_no_addresses(line: str, expected: tuple[str, str]) -> None:
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
def test_a_progress_report_is_parsed(report: dict[str, str], expected: EncodeProgress) -> None:
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
def test_known_causes_have_their_own_errors(code: int, said: str, kind: type, error_code: str, message: str) -> None:
    error = failure(code, [("error", said), ("error", "Conversion failed!")] if said else [])
    assert isinstance(error, kind)
    assert error.finding.code == error_code
    assert message in error.finding.message
    assert "Conversion failed" not in error.finding.message


@pytest.mark.parametrize(
    ("code", "said", "error_code"),
    [
        (1, "Error while opening encoder: Cannot allocate memory", "media.too_costly"),
        (1, "x264 [error]: malloc of size 49766400 failed", "media.too_costly"),
        (-6, "terminate called after throwing an instance of 'std::bad_alloc'", "media.too_costly"),
        (-25, "", "media.too_costly"),  # SIGXFSZ
        (1, "OpenEncodeSessionEx failed: out of memory (10): (no details); Cannot allocate memory", "ffmpeg.failed"),
        (1, "CUDA_ERROR_OUT_OF_MEMORY: out of memory; Cannot allocate memory", "ffmpeg.failed"),
        (-9, "", "ffmpeg.killed"),
    ],
)
def test_an_ffmpeg_at_its_bound_is_too_costly_and_one_without_gpu_memory_is_not(
    code: int, said: str, error_code: str
) -> None:
    error = failure(code, [("error", said)] if said else [], Bounds(ffmpeg=10**9, file=10**9))
    assert error.finding.code == error_code


BOUNDS = Bounds(ffmpeg=10**9, file=10**9)


def test_a_cpp_library_that_got_no_memory_is_found_without_a_level() -> None:
    said = "terminate called after throwing an instance of 'std::bad_alloc'"
    assert failure(-6, [("info", said)], BOUNDS).finding.code == "media.too_costly"


def test_a_full_disk_is_found_before_what_names_and_tags_say() -> None:
    full: tuple[LogLevel, str] = ("error", "Error opening output file:/w/Out of memory.mkv: No space left on device")
    tag: tuple[LogLevel, str] = ("info", "title           : Cannot allocate memory")
    assert failure(1, [tag, full], BOUNDS).finding.code == "storage.full"
    other: tuple[LogLevel, str] = (
        "error",
        "file:/w/No space left on device.mkv: Cannot allocate memory",
    )
    named = failure(1, [other], BOUNDS, output=Path("/w/No space left on device.mkv"))
    assert named.finding.code == "media.too_costly"
    assert failure(1, [tag, ("error", "no")], BOUNDS).finding.code == "ffmpeg.failed"


def test_names_of_inputs_are_in_the_message_alone() -> None:
    said: list[tuple[LogLevel, str]] = [("error", "file:/dev/fd/7: Invalid data")]
    error = failure(1, said, BOUNDS, readable=lambda text: text.replace("/dev/fd/7", "Out of memory.mkv"))
    assert (error.finding.code, error.finding.message) == (
        "ffmpeg.failed",
        "ffmpeg failed: file:Out of memory.mkv: Invalid data",
    )


def test_a_file_system_that_holds_no_larger_files_is_not_blamed_on_the_file() -> None:
    error = failure(1, [("error", "av_interleaved_write_frame(): File too large")], BOUNDS, output=Path("/w/o.mkv"))
    assert (error.finding.code, error.finding.where) == ("storage.too_large", "/w/o.mkv")
    assert error.remedy == Remedy.WAIT


def test_without_a_bound_ffmpeg_is_tried_again_where_it_gets_no_memory() -> None:
    assert failure(1, [("error", "Cannot allocate memory")]).remedy == Remedy.RETRY
