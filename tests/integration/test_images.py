"""Images through the worker: every format, upscaled or not, upright, on white where there is no alpha channel."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import av
import numpy as np
import pytest

from framewatch.errors import RuleError, VerificationError
from framewatch.jobs.attempt.context import Observer
from framewatch.jobs.attempt.pipeline import Pipeline
from framewatch.jobs.attempt.request import AttemptRequest, AttemptResult, Tools
from framewatch.jobs.attempt.verify import compare_image
from framewatch.jobs.gpu.gate import HostGate
from framewatch.media.decode.image_file import with_image_details
from framewatch.media.ffmpeg.discovery import encoders
from framewatch.media.plan.image_plan import ImagePlan
from framewatch.media.preset.preset import Preset
from framewatch.media.probe.probe import probe
from framewatch.render.worker_client import Worker
from framewatch.storage.files import named_by_user
from icc import embedded_icc, icc_profile, png_with_icc
from media_factory import ffmpeg
from media_samples import FFMPEG


@pytest.fixture(scope="module")
def worker() -> Iterator[Worker]:
    worker = Worker()
    yield worker
    worker.kill()


@pytest.fixture(scope="module")
def clear(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Colour bars, the left half of them transparent."""
    path = tmp_path_factory.mktemp("pictures") / "clear.png"
    half = "geq=r='r(X,Y)':g='g(X,Y)':b='b(X,Y)':a='if(gt(X,31),255,0)'"
    ffmpeg("-f", "lavfi", "-i", "smptebars=size=64x48", "-frames:v", "1", "-vf", f"format=rgba,{half}", path)
    return path


def made(worker: Worker, source: Path, work: Path, **keys: Any) -> AttemptResult:
    tools = Tools(ffmpeg=FFMPEG, encoders=encoders(FFMPEG), engine="identity")
    order = AttemptRequest(
        source=named_by_user(source), preset=Preset(**keys), preset_name="test", work=Path(mkdtemp(dir=work))
    )
    result = Pipeline(worker, tools, HostGate(1), Observer(), threading.Event()).run(order)
    assert isinstance(result, AttemptResult)
    return result


def pixels(path: Path) -> np.ndarray:
    with av.open(str(path)) as container:
        return next(container.decode(video=0)).to_ndarray(format="rgba").astype(int)


@pytest.mark.parametrize(
    ("keys", "codec", "clears", "worst"),
    [
        ({"container": "jpg", "ml_upscale": "esrgan-3x", "image_quality": 95}, "mjpeg", False, 3),
        ({"container": "jpg", "image_quality": 30}, "mjpeg", False, 12),
        ({"container": "webp", "ml_upscale": "esrgan-4x"}, "webp", True, 6),
        ({"container": "webp", "image_lossless": True}, "webp", True, 0),
        ({"container": "tiff", "ml_upscale": "esrgan-2x"}, "tiff", True, 0),
        ({"container": "png", "ml_upscale": "esrgan-3x"}, "png", True, 0),
        ({"container": "bmp"}, "bmp", False, 0),
    ],
)
def test_every_image_format_can_be_written(
    keys: dict[str, Any], codec: str, clears: bool, worst: float, worker: Worker, clear: Path, tmp_path: Path
) -> None:
    result = made(worker, clear, tmp_path, **keys)
    with av.open(str(result.result)) as container:
        assert container.streams.video[0].codec_context.codec.canonical_name == codec
    scale, out, was = result.plan.scale, pixels(result.result), pixels(clear)
    assert out.shape == (48 * scale, 64 * scale, 4)
    assert (result.frames, result.engine is None) == (1, scale == 1)
    assert (out[:, : 28 * scale, 3] == (0 if clears else 255)).all()
    assert (out[:, 36 * scale :, 3] == 255).all()
    enlarged = was.repeat(scale, axis=0).repeat(scale, axis=1)[:, 36 * scale :, :3]
    assert np.abs(out[:, 36 * scale :, :3] - enlarged).mean() <= worst
    if not clears:
        assert out[: 8 * scale, : 8 * scale, :3].min() >= 240  # transparent pixels became white


def test_a_higher_jpeg_quality_makes_larger_files(worker: Worker, clear: Path, tmp_path: Path) -> None:
    sizes = []
    for quality in (20, 60, 100):
        work = tmp_path / str(quality)
        work.mkdir()
        sizes.append(made(worker, clear, work, container="jpg", image_quality=quality).result.stat().st_size)
    assert sizes == sorted(set(sizes))


@pytest.mark.parametrize("container", ["png", "jpg", "webp", "tiff"])
@pytest.mark.parametrize("scale", ["esrgan-2x", "none"])
def test_a_colour_profile_stays_with_its_image(worker: Worker, tmp_path: Path, container: str, scale: str) -> None:
    ffmpeg("-f", "lavfi", "-i", "testsrc2=size=32x24", "-frames:v", "1", tmp_path / "a.png")
    plain = made(worker, tmp_path / "a.png", tmp_path, container=container, ml_upscale=scale)
    profile = icc_profile(size=70_000)
    png_with_icc(tmp_path / "a.png", profile)
    result = made(worker, tmp_path / "a.png", tmp_path, container=container, ml_upscale=scale)
    assert embedded_icc(result.result) == profile
    assert result.warnings == ()
    assert np.array_equal(pixels(result.result), pixels(plain.result))


@pytest.mark.parametrize(
    ("container", "profile", "packed", "reason"),
    [
        ("bmp", icc_profile(), None, "it cannot be in bmp"),
        ("png", icc_profile(b"GRAY"), None, "it is for GRAY and the image is RGB"),
        ("png", icc_profile()[:-9], None, "it is damaged"),
        ("png", b"", b"no deflated data", "it is damaged"),
        ("png", bytes(5 << 20), None, "it is larger than 4 MiB"),
    ],
)
def test_a_colour_profile_that_cannot_stay_is_left_out_with_a_warning(
    worker: Worker, tmp_path: Path, container: str, profile: bytes, packed: bytes | None, reason: str
) -> None:
    ffmpeg("-f", "lavfi", "-i", "testsrc2=size=32x24", "-frames:v", "1", tmp_path / "a.png")
    png_with_icc(tmp_path / "a.png", profile, packed=packed)
    result = made(worker, tmp_path / "a.png", tmp_path, container=container)
    (warning,) = result.warnings
    assert (warning.code, warning.message.endswith(reason)) == ("image.icc_dropped", True)
    assert b"iCCP" not in result.result.read_bytes()


def test_a_rotated_photograph_becomes_upright(worker: Worker, tmp_path: Path) -> None:
    """As phones write it: unrotated pixels, and an orientation in EXIF."""
    source = tmp_path / "a.jpg"
    band = "color=red:size=64x48,drawbox=w=64:h=8:c=blue:t=fill"
    ffmpeg("-f", "lavfi", "-i", band, "-frames:v", "1", source)
    data = source.read_bytes()
    block = bytes.fromhex("4578696600004d4d002a000000080001011200030000000100060000")
    source.write_bytes(data[:2] + b"\xff\xe1" + (len(block) + 2).to_bytes(2, "big") + block + data[2:])
    out = pixels(made(worker, source, tmp_path, container="png", ml_upscale="esrgan-2x").result)
    assert out.shape == (128, 96, 4)
    assert out[64, 90, 2] > 200  # the top edge is now on the right
    assert out[64, 40, 0] > 200


def test_an_image_that_is_not_as_planned_is_found(worker: Worker, clear: Path, tmp_path: Path) -> None:
    result = made(worker, clear, tmp_path, container="png")
    assert isinstance(result.plan, ImagePlan)
    found = with_image_details(result.result, probe(result.result))
    assert compare_image(result.plan, found) == []
    wrong = {"width": 65, "bit_depth": 16, "alpha": "none"}
    codes = [each.code for each in compare_image(result.plan.evolve(**wrong), found)]
    assert codes == ["verify.size", "verify.pixel_format", "verify.alpha"]
    assert VerificationError.of(compare_image(result.plan.evolve(width=1), found)).finding.hint


def test_an_ffmpeg_without_the_encoder_is_refused_before_the_work(
    worker: Worker, clear: Path, tmp_path: Path
) -> None:
    tools = Tools(ffmpeg=FFMPEG, encoders=frozenset({"png"}), engine="identity")
    order = AttemptRequest(
        source=named_by_user(clear), preset=Preset(container="webp"), preset_name="test", work=tmp_path
    )
    with pytest.raises(RuleError) as caught:
        Pipeline(worker, tools, HostGate(1), Observer(), threading.Event()).run(order)
    assert (caught.value.finding.code, caught.value.finding.hint) == ("encoder.missing", "use container png")
