"""A session for frames of any size: tiles that fit the device's memory, smaller ones when they do not."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import numpy as np

from framewatch.errors import EngineError, OutOfMemoryError
from framewatch.upscale.engine import Engine, Session, SessionRequest
from framewatch.upscale.frames.frame import Frame, FrameShape
from framewatch.upscale.frames.tiling import Span, Tiling, plan_tiles, plan_yuv_tiles

_MIN_PIXELS = 64 * 64  # of a tile: below this nearly all is halo, and memory is not the problem


class TiledSession(Session):
    """Cuts each frame into tiles, upscales them in an engine's session and joins the results.

    When the device runs out of memory, the engine is opened again for tiles of half the size, and the frame is
    repeated.

    Args:
        engine: computes the tiles.
        device: the id of one of the engine's devices.
        request: for the whole frames.
        max_tile_pixels: the largest tile at first; None: what the engine thinks fits.

    Raises:
        EngineError: the engine does not open.
        OutOfMemoryError: it does not open even for the smallest tile.
    """

    def __init__(
        self, engine: Engine, device: str, request: SessionRequest, max_tile_pixels: int | None = None
    ) -> None:
        shape = request.shape
        super().__init__(engine.name, shape, request.scale, request.concurrency)
        self._engine = engine
        self._device = device
        self._request = request
        self._output_shape = shape.upscaled(request.scale)
        # `_change` guards what follows: it is replaced as a whole while no frame is being computed.
        self._change = threading.Condition()
        self._users = 0
        self._inner: Session | None = None
        self._failure: OutOfMemoryError | None = None
        if max_tile_pixels is None:
            max_tile_pixels = engine.max_tile_pixels(device, request)
        self.tiling = self._plan(max_tile_pixels)
        self._open()

    def _plan(self, max_pixels: int | None) -> Tiling:
        plan = plan_yuv_tiles if self.shape.yuv else plan_tiles
        return plan(self.shape.width, self.shape.height, self._request.network.halo(self.scale), max_pixels)

    def _run(self, frame: Frame) -> Frame:
        while True:
            with self._in_use() as (inner, tiling):
                try:
                    return self._upscaled(frame, inner, tiling)
                except OutOfMemoryError as error:
                    failure = error
            self._halve(inner, failure)

    @contextmanager
    def _in_use(self) -> Iterator[tuple[Session, Tiling]]:
        """Give the current session and tiling; neither is replaced while the block runs."""
        with self._change:
            if self._inner is None:
                raise self._failure or EngineError(f"the {self.name} session is closed", code="engine.closed")
            inner, tiling = self._inner, self.tiling
            self._users += 1
        try:
            yield inner, tiling
        finally:
            with self._change:
                self._users -= 1
                self._change.notify_all()

    def _upscaled(self, frame: Frame, inner: Session, tiling: Tiling) -> Frame:
        if tiling.count == 1:
            return inner.run(frame)
        output = np.empty(self._output_shape.array, self._output_shape.dtype)
        targets = self._output_shape.parts(output)
        tile_shape = inner.shape.upscaled(self.scale)
        for row in tiling.rows:
            for column in tiling.columns:
                upscaled = inner.run(self._tile(frame, tiling, row, column))
                self._count()
                for target, source in zip(targets, tile_shape.parts(upscaled), strict=True):
                    self._paste(target, source, row, column)
        return output

    def _tile(self, frame: Frame, tiling: Tiling, row: Span, column: Span) -> Frame:
        """Return a contiguous copy of one tile of a frame."""
        shape = self._tile_shape(tiling)
        tile = np.empty(shape.array, frame.dtype)
        for target, source in zip(shape.parts(tile), self.shape.parts(frame), strict=True):
            # Chroma planes have half the size; the tiles of planes begin at even positions.
            top, left = (start * target.shape[0] // tiling.height for start in (row.start, column.start))
            target[:] = source[top : top + target.shape[0], left : left + target.shape[1]]
        return tile

    def _paste(self, target: Frame, source: Frame, row: Span, column: Span) -> None:
        """Copy what is kept of a tile's plane, or of its RGB, into that of the whole frame."""
        rows, from_rows = _kept(row, target.shape[0], self.shape.height)
        columns, from_columns = _kept(column, target.shape[1], self.shape.width)
        target[rows, columns] = source[from_rows, from_columns]

    def _tile_shape(self, tiling: Tiling) -> FrameShape:
        return replace(self.shape, width=tiling.width, height=tiling.height)

    def _halve(self, failed: Session, error: OutOfMemoryError) -> None:
        """Replace the session that failed by a smaller one, once, however many frames it failed for."""
        with self._change:
            if self._inner is not failed:
                return
            self._change.wait_for(lambda: self._users == 0)
            if self._inner is not failed:
                return
            self._inner = None
            failed.close()
            self._shrink(error)
            self._open()

    def _open(self) -> None:
        """Open the engine for the planned tiles, or for smaller ones."""
        while self._inner is None:
            try:
                self._inner = self._engine.open(
                    self._device, replace(self._request, shape=self._tile_shape(self.tiling))
                )
            except OutOfMemoryError as error:
                self._shrink(error)
        self.name = self._inner.name

    def _shrink(self, error: OutOfMemoryError) -> None:
        """Plan tiles of half the size.

        Raises:
            OutOfMemoryError: `error`, where they would be too small, or the frame is so narrow that more tiles are
                not smaller.
        """
        now = self.tiling.width * self.tiling.height
        smaller = self._plan(now // 2)
        if now // 2 < _MIN_PIXELS or smaller.width * smaller.height >= now:
            self._failure = error
            raise error
        self.tiling = smaller

    def _release(self) -> None:
        with self._change:
            inner, self._inner = self._inner, None
        if inner is not None:
            inner.close()


def _kept(span: Span, length: int, pixels: int) -> tuple[slice, slice]:
    """Return where a span lies in the output and in its tile, for an axis whose `pixels` are `length` there."""
    start, first, end = (position * length // pixels for position in (span.start, span.keep_from, span.keep_to))
    return slice(first, end), slice(first - start, end - start)
