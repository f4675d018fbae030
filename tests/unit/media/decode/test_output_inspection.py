"""The inspection of finished files."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest

from framewatch.domain import Colour
from framewatch.errors import MediaError
from framewatch.media.decode.output_inspection import Inspection, inspect_output
from framewatch.media.heartbeat import Heartbeat
from media_factory import ffmpeg, make_video, remux


def test_frames_times_and_streams_are_counted(clip: Path) -> None:
    found = inspect_output(clip)
    video = found.video
    assert video
    assert (video.frames, video.packets, video.errors, found.errors) == (25, 25, 0, 0)
    assert (video.first, video.last, video.duration) == (0.0, pytest.approx(0.96), pytest.approx(1.0))
    audio = found.streams[1]
    assert audio.stream.codec == "aac"
    assert audio.frames >= 43
    assert audio.duration == pytest.approx(1.0, abs=0.05)
    assert found.broken_off is None


def test_matroska_and_transport_streams_are_measured_by_their_content(clip: Path, tmp_path: Path) -> None:
    for name in ("m.mkv", "m.ts", "m.mov"):
        found = inspect_output(remux(clip, tmp_path / name))
        assert found.video
        assert (found.video.frames, found.errors) == (25, 0)
        assert found.video.duration == pytest.approx(1.0, abs=0.003)


def test_size_sar_and_colours_are_reported(tmp_path: Path) -> None:
    tags = "setsar=16/11,setparams=colorspace=bt709:color_primaries=bt709:color_trc=bt709:range=tv"
    found = inspect_output(make_video(tmp_path / "c.mp4", filters=tags))
    assert found.video
    video = found.video.stream.video
    assert video
    assert (video.width, video.height, video.sar) == (64, 48, Fraction(16, 11))
    assert video.colour == Colour(matrix="bt709", range="limited", primaries="bt709", transfer="bt709")


def test_subtitles_are_read_without_being_decoded(clip: Path, tmp_path: Path) -> None:
    (tmp_path / "s.srt").write_text("1\n00:00:00,200 --> 00:00:00,500\nhello\n")
    path = tmp_path / "s.mkv"
    ffmpeg("-i", clip, "-i", tmp_path / "s.srt", "-map", "0", "-map", "1", "-c", "copy", path)
    subtitle = inspect_output(path).streams[2]
    assert (subtitle.stream.codec, subtitle.packets, subtitle.frames) == ("subrip", 1, 0)
    assert subtitle.duration == pytest.approx(0.3, abs=0.01)


def test_a_truncated_output_is_detected(clip: Path, tmp_path: Path) -> None:
    whole = clip.read_bytes()
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(whole[: len(whole) * 2 // 3])
    with pytest.raises(MediaError) as caught:
        inspect_output(cut)
    assert caught.value.finding.code == "media.truncated"


def test_damage_inside_an_output_is_counted(tmp_path: Path) -> None:
    path = make_video(tmp_path / "d.mp4", seconds=4)
    whole = bytearray(path.read_bytes())
    for at in range(len(whole) // 2, len(whole) // 2 + 400, 7):
        whole[at] ^= 0x3C
    path.write_bytes(whole)
    assert inspect_output(path).errors > 0


def test_an_inspection_survives_json(clip: Path) -> None:
    found = inspect_output(clip)
    assert Inspection.model_validate_json(found.model_dump_json()) == found


def test_an_inspection_beats_also_for_audio_only(tmp_path: Path) -> None:
    ffmpeg("-f", "lavfi", "-i", "sine=duration=4", tmp_path / "tone.m4a")
    for path in (make_video(tmp_path / "p.mp4", seconds=4), tmp_path / "tone.m4a"):
        heartbeat = Heartbeat()
        found = inspect_output(path, heartbeat)
        assert heartbeat.beats > sum(stream.packets for stream in found.streams)
