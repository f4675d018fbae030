"""A smooth spot of colour in subsampled video, and where it is found again."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

from media_factory import ffmpeg

SUBSAMPLING = {"420": (2, 2), "422": (2, 1), "411": (4, 1), "440": (1, 2), "444": (1, 1)}
SHARES = {
    "left": (0, 0.5),
    "center": (0.5, 0.5),
    "topleft": (0, 0),
    "top": (0.5, 0),
    "bottomleft": (0, 1),
    "bottom": (0.5, 1),
}
SIZE = (96, 64)
SPOT = (38.3, 29.6)  # of the spot's centre, in pixels from the frame's upper left corner
_RADIUS = 7


def positions(pixel_format: str, siting: str) -> tuple[tuple[int, int], tuple[float, float]]:
    """Return columns and rows that share a chroma sample, and where the first sample's centre is in the frame."""
    columns, rows = next(value for mark, value in SUBSAMPLING.items() if mark in pixel_format)
    across, down = SHARES[siting]
    return (columns, rows), (across * (columns - 1) + 0.5, down * (rows - 1) + 0.5)


def spot_planes(pixel_format: str, siting: str, size: tuple[int, int] = SIZE) -> bytes:
    """Return a frame of mid-grey with a spot whose chroma lies as `siting` says, as raw planes."""
    depth = 10 if "10" in pixel_format else 8
    (columns, rows), (left, top) = positions(pixel_format, siting)
    width, height = size
    x = left + columns * np.arange(-(-width // columns))
    y = top + rows * np.arange(-(-height // rows))
    spot = np.exp(-((x[None] - SPOT[0]) ** 2 + (y[:, None] - SPOT[1]) ** 2) / (2 * _RADIUS**2))
    kind, unit = ("u1", 1) if depth == 8 else ("<u2", 4)
    planes = [np.full((height, width), 120.0), 128 + 50 * spot, 128 - 40 * spot]
    return b"".join(np.rint(plane * unit).astype(kind).tobytes() for plane in planes)


def spot_source(
    path: Path, pixel_format: str, siting: str, coded: Sequence[str], *, size: tuple[int, int] = SIZE, frames: int = 3
) -> Path:
    """Write the spot as a video, or as an image where `frames` is 1; `coded` are ffmpeg's options of the output."""
    ffmpeg(
        "-f", "rawvideo", "-pixel_format", pixel_format, "-video_size", "{}x{}".format(*size), "-framerate", "25",
        "-i", "-", *coded, path, stdin=spot_planes(pixel_format, siting, size) * frames,
    )  # fmt: skip
    return path


def stated_siting(path: Path) -> str:
    """Return what libav says of a file's chroma; left where it says nothing."""
    with av.open(str(path)) as container:
        av.logging.set_level(av.logging.VERBOSE)
        av.logging.set_libav_level(av.logging.VERBOSE)
        text: str = container.dumps_format()  # type: ignore[attr-defined]
        av.logging.set_libav_level(av.logging.INFO)
        av.logging.set_level(None)
    found = re.search(r"Video: .*[(, ](left|center|topleft|top|bottomleft|bottom)\), \d+x\d+", text)
    return found[1] if found else "left"


def found_spots(path: Path, siting: str | None = None) -> list[tuple[float, float]]:
    """Return where U and V of a file's second frame (of an image, the first) have their spot, in pixels.

    `siting` replaces what the file states.
    """
    with av.open(str(path)) as container:
        frames = [frame for _, frame in zip(range(2), container.decode(video=0), strict=False)]
    frame = frames[-1]
    grid, first = positions(frame.format.name, siting or stated_siting(path))
    return [_centre(_plane(frame, number), grid, first) for number in (1, 2)]


def rgb_spot(path: Path) -> tuple[float, float]:
    """Return where an RGB image has its spot, in pixels: where blue differs from its corner."""
    with av.open(str(path)) as container:
        frame = next(container.decode(video=0))
    rgb = frame.to_ndarray(format="rgb24").astype(float)
    return _centre(rgb[..., 2] - rgb[..., 1], (1, 1), (0.5, 0.5))


def _plane(frame: av.VideoFrame, number: int) -> NDArray[Any]:
    kind = np.uint8 if frame.format.components[0].bits == 8 else np.dtype("<u2")
    plane = frame.planes[number]
    values = np.frombuffer(memoryview(plane), kind).reshape(plane.height, -1)
    return values[:, : plane.width].astype(float)


def _centre(values: NDArray[Any], grid: tuple[int, int], first: tuple[float, float]) -> tuple[float, float]:
    """Return the centre of what differs from the corner; squares keep the rounding around the spot out."""
    weights = (values - values[0, 0]) ** 2
    rows, columns = np.indices(values.shape)
    x, y = (float((axis * weights).sum() / weights.sum()) for axis in (columns, rows))
    return first[0] + grid[0] * x, first[1] + grid[1] * y
