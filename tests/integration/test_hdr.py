"""HDR10 static metadata from source to output: in every segment as in the source, or a warning."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import pytest

from framewatch.domain import Hdr, MasteringDisplay
from framewatch.jobs.attempt.context import Observer
from framewatch.media.probe.file_kind import require_video
from framewatch.media.probe.hdr_metadata import hdr_metadata
from framewatch.media.probe.probe import probe
from full_run import process
from media_factory import ffmpeg, make_video, remux

DISPLAY = "master-display=G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,1)"
LIGHT = "max-cll=1000,400"
MASTERING = MasteringDisplay(
    colours=(
        (Fraction("0.68"), Fraction("0.32")),
        (Fraction("0.265"), Fraction("0.69")),
        (Fraction("0.15"), Fraction("0.06")),
        (Fraction("0.3127"), Fraction("0.329")),
    ),
    luminance=(Fraction("0.0001"), Fraction(1000)),
)
SAID = Hdr(mastering=MASTERING, light=(1000, 400))
PQ = ("-color_primaries", "bt2020", "-color_trc", "smpte2084", "-colorspace", "bt2020nc")
DROPPED = "video.hdr_metadata_dropped"
UPSCALED: dict[str, Any] = {"ml_upscale": "esrgan-2x"}
AV1: dict[str, Any] = {"video_codec": "libsvtav1", "preset": "12", "crf": 30}


def film(path: Path, *parts: str, filters: str = "null") -> Path:
    """Twelve frames of 10-bit HDR10, with a key frame every four."""
    params = ":".join(["log-level=error", "keyint=4", "min-keyint=4", *parts])
    codec = ("-c:v", "libx265", "-preset", "ultrafast", "-pix_fmt", "yuv420p10le", "-x265-params", params)
    return make_video(path, size="64x64", seconds=0.48, filters=filters, codec=(*codec, *PQ, "-fps_mode", "vfr"))


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return film(tmp_path_factory.mktemp("hdr") / "film.mkv", DISPLAY, LIGHT)


def said(path: Path) -> Hdr | None:
    """The metadata of the first frame."""
    video = require_video(probe(path)).video
    assert video is not None
    return video.hdr


def at_key_frames(path: Path) -> list[Hdr | None]:
    """The metadata of each key frame."""
    with av.open(str(path)) as container:
        return [hdr_metadata(frame) for frame in container.decode(video=0) if frame.key_frame]


def in_av1(hdr: Hdr) -> Hdr:
    """Rounded to the steps of AV1 (its specification, 6.7.4)."""

    def nearest(value: Fraction, bits: int) -> Fraction:
        return Fraction(round(value * 2**bits), 2**bits)

    def chromaticity(place: tuple[Fraction, Fraction]) -> tuple[Fraction, Fraction]:
        return nearest(place[0], 16), nearest(place[1], 16)

    display = hdr.mastering
    assert display is not None
    assert display.luminance is not None
    darkest, brightest = display.luminance
    display = MasteringDisplay(
        colours=tuple(chromaticity(each) for each in display.colours),
        luminance=(nearest(darkest, 14), nearest(brightest, 8)),
    )
    return hdr.evolve(mastering=display)


class Resumed(Observer):
    """Notes how many segments of an earlier attempt were kept."""

    kept = 0

    def resumed(self, kept: int, segments: int) -> None:
        self.kept = kept


def test_metadata_is_read_from_the_stream(source: Path, tmp_path: Path) -> None:
    assert said(source) == SAID
    assert said(remux(source, tmp_path / "film.mp4")) == SAID


@pytest.mark.parametrize("ending", ["mov", "mkv"])
def test_metadata_is_read_from_the_container(source: Path, ending: str, tmp_path: Path) -> None:
    path = tmp_path / f"film.{ending}"
    ffmpeg("-i", source, "-c:v", "prores_ks", path)  # whose stream cannot carry it
    assert said(path) == SAID
    made = process(path, tmp_path / "work", container="mkv", video_codec="libx265", **UPSCALED)
    assert said(made.result) == SAID


@pytest.mark.parametrize("container", ["mp4", "mkv", "mov", "m2t"])
@pytest.mark.parametrize("codec", ["libx264", "libx265"])
def test_every_segment_carries_the_metadata_of_the_source(
    source: Path, codec: str, container: str, tmp_path: Path
) -> None:
    made = process(source, tmp_path, 0.16, container=container, video_codec=codec, **UPSCALED)
    assert len(list(tmp_path.glob("segment-*"))) == 3
    assert at_key_frames(made.result) == [SAID] * 3
    assert DROPPED not in [warning.code for warning in made.warnings]


@pytest.mark.parametrize("container", ["mp4", "mkv", "webm"])
def test_av1_carries_the_metadata_rounded_to_its_own_steps(source: Path, container: str, tmp_path: Path) -> None:
    made = process(source, tmp_path, 0.16, container=container, audio_codec="libopus", **(UPSCALED | AV1))
    assert len(list(tmp_path.glob("segment-*"))) == 3
    assert at_key_frames(made.result) == [in_av1(SAID)] * 3
    again = process(made.result, tmp_path / "again", container=container, audio_codec="libopus", **(UPSCALED | AV1))
    assert said(again.result) == in_av1(SAID)


@pytest.mark.parametrize("codec", ["libx264", "libx265", "libsvtav1"])
@pytest.mark.parametrize(
    ("parts", "hdr"), [([DISPLAY], Hdr(mastering=MASTERING)), (["max-cll=4000,0"], Hdr(light=(4000, 0)))], ids=str
)
def test_display_and_light_level_are_kept_independently(
    parts: list[str], hdr: Hdr, codec: str, tmp_path: Path
) -> None:
    path = film(tmp_path / "film.mkv", *parts)
    assert said(path) == hdr
    faster = AV1 if codec == "libsvtav1" else {"video_codec": codec}
    made = process(path, tmp_path / "work", container="mkv", **(UPSCALED | faster))
    assert said(made.result) == (in_av1(hdr) if codec == "libsvtav1" and hdr.mastering else hdr)


@pytest.mark.parametrize("codec", ["libx264", "libx265", "libsvtav1"])
@pytest.mark.parametrize(
    ("part", "display"),
    [
        ("G(0,0)B(0,0)R(0,0)WP(0,0)L(10000000,1)", MASTERING.evolve(colours=())),
        ("G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(0,0)", MASTERING.evolve(luminance=None)),
    ],
)
def test_each_part_of_a_display_is_kept_independently(
    part: str, display: MasteringDisplay, codec: str, tmp_path: Path
) -> None:
    path = film(tmp_path / "film.mkv", f"master-display={part}")
    assert said(path) == Hdr(mastering=display)
    faster = AV1 if codec == "libsvtav1" else {"video_codec": codec}
    made = process(path, tmp_path / "work", container="mkv", **(UPSCALED | faster))
    warned = DROPPED in [warning.code for warning in made.warnings]
    assert (said(made.result), warned) == ((None, True) if codec == "libsvtav1" else (Hdr(mastering=display), False))


def test_frames_with_their_own_times_carry_the_metadata_too(tmp_path: Path) -> None:
    uneven = film(tmp_path / "film.mkv", DISPLAY, LIGHT, filters="select=not(eq(mod(n\\,5)\\,3))")
    preset_keys = {"container": "mkv", "video_codec": "libx265", "frame_timing": "preserve"}
    made = process(uneven, tmp_path / "work", **(UPSCALED | preset_keys))
    assert made.plan.rate is None
    assert said(made.result) == SAID


def test_finished_segments_are_kept_only_for_the_same_metadata(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    preset_keys = {"container": "mkv", "video_codec": "libx265"} | UPSCALED
    process(source, tmp_path, 0.16, **preset_keys)
    again = process(source, tmp_path, 0.16, observer=(seen := Resumed()), **preset_keys)
    assert (seen.kept, at_key_frames(again.result)) == (3, [SAID] * 3)
    other = SAID.evolve(light=(1000, 399))
    monkeypatch.setattr("framewatch.media.probe.probe.hdr_metadata", lambda picture: other)
    again = process(source, tmp_path, 0.16, observer=(seen := Resumed()), **preset_keys)
    assert (seen.kept, at_key_frames(again.result)) == (0, [other] * 3)


def test_metadata_in_the_preset_takes_precedence(source: Path, tmp_path: Path) -> None:
    own = ["-x265-params", "aq-mode=1:max-cll=600,200"]
    made = process(source, tmp_path, container="mkv", video_codec="libx265", extra_encoder_args=own, **UPSCALED)
    assert said(made.result) == SAID.evolve(light=(600, 200))


@pytest.mark.parametrize(
    "preset_keys",
    [
        {"container": "m2t", "video_codec": "mpeg2video", "audio_codec": "mp2"},
        {"container": "m2t", "video_codec": "mpeg2video", "audio_codec": "mp2", "ml_upscale": "none"},
    ],
    ids=str,
)
def test_metadata_that_cannot_be_signalled_is_a_warning(
    source: Path, preset_keys: dict[str, Any], tmp_path: Path
) -> None:
    made = process(source, tmp_path, **(UPSCALED | preset_keys))
    assert said(made.result) is None
    (warning,) = [each for each in made.warnings if each.code == DROPPED]
    assert "mastering display" in warning.message
    assert "MaxCLL" in warning.message
    assert warning.hint
    assert warning.where == "stream 0"


@pytest.mark.parametrize(
    "preset_keys",
    [
        {"container": "mov", "video_codec": "prores"},
        {"container": "webm", "video_codec": "vp9", "audio_codec": "libopus"},
        {"container": "mp4", "video_codec": "vp9"},
    ],
    ids=str,
)
def test_a_container_states_what_the_encoder_cannot(
    source: Path, preset_keys: dict[str, Any], tmp_path: Path
) -> None:
    made = process(source, tmp_path, 0.16, **(UPSCALED | preset_keys))
    assert said(made.result) == SAID
    assert DROPPED not in [warning.code for warning in made.warnings]


@pytest.mark.parametrize(
    "preset_keys",
    [{"container": "mkv", "video_codec": "libx265"}, {"container": "mov", "video_codec": "prores"}],
    ids=str,
)
def test_a_transcode_keeps_the_metadata(source: Path, preset_keys: dict[str, Any], tmp_path: Path) -> None:
    made = process(source, tmp_path, ml_upscale="none", **preset_keys)
    assert said(made.result) == SAID
    assert DROPPED not in [warning.code for warning in made.warnings]


def test_a_film_without_metadata_gets_none(tmp_path: Path) -> None:
    path = film(tmp_path / "film.mkv")
    made = process(path, tmp_path / "work", container="mkv", video_codec="libx265", **UPSCALED)
    assert said(made.result) is None
    assert DROPPED not in [warning.code for warning in made.warnings]
