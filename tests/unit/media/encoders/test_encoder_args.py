"""Options of the video encoder."""

from __future__ import annotations

import pytest

from framewatch.media.encoders.encoder_args import video_args
from framewatch.media.preset.preset import Preset


@pytest.mark.parametrize("width", [2, 16, 48])
@pytest.mark.parametrize("extra", [(), ("-x265-params", "cutree=1"), ("-x265-params", "cutree=1:log-level=info")])
def test_x265_runs_without_cutree_on_frames_that_are_narrower_than_its_vectors(
    width: int, extra: tuple[str, ...]
) -> None:
    args = video_args(Preset(video_codec="libx265", extra_encoder_args=extra), "yuv420p", width)
    values = [value for name, value in zip(args[::2], args[1::2], strict=True) if name.startswith("-x265-params")]
    assert values[-1].endswith(":cutree=0")  # the last one counts


@pytest.mark.parametrize(("codec", "width"), [("libx265", 49), ("libx265", 1920), ("libx264", 16)])
def test_other_frames_and_encoders_keep_their_parameters(codec: str, width: int) -> None:
    assert not any("cutree" in arg for arg in video_args(Preset(video_codec=codec), "yuv420p", width))
