"""Real frames to measure with: those of a render, in an endless order without a cut."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

from framewatch.media.decode.decoder import DecodeOptions, Decoder, VideoSource
from framewatch.media.probe.safe_open import has_hwaccel
from framewatch.render.tasks import RenderTask
from framewatch.render.warm_engine import planes_of, rgb_of
from framewatch.upscale.engine import Session
from framewatch.upscale.frames.frame import Frame, FrameShape

_KEPT_BYTES = 1 << 30  # of upscaled frames
_KEPT_FRAMES = 24
_ROUNDS = 3


def frame_shape(task: RenderTask, *, planes: bool) -> FrameShape:
    """Return the shape of a render's frames for an engine that takes YUV planes, or for one that takes RGB."""
    taken = planes_of(task) if planes else None
    return taken or rgb_of(task)


def decoder(task: RenderTask, shape: FrameShape) -> Decoder:
    """Return a decoder of all frames of a render, in this shape, set up as the render sets up its own."""
    hwaccel = task.hwaccel or None
    if hwaccel and task.hwaccel_is_guessed and not has_hwaccel(hwaccel):
        hwaccel = None
    options = DecodeOptions(
        deinterlace=task.deinterlace,
        filters=task.filters,
        planes=task.planes.format if task.planes and shape.yuv else None,
        hwaccel=hwaccel,
        max_pixels=task.max_pixels or None,
    )
    return Decoder(VideoSource(task.source, task.video, task.timeline, task.seekable), options)


def first_frames(task: RenderTask, shape: FrameShape) -> list[Frame]:
    """Decode the first frames of a render, up to 24 and no more than fit into memory once they are upscaled."""
    most = _KEPT_BYTES // shape.upscaled(task.scale).bytes
    return [frame.pixels for frame in islice(decoder(task, shape), max(1, min(most, _KEPT_FRAMES)))]


def back_and_forth(frames: Sequence[Frame], start: int = 0) -> Iterator[Frame]:
    """Yield the frames endlessly, forwards and backwards, so that motion stays smooth and nothing stands still.

    An encoder that gets the same frame again and again skips it, and looks twice as fast as it is.
    """
    order = [*range(len(frames)), *range(len(frames) - 2, 0, -1)]
    while True:
        yield frames[order[start % len(order)]]
        start += 1


def best_fps(session: Session, frames: Iterable[Frame], seconds: float, kept: list[Frame] | None = None) -> float:
    """Measure a session for about `seconds`, and return the frames a second of the best of three rounds.

    A machine that is too slow for three rounds gets fewer, down to the first batch alone.

    Args:
        session: opened; it is warmed up first.
        frames: as many as are asked for.
        seconds: for warming up and all rounds.
        kept: takes the first upscaled frames, if it is given.
    """
    started = time.perf_counter()
    source = iter(frames)
    batch = session.concurrency
    # The first batch allocates memory and compiles. What it took says whether another one can be afforded.
    estimate = _fps(session, source, batch, kept)
    if batch / estimate < seconds / 4:
        estimate = _fps(session, source, batch, kept)
    best = 0.0
    for rounds in range(_ROUNDS, 0, -1):
        left = seconds - (time.perf_counter() - started)
        if left < batch / (best or estimate):
            break
        best = max(best, _fps(session, source, max(batch, round((best or estimate) * left / rounds)), kept))
    return best or estimate


def _fps(session: Session, source: Iterator[Frame], count: int, kept: list[Frame] | None) -> float:
    started = time.perf_counter()
    for frame in session.upscale(islice(source, count)):
        if kept is not None and len(kept) < _KEPT_FRAMES:
            kept.append(frame)
    return count / (time.perf_counter() - started)
