"""Each stage of a render alone: decoding, upscaling with its sentinel, and encoders side by side."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable

from framewatch.bench.encoder_speed import encoding_fps
from framewatch.bench.frames import best_fps, decoder, first_frames, to_and_fro
from framewatch.bench.tasks import StagesReport, StagesTask
from framewatch.render.tasks import RenderTask
from framewatch.render.warm_engine import WarmEngine
from framewatch.upscale.frames.frame import Frame, FrameShape

Say = Callable[[str, float], None]


def measure(task: StagesTask, say: Say) -> StagesReport:
    """Measure them one after another.

    Raises:
        FramewatchError: one of them does not work.
    """
    render = task.render
    say("upscaling alone", 0.0)
    upscaled, engine, shape, frames = _upscaling(render, task.seconds)
    say("decoding alone", 0.4)
    decoded = decoding_fps(render, shape)
    encoded = {}
    for place, (lanes, piece) in enumerate(task.pieces.items()):
        say(f"encoding alone, {lanes} at once", 0.5 + 0.5 * place / len(task.pieces))
        command = piece.command(yuv=shape.yuv is not None)
        encoded[lanes] = encoding_fps(command, frames, lanes, task.folder, task.seconds)
    return StagesReport(decode_fps=decoded, upscale_fps=upscaled, engine=engine, encode_fps=encoded)


def decoding_fps(render: RenderTask, shape: FrameShape) -> float:
    """Output frames a second of decoding the whole source into what the engine takes."""
    begun = time.perf_counter()
    deque(decoder(render, shape), maxlen=0)
    return render.timeline.frames / (time.perf_counter() - begun)


def _upscaling(render: RenderTask, seconds: float) -> tuple[float, str, FrameShape, list[Frame]]:
    """Frames a second, the engine, what it takes, and upscaled frames."""
    warm = WarmEngine(lambda _: None)
    try:
        session = warm.session(render)
        frames = first_frames(render, session.shape)
        upscaled = list(session.upscale(frames))
        return best_fps(session, to_and_fro(frames), seconds), session.name, session.shape, upscaled
    finally:
        warm.close()
