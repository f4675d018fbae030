"""Real frames to measure with: those of the render, in an order that goes on without a cut."""

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
    """The shape of a render's frames for an engine that takes planes of YUV, or that does not."""
    taken = planes_of(task) if planes else None
    return taken or rgb_of(task)


def decoder(task: RenderTask, shape: FrameShape) -> Decoder:
    """What decodes all frames of a render into frames of this shape, as the render does."""
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
    """So many different frames of a render that they fit into memory when they are upscaled."""
    most = _KEPT_BYTES // shape.upscaled(task.scale).bytes
    return [frame.pixels for frame in islice(decoder(task, shape), max(1, min(most, _KEPT_FRAMES)))]


def to_and_fro(frames: Sequence[Frame], start: int = 0) -> Iterator[Frame]:
    """The frames without end, forwards and backwards: what moves goes on moving, and nothing stands still.

    An encoder that is given one frame again and again skips all of it, and looks twice as fast as it is.
    """
    order = [*range(len(frames)), *range(len(frames) - 2, 0, -1)]
    while True:
        yield frames[order[start % len(order)]]
        start += 1


def best_fps(session: Session, frames: Iterable[Frame], seconds: float) -> float:
    """Frames a second of a session in the best of three rounds of about `seconds` each; it is warm by then."""
    source = iter(frames)
    estimate = 0.0
    for _ in range(2):  # the first takes memory, and compiles
        estimate = _fps(session, source, session.concurrency)
    count = max(session.concurrency, round(estimate * seconds))
    return max(_fps(session, source, count) for _ in range(_ROUNDS))


def _fps(session: Session, source: Iterator[Frame], count: int) -> float:
    begun = time.perf_counter()
    for _ in session.upscale(islice(source, count)):
        pass
    return count / (time.perf_counter() - begun)
