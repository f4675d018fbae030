"""Each stage of a render alone: decoding, upscaling with the output check, and encoders in parallel."""

from __future__ import annotations

import time
from collections.abc import Callable

from framewatch.bench.encoder_speed import encoding_fps
from framewatch.bench.frames import back_and_forth, best_fps, decoder, first_frames
from framewatch.bench.tasks import StagesReport, StagesTask
from framewatch.render.tasks import RenderTask
from framewatch.render.warm_engine import WarmEngine
from framewatch.upscale.frames.frame import Frame, FrameShape

ReportStep = Callable[[str, float], None]  # what is measured, and how much of the task is done, 0 to 1

_UPSCALE_SHARE, _DECODE_SHARE, _ENCODE_SHARE = 0.4, 0.1, 0.5  # of the time


def measure(task: StagesTask, report_step: ReportStep) -> StagesReport:
    """Measure them one after another.

    Raises:
        FramewatchError: one of them does not work.
    """
    render = task.render
    report_step("upscaling", 0.0)
    upscaled_fps, engine, shape, frames = _upscaling(render, task.seconds * _UPSCALE_SHARE)
    report_step("decoding", 0.4)
    decoded_fps = _decoding(render, shape, task.seconds * _DECODE_SHARE)
    encoded = {}
    seconds = task.seconds * _ENCODE_SHARE / len(task.segments)
    for place, (lanes, segment) in enumerate(task.segments.items()):
        report_step(
            "encoding" if lanes == 1 else f"encoding, {lanes} at once", 0.5 + 0.5 * place / len(task.segments)
        )
        command = segment.command(yuv=shape.yuv is not None)
        encoded[lanes] = encoding_fps(command, frames, lanes, task.folder, seconds)
    return StagesReport(decode_fps=decoded_fps, upscale_fps=upscaled_fps, engine=engine, encode_fps=encoded)


def _decoding(render: RenderTask, shape: FrameShape, seconds: float) -> float:
    """Return the output frames a second of decoding the source into what the engine takes."""
    started = time.perf_counter()
    count = 0
    for frame in decoder(render, shape):
        count += frame.repeat
        if time.perf_counter() - started > seconds:
            break
    return count / (time.perf_counter() - started)


def _upscaling(render: RenderTask, seconds: float) -> tuple[float, str, FrameShape, list[Frame]]:
    """Return frames a second, the engine, the shape it takes, and some upscaled frames for the encoders."""
    warm = WarmEngine(lambda _: None)
    try:
        session = warm.session(render)
        frames = first_frames(render, session.shape)
        upscaled: list[Frame] = []
        fps = best_fps(session, back_and_forth(frames), seconds, upscaled)
        return fps, session.name, session.shape, upscaled
    finally:
        warm.close()
