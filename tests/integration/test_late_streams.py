"""Streams that a file announces, and of which it says nothing more until far behind its beginning."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from framewatch.domain import Audio
from framewatch.errors import RuleError
from framewatch.media.probe.probe import probe
from full_run import process
from media_factory import ffmpeg
from media_samples import look

_FRAME = 480 * 360 * 3 // 2
_LATE = 17_000_000  # bytes, more than three times what libav reads to find out what is in a file


def late(path: Path, *codec: str, seconds: float = 2.6) -> Path:
    """Make a file whose sound begins behind `_LATE` bytes of noise."""
    noise = ["-f", "rawvideo", "-video_size", "480x360", "-pix_fmt", "yuv420p", "-framerate", "25", "-t", seconds]
    video = ["-c:v", "mpeg2video", "-qscale", "1", "-b:v", "100M", "-maxrate", "200M", "-bufsize", "20M"]
    sound = ["-itsoffset", "2.2", "-f", "lavfi", "-i", "sine=duration=0.4:sample_rate=48000"]
    ffmpeg(*noise, "-i", "/dev/urandom", *sound, *video, *codec, path)
    return path


@pytest.fixture(scope="module")
def broadcast(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = late(tmp_path_factory.mktemp("late") / "late.ts", "-c:a", "ac3", "-f", "mpegts")
    data = path.read_bytes()
    packets = [at for at in range(0, len(data), 188) if (data[at + 1] & 31) << 8 | data[at + 2] == 0x101]
    assert packets[0] > _LATE
    return path


@pytest.mark.parametrize("keys", [{"processing_mode": "copy"}, {"audio_codec": "copy"}])
def test_sound_that_begins_late_in_a_broadcast_is_found_and_copied(
    keys: dict[str, str], broadcast: Path, tmp_path: Path
) -> None:
    info = probe(broadcast)
    assert info.streams[1].audio == Audio(sample_rate=48000, channels=1, layout="mono")
    made = process(broadcast, tmp_path / "work", container="mkv", **keys)
    (sound,) = look(made.result).of("audio")
    assert (sound.codec, sound.frames > 10) == ("ac3", True)
    assert sound.first == pytest.approx(2.2, abs=0.05)


def test_a_stream_that_begins_late_in_a_program_stream_is_found(tmp_path: Path) -> None:
    film = late(tmp_path / "late.vob", "-c:a", "ac3", "-f", "vob")
    made = process(film, tmp_path / "work", container="mkv", processing_mode="copy")
    assert [each.codec for each in look(made.result).of("audio")] == ["ac3"]


def joined(path: Path) -> Path:
    """Make a recording of three parts, of more than 5 MB each, of which only the middle one has sound."""
    noise = ["-f", "rawvideo", "-video_size", "480x360", "-pix_fmt", "yuv420p", "-framerate", "25", "-t", "1"]
    video = ["-c:v", "mpeg2video", "-qscale", "1", "-b:v", "100M", "-maxrate", "200M", "-bufsize", "20M"]
    sound = ["-f", "lavfi", "-i", "sine=duration=1:sample_rate=48000"]
    parts = [path.with_name(f"part-{number}.ts") for number in range(3)]
    for number, part in enumerate(parts):
        inputs = [*noise, "-i", "/dev/urandom", *(sound if number == 1 else [])]
        ffmpeg(*inputs, *video, *(["-c:a", "mp2"] if number == 1 else []), "-output_ts_offset", str(number), part)
        assert part.stat().st_size > 6_000_000
    path.write_bytes(b"".join(part.read_bytes() for part in parts))
    return path


def test_a_stream_that_begins_in_the_middle_of_a_joined_recording_is_named(tmp_path: Path) -> None:
    made = process(joined(tmp_path / "joined.ts"), tmp_path / "work", container="mkv", processing_mode="copy")
    (warning,) = (each for each in made.warnings if each.code == "streams.late")
    assert "1 (mp2)" in warning.message
    with pytest.raises(RuleError) as told:
        process(tmp_path / "joined.ts", tmp_path / "strict", container="mkv", strict_streams=True)
    assert "streams.late" in [each.code for each in told.value.findings]


@pytest.mark.parametrize("keys", [{"audio_codec": "copy"}, {"audio_codec": "aac"}])
def test_a_track_that_is_announced_and_never_sent_is_dropped_with_a_warning(
    keys: dict[str, str], tmp_path: Path
) -> None:
    film = tmp_path / "a.ts"
    sound: Sequence[str] = ("-f", "lavfi", "-i", "sine=duration=1", "-map", "0", "-map", "1", "-map", "1")
    ffmpeg("-f", "lavfi", "-i", "testsrc2=size=64x48:duration=1", *sound, "-c:v", "libx264", "-c:a", "mp2", film)
    data = film.read_bytes()
    parts = (data[at : at + 188] for at in range(0, len(data), 188))
    film.write_bytes(b"".join(part for part in parts if (part[1] & 31) << 8 | part[2] != 0x102))
    made = process(film, tmp_path / "work", container="mkv", **keys)
    assert len(look(made.result).of("audio")) == 1
    assert [(each.code, each.where) for each in made.warnings] == [("streams.empty", "stream 2")]
