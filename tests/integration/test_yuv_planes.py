"""A video through the engine as YUV planes has the frames, times and tags of one that goes as RGB."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from fake_engines import PlanesEngine
from framewatch.render.task_handlers import RenderHandlers
from framewatch.upscale.identity import IdentityEngine
from full_run import frame_times, process
from media_factory import ffmpeg

LOSSLESS: dict[str, Any] = {"ml_upscale": "esrgan-2x", "crf": 0, "container": "mkv"}


def source(folder: Path, *coded: str) -> Path:
    path = folder / "source.mkv"
    ffmpeg(
        "-f", "lavfi", "-i", "testsrc2=size=96x64:rate=25:duration=2", "-c:v", "libx264", "-crf", "10", *coded, path
    )
    return path


def planes_engine(monkeypatch: pytest.MonkeyPatch) -> PlanesEngine:
    """Gives workers an engine that takes planes, and no other."""
    engine = PlanesEngine(IdentityEngine())
    only = partial(RenderHandlers, engines={"identity": engine})
    monkeypatch.setattr("full_run.RenderHandlers", only)
    return engine


def facts(path: Path) -> dict[str, Any]:
    with av.open(str(path)) as container:
        context = container.streams.video[0].codec_context
        names = "pix_fmt", "color_range", "colorspace", "color_primaries", "color_trc", "width", "height"
        return {name: getattr(context, name) for name in names}


def planes(path: Path) -> list[np.ndarray[Any, Any]]:
    with av.open(str(path)) as container:
        return [frame.to_ndarray() for frame in container.decode(video=0)]


BT709 = ("-vf", "scale=out_color_matrix=bt709:out_range=tv,format=yuv420p", "-colorspace", "bt709")
TEN = ("-vf", "scale=out_color_matrix=bt709:out_range=tv,format=yuv420p10le", "-colorspace", "bt709")
FULL_DEEP = ("-vf", "scale=out_range=pc,format=yuv420p10le", "-color_range", "pc")
FULL = ("-vf", "scale=out_range=pc,format=yuv420p", "-color_range", "pc")
UNEVEN = ("-vf", "select='not(eq(mod(n,5),3))',format=yuv420p", "-fps_mode", "vfr")


@pytest.mark.parametrize(
    ("coded", "preset_keys"),
    [
        (BT709, {}),
        (BT709, {"pixel_format": "yuv420p10le", "video_codec": "libx265", "crf": 1}),
        (TEN, {}),
        (TEN, {"pixel_format": "yuv420p"}),
        (FULL_DEEP, {}),
        (("-vf", "format=yuv420p"), {"denoise": 2.0}),
        (("-vf", "format=yuv420p"), {"output_width": 160}),
        (BT709, {"deinterlace": "on"}),
        (UNEVEN, {"frame_timing": "preserve"}),
        ((*UNEVEN[:1], "select='not(eq(mod(n,5),3))',format=yuv420p10le", *UNEVEN[2:]), {"frame_timing": "preserve"}),
    ],
    ids=str,
)
def test_rendering_with_planes_shows_the_same_as_rendering_with_rgb(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, coded: tuple[str, ...], preset_keys: dict[str, Any]
) -> None:
    clip = source(tmp_path, *coded)
    by_rgb = process(clip, tmp_path / "rgb", **(LOSSLESS | preset_keys)).result
    engine = planes_engine(monkeypatch)
    by_planes = process(clip, tmp_path / "planes", segment_seconds=0.8, **(LOSSLESS | preset_keys)).result
    assert [shape.yuv is not None for shape in engine.shapes] == [True]
    assert facts(by_planes) == facts(by_rgb)
    assert frame_times(by_planes) == frame_times(by_rgb)
    off = [np.abs(one.astype(int) - other) for one, other in zip(planes(by_planes), planes(by_rgb), strict=True)]
    # One code from rounding twice; RGB of 8 bits is coarse where the depth rises; a lossy encoder adds some.
    coarse = 8 if "pixel_format" in preset_keys else 4 if "10" in facts(by_rgb)["pix_fmt"] else 1
    assert max(float(each.mean()) for each in off) <= 0.25 * coarse
    assert max(int(np.percentile(each, 99.9)) for each in off) <= 2 * coarse


@pytest.mark.parametrize(
    ("coded", "preset_keys"),
    [
        (("-vf", "format=yuv444p"), {}),
        (("-vf", "format=yuv420p"), {"rotation": "90"}),
        (("-vf", "format=yuv420p"), {"flip_horizontal": True}),
        (("-vf", "format=yuv420p"), {"pixel_format": "yuv444p"}),
        (FULL, {"video_codec": "mpeg2video", "container": "m2t", "crf": 4}),
    ],
    ids=str,
)
def test_video_that_planes_cannot_represent_goes_as_rgb(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, coded: tuple[str, ...], preset_keys: dict[str, Any]
) -> None:
    engine = planes_engine(monkeypatch)
    process(source(tmp_path, *coded), tmp_path / "work", **(LOSSLESS | preset_keys))
    assert [shape.yuv for shape in engine.shapes] == [None]


def test_without_the_guessed_hardware_the_cpu_decodes_with_a_warning(tmp_path: Path) -> None:
    """Machines that run the tests have no such hardware; `hw_decode` with a software encoder names none."""
    made = process(source(tmp_path, *BT709), tmp_path / "work", **(LOSSLESS | {"hw_decode": True}))
    assert made.frames == 50
    assert "decode.no_hardware" in [warning.code for warning in made.warnings]
