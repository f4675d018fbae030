"""What an output cannot have is in a warning; what says nothing is in none."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import av
import pytest

from framewatch.domain import Entry
from framewatch.media.plan.plan import make_plan
from framewatch.media.preset.preset import Preset
from framewatch.media.probe.probe import probe
from full_run import process
from media_factory import ffmpeg, make_video
from media_samples import timeline_of

SRT = "1\n00:00:00,000 --> 00:00:00,100\nHi\n"
X265 = ("-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=none")


def film(path: Path, codec: Sequence[str], *output: str, pixels: str = "yuv420p", audio: bool = False) -> Path:
    return make_video(path, seconds=0.2, codec=codec, output=("-pix_fmt", pixels, *output), audio=audio)


def codes(source: Path, **keys: Any) -> list[tuple[str, str]]:
    """Return code and place of each warning of a plan."""
    plan = make_plan(Preset(**keys), "test", probe(source), timeline_of(source))
    return [(each.code, each.where) for each in plan.warnings]


@pytest.mark.parametrize("name", ["film.mkv", "film.mp4"])
def test_transparency_of_h265_is_told_where_it_is_lost(name: str, tmp_path: Path) -> None:
    source = tmp_path / name
    pattern = "testsrc2=size=64x48:rate=25:duration=0.2,format=yuva420p"
    ffmpeg("-f", "lavfi", "-i", pattern, *X265, "-pix_fmt", "yuva420p", source)
    made = process(source, tmp_path / "made", container="mkv")
    assert [(each.code, each.where) for each in made.warnings] == [("video.alpha_dropped", "stream 0")]
    assert process(source, tmp_path / "copy", container="mkv", processing_mode="copy").warnings == ()


@pytest.mark.parametrize(
    ("codec", "pixels", "told"), [("smc", "pal8", True), ("rawvideo", "nv16", True), ("rawvideo", "nv12", False)]
)
def test_colour_of_a_higher_resolution_is_told_whatever_it_is_called(
    codec: str, pixels: str, told: bool, tmp_path: Path
) -> None:
    source = film(tmp_path / "film.mov" if codec == "smc" else tmp_path / "film.nut", ("-c:v", codec), pixels=pixels)
    assert codes(source) == ([("video.chroma_lowered", "stream 0")] if told else [])


def test_exif_data_of_frames_is_told(tmp_path: Path) -> None:
    source = film(tmp_path / "film.mov", ("-c:v", "tiff"))
    assert codes(source) == [("video.exif_dropped", "stream 0")]
    assert codes(source, container="mkv", processing_mode="copy") == []


def test_sound_and_subtitles_that_a_container_has_no_place_for_are_told_unless_they_are_unwanted(
    tmp_path: Path,
) -> None:
    text, source = tmp_path / "a.srt", tmp_path / "film.mkv"
    text.write_text(SRT)
    plain = film(tmp_path / "plain.mkv", ("-c:v", "libx264"), audio=True)
    ffmpeg("-i", plain, "-i", text, "-map", "0", "-map", "1", "-c", "copy", "-c:s", "srt", source)
    none = {"selected_audio_tracks": "none", "selected_subtitle_tracks": "none"}
    gif = {"container": "gif", "video_codec": "gif"}
    sound, subtitles = ("streams.audio_dropped", "stream 1"), ("streams.subtitles_dropped", "stream 2")
    assert codes(source, **gif) == [sound, subtitles]
    assert codes(source, **gif, **none) == []
    assert codes(source, container="flac", audio_codec="flac") == [subtitles]


def test_a_stereo_downmix_is_kept_as_stereo(tmp_path: Path) -> None:
    source = tmp_path / "film.mov"
    plain = film(tmp_path / "plain.mkv", ("-c:v", "libx264"), audio=True)
    ffmpeg("-i", plain, "-c:v", "copy", "-af", "pan=downmix|c0=c0|c1=0.5*c0", "-c:a", "pcm_s16le", source)
    made = process(source, tmp_path / "made", container="mp4")
    assert [each.code for each in made.warnings] == ["audio.layout_changed"]
    with av.open(str(made.result)) as container:
        assert container.streams.audio[0].codec_context.layout.name == "stereo"


@pytest.mark.parametrize(("handler", "title"), [("Camera 2", "Camera 2"), ("VideoHandler", ""), ("GoPro AVC", "")])
@pytest.mark.parametrize("keys", [{"ml_upscale": "esrgan-2x"}, {}, {"processing_mode": "copy"}])
def test_the_name_of_a_track_of_mp4_is_its_title(
    handler: str, title: str, keys: dict[str, Any], tmp_path: Path
) -> None:
    source = film(tmp_path / "film.mp4", ("-c:v", "libx264"), "-metadata:s:v:0", f"handler_name={handler}")
    made = process(source, tmp_path / "made", container="mkv", **keys)
    with av.open(str(made.result)) as container:
        assert container.streams.video[0].metadata.get("title", "") == title


@pytest.mark.parametrize(("container", "name"), [("mkv", "SERVICE_NAME"), ("m2t", "service_name"), ("mp4", None)])
def test_the_name_of_a_service_is_kept_where_it_has_a_place(container: str, name: str | None, tmp_path: Path) -> None:
    source = film(tmp_path / "film.ts", ("-c:v", "libx264"), "-metadata", "service_name=Das Dritte")
    assert [each for each in probe(source).inventory if each.kind == "service"] == [
        Entry(kind="service", detail="service_name", data="Das Dritte")
    ]
    made = process(source, tmp_path / "made", container=container, processing_mode="copy")
    assert [each.code for each in made.warnings] == ([] if name else ["metadata.tags_dropped"])
    (tmp_path / "out").write_bytes(made.result.read_bytes())
    found = [each.data for each in probe(tmp_path / "out").inventory if each.detail == "service_name"]
    assert found == (["Das Dritte"] if name else [])
