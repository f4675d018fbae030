"""A session for frames of any size: windows that fit the device's memory, smaller ones when they do not."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

import numpy as np

from framewatch.errors import EngineError, OutOfMemoryError
from framewatch.upscale.engine import Engine, Session
from framewatch.upscale.frames.frame import Frame, FrameShape
from framewatch.upscale.frames.tiling import Plan, Span, plan, plan_planes
from framewatch.upscale.network.network import Network

LEAST_PIXELS = 64 * 64  # of a window: below this nearly all is halo, and memory is not the trouble

Opener = Callable[[FrameShape], Session]


def open_tiled(
    engine: Engine,
    network: Network,
    device: str,
    *,
    shape: FrameShape,
    scale: int,
    concurrency: int,
    most_pixels: int | None = None,
) -> TiledSession:
    """A session of `engine` on one of its devices, for frames of any size.

    Args:
        engine: computes the windows.
        network: what they go through.
        device: one of the engine's.
        shape: of the whole frames.
        scale: 2, 3 or 4.
        concurrency: most frames that are computed at once.
        most_pixels: the largest window to begin with; None: what the engine thinks fits.

    Raises:
        EngineError: the engine does not open.
        OutOfMemoryError: it does not open even for small windows.
    """

    def opened(window: FrameShape) -> Session:
        return engine.open(network, device, window, scale, concurrency)

    most = most_pixels or engine.most_pixels(device, network, scale, concurrency)
    return TiledSession(
        opened,
        shape=shape,
        halo=network.halo(scale),
        scale=scale,
        concurrency=concurrency,
        most_pixels=most,
    )


class TiledSession(Session):
    """Cuts each frame into windows and puts their outputs together.

    When the device runs out of memory, the engine is opened anew for windows of half the size, and the frame
    repeated.

    Args:
        opener: opens the engine's session for windows of one shape.
        shape: of the whole frames.
        halo: input pixels that a window needs around what is kept of it.
        scale: of the output.
        concurrency: most frames that are computed at once.
        most_pixels: the largest window; None: no limit.

    Raises:
        EngineError, OutOfMemoryError: as the opener does, when not even the smallest window opens.
    """

    def __init__(
        self,
        opener: Opener,
        *,
        shape: FrameShape,
        halo: int,
        scale: int,
        concurrency: int,
        most_pixels: int | None,
    ) -> None:
        self._opener = opener
        self._halo = halo
        self._change = threading.Condition()
        self._users = 0
        self._inner: Session | None = None
        self._failure: OutOfMemoryError | None = None
        self._planned = plan_planes if shape.yuv else plan
        self._large = shape.upscaled(scale)
        self.plan = self._planned(shape.width, shape.height, halo, most_pixels)
        super().__init__("", shape, scale, concurrency)
        self._open()

    def _run(self, frame: Frame) -> Frame:
        while True:
            with self._windows() as (inner, cut):
                try:
                    return self._merged(frame, inner, cut)
                except OutOfMemoryError as error:
                    failure = error
            self._halve(inner, failure)

    @contextmanager
    def _windows(self) -> Iterator[tuple[Session, Plan]]:
        """The session and plan in force; they stay so while the block runs."""
        with self._change:
            if self._inner is None:
                raise self._failure or EngineError(f"the {self.name} session is closed", code="engine.closed")
            inner, cut = self._inner, self.plan
            self._users += 1
        try:
            yield inner, cut
        finally:
            with self._change:
                self._users -= 1
                self._change.notify_all()

    def _merged(self, frame: Frame, inner: Session, cut: Plan) -> Frame:
        if len(cut.columns) == len(cut.rows) == 1:
            return inner.run(frame)
        merged = np.empty(self._large.array, self._large.dtype)
        targets = self._large.parts(merged)
        for row in cut.rows:
            for column in cut.columns:
                upscaled = inner.run(self._window(frame, cut, row, column))
                self._count()
                large = inner.shape.upscaled(self.scale)
                for target, source in zip(targets, large.parts(upscaled), strict=True):
                    self._keep(target, source, row, column)
        return merged

    def _window(self, frame: Frame, cut: Plan, row: Span, column: Span) -> Frame:
        """One window of a frame, contiguous."""
        window = np.empty(self._window_shape(cut).array, frame.dtype)
        for target, source in zip(self._window_shape(cut).parts(window), self.shape.parts(frame), strict=True):
            # The planes of chroma are smaller, and all is even where there are some.
            top, left = (start * target.shape[0] // cut.height for start in (row.start, column.start))
            target[:] = source[top : top + target.shape[0], left : left + target.shape[1]]
        return window

    def _keep(self, target: Frame, source: Frame, row: Span, column: Span) -> None:
        """Put what is kept of a window's plane, or RGB, into that of the whole."""
        rows, from_rows = _kept(row, target.shape[0], self.shape.height)
        columns, from_columns = _kept(column, target.shape[1], self.shape.width)
        target[rows, columns] = source[from_rows, from_columns]

    def _window_shape(self, cut: Plan) -> FrameShape:
        return replace(self.shape, width=cut.width, height=cut.height)

    def _halve(self, failed: Session, error: OutOfMemoryError) -> None:
        """Close the session that failed and open a smaller one, once, however many frames it failed for."""
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
        """Open the engine for the plan's windows, or for smaller ones."""
        while self._inner is None:
            try:
                self._inner = self._opener(self._window_shape(self.plan))
            except OutOfMemoryError as error:
                self._shrink(error)
        self.name = self._inner.name

    def _shrink(self, error: OutOfMemoryError) -> None:
        """Plan windows of half the size.

        Raises:
            OutOfMemoryError: `error`, where they would be too small, or the frame is so narrow that no cut
                makes them smaller.
        """
        now = self.plan.width * self.plan.height
        cut = self._planned(self.shape.width, self.shape.height, self._halo, now // 2)
        if now // 2 < LEAST_PIXELS or cut.width * cut.height >= now:
            self._failure = error
            raise error
        self.plan = cut

    def _release(self) -> None:
        with self._change:
            inner, self._inner = self._inner, None
        if inner is not None:
            inner.close()


def _kept(span: Span, length: int, pixels: int) -> tuple[slice, slice]:
    """Where it goes along an axis, and where it lies in the window, if `pixels` of the frame are `length` here."""
    start, first, end = (place * length // pixels for place in (span.start, span.keep_from, span.keep_to))
    return slice(first, end), slice(first - start, end - start)
