"""Captions and dynamic metadata reach the output of the installed command, and `plan` says what becomes of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from frame_messages import (
    Attached,
    attached,
    caption,
    caption_bytes,
    hdr10plus,
    hdr_film,
    with_dolby_vision,
    with_messages,
)
from harness import framewatch

FRAMES = 10
TO_H265 = {"ml_upscale": "esrgan-2x", "container": "mp4", "video_codec": "libx265", "preset": "ultrafast"}


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("film")
    plain = hdr_film(folder / "plain.mp4", frames=FRAMES)
    return with_messages(plain, folder / "film.mp4", lambda number: [caption(number), hdr10plus(number)])


def written(folder: Path, keys: dict[str, Any]) -> Path:
    path = folder / "preset.yaml"
    path.write_text(yaml.safe_dump(keys))
    return path


def test_captions_and_dynamic_metadata_survive(film: Path, tmp_path: Path) -> None:
    output = tmp_path / "out.mp4"
    made = framewatch("upscale", film, "--preset", written(tmp_path, TO_H265), "-o", output, "--engine", "identity")
    assert made.returncode == 0, made.stderr
    assert attached(output, Attached.A53_CC) == [caption_bytes(number) for number in range(FRAMES)]
    assert attached(output, Attached.DYNAMIC_HDR_PLUS) == attached(film, Attached.DYNAMIC_HDR_PLUS)
    assert "_dropped" not in made.stdout + made.stderr


def test_what_is_lost_is_named(film: Path, tmp_path: Path) -> None:
    preset = written(tmp_path, {"ml_upscale": "none", "container": "mov", "video_codec": "prores"})
    made = framewatch("upscale", film, "--preset", preset, "-o", tmp_path / "out.mov")
    assert made.returncode == 0, made.stderr
    assert made.stderr.count("[video.captions_dropped]") == 1
    assert made.stderr.count("[video.hdr10plus_dropped]") == 1


@pytest.mark.slow
def test_colours_of_dolby_vision_5_are_refused_before_the_work(film: Path, tmp_path: Path) -> None:
    source = with_dolby_vision(hdr_film(tmp_path / "plain.mp4"), tmp_path / "film.mp4", 5, 0)
    refused = framewatch("plan", source, "--preset", written(tmp_path, TO_H265))
    assert refused.returncode == 1
    assert "Dolby Vision of profile 5" in refused.stdout + refused.stderr
