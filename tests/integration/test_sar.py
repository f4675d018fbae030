"""Pixels that are not square, from source to output: in every container, encoded and copied."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from framewatch.media.probe.file_kind import require_video
from framewatch.media.probe.probe import probe
from full_run import process
from media_factory import make_video

# Exact PAL and NTSC, what a crop by a camera may leave, and far from square.
SHAPES = ["16/11", "128/117", "4320/4739", "272/297", "1/3", "5/1"]
OUTPUTS: list[dict[str, Any]] = [
    {"container": "mp4", "video_codec": "libx264"},
    {"container": "mp4", "video_codec": "libx265"},
    {"container": "mp4", "video_codec": "libsvtav1", "preset": "10"},
    {"container": "mov", "video_codec": "prores"},
    {"container": "mkv", "video_codec": "libx264"},
    {"container": "mkv", "video_codec": "prores"},
    {"container": "webm", "video_codec": "vp9", "audio_codec": "libopus"},
    {"container": "m2t", "video_codec": "libx264"},
]


def source(path: Path, sar: str, size: str = "66x36") -> Path:
    """Five frames; mp4 and H.264 both store the exact SAR."""
    filters = f"setsar={sar}:max=65535"
    return make_video(path, size=size, seconds=0.2, filters=filters, codec=("-c:v", "libx264"))


def shown(path: Path) -> Fraction:
    """The aspect ratio at which a player shows it."""
    video = require_video(probe(path)).video
    assert video is not None
    return video.sar * video.width / video.height


@pytest.mark.parametrize("preset_keys", OUTPUTS, ids=lambda each: f"{each['container']}-{each['video_codec']}")
@pytest.mark.parametrize("mode", ["none", "esrgan-2x"])
@pytest.mark.parametrize("sar", SHAPES)
def test_a_video_is_shown_as_wide_as_its_source(sar: str, mode: str, preset_keys: Any, tmp_path: Path) -> None:
    film = source(tmp_path / "film.mp4", sar)
    made = process(film, tmp_path / "work", ml_upscale=mode, **preset_keys)  # verified
    height = 36 * made.plan.scale
    assert abs(shown(made.result) * height - Fraction(sar) * 66 * made.plan.scale) <= 1  # pixels of what is shown


@pytest.mark.parametrize("container", ["mp4", "mkv", "mov", "m2t"])
@pytest.mark.parametrize("sar", SHAPES)
def test_a_copied_video_is_shown_as_wide_as_its_source(sar: str, container: str, tmp_path: Path) -> None:
    film = source(tmp_path / "film.mp4", sar)
    made = process(film, tmp_path / "work", processing_mode="copy", container=container)
    assert abs(shown(made.result) * 36 - Fraction(sar) * 66) <= 1


def test_mpeg_2_recognises_an_aspect_ratio_that_matroska_has_rounded(tmp_path: Path) -> None:
    film = source(tmp_path / "film.mkv", "71/66", "66x40")  # 16:9 is 71 1/9 wide
    preset_keys = {"container": "m2t", "video_codec": "mpeg2video", "audio_codec": "mp2"}
    made = process(film, tmp_path / "work", ml_upscale="esrgan-2x", **preset_keys)
    assert shown(made.result) == Fraction(16, 9)
    assert made.plan.width == 132
    assert "video.squared" not in [warning.code for warning in made.warnings]
