"""Streams that no table tells anything bad of, and that ffmpeg fails with: only they are lost."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from framewatch.errors import FramewatchError
from full_run import process
from media_factory import ffmpeg
from media_samples import look

_VIDEO = ("-f", "lavfi", "-i", "testsrc2=size=64x48:rate=25:duration=1", "-c:v", "libx264", "-preset", "ultrafast")
_SOUND = ("-f", "lavfi", "-i", "sine=duration=1:sample_rate=48000")
_DAMAGE = ("-bsf:a:1", "noise=amount=1")  # changes every byte

WAYS: tuple[dict[str, Any], ...] = (
    {"audio_codec": "aac"},
    {"audio_codec": "copy"},
    {"processing_mode": "copy"},
    {"audio_codec": "aac", "ml_upscale": "esrgan-2x"},
    {"audio_codec": "copy", "ml_upscale": "esrgan-2x"},
)


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A film with a good track of sound, one that no decoder can decode, and subtitles."""
    folder = tmp_path_factory.mktemp("bad")
    text, path = folder / "a.srt", folder / "bad.mkv"
    text.write_text("1\n00:00:00,100 --> 00:00:00,900\nword\n")
    maps = ["-map", "0", "-map", "1", "-map", "1", "-map", "2"]
    codecs = ["-c:a:0", "aac", "-c:a:1", "ac3", *_DAMAGE, "-metadata:s:a:1", "language=deu"]
    ffmpeg(*_VIDEO[:4], *_SOUND, "-i", text, *maps, *_VIDEO[4:], *codecs, path)
    return path


@pytest.mark.parametrize("keys", WAYS)
@pytest.mark.parametrize("container", ["mkv", "mp4"])
def test_a_track_that_cannot_be_decoded_is_dropped_and_all_others_stay(
    container: str, keys: dict[str, Any], film: Path, tmp_path: Path
) -> None:
    made = process(film, tmp_path / "work", container=container, **keys)
    seen = look(made.result)
    assert [each.codec for each in seen.of("audio")] == ["aac"]
    assert len(seen.of("subtitle")) == 1
    (warning,) = (each for each in made.warnings if each.code == "streams.refused")
    assert warning.where == "stream 2"
    assert warning.message.startswith("audio stream 2 (ac3, ")
    assert [row.action for row in made.plan.streams if row.index == 2] == ["drop"]


def test_a_strict_preset_fails_for_such_a_track(film: Path, tmp_path: Path) -> None:
    with pytest.raises(FramewatchError):
        process(film, tmp_path / "work", container="mkv", audio_codec="aac", strict_streams=True)


def test_a_track_whose_parameters_nothing_tells_is_dropped(tmp_path: Path) -> None:
    broadcast = tmp_path / "a.ts"
    maps = ["-map", "0", "-map", "1", "-map", "1"]
    ffmpeg(*_VIDEO[:4], *_SOUND, *maps, *_VIDEO[4:], "-c:a:0", "aac", "-c:a:1", "ac3", *_DAMAGE, broadcast)
    made = process(broadcast, tmp_path / "work", container="mkv", processing_mode="copy")
    assert [each.codec for each in look(made.result).of("audio")] == ["aac"]
    assert [each.code for each in made.warnings] == ["streams.refused"]


def test_subtitles_that_are_no_text_are_dropped_where_they_have_to_be_converted(tmp_path: Path) -> None:
    text, source = tmp_path / "a.srt", tmp_path / "a.mkv"
    text.write_text("1\n00:00:00,100 --> 00:00:00,900\nword\n")
    maps = ["-map", "0", "-map", "1", "-map", "2"]
    ffmpeg(*_VIDEO[:4], *_SOUND, "-i", text, *maps, *_VIDEO[4:], "-c:s", "subrip", "-bsf:s", "noise=amount=1", source)
    made = process(source, tmp_path / "work", container="mp4")
    assert [each.kind for each in look(made.result).streams] == ["video", "audio"]
    assert [(each.code, each.where) for each in made.warnings] == [("streams.refused", "stream 2")]


def test_a_video_that_ffmpeg_fails_with_still_fails_the_job(film: Path, tmp_path: Path) -> None:
    with pytest.raises(FramewatchError) as told:
        process(
            film, tmp_path / "work", container="mkv", audio_codec="copy", extra_encoder_args=["-profile:v", "none"]
        )
    assert "ffmpeg.failed" in [each.code for each in told.value.findings]


def test_sound_alone_fails_where_none_of_it_can_be_decoded(tmp_path: Path) -> None:
    music = tmp_path / "a.mka"
    ffmpeg(*_SOUND, "-c:a", "ac3", "-bsf:a:0", "noise=amount=1", "-f", "matroska", music)
    with pytest.raises(FramewatchError):
        process(music, tmp_path / "work", container="m4a")
