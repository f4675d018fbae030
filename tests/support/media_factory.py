"""Makes small real media with the ffmpeg program."""

from __future__ import annotations

import itertools
import subprocess
from collections.abc import Sequence
from pathlib import Path

import imageio_ffmpeg
import numpy as np
from numpy.typing import NDArray

Planes = list[NDArray[np.int64]]

# Red and blue luma weights (ITU-R BT.601, BT.709, BT.2020).
WEIGHTS = {"smpte170m": (0.299, 0.114), "bt709": (0.2126, 0.0722), "bt2020nc": (0.2627, 0.0593)}
LOSSLESS = {
    "libx264": ("-c:v", "libx264", "-preset", "ultrafast", "-qp", "0"),
    "libx265": ("-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "lossless=1:log-level=none"),
}


def ffmpeg(*args: str | Path, stdin: bytes | None = None) -> bytes:
    """Run ffmpeg and return its stdout; on failure, show its stderr."""
    program = imageio_ffmpeg.get_ffmpeg_exe()
    command = [program, "-hide_banner", "-loglevel", "error", "-y", *map(str, args)]
    done = subprocess.run(command, input=stdin, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode(errors="replace")
    return done.stdout


def make_video(
    path: Path,
    *,
    size: str = "64x48",
    rate: str = "25",
    seconds: float = 1,
    source: str = "testsrc2",
    filters: str = "",
    codec: Sequence[str] = ("-c:v", "libx264", "-preset", "ultrafast"),
    audio: bool = False,
    output: Sequence[str | Path] = (),
) -> Path:
    """Make a moving test pattern, optionally with a tone; `output` are further options before the output's name."""
    join = ":" if "=" in source else "="
    pattern = f"{source}{join}size={size}:rate={rate}:duration={seconds}"
    inputs: list[str] = ["-f", "lavfi", "-i", pattern]
    if audio:
        inputs += ["-f", "lavfi", "-i", f"sine=frequency=440:duration={seconds}"]
    chain = ["-vf", filters] if filters else []
    ffmpeg(*inputs, *chain, "-pix_fmt", "yuv420p", *codec, *output, f"file:{path}")
    return path


def remux(source: Path, target: Path, *output: str, before: Sequence[str] = ()) -> Path:
    """Copy the packets of a file into another container."""
    ffmpeg(*before, "-i", f"file:{source}", "-c", "copy", *output, f"file:{target}")
    return target


def bar_codes(matrix: str, depth: int, full: bool, *, width: int = 128, height: int = 96, bar: int = 16) -> Planes:
    """Return Y, Cb and Cr of colour bars in 4:4:4: primaries at three levels, a grey ramp, and odd colours."""
    strong = [colour for level in (1.0, 0.75, 0.4) for colour in itertools.product((0, level), repeat=3)]
    grey = [(level,) * 3 for level in np.linspace(0, 1, 12)]
    colours = itertools.cycle([*strong, *grey, (0.2, 0.5, 0.7), (0.9, 0.3, 0.5), (0.33, 0.1, 0.22)])
    planes = [np.zeros((height, width), np.int64) for _ in range(3)]
    for top, left in itertools.product(range(0, height, bar), range(0, width, bar)):
        for plane, code in zip(planes, _codes(next(colours), matrix, depth, full), strict=True):
            plane[top : top + bar, left : left + bar] = code
    return planes


def _codes(rgb: Sequence[float], matrix: str, depth: int, full: bool) -> list[int]:
    """Quantise a colour as in ITU-R BT.709 section 3 and BT.2100 table 9."""
    red, green, blue = rgb
    kr, kb = WEIGHTS[matrix]
    luma = kr * red + (1 - kr - kb) * green + kb * blue
    chroma = [(blue - luma) / (2 - 2 * kb), (red - luma) / (2 - 2 * kr)]
    top, half, step = (1 << depth) - 1, 1 << (depth - 1), 1 << (depth - 8)
    if full:
        exact = [luma * top, *(each * top + half for each in chroma)]
    else:
        exact = [(16 + 219 * luma) * step, *((128 + 224 * each) * step for each in chroma)]
    return [min(top, max(0, round(each))) for each in exact]


def subsampled(planes: Planes, pixel_format: str) -> Planes:
    """Subsample planes for `pixel_format`. The edges of the bars are on even pixels."""
    across = 1 if "444" in pixel_format else 2
    down = 2 if "420" in pixel_format else 1
    return [planes[0], *(plane[::down, ::across] for plane in planes[1:])]


def write_planes(
    path: Path, planes: Planes, pixel_format: str, *, encoder: str, tags: Sequence[str], frames: int = 2
) -> Path:
    """Make a lossless video that repeats the same planes."""
    height, width = planes[0].shape
    kind = np.uint8 if "10" not in pixel_format else np.dtype("<u2")
    raw = b"".join(plane.astype(kind).tobytes() for plane in subsampled(planes, pixel_format)) * frames
    shape = ["-f", "rawvideo", "-pixel_format", pixel_format, "-video_size", f"{width}x{height}"]
    ffmpeg(*shape, "-framerate", "25", "-i", "-", *LOSSLESS[encoder], *tags, f"file:{path}", stdin=raw)
    return path


def read_planes(path: Path, pixel_format: str, width: int, height: int) -> Planes:
    """Read the planes of the first frame, decoded by the ffmpeg program without any conversion."""
    raw = ffmpeg("-i", f"file:{path}", "-frames:v", "1", "-f", "rawvideo", "-pix_fmt", pixel_format, "-")
    kind = np.uint8 if "10" not in pixel_format else np.dtype("<u2")
    codes = np.frombuffer(raw, kind).astype(np.int64)
    across = 1 if "444" in pixel_format else 2
    down = 2 if "420" in pixel_format else 1
    shapes = [(height, width), *[(height // down, width // across)] * 2]
    ends = np.cumsum([rows * columns for rows, columns in shapes])
    parts = np.split(codes, ends[:-1])
    return [part.reshape(shape) for part, shape in zip(parts, shapes, strict=True)]
