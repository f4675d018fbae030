"""Puts an image together from decoded tiles of one size."""

from __future__ import annotations

from typing import Any

import numpy as np
from av.video.frame import VideoFrame
from numpy.typing import NDArray

from framewatch.media.iso_files.heif_grid import Grid
from framewatch.media.limits import require_image_size
from framewatch.media.siting import subsampling

Plane = NDArray[np.uint8]


class TiledFrame:
    """An image that is put together."""

    def __init__(self, first: VideoFrame, grid: Grid) -> None:
        """Make room for an image with tiles like the `first` one.

        Raises:
            MediaError: `media.too_large`.
        """
        require_image_size(grid.width, grid.height)
        self._grid, self._first = grid, first
        self._size = first.width, first.height
        self._bytes = 2 if max(each.bits for each in first.format.components) > 8 else 1  # of a sample
        self._frame = VideoFrame(grid.width, grid.height, first.format.name)
        self._planes = [np.zeros((each.height, each.line_size), np.uint8) for each in self._frame.planes]

    def put(self, tile: VideoFrame, number: int) -> bool:
        """Take the next tile, counted row by row; returns whether it fits."""
        (width, height), grid = self._size, self._grid
        columns, rows = subsampling(tile.format.name)
        alike = (tile.width, tile.height, tile.format.name) == (width, height, self._first.format.name)
        # No tile lies outside: decoding a picture costs what its size says.
        covers = 0 <= grid.columns * width - grid.width < width and 0 <= grid.rows * height - grid.height < height
        between_samples = (grid.columns > 1 and width % columns) or (grid.rows > 1 and height % rows)
        is_planar = len(tile.planes) == len(tile.format.components)
        if not (alike and covers and is_planar) or between_samples:
            return False
        row, column = divmod(number, grid.columns)
        for plane, whole, target in zip(tile.planes, self._frame.planes, self._planes, strict=True):
            left, top = column * plane.width, row * plane.height
            right, bottom = min(left + plane.width, whole.width), min(top + plane.height, whole.height)
            kept = target[top:bottom, left * self._bytes : right * self._bytes]
            kept[:] = _rows(plane)[: kept.shape[0], : kept.shape[1]]
        return True

    def frame(self) -> VideoFrame:
        """Return the image, with the colours that the first tile states."""
        for plane, data in zip(self._frame.planes, self._planes, strict=True):
            plane.update(data.tobytes())
        made, first = self._frame, self._first
        made.colorspace, made.color_range = first.colorspace, first.color_range
        made.color_primaries, made.color_trc = first.color_primaries, first.color_trc
        made.time_base, made.pts = first.time_base, first.pts
        return made


def _rows(plane: Any) -> Plane:
    return np.frombuffer(memoryview(plane), np.uint8).reshape(plane.height, plane.line_size)
