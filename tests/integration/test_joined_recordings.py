"""Recordings whose clock jumps: every frame once, at its time and in step with the sound, on every way."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import pytest

from framewatch.jobs.attempt.request import AttemptResult
from full_run import process
from media_factory import ffmpeg
from pgs import write_sup
from recordings import BEEPS, FRAMES, MPEG2, SECONDS, SYNC, beeps, recording, require_joined, shown

WAYS: dict[str, dict[str, Any]] = {
    "network": {"ml_upscale": "esrgan-2x", "crf": 10},
    "transcode": {"ml_upscale": "none", "crf": 10},
    "copy": {"processing_mode": "copy"},
}
EVERY_WAY = pytest.mark.parametrize("way", WAYS)


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """Recordings: two that begin at 0 s, and the second one 1000 s later."""
    folder = tmp_path_factory.mktemp("parts")
    return {
        "first": recording(folder / "first.ts", 1),
        "second": recording(folder / "second.ts", 2),
        "late": recording(folder / "late.ts", 2, start=1000),
        "first late": recording(folder / "first-late.ts", 1, start=1000),
    }


def codes(made: AttemptResult) -> list[str]:
    return [warning.code for warning in made.warnings]


def made_of(source: Path, folder: Path, way: str, **keys: Any) -> AttemptResult:
    return process(source, folder, **({"container": "mkv"} | WAYS[way] | keys))


JOINED = {
    "forward": (("first", "late"), (1, 2)),
    "the same file twice": (("first", "first"), (1, 1)),
    "back": (("first late", "second"), (1, 2)),
    "several": (("first", "late", "first", "second"), (1, 2, 1, 2)),
}


@EVERY_WAY
@pytest.mark.parametrize("kind", JOINED)
def test_joined_recordings_continue_without_a_gap(
    kind: str, way: str, parts: dict[str, bytes], tmp_path: Path
) -> None:
    names, clips = JOINED[kind]
    source = tmp_path / "joined.ts"
    source.write_bytes(b"".join(map(parts.__getitem__, names)))
    made = made_of(source, tmp_path / "w", way)
    require_joined(made.result, clips)
    (warning,) = [each for each in made.warnings if each.code == "media.clock_jumps"]
    assert "at 0:00:01.600 by " in warning.message


@EVERY_WAY
def test_a_joined_program_stream_continues_without_a_gap(way: str, tmp_path: Path) -> None:
    two = [
        recording(tmp_path / f"{clip}.vob", clip, start=500 * clip, video=MPEG2, audio="ac3", options=("-f", "vob"))
        for clip in (1, 2)
    ]
    source = tmp_path / "joined.vob"
    source.write_bytes(b"".join(two))
    made = made_of(source, tmp_path / "w", way)
    require_joined(made.result, (1, 2))
    assert "media.clock_jumps" in codes(made)


def test_a_joined_blu_ray_clip_continues_without_a_gap(tmp_path: Path) -> None:
    options = ("-f", "mpegts", "-mpegts_m2ts_mode", "1")
    two = [recording(tmp_path / f"{clip}.m2ts", clip, start=clip * 100, options=options) for clip in (1, 2)]
    source = tmp_path / "joined.m2ts"
    source.write_bytes(b"".join(two))
    require_joined(made_of(source, tmp_path / "w", "network").result, (1, 2))


def packets_of(data: bytes) -> list[bytes]:
    return [data[place : place + 188] for place in range(0, len(data), 188)]


def is_sound(packet: bytes) -> bool:
    return (packet[1] & 0x1F) << 8 | packet[2] == 257


def early_sound(first: bytes, second: bytes) -> bytes:
    """The sound of the second recording begins before the last frames of the first one."""
    before, after = packets_of(first), packets_of(second)
    frames = [number for number, each in enumerate(before) if not is_sound(each) and each[1] & 0x40]
    tail = [each for each in before[frames[-6] :] if not is_sound(each)]
    head = before[: frames[-6]] + [each for each in before[frames[-6] :] if is_sound(each)]
    begins = [number for number, each in enumerate(after) if is_sound(each) and each[1] & 0x40]
    moved = [number for number, each in enumerate(after) if is_sound(each) and number < begins[1]]
    rest = [each for number, each in enumerate(after) if number not in moved]
    return b"".join([*head, *(after[number] for number in moved), *tail, *rest])


def late_sound(first: bytes, second: bytes) -> bytes:
    """The last sound of the first recording comes after the first frames of the second one."""
    before, after = packets_of(first), packets_of(second)
    last = max(number for number, each in enumerate(before) if is_sound(each) and each[1] & 0x40)
    moved = [each for each in before[last:] if is_sound(each)]
    head = before[:last] + [each for each in before[last:] if not is_sound(each)]
    frames = [number for number, each in enumerate(after) if not is_sound(each) and each[1] & 0x40]
    return b"".join([*head, *after[: frames[8]], *moved, *after[frames[8] :]])


@EVERY_WAY
@pytest.mark.parametrize("order", [early_sound, late_sound])
def test_streams_whose_clock_jumps_at_different_places_stay_in_step(
    order: Callable[[bytes, bytes], bytes], way: str, parts: dict[str, bytes], tmp_path: Path
) -> None:
    source = tmp_path / "joined.ts"
    source.write_bytes(order(parts["first"], parts["late"]))
    require_joined(made_of(source, tmp_path / "w", way).result, (1, 2))


@EVERY_WAY
def test_subtitles_of_a_joined_recording_stay_in_step(way: str, tmp_path: Path) -> None:
    recording(tmp_path / "plain.ts", 1)
    write_sup(tmp_path / "s.sup", 0.5, 1.0)
    joined = b""
    for start in (0, 1000):
        part = tmp_path / f"{start}.ts"
        ffmpeg("-i", tmp_path / "plain.ts", "-i", tmp_path / "s.sup", "-map", "0", "-map", "1", "-c", "copy", "-c:s",
               "dvbsub", "-output_ts_offset", str(start), part)  # fmt: skip
        joined += part.read_bytes()
    source = tmp_path / "joined.ts"
    source.write_bytes(joined)
    made = made_of(source, tmp_path / "w", way)
    before, after = subtitle_times(tmp_path / "0.ts"), subtitle_times(made.result)
    assert len(before) == 2
    assert after == pytest.approx([*before, *(time + SECONDS for time in before)], abs=2 * SYNC)


def subtitle_times(path: Path) -> list[float]:
    """Seconds of each packet of subtitles after the first frame."""
    with av.open(str(path)) as container:
        first = next(container.decode(video=0)).time
    with av.open(str(path)) as container:
        packets = [packet for packet in container.demux(subtitles=0) if packet.size]
        return [float(packet.pts * packet.time_base) - first for packet in packets]


def test_segments_of_a_joined_recording_are_found_again(parts: dict[str, bytes], tmp_path: Path) -> None:
    source = tmp_path / "joined.ts"
    source.write_bytes(b"".join([parts["first"], parts["late"]] * 2))
    made = process(source, tmp_path / "w", 0.8, container="mkv", **WAYS["network"])
    require_joined(made.result, (1, 2, 1, 2))


@EVERY_WAY
def test_a_clock_that_begins_again_after_26_hours_is_no_jump(way: str, tmp_path: Path) -> None:
    recording(tmp_path / "wrap.ts", 3, start=2**33 / 90_000 - 1.4 - SECONDS / 2)
    made = made_of(tmp_path / "wrap.ts", tmp_path / "w", way)
    require_joined(made.result, (3,))
    assert "media.clock_jumps" not in codes(made)


def test_the_sound_alone_of_a_joined_recording_continues(parts: dict[str, bytes], tmp_path: Path) -> None:
    source = tmp_path / "joined.ts"
    source.write_bytes(parts["first"] + parts["late"])
    made = process(source, tmp_path / "w", container="flac", audio_codec="flac", video_codec="h264")
    found = beeps(made.result)
    wanted = [part * SECONDS + beep for part in range(2) for beep in BEEPS]
    assert [time - found[0] for time in found] == pytest.approx([each - BEEPS[0] for each in wanted], abs=SYNC)
    assert codes(made) == ["media.clock_jumps"]


def test_joined_radio_continues_without_a_gap(tmp_path: Path) -> None:
    joined = b""
    for start in (1000, 0):
        recording(tmp_path / "film.ts", 1, start=start)
        ffmpeg(
            "-copyts", "-i", tmp_path / "film.ts", "-map", "0:a", "-c", "copy", "-muxdelay", "0", tmp_path / "a.ts"
        )
        joined += (tmp_path / "a.ts").read_bytes()
    source = tmp_path / "radio.ts"
    source.write_bytes(joined)
    made = process(source, tmp_path / "w", container="flac", audio_codec="flac", video_codec="h264")
    found = beeps(made.result)
    before = beeps(tmp_path / "a.ts")
    with av.open(str(tmp_path / "a.ts")) as container:
        length = float(sum(packet.duration * packet.time_base for packet in container.demux() if packet.duration))
    assert [time - found[0] for time in found] == pytest.approx(
        [part * length + time - before[0] for part in range(2) for time in before], abs=SYNC
    )
    assert codes(made) == ["media.clock_jumps"]


@pytest.mark.parametrize("way", ["network", "transcode"])
def test_a_part_of_a_joined_recording_is_cut_in_step(way: str, parts: dict[str, bytes], tmp_path: Path) -> None:
    source = tmp_path / "joined.ts"
    source.write_bytes(parts["first"] * 22 + parts["late"])
    made = made_of(source, tmp_path / "w", way, start_time=22 * SECONDS + 0.2, end_time=22 * SECONDS + 1.0)
    found = shown(made.result)
    assert found.marks == [(2, number) for number in range(FRAMES) if found.marks[0][1] <= number < 25]
    (beep,) = found.beeps
    assert beep - found.times[found.marks.index((2, 10))] == pytest.approx(0, abs=2 * SYNC)


def test_a_pause_of_the_picture_while_the_sound_goes_on_is_no_jump(tmp_path: Path) -> None:
    source = tmp_path / "paused.ts"
    ffmpeg("-f", "lavfi", "-i", "testsrc2=s=64x48:r=25:d=1,setpts='PTS+gte(N,12)*14/TB'", "-f", "lavfi", "-i",
           "sine=d=15", "-fps_mode", "passthrough", "-pix_fmt", "yuv420p", "-c:v", "libx264", "-bf", "0", "-c:a",
           "mp2", source)  # fmt: skip
    made = made_of(source, tmp_path / "w", "transcode")
    assert codes(made) == ["media.standstill"]
    assert "14.0 s at 0:00:00.4" in made.warnings[0].message
    assert made.plan.expected.duration == pytest.approx(15, abs=0.1)


@EVERY_WAY
def test_a_recording_that_was_interrupted_for_seconds_keeps_the_gap_and_says_so(
    way: str, parts: dict[str, bytes], tmp_path: Path
) -> None:
    source = tmp_path / "gap.ts"
    source.write_bytes(parts["first"] + recording(tmp_path / "later.ts", 2, start=SECONDS + 5))
    made = made_of(source, tmp_path / "w", way)
    before, found = shown(source), shown(made.result)
    second, begun = found.times[found.marks.index((2, 0))], before.times[before.marks.index((2, 0))]
    assert second > SECONDS + 4
    assert second - found.times[0] == pytest.approx(begun - before.times[0], abs=SYNC)
    assert found.beeps[2] - second == pytest.approx(BEEPS[0], abs=2 * SYNC)
    assert "media.standstill" in codes(made)
