"""Black and white of grey and deep RGB: swscale has another white for each, and takes all grey for full range."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest

from framewatch.media.ffmpeg.trial import keeps_hidden_edges
from full_run import process
from media_factory import ffmpeg
from media_samples import FFMPEG

WIDTH, HEIGHT = 64, 48
LEVELS = (0.0, 0.5, 1.0)  # of three bars
BITS = {"gray": 8, "gray10le": 10, "gray12le": 12, "gray16le": 16, "gbrp10le": 10, "gbrp16le": 16, "gbrap10le": 10}


def bars(path: Path, pixel_format: str, *, limited: bool) -> Path:
    bits = BITS[pixel_format]
    low, high = (16 << (bits - 8), 235 << (bits - 8)) if limited else (0, (1 << bits) - 1)
    row = np.repeat([round(low + level * (high - low)) for level in LEVELS], (WIDTH + 2) // 3)[:WIDTH]
    plane = np.tile(row, (HEIGHT, 1)).astype("u1" if bits == 8 else "<u2").tobytes()
    planes = {"gbrp": 3, "gbra": 4}.get(pixel_format[:4], 1)
    given = ("-f", "rawvideo", "-pix_fmt", pixel_format, "-s", f"{WIDTH}x{HEIGHT}", "-r", "25", "-i", "-")
    range_ = ("-vf", f"setparams=range={'tv' if limited else 'pc'}") if pixel_format.startswith("gray") else ()
    ffmpeg(*given, *range_, "-c:v", "ffv1", path, stdin=plane * planes * 2)
    return path


def luma(path: Path) -> list[int]:
    with av.open(str(path)) as container:
        frame = next(container.decode(video=0))
    row = frame.to_ndarray()[frame.height // 2]
    return [int(row[frame.width * part // 6]) for part in (1, 3, 5)]


@pytest.mark.parametrize("mode", ["upscaled", "reencoded"])
@pytest.mark.parametrize(
    ("pixel_format", "limited"),
    [
        ("gray", True),
        ("gray10le", True),
        ("gray12le", True),
        ("gray16le", True),
        ("gray", False),
        ("gray10le", False),
        ("gray16le", False),
        ("gbrp10le", False),
        ("gbrp16le", False),
        ("gbrap10le", False),
    ],
)
def test_black_grey_and_white_of_a_video_stay(tmp_path: Path, mode: str, pixel_format: str, limited: bool) -> None:
    source = bars(tmp_path / "bars.mkv", pixel_format, limited=limited)
    keys = (
        {"ml_upscale": "esrgan-2x"} if mode == "upscaled" else {"ml_upscale": "none", "processing_mode": "reencode"}
    )
    made = process(source, tmp_path / "work", container="mkv", video_codec="libx265", **keys)
    deep = 4 if BITS[pixel_format] > 8 else 1
    full = made.plan.colour.range == "full" and mode == "upscaled"
    expected = [0, 255 * deep / 2, 256 * deep - 1] if full else [16 * deep, 125.5 * deep, 235 * deep]
    # The white of old versions of swscale is off by 3 of 1023, to either side, for deep grey of full range.
    tolerance = 2 if keeps_hidden_edges(FFMPEG) or limited else 3
    assert luma(tmp_path / "work" / "result.mkv") == pytest.approx(expected, abs=tolerance)


@pytest.mark.parametrize("pixel_format", ["gray16be", "ya16be", "rgb48be", "rgba64be"])
@pytest.mark.parametrize("scale", ["none", "esrgan-2x"])
def test_white_of_a_picture_of_16_bits_stays_white(tmp_path: Path, pixel_format: str, scale: str) -> None:
    source = tmp_path / "white.png"
    pixel = b"\xff\xff" * {"gray16be": 1, "ya16be": 2, "rgb48be": 3, "rgba64be": 4}[pixel_format]
    given = ("-f", "rawvideo", "-pix_fmt", pixel_format, "-s", f"{WIDTH}x{HEIGHT}", "-i", "-", "-frames:v", "1")
    ffmpeg(*given, source, stdin=pixel * WIDTH * HEIGHT)
    process(source, tmp_path / "work", container="png", ml_upscale=scale, crf=None, preset=None)
    with av.open(str(tmp_path / "work" / "result.png")) as container:
        assert next(container.decode(video=0)).to_ndarray(format="rgb48le").min() == 65535
