"""Any combination of frame keys that passes the rules makes a file that passes verification."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st

from framewatch.media.preset.preset import Preset
from framewatch.media.rules.preset_rules import check_preset
from full_run import process
from media_factory import make_video

SIDE = st.sampled_from([None, -1, 2, 31, 50, 97])
FRAME_KEYS = st.fixed_dictionaries(
    {"container": st.sampled_from(["mp4", "mkv", "mov", "m2t"])},
    optional={
        "ml_upscale": st.sampled_from(["none", "esrgan-2x", "esrgan-3x"]),
        "video_codec": st.sampled_from(["libx264", "libx265", "mpeg2video", "prores"]),
        "resolution": st.sampled_from(["original", "480p", "custom"]),
        "custom_width": SIDE,
        "custom_height": SIDE,
        "scaling_algorithm": st.sampled_from(["bicubic", "lanczos", "bilinear", "nearest"]),
        "output_height": st.sampled_from([None, 30, 31, 1000]),
        "rotation": st.sampled_from([0, 90, 180, 270]),
        "flip_horizontal": st.booleans(),
        "crop": st.builds(
            lambda x, y, width, height: {"x": x, "y": y, "width": width, "height": height},
            st.integers(0, 16), st.integers(0, 16), st.integers(20, 32), st.integers(20, 32),
        ),
        "subtitle_burn_path": st.just("s.srt"),
        "subtitle_position": st.sampled_from(["top", "middle", "bottom"]),
        "fps": st.sampled_from(["original", 10, 24, 50, "23.976"]),
        "frame_timing": st.sampled_from(["cfr", "preserve"]),
        "start_time": st.sampled_from([None, 0.07, 0.1]),
        "end_time": st.sampled_from([None, 0.25, 9]),
        "deinterlace": st.sampled_from(["off", "auto", "on"]),
        "brightness": st.sampled_from([0, -0.5, 0.3]),
        "gamma": st.sampled_from([1, 0.1, 10]),
        "saturation": st.sampled_from([1, 0, 3]),
        "hue": st.sampled_from([0, -180, 33.3]),
        "sharpen": st.sampled_from([0, 2]),
        "blur": st.sampled_from([0, 50]),
        "denoise": st.sampled_from([0, 20]),
        "deband": st.sampled_from([0, 5]),
        "vignette": st.sampled_from([0, 1]),
        "pixel_format": st.sampled_from(["auto", "yuv420p", "yuv422p", "yuv444p", "yuv420p10le"]),
    },
)  # fmt: skip
SQUARE = {"resolution": "custom", "custom_width": 31, "custom_height": 31}
PLAIN = {"preset": "ultrafast", "crf": 30}


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A third of a second of anamorphic video with sound, and a subtitle file beside it."""
    folder = tmp_path_factory.mktemp("film")
    (folder / "s.srt").write_text("1\n00:00:00,000 --> 00:00:01,000\nHello\n")
    return make_video(folder / "film.mkv", seconds=0.32, filters="setsar=16/15", audio=True)


@given(preset_keys=FRAME_KEYS)
@example(preset_keys={"container": "mkv", "ml_upscale": "esrgan-2x", "frame_timing": "preserve", "start_time": 0.07})
@example(
    preset_keys={"container": "mkv", "crop": {"width": 31, "height": 20}} | SQUARE
)  # cropped in one direction, padded in the other
@example(
    preset_keys={"container": "mov", "subtitle_burn_path": "s.srt", "rotation": 90, "video_codec": "libx265"}
)  # narrow frames, with which libx265's cutree damages its memory
@settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
def test_any_valid_combination_of_frame_keys_makes_a_verified_file(
    preset_keys: dict[str, Any], film: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    sound = {"audio_codec": "mp2" if preset_keys["container"] == "m2t" else "aac"}
    preset_keys = PLAIN | sound | preset_keys
    assume(not check_preset(Preset(**preset_keys)))
    process(film, tmp_path_factory.mktemp("any"), **preset_keys)
